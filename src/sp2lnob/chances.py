"""How unequal chances are, on a survey: the Human Opportunity Index, and what each circumstance has to do with it.

``estimate`` evaluates them as it does all statistics: logits are fitted anew, and classes of welfare cut anew, in every
replicate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from ._bayes import SHRUNKEN, SampledRows, Shrinkage
from ._cells import combine
from ._corrected import Alone, Part, levels_in, moments_in, sampled_of
from ._cuts import CellMoments, ClassTotals
from ._domains import Block, Domain, FullSample, Row, Rows, domain_of
from ._logit import MainEffects
from ._prepared import Asked, Scenario, Statistic
from ._sweeps import by_group_sums
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import choice, fail, fail_type
from .decomposition import METHODS as SHAPLEY_METHODS, Coalitions, Game, players_of, sizes_of
from .human_opportunity import METHODS as HOI_METHODS, index_of
from .opportunity import Cells, Opportunity
from .statistics import known_in


@dataclass(frozen=True)
class HumanOpportunity(Statistic):
    """Human Opportunity Index of an opportunity: coverage, less what goes by circumstance.

    Parameters
    ----------
    opportunity : Opportunity
        Of access.
    method : {"logit", "cells", "geometric"}, default "logit"
        Of the rates of a main-effects logit; of all combinations of circumstances, which is too low where they are
        small, and has no interval; or the geometric mean of the logit's rates.

    Raises
    ------
    InputError
        If the opportunity is a barrier, or the method is not known.

    Notes
    -----
    A replicate in which nobody has access has an index of 0. "separated": some circumstance settles the outcome, and
    the logit's rates are a limit; a geometric index may then be 0, without an interval.

    References
    ----------
    See ``human_opportunity_index``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> internet = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur", "head_educ"])
    >>> frame = sp.estimate(survey, [sp.HumanOpportunity(internet)], replicates=sp.Bootstrap(50)).frame()
    >>> frame.statistic[0], frame.param[0], bool(0 < frame.ci_low[0] < frame.value[0] < frame.ci_high[0] < 1)
    ('hoi', 'logit', True)

    A barrier:

    >>> sp.HumanOpportunity(sp.Opportunity("no internet", "internet == 0", circumstances=["urbrur"], kind="barrier"))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: HumanOpportunity must be of access, but 'no internet' is a barrier. Pass the index of its ...
    """

    opportunity: Opportunity
    method: str = "logit"

    def __post_init__(self) -> None:
        _check_access(self, self.opportunity)
        choice(self.method, HOI_METHODS, "method")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the index before."""
        if not scenario.before:
            return []
        cells = known_in(self.opportunity.prepare(full.survey), full.survey, by)
        return prepare_human_opportunity(cells, scenario.name, by, full, self.method)


def prepare_human_opportunity(
    cells: Cells, scenario: str, by: tuple[str, ...], full: FullSample, method: str = "logit"
) -> list[Asked]:
    """Return the index of an opportunity's cells, of which a barrier has that of its absence."""
    layout = Layout.of(cells, by, full)
    biased = method == "cells"
    row = Row(
        "hoi",
        cells.opportunity.name,
        cells.index_of(method),
        scale="none" if biased else "logit",
        flag="biased" * biased,
    )
    named, parts = [], []
    for own, (codes, place, sums) in zip(
        layout.domain.named([row], scenario, means=True), layout.levels(full), strict=True
    ):
        logit = None if biased else MainEffects(codes, layout.counts)
        fitted = None if logit is None else logit.fit(sums)
        separated = fitted is not None and bool(fitted.separated[0])
        coverage, _, hoi = index_of(sums, fitted, method)[0][:, 0]
        effective = _effective(own.effective, coverage, hoi, method)
        named.append(replace(own, effective=effective, flag="separated" if separated else own.flag))
        parts.append((place, logit, None if fitted is None else fitted.coefficients[:, 0].copy()))
    return [PreparedHumanOpportunity(tuple(named), layout.sums, layout.shares, tuple(parts), method)]


def _effective(psus: float, coverage: float, hoi: float, method: str) -> float:
    """Return how many PSUs tell how far an index of 0 or 1 may be from it; 0: none can.

    Where nobody has access, no index is above the coverage, whose limit from m PSUs is 1 - (1 - level)^(1/m). Where all
    have, C (1 - D) is not below C^2, as D is at most 1 - C: its limit is the square, that of half as many PSUs. The
    geometric index has no limit there, nor where one rate of 0 among others makes it 0.
    """
    if method == "geometric":
        return psus if coverage == 0 else 0.0
    return psus / 2 if hoi == 1 else psus


@dataclass(frozen=True, eq=False)
class PreparedHumanOpportunity:
    """The index on its sums: of every level, the places of its cells, its logit, and where that starts."""

    rows: tuple[Row, ...]
    sums: ClassTotals
    shares: tuple[float, ...]
    parts: tuple[tuple[LongArray, MainEffects | None, FloatArray | None], ...]
    method: str

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        sums = block.totals(self.sums, self.shares)
        values = []
        for place, logit, start in self.parts:
            own = np.ascontiguousarray(sums[place])
            fitted = None if logit is None else logit.fit(own, start)
            values.append(index_of(own, fitted, self.method)[0][2])
        return np.stack(values)


@dataclass(frozen=True)
class Shapley(Statistic):
    """What each circumstance adds to the dissimilarity index of an opportunity: Shapley shares, which add up to it.

    Rows ``shapley``, one a circumstance or group in ``param``, with ", cells", ", logit" or ", fixed" after it where
    the method is not the default. They add up to the ``d_index`` of the same method, and may be below 0. "separated":
    some circumstance settles the outcome, and the rates of a logit are a limit.

    Parameters
    ----------
    opportunity : Opportunity
        Of access.
    method : {"empirical-bayes", "cells", "logit", "fixed"}, default "empirical-bayes"
        Of which index; "cells" counts noise as difference, and has no interval.
    groups : mapping of str to sequence of str, default None
        Circumstances that come and go together, by the name of the group.
    permutations : int, even, 2 or more, default None
        Orders to be drawn, where there are more than 12 circumstances or groups. None: all.
    seed : int, default 1
        Of the orders, which are the same in all replicates.

    Raises
    ------
    InputError
        If the opportunity is a barrier, a name or the method is not known, or there are too many circumstances.

    References
    ----------
    See ``shapley``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> internet = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur", "head_educ"])
    >>> frame = sp.estimate(survey, [sp.Shapley(internet, method="logit")], replicates=sp.Bootstrap(50)).frame()
    >>> frame.param.tolist()
    ['urbrur, logit', 'head_educ, logit']

    A group of all circumstances has all of the index:

    >>> sp.Shapley(internet, groups={"everything": ["urbrur", "head_educ"]}).names
    ('everything',)
    """

    opportunity: Opportunity
    method: str = "empirical-bayes"
    groups: Mapping[str, Sequence[str]] | None = None
    permutations: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        _check_access(self, self.opportunity)
        choice(self.method, SHAPLEY_METHODS, "method")
        Game.of([1] * len(self.names), self.permutations, self.seed)

    @property
    def names(self) -> tuple[str, ...]:
        """Circumstances and groups, in the order of their first."""
        return players_of(self.opportunity.circumstances, self.groups)[0]

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the shares before."""
        if not scenario.before:
            return []
        cells = known_in(self.opportunity.prepare(full.survey), full.survey, by)
        return prepare_shapley(
            cells,
            scenario.name,
            by,
            full,
            self.method,
            groups=self.groups,
            permutations=self.permutations,
            seed=self.seed,
        )


def prepare_shapley(
    cells: Cells,
    scenario: str,
    by: tuple[str, ...],
    full: FullSample,
    method: str = SHAPLEY_METHODS[0],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    permutations: int | None = None,
    seed: int = 1,
) -> list[Asked]:
    """Return the shares of an opportunity's cells, of which a barrier has those of its absence."""
    names, players = players_of([circumstance.name for circumstance in cells.circumstances], groups)
    layout = Layout.of(cells, by, full)
    game = Game.of(sizes_of(players, layout.counts), permutations, seed)
    corrected, biased = method == "empirical-bayes", method == "cells"
    rows = layout.domain.named(
        [
            Row(
                "shapley",
                cells.opportunity.name,
                cells.index_of(name if corrected else f"{name}, {method}"),
                scale="none" if biased else "t",
                flag="biased" if biased else "",
            )
            for name in names
        ],
        scenario,
    )
    if corrected:
        members = [sorted(i for a, own in enumerate(players) if mask >> a & 1 for i in own) for mask in game.masks]
        split = len(layout.combinations)
        sampled, finest = sampled_of(cells, by, layout.domain, layout.shares, layout.both, split)
        coarsening = Coarsening(layout, full, sampled, finest, (cells, by))
        return [PreparedShapley(rows, game, finest, layout.shares, tuple(map(coarsening.corrected, members)))]
    parts = tuple(
        (place, Coalitions.of(codes, layout.counts, players, game.masks, method, sums))
        for codes, place, sums in layout.levels(full)
    )
    settled = np.repeat([coalitions.separated for _, coalitions in parts], len(names))
    rows = tuple(replace(row, flag="separated") if of else row for row, of in zip(rows, settled, strict=True))
    return [PreparedCoalitions(rows, game, layout.sums, layout.shares, parts)]


@dataclass(frozen=True, eq=False)
class PreparedCoalitions:
    """Shares of an index that sums of cells give: of every level, the places of its cells, and its coalitions."""

    rows: tuple[Row, ...]
    game: Game
    sums: ClassTotals
    shares: tuple[float, ...]
    parts: tuple[tuple[LongArray, Coalitions], ...]

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        sums = block.totals(self.sums, self.shares)
        return np.concatenate(
            [
                self.game.shares(coalitions.evaluate(np.ascontiguousarray(sums[place])))
                for place, coalitions in self.parts
            ]
        )


@dataclass(frozen=True, eq=False)
class Corrected:
    """The empirical-Bayes index between cells of some circumstances, at every level of a domain."""

    cells: "Coarser"
    parts: tuple[Part | Alone, ...]

    def evaluate(self, block: Block, finest: FloatArray) -> FloatArray:
        """Return values of shape (levels, replicates), of the moments of the finest cells."""
        moments = self.cells.moments(block, finest)
        return np.concatenate([part.evaluate(moments, block) for part in self.parts])


@dataclass(frozen=True, eq=False)
class Coarser:
    """Cells of some circumstances, made of the finest, which are of all.

    Attributes
    ----------
    group : ndarray of shape (finest cells,), int32, or None
        The cell of each of the finest; None: they are the same.
    number : int
        Of the cells.
    within : CellMoments or None
        Cells that no PSU has more of than these, though they may be finer: the squares of weights by PSU come from
        them. None: the finest are such.
    joined : ndarray of shape (cells of within,), int32, or None
        The cell of each of those; None: they are the same.
    """

    group: CodeArray | None
    number: int
    within: CellMoments | None
    joined: CodeArray | None
    shares: tuple[float, ...]

    def moments(self, block: Block, finest: FloatArray) -> FloatArray:
        """Return moments of shape (cells, 4, replicates)."""
        if self.group is None:
            return finest
        found, within = by_group_sums(finest, self.group, self.number), self.within
        if within is not None:
            cuts = block.cuts(self.shares)
            squares = block.once((Coarser, within), lambda: within.of_psus(block.factors, cuts, block.squares))
            if self.joined is not None:
                squares = by_group_sums(np.ascontiguousarray(squares[:, None]), self.joined, self.number)[:, 0]
            found[:, 3] = squares
        return found


@dataclass(frozen=True, eq=False)
class PreparedShapley:
    """Shares of the empirical-Bayes index, which every coalition has of its own."""

    rows: tuple[Row, ...]
    game: Game
    finest: CellMoments
    shares: tuple[float, ...]
    indices: tuple[Corrected, ...]

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        finest = moments_in(block, self.finest, self.shares)
        values = np.stack([index.evaluate(block, finest) for index in self.indices])
        return np.concatenate([self.game.shares(values[:, level]) for level in range(values.shape[1])])


@dataclass(frozen=True, eq=False)
class Layout:
    """The rows of an opportunity by a domain's levels, and its cells within them.

    Attributes
    ----------
    shares : tuple of float
        Where welfare is cut, for the domain and the circumstances together.
    combinations : ndarray of shape (combinations, 2), int32
        Fixed level, and domain of the cells.
    both : ndarray of shape (rows,), int32
        Combination of each row.
    """

    cells: Cells
    rows: Rows
    domain: Domain
    shares: tuple[float, ...]
    combinations: CodeArray
    both: CodeArray
    sums: ClassTotals

    @classmethod
    def of(cls, cells: Cells, by: tuple[str, ...], full: FullSample) -> "Layout":
        """Split cells by some columns; those of a barrier count its absence."""
        rows = full.rows(cells.opportunity.unit, cells.index, cells.household, cells.weight)
        made = cls.among(replace(cells, outcome=cells.counted(absence=True)), rows, domain_of(rows, by))
        alike = cells.opportunity.kind == "access" and made.shares == cells.shares
        if alike and np.array_equal(made.both, cells.domain) and len(made.combinations) == len(cells.domains):
            return replace(made, sums=cells.totals(full))
        return made

    @classmethod
    def among(cls, cells: Cells, rows: Rows, domain: Domain) -> "Layout":
        """Combine a domain's levels with cells. Where either cuts welfare, bands lie between the cuts of both."""
        shares = tuple(sorted({*cells.shares, *domain.shares}))
        combinations, both = combine([domain.fixed, cells.domain], [domain.fixed_levels, len(cells.domains)])
        sums = ClassTotals(
            (cells.weight, cells.weight * cells.outcome),
            rows.factor,
            both,
            len(combinations),
            domain.welfare if domain.shares else cells.welfare,
            rows.full.margins(shares),
        )
        return cls(cells, rows, domain, shares, combinations, both, sums)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of levels of each circumstance."""
        return tuple(circumstance.levels for circumstance in self.cells.circumstances)

    @property
    def codes(self) -> CodeArray:
        """Level of each circumstance in every (combination, band)."""
        return self.cells.codes_of(self.cells.domains[self.combinations[:, 1]], self.shares)

    @property
    def level(self) -> CodeArray:
        """The domain's level of every (combination, band)."""
        return levels_in(self.domain, self.combinations, self.shares)

    def levels(self, full: FullSample) -> Iterator[tuple[CodeArray, LongArray, FloatArray]]:
        """Yield the codes of every level's cells, their places among all, and their sums in the full sample."""
        codes, level = self.codes, self.level
        sums = full.totals(self.sums, self.shares)
        for i in range(len(self.domain.labels)):
            place = np.flatnonzero(level == i)
            yield codes[place], place, np.ascontiguousarray(sums[place])

    def some(self, members: Sequence[int]) -> "Layout":
        """Return the layout of some of the circumstances."""
        if len(members) == len(self.cells.circumstances):
            return self
        cells = self.cells
        kept = tuple(cells.circumstances[i] for i in members)
        names = {circumstance.name for circumstance in kept}
        classes = tuple(cls for cls in cells.classes if cls.name in names)
        domains, group = combine([cells.domains[:, i] for i in members], [c.levels for c in kept])
        fewer = replace(
            cells,
            circumstances=kept,
            domains=domains,
            domain=group[cells.domain],
            shares=tuple(sorted({share for cls in classes for share in cls.shares})),
            classes=classes,
        )
        return Layout.among(fewer, self.rows, self.domain)

    def group(self, coarser: "Layout") -> CodeArray:
        """Return the cell of a coarser layout in which each (combination, band) lies."""
        first = np.zeros(len(self.combinations), dtype=np.int64)
        first[self.both] = np.arange(len(self.both))  # any row of each
        band = np.searchsorted(coarser.shares, np.r_[0.0, self.shares], side="right")
        return (coarser.both[first, None] * (len(coarser.shares) + 1) + band).ravel().astype(np.int32)


@dataclass(frozen=True, eq=False)
class Coarsening:
    """Makes cells of some circumstances from those of all, and keeps what several of them need.

    Attributes
    ----------
    asked : tuple
        Cells and columns, by which others know what is made here.
    """

    layout: Layout
    full: FullSample
    sampled: SampledRows
    finest: CellMoments
    asked: tuple[Cells, tuple[str, ...]]
    psus: dict[int, CellMoments] = field(default_factory=dict)  # the rows of each level by PSU
    withins: dict[tuple[int, ...], tuple[Layout, CellMoments]] = field(default_factory=dict)

    @cached_property
    def of_psus(self) -> tuple[int, ...]:
        """Circumstances that all rows of a PSU share: with them or without, its rows lie in the same cells."""
        cells, psu = self.layout.cells, self.sampled.psu
        names, found = {cls.name for cls in cells.classes}, []
        for i, circumstance in enumerate(cells.circumstances):
            code = cells.domains[cells.domain, i]
            of_psu = np.zeros(int(psu.max(initial=0)) + 1, dtype=np.int32)
            of_psu[psu] = code
            if circumstance.name not in names and (of_psu[psu] == code).all():
                found.append(i)
        return tuple(found)

    def cut(self, some: Layout) -> SampledRows:
        """Return the rows, cut where a layout is."""
        welfare = self.sampled.welfare if some.shares else None
        return replace(self.sampled, welfare=welfare, margins=self.full.margins(some.shares))

    def by_psu(self, level: int) -> CellMoments:
        """Return the rows of a level by PSU, made once for all who ask."""
        if level not in self.psus:
            inside = np.flatnonzero(self.layout.domain.level == level)
            own = self.sampled if len(inside) == len(self.sampled.psu) else self.sampled.among(inside)
            self.psus[level] = own.by_psu()
        return self.psus[level]

    def coarser(self, members: Sequence[int], some: Layout) -> Coarser:
        """Return how the cells of some circumstances are made."""
        number = len(some.combinations) * (len(some.shares) + 1)
        if some is self.layout:
            return Coarser(None, number, None, None, some.shares)
        group, wider = self.layout.group(some), tuple(sorted({*members, *self.of_psus}))
        if len(wider) == len(self.layout.cells.circumstances):
            return Coarser(group, number, None, None, some.shares)
        if wider not in self.withins:
            layout = some if len(wider) == len(members) else self.layout.some(wider)
            self.withins[wider] = layout, self.cut(layout).moments(layout.both, len(layout.combinations))
        layout, within = self.withins[wider]
        return Coarser(group, number, within, None if len(wider) == len(members) else layout.group(some), some.shares)

    def corrected(self, members: Sequence[int]) -> Corrected:
        """Prepare the empirical-Bayes index between cells of some circumstances, at every level."""
        full, some, domain = self.full, self.layout.some(members), self.layout.domain
        cells, codes, level = self.coarser(members, some), some.codes, some.level
        whole = cells.moments(full, moments_in(full, self.finest, self.layout.shares))
        # The rows themselves, in whatever coalition: one without effect then has a share of 0 to the last bit.
        rows = self.sampled if some is self.layout else self.cut(some)
        cell = rows.cell(some.both, full.cuts(some.shares)[:, 0])
        parts: list[Part | Alone] = []
        for i in range(len(domain.labels)):
            here, inside = np.flatnonzero(level == i), np.flatnonzero(level[cell] == i)
            number = np.zeros(len(level), dtype=np.int64)
            number[here] = np.arange(len(here))
            of_level = np.ascontiguousarray(whole[here])
            if (of_level[:, 0, 0] > 0).sum() < 2:
                parts.append(Alone(here))
                continue
            own = rows if len(inside) == len(cell) else rows.among(inside)
            make = partial(Shrinkage.of, own, number[cell[inside]], codes[here], some.counts, of_level, self.by_psu(i))
            shrinkage = full.once((Shrinkage, *self.asked, i), make) if some is self.layout else make()
            value = shrinkage.evaluate(of_level, full.factors)[SHRUNKEN, 0]
            raised = np.array([[max(-value, 0.0) if np.isfinite(value) else 0.0]])
            parts.append(Part(shrinkage, None if len(domain.labels) == 1 else here, (SHRUNKEN,), raised))
        return Corrected(cells, tuple(parts))


def _check_access(statistic: Statistic, opportunity: object) -> None:
    """Raise unless it is an opportunity of access: of a barrier, its absence is another number."""
    what = type(statistic).__name__
    if not isinstance(opportunity, Opportunity):
        fail_type(f"{what} takes an Opportunity", opportunity, "Build it with Opportunity(...).")
    if opportunity.kind == "barrier":
        other = opportunity.complement()
        fail(
            f"{what} must be of access",
            f"{opportunity.name!r} is a barrier",
            f"Pass the index of its absence, opportunity.complement(): {other.name!r}, outcome {other.outcome!r}.",
        )
