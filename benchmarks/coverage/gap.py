"""Coverage of what is told of the groups furthest behind and furthest ahead, and of the gap between them.

Twenty strata of unequal size, m PSUs drawn in each, 20 households a PSU; six circumstances of 288 combinations, which
lie together in PSUs; access depends on them not at all (null), a little (weak) or much (strong), and on the PSU. The
tree is the default one. Truth is the true rate of the very groups that a sample's tree prints, worked out from the
population: it differs from sample to sample.

as found         rates of the sample, with t intervals that the library does not offer: they are too short, and biased
cross-validated  what ``assess`` tells beside them
half sample      ``assess(honest="split")``, whose groups are its own

    python benchmarks/coverage/gap.py --samples 400 --out benchmarks/coverage/gap.csv
"""

import argparse
import sys
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom, t

import sp2lnob as sp

Array = npt.NDArray[np.float64]

STRATA, HOUSEHOLDS = 20, 20
LEVELS = {"area": 2, "educ": 3, "sex": 2, "age": 3, "size": 2, "ethn": 4}
EFFECTS = {"area": 1.0, "educ": 0.7, "sex": 0.3, "age": 0.2, "size": -0.3, "ethn": -0.25}  # on the logit, a level
REGIMES = {"null": 0.0, "weak": 0.25, "strong": 1.3}  # times these effects
OF_PSU = 0.5  # spread of the PSUs' effect on the logit
ENDS = ("furthest_behind", "furthest_ahead", "gap")
ESTIMATORS = ("as found", "cross-validated", "half sample")
ACCEPTED = (0.91, 0.99)
OPPORTUNITY = sp.Opportunity("o", "access", circumstances=list(LEVELS))


class Told(NamedTuple):
    """One figure of one sample, and the truth of the groups that it is of."""

    value: float
    se: float
    low: float
    high: float
    truth: float


def population(regime: str) -> tuple[pd.DataFrame, Array, Array]:
    """Return every combination of circumstances, its share of the population, and its true rate."""
    combinations = pd.DataFrame(list(product(*(range(size) for size in LEVELS.values()))), columns=list(LEVELS))
    logit = linear(combinations, regime)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    rate = 1 / (1 + np.exp(-logit[:, None] - OF_PSU * nodes)) @ (weights / weights.sum())
    share = np.zeros(len(combinations))
    for area, of_strata in enumerate((strata_shares()[::2].sum(), strata_shares()[1::2].sum())):
        here = (combinations["area"] == area).to_numpy()
        of_all = np.ones(here.sum())
        for name in ("educ", "sex", "age", "size", "ethn"):
            of_all *= chances(name, area)[combinations.loc[here, name]]
        share[here] = of_strata * of_all
    return combinations, share / share.sum(), rate


def strata_shares() -> Array:
    """Return what share of the population each stratum is, up to a factor."""
    return np.linspace(0.5, 1.5, STRATA)


def chances(name: str, area: int) -> Array:
    """Return how the levels of a circumstance are distributed: higher ones are commoner in the second area."""
    made = 1.0 + (0.5 * np.arange(LEVELS[name]) if area else 0.5 * np.arange(LEVELS[name])[::-1])
    return made / made.sum()


def linear(frame: Any, regime: str) -> Array:
    """Return what circumstances add up to on the logit."""
    middle = {name: (size - 1) / 2 for name, size in LEVELS.items()}
    return REGIMES[regime] * sum(
        effect * (np.asarray(frame[name]) - middle[name]) for name, effect in EFFECTS.items()
    ) + np.zeros(len(frame["area"]))


def draw(regime: str, psus: int, seed: int) -> sp.Survey:
    """Return a sample. Half of a PSU's households have the PSU's own level of ethn: circumstances lie together."""
    rng = np.random.default_rng([list(REGIMES).index(regime), psus, seed])
    n, clusters = STRATA * psus * HOUSEHOLDS, STRATA * psus
    ea = np.arange(n) // HOUSEHOLDS
    stratum = ea // psus
    frame = {"area": stratum % 2}
    for name in ("educ", "sex", "age", "size", "ethn"):
        levels = np.array([np.cumsum(chances(name, area)) for area in (0, 1)])
        alone, common = rng.random(n), rng.random(clusters)[ea]
        u = np.where(rng.random(n) < 0.5, alone, common) if name == "ethn" else alone
        frame[name] = (u[:, None] > levels[frame["area"]][:, :-1]).sum(axis=1)
    want = linear(frame, regime) + rng.normal(0, OF_PSU, clusters)[ea]
    access = (rng.random(n) < 1 / (1 + np.exp(-want))).astype(int)
    weight = strata_shares()[stratum] / psus
    data = {"hid": np.arange(n), "ea": ea, "stratum": stratum, "hhweight": weight, "one": np.ones(n), "access": access}
    return sp.Survey(frame | data, size="one", psu="ea", strata="stratum")


def one(regime: str, psus: int, seed: int, replicates: int) -> dict[tuple[str, str], Told]:
    """Return the figures of one sample."""
    survey, (combinations, share, rate) = draw(regime, psus, seed), population(regime)
    told = {}
    for honest in ("cv", "split"):
        result = sp.assess(
            survey,
            [OPPORTUNITY],
            by=(),
            replicates=sp.Bootstrap(replicates, seed=seed),
            honest=honest,
            refit=False,
            shapley=False,
            welfare=False,
            n_threads=1,
        )
        tree, estimates = result.trees["o"], result.estimates
        group = tree.apply(combinations)
        true = np.bincount(group, share * rate) / np.bincount(group, share)
        behind, ahead = (true[tree.groups_[name].to_numpy().argmax()] for name in ENDS[:2])
        truth = dict(zip(ENDS, (behind, ahead, ahead - behind), strict=True))
        for i, row in enumerate(estimates.rows):
            if row.statistic not in ENDS:
                continue
            value, se, df = (float(a[i]) for a in (estimates.value, estimates.se, estimates.df))
            low, high = float(estimates.ci_low[i]), float(estimates.ci_high[i])
            name = "half sample" if honest == "split" else row.param or "as found"
            if name == "as found" and df > 0:
                low, high = value - t.ppf(0.975, df) * se, value + t.ppf(0.975, df) * se
            told[row.statistic, name] = Told(value, se, low, high, truth[row.statistic])
    return told


def verdict(coverage: float, intervals: int, alpha: float = 0.01) -> str:
    """Return "short" or "wide" where coverage is beyond 91 to 99 % by more than chance, else "held"."""
    held = round(coverage * intervals)
    if binom.cdf(held, intervals, ACCEPTED[0]) < alpha:
        return "short"
    return "wide" if binom.sf(held - 1, intervals, ACCEPTED[1]) < alpha else "held"


def summarize(samples: Iterable[dict[tuple[str, str], Told]]) -> pd.DataFrame:
    """Return bias and coverage of every figure and estimator."""
    samples = list(samples)
    rows = []
    for statistic, name in product(ENDS, ESTIMATORS):
        value, se, low, high, truth = np.array([sample[statistic, name] for sample in samples]).T
        has = np.isfinite(low) & np.isfinite(high)
        assert has.any(), (statistic, name)
        above, below = high[has] < truth[has], low[has] > truth[has]
        coverage = 1 - (above | below).mean()
        rows.append(
            {
                "statistic": statistic,
                "estimator": name,
                "truth": truth.mean(),
                "value": value.mean(),
                "error_sd": (value - truth).std(ddof=1),
                "se": np.sqrt((se**2).mean()),
                "width": (high - low)[has].mean(),
                "coverage": coverage,
                "truth_above": above.mean(),
                "samples": len(samples),
                "intervals": int(has.sum()),
                "verdict": verdict(coverage, int(has.sum())) if name != "as found" else "",
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study, and write its table as its parts finish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regimes", nargs="*", default=list(REGIMES))
    parser.add_argument("--psus", type=int, nargs="+", default=[2, 5, 10, 20])
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    made: list[pd.DataFrame] = []
    for regime, psus in product(asked.regimes, asked.psus):
        table = summarize(one(regime, psus, seed, asked.replicates) for seed in range(1, asked.samples + 1))
        table.insert(0, "regime", regime)
        table.insert(1, "psus_a_stratum", psus)
        made.append(table)
        pd.concat(made).to_csv(asked.out, index=False, float_format="%.6g", lineterminator="\n")
        print(table.to_string(index=False, float_format="{:.3f}".format), flush=True)


if __name__ == "__main__":
    sys.exit(main())
