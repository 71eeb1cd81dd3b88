"""Pictures across surveys, opportunities and the levels of a domain: what an overview says, one line for each.

Lines stand in the order of what they show. What was left out of an overview is named below its title, never shown.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ._canvas import CHANGE, ENDS, INDEX, LINE, PERCENT, Format, Lane, Point, Row, draw
from ._intervals import index as index_interval, welch
from ._validate import choice, fail, fail_if_unknown, fail_type

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

WIDTH = 600  # as of other pictures
NARROW = 460  # below it labels stand above their lines
ALL = "all"
NAMED = 3  # lines left out that a picture names
HONEST = "cross-validated"
BIASED = "biased"
OF_D = ("empirical-bayes", "cells")  # the dissimilarity index that is shown: the first that is there
CORRELATED = ("survey", "domain", "domain_level", "of", "other", "correlation")
PLACE = ("survey", "domain", "domain_level")

Place = tuple[str, str, str]


class Published(Protocol):
    """What an overview publishes."""

    @property
    def estimates(self) -> "pd.DataFrame":
        """Every figure."""
        ...

    @property
    def groups(self) -> "pd.DataFrame":
        """Every group."""
        ...

    @property
    def skipped(self) -> "pd.DataFrame":
        """What was left out."""
        ...

    @property
    def correlations(self) -> "pd.DataFrame":
        """Of dissimilarity indices over replicates."""
        ...

    @property
    def manifest(self) -> Mapping[str, Any]:
        """How it was made."""
        ...


class Overviewed(Protocol):
    """Anything that holds an overview."""

    def findings(self) -> Published:
        """Return what is published."""
        ...


@dataclass(frozen=True)
class Figures:
    """What is said of one opportunity in one place: everybody of a survey, or a level of a domain."""

    place: Place
    opportunity: str
    barrier: bool
    average: Point
    behind: Point
    ahead: Point
    gap: Point
    d_index: Point
    of_d: str  # which dissimilarity index it is; "" if there is none
    d_se: float = math.nan
    d_df: float = math.nan

    @property
    def honest(self) -> bool:
        """Whether the ends are cross-validated."""
        return HONEST in self.behind.series

    @property
    def distance(self) -> str:
        """The gap in points; one that an end is withheld of would give that away."""
        known = all(point.there for point in (self.behind, self.ahead, self.gap))
        return CHANGE.text(self.gap.value).lstrip("+") if known else ""


@dataclass(frozen=True, eq=False)
class Across:
    """What an overview publishes, by place and opportunity."""

    published: Published
    _at: dict[tuple[Place, str], list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frame = self.published.estimates
        picked = frame[(frame["scenario"] == "before") & (frame["by"] == ALL) & (frame["of"] != "")]
        for row in picked.to_dict("records"):
            place = (str(row["survey"]), str(row["domain"]), str(row["domain_level"]))
            self._at.setdefault((place, str(row["of"])), []).append({str(key): value for key, value in row.items()})

    def findings(self) -> Published:
        """Return what is published: pictures take an overview, or one that is read already."""
        return self.published

    @cached_property
    def surveys(self) -> list[str]:
        """Surveys with an opportunity, in their order."""
        return list(dict.fromkeys(place[0] for place, _ in self._at))

    @cached_property
    def opportunities(self) -> list[str]:
        """Opportunities in the order in which surveys name them."""
        return list(dict.fromkeys(name for _, name in self._at))

    @cached_property
    def domains(self) -> list[str]:
        """Domains, that of everybody first."""
        return list(dict.fromkeys(place[1] for place, _ in self._at))

    @property
    def intervals(self) -> str:
        """What its intervals are called."""
        return f"{100 * self.level:g}% intervals"

    @property
    def level(self) -> float:
        """Coverage that its intervals aim at."""
        return float(self.published.manifest.get("level", 0.95))

    def levels(self, survey: str, domain: str) -> list[str]:
        """Return the levels of a domain in a survey."""
        return list(dict.fromkeys(place[2] for place, _ in self._at if place[:2] == (survey, domain)))

    def figures(self, place: Place, opportunity: str) -> Figures | None:
        """Return what is said of an opportunity in a place."""
        rows = self._at.get((place, opportunity), [])
        average = _picked(rows, "access")
        if average is None:
            return None
        ends = {}
        for name in ("furthest_behind", "furthest_ahead", "gap"):
            row = _picked(rows, name, HONEST) or _picked(rows, name)
            ends[name] = Point(math.nan) if row is None else _point(row)
        d_index = next((row for name in OF_D if (row := _picked(rows, "d_index", name))), None)
        return Figures(
            place,
            opportunity,
            "barrier" in _parts(average),
            _point(average),
            ends["furthest_behind"],
            ends["furthest_ahead"],
            ends["gap"],
            Point(math.nan) if d_index is None else _point(d_index),
            "" if d_index is None else _parts(d_index)[0],
            math.nan if d_index is None else float(d_index["se"]),
            math.nan if d_index is None else float(d_index["df"]),
        )

    def lines(
        self, opportunity: str | None, survey: str | None, domain: str
    ) -> tuple[list[tuple[str, Figures]], str, list[str]]:
        """Return lines by what tells them apart, what all of them are of, and what was left out, in words.

        One opportunity: a line for every survey; one survey: for every opportunity; both: for every level of a domain.
        """
        opportunity, survey = self._one(opportunity, survey, domain)
        made: list[tuple[str, Figures | None]] = []
        if domain == ALL and opportunity is not None and survey is not None:
            made = [(survey, self.figures((survey, ALL, ALL), opportunity))]
        elif opportunity is None:
            assert survey is not None
            made = [(name, self.figures((survey, ALL, ALL), name)) for name in self.opportunities]
        elif survey is None:
            made = [(name, self.figures((name, ALL, ALL), opportunity)) for name in self.surveys]
        else:
            levels = self.levels(survey, domain)
            made = [(level, self.figures((survey, domain, level), opportunity)) for level in levels]
        found = [(label, figures) for label, figures in made if figures is not None]
        if not found:
            fail(
                "A picture must have a line",
                f"there is none of {', '.join(repr(name) for name in (opportunity, survey) if name is not None)}",
                "Look at .skipped for what was left out, and why.",
            )
        of = ", ".join(name for name in (opportunity, survey if len(self.surveys) > 1 else None) if name is not None)
        return found, of, self._left_out(opportunity, survey, domain)

    def _one(self, opportunity: str | None, survey: str | None, domain: str) -> tuple[str | None, str | None]:
        """Return the opportunity and the survey that a picture is of, one of them perhaps all."""
        if not self._at:
            fail("A picture must have figures", "the overview has none", "Look at .skipped for why.")
        if opportunity is not None:
            fail_if_unknown(opportunity, self.opportunities, "An opportunity")
        if survey is not None:
            fail_if_unknown(survey, self.surveys, "A survey")
        fail_if_unknown(domain, self.domains, "A domain")
        if survey is None and len(self.surveys) == 1:
            survey = self.surveys[0]
        if domain == ALL:
            if opportunity is None and survey is None and len(self.opportunities) == 1:
                opportunity = self.opportunities[0]
            if opportunity is None and survey is None:
                fail(
                    "A picture must be of one opportunity or of one survey",
                    f"there are {len(self.opportunities)} and {len(self.surveys)}",
                    "Name one: opportunity=... or survey=....",
                )
            return opportunity, survey
        if opportunity is None and len(self.opportunities) == 1:
            opportunity = self.opportunities[0]
        if opportunity is None or survey is None:
            fail(
                "A picture of a domain's levels must be of one opportunity in one survey",
                f"there are {len(self.opportunities)} and {len(self.surveys)}",
                "Name both: opportunity=..., survey=....",
            )
        return opportunity, survey

    def _left_out(self, opportunity: str | None, survey: str | None, domain: str) -> list[str]:
        """Return in words which lines are not there, and why."""
        if opportunity is None:
            axis, at = "opportunity", {"survey": survey, "domain": ALL}
        elif survey is None:
            axis, at = "survey", {"opportunity": opportunity, "domain": ALL}
        elif domain == ALL:
            return []
        else:
            axis, at = "domain_level", {"opportunity": opportunity, "survey": survey, "domain": domain}
        frame = self.published.skipped
        for name, value in at.items():
            frame = frame[frame[name] == value]
        by_reason: dict[str, list[str]] = {}
        for row in frame.to_dict("records"):
            by_reason.setdefault(str(row["reason"]).split(":")[0], []).append(str(row[axis]))
        return [f"{_listed(names)} ({reason})" for reason, names in by_reason.items()]

    # -- the average of dissimilarity indices -----------------------------------------------------------------------

    def average_of(self, found: Sequence[Figures], correlated: bool) -> tuple[Point, int]:
        """Return the mean of dissimilarity indices with its interval, and of how many it is.

        Those of one place share replicates: the variance of their sum is the sum of all covariances. Those of several
        surveys are independent. Without an interval where one of them is biased.
        """
        k = len(found)
        value = sum(f.d_index.value for f in found) / k
        n = min(f.d_index.n for f in found)
        flag = BIASED if any(BIASED in f.d_index.flag for f in found) else ""
        if flag:
            return Point(value, flag=flag, n=n), k
        errors = [f.d_se for f in found]
        if correlated:
            of = self._correlation[found[0].place]
            names = [f.opportunity for f in found]
            pairs = [
                (i, j, of.get((names[i], names[j]), of.get((names[j], names[i]), 0.0)))
                for i in range(k)
                for j in range(i + 1, k)
            ]
            variance = sum(se**2 for se in errors) + 2 * sum(r * errors[i] * errors[j] for i, j, r in pairs)
            df = min(f.d_df for f in found)
        else:
            variance, df = sum(se**2 for se in errors), welch(errors, [f.d_df for f in found])
        se = math.sqrt(max(variance, 0.0)) / k
        low, high, _ = index_interval(value, se, df, 1.0, self.level)
        return Point(value, low, high, n=n), k

    @cached_property
    def _correlation(self) -> dict[Place, dict[tuple[str, str], float]]:
        """Correlations of dissimilarity indices over replicates, by place."""
        made: dict[Place, dict[tuple[str, str], float]] = {
            place: {} for place in dict.fromkeys(place for place, _ in self._at)
        }
        frame = self.published.correlations
        columns = [frame[name].tolist() for name in CORRELATED]
        for survey, domain, level, of, other, r in zip(*columns, strict=True):
            made.setdefault((survey, domain, level), {})[of, other] = r
        return made


def _parts(row: Mapping[str, Any]) -> list[str]:
    return str(row["param"]).split(", ") if row["param"] else []


def _picked(rows: Sequence[dict[str, Any]], statistic: str, kind: str = "") -> dict[str, Any] | None:
    """Return the row of a statistic whose param says a kind; of no kind, the one that is found in the full sample."""
    for row in rows:
        said = _parts(row)
        if row["statistic"] == statistic and (kind in said if kind else HONEST not in said):
            return row
    return None


def _point(row: Mapping[str, Any]) -> Point:
    value, low, high = (float(row[name]) for name in ("value", "ci_low", "ci_high"))
    series = HONEST if HONEST in _parts(row) else ""
    return Point(value, low, high, str(row["flag"]), int(row["n"]), series)


def _listed(names: Sequence[str]) -> str:
    """Return names in one text, not all of many."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _across(overview: Overviewed) -> Across:
    """Return an overview by place, if there is something to draw it with."""
    if isinstance(overview, Across):
        return overview
    try:
        import_module("altair")
    except ImportError:
        fail("Pictures need altair", "it is not installed", "Install it: pip install 'sp2lnob[report]'.")
    published = overview.findings() if hasattr(overview, "findings") else None
    if published is None or not hasattr(published, "skipped"):
        fail_type(
            "A picture across surveys takes an Overview",
            overview,
            "Pass what assess_many() or read_overview() returned.",
        )
    return Across(published)


def _drawn(
    rows: Sequence[Row], form: Format, title: str, subtitle: Sequence[str], left_out: Sequence[str], **how: Any
) -> "alt.LayerChart":
    """Draw lines with their labels aside where there is room."""
    below = [f"Not shown: {'; '.join(left_out)}."] if left_out else []
    aside = how["width"] >= NARROW
    return draw(rows, form, title, [*subtitle, *below], aside=aside, apart=False, **how)


def _sorted(
    lines: list[tuple[str, Figures]], key: Callable[[Figures], float], barrier: bool
) -> list[tuple[str, Figures]]:
    """Return lines from the worst to the best, those without a figure last."""
    sign = -1.0 if barrier else 1.0

    def place(line: tuple[str, Figures]) -> tuple[bool, float]:
        value = key(line[1])
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value

    return sorted(lines, key=place)


def _named(label: str, figures: Figures, mixed: bool) -> str:
    """Return a line's label; where not all lines are barriers, those that are say so."""
    return f"{label} (barrier)" if mixed and figures.barrier else label


def gaps(
    overview: Overviewed,
    opportunity: str | None = None,
    *,
    survey: str | None = None,
    domain: str = ALL,
    width: float = WIDTH,
) -> "alt.LayerChart":
    """Draw the average between the groups furthest behind and furthest ahead: of every survey, opportunity or level.

    Parameters
    ----------
    overview : Overview
    opportunity : str, default None
        Its name: a line for every survey that has it. May be left out where there is one, or a survey is named.
    survey : str, default None
        Its name: a line for every opportunity of it.
    domain : str, default "all"
        A domain of the overview: a line for every level of it, of one opportunity in one survey.
    width : float, default 600
        Of the picture, in pixels: 300 or more. Below 460 labels stand above their lines.

    Returns
    -------
    altair.LayerChart
        Ends are cross-validated, with their intervals, where the overview has such figures. Where it has not they are
        those of groups that were picked for their rates, and have no interval.

    Raises
    ------
    InputError
        If it is not clear which lines are wanted, nothing of them is there, or altair is not installed.

    References
    ----------
    ESCAP, LNOB Platform: the gap between the furthest behind and the furthest ahead, by country.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> surveys = {"Here 2025": sp.example_survey(400), "There 2025": sp.example_survey(400, seed=2)}
    >>> overview = sp.assess_many(surveys, [opportunity], replicates=sp.Bootstrap(10))
    >>> sp.plots.gaps(overview, "internet").to_dict()["title"]["text"]
    ['Furthest behind, average, furthest ahead: internet']
    >>> sp.plots.gaps(overview, "intrenet")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: An opportunity must be one that exists, but 'intrenet' does not. ...
    """
    across = _across(overview)
    lines, of, left_out = across.lines(opportunity, survey, domain)
    barriers = {figures.barrier for _, figures in lines}
    lines = _sorted(lines, lambda figures: figures.average.value, barriers == {True})
    rows = [Row(_named(label, figures, len(barriers) > 1), _gap_lanes(figures)) for label, figures in lines]
    honest = {figures.honest for _, figures in lines}
    ends = {
        frozenset({True}): f"Bars are {across.intervals}. Groups at the ends are cross-validated: found in one part of "
        "the sample, and seen in another.",
        frozenset({False}): f"The average has its {across.intervals.removesuffix('s')}; the groups at the ends were "
        "picked for their rates in the same sample, which makes them look more extreme, and have none.",
        frozenset({True, False}): f"Bars are {across.intervals}. Ends without one are not cross-validated: picked for "
        "their rates in the same sample, they look more extreme than they are.",
    }[frozenset(honest)]
    read = f"▼ furthest behind, ● average, ▲ furthest ahead; the average in figures. {ends}"
    kinds = {
        frozenset({True}): ["A barrier: the highest rate is furthest behind."],
        frozenset({True, False}): ["Of a barrier the highest rate is furthest behind."],
    }.get(frozenset(barriers), [])
    title = f"Furthest behind, average, furthest ahead{f': {of}' if of else ''}"
    return _drawn(rows, PERCENT, title, [read, *kinds], left_out, width=width, figure=52, beside=52, zero=None)


def _gap_lanes(figures: Figures) -> list[Lane]:
    """Return the lane of three points, and one for each that is withheld."""
    points = []
    for end, point in (("behind", figures.behind), ("ahead", figures.ahead)):
        colour, shape, _ = ENDS[end]
        beside = "left" if (end == "behind") != figures.barrier else "right"
        series = f"furthest {end}"
        points.append(replace(point, colour=colour, shape=shape, beside=beside, series=series))
    points.append(replace(figures.average, series="average"))
    there = [point for point in points if point.there]
    lanes = [Lane(there, figures.average.text(PERCENT) if figures.average.there else "")] if there else []
    return [*lanes, *(Lane([point]) for point in points if not point.there)]


def dissimilarities(
    overview: Overviewed,
    opportunity: str | None = None,
    *,
    survey: str | None = None,
    domain: str = ALL,
    width: float = WIDTH,
) -> "alt.LayerChart":
    """Draw the dissimilarity index of every survey, opportunity or level, from the most unequal on.

    Parameters
    ----------
    overview : Overview
    opportunity, survey, domain, width
        As in ``gaps``.

    Returns
    -------
    altair.LayerChart
        With intervals where the overview has the index from empirical Bayes; that of cells as they are found is biased
        upward, and has none.

    Raises
    ------
    InputError
        If it is not clear which lines are wanted, nothing of them is there, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> overview = sp.assess_many({"Here": sp.example_survey(400)}, [opportunity], replicates=sp.Bootstrap(10))
    >>> sp.plots.dissimilarities(overview).to_dict()["title"]["text"]
    ['How unequal access is: the dissimilarity index']
    >>> sp.plots.dissimilarities(overview, domain="region")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A domain must be one that exists, but 'region' does not. There are: all.
    """
    across = _across(overview)
    lines, of, left_out = across.lines(opportunity, survey, domain)
    lines = [(label, figures) for label, figures in lines if figures.of_d]
    if not lines:
        fail("A picture of dissimilarity must have an index", "there is none", "Look at .skipped for why.")
    lines = _sorted(lines, lambda figures: figures.d_index.value, barrier=True)
    barriers = {figures.barrier for _, figures in lines}
    mixed = len(barriers) > 1
    rows = [
        Row(f"{label} (absence of the barrier)" if mixed and f.barrier else label, [_index_lane(f.d_index)])
        for label, f in lines
    ]
    title = f"How unequal access is: the dissimilarity index{f', {of}' if of else ''}"
    what = "Share of access that would have to change hands for all to have the same rate."
    absence = ["Access is the absence of the barrier."] if barriers == {True} else []
    points = [figures.d_index for _, figures in lines]
    return _drawn(rows, INDEX, title, [what, *absence, _sureness(across, points)], left_out, width=width, figure=56,
                  bars=True)  # fmt: skip


def _index_lane(point: Point, word: str = "") -> Lane:
    """Return the lane of an index as a bar with its interval."""
    made = replace(point, colour=LINE)
    return Lane([made], point.text(INDEX) if point.there else "", word)


def _sureness(across: Across, points: Sequence[Point]) -> str:
    """Return what intervals are, and why some have none."""
    biased = {BIASED in point.flag for point in points if point.there}
    if biased == {True}:
        return "Between all combinations of circumstances as they are found: biased upward where these are small, and "\
            "therefore without an interval."  # fmt: skip
    few = " Those without one are biased upward." if True in biased else ""
    return f"Lines are {across.intervals}.{few}"


def average_dissimilarity(
    overview: Overviewed,
    *,
    over: str = "opportunities",
    survey: str | None = None,
    domain: str = ALL,
    width: float = WIDTH,
) -> "alt.LayerChart":
    """Draw the mean dissimilarity index, over the opportunities of every survey or over the surveys of every one.

    Parameters
    ----------
    overview : Overview
    over : {"opportunities", "surveys"}, default "opportunities"
        What the mean is over. Over opportunities: a line for every survey, and only those opportunities that all of
        them have, for means of other things cannot be compared. Over surveys: a line for every opportunity, each survey
        that has it counted once, whatever its people.
    survey, domain : str
        A line for every level of a domain, in one survey.
    width : float, default 600
        As in ``gaps``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If all lines have nothing in common, nothing of them is there, or altair is not installed.

    Notes
    -----
    Indices of one survey are estimated on the same replicates: the variance of their mean is the sum of all their
    covariances over k^2, as it would be if the mean were taken draw by draw. Surveys are taken to be independent.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> both = [sp.Opportunity(name, outcome=name, circumstances=["urbrur", "region"]) for name in ("internet",)]
    >>> both.append(sp.Opportunity("wood", outcome="cook_fuel == 'Wood'", circumstances=["urbrur"], kind="barrier"))
    >>> overview = sp.assess_many({"Here": sp.example_survey(400)}, both, replicates=sp.Bootstrap(10))
    >>> sp.plots.average_dissimilarity(overview).to_dict()["title"]["subtitle"][0]
    'Mean over 2 opportunities: internet, wood.'
    >>> sp.plots.average_dissimilarity(overview, over="indicators")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: over must be one of 'opportunities', 'surveys', but it is 'indicators'. Choose one of these.
    """
    across = _across(overview)
    choice(over, ("opportunities", "surveys"), "over")
    if over == "surveys":
        return _over_surveys(across, width)
    places = _places(across, survey, domain)
    found: dict[Place, dict[str, Figures]] = {}
    for place in places:
        made = ((name, across.figures(place, name)) for name in across.opportunities)
        found[place] = {name: f for name, f in made if f is not None and f.d_index.there}
    empty = [place for place in places if not found[place]]
    places = [place for place in places if found[place]]
    common = [name for name in across.opportunities if places and all(name in found[place] for place in places)]
    if not common:
        fail(
            "A mean must be over opportunities that all lines have",
            "there is none" if places else "no line has an index",
            "Leave out surveys that have few, or look at .skipped.",
        )
    label = 0 if domain == ALL else 2
    averages = [(place[label], across.average_of([found[place][name] for name in common], True)[0]) for place in places]
    others = [name for name in across.opportunities if name not in common]
    lacking = [f"{_listed([place[label] for place in empty])} (no index)"] if empty else []
    apart = [f"{_listed(others)} (not had by all)"] if others else []
    count = f"{len(common)} opportunit{'ies' if len(common) > 1 else 'y'}"
    what = f"Mean over {count}: {_listed(common)}."
    of = f", {places[0][0]}" if domain != ALL and len(across.surveys) > 1 else ""
    return _means(across, averages, of, what, [*lacking, *apart], width)


def _places(across: Across, survey: str | None, domain: str) -> list[Place]:
    """Return every survey as a whole, or the levels of a domain in one."""
    if survey is not None:
        fail_if_unknown(survey, across.surveys, "A survey")
    if not across.surveys:
        fail("A picture must have figures", "the overview has none", "Look at .skipped for why.")
    fail_if_unknown(domain, across.domains, "A domain")
    if domain == ALL:
        return [(name, ALL, ALL) for name in across.surveys if survey in (None, name)]
    if survey is None and len(across.surveys) > 1:
        fail("Levels of a domain must be of one survey", f"there are {len(across.surveys)}", "Name one: survey=....")
    survey = across.surveys[0] if survey is None else survey
    return [(survey, domain, level) for level in across.levels(survey, domain)]


def _over_surveys(across: Across, width: float) -> "alt.LayerChart":
    """Draw the mean over the surveys that have an opportunity, for each."""
    averages, words, lacking = [], [], []
    for name in across.opportunities:
        made = [across.figures((survey, ALL, ALL), name) for survey in across.surveys]
        found = [f for f in made if f is not None and f.d_index.there]
        if found:
            point, k = across.average_of(found, False)
            averages.append((name, point))
            words.append(f"of {k}")
        else:
            lacking.append(name)
    if not averages:
        fail("A mean must be over surveys that have an index", "none has one", "Look at .skipped for why.")
    what = "Mean over the surveys that have the opportunity, as many as is said, each counted once."
    if len(set(words)) == 1:
        what, words = f"Mean over {words[0].removeprefix('of ')} surveys, each counted once.", []
    left_out = [f"{_listed(lacking)} (no index)"] if lacking else []
    return _means(across, averages, "", what, left_out, width, words)


def _means(
    across: Across,
    averages: Sequence[tuple[str, Point]],
    of: str,
    what: str,
    left_out: Sequence[str],
    width: float,
    words: Sequence[str] = (),
) -> "alt.LayerChart":
    """Draw means as bars, from the most unequal on."""
    told = words or [""] * len(averages)
    order = sorted(range(len(averages)), key=lambda i: -averages[i][1].value)
    rows = [Row(averages[i][0], [_index_lane(averages[i][1], told[i])]) for i in order]
    return _drawn(
        rows,
        INDEX,
        f"How unequal access is on average: the mean dissimilarity index{of}",
        [what, _sureness(across, [point for _, point in averages])],
        left_out,
        width=width,
        figure=56,
        word=44 if any(told) else 0,
        bars=True,
    )
