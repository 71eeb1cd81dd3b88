"""What pictures are drawn on: words of a known length, marks at pixels, rows of points, and SVG that stands in a page.

Nothing is left to the fonts of a machine: no label meets another, and the same rows give the same bytes. Text from data
is data: never a field name, an expression or markup.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from xml.etree import ElementTree

from ._validate import number
from .disclosure import FEW, few_cases

if TYPE_CHECKING:
    import altair as alt

EDGE = 10  # white around a picture
INK, GREY, LINE, GRID = "#1a1a1a", "#595959", "#b5b5b5", "#e2e2e2"
BEHIND, AHEAD, BEFORE = "#D55E00", "#0072B2", "#8a8a8a"  # the first two are Okabe and Ito's
WORDS = {BEHIND: "#a84a00", BEFORE: GREY}  # what is light enough for a mark is too light for words
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, Noto Sans, sans-serif"
TITLE, TEXT, SMALL = 17.0, 14.0, 13.0  # pixels
BOLD = 1.06  # how much longer bold text is
LEADING = 18.0  # from line to line
LANE = 20.0  # from lane to lane
MOST_SAID = 12  # rows that a text alternative tells
OVERRIDES = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}  # of the direction of text
SVG = "http://www.w3.org/2000/svg"

Align = Literal["left", "center", "right"]
Weight = Literal["normal", "bold"]
Marks = list[dict[str, Any]]


class End(NamedTuple):
    """How who is furthest behind or ahead is drawn: a shape of its own, as nothing rests on colour alone."""

    colour: str
    shape: str = "circle"
    sign: str = ""


ENDS = {"behind": End(BEHIND, "triangle-down", "▼"), "ahead": End(AHEAD, "triangle-up", "▲"), "": End(INK)}


# -- numbers as text ------------------------------------------------------------------------------------------------


def minus(text: str) -> str:
    """Return a number's text with a minus sign in place of a hyphen."""
    return text.replace("-", "\u2212")


def percent(share: float) -> str:
    """Return a share to a tenth of a percent; of one that this would make nothing, the first digit."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return minus(f"{share:.1%}" if abs(share) >= 0.0005 else f"{100 * share:.1g}%")


def percentage_points(change: float) -> str:
    """Return a change of a share in percentage points, with its sign."""
    made = 100 * change
    return minus(f"{made:+.1f}" if abs(made) >= 0.05 else f"{made:+.1g}") if made else "0"


def thousandths(value: float) -> str:
    """Return an index to a thousandth; what that makes nothing has no sign."""
    return minus(f"{round(value, 3) + 0.0:.3f}")


def three_digits(value: float) -> str:
    """Return a number to three digits or to its last whole one."""
    decimals = 0 if abs(value) >= 100 or value == 0 else 2 - math.floor(math.log10(abs(value)))
    return minus(f"{value:,.{decimals}f}")


@dataclass(frozen=True)
class Format:
    """How values of a kind are written, and the ticks of their axis."""

    text: Callable[[float], str]
    tick: Callable[[float], str]

    def interval(self, low: float, high: float) -> str:
        """Return an interval in parentheses, or nothing if there is none."""
        return f" ({self.text(low)} to {self.text(high)})" if math.isfinite(low) and math.isfinite(high) else ""


PERCENT = Format(percent, lambda tick: minus(f"{100 * tick:.6g}%"))
OF_GDP = Format("{:.2%}".format, PERCENT.tick)
CHANGE = Format(percentage_points, percentage_points)
INDEX = Format(thousandths, lambda tick: minus(f"{tick:.6g}"))
MONEY = Format(three_digits, lambda tick: minus(f"{tick:,.6g}"))


# -- words, and how long they are -----------------------------------------------------------------------------------


def plain(text: object) -> str:
    """Return a text on one line, without what no page can show: control characters and overrides of direction."""

    def shown(c: str) -> bool:
        return c.isspace() or not (unicodedata.category(c) in ("Cc", "Cs", "Cn") or c in OVERRIDES)

    return " ".join("".join(filter(shown, str(text))).split())


def letter_width(letter: str) -> float:
    """Return how wide a character about is, in font sizes."""
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in "iljtfI.,:;|'!()[] ":
        return 0.3
    if "\u0900" <= letter <= "\u0dff" or "\u1000" <= letter <= "\u109f" or "\u1780" <= letter <= "\u17ff":
        return 0.8  # scripts of India, of Burma and of the Khmer
    return 0.95 if letter in "W@" else 0.87 if letter in "mwM%" else 0.7 if letter.isupper() else 0.56


def text_width(text: str, size: float) -> float:
    """Return how long a text about is, in pixels."""
    return size * sum(map(letter_width, text))


def letters(word: str) -> list[str]:
    """Return a word's letters, each with its marks: these must not be parted."""
    made: list[str] = []
    for c in word:
        # A virama (class 9) and a joiner bind the letter that follows.
        bound = made and (unicodedata.combining(made[-1][-1]) == 9 or made[-1][-1] == "\u200d")
        if bound or (made and unicodedata.category(c) in ("Mn", "Mc", "Me", "Cf")):
            made[-1] += c
        else:
            made.append(c)
    return made


def wrap(text: str, width: float, size: float, most: int = 3) -> list[str]:
    """Return a text in lines of at most a width; what is left after the most lines becomes an ellipsis."""
    lines = [""]
    for word in plain(text).split():
        joined = f"{lines[-1]} {word}".strip()
        if text_width(joined, size) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in letters(word):
            if lines[-1] and text_width(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    return lines if len(lines) <= most else [*lines[: most - 1], _shortened(lines[most - 1], width, size)]


def _shortened(line: str, width: float, size: float) -> str:
    """Return as much of a line as leaves room for an ellipsis."""
    kept = letters(line)
    while kept and text_width("".join(kept) + "…", size) > width:
        kept.pop()
    return "".join(kept).rstrip() + "…"


# -- where values stand ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """Where values stand: from pixel ``start`` to pixel ``end``, from left to right or vertically."""

    ticks: tuple[float, ...]
    start: float
    end: float
    vertical: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def at(self, value: float, across: float) -> tuple[float, float]:
        """Return x and y of a value at a pixel across the axis."""
        return (across, self(value)) if self.vertical else (self(value), across)


def axis_of(
    values: Iterable[float], start: float, end: float, zero: bool | None = True, *, vertical: bool = False
) -> Axis:
    """Return an axis of round ticks that holds all values, and zero; if ``zero`` is None, zero if it is not far."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    most = max(abs(low), abs(high))
    if zero or (zero is None and low < 0.5 * high) or high - low <= 1e-6 * most:
        low, high = min(low, 0.0), max(high, 0.0)
    if most < 1e-300:
        low, high = 0.0, 1.0
    rough = (high - low) / max(2.0, abs(end - start) / 90)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(k for k in (1, 2, 2.5, 5, 10) if k * power >= 0.999 * rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(float(f"{k * step:.12g}") for k in range(first, last + 1)), start, end, vertical)


@dataclass(frozen=True)
class Point:
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

    @property
    def there(self) -> bool:
        """Whether there is a figure."""
        return math.isfinite(self.value)

    @property
    def ends(self) -> tuple[float, ...]:
        """The ends of its interval, if it has one."""
        return (self.low, self.high) if math.isfinite(self.low) and math.isfinite(self.high) else ()

    def text(self, form: Format) -> str:
        """Return the value, in parentheses if it rests on few cases; or why there is none."""
        if not self.there:
            return f"withheld ({few_cases(self.n) or f'n {self.n}'})" if "withheld" in self.flag else "no figure"
        return f"({form.text(self.value)})" if few_cases(self.n) else form.text(self.value)

    def with_interval(self, form: Format) -> str:
        """Return the value and its interval."""
        return self.text(form) + (form.interval(self.low, self.high) if self.there else "")


def extent(points: Iterable[Point | None]) -> list[float]:
    """Return the values of points and the ends of their intervals."""
    return [value for point in points if point for value in (point.value, point.low, point.high)]


def case_notes(points: Iterable[Point | None]) -> list[str]:
    """Return what is to be said of figures from few cases."""
    known = [point for point in points if point]
    notes = {
        f"Hollow, figure in parentheses: from fewer than {FEW} cases.": any(p.there and few_cases(p.n) for p in known),
        "Withheld: from too few cases to be published.": any("withheld" in p.flag for p in known),
    }
    return [note for note, holds in notes.items() if holds]


# -- marks ----------------------------------------------------------------------------------------------------------


@dataclass
class Canvas:
    """Marks to be drawn, in pixels from the left and from the top."""

    width: float
    grid: Marks = field(default_factory=list)
    segments: Marks = field(default_factory=list)
    points: Marks = field(default_factory=list)
    texts: dict[tuple[Align, Weight], Marks] = field(default_factory=dict)

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
        lines = [plain(lines)] if isinstance(lines, str) else lines
        item = {"x": x, "y": y, "text": "\n".join(lines), "colour": WORDS.get(colour, colour), "size": size}
        self.texts.setdefault((align, "bold" if bold else "normal"), []).append(item)

    def segment(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float = 1,
        colour: str = LINE,
        *,
        behind: bool = False,
        **about: Any,
    ) -> None:
        """Draw a segment, or one behind all others."""
        place = dict(zip(("x", "y", "x2", "y2"), (*start, *end), strict=True))
        (self.grid if behind else self.segments).append({**place, "width": width, "colour": colour, **about})

    def ruler(self, axis: Axis, start: float, end: float, zero: str = GRID) -> None:
        """Draw an axis' light lines, from a pixel to another across it."""
        for tick in axis.ticks:
            self.segment(axis.at(tick, start), axis.at(tick, end), 1, GRID if tick else zero, behind=True)

    def ticks(self, axis: Axis, across: float, form: Format) -> None:
        """Write an axis' values; those at the ends of a horizontal one stay within the picture."""
        for tick in axis.ticks:
            x, y = axis.at(tick, across)
            text = form.tick(tick)
            if not axis.vertical:
                half = text_width(text, SMALL) / 2
                x = min(max(x, half), self.width - half)
            self.text(x, y, text, colour=GREY, align="right" if axis.vertical else "center")

    def point(self, point: Point, axis: Axis, across: float, label: str, form: Format, **about: Any) -> None:
        """Draw a point with its interval along the axis; without a value, a hollow mark at the axis and why."""
        about = {"label": plain(label), "series": point.series, "flag": point.flag, **about}
        about["said"] = _joined(about["label"], point.series, point.with_interval(form))
        if not point.there:
            self._missing(_joined(point.series, point.text(form)), *axis.at(axis.ticks[0], across), about)
            return
        x, y = axis.at(point.value, across)
        fill = point.colour if point.filled and not few_cases(point.n) else "white"
        about |= {"x": x, "y": y, "value": point.value, "colour": point.colour, "fill": fill, "shape": point.shape}
        self.points.append(about | dict(zip(("low", "high"), point.ends, strict=False)))
        self.interval(point, axis, across)
        if point.beside:
            left = point.beside == "left"
            align: Align = "right" if left else "left"
            ends = [axis.at(end, across)[0] for end in point.ends]  # beyond its interval
            edge = min([x - 4, *ends]) - 6 if left else max([x + 4, *ends]) + 6
            self.text(edge, y, point.text(form), colour=point.colour, align=align)

    def _missing(self, text: str, x: float, y: float, about: Mapping[str, Any]) -> None:
        """Draw a hollow mark, never a zero, and the words on white."""
        self.segment((x, y), (x + text_width(text, SMALL) + 14, y), LEADING - 2, "white")
        self.points.append({**about, "x": x, "y": y, "colour": GREY, "fill": "white", "shape": "square"})
        self.text(x + 10, y, text, colour=GREY)

    def interval(self, point: Point, axis: Axis, across: float) -> None:
        """Draw an interval, if there is one; its ends are seen even where it is narrower than the point."""
        if point.ends:
            self.segment(axis.at(point.low, across), axis.at(point.high, across), 2, point.colour)
        for end in point.ends:
            self.segment(axis.at(end, across - 4.5), axis.at(end, across + 4.5), 1.2, point.colour)

    def chart(self, height: float, title: str, subtitle: Iterable[str], description: str) -> "alt.LayerChart":
        """Return what was drawn, under its title; the description is the text alternative."""
        import altair as alt

        layers = [_segments(items) for items in (self.grid, self.segments) if items]
        layers += [_symbols(self.points)] if self.points else []
        layers += [_texts(items, align, weight) for (align, weight), items in self.texts.items()]
        head = wrap(title, self.width, TITLE * 1.04)
        below = [line for part in subtitle for line in wrap(part, self.width, SMALL, 6)]
        top = len(head) * (TITLE + 4) + len(below) * LEADING + 22
        return alt.LayerChart(
            layer=layers,
            width=self.width,
            height=height,
            title=alt.TitleParams(head, subtitle=below),
            description=plain(description),
            autosize=alt.AutoSizeParams(type="none"),
            padding={"left": EDGE, "right": EDGE, "top": top, "bottom": 6.0},
            config=_look(),
        )


def canvas_of(width: float) -> Canvas:
    """Return a canvas between the white edges of a picture."""
    return Canvas(number(width, "The width of a picture", low=300) - 2 * EDGE)


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)


def _channel(kind: Callable[..., Any], name: str) -> Any:
    """Return a channel whose data are pixels, colours and shapes, not values: `scale=None` says so."""
    return kind(name, scale=None, legend=None)


def _placed(items: Marks) -> Any:
    import altair as alt

    x, y = alt.X("x:Q", scale=None, axis=None), alt.Y("y:Q", scale=None, axis=None)
    return alt.Chart(alt.InlineData(values=items)).encode(x=x, y=y)


def _segments(items: Marks) -> Any:
    import altair as alt

    width, stroke = _channel(alt.StrokeWidth, "width:Q"), _channel(alt.Stroke, "colour:N")
    chart = _placed(items).mark_rule(strokeCap="butt", aria=False)
    return chart.encode(x2="x2:Q", y2="y2:Q", strokeWidth=width, stroke=stroke)


def _symbols(items: Marks) -> Any:
    import altair as alt

    chart = _placed(items).mark_point(size=46, strokeWidth=1.6, opacity=1)
    return chart.encode(
        shape=_channel(alt.Shape, "shape:N"),
        stroke=_channel(alt.Stroke, "colour:N"),
        fill=_channel(alt.Fill, "fill:N"),
        description=alt.Description("said:N"),
        tooltip=alt.Tooltip("said:N", title=" "),
    )


def _texts(items: Marks, align: Align, weight: Weight) -> Any:
    import altair as alt

    chart = _placed(items).mark_text(
        align=align, fontWeight=weight, baseline="middle", lineBreak="\n", lineHeight=LEADING, aria=False
    )
    return chart.encode(text="text:N", size=_channel(alt.Size, "size:Q"), color=_channel(alt.Color, "colour:N"))


def _look() -> "alt.Config":
    """Return the one look that all pictures have; nothing is set for other charts."""
    import altair as alt

    title = alt.TitleConfig(
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
    )
    return alt.Config(font=FONT, background="white", view=alt.ViewConfig(stroke=None), title=title)


# -- rows of points -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lane:
    """A line of points; on its right a figure and a word."""

    points: Sequence[Point]
    figure: str = ""
    word: str = ""


@dataclass(frozen=True)
class Row:
    """Lanes under one label; a note beside it, and a last word below."""

    label: str
    lanes: Sequence[Lane]
    note: str = ""
    below: str = ""
    end: str = ""  # "behind" or "ahead"

    @property
    def name(self) -> str:
        """The label with the sign of its end."""
        return f"{ENDS[self.end].sign} {self.label}".strip()

    @property
    def points(self) -> list[Point]:
        """The points of all lanes."""
        return [point for lane in self.lanes for point in lane.points]


def sentence(parts: Sequence[str]) -> str:
    """Return parts as one sentence, not all of very many."""
    more = [f"and {len(parts) - MOST_SAID} more"] if len(parts) > MOST_SAID else []
    return "; ".join([*parts[:MOST_SAID], *more]) + "."


def _in_words(row: Row, form: Format) -> str:
    said = ", ".join(f"{point.series} {point.with_interval(form)}".strip() for point in row.points)
    return f"{row.label}: {said}{f', {row.below}' if row.below else ''}"


def draw(
    rows: Sequence[Row],
    form: Format,
    title: str,
    subtitle: Sequence[str],
    *,
    width: float,
    lead: str = "",
    aside: bool = False,
    apart: bool = True,
    figure: float = 0,
    word: float = 0,
    beside: float = 0,
    zero: bool | None = True,
    bars: bool = False,
    lane: float = LANE,
) -> "alt.LayerChart":
    """Draw rows of points, or of bars, on one axis.

    Labels stand above their lanes, or ``aside``, on their left, and then the first row is ``apart``; ``figure`` and
    ``word`` are the room on the right, ``beside`` that for values on either side of their points. The text alternative
    tells the rows after a ``lead``.
    """
    canvas = canvas_of(width)
    points = [point for row in rows for point in row.points]
    room = min(max(text_width(row.label, TEXT) for row in rows) + 14, width / 3) if aside else 0.0
    right = canvas.width - figure - word - 8
    axis = axis_of(extent(points), room + beside + 8, right - beside, zero)
    y = 0.0
    for k, row in enumerate(rows):
        tall = lane * len(row.lanes)
        if aside:
            y += 10 if k == 1 and apart else 0  # the first is everybody
            tall = max(tall, LEADING * len(_aside(row, room, apart)) + 2)
            _label_aside(canvas, row, _aside(row, room, apart), room, y + tall / 2 + 1)
        else:
            y = _label_above(canvas, row, y)
        canvas.ruler(axis, y, y + tall + 2)
        above = (tall - lane * len(row.lanes)) / 2
        for j, line in enumerate(row.lanes):
            middle = y + above + lane * (j + 0.5) + 1
            _draw_lane(canvas, row, line, axis, middle, form, bars)
            canvas.text(right + 4 + figure, middle, line.figure, align="right")
            canvas.text(right + 10 + figure, middle, line.word, colour=GREY)
        y = _last_word(canvas, row, y + tall + 2)
        y += 12 if not aside else 4 if len(row.lanes) > 1 else 0
    canvas.ticks(axis, y + (12 if aside else 2), form)
    told = sentence([_in_words(row, form) for row in rows])
    return canvas.chart(y + (24 if aside else 14), title, [*subtitle, *case_notes(points)], f"{lead} {told}")


def _aside(row: Row, room: float, apart: bool) -> list[str]:
    """Return a row's label in lines that stand on the left of its lanes: names of surveys may need three."""
    return wrap(row.name, room - 8, TEXT, 2 if apart else 3)


def _label_aside(canvas: Canvas, row: Row, lines: Sequence[str], room: float, middle: float) -> None:
    """Write a row's label on the left of its lanes."""
    top = middle - (len(lines) - 1) * LEADING / 2
    canvas.text(room - 6, top, lines, size=TEXT, align="right", colour=ENDS[row.end].colour)


def _label_above(canvas: Canvas, row: Row, y: float) -> float:
    """Write a row's label, and its note beside it or, if that is long, below; return where lanes begin."""
    room = text_width(row.note, SMALL) + 16 if row.note else 0.0
    beside = room <= 0.45 * canvas.width
    lines = wrap(row.name, canvas.width - (room if beside else 0), BOLD * TEXT)
    canvas.text(0, y + 9, lines, size=TEXT, bold=True, colour=ENDS[row.end].colour)
    below = y + LEADING * len(lines)
    if row.note and beside:
        canvas.text(canvas.width, y + 9, row.note, colour=GREY, align="right")
    elif row.note:
        canvas.text(0, below + 9, row.note, colour=GREY)
        below += LEADING
    return below + 3


def _draw_lane(canvas: Canvas, row: Row, lane: Lane, axis: Axis, y: float, form: Format, bars: bool) -> None:
    """Draw the points of a lane, and a line from the first to the last of them; or bars."""
    seen = [axis(point.value) for point in lane.points if point.there]
    if len(seen) > 1:
        canvas.segment((min(seen), y), (max(seen), y))
    for point in lane.points:
        if bars and point.there and not point.ends:
            about: dict[str, Any] = {"label": plain(row.label), "series": point.series, "value": point.value}
            canvas.segment((axis(0), y), (axis(point.value), y), 11, point.colour, **about)
            canvas.interval(replace(point, colour=INK), axis, y)
        else:
            canvas.point(point, axis, y, row.label, form)


def _last_word(canvas: Canvas, row: Row, y: float) -> float:
    """Write what stands below a row's lanes; return where that ends."""
    for text in wrap(row.below, canvas.width, SMALL) if row.below else ():
        canvas.text(canvas.width, y + 9, text, colour=GREY, align="right")
        y += LEADING
    return y


# -- SVG ------------------------------------------------------------------------------------------------------------


def svg_in_page(text: str, prefix: str, title: str, description: str) -> str:
    """Return an SVG whose ids begin with a prefix, and that names itself by its title and description."""
    root = ElementTree.fromstring(text)
    for element in list(root.iter()):
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")  # written once, on the root
        _prefix_ids(element, prefix)
        said = element.get("aria-label")
        if said and element.get("aria-roledescription") == "point":  # shown when a pointer rests on it
            ElementTree.SubElement(element, "title").text = said
    for k, (tag, words) in enumerate((("title", title), ("desc", description))):
        told = ElementTree.Element(tag, {"id": f"{prefix}-{tag}"})
        told.text = plain(words)
        root.insert(k, told)
    named = {"xmlns": SVG, "role": "img", "aria-labelledby": f"{prefix}-title {prefix}-desc"}
    # From left to right in a page that runs from right to left as well.
    root.attrib = {**named, "direction": "ltr", **root.attrib}
    return ElementTree.tostring(root, encoding="unicode")


def _prefix_ids(element: ElementTree.Element, prefix: str) -> None:
    """Let an element's id, and what it refers to, begin with a prefix."""
    for key, value in element.attrib.items():
        element.set(key, f"{prefix}-{value}" if key == "id" else value.replace("url(#", f"url(#{prefix}-"))
