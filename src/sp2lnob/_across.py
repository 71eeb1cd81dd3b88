"""Pictures across surveys, opportunities and the levels of a domain: what an overview says, one line for each.

Lines stand in the order of what they show. What was left out of an overview is named below its title, never shown.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._canvas import ENDS, INDEX, LINE, PERCENT, Format, Lane, Point, Row, draw
from ._places import ALL, BIASED, Across, Figures, Overviewed, Place, some_of
from ._validate import choice, fail, fail_if_unknown, fail_type

if TYPE_CHECKING:
    import altair as alt

WIDTH = 600  # as of other pictures
NARROW = 460  # below it labels stand above their lines


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
    lacking = [f"{some_of([place[label] for place in empty])} (no index)"] if empty else []
    apart = [f"{some_of(others)} (not had by all)"] if others else []
    count = f"{len(common)} opportunit{'ies' if len(common) > 1 else 'y'}"
    what = f"Mean over {count}: {some_of(common)}."
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
    left_out = [f"{some_of(lacking)} (no index)"] if lacking else []
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
