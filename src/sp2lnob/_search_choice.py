"""Which package is best: the front, those that contend, what is chosen without a fold, and how sure all that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._domains import Block, FullSample, Row
from ._packages import ACCESS, Dealt, PackagePoverty, Scan, added, within
from ._prepared import Asked, Prepared, Scenario, joined
from ._search_question import OpportunityGroups, Question
from ._sweeps import Totals
from ._typing import BoolArray, FloatArray, LongArray
from ._validate import fail, warn
from .choices import Payments, Taken
from .cross_validation import cross_validated
from .economy import Economy
from .effects import CROSS_VALIDATED, GroupAccess, group_access
from .estimates import Estimates
from .estimation import evaluate
from .incidence import Cost, Coverage
from .schemes import Package
from .statistics import FGT, Inequality, MeanWelfare, Poverty
from .survey import Survey
from .transfers import Transfers, simulate

AFTER = "after"
SHARE_TOL = 1e-9  # by which the table and simulate() may differ
NEAR = 0.1  # of a budget: packages that cost so much more may be within it in a replicate


def front_of(loss: FloatArray, cost: FloatArray, nothing: float) -> LongArray:
    """Return the packages that no other beats in both cost and effect, the cheapest first; paying nothing is none."""
    order = np.lexsort((np.arange(len(loss)), loss, cost))
    best = np.minimum.accumulate(np.r_[nothing, loss[order]])
    return np.asarray(order[loss[order] < best[:-1]])


def training_cost(survey: Survey, payments: Payments, psu_of_unit: Any, dealt: Dealt) -> FloatArray:
    """Return what options cost by training set, as its people stand for all: (sets, columns)."""
    psus = survey.design.psus
    cost = np.stack([added(psu_of_unit, one, psus) for one in payments.cost], axis=1)
    people = added(survey.design.psu, survey.people, psus)
    every = np.arange(psus)
    training = dealt.others(people, every)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(dealt.others(cost, every) * (people.sum() / training)[:, None])


def contending(
    order: LongArray, loss: FloatArray, cost: FloatArray, able: BoolArray, budget: float, contenders: int
) -> LongArray:
    """Return the best within the budget, then the best of those that cost little more."""
    near = np.flatnonzero(able & (cost > within(budget)) & (cost <= (1 + NEAR) * budget))
    near = near[np.lexsort((near, cost[near], loss[near]))]
    return np.concatenate([order[:contenders], near[:contenders]])


@dataclass(frozen=True, eq=False)
class Best:
    """The best package's figures, and what the objective is worked out from."""

    survey: Survey
    asked: Question
    full: FullSample
    groups: OpportunityGroups | None
    transfers: Transfers
    economy: Economy | None

    def objective(self, transfers: Transfers | None) -> list[Asked]:
        """Prepare the objective in a scenario: before, or after a transfer."""
        asked = self.asked
        if asked.objective in ACCESS:
            assert self.groups is not None
            of = self.groups
            return [group_access(self.full, of.cells, of.groups, of.cuts, transfers)]
        scenario = Scenario("before" if transfers is None else AFTER, self.survey, transfers)
        if asked.objective == "gini":
            return [*Inequality(["gini"]).prepare(scenario, (), self.full)]
        return [*self.poverty([asked.objective]).prepare(scenario, (), self.full)]

    def poverty(self, measures: Sequence[str] = tuple(FGT)) -> Poverty:
        """Return poverty at the line, which is called what the economy calls it."""
        assert self.asked.line is not None
        lines = (self.economy or Economy()).poverty_lines(self.survey.welfare_period)
        name = next((name for name, at in lines.items() if at == self.asked.line), None)
        return Poverty(self.asked.line, name, measures)

    def value(self, transfers: Transfers) -> float:
        """Return the objective of the full sample after a transfer."""
        prepared = joined(self.objective(transfers))
        whole = self.full.switched() if self.full.switches else self.full
        found = np.concatenate([one.evaluate(whole) for one in prepared])[:, 0]
        return float(found[_at(prepared, self.asked.objective, AFTER)])

    def agrees(self, table: Mapping[str, float]) -> None:
        """Raise if the best package as a whole is not what its schemes add up to."""
        found = {self.asked.objective: self.value(self.transfers)}
        found["total_cost"] = float(self.transfers.cost["total_cost"].iloc[-1])
        for name, value in found.items():
            if abs(value - table[name]) > SHARE_TOL * max(abs(value), 1e-3):
                fail(
                    "The schemes of a search must not depend on each other",
                    f"{name} of the best package is {value:.6g}, and {table[name]:.6g} where its schemes are added up",
                    "Drop priorities, caps over several schemes and the like.",
                )

    def cross_validated(self, dealt: Dealt, chosen: LongArray) -> float | None:
        """Return the objective where everybody is paid what was chosen without them; None where nothing could be."""
        if (chosen < 0).any():
            warn(
                "A package should be within the budget without any fold of PSUs",
                f"none is without {int((chosen < 0).sum())} of {len(chosen)}, so that nothing is cross-validated",
                "Raise the budget a little.",
            )
            return None
        grid, run = self.asked.grid, self.asked.run
        after: dict[int, FloatArray] = {}
        for number_ in np.unique(chosen).tolist():
            made = simulate(self.survey, Package(grid.schemes(number_), **run), self.economy).welfare_after
            assert made is not None
            after[number_] = made
        psu, values = self.survey.design.psu, []
        for fold, picked in zip(dealt.fold, chosen.reshape(len(dealt.fold), -1), strict=True):
            mixed = np.empty(self.survey.n_households)
            for f, number_ in enumerate(picked.tolist()):
                here = fold[psu] == f
                mixed[here] = after[number_][here]
            values.append(self.value(replace(self.transfers, welfare_after=mixed, outcomes=None)))
        return float(np.mean(values))

    def estimate(self, dealt: Dealt, chosen: LongArray, contenders: Prepared, evaluated: dict[str, Any]) -> Estimates:
        """Estimate the best package, the objective as found and as cross-validated, and who wins in each replicate."""
        survey, asked, full = self.survey, self.asked, self.full
        scenarios = [Scenario("before", survey), Scenario(AFTER, survey, self.transfers)]
        prepared: list[Asked] = []
        statistics: list[Any] = [MeanWelfare(), Inequality(["gini"]), Coverage(), Cost()]
        if asked.line is not None:
            statistics.insert(1, self.poverty())
        for statistic in statistics:
            prepared += [made for scenario in scenarios for made in statistic.prepare(scenario, (), full)]
        if self.groups is not None:
            of = self.groups
            honest = cross_validated(of.cells, of.tree.rule(), of.cuts) if len(of.groups.labels) > 1 else of.groups.ends
            prepared.append(group_access(full, of.cells, of.groups, of.cuts, self.transfers, honest))
        value = self.cross_validated(dealt, chosen)
        if value is not None:
            prepared.append(_CrossValidated.of(self, value))
        prepared.append(contenders)
        found = evaluate(survey, prepared, full=full, **evaluated)
        picked = [
            row.statistic == asked.objective and row.scenario != "before" and CROSS_VALIDATED not in row.param
            for row in found.rows
        ]
        flags = tuple(
            ";".join(dict.fromkeys([*filter(None, flag.split(";")), "biased"])) if is_picked else flag
            for flag, is_picked in zip(found.flags, picked, strict=True)
        )
        return replace(found, flags=flags)


def _at(prepared: Sequence[Prepared], statistic: str, scenario: str) -> int:
    """Return where a figure of everybody stands among the rows of prepared statistics."""
    rows = [row for one in prepared for row in one.rows]
    return next(
        i
        for i, row in enumerate(rows)
        if (row.statistic, row.scenario) == (statistic, scenario)
        and row.by == "all"
        and CROSS_VALIDATED not in row.param
    )


@dataclass(frozen=True, eq=False)
class _CrossValidated:
    """The objective after, and its change, as cross-validation has them: they vary as the package held fixed does."""

    rows: tuple[Row, ...]
    prepared: tuple[Prepared, ...]
    before: int
    after: int
    shift: float

    @classmethod
    def of(cls, told: Best, value: float) -> "_CrossValidated":
        """Name both."""
        access = told.asked.objective in ACCESS
        prepared = joined([*([] if access else told.objective(None)), *told.objective(told.transfers)])
        before, after = (_at(prepared, told.asked.objective, scenario) for scenario in ("before", AFTER))
        row = [row for one in prepared for row in one.rows][after]
        shift = value - told.value(told.transfers)
        plain = replace(
            row,
            param=f"{row.param}, {CROSS_VALIDATED} package" if row.param else f"{CROSS_VALIDATED} package",
            scale="t",
            falls=False,
            flag="",
            doubt=abs(shift) / 2,
        )
        return cls((plain, replace(plain, scenario="change")), tuple(prepared), before, after, shift)

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (2, replicates)."""
        values = np.concatenate([one.evaluate(block) for one in self.prepared])
        after = values[self.after] + self.shift
        return np.stack([after, after - values[self.before]])


WINNER = "winner"


@dataclass(frozen=True, eq=False)
class Contenders:
    """Which contender is best in a replicate, by its number among them; -1 where the budget allows none."""

    rows: tuple[Row, ...]
    sums: Totals  # of cost, then of the poor, by unit
    others: tuple[Prepared, ...]  # by contender, of what is no sum
    after: int
    sign: float
    budget: float

    @classmethod
    def of(cls, asked: Question, payments: Payments, scan: Scan, standing: LongArray, told: Best) -> "Contenders":
        """Take the contenders."""
        columns = asked.grid.columns(standing)
        full = told.full
        cost = np.stack([_sum_rows(payments.cost, line) for line in columns])
        poor, prepared, after = np.empty((0, full.units)), [], 0
        if asked.objective in FGT:
            part = next(part for part in scan.parts if isinstance(part, PackagePoverty) and part.level is None)
            poor = _poor_by_unit(part, told.survey, full, Taken.of(columns), asked.objective)
        else:
            for number_ in standing.tolist():
                transfers = simulate(told.survey, Package(asked.grid.schemes(number_), **asked.run), told.economy)
                one = joined(told.objective(replace(transfers, outcomes=None)))  # with the full sample's cuts
                after = _at(one, asked.objective, AFTER)
                prepared += one
        sums = np.ascontiguousarray(np.concatenate([cost, poor]))
        totals = Totals(
            sums,
            np.arange(full.units, dtype=np.int32),
            np.zeros(1, dtype=np.int32),
            np.array([0, full.units], dtype=np.int32),
            1,
        )
        row = Row(WINNER, n=0, df=2**30, scale="none")
        return cls((row,), totals, tuple(prepared), after, asked.sign, asked.budget)

    def _walked(self, block: Block) -> Sequence[Prepared]:
        """Return the contenders, with what they share worked out once: who is in which group before."""
        first = self.others[0]
        if not isinstance(first, GroupAccess):
            return self.others
        ready: Any = _Ready(first.sums.evaluate(block.factors, block.cuts(first.shares)))
        return [replace(one, sums=ready) for one in self.others if isinstance(one, GroupAccess)]

    def evaluate(self, block: Block) -> FloatArray:
        """Return the number of the best, of shape (1, replicates)."""
        found = self.sums.evaluate(block.factors)[0]
        if self.others:
            cost = found
            loss = self.sign * np.stack([one.evaluate(block)[self.after] for one in self._walked(block)])
        else:
            cost, loss = found[: len(found) // 2], found[len(found) // 2 :]
        loss = np.where((cost <= within(self.budget)) & np.isfinite(loss), loss, np.inf)
        low = loss.min(axis=0)
        cost = np.where(loss == low, cost, np.inf)
        best = np.where(cost == cost.min(axis=0), 1.0, 0.0).argmax(axis=0).astype(np.float64)
        return np.where(np.isfinite(low), best, -1.0)[None]


@dataclass(frozen=True, eq=False)
class _Ready:
    """Sums of a block that are there already."""

    sums: FloatArray

    def evaluate(self, factors: FloatArray, cuts: FloatArray) -> FloatArray:
        """Return them."""
        return self.sums


def _sum_rows(cost: FloatArray, columns: Any) -> FloatArray:
    """Add the cost by unit of a package's options up."""
    total: FloatArray = cost[columns[0]].copy()
    for column in columns[1:]:
        total += cost[column]
    return total


def _poor_by_unit(part: PackagePoverty, survey: Survey, full: FullSample, taken: Taken, measure: str) -> FloatArray:
    """Return sums of one measure of poverty by unit: (packages, units)."""
    assert survey.welfare is not None
    rows = np.flatnonzero(survey.welfare_known & (survey.welfare < part.line) & (survey.people > 0))
    unit = full.unit[rows]
    order = np.argsort(unit, kind="stable")
    by_unit = replace(
        part,
        money=part.money[order],
        welfare=part.welfare[order],
        share=part.share[order],
        weight=part.weight[order],
    )
    sums, of = by_unit.sums(taken, unit[order])
    made = np.zeros((taken.packages, full.units))
    made[:, of] = sums[:, list(FGT).index(measure)].T
    return made


def winners_apart(estimates: Estimates) -> tuple[Estimates, LongArray]:
    """Take who wins in each replicate out of the estimates, of which it is none."""
    at = next(i for i, row in enumerate(estimates.rows) if row.statistic == WINNER)
    kept = np.arange(len(estimates.rows)) != at
    by_row = ("value", "se", "ci_low", "ci_high", "bias", "df")
    left = replace(
        estimates,
        rows=tuple(row for row in estimates.rows if row.statistic != WINNER),
        flags=tuple(flag for flag, keep in zip(estimates.flags, kept, strict=True) if keep),
        draws=estimates.draws[:, kept],
        beside=estimates.beside[:, kept],
        **{name: getattr(estimates, name)[kept] for name in by_row},
    )
    return left, estimates.draws[:, at].astype(np.int64)
