"""Cost by year: people of the table, recipients of the survey, and what the United Nations and SPOT publish."""

import csv
import gzip
import importlib.util
import lzma
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies as st

import sp2lnob as sp
from sp2lnob.populations import SHIPPED, _shipped
from sp2lnob.projection import path_of
from sp2lnob.study import read_study

from . import oracles
from ._data import data_file, lacking, toy_survey

FEW = sp.Bootstrap(20)
ECONOMY = sp.Economy(year=2025, gdp_per_capita=1800.0, growth=0.03)
PENSION = sp.old_age_pension(sp.Amount(0.16, "gdp_per_capita"))


@pytest.fixture(scope="module")
def cambodia():
    return sp.population("Cambodia")


def table(years=(2025, 2035), oldest=100, step=5, seed=1, sexes=("Female", "Male")):
    """Return people by year, sex and age."""
    rng = np.random.default_rng(seed)
    rows = [(y, s, a) for y in years for s in sexes for a in range(0, oldest + 1, step)]
    year, sex, age = zip(*rows, strict=True)
    return {"year": year, "sex": sex, "age": age, "people": rng.integers(1, 1000, len(rows)).astype(float)}


def paid(survey, *schemes, economy=ECONOMY, **package):
    return sp.simulate(survey, sp.Package(list(schemes), **package), economy)


def value(projection, statistic, of, year):
    return projection.estimates.value[projection.estimates.find(statistic=statistic, of=of, level=str(year))]


# -- people ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("country", "people", "old"), [("Cambodia", 18.827, 1.405), ("Maldives", 0.540, 0.036)])
def test_people_of_2030_are_those_that_are_published(country, people, old):
    found = sp.population(country)
    assert round(found.people(2030) / 1e6, 3) == people
    assert round(found.people(2030, min_age=65) / 1e6, 3) == old


UN = {"Cambodia": 116, "Maldives": 462, "India": 356, "Armenia": 51, "Bhutan": 64, "Viet Nam": 704}


def published():
    """Return the United Nations' people of Asia and the Pacific by country, year and first age of five."""
    made = {}
    for name in ("popAge5_estimates_asiapacific.csv.gz", "popprojAge5_asiapacific.csv.gz"):
        with gzip.open(data_file("un_wpp2024", name), "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                key = int(row["country_code"]), int(row["year"])
                age = int(row["age"].replace("+", "-").split("-")[0])
                made.setdefault(key, {})[age] = 1000 * np.array([float(row["popF"]), float(row["popM"])])
    return made


def test_people_are_those_of_the_whole_file():
    whole = published()
    for country, code in UN.items():
        found = sp.population("Vietnam" if country == "Viet Nam" else country)
        for year in range(2020, 2101, 5):
            given = np.stack([whole[code, year][age] for age in range(0, 101, 5)], axis=1)
            made = np.add.reduceat(found.single([year])[0], np.arange(0, 101, 5), axis=1)
            all_ages, old = made.sum() / given.sum(), made[:, 13:].sum() / given[:, 13:].sum()
            if year % 10 == 0:
                large = given > 0.001 * given.sum()
                np.testing.assert_allclose(made[large], given[large], rtol=0.01)
                assert abs(all_ages - 1) < 2e-4
                assert abs(old - 1) < 1e-3
            else:  # between: interpolated
                assert abs(all_ages - 1) < 0.025, (country, year)  # Armenia 2025: who came in 2023 is missed
                assert abs(old - 1) < 0.035, (country, year)


def test_the_table_in_the_package_is_what_starsim_data_has():
    path = Path(__file__).parents[1] / "tools" / "wpp2024.py"
    if importlib.util.find_spec("starsim_data") is None or importlib.util.find_spec("h5py") is None:
        lacking("population", "starsim-data is not installed: pip install --no-deps --group population")
    spec = importlib.util.spec_from_file_location("wpp2024", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert lzma.decompress(SHIPPED.read_bytes()) == tool.content()


def test_the_table_says_whose_it_is_and_is_small():
    told, counts = _shipped()
    assert "CC BY 3.0 IGO" in told["source"]
    assert counts.shape == (187, 9, 2, 21)
    assert counts.min() == 0
    assert SHIPPED.stat().st_size < 61_000
    assert sp.population("KHM").people(2050) == sp.population("Cambodia").people(2050)


@given(st.integers(0, 50), st.sampled_from([(100, 5), (80, 10), (30, 1), (65, 13)]))
def test_groups_keep_their_number_and_nobody_is_negative(seed, ages):
    oldest, step = ages
    frame = table(oldest=oldest, step=step, seed=seed)
    found = sp.Population(frame)
    single = found.single([2025, 2030, 2035])
    assert (single >= 0).all()
    for i, year in ((0, 2025), (2, 2035)):
        groups = np.add.reduceat(single[i], np.arange(0, oldest + 1, step), axis=1)
        want = [p for y, p in zip(frame["year"], frame["people"], strict=True) if y == year]
        np.testing.assert_allclose(groups.ravel(), want, rtol=1e-12)


def test_a_cohort_grows_older():
    one = {"year": [2000] * 101 + [2010] * 101, "age": [*range(101)] * 2}
    people = [1000.0] * 50 + [10.0] * 51 + [1000.0] * 60 + [10.0] * 41  # those under 50, ten years later under 60
    found = sp.Population({**one, "people": people}).single([2005])[0, 0]
    np.testing.assert_allclose(found[:55], 1000.0)
    np.testing.assert_allclose(found[55:], 10.0)


def test_any_frame_and_any_order_of_rows():
    frame = table()
    order = np.random.default_rng(2).permutation(len(frame["year"]))
    mixed = {name: np.asarray(values)[order] for name, values in frame.items()}
    want = sp.Population(frame).single([2029])
    for made in (pd.DataFrame(mixed), pl.DataFrame(mixed), mixed):
        np.testing.assert_array_equal(sp.Population(made).single([2029]), want)
    ages = [f"{a}-{a + 4}" if a < 100 else "100+" for a in frame["age"]]
    np.testing.assert_array_equal(sp.Population({**frame, "age": ages}).single([2029]), want)


def test_a_variant_is_chosen():
    low, high = table(seed=1), table(seed=2)
    both = {name: [*low[name], *high[name]] for name in low}
    both["variant"] = ["Low"] * len(low["year"]) + ["High"] * len(low["year"])
    assert sp.Population(both, "High").people(2025) == sp.Population(high).people(2025)
    with pytest.raises(sp.InputError, match=r"A variant must be chosen, but the table has High, Low\. Pass variant="):
        sp.Population(both)
    with pytest.raises(sp.InputError, match="A variant of the population must be one that exists"):
        sp.Population(both, "Hihg")


def without(frame, row):
    return {name: [v for i, v in enumerate(values) if i != row] for name, values in frame.items()}


BAD = {
    "gap": (lambda f: without(f, 3), "one row for each year, sex and age, but 2025, Female, age 15 has none"),
    "twice": (lambda f: {n: [*v, v[3]] for n, v in f.items()}, "2025, Female, age 15 has 2 rows"),
    "negative": (
        lambda f: {**f, "people": [-1.0, *f["people"][1:]]},
        r"people of the population must be 0 or more, but 1 of 84 rows do not \(first: 2025, age 0: -1\)",
    ),
    "missing": (lambda f: {**f, "people": [np.nan, *f["people"][1:]]}, "must be 0 or more"),
    "young": (
        lambda f: {n: [x for x, a in zip(v, f["age"], strict=True) if a] for n, v in f.items()},
        "begin at 0, but the first is 5",
    ),
    "age": (lambda f: {**f, "age": ["old", *map(str, f["age"][1:])]}, "must be a number, or such as '0-4'"),
    "half": (lambda f: {**f, "age": [0.5, *f["age"][1:]]}, "age of the population must be a whole number"),
    "column": (lambda f: {n: v for n, v in f.items() if n != "people"}, "A column of the population must be one"),
    "empty": (lambda f: {n: [] for n in f}, "A population must have rows"),
    "nobody": (lambda f: {**f, "people": [0.0] * len(f["year"])}, "There must be people in every year"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_told(name):
    spoil, message = BAD[name]
    with pytest.raises(sp.InputError, match=message):
        sp.Population(spoil(table()))


def test_a_country_that_is_not_there():
    with pytest.raises(sp.InputError, match=r"'Camboda' does not\. Did you mean 'Cambodia'"):
        sp.population("Camboda")
    with pytest.raises(sp.InputError, match="variant of the table in the package must be one of 'medium'"):
        sp.population("Cambodia", "high")
    with pytest.raises(sp.InputTypeError, match="A country must be text"):
        sp.population(116)


# -- recipients -----------------------------------------------------------------------------------------------------


def test_the_base_year_is_the_identity(example, cambodia):
    transfers = paid(example, sp.child_benefit(sp.Amount(0.04, "gdp_per_capita")), PENSION)
    projection = sp.project(transfers, cambodia, [2025, 2026], replicates=FEW)
    everybody = cambodia.people(2025)
    for of, level, ages in (("child benefit", 0.04, (0, 17)), ("old-age pension", 0.16, (65, None))):
        share = cambodia.people(2025, *ages) / everybody
        assert value(projection, "cost_gdp", of, 2025) == pytest.approx(level * share * 1.05, rel=1e-12)
    assert value(projection, "cost_gdp", "package", 2025) == pytest.approx(projection.share()[0])
    share = cambodia.people(2026, 0, 17) / cambodia.people(2026)
    assert value(projection, "cost_gdp", "child benefit", 2026) == pytest.approx(0.04 * share * 1.05, rel=1e-12)


@pytest.mark.parametrize("by_sex", [True, False])
def test_recipients_are_those_of_the_oracle_in_every_replicate(by_sex):
    survey = toy_survey(per_psu=12)
    scheme = sp.disability_benefit(sp.Amount(10, "month"), max_age=64)
    frame = table(years=(2025, 2026), oldest=80, step=20)
    people, design = sp.Population(frame), sp.Jackknife()
    transfers = paid(survey, scheme)
    found = sp.project(transfers, people, by_sex=by_sex, replicates=design)
    starts = _starts(survey, (0, 65), by_sex)
    age, sex = (survey.person_column(name) for name in ("age", "sex"))
    cell = np.searchsorted(starts, age.values, side="right") - 1
    label = [sex.label(v) if by_sex else "both" for v in sex.values]
    single = people.single([2025, 2026])
    table_of = {
        year: {
            (s, i): single[y, k if by_sex else slice(None), a:b].sum()
            for k, s in enumerate(people.sexes if by_sex else ("both",))
            for i, (a, b) in enumerate(pairwise([*starts, 81]))
        }
        for y, year in enumerate((2025, 2026))
    }
    replication = design.bind(survey)
    factors = np.moveaxis(replication.source.factors(1, -(-replication.n // 8)), 1, 2).reshape(-1, survey.design.psus)
    for draw, factor in ((found.estimates.value, np.ones(survey.design.psus)), (found.estimates.draws[4], factors[4])):
        persons = [
            {"weight": w * factor[survey.design.psu[h]], "received": r, "group": (s, c)}
            for w, h, r, s, c in zip(
                survey.person_weight, survey.household_of, transfers.received[:, 0], label, cell, strict=True
            )
        ]
        want = oracles.projected_recipients(persons, table_of, lambda person: person["group"])
        for year, number in want.items():
            i = found.estimates.find(statistic="recipients", of="disability benefit", level=str(year))
            assert draw[i] == pytest.approx(number, rel=1e-12)


def _starts(survey, limits, by_sex):
    """Return where groups begin: five years, from 80 on one; those with fewer than 30 persons join the younger."""
    starts = sorted({*limits, *range(0, 81, 5)})
    age, sex = survey.person_column("age").values, survey.person_column("sex").values
    there = survey.person_weight > 0

    def least(a, b):
        here = there & (age >= a) & (age < b)
        return min((here & (sex == s)).sum() for s in set(sex)) if by_sex else here.sum()

    for a in sorted(starts, reverse=True):
        after = [b for b in starts if b > a]
        if a not in limits and least(a, after[0] if after else 999) < 30:
            starts.remove(a)
    for a in limits:
        while (after := [b for b in starts if b > a]) and after[0] not in limits and least(a, after[0]) < 30:
            starts.remove(after[0])
    return starts


def test_births_follow_infants_and_households_follow_adults(example, cambodia):
    birth = sp.maternity_benefit(sp.Amount(0.09, "gdp_per_capita"))
    home = sp.household_benefit(sp.Amount(10, "month"), coverage=1)
    transfers = paid(example, birth, home)
    projection = sp.project(transfers, cambodia, [2025, 2060], replicates=FEW)
    age, weight = example.role("age").values, example.person_weight
    births = (weight * transfers.received[:, 0]).sum() / weight[age == 0].sum()
    homes = example.weight.sum() / weight[age >= 18].sum()
    for year in (2025, 2060):
        want = births * cambodia.people(year, 0, 0)
        assert value(projection, "recipients", birth.name, year) == pytest.approx(want, rel=1e-12)
        want = homes * cambodia.people(year, 18)
        assert value(projection, "recipients", home.name, year) == pytest.approx(want, rel=1e-12)


def test_what_all_of_an_age_receive_has_no_error_and_what_few_do_has(example, cambodia):
    transfers = paid(example, PENSION, sp.disability_benefit(sp.Amount(20, "month")))
    frame = sp.project(transfers, cambodia, [2030], replicates=sp.Bootstrap(50)).frame()
    se = frame[frame.statistic == "cost_gdp"].set_index("of").se
    assert se["old-age pension"] == pytest.approx(0, abs=1e-12)
    assert se["disability benefit"] > 0
    assert se["package"] == pytest.approx(se["disability benefit"], rel=1e-9)


def test_the_survey_s_own_people_if_they_are_not_calibrated(example, cambodia):
    transfers = paid(example, PENSION)
    to_table = sp.project(transfers, cambodia, [2030], replicates=FEW)
    own = sp.project(transfers, cambodia, [2030], replicates=FEW, calibrate=False)
    assert own.ratio == pytest.approx(example.person_weight.sum() / cambodia.people(2025))
    number = value(to_table, "recipients", "package", 2030)
    assert value(own, "recipients", "package", 2030) == pytest.approx(number * own.ratio)
    assert value(own, "cost_gdp", "package", 2030) == pytest.approx(value(to_table, "cost_gdp", "package", 2030))
    assert f"{own.ratio:.3f} times the table's people" in own.note


# -- schemes with all their parameters ------------------------------------------------------------------------------


def people_of(survey, years=(2025, 2026)):
    """Return a survey's own people, the same in every year."""
    age, sex = survey.role("age").values.astype(int), survey.person_column("sex")
    counted = np.zeros((2, age.max() + 1))
    sexes = sorted({sex.label(v) for v in sex.values})
    np.add.at(counted, ([sexes.index(sex.label(v)) for v in sex.values], age), survey.person_weight)
    rows = [(y, s, a, counted[i, a]) for y in years for i, s in enumerate(sexes) for a in range(counted.shape[1])]
    return sp.Population(dict(zip(("year", "sex", "age", "people"), zip(*rows, strict=True), strict=True)))


MONEY = sp.Amount(10, "month")
BANDS = sp.Schedule.by_age({(0, 5): sp.Amount(20, "month"), (6, 17): MONEY})
OF_ALL = {
    "plain": [sp.child_benefit(MONEY), PENSION, sp.maternity_benefit(MONEY)],
    "bands of age": [sp.child_benefit(BANDS)],
    "bands and a taper": [
        sp.Scheme("graded", amount=BANDS.tapered(starts=40.0, ends=90.0), max_age=17),
        sp.Scheme("by size", amount=sp.Schedule.by_size({"1-3": MONEY, "4+": sp.Amount(4, "month")}), min_age=60),
    ],
    "ranked": [sp.child_benefit(MONEY, target=sp.Rank(0.4, by="welfare")), PENSION],
    "ranked, and its amount by recipients": [
        sp.Scheme(
            "second child",
            amount=sp.Schedule.by_recipients({"1": MONEY, "2+": sp.Amount(6, "month")}),
            max_age=17,
            target=sp.Rank(0.3, by="welfare"),
            max_amount=sp.Amount(15, "month"),
        )
    ],
    "per household": [
        sp.household_benefit(MONEY, coverage=0.5, administration=0.1),
        sp.Scheme("homes", amount=sp.Schedule.by_size({"1-3": MONEY, "4+": sp.Amount(15, "month")}), per="household"),
    ],
    "phased in": [sp.child_benefit(MONEY, phase_in={2020: 0.3, 2026: 1.0}), PENSION],
    "errors, priority and at most one": [
        sp.old_age_pension(MONEY, exclusion_error=0.1, target=sp.Rank(0.5, by="welfare"), inclusion_error=0.05),
        sp.child_benefit(MONEY, unless="old-age pension", unless_in="household", max_recipients=1, administration=0.2),
    ],
}


@pytest.mark.parametrize("schemes", OF_ALL.values(), ids=OF_ALL)
@pytest.mark.parametrize("draws", ["seeded", "exact"])
def test_in_the_base_year_on_the_survey_s_own_people_it_is_what_simulate_pays(example, schemes, draws):
    economy = sp.Economy(
        year=2025, gdp=1e10, gdp_per_capita=1800.0, revenue=2e9, expenditure=2.5e9, taxes=1e9, growth=0
    )
    interplay = any(scheme.unless or scheme.max_recipients for scheme in schemes)
    transfers = paid(example, *schemes, economy=economy, draws="seeded" if interplay else draws)
    projection = sp.project(transfers, people_of(example), [2025, 2026], calibrate=False, replicates=FEW)
    cost = transfers.cost.set_index("scheme")
    for name, whole in (("gdp", 1e10), ("revenue", 2e9), ("expenditure", 2.5e9), ("taxes", 1e9)):
        np.testing.assert_allclose(cost[f"cost_{name}"], cost.total_cost / whole, rtol=1e-14)
    for of in projection.schemes:
        for name in cost.columns:
            assert value(projection, name, of, 2025) == pytest.approx(cost[name][of], rel=1e-9), (name, of)
        run = value(projection, "total_cost", of, 2025) - value(projection, "transfer_cost", of, 2025)
        assert value(projection, "administration", of, 2025) == pytest.approx(run)


def test_replicates_of_ranks_and_money_are_those_of_cost(example):
    """With the survey's people of each replicate as the table, the sum over groups is the statistic's own."""
    scheme = sp.Scheme(
        "all",
        amount=sp.Schedule.by_recipients({"1": MONEY, "2+": sp.Amount(6, "month")}),
        target=sp.Rank(0.3, by="welfare"),
    )
    transfers = paid(example, scheme)
    frame = {"year": [2025], "age": [0], "people": [float(example.person_weight.sum())]}
    found = sp.project(transfers, sp.Population(frame), [2025], replicates=FEW, by_sex=False)
    cost = sp.estimate(example, [sp.Cost()], {"after": transfers}, replicates=FEW)
    totals = sp.estimate(example, [sp.Cost()], {"after": paid(example, sp.Scheme("all", amount=MONEY))}, replicates=FEW)
    people = totals.draws[:, totals.find(statistic="recipients", of="all")]
    for name in ("recipients", "transfer_cost"):
        want = cost.draws[:, cost.find(statistic=name, of="all")] / people * frame["people"][0]
        got = found.estimates.draws[:, found.estimates.find(statistic=name, of="all")]
        np.testing.assert_allclose(got, want, rtol=1e-10)
        assert np.ptp(want) > 0


def test_recipients_of_a_year_are_those_of_its_coverage(example, cambodia):
    """A coverage of 0 in the base year is no obstacle, and the number is no multiple of the base year's."""
    phased = {"phase_in": {2027: 0.25, 2030: 1.0}, "max_recipients": 1}
    transfers = paid(example, sp.child_benefit(MONEY, **phased), PENSION)
    assert transfers.cost.total_cost[0] == 0
    years = [2025, 2026, 2027, 2029, 2030, 2031]
    found = sp.project(transfers, cambodia, years, replicates=FEW, growth=0.0)
    for year, coverage in zip(years, (0, 0, 0.25, 0.25, 1, 1), strict=True):
        alone = paid(example, sp.child_benefit(MONEY, coverage=coverage, max_recipients=1), PENSION)
        plain = sp.project(alone, cambodia, [year], replicates=FEW, growth=0.0)
        for of in ("child benefit", "package"):
            for name in ("recipients", "cost_gdp"):
                assert value(found, name, of, year) == value(plain, name, of, year)
    ratio = [value(found, "recipients", "child benefit", year) for year in (2029, 2030)]
    assert ratio[1] / ratio[0] < 3.5  # four times the coverage, one child of a household


def test_what_is_replaced_is_not_taken_off_and_it_says_so(cambodia):
    households, persons = sp.example_frames(400)
    households["aid"] = [2.0] * len(households["hid"])
    survey = sp.Survey(households, persons, person="pid", welfare="pc_exp", psu="ea", existing={"aid": "aid"})
    plain, instead = (
        sp.project(paid(survey, sp.child_benefit(MONEY, **how)), cambodia, [2025], replicates=FEW)
        for how in ({}, {"replaces": "aid"})
    )
    assert plain.share() == instead.share()
    assert "Cost is gross: what is paid now as 'aid' is not taken off." in instead.note.splitlines()
    assert "gross" not in plain.note
    topped = sp.project(paid(survey, sp.child_benefit(MONEY, tops_up="aid")), cambodia, [2025], replicates=FEW)
    assert topped.share() < plain.share()


def test_the_economy_s_own_spending_stands_beside_the_cost(example):
    economy = sp.Economy(year=2025, gdp=1e9, spending={"health": 0.03})
    table = sp.financing(paid(example, sp.child_benefit(MONEY), economy=economy)).set_index("item")
    assert table.value["health"] == 0.03
    assert (
        "health" not in sp.financing(paid(example, sp.child_benefit(MONEY), economy=economy), spending={}).item.values
    )


# -- money ----------------------------------------------------------------------------------------------------------


def test_indexation_moves_money_and_shares_as_it_says(example, cambodia):
    transfers = paid(example, PENSION)
    years, person = [2025, 2035], cambodia.people(2025) / cambodia.people(2035)
    rates = {2025 + k: 0.01 * k for k in range(1, 11)}
    grown = np.prod([1 + rate for rate in rates.values()])
    found = {
        how: sp.project(transfers, cambodia, years, indexed=how, growth=rates, wages=0.02, replicates=FEW)
        for how in ("gdp_per_capita", "prices", "wages")
    }
    index = {"gdp_per_capita": grown * person, "prices": 1.0, "wages": 1.02**10}
    gdp = 1800.0 * cambodia.people(2025) * grown
    for how, projection in found.items():
        cost = value(projection, "total_cost", "package", 2035)
        want = cambodia.people(2035, 65) * 0.16 * 1800 * 1.05 * index[how]
        assert cost == pytest.approx(want, rel=1e-9)
        assert value(projection, "cost_gdp", "package", 2035) == pytest.approx(want / gdp, rel=1e-9)
        assert projection.gdp[1] == pytest.approx(gdp)
        parts = [value(projection, name, "package", 2035) for name in ("transfer_cost", "administration")]
        assert sum(parts) == pytest.approx(cost)


def test_without_growth_only_shares_are_told(example, cambodia):
    economy = sp.Economy(year=2025, gdp=1e9, revenue=2e8, expenditure=2.5e8)
    projection = sp.project(paid(example, sp.child_benefit(sp.Amount(5, "month")), economy=economy), cambodia, [2040])
    assert set(projection.frame().statistic) == {"recipients", "cost_gdp", "cost_revenue", "cost_expenditure"}
    share = projection.share()[0]
    assert value(projection, "cost_revenue", "package", 2040) == pytest.approx(5 * share)
    assert value(projection, "cost_expenditure", "package", 2040) == pytest.approx(4 * share)
    assert "cost is told as a share" in projection.note


# SPOT, Cambodia, base 2021: recipients in thousands 2021 and 2030, amount as % of GDP per person, published % of GDP.
SPOT = {
    "child": ((6104, 6167), 4, (1.52, 1.23)),
    "disability": ((659, 803), 14, (0.57, 0.55)),
    "old": ((845, 1256), 16, (0.84, 1.00)),
    "disability, enhanced": ((659, 803), 23, (0.94, 0.92)),
    "old, enhanced": ((845, 1256), 22, (1.15, 1.37)),
}
GDP_2021, GROWTH_2021, REVENUE = 113_155.368e9, 0.025091319, 0.23113
PEOPLE_2021 = 16.946e6  # World Population Prospects 2019, as SPOT had it


def test_cambodia_as_spot_publishes_it():
    """Benefits are fixed at prices of 2021 while GDP grows: indexed to prices."""
    survey = toy_survey()
    per_person = GDP_2021 / PEOPLE_2021
    economy = sp.Economy(year=2021, gdp=GDP_2021, gdp_per_capita=per_person, revenue=REVENUE * GDP_2021)
    schemes = [sp.Scheme(name, amount=sp.Amount(share / 100, "gdp_per_capita")) for name, (_, share, _) in SPOT.items()]
    people = np.array([PEOPLE_2021, PEOPLE_2021, 18.4e6])  # which constant prices do not look at
    path = path_of(paid(survey, *schemes, economy=economy), [2021, 2030], people, GDP_2021, "prices", GROWTH_2021)
    recipients = 1000.0 * np.array([[*by_year, 0] for by_year in zip(*(r for r, _, _ in SPOT.values()), strict=True)])
    made = path.of(recipients[:, :, None])[..., 0]
    of_gdp, of_revenue = (100 * made[:, :, path.measures.index(name)] for name in ("cost_gdp", "cost_revenue"))
    for s, (name, (numbers, share, want)) in enumerate(SPOT.items()):
        np.testing.assert_allclose(of_gdp[:, s], want, atol=0.01, err_msg=name)
        amount = share / 100 * per_person
        for y, after in enumerate((0, 9)):
            plain = oracles.projected_cost(1000 * numbers[y], amount, 0.05, GDP_2021, GROWTH_2021, after)
            assert of_gdp[y, s] == pytest.approx(100 * plain, rel=1e-12)
    np.testing.assert_allclose(of_gdp[:, :3].sum(axis=1), (2.92, 2.78), atol=0.01)
    # Of revenue: disability and old age are met. The published 6.71 % of children is not: 1.52 % of GDP over 23.113 %
    # is 6.58 %; nor does it add up with the two others to the published 12.63 %, which the sum of ours is near.
    np.testing.assert_allclose(of_revenue[0, 1:3], (2.47, 3.63), atol=0.01)
    assert of_revenue[0, :3].sum() == pytest.approx(12.63, abs=0.02)


# SPOT, base 2022, % of GDP: child benefit of 4 % of GDP per person at 0-17, pension of 16 % from 65 on.
BASIC_2022 = {
    "Armenia": (1.01, 2.17),
    "Bangladesh": (1.32, 0.92),
    "Bhutan": (1.23, 1.09),
    "Cambodia": (1.50, 0.86),
    "Georgia": (1.03, 2.45),
    "India": (1.29, 1.17),
    "Indonesia": (1.27, 1.14),
    "Kiribati": (1.74, 0.75),
    "Kyrgyzstan": (1.57, 0.87),
    "Laos": (1.54, 0.74),
    "Maldives": (0.98, 0.68),
    "Mongolia": (1.50, 0.78),
    "Nepal": (1.40, 1.01),
    "Pakistan": (1.69, 0.75),
    "Philippines": (1.46, 1.00),
    "Sri Lanka": (1.17, 2.02),
    "Thailand": (0.83, 2.38),
    "Turkey": (1.17, 1.61),
    "Vietnam": (1.14, 1.44),
}


def test_nineteen_countries_are_near_what_spot_has_of_older_prospects():
    off = []
    for country, want in BASIC_2022.items():
        people = sp.population(country)
        shares = np.array([people.people(2022, 0, 17), people.people(2022, 65)]) / people.people(2022)
        off.append(np.abs(100 * shares * (0.04, 0.16) * 1.05 - want))
    assert np.max(off) < 0.15  # Pakistan's children; Philippines' old
    assert (np.median(off, axis=0) < (0.04, 0.06)).all()


# -- who pays -------------------------------------------------------------------------------------------------------


def test_cost_and_taxes_are_of_one_currency(example, cambodia):
    economy = sp.Economy(year=2025, gdp=1e9, revenue=2e8, expenditure=2.5e8, taxes=1e8, growth=0.05)
    transfers = paid(example, sp.child_benefit(sp.Amount(5, "month")), PENSION_IN_MONEY, economy=economy)
    years = sp.project(transfers, cambodia, [2025, 2030], replicates=FEW)
    lines = {"VAT": 0.004, "cigarettes": sp.Amount(1e5, "month")}
    frame = sp.financing(years, lines, spending={"health": 0.03})
    for i, year in enumerate((2025, 2030)):
        here = frame[frame.year == year].set_index(["kind", "item"])
        cost = years.share()[i]
        assert here.value["cost", "package"] == cost
        assert here.cost_share["government", "taxes"] == pytest.approx(cost / 0.1)
        assert here.cost_share["government", "revenue"] == pytest.approx(cost / 0.2)
        assert here.cost_share["government", "expenditure"] == pytest.approx(cost / 0.25)
        assert here.cost_share["spending", "health"] == pytest.approx(cost / 0.03)
        assert here.value["line", "cigarettes"] == pytest.approx(0.0012)
        assert here.value["gap", "package"] == pytest.approx(cost - 0.0052)
        schemes = here.value["cost"].drop("package")
        assert schemes.sum() == pytest.approx(cost)
    now = sp.financing(transfers, spending={"health": 0.03})
    assert now[now.item == "package"].value.tolist() == [transfers.cost.cost_gdp.iloc[-1]]
    assert set(now.kind) == {"cost", "government", "spending"}


PENSION_IN_MONEY = sp.old_age_pension(sp.Amount(30, "month"))


def test_cambodia_s_taxes_have_one_denominator():
    """SPOT shows a cost of 2.94 % of GDP as 64.6 % of income and corporate tax; of taxes of its year it is 14.9 %."""
    taxes = 0.0294 / 0.149
    survey = toy_survey()
    scheme = sp.Scheme("all", amount=sp.Amount(0.028, "gdp_per_capita"))
    gdp = float(survey.person_weight.sum())
    economy = sp.Economy(year=2022, gdp=gdp, gdp_per_capita=1.0, taxes=taxes * gdp)
    frame = sp.financing(paid(survey, scheme, economy=economy)).set_index("item")
    assert frame.value["package"] == pytest.approx(0.0294)
    assert frame.cost_share["taxes"] == pytest.approx(0.149)


# -- errors ---------------------------------------------------------------------------------------------------------


def projected(example, economy=ECONOMY, scheme=PENSION, people=None, **how):
    given = {"years": [2030], "replicates": FEW} | how
    people = sp.population("Cambodia") if people is None else people
    return sp.project(paid(example, scheme, economy=economy), people, given.pop("years"), **given)


IN_MONEY = PENSION_IN_MONEY
WRONG = {
    "late": ({"years": [2101]}, "A year must be one of Cambodia, 2020 to 2100, but it is 2101"),
    "before": ({"years": [2024]}, "begin with its base year, 2025, or later, but 2024 came"),
    "falling": ({"years": [2030, 2029]}, "years must rise"),
    "none": ({"years": []}, "must have a year"),
    "base": ({"economy": sp.Economy(gdp=1e9), "scheme": IN_MONEY}, "needs its base year, but the economy has none"),
    "old base": (
        {"economy": sp.Economy(year=2019, gdp=1e9), "scheme": IN_MONEY},
        "A year must be one of Cambodia, 2020 to 2100, but it is 2019",
    ),
    "gdp": ({"economy": sp.Economy(year=2025), "scheme": IN_MONEY}, "needs GDP of the base year"),
    "growth": (
        {"economy": sp.Economy(year=2025, gdp=1e9), "scheme": IN_MONEY, "indexed": "prices"},
        "indexed to prices needs growth of GDP",
    ),
    "wages": ({"indexed": "wages"}, "indexed to wages needs their growth"),
    "a year": ({"growth": {2026: 0.1, 2028: 0.1}}, "every year after 2025, but 3 have none, 2027 first"),
    "indexed": ({"indexed": "gdp"}, "indexed must be one of 'gdp_per_capita', 'prices', 'wages'"),
    "falls": ({"growth": -1.0}, r"growth, a share a year, must be in \(-1, 1\]"),
    "percent": ({"indexed": "wages", "wages": {2026: 2}, "growth": 0.02}, "wages of 2026, .* Write 0.02 for 2 %"),
    "ages": (
        {"people": sp.Population(table(oldest=60))},
        "min_age must be 60 or less, where the table ends with an open group, but it is 65",
    ),
    "children": (
        {"people": sp.Population(table(oldest=15)), "scheme": sp.child_benefit(sp.Amount(1, "month"))},
        "max_age must be under 15",
    ),
    "sexes": (
        {"people": sp.Population(table(sexes=("F", "M")))},
        "sex must be called 'F' or 'M' in the survey, as in the table, but a person is 'Female'",
    ),
    "no sex": (
        {"people": sp.Population(table(sexes=("x",)) | {}), "by_sex": True},
        "sex must be called 'x'",
    ),
    "nobody": (
        {"scheme": sp.old_age_pension(sp.Amount(1, "month"), 100)},
        "There must be somebody in the survey of every age that a scheme tells apart, but there is nobody of",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_projected_is_told(example, name):
    given, message = WRONG[name]
    with pytest.raises(sp.InputError, match=message):
        projected(example, **given)


def test_arguments_of_other_types(example, cambodia):
    with pytest.raises(sp.InputTypeError, match="takes Transfers"):
        sp.project(example, cambodia)
    with pytest.raises(sp.InputTypeError, match="takes a Population"):
        sp.project(paid(example, PENSION), {"year": [2025]})
    with pytest.raises(sp.InputTypeError, match="years must be a list"):
        sp.project(paid(example, PENSION), cambodia, 2030)
    with pytest.raises(sp.InputTypeError, match="calibrate must be True or False"):
        sp.project(paid(example, PENSION), cambodia, calibrate="yes")
    with pytest.raises(sp.InputTypeError, match="takes a Projection or Transfers"):
        sp.financing(example)
    rich = paid(example, PENSION, economy=sp.Economy(year=2025, gdp=1e9, gdp_per_capita=1800.0))
    with pytest.raises(sp.InputError, match="The line 'VAT' must be money by month or year, but it is in 'gdp_per_c"):
        sp.financing(rich, {"VAT": sp.Amount(0.1, "gdp_per_capita")})
    with pytest.raises(sp.InputError, match="Financing needs GDP"):
        sp.financing(paid(example, PENSION))


# -- a study --------------------------------------------------------------------------------------------------------

STUDY = """
[survey]
households = "h.csv"
persons = "p.csv"
[economy]
year = 2025
gdp_per_capita = 1800
[[scheme]]
kind = "old_age_pension"
amount = [0.16, "gdp_per_capita"]
[replicates]
n = 20
[projection]
"""


@pytest.fixture
def study(tmp_path):
    households, persons = sp.example_frames(400)
    pd.DataFrame(households).to_csv(tmp_path / "h.csv", index=False)
    pd.DataFrame(persons).to_csv(tmp_path / "p.csv", index=False)
    pd.DataFrame(table()).to_csv(tmp_path / "people.csv", index=False)

    def read(text):
        (tmp_path / "study.toml").write_text(STUDY + text, encoding="utf-8")
        return read_study(tmp_path / "study.toml")

    return read


def test_a_study_projects(study):
    asked = study(
        'country = "Cambodia"\nyears = [2030]\nindexed = "prices"\ngrowth = {2026=0,2027=0,2028=0,2029=0,2030=1}'
    )
    transfers = sp.simulate(asked.survey(), asked.package, asked.economy)
    people = sp.population("Cambodia")
    want = 0.16 * 1.05 * people.people(2030, 65) / people.people(2025) / 2
    assert asked.projection(transfers).share() == pytest.approx([want], rel=1e-9)
    own = study('population = "people.csv"\nyears = [2025]').projection(transfers)
    assert own.note.startswith("People: people.csv.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must name a country, or a file of its population, but it names neither"),
        ('country = "Fiji"\npopulation = "people.csv"', "but it names both"),
        ('country = "Fidji"', "Did you mean 'Fiji'"),
        ('country = "Fiji"\ngrowth = {soon=1}', "growth in .projection. must be named by years, but 'soon' is none"),
        ('country = "Fiji"\nyears = ["soon"]', "A year must be a whole number"),
        ('country = "Fiji"\nsince = 3', "A key of .projection. must be one that exists"),
    ],
)
def test_slips_of_a_study_are_named(study, text, message):
    def run():
        asked = study(text)
        return asked.projection(sp.simulate(asked.survey(), asked.package, asked.economy))

    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        run()


def test_a_study_without_the_section(study):
    asked = study('country = "Fiji"')
    asked.sections.pop("projection")
    assert asked.population is None
    with pytest.raises(sp.InputError, match=r"must have a section \[projection\]"):
        asked.projection(None)


# -- a picture ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("years", [[2025], [2025, 2030], range(2025, 2101)])
def test_the_picture_shows_the_cost_of_every_scheme(example, cambodia, years):
    pytest.importorskip("altair", reason="pictures need altair: pip install 'sp2lnob[report]'")
    transfers = paid(example, PENSION, sp.disability_benefit(sp.Amount(20, "month")))
    projection = sp.project(transfers, cambodia, years, replicates=FEW)
    drawn = sp.plots.projection(projection).to_dict()
    text = str(drawn)
    for name in ("old-age pension", "disability benefit", "all schemes", f"in {list(years)[-1]}"):
        assert name in text
    assert all(f"{share:.2%}" in text for share in projection.share()[[0, -1]])


@pytest.mark.parametrize("ages", [("0-17", "19+"), ("0-17", "15-64", "65+")])
def test_groups_of_age_that_leave_a_gap_or_overlap_are_refused(ages):
    table = {"year": [2025] * len(ages), "age": ages, "people": [1.0] * len(ages)}
    with pytest.raises(sp.InputError, match="must neither overlap nor leave a gap, but '0-"):
        sp.Population(table)
