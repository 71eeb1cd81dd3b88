"""The budget search: every package of a grid against simulate() and the measures, then what is told of the best."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob import _packages, _search_question, best_package, choices
from sp2lnob._folds import folds_of
from sp2lnob._parallel import LANES
from sp2lnob._written import as_toml
from sp2lnob.estimation import full_sample_of
from sp2lnob.study import read_study

from ._data import toy_frames, toy_survey

COVERAGE = Path(__file__).parents[1] / "benchmarks" / "coverage"
LINE = 90.0
AMOUNT = sp.Amount(10, "month")
ECONOMY = sp.Economy(gdp=1e6, revenue=2e5, lines={"national": LINE})
WATER = sp.Opportunity("water", outcome="water", circumstances=["bottom40", "urbrur"])
TREE = sp.OpportunityTree(max_depth=4, min_obs=3, min_share=0.05, cp=0)
RICH = sp.Amount(1e12, "year")
FEW = sp.Bootstrap(20)


def candidates():
    return [
        sp.Choice(sp.child_benefit(AMOUNT), levels=[0, 5, 20], max_age=[5, 17], coverage=[0.5, 1.0]),
        sp.Choice(sp.old_age_pension(AMOUNT), levels=[10, 45], min_age=[60, 75]),
        sp.household_benefit(AMOUNT, coverage=0.6),
    ]


def every():
    """Yield the schemes of every package of the grid above, in its order."""
    child, pension = sp.child_benefit, sp.old_age_pension
    first = [[]] + [
        [child(sp.Amount(level, "month"), max_age=age, coverage=coverage)]
        for age, coverage, level in product((5, 17), (0.5, 1.0), (5, 20))
    ]
    second = [[]] + [[pension(sp.Amount(level, "month"), min_age=age)] for age, level in product((60, 75), (10, 45))]
    third = [[], [sp.household_benefit(AMOUNT, coverage=0.6)]]
    for a, b, c in product(first, second, third):
        yield [*a, *b, *c]


@pytest.fixture(scope="module")
def survey():
    return toy_survey(per_psu=8)


def found(survey, objective="poverty_gap", budget=RICH, **given):
    given = {"economy": ECONOMY, "replicates": FEW, "n_threads": 1} | given
    if objective in _packages.ACCESS or "opportunity" in given:
        given = {"opportunity": WATER, "tree": TREE} | given
    return sp.search(survey, given.pop("candidates", candidates()), budget, objective, **given)


# -- every package --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draws", ["seeded", "expected"])
def test_every_package_is_what_simulate_pays_and_measures_show(survey, draws):
    frame = found(survey, draws=draws, constraints={"gini": (None, 1), "coverage": (0, None)}).frame()
    frame = frame.set_index("package")
    packages = list(every())
    assert len(frame) == len(packages) - 1 == 89  # paying nothing is no package
    people = survey.people
    for number, row in frame.iterrows():
        transfers = sp.simulate(survey, sp.Package(packages[number], draws=draws), ECONOMY)
        after = transfers.welfare_after
        last = transfers.cost.iloc[-1]
        reached = people[(transfers.household > 0).any(axis=1)].sum() / people.sum()
        expected = {
            "headcount": sp.fgt(after, people, LINE, 0),
            "poverty_gap": sp.fgt(after, people, LINE, 1),
            "poverty_severity": sp.fgt(after, people, LINE, 2),
            "gini": sp.gini(after, people),
            "coverage": reached,
            "total_cost": last.total_cost,
            "cost_gdp": last.cost_gdp,
            "cost_revenue": last.cost_revenue,
            "change": sp.fgt(after, people, LINE, 1) - sp.fgt(survey.welfare, people, LINE, 1),
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-10, abs=1e-12), (number, name)


@pytest.mark.parametrize("kind", ["access", "barrier"])
@pytest.mark.parametrize("unit", ["household", "person"])
def test_every_package_re_routes_as_assess_does(survey, unit, kind):
    outcome = "phone" if unit == "person" else "water"
    classes = ["quintile", "urbrur"] if unit == "person" else ["bottom40", "urbrur", "educ"]
    opportunity = sp.Opportunity("o", outcome, unit, circumstances=classes, kind=kind)
    bounds = {"access by group": (None, None)}
    result = found(survey, "d_index", opportunity=opportunity, constraints=bounds)
    frame = result.frame().set_index("package")
    packages = list(every())
    worst = max if kind == "barrier" else min
    for number in frame.index[::9]:
        package = sp.Package(packages[number])
        assessed = sp.assess(survey, [opportunity], package, ECONOMY, tree=TREE, replicates=sp.Bootstrap(2), by=())
        estimates = assessed.estimates.frame().query("scenario == 'after' and by == 'all'")
        for name in _packages.ACCESS:
            rows = estimates[(estimates.statistic == name) & ~estimates.param.str.contains("cross")]
            assert frame.loc[number, name] == pytest.approx(rows.value.iloc[-1], rel=1e-10, abs=1e-12), name
        assert frame.loc[number, "access by group"] == pytest.approx(worst(assessed.groups["after"]), rel=1e-10)


def test_moves_may_cross_several_cuts(survey):
    opportunity = sp.Opportunity("o", "water", circumstances=["decile"])
    given = {"candidates": [sp.child_benefit(sp.Amount(300, "month"))], "tree": sp.OpportunityTree(4, 3, 0.02, cp=0)}
    row = found(survey, "access", opportunity=opportunity, **given).frame().iloc[0]
    package = sp.Package([sp.child_benefit(sp.Amount(300, "month"))])
    assessed = sp.assess(
        survey, [opportunity], package, tree=given["tree"], replicates=sp.Bootstrap(2), by=(), welfare=True
    )
    after = assessed.estimates.find(statistic="access", scenario="after", by="all", of="o")
    assert row["access"] == pytest.approx(assessed.estimates.value[after], rel=1e-12)


def test_a_level_multiplies_and_costs_no_pass_over_persons(survey, monkeypatch):
    calls, simulate = [], choices.simulate
    monkeypatch.setattr(choices, "simulate", lambda *given: calls.append(1) or simulate(*given))
    found(survey, candidates=[sp.Choice(sp.child_benefit(AMOUNT), levels=[*range(1, 40)], max_age=[5, 17])])
    assert len(calls) == 2


# -- the best, the budget and the front -------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", [*_packages.FGT, "gini", *_packages.ACCESS])
def test_the_best_is_the_best_within_the_budget_and_ties_go_to_the_cheapest(survey, objective):
    whole = found(survey, objective).frame()
    budget = float(whole["total_cost"].median())
    result = found(survey, objective, sp.Amount(budget, "year"))
    frame = result.frame()
    sign = -1 if objective in ("access", "furthest_behind") else 1
    expected = whole[whole["total_cost"] <= budget].assign(loss=sign * whole[objective])
    expected = expected.sort_values(["loss", "total_cost", "package"])
    assert frame["package"].tolist() == expected["package"].tolist()
    assert [scheme.name for scheme in result.package.schemes] == [
        scheme.name for scheme in list(every())[expected["package"].iloc[0]]
    ]
    total = result.estimates.find(statistic="total_cost", of="package")
    assert result.estimates.value[total] <= budget


def test_a_share_of_gdp_is_a_budget(survey):
    share = found(survey, budget=0.05)
    currency = found(survey, budget=sp.Amount(0.05e6 / 12, "month"))
    assert share.frame().equals(currency.frame())
    assert share.frame()["cost_gdp"].max() <= 0.05


def test_the_front_is_what_no_package_beats(survey):
    result = found(survey, budget=0.05)
    whole = found(survey).frame()
    points = whole[["total_cost", "poverty_gap", "package"]].to_numpy()
    before = sp.fgt(survey.welfare, survey.people, LINE, 1)
    best = [
        number
        for cost, gap, number in points
        if gap < before and not any((c <= cost and g < gap) or (c < cost and g <= gap) for c, g, _ in points)
    ]
    assert set(result.front["package"]) <= set(best)
    values = {tuple(row) for row in whole.set_index("package").loc[best, ["total_cost", "poverty_gap"]].to_numpy()}
    assert values == {tuple(row) for row in result.front[["total_cost", "poverty_gap"]].to_numpy()}
    assert result.front["total_cost"].is_monotonic_increasing
    assert all(a > b for a, b in pairwise(result.front["poverty_gap"]))
    marked = result.frame().query("front")["package"]
    assert set(marked) == set(result.front["package"]) & set(result.frame()["package"])


def test_bounds_hold(survey):
    whole = found(survey, constraints={"gini": (None, None), "coverage": (None, None)}).frame()
    middle = whole[["gini", "coverage", "headcount"]].median()
    bounds = {"gini": (None, middle.gini), "coverage": (middle.coverage, None), "headcount": (None, middle.headcount)}
    frame = found(survey, constraints=bounds).frame()
    kept = whole.query("gini <= @middle.gini and coverage >= @middle.coverage and headcount <= @middle.headcount")
    assert 0 < len(frame) == len(kept) < len(whole)
    assert set(frame["package"]) == set(kept["package"])


def test_a_bound_by_level_is_of_the_worst(survey):
    name = "poverty_gap by urbrur"
    frame = found(survey, constraints={name: (None, None)}).frame().set_index("package")
    packages = list(every())
    town = survey.household_column("urbrur").categories()[1]
    for number in frame.index[::13]:
        after = sp.simulate(survey, sp.Package(packages[number])).welfare_after
        worst = max(sp.fgt(after[town == k], survey.people[town == k], LINE, 1) for k in (0, 1))
        assert frame.loc[number, name] == pytest.approx(worst, rel=1e-12)
    bound = float(frame[name].median())
    assert found(survey, constraints={name: (None, bound)}).frame()[name].max() <= bound * (1 + 1e-9)


def test_no_group_loses(survey):
    free = found(survey, "d_index", constraints={"access by group": (None, None)})
    bound = found(survey, "d_index", constraints={"access by group": "no worse"})
    assert bound.frame()["change of access by group"].min() >= -1e-12
    assert len(bound.frame()) <= len(free.frame())
    no_worse = found(survey, "headcount", opportunity=WATER, constraints={"access": "no worse"}).frame()
    before = found(survey, "access").frame()
    assert set(no_worse["package"]) <= set(before.query("change >= -1e-12")["package"])


def test_required_is_in_every_package(survey):
    required = sp.Choice(sp.child_benefit(AMOUNT), required=True)
    frame = found(survey, candidates=[required, sp.old_age_pension(AMOUNT)]).frame()
    assert len(frame) == 2
    assert (frame["child benefit"] == 10).all()


def test_fewer_are_kept(survey):
    whole = found(survey)
    assert found(survey, keep=5).frame().equals(whole.frame().head(5))


# -- threads, folders and bits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["poverty_gap", "furthest_behind"])
def test_threads_and_folders_change_no_bit(survey, objective, tmp_path):
    one, two = found(survey, objective), found(survey, objective, n_threads=3)
    kept = found(survey, objective, resume=tmp_path)
    again = found(survey, objective, resume=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folds", "packages", "replicates"]
    for other in (two, kept, again):
        assert one.frame().equals(other.frame())
        assert one.front.equals(other.front)
        assert one.wins.equals(other.wins)
        assert one.estimates.frame().equals(other.estimates.frame())
    with pytest.raises(sp.InputError, match="Kept replicates must be of the same version, data, search"):
        found(survey, objective, resume=tmp_path, candidates=[*candidates(), sp.disability_benefit(AMOUNT)])


def test_what_is_kept_is_not_done_again(survey, tmp_path, monkeypatch):
    one = found(survey, resume=tmp_path)
    monkeypatch.setattr(_packages.Scan, "__call__", lambda *given: pytest.fail("done again"))
    monkeypatch.setattr(_packages.Elsewhere, "__call__", lambda *given: pytest.fail("done again"))
    assert one.frame().equals(found(survey, resume=tmp_path).frame())


def test_an_interrupt_keeps_what_is_finished(survey, tmp_path):
    many = [
        sp.Choice(sp.child_benefit(AMOUNT), levels=range(1, 36)),
        sp.Choice(sp.old_age_pension(AMOUNT), levels=range(1, 36)),
    ]

    def stop(made):
        if made.done < made.total == 36 * 36:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"of 1,296 packages were finished and are kept in .*: all are needed"):
        found(survey, candidates=many, resume=tmp_path, progress=stop)
    told = []
    one = found(survey, candidates=many, resume=tmp_path, progress=lambda made: told.append(made.loaded))
    assert told[0] == 512
    assert one.frame().equals(found(survey, candidates=many).frame())


def test_progress_is_told_of_packages(survey):
    told = []
    found(survey, progress=lambda made: told.append((made.done, made.total)))
    assert (90, 90) in told
    assert told[-1] == (20, 20)
    assert all(done <= total for done, total in told)


def test_lanes_and_batches_do_not_show(survey):
    question = _search_question.Question.of(
        survey, candidates(), None, "poverty_gap", ECONOMY, None, None, None, 0.05, 1.0, "seeded", 1
    )
    full = full_sample_of(survey, FEW.bind(survey))
    psu = survey.design.psu
    payments = choices.payments_of(survey, question.grid, ECONOMY, question.run, psu, survey.design.psus)
    scan = _packages.Scan(question.grid, question.parts(payments, full, None))
    groups = -(-scan.batches // LANES)
    whole = scan.packages(scan(1, groups)[:, : scan.batches])
    for number in (0, 17, 89):
        taken = _packages.Taken.of(question.grid.columns(np.array([number])))
        assert (scan.at(taken)[:, 0] == whole[:, number]).all()


# -- the winner's curse -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["headcount", "gini", "access"])
def test_the_cross_validated_value_is_that_of_packages_chosen_without_those_they_are_paid_to(survey, objective):
    """By hand: repeat by repeat, fold by fold, every package on the other folds."""
    few = [sp.Choice(sp.child_benefit(AMOUNT), levels=[20, 60]), sp.Choice(sp.old_age_pension(AMOUNT), levels=[45, 90])]
    budget = 140000.0
    result = found(survey, objective, sp.Amount(budget, "year"), candidates=few)
    packages = [
        [*a, *b]
        for a, b in product(
            [[], *([sp.child_benefit(sp.Amount(v, "month"))] for v in (20, 60))],
            [[], *([sp.old_age_pension(sp.Amount(v, "month"))] for v in (45, 90))],
        )
    ]
    paid = {n: sp.simulate(survey, sp.Package(p)) for n, p in enumerate(packages) if p}
    psu, people = survey.design.psu, survey.people
    cells = WATER.prepare(survey)
    cut = np.sort(survey.welfare)[
        np.searchsorted(np.cumsum(people[np.argsort(survey.welfare)]), 0.4 * people.sum() * (1 - 1e-15))
    ]
    town = survey.household_column("urbrur").categories()[1]
    groups = None
    if objective == "access":
        full = full_sample_of(survey, FEW.bind(survey))
        groups = _search_question.OpportunityGroups.of(survey, WATER, TREE, full)
        assert groups.cuts[0] == cut

    def measure(after, inside):
        w = people * inside
        if objective == "headcount":
            return (w * (after < LINE)).sum() / w.sum()
        if objective == "gini":
            return sp.gini(after[inside], w[inside])
        leaf = groups.groups.of_cell.reshape(-1, 2)
        domain = cells.domain
        was, becomes = leaf[domain, (survey.welfare > cut).astype(int)], leaf[domain, (after > cut).astype(int)]
        rate = [(w * cells.outcome)[was == g].sum() / max(w[was == g].sum(), 1e-300) for g in range(leaf.max() + 1)]
        value = (w * cells.outcome).sum()
        moved = was != becomes
        return (value + sum(w[i] * (rate[becomes[i]] - rate[was[i]]) for i in np.flatnonzero(moved))) / w.sum()

    assert len(set(town)) == 2
    sign = -1 if objective == "access" else 1
    values = []
    for repeat in range(10):
        fold = folds_of(survey.design, repeat)[psu]
        mixed = survey.welfare.copy()
        for f in range(10):
            inside = fold != f
            options = []
            for n, transfers in paid.items():
                cost = 1.05 * (transfers.people[:, :-1] @ transfers.amounts)[inside].sum()
                cost *= people.sum() / people[inside].sum()
                if cost <= budget:
                    options.append((round(sign * measure(transfers.welfare_after, inside), 12), cost, n))
            mixed[~inside] = paid[min(options)[2]].welfare_after[~inside]
        values.append(measure(mixed, np.ones(len(people), dtype=bool)))
    frame = result.estimates.frame()
    row = frame[frame.param.str.contains("cross-validated package") & (frame.scenario == "after")].iloc[0]
    assert row.value == pytest.approx(np.mean(values), rel=1e-9)


def test_the_interval_is_about_the_cross_validated_value(survey):
    estimates = found(survey, budget=0.05).estimates
    param = "cross-validated package"
    for scenario in ("after", "change"):
        naive = estimates.find(statistic="poverty_gap", scenario=scenario, param="")
        honest = estimates.find(statistic="poverty_gap", scenario=scenario, param=param)
        shift = estimates.value[honest] - estimates.value[naive]
        se = np.std(estimates.draws[:, naive], ddof=1)
        assert estimates.se[honest] == pytest.approx(np.hypot(se, shift / 2), rel=1e-9)
        assert estimates.ci_low[honest] + estimates.ci_high[honest] == pytest.approx(2 * estimates.value[honest])
        assert "biased" in estimates.flags[naive]
        assert "biased" not in estimates.flags[honest]
    assert estimates.rows[honest].of == "national"


def test_replicates_rank_the_contenders_anew(survey):
    """By hand: gap and cost of every contender from replicate weights, the budget in each replicate."""
    result = found(survey, budget=0.05, replicates=sp.Bootstrap(40))
    bound = sp.Bootstrap(40).bind(survey)
    blocks = bound.source.factors(1, 5)
    factors = np.moveaxis(blocks, 1, 2).reshape(-1, survey.design.psus)[:40]
    packages = list(every())
    psu, people = survey.design.psu, survey.people
    whole = found(survey).frame()
    near = whole[whole["total_cost"] <= 0.05e6 * 1.1]["package"]
    assert len(near) <= 50
    paid = {n: sp.simulate(survey, sp.Package(packages[n])) for n in near}
    wins = {}
    for factor in factors[:, psu]:
        options = []
        for n, transfers in paid.items():
            cost = 1.05 * (factor @ (transfers.people[:, :-1] @ transfers.amounts))
            gap = (factor * people * np.maximum(LINE - transfers.welfare_after, 0)).sum()
            if cost <= 0.05e6 * (1 + 1e-12):
                options.append((round(gap, 6), cost, n))
        wins[min(options)[2]] = wins.get(min(options)[2], 0) + 1
    told = dict(zip(result.wins["package"], result.wins["share"] * 40, strict=True))
    assert told == {n: pytest.approx(count) for n, count in wins.items()}
    assert result.stays_best == pytest.approx(told.get(result.frame()["package"].iloc[0], 0) / 40)


@pytest.mark.parametrize("objective", ["gini", "furthest_behind"])
def test_other_objectives_have_winners_too(survey, objective):
    result = found(survey, objective, budget=0.05, contenders=5)
    assert result.wins["share"].sum() <= 1 + 1e-12
    assert 0 <= result.stays_best <= 1


# -- parameters of schemes ------------------------------------------------------------------------------------------

RANKED = sp.Rank(0.4, by="welfare")
GRADED = sp.Schedule.by_age({(0, 5): sp.Amount(20, "month"), (6, 17): AMOUNT})
VARIED = [
    sp.Choice(sp.child_benefit(AMOUNT, administration=0.2), target=[None, RANKED, sp.Rank(0.2, by="welfare")]),
    sp.Choice(
        sp.old_age_pension(AMOUNT, max_amount=sp.Amount(12, "month"), phase_in={2020: 0.5, 2030: 1.0}),
        levels=[8, 45],
        required=True,
    ),
    sp.Scheme("graded", amount=GRADED.tapered(starts=60.0, ends=90.0)),
    sp.household_benefit(AMOUNT, max_recipients=None, coverage=0.6, exclusion_error=0.1),
]
NOW = sp.Economy(year=2026, gdp=1e6, expenditure=3e5, taxes=1e5, lines={"national": LINE})


@pytest.mark.parametrize("objective", ["poverty_gap", "gini", "d_index"])
def test_all_parameters_are_paid_as_simulate_pays_them(survey, objective):
    result = found(survey, objective, candidates=VARIED, economy=NOW, contenders=5)
    frame = result.frame()
    assert len(frame) == 4 * 2 * 2 * 2
    grid = choices.Grid(choices.choices_of(VARIED))
    for number, row in frame.set_index("package").iloc[::3].iterrows():
        transfers = sp.simulate(survey, sp.Package(grid.schemes(number)), NOW)
        last = transfers.cost.iloc[-1]
        for name in ("total_cost", "cost_gdp", "cost_expenditure", "cost_taxes"):
            assert row[name] == pytest.approx(last[name], rel=1e-12)
        if objective != "d_index":
            after = transfers.welfare_after
            of = sp.gini(after, survey.people) if objective == "gini" else sp.fgt(after, survey.people, LINE, 1)
            assert row[objective] == pytest.approx(of, rel=1e-9)
    pension = next(scheme for scheme in result.package.schemes if scheme.name == "old-age pension")
    assert pension.phase_in == {2020: 0.5, 2030: 1.0}  # as it was given, not as it is in 2026


@pytest.mark.parametrize("objective", ["poverty_gap", "gini", "access"])
def test_the_best_ranks_anew_in_its_estimates(survey, objective):
    """What is told of the best is what estimate() tells of it: the cut is made in every replicate."""
    result = found(survey, objective, candidates=[sp.child_benefit(AMOUNT, target=RANKED)], replicates=sp.Bootstrap(40))
    assert result.transfers.outcomes is not None
    alone = sp.estimate(
        survey,
        [sp.Poverty(LINE, "national"), sp.Inequality(["gini"]), sp.Cost()],
        {"after": result.transfers},
        replicates=sp.Bootstrap(40),
    )
    for name, of in (("poverty_gap", ""), ("gini", ""), ("total_cost", "package")):
        here, there = (
            [
                i
                for i, row in enumerate(est.rows)
                if (row.statistic, row.of, row.scenario) == (name, of, "after") and "cross" not in row.param
            ]
            for est in (result.estimates, alone)
        )
        if here:
            assert result.estimates.se[here[0]] == alone.se[there[0]] > 0
    crossed = [row for row in result.estimates.rows if row.statistic == objective and "cross-validated" in row.param]
    values = [
        result.estimates.value[i]
        for i, row in enumerate(result.estimates.rows)
        if row.statistic == objective and row.scenario == "after"
    ]
    assert crossed
    assert values[0] == pytest.approx(values[-1], rel=1e-9)  # one package is chosen whatever the fold


def test_a_search_is_in_prices_of_the_base_year(survey):
    economy = sp.Economy(gdp=1e6, cpi_ratio=1.5, lines={"national": LINE})
    result, by_hand = (found(of, economy=economy) for of in (survey, survey.uprated(economy)))
    assert result.survey.uprating == 1.5
    assert result.frame().equals(by_hand.frame())
    assert not result.frame().equals(found(survey).frame())
    dollars = sp.Economy(year=2011, ppp=LINE / (1.9 * 365 / 12), ppp_year=2011, dollars_a_day=(1.9,))
    of_dollars, plain = (found(survey, **given).frame()["poverty_gap"] for given in ({"economy": dollars}, {}))
    np.testing.assert_allclose(of_dollars, plain, rtol=1e-12)
    assert found(survey, economy=dollars, line="$1.90 a day").asked["line"] == pytest.approx(LINE)


ALONE = {
    "unless of scheme 'old-age pension' must be empty, but it names 'child benefit'": {"unless": "child benefit"},
    "replaces of scheme 'old-age pension' must be empty, but it names 'aid'": {"replaces": ["aid"]},
}


@pytest.mark.parametrize("message", ALONE)
def test_what_depends_on_others_is_refused(survey, message):
    pension = sp.old_age_pension(AMOUNT, **ALONE[message])
    for given in (
        pension,
        sp.Choice(pension),
        sp.Choice(
            sp.old_age_pension(AMOUNT),
            **{
                key: [(), (value,) if isinstance(value, str) else tuple(value)] for key, value in ALONE[message].items()
            },
        ),
    ):
        with pytest.raises(sp.InputError, match=message):
            found(survey, candidates=[sp.child_benefit(AMOUNT), given])


def test_slips_of_parameters(survey):
    with pytest.raises(sp.InputError, match="must be topped up by one scheme"):
        found(survey, candidates=[sp.child_benefit(AMOUNT, tops_up="aid"), sp.old_age_pension(AMOUNT, tops_up="aid")])
    with pytest.raises(sp.InputTypeError, match="A choice with levels must have one Amount: 'graded'"):
        sp.Choice(sp.Scheme("graded", amount=GRADED), levels=[1, 2])
    with pytest.raises(sp.InputError, match="'old-age pension' is phased in, and needs a year"):
        found(survey, candidates=[sp.old_age_pension(AMOUNT, phase_in={2026: 1.0})])


def test_targets_to_choose_from_are_kept_and_told(survey, tmp_path):
    first = found(survey, candidates=VARIED, economy=NOW, resume=tmp_path / "kept")
    again = found(survey, candidates=VARIED, economy=NOW, resume=tmp_path / "kept")
    assert first.frame().equals(again.frame())
    folder = first.save(tmp_path / "best", disclosure="none")
    told = json.loads((folder / "manifest.json").read_text())["search"]["candidates"]["child benefit"]["target"]
    assert told[:2] == [None, {"share": 0.4, "by": "welfare", "boundary": "in"}]


# -- bad input --------------------------------------------------------------------------------------------------------


def test_a_budget_that_buys_nothing_says_what_the_cheapest_costs(survey):
    cheapest = found(survey).frame()["total_cost"].min()
    with pytest.raises(sp.InputError, match=f"the cheapest of 89 costs {cheapest:,.0f}"):
        found(survey, budget=sp.Amount(1, "year"))
    with pytest.raises(sp.InputError, match=r"within the budget of 10 a year.*% of GDP\)"):
        found(survey, budget=1e-5)


BAD = {
    "must be one of 'headcount', 'poverty_gap'": {"objective": "happiness"},
    "A budget that is a share needs GDP, but no economy gives it": {"budget": 0.01, "economy": None, "line": 90},
    "its unit is 'gdp_per_capita'": {"budget": sp.Amount(0.01, "gdp_per_capita")},
    "needs one poverty line, but none was given": {"economy": sp.Economy(gdp=1e6)},
    "The line of a search must be one that exists": {"line": "nation"},
    "max_packages|A search must have at most 10 packages, but the candidates make 9 x 5 x 2 = 90": {"max_packages": 10},
    "There must be a candidate": {"candidates": []},
    "candidates must be a list": {"candidates": sp.child_benefit(AMOUNT)},
    "candidates must hold schemes and choices": {"candidates": ["child benefit"]},
    "'child benefit' occurs more than once": {"candidates": [sp.child_benefit(AMOUNT), sp.child_benefit(AMOUNT)]},
    "draws of a search must be one of": {"draws": "exact"},
    "The measure of a bound must be one that exists": {"constraints": {"headcuont": (None, 0.1)}},
    "A bound on 'cost_gdp', a share, must be in .*Write 0.02 for 2 %": {"constraints": {"cost_gdp": (None, 2)}},
    r"must be \(least, most\)": {"constraints": {"headcount": 0.1}},
    "must have its least first": {"constraints": {"headcount": (0.2, 0.1)}},
    "must be of poverty by a column, or of access by group": {"constraints": {"gini by urbrur": (None, 1)}},
    "none of 90 is within 'headcount'": {"constraints": {"headcount": (None, 0.0)}},
    "by a column of households, but 'sex' describes persons": {"constraints": {"headcount by sex": (None, 1.0)}},
    "needs an opportunity, but none was given": {"constraints": {"access": (None, 1.0)}},
    "tree must be an OpportunityTree": {"tree": "deep"},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_told(survey, message):
    with pytest.raises(sp.SP2LNOBError, match=message.partition("|")[2] or message):
        found(survey, **BAD[message])


def test_an_objective_that_the_survey_cannot_answer(survey):
    with pytest.raises(sp.InputError, match="A search for 'd_index' needs an opportunity"):
        sp.search(survey, candidates(), RICH, "d_index")
    fixed = sp.Opportunity("water", outcome="water", circumstances=["urbrur"])
    with pytest.raises(sp.InputError, match="must have a welfare class among its circumstances"):
        found(survey, "access", opportunity=fixed)
    with pytest.raises(sp.InputError, match="must split by welfare"):
        found(survey, "access", tree=sp.OpportunityTree(cp=0.99))
    with pytest.raises(sp.InputError, match="needs welfare, but the survey has none"):
        found(toy_survey(welfare=None))
    with pytest.raises(sp.InputError, match="needs its denominator"):
        found(survey, economy=sp.Economy(lines={"a": 90}), constraints={"cost_gdp": (None, 0.1)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"levels": []}, "levels of the choice 'child benefit' must have values"),
        ({"levels": [-1]}, "A level of the choice 'child benefit' must be 0 or more"),
        ({"levels": 5}, "must be a list of values"),
        ({"max_age": [5, 5]}, "5 is listed twice"),
        ({"max_age": [-5]}, "max_age of scheme 'child benefit' must be 0 or more"),
        ({"amount": [5]}, "must be one that exists, but 'amount' does not"),
        ({"coverage": [1.5]}, r"coverage of scheme 'child benefit' must be in \[0, 1\]"),
        ({"levels": [0, 5], "required": True}, "a level is 0"),
        ({"required": "yes"}, "must be True or False"),
    ],
)
def test_a_choice_says_what_is_wrong(given, message):
    with pytest.raises(sp.SP2LNOBError, match=message):
        sp.Choice(sp.child_benefit(AMOUNT), **given)


def test_a_choice_is_of_a_scheme():
    with pytest.raises(sp.InputTypeError, match="A choice must be of a Scheme"):
        sp.Choice("child benefit")


def test_schemes_that_depend_on_each_other_are_found_out(survey, monkeypatch):
    monkeypatch.setattr(best_package, "simulate", lambda s, p, e: sp.simulate(s, sp.Package(p.schemes, mpc=0.5), e))
    with pytest.raises(sp.InputError, match="The schemes of a search must not depend on each other"):
        found(survey)


def test_a_budget_that_only_the_whole_sample_meets_is_not_cross_validated(survey):
    cheapest = found(survey).frame()["total_cost"].min()
    with pytest.warns(sp.SP2LNOBWarning, match="A package should be within the budget without any fold of PSUs"):
        result = found(survey, budget=sp.Amount(cheapest, "year"))
    assert len(result.frame()) == 1
    assert not any("cross-validated" in row.param for row in result.estimates.rows)


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_folder_holds_all(survey, tmp_path):
    result = found(survey, "furthest_behind")
    folder = result.save(tmp_path / "best", disclosure="none")
    names = ["best.toml", "estimates.csv", "front.csv", "manifest.json", "search.csv", "wins.csv"]
    assert sorted(path.name for path in folder.iterdir()) == names
    read = tomllib.loads((folder / "best.toml").read_text())
    made = [sp.Scheme(**{**table, "amount": sp.Amount(*table["amount"])}) for table in read["scheme"]]
    assert tuple(made) == tuple(result.package.schemes)
    assert sp.Package(made, **read["package"]) == result.package
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["search"]["packages"] == 90
    assert manifest["search"]["exhaustive"] is True
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result.save(folder, disclosure="none")
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


EVERY_FIELD = {
    "who": "urbrur == \"Rural\" and note != 'a\\\\b'",
    "amount": GRADED.tapered(starts=sp.Amount(0.5, "line:national"), ends=90.0),
    "per": "household",
    "coverage": 0.1 + 0.2,
    "min_age": 3,
    "max_age": 17,
    "sex": "Female",
    "disability": True,
    "birth": True,
    "weeks": 18.0,
    "paid": "total_per_birth",
    "pension": False,
    "target": RANKED,
    "exclusion_error": 0.1,
    "inclusion_error": 1e-7,
    "take_up": {"urbrur": {"Rural": 0.6, "Urban": 0.9}},
    "phase_in": {2027: 0.25, 2030: 1.0},
    "max_recipients": 2,
    "max_amount": sp.Amount(50, "month"),
    "unless": ("other", "third"),
    "unless_in": "household",
    "replaces": ("aid", "pension \u00e9"),
    "tops_up": "relief",
    "administration": 0.0,
}
TOGETHER = {"per": {"amount": AMOUNT}, "paid": {"birth": True, "amount": sp.Amount(5, "year")}}
OTHERS = [
    sp.Scheme("other", amount=AMOUNT),
    sp.Scheme("third", amount=sp.Schedule.by_size({"1-2": AMOUNT, "3+": AMOUNT})),
]
MORE = [
    {"amount": sp.Schedule.flat(AMOUNT).tapered(starts=50, rate=0.4)},
    {"amount": sp.Schedule.by_recipients({"1": AMOUNT, "2+": sp.Amount(0.02, "gdp_per_capita")})},
    {"amount": sp.Schedule.by_age({"65-79": AMOUNT, "80+": sp.Amount(0.1, "line:$1.90 a day")})},
    {"target": sp.Threshold("line:national")},
    {"target": sp.Threshold(3, by="score")},
    {"target": sp.Affluence(0.2, of="eligible")},
    {"take_up": "column"},
    {"sex": 2},
    {"pension": True},
    {"weeks": 0},
]


@pytest.mark.parametrize("given", [*({key: value} for key, value in EVERY_FIELD.items()), *MORE], ids=str)
def test_every_field_is_written_and_read_again(tmp_path, given):
    scheme = sp.Scheme('a "name"', **{"amount": AMOUNT} | given | TOGETHER.get(next(iter(given)), {}))
    written = sp.Package([scheme, *OTHERS], draws="exact", mpc=0.8, seed=2**63, compat="spot", negative="keep")
    (tmp_path / "best.toml").write_text('[survey]\nhouseholds = "h.csv"\n' + as_toml(written), encoding="utf-8")
    assert read_study(tmp_path / "best.toml").package == written


def test_no_field_is_forgotten(tmp_path):
    assert {"name", *EVERY_FIELD} == {of.name for of in fields(sp.Scheme)}
    usual = sp.Package([sp.Scheme("plain", amount=AMOUNT)])
    assert as_toml(usual).splitlines()[:3] == ["[[scheme]]", 'name = "plain"', 'amount = [10.0, "month"]']
    assert "compat" not in as_toml(usual)


STUDY = """
[survey]
households = "households.csv"
persons = "persons.csv"
person = "pid"
welfare = "pc"
psu = "ea"
strata = ["region", "urbrur"]

[economy]
gdp = 1e6
lines = { national = 90 }

[[opportunity]]
name = "water"
outcome = "water"
circumstances = ["bottom40", "urbrur"]

[tree]
max_depth = 4
min_obs = 3
min_share = 0.05
cp = 0

[[candidate]]
kind = "child_benefit"
amount = [10, "month"]
levels = [0, 5, 20]
max_age = [5, 17]
coverage = [0.5, 1.0]

[[candidate]]
kind = "old_age_pension"
amount = [10, "month"]
levels = [10, 45]
min_age = [60, 75]

[[candidate]]
kind = "household_benefit"
amount = [10, "month"]
coverage = 0.6

[search]
budget = 0.05
objective = "d_index"
opportunity = "water"
constraints = { "access by group" = "no worse" }

[replicates]
n = 20
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, frame in zip(("households", "persons"), toy_frames(per_psu=8), strict=True):
        pd.DataFrame(frame).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_study_searches_as_python_does(folder):
    by_study = read_study("study.toml").search(n_threads=1)
    survey = toy_survey(per_psu=8, roles={})
    by_hand = found(survey, "d_index", 0.05, constraints={"access by group": "no worse"})
    columns = by_study.frame().columns
    assert by_study.frame().equals(by_hand.frame()[columns])
    assert by_study.package == by_hand.package


def called(*words):
    pytest.importorskip("typer", reason="the extra 'cli' is the command line")
    done = subprocess.run(
        [sys.executable, "-m", "sp2lnob.cli", "search", *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_writes_the_folder_and_forgets_what_it_kept(folder):
    code, printed, errors = called("study.toml", "--out", "best", "--resume")
    assert (code, errors) == (0, "")
    assert "90 packages, all tried; the best for d_index:" in printed
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["best"]
    first = (folder / "best" / "search.csv").read_bytes()
    code, printed, _ = called("study.toml", "--out", "best", "--json")
    assert code == 0
    assert json.loads(printed.splitlines()[-1]) == {"event": "done", "out": str(folder / "best"), "packages": 90}
    assert first == (folder / "best" / "search.csv").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('opportunity = "water"', 'opportunity = "fire"', "The opportunity in [search] must be one that exists"),
        ("budget = 0.05", 'budget = [1, "year", 2]', "budget in [search] must be a list of value and unit"),
        ("budget = 0.05", 'budget = [1, "year"]', "A package must be within the budget of 1 a year"),
        ("max_age = [5, 17]", "max_age = []", "max_age of [[candidate]] must have values"),
        ("max_age = [5, 17]", "max_ages = [5, 17]", "A key of [[candidate]] number 1 must be one that exists"),
        ("levels = [0, 5, 20]", "levels = 5", "levels in [[candidate]] number 1 must be a list"),
        ('objective = "d_index"', 'objective = "happiness"', "objective must be one of"),
        ("budget = 0.05", "keep = 0", "keep must be 1 or more"),
        ("[search]", '[package]\npreset = "basic"\n[search]', "no other keys than administration, mpc, draws, seed"),
        ("[search]", '[package]\ncompat = "spot"\n[search]', "but it has 'compat'"),
        ("max_age = [5, 17]", "target = [{ rank = 0.4 }, { rnk = 0.2 }]", "target of scheme 'child benefit' must have"),
    ],
)
def test_a_slip_in_a_study_is_told(folder, old, new, message):
    assert old in STUDY
    (folder / "study.toml").write_text(STUDY.replace(old, new))
    with pytest.raises(sp.SP2LNOBError, match=re.escape(message)):
        read_study("study.toml").search()


def test_a_study_without_candidates_has_nothing_to_search(folder):
    (folder / "study.toml").write_text(STUDY.partition("[[candidate]]")[0])
    with pytest.raises(sp.InputError, match="A search must have candidates"):
        read_study("study.toml").search()


# -- the picture ------------------------------------------------------------------------------------------------------


def test_the_front_is_drawn_with_the_best_marked(survey):
    pytest.importorskip("altair", reason="the extra 'report' draws")
    result = found(survey, budget=0.05)
    drawn = sp.plots.front(result).to_dict()
    points = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "point")
    rows = drawn["datasets"][points["data"]["name"]]
    assert [row["value"] for row in rows] == result.front["poverty_gap"].tolist()
    assert [row["shape"] for row in rows].count("diamond") == 1
    best = next(row for row in rows if row["shape"] == "diamond")
    assert best["value"] == result.frame()["poverty_gap"].iloc[0]


# -- a population in which all are alike ------------------------------------------------------------------------------


def test_a_winner_looks_better_than_it_is_and_cross_validation_mends_that():
    """Twelve samples in which every community is alike: what the study of coverage does with 200."""
    spec = importlib.util.spec_from_file_location("search_study", COVERAGE / "search.py")
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    households = study.population("null")
    truth, before, budget = study.truths(households)
    lines = []
    for seed in range(12):
        survey = study.survey_of(study.sample(households, 2, seed))
        amount = sp.Amount(budget, "year")
        result = sp.search(survey, study.candidates(), amount, line=study.LINE, replicates=sp.Bootstrap(2), n_threads=1)
        lines += study.told(result, truth, before)
    mean = pd.DataFrame(lines).query("scenario == 'change'").groupby("estimator")[["value", "truth"]].mean()
    off = mean["value"] - mean["truth"]
    assert off["as found"] < -0.001
    assert abs(off["cross-validated"]) < abs(off["as found"]) / 2


@pytest.fixture(scope="module")
def priced():
    households, persons = toy_frames(3, per_psu=8, zeros=False)
    households["fine"] = [(37 * k) % 101 for k in range(len(households["hid"]))]
    households["price"] = [0.8 + (k % 5) / 10 for k in range(len(households["hid"]))]
    given = {"psu": "ea", "strata": ["region", "urbrur"], "welfare": "pc", "person": "pid", "roles": {"score": "fine"}}
    return sp.Survey(households, persons, **given, price_factor="price", scale="square root")


@pytest.mark.parametrize("objective", ["poverty_gap", "gini"])
def test_prices_equivalents_and_ranks_are_those_of_simulate(priced, objective):
    ranked = sp.Choice(sp.Scheme("ranked", amount=AMOUNT, target=sp.Rank(0.4)), levels=[5, 10, 15, 20])
    child = sp.Choice(sp.child_benefit(AMOUNT), levels=[4, 6, 8, 10])
    made = found(priced, objective, sp.Amount(6e4, "year"), candidates=[ranked, child])
    assert "ranked" in [scheme.name for scheme in made.package.schemes]
    statistic = sp.Poverty(LINE) if objective == "poverty_gap" else sp.Inequality(["gini"])
    after = {"after": sp.simulate(priced, made.package, ECONOMY)}
    value = sp.estimate(priced, [statistic], after, replicates=FEW)
    own = value.value[value.find(statistic=objective, scenario="after")]
    assert made.frame()[objective].iloc[0] == pytest.approx(own, rel=1e-9)
    told = made.estimates
    found_, crossed = (
        told.value[told.find(statistic=objective, scenario="after", param=param)]
        for param in ("", "cross-validated package")
    )
    assert found_ == pytest.approx(own, rel=1e-9)
    assert found_ < crossed < found_ * 1.2  # what was chosen without a fold does less there
