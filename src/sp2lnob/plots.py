"""Pictures of what was found, as Altair charts.

A picture knows ``Findings`` alone. What has an interval shows it; what was withheld is a hollow mark at the axis and
the word, and never a zero. Before is hollow and grey, after is filled; who is furthest behind or ahead has a shape of
its own, so that nothing rests on colour alone.

Those across surveys stand in ``_across``, that of a comparison in ``_side_by_side``, those of years to come in
``_over_time``. Below: what findings say; opportunities; welfare; the package; files.
"""

import io
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import _canvas, _tree_layout
from ._across import average_dissimilarity, dissimilarities, gaps
from ._canvas import (
    BEFORE,
    BOLD,
    CHANGE,
    ENDS,
    GREY,
    INDEX,
    INK,
    LEADING,
    LINE,
    MONEY,
    OF_GDP,
    PERCENT,
    SMALL,
    TEXT,
    Align,
    Axis,
    Canvas,
    Format,
    Lane,
    Point,
    Row,
    axis_of,
    canvas_of,
    case_notes,
    draw,
    minus,
    percent,
    sentence,
    wrap,
)
from ._over_time import projection
from ._side_by_side import side_by_side
from ._tree_layout import Branch
from ._validate import fail, fail_if_unknown, fail_type
from .best_package import Search, published
from .disclosure import few_cases, least_cases
from .effects import effect_of
from .findings import Findings

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

__all__ = [
    "average_dissimilarity",
    "cost",
    "coverage",
    "dissimilarities",
    "dissimilarity",
    "effects",
    "front",
    "gain",
    "gap",
    "gaps",
    "groups",
    "lorenz",
    "poverty",
    "projection",
    "save",
    "shares",
    "side_by_side",
    "svg",
    "tree",
]

WIDTH = 600  # pixels; shown on a phone, its text is still 8 pixels high
RATE = 62.0  # room for a rate on the right of a tree
NO_SCHEMES = "no schemes"  # the scenario without the benefits that exist
ANEW = "new sample"  # word of the lane of cross-validated ends
ASK = {
    "opportunity": "Name an opportunity in assess().",
    "welfare": "Give the Survey welfare=.",
    "line": "Give assess() lines=, and name the column in by=.",
    "shapley": "Give assess() shapley=True.",
    "package": "Give assess() a package, and name the column in by=.",
    "effect": "Give assess() a package, and effect=['reroute', 'interpolate', 'logit', 'refit'].",
}
UNITS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


class Found(Protocol):
    """Anything that holds findings: an ``Assessment``, or ``Findings`` themselves."""

    def findings(self) -> Findings:
        """Return what is published."""
        ...


# -- what findings say ----------------------------------------------------------------------------------------------


def _needs(module: str, what: str) -> None:
    """Fail if a package that only pictures need is not installed."""
    try:
        import_module(module)
    except ImportError:
        fail(what, "it is not installed", "Install it: pip install 'sp2lnob[report]'.")


def _findings(result: Found) -> Findings:
    """Return findings, if there is something to draw them with."""
    _needs("altair", "Pictures need altair")
    if not hasattr(result, "findings"):
        fail_type("A picture takes an Assessment or Findings", result, "Pass what assess() or read_results() returned.")
    return result.findings()


def _asked(found: Findings, *names: str) -> Any:
    """Return what the manifest holds of what was asked, or None."""
    value: Any = found.manifest.get("asked")
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _intervals(found: Findings) -> str:
    return f"{100 * float(_asked(found, 'level') or 0.95):g}% intervals"


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _rows(found: Findings, **fields: str) -> list[dict[str, Any]]:
    """Return the tidy rows that have these fields."""
    frame = found.estimates
    for name, value in fields.items():
        frame = frame[frame[name] == value]
    return _records(frame)


def _pick(found: Findings, what: str, ask: str, **fields: str) -> list[dict[str, Any]]:
    """Return the tidy rows that have these fields; there must be one."""
    rows = _rows(found, **fields)
    if not rows:
        named = ", ".join(f"{name} {value!r}" for name, value in fields.items())
        fail(f"A picture of {what} must have rows of {named}", "there are none", ask)
    return rows


def _point(row: Mapping[str, Any], names: Iterable[str] = ("value", "ci_low", "ci_high"), **style: Any) -> Point:
    """Return the point of a row, whose figure and interval have these names."""
    value, low, high = (float(row[name]) for name in names)
    return Point(value, low, high, str(row["flag"]), int(row["n"]), **style)


def _by(key: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Point]:
    """Return the points of rows by what a field holds."""
    return {str(row[key]): _point(row) for row in rows}


def _in_scenario(point: Point, scenario: str) -> Point:
    """Return a point as a scenario is drawn: before is hollow and grey, after is filled."""
    style: dict[str, Any] = {"colour": BEFORE, "filled": False} if scenario in ("before", NO_SCHEMES) else {}
    return replace(point, series=scenario, **style)


def _lane(point: Point, word: str = "", form: Format = PERCENT) -> Lane:
    """Return the lane of one point, its figure and a word on the right."""
    return Lane([point], point.text(form) if point.there else "", word)


def _change(point: Point | None) -> str:
    """Return a change of a share in words, with its interval."""
    if point is None or not point.there:
        return ""
    return f"{CHANGE.text(point.value)} points{CHANGE.interval(point.low, point.high)}"


def _has_after(found: Findings) -> bool:
    return bool((found.estimates["scenario"] == "after").any())


def _unique(key: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row[key]) for row in rows))


def _levels(by: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the levels of a domain as readers know them: numbers by their size, others as they come."""
    levels = _unique("level", rows)
    if all(level.isdecimal() for level in levels):
        levels.sort(key=int)
    names = {level: level for level in levels}
    if by in ("decile", "quintile") and len(levels) > 1:
        names |= {levels[0]: f"poorest {levels[0]}", levels[-1]: f"richest {levels[-1]}"}
    return names


# -- opportunities --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """A group of an opportunity's tree."""

    row: Mapping[str, Any]
    end: str  # "behind", "ahead" or neither

    @property
    def label(self) -> str:
        return str(self.row["label"])

    def point(self, scenario: str) -> Point:
        """Return its rate, or the change of it."""
        colour, shape, _ = ENDS[self.end]
        return _point(self.row, (scenario, f"{scenario}_low", f"{scenario}_high"), colour=colour, shape=shape)


@dataclass(frozen=True)
class _Opportunity:
    """What is known of an opportunity: what was asked, its groups, and the rate of everybody before."""

    asked: Mapping[str, Any]
    groups: Mapping[int, _Group]
    average: Point
    intervals: str

    @property
    def barrier(self) -> bool:
        return self.asked.get("kind") == "barrier"

    def share(self, row: Mapping[str, Any]) -> str:
        """Return the share of a group or node, and of whom."""
        households = self.asked.get("unit") == "household" and self.asked.get("weigh") == "households"
        return f"{percent(row['share'])} of {'households' if households else 'people'}"

    def headline(self) -> str:
        """Return average and extremes in words."""
        parts = [f"{self.average.with_interval(PERCENT)} on average"] if self.average.there else []
        for end in ("behind", "ahead"):
            ends = (group.point("before") for group in self.groups.values() if group.end == end)
            parts += [f"{point.text(PERCENT)} furthest {end}" for point in ends]
        return f"{'Barrier' if self.barrier else 'Access'}: {', '.join(parts)}." if parts else ""

    def reading(self, what: str = "Bars") -> list[str]:
        """Return how to read groups: which are the ends, and what has no interval."""
        read = f"{what} are {self.intervals}"
        if len(self.groups) < 2:
            return [f"{read}."]
        barrier = ["This is a barrier: the highest rate is furthest behind."] if self.barrier else []
        counted = any(group.point("before").ends for group in self.groups.values() if group.end)
        told = "." if counted else "; the two ends were picked for their rates and have none."
        return [*barrier, f"{read}{told}"]


def _asked_of(found: Findings, name: str) -> Mapping[str, Any]:
    """Return what was asked of an opportunity, as far as it is known."""
    fail_if_unknown(name, found.trees, "An opportunity")
    listed = _asked(found, "opportunities") or []
    return next((asked for asked in listed if asked.get("name") == name), {})


def _opportunity(found: Findings, name: str) -> _Opportunity:
    """Return an opportunity with its groups by their numbers, from the furthest behind to the furthest ahead."""
    asked = _asked_of(found, name)
    rows = _records(found.groups[found.groups["opportunity"] == name])
    groups = {}
    for row in rows:
        end = "behind" if row["furthest_behind"] else "ahead" if row["furthest_ahead"] else ""
        groups[int(row["group"])] = _Group(row, end if len(rows) > 1 else "")
    average = _rows(found, statistic="access", of=name, scenario="before", by="all")
    point = _point(average[0], series="average") if average else Point(math.nan)
    return _Opportunity(asked, groups, point, _intervals(found))


def tree(result: Found, opportunity: str, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw who is left behind: everybody on the left, and branch by branch the groups on the right.

    Parameters
    ----------
    result : Assessment or Findings
    opportunity : str
        Its name.
    width : float, default 600
        Of the picture, in pixels: 300 or more. Its height follows from what there is to show.

    Returns
    -------
    altair.LayerChart
        A branch is as thick as its share of people is large; a group's rate stands on the axis with its interval.

    Raises
    ------
    InputError
        If there is no such opportunity, or altair is not installed.

    References
    ----------
    ESCAP, LNOB Platform: the tree of an opportunity.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
    >>> plots.tree(result, "internet").to_dict()["title"]["text"]
    ['Who is left behind: internet']

    Nothing parts people enough, and everybody is one group:

    >>> result = sp.assess(survey, [opportunity], tree=sp.OpportunityTree(min_obs=400), replicates=sp.Bootstrap(10))
    >>> plots.tree(result, "internet").to_dict()["title"]["subtitle"][1]
    'No circumstance parts people: everybody is one group. Bars are 95% intervals.'
    """
    found = _findings(result)
    about = _opportunity(found, opportunity)
    branches = _tree_layout.branches(found.trees[opportunity], about.barrier)
    picture = _Tree(about, branches, canvas_of(width))
    bottom = picture.draw()
    head, alone = about.headline(), len(branches) == 1
    how = (
        "No circumstance parts people: everybody is one group."
        if alone
        else "Branches are as thick as their share is large."
    )
    reading = about.reading("Bars" if picture.wide else "Ranges")
    told = sentence(
        [
            f"{group.label}: {group.point('before').with_interval(PERCENT)}, {about.share(group.row)}"
            for group in about.groups.values()
        ]
    )
    return picture.canvas.chart(
        bottom + (24 if picture.wide else 6),
        f"Who is left behind: {opportunity}",
        [head, " ".join([how, *reading, *case_notes(map(picture.point, branches))])],
        f"{head} From the group furthest behind to the furthest ahead: {told}",
    )


@dataclass(frozen=True)
class _Tree:
    """A tree on a canvas: branches on the left; rates with their intervals, and in figures, on the right."""

    about: _Opportunity
    branches: Sequence[Branch]
    canvas: Canvas

    @property
    def wide(self) -> bool:
        """Whether there is room for an axis; if not, intervals are written."""
        return self.canvas.width >= 460

    @property
    def strip(self) -> float:
        """The room of the axis."""
        return 0.24 * self.canvas.width if self.wide else 0.0

    def group(self, branch: Branch) -> _Group | None:
        """Return the group that a branch leads to."""
        return self.about.groups[branch.node["group"]] if "group" in branch.node else None

    def point(self, branch: Branch) -> Point | None:
        """Return the rate that findings hold: that of a group, or of everybody."""
        if group := self.group(branch):
            return group.point("before")
        return None if branch.depth else self.about.average

    def draw(self) -> float:
        """Draw everything; return where it ends."""
        right = self.canvas.width - RATE - 8
        known = _canvas.extent(map(self.point, self.branches))
        axis = axis_of(known, right + 16 - self.strip, right, None)
        x = _tree_layout.columns(self.branches, (0.3 if self.wide else 0.2) * self.canvas.width)
        y: dict[int, float] = {}
        bottom = 0.0
        for branch in self.branches:
            tall = self._write(branch, x[branch.at] + 14, bottom)
            y[branch.at] = bottom + tall / 2
            self._rate(branch, axis, y[branch.at])
            bottom += tall
        if self.wide:
            self._rule(axis, bottom)
        if len(self.branches) > 1:
            self._grow(x, y)
        return bottom

    def _write(self, branch: Branch, left: float, top: float) -> float:
        """Write what a branch leads to; return how much room that takes."""
        group, point = self.group(branch), self.point(branch)
        end = group.end if group else ""
        room = self.canvas.width - RATE - self.strip - left - 6
        lines = wrap(branch.label, room, BOLD * TEXT)
        self.canvas.text(left, top + 15, lines, size=TEXT, bold=group is not None, colour=ENDS[end].colour)
        texts = [f"{self.about.share(branch.node)}, n {branch.node['n']:,}"]
        if point and point.ends and not self.wide:
            texts.append(PERCENT.interval(*point.ends).strip(" ()"))
        below = [(line, GREY) for text in texts for line in wrap(text, room, SMALL)]
        below += [(f"{ENDS[end].sign} furthest {end}", ENDS[end].colour)] if end else []
        for k, (text, colour) in enumerate(below, len(lines)):
            self.canvas.text(left, top + 14 + LEADING * k, text, colour=colour)
        return LEADING * (len(lines) + len(below)) + 12

    def _rate(self, branch: Branch, axis: Axis, y: float) -> None:
        """Draw the rate of what a branch leads to on the axis, and write it."""
        group, point, node = self.group(branch), self.point(branch), branch.node
        if point and self.wide:
            label = group.label if group else "everybody"
            self.canvas.point(point, axis, y, label, PERCENT, share=node["share"], n=node["n"])
        # What an inner node's rate rests on is in the tree alone.
        hidden = few_cases(node["n"]) or "withheld"
        text = hidden if node["rate"] is None else Point(node["rate"], n=node["n"]).text(PERCENT)
        colour = ENDS[group.end].colour if group else GREY
        self.canvas.text(self.canvas.width, y, text, size=TEXT, bold=group is not None, align="right", colour=colour)

    def _rule(self, axis: Axis, bottom: float) -> None:
        """Draw the axis, and a line at the average if there is more than that."""
        self.canvas.ruler(axis, 0, bottom)
        self.canvas.ticks(axis, bottom + 12, PERCENT)
        average = self.about.average
        if len(self.branches) > 1 and average.there:
            at = axis(average.value)
            self.canvas.segment((at, 0), (at, bottom), 1.2, LINE, behind=True)

    def _grow(self, x: Mapping[int, float], y: Mapping[int, float]) -> None:
        """Draw the branches; what leads to an end has its colour."""
        for branch, start, end in _tree_layout.limbs(self.branches, x, y):
            group = self.group(branch)
            colour = ENDS[group.end].colour if group and group.end else LINE
            about = {"label": _canvas.plain(branch.label), "share": branch.node["share"]}
            self.canvas.segment(start, end, branch.thickness, colour, **about)


def gap(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw every opportunity's average between the groups furthest behind and furthest ahead, before and after.

    Parameters
    ----------
    result : Assessment or Findings
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If there is no opportunity, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> plots.gap(sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))).to_dict()["width"]
    580.0

    No opportunity, no gap:

    >>> plots.gap(sp.assess(survey, [], replicates=sp.Bootstrap(10)))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of gaps must have rows of statistic 'gap', but there are none. ...
    """
    found = _findings(result)
    names = _unique("of", _pick(found, "gaps", ASK["opportunity"], statistic="gap"))
    both = _has_after(found)
    rows = [_gap_row(found, name, both) for name in names]
    read = f"▼ furthest behind, ● average, ▲ furthest ahead. Bars are {_intervals(found)}"
    anew = any(lane.word == ANEW for row in rows for lane in row.lanes)
    picked = found.estimates["statistic"].eq("gap") & found.estimates["flag"].str.contains("biased")
    if anew:
        told = "; groups as found were picked for their rates, and have none: below, what a new sample would show."
    else:
        told = "; the groups at the ends were picked for their rates, and have none." if picked.any() else "."
    subtitle = [f"{read}{told}", *(["Hollow: before. Filled: after."] if both else [])]
    title = "Furthest behind, average, furthest ahead"
    room = 74 if anew else 52 if both else 0
    return draw(rows, PERCENT, title, subtitle, width=width, word=room, beside=50, zero=None)


def _gap_row(found: Findings, name: str, both: bool) -> Row:
    """Return the row of an opportunity: its average between the two ends, in every scenario."""
    barrier = _asked_of(found, name).get("kind") == "barrier"
    lanes, below = [], []
    for scenario in ("before", "after"):
        rows = _rows(found, of=name, scenario=scenario, by="all")
        anew = [row for row in rows if row["param"].endswith("cross-validated")]
        at = _by("statistic", (row for row in rows if row not in anew and not effect_of(row["param"], "")))
        if not {"access", "gap", "furthest_behind", "furthest_ahead"} <= set(at):
            continue
        word = scenario if both else ""
        style: dict[str, Any] = {"filled": scenario == "after" or not both}
        average = replace(at["access"], series=f"average {word}".strip(), **style)
        ends = _ends(at, barrier, word, style)
        points = [*ends, average]
        lanes.append(Lane([point for point in points if point.there], "", word))
        lanes += [Lane([point]) for point in points if not point.there]
        # A gap and one of its ends would give away the other.
        known = all(point.there for point in (*ends, at["gap"]))
        distance = f"{CHANGE.text(at['gap'].value).lstrip('+')} points" if known else "withheld"
        below.append(f"average {average.text(PERCENT)}, gap {distance} {word}".strip())
        honest = _by("statistic", anew)
        if honest and all(point.there for point in honest.values()):
            lanes.append(Lane(_ends(honest, barrier, ANEW, style), "", ANEW))
            gap = honest["gap"]
            value, low, high = (CHANGE.text(end).lstrip("+") for end in (gap.value, gap.low, gap.high))
            interval = f" ({low} to {high})" if gap.ends else ""
            below.append(f"in a new sample about {value} points{interval}")
    return Row(f"{name} (barrier)" if barrier else name, lanes, below="; ".join(below))


def _ends(at: Mapping[str, Point], barrier: bool, word: str, style: Mapping[str, Any]) -> list[Point]:
    """Return the points furthest behind and furthest ahead, their values on the outer sides."""
    made = []
    for end in ("behind", "ahead"):
        colour, shape, _ = ENDS[end]
        side = "left" if (end == "behind") != barrier else "right"
        look: dict[str, Any] = {**style, "colour": colour, "shape": shape, "beside": side}
        made.append(replace(at[f"furthest_{end}"], series=f"furthest {end} {word}".strip(), **look))
    return made


def groups(result: Found, opportunity: str, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw an opportunity's groups before and after, from the furthest behind to the furthest ahead.

    Parameters
    ----------
    result : Assessment or Findings
    opportunity : str
        Its name.
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart
        A group that a package does not move has one line.

    Raises
    ------
    InputError
        If there is no such opportunity, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
    >>> plots.groups(result, "internet").to_dict()["title"]["text"]
    ['internet: the groups']
    >>> plots.groups(result, "intrenet")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: An opportunity must be one that exists, but 'intrenet' does not. ...
    """
    found = _findings(result)
    about, both = _opportunity(found, opportunity), _has_after(found)
    rows = [
        Row(
            group.label,
            _group_lanes(group, both),
            f"{about.share(group.row)}, n {group.row['n']:,}",
            _moved(group),
            group.end,
        )
        for group in about.groups.values()
    ]
    title = f"{opportunity}: the groups" + (" before and after" if both else "")
    head = about.headline()
    subtitle, word = [head, *about.reading()], 64 if both else 0
    return draw(rows, PERCENT, title, subtitle, width=width, lead=head, figure=58, word=word, zero=None)


def _group_lanes(group: _Group, both: bool) -> list[Lane]:
    """Return the lanes of a group: one, if there is no package, or it does not move the group."""
    before = group.point("before")
    if not both or not before.there:
        return [_lane(before)]
    if group.point("change").value == 0:
        return [_lane(replace(before, series="before and after"), "no change")]
    return [_lane(_in_scenario(group.point(scenario), scenario), scenario) for scenario in ("before", "after")]


def _moved(group: _Group) -> str:
    change = group.point("change")
    return _change(change) if change.value else ""


def effects(result: Found, opportunity: str, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw what a change in access rests on: that of everybody and of every group, by each effect that was asked for.

    Parameters
    ----------
    result : Assessment or Findings
    opportunity : str
        Its name.
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If there is no such opportunity, no package was assessed, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["bottom40", "urbrur"])
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> given = {"effect": ["reroute", "logit"], "replicates": sp.Bootstrap(10)}
    >>> plots.effects(sp.assess(survey, [opportunity], package, **given), "internet").to_dict()["title"]["text"]
    ['internet: what the change rests on']

    Without a package nothing changes:

    >>> plots.effects(sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10)), "internet")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of effects must have rows of statistic 'access', of 'internet', scenario 'change', ...
    """
    found = _findings(result)
    asked = _asked_of(found, opportunity)
    picked = _pick(found, "effects", ASK["effect"], statistic="access", of=opportunity, scenario="change")
    given = _asked(found, "effect") or "reroute"
    main = given if isinstance(given, str) else given[0]
    order = _records(found.groups[found.groups["opportunity"] == opportunity])
    ends = {
        row["label"]: "behind" if row["furthest_behind"] else "ahead" if row["furthest_ahead"] else ""
        for row in order
        if len(order) > 1
    }
    places = [("all", "all", "everybody"), *(("group", row["label"], row["label"]) for row in order)]
    rows = []
    for by, level, label in places:
        lanes = []
        for row in picked:
            if (row["by"], row["level"]) == (by, level):
                effect = effect_of(str(row["param"]), main)
                lanes.append(_lane(_point(row, series=effect), effect, CHANGE))
        rows.append(Row(label, lanes, end=ends.get(level, "") if by == "group" else ""))
    barrier = " of the barrier" if asked.get("kind") == "barrier" else ""
    subtitle = [
        f"Change{barrier} in percentage points, by how access is taken to respond. Bars are {_intervals(found)}",
        "of what the sample leaves open; what lies between the effects no sample tells.",
    ]
    title = f"{opportunity}: what the change rests on"
    return draw(rows, CHANGE, title, subtitle, width=width, figure=52, word=84)


def dissimilarity(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw the dissimilarity index of every opportunity: between all combinations of circumstances, and between groups.

    Parameters
    ----------
    result : Assessment or Findings
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart
        Between all combinations of circumstances, with its interval; and without one what is biased upward: the
        same as found, and between the groups of the tree.

    Raises
    ------
    InputError
        If there is no opportunity, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
    >>> plots.dissimilarity(result).to_dict()["title"]["text"]
    ['How unequal access is: the dissimilarity index']
    >>> plots.dissimilarity(sp.assess(survey, [], replicates=sp.Bootstrap(10)))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of dissimilarity must have rows of statistic 'd_index', but there are ...
    """
    found = _findings(result)
    picked = _pick(found, "dissimilarity", ASK["opportunity"], statistic="d_index")
    names = _unique("of", picked)
    picked = [row for row in picked if str(row["param"]).split(",")[0] in BETWEEN and not effect_of(row["param"], "")]
    picked.sort(key=lambda row: BETWEEN.index(str(row["param"]).split(",")[0]))
    both = _has_after(found)
    rows = []
    for name in names:
        these = [row for row in picked if row["of"] == name]
        absence = any(str(row["param"]).endswith("of absence") for row in these)
        lanes = [_index_lane(row, both) for row in these if row["scenario"] != "change"]
        rows.append(Row(f"{name} (absence of the barrier)" if absence else name, lanes))
    return draw(
        rows,
        INDEX,
        "How unequal access is: the dissimilarity index",
        [
            "Share of access that would have to change hands for all to have the same rate: between all combinations "
            "of circumstances, and between the groups of the tree.",
            "Dots: without what chance adds, and with an interval. Bars: as found, biased upward where combinations "
            "are small, and therefore without an interval.",
        ],
        width=width,
        lead="Dissimilarity index: corrected with its interval, and as found, biased upward, without an interval.",
        figure=50,
        word=114,
        bars=True,
    )


BETWEEN = ("empirical-bayes", "cells", "groups")  # the lanes of an opportunity, in their order


def _index_lane(row: Mapping[str, Any], both: bool) -> Lane:
    """Return the lane of a dissimilarity index: between all combinations of circumstances, or between groups."""
    scenario = str(row["scenario"])
    series, colour = f"groups, {scenario}" if both else "groups", BEFORE if both and scenario == "before" else INK
    between = str(row["param"]).split(",")[0]
    if between != "groups":
        series, colour = ("as found", LINE) if between == "cells" else ("all combinations", INK)
    return _lane(_point(row, series=series, colour=colour), series, INDEX)


def shares(result: Found, opportunity: str, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw what each circumstance has of an opportunity's dissimilarity index: Shapley shares.

    Parameters
    ----------
    result : Assessment or Findings
    opportunity : str
        Its name.
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart
        From the largest to the smallest.

    Raises
    ------
    InputError
        If there is no such opportunity, it has no Shapley shares, or altair is not installed.

    References
    ----------
    See ``sp2lnob.shapley``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur", "head_educ"])
    >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
    >>> plots.shares(result, "internet").to_dict()["title"]["text"]
    ['internet: what its inequality goes with']

    They were not asked for:

    >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10), shapley=False)
    >>> plots.shares(result, "internet")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of Shapley shares must have rows of statistic 'shapley', of 'internet', ...
    """
    found = _findings(result)
    asked = _asked_of(found, opportunity)
    picked = _pick(found, "Shapley shares", ASK["shapley"], statistic="shapley", of=opportunity, by="all")
    names = asked.get("circumstances") or [str(row["param"]) for row in picked]
    points = {str(name): _point(row) for name, row in zip(names, picked, strict=False)}
    total = sum(point.value for point in points.values())
    indices = _rows(found, statistic="d_index", of=opportunity, by="all")
    told = not any("one-sided" in row["flag"] for row in indices)  # parts of what may be nothing are no parts
    rows = [Row(name, [_share_lane(point, total if told else math.nan)]) for name, point in points.items()]
    rows.sort(key=lambda row: -row.points[0].value if row.points[0].there else math.inf)
    method = _asked(found, "shapley")
    of = "corrected " if method == "empirical-bayes" else ""
    between = {"cells": ", as found", "logit": " of a logit", "fixed": " of one logit"}.get(str(method), "")
    whole = f", which they add up to: {INDEX.text(total)}" if math.isfinite(total) else ""
    absence = " of the barrier's absence" if asked.get("kind") == "barrier" else ""
    return draw(
        rows,
        INDEX,
        f"{opportunity}: what its inequality goes with",
        [
            f"Shapley shares of the {of}dissimilarity index{between}{absence}{whole}. "
            + (f"Bars are {_intervals(found)}." if any(p.ends for p in points.values()) else "Without intervals.")
        ],
        width=width,
        lead="Shapley shares of the dissimilarity index.",
        aside=True,
        apart=False,
        figure=50,
        word=44,
        bars=True,
    )


def _share_lane(point: Point, total: float) -> Lane:
    """Return the lane of a circumstance's share, and what it is of all of them."""
    known = point.there and math.isfinite(total) and total > 0
    return _lane(point, minus(f"{point.value / total:.0%}") if known else "", INDEX)


# -- welfare --------------------------------------------------------------------------------------------------------


def lorenz(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw the share of all welfare that the poorest have, before and after: Lorenz curves.

    Parameters
    ----------
    result : Assessment or Findings
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If the survey has no welfare, or altair is not installed.

    References
    ----------
    See ``sp2lnob.lorenz`` and ``sp2lnob.gini``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> result = sp.assess(survey, [], replicates=sp.Bootstrap(10))
    >>> plots.lorenz(result).to_dict()["title"]["text"]
    ['How welfare is shared: Lorenz curve']

    A picture must be 300 pixels wide:

    >>> plots.lorenz(result, width=100)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The width of a picture must be 300 or more, but it is 100. Correct the value.
    """
    found = _findings(result)
    picked = _pick(found, "Lorenz curves", ASK["welfare"], statistic="lorenz", by="all")
    scenarios = [name for name in ("before", "after") if any(row["scenario"] == name for row in picked)]
    names = {scenario: scenario if len(scenarios) > 1 else "" for scenario in scenarios}
    canvas = canvas_of(width)
    left, top, side = 44.0, 24.0, min(canvas.width - 60, 460.0)
    across = axis_of([0, 1], left, left + side)
    down = axis_of([0, 1], top + side, top, vertical=True)
    canvas.ruler(across, top, top + side)
    canvas.ruler(down, left, left + side)
    canvas.ticks(down, left - 8, PERCENT)
    canvas.text(0, 8, "Share of all welfare", colour=GREY)
    bottom = _draw_changes(canvas, across, _curve(picked, "change", "change"), top + side)
    canvas.ticks(across, bottom + 14, PERCENT)
    canvas.text(left + side, bottom + 34, "of the poorest share of people", colour=GREY, align="right")
    canvas.segment((across(0), down(0)), (across(1), down(1)), series="equal shares")
    known = []
    for scenario, name in names.items():
        curve = _curve(picked, scenario, name)
        known += [point for _, point in curve]
        _draw_curve(canvas, across, down, [(p, point) for p, point in curve if point.there], name)
    head = [*_bottom(picked, names), *_ginis(found, names)]
    title = "How welfare is shared: Lorenz curve" + ("s before and after" if len(scenarios) > 1 else "")
    reading = f"Bars are {_intervals(found)}; the straight line is equal shares."
    return canvas.chart(bottom + 46, title, [*head, reading, *case_notes(known)], " ".join(head))


def _curve(rows: Iterable[Mapping[str, Any]], scenario: str, name: str) -> list[tuple[float, Point]]:
    """Return a scenario's points by the share of people that they are of."""
    these = [row for row in rows if row["scenario"] == scenario]
    made = [(float(str(row["param"])[2:]), _in_scenario(_point(row), name)) for row in these]
    return sorted(made, key=lambda pair: pair[0])


def _draw_changes(canvas: Canvas, across: Axis, curve: Sequence[tuple[float, Point]], top: float) -> float:
    """Draw what two curves so close do not show: the change from one to the other; return where that ends."""
    moved = [(p, point) for p, point in curve if point.there]
    if not moved:
        return top
    bottom = top + 110
    rise = axis_of(_canvas.extent(point for _, point in moved), bottom, bottom - 72, vertical=True)
    canvas.text(0, top + 20, "Change, in percentage points", colour=GREY)
    canvas.ruler(across, bottom - 72, bottom)
    canvas.ruler(rise, across.start, across.end, zero=LINE)
    canvas.ticks(rise, across.start - 8, CHANGE)
    for p, point in moved:
        canvas.point(point, rise, across(p), f"poorest {100 * p:g}%", CHANGE)
    return bottom


def _draw_curve(canvas: Canvas, across: Axis, down: Axis, curve: Sequence[tuple[float, Point]], name: str) -> None:
    """Draw a Lorenz curve from corner to corner, with its name where it bends."""
    if not curve:
        return
    colour, last = curve[0][1].colour, name != "before"
    corners = [(0.0, 0.0), *((p, point.value) for p, point in curve), (1.0, 1.0)]
    places = [(across(p), down(share)) for p, share in corners]
    for start, end in pairwise(places):
        canvas.segment(start, end, 1.5, colour, series=name)
    for p, point in curve:
        canvas.point(point, down, across(p), f"poorest {100 * p:g}%", PERCENT)
    if name:  # the curve of after runs above that of before
        p, point = min(curve, key=lambda pair: abs(pair[0] - 0.5))
        aside = -12 if last else 13
        align: Align = "right" if last else "left"
        x, y = across(p) + aside, down(point.value) + aside
        canvas.text(x, y, name, size=TEXT, bold=last, align=align, colour=colour)


def _ginis(found: Findings, names: Mapping[str, str]) -> list[str]:
    """Return the Gini coefficients, as a sentence."""
    ginis = [
        f"{_point(row).with_interval(INDEX)} {name}".strip()
        for scenario, name in names.items()
        for row in _rows(found, statistic="gini", scenario=scenario, by="all")
    ]
    return [f"Gini: {', '.join(ginis)}."] if ginis else []


def _bottom(picked: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """Return what the poorest 40 % have, as a sentence."""
    at = _by("scenario", (row for row in picked if row["param"] == "p=0.4"))
    if not at or not set(names) <= set(at):
        return []
    each = [f"{at[scenario].with_interval(PERCENT)} {name}".strip() for scenario, name in names.items()]
    moved = _change(at.get("change"))
    return [f"The poorest 40% have {', '.join(each)}{': ' + moved if moved else ''}."]


def poverty(result: Found, *, by: str = "all", width: float = WIDTH) -> "alt.LayerChart":
    """Draw headcount and poverty gap of every line before and after, with the interval of the change.

    Parameters
    ----------
    result : Assessment or Findings
    by : str, default "all"
        Column whose levels are shown, such as "urbrur"; "all": everybody.
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If there is no line, or no such split, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> result = sp.assess(survey, [], lines={"national": 60.0}, replicates=sp.Bootstrap(10))
    >>> plots.poverty(result).to_dict()["title"]["text"]
    ['Poverty']
    >>> plots.poverty(result, by="region")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of poverty must have rows of statistic 'headcount', by 'region', but ...
    """
    found = _findings(result)
    lines = _unique("of", _pick(found, "poverty", ASK["line"], statistic="headcount", by=by))
    both = _has_after(found)
    rows = []
    for line in lines:
        for statistic, name in (("headcount", "Headcount"), ("poverty_gap", "Poverty gap")):
            picked = _rows(found, statistic=statistic, of=line, by=by)
            for level, shown in _levels(by, picked).items():
                at = _by("scenario", (row for row in picked if row["level"] == level))
                label = f"{name}, {line}" + ("" if by == "all" else f", {shown}")
                rows.append(Row(label, _scenario_lanes(at, both), below=_change(at.get("change"))))
    reading = f"Bars are {_intervals(found)}" + (
        ", and so is what stands in parentheses after a change." if both else "."
    )
    return draw(
        rows,
        PERCENT,
        "Poverty" + (" before and after" if both else "") + ("" if by == "all" else f", by {by}"),
        [
            "Headcount: share of people below the line. Poverty gap: how far below they are, as a share of the line, "
            "over all people.",
            reading,
        ],
        width=width,
        figure=58,
        word=80 if _rows(found, scenario=NO_SCHEMES, statistic="headcount") else 52 if both else 0,
    )


def _scenario_lanes(at: Mapping[str, Point], both: bool) -> list[Lane]:
    """Return a lane for before, one for after if there is a package, and one without what exists if that is known."""
    if not both and NO_SCHEMES not in at:
        return [_lane(at["before"])] if "before" in at else []
    return [_lane(_in_scenario(at[name], name), name) for name in (NO_SCHEMES, "before", "after") if name in at]


# -- the package ----------------------------------------------------------------------------------------------------


def coverage(result: Found, *, by: str = "decile", of: str = "package", width: float = WIDTH) -> "alt.LayerChart":
    """Draw whom a package reaches: who lives with a recipient, and who is paid.

    Parameters
    ----------
    result : Assessment or Findings
    by : str, default "decile"
        Column whose levels are shown, below everybody.
    of : str, default "package"
        A scheme's name; "package": at least one of all.
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If there is no package, no such scheme or split, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> result = sp.assess(survey, [], package, replicates=sp.Bootstrap(10))
    >>> plots.coverage(result).to_dict()["title"]["text"]
    ['Whom the package reaches']
    >>> plots.coverage(sp.assess(survey, [], replicates=sp.Bootstrap(10)))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of coverage must have rows of statistic 'coverage', of 'package', ...
    """
    found = _findings(result)
    reached, paid = (
        _by_level(found, "coverage", by, statistic=statistic, of=of, param="", scenario="after")
        for statistic in ("coverage", "coverage_direct")
    )
    rows: list[Row] = []
    for name, point in reached.items():
        points = [replace(point, series="reached")]
        if name in paid:
            points.append(replace(paid[name], series="paid", filled=False, colour=BEFORE))
        rows.append(Row(name, [_lane(point, "" if rows else point.series) for point in points]))  # once is enough
    title = "Whom the package reaches" if of == "package" else f"Whom the scheme reaches: {of}"
    subtitle = f"Share of people who live with a recipient, and who are one. Bars are {_intervals(found)}."
    return draw(rows, PERCENT, title, [subtitle], width=width, aside=True, figure=60, word=60, lane=16)


def gain(result: Found, *, by: str = "decile", width: float = WIDTH) -> "alt.LayerChart":
    """Draw what a package adds to welfare, as a share of welfare before.

    Parameters
    ----------
    result : Assessment or Findings
    by : str, default "decile"
        Column whose levels are shown, below everybody; deciles are those of before.
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If there is no package or no such split, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> result = sp.assess(survey, [], package, replicates=sp.Bootstrap(10))
    >>> plots.gain(result).to_dict()["title"]["text"]
    ['What the package adds to welfare']
    >>> plots.gain(result, by="region")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of gains must have rows of statistic 'consumption_gain', param '', scenario ...
    """
    found = _findings(result)
    points = _by_level(found, "gains", by, statistic="consumption_gain", param="", scenario="after")
    rows = [Row(name, [_lane(point)]) for name, point in points.items()]
    subtitle = f"Share of welfare before: the ratio of two means. Bars are {_intervals(found)}."
    return draw(rows, PERCENT, "What the package adds to welfare", [subtitle], width=width, aside=True, figure=60)


def _by_level(found: Findings, what: str, by: str, **fields: str) -> dict[str, Point]:
    """Return the points of everybody and of the levels of a domain, by their names."""
    picked = _pick(found, what, ASK["package"], **fields, by=by)
    at = _by("level", picked)
    at_all = [_point(row) for row in _rows(found, **fields, by="all")]
    everybody = dict.fromkeys(["everybody"], at_all[0]) if at_all else {}
    levels = {} if by == "all" else _levels(by, picked)
    return everybody | {name: at[level] for level, name in levels.items()}


def cost(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw what every scheme costs a year, administration included.

    Parameters
    ----------
    result : Assessment or Findings
    width : float, default 600
        As in ``tree``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If there is no package, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> result = sp.assess(survey, [], package, replicates=sp.Bootstrap(10))
    >>> plots.cost(result).to_dict()["title"]["text"]
    ['What the package costs a year']
    >>> plots.cost(sp.assess(survey, [], replicates=sp.Bootstrap(10)))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A picture of cost must have rows of statistic 'total_cost', scenario 'after', by 'all', but ...
    """
    found = _findings(result)
    picked = _pick(found, "cost", ASK["package"], statistic="total_cost", scenario="after", by="all")
    costs = [(str(row["of"]), _point(row)) for row in picked]
    of_gdp = _by("of", _rows(found, statistic="cost_gdp", scenario="after", by="all"))
    most = max((abs(point.value) for _, point in costs if point.there), default=0.0)
    unit, name = next(((size, name) for size, name in UNITS if most >= size), (1.0, ""))
    rows = [_cost_row(of, point, unit, of_gdp.get(of)) for of, point in costs]
    what = f"{name} {_asked(found, 'economy', 'currency') or 'currency units'}".strip()
    year = _asked(found, "economy", "year")
    subtitle = (
        f"In {what} a year{f', {year}' if year else ''}, administration included. "
        f"Bars, and figures in parentheses, are {_intervals(found)}."
    )
    return draw(rows, MONEY, "What the package costs a year", [subtitle], width=width, lead=f"In {what} a year.")


def _cost_row(of: str, point: Point, unit: float, gdp: Point | None) -> Row:
    """Return the row of a scheme, or of all, in a unit that reads."""
    point = replace(point, value=point.value / unit, low=point.low / unit, high=point.high / unit)
    label = "the whole package" if of == "package" else of
    share = f"{gdp.with_interval(OF_GDP)} of GDP" if gdp and gdp.there else ""
    return Row(label, [Lane([point])], point.with_interval(MONEY) if point.there else "", share)


def front(found: "Search", *, width: float = WIDTH, disclosure: str | int = "dhs") -> "alt.LayerChart":
    """Draw the Pareto front of a search: what every package on it costs, and the objective after.

    Parameters
    ----------
    found : Search
    width : float, default 600
        As in ``tree``.
    disclosure : "dhs", "none" or int, default "dhs"
        As in ``Search.save``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If no package is better than none, if the objective rests on too few cases to be shown, or altair is not
        installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> child = sp.Choice(sp.child_benefit(sp.Amount(8, "month")), levels=[4, 8])
    >>> found = sp.search(survey, [child], sp.Amount(1e9, "year"), line=60.0, replicates=sp.Bootstrap(10))
    >>> plots.front(found).to_dict()["title"]["text"]
    ['What a budget can do: poverty gap by what the package costs']
    >>> plots.front(found.front)
    Traceback (most recent call last):
    ...
    sp2lnob.InputTypeError: A picture of a front takes a Search, but ...
    """
    _needs("altair", "Pictures need altair")
    if not isinstance(found, Search):
        fail_type("A picture of a front takes a Search", found, "Pass what search() returned.")
    objective, packages = found.asked["objective"], _records(published(found, found.front, disclosure))
    if not packages:
        fail("A front must have a package", "none is better than paying nothing", "Add candidates.")
    if math.isnan(packages[0][objective]):
        fail(
            f"A front must be of what rests on {least_cases(disclosure)} unweighted cases or more",
            f"{objective} rests on fewer",
            "Pass disclosure='none' if nobody else sees the picture.",
        )
    word = objective.replace("_", " ")
    of_gdp = "cost_gdp" in packages[0]
    most = max(float(row["total_cost"]) for row in packages)
    unit, name = next(((size, name) for size, name in UNITS if most >= size), (1.0, ""))
    cost = [float(row["cost_gdp"]) if of_gdp else float(row["total_cost"]) / unit for row in packages]
    value = [float(row[objective]) for row in packages]
    form = PERCENT if objective not in ("gini", "d_index") else INDEX
    canvas = canvas_of(width)
    left, top, bottom = 56.0, 30.0, 300.0
    across = axis_of(cost, left, canvas.width - 12)
    down = axis_of(value, bottom, top, zero=None, vertical=True)
    canvas.ruler(across, top, bottom)
    canvas.ruler(down, left, canvas.width - 12)
    canvas.ticks(down, left - 8, form)
    canvas.ticks(across, bottom + 14, OF_GDP if of_gdp else MONEY)
    canvas.text(0, 8, f"{word.capitalize()} after", colour=GREY)
    what = "Cost a year as a share of GDP" if of_gdp else f"Cost a year, in {name or 'currency'}".removesuffix(", in ")
    canvas.text(canvas.width - 12, bottom + 34, what, colour=GREY, align="right")
    places = [(across(c), down(v)) for c, v in zip(cost, value, strict=True)]
    for (x, y), (x2, y2) in pairwise(places):  # until more is spent, nothing better can be had
        canvas.segment((x, y), (x2, y), 1.5, LINE)
        canvas.segment((x2, y), (x2, y2), 1.5, LINE)
    best = found.frame()["package"].iloc[0]
    paid = list(found.asked["candidates"])
    for row, c, v in zip(packages, cost, value, strict=True):
        spent = OF_GDP.text(c) if of_gdp else MONEY.text(c)
        label = f"{spent}: " + " + ".join(f"{scheme} {row[scheme]:g}" for scheme in paid if row[scheme])
        wins = bool(row["package"] == best)
        point = Point(v, filled=wins, shape="circle", series="")
        if wins:
            point = replace(point, colour=_canvas.AHEAD, shape="diamond", series="the best")
        canvas.point(point, down, across(c), label, form)
    title = f"What a budget can do: {word} by what the package costs"
    reading = f"Of {found.packages:,} packages, those that no other beats in both. As found, without intervals."
    notes = (
        ["The diamond is the best within the budget and the bounds."] if best in found.front["package"].tolist() else []
    )
    ends = f"From {form.text(value[0])} to {form.text(value[-1])}, {len(packages)} packages."
    return canvas.chart(bottom + 46, title, [reading, *notes], f"{title}. {ends}")


# -- files ----------------------------------------------------------------------------------------------------------


def svg(chart: Any, prefix: str = "plot") -> str:
    """Return a chart as SVG to stand in a page, with its text alternative.

    Parameters
    ----------
    chart : altair.Chart
    prefix : str, default "plot"
        What its ids begin with: two pictures in one page need two prefixes.

    Returns
    -------
    str
        One element, without a declaration before it. It loads nothing, and names itself by its title and description.

    Raises
    ------
    InputError
        If vl-convert is not installed, or the prefix is no name.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> chart = plots.cost(sp.assess(survey, [], package, replicates=sp.Bootstrap(10)))
    >>> plots.svg(chart, "cost").split('<title id="cost-title">')[1][:29]
    'What the package costs a year'
    >>> plots.svg(chart, "not a name")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The prefix must be letters, digits, - and _, a letter first, but it is 'not a name'...
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", prefix):
        fail("The prefix must be letters, digits, - and _, a letter first", f"it is {prefix!r}", "Choose another.")
    _needs("vl_convert", "SVG needs vl-convert")
    made = io.StringIO()
    chart.save(made, format="svg")
    told = chart.to_dict()
    title = told.get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    title = " ".join(title) if isinstance(title, list) else title
    return _canvas.svg_in_page(made.getvalue(), prefix, title, told.get("description", ""))


def save(chart: Any, path: str | os.PathLike[str]) -> Path:
    """Write a chart as .svg, or as .png at twice its size.

    Parameters
    ----------
    chart : altair.Chart
    path : path
        It is replaced if it is there.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If the path ends in something else, or vl-convert is not installed.

    Examples
    --------
    >>> import pathlib, tempfile, sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> chart = plots.lorenz(sp.assess(survey, [], replicates=sp.Bootstrap(10)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plots.save(chart, pathlib.Path(folder) / "lorenz.svg").name
    'lorenz.svg'
    >>> plots.save(chart, "lorenz.jpg")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The file of a picture must end in .svg or .png, but it is 'lorenz.jpg'. ...
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (".svg", ".png"):
        fail("The file of a picture must end in .svg or .png", f"it is {str(path)!r}", "Name it so.")
    content = svg(chart)
    target.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".svg":
        target.write_text(content + "\n", encoding="utf-8", newline="\n")
    else:
        import vl_convert

        target.write_bytes(vl_convert.svg_to_png(content, scale=2))
    return target
