"""Access after a transfer, among the groups of before: four answers to how it responds, side by side.

reroute: the tree, its rates and the cut between welfare classes are those of before; who changes class reaches another
leaf and takes its rate. A tree without a welfare class, or a transfer that lifts nobody over the cut, changes nothing.
It fails where access moves within a class, or rates on both sides of a cut differ for another reason than welfare.

interpolate: access is linear in welfare between the mean welfare of classes, flat beyond the outermost. Whoever is paid
moves, over a cut or not. It fails with few classes of wide spread: above the mean of the highest, and below that of the
lowest, money does nothing.

logit: access moves along a logit of it on the logarithm of welfare and the circumstances that are no class of welfare.
It responds where no tree splits on welfare. It fails where the odds are not one straight line for all, or much welfare
lies far from where the logit was fitted.

refit: as reroute, through a tree grown anew in every replicate, told for the groups of the full sample. Its value is
that of reroute, its standard error holds what the choice of the tree adds. It fails as reroute does.

In a replicate the cut, the classes, the rates and the logit are the replicate's own: held fixed, standard errors would
come out far too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._cuts import ClassTotals
from ._domains import Block, FullSample, Row
from ._prepared import Asked, Scenario, Statistic
from ._responses import EFFECTS, Interpolate, Logit, Response, Standing, responses
from ._sweeps import Weighted, by_group_sums, dissimilarity_of
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import choice, fail, fail_type, listing
from .cross_validation import Ends
from .opportunity import Cells, Opportunity
from .stability import Refit, refit
from .transfers import Transfers
from .tree import OpportunityTree

FEW_MOVERS, MANY_NEAR = 50, 0.1  # cases that change class, and the share of people near a cut
ENDS = ("furthest_behind", "furthest_ahead", "gap")
CROSS_VALIDATED = "cross-validated"


@dataclass(frozen=True, eq=False)
class GroupAccess:
    """An opportunity's groups, before and after, by every answer: a statistic prepared for evaluation.

    Values, for each scenario of the first answer: access; access by group; dissimilarity between groups; access of the
    groups furthest behind and ahead, and the gap between them. Then, of every other answer, the first three, before and
    after. Last, the ends before as cross-validation has them: they vary as the groups held fixed do, about a value of
    their own.
    """

    rows: tuple[Row, ...]
    sums: ClassTotals
    responses: tuple[Response, ...]
    shares: tuple[float, ...]
    group: CodeArray  # of every (domain, band)
    groups: int
    barrier: bool
    behind: int
    ahead: int
    shift: FloatArray  # (3,) from the ends as found to the cross-validated ones; empty without these
    first: int = 0  # of the values that are wanted

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        found = self._found(block)[self.first :]
        first = self.groups + 2  # after access, that by group, and dissimilarity
        return np.concatenate([found, found[first : first + len(self.shift)] + self.shift[:, None]])

    def _found(self, block: Block) -> FloatArray:
        """Return the values of the groups as found."""
        cuts = block.cuts(self.shares)
        cells = np.ascontiguousarray(block.totals(self.sums, self.shares))
        groups = by_group_sums(np.ascontiguousarray(cells[:, :2]), self.group, self.groups)
        before = self._scenario(groups)
        values, short = list(before), len(before) - len(ENDS)
        standing = Standing(block, cuts, cells, groups)
        for i, response in enumerate(self.responses):
            # What each group gains, from those who move: nobody moves, and nothing changes to the last bit.
            after = groups.copy()
            after[:, 1] += response.gained(standing)
            made = self._scenario(after)
            values += made if i == 0 else [*before[:short], *made[:short]]
        return np.stack(values)

    def _scenario(self, groups: FloatArray) -> list[FloatArray]:
        """Return the values of one scenario from sums (groups, 2, replicates)."""
        weight, access = groups[0].copy()
        for leaf in range(1, self.groups):
            weight += groups[leaf, 0]
            access += groups[leaf, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate, of_all = groups[:, 1] / groups[:, 0], access / weight
        gap = rate[self.ahead] - rate[self.behind]
        return [
            of_all,
            *rate,
            dissimilarity_of(self._access(groups))[2],
            rate[self.behind],
            rate[self.ahead],
            -gap if self.barrier else gap,
        ]

    def _access(self, sums: FloatArray) -> FloatArray:
        """Return sums with access, which of a barrier is its absence."""
        if not self.barrier:
            return np.ascontiguousarray(sums)
        return np.ascontiguousarray(np.stack([sums[:, 0], sums[:, 0] - sums[:, 1]], axis=1))


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a tree on an opportunity, from the furthest behind to the furthest ahead."""

    labels: tuple[str, ...]
    of_cell: CodeArray
    n: LongArray
    weight: FloatArray
    behind: int
    ahead: int
    barrier: bool
    rate: FloatArray
    picked: bool  # whether the ends are at the ends because of these very rates

    @property
    def ends(self) -> Ends:
        """What the ends show as found."""
        return Ends.of(float(self.rate[self.behind]), float(self.rate[self.ahead]), self.barrier)


def groups_of(cells: Cells, tree: OpportunityTree, cuts: FloatArray, *, picked: bool = True) -> Groups:
    """Return a fitted tree's groups in the order of their standing: a barrier's highest rate is furthest behind.

    ``picked`` says that the tree was grown on these cells. If it was grown on others, standing is what it was there.
    """
    frame = tree.groups_
    standing = np.arange(len(frame))
    if cells.opportunity.kind == "barrier":
        found, share = frame["rate"].to_numpy(), frame["share"].to_numpy()
        standing = np.array(sorted(standing, key=lambda g: (-found[g], -share[g])))
    position = np.empty(len(standing), dtype=np.int32)
    position[standing] = np.arange(len(standing))
    of_cell = position[tree.group_of(cells.codes)]
    row_group = of_cell[cells.domain * cells.bands + cells.band(cuts)]
    weight: FloatArray = np.bincount(row_group, cells.weight, len(standing)).astype(np.float64)
    with np.errstate(invalid="ignore"):  # of nobody, where the tree was grown on others
        rate: FloatArray = np.bincount(row_group, cells.weight * cells.outcome, len(standing)) / weight
    if picked:
        good = -rate if cells.opportunity.kind == "barrier" else rate
        ahead = max(range(len(standing)), key=lambda g: (good[g], weight[g]))
    else:
        good = frame["rate"].to_numpy()[standing] * (-1 if cells.opportunity.kind == "barrier" else 1)
        ahead = max(range(len(standing)), key=lambda g: (good[g], frame["share"].to_numpy()[standing][g]))
    return Groups(
        tuple(frame["label"].to_numpy()[standing]),
        of_cell,
        np.bincount(row_group[cells.weight > 0], minlength=len(standing)).astype(np.int64),
        weight,
        0,
        ahead,
        cells.opportunity.kind == "barrier",
        rate,
        picked,
    )


def group_access(
    full: FullSample,
    cells: Cells,
    groups: Groups,
    cuts: FloatArray,
    transfers: Transfers | None,
    honest: Ends | None = None,
    *,
    effects: tuple[str, ...] = EFFECTS[:1],
    monotone: bool = False,
    trees: Refit | None = None,
    names: tuple[str, ...] = ("",),
) -> GroupAccess:
    """Prepare an opportunity's groups before a transfer, and after it if there is one.

    ``honest`` are its ends; ``trees`` those that effect "refit" grows. ``names`` are what the first of ``effects`` are
    called in the figures' param, the others by their own.
    """
    answers: tuple[Response, ...] = ()
    if transfers is not None:
        leaves = len(groups.labels)
        answers = responses(full, cells, groups.of_cell, leaves, transfers, effects, monotone, trees)
    sums = cells.totals(full)
    if answers and "interpolate" in effects:
        sums = replace(sums, columns=[*Weighted.of(sums.columns).given, cells.weight * cells.welfare])
    called = [*names, *effects[len(names) :]]
    rows, shift = _rows(cells, groups, cuts, called, answers), np.empty(0)
    if honest is not None:
        shift = honest.shift(groups.ends)
        rows = *rows, *_cross_validated(rows, shift)
    return GroupAccess(
        rows,
        sums,
        answers,
        cells.shares,
        groups.of_cell,
        len(groups.labels),
        cells.opportunity.kind == "barrier",
        groups.behind,
        groups.ahead,
        shift,
    )


def hinges_on_the_cut(full: FullSample, cells: Cells, errors: FloatArray, transfers: Transfers) -> bool:
    """Return whether what a transfer changes rests on few, or on where exactly classes are cut.

    Either fewer than 50 cases change class, or after the transfer more than 10 % of people are within two standard
    errors of a cut: the change is then far from normal over samples, and its interval a rough guide.
    """
    survey, after = full.survey, transfers.welfare_after  # as they are in the full sample
    if not cells.shares or after is None or survey.welfare is None or np.array_equal(after, survey.welfare, True):
        return False
    cuts = full.cuts(cells.shares)[:, 0]
    moved = np.searchsorted(cuts, after[cells.household], side="left") != cells.band(cuts)
    if (moved & (cells.weight > 0)).sum() < FEW_MOVERS:
        return True
    near = (np.abs(after[:, None] - cuts) <= 2 * errors).any(axis=1)
    return bool(survey.people[near].sum() > MANY_NEAR * survey.people[survey.welfare_known].sum())


def check_effects(effect: str | Sequence[str]) -> tuple[str, ...]:
    """Return the effects that are asked for, each once, the main one first."""
    given = (effect,) if isinstance(effect, str) else effect
    named = listing(given, str, "effect", "Write effect=['reroute', 'logit'].")
    if not named:
        fail("There must be an effect", "none came", "Write effect='reroute'.")
    for name in named:
        choice(name, EFFECTS, "effect")
    return tuple(dict.fromkeys(named))


def effect_of(param: str, main: str) -> str:
    """Return by which effect a figure of groups is told, of which the param names all but the main."""
    return next((name for name in EFFECTS if name in param.split(", ")), main)


def _rows(
    cells: Cells, groups: Groups, cuts: FloatArray, names: Sequence[str], answers: Sequence[Response]
) -> tuple[Row, ...]:
    """Name the values that ``GroupAccess.evaluate`` returns, in its order."""
    opportunity = cells.opportunity
    row_group = groups.of_cell[cells.domain * cells.bands + cells.band(cuts)]
    dfs, effectives = cells.rests_on(row_group, len(groups.labels))
    (df,), (effective,) = cells.rests_on(np.zeros_like(row_group), 1)
    everybody = Row("", opportunity.name, n=cells.cases, df=int(df), effective=float(effective))
    of_group = [
        Row("", opportunity.name, n=int(n), df=int(df), effective=float(effective))
        for n, df, effective in zip(groups.n, dfs, effectives, strict=True)
    ]
    extreme = {groups.behind, groups.ahead} if groups.picked and len(groups.labels) > 1 else set()

    def scenario(which: str, name: str, separated: bool, linear: bool) -> list[Row]:
        param = ", ".join(part for part in (opportunity.param, name) if part)
        rate = "t" if linear and which == "after" else "logit"  # what is added to a rate may lift it above 1
        rows = [replace(everybody, statistic="access", param=param, scenario=which, scale=rate)]
        for g, label in enumerate(groups.labels):
            scale, flag = ("none", "biased") if g in extreme else (rate, "")
            found = replace(of_group[g], statistic="access", param=param, scenario=which, by="group", level=label)
            rows.append(replace(found, scale=scale, flag=flag))
        biased: dict[str, Any] = {"scenario": which, "scale": "none", "flag": "biased"}
        between = cells.index_of(", ".join(part for part in ("groups", name) if part))
        rows.append(replace(everybody, statistic="d_index", param=between, **biased))
        plain: dict[str, Any] = {"scenario": which}
        end, difference = (biased, biased) if groups.picked else ({**plain, "scale": rate}, plain)
        rows.append(replace(of_group[groups.behind], statistic="furthest_behind", param=param, **end))
        rows.append(replace(of_group[groups.ahead], statistic="furthest_ahead", param=param, **end))
        # The gap rests on the groups at both ends: where one is too small to be published, so is what would tell it.
        ends = [of_group[groups.behind], of_group[groups.ahead]]
        least, fewest = min(row.n or 0 for row in ends), min(row.df for row in ends)
        rows.append(replace(ends[0], statistic="gap", param=param, n=least, df=fewest, effective=0.0, **difference))
        if not separated:
            return rows
        return [replace(row, flag=";".join(part for part in (row.flag, "separated") if part)) for row in rows]

    made = scenario("before", names[0], False, False)
    for i, (name, answer) in enumerate(zip(names, answers, strict=len(answers) > 0)):
        kept = None if i == 0 else -len(ENDS)
        if i:
            made += scenario("before", name, False, False)[:kept]
        made += scenario("after", name, answer.separated, isinstance(answer, (Interpolate, Logit)))[:kept]
    return tuple(made)


def _cross_validated(rows: tuple[Row, ...], shift: FloatArray) -> tuple[Row, ...]:
    """Name the cross-validated ends after the ends as found.

    Their interval is CV +- t sqrt(SE^2 + ((found - CV) / 2)^2), SE that of the groups held fixed: half of what chance
    seems to have added is what cross-validation may be off by itself.
    """
    found = [next(row for row in rows if (row.statistic, row.scenario) == (name, "before")) for name in ENDS]
    return tuple(
        replace(
            row,
            param=f"{row.param}, {CROSS_VALIDATED}" if row.param else CROSS_VALIDATED,
            scale="t",
            flag="",
            doubt=abs(off) / 2,
        )
        for row, off in zip(found, shift.tolist(), strict=True)
    )


@dataclass(frozen=True)
class AccessAfter(Statistic):
    """Access to an opportunity before and after a transfer, among the groups of before.

    Rows ``access`` of everybody and by group, ``d_index`` between groups, ``furthest_behind``, ``furthest_ahead`` and
    ``gap``, as ``assess`` has them; the effect ends their param. The ends are those of the full sample, picked for
    their rates, and have no interval: ``assess`` tells what a new sample would show.

    Parameters
    ----------
    opportunity : Opportunity
    effect : {"reroute", "interpolate", "logit", "refit"}, default "reroute"
        How access responds, as in ``assess``.
    monotone : bool, default False
        Whether nobody's access may worsen.
    tree : OpportunityTree, default OpportunityTree()
        Rule by which groups are found. Its cp is a number or None.

    Raises
    ------
    InputError
        If there is no such effect; or, by a logit, welfare of 0 or below.

    References
    ----------
    See ``assess``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=800)
    >>> fuel = sp.Opportunity("clean fuel", outcome="cook_fuel in ('Electricity', 'Gas')",
    ...                       circumstances=["bottom40", "urbrur"])
    >>> paid = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    >>> asked = [sp.AccessAfter(fuel), sp.AccessAfter(fuel, "logit")]
    >>> frame = sp.estimate(survey, asked, {"after": paid}, replicates=sp.Bootstrap(50)).frame()
    >>> changes = frame.query("statistic == 'access' and by == 'all' and scenario == 'change'")
    >>> changes.param.tolist(), bool((changes.value > 0).all())
    (['reroute', 'logit'], True)

    >>> sp.AccessAfter(fuel, "regression")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: effect must be one of 'reroute', 'interpolate', 'logit', 'refit', but it is 'regression'. ...
    """

    opportunity: Opportunity
    effect: str = "reroute"
    monotone: bool = False
    tree: OpportunityTree | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.opportunity, Opportunity):
            fail_type("AccessAfter takes an Opportunity", self.opportunity, "Build it with Opportunity(...).")
        choice(self.effect, EFFECTS, "effect")
        if not isinstance(self.monotone, bool):
            fail_type("monotone must be True or False", self.monotone, "Pass one of them.")
        if self.tree is not None and not isinstance(self.tree, OpportunityTree):
            fail_type("tree must be an OpportunityTree", self.tree, "Pass OpportunityTree(...).")
        if self.tree is not None and isinstance(self.tree.cp, str):
            fail(
                "The tree of AccessAfter must have a cp that is a number or None",
                f"it is {self.tree.cp!r}",
                "Let assess() choose it, and pass the cp_ of its tree.",
            )

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return access of everybody and of the groups in a scenario: split by nothing else."""
        if by:
            return []
        cells = self.opportunity.prepare(full.survey)
        cuts = full.cuts(cells.shares)[:, 0]
        rule = OpportunityTree() if self.tree is None else self.tree
        tree = type(rule)(**rule.get_params()).fit_cells(cells.circumstances, cells.codes, cells.sums(cuts))
        trees = None
        if self.effect == "refit" and scenario.transfers is not None:
            trees = refit(full, cells, tree.rule(), cuts)
        made = group_access(
            full,
            cells,
            groups_of(cells, tree, cuts),
            cuts,
            scenario.transfers,
            effects=(self.effect,),
            monotone=self.monotone,
            trees=trees,
            names=(self.effect,),
        )
        if scenario.transfers is None:
            return [made]
        first = len(made.rows) // 2
        rows = tuple(replace(row, scenario=scenario.name) for row in made.rows[first:])
        return [replace(made, rows=rows, first=first)]
