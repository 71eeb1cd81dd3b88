"""The platform's whole table: ``python benchmarks/many.py`` assesses 30 indicators in 33 surveys of 10,000 households.

500 replicates each, in one call; ``--domains region`` adds every level of a column, ``--tiny`` takes three small
surveys. It prints the time by the clock, and in which parts the processors spent theirs: seconds of the processor, on
whatever thread, which other work on the machine changes little.
"""

import argparse
import importlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

import numpy as np

import sp2lnob as sp
from sp2lnob.many import SurveyProgress
from sp2lnob.replication import Source

CIRCUMSTANCES = ("bottom40", "urbrur", "head_educ", "head_sex", "size_class", "young")
PARTS = {  # what is timed: the class or module, and its function; classes by the method that all of them have
    "opening surveys": ("many", "_One", "_open"),
    "rows and cells": ("opportunity", "Opportunity", "prepare"),
    "domains": ("_levels", "", "within"),
    "trees": ("tree", "OpportunityTree", "fit_cells"),
    "cross-validated ends": ("assessment", "", "cross_validated"),
    "groups in replicates": ("effects", "GroupAccess", "evaluate"),
    "trees in replicates": ("stability", "Refit", "evaluate"),
    "dissimilarity in replicates": ("_corrected", "PreparedIndex", "evaluate"),
    "human opportunity in replicates": ("chances", "PreparedHumanOpportunity", "evaluate"),
    "standard errors and intervals": ("estimation", "", "summarize"),
    "correlations": ("many", "", "_correlations"),
}


def survey(households: int, seed: int) -> sp.Survey:
    """Return a survey with thirty outcomes that depend on where and how people live."""
    frame, persons = sp.example_frames(households, seed)
    rng = np.random.default_rng(seed)
    n = len(frame["hid"])
    place = 0.3 * rng.normal(size=n // 20 + 1)[frame["ea"] - 1]
    want = np.log(frame["pc_exp"]) - 4.4 + 0.8 * (frame["urbrur"] == "Urban") + place
    for k in range(30):
        frame[f"y{k}"] = (rng.random(n) < 1 / (1 + np.exp(1.5 - 0.12 * k - (0.3 + 0.05 * (k % 9)) * want))).astype(int)
    size = np.bincount(persons["hid"] - 1, minlength=n)
    frame["size_class"] = np.where(size < 3, "1-2", np.where(size < 6, "3-5", "6+"))
    frame["young"] = np.bincount(persons["hid"] - 1, persons["age"] < 5, n).clip(max=3)
    return sp.Survey(
        frame,
        persons,
        person="pid",
        welfare="pc_exp",
        psu="ea",
        strata=["region", "urbrur"],
        roles={"relation": "relation"},
        derive={"head_sex": "head(sex)", "head_educ": "head(educ)"},
    )


def opportunities(count: int) -> list[sp.Opportunity]:
    """Return indicators: the last tenth of them are barriers."""
    return [
        sp.Opportunity(
            f"indicator {k}",
            f"y{k} == {int(k < 0.9 * count)}",
            circumstances=CIRCUMSTANCES,
            kind="access" if k < 0.9 * count else "barrier",
        )
        for k in range(count)
    ]


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Yield the seconds of processors that each part has taken; a part within another counts for both."""
    seconds: dict[str, float] = defaultdict(float)
    undo: list[tuple[Any, str, Any]] = []

    def watch(what: str, owner: Any, name: str) -> None:
        usual: Callable[..., Any] = owner.__dict__[name]

        def call(*args: Any, **how: Any) -> Any:
            start = thread_time()
            try:
                return usual(*args, **how)
            finally:
                seconds[what] += thread_time() - start

        undo.append((owner, name, usual))
        setattr(owner, name, call)

    for what, (room, cls, name) in PARTS.items():
        module = importlib.import_module(f"sp2lnob.{room}")
        watch(what, getattr(module, cls) if cls else module, name)
    for source in Source.__subclasses__() or [type(sp.Bootstrap(2).bind(sp.example_survey(400)).source)]:
        if "factors" in source.__dict__:
            watch("drawing replicates", source, "factors")
    try:
        yield seconds
    finally:
        for owner, name, usual in undo:
            setattr(owner, name, usual)


def main() -> None:
    """Make the overview and print what it took."""
    told = argparse.ArgumentParser(description=__doc__)
    for name, default in (("surveys", 33), ("indicators", 30), ("households", 10_000), ("replicates", 500)):
        told.add_argument(f"--{name}", type=int, default=default)
    told.add_argument("--threads", type=int, default=None)
    told.add_argument("--domains", nargs="*", default=[])
    told.add_argument("--report", action="store_true", help="make the page as well")
    told.add_argument("--tiny", action="store_true", help="three surveys of 400 households")
    asked = told.parse_args()
    if asked.tiny:
        asked.surveys, asked.indicators, asked.households, asked.replicates = 3, 3, 400, 10
    made = opportunities(asked.indicators)
    surveys = {f"survey {k + 1}": lambda k=k: survey(asked.households, k + 1) for k in range(asked.surveys)}

    def progress(at: SurveyProgress) -> None:
        if at.finished:
            sys.stderr.write(f"\r{at.number} of {at.of} surveys")
            sys.stderr.flush()

    start, busy = perf_counter(), process_time()
    with timed() as seconds:
        overview = sp.assess_many(
            surveys,
            made,
            domains=asked.domains,
            replicates=sp.Bootstrap(asked.replicates),
            n_threads=asked.threads,
            progress=progress,
        )
    whole, busy = perf_counter() - start, process_time() - busy
    parts = dict(seconds)
    with tempfile.TemporaryDirectory() as folder:
        start = process_time()
        overview.save(Path(folder) / "results")
        parts["writing tables"] = process_time() - start
        if asked.report:
            start = process_time()
            overview.report(Path(folder) / "report.html")
            parts["making the page"] = process_time() - start
    sys.stderr.write("\n")
    print(f"{overview}, {asked.households:,} households and {asked.replicates:,} replicates each")
    print(f"{len(overview.frame()):,} figures in {whole:.1f} s by the clock; {busy:.1f} s of processors, of which")
    for what, taken in sorted(parts.items(), key=lambda part: -part[1]):
        print(f"  {what:<40} {taken:7.2f} s")


if __name__ == "__main__":
    main()
