"""Pictures of how unequal access is: gaps, dissimilarity indices, and what circumstances have of them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ._canvas import BEFORE, CHANGE, ENDS, INDEX, INK, LINE, PERCENT, Lane, Point, Row, draw, minus
from ._plot_findings import (
    ASK,
    WIDTH,
    Found,
    asked_of,
    findings_of,
    has_after,
    intervals_of,
    lane_of,
    opportunity_asked,
    pick,
    point_of,
    points_by,
    rows_of,
    unique,
)
from .effects import effect_of
from .findings import Findings

if TYPE_CHECKING:
    import altair as alt

ANEW = "new sample"  # word of the lane of cross-validated ends


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
    found = findings_of(result)
    names = unique("of", pick(found, "gaps", ASK["opportunity"], statistic="gap"))
    both = has_after(found)
    rows = [_gap_row(found, name, both) for name in names]
    read = f"▼ furthest behind, ● average, ▲ furthest ahead. Bars are {intervals_of(found)}"
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
    barrier = opportunity_asked(found, name).get("kind") == "barrier"
    lanes, below = [], []
    for scenario in ("before", "after"):
        rows = rows_of(found, of=name, scenario=scenario, by="all")
        anew = [row for row in rows if row["param"].endswith("cross-validated")]
        at = points_by("statistic", (row for row in rows if row not in anew and not effect_of(row["param"], "")))
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
        honest = points_by("statistic", anew)
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
    found = findings_of(result)
    picked = pick(found, "dissimilarity", ASK["opportunity"], statistic="d_index")
    names = unique("of", picked)
    picked = [row for row in picked if str(row["param"]).split(",")[0] in BETWEEN and not effect_of(row["param"], "")]
    picked.sort(key=lambda row: BETWEEN.index(str(row["param"]).split(",")[0]))
    both = has_after(found)
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
    return lane_of(point_of(row, series=series, colour=colour), series, INDEX)


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
    found = findings_of(result)
    asked = opportunity_asked(found, opportunity)
    picked = pick(found, "Shapley shares", ASK["shapley"], statistic="shapley", of=opportunity, by="all")
    names = asked.get("circumstances") or [str(row["param"]) for row in picked]
    points = {str(name): point_of(row) for name, row in zip(names, picked, strict=False)}
    total = sum(point.value for point in points.values())
    indices = rows_of(found, statistic="d_index", of=opportunity, by="all")
    told = not any("one-sided" in row["flag"] for row in indices)  # parts of what may be nothing are no parts
    rows = [Row(name, [_share_lane(point, total if told else math.nan)]) for name, point in points.items()]
    rows.sort(key=lambda row: -row.points[0].value if row.points[0].there else math.inf)
    method = asked_of(found, "shapley")
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
            + (f"Bars are {intervals_of(found)}." if any(p.ends for p in points.values()) else "Without intervals.")
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
    return lane_of(point, minus(f"{round(point.value / total, 2) + 0.0:.0%}") if known else "", INDEX)
