"""Pictures: they show the numbers of the findings, all of them, and nothing else; and they can be read."""

import math
import re
import subprocess
import sys
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import sp2lnob as sp
from sp2lnob import _canvas, _tree_layout, plots
from sp2lnob.findings import Findings

alt = pytest.importorskip("altair", reason="pictures need altair: pip install 'sp2lnob[report]'")
vl_convert = pytest.importorskip("vl_convert", reason="SVG needs vl-convert: pip install 'sp2lnob[report]'")

SVG = "{http://www.w3.org/2000/svg}"
LABELS = [
    "<script>alert(1)</script>",
    "\"quoted\" 'twice' & a.b[c]: d\\e {f} datum['x']",
    "បណ្តាញអ៊ីនធឺណិតនៅផ្ទះ",
    "الوصول إلى الوقود النظيف",
    "އިންޓަނެޓް",
    "=1+1 \x00\x07 1e5 null %s ${x}",
]


# -- findings -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(example):
    """Return findings with two opportunities, one of them a barrier, and a package."""
    circumstances = ("bottom40", "urbrur", "head_educ")
    opportunities = [
        sp.Opportunity("internet", outcome="internet == 1", circumstances=circumstances, ordered=("head_educ",)),
        sp.Opportunity("no clean fuel", outcome="cook_fuel == 'Wood'", circumstances=circumstances, kind="barrier"),
    ]
    package = sp.Package([sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(25, "month"))])
    economy = sp.Economy(
        currency="coins", year=2026, gdp=4e9, gdp_per_capita=1800.0, lines={"national": 60.0, "upper": 90}
    )
    tree = sp.OpportunityTree(min_obs=10, min_share=0.02)
    result = sp.assess(example, opportunities, package, economy, replicates=sp.Bootstrap(20), tree=tree)
    return result.findings()


@pytest.fixture(scope="module")
def bare(example):
    """Return findings without a package and without opportunities."""
    return sp.assess(example, [], replicates=sp.Bootstrap(5)).findings()


COLUMNS = ("statistic", "of", "param", "scenario", "by", "level", "value", "se", "ci_low", "ci_high", "n", "flag")


def tidy(*rows):
    """Return a tidy frame of (statistic, of, scenario, by, level, value, half a width), or of what a dict says."""
    made = []
    for statistic, of, scenario, by, level, value, half, *rest in rows:
        more = rest[0] if rest else {}
        row = (statistic, of, "", scenario, by, level, value, half / 2, value - half, value + half, 1000, "")
        made.append(dict(zip(COLUMNS, row, strict=True)) | more)
    return pd.DataFrame(made, columns=COLUMNS)


def with_frame(frame, groups=None, trees=None, **asked):
    """Return findings of a frame."""
    return Findings(frame, pd.DataFrame() if groups is None else groups, trees or {}, {"asked": asked})


def grown(rng, depth, label):
    """Return a tree of a depth and its groups, as findings hold them."""
    nodes = [{"node": 0, "share": 1.0, "n": 10_000, "rate": 0.5}]
    front = [(0, 0)]
    while front:
        t, deep = front.pop(0)
        if deep == depth or (deep > 1 and rng.random() < 0.3):
            continue
        node, cut = nodes[t], float(rng.uniform(0.2, 0.8))
        node |= {"circumstance": label, "left": len(nodes), "right": len(nodes) + 1}
        node |= {"left_levels": [label, "a"], "right_levels": ["b", "c"]}
        for part in (cut, 1 - cut):
            front.append((len(nodes), deep + 1))
            rate = float(rng.random())
            nodes.append({"node": len(nodes), "share": node["share"] * part, "n": int(node["n"] * part), "rate": rate})
    leaves = sorted((node for node in nodes if "left" not in node), key=lambda node: node["rate"])
    groups = []
    for g, node in enumerate(leaves):
        node |= {"group": g + 1, "label": f"{label} {g}"}
        row = {"opportunity": "o", "group": g + 1, "label": node["label"], "share": node["share"], "n": node["n"]}
        for scenario in ("before", "after", "change"):
            rate = {"before": node["rate"], "after": math.nan, "change": math.nan}[scenario]
            row |= {scenario: rate, f"{scenario}_low": rate - 0.05, f"{scenario}_high": rate + 0.05}
        groups.append(row | {"furthest_behind": g == 0, "furthest_ahead": g == len(leaves) - 1, "flag": ""})
    return with_frame(tidy(), pd.DataFrame(groups), {"o": {"nodes": nodes}})


# -- what a chart holds ---------------------------------------------------------------------------------------------


SPECS = {}  # by the chart's place in memory, which it keeps: checking it against the schema takes a while


def spec(chart):
    """Return what a chart is, as plain lists and numbers."""
    return SPECS.setdefault(id(chart), (chart, chart.to_dict()))[1]


def layers(chart):
    """Return (mark, data) of every layer."""
    made = spec(chart)
    for layer in made["layer"]:
        data = layer["data"]
        yield layer["mark"], data["values"] if "values" in data else made["datasets"][data["name"]]


def of_mark(chart, kind):
    return [item for mark, data in layers(chart) if mark["type"] == kind for item in data]


def points(chart):
    return of_mark(chart, "point")


def shown(chart):
    """Return (label, series) and the figures of every point that has some."""
    return {
        (p["label"], p["series"]): (p["value"], p.get("low", math.nan), p.get("high", math.nan))
        for p in points(chart)
        if "value" in p
    }


def words(chart):
    return " ".join(item["text"].replace("\n", " ") for item in of_mark(chart, "text"))


def heads(chart):
    title = spec(chart)["title"]
    return " ".join([*title["text"], *title["subtitle"]])


def figures(row, ends=("ci_low", "ci_high")):
    return (row["value"], *(row[end] for end in ends))


def rows_of(found, **fields):
    frame = found.estimates
    for name, value in fields.items():
        frame = frame[frame[name] == value]
    return frame.to_dict("records")


def same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        np.testing.assert_allclose(value, b[key], rtol=1e-12, err_msg=str(key))


def every(found):
    """Return every picture there is of findings with two opportunities and a package."""
    return {
        "tree": plots.tree(found, "internet"),
        "barrier": plots.tree(found, "no clean fuel"),
        "narrow": plots.tree(found, "internet", width=340),
        "gap": plots.gap(found),
        "groups": plots.groups(found, "internet"),
        "dissimilarity": plots.dissimilarity(found),
        "shares": plots.shares(found, "no clean fuel"),
        "lorenz": plots.lorenz(found),
        "poverty": plots.poverty(found),
        "urbrur": plots.poverty(found, by="urbrur"),
        "coverage": plots.coverage(found),
        "scheme": plots.coverage(found, by="urbrur", of="old-age pension"),
        "gain": plots.gain(found),
        "cost": plots.cost(found),
        "phone": plots.groups(found, "internet", width=360),
    }


@pytest.fixture(scope="module")
def charts(found):
    return every(found)


@pytest.fixture(scope="module")
def svgs(charts):
    return {name: plots.svg(chart, f"p-{name}") for name, chart in charts.items()}


NAMES = (
    *("tree", "barrier", "narrow", "gap", "groups", "dissimilarity", "lorenz", "poverty", "urbrur", "coverage"),
    *("shares", "scheme", "gain", "cost", "phone"),
)


def test_these_are_all(charts):
    assert set(NAMES) == set(charts)
    assert sorted(plots.__all__) == plots.__all__
    assert {"tree", "gap", "groups", "dissimilarity", "shares", "lorenz", "poverty", "coverage", "gain", "cost"} < set(
        plots.__all__
    )


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_poverty_shows_every_line_before_and_after(found, charts):
    expected = {}
    for statistic, name in (("headcount", "Headcount"), ("poverty_gap", "Poverty gap")):
        for row in rows_of(found, statistic=statistic, by="all"):
            if row["scenario"] != "change":
                expected[f"{name}, {row['of']}", row["scenario"]] = figures(row)
    assert len(expected) == 8
    same(shown(charts["poverty"]), expected)


def test_a_change_is_written_with_its_interval():
    rows = [("headcount", "national", "before", 0.25), ("headcount", "national", "after", 0.2)]
    frame = tidy(
        *((statistic, of, scenario, "all", "all", value, 0.01) for statistic, of, scenario, value in rows),
        ("headcount", "national", "change", "all", "all", -0.05, 0.012),
    )
    assert "−5.0 points (−6.2 to −3.8)" in words(plots.poverty(with_frame(frame)))


def test_groups_show_before_and_after_and_one_line_where_nothing_moves(found, charts):
    expected = {}
    for row in found.groups[found.groups["opportunity"] == "internet"].to_dict("records"):
        if "withheld" in row["flag"]:
            continue
        for scenario in ("before", "after"):
            series = scenario if row["change"] else "before and after"
            expected[row["label"], series] = figures(
                {**row, "value": row[scenario]}, (f"{scenario}_low", f"{scenario}_high")
            )
    kinds = {series for _, series in expected}
    assert kinds == {"before", "after", "before and after"}
    same(shown(charts["groups"]), expected)


def test_the_gap_is_that_of_the_frame(found, charts):
    expected = {}
    for name, label in (("internet", "internet"), ("no clean fuel", "no clean fuel (barrier)")):
        for statistic, word in (
            ("access", "average"),
            ("furthest_behind", "furthest behind"),
            ("furthest_ahead", "furthest ahead"),
        ):
            for row in rows_of(found, statistic=statistic, of=name, by="all"):
                when = "new sample" if row["param"].endswith("cross-validated") else row["scenario"]
                if when == "new sample" and name == "internet":  # one of its ends is withheld: both are left out
                    continue
                if when != "change" and "withheld" not in row["flag"]:
                    expected[label, f"{word} {when}"] = figures(row)
    assert len(expected) > 8
    same(shown(charts["gap"]), expected)
    for p in points(charts["gap"]):
        shape = {"a": "circle", "f": "triangle-down" if "behind" in p["series"] else "triangle-up"}[p["series"][0]]
        assert p["shape"] == (shape if "value" in p else "square")


def test_bars_of_dissimilarity_begin_at_zero_and_dots_have_intervals(found, charts):
    bars = [item for item in of_mark(charts["dissimilarity"], "rule") if "value" in item and "x2" in item]
    rows = [row for row in rows_of(found, statistic="d_index") if row["scenario"] != "change"]
    biased = [row for row in rows if row["param"].split(",")[0] in ("cells", "groups")]
    assert sorted(bar["value"] for bar in bars) == sorted(row["value"] for row in biased)
    corrected = [row for row in rows if row["param"].startswith("empirical-bayes")]
    assert sorted(p["value"] for p in points(charts["dissimilarity"])) == sorted(row["value"] for row in corrected)
    assert all(p["low"] < p["value"] < p["high"] for p in points(charts["dissimilarity"]))
    assert len({bar["x"] for bar in bars}) == 1
    lengths = [(bar["x2"] - bar["x"]) / bar["value"] for bar in bars]
    np.testing.assert_allclose(lengths, lengths[0])
    assert "without an interval" in heads(charts["dissimilarity"])
    assert "absence of the barrier" in words(charts["dissimilarity"])


def test_shapley_shares_are_those_of_the_frame_from_the_largest_down(found, charts):
    rows = rows_of(found, statistic="shapley", of="no clean fuel")
    assert [row["param"] for row in rows] == [f"{name}, of absence" for name in ("bottom40", "urbrur", "head_educ")]
    same(shown(charts["shares"]), {(row["param"].removesuffix(", of absence"), ""): figures(row) for row in rows})
    drawn = [p["value"] for p in points(charts["shares"])]
    assert drawn == sorted(drawn, reverse=True)
    total = sum(row["value"] for row in rows)
    (index,) = rows_of(found, statistic="d_index", of="no clean fuel", param="empirical-bayes, of absence")
    assert total == pytest.approx(index["value"], abs=1e-12)
    assert f"of the barrier's absence, which they add up to: {total:.3f}" in heads(charts["shares"])
    for row in rows:
        assert f"{row['value'] / total:.0%}" in words(charts["shares"])


def test_parts_of_an_index_that_may_be_nothing_are_not_told():
    rows = [("shapley", "o", "before", "all", "all", value, 0.02) for value in (-0.0004, 0.01)]
    frame = tidy(*rows, ("d_index", "o", "before", "all", "all", 0.0096, 0.02, {"flag": "one-sided"}))
    found = with_frame(frame, trees={"o": {}}, opportunities=[{"name": "o", "circumstances": ["a", "b"]}])
    chart = plots.shares(found, "o")
    assert [p["label"] for p in points(chart)] == ["b", "a"]
    assert "%" not in words(chart)
    assert "0.000" in words(chart)  # without a sign
    assert "−0.000" not in words(chart)
    frame["flag"] = ""
    assert "104%" in words(plots.shares(with_frame(frame, trees={"o": {}}, **found.manifest["asked"]), "o"))


def test_lorenz_curves_are_those_of_the_frame(found, charts):
    expected = {
        (f"poorest {100 * float(row['param'][2:]):g}%", row["scenario"]): figures(row)
        for row in rows_of(found, statistic="lorenz", by="all")
    }
    assert len(expected) == 27
    same(shown(charts["lorenz"]), expected)
    curve = [s for s in of_mark(charts["lorenz"], "rule") if s.get("series") == "after"]
    assert len(curve) == 10
    assert all((a["x2"], a["y2"]) == (b["x"], b["y"]) for a, b in pairwise(curve))  # one line, from end to end
    gini = next(row for row in rows_of(found, statistic="gini", by="all") if row["scenario"] == "after")
    assert f"{gini['value']:.3f}" in heads(charts["lorenz"])


@pytest.mark.parametrize(
    ("picture", "statistic", "series"), [("coverage", "coverage", "reached"), ("gain", "consumption_gain", "")]
)
def test_deciles_stand_in_their_order_below_everybody(found, charts, picture, statistic, series):
    fields = {"statistic": statistic, "param": "", "scenario": "after"} | (
        {"of": "package"} if picture == "coverage" else {}
    )
    at = {row["level"]: row for by in ("all", "decile") for row in rows_of(found, by=by, **fields)}
    drawn = sorted((p for p in points(charts[picture]) if p["series"] == series), key=lambda p: p["y"])
    names = ["everybody", "poorest 1", *map(str, range(2, 10)), "richest 10"]
    assert [p["label"] for p in drawn] == names
    for p, level in zip(drawn, ["all", *map(str, range(1, 11))], strict=True):
        if "withheld" not in at[level]["flag"]:
            assert (p["value"], p["low"], p["high"]) == figures(at[level])


def test_other_levels_stay_as_they_come(found, charts):
    assert [p["label"] for p in points(charts["scheme"]) if p["series"] == "paid"] == ["everybody", "Rural", "Urban"]


def test_bottom_40_is_called_so():
    levels = ("Bottom 40", "Top 60")
    frame = tidy(*(("consumption_gain", "", "after", "bottom40", level, 0.1, 0.01) for level in levels))
    assert [p["label"] for p in points(plots.gain(with_frame(frame), by="bottom40"))] == list(levels)


@pytest.mark.parametrize(
    ("value", "unit"), [(2.5e12, 1e12), (3.2e9, 1e9), (4.5e6, 1e6), (7e3, 1e3), (12.0, 1.0), (0.0, 1.0)]
)
def test_cost_is_that_of_the_frame_in_a_unit_that_reads(value, unit):
    frame = tidy(("total_cost", "child benefit", "after", "all", "all", value, value / 10))
    made = shown(plots.cost(with_frame(frame)))
    np.testing.assert_allclose(np.array(made["child benefit", ""]) * unit, [value, 0.9 * value, 1.1 * value])


def test_cost_as_a_share_of_gdp_stands_beside(found, charts):
    share = next(row for row in rows_of(found, statistic="cost_gdp") if row["of"] == "package")
    assert f"{share['value']:.2%} ({share['ci_low']:.2%} to {share['ci_high']:.2%}) of GDP" in words(charts["cost"])
    assert "coins a year, 2026" in heads(charts["cost"])


# -- the tree -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["internet", "no clean fuel"])
def test_branches_are_as_thick_as_their_share(found, name):
    chart = plots.tree(found, name)
    branches = [item for item in of_mark(chart, "rule") if "share" in item]
    nodes = found.trees[name]["nodes"]
    assert {b["share"] for b in branches} == {node["share"] for node in nodes}
    for b in branches:
        assert b["width"] == pytest.approx(_tree_layout.THICKEST * b["share"])
    assert len(branches) == 2 * (len(nodes) - 1) + 1


@pytest.mark.parametrize("name", ["internet", "no clean fuel"])
def test_leaves_are_the_groups(found, name):
    chart = plots.tree(found, name)
    groups = {row["label"]: row for row in found.groups[found.groups["opportunity"] == name].to_dict("records")}
    leaves = {p["label"]: p for p in points(chart) if p["label"] != "everybody"}
    assert leaves.keys() == groups.keys()
    for label, p in leaves.items():
        row = groups[label]
        assert (p["share"], p["n"]) == (pytest.approx(row["share"], rel=1e-12), row["n"])
        if "withheld" in row["flag"]:
            assert "value" not in p
            continue
        np.testing.assert_equal(p["value"], row["before"])
        np.testing.assert_equal(
            [p.get("low", math.nan), p.get("high", math.nan)], [row["before_low"], row["before_high"]]
        )
        shape = "triangle-down" if row["furthest_behind"] else "triangle-up" if row["furthest_ahead"] else "circle"
        assert p["shape"] == shape
    assert words(chart).count("▼ furthest behind") == words(chart).count("▲ furthest ahead") == 1


def test_of_a_barrier_the_highest_rate_is_furthest_behind_and_above(found):
    chart = plots.tree(found, "no clean fuel")
    drawn = {p["shape"]: p for p in points(chart)}
    rates = [p["value"] for p in points(chart) if "value" in p]
    assert drawn["triangle-down"]["value"] == max(rates)
    assert "the highest rate is furthest behind" in heads(chart)
    assert drawn["triangle-down"]["y"] == min(p["y"] for p in points(chart))


def test_a_tree_without_a_split_is_everybody(example):
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    result = sp.assess(example, [opportunity], tree=sp.OpportunityTree(min_obs=400), replicates=sp.Bootstrap(5))
    chart = plots.tree(result, "internet")
    assert len(points(chart)) == 1
    assert "furthest" not in words(chart) + heads(chart)
    assert "No circumstance parts people" in heads(chart)
    assert len(points(plots.groups(result, "internet"))) == 1
    plots.gap(result)


# -- nothing meets --------------------------------------------------------------------------------------------------


def boxes(chart):
    """Return (left, top, right, bottom, text) of every line of text, a little smaller than it is."""
    made = []
    for mark, data in layers(chart):
        if mark["type"] != "text":
            continue
        for item in data:
            for k, line in enumerate(item["text"].split("\n")):
                if not line:
                    continue
                long, size = _canvas.text_width(line, item["size"]), item["size"]
                left = item["x"] - {"left": 0, "center": long / 2, "right": long}[mark["align"]]
                middle = item["y"] + k * mark["lineHeight"]
                made.append((left, middle - 0.4 * size, left + long, middle + 0.4 * size, line))
    return made


def meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def check_room(chart):
    made = spec(chart)
    texts = boxes(chart)
    for box in texts:
        assert box[0] >= -1, box
        assert box[2] <= made["width"] + 8, box
        assert box[1] >= -4, box
        assert box[3] <= made["height"] + 6, box
    for a, b in combinations(texts, 2):
        assert not meet(a, b), (a, b)
    for p in points(chart):
        for box in texts:
            assert not meet((p["x"] - 3, p["y"] - 3, p["x"] + 3, p["y"] + 3), box), (p, box)


@pytest.mark.parametrize("name", NAMES)
def test_no_text_meets_another_or_a_point(charts, name):
    check_room(charts[name])


@pytest.mark.parametrize(
    "label", ["area", "a circumstance with a name that is much too long to stand on one line", "x" * 200]
)
@pytest.mark.parametrize("depth", [0, 1, 3, 6])
@pytest.mark.parametrize("width", [300, 600])
def test_deep_trees_and_long_labels_have_room(label, depth, width):
    found = grown(np.random.default_rng(depth), depth, label)
    chart = plots.tree(found, "o", width=width)
    check_room(chart)
    if depth and width == 600:
        assert {p["label"] for p in points(chart)} >= set(found.groups["label"])


def test_what_is_cut_is_told_in_full():
    label = "a very long label " * 30
    frame = tidy(("consumption_gain", "", "after", "region", label, 0.1, 0.01))
    chart = plots.gain(with_frame(frame), by="region")
    assert "…" in words(chart)
    assert label.strip() in points(chart)[0]["said"]
    assert label.strip() in plots.svg(chart)


# -- what is lacking ------------------------------------------------------------------------------------------------

HIDDEN = {"value": math.nan, "se": math.nan, "ci_low": math.nan, "ci_high": math.nan, "n": 20, "flag": "n<25;withheld"}


def test_what_is_withheld_is_told_and_no_zero_is_drawn():
    frame = tidy(
        ("consumption_gain", "", "after", "region", "a", 0.1, 0.01),
        ("consumption_gain", "", "after", "region", "b", 0.2, 0.01, HIDDEN),
    )
    chart = plots.gain(with_frame(frame), by="region")
    seen, hidden = points(chart)
    assert "value" not in hidden
    assert (hidden["shape"], hidden["fill"]) == ("square", "white")
    assert seen["shape"] == "circle"
    assert "withheld (n<25)" in words(chart)
    assert "b: withheld (n<25)" in spec(chart)["description"]
    assert "nan" not in plots.svg(chart).lower()


def test_figures_withheld_have_a_line_of_their_own_and_no_gap_gives_them_away():
    rows = [(name, "o", "before", "all", "all", 0.4321, 0.1) for name in ("access", "gap", "furthest_ahead")]
    found = with_frame(tidy(("furthest_behind", "o", "before", "all", "all", 0.5, 0.1, HIDDEN), *rows), trees={"o": {}})
    chart = plots.gap(found)
    assert "furthest behind: withheld (n<25)" in words(chart)
    assert "gap withheld" in words(chart)
    assert "43.2 points" not in words(chart) + spec(chart)["description"]
    check_room(chart)


@pytest.mark.parametrize(("n", "fill", "text"), [(49, "white", "(10.0%)"), (50, _canvas.INK, "10.0%")])
def test_figures_from_few_cases_are_hollow_and_in_parentheses(n, fill, text):
    frame = tidy(("consumption_gain", "", "after", "region", "a", 0.1, 0.01, {"n": n}))
    chart = plots.gain(with_frame(frame), by="region")
    assert points(chart)[0]["fill"] == fill
    assert text in words(chart).split()
    assert ("fewer than 50" in heads(chart)) == (n < 50)


def test_a_figure_without_an_interval_has_no_bar():
    frame = tidy(("consumption_gain", "", "after", "region", "a", 0.1, math.nan))
    chart = plots.gain(with_frame(frame), by="region")
    assert "low" not in points(chart)[0]
    assert len({item["colour"] for item in of_mark(chart, "rule")}) == 1  # the lines of the axis


def test_without_a_package_nothing_is_called_before(example):
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    found = sp.assess(example, [opportunity], lines={"l": 60.0}, replicates=sp.Bootstrap(5)).findings()
    for chart in (plots.gap(found), plots.groups(found, "internet"), plots.poverty(found), plots.lorenz(found)):
        assert "before" not in words(chart) + heads(chart) + spec(chart)["description"]
        assert all(p["fill"] != "white" for p in points(chart))


# -- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.243, "24.3%"),
        (0.9996, "100.0%"),
        (0.0005, "0.1%"),
        (0.0004, "0.04%"),
        (-0.031, "−3.1%"),
    ],
)
def test_shares_have_sensible_digits(share, text):
    assert _canvas.percent(share) == text


@pytest.mark.parametrize(
    ("change", "text"), [(0, "0"), (0.0123, "+1.2"), (-0.0123, "−1.2"), (0.0004, "+0.04"), (-0.5, "−50.0")]
)
def test_changes_have_a_sign(change, text):
    assert _canvas.percentage_points(change) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (123456, "123,456"), (12.345, "12.3"), (1.2345, "1.23"), (0.012345, "0.0123"), (-2, "−2.00")],
)
def test_numbers_have_three_digits(value, text):
    assert _canvas.three_digits(value) == text


@given(st.text(max_size=60), st.floats(40, 300))
def test_lines_are_no_longer_than_they_may_be(text, width):
    lines = _canvas.wrap(text, width, 14, 3)
    assert 1 <= len(lines) <= 3
    for line in lines:
        assert _canvas.text_width(line, 14) <= width
    if not lines[-1].endswith("…"):
        assert "".join(lines).replace(" ", "") == _canvas.plain(text).replace(" ", "")


def test_letters_keep_their_marks():
    word = "ស្រ្តី"
    assert _canvas.letters(word) == [word]
    assert _canvas.letters("e\u0301a") == ["e\u0301", "a"]


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5), st.sampled_from([True, False, None]))
def test_an_axis_holds_its_values(values, zero):
    axis = _canvas.axis_of(values, 10, 400, zero)
    assert all(a < b for a, b in pairwise(axis.ticks))
    assert 2 <= len(axis.ticks) <= 12
    for value in values:
        assert 10 - 1e-6 <= axis(value) <= 400 + 1e-6
    if zero:
        assert axis.ticks[0] <= 0 <= axis.ticks[-1]


# -- SVG ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_svg_is_whole_and_tells_itself_in_words(charts, svgs, name):
    chart = charts[name]
    root = ElementTree.fromstring(svgs[name])
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(made.startswith(f"p-{name}-") for made in ids)
    title, desc = (root.find(f"{SVG}{tag}") for tag in ("title", "desc"))
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    assert title.text
    assert len(re.findall(r"\d", desc.text)) >= 4  # the main numbers
    assert desc.text == spec(chart)["description"]


@pytest.mark.parametrize("name", NAMES)
def test_svg_loads_nothing(svgs, name):
    text = svgs[name]
    assert re.findall(r"https?:[^\"' >]*", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(image|script|foreignObject|a|use|style)\b|href|@import|data:|url\((?!#)", text)
    assert not re.search(r"\son\w+=", text)


def test_points_say_what_they_are_when_a_pointer_rests_on_them(charts, svgs):
    root = ElementTree.fromstring(svgs["gain"])
    said = [element.text for element in root.iter(f"{SVG}title")][1:]
    assert said == [p["said"] for p in points(charts["gain"])]


@pytest.fixture(scope="module")
def hostile():
    """Return pictures of findings all of whose labels are LABELS."""
    tree = grown(np.random.default_rng(1), 2, LABELS[0])
    named = with_frame(tidy(), tree.groups.assign(opportunity=LABELS[1]), {LABELS[1]: tree.trees["o"]})
    rows = [("consumption_gain", "", "after", LABELS[0], label, 0.1, 0.01) for label in LABELS]
    charts = [
        plots.cost(with_frame(tidy(*(("total_cost", label, "after", "all", "all", 5e6, 1e5) for label in LABELS)))),
        plots.gain(with_frame(tidy(*rows)), by=LABELS[0]),
        plots.tree(named, LABELS[1]),
    ]
    return [plots.svg(chart) for chart in charts]


def test_text_from_data_is_shown(hostile):
    drawn, told = [], []
    for text in hostile[:2]:
        root = ElementTree.fromstring(text)
        drawn.append(" ".join(part for element in root.iter(f"{SVG}text") for part in element.itertext()))
        told.append(root.find(f"{SVG}desc").text)
    for label in LABELS:
        plain = " ".join(label.replace("\x00", "").replace("\x07", "").split())
        assert plain in drawn[0]
        assert plain in told[0]
        assert plain in told[1]


def test_text_from_data_is_never_read_as_anything_else(hostile):
    for text in hostile:
        assert "<script" not in text
        assert "&lt;script&gt;" in text


def test_ids_of_other_pictures_do_not_meet():
    data = alt.InlineData(values=[{"x": 1, "y": 2}, {"x": 2, "y": 3}])
    chart = alt.Chart(data).mark_line(clip=True).encode(x="x:Q", y="y:Q")
    made = [ElementTree.fromstring(plots.svg(chart, prefix)) for prefix in ("a", "b")]
    ids = [{element.get("id") for element in root.iter() if element.get("id")} for root in made]
    assert not ids[0] & ids[1]
    for root, known in zip(made, ids, strict=True):
        used = {
            name
            for element in root.iter()
            for value in element.attrib.values()
            for name in re.findall(r"url\(#(.*?)\)", value)
        }
        assert used
        assert used <= known


def test_the_same_findings_give_the_same_bytes(found, svgs, tmp_path):
    assert plots.svg(plots.tree(found, "internet"), "p-tree") == svgs["tree"]
    made = [plots.save(plots.cost(found), tmp_path / name).read_bytes() for name in ("a.png", "b.png")]
    assert made[0] == made[1]


def test_files_are_svg_and_png_at_twice_the_size(charts, tmp_path):
    svg = plots.save(charts["cost"], tmp_path / "new" / "cost.SVG")
    root = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    png = plots.save(charts["cost"], str(tmp_path / "cost.png")).read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(png[16:20], "big") == 2 * int(root.get("width")) == 1200


# -- company --------------------------------------------------------------------------------------------------------


def test_an_assessment_and_its_findings_give_one_picture(example):
    result = sp.assess(example, [], lines={"l": 60.0}, replicates=sp.Bootstrap(5))
    assert plots.poverty(result).to_dict() == plots.poverty(result.findings()).to_dict()


def test_findings_read_back_give_one_picture(found, charts, tmp_path):
    back = sp.read_results(found.write(tmp_path / "results"))
    again = {"tree": plots.tree(back, "internet"), "gap": plots.gap(back), "coverage": plots.coverage(back)}
    for name, chart in again.items():
        assert chart.to_dict() == spec(charts[name]), name


def test_charts_of_others_keep_their_look(found):
    data = alt.InlineData(values=[{"x": 1}])
    before = alt.Chart(data).mark_point().to_dict()
    plots.cost(found)
    assert alt.Chart(data).mark_point().to_dict() == before


def test_drawing_is_asked_for_before_altair_comes():
    code = "import sys, sp2lnob.plots; print(sorted({'altair', 'vl_convert'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "what", "mend"),
    [
        (lambda found: plots.tree(found, "internet"), "'internet' does not", "There are: none"),
        (lambda found: plots.groups(found, "internet"), "'internet' does not", "There are: none"),
        (plots.gap, "statistic 'gap'", "Name an opportunity"),
        (plots.dissimilarity, "statistic 'd_index'", "Name an opportunity"),
        (lambda found: plots.shares(found, "internet"), "'internet' does not", "There are: none"),
        (plots.poverty, "statistic 'headcount'", "lines="),
        (plots.coverage, "statistic 'coverage'", "a package"),
        (lambda found: plots.gain(found, by="region"), "by 'region'", "a package"),
        (plots.cost, "statistic 'total_cost'", "a package"),
        (lambda found: plots.lorenz(with_frame(found.estimates[:0])), "statistic 'lorenz'", "welfare="),
    ],
)
def test_what_is_lacking_is_asked_for(bare, draw, what, mend):
    with pytest.raises(sp.InputError) as error:
        draw(bare)
    assert what in str(error.value)
    assert mend in str(error.value)


@pytest.mark.parametrize("width", [0, 299, math.nan, math.inf])
def test_a_picture_has_a_width(bare, width):
    with pytest.raises(sp.InputError, match="The width of a picture must be"):
        plots.lorenz(bare, width=width)


def test_a_picture_is_of_findings(bare):
    with pytest.raises(sp.InputTypeError, match="A picture takes an Assessment or Findings"):
        plots.lorenz(bare.estimates)


def test_a_picture_s_width_is_a_number(bare):
    with pytest.raises(sp.InputTypeError, match="The width of a picture must be a number"):
        plots.lorenz(bare, width="wide")


@pytest.mark.parametrize("name", ["p.pdf", "p.html", "p", "p.svgz"])
def test_other_files_are_refused(charts, tmp_path, name):
    with pytest.raises(sp.InputError, match=r"must end in \.svg or \.png"):
        plots.save(charts["cost"], tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prefix", ["", "1a", "a b", 'a"', "a>", "é"])
def test_a_prefix_is_a_name(charts, prefix):
    with pytest.raises(sp.InputError, match="The prefix must be"):
        plots.svg(charts["cost"], prefix)


def test_without_altair_it_is_asked_for(bare, monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(sp.InputError, match=r"pip install 'sp2lnob\[report\]'"):
        plots.lorenz(bare)


def test_without_vl_convert_it_is_asked_for(charts, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(sp.InputError, match=r"pip install 'sp2lnob\[report\]'"):
        plots.svg(charts["cost"])
