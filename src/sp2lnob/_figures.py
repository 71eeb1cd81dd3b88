"""Which figures of welfare and of a package an assessment asks for, and which it must leave out, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword

import numpy as np

from ._domains import RECIPIENTS, FullSample
from ._prepared import Asked, Scenario, Statistic
from ._relative import RelativeLine
from ._validate import fail
from .adequacy import Adequacy, GapEfficiency, Targeting
from .estimation import BEFORE, among, change_names, scenario_of
from .incidence import GAINS, ConsumptionGain, Cost, Coverage, Incidence
from .scheme_shares import SchemeShapley, refusal
from .schemes import Scheme
from .situations import existing_benefits, without_existing
from .statistics import Inequality, Lorenz, MeanWelfare, Poverty, Quantile
from .survey import CLASSES, Survey
from .targeting import SCORE, WELFARE, Rank
from .targeting_error import TargetingError
from .transfers import Transfers

AFTER, NO_SCHEMES, EXISTING = "after", "no schemes", "existing"
MOST_SHARED = 8  # schemes, 255 sets of them
AT_POINTS = (Quantile, Lorenz)  # of before and after alone


@dataclass(frozen=True, eq=False)
class Figures:
    """What is asked of welfare and of a package.

    Attributes
    ----------
    scenarios : tuple of Scenario
        Before, then the situation without schemes, then after, as far as there are these.
    changes : dict
        What each change is called, by what it is from and to.
    left_out : dict of str to str
        Why a figure that is asked for by itself is not there, by what it is.
    """

    scenarios: tuple[Scenario, ...]
    changes: Mapping[tuple[str, str], str]
    prepared: list[Asked]
    left_out: Mapping[str, str]


def figures_of(
    survey: Survey,
    transfers: Transfers | None,
    lines: Sequence[Poverty],
    domains: Sequence[tuple[str, ...]],
    shares: Sequence[float],
    full: FullSample,
    *,
    welfare: bool = True,
) -> Figures:
    """Prepare welfare, poverty and inequality as far as the survey has welfare, and all that a package changes.

    ``shares`` are those at which welfare is told; with ``welfare`` False nothing is asked.
    """
    left: dict[str, str] = {}
    scenarios = [Scenario(BEFORE, survey)]
    if welfare and survey.welfare is not None and survey.existing:
        found = without_existing(survey, negative="keep")
        if found.below:
            left[NO_SCHEMES] = f"{found.below:,} households report more existing benefits than welfare"
        else:
            scenarios.append(scenario_of(NO_SCHEMES, survey, found))
    if transfers is not None:
        scenarios.append(scenario_of(AFTER, survey, transfers))
    given = {scenario.name: scenario for scenario in scenarios[1:]}
    changes = change_names({AFTER: ...}) if AFTER in given else {}
    if NO_SCHEMES in given:
        changes |= change_names(given, NO_SCHEMES)
    if not welfare:
        return Figures(tuple(scenarios), changes, [], left)
    if survey.welfare is None and lines:
        fail("Poverty needs welfare", "the survey has none", "Pass welfare= to the Survey, or no lines.")
    split = [(domain, scenarios_of) for domain in domains for scenarios_of in among(domain, scenarios)]
    prepared: list[Asked] = []
    for statistic, within_classes in _of_welfare(survey, lines, shares):
        for domain, of in split:
            if within_classes or not any(name in CLASSES for name in domain):
                told = [one for one in of if one.instead is None or not isinstance(statistic, AT_POINTS)]
                prepared += [made for one in told for made in statistic.prepare(one, domain, full)]
    prepared += _of_existing(survey, lines, domains, full, left)
    if transfers is not None:
        after = {domain: next(one for one in of if one.name == AFTER) for domain, of in split}
        for statistic in _of_package(survey, lines, left):
            for domain, one in after.items():
                prepared += statistic.prepare(one, domain, full)
        for statistic in _of_everybody(transfers, lines, left):
            prepared += statistic.prepare(after[()], (), full)
        for error in _errors(survey, transfers, left):
            for domain in domains:
                if RECIPIENTS not in domain:
                    prepared += error.prepare(scenarios[0], domain, full)
    return Figures(tuple(scenarios), changes, prepared, left)


def _of_welfare(survey: Survey, lines: Sequence[Poverty], shares: Sequence[float]) -> list[tuple[Statistic, bool]]:
    """Return what is measured in every scenario, and whether within welfare classes as well."""
    if survey.welfare is None:
        return []
    plain: list[tuple[Statistic, bool]] = [(MeanWelfare(), True), *((line, True) for line in lines)]
    return [
        *plain,
        (Inequality(("gini", "palma", "quintile_ratio")), False),
        (Quantile(shares), False),
        (Lorenz(), False),
    ]


def _of_package(survey: Survey, lines: Sequence[Poverty], left: dict[str, str]) -> list[Statistic]:
    """Return what is measured of a package by every domain; those that need welfare are nothing without."""
    fixed = _plain(lines)
    asked: list[Statistic] = [ConsumptionGain()]
    if survey.welfare is not None:
        counted = survey.people[survey.welfare_known] > 0
        if (survey.welfare[survey.welfare_known][counted] > 0).all():
            asked.append(ConsumptionGain(GAINS[1]))
        else:
            left[f"consumption_gain, {GAINS[1]}"] = "somebody has welfare of 0 or below before"
    asked += [Coverage(intended=True, groups=True), Incidence(), Adequacy(lines=fixed), Targeting()]
    return [*asked, *(GapEfficiency(line, name) for name, line in fixed.items())]


def _of_existing(
    survey: Survey, lines: Sequence[Poverty], domains: Sequence[tuple[str, ...]], full: FullSample, left: dict[str, str]
) -> list[Asked]:
    """Prepare what the benefits that exist already reach and pay, each as a scheme of its own, and all together."""
    if not survey.existing:
        return []
    if survey.persons is None:
        left["existing benefits"] = "who is paid them is not known without a frame of persons"
        return []
    paid = Scenario(EXISTING, survey, existing_benefits(survey))
    asked: list[Statistic] = [Coverage(intended=True, groups=True), Incidence(), Adequacy(lines=_plain(lines))]
    split = [domain for domain in domains if RECIPIENTS not in domain]
    return [made for statistic in asked for domain in split for made in statistic.prepare(paid, domain, full)]


def _of_everybody(transfers: Transfers, lines: Sequence[Poverty], left: dict[str, str]) -> list[Statistic]:
    """Return what is measured of a package for everybody alone: of shares, every set of schemes is as dear as all."""
    schemes, cost = len(transfers.package.schemes), Cost()
    if schemes < 2 or transfers.survey.welfare is None:
        return [cost]
    reason = refusal(transfers)
    if schemes > MOST_SHARED:
        reason = f"the package has {schemes} schemes, more than {MOST_SHARED}"
    if reason:
        left["scheme_share"] = reason
        return [cost]
    plain = [line for line in lines if not isinstance(line.line, RelativeLine)]
    return [cost, SchemeShapley([*plain, Inequality(["gini"])])]


def _errors(survey: Survey, transfers: Transfers, left: dict[str, str]) -> list[TargetingError]:
    """Return the targeting errors of schemes that rank, each among the people that it is meant for."""
    made = []
    for scheme in transfers.package.schemes:
        target = scheme.target
        if not isinstance(target, Rank) or survey.welfare is None:
            continue
        column = survey.roles.get(SCORE) or SCORE if target.by == SCORE else target.by
        who, reason = _condition(survey, scheme), ""
        if target.by == WELFARE and not survey.has_column(WELFARE):
            reason = "it ranks by welfare itself"
        elif target.share == 1:
            reason = "it leaves nobody out"
        elif who is None:
            reason = "a column that says whom it is meant for has a name that no condition can hold"
        elif survey.missing == "error" and np.isnan(survey.household_column(column).numbers("The score")).any():
            reason = f"the score {column!r} is not known of every household"
        if reason:
            left[f"targeting error of {scheme.name}"] = reason
        else:
            made.append(TargetingError(target.share, who=who or None, score=column, name=scheme.name))
    return made


def _condition(survey: Survey, scheme: Scheme) -> str | None:
    """Return who may have a scheme as one condition, "" where all may; None where it cannot be written."""
    fields = {
        "age": [
            *([] if scheme.min_age is None else [f">= {scheme.min_age}"]),
            *([] if scheme.max_age is None else [f"<= {scheme.max_age}"]),
        ],
        "sex": [] if scheme.sex is None else [f"== {scheme.sex!r}"],
        "disability": ["== 1"] if scheme.disability else [],
        "birth": [">= 1"] if scheme.birth else [],
    }
    parts = [] if scheme.who is None else [f"({scheme.who})"]
    for role, asked in fields.items():
        column = str(survey.roles.get(role))
        if asked and (not column.isidentifier() or iskeyword(column)):
            return None
        parts += [f"{column} {condition}" for condition in asked]
    return scheme.who if scheme.who is not None and len(parts) == 1 else " and ".join(parts)


def _plain(lines: Sequence[Poverty]) -> dict[str, float]:
    """Return the lines that are numbers, by name."""
    return {str(of.name): of.line for of in lines if not isinstance(of.line, RelativeLine)}
