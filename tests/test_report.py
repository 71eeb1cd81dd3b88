"""The report: what is on the page is what stands in the frames, and what comes from data stays text."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from math import nan

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob import plots
from sp2lnob._html import checked, form_of
from sp2lnob._tables import Figure, amount_of, drawn_of, figure_cell, measure_of, target_of, who_of
from sp2lnob.effects import effect_of
from sp2lnob.report import render
from sp2lnob.schemes import scheme_from

PLAIN = '<svg xmlns="http://www.w3.org/2000/svg" role="img"/>'
MINUS = "\N{MINUS SIGN}"
VOID = {"meta", "br", "link", "img", "input", "hr", "wbr"}
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "style": "</style><b>",
    "title": "</title><script>alert(2)</script>",
    "template": "{{7*7}}",
    "address": "javascript:alert(3)",
}


class Page(HTMLParser):
    """A page read strictly: every tag is closed in its turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.headings = [], [], [], []
        self.tables, self.links, self.text, self.prose = [], {}, [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a" and "download" in attributes:
            self.links[attributes["download"]] = attributes["href"]
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        if tag == "tr":
            self.tables[-1]["rows"].append([])
        if tag in ("td", "th"):
            self.tables[-1]["rows"][-1].append(["", "", ""])  # text, what stands below it, mark
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append([int(tag[1]), ""])

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, (tag, self.open)

    def handle_data(self, text):
        if "style" in self.open:
            return
        self.text.append(text)
        if "svg" not in self.open:  # whose lines are elements
            self.prose.append(text)
        if "caption" in self.open:
            self.tables[-1]["caption"] += text
        elif self.open and ("td" in self.open or "th" in self.open):
            self.tables[-1]["rows"][-1][-1][1 if "small" in self.open else 2 if "span" in self.open else 0] += text
        for tag in self.open:
            if re.fullmatch("h[1-4]", tag):
                self.headings[-1][1] += text

    @property
    def words(self):
        """All text, with single spaces."""
        return " ".join("".join(self.text).split())

    def table(self, caption):
        """Return the one table whose caption holds some words: head, and rows by their first cell."""
        (found,) = [table for table in self.tables if caption in table["caption"]]
        return found["rows"]

    def frame(self, file):
        """Return the frame that a link holds."""
        head, content = self.links[file].split(",", 1)
        assert head == "data:text/csv;charset=utf-8;base64"
        return content_of(content)


def content_of(content):
    text = base64.b64decode(content).decode()
    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values={}, dtype=str)


def as_text(frame):
    """Return a frame as its CSV reads: every digit, as text."""
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), keep_default_na=False, dtype=str)


def number(text):
    """Return the number that a cell shows."""
    return float(text.strip("() ").replace(",", "").replace(MINUS, "-").replace("+", "").removesuffix("%"))


def ends(text):
    """Return both ends of an interval that a cell shows."""
    return tuple(number(end) for end in text.split(" to "))


ECONOMY = sp.Economy("coins", 2026, gdp=4.05e9, gdp_per_capita=1800.0, revenue=9e8, lines={"national": 60.0})


def assessed(survey, **instead):
    circumstances = ["bottom40", "urbrur", "head_educ"]
    fuel = sp.Opportunity("clean fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=circumstances)
    lacking = sp.Opportunity("no internet", outcome="internet == 0", circumstances=circumstances, kind="barrier")
    package = sp.Package(
        [sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(0.16, "gdp_per_capita"))]
    )
    given = {"package": package, "economy": ECONOMY, "replicates": sp.Bootstrap(40)}
    return sp.assess(survey, [fuel, lacking], **given | instead)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    study = {"study": {"file": "study.toml", "sha256": "ab" * 32}}
    return assessed(sp.example_survey(800)).save(tmp_path_factory.mktemp("report") / "results", study=study)


@pytest.fixture(scope="module")
def found(folder):
    return sp.read_results(folder)


@pytest.fixture(scope="module")
def html(found):
    return render(found)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


# -- the page as a page ---------------------------------------------------------------------------------------------


def test_the_page_is_one_well_formed_document(html, page):
    assert html.startswith("<!doctype html>")
    assert page.tags[0] == ("html", {"lang": "en"})
    assert len(page.ids) == len(set(page.ids))
    assert len(html.encode()) < 3 * 2**20
    assert not re.search(r"/(tmp|home|work|usr)/", page.words)


def test_nothing_is_fetched_and_nothing_runs(html, page):
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes), tag
        for name in ("href", "xlink:href"):
            if name in attributes:
                assert tag == "a"
                assert attributes[name].startswith(("#", "data:text/csv;", "data:application/json;"))
        assert not any("url(" in str(value) and "url(#" not in value for value in attributes.values())
    assert "@import" not in html
    assert "url(" not in html[html.index("<style>") : html.index("</style>")]


def test_sentences_have_a_space_between_them(page):
    assert not glued(page)


def test_the_policy_allows_the_one_style_alone(html, page):
    from hashlib import sha256

    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    style = html[html.index("<style>") + len("<style>") : html.index("</style>")]
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert html.count("<style") == 1


def test_it_can_be_read_without_seeing_it(page):
    assert [level for level, _ in page.headings].count(1) == 1
    levels = [level for level, _ in page.headings]
    assert all(b - a <= 1 for a, b in pairwise(levels))
    targets = [a["href"][1:] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")]
    assert set(targets) <= set(page.ids)
    assert targets[0] == "brief"
    assert all(table["caption"] for table in page.tables)
    assert all("scope" in a for tag, a in page.tags if tag == "th")
    regions = [a for _, a in page.tags if a.get("role") == "region"]
    assert len(regions) == len(page.tables)
    assert all(a["tabindex"] == "0" and a["aria-labelledby"] in page.ids for a in regions)
    pictures = [a for tag, a in page.tags if tag == "svg"]
    assert pictures
    assert all(a["role"] == "img" and set(a["aria-labelledby"].split()) <= set(page.ids) for a in pictures)
    sections = [a["aria-labelledby"] for tag, a in page.tags if tag == "section"]
    assert set(sections) <= set(page.ids)


def test_the_contents_are_the_sections(page):
    listed = [a["href"][1:] for tag, a in page.tags if tag == "a" and re.match("#[^t]", a["href"])][1:]  # not to tables
    assert listed == [a["aria-labelledby"] for tag, a in page.tags if tag == "section"]
    assert listed == [
        *("brief", "gaps", "opportunity-1", "opportunity-2", "poverty", "inequality", "consumption", "receipt"),
        *("cost", "domains", "survey", "methods", "manifest"),
    ]


def test_the_same_findings_give_the_same_bytes(folder, html):
    code = (
        "import sys, sp2lnob as sp\n"
        "from sp2lnob.report import render\n"
        "sys.stdout.buffer.write(render(sp.read_results(sys.argv[1])).encode())"
    )
    other = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Phnom_Penh"}
    made = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, check=True, env=other)
    assert made.stdout.decode() == html


def test_every_picture_has_its_table(page):
    told = re.findall(r"Figure (\d+)\. The figures stand in table (\d+)\.", page.words)
    assert [int(figure) for figure, _ in told] == list(range(1, len(told) + 1))
    assert len(told) == len([tag for tag, _ in page.tags if tag == "figure"]) >= 8
    numbers = [int(re.match(r"Table (\d+)\.", table["caption"])[1]) for table in page.tables]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {int(table) for _, table in told} <= set(numbers)


# -- figures --------------------------------------------------------------------------------------------------------


def row_of(frame, **what):
    (row,) = frame[np.all([frame[key] == value for key, value in what.items()], axis=0)].to_dict("records")
    return row


def same(cell, row, factor=1.0, end="value", low="ci_low", high="ci_high"):
    """Assert that a cell shows a figure and its interval, rounded."""
    text, below, _ = cell
    digits = len(text.partition(".")[2].strip(")"))
    assert number(text) == pytest.approx(row[end] * factor, abs=0.501 * 10**-digits)
    if np.isfinite(row[low]):
        shown = ends(below)
        assert shown == pytest.approx((row[low] * factor, row[high] * factor), abs=0.501 * 10**-digits)
    else:
        assert below in (
            ["no interval"]
            if "biased" in row["flag"]
            else ["no interval: it does not vary"]
            if row[end] not in (0, 1)
            else [f"no interval: it {words}" for words in ("does not vary", "is 0", "is 0%", "is 100%")]
        )


def test_groups_show_the_frame_of_groups(found, page):
    for name in found.trees:
        frame = found.groups[found.groups["opportunity"] == name].to_dict("records")
        head, *rows = page.table(f"The groups: {name}")
        assert [cell[0] for cell in head] == ["Group", "Share", "n", "Before", "After", "Change", "Gaining", "Flag"]
        assert len(rows) == len(frame)
        for cells, row in zip(rows, frame, strict=True):
            assert cells[0][0] == row["label"]
            assert number(cells[1][0]) == pytest.approx(100 * row["share"], abs=0.0501)
            assert number(cells[2][0]) == row["n"]
            for cell, which in zip(cells[3:6], ("before", "after", "change"), strict=True):
                same(cell, row, 100, which, f"{which}_low", f"{which}_high")
            assert number(cells[6][0]) == pytest.approx(row["gaining"], abs=0.501)
            told = {"furthest_behind": "furthest behind", "furthest_ahead": "furthest ahead"}
            assert [words in cells[0][2] for words in told.values()] == [row[key] for key in told]
            flags = [flag for flag in row["flag"].split(";") if flag in ("biased", "hinges on the cut")]
            assert [mark.removesuffix(" (change)") for mark in cells[7][0].split("; ") if mark] == flags


def test_what_stands_before_and_after_is_the_tidy_frame(found, page):
    everybody = found.estimates[found.estimates["by"] == "all"]
    _, _, *rows = page.table("Poverty by line")
    for cells, statistic in zip(rows, ("headcount", "poverty_gap", "poverty_severity"), strict=True):
        for cell, scenario in zip(cells[2:5], ("before", "after", "change"), strict=True):
            same(cell, row_of(everybody, statistic=statistic, scenario=scenario), 100)
    _, *rows = page.table("Inequality of welfare")
    for cells, statistic in zip(rows, ("gini", "palma", "quintile_ratio"), strict=False):
        for cell, scenario in zip(cells[2:5], ("before", "after", "change"), strict=True):
            same(cell, row_of(everybody, statistic=statistic, scenario=scenario))
    _, *rows = page.table("Access and its gap")
    rows = [cells for cells in rows if len(cells) > 1]
    ends = [(key, honest) for key in ("furthest_behind", "furthest_ahead", "gap") for honest in (False, True)]
    wanted = [(name, *what) for name in found.trees for what in (("access", False), *ends)]
    anew = everybody["param"].str.endswith("cross-validated")
    for cells, (name, key, honest) in zip(rows, wanted, strict=True):
        assert cells[0][0].strip().endswith("cross-validated") == honest
        for cell, scenario in zip(cells[2:5], ("before", "after", "change"), strict=True):
            if honest and scenario != "before":
                assert not any(cell)
                continue
            same(cell, row_of(everybody[anew == honest], statistic=key, of=name, scenario=scenario), 100)


def test_deciles_stand_in_their_order(found, page):
    by_decile = found.estimates[(found.estimates["by"] == "decile") & (found.estimates["statistic"] == "mean_welfare")]
    _, _, everybody, *rows = page.table("Consumption per person, by decile")
    assert everybody[0][0] == "Everybody"
    labels = ["1, the poorest", *map(str, range(2, 10)), "10, the richest"]
    assert [cells[0][0] for cells in rows[:10]] == labels
    for decile, cells in enumerate(rows[:10], 1):
        for cell, scenario in zip(cells[2:5], ("before", "after", "change"), strict=True):
            same(cell, row_of(by_decile, level=str(decile), scenario=scenario))
        assert number(cells[1][0]) == row_of(by_decile, level=str(decile), scenario="before")["n"]


def test_what_is_received_is_the_tidy_frame(found, page):
    frame = found.estimates
    for caption, statistics in (
        ("Coverage", ("coverage_direct", "coverage")),
        ("Who gets the money", ("benefit_incidence", "beneficiary_incidence")),
    ):
        _, *rows = page.table(f". {caption},")
        scheme = None
        seen = 0
        for cells in rows:
            if len(cells) == 1:
                scheme = {"All schemes": "package"}.get(cells[0][0], cells[0][0])
                continue
            label = cells[0][0].partition(",")[0]
            where = {"by": "all"} if label == "Everybody" else {"by": "decile", "level": label}
            where["param"] = ""
            for cell, statistic in zip(cells[2:4], statistics, strict=True):
                same(cell, row_of(frame, statistic=statistic, of=scheme, **where), 100)
                seen += 1
        every = frame["statistic"].isin(statistics) & frame["by"].isin(["all", "decile"]) & (frame["param"] == "")
        assert seen == every.sum()


def test_costs_have_their_unit_in_the_head(found, page):
    frame = found.estimates
    head, *rows = page.table("Recipients and cost")
    assert [cell[1] for cell in head[2:7]] == ["", *["million coins a year"] * 2, "%", "%"]
    statistics = {"recipients": 1, "transfer_cost": 1e-6, "total_cost": 1e-6, "cost_gdp": 100, "cost_revenue": 100}
    assert [cells[0][0] for cells in rows] == ["child benefit", "old-age pension", "All schemes"]
    for cells, of in zip(rows, ("child benefit", "old-age pension", "package"), strict=True):
        for cell, (statistic, factor) in zip(cells[2:7], statistics.items(), strict=True):
            same(cell, row_of(frame, statistic=statistic, of=of), factor)


def test_sentences_say_what_the_tables_show(found, page):
    everybody = found.estimates[found.estimates["by"] == "all"]
    headcount = {s: row_of(everybody, statistic="headcount", scenario=s) for s in ("before", "after", "change")}
    assert (
        f"Poverty at the line “national” falls by {-100 * headcount['change']['value']:.1f} points "
        f"({-100 * headcount['change']['ci_high']:.1f} to {-100 * headcount['change']['ci_low']:.1f}; "
        f"n = 800 households): from {headcount['before']['value']:.1%} to {headcount['after']['value']:.1%}"
    ) in page.words.replace("\N{NO-BREAK SPACE}", " ")
    behind = found.groups[found.groups["furthest_behind"] & (found.groups["opportunity"] == "clean fuel")].iloc[0]
    assert (
        f"“{behind['label']}”, {behind['share']:.1%} of people, of whom {behind['before']:.1%} have access"
        in page.words
    )
    barrier = row_of(everybody, statistic="access", of="no internet", scenario="before")
    assert f"no internet. {barrier['value']:.1%} of people are affected" in page.words
    change = row_of(everybody, statistic="access", of="no internet", scenario="change")
    assert change["ci_high"] < 0
    assert change["flag"] == "hinges on the cut"
    gaining = found.groups[found.groups["opportunity"] == "no internet"]["gaining"].sum()
    people = gaining / -change["value"]
    assert (
        f"The share with the barrier falls by {-100 * change['value']:.1f} points "
        f"({-100 * change['ci_high']:.1f} to {-100 * change['ci_low']:.1f}; n = 800 households; {change['flag']}), "
        f"to {change['value'] + barrier['value']:.1%}; of {people:,.0f} people that is {gaining:,.0f} "
        "who would leave the barrier, if access becomes that of the group into which the transfer lifts them."
    ) in page.words.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("of", "end", "of_what"), [("clean fuel", "", ""), ("no internet", ", of absence", " of the ba")]
)
def test_inequality_is_told_with_its_bracket_and_what_it_goes_with(found, page, of, end, of_what):
    told = page.words.replace("\N{NO-BREAK SPACE}", " ")
    rows = found.estimates[found.estimates["of"] == of]
    index = {row["param"].removesuffix(end): row for row in rows[rows["statistic"] == "d_index"].to_dict("records")}
    value, least, most = (index[param] for param in ("empirical-bayes", "lower bound", "upper bound"))
    assert f"The dissimilarity index{of_what}" in told
    assert f" is {value['value']:.3f} ({value['ci_low']:.3f} to {value['ci_high']:.3f}; n = 800 households" in told
    assert f"Its bracket is {least['value']:.3f} to {most['value']:.3f}: too low, and too high, on average." in told
    assert f"As found, which is what ESCAP prints, it is {index['cells']['value']:.3f}, biased upward." in told
    (hoi,) = rows[rows["statistic"] == "hoi"].to_dict("records")
    assert f"is {hoi['value']:.1%} ({100 * hoi['ci_low']:.1f} to {100 * hoi['ci_high']:.1f}; n = 800)" in told
    shares = rows[rows["statistic"] == "shapley"].sort_values("value", ascending=False)
    first, *others = shares.to_dict("records")
    assert f"{first['value'] / value['value']:.0%} goes with “{first['param'].removesuffix(end)}”" in told
    for row in others:
        assert f"{row['value'] / value['value']:.0%} with “{row['param'].removesuffix(end)}”" in told
    _, coverage, head, *lines = page.table(f"Opportunity by circumstance: {of}")
    assert coverage[0][0].strip() == "Human Opportunity Index"
    assert head[0][0] == "Dissimilarity index, by circumstance"
    assert sorted(number(line[2][0]) for line in lines) == sorted(round(v, 3) for v in shares["value"])
    assert [ends(line[2][1]) for line in lines] == [
        (round(row["ci_low"], 3), round(row["ci_high"], 3))
        for row in rows[rows["statistic"] == "shapley"].to_dict("records")
    ]


def test_an_index_that_is_not_told_from_nothing_says_at_most_how_much():
    households, persons = sp.example_frames(800)
    coin = np.random.default_rng(3).integers(0, 2, 800)
    survey = sp.Survey({**households, "coin": coin}, persons, person="pid", psu="ea", strata=["region", "urbrur"])
    chance = sp.Opportunity("chance", outcome="coin", circumstances=["urbrur", "region"])
    sure = sp.Opportunity("certain", outcome="coin == 1 or urbrur == 'Urban'", circumstances=["urbrur", "region"])
    result = sp.assess(survey, [chance, sure], by=[], replicates=sp.Bootstrap(40), shapley="logit")
    frame = result.estimates.frame()
    index = frame[(frame["of"] == "chance") & (frame["param"] == "empirical-bayes")].iloc[0]
    assert "one-sided" in index["flag"]
    page = Page(render(result.findings()))
    assert f"It is not distinguishable from 0: at most {index['ci_high']:.3f}." in page.words
    assert "say nothing of which circumstance access goes with" in page.words
    assert "Separated: a circumstance settles the outcome" in page.words
    assert "Of the index of a logit, " in page.words
    without = Page(render(sp.assess(survey, [chance], by=[], replicates=sp.Bootstrap(5), shapley=False).findings()))
    assert "Human Opportunity Index" in without.words
    assert "Shapley" not in without.words


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [
        (-0.0079, -0.0187, 0.0029, "falls by 0.79 points −0.29 to 1.87"),
        (-0.0079, -0.0187, -0.0009, "falls by 0.79 points 0.09 to 1.87"),
        (0.0079, -0.0029, 0.0187, "rises by 0.79 points −0.29 to 1.87"),
        (0.0079, 0.0009, 0.0187, "rises by 0.79 points 0.09 to 1.87"),
    ],
)
@pytest.mark.parametrize("n", [30, 800])
def test_an_interval_is_of_the_figure_that_is_told(value, low, high, told, n):
    """The verb has the sign of a change, so that both ends are of the fall; parentheses are around the interval."""
    figure = Figure("access", "change", value, low, high, n, "n<50" if n < 50 else "")
    assert f"{figure.verb} {figure.words} {figure.ends}" == told
    level = Figure("access", "before", 0.4, 0.3, 0.5, n, "")
    assert (level.words, level.ends) == ("40.0%", "30.0 to 50.0")


def counted(words):
    """Return what the sentences on certainty count."""
    (told,) = re.findall(r"Of ([\d,]+) figures, ([\d,]+) have a standard error, and ([\d,]+) a 95% interval\.", words)
    without = re.search(r"Those without an interval: ([^.]*)\.", words)
    why = re.findall(r"([\d,]+) (\D+?)(?:, |$)", without[1].replace("0 or 100%", "none or all")) if without else []
    return [int(count.replace(",", "")) for count in told], {words: int(n.replace(",", "")) for n, words in why}


def test_how_sure_is_counted(found, page):
    frame = found.estimates
    every, why = counted(page.words)
    assert every == [len(frame), frame["se"].notna().sum(), frame["ci_low"].notna().sum()]
    without = frame[frame["ci_low"].isna()]
    biased = without["flag"].str.contains("biased")
    assert why.pop("biased") == biased.sum()
    still = (~biased & ((without["se"] == 0) | without["value"].isin([0, 1]))).sum()
    assert why.pop("that do not vary") + why.pop("of none or all") == still
    assert sum(why.values()) == len(without) - biased.sum() - still


def test_what_has_no_interval_says_why():
    def lacking(value, **more):
        return figure_cell(
            Figure("access", more.pop("scenario", "before"), value, *[nan] * 2, 90, more.pop("flag", ""), **more),
            {"access": form_of("share", [value])},
        ).below

    assert lacking(0.0, se=0.0) == "no interval: it is 0%"
    assert lacking(1.0, se=0.0) == "no interval: it is 100%"
    assert lacking(0.4, se=0.0) == "no interval: it does not vary"
    assert lacking(0.0, se=0.1, scenario="change") == "no interval: it is 0"
    assert lacking(0.4, se=0.1, df=0) == "no interval: no degrees of freedom"
    assert lacking(0.4, se=0.1, df=9) == "no interval: too unsure"
    assert lacking(0.4, se=0.1, df=9, param="lower bound") == "no interval: it is a bound"
    assert lacking(0.4, se=0.1, df=9, param="upper bound, of absence") == "no interval: it is a bound"
    assert lacking(0.4, se=0.1, flag="biased") == "no interval"


def all_on_the_page(found, page):
    """Assert that every figure of the tidy frame is in a table once, and those of other effects in theirs."""
    shown = pd.concat([page.frame(file) for file in page.links if file.startswith("table-") and "years" not in file])
    tidy = shown.dropna(subset=["scenario"])
    keys = ["statistic", "of", "param", "scenario", "by", "level"]
    every = as_text(found.estimates)
    left = every[(every["by"] != "group") & ~((every["statistic"] == "lorenz") & (every["by"] != "all"))]
    left = left[~left["param"].map(lambda param: bool(effect_of(param, ""))) | (left["statistic"] == "hoi")]
    assert sorted(map(tuple, tidy[keys].to_numpy())) == sorted(map(tuple, left[keys].to_numpy()))


def test_every_figure_is_on_the_page(found, page):
    all_on_the_page(found, page)


def test_a_link_holds_every_digit_of_its_table(found, page):
    assert page.frame("estimates.csv").equals(as_text(found.estimates))
    assert page.frame("groups.csv").equals(as_text(found.groups))
    assert page.frame("stability.csv").equals(as_text(found.stability))
    head, content = page.links["manifest.json"].split(",", 1)
    assert head.startswith("data:application/json")
    assert json.loads(base64.b64decode(content)) == json.loads(json.dumps(dict(found.manifest)))
    every = as_text(found.estimates)
    files = [file for file in page.links if file.startswith("table-")]
    assert len(files) == len(page.tables)
    for file, table in zip(files, page.tables, strict=True):
        frame = page.frame(file)
        lines = [cells for cells in table["rows"][1:] if len(cells) > 1]
        if "statistic" in frame:
            here = frame.merge(every.drop_duplicates(), how="left", indicator=True)
            assert (here["_merge"] == "both").all()
            end = -1 if table["rows"][0][-1][0] == "Flag" else None
            figures = sum(bool(cell[0]) for cells in lines for cell in cells[2:end])
            assert figures == len(frame)
        else:
            assert len(frame) == len(lines)
    for name in found.trees:
        (file,) = [f for f in files if f.endswith("-groups.csv") and page.frame(f)["opportunity"].iloc[0] == name]
        wanted = as_text(found.groups[found.groups["opportunity"] == name])
        assert page.frame(file).equals(wanted.reset_index(drop=True))


def test_the_tree_is_a_table_as_well(found, page):
    for name, tree in found.trees.items():
        _, *rows = page.table(f"branch by branch: {name}")
        assert len(rows) == len(tree["nodes"])
        leaves = {cells[4][0]: cells for cells in rows if cells[4][0]}
        for node in tree["nodes"]:
            if "group" in node:
                cells = leaves[str(node["group"])]
                assert number(cells[1][0]) == pytest.approx(100 * node["share"], abs=0.0501)
                assert number(cells[2][0]) == node["n"]
                assert number(cells[3][0]) == pytest.approx(100 * node["rate"], abs=0.0501)


def test_the_survey_and_its_making_are_told(found, page):
    survey = found.manifest["survey"]
    for words in (
        survey["sha256"],
        "region × urbrur",
        *survey["svyset"],
        *survey["svydesign"],
        "ab" * 32,
        "study.toml",
    ):
        assert words in page.words
    for name, version in found.manifest["versions"].items():
        assert f"{name} {version}" in page.words
    assert f"{survey['people']:,.0f} people" in page.words
    assert "our inference" in page.words


# -- the policy side ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy():
    """Return findings with everything of the policy side: ranks, existing benefits, two effects, cost by year."""
    households, persons = sp.example_frames(800)
    persons = {**persons, "aid": np.where(np.asarray(persons["age"]) >= 75, 3.0, 0.0)}
    given = {"person": "pid", "welfare": "pc_exp", "psu": "ea", "strata": ["region", "urbrur"]}
    roles = {"disability": "disability", "relation": "relation"}
    derive = {"head_educ": "head(educ)"}
    survey = sp.Survey(households, persons, roles=roles, derive=derive, existing={"<i>aid</i>": "aid"}, **given)
    survey = sp.proxy_means(survey, ["urbrur", "head_educ", "internet"]).scored()
    pension = sp.old_age_pension(sp.Amount(0.16, "gdp_per_capita"), target=sp.Rank(0.4), administration=0.1)
    fuel = sp.Opportunity(
        "clean fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["bottom40", "urbrur"]
    )
    more = {"effect": ["reroute", "logit"], "population": sp.population("Cambodia"), "replicates": sp.Bootstrap(20)}
    package = sp.Package([sp.child_benefit(sp.Amount(8, "month")), pension])
    return sp.assess(survey, [fuel], package, ECONOMY, **more).findings()


@pytest.fixture(scope="module")
def policy_page(policy):
    return Page(render(policy))


def test_the_policy_side_is_on_the_page(policy, policy_page):
    all_on_the_page(policy, policy_page)
    assert not glued(policy_page)
    captions = " ".join(table["caption"] for table in policy_page.tables)
    for caption in (
        *("Coverage of those whom a scheme is meant for", "Coverage of groups of people", "How far it goes to the"),
        *("What benefits are to those who have them", "Money that closes the poverty gap", "Whom the score chooses"),
        *("Which scheme the change in poverty goes with", "What the change rests on: clean fuel", "Cost by year"),
    ):
        assert caption in captions
    assert "other" not in sections(policy_page)
    numbers = [int(re.match(r"Table (\d+)\.", table["caption"])[1]) for table in policy_page.tables]
    assert numbers == list(range(1, len(numbers) + 1))


def test_what_is_paid_already_has_tables_of_its_own(policy, policy_page):
    """Beside the package's, never in them."""
    frame = policy.estimates.query("scenario == 'existing' and by == 'all'")
    _, _, *rows = policy_page.table("Coverage of existing benefits")
    cells = rows[1 + next(i for i, cells in enumerate(rows) if cells[0][0] == "<i>aid</i>")]
    for cell, statistic in zip(cells[2:4], ("coverage_direct", "coverage"), strict=True):
        row = row_of(frame, statistic=statistic, of="<i>aid</i>", param="")
        assert number(cell[0]) == pytest.approx(100 * row["value"], abs=0.0501)
    captions = " ".join(table["caption"] for table in policy_page.tables)
    for caption in (
        *("Coverage of groups of people by existing benefits", "Who gets the money of existing benefits"),
        "What existing benefits are to those who have them",
    ):
        assert caption in captions
    assert "<i>aid</i>" not in str(policy_page.table("What benefits are to those who have them"))
    assert "All existing benefits together" in policy_page.words


def test_three_situations_name_their_baseline(policy, policy_page):
    head, _, *rows = policy_page.table("Poverty by line")
    titles = ["No schemes", "Before", "After", "Change", "Before, from no schemes", "After, from no schemes"]
    assert [cell[0] for cell in head[2:-1]] == titles
    names = ("no schemes", "before", "after", "change", "change from no schemes: before")
    everybody = policy.estimates[(policy.estimates["by"] == "all") & (policy.estimates["statistic"] == "headcount")]
    for cell, scenario in zip(rows[0][2:7], names, strict=True):
        row = row_of(everybody, scenario=scenario)
        assert number(cell[0]) == pytest.approx(100 * row["value"], abs=0.0501)
    assert "There are three situations." in policy_page.words


def test_parts_of_schemes_add_up_in_their_table(policy_page):
    _, _, *rows = policy_page.table("Which scheme the change in poverty goes with")
    child, pension, every = (number(cells[2][0]) for cells in rows[:3])
    assert child + pension == pytest.approx(every, abs=0.151)
    assert rows[2][0][0] == "All schemes"


def test_effects_stand_side_by_side(policy, policy_page):
    _, *rows = policy_page.table("What the change rests on")
    rows = [cells for cells in rows if len(cells) > 1]
    frame = policy.effects.sort_values(["statistic", "by"], kind="stable")
    assert len(rows) == len(frame)
    for effect, label in (("reroute", "By the tree of before"), ("logit", "By a logit of welfare")):
        found = row_of(policy.effects, effect=effect, statistic="access", by="all")
        cells = next(cells for cells in rows if cells[0][0] == label)
        same(cells[4], found, 100, "change", "change_low", "change_high")


def test_cost_by_year_is_the_frame_of_the_projection(policy, policy_page):
    head, *rows = policy_page.table("Cost by year")
    (file,) = [file for file in policy_page.links if file.endswith("-years.csv")]
    assert policy_page.frame(file).equals(as_text(policy.projection))
    column = [cell[0] for cell in head].index("Of GDP")
    years = [cells for cells in rows if len(cells) > 1]
    for cells in years[:3]:
        row = row_of(policy.projection, statistic="cost_gdp", of="package", level=cells[0][0])
        same(cells[column], row, 100)
    assert "population, growth and indexation are taken as given, and carry none" in policy_page.words
    assert plots.projection(policy).to_dict()["title"]["text"][0].startswith("Cost of the package, 2026 to ")


@pytest.mark.parametrize(
    ("statistic", "param", "measure"),
    [
        ("scheme_share", "headcount, national", "headcount"),
        ("scheme_share", "gini", "gini"),
        ("generosity", "share of national", "generosity_of_line"),
        ("generosity", "", "generosity"),
        ("coverage", "children", "coverage"),
    ],
)
def test_parts_have_the_unit_of_what_they_are_of(statistic, param, measure):
    assert measure_of(statistic, param) == measure


MONTHLY = sp.Amount(20, "month")
SEEDED = {"draws": "seeded", "seed": 7}
TOLD = [
    (
        sp.Scheme("s", amount=sp.Schedule.by_age({(0, 5): MONTHLY, (6, 6): sp.Amount(1, "year")})),
        "20 coins a month at age 0 to 5; 1 coins a year at age 6",
    ),
    (
        sp.Scheme("s", amount=sp.Schedule.by_size({(1, 2): MONTHLY, (3, None): MONTHLY})),
        "20 coins a month in a household of 1 to 2; 20 coins a month in a household of 3 or more",
    ),
    (
        sp.Scheme("s", amount=sp.Schedule.flat(MONTHLY).tapered(starts=50, rate=0.4)),
        "20 coins a month, whole up to consumption per person of 50 coins a year, then less by 40% of what is above",
    ),
    (
        sp.Scheme("s", amount=sp.Schedule.flat(MONTHLY).tapered(starts=sp.Amount(0.5, "line:low"), ends=90)),
        "20 coins a month, whole up to consumption per person of 50% of the line low, "
        "then falling to nothing at 90 coins a year",
    ),
    (
        sp.Scheme("s", amount=MONTHLY, max_recipients=2, max_amount=sp.Amount(30, "month"), tops_up="aid"),
        "20 coins a month, for at most 2 of a household, at most 30 coins a month a household, "
        "less what the household has of aid",
    ),
    (
        sp.Scheme("s", amount=MONTHLY, replaces="aid", weeks=18),
        "20 coins a month, in place of aid, which everybody loses, for 18 weeks of a year",
    ),
    (sp.Scheme("s", amount=sp.Amount(500, "year"), birth=True, paid="total_per_birth"), "500 coins a birth"),
]


@pytest.mark.parametrize(("scheme", "words"), TOLD)
def test_amounts_are_told_in_words(scheme, words):
    assert amount_of(scheme, "coins", "year") == words


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"unless": "a"}, "every person not paid by a"),
        ({"unless": ("a", "b"), "unless_in": "household"}, "every person in a household not paid by a or b"),
        ({"per": "household", "unless": "a", "min_age": 65}, None),
        ({"pension": False, "min_age": 65}, "every person aged 65 or more who draws no pension"),
        ({"target": sp.Rank(0.4)}, "; of these the poorest 40% by the score, cut anew in every sample"),
        ({"target": sp.Affluence(0.2)}, "not the richest 20% of people by welfare, cut anew in every sample"),
        ({"target": sp.Threshold("line:low")}, "; of these, who is below the line low by welfare"),
        ({"target": sp.Threshold(50)}, "; of these, who is below 50 coins a year by welfare"),
        ({"exclusion_error": 0.1}, "; 10% of them missed, drawn at random with the seed 7"),
        ({"inclusion_error": 0.2}, "and others who are not eligible, 20% of the recipients"),
        ({"take_up": {"urbrur": {"Rural": 0.6}}}, "taken up by urbrur (Rural 60%)"),
        ({"take_up": "chance"}, "who takes it up with the probability in chance"),
        ({"phase_in": {2027: 0.25, 2030: 1.0}}, "25% of them, drawn at random with the seed 7; phased in: 25% from"),
    ],
)
def test_who_is_paid_is_told_in_words(more, words):
    scheme = sp.Scheme("s", amount=MONTHLY, **more)
    told = who_of(scheme) + target_of(scheme.target, "coins", "year") + drawn_of(scheme, SEEDED, 2028)
    assert (words or "every household not paid by a once, if a person aged 65 or more lives in it") in told


def test_draws_that_are_no_draws_say_so():
    scheme = sp.Scheme("s", amount=MONTHLY, coverage=0.5)
    assert drawn_of(scheme, {"draws": "exact"}) == (
        "; 50% of them, drawn at random and figures are means over all draws"
    )
    assert drawn_of(scheme, {"draws": "expected"}) == ", each at 50% of the amount"


@pytest.mark.parametrize("target", [sp.Rank(0.4, by="x"), sp.Affluence(0.2), sp.Threshold(3.0), sp.Threshold("line:a")])
def test_schemes_are_read_back_with_their_targets(target):
    scheme = sp.Scheme("s", amount=MONTHLY, target=target)
    assert scheme_from(asdict(scheme)) == scheme


# -- designs --------------------------------------------------------------------------------------------------------


def designed(**instead):
    """Return the example survey of two PSUs a stratum, and columns of populations, an order and replicate weights."""
    households, persons = sp.example_frames(320)
    n = len(households["hid"])
    more = {"areas": np.full(n, 4), "homes": np.full(n, 40), "position": households["ea"]}
    weights = {f"rw_{r}": households["hhweight"] * (1 + 0.1 * np.sin(r + households["ea"])) for r in range(1, 12)}
    given = {"psu": "ea", "strata": ["region", "urbrur"], "welfare": "pc_exp"}
    return sp.Survey({**households, **more, **weights}, persons, **given | instead)


DESIGNS = {
    "rao-wu": (
        sp.Bootstrap(10),
        {},
        [
            "n − 1 are drawn",
            "n / (n − 1) times",
            "seed 1",
            "Rao, J. N. K.",
            "number less 1; distances are from the mean",
        ],
    ),
    "draws": (sp.Bootstrap(10, draws=1), {}, ["1 is drawn with", "λ = √(1 / (n − 1));"]),
    "one fpc": (sp.Bootstrap(10), {"fpc": "areas"}, ["λ = √(1 − f), with f", "of households within PSUs adds is left"]),
    "two stages": (
        sp.Bootstrap(10, mse=True),
        {"fpc": ["areas", "homes"]},
        [
            "Households are drawn within",
            "c = √(f / (2 − f))",
            "Beaumont",
            "from the value of the full",
            "homes, of households",
        ],
    ),
    "jackknife": (
        sp.Jackknife(),
        {"single_psu": "centered"},
        [
            *("16 replicates of a jackknife", "each times (n − 1) / n; distances are from the value", "Wolter"),
            *("Quantiles do not move smoothly", "A stratum of one PSU varies by its distance from the mean"),
        ],
    ),
    "jackknife, fpc": (sp.Jackknife(mse=False), {"fpc": "areas"}, ["(1 − f) (n − 1) / n, with f", "from the mean"]),
    "brr": (sp.BRR(), {}, ["12 balanced half samples", "by 2, the other by 0;", "their number; distances", "McCarthy"]),
    "fay": (sp.BRR(0.3), {}, ["by 1.7, the other by 0.3, with Fay’s coefficient", "and by 0.49; distances", "Judkins"]),
    "successive": (
        sp.SuccessiveDifference(["position"]),
        {"strata": None},
        ["20 replicates of successive differences", "in the order of position", "times 4 and divided", "Train"],
    ),
    "columns": (
        sp.ReplicateColumns("rw_*", "Fay", fay=0.5),
        {"psu": None, "strata": None},
        [
            *("Standard errors rest on 11 replicate weights", "rw_*, of the kind Fay with the coefficient 0.5."),
            *("is 0.363636 times", "rank of the replicate weights less 1", "Lumley"),
        ],
    ),
    "scales": (
        sp.ReplicateColumns(["rw_1", "rw_2"], "JKn", rscales=[0.5, 0.5], df=9),
        {},
        [
            "2 columns, rw_1 to rw_2, of the kind JKn.",
            "each times a scale of its own",
            "Degrees of freedom are 9, as was",
        ],
    ),
}


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.filterwarnings("ignore:fpc should name a second stage")
def test_methods_tell_the_design(monkeypatch, name):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    design, instead, told = DESIGNS[name]
    found = sp.assess(designed(**instead), [], lines={"national": 60.0}, by=[], replicates=design).findings()
    page = Page(render(found))
    assert not [words for words in told if words not in page.words]
    methods = page.words.replace("Replicates are a ", "Replicates are ")
    others = ("Rao–Wu", "delete-one", "balanced half", "those of successive", "weights that came")
    assert sum(f"Replicates are {words}" in methods for words in others) == 1
    assert ("; seed" in page.words) == isinstance(design, sp.Bootstrap)
    assert not glued(page)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (None, "symmetric on the logit for proportions"),
        ("t", "symmetric on the figure itself, as was asked for"),
        ("percentile", "quantiles of the replicates, as was asked for ["),
        ("basic", "mirrored at the figure ["),
        ("bca", "moved by the bias and the skewness of the figure ["),
    ],
)
@pytest.mark.filterwarnings("ignore:interval=")
def test_methods_tell_the_interval_asked_for(monkeypatch, interval, words):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    page = Page(render(sp.assess(designed(), [], by=[], replicates=sp.Bootstrap(50), interval=interval).findings()))
    assert words in page.words
    assert ("Student’s t" in page.words) == (interval in (None, "t"))


def test_a_line_that_is_a_share_of_a_quantile(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    lines = {"relative": sp.RelativeLine(0.6), "low": sp.RelativeLine(0.5, q=0.4), "fixed": 60.0}
    result = sp.assess(designed(), [], lines=lines, by=[], replicates=sp.Bootstrap(10))
    page = Page(render(result.findings()))
    titles = ["".join(cells[0]) for cells in page.table("Poverty by line") if len(cells) == 1]
    assert [title.partition(": ")[2] for title in titles] == [
        "relative 60% of the median",
        "low 50% of the quantile 0.4",
        "fixed 60 local currency per person and month",
    ]
    assert "relative: 60% of the median" in page.words
    assert "that are a share of a quantile are drawn anew" in page.words


def test_flags_are_explained_where_they_occur(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)

    def explained(findings):
        text = Page(render(findings)).words.partition("Flags")[2]
        flags = ("one-sided", "tail-sensitive", "hinges on the cut", "interrupted")
        return [flag for flag in flags if flag in text.partition("Sources")[0]]

    plain = sp.assess(designed(), [], lines={"national": 60.0}, replicates=sp.Bootstrap(10), by=[]).findings()
    plain.estimates["flag"] = ""
    assert explained(plain) == []
    survey = designed()
    none = sp.assess(survey, [], lines={"nobody": 0.01}, replicates=sp.Bootstrap(10), by=[]).findings()
    assert none.estimates["flag"].str.contains("one-sided").any()
    assert "one-sided" in explained(none)
    page = Page(render(none))
    assert "they have a one-sided limit, that of no case" in page.words
    _, _, cells, *_ = page.table("Poverty by line")
    people = np.bincount(survey.design.psu, survey.people)
    limit = 100 * (1 - 0.05 ** (1 / (people.sum() ** 2 / (people**2).sum())))
    assert cells[2][:2] == ["0.0", f"0.0 to {limit:.1f}"]
    assert cells[3][0] == "one-sided"
    plain.estimates.loc[0, "flag"] = "tail-sensitive;hinges on the cut"
    assert explained(plain) == ["tail-sensitive", "hinges on the cut"]


def test_what_was_interrupted_says_so(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    told = []

    def stop(progress):
        told.append(progress.done)
        if len(told) == 1:
            raise KeyboardInterrupt

    result = sp.assess(designed(), [], replicates=sp.Bootstrap(1000), progress=stop, n_threads=1)
    page = Page(render(result.findings()))
    assert f"stopped when {result.replicates:,} of 1,000 replicates were finished" in page.words
    assert "interruptedthe run was stopped before all replicates" in page.words


# -- what is not there ----------------------------------------------------------------------------------------------


def sections(page):
    return [a["aria-labelledby"] for tag, a in page.tags if tag == "section"]


def test_without_a_package_nothing_is_said_of_one(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    page = Page(render(assessed(sp.example_survey(400), package=None).findings()))
    assert not {"cost", "receipt"} & set(sections(page))
    assert {"poverty", "inequality", "consumption", "gaps"} <= set(sections(page))
    assert "No package was asked for" in page.words
    assert "our inference" not in page.words
    head, *_ = page.table("The groups: clean fuel")
    assert [cell[0] for cell in head] == ["Group", "Share", "n", "Before", "Flag"]
    assert "After" not in {cell[0] for table in page.tables for cell in table["rows"][0]}


def test_a_survey_s_own_figures_are_a_report(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    page = Page(render(sp.assess(sp.example_survey(400), [], replicates=sp.Bootstrap(10)).findings()))
    assert sections(page) == ["brief", "inequality", "consumption", "domains", "survey", "methods", "manifest"]
    assert "Neither an opportunity nor a package was asked for" in page.words
    assert all(table["rows"][1:] for table in page.tables)


def test_a_survey_without_welfare_or_design(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    households, persons = sp.example_frames(400)
    survey = sp.Survey(households, persons)
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    package = sp.Package([sp.household_benefit(sp.Amount(5, "month"))])
    page = Page(render(sp.assess(survey, [opportunity], package, replicates=sp.Bootstrap(10)).findings()))
    assert not {"poverty", "inequality", "consumption"} & set(sections(page))
    assert "none named, so that each household is its own" in page.words
    assert "nothing is said of poverty, inequality or consumption" in page.words
    assert "Nothing changes: the package lifts nobody from one group to another" in page.words
    assert "Neither GDP nor government revenue was given" in page.words
    assert "local currency a year" in page.words
    assert all(table["rows"][1:] for table in page.tables)


def test_a_tree_that_finds_nothing():
    survey = sp.example_survey(400)
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["head_sex"])
    tree = sp.OpportunityTree(max_depth=0)
    page = Page(render(sp.assess(survey, [opportunity], by=[], tree=tree, replicates=sp.Bootstrap(10)).findings()))
    assert "No circumstance splits the population under the rule of the tree" in page.words
    _, row = page.table("The groups: internet")
    assert "furthest" not in row[0][2]
    shown = " ".join("".join(cell) for table in page.tables for row in table["rows"] for cell in row)
    assert not re.search("Furthest|Gap|Between the tree", shown)
    assert "Between all combinations" in shown
    assert "Furthest behind, average" not in page.words  # the title of the picture of gaps
    assert not any("branch by branch" in table["caption"] for table in page.tables)
    estimates = content_of(page.links["estimates.csv"].split(",", 1)[1])
    assert {"gap", "furthest_behind", "furthest_ahead"} <= set(estimates["statistic"])  # they stay in the frame


def test_an_opportunity_without_a_split_leaves_the_others_theirs(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    survey = sp.example_survey(400)
    whole = sp.Opportunity("flat", outcome="internet", circumstances=["head_sex"])
    split = sp.Opportunity("internet", outcome="internet", circumstances=["bottom40", "urbrur"])
    tree = sp.OpportunityTree(cp=0.02)
    result = sp.assess(survey, [whole, split], tree=tree, replicates=sp.Bootstrap(10))
    assert len(result.trees["flat"].groups_) == 1
    page = Page(render(result.findings()))
    _, *rows = page.table("Access and its gap")
    labels = [cells[0][0].strip() for cells in rows]
    ends = [
        f"{end}{of}"
        for end in ("Furthest behind", "Furthest ahead", "Gap between them")
        for of in ("", ", cross-validated")
    ]
    assert labels == ["flat", "Access", "internet", "Access", *ends]
    _, *rows = page.table("Dissimilarity index")
    assert [cells[0][0] for cells in rows].count("Between the tree’s groups") == 1
    assert [cells[0][0] for cells in rows].count("Between all combinations of circumstances") == 2
    assert "under this rule for “flat”" in page.words


def test_what_is_withheld_is_a_dash(monkeypatch):
    survey = sp.example_survey(400)
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["bottom40", "ea"])
    package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    tree = sp.OpportunityTree(min_obs=5, min_share=0.0)
    result = sp.assess(survey, [opportunity], package, by=["ea"], tree=tree, replicates=sp.Bootstrap(10))
    found = result.findings()
    groups = found.groups
    few, marked = groups["n"] < 25, (groups["n"] >= 25) & (groups["n"] < 50)
    assert few.any()
    assert marked.any()
    page = Page(render(found))
    _, *rows = page.table("The groups: internet")
    for cells, hidden, bracketed in zip(rows, few, marked, strict=True):
        texts = [cell[0] for cell in cells[3:6]]
        if hidden:
            assert texts == ["—"] * 3
            assert cells[6][0] == "—"
            assert "withheld (n<25)" in cells[7][0]
        else:
            assert all((text[0] + text[-1] == "()") == bracketed for text in texts)
    assert "What is withheld rests on fewer than 25 unweighted cases." in page.words
    assert "Who would gain is not added up" in page.words
    _, *rows = page.table("Breakdown")
    rows = [cells for cells in rows if len(cells) > 1 and int(cells[1][0]) < 25]
    assert rows
    assert all(cell[0] in ("—", "") for cells in rows for cell in cells[2:5])
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    open_page = Page(render(result.findings(disclosure="none")))
    assert "Nothing is withheld" in open_page.words
    assert not any("withheld" in cell[0] for table in open_page.tables for row in table["rows"] for cell in row)
    for read in (page, open_page):
        assert not glued(read)
        sentences = " ".join(read.words.split("In brief", 2)[2].split("What was asked")[0].split())
        assert not re.search(r"\([\d,.−]+%?( points)?\)", sentences)  # parentheses hold intervals there, not figures
    assert "Figures in parentheses rest on fewer than 50 unweighted cases." in page.words
    every, why = counted(page.words)
    assert every[0] - every[2] == sum(why.values())
    assert why["withheld"] == found.estimates["flag"].str.contains("withheld").sum()


def glued(page):
    """Return sentences that lack the space between them."""
    return re.findall(r"\S*[a-z)%]\.[A-Z0-9]\S*", " ".join("".join(page.prose).split()))


def text_of(*schemes, disclosure="dhs", opportunities=(), by=(), **more):
    """Return the words of a report on some schemes."""
    package = sp.Package(schemes, **more)
    how = {"by": by, "replicates": sp.Bootstrap(10), "n_threads": 1}
    result = sp.assess(sp.example_survey(400), opportunities, package, ECONOMY, **how)
    with pytest.MonkeyPatch.context() as without:
        without.setattr(plots, "svg", lambda chart, prefix: PLAIN)
        page = Page(render(result.findings(disclosure)))
    assert not glued(page)
    return page.words.replace("\N{NO-BREAK SPACE}", " "), page


def test_a_package_that_pays_nobody_is_told_as_such():
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["bottom40", "urbrur"])
    words, _ = text_of(sp.old_age_pension(sp.Amount(8, "month"), min_age=120), opportunities=[opportunity])
    assert "What the package changes Nothing: nobody in the survey receives a benefit of this package." in words
    assert "What it costs Nothing: nobody is paid." in words
    assert "does not move" not in words
    assert "no figure" not in words


def test_a_package_that_pays_too_few_is_told_as_such():
    words, _ = text_of(sp.household_benefit(sp.Amount(8, "month"), coverage=0.04))
    assert re.search(r"What the package costs, and to how many it is paid, is withheld: n = \d+ recipients", words)
    assert "paid to withheld" not in words
    assert "withheld of GDP" not in words


def test_who_is_paid_once_a_household_is_a_recipient():
    words, page = text_of(
        sp.household_benefit(sp.Amount(8, "month"), coverage=0.2), sp.child_benefit(sp.Amount(2, "month"))
    )
    assert re.search(r"paid to [\d,]+ recipients \(", words)
    assert "Where a benefit is paid per household, one recipient stands for the household." in words
    _, *rows = page.table("The package")
    assert [cells[3][0] for cells in rows] == [
        "every household once; 20% of them, drawn at random with the seed 1",
        "every person aged 0 to 17",
    ]
    words, page = text_of(sp.child_benefit(sp.Amount(2, "month"), coverage=0.5), draws="expected")
    assert re.search(r"paid to [\d,]+ people \(", words)
    assert page.table("The package")[1][3][0] == "every person aged 0 to 17, each at 50% of the amount"


def test_a_threshold_above_that_of_parentheses_leaves_none():
    words, page = text_of(sp.child_benefit(sp.Amount(2, "month")), disclosure=60, by=None)
    assert "Figures from fewer than 60 unweighted cases are withheld." in words
    assert "stand in parentheses" not in words
    assert "figure stands in parentheses" not in words
    assert not any(cell[0].startswith("(") for table in page.tables for row in table["rows"] for cell in row)
    words, _ = text_of(sp.child_benefit(sp.Amount(2, "month")))
    assert "are withheld; those from fewer than 50 stand in parentheses in tables" in words


def test_incidence_is_of_the_levels_that_were_asked_for(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    package = sp.Package([sp.child_benefit(sp.Amount(2, "month"))])
    result = sp.assess(sp.example_survey(400), [], package, by=["region"], replicates=sp.Bootstrap(10))
    words = Page(render(result.findings())).words
    assert "decile’s share" not in words
    assert "Benefit incidence is a group’s share of all that is paid" in words


# -- escaping -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile():
    households, persons = sp.example_frames(400)
    bad = HOSTILE
    rename = {"Rural": bad["script"], "Urban": bad["image"]}
    households[bad["image"]] = np.array([rename[label] for label in households.pop("urbrur").tolist()])
    fuel = {"Gas": bad["image"], "Electricity": bad["script"]}
    households["cook_fuel"] = np.array([fuel.get(label, label) for label in households["cook_fuel"].tolist()])
    households["region"] = np.array([f"{label}{bad['style']}" for label in households["region"].tolist()])
    survey = sp.Survey(
        households,
        persons,
        person="pid",
        welfare="pc_exp",
        psu="ea",
        strata=["region", bad["image"]],
        roles={"disability": "disability", "relation": "relation"},
        derive={bad["template"]: "head(educ)"},
    )
    opportunities = [
        sp.Opportunity(
            name,
            outcome=f"cook_fuel in ('{bad['image']}', '{bad['script']}')",
            circumstances=["bottom40", bad["image"], bad["template"]],
        )
        for name in (bad["title"], bad["address"])
    ]
    girls = sp.Scheme(
        bad["script"], f"age < 18 and cook_fuel != '{bad['script']}'", amount=sp.Amount(5, f"line:{bad['style']}")
    )
    economy = sp.Economy(bad["image"], lines={bad["style"]: 60.0, bad["template"]: 30.0})
    return sp.assess(
        survey, opportunities, sp.Package([girls]), economy, by=[bad["image"], "decile"], replicates=sp.Bootstrap(10)
    )


def test_whatever_data_say_is_text(hostile):
    study = {"study": {"file": HOSTILE["script"], "sha256": HOSTILE["image"]}}
    html = render(hostile.findings(study=study))
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "p", "nav", "ol", "ul"),
        *("li", "main", "section", "b", "i", "strong", "span", "bdi", "code", "dl", "dt", "dd", "div", "table"),
        *("caption", "thead", "tbody", "tr", "th", "td", "small", "figure", "figcaption", "br", "sub", "pre"),
        *("svg", "g", "path", "rect", "line", "circle", "text", "tspan", "desc", "defs", "clippath"),
    }
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert "javascript" not in attributes.get("href", "")
        assert all(value is None or "alert" not in value for key, value in attributes.items() if key != "aria-label"), (
            tag
        )
    for text in HOSTILE.values():
        assert text in page.words
        assert text in "".join(page.text)
    assert "{{7*7}}" in page.words
    assert html.count("<script") == 0
    assert html.count("<title") == html.count("</title>")


def test_labels_of_every_script_keep_their_direction(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    survey = sp.example_survey(400)
    names = ["ދިވެހި", "خرطوم", "ភ្នំពេញ"]
    opportunities = [sp.Opportunity(name, outcome="internet", circumstances=["urbrur"]) for name in names]
    result = sp.assess(survey, opportunities, replicates=sp.Bootstrap(10))
    html = render(result.findings())
    assert all(f"<bdi>{name}</bdi>" in html for name in names)
    assert all(f"<bdi>{name}" in result._repr_html_() for name in names)


def test_characters_that_turn_text_around_are_shown_and_not_obeyed(monkeypatch):
    monkeypatch.setattr(plots, "svg", lambda chart, prefix: PLAIN)
    name = "inter\u202etenretni\u2066"
    opportunity = sp.Opportunity(name, outcome="internet", circumstances=["urbrur"])
    result = sp.assess(sp.example_survey(400), [opportunity], replicates=sp.Bootstrap(10))
    html = render(result.findings())
    for text in (html, result._repr_html_()):
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
        assert "inter\\u202etenretni\\u2066" in text
    assert "<title>Who is left behind: inter\\u202etenretni\\u2066</title>" in html
    (shown,) = re.findall(r'<pre class="long".*?>(.*?)</pre>', html, re.S)
    assert json.loads(unescape(shown))["asked"]["opportunities"][0]["name"] == name  # JSON says it so as well


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<foreignObject/>",
        '<image href="http://example.org/x.png"/>',
        '<g onclick="alert(1)"/>',
        '<a href="https://example.org"><text>x</text></a>',
        '<rect style="fill:url(http://example.org)"/>',
        '<rect fill="url(http://example.org)"/>',
        "<style>*{}</style>",
    ],
)
def test_a_picture_that_does_more_than_draw_is_refused(inside):
    with pytest.raises(AssertionError, match="a picture must draw"):
        checked(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')
    with pytest.raises(AssertionError, match="a declaration"):
        checked(f'<!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')
    assert checked('<svg xmlns="http://www.w3.org/2000/svg"><rect clip-path="url(#a)"/></svg>')


# -- what it needs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacking", ["jinja2", "altair", "vl_convert"])
def test_what_is_not_installed_is_named(monkeypatch, found, lacking):
    monkeypatch.setitem(sys.modules, lacking, None)
    with pytest.raises(
        sp.InputError, match=rf"{lacking}.* is not installed\. Install them: pip install 'sp2lnob\[report\]'"
    ):
        render(found)


def test_nothing_of_it_is_imported_before_it_is_asked_for():
    code = "import sys, sp2lnob as sp; sp.assess; print(*sorted(sys.modules))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"jinja2", "altair", "vl_convert", "markupsafe"} & set(made)


# -- notebooks ------------------------------------------------------------------------------------------------------


def test_notebooks_show_tables_without_styles_or_scripts(hostile):
    tree = hostile.tree(HOSTILE["title"])
    for thing in (hostile, hostile.survey, hostile.estimates, tree):
        shown = thing._repr_html_()
        page = Page(shown)
        assert {tag for tag, _ in page.tags} <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "bdi", "p"}
        assert not page.ids
        assert all(set(attributes) <= {"style", "scope"} for _, attributes in page.tags)
        assert "color:" not in shown.replace("color:inherit", "")
    assert HOSTILE["image"] in Page(hostile.survey._repr_html_()).words
    assert HOSTILE["script"] in Page(tree._repr_html_()).words


def test_notebooks_show_the_figures(found):
    result = assessed(sp.example_survey(400))
    page = Page(result._repr_html_())
    _, *rows = page.table("clean fuel")
    groups = result.groups[result.groups["opportunity"] == "clean fuel"]
    for cells, row in zip(rows, groups.to_dict("records"), strict=True):
        assert cells[0][0] == row["label"]
        assert number(cells[3][0]) == pytest.approx(100 * row["before"], abs=0.0501)
    shown = Page(result.estimates._repr_html_())
    (table,) = shown.tables
    assert len(table["rows"]) == 41
    assert f"… {len(result.estimates.rows) - 40:,} more" in shown.words
    mean = result.estimates.value[0]
    assert number(table["rows"][1][table["rows"][0].index(["value", "", ""])][0]) == pytest.approx(mean, rel=1e-3)


def test_notebooks_withhold_what_a_publication_may_not_show():
    """A notebook is published as it stands; the frames that were asked for by name hold all."""
    opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["bottom40", "ea"])
    tree = sp.OpportunityTree(min_obs=5, min_share=0.0)
    result = sp.assess(sp.example_survey(400), [opportunity], by=["ea"], tree=tree, replicates=sp.Bootstrap(10))
    assert (result.groups["n"] < 25).any()
    page = Page(result._repr_html_())
    _, *rows = page.table("internet, from")
    for cells, n in zip(rows, result.groups["n"], strict=True):
        assert (cells[3][0] == "—") == ("withheld" in cells[5][0]) == (n < 25)
    assert "fewer than 25 unweighted cases are withheld here: groups and estimates.frame() hold all" in page.words
    assert result.groups["before"].notna().all()
    few = sp.estimate(sp.example_survey(400), [sp.MeanWelfare()], by=["ea"], replicates=sp.Bootstrap(10))
    head, *rows = Page(few._repr_html_()).tables[0]["rows"]
    value, n, flag = ([cell[0] for cell in head].index(name) for name in ("value", "n", "flag"))
    assert [cells[value][0] == "" for cells in rows] == [int(cells[n][0]) < 25 for cells in rows]
    assert all("withheld" in cells[flag][0] for cells in rows[1:])
    for text in (repr(few), few._repr_html_()):
        assert "withheld here: frame() holds all" in text
    assert f"{few.value[0]:.5g}" in repr(few)
    assert not any(f"{value:.5g}" in repr(few) for value in few.value[1:])
    assert "withheld" not in repr(sp.estimate(sp.example_survey(400), [sp.MeanWelfare()], replicates=sp.Bootstrap(10)))


def test_a_tree_shows_its_groups_once_it_is_fitted():
    tree = sp.OpportunityTree(min_obs=1, min_share=0)
    assert tree._repr_html_() is None
    assert tree._repr_mimebundle_() == {"text/plain": repr(tree)}
    tree.fit({"area": ["a", "b"]}, [0, 1], sample_weight=[1, 1])
    assert set(tree._repr_mimebundle_()) == {"text/plain", "text/html"}
    (table,) = Page(tree._repr_html_()).tables
    assert [cells[4][0] for cells in table["rows"][1:]] == ["furthest behind", "furthest ahead"]


# -- digits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "value", "text"),
    [
        ("share", [0.3, 0.5], 0.12345, "12.3"),
        ("share", [0.3, 0.5], 0.00012, "0.01"),
        ("share", [0.001, 0.002], 0.0012, "0.12"),
        ("share", [0.3], 0.0, "0.0"),
        ("share", [0.3], -0.0, "0.0"),
        ("share", [0.3], -1e-18, "0.0"),
        ("share", [0.3], float("nan"), "—"),
        ("index", [0.3], 0.32049, "0.320"),
        ("money", [1500.0], 1234.5678, "1,235"),
        ("money", [107.0], 107.817, "107.8"),
        ("money", [5.0], 5.6186, "5.62"),
        ("money", [159_254_000.0], 159_254_000.0, "159.3"),
        ("money", [3e12], 3.456e12, "3,456"),
        ("count", [1_166_962.0], 1_166_962.4, "1,166,962"),
        ("count", [1.2e7], 1.25e7, "12.50"),
    ],
)
def test_digits_follow_the_column(kind, values, value, text):
    assert form_of(kind, values).text(value) == text


def test_a_change_has_its_sign():
    form = form_of("share", [0.05], signed=True)
    assert (form.text(0.05), form.text(-0.05), form.text(0.0)) == ("+5.0", f"{MINUS}5.0", "0.0")
    assert form.ends(-0.05, 0.02) == f"{MINUS}5.0 to 2.0"
    assert form.ends(-1e-7, 0.02) == "0.0 to 2.0"
