"""What persons cost in memory, and that assessments one after the other do not use more and more of it.

SP2LNOB_ASSESSMENTS is how many are made, 100 unless it says so; make it 1,000 to be sure of the last byte.
"""

import gc
import importlib.util
import os
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp

RUNS = int(os.environ.get("SP2LNOB_ASSESSMENTS", "100"))
SCRIPT = Path(__file__).parents[1] / "benchmarks" / "memory.py"
MOST = 16  # bytes a person, beside columns


# -- persons --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured():
    """Return the script that measures: what is held after each step and at most during it, as a slope by persons."""
    spec = importlib.util.spec_from_file_location("memory_of_persons", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.warm()
    return script


@pytest.mark.parametrize(("file", "steps"), [("in order", 5), ("shuffled", 6)])  # the last one is assess()
def test_a_person_takes_at_most_16_bytes_beside_its_columns(measured, file, steps):
    for step, (held, most) in measured.per_person(10_000, file == "shuffled", steps=steps).items():
        assert 3.5 < held <= MOST, step  # whose household it is takes 4 bytes: what is measured is there
        assert most <= MOST, step


def test_what_takes_more_is_seen(measured, monkeypatch):
    """A survey that keeps weights of persons, as it once did, is beyond 16 bytes by the end."""
    whole = sp.Survey.__init__

    def keeping(survey, *args, **named):
        whole(survey, *args, **named)
        survey.kept = survey.person_weight

    monkeypatch.setattr(sp.Survey, "__init__", keeping)
    found = measured.per_person(10_000, True, steps=2)
    assert found["Survey()"][0] == pytest.approx(16, abs=0.5)
    assert found["simulate()"][0] > MOST


# -- growth ---------------------------------------------------------------------------------------------------------

PACKAGE = sp.Package(
    [
        sp.child_benefit(sp.Amount(8, "month")),
        sp.old_age_pension(sp.Amount(25, "month"), target=sp.Rank(0.4, by="welfare")),
    ]
)
FUEL = sp.Opportunity("fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["urbrur"])
WARM = 10
TRACED = 8  # runs whose bytes are traced, which makes them several times slower
BLOCKS = (800, 0.5)  # objects: those that Python keeps in store, and more a run
RESIDENT = (4 * 2**20, 512)  # bytes of the process: as blocks are cut in another way, and more a run
BYTES = (8192, 256)  # traced: those that Python keeps in store, and more a run


FRAMES = sp.example_frames(320)


def assessed():
    """Assess a survey of its own: what was kept for it goes with it."""
    survey = sp.Survey(*FRAMES, person="pid", welfare="pc_exp", psu="ea", strata=["region", "urbrur"])
    return sp.assess(
        survey, [FUEL], PACKAGE, lines={"national": 60.0}, by=["urbrur"], replicates=sp.Bootstrap(8), n_threads=1
    )


def estimated(survey):
    """Estimate on one survey: nothing more is kept for it than the first time."""
    scenarios = {"after": sp.simulate(survey, PACKAGE)}
    asked = [sp.Poverty(line=60.0), sp.Inequality(), sp.Cost()]
    return sp.estimate(survey, asked, scenarios, ["quintile"], sp.Bootstrap(8), n_threads=1)


def resident():
    """Return the bytes that the process has in memory (Linux; elsewhere nobody knows)."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if path.exists() else 0


def grown(work, runs):
    """Return by how much runs of some work made objects, resident bytes, and traced bytes, more."""
    for _ in range(WARM):
        work()
    gc.collect()
    objects, pages = sys.getallocatedblocks(), resident()
    for _ in range(runs):
        work()
    gc.collect()
    objects, pages = sys.getallocatedblocks() - objects, resident() - pages
    tracemalloc.start()
    try:
        for _ in range(TRACED):
            work()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(TRACED):
            work()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return objects, pages, after - before


def leaks(work, runs=RUNS):
    """Return what grew beyond what may."""
    objects, pages, traced = grown(work, runs)
    found = {"objects": (objects, runs, BLOCKS), "resident": (pages, runs, RESIDENT), "traced": (traced, TRACED, BYTES)}
    return {name: number for name, (number, times, (once, each)) in found.items() if number > once + each * times}


def test_assessments_do_not_grow():
    assert leaks(assessed) == {}


def test_estimates_do_not_grow():
    survey = sp.example_survey(320)
    assert leaks(lambda: estimated(survey)) == {}


def test_results_that_are_kept_are_seen():
    kept, survey = [], sp.example_survey(320)
    assert {"objects", "traced"} <= set(leaks(lambda: kept.append(estimated(survey)), runs=60))


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        (lambda: np.ones(320), "traced"),  # a column of a small survey
        (lambda: np.ones(2**17), "resident"),
        (lambda: [object() for _ in range(20)], "objects"),
    ],
)
def test_little_that_is_kept_is_seen(more, seen):
    kept = []
    assert seen in leaks(lambda: kept.append(more()), runs=100)
