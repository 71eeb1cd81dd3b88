"""Prices and lines of an economy, uprating, and the figures of ESCAP's SPOT Simulator that need no microdata.

Source of all figures, unless another is named: ESCAP, SPOT Simulator, public source of September 2023.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob.study import read_study

from ._data import popstan, toy_frames, toy_survey

EXAMPLES = Path(__file__).parents[1] / "examples"
PRICES = {2011: 143.838, 2019: 177.432, 2022: 197.777}


def child(share=0.04, **how):
    return sp.child_benefit(sp.Amount(share, "gdp_per_capita"), **how)


def old(share=0.16, **how):
    return sp.old_age_pension(sp.Amount(share, "gdp_per_capita"), **how)


def disabled(share=0.14, **how):
    return sp.disability_benefit(sp.Amount(share, "gdp_per_capita"), **how)


# -- an economy's prices and lines ----------------------------------------------------------------------------------


def test_international_lines_of_2011():
    economy = sp.Economy(year=2011, ppp=1, ppp_year=2011, dollars_a_day=[1.9, 3.2, 5.5])
    lines = economy.poverty_lines("month")
    assert {name: round(line, 2) for name, line in lines.items()} == {
        "$1.90 a day": 57.79,
        "$3.20 a day": 97.33,
        "$5.50 a day": 167.29,
    }
    for name, line in economy.poverty_lines("year").items():
        assert line == pytest.approx(12 * lines[name], rel=1e-15)


def test_a_line_in_dollars_is_dollars_times_ppp_times_prices_times_days():
    economy = sp.Economy(
        year=2022,
        survey_year=2019,
        cpi=PRICES,
        ppp=1493.25,
        ppp_year=2011,
        dollars_a_day=[1.9],
        lines={"national": 173e3},
    )
    by_hand = 1.9 * 1493.25 * 197.777 / 143.838 * 365 / 12
    assert economy.poverty_lines() == {"national": 173e3, "$1.90 a day": pytest.approx(by_hand, rel=1e-14)}
    share = sp.Amount(0.5, "line:$1.90 a day").per_year(economy, "month")
    assert share == pytest.approx(6 * by_hand, rel=1e-14)


def test_lines_are_named_by_their_dollars():
    economy = sp.Economy(year=2017, ppp=2, ppp_year=2017, dollars_a_day=(2.15, 3, 6.855))
    assert list(economy.poverty_lines("year")) == ["$2.15 a day", "$3.00 a day", "$6.855 a day"]
    with pytest.raises(sp.InputError, match="welfare_period must be one of 'month', 'year'"):
        economy.poverty_lines("week")


def test_uprating_is_the_ratio_of_prices_and_real_growth_on_request():
    ratio = 197.777 / 177.432
    assert sp.Economy().uprating == 1
    assert sp.Economy(cpi_ratio=ratio).uprating == ratio
    years = {"year": 2022, "survey_year": 2019}
    assert sp.Economy(cpi=PRICES, **years).uprating == ratio
    assert sp.Economy(cpi={str(year): prices for year, prices in PRICES.items()}, **years).uprating == ratio
    assert sp.Economy(cpi={year: 7 * prices for year, prices in PRICES.items()}, **years).uprating == pytest.approx(
        ratio
    )
    grown = sp.Economy(cpi=PRICES, **years, real_growth=0.02).uprating
    assert grown == pytest.approx(ratio * 1.02**3, rel=1e-15)
    assert sp.Economy(cpi=PRICES, **years, growth=0.064692).uprating == ratio  # growth of GDP is none of a person's
    assert sp.Economy(cpi_ratio=1.1, **years, real_growth=-0.02).uprating == pytest.approx(1.1 * 0.98**3)
    assert sp.Economy(cpi=PRICES, year=2019, survey_year=2019).uprating == 1


def test_gdp_per_person_follows_from_gdp_and_people():
    assert sp.Economy(gdp=300.0, population=100).gdp_per_capita == 3
    assert sp.Economy(gdp=300.0, population=100, gdp_per_capita=3.01).gdp_per_capita == 3.01  # as rounded elsewhere
    assert sp.Economy(gdp=300.0).gdp_per_capita is None


def test_an_economy_can_be_made_again_from_what_a_manifest_says():
    from dataclasses import asdict

    economy = sp.Economy(
        "KHR", 2022, 300.0, None, 60.0, 70.0, 1493.25, lines={"national": 5.0}, taxes=40.0, spending={"health": 0.02},
        population=100, growth=0.06, survey_year=2019, ppp_year=2011, cpi=PRICES, real_growth=0.01,
        dollars_a_day=(1.9,),
    )  # fmt: skip
    again = sp.Economy(**json.loads(json.dumps(asdict(economy))))
    assert again == economy
    assert (again.revenue, again.expenditure, again.ppp, again.spending) == (60.0, 70.0, 1493.25, {"health": 0.02})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cpi": PRICES, "cpi_ratio": 1.1, "year": 2022, "survey_year": 2019}, "the economy gives both"),
        ({"cpi": PRICES, "survey_year": 2019}, "cpi of the economy needs its year, but none was given"),
        ({"cpi": PRICES, "year": 2022}, "cpi of the economy needs its survey_year"),
        ({"cpi": PRICES, "year": 2023, "survey_year": 2019}, "must hold its year, 2023, but it holds 2011, 2019, 2022"),
        ({"cpi": PRICES, "year": 2022, "survey_year": 2018}, "must hold its survey_year, 2018"),
        ({"cpi": PRICES, "year": 2022, "survey_year": 2019, "ppp_year": 2017}, "must hold its ppp_year, 2017"),
        (
            {"year": 2022, "survey_year": 2019},
            "Prices of the survey, of 2019, must be brought to 2022, but the economy has",
        ),
        ({"cpi": {2019: 0}, "year": 2019, "survey_year": 2019}, "cpi of 2019 must be above 0"),
        ({"cpi": {"then": 100}}, "A year of cpi must be a whole number"),
        ({"cpi": [1]}, "cpi of the economy must be a mapping"),
        ({"cpi_ratio": 0}, "cpi_ratio of the economy must be above 0"),
        ({"cpi_ratio": None}, "cpi_ratio of the economy must be a number"),
        ({"real_growth": 0.02, "year": 2022}, "real_growth needs year and survey_year"),
        ({"growth": -1}, r"growth of the economy, a share a year, must be in \(-1, 1\]"),
        ({"dollars_a_day": [1.9], "year": 2011}, "Lines in dollars need ppp and ppp_year, but the economy lacks ppp"),
        ({"dollars_a_day": [1.9], "year": 2011, "ppp": 2}, "the economy lacks ppp_year"),
        (
            {"dollars_a_day": [1.9], "year": 2022, "ppp": 2, "ppp_year": 2011},
            "Dollars of 2011 must be brought to prices",
        ),
        (
            {"dollars_a_day": [1.9, 1.9], "year": 2011, "ppp": 2, "ppp_year": 2011},
            "'\\$1.90 a day' occurs more than once",
        ),
        ({"dollars_a_day": [0], "year": 2011, "ppp": 2, "ppp_year": 2011}, "A line in dollars a day must be above 0"),
        ({"dollars_a_day": 1.9}, "dollars_a_day must be a list"),
        ({"gdp": 300.0, "population": 100, "gdp_per_capita": 3000}, "it is 3,000, and they give 3"),
        ({"population": 0}, "population of the economy must be above 0"),
        ({"taxes": 5.0, "revenue": 4.0}, "taxes of the economy must be part of its revenue"),
        ({"spending": {"health": 2.1}}, "spending on 'health', a share of GDP, must be in \\[0, 1\\]"),
        ({"spending": 0.2}, "spending of the economy must be a mapping"),
    ],
)
def test_an_economy_that_contradicts_itself(given, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.Economy(**given)


def test_a_share_of_gdp_per_person_says_what_it_needs():
    with pytest.raises(sp.InputError, match=r"gdp_per_capita=\.\.\.\), or gdp= and population="):
        sp.Amount(0.04, "gdp_per_capita").per_year(sp.Economy(gdp=300.0))


# -- a survey in prices of the base year ----------------------------------------------------------------------------


def paid_before():
    """Return a survey whose welfare holds a benefit already."""
    households, persons = toy_frames()
    households["aid"] = np.arange(len(households["hid"])) % 3 * 4.0
    return sp.Survey(households, persons, person="pid", welfare="pc", psu="ea", strata=["region", "urbrur"],
                     existing={"aid": "aid"})  # fmt: skip


TODAY = sp.Economy(year=2022, survey_year=2019, cpi=PRICES, gdp_per_capita=900.0, lines={"national": 95.0})


def test_uprating_multiplies_welfare_and_existing_benefits_and_nothing_else():
    survey = paid_before()
    today = survey.uprated(TODAY)
    factor = PRICES[2022] / PRICES[2019]
    np.testing.assert_array_equal(today.welfare, survey.welfare * factor)
    np.testing.assert_array_equal(today.existing["aid"], survey.existing["aid"] * factor)
    assert (today.uprating, today.uprating_of_existing) == (factor, factor)
    assert today.households is survey.households  # a copy costs two columns
    assert today.design is survey.design
    assert (survey.uprating, survey.uprating_of_existing) == (1, 1)
    assert sp.gini(today.welfare, today.people) == pytest.approx(sp.gini(survey.welfare, survey.people), rel=1e-14)


def test_ranks_are_those_of_the_products_not_of_a_copy():
    survey = paid_before()
    _ = survey.richest_first
    today = survey.uprated(TODAY)
    again = paid_before().uprated(TODAY)
    np.testing.assert_array_equal(today.richest_first, again.richest_first)
    assert "richest_first" in vars(today)
    assert today.richest_first is not survey.richest_first


def test_a_copy_has_an_identity_of_its_own_and_by_the_same_economy_the_same():
    survey = paid_before()
    today, again = survey.uprated(TODAY), survey.uprated(TODAY)
    assert today.identity == again.identity
    others = (survey, survey.uprated(sp.Economy(cpi_ratio=1.2)), survey.uprated(TODAY, compat="spot"), paid_before())
    assert len({today.identity, *(other.identity for other in others)}) == 5
    assert today.uprated(TODAY) is today
    after = {"after": sp.simulate(again, sp.Package([child()]), TODAY)}
    est = sp.estimate(today, [sp.MeanWelfare()], after, replicates=sp.Bootstrap(8))  # of one and the same survey
    assert est.value[est.find(scenario="change")] > 0
    with pytest.raises(sp.InputError, match="survey"):
        sp.estimate(survey, [sp.MeanWelfare()], after, replicates=sp.Bootstrap(8))
    assert survey.uprated(sp.Economy()) is survey


def test_spot_leaves_existing_benefits_as_they_are():
    survey = paid_before()
    as_spot, ours = survey.uprated(TODAY, compat="spot"), survey.uprated(TODAY)
    np.testing.assert_array_equal(as_spot.welfare, ours.welfare)
    np.testing.assert_array_equal(as_spot.existing["aid"], survey.existing["aid"])
    assert as_spot.uprating_of_existing == 1
    assert as_spot.uprated(TODAY) is as_spot  # assess() does not uprate it again
    with pytest.raises(sp.InputError, match="Uprate the survey as it was read"):
        ours.uprated(TODAY, compat="spot")
    with pytest.raises(sp.InputError, match="compat, if it is not None, must be one of 'spot'"):
        survey.uprated(TODAY, compat="povcal")


def test_a_survey_without_welfare_has_only_benefits_to_be_uprated():
    households, persons = toy_frames()
    survey = sp.Survey(households, persons, psu="ea", strata=["region", "urbrur"], existing={"aid": "pc"})
    today = survey.uprated(sp.Economy(cpi_ratio=2.0))
    assert today.welfare is None
    np.testing.assert_array_equal(today.existing["aid"], 2 * survey.existing["aid"])


def test_a_survey_is_uprated_once():
    survey = toy_survey().uprated(sp.Economy(cpi_ratio=1.1))
    with pytest.raises(sp.InputError, match=r"uprated once, by 1\.2, but this one was uprated by 1\.1 before"):
        survey.uprated(sp.Economy(cpi_ratio=1.2))
    with pytest.raises(sp.InputTypeError, match="economy must be an Economy"):
        survey.uprated(1.1)


def test_prices_are_never_mixed():
    survey, package = toy_survey(), sp.Package([child()])
    with pytest.raises(
        sp.InputError, match=r"prices of one year, but the survey was uprated by 1, and the economy asks for 1\.11466"
    ):
        sp.simulate(survey, package, TODAY)
    with pytest.raises(sp.InputError, match=r"Pass survey\.uprated\(economy\)"):
        sp.simulate(survey.uprated(TODAY), package, sp.Economy(gdp_per_capita=900.0))
    today = survey.uprated(TODAY)
    after = sp.simulate(today, package, TODAY)
    gain = 900 * 0.04 / 12 * survey.sum_over_members((survey.person_column("age").values <= 17) * 1.0) / survey.size
    np.testing.assert_allclose(after.welfare_after, today.welfare + gain, rtol=1e-14)


def test_assess_brings_the_survey_to_the_base_year_and_tells_it():
    survey, design = toy_survey(), sp.Bootstrap(8)
    package = sp.Package([child()])
    result = sp.assess(survey, [], package, TODAY, by=(), replicates=design)
    assert result.survey.uprating == TODAY.uprating
    assert survey.uprating == 1
    found = result.estimates.value[result.estimates.find(statistic="headcount", of="national", scenario="before")]
    assert found == pytest.approx(sp.fgt(survey.welfare * TODAY.uprating, survey.people, 95.0))
    told = result.manifest()
    assert told["survey"]["uprating"] == {"welfare": TODAY.uprating, "existing": TODAY.uprating}
    assert told["asked"]["economy"]["cpi"] == PRICES
    by_hand = sp.assess(survey.uprated(TODAY), [], package, TODAY, by=(), replicates=design)
    np.testing.assert_array_equal(by_hand.estimates.draws, result.estimates.draws)


def test_assess_estimates_poverty_at_lines_in_dollars():
    survey = toy_survey()
    economy = sp.Economy(year=2011, ppp=1.5, ppp_year=2011, dollars_a_day=[1.9], lines={"national": 90.0})
    frame = sp.assess(survey, [], None, economy, by=(), replicates=sp.Bootstrap(8)).estimates.frame()
    poor = frame[frame["statistic"] == "headcount"].set_index("of")["value"]
    expected = {"national": 90.0, "$1.90 a day": 1.9 * 1.5 * 365 / 12}
    assert poor.to_dict() == {
        name: pytest.approx(sp.fgt(survey.welfare, survey.people, z)) for name, z in expected.items()
    }


# -- SPOT's costs ---------------------------------------------------------------------------------------------------

# Cambodia at base year 2021. People of 2021 are not published with it: UN, World Population Prospects 2019.
CAMBODIA = sp.Economy(
    "KHR", 2021, gdp=113_155.368e9, population=16.946e6, growth=0.025091319, revenue=0.23113 * 113_155.368e9
)
RECIPIENTS = {
    "child benefit": {2021: 6104e3, 2030: 6167e3},
    "disability benefit": {2021: 659e3, 2030: 803e3},
    "old-age pension": {2021: 845e3, 2030: 1256e3},
}
BASIC = sp.Package([child(), disabled(), old()])
ENHANCED = sp.Package([child(), disabled(0.23), old(0.22)])


def cambodian(package, column="cost_gdp"):
    """Return percentages by scheme and year."""
    frame = sp.spot_cost(RECIPIENTS, package, CAMBODIA)
    return {(row["scheme"], row["year"]): 100 * row[column] for row in frame.to_dict("records")}


@pytest.mark.parametrize(
    ("package", "scheme", "first", "last"),
    [
        (BASIC, "child benefit", 1.52, 1.23),
        (BASIC, "disability benefit", 0.57, 0.55),
        (BASIC, "old-age pension", 0.84, 1.00),
        (BASIC, "package", 2.92, 2.78),
        (ENHANCED, "disability benefit", 0.94, 0.92),
        (ENHANCED, "old-age pension", 1.15, 1.37),
    ],
)
def test_cambodian_costs_as_a_share_of_gdp(package, scheme, first, last):
    found = cambodian(package)
    assert found[scheme, 2021] == pytest.approx(first, abs=0.01)
    assert found[scheme, 2030] == pytest.approx(last, abs=0.01)


def test_cambodian_costs_as_a_share_of_revenue():
    """What share of GDP revenue was in 2021 is not known: that of 2022 stands for it."""
    found = cambodian(BASIC, "cost_revenue")
    assert found["disability benefit", 2021] == pytest.approx(2.47, abs=0.01)
    assert found["old-age pension", 2021] == pytest.approx(3.63, abs=0.01)
    assert found["package", 2021] == pytest.approx(12.63, abs=0.015)
    # Child benefit is printed as 6.71, which contradicts the others: they leave 12.63 - 2.47 - 3.63 = 6.53 for it; and
    # whatever population and revenue, 6,104 thousand children at 4 % are to 659 thousand people at 14 % as 2.646 to 1.
    assert found["child benefit", 2021] == pytest.approx(12.63 - 2.47 - 3.63, abs=0.02)
    assert 6.71 / 2.47 > 1.02 * 6104 * 0.04 / (659 * 0.14)


def test_cost_is_recipients_times_twelve_benefits_times_administration():
    monthly = sp.Package([sp.child_benefit(sp.Amount(10, "month"))], administration=0.2)
    frame = sp.spot_cost({"child benefit": 7}, monthly, sp.Economy(gdp=1e5, revenue=2e4, expenditure=3e4, taxes=1e4))
    assert frame["transfer_cost"].tolist() == [840.0, 840.0]
    np.testing.assert_allclose(frame["total_cost"], 1008)
    shares = frame.iloc[-1][["cost_gdp", "cost_revenue", "cost_expenditure", "cost_taxes"]].tolist()
    np.testing.assert_allclose(shares, [0.01008, 0.0504, 0.0336, 0.1008])
    assert np.isnan(frame["recipients"].iloc[-1])
    assert sp.spot_cost({"child benefit": 7}, monthly, sp.Economy(gdp=1e5))["cost_taxes"].isna().all()


def test_eighteen_weeks_are_0_35_there_and_less_here():
    maternity = sp.maternity_benefit(sp.Amount(1, "year"), weeks=18)
    frame = sp.spot_cost({"maternity benefit": 1}, sp.Package([maternity]), sp.Economy())
    assert frame["transfer_cost"][0] == pytest.approx(0.35, rel=1e-15)
    assert maternity.per_year(None, "month") == pytest.approx(126 / 365, rel=1e-15)


@pytest.mark.parametrize(
    ("recipients", "economy", "message"),
    [
        ({"child": 1}, CAMBODIA, "A scheme of recipients must be one that exists, but 'child' does not"),
        ({}, CAMBODIA, "Every scheme must have recipients, but 'child benefit' has none"),
        ({"child benefit": -1}, CAMBODIA, "The recipients of 'child benefit' must be 0 or more"),
        ({"child benefit": {"2021": 1}}, CAMBODIA, "A year of the recipients of 'child benefit' must be a whole"),
        ({"child benefit": {}}, CAMBODIA, "Recipients must have a year"),
        ({"child benefit": {2030: 1}}, sp.Economy("", 2021, None, 1.0), "needs year and growth .* lacks growth"),
        ({"child benefit": {2030: 1}}, sp.Economy(gdp_per_capita=1.0, growth=0.1), "it lacks year"),
        ([1], CAMBODIA, "recipients must be a mapping"),
        ({"child benefit": 1}, None, "economy must be an Economy"),
    ],
)  # fmt: skip
def test_recipients_that_cannot_be_costed(recipients, economy, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.spot_cost(recipients, sp.Package([child()]), economy)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": sp.Schedule.by_age({(0, 5): sp.Amount(2, "month"), (6, 17): sp.Amount(1, "month")})}, "amount"),
        ({"amount": sp.Amount(2, "month"), "max_amount": sp.Amount(3, "month")}, "max_amount"),
        ({"amount": sp.Amount(2, "month"), "tops_up": "aid"}, "tops_up"),
    ],
)
def test_one_number_of_recipients_needs_one_amount(given, field):
    package = sp.Package([sp.Scheme("graded", **given)])
    with pytest.raises(sp.InputError, match=f"'graded' must be paid one amount, but its {field} makes it vary"):
        sp.spot_cost({"graded": 100}, package, sp.Economy(gdp=1e6))


def test_recipients_of_other_years():
    given = {"child benefit": {2021: 1}, "old-age pension": {2022: 1}}
    with pytest.raises(sp.InputError, match="'old-age pension' has 2022, not 2021"):
        sp.spot_cost(given, sp.Package([child(), old()]), CAMBODIA)
    with pytest.raises(sp.InputTypeError, match="takes a Package"):
        sp.spot_cost({}, [child()], CAMBODIA)


def eligible(survey):
    """Return the shares of people who are children, disabled and old."""
    age, disability = (survey.person_column(survey.roles[role]).values for role in ("age", "disability"))
    weight = survey.person_weight / survey.people.sum()
    return [float(weight @ holds) for holds in (age <= 17, disability == 1, age >= 65)]


@pytest.mark.parametrize("made", [popstan, sp.example_survey], ids=["popstan", "example"])
def test_cost_is_benefit_times_the_eligible_share_times_administration(made):
    survey = made()
    economy = sp.Economy(gdp=3000.0 * survey.people.sum(), population=survey.people.sum())
    cost = sp.simulate(survey, BASIC, economy).cost["cost_gdp"].tolist()
    shares = [b * share * 1.05 for b, share in zip((0.04, 0.14, 0.16), eligible(survey), strict=True)]
    np.testing.assert_allclose(cost, [*shares, sum(shares)], rtol=1e-12)
    people = [share * survey.people.sum() for share in eligible(survey)]
    given = dict(zip(RECIPIENTS, people, strict=True))
    np.testing.assert_allclose(sp.spot_cost(given, BASIC, economy)["cost_gdp"], cost, rtol=1e-12)


@pytest.mark.parametrize("made", [popstan, sp.example_survey], ids=["popstan", "example"])
def test_gain_of_all_is_coverage_times_gain_of_recipients(made):
    """As SPOT has it: the mean of every person's ratio of gain to welfare."""
    survey = made()
    economy = sp.Economy(gdp_per_capita=float(sp.mean(survey.welfare, survey.people)))
    after = sp.simulate(survey, sp.Package([old()]), economy)
    gain = after.welfare_after / survey.welfare - 1
    reached = gain > 0
    est = sp.estimate(survey, [sp.Coverage()], {"after": after}, replicates=sp.Bootstrap(8))
    coverage = est.value[est.find(statistic="coverage", of="package")]
    of_recipients = sp.mean(gain[reached], survey.people[reached])
    assert sp.mean(gain, survey.people) == pytest.approx(coverage * of_recipients, rel=1e-12)


# -- examples -------------------------------------------------------------------------------------------------------

PARAMETERS = {
    "cambodia": {
        "currency": "KHR",
        "gdp": 118_982.174e9,
        "population": 17_169e3,
        "growth": 0.064692,
        "revenue": 0.23113,  # of GDP
        "ppp": 1493.25,
        "cpi": {2011: 143.838, 2019: 177.432, 2022: 197.777},
        "lines": {"national": 173e3},
    },
    "maldives": {
        "currency": "MVR",
        "gdp": 90.92e9,
        "population": 524_107,  # UN, World Population Prospects 2024
        "growth": 0.058598,
        "revenue": 0.27609,
        "ppp": 8.81,
        "cpi": {2011: 78.463, 2019: 99.505, 2022: 102.317},
        "lines": {"national": 1852.48},
    },
}
COUNTRIES = pytest.mark.parametrize("country", PARAMETERS)


@COUNTRIES
def test_parameters_of_the_examples_are_those_published(country):
    study = read_study(EXAMPLES / country / "study.toml")
    economy, expected = study.economy, PARAMETERS[country]
    assert economy.revenue == pytest.approx(expected["revenue"] * expected["gdp"], rel=1e-9)
    for name in expected.keys() - {"revenue"}:
        assert getattr(economy, name) == expected[name], name
    assert (economy.year, economy.survey_year, economy.ppp_year) == (2022, 2019, 2011)
    assert economy.dollars_a_day == (1.9, 3.2, 5.5)
    given = {key for key, value in vars(economy).items() if value not in (None, {}, 0.0, 1.0)}
    assert given == {*expected, "year", "survey_year", "ppp_year", "dollars_a_day", "gdp_per_capita"}
    package = study.package
    assert package.administration == 0.05
    per_person = [scheme.per_year(economy, "month") / economy.gdp_per_capita for scheme in package.schemes]
    np.testing.assert_allclose(per_person, [0.09, 0.04, 0.14, 0.16], rtol=1e-12)  # maternity: in all, per birth
    assert [(scheme.min_age, scheme.max_age) for scheme in package.schemes][1:] == [(0, 17), (None, None), (65, None)]


@COUNTRIES
def test_examples_run_on_popstan(country):
    study = read_study(EXAMPLES / country / "study.toml")
    survey, economy, plain = study.survey(), study.economy, popstan()
    result = sp.assess(survey, [], study.package, economy, by=(), replicates=sp.Bootstrap(8))
    scaled = result.survey
    assert scaled.people.sum() == pytest.approx(economy.population, rel=1e-4)
    # What is scaled is told: Popstan's line of 1,500 a year is the country's, and nobody changes rank.
    np.testing.assert_allclose(scaled.welfare, plain.welfare * economy.lines["national"] / 1500, rtol=1e-6)
    poor = result.estimates.find(statistic="headcount", of="national", scenario="before")
    assert result.estimates.value[poor] == pytest.approx(sp.fgt(plain.welfare, plain.people, 1500.0), rel=1e-12)
    cost = result.transfers.cost.set_index("scheme")["cost_gdp"]
    shares = np.array(eligible(plain)) * [0.04, 0.14, 0.16] * 1.05
    found = cost[["child benefit", "disability benefit", "old-age pension"]]
    np.testing.assert_allclose(found, shares, rtol=1e-4)  # the factor of weights has five digits
    told = result.manifest()["survey"]["uprating"]["welfare"]
    assert told == economy.uprating != 1


def test_the_command_line_finds_nothing_wrong_with_an_example(monkeypatch, capsys):
    from sp2lnob.cli import main

    popstan()  # or say that it is not at hand
    monkeypatch.setattr("sys.argv", ["sp2lnob", "check", str(EXAMPLES / "maldives" / "study.toml")])
    assert main() == 0
    assert "people           524,108" in capsys.readouterr().out


@COUNTRIES
def test_examples_say_that_no_microdata_are_at_hand(country):
    for name in ("README.md", "study.toml"):
        text = " ".join((EXAMPLES / country / name).read_text(encoding="utf-8").replace("#", " ").split())
        assert re.search(
            r"No (Cambodian |Maldivian )?microdata (of (Cambodia|the Maldives) )?are part of this project", text
        )
        assert re.search(r"Results say nothing about (Cambodia|the Maldives)\.", text)


@COUNTRIES
def test_the_section_for_a_survey_of_one_s_own_is_a_study(country, tmp_path):
    text = (EXAMPLES / country / "study.toml").read_text(encoding="utf-8")
    settings, _, own = text.partition("# -- your own survey")
    own = own[own.index("# [survey]") :]
    own = re.sub(r"^# ", "", own, flags=re.M)
    rest = settings[settings.index("[economy]") :]
    path = tmp_path / "study.toml"
    path.write_text(own + rest, encoding="utf-8")
    with pytest.raises(sp.InputError, match=r"psu in \[survey\] must be filled in, but line \d+ still says '\?'"):
        read_study(path)
    path.write_text(own.replace('"?"', '"village"') + rest, encoding="utf-8")
    study = read_study(path)
    assert study.economy == read_study(EXAMPLES / country / "study.toml").economy
    columns = {
        "hhid",
        "weight",
        "rural",
        "hhsize",
        "adj_factor",
        "adj_welfare",
        "pmt",
        "disab",
        "newmother",
        "age",
        "sex",
    }
    assert columns | {"female_head", "pension"} <= set(re.findall(r"\w+", own))


def test_an_own_survey_with_those_columns_is_read(tmp_path):
    """The columns of a survey as SPOT prepares it, filled with the small one."""
    households, persons = toy_frames()
    n, m = len(households["hid"]), len(persons["hid"])
    rng = np.random.default_rng(3)
    size = {hid: int((persons["hid"] == hid).sum()) for hid in households["hid"].tolist()}
    frames = {
        "cses_households": {
            "hhid": households["hid"],
            "weight": households["hhweight"],
            "hhsize": [size[hid] for hid in households["hid"].tolist()],
            "adj_welfare": households["pc"] * 3000.0,
            "adj_factor": 1 + rng.random(n) / 10,
            "pmt": rng.random(n),
            "rural": [int(area == "Rural") for area in households["urbrur"]],
            "village": households["ea"],
            "province": households["region"],
            "aid": np.arange(n) % 3 * 9000.0,
        },
        "cses_persons": {
            "hhid": persons["hid"],
            "age": persons["age"],
            "sex": persons["sex"],
            "disab": persons["disability"],
            "newmother": (rng.random(m) < 0.05).astype(int),
            "pension": (persons["age"] > 70).astype(int),
        },
    }
    import pandas as pd

    for name, columns in frames.items():
        pd.DataFrame(columns).to_csv(tmp_path / f"{name}.csv", index=False)
    text = (EXAMPLES / "cambodia" / "study.toml").read_text(encoding="utf-8")
    settings, _, own = text.partition("# -- your own survey")
    own = re.sub(r"^# ", "", own[own.index("# [survey]") :], flags=re.M).replace(".dta", ".csv")
    own = own.replace('# existing = { "social pension" = "?" }', 'existing = { "social pension" = "aid" }')
    own = own.replace('psu = "?"', 'psu = "village"').replace('strata = "?"', 'strata = ["province", "rural"]')
    (tmp_path / "study.toml").write_text(own + settings[settings.index("[economy]") :], encoding="utf-8")
    study = read_study(tmp_path / "study.toml")
    survey = study.survey()
    today = survey.uprated(study.economy)
    assert survey.existing["social pension"].max() == 18_000
    assert today.existing["social pension"].max() == pytest.approx(18_000 * study.economy.uprating)
    assert len(sp.simulate(today, study.package, study.economy).cost) == 5
