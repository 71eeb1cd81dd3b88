"""Which scheme does how much of what a package does to poverty and inequality: Shapley shares over its schemes.

The value of a set of schemes is the change that these alone make. All sets are evaluated: 2^k - 1 of k schemes, each as
dear as the statistics on welfare after are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._domains import Block, FullSample, Row
from ._paid import in_order
from ._prepared import Asked, Prepared, Scenario, Statistic, joined
from ._typing import FloatArray
from ._validate import fail, fail_type, listing
from .decomposition import Game
from .economy import YEARLY
from .schemes import Package
from .statistics import Inequality, OfWelfare
from .transfers import PACKAGE, Transfers, simulate

MOST_SCHEMES = 10  # 1,023 sets
APART = ("unless", "replaces", "tops_up")  # fields by which what a scheme pays depends on others, or on what is paid


@dataclass(frozen=True)
class SchemeShapley(Statistic):
    """What each scheme of a package adds to its effect on poverty and inequality, on average over all orders of adding.

    Rows ``scheme_share``: ``of`` is the scheme, and "package" for the whole effect, after minus before, to which they
    add up; ``param`` is the measure. A scheme alone may do more or less than its share: once others have lifted a
    household over the line, the next one changes no headcount.

    Parameters
    ----------
    statistics : sequence of Poverty, Inequality, MeanWelfare
        The measures.

    Raises
    ------
    InputError
        If a statistic is of another kind, or the package has more than 10 schemes.

    Notes
    -----
    Where a scheme depends on others, by priority, or on existing benefits, each set of schemes is paid out anew;
    otherwise what a household is paid by a set is the sum of what each pays.

    References
    ----------
    Shorrocks, A. F. (2013). Decomposition procedures for distributional analysis: a unified framework based on the
    Shapley value. Journal of Economic Inequality 11, 99-126.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> child, old = sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(30, "month"))
    >>> after = sp.simulate(survey, sp.Package([child, old]))
    >>> gap = sp.Poverty(60.0, measures=["poverty_gap"])
    >>> est = sp.estimate(survey, [sp.SchemeShapley([gap])], {"after": after}, replicates=sp.Bootstrap(50))
    >>> [row.of for row in est.rows], bool(abs(est.value[:2].sum() - est.value[2]) < 1e-12)
    (['child benefit', 'old-age pension', 'package'], True)

    One scheme does it all:

    >>> alone = sp.simulate(survey, sp.Package([old]))
    >>> est = sp.estimate(survey, [sp.SchemeShapley([gap])], {"after": alone}, replicates=sp.Bootstrap(50))
    >>> bool(est.value[0] == est.value[1])
    True
    """

    statistics: Sequence[Statistic]

    def __post_init__(self) -> None:
        given = [self.statistics] if isinstance(self.statistics, Statistic) else self.statistics
        listed = listing(given, Statistic, "statistics", "List them: [Poverty(line=...), Inequality()].")
        for statistic in listed:
            if not isinstance(statistic, (OfWelfare, Inequality)):
                fail_type("Shares of schemes are of measures of welfare", statistic, "Use Poverty, Inequality.")
        if not listed:
            fail("Shares of schemes must be of some measure", "none came", "Name one: [Poverty(line=...)].")
        object.__setattr__(self, "statistics", listed)

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the shares of every scheme, and the whole effect."""
        transfers = scenario.transfers
        if transfers is None or scenario.survey.welfare is None:
            return []
        schemes = transfers.package.schemes
        if len(schemes) > MOST_SCHEMES:
            fail(
                f"Shapley shares take at most {MOST_SCHEMES} schemes",
                f"the package has {len(schemes)}",
                "Join schemes, or compare packages with and without one.",
            )
        game = Game.of([1] * len(schemes), None)
        every = [
            joined(made for statistic in self.statistics for made in statistic.prepare(of, by, full))
            for of in _coalitions(scenario, transfers, (*game.masks, 0))
        ]
        found = [row for prepared in every[0] for row in prepared.rows]
        names = (*(scheme.name for scheme in schemes), PACKAGE)
        rows = tuple(_named(row, name, scenario.name) for row in found for name in names)
        return [PreparedShares(rows, game, tuple(tuple(prepared) for prepared in every))]


@dataclass(frozen=True, eq=False)
class PreparedShares:
    """Measures of welfare after every set of schemes, that of none the last."""

    rows: tuple[Row, ...]
    game: Game
    sets: tuple[tuple[Prepared, ...], ...]

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates): of every measure the shares, then the whole."""
        values = np.stack([np.concatenate([one.evaluate(block) for one in prepared]) for prepared in self.sets])
        effects = values[:-1] - values[-1]
        made = np.zeros((effects.shape[1], self.game.players + 1, block.replicates))
        for weight, effect in zip(self.game.weight.T, effects, strict=True):  # in one order, as all sums are
            made[:, :-1] += weight[:, None] * effect[:, None]
        made[:, -1] = effects[0]
        return made.reshape(len(self.rows), block.replicates)


def refusal(transfers: Transfers) -> str:
    """Return why a package's schemes have no shares; "" where they have."""
    if transfers.outcomes is None:
        return ""
    if transfers.package.draws == "exact":
        return "draws are exact"
    return "one ranks, and one has unless, replaces or tops_up" if _apart(transfers.package) else ""


def _apart(package: Package) -> bool:
    """Return whether what some scheme pays depends on others, or on what is paid already."""
    return any(getattr(scheme, name, ()) for scheme in package.schemes for name in APART)


def _named(row: Row, scheme: str, scenario: str) -> Row:
    """Return what the share of a scheme in a measure is called."""
    measure = ", ".join(word for word in (row.statistic, row.of, row.param) if word)
    flag = row.flag if row.flag == "tail-sensitive" else ""
    return replace(
        row,
        statistic="scheme_share",
        of=scheme,
        param=measure,
        scenario=scenario,
        scale="t",
        falls=False,
        effective=0.0,
        flag=flag,
    )


def _coalitions(scenario: Scenario, transfers: Transfers, masks: Sequence[int]) -> Iterator[Scenario]:
    """Yield the scenario with some of its schemes alone, of each set of them as bits."""
    survey, package = transfers.survey, transfers.package
    assert survey.welfare is not None
    outcomes = transfers.outcomes
    home = np.arange(survey.n_households) if outcomes is None else outcomes.household
    before, sharing = survey.welfare[home], survey.sharing[home]
    paid = transfers.by_outcome("household") / (sharing * YEARLY[survey.welfare_period])[:, None] * package.mpc
    if reason := refusal(transfers):
        fail(
            "Shares of schemes need draws that are seeded, and schemes that do not give way where one ranks",
            reason,
            "Pass draws='seeded', or a target that is a threshold.",
        )
    everybody = (1 << len(package.schemes)) - 1
    for mask in masks:
        kept = [s for s in range(len(package.schemes)) if mask >> s & 1]
        # Of each set welfare is another, and so is its order; rows are the same, and what is said of all schemes.
        anew: dict[str, Any] = {"_ranked": {}, "_orderings": {}, "_welfare": {}}
        if mask == everybody:
            yield scenario
        elif not mask:
            yield replace(scenario, **anew, **({"transfers": None} if outcomes is None else {"instead": before}))
        elif _apart(package):
            yield replace(scenario, **anew, instead=_alone(transfers, kept))
        else:
            yield replace(scenario, **anew, instead=before + in_order(paid[:, s] for s in kept))


def _alone(transfers: Transfers, kept: Sequence[int]) -> FloatArray:
    """Return welfare after some schemes of a package, paid out anew: who gave way to one that is gone does no more."""
    schemes = [transfers.package.schemes[s] for s in kept]
    names = {scheme.name for scheme in schemes}
    freed = []
    for scheme in schemes:
        others = getattr(scheme, "unless", ())
        fewer: Any = {"unless": tuple(name for name in others if name in names)} if others else {}
        freed.append(replace(scheme, **fewer))
    made = simulate(transfers.survey, replace(transfers.package, schemes=freed), transfers.economy)
    assert made.welfare_after is not None
    return made.welfare_after
