"""Nothing that rests on too few cases is in anything that is published: every surface, under every policy.

Of the areas of one survey the smallest has 23 households, of whom 4 have water, and the next 26, of whom 10 have. Each
is a group of a tree, a level of a split and a place of its own. What a surface shows is searched for their rates, as
they would be printed, and for every digit of every figure that the policy withholds.
"""

import contextlib
import io
import json
import math
import re
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob._cli_shown import best_told
from sp2lnob.cli import main
from sp2lnob.disclosure import EFFECT_FIGURES, FIGURES, GROUP_FIGURES, STABILITY_FIGURES, least_cases

pytest.importorskip("altair", reason="pictures and reports are among what is published")
plots = sp.plots

AREAS = {"few": (23, 4), "quarter": (26, 10), "nearly": (48, 31), "many": (203, 158)}  # households, and with water
POLICIES = ("dhs", "none", 27)
SHOWN = r"(?<![\d.])(?:{:.1f}|0?\.(?:{:.0f}|{:.0f}|{:.0f}\d*))(?!\d)"
PRINTED = {  # in per cent, or as a share of three, four or all digits
    name: SHOWN.format(*(size * has / n for size in (100, 1e3, 1e4, 1e8))) for name, (n, has) in AREAS.items() if n < 30
}
REPLICATES = sp.Bootstrap(20)
TREE = sp.OpportunityTree(min_obs=1, min_share=0, cp=0)
WATER = sp.Opportunity("water", "water", circumstances=["area"])
CLASS = sp.Opportunity("water by class", "water", circumstances=["area", "bottom40"])
ENDS = sp.Opportunity("ends", "water", population="area in ('few', 'many')", circumstances=["area", "bottom40"])
ECONOMY = sp.Economy(gdp=1e6, gdp_per_capita=1e3, lines={"l": 50.0}, year=2026)
PACKAGE = sp.Package([sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(30, "month"), min_age=88)])


@cache
def frames():
    """Return households and persons; of an area all households weigh the same, so that its rate is a known one."""
    rng = np.random.default_rng(7)
    area = [name for name, (n, _) in AREAS.items() for _ in range(n)]
    n = len(area)
    homes = {
        "hid": np.arange(n),
        "hhweight": [{"few": 3.0, "quarter": 5.0, "nearly": 4.0, "many": 2.5}[name] for name in area],
        "ea": np.arange(n) % 30,
        "area": np.array(area, dtype=object),
        "pc": np.concatenate([-np.sort(-rng.lognormal(4, 0.6, size)) for size, _ in AREAS.values()]),
        "water": [int(k < has) for size, has in AREAS.values() for k in range(size)],
    }
    persons = {"hid": np.repeat(np.arange(n), 2), "pid": np.tile([1, 2], n), "age": rng.integers(0, 90, 2 * n)}
    return homes, persons


@cache
def survey():
    homes, persons = frames()
    return sp.Survey(homes, persons, person="pid", welfare="pc", psu="ea")


@cache
def assessed():
    given = {"by": ["area"], "replicates": REPLICATES, "tree": TREE, "effect": ["reroute", "interpolate"]}
    return sp.assess(survey(), [WATER, CLASS], PACKAGE, ECONOMY, **given)


@cache
def estimated():
    asked = [sp.Access(WATER), sp.MeanWelfare(), sp.Inequality(["gini"])]
    return sp.estimate(survey(), asked, by=["area"], replicates=REPLICATES)


@cache
def compared():
    other = sp.estimate(
        survey(), [sp.Access(WATER), sp.MeanWelfare()], by=["area"], replicates=sp.Bootstrap(20, seed=2)
    )
    return sp.compare({"one": estimated(), "two": other})


@cache
def overview():
    surveys = {"here": survey(), "there": survey()}
    return sp.assess_many(surveys, [WATER, CLASS], domains=["area"], tree=TREE, replicates=REPLICATES)


@cache
def searched():
    child = sp.Choice(sp.child_benefit(sp.Amount(8, "month")), levels=[8, 40, 80])
    found = {"economy": ECONOMY, "opportunity": ENDS, "tree": TREE, "replicates": REPLICATES}
    return sp.search(survey(), [child], sp.Amount(1e9, "year"), "furthest_behind", **found)


# -- what must not be seen --------------------------------------------------------------------------------------------

TABLES = {
    "estimates": (lambda: assessed().estimates.frame(), FIGURES),
    "groups": (lambda: assessed().groups, GROUP_FIGURES),
    "effects": (lambda: assessed().effects, EFFECT_FIGURES),
    "stability": (lambda: assessed().stability, STABILITY_FIGURES),
    "estimated": (lambda: estimated().frame(), FIGURES),
    "compared": (lambda: compared().frame(), FIGURES),
    "overview": (lambda: overview().frame(), FIGURES),
    "overview's groups": (lambda: overview().groups, GROUP_FIGURES),
    "searched": (lambda: searched().estimates.frame(), FIGURES),
}


@cache
def secrets(least, *names):
    """Return all digits of the figures of tables from fewer cases that no figure from more cases has as well."""
    hidden, shown = set(), set()
    for made, figures in (TABLES[name] for name in names):
        frame = made()
        few = (frame["n"] < least) & (frame["n"] > 0)
        for rows, kept in ((frame[few], hidden), (frame[~few], shown)):
            values = rows[[name for name in figures if name != "df"]].to_numpy(dtype=float).ravel()
            kept |= {repr(abs(float(value))) for value in values if math.isfinite(value)}
        if "share" in frame:  # how many they are is told
            shown |= {repr(value) for value in frame["share"].tolist()}
    return {text for text in hidden - shown if len(text) > 12}


NOWHERE = re.compile(
    r"""\s(?:d|transform|x|y|x1|x2|y1|y2|cx|cy|dx|dy|r|width|height|viewBox|points|style|class|id|href)="[^"]*\""""
)


def words(text):
    """Return what a file tells a reader: of a picture not where its lines run."""
    return NOWHERE.sub("", re.sub(r"<style.*?</style>", "", text, flags=re.S))


# -- the surfaces -----------------------------------------------------------------------------------------------------


def drawn(folder, charts):
    for name, chart in charts.items():
        (folder / f"{name}.json").write_text(json.dumps(chart.to_dict()["description"]), encoding="utf-8")
        (folder / f"{name}.svg").write_text(plots.svg(chart), encoding="utf-8")


def pictures(folder, policy):
    found = assessed().findings(policy)
    charts = {f"tree {name}": plots.tree(found, name) for name in found.trees}
    charts |= {f"groups {name}": plots.groups(found, name) for name in found.trees}
    charts |= {name: getattr(plots, name)(found) for name in ("gap", "dissimilarity", "cost")}
    charts |= {name: getattr(plots, name)(found, "water by class") for name in ("effects", "shares")}
    charts |= {name: getattr(plots, name)(found, by="area") for name in ("poverty", "coverage", "gain")}
    drawn(folder, charts)


def pictures_of_many(folder, policy):
    many = overview().findings(policy)
    charts = {"gaps": plots.gaps(many, "water by class", survey="here", domain="area")}
    charts["dissimilarities"] = plots.dissimilarities(many, "water by class", survey="here", domain="area")
    charts["average"] = plots.average_dissimilarity(many)
    both = compared().findings(policy)
    charts |= {
        k: plots.side_by_side(both, "access", of="water", scenario="before", by="area", level=k) for k in PRINTED
    }
    drawn(folder, charts)


def tables(folder, policy):
    estimated().frame(disclosure=policy).to_csv(folder / "estimates.csv", index=False)
    compared().findings(policy).frame().to_csv(folder / "compared.csv", index=False)
    overview().findings(policy).frame().to_csv(folder / "overview.csv", index=False)


def findings(folder, policy):
    found = assessed().findings(policy)
    for name in ("estimates", "groups", "effects", "stability", "projection"):
        getattr(found, name).to_csv(folder / f"{name}.csv", index=False)


def trees(folder, policy):
    for name in ("water", "water by class"):
        tree = assessed().tree(name)
        (folder / f"{name}.txt").write_text(tree.to_text(4, disclosure=policy), encoding="utf-8")
        (folder / f"{name}.json").write_text(json.dumps(tree.to_dict(disclosure=policy)), encoding="utf-8")


RESULTS = ("estimates", "groups", "effects", "stability")
MANY = ("overview", "overview's groups")
SURFACES = {  # how it is written, and what must not be in it
    "frames": (tables, ("estimated", "compared", "overview")),
    "frames of findings": (findings, RESULTS),
    "trees": (trees, ("groups",)),
    "pictures": (pictures, RESULTS),
    "pictures of many": (pictures_of_many, ("compared", *MANY)),
    "results and report": (
        lambda folder, policy: assessed().save(folder / "r", report=True, disclosure=policy),
        RESULTS,
    ),
    "comparison": (lambda folder, policy: compared().save(folder / "r", report=True, disclosure=policy), ("compared",)),
    "overview": (lambda folder, policy: overview().save(folder / "r", report=True, disclosure=policy), MANY),
    "search": (lambda folder, policy: searched().save(folder / "r", disclosure=policy), ("searched",)),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return a function that writes a surface under a policy, once, and returns its files as text."""

    @cache
    def written(surface, policy):
        folder = tmp_path_factory.mktemp(f"{surface} {policy}".replace(" ", "-"))
        SURFACES[surface][0](folder, policy)
        return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.*")}

    return written


SLOW = ("pictures", "results and report")  # and a number of one's own goes the way that "dhs" goes
EACH = [(surface, policy) for surface in SURFACES for policy in POLICIES if surface not in SLOW or policy != 27]


@pytest.mark.parametrize(("surface", "policy"), EACH)
def test_no_digit_of_what_is_withheld_is_in_any_file(surface, policy, published):
    files, hidden = published(surface, policy), secrets(least_cases(policy), *SURFACES[surface][1])
    assert files
    assert bool(hidden) == (policy != "none")
    for name, text in files.items():
        assert not [figure for figure in hidden if figure in text], name


@pytest.mark.parametrize(("surface", "policy"), [each for each in EACH if each[0] != "search"])  # it tells of classes
def test_rates_of_small_areas_are_printed_where_the_policy_says_and_nowhere_else(surface, policy, published):
    for area, printed in PRINTED.items():
        seen = [name for name, text in published(surface, policy).items() if re.search(printed, words(text))]
        assert bool(seen) == (AREAS[area][0] >= least_cases(policy)), (area, seen)


def test_a_report_of_nothing_but_what_is_withheld_says_so(tmp_path):
    """Nothing of an opportunity of 23 cases is told, not how stable its groups are either."""
    few = sp.Opportunity("water", "water", population="area == 'few'", circumstances=["bottom40"])
    page = sp.assess(survey(), [few], tree=TREE, replicates=REPLICATES).report(tmp_path / "report.html")
    text = words(page.read_text(encoding="utf-8"))
    assert "withheld" in text
    assert "nan" not in re.sub(r"<[^>]*>", " ", text).split()
    assert not re.search(PRINTED["few"], text)


def test_a_search_for_the_group_furthest_behind_withholds_what_a_small_group_has(published):
    behind = searched().estimates.frame().query("statistic == 'furthest_behind' and param == ''")
    assert (behind["n"] < 25).all()
    gone = ["furthest_behind", "gap", "change"]
    for name in ("r/search.csv", "r/front.csv"):
        shown, whole = (pd.read_csv(io.StringIO(published("search", policy)[name])) for policy in ("dhs", "none"))
        assert len(shown) == len(whole)
        assert shown[gone].isna().all(axis=None)
        assert whole[gone].notna().all(axis=None)
        pd.testing.assert_frame_equal(shown.drop(columns=gone), whole.drop(columns=gone))
    assert len(whole)
    assert "furthest_behind withheld for" in repr(searched())
    with pytest.raises(sp.InputError, match="A front must be of what rests on 25 unweighted cases or more"):
        plots.front(searched())
    assert plots.front(searched(), disclosure="none").to_dict()


@pytest.mark.parametrize("policy", POLICIES)
def test_what_the_command_line_says_of_the_best_package_rests_on_enough(policy):
    """The change of a group of 13 is told nowhere but where nothing is withheld, nor is what was cross-validated."""
    told = best_told(searched(), policy)
    rows = searched().estimates.frame().query("statistic == 'furthest_behind' and by == 'all' and scenario == 'change'")
    changes = [line for line in told if line.startswith("change ")]
    assert len(changes) == len(rows) == 2
    if policy == "none":
        assert all(f"{value:.4g}" in line for value, line in zip(rows["value"], changes, strict=True))
    else:
        assert [line.split()[1] for line in changes] == ["withheld,", "withheld,"]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_spread_of_a_gap_is_withheld_with_the_gap(policy):
    """It has the cases of the smaller end: of the areas, 23 of 300."""
    spreads = assessed().findings(policy).stability.query("what == 'gap'").set_index("opportunity")
    gaps = assessed().estimates.frame().query("statistic == 'gap' and scenario == 'before' and param == ''")
    assert spreads["n"].to_dict() == gaps.set_index("of")["n"].to_dict()
    assert spreads["n"].min() == AREAS["few"][0]
    hidden = spreads["n"] < least_cases(policy)
    assert hidden.any() == (policy != "none")
    assert (spreads["sd"].isna() == hidden).all()
    assert (spreads["flag"].str.contains("withheld") == hidden).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_importance_is_withheld_where_a_gain_is(policy):
    tree = assessed().findings(policy).trees["water by class"]
    hidden = any(node["rate"] is None for node in tree["nodes"])
    assert hidden == (policy != "none")
    assert [circumstance["importance"] is None for circumstance in tree["circumstances"]] == [hidden] * 2


@pytest.mark.parametrize("policy", POLICIES)
def test_why_a_place_is_left_out_does_not_tell_what_few_have(policy):
    """Of 23 households all have roads: their area is left out for it, which would tell of every one of them."""
    homes, persons = frames()
    area = homes["area"]
    roads = np.where(area == "few", 1, np.arange(len(area)) % 2)
    road = sp.Opportunity("road", "road", circumstances=["bottom40"])
    over = sp.Survey({**homes, "road": roads}, persons, person="pid", welfare="pc", psu="ea")
    tree = sp.OpportunityTree(min_obs=10, min_share=0)
    found = sp.assess_many({"here": over}, [road], domains=["area"], tree=tree, replicates=REPLICATES)
    (row,) = found.skipped.to_dict("records")
    assert (row["domain_level"], row["n"], row["reason"]) == ("few", 23, "all have the same outcome")
    (row,) = found.findings(policy).skipped.to_dict("records")
    assert row["reason"] == ("all have the same outcome" if policy == "none" else "withheld")


@pytest.mark.parametrize(
    "made", [lambda p: estimated().frame(disclosure=p), lambda p: assessed().tree("water").to_text(disclosure=p)]
)
@pytest.mark.parametrize("policy", ["DHS", "", -1])
def test_what_is_no_policy(made, policy):
    with pytest.raises(sp.InputError, match="disclosure"):
        made(policy)


# -- what a screen shows ----------------------------------------------------------------------------------------------


def test_notebooks_and_consoles_show_what_dhs_publishes():
    shown = {
        "estimates": (repr(estimated()), estimated()._repr_html_()),
        "assessment": (repr(assessed()), assessed()._repr_html_()),
        "comparison": (repr(compared()), compared()._repr_html_()),
        "overview": (repr(overview()), overview()._repr_html_()),
        "search": (repr(searched()),),
        "tree": (repr(assessed().tree("water")), assessed().tree("water")._repr_html_()),
    }
    for name, texts in shown.items():
        for text in texts:
            assert not re.search(PRINTED["few"], text), name
    for name in ("assessment", "tree"):
        assert re.search(PRINTED["quarter"], shown[name][1]), name


STUDY = """[survey]
households = "households.csv"
persons = "persons.csv"
person = "pid"
welfare = "pc"
psu = "ea"

[economy]
gdp = 1e6
lines = { l = 50.0 }

[[opportunity]]
name = "water"
outcome = "water"
circumstances = ["area"]

[[opportunity]]
name = "water of the few"
outcome = "water"
population = "area == 'few'"
circumstances = ["bottom40"]

[tree]
min_obs = 1
min_share = 0
cp = 0

[[scheme]]
kind = "child_benefit"
amount = [8, "month"]

[replicates]
n = 20

[estimate]
by = ["area"]
"""


@pytest.mark.parametrize("policy", [None, "none", "27"])
def test_the_command_line_tells_what_the_policy_lets_it(policy, tmp_path, monkeypatch):
    for name, frame in zip(("households", "persons"), frames(), strict=True):
        pd.DataFrame(frame).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "other.toml").write_text(STUDY.replace("[8,", "[12,"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    least = least_cases(int(policy) if policy == "27" else policy or "dhs")
    more = [] if policy is None else ["--disclosure", policy]
    both, quick = ["study.toml", "other.toml"], ["--no-report", *more]
    commands = {
        "run": ["run", "study.toml", "--out", "run", *quick],
        "compare": ["compare", *both, "--out", "compare", *quick],
        "many": ["many", *both, "--out", "many", *quick],
    }
    if policy is None:
        commands |= {"check": ["check", "study.toml"], "json": ["run", "study.toml", "--out", "json", "--json", *quick]}
    for name, words_of in commands.items():
        printed = io.StringIO()
        monkeypatch.setattr(sys, "argv", ["sp2lnob", *words_of])
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            assert main() == 0, printed.getvalue()
        texts = [printed.getvalue(), *(path.read_text(encoding="utf-8") for path in (tmp_path / name).glob("*"))]
        for area, pattern in PRINTED.items():
            seen = [text for text in texts if re.search(pattern, text)]
            if AREAS[area][0] < least:
                assert not seen, (name, area)
            elif name == "run":
                assert seen, (name, area)
