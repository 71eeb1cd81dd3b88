"""Pictures of years to come: what a package costs from year to year."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ._canvas import (
    GREY,
    INK,
    OF_GDP,
    PERCENT,
    SMALL,
    Point,
    axis_of,
    canvas_of,
    case_notes,
    extent,
    text_width,
    wrap,
)
from ._validate import fail, fail_type
from .projection import FOLLOW, Projection
from .transfers import PACKAGE

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

WIDTH = 600  # as of other pictures
HEIGHT, LEFT, TOP, APART = 280.0, 44.0, 24.0, 17.0
MARKED = 6  # years that have a point with its interval, about


@dataclass(frozen=True)
class _Course:
    """Cost as a share of GDP by scheme, a point a year; the package comes last, and stands alone where it is one."""

    curves: Mapping[str, list[Point]]
    years: tuple[int, ...]
    level: float
    indexed: str


def projection(projection: Any, *, width: float = WIDTH) -> "alt.LayerChart":
    """Draw the cost of a package and of each of its schemes by year, as a share of GDP.

    Parameters
    ----------
    projection : Projection, Assessment or Findings
        One of the last two has a projection, or there is an error.
    width : float, default 600
        Of the picture, in pixels: 300 or more.

    Returns
    -------
    altair.LayerChart
        Intervals are of the survey alone, at some of the years.

    Raises
    ------
    InputError
        If there is no such projection, or altair is not installed.

    References
    ----------
    ESCAP, SPOT Simulator: cost as a share of GDP by year.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> economy = sp.Economy(year=2025, gdp_per_capita=1800.0)
    >>> transfers = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(6, "month"))]), economy)
    >>> years = sp.project(transfers, sp.population("Cambodia"), [2025, 2030, 2050], replicates=sp.Bootstrap(10))
    >>> sp.plots.projection(years).to_dict()["title"]["text"]
    ['Cost of the package, 2025 to 2050']
    >>> sp.plots.projection(transfers)
    Traceback (most recent call last):
    ...
    sp2lnob.InputTypeError: This picture takes a Projection, but Transfers of 1 scheme: ... is of type Transfers. ...
    """
    if isinstance(projection, Projection):
        frame, level, indexed = projection.estimates.frame(), projection.estimates.level, projection.indexed
    elif hasattr(projection, "findings"):
        found = projection.findings()
        frame, about = found.projection, found.manifest["asked"].get("projection") or {}
        level, indexed = found.manifest["asked"]["level"], about.get("indexed", "")
    else:
        fail_type("This picture takes a Projection", projection, "Pass what project() returned.")
    course = _course(frame, level, indexed)
    try:
        import_module("altair")
    except ImportError:
        fail("Pictures need altair", "it is not installed", "Install it: pip install 'sp2lnob[report]'.")
    years, curves = course.years, course.curves
    marked = _marked(years)
    names = {of: "all schemes" if of == PACKAGE else of for of in curves}
    points = [point for curve in curves.values() for point in curve]
    canvas = canvas_of(width)
    beside = min(max(text_width(name, SMALL) for name in names.values()) + 16, 0.4 * canvas.width)
    left, right = LEFT, canvas.width - beside
    down = axis_of(extent(points), TOP + HEIGHT, TOP, vertical=True)
    canvas.ruler(down, left, right)
    canvas.ticks(down, left - 8, PERCENT)
    canvas.text(0, 8, "Of GDP", colour=GREY)
    first, span = years[0], max(years[-1] - years[0], 1)

    def across(year: int) -> float:
        return left + 8 + (right - left - 16) * (year - first) / span

    ends = []
    for of, curve in curves.items():
        places = [(across(year), down(point.value)) for year, point in zip(years, curve, strict=True) if point.there]
        for start, end in pairwise(places):
            canvas.segment(start, end, 2.0 if of == PACKAGE else 1.2, curve[0].colour, series=names[of])
        for year, point in zip(years, curve, strict=True):
            if year in marked:
                canvas.point(point, down, across(year), str(year), OF_GDP)
        ends.append((places[-1][1] if places else TOP, of))
    y = -APART
    for place, of in sorted(ends):
        y = max(place, y + APART)
        canvas.text(
            right + 8, y, wrap(names[of], beside - 12, SMALL, 1), bold=of == PACKAGE, colour=curves[of][0].colour
        )
    for year in marked:
        canvas.text(across(year), TOP + HEIGHT + 14, str(year), colour=GREY, align="center")
    head = [
        f"{curves[PACKAGE][i].with_interval(OF_GDP)} of GDP in {years[i]}" for i in dict.fromkeys((0, len(years) - 1))
    ]
    reading = (
        f"Bars are {100 * course.level:g}% intervals of the survey alone: population and growth are taken as given."
    )
    title = f"Cost of the package, {first} to {years[-1]}" if len(years) > 1 else f"Cost of the package in {first}"
    said = f"{'; '.join(head)}."
    if course.indexed:
        said += f" Benefits follow {FOLLOW.get(course.indexed, course.indexed)}."
    return canvas.chart(max(TOP + HEIGHT + 26, y + 14), title, [said, reading, *case_notes(points)], said)


def _marked(years: tuple[int, ...]) -> set[int]:
    """Return the years that have a point: all if they are few, else round ones, and the first and the last."""
    if len(years) <= MARKED + 2:
        return set(years)
    step = next(k for k in (2, 5, 10, 20, 50) if (years[-1] - years[0]) / k <= MARKED + 2)
    inside = {year for year in years if year % step == 0 and min(year - years[0], years[-1] - year) > step / 2}
    return {years[0], years[-1], *inside}


def _course(frame: "pd.DataFrame", level: float, indexed: str) -> _Course:
    """Return the curves of a frame of cost by year."""
    rows = frame[(frame["statistic"] == "cost_gdp") & (frame["by"] == "year")].to_dict("records")
    if not rows:
        fail("A picture of a projection must have cost as a share of GDP", "there is none", "Give the study one.")
    schemes = list(dict.fromkeys(str(row["of"]) for row in rows))
    curves: dict[str, list[Point]] = {of: [] for of in (schemes if len(schemes) > 2 else (PACKAGE,))}
    for row in rows:
        if row["of"] in curves:
            colour, name = (INK, "all schemes") if row["of"] == PACKAGE else (GREY, str(row["of"]))
            value, low, high = (float(row[key]) for key in ("value", "ci_low", "ci_high"))
            curves[row["of"]].append(Point(value, low, high, str(row["flag"]), int(row["n"]), name, colour))
    return _Course(curves, tuple(dict.fromkeys(int(row["level"]) for row in rows)), float(level), indexed)
