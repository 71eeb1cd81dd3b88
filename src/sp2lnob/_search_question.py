"""What a search is asked: candidates, budget and bounds, checked, and what measures packages by them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np

from ._domains import FullSample
from ._folds import folds_of
from ._packages import ACCESS, LOSS, ROOM, Measured, PackageAccess, PackageCoverage, PackageGini, PackagePoverty, within
from ._typing import BoolArray, FloatArray
from ._validate import choice, fail, fail_if_unknown, fail_type, mapping, number
from .choices import Choice, Grid, Payments, choices_of
from .economy import YEARLY, Amount, Economy
from .effects import Groups, groups_of
from .opportunity import Cells, Opportunity
from .replication import ReplicateDesign
from .schemes import Package, Scheme
from .statistics import FGT
from .survey import Survey
from .transfers import SHARES, Costing
from .tree import OpportunityTree

COSTS = ("total_cost", *SHARES)
OBJECTIVES = (*FGT, "gini", *ACCESS)
NO_WORSE = "no worse"


Bound = tuple[float | None, float | None] | str


@dataclass(frozen=True, eq=False)
class Question:
    """What is searched for, checked."""

    survey: Survey
    grid: Grid
    budget: float  # currency a year
    objective: str
    economy: Economy | None
    line: float | None
    opportunity: Opportunity | None
    bounds: Mapping[str, Bound]
    run: dict[str, Any]

    @classmethod
    def of(
        cls,
        survey: Survey,
        candidates: Sequence[Scheme | Choice],
        budget: float | Amount | None,
        objective: str,
        economy: Economy | None,
        line: float | str | None,
        opportunity: Opportunity | None,
        constraints: Mapping[str, Bound] | None,
        administration: float,
        mpc: float,
        draws: str,
        seed: int,
    ) -> "Question":
        """Check what was asked, with an error for what the survey cannot answer."""
        if not isinstance(survey, Survey):
            fail_type("search() takes a Survey", survey, "Build it with Survey(...).")
        if economy is not None and not isinstance(economy, Economy):
            fail_type("economy must be an Economy", economy, "Build it with Economy(gdp=..., lines={...}).")
        if opportunity is not None and not isinstance(opportunity, Opportunity):
            fail_type("opportunity must be an Opportunity", opportunity, "Build it with Opportunity(...).")
        grid = Grid(choices_of(candidates))
        choice(objective, OBJECTIVES, "objective")
        choice(draws, ("seeded", "expected"), "draws of a search")
        run: dict[str, Any] = {"administration": administration, "mpc": mpc, "draws": draws, "seed": seed}
        Package([choice.scheme for choice in grid.choices], **run)
        bounds = _bounds(constraints or {})
        what = {objective, *(name.partition(" by ")[0] for name in bounds)}
        if survey.welfare is None:
            fail(f"A search for {objective!r} needs welfare", "the survey has none", "Pass welfare= to the Survey.")
        if what.intersection(ACCESS) and opportunity is None:
            fail(
                f"A search for {sorted(what.intersection(ACCESS))[0]!r} needs an opportunity",
                "none was given",
                "Pass opportunity=Opportunity(...).",
            )
        given = None
        if what.intersection(FGT) or line is not None:
            given = _line(line, economy, survey, sorted(what.intersection(FGT) or {"poverty"})[0])
        survey = survey if economy is None else survey.uprated(economy)
        return cls(survey, grid, _budget(budget, economy), objective, economy, given, opportunity, bounds, run)

    @property
    def of_access(self) -> bool:
        """Whether access is asked for."""
        return self.opportunity is not None

    @property
    def sign(self) -> float:
        """1 where less is better, -1 where more is."""
        good = self.objective in ("access", "furthest_behind")
        barrier = self.opportunity is not None and self.opportunity.kind == "barrier"
        return -1.0 if good and not barrier else 1.0

    def parts(self, payments: Payments, full: FullSample, groups: "OpportunityGroups | None") -> tuple[Measured, ...]:
        """Return what measures packages, as far as it is asked for."""
        survey, mpc, money = self.survey, float(self.run["mpc"]), payments.money
        made: list[Measured] = []
        if self.line is not None:
            made.append(PackagePoverty.of(survey, money, mpc, self.line))
        if groups is not None:
            bounds = [LOSS if at == NO_WORSE else name for name, at in self.bounds.items() if name == "access by group"]
            made.append(PackageAccess.of(survey, money, mpc, groups.cells, groups.groups, groups.cuts, bounds))
        if "gini" in (self.objective, *self.bounds):
            made.append(PackageGini.of(survey, money, mpc))
        if "coverage" in self.bounds:
            made.append(PackageCoverage(("coverage",), money, survey.people))
        for name in self.bounds:
            measure, by, column = name.partition(" by ")
            if by and measure in FGT:
                domain = full.domain((column,))
                if domain.rows.unit != "household":
                    fail(
                        f"The bound {name!r} must be by a column of households",
                        f"{column!r} describes persons",
                        "Derive one by household, such as head(...).",
                    )
                assert self.line is not None
                made.append(PackagePoverty.worst(survey, money, mpc, self.line, domain, name))
        return tuple(made)

    def costs(self, total: FloatArray) -> dict[str, FloatArray]:
        """Return what packages cost: a year, and as shares of what is known."""
        known = Costing.of(total[:0], Package([self.grid.choices[0].scheme]), self.economy).shares
        return {"total_cost": total} | {name: total / of for name, of in known.items()}

    def able(self, measures: Mapping[str, FloatArray], nothing: Mapping[str, float]) -> BoolArray:
        """Return the packages within all bounds but the budget."""
        total = next(iter(measures.values()))
        able = np.ones(len(total), dtype=np.bool_)
        for name, at in self.bounds.items():
            if isinstance(at, str):
                better = -1.0 if self.opportunity is not None and self.opportunity.kind == "barrier" else 1.0
                if name == "access by group":
                    able &= better * measures[LOSS] >= -ROOM
                else:
                    sign = 1.0 if name in (*FGT, "gini", "d_index", "gap") or " by " in name else -better
                    able &= sign * measures[name] <= within(sign * nothing[name])
                continue
            if name not in measures:
                fail(
                    f"The bound on {name!r} needs its denominator",
                    "the economy does not give it",
                    f"Pass Economy({name.removeprefix('cost_')}=...).",
                )
            low, high = at
            if low is not None:
                able &= measures[name] >= low - ROOM * abs(low)
            if high is not None:
                able &= measures[name] <= within(high)
        return able

    def affordable(self, measures: Mapping[str, FloatArray], able: BoolArray) -> BoolArray:
        """Return the packages within the budget too; raise if there is none."""
        cost = measures["total_cost"]
        found = able & (cost <= within(self.budget))
        if found.any():
            return found
        if not able.any():
            fail(
                "A package must be within the bounds",
                f"none of {len(able):,} is within {', '.join(map(repr, self.bounds))}",
                "Widen a bound, or add candidates.",
            )
        cheapest = cost[able].min()
        gdp = self.economy.gdp if self.economy is not None else None
        share = f" ({cheapest / gdp:.3%} of GDP)" if gdp else ""
        among = " within the bounds" if self.bounds else ""
        fail(
            f"A package must be within the budget of {_money(self.budget)} a year",
            f"the cheapest of {int(able.sum()):,}{among} costs {_money(cheapest)}{share}",
            "Raise the budget, or list lower levels.",
        )

    def told(self, design: ReplicateDesign, level: float, keep: int, contenders: int) -> dict[str, Any]:
        """Return what was asked, in plain values."""
        return {
            "objective": self.objective,
            "budget": None if np.isinf(self.budget) else self.budget,
            "line": self.line,
            "opportunity": None if self.opportunity is None else self.opportunity.name,
            "constraints": {name: at if isinstance(at, str) else list(at) for name, at in self.bounds.items()},
            "candidates": {
                choice.scheme.name: {
                    "levels": None if choice.levels is None else list(choice.levels),
                    "required": choice.required,
                    **{name: list(map(_plainly, values)) for name, values in choice.fields.items()},
                }
                for choice in self.grid.choices
            },
            **self.run,
            "replicates": design.told(),
            "level": level,
            "keep": keep,
            "contenders": contenders,
        }


def _plainly(value: Any) -> Any:
    """Return a value of a field in plain values."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _money(value: float) -> str:
    """Return money as an error shows it."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.6g}"


def _bounds(constraints: Mapping[str, Bound]) -> dict[str, Bound]:
    """Check bounds: what they are on, and that they are two numbers or "no worse"."""
    mend = "Write {'cost_gdp': (None, 0.02)}, or {'access by group': 'no worse'}."
    known = (*COSTS, "coverage", *OBJECTIVES)
    made: dict[str, Bound] = {}
    for name, at in mapping(constraints, "constraints", mend).items():
        measure, by, column = str(name).partition(" by ")
        fail_if_unknown(measure, known, "The measure of a bound")
        if by and (measure not in (*FGT, "access") or (measure == "access") != (column == "group")):
            fail(
                "A bound by level must be of poverty by a column, or of access by group",
                f"it is {name!r}",
                "Write 'headcount by urbrur', or 'access by group'.",
            )
        if at == NO_WORSE and measure not in (*COSTS, "coverage"):
            made[name] = NO_WORSE
            continue
        if isinstance(at, str) or not isinstance(at, Sequence) or len(at) != 2:
            fail_type(f"The bound on {name!r} must be (least, most)", at, mend)
        of = {} if measure == COSTS[0] else {"low": -1, "high": 1}
        low, high = (
            None if end is None else number(end, f"A bound on {name!r}{', a share,' * bool(of)}", **of) for end in at
        )
        if low is not None and high is not None and low > high:
            fail(f"The bound on {name!r} must have its least first", f"it is ({low:g}, {high:g})", "Swap them.")
        made[name] = low, high
    return made


def _budget(budget: float | Amount | None, economy: Economy | None) -> float:
    """Return the budget in currency a year."""
    if budget is None:
        return np.inf
    if isinstance(budget, Amount):
        if budget.unit not in YEARLY:
            fail(
                "A budget must be a share of GDP, or an Amount by month or year",
                f"its unit is {budget.unit!r}",
                "Write budget=0.01, or Amount(1e9, 'year').",
            )
        return budget.per_year()
    share = number(budget, "A budget that is a share of GDP", low=0, high=1)
    if economy is None or economy.gdp is None:
        fail(
            "A budget that is a share needs GDP",
            "no economy gives it",
            "Pass economy=Economy(gdp=...), or budget=Amount(1e9, 'year').",
        )
    return share * economy.gdp


def _line(line: float | str | None, economy: Economy | None, survey: Survey, measure: str) -> float:
    """Return the poverty line of a search."""
    lines = economy.poverty_lines(survey.welfare_period) if economy is not None else {}
    if isinstance(line, str):
        fail_if_unknown(line, lines, "The line of a search", "Lines are given as Economy(lines={name: value}).")
        return lines[line]
    if line is not None:
        return number(line, "The line of a search", above=0)
    if len(lines) != 1:
        came = f"the economy has {', '.join(map(repr, lines))}" if lines else "none was given"
        fail(f"A search for {measure!r} needs one poverty line", came, "Pass line=, a value or its name.")
    return next(iter(lines.values()))


@dataclass(frozen=True, eq=False)
class OpportunityGroups:
    """An opportunity's rows and groups."""

    cells: Cells
    groups: Groups
    cuts: FloatArray
    tree: OpportunityTree

    @classmethod
    def of(
        cls, survey: Survey, opportunity: Opportunity | None, tree: OpportunityTree | None, full: FullSample
    ) -> "OpportunityGroups":
        """Grow the tree, and raise if money cannot move anybody in it."""
        assert opportunity is not None
        cells = opportunity.prepare(survey)
        if not cells.shares:
            fail(
                f"Opportunity {opportunity.name!r} must have a welfare class among its circumstances",
                f"they are {list(opportunity.circumstances)}, and money moves nobody between these",
                "Add 'bottom40', 'quintile' or 'decile'.",
            )
        cuts = full.cuts(cells.shares)[:, 0]
        rule = tree if tree is not None else OpportunityTree()
        grown = type(rule)(**rule.get_params())
        by_fold = None
        if isinstance(grown.cp, str):
            fold = folds_of(cells.design, seed=grown.seed)[cells.psu]
            parts = [cells.among(np.flatnonzero(fold == k)) for k in range(int(fold.max(initial=0)) + 1)]
            by_fold = np.stack([part.sums(cuts) for part in parts])
        grown.fit_cells(cells.circumstances, cells.codes, cells.sums(cuts), by_fold)
        found = groups_of(cells, grown, cuts)
        leaf = found.of_cell.reshape(len(cells.domains), cells.bands)
        if (leaf == leaf[:, :1]).all():
            fail(
                f"The tree of opportunity {opportunity.name!r} must split by welfare",
                f"none of its splits does, and money moves nobody between its {len(found.labels)} group(s)",
                "Pass tree= with another rule, or search for poverty.",
            )
        return cls(cells, found, cuts, grown)
