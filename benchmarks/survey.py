"""A seeded synthetic survey for benchmarks: 40 strata, PSUs of 20 to 30 households, six circumstances, persons.

Rows come in the order in which a Survey keeps them (stratum, PSU, household, person), so that the arrays here and those
of the survey agree row by row. SP2LNOB_BENCH_HOUSEHOLDS and SP2LNOB_BENCH_REPLICATES change the size of the benchmarks:
a small one is enough to see that everything still runs and agrees.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

import sp2lnob as sp

HOUSEHOLDS = int(os.environ.get("SP2LNOB_BENCH_HOUSEHOLDS", "100000"))
REPLICATES = int(os.environ.get("SP2LNOB_BENCH_REPLICATES", "1000"))
STRATA = 40
PER_PSU = 25
LEVELS = {"wealth": 5, "urban": 2, "educ": 4, "sexh": 2, "region": 10, "ethn": 3}
LINE = 2.15
AMOUNTS = {"child": 0.20, "pension": 0.60, "disability": 0.50, "maternity": 0.40}  # per recipient and month


@dataclass(frozen=True, eq=False)
class Data:
    """Columns of households and of persons, and the survey made of them."""

    households: dict[str, Any]
    persons: dict[str, Any]
    survey: sp.Survey


def frames(households: int = HOUSEHOLDS, seed: int = 20261121) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return columns by household and by person: about 4.1 persons a household and, at 100,000, 2,300 cells."""
    rng = np.random.default_rng(seed)
    n, psus = households, households // PER_PSU

    # Strata are regions by urban by two zones, with unequal numbers of PSUs, two at least.
    by_stratum = 2 + rng.multinomial(psus - 2 * STRATA, rng.dirichlet(np.full(STRATA, 6.0)))
    by_psu = np.full(psus, PER_PSU)
    by_psu[: n - psus * PER_PSU] += 1
    shift = rng.integers(-5, 6, psus // 2)
    by_psu[: 2 * len(shift) : 2] += shift
    by_psu[1 : 2 * len(shift) : 2] -= shift
    psu = np.repeat(np.arange(psus), by_psu)
    stratum = np.repeat(np.arange(STRATA), by_stratum)[psu]
    region, urban = stratum // 4, stratum // 2 % 2

    place, service = rng.normal(0, 0.5, psus)[psu], rng.normal(0, 0.4, psus)[psu]
    of_region = rng.normal(0, 0.3, 10)[region]
    ethn = (rng.random(n)[:, None] > rng.dirichlet([3, 2, 1], 10)[region].cumsum(axis=1)[:, :2]).sum(axis=1)
    educ = np.digitize(
        0.9 * urban + 0.5 * place + 0.4 * of_region - 0.3 * (ethn == 2) + rng.logistic(0, 1, n), [-0.6, 0.9, 2.3]
    )
    sexh = (rng.random(n) < 0.24 + 0.04 * urban).astype(np.int64)
    size = np.minimum(14, 1 + rng.poisson(3.3 - 0.5 * urban + 0.3 * (educ == 0)))
    weight = 250 * np.exp(rng.normal(0, 0.5, STRATA)[stratum] + rng.normal(0, 0.25, psus)[psu] + rng.normal(0, 0.1, n))
    assets = 0.8 * urban + 0.45 * educ + place + of_region - 0.15 * sexh - 0.2 * ethn + rng.normal(0, 0.8, n)
    order = np.argsort(assets, kind="stable")
    people = (weight * size)[order]
    wealth = np.empty(n, dtype=np.int64)
    wealth[order] = np.minimum(4, 5 * (people.cumsum() - people / 2) // people.sum())
    cons = np.exp(
        1.15
        + 0.28 * (wealth - 2)
        + 0.2 * urban
        + 0.1 * educ
        + 0.5 * of_region
        + 0.2 * place
        - 0.06 * (size - 4)
        - 0.05 * sexh
        + rng.normal(0, 0.5, n)
    )
    want = -0.9 + 0.45 * wealth + 0.6 * urban + 0.35 * educ - 0.1 * sexh + 0.6 * of_region - 0.25 * ethn + service
    access = (rng.random(n) < 1 / (1 + np.exp(-want))).astype(np.int64)

    home = np.repeat(np.arange(n), size)
    m = len(home)
    head = np.r_[True, home[1:] != home[:-1]]
    young = rng.random(m) < 0.52
    age = np.where(young, rng.integers(0, 18, m), np.minimum(95, 18 + rng.gamma(1.6, 15, m).astype(np.int64)))
    age = np.where(head, np.clip(20 + rng.gamma(2.6, 10, m).astype(np.int64), 18, 95), age)
    female = np.where(head, sexh[home], rng.integers(0, 2, m))
    disabled = (rng.random(m) < 0.01 + 0.0015 * np.maximum(0, age - 30)).astype(np.int64)
    births = ((female == 1) & (age >= 15) & (age <= 45) & (rng.random(m) < 0.12)).astype(np.int64)
    return (
        {
            "hid": np.arange(n),
            "psu": psu,
            "stratum": stratum,
            "hhweight": weight,
            "size": size,
            "cons": cons,
            "access": access,
            "wealth": wealth,
            "urban": urban,
            "educ": educ,
            "sexh": sexh,
            "region": region,
            "ethn": ethn,
        },
        {"hid": home, "age": age, "female": female, "disabled": disabled, "births": births},
    )


def make(households: int = HOUSEHOLDS) -> Data:
    """Return the columns and their survey."""
    of_households, of_persons = frames(households)
    survey = sp.Survey(
        of_households,
        of_persons,
        welfare="cons",
        psu="psu",
        strata="stratum",
        roles={"sex": "female", "disability": "disabled", "birth": "births"},
    )
    return Data(of_households, of_persons, survey)


def package() -> sp.Package:
    """Return four schemes: for children, old people, disabled people and mothers of a newborn."""

    def monthly(name: str) -> sp.Amount:
        return sp.Amount(AMOUNTS[name], "month")

    return sp.Package(
        [
            sp.child_benefit(monthly("child"), max_age=17),
            sp.old_age_pension(monthly("pension"), min_age=65),
            sp.disability_benefit(monthly("disability")),
            sp.Scheme("maternity benefit", amount=monthly("maternity"), birth=True),
        ]
    )
