"""Statistics of a package: whom it reaches, who gains how much, what it costs. Without a package they are nothing."""

from dataclasses import dataclass, replace

import numpy as np

from ._domains import Domain, FullSample, Row
from ._eligible import age_limits
from ._household_types import CHILD, OLDER
from ._prepared import Asked, Scenario, Statistic, prepare_additive
from ._typing import BoolArray, FloatArray, LongArray
from ._validate import choice, fail, fail_type, number
from .measures import check_positive
from .schemes import Scheme
from .survey import Survey
from .transfers import PACKAGE, Costing, Transfers

GAINS = ("ratio of means", "mean of ratios")


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
        rows = domain.rows
        reached = rows.weight * transfers.by_outcome("reached")[rows.outcome].T
        if rows.unit == "person":
            paid = rows.weight * transfers.of_persons("paid", rows.index, rows.outcome).T
        else:
            paid = rows.share * transfers.by_outcome("people_paid")[rows.outcome].T
        columns = (rows.weight, *reached, *paid)
        made: list[Asked] = [prepare_additive(_CoverageBy(_schemes(transfers)), scenario.name, domain, columns)]
        if self.intended or self.groups:
            # Where a household has one outcome, its members are added up at once: fewer rows, and the same sums.
            unit = None if transfers.outcomes is None else "person"
            made += self._of_groups(transfers, scenario.name, scenario.domain(full, by, with_welfare=False, unit=unit))
        return made

    def _of_groups(self, transfers: Transfers, scenario: str, domain: Domain) -> list[Asked]:
        """Return coverage among those whom schemes are meant for, and in the groups of people."""
        rows, survey, schemes = domain.rows, transfers.survey, transfers.package.schemes
        together = rows.unit == "household"
        person = np.arange(survey.n_persons, dtype=np.int32) if together else rows.index
        outcome = survey.household_of if together else rows.outcome
        weight = survey.person_weight if together else rows.weight
        once = weight > 0 if together else rows.cases
        paid = transfers.of_persons("paid", person, outcome)
        reached = transfers.by_outcome("reached")[outcome]

        def of_rows(column: FloatArray) -> FloatArray:
            return survey.sum_over_members(column)[rows.index] if together else column

        asked: list[tuple[BoolArray, list[tuple[Row, FloatArray]]]] = []
        for s, scheme in enumerate(schemes if self.intended else ()):
            among = intended(survey, scheme)
            if among is not None:
                got = reached[:, s] if scheme.per == "household" else paid[:, s]
                asked.append((among, [(Row("coverage_direct", scheme.name, "intended", scale="logit"), got)]))
        for param, among in groups_of(survey).items() if self.groups else ():
            both = (("coverage", reached), ("coverage_direct", paid))
            asked.append((among, [(Row(name, PACKAGE, param, scale="logit"), got[:, -1]) for name, got in both]))
        made: list[Asked] = []
        for among, measures in asked:
            own = weight * among[person]
            everybody = of_rows(own)
            counted = np.bincount(domain.level, of_rows((once & among[person]).astype(np.float64)), len(domain.labels))
            cases = np.rint(counted).astype(np.int64)[:, None]
            for row, got in measures:
                columns = (everybody, of_rows(own * got))
                made.append(prepare_additive(_Share(row), scenario, domain, columns, cases=cases))
        return made


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
        people, varying = _recipients(transfers, domain), transfers.costing.varying
        benefit = transfers.amounts[:, None] * people[:-1]
        benefit[list(varying)] = _money(transfers, domain)
        columns = (*benefit, benefit.sum(axis=0), *people)
        of = _IncidenceOf(_schemes(transfers))
        # A share rests on all recipients, as any share on its denominator; and on no more than the level has rows.
        cases = np.minimum(np.tile(_cases(transfers, domain).sum(axis=0), 2), domain.n[:, None])
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
        of = _CostOf(transfers.costing, _schemes(transfers))
        columns, cases = (*_recipients(transfers, domain), *_money(transfers, domain)), _cases(transfers, domain)
        cases = np.repeat(cases, len(of.values()) // len(of.schemes), axis=1)
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


def _schemes(transfers: Transfers) -> tuple[str, ...]:
    """Return the names of the schemes, and what all of them together are called."""
    return (*(scheme.name for scheme in transfers.package.schemes), PACKAGE)


def _cases(transfers: Transfers, domain: Domain) -> LongArray:
    """Return the recipients in the sample by level and scheme, and those with at least one: unweighted."""
    rows, survey = domain.rows, transfers.survey
    paid = ((transfers.paid > 0) & (survey.person_weight > 0)[:, None]).astype(np.float64).T
    if rows.unit == "household":
        paid = np.stack([survey.sum_over_members(column) for column in paid])
    once = rows.cases
    counted = [np.bincount(domain.level[once], column[rows.index[once]], len(domain.labels)) for column in paid]
    return np.rint(counted).astype(np.int64).T


def _recipients(transfers: Transfers, domain: Domain) -> FloatArray:
    """Return recipients by row: one line a scheme, and the last for those with at least one."""
    rows, survey = domain.rows, transfers.survey
    if rows.unit == "household":
        return np.asarray(rows.share * transfers.by_outcome("people")[rows.outcome].T)
    weight = np.column_stack(
        [
            *(
                survey.weight[survey.household_of] if scheme.per == "household" else survey.person_weight
                for scheme in transfers.package.schemes
            ),
            survey.person_weight,
        ]
    )
    paid = transfers.of_persons("paid", rows.index, rows.outcome)
    return np.asarray(rows.share * (weight[rows.index] * paid).T)


def _money(transfers: Transfers, domain: Domain) -> FloatArray:
    """Return currency a year by row: one line for each scheme whose amount varies."""
    rows = domain.rows
    if rows.unit == "household":
        return np.asarray(rows.share * transfers.by_outcome("money")[rows.outcome].T)
    return np.asarray(rows.share * transfers.of_persons("money_of_persons", rows.index, rows.outcome).T)
