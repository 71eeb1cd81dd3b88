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
from .targeting import SCORE, Affluence, Rank, Target, Threshold

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
    "adequacy": ("Adequacy", "share", "% of welfare"),
    "generosity": ("Generosity", "money", "welfare"),
    "generosity_of_line": ("Generosity", "share", "% of a line"),
    "targeting_ratio": ("Targeting ratio", "index", ""),
    "targeting_differential": ("Targeting differential", "share", "points"),
    "gap_efficiency": ("Efficiency at closing the poverty gap", "share", "%"),
    "exclusion_error": ("Exclusion error", "share", "% of the poor"),
    "inclusion_error": ("Inclusion error", "share", "% of the chosen"),
    "chosen": ("Chosen", "share", "% of people"),
    "recipients": ("Recipients", "count", ""),
    "transfer_cost": ("Transfers", "money", "cost"),
    "total_cost": ("With administration", "money", "cost"),
    "cost_gdp": ("Of GDP", "share", "%"),
    "administration": ("Administration", "money", "cost"),
    "cost_revenue": ("Of revenue", "share", "%"),
    "cost_expenditure": ("Of expenditure", "share", "%"),
    "cost_taxes": ("Of taxes", "share", "%"),
}
POINTS = ("gap", "targeting_differential")  # distances between shares
OF_LINE = "share of "  # how params of generosity begin that name a line

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
    def measure(self) -> str:
        """The statistic whose kind and unit it has."""
        return measure_of(self.statistic, self.param)

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
        """Whether it is a difference of two situations, or a part of one."""
        return self.scenario.startswith("change") or self.statistic == "scheme_share"

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
        return form_of(said(self.measure)[1], [self.value])

    @property
    def words(self) -> str:
        """The figure with its unit, in a sentence; a change without its sign."""
        if not self.there:
            return "withheld" if "withheld" in self.flags else "not known"
        form, kind = self.form, said(self.measure)[1]
        text = form.text(abs(self.value) if self.is_change else self.value)
        points = kind == "share" and (self.is_change or self.statistic in POINTS)
        return text + (" points" if points else "%" if kind == "share" else f" {form.word}" if form.word else "")

    @property
    def ends(self) -> str:
        """The interval, written as the figure is in ``words``: that of a fall holds the fall."""
        low, high = (-self.high, -self.low) if self.is_change and self.falls else (self.low, self.high)
        return self.form.ends(low, high)

    @property
    def signed(self) -> str:
        """A change with its sign and its unit."""
        text = replace(self.form, signed=True).text(self.value)
        return f"{text} points" if said(self.measure)[1] == "share" else text

    @property
    def ends_as_is(self) -> str:
        """The interval of a change that is told with its sign."""
        return self.form.ends(self.low, self.high)

    @property
    def lacking(self) -> str:
        """Why it has no interval, or no text: it has one, or its flag says why."""
        if isfinite(self.low) or not self.there or "biased" in self.flags:
            return ""
        if self.param.startswith(BOUNDS):
            return "it is a bound"
        rate = said(self.measure)[1] == "share" and not self.is_change and self.statistic not in POINTS
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


def measure_of(statistic: str, param: str) -> str:
    """Return the statistic whose kind and unit a figure has: a part of a change has those of what changes."""
    if statistic == "scheme_share":
        return param.partition(", ")[0]
    return "generosity_of_line" if statistic == "generosity" and param.startswith(OF_LINE) else statistic


def said(statistic: str) -> tuple[str, str, str]:
    """Return what a statistic is called, how it is written, and what it is counted in."""
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
class Head:
    """What heads a column of figures: a title, and the unit of a statistic or one that is given."""

    title: str
    statistic: str = ""
    param: str = ""
    unit: str = ""
    scenario: str = ""

    @property
    def measure(self) -> str:
        """The statistic whose unit it has, or no text."""
        return self.statistic and measure_of(self.statistic, self.param)


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


def amount_of(scheme: Scheme, currency: str, period: str = "") -> str:
    """Return a benefit in words; ``period`` is that of welfare."""
    schedule, birth = scheme.schedule, scheme.paid == "total_per_birth"
    text = "; ".join(_band_of(schedule, band, currency, birth) for band in schedule.bands)
    parts = [_taper_of(schedule, currency, period)]
    if scheme.max_recipients is not None:
        parts.append(f"for at most {scheme.max_recipients} of a household")
    if scheme.max_amount is not None:
        parts.append(f"at most {_amount(scheme.max_amount, currency)} a household")
    if scheme.tops_up:
        parts.append(f"less what the household has of {_both(scheme.tops_up)}")
    if scheme.replaces:
        parts.append(f"in place of {_both(scheme.replaces)}, which everybody loses")
    if scheme.weeks is not None and not birth:
        parts.append(f"for {scheme.weeks:g} weeks of a year")
    return ", ".join([text, *filter(None, parts)])


def _band_of(schedule: Schedule, band: Band, currency: str, birth: bool) -> str:
    """Return what a band of a schedule pays, in words."""
    low, high, amount = band
    paid = _amount(amount, currency, "a birth" if birth else "")
    if schedule.by is None:
        return paid
    ends = f"{low or 0} or more" if high is None else f"{low or 0}" if low == high else f"{low or 0} to {high}"
    if schedule.by == "age":
        return f"{paid} at age {ends}"
    return f"{paid} in a household of {ends}" if schedule.by == "size" else f"{paid} each where {ends} receive it"


def _taper_of(schedule: Schedule, currency: str, period: str) -> str:
    """Return how an amount falls with welfare, in words, or no text."""
    if schedule.starts is None:
        return ""

    def welfare(end: float | Amount) -> str:
        if isinstance(end, Amount):
            return _amount(end, currency)
        return f"{end:,.12g} {currency}{period and ' a '}{period}"

    text = f"whole up to consumption per person of {welfare(schedule.starts)}"
    if schedule.ends is not None:
        return f"{text}, then falling to nothing at {welfare(schedule.ends)}"
    rate = schedule.rate or 0.0
    return f"{text}, then {'less' if rate > 0 else 'more'} by {100 * abs(rate):.6g}% of what is above"


def _amount(amount: Amount, currency: str, of: str = "") -> str:
    """Return an amount in words; ``of`` says what it is paid for where that is no period."""
    if amount.unit in ("month", "year"):
        return f"{amount.value:,.12g} {currency} {of or f'a {amount.unit}'}"
    share = f"{100 * amount.value:.6g}% of "
    share += "GDP per person" if amount.unit == "gdp_per_capita" else f"the line {amount.unit.removeprefix('line:')}"
    return f"{share} {of}".strip()


def _both(names: Sequence[str], word: str = "and") -> str:
    """Return names in a row."""
    return f" {word} ".join(names)


def who_of(scheme: Scheme) -> str:
    """Return who is eligible in words; not how many of them."""
    ages = {
        (True, True): f"aged {scheme.min_age} to {scheme.max_age}",
        (True, False): f"aged {scheme.min_age} or more",
        (False, True): f"aged up to {scheme.max_age}",
        (False, False): "",
    }[scheme.min_age is not None, scheme.max_age is not None]
    home = (scheme.unless_in or scheme.per) == "household"
    parts = [
        ages,
        "" if scheme.sex is None else f"of sex {scheme.sex}",
        "with a disability" if scheme.disability else "",
        "with a birth in the last 12 months" if scheme.birth else "",
        {None: "", True: "who draws a pension", False: "who draws no pension"}[scheme.pension],
        "" if scheme.who is None else f"where {scheme.who}",
    ]
    whom = " ".join(part for part in parts if part)
    instead = ""
    if scheme.unless:
        instead = f"{' in a household' * home} not paid by {_both(tuple(scheme.unless), 'or')}"
    if scheme.per == "household":
        paid = f"every household{instead.removeprefix(' in a household')} once"
        return f"{paid}, if a person {whom} lives in it" if whom else paid
    return f"every person {whom}".strip() + instead


def target_of(target: Target | None, currency: str, period: str = "") -> str:
    """Return whom of the eligible a scheme is aimed at, in words, or no text."""
    if target is None:
        return ""
    assert isinstance(target, Rank | Threshold | Affluence)
    by = "the score" if target.by == SCORE else target.by
    if isinstance(target, Rank):
        at = "" if target.boundary == "in" else ", without the household at the cut"
        return f"; of these the poorest {100 * target.share:.12g}% by {by}, cut anew in every sample{at}"
    if isinstance(target, Affluence):
        of = "people" if target.of == "people" else "these"
        return f"; not the richest {100 * target.share:.12g}% of {of} by {by}, cut anew in every sample"
    if isinstance(target.below, str):
        below = f"the line {target.below.removeprefix('line:')}"
    else:
        unit = f" {currency}{period and ' a '}{period}" if target.by == "welfare" else ""
        below = f"{target.below:,.12g}{unit}"
    return f"; of these, who is below {below} by {by}"


def drawn_of(scheme: Scheme, package: Mapping[str, Any], year: int | None = None) -> str:
    """Return how recipients are drawn, in words, or no text where all are paid."""
    coverage = scheme.coverage_in(year)
    parts = []
    if coverage < 1:
        parts.append(f"{100 * coverage:.6g}% of them")
    if scheme.exclusion_error:
        parts.append(f"{100 * scheme.exclusion_error:.6g}% of them missed")
    if scheme.take_up is not None:
        parts.append(_take_up_of(scheme.take_up))
    if scheme.inclusion_error:
        others = "who are not eligible" if scheme.target is None else "at whom it is not aimed"
        parts.append(f"and others {others}, {100 * scheme.inclusion_error:.6g}% of the recipients")
    phased = ""
    if scheme.phase_in is not None:
        steps = ", ".join(f"{100 * share:.6g}% from {since}" for since, share in scheme.phase_in.items())
        phased = f"; phased in: {steps}"
    if not parts:
        return phased
    if package["draws"] == "expected":
        if len(parts) == 1 and coverage < 1:
            return f", each at {100 * coverage:.6g}% of the amount{phased}"
        return f"; {', '.join(parts)}, each at the chance of it times the amount{phased}"
    how = f"with the seed {package['seed']}" if package["draws"] == "seeded" else "and figures are means over all draws"
    return f"; {', '.join(parts)}, drawn at random {how}{phased}"


def _take_up_of(take_up: str | Mapping[str, Mapping[Any, float]]) -> str:
    """Return who takes a benefit up, in words."""
    if isinstance(take_up, str):
        return f"who takes it up with the probability in {take_up}"
    ((column, levels),) = take_up.items()
    told = ", ".join(f"{level} {100 * share:.6g}%" for level, share in levels.items())
    return f"taken up by {column} ({told})"


def n_cell(figures: Sequence[Figure | None]) -> Cell:
    """Return how many unweighted cases the figures of a row rest on."""
    return Cell(" / ".join(f"{n:,}" for n in dict.fromkeys(figure.n for figure in figures if figure)))


def flag_cell(figures: Sequence[Figure | None], titles: Sequence[str] = ()) -> Cell:
    """Return the flags of a row: one that not all of its figures have says whose it is; no interval stands in place.

    ``titles`` are those of the columns; without them, figures are called by their scenarios.
    """
    names = [title.lower() for title in titles] or [figure.scenario if figure else "" for figure in figures]
    there = [(figure, name) for figure, name in zip(figures, names, strict=True) if figure]
    flags = [[mark for mark in marks(figure.flags) if mark != "no interval"] for figure, _ in there]
    told = []
    for mark in dict.fromkeys(mark for found in flags for mark in found):
        whose = list(dict.fromkeys(name for (_, name), found in zip(there, flags, strict=True) if mark in found))
        every = set(whose) == {name for _, name in there}
        told.append(mark if every else f"{mark} ({', '.join(whose)})")
    return Cell("; ".join(told))


def figure_cell(figure: Figure | None, forms: Mapping[str, FormOf]) -> Cell:
    """Return a figure as text: in parentheses where it rests on few cases, a dash where it is withheld."""
    if figure is None:
        return Cell("")
    if not figure.there:
        return Cell(NONE, "withheld" if "withheld" in figure.flags else "empty")
    form = forms[figure.measure]
    text = (replace(form, signed=True) if figure.is_change else form).text(figure.value)
    below = form.ends(figure.low, figure.high)
    below = below or f"no interval{figure.lacking and ': '}{figure.lacking}"
    return Cell(f"({text})" if figure.few else text, below)


def link_of(file: str, kind: str, content: str, rows: int = 0) -> Link:
    """Return content as a link that needs no file."""
    coded = base64.b64encode(content.encode()).decode()
    return Link(file, f"data:{kind};charset=utf-8;base64,{coded}", rows)
