"""Results side by side: differences are those of draws on one survey, and of independent surveys otherwise."""

import json
import re

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob.cli import main

PACKAGES = {
    "children": sp.Package([sp.child_benefit(sp.Amount(8, "month"))]),
    "old age": sp.Package([sp.old_age_pension(sp.Amount(30, "month"))]),
    "both": sp.Package([sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(30, "month"))]),
}
FUEL = sp.Opportunity("clean fuel", "cook_fuel in ('Electricity', 'Gas')", circumstances=["bottom40", "urbrur"])
COINS = sp.Economy(currency="coins", year=2026, gdp=1e9, lines={"national": 60.0})


@pytest.fixture(scope="module")
def survey():
    return sp.example_survey(400)


@pytest.fixture(scope="module")
def results(survey):
    return {
        name: sp.assess(survey, [FUEL], package, COINS, replicates=sp.Bootstrap(40), shapley=False, refit=False)
        for name, package in PACKAGES.items()
    }


@pytest.fixture(scope="module")
def comparison(results):
    return sp.compare(results)


def test_on_one_survey_a_difference_is_that_of_the_draws(results, comparison):
    frame = comparison.frame()
    apart = frame[frame["against"] != ""]
    assert set(apart["difference"]) == {"paired"}
    assert set(apart["compared"]) == {"old age", "both"}
    a, b = (results[name].estimates for name in ("both", "children"))
    for statistic, of, scenario in (
        ("headcount", "national", "after"),
        ("gini", "", "change"),
        ("access", "clean fuel", "after"),
        ("cost_gdp", "package", "after"),
    ):
        what = {"statistic": statistic, "of": of, "scenario": scenario, "by": "all", "param": ""}
        i, j = a.find(**what), b.find(**what)
        row = apart[(apart["compared"] == "both") & np.logical_and.reduce([apart[k] == v for k, v in what.items()])]
        draws = a.draws[:, i] - b.draws[:, j]
        assert row["value"].item() == a.value[i] - b.value[j]
        assert row["se"].item() == pytest.approx(draws.std(ddof=1), rel=1e-12)
        line = a.contrast(i, j, b).iloc[0]
        assert row[["se", "ci_low", "ci_high", "df", "replicates"]].iloc[0].tolist() == pytest.approx(
            line[["se", "ci_low", "ci_high", "df", "replicates"]].tolist(), rel=1e-14
        )


def test_what_is_the_same_before_is_not_differenced(comparison):
    apart = comparison.frame().query("against != ''")
    assert not (apart["scenario"] == "before").any()
    assert (apart["scenario"] == "change").any()


def test_a_figure_and_its_differences_stand_together(comparison):
    frame = comparison.frame()
    names = ["statistic", "of", "param", "scenario", "by", "level"]
    keys = [tuple(row) for row in frame[names].to_numpy()]
    runs = [key for key, before in zip(keys, [None, *keys], strict=False) if key != before]
    assert len(runs) == len(set(keys))


def test_figures_of_one_result_alone_are_shown_and_not_differenced(comparison):
    rows = comparison.frame().query("statistic == 'coverage' and of == 'old-age pension' and by == 'all'")
    assert rows[["compared", "against"]].to_numpy().tolist() == [["old age", ""], ["both", ""]]


def test_the_baseline_may_be_another(results):
    apart = sp.compare(results, baseline="both").frame().query("against != ''")
    assert set(apart["against"]) == {"both"}
    assert set(apart["compared"]) == {"children", "old age"}


def test_between_surveys_variances_add_up(results):
    other = sp.assess(sp.example_survey(400, seed=2), [], PACKAGES["children"], COINS, replicates=sp.Bootstrap(40))
    frame = sp.compare({"here": results["children"], "there": other}).frame()
    gini = frame.query("statistic == 'gini' and scenario == 'before' and by == 'all'")
    here, there, apart = gini.to_dict("records")
    assert apart["difference"] == "independent"
    assert apart["value"] == there["value"] - here["value"]
    assert apart["se"] == pytest.approx(np.hypot(here["se"], there["se"]), rel=1e-14)
    assert apart["replicates"] == 40


@pytest.mark.parametrize(
    ("economy", "differenced"),
    [(COINS, True), (sp.Economy(currency="shells", year=2026), False), (sp.Economy(currency="coins"), False),
     (None, False)],
)  # fmt: skip
def test_money_is_differenced_in_one_currency_of_one_year(results, economy, differenced):
    other = sp.assess(sp.example_survey(400, seed=2), [], PACKAGES["children"], economy, replicates=sp.Bootstrap(5))
    here = sp.assess(sp.example_survey(400), [], PACKAGES["children"], COINS, replicates=sp.Bootstrap(5))
    apart = sp.compare({"here": here, "there": other}).frame().query("against != ''")
    assert ("mean_welfare" in set(apart["statistic"])) is differenced
    assert {"gini", "recipients", "consumption_gain"} <= set(apart["statistic"])


def test_estimates_are_compared_as_well(survey):
    made = {
        name: sp.estimate(
            survey, [sp.Poverty(60.0)], {"after": sp.simulate(survey, package)}, replicates=sp.Bootstrap(5)
        )
        for name, package in PACKAGES.items()
    }
    assert len(sp.compare(made).frame().query("against != ''")) == 2 * 2 * 3


@pytest.mark.parametrize(
    ("results", "how", "message"),
    [
        ({"a": "x", "b": "y"}, {}, "Result 'a' must be an Assessment or Estimates, but 'x' is of type str"),
        ([], {}, "results must be a mapping"),
        ("two", {"baseline": "chidren"}, "The baseline must be one that exists, but 'chidren' does not"),
        ("levels", {}, "must have one level, but theirs are 0.9, 0.95"),
        ("designs", {}, "Figures of one survey must be compared on the same replicates"),
    ],
)
def test_what_cannot_be_compared(survey, results, how, message):
    def gini(replicates=5, **more):
        return sp.estimate(
            survey, [sp.Inequality()], replicates=sp.Bootstrap(replicates, **more.pop("seed", {})), **more
        )

    made = {
        "two": lambda: {"children": gini(), "old": gini()},
        "levels": lambda: {"a": gini(), "b": gini(level=0.9)},
        "designs": lambda: {
            "a": sp.estimate(survey, [sp.Poverty(60.0)], {"after": sp.simulate(survey, PACKAGES["both"])},
                             replicates=sp.Bootstrap(5, seed=1)),
            "b": sp.estimate(survey, [sp.Poverty(60.0)], {"after": sp.simulate(survey, PACKAGES["both"])},
                             replicates=sp.Bootstrap(5, seed=2)),
        },
    }  # fmt: skip
    given = made[results]() if isinstance(results, str) else results
    with pytest.raises(sp.SP2LNOBError, match=re.escape(message)):
        sp.compare(given, **how)


def test_results_without_a_figure_in_common_are_told(survey):
    poor = sp.estimate(survey, [sp.Poverty(60.0)], replicates=sp.Bootstrap(5))
    unequal = sp.estimate(survey, [sp.Inequality()], replicates=sp.Bootstrap(5))
    with pytest.warns(sp.SP2LNOBWarning, match="should have figures in common, but a, b have none"):
        sp.compare({"a": poor, "b": unequal})


def test_what_rests_on_few_is_withheld_everywhere(comparison, tmp_path):
    folder = comparison.save(tmp_path / "few", report=True, disclosure=1000)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "withheld" in page
    frame = comparison.findings(1000).frame()
    assert frame["value"].isna().all()
    assert frame["flag"].str.contains("withheld").all()


def test_text_from_data_stays_text(survey, tmp_path):
    bad = "<script>alert(1)</script>"
    made = {name: sp.estimate(survey, [sp.Poverty(60.0, bad)], replicates=sp.Bootstrap(5)) for name in (bad, "b")}
    page = sp.compare(made).report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script" in page


def test_the_same_bytes(results, tmp_path):
    for name in ("one", "two"):
        sp.compare(results).save(tmp_path / name, report=True)
    for file in ("comparison.csv", "manifest.json", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


STUDY = """
[survey]
households = "h.csv"
persons = "p.csv"
person = "pid"
welfare = "pc_exp"
psu = "ea"
strata = ["region", "urbrur"]
[economy]
lines = {{ national = 60.0 }}
[[scheme]]
kind = "child_benefit"
amount = [{amount}, "month"]
[replicates]
n = 10
"""


def test_the_command_pairs_studies_of_one_survey(tmp_path, monkeypatch, capsys):
    import pandas as pd

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["sp2lnob", *arguments])
        return main(), *capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    for name, table in zip("hp", sp.example_frames(400), strict=True):
        pd.DataFrame(table).to_csv(f"{name}.csv", index=False)
    for name, amount in (("low", 4), ("high", 12)):
        (tmp_path / f"{name}.toml").write_text(STUDY.format(amount=amount))
    code, out, _ = run("compare", "low.toml", "high.toml", "--out", "out", "--json", "--no-report")
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "done"
    frame = pd.read_csv(tmp_path / "out" / "comparison.csv", keep_default_na=False)
    assert set(frame["difference"]) == {"", "paired"}
    code, _, error = run("compare", "low.toml", "high.toml", "--out", "out2", "--baseline", "hihg")
    assert code == 2
    assert "The baseline must be one that exists, but 'hihg' does not" in " ".join(error.split())
    assert not (tmp_path / "out2").exists()
