"""Coverage of the dissimilarity index: samples from populations whose index is known, estimated by the library itself.

Forty strata of unequal size, PSUs of 20 to 30 households, weights with a coefficient of variation of about a half, PSU
effects in circumstances and in access; 320 combinations of circumstances ("coarse") or 2,400 ("fine"); 8,000 or 50,000
households. Populations:

main     circumstances add up on the logit; PSU effect of 0.4
inter    they act on each other: two pairs of circumstances, and every combination, have effects of their own
         (standard deviations 0.35, 0.35, 0.4); PSU effect of 0.8
mild     0.4 times those; PSU effect of 0.4
bimodal  combinations are good or bad, as a coin falls, by one unit of the logit either way: no prior expects that
rare     as inter, with access of 6 %
high     as mild, with access of 94 %
none     all have the same access, but for PSUs: the index is 0

The truth is that of the superpopulation: shares of combinations from the strata's, rates by quadrature over PSU
effects. Each line of the results is one regime, with the number of samples that it rests on; samples are numbered, and
a run goes on where an earlier one stopped.

Where the index by signs is more than one and a half standard errors above the value, half of the distance joins the
standard error. A first run, on other populations and samples, had a quarter there, beyond two: intervals then held in
8 to 68 of 100 samples of the bimodal population. Both were picked on that run but for the one and a half, which the
first twenty samples of this one spoke for as well; "coverage quarter" is what a quarter beyond two would have had.

    python benchmarks/coverage/dissimilarity.py --samples 100 --out benchmarks/coverage/dissimilarity.csv
"""

import argparse
import csv
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, ndtr

import sp2lnob as sp

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

STRATA, PSU_SPREAD = 40, 0.4
LEVELS = {"coarse": (10, 2, 4, 2, 2), "fine": (10, 2, 4, 2, 5, 3)}
NAMES = ("region", "urban", "educ", "sex", "wealth", "ethnicity")
NODES, POINTS = np.polynomial.hermite_e.hermegauss(40)


@dataclass(frozen=True)
class Truth:
    """A population: how circumstances act on access."""

    mean: float = 0.6
    main: float = 1.0
    interactions: float = 0.0
    coin: float = 0.0
    psu: float = 0.4


TRUTHS = {
    "main": Truth(),
    "inter": Truth(interactions=1.0, psu=0.8),
    "mild": Truth(interactions=0.4),
    "bimodal": Truth(main=0.5, coin=1.0),
    "rare": Truth(mean=0.06, interactions=1.0, psu=0.8),
    "high": Truth(mean=0.94, interactions=0.4),
    "none": Truth(main=0.0),
}
FIGURES = ("empirical-bayes", "lower bound", "upper bound", "cells", "logit")


@dataclass(frozen=True)
class Population:
    """Shares of strata, circumstances by stratum, and the logit of every combination."""

    share: Array
    sampled: Array
    place: tuple[Array, ...]  # of each circumstance that households differ in: (strata,) its mean in a stratum
    cut: tuple[Array, ...]
    logit: Array  # of every combination, in the order of its levels
    psu: float
    index: float


@cache
def population(truth: str, grid: str) -> Population:
    """Return a population, the same in every run."""
    rng = np.random.default_rng([20261127, list(TRUTHS).index(truth), list(LEVELS).index(grid)])
    told, levels = TRUTHS[truth], LEVELS[grid]
    sampled = rng.dirichlet(np.full(STRATA, 6.0))
    share = sampled * np.exp(rng.normal(0, 0.35, STRATA))
    share /= share.sum()
    place = tuple(rng.normal(0, 0.4, STRATA) for _ in levels[2:])
    cut = tuple(
        np.sort(rng.normal(0, 0.2, count - 1)) + np.linspace(-0.8, 0.8, count + 1)[1:-1] for count in levels[2:]
    )
    combinations = np.indices(levels).reshape(len(levels), -1)
    sizes = (0.7, 0.5, 0.6, 0.2, 0.6, 0.3)
    effects = [rng.normal(0, 1, count) for count in levels]
    effects[4] = np.sort(effects[4])
    logit = sum(
        told.main * size * effect[code] for size, effect, code in zip(sizes, effects, combinations, strict=False)
    )
    pairs = [rng.normal(0, 0.35, (levels[a], levels[b])) for a, b in ((0, 4), (1, 2))]
    for (a, b), pair in zip(((0, 4), (1, 2)), pairs, strict=True):
        logit = logit + told.interactions * pair[combinations[a], combinations[b]]
    logit = logit + told.interactions * rng.normal(0, 0.4, len(combinations[0]))
    logit = logit + told.coin * np.where(rng.random(len(combinations[0])) < 0.5, -1, 1)
    weight = _shares(share, place, cut, combinations)
    shift = brentq(lambda a: weight @ _rates(logit + a, told.psu) - told.mean, -20, 20)
    rate = _rates(logit + shift, told.psu)
    index = float(weight @ abs(rate - weight @ rate) / (2 * weight @ rate))
    return Population(share, sampled, place, cut, logit + shift, told.psu, index)


def _shares(share: Array, place: tuple[Array, ...], cut: tuple[Array, ...], combinations: Codes) -> Array:
    """Return the share of every combination: levels are cut from a normal with an effect of stratum and PSU."""
    stratum = np.arange(STRATA)
    total = np.zeros(len(combinations[0]))
    for h in stratum:
        there = (combinations[0] == h // 4) & (combinations[1] == h // 2 % 2)
        part = share[h] * there
        for code, mean, cuts in zip(combinations[2:], place, cut, strict=True):
            below = ndtr((np.r_[-np.inf, cuts, np.inf] - mean[h]) / np.hypot(1, PSU_SPREAD))
            part = part * np.diff(below)[code]
        total += part
    return total


def _rates(logit: Array, spread: float) -> Array:
    """Return rates over PSU effects."""
    return np.asarray(expit(logit[:, None] + spread * NODES) @ (POINTS / POINTS.sum()))


def sample(of: Population, levels: tuple[int, ...], households: int, seed: list[int]) -> dict[str, npt.NDArray]:
    """Draw a sample of about so many households."""
    rng = np.random.default_rng(seed)
    psus = np.maximum(2, np.round(of.sampled * households / 25)).astype(int)
    size = rng.integers(20, 31, psus.sum())
    of_psu = np.repeat(np.arange(STRATA), psus)
    psu, stratum = np.repeat(np.arange(len(size)), size), np.repeat(of_psu, size)
    n = len(psu)
    codes = [stratum // 4, stratum // 2 % 2]
    for mean, cuts in zip(of.place, of.cut, strict=True):
        latent = mean[stratum] + rng.normal(0, PSU_SPREAD, len(size))[psu] + rng.normal(0, 1, n)
        codes.append(np.searchsorted(cuts, latent))
    logit = of.logit[np.ravel_multi_index(codes, levels)] + rng.normal(0, of.psu, len(size))[psu]
    weight = (of.share / psus)[stratum] * np.exp(rng.normal(0, 0.35, n)) * 1e6 / 25
    frame = {"hid": np.arange(n), "size": np.ones(n), "weight": weight, "stratum": stratum, "psu": psu}
    frame |= {name: code for name, code in zip(NAMES, codes, strict=False)}
    return frame | {"access": (rng.random(n) < expit(logit)).astype(int)}


def one(truth: str, grid: str, households: int, number: int, replicates: int) -> dict[str, float | str]:
    """Return the figures of one sample."""
    of, levels = population(truth, grid), LEVELS[grid]
    frame = sample(of, levels, households, [2, list(TRUTHS).index(truth), list(LEVELS).index(grid), households, number])
    survey = sp.Survey(frame, household="hid", weight="weight", size="size", psu="psu", strata="stratum")
    opportunity = sp.Opportunity("access", "access", circumstances=NAMES[: len(levels)], weigh="households")
    asked = [sp.Dissimilarity(opportunity), sp.Dissimilarity(opportunity, "logit")]
    found = sp.estimate(survey, asked, replicates=sp.Bootstrap(replicates, seed=number), n_threads=1).frame()
    line: dict[str, float | str] = {"number": number}
    for row in found.set_index("param").loc[list(FIGURES)].itertuples():
        line[row.Index] = row.value
    for name in ("empirical-bayes", "logit"):
        row = found.set_index("param").loc[name]
        line |= {f"{name} low": row.ci_low, f"{name} high": row.ci_high, f"{name} flag": row.flag}
    row = found.set_index("param").loc["empirical-bayes"]
    return line | {"se": row.se}


def summary(truth: str, grid: str, households: int, replicates: int, lines: pd.DataFrame) -> dict[str, object]:
    """Return the line of a regime."""
    index = population(truth, grid).index
    value, se = lines["empirical-bayes"], lines["se"]
    holds = (lines["empirical-bayes low"] <= index) & (index <= lines["empirical-bayes high"])
    logit = (lines["logit low"] <= index) & (index <= lines["logit high"])
    apart = np.maximum(lines["upper bound"] - np.maximum(value, 0), 0)
    alone = se**2 - (apart / 2) ** 2 * lines["empirical-bayes flag"].astype(str).str.contains("model-dependent")
    narrow = 1.97 * np.sqrt(alone + (apart / 4) ** 2 * (apart**2 > 4 * alone))
    flags = lines["empirical-bayes flag"].astype(object).fillna("").astype(str)
    made: dict[str, object] = {
        "truth": truth,
        "grid": grid,
        "households": households,
        "replicates": replicates,
        "samples": len(lines),
        "index": index,
        **{f"bias {name}": lines[name].mean() - index for name in FIGURES},
        "spread": value.std(),
        "se": np.sqrt((se**2).mean()),
        "coverage": holds.mean(),
        "coverage error": np.sqrt(holds.mean() * (1 - holds.mean()) / len(lines)),
        "coverage quarter": (holds & ((abs(value - index) <= narrow) | flags.str.contains("one-sided"))).mean(),
        "truth above": (lines["empirical-bayes high"] < index).mean(),
        "coverage logit": logit.mean(),
        "model-dependent": flags.str.contains("model-dependent").mean(),
        "one-sided": flags.str.contains("one-sided").mean(),
    }
    return made


def main() -> None:
    """Run the regimes in turn, and write their table as they finish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truths", nargs="*", default=list(TRUTHS))
    parser.add_argument("--grids", nargs="*", default=list(LEVELS))
    parser.add_argument("--households", type=int, nargs="+", default=[8000, 50000])
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--replicates", type=int, default=150)
    parser.add_argument("--step", type=int, default=20, help="samples of a regime before the next has its turn")
    parser.add_argument("--out", type=Path, required=True, help="table; samples are kept beside it, in .samples.csv")
    asked = parser.parse_args()
    kept = asked.out.with_suffix(".samples.csv")
    key = ["truth", "grid", "households", "replicates"]
    done = pd.read_csv(kept) if kept.exists() else pd.DataFrame(columns=key)
    for until in range(asked.step, asked.samples + asked.step, asked.step):
        for households in asked.households:
            for truth in asked.truths:
                for grid in asked.grids:
                    regime = (truth, grid, households, asked.replicates)
                    had = int((done[key] == list(regime)).all(axis=1).sum())
                    for number in range(had + 1, min(until, asked.samples) + 1):
                        line = dict(zip(key, regime, strict=True)) | one(*regime[:3], number, asked.replicates)
                        new = not kept.exists()
                        with kept.open("a", newline="", encoding="utf-8") as file:
                            writer = csv.DictWriter(file, line, lineterminator="\n")
                            if new:
                                writer.writeheader()
                            writer.writerow(line)
                    done = pd.read_csv(kept)
                    table = pd.DataFrame(
                        [summary(*of, lines) for of, lines in done.groupby(key, sort=False)]  # type: ignore[misc]
                    )
                    table.to_csv(asked.out, index=False, float_format="%.5g", lineterminator="\n")
                    print(*regime, table.iloc[-1]["coverage"], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
