"""Many surveys: each place is what assess() says of it alone; what is left out is told; pictures show the table."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob import plots
from sp2lnob._levels import within
from sp2lnob._places import Across
from sp2lnob.assessment import assess
from sp2lnob.many import SurveyProgress
from sp2lnob.overview import Overview

REPLICATES = sp.Bootstrap(30, seed=5)
TREE = sp.OpportunityTree(min_obs=20)
INTERNET = sp.Opportunity("internet", "internet == 1", circumstances=["bottom40", "urbrur", "head_sex"])
WOOD = sp.Opportunity("wood", "cook_fuel == 'Wood'", circumstances=["urbrur", "head_sex"], kind="barrier")
HEADS = sp.Opportunity(
    "schooling", "educ >= 2", "person", "age >= 15", circumstances=["urbrur", "head_sex"], weigh="persons"
)
ALL_THREE = [INTERNET, WOOD, HEADS]
FIGURES = ["value", "se", "ci_low", "ci_high", "df", "n", "flag"]
TIDY = ["statistic", "of", "param", "scenario", "by", "level"]


def many(surveys, opportunities=ALL_THREE, **how):
    return sp.assess_many(surveys, opportunities, **{"replicates": REPLICATES, "tree": TREE, **how})


@pytest.fixture(scope="module")
def other():
    return sp.example_survey(400, seed=2)


@pytest.fixture(scope="module")
def overview(example, other):
    """Return three opportunities in two surveys, by region and by residence."""
    return many({"Here 2020": example, "There 2025": lambda: other}, domains=["region", "urbrur"])


def place(overview, survey, domain="all", level="all", of=None):
    frame = overview.frame()
    picked = (frame["survey"] == survey) & (frame["domain"] == domain) & (frame["domain_level"] == level)
    return frame[picked & ((frame["of"] == of) if of else True)]


# -- what it says ---------------------------------------------------------------------------------------------------


def test_a_survey_as_a_whole_is_what_assess_says_of_it(overview, example, other):
    for name, survey in (("Here 2020", example), ("There 2025", other)):
        alone = assess(survey, ALL_THREE, by=(), replicates=REPLICATES, tree=TREE, shapley=False).estimates.frame()
        alone = alone[alone["of"].isin([o.name for o in ALL_THREE])]
        found = place(overview, name)[alone.columns]
        pd.testing.assert_frame_equal(found.reset_index(drop=True), alone.reset_index(drop=True))


@pytest.mark.parametrize("opportunity", ALL_THREE, ids=lambda o: o.name)
def test_a_level_of_a_domain_is_the_population_narrowed_to_it(overview, example, opportunity):
    population = "region == 'Hills'" + (f" and {opportunity.population}" if opportunity.population else "")
    narrowed = replace(opportunity, population=population)
    alone = assess(example, [narrowed], by=(), replicates=REPLICATES, tree=TREE, welfare=False, shapley=False)
    found = place(overview, "Here 2020", "region", "Hills", opportunity.name)
    expected = alone.estimates.frame()
    pd.testing.assert_frame_equal(found[[*TIDY, *FIGURES]].reset_index(drop=True), expected[[*TIDY, *FIGURES]])
    groups = overview.groups
    groups = groups[(groups["survey"] == "Here 2020") & (groups["domain_level"] == "Hills")]
    groups = groups[groups["opportunity"] == opportunity.name]
    pd.testing.assert_frame_equal(groups[alone.groups.columns].reset_index(drop=True), alone.groups)


def test_a_circumstance_that_is_the_domain_itself_falls_out(overview):
    groups = overview.groups
    rural = groups[(groups["domain"] == "urbrur") & (groups["opportunity"] == "wood")]
    assert len(rural)
    assert not rural["label"].str.contains("urbrur").any()


@pytest.mark.parametrize("label", ["it's", 'say "x"', """both ' and ":\\n""", "دبي", "a: b (region: c)"])
def test_levels_are_told_by_their_codes_whatever_they_are_called(label):
    households, persons = sp.example_frames(400)
    households["area"] = np.where(households["region"] == "Coast", label, "rest")
    survey = sp.Survey(households, persons, person="pid", psu="ea", strata=["region", "urbrur"])
    opportunity = sp.Opportunity("internet", "internet", circumstances=["urbrur"])
    found = many({"s": survey}, [opportunity], domains=["area"])
    coast = sp.assess(survey, [replace(opportunity, population="region == 'Coast'")], replicates=REPLICATES, tree=TREE)
    value = place(found, "s", "area", label).query("statistic == 'access' and by == 'all'")["value"].tolist()
    assert value == coast.estimates.frame().query("statistic == 'access' and by == 'all'")["value"].tolist()
    assert json.dumps(label, ensure_ascii=False)[1:-1].split("\\")[0] in sp.plots.gaps(
        found, "internet", survey="s", domain="area"
    ).to_json(ensure_ascii=False)


def test_two_opportunities_never_take_one_name(example):
    twins = [INTERNET, replace(INTERNET, name="internet (region: Coast)", outcome="internet == 0")]
    found = many({"s": example}, twins, domains=["region"])
    for opportunity in twins:
        rows = place(found, "s", "region", "Coast", opportunity.name).query("statistic == 'access' and by == 'all'")
        assert len(rows) == 1
    a, b = (place(found, "s", "region", "Coast", o.name).query("statistic == 'access'")["value"].iloc[0] for o in twins)
    assert a + b == pytest.approx(1)


def test_within_keeps_only_what_is_there(example):
    cells = INTERNET.prepare(example)
    rows = np.flatnonzero(example.column("urbrur", "household").values[cells.index] == 0)
    some = within(cells, rows)
    assert [c.name for c in some.circumstances] == ["bottom40", "head_sex"]
    assert np.unique(some.domain).tolist() == list(range(len(some.domains)))
    assert some.weight.sum() == cells.weight[rows].sum()


def test_factors_are_drawn_once_a_survey(example, monkeypatch):
    calls = []
    monkeypatch.setattr("sp2lnob.many.assess", lambda survey, *a, **k: calls.append(survey) or assess(survey, *a, **k))
    many({"s": example}, domains=["region", "urbrur"])
    assert len(calls) == 1


def test_access_alone_where_welfare_has_no_amount(example):
    frame = sp.assess(example, [INTERNET], replicates=REPLICATES, welfare=False).estimates.frame()
    assert set(frame["of"]) == {"internet"}
    whole = sp.assess(example, [INTERNET], by=(), replicates=REPLICATES).estimates.frame()
    same = whole[whole["of"] == "internet"].reset_index(drop=True)
    pd.testing.assert_frame_equal(frame, same)
    package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    with pytest.raises(sp.InputError, match="A package must be assessed with welfare"):
        sp.assess(example, [INTERNET], package, welfare=False)


# -- what is left out -----------------------------------------------------------------------------------------------


def reasons(overview):
    return {tuple(row[:-2]): row[-1] for row in overview.skipped.itertuples(index=False)}


def test_what_is_left_out_says_why(example):
    households, persons = sp.example_frames(400)
    n = len(households["hid"])
    households["rare"] = (np.arange(n) % 50 == 0).astype(int)
    households["none"] = np.zeros(n, dtype=int)
    households["few"] = np.where(np.arange(n) < 30, "few", "many")
    survey = sp.Survey(households, persons, person="pid", psu="ea", strata=["region", "urbrur"])
    made = {
        "rare": sp.Opportunity("rare", "rare", circumstances=["urbrur"]),
        "rare barrier": sp.Opportunity("rare barrier", "rare", circumstances=["urbrur"], kind="barrier"),
        "none": sp.Opportunity("none", "none", circumstances=["urbrur"]),
        "all": sp.Opportunity("all", "none == 0", circumstances=["urbrur"]),
        "internet": sp.Opportunity("internet", "internet", circumstances=["urbrur"]),
    }
    found = many({"s": survey}, list(made.values()), domains=["few", "urbrur"])
    why = reasons(found)
    assert why["s", "all", "all", "rare"] == why["s", "all", "all", "rare barrier"] == "rate under 3%"
    assert why["s", "all", "all", "none"] == why["s", "all", "all", "all"] == "all have the same outcome"
    assert why["s", "few", "few", "internet"] == "fewer than 40 rows"
    assert why["s", "urbrur", "Urban", "internet"] == "no circumstance has two levels"
    assert set(found.groups["opportunity"]) == {"internet"}
    assert not set(why) & set(found.groups[["survey", "domain", "domain_level", "opportunity"]].itertuples(index=False))


@pytest.mark.parametrize(("least", "there"), [(0.03, False), (0.02, True), (0.0, True)])
def test_the_least_rate_may_be_another(least, there):
    households, persons = sp.example_frames(400)
    households["rare"] = (np.arange(400) % 40 == 0).astype(int)
    survey = sp.Survey(households, persons, person="pid", psu="ea", strata=["region", "urbrur"], weight="hhweight")
    rate = sp.mean(households["rare"], survey.people)
    assert 0.02 < rate < 0.03
    found = many({"s": survey}, [sp.Opportunity("rare", "rare", circumstances=["urbrur"])], least_rate=least)
    assert (len(found.groups) > 0) == there


WATER = sp.Opportunity("water", "water", circumstances=["urbrur"])


def test_what_a_survey_lacks_is_an_error_that_names_both(example):
    with pytest.raises(sp.InputError, match=r"Survey 'b' must have what opportunity 'water' asks for.*'water'"):
        many({"b": example}, [INTERNET, WATER])
    with pytest.raises(sp.InputError, match=r"Survey 'b' must have the domain 'province'"):
        many({"b": example}, domains=["province"])
    with pytest.raises(sp.InputError, match=r"Survey 'b' must have the domain 'decile'.*welfare class"):
        many({"b": example}, domains=["decile"])


def test_or_it_is_listed(example):
    found = many({"a": example, "b": example}, [INTERNET, WATER], domains=["province"], errors="skip")
    why = reasons(found)
    assert why["a", "all", "all", "water"].startswith("not to be had: ")
    assert why["b", "province", "all", ""].startswith("not to be had: ")
    assert set(found.groups["survey"]) == {"a", "b"}


def test_a_design_that_a_survey_does_not_allow(example):
    columns = sp.ReplicateColumns(["w1", "w2"], kind="bootstrap")
    with pytest.raises(sp.InputError, match=r"Survey 'a' must be one that can be assessed, but it is not \("):
        many({"a": example}, replicates=columns)
    found = many({"a": example}, replicates=columns, errors="skip")
    assert found.skipped["reason"].str.startswith("not assessed: ").tolist() == [True]
    assert found.frame().empty


def test_rows_whose_level_is_missing_are_in_none_where_the_survey_drops_them():
    households, persons = sp.example_frames(400)
    area = np.where(households["region"] == "Coast", None, households["region"])
    households["area"] = area
    how = {"person": "pid", "psu": "ea", "strata": ["region", "urbrur"]}
    internet = sp.Opportunity("internet", "internet", circumstances=["urbrur"])
    found = many({"s": sp.Survey(households, persons, **how, missing="drop")}, [internet], domains=["area"])
    assert set(found.groups.query("domain == 'area'")["domain_level"]) == {"Hills", "Plains", "Islands"}
    assert place(found, "s").query("statistic == 'access' and by == 'all'")["n"].tolist() == [400]
    with pytest.raises(sp.InputError, match=r"domain 'area', but it has not \(The domain 'area' must be known"):
        many({"s": sp.Survey(households, persons, **how)}, [internet], domains=["area"])


def gone():
    raise FileNotFoundError(2, "No such file", "nepal.dta")


def broken():
    raise KeyError("hv001")


def test_a_survey_that_cannot_be_opened(example, tmp_path):
    with pytest.raises(sp.InputError, match=r"Survey 'Nepal' must be one that can be opened.*nepal\.dta"):
        many({"Nepal": gone})
    with pytest.raises(sp.InputError, match=r"Survey 'Nepal' must be one that can be opened.*no '.*nowhere\.toml'"):
        many({"Nepal": tmp_path / "nowhere.toml"})
    with pytest.raises(KeyError) as error:
        many({"Nepal": broken})
    assert error.value.__notes__ == ["while survey 'Nepal' was opened"]
    found = many({"Nepal": gone, "Bhutan": broken, "here": example, "paper": 3}, errors="skip")
    assert found.skipped["survey"].tolist() == ["Nepal", "Bhutan", "paper"]
    assert set(found.groups["survey"]) == {"here"}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"least_rate": 1.0}, "least_rate must be"),
        ({"progress": "bar"}, "progress must be a function"),
        ({"errors": "ignore"}, "errors must be one of 'raise', 'skip'"),
        ({"domains": "region"}, "domains must be a list"),
        ({"domains": ["all"]}, "A domain must have a name of its own"),
        ({"opportunities": None}, "Survey 's' must have opportunities"),
        ({"opportunities": [INTERNET, INTERNET]}, "Every opportunity must have a name of its own"),
        ({"opportunities": ["internet"]}, "opportunities must hold Opportunity"),
    ],
)
def test_arguments_that_are_wrong(example, how, message):
    with pytest.raises(sp.SP2LNOBError, match=message):
        many({"s": example}, **how)


def test_names_and_kinds_of_surveys_are_checked(example):
    with pytest.raises(sp.InputTypeError, match="A survey's name must be text"):
        many({2020: example})
    with pytest.raises(sp.InputTypeError, match="surveys must be a mapping of names"):
        many([example])
    with pytest.raises(sp.InputError, match="Survey 's' must be one that can be opened"):
        many({"s": {"hid": [1]}})


# -- where surveys come from ----------------------------------------------------------------------------------------

STUDY = """
[survey]
households = "h.csv"
persons = "p.csv"
person = "pid"
welfare = "pc_exp"
psu = "ea"
strata = ["region", "urbrur"]
[[opportunity]]
name = "internet"
outcome = "internet"
circumstances = ["bottom40", "urbrur"]
[tree]
min_obs = 30
[replicates]
n = 12
[estimate]
level = 0.9
"""


@pytest.fixture
def study(tmp_path):
    for name, frame in zip(("h", "p"), sp.example_frames(400), strict=True):
        pd.DataFrame(frame).to_csv(tmp_path / f"{name}.csv", index=False)
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_a_study_brings_its_own_opportunities_and_rules(study, example):
    for source in (study, str(study), lambda: sp_study(study)):
        found = sp.assess_many({"s": source})
        assert found.manifest["level"] == 0.9
        asked = found.manifest["surveys"]["s"]["asked"]
        assert asked["tree"]["min_obs"] == 30
        assert asked["replicates"]["n"] == 12
        assert found.manifest["surveys"]["s"]["study"]["file"] == "study.toml"
    found = sp.assess_many({"s": study}, replicates=sp.Bootstrap(5), tree=TREE, level=0.8)
    asked = found.manifest["surveys"]["s"]["asked"]
    assert (asked["tree"]["min_obs"], asked["replicates"]["n"], found.manifest["level"]) == (20, 5, 0.8)
    with pytest.raises(sp.InputError, match=r"intervals of one level, but theirs are 0\.9 and 0\.95"):
        sp.assess_many({"s": study, "t": (example, [INTERNET])}, replicates=sp.Bootstrap(5))


def sp_study(path):
    from sp2lnob.study import read_study

    return read_study(path)


def test_a_survey_may_bring_its_own_opportunities(example, other):
    found = many({"a": (example, [WOOD]), "b": lambda: (other, [INTERNET]), "c": other}, [HEADS])
    assert found.groups.groupby("survey")["opportunity"].unique().map(list).to_dict() == {
        "a": ["wood"],
        "b": ["internet"],
        "c": ["schooling"],
    }


def test_surveys_are_opened_one_after_the_other_and_let_go():
    import gc
    import weakref

    alive = []

    def open_(seed):
        gc.collect()
        alive.append(sum(1 for of in made if of() is not None))
        survey = sp.example_survey(400, seed=seed)
        made.append(weakref.ref(survey))
        return survey

    made = []
    many({str(seed): lambda seed=seed: open_(seed) for seed in (1, 2, 3)}, [INTERNET])
    assert alive == [0, 0, 0]


# -- progress, interrupts, and what is kept --------------------------------------------------------------------------


def test_progress_is_told_by_survey(example, other):
    told = []
    many({"a": example, "b": other}, [INTERNET], progress=told.append)
    assert all(isinstance(made, SurveyProgress) for made in told)
    assert [(m.survey, m.number, m.of) for m in told if m.finished] == [("a", 1, 2), ("b", 2, 2)]
    done = [m.replicates.done for m in told if m.replicates is not None and m.survey == "a"]
    assert done[-1] == 30
    assert told[0].replicates is None


def stop_at(survey):
    def progress(made):
        if made.survey == survey and made.replicates is None and not made.finished:
            raise KeyboardInterrupt

    return progress


def test_an_interrupt_keeps_the_surveys_that_are_finished(example, other, overview):
    found = many({"a": example, "b": other, "c": example}, progress=stop_at("b"))
    assert found.surveys == ("a",)
    assert found.manifest["interrupted"] == {"finished": 1, "asked": 3}
    assert repr(found).endswith("; interrupted after 1 of 3 surveys")
    assert many({"a": example}, progress=stop_at("a")).frame().empty


def files(overview, folder):
    return {path.name: path.read_bytes() for path in sorted(overview.save(folder, disclosure="none").iterdir())}


def test_what_is_finished_is_not_assessed_again_and_the_bytes_are_the_same(example, other, tmp_path, monkeypatch):
    surveys, how = {"a/b": example, "a:b": other}, {"domains": ["region"], "least_rate": 0.2}
    whole = files(many(surveys, **how), tmp_path / "whole")
    kept = tmp_path / "kept"
    assert many(surveys, **how, resume=kept, progress=stop_at("a:b")).surveys == ("a/b",)
    assert len(list(kept.iterdir())) == 1
    assert files(many(surveys, **how, resume=kept), tmp_path / "resumed") == whole
    assert len(list(kept.iterdir())) == 2
    monkeypatch.setattr("sp2lnob.many.assess", None)  # nothing is assessed any more
    assert files(many(surveys, **how, resume=kept), tmp_path / "again") == whole


@pytest.mark.parametrize(
    ("how", "key"),
    [
        ({"least_rate": 0.1}, "least_rate"),
        ({"replicates": sp.Bootstrap(30, seed=6)}, "replicates"),
        ({"tree": sp.OpportunityTree()}, "tree"),
        ({"domains": ["region"]}, "domains"),
        ({"level": 0.9}, "options"),
        ({"opportunities": [WOOD]}, "opportunities"),
    ],
)
def test_what_is_kept_of_another_study_is_an_error(example, tmp_path, how, key):
    many({"a": example}, [INTERNET], resume=tmp_path / "kept")
    with pytest.raises(sp.InputError, match=rf"Surveys that are kept must be of the same .* {key} is "):
        many({"a": example}, **{"opportunities": [INTERNET], **how}, resume=tmp_path / "kept")


def test_other_data_are_an_error_as_well(example, other, tmp_path):
    many({"a": example}, [INTERNET], resume=tmp_path / "kept")
    with pytest.raises(sp.InputError, match="data is"):
        many({"a": other}, [INTERNET], resume=tmp_path / "kept")


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bytes_do_not_depend_on_threads(overview, example, other, tmp_path, threads):
    surveys = {"Here 2020": example, "There 2025": other}
    made = many(surveys, domains=["region", "urbrur"], n_threads=threads)
    assert files(made, tmp_path / "a") == files(overview, tmp_path / "b")


# -- files and disclosure -------------------------------------------------------------------------------------------


def test_a_folder_is_read_back_as_it_was_published(overview, tmp_path):
    published = overview.findings()
    found = sp.read_overview(overview.save(tmp_path / "out"))
    for name in ("estimates", "groups", "skipped", "correlations"):
        pd.testing.assert_frame_equal(
            getattr(found, name), getattr(published, name), check_dtype=False, check_exact=True
        )
    assert found.manifest == json.loads(json.dumps(published.manifest))
    assert files(found, tmp_path / "again") == {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert found.surveys == overview.surveys


def test_a_folder_that_is_not_whole_is_refused(overview, tmp_path):
    out = overview.save(tmp_path / "out")
    text = (out / "skipped.csv").read_text()
    (out / "skipped.csv").write_text(text + "one more\n")
    with pytest.raises(sp.InputError, match="Every file of the overview must be there and whole"):
        sp.read_overview(out)
    with pytest.raises(sp.InputError, match="must hold an overview"):
        sp.read_overview(tmp_path)


def test_the_folder_of_one_survey_is_no_overview(example, tmp_path):
    out = sp.assess(example, [INTERNET], replicates=REPLICATES).save(tmp_path / "out")
    with pytest.raises(sp.InputError, match=r"read_results\(\) reads that of one survey"):
        sp.read_overview(out)


def test_figures_from_few_are_withheld_everywhere(overview):
    few = overview.findings(150)
    n = few.estimates["n"].to_numpy()
    assert few.estimates["value"].isna().to_numpy()[n < 150].all()
    assert not few.estimates["value"].isna().to_numpy()[n >= 150].any()
    assert few.groups["before"].isna().to_numpy()[few.groups["n"] < 150].all()
    assert few.findings("none") is few  # it stays as it was published
    hidden = {f"{v:.4f}" for v in overview.estimates.loc[overview.estimates["n"] < 150, "value"]}
    level = few.estimates.query("domain == 'region' and of == 'internet' and statistic == 'access'")
    assert level["value"].isna().all()
    chart = plots.gaps(few, "internet", survey="Here 2020", domain="region").to_json()
    assert "withheld" in chart
    assert not hidden & set(re.findall(r"\d\.\d{4}", chart))
    with pytest.raises(sp.InputError, match="that all lines have"):
        plots.average_dissimilarity(overview.findings(10_000))


def test_a_gap_of_which_an_end_is_withheld_is_not_told(overview):
    across = Across(overview.findings(240))
    found = [across.figures((s, "all", "all"), name) for s in across.surveys for name in across.opportunities]
    hidden = [f for f in found if not (f.behind.there and f.ahead.there)]
    assert hidden
    assert all(f.distance == "" for f in hidden)


# -- the mean of dissimilarity indices -------------------------------------------------------------------------------


def as_found(overview):
    """Return an overview of what is found in the sample alone: no index without chance, no cross-validated ends."""
    frame = overview.estimates
    honest = frame["param"].str.contains("empirical-bayes|bound|cross-validated")
    return replace(overview, estimates=frame[~honest].reset_index(drop=True))


def test_the_error_of_a_mean_is_that_of_means_draw_by_draw(overview, example):
    result = sp.assess(example, ALL_THREE, by=(), replicates=REPLICATES, tree=TREE)
    rows = [i for i, row in enumerate(result.estimates.rows) if row.param.startswith("empirical-bayes")]
    assert len(rows) == 3
    of = result.estimates
    means = of.draws[:, rows].mean(axis=1)
    se, _, _ = of.variance.of(means, of.value[rows].mean(), of.beside[:, rows].mean(axis=1))
    across = Across(overview)
    found = [across.figures(("Here 2020", "all", "all"), o.name) for o in ALL_THREE]
    point, k = across.average_of(found, correlated=True)
    assert k == 3
    assert point.value == pytest.approx(of.value[rows].mean())
    from sp2lnob._intervals import index

    df = min(f.d_df for f in found)
    np.testing.assert_allclose((point.low, point.high), index(point.value, se, df, 1.0, 0.95)[:2], rtol=1e-6)


def test_surveys_are_independent(overview):
    across = Across(overview)
    found = [across.figures((name, "all", "all"), "internet") for name in across.surveys]
    point, k = across.average_of(found, correlated=False)
    a, b = found
    from sp2lnob._intervals import index, welch

    se = math.hypot(a.d_se, b.d_se) / 2
    df = welch((a.d_se, b.d_se), (a.d_df, b.d_df))
    assert (k, point.value) == (2, (a.d_index.value + b.d_index.value) / 2)
    np.testing.assert_allclose((point.low, point.high), index(point.value, se, df, 1.0, 0.95)[:2])


def test_a_mean_of_biased_indices_has_no_interval(overview):
    across = Across(as_found(overview))
    point, _ = across.average_of([across.figures(("Here 2020", "all", "all"), "wood")], True)
    assert (point.ends, point.flag) == ((), "biased")


def test_means_are_over_what_all_lines_have(example, other):
    found = many({"a": example, "b": (other, [INTERNET, HEADS])}, [INTERNET, WOOD])
    chart = plots.average_dissimilarity(found)
    assert "Mean over 1 opportunity: internet." in " ".join(chart.to_dict()["title"]["subtitle"])
    assert "wood, schooling (not had by all)" in " ".join(chart.to_dict()["title"]["subtitle"])
    apart = many({"a": example, "b": (other, [HEADS])}, [WOOD])
    with pytest.raises(sp.InputError, match="A mean must be over opportunities that all lines have"):
        plots.average_dissimilarity(apart)
    over = plots.average_dissimilarity(found, over="surveys")
    assert "as many as is said" in " ".join(over.to_dict()["title"]["subtitle"])


def test_correlations_are_of_every_pair_in_every_place(overview):
    of = overview.correlations
    assert len(of.query("domain == 'all'")) == 2 * 3
    assert of["correlation"].abs().max() <= 1
    assert not of[["survey", "domain", "domain_level", "of", "other"]].duplicated().any()


# -- pictures -------------------------------------------------------------------------------------------------------

pytest.importorskip("altair", reason="pictures need altair: pip install 'sp2lnob[report]'")
pytest.importorskip("vl_convert", reason="SVG needs vl-convert: pip install 'sp2lnob[report]'")

from .test_plots import LABELS, check_room, heads, of_mark, points, words  # noqa: E402


def test_the_gap_is_that_of_the_table(overview):
    for made, param in ((as_found(overview), ""), (overview, "cross-validated")):
        chart = plots.gaps(made, "internet")
        drawn = {(p["label"], p["series"]): p for p in points(chart)}
        assert len(drawn) == 6
        frame = made.estimates.query("of == 'internet' and domain == 'all' and by == 'all'")
        for survey in made.surveys:
            at = frame[frame["survey"] == survey]
            for end in ("behind", "ahead"):
                (row,) = at[(at["statistic"] == f"furthest_{end}") & (at["param"] == param)].to_dict("records")
                point = drawn[survey, f"furthest {end}"]
                assert point["value"] == row["value"]
                assert ("low" in point) == bool(param)
            (row,) = at[at["statistic"] == "access"].to_dict("records")
            assert drawn[survey, "average"]["value"] == row["value"]
            assert drawn[survey, "average"]["low"] == row["ci_low"]
        assert ("cross-validated" in heads(chart)) == bool(param)


def test_of_a_barrier_the_highest_rate_is_furthest_behind(overview):
    for made in (as_found(overview), overview):
        chart = plots.gaps(made, "wood")
        drawn = {(p["label"], p["series"]): p["value"] for p in points(chart)}
        for survey in made.surveys:
            assert drawn[survey, "furthest behind"] > drawn[survey, "furthest ahead"]
        assert "A barrier: the highest rate is furthest behind." in heads(chart)


def test_lines_stand_from_the_worst_to_the_best(overview):
    for name, sign in (("internet", 1), ("wood", -1)):
        drawn = sorted(
            (p for p in points(plots.gaps(overview, name)) if p["series"] == "average"), key=lambda p: p["y"]
        )
        values = [sign * p["value"] for p in drawn]
        assert values == sorted(values)
    bars = [b for b in of_mark(plots.dissimilarities(overview, "internet"), "rule") if "value" in b]
    assert [b["value"] for b in bars] == sorted((b["value"] for b in bars), reverse=True)


def test_bars_of_an_index_with_an_interval_show_it(overview):
    chart = plots.dissimilarities(overview, survey="Here 2020")
    assert {p["label"] for p in points(chart)} == {"internet", "wood (absence of the barrier)", "schooling"}
    lines = [b for b in of_mark(chart, "rule") if b["width"] == 2]
    assert len(lines) == 3
    assert "Lines are 95% intervals." in heads(chart)
    assert "biased" not in heads(chart)
    plain = plots.dissimilarities(as_found(overview), survey="Here 2020")
    assert not [b for b in of_mark(plain, "rule") if b["width"] == 2]
    assert "biased upward" in heads(plain)


def test_levels_of_a_domain_are_lines(overview):
    chart = plots.gaps(overview, "internet", survey="Here 2020", domain="region")
    assert {p["label"] for p in points(chart)} == {"Coast", "Hills", "Plains", "Islands"}
    chart = plots.average_dissimilarity(overview, survey="Here 2020", domain="region")
    assert {p["label"] for p in points(chart)} == {"Coast", "Hills", "Plains", "Islands"}


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (plots.gaps, "A picture must be of one opportunity or of one survey"),
        (lambda o: plots.gaps(o, survey="x"), "A survey must be one that exists"),
        (lambda o: plots.gaps(o, domain="region"), "one opportunity in one survey"),
        (lambda o: plots.average_dissimilarity(o, domain="region"), "Levels of a domain must be of one survey"),
        (lambda o: plots.gaps(o.estimates), "takes an Overview"),
        (lambda o: plots.dissimilarities(o, "internet", width=100), "The width of a picture must be"),
    ],
)
def test_pictures_ask_for_what_they_lack(overview, draw, message):
    with pytest.raises(sp.SP2LNOBError, match=message):
        draw(overview)


def test_an_overview_of_nothing_has_no_picture(overview):
    empty = many({}, [INTERNET])
    for draw in (plots.gaps, plots.dissimilarities, plots.average_dissimilarity):
        with pytest.raises(sp.InputError, match="must have figures"):
            draw(empty)


def test_what_was_left_out_is_told_below_the_title(example, other):
    rates = [sp.mean(survey.column("internet", "household").values, survey.people) for survey in (example, other)]
    found = many({"a": example, "b": other, "c": example}, [INTERNET], least_rate=round(sum(rates) / 2, 3))
    left = found.skipped["survey"].tolist()
    assert 0 < len(left) < 3
    assert f"Not shown: {', '.join(left)} ({found.skipped['reason'].iloc[0]})." in heads(plots.gaps(found, "internet"))


@pytest.fixture(scope="module")
def wide(overview):
    """Return an overview of 33 surveys and 30 opportunities with long names and names that are not ours."""
    frame = overview.estimates.query("survey == 'Here 2020' and domain == 'all' and of != 'schooling'")
    surveys = [*LABELS, *(f"Survey of the living conditions of country {k}, third round {2000 + k}" for k in range(27))]
    names = [*(f"indicator {k} of those that are asked for by the platform" for k in range(15))]
    made = [
        frame.assign(survey=survey, of=[f"{of} {name}" for of in frame["of"]], value=frame["value"] * (0.5 + k / 80))
        for k, survey in enumerate(surveys)
        for name in names
    ]
    of = pd.concat(made, ignore_index=True)
    manifest = {**overview.manifest, "surveys": dict.fromkeys(surveys, overview.manifest["surveys"]["Here 2020"])}
    return Across(Overview(of, overview.groups[:0], overview.skipped[:0], overview.correlations[:0], manifest))


@pytest.mark.parametrize("width", [300, 460, 600])
def test_many_lines_and_long_names_have_room(wide, width):
    name = wide.opportunities[0]
    for chart in (
        plots.gaps(wide, name, width=width),
        plots.dissimilarities(wide, survey=LABELS[1], width=width),
        plots.average_dissimilarity(wide, width=width),
    ):
        check_room(chart)
        assert "2026" in words(chart) or "platform" in words(chart)


def test_text_from_data_is_shown_and_never_read_as_anything_else(wide):
    text = plots.svg(plots.gaps(wide, wide.opportunities[0]))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


# -- the page -------------------------------------------------------------------------------------------------------


class Strict(HTMLParser):
    """A page whose every tag is closed in its turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.text, self.targets = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        assert tag not in ("script", "iframe", "img", "link", "object")
        assert not [name for name in attributes if name.startswith("on")]
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "a":
            href = attributes["href"]
            assert href.startswith(("#", "data:text/csv", "data:application/json"))
            self.targets += [href[1:]] if href.startswith("#") else []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in ("meta", "br"):
            assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.append(text)


@pytest.fixture(scope="module")
def hostile(example):
    alarm = sp.Opportunity("</style><script>alert(1)</script>", "internet", circumstances=["urbrur"])
    return many({'"><img src=x onerror=alert(2)>': example, "{{7*7}}": example}, [alarm, WATER, WOOD], errors="skip")


def test_the_page_is_whole_and_what_comes_from_data_stays_text(hostile, tmp_path):
    text = hostile.report(tmp_path / "r.html").read_text(encoding="utf-8")
    page = Strict(text)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.targets) <= set(page.ids)
    told = " ".join("".join(page.text).split())
    for name in (*hostile.surveys, "</style><script>alert(1)</script>", "What was left out", "rate is under 3%"):
        assert name in told
    assert "default-src 'none'" in text
    assert text == hostile.report(tmp_path / "again.html").read_text(encoding="utf-8")


def test_the_page_of_one_survey_has_its_opportunities_side_by_side(example, tmp_path):
    found = many({"only": example}, [INTERNET, WOOD], domains=["region"])
    page = Strict(found.report(tmp_path / "r.html").read_text(encoding="utf-8"))
    told = " ".join("".join(page.text).split())
    assert "Who is left behind: only" in told
    assert "All opportunities" in told
    assert "Islands" in told


def test_a_notebook_shows_what_is_published(overview):
    shown = overview._repr_html_()
    assert "Here 2020" in shown
    assert "wood (barrier)" in shown
    few = replace(overview, estimates=overview.estimates.assign(n=10))._repr_html_()
    assert "withheld here" in few
    value = overview.estimates.query("statistic == 'access' and by == 'all'")["value"].iloc[0]
    assert f"{100 * value:.1f}" in shown
    assert f"{100 * value:.1f}" not in few


def test_a_survey_without_households_is_of_persons_and_its_flags_are_explained(tmp_path):
    n = np.arange(600)
    persons = {"weight": np.ones(600), "psu": n // 20, "a": n // 20 % 2, "b": n % 3, "y": (n * 7 % 10 < 4).astype(int)}
    roles = {"age": None, "sex": None}
    survey = sp.Survey(None, persons, household=None, weight="weight", psu="psu", roles=roles)
    asked = [sp.Opportunity("y", "y == 1", "person", circumstances=["a", "b"])]
    page = many({"Women": survey}, asked).report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "600 persons in 30 sampling units" in page
    assert "households in" not in page
    assert "<dt>one-sided</dt>" in page
    assert "<dt>tail-sensitive</dt>" not in page
