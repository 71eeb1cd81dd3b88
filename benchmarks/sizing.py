"""What a run costs in processor time and memory: ``python benchmarks/sizing.py statistics`` (or country, or million).

Times are of the processor, not of the clock, so that other work on the machine changes them little; one thread. docs/
guide/sizing.md shows what this prints.
"""

import pickle
import sys
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import survey as synthetic

import sp2lnob as sp

CELLS = ["wealth", "urban", "educ", "sexh", "region", "ethn"]


def peak() -> float:
    """Return the most memory that the process held since the last call, in MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def taken(work: Any, *args: Any) -> float:
    """Return seconds of the processor, the best of three."""
    seconds = []
    for _ in range(3):
        start = process_time()
        work(*args)
        seconds.append(process_time() - start)
    return min(seconds)


def top_share(weights: np.ndarray, data: Any) -> float:
    """Return the share of welfare of the richest tenth: a statistic of one's own."""
    order = np.argsort(data["welfare"])
    people, held = weights[order], (weights * data["welfare"])[order]
    return float(held[np.cumsum(people) > 0.9 * people.sum()].sum() / held.sum())


def statistics(households: int = 100_000) -> None:
    """Print what 1,000 replicates of each kind of statistic take: a slope, so that what is done once does not count."""
    survey = synthetic.make(households).survey
    access = sp.Opportunity("access", "access == 1", circumstances=CELLS)
    classes = sp.Opportunity("access by class", "access == 1", circumstances=["bottom40", *CELLS[1:]])
    asked: dict[str, tuple[Any, list[str], int]] = {
        "headcount, gap, severity: 1 line": (sp.Poverty(line=synthetic.LINE), [], 1000),
        "the same, by 10 regions": (sp.Poverty(line=synthetic.LINE), ["region"], 1000),
        "the same, by decile": (sp.Poverty(line=synthetic.LINE), ["decile"], 1000),
        "the same, line of 60 % of the median": (sp.Poverty(line=sp.RelativeLine(0.6)), [], 1000),
        "Gini and Palma": (sp.Inequality(["gini", "palma"]), [], 1000),
        "Gini and Palma, by 10 regions": (sp.Inequality(["gini", "palma"]), ["region"], 1000),
        "median": (sp.Quantile([0.5]), [], 1000),
        "rate of access": (sp.Access(access), [], 1000),
        "D between all combinations": (sp.Dissimilarity(access, "cells"), [], 1000),
        "D, bottom 40 among the circumstances": (sp.Dissimilarity(classes, "cells"), [], 1000),
        "a function of your own (one sort)": (sp.Custom("top_share", top_share), [], 16),
    }
    print(f"{survey!r}; seconds of the processor for 1,000 replicates")
    for name, (statistic, by, n) in asked.items():

        def run(replicates: int, statistic: Any = statistic, by: Any = by) -> None:
            sp.estimate(survey, [statistic], by=by, replicates=sp.Bootstrap(replicates), df="design", n_threads=1)

        few = 8
        print(f"{name:40} {(taken(run, n + few) - taken(run, few)) * 1000 / n:8.2f}", flush=True)


def country(households: int = 15_000, indicators: int = 30) -> None:
    """Print what one survey with many indicators takes: trees, groups, dissimilarity, poverty, 1,000 replicates."""
    of_households, of_persons = synthetic.frames(households)
    rng = np.random.default_rng(1)
    for i in range(indicators):
        of_households[f"has_{i}"] = (of_households["access"] + (rng.random(households) < 0.5 * i / indicators) > 0) * 1
    survey = sp.Survey(of_households, of_persons, welfare="cons", psu="psu", strata="stratum",
                       roles={"sex": "female", "disability": "disabled", "birth": "births"})  # fmt: skip
    circumstances = ["bottom40", "urban", "educ", "sexh"]
    asked = [sp.Opportunity(f"has {i}", f"has_{i} == 1", circumstances=circumstances) for i in range(indicators)]
    run(survey, asked, None)
    run(survey, asked, synthetic.package())


def million(households: int = 1_000_000) -> None:
    """Print what one opportunity, four schemes and a line take on a million households, 1,000 replicates."""
    start = process_time()
    survey = synthetic.make(households).survey
    print(f"made in {process_time() - start:.1f} s, holding {peak():,.0f} MB at most")
    run(survey, [sp.Opportunity("access", "access == 1", circumstances=["bottom40", *CELLS[1:4]])], synthetic.package())


class Weighs:
    """An executor that does nothing but weigh what it is sent."""

    def __init__(self) -> None:
        self.bytes = 0

    def submit(self, fn: Any, /, *args: Any) -> "Future[Any]":
        self.bytes = max(self.bytes, len(pickle.dumps((fn, args))))
        raise SystemExit


def run(survey: sp.Survey, asked: list[Any], package: sp.Package | None) -> None:
    """Print the time and the memory of an assessment."""

    def assess(replicates: int, **how: Any) -> sp.Assessment:
        return sp.assess(survey, asked, package, lines={"national": synthetic.LINE}, by=["decile", "urban"],
                         replicates=sp.Bootstrap(replicates), n_threads=1, **how)  # fmt: skip

    assess(8)  # what is read and imported on first use
    peak()
    held = peak()
    start = process_time()
    assess(8)
    once = process_time() - start
    start = process_time()
    result = assess(1008)
    seconds = process_time() - start
    beyond = peak() - held
    weighs = Weighs()
    with suppress(SystemExit):
        assess(8, executor=weighs)
    print(
        f"{survey!r}: {len(asked)} opportunities, {'four schemes' if package else 'no package'}, "
        f"{len(result.estimates.rows):,} figures: {once:.1f} s once, {seconds - once:.1f} s for 1,000 replicates; "
        f"{held:,.0f} MB with the survey, {beyond:,.0f} MB beyond it, of which draws "
        f"{result.estimates.draws.nbytes / 2**20:,.0f} MB; sent to a worker: {weighs.bytes / 2**20:,.1f} MB"
    )


if __name__ == "__main__":
    {"statistics": statistics, "country": country, "million": million}[sys.argv[1]]()
