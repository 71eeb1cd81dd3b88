"""What a report says that a package changes: welfare, whom it reaches, and what it costs."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from . import plots
from ._html import form_of
from ._report_page import EXISTING, PACKAGE, Page, among, decile_row, figure_of
from ._tables import (
    OF_LINE,
    Block,
    Cell,
    Column,
    Figure,
    Head,
    Line,
    Part,
    Row,
    Table,
    amount_of,
    drawn_of,
    said,
    target_of,
    who_of,
)
from .economy import Economy
from .schemes import scheme_from

POVERTY = ("headcount", "poverty_gap", "poverty_severity", "watts")
INEQUALITY = ("gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy")
OF_COST = ("cost_gdp", "cost_revenue", "cost_expenditure", "cost_taxes")
COST = ("recipients", "transfer_cost", "administration", "total_cost", *OF_COST)
RECEIPT = (("coverage_direct", "coverage"), ("benefit_incidence", "beneficiary_incidence"))
INTENDED = "intended"  # param of coverage among those whom a scheme is meant for
FEW_YEARS, ROUND = 12, 10  # of more years, those are shown that are round
ERRORS = ("exclusion_error", "inclusion_error", "chosen")


def package(page: Page) -> Table:
    """Return who is paid what."""
    import pandas as pd

    names = ["scheme", "amount", "currency_per_year", "who", "coverage", "administration"]
    economy = Economy(**page.economy) if page.economy else None
    year, period = page.economy.get("year"), page.survey["welfare_period"]
    rows: list[tuple[str, str, float, str, float, float]] = []
    for scheme in page.package["schemes"]:
        made = scheme_from(scheme)
        a_year = made.per_year(economy, period, page.package["compat"])
        who = who_of(made) + target_of(made.target, page.currency, period) + drawn_of(made, page.package, year)
        amount, own = amount_of(made, page.currency, period), made.administration
        administration = page.package["administration"] if own is None else own
        rows.append((made.name, amount, a_year, who, made.coverage_in(year), administration))
    money = form_of("money", [row[2] for row in rows])
    lines = []
    for name, amount, a_year, who, coverage, administration in rows:
        paid = Cell(money.text(a_year) if isfinite(a_year) else "varies")
        cells = [Cell(amount), paid, Cell(who), Cell(f"{100 * coverage:g}%")]
        lines.append(Line(name, cells + [Cell(f"{100 * administration:g}%")] * page.own_administration))
    columns = [
        Column("Scheme", words=True),
        Column("Benefit", words=True),
        Column("A year", f"{money.word} {page.currency}".strip()),
        Column("Who is paid", words=True),
        Column("Coverage"),
        *([Column("Administration")] if page.own_administration else []),
    ]
    return page.table("package", "The package", columns, [Block(lines)], pd.DataFrame(rows, columns=names))


def poverty(page: Page) -> dict[str, Any] | None:
    if not page.has(*POVERTY):
        return None
    columns = page.scenarios(*POVERTY)
    parts = []
    for line in dict.fromkeys(figure.of for name in POVERTY for figure in page.find(name)):
        rows = [
            Row(said(name)[0], row.figures, unit=True, data=False)
            for name in POVERTY
            for row in page.across(name, columns, of=line)
        ]
        parts.append(Part(rows, "Line", line, unit=page.line(line)))
    table = page.tabulate("poverty", "Poverty by line", columns, parts, first="Measure")
    return {
        "lines": list(dict.fromkeys(figure.of for figure in page.find("headcount"))),
        "table": table,
        "picture": page.picture(table, plots.poverty) if page.has("headcount") else None,
        "shares": _shares(page, "poverty", "Which scheme the change in poverty goes with", POVERTY),
    }


def _shares(page: Page, file: str, caption: str, statistics: Sequence[str]) -> dict[str, Any] | None:
    """Return what every scheme has of the change in some measures, and what is said of the first of them."""
    found: dict[str, list[Figure]] = {}
    for figure in page.find("scheme_share"):
        if figure.measure in statistics:
            found.setdefault(figure.param, []).append(figure)
    if not found:
        return None
    parts, told = [], []
    for param, figures in sorted(found.items(), key=lambda item: statistics.index(item[1][0].measure)):
        statistic, _, of = param.partition(", ")
        *schemes, whole = sorted(figures, key=lambda figure: figure.of == PACKAGE)
        rows = [Row(figure.of, [figure]) for figure in schemes]
        rows.append(Row("All schemes", [whole], data=False))
        unit = page.unit(statistic) if said(statistic)[1] == "money" else ""
        parts.append(Part(rows, said(statistic)[0], of, unit="points" if said(statistic)[1] == "share" else unit))
        if statistic == statistics[0]:
            told.append({"of": of, "whole": whole, "schemes": schemes, "sure": _one_sign([whole, *schemes])})
    table = page.tabulate(f"schemes-{file}", caption, [Head("Change")], parts, first="Scheme")
    return {"table": table, "told": told}


def inequality(page: Page) -> dict[str, Any] | None:
    if not page.has(*INEQUALITY, "lorenz"):
        return None
    made: dict[str, Any] = {"table": None, "picture": None, "lorenz": None}
    made["shares"] = None
    if page.has(*INEQUALITY):
        columns = page.scenarios(*INEQUALITY)
        rows = []
        for name in INEQUALITY:
            for param in dict.fromkeys(figure.param for figure in page.find(name)):
                label = f"{said(name)[0]}, {param}" if param else said(name)[0]
                rows += [Row(label, row.figures, data=False) for row in page.across(name, columns, param=param)]
        made["table"] = page.tabulate("inequality", "Inequality of welfare", columns, [Part(rows)], first="Measure")
        caption = "Which scheme the change in inequality goes with"
        made["shares"] = _shares(page, "inequality", caption, INEQUALITY)
    if page.has("lorenz"):
        columns = page.scenarios("lorenz")
        rows = [
            Row(f"Poorest {100 * float(param.removeprefix('p=')):g}%", row.figures, data=False)
            for param in dict.fromkeys(figure.param for figure in page.find("lorenz"))
            for row in page.across("lorenz", columns, param=param)
        ]
        parts = [Part(rows, "Share of all welfare", statistic="lorenz")]
        made["lorenz"] = page.tabulate("lorenz", "What the poorest hold", columns, parts, first="People")
        made["picture"] = page.picture(made["lorenz"], plots.lorenz)
    return made


def consumption(page: Page) -> dict[str, Any] | None:
    if not page.has("mean_welfare"):
        return None
    columns = page.scenarios("mean_welfare")
    rows = [replace(row, label="Everybody", data=False) for row in page.across("mean_welfare", columns)]
    rows += [decile_row(row) for row in page.across("mean_welfare", columns, by="decile")]
    parts = [Part(rows, "Mean", statistic="mean_welfare")]
    for param in dict.fromkeys(figure.param for figure in page.find("quantile")):
        label = quantile_of(param)
        found = [replace(row, label=label, data=False) for row in page.across("quantile", columns, param=param)]
        parts.append(Part(found, "Quantile", statistic="quantile"))
    by_decile = page.has("mean_welfare", by="decile")
    caption = "Consumption per person, by decile" if by_decile else "Consumption per person"
    table = page.tabulate("consumption", caption, columns, parts, first="People")
    made: dict[str, Any] = {"table": table, "gain": None, "picture": None, "by_decile": by_decile}
    caption = "Which scheme the change in mean consumption goes with"
    made["shares"] = _shares(page, "consumption", caption, ("mean_welfare",))
    if page.has("consumption_gain"):
        kinds = dict.fromkeys(figure.param for figure in page.figures if figure.statistic == "consumption_gain")
        made["ratios"] = any(kinds)
        heads = [Head(kind.capitalize() or "Gain", "consumption_gain", kind) for kind in sorted(kinds)]
        made["gain"] = page.by_decile("gain", "Gain in consumption", heads)
        if page.has("consumption_gain", by="decile"):
            made["picture"] = page.picture(made["gain"], plots.gain)
    return made


def paid_already(page: Page) -> list[Table]:
    """Return whom each of the existing benefits reaches, who gets their money, and what it is to them."""

    def table(name: str, caption: str, statistics: Sequence[str], param: str = "") -> Table | None:
        heads = page.heads(*statistics, param=param, scenario=EXISTING)
        return page.by_decile(f"existing-{name}", caption, heads) if heads else None

    reached, money = RECEIPT
    made = [
        table("coverage", "Coverage of existing benefits", reached),
        table("intended", "Coverage of those whom an existing benefit is meant for", reached[:1], INTENDED),
        _groups_covered(page, EXISTING),
        table("incidence", "Who gets the money of existing benefits", money),
        (_adequacy(page, EXISTING) or {}).get("table"),
    ]
    return [one for one in made if one]


def receipt(page: Page) -> dict[str, Any] | None:
    made: dict[str, Any] = dict.fromkeys(("picture", "coverage", "incidence", "intended", "groups"))
    if heads := page.heads(*RECEIPT[0], param=""):
        made["coverage"] = page.by_decile("coverage", "Coverage", heads)
        if page.find("coverage", "decile", of=PACKAGE, param=""):
            made["picture"] = page.picture(made["coverage"], plots.coverage)
    if heads := page.heads("coverage_direct", param=INTENDED):
        caption = "Coverage of those whom a scheme is meant for"
        made["intended"] = page.by_decile("intended", caption, heads)
    made["groups"] = _groups_covered(page)
    if heads := page.heads(*RECEIPT[1], param=""):
        made["incidence"] = page.by_decile("incidence", "Who gets the money", heads)
    made["targeting"] = _targeting(page)
    made["adequacy"] = _adequacy(page)
    made["efficiency"] = _efficiency(page)
    made["errors"] = _errors(page)
    return made if any(made.values()) else None


def _groups_covered(page: Page, scenario: str = "") -> Table | None:
    """Return the coverage of the groups of people that SDG 1.3.1 asks about."""
    names = RECEIPT[0]
    found = [figure for name in names for figure in page.find(name, of=PACKAGE, **among(scenario))]

    def heads(param: str) -> list[Head]:
        return [Head(said(name)[0], name, param, scenario=scenario) for name in names]

    parts = [
        Part(page.people(heads(param), PACKAGE), param.capitalize())
        for param in dict.fromkeys(figure.param for figure in found if figure.param not in ("", INTENDED))
    ]
    if not parts:
        return None
    if all(len(part.rows) == 1 for part in parts):
        parts = [Part([replace(part.rows[0], label=part.title) for part in parts])]
    file, of = ("existing-groups", " by existing benefits") if scenario else ("groups-covered", "")
    return page.tabulate(file, f"Coverage of groups of people{of}", heads(""), parts, first="People")


def _adequacy(page: Page, scenario: str = "") -> dict[str, Any] | None:
    """Return what benefits are to those who have them."""
    heads = []
    for head in page.heads("adequacy", "generosity", scenario=scenario):
        unit = f"% of line {head.param.removeprefix(OF_LINE)}" if head.measure == "generosity_of_line" else ""
        unit = f"% {head.param}" if head.statistic == "adequacy" and head.param else unit
        heads.append(replace(head, unit=unit))
    if not heads:
        return None
    file, kind = ("existing-adequacy", "existing benefits") if scenario else ("adequacy", "benefits")
    table = page.by_decile(file, f"What {kind} are to those who have them", heads)
    return {"table": table, "adequacy": page.one("adequacy", PACKAGE, scenario or "after", param="")}


def _targeting(page: Page) -> dict[str, Any] | None:
    """Return how far money and recipients are with the poorest."""
    heads = []
    for head in page.heads("targeting_ratio", "targeting_differential"):
        what, _, poorest = head.param.rpartition(", ")
        title = f"{said(head.statistic)[0]}{what and f', {what}'}"
        heads.append(replace(head, title=title, unit=f"{'' if what else 'points, '}{poorest.replace(' %', '%')}"))
    if not heads:
        return None
    table = page.by_decile("targeting", "How far it goes to the poorest", heads)
    ratio = next((f for f in page.find("targeting_ratio", of=PACKAGE) if f.param.startswith("benefits")), None)
    poorest = ratio.param.rpartition(", ")[2].replace(" %", "%") if ratio else ""
    return {"table": table, "ratio": ratio, "poorest": poorest}


def _efficiency(page: Page) -> Table | None:
    """Return what a unit of money does to the poverty gap, by line."""
    found = page.find("gap_efficiency")
    if not found:
        return None
    params = dict.fromkeys(figure.param for figure in found)
    heads = [Head(param.capitalize() or "Of what is paid", "gap_efficiency", param) for param in params]
    parts = [Part(page.people(heads, of), "Line", of) for of in dict.fromkeys(figure.of for figure in found)]
    return page.tabulate("efficiency", "Money that closes the poverty gap", heads, parts, first="People")


def _errors(page: Page) -> Table | None:
    """Return whom a score picks in place of the poor: everybody's errors, and who is chosen in every decile."""
    found = [figure for by in ("all", "decile") for name in ERRORS for figure in page.find(name, by)]
    if not found:
        return None
    heads = [Head(said(name)[0], name) for name in ERRORS if name in {figure.statistic for figure in found}]
    parts = [
        Part(page.people([replace(head, param=param) for head in heads], of), of=of, unit=rule_of(param))
        for of, param in dict.fromkeys((figure.of, figure.param) for figure in found)
    ]
    return page.tabulate("errors", "Whom the score chooses", heads, parts, first="People")


def cost(page: Page) -> dict[str, Any] | None:
    there = [name for name in COST if page.has(name)]
    if not there:
        return None
    schemes = dict.fromkeys(figure.of for name in there for figure in page.find(name))
    rows = [
        Row("All schemes" if of == PACKAGE else of, [page.one(name, of, "after") for name in there],
            data=of != PACKAGE)
        for of in schemes
    ]  # fmt: skip
    columns = [Head(said(name)[0], name) for name in there]
    table = page.tabulate("cost", "Recipients and cost a year", columns, [Part(rows)], first="Scheme")
    return {
        "table": table,
        "picture": page.picture(table, plots.cost),
        "shares": [name for name in OF_COST if name in there],
    }


def projection(page: Page) -> dict[str, Any] | None:
    """Return cost by year: all schemes and each, in round years; the link has every year."""
    frame = page.findings.projection
    if frame.empty:
        return None
    figures = [figure_of(-1, row) for row in frame.to_dict("records")]
    years = sorted({int(figure.level) for figure in figures})
    shown = [year for year in years if len(years) <= FEW_YEARS or not year % ROUND or year in (years[0], years[-1])]
    there = [name for name in COST if any(figure.statistic == name for figure in figures)]
    at = {(figure.statistic, figure.of, int(figure.level)): figure for figure in figures}
    schemes = sorted(dict.fromkeys(figure.of for figure in figures), key=lambda of: of != PACKAGE)
    parts = []
    for of in schemes if len(schemes) > 2 else schemes[:1]:
        rows = [Row(str(year), [at.get((name, of, year)) for name in there], data=False) for year in shown]
        parts.append(Part(rows, "All schemes") if of == PACKAGE else Part(rows, of=of))
    heads = [Head(said(name)[0], name) for name in there]
    table = page.tabulate("years", "Cost by year", heads, parts, first="Year", frame=frame)
    ends = [at.get(("cost_gdp", PACKAGE, year)) for year in (years[0], years[-1])]
    return {
        "table": table,
        "picture": page.picture(table, plots.projection) if ends[0] else None,
        "first": ends[0],
        "last": ends[1] if len(years) > 1 else None,
        "note": _note(page),
    }


def _note(page: Page) -> list[str]:
    """Return what cost by year rests on, a sentence each; the last says what its intervals leave out."""
    note = (page.asked.get("projection") or {}).get("note", "")
    return note.splitlines() or ["Intervals are of the survey alone: population and growth carry none."]


def quantile_of(param: str) -> str:
    """Return what a quantile of welfare is, in words."""
    return f"Poorest {100 * float(param.removeprefix('q=')):g}% end at"


def rule_of(param: str) -> str:
    """Return whom a score chooses, and who is poor, in words."""
    told = []
    words = {
        "share": "the lowest {} by the score",
        "poor": "poor: the poorest {}",
        "line": "poor: below {}",
        "who": "among {}",
    }
    for part in param.split(", ", len(words) - 1):
        key, _, value = part.partition("=")
        share = f"{100 * float(value):.12g}%" if key in ("share", "poor") else value
        told.append(words[key].format(share) if key in words else part)
    return "; ".join(told)


def _one_sign(figures: Sequence[Figure]) -> bool:
    """Return whether all figures are there and go one way, the first of them surely: then they are parts of it."""
    whole = figures[0]
    return (
        all(figure.there for figure in figures)
        and not whole.unsure
        and whole.value != 0
        and all(figure.value * whole.value >= 0 for figure in figures)
    )
