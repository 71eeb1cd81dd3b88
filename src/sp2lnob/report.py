"""The report: one HTML file that opens without a network.

This room frames the page, and says what stands on it: who is left behind from ``_report_opportunities``, what a package
changes from ``_report_package``, then what no section has shown. The words around figures stand in ``templates/``,
where all that comes from data is escaped. A table carries its rows with every digit as a link; a picture stands beside
the table of the same figures. The same findings give the same bytes.
"""

import base64
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources
from typing import Any

from ._html import DIRECTIONS, short, templates
from ._report_opportunities import gaps, opportunity
from ._report_package import (
    ERRORS,
    consumption,
    cost,
    inequality,
    package,
    paid_already,
    poverty,
    projection,
    quantile_of,
    receipt,
    rule_of,
)
from ._report_page import EXISTING, PACKAGE, Page, among, csv_of, decile_row
from ._results import MANIFEST, as_json
from ._tables import Part, Table, link_of, measure_of, said
from .findings import EFFECTS, ESTIMATES, GROUPS, PROJECTION, STABILITY, Findings

LEFT_OUT = ("lorenz",)  # of breakdowns: ten rows a level, which the link has


def render(findings: Findings) -> str:
    """Return the page.

    Raises
    ------
    InputError
        If jinja2, altair or vl-convert is not installed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> found = sp.assess(sp.example_survey(households=400), [], replicates=sp.Bootstrap(10)).findings()
    >>> render(found).startswith("<!doctype html>")
    True
    >>> render(found) == render(found)
    True
    """
    environment = templates()
    from markupsafe import Markup

    environment.filters["short"] = short
    page = Page(findings)
    made = _sections(page)
    style = resources.files("sp2lnob").joinpath("templates", "report.css").read_text(encoding="utf-8")
    html = environment.get_template("report.html").render(
        page=page,
        made=made,
        title=page.title,
        contents=_contents(made),
        counts=page.counts,
        style=Markup(style),  # our own file
        style_hash=base64.b64encode(sha256(style.encode()).digest()).decode(),
    )
    return html.translate(DIRECTIONS)  # names enter everywhere, and nothing of ours has such characters


def _sections(page: Page) -> dict[str, Any]:
    """Return the tables and pictures of every section, in the order of the page."""
    made: dict[str, Any] = {"package": package(page) if page.package else None}
    made["gaps"] = gaps(page) if page.findings.trees else None
    made["opportunities"] = [opportunity(page, name) for name in page.findings.trees]
    for section in (poverty, inequality, consumption, paid_already, receipt, cost):
        made[section.__name__] = section(page)
    made["projection"] = projection(page) if made["cost"] else None
    made["domains"] = _domains(page)
    made["other"] = _rest(page, "all", "Other figures")
    made["files"] = [csv_of(ESTIMATES, page.findings.estimates), csv_of(GROUPS, page.findings.groups)]
    made["files"].append(csv_of(STABILITY, page.findings.stability))
    more = {EFFECTS: page.findings.effects, PROJECTION: page.findings.projection}
    made["files"] += [csv_of(file, frame) for file, frame in more.items() if not frame.empty]
    made["manifest_text"] = as_json(dict(page.manifest))
    made["manifest"] = link_of(MANIFEST, "application/json", made["manifest_text"])
    return made


def _contents(made: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the sections that are there: id, heading, and what of."""
    opportunities = [
        (f"opportunity-{i}", "Barrier" if o["asked"]["kind"] == "barrier" else "Access", o["name"])
        for i, o in enumerate(made["opportunities"], 1)
    ]
    parts = {
        "poverty": "Poverty",
        "inequality": "Inequality",
        "consumption": "Consumption",
        "paid_already": "What is paid already",
        "receipt": "Who receives",
        "cost": "Cost",
        "domains": "Breakdowns",
        "other": "Other figures",
    }
    return [
        ("brief", "In brief", ""),
        *([("gaps", "Access and its gap", "")] if made["gaps"] else []),
        *opportunities,
        *((key.replace("_", "-"), heading, "") for key, heading in parts.items() if made[key]),
        ("survey", "The survey and its design", ""),
        ("methods", "Methods", ""),
        ("manifest", "How this was made", ""),
    ]


def _domains(page: Page) -> list[tuple[str, list[Table]]]:
    """Return what no section has shown, by every domain; what is paid already stands apart."""
    names = [by for by in dict.fromkeys(page.by) if by not in ("all", "group")]
    captions = {"Breakdown": False, "Breakdown of existing benefits": True}
    made = [(by, [_rest(page, by, caption, existing) for caption, existing in captions.items()]) for by in names]
    return [(by, there) for by, tables in made if (there := [table for table in tables if table])]


def _rest(page: Page, by: str, caption: str, existing: bool = False) -> Table | None:
    """Return what no section has shown of a domain: of the package, or of existing benefits."""
    rest = [
        figure
        for figure, split in zip(page.figures, page.by, strict=True)
        if split == by
        and (figure.scenario == EXISTING) == existing
        and figure.row not in page.shown
        and figure.row not in page.of_one_group
        and figure.statistic not in LEFT_OUT
    ]
    if not rest:
        return None
    there = {figure.scenario for figure in rest}
    columns = [head for head in page.scenarios(*{figure.statistic for figure in rest}) if head.scenario in there]
    parts = []
    for statistic, of, param in dict.fromkeys((figure.statistic, figure.of, figure.param) for figure in rest):
        rows = page.across(statistic, columns, by=by, of=of, param=param, **among(EXISTING if existing else ""))
        rows = [decile_row(row) for row in rows] if by == "decile" else rows
        title, every = _title(statistic, param), "all existing benefits" if existing else "all schemes"
        parts.append(Part(rows, title, every if of == PACKAGE else of, measure_of(statistic, param)))
    return page.tabulate("figures", caption, columns, parts, of="" if by == "all" else by, first="Level")


def _title(statistic: str, param: str) -> str:
    """Return what a figure is called above a breakdown."""
    if statistic == "scheme_share":
        measure, _, of = param.partition(", ")
        return f"Part of the change in {said(measure)[0].lower()}{of and f', {of}'}"
    if statistic == "quantile" and param.startswith("q="):
        return quantile_of(param)
    told = rule_of(param) if statistic in ERRORS else param.replace(" %", "%")
    return f"{said(statistic)[0]}{told and f', {told}'}"
