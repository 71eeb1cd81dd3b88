"""The page of a report: figures that are found, tables and pictures numbered in their order, and sources cited."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any

from . import plots
from ._html import FormOf, checked, form_of
from ._tables import (
    Block,
    Column,
    Figure,
    Head,
    Line,
    Link,
    Part,
    Picture,
    Row,
    Table,
    figure_cell,
    flag_cell,
    link_of,
    n_cell,
    said,
)
from .disclosure import FEW, FEWEST, least_cases
from .findings import Findings

if TYPE_CHECKING:
    import pandas as pd

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
FLAG = "Flag"  # a column that is left out where it is empty
NAMED = 3  # opportunities in the title
ENDS = ("furthest_behind", "furthest_ahead", "gap")
HONEST = "cross-validated"  # how the param of what a new sample would show ends
GROUPS_OF_TREE = "groups"  # how a dissimilarity index between them begins
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


class Page:
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
        self.figures = [figure_of(i, row) for i, row in enumerate(findings.estimates.to_dict("records"))]
        self.by = findings.estimates["by"].tolist()
        self.whole = [name for name, tree in findings.trees.items() if len(tree["nodes"]) == 1]  # nothing splits it
        self._at: dict[tuple[str, str], list[Figure]] = {}
        self._of_existing: dict[tuple[str, str], list[Figure]] = {}  # apart: schemes may have the same names
        self.shown: set[int] = set()
        self.of_one_group: list[int] = []
        for figure, by in zip(self.figures, self.by, strict=True):
            if figure.of in self.whole and (figure.statistic in ENDS or figure.param.startswith(GROUPS_OF_TREE)):
                self.of_one_group.append(figure.row)  # one group has no ends, and nothing between them
            else:
                at = self._of_existing if figure.scenario == EXISTING else self._at
                at.setdefault((figure.statistic, by), []).append(figure)
        self.sources: list[str] = []
        self._tables, self._pictures = count(1), count(1)

    @property
    def title(self) -> str:
        """What the page is called."""
        before, names, after = self.heading
        return before + ", ".join(names) + after

    @property
    def heading(self) -> tuple[str, list[str], str]:
        """What the page is called: words before names, names, and words after them."""
        names = list(self.findings.trees)
        if not names:
            return "What a cash-transfer package would change" if self.package else "Poverty and inequality", [], ""
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        after = more + (", and what a package would change" if self.package else "")
        return "Who is left behind: ", names[:NAMED], after

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

    def unit(self, statistic: str, word: str = "") -> str:
        """Return what a statistic is counted in."""
        money = {
            "welfare": f"{self.currency} per person and {self.survey['welfare_period']}",
            "cost": f"{self.currency} a year",
        }
        unit = said(statistic)[2]
        unit = money.get(unit, unit)
        return f"{word} {unit}".strip()

    def tabulate(
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
        return self.table(
            file,
            caption,
            [Column(first, words=True), Column("n"), *heads, Column(FLAG, words=True)],
            shown,
            self.findings.estimates.iloc[rows] if frame is None else frame,
            of=of,
            notes=[*notes, *marked(figure.few for figure in every)],
            level=self.level if any(isfinite(figure.low) for figure in every) else "",
        )

    def _unit(self, figures: Sequence[Figure | None], forms: Mapping[str, FormOf]) -> str:
        measure = next(figure.measure for figure in figures if figure)
        return self.unit(measure, forms[measure].word)

    def table(
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
        """Return a table with a number, and a frame as its link; a column of flags only where there is one."""
        lines = [line for block in blocks for line in block.lines]
        if columns[-1].title == FLAG and not any(line.cells[-1].text for line in lines):
            columns = columns[:-1]
            blocks = [
                replace(block, lines=[replace(line, cells=line.cells[:-1]) for line in block.lines]) for block in blocks
            ]
        number = next(self._tables)
        link = csv_of(f"table-{number:02d}-{file}.csv", frame)
        return Table(number, caption, of, columns, blocks, link, notes, level)

    def picture(self, table: Table, make: Callable[..., Any], *args: Any) -> Picture:
        """Return a picture of the figures of a table."""
        number = next(self._pictures)
        return Picture(number, table.number, checked(plots.svg(make(self._split, *args), f"figure-{number}")))

    @cached_property
    def _split(self) -> Findings:
        """What was found, as far as the page shows it."""
        if not self.of_one_group:
            return self.findings
        frame = self.findings.estimates
        return replace(
            self.findings, estimates=frame.iloc[sorted(set(range(len(frame))).difference(self.of_one_group))]
        )

    def opportunity_asked(self, name: str) -> Mapping[str, Any]:
        """Return what was asked of an opportunity."""
        found: Mapping[str, Any] = next(made for made in self.asked["opportunities"] if made["name"] == name)
        return found

    def counts_households(self, name: str) -> bool:
        """Return whether an opportunity is told of households, not of people."""
        asked = self.opportunity_asked(name)
        return bool(asked["unit"] == "household" and asked["weigh"] == "households")

    def scenarios(self, *statistics: str) -> list[Head]:
        """Return the columns of a table before and after: those for which there is a figure."""
        there = {figure.scenario for name in statistics for figure in self.figures if figure.statistic == name}
        titles = SITUATIONS | {name: name.capitalize() for name in sorted(there) if name not in SITUATIONS}
        return [Head(title, scenario=scenario) for scenario, title in titles.items() if scenario in there]

    def across(self, statistic: str, columns: Sequence[Head], **what: str) -> list[Row]:
        """Return a row for every level that a statistic has, with its scenarios side by side."""
        levels: dict[str, dict[str, Figure]] = {}
        for figure in self.find(statistic, **what):
            levels.setdefault(figure.level, {})[figure.scenario] = figure
        return [Row(level, [at.get(head.scenario) for head in columns]) for level, at in levels.items()]

    def people(self, heads: Sequence[Head], of: str) -> list[Row]:
        """Return everybody and the deciles, with some figures of a scheme, a line or a score side by side."""
        rows: dict[tuple[str, str], list[Figure | None]] = {}
        for by in ("all", "decile"):
            for j, head in enumerate(heads):
                for figure in self.find(head.statistic, by, of=of, param=head.param, **among(head.scenario)):
                    rows.setdefault((by, figure.level), [None] * len(heads))[j] = figure
        return [
            Row("Everybody", found, data=False) if by == "all" else decile_row(Row(level, found))
            for (by, level), found in rows.items()
        ]

    def by_decile(self, file: str, caption: str, heads: Sequence[Head]) -> Table:
        """Return statistics of receipt side by side: for each scheme everybody and the deciles, or a row a scheme."""
        asked = {(head.statistic, head.param, head.scenario == EXISTING) for head in heads}
        found = dict.fromkeys(
            figure.of
            for figure in self.figures
            if (figure.statistic, figure.param, figure.scenario == EXISTING) in asked
        )
        every = "All existing benefits" if heads[0].scenario == EXISTING else "All schemes"
        schemes = sorted(found, key=lambda of: of != PACKAGE)
        rows = {of: self.people(heads, of) for of in schemes}
        if len(schemes) > 1 and all(len(lines) == 1 for lines in rows.values()):
            alone = [replace(lines[0], label=of, data=True) for of, lines in rows.items() if of != PACKAGE]
            alone += [replace(lines[0], label=every) for of, lines in rows.items() if of == PACKAGE]
            return self.tabulate(file, caption, heads, [Part(alone)], first="Scheme")
        parts = [Part(rows[of], every) if of == PACKAGE else Part(rows[of], of=of) for of in schemes]
        return self.tabulate(file, caption, heads, parts, first="People")

    def heads(self, *statistics: str, param: str | None = None, scenario: str = "") -> list[Head]:
        """Return a column for every param of some statistics that everybody or the deciles have figures of."""
        made = []
        for name in statistics:
            figures = [figure for by in ("all", "decile") for figure in self.find(name, by, **among(scenario))]
            params = dict.fromkeys(figure.param for figure in figures if param in (None, figure.param))
            made += [Head(said(name)[0], name, each, scenario=scenario) for each in params]
        return made


def among(scenario: str) -> dict[str, str]:
    """Return what tells figures of a scenario from others; nothing where any will do."""
    return {"scenario": scenario} if scenario else {}


def decile_row(row: Row) -> Row:
    """Return a decile's row, with words at both ends."""
    ends = {"1": "1, the poorest", "10": "10, the richest"}
    return replace(row, label=ends.get(row.label, row.label), data=False)


def figure_of(i: int, row: Mapping[Any, Any]) -> Figure:
    """Return a row of the tidy frame."""
    names = ("statistic", "scenario", "n", "flag", "of", "param", "level")
    value, low, high = row["value"], row["ci_low"], row["ci_high"]
    rest = {name: row[name] for name in names}
    return Figure(value=value, low=low, high=high, row=i, se=row["se"], df=row["df"], **rest)


def _why(figure: Figure) -> str:
    """Return why a figure has no interval, counted with others."""
    said_by_flag = next((WITHOUT[flag] for flag in ("withheld", "empty", "biased") if flag in figure.flags), "")
    return said_by_flag or WITHOUT.get(figure.lacking, WITHOUT["0 or 1"])


def marked(few: Iterable[bool]) -> list[str]:
    """Return what parentheses say in a table, if it has any."""
    return [f"Figures in parentheses rest on fewer than {FEW} unweighted cases."] if any(few) else []


def csv_of(file: str, frame: "pd.DataFrame") -> Link:
    """Return a frame as a link that holds all of it."""
    return link_of(file, "text/csv", frame.to_csv(index=False, lineterminator="\n"), len(frame))
