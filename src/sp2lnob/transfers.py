"""From schemes to transfers: who is paid, how much, what it costs, and welfare after.

Schemes that pay one amount to everybody eligible, as most do, need one pass over persons, and who it was is found when
it is asked for. All others go the whole way: eligible, targeted, reached, paid. Cost: O(persons), and O(persons) more
for every scheme whose chance or amount varies.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._eligible import ages, eligible, traits
from ._kernels import _payments, _totals
from ._outcomes import Outcomes, certain, in_target, outcomes_of, receipts_of
from ._receipt import Receipt, blocks_of, chances, leaks_of, paid, reached, word_of
from ._typing import BitArray, CodeArray, FloatArray
from ._validate import fail, fail_if_any, fail_if_unknown, fail_type, mapping, number, offenders, warn, whole
from .economy import YEARLY, Economy
from .measures import fgt, mean
from .schemes import Package, Scheme
from .survey import Survey
from .targeting import aim

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "package"  # what the row of all schemes is called
SHARES = ("cost_gdp", "cost_revenue", "cost_expenditure", "cost_taxes")  # what costs are told as shares of
BLOCK = 1024  # households that are counted at a time: their persons' words stay near the processor
MOST = 255  # persons of a household that a byte counts


@dataclass(frozen=True, eq=False)
class Costing:
    """What turns numbers of recipients into costs: amounts a year by scheme, and the figures of the economy.

    ``administrations`` are by scheme. ``varying`` are the schemes whose recipients are not all paid the same: their
    money is counted, not their recipients times an amount.
    """

    amounts: FloatArray
    administrations: FloatArray
    gdp: float | None
    revenue: float | None
    varying: tuple[int, ...] = ()
    expenditure: float | None = None
    taxes: float | None = None

    @classmethod
    def of(cls, amounts: FloatArray, package: Package, economy: Economy | None) -> "Costing":
        """Return that of a package's amounts."""
        of = economy or Economy()
        varying = tuple(s for s, scheme in enumerate(package.schemes) if scheme.varies)
        return cls(amounts, package.administrations, of.gdp, of.revenue, varying, of.expenditure, of.taxes)

    @property
    def shares(self) -> dict[str, float]:
        """What costs are shares of, by the name of the share, as far as it is known."""
        given = zip(SHARES, (self.gdp, self.revenue, self.expenditure, self.taxes), strict=True)
        return {name: of for name, of in given if of is not None}

    @property
    def rows(self) -> int:
        """Number of totals that it needs."""
        return len(self.amounts) + 1 + len(self.varying)

    def measures(self, totals: FloatArray) -> dict[str, FloatArray]:
        """Return recipients and costs, each (schemes + 1, replicates), the package's last.

        totals: numbers of people, (schemes + 1, replicates), and then the money paid by every scheme that varies. Cost
        is amount times recipients, so that both rest on the same weights.
        """
        people, money = (
            totals[: len(self.amounts) + 1],
            dict(zip(self.varying, totals[len(self.amounts) + 1 :], strict=True)),
        )
        paid, total = np.empty_like(people), np.empty_like(people)
        paid[-1] = total[-1] = 0.0
        for s, amount in enumerate(self.amounts):
            paid[s] = money[s] if s in money else amount * people[s]
            total[s] = paid[s] * (1 + self.administrations[s])
            paid[-1] += paid[s]
            total[-1] += total[s]
        made = {"recipients": people, "transfer_cost": paid, "total_cost": total}
        return made | {name: total / of for name, of in self.shares.items()}


@dataclass(frozen=True, eq=False)
class Transfers:
    """What a package pays on a survey.

    ``received`` says whether each person receives each scheme, of shape (persons, schemes), and ``bits`` the same, the
    s-th scheme in bit s; ``recipients`` are counted by household, of shape (households, schemes): the eligible, where
    draws are expected. ``cost`` is the frame of recipients and cost a year, by scheme and of the package.

    Attributes
    ----------
    survey : Survey
    package : Package
    economy : Economy or None
        Its coverage is that of the economy's year, where it is phased in.
    amounts : ndarray of shape (schemes,)
        Currency per recipient and year; NaN where it varies between recipients.
    known : Receipt or None
        Who is paid, where it was written down; ``receipt`` finds it again.
    welfare_after : ndarray of shape (households,), or None
        Per person and the survey's ``welfare_period``; None where the survey has no welfare.
    household : ndarray of shape (households, schemes)
        Currency paid to each household per year.
    outcomes : Outcomes or None
        What else may come of it for a household: in another sample, where a scheme ranks, or by chance, where draws are
        exact. All the above is what comes in the full sample, and by chance on average.
    phased : Package or None
        The package with its coverages of all years, where one is phased in; ``package`` has those of the year.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(5, "month"))]))
    Transfers of 1 scheme: ... people with at least one, total cost ... a year
    >>> float(sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(0, "month"))])).household.sum())
    0.0
    """

    survey: Survey
    package: Package
    economy: Economy | None
    amounts: FloatArray
    known: Receipt | None
    welfare_after: FloatArray | None
    outcomes: Outcomes | None = None
    phased: Package | None = None

    def by_outcome(self, name: str) -> FloatArray:
        """Return ``welfare_after``, ``people`` or another array by household, by outcome."""
        if self.outcomes is None:
            return np.asarray(getattr(self, name))
        if name == "welfare_after":
            return np.asarray(self.outcomes.welfare)
        return self.outcomes.take(name)

    def of_persons(self, name: str, person: CodeArray, outcome: CodeArray) -> FloatArray:
        """Return ``paid`` or ``money_of_persons`` of rows that are a person with an outcome each."""
        if self.outcomes is None:
            return self.paid_of(person) if name == "paid" else self._money_of(person)
        return self.outcomes.of_persons(name, person, outcome)

    @cached_property
    def receipt(self) -> Receipt:
        """Who is paid by each scheme."""
        return self.known or _receipt(self.survey, self.package)

    @property
    def bits(self) -> BitArray:
        """Schemes that each person receives, the s-th scheme in bit s."""
        return np.asarray(self.receipt.bits, dtype=np.uint64)

    @property
    def recipients(self) -> CodeArray:
        """Recipients in each household, of shape (households, schemes)."""
        return self.receipt.recipients

    @property
    def received(self) -> FloatArray:
        """Whether each person receives each scheme, of shape (persons, schemes).

        1 or 0; where draws are expected or exact, the chance of those eligible. A benefit paid per household is booked
        to its first eligible member.
        """
        return np.column_stack(self._received_of(slice(None)))

    def _received_of(self, persons: Any) -> list[FloatArray]:
        """Return whether some persons receive each scheme: an array a scheme."""
        receipt, reach = self.receipt, _reach(self.package)
        return [
            receipt.chance[s][persons] if s in receipt.chance else receipt.holds(s, persons) * share
            for s, share in enumerate(reach)
        ]

    def each(self, scheme: int, persons: Any = slice(None)) -> FloatArray:
        """Return currency that each person, or some, are paid per year by the scheme of a position."""
        receipt, amount = self.receipt, self.receipt.each.get(scheme)
        if scheme in receipt.chance:
            share: FloatArray = receipt.chance[scheme][persons]
        else:
            share = receipt.holds(scheme, persons) * _reach(self.package)[scheme]
        return np.asarray(share * (self.amounts[scheme] if amount is None else amount[persons]))

    def _added(self, columns: int, of: Callable[[slice], Iterable[FloatArray]]) -> FloatArray:
        """Return what persons have, added up by household: (households, columns), from a block of them at a time."""
        made = np.empty((self.survey.n_households, columns))
        for homes, persons, first in self.survey.blocks():
            total = np.empty(len(first) - 1)
            for k, values in enumerate(of(persons)):
                _totals.member_sums(values, first, total)
                made[homes, k] = total
        return made

    @cached_property
    def household(self) -> FloatArray:
        """Currency that each household is paid per year, of shape (households, schemes)."""
        paid = np.empty(self.recipients.shape)
        _payments.household_transfer(self.recipients, self.amounts * _reach(self.package), paid)
        for s in self.receipt.apart:
            paid[:, s] = self.survey.sum_over_members(self.each(s))
        return paid

    @cached_property
    def people(self) -> FloatArray:
        """People who receive, by household: one column a scheme, and the last for those with at least one."""
        survey, reach = self.survey, _reach(self.package)
        made = self.people_paid.copy()
        for s, scheme in enumerate(self.package.schemes):
            if scheme.per == "household":
                chance = self.receipt.chance.get(s)
                paid = self.recipients[:, s] * reach[s] if chance is None else survey.sum_over_members(chance)
                made[:, s] = survey.weight * paid
        return made

    @cached_property
    def money(self) -> FloatArray:
        """Currency a year that households stand for, by each scheme whose amount varies: (households, such schemes)."""
        return self._added(len(self.costing.varying), lambda persons: self._money_of(persons).T.copy())

    @property
    def money_of_persons(self) -> FloatArray:
        """Currency a year that persons stand for, by each scheme whose amount varies: (persons, such schemes)."""
        return self._money_of(slice(None))

    def _money_of(self, persons: Any) -> FloatArray:
        """Return ``money_of_persons`` of some."""
        survey, of = self.survey, self.survey.household_of[persons]
        made = [
            (survey.weights_of(persons) if self.package.schemes[s].per == "person" else survey.weight[of])
            * self.each(s, persons)
            for s in self.costing.varying
        ]
        return np.column_stack([np.empty((len(of), 0)), *made])

    @cached_property
    def people_paid(self) -> FloatArray:
        """People who are paid themselves, by household: columns as in ``people``, a benefit of all to one of them."""

        def people(persons: slice) -> Iterator[FloatArray]:
            own = self.survey.weights_of(persons)
            return (own * column for column in self._columns_paid(persons))

        return self._added(len(self.amounts) + 1, people)

    @property
    def paid(self) -> FloatArray:
        """``received``, and a last column for those with at least one: (persons, schemes + 1)."""
        return self.paid_of(slice(None))

    def paid_of(self, persons: Any) -> FloatArray:
        """Return ``paid`` of some."""
        return np.column_stack(self._columns_paid(persons))

    def _columns_paid(self, persons: Any) -> list[FloatArray]:
        """Return ``paid`` of some: an array a column."""
        received = self._received_of(persons)
        none = 1.0 - received[0]
        for chance in received[1:]:
            none *= 1.0 - chance
        return [*received, 1.0 - none]

    @cached_property
    def reached(self) -> FloatArray:
        """Whether somebody in each household is paid, of shape (households, schemes + 1), as in ``paid``."""
        made = np.empty((self.survey.n_households, len(self.amounts) + 1))
        for homes, persons, first in self.survey.blocks():
            _totals.member_chances(self.paid_of(persons), first, made[homes])
        return made

    @cached_property
    def cases(self) -> FloatArray:
        """Recipients in the sample by household, unweighted, of those with a weight: columns as in ``paid``."""

        def counted(persons: slice) -> Iterator[FloatArray]:
            own = self.survey.weights_of(persons) > 0
            return (((column > 0) & own).astype(np.float64) for column in self._columns_paid(persons))

        return self._added(len(self.amounts) + 1, counted)

    @property
    def cost(self) -> "pd.DataFrame":
        """Recipients and cost a year, by scheme and of the package.

        Columns: scheme, recipients (persons; households where a benefit is paid per household; persons with at least
        one in the last row, "package"), transfer_cost, total_cost with administration, and total_cost as a share of
        GDP and of the government's revenue and expenditure (NaN where these are not given): cost_gdp, cost_revenue,
        cost_expenditure; and cost_taxes, where taxes are given. Existing benefits that a scheme replaces are not taken
        off.
        """
        import pandas as pd

        totals = np.concatenate([self.people.sum(axis=0), self.money.sum(axis=0)])
        measures = self.costing.measures(totals[:, None])
        names = [*(scheme.name for scheme in self.package.schemes), PACKAGE]
        lacking = {name: np.full((len(names), 1), np.nan) for name in SHARES[:3]}
        made = {name: measures[name] for name in ("recipients", "transfer_cost", "total_cost")}
        columns = {name: values[:, 0] for name, values in (made | lacking | measures).items()}
        return pd.DataFrame({"scheme": names, **columns})

    @property
    def costing(self) -> "Costing":
        """What turns recipients into costs."""
        return Costing.of(self.amounts, self.package, self.economy)

    def __repr__(self) -> str:
        last, schemes = self.cost.iloc[-1], len(self.amounts)
        return (
            f"Transfers of {schemes} scheme{'s' if schemes > 1 else ''}: "
            f"{last.recipients:,.0f} people with at least one, total cost {last.total_cost:,.0f} a year"
        )


def simulate(survey: Survey, package: Package, economy: Economy | None = None) -> Transfers:
    """Pay a package out on a survey.

    A household's members share what any of them receives: welfare after is welfare plus ``mpc`` times the household's
    transfer over its members. Nothing else moves: no behavior, no prices, no taxes.

    Parameters
    ----------
    survey : Survey
        With a frame of persons.
    package : Package
    economy : Economy, default None
        Required by amounts that are shares of GDP per person or of a line.

    Returns
    -------
    Transfers

    Raises
    ------
    InputError
        If there are no persons, a role or column that a scheme needs is lacking or missing, the economy lacks a figure,
        or the survey is not in its prices: see ``Survey.uprated``.

    References
    ----------
    ESCAP, SPOT Simulator: order of calculation.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> households = {"hid": [1, 2], "hhweight": [100, 100], "pc": [50.0, 80.0], "ea": [1, 2]}
    >>> persons = {"hid": [1, 1, 2], "age": [40, 3, 70]}
    >>> survey = sp.Survey(households, persons, welfare="pc", psu="ea")
    >>> transfers = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(10, "month"))]))
    >>> transfers.welfare_after
    array([55., 80.])
    >>> float(transfers.cost.total_cost.iloc[-1])
    12600.0

    Nobody is old enough:

    >>> sp.simulate(survey, sp.Package([sp.old_age_pension(sp.Amount(10, "month"), min_age=90)])).welfare_after
    array([50., 80.])
    """
    if not isinstance(survey, Survey) or not isinstance(package, Package):
        wrong = package if isinstance(survey, Survey) else survey
        fail_type("simulate() takes a Survey and a Package", wrong, "Build them with Survey(...) and Package([...]).")
    if economy is not None and not isinstance(economy, Economy):
        fail_type("economy must be an Economy", economy, "Build it with Economy(gdp=..., lines={...}).")
    if economy is not None and not survey.in_prices_of(economy):
        fail(
            "Welfare and amounts must be in prices of one year",
            f"the survey was uprated by {survey.uprating:.6g}, and the economy asks for {economy.uprating:.6g}",
            "Pass survey.uprated(economy).",
        )
    if survey.persons is None:
        fail("Schemes are paid to persons", "the survey has no frame of persons", "Pass persons to the Survey.")
    now = package.in_year(None if economy is None else economy.year)
    made = _paid_out(survey, now, economy)
    return made if now is package else replace(made, phased=package)


def _paid_out(survey: Survey, package: Package, economy: Economy | None) -> Transfers:
    """Pay a package out whose coverage is that of one year."""
    _check(survey, package)
    amounts = np.array([_amount(scheme, economy, survey, package) for scheme in package.schemes])
    after = _paid_at_once(survey, package, amounts * _reach(package))
    if after is not None:
        return Transfers(survey, package, economy, amounts, None, after)
    bits = eligible(survey, package.schemes)
    admitted, cuts = aim(survey, package.schemes, economy, bits)
    without = _without(survey, package)
    leaks = leaks_of(survey, package, bits, in_target(cuts, admitted, survey.household_of))

    def pay(admitted: BitArray) -> Transfers:
        receipt = paid(survey, package, economy, *reached(survey, package, bits, admitted, leaks))
        made = Transfers(survey, package, economy, amounts, receipt, None)
        return made if without is None else replace(made, welfare_after=_welfare_after(made, without))

    def receipts(made: Transfers, household: CodeArray) -> tuple[CodeArray, FloatArray, FloatArray | None]:
        if package.draws != "exact" or without is None or not len(household):
            return certain(household, made.welfare_after)
        money = np.tile(amounts, (survey.n_persons, 1))
        for s, each in made.receipt.each.items():
            money[:, s] = each
        home, share, total = receipts_of(survey.household_of, made.received, money, household, survey.show_household)
        periods = YEARLY[survey.welfare_period]
        return home, share, without[home] + total * (package.mpc / (survey.sharing[home] * periods))

    if not cuts and package.draws != "exact":
        return pay(admitted)
    full: Transfers
    full, outcomes = outcomes_of(cuts, admitted, survey.household_of, pay, receipts)
    return replace(full, outcomes=outcomes)


def _paid_at_once(survey: Survey, package: Package, amounts: FloatArray) -> FloatArray | None:
    """Return welfare after schemes that pay everybody eligible alike; None if there are others, or no welfare."""
    if survey.welfare is None or package.replaced:
        return None
    schemes = package.schemes
    alike = all(
        scheme.who is None
        and scheme.per == "person"
        and scheme.target is None
        and (scheme.coverage == 1 or package.draws == "expected")
        and not (scheme.varies or scheme.unless or scheme.max_recipients or chances(scheme))
        for scheme in schemes
    )
    if not alike or np.diff(survey.first_person).max() > MOST:
        return None
    age, age_admits = ages(survey, schemes)
    trait, trait_admits = traits(survey, schemes)
    after, room = np.empty(survey.n_households), np.empty(blocks_of(survey, BLOCK), dtype=np.uint64)
    _payments.pay(
        age,
        trait,
        _words(age_admits, len(schemes)),
        _words(trait_admits, len(schemes)),
        survey.first_person,
        amounts,
        survey.welfare,
        survey.sharing,
        package.mpc,
        YEARLY[survey.welfare_period],
        BLOCK,
        room,
        after,
    )
    return after


def _words(admits: BitArray, schemes: int) -> BitArray:
    """Return sets of schemes with a byte for each: (words, codes), eight schemes to a word."""
    words = np.zeros((-(-schemes // 8), len(admits)), dtype=np.uint64)
    for s in range(schemes):
        words[s // 8] |= (admits >> np.uint64(s) & np.uint64(1)) << np.uint64(s % 8 * 8)
    return words


def _receipt(survey: Survey, package: Package) -> Receipt:
    """Return who is paid by schemes that pay everybody eligible alike."""
    schemes = package.schemes
    age, age_admits = ages(survey, schemes)
    trait, trait_admits = traits(survey, schemes)
    bits = np.empty(survey.n_persons, dtype=word_of(len(schemes)))
    for _, persons, _ in survey.blocks():
        word = np.empty(persons.stop - persons.start, dtype=np.uint64)
        _payments.admit(age[persons], trait[persons], age_admits, trait_admits, word)
        bits[persons] = word
    return Receipt(survey, len(schemes), bits)


def _welfare_after(transfers: Transfers, without: FloatArray | None) -> FloatArray:
    """Return welfare per person and period after the transfers, and without the benefits that they replace."""
    survey, package = transfers.survey, transfers.package
    periods, after = YEARLY[survey.welfare_period], np.empty(survey.n_households)
    assert survey.welfare is not None
    if transfers.receipt.apart:
        total = np.zeros(survey.n_households)
        for column in transfers.household.T:
            total += column
        after = survey.welfare + total * (package.mpc / (survey.sharing * periods))
    else:
        amounts = transfers.amounts * _reach(package)
        _payments.welfare_after(
            survey.welfare, transfers.recipients, amounts, survey.sharing, package.mpc, periods, after
        )
    return after if without is survey.welfare or without is None else np.asarray(after - (survey.welfare - without))


def _without(survey: Survey, package: Package) -> FloatArray | None:
    """Return welfare without the benefits that a package replaces, as far as these were consumed."""
    if survey.welfare is None or not package.replaced:
        return survey.welfare
    lost = survey.as_welfare(np.add.reduce([survey.existing[name] for name in package.replaced]))
    _check_without(survey, package, survey.welfare - lost)
    return np.asarray(survey.welfare - package.mpc * lost)


def _check_without(survey: Survey, package: Package, without: FloatArray) -> None:
    """Raise or warn, as the package says, where a household has less than nothing without what is replaced."""
    below = without < 0
    if not below.any():
        return
    names = ", ".join(map(repr, package.replaced))
    must = f"Welfare without {names} must be 0 or more"

    def show(i: int) -> str:
        return f"{survey.show_household(i)}: {without[i]:g}"

    if package.negative == "error":
        fail_if_any(below, must, "Mend the benefit or welfare, or pass negative='keep' to the Package.", show)
    warn(must.replace("must", "should"), offenders(below, show), "It is kept as it is.")


def _amount(scheme: Scheme, economy: Economy | None, survey: Survey, package: Package) -> float:
    """Return currency per recipient and year; NaN where it varies."""
    a_year = scheme.per_year(economy, survey.welfare_period, package.compat)
    return float("nan") if scheme.varies else a_year


def _reach(package: Package) -> FloatArray:
    """Return what a recipient counts for in each scheme: 1, or the coverage where nothing is drawn.

    Where chances vary between persons they are with the receipt, and a recipient counts for 1 here.
    """
    expected = package.draws != "seeded"
    return np.array([scheme.coverage if expected and not chances(scheme) else 1.0 for scheme in package.schemes])


def _check(survey: Survey, package: Package) -> None:
    """Raise if the survey cannot answer what the package asks; warn of expected draws."""
    for scheme in package.schemes:
        what = f"scheme {scheme.name!r}"
        for key in ("replaces", "tops_up"):
            for name in getattr(scheme, key):
                fail_if_unknown(
                    name, survey.existing, f"{key} of {what}", "Benefits are named by Survey(existing={name: column})."
                )
        if scheme.schedule.starts is not None and survey.welfare is None:
            fail(f"The taper of {what} needs welfare", "the survey has none", "Pass welfare=.")
    drawn = [scheme for scheme in package.schemes if scheme.coverage < 1 or chances(scheme)]
    if package.draws != "seeded" and drawn:
        _check_unseeded(package, {scheme.name for scheme in drawn})
    if package.draws == "expected" and drawn:
        warn(
            "draws='expected' should be used for cost and means alone",
            f"scheme {drawn[0].name!r} reaches a part of the eligible, and everybody is given that part of the amount",
            "The fall of poverty is overstated, because nobody is left out: use draws='seeded'.",
        )
    # Who is drawn would depend on the order of rows: a draw needs a key, and an identifier of the person.
    drawn = [scheme for scheme in drawn if scheme.coverage > 0 and package.draws == "seeded"]
    if not drawn:
        return
    what = f"Scheme {drawn[0].name!r} draws recipients, and"
    otherwise = "or draws='expected' to the Package."
    if survey.names["household"] is None:
        fail(f"{what} must know each row again", "the survey has household=None", f"Pass its key, {otherwise}")
    if (
        survey.names["person"] is None
        and any(scheme.per == "person" for scheme in drawn)
        and survey.n_persons > survey.n_households
    ):
        fail(f"{what} must know each person again", "the survey has person=None", f"Pass person= to it, {otherwise}")


def _check_unseeded(package: Package, drawn: set[str]) -> None:
    """Raise where a part of an amount, or its chance, rests on who else is paid."""
    for scheme in package.schemes:
        rests = {
            "unless": any(name in drawn for name in scheme.unless),
            "max_recipients": scheme.max_recipients is not None and scheme.name in drawn,
            "max_amount": scheme.max_amount is not None and scheme.name in drawn,
            "tops_up": bool(scheme.tops_up) and scheme.name in drawn,
            "amount": scheme.schedule.by == "recipients" and scheme.name in drawn,
        }
        for key, yes in rests.items():
            if yes:
                fail(
                    f"{key} of scheme {scheme.name!r} must rest on who is paid",
                    f"with draws={package.draws!r} everybody is, in part",
                    "Use draws='seeded'.",
                )


def spread(
    survey: Survey,
    package: Package,
    economy: Economy | None = None,
    *,
    lines: Mapping[str, float] | None = None,
    seeds: int = 20,
) -> "pd.DataFrame":
    """Return how far the point values of a package move with its seed.

    A draw is part of the scenario: its chance is not in the standard errors, and must not be added to them. This says
    how much of a figure hangs on it.

    Parameters
    ----------
    survey : Survey
        With welfare.
    package : Package
        Of ``draws="seeded"``.
    economy : Economy, default None
    lines : dict of str to float, default None
        Poverty lines by name, per person and ``welfare_period``; None: the economy's.
    seeds : int, default 20
        Number of seeds, from the package's own one on.

    Returns
    -------
    DataFrame
        statistic, of, and over the seeds: mean, sd, lowest, highest.

    Raises
    ------
    InputError
        If the survey has no welfare, or the package draws nothing by seed.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> half = sp.Package([sp.child_benefit(sp.Amount(8, "month"), coverage=0.5)])
    >>> moved = sp.spread(survey, half, lines={"national": 60})
    >>> moved["statistic"].tolist()
    ['mean_welfare', 'headcount', 'poverty_gap', 'total_cost']
    >>> bool((moved["sd"] > 0).all())
    True

    All are paid, whatever the seed:

    >>> whole = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> float(sp.spread(survey, whole, seeds=2)["sd"].max())
    0.0
    """
    import pandas as pd

    if not isinstance(package, Package):
        fail_type("spread() takes a Survey and a Package", package, "Build it with Package([...]).")
    if package.draws != "seeded":
        fail("spread() needs draws='seeded'", f"the package has {package.draws!r}", "There is no seed to change.")
    if isinstance(survey, Survey) and survey.welfare is None:
        fail("spread() needs welfare", "the survey has none", "Pass welfare=.")
    whole(seeds, "seeds", low=2)
    given = (economy.lines if economy else {}) if lines is None else mapping(lines, "lines", "Write {'national': 60}.")
    of_lines = {name: number(line, f"line {name!r}", above=0) for name, line in given.items()}
    made: list[dict[tuple[str, str], float]] = []
    for k in range(seeds):
        transfers = simulate(survey, replace(package, seed=(package.seed + k) % 2**64), economy)
        known = survey.welfare_known
        assert transfers.welfare_after is not None
        welfare, people = transfers.welfare_after[known], survey.people[known]
        figures = {("mean_welfare", ""): mean(welfare, people)}
        for name, line in of_lines.items():
            figures["headcount", name] = fgt(welfare, people, line, 0)
            figures["poverty_gap", name] = fgt(welfare, people, line, 1)
        figures["total_cost", PACKAGE] = float(transfers.cost["total_cost"].iloc[-1])
        made.append(figures)
    values = np.array([list(figures.values()) for figures in made])
    kept = {"mean": values.mean(axis=0), "sd": values.std(axis=0, ddof=1)}
    kept |= {"lowest": values.min(axis=0), "highest": values.max(axis=0)}
    return pd.DataFrame({"statistic": [key[0] for key in made[0]], "of": [key[1] for key in made[0]], **kept})
