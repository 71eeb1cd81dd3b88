"""How much a package is to those who get it, whom its money goes to, and what a unit of it does to the poverty gap.

Money is what households are paid, shared by their members; people are counted by their own weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ._domains import FullSample, Row
from ._paid import names_of, paid_to
from ._prepared import Asked, Columns, Scenario, Statistic, prepare_additive
from ._typing import FloatArray
from ._validate import choice, fail, mapping, number, text_or_none


@dataclass(frozen=True)
class Adequacy(Statistic):
    """What benefits are to the people in households that receive them, by scheme and by the package.

    ``adequacy`` is all that these households are paid over all of their welfare: a ratio of means. ``generosity`` is
    what a member of them is paid on average, in currency per person and ``welfare_period``, and as a share of lines
    that are named. A member of a household with two schemes counts in both, and once in the package.

    Parameters
    ----------
    of : {"after", "before"}, default "after"
        Which welfare: "after", with the benefits in it, as ASPIRE has it; or "before", and ``param`` says so.
    lines : dict of str to float, default None
        Poverty lines that generosity is to be a share of.

    Raises
    ------
    InputError
        If ``of`` is neither, or a line is 0 or below.

    References
    ----------
    World Bank, ASPIRE: adequacy of benefits, "the total transfer amount received by the population participating in
    programs, as a share of their total welfare"; average per capita transfer.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> after = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    >>> statistics = [sp.Adequacy(lines={"national": 60.0})]
    >>> est = sp.estimate(survey, statistics, {"after": after}, replicates=sp.Bootstrap(50))
    >>> est.frame().query("of == 'package'")["statistic"].tolist()
    ['adequacy', 'generosity', 'generosity']

    Nobody is old enough, and nothing is a share of nothing:

    >>> nobody = sp.simulate(survey, sp.Package([sp.old_age_pension(sp.Amount(8, "month"), min_age=120)]))
    >>> sp.estimate(survey, [sp.Adequacy()], {"after": nobody}, replicates=sp.Bootstrap(50)).value
    array([nan, nan, nan, nan])
    """

    of: str = "after"
    lines: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        choice(self.of, ("after", "before"), "of")
        given = mapping(self.lines or {}, "lines", "Write {'national': 60.0}.")
        named = {name: number(line, f"The line {name!r}", above=0) for name, line in given.items()}
        object.__setattr__(self, "lines", named)

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return adequacy and generosity of every scheme and of the package."""
        transfers, before = scenario.transfers, scenario.survey.welfare
        if transfers is None or before is None:
            return []
        domain = scenario.domain(full, by)
        rows = domain.rows
        welfare = before[rows.household] if self.of == "before" else scenario.welfare_of(rows)
        survey = scenario.survey
        each = welfare * (survey.equivalents / survey.size)[rows.household]  # a member's part of what it has
        paid = paid_to(transfers, domain)
        held = [living * each for living in paid.living]
        if self.of == "after" and transfers.package.draws == "exact":  # who is paid has more than all have on average
            for column, benefit, chance in zip(held, paid.benefits, paid.by_row("reached"), strict=True):
                column += transfers.package.mpc * benefit * (1 - chance)
        assert self.lines is not None
        of = _AdequacyOf(names_of(transfers), self.of, dict(self.lines))
        cases = np.tile(paid.living_cases(domain), 2 + len(self.lines))
        return [prepare_additive(of, scenario.name, domain, (*paid.benefits, *paid.living, *held), cases=cases)]


@dataclass(frozen=True, eq=False)
class _AdequacyOf:
    """Adequacy of one package: the columns are money, people in households that have it, and their welfare."""

    schemes: tuple[str, ...]
    welfare: str
    lines: Mapping[str, float]

    def values(self) -> list[Row]:
        """Return every measure of every scheme."""
        param = "" if self.welfare == "after" else "of welfare before"
        kinds = [("adequacy", param), ("generosity", ""), *(("generosity", f"share of {name}") for name in self.lines)]
        return [Row(name, of, param, scale="log") for name, param in kinds for of in self.schemes]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the ratios, (levels, values, replicates)."""
        paid, people, welfare = np.split(totals, 3, axis=1)
        mean = paid / people
        return np.concatenate([paid / welfare, mean, *(mean / line for line in self.lines.values())], axis=1)


@dataclass(frozen=True)
class Targeting(Statistic):
    """How far money and recipients are with the poorest, by scheme and by the package.

    ``targeting_ratio`` is the share of all benefits, or of all beneficiaries, that the poorest people have, over their
    share of people: 1 is what paying everybody the same would give, 1 / 0.4 = 2.5 the most that the poorest 40 % can
    have. ``targeting_differential`` is their coverage less the coverage of all others, direct and indirect. Who is
    poorest is by welfare before, cut anew in every replicate.

    Parameters
    ----------
    share : float in (0, 1), default 0.4
        Of people, the poorest.

    Raises
    ------
    InputError
        If the share is not in (0, 1).

    Notes
    -----
    By the levels of a domain it is whom of each level's people the money goes to, among the poorest of all. The share
    of people is the one in the class, with the household at the cut. By welfare classes there is none.

    References
    ----------
    Coady, D., Grosh, M. and Hoddinott, J. (2004). Targeting of Transfers in Developing Countries. World Bank.
    Ravallion, M. (2009). How relevant is targeting to the success of an antipoverty program? World Bank Research
    Observer 24, 205-231.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> all_alike = sp.simulate(survey, sp.Package([sp.Scheme("basic income", amount=sp.Amount(8, "month"))]))
    >>> est = sp.estimate(survey, [sp.Targeting()], {"after": all_alike}, replicates=sp.Bootstrap(50))
    >>> row = est.find(statistic="targeting_ratio", of="package", param="benefits, poorest 40 %")
    >>> f"{est.value[row]:.6f}"
    '1.000000'
    >>> sp.Targeting(1.0)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The share of the poorest must be in (0, 1), but it is 1. Correct the value.
    """

    share: float = 0.4

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", number(self.share, "The share of the poorest"))
        if not 0 < self.share < 1:
            fail("The share of the poorest must be in (0, 1)", f"it is {self.share:g}", "Correct the value.")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return targeting of every scheme and of the package."""
        transfers = scenario.transfers
        if transfers is None or scenario.survey.welfare is None or any(map(scenario.survey.welfare_class, by)):
            return []
        domain = scenario.domain(full, by)
        paid = paid_to(transfers, domain)
        of = _TargetingOf(names_of(transfers), self.share)
        named = domain.named(of.values(), scenario.name, cases=np.tile(paid.living_cases(domain), 3))
        labels = tuple(f"{label} {band}" for label in domain.labels for band in ("poorest", "others"))
        level = domain.fixed * np.int32(2) + domain.rows.of_household(full.band((self.share,)))
        cut = replace(domain, shares=(self.share,), labels=labels, level=level)
        return [Columns(of, named, cut, (domain.rows.weight, *paid.benefits, *paid.people, *paid.living))]


@dataclass(frozen=True, eq=False)
class _TargetingOf:
    """Targeting of one package: the columns are people, money, beneficiaries, and people who live with one."""

    schemes: tuple[str, ...]
    share: float

    def values(self) -> list[Row]:
        """Return every measure of every scheme."""
        poorest = f"poorest {100 * self.share:.15g} %"
        kinds = [
            ("targeting_ratio", f"benefits, {poorest}", "log"),
            ("targeting_ratio", f"beneficiaries, {poorest}", "log"),
            ("targeting_differential", poorest, "t"),
        ]
        return [Row(name, of, param, scale=scale) for name, param, scale in kinds for of in self.schemes]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the measures, (levels, values, replicates), of totals whose levels are in two bands each."""
        poorest, others = totals[::2], totals[1::2]
        everybody = poorest + others
        own, rest = poorest[:, :1], others[:, :1]
        paid = 1 + 2 * len(self.schemes)
        ratio = poorest[:, 1:paid] / everybody[:, 1:paid] / (own / everybody[:, :1])
        return np.concatenate([ratio, poorest[:, paid:] / own - others[:, paid:] / rest], axis=1)


@dataclass(frozen=True)
class GapEfficiency(Statistic):
    """What a unit of money does to the poverty gap: how much the gap of all falls by, over what is paid.

    1 where every unit goes to close a gap; what goes to people who are not poor, or above the line, is lost to it. With
    ``param`` "with administration", over transfers and what handing them out costs.

    Parameters
    ----------
    line : float, above 0
        Per person and ``welfare_period``.
    name : str, default None
        What to call the line; None: its value.

    Raises
    ------
    InputError
        If the line is 0 or below.

    References
    ----------
    Beckerman, W. (1979). The impact of income maintenance payments on poverty in Britain, 1975. Economic Journal 89:
    poverty reduction efficiency. World Bank, ASPIRE: benefit-cost ratio.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> after = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    >>> est = sp.estimate(survey, [sp.GapEfficiency(60.0)], {"after": after}, replicates=sp.Bootstrap(50))
    >>> bool(0 < est.value[1] < est.value[0] < 1)
    True

    A line above everybody, of whom nobody is lifted over it: nothing is lost but administration.

    >>> est = sp.estimate(survey, [sp.GapEfficiency(1e6)], {"after": after}, replicates=sp.Bootstrap(50))
    >>> est.value.round(4)
    array([1.    , 0.9524])
    """

    line: float
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", number(self.line, "The poverty line", above=0))
        text_or_none(self.name, "The name of a poverty line")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return both ratios of the package."""
        transfers, before = scenario.transfers, scenario.survey.welfare
        if transfers is None or before is None:
            return []
        domain, survey = scenario.domain(full, by), scenario.survey
        rows = domain.rows
        had, has = before[rows.household], scenario.welfare_of(rows)
        closed = np.maximum(self.line - had, 0.0) - np.maximum(self.line - has, 0.0)
        each = rows.weight * (survey.equivalents / survey.size)[rows.household]
        paid = paid_to(transfers, domain)
        of = _GapEfficiencyOf(self.line, self.name, bool((has >= had).all()))
        columns = (each * closed, paid.benefits[-1], paid.expenses)
        cases = np.tile(paid.living_cases(domain)[:, -1:], 2)
        return [prepare_additive(of, scenario.name, domain, columns, cases=cases)]


@dataclass(frozen=True, eq=False)
class _GapEfficiencyOf:
    """Efficiency of one package: the columns are the gap that is closed, transfers, and all cost."""

    line: float
    name: str | None
    pure: bool

    def values(self) -> list[Row]:
        """Return both measures."""
        of, scale = self.name or f"{self.line:.15g}", "log" if self.pure else "t"
        return [Row("gap_efficiency", of, param, scale=scale) for param in ("", "with administration")]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the ratios; of no money, such as where benefits are taken away alone, there is none."""
        return np.asarray(totals[:, :1] / np.where(totals[:, 1:] > 0, totals[:, 1:], np.nan))
