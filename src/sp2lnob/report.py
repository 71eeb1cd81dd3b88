"""The report: one HTML file that opens without a network.

This file chooses what is shown and writes the figures; the words around them stand in ``templates/``, where all that
comes from data is escaped. A table carries its rows with every digit as a link; a picture stands beside the table of
the same figures. The same findings give the same bytes.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from importlib import resources
from itertools import count
from math import isfinite, nan
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from . import plots
from ._html import DIRECTIONS, FormOf, form_of, short
from ._results import MANIFEST, as_json
from ._tables import (
    OF_LINE,
    Block,
    Cell,
    Column,
    Figure,
    Head,
    Line,
    Link,
    Part,
    Picture,
    Row,
    Table,
    amount_of,
    drawn_of,
    figure_cell,
    flag_cell,
    link_of,
    measure_of,
    n_cell,
    said,
    target_of,
    who_of,
)
from ._validate import fail
from .disclosure import FEW, FEWEST, least_cases
from .economy import Economy
from .effects import effect_of
from .findings import EFFECTS, ESTIMATES, GROUPS, PROJECTION, STABILITY, Findings
from .schemes import scheme_from

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment
    from markupsafe import Markup

SCENARIOS = ("before", "after", "change")
WITHOUT_SCHEMES = "no schemes"  # the scenario without the benefits that exist
EXISTING = "existing"  # the scenario of these benefits, each as a scheme of its own
SITUATIONS = {
    WITHOUT_SCHEMES: "No schemes",
    "before": "Before",
    "after": "After",
    "change": "Change",
    f"change from {WITHOUT_SCHEMES}: before": "Before, from no schemes",
    f"change from {WITHOUT_SCHEMES}: after": "After, from no schemes",
    EXISTING: "Existing benefits",
}
PACKAGE = "package"
RANKED = ("decile", "quintile")  # domains whose levels are numbers
LEFT_OUT = ("lorenz",)  # of breakdowns: ten rows a level, which the link has
NAMED = 3  # opportunities in the title
LISTED = 8  # levels of a circumstance that a branch names one by one

POVERTY = ("headcount", "poverty_gap", "poverty_severity", "watts")
INEQUALITY = ("gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy")
BETWEEN = {
    "empirical-bayes": "Between all combinations of circumstances",
    "lower bound": "At least, in expectation",
    "upper bound": "At most, in expectation",
    "cells": "Between all combinations, as found",
    "groups": "Between the tree’s groups",
}
ENDS = ("furthest_behind", "furthest_ahead", "gap")
CORRECTED = next(iter(BETWEEN))  # the value, of which Shapley shares are unless asked otherwise
OF_SHAPLEY = {
    "cells": "the index between all combinations, as found",
    "logit": "the index of a logit",
    "fixed": "the index of the logit of all circumstances, those outside a set held at their means",
}
ABSENCE = ", of absence"  # how params end that a barrier's figures have
HONEST = "cross-validated"  # how the param of what a new sample would show ends
OFTEN, MOST_OFTEN = 0.05, 8  # combinations at an end that are shown: from this share of replicates on, and how many
GROUPS_OF_TREE = "groups"  # how a dissimilarity index between them begins
OF_CHANGES = ("hinges on the cut",)  # flags of a group that its levels before and after have not
# Why figures have no interval, as it is counted: what flags say, then what the figures themselves say.
WITHOUT = {
    "biased": "biased",
    "it is a bound": "bounds",
    "it does not vary": "that do not vary",
    "0 or 1": "of 0 or 100%",
    "too unsure": "too unsure for an interval to tell anything",
    "no degrees of freedom": "without degrees of freedom",
    "empty": "of nobody",
    "withheld": "withheld",
}
REPLICATES = {
    "rao-wu": "bootstrap replicates",
    "jackknife": "replicates of a jackknife",
    "brr": "balanced half samples",
    "successive-difference": "replicates of successive differences",
    "columns": "replicate weights that came with the data",
}
OF_COST = ("cost_gdp", "cost_revenue", "cost_expenditure", "cost_taxes")
COST = ("recipients", "transfer_cost", "administration", "total_cost", *OF_COST)
RECEIPT = (("coverage_direct", "coverage"), ("benefit_incidence", "beneficiary_incidence"))
INTENDED = "intended"  # param of coverage among those whom a scheme is meant for
FEW_YEARS, ROUND = 12, 10  # of more years, those are shown that are round
ERRORS = ("exclusion_error", "inclusion_error", "chosen")
# How access may respond to a transfer.
RESPONSES = {
    "reroute": "By the tree of before",
    "interpolate": "In a line between the classes",
    "logit": "By a logit of welfare",
    "refit": "By every replicate’s own tree",
}


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
    page = _Page(findings)
    made = page.sections()
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
        "receipt": "Who receives",
        "cost": "Cost",
        "domains": "Breakdowns",
        "other": "Other figures",
    }
    return [
        ("brief", "In brief", ""),
        *([("gaps", "Access and its gap", "")] if made["gaps"] else []),
        *opportunities,
        *((key, heading, "") for key, heading in parts.items() if made[key]),
        ("survey", "The survey and its design", ""),
        ("methods", "Methods", ""),
        ("manifest", "How this was made", ""),
    ]


def templates() -> "Environment":
    """Return what fills the templates, escaping all that it is given."""
    try:
        import altair  # noqa: F401
        import jinja2
        import vl_convert  # noqa: F401
    except ImportError as error:
        fail(
            "The report needs jinja2, altair and vl-convert",
            f"{error.name} is not installed",
            "Install them: pip install 'sp2lnob[report]'.",
        )
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sp2lnob"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class _Page:
    """What the templates show: tables and pictures numbered in their order, and figures for sentences."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.manifest = findings.manifest
        self.survey, self.asked = self.manifest["survey"], self.manifest["asked"]
        self.level = f"{100 * self.asked['level']:g}%"
        self.economy = self.asked["economy"] or {}
        self.currency = self.economy.get("currency") or "local currency"
        self.package = self.asked["package"]
        self.least = least_cases(self.manifest.get("disclosure", "dhs"))
        self.fewest, self.few = FEWEST, FEW
        self.figures = [_figure(i, row) for i, row in enumerate(findings.estimates.to_dict("records"))]
        self.by = findings.estimates["by"].tolist()
        self.whole = [name for name, tree in findings.trees.items() if len(tree["nodes"]) == 1]  # nothing splits it
        self._at: dict[tuple[str, str], list[Figure]] = {}
        self._of_existing: dict[tuple[str, str], list[Figure]] = {}  # apart: schemes may have the same names
        self.shown: set[int] = set()
        self._left_out: list[int] = []
        for figure, by in zip(self.figures, self.by, strict=True):
            if figure.of in self.whole and (figure.statistic in ENDS or figure.param.startswith(GROUPS_OF_TREE)):
                self._left_out.append(figure.row)  # one group has no ends, and nothing between them
            else:
                at = self._of_existing if figure.scenario == EXISTING else self._at
                at.setdefault((figure.statistic, by), []).append(figure)
        self.sources: list[str] = []
        self._tables, self._pictures = count(1), count(1)

    @property
    def title(self) -> str:
        """What the page is called."""
        names = list(self.findings.trees)
        if not names:
            return "What a cash-transfer package would change" if self.package else "Poverty and inequality"
        named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        return f"Who is left behind: {named}" + (", and what a package would change" if self.package else "")

    @property
    def counts(self) -> dict[str, int]:
        """How many figures there are, and how sure."""
        there = self.figures
        return {
            "all": len(there),
            "se": sum(isfinite(figure.se) for figure in there),
            "interval": sum(isfinite(figure.low) for figure in there),
            "withheld": sum("withheld" in figure.flags for figure in there),
            "few": sum(figure.few for figure in there),
        }

    @property
    def without(self) -> list[str]:
        """How many figures have no interval, by what they lack it for."""
        why = [_why(figure) for figure in self.figures if not isfinite(figure.low)]
        return [f"{why.count(words):,} {words}" for words in WITHOUT.values() if words in why]

    @property
    def split(self) -> bool:
        """Whether groups were looked for in one half of the sample, and counted in the other."""
        return bool(self.asked["honest"] == "split")

    @property
    def recipients(self) -> Figure | None:
        """Who has at least one benefit."""
        return self.one("recipients", PACKAGE, "after")

    @property
    def by_household(self) -> bool:
        """Whether a benefit is paid per household."""
        return any(scheme["per"] == "household" for scheme in self.package["schemes"])

    @property
    def own_administration(self) -> bool:
        """Whether a scheme has a cost of running it that is its own."""
        return any(scheme["administration"] is not None for scheme in self.package["schemes"])

    @property
    def ranked(self) -> bool:
        """Whether recipients of a scheme are the poorest of those eligible, or not the richest."""
        return any("share" in (scheme["target"] or {}) for scheme in self.package["schemes"])

    @property
    def drawn(self) -> bool:
        """Whether chance decides who is paid."""
        schemes = self.package["schemes"]
        chance = ("exclusion_error", "inclusion_error", "take_up", "phase_in")
        return any(scheme["coverage"] < 1 or any(scheme[key] for key in chance) for scheme in schemes)

    @property
    def existing(self) -> tuple[list[str], list[str]]:
        """Existing benefits that schemes replace, and that they top up."""
        replaced, topped = (
            list(dict.fromkeys(name for scheme in self.package["schemes"] for name in scheme[key]))
            for key in ("replaces", "tops_up")
        )
        return replaced, topped

    @property
    def three(self) -> bool:
        """Whether there is a situation without the schemes that exist."""
        return any(figure.scenario == WITHOUT_SCHEMES for figure in self.figures)

    @property
    def effects(self) -> list[str]:
        """How access is taken to respond, in the order that was asked for."""
        asked = self.asked.get("effect") or []
        return [asked] if isinstance(asked, str) else list(asked)

    @property
    def left_out(self) -> Mapping[str, str]:
        """Why a figure that would be there is not, by what it is."""
        return self.asked.get("left_out") or {}

    @property
    def uprated(self) -> list[tuple[str, float]]:
        """What money was multiplied by to be of the base year's prices, where it was."""
        by = self.survey.get("uprating") or {}
        told = {"welfare": "Welfare", "existing": "Existing benefits"}
        return [(told[name], by[name]) for name in told if by.get(name, 1) != 1]

    @property
    def replicates(self) -> str:
        """What replicates are called."""
        return REPLICATES[self.asked["replicates"]["method"]]

    @property
    def of_weights(self) -> bool:
        """Whether replicate weights tell the degrees of freedom, and not the survey's PSUs and strata."""
        design, columns = self.asked["replicates"], self.survey["columns"]
        known = bool(columns["psu"] or columns["strata"])
        return design["method"] == "columns" and ("df" in design or not known)

    @property
    def relative(self) -> bool:
        """Whether a poverty line is a share of a quantile."""
        return any(isinstance(line, Mapping) for line in self.asked["lines"].values())

    @cached_property
    def flags(self) -> set[str]:
        """What is to be minded of some figure."""
        return {flag for figure in self.figures for flag in figure.flags}

    def line(self, name: str) -> str:
        """Return a poverty line in words, or no text for one that was not asked for by name."""
        line = self.asked["lines"].get(name, "")
        if isinstance(line, Mapping):
            of = "median" if line["q"] == 0.5 else f"quantile {line['q']:.12g}"
            return f"{100 * line['share']:.12g}% of the {of}"
        return line and f"{line:,.12g} {self.unit('mean_welfare')}"

    def cite(self, source: str) -> str:
        """Return the number of a source, which is listed once it is cited."""
        if source not in self.sources:
            self.sources.append(source)
        return f"[{self.sources.index(source) + 1}]"

    # -- figures ------------------------------------------------------------------------------------------------------

    def find(self, statistic: str, by: str = "all", **what: str) -> list[Figure]:
        """Return the figures of a statistic, in the frame's order; deciles in theirs; of existing benefits if named."""
        at = (self._of_existing if what.get("scenario") == EXISTING else self._at).get((statistic, by), [])
        found = [figure for figure in at if all(getattr(figure, key) == value for key, value in what.items())]
        return sorted(found, key=lambda figure: int(figure.level)) if by in RANKED else found

    def one(self, statistic: str, of: str = "", scenario: str = "before", **what: str) -> Figure | None:
        """Return the first figure of everybody, if there is one."""
        return next(iter(self.find(statistic, of=of, scenario=scenario, **what)), None)

    def honest(self, statistic: str, of: str) -> Figure | None:
        """Return what a new sample would show of an end of the groups, if that was asked for."""
        return next((figure for figure in self.find(statistic, of=of) if figure.param.endswith(HONEST)), None)

    def has(self, *statistics: str, by: str = "all", **what: str) -> bool:
        """Return whether there is a figure of one of these."""
        return any(self.find(statistic, by, **what) for statistic in statistics)

    # -- tables -------------------------------------------------------------------------------------------------------

    def sections(self) -> dict[str, Any]:
        """Return the tables and pictures of every section, in the order of the page."""
        made: dict[str, Any] = {"package": self._package() if self.package else None}
        made["gaps"] = self._gaps() if self.findings.trees else None
        made["opportunities"] = [self._opportunity(name) for name in self.findings.trees]
        for section in (
            self._poverty,
            self._inequality,
            self._consumption,
            self._paid_already,
            self._receipt,
            self._cost,
        ):
            made[section.__name__.strip("_")] = section()
        made["projection"] = self._projection() if made["cost"] else None
        made["domains"] = self._domains()
        made["other"] = self._rest("all", "Other figures")
        made["files"] = [_csv(ESTIMATES, self.findings.estimates), _csv(GROUPS, self.findings.groups)]
        made["files"].append(_csv(STABILITY, self.findings.stability))
        more = {EFFECTS: self.findings.effects, PROJECTION: self.findings.projection}
        made["files"] += [_csv(file, frame) for file, frame in more.items() if not frame.empty]
        made["manifest_text"] = as_json(dict(self.manifest))
        made["manifest"] = link_of(MANIFEST, "application/json", made["manifest_text"])
        return made

    def unit(self, statistic: str, word: str = "") -> str:
        """Return what a statistic is counted in."""
        money = {
            "welfare": f"{self.currency} per person and {self.survey['welfare_period']}",
            "cost": f"{self.currency} a year",
        }
        unit = said(statistic)[2]
        unit = money.get(unit, unit)
        return f"{word} {unit}".strip()

    def _figures(
        self,
        file: str,
        caption: str,
        columns: Sequence[Head],
        parts: Sequence[Part],
        *,
        of: str = "",
        first: str = "Figure",
        frame: "pd.DataFrame | None" = None,
    ) -> Table:
        """Return a table of figures; ``frame`` is what its link holds, if not these."""
        every = [figure for part in parts for row in part.rows for figure in row.figures if figure]
        forms = {
            name: form_of(said(name)[1], [f.value for f in every if f.measure == name and not f.is_change])
            for name in {figure.measure for figure in every}
        }
        rows = sorted({figure.row for figure in every})
        self.shown.update(rows)
        shown = []
        for part in parts:
            lines = []
            for row in part.rows:
                cells = [figure_cell(figure, forms) for figure in row.figures]
                unit = self._unit(row.figures, forms) if row.unit else ""
                lines.append(
                    Line(
                        row.label,
                        [n_cell(row.figures), *cells, flag_cell(row.figures, [head.title for head in columns])],
                        unit,
                        data=row.data,
                    )
                )
            unit = self.unit(part.statistic, forms[part.statistic].word) if part.statistic else part.unit
            shown.append(Block(lines, part.title, part.of, unit))
        heads = [
            Column(head.title, head.unit or (self.unit(head.measure, forms[head.measure].word) if head.measure else ""))
            for head in columns
        ]
        points = any(figure.is_change and said(figure.measure)[1] == "share" for figure in every)
        notes = ["Changes of percentages are in percentage points."] if points else []
        return self._table(
            file,
            caption,
            [Column(first, words=True), Column("n"), *heads, Column("Flag", words=True)],
            shown,
            self.findings.estimates.iloc[rows] if frame is None else frame,
            of=of,
            notes=[*notes, *_marked(figure.few for figure in every)],
            level=self.level if any(isfinite(figure.low) for figure in every) else "",
        )

    def _unit(self, figures: Sequence[Figure | None], forms: Mapping[str, FormOf]) -> str:
        measure = next(figure.measure for figure in figures if figure)
        return self.unit(measure, forms[measure].word)

    def _table(
        self,
        file: str,
        caption: str,
        columns: Sequence[Column],
        blocks: Sequence[Block],
        frame: "pd.DataFrame",
        *,
        of: str = "",
        notes: Sequence[str] = (),
        level: str = "",
    ) -> Table:
        """Return a table with a number, and a frame as its link."""
        number = next(self._tables)
        link = _csv(f"table-{number:02d}-{file}.csv", frame)
        return Table(number, caption, of, columns, blocks, link, notes, level)

    def _picture(self, table: Table, make: Callable[..., Any], *args: Any) -> Picture:
        """Return a picture of the figures of a table."""
        number = next(self._pictures)
        return Picture(number, table.number, checked(plots.svg(make(self._split, *args), f"figure-{number}")))

    @cached_property
    def _split(self) -> Findings:
        """What was found, as far as the page shows it."""
        if not self._left_out:
            return self.findings
        frame = self.findings.estimates
        return replace(self.findings, estimates=frame.iloc[sorted(set(range(len(frame))).difference(self._left_out))])

    def _opportunity_asked(self, name: str) -> Mapping[str, Any]:
        """Return what was asked of an opportunity."""
        found: Mapping[str, Any] = next(made for made in self.asked["opportunities"] if made["name"] == name)
        return found

    def _counts_households(self, name: str) -> bool:
        """Return whether an opportunity is told of households, not of people."""
        asked = self._opportunity_asked(name)
        return bool(asked["unit"] == "household" and asked["weigh"] == "households")

    # -- sections -----------------------------------------------------------------------------------------------------

    def _scenarios(self, *statistics: str) -> list[Head]:
        """Return the columns of a table before and after: those for which there is a figure."""
        there = {figure.scenario for name in statistics for figure in self.figures if figure.statistic == name}
        titles = SITUATIONS | {name: name.capitalize() for name in sorted(there) if name not in SITUATIONS}
        return [Head(title, scenario=scenario) for scenario, title in titles.items() if scenario in there]

    def _across(self, statistic: str, columns: Sequence[Head], **what: str) -> list[Row]:
        """Return a row for every level that a statistic has, with its scenarios side by side."""
        levels: dict[str, dict[str, Figure]] = {}
        for figure in self.find(statistic, **what):
            levels.setdefault(figure.level, {})[figure.scenario] = figure
        return [Row(level, [at.get(head.scenario) for head in columns]) for level, at in levels.items()]

    def _package(self) -> Table:
        """Return who is paid what."""
        import pandas as pd

        names = ["scheme", "amount", "currency_per_year", "who", "coverage", "administration"]
        economy = Economy(**self.economy) if self.economy else None
        year, period = self.economy.get("year"), self.survey["welfare_period"]
        rows: list[tuple[str, str, float, str, float, float]] = []
        for scheme in self.package["schemes"]:
            made = scheme_from(scheme)
            a_year = made.per_year(economy, period, self.package["compat"])
            who = who_of(made) + target_of(made.target, self.currency, period) + drawn_of(made, self.package, year)
            amount, own = amount_of(made, self.currency, period), made.administration
            administration = self.package["administration"] if own is None else own
            rows.append((made.name, amount, a_year, who, made.coverage_in(year), administration))
        money = form_of("money", [row[2] for row in rows])
        lines = []
        for name, amount, a_year, who, coverage, administration in rows:
            paid = Cell(money.text(a_year) if isfinite(a_year) else "varies")
            cells = [Cell(amount), paid, Cell(who), Cell(f"{100 * coverage:g}%")]
            lines.append(Line(name, cells + [Cell(f"{100 * administration:g}%")] * self.own_administration))
        columns = [
            Column("Scheme", words=True),
            Column("Benefit", words=True),
            Column("A year", f"{money.word} {self.currency}".strip()),
            Column("Who is paid", words=True),
            Column("Coverage"),
            *([Column("Administration")] if self.own_administration else []),
        ]
        return self._table("package", "The package", columns, [Block(lines)], pd.DataFrame(rows, columns=names))

    def _gaps(self) -> dict[str, Any]:
        """Return access, the gap and dissimilarity of all opportunities."""
        columns = self._scenarios("access")
        parts, index = [], []
        for name in self.findings.trees:
            affected = "Share affected" if self._opportunity_asked(name)["kind"] == "barrier" else "Access"
            rows = [
                Row(
                    affected if statistic == "access" else _named(statistic, param),
                    row.figures,
                    unit=True,
                    data=False,
                )
                for statistic in ("access", *ENDS)
                for param in dict.fromkeys(figure.param for figure in self.find(statistic, of=name))
                if not effect_of(param, "")
                for row in self._across(statistic, columns, of=name, param=param)
            ]
            parts.append(Part(rows, of=name))
            every = dict.fromkeys(figure.param for figure in self.find("d_index", of=name))
            params = [param for param in every if not (param.startswith(GROUPS_OF_TREE) and effect_of(param, ""))]
            rows = [
                Row(_between(param), row.figures, data=False)
                for param in sorted(params, key=_rank_between)
                for row in self._across("d_index", columns, of=name, param=param)
            ]
            index.append(Part(rows, of=name))
        table = self._figures("gaps", "Access and its gap", columns, parts)
        index_table = self._figures("dissimilarity", "Dissimilarity index", columns, index, first="Index")
        return {
            "table": table,
            "picture": self._picture(table, plots.gap) if self.has("gap") else None,
            "index": index_table,
            "index_picture": self._picture(index_table, plots.dissimilarity),
        }

    def _opportunity(self, name: str) -> dict[str, Any]:
        """Return an opportunity: its tree, its groups, and the figures that sentences tell."""
        asked = self._opportunity_asked(name)
        groups = self.findings.groups[self.findings.groups["opportunity"] == name]
        records = groups.to_dict("records")
        ends = {}
        for key in ("furthest_behind", "furthest_ahead"):
            row = next(row for row in records if row[key])
            ends[key] = {"label": row["label"], "share": f"{row['share']:.1%}"} | {
                scenario: self._of_group(row, scenario) for scenario in SCENARIOS
            }
        figures = {
            f"{statistic}_{scenario}": self.one(statistic, name, scenario)
            for statistic in ("access", "gap")
            for scenario in SCENARIOS
        }
        honest = {statistic: self.honest(statistic, name) for statistic in ENDS}
        split = len(records) > 1
        tree = self._tree(name) if split else None
        tree_picture = self._picture(tree, plots.tree, name) if tree else None
        table = self._groups(name, groups)
        picture = self._picture(table, plots.groups, name) if split else None
        effects = self._effects(name)
        stability, unequal = self._stability(name), self._by_circumstance(name)
        return {
            "name": name,
            "asked": asked,
            "ends": ends,
            "groups": len(records),
            "figures": figures,
            "honest": honest if all(figure and figure.there for figure in honest.values()) else None,
            "effects": effects,
            "stability": stability,
            "inequality": unequal,
            "gaining": _gaining(sum(row["gaining"] for row in records), figures["access_change"]),
            "withheld": any("withheld" in row["flag"].split(";") for row in records),
            "tree": tree,
            "tree_picture": tree_picture,
            "table": table,
            "picture": picture,
            "dropped": self.manifest["dropped"].get(name, {}),
        }

    def _effects(self, name: str) -> dict[str, Any] | None:
        """Return what every effect that was asked for says of the change, if there is more than one."""
        frame = self.findings.effects
        frame = frame[frame["opportunity"] == name]
        if len(self.effects) < 2 or frame.empty:
            return None
        blocks: dict[tuple[str, str, str], list[Line]] = {}
        rates = form_of("share", frame["before"][frame["statistic"] == "access"])
        gaining, few, changes = form_of("count", frame["gaining"]), False, []
        for row in frame.to_dict("records"):
            statistic = row["statistic"]
            form = rates if statistic == "access" else form_of(said(statistic)[1], [row["before"]])
            value, low, high = (float(row[f"change{end}"]) for end in ("", "_low", "_high"))
            figure = Figure(statistic, "change", value, low, high, row["n"], row["flag"], se=float(row["change_se"]))
            few = few or figure.few
            if statistic == "access" and row["by"] == "all":
                changes.append(figure)
            levels = [Cell(form.text(row[scenario])) for scenario in SCENARIOS[:-1]]
            cells = [n_cell([figure]), *levels, figure_cell(figure, {statistic: form})]
            cells.append(Cell(gaining.text(row["gaining"]) if statistic == "access" else ""))
            at = blocks.setdefault((statistic, row["by"], row["label"]), [])
            at.append(Line(RESPONSES[row["effect"]], [*cells, flag_cell([figure])], data=False))
        whom = "households" if self._counts_households(name) else "people"
        heads = [
            Column("Before"),
            Column("After"),
            Column("Change"),
            Column("Gaining", f"{gaining.word} {whom}".strip()),
        ]
        columns = [Column("How access responds", words=True), Column("n"), *heads, Column("Flag", words=True)]
        made = []
        for (statistic, by, label), lines in blocks.items():
            title = "Everybody" if by == "all" else ""
            if statistic != "access":
                title = "Dissimilarity index between the groups"
            made.append(Block(lines, title, "" if by == "all" else label, "%" if statistic == "access" else ""))
        notes = ["Changes of percentages are in percentage points.", *_marked([few])]
        caption = "What the change rests on"
        table = self._table("effects", caption, columns, made, frame, of=name, notes=notes, level=self.level)
        others = set(self.effects[1:])
        self.shown.update(f.row for f in self.figures if f.of == name and effect_of(f.param, "") in others)
        return {
            "table": table,
            "picture": self._picture(table, plots.effects, name),
            "changes": [
                {"effect": effect, "change": change} for effect, change in zip(self.effects, changes, strict=False)
            ],
        }

    def _stability(self, name: str) -> dict[str, Any] | None:
        """Return what trees grown anew in the replicates found, if they were."""
        frame = self.findings.stability
        frame = frame[frame["opportunity"] == name]
        if frame.empty:
            return None
        rows = frame.to_dict("records")
        titles = {"first split": "First split by"}
        if name not in self.whole:
            titles |= {"furthest behind": "Furthest behind", "furthest ahead": "Furthest ahead"}
        blocks, taken = [], []
        for what, title in titles.items():
            least = 0 if what == "first split" else OFTEN  # what is withheld has no frequency
            found = [i for i, row in enumerate(rows) if row["what"] == what and row["frequency"] >= least][:MOST_OFTEN]
            lines = []
            for row in (rows[i] for i in found):
                share = Cell("" if what == "first split" else f"{100 * row['share']:.1f}")
                lines.append(
                    Line(row["label"], [share, Cell(f"{row['n']:,}"), Cell(_rate(row["frequency"], row["n"]))])
                )
            blocks += [Block(lines, title)] if lines else []
            taken += found
        if not blocks:  # all of it rests on too few
            return None
        table = self._table(
            "stability",
            "How often replicates found it",
            [Column("Found", words=True), Column("Share", "%"), Column("n"), Column("Replicates", "%")],
            blocks,
            frame.iloc[taken],
            of=name,
            notes=_marked(0 < rows[i]["n"] < FEW for i in taken),
        )
        same = next(row for row in rows if row["what"] == "same first split")

        def percent(share: float) -> str:
            return f"{form_of('share', [share]).text(share)}%"

        spread = next(row["sd"] for row in rows if row["what"] == "gap")
        return {
            "table": table,
            "first": same["label"],
            "same": percent(same["frequency"]),
            "replicates": same["replicates"],
            "spread": f"{100 * spread:.1f}" if isfinite(spread) else "",
            "often": [
                {
                    "end": end,
                    "label": row["label"],
                    "frequency": f"{form_of('share', [row['frequency']]).text(row['frequency'])}%",
                }
                for end in ("behind", "ahead")
                for row in [row for row in rows if row["what"] == f"furthest {end}" and isfinite(row["frequency"])][:1]
            ],
        }

    def _by_circumstance(self, name: str) -> dict[str, Any] | None:
        """Return the dissimilarity of an opportunity with its bracket, its HOI, and what goes by which circumstance."""
        index = {figure.param.removesuffix(ABSENCE): figure for figure in self.find("d_index", of=name)}
        value, hoi = index.get(CORRECTED), self.one("hoi", name)
        if value is None or hoi is None:
            return None
        shares = self._shares_of(name)
        rows = [Row(said("hoi")[0], [hoi], unit=True, data=False)]
        parts = [Part(rows)]
        if shares:
            lines = [Row(circumstance, [figure]) for circumstance, figure in shares.items()]
            parts.append(Part(lines, "Dissimilarity index, by circumstance"))
        table = self._figures("circumstances", "Opportunity by circumstance", [Head("Value")], parts, of=name)
        total = sum(figure.value for figure in shares.values())
        told = bool(shares) and value.there and "one-sided" not in value.flags and isfinite(total) and total > 0
        return {
            "index": value,
            "least": index.get("lower bound"),
            "most": index.get("upper bound"),
            "found": index.get("cells"),
            "hoi": hoi,
            "of": OF_SHAPLEY.get(self.asked.get("shapley"), ""),
            "shapley": bool(shares),
            "shares": [
                {"name": circumstance, "part": _part(figure.value / total), "unsure": figure.unsure}
                for circumstance, figure in sorted(shares.items(), key=lambda item: -item[1].value)
            ]
            if told
            else [],
            "table": table,
            "picture": self._picture(table, plots.shares, name) if shares else None,
        }

    def _shares_of(self, name: str) -> dict[str, Figure]:
        """Return the Shapley share of every circumstance of an opportunity, if they were asked for."""
        return dict(zip(self._opportunity_asked(name)["circumstances"], self.find("shapley", of=name), strict=False))

    def _tree(self, name: str) -> Table:
        """Return the branches of a tree, each below the one that it grows from."""
        import pandas as pd

        nodes = {node["node"]: node for node in self.findings.trees[name]["nodes"]}
        lines, rows, few = [], [], False
        waiting = [(0, -1, 0, "everybody")]
        while waiting:
            t, parent, depth, branch = waiting.pop()
            node = nodes[t]
            rate = nan if node["rate"] is None else node["rate"]
            group = str(node.get("group", ""))
            cells = [Cell(f"{100 * node['share']:.1f}"), Cell(f"{node['n']:,}"), Cell(_rate(rate, node["n"]))]
            few = few or (0 < node["n"] < FEW and isfinite(rate))
            lines.append(Line(branch, [*cells, Cell(group)], depth=min(depth, 9)))
            rows.append([t, parent, depth, branch, node["share"], node["n"], rate, group])
            for side in ("right", "left"):  # the left one is taken out first
                if side in node:
                    label = f"{node['circumstance']}: {_listed(node[f'{side}_levels'])}"
                    waiting.append((node[side], t, depth + 1, label))
        columns = [Column("Branch", words=True), Column("Share", "%"), Column("n"), Column("Rate", "%")]
        names = ["node", "parent", "depth", "branch", "share", "n", "rate", "group"]
        return self._table(
            "tree",
            "The tree, branch by branch",
            [*columns, Column("Group")],
            [Block(lines)],
            pd.DataFrame(rows, columns=names),
            of=name,
            notes=_marked([few]),
        )

    def _groups(self, name: str, groups: "pd.DataFrame") -> Table:
        """Return the groups of a tree from the furthest behind to the furthest ahead."""
        records = groups.to_dict("records")
        scenarios = SCENARIOS if self.package else SCENARIOS[:1]
        forms = {"access": form_of("share", groups["before"])}
        gaining = form_of("count", groups["gaining"])
        notes = ["Gaining is the change times those in the group: who would gain if access followed the tree."]
        lines, few = [], False
        for row in records:
            figures = [self._of_group(row, scenario) for scenario in scenarios]
            few = few or any(figure.few for figure in figures)
            cells = [Cell(f"{100 * row['share']:.1f}"), n_cell(figures)]
            cells += [figure_cell(figure, forms) for figure in figures]
            if self.package:
                cells.append(Cell(gaining.text(row["gaining"])))
            ends = [key for key in ("furthest_behind", "furthest_ahead") if row[key]] if len(records) > 1 else []
            marks = {"furthest_behind": "\N{BLACK DOWN-POINTING TRIANGLE} furthest behind"}
            marks["furthest_ahead"] = "\N{BLACK UP-POINTING TRIANGLE} furthest ahead"
            mark = ", ".join(marks[end] for end in ends)
            lines.append(Line(row["label"], [*cells, flag_cell(figures)], mark=mark))
        share = Column("Share", "%")
        heads = [Column(scenario.capitalize(), "points" if scenario == "change" else "%") for scenario in scenarios]
        whom = "households" if self._counts_households(name) else "people"
        more = [Column("Gaining", f"{gaining.word} {whom}".strip())] if self.package else []
        columns = [Column("Group", words=True), share, Column("n"), *heads, *more, Column("Flag", words=True)]
        notes = [*(notes if self.package else []), *_marked([few])]
        blocks = [Block(lines)]
        return self._table("groups", "The groups", columns, blocks, groups, of=name, notes=notes, level=self.level)

    def _of_group(self, row: Mapping[Any, Any], scenario: str) -> Figure:
        """Return the access of a group."""
        value, low, high, se = (float(row[scenario + end]) for end in ("", "_low", "_high", "_se"))
        at = self.find("access", "group", of=row["opportunity"], level=row["label"], scenario=scenario)
        df = at[0].df if at else nan
        flag = ";".join(part for part in row["flag"].split(";") if scenario == "change" or part not in OF_CHANGES)
        return Figure("access", scenario, value, low, high, row["n"], flag, se=se, df=df)

    def _poverty(self) -> dict[str, Any] | None:
        if not self.has(*POVERTY):
            return None
        columns = self._scenarios(*POVERTY)
        parts = []
        for line in dict.fromkeys(figure.of for name in POVERTY for figure in self.find(name)):
            rows = [
                Row(said(name)[0], row.figures, unit=True, data=False)
                for name in POVERTY
                for row in self._across(name, columns, of=line)
            ]
            parts.append(Part(rows, "Line", line, unit=self.line(line)))
        table = self._figures("poverty", "Poverty by line", columns, parts, first="Measure")
        return {
            "lines": list(dict.fromkeys(figure.of for figure in self.find("headcount"))),
            "table": table,
            "picture": self._picture(table, plots.poverty) if self.has("headcount") else None,
            "shares": self._shares("poverty", "Which scheme the change in poverty goes with", POVERTY),
        }

    def _shares(self, file: str, caption: str, statistics: Sequence[str]) -> dict[str, Any] | None:
        """Return what every scheme has of the change in some measures, and what is said of the first of them."""
        found: dict[str, list[Figure]] = {}
        for figure in self.find("scheme_share"):
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
            unit = self.unit(statistic) if said(statistic)[1] == "money" else ""
            parts.append(Part(rows, said(statistic)[0], of, unit="points" if said(statistic)[1] == "share" else unit))
            if statistic == statistics[0]:
                told.append({"of": of, "whole": whole, "schemes": schemes, "sure": _one_sign([whole, *schemes])})
        table = self._figures(f"schemes-{file}", caption, [Head("Change")], parts, first="Scheme")
        return {"table": table, "told": told}

    def _inequality(self) -> dict[str, Any] | None:
        if not self.has(*INEQUALITY, "lorenz"):
            return None
        made: dict[str, Any] = {"table": None, "picture": None, "lorenz": None}
        made["shares"] = None
        if self.has(*INEQUALITY):
            columns = self._scenarios(*INEQUALITY)
            rows = []
            for name in INEQUALITY:
                for param in dict.fromkeys(figure.param for figure in self.find(name)):
                    label = f"{said(name)[0]}, {param}" if param else said(name)[0]
                    rows += [Row(label, row.figures, data=False) for row in self._across(name, columns, param=param)]
            made["table"] = self._figures("inequality", "Inequality of welfare", columns, [Part(rows)], first="Measure")
            caption = "Which scheme the change in inequality goes with"
            made["shares"] = self._shares("inequality", caption, INEQUALITY)
        if self.has("lorenz"):
            columns = self._scenarios("lorenz")
            rows = [
                Row(f"Poorest {100 * float(param.removeprefix('p=')):g}%", row.figures, data=False)
                for param in dict.fromkeys(figure.param for figure in self.find("lorenz"))
                for row in self._across("lorenz", columns, param=param)
            ]
            parts = [Part(rows, "Share of all welfare", statistic="lorenz")]
            made["lorenz"] = self._figures("lorenz", "What the poorest hold", columns, parts, first="People")
            made["picture"] = self._picture(made["lorenz"], plots.lorenz)
        return made

    def _consumption(self) -> dict[str, Any] | None:
        if not self.has("mean_welfare"):
            return None
        columns = self._scenarios("mean_welfare")
        rows = [replace(row, label="Everybody", data=False) for row in self._across("mean_welfare", columns)]
        rows += [_decile(row) for row in self._across("mean_welfare", columns, by="decile")]
        parts = [Part(rows, "Mean", statistic="mean_welfare")]
        for param in dict.fromkeys(figure.param for figure in self.find("quantile")):
            label = f"Poorest {100 * float(param.removeprefix('q=')):g}% end at"
            found = [replace(row, label=label, data=False) for row in self._across("quantile", columns, param=param)]
            parts.append(Part(found, "Quantile", statistic="quantile"))
        by_decile = self.has("mean_welfare", by="decile")
        caption = "Consumption per person, by decile" if by_decile else "Consumption per person"
        table = self._figures("consumption", caption, columns, parts, first="People")
        made: dict[str, Any] = {"table": table, "gain": None, "picture": None, "by_decile": by_decile}
        caption = "Which scheme the change in mean consumption goes with"
        made["shares"] = self._shares("consumption", caption, ("mean_welfare",))
        if self.has("consumption_gain"):
            kinds = dict.fromkeys(figure.param for figure in self.figures if figure.statistic == "consumption_gain")
            made["ratios"] = any(kinds)
            heads = [Head(kind.capitalize() or "Gain", "consumption_gain", kind) for kind in sorted(kinds)]
            made["gain"] = self._by_decile("gain", "Gain in consumption", heads)
            if self.has("consumption_gain", by="decile"):
                made["picture"] = self._picture(made["gain"], plots.gain)
        return made

    def _people(self, heads: Sequence[Head], of: str) -> list[Row]:
        """Return everybody and the deciles, with some figures of a scheme, a line or a score side by side."""
        rows: dict[tuple[str, str], list[Figure | None]] = {}
        for by in ("all", "decile"):
            for j, head in enumerate(heads):
                for figure in self.find(head.statistic, by, of=of, param=head.param, **_among(head.scenario)):
                    rows.setdefault((by, figure.level), [None] * len(heads))[j] = figure
        return [
            Row("Everybody", found, data=False) if by == "all" else _decile(Row(level, found))
            for (by, level), found in rows.items()
        ]

    def _by_decile(self, file: str, caption: str, heads: Sequence[Head]) -> Table:
        """Return statistics of receipt side by side: for each scheme everybody and the deciles, or a row a scheme."""
        asked = {(head.statistic, head.param, head.scenario == EXISTING) for head in heads}
        found = dict.fromkeys(
            figure.of
            for figure in self.figures
            if (figure.statistic, figure.param, figure.scenario == EXISTING) in asked
        )
        every = "All existing benefits" if heads[0].scenario == EXISTING else "All schemes"
        schemes = sorted(found, key=lambda of: of != PACKAGE)
        rows = {of: self._people(heads, of) for of in schemes}
        if len(schemes) > 1 and all(len(lines) == 1 for lines in rows.values()):
            alone = [replace(lines[0], label=of, data=True) for of, lines in rows.items() if of != PACKAGE]
            alone += [replace(lines[0], label=every) for of, lines in rows.items() if of == PACKAGE]
            return self._figures(file, caption, heads, [Part(alone)], first="Scheme")
        parts = [Part(rows[of], every) if of == PACKAGE else Part(rows[of], of=of) for of in schemes]
        return self._figures(file, caption, heads, parts, first="People")

    def _heads(self, *statistics: str, param: str | None = None, scenario: str = "") -> list[Head]:
        """Return a column for every param of some statistics that everybody or the deciles have figures of."""
        made = []
        for name in statistics:
            figures = [figure for by in ("all", "decile") for figure in self.find(name, by, **_among(scenario))]
            params = dict.fromkeys(figure.param for figure in figures if param in (None, figure.param))
            made += [Head(said(name)[0], name, each, scenario=scenario) for each in params]
        return made

    def _paid_already(self) -> list[Table]:
        """Return whom each of the existing benefits reaches, who gets their money, and what it is to them."""

        def table(name: str, caption: str, statistics: Sequence[str], param: str = "") -> Table | None:
            heads = self._heads(*statistics, param=param, scenario=EXISTING)
            return self._by_decile(f"existing-{name}", caption, heads) if heads else None

        reached, money = RECEIPT
        made = [
            table("coverage", "Coverage of existing benefits", reached),
            table("intended", "Coverage of those whom an existing benefit is meant for", reached[:1], INTENDED),
            self._groups_covered(EXISTING),
            table("incidence", "Who gets the money of existing benefits", money),
            (self._adequacy(EXISTING) or {}).get("table"),
        ]
        return [one for one in made if one]

    def _receipt(self) -> dict[str, Any] | None:
        made: dict[str, Any] = dict.fromkeys(("picture", "coverage", "incidence", "intended", "groups"))
        if heads := self._heads(*RECEIPT[0], param=""):
            made["coverage"] = self._by_decile("coverage", "Coverage", heads)
            if self.find("coverage", "decile", of=PACKAGE, param=""):
                made["picture"] = self._picture(made["coverage"], plots.coverage)
        if heads := self._heads("coverage_direct", param=INTENDED):
            caption = "Coverage of those whom a scheme is meant for"
            made["intended"] = self._by_decile("intended", caption, heads)
        made["groups"] = self._groups_covered()
        if heads := self._heads(*RECEIPT[1], param=""):
            made["incidence"] = self._by_decile("incidence", "Who gets the money", heads)
        made["targeting"] = self._targeting()
        made["adequacy"] = self._adequacy()
        made["efficiency"] = self._efficiency()
        made["errors"] = self._errors()
        return made if any(made.values()) else None

    def _groups_covered(self, scenario: str = "") -> Table | None:
        """Return the coverage of the groups of people that SDG 1.3.1 asks about."""
        names = RECEIPT[0]
        found = [figure for name in names for figure in self.find(name, of=PACKAGE, **_among(scenario))]

        def heads(param: str) -> list[Head]:
            return [Head(said(name)[0], name, param, scenario=scenario) for name in names]

        parts = [
            Part(self._people(heads(param), PACKAGE), param.capitalize())
            for param in dict.fromkeys(figure.param for figure in found if figure.param not in ("", INTENDED))
        ]
        if not parts:
            return None
        if all(len(part.rows) == 1 for part in parts):
            parts = [Part([replace(part.rows[0], label=part.title) for part in parts])]
        file, of = ("existing-groups", " by existing benefits") if scenario else ("groups-covered", "")
        return self._figures(file, f"Coverage of groups of people{of}", heads(""), parts, first="People")

    def _adequacy(self, scenario: str = "") -> dict[str, Any] | None:
        """Return what benefits are to those who have them."""
        heads = []
        for head in self._heads("adequacy", "generosity", scenario=scenario):
            unit = f"% of line {head.param.removeprefix(OF_LINE)}" if head.measure == "generosity_of_line" else ""
            unit = f"% {head.param}" if head.statistic == "adequacy" and head.param else unit
            heads.append(replace(head, unit=unit))
        if not heads:
            return None
        file, kind = ("existing-adequacy", "existing benefits") if scenario else ("adequacy", "benefits")
        table = self._by_decile(file, f"What {kind} are to those who have them", heads)
        return {"table": table, "adequacy": self.one("adequacy", PACKAGE, scenario or "after", param="")}

    def _targeting(self) -> dict[str, Any] | None:
        """Return how far money and recipients are with the poorest."""
        heads = []
        for head in self._heads("targeting_ratio", "targeting_differential"):
            what, _, poorest = head.param.rpartition(", ")
            title = f"{said(head.statistic)[0]}{what and f', {what}'}"
            heads.append(replace(head, title=title, unit=f"{'' if what else 'points, '}{poorest.replace(' %', '%')}"))
        if not heads:
            return None
        table = self._by_decile("targeting", "How far it goes to the poorest", heads)
        ratio = next((f for f in self.find("targeting_ratio", of=PACKAGE) if f.param.startswith("benefits")), None)
        poorest = ratio.param.rpartition(", ")[2].replace(" %", "%") if ratio else ""
        return {"table": table, "ratio": ratio, "poorest": poorest}

    def _efficiency(self) -> Table | None:
        """Return what a unit of money does to the poverty gap, by line."""
        found = self.find("gap_efficiency")
        if not found:
            return None
        params = dict.fromkeys(figure.param for figure in found)
        heads = [Head(param.capitalize() or "Of what is paid", "gap_efficiency", param) for param in params]
        parts = [Part(self._people(heads, of), "Line", of) for of in dict.fromkeys(figure.of for figure in found)]
        return self._figures("efficiency", "Money that closes the poverty gap", heads, parts, first="People")

    def _errors(self) -> Table | None:
        """Return whom a score picks in place of the poor: everybody's errors, and who is chosen in every decile."""
        found = [figure for by in ("all", "decile") for name in ERRORS for figure in self.find(name, by)]
        if not found:
            return None
        heads = [Head(said(name)[0], name) for name in ERRORS if name in {figure.statistic for figure in found}]
        parts = [
            Part(self._people([replace(head, param=param) for head in heads], of), of=of, unit=_rule_of(param))
            for of, param in dict.fromkeys((figure.of, figure.param) for figure in found)
        ]
        return self._figures("errors", "Whom the score chooses", heads, parts, first="People")

    def _cost(self) -> dict[str, Any] | None:
        there = [name for name in COST if self.has(name)]
        if not there:
            return None
        schemes = dict.fromkeys(figure.of for name in there for figure in self.find(name))
        rows = [
            Row("All schemes" if of == PACKAGE else of, [self.one(name, of, "after") for name in there],
                data=of != PACKAGE)
            for of in schemes
        ]  # fmt: skip
        columns = [Head(said(name)[0], name) for name in there]
        table = self._figures("cost", "Recipients and cost a year", columns, [Part(rows)], first="Scheme")
        return {
            "table": table,
            "picture": self._picture(table, plots.cost),
            "shares": [name for name in OF_COST if name in there],
        }

    def _projection(self) -> dict[str, Any] | None:
        """Return cost by year: all schemes and each, in round years; the link has every year."""
        frame = self.findings.projection
        if frame.empty:
            return None
        figures = [_figure(-1, row) for row in frame.to_dict("records")]
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
        table = self._figures("years", "Cost by year", heads, parts, first="Year", frame=frame)
        ends = [at.get(("cost_gdp", PACKAGE, year)) for year in (years[0], years[-1])]
        return {
            "table": table,
            "picture": self._picture(table, plots.projection) if ends[0] else None,
            "first": ends[0],
            "last": ends[1] if len(years) > 1 else None,
            "note": self._note(),
        }

    def _note(self) -> list[str]:
        """Return what cost by year rests on, a sentence each; the last says what its intervals leave out."""
        note = (self.asked.get("projection") or {}).get("note", "")
        return note.splitlines() or ["Intervals are of the survey alone: population and growth carry none."]

    def _domains(self) -> list[tuple[str, Table]]:
        """Return what no section has shown, by every domain."""
        names = [by for by in dict.fromkeys(self.by) if by not in ("all", "group")]
        return [(by, table) for by in names if (table := self._rest(by, "Breakdown"))]

    def _rest(self, by: str, caption: str) -> Table | None:
        """Return what no section has shown of a domain."""
        rest = [
            figure
            for figure, split in zip(self.figures, self.by, strict=True)
            if split == by
            and figure.row not in self.shown
            and figure.row not in self._left_out
            and figure.statistic not in LEFT_OUT
        ]
        if not rest:
            return None
        columns = self._scenarios(*{figure.statistic for figure in rest})
        parts = []
        told = dict.fromkeys((f.statistic, f.of, f.param, f.scenario if f.scenario == EXISTING else "") for f in rest)
        for statistic, of, param, scenario in told:
            rows = self._across(statistic, columns, by=by, of=of, param=param, **_among(scenario))
            rows = [_decile(row) for row in rows] if by == "decile" else rows
            title, every = _title(statistic, param), "all existing benefits" if scenario else "all schemes"
            parts.append(Part(rows, title, every if of == PACKAGE else of, measure_of(statistic, param)))
        return self._figures("figures", caption, columns, parts, of="" if by == "all" else by, first="Level")


def _among(scenario: str) -> dict[str, str]:
    """Return what tells figures of a scenario from others; nothing where any will do."""
    return {"scenario": scenario} if scenario else {}


def _decile(row: Row) -> Row:
    """Return a decile's row, with words at both ends."""
    ends = {"1": "1, the poorest", "10": "10, the richest"}
    return replace(row, label=ends.get(row.label, row.label), data=False)


def _named(statistic: str, param: str) -> str:
    """Return what an end of the groups is called."""
    called = said(statistic)[0]
    return f"{called}, {HONEST}" if param.endswith(HONEST) else called


def _listed(levels: Sequence[str]) -> str:
    """Return levels in one text, and of many the first."""
    if len(levels) <= LISTED:
        return " + ".join(levels)
    return f"{' + '.join(levels[: LISTED - 1])} + {len(levels) - LISTED + 1} more"


def _title(statistic: str, param: str) -> str:
    """Return what a figure is called above a breakdown."""
    if statistic == "scheme_share":
        measure, _, of = param.partition(", ")
        return f"Part of the change in {said(measure)[0].lower()}{of and f', {of}'}"
    told = _rule_of(param) if statistic in ERRORS else param.replace(" %", "%")
    return f"{said(statistic)[0]}{told and f', {told}'}"


def _rule_of(param: str) -> str:
    """Return whom a score chooses, and who is poor, in words."""
    told = []
    words = {
        "share": "the lowest {} by it",
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


def _figure(i: int, row: Mapping[Any, Any]) -> Figure:
    """Return a row of the tidy frame."""
    names = ("statistic", "scenario", "n", "flag", "of", "param", "level")
    value, low, high = row["value"], row["ci_low"], row["ci_high"]
    rest = {name: row[name] for name in names}
    return Figure(value=value, low=low, high=high, row=i, se=row["se"], df=row["df"], **rest)


def _between(param: str) -> str:
    """Return what a dissimilarity index is of, in words."""
    between, _, absence = param.partition(", ")
    return BETWEEN.get(between, f"Between {between}") + (f", {absence}" if absence else "")


def _rank_between(param: str) -> int:
    """Return where a dissimilarity index stands among those of an opportunity: the value and its bracket first."""
    between = param.partition(", ")[0]
    return list(BETWEEN).index(between) if between in BETWEEN else len(BETWEEN)


def _why(figure: Figure) -> str:
    """Return why a figure has no interval, counted with others."""
    said_by_flag = next((WITHOUT[flag] for flag in ("withheld", "empty", "biased") if flag in figure.flags), "")
    return said_by_flag or WITHOUT.get(figure.lacking, WITHOUT["0 or 1"])


def _gaining(gaining: float, change: Figure | None) -> dict[str, Any] | None:
    """Return a change of access as people, and the people that it is of; nothing where its sign is not sure."""
    if change is None or not change.there or not isfinite(gaining + change.low) or change.unsure or not change.value:
        return None
    whole = abs(gaining / change.value)
    forms = {"people": (form_of("count", [gaining]), abs(gaining)), "whole": (form_of("count", [whole]), whole)}
    told = {name: f"{form.text(value)} {form.word}".strip() for name, (form, value) in forms.items()}
    return {**told, "better": gaining > 0}


def _marked(few: Iterable[bool]) -> list[str]:
    """Return what parentheses say in a table, if it has any."""
    return [f"Figures in parentheses rest on fewer than {FEW} unweighted cases."] if any(few) else []


def _part(part: float) -> str:
    """Return what a circumstance has of a whole, in a sentence."""
    return "nothing" if part <= 0 else "less than 1%" if part < 0.01 else f"{part:.0%}"


def _rate(rate: float, n: int) -> str:
    """Return the rate of a branch."""
    text = form_of("share", [rate]).text(rate)
    return f"({text})" if isfinite(rate) and 0 < n < FEW else text


def _csv(file: str, frame: "pd.DataFrame") -> Link:
    """Return a frame as a link that holds all of it."""
    return link_of(file, "text/csv", frame.to_csv(index=False, lineterminator="\n"), len(frame))


# -- pictures -------------------------------------------------------------------------------------------------------


SVG = "{http://www.w3.org/2000/svg}"
DRAWN = frozenset(
    f"{SVG}{name}"
    for name in ("svg", "g", "path", "rect", "line", "circle", "text", "tspan", "title", "desc", "defs", "clipPath")
)


def checked(svg: str) -> "Markup":
    """Return a picture as markup, once it is seen to draw and to do nothing else."""
    from markupsafe import Markup

    found = {"a declaration"} if "<!" in svg or "<?" in svg else set()
    for element in ElementTree.fromstring(svg).iter() if not found else ():
        if element.tag not in DRAWN:
            found.add(f"the element {element.tag}")
        for name, value in element.attrib.items():
            local = name.rpartition("}")[2].lower()
            if local.startswith("on") or local in ("href", "src", "style"):
                found.add(f"the attribute {name}")
            if "url(" in value and not value.startswith("url(#"):
                found.add(f"the address {value}")
    if found:
        raise AssertionError(f"a picture must draw and do nothing else, but it has {', '.join(sorted(found))}")
    return Markup(svg)
