"""The dissimilarity index without what noise adds: equal to the oracle, and what must hold of it whatever the data."""

import sys
from functools import cache
from math import erf, exp, isnan, pi, sqrt
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._bayes import VALUES, CorrectedIndex, SampledRows, Shrinkage
from sp2lnob._cuts import CellMoments
from sp2lnob._domains import Row
from sp2lnob._folds import folds_of
from sp2lnob._kernels import _bayes
from sp2lnob._sweeps import in_lanes

from . import _peers
from ._bayes import EmpiricalBayes
from ._data import toy_survey

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "coverage"))
import dissimilarity as study

NAMES = VALUES[2:]


class Toy:
    """A small sample: strata of 1 to 5 PSUs, weights of 0 to 4, three circumstances, the last perhaps a class."""

    def __init__(self, seed, banded=False, by_household=False, per_psu=12):
        rng = np.random.default_rng(seed)
        strata = [2, 3, 5, 1 + seed % 3]
        psus, n = sum(strata), sum(strata) * per_psu
        self.levels, self.stratum = [2, 3, 2], np.repeat(np.arange(4), strata)
        self.start = np.r_[0, np.cumsum(strata)].astype(np.int32)
        self.psu = np.repeat(np.arange(psus), per_psu).astype(np.int32)
        self.codes = np.column_stack([rng.integers(0, count, n) for count in self.levels])
        self.weight = rng.integers(0, 5, n).astype(float)
        chance = 0.3 + 0.15 * self.codes[:, 0] + 0.1 * self.codes[:, 1] + 0.1 * rng.random(psus)[self.psu]
        self.outcome = (rng.random(n) < chance).astype(np.uint8)
        self.welfare = rng.permutation(n).astype(float)
        self.unit = np.arange(n, dtype=np.int32) if by_household else self.psu
        self.cut = np.array([n * 0.4]) if banded else np.empty(0)
        self.codes = self.cells(self.cut)
        self.rng, self.banded = rng, banded

    def cells(self, cut):
        """Return circumstances, the class cut at a place."""
        if not len(self.cut):
            return self.codes
        return np.column_stack([self.codes[:, :2], self.welfare > cut[0]])

    @property
    def rows(self):
        return SampledRows.of(self.weight, self.outcome, self.psu, self.unit, self.start, self.welfare)

    def index(self):
        fixed = self.codes[:, :2] if self.banded else self.codes
        present, domain = np.unique(fixed, axis=0, return_inverse=True)
        if self.banded:
            present = np.column_stack([np.repeat(present, 2, axis=0), np.tile([0, 1], len(present))])
        return CorrectedIndex.of(
            self.rows, domain.ravel().astype(np.int32), present.astype(np.int32), self.levels, self.cut
        )

    def oracle(self):
        return EmpiricalBayes(self.weight, self.outcome, self.psu, self.stratum, self.codes, self.levels)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("by_household", [False, True])
@pytest.mark.parametrize("banded", [False, True])
def test_every_replicate_equals_the_oracle(seed, banded, by_household):
    toy = Toy(seed, banded, by_household)
    made, oracle = toy.index(), toy.oracle()
    expected = oracle.of(toy.codes)
    assert made.whole[2:] == pytest.approx([expected[name] for name in NAMES], abs=1e-12)
    assert made.shrinkage.rho == pytest.approx(oracle.rho, abs=1e-12)
    factors = 1.25 * toy.rng.integers(0, 3, (6, toy.unit.max() + 1))
    cuts = np.empty((0, 8)) if not banded else toy.cut[:, None] + toy.rng.integers(-8, 9, (1, 8))
    found = made.evaluate(in_lanes(factors), cuts)
    for r, factor in enumerate(factors):
        expected = oracle.of(toy.cells(cuts[:, r]), factor[toy.unit])
        assert found[2:, r] == pytest.approx([expected[name] for name in NAMES], abs=1e-10)


def test_plain_index_and_logit_are_those_that_peers_agree_on():
    access, circumstances, weight, psu, _, many = _peers.survey()
    codes, cell = np.unique(np.column_stack([*circumstances.values()]), axis=0, return_inverse=True)
    psu, start = psu.astype(np.int32), np.r_[0, np.cumsum(many)].astype(np.int32)
    rows = SampledRows.of(weight, access.astype(np.uint8), psu, psu, start)
    made = CorrectedIndex.of(rows, cell.ravel().astype(np.int32), codes.astype(np.int32), _peers.LEVELS)
    found = dict(zip(VALUES, made.whole, strict=True))
    assert found["cells"] == pytest.approx(_peers.KNOWN["cells D"], abs=1e-11)
    assert found["logit"] == pytest.approx(_peers.KNOWN["logit D"], abs=1e-9)
    assert found["empirical-bayes"] < found["signs"] < found["cells"]


def test_the_mean_of_a_folded_normal_to_the_last_bits():
    rng = np.random.default_rng(1)
    mean, variance = rng.normal(0, 0.3, 4000), 10.0 ** rng.uniform(-9, 1, 4000)
    mean[::7], variance[::11] = 0.0, 0.0
    found = np.empty(4000)
    _bayes.folded(mean, variance, found)
    expected = [
        sqrt(2 * v / pi) * exp(-m * m / (2 * v)) + m * erf(m / sqrt(2 * v)) if v > 0 else abs(m)
        for m, v in zip(mean, variance, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)
    assert (found[::77] == 0).all()


def test_a_replicate_does_not_depend_on_its_neighbors():
    toy = Toy(3, banded=True, by_household=True)
    made = toy.index()
    factors, cuts = (
        toy.rng.integers(0, 3, (8, len(toy.unit))) * 1.5,
        toy.cut[:, None] + toy.rng.integers(-40, 41, (1, 8)),
    )
    together = made.evaluate(in_lanes(factors), cuts)
    for r in range(8):
        alone = made.evaluate(in_lanes(np.tile(factors[r], (8, 1))), np.tile(cuts[:, [r]], (1, 8)))
        assert alone.tobytes() == np.tile(together[:, [r]], (1, 8)).tobytes()


def test_moments_are_sums_over_rows_and_psus():
    toy = Toy(5, by_household=True)
    factors = toy.rng.integers(0, 3, (3, len(toy.unit))).astype(float)
    cell = (toy.codes @ [6, 2, 1]).astype(np.int32)
    found = toy.rows.moments(cell, 12).evaluate(in_lanes(factors), np.empty((0, 8)))
    for r, f in enumerate(factors):
        fw = f * toy.weight
        for g in range(12):
            here = cell == g
            by_psu = [fw[here & (toy.psu == p)].sum() ** 2 for p in range(len(toy.stratum))]
            expected = [fw[here].sum(), (fw * toy.outcome)[here].sum(), (fw[here] ** 2).sum(), sum(by_psu)]
            assert found[g, :, r] == pytest.approx(expected, rel=1e-12)
    nobody = CellMoments(np.empty((3, 0)), *np.empty((3, 0), dtype=np.int32), 2)
    assert not nobody.evaluate(np.ones((1, 1, 8)), np.empty((0, 8))).any()


# -- what must hold ---------------------------------------------------------------------------------------------------


def whole(toy):
    return dict(zip(VALUES, toy.index().whole, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_scale_order_and_rows_without_weight_change_nothing(seed):
    toy = Toy(seed)
    plain = whole(toy)
    for change in ("scale", "order", "drop"):
        other = Toy(seed)
        if change == "scale":
            other.weight = other.weight * 3.7
        else:
            rows = toy.rng.permutation(len(toy.weight)) if change == "order" else np.flatnonzero(toy.weight > 0)
            for name in ("codes", "weight", "outcome", "welfare", "psu"):
                setattr(other, name, getattr(other, name)[rows])
            other.unit = other.psu
        found = whole(other)
        for name in NAMES:
            assert found[name] == pytest.approx(plain[name], abs=1e-12), (change, name)


def test_copies_of_psus_are_as_good_as_more_of_them_and_copies_of_rows_are_not():
    # The plain index knows no copies. The corrected one must: twice the PSUs are twice the news, twice the rows of the
    # same PSUs are the less news, the more people of a PSU are alike.
    toy = Toy(4)
    plain = whole(toy)
    twice = Toy(4)
    for name in ("codes", "weight", "outcome", "welfare"):
        setattr(twice, name, np.repeat(getattr(toy, name), 2, axis=0))
    twice.psu = twice.unit = np.repeat(toy.psu, 2)
    of_rows = whole(twice)
    for name in ("cells", "logit", "mean"):
        assert of_rows[name] == pytest.approx(plain[name], abs=1e-12)
    apart = Toy(4)
    for name in ("codes", "weight", "outcome", "welfare"):
        setattr(apart, name, np.concatenate([getattr(toy, name)] * 2))
    apart.psu = apart.unit = np.r_[toy.psu, toy.psu + len(toy.stratum)].astype(np.int32)
    apart.start = np.r_[toy.start, toy.start[-1] + toy.start[1:]].astype(np.int32)
    apart.stratum = np.r_[toy.stratum, toy.stratum + 4]
    of_psus = whole(apart)
    assert of_psus["cells"] == pytest.approx(plain["cells"], abs=1e-12)
    expected = apart.oracle().of(apart.codes)
    assert of_psus["empirical-bayes"] == pytest.approx(expected["empirical-bayes"], abs=1e-12)
    assert plain["empirical-bayes"] < of_psus["empirical-bayes"] < plain["cells"]


def test_a_cell_of_one_row_has_the_rate_of_the_logit():
    # Each row is alone in its cell: what rates differ by is all noise, and the index is the logit's but for its noise.
    rng = np.random.default_rng(7)
    codes = np.column_stack([np.repeat(np.arange(20), 20), np.tile(np.arange(20), 20)]).astype(np.int32)
    outcome = (rng.random(400) < 0.5).astype(np.uint8)
    psu = np.arange(400, dtype=np.int32)
    rows = SampledRows.of(np.ones(400), outcome, psu, psu, np.array([0, 400], dtype=np.int32))
    made = CorrectedIndex.of(rows, psu, codes, [20, 20])
    found = dict(zip(VALUES, made.whole, strict=True))
    assert made.shrinkage.noise == 1
    assert found["empirical-bayes"] < found["logit"] < found["cells"]
    assert found["cells"] == pytest.approx(1 - found["mean"])  # whoever has access has all of it


def test_where_cells_are_large_nothing_is_taken_off():
    rng = np.random.default_rng(2)
    n = 40_000
    codes = np.column_stack([rng.integers(0, 2, n), rng.integers(0, 3, n)])
    outcome = (rng.random(n) < np.array([[0.2, 0.5, 0.6], [0.6, 0.3, 0.9]])[codes[:, 0], codes[:, 1]]).astype(int)
    groups = {"a": codes[:, 0], "b": codes[:, 1]}
    plain = sp.d_index(outcome, groups, np.ones(n))
    assert sp.d_index(outcome, groups, np.ones(n), correction="empirical-bayes") == pytest.approx(plain, abs=1e-3)


def test_the_plain_index_is_duncans_times_those_without_access():
    toy = Toy(6)
    found = whole(toy)
    with_access, without = toy.weight * toy.outcome, toy.weight * (1 - toy.outcome.astype(int))
    cells = [tuple(code) for code in toy.codes.tolist()]
    parts = [
        (with_access[here].sum() / with_access.sum(), without[here].sum() / without.sum())
        for cell in set(cells)
        for here in [np.array([c == cell for c in cells])]
    ]
    duncan = sum(abs(a - b) for a, b in parts) / 2
    assert found["cells"] == pytest.approx((1 - found["mean"]) * duncan, rel=1e-12)


def test_nobody_and_everybody():
    toy = Toy(1)
    toy.outcome[:] = 0
    assert all(isnan(whole(toy)[name]) for name in NAMES)
    toy.outcome[:] = 1
    assert [whole(toy)[name] for name in NAMES] == [0, 0, 0, 0]
    toy = Toy(1)
    toy.outcome[:] = toy.psu == 0
    factors = np.ones((2, len(toy.stratum)))
    factors[0, 0] = 0  # nobody who is left has access: no index, and the engine counts it
    factors[1, 1:] = 0  # all have: nothing to share out
    found = toy.index().evaluate(in_lanes(factors), np.empty((0, 8)))
    assert np.isnan(found[2:, 0]).all()
    assert (found[2:, 1] == 0).all()


# -- on a survey ------------------------------------------------------------------------------------------------------

WATER = sp.Opportunity("water", "water", circumstances=["quintile", "urbrur", "educ"])


@cache
def estimated(by=(), **given):
    return sp.estimate(toy_survey(per_psu=8), [sp.Dissimilarity(WATER, **given)], by=by, replicates=sp.Bootstrap(40))


def test_the_rows_of_an_index():
    made = estimated()
    assert [row.param for row in made.rows] == ["empirical-bayes", "lower bound", "upper bound", "cells"]
    assert [row.scale for row in made.rows] == ["index", "none", "none", "none"]
    value, low, high, cells = made.value
    assert low < value < high < cells
    assert 0 <= made.ci_low[0] < value < made.ci_high[0] <= made.rows[0].most
    access = sp.estimate(toy_survey(per_psu=8), [sp.Access(WATER)], replicates=sp.Bootstrap(2)).value[0]
    assert made.rows[0].most == pytest.approx(1 - access)
    assert made.rows[0].doubt == pytest.approx((high - value) / 2)
    assert np.isnan(made.ci_low[1:]).all()
    assert "biased" in made.flags[3]
    assert "few cells" in made.flags[0]  # 40 of them, of 4 rows
    assert made.draws[:, 1] - made.draws[:, 2] == pytest.approx(low - high)


def test_methods_and_the_values_of_one_are_those_of_the_other():
    of_cells, of_logit = estimated(method="cells"), estimated(method="logit")
    assert [row.param for row in (*of_cells.rows, *of_logit.rows)] == ["cells", "logit"]
    np.testing.assert_allclose(of_cells.draws[:, 0], estimated().draws[:, 3], rtol=1e-12)
    assert of_logit.flags[0].startswith("model-dependent")
    assert of_logit.ci_low[0] < of_logit.value[0] < of_logit.ci_high[0]


@pytest.mark.parametrize("by", ["urbrur", "bottom40", "decile"])
def test_the_index_of_a_level_is_that_of_its_rows_alone(by):
    survey = toy_survey(per_psu=8)
    opportunity = sp.Opportunity("water", "water", circumstances=["quintile", "educ", "region"])
    made = sp.estimate(survey, [sp.Dissimilarity(opportunity)], by=[by], replicates=sp.Bootstrap(2))
    cells = opportunity.prepare(survey)
    shares = {"bottom40": [0.4], "decile": np.arange(1, 10) / 10, "quintile": [0.2, 0.4, 0.6, 0.8]}
    at = {name: [sp.quantile(survey.welfare, survey.people, q) for q in cuts] for name, cuts in shares.items()}
    band = np.searchsorted(at["quintile"], survey.welfare)
    if by == "urbrur":
        level = survey.column(by, "household").categories()[1]
    else:
        level = np.searchsorted(at[by], survey.welfare)
    assert len(made.rows) == 4 * (2 + level.max())
    for i in range(level.max() + 1):
        here = np.flatnonzero(level == i)
        groups = np.column_stack([cells.codes[cells.domain * cells.bands][here, 1:], band[here]])
        own = EmpiricalBayes(
            cells.weight[here],
            cells.outcome[here],
            survey.design.psu[here],
            np.repeat(np.arange(survey.design.strata), survey.design.psus_by_stratum),
            groups,
            [4, 2, 5],
        ).of(groups)
        found = made.value[4 + 4 * i : 8 + 4 * i]
        assert found[3] == pytest.approx(own["cells"], abs=1e-12)
        assert found[0] == pytest.approx(max(own["empirical-bayes"], 0), abs=1e-9)
        assert found[2] == pytest.approx(max(own["signs"], found[0]), abs=1e-9)
        assert found[1] <= found[0]


@pytest.mark.parametrize("method", ["empirical-bayes", "logit"])
def test_one_cell_alone_differs_from_nothing(method):
    """By its own circumstance: no replicate has a difference, and none is said to be possible."""
    urban = sp.Opportunity("water", "water", circumstances=["urbrur"])
    asked = [sp.Dissimilarity(urban, method=method)]
    made = sp.estimate(toy_survey(per_psu=8), asked, by=["urbrur"], replicates=sp.Bootstrap(40))
    own = made.frame().query("by == 'urbrur'")
    assert len(own) == 2 * (4 if method == "empirical-bayes" else 1)
    assert (own[["value", "se"]] == 0).all(axis=None)
    assert own.ci_high.isna().all()
    assert (made.draws[:, made.frame().by == "urbrur"] == 0).all()


def test_one_group_alone_has_an_index_of_0():
    for weights in ([1, 1, 1, 1, 0], [1, 1, 1, 1, 2]):
        groups = ["a"] * 4 + ["b" if weights[4] == 0 else "a"]
        assert sp.d_index([1, 0, 1, 0, 0], groups, weights, correction="empirical-bayes") == 0
    assert isnan(sp.d_index([0, 0], ["a", "a"], [1, 1], correction="empirical-bayes"))


def test_the_lower_bound_has_its_signs_from_other_psus():
    toy = Toy(2, per_psu=30)
    index, fold = toy.index(), (np.arange(len(toy.stratum)) % 3).astype(np.int32)
    present, cell = np.unique(toy.codes, axis=0, return_inverse=True)
    cell = cell.ravel()
    w, a = toy.weight, toy.weight * toy.outcome
    total = 0.0
    for k in range(3):
        others, own = fold[toy.psu] != k, fold[toy.psu] == k
        factor = in_lanes(np.where(fold != k, 1.5, 0.0)[None])
        apart = index.shrinkage.apart(index.moments.evaluate(factor, np.empty((0, 8))), factor)[:, 0]
        assert others.sum() + own.sum() == len(w)
        for g in range(len(present)):
            here = own & (cell == g)
            total += np.sign(apart[g]) * (a[here].sum() - a.sum() / w.sum() * w[here].sum())
    assert index.lower(fold, np.empty(0)) == pytest.approx(total / (2 * a.sum()), rel=1e-12)


def test_an_index_that_is_not_told_from_0_is_one_sided():
    rng = np.random.default_rng(3)
    n = 600
    frame = {"hid": np.arange(n), "psu": np.arange(n) // 10, "size": np.ones(n), "w": np.ones(n)}
    frame |= {"a": rng.integers(0, 6, n), "b": rng.integers(0, 6, n), "y": rng.integers(0, 2, n)}
    survey = sp.Survey(frame, household="hid", weight="w", size="size", psu="psu")
    opportunity = sp.Opportunity("y", "y", circumstances=["a", "b"])
    made = sp.estimate(survey, [sp.Dissimilarity(opportunity)], replicates=sp.Bootstrap(60))
    assert made.value[3] > 0.05
    assert made.ci_low[0] == 0 <= made.value[0] < made.ci_high[0] < made.value[3]
    assert "one-sided" in made.flags[0]


def test_a_barrier_is_refused_and_its_complement_named():
    barrier = sp.Opportunity("no water", "water == 0", circumstances=["urbrur"], kind="barrier")
    with pytest.raises(sp.InputError, match=r"'no water' is a barrier. .*complement.*'water'.*'not \(water == 0\)'"):
        sp.Dissimilarity(barrier)
    survey = toy_survey()
    found = sp.estimate(survey, [sp.Dissimilarity(barrier.complement())], replicates=sp.Bootstrap(2))
    direct = sp.Opportunity("water", "water", circumstances=["urbrur"])
    assert (
        found.value.tolist()
        == sp.estimate(survey, [sp.Dissimilarity(direct)], replicates=sp.Bootstrap(2)).value.tolist()
    )
    result = sp.assess(survey, [barrier], replicates=sp.Bootstrap(2), by=())
    at = result.estimates.find(statistic="d_index", param="empirical-bayes, of absence")
    assert result.estimates.value[at] == found.value[0]


def test_bad_input_is_told():
    with pytest.raises(sp.InputError, match="method must be"):
        sp.Dissimilarity(WATER, "signs")
    with pytest.raises(sp.InputError, match="correction must be"):
        sp.d_index([0, 1], ["a", "b"], [1, 1], correction="bayes")
    with pytest.raises(sp.InputError, match="psu goes with a correction"):
        sp.d_index([0, 1], ["a", "b"], [1, 1], psu=[1, 2])
    with pytest.raises(sp.InputError, match="one PSU a row"):
        sp.d_index([0, 1], ["a", "b"], [1, 1], correction="empirical-bayes", psu=[1])
    with pytest.raises(sp.InputError, match="Every PSU must be known"):
        sp.d_index([0, 1], ["a", "b"], [1, 1], correction="empirical-bayes", psu=["a", None])


def test_psus_within_which_access_is_alike_leave_less():
    rng = np.random.default_rng(5)
    psu = np.repeat(np.arange(60), 10)
    groups = {"a": rng.integers(0, 4, 60)[psu], "b": rng.integers(0, 5, 60)[psu]}
    access = (rng.random(600) < rng.random(60)[psu]).astype(int)  # by PSU, whatever the circumstances
    alone, clustered = (
        sp.d_index(access, groups, np.ones(600), correction="empirical-bayes", psu=of) for of in (None, psu)
    )
    assert clustered < alone < sp.d_index(access, groups, np.ones(600))


def test_folds_and_flags_are_those_of_the_rooms_they_come_from():
    assert Row("d_index").minor == 0
    assert folds_of(toy_survey().design).max() == 9
    few = {"logit": None, "start": None, "rho": 0.0, "spread": None, "psus": None, "squares": 1.0, "separated": True}
    assert Shrinkage(**few, cells=99, noise=0.02).flag == "few cells;separated"
    assert Shrinkage(**few, cells=99, noise=0.019).flag == "separated"
    assert Shrinkage(**few, cells=100, noise=1.0).flag == "separated"


@pytest.mark.parametrize("truth", ["main", "inter", "none"])
def test_what_chance_adds_is_taken_off(truth):
    # Samples of the study in benchmarks/coverage, smaller: 2,000 households in 320 combinations.
    population, levels = study.population(truth, "coarse"), study.LEVELS["coarse"]
    found = []
    for number in range(40):
        frame = study.sample(population, levels, 2000, [3, number])
        of_psu = frame["stratum"][np.flatnonzero(np.diff(frame["psu"], prepend=-1))]
        start = np.r_[0, np.cumsum(np.bincount(of_psu, minlength=study.STRATA))].astype(np.int32)
        psu = frame["psu"].astype(np.int32)
        codes, cell = np.unique(np.column_stack([frame[n] for n in study.NAMES[:5]]), axis=0, return_inverse=True)
        rows = SampledRows.of(frame["weight"], frame["access"].astype(np.uint8), psu, psu, start)
        made = CorrectedIndex.of(rows, cell.ravel().astype(np.int32), codes.astype(np.int32), levels)
        found.append(made.whole)
    bias = dict(zip(VALUES, np.mean(found, axis=0), strict=True))
    error = np.std(found, axis=0)[-1] / sqrt(40)
    beyond = 0.04 if truth == "none" else 0.012 + 3 * error
    assert abs(bias["empirical-bayes"] - population.index) < beyond
    assert bias["cells"] - population.index > 0.03
    assert bias["signs"] < bias["cells"]
