"""Data for tests: the real survey where it is at hand, small made-up ones, and factors written out in full."""

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp

from . import oracles

POPSTAN = {"households": "WLD_2023_SYNTH-SVY-HLD-EN_v01_M.dta", "persons": "WLD_2023_SYNTH-SVY-IND-EN_v01_M.dta"}
LINE = 90
STRATA = {("North", "Rural"): 2, ("North", "Urban"): 3, ("South", "Rural"): 5, ("South", "Urban"): 9}  # PSUs of each


def lacking(what, reason):
    """Skip a test and say why; in continuous integration fail, unless it says that it is without this on purpose.

    SP2LNOB_WITHOUT names what is not at hand: "data", "R", "browser", "population"; several with blanks between them.
    """
    named = os.environ.get("SP2LNOB_WITHOUT", "").split()
    if what not in named and os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason}, and continuous integration must have it, or say SP2LNOB_WITHOUT={what}")
    pytest.skip(f"without {what}: {reason}")


def data_file(*parts):
    """Return the path of a data file; without it, skip and say why, but fail in continuous integration."""
    folder = os.environ.get("SP2LNOB_DATA")
    path = Path(folder or "", *parts)
    if folder and path.is_file():
        return path
    reason = f"SP2LNOB_DATA names no folder with {'/'.join(parts)}" if folder else "SP2LNOB_DATA is not set"
    lacking("data", reason)


def popstan(**instead):
    """Return the survey of the World Bank's synthetic country, read from its Stata files."""
    given = {
        "person": "idno",
        "welfare": "pc_exp",
        "welfare_period": "year",
        "psu": "ea",
        "strata": ["geo1", "urbrur"],
        "roles": {"relation": "relation", "disability": "disability", "birth": "births_12m"},
        "derive": {"head_sex": "head(sex)", "head_educ": "head(educ_attain)"},
    }
    files = [data_file("popstan", POPSTAN[name]) for name in ("households", "persons")]
    return sp.read_survey(*files, **given | instead)


def toy_frames(seed=1, per_psu=4, zeros=True):
    """Return households and persons of a small survey: whole weights and whole welfare, so that ties are many.

    Nineteen PSUs in four strata of 2, 3, 5 and 9; about one weight in twelve is 0 if ``zeros``.
    """
    rng = np.random.default_rng(seed)
    region, urbrur, ea = [], [], []
    for (name, area), psus in STRATA.items():
        for _ in range(psus):
            region += [name] * per_psu
            urbrur += [area] * per_psu
            ea += [len(ea) // per_psu + 1] * per_psu
    n = len(ea)
    weight = rng.integers(1, 6, n)
    if zeros:
        weight[rng.choice(n, n // 12, replace=False)] = 0
    town = np.array(urbrur) == "Urban"
    pc = rng.integers(3, 16, n) * 10 + 30 * town
    size = rng.integers(1, 6, n)
    households = {
        "hid": rng.permutation(n) + 100,
        "hhweight": weight,
        "region": region,
        "urbrur": urbrur,
        "ea": ea,
        "pc": pc,
        "water": (rng.random(n) < 0.25 + 0.3 * town + 0.003 * pc).astype(int),
        "fuel": np.where(rng.random(n) < 0.2 + 0.4 * (pc > 90), "Gas", "Wood"),
        "educ": rng.integers(0, 4, n),
    }
    home = np.repeat(households["hid"], size)
    m = len(home)
    persons = {
        "hid": home,
        "pid": np.arange(m) - np.repeat(np.cumsum(size) - size, size) + 1,
        "age": rng.integers(0, 90, m),
        "sex": np.where(rng.random(m) < 0.5, "Female", "Male"),
        "disability": (rng.random(m) < 0.1).astype(int),
        "phone": (rng.random(m) < 0.5 + 0.3 * np.repeat(town, size)).astype(int),
        "own_weight": rng.integers(1, 4, m),
    }
    return households, persons


DESIGN = {
    "person": "pid",
    "welfare": "pc",
    "psu": "ea",
    "strata": ["region", "urbrur"],
    "roles": {"disability": "disability"},
}


def toy_survey(seed=1, per_psu=4, zeros=True, **instead):
    """Return the small survey."""
    return sp.Survey(*toy_frames(seed, per_psu, zeros), **DESIGN | instead)


def in_order(survey, frames):
    """Return both frames as lists in the survey's order of rows; persons carry their household's columns as well."""
    households, persons = frames
    row = {hid: i for i, hid in enumerate(households["hid"])}
    rows = [row[hid] for hid in survey.household_column("hid").values]
    h = {name: [values[i] for i in rows] for name, values in households.items()}
    p = {}
    if persons is not None:
        row = {(hid, pid): i for i, (hid, pid) in enumerate(zip(persons["hid"], persons["pid"], strict=True))}
        ids = zip(survey.person_column("hid").values, survey.person_column("pid").values, strict=True)
        rows = [row[key] for key in ids]
        p = {name: [values[i] for i in rows] for name, values in persons.items()}
        p |= {name: [values[home] for home in survey.household_of] for name, values in h.items() if name not in p}
    return h, p


def factors(survey, replicates):
    """Return the factor of every PSU in every replicate, (replicates, PSUs), as exact multiples of n_h / (n_h - 1)."""
    design, bound = survey.design, replicates.bind(survey)
    blocks = bound.source.factors(1, -(-bound.n // 8))
    rows = np.moveaxis(blocks, 1, 2).reshape(-1, design.psus)[: bound.n]
    fold = [Fraction(int(m), int(m) - 1) if m > 1 else Fraction(1) for m in design.psus_by_stratum for _ in range(m)]
    exact = [[round(factor / f) * f for factor, f in zip(row, fold, strict=True)] for row in rows.tolist()]
    np.testing.assert_allclose(rows, np.array(exact, dtype=np.float64), rtol=1e-15)
    return exact


def exact(values):
    """Return values as fractions, without rounding."""
    return [Fraction(float(value)) for value in values]


# -- the small survey, one replicate at a time ----------------------------------------------------------------------

SHARES = {
    "bottom40": [Fraction(2, 5)],
    "quintile": [Fraction(k, 5) for k in range(1, 5)],
    "decile": [Fraction(k, 10) for k in range(1, 10)],
}
CLASS_LABELS = {
    "bottom40": ["Bottom 40", "Top 60"],
    "quintile": list("12345"),
    "decile": [str(k) for k in range(1, 11)],
}
PACKAGE = sp.Package([sp.child_benefit(sp.Amount(20, "month")), sp.old_age_pension(sp.Amount(45, "month"))])


class ByHand:
    """The small survey as lists of exact fractions. A factor is a list with a number for every PSU."""

    def __init__(self, survey, frames, fixed=False):
        self.survey, self.fixed, self._levels = survey, fixed, {}
        self.h, self.p = in_order(survey, frames)
        self.psu = survey.design.psu.tolist()
        self.home = survey.household_of.tolist()
        self.size = [self.home.count(i) for i in range(len(self.psu))]
        self.one = [Fraction(1)] * survey.design.psus
        self.people = [int(w) * n for w, n in zip(self.h["hhweight"], self.size, strict=True)]
        paid = oracles.transfers(
            [
                {"id": a, "weight": b, "size": c, "welfare": int(d)}
                for a, b, c, d in zip(self.h["hid"], self.h["hhweight"], self.size, self.h["pc"], strict=True)
            ],
            [{"household": a, "age": b} for a, b in zip(self.p["hid"], self.p["age"], strict=True)],
            [{"amount": 20, "max_age": 17}, {"amount": 45, "min_age": 65}],
            Fraction(1),
        )
        self.welfare = {
            "before": [Fraction(int(y)) for y in self.h["pc"]],
            # As the package has it, rounded: otherwise a tie on one side is none on the other.
            "after": exact([float(y) for y in paid["welfare_after"]]),
        }

    def homes(self, unit):
        """Return the household of every row of a unit."""
        return self.home if unit == "person" else list(range(len(self.psu)))

    def weights(self, factor, unit="household", weigh="persons"):
        """Return the rows' weights in a replicate."""
        if unit == "person":
            base = [int(self.h["hhweight"][i]) for i in self.home]
        else:
            base = self.people if weigh == "persons" else [int(w) for w in self.h["hhweight"]]
        return [w * factor[self.psu[i]] for w, i in zip(base, self.homes(unit), strict=True)]

    def cuts(self, name, factor):
        """Return where a welfare class is cut: the replicate's own cuts, or the full sample's if these are fixed."""
        weight = self.weights(self.one if self.fixed else factor)
        return [oracles.quantile(self.welfare["before"], weight, share) for share in SHARES[name]]

    def classes(self, name, factor, scenario="before"):
        """Return the class of every household: how many cuts lie below its welfare."""
        cuts = self.cuts(name, factor)
        return [sum(y > cut for cut in cuts) for y in self.welfare[scenario]]

    def column(self, name, factor, unit="household"):
        """Return the label of every row in a column or a welfare class."""
        if name in SHARES:
            found = self.classes(name, factor)
            return [CLASS_LABELS[name][found[i]] for i in self.homes(unit)]
        return [str(value) for value in (self.p if unit == "person" else self.h)[name]]

    def levels(self, by, factor, unit="household"):
        """Return the level of every row in a domain."""
        if not by:
            return ["all"] * len(self.homes(unit))
        key = by, tuple(factor), unit
        if key not in self._levels:
            columns = [self.column(name, factor, unit) for name in by]
            self._levels[key] = [" x ".join(row) for row in zip(*columns, strict=True)]
        return self._levels[key]

    def cases(self, by, factor, level, unit="household"):
        """Return how many rows with weight are at a level."""
        weight = self.weights(factor, unit)
        return sum(found == level and w > 0 for found, w in zip(self.levels(by, factor, unit), weight, strict=True))

    def value(self, statistic, factor, by=(), level="all", unit="household", scenario="before", of=None):
        """Return ``statistic(values, weight)`` of the rows at a level, NaN where they have no weight; of welfare."""
        rows = [i for i, found in enumerate(self.levels(by, factor, unit)) if found == level]
        weight = self.weights(factor, unit)
        values = [self.welfare[scenario][i] for i in self.homes(unit)] if of is None else of
        if sum(weight[i] for i in rows) == 0:
            return np.nan
        return float(statistic([values[i] for i in rows], [weight[i] for i in rows]))


def without_one(survey):
    """Return, for every stratum, the factors without one of its PSUs at a time; the others carry its weight."""
    design = survey.design
    made = []
    for first, last in pairwise(design.stratum_start.tolist()):
        m = last - first
        here = []
        for left_out in range(first, last):
            factor = [Fraction(1)] * design.psus
            for psu in range(first, last):
                factor[psu] = Fraction(0) if psu == left_out else Fraction(m, m - 1)
            here.append(factor)
        made.append(here)
    return made
