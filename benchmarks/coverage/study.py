"""Coverage of the default intervals: samples from a population whose truth is known, estimated by the library itself.

Ten strata of unequal size, m PSUs drawn in each, 15 households a PSU; log-normal welfare with PSU effects, and a
Pareto(2) tail for 2 % of households; access to an opportunity depends on area and welfare. A child benefit is paid.
Truth: the same statistics of a sample of 4,000 PSUs a stratum, from the same process. The tree has two circumstances of
two levels and finds the same four groups in every sample: what is studied is the interval of given groups, not the
choice among them, for which the groups at either end have no interval.

    python benchmarks/coverage/study.py --psus 2 5 20 --samples 400 --out benchmarks/coverage/results.csv
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import sp2lnob as sp

STRATA, HOUSEHOLDS = 10, 15
LINES = {"usual": 45.0, "low": 24.0}  # about a quarter, and about one in twenty, are poor
FUEL = sp.Opportunity("fuel", "fuel", circumstances=["bottom40", "area"])
PACKAGE = sp.Package([sp.child_benefit(sp.Amount(6, "month"))])
TREE = sp.OpportunityTree(min_obs=1, min_share=0.05, max_depth=2, cp=0)
MORE = [
    sp.Poverty(LINES["usual"], "usual", ["watts"]),
    sp.Inequality(["atkinson", "generalized_entropy"]),
    sp.Incidence(),
]


def draw(rng: np.random.Generator, psus: int, households: int = HOUSEHOLDS) -> sp.Survey:
    """Return a survey of ``psus`` PSUs a stratum; each stratum's weight stands for its share of the population."""
    stratum = np.repeat(np.arange(STRATA), psus * households)
    ea = np.repeat(np.arange(STRATA * psus), households)
    n = len(ea)
    share = np.linspace(0.5, 1.5, STRATA)
    area = stratum % 2
    effect = rng.normal(0, 0.25, STRATA * psus)[ea]
    educ = (rng.random(n) < 0.35 + 0.3 * area).astype(int)
    size = 1 + rng.poisson(3, n)
    log_welfare = 4.0 + 0.3 * area + 0.25 * educ + effect - 0.06 * (size - 4) + rng.normal(0, 0.5, n)
    tail = np.where(rng.random(n) < 0.02, (1 - rng.random(n)) ** -0.5, 1.0)
    welfare = np.exp(log_welfare) * tail
    want = -1.2 + 1.2 * area + 1.5 * (welfare > 55) + rng.normal(0, 0.4, STRATA * psus)[ea]
    fuel = (rng.random(n) < 1 / (1 + np.exp(-want))).astype(int)
    children = rng.binomial(size - 1, 0.5)
    frame = {
        "hid": np.arange(n),
        "stratum": stratum,
        "ea": ea,
        "hhweight": share[stratum] * 100 / psus,
        "area": area,
        "educ": educ,
        "welfare": welfare,
        "fuel": fuel,
    }
    home = np.repeat(np.arange(n), size)
    place = np.arange(len(home)) - np.repeat(np.cumsum(size) - size, size)
    roster = {"hid": home, "age": np.where(place < children[home], 10, 40)}
    return sp.Survey(frame, roster, welfare="welfare", psu="ea", strata="stratum")


def figures(survey: sp.Survey, replicates: int, seed: int) -> pd.DataFrame:
    """Return the tidy frame of what is studied, by statistic, of, level and scenario."""
    resampled = sp.Bootstrap(replicates, seed=seed)
    result = sp.assess(survey, [FUEL], PACKAGE, lines=LINES, by=(), tree=TREE, n_threads=1, replicates=resampled)
    more = sp.estimate(survey, MORE, {"after": result.transfers}, by=["area"], n_threads=1, replicates=resampled)
    frame = pd.concat([result.estimates.frame(), more.frame()])
    frame = frame[~frame["statistic"].isin(["d_index", "gap", "furthest_behind", "furthest_ahead"])].copy()
    # A group is the same group whichever circumstance was split first.
    frame["level"] = [", ".join(sorted(label.split(", "))) for label in frame["level"]]
    frame["of"] = [f"{of} {param}".strip() for of, param in zip(frame["of"], frame["param"], strict=True)]
    return frame.set_index(["statistic", "of", "level", "scenario"])


def one(seed: int, psus: int, replicates: int) -> pd.DataFrame:
    """Return the figures of one sample."""
    frame = figures(draw(np.random.default_rng([psus, seed]), psus), replicates, seed)
    frame = frame[~frame["flag"].str.contains("biased")]  # the groups at either end: they may differ between samples
    return frame[["value", "se", "ci_low", "ci_high", "df"]].assign(seed=seed)


def summarize(frames: list[pd.DataFrame], truth: pd.Series, psus: int) -> pd.DataFrame:
    """Return bias, standard error over spread, and coverage of every figure."""
    rows = []
    for key, frame in pd.concat(frames).groupby(level=[0, 1, 2, 3], sort=False):
        true, has = truth[key], frame["ci_low"].notna()
        if has.sum() < 2:  # a group that money does not move has no interval of its change
            continue
        covered = (frame["ci_low"] <= true) & (true <= frame["ci_high"])
        rows.append(
            {
                "psus_a_stratum": psus,
                "statistic": key[0],
                "of": key[1],
                "level": key[2],
                "scenario": key[3],
                "truth": true,
                "bias_in_sd": (frame["value"].mean() - true) / frame["value"].std(),
                "se_over_sd": np.sqrt((frame["se"] ** 2).mean()) / frame["value"].std(),
                "coverage": covered[has].mean(),
                "truth_above": (frame["ci_high"] < true)[has].mean(),
                "median_df": frame["df"].median(),
                "samples": int(has.sum()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--psus", type=int, nargs="+", default=[2, 5, 20])
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    truth = figures(draw(np.random.default_rng(0), 4000), 2, 1)["value"]
    tables = []
    with ProcessPoolExecutor() as pool:
        for psus in asked.psus:
            run = partial(one, psus=psus, replicates=asked.replicates)
            frames = list(pool.map(run, range(1, asked.samples + 1), chunksize=8))
            tables.append(summarize(frames, truth, psus))
            print(tables[-1].to_string(index=False, float_format="{:.3f}".format), flush=True)
    pd.concat(tables).to_csv(asked.out, index=False, float_format="%.5g", lineterminator="\n")


if __name__ == "__main__":
    sys.exit(main())
