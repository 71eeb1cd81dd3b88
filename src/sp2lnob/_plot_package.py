"""Pictures of what a package changes: poverty, how welfare is shared, whom it reaches, and what it costs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from . import _canvas
from ._canvas import (
    BEFORE,
    CHANGE,
    GREY,
    INDEX,
    LINE,
    MONEY,
    OF_GDP,
    PERCENT,
    TEXT,
    Align,
    Axis,
    Canvas,
    Lane,
    Point,
    Row,
    axis_of,
    canvas_of,
    case_notes,
    draw,
)
from ._plot_findings import (
    ASK,
    NO_SCHEMES,
    WIDTH,
    Found,
    asked_of,
    change_of,
    findings_of,
    has_after,
    in_scenario,
    intervals_of,
    lane_of,
    levels_of,
    needs,
    pick,
    point_of,
    points_by,
    records_of,
    rows_of,
    unique,
)
from ._validate import fail, fail_type
from .best_package import Search, published
from .disclosure import least_cases
from .findings import Findings

if TYPE_CHECKING:
    import altair as alt

UNITS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


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
    sp2lnob.InputError: The width of a picture must be 300 or more, but it is 100. Correct the value.
    """
    found = findings_of(result)
    picked = pick(found, "Lorenz curves", ASK["welfare"], statistic="lorenz", by="all")
    scenarios = [name for name in ("before", "after") if any(row["scenario"] == name for row in picked)]
    names = {scenario: scenario if len(scenarios) > 1 else "" for scenario in scenarios}
    canvas = canvas_of(width)
    left, top, side = 44.0, 24.0, min(canvas.width - 60, 460.0)
    across = axis_of([0, 1], left, left + side)
    down = axis_of([0, 1], top + side, top, vertical=True)
    canvas.ruler(across, top, top + side)
    canvas.ruler(down, left, left + side)
    canvas.ticks(down, left - 8, PERCENT)
    canvas.text(0, 8, "Share of all welfare", colour=GREY)
    bottom = _draw_changes(canvas, across, _curve(picked, "change", "change"), top + side)
    canvas.ticks(across, bottom + 14, PERCENT)
    canvas.text(left + side, bottom + 34, "of the poorest share of people", colour=GREY, align="right")
    canvas.segment((across(0), down(0)), (across(1), down(1)), series="equal shares")
    known = []
    for scenario, name in names.items():
        curve = _curve(picked, scenario, name)
        known += [point for _, point in curve]
        _draw_curve(canvas, across, down, [(p, point) for p, point in curve if point.there], name)
    head = [*_bottom(picked, names), *_ginis(found, names)]
    title = "How welfare is shared: Lorenz curve" + ("s before and after" if len(scenarios) > 1 else "")
    reading = f"Bars are {intervals_of(found)}; the straight line is equal shares."
    return canvas.chart(bottom + 46, title, [*head, reading, *case_notes(known)], " ".join(head))


def _curve(rows: Iterable[Mapping[str, Any]], scenario: str, name: str) -> list[tuple[float, Point]]:
    """Return a scenario's points by the share of people that they are of."""
    these = [row for row in rows if row["scenario"] == scenario]
    made = [(float(str(row["param"])[2:]), in_scenario(point_of(row), name)) for row in these]
    return sorted(made, key=lambda pair: pair[0])


def _draw_changes(canvas: Canvas, across: Axis, curve: Sequence[tuple[float, Point]], top: float) -> float:
    """Draw what two curves so close do not show: the change from one to the other; return where that ends."""
    moved = [(p, point) for p, point in curve if point.there]
    if not moved:
        return top
    bottom = top + 110
    rise = axis_of(_canvas.extent(point for _, point in moved), bottom, bottom - 72, vertical=True)
    canvas.text(0, top + 20, "Change, in percentage points", colour=GREY)
    canvas.ruler(across, bottom - 72, bottom)
    canvas.ruler(rise, across.start, across.end, zero=LINE)
    canvas.ticks(rise, across.start - 8, CHANGE)
    for p, point in moved:
        canvas.point(point, rise, across(p), f"poorest {100 * p:g}%", CHANGE)
    return bottom


def _draw_curve(canvas: Canvas, across: Axis, down: Axis, curve: Sequence[tuple[float, Point]], name: str) -> None:
    """Draw a Lorenz curve from corner to corner, with its name where it bends."""
    if not curve:
        return
    colour, last = curve[0][1].colour, name != "before"
    corners = [(0.0, 0.0), *((p, point.value) for p, point in curve), (1.0, 1.0)]
    places = [(across(p), down(share)) for p, share in corners]
    for start, end in pairwise(places):
        canvas.segment(start, end, 1.5, colour, series=name)
    for p, point in curve:
        canvas.point(point, down, across(p), f"poorest {100 * p:g}%", PERCENT)
    if name:  # the curve of after runs above that of before
        p, point = min(curve, key=lambda pair: abs(pair[0] - 0.5))
        aside = -12 if last else 13
        align: Align = "right" if last else "left"
        x, y = across(p) + aside, down(point.value) + aside
        canvas.text(x, y, name, size=TEXT, bold=last, align=align, colour=colour)


def _ginis(found: Findings, names: Mapping[str, str]) -> list[str]:
    """Return the Gini coefficients, as a sentence."""
    ginis = [
        f"{point_of(row).with_interval(INDEX)} {name}".strip()
        for scenario, name in names.items()
        for row in rows_of(found, statistic="gini", scenario=scenario, by="all")
    ]
    return [f"Gini: {', '.join(ginis)}."] if ginis else []


def _bottom(picked: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """Return what the poorest 40 % have, as a sentence."""
    at = points_by("scenario", (row for row in picked if row["param"] == "p=0.4"))
    if not at or not set(names) <= set(at):
        return []
    each = [f"{at[scenario].with_interval(PERCENT)} {name}".strip() for scenario, name in names.items()]
    moved = change_of(at.get("change"))
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
    sp2lnob.InputError: A picture of poverty must have rows of statistic 'headcount', by 'region', but ...
    """
    found = findings_of(result)
    lines = unique("of", pick(found, "poverty", ASK["line"], statistic="headcount", by=by))
    both = has_after(found)
    rows = []
    for line in lines:
        for statistic, name in (("headcount", "Headcount"), ("poverty_gap", "Poverty gap")):
            picked = rows_of(found, statistic=statistic, of=line, by=by)
            for level, shown in levels_of(by, picked).items():
                at = points_by("scenario", (row for row in picked if row["level"] == level))
                label = f"{name}, {line}" + ("" if by == "all" else f", {shown}")
                rows.append(Row(label, _scenario_lanes(at, both), below=change_of(at.get("change"))))
    reading = f"Bars are {intervals_of(found)}" + (
        ", and so is what stands in parentheses after a change." if both else "."
    )
    return draw(
        rows,
        PERCENT,
        "Poverty" + (" before and after" if both else "") + ("" if by == "all" else f", by {by}"),
        [
            "Headcount: share of people below the line. Poverty gap: how far below they are, as a share of the line, "
            "over all people.",
            reading,
        ],
        width=width,
        figure=58,
        word=80 if rows_of(found, scenario=NO_SCHEMES, statistic="headcount") else 52 if both else 0,
    )


def _scenario_lanes(at: Mapping[str, Point], both: bool) -> list[Lane]:
    """Return a lane for before, one for after if there is a package, and one without what exists if that is known."""
    if not both and NO_SCHEMES not in at:
        return [lane_of(at["before"])] if "before" in at else []
    return [lane_of(in_scenario(at[name], name), name) for name in (NO_SCHEMES, "before", "after") if name in at]


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
    sp2lnob.InputError: A picture of coverage must have rows of statistic 'coverage', of 'package', ...
    """
    found = findings_of(result)
    reached, paid = (
        _by_level(found, "coverage", by, statistic=statistic, of=of, param="", scenario="after")
        for statistic in ("coverage", "coverage_direct")
    )
    rows: list[Row] = []
    for name, point in reached.items():
        points = [replace(point, series="reached")]
        if name in paid:
            points.append(replace(paid[name], series="paid", filled=False, colour=BEFORE))
        rows.append(Row(name, [lane_of(point, "" if rows else point.series) for point in points]))  # once is enough
    title = "Whom the package reaches" if of == "package" else f"Whom the scheme reaches: {of}"
    subtitle = f"Share of people who live with a recipient, and who are one. Bars are {intervals_of(found)}."
    return draw(rows, PERCENT, title, [subtitle], width=width, aside=True, figure=60, word=60, lane=16)


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
    sp2lnob.InputError: A picture of gains must have rows of statistic 'consumption_gain', param '', scenario ...
    """
    found = findings_of(result)
    points = _by_level(found, "gains", by, statistic="consumption_gain", param="", scenario="after")
    rows = [Row(name, [lane_of(point)]) for name, point in points.items()]
    subtitle = f"Share of welfare before: the ratio of two means. Bars are {intervals_of(found)}."
    return draw(rows, PERCENT, "What the package adds to welfare", [subtitle], width=width, aside=True, figure=60)


def _by_level(found: Findings, what: str, by: str, **fields: str) -> dict[str, Point]:
    """Return the points of everybody and of the levels of a domain, by their names."""
    picked = pick(found, what, ASK["package"], **fields, by=by)
    at = points_by("level", picked)
    at_all = [point_of(row) for row in rows_of(found, **fields, by="all")]
    everybody = dict.fromkeys(["everybody"], at_all[0]) if at_all else {}
    levels = {} if by == "all" else levels_of(by, picked)
    return everybody | {name: at[level] for level, name in levels.items()}


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
    sp2lnob.InputError: A picture of cost must have rows of statistic 'total_cost', scenario 'after', by 'all', but ...
    """
    found = findings_of(result)
    picked = pick(found, "cost", ASK["package"], statistic="total_cost", scenario="after", by="all")
    costs = [(str(row["of"]), point_of(row)) for row in picked]
    of_gdp = points_by("of", rows_of(found, statistic="cost_gdp", scenario="after", by="all"))
    most = max((abs(point.value) for _, point in costs if point.there), default=0.0)
    unit, name = next(((size, name) for size, name in UNITS if most >= size), (1.0, ""))
    rows = [_cost_row(of, point, unit, of_gdp.get(of)) for of, point in costs]
    what = f"{name} {asked_of(found, 'economy', 'currency') or 'currency units'}".strip()
    year = asked_of(found, "economy", "year")
    subtitle = (
        f"In {what} a year{f', {year}' if year else ''}, administration included. "
        f"Bars, and figures in parentheses, are {intervals_of(found)}."
    )
    return draw(rows, MONEY, "What the package costs a year", [subtitle], width=width, lead=f"In {what} a year.")


def _cost_row(of: str, point: Point, unit: float, gdp: Point | None) -> Row:
    """Return the row of a scheme, or of all, in a unit that reads."""
    point = replace(point, value=point.value / unit, low=point.low / unit, high=point.high / unit)
    label = "the whole package" if of == "package" else of
    share = f"{gdp.with_interval(OF_GDP)} of GDP" if gdp and gdp.there else ""
    return Row(label, [Lane([point])], point.with_interval(MONEY) if point.there else "", share)


def front(found: "Search", *, width: float = WIDTH, disclosure: str | int = "dhs") -> "alt.LayerChart":
    """Draw the Pareto front of a search: what every package on it costs, and the objective after.

    Parameters
    ----------
    found : Search
    width : float, default 600
        As in ``tree``.
    disclosure : "dhs", "none" or int, default "dhs"
        As in ``Search.save``.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If no package is better than none, if the objective rests on too few cases to be shown, or altair is not
        installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> child = sp.Choice(sp.child_benefit(sp.Amount(8, "month")), levels=[4, 8])
    >>> found = sp.search(survey, [child], sp.Amount(1e9, "year"), line=60.0, replicates=sp.Bootstrap(10))
    >>> plots.front(found).to_dict()["title"]["text"]
    ['What a budget can do: poverty gap by what the package costs']
    >>> plots.front(found.front)
    Traceback (most recent call last):
    ...
    sp2lnob.InputTypeError: A picture of a front takes a Search, but ...
    """
    needs("altair", "Pictures need altair")
    if not isinstance(found, Search):
        fail_type("A picture of a front takes a Search", found, "Pass what search() returned.")
    objective, packages = found.asked["objective"], records_of(published(found, found.front, disclosure))
    if not packages:
        fail("A front must have a package", "none is better than paying nothing", "Add candidates.")
    if math.isnan(packages[0][objective]):
        fail(
            f"A front must be of what rests on {least_cases(disclosure)} unweighted cases or more",
            f"{objective} rests on fewer",
            "Pass disclosure='none' if nobody else sees the picture.",
        )
    word = objective.replace("_", " ")
    of_gdp = "cost_gdp" in packages[0]
    most = max(float(row["total_cost"]) for row in packages)
    unit, name = next(((size, name) for size, name in UNITS if most >= size), (1.0, ""))
    cost = [float(row["cost_gdp"]) if of_gdp else float(row["total_cost"]) / unit for row in packages]
    value = [float(row[objective]) for row in packages]
    form = PERCENT if objective not in ("gini", "d_index") else INDEX
    canvas = canvas_of(width)
    left, top, bottom = 56.0, 30.0, 300.0
    across = axis_of(cost, left, canvas.width - 12)
    down = axis_of(value, bottom, top, zero=None, vertical=True)
    canvas.ruler(across, top, bottom)
    canvas.ruler(down, left, canvas.width - 12)
    canvas.ticks(down, left - 8, form)
    canvas.ticks(across, bottom + 14, OF_GDP if of_gdp else MONEY)
    canvas.text(0, 8, f"{word.capitalize()} after", colour=GREY)
    what = "Cost a year as a share of GDP" if of_gdp else f"Cost a year, in {name or 'currency'}".removesuffix(", in ")
    canvas.text(canvas.width - 12, bottom + 34, what, colour=GREY, align="right")
    places = [(across(c), down(v)) for c, v in zip(cost, value, strict=True)]
    for (x, y), (x2, y2) in pairwise(places):  # until more is spent, nothing better can be had
        canvas.segment((x, y), (x2, y), 1.5, LINE)
        canvas.segment((x2, y), (x2, y2), 1.5, LINE)
    best = found.frame()["package"].iloc[0]
    paid = list(found.asked["candidates"])
    for row, c, v in zip(packages, cost, value, strict=True):
        spent = OF_GDP.text(c) if of_gdp else MONEY.text(c)
        label = f"{spent}: " + " + ".join(f"{scheme} {row[scheme]:g}" for scheme in paid if row[scheme])
        wins = bool(row["package"] == best)
        point = Point(v, filled=wins, shape="circle", series="")
        if wins:
            point = replace(point, colour=_canvas.AHEAD, shape="diamond", series="the best")
        canvas.point(point, down, across(c), label, form)
    title = f"What a budget can do: {word} by what the package costs"
    reading = f"Of {found.packages:,} packages, those that no other beats in both. As found, without intervals."
    notes = (
        ["The diamond is the best within the budget and the bounds."] if best in found.front["package"].tolist() else []
    )
    ends = f"From {form.text(value[0])} to {form.text(value[-1])}, {len(packages)} packages."
    return canvas.chart(bottom + 46, title, [reading, *notes], f"{title}. {ends}")
