"""From schemes to transfers: who is paid, how much, what it costs, and welfare after."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._columns import Column
from ._expressions import parse
from ._kernels import _eligibility, _transfers
from ._typing import BitArray, BoolArray, CodeArray, CountArray, FloatArray
from ._validate import fail, fail_if_any, fail_type
from .economy import YEARLY, Economy
from .schemes import Package, Scheme
from .survey import Survey

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "package"  # what the row of all schemes is called
OLDEST = 254  # the last code of age; 255 is unknown
UNKNOWN = 255
ALL = (1 << 64) - 1


@dataclass(frozen=True, eq=False)
class Costing:
    """What turns numbers of recipients into costs: amounts a year by scheme, and the figures of the economy."""

    amounts: FloatArray
    administration: float
    gdp: float | None
    revenue: float | None

    def measures(self, people: FloatArray) -> dict[str, FloatArray]:
        """Return recipients and costs from numbers of people: each (schemes + 1, replicates), the package's last.

        Cost is amount times recipients, so that both rest on the same weights.
        """
        paid = np.empty_like(people)
        paid[-1] = 0.0
        for s, amount in enumerate(self.amounts):
            paid[s] = amount * people[s]
            paid[-1] += paid[s]
        total = paid * (1 + self.administration)
        made = {"recipients": people, "transfer_cost": paid, "total_cost": total}
        for name, whole in (("cost_gdp", self.gdp), ("cost_revenue", self.revenue)):
            if whole is not None:
                made[name] = total / whole
        return made


@dataclass(frozen=True, eq=False)
class Transfers:
    """What a package pays on a survey.

    ``received`` says whether each person receives each scheme, of shape (persons, schemes); ``cost`` is the frame of
    recipients and cost a year, by scheme and of the package.

    Attributes
    ----------
    survey : Survey
    package : Package
    economy : Economy or None
    amounts : ndarray of shape (schemes,)
        Currency per recipient and year.
    bits : ndarray of shape (persons,), uint64
        Schemes that each person receives, the s-th scheme in bit s; ``received`` spells them out.
    recipients : ndarray of shape (households, schemes), int32
        Recipients in each household; the eligible, where draws are expected.
    household : ndarray of shape (households, schemes)
        Currency paid to each household per year.
    welfare_after : ndarray of shape (households,), or None
        Per person and the survey's ``welfare_period``; None where the survey has no welfare.

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
    bits: BitArray
    recipients: CodeArray
    welfare_after: FloatArray | None

    @property
    def received(self) -> FloatArray:
        """Whether each person receives each scheme, of shape (persons, schemes).

        1 or 0; where draws are expected, the coverage of a scheme for those eligible. A benefit paid per household is
        booked to its first eligible member.
        """
        each = (self.bits[:, None] >> np.arange(len(self.amounts), dtype=np.uint64)) & np.uint64(1)
        return each * _reach(self.package)

    @cached_property
    def household(self) -> FloatArray:
        """Currency that each household is paid per year, of shape (households, schemes)."""
        paid = np.empty(self.recipients.shape)
        _transfers.household_transfer(self.recipients, self.amounts * _reach(self.package), paid)
        return paid

    @property
    def people(self) -> FloatArray:
        """People who receive, by household: one column a scheme, and the last for those with at least one."""
        survey, reach, paid = self.survey, _reach(self.package), self.paid
        by_scheme = np.column_stack(
            [
                survey.weight * self.recipients[:, s] * reach[s]
                if scheme.per == "household"
                else survey.sum_over_members(survey.person_weight * paid[:, s])
                for s, scheme in enumerate(self.package.schemes)
            ]
        )
        return np.column_stack([by_scheme, survey.sum_over_members(survey.person_weight * paid[:, -1])])

    @cached_property
    def paid(self) -> FloatArray:
        """``received``, and a last column for those with at least one: (persons, schemes + 1)."""
        received = self.received
        return np.column_stack([received, 1.0 - np.prod(1.0 - received, axis=1)])

    @cached_property
    def reached(self) -> FloatArray:
        """Whether somebody in each household is paid, of shape (households, schemes + 1), as in ``paid``."""
        return 1.0 - np.multiply.reduceat(1.0 - self.paid, self.survey.first_person[:-1], axis=0)

    @property
    def cost(self) -> "pd.DataFrame":
        """Recipients and cost a year, by scheme and of the package.

        Columns: scheme, recipients (persons; households where a benefit is paid per household; persons with at least
        one in the last row, "package"), transfer_cost, total_cost with administration, and total_cost as a share of
        GDP and of government revenue (NaN where these are not given).
        """
        import pandas as pd

        measures = self.costing.measures(self.people.sum(axis=0)[:, None])
        names = [*(scheme.name for scheme in self.package.schemes), PACKAGE]
        lacking = {name: np.full((len(names), 1), np.nan) for name in ("cost_gdp", "cost_revenue")}
        columns = {name: values[:, 0] for name, values in (measures | lacking | measures).items()}
        return pd.DataFrame({"scheme": names, **columns})

    @property
    def costing(self) -> "Costing":
        """What turns recipients into costs."""
        economy = self.economy or Economy()
        return Costing(self.amounts, self.package.administration, economy.gdp, economy.revenue)

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
        If there are no persons, a role or column that a scheme needs is lacking or missing, or the economy lacks a
        figure.

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
    if survey.persons is None:
        fail("Schemes are paid to persons", "the survey has no frame of persons", "Pass persons to the Survey.")
    schemes = package.schemes
    amounts = np.array([scheme.per_year(economy, survey.welfare_period) for scheme in schemes])
    age, age_admits = _ages(survey, schemes)
    trait, trait_admits = _traits(survey, schemes)
    bits, recipients = _receipt(survey, package, age, age_admits, trait, trait_admits)
    after = None
    if survey.welfare is not None:
        after = np.empty(survey.n_households)
        periods = YEARLY[survey.welfare_period]
        _transfers.welfare_after(
            survey.welfare, recipients, amounts * _reach(package), survey.equivalents, package.mpc, periods, after
        )
    return Transfers(survey, package, economy, amounts, bits, recipients, after)


def _reach(package: Package) -> FloatArray:
    """Return what a recipient counts for in each scheme: 1, or the coverage where draws are expected."""
    expected = package.draws == "expected"
    return np.array([scheme.coverage if expected else 1.0 for scheme in package.schemes])


def _receipt(
    survey: Survey, package: Package, age: CountArray, age_admits: BitArray, trait: CountArray, trait_admits: BitArray
) -> tuple[BitArray, CodeArray]:
    """Return the schemes that each person receives, as bits, and the recipients by household and scheme."""
    schemes = package.schemes
    bits = np.empty(survey.n_persons, dtype=np.uint64)
    recipients = np.zeros((survey.n_households, len(schemes)), dtype=np.int32)
    _eligibility.admit(age, trait, age_admits, trait_admits, bits)
    if any(scheme.who is not None for scheme in schemes):
        chosen = np.full(survey.n_persons, _bits(scheme.who is None for scheme in schemes), dtype=np.uint64)
        for s, scheme in enumerate(schemes):
            if scheme.who is not None:
                holds = parse(scheme.who, f"who of scheme {scheme.name!r}").mask(survey.person_column)
                chosen |= holds.astype(np.uint64) << np.uint64(s)
        bits &= chosen
    _check_identities(survey, package)
    once = _bits(scheme.per == "household" for scheme in schemes)
    drawn = 0 if package.draws == "expected" else _bits(scheme.coverage < 1 for scheme in schemes)
    if once or drawn:
        nobody = np.empty(0, dtype=np.uint64)
        _eligibility.draw(
            survey.first_person,
            once,
            drawn,
            package.seed,
            np.array([scheme.coverage for scheme in schemes]),
            np.array([scheme.stream for scheme in schemes], dtype=np.uint32),
            survey.roster.household_identity if drawn else nobody,
            survey.roster.person_identity if drawn else nobody,
            bits,
        )
    room = np.empty(survey.n_persons + 1, dtype=np.uint64)
    _eligibility.count(survey.first_person, bits, room, recipients)
    return bits, recipients


def _check_identities(survey: Survey, package: Package) -> None:
    """Raise if who is drawn would depend on the order of rows: a draw needs a key, and an identifier of the person."""
    drawn = [scheme for scheme in package.schemes if 0 < scheme.coverage < 1 and package.draws == "seeded"]
    if not drawn:
        return
    what = f"Scheme {drawn[0].name!r} draws recipients, and"
    otherwise = "or draws='expected' to the Package."
    if survey.names["household"] is None:
        fail(f"{what} must know each row again", "the survey has household=None", f"Pass its key, {otherwise}")
    if (
        survey.names["person"] is None
        and any(scheme.per == "person" for scheme in drawn)
        and survey.n_persons > (survey.n_households)
    ):
        fail(f"{what} must know each person again", "the survey has person=None", f"Pass person= to it, {otherwise}")


def _bits(holds: Iterable[bool]) -> int:
    """Return a set of schemes as a word: bit s is set where the s-th holds."""
    return sum(int(yes) << s for s, yes in enumerate(holds))


def _ages(survey: Survey, schemes: Sequence[Scheme]) -> tuple[CountArray, BitArray]:
    """Return each person's age as a byte, and the schemes that every age admits to."""
    asking = [scheme.min_age is not None or scheme.max_age is not None for scheme in schemes]
    admits = np.full(256, ALL, dtype=np.uint64)
    if not any(asking):
        return np.zeros(survey.n_persons, dtype=np.uint8), admits
    codes: CountArray = _coded(survey, "age", _age)
    years = np.arange(256)
    for s, scheme in enumerate(schemes):
        if asking[s]:
            low = 0 if scheme.min_age is None else scheme.min_age
            high = OLDEST if scheme.max_age is None else scheme.max_age
            admits[~((years >= low) & (years <= high) & (years != UNKNOWN))] &= np.uint64(ALL ^ (1 << s))
    return codes, admits


def _traits(survey: Survey, schemes: Sequence[Scheme]) -> tuple[CountArray, BitArray]:
    """Return sex, disability and a recent birth as one byte a person, and the schemes that every byte admits to."""
    parts: list[CountArray] = []
    admits = np.full(256, ALL, dtype=np.uint64)
    byte = np.arange(256)
    if any(scheme.disability for scheme in schemes):
        parts.append(_coded(survey, "disability", _disability))
        admits[byte & 1 == 0] &= np.uint64(ALL ^ _bits(scheme.disability for scheme in schemes))
    if any(scheme.birth for scheme in schemes):
        parts.append(_coded(survey, "birth", _birth))
        admits[byte & 2 == 0] &= np.uint64(ALL ^ _bits(scheme.birth for scheme in schemes))
    if any(scheme.sex is not None for scheme in schemes):
        column, present, labels, codes = _coded(survey, "sex", _sex)
        parts.append(codes)
        for s, scheme in enumerate(schemes):
            if scheme.sex is None:
                continue
            wanted = [
                k
                for k, (value, label) in enumerate(zip(present, labels, strict=True))
                if scheme.sex == (label if isinstance(scheme.sex, str) else None if column.is_text else value)
            ]
            if not wanted:
                fail(
                    f"sex of scheme {scheme.name!r} must be a level of {column.name!r}",
                    f"{scheme.sex!r} is none of {', '.join(labels)}",
                    "Use one of these, or the code.",
                )
            admits[byte >> 2 != wanted[0] + 1] &= np.uint64(ALL ^ (1 << s))
    if not parts:
        return np.zeros(survey.n_persons, dtype=np.uint8), admits
    trait = parts[0]
    for part in parts[1:]:
        trait = trait | part
    return trait, admits


def _coded(survey: Survey, role: str, code: Callable[[Survey], Any]) -> Any:
    """Return what a role says of every person as bytes, checked and made once for a survey."""
    if role not in survey.role_codes:
        survey.role_codes[role] = code(survey)
    return survey.role_codes[role]


def _age(survey: Survey) -> CountArray:
    """Return completed years, or UNKNOWN."""
    column = survey.role("age")
    values = column.numbers(f"The age {column.name!r}")
    if len(values) and values.min() >= 0 and values.max() <= 150:  # the usual case, without a mask; NaN is neither
        return np.asarray(values, dtype=np.uint8)
    _refuse_missing(survey, column.missing, f"age {column.name!r}")
    fail_if_any(
        (values < 0) | (values > 150),
        f"Every age {column.name!r} must be 0 to 150 years",
        "Mend codes such as 999.",
        lambda i: f"{survey.show_person(i)}: {values[i]:g}",
    )
    return np.where(column.missing, UNKNOWN, values).astype(np.uint8)


def _disability(survey: Survey) -> CountArray:
    """Return 1 for persons with a disability."""
    column = survey.role("disability")
    values = column.numbers(f"Disability {column.name!r}")
    disabled = values == 1
    wrong = ~(disabled | (values == 0))
    if wrong.any():
        _refuse_missing(survey, column.missing, f"disability {column.name!r}")
        fail_if_any(
            wrong & ~column.missing,
            f"Disability {column.name!r} must be 0 or 1",
            "Recode it, or derive a column of 0 and 1.",
            lambda i: f"{survey.show_person(i)}: {column.label(values[i])}",
        )
    return np.asarray(disabled, dtype=np.uint8)


def _birth(survey: Survey) -> CountArray:
    """Return 2 for those with a birth; it is missing where nobody asked: men, children, older women."""
    column = survey.role("birth")
    return (column.numbers(f"The births {column.name!r}") >= 1).astype(np.uint8) * np.uint8(2)


def _sex(survey: Survey) -> tuple[Column, FloatArray, tuple[str, ...], CountArray]:
    """Return the column, its values and their labels, and each person's position among them plus 1, times 4."""
    column = survey.role("sex")
    _refuse_missing(survey, column.missing, f"sex {column.name!r}")
    present, codes, labels = column.categories()
    if len(present) > 60:
        fail(f"Sex {column.name!r} must have few levels", f"it has {len(present)}", "Name the right column.")
    return column, present, labels, ((codes + 1) << 2).astype(np.uint8)


def _refuse_missing(survey: Survey, missing: BoolArray, what: str) -> None:
    """Raise where a role that a scheme needs is missing, unless such rows are to be dropped: they are not eligible."""
    if survey.missing == "error":
        fail_if_any(
            missing,
            f"The {what} must be known for every person",
            "Mend these rows, or pass missing='drop': they are then not eligible.",
            survey.show_person,
        )
