"""Figures and tables as the report shows them: digits, units, flags and links; no choice of what is shown."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from ._html import NONE, FormOf, form_of
from .disclosure import FEW
from .economy import Amount
from .schemes import Band, Schedule, Scheme

if TYPE_CHECKING:
    from markupsafe import Markup

BOUNDS = ("lower bound", "upper bound")  # params of what an index is told to lie between, which have no interval
# What a statistic is called, how it is written, and what it is counted in.
SAID = {
    "access": ("Access", "share", "%"),
    "furthest_behind": ("Furthest behind", "share", "%"),
    "furthest_ahead": ("Furthest ahead", "share", "%"),
    "gap": ("Gap between them", "share", "points"),
    "d_index": ("Dissimilarity index", "index", ""),
    "hoi": ("Human Opportunity Index", "share", "%"),
    "shapley": ("Shapley share", "index", ""),
    "mean_welfare": ("Mean welfare", "money", "welfare"),
    "quantile": ("Quantile of welfare", "money", "welfare"),
    "headcount": ("Headcount", "share", "%"),
    "poverty_gap": ("Poverty gap", "share", "%"),
    "poverty_severity": ("Severity", "share", "%"),
    "watts": ("Watts index", "index", ""),
    "gini": ("Gini coefficient", "index", ""),
    "palma": ("Palma ratio", "index", ""),
    "quintile_ratio": ("Quintile ratio", "index", ""),
    "atkinson": ("Atkinson index", "index", ""),
    "generalized_entropy": ("Generalized entropy", "index", ""),
    "lorenz": ("Share of welfare", "share", "%"),
    "coverage_direct": ("Direct coverage", "share", "%"),
    "coverage": ("Coverage, direct or indirect", "share", "%"),
    "benefit_incidence": ("Share of the money", "share", "%"),
    "beneficiary_incidence": ("Share of the recipients", "share", "%"),
    "consumption_gain": ("Gain", "share", "% of welfare before"),
    "recipients": ("Recipients", "count", ""),
    "transfer_cost": ("Transfers", "money", "cost"),
    "total_cost": ("With administration", "money", "cost"),
    "cost_gdp": ("Of GDP", "share", "%"),
    "cost_revenue": ("Of revenue", "share", "%"),
}

BESIDE, SHORT = 3, 44  # figures in a row, and letters of its label, that leave room for intervals beside figures


# -- figures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A figure with its interval, as it is shown."""

    statistic: str
    scenario: str
    value: float
    low: float
    high: float
    n: int
    flag: str
    of: str = ""
    param: str = ""
    level: str = ""
    row: int = -1  # of the tidy frame, if it is one of it
    se: float = nan
    df: float = nan

    @property
    def flags(self) -> tuple[str, ...]:
        """Everything that its flag says."""
        return tuple(self.flag.split(";")) if self.flag else ()

    @property
    def there(self) -> bool:
        """Whether there is a figure: it was neither withheld nor empty."""
        return isfinite(self.value)

    @property
    def few(self) -> bool:
        """Whether it rests on few cases, and stands in parentheses in tables; of nobody, 0 is no estimate."""
        return self.there and 0 < self.n < FEW

    @property
    def is_change(self) -> bool:
        """Whether it is a difference."""
        return self.scenario == "change"

    @property
    def unsure(self) -> bool:
        """Whether its interval has both signs."""
        return self.low < 0 < self.high

    @property
    def verb(self) -> str:
        """What a change does, in a sentence."""
        if not self.there:
            return f"changes by an amount that is {self.words}"
        return "does not move" if self.value == 0 else f"{'falls' if self.falls else 'rises'} by"

    @property
    def falls(self) -> bool:
        """Whether it is below 0."""
        return self.value < 0

    @property
    def form(self) -> FormOf:
        """How it is written where it stands alone."""
        return form_of(said(self.statistic)[1], [self.value])

    @property
    def words(self) -> str:
        """The figure with its unit, in a sentence; a change without its sign."""
        if not self.there:
            return "withheld" if "withheld" in self.flags else "not known"
        form, kind = self.form, said(self.statistic)[1]
        text = form.text(abs(self.value) if self.is_change else self.value)
        points = kind == "share" and (self.is_change or self.statistic == "gap")
        return text + (" points" if points else "%" if kind == "share" else f" {form.word}" if form.word else "")

    @property
    def ends(self) -> str:
        """The interval, written as the figure is in ``words``: that of a fall holds the fall."""
        low, high = (-self.high, -self.low) if self.is_change and self.falls else (self.low, self.high)
        return self.form.ends(low, high)

    @property
    def lacking(self) -> str:
        """Why it has no interval, or no text: it has one, or its flag says why."""
        if isfinite(self.low) or not self.there or "biased" in self.flags:
            return ""
        if self.param.startswith(BOUNDS):
            return "it is a bound"
        rate = said(self.statistic)[1] == "share" and not self.is_change
        if rate and self.value in (0, 1):
            return f"it is {self.value:.0%}"
        if self.se == 0:
            return "it does not vary"
        if self.value == 0:
            return "it is 0"
        return "no degrees of freedom" if self.df == 0 else "too unsure"

    @property
    def told(self) -> str:
        """What its flag says, in a sentence, beside its interval."""
        return ", ".join(mark for mark in marks(self.flags) if mark != "no interval")


def said(statistic: str) -> tuple[str, str, str]:
    return SAID.get(statistic, (statistic.replace("_", " ").capitalize(), "index", ""))


def marks(flags: Sequence[str]) -> list[str]:
    """Return flags as they are shown: what was withheld says why."""
    if "withheld" not in flags:
        return list(flags)
    few = [flag for flag in flags if flag.startswith("n<")]
    return [f"withheld ({', '.join(few)})" if few else "withheld"]


# -- tables ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A figure as text, and its interval below it."""

    text: str
    below: str = ""


@dataclass(frozen=True)
class Line:
    """A row: what heads it, and its cells; ``depth`` sets it in."""

    label: str
    cells: Sequence[Cell]
    unit: str = ""
    mark: str = ""
    depth: int = 0
    data: bool = True  # whether the label comes from data


@dataclass(frozen=True)
class Block:
    """Rows under one heading, or under none."""

    lines: Sequence[Line]
    title: str = ""
    of: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Column:
    """What heads a column."""

    title: str
    unit: str = ""
    words: bool = False


@dataclass(frozen=True)
class Table:
    """A table as it is shown, and its rows with every digit as a link."""

    number: int
    caption: str
    of: str
    columns: Sequence[Column]
    blocks: Sequence[Block]
    link: "Link"
    notes: Sequence[str] = ()
    level: str = ""  # of its intervals, if it has any

    @property
    def flat(self) -> bool:
        """Whether there is room for intervals beside their figures."""
        lines = [line for block in self.blocks for line in block.lines]
        figures = max(sum(bool(cell.below) for cell in line.cells) for line in lines)
        return 0 < figures <= BESIDE and len(self.columns) <= BESIDE + 3 and max(len(r.label) for r in lines) <= SHORT


@dataclass(frozen=True)
class Picture:
    """A picture of the figures of a table."""

    number: int
    table: int
    svg: "Markup"


@dataclass(frozen=True)
class Link:
    """A file within the page."""

    file: str
    href: str
    rows: int


@dataclass(frozen=True)
class Row:
    """Figures that stand in one row, in the order of the columns; ``unit`` says whether their unit is to be told."""

    label: str
    figures: Sequence[Figure | None]
    unit: bool = False
    data: bool = True


@dataclass(frozen=True)
class Part:
    """Rows under one heading, as they are asked for; all have one statistic's unit, or one that is given."""

    rows: Sequence[Row]
    title: str = ""
    of: str = ""
    statistic: str = ""
    unit: str = ""


# -- words ----------------------------------------------------------------------------------------------------------


def amount_of(scheme: Scheme, currency: str) -> str:
    """Return a benefit in words."""
    made = [_band_of(scheme.schedule, band, currency) for band in scheme.schedule.bands]
    text = "; ".join(made)
    if scheme.schedule.starts is not None:
        text += ", falling with welfare"
    if scheme.max_amount is not None:
        text += f", at most {_amount(scheme.max_amount, currency)} a household"
    if scheme.tops_up:
        text += f", less {' and '.join(scheme.tops_up)}"
    if scheme.paid == "total_per_birth":
        return f"{text}, once a birth"
    return text if scheme.weeks is None else f"{text}, for {scheme.weeks:g} weeks of a year"


def _band_of(schedule: Schedule, band: Band, currency: str) -> str:
    """Return what a band of a schedule pays, in words."""
    low, high, amount = band
    if schedule.by is None:
        return _amount(amount, currency)
    word = {"age": "at age", "size": "with members", "recipients": "with recipients"}[schedule.by]
    ends = f"{low or 0} or more" if high is None else f"{low or 0} to {high}"
    return f"{_amount(amount, currency)} {word} {ends}"


def _amount(amount: Amount, currency: str) -> str:
    """Return an amount in words."""
    if amount.unit in ("month", "year"):
        return f"{amount.value:,.12g} {currency} a {amount.unit}"
    if amount.unit == "gdp_per_capita":
        return f"{100 * amount.value:.6g}% of GDP per person"
    return f"{100 * amount.value:.6g}% of the line {amount.unit.removeprefix('line:')}"


def who_of(scheme: Scheme) -> str:
    """Return who is paid in words; not how many of them."""
    ages = {
        (True, True): f"aged {scheme.min_age} to {scheme.max_age}",
        (True, False): f"aged {scheme.min_age} or more",
        (False, True): f"aged up to {scheme.max_age}",
        (False, False): "",
    }[scheme.min_age is not None, scheme.max_age is not None]
    parts = [
        ages,
        "" if scheme.sex is None else f"of sex {scheme.sex}",
        "with a disability" if scheme.disability else "",
        "with a birth in the last 12 months" if scheme.birth else "",
        {None: "", True: "who draws a pension", False: "who draws no pension"}[scheme.pension],
        "" if scheme.who is None else f"where {scheme.who}",
        "" if not scheme.unless else f"not paid by {' or '.join(scheme.unless)}",
    ]
    whom = " ".join(part for part in parts if part)
    if scheme.per == "household":
        return f"every household once, if a person {whom} lives in it" if whom else "every household once"
    return f"every person {whom}".strip()


def drawn_of(scheme: Scheme, package: Mapping[str, Any]) -> str:
    """Return how recipients are drawn, in words, or no text where all are paid."""
    if scheme.coverage >= 1:
        return ""
    percent = f"{100 * scheme.coverage:g}%"
    if package["draws"] == "expected":
        return f", each at {percent} of the amount"
    return f"; {percent} of them, drawn at random with the seed {package['seed']}"


def n_cell(figures: Sequence[Figure | None]) -> Cell:
    """Return how many unweighted cases the figures of a row rest on."""
    return Cell(" / ".join(f"{n:,}" for n in dict.fromkeys(figure.n for figure in figures if figure)))


def flag_cell(figures: Sequence[Figure | None]) -> Cell:
    """Return the flags of a row: one that not all of its figures have says whose it is; no interval stands in place."""
    there = [figure for figure in figures if figure]
    flags = [[mark for mark in marks(figure.flags) if mark != "no interval"] for figure in there]
    told = []
    for mark in dict.fromkeys(mark for found in flags for mark in found):
        whose = list(dict.fromkeys(f.scenario for f, found in zip(there, flags, strict=True) if mark in found))
        every = set(whose) == {figure.scenario for figure in there}
        told.append(mark if every else f"{mark} ({', '.join(whose)})")
    return Cell("; ".join(told))


def figure_cell(figure: Figure | None, forms: Mapping[str, FormOf]) -> Cell:
    """Return a figure as text: in parentheses where it rests on few cases, a dash where it is withheld."""
    if figure is None:
        return Cell("")
    if not figure.there:
        return Cell(NONE, "withheld" if "withheld" in figure.flags else "empty")
    form = forms[figure.statistic]
    text = (replace(form, signed=True) if figure.is_change else form).text(figure.value)
    below = form.ends(figure.low, figure.high)
    below = below or f"no interval{figure.lacking and ': '}{figure.lacking}"
    return Cell(f"({text})" if figure.few else text, below)


def link_of(file: str, kind: str, content: str, rows: int = 0) -> Link:
    """Return content as a link that needs no file."""
    coded = base64.b64encode(content.encode()).decode()
    return Link(file, f"data:{kind};charset=utf-8;base64,{coded}", rows)
