"""From replicates to standard errors, intervals, flags and contrasts: textbook loops, published forms, simulations."""

from dataclasses import replace
from html import unescape
from math import comb, inf, isnan, nan, sqrt

import numpy as np
import pytest
from scipy import stats

import sp2lnob as sp
from sp2lnob._domains import Row
from sp2lnob._intervals import from_draws, interval, one_sided, welch
from sp2lnob._variance import Variance
from sp2lnob.estimates import summarize

NOTHING = np.empty(0)


def bootstrap(n, **instead):
    return Variance(1 / (n - 1), np.ones(n), False, 1 / n, **{"resamples": True, "may_lose": True} | instead)


def jackknife(n):
    """JK1: (n - 1) / n sum (theta_i - theta)^2."""
    return Variance((n - 1) / n, np.ones(n), True, (n - 1) / n, resamples=False, may_lose=False)


def balanced(n):
    return Variance(1 / n, np.ones(n), True, 1 / n, resamples=False, may_lose=True)


def textbook(variance, draws, value, beside=()):
    """Return the standard error by the formula, written out."""
    counted = [d for d, r in zip(draws, variance.rscales, strict=True) if r > 0]
    center = value if variance.mse else sum(counted) / len(counted)
    total = sum(r * (d - center) ** 2 for d, r in zip(draws, variance.rscales, strict=True))
    extra = sum(r * (b - value) ** 2 for b, r in zip(beside, variance.beside, strict=True))
    return sqrt(variance.inflation * variance.scale * total + extra)


def estimates(draws, value=None, variance=None, rows=None, df=100.0, level=0.95, **more):
    """Summarize draws of shape (replicates,) or (replicates, rows)."""
    draws = np.asarray(draws, dtype=float)
    draws = draws[:, None] if draws.ndim == 1 else draws
    value = np.nanmean(draws, axis=0) if value is None else np.atleast_1d(np.asarray(value, dtype=float))
    rows = rows or tuple(Row("s", of=str(i), n=100, df=100) for i in range(draws.shape[1]))
    df = np.full(len(rows), df) if np.isscalar(df) else np.asarray(df, dtype=float)
    return summarize(rows, value, draws, df, level, variance or bootstrap(len(draws)), **more)


def draws_of(n=999, seed=3):
    return np.random.default_rng(seed).gamma(4.0, size=n)


# -- from replicates to a standard error ----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 100, 1000])
def test_a_bootstrap_has_the_standard_deviation_of_its_draws(n):
    draws = draws_of(n) * 1e6
    se, bias, failed = bootstrap(n).of(draws, 4e6, NOTHING)
    assert se == pytest.approx(draws.std(ddof=1), rel=1e-15)
    assert bias == pytest.approx(draws.mean() - 4e6, rel=1e-9)
    assert failed == 0


def test_a_jackknife_of_a_mean_is_s_over_root_n():
    x = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    n, mean = len(x), sum(x) / len(x)
    s2 = sum((v - mean) ** 2 for v in x) / (n - 1)
    without = [(sum(x) - v) / (n - 1) for v in x]
    se, bias, _ = jackknife(n).of(np.array(without), mean, NOTHING)
    assert se == pytest.approx(sqrt(s2 / n), rel=1e-14)
    assert bias == pytest.approx(0, abs=1e-14)
    # Of the variance that divides by n, the jackknife's bias is - s^2 / n exactly (Quenouille).
    plug = [sum((v - m) ** 2 for v in x) / (n - 1) - (x[i] - m) ** 2 / (n - 1) for i, m in enumerate(without)]
    assert jackknife(n).of(np.array(plug), s2 * (n - 1) / n, NOTHING)[1] == pytest.approx(-s2 / n, rel=1e-13)


def test_balanced_half_samples_have_the_textbook_variance_of_a_total():
    # Three strata of two PSUs, four half samples: sum of (y_h1 - y_h2)^2.
    y = np.array([[5.0, 2.0], [7.0, 11.0], [1.0, 4.0]])
    hadamard = [[1, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]]
    totals = np.array([sum(2 * y[h, 0 if sign > 0 else 1] for h, sign in enumerate(row)) for row in hadamard])
    assert balanced(4).of(totals, y.sum(), NOTHING)[0] ** 2 == pytest.approx(9 + 16 + 9, rel=1e-14)


@pytest.mark.parametrize("mse", [False, True])
def test_every_part_of_the_formula_counts(mse):
    draws, scales = draws_of(7), np.array([0.5, 0.5, 0.0, 2 / 3, 2 / 3, 2 / 3, 0.9])
    variance = Variance(
        1.3, scales, mse, 0.7, resamples=False, may_lose=True, inflation=1.25, beside=np.array([0.75, 0.5])
    )
    beside = np.array([3.0, 6.0])
    se, bias, _ = variance.of(draws, 4.0, beside)
    assert se == pytest.approx(textbook(variance, draws, 4.0, beside), rel=1e-14)
    assert bias == pytest.approx(0.7 * sum(s * (d - 4.0) for s, d in zip(scales, draws, strict=True)), rel=1e-13)
    # A replicate of scale 0 is neither in the mean nor missed.
    for other in (draws[2] + 100, nan):
        changed = draws.copy()
        changed[2] = other
        assert variance.of(changed, 4.0, beside) == pytest.approx((se, bias, 0), rel=1e-14)
    assert variance.of(draws, 4.0, np.array([3.0, nan]))[2] == 1
    assert isnan(variance.of(draws, 4.0, np.array([3.0, nan]))[0])


def test_failed_draws_of_a_bootstrap_leave_a_smaller_bootstrap():
    draws = draws_of(50)
    draws[[3, 17, 40]] = nan
    kept = draws[np.isfinite(draws)]
    se, bias, failed = bootstrap(50).of(draws, 4.0, NOTHING)
    assert failed == 3
    assert se == pytest.approx(kept.std(ddof=1), rel=1e-14)
    assert bias == pytest.approx(kept.mean() - 4.0, rel=1e-12)


@pytest.mark.parametrize("mse", [False, True])
def test_what_is_left_stands_for_all_in_expectation(mse):
    # Over every way to lose two of six replicates, the mean of the variances is that of all.
    draws, value = np.array([1.0, 5.0, 2.0, 8.0, 3.0, 4.5]), 3.0
    variance = Variance(1 / 6, np.ones(6), mse, 1 / 6, resamples=False, may_lose=True)
    found = []
    for i in range(6):
        for j in range(i):
            lost = draws.copy()
            lost[[i, j]] = nan
            found.append(variance.of(lost, value, NOTHING))
    assert len(found) == comb(6, 2)
    assert np.mean([se**2 for se, _, _ in found]) == pytest.approx(textbook(variance, draws, value) ** 2, rel=1e-14)
    assert np.mean([bias for _, bias, _ in found]) == pytest.approx(draws.mean() - value, rel=1e-13)


def test_half_samples_that_are_left_are_averaged():
    draws = np.array([1.0, nan, 2.0, nan, 6.0])
    assert balanced(5).of(draws, 3.0, NOTHING)[0] ** 2 == pytest.approx((4 + 1 + 9) / 3, rel=1e-14)


def test_a_jackknife_loses_none():
    made = estimates([1.0, nan, 3.0], 2.0, jackknife(3))
    line = made.frame().iloc[0]
    assert isnan(line.se)
    assert isnan(line.bias)
    assert isnan(line.ci_low)
    assert line.flag == "no interval;failed 1"
    assert line.replicates == 2


@pytest.mark.parametrize(
    ("variance", "draws"),
    [
        (bootstrap(3), [nan, nan, nan]),
        (bootstrap(3), [1.0, nan, nan]),
        (balanced(2), [nan, nan]),
        (replace(balanced(1), mse=False), [1.5]),
    ],
)
def test_too_few_replicates_have_no_spread(variance, draws):
    made = estimates(draws, 1.0, variance)
    assert isnan(made.se[0])
    assert isnan(made.bias[0])
    assert "no interval" in made.flags[0]


def test_one_half_sample_is_a_variance_about_the_value():
    assert balanced(1).of(np.array([1.5]), 1.0, NOTHING)[0] == 0.5


def test_a_design_without_replicates_has_the_variance_beside_it():
    certain = Variance(1.0, NOTHING, True, 1.0, resamples=False, may_lose=False, beside=np.array([0.5, 0.5]))
    assert certain.of(NOTHING, 1.0, np.array([2.0, 3.0]))[0] ** 2 == pytest.approx(0.5 * 1 + 0.5 * 4)
    assert replace(certain, beside=NOTHING).of(NOTHING, 1.0, NOTHING)[:2] == (0.0, 0.0)


def test_replicates_of_scale_0_alone_have_no_spread_and_no_failure():
    certain = Variance(1.0, np.zeros(2), False, 1.0, resamples=False, may_lose=False)
    for draws in ([1.0, 2.0], [1.0, nan], [nan, nan]):
        assert certain.of(np.array(draws), 1.0, NOTHING) == (0.0, 0.0, 0)


@pytest.mark.parametrize("value", [1e-100, 1.0, 1e9])
def test_the_last_bits_are_no_spread(value):
    draws = value * (1 + np.array([0, 1, -1, 1]) * 2.0**-52)
    assert estimates(draws, value).se[0] == 0
    assert estimates(draws, value).flags == ("no interval",)
    assert estimates(value * (1 + np.array([0, 1, -1, 1]) * 1e-12), value).se[0] > 0


def test_an_interrupted_run_says_so_of_every_row():
    draws = np.column_stack([draws_of(100), draws_of(100, seed=4)])
    made = estimates(draws[:40], [4.0, 4.0], bootstrap(100))
    assert made.asked == 100
    assert made.flags == ("interrupted", "interrupted")
    assert made.numbers.tolist() == list(range(1, 41))
    assert made.se == pytest.approx(draws[:40].std(axis=0, ddof=1), rel=1e-14)
    assert made.frame()["replicates"].tolist() == [40, 40]
    assert estimates(draws, [4.0, 4.0]).flags == ("", "")


def test_an_interrupted_run_keeps_the_scales_of_its_replicates():
    scales = np.array([1.0, 2.0, 3.0, 4.0])
    variance = Variance(0.5, scales, True, 1.0, resamples=False, may_lose=True)
    made = estimates([5.0, 7.0], 4.0, variance, numbers=np.array([2, 4]))
    assert made.se[0] ** 2 == pytest.approx(0.5 * 4 / 2 * (2 * 1 + 4 * 9), rel=1e-14)
    whole = replace(variance, may_lose=False)
    assert isnan(estimates([5.0, 7.0], 4.0, whole, numbers=np.array([2, 4])).se[0])


def test_nothing_finished_has_values_alone():
    made = estimates(np.empty((0, 2)), [0.3, 0.0], bootstrap(100), rows=proportions(0.3, 0.0))
    assert np.isnan(made.se).all()
    assert made.flags == ("no interval;interrupted", "one-sided;interrupted")
    assert made.frame()["replicates"].tolist() == [0, 0]
    assert "interrupted" in repr(made)
    assert "interrupted" in made._repr_html_()


def test_no_rows_are_no_rows():
    made = summarize((), NOTHING, np.empty((5, 0)), NOTHING, 0.95, bootstrap(5))
    assert made.frame().shape == (0, 15)
    assert made.monte_carlo().shape == (0, 11)


# -- intervals of a kind that is asked for --------------------------------------------------------------------------


def proportions(*values, effective=30.0, **more):
    return tuple(
        Row("access", of=str(i), n=100, df=100, effective=effective, scale="logit", **more) for i in range(len(values))
    )


def test_each_value_has_the_interval_of_its_scale_unless_another_is_asked_for():
    draws = np.column_stack([np.random.default_rng(1).normal(m, 0.02, 200) for m in (0.03, 2.0, -1.0, 0.5)])
    value = [0.03, 2.0, -1.0, 0.5]
    rows = tuple(Row("s", of=scale, n=100, scale=scale) for scale in ("logit", "log", "t", "none"))
    own, by_t = (estimates(draws, value, rows=rows, interval=kind) for kind in (None, "t"))
    for i, scale in enumerate(("logit", "log", "t")):
        assert (own.ci_low[i], own.ci_high[i]) == interval(value[i], own.se[i], 100.0, scale, 0.95)
        half = stats.t.ppf(0.975, 100) * by_t.se[i]
        assert (by_t.ci_low[i], by_t.ci_high[i]) == pytest.approx((value[i] - half, value[i] + half), rel=1e-13)
    assert own.ci_low[0] > 0 > by_t.ci_low[0]  # not cut off
    for made in (own, by_t):
        assert isnan(made.ci_low[3])
        assert "no interval" in made.flags[3]


@pytest.mark.parametrize(("level", "tail"), [(0.95, 25), (0.9, 50), (0.8, 100)])
def test_percentiles_are_draws_in_order(level, tail):
    draws = draws_of(999)
    order = sorted(draws)
    low, high = order[tail - 1], order[-tail]  # at tail and 1000 - tail of 1 to 999
    value = 4.2
    assert from_draws(value, draws, "percentile", level) == pytest.approx((low, high), rel=1e-12)
    assert from_draws(value, draws, "basic", level) == pytest.approx((2 * value - high, 2 * value - low), rel=1e-12)
    # Half the draws below the value, and no skewness: nothing is moved.
    assert from_draws(order[499], draws, "bca", level, 0.0) == pytest.approx((low, high), rel=1e-9)
    assert from_draws(value, np.r_[nan, draws, nan], "percentile", level) == pytest.approx((low, high), rel=1e-12)


def test_between_two_draws_a_quantile_is_between_them():
    order = np.array([float(k**2) for k in range(1, 50)])  # 2.5 % of 50 is 1.25
    low, high = from_draws(5.0, order, "percentile", 0.95)
    assert low == pytest.approx(1 + 0.25 * 3, rel=1e-12)
    assert high == pytest.approx(48**2 + 0.75 * (49**2 - 48**2), rel=1e-12)


@pytest.mark.parametrize("kind", ["percentile", "basic"])
def test_a_tail_must_hold_a_draw(kind):
    assert isnan(from_draws(4.0, draws_of(38), kind, 0.95)[0])
    assert from_draws(4.0, draws_of(39), kind, 0.95)[0] < 4.0
    assert isnan(from_draws(4.0, np.full(50, nan), kind, 0.95)[0])


def bca(value, draws, a, level):
    """Return Efron's (1987) ends by the book: sorting, counting and the normal distribution."""
    order, n = sorted(draws), len(draws)
    z0 = stats.norm.ppf((sum(d < value for d in draws) + sum(d == value for d in draws) / 2) / n)
    ends = []
    for p in ((1 - level) / 2, (1 + level) / 2):
        z = z0 + stats.norm.ppf(p)
        at = stats.norm.cdf(z0 + z / (1 - a * z)) * (n + 1)
        k = int(at)
        ends.append(order[k - 1] + (at - k) * (order[k] - order[k - 1]))
    return ends


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_bca_equals_scipy_s_of_an_iid_mean(level):
    x = np.random.default_rng(8).lognormal(sigma=1.0, size=40)
    made = stats.bootstrap(
        (x,), np.mean, n_resamples=9999, confidence_level=level, method="BCa", random_state=np.random.default_rng(2)
    )
    draws = made.bootstrap_distribution
    deviation = x - x.mean()  # without one: (sum - x) / (n - 1), so influence is the deviation
    a = (deviation**3).sum() / (6 * (deviation**2).sum() ** 1.5)
    found = from_draws(x.mean(), draws, "bca", level, a)
    assert found == pytest.approx(bca(x.mean(), draws, a, level), rel=1e-9)
    # scipy reads quantiles at p (B - 1) + 1: here less than a draw away.
    assert found == pytest.approx(tuple(made.confidence_interval), abs=0.01 * draws.std())
    percentile = from_draws(x.mean(), draws, "percentile", level)
    assert found[1] - percentile[1] > 0.05 * draws.std()  # it does move


@pytest.mark.parametrize(
    ("value", "draws", "a"),
    [
        (0.0, draws_of(200), 0.1),  # all draws above the value
        (1e9, draws_of(200), 0.1),  # all below
        (4.0, draws_of(200), nan),  # no value without some PSU
        (4.0, draws_of(200), 2.0),  # past the pole
        (4.0, np.full(200, nan), 0.1),
        (4.0, draws_of(45), 0.3),  # moved into a tail without draws
    ],
)
def test_bca_has_no_ends_where_they_would_be_made_up(value, draws, a):
    assert all(isnan(end) for end in from_draws(value, draws, "bca", 0.95, a))


def test_draws_equal_to_the_value_count_half():
    # A rate of few cases: 400 draws below, 300 equal, 299 above.
    draws = np.r_[np.linspace(0.01, 0.02, 400), np.full(300, 0.03), np.linspace(0.04, 0.09, 299)]
    found = from_draws(0.03, draws, "bca", 0.9, 0.02)
    assert found == pytest.approx(bca(0.03, draws.tolist(), 0.02, 0.9), rel=1e-9)
    assert stats.norm.ppf(550 / 999) > 0


def test_intervals_of_draws_stand_in_the_frame():
    draws = np.column_stack([draws_of(999), draws_of(999, seed=9)])
    for kind in ("percentile", "basic", "bca"):
        a = np.array([0.02, nan])
        made = estimates(draws, [4.0, 4.1], interval=kind, acceleration=a)
        for i, value in enumerate((4.0, 4.1)):
            assert np.array_equal(
                (made.ci_low[i], made.ci_high[i]), from_draws(value, draws[:, i], kind, 0.95, a[i]), equal_nan=True
            )
        assert made.flags == ("", "no interval" if kind == "bca" else "")
    unvaried = estimates(np.full(99, 4.0), 4.0, interval="percentile")
    assert unvaried.flags == ("no interval",)
    assert isnan(estimates(draws, [4.0, 4.1], interval="percentile", df=0.0).ci_low[0])


@pytest.mark.parametrize("kind", ["percentile", "basic", "bca"])
def test_intervals_of_draws_with_few_degrees_of_freedom_are_warned_of(kind):
    draws = np.column_stack([draws_of(200), draws_of(200)])
    given = {"interval": kind, "acceleration": np.zeros(2), "df": [59.0, 60.0]}
    with pytest.warns(
        sp.SP2LNOBWarning, match=f"interval='{kind}' should rest on 60 .* 1 of 2 rows have fewer, at least 59"
    ):
        estimates(draws, [4.0, 4.0], **given)
    estimates(draws, [4.0, 4.0], **given | {"df": 60.0})  # a warning would be an error
    estimates(draws, [4.0, 4.0], **given | {"interval": "t"})


def test_intervals_that_cannot_be_are_refused():
    draws = draws_of(20)
    with pytest.raises(sp.InputError, match=r"interval must be one of 't', .*, but it is 'bcs'\. Did you mean 'bca'"):
        estimates(draws, interval="bcs")
    with pytest.raises(sp.InputError, match=r"interval='percentile' must be of .* draws .* a fixed set"):
        estimates(draws, variance=jackknife(20), interval="percentile")
    for more in ({"inflation": 1.1}, {"beside": np.ones(1)}):
        with pytest.raises(sp.InputError, match="strata of one PSU add a variance that no draw shows"):
            estimates(draws, variance=bootstrap(20, **more), interval="basic", beside=np.ones((1, 1)))
    estimates(draws, variance=jackknife(20), interval="t")


# -- nothing seen, or nothing else ----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("n", [1, 7.3, 100])
def test_one_sided_limits_are_clopper_and_pearson_s(n, level):
    low, high = one_sided(0.0, n, level)
    assert low == 0
    assert high == pytest.approx(stats.beta.ppf(level, 1, n), rel=1e-12)
    if n == int(n):
        exact = stats.binomtest(0, int(n), alternative="less").proportion_ci(level, method="exact")
        assert (low, high) == pytest.approx((exact.low, exact.high), rel=1e-6)
    assert one_sided(1.0, n, level) == pytest.approx((1 - high, 1), rel=1e-12)


def test_a_proportion_of_0_or_1_is_one_sided():
    value = [0.0, 1.0, 1 - 2.0**-53, 0.4, 0.0]
    rows = (*proportions(*value[:4]), replace(proportions(0.0)[0], effective=0.0))
    made = estimates(np.tile(value, (60, 1)), value, rows=rows)
    limit = 0.05 ** (1 / 30)
    assert made.ci_low == pytest.approx([0, limit, limit, nan, nan], rel=1e-12, nan_ok=True)
    assert made.ci_high == pytest.approx([1 - limit, 1, 1, nan, nan], rel=1e-12, nan_ok=True)
    assert made.flags == ("one-sided", "one-sided", "one-sided", "no interval", "no interval")
    # Whatever interval others have.
    again = estimates(np.tile(value, (60, 1)), value, rows=rows, interval="percentile")
    assert np.array_equal(again.ci_high, made.ci_high, equal_nan=True)


def test_a_zero_that_varies_has_the_limit_of_one_that_does_not():
    # Nobody in the full sample, somebody where replicates cut classes elsewhere.
    made = estimates([0.0, 0.0, 0.01, 0.0], 0.0, rows=proportions(0.0))
    still = estimates(np.zeros(4), 0.0, rows=proportions(0.0))
    assert made.se[0] > 0 == still.se[0]
    assert made.flags == still.flags == ("one-sided",)
    assert made.ci_high[0] == still.ci_high[0]


def test_only_proportions_have_a_limit():
    rows = tuple(Row("s", n=100, effective=30.0, scale=scale) for scale in ("log", "t", "none"))
    assert estimates(np.zeros((5, 3)), [0.0, 0.0, 0.0], rows=rows).flags == ("no interval",) * 3


@pytest.mark.parametrize("title", ["change", "change: high"])
def test_a_fall_that_none_was_seen_of_has_a_limit(title):
    def figure(name, scale, scenario="before", **more):
        return Row(name, n=100, effective=30.0, scale=scale, scenario=scenario, **{"falls": True} | more)

    rows = (
        figure("headcount", "logit"),
        figure("headcount", "log", title),
        figure("watts", "log"),
        figure("watts", "log", title),
        figure("access", "logit", falls=False),
        figure("access", "t", title, falls=False),
        figure("headcount", "log", title, by="region", level="North"),
    )
    value = [0.3, 0.0, 0.2, 0.0, 0.5, 0.0, 0.0]
    draws = np.tile(value, (50, 1))
    draws[:, [0, 2, 4]] += np.random.default_rng(1).normal(0, 0.01, (50, 3))
    made = estimates(draws, value, rows=rows)
    assert made.ci_low[1] == pytest.approx(-(1 - 0.05 ** (1 / 30)), rel=1e-12)
    assert made.ci_high[1] == 0
    assert str(made.ci_high[1]) == "0.0"  # not "-0.0"
    assert [flag for flag in made.flags if flag] == ["one-sided", "no interval", "no interval", "no interval"]
    assert made.flags[1] == "one-sided"


def samples_without_a_case(p, share, size, rho, runs, seed):
    """Return the share of samples of PSUs without a case, and Kish's number of PSUs.

    PSU i has weight ``share[i]`` and rate ``p[i]``. rho = 1: its people are all alike; 0: independent; between: its own
    rate is drawn from a beta distribution whose intraclass correlation is rho.
    """
    rng, p = np.random.default_rng(seed), np.broadcast_to(p, share.shape)
    if rho == 1:
        cases = rng.random((runs, len(share))) < p
    else:
        rate = p if rho == 0 else rng.beta(p * (1 / rho - 1), (1 - p) * (1 / rho - 1), (runs, len(share)))
        cases = rng.binomial(size, rate, (runs, len(share)))
    return float((cases.sum(axis=1) == 0).mean()), share.sum() ** 2 / (share**2).sum()


RUNS = 20_000
WEIGHTS = {
    "equal": np.ones(30),
    "unequal": np.linspace(1, 5, 30),
    "few": np.ones(6),
}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("rho", [0, 0.1, 0.6, 1])
def test_the_limit_holds_in_clustered_samples_of_a_rare_outcome(weights, rho):
    share = WEIGHTS[weights]
    limit = one_sided(0.0, share.sum() ** 2 / (share**2).sum(), 0.95)[1]
    for times in (1.001, 1.3):  # below the limit it holds by itself
        missed, _ = samples_without_a_case(limit * times, share, 15, rho, RUNS, seed=5)
        assert missed <= 0.05 + 3 * sqrt(0.05 * 0.95 / RUNS)
        if rho == 1 and weights != "unequal" and times < 1.01:
            assert missed > 0.04  # and is as low as it can be
    # People counted as though they were no PSUs do not do: the limit is too low where they are alike.
    if rho == 1:
        naive = one_sided(0.0, 15 * len(share), 0.95)[1]
        assert samples_without_a_case(naive * 1.001, share, 15, rho, RUNS, seed=5)[0] > 0.5


def test_the_limit_holds_where_strata_differ_in_their_rates():
    share = np.ones(30)
    limit = one_sided(0.0, 30, 0.95)[1] * 1.001
    for rates in ([0, 0, 3], [0.5, 0.5, 2], [1, 1, 1]):
        p = np.repeat(rates, 10) * limit
        assert p.mean() == pytest.approx(limit)
        assert samples_without_a_case(p, share, 15, 1, RUNS, seed=6)[0] <= 0.05 + 3 * sqrt(0.05 * 0.95 / RUNS)


def test_the_limit_is_known_not_to_hold_where_all_cases_are_in_the_heaviest_psus():
    # What the docstring says of it: two PSUs hold half of the people, and all of the cases.
    share = np.r_[0.25, 0.25, np.full(18, 0.5 / 18)]
    n = 1 / (share**2).sum()
    limit = one_sided(0.0, n, 0.95)[1] * 1.001
    missed, _ = samples_without_a_case(np.r_[2 * limit, 2 * limit, np.zeros(18)], share, 15, 1, RUNS, seed=7)
    assert missed == pytest.approx((1 - 2 * limit) ** 2, abs=0.01)
    assert 0.05 < missed < 0.15


# -- how sure a standard error is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "kurtosis"),
    [
        (lambda rng, shape: rng.normal(size=shape), 3.0),
        (lambda rng, shape: rng.exponential(size=shape), 9.0),
        (lambda rng, shape: rng.uniform(size=shape), 1.8),
    ],
    ids=["normal", "heavy", "light"],
)
def test_the_monte_carlo_error_is_that_of_another_seed(draw, kurtosis):
    n = 400
    draws = draw(np.random.default_rng(12), (n, 3000))
    se = draws.std(axis=0, ddof=1)
    truth = se.std() / se.mean()
    told = estimates(draws[:, :300]).monte_carlo()
    assert truth == pytest.approx(sqrt((kurtosis - 1) / (4 * (n - 1))), rel=0.06)
    assert sqrt((told.se_cv**2).mean()) == pytest.approx(truth, rel=0.12 if kurtosis > 3 else 0.06)
    assert told.se_error.to_numpy() == pytest.approx((told.se * told.se_cv).to_numpy(), rel=1e-12)
    assert told.replicates.tolist() == [n] * 300


def test_enough_replicates_are_those_of_the_wished_precision():
    # Two points at equal chance: kurtosis 1, and the error vanishes; 0, 0, 0, 4: by hand.
    draws = np.tile([0.0, 0.0, 0.0, 4.0], 25)
    m2, m4 = np.mean((draws - 1) ** 2), np.mean((draws - 1) ** 4)
    told = estimates(draws).monte_carlo(cv=0.02).iloc[0]
    per_draw = (m4 / m2**2 - 1) / 4
    # (B - 1) s^2 / B is the second moment, so the formula's share is exactly 1.
    assert told.se_cv == pytest.approx(sqrt(per_draw / 99), rel=1e-12)
    assert told.enough == 1 + int(np.ceil(per_draw / 0.02**2))
    enough = int(told.enough)
    assert sqrt(per_draw / (enough - 1)) <= 0.02 < sqrt(per_draw / (enough - 2))
    even = estimates(np.tile([0.0, 2.0], 50)).monte_carlo().iloc[0]
    assert even.se_cv == pytest.approx(0, abs=1e-7)
    assert even.enough == 2


def test_normal_draws_need_the_numbers_of_the_books():
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    needed = estimates(draws).monte_carlo(0.05).enough[0]
    assert needed == pytest.approx(201, abs=2)  # 1 / sqrt(2 (B - 1)): 5 % at 201
    assert estimates(draws).monte_carlo(0.022).enough[0] == pytest.approx(1034, abs=5)


def test_what_is_not_drawn_has_no_monte_carlo_error():
    draws = draws_of(200)
    alone = estimates(draws, 4.0).monte_carlo().iloc[0]
    beside = estimates(
        draws, 4.0, bootstrap(200, beside=np.ones(1)), beside=np.array([[4.0 + 2 * alone.se]])
    ).monte_carlo()
    assert beside.se[0] == pytest.approx(alone.se * sqrt(5), rel=1e-12)
    # d sqrt(v + w) = dv / (2 sqrt(v + w))
    assert beside.se_error[0] == pytest.approx(alone.se_error / sqrt(5), rel=1e-12)
    assert beside.se_cv[0] == pytest.approx(alone.se_cv / 5, rel=1e-12)
    with pytest.raises(sp.InputError, match="must be of replicates that are drawn, but those of this design are"):
        estimates(draws, 4.0, jackknife(200)).monte_carlo()


def test_monte_carlo_error_of_rows_without_one():
    draws = np.column_stack([np.full(30, 0.5), np.full(30, nan), np.r_[draws_of(20), np.full(10, nan)]])
    told = estimates(draws, [0.5, nan, 4.0]).monte_carlo()
    assert told.se_error[0] == 0
    assert np.isnan(told.se_cv[:2]).all()
    assert told.enough.isna().tolist() == [False, True, False]
    assert told.replicates.tolist() == [30, 0, 20]
    assert told.columns.tolist() == [
        *("statistic", "of", "param", "scenario", "by", "level"),
        *("se", "se_error", "se_cv", "replicates", "enough"),
    ]
    for cv in (0, 1, -0.1, nan, inf):
        with pytest.raises(sp.InputError, match=r"cv must be in \(0, 1\)"):
            estimates(draws, [0.5, nan, 4.0]).monte_carlo(cv)


# -- contrasts ------------------------------------------------------------------------------------------------------


def two(seed=1, n=200, shift=0.0, paired=None, **more):
    """Return estimates of two rows that are alike in most of their draws."""
    rng = np.random.default_rng(seed)
    common = rng.normal(10, 1, (n, 1))
    return estimates(common + rng.normal(0, 0.1, (n, 2)), [10.0 + shift, 10.5], paired=paired, **more)


def test_a_contrast_takes_what_stands_beside_the_draws():
    beside = np.array([[10.2, 10.9], [9.5, 10.1]])
    variance = bootstrap(200, inflation=1.5, beside=np.array([0.5, 0.75]))
    made = two(variance=variance, beside=beside, df=[40.0, 50.0])
    line = made.contrast(0, 1).iloc[0]
    draws, value = made.draws[:, 0] - made.draws[:, 1], made.value[0] - made.value[1]
    assert line.se == pytest.approx(textbook(variance, draws, value, beside[:, 0] - beside[:, 1]), rel=1e-12)
    assert (line.value, line.df, line.param, line.replicates) == (value, 40.0, "", 200)
    assert (line.ci_low, line.ci_high) == interval(value, line.se, 40.0, "t", 0.95)


def test_a_contrast_keeps_what_its_values_may_be_off_by():
    key, draws = ("survey", "same"), two().draws
    rows = (Row("a", n=99, doubt=0.4), Row("b", n=99, doubt=0.3, minor=0.1), Row("c", n=99, doubt=0.2, minor=0.75))
    of_three = np.column_stack([draws, draws[:, 0]])
    made = estimates(of_three, [10.0, 10.5, 10.0], rows=rows, paired=key)
    for a, b, doubt, flag in ((0, 1, 0.5, "model-dependent"), (0, 2, 0.4, ""), (1, 2, 0.3, "model-dependent")):
        line = made.contrast(a, b).iloc[0]
        assert line.se == pytest.approx(np.hypot((of_three[:, a] - of_three[:, b]).std(ddof=1), doubt), rel=1e-12)
        assert line.flag == flag
    again = estimates(of_three, [10.0, 10.5, 10.0], rows=rows, paired=key)
    assert (made.contrast(0, 0).se[0], made.contrast(1, 1, again).se[0]) == (0, 0)
    other = two(2)
    line = made.contrast(1, 0, other).iloc[0]
    assert line.se == pytest.approx(np.hypot(made.se[1], other.se[0]), rel=1e-12)
    assert line.flag == "model-dependent"


def test_estimates_of_the_same_survey_and_replicates_are_paired():
    key = ("survey", ("bootstrap", 1))
    one, other = two(paired=key), two(shift=3.0, paired=("survey", ("bootstrap", 1)))
    line = one.contrast(0, 1, other).iloc[0]
    assert line.se == pytest.approx(one.contrast(0, 1).se[0], rel=1e-14)
    assert line.value == 10.0 - 10.5
    assert line.param == ""
    assert one.contrast(0, 0, other).iloc[0].se == 0


def test_pairs_are_of_the_same_replicate():
    key = ("survey", "same")
    whole = two(paired=key)
    numbers = np.r_[1:81, 161:201]  # two workers, each stopped on its way
    part = estimates(
        whole.draws[numbers - 1], whole.value, bootstrap(200), numbers=numbers, paired=key, rows=whole.rows
    )
    expected = (whole.draws[:, 0] - whole.draws[:, 1])[numbers - 1]
    for line in (whole.contrast(0, 1, part).iloc[0], part.contrast(0, 1, whole).iloc[0], part.contrast(0, 1).iloc[0]):
        assert line.se == pytest.approx(expected.std(ddof=1), rel=1e-12)
        assert line.replicates == 120
        assert line.flag == "interrupted"


def test_pairs_keep_the_scales_of_their_replicates():
    scales = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    variance = Variance(0.5, scales, True, 1.0, resamples=False, may_lose=True)
    values, key = np.array([5.0, 9.0, 7.0, 2.0, 6.0]), ("survey", "columns")
    one, other = (
        estimates(times * values[numbers - 1], times * 4.0, variance, numbers=numbers, paired=key)
        for times, numbers in ((1.0, np.array([2, 3, 5])), (3.0, np.array([1, 3, 5])))
    )
    # Twice the values of replicates 3 and 5 of five: 0.5 * 5 / 2 * 4 (3 * 3^2 + 5 * 2^2).
    assert one.contrast(0, 0, other).se[0] ** 2 == pytest.approx(0.5 * 5 / 2 * 4 * (3 * 9 + 5 * 4), rel=1e-14)


def test_fewer_replicates_are_paired_with_the_first_of_more():
    key = ("survey", "one seed")
    many = two(paired=key)
    few = estimates(many.draws[:50], many.value, bootstrap(50), rows=many.rows, paired=key)
    expected = (many.draws[:50, 0] - many.draws[:50, 1]).std(ddof=1)
    for line in (many.contrast(0, 1, few).iloc[0], few.contrast(0, 1, many).iloc[0]):
        assert line.se == pytest.approx(expected, rel=1e-12)
        assert (line.replicates, line.flag) == (50, "")


@pytest.mark.parametrize("keys", [(None, None), (("a", "same"), ("b", "same")), (("a", "same"), None)])
def test_independent_surveys_add_their_variances(keys):
    a, b = two(1, paired=keys[0], df=[12.0, 20.0]), two(2, n=100, paired=keys[1], df=[30.0, 8.0])
    line = a.contrast(0, 1, b).iloc[0]
    sa, sb = a.se[0], b.se[1]
    assert line.value == a.value[0] - b.value[1]
    assert line.se == pytest.approx(sqrt(sa**2 + sb**2), rel=1e-14)
    assert line.df == pytest.approx((sa**2 + sb**2) ** 2 / (sa**4 / 12 + sb**4 / 8), rel=1e-12)
    half = stats.t.ppf(0.975, line.df) * line.se
    assert (line.ci_low, line.ci_high) == pytest.approx((line.value - half, line.value + half), rel=1e-12)
    assert line.bias == pytest.approx(a.bias[0] - b.bias[1])
    assert (line.param, line.replicates, line.flag, line.n) == ("independent", 100, "", 100)
    assert line.index.tolist() == a.frame().columns.tolist()


def test_welch_is_that_of_two_sample_means():
    x, y = draws_of(12), 3 * draws_of(30, seed=5)
    se, df = (x.std(ddof=1) / sqrt(12), y.std(ddof=1) / sqrt(30)), (11, 29)
    assert welch(se, df) == pytest.approx(stats.ttest_ind(x, y, equal_var=False).df, rel=1e-12)


def test_an_independent_contrast_says_what_is_to_be_minded():
    draws = np.column_stack([np.r_[draws_of(18), nan, nan], np.full(20, 7.0)])
    rows = (Row("a", n=30, flag="tail-sensitive"), Row("b", n=100, flag="hinges on the cut"))
    a, b = estimates(draws, [4.0, 7.0], rows=rows), two()
    assert a.contrast(0, 0, b).flag[0] == "tail-sensitive;n<50;failed 2"
    assert a.contrast(1, 0, b).df[0] == pytest.approx(b.df[0])  # what does not vary adds none
    assert a.contrast(1, 1, a).flag[0] == "hinges on the cut;no interval"
    same = estimates(draws, [4.0, 7.0], rows=rows)
    assert a.contrast(1, 1, same).flag[0] == "hinges on the cut;no interval"
    stopped = two(3, variance=bootstrap(300))
    assert a.contrast(1, 0, stopped).flag[0] == "hinges on the cut;interrupted"
    biased = estimates(draws_of(20), rows=(Row("d_index", n=99, scale="none", flag="biased"),))
    assert b.contrast(0, 0, biased).flag[0] == "biased;no interval"
    lost = estimates([1.0, nan, 3.0], 2.0, jackknife(3))
    assert isnan(b.contrast(0, 0, lost).se[0])
    assert "no interval" in b.contrast(0, 0, lost).flag[0]


def test_contrasts_that_cannot_be_are_refused():
    one = two(paired=("survey", "seed 1"))
    with pytest.raises(sp.InputError, match="one survey must be compared on the same replicates"):
        one.contrast(0, 1, two(paired=("survey", "seed 2")))
    three = estimates(np.zeros((5, 3)), [1.0, 1.0, 1.0])
    one.contrast(1, 2, three)
    with pytest.raises(sp.InputError, match="A row must be 0 to 1, but 2 came"):
        one.contrast(2, 1, three)
    with pytest.raises(sp.InputError, match="A row must be 0 to 2, but 3 came"):
        one.contrast(1, 3, three)
    with pytest.raises(sp.InputError, match="A row must be 0 or more"):
        one.contrast(-1, 0)
    with pytest.raises(sp.InputTypeError, match="other must be Estimates"):
        one.contrast(0, 1, one.frame())


# -- what is shown --------------------------------------------------------------------------------------------------


def test_flags_join_and_are_shown():
    rows = (Row("gini", n=30, scale="log", flag="tail-sensitive;hinges on the cut"), *proportions(0.0))
    draws = np.column_stack([np.r_[draws_of(39), nan], np.zeros(40)])
    made = estimates(draws, [4.0, 0.0], rows=rows)
    assert made.flags == ("tail-sensitive;hinges on the cut;n<50;failed 1", "one-sided")
    frame = made.frame()
    assert frame.columns.tolist() == [
        *("statistic", "of", "param", "scenario", "by", "level", "value", "se", "ci_low", "ci_high"),
        *("bias", "df", "n", "replicates", "flag"),
    ]
    assert frame["replicates"].tolist() == [39, 40]
    for text in (repr(made), unescape(made._repr_html_()).replace("; ", ";")):
        assert "tail-sensitive;hinges on the cut;n<50;failed 1" in text
        assert "one-sided" in text


def test_estimate_tells_how_it_was_made():
    made = sp.estimate(sp.example_survey(400), [sp.MeanWelfare()], replicates=sp.Bootstrap(64))
    assert made.asked == 64
    assert made.numbers.tolist() == list(range(1, 65))
    assert made.variance.resamples
    assert made.beside.shape == (0, 1)
    assert made.se[0] == pytest.approx(made.draws[:, 0].std(ddof=1), rel=1e-15)


@pytest.mark.parametrize("mse", [False, True])
@pytest.mark.parametrize("zeros", [0, 3])
def test_errors_of_many_values_have_the_bits_of_one_by_one(mse, zeros):
    """Of more values than are told at once, some of whose replicates failed, or which have none."""
    rng = np.random.default_rng(8)
    rscales = np.ones(200)
    rscales[:zeros] = 0.0
    variance = Variance(1 / 199, rscales, mse, 1 / 200, True, True, 1.1, np.array([0.4, 0.7]))
    draws, value, beside = rng.normal(5, 1, (150, 200)), rng.normal(5, 0.1, 150), rng.normal(5, 1, (150, 2))
    draws[::7, 4], draws[3], value[10], beside[20, 1] = np.nan, 5.0, np.nan, np.nan
    value[3], beside[3] = 5.0, 5.0
    expected = [variance.of(*one) for one in zip(draws, value, beside, strict=True)]
    for found, one_by_one in zip(variance.of_many(draws, value, beside), zip(*expected, strict=True), strict=True):
        np.testing.assert_array_equal(found, one_by_one)
    assert variance.of_many(draws, value, beside)[0][3] == 0.0
