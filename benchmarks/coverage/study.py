"""Coverage of the default intervals: samples from populations whose truth is known, estimated by the library itself.

Ten strata of unequal size, m PSUs drawn in each, 15 households a PSU; log-normal welfare with PSU effects; access to an
opportunity depends on area, schooling, welfare and the PSU. Four populations:

usual   2 % of households have their welfare multiplied by a Pareto(2) number; a quarter of people are poor
heavy   10 % of households have: the variance of welfare is infinite
small   figures of three small domains alone: about 6 PSUs in two strata, about 6 in all strata, about 40 households
rare    about 4 % of people are poor, and about 4 % have access

Three packages: a child benefit for all; a flat amount a head for all below a line that is fixed in law; a grant for the
poorest 40 % of children by a score, ranked anew in every replicate. Truth: the same statistics of samples so large
that their own error hardly counts (see ``truth``).

A second study, of classes: 20 strata, 10 PSUs in each, 20 households a PSU, six packages, and figures that rest on the
cut of the bottom 40; standard errors with the cut made anew in every replicate, and with the full sample's, beside the
spread over samples. A third: changes in access with intervals of the draws beside the default.

    python benchmarks/coverage/study.py --samples 300 --out benchmarks/coverage/results.csv
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom

import sp2lnob as sp

Array = npt.NDArray[np.float64]
Key = tuple[str, str, str, str]

STRATA, HOUSEHOLDS = 10, 15
KEY = ("statistic", "of", "level", "scenario")
DOMAINS = ("most", "6 PSUs of two strata", "6 PSUs of all strata", "40 households")
FUEL = sp.Opportunity("fuel", "fuel", circumstances=["bottom40", "area"])
TREE = sp.OpportunityTree(min_obs=1, min_share=0.0, max_depth=2, cp=0)  # it finds the same four groups in every sample
CHILD = sp.Package([sp.child_benefit(sp.Amount(6, "month"))])


def flat(amount: float, below: float) -> sp.Package:
    """Return a flat amount a head and month for all in households whose welfare is below a level."""
    return sp.Package([sp.Scheme("flat", f"welfare < {below}", amount=sp.Amount(amount, "month"))])


# The flat amount lifts some over the line, and some over the cut of the bottom 40, which is near 60.
PACKAGES = {"universal": CHILD, "flat to the poor": flat(6, 58)}
GRANT, POOREST = 15.0, 0.4  # a child and month; of all children


class Figure(NamedTuple):
    """What is kept of one figure of one sample; ``picked``: for its value, so that an interval is not offered."""

    value: float
    se: float
    low: float
    high: float
    df: float
    picked: bool


Figures = dict[Key, Figure]
Draw = Callable[[np.random.Generator], sp.Survey]
Count = Callable[[sp.Survey, int, int], Figures]  # of a survey, from a number of replicates with a seed


@dataclass(frozen=True)
class Population:
    """Where a population differs from the others."""

    name: str
    tail: float = 0.02  # share of households in the tail
    line: float = 45.0
    access: float = -1.4  # on the logit, where nothing speaks for it
    domains: bool = False


POPULATIONS = {
    made.name: made
    for made in (
        Population("usual"),
        Population("heavy", tail=0.1),
        Population("small", domains=True),
        Population("rare", line=24.0, access=-5.7),
    )
}


def draw(
    population: Population,
    rng: np.random.Generator,
    psus: int,
    households: int = HOUSEHOLDS,
    strata: int = STRATA,
    sizes: tuple[float, float] = (6, 40),
) -> sp.Survey:
    """Return a survey of ``psus`` PSUs a stratum; each stratum's weight stands for its share of the population.

    ``sizes`` are the PSUs and the households that small domains are to have, on average. What they are like
    does not depend on it, so that truth can be found from more of them.
    """
    stratum = np.repeat(np.arange(strata), psus * households)
    ea = np.repeat(np.arange(strata * psus), households)
    n, clusters = len(ea), strata * psus
    share = np.linspace(0.5, 1.5, strata)
    area = stratum % 2
    educ = (rng.random(n) < 0.35 + 0.3 * area).astype(int)
    size = 1 + rng.poisson(3, n)
    log_welfare = 4.0 + 0.3 * area + 0.25 * educ - 0.06 * (size - 4) + rng.normal(0, 0.5, n)
    log_welfare += rng.normal(0, 0.25, clusters)[ea]
    want = population.access + 1.2 * area + 0.6 * educ + rng.normal(0, 0.4, clusters)[ea]
    domain = np.zeros(n, dtype=int)
    if population.domains:
        domain[rng.random(n) < sizes[1] / n] = 3
        domain[(rng.random(clusters) < sizes[0] / clusters)[ea]] = 2
        domain[(rng.random(clusters) < sizes[0] / (2 * psus))[ea] & (stratum < 2)] = 1
        log_welfare -= 0.3 * (domain > 0)
        want -= 0.8 * (domain > 0)
    tail = np.where(rng.random(n) < population.tail, (1 - rng.random(n)) ** -0.5, 1.0)
    welfare = np.exp(log_welfare) * tail
    fuel = rng.random(n) < 1 / (1 + np.exp(-want - 1.5 * (welfare > 55)))
    children = rng.binomial(size - 1, 0.5)
    frame = {
        "hid": np.arange(n),
        "stratum": stratum,
        "ea": ea,
        "hhweight": share[stratum] * 1500 / (psus * households),
        "area": area,
        "educ": educ,
        "domain": np.array(DOMAINS)[domain],
        "members": size,
        "children": children,
        "welfare": welfare,
        "score": np.log(welfare) + rng.normal(0, 0.35, n),
        "fuel": fuel.astype(int),
    }
    home = np.repeat(np.arange(n), size)
    place = np.arange(len(home)) - np.repeat(np.cumsum(size) - size, size)
    roster = {"hid": home, "age": np.where(place < children[home], 10, 40)}
    return sp.Survey(frame, roster, welfare="welfare", psu="ea", strata="stratum")


def ranked(weights: Array, data: Mapping[str, Array], line: float) -> tuple[float, float, float]:
    """Return what a grant for the poorest 40 % of children by score changes: headcount, gap, and cost a head and month.

    ``weights`` count people, by household. The cut is that of these weights: the lowest score up to which there are
    40 % of all children; who has it is paid wholly.
    """
    welfare, share = data["welfare"], data["children"] / data["members"]
    order = np.argsort(data["score"], kind="stable")
    reached = np.cumsum((weights * share)[order])
    cut = data["score"][order][np.searchsorted(reached, POOREST * reached[-1])]
    paid = np.where(data["score"] <= cut, GRANT * share, 0.0)  # a head
    before, after = (np.maximum(line - level, 0.0) / line for level in (welfare, welfare + paid))
    people = weights.sum()
    fall, lifted = weights @ (before - after), weights @ (1.0 * (before > 0) - (after > 0))
    return -lifted / people, -fall / people, weights @ paid / people


def figures_of(estimates: sp.Estimates, scenarios: Mapping[str, str] | None = None) -> Figures:
    """Return what a study keeps of estimates; ``scenarios`` are called otherwise than the library does."""
    made: Figures = {}
    for i, row in enumerate(estimates.rows):
        # A group is the same group whichever circumstance was split first.
        level = ", ".join(sorted(row.level.split(", ")))
        key = (row.statistic, f"{row.of} {row.param}".strip(), level, (scenarios or {}).get(row.scenario, row.scenario))
        kept = (estimates.value, estimates.se, estimates.ci_low, estimates.ci_high, estimates.df)
        picked = "biased" in estimates.flags[i]
        made[key] = Figure(*(float(array[i]) for array in kept), picked)
    return made


def figures(
    survey: sp.Survey,
    replicates: int,
    seed: int,
    *,
    population: Population,
    packages: Sequence[str] = tuple(PACKAGES),
    more: bool = True,
) -> Figures:
    """Return the figures of one sample; ``more``: of the usual population, every other that the library has."""
    how = {"replicates": sp.Bootstrap(replicates, seed=seed), "n_threads": 1}
    paid = {name: sp.simulate(survey, PACKAGES[name]) for name in packages}
    called = {"change": f"change: {packages[0]}"} if len(packages) == 1 else {}
    poverty = sp.Poverty(population.line, "line", ["headcount", "poverty_gap"])
    by = ["domain"] if population.domains else []
    inequality = [] if population.name == "rare" else [sp.Inequality(["gini", "palma"])]  # the usual population's
    estimated = sp.estimate(survey, [poverty, *inequality], paid, by=by, **how)
    made = figures_of(estimated, called)
    made |= figures_of(sp.estimate(survey, [sp.Access(FUEL)], by=by or [("area", "bottom40")], **how))
    if population.domains:
        return {key: figure for key, figure in made.items() if key[2] in DOMAINS[1:]}
    rank = sp.Custom(
        "by rank",
        partial(ranked, line=population.line),
        columns=["score", "children", "members"],
        params=("headcount", "poverty_gap", "cost"),
    )
    for (_, name, *_), figure in figures_of(sp.estimate(survey, [rank], **how)).items():
        made[name, "line", "all", "change: by rank"] = figure
    more &= population.name == "usual"
    for name in packages:
        everything = more and name == "universal"
        asked = {"by": (), "tree": TREE, "refit": False, "shapley": everything}
        assessed = sp.assess(survey, [FUEL], PACKAGES[name], **asked, **how)
        whole = figures_of(assessed.estimates, {"change": f"change: {name}", "after": name})
        made |= {key: figure for key, figure in whole.items() if everything or key[0] == "access"}
    if more:
        others = [
            sp.Poverty(population.line, "line", ["watts"]),
            sp.Inequality(["atkinson", "generalized_entropy"]),
            sp.Incidence(),
        ]
        also = sp.estimate(survey, others, {"universal": paid["universal"]}, by=["area"], **how)
        made |= figures_of(also, {"change": "change: universal"})
    return made


def bands(top: float, width: float, number: int) -> sp.Package:
    """Return a top-up in bands: everybody below ``top`` gets the least multiple of ``width`` that lifts to it."""
    ends = [top - width * k for k in range(number)] + [0.0]
    return sp.Package(
        [
            sp.Scheme(
                f"band {k + 1}",
                f"welfare >= {low} and welfare < {high}",
                amount=sp.Amount(width * (k + 1), "month"),
            )
            for k, (high, low) in enumerate(pairwise(ends))
        ]
    )


Z40 = 59.86  # the population's cut of the bottom 40; what the packages of the second study take from it is law
CLASS_STRATA, CLASS_PSUS, CLASS_HOUSEHOLDS = 20, 10, 20
CLASS_PACKAGES = {
    "child benefit of 6": CHILD,
    "child benefit of 20": sp.Package([sp.child_benefit(sp.Amount(20, "month"))]),
    "3 per head": flat(3, 1e9),
    "10 per head": flat(10, 1e9),
    "flat to the poor": flat(0.35 * Z40, 0.7 * Z40),
    "top-up": bands(1.02 * Z40, 0.04 * Z40, 25),
}
CLASS_FUEL = sp.Opportunity("fuel", "fuel", circumstances=["bottom40", "area", "educ"])
CLASS_TREE = sp.OpportunityTree(min_obs=1, min_share=0.0, max_depth=3, cp=0)
CLASS_FIGURES: dict[str, Key] = {
    "change in access, all": ("access", "fuel", "all", "change"),
    "change in access, one group": ("access", "fuel", "area: 0, bottom40: Bottom 40, educ: 0", "change"),
    "consumption gain, bottom 40": ("consumption_gain", "", "Bottom 40", "after"),
    "mean consumption, bottom 40": ("mean_welfare", "", "Bottom 40", "before"),
}


def class_figures(survey: sp.Survey, replicates: int, seed: int, *, classes: Sequence[str]) -> Figures:
    """Return the figures that rest on the cut of the bottom 40, for every package and way of cutting."""
    made: Figures = {}
    for name, package in CLASS_PACKAGES.items():
        for way in classes:
            result = sp.assess(
                survey,
                [CLASS_FUEL],
                package,
                by=["bottom40"],
                tree=CLASS_TREE,
                classes=way,
                replicates=sp.Bootstrap(replicates, seed=seed),
                n_threads=1,
            )
            found = figures_of(result.estimates)
            made |= {
                (figure, name if key[3] != "before" else "any", way, ""): found[key]
                for figure, key in CLASS_FIGURES.items()
                if key in found
            }
    return made


def drawn_figures(survey: sp.Survey, replicates: int, seed: int) -> Figures:
    """Return changes in access, all, with the interval that is the default and with that of the draws."""
    made: Figures = {}
    for name, package in PACKAGES.items():
        for kind in (None, "percentile"):
            bootstrap = sp.Bootstrap(replicates, seed=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sp.SP2LNOBWarning)  # that such intervals are short with few PSUs
                result = sp.assess(
                    survey, [FUEL], package, by=(), tree=TREE, interval=kind, replicates=bootstrap, n_threads=1
                )
            found = figures_of(result.estimates)
            made["change in access, all", name, kind or "default", ""] = found["access", "fuel", "all", "change"]
    return made


def one(seed: int, make: Draw, count: Count, psus: int, replicates: int) -> Figures:
    """Return the figures of one sample."""
    return count(make(np.random.default_rng([psus, seed])), replicates, seed)


def truth(make: Draw, count: Count, samples: int) -> dict[Key, float]:
    """Return the mean of the figures of some very large samples."""
    found = [count(make(np.random.default_rng([0, seed])), 2, 1) for seed in range(samples)]
    return {key: float(np.mean([figures[key].value for figures in found])) for key in found[0]}


def large(population: Population) -> Draw:
    """Return what draws a very large sample: 40,000 PSUs of 5 households, and small domains that are a tenth each."""
    return partial(draw, population, psus=40_000 // STRATA, households=5, sizes=(4_000, 20_000))


def summarize(samples: Iterable[Figures], true: Mapping[Key, float]) -> pd.DataFrame:
    """Return bias, standard error over spread, and coverage of every figure.

    A one-sided interval is an interval: its other end is wherever the figure can be. A group that is at an end has no
    interval; where it is in more than a tenth of the samples, its intervals in the others are not counted either, for
    these samples were picked.
    """
    samples = list(samples)
    rows = []
    for key, truth in true.items():
        found = [figures[key] for figures in samples if key in figures and np.isfinite(figures[key].value)]
        value, se, low, high, df, picked = np.array(found, dtype=float).T.reshape(6, -1)
        if len(found) < 2 or not value.std() > 0:  # money moves no such group
            continue
        has = (np.isfinite(low) | np.isfinite(high)) & (picked.mean() <= 0.1)
        above, below = high[has] < truth, low[has] > truth
        rows.append(
            {
                **dict(zip(KEY, key, strict=True)),
                "truth": truth,
                "bias_in_sd": (value.mean() - truth) / value.std(ddof=1),
                "se_over_sd": np.sqrt(np.nanmean(se**2)) / value.std(ddof=1),
                "coverage": 1 - (above | below).mean() if has.any() else np.nan,
                "truth_above": above.mean() if has.any() else np.nan,
                "median_df": np.median(df),
                "samples": len(samples),
                "values": len(found),
                "intervals": int(has.sum()),
            }
        )
    return pd.DataFrame(rows)


def bounds(statistic: str, psus: int) -> tuple[float, float]:
    """Return the coverage that is accepted of intervals of 95 %."""
    if psus == 2:
        return 0.88, 0.99
    return (0.89, 0.97) if statistic in ("gini", "palma") else (0.91, 0.97)


def verdict(coverage: float, intervals: int, statistic: str, psus: int, alpha: float = 0.01) -> str:
    """Return "short" or "wide" where coverage is beyond what is accepted by more than chance, else "held".

    Were coverage at the bound, so few or so many intervals would hold the truth in a share ``alpha`` of such studies.
    """
    low, high = bounds(statistic, psus)
    held = round(coverage * intervals)
    if binom.cdf(held, intervals, low) < alpha:
        return "short"
    return "wide" if binom.sf(held - 1, intervals, high) < alpha else "held"


def main() -> None:
    """Run the studies, and write their table as their parts finish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--populations", nargs="*", default=[*POPULATIONS, "draws", "classes"])
    parser.add_argument("--psus", type=int, nargs="+", default=[2, 5, 20])
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--class-replicates", type=int, default=120, help="in the study of classes")
    parser.add_argument("--large", type=int, default=8, help="very large samples that truth is the mean of")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    tables: list[pd.DataFrame] = []

    def run(name: str, psus: int, true: Mapping[Key, float], make: Draw, count: Count) -> None:
        replicates = asked.class_replicates if name == "classes" else asked.replicates
        work = partial(one, make=make, count=count, psus=psus, replicates=replicates)
        table = summarize(pool.map(work, range(1, asked.samples + 1), chunksize=4), true)
        table = table[(table["intervals"] > 0) | (name == "classes") | (table["statistic"] == "access")]
        table.insert(0, "population", name)
        table.insert(1, "psus_a_stratum", psus)
        judged = zip(table["coverage"], table["intervals"], table["statistic"], strict=True)
        table["verdict"] = [verdict(share, n, statistic, psus) if n else "" for share, n, statistic in judged]
        tables.append(table)
        pd.concat(tables).to_csv(asked.out, index=False, float_format="%.5g", lineterminator="\n")
        print(table.to_string(index=False, float_format="{:.3f}".format), flush=True)

    with ProcessPoolExecutor(asked.processes) as pool:
        for name in asked.populations:
            if name == "classes":
                usual = POPULATIONS["usual"]
                small = partial(draw, usual, psus=CLASS_PSUS, households=CLASS_HOUSEHOLDS, strata=CLASS_STRATA)
                true = truth(large(usual), partial(class_figures, classes=["replicate"]), asked.large)
                true |= {(figure, of, "fixed", when): value for (figure, of, _, when), value in true.items()}
                run(name, CLASS_PSUS, true, small, partial(class_figures, classes=["replicate", "fixed"]))
                continue
            population = POPULATIONS.get(name, POPULATIONS["usual"])
            count = drawn_figures if name == "draws" else partial(figures, population=population)
            true = truth(large(population), count, asked.large)
            for psus in asked.psus:
                run(name, psus, true, partial(draw, population, psus=psus), count)


if __name__ == "__main__":
    sys.exit(main())
