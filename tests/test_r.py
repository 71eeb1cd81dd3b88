"""The same replicate weights in R's survey package and here: the same estimate in every replicate, the same error.

tests/reference/replicates.R hands R what this file writes; where R is installed it is run. What R said once, on the
weights that this file makes, is in tests/reference/replicates.csv; ``python -m tests.test_r`` writes it anew.
"""

import csv
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp

from ._data import POPSTAN, data_file, lacking

HERE = Path(__file__).parent / "reference"
REFERENCE = HERE / "replicates.csv"
SCRIPT = HERE / "replicates.R"


# ---- R


@cache
def has_r():
    """Return whether R and its survey package are there."""
    asked = ["Rscript", "-e", "packageVersion('survey')"]
    return shutil.which("Rscript") is not None and subprocess.run(asked, capture_output=True).returncode == 0


def needs_r():
    """Skip and say why where R is not; but fail in continuous integration."""
    if not has_r():
        lacking("R", "R with its package survey is not installed")


def run_r(what, folder):
    """Run one part of the script on a folder."""
    needs_r()
    made = subprocess.run(["Rscript", SCRIPT, what, folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


LONELY = {  # the third stratum has one PSU
    "stratum": [1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4],
    "psu": [1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 8, 8],
    "w": [2.0, 3, 1, 2, 5, 4, 4, 6, 3, 2, 7, 3, 2, 8],
    "y": [3.0, 7, 12, 5, 9, 4, 6, 11, 8, 20, 13, 2, 16, 10],
}
PAIRS = {
    "stratum": [1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5],
    "psu": [1, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10],
    "w": [2.0, 3, 1, 5, 4, 6, 3, 2, 7, 3, 2, 8],
    "y": [3.0, 7, 12, 9, 4, 11, 8, 20, 13, 2, 16, 10],
}


@cache
def native():
    """Return what R's own designs say, by name and statistic, and R's api data."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("lonely", LONELY), ("pairs", PAIRS)):
            pd.DataFrame(data).to_csv(Path(folder, f"{name}.csv"), index=False)
        run_r("native", folder)
        found = {(row.name, row.statistic): row for row in read(folder, "native").itertuples(index=False)}
        return found, {name: read(folder, name) for name in ("apistrat", "apiclus1", "apiclus2")}


TEXT = {"name", "case", "design", "level", "statistic", "stype", "sch.wide"}


def read(folder, name):
    """Return a table that R wrote; numbers to the last bit, as Python reads them."""
    table = pd.read_csv(Path(folder, f"{name}.csv"), dtype=str, keep_default_na=False)
    return table.astype({column: np.float64 for column in table if column not in TEXT})


# ---- the surveys


@dataclass(frozen=True, eq=False)
class Case:
    """A survey, and what is asked of it; ``designs`` are the replicate designs, and what R is to make of each."""

    survey: sp.Survey
    by: str
    outcome: str
    circumstances: tuple
    unit: str
    line: float
    q: float
    designs: dict


@dataclass(frozen=True, eq=False)
class Pair:
    """One design here, and the arguments of R's svrepdesign that say the same."""

    ours: object
    type: str
    mse: bool = True
    combined: bool = False
    scale: float | None = None
    rho: float | None = None
    average: int | None = None
    rscales: np.ndarray | None = None
    fractions: np.ndarray | None = None  # sampling fraction of every replicate


COLUMNS = [f"r{k:02d}" for k in range(1, 13)]
RSCALES = np.array([0.5, 1.0, 0.0, 2.0, 1.0, 1.0, 0.25, 1.0, 3.0, 1.0, 1.0, 0.75])


def supplied(weight):
    """Return replicate columns of the survey, factors and weights, which no design made: every row has its own."""
    factor = np.random.default_rng(20).gamma(4, 1 / 4, (len(weight), len(COLUMNS)))
    made = {name: factor[:, k] for k, name in enumerate(COLUMNS)}
    return made | {f"w{name}": factor[:, k] * weight for k, name in enumerate(COLUMNS)}


def of_columns():
    """Return the ways in which R's svrepdesign takes columns."""
    weights = [f"w{name}" for name in COLUMNS]
    kept = {"scale": 0.125, "rscales": RSCALES}
    made = {}
    for combined, columns in ((True, weights), (False, COLUMNS)):
        for mse in (True, False):
            design = sp.ReplicateColumns(columns, "other", mse=mse, combined=combined, **kept)
            name = f"other {'weights' if combined else 'factors'}{' mse' if mse else ''}"
            made[name] = Pair(design, "other", mse, combined, **kept)
    for kind in ("bootstrap", "BRR", "ACS", "successive-difference", "JK1", "JK2"):
        made[f"columns {kind}"] = Pair(sp.ReplicateColumns(weights, kind, mse=kind == "ACS"), kind, kind == "ACS", True)
    made["columns Fay"] = Pair(sp.ReplicateColumns(weights, "Fay", fay=0.3), "Fay", combined=True, rho=0.3)
    design = sp.ReplicateColumns(weights, "bootstrap-average", k=5)
    made["columns bootstrap-average"] = Pair(design, "bootstrap", mse=False, combined=True, average=5)
    design = sp.ReplicateColumns(weights, "JKn", rscales=RSCALES)
    made["columns JKn"] = Pair(design, "JKn", combined=True, rscales=RSCALES)
    return made


@cache
def popstan_frames():
    """Return households and persons of the real survey, with replicate columns and a pair of PSUs for each half."""
    asked = ["hid", "geo1", "urbrur", "ea", "hhweight", "hhsize", "pc_exp", "cook_fuel"]
    files = [data_file("popstan", POPSTAN[name]) for name in ("households", "persons")]
    households = pd.read_stata(files[0], columns=asked, convert_categoricals=False)
    asked = ["hid", "idno", "age", "relation", "educ_attain", "sex"]
    persons = pd.read_stata(files[1], columns=asked, convert_categoricals=False)
    rows = households["hhweight"].to_numpy(dtype=np.float64)
    households = pd.concat([households, pd.DataFrame(supplied(rows))], axis=1)
    in_stratum = households.groupby(["geo1", "urbrur"])["ea"].rank("dense").astype(int) - 1
    return households.assign(place=in_stratum, half=in_stratum // 2), persons


def popstan_survey(households=slice(None), **instead):
    """Return a survey of some of its households."""
    frame, persons = popstan_frames()
    frame = frame[households]
    given = {
        "person": "idno",
        "welfare": "pc_exp",
        "welfare_period": "year",
        "psu": "ea",
        "strata": ["geo1", "urbrur"],
        "roles": {"relation": "relation"},
        "derive": {"head_sex": "head(sex)", "head_educ": "head(educ_attain)"},
    }
    return sp.Survey(frame, persons[persons["hid"].isin(frame["hid"])], **given | instead)


def popstan_case(survey, designs):
    """Return what is asked of it."""
    circumstances = ("head_educ", "head_sex", "geo1")
    return Case(survey, "urbrur", "cook_fuel in (1, 2)", circumstances, "household", 1500.0, 0.4, designs)


def popstan():
    """Nineteen strata, 320 PSUs, households with their persons."""
    designs = {
        "rao-wu": Pair(sp.Bootstrap(24, seed=3), "bootstrap", mse=False),
        "JKn": Pair(sp.Jackknife(), "JKn"),
        "SDR": Pair(sp.SuccessiveDifference(order="ea", n=32), "successive-difference"),
        "other weights": of_columns()["other weights"],
    }
    return popstan_case(popstan_survey(), designs)


def popstan_columns():
    """The same survey as one that comes with replicate weights, and says nothing of PSUs and strata."""
    return popstan_case(popstan_survey(psu=None, strata=None), of_columns())


def popstan_pairs():
    """The first four PSUs of every stratum as two strata of two: 38 strata."""
    designs = {"BRR": Pair(sp.BRR(), "BRR"), "Fay": Pair(sp.BRR(fay=0.3), "Fay", rho=0.3)}
    return popstan_case(paired_survey(), designs)


def paired_survey():
    """Return a survey of two PSUs in every stratum."""
    return popstan_survey(popstan_frames()[0]["place"] < 4, strata=["geo1", "urbrur", "half"])


def rare():
    """The same by members of the household: of some numbers, nobody is left in some half samples."""
    designs = {"rao-wu": Pair(sp.Bootstrap(24, seed=11), "bootstrap", mse=False), "BRR": Pair(sp.BRR(), "BRR")}
    return replace(popstan_case(paired_survey(), designs), by="hhsize")


def eusilc():
    """laeken's EU-SILC: persons, in twelve random groups of households for each of nine strata."""
    frame = pd.read_csv(data_file("eusilc", "eusilc.csv.gz"))
    frame = frame[frame["eqincome"] > 0].reset_index(drop=True)
    frame = pd.concat([frame, pd.DataFrame(supplied(frame["rb050"].to_numpy()))], axis=1)
    survey = sp.Survey(
        None,
        frame.assign(group=frame["db030"] % 12),
        household=None,
        weight="rb050",
        welfare="eqincome",
        welfare_period="year",
        psu=["db040", "group"],
        strata="db040",
    )
    designs = {
        "rao-wu": Pair(sp.Bootstrap(24, seed=5), "bootstrap", mse=False),
        "JKn": Pair(sp.Jackknife(), "JKn"),
        "other factors": of_columns()["other factors"],
    }
    return Case(survey, "rb090", "hy040n > 0", ("db040", "rb090"), "person", 10859.236, 0.4, designs)


def api(name, **design):
    """Return a survey of California's schools, whose welfare is their score."""
    frame = native()[1][name]
    return sp.Survey(None, frame, household=None, weight="pw", welfare="api00", welfare_period="year", **design)


def api_case(survey, designs):
    """Return what is asked of schools."""
    return Case(survey, "sch.wide", "enroll > 400", ("stype",), "person", 650.0, 0.413, designs)


def apistrat():
    """R's stratified sample of 200 schools."""
    survey = api("apistrat", strata="stype", fpc="fpc")
    bootstrap = Pair(sp.Bootstrap(24, seed=7), "bootstrap", mse=False)
    jackknife = Pair(sp.Jackknife(), "JKn", fractions=np.repeat(survey.design.fraction, survey.design.psus_by_stratum))
    return api_case(survey, {"rao-wu fpc": bootstrap, "JKn fpc": jackknife})


def apiclus1():
    """R's sample of 15 school districts."""
    with_fpc = api("apiclus1", psu="dnum", fpc="fpc")
    designs = {
        "rao-wu fpc": Pair(sp.Bootstrap(24, seed=9), "bootstrap", mse=False),
        "JK1 fpc": Pair(sp.Jackknife(), "JK1", mse=False, fractions=np.full(15, 15 / 757)),
    }
    return api_case(with_fpc, designs)


CASES = {
    "popstan": popstan,
    "columns": popstan_columns,
    "pairs": popstan_pairs,
    "eusilc": eusilc,
    "apistrat": apistrat,
    "apiclus1": apiclus1,
}
case = cache(lambda name: (CASES | {"rare": rare})[name]())


# ---- what we say


def opportunities(given):
    """Return the access asked for: by circumstances alone, and with a class that every replicate cuts anew."""
    shared = {"outcome": given.outcome, "unit": given.unit}
    plain = sp.Opportunity("plain", circumstances=given.circumstances, **shared)
    return plain, sp.Opportunity("bottom40", circumstances=("bottom40", *given.circumstances), **shared)


def transfers(given):
    """Return a transfer to somebody in every case."""
    paid = given.outcome if given.unit == "person" else "age < 15"
    return sp.simulate(given.survey, sp.Package([sp.Scheme("paid", who=paid, amount=sp.Amount(90, "year"))]))


@cache
def ours(name, design):
    """Return our values, errors and draws of every statistic, by level and by R's name for it."""
    given = case(name)
    plain, bottom40 = opportunities(given)
    poverty = ["headcount", "poverty_gap", "poverty_severity", "watts"]
    statistics = [
        sp.MeanWelfare(),
        sp.Poverty(given.line, "line", measures=poverty),
        sp.Poverty(sp.RelativeLine(0.6), "relative", measures=poverty),
        sp.Inequality(["gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy"], epsilon=0.5, alpha=0),
        sp.Inequality(["atkinson", "generalized_entropy"], epsilon=1, alpha=1),
        sp.Inequality(["generalized_entropy"], alpha=2),
        sp.Quantile(given.q),
        sp.Lorenz([0.2, 0.5]),
        sp.Access(plain),
        sp.Dissimilarity(plain, "cells"),
        sp.Dissimilarity(bottom40, "cells"),
        sp.Cost(),
        sp.ConsumptionGain(),
    ]
    by = ["bottom40", given.by]
    replicates = given.designs[design].ours
    made = sp.estimate(given.survey, statistics, {"after": transfers(given)}, by=by, replicates=replicates)
    found = {}
    for i, row in enumerate(made.rows):
        if row.scenario != ("after" if row.statistic in AFTER else "before"):
            continue
        if row.statistic == "transfer_cost" and row.of != "package":
            continue
        if row.by == "bottom40":
            if row.statistic != "mean_welfare" or row.level != "Bottom 40":
                continue
            key = "all", "mean_welfare bottom40"
        elif row.of in ("relative", "bottom40"):
            if row.level != "all":  # R's subset has a line and a poorest 40 % of its own
                continue
            key = "all", f"{row.statistic} {row.of}"
        elif row.statistic in ("atkinson", "generalized_entropy", "lorenz"):
            key = row.level, f"{row.statistic} {row.param}"
        else:
            key = row.level, row.statistic
        found[key] = made.value[i], made.se[i], made.draws[:, i]
    return found


AFTER = ("transfer_cost", "consumption_gain")


# ---- what R says of the same weights


def write_for_r(folder, names):
    """Write the rows of every survey, and the replicate weights or factors of every design."""
    table = []
    for name in names:
        given = case(name)
        survey, welfare = given.survey, given.survey.welfare
        plain, _ = opportunities(given)
        cells = [survey.column(column, given.unit).values for column in given.circumstances]
        level = survey.column(given.by, given.unit)
        rows = {
            "w": survey.people,
            "y": welfare,
            "t": transfers(given).welfare_after - welfare,
            "access": plain.prepare(survey).outcome,
            "group": np.unique(np.column_stack(cells), axis=0, return_inverse=True)[1].ravel() + 1,
            "level": [level.label(value) for value in level.values],
        }
        pd.DataFrame(rows).to_csv(Path(folder, f"{name}.csv"), index=False, float_format="%.17g")
        for design, pair in given.designs.items():
            exported = sp.replicate_weights(survey, pair.ours, full=pair.combined)
            weights = exported.filter(regex="^rw_").to_numpy()
            if pair.combined:  # persons' weights: those of households times their members
                weights = weights * (survey.people / survey.weight)[:, None]
            for what, numbers in {"": weights.T, "-rscales": pair.rscales, "-fractions": pair.fractions}.items():
                if numbers is not None:
                    np.ascontiguousarray(numbers, dtype=np.float64).tofile(Path(folder, f"{name}-{design}{what}.f64"))
            asked = {key: getattr(pair, key) for key in ("type", "mse", "combined", "scale", "rho", "average")}
            sizes = {"replicates": weights.shape[1], "line": given.line, "q": given.q}
            table.append({"case": name, "design": design, **asked, **sizes})
    pd.DataFrame(table).replace({True: "TRUE", False: "FALSE"}).to_csv(
        Path(folder, "designs.csv"), index=False, na_rep="NA", float_format="%.17g"
    )


def asked_of_r(names):
    """Return R's values, errors and estimates by case, design, level and statistic; its df; its versions."""
    with tempfile.TemporaryDirectory() as folder:
        write_for_r(folder, names)
        run_r("given", folder)
        found, df = {}, {}
        for (name, design), rows in read(folder, "values").groupby(["case", "design"], sort=False):
            draws = np.fromfile(Path(folder, f"{name}-{design}-estimates.f64")).reshape(len(rows), -1)
            df[name, design] = int(rows["df"].iloc[0])
            for row, estimates in zip(rows.itertuples(), draws, strict=True):
                found[name, design, row.level, row.statistic] = row.value, row.se, estimates
        return found, df, Path(folder, "versions.txt").read_text(encoding="utf-8").strip()


# ---- the same weights, the same estimates


def committed():
    """Return what R said once: by case and design, then by level and statistic."""
    found = {}
    with REFERENCE.open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            numbers = tuple(float(row[name]) for name in NUMBERS)
            found.setdefault((row["case"], row["design"]), {})[row["level"], row["statistic"]] = numbers
    return found


NUMBERS = ("value", "se", "first", "last")  # of the replicates, the first and the last
COMMITTED = committed() if REFERENCE.exists() else {}


def as_columns(found):
    """Return values, errors and draws of what was found, in order of its keys."""
    value, se, draws = zip(*(found[key] for key in sorted(found)), strict=True)
    return sorted(found), np.array(value), np.array(se), np.array(draws)


@pytest.mark.parametrize(("name", "design"), COMMITTED)
def test_what_r_said_once(name, design):
    r = COMMITTED[name, design]
    keys, value, se, draws = as_columns(ours(name, design))
    assert keys == sorted(r)
    expected = np.array([r[key] for key in keys])
    assert_close(keys, value, expected[:, 0], 1e-10, "value")
    assert_close(keys, se, expected[:, 1], 1e-9, "standard error")
    assert_close(keys, draws[:, [0, -1]], expected[:, 2:], 1e-10, "first and last replicate")


def test_a_function_of_ones_own_is_what_r_makes_of_it():
    own = sp.Custom("own", lambda weights, data: sp.gini(data["welfare"], weights))
    made = sp.estimate(case("pairs").survey, [own], by=["urbrur"], replicates=sp.BRR(fay=0.3))
    for i, row in enumerate(made.rows):
        value, se, first, last = COMMITTED["pairs", "Fay"][row.level, "gini"]
        assert (made.value[i], made.se[i]) == pytest.approx((value, se), rel=1e-9)
        assert made.draws[[0, -1], i].tolist() == pytest.approx([first, last], rel=1e-10)


def assert_close(keys, found, expected, exactness, what):
    """Check numbers by key: none may be off by more than the relative error."""
    found, expected = np.asarray(found).reshape(len(keys), -1), np.asarray(expected).reshape(len(keys), -1)
    right = np.abs(found - expected) <= exactness * np.abs(expected) + 1e-15  # not where either is NaN
    wrong = np.flatnonzero(~right.all(axis=1))
    assert not len(wrong), f"{what} of {[keys[i] for i in wrong]}: {found[wrong]}, R has {expected[wrong]}"


@pytest.mark.parametrize("name", CASES)
def test_every_replicate_is_what_r_says_now(name):
    found, df, _ = asked_of_r([name])
    for design, pair in case(name).designs.items():
        keys, value, se, draws = as_columns(ours(name, design))
        r = of_design(found, name, design)
        assert keys == sorted(r)
        _, expected, its_se, its_draws = as_columns(r)
        assert draws.shape == its_draws.shape
        assert_close(keys, draws, its_draws, 1e-10, f"replicates by {design}")
        assert_close(keys, value, expected, 1e-10, f"values by {design}")
        assert_close(keys, se, its_se, 1e-9, f"standard errors by {design}")
        if name == "columns":  # no design but the weights: their rank tells
            assert pair.ours.bind(case(name).survey).most_df == df[name, design]


def of_design(found, name, design):
    """Return what R said by one design, by level and statistic."""
    return {key[2:]: numbers for key, numbers in found.items() if key[:2] == (name, design)}


def test_replicates_that_fail():
    # R leaves them out, and keeps the scale of all R: 1 / (R - 1) of a bootstrap, 1 / R about the full sample's value.
    # Here the k that are left stand for them: 1 / (k - 1) and 1 / k.
    said, _, _ = asked_of_r(["rare"])
    for design, pair in case("rare").designs.items():
        r = of_design(said, "rare", design)
        keys, value, se, draws = as_columns({key: ours("rare", design)[key] for key in r})
        _, expected, its_se, its_draws = as_columns(r)
        failed = np.isnan(its_draws).sum(axis=1)
        assert len(np.unique(failed)) > 2
        assert np.isnan(draws).tolist() == np.isnan(its_draws).tolist()
        assert_close(keys, np.nan_to_num(draws), np.nan_to_num(its_draws), 1e-10, f"replicates by {design}")
        assert_close(keys, value, expected, 1e-10, f"values by {design}")
        every = draws.shape[1] - (0 if pair.mse else 1)
        assert_close(keys, se, its_se * np.sqrt(every / (every - failed)), 1e-9, f"standard errors by {design}")


def test_the_committed_table_is_of_the_same_designs():
    needs_r()  # its data are needed to list them
    assert list(COMMITTED) == [(name, design) for name in CASES for design in case(name).designs]


# ---- R's own designs


def sum_of(survey, design):
    """Return the sum of weights and its standard error: what it costs to pay everybody 1."""
    everybody = sp.simulate(survey, sp.Package([sp.Scheme("everybody", amount=sp.Amount(1, "year"))]))
    made = sp.estimate(survey, [sp.Cost()], {"after": everybody}, replicates=design)
    row = made.find(statistic="transfer_cost", of="package")
    return made.value[row], made.se[row]


def mean_of(survey, design):
    """Return mean welfare and its standard error."""
    made = sp.estimate(survey, [sp.MeanWelfare()], replicates=design)
    return made.value[0], made.se[0]


def rows_of(frame, y, w, **design):
    """Return two surveys of rows that stand alone: of y as welfare, and with weights whose sum is y's total."""
    frame = pd.DataFrame(frame)
    frame = frame.assign(weight=frame[w], times_y=frame[w] * frame[y])
    shared = {"household": None, "welfare_period": "year", **design}
    return (
        sp.Survey(None, frame, weight="weight", welfare=y, **shared),
        sp.Survey(None, frame, weight="times_y", **shared),
    )


# Of R 4.2.2 and survey 4.1-1, as the script writes them: they hold where R is not.
NATIVE = {
    "pairs BRR": (102.95144486601438, None),  # its mean depends on the matrix
    "pairs Fay": (102.9514448660144, None),
    "lonely JKn certainty": (120.59850745345068, 1.0169232718880699),
    "lonely taylor average": (139.2551614842337, None),
    "lonely JKn adjust": (121.49382700367948, 1.4189419403610286),
}
API = {
    "apistrat JKn fpc": (114641.71610078032, 18.50851095857736),
    "apistrat JKn": (117319.08596896478, 18.94076311975309),
    "apiclus1 JK1 fpc": (932235.027041215, 50.473822642613065),
    "apiclus1 JK1": (941610.7409119797, 50.98145012423948),
}


@pytest.mark.parametrize("name", [*NATIVE, *API])
def test_constants_are_what_r_says_now(name):
    total, mean = (NATIVE | API)[name]
    found = native()[0]
    assert found[name, "total"].se == pytest.approx(total, rel=1e-12)
    if mean is not None:
        assert found[name, "mean"].se == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "data", "design", "rule"),
    [
        ("pairs BRR", PAIRS, sp.BRR(), "error"),
        ("pairs Fay", PAIRS, sp.BRR(fay=0.3), "error"),
        ("lonely JKn certainty", LONELY, sp.Jackknife(), "certainty"),
        ("lonely JKn certainty", LONELY, sp.Jackknife(), "remove"),
        ("lonely taylor average", LONELY, sp.Jackknife(), "scaled"),
        ("lonely taylor average", LONELY, sp.Jackknife(), "average"),
        ("lonely JKn adjust", LONELY, sp.Jackknife(), "centered"),
        ("lonely JKn adjust", LONELY, sp.Jackknife(), "adjust"),
    ],
)
def test_small_surveys(name, data, design, rule):
    of_mean, of_total = rows_of(data, "y", "w", psu="psu", strata="stratum", single_psu=rule)
    total, mean = NATIVE[name]
    assert sum_of(of_total, design) == pytest.approx((np.dot(data["w"], data["y"]), total), rel=1e-9)
    if mean is not None:
        assert mean_of(of_mean, design)[1] == pytest.approx(mean, rel=1e-9)


def test_r_scales_a_jackknife_with_a_single_psu_by_psus_not_by_strata():
    # Four strata of eight PSUs: R's Taylor error is scaled by 4 / 3, that of its replicates by 8 / 7.
    found = native()[0]
    certainty = found["lonely JKn certainty", "total"].se
    assert found["lonely taylor average", "total"].se == pytest.approx(certainty * np.sqrt(4 / 3), rel=1e-12)
    assert found["lonely JKn average", "total"].se == pytest.approx(certainty * np.sqrt(8 / 7), rel=1e-12)


@pytest.mark.parametrize("name", API)
def test_api(name):
    sample, *_, last = name.split()
    design = {"strata": "stype"} if sample == "apistrat" else {"psu": "dnum"}
    given = rows_of(native()[1][sample], "enroll", "pw", fpc="fpc" if last == "fpc" else None, **design)
    for survey, estimate, statistic, i in zip(given, (mean_of, sum_of), ("mean", "total"), (1, 0), strict=True):
        expected = (native()[0][name, statistic].value, API[name][i])
        assert estimate(survey, sp.Jackknife(mse=True)) == pytest.approx(expected, rel=1e-9)


def test_degrees_of_freedom_of_apistrat():
    survey, _ = rows_of(native()[1]["apistrat"], "api00", "pw", strata="stype")
    made = sp.estimate(survey, [sp.MeanWelfare()], by=["sch.wide"], replicates=sp.Bootstrap(2), df="design")
    found = {row.level: df for row, df in zip(made.rows, made.df, strict=True)}
    r = [native()[0][f"apistrat taylor{domain}", "total"].df for domain in ("", " sch.wide=No")]
    assert [found["all"], found["No"]] == r == [197, 45]


def two_stages():
    """Return apiclus2 as 40 districts of 60, and of each at most five of its schools; the weights sum to pupils."""
    frame = native()[1]["apiclus2"]
    schools = frame.groupby("dnum")["snum"].transform("size")
    return frame.assign(w=1.5 * frame["fpc2"] / schools)


@pytest.mark.parametrize("fpc", ["fpc", None])
def test_bootstrap_of_apistrat(fpc):
    # Its own error is about 0.8 % at 8,000 replicates.
    _, survey = rows_of(native()[1]["apistrat"], "enroll", "pw", strata="stype", fpc=fpc)
    r = native()[0]["apistrat taylor fpc" if fpc else "apistrat taylor", "total"]
    assert round(r.se) == (114642 if fpc else 117319)
    assert sum_of(survey, sp.Bootstrap(8000, seed=1)) == (
        pytest.approx(r.value, rel=1e-12),
        pytest.approx(r.se, rel=0.025),
    )


def test_two_stages_of_apiclus2():
    # R's Taylor error is 33,600; the bootstrap's own is about 0.8 % at 8,000 replicates.
    r = native()[0]["apiclus2 taylor two stages", "total"]
    assert r.se == pytest.approx(33600.13814487398, rel=1e-12)
    _, survey = rows_of(two_stages(), "api.stu", "w", psu="dnum", fpc=["N1", "fpc2"])
    value, se = sum_of(survey, sp.Bootstrap(8000, seed=1))
    assert value == pytest.approx(r.value, rel=1e-12)
    assert se == pytest.approx(r.se, rel=0.025)


def test_one_stage_of_apiclus2_falls_short():
    r = native()[0]["apiclus2 taylor one stage", "total"]
    with pytest.warns(sp.SP2LNOBWarning):
        _, survey = rows_of(two_stages(), "api.stu", "w", psu="dnum", fpc="N1")
    assert sum_of(survey, sp.Jackknife())[1] == pytest.approx(r.se, rel=1e-9)
    assert sum_of(survey, sp.Bootstrap(8000, seed=1))[1] == pytest.approx(r.se, rel=0.025)


# ---- the sampling errors that DHS publishes


@cache
def women():
    """Return the women of the DHS model survey: 217 clusters, strata v023."""
    import rdata

    parsed = rdata.parser.parse_file(data_file("dhs_zz", "zzir.rda"))
    frame = parsed.object.value[0]
    names = frame.attributes.value[0]  # of its 819 columns; to convert them all takes minutes
    asked = (b"v005", b"v021", b"v023", b"v025", b"v106", b"v201")
    kept = [k for k, name in enumerate(names.value) if name.value in asked]
    frame.value, names.value = [frame.value[k] for k in kept], [names.value[k] for k in kept]
    made = rdata.conversion.convert(parsed)["zzir"].astype({"v005": float, "v021": float, "v201": float})
    return made.astype({"v023": str, "v025": str, "v106": str})


@cache
def of_women(design):
    """Return values and errors of what DHS publishes, by a replicate design."""
    survey = sp.Survey(
        None, women(), household=None, weight="v005", welfare="v201", welfare_period="year", psu="v021", strata="v023"
    )
    outcomes = {
        "urban": "v025 == 'urban'",
        "no education": "v106 == 'no education'",
        "secondary or more": "v106 in ('secondary', 'higher')",
    }
    asked = [sp.Access(sp.Opportunity(name, text, "person", circumstances=["v023"])) for name, text in outcomes.items()]
    made = sp.estimate(survey, [*asked, sp.MeanWelfare()], replicates=design)
    return dict(zip([*outcomes, "children ever born"], zip(made.value, made.se, strict=True), strict=True))


# As DHS publishes it, to three digits; R's svydesign, whose Taylor error is DHS's method for means; R's JKn.
DHS = {
    "urban": ("0.451", "0.032", 0.0315628451493, 0.0322219606608),
    "no education": ("0.527", "0.018", 0.0184757624666, 0.0188345834684),
    "secondary or more": ("0.336", "0.020", 0.0200734144266, 0.0205056241062),
    "children ever born": ("2.769", "0.076", 0.075825304702, 0.0772866520283),
}


@pytest.mark.parametrize("name", DHS)
def test_published_sampling_errors(name):
    published, error, taylor, jackknife = DHS[name]
    assert f"{taylor:.3f}" == error
    value, se = of_women(sp.Jackknife())[name]
    assert f"{value:.3f}" == published
    assert se == pytest.approx(jackknife, rel=1e-9)
    # The jackknife is to the right of the published digits: of a ratio it is a little larger than the Taylor error.
    assert 1 < se / taylor < 1.025
    # The bootstrap's own error at 2,000 replicates: 1.6 %.
    assert of_women(sp.Bootstrap(2000, seed=1))[name][1] == pytest.approx(taylor, rel=0.06)


def write_reference():
    """Write what R says now of the weights that this file makes."""
    found, _, versions = asked_of_r(list(CASES))
    with REFERENCE.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# {versions}; weights by tests/test_r.py; World Bank Popstan 2023, laeken's eusilc, R's api\n")
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["case", "design", "level", "statistic", *NUMBERS])
        for key, (value, se, draws) in found.items():
            out.writerow([*key, *(f"{number:.12g}" for number in (value, se, draws[0], draws[-1]))])


if __name__ == "__main__":
    write_reference()
