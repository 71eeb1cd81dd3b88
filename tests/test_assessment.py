"""What assess asks of a package: its figures and their names, sums, three situations, and what is left out and why."""

from functools import cache

import numpy as np
import pytest

import sp2lnob as sp

LINES = {"national": 60.0, "relative": sp.RelativeLine(0.6)}
SMALL = sp.Bootstrap(10)


def frames(aid=5.0, poorest=None):
    """Return the example's frames with a benefit to every fifth household, and a score."""
    households, persons = (dict(frame) for frame in sp.example_frames(400))
    n = len(households["hid"])
    households["aid"] = np.where(np.arange(n) % 5 == 0, aid, 0.0)
    welfare = np.array(households["pc_exp"], dtype=np.float64)
    households["rank"] = welfare * np.random.default_rng(1).uniform(0.5, 1.5, n)
    if poorest is not None:
        welfare[0] = poorest
    households["pc_exp"] = welfare
    return households, persons


def survey_of(aid=None, **more):
    given = {} if aid is None else {"existing": {"aid": "aid"}}
    roles = {"disability": "disability", "score": "rank"}
    base = {"person": "pid", "welfare": "pc_exp", "psu": "ea", "strata": ["region", "urbrur"], "roles": roles}
    return sp.Survey(*frames(aid or 5.0, **more), **base, **given)


def child():
    return sp.child_benefit(sp.Amount(8, "month"))


def old(**more):
    return sp.old_age_pension(sp.Amount(25, "month"), **more)


def assessed(schemes, survey=None, **more):
    survey = survey_of() if survey is None else survey
    more = {"lines": LINES, "replicates": SMALL, **more}
    return sp.assess(survey, [], None if schemes is None else sp.Package(schemes), **more)


@cache
def usual():
    return assessed([child(), old(target=sp.Rank(0.4))], by=["decile", "urbrur", "recipients"])


def found(result, statistic, **more):
    frame = result.estimates.frame()
    keep = frame["statistic"] == statistic
    for name, value in more.items():
        keep &= frame[name] == value
    return frame[keep]


EVERYWHERE = {"all", "decile", "urbrur", "recipients"}
ASKED = [
    ("consumption_gain", "", EVERYWHERE),
    ("consumption_gain", "mean of ratios", EVERYWHERE),
    ("coverage", "", EVERYWHERE),
    ("coverage_direct", "intended", EVERYWHERE),
    ("coverage", "children", EVERYWHERE),
    ("coverage_direct", "persons with disabilities", EVERYWHERE),
    ("benefit_incidence", "", EVERYWHERE - {"all"}),
    ("adequacy", "", EVERYWHERE),
    ("generosity", "", EVERYWHERE),
    ("generosity", "share of national", EVERYWHERE),
    ("targeting_ratio", "benefits, poorest 40 %", EVERYWHERE - {"decile"}),
    ("targeting_differential", "poorest 40 %", EVERYWHERE - {"decile"}),
    ("gap_efficiency", "", EVERYWHERE),
    ("gap_efficiency", "with administration", EVERYWHERE),
    ("scheme_share", "headcount, national", {"all"}),
    ("scheme_share", "gini", {"all"}),
    ("total_cost", "", {"all"}),
    ("exclusion_error", "share=0.4, who=age >= 65", {"all", "urbrur"}),
    ("chosen", "share=0.4, who=age >= 65", {"all", "decile", "urbrur"}),
]


@pytest.mark.parametrize(("statistic", "param", "by"), ASKED)
def test_all_that_is_asked_of_a_package_is_there(statistic, param, by):
    assert set(found(usual(), statistic, param=param)["by"]) == by


def test_lines_that_are_estimated_have_no_efficiency_and_no_share():
    assert set(found(usual(), "gap_efficiency")["of"]) == {"national"}
    assert set(found(usual(), "scheme_share")["param"]) == {
        *(f"{measure}, national" for measure in ("headcount", "poverty_gap", "poverty_severity")),
        "gini",
    }
    assert not usual().asked["left_out"]


def test_figures_are_those_of_estimate():
    result = usual()
    after = {"after": result.transfers}
    statistics = [
        sp.Coverage(intended=True, groups=True),
        sp.Adequacy(lines={"national": 60.0}),
        sp.GapEfficiency(60.0, "national"),
        sp.TargetingError(0.4, who="age >= 65", score="rank", name="old-age pension"),
    ]
    for statistic in statistics:
        by = ["urbrur"] if isinstance(statistic, sp.TargetingError) else ["urbrur", "recipients"]
        est = sp.estimate(result.survey, [statistic], after, by=by, replicates=SMALL)
        place = {(r.statistic, r.of, r.param, r.by, r.level): i for i, r in enumerate(result.estimates.rows)}
        at = [place[r.statistic, r.of, r.param, r.by, r.level] for r in est.rows]
        np.testing.assert_allclose(result.estimates.draws[:, at], est.draws, rtol=1e-12)
        assert [result.estimates.rows[i].n for i in at] == [row.n for row in est.rows]


def test_shares_of_schemes_add_up_to_the_change():
    for line, measure in (("national", "poverty_gap"), ("national", "headcount"), ("", "gini")):
        param = f"{measure}, {line}" if line else measure
        shares = found(usual(), "scheme_share", param=param).set_index("of")["value"]
        change = found(usual(), measure, of=line, by="all", scenario="change")["value"].item()
        assert shares["package"] == pytest.approx(change, abs=1e-12)
        assert shares.drop("package").sum() == pytest.approx(change, abs=1e-12)


@pytest.mark.parametrize("by", sorted(EVERYWHERE - {"all"}))
def test_incidence_adds_up_to_one(by):
    for statistic in ("benefit_incidence", "beneficiary_incidence"):
        sums = found(usual(), statistic, by=by).groupby("of")["value"].sum()
        np.testing.assert_allclose(sums, 1.0, atol=1e-12)


def test_groups_of_people_are_counted_as_one_by_one():
    """By a column of persons each is a row of its own; by one of households, members are added up."""
    result = assessed([child()], survey_of(), by=["urbrur", "sex"])
    survey, transfers = result.survey, result.transfers
    young = survey.person_column("age").values < 18
    weight = survey.person_weight * young
    paid = transfers.paid[:, -1]
    value = found(result, "coverage_direct", param="children", by="all")["value"].item()
    assert value == pytest.approx((weight * paid).sum() / weight.sum(), abs=1e-13)
    for by in ("all", "urbrur", "sex"):
        assert found(result, "coverage", param="children", by=by)["n"].sum() == young.sum()


# -- three situations -----------------------------------------------------------------------------------------------


@cache
def situations():
    return assessed([child()], survey_of(aid=5.0))


def test_without_schemes_is_told_beside_before_and_after():
    result = situations()
    for statistic in ("mean_welfare", "headcount", "poverty_gap", "gini", "palma"):
        assert found(result, statistic, by="all")["scenario"].unique().tolist() == [
            *("before", "no schemes", "after", "change"),
            *("change from no schemes: before", "change from no schemes: after"),
        ]
    assert "no schemes" not in set(found(result, "lorenz")["scenario"])
    value = found(result, "mean_welfare", by="all").set_index("scenario")["value"]
    without = sp.without_existing(result.survey).welfare
    assert value["no schemes"] == pytest.approx(np.average(without, weights=result.survey.people))
    assert value["change from no schemes: after"] == pytest.approx(value["after"] - value["no schemes"], abs=1e-12)
    assert value["change"] == pytest.approx(value["after"] - value["before"], abs=1e-12)


def test_without_schemes_needs_no_package():
    result = assessed(None, survey_of(aid=5.0))
    assert set(found(result, "headcount")["scenario"]) == {"before", "no schemes", "change from no schemes: before"}


def test_existing_benefits_are_described_each_by_itself():
    """As schemes are, in a scenario of their own, without a package as well, and by every domain."""
    result = assessed([child()], survey_of(aid=5.0), by=["decile", "urbrur", "recipients"])
    told = result.estimates.frame().query("scenario == 'existing'")
    assert set(told["of"]) == {"aid", "package"}
    assert set(told["by"]) == {"all", "decile", "urbrur"}
    names = {"coverage", "coverage_direct", "benefit_incidence", "beneficiary_incidence", "adequacy", "generosity"}
    assert set(told["statistic"]) == names
    survey = result.survey
    has = survey.existing["aid"] > 0
    people, each = survey.people, survey.existing["aid"] / survey.size
    by_hand = {
        "coverage": people[has].sum() / people.sum(),
        "adequacy": (people * each)[has].sum() / (people * survey.welfare)[has].sum(),
        "generosity": np.average(each[has], weights=people[has]),
    }
    for statistic, value in by_hand.items():
        row = told.query("statistic == @statistic and of == 'aid' and by == 'all' and param == ''")
        assert row["value"].item() == pytest.approx(value, rel=1e-12), statistic
    shares = told.query("statistic == 'benefit_incidence' and of == 'aid' and by == 'decile'")
    assert shares["value"].sum() == pytest.approx(1, rel=1e-12)
    assert not any("existing" in name for name in result.estimates.frame()["scenario"].unique() if name != "existing")
    alone = assessed(None, survey_of(aid=5.0)).estimates.frame()
    assert not alone.query("scenario == 'existing' and statistic == 'coverage'").empty


def test_without_persons_nobody_can_be_told_to_be_paid():
    households, _ = frames(5.0)
    size = {"size": "hhsize", "welfare": "pc_exp", "psu": "ea", "strata": ["region", "urbrur"]}
    households["hhsize"] = np.full(len(households["hid"]), 4)
    survey = sp.Survey(households, **size, existing={"aid": "aid"})
    result = sp.assess(survey, [], lines=LINES, replicates=SMALL)
    assert result.asked["left_out"] == {"existing benefits": "who is paid them is not known without a frame of persons"}


def test_a_survey_that_knows_of_no_benefits_has_two_situations():
    assert set(usual().estimates.frame()["scenario"]) == {"before", "after", "change"}


def test_benefits_above_welfare_are_left_out_and_told():
    result = assessed([child()], survey_of(aid=1e6))
    assert set(result.estimates.frame()["scenario"]) == {"before", "existing", "after", "change"}
    assert result.asked["left_out"]["no schemes"].endswith("households report more existing benefits than welfare")


def test_a_package_that_takes_away_may_raise_poverty():
    """Half of a benefit replaces it: nobody gains, and the interval of the change is above 0."""
    half = sp.Scheme("half", "aid > 0", amount=sp.Amount(1, "month"), per="household", replaces="aid")
    result = assessed([half], survey_of(aid=20.0))
    change = found(result, "poverty_gap", of="national", by="all", scenario="change")
    assert change["value"].item() > 0
    assert 0 < change["ci_low"].item() < change["ci_high"].item()


# -- what is left out -----------------------------------------------------------------------------------------------


def replacing():
    return sp.Scheme("new", "aid > 0", amount=sp.Amount(30, "month"), per="household", replaces="aid")


LEFT_OUT = [
    ([old(), replacing()], {"aid": 5.0}, {}),
    (
        [old(target=sp.Rank(0.4)), replacing()],
        {"aid": 5.0},
        {"scheme_share": "one ranks, and one has unless, replaces or tops_up"},
    ),
    (
        [old(target=sp.Rank(0.4, by="welfare"))],
        {},
        {"targeting error of old-age pension": "it ranks by welfare itself"},
    ),
    ([old(target=sp.Rank(1.0))], {}, {"targeting error of old-age pension": "it leaves nobody out"}),
    ([child()], {"poorest": 0.0}, {"consumption_gain, mean of ratios": "somebody has welfare of 0 or below before"}),
    (
        [sp.child_benefit(sp.Amount(1, "month"), name=f"scheme {i}") for i in range(9)],
        {},
        {"scheme_share": "the package has 9 schemes, more than 8"},
    ),
]


@pytest.mark.parametrize(("schemes", "of", "left"), LEFT_OUT)
def test_what_cannot_be_told_is_left_out_and_named_in_the_manifest(schemes, of, left):
    result = assessed(schemes, survey_of(**of), by=())
    assert result.manifest()["asked"]["left_out"] == left
    there = len(schemes) > 1 and "scheme_share" not in left
    assert found(result, "scheme_share").empty is not there


def test_draws_that_are_exact_have_no_shares():
    package = sp.Package([child(), sp.household_benefit(sp.Amount(5, "month"))], draws="exact")
    result = sp.assess(survey_of(), [], package, lines=LINES, by=(), replicates=SMALL)
    assert result.asked["left_out"] == {"scheme_share": "draws are exact"}


def test_recipients_need_a_package():
    with pytest.raises(sp.InputError, match="A domain 'recipients' needs a package"):
        assessed(None, by=["recipients"])


def test_who_gains_nothing_is_no_recipient():
    gain = found(usual(), "consumption_gain", by="recipients", param="mean of ratios").set_index("level")["value"]
    reached = found(usual(), "coverage", by="all", of="package", param="")["value"].item()
    whole = found(usual(), "consumption_gain", by="all", param="mean of ratios")["value"].item()
    assert gain["others"] == 0
    assert whole == pytest.approx(reached * gain["recipients"], abs=1e-12)


# -- years to come --------------------------------------------------------------------------------------------------

ECONOMY = sp.Economy(year=2026, gdp_per_capita=1800.0, lines={"national": 60.0})


def projected(**more):
    given = {"population": sp.population("Cambodia"), "projected": {"years": [2026, 2030]}, "lines": None, **more}
    return assessed([child(), old()], economy=ECONOMY, by=(), **given)


def test_a_projection_is_that_of_project():
    result = projected()
    made = sp.project(result.transfers, sp.population("Cambodia"), [2026, 2030], replicates=SMALL)
    assert np.array_equal(result.projection.estimates.value, made.estimates.value)
    assert np.array_equal(result.projection.estimates.draws, made.estimates.draws)
    told = result.manifest()["asked"]["projection"]
    assert (told["years"], told["base_year"], told["indexed"]) == ([2026, 2030], 2026, "gdp_per_capita")
    assert told["note"] == made.note
    assert projected(population=None, projected=None).projection is None


def test_tables_are_read_back_and_written_alike(tmp_path):
    result = projected()
    made = [{p.name: p.read_bytes() for p in result.save(tmp_path / name).iterdir()} for name in ("a", "b")]
    assert made[0] == made[1]
    assert made[0] == {p.name: p.read_bytes() for p in projected().save(tmp_path / "c").iterdir()}
    read = sp.read_results(tmp_path / "a")
    frame = result.findings().projection
    assert read.projection["year"].tolist() == frame["year"].tolist()
    assert read.projection["value"].tolist() == frame["value"].tolist()
    empty = sp.read_results(assessed(None, by=()).save(tmp_path / "d"))
    assert empty.projection.empty
    assert empty.effects.empty


def test_few_cases_are_withheld_from_effects_and_projection():
    survey = survey_of()
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["bottom40", "urbrur", "region"])
    few = sp.Scheme("few", "pid == 1 and ea == 1", amount=sp.Amount(5, "month"))
    result = sp.assess(
        survey,
        [opportunity],
        sp.Package([child(), few]),
        ECONOMY,
        by=(),
        replicates=SMALL,
        effect=["reroute", "logit"],
        monotone=True,
        population=sp.population("Cambodia"),
        projected={"years": [2026]},
    )
    projection = result.findings().projection.set_index(["of", "statistic"])
    assert projection.loc["few", "value"].isna().all()
    assert projection.loc["few", "flag"].str.contains("withheld").all()
    assert projection.loc["child benefit", "value"].notna().all()
    shown = result.findings(disclosure=100).effects
    few_cases = (shown["n"] < 100).to_numpy()
    assert set(shown["effect"]) == {"reroute", "logit"}
    assert few_cases.any()
    assert not few_cases.all()
    for name in ("before", "after", "change", "change_se", "change_low", "change_high", "gaining"):
        assert shown[name].isna()[few_cases].all()
    assert shown["before"].notna()[~few_cases].all()
    assert result.findings(disclosure="none").effects.equals(result.effects)


WRONG = [
    ({"population": None}, "What is projected must have a population, but population is None"),
    ({"projected": {"year": [2030]}}, "An argument in projected must be one that exists, but 'year' does not"),
    ({"projected": [2030]}, "projected must be"),
    ({"population": "Cambodia"}, r"project\(\) takes a Population"),
    ({"projected": {"years": [2101]}}, "A year must be one of Cambodia"),
    ({"economy": None, "lines": LINES}, "A projection needs its base year"),
]


@pytest.mark.parametrize(("more", "message"), WRONG)
def test_what_cannot_be_projected_is_an_error(more, message):
    given = {"economy": ECONOMY, "population": sp.population("Cambodia"), "projected": {"years": [2030]}, "by": ()}
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        assessed([child()], **{**given, **more})


def test_a_projection_needs_a_package():
    with pytest.raises(sp.InputError, match="A projection must have a package, but package is None"):
        assessed(None, economy=ECONOMY, population=sp.population("Cambodia"))
