"""Statistics of a package: whom it reaches, who gains how much, what it costs. Without a package they are nothing."""

from dataclasses import dataclass

import numpy as np

from ._domains import Domain, FullSample, Row
from ._prepared import Asked, Scenario, Statistic, prepare_additive
from ._typing import FloatArray, LongArray
from .transfers import PACKAGE, Costing, Transfers


@dataclass(frozen=True)
class ConsumptionGain(Statistic):
    """What welfare gains by a package, as a share of all welfare before: the ratio of two means.

    By decile it is the gain of those who were in the decile before.

    References
    ----------
    ESCAP, SPOT Simulator: consumption by decile. It prints the mean of each person's ratio, in which the poorest count
    for much; this is the ratio of the means.

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

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the gain by some columns."""
        before = scenario.survey.welfare
        if scenario.transfers is None or before is None:
            return []
        domain = scenario.domain(full, by)
        rows, weight = domain.rows, domain.rows.weight
        gain = scenario.welfare()[rows.outcome] - before[rows.household]
        columns = (weight * before[rows.household], weight * gain)
        return [prepare_additive(self, scenario.name, domain, columns)]

    def values(self) -> list[Row]:
        """Return the one value."""
        return [Row("consumption_gain", scale="log")]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the ratio of gain to welfare."""
        return totals[:, 1:] / totals[:, :1]


@dataclass(frozen=True)
class Coverage(Statistic):
    """Share of people whom a scheme reaches.

    ``coverage_direct`` counts those who are paid themselves, ``coverage`` those who live with one who is paid as well:
    direct and indirect. A benefit paid per household is booked to its first eligible member. The last scheme is
    "package": at least one of all.

    References
    ----------
    ESCAP, SPOT Simulator: coverage. World Bank, ASPIRE: coverage.

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
        return [prepare_additive(_CoverageBy(_schemes(transfers)), scenario.name, domain, columns)]


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
