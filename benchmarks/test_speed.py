"""sp2lnob beside the strongest NumPy and SciPy baselines: same inputs, same work, same results to 1e-9, one thread.

Nothing here asserts a time; ``ratios.py`` prints them.
"""

import gc
import tracemalloc
from collections import deque
from collections.abc import Iterator
from typing import Any

import baselines
import numpy as np
import pytest
import survey as synthetic
from survey import HOUSEHOLDS, REPLICATES
from threadpoolctl import threadpool_limits

import sp2lnob as sp
from sp2lnob import _eligible
from sp2lnob._bayes import SHRUNKEN, CorrectedIndex, SampledRows
from sp2lnob._cells import Circumstance, combine
from sp2lnob._cuts import ClassTotals
from sp2lnob._kernels import _payments
from sp2lnob._packages import PackagePoverty, Scan
from sp2lnob._parallel import GROUPS, LANES
from sp2lnob._prepared import Scenario, joined
from sp2lnob._receipt import Receipt
from sp2lnob._splits import Rule, grow_many
from sp2lnob._sweeps import NO_CUTS, CellSums, Ordering, Totals, Weighted, columns_of
from sp2lnob.choices import Grid, choices_of, payments_of
from sp2lnob.decomposition import Coalitions, Game
from sp2lnob.estimation import Job, full_sample_of

LARGE = 10 * HOUSEHOLDS
REFITS = min(200, REPLICATES)
SIDES = pytest.mark.parametrize("side", ["baseline", "sp2lnob"])


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def data() -> synthetic.Data:
    return synthetic.make(HOUSEHOLDS)


@pytest.fixture(scope="module")
def large() -> synthetic.Data:
    return synthetic.make(LARGE)


@pytest.fixture(scope="module")
def bootstrap() -> sp.Bootstrap:
    return sp.Bootstrap(REPLICATES, seed=7)


def blocks(survey: sp.Survey, design: Any) -> Iterator[Any]:
    """Yield factors as kernels take them: (groups, units, LANES), a block at a time."""
    bound = design.bind(survey)
    lanes = -(-bound.n // LANES)
    for first in range(0, lanes, GROUPS):
        yield bound.source.factors(1 + first * LANES, min(GROUPS, lanes - first))


@pytest.fixture(scope="module")
def factors(data, bootstrap) -> list[Any]:
    return list(blocks(data.survey, bootstrap))


@pytest.fixture(scope="module")
def matrix(factors) -> Any:
    """Return the same factors as the baselines take them: (PSUs, replicates), made before the clock starts."""
    whole = np.concatenate([block.swapaxes(0, 1).reshape(block.shape[1], -1) for block in factors], axis=1)
    return np.ascontiguousarray(whole, dtype=np.float64)


def compare(benchmark: Any, side: str, ours: Any, theirs: Any, agree: Any = None) -> None:
    """Check that both sides give the same, then time one of them."""
    (agree or (lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)))(ours(), theirs())
    benchmark(ours if side == "sp2lnob" else theirs)


@SIDES
@pytest.mark.benchmark(group="draw PSUs")
def test_draw(benchmark, side, data, bootstrap):
    design = data.survey.design
    start, size = design.stratum_start, np.repeat(design.psus_by_stratum, design.psus_by_stratum)[:, None]

    def agree(ours, theirs):  # other random numbers: every stratum of every replicate has its number of draws
        drawn = np.concatenate([block.swapaxes(0, 1).reshape(block.shape[1], -1) for block in ours], axis=1)
        drawn = np.rint(drawn * (size - 1) / size)  # a factor is a count times n / (n - 1)
        for got in (drawn[:, :REPLICATES], theirs):
            np.testing.assert_array_equal(
                np.add.reduceat(got.astype(np.int64), start[:-1], axis=0),
                np.repeat(np.diff(start)[:, None] - 1, REPLICATES, axis=1),
            )

    compare(
        benchmark,
        side,
        lambda: list(blocks(data.survey, bootstrap)),
        lambda: baselines.draw(np.random.default_rng(7), start, REPLICATES),
        agree,
    )


@pytest.mark.parametrize("design", [sp.Jackknife(), sp.BRR(), sp.SuccessiveDifference("psu")], ids=lambda d: d.method)
def test_other_draws(benchmark, data, design):
    survey = data.survey
    if isinstance(design, sp.BRR):  # strata of two PSUs, of which every multiple of 50 households has an even number
        columns = {**data.households, "pair": data.households["psu"] // 2}
        survey = sp.Survey(columns, size="size", psu="psu", strata="pair")
    n = design.bind(survey).n
    benchmark.group = f"draw PSUs: {design.method}, {n:,} replicates"

    def mean() -> Any:  # a block's replicates may go beyond the last
        each = (block.swapaxes(0, 1).reshape(survey.design.psus, -1) for block in blocks(survey, design))
        return sum(some[:, : n - i * GROUPS * LANES].sum(axis=1) for i, some in enumerate(each)) / n

    np.testing.assert_allclose(mean(), 1.0, rtol=1e-9)  # of every PSU over the replicates
    benchmark(lambda: deque(blocks(survey, design), maxlen=0))


@SIDES
@pytest.mark.benchmark(group="Gini replicates, sort included")
def test_gini(benchmark, side, data, factors, matrix):
    survey = data.survey
    welfare, people, psu = survey.welfare, survey.people, survey.design.psu

    def ours():
        ordering = Ordering.of(welfare, people, psu)
        return np.concatenate([ordering.evaluate(block).gini for block in factors])

    compare(benchmark, side, ours, lambda: baselines.gini(welfare, people, psu, matrix))


@SIDES
@pytest.mark.benchmark(group="FGT 0, 1, 2 replicates")
def test_fgt(benchmark, side, data, factors, matrix):
    survey, poverty = data.survey, sp.Poverty(synthetic.LINE)
    welfare, people, psu = survey.welfare, survey.people, survey.design.psu
    level = np.zeros(len(psu), dtype=np.int32)

    def ours():
        columns = Weighted(people, (people,), ((poverty.beside, poverty.write, welfare),))
        sums = Totals.of(columns, psu, level, 1)
        return np.concatenate([poverty.combine(sums.evaluate(block))[0] for block in factors], axis=1)

    compare(benchmark, side, ours, lambda: baselines.fgt(welfare, people, psu, synthetic.LINE, matrix))


@SIDES
@pytest.mark.benchmark(group="D over all cells, collapse included")
def test_dissimilarity(benchmark, side, data, factors, matrix):
    survey = data.survey
    weight, psu, levels = survey.weight, survey.design.psu, list(synthetic.LEVELS.values())
    codes = [data.households[name].astype(np.int32) for name in synthetic.LEVELS]
    access = data.households["access"].astype(np.uint8)

    def ours():
        cells, cell = combine(codes, levels)
        sums = CellSums.of(weight, access, cell, len(cells), psu)
        return np.concatenate([sums.evaluate(block)[2] for block in factors])

    compare(benchmark, side, ours, lambda: baselines.dissimilarity(weight, access, codes, levels, psu, matrix))


@pytest.mark.benchmark(group="D without what chance adds (empirical Bayes), preparation included")
def test_corrected_dissimilarity(benchmark, data, factors):
    survey = data.survey
    codes, levels = (
        [data.households[name].astype(np.int32) for name in synthetic.LEVELS],
        tuple(synthetic.LEVELS.values()),
    )
    access, psu = data.households["access"].astype(np.uint8), survey.design.psu

    def ours():
        cells, cell = combine(codes, levels)
        rows = SampledRows.of(survey.weight, access, psu, psu, survey.design.stratum_start)
        index = CorrectedIndex.of(rows, cell, cells, levels)
        return np.concatenate([index.evaluate(block, NO_CUTS)[SHRUNKEN] for block in factors])

    found = benchmark.pedantic(ours, rounds=5, warmup_rounds=1)
    assert np.isfinite(found).all()


@SIDES
@pytest.mark.parametrize("replicates", [1, REFITS])
@pytest.mark.benchmark
def test_shapley_of_logits(benchmark, side, replicates, data, factors, matrix):
    of = "the full sample, from rows" if replicates == 1 else f"{replicates} replicates"
    benchmark.group = f"logit D and its Shapley shares, 63 logits: {of}"
    survey, levels = data.survey, list(synthetic.LEVELS.values())
    weight, psu = survey.weight, survey.design.psu
    codes = [data.households[name].astype(np.int32) for name in synthetic.LEVELS]
    access = data.households["access"].astype(np.uint8)
    ones = np.ones((1, survey.design.psus, LANES))

    def ours():
        cells, cell = combine(codes, levels)
        sums = CellSums.of(weight, access, cell, len(cells), psu).totals
        game = Game.of(levels, None)
        players = [(i,) for i in range(len(levels))]
        coalitions = Coalitions.of(cells, levels, players, game.masks, "logit", sums.evaluate(ones))
        if replicates == 1:
            return np.r_[coalitions.whole[0], game.shares(coalitions.whole[:, None])[:, 0]]
        values = np.hstack(
            [coalitions.evaluate(sums.evaluate(block)) for block in factors[: -(-replicates // (GROUPS * LANES))]]
        )
        return np.vstack([values[:1], game.shares(values)])[:, :replicates]

    counts = np.ones((survey.design.psus, 1)) if replicates == 1 else np.ascontiguousarray(matrix[:, :replicates])

    def theirs():
        found = baselines.shapley_of_logits(weight, access, codes, levels, psu, counts)
        return found[:, 0] if replicates == 1 else found

    compare(benchmark, side, ours, theirs)


@SIDES
@pytest.mark.benchmark(group=f"{REFITS} tree refits, depth 5, leaves of 5 %, collapse included")
def test_tree_refits(benchmark, side, data, factors, matrix):
    survey, depth, share = data.survey, 5, 0.05
    weight, psu, levels = survey.weight, survey.design.psu, list(synthetic.LEVELS.values())
    codes = [data.households[name].astype(np.int32) for name in synthetic.LEVELS]
    access = data.households["access"].astype(np.uint8)
    circumstances = tuple(
        Circumstance(name, tuple(map(str, range(k))), np.arange(k, dtype=np.float64), True, False)
        for name, k in synthetic.LEVELS.items()
    )

    groups = -(-REFITS // LANES)
    first = [block[: max(0, groups - i * GROUPS)] for i, block in enumerate(factors) if i * GROUPS < groups]

    def ours():
        cells, cell = combine(codes, levels)
        columns = (weight, weight * access)
        sums = ClassTotals(columns, psu, cell, len(cells), np.zeros(len(psu)))
        made = np.concatenate([sums.evaluate(some, np.empty((0, columns_of(some))))[:, 0] for some in first], axis=-1)
        trees = grow_many(circumstances, cells, made[..., :REFITS], Rule(depth, share_of_weight=share))
        mean = trees.rate[:, :1]
        apart = np.where(trees.is_leaf, trees.weight * np.abs(trees.rate - mean), 0).sum(axis=1)
        return apart / (2 * trees.weight[:, 0] * mean[:, 0])

    def theirs():
        rule = {"max_depth": depth, "min_weight_fraction_leaf": share}
        return baselines.tree_refits(weight, access, codes, levels, psu, matrix[:, :REFITS], **rule)

    compare(benchmark, side, ours, theirs)


@SIDES
@pytest.mark.benchmark(group="4 schemes: first simulate() on a survey, from columns")
def test_first_simulate(benchmark, side, data):
    of, survey, package = data.persons, data.survey, synthetic.package()
    home, amounts = survey.household_of.astype(np.int64), list(synthetic.AMOUNTS.values())

    def ours():
        survey.role_codes.clear()
        return sp.simulate(survey, package).welfare_after

    def theirs():
        return baselines.schemes(of["age"], of["disabled"], of["births"], home, survey.welfare, survey.size, amounts)

    compare(benchmark, side, ours, theirs)


@SIDES
@pytest.mark.benchmark(group="4 schemes: every further simulate(), from codes")
def test_simulate(benchmark, side, data):
    survey, package = data.survey, synthetic.package()
    compare(benchmark, side, lambda: sp.simulate(survey, package).welfare_after, schemes_of_codes(survey, package))


@SIDES
@pytest.mark.benchmark(group="4 schemes: every further simulate(), ten times the households")
def test_large_simulate(benchmark, side, large):
    survey, package = large.survey, synthetic.package()
    compare(benchmark, side, lambda: sp.simulate(survey, package).welfare_after, schemes_of_codes(survey, package))


@SIDES
@pytest.mark.benchmark(
    group="poverty, Gini, Palma before and after, by decile: ten times the households, no replicates"
)
def test_large_indicators(benchmark, side, large):
    survey = large.survey
    transfers = sp.simulate(survey, synthetic.package())
    welfare, after = survey.welfare, transfers.welfare_after
    of_all = (sp.MeanWelfare(), sp.Poverty(synthetic.LINE), sp.Inequality(["gini", "palma"]))
    by_decile = (sp.MeanWelfare(), sp.Poverty(synthetic.LINE), sp.Inequality(["gini"]))

    def ours():
        for name in ("richest_first", "welfare_known"):  # sorted anew, as the baseline does
            survey.__dict__.pop(name, None)
        full = full_sample_of(survey, sp.Bootstrap(2).bind(survey))
        scenarios = [Scenario("before", survey), Scenario("after", survey, transfers)]
        asked = [
            one
            for scenario in scenarios
            for by, statistics in (((), of_all), (("decile",), by_decile))
            for statistic in statistics
            for one in statistic.prepare(scenario, by, full)
        ]
        prepared = joined(asked)
        values = Job.of(prepared, full).at(full.factors)[:, 0]  # as estimate() has them of the full sample
        made = dict(zip((id(row) for one in prepared for row in one.rows), values, strict=True))
        rows = [row for one in asked for row in one.rows]
        by = [(row.scenario != "before", row.by != "all", row.statistic == "gini" and row.by != "all") for row in rows]
        # As the baseline has it: by decile, mean and poverty of each, then the Gini of each.
        order = sorted(range(len(rows)), key=lambda i: (*by[i], int(rows[i].level) if by[i][1] else 0))
        return np.array([made[id(rows[i])] for i in order])

    compare(benchmark, side, ours, lambda: baselines.indicators(welfare, after, survey.people, synthetic.LINE))


@SIDES
@pytest.mark.benchmark(group="4 schemes: with who is paid written down, from codes")
def test_scheme_kernels(benchmark, side, data):
    survey, package = data.survey, synthetic.package()
    amounts = np.array(list(synthetic.AMOUNTS.values()))

    def ours():
        recipients = Receipt(survey, len(amounts), _eligible.eligible(survey, package.schemes)).recipients
        after = np.empty(survey.n_households)
        _payments.welfare_after(survey.welfare, recipients, amounts, survey.size, 1.0, 1.0, after)
        return after

    compare(benchmark, side, ours, schemes_of_codes(survey, package))


def schemes_of_codes(survey: sp.Survey, package: sp.Package) -> Any:
    """Return the baseline that starts from the bytes that sp2lnob keeps of persons."""
    age, _ = _eligible.ages(survey, package.schemes)
    trait, _ = _eligible.traits(survey, package.schemes)
    home, amounts = survey.household_of.astype(np.int64), list(synthetic.AMOUNTS.values())
    return lambda: baselines.schemes_of_codes(age, trait & 3, home, survey.welfare, survey.size, amounts)


@pytest.mark.parametrize("threads", [1, 2])
def test_assess(benchmark, data, threads):
    work = "assess(): 1 opportunity, 4 schemes, 3 lines, by decile; D, HOI, shares, refits"
    benchmark.group = work if threads == 1 else "the same on two threads"
    schemes = synthetic.package()
    opportunity = sp.Opportunity(
        "access", outcome="access", ordered=["educ"], circumstances=["bottom40", "urban", "educ", "sexh"]
    )
    lines = {"extreme": 1.9, "national": synthetic.LINE, "upper": 3.65}
    result = benchmark.pedantic(
        lambda: sp.assess(
            data.survey,
            [opportunity],
            schemes,
            lines=lines,
            by=["decile"],
            n_threads=threads,
            replicates=sp.Bootstrap(REPLICATES, seed=7),
        ),
        rounds=3,
    )
    rows = result.estimates.rows
    assert result.estimates.draws.shape == (REPLICATES, len(rows))
    assert {"before", "after", "change"} <= {row.scenario for row in rows}
    assert {"headcount", "gini", "access", "d_index", "shapley", "total_cost"} <= {row.statistic for row in rows}
    assert {row.of for row in rows if row.statistic == "scheme_share"} == {
        *(s.name for s in schemes.schemes),
        "package",
    }
    assert (result.stability["replicates"] == REPLICATES).all()  # every replicate grew a tree of its own
    assert len(result.stability)


def job(survey: sp.Survey, threads: int, replicates: int) -> sp.Estimates:
    """Return the Gini, FGT 0, 1, 2 and D over all cells with their standard errors and intervals."""
    opportunity = sp.Opportunity("access", outcome="access", circumstances=list(synthetic.LEVELS))
    statistics = [sp.Poverty(synthetic.LINE), sp.Inequality(["gini"]), sp.Dissimilarity(opportunity, "cells")]
    return sp.estimate(survey, statistics, n_threads=threads, replicates=sp.Bootstrap(replicates, seed=7))


@pytest.mark.benchmark(group="estimate(): Gini, FGT and D, draws included")
@pytest.mark.parametrize(
    ("size", "replicates", "threads"),
    [
        ("data", REPLICATES, 1),
        ("data", REPLICATES, 2),
        ("data", 10 * REPLICATES, 1),
        ("data", 10 * REPLICATES, 2),
        ("large", REPLICATES, 1),
    ],
)
def test_estimate(benchmark, request, size, replicates, threads):
    survey = request.getfixturevalue(size).survey
    benchmark.extra_info["job"] = [survey.n_households, replicates, threads]
    found = benchmark.pedantic(job, (survey, threads, replicates), rounds=5, warmup_rounds=1)
    assert found.draws.shape == (replicates, 5)


@SIDES
@pytest.mark.benchmark(group="estimate() on 8,000 households: a scheme that ranks anew, beside one that ranks nobody")
def test_ranked(benchmark, side):
    survey = synthetic.make(8_000).survey
    target = sp.Rank(0.4, by="welfare") if side == "sp2lnob" else None
    cash = sp.Scheme("cash", amount=sp.Amount(0.4, "month"), target=target)
    package = sp.Package([*synthetic.package().schemes[:3], cash])
    asked = [sp.Poverty(synthetic.LINE), sp.Inequality(["gini", "palma"]), sp.Coverage(), sp.Cost()]

    def ours() -> Any:
        after = sp.simulate(survey, package)
        return sp.estimate(survey, asked, {"after": after}, replicates=sp.Bootstrap(REPLICATES), n_threads=1)

    assert np.isfinite(benchmark(ours).draws).all()


@SIDES
@pytest.mark.benchmark(group="search: poverty after 8,208 packages on 8,000 households")
def test_packages(benchmark, side):
    survey, line = synthetic.make(8_000).survey, 2.15
    month = sp.Amount(1, "month")
    choices = choices_of(
        [
            sp.Choice(sp.child_benefit(month), levels=[0.05, 0.1, 0.15, 0.2, 0.25, 0.3], max_age=[5, 11, 17]),
            sp.Choice(sp.old_age_pension(month), levels=[0.2, 0.4, 0.6, 0.8, 1.0], min_age=[60, 65, 70]),
            sp.Choice(sp.disability_benefit(month), levels=[0.2, 0.3, 0.4, 0.5], max_age=[17, 59]),
            sp.Choice(sp.maternity_benefit(month), levels=[0.2, 0.4]),
        ]
    )
    grid = Grid(choices)
    run = {"administration": 0.05, "mpc": 1.0, "draws": "seeded", "seed": 1}
    paid = payments_of(survey, grid, None, run, survey.design.psu, survey.design.psus)
    part = PackagePoverty.of(survey, paid.money, 1.0, line)
    scan = Scan(grid, (part,))
    columns = grid.columns(np.arange(grid.packages))
    taken = np.zeros((grid.packages, paid.money.shape[1]))  # of each option, whether a package has it
    np.put_along_axis(taken, columns, 1.0, axis=1)
    people = survey.people.sum()

    def ours() -> Any:
        return scan.packages(scan(1, -(-scan.batches // LANES))[:, : scan.batches])[:2]

    def theirs() -> Any:
        poor, gaps = baselines.packages(part.money, taken, part.welfare, part.share, part.weight, line)
        return np.stack([poor, gaps / line]) / people

    benchmark.extra_info["packages"] = grid.packages
    compare(benchmark, side, ours, theirs)


@pytest.mark.benchmark(group="peak memory of estimate() beyond the survey")
@pytest.mark.parametrize("replicates", [100, 10_000])
def test_memory(benchmark, data, replicates):
    def peak() -> int:
        gc.collect()
        tracemalloc.start()  # NumPy tells it of every array; kernels allocate nothing
        before, _ = tracemalloc.get_traced_memory()
        job(data.survey, 1, replicates)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest - before

    peak()  # modules and columns that are read on first use
    held = sum(column.nbytes for part in (data.households, data.persons) for column in part.values())
    benchmark.extra_info.update(
        replicates=replicates, input_mb=held / 1e6, beyond_mb=benchmark.pedantic(peak, rounds=1) / 1e6
    )
