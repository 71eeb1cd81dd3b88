"""The logit on cells: against statsmodels and the peers, one lane at a time, and where rates run off to 0 or 1."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
import statsmodels.api as sm

import sp2lnob as sp
from sp2lnob._cells import combine
from sp2lnob._kernels import _logit
from sp2lnob._logit import MainEffects, inverse_of, rates_of
from sp2lnob._sweeps import Totals, in_lanes

from ._peers import KNOWN, LEVELS, factors, survey

LANES = 8


def design_of(logit):
    """Return the dummy columns of cells, an intercept first."""
    made = np.zeros((len(logit.codes), logit.parameters + len(logit.levels)))
    for column in logit.active.T:
        made[np.arange(len(made)), column] = 1
    return made[:, : logit.parameters]


def in_groups(weight, access):
    """Lay sums of one sample out in lanes."""
    return np.ascontiguousarray(np.repeat(np.stack([weight, access], axis=1)[:, :, None], LANES, axis=2))


def example(rng, levels=(3, 2, 4), replicates=16, present=0.8):
    """Return a logit on some of the cells, and sums that differ between replicates."""
    grid = np.array(np.unravel_index(np.arange(np.prod(levels)), levels)).T.astype(np.int32)
    codes = rng.permutation(grid[rng.random(len(grid)) < present])
    weight = rng.gamma(2.0, 1.0, (len(codes), replicates))
    rate = 1 / (1 + np.exp(-rng.normal(0, 1.0, (len(codes), replicates))))
    return MainEffects(codes, levels), np.ascontiguousarray(np.stack([weight, weight * rate], axis=1))


def test_the_exponential_is_within_a_unit_in_the_last_place():
    getcontext().prec = 40
    rng = np.random.default_rng(1)
    x = np.r_[rng.uniform(-30, 30, 1200), rng.uniform(-700, 700, 796), 0.0, -0.0, 1.0, -1.0].reshape(-1, LANES)
    made = np.empty_like(x)
    _logit.exponentials(x, made)
    exact = [Decimal(value).exp() for value in x.ravel().tolist()]
    off = [
        abs(Decimal(value) - true) / Decimal(float(np.spacing(float(true))))
        for value, true in zip(made.ravel().tolist(), exact, strict=True)
    ]
    assert max(off) < 1
    assert made.ravel()[-4:-2].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("levels", [(4, 3), (3, 2, 4), (5, 2, 4, 2, 10, 3), (2, 7)])
def test_it_is_the_logit_of_statsmodels(levels):
    logit, sums = example(np.random.default_rng(3), levels)
    fitted = logit.fit(sums)
    assert fitted.converged.all()
    assert not fitted.separated.any()
    for r in (0, 9):
        weight, access = sums[:, 0, r], sums[:, 1, r]
        known = sm.GLM(access / weight, design_of(logit), sm.families.Binomial(), freq_weights=weight).fit(tol=1e-14)
        np.testing.assert_allclose(fitted.rate[:, r], known.fittedvalues, rtol=0, atol=1e-12)
        np.testing.assert_allclose(fitted.coefficients[:, r], known.params, rtol=0, atol=1e-10)


@pytest.fixture(scope="module")
def peers():
    access, circumstances, w, psu, _, size = survey()
    codes, cell = combine([column.astype(np.int32) for column in circumstances.values()], LEVELS)
    totals = Totals.of((w, w * access), psu.astype(np.int32), cell, len(codes))
    return MainEffects(codes, LEVELS), totals, size, (access, circumstances, w)


def d_of(weight, rate):
    mean = (weight * rate).sum(axis=0) / weight.sum(axis=0)
    return (weight * abs(rate - mean)).sum(axis=0) / (2 * mean * weight.sum(axis=0)), mean


def test_the_peers_agree(peers):
    logit, totals, size, (access, circumstances, w) = peers
    assert sp.d_index(access, circumstances, w) == pytest.approx(KNOWN["cells D"], abs=2e-12)
    sums = totals.evaluate(np.ones((1, int(size.sum()), LANES)))
    d, mean = d_of(sums[:, 0], logit.fit(sums).rate)
    assert d[0] == pytest.approx(KNOWN["logit D"], abs=1e-11)
    assert mean[0] == pytest.approx(KNOWN["coverage"], abs=1e-11)
    assert (mean * (1 - d))[0] == pytest.approx(KNOWN["logit HOI"], abs=1e-11)


def test_the_peers_agree_on_replicates_wherever_they_start(peers):
    logit, totals, size, _ = peers
    sums = totals.evaluate(in_lanes(np.ascontiguousarray(factors(size, 200).T)))
    cold = logit.fit(sums)
    start = logit.fit(totals.evaluate(np.ones((1, int(size.sum()), LANES)))).coefficients[:, 0]
    warm = logit.fit(sums, start)
    d, _ = d_of(sums[:, 0], warm.rate)
    mean, sd = KNOWN["replicates D"]
    assert d.mean() == pytest.approx(mean, abs=1e-11)
    assert d.std(ddof=1) == pytest.approx(sd, abs=1e-11)
    held = sums[:, 0] > 0
    assert abs(warm.rate - cold.rate)[held].max() < 1e-10
    three = logit.fit(sums, start, steps=3)
    assert abs(three.rate - cold.rate)[held].max() < 1e-6


def test_a_lane_depends_on_nothing_but_itself():
    rng = np.random.default_rng(5)
    logit, sums = example(rng, replicates=24)
    sums[:, 0] *= rng.random((len(logit.codes), 24)) < 0.6  # some separate, some lose a level
    sums[:, 1] = np.where(rng.random((len(logit.codes), 24)) < 0.3, 0.0, sums[:, 1]) * (sums[:, 0] > 0)
    together = logit.fit(sums)
    assert together.separated.any()
    assert not together.separated.all()
    for r in range(24):
        alone = logit.fit(np.ascontiguousarray(np.repeat(sums[:, :, r : r + 1], LANES, axis=2)))
        assert np.array_equal(alone.rate[:, 3], together.rate[:, r])
        assert np.array_equal(alone.coefficients[:, 3], together.coefficients[:, r])
        assert alone.separated[3] == together.separated[r]


def test_the_order_of_cells_and_the_scale_of_weights_do_not_matter():
    rng = np.random.default_rng(6)
    logit, sums = example(rng)
    order = rng.permutation(len(logit.codes))
    moved = MainEffects(logit.codes[order], logit.levels).fit(np.ascontiguousarray(sums[order]))
    np.testing.assert_allclose(moved.rate, logit.fit(sums).rate[order], atol=1e-13)
    np.testing.assert_allclose(logit.fit(sums * 1e6).rate, logit.fit(sums).rate, atol=1e-13)


def test_two_cells_of_one_kind_are_one():
    logit, sums = example(np.random.default_rng(7))
    doubled = MainEffects(np.vstack([logit.codes, logit.codes]), logit.levels)
    np.testing.assert_allclose(
        doubled.fit(np.ascontiguousarray(np.vstack([sums / 4, sums * 3 / 4]))).rate[: len(logit.codes)],
        logit.fit(sums).rate,
        atol=1e-13,
    )


def test_a_level_that_all_or_none_have_gets_the_limit_and_leaves_the_others_alone():
    rng = np.random.default_rng(8)
    logit, sums = example(rng)
    for level, rate in ((0, 0.0), (1, 1.0), (2, 0.0)):  # the base level, and others
        made = sums.copy()
        held = logit.codes[:, 2] == level
        made[held, 1] = rate * made[held, 0]
        fitted = logit.fit(made)
        assert fitted.separated.all()
        assert fitted.converged.all()
        assert abs(fitted.rate[held] - rate).max() < 1e-12
        rest = MainEffects(logit.codes[~held], logit.levels).fit(np.ascontiguousarray(made[~held]))
        np.testing.assert_allclose(fitted.rate[~held], rest.rate, atol=1e-12)
        again = 1 / (1 + np.exp(-logit.product(fitted.coefficients)))
        np.testing.assert_allclose(again, fitted.rate, atol=1e-8)


@pytest.mark.parametrize(
    "settled",
    [
        {(2, 0): 0.0, (2, 1): 1.0},  # the base level and another, at either end
        {(2, 0): 1.0, (2, 1): 1.0, (2, 3): 0.0},
        {(2, level): float(level % 2) for level in range(4)},  # nothing is left to fit
        {(1, 0): 1.0, (2, 1): 0.0},  # found only when the cells of another are gone
        {(0, 0): 0.0, (1, 0): 1.0, (2, 1): 0.0},
    ],
)
def test_coefficients_of_levels_at_the_limit_give_the_rates_wherever_they_start(settled):
    logit, sums = example(np.random.default_rng(13), present=1.1)
    for (circumstance, level), rate in settled.items():  # the last one settles cells of several
        held = logit.codes[:, circumstance] == level
        sums[held, 1] = rate * sums[held, 0]
    fitted = logit.fit(sums)
    assert fitted.separated.all()
    assert fitted.converged.all()
    for start in (fitted.coefficients[:, 0], np.linspace(-2, 2, logit.parameters)):
        again = logit.fit(sums, np.ascontiguousarray(start))
        np.testing.assert_allclose(again.coefficients, fitted.coefficients, atol=1e-8)
        np.testing.assert_allclose(rates_of(logit.product(again.coefficients)), again.rate, atol=1e-8)


def test_perfect_prediction_by_two_circumstances_is_reported():
    codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int32)
    weight = np.full(4, 10.0)
    fitted = MainEffects(codes, (2, 2)).fit(in_groups(weight, np.array([0.0, 5.0, 5.0, 10.0])))
    assert fitted.separated.all()
    assert fitted.converged.all()
    np.testing.assert_allclose(fitted.rate[:, 0], [0, 0.5, 0.5, 1], atol=1e-10)


@pytest.mark.parametrize("access", [0.0, 1.0])
def test_an_outcome_that_is_constant_in_a_replicate(access):
    logit, sums = example(np.random.default_rng(9))
    sums[:, 1, 4] = access * sums[:, 0, 4]
    fitted = logit.fit(sums)
    assert fitted.separated.tolist() == [r == 4 for r in range(16)]
    assert abs(fitted.rate[:, 4] - access).max() < 1e-12


def test_a_replicate_without_weight_is_not_fitted():
    logit, sums = example(np.random.default_rng(10))
    sums[:, :, 3] = 0.0
    assert logit.fit(sums).converged.tolist() == [r != 3 for r in range(16)]


def test_a_circumstance_that_follows_from_another_changes_nothing():
    logit, sums = example(np.random.default_rng(11))
    double = MainEffects(np.column_stack([logit.codes, logit.codes[:, 2] // 2]).astype(np.int32), (*logit.levels, 2))
    fitted = double.fit(sums)
    np.testing.assert_allclose(fitted.rate, logit.fit(sums).rate, atol=1e-12)
    assert (fitted.coefficients[-1] == 0).all()


def test_a_level_without_weight_changes_nothing():
    logit, sums = example(np.random.default_rng(12))
    for level in (0, 3):
        made, held = sums.copy(), logit.codes[:, 2] == level
        made[held] = 0.0
        rest = MainEffects(logit.codes[~held], logit.levels).fit(np.ascontiguousarray(made[~held]))
        np.testing.assert_allclose(logit.fit(made).rate[~held], rest.rate, atol=1e-12)


def test_a_start_from_far_away_ends_at_the_same_place():
    logit, sums = example(np.random.default_rng(13))
    fitted = logit.fit(sums, np.random.default_rng(14).normal(0, 4, logit.parameters))
    assert fitted.converged.all()
    np.testing.assert_allclose(fitted.rate, logit.fit(sums).rate, atol=1e-11)


def test_what_it_rests_on_is_that_of_matrices():
    rng = np.random.default_rng(15)
    logit, sums = example(rng)
    x, fitted = design_of(logit), logit.fit(sums)
    weight, rate = sums[:, 0, 0], fitted.rate[:, 0]
    information = logit.information(weight, rate)
    np.testing.assert_allclose(information, x.T @ ((weight * rate * (1 - rate))[:, None] * x), rtol=1e-12)
    np.testing.assert_allclose(logit.add_up(sums[:, 0]), x.T @ sums[:, 0], rtol=1e-12)
    np.testing.assert_allclose(logit.product(fitted.coefficients), x @ fitted.coefficients, rtol=1e-12, atol=1e-12)
    inverse = np.linalg.inv(information)
    np.testing.assert_allclose(logit.quadratic(inverse), np.einsum("gi,ij,gj->g", x, inverse, x), rtol=1e-9)
    np.testing.assert_allclose(inverse_of(information), inverse, rtol=1e-8, atol=1e-12)


def test_too_many_parameters_are_refused():
    with pytest.raises(sp.InputError, match=r"at most 500 parameters, but .* make 10,001\. Group"):
        MainEffects(np.zeros((1, 2), dtype=np.int32), (10_000, 2))
