"""Statistics of a package: whom it reaches, who gains how much, what it costs. Without a package they are nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ._domains import Domain, FullSample, Row, Rows
from ._eligible import age_limits
from ._household_types import CHILD, OLDER
from ._paid import in_order, names_of, paid_to
from ._prepared import Asked, Scenario, Statistic, prepare_additive
from ._typing import BoolArray, FloatArray
from ._validate import choice, fail, fail_type, number
from .measures import check_positive
from .schemes import Scheme
from .survey import Survey
from .transfers import PACKAGE, Costing, Transfers

GAINS = ("ratio of means", "mean of ratios")
_OfGroup = tuple[Row, FloatArray, FloatArray, FloatArray]  # a share, all of a group, the cases, those who are covered


@dataclass(frozen=True)
class ConsumptionGain(Statistic):
    """What welfare gains by a package, as a share of welfare before.

    By decile it is the gain of those who were in the decile before; by "recipients" that of who lives with somebody
    paid. The gain of all is then coverage times the recipients' gain, where that is a mean of ratios.

    Parameters
    ----------
    kind : {"ratio of means", "mean of ratios"}, default "ratio of means"
        All that is gained over all welfare before; or the mean over people of each one's gain over their own welfare,
        as the SPOT Simulator prints it (``param`` says so): the poorest count for much, and where welfare can be near 0
        it has no finite variance. Its rows are flagged "tail-sensitive" unless trimmed.
    trim : float, above 0, default None
        Of the mean of ratios: people whose welfare before is below this are left out. How many rows of the sample are
        is in the flag: "trimmed 12".

    Raises
    ------
    InputError
        If somebody who counts has welfare of 0 or below, where ratios are asked for; or ``trim`` is, where they are
        not.

    References
    ----------
    ESCAP, SPOT Simulator: consumption by decile.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> after = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    >>> est = sp.estimate(survey, [sp.ConsumptionGain()], {"after": after}, replicates=sp.Bootstrap(50))
    >>> bool(est.ci_low[0] > 0)
    True

    Nothing is paid, and nothing gained:

    >>> nothing = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(0, "month"))]))
    >>> sp.estimate(survey, [sp.ConsumptionGain()], {"after": nothing}, replicates=sp.Bootstrap(50)).value
    array([0.])
    """

    kind: str = "ratio of means"
    trim: float | None = None

    def __post_init__(self) -> None:
        choice(self.kind, GAINS, "kind")
        if self.trim is not None:
            object.__setattr__(self, "trim", number(self.trim, "trim", above=0))
            if self.kind == GAINS[0]:
                fail("trim must be of the mean of ratios", f"kind is {self.kind!r}", "Pass kind='mean of ratios'.")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the gain by some columns."""
        before = scenario.survey.welfare
        if scenario.transfers is None or before is None:
            return []
        domain = scenario.domain(full, by)
        rows, weight = domain.rows, domain.rows.weight
        had = before[rows.household]
        gain = scenario.welfare_of(rows) - had
        counts = gain[weight > 0]
        of = _GainOf(self.kind, "t" if counts.min(initial=0.0) < 0 < counts.max(initial=0.0) else "log")
        if self.kind == GAINS[0]:
            return [prepare_additive(of, scenario.name, domain, (weight * had, weight * gain))]
        kept = had >= (-np.inf if self.trim is None else self.trim)
        must = "The mean of ratios needs welfare above 0 before, for all who count"
        show = scenario.survey.show_household
        check_positive(had, kept & rows.cases, must, lambda i: show(int(rows.household[i])))
        ratio = np.divide(gain, had, out=np.zeros(len(had)), where=kept & (had > 0))
        columns = (weight if self.trim is None else weight * kept, weight * ratio)
        if self.trim is None:
            return [prepare_additive(of, scenario.name, domain, columns)]
        left = np.bincount(domain.level[rows.cases & kept], minlength=len(domain.labels))
        made = prepare_additive(of, scenario.name, domain, columns)
        named = tuple(
            replace(row, n=int(n), flag=f"trimmed {row.n - n:,}" if row.n != n else "")
            for row, n in zip(made.rows, left, strict=True)
        )
        return [replace(made, rows=named)]


@dataclass(frozen=True)
class _GainOf:
    """What welfare gains: the columns are what it is shared by, and the gain. It has one sign where nobody loses."""

    kind: str
    scale: str

    def values(self) -> list[Row]:
        """Return the one value."""
        if self.kind == GAINS[0]:
            return [Row("consumption_gain", scale=self.scale)]
        return [Row("consumption_gain", param=self.kind, scale=self.scale, flag="tail-sensitive")]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the gain over what it is shared by: welfare, or people."""
        return totals[:, 1:] / totals[:, :1]


@dataclass(frozen=True)
class Coverage(Statistic):
    """Share of people whom a scheme reaches.

    ``coverage_direct`` counts those who are paid themselves, ``coverage`` those who live with one who is paid as well:
    direct and indirect. A benefit paid per household is booked to its first eligible member. The last scheme is
    "package": at least one of all, which is SDG indicator 1.3.1's share covered by at least one benefit.

    Parameters
    ----------
    intended : bool, default False
        Also ``coverage_direct`` with ``param`` "intended": of the people whom a scheme is meant for, those who meet its
        conditions on age (its bands of amounts by age are one), sex, disability and birth, the share that is paid; of a
        benefit paid per household, the share that lives in one that is. Who was not asked about births is not among
        them. A scheme without such a condition is meant for everybody, and has no row.
    groups : bool, default False
        Also both measures of the package among the groups that SDG 1.3.1 asks about, by ``param``: "children" under 18,
        "older persons" from 60, "persons with disabilities" and "mothers of newborns", of those whose role the survey
        has.

    Raises
    ------
    InputTypeError
        If either is neither True nor False.

    References
    ----------
    ESCAP, SPOT Simulator: coverage. World Bank, ASPIRE: coverage. United Nations, SDG indicator 1.3.1.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> after = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    >>> est = sp.estimate(survey, [sp.Coverage()], {"after": after}, replicates=sp.Bootstrap(50))
    >>> reached, paid = (est.value[est.find(statistic=s, of="package")] for s in ("coverage", "coverage_direct"))
    >>> bool(reached > paid)
    True

    Nobody is old enough:

    >>> nobody = sp.simulate(survey, sp.Package([sp.old_age_pension(sp.Amount(8, "month"), min_age=120)]))
    >>> sp.estimate(survey, [sp.Coverage()], {"after": nobody}, replicates=sp.Bootstrap(50)).value
    array([0., 0., 0., 0.])
    """

    intended: bool = False
    groups: bool = False

    def __post_init__(self) -> None:
        for key in ("intended", "groups"):
            if not isinstance(getattr(self, key), bool):
                fail_type(f"{key} of Coverage must be True or False", getattr(self, key), "Write True or False.")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return coverage by every scheme and by the package."""
        transfers = scenario.transfers
        if transfers is None:
            return []
        domain = scenario.domain(full, by, with_welfare=False)
        paid = paid_to(transfers, domain)
        columns = (domain.rows.weight, *paid.living, *paid.people)
        made: list[Asked] = [prepare_additive(_CoverageBy(names_of(transfers)), scenario.name, domain, columns)]
        if self.intended or self.groups:
            # Where a household has one outcome, its members are added up at once: fewer rows, and the same sums.
            unit = None if transfers.outcomes is None else "person"
            made += self._of_groups(transfers, scenario.name, scenario.domain(full, by, with_welfare=False, unit=unit))
        return made

    def _of_groups(self, transfers: Transfers, scenario: str, domain: Domain) -> list[Asked]:
        """Return coverage among those whom schemes are meant for, and in the groups of people."""
        rows, people = domain.rows, paid_to(transfers, domain).people
        together = rows.unit == "household"
        found = rows.full.once(
            (self, transfers, None if together else rows),
            lambda: [*self._among(transfers, None if together else rows)],
        )
        made: list[Asked] = []
        for row, everybody, counted, got in found:
            cases, columns = counted, [everybody, got]
            if together and len(rows.index) < len(everybody):
                cases, columns = counted[rows.index], [everybody[rows.index], got[rows.index]]
            # Where nobody outside a group is paid, who is covered in it are all who are paid: that column is there.
            columns = [next((one for one in people if np.array_equal(one, column)), column) for column in columns]
            by_level = np.rint(np.bincount(domain.level, cases, len(domain.labels))).astype(np.int64)[:, None]
            made.append(prepare_additive(_Share(row), scenario, domain, columns, cases=by_level))
        return made

    def _among(self, transfers: Transfers, rows: Rows | None) -> Iterator[_OfGroup]:
        """Yield a share, and its columns by person: all of a group, how many are in the sample, and who is covered.

        Without rows every household has one outcome, and columns are added up by household: fewer rows, and the same
        sums.
        """
        survey, schemes = transfers.survey, transfers.package.schemes
        if rows is None:
            weight, once, reached = survey.person_weight, survey.person_weight > 0, transfers.reached
            paid = transfers.paid
        else:
            weight, once = rows.weight, rows.cases
            reached = transfers.by_outcome("reached")[rows.outcome]
            paid = transfers.of_persons("paid", rows.index, rows.outcome)
        groups: dict[bytes, tuple[FloatArray, FloatArray, FloatArray]] = {}
        covered: dict[tuple[bytes, int], FloatArray] = {}

        def added(column: FloatArray) -> FloatArray:
            return survey.sum_over_members(column) if rows is None else column

        def share(row: Row, among: BoolArray, s: int, *, living: bool) -> _OfGroup:
            name = np.packbits(among).tobytes()  # who is in it: several may ask for one group
            if name not in groups:
                here = among if rows is None else among[rows.index]
                own = weight * here
                groups[name] = own, added(own), added((once & here).astype(np.float64))
            own, everybody, counted = groups[name]
            if living:
                return row, everybody, counted, everybody * reached[:, s]
            if (name, s) not in covered:
                covered[name, s] = added(own * paid[:, s])
            return row, everybody, counted, covered[name, s]

        for s, scheme in enumerate(schemes if self.intended else ()):
            among = intended(survey, scheme)
            if among is not None:
                row = Row("coverage_direct", scheme.name, "intended", scale="logit")
                yield share(row, among, s, living=scheme.per == "household")
        for param, among in groups_of(survey).items() if self.groups else ():
            for name in ("coverage", "coverage_direct"):
                row = Row(name, PACKAGE, param, scale="logit")
                yield share(row, among, len(schemes), living=name == "coverage")


@dataclass(frozen=True)
class _Share:
    """A share of some people: the columns are all of them, and those who count."""

    row: Row

    def values(self) -> list[Row]:
        """Return the one value."""
        return [self.row]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the share."""
        return totals[:, 1:] / totals[:, :1]


def intended(survey: Survey, scheme: Scheme) -> BoolArray | None:
    """Return the persons who meet a scheme's conditions on age, sex, disability and birth; None if it has none."""
    met: list[BoolArray] = []
    first, last = age_limits(scheme)
    if (first, last) != (None, None):
        age = survey.role("age").numbers("The age")
        least = -np.inf if first is None else first
        met.append((age >= least) & (age <= (np.inf if last is None else last)))
    if scheme.sex is not None:
        column = survey.role("sex")
        present, codes, labels = column.categories()
        wanted = [
            scheme.sex == label if isinstance(scheme.sex, str) else not column.is_text and scheme.sex == value
            for value, label in zip(present, labels, strict=True)
        ]
        met.append(np.append(wanted, False)[codes])  # of who is unknown the code is -1
    if scheme.disability:
        met.append(survey.role("disability").numbers("Disability") == 1)
    if scheme.birth:
        met.append(survey.role("birth").numbers("The births") >= 1)
    return np.logical_and.reduce(met) if met else None


def groups_of(survey: Survey) -> dict[str, BoolArray]:
    """Return the persons in each group that SDG indicator 1.3.1 asks about, of those whose role the survey has."""
    found: dict[str, BoolArray] = {}
    if survey.roles["age"] is not None:
        age = survey.role("age").numbers("The age")
        found |= {"children": age < CHILD, "older persons": age >= OLDER}
    if survey.roles["disability"] is not None:
        found["persons with disabilities"] = survey.role("disability").numbers("Disability") == 1
    if survey.roles["birth"] is not None:
        found["mothers of newborns"] = survey.role("birth").numbers("The births") >= 1
    return found


@dataclass(frozen=True)
class _CoverageBy:
    """Coverage by some schemes: the columns are people, people reached, and people paid."""

    schemes: tuple[str, ...]

    def values(self) -> list[Row]:
        """Return both measures of every scheme."""
        return [Row(name, of, scale="logit") for name in ("coverage", "coverage_direct") for of in self.schemes]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return shares of all people."""
        return totals[:, 1:] / totals[:, :1]


@dataclass(frozen=True)
class Incidence(Statistic):
    """How a package falls on the levels of a domain, such as deciles: shares that add up to 1.

    ``benefit_incidence`` is a level's share of all that a scheme pays, ``beneficiary_incidence`` its share of all
    recipients. Of everybody together there is none.

    References
    ----------
    World Bank, ASPIRE: benefits incidence, beneficiary incidence.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> after = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    >>> est = sp.estimate(survey, [sp.Incidence()], {"after": after}, by=["bottom40"], replicates=sp.Bootstrap(50))
    >>> shares = est.frame().query("statistic == 'benefit_incidence' and of == 'package'")
    >>> shares["level"].tolist(), float(shares["value"].sum().round(12))
    (['Bottom 40', 'Top 60'], 1.0)

    Nobody is old enough, and nothing has shares:

    >>> nobody = sp.simulate(survey, sp.Package([sp.old_age_pension(sp.Amount(8, "month"), min_age=120)]))
    >>> est = sp.estimate(survey, [sp.Incidence()], {"after": nobody}, by=["urbrur"], replicates=sp.Bootstrap(50))
    >>> set(est.flags)
    {'empty;no interval'}
    """

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the shares of every scheme and of the package."""
        transfers = scenario.transfers
        if transfers is None or not by:
            return []
        domain = scenario.domain(full, by, with_welfare=False)
        paid, varying = paid_to(transfers, domain), transfers.costing.varying
        money = dict(zip(varying, paid.money, strict=True)) if varying else {}
        benefit = [
            money[s] if s in money else amount * people
            for s, (amount, people) in enumerate(zip(transfers.amounts, paid.recipients[:-1], strict=True))
        ]
        columns = (*benefit, in_order(benefit), *paid.recipients)
        of = _IncidenceOf(names_of(transfers))
        # A share rests on all recipients, as any share on its denominator; and on no more than the level has rows.
        cases = np.minimum(np.tile(paid.recipient_cases(domain).sum(axis=0), 2), domain.n[:, None])
        return [prepare_additive(of, scenario.name, domain, columns, cases=cases)]


@dataclass(frozen=True, eq=False)
class _IncidenceOf:
    """Incidence of one package: the columns are money paid, and recipients."""

    schemes: tuple[str, ...]

    def values(self) -> list[Row]:
        """Return both measures of every scheme."""
        measures = ("benefit_incidence", "beneficiary_incidence")
        return [Row(name, of, scale="logit") for name in measures for of in self.schemes]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return each level's share of all levels, which are added up in their order."""
        whole = totals[0].copy()
        for level in totals[1:]:
            whole += level
        return np.asarray(totals / whole)


@dataclass(frozen=True)
class Cost(Statistic):
    """Recipients and cost of a scenario's package, by scheme and in all; of a level, what its people are paid.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> after = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    >>> est = sp.estimate(survey, [sp.Cost()], {"after": after}, replicates=sp.Bootstrap(50))
    >>> est.frame()["statistic"].unique().tolist()
    ['recipients', 'transfer_cost', 'total_cost']
    >>> cost = est.value[est.find(statistic="total_cost", of="package")]
    >>> round(float(cost), 3) == round(float(after.cost["total_cost"].iloc[-1]), 3)
    True

    Without a scenario it is nothing:

    >>> sp.estimate(survey, [sp.Cost()])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: Every statistic must have a value, but Cost has none without a scenario. ...
    """

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return recipients and cost; of no package they are nothing."""
        transfers = scenario.transfers
        if transfers is None:
            return []
        domain = scenario.domain(full, by, with_welfare=False)
        paid, of = paid_to(transfers, domain), _CostOf(transfers.costing, names_of(transfers))
        columns = (*paid.recipients, *(paid.money if transfers.costing.varying else ()))
        cases = np.repeat(paid.recipient_cases(domain), len(of.values()) // len(of.schemes), axis=1)
        return [prepare_additive(of, scenario.name, domain, columns, cases=cases)]


@dataclass(frozen=True, eq=False)
class _CostOf:
    """Cost of one package: the columns are people by scheme, people with at least one, and money where it varies."""

    costing: Costing
    schemes: tuple[str, ...]

    def values(self) -> list[Row]:
        """Return every measure of every scheme, then of the package."""
        measures = self.costing.measures(np.zeros((self.costing.rows, 1)))
        return [Row(measure, name, scale="log") for name in self.schemes for measure in measures]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the measures of every level."""
        made = [np.stack(list(self.costing.measures(people).values()), axis=1) for people in totals]
        return np.stack([measures.reshape(-1, totals.shape[-1]) for measures in made])
