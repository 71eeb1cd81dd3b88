"""Outcomes: what may come of a package for a household, and in which replicates it does.

A scheme that is paid to the poorest share of the eligible ends at a score that the sample sets: in another sample, and
so in every replicate, it ends elsewhere, and a household near it is in or out. Both are outcomes of the household, each
with recipients and welfare of its own, and with a switch: a factor of 1 in the replicates in which it is so, and 0 in
the others. An outcome is a row like any other then, whose unit is its own: its household's factor times the switch. All
that adds rows up or sorts them by welfare stays as it is, sorted once.

Chance makes outcomes too: each takes a share of the household's weight, the same in every replicate.

Cost: one sweep over those who are ranked a replicate, to find the cuts, and one more beforehand, which tells the
households that no replicate moves; these have one outcome, and take their PSU's factor.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ._kernels import _totals
from ._parallel import LANES, map_replicates
from ._sweeps import ALONE, Ordering, in_lanes
from ._typing import BitArray, BoolArray, CodeArray, CountArray, FloatArray, LongArray
from ._validate import fail
from .design import Design
from .replication import MOST_LEFT_OUT, LeftOut, Replication, Source

MOST_RECEIPTS = 10_000  # sums of money that a household may be paid
MOST_CUTS = 6  # schemes whose cut is made anew: a household may then have 64 outcomes
ANY = 2  # of a scheme that is nothing to an outcome


@dataclass(frozen=True, eq=False)
class Cut:
    """Whom a scheme ranks, and up to which score it pays: that at which a share of those who are ranked is reached.

    Attributes
    ----------
    scheme : int
    score : ndarray of shape (households,)
        The least first. NaN is not known, and is not paid.
    weight : ndarray of shape (households,)
        Of those in the household who are ranked.
    share : float in (0, 1)
    whole : bool
        Whether those at whose score the share is reached are in; if not, only scores whose people fit in are.
    """

    scheme: int
    score: FloatArray
    weight: FloatArray
    share: float
    whole: bool = True

    @cached_property
    def highest(self) -> float:
        """The highest score that is paid in the full sample."""
        ranking = Ranking.of(self, np.zeros(len(self.score), dtype=np.int32))
        return float(ranking.evaluate(ALONE)[0])


@dataclass(frozen=True, eq=False)
class Ranking:
    """The households that a scheme ranks, sorted once; each takes its unit's factor."""

    ordering: Ordering
    share: float
    whole: bool

    @classmethod
    def of(cls, cut: Cut, unit: CodeArray) -> "Ranking":
        """Sort the households: from the highest score down, or up where those who do not fit in are looked for."""
        rows = np.flatnonzero((cut.weight > 0) & np.isfinite(cut.score))
        score = cut.score[rows] if cut.whole else -cut.score[rows]
        share = cut.share if cut.whole else 1 - cut.share
        return cls(Ordering.of(score, cut.weight[rows], unit[rows]), share, cut.whole)

    def evaluate(self, factors: FloatArray) -> FloatArray:
        """Return the highest score that is paid, (replicates,); NaN where nobody is ranked."""
        found = self.ordering.evaluate(factors, np.array([self.share])).quantiles[0]
        return found if self.whole else np.asarray(np.nextafter(-found, -np.inf))  # the first that does not fit in


@dataclass(frozen=True, eq=False)
class Cuts:
    """The cuts of several rankings in a block of replicates."""

    rankings: tuple[Ranking, ...]
    source: Source

    def __call__(self, first: int, groups: int) -> FloatArray:
        """Return them for the replicates from number ``first`` on: (rankings, replicates)."""
        factors = self.source.factors(first, groups)
        return np.stack([ranking.evaluate(factors) for ranking in self.rankings])


@dataclass(frozen=True, eq=False)
class Switches:
    """Units of outcomes that are so in some replicates only.

    Attributes
    ----------
    rankings : tuple of Ranking
    band : ndarray of shape (rankings, 2)
        Lowest and highest cut that replicates were found to have: which households move was told from these.
    unit : ndarray of shape (units,), int32
        Of the household of each.
    score : ndarray of shape (rankings, units)
    on : ndarray of shape (rankings, units), uint8
        1 or 0: whether the scheme must be paid; ANY where the household has nothing to do with it.
    """

    rankings: tuple[Ranking, ...]
    band: FloatArray
    unit: CodeArray
    score: FloatArray
    on: CountArray

    def write(self, factors: FloatArray, first: int, out: FloatArray) -> None:
        """Write their factors from unit ``first`` on; NaN in a replicate whose cuts are beyond the band."""
        groups = len(factors)
        cuts = np.stack([ranking.evaluate(factors).reshape(groups, LANES) for ranking in self.rankings])
        _totals.switch_factors(self.unit, self.score, self.on, cuts, first, out)
        low, high = self.band.T[:, :, None, None]
        group, lane = np.nonzero(((cuts < low) | (cuts > high)).any(axis=0))
        out[group, first : first + len(self.unit), lane] = np.nan


def extended(factors: FloatArray, switches: Sequence[Switches]) -> FloatArray:
    """Return a block of factors with those of all switches behind."""
    if not switches:
        return factors
    groups, first, _ = factors.shape
    out = np.empty((groups, first + sum(len(one.unit) for one in switches), LANES))
    out[:, :first] = factors
    for one in switches:
        one.write(factors, first, out)
        first += len(one.unit)
    return out


@dataclass(frozen=True, eq=False)
class Spread:
    """Rows as often as their household has outcomes.

    Attributes
    ----------
    row : ndarray of shape (n,), int64
        The row that was there.
    outcome, unit : ndarray of shape (n,), int32
    share : ndarray of shape (n,)
        Of the row's weight.
    now : ndarray of shape (n,), bool
        Whether it is so in the full sample.
    once : ndarray of shape (n,), bool
        Each row that was there once, with an outcome that it has in the full sample.
    """

    row: LongArray
    outcome: CodeArray
    share: FloatArray
    unit: CodeArray
    now: BoolArray
    once: BoolArray

    @classmethod
    def plain(cls, household: CodeArray, unit: CodeArray) -> "Spread":
        """Return rows each of whose households has one outcome: its own number."""
        n = len(household)
        yes = np.ones(n, dtype=np.bool_)
        return cls(np.arange(n), household, np.ones(n), unit[household], yes, yes)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What may come of a package, in the order of households.

    Attributes
    ----------
    household : ndarray of shape (n,), int32
    pattern : ndarray of shape (n,), uint8
        The schemes of ``cuts`` that are paid, one bit each, among those that are something to the household.
    may : ndarray of shape (households,), uint8
        The schemes of ``cuts`` that are something to a household: somebody in it is eligible.
    share : ndarray of shape (n,)
        Of the household's weight.
    welfare : ndarray of shape (n,), or None
        After the transfer.
    cuts : tuple of Cut
    paid : dict of int to Transfers
        What the package pays where the schemes of a pattern alone are paid, of those of ``cuts``.
    """

    household: CodeArray
    pattern: CountArray
    may: CountArray
    share: FloatArray
    welfare: FloatArray | None
    cuts: tuple[Cut, ...]
    paid: dict[int, Any]
    _taken: dict[str, FloatArray] = field(default_factory=dict)

    def take(self, name: str) -> FloatArray:
        """Return what transfers say by household, by outcome."""
        if name not in self._taken:
            for pattern, paid in self.paid.items():
                values, here = getattr(paid, name), np.flatnonzero(self.pattern == pattern)
                if name not in self._taken:
                    self._taken[name] = np.zeros((len(self.household), *values.shape[1:]), dtype=values.dtype)
                self._taken[name][here] = values[self.household[here]]
        return self._taken[name]

    def of_persons(self, name: str, person: CodeArray, outcome: CodeArray) -> FloatArray:
        """Return what transfers say by person, of rows that are a person with an outcome each."""
        pattern = self.pattern[outcome]
        found = []
        for which, paid in self.paid.items():
            here = np.flatnonzero(pattern == which)
            found.append((here, paid.of_persons(name, person[here], outcome[here])))
        made = np.zeros((len(person), *found[0][1].shape[1:]))
        for here, values in found:
            made[here] = values
        return made

    def place(self, replication: Replication, design: Design, first: int) -> "Placed":
        """Find the outcomes that occur, in the full sample or in any replicate; units of switches begin at ``first``.

        A household whose score is below the cut in every replicate, or above it, does not need a switch.
        """
        n, width = len(self.household), len(self.cuts)
        unit = replication.unit[self.household]
        if not width:
            everything = np.ones(n, dtype=np.bool_)
            return Placed(unit, everything, everything, None, first)
        rankings = tuple(Ranking.of(cut, replication.unit) for cut in self.cuts)
        found = every_cut(rankings, replication, design)
        band = np.column_stack([np.fmin.reduce(found, axis=1), np.fmax.reduce(found, axis=1)])
        occurs, now, open_ = np.ones(n, dtype=np.bool_), np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        score, on = np.empty((width, n)), np.full((width, n), ANY, dtype=np.uint8)
        for k, (cut, (low, high)) in enumerate(zip(self.cuts, band, strict=True)):
            score[k] = cut.score[self.household]
            concerned = (self.may[self.household] >> k & 1) == 1
            paid = (self.pattern >> k & 1) == 1
            always, never = score[k] <= low, ~(score[k] <= high)
            moves = concerned & ~always & ~never
            occurs &= ~concerned | np.where(paid, ~never, ~always)
            now &= ~concerned | (paid == (score[k] <= cut.highest))
            on[k, moves] = paid[moves]
            open_ |= moves
        own = np.flatnonzero(occurs & open_)
        switches = Switches(rankings, band, unit[own], score[:, own].copy(), on[:, own].copy()) if len(own) else None
        unit = unit.copy()
        unit[own] = first + np.arange(len(own))
        return Placed(unit, occurs, now, switches, first)

    def spread(self, placed: "Placed", household: CodeArray) -> Spread:
        """Return rows of households as often as these have outcomes that occur: those with a switch come last."""
        kept = np.flatnonzero(placed.occurs)
        number = np.bincount(self.household[kept], minlength=len(self.may))
        start, times = np.cumsum(number) - number, number[household]
        row = np.repeat(np.arange(len(household)), times)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
        outcome = kept[start[household[row]] + nth]
        now = placed.now[outcome]
        place = np.flatnonzero(now)
        once = np.zeros(len(row), dtype=np.bool_)
        once[place[np.diff(row[place], prepend=-1) > 0]] = True
        unit = placed.unit[outcome]
        if placed.switches is not None:  # rows of a PSU follow each other, and are added up once
            order = np.argsort(unit >= placed.first, kind="stable")
            row, outcome, unit, now, once = row[order], outcome[order], unit[order], now[order], once[order]
        return Spread(row, outcome.astype(np.int32), self.share[outcome], unit, now, once)


@dataclass(frozen=True, eq=False)
class Placed:
    """Outcomes that have met replicates: the unit of each, whether it occurs, and whether in the full sample."""

    unit: CodeArray
    occurs: BoolArray
    now: BoolArray
    switches: Switches | None
    first: int  # unit that is a switch


def every_cut(rankings: tuple[Ranking, ...], replication: Replication, design: Design) -> FloatArray:
    """Return the cuts in the full sample and in all that may be asked for: replicates, and samples without one PSU."""

    def through(source: Source, n: int) -> FloatArray:
        job, known = Cuts(rankings, source), np.ones(len(rankings), dtype=np.bool_)
        found, finished = map_replicates(job, known, n, units=replication.units, n_threads=1)
        if not finished.all():
            raise KeyboardInterrupt
        return found

    whole = in_lanes(np.ones((1, replication.units)))
    made = [np.stack([ranking.evaluate(whole) for ranking in rankings]), through(replication.source, replication.n)]
    if len(replication.beside):
        factors = in_lanes(replication.beside)
        made.append(np.stack([ranking.evaluate(factors) for ranking in rankings])[:, : len(replication.beside)])
    if design.psus <= MOST_LEFT_OUT:
        source, stratum = LeftOut.of(design, replication.psu_of_unit)
        made.append(through(source, len(stratum)))
    return np.concatenate(made, axis=1)


def outcomes_of(
    cuts: Sequence[Cut],
    admitted: BitArray,
    household_of: CodeArray,
    pay: Callable[[BitArray], Any],
    receipts: Callable[[Any, CodeArray], tuple[CodeArray, FloatArray, FloatArray | None]],
) -> tuple[Any, Outcomes]:
    """Return what a package pays in the full sample, and all outcomes of its households.

    ``admitted`` are the schemes that each person is admitted to, one bit each; ``pay`` makes transfers of such bits;
    ``receipts`` returns what may come of transfers for some households by chance: household, share of its weight, and
    welfare after.
    """
    if len(cuts) > MOST_CUTS:
        fail(
            f"A package must have at most {MOST_CUTS} schemes whose cut is made anew in every replicate",
            f"it has {len(cuts)}",
            "Join schemes, or aim some of them by a threshold.",
        )
    households = int(household_of[-1]) + 1 if len(household_of) else 0
    may = np.zeros(households, dtype=np.uint8)
    for k, cut in enumerate(cuts):
        eligible = np.zeros(households, dtype=np.bool_)
        eligible[household_of[(admitted >> np.uint64(cut.scheme) & np.uint64(1)) == 1]] = True
        may |= (eligible & np.isfinite(cut.score)).astype(np.uint8) << k
    paid, made = {}, []
    for pattern in sorted({part for whole in np.unique(may).tolist() for part in _parts(whole)}):
        paid[pattern] = pay(admitted & ~_off(cuts, np.full(1, pattern, dtype=np.uint8)))
        household, share, welfare = receipts(paid[pattern], np.flatnonzero(pattern & ~may == 0).astype(np.int32))
        made.append((household, np.full(len(household), pattern, dtype=np.uint8), share, welfare))
    household, pattern_, share = (np.concatenate([one[part] for one in made]) for part in range(3))
    order = np.argsort(household, kind="stable")
    after = None if made[0][3] is None else np.concatenate([one[3] for one in made])[order]
    full = pay(in_target(cuts, admitted, household_of)) if cuts else paid[0]
    return full, Outcomes(household[order], pattern_[order], may, share[order], after, tuple(cuts), paid)


def in_target(cuts: Sequence[Cut], admitted: BitArray, household_of: CodeArray) -> BitArray:
    """Return the schemes that each person is admitted to in the full sample."""
    on = np.zeros(int(household_of[-1]) + 1 if len(household_of) else 0, dtype=np.uint8)
    for k, cut in enumerate(cuts):
        on |= (cut.score <= cut.highest).astype(np.uint8) << k
    return admitted & ~_off(cuts, on)[household_of] if cuts else admitted


def certain(household: CodeArray, after: FloatArray | None) -> tuple[CodeArray, FloatArray, FloatArray | None]:
    """Return what comes of transfers for some households where nothing is left to chance."""
    return household, np.ones(len(household)), None if after is None else after[household]


def receipts_of(
    household_of: CodeArray,
    chance: FloatArray,
    money: FloatArray,
    household: CodeArray,
    show: Callable[[int], str],
) -> tuple[CodeArray, FloatArray, FloatArray]:
    """Return what some households may be paid: household, probability, and currency a year.

    ``chance``, ``money`` (persons, schemes) are the chance that a person is paid by a scheme, whatever becomes of
    others, and what it pays then. Of m who are alike k are paid with a binomial probability; numbers of recipients that
    come to the same money are one outcome.
    """
    wanted = np.zeros(int(household_of[-1]) + 1, dtype=np.bool_)
    wanted[household] = True
    sure, open_ = np.zeros(len(wanted)), (chance > 0) & (chance < 1) & (money != 0) & wanted[household_of][:, None]
    for s in range(chance.shape[1]):
        sure += np.bincount(household_of, (chance[:, s] == 1) * money[:, s], len(wanted))
    person = np.nonzero(open_)[0]
    kinds, kind = np.unique(np.column_stack([chance[open_], money[open_]]), axis=0, return_inverse=True)
    order = np.lexsort((kind.ravel(), household_of[person]))
    kind, ends = kind.ravel()[order], np.cumsum(np.bincount(household_of[person], minlength=len(wanted)))
    alike: dict[bytes, list[int]] = {}
    for home in household.tolist():
        alike.setdefault(kind[ends[home - 1] if home else 0 : ends[home]].tobytes(), []).append(home)
    made: list[tuple[CodeArray, FloatArray, FloatArray]] = []
    for key, homes in alike.items():
        present, number = np.unique(np.frombuffer(key, dtype=kind.dtype), return_counts=True)
        total: FloatArray = np.zeros(1)
        probability: FloatArray = np.ones(1)
        for (p, each), m in zip(kinds[present].tolist(), number.tolist(), strict=True):
            if len(total) * (m + 1) > MOST_RECEIPTS:
                fail(
                    f"draws='exact' needs households that can be paid at most {MOST_RECEIPTS:,} sums of money",
                    f"{show(homes[0])} can be paid more",
                    "Pass draws='seeded', or cover all in some schemes.",
                )
            k = np.arange(m + 1)
            of_number = [math.comb(m, j) * p**j * (1 - p) ** (m - j) for j in k.tolist()]
            total = np.add.outer(total, k * each).ravel()
            probability = np.multiply.outer(probability, of_number).ravel()
            total, same = np.unique(total, return_inverse=True)
            probability = np.asarray(np.bincount(same.ravel(), probability), dtype=np.float64)
        home = np.repeat(np.array(homes, dtype=np.int32), len(total))
        made.append((home, np.tile(probability, len(homes)), np.tile(total, len(homes)) + sure[home]))
    home, share, paid = (np.concatenate([one[part] for one in made]) for part in range(3))
    order = np.argsort(home, kind="stable")
    return home[order], share[order], paid[order]


def _parts(bits: int) -> Iterator[int]:
    """Return all sets within a set of bits, the set itself among them."""
    return (part for part in range(bits + 1) if part & ~bits == 0)


def _off(cuts: Sequence[Cut], pattern: CountArray) -> BitArray:
    """Return the schemes that patterns leave out, one bit each."""
    off = np.zeros(len(pattern), dtype=np.uint64)
    for k, cut in enumerate(cuts):
        off |= ((pattern >> k & 1) == 0).astype(np.uint64) << np.uint64(cut.scheme)
    return off
