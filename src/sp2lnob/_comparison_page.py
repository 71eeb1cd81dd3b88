"""The page of a comparison: every figure of all people, by result, with what each differs by; no network needed.

The words stand in ``templates/comparison.html``, where all that comes from data is escaped.
"""

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import resources
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from . import plots
from ._html import DIRECTIONS, NONE, FormOf, checked, form_of, templates
from ._results import MANIFEST, as_json
from ._tables import Block, Cell, Column, Line, Link, Picture, Table, link_of, marks, measure_of, said
from .disclosure import FEW, FEWEST, least_cases

if TYPE_CHECKING:
    import pandas as pd

# Sections: what they are called, and their statistics in their order.
SECTIONS = {
    "Poverty": ("headcount", "poverty_gap", "poverty_severity", "watts"),
    "Inequality": ("gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy"),
    "Consumption": ("mean_welfare", "consumption_gain"),
    "Access": ("access", "furthest_behind", "furthest_ahead", "gap", "d_index", "hoi"),
    "Who receives": (
        "coverage",
        "coverage_direct",
        "adequacy",
        "generosity",
        "targeting_ratio",
        "targeting_differential",
        "gap_efficiency",
    ),
    "Cost": ("recipients", "transfer_cost", "total_cost", "cost_gdp", "cost_revenue", "cost_expenditure", "cost_taxes"),
}
PACKAGE = "package"
DRAWN = ("headcount", "consumption_gain", "access", "cost_gdp")  # of each section the figure that is drawn
LATEST = ("after", "change", "before")  # which scenario is drawn, if it is there
LEFT_OUT = ("lorenz", "quantile", "shapley")  # of which there are many rows: the link has them


class Compared(Protocol):
    """What a comparison publishes."""

    @property
    def names(self) -> tuple[str, ...]:
        """What is compared."""
        ...

    @property
    def baseline(self) -> str:
        """What the others are differenced from."""
        ...

    @property
    def estimates(self) -> "pd.DataFrame":
        """Every figure and difference."""
        ...

    @property
    def manifest(self) -> Mapping[str, Any]:
        """How it was made."""
        ...


def render(comparison: Compared) -> str:
    """Return the page of what a comparison publishes.

    Raises
    ------
    InputError
        If jinja2, altair or vl-convert is not installed.
    """
    made = templates()
    from markupsafe import Markup

    style = resources.files("sp2lnob").joinpath("templates", "report.css").read_text(encoding="utf-8")
    html = made.get_template("comparison.html").render(
        page=_Page(comparison),
        style=Markup(style),  # our own file
        style_hash=base64.b64encode(sha256(style.encode()).digest()).decode(),
    )
    return html.translate(DIRECTIONS)  # names enter everywhere, and nothing of ours has such characters


class _Page:
    """What the template shows, tables and pictures numbered in their order."""

    def __init__(self, comparison: Compared) -> None:
        self.comparison, self.manifest = comparison, comparison.manifest
        self.names, self.baseline = comparison.names, comparison.baseline
        self.level = f"{100 * self.manifest['level']:g}%"
        self.least, self.few, self.fewest = least_cases(self.manifest.get("disclosure", "dhs")), FEW, FEWEST
        frame = comparison.estimates
        self.flags = {mark for flag in frame["flag"].unique() for mark in flag.split(";")}
        self.how = [word for word in ("paired", "independent") if (frame["difference"] == word).any()]
        shown = frame[(frame["by"] == "all") & ~frame["statistic"].isin(LEFT_OUT)]
        self._tables, self._pictures = count(1), count(1)
        known = {name for names in SECTIONS.values() for name in names}
        others = tuple(dict.fromkeys(name for name in shown["statistic"] if name not in known))
        self.sections = [
            (title, made)
            for title, statistics in {**SECTIONS, "Other figures": others}.items()
            if (made := self._section(title, shown[shown["statistic"].isin(statistics)], statistics))
        ]
        self.file = _csv("comparison.csv", frame)
        self.manifest_text = as_json(dict(self.manifest))
        self.manifest_link = link_of(MANIFEST, "application/json", self.manifest_text)

    @property
    def title(self) -> str:
        """What the page is called."""
        *first, last = self.names
        return f"{', '.join(first)} and {last}, side by side"

    @property
    def currencies(self) -> list[tuple[str, str]]:
        """In what each result's money is counted, as far as it is told."""
        made = []
        for name, about in self.manifest["results"].items():
            economy = about.get("asked", {}).get("economy") or {}
            period = about.get("survey", {}).get("welfare_period", "")
            if economy.get("currency"):
                year = f" of {economy['year']}" if economy.get("year") else ""
                made.append((name, f"{economy['currency']}{year}, welfare a {period}"))
        return made

    def _section(self, title: str, frame: "pd.DataFrame", statistics: Sequence[str]) -> dict[str, Any] | None:
        """Return a section's table, and its picture: blocks are figures, rows what is compared."""
        if frame.empty:
            return None
        blocks, few = [], False
        order = {name: i for i, name in enumerate(statistics)}
        keys = ["statistic", "of", "param", "scenario"]
        groups = sorted(
            frame.groupby(keys, sort=False), key=lambda item: (order[str(item[0][0])], item[0][1] != PACKAGE)
        )  # stable: otherwise as in the frame
        for (statistic, of, param, scenario), rows in groups:
            records = rows.to_dict("records")
            few = few or any(0 < row["n"] < FEW for row in records)
            blocks.append(self._block(str(statistic), str(of), str(param), str(scenario), records))
        columns = [
            Column("Result", words=True),
            Column("Value"),
            Column(f"Less {self.baseline}"),
            Column("n"),
            Column("Flag", words=True),
        ]
        notes = ["Differences of percentages are in percentage points."]
        notes += [f"Figures in parentheses rest on fewer than {FEW} unweighted cases."] if few else []
        number = next(self._tables)
        file = f"table-{number:02d}-{title.lower().replace(' ', '-')}.csv"
        made = Table(number, title, "", columns, blocks, _csv(file, frame), notes, self.level)
        return {"table": made, "picture": self._picture(number, frame)}

    def _block(self, statistic: str, of: str, param: str, scenario: str, records: Sequence[Mapping[Any, Any]]) -> Block:
        """Return one figure of every result that has it."""
        name, (_, kind, unit) = said(statistic)[0], said(measure_of(statistic, param))
        levels = {row["compared"]: row for row in records if not row["against"]}
        apart = {row["compared"]: row for row in records if row["against"]}
        form = form_of(kind, [row["value"] for row in levels.values()], signed=scenario.startswith("change"))
        of_apart = FormOf(form.factor, form.decimals, True, form.word)
        lines = []
        rows = list(levels.values())
        if len(rows) > 1 and not apart and scenario == "before" and len({(r["value"], r["se"]) for r in rows}) == 1:
            told = "; ".join(mark for mark in marks(rows[0]["flag"].split(";")) if mark not in ("", "no interval"))
            line = [_cell(rows[0], form), Cell(""), Cell(f"{rows[0]['n']:,}"), Cell(told)]
            lines.append(Line("the same for all", line, data=False))
            levels = {}
        for compared in self.names:
            if compared in levels:
                row, other = levels[compared], apart.get(compared)
                flags = dict.fromkeys(mark for one in (row, other) if one for mark in marks(one["flag"].split(";")))
                told = "; ".join(mark for mark in flags if mark not in ("", "no interval"))
                beside = _cell(other, of_apart) if other else Cell("")
                lines.append(Line(compared, [_cell(row, form), beside, Cell(f"{row['n']:,}"), Cell(told)]))
        words = "all schemes" if of == PACKAGE else of
        unit = {"welfare": "money of each", "cost": "money of each, a year"}.get(unit, unit)
        title = ", ".join(part for part in (name, param, scenario) if part)
        return Block(lines, title, words, f"{form.word} {unit}".strip())

    def _picture(self, table: int, frame: "pd.DataFrame") -> Picture | None:
        """Return the picture of a section's first figure, if it is one that is drawn."""
        for statistic in DRAWN:
            rows = frame[(frame["statistic"] == statistic) & (frame["against"] == "") & frame["value"].notna()]
            for scenario in LATEST:
                at = rows[rows["scenario"] == scenario]
                at = at[at["of"] == PACKAGE] if (at["of"] == PACKAGE).any() else at
                if len(at):
                    first = at.iloc[0]
                    chart = plots.side_by_side(
                        self.comparison, statistic, of=first["of"], param=first["param"], scenario=scenario
                    )
                    number = next(self._pictures)
                    return Picture(number, table, checked(plots.svg(chart, f"figure-{number}")))
        return None


def _cell(row: Mapping[Any, Any], form: FormOf) -> Cell:
    """Return a figure and its interval."""
    if not isfinite(row["value"]):
        return Cell(NONE, "withheld" if "withheld" in row["flag"] else "")
    text = form.text(row["value"])
    return Cell(f"({text})" if 0 < row["n"] < FEW else text, form.ends(row["ci_low"], row["ci_high"]))


def _csv(file: str, frame: "pd.DataFrame") -> Link:
    """Return a frame as a link that holds all of it."""
    return link_of(file, "text/csv", frame.to_csv(index=False, lineterminator="\n"), len(frame))
