"""What findings say to a picture: rows, points, lanes and levels, and what to ask for where they say nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ._canvas import BEFORE, CHANGE, PERCENT, Format, Lane, Point
from ._validate import fail, fail_if_unknown, fail_type
from .findings import Findings

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 600  # pixels; shown on a phone, its text is still 8 pixels high
NO_SCHEMES = "no schemes"  # the scenario without the benefits that exist
ASK = {
    "opportunity": "Name an opportunity in assess().",
    "welfare": "Give the Survey welfare=.",
    "line": "Give assess() lines=, and name the column in by=.",
    "shapley": "Give assess() shapley=True.",
    "package": "Give assess() a package, and name the column in by=.",
    "effect": "Give assess() a package, and effect=['reroute', 'interpolate', 'logit', 'refit'].",
}


class Found(Protocol):
    """Anything that holds findings: an ``Assessment``, or ``Findings`` themselves."""

    def findings(self) -> Findings:
        """Return what is published."""
        ...


def needs(module: str, what: str) -> None:
    """Fail if a package that only pictures need is not installed."""
    try:
        import_module(module)
    except ImportError:
        fail(what, "it is not installed", "Install it: pip install 'sp2lnob[report]'.")


def findings_of(result: Found) -> Findings:
    """Return findings, if there is something to draw them with."""
    needs("altair", "Pictures need altair")
    if not hasattr(result, "findings"):
        fail_type("A picture takes an Assessment or Findings", result, "Pass what assess() or read_results() returned.")
    return result.findings()


def asked_of(found: Findings, *names: str) -> Any:
    """Return what the manifest holds of what was asked, or None."""
    value: Any = found.manifest.get("asked")
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def intervals_of(found: Findings) -> str:
    return f"{100 * float(asked_of(found, 'level') or 0.95):g}% intervals"


def records_of(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def rows_of(found: Findings, **fields: str) -> list[dict[str, Any]]:
    """Return the tidy rows that have these fields."""
    frame = found.estimates
    for name, value in fields.items():
        frame = frame[frame[name] == value]
    return records_of(frame)


def pick(found: Findings, what: str, ask: str, **fields: str) -> list[dict[str, Any]]:
    """Return the tidy rows that have these fields; there must be one."""
    rows = rows_of(found, **fields)
    if not rows:
        named = ", ".join(f"{name} {value!r}" for name, value in fields.items())
        fail(f"A picture of {what} must have rows of {named}", "there are none", ask)
    return rows


def point_of(row: Mapping[str, Any], names: Iterable[str] = ("value", "ci_low", "ci_high"), **style: Any) -> Point:
    """Return the point of a row, whose figure and interval have these names."""
    value, low, high = (float(row[name]) for name in names)
    return Point(value, low, high, str(row["flag"]), int(row["n"]), **style)


def points_by(key: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Point]:
    """Return the points of rows by what a field holds."""
    return {str(row[key]): point_of(row) for row in rows}


def in_scenario(point: Point, scenario: str) -> Point:
    """Return a point as a scenario is drawn: before is hollow and grey, after is filled."""
    style: dict[str, Any] = {"colour": BEFORE, "filled": False} if scenario in ("before", NO_SCHEMES) else {}
    return replace(point, series=scenario, **style)


def lane_of(point: Point, word: str = "", form: Format = PERCENT) -> Lane:
    """Return the lane of one point, its figure and a word on the right."""
    return Lane([point], point.text(form) if point.there else "", word)


def change_of(point: Point | None) -> str:
    """Return a change of a share in words, with its interval."""
    if point is None or not point.there:
        return ""
    return f"{CHANGE.text(point.value)} points{CHANGE.interval(point.low, point.high)}"


def has_after(found: Findings) -> bool:
    return bool((found.estimates["scenario"] == "after").any())


def unique(key: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row[key]) for row in rows))


def levels_of(by: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the levels of a domain as readers know them: numbers by their size, others as they come."""
    levels = unique("level", rows)
    if all(level.isdecimal() for level in levels):
        levels.sort(key=int)
    names = {level: level for level in levels}
    if by in ("decile", "quintile") and len(levels) > 1:
        names |= {levels[0]: f"poorest {levels[0]}", levels[-1]: f"richest {levels[-1]}"}
    return names


def opportunity_asked(found: Findings, name: str) -> Mapping[str, Any]:
    """Return what was asked of an opportunity, as far as it is known."""
    fail_if_unknown(name, found.trees, "An opportunity")
    listed = asked_of(found, "opportunities") or []
    return next((asked for asked in listed if asked.get("name") == name), {})
