"""Replicate designs: factors by hand, variances of totals by the textbook, and everything that is refused."""

import json
import pickle
import shutil
import subprocess
import warnings
from collections import Counter
from fractions import Fraction
from itertools import combinations
from math import sqrt

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob._hadamard import hadamard, order_above
from sp2lnob._parallel import LANES
from sp2lnob.design import SINGLE_PSU

from . import oracles
from ._data import lacking

# -- surveys and textbook formulas ------------------------------------------------------------------------------------

SIZES = (2, 3, 5, 9)


def frame_of(sizes=SIZES, per_psu=3, seed=1, **columns):
    """Return households in strata of so many PSUs, with whole weights and values."""
    rng = np.random.default_rng(seed)
    stratum = np.repeat(np.arange(len(sizes)), np.array(sizes) * per_psu)
    n = len(stratum)
    made = {
        "hid": np.arange(n) + 1,
        "n": np.ones(n, dtype=int),
        "hhweight": rng.integers(1, 6, n),
        "y": rng.integers(1, 50, n),
        "ea": np.arange(n) // per_psu + 1,
        "stratum": stratum + 1,
    }
    return made | {name: values(made) for name, values in columns.items()}


def survey_of(frame, **instead):
    return sp.Survey(frame, **{"size": "n", "welfare": "y", "psu": "ea", "strata": "stratum", **instead})


def all_factors(bound):
    """Return the factors of every replicate and unit."""
    groups = -(-bound.n // LANES)
    made = bound.source.factors(1, groups)
    assert made.shape == (groups, bound.units, LANES)
    assert made.dtype == np.float64
    assert made.flags.c_contiguous
    return np.moveaxis(made, 1, 2).reshape(-1, bound.units)[: bound.n]


def expanded(survey):
    """Return weight times value of every household."""
    return survey.weight * survey.welfare


def spread(survey, design, mse=None):
    """Return the variance of the total that a design's replicates and scales give."""
    bound = design.bind(survey)
    by_unit = np.bincount(bound.unit, expanded(survey), bound.units)
    total, draws = by_unit.sum(), all_factors(bound) @ by_unit
    of = bound.variance
    kept = draws[of.rscales > 0]
    center = total if (of.mse if mse is None else mse) else kept.mean()
    main = of.scale * (of.rscales * (draws - center) ** 2).sum()
    return of.inflation * main + (of.beside * (bound.beside @ by_unit - total) ** 2).sum()


def variance_of(values):
    """Return n / (n - 1) times the sum of squares about the mean, exactly."""
    values = [Fraction(float(v)) for v in values]
    if len(values) < 2:
        return Fraction(0)
    mean = sum(values) / len(values)
    return Fraction(len(values), len(values) - 1) * sum((v - mean) ** 2 for v in values)


def taylor(frame, survey, f1=None, f2=None):
    """Return the textbook variance of the total; f1 by stratum and f2 by PSU, of the labels in the frame."""
    row = {hid: i for i, hid in enumerate(frame["hid"])}
    order = [row[hid] for hid in survey.household_column("hid").values]
    stratum, ea = np.array(frame["stratum"])[order], np.array(frame["ea"])[order]
    u = expanded(survey)
    total = Fraction(0)
    for h in np.unique(stratum):
        f = Fraction((f1 or {}).get(h, 0))
        total += (1 - f) * variance_of([u[ea == p].sum() for p in np.unique(ea[stratum == h])])
        for p in np.unique(ea[stratum == h]) if f2 else ():
            total += f * (1 - Fraction(f2[p])) * variance_of(u[ea == p])
    return float(total)


F1 = {1: Fraction(1, 2), 2: Fraction(1, 4), 3: Fraction(5, 6), 4: Fraction(9, 10)}


def with_fpc(sizes=SIZES, **given):
    """Return a frame with the number of PSUs in the population of its strata, as in F1."""
    return frame_of(sizes, population=lambda made: [SIZES[h - 1] / F1[h] for h in made["stratum"]], **given)


def quiet(frame, **given):
    """Return a survey whose second stage is left out, without being told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SP2LNOBWarning)
        return survey_of(frame, **given)


# -- the bootstrap ----------------------------------------------------------------------------------------------------


def times_drawn(seed, replicate, sizes, draws, purpose=0):
    """Draw j of stratum h is word j mod 4 of the counter (replicate, h, j div 4, purpose): unit (word n_h) / 2^32."""
    counts = []
    for h, (size, m) in enumerate(zip(sizes, draws, strict=True)):
        here = [0] * size
        for j in range(m):
            word = oracles.philox4x32((replicate, h, j // 4, purpose), (seed & 0xFFFFFFFF, seed >> 32))[j % 4]
            here[word * size >> 32] += 1
        counts.append(here)
    return counts


def rao_wu(n, m, f, t):
    """Return the textbook factor."""
    strength = sqrt(m * (1 - f) / (n - 1))
    return 1 - strength + strength * n / m * t


@pytest.mark.parametrize("draws", [None, 1])
@pytest.mark.parametrize("fpc", [None, "population"])
def test_bootstrap_factors_are_those_of_rao_and_wu(draws, fpc):
    survey = quiet(with_fpc(), fpc=fpc)
    bound = sp.Bootstrap(19, seed=5, draws=draws).bind(survey)
    assert bound.unit.tolist() == survey.design.psu.tolist()
    m = [draws or n - 1 for n in SIZES]
    f = [float(F1[h]) if fpc else 0 for h in (1, 2, 3, 4)]
    for r, row in enumerate(all_factors(bound), 1):
        drawn = times_drawn(5, r, SIZES, m)
        expected = [rao_wu(n, k, g, t) for n, k, g, here in zip(SIZES, m, f, drawn, strict=True) for t in here]
        assert row.tolist() == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_bootstrap_without_fpc_is_a_count_times_a_constant_to_the_last_bit():
    survey = survey_of(frame_of())
    for r, row in enumerate(all_factors(sp.Bootstrap(16, seed=2**40).bind(survey)), 1):
        drawn = times_drawn(2**40, r, SIZES, [n - 1 for n in SIZES])
        assert row.tolist() == [t * (n / (n - 1)) for n, here in zip(SIZES, drawn, strict=True) for t in here]


def test_two_stage_factors_are_those_of_rao_wu_yue_and_beaumont():
    frame = with_fpc(per_psu=4, homes=lambda made: [5 + ea % 3 for ea in made["ea"]])
    survey = survey_of(frame, fpc=["population", "homes"])
    bound = sp.Bootstrap(11, seed=3).bind(survey)
    assert bound.unit.tolist() == list(range(survey.n_households))
    assert bound.psu_of_unit.tolist() == survey.design.psu.tolist()
    for r, row in enumerate(all_factors(bound), 1):
        of_psus = times_drawn(3, r, SIZES, [n - 1 for n in SIZES])
        of_homes = times_drawn(3, r, [4] * sum(SIZES), [3] * sum(SIZES), purpose=3)
        expected, psu = [], 0
        for h, n in enumerate(SIZES):
            f = float(F1[h + 1])
            c = sqrt(f / (2 - f))
            for t in of_psus[h]:
                f2 = 4 / (5 + (psu + 1) % 3)
                expected += [rao_wu(n, n - 1, f, t) * (1 - c + c * rao_wu(4, 3, f2, k)) for k in of_homes[psu]]
                psu += 1
        assert row.tolist() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("fpc", [None, "population", ["population", "homes"]])
def test_bootstrap_variance_is_taylor_s_in_expectation(fpc):
    frame = with_fpc(per_psu=4, homes=lambda made: [5 + ea % 3 for ea in made["ea"]])
    f2 = {p: Fraction(4, 5 + p % 3) for p in frame["ea"]} if isinstance(fpc, list) else None
    survey = quiet(frame, fpc=fpc)
    expected = taylor(frame, survey, F1 if fpc else None, f2)
    found = spread(survey, sp.Bootstrap(40_000, seed=9))
    # The coefficient of variation of a variance over B replicates of a total is about sqrt(2 / B), here 0.7 %.
    assert found == pytest.approx(expected, rel=4 * sqrt(2.5 / 40_000))
    if f2:  # the second stage is no trifle that the tolerance hides
        assert expected > 1.15 * taylor(frame, survey, F1)


@pytest.mark.parametrize("draws", [None, 1, 2])
def test_bootstrap_factors_are_never_negative(draws):
    sizes = (2, 3, 4, 7)
    rng = np.random.default_rng(draws)
    for _ in range(20):
        f1, f2 = rng.uniform(0.5, 1, 4), rng.uniform(0.01, 1, sum(sizes))
        frame = frame_of(sizes, f1=lambda made, f=f1: f[made["stratum"] - 1], f2=lambda made, f=f2: f[made["ea"] - 1])
        survey = survey_of(frame, fpc=["f1", "f2"])
        assert all_factors(sp.Bootstrap(64, draws=draws).bind(survey)).min() >= 0


def test_a_census_of_psus_keeps_them_all_and_draws_their_households():
    frame = frame_of((2, 4), f1=lambda made: np.where(made["stratum"] == 1, 1, 0.5), f2=lambda made: made["n"] * 0.25)
    survey = survey_of(frame, fpc=["f1", "f2"])
    found = all_factors(sp.Bootstrap(4000).bind(survey))[:, :6]
    assert found.std(axis=0).min() > 0.5  # b alone: sqrt(1 - f2) sqrt(n - 1) n / (n - 1) ... is 0.87 or so
    by_psu = found.reshape(-1, 2, 3).mean(axis=2)
    assert by_psu == pytest.approx(np.ones_like(by_psu))  # two of three are drawn: what one loses the others gain
    with pytest.warns(sp.SP2LNOBWarning, match="second stage"):
        survey = survey_of(frame, fpc="f1")
    assert (all_factors(sp.Bootstrap(8).bind(survey))[:, :2] == 1).all()


NOTHING = [
    ((1, 1, 1), {"single_psu": "certainty"}),
    ((1, 1, 1), {"single_psu": "centered"}),
    ((2, 3), {"fpc": "all"}),
    ((2, 3), {"fpc": ["all", "all"]}),
    ((1, 1, 1), {"fpc": ["half", "all"], "single_psu": "certainty"}),
]


@pytest.mark.filterwarnings("ignore:The variance within PSUs should count")
@pytest.mark.parametrize(("sizes", "given"), NOTHING)
def test_a_bootstrap_with_nothing_to_draw_is_refused_as_the_jackknife_is(sizes, given):
    frame = frame_of(sizes, all=lambda made: made["n"], half=lambda made: made["n"] * 0.5)
    survey = quiet(frame, **given)
    for design in (sp.Jackknife(), sp.Bootstrap(8)):
        with pytest.raises(sp.InputError, match="A stratum must have two PSUs or more"):
            design.bind(survey)


def test_a_bootstrap_that_draws_households_alone_is_one():
    frame = frame_of((1, 2), all=lambda made: made["n"], half=lambda made: made["n"] * 0.5)
    survey = survey_of(frame, fpc=["all", "half"], single_psu="certainty")
    expected = taylor(frame, survey, {1: 1, 2: 1}, dict.fromkeys(frame["ea"], Fraction(1, 2)))
    assert spread(survey, sp.Bootstrap(40_000)) == pytest.approx(expected, rel=4 * sqrt(2.5 / 40_000))


# -- the jackknife ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fpc", [None, "population"])
def test_jackknife_variance_is_taylor_s(fpc):
    frame = with_fpc()
    survey = quiet(frame, fpc=fpc)
    bound = sp.Jackknife().bind(survey)
    assert bound.n == sum(SIZES)
    assert bound.variance.mse
    assert not bound.variance.may_lose
    assert bound.variance.scale == 1
    assert spread(survey, sp.Jackknife()) == pytest.approx(taylor(frame, survey, F1 if fpc else None), rel=1e-12)
    for r, row in enumerate(all_factors(bound)):
        (out,) = np.flatnonzero(row == 0)
        assert out == r
        assert row.sum() == pytest.approx(sum(SIZES))
    # Of a linear statistic the bias is 0, and that of a square is its variance.
    by_psu = np.bincount(bound.unit, expanded(survey))
    draws, of = all_factors(bound) @ by_psu, bound.variance
    assert of.bias_scale * (of.rscales * (draws**2 - by_psu.sum() ** 2)).sum() == pytest.approx(
        taylor(frame, survey, F1 if fpc else None), rel=1e-9
    )


def test_jackknife_of_one_stratum_is_jk1():
    frame = frame_of((7,), f=lambda made: made["n"] * 0.04)
    for fpc, f in ((None, 0), ("f", Fraction(0.04))):
        survey = survey_of(frame, strata=None, fpc=fpc)
        bound = sp.Jackknife().bind(survey)
        assert not bound.variance.mse  # R's words: mse=TRUE is for the asking
        assert bound.variance.scale == pytest.approx(6 / 7 * (1 - float(f)))
        assert (bound.variance.rscales == 1).all()
        for design in (
            sp.Jackknife(),
            sp.Jackknife("JK1", mse=True),
            sp.Jackknife("JKn"),
            sp.Jackknife("JKn", mse=False),
        ):
            assert spread(survey, design) == pytest.approx(taylor(frame, survey, {1: f}), rel=1e-12)
        assert sp.Jackknife("JKn").bind(survey).variance.mse


# -- balanced half samples --------------------------------------------------------------------------------------------


def test_hadamard_matrices_are_hadamard_with_a_constant_first_row():
    orders = [1]
    while orders[-1] < 256:
        orders.append(order_above(orders[-1]))
    assert sorted(set(range(4, 257, 4)) - set(orders)) == [92, 116, 156, 172, 184, 188, 232, 236]
    for order in [*orders, 1000]:
        matrix = hadamard(order).astype(float)
        assert (np.abs(matrix) == 1).all()
        assert (matrix @ matrix.T == order * np.eye(order)).all(), order
        assert (matrix[0] == 1).all()


@pytest.mark.parametrize("fay", [0.0, 0.3])
@pytest.mark.parametrize("strata", [1, 3, 4, 11, 30])
def test_brr_is_balanced_and_its_variance_is_taylor_s_about_either_center(strata, fay):
    frame = frame_of((2,) * strata, seed=strata)
    survey = survey_of(frame)
    bound = sp.BRR(fay).bind(survey)
    assert bound.n == order_above(strata)
    found = all_factors(bound)
    assert set(found.ravel().round(12)) == {fay, 2 - fay}
    pairs = found.reshape(bound.n, strata, 2)
    assert (pairs.sum(axis=2) == 2).all()
    first = pairs[:, :, 0] > 1
    assert (first.sum(axis=0) == bound.n / 2).all()
    for a, b in combinations(range(strata), 2):
        assert set(Counter(zip(first[:, a], first[:, b], strict=True)).values()) == {bound.n / 4}
    for mse in (True, False):
        assert spread(survey, sp.BRR(fay), mse) == pytest.approx(taylor(frame, survey), rel=1e-12)


def test_brr_leaves_out_fpc_and_says_so():
    frame = frame_of((2, 2), f=lambda made: made["n"] * 0.04)
    survey = survey_of(frame, fpc="f")
    with pytest.warns(sp.SP2LNOBWarning, match="BRR cannot use fpc"):
        assert spread(survey, sp.BRR()) == pytest.approx(taylor(frame, survey), rel=1e-12)


# -- successive differences -------------------------------------------------------------------------------------------


def chained(values):
    """Return half the sum of squared differences between neighbors in a closed chain."""
    values = [Fraction(float(v)) for v in values]
    return sum((a - b) ** 2 for a, b in zip(values, values[1:] + values[:1], strict=True)) / 2


@pytest.mark.parametrize("fpc", [None, "population"])
@pytest.mark.parametrize("n", [None, 32, 100])
def test_successive_differences_with_a_row_for_every_unit_are_exact(fpc, n):
    place = np.random.default_rng(3).permutation(sum(SIZES))
    frame = with_fpc(place=lambda made: place[made["ea"] - 1])
    survey = quiet(frame, fpc=fpc)
    expected = Fraction(0)
    for h in F1:
        psus = sorted(set(frame["ea"][frame["stratum"] == h]), key=lambda p: place[p - 1])
        totals = [(frame["hhweight"] * frame["y"])[frame["ea"] == p].sum() for p in psus]
        expected += (1 - (F1[h] if fpc else 0)) * chained(totals)
    design = sp.SuccessiveDifference("place", n=n)
    bound = design.bind(survey)
    assert bound.n == {None: 20, 32: 32, 100: 100}[n]
    found = all_factors(bound)
    if not fpc:
        assert np.unique(found.round(9)) == pytest.approx([1 - sqrt(0.5), 1, 1 + sqrt(0.5)], abs=1e-8)
    for mse in (True, False):
        assert spread(survey, design, mse) == pytest.approx(float(expected), rel=1e-12)


def test_successive_differences_of_two_units_is_the_square_of_their_difference():
    frame = {"hid": [1, 2], "n": [1, 1], "hhweight": [2, 3], "y": [10, 7], "place": [2, 1]}
    survey = sp.Survey(frame, size="n", welfare="y")
    assert spread(survey, sp.SuccessiveDifference("place")) == pytest.approx(1, rel=1e-12)  # (20 - 21)^2


def test_columns_of_the_order_decide_one_after_the_other_and_text_by_its_letters():
    frame = {"hid": [1, 2, 3, 4], "n": [1] * 4, "hhweight": [1] * 4, "y": [1, 10, 100, 1000]}
    frame |= {"area": ["b", "a", "b", "a"], "place": [1, 2, 0, 1]}
    survey = sp.Survey(frame, size="n", welfare="y")
    expected = float(chained([1000, 10, 100, 1]))
    assert spread(survey, sp.SuccessiveDifference(["area", "place"])) == pytest.approx(expected, rel=1e-12)
    # What all columns leave open, the order of households closes.
    assert spread(survey, sp.SuccessiveDifference("area")) == pytest.approx(
        float(chained([10, 1000, 1, 100])), rel=1e-12
    )


def test_an_order_of_numbers_as_text_must_sort_as_they_do():
    frame = frame_of((12,), 1) | {"place": [str(i) for i in range(1, 13)], "padded": [f"{i:02}" for i in range(1, 13)]}
    frame["ordered"] = pd.Categorical(frame["place"], [str(i) for i in range(1, 13)], ordered=True)
    frame["mixed"] = [*frame["place"][:-1], "last"]
    survey = survey_of(pd.DataFrame(frame))
    with pytest.raises(sp.InputError, match="'place' must sort as it was sampled, but it is text, of which '12' comes"):
        sp.SuccessiveDifference("place").bind(survey)
    right = spread(survey, sp.SuccessiveDifference("ea"))
    for name in ("padded", "ordered"):
        assert spread(survey, sp.SuccessiveDifference(name)) == pytest.approx(right, rel=1e-12)
    assert sp.SuccessiveDifference("mixed").bind(survey).n == 16  # words: their letters decide


@pytest.mark.parametrize("sizes", [(21,), (20,), (5, 7, 6), (8,), (2,) * 10, (9, 9), (15,), (7, 8)])
def test_rows_are_neighbors_twice_only_where_units_outnumber_pairs(sizes):
    # Seven rows make 21 pairs, and seven units to a round.
    survey = survey_of(frame_of(sizes, 1), psu=None)
    source = sp.SuccessiveDifference("hid", n=8).bind(survey).source
    at = 0
    following = []
    for size in sizes:
        one, two = source.one[at : at + size], source.two[at : at + size]
        assert (one != two).all()
        assert (two == np.roll(one, -1)).all()
        assert one.min() >= 1
        following += [frozenset(pair) for pair in zip(one[:-2], two[:-2], strict=True)]  # but for the chain's end
        at += size
    assert max(Counter(following).values(), default=1) == 1


def test_successive_differences_hold_on_average_where_rows_are_few():
    rng = np.random.default_rng(1)
    found, expected = [], []
    for seed in range(60):
        frame = frame_of((60, 41), 1, seed)
        frame["y"] = rng.permutation(frame["y"])
        survey = survey_of(frame, psu=None)
        found.append(spread(survey, sp.SuccessiveDifference("hid", n=24)))
        u = expanded(survey)
        expected.append(float(chained(u[:60]) + chained(u[60:])))
    ratio = np.array(found) / expected
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / sqrt(60)
    assert ratio.std() < 0.5


def test_by_default_there_are_at_most_160_replicates():
    survey = survey_of(frame_of((300,), 1), psu=None)
    assert sp.SuccessiveDifference("hid").bind(survey).n == 160
    assert sp.SuccessiveDifference("hid", n=301).bind(survey).n == 304


# -- every design -----------------------------------------------------------------------------------------------------


def designs():
    """Return every design with a survey it fits."""
    frame = frame_of((2, 2, 2), 4, homes=lambda made: [5] * 24, population=lambda made: [50] * 24)
    factors = np.random.default_rng(4).uniform(0, 2, (13, 24))
    frame |= {f"rw{r}": factors[r] * frame["hhweight"] for r in range(13)}
    plain, staged = survey_of(frame), survey_of(frame, fpc=["population", "homes"])
    return {
        "bootstrap": (plain, sp.Bootstrap(37)),
        "two stages": (staged, sp.Bootstrap(37)),
        "jackknife": (plain, sp.Jackknife()),
        "brr": (plain, sp.BRR(0.5)),
        "successive": (plain, sp.SuccessiveDifference("ea", n=20)),
        "columns": (plain, sp.ReplicateColumns("rw*", "bootstrap")),
    }


@pytest.mark.parametrize("name", designs())
def test_factors_do_not_depend_on_the_block(name):
    survey, design = designs()[name]
    bound = design.bind(survey)
    whole = all_factors(bound)
    for first in range(1, bound.n + 1, 3):
        block = np.moveaxis(bound.source.factors(first, 2), 1, 2).reshape(16, bound.units)
        assert np.isfinite(block).all()
        rows = min(16, bound.n + 1 - first)
        assert np.array_equal(block[:rows], whole[first - 1 : first - 1 + rows])


@pytest.mark.parametrize("name", designs())
def test_designs_can_be_pickled_told_and_compared(name):
    survey, design = designs()[name]
    bound = design.bind(survey)
    again = pickle.loads(pickle.dumps(bound))  # noqa: S301
    assert np.array_equal(all_factors(again), all_factors(bound))
    told = json.loads(json.dumps(design.told()))
    assert told.pop("method") == type(design).method
    assert type(design)(**told) == design
    assert bound.unit.dtype == bound.psu_of_unit.dtype == np.int32
    assert np.array_equal(bound.psu_of_unit[bound.unit], survey.design.psu)
    assert bound.variance.rscales.shape == (bound.n,)
    assert bound.df is None
    with pytest.raises(AttributeError):
        design.kind = "other"


# -- strata of one PSU ------------------------------------------------------------------------------------------------


LONELY = (1, 3, 1, 4, 1, 1, 2, 1)


@pytest.mark.parametrize(
    ("words", "rule"), [("fail", "error"), ("remove", "certainty"), ("average", "scaled"), ("adjust", "centered")]
)
def test_words_of_r_are_understood(words, rule):
    assert survey_of(frame_of(), single_psu=words).single_psu == rule
    assert rule in SINGLE_PSU


DESIGNS = (sp.Jackknife(), sp.SuccessiveDifference("ea"), sp.Bootstrap(64))


def others(frame, survey):
    """Return Taylor's variance of strata of two PSUs or more."""
    return taylor(frame, survey)  # one PSU has no spread


def test_certainty_adds_nothing():
    frame = frame_of(LONELY)
    survey = survey_of(frame, single_psu="certainty")
    lone = np.flatnonzero(np.repeat(np.array(LONELY) == 1, LONELY))
    for design in DESIGNS:
        assert (all_factors(design.bind(survey))[:, lone] == 1).all()
    assert spread(survey, sp.Jackknife()) == pytest.approx(taylor(frame, survey), rel=1e-12)
    assert survey.design.df == sum(LONELY) - len(LONELY)


def test_scaled_lets_them_count_as_the_average():
    frame = frame_of(LONELY)
    survey = survey_of(frame, single_psu="scaled")
    assert spread(survey, sp.Jackknife()) == pytest.approx(taylor(frame, survey) * 8 / 3, rel=1e-12)
    assert survey.design.df == sum(LONELY) - len(LONELY)


def test_scaled_leaves_the_second_stage_alone():
    frame = frame_of(LONELY, 4, f=lambda made: made["n"] * 0.5, g=lambda made: made["n"] * 0.25)
    survey = survey_of(frame, fpc=["f", "g"], single_psu="scaled")
    half = dict.fromkeys(range(1, 9), Fraction(1, 2))
    first = taylor(frame, survey, half)
    both = taylor(frame, survey, half, dict.fromkeys(frame["ea"], Fraction(1, 4)))
    expected = first * 8 / 3 + (both - first)
    assert spread(survey, sp.Bootstrap(40_000)) == pytest.approx(expected, rel=4 * sqrt(2.5 / 40_000))
    assert both * 8 / 3 > 1.15 * expected  # the tolerance does not hide it


def test_scaled_two_stages_have_r_s_standard_error():
    # R's survey: svytotal of svydesign(~ea + hid, strata = ~st, fpc = ~N + M) under lonely.psu = "average".
    rng = np.random.default_rng(1)
    frame = {
        "hid": np.arange(1, 61),
        "ea": np.repeat([1, 2, 3], 20),
        "stratum": np.repeat([1, 2, 2], 20),
        "hhweight": np.full(60, 3.0),
        "n": np.ones(60),
        "y": rng.uniform(10, 20, 60) + np.repeat([0, 0, 0.3], 20),
        "N": np.repeat([1.25, 2.5, 2.5], 20),
        "M": np.full(60, 60.0),
    }
    survey = survey_of(frame, single_psu="scaled", fpc=["N", "M"])
    assert sqrt(spread(survey, sp.Bootstrap(40_000))) == pytest.approx(56.55619, rel=2 * sqrt(2.5 / 40_000))
    # What is exported says the same.
    table = sp.replicate_weights(survey, sp.Bootstrap(40_000))
    totals = table.iloc[:, 2:].to_numpy().T @ frame["y"]
    variance = table.attrs["scale"] * ((totals - totals.mean()) ** 2).sum()
    assert variance == pytest.approx(spread(survey, sp.Bootstrap(40_000)), rel=1e-9)


def test_centered_measures_them_from_the_mean_of_all():
    frame = frame_of(LONELY)
    survey = survey_of(frame, single_psu="centered")
    by_stratum = np.bincount(np.array(frame["stratum"]) - 1, frame["hhweight"] * frame["y"])
    mean = Fraction(int(by_stratum.sum()), 8)
    lone = sum((int(t) - mean) ** 2 for t, m in zip(by_stratum, LONELY, strict=True) if m == 1) * Fraction(8, 7)
    expected = taylor(frame, survey) + float(lone)
    assert spread(survey, sp.Jackknife()) == pytest.approx(expected, rel=1e-12)
    assert sp.Jackknife().bind(survey).beside.shape == (5, survey.design.psus)
    with pytest.raises(sp.InputError, match="5 strata of one PSU are centered"):
        sp.replicate_weights(survey, sp.Jackknife())


COLLAPSES = [
    (LONELY, [[0, 2], [1], [3], [4, 5, 7], [6]]),
    ((1, 1), [[0, 1]]),
    ((1, 1, 1), [[0, 1, 2]]),
    ((1, 1, 1, 1), [[0, 1], [2, 3]]),
    ((1, 3, 2), [[0, 1], [2]]),
    ((3, 1, 2), [[0, 1], [2]]),
    ((3, 2, 1), [[0], [1, 2]]),
]


@pytest.mark.parametrize(("sizes", "unions"), COLLAPSES)
def test_collapse_joins_neighbors(sizes, unions):
    frame = frame_of(sizes)
    survey = survey_of(frame, single_psu="collapse")
    design = survey.design
    assert design.psus_by_stratum.tolist() == [sum(sizes[h] for h in union) for union in unions]
    assert design.stratum_labels == tuple(" + ".join(str(h + 1) for h in union) for union in unions)
    assert design.df == sum(sizes) - len(unions)
    assert design.single_psu_strata == ()
    assert [design.psu_labels[p] for p in design.psu] == [str(ea) for ea in frame["ea"]]
    into = {h + 1: u for u, union in enumerate(unions) for h in union}
    joined = frame | {"stratum": [into[h] for h in frame["stratum"]]}
    assert spread(survey, sp.Jackknife()) == pytest.approx(taylor(joined, survey_of(joined)), rel=1e-12)
    counts = np.diff(design.stratum_start)
    for row in all_factors(sp.Bootstrap(32).bind(survey)):
        assert np.add.reduceat(row, design.stratum_start[:-1]) == pytest.approx(counts)


def test_what_is_joined_has_the_fraction_of_both():
    sizes = (1, 3, 1)
    frame = frame_of(
        sizes, population=lambda made: np.array([4, 60, 6])[made["stratum"] - 1], homes=lambda made: made["ea"] + 9
    )
    survey = survey_of(frame, fpc=["population", "homes"], single_psu="collapse")
    assert survey.design.fraction.tolist() == pytest.approx([2 / 10, 3 / 60])
    assert [str(label) for label in survey.design.psu_labels] == ["1", "5", "2", "3", "4"]
    assert survey.design.second.tolist() == pytest.approx([3 / 10, 3 / 14, 3 / 11, 3 / 12, 3 / 13])
    bound = sp.Bootstrap(40_000).bind(survey)
    joined = frame | {"stratum": [{3: 1}.get(h, h) for h in frame["stratum"]]}
    expected = taylor(
        joined, survey, {1: Fraction(1, 5), 2: Fraction(1, 20)}, {p: Fraction(3, p + 9) for p in frame["ea"]}
    )
    assert bound.units == 15
    assert spread(survey, sp.Bootstrap(40_000)) == pytest.approx(expected, rel=4 * sqrt(2.5 / 40_000))


@pytest.mark.parametrize("rule", SINGLE_PSU)
def test_one_psu_of_one_is_a_census_under_any_rule(rule):
    frame = frame_of(
        (1, 4), population=lambda made: np.where(made["stratum"] == 1, 1, 100), homes=lambda made: made["n"] * 12
    )
    survey = survey_of(frame, fpc=["population", "homes"], single_psu=rule)
    assert not survey.design.lonely.any()
    bound = sp.Jackknife(mse=True)
    with pytest.warns(sp.SP2LNOBWarning, match="jackknife leaves it out"):
        assert spread(survey, bound) == pytest.approx(taylor(frame, survey, {1: 1, 2: Fraction(1, 25)}), rel=1e-12)
    expected = taylor(frame, survey, {1: 1, 2: Fraction(1, 25)}, dict.fromkeys(frame["ea"], Fraction(1, 4)))
    assert spread(survey, sp.Bootstrap(40_000)) == pytest.approx(expected, rel=4 * sqrt(2.5 / 40_000))


def test_a_lone_psu_kept_with_certainty_still_has_its_second_stage():
    frame = frame_of((1, 4), 5, f=lambda made: made["n"] * 0.5, g=lambda made: made["n"] * 0.1)
    survey = survey_of(frame, fpc=["f", "g"], single_psu="certainty")
    half = {1: Fraction(1, 2), 2: Fraction(1, 2)}
    expected = taylor(frame, survey, half, dict.fromkeys(frame["ea"], Fraction(1, 10)))
    assert spread(survey, sp.Bootstrap(40_000)) == pytest.approx(expected, rel=4 * sqrt(2.5 / 40_000))


def test_brr_takes_lone_psus_under_a_rule():
    frame = frame_of((2, 1, 2))
    survey = survey_of(frame, single_psu="certainty")
    assert (all_factors(sp.BRR().bind(survey))[:, 2] == 1).all()
    assert spread(survey, sp.BRR()) == pytest.approx(taylor(frame, survey), rel=1e-12)


# -- fpc --------------------------------------------------------------------------------------------------------------


def test_numbers_and_shares_say_the_same():
    frame = with_fpc(
        share=lambda made: [float(F1[h]) for h in made["stratum"]],
        homes=lambda made: made["n"] * 4,
        f2=lambda made: made["n"] * 0.75,
    )
    numbers = survey_of(frame, fpc=["population", "homes"]).design
    shares = survey_of(frame, fpc=("share", "f2")).design
    assert numbers.fraction.tolist() == pytest.approx([float(F1[h]) for h in F1])
    assert numbers.fraction == pytest.approx(shares.fraction)
    assert numbers.second.tolist() == shares.second.tolist() == [0.75] * sum(SIZES)
    assert survey_of(frame).design.fraction.tolist() == [0] * 4
    assert survey_of(frame).design.second is None


def test_households_that_are_their_own_psus_need_one_stage_alone():
    frame = frame_of(per_psu=1, share=lambda made: made["n"] * 0.5)
    survey = survey_of(frame, psu=None, fpc="share")  # and nothing is warned of
    assert spread(survey, sp.Jackknife()) == pytest.approx(
        taylor(frame, survey, dict.fromkeys(F1, Fraction(1, 2))), rel=1e-12
    )


def test_a_small_fraction_is_no_cause_for_a_warning():
    survey_of(frame_of(share=lambda made: made["n"] * 0.05), fpc="share")
    with pytest.warns(
        sp.SP2LNOBWarning,
        match=r"fpc should name a second stage where more than 5% .*fpc='share' names the first alone",
    ):
        survey_of(frame_of(share=lambda made: made["n"] * 0.051), fpc="share")


FPC = [
    (lambda: {"fpc": "none"}, "A column of the survey must be one that exists"),
    (lambda: {"fpc": 3}, "fpc must be a list"),
    (lambda: {"fpc": ["share", "share", "share"]}, "fpc must name at most 2 columns"),
    (lambda: {"fpc": ["share", "share"], "psu": None}, "fpc must name at most 1 column, but it names 2"),
    (
        lambda: {"fpc": "zero"},
        r"Every fpc 'zero' must be known and above 0, but 3 of 57 rows do not \(first: hid 1: 0.0",
    ),
    (lambda: {"fpc": "absent"}, r"Every fpc 'absent' must be known and above 0.*hid 1: nan"),
    (lambda: {"fpc": "mixed"}, r"All of fpc 'mixed' must be shares .* \(hid 1: 0.5; hid 7: 100\)"),
    (
        lambda: {"fpc": "few"},
        r"at least the number of PSUs in the sample, but in 1 of 4 it is not \(first: stratum 4: 8 and 9",
    ),
    (lambda: {"fpc": "ea"}, r"fpc 'ea' must be the same throughout a stratum.*stratum 1: 1 and 2"),
    (lambda: {"fpc": ["share", "hid"]}, r"fpc 'hid' must be the same throughout a PSU.*PSU 1: 1 and 2 and 3"),
    (lambda: {"fpc": ["share", "homes"]}, r"number of households in the sample.*PSU 19: 2 and 3 in the sample"),
    (lambda: {"fpc": "word"}, "fpc 'word' must be a number"),
]


@pytest.mark.parametrize(("given", "match"), FPC)
def test_wrong_fpc_is_refused(given, match):
    frame = frame_of(
        share=lambda made: made["n"] * 0.5,
        zero=lambda made: np.where(made["ea"] == 1, 0, 0.5),
        absent=lambda made: np.where(made["ea"] == 1, np.nan, 0.5),
        mixed=lambda made: np.where(made["stratum"] == 1, 0.5, 100),
        few=lambda made: made["n"] * 8,
        homes=lambda made: np.where(made["ea"] == 19, 2, 30),
        word=lambda made: ["many"] * 57,
    )
    with pytest.raises(sp.SP2LNOBError, match=match):
        survey_of(frame, **given())


REFUSED = [
    (lambda: sp.Bootstrap(draws=0), "draws must be 1 or more"),
    (lambda: sp.Bootstrap(mse="yes"), "mse must be True, False or None"),
    (
        lambda: sp.Bootstrap(draws=3).bind(survey_of(frame_of())),
        r"3 are more in 2 of 4 \(first: 1: 2 PSUs; 2: 3 PSUs\)",
    ),
    (lambda: sp.Jackknife("jk"), "kind must be one of 'JK1', 'JKn'"),
    (lambda: sp.Jackknife("JK1").bind(survey_of(frame_of())), "kind 'JK1' needs a single stratum, but there are 4"),
    (lambda: sp.Jackknife().bind(survey_of(frame_of((1, 1)), single_psu="certainty")), "A stratum must have two PSUs"),
    (lambda: sp.BRR(1), "fay must be below 1"),
    (lambda: sp.BRR(-0.1), r"fay must be in \[0, 1\]"),
    (lambda: sp.BRR().bind(survey_of(frame_of())), r"3 of 4 have not \(first: 2: 3; 3: 5; 4: 9\)"),
    (lambda: sp.BRR().bind(survey_of(frame_of((1, 1)), single_psu="certainty")), "A stratum must have two PSUs"),
    (lambda: sp.SuccessiveDifference([]), "order must name a column"),
    (lambda: sp.SuccessiveDifference(3), "order must be a list"),
    (lambda: sp.SuccessiveDifference("ea", n=3), "n must be 4 or more"),
    (lambda: sp.SuccessiveDifference("place").bind(survey_of(frame_of())), "must be one that exists"),
    (lambda: sp.SuccessiveDifference("hid").bind(survey_of(frame_of())), r"same throughout a PSU.*first: PSU 1"),
    (
        lambda: sp.SuccessiveDifference("at").bind(survey_of(frame_of(at=lambda made: made["n"] * np.nan))),
        "order 'at' must be known",
    ),
    (lambda: survey_of(frame_of((1, 2))), "Every stratum must have two PSUs or more, but 1 of 2 have one only"),
    (lambda: survey_of(frame_of((1, 1)), single_psu="scaled"), "'scaled' needs a stratum of two PSUs or more"),
    (lambda: survey_of(frame_of((1,)), single_psu="centered"), "'centered' needs two strata or more"),
    (lambda: survey_of(frame_of((1,)), single_psu="collapse"), "'collapse' needs two strata or more"),
    (lambda: survey_of(frame_of(), single_psu="alone"), "single_psu must be one of 'error', 'certainty', 'collapse'"),
]


@pytest.mark.parametrize(("call", "match"), REFUSED)
def test_what_a_design_cannot_do_is_refused(call, match):
    with pytest.raises(sp.SP2LNOBError, match=match):
        call()


@pytest.mark.parametrize("design", [lambda **mse: sp.BRR(**mse), lambda **mse: sp.SuccessiveDifference("ea", **mse)])
def test_centering_of_none_is_the_designs_own(design):
    survey = survey_of(frame_of((2,) * 6))
    own, none, mean = (design(**mse) for mse in ({}, {"mse": None}, {"mse": False}))
    assert none.told() == own.told()
    assert (none.bind(survey).variance.mse, mean.bind(survey).variance.mse) == (True, False)


# -- how Stata and R are told -----------------------------------------------------------------------------------------


def test_stata_and_r_are_told_of_fpc_and_of_lone_psus():
    frame = with_fpc(homes=lambda made: made["n"] * 4)
    survey = survey_of(frame, fpc=["population", "homes"], single_psu="scaled")
    assert survey.svyset().splitlines()[-1] == (
        "svyset ea [pweight=_people], strata(stratum) fpc(population) || _n, fpc(homes) singleunit(scaled)"
    )
    assert survey.svydesign() == (
        'options(survey.lonely.psu = "average")\n'
        "svydesign(ids = ~ea + hid, strata = ~stratum, weights = ~I(hhweight * n), fpc = ~population + homes, "
        "data = households)"
    )
    survey = quiet(frame, fpc="population", single_psu="centered")
    assert survey.svyset().splitlines()[-1] == (
        "svyset ea [pweight=_people], strata(stratum) fpc(population) singleunit(centered)"
    )
    assert 'lonely.psu = "adjust"' in survey.svydesign()
    assert "ids = ~ea, strata = ~stratum, weights = ~I(hhweight * n), fpc = ~population" in survey.svydesign()
    survey = survey_of(frame, single_psu="collapse")
    assert survey.svyset().startswith("* strata of one PSU are joined")
    assert survey.svydesign().startswith("# strata of one PSU are joined")
    persons = {"hid": frame["hid"], "age": frame["n"]}
    survey = sp.Survey(frame, persons, psu="ea", strata="stratum", fpc=["population", "homes"])
    assert survey.svyset().splitlines()[-1] == (
        "svyset ea [pweight=hhweight], strata(stratum) fpc(population) || hid, fpc(homes)"
    )
    assert "population and homes" in survey._repr_html_()


# -- estimates --------------------------------------------------------------------------------------------------------


def ends():
    """Return every design with a survey it fits, strata of one PSU and sampling fractions among them."""
    made = designs()
    lonely = frame_of(LONELY, 4, f=lambda made: made["n"] * 0.5, g=lambda made: made["n"] * 0.25)
    made |= {
        f"{rule}, {type(design).__name__}": (survey_of(lonely, fpc=fpc, single_psu=rule), design)
        for rule in SINGLE_PSU[1:]
        for design, fpc in ((sp.Jackknife(), None), (sp.Bootstrap(40), ["f", "g"]))
    }
    return made


@pytest.mark.parametrize("name", ends())
def test_standard_errors_are_those_of_the_factors(name):
    survey, design = ends()[name]
    made = sp.estimate(survey, [sp.MeanWelfare(), sp.Inequality()], replicates=design)
    bound = design.bind(survey)
    weights = survey.weight * np.vstack([np.ones(bound.units), all_factors(bound), bound.beside])[:, bound.unit]
    y = survey.welfare
    for statistic, of in (("mean_welfare", lambda w: w @ y / w.sum()), ("gini", lambda w: gini_of(y, w))):
        value, *rest = [of(w) for w in weights]
        draws, beside = np.array(rest[: bound.n]), np.array(rest[bound.n :])
        scales = bound.variance
        center = value if scales.mse else draws[scales.rscales > 0].mean()
        variance = scales.inflation * scales.scale * (scales.rscales * (draws - center) ** 2).sum()
        variance += (scales.beside * (beside - value) ** 2).sum()
        i = [row.statistic for row in made.rows].index(statistic)
        assert made.value[i] == pytest.approx(value, rel=1e-12)
        assert made.se[i] == pytest.approx(sqrt(variance), rel=1e-9)
        assert made.bias[i] == pytest.approx(
            scales.bias_scale * (scales.rscales * (draws - value)).sum(), rel=1e-6, abs=1e-12
        )


def gini_of(y, w):
    """Return half the mean difference between two who are drawn by weight, over the mean."""
    w = w / w.sum()
    return (w[:, None] * w * np.abs(y[:, None] - y)).sum() / (2 * (w @ y))


# -- replicate weights of the data ------------------------------------------------------------------------------------


def with_columns(factors, name="rw_{}", weigh=True, **given):
    """Return a survey with columns of factors, or of weights."""
    frame = frame_of(**given)
    base = frame["hhweight"] if weigh else 1
    return frame | {name.format(r): row * base for r, row in enumerate(factors, 1)}


KINDS = [
    ("bootstrap", {}, 1 / 11, False, True, 1 / 12),
    ("bootstrap-average", {"k": 5}, 5 / 11, False, False, 5 / 12),
    ("JK1", {}, 11 / 12, False, False, 11 / 12),
    ("JKn", {"rscales": [0.5] * 12}, 1, True, False, 1),
    ("JK2", {}, 1, True, False, 1),
    ("BRR", {}, 1 / 12, True, False, 1 / 12),
    ("Fay", {"fay": 0.3}, 1 / (12 * 0.49), True, False, 1 / (12 * 0.49)),
    ("ACS", {}, 4 / 12, True, False, 4 / 12),
    ("successive-difference", {}, 4 / 12, True, False, 4 / 12),
    ("other", {"scale": 0.2}, 0.2, True, False, 0.2),
    ("bootstrap", {"scale": 0.2, "mse": True, "rscales": np.ones(12)}, 0.2, True, True, 0.2 * 11 / 12),
]


@pytest.mark.parametrize(("kind", "given", "scale", "mse", "resamples", "bias"), KINDS)
def test_kinds_have_the_scales_of_the_table(kind, given, scale, mse, resamples, bias):
    factors = np.random.default_rng(1).uniform(0.5, 1.5, (12, 57))
    survey = survey_of(with_columns(factors))
    bound = sp.ReplicateColumns("rw_*", kind, **given).bind(survey)
    of = bound.variance
    assert (of.scale, of.bias_scale) == pytest.approx((scale, bias))
    assert (of.mse, of.resamples) == (mse, resamples)
    assert of.rscales.tolist() == list(given.get("rscales", [1] * 12))
    assert of.inflation == 1
    assert len(of.beside) == 0
    assert all_factors(bound) == pytest.approx(factors[:, np.argsort(frame_order(survey))], rel=1e-14)
    other = sp.ReplicateColumns("rw_*", kind, **{**given, "mse": not mse}).bind(survey)
    assert other.variance.mse is (not mse)


def frame_order(survey):
    return survey.household_column("hid").values - 1


@pytest.mark.parametrize("combined", [True, False])
def test_households_of_a_psu_with_the_same_factors_are_one_unit(combined):
    survey = survey_of(frame_of())
    made = all_factors(sp.Bootstrap(20).bind(survey))
    frame = with_columns(made[:, survey.design.psu], weigh=combined)
    survey = survey_of(frame)
    design = sp.ReplicateColumns("rw_*", "bootstrap", combined=combined)
    bound = design.bind(survey)
    assert bound.units == 19
    assert np.array_equal(bound.psu_of_unit[bound.unit], survey.design.psu)
    assert all_factors(bound)[:, np.argsort(bound.psu_of_unit)] == pytest.approx(made, rel=1e-14)
    assert bound.df is None
    assert spread(survey, design) == pytest.approx(spread(survey, sp.Bootstrap(20)), rel=1e-12)


def test_households_without_weight_have_any_factor():
    frame = with_columns(np.random.default_rng(1).uniform(0.5, 1.5, (4, 57)))
    frame["hhweight"][3] = 0
    for name in ("rw_1", "rw_2", "rw_3", "rw_4"):
        frame[name][3] = 0
    found = all_factors(sp.ReplicateColumns("rw_*", "bootstrap").bind(survey_of(frame)))
    assert (found[:, 3] == 1).all()


def test_columns_are_taken_in_the_order_of_their_numbers():
    factors = np.arange(1.0, 13)[:, None] * np.ones(57)
    frame = with_columns(factors, "w{}x", weigh=False)
    frame |= {"wx": frame["n"], "w1": frame["n"], "w1xx": frame["n"]}
    survey = survey_of(frame)
    found = all_factors(sp.ReplicateColumns("w*x", "bootstrap", combined=False).bind(survey))
    assert found[:, 0].tolist() == list(range(1, 13))
    found = all_factors(sp.ReplicateColumns(["w3x", "w1x"], "bootstrap", combined=False).bind(survey))
    assert found[:, 0].tolist() == [3, 1]


def test_columns_of_persons_must_be_their_household_s():
    frame = frame_of()
    persons = {"hid": np.repeat(frame["hid"], 2), "rw1": np.ones(114), "rw2": np.ones(114)}
    survey = sp.Survey(frame, persons)
    assert sp.ReplicateColumns("rw*", "bootstrap").bind(survey).units == 57
    persons["rw2"][7] = 2
    with pytest.raises(sp.InputError, match="'rw2' must not vary within a household"):
        sp.ReplicateColumns("rw*", "bootstrap").bind(sp.Survey(frame, persons))


def of_persons(**columns):
    """Return a survey of persons with weights of their own, 60 households of two in ten PSUs, and what was drawn."""
    rng = np.random.default_rng(0)
    psu, hid = np.arange(60) // 6, np.repeat(np.arange(60), 2)
    homes = {"hid": np.arange(60), "hhweight": rng.uniform(1, 20, 60), "ea": psu, "y": np.exp(rng.normal(4, 0.5, 60))}
    own = homes["hhweight"][hid] * rng.uniform(0.2, 5, 120)
    drawn = [np.bincount(rng.integers(0, 10, 9), minlength=10)[psu] * (10 / 9) for _ in range(40)]
    made = {f"rw{b}": own * factor[hid] for b, factor in enumerate(drawn)}
    persons = {"hid": hid, "pw": own, **made}
    for name, change in columns.items():
        persons[name] = change(persons)
    return sp.Survey(homes, persons, person_weight="pw", welfare="y", psu="ea"), persons, drawn


OWN = sp.ReplicateColumns("rw*", "bootstrap")


@pytest.mark.parametrize("decimals", [None, 4])
def test_replicate_weights_of_persons_are_of_the_persons_own_weight(decimals):
    rounded = {f"rw{b}": lambda made, b=b: made[f"rw{b}"].round(decimals or 15) for b in range(40)}
    survey, persons, drawn = of_persons(**rounded)
    bound = OWN.bind(survey)
    assert bound.units == (10 if decimals is None else 60)
    assert all_factors(bound)[:, bound.unit] == pytest.approx(np.array(drawn), abs=1e-3 if decimals else 1e-12)
    values = [np.average(survey.welfare[persons["hid"]], weights=persons[f"rw{b}"]) for b in range(40)]
    est = sp.estimate(survey, [sp.MeanWelfare()], replicates=OWN)
    assert est.value[0] == pytest.approx(np.average(survey.welfare[persons["hid"]], weights=persons["pw"]))
    assert est.se[0] == pytest.approx(np.std(values, ddof=1), rel=1e-4 if decimals else 1e-9)


def test_replicate_weights_of_persons_and_of_households_may_stand_side_by_side():
    survey, persons, drawn = of_persons()
    homes = {name: survey.households[name].values for name in survey.households}
    homes["rw1"] = homes["hhweight"] * drawn[1]
    del persons["rw1"]
    both = sp.Survey(homes, persons, person_weight="pw", welfare="y", psu="ea")
    expected = sp.estimate(survey, [sp.MeanWelfare()], replicates=OWN).se
    assert sp.estimate(both, [sp.MeanWelfare()], replicates=OWN).se == pytest.approx(expected, rel=1e-9)


ALL_OWN = ["pw", *(f"rw{b}" for b in range(40))]
SEVERAL = "'rw3' over the weight 'pw' must be the same for all persons of a household, but"
OF_PERSONS = [
    ({"rw3": lambda made: made["rw3"] + (made["hid"] == 7) * np.arange(120)}, f"{SEVERAL} 2 of 120 .*hid 7, person 1"),
    ({"rw3": lambda made: made["hid"] * 1.0}, SEVERAL),
    ({"pw": lambda made: made["pw"] * (np.arange(120) != 5)}, "A person without weight must have none in 'rw.*hid 2"),
    (
        {name: lambda made, name=name: made[name] * (made["hid"] != 5) for name in ALL_OWN},
        "A household with weight must have a person with weight, whose 'rw0' tells its factor, but 1 of 60",
    ),
    ({"rw3": lambda made: made["rw3"] - 9e9}, "'rw3' must be known and 0 or more, but 120 of 120"),
]


@pytest.mark.parametrize(("changed", "match"), OF_PERSONS)
def test_persons_of_a_household_must_have_one_factor(changed, match):
    with pytest.raises(sp.InputError, match=match):
        OWN.bind(of_persons(**changed)[0])


def test_degrees_of_freedom_are_those_given_or_counted_or_the_rank():
    rng = np.random.default_rng(2)
    basis, mix = rng.uniform(0.5, 1.5, (5, 57)), rng.dirichlet(np.ones(5), 12)
    frame = with_columns(mix @ basis)
    columns = {name: frame[name] for name in frame if name.startswith("rw")}
    alone = {"size": "n", "psu": None, "strata": None}
    own, given = (sp.ReplicateColumns("rw_*", "other", scale=1, df=df) for df in (None, 200))

    def df_of(survey, design):
        est = sp.estimate(survey, [sp.MeanWelfare()], by=["stratum"], replicates=design, df="design")
        return est.df.tolist()

    assert df_of(survey_of(frame, **alone), own) == [4] * 5
    assert df_of(survey_of(frame), own) == [15, 1, 2, 4, 8]
    for design in (survey_of(frame, **alone), survey_of(frame)):
        assert df_of(design, given) == [200] * 5
    assert np.linalg.matrix_rank(np.stack(list(columns.values()))) == 5
    jackknife = all_factors(sp.Jackknife().bind(survey_of(frame_of(per_psu=1), psu=None)))
    frame = with_columns(jackknife, per_psu=1)
    bound = sp.ReplicateColumns("rw_*", "JKn", rscales=[1] * 19).bind(survey_of(frame, **alone))
    assert bound.most_df == np.linalg.matrix_rank(jackknife) - 1


COLUMNS = [
    (lambda: sp.ReplicateColumns("rw_*", "boot"), "kind must be one of 'bootstrap'"),
    (lambda: sp.ReplicateColumns("rw", "BRR"), "a text with one '\\*'"),
    (lambda: sp.ReplicateColumns(3, "BRR"), "columns must be a list"),
    (lambda: sp.ReplicateColumns(["rw_1"], "BRR"), "two columns of replicates or more, but there is 1"),
    (lambda: sp.ReplicateColumns([], "BRR"), "two columns of replicates or more, but there are none"),
    (lambda: sp.ReplicateColumns(["a", "b", "a"], "BRR"), "'a' comes twice"),
    (lambda: sp.ReplicateColumns("rw_*", "JKn"), "kind 'JKn' needs rscales, but there are none"),
    (lambda: sp.ReplicateColumns("rw_*", "other"), "kind 'other' needs rscales or a scale"),
    (
        lambda: sp.ReplicateColumns("rw_*", "Fay"),
        "fay must be given for kind 'Fay', and for it alone, but there is none",
    ),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", fay=0.3), "fay must be given for kind 'Fay'.*kind is 'BRR'"),
    (lambda: sp.ReplicateColumns("rw_*", "Fay", fay=1.0), r"fay must be in \(0, 1\)"),
    (lambda: sp.ReplicateColumns("rw_*", "bootstrap-average"), "k must be given for kind 'bootstrap-average'"),
    (lambda: sp.ReplicateColumns("rw_*", "bootstrap-average", k=0), "k must be 1 or more"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", scale=0), "scale must be above 0"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", rscales="1"), "rscales must be a list"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", rscales=[-1, 2]), "Every one of rscales must be 0 or more"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", rscales=[0, 0.0]), "One of rscales at least must be above 0"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", df=0), "df must be 1 or more"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", combined=1), "combined must be True or False"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR", mse=1), "mse must be True"),
    (
        lambda: sp.ReplicateColumns("rw_*", "BRR", rscales=[1, 1]).bind(columns()),
        "one of rscales a column, but 2 came for 3",
    ),
    (lambda: sp.ReplicateColumns("x*", "BRR").bind(columns()), r"called 'x\*', but there are none"),
    (lambda: sp.ReplicateColumns(["rw_1", "rw_9"], "BRR").bind(columns()), "Did you mean 'rw_"),
    (lambda: sp.ReplicateColumns("rw_*", "BRR").bind(columns(-1)), "'rw_2' must be known and 0 or more.*hid 5: -1"),
    (
        lambda: sp.ReplicateColumns("rw_*", "BRR").bind(columns(np.nan)),
        "'rw_2' must be known and 0 or more.*hid 5: nan",
    ),
    (
        lambda: sp.ReplicateColumns("rw_*", "BRR").bind(columns(2, weight=0)),
        "A household without weight must have none in 'rw_1', but 1 of 57.*hid 5",
    ),
]


def columns(value=1.0, weight=1):
    frame = with_columns(np.ones((3, 57)))
    frame["rw_2"] = frame["rw_2"].astype(float)
    frame["rw_2"][4] = value
    frame["hhweight"][4] = weight
    return survey_of(frame)


@pytest.mark.parametrize(("call", "match"), COLUMNS)
def test_wrong_columns_are_refused(call, match):
    with pytest.raises(sp.SP2LNOBError, match=match):
        call()


# -- replicate weights as a table -------------------------------------------------------------------------------------


def test_exported_weights_are_weight_times_factor_and_come_back(tmp_path):
    frame = frame_of() | {"hid": [f"H{i:03}" for i in range(57)]}
    survey = survey_of(frame)
    bound = sp.Bootstrap(70).bind(survey)
    table = sp.replicate_weights(survey, sp.Bootstrap(70))
    assert list(table) == ["hid", "hhweight", *(f"rw_{r}" for r in range(1, 71))]
    assert table["hid"].tolist() == frame["hid"]
    assert table["hhweight"].tolist() == frame["hhweight"].tolist()
    expected = all_factors(bound)[:, survey.design.psu] * survey.weight
    assert np.array_equal(table.iloc[:, 2:].to_numpy().T, expected)
    assert table.attrs == {"scale": 1 / 69, "rscales": [1.0] * 70, "mse": False}
    again = survey_of(frame | {name: table[name].to_numpy() for name in table if name.startswith("rw")})
    assert spread(again, sp.ReplicateColumns("rw_*", "bootstrap")) == pytest.approx(
        spread(survey, sp.Bootstrap(70)), rel=1e-12
    )
    made, same = (
        sp.estimate(of, [sp.MeanWelfare(), sp.Inequality()], by=["stratum"], replicates=design)
        for of, design in ((survey, sp.Bootstrap(70)), (again, sp.ReplicateColumns("rw_*", "bootstrap")))
    )
    for figure in ("value", "se", "ci_low", "ci_high"):
        np.testing.assert_allclose(getattr(same, figure), getattr(made, figure), rtol=1e-12)
    factors = sp.replicate_weights(survey, sp.Bootstrap(70), full=False)
    assert np.array_equal(factors.iloc[:, 2:].to_numpy().T, all_factors(bound)[:, survey.design.psu])


@pytest.mark.parametrize("suffix", ["csv", "dta", "parquet"])
@pytest.mark.parametrize("values", [2**24, 9 * 7])
def test_files_hold_the_table(tmp_path, monkeypatch, suffix, values):
    monkeypatch.setattr("sp2lnob.export.VALUES", values)
    survey = survey_of(frame_of())
    path = tmp_path / f"weights.{suffix}"
    path.write_text("an old file")
    assert sp.write_replicate_weights(survey, sp.Bootstrap(9), path) == path
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    read = {"csv": pd.read_csv, "dta": pd.read_stata, "parquet": pd.read_parquet}[suffix]
    pd.testing.assert_frame_equal(
        read(path), sp.replicate_weights(survey, sp.Bootstrap(9)), check_dtype=False, rtol=1e-15
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_parts_of_a_file_have_one_type_of_keys(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("sp2lnob.export.VALUES", 20 * 8)
    frame = {"hid": np.r_[np.arange(1.0, 21), np.arange(21.0, 40), 40.5], "hhweight": np.ones(40), "n": np.ones(40)}
    path = sp.write_replicate_weights(sp.Survey(frame, size="n"), sp.Bootstrap(8), tmp_path / f"w.{suffix}")
    if suffix == "csv":
        keys = [line.split(",")[0] for line in path.read_text().splitlines()[1:]]
        assert keys == [str(key) for key in frame["hid"].tolist()]
    else:
        assert pd.read_parquet(path)["hid"].tolist() == frame["hid"].tolist()


def test_files_that_cannot_be_written_are_refused(tmp_path):
    survey = survey_of(frame_of())
    with pytest.raises(sp.InputError, match="at most 32,767 columns, but it would have 33,002"):
        sp.write_replicate_weights(survey, sp.Bootstrap(33_000), tmp_path / "wide.dta")
    frame = frame_of()
    for role, name in (("weight", "hhweight"), ("household", "hid")):
        renamed = {"rw_9" if key == name else key: values for key, values in frame.items()}
        called = survey_of(renamed, **{role: "rw_9"})
        with pytest.raises(sp.InputError, match="other names than replicates, but 'rw_9' is one of rw_1 to rw_10"):
            sp.write_replicate_weights(called, sp.Bootstrap(10), tmp_path / "w.csv")
        assert len(sp.replicate_weights(called, sp.Bootstrap(8))) == 57
    with pytest.raises(sp.InputTypeError, match="The file must be a path"):
        sp.write_replicate_weights(survey, sp.Bootstrap(9), 3)
    with pytest.raises(sp.InputTypeError, match="replicates must be a replicate design"):
        sp.write_replicate_weights(survey, 9, tmp_path / "none.csv")
    with pytest.raises(sp.InputTypeError, match="those of a Survey"):
        sp.replicate_weights(frame_of(), sp.Bootstrap(9))
    assert list(tmp_path.iterdir()) == []


# -- R ----------------------------------------------------------------------------------------------------------------

SCRIPT = """
suppressMessages(library(survey)); data(api); options(digits = 15)
write.csv(apistrat[, c("snum", "stype", "pw", "fpc", "enroll")], "%s", row.names = FALSE)
d <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat, fpc = ~fpc)
jkn <- as.svrepdesign(d, type = "JKn")
cat(SE(svytotal(~enroll, d)), SE(svytotal(~enroll, jkn)), SE(svymean(~enroll, jkn)), degf(jkn), "\\n")
small <- do.call(rbind, Map(head, split(apistrat, apistrat$stype), c(1, 10, 10)))
write.csv(small[, c("snum", "stype", "pw", "fpc", "enroll")], "%s", row.names = FALSE)
for (rule in c("certainty", "average", "adjust")) {
  options(survey.lonely.psu = rule)
  d <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = small)
  cat(SE(svytotal(~enroll, as.svrepdesign(d, type = "JKn", mse = TRUE))), SE(svytotal(~enroll, d)), "\\n")
}
"""


@pytest.fixture(scope="module")
def of_r(tmp_path_factory):
    """Return R's data and standard errors."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        lacking("R", "R is not installed, whose survey package these are compared with")
    paths = [tmp_path_factory.mktemp("r") / name for name in ("apistrat.csv", "small.csv")]
    done = subprocess.run(
        [rscript, "-e", SCRIPT % tuple(path.as_posix() for path in paths)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        lacking("R", f"R has no survey package: {done.stderr.strip()[-100:]}")
    return [pd.read_csv(path) for path in paths], [
        [float(v) for v in line.split()] for line in done.stdout.splitlines()
    ]


def api(frame, **given):
    frame = frame.assign(one=1)
    return sp.Survey(frame, household="snum", weight="pw", size="one", welfare="enroll", strata="stype", **given)


def test_stratified_schools_have_r_s_standard_error(of_r):
    (frame, _), ((taylor_of_r, jackknife_of_r, mean_of_r, df), *_) = of_r
    assert round(taylor_of_r) == 114642
    survey = api(frame, fpc="fpc")
    assert sqrt(spread(survey, sp.Jackknife())) == pytest.approx(jackknife_of_r, rel=1e-9)
    made = sp.estimate(survey, [sp.MeanWelfare()], replicates=sp.Jackknife(mse=False))
    assert made.se[0] == pytest.approx(mean_of_r, rel=1e-9)
    weights = sp.replicate_weights(survey, sp.Jackknife())  # households by R's key, the rank by R's number
    given = {"household": "snum", "weight": "pw", "size": "one", "welfare": "enroll"}
    again = sp.Survey(frame.assign(one=1).merge(weights.drop(columns="pw"), on="snum"), **given)
    columns = sp.ReplicateColumns("rw_*", "JKn", rscales=weights.attrs["rscales"], mse=False)
    made = sp.estimate(again, [sp.MeanWelfare()], replicates=columns)
    assert made.se[0] == pytest.approx(mean_of_r, rel=1e-9)
    assert made.df[0] == df
    assert sqrt(spread(survey, sp.Bootstrap(8000))) == pytest.approx(taylor_of_r, rel=0.03)


def test_lone_schools_have_r_s_standard_error(of_r):
    (_, small), (_, certainty, average, adjust) = of_r
    assert sorted(small["stype"].value_counts().tolist()) == [1, 10, 10]
    found = {
        rule: sqrt(spread(api(small, single_psu=rule), sp.Jackknife())) for rule in ("certainty", "average", "adjust")
    }
    assert found["certainty"] == pytest.approx(certainty[0], rel=1e-9)
    assert found["adjust"] == pytest.approx(adjust[0], rel=1e-9)
    assert found["average"] == pytest.approx(average[1], rel=1e-9)
