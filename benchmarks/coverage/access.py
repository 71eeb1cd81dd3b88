"""Standard errors and intervals of the change in access, by every effect, in repeated samples of one population.

The population, the tree that is the same in every sample, and the packages are those of ``study.py``. Truth is the same
functional of very large samples: the study says how sure a figure is, not which effect is right.

    python benchmarks/coverage/access.py --samples 200 --out benchmarks/coverage/access.csv
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from study import (
    CLASS_FUEL,
    CLASS_PACKAGES,
    CLASS_TREE,
    POPULATIONS,
    Figure,
    Figures,
    draw,
    large,
    one,
    summarize,
    truth,
)

import sp2lnob as sp

EFFECTS = ("reroute", "interpolate", "logit", "refit")
PACKAGES = ("child benefit of 6", "child benefit of 20", "flat to the poor")
STRATA, PSUS, HOUSEHOLDS = 20, 10, 20


def figures(survey: sp.Survey, replicates: int, seed: int) -> Figures:
    """Return the change in access of all and of every group, for every package and effect."""
    made: Figures = {}
    for name in PACKAGES:
        result = sp.assess(
            survey,
            [CLASS_FUEL],
            CLASS_PACKAGES[name],
            by=(),
            tree=CLASS_TREE,
            effect=EFFECTS,
            refit=False,
            shapley=False,
            replicates=sp.Bootstrap(replicates, seed=seed),
            n_threads=1,
        )
        frame = result.estimates.frame().query("statistic == 'access' and scenario == 'change'")
        for effect in EFFECTS:
            of = frame[frame["param"] == ("" if effect == "reroute" else effect)]
            for row in of.to_dict("records"):
                numbers = [float(row[column]) for column in ("value", "se", "ci_low", "ci_high", "df")]
                level = ", ".join(sorted(row["level"].split(", ")))  # whatever is split first
                made[effect, name, level, "change"] = Figure(*numbers, "biased" in row["flag"])
    return made


def main() -> None:
    """Run the study, and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--large", type=int, default=8, help="very large samples that truth is the mean of")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    usual = POPULATIONS["usual"]
    small = partial(draw, usual, psus=PSUS, households=HOUSEHOLDS, strata=STRATA)
    true = truth(large(usual), figures, asked.large)
    samples = [one(seed, small, figures, PSUS, asked.replicates) for seed in range(1, asked.samples + 1)]
    table = summarize(samples, true).rename(columns={"statistic": "effect", "of": "package"})
    table.to_csv(asked.out, index=False, float_format="%.5g", lineterminator="\n")
    print(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    sys.exit(main())
