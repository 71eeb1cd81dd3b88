"""Which circumstances dissimilarity goes by: Shapley shares over the coalitions of circumstances. Plain arrays in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import factorial, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ._bayes import SHRUNKEN, SampledRows, Shrinkage
from ._cells import combine
from ._kernels import _dissimilarity, _random
from ._logit import MainEffects, rates_of
from ._parallel import LANES
from ._sweeps import NO_CUTS, by_group_sums, dissimilarity_of, dissimilarity_of_rates
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import choice, fail, fail_if_unknown, listing, mapping, seed as check_seed, whole
from .human_opportunity import Sample, rows_of_psus

METHODS = ("empirical-bayes", "cells", "logit", "fixed")
MOST_PLAYERS = 12  # 4,095 coalitions
ROUNDING = 1e-12  # a share below it is what sums of values between 0 and 1 leave
PERMUTATION = 6  # purpose of random numbers, as in _kernels/_random.pxd


def shapley(
    access: npt.ArrayLike,
    circumstances: Any,
    weights: npt.ArrayLike,
    *,
    method: str = "empirical-bayes",
    groups: Mapping[str, Sequence[str]] | None = None,
    psu: Any = None,
    strata: Any = None,
    permutations: int | None = None,
    seed: int = 1,
) -> Any:
    """Shapley shares of the dissimilarity index: what each circumstance adds, on average over all orders of adding.

    With k circumstances, that of one is the sum over sets S of others of ``|S|! (k - |S| - 1)! / k!`` times
    ``D(S and it) - D(S)``, where D(S) is the index between groups by S alone, and 0 by none. The shares add up to D.

    Parameters
    ----------
    access : array_like of shape (n,), 0 or 1
    circumstances : frame of n rows, or dict of arrays
        A column for each: codes or labels.
    weights : array_like of shape (n,), 0 or more
    method : {"empirical-bayes", "cells", "logit", "fixed"}, default "empirical-bayes"
        Of which index. "empirical-bayes": of that between cells less what noise adds to it, of each S by itself.
        "cells": between cells as found, where noise counts: the more, the more levels a circumstance has. "logit": of
        a main-effects logit, estimated anew for each S. "fixed": of the logit of all circumstances, those outside S
        held at their weighted mean: the intercept and mean effects of the others, plus each row's own effects in S.
    groups : mapping of str to sequence of str, default None
        Circumstances that come and go together, by the name of the group. Others stand for themselves.
    psu, strata : array_like of shape (n,), default None
        Primary sampling unit and stratum of each row, for "empirical-bayes". None: every row is a PSU; one stratum.
    permutations : int, even, 2 or more, default None
        Orders to be drawn where there are too many for all, each with its reverse. None: all, up to 12 circumstances
        or groups.
    seed : int, default 1
        Of the orders.

    Returns
    -------
    Series
        By circumstance or group. With ``permutations``, its ``attrs["monte_carlo_error"]`` has the standard error that
        the drawing of orders leaves, in the same order. NaN where nobody has access.

    Raises
    ------
    InputError
        If there are more than 12 circumstances or groups, and ``permutations`` is None; a group names what is no
        circumstance, or two groups the same; or for the reasons that ``d_index`` has.

    References
    ----------
    Shorrocks, A. F. (2013). Decomposition procedures for distributional analysis: a unified framework based on the
    Shapley value. Journal of Economic Inequality 11, 99-126.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> access = [1, 1, 1, 0, 1, 0, 0, 0]
    >>> frame = {"place": ["urban"] * 4 + ["rural"] * 4, "sex": ["f", "f", "m", "m"] * 2}
    >>> sp.shapley(access, frame, [1] * 8, method="cells").round(4).to_dict()
    {'place': 0.125, 'sex': 0.125}
    >>> round(sp.d_index(access, frame, [1] * 8), 4)
    0.25

    One circumstance has all of it:

    >>> sp.shapley(access, {"place": frame["place"]}, [1] * 8, method="cells").to_dict()
    {'place': 0.25}
    """
    import pandas as pd

    choice(method, METHODS, "method")
    sample = Sample.of(access, circumstances, weights)
    names, players = players_of(sample.names, groups)
    levels = [len(labels) for labels in sample.labels]
    game = Game.of(sizes_of(players, levels), permutations, seed)
    if method == "empirical-bayes":
        unit, stratum = rows_of_psus(psu, strata, len(sample.weight))
        values = _corrected(sample, game, players, unit, stratum)
    else:
        values = Coalitions.of(sample.codes, levels, players, game.masks, method, sample.sums).whole
    made = pd.Series(game.shares(values[:, None])[:, 0], index=list(names), name="shapley")
    if permutations is not None:
        made.attrs["monte_carlo_error"] = game.errors(values).tolist()
    return made


def players_of(
    circumstances: Sequence[str], groups: Mapping[str, Sequence[str]] | None
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Return the names of players, and the positions of the circumstances of each, in the order of their first.

    Examples
    --------
    >>> players_of(["region", "sex", "urban"], {"place": ["region", "urban"]})
    (('place', 'sex'), ((0, 2), (1,)))
    """
    group_of: dict[str, str] = {}
    for group, members in mapping({} if groups is None else groups, "groups", "Write {'place': ['region']}.").items():
        for name in listing(members, str, f"Group {group!r}", "List names of circumstances."):
            fail_if_unknown(name, circumstances, f"A circumstance of group {group!r}")
            if name in group_of:
                fail(
                    "A circumstance must be in one group", f"{name!r} is in {group_of[name]!r} too", "Drop it from one."
                )
            group_of[name] = group
    players: dict[str, list[int]] = {}
    for i, name in enumerate(circumstances):
        player = group_of.get(name, name)
        if player == name and name in (groups or {}) and name not in group_of:
            fail("A group must have a name of its own", f"{name!r} is a circumstance outside it", "Rename the group.")
        players.setdefault(player, []).append(i)
    return tuple(players), tuple(tuple(members) for members in players.values())


def sizes_of(players: Sequence[Sequence[int]], levels: Sequence[int]) -> list[int]:
    """Return how many combinations of levels each player has."""
    return [prod(levels[i] for i in members) for members in players]


@dataclass(frozen=True, eq=False)
class Game:
    """Which coalitions are looked at, and what shares are made of their values.

    Attributes
    ----------
    players : int
    masks : tuple of int
        Coalitions, a bit a player; all players first.
    weight : ndarray of shape (players, masks)
    orders : ndarray of shape (permutations, players), or None
        Drawn orders of players; every other one is the reverse of the one before.
    """

    players: int
    masks: tuple[int, ...]
    weight: FloatArray
    orders: LongArray | None

    @classmethod
    def of(cls, sizes: Sequence[int], permutations: int | None, seed: int = 1) -> "Game":
        """Look at all coalitions of players of some sizes, or at those of permutations."""
        players = len(sizes)
        if permutations is None:
            if players > MOST_PLAYERS:
                fail(
                    f"Exact Shapley shares take at most {MOST_PLAYERS} circumstances or groups",
                    f"{players} came",
                    "Put some together with groups=, or draw orders with permutations=1000.",
                )
            masks = tuple(_downward(sorted(range(players), key=lambda player: -sizes[player])))
            weight = np.empty((players, len(masks)))
            share = [factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)]
            for m, mask in enumerate(masks):
                size = mask.bit_count()
                for a in range(players):
                    weight[a, m] = share[size - 1] if mask >> a & 1 else -share[size]
            return cls(players, masks, weight, None)
        if whole(permutations, "permutations", low=2) % 2:
            fail("permutations must be even", f"it is {permutations}", "Each order has its reverse beside it.")
        drawn = np.empty(permutations // 2 * players)
        _random.uniforms(check_seed(seed, "seed"), np.arange(len(drawn), dtype=np.uint64), 0, PERMUTATION, drawn)
        forth = np.argsort(drawn.reshape(-1, players), axis=1, kind="stable")
        orders = np.stack([forth, forth[:, ::-1]], axis=1).reshape(-1, players)
        everybody = (1 << players) - 1
        place: dict[int, int] = {everybody: 0}
        added: list[tuple[int, int, int]] = []
        for order in orders.tolist():
            mask = 0
            for player in order:
                before, mask = mask, mask | 1 << player
                added.append((player, place.setdefault(mask, len(place)), place[before] if before else -1))
        weight = np.zeros((players, len(place)))
        for player, with_it, without in added:
            weight[player, with_it] += 1
            if without >= 0:
                weight[player, without] -= 1
        return cls(players, tuple(place), weight / len(orders), orders)

    def shares(self, values: FloatArray) -> FloatArray:
        """Return shares of shape (players, replicates) of values of shape (masks, replicates)."""
        made = np.zeros((self.players, values.shape[1]))
        for weight, value in zip(
            self.weight.T, values, strict=True
        ):  # one after the other, so that sums have one order
            made += weight[:, None] * value
        return np.where(abs(made) < ROUNDING, 0.0, made)

    def errors(self, values: FloatArray) -> FloatArray:
        """Return the standard error of each share that drawn orders leave, from values of shape (masks,)."""
        assert self.orders is not None
        place = {mask: m for m, mask in enumerate(self.masks)}
        each = np.empty(self.orders.shape)
        for row, order in zip(each, self.orders.tolist(), strict=True):
            mask, before = 0, 0.0
            for player in order:
                mask |= 1 << player
                row[player] = values[place[mask]] - before
                before = values[place[mask]]
        pairs = each.reshape(-1, 2, self.players).mean(axis=1)
        if len(pairs) < 2:
            return np.full(self.players, np.nan)
        return np.asarray(pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs)))


def _downward(players: Sequence[int]) -> Iterator[int]:
    """Yield all coalitions but the empty one, a branch at a time: each after the one that has a player more.

    The player more is the last in order of those it lacks: where large ones come first, the smallest.
    """

    def below(mask: int, first: int) -> Iterator[int]:
        yield mask
        for place in range(first, len(players)):
            if mask != 1 << players[place]:
                yield from below(mask & ~(1 << players[place]), place + 1)

    yield from below((1 << len(players)) - 1, 0)


@dataclass(frozen=True, eq=False)
class Coalition:
    """The cells of some circumstances.

    Attributes
    ----------
    members : tuple of int
        Positions of the circumstances.
    codes : ndarray of shape (cells, members), int32
    parent : int
        Number of a coalition whose cells are parts of these; -1 for the cells of all circumstances.
    group : ndarray of shape (parent's cells,), int32
        Which of these cells each lies in.
    last : int
        Number of the last coalition that has this one for a parent.
    """

    members: tuple[int, ...]
    codes: CodeArray
    parent: int
    group: CodeArray
    last: int


def _joined(parent: Coalition, members: tuple[int, ...], levels: Sequence[int]) -> tuple[CodeArray, CodeArray]:
    """Return the codes of a coalition's cells, and which of them each cell of a parent lies in."""
    kept = [parent.members.index(i) for i in members]
    counts = [levels[i] for i in members]
    size, cells = prod(counts), len(parent.codes)
    if size > 4 * cells + 1024:
        return combine([parent.codes[:, i] for i in kept], counts)
    columns, sizes = np.array([kept, counts], dtype=np.int32)
    number, group = np.empty(size, dtype=np.int32), np.empty(cells, dtype=np.int32)
    joined = np.empty((min(size, cells), len(kept)), dtype=np.int32)
    there = _dissimilarity.join(parent.codes, columns, sizes, number, group, joined)
    return joined[:there], group


@dataclass(frozen=True, eq=False)
class Coalitions:
    """The index of every coalition, from sums of cells: plain, or of a logit.

    Attributes
    ----------
    start : tuple of ndarray, or None
        Coefficients of the full sample's logits.
    whole : ndarray of shape (masks,)
        Values of the full sample.
    separated : bool
        Whether circumstances settle the outcome of some in it, so that rates of a logit are a limit.
    """

    method: str
    levels: tuple[int, ...]
    each: tuple[Coalition, ...]
    logits: tuple[MainEffects | None, ...]
    start: tuple[FloatArray | None, ...]
    whole: FloatArray
    separated: bool = False

    @classmethod
    def of(
        cls,
        codes: CodeArray,
        levels: Sequence[int],
        players: Sequence[Sequence[int]],
        masks: Sequence[int],
        method: str,
        sums: FloatArray,
    ) -> "Coalitions":
        """Prepare the coalitions of masks, and fit their logits to the full sample's sums (cells, k, LANES)."""
        # Circumstances in the order in which logits walk them: their cells then come sorted.
        order = sorted(range(len(levels)), key=lambda i: levels[i])
        codes, levels = np.ascontiguousarray(codes[:, order]), [levels[i] for i in order]
        players = [[order.index(i) for i in members] for members in players]
        place = {mask: m for m, mask in enumerate(masks)}
        found: list[Coalition] = []
        last = list(range(len(masks)))
        for m, mask in enumerate(masks):
            members = tuple(sorted(i for a, own in enumerate(players) if mask >> a & 1 for i in own))
            more = (place.get(mask | 1 << a, m) for a in range(len(players)) if not mask >> a & 1)
            parents = [other for other in more if other < m]
            if not m:
                parent, group, own = -1, np.arange(len(codes), dtype=np.int32), codes
            else:
                parent = max(parents, default=0)  # with a player more, if there is one that came before
                own, group = _joined(found[parent], members, levels)
                last[parent] = m
            found.append(Coalition(members, own, parent, group, 0))
        each = tuple(
            Coalition(c.members, c.codes, c.parent, c.group, until) for c, until in zip(found, last, strict=True)
        )
        logits: tuple[MainEffects | None, ...] = tuple(
            MainEffects(c.codes, tuple(levels[i] for i in c.members))
            if (method == "logit" and (len(c.members) > 1)) or (method == "fixed" and not m)
            else None
            for m, c in enumerate(each)
        )
        first = cls(method, tuple(levels), each, logits, (None,) * len(each), np.empty(0))
        values, coefficients = first._values(sums)
        every = logits[0]
        separated = every is not None and bool(every.fit(sums, coefficients[0]).separated[0])
        return cls(method, tuple(levels), each, logits, coefficients, values[:, 0], separated)

    def evaluate(self, sums: FloatArray) -> FloatArray:
        """Return values of shape (masks, replicates) of sums (cells, k, replicates) of all circumstances."""
        return self._values(sums)[0]

    def _values(self, sums: FloatArray) -> tuple[FloatArray, tuple[FloatArray | None, ...]]:
        held: dict[int, FloatArray] = {}
        values = np.empty((len(self.each), sums.shape[2]))
        coefficients: list[FloatArray | None] = []
        fixed: FloatArray | None = None
        for m, coalition in enumerate(self.each):
            own = sums
            if m:
                own = by_group_sums(held[coalition.parent], coalition.group, len(coalition.codes))
                if self.each[coalition.parent].last == m:
                    del held[coalition.parent]
            if coalition.last > m:
                held[m] = own
            logit, found = self.logits[m], None
            if logit is not None:
                start = self.start[m]
                fitted = logit.fit(own, self._from_parent(m, coefficients) if start is None else start)
                found = fitted.coefficients
                values[m] = dissimilarity_of_rates(own, fitted.rate)[2]
                values[m, ~fitted.converged] = np.nan
                fixed = found if self.method == "fixed" else None
            elif self.method == "fixed":
                assert fixed is not None
                values[m] = self._held_at_means(m, sums, own, fixed)
            else:
                values[m] = dissimilarity_of(own)[2]
            coefficients.append(None if found is None else found[:, 0].copy())
        if self.method == "fixed":
            values[:, np.isnan(values[0])] = np.nan
        return values, tuple(coefficients)

    def _from_parent(self, m: int, known: Sequence[FloatArray | None]) -> FloatArray | None:
        """Return where a logit of the full sample may start: at those of its parent that it has as well."""
        own = self.each[m]
        if own.parent < 0 or known[own.parent] is None:
            return None
        above, parent = self.each[own.parent], known[own.parent]
        assert parent is not None
        kept, first = [0], 1
        for i in above.members:
            kept += range(first, first + self.levels[i] - 1) if i in own.members else ()
            first += self.levels[i] - 1
        return np.asarray(parent[kept])

    def _held_at_means(self, m: int, every: FloatArray, own: FloatArray, coefficients: FloatArray) -> FloatArray:
        """Return the index of the logit of all, circumstances outside a coalition held at their weighted means."""
        members = self.each[m].members
        codes = self.each[0].codes
        predictor = np.repeat(coefficients[:1], len(own), axis=0)
        first = 1
        for i, count in enumerate(self.levels):
            effect = np.vstack([np.zeros_like(coefficients[:1]), coefficients[first : first + count - 1]])
            first += count - 1
            if i in members:
                predictor += effect[self.each[m].codes[:, members.index(i)]]
            else:
                weight = by_group_sums(every, np.ascontiguousarray(codes[:, i]), count)[:, 0]
                added, total = np.zeros_like(weight[0]), np.zeros_like(weight[0])
                for level in range(count):
                    added += weight[level] * effect[level]
                    total += weight[level]
                predictor += np.divide(added, total, out=np.zeros_like(total), where=total > 0)
        found: FloatArray = dissimilarity_of_rates(own, rates_of(predictor))[2]
        return found


def _corrected(
    sample: Sample, game: Game, players: Sequence[Sequence[int]], psu: CodeArray, stratum: CodeArray
) -> FloatArray:
    """Return the empirical-Bayes index of every coalition, (masks,)."""
    order = np.argsort(stratum, kind="stable")
    place = np.empty(len(stratum), dtype=np.int32)
    place[order] = np.arange(len(stratum), dtype=np.int32)
    start = np.r_[0, np.cumsum(np.bincount(stratum))].astype(np.int32)
    rows = SampledRows.of(sample.weight, sample.outcome, place[psu], place[psu], start)
    levels = [len(labels) for labels in sample.labels]
    factors = np.ones((1, len(stratum), LANES))
    values = np.empty(len(game.masks))
    for m, mask in enumerate(game.masks):
        members = sorted(i for a, own in enumerate(players) if mask >> a & 1 for i in own)
        codes, group = combine([sample.codes[:, i] for i in members], [levels[i] for i in members])
        cell = group[sample.cell]
        moments = rows.moments(cell, len(codes)).evaluate(factors, NO_CUTS)
        if (moments[:, 0, 0] > 0).sum() < 2:
            values[m] = 0.0 if moments[:, 1, 0].any() else np.nan
            continue
        shrinkage = Shrinkage.of(rows, cell.astype(np.int64), codes, [levels[i] for i in members], moments)
        values[m] = shrinkage.evaluate(moments, factors)[SHRUNKEN, 0]
    return np.maximum(values, 0)
