"""The picture of a comparison: one figure of every result, and what each differs by from the baseline."""

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._canvas import CHANGE, INDEX, INK, MONEY, PERCENT, Format, Lane, Point, Row, draw, minus, three_digits
from ._tables import measure_of, said
from ._validate import fail, fail_if_unknown, fail_type

if TYPE_CHECKING:
    import altair as alt

WIDTH = 600  # as of other pictures
NARROW = 460  # below it labels stand above their lines
FORMS = {"share": PERCENT, "index": INDEX, "money": MONEY, "count": MONEY}
SIGNED = Format(lambda value: minus(f"{'+' if value > 0 else ''}{three_digits(value)}"), MONEY.tick)
THOUSANDTHS = Format(lambda value: minus(f"{value:+.3f}"), INDEX.tick)
DIFFERENCES = {"share": CHANGE, "index": THOUSANDTHS, "money": SIGNED, "count": SIGNED}


def side_by_side(
    comparison: Any,
    statistic: str,
    *,
    of: str = "",
    param: str = "",
    scenario: str = "after",
    by: str = "all",
    level: str = "all",
    width: float = WIDTH,
) -> "alt.LayerChart":
    """Draw one figure of every result that is compared, with its interval, and its difference from the baseline.

    Parameters
    ----------
    comparison : Comparison
    statistic, of, param, scenario, by, level : str
        Which figure, as in the frame.
    width : float, default 600
        Of the picture, in pixels: 300 or more. Below 460 labels stand above their lines.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    InputError
        If there is no such figure, or altair is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> packages = {"children": sp.Package([sp.child_benefit(sp.Amount(8, "month"))]),
    ...             "old age": sp.Package([sp.old_age_pension(sp.Amount(30, "month"))])}
    >>> comparison = sp.compare({name: sp.assess(survey, [], package, replicates=sp.Bootstrap(10))
    ...                          for name, package in packages.items()})
    >>> sp.plots.side_by_side(comparison, "consumption_gain").to_dict()["title"]["text"]
    ['Gain, after']
    >>> sp.plots.side_by_side(comparison, "headcount")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The statistic of a picture must be one that exists, but 'headcount' does not. ...
    """
    try:
        import_module("altair")
    except ImportError:
        fail("Pictures need altair", "it is not installed", "Install it: pip install 'sp2lnob[report]'.")
    shown = comparison.findings() if hasattr(comparison, "findings") else comparison
    if not hasattr(shown, "baseline"):
        fail_type("A picture side by side takes a Comparison", comparison, "Pass what compare() returned.")
    frame = shown.estimates
    fail_if_unknown(statistic, list(dict.fromkeys(frame["statistic"])), "The statistic of a picture")
    asked = {"statistic": statistic, "of": of, "param": param, "scenario": scenario, "by": by, "level": level}
    for name, value in asked.items():
        frame = frame[frame[name] == value]
    if frame.empty:
        said_of = ", ".join(f"{name}={value!r}" for name, value in asked.items())
        fail("A picture side by side must have a figure", f"none has {said_of}", "Look at frame() for what there is.")
    called, kind = said(statistic)[0], said(measure_of(statistic, param))[1]
    change = scenario.startswith("change")
    form = DIFFERENCES[kind] if change else FORMS[kind]
    levels = {row["compared"]: row for row in frame[frame["against"] == ""].to_dict("records")}
    apart = {row["compared"]: row for row in frame[frame["against"] != ""].to_dict("records")}
    rows = []
    for name in shown.names:
        if name in levels:
            point = _point(levels[name])
            below = _apart(apart[name], DIFFERENCES[kind], shown.baseline) if name in apart else ""
            rows.append(Row(name, [Lane([point], point.text(form) if point.there else "")], below=below))
    parts = [called, of if of != "package" else "", param, scenario, level if by != "all" else ""]
    level_of = f"{100 * float(shown.manifest['level']):g}%"
    subtitle = [f"Bars are {level_of} intervals. Below, what each differs by from {shown.baseline}, with its own."]
    return draw(
        rows,
        form,
        ", ".join(part for part in parts if part),
        subtitle,
        width=width,
        aside=width >= NARROW,
        apart=False,
        figure=64,
        zero=True if kind != "index" and not change else None,
    )


def _point(row: dict[Any, Any]) -> Point:
    """Return a figure as a point."""
    return Point(
        row["value"], row["ci_low"], row["ci_high"], flag=row["flag"], n=row["n"], colour=INK, series=row["compared"]
    )


def _apart(row: dict[Any, Any], form: Format, baseline: str) -> str:
    """Return what a result differs by, in words."""
    if not math.isfinite(row["value"]):
        return ""
    return f"{form.text(row['value'])}{form.interval(row['ci_low'], row['ci_high'])} from {baseline}"
