"""What a person costs in memory beside its columns: ``python benchmarks/memory.py [households]``, a million by default.

Two surveys of the same households are measured, one with twice as many persons: constants and what is kept by household
are the same in both, and what is left of the difference is what persons cost. Columns are not in it: neither those that
are passed in, nor the survey's own, of 8 bytes a person and column that is used (the key, age, sex and so on), which it
has in its own order. Everything else is: who belongs to which household, the order of the file, what schemes ask as
bytes, who is paid, weights of persons. tests/test_memory.py bounds the same figures, at fewer households.
"""

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

import sp2lnob as sp

PERSONS = (2, 4)  # of a household, in the two surveys
FILES = ("in order", "shuffled")


def frames(households: int, persons: int, shuffled: bool, dtype: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return households of so many persons each; who is shuffled in the file is put in order by the survey."""
    rng = np.random.default_rng(1)
    home, n = np.arange(households), households * persons
    of_persons = {
        "hid": np.repeat(home, persons),
        "age": rng.integers(0, 90, n),
        "sex": rng.integers(1, 3, n),
        "disabled": rng.integers(0, 2, n),
        "births": rng.integers(0, 2, n),
    }
    file = rng.permutation(n) if shuffled else slice(None)
    of_homes = {
        "hid": home,
        "hhweight": np.ones(households),
        "ea": home // 20,
        "stratum": home // 20 // (households // 800),
    }
    return of_homes | {"cons": rng.uniform(1, 9, households)}, {
        name: values[file].astype(dtype) for name, values in of_persons.items()
    }


def package() -> sp.Package:
    """Return four schemes, which ask for age, sex, disability and births."""
    month = [sp.Amount(amount, "month") for amount in (0.2, 0.6, 0.5, 0.4)]
    return sp.Package(
        [
            sp.child_benefit(month[0], max_age=17),
            sp.old_age_pension(month[1], min_age=65),
            sp.disability_benefit(month[2]),
            sp.Scheme("maternity benefit", amount=month[3], birth=True, sex=2),
        ]
    )


def steps(of_homes: dict[str, Any], of_persons: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any], list[Any]]]:
    """Yield a name, work to be done, and what is kept: by then, the survey is the first of it."""
    kept: list[Any] = []

    def survey() -> sp.Survey:
        return sp.Survey(
            of_homes, of_persons, welfare="cons", psu="ea", strata="stratum",
            roles={"sex": "sex", "disability": "disabled", "birth": "births"},
        )  # fmt: skip

    def indicators() -> sp.Estimates:
        asked = [sp.Poverty(line=4.0), sp.Coverage(), sp.Cost()]
        return sp.estimate(kept[0], asked, {"after": kept[1]}, ["quintile"], sp.Bootstrap(8), n_threads=1)

    def assessment() -> sp.Assessment:
        return sp.assess(
            kept[0], [], package(), lines={"national": 4.0}, by=["quintile"], replicates=sp.Bootstrap(8), n_threads=1
        )

    yield "Survey()", survey, kept
    yield "simulate()", lambda: sp.simulate(kept[0], package()), kept
    yield "recipients and cost", lambda: kept[1].cost, kept
    yield "who lives with a recipient", lambda: kept[1].reached, kept
    yield "estimate()", indicators, kept
    yield "assess()", assessment, kept


def warm() -> None:
    """Take all steps once: what is imported on first use."""
    for _, work, kept in steps(*frames(2000, 2, False, np.int64)):
        kept.append(work())


def bytes_of(
    households: int, persons: int, shuffled: bool, dtype: Any, n: int | None = None
) -> dict[str, tuple[int, int]]:
    """Return what is held after each of ``n`` steps, and the most during it, beside columns of persons."""
    of_homes, of_persons = frames(households, persons, shuffled, dtype)
    tracemalloc.start()
    found = {}
    for name, work, kept in islice(steps(of_homes, of_persons), n):
        gc.collect()
        tracemalloc.reset_peak()
        kept.append(work())
        _, most = tracemalloc.get_traced_memory()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        own = sum(column.values.nbytes for column in kept[0].persons._made.values())
        found[name] = held - own, most - own
    tracemalloc.stop()
    return found


def per_person(
    households: int, shuffled: bool, dtype: Any = np.int64, steps: int | None = None
) -> dict[str, tuple[float, float]]:
    """Return bytes a person that are held after each step, and at most during it."""
    few, many = (bytes_of(households, persons, shuffled, dtype, steps) for persons in PERSONS)
    more = households * (PERSONS[1] - PERSONS[0])
    return {name: tuple((b - a) / more for a, b in zip(few[name], many[name], strict=True)) for name in few}  # type: ignore[misc]


def main() -> None:
    """Print a table for each order of the file."""
    households = int(sys.argv[1]) if sys.argv[1:] else 1_000_000
    warm()
    for file in FILES:
        print(f"{households:,} households, {PERSONS[1] * households:,} persons, {file}: bytes a person beside columns")
        for name, (held, most) in per_person(households, file == "shuffled").items():
            print(f"{name:28} {held:6.2f} held {most:6.2f} at most", flush=True)


if __name__ == "__main__":
    main()
