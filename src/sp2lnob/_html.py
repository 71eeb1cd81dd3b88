"""Figures and tables as people read them, in notebooks and in the report: every text from data is escaped here.

Digits follow the column: one number of decimals from its middle magnitude, and one more only for what would otherwise
be shown as 0. Templates are filled here, and a picture is looked at before it enters a page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, isfinite, log10
from statistics import median
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ._validate import fail

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["FormOf", "checked", "escape", "fields", "form_of", "short", "table", "templates"]

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EM DASH}"
SMALLEST = 1e-9  # what is smaller is the rounding of sums
NOT_ZERO = set("123456789")
# Characters that turn the text around them from left to right, or back: in a name they would turn ours as well.
DIRECTIONS = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
SCALES = ((1e10, 1e9, "billion"), (1e7, 1e6, "million"))
PERCENT = 100.0


@dataclass(frozen=True)
class FormOf:
    """How the figures of a column are written.

    Attributes
    ----------
    factor : float
        What they are multiplied by.
    decimals : int
    signed : bool
        Whether a plus stands before what is above 0.
    word : str
        What they are counted in: "million", or no text.
    """

    factor: float = 1.0
    decimals: int = 0
    signed: bool = False
    word: str = ""

    def text(self, value: float) -> str:
        """Return a figure, or a dash where there is none.

        Examples
        --------
        >>> FormOf(100, 1).text(0.4244), FormOf(decimals=0).text(1234567)
        ('42.4', '1,234,567')
        >>> FormOf(100, 1).text(float("nan")), FormOf(100, 1).text(0.0004)
        ('—', '0.04')
        """
        if not isfinite(value):
            return NONE
        scaled = abs(value * self.factor)
        decimals = self.decimals
        if SMALLEST < scaled < 0.5 * 10**-decimals:
            decimals = -floor(log10(scaled))
        digits = f"{scaled:,.{decimals}f}"
        if not set(digits) & NOT_ZERO:
            return digits
        return (MINUS if value < 0 else "+" if self.signed else "") + digits

    def ends(self, low: float, high: float) -> str:
        """Return an interval, or no text where there is none.

        Examples
        --------
        >>> FormOf(100, 1).ends(0.3854, 0.4651)
        '38.5 to 46.5'
        >>> FormOf().ends(float("nan"), float("nan")), FormOf(decimals=3).ends(-0.0003, -0.0001)
        ('', '−0.0003 to −0.0001')
        """
        if not (isfinite(low) and isfinite(high)):
            return ""
        most = max(abs(low), abs(high)) * self.factor
        decimals = self.decimals
        if SMALLEST < most < 0.5 * 10**-decimals:  # both would be shown as 0
            decimals = -floor(log10(most))
        digits = [f"{abs(end * self.factor):,.{decimals}f}" for end in (low, high)]
        signs = [
            MINUS if end < 0 and set(text) & NOT_ZERO else "" for end, text in zip((low, high), digits, strict=True)
        ]
        return f"{signs[0]}{digits[0]} to {signs[1]}{digits[1]}"


def form_of(kind: str, values: Iterable[float], signed: bool = False) -> FormOf:
    """Return how a column of figures is written: "share" (in percent), "index", "money" or "count".

    Examples
    --------
    >>> form_of("share", [0.42, 0.38]).text(0.4244), form_of("money", [107.8, 113.4]).text(107.8173)
    ('42.4', '107.8')
    >>> form_of("count", []).text(12)
    '12'
    """
    sizes = [abs(value) for value in values if isfinite(value) and value != 0]
    middle = median(sizes) if sizes else 0.0
    if kind == "share":
        return FormOf(PERCENT, 1 if middle >= 0.01 or not sizes else 2, signed)
    if kind == "index":
        return FormOf(1.0, 3, signed)
    factor, word = 1.0, ""
    for least, size, name in SCALES:
        if middle >= least:
            factor, word, middle = 1 / size, name, middle / size
            break
    if kind == "count" and not word:
        return FormOf(signed=signed)
    decimals = 0 if middle >= 1000 else 1 if middle >= 100 else 2
    return FormOf(factor, decimals, signed, word)


def short(value: float) -> str:
    """Return a number with four significant digits, and none of a whole part lost.

    Examples
    --------
    >>> short(0.424421), short(2249543.587)
    ('0.4244', '2,249,544')
    >>> short(float("nan")), short(0.0)
    ('', '0')
    """
    if not isfinite(value):
        return ""
    if abs(value) <= SMALLEST * SMALLEST:
        return "0"
    decimals = min(max(0, 3 - floor(log10(abs(value)))), 20)
    text = f"{abs(value):,.{decimals}f}"
    return (MINUS if value < 0 else "") + text


# -- notebooks ------------------------------------------------------------------------------------------------------
# Styles stand on the elements, and take the color that is there: notebooks strip style sheets, and may be dark.

RULE = "1px solid rgba(128,128,128,.5)"
WORDS = "text-align:left;padding:.2em .8em .2em 0"
NUMBERS = "text-align:right;padding:.2em .8em .2em 0;font-variant-numeric:tabular-nums"


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], words: Iterable[int] = (0,), note: str = ""
) -> str:
    """Return a table of texts; the columns numbered in ``words`` stand to the left, the first heads its row.

    Examples
    --------
    >>> "<b>" in table("Rates", ["group", "rate"], [["<b>", "1"]])
    False
    >>> table("None", ["group"], []).count("<tr")
    1
    """
    left = set(words)

    def cell(tag: str, j: int, text: str, scope: str = "") -> str:
        style = WORDS if j in left else NUMBERS
        return f'<{tag}{scope} style="{style};vertical-align:top">{_isolated(text)}</{tag}>'

    lines = [
        '<table style="border-collapse:collapse;border:0;margin:.5em 0;color:inherit">',
        f'<caption style="{WORDS};caption-side:top;font-weight:bold">{_isolated(caption)}</caption>',
        f'<thead><tr style="border-bottom:{RULE}">',
        *(cell("th", j, name, ' scope="col"') for j, name in enumerate(head)),
        "</tr></thead><tbody>",
    ]
    for row in rows:
        cells = [cell("td", j, text) if j else cell("th", j, text, ' scope="row"') for j, text in enumerate(row)]
        lines.append(f'<tr style="background:none">{"".join(cells)}</tr>')
    lines.append("</tbody></table>")
    return "\n".join([*lines, *([f'<p style="margin:.2em 0">{_isolated(note)}</p>'] if note else [])])


def fields(caption: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return named values.

    Examples
    --------
    >>> "<td" in fields("Survey", [("households", "400")])
    True
    >>> fields("Survey", []).count("<tr")
    0
    """
    lines = [
        f'<tr style="background:none"><th scope="row" style="{WORDS};vertical-align:top;font-weight:normal">'
        f'{_isolated(name)}</th><td style="{WORDS}">{_isolated(value)}</td></tr>'
        for name, value in pairs
    ]
    return "\n".join(
        [
            '<table style="border-collapse:collapse;border:0;margin:.5em 0;color:inherit">',
            f'<caption style="{WORDS};caption-side:top;font-weight:bold">{_isolated(caption)}</caption>',
            "<tbody>",
            *lines,
            "</tbody></table>",
        ]
    )


def _isolated(text: str) -> str:
    """Return a text that keeps its direction to itself."""
    return f"<bdi>{escape(text).translate(DIRECTIONS)}</bdi>" if text else ""


def templates() -> "Environment":
    """Return what fills the templates, escaping all that it is given."""
    try:
        import altair  # noqa: F401
        import jinja2
        import vl_convert  # noqa: F401
    except ImportError as error:
        fail(
            "The report needs jinja2, altair and vl-convert",
            f"{error.name} is not installed",
            "Install them: pip install 'sp2lnob[report]'.",
        )
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sp2lnob"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


SVG = "{http://www.w3.org/2000/svg}"
DRAWN = frozenset(
    f"{SVG}{name}"
    for name in ("svg", "g", "path", "rect", "line", "circle", "text", "tspan", "title", "desc", "defs", "clipPath")
)


def checked(svg: str) -> "Markup":
    """Return a picture as markup, once it is seen to draw and to do nothing else."""
    from markupsafe import Markup

    found = {"a declaration"} if "<!" in svg or "<?" in svg else set()
    for element in ElementTree.fromstring(svg).iter() if not found else ():
        if element.tag not in DRAWN:
            found.add(f"the element {element.tag}")
        for name, value in element.attrib.items():
            local = name.rpartition("}")[2].lower()
            if local.startswith("on") or local in ("href", "src", "style"):
                found.add(f"the attribute {name}")
            if "url(" in value and not value.startswith("url(#"):
                found.add(f"the address {value}")
    if found:
        raise AssertionError(f"a picture must draw and do nothing else, but it has {', '.join(sorted(found))}")
    return Markup(svg)
