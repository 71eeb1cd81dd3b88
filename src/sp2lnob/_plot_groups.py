"""Pictures of who is left behind: an opportunity's tree, its groups, and what their change rests on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import _canvas, _tree_layout
from ._canvas import (
    BOLD,
    CHANGE,
    ENDS,
    GREY,
    LEADING,
    LINE,
    PERCENT,
    SMALL,
    TEXT,
    Axis,
    Canvas,
    Lane,
    Point,
    Row,
    axis_of,
    canvas_of,
    case_notes,
    draw,
    percent,
    sentence,
    wrap,
)
from ._plot_findings import (
    ASK,
    WIDTH,
    Found,
    asked_of,
    change_of,
    findings_of,
    has_after,
    in_scenario,
    intervals_of,
    lane_of,
    opportunity_asked,
    pick,
    point_of,
    records_of,
    rows_of,
)
from ._tree_layout import Branch
from .disclosure import few_cases
from .effects import effect_of
from .findings import Findings

if TYPE_CHECKING:
    import altair as alt

RESPONSES = {"reroute": "by the tree", "interpolate": "in a line", "logit": "by a logit", "refit": "by its own tree"}
RATE = 62.0  # room for a rate on the right of a tree


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
        return point_of(self.row, (scenario, f"{scenario}_low", f"{scenario}_high"), colour=colour, shape=shape)


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


def _opportunity(found: Findings, name: str) -> _Opportunity:
    """Return an opportunity with its groups by their numbers, from the furthest behind to the furthest ahead."""
    asked = opportunity_asked(found, name)
    rows = records_of(found.groups[found.groups["opportunity"] == name])
    groups = {}
    for row in rows:
        end = "behind" if row["furthest_behind"] else "ahead" if row["furthest_ahead"] else ""
        groups[int(row["group"])] = _Group(row, end if len(rows) > 1 else "")
    average = rows_of(found, statistic="access", of=name, scenario="before", by="all")
    point = point_of(average[0], series="average") if average else Point(math.nan)
    return _Opportunity(asked, groups, point, intervals_of(found))


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
    found = findings_of(result)
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
    found = findings_of(result)
    about, both = _opportunity(found, opportunity), has_after(found)
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
        return [lane_of(before)]
    if group.point("change").value == 0:
        return [lane_of(replace(before, series="before and after"), "no change")]
    return [lane_of(in_scenario(group.point(scenario), scenario), scenario) for scenario in ("before", "after")]


def _moved(group: _Group) -> str:
    change = group.point("change")
    return change_of(change) if change.value else ""


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
    found = findings_of(result)
    asked = opportunity_asked(found, opportunity)
    picked = pick(found, "effects", ASK["effect"], statistic="access", of=opportunity, scenario="change")
    given = asked_of(found, "effect") or "reroute"
    main = given if isinstance(given, str) else given[0]
    order = records_of(found.groups[found.groups["opportunity"] == opportunity])
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
                word = RESPONSES.get(effect, effect)
                lanes.append(lane_of(point_of(row, series=word), word, CHANGE))
        rows.append(Row(label, lanes, end=ends.get(level, "") if by == "group" else ""))
    barrier = " of the barrier" if asked.get("kind") == "barrier" else ""
    subtitle = [
        f"Change{barrier} in percentage points, by how access is taken to respond. Bars are {intervals_of(found)}",
        "of what the sample leaves open; what lies between the ways to respond no sample tells.",
    ]
    title = f"{opportunity}: what the change rests on"
    return draw(rows, CHANGE, title, subtitle, width=width, figure=52, word=84)
