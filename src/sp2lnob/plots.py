"""Pictures of what was found, as Altair charts.

A picture knows ``Findings`` alone. Rows stand where this file puts them, in pixels, and nothing is left to the fonts of
a machine: no label meets another, and the same findings give the same bytes. Text from data is data: never a field
name, an expression or markup. What has an interval shows it; what was withheld is a hollow mark at the axis and the
word, and never a zero. Before is hollow and grey, after is filled; who is furthest behind or ahead has a shape of its
own, so that nothing rests on colour alone.

Below: words and how long they are; the canvas; what findings say; the pictures; files.
"""

import math
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from xml.etree import ElementTree

from ._validate import fail, fail_if_unknown, fail_type, number
from .disclosure import FEW, few_cases
from .findings import Findings

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

__all__ = ["cost", "coverage", "dissimilarity", "gain", "gap", "groups", "lorenz", "poverty", "save", "svg", "tree"]

WIDTH = 600  # pixels; shown on a phone, its text is still 8 pixels high
EDGE = 10  # white around a picture
INK, GREY, LINE, GRID = "#1a1a1a", "#595959", "#b5b5b5", "#e2e2e2"
BEHIND, AHEAD, BEFORE = "#D55E00", "#0072B2", "#8a8a8a"  # the first two are Okabe and Ito's
WORDS = {BEHIND: "#a84a00", BEFORE: GREY}  # what is light enough for a mark is too light for words
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, Noto Sans, sans-serif"
TITLE, TEXT, SMALL = 17.0, 14.0, 13.0  # pixels
LEADING = 18.0  # from line to line
LANE = 20.0  # from lane to lane
THICKEST = 16.0  # the branch of everybody
SHAPES = {"behind": "triangle-down", "ahead": "triangle-up", "": "circle"}
SIGNS = {"behind": "▼", "ahead": "▲", "": ""}
ASK = {
    "opportunity": "Name an opportunity in assess().",
    "welfare": "Give the Survey welfare=.",
    "line": "Give assess() lines=, and name the column in by=.",
    "package": "Give assess() a package, and name the column in by=.",
}
UNITS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"))
ENDS = {"behind": BEHIND, "ahead": AHEAD, "": INK}

Align = Literal["left", "center", "right"]
Weight = Literal["normal", "bold"]


class Found(Protocol):
    """Anything that holds findings: an ``Assessment``, or ``Findings`` themselves."""

    def findings(self) -> Findings:
        """Return what is published."""
        ...


# -- words, and how long they are -----------------------------------------------------------------------------------


def _sign(text: str) -> str:
    """Return a number's text with a minus sign in place of a hyphen."""
    return text.replace("-", "\u2212")


def _percent(share: float) -> str:
    """Return a share to a tenth of a percent; of one that this would make nothing, the first digit."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return _sign(f"{share:.1%}" if abs(share) >= 0.0005 else f"{100 * share:.1g}%")


def _points(change: float) -> str:
    """Return a change of a share in percentage points, with its sign."""
    points = 100 * change
    if points == 0:
        return "0"
    return _sign(f"{points:+.1f}" if abs(points) >= 0.05 else f"{points:+.1g}")


def _three(value: float) -> str:
    """Return a number to three digits or to its last whole one."""
    if abs(value) >= 100 or value == 0:
        return _sign(f"{value:,.0f}")
    return _sign(f"{value:.{2 - math.floor(math.log10(abs(value)))}f}")


@dataclass(frozen=True)
class _Kind:
    """How values of a kind are written, and the ticks of their axis."""

    show: Callable[[float], str]
    tick: Callable[[float], str]

    def ends(self, low: float, high: float) -> str:
        """Return an interval in parentheses, or nothing if there is none."""
        return f" ({self.show(low)} to {self.show(high)})" if math.isfinite(low) and math.isfinite(high) else ""


PERCENT = _Kind(_percent, lambda tick: _sign(f"{100 * tick:.6g}%"))
OF_GDP = _Kind("{:.2%}".format, PERCENT.tick)
CHANGE = _Kind(_points, lambda tick: _points(tick))
INDEX = _Kind("{:.3f}".format, "{:.6g}".format)
MONEY = _Kind(_three, lambda tick: _sign(f"{tick:,.6g}"))


def _plain(text: object) -> str:
    """Return a text on one line, without what no page can show: control characters and overrides of direction."""
    letters = (c for c in str(text) if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
    return " ".join(
        "".join(c for c in letters if not "\u202a" <= c <= "\u202e" and not "\u2066" <= c <= "\u2069").split()
    )


def _em(letter: str) -> float:
    """Return how wide a character about is, in font sizes."""
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in "iljtfI.,:;|'!()[] ":
        return 0.3
    return 0.87 if letter in "mwMW%@" else 0.7 if letter.isupper() else 0.56


def _long(text: str, size: float) -> float:
    """Return how long a text about is, in pixels."""
    return size * sum(map(_em, text))


def _letters(word: str) -> list[str]:
    """Return a word's letters, each with its marks: these must not be parted."""
    letters: list[str] = []
    for c in word:
        # A virama (class 9) and a joiner bind the letter that follows.
        bound = letters and (unicodedata.combining(letters[-1][-1]) == 9 or letters[-1][-1] == "\u200d")
        if bound or (letters and unicodedata.category(c) in ("Mn", "Mc", "Me", "Cf")):
            letters[-1] += c
        else:
            letters.append(c)
    return letters


def _wrap(text: str, width: float, size: float, most: int = 3) -> list[str]:
    """Return a text in lines of at most a width; what is left after the most lines becomes an ellipsis."""
    lines = [""]
    for word in _plain(text).split():
        joined = f"{lines[-1]} {word}".strip()
        if _long(joined, size) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in _letters(word):
            if lines[-1] and _long(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    if len(lines) <= most:
        return lines
    last = _letters(lines[most - 1])
    while last and _long("".join(last) + "…", size) > width:
        last.pop()
    return [*lines[: most - 1], "".join(last).rstrip() + "…"]


# -- the canvas -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Axis:
    """Where values stand: from pixel ``start`` to pixel ``end``."""

    ticks: tuple[float, ...]
    start: float
    end: float

    def __call__(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def _axis(values: Iterable[float], start: float, end: float, zero: bool | None = True) -> _Axis:
    """Return an axis of round ticks that holds all values, and zero; if ``zero`` is None, zero if it is not far."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if zero or (zero is None and low < 0.5 * high):
        low, high = min(low, 0.0), max(high, 0.0)
    most = max(abs(low), abs(high))
    if high - low <= 1e-6 * most:
        low, high = min(low, 0.0), max(high, 0.0)
    if most < 1e-300:
        low, high = 0.0, 1.0
    rough = (high - low) / max(2.0, abs(end - start) / 90)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(k for k in (1, 2, 2.5, 5, 10) if k * power >= 0.999 * rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return _Axis(tuple(float(f"{k * step:.12g}") for k in range(first, last + 1)), start, end)


@dataclass(frozen=True)
class _Point:
    """A value with its interval, and how it is drawn."""

    value: float
    low: float = math.nan
    high: float = math.nan
    flag: str = ""
    n: int = FEW
    series: str = ""
    colour: str = INK
    filled: bool = True
    shape: str = "circle"
    beside: str = ""  # the side on which its value is written

    def shown(self, kind: _Kind) -> str:
        """Return the value, in parentheses if it rests on few cases; or why there is none."""
        if not math.isfinite(self.value):
            return f"withheld ({few_cases(self.n) or f'n {self.n}'})" if "withheld" in self.flag else "no figure"
        return f"({kind.show(self.value)})" if few_cases(self.n) else kind.show(self.value)

    def said(self, kind: _Kind) -> str:
        """Return the value and its interval."""
        return self.shown(kind) + (kind.ends(self.low, self.high) if math.isfinite(self.value) else "")


@dataclass(frozen=True)
class _Lane:
    """A line of points; on its right a figure and a word."""

    points: tuple[_Point, ...]
    figure: str = ""
    word: str = ""


@dataclass(frozen=True)
class _Row:
    """Lanes under one label; a note beside it, and a last word below."""

    label: str
    lanes: tuple[_Lane, ...]
    note: str = ""
    below: str = ""
    end: str = ""  # "behind" or "ahead"
    apart: bool = False  # from the row above


@dataclass(frozen=True)
class _Words:
    """What a picture says of itself; the last is its text alternative."""

    title: str
    subtitle: Sequence[str]
    description: str


@dataclass
class _Canvas:
    """Marks to be drawn, in pixels from the left and from the top."""

    width: float
    grid: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[tuple[Align, Weight], list[dict[str, Any]]] = field(default_factory=dict)

    def text(
        self,
        x: float,
        y: float,
        lines: str | Sequence[str],
        *,
        colour: str = INK,
        size: float = SMALL,
        bold: bool = False,
        align: Align = "left",
    ) -> None:
        """Write lines, the middle of the first at y."""
        lines = [_plain(lines)] if isinstance(lines, str) else lines
        item = {"x": x, "y": y, "text": "\n".join(lines), "colour": WORDS.get(colour, colour), "size": size}
        self.texts.setdefault((align, "bold" if bold else "normal"), []).append(item)

    def segment(self, x: float, y: float, x2: float, y2: float, width: float, colour: str, **about: Any) -> None:
        """Draw a segment."""
        self.segments.append({"x": x, "y": y, "x2": x2, "y2": y2, "width": width, "colour": colour, **about})

    def under(self, x: float, y: float, x2: float, y2: float, width: float = 1, colour: str = GRID) -> None:
        """Draw a segment behind all others."""
        self.grid.append({"x": x, "y": y, "x2": x2, "y2": y2, "width": width, "colour": colour})

    def ruler(self, axis: _Axis, top: float, bottom: float) -> None:
        """Draw an axis' light lines, from a top to a bottom."""
        for tick in axis.ticks:
            self.under(axis(tick), top, axis(tick), bottom)

    def ticks(self, axis: _Axis, y: float, kind: _Kind) -> None:
        """Write an axis' values; those at its ends stay within the picture."""
        for tick in axis.ticks:
            text = kind.tick(tick)
            half = _long(text, SMALL) / 2
            self.text(min(max(axis(tick), half), self.width - half), y, text, colour=GREY, align="center")

    def point(
        self, point: _Point, x: "_Axis | float", y: "_Axis | float", label: str, kind: _Kind, **about: Any
    ) -> None:
        """Draw a point with its interval along the axis; without a value, a hollow mark at the axis and why."""
        axis = x if isinstance(x, _Axis) else y
        assert isinstance(axis, _Axis)

        def at(value: float, aside: float = 0.0) -> tuple[float, float]:
            return (
                axis(value) if isinstance(x, _Axis) else x + aside,
                axis(value) if isinstance(y, _Axis) else y + aside,
            )

        about = {"label": _plain(label), "series": point.series, "flag": point.flag, **about}
        about["said"] = ": ".join(part for part in (about["label"], point.series, point.said(kind)) if part)
        if not math.isfinite(point.value):
            left, top = at(axis.ticks[0])
            text = ": ".join(part for part in (point.series, point.shown(kind)) if part)
            self.segment(left, top, left + _long(text, SMALL) + 14, top, LEADING - 2, "white")  # words stand on white
            self.points.append({**about, "x": left, "y": top, "colour": GREY, "fill": "white", "shape": "square"})
            self.text(left + 10, top, text, colour=GREY)
            return
        if math.isfinite(point.low) and math.isfinite(point.high):
            about |= {"low": point.low, "high": point.high}
            self.segment(*at(point.low), *at(point.high), 2, point.colour)
            for end in (point.low, point.high):  # seen even where the interval is narrower than the point
                self.segment(*at(end, -4.5), *at(end, 4.5), 1.2, point.colour)
        fill = point.colour if point.filled and not few_cases(point.n) else "white"
        left, top = at(point.value)
        place = {"x": left, "y": top, "colour": point.colour, "fill": fill, "shape": point.shape}
        self.points.append({**about, **place, "value": point.value})
        if point.beside:
            align: Align = "right" if point.beside == "left" else "left"
            self.text(left + (10 if align == "left" else -10), top, point.shown(kind), colour=point.colour, align=align)

    def chart(self, height: float, words: _Words) -> "alt.LayerChart":
        """Return what was drawn, under its title, in a picture of the width asked for."""
        import altair as alt

        def place(items: Sequence[Mapping[str, Any]]) -> alt.Chart:
            # Pixels, not values: `scale=None` says so.
            return alt.Chart(alt.InlineData(values=list(items))).encode(
                x=alt.X("x:Q", scale=None, axis=None), y=alt.Y("y:Q", scale=None, axis=None)
            )

        layers = [
            place(items)
            .mark_rule(strokeCap="butt", aria=False)
            .encode(
                x2="x2:Q",
                y2="y2:Q",
                strokeWidth=alt.StrokeWidth("width:Q", scale=None, legend=None),
                stroke=alt.Stroke("colour:N", scale=None, legend=None),
            )
            for items in (self.grid, self.segments)
            if items
        ]
        if self.points:
            layers.append(
                place(self.points)
                .mark_point(size=46, strokeWidth=1.6, opacity=1)
                .encode(
                    shape=alt.Shape("shape:N", scale=None, legend=None),
                    stroke=alt.Stroke("colour:N", scale=None, legend=None),
                    fill=alt.Fill("fill:N", scale=None, legend=None),
                    description=alt.Description("said:N"),
                    tooltip=alt.Tooltip("said:N", title=" "),
                )
            )
        layers += [
            place(items)
            .mark_text(
                align=align, fontWeight=weight, baseline="middle", lineBreak="\n", lineHeight=LEADING, aria=False
            )
            .encode(
                text="text:N",
                size=alt.Size("size:Q", scale=None, legend=None),
                color=alt.Color("colour:N", scale=None, legend=None),
            )
            for (align, weight), items in self.texts.items()
        ]
        title = _wrap(words.title, self.width, TITLE * 1.04)
        subtitle = [line for part in words.subtitle for line in _wrap(part, self.width, SMALL, 6)]
        return _theme(
            alt.LayerChart(
                layer=layers,
                width=self.width,
                height=height,
                title=alt.TitleParams(title, subtitle=subtitle),
                description=_plain(words.description),
                autosize=alt.AutoSizeParams(type="none"),
                padding={
                    "left": EDGE,
                    "right": EDGE,
                    "top": len(title) * (TITLE + 4) + len(subtitle) * LEADING + 22,
                    "bottom": 6.0,
                },
            )
        )


def _theme(chart: "alt.LayerChart") -> "alt.LayerChart":
    """Return a chart in the one look that all pictures have; nothing is set for other charts."""
    import altair as alt

    themed = chart.copy(deep=False)
    themed.config = alt.Config(
        font=FONT,
        background="white",
        view=alt.ViewConfig(stroke=None),
        title=alt.TitleConfig(
            anchor="start",
            frame="group",
            color=INK,
            fontSize=TITLE,
            fontWeight="bold",
            lineHeight=TITLE + 4,
            subtitleColor=GREY,
            subtitleFontSize=SMALL,
            subtitleLineHeight=LEADING,
            subtitlePadding=6,
            offset=10,
        ),
    )
    return themed


def _draw(
    rows: Sequence[_Row],
    words: _Words,
    kind: _Kind,
    *,
    width: float,
    label: float = 0,
    figure: float = 0,
    word: float = 0,
    beside: float = 0,
    zero: bool | None = True,
    bars: bool = False,
    lane: float = LANE,
) -> "alt.LayerChart":
    """Draw rows of points, or of bars, on one axis.

    Labels stand above their lanes, or on the left if ``label`` gives them room; ``figure`` and ``word`` are the room on
    the right, ``beside`` that for values on either side of their points.
    """
    canvas = _Canvas(_inner(width))
    points = [point for row in rows for line in row.lanes for point in line.points]
    values = [value for point in points for value in (point.value, point.low, point.high)]
    right = canvas.width - figure - word - 8
    axis = _axis(values, label + beside + 8, right - beside, zero)
    y = 0.0
    for row in rows:
        colour = ENDS[row.end]
        name = f"{SIGNS[row.end]} {row.label}".strip()
        if label:
            y += 10 if row.apart else 0
            lines = _wrap(name, label - 8, TEXT, 2)
            middle = y + lane * len(row.lanes) / 2 + 1 - (len(lines) - 1) * LEADING / 2
            canvas.text(label - 6, middle, lines, size=TEXT, align="right", colour=colour)
        else:
            room = _long(row.note, SMALL) + 16
            aside = room <= 0.45 * canvas.width
            lines = _wrap(name, canvas.width - (room if aside and row.note else 0), 1.06 * TEXT)
            canvas.text(0, y + 9, lines, size=TEXT, bold=True, colour=colour)
            y += LEADING * len(lines)
            if row.note:
                canvas.text(
                    canvas.width if aside else 0,
                    y + 9 - (LEADING * len(lines) if aside else 0),
                    row.note,
                    colour=GREY,
                    align="right" if aside else "left",
                )
                y += 0 if aside else LEADING
            y += 3
        canvas.ruler(axis, y, y + lane * len(row.lanes) + 2)
        for line in row.lanes:
            y += lane
            middle = y - lane / 2 + 1
            seen = [axis(point.value) for point in line.points if math.isfinite(point.value)]
            if len(seen) > 1:
                canvas.segment(min(seen), middle, max(seen), middle, 1, LINE)
            for point in line.points:
                if bars and math.isfinite(point.value):
                    about = {"label": _plain(row.label), "series": point.series, "value": point.value}
                    canvas.segment(axis(0), middle, axis(point.value), middle, 11, point.colour, **about)
                else:
                    canvas.point(point, axis, middle, row.label, kind)
            canvas.text(right + 4 + figure, middle, line.figure, align="right")
            canvas.text(right + 10 + figure, middle, line.word, colour=GREY)
        y += 2
        for text in _wrap(row.below, canvas.width, SMALL) if row.below else ():
            canvas.text(canvas.width, y + 9, text, colour=GREY, align="right")
            y += LEADING
        y += 12 if not label else 4 if len(row.lanes) > 1 else 0
    canvas.ticks(axis, y - (0 if label else 10) + 12, kind)
    return canvas.chart(y + (24 if label else 14), replace(words, subtitle=[*words.subtitle, *_few(points)]))


def _few(points: Iterable[_Point]) -> list[str]:
    """Return what is to be said of figures from few cases."""
    points = list(points)
    shown = any(math.isfinite(point.value) and few_cases(point.n) for point in points)
    hidden = any("withheld" in point.flag for point in points)
    return [
        *([f"Hollow, figure in parentheses: from fewer than {FEW} cases."] if shown else []),
        *(["Withheld: from too few cases to be published."] if hidden else []),
    ]


# -- what findings say ----------------------------------------------------------------------------------------------


def _of(result: Found) -> Findings:
    """Return findings, if there is something to draw them with."""
    try:
        import altair  # noqa: F401
    except ImportError:
        fail("Pictures need altair", "it is not installed", "Install it: pip install 'sp2lnob[report]'.")
    if not hasattr(result, "findings"):
        fail_type("A picture takes an Assessment or Findings", result, "Pass what assess() or read_results() returned.")
    return result.findings()


def _inner(width: float) -> float:
    """Return what the white edges leave of a picture's width."""
    return number(width, "The width of a picture", low=300) - 2 * EDGE


def _asked(found: Findings, *names: str) -> Any:
    """Return what the manifest holds of what was asked, or None."""
    value: Any = found.manifest.get("asked")
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _intervals(found: Findings) -> str:
    return f"{100 * float(_asked(found, 'level') or 0.95):g}% intervals"


def _opportunity(found: Findings, name: str) -> Mapping[str, Any]:
    """Return what was asked of an opportunity, as far as it is known."""
    fail_if_unknown(name, found.trees, "An opportunity")
    listed = _asked(found, "opportunities") or []
    return next((asked for asked in listed if asked.get("name") == name), {})


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


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _point(row: Mapping[str, Any], **style: Any) -> _Point:
    """Return the point of a tidy row."""
    value, low, high = (float(row[name]) for name in ("value", "ci_low", "ci_high"))
    return _Point(value, low, high, str(row["flag"]), int(row["n"]), **style)


def _in(row: Mapping[str, Any], scenario: str, colour: str = INK, shape: str = "circle") -> _Point:
    """Return the point of a scenario: before is hollow, after is filled."""
    before = scenario == "before"
    return _point(row, series=scenario, colour=BEFORE if before else colour, filled=not before, shape=shape)


def _lane(point: _Point, word: str, kind: _Kind = PERCENT) -> _Lane:
    """Return the lane of one point, its figure and a word on the right."""
    return _Lane((point,), point.shown(kind) if math.isfinite(point.value) else "", word)


def _change(row: Mapping[str, Any] | None) -> str:
    """Return a change of a share in words, with its interval."""
    if row is None or not math.isfinite(row["value"]):
        return ""
    return f"{_points(row['value'])} points{CHANGE.ends(row['ci_low'], row['ci_high'])}"


def _all(points: Iterable[_Point | None]) -> list[float]:
    """Return the values of points and the ends of their intervals."""
    return [value for point in points if point for value in (point.value, point.low, point.high)]


def _has_after(found: Findings) -> bool:
    return bool((found.estimates["scenario"] == "after").any())


def _unique(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(map(str, values)))


def _levels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the levels of a domain: numbers by their size, others as they come."""
    levels = _unique(row["level"] for row in rows)
    return sorted(levels, key=int) if all(level.isdecimal() for level in levels) else levels


def _level_names(by: str, levels: Sequence[str]) -> dict[str, str]:
    """Return levels as readers know them."""
    names = {level: level for level in levels}
    if by in ("decile", "quintile") and len(levels) > 1:
        names |= {levels[0]: f"poorest {levels[0]}", levels[-1]: f"richest {levels[-1]}"}
    return names


def _sentence(parts: Iterable[str], most: int = 12) -> str:
    """Return parts as one sentence, not all of very many."""
    parts = list(parts)
    more = [f"and {len(parts) - most} more"] if len(parts) > most else []
    return "; ".join([*parts[:most], *more]) + "."


def _said(rows: Sequence[_Row], kind: _Kind) -> str:
    """Return what rows show, in words."""
    return _sentence(
        f"{row.label}: "
        + ", ".join(f"{point.series} {point.said(kind)}".strip() for lane in row.lanes for point in lane.points)
        + (f", {row.below}" if row.below else "")
        for row in rows
    )


# -- pictures -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """A group of an opportunity's tree."""

    label: str
    share: float
    n: int
    end: str  # "behind", "ahead" or neither
    figures: Mapping[str, Any]

    def point(self, scenario: str, **style: Any) -> _Point:
        """Return its rate, or the change of it."""
        value, low, high = (float(self.figures[f"{scenario}{end}"]) for end in ("", "_low", "_high"))
        return _Point(value, low, high, str(self.figures["flag"]), self.n, **style)


def _groups(found: Findings, opportunity: str) -> dict[int, _Group]:
    """Return an opportunity's groups by their numbers, from the furthest behind to the furthest ahead."""
    rows = _records(found.groups[found.groups["opportunity"] == opportunity])
    made = {}
    for row in rows:
        end = "behind" if row["furthest_behind"] else "ahead" if row["furthest_ahead"] else ""
        made[int(row["group"])] = _Group(
            str(row["label"]), float(row["share"]), int(row["n"]), end if len(rows) > 1 else "", row
        )
    return made


@dataclass(frozen=True)
class _Branch:
    """A node of a tree with the branch that leads to it."""

    at: int
    node: Mapping[str, Any]
    above: int  # the node it comes from; the root's is the root
    depth: int
    label: str


def _branches(made: Mapping[str, Any], barrier: bool) -> list[_Branch]:
    """Return a tree's nodes from top to bottom: each between what it parts into, those further behind above."""
    nodes = {node["node"]: node for node in made["nodes"]}

    def standing(t: int) -> tuple[bool, float]:
        rate = nodes[t]["rate"]
        return rate is None, 0.0 if rate is None else -rate if barrier else rate

    def walk(t: int, above: int, depth: int, label: str) -> Iterator[_Branch]:
        node = nodes[t]
        parts = [(node[side], side) for side in ("left", "right") if side in node]
        sides = [
            walk(child, t, depth + 1, f"{node['circumstance']}: {' + '.join(node[f'{side}_levels'])}")
            for child, side in sorted(parts, key=lambda part: standing(part[0]))
        ]
        yield from sides[0] if sides else ()
        yield _Branch(t, node, above, depth, label)
        yield from sides[1] if sides else ()

    return list(walk(0, 0, 0, ""))


def _average(found: Findings, opportunity: str) -> _Point:
    """Return the rate of everybody before."""
    frame = found.estimates
    keep = (frame["statistic"] == "access") & (frame["of"] == opportunity)
    rows = _records(frame[keep & (frame["scenario"] == "before") & (frame["by"] == "all")])
    return _point(rows[0], series="average") if rows else _Point(math.nan)


def _whom(asked: Mapping[str, Any]) -> str:
    """Return whom the shares of an opportunity's groups count."""
    return "households" if asked.get("unit") == "household" and asked.get("weigh") == "households" else "people"


def _headline(asked: Mapping[str, Any], leaves: Mapping[int, _Group], average: _Point) -> str:
    """Return average and extremes in words."""
    what = "Barrier" if asked.get("kind") == "barrier" else "Access"
    parts = [f"{average.said(PERCENT)} on average"] if math.isfinite(average.value) else []
    for end in ("behind", "ahead"):
        parts += [
            f"{leaf.point('before').shown(PERCENT)} furthest {end}" for leaf in leaves.values() if leaf.end == end
        ]
    return f"{what}: {', '.join(parts)}." if parts else ""


def _reading(found: Findings, asked: Mapping[str, Any], leaves: Mapping[int, _Group], what: str = "Bars") -> list[str]:
    """Return how to read groups: which are the ends, and what has no interval."""
    read = f"{what} are {_intervals(found)}"
    if len(leaves) < 2:
        return [f"{read}."]
    barrier = ["This is a barrier: the highest rate is furthest behind."] if asked.get("kind") == "barrier" else []
    return [*barrier, f"{read}; the two ends were picked for their rates and have none."]


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
    found = _of(result)
    asked = _opportunity(found, opportunity)
    leaves, average = _groups(found, opportunity), _average(found, opportunity)
    branches = _branches(found.trees[opportunity], asked.get("kind") == "barrier")
    points = [
        leaves[branch.node["group"]].point("before")
        if "group" in branch.node
        else average
        if branch.depth == 0
        else None
        for branch in branches
    ]
    canvas = _Canvas(_inner(width))
    wide = canvas.width >= 460  # on less there is no room for an axis, and intervals are written
    rate, strip = 62.0, 0.24 * canvas.width if wide else 0.0
    axis = _axis(_all(points), canvas.width - rate - strip + 8, canvas.width - rate - 8, None)
    step = min(44.0, (0.3 if wide else 0.2) * canvas.width / max(1, *(branch.depth for branch in branches)))
    x = {branch.at: THICKEST / 2 + step * branch.depth for branch in branches}
    y: dict[int, float] = {}
    bottom = 0.0
    for branch, point in zip(branches, points, strict=True):
        node, left = branch.node, x[branch.at] + 14
        group = leaves[node["group"]] if "group" in node else None
        end = group.end if group else ""
        room = canvas.width - rate - strip - left - 6
        lines = _wrap(branch.label or "everybody", room, 1.06 * TEXT)
        canvas.text(left, bottom + 15, lines, size=TEXT, bold=group is not None, colour=ENDS[end])
        about = [f"{_percent(node['share'])} of {_whom(asked)}, n {node['n']:,}"]
        about += [] if wide or not point else [PERCENT.ends(point.low, point.high).strip(" ()")]
        about = [line for text in about if text for line in _wrap(text, room, SMALL)]
        about += [f"{SIGNS[end]} furthest {end}"] if end else []
        for k, text in enumerate(about):
            colour = ENDS[end] if end and k == len(about) - 1 else GREY
            canvas.text(left, bottom + 14 + LEADING * (len(lines) + k), text, colour=colour)
        tall = LEADING * (len(lines) + len(about)) + 12
        y[branch.at] = bottom + tall / 2
        bottom += tall
        if point and wide:
            style = replace(point, colour=ENDS[end], shape=SHAPES[end])
            label = group.label if group else "everybody"
            canvas.point(style, axis, y[branch.at], label, PERCENT, share=node["share"], n=node["n"])
        # What an inner node's rate rests on is in the tree alone.
        known = _Point(math.nan if node["rate"] is None else node["rate"], n=node["n"])
        shown = known.shown(PERCENT) if node["rate"] is not None else few_cases(node["n"]) or "withheld"
        colour = ENDS[end] if group else GREY
        canvas.text(canvas.width, y[branch.at], shown, size=TEXT, bold=group is not None, align="right", colour=colour)
    if wide:
        canvas.ruler(axis, 0, bottom)
        canvas.ticks(axis, bottom + 12, PERCENT)
    if wide and len(branches) > 1 and math.isfinite(average.value):
        canvas.under(axis(average.value), 0, axis(average.value), bottom, 1.2, LINE)
    _grow(canvas, branches, leaves, x, y)
    how = ["Branches are as thick as their share is large."] if len(branches) > 1 else []
    how += [] if len(branches) > 1 else ["No circumstance parts people: everybody is one group."]
    head = _headline(asked, leaves, average)
    each = _sentence(
        f"{leaf.label}: {leaf.point('before').said(PERCENT)}, {_percent(leaf.share)} of {_whom(asked)}"
        for leaf in leaves.values()
    )
    few = _few(point for point in points if point)
    words = _Words(
        f"Who is left behind: {opportunity}",
        [head, " ".join([*how, *_reading(found, asked, leaves, "Bars" if wide else "Ranges"), *few])],
        f"{head} From the group furthest behind to the furthest ahead: {each}",
    )
    return canvas.chart(bottom + (24 if wide else 6), words)


def _grow(
    canvas: _Canvas,
    branches: Sequence[_Branch],
    leaves: Mapping[int, _Group],
    x: Mapping[int, float],
    y: Mapping[int, float],
) -> None:
    """Draw branches: up or down from where they part, then to the right; what leads to an end has its colour."""
    thick = {branch.at: THICKEST * branch.node["share"] for branch in branches}
    parts = [branch for branch in branches if branch.depth]
    reach = {branch.above: 0.0 for branch in parts}
    for branch in parts:
        reach[branch.above] = max(reach[branch.above], thick[branch.at] / 2)
    for branch in branches if parts else ():
        if not branch.depth:
            start, right = x[branch.at] - THICKEST / 2, x[branch.at] + reach[branch.at]
            about = {"label": "everybody", "share": branch.node["share"]}
            canvas.segment(start, y[branch.at], right, y[branch.at], thick[branch.at], LINE, **about)
    for branch in sorted(parts, key=lambda branch: -thick[branch.at]):
        t, above = branch.at, branch.above
        end = leaves[branch.node["group"]].end if "group" in branch.node else ""
        about = {"label": _plain(branch.label), "share": branch.node["share"]}
        colour = ENDS[end] if end else LINE
        canvas.segment(x[above], y[above], x[above], y[t], thick[t], colour, **about)
        right = x[t] + reach.get(t, 0.0)
        canvas.segment(x[above] - thick[t] / 2, y[t], right, y[t], thick[t], colour, **about)


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
    sp2lnob._validate.InputError: A picture of gaps must have rows of statistic 'gap', but there are none. ...
    """
    found = _of(result)
    names = _unique(row["of"] for row in _pick(found, "gaps", ASK["opportunity"], statistic="gap"))
    frame = found.estimates
    rows = []
    for name in names:
        barrier = _opportunity(found, name).get("kind") == "barrier"
        lanes, below = [], []
        for scenario in ("before", "after"):
            these = _records(frame[(frame["of"] == name) & (frame["scenario"] == scenario) & (frame["by"] == "all")])
            at = {row["statistic"]: row for row in these}
            if not {"access", "gap", "furthest_behind", "furthest_ahead"} <= set(at):
                continue
            word = scenario if _has_after(found) else ""
            filled = scenario == "after" or not word
            ends = [
                replace(
                    _point(at[f"furthest_{end}"], series=f"furthest {end} {word}".strip()),
                    colour=ENDS[end],
                    shape=SHAPES[end],
                    filled=filled,
                    beside="left" if (end == "behind") != barrier else "right",
                )
                for end in ("behind", "ahead")
            ]
            average = _point(at["access"], series=f"average {word}".strip(), filled=filled)
            points = [*ends, average]
            lanes.append(_Lane(tuple(p for p in points if math.isfinite(p.value)), "", word))
            lanes += [_Lane((p,)) for p in points if not math.isfinite(p.value)]
            measured = _point(at["gap"])
            # A gap and one of its ends would give away the other.
            known = all(math.isfinite(point.value) for point in (*ends, measured))
            distance = f"{_points(measured.value).lstrip('+')} points" if known else "withheld"
            below.append(f"average {average.shown(PERCENT)}, gap {distance}{' ' + word if word else ''}")
        rows.append(_Row(f"{name} (barrier)" if barrier else name, tuple(lanes), below="; ".join(below)))
    words = _Words(
        "Furthest behind, average, furthest ahead",
        [
            "▼ furthest behind, ● average, ▲ furthest ahead. "
            f"The average has its {_intervals(found).removesuffix('s')}; "
            "the groups at the ends were picked for their rates, and have none.",
            *(["Hollow: before. Filled: after."] if _has_after(found) else []),
        ],
        _said(rows, PERCENT),
    )
    return _draw(rows, words, PERCENT, width=width, word=52 if _has_after(found) else 0, beside=50, zero=None)


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
    sp2lnob._validate.InputError: An opportunity must be one that exists, but 'intrenet' does not. ...
    """
    found = _of(result)
    asked = _opportunity(found, opportunity)
    made, average, both = _groups(found, opportunity), _average(found, opportunity), _has_after(found)
    rows = []
    for group in made.values():
        look = {"colour": ENDS[group.end], "shape": SHAPES[group.end]}
        before, after = group.point("before", series="before", shape=look["shape"]), group.point("after", **look)
        change = group.point("change")
        if not both or not math.isfinite(before.value):
            lanes = [_lane(replace(before, series="", colour=look["colour"]), "")]
        elif change.value == 0:
            lanes = [_lane(replace(before, series="before and after", colour=look["colour"]), "no change")]
        else:
            lanes = [
                _lane(replace(before, colour=BEFORE, filled=False), "before"),
                _lane(replace(after, series="after"), "after"),
            ]
        note = f"{_percent(group.share)} of {_whom(asked)}, n {group.n:,}"
        moved = _change({"value": change.value, "ci_low": change.low, "ci_high": change.high}) if change.value else ""
        rows.append(_Row(group.label, tuple(lanes), note, moved, group.end))
    title = f"{opportunity}: the groups" + (" before and after" if both else "")
    head = _headline(asked, made, average)
    words = _Words(title, [head, *_reading(found, asked, made)], f"{head} {_said(rows, PERCENT)}")
    return _draw(rows, words, PERCENT, width=width, figure=58, word=64 if both else 0, zero=None)


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
        Without intervals: the index is biased upward where cells are small.

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
    sp2lnob._validate.InputError: A picture of dissimilarity must have rows of statistic 'd_index', but there are ...
    """
    found = _of(result)
    picked = _pick(found, "dissimilarity", ASK["opportunity"], statistic="d_index")
    both = _has_after(found)
    looks = {"cells": LINE, "before": BEFORE, "after": INK}
    rows = []
    for name in _unique(row["of"] for row in picked):
        lanes, absence = [], False
        for row in sorted((row for row in picked if row["of"] == name), key=lambda row: str(row["param"])):
            between, scenario = str(row["param"]).split(",")[0], str(row["scenario"])
            absence |= str(row["param"]).endswith("of absence")
            if scenario != "change":
                series = "all combinations" if between == "cells" else "groups" + (f", {scenario}" if both else "")
                colour = looks["cells" if between == "cells" else scenario if both else "after"]
                lanes.append(_lane(_point(row, series=series, colour=colour), series, INDEX))
        rows.append(_Row(f"{name} (absence of the barrier)" if absence else name, tuple(lanes)))
    words = _Words(
        "How unequal access is: the dissimilarity index",
        [
            "Share of access that would have to change hands for all to have the same rate: between all combinations "
            "of circumstances, and between the groups of the tree.",
            "Biased upward where combinations are small, and therefore without an interval.",
        ],
        f"Dissimilarity index, biased upward, without intervals. {_said(rows, INDEX)}",
    )
    return _draw(rows, words, INDEX, width=width, figure=50, word=114, bars=True)


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
    sp2lnob._validate.InputError: The width of a picture must be 300 or more, but it is 100. Correct the value.
    """
    found = _of(result)
    picked = _pick(found, "Lorenz curves", ASK["welfare"], statistic="lorenz", by="all")
    scenarios = [name for name in ("before", "after") if any(row["scenario"] == name for row in picked)]
    canvas = _Canvas(_inner(width))
    left, top, side = 44.0, 24.0, min(canvas.width - 60, 460.0)
    across, down = _axis([0, 1], left, left + side), _axis([0, 1], top + side, top)
    canvas.ruler(across, top, top + side)
    for tick in down.ticks:
        canvas.under(left, down(tick), left + side, down(tick))
        canvas.text(left - 8, down(tick), PERCENT.tick(tick), colour=GREY, align="right")
    canvas.text(0, 8, "Share of all welfare", colour=GREY)
    moved = [(float(str(row["param"])[2:]), _point(row)) for row in picked if row["scenario"] == "change"]
    moved = [(p, point) for p, point in moved if math.isfinite(point.value)]
    bottom = top + side
    if moved:  # what two curves so close do not show
        canvas.text(0, bottom + 20, "Change, in percentage points", colour=GREY)
        bottom += 110
        rise = _axis(_all(point for _, point in moved), bottom, bottom - 72)
        canvas.ruler(across, bottom - 72, bottom)
        for tick in rise.ticks:
            canvas.under(left, rise(tick), left + side, rise(tick), colour=GRID if tick else LINE)
            canvas.text(left - 8, rise(tick), CHANGE.tick(tick), colour=GREY, align="right")
        for p, point in moved:
            canvas.point(replace(point, series="change"), across(p), rise, f"poorest {100 * p:g}%", CHANGE)
    canvas.ticks(across, bottom + 14, PERCENT)
    canvas.text(left + side, bottom + 34, "of the poorest share of people", colour=GREY, align="right")
    canvas.segment(across(0), down(0), across(1), down(1), 1, LINE, series="equal shares")
    ginis, known = [], []
    start: Align = "left"
    end: Align = "right"
    for scenario in scenarios:
        last = scenario == scenarios[-1]
        name = scenario if len(scenarios) > 1 else ""
        colour = INK if last else BEFORE
        at = [
            (float(str(row["param"])[2:]), _point(row, series=name, colour=colour, filled=last))
            for row in picked
            if row["scenario"] == scenario
        ]
        known += [point for _, point in at]
        drawn = sorted(((p, point) for p, point in at if math.isfinite(point.value)), key=lambda pair: pair[0])
        corners = [(0.0, 0.0), *((p, point.value) for p, point in drawn), (1.0, 1.0)] if drawn else []
        for (p, share), (p2, share2) in pairwise(corners):
            canvas.segment(across(p), down(share), across(p2), down(share2), 1.5, colour, series=name)
        for p, point in drawn:
            canvas.point(point, across(p), down, f"poorest {100 * p:g}%", PERCENT)
        if drawn and name:  # the curve of after runs above that of before
            p, point = min(drawn, key=lambda pair: abs(pair[0] - 0.5))
            aside, align = (-12, end) if last else (13, start)
            canvas.text(
                across(p) + aside, down(point.value) + aside, name, size=TEXT, bold=last, align=align, colour=colour
            )
        for row in _rows(found, statistic="gini", scenario=scenario, by="all"):
            ginis.append(f"{_point(row).said(INDEX)} {name}".strip())
    head = [*_bottom(picked, scenarios), *([f"Gini: {', '.join(ginis)}."] if ginis else [])]
    words = _Words(
        "How welfare is shared: Lorenz curve" + ("s before and after" if len(scenarios) > 1 else ""),
        [*head, f"Bars are {_intervals(found)}; the straight line is equal shares.", *_few(known)],
        " ".join(head),
    )
    return canvas.chart(bottom + 46, words)


def _bottom(picked: Sequence[Mapping[str, Any]], scenarios: Sequence[str]) -> list[str]:
    """Return what the poorest 40 % have, as a sentence."""
    at = {row["scenario"]: row for row in picked if row["param"] == "p=0.4"}
    if not at or not all(name in at for name in scenarios):
        return []
    points = [_point(at[name]) for name in scenarios]
    each = [
        f"{p.said(PERCENT)} {name if len(points) > 1 else ''}".strip()
        for p, name in zip(points, scenarios, strict=True)
    ]
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
    sp2lnob._validate.InputError: A picture of poverty must have rows of statistic 'headcount', by 'region', but ...
    """
    found = _of(result)
    heads = _pick(found, "poverty", ASK["line"], statistic="headcount", by=by)
    both = _has_after(found)
    frame = found.estimates[found.estimates["by"] == by]
    rows = []
    for line in _unique(row["of"] for row in heads):
        for statistic, name in (("headcount", "Headcount"), ("poverty_gap", "Poverty gap")):
            picked = _records(frame[(frame["statistic"] == statistic) & (frame["of"] == line)])
            levels = _levels(picked)
            named = _level_names(by, levels)
            for level in levels:
                at = {row["scenario"]: row for row in picked if row["level"] == level}
                where = "" if by == "all" else f", {named[level]}"
                if not both:
                    lanes = [_lane(_point(at["before"]), "")] if "before" in at else []
                else:
                    lanes = [_lane(_in(at[name], name), name) for name in ("before", "after") if name in at]
                rows.append(_Row(f"{name}, {line}{where}", tuple(lanes), below=_change(at.get("change"))))
    words = _Words(
        "Poverty" + (" before and after" if both else "") + ("" if by == "all" else f", by {by}"),
        [
            "Headcount: share of people below the line. Poverty gap: how far below they are, as a share of the line, "
            "over all people.",
            f"Bars are {_intervals(found)}"
            + (", and so is what stands in parentheses after a change." if both else "."),
        ],
        _said(rows, PERCENT),
    )
    return _draw(rows, words, PERCENT, width=width, figure=58, word=52 if both else 0)


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
    sp2lnob._validate.InputError: A picture of coverage must have rows of statistic 'coverage', of 'package', ...
    """
    found = _of(result)
    looks = {"coverage": ("reached", True, INK), "coverage_direct": ("paid", False, BEFORE)}
    points = {
        statistic: _by_level(found, "coverage", by, statistic=statistic, of=of, scenario="after") for statistic in looks
    }
    rows: list[_Row] = []
    for name in points["coverage"]:
        lanes = [
            _lane(
                replace(points[statistic][name], series=series, filled=filled, colour=colour),
                "" if rows else series,  # once is enough
            )
            for statistic, (series, filled, colour) in looks.items()
            if name in points[statistic]
        ]
        rows.append(_Row(name, tuple(lanes), apart=len(rows) == 1))
    words = _Words(
        f"Whom the {of if of == 'package' else f'scheme reaches: {of}'}" + (" reaches" if of == "package" else ""),
        [
            f"Share of people who live with a recipient, and who are one. Bars are {_intervals(found)}.",
        ],
        _said(rows, PERCENT),
    )
    return _draw(rows, words, PERCENT, width=width, label=_label_room(rows, width), figure=60, word=60, lane=16)


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
    sp2lnob._validate.InputError: A picture of gains must have rows of statistic 'consumption_gain', scenario ...
    """
    found = _of(result)
    points = _by_level(found, "gains", by, statistic="consumption_gain", scenario="after")
    rows: list[_Row] = []
    for name, point in points.items():
        rows.append(_Row(name, (_lane(point, ""),), apart=len(rows) == 1))
    words = _Words(
        "What the package adds to welfare",
        [f"Share of welfare before: the ratio of two means. Bars are {_intervals(found)}."],
        _said(rows, PERCENT),
    )
    return _draw(rows, words, PERCENT, width=width, label=_label_room(rows, width), figure=60)


def _by_level(found: Findings, what: str, by: str, **fields: str) -> dict[str, _Point]:
    """Return the points of everybody and of the levels of a domain, by their names."""
    picked = _pick(found, what, ASK["package"], **fields, by=by)
    levels = _levels(picked)
    named = _level_names(by, levels)
    at = {str(row["level"]): _point(row) for row in picked}
    everybody = _rows(found, **fields, by="all")[:1]
    points = dict.fromkeys(["everybody"], _point(everybody[0])) if everybody else {}
    return points if by == "all" else points | {named[level]: at[level] for level in levels}


def _label_room(rows: Sequence[_Row], width: float) -> float:
    """Return how much room labels on the left need, at most a third of the width."""
    return min(max(_long(row.label, TEXT) for row in rows) + 14, width / 3)


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
    sp2lnob._validate.InputError: A picture of cost must have rows of statistic 'total_cost', scenario 'after', but ...
    """
    found = _of(result)
    picked = _pick(found, "cost", ASK["package"], statistic="total_cost", scenario="after")
    of_gdp = {row["of"]: _point(row) for row in _rows(found, statistic="cost_gdp", scenario="after")}
    most = max((abs(float(row["value"])) for row in picked if math.isfinite(row["value"])), default=0.0)
    unit, name = next(((size, name) for size, name in UNITS if most >= size), (1.0, ""))
    rows = []
    for row in picked:
        point = _point({**row, **{key: row[key] / unit for key in ("value", "ci_low", "ci_high")}})
        gdp = of_gdp.get(row["of"])
        below = f"{gdp.said(OF_GDP)} of GDP" if gdp and math.isfinite(gdp.value) else ""
        whole = row["of"] == "package"
        label = "the whole package" if whole else str(row["of"])
        rows.append(_Row(label, (_Lane((point,)),), point.said(MONEY) if math.isfinite(point.value) else "", below))
    what = f"{name} {_asked(found, 'economy', 'currency') or 'currency units'}".strip()
    year = _asked(found, "economy", "year")
    words = _Words(
        "What the package costs a year",
        [
            f"In {what} a year{f', {year}' if year else ''}, administration included. "
            f"Bars, and figures in parentheses, are {_intervals(found)}.",
        ],
        f"In {what} a year. {_said(rows, MONEY)}",
    )
    return _draw(rows, words, MONEY, width=width)


# -- files ----------------------------------------------------------------------------------------------------------

SVG = "http://www.w3.org/2000/svg"


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
    sp2lnob._validate.InputError: The prefix must be letters, digits, - and _, a letter first, but it is 'not a name'...
    """
    import io
    import re

    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", prefix):
        fail("The prefix must be letters, digits, - and _, a letter first", f"it is {prefix!r}", "Choose another.")
    try:
        import vl_convert  # noqa: F401
    except ImportError:
        fail("SVG needs vl-convert", "it is not installed", "Install it: pip install 'sp2lnob[report]'.")
    made = io.StringIO()
    chart.save(made, format="svg")
    root = ElementTree.fromstring(made.getvalue())
    for element in list(root.iter()):
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")  # written once, on the root
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{prefix}-{value}")
            elif "url(#" in value:
                element.set(key, value.replace("url(#", f"url(#{prefix}-"))
        said = element.get("aria-label")
        if said and element.get("aria-roledescription") == "point":  # shown when a pointer rests on it
            ElementTree.SubElement(element, "title").text = said
    told = chart.to_dict()
    title = told.get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    words = {"title": " ".join(title) if isinstance(title, list) else title, "desc": told.get("description", "")}
    for k, (tag, text) in enumerate(words.items()):
        element = ElementTree.Element(tag, {"id": f"{prefix}-{tag}"})
        element.text = _plain(text)
        root.insert(k, element)
    root.attrib = {
        "xmlns": SVG,
        "role": "img",
        "aria-labelledby": f"{prefix}-title {prefix}-desc",
        "direction": "ltr",  # in a page that runs from right to left as well
        **root.attrib,
    }
    return ElementTree.tostring(root, encoding="unicode")


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
    sp2lnob._validate.InputError: The file of a picture must end in .svg or .png, but it is 'lorenz.jpg'. ...
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
