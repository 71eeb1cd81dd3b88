"""Pictures of what was found, as Altair charts.

A picture knows ``Findings`` alone. Rows stand where this file puts them, in pixels, so that no label meets another
whatever the fonts are; values stand where the axis puts them. Text from data is data: it is never a field name, an
expression or markup. What was withheld is a hollow mark at the axis and the word; what has an interval shows it.
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree import ElementTree

from ._validate import fail, fail_if_unknown
from .findings import Findings

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

__all__ = ["cost", "coverage", "dissimilarity", "gain", "gap", "groups", "lorenz", "poverty", "save", "svg", "tree"]

WIDTH = 600
INK, GREY, LIGHT = "#1a1a1a", "#5f5f5f", "#dddddd"
BEHIND, AHEAD, BEFORE, AFTER = "#D55E00", "#0072B2", "#8a8a8a", "#1a1a1a"  # Okabe and Ito's, and greys
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, Noto Sans, sans-serif"
TITLE, TEXT, SMALL = 17, 14, 13  # font sizes, pixels
THICKEST = 16.0  # branch of everybody, pixels
TAGS = {"behind": "▼ furthest behind", "ahead": "▲ furthest ahead"}


class Found(Protocol):
    """Anything that holds findings: an ``Assessment``, or ``Findings`` themselves."""

    def findings(self) -> Findings:
        """Return what is published."""
        ...


# -- text -----------------------------------------------------------------------------------------------------------


def _percent(share: float) -> str:
    """Return a share as text, to a tenth of a percent; of a very small one, its first digit."""
    if 0 < abs(share) < 0.0005:
        return f"{100 * share:.1g}%"
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def _points(change: float) -> str:
    """Return a change of a share as text, in percentage points."""
    return f"{100 * change:+.1f}".replace("-", "\u2212")


def _number(value: float) -> str:
    """Return a number to three digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _em(character: str) -> float:
    """Return about how wide a character is, in font sizes."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in "iljtfI.,:;|'!()[] ":
        return 0.3
    return 0.85 if character in "mwMW%@" else 0.7 if character.isupper() else 0.56


def _long(text: str, size: float) -> float:
    """Return about how long a text is, in pixels."""
    return size * sum(map(_em, text))


def _letters(word: str) -> list[str]:
    """Return a word's letters with their marks, which must not be parted."""
    letters: list[str] = []
    for character in word:
        joined = unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")
        if letters and (joined or unicodedata.combining(letters[-1][-1]) == 9 or letters[-1][-1] == "\u200d"):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _wrap(text: str, width: float, size: float, lines: int = 2) -> list[str]:
    """Return a text in lines of at most a width; what does not fit ends in an ellipsis."""
    made = [""]
    for word in text.split():
        joined = f"{made[-1]} {word}".strip()
        if _long(joined, size) <= width:
            made[-1] = joined
            continue
        if made[-1]:
            made.append("")
        for letter in _letters(word):
            if made[-1] and _long(made[-1] + letter, size) > width:
                made.append("")
            made[-1] += letter
    if len(made) > lines:
        last = _letters(made[lines - 1])
        while last and _long("".join(last) + "…", size) > width:
            last.pop()
        made = [*made[: lines - 1], "".join(last).rstrip() + "…"]
    return made


# -- the canvas -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """A value on a row, with its interval."""

    value: float
    low: float = math.nan
    high: float = math.nan
    series: str = ""
    colour: str = INK
    filled: bool = True
    shape: str = "circle"
    flag: str = ""
    text: str = ""  # written at a side of the point
    side: str = ""

    @property
    def withheld(self) -> bool:
        return "withheld" in self.flag


@dataclass(frozen=True)
class _Lane:
    """A line of points; to its right a figure and a word."""

    points: tuple[_Point, ...]
    figure: str = ""
    word: str = ""


@dataclass(frozen=True)
class _Row:
    """What has a label: one or more lanes."""

    label: str
    lanes: tuple[_Lane, ...]
    note: str = ""
    colour: str = INK


@dataclass(frozen=True)
class _Axis:
    """A scale of values in pixels: from ``left`` to ``right``."""

    low: float
    high: float
    ticks: tuple[float, ...]
    left: float
    right: float
    form: str

    def __call__(self, value: float) -> float:
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)


def _axis(
    values: Iterable[float], left: float, right: float, form: str, zero: bool = True, top: float = math.inf
) -> _Axis:
    """Return a scale that holds all values, with a few round ticks."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if not high > low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / max(2.0, (right - left) / 90)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(k for k in (1, 2, 2.5, 5, 10) if k * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(float(f"{k * step:.12g}") for k in range(first, last + 1))
    if ticks[-1] > top >= high:
        return _Axis(ticks[0], top, tuple(tick for tick in ticks if tick <= top), left, right, form)
    return _Axis(ticks[0], ticks[-1], ticks, left, right, form)


class _Canvas:
    """Marks by layer, in pixels across and down; an axis for values."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.layers: list[Any] = []
        self.texts: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK,
        size: float = SMALL,
        weight: str = "normal",
        align: str = "left",
        full: str = "",
    ) -> None:
        """Write a text, its lines apart, with the middle of its first line at y."""
        said = full or text.replace("\n", " ")
        item = {"x": x, "y": y, "text": text, "colour": colour, "size": size, "said": said}
        self.texts.setdefault((align, weight), []).append(item)

    def segments(self, items: Sequence[Mapping[str, Any]], **style: Any) -> None:
        """Draw segments from (x, y) to (x2, y2) of a width and colour."""
        import altair as alt

        if items:
            self.layers.append(
                alt.Chart(alt.Data(values=list(items)))
                .mark_rule(**({"strokeCap": "butt"} | style))
                .encode(
                    x=alt.X("x:Q", scale=None, axis=None),
                    y=alt.Y("y:Q", scale=None, axis=None),
                    x2="x2:Q",
                    y2="y2:Q",
                    strokeWidth=alt.StrokeWidth("width:Q", scale=None, legend=None),
                    stroke=alt.Stroke("colour:N", scale=None, legend=None),
                )
            )

    def points(self, items: Sequence[Mapping[str, Any]], size: float = 62) -> None:
        """Draw points with their shape, outline and fill; what they say is read out."""
        import altair as alt

        if items:
            self.layers.append(
                alt.Chart(alt.Data(values=list(items)))
                .mark_point(size=size, strokeWidth=1.8, opacity=1)
                .encode(
                    x=alt.X("x:Q", scale=None, axis=None),
                    y=alt.Y("y:Q", scale=None, axis=None),
                    shape=alt.Shape("shape:N", scale=None, legend=None),
                    stroke=alt.Stroke("colour:N", scale=None, legend=None),
                    fill=alt.Fill("fill:N", scale=None, legend=None),
                    description=alt.Description("said:N"),
                    tooltip=alt.Tooltip("said:N", title=" "),
                )
            )

    def axis(self, axis: _Axis, top: float, bottom: float) -> None:
        """Draw an axis: light lines down the rows, and their values below."""
        self.segments(
            [
                {"x": axis(tick), "x2": axis(tick), "y": top, "y2": bottom, "width": 1, "colour": LIGHT}
                for tick in axis.ticks
            ]
        )
        for tick in axis.ticks:
            text = f"{100 * tick:.6g}%" if axis.form == "%" else f"{tick:,.6g}"
            self.text(axis(tick), bottom + 12, text.replace("-", "\u2212"), colour=GREY, align="center")

    def chart(self, height: float, title: str, subtitle: str, description: str) -> "alt.LayerChart":
        """Return everything as one chart of the width asked for."""
        import altair as alt

        for (align, weight), items in self.texts.items():
            self.layers.append(
                alt.Chart(alt.Data(values=items))
                .mark_text(align=align, fontWeight=weight, baseline="middle", lineBreak="\n")
                .encode(
                    x=alt.X("x:Q", scale=None, axis=None),
                    y=alt.Y("y:Q", scale=None, axis=None),
                    text="text:N",
                    size=alt.Size("size:Q", scale=None, legend=None),
                    color=alt.Color("colour:N", scale=None, legend=None),
                    description=alt.Description("said:N"),
                )
            )
        heads = _wrap(title, self.width, TITLE * 1.04, 3)
        subs = [line for part in subtitle.split("\n") if part for line in _wrap(part, self.width, SMALL, 4)]
        top = len(heads) * (TITLE + 4) + len(subs) * (SMALL + 4) + 16
        chart = alt.layer(*self.layers).properties(
            width=self.width,
            height=height,
            title=alt.TitleParams(heads, subtitle=subs),
            description=description,
            autosize=alt.AutoSizeParams(type="none"),
            padding={"left": 10, "right": 10, "top": top, "bottom": 6},
        )
        return _theme(chart)


def _theme(chart: "alt.LayerChart") -> "alt.LayerChart":
    """Return a chart in the one look that all pictures have."""
    return (
        chart.configure(font=FONT, background="white")
        .configure_view(stroke=None)
        .configure_title(
            anchor="start",
            frame="group",
            color=INK,
            fontSize=TITLE,
            fontWeight="bold",
            lineHeight=TITLE + 4,
            subtitleColor=GREY,
            subtitleFontSize=SMALL,
            subtitleLineHeight=SMALL + 4,
            subtitlePadding=4,
            offset=8,
        )
    )


def _rows(
    rows: Sequence[_Row],
    *,
    title: str,
    subtitle: str,
    description: str,
    width: float,
    form: str,
    margin: float = 120,
    zero: bool = True,
    top: float = math.inf,
    left: float = 0,
    join: bool = False,
    fewest: str = "",
) -> "alt.LayerChart":
    """Return rows of points: labels above their lanes, or to the left of them if ``left`` is given room."""
    width -= 20
    canvas = _Canvas(width)
    values = [v for row in rows for lane in row.lanes for p in lane.points for v in (p.value, p.low, p.high)]
    axis = _axis(values, left + 8, width - margin - 8, form, zero, top)
    y, lanes = 0.0, []
    for row in rows:
        if left:
            y += 12
            label = _wrap(row.label, left - 14, TEXT, 2)
            text_at = y - (len(label) - 1) * 8 + (len(row.lanes) - 1) * 9
            canvas.text(
                left - 8, text_at, "\n".join(label), size=TEXT, align="right", colour=row.colour, full=row.label
            )
        else:
            y += 10
            note = _long(row.note, SMALL) + 16 if row.note else 0
            label = _wrap(row.label, width - note, TEXT * 1.06, 2)
            canvas.text(0, y, "\n".join(label), size=TEXT, weight="bold", colour=row.colour, full=row.label)
            canvas.text(width, y, row.note, colour=GREY, align="right")
            y += 18 * len(label) + 2
        for lane in row.lanes:
            lanes.append((row, lane, y))
            y += 19
        y += 5 if left else 14
    bottom = y - (0 if left else 8)
    canvas.axis(axis, 0, bottom)
    spans, dots = [], []
    for row, lane, at in lanes:
        seen = [p for p in lane.points if math.isfinite(p.value)]
        if join and len(seen) > 1:
            ends = [axis(p.value) for p in seen]
            spans.append({"x": min(ends), "x2": max(ends), "y": at, "y2": at, "width": 1, "colour": "#aaaaaa"})
        for p in lane.points:
            about = {"label": row.label, "series": p.series, "flag": p.flag, "y": at, "colour": p.colour}
            said = f"{row.label}, {p.series}: " if p.series else f"{row.label}: "
            if not math.isfinite(p.value):
                word = "withheld" if p.withheld else "no figure"
                said += word
                dots.append({**about, "x": axis(axis.low), "shape": "square", "fill": "white", "said": said})
                canvas.text(
                    axis(axis.low) + 10, at, f"{word} (n{fewest})" if p.withheld and fewest else word, colour=GREY
                )
                continue
            shown = _percent if form == "%" else _number
            said += shown(p.value)
            if math.isfinite(p.low) and math.isfinite(p.high):
                said += f" ({shown(p.low)} to {shown(p.high)})"
                spans.append(
                    {"x": axis(p.low), "x2": axis(p.high), "y": at, "y2": at, "width": 2.4, "colour": p.colour}
                )
            fill = p.colour if p.filled else "white"
            figures = {"value": p.value, "low": _or_none(p.low), "high": _or_none(p.high)}
            dots.append({**about, **figures, "x": axis(p.value), "shape": p.shape, "fill": fill, "said": said})
            if p.text:
                left_side = p.side == "left"
                canvas.text(
                    axis(p.value) + (-10 if left_side else 10),
                    at,
                    p.text,
                    colour=p.colour,
                    align="right" if left_side else "left",
                )
        if lane.figure:
            canvas.text(width - margin + 52, at, lane.figure, align="right", colour=INK)
        if lane.word:
            canvas.text(width - margin + 58, at, lane.word, colour=GREY)
    canvas.segments(spans)
    canvas.points(dots)
    return canvas.chart(bottom + 22, title, subtitle, description)


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


# -- what the pictures are of ---------------------------------------------------------------------------------------


def _of(result: Found) -> Findings:
    """Return findings, if there is something to draw them with."""
    try:
        import altair  # noqa: F401
    except ImportError:
        fail("Pictures need altair", "it is not installed", "Install it: pip install 'sp2lnob[report]'.")
    return result.findings()


def _asked(found: Findings) -> Mapping[str, Any]:
    asked = found.manifest.get("asked")
    return asked if isinstance(asked, Mapping) else {}


def _level(found: Findings) -> str:
    """Return how wide intervals are, as text."""
    return f"{100 * float(_asked(found).get('level', 0.95)):g}%"


def _opportunity(found: Findings, name: str) -> Mapping[str, Any]:
    """Return what was asked of an opportunity."""
    fail_if_unknown(name, found.trees, "An opportunity")
    return next((made for made in _asked(found).get("opportunities", []) if made["name"] == name), {})


def _barrier(found: Findings, name: str) -> bool:
    return _opportunity(found, name).get("kind") == "barrier"


def _pick(found: Findings, what: str, ask: str, **fields: str) -> "pd.DataFrame":
    """Return the rows that have these fields."""
    frame = found.estimates
    keep = (frame["statistic"] != "") & True
    for name, value in fields.items():
        keep &= frame[name] == value
    if not keep.any():
        fail(f"A picture of {what} needs these rows", "there are none", ask)
    return frame[keep]


def _point(row: Mapping[str, Any], **style: Any) -> _Point:
    """Return a point of a tidy row."""
    return _Point(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]), flag=str(row["flag"]), **style)


def _figure(point: _Point, form: str = "%") -> str:
    """Return a point's value as text, in parentheses if it rests on few cases."""
    if not math.isfinite(point.value):
        return "–"
    text = _percent(point.value) if form == "%" else _number(point.value)
    return f"({text})" if "n<50" in point.flag.split(";") else text


def _lane(row: Mapping[str, Any], scenario: str, colour: str = AFTER) -> _Lane:
    """Return the lane of a scenario: before is hollow and grey, after is filled."""
    before = scenario == "before"
    point = _point(row, series=scenario, colour=BEFORE if before else colour, filled=not before)
    return _Lane((point,), _figure(point), scenario)


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _levels(frame: "pd.DataFrame") -> list[str]:
    """Return the levels of a domain: numbers by their size, others as they come."""
    levels = [str(level) for level in dict.fromkeys(frame["level"])]
    return sorted(levels, key=int) if all(level.isdigit() for level in levels) else levels


def _named(by: str, level: str, last: str) -> str:
    """Return a level as a reader knows it."""
    ends = {"1": "1 poorest", last: f"{last} richest"} if by in ("decile", "quintile") else {}
    return "everybody" if by == "all" else ends.get(level, level)


# -- pictures -------------------------------------------------------------------------------------------------------


def tree(result: Found, opportunity: str, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw who is left behind: the tree of an opportunity, from everybody on the left to the groups on the right."""
    found = _of(result)
    barrier = _barrier(found, opportunity)
    made = found.trees[opportunity]
    nodes = {node["node"]: node for node in made["nodes"]}
    frame = found.groups[found.groups["opportunity"] == opportunity]
    group = {row["group"]: row for row in _records(frame)}
    width -= 20
    canvas = _Canvas(width)
    parent: dict[int, tuple[int, str]] = {}
    for t, node in nodes.items():
        if "left" in node:
            for side in ("left", "right"):
                parent[node[side]] = (t, f"{node['circumstance']}: {' + '.join(node[f'{side}_levels'])}")
    depth = {0: 0}
    for t in sorted(parent):
        depth[t] = depth[parent[t][0]] + 1
    deepest = max(depth.values())
    step = min(44.0, 200 / max(deepest, 1))
    strip = 190.0
    rates = [r[k] for r in group.values() for k in ("before", "before_low", "before_high")]
    axis = _axis(rates, width - strip + 8, width - 60, "%", True, 1.0)
    order: list[int] = []

    def walk(t: int) -> None:
        node = nodes[t]
        ends = [node[side] for side in ("left", "right") if "left" in node]
        # The one further behind stands above.
        ends.sort(key=lambda c: (nodes[c]["rate"] is None, (nodes[c]["rate"] or 0.0) * (-1 if barrier else 1)))
        if ends:
            walk(ends[0])
        order.append(t)
        if ends:
            walk(ends[1])

    walk(0)
    x = {t: 8 + step * depth[t] for t in nodes}
    y: dict[int, float] = {}
    at = 0.0
    spans, dots = [], []
    for t in order:
        node = nodes[t]
        label = parent[t][1] if t in parent else "everybody"
        text_at = x[t] + 14
        lines = _wrap(label, width - strip - text_at - 8, TEXT, 2)
        leaf = group.get(node.get("group", -1), {})
        tag = "behind" if leaf.get("furthest_behind") else "ahead" if leaf.get("furthest_ahead") else ""
        if len(group) < 2:
            tag = ""
        tall = 17 * len(lines) + 16 * (2 if tag else 1) + 12
        y[t] = at + tall / 2
        top = at + 6 + 8
        colour = {"behind": BEHIND, "ahead": AHEAD, "": INK}[tag]
        weight = "bold" if "group" in node else "normal"
        canvas.text(text_at, top, "\n".join(lines), size=TEXT, weight=weight, colour=colour, full=label)
        top += 17 * len(lines)
        canvas.text(text_at, top, f"{_percent(node['share'])} of people, n {node['n']:,}", colour=GREY)
        if tag:
            canvas.text(text_at, top + 16, TAGS[tag], colour=colour, weight="bold")
        rate = "n<25" if node["rate"] is None else _percent(node["rate"])
        canvas.text(
            width, y[t], rate, align="right", colour=colour if "group" in node else GREY, weight=weight, size=TEXT
        )
        if "group" in node:
            shape = {"behind": "triangle-down", "ahead": "triangle-up", "": "circle"}[tag]
            point = {
                "label": label,
                "share": node["share"],
                "n": node["n"],
                "y": y[t],
                "shape": shape,
                "colour": colour,
            }
            if node["rate"] is None:
                dots.append({**point, "x": axis(axis.low), "fill": "white", "said": f"{label}: withheld"})
            else:
                low, high = float(leaf["before_low"]), float(leaf["before_high"])
                said = f"{label}: {rate}"
                if math.isfinite(low):
                    spans.append(
                        {"x": axis(low), "x2": axis(high), "y": y[t], "y2": y[t], "width": 2.4, "colour": colour}
                    )
                dots.append({**point, "x": axis(node["rate"]), "value": node["rate"], "fill": colour, "said": said})
        at += tall
    canvas.axis(axis, 0, at)
    branches = []
    for t, (above, label) in parent.items():
        wide = THICKEST * nodes[t]["share"]
        about = {"label": label, "share": nodes[t]["share"], "width": wide, "colour": "#b5b5b5"}
        branches.append({**about, "x": x[above], "x2": x[above], "y": y[above], "y2": y[t]})
        branches.append({**about, "x": x[above] - wide / 2, "x2": x[t], "y": y[t], "y2": y[t]})
    canvas.segments(branches)
    canvas.segments(spans)
    canvas.points(dots)
    return canvas.chart(
        at + 22,
        f"Who is left behind: {opportunity}",
        f"Lines are {_level(found)} intervals.",
        f"Tree of {opportunity}.",
    )


def gap(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw every opportunity's average between the groups furthest behind and furthest ahead."""
    found = _of(result)
    ask = "Name an opportunity in assess()."
    frame = _pick(found, "gaps", ask, by="all")
    rows = []
    for name in dict.fromkeys(_pick(found, "gaps", ask, statistic="gap")["of"]):
        lanes = []
        for scenario in ("before", "after"):
            these = frame[(frame["of"] == name) & (frame["scenario"] == scenario)].set_index("statistic")
            if "access" not in these.index:
                continue
            filled = scenario == "after"
            ends = {key: float(these.loc[key, "value"]) for key in ("furthest_behind", "furthest_ahead")}
            first = min(ends, key=lambda key: ends[key])
            points = [
                _point(
                    these.loc[key],
                    series=f"{key.replace('_', ' ')} {scenario}",
                    colour=BEHIND if key == "furthest_behind" else AHEAD,
                    shape="triangle-down" if key == "furthest_behind" else "triangle-up",
                    filled=filled,
                    text=_percent(ends[key]),
                    side="left" if key == first else "right",
                )
                for key in ends
            ]
            average = _point(these.loc["access"], series=f"average {scenario}", colour=INK, filled=filled)
            lanes.append(_Lane((*points, average), _figure(average), scenario))
        rows.append(_Row(str(name), tuple(lanes)))
    return _rows(
        rows,
        title="The gap between those furthest behind and furthest ahead",
        subtitle=f"▼ furthest behind, ● average with its {_level(found)} interval, ▲ furthest ahead.",
        description="Gaps.",
        width=width,
        form="%",
        top=1.0,
        join=True,
    )


def groups(result: Found, opportunity: str, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw an opportunity's groups before and after, from the furthest behind to the furthest ahead."""
    found = _of(result)
    _opportunity(found, opportunity)
    rows = []
    for row in _records(found.groups[found.groups["opportunity"] == opportunity]):
        colour = BEHIND if row["furthest_behind"] else AHEAD if row["furthest_ahead"] else INK
        lanes = []
        for scenario in ("before", "after"):
            tidy = {
                "value": row[scenario],
                "ci_low": row[f"{scenario}_low"],
                "ci_high": row[f"{scenario}_high"],
                "flag": row["flag"],
            }
            if scenario == "before" or math.isfinite(row["after"]):
                lanes.append(_lane(tidy, scenario, colour))
        rows.append(
            _Row(str(row["label"]), tuple(lanes), f"{_percent(row['share'])} of people, n {row['n']:,}", colour)
        )
    return _rows(
        rows,
        title=f"{opportunity}: groups before and after",
        subtitle=f"Lines are {_level(found)} intervals.",
        description="Groups.",
        width=width,
        form="%",
        top=1.0,
    )


def dissimilarity(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw the dissimilarity index of every opportunity."""
    found = _of(result)
    frame = _pick(found, "dissimilarity", "Name an opportunity in assess().", statistic="d_index")
    frame = frame[frame["scenario"] != "change"]
    rows = []
    for name in dict.fromkeys(frame["of"]):
        lanes = tuple(
            _Lane(
                (_point(row, series=f"{row['param']} {row['scenario']}", filled=row["scenario"] == "after"),),
                f"{row['value']:.3f}",
                f"{str(row['param']).split()[0]}, {row['scenario']}",
            )
            for row in _records(frame[frame["of"] == name])
        )
        rows.append(_Row(str(name), lanes))
    return _rows(
        rows,
        title="Dissimilarity index",
        subtitle="Biased upward where cells are small: no interval is given.",
        description="Dissimilarity.",
        width=width,
        form="",
        margin=190,
    )


def lorenz(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw Lorenz curves before and after."""
    found = _of(result)
    frame = _pick(found, "the Lorenz curve", "Give the survey welfare.", statistic="lorenz", by="all")
    width -= 20
    canvas = _Canvas(width)
    side = min(width - 60, 440.0)
    across, down = _axis([0, 1], 40, 40 + side, "%"), _axis([0, 1], side, 0, "%")
    canvas.axis(across, 0, side)
    lines = [{"x": across(0), "y": down(0), "x2": across(1), "y2": down(1), "width": 1, "colour": "#aaaaaa"}]
    spans, dots = [], []
    for scenario, colour in (("before", BEFORE), ("after", AFTER)):
        rows = _records(frame[frame["scenario"] == scenario])
        at = [(0.0, 0.0), *((float(row["param"][2:]), row["value"]) for row in rows), (1.0, 1.0)]
        lines += [
            {"x": across(a), "y": down(b), "x2": across(c), "y2": down(d), "width": 1.5, "colour": colour}
            for (a, b), (c, d) in zip(at, at[1:], strict=False)
            if rows
        ]
        for row in rows:
            p = float(row["param"][2:])
            spans.append(
                {
                    "x": across(p),
                    "x2": across(p),
                    "y": down(row["ci_low"]),
                    "y2": down(row["ci_high"]),
                    "width": 2,
                    "colour": colour,
                }
            )
            fill = "white" if scenario == "before" else colour
            dots.append(
                {
                    "x": across(p),
                    "y": down(row["value"]),
                    "value": row["value"],
                    "label": row["param"],
                    "series": scenario,
                    "colour": colour,
                    "fill": fill,
                    "shape": "circle",
                    "said": _percent(row["value"]),
                }
            )
    canvas.segments(lines)
    canvas.segments(spans)
    canvas.points(dots, 30)
    return canvas.chart(side + 22, "Share of welfare of the poorest", "Lorenz curves.", "Lorenz.")


def poverty(result: Found, *, by: str = "all", width: float = WIDTH) -> "alt.LayerChart":
    """Draw headcount and poverty gap of every line before and after."""
    found = _of(result)
    ask = "Give assess() lines=, and name the column in by=."
    frame = found.estimates
    rows = []
    for line in dict.fromkeys(_pick(found, "poverty", ask, statistic="headcount", by=by)["of"]):
        for statistic, name in (("headcount", "headcount"), ("poverty_gap", "poverty gap")):
            these = frame[(frame["statistic"] == statistic) & (frame["of"] == line) & (frame["by"] == by)]
            for level in _levels(these):
                at = {row["scenario"]: row for row in _records(these[these["level"] == level])}
                lanes = tuple(_lane(at[s], s) for s in ("before", "after") if s in at)
                change = at.get("change")
                note = "" if change is None else f"{_points(change['value'])} points"
                rows.append(_Row(f"{line}: {name}" + ("" if by == "all" else f", {level}"), lanes, note))
    return _rows(
        rows,
        title="Poverty before and after",
        subtitle=f"Lines are {_level(found)} intervals.",
        description="Poverty.",
        width=width,
        form="%",
        top=1.0,
    )


def _by(result: Found, statistic: str, by: str, of: str, title: str, width: float) -> "alt.LayerChart":
    found = _of(result)
    ask = f"Give assess() a package, and by=[{by!r}]."
    frame = _pick(found, title, ask, statistic=statistic, by=by, of=of, scenario="after")
    levels = _levels(frame)
    at = {row["level"]: row for row in _records(frame)}
    rows = []
    for level in levels:
        point = _point(at[level])
        rows.append(_Row(_named(by, level, levels[-1]), (_Lane((point,), _figure(point)),)))
    return _rows(
        rows,
        title=title,
        subtitle=f"Lines are {_level(found)} intervals.",
        description=title,
        width=width,
        form="%",
        left=110,
        margin=60,
    )


def coverage(result: Found, *, by: str = "decile", of: str = "package", width: float = WIDTH) -> "alt.LayerChart":
    """Draw who lives with a recipient."""
    return _by(result, "coverage", by, of, "People who live with a recipient", width)


def gain(result: Found, *, by: str = "decile", of: str = "package", width: float = WIDTH) -> "alt.LayerChart":
    """Draw what the package adds to welfare."""
    return _by(result, "consumption_gain", by, of, "What the package adds to welfare", width)


def cost(result: Found, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw what every scheme costs in a year."""
    found = _of(result)
    frame = _pick(found, "cost", "Give assess() a package.", statistic="total_cost", scenario="after")
    rows = []
    for row in _records(frame):
        point = _point(row)
        rows.append(_Row(str(row["of"]), (_Lane((point,), _figure(point, "")),)))
    return _rows(
        rows,
        title="Cost a year",
        subtitle=f"Lines are {_level(found)} intervals.",
        description="Cost.",
        width=width,
        form="",
    )


# -- files ----------------------------------------------------------------------------------------------------------

SVG = "http://www.w3.org/2000/svg"


def svg(chart: "alt.LayerChart", prefix: str = "plot") -> str:
    """Return a chart as SVG that several of may stand in one page, with its text alternative."""
    import io

    made = io.StringIO()
    chart.save(made, format="svg")
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(made.getvalue())
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", f"{prefix}-{element.get('id')}")
        for key, value in element.attrib.items():
            if "url(#" in value:
                element.set(key, value.replace("url(#", f"url(#{prefix}-"))
    told = chart.to_dict()
    head = told["title"]["text"]
    for name, text in (
        ("desc", str(told["description"])),
        ("title", " ".join([head] if isinstance(head, str) else head)),
    ):
        element = ElementTree.Element(f"{{{SVG}}}{name}", {"id": f"{prefix}-{name}"})
        element.text = text
        root.insert(0, element)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
    return ElementTree.tostring(root, encoding="unicode")


def save(chart: "alt.LayerChart", path: str | Path) -> Path:
    """Write a chart as .svg or .png."""
    path = Path(path)
    if path.suffix == ".svg":
        path.write_text(svg(chart), encoding="utf-8", newline="\n")
    elif path.suffix == ".png":
        import vl_convert

        path.write_bytes(vl_convert.svg_to_png(svg(chart), scale=2))
    else:
        fail("A picture's file must end in .svg or .png", f"it is {path.name!r}", "Name it so.")
    return path
