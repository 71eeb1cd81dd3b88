"""Watts, Atkinson, entropy, quintile ratio and Lorenz curve: alone, and in every replicate of a survey.

Oracles compute with fractions or 50 digits. R's values: laeken 0.5.2 and convey 1.0.1, as in test_popstan.
"""

import math
from fractions import Fraction
from functools import cache
from itertools import product
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings, strategies as st

import sp2lnob as sp

from . import oracles
from ._data import CLASS_LABELS, DESIGN, LINE, PACKAGE, ByHand, data_file, factors, popstan, toy_frames

ALPHAS = (-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4)
EPSILONS = (0, 0.25, 0.5, 1, 1.5, 2, 3)


def for_all(*strategies, examples=40):
    return lambda test: settings(max_examples=examples, deadline=None)(given(*strategies)(test))


# Welfare and weights on a grid: ties, zero weights and boundaries are common.
pairs = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), min_size=1, max_size=12).filter(
    lambda rows: any(w for _, w in rows)
)
with_zeros = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5)), min_size=1, max_size=12).filter(
    lambda rows: any(y * w for y, w in rows)
)
SEVENTHS = st.sampled_from([1, 3, 7])


def split(rows, part):
    """Return welfare and weights as fractions, and the same as floats."""
    y, w = [Fraction(a, part) for a, _ in rows], [Fraction(b, part) for _, b in rows]
    return (y, w), ([float(v) for v in y], [float(v) for v in w])


# -- against the textbook -------------------------------------------------------------------------------------------


@for_all(pairs, SEVENTHS, st.sampled_from([Fraction(1, 7), Fraction(2), Fraction(3), Fraction(12), Fraction(40)]))
@example([(1, 1), (3, 2), (4, 1)], 1, Fraction(3))  # nobody is poor at the line
def test_watts_equals_the_oracle(rows, part, line):
    (y, w), arrays = split(rows, part)
    assert sp.watts(*arrays, float(line)) == pytest.approx(oracles.watts(y, w, line), rel=1e-13, abs=1e-16)


@for_all(pairs, SEVENTHS, st.sampled_from(ALPHAS))
def test_entropy_equals_the_oracle(rows, part, alpha):
    (y, w), arrays = split(rows, part)
    expected = oracles.generalized_entropy(y, w, alpha)
    assert sp.generalized_entropy(*arrays, alpha) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@for_all(pairs, SEVENTHS, st.sampled_from(EPSILONS))
def test_atkinson_equals_the_oracle(rows, part, epsilon):
    (y, w), arrays = split(rows, part)
    assert sp.atkinson(*arrays, epsilon) == pytest.approx(oracles.atkinson(y, w, epsilon), rel=1e-12, abs=1e-15)


@for_all(with_zeros, st.sampled_from([0.5, 1, 2, 3]), st.sampled_from([0.25, 0.5, 0.75]))
def test_who_has_nothing_counts_where_the_index_is_defined(rows, alpha, epsilon):
    (y, w), arrays = split(rows, 7)
    assert sp.generalized_entropy(*arrays, alpha) == pytest.approx(
        oracles.generalized_entropy(y, w, alpha), rel=1e-12, abs=1e-15
    )
    assert sp.atkinson(*arrays, epsilon) == pytest.approx(oracles.atkinson(y, w, epsilon), rel=1e-12, abs=1e-15)


@for_all(with_zeros, SEVENTHS)
def test_quintile_ratio_equals_the_oracle_or_has_no_value(rows, part):
    (y, w), arrays = split(rows, part)
    if oracles.lorenz(y, w, Fraction(1, 5)) == 0:
        with pytest.raises(sp.InputError, match="poorest 20 % must have welfare above 0"):
            sp.quintile_ratio(*arrays)
        return
    assert sp.quintile_ratio(*arrays) == pytest.approx(float(oracles.quintile_ratio(y, w)), rel=1e-11)


@pytest.mark.parametrize("n", [10, 511, 512, 513, 3000])
def test_the_poorest_fifth_has_nothing_to_the_last_bit(n):
    rng = np.random.default_rng(n)
    w = rng.gamma(0.3, size=n) * 1e3
    order = rng.permutation(n)
    share = np.empty(n)
    share[order] = np.cumsum(w[order]) / w.sum()
    y = np.where(share <= 0.2, 0.0, rng.lognormal(size=n))
    y[order[np.searchsorted(share[order], 0.2)]] = 0.0  # the household at the boundary too
    with pytest.raises(sp.InputError, match="theirs is 0"):
        sp.quintile_ratio(y, w)
    assert sp.lorenz(y, w, [0.05, 0.1, 0.15, 0.2]).tolist() == [0.0] * 4


POINTS = [Fraction(k, 20) for k in range(21)]


@for_all(with_zeros, SEVENTHS)
def test_lorenz_equals_the_oracle(rows, part):
    (y, w), arrays = split(rows, part)
    expected = [float(oracles.lorenz(y, w, p)) for p in POINTS]
    assert sp.lorenz(*arrays, [float(p) for p in POINTS]).tolist() == pytest.approx(expected, abs=2e-15)


@pytest.mark.parametrize("n", [1, 511, 512, 513, 1025])
def test_lorenz_and_quintile_ratio_around_a_chunk_of_the_sweep(n):
    rng = np.random.default_rng(n)
    y, w = rng.integers(1, 50, n).tolist(), rng.integers(1, 5, n).tolist()
    shares = [Fraction(k, 40) for k in range(1, 40)]
    expected = [float(oracles.lorenz(y, w, p)) for p in shares]
    assert sp.lorenz(y, w, [float(p) for p in shares]).tolist() == pytest.approx(expected, abs=1e-14)
    assert sp.quintile_ratio(y, w) == pytest.approx(float(oracles.quintile_ratio(y, w)), rel=1e-13)


@pytest.mark.parametrize(
    ("y", "w", "expected"),
    [
        ([1, 10], [1, 4], 10),  # the poorest fifth end where the first household does
        ([1, 10], [1, 1], 10),
        ([1, 10], [1, 9], 20 / 11),  # they reach into the second
        ([1, 2, 10], [1, 3, 1], 10),
        ([1, 2, 10], [2, 7, 1], 12 / 2),  # the richest fifth reach into the one before
        ([7], [1], 1),
    ],
)
def test_quintile_ratio_splits_the_household_at_the_boundary(y, w, expected):
    assert sp.quintile_ratio(y, w) == pytest.approx(expected, rel=1e-13)
    assert float(oracles.quintile_ratio(y, w)) == pytest.approx(expected, rel=1e-15)


# -- what theory says of them ---------------------------------------------------------------------------------------


def measures(y, w, line=4.0):
    """Return every new measure of positive welfare."""
    made = {("watts",): sp.watts(y, w, line), ("quintile_ratio",): sp.quintile_ratio(y, w)}
    made |= {("atkinson", e): sp.atkinson(y, w, e) for e in EPSILONS}
    made |= {("entropy", a): sp.generalized_entropy(y, w, a) for a in ALPHAS}
    return made | dict(enumerate(sp.lorenz(y, w, [0, 0.1, 0.2, 0.4, 0.5, 0.8, 0.9, 1]).tolist()))


def same(found, expected, rel=1e-11):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=rel, abs=1e-14), name


@for_all(pairs)
def test_measures_read_a_weight_as_copies_and_do_not_see_what_has_none(rows):
    y, w = zip(*rows, strict=True)
    copies = [value for value, times in rows for _ in range(times)]
    same(measures(copies, np.ones(len(copies))), measures(y, w))


@for_all(pairs, st.sampled_from([1e-9, 1 / 3, 4.0, 1e9]), st.randoms(use_true_random=False))
def test_measures_do_not_see_the_scale_of_weights_nor_the_order_of_rows(rows, scale, random):
    y, w = zip(*rows, strict=True)
    moved = list(rows)
    random.shuffle(moved)
    other, weight = zip(*moved, strict=True)
    same(measures(other, [v * scale for v in weight]), measures(y, w))


@for_all(pairs, st.sampled_from([1e-300, 1e-9, 0.01, 7.0, 1e6, 1e300]), st.sampled_from([1e-9, 1.0, 1e9]))
def test_measures_do_not_see_the_currency_however_large_or_small(rows, rate, scale):
    y, w = zip(*rows, strict=True)
    same(measures([v * rate for v in y], [v * scale for v in w], 4.0 * rate), measures(y, w))
    found = [
        (sp.gini([v * rate for v in y], [v * scale for v in w]), sp.gini(y, w)),
        (sp.palma([v * rate for v in y], [v * scale for v in w]), sp.palma(y, w)),
        (sp.mean([v * rate for v in y], [v * scale for v in w]) / rate, sp.mean(y, w)),
    ]
    for value, expected in found:
        assert value == pytest.approx(expected, rel=1e-11, abs=1e-14)


@for_all(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.sampled_from([7.3, 1 / 3, 1e-5, 123456.789]))
def test_all_equal_is_no_inequality_to_the_last_bit(weights, welfare):
    y, w = [welfare] * len(weights), [v / 7 for v in weights]
    for alpha in ALPHAS:
        assert sp.generalized_entropy(y, w, alpha) == 0
    for epsilon in EPSILONS:
        assert sp.atkinson(y, w, epsilon) == 0
    assert sp.quintile_ratio(y, w) == pytest.approx(1, rel=1e-14)
    assert sp.lorenz(y, w, [0, 0.3, 0.7, 1]).tolist() == pytest.approx([0, 0.3, 0.7, 1], abs=1e-15)
    assert sp.watts(y, w, welfare) == 0
    assert sp.watts(y, w, 2 * welfare) == pytest.approx(math.log(2), rel=1e-14)


@for_all(pairs)
def test_bounds(rows):
    y, w = zip(*rows, strict=True)
    smallest = min(b for _, b in rows if b) / sum(w)  # share of the lightest row: how unequal it can get
    previous = 0.0
    for epsilon in EPSILONS:
        found = sp.atkinson(y, w, epsilon)
        assert 0 <= found < 1
        assert found >= previous - 1e-14  # the more aversion, the more is lost
        previous = found
    for alpha in ALPHAS:
        assert sp.generalized_entropy(y, w, alpha) >= 0
    assert sp.generalized_entropy(y, w, 1) <= -math.log(smallest) + 1e-12
    assert sp.generalized_entropy(y, w, 2) <= (1 / smallest - 1) / 2 + 1e-12
    assert sp.quintile_ratio(y, w) >= 1 - 1e-12
    # The Watts index bounds the poverty gap: ln(z / y) >= 1 - y / z.
    assert sp.watts(y, w, 5.0) >= sp.fgt(y, w, 5.0, 1) - 1e-15


@for_all(pairs, st.data())
def test_a_transfer_from_richer_to_poorer_lowers_inequality(rows, data):
    rows = [(float(a), float(b)) for a, b in rows if b]
    levels = sorted({a for a, _ in rows})
    assume(len(levels) > 1)
    low, high = (data.draw(st.sampled_from(part)) for part in (levels[:-1], levels))
    assume(low < high)
    i, j = ([a for a, _ in rows].index(level) for level in (low, high))
    y, w = map(list, zip(*rows, strict=True))
    money = (high - low) / 4 * min(w[i], w[j])
    after = list(y)
    after[i] += money / w[i]
    after[j] -= money / w[j]
    assert sp.mean(after, w) == pytest.approx(sp.mean(y, w), rel=1e-14)
    for epsilon in EPSILONS[1:]:
        assert sp.atkinson(after, w, epsilon) < sp.atkinson(y, w, epsilon)
    for alpha in ALPHAS:
        assert sp.generalized_entropy(after, w, alpha) < sp.generalized_entropy(y, w, alpha)
    assert (sp.lorenz(after, w, np.linspace(0, 1, 21)) >= sp.lorenz(y, w, np.linspace(0, 1, 21)) - 1e-14).all()
    assert sp.quintile_ratio(after, w) <= sp.quintile_ratio(y, w) * (1 + 1e-13)
    assert sp.watts(after, w, high * 2) < sp.watts(y, w, high * 2)


@for_all(pairs, st.sampled_from([0.25, 0.5, 1.5, 2, 3]))
def test_atkinson_and_entropy_say_the_same(rows, epsilon):
    y, w = zip(*rows, strict=True)
    assert sp.atkinson(y, w, 1) == pytest.approx(-math.expm1(-sp.generalized_entropy(y, w, 0)), rel=1e-12, abs=1e-15)
    a = 1 - epsilon
    power = 1 + a * (a - 1) * sp.generalized_entropy(y, w, a)
    assert sp.atkinson(y, w, epsilon) == pytest.approx(1 - power ** (1 / a), rel=1e-11, abs=1e-14)


@for_all(pairs)
def test_entropy_of_2_is_half_the_squared_variation_coefficient(rows):
    (y, w), arrays = split(rows, 7)
    m = oracles.mean(y, w)
    variance = sum(b * (a - m) ** 2 for a, b in zip(y, w, strict=True)) / sum(w)
    assert sp.generalized_entropy(*arrays, 2) == pytest.approx(float(variance / (2 * m * m)), rel=1e-12, abs=1e-15)


@for_all(pairs, pairs, st.sampled_from(ALPHAS))
def test_entropy_is_that_within_groups_and_that_between_them(one, other, alpha):
    # GE = sum over groups of (share of people)^(1 - a) (share of welfare)^a GE of the group, plus GE of the means.
    groups = [tuple(zip(*rows, strict=True)) for rows in (one, other)]
    y, w = ([value for group in groups for value in group[k]] for k in (0, 1))
    people, total = sum(w), sum(a * b for a, b in zip(y, w, strict=True))
    within = 0.0
    for a, b in groups:
        s, v = sum(b) / people, sum(c * d for c, d in zip(a, b, strict=True)) / total
        within += s ** (1 - alpha) * v**alpha * sp.generalized_entropy(a, b, alpha)
    between = sp.generalized_entropy([sp.mean(*group) for group in groups], [sum(b) for _, b in groups], alpha)
    assert sp.generalized_entropy(y, w, alpha) == pytest.approx(within + between, rel=1e-11, abs=1e-14)


NEAR = [0.0, 5e-17, 2.3e-16, 1e-14, 1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 0.01, 0.1]


@pytest.mark.parametrize("off", [*NEAR, *(-off for off in NEAR[1:])])
@pytest.mark.parametrize("around", [0, 1])
def test_entropy_and_atkinson_are_continuous_where_their_formula_is_a_limit(around, off):
    y, w = [1, 3, 7, 0.2, 55], [1, 1, 2, 0.5, 0.1]
    alpha = around + off
    found, expected = sp.generalized_entropy(y, w, alpha), oracles.generalized_entropy(y, w, alpha)
    assert found == pytest.approx(expected, rel=1e-11)
    epsilon = abs(1 - alpha)
    assert sp.atkinson(y, w, epsilon) == pytest.approx(oracles.atkinson(y, w, epsilon), rel=1e-11, abs=1e-15)


@for_all(with_zeros, SEVENTHS)
def test_the_lorenz_curve_rises_ever_more_from_0_to_1(rows, part):
    _, (y, w) = split(rows, part)
    grid = np.linspace(0, 1, 41)
    curve = sp.lorenz(y, w, grid)
    assert curve[0] == 0
    assert curve[-1] == 1
    assert (np.diff(curve) >= -1e-15).all()
    assert (np.diff(curve, 2) >= -1e-14).all()
    assert (curve <= grid + 1e-15).all()


@for_all(pairs)
def test_the_lorenz_curve_holds_gini_palma_and_quintile_ratio(rows):
    y, w = map(np.array, zip(*rows, strict=True))
    order = np.argsort(y, kind="stable")
    kinks = np.r_[0, np.cumsum(w[order])] / w.sum()
    curve = sp.lorenz(y, w, kinks)
    area = ((curve[1:] + curve[:-1]) * np.diff(kinks)).sum() / 2  # between the kinks it is straight
    assert sp.gini(y, w) == pytest.approx(1 - 2 * area, abs=1e-14)
    l20, l40, l80, l90 = sp.lorenz(y, w, [0.2, 0.4, 0.8, 0.9])
    assert sp.palma(y, w) == (1 - l90) / l40
    assert sp.quintile_ratio(y, w) == (1 - l80) / l20


def test_points_may_be_unordered_repeated_and_a_lone_end():
    y, w = [1, 3, 4, 2], [1, 2, 1, 3]
    points = [0.7, 0.1, 1, 0.7, 0, 0.35]
    assert sp.lorenz(y, w, points).tolist() == [sp.lorenz(y, w, [p])[0] for p in points]
    given = np.array([0.0, 1.0])
    assert sp.lorenz(y, w, given) is not given
    assert sp.lorenz(y, w, given).tolist() == given.tolist() == [0, 1]


# -- R's values -----------------------------------------------------------------------------------------------------


@cache
def eusilc():
    frame = pd.read_csv(data_file("eusilc", "eusilc.csv.gz"))
    return frame["eqincome"].to_numpy(), frame["rb050"].to_numpy()


@pytest.mark.parametrize(
    ("alpha", "value"),
    [(0, 0.131369230476709), (0.5, 0.121613787387771), (1, 0.120526920613085), (2, 0.136749562656187)],
)
def test_entropy_of_eusilc_equals_conveys_svygei(alpha, value):
    y, w = eusilc()
    assert sp.generalized_entropy(y[y > 0], w[y > 0], alpha) == pytest.approx(value, rel=2e-13)


@pytest.mark.parametrize(("epsilon", "value"), [(0.5, 0.0598825241137104), (1, 0.123106061357279)])
def test_atkinson_of_eusilc_equals_conveys_svyatk(epsilon, value):
    y, w = eusilc()
    assert sp.atkinson(y[y > 0], w[y > 0], epsilon) == pytest.approx(value, rel=2e-13)


@pytest.mark.parametrize(("alpha", "value"), [(1, 0.213721006572658), (0, 0.204075386050923)])
def test_entropy_of_popstan_equals_conveys_svygei(alpha, value):
    survey = popstan()
    assert sp.generalized_entropy(survey.welfare, survey.people, alpha) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize(("data", "value"), [("eusilc", 3.97000432603667), ("popstan", 5.88114874245408)])
def test_quintile_ratio_differs_from_rs_by_the_household_at_the_boundary(data, value):
    y, w = eusilc() if data == "eusilc" else (popstan().welfare, popstan().people)
    # R's is reproduced from its definition; ours is a hair away: at most one household on either side.
    exact = y.tolist(), w.tolist()
    assert float(oracles.quintile_ratio_by_steps(*exact)) == pytest.approx(value, rel=1e-10)
    assert sp.quintile_ratio(y, w) == pytest.approx(float(oracles.quintile_ratio(*exact)), rel=1e-11)
    assert sp.quintile_ratio(y, w) == pytest.approx(value, rel=2e-3)
    assert sp.quintile_ratio(y, w) != pytest.approx(value, rel=1e-9)


# -- errors ---------------------------------------------------------------------------------------------------------

NAN, INF = math.nan, math.inf
CALLS = {
    "watts": lambda y, w: sp.watts(y, w, 4),
    "quintile_ratio": sp.quintile_ratio,
    "lorenz": lambda y, w: sp.lorenz(y, w, [0.5]),
    "atkinson": sp.atkinson,
    "generalized_entropy": sp.generalized_entropy,
}


def refused(call, *parts, error=sp.InputError):
    """Check that an error says what must hold, what came, and how to mend it, in this order and on one line."""
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert type(caught.value) is error
    assert isinstance(caught.value, ValueError if error is sp.InputError else TypeError)
    must, but, rest = message.partition(", but ")
    assert but, message
    assert parts[0] in must, message
    places = [rest.find(part) for part in parts[1:]]
    assert -1 not in places, message
    assert places == sorted(places), message
    assert message.endswith((".", "?")), message
    assert " ".join(message.split()) == message


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("y", "w", "parts"),
    [
        ([1, NAN], [1, 1], ("Every welfare value must be finite", "1 of 2 rows do not (first: row 1: nan)", "Drop")),
        ([1, INF], [1, 1], ("Every welfare value must be finite", "row 1: inf", "Drop")),
        ([1, 2], [1, NAN], ("weight must be finite and 0 or more", "row 1: nan", "Mend")),
        ([1, 2], [1, -1], ("weight must be finite and 0 or more", "row 1: -1", "Mend")),
        ([1, 2], [0, 0], ("sum of every weight must be above 0", "it is 0", "Name")),
        ([1, 2], [1], ("one weight a row", "2 rows came with weights of shape (1,)", "same length")),
        ([1, 2], None, ("A weight is required", "None came", "np.ones(n)")),
        ([], [], ("at least one row", "it is empty", "Pass")),
        ([[1, 2]], [1, 1], ("one dimension", "(1, 2)", "Pass one column")),
    ],
    ids=["nan", "infinite", "nan weight", "negative weight", "no weight", "lengths", "None", "empty", "matrix"],
)
def test_what_no_measure_takes(name, y, w, parts):
    refused(lambda: CALLS[name](y, w), *parts)


@pytest.mark.parametrize("name", CALLS)
def test_text_is_no_welfare(name):
    refused(
        lambda: CALLS[name](["a", "b"], [1, 1]),
        "must be a sequence of numbers",
        "of type list",
        "Convert",
        error=sp.InputTypeError,
    )


@pytest.mark.parametrize("name", ["quintile_ratio", "lorenz", "generalized_entropy"])
def test_negative_welfare_has_no_inequality(name):
    refused(
        lambda: CALLS[name]([1, -2, 3], [1, 1, 1]),
        "0 or more in every row",
        "1 of 3 rows do not (first: row 1: -2)",
        "Set",
    )


@pytest.mark.parametrize("name", ["quintile_ratio", "lorenz", "generalized_entropy"])
@pytest.mark.parametrize("weights", [[1, 1], [1, 0]])
def test_nothing_at_all_has_no_inequality(name, weights):
    y = [0, 0] if weights == [1, 1] else [0, 5]  # the one who has something stands for nobody
    refused(lambda: CALLS[name](y, weights), "needs welfare above 0 somewhere", "all of it is 0", "Check")


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: sp.watts([0, 5], [1, 1], 4), ("Watts index needs welfare above 0 for all who are poor", "row 0: 0")),
        (lambda: sp.watts([-1, 5], [1, 1], 4), ("welfare above 0 for all who are poor", "row 0: -1", "knowingly")),
        (lambda: sp.watts([1, 5], [1, 1], 0), ("line must be above 0", "it is 0", "Correct")),
        (lambda: sp.watts([1, 5], [1, 1], NAN), ("line must be", "nan", "Correct")),
        (lambda: sp.atkinson([0, 5], [1, 1]), ("Atkinson index needs welfare above 0 in every row", "row 0: 0")),
        (lambda: sp.atkinson([0, 5], [1, 1], 2), ("Atkinson index needs welfare above 0 in every row", "row 0: 0")),
        (lambda: sp.atkinson([-1, 5], [1, 1], 0.5), ("Atkinson index needs welfare of 0 or more", "row 0: -1")),
        (lambda: sp.atkinson([1, 5], [1, 1], -0.1), ("epsilon must be 0 or more", "it is -0.1", "Correct")),
        (lambda: sp.atkinson([1, 5], [1, 1], INF), ("epsilon must be", "inf", "Correct")),
        (lambda: sp.generalized_entropy([0, 5], [1, 1], 0), ("entropy needs welfare above 0 in every row", "row 0")),
        (lambda: sp.generalized_entropy([0, 5], [1, 1], -1), ("entropy needs welfare above 0 in every row", "row 0")),
        (lambda: sp.generalized_entropy([1, 5], [1, 1], NAN), ("alpha must be finite", "nan", "Correct")),
        (lambda: sp.lorenz([1, 5], [1, 1], [0.5, 1.1]), ("point must be in [0, 1]", "1 of 2", "first: 1.1", "Give")),
        (lambda: sp.lorenz([1, 5], [1, 1], [-0.1]), ("point must be in [0, 1]", "-0.1", "Give")),
        (lambda: sp.lorenz([1, 5], [1, 1], [NAN]), ("point must be finite", "nan", "Drop")),
        (lambda: sp.lorenz([1, 5], [1, 1], []), ("at least one", "empty")),
        (lambda: sp.lorenz([1, 5], [1, 1], [[0.5]]), ("one dimension", "(1, 1)", "Pass")),
    ],
)
def test_what_a_measure_does_not_take(call, parts):
    refused(call, *parts)


@pytest.mark.parametrize("given", ["1", None, True, [1]])
def test_a_parameter_is_a_number(given):
    for call in (
        lambda: sp.atkinson([1, 2], [1, 1], given),
        lambda: sp.generalized_entropy([1, 2], [1, 1], given),
        lambda: sp.watts([1, 2], [1, 1], given),
    ):
        refused(call, "must be a number", "of type", error=sp.InputTypeError)


# -- every statistic in every replicate, with every factor written out ------------------------------------------------

REPLICATES = sp.Bootstrap(5, seed=3)
TYPES = (
    "Couple with children",
    "Couple without children",
    "Single parent or caregiver",
    "One person 60+",
    "One person 18-59",
    "Three generations",
    "Skipped generation",
    "Other",
)
EIGHTHS = 8  # every n / (n - 1) of strata of 2, 3, 5 and 9 PSUs is a whole number of these


def frames_with_relations(seed=1, zeros=True):
    """Return the small survey with a head, and in some households a spouse."""
    households, persons = toy_frames(seed, zeros=zeros)
    second = np.where(np.isin(persons["hid"], np.array(households["hid"])[::2]), "Spouse", "Child")
    persons["relation"] = np.where(persons["pid"] == 1, "Head", np.where(persons["pid"] == 2, second, "Child"))
    return households, persons


class Hand(ByHand):
    """The small survey by hand, with the types of its households and adults among its persons."""

    def __init__(self, fixed=False):
        frames = frames_with_relations()
        roles = {"disability": "disability", "relation": "relation"}
        survey = sp.Survey(*frames, **DESIGN | {"roles": roles, "derive": {"adult": "age >= 18"}})
        super().__init__(survey, frames, fixed)
        members = [[] for _ in self.psu]
        for home, age, relation in zip(self.home, self.p["age"], self.p["relation"], strict=True):
            members[home].append((int(age), relation.lower()))
        self.h["household_type"] = [oracles.household_type(who) for who in members]
        self.p["household_type"] = [self.h["household_type"][home] for home in self.home]
        self.p["adult"] = [int(age >= 18) for age in self.p["age"]]

    def every(self, replicates=REPLICATES):
        """Return the factors of the full sample and of every replicate, all times one number: whole, so exact."""
        made = [self.one, *factors(self.survey, replicates)]
        whole = [[int(factor * EIGHTHS) for factor in row] for row in made]
        assert [[Fraction(k, EIGHTHS) for k in row] for row in whole] == made
        return whole


@cache
def by_hand(fixed=False):
    return Hand(fixed)


def or_nothing(measure):
    """Return NaN where the poorest have nothing, and a ratio has no value."""

    def value(y, w):
        try:
            return measure(y, w)
        except ZeroDivisionError:
            return math.nan

    return value


def oracle_of(row):
    """Return the textbook's version of a row's statistic."""
    number = Fraction(row.param.partition("=")[2]) if "=" in row.param else None
    return {
        "headcount": lambda y, w: oracles.fgt(y, w, LINE, 0),
        "poverty_severity": lambda y, w: oracles.fgt(y, w, LINE, 2),
        "watts": lambda y, w: oracles.watts(y, w, LINE),
        "gini": oracles.gini_ranked,
        "palma": or_nothing(oracles.palma),
        "quintile_ratio": or_nothing(oracles.quintile_ratio),
        "atkinson": lambda y, w: oracles.atkinson(y, w, number),
        "generalized_entropy": lambda y, w: oracles.generalized_entropy(y, w, number),
        "lorenz": lambda y, w: oracles.lorenz(y, w, number),
        "quantile": lambda y, w: oracles.quantile(y, w, number),
    }[row.statistic]


STATISTICS = [
    sp.Poverty(LINE, measures=["watts", "headcount", "poverty_severity"]),
    sp.Inequality(["atkinson", "gini", "generalized_entropy", "palma", "quintile_ratio"], epsilon=0.5, alpha=2),
    sp.Inequality(["generalized_entropy", "atkinson"]),
    sp.Inequality(["generalized_entropy"], alpha=0),
    sp.Lorenz([0.4, 0.05]),
    sp.Quantile([0.9, 0.4]),
]
NAMES = 15  # values of these

BYS = [
    (),
    ("urbrur",),
    ("region", "educ"),
    ("household_type",),
    ("sex",),
    ("adult", "urbrur"),
    ("bottom40",),
    ("quintile",),
    ("decile",),
    ("urbrur", "bottom40"),
    ("quintile", "region"),
    ("sex", "bottom40"),
    ("household_type", "bottom40"),
]
FIXED = [("quintile",), ("urbrur", "bottom40"), ("sex", "bottom40")]


@cache
def estimated(fixed=False):
    hand = by_hand(fixed)
    return sp.estimate(
        hand.survey,
        STATISTICS,
        {"after": sp.simulate(hand.survey, PACKAGE)},
        by=FIXED if fixed else BYS[1:],
        replicates=REPLICATES,
        classes="fixed" if fixed else "replicate",
    )


def close(found, expected, row):
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-13, nan_ok=True), row


def compare(made, hand, by):
    """Compare full sample and every replicate of the rows by some columns with the oracles; return the rows."""
    unit = "person" if {"sex", "adult"} & set(by) else "household"
    name = " x ".join(by) or "all"
    every = hand.every()
    rows = [i for i, row in enumerate(made.rows) if row.by == name and row.scenario != "change"]
    for i in rows:
        row = made.rows[i]
        expected = [hand.value(oracle_of(row), factor, by, row.level, unit, row.scenario) for factor in every]
        close([made.value[i], *made.draws[:, i]], expected, row)
        assert row.n == hand.cases(by, every[0], row.level, unit)
    return rows


@pytest.mark.parametrize("by", BYS, ids=lambda by: " x ".join(by) or "all")
def test_replicates_equal_the_oracles(by):
    hand, made = by_hand(), estimated()
    rows = compare(made, hand, by)
    unit = "person" if {"sex", "adult"} & set(by) else "household"
    levels = set(hand.levels(by, hand.every()[0], unit))
    found = list(dict.fromkeys(made.rows[i].level for i in rows))
    assert levels <= set(found)
    parts = [CLASS_LABELS.get(name) or sorted(set(hand.column(name, hand.one, unit))) for name in by]
    if any(name in CLASS_LABELS for name in by):  # all bands of a combination that there is, in the order of columns
        there = {
            tuple(v for v, n in zip(row, by, strict=True) if n not in CLASS_LABELS)
            for row in zip(*(hand.column(n, hand.one, unit) for n in by), strict=True)
        }
        parts = [
            row
            for row in product(*parts)
            if tuple(v for v, n in zip(row, by, strict=True) if n not in CLASS_LABELS) in there
        ]
        assert set(found) == {" x ".join(row) for row in parts}
    else:
        assert set(found) == levels
    assert len(rows) == NAMES * 2 * len(found)


@pytest.mark.parametrize("by", FIXED, ids=" x ".join)
def test_fixed_classes_are_cut_where_the_full_sample_cuts_them(by):
    assert compare(estimated(fixed=True), by_hand(fixed=True), by)


def test_classes_move_between_replicates():
    moving, fixed = (estimated(which) for which in (False, True))
    at, where = (
        [i for i, row in enumerate(made.rows) if row.by == "quintile" and row.statistic == "gini"]
        for made in (moving, fixed)
    )
    assert [moving.rows[i] for i in at] == [fixed.rows[i] for i in where] != []
    assert moving.value[at].tobytes() == fixed.value[where].tobytes()
    assert not np.allclose(moving.draws[:, at], fixed.draws[:, where], equal_nan=True)


def test_a_change_is_the_difference_of_every_draw():
    """One that is in the last bits of what it is from is 0."""
    made = estimated()
    changes = [i for i, row in enumerate(made.rows) if row.scenario == "change"]
    assert len(changes) * 3 == len(made.rows)
    for i in changes:
        assert [made.rows[j].scenario for j in (i - 2, i - 1)] == ["before", "after"]
        before, after, change = (np.r_[made.value[j], made.draws[:, j]] for j in (i - 2, i - 1, i))
        known = np.where(np.abs(after - before) <= 1e-14 * np.abs(before), 0.0, after - before)
        assert np.array_equal(change, known, equal_nan=True)


def test_several_scenarios_have_each_their_welfare_and_their_change():
    hand = by_hand()
    more = sp.Package([sp.old_age_pension(sp.Amount(500, "month"), min_age=60)])
    scenarios = {"small": sp.simulate(hand.survey, PACKAGE), "large": sp.simulate(hand.survey, more)}
    made = sp.estimate(hand.survey, STATISTICS, scenarios, by=["bottom40"], replicates=REPLICATES)
    names = ["before", "small", "large", "change: small", "change: large"]
    assert [row.scenario for row in made.rows] == names * (len(made.rows) // 5)
    for name, transfers in scenarios.items():
        alone = sp.estimate(hand.survey, STATISTICS, {"after": transfers}, by=["bottom40"], replicates=REPLICATES)
        for i, row in enumerate(alone.rows):
            scenario = {"before": "before", "after": name, "change": f"change: {name}"}[row.scenario]
            j = made.find(
                statistic=row.statistic, of=row.of, param=row.param, by=row.by, level=row.level, scenario=scenario
            )
            assert np.array_equal(made.draws[:, j], alone.draws[:, i], equal_nan=True)


def test_a_survey_in_which_some_have_nothing():
    households, persons = frames_with_relations(2)
    households["pc"] = np.where(households["pc"] < 80, 0, households["pc"])
    survey = sp.Survey(households, persons, **DESIGN)
    statistics = [
        sp.Inequality(["gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy"], epsilon=0.5, alpha=1),
        sp.Inequality(["generalized_entropy"], alpha=2),
        sp.Lorenz([0.1, 0.6]),
    ]
    made = sp.estimate(survey, statistics, by=["urbrur", "bottom40"], replicates=REPLICATES)
    hand = ByHand(survey, (households, persons))
    every = [[int(f * EIGHTHS) for f in row] for row in ([hand.one, *factors(survey, REPLICATES)])]
    missing = 0
    for i, row in enumerate(made.rows):
        by = () if row.by == "all" else (row.by,)
        expected = []
        for factor in every:
            try:
                expected.append(hand.value(oracle_of(row), factor, by, row.level))
            except (ZeroDivisionError, ArithmeticError):  # nobody has anything
                expected.append(math.nan)
        found = [made.value[i], *made.draws[:, i]]
        close(found, expected, row)
        missing += np.isnan(found).sum()
        if math.isnan(expected[0]):
            assert "empty" in made.flags[i]
    assert missing


# -- asked together or alone ----------------------------------------------------------------------------------------


def test_together_gives_bit_for_bit_what_each_gives_alone_in_the_order_asked():
    survey = by_hand().survey
    scenarios = {"after": sp.simulate(survey, PACKAGE)}
    by = ["urbrur", "sex", "bottom40", ("decile", "region"), "quintile"]
    opportunity = sp.Opportunity("o", "phone", unit="person", circumstances=["bottom40", "sex"])
    asked = [
        *STATISTICS,
        sp.MeanWelfare(),
        sp.Access(opportunity),
        sp.Dissimilarity(opportunity),
        sp.ConsumptionGain(),
        sp.Coverage(),
        sp.Incidence(),
        sp.Cost(),
    ]

    def figures(statistics):
        return sp.estimate(survey, statistics, scenarios, by=by, replicates=REPLICATES, df="design")

    alone = {id(statistic): figures([statistic]) for statistic in asked}
    random = Random(8)
    for _ in range(3):
        together = figures(asked)
        apart = [alone[id(statistic)] for statistic in asked]
        assert together.rows == tuple(row for one in apart for row in one.rows)
        assert together.value.tobytes() == np.concatenate([one.value for one in apart]).tobytes()
        assert together.draws.tobytes() == np.concatenate([one.draws for one in apart], axis=1).tobytes()
        for name in ("se", "ci_low", "ci_high", "df"):
            assert getattr(together, name).tobytes() == np.concatenate([getattr(one, name) for one in apart]).tobytes()
        random.shuffle(asked)


@pytest.mark.parametrize("df", ["effective", "design"])
def test_degrees_of_freedom_do_not_depend_on_what_else_is_asked(df):
    survey, by = by_hand().survey, ["quintile", ("sex", "bottom40")]
    together = sp.estimate(survey, STATISTICS, by=by, replicates=REPLICATES, df=df)
    apart = [sp.estimate(survey, [one], by=by, replicates=REPLICATES, df=df).df for one in STATISTICS]
    assert together.df.tobytes() == np.concatenate(apart).tobytes()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_no_bit(threads):
    survey = by_hand().survey
    made = [
        sp.estimate(survey, STATISTICS, by=["decile", "sex"], replicates=sp.Bootstrap(70), n_threads=n)
        for n in (None, threads)
    ]
    assert made[0].draws.tobytes() == made[1].draws.tobytes()


# -- at the size of a survey: plain measures on the rows of the class -------------------------------------------------

PLAIN = {
    "watts": lambda y, w, _: sp.watts(y, w, 60.0),
    "gini": lambda y, w, _: sp.gini(y, w),
    "palma": lambda y, w, _: sp.palma(y, w),
    "quintile_ratio": lambda y, w, _: sp.quintile_ratio(y, w),
    "atkinson": sp.atkinson,
    "generalized_entropy": sp.generalized_entropy,
    "lorenz": lambda y, w, p: sp.lorenz(y, w, [p])[0],
    "quantile": sp.quantile,
}


@pytest.mark.parametrize("by", [("decile",), ("urbrur", "quintile"), ("bottom40",)], ids=" x ".join)
@pytest.mark.parametrize("classes", ["replicate", "fixed"])
def test_within_a_class_it_is_the_plain_measure_on_its_rows(by, classes):
    survey = sp.example_survey(2600)
    transfers = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(8, "month"))]))
    statistics = [
        sp.Poverty(60.0, measures="watts"),
        sp.Inequality([name for name in PLAIN if name not in ("watts", "lorenz", "quantile")], epsilon=2, alpha=-1),
        sp.Lorenz([0.37]),
        sp.Quantile([0.5]),
    ]
    bootstrap = sp.Bootstrap(3, seed=5)
    made = sp.estimate(survey, statistics, {"after": transfers}, by=[by], replicates=bootstrap, classes=classes)
    shares = {"bottom40": [0.4], "quintile": [0.2, 0.4, 0.6, 0.8], "decile": [k / 10 for k in range(1, 10)]}[by[-1]]
    area = survey.household_column("urbrur")
    area = [area.label(value) for value in area.values]
    welfare = {"before": survey.welfare, "after": transfers.welfare_after}
    every = np.array([[1.0] * survey.design.psus, *[[float(f) for f in row] for row in factors(survey, bootstrap)]])
    checked = 0
    for replicate, factor in enumerate(every):
        weight = survey.people * factor[survey.design.psu]
        base = survey.people if classes == "fixed" else weight
        cuts = np.array([sp.quantile(survey.welfare, base, share) for share in shares])
        band = [CLASS_LABELS[by[-1]][k] for k in (survey.welfare[:, None] > cuts).sum(axis=1)]
        level = np.array(band if len(by) == 1 else [f"{a} x {b}" for a, b in zip(area, band, strict=True)])
        for i, row in enumerate(made.rows):
            if row.by == "all" or row.scenario == "change":
                continue
            rows = level == row.level
            number = float(row.param.partition("=")[2] or "nan")
            expected = PLAIN[row.statistic](welfare[row.scenario][rows], weight[rows], number)
            found = made.value[i] if replicate == 0 else made.draws[replicate - 1, i]
            assert found == pytest.approx(expected, rel=1e-10, abs=1e-13), row
            checked += 1
    assert checked == 4 * 2 * len(PLAIN) * len(set(made.rows[i].level for i in range(len(made.rows))) - {"all"})


def test_classes_of_real_surveys_are_those_of_plain_measures():
    survey = popstan()
    made = sp.estimate(
        survey, [sp.Inequality(list(PLAIN)[1:6]), sp.Lorenz([0.5])], by=["quintile"], replicates=sp.Bootstrap(2)
    )
    cuts = np.array([sp.quantile(survey.welfare, survey.people, k / 5) for k in range(1, 5)])
    band = (survey.welfare[:, None] > cuts).sum(axis=1)
    for k in range(5):
        y, w = survey.welfare[band == k], survey.people[band == k]
        for name in list(PLAIN)[1:6]:
            found = made.value[made.find(statistic=name, by="quintile", level=str(k + 1))]
            assert found == pytest.approx(PLAIN[name](y, w, 1.0), rel=1e-10)
        found = made.value[made.find(statistic="lorenz", by="quintile", level=str(k + 1))]
        assert found == pytest.approx(sp.lorenz(y, w, [0.5])[0], rel=1e-10)


# -- where there is little ------------------------------------------------------------------------------------------


def flat(pc, area=None, psus=8, **more):
    """Return a survey of two households a PSU with some welfare."""
    n = len(pc)
    frame = {"hid": np.arange(n), "hhweight": [1.7] * n, "ea": np.arange(n) % psus, "pc": pc, "size": [1] * n}
    return sp.Survey(frame | ({} if area is None else {"area": area}) | more, welfare="pc", psu="ea", size="size")


EVERYTHING = [
    sp.Inequality(["gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy"], epsilon=0.5, alpha=2),
    sp.Inequality(["atkinson", "generalized_entropy"]),
    sp.Inequality(["generalized_entropy"], alpha=0),
    sp.Lorenz([0.3]),
    sp.Quantile([0.3]),
    sp.Poverty(100.0, measures="watts"),
]


def test_all_equal_is_no_inequality_in_any_replicate():
    made = sp.estimate(flat([7.3] * 16), EVERYTHING, by=["bottom40"], replicates=sp.Bootstrap(30))
    expected = {"palma": 0.25, "quintile_ratio": 1, "lorenz": 0.3, "quantile": 7.3, "watts": math.log(100 / 7.3)}
    for i, row in enumerate(made.rows):
        found = np.r_[made.value[i], made.draws[:, i]]
        if row.level == "Top 60":  # all are at the cut, so that nobody is above it
            assert np.isnan(found).all()
            assert "empty" in made.flags[i]
            continue
        if row.statistic in expected:
            assert found.tolist() == pytest.approx([expected[row.statistic]] * 31, rel=1e-14)
        else:
            assert found.tolist() == [0.0] * 31, row
            assert made.se[i] == 0
            assert np.isnan([made.ci_low[i], made.ci_high[i]]).all()
            assert "no interval" in made.flags[i]


def test_no_index_of_inequality_is_below_0_in_any_replicate():
    pc = 1 / 3 * np.r_[np.ones(14), 1 + 1e-15, 1 + 2e-15]
    made = sp.estimate(flat(pc), EVERYTHING[:3], replicates=sp.Bootstrap(200))
    lowest = {"palma": 0.25 - 1e-14, "quintile_ratio": 1 - 1e-14}
    for i, row in enumerate(made.rows):
        assert min(made.value[i], made.draws[:, i].min()) >= lowest.get(row.statistic, 0), row


def test_a_level_of_one_household_and_one_that_some_replicates_lack():
    area = ["one", *["few"] * 2, *["many"] * 13]
    pc = [40, 10, 30, *range(10, 140, 10)]
    bootstrap = sp.Bootstrap(40, seed=2)
    survey = flat(pc, area, psus=16)
    made = sp.estimate(survey, EVERYTHING, by=["area"], replicates=bootstrap)
    drawn = np.array([[float(f) for f in row] for row in factors(survey, bootstrap)])
    alone = {"palma": 0.25, "quintile_ratio": 1.0, "lorenz": 0.3, "quantile": 40.0, "watts": math.log(100 / 40)}
    for i, row in enumerate(made.rows):
        if row.level not in ("one", "few"):
            continue
        here = drawn[:, [0] if row.level == "one" else [1, 2]]
        gone = here.sum(axis=1) == 0
        assert gone.any()
        assert np.isnan(made.draws[:, i]).tolist() == gone.tolist(), row
        assert f"failed {gone.sum()}" in made.flags[i].split(";")
        assert "n<25" in made.flags[i].split(";")
        if row.level == "one":
            expected = alone.get(row.statistic, 0.0)
            assert made.value[i] == pytest.approx(expected, abs=1e-15)
            assert made.draws[~gone, i].tolist() == pytest.approx([expected] * (~gone).sum(), abs=1e-15)


def test_ties_at_the_cut_all_belong_below_it():
    made = sp.estimate(
        flat([10] * 3 + [20] * 9 + [30] * 4),
        [sp.Inequality(), sp.MeanWelfare()],
        by=["bottom40", "decile"],
        replicates=sp.Bootstrap(2),
    )
    level = {(row.by, row.level): row.n for row in made.rows}
    assert level["bottom40", "Bottom 40"] == 12
    # Of 16 people deciles end at 1.6, 3.2, ...: at 10, 20 seven times, then 30: whoever has 20 is in the second.
    assert [level["decile", str(k)] for k in range(1, 11)] == [3, 9, 0, 0, 0, 0, 0, 4, 0, 0]


def test_persons_with_weights_of_their_own():
    frames = toy_frames(4)
    survey = sp.Survey(*frames, **DESIGN, person_weight="own_weight")
    hand = ByHand(survey, frames)
    own = [int(w) for w in hand.p["own_weight"]]
    y = [Fraction(int(hand.h["pc"][i])) for i in hand.home]
    people = [sum(w for w, home in zip(own, hand.home, strict=True) if home == i) for i in range(len(hand.psu))]
    made = sp.estimate(survey, STATISTICS, by=["sex", "quintile", ("sex", "bottom40")], replicates=REPLICATES)
    for replicate, factor in enumerate([hand.one, *factors(survey, REPLICATES)]):
        weight = [w * factor[hand.psu[i]] for w, i in zip(own, hand.home, strict=True)]
        homes = [n * factor[psu] for n, psu in zip(people, hand.psu, strict=True)]
        labels = {"all": ["all"] * len(own), "sex": hand.p["sex"]}
        for name, shares in (("quintile", [Fraction(k, 5) for k in range(1, 5)]), ("bottom40", [Fraction(2, 5)])):
            cuts = [oracles.quantile(hand.welfare["before"], homes, share) for share in shares]
            labels[name] = [CLASS_LABELS[name][sum(v > cut for cut in cuts)] for v in y]
        labels["sex x bottom40"] = [" x ".join(row) for row in zip(labels["sex"], labels["bottom40"], strict=True)]
        for i, row in enumerate(made.rows):
            rows = [k for k, level in enumerate(labels[row.by]) if level == row.level]
            found = made.value[i] if replicate == 0 else made.draws[replicate - 1, i]
            expected = float(oracle_of(row)([y[k] for k in rows], [weight[k] for k in rows]))
            close(found, expected, row)


# -- what a statistic does not take -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "parts"),
    [
        (lambda: sp.Lorenz(None), sp.InputTypeError, ("points must be", "None is of type NoneType")),
        (lambda: sp.Quantile(None), sp.InputTypeError, ("q must be", "None is of type NoneType")),
        (lambda: sp.Quantile("0.4"), sp.InputTypeError, ("q must be", "'0.4' is of type str")),
        (lambda: sp.Quantile([0.4, "x"]), sp.InputTypeError, ("q must be", "'x' is of type str")),
        (lambda: sp.Quantile(True), sp.InputTypeError, ("q must be", "True is of type bool")),
        (lambda: sp.Lorenz([]), sp.InputError, ("There must be", "none came", "Name")),
        (lambda: sp.Lorenz([0.5, 1]), sp.InputError, ("points must be in (0, 1)", "it is 1", "Correct")),
        (lambda: sp.Lorenz([NAN]), sp.InputError, ("points must be", "nan", "Correct")),
        (lambda: sp.Quantile([-0.1]), sp.InputError, ("q must be in (0, 1)", "it is -0.1", "Correct")),
        (lambda: sp.Inequality([]), sp.InputError, ("a measure of inequality", "none came", "Name")),
        (lambda: sp.Inequality(["theil"]), sp.InputError, ("measure of inequality must be one of 'gini'", "'theil'")),
        (lambda: sp.Inequality(None), sp.InputTypeError, ("measures of inequality must be a list", "None")),
        (lambda: sp.Inequality([1]), sp.InputTypeError, ("measures of inequality must hold str", "1 is of type int")),
        (lambda: sp.Inequality(epsilon=-1), sp.InputError, ("epsilon must be 0 or more", "it is -1")),
        (lambda: sp.Inequality(alpha="1"), sp.InputTypeError, ("alpha must be a number", "'1' is of type str")),
        (lambda: sp.Inequality(alpha=INF), sp.InputError, ("alpha must be finite", "inf")),
        (lambda: sp.Poverty(9, measures=["wats"]), sp.InputError, ("poverty must be one of", "'wats'", "'watts'")),
        (lambda: sp.Poverty(9, measures=[]), sp.InputError, ("a measure of poverty", "none came", "Name")),
    ],
)
def test_what_a_statistic_does_not_take(call, error, parts):
    refused(call, *parts, error=error)


def test_shares_may_be_any_kind_of_number():
    half = np.array([0.5])
    for share in (0.5, np.float32(0.5), np.float64(0.5), [0.5], (0.5,), half, half.astype(np.float32)):
        assert sp.Quantile(share).q == sp.Lorenz(share).points == (0.5,)


@pytest.mark.parametrize(
    ("statistics", "pc", "parts"),
    [
        (
            [sp.Poverty(5, measures="watts")],
            [0],
            ("Watts index needs welfare above 0 for all who are poor", "hid 0: 0"),
        ),
        ([sp.Inequality(["atkinson"])], [0], ("'atkinson' needs welfare above 0 in every row", "hid 0: 0", "drop")),
        ([sp.Inequality(["generalized_entropy"], alpha=0)], [0], ("'generalized_entropy' needs welfare above 0", "0")),
        ([sp.Inequality(["generalized_entropy"])], [-1], ("needs welfare of 0 or more", "hid 0: -1", "Set")),
        ([sp.Inequality(["quintile_ratio"])], [-1], ("needs welfare of 0 or more", "hid 0: -1", "Set")),
        ([sp.Lorenz()], [-1], ("Lorenz curve needs welfare of 0 or more", "hid 0: -1", "Set")),
        ([sp.Inequality(["atkinson"]), sp.Inequality(["atkinson"])], [1], ("name of its own", "'atkinson epsilon=1")),
        ([sp.Lorenz([0.5, 0.5])], [1], ("name of its own", "lorenz p=0.5")),
    ],
)
def test_welfare_of_which_a_statistic_has_no_value(statistics, pc, parts):
    refused(lambda: sp.estimate(flat(pc + [10] * 15), statistics, replicates=sp.Bootstrap(2)), *parts)


def test_zero_is_welfare_where_the_measure_is_defined():
    survey = flat([0] + [10] * 15)
    statistics = [
        sp.Inequality(["atkinson", "generalized_entropy", "gini"], epsilon=0.5),
        sp.Lorenz(),
        sp.Quantile(0.01),
    ]
    assert np.isfinite(sp.estimate(survey, statistics, replicates=sp.Bootstrap(2)).value).all()


def test_one_survey_has_several_parameters_of_one_measure():
    survey = flat(list(range(1, 17)))
    statistics = [sp.Inequality(["atkinson", "generalized_entropy"], epsilon=e, alpha=e) for e in (0, 0.5, 1, 2)]
    made = sp.estimate(survey, statistics, replicates=sp.Bootstrap(2))
    assert [row.param for row in made.rows] == [
        f"{n}={e}" for e in ("0", "0.5", "1", "2") for n in ("epsilon", "alpha")
    ]
    y = list(range(1, 17))
    expected = [f(y, [1] * 16, e) for e in (0, 0.5, 1, 2) for f in (oracles.atkinson, oracles.generalized_entropy)]
    assert made.value.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-15)
