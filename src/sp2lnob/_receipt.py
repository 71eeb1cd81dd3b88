"""Who of the eligible is paid, and how much: draws, priority, caps, schedules and top-ups, one scheme after the other.

Cost: O(persons), and O(persons) more for every scheme whose chance or amount varies between persons.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ._eligible import age_codes, bits_of
from ._kernels import _payments, _random
from ._typing import BitArray, BoolArray, CodeArray, FloatArray, LongArray
from ._validate import fail, fail_if_any, warn, within
from .economy import YEARLY, Amount, Economy
from .schemes import Package, Scheme
from .survey import Survey

RECEIPT = 1  # purpose of the random numbers, as in _kernels/_random.pxd


@dataclass(frozen=True, eq=False)
class Receipt:
    """Who is paid by each scheme of a package.

    Attributes
    ----------
    survey : Survey
    schemes : int
    bits : ndarray of shape (persons,), unsigned
        The schemes that pay a person, the s-th in bit s of a word of no more bytes than they need.
    chance : dict of int to ndarray of shape (persons,)
        By scheme, the chance of each person, where draws are expected and chances vary.
    each : dict of int to ndarray of shape (persons,)
        By scheme, currency a year of each person, where amounts vary; 0 for who is not paid.
    """

    survey: Survey
    schemes: int
    bits: Any
    chance: Mapping[int, FloatArray] = field(default_factory=dict)
    each: Mapping[int, FloatArray] = field(default_factory=dict)

    @property
    def apart(self) -> list[int]:
        """Schemes for which a household's money is not its recipients times an amount."""
        return sorted({*self.chance, *self.each})

    @cached_property
    def recipients(self) -> CodeArray:
        """Recipients in each household, of shape (households, schemes)."""
        counted = np.zeros((self.survey.n_households, self.schemes), dtype=np.int32)
        for homes, persons, first in self.survey.blocks():
            room = np.empty(int(first[-1]) + 1, dtype=np.uint64)
            _payments.count(first, self.bits[persons].astype(np.uint64), len(first), room, counted[homes])
        return counted

    def holds(self, scheme: int, persons: Any) -> BoolArray:
        """Return which of some persons a scheme pays."""
        return np.asarray(self.bits[persons] & self.bits.dtype.type(1 << scheme) != 0)


def word_of(schemes: int) -> Any:
    """Return the type of the smallest word with a bit for each scheme."""
    return np.min_scalar_type((1 << schemes) - 1)


def blocks_of(survey: Survey, block: int) -> int:
    """Return 1 more than the persons of the largest block of households."""
    starts = survey.first_person[np.append(np.arange(0, survey.n_households, block), survey.n_households)]
    return int(np.diff(starts).max(initial=0)) + 1


def chances(scheme: Scheme) -> bool:
    """Return whether the chance to be reached varies between persons, or reaches who is not of the target."""
    return scheme.take_up is not None or scheme.exclusion_error > 0 or scheme.inclusion_error > 0


# -- who is reached -------------------------------------------------------------------------------------------------


def reached(
    survey: Survey, package: Package, bits: BitArray, admitted: BitArray, leaks: Mapping[int, float]
) -> tuple[BitArray, dict[int, FloatArray]]:
    """Return who of the eligible (``bits``) and targeted (``admitted``) is reached, and chances where they vary.

    ``leaks`` are the chances of who is outside a target. A benefit per household goes to its first eligible member.
    """
    schemes = package.schemes
    alike = [not chances(scheme) for scheme in schemes]
    seeded = package.draws == "seeded"
    once = bits_of(yes and scheme.per == "household" for yes, scheme in zip(alike, schemes, strict=True))
    drawn = bits_of(yes and seeded and scheme.coverage < 1 for yes, scheme in zip(alike, schemes, strict=True))
    got = admitted.copy() if admitted is bits and not all(alike) else admitted
    if once or drawn:
        nobody = np.empty(0, dtype=np.uint64)
        _payments.draw(
            survey.first_person,
            once,
            drawn,
            package.seed,
            np.array([scheme.coverage for scheme in schemes]),
            np.array([scheme.stream for scheme in schemes], dtype=np.uint32),
            survey.roster.household_identity if drawn else nobody,
            survey.roster.person_identity if drawn else nobody,
            got,
        )
    chance: dict[int, FloatArray] = {}
    for s, scheme in enumerate(schemes):
        if not alike[s]:
            bit = np.uint64(1 << s)
            share = _share(survey, scheme, bits & bit != 0, got & bit != 0, leaks.get(s, 0.0))
            if seeded:
                holds = _number(survey, package, scheme) < share
            else:
                holds, chance[s] = share > 0, share
            got &= ~bit
            got[holds] |= bit
    return got, chance


def _share(survey: Survey, scheme: Scheme, eligible: BoolArray, targeted: BoolArray, leak: float) -> FloatArray:
    """Return each person's chance to be reached, where it varies; 0 for who cannot be."""
    targeted, outside = _sides(survey, scheme, eligible, targeted)
    share = np.where(targeted, 1 - scheme.exclusion_error, 0.0)
    share[outside] = leak
    return share * _taken(survey, scheme, share > 0) * scheme.coverage


def _sides(survey: Survey, scheme: Scheme, eligible: BoolArray, targeted: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Return who is in a scheme's target, and who is outside of it; of a household the one who stands for it."""
    outside = (eligible if scheme.target is not None else np.ones_like(eligible)) & ~targeted
    if scheme.per == "household":  # the first of those who may
        home, first = survey.household_of, survey.first_person[:-1]
        served = np.logical_or.reduceat(targeted, first)[home]
        targeted, outside = _first(survey, targeted), _first(survey, outside & ~served)
    return targeted, outside


def leaks_of(survey: Survey, package: Package, bits: BitArray, admitted: BitArray) -> dict[int, float]:
    """Return by scheme the chance of those outside its target that its inclusion error asks for.

    It is that of the full sample, in every replicate: an error that is set is part of the scenario, as draws are.
    """
    leaks = {}
    for s, scheme in enumerate(package.schemes):
        if scheme.inclusion_error:
            bit = np.uint64(1 << s)
            targeted, outside = _sides(survey, scheme, bits & bit != 0, admitted & bit != 0)
            weight = survey.person_weight if scheme.per == "person" else survey.weight[survey.household_of]
            leaks[s] = _leak(scheme, (1 - scheme.exclusion_error) * weight[targeted].sum(), weight[outside].sum())
    return leaks


def _leak(scheme: Scheme, paid: float, outside: float) -> float:
    """Return the chance of those outside the target that makes them a given share of all who are paid."""
    wanted = scheme.inclusion_error / (1 - scheme.inclusion_error) * paid
    if wanted <= outside:
        return float(wanted / outside) if outside else 0.0
    warn(
        f"inclusion_error of scheme {scheme.name!r} should leave enough people outside its target",
        f"it asks for {wanted:,.0f} and there are {outside:,.0f}: all of them are paid, and the error is "
        f"{outside / (paid + outside):.4g} instead of {scheme.inclusion_error:g}",
        "Lower it, or make the target smaller.",
    )
    return 1.0


def _first(survey: Survey, holds: BoolArray) -> BoolArray:
    """Return the first person of every household for whom something holds."""
    before: LongArray = np.cumsum(holds) - holds
    return np.asarray(holds & (before == before[survey.first_person[:-1]][survey.household_of]))


def _number(survey: Survey, package: Package, scheme: Scheme) -> FloatArray:
    """Return the number in [0, 1) of each person, or of the household, that decides whether a scheme reaches."""
    of_home = scheme.per == "household"
    identity = survey.roster.household_identity if of_home else survey.roster.person_identity
    made = np.empty(len(identity))
    _random.uniforms(package.seed, identity, scheme.stream, RECEIPT, made)
    return made[survey.household_of] if of_home else made


def _taken(survey: Survey, scheme: Scheme, asked: BoolArray) -> FloatArray | float:
    """Return the probability of each person, or of the household, to take a benefit up, known where it is asked."""
    if scheme.take_up is None:
        return 1.0
    what = f"take_up of scheme {scheme.name!r}"
    name = scheme.take_up if isinstance(scheme.take_up, str) else next(iter(scheme.take_up))
    with within(what):
        if scheme.per == "household":
            column = survey.household_column(name).take(survey.household_of)
        else:
            column = survey.person_column(name)
    if isinstance(scheme.take_up, str):
        values = column.numbers(what)
    else:
        present, codes, labels = column.categories()
        given = scheme.take_up[name]
        known = {key for value, label in zip(present.tolist(), labels, strict=True) for key in (value, label)}
        for key in given:
            if key not in known:
                fail(
                    f"A level in {what} must be one of {name!r}", f"{key!r} is none of {', '.join(labels)}", "Mend it."
                )
        of = [given.get(label, given.get(value, np.nan)) for value, label in zip(present, labels, strict=True)]
        values = np.append(of, np.nan)[codes]
        lacking = np.flatnonzero(np.isnan(of))
        if len(lacking) and np.isin(codes[asked], lacking).any():
            some = ", ".join(labels[k] for k in lacking)
            fail(f"{what} must give every level of {name!r}", f"it lacks {some}", "Add what is lacking.")
    wrong = asked & ~((values >= 0) & (values <= 1))
    if survey.missing == "drop":
        wrong &= ~np.isnan(values)
    fail_if_any(
        wrong,
        f"{what} must be in [0, 1] for all who may be paid",
        "Mend these rows: it is a probability.",
        lambda i: f"{survey.show_person(i)}: {values[i]:g}",
    )
    return np.where(asked & ~np.isnan(values), values, 0.0)


# -- who is paid, and how much --------------------------------------------------------------------------------------


def paid(
    survey: Survey, package: Package, economy: Economy | None, bits: BitArray, chance: dict[int, FloatArray]
) -> Receipt:
    """Return who is paid after priority and caps, and how much where amounts vary."""
    names = {scheme.name: s for s, scheme in enumerate(package.schemes)}
    each: dict[int, FloatArray] = {}
    for s in package.order():
        scheme, bit = package.schemes[s], np.uint64(1 << s)
        if scheme.unless:
            before = bits & np.uint64(sum(1 << names[name] for name in scheme.unless)) != 0
            if (scheme.unless_in or scheme.per) == "household":
                before = np.logical_or.reduceat(before, survey.first_person[:-1])[survey.household_of]
            bits[before] &= ~bit
        if scheme.max_recipients is not None:
            holds = bits & bit != 0
            count = np.cumsum(holds)
            count -= (count - holds)[survey.first_person[:-1]][survey.household_of]
            bits[count > scheme.max_recipients] &= ~bit
        if scheme.varies:
            holds = bits & bit != 0
            each[s], kept = amounts_of(survey, package, scheme, economy, holds)
            bits[holds & ~kept] &= ~bit
        if s in chance:
            chance[s] = np.where(bits & bit != 0, chance[s], 0.0)
    return Receipt(survey, len(package.schemes), bits.astype(word_of(len(package.schemes))), chance, each)


def amounts_of(
    survey: Survey, package: Package, scheme: Scheme, economy: Economy | None, holds: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """Return currency a year of every person for whom a scheme holds, and to whom a taper or top-up leaves something.

    Who is reached by an inclusion error and is outside of all bands of age is paid as the nearest one.
    """
    schedule, period = scheme.schedule, survey.welfare_period
    part = scheme.part_of_year(package.compat)

    def a_year(amount: Amount) -> float:
        return amount.per_year(economy, period)

    of = np.array([a_year(band[2]) * part for band in schedule.bands])
    band: Any = 0
    if schedule.by is not None:
        by_home = survey.size if schedule.by == "size" else survey.sum_over_members(holds.astype(np.float64))
        key = age_codes(survey) if schedule.by == "age" else by_home[survey.household_of]
        begins = [first or 0 for first, _, _ in schedule.bands]
        band = np.maximum(np.searchsorted(begins, key, side="right") - 1, 0)
    made = np.where(holds, of[band], 0.0)
    kept = holds.copy()
    if schedule.starts is not None:
        left = np.where(holds, _tapered(survey, scheme, economy, made, part), 0.0)
        kept &= (left > 0) | ((made == 0) & ~np.isnan(survey.welfare[survey.household_of]))  # type: ignore[index]
        made = left
    if scheme.max_amount is not None:
        made = made * _cut(survey, made, np.full(survey.n_households, a_year(scheme.max_amount)))
    if scheme.tops_up:
        has = sum(survey.existing[name] for name in scheme.tops_up) * YEARLY[period]
        factor = _cut(survey, made, np.maximum(survey.sum_over_members(made) - has, 0.0))
        kept &= (factor > 0) | (made == 0)
        made = made * factor
    return made, kept


def _tapered(survey: Survey, scheme: Scheme, economy: Economy | None, made: FloatArray, part: float) -> FloatArray:
    """Return what a taper leaves of amounts by person; nothing where welfare is not known."""
    schedule, periods = scheme.schedule, YEARLY[survey.welfare_period]

    def welfare_at(limit: float | Amount | None) -> float:
        return (
            limit.per_year(economy, survey.welfare_period) / periods if isinstance(limit, Amount) else float(limit or 0)
        )

    assert survey.welfare is not None
    welfare, starts = survey.welfare, welfare_at(schedule.starts)
    if schedule.rate is not None:
        left = made - (schedule.rate * periods * part * np.maximum(welfare - starts, 0.0))[survey.household_of]
    else:
        ends = welfare_at(schedule.ends)
        if ends == starts:
            fail(
                f"The taper of scheme {scheme.name!r} must end elsewhere than it starts",
                f"both are {ends:g}",
                "Mend it.",
            )
        left = made * np.clip((ends - welfare) / (ends - starts), 0.0, 1.0)[survey.household_of]
    return np.maximum(np.nan_to_num(left), 0.0)


def _cut(survey: Survey, made: FloatArray, most: FloatArray) -> FloatArray:
    """Return by person the factor that brings each household's sum down to what it may have."""
    total = survey.sum_over_members(made)
    factor = np.ones_like(total)
    np.divide(most, total, out=factor, where=total > most)
    return factor[survey.household_of]
