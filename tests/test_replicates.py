"""Replicates: where their random numbers come from, what they do to a figure, and how sure they say it is."""

import re
import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import isnan, nan, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student

import sp2lnob as sp
from sp2lnob import _domains, _parallel, _sweeps
from sp2lnob._kernels import _ordered, _random, _replicates
from sp2lnob._sweeps import Ordering, Totals
from sp2lnob.estimates import interval

from . import oracles
from ._data import LINE, PACKAGE, ByHand, factors, toy_frames, toy_survey, without_one

KERNELS = Path(__file__).parents[1] / "src" / "sp2lnob" / "_kernels"


# -- random numbers -------------------------------------------------------------------------------------------------


def words(counter, key):
    out = np.empty((1, 4), dtype=np.uint32)
    _random.philox_words(key[0] | key[1] << 32, np.array([counter], dtype=np.uint32), out)
    return tuple(out[0].tolist())


@pytest.mark.parametrize(("counter", "key", "expected"), oracles.PHILOX_KAT)
def test_philox_gives_the_published_vectors(counter, key, expected):
    assert words(counter, key) == expected
    assert oracles.philox4x32(counter, key) == expected


def test_philox_equals_the_oracle_on_any_counter_and_key():
    rng = np.random.default_rng(5)
    counters = rng.integers(0, 2**32, (200, 4), dtype=np.uint32)
    for key in (0, 1, 2**32, 2**64 - 1, 0x0123456789ABCDEF):
        out = np.empty_like(counters)
        _random.philox_words(key, counters, out)
        pair = (key & 0xFFFFFFFF, key >> 32)
        assert out.tolist() == [list(oracles.philox4x32(row, pair)) for row in counters.tolist()]


def test_uniform_numbers_are_words_of_philox_over_2_to_the_53():
    identity = [0, 1, 2**32, 2**64 - 1, 0x0123456789ABCDEF]
    out = np.empty(len(identity))
    _random.uniforms(7 + (9 << 32), np.array(identity, dtype=np.uint64), 3, 1, out)
    for who, number in zip(identity, out.tolist(), strict=True):
        first, second, _, _ = oracles.philox4x32((who & 0xFFFFFFFF, who >> 32, 3, 1), (7, 9))
        assert number == float(Fraction((first >> 5) << 26 | second >> 6, 2**53))


def drawn_by_hand(seed, replicate, sizes):
    """Draw j of stratum h is word j mod 4 of the counter (replicate, h, j div 4, 0): PSU (word n_h) / 2^32."""
    counts = []
    for h, size in enumerate(sizes):
        here = [0] * size
        for j in range(size - 1):
            word = oracles.philox4x32((replicate, h, j // 4, 0), (seed & 0xFFFFFFFF, seed >> 32))[j % 4]
            here[word * size >> 32] += 1
        counts += here if size > 1 else [1]
    return counts


SIZES = (2, 1, 3, 5, 4, 6, 9, 33)


def counts_of(seed, first, groups, sizes=SIZES):
    out = np.empty((groups, sum(sizes), _parallel.LANES))
    start = np.r_[0, np.cumsum(sizes)].astype(np.int32)
    draws = np.array(sizes, dtype=np.int32) - 1
    base, slope = np.where(draws > 0, 0.0, 1.0), np.ones(len(sizes))
    room = np.empty((max(sizes), _parallel.LANES), dtype=np.int32)
    _replicates.rao_wu(seed, first, 0, start, draws, base, slope, room, out)
    return np.moveaxis(out, 1, 2).reshape(-1, sum(sizes))


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 0x0123456789ABCDEF, 2**64 - 1])
def test_counts_equal_draws_of_the_oracle(seed):
    assert counts_of(seed, 1, 3).tolist() == [drawn_by_hand(seed, r, SIZES) for r in range(1, 25)]


@pytest.mark.parametrize("first", [1, 2, 9, 1000, 2**31])
def test_counts_are_those_of_the_replicate_whatever_block_it_is_in(first):
    assert counts_of(3, first, 1).tolist() == [drawn_by_hand(3, r, SIZES) for r in range(first, first + 8)]


def test_every_stratum_draws_one_less_than_its_psus():
    counts = counts_of(11, 1, 125)
    start = np.r_[0, np.cumsum(SIZES)]
    for size, first, last in zip(SIZES, start[:-1], start[1:], strict=True):
        assert (counts[:, first:last].sum(axis=1) == max(size - 1, 1)).all()


def test_a_psu_is_drawn_as_often_as_any_other():
    # Of 8,000 draws of 8 out of 9 PSUs, each has 7111 with a standard deviation of 79.5.
    counts = counts_of(13, 1, 1000, (9,)).sum(axis=0)
    assert counts.sum() == 64_000
    assert np.abs(counts - 64_000 / 9).max() < 4.5 * sqrt(64_000 * 8 / 81)


def test_seeds_and_replicates_differ():
    assert len({row.tobytes() for row in counts_of(1, 1, 50)}) == 400
    assert not np.array_equal(counts_of(1, 1, 1), counts_of(2, 1, 1))
    assert not np.array_equal(counts_of(1, 1, 1), counts_of(1 + 2**32, 1, 1))


def test_bootstrap_gives_the_counts_and_folds_of_its_design():
    survey = toy_survey()
    sizes = survey.design.psus_by_stratum.tolist()
    assert sizes == [2, 3, 5, 9]
    by_hand = [drawn_by_hand(4, r, sizes) for r in range(1, 20)]
    fold = [Fraction(m, m - 1) for m in sizes for _ in range(m)]
    expected = [[count * f for count, f in zip(row, fold, strict=True)] for row in by_hand]
    assert factors(survey, sp.Bootstrap(19, seed=4)) == expected
    for row, m in ((row, m) for row in expected for m in (sum(sizes),)):
        assert sum(row) == m


# -- constants that Python and the kernels must share ---------------------------------------------------------------


def test_constants_of_python_are_those_of_the_kernels():
    lanes = (KERNELS / "_lanes.pxd").read_text(encoding="utf-8")
    ordered = (KERNELS / "_ordered.pyx").read_text(encoding="utf-8")
    purposes = (KERNELS / "_random.pxd").read_text(encoding="utf-8")
    assert re.findall(r"LANES = (\d+)", lanes) == [str(_parallel.LANES)]
    assert re.findall(r"CHUNK = (\d+)", ordered) == [str(_sweeps.CHUNK)]
    assert re.findall(r"(RESAMPLING|RECEIPT|EXAMPLE|SECOND_STAGE|SKETCH) = (\d+)", purposes) == [
        ("RESAMPLING", "0"),
        ("RECEIPT", "1"),
        ("EXAMPLE", "2"),
        ("SECOND_STAGE", "3"),
        ("SKETCH", "4"),
    ]


AROUND_CHUNKS = (1, 2, 511, 512, 513, 1023, 1024, 1025, 1537)


@pytest.mark.parametrize("n", AROUND_CHUNKS)
def test_a_sweep_writes_as_many_checkpoints_as_python_gives_it(n):
    chunks = -(-n // _sweeps.CHUNK)
    checkpoints = np.full((chunks + 3, 3, _parallel.LANES), np.pi)
    one, all_lanes = np.empty((1, 8)), np.empty(8)
    _ordered.sweep(
        np.arange(n, 0.0, -1.0),
        np.ones(n),
        np.zeros(n, dtype=np.int32),
        _sweeps.ALONE,
        np.array([0.5]),
        checkpoints,
        np.empty((2, 8)),
        all_lanes,
        one,
        one.copy(),
    )
    assert all_lanes.tolist() == pytest.approx([(n - 1) / (3 * n)] * 8, abs=1e-12)  # the Gini of 1, 2, ... n
    written = (checkpoints != np.pi).all(axis=(1, 2))
    assert written.tolist() == [True] * (chunks + 1) + [False, False]


@pytest.mark.parametrize("n", AROUND_CHUNKS)
def test_sweeps_around_a_chunk_equal_the_oracle(n):
    rng = np.random.default_rng(n)
    y, w, psu = rng.integers(0, 50, n) + 1, rng.integers(1, 5, n), rng.integers(0, 4, n).astype(np.int32)
    counts = rng.integers(0, 3, (1, 4, 8)).astype(np.float64)
    counts[0, :, 0] = 1
    shares = [Fraction(k, 10) for k in (1, 4, 9)]
    swept = Ordering.of(y.astype(float), w.astype(float), psu).evaluate(counts, np.array([float(q) for q in shares]))
    for lane in (0, 3, 7):
        weight = (w * counts[0, psu, lane]).tolist()
        if sum(weight) == 0:
            assert isnan(swept.gini[lane])
            continue
        assert swept.gini[lane] == pytest.approx(float(oracles.gini_ranked(y.tolist(), weight)), abs=1e-12)
        assert swept.quantiles[:, lane].tolist() == [oracles.quantile(y.tolist(), weight, q) for q in shares]
        lorenz = [float(oracles.lorenz([Fraction(v) for v in y.tolist()], weight, q)) for q in shares]
        assert swept.lorenz[:, lane].tolist() == pytest.approx(lorenz, abs=1e-12)


# -- values of replicates, with every factor written out ------------------------------------------------------------

REPLICATES = sp.Bootstrap(19, seed=3)


def fgt(alpha):
    return lambda y, w: oracles.fgt(y, w, Fraction(LINE), alpha)


OF_WELFARE = {
    "mean_welfare": oracles.mean,
    "headcount": fgt(0),
    "poverty_gap": fgt(1),
    "poverty_severity": fgt(2),
    "gini": oracles.gini_ranked,
    "palma": oracles.palma,
    **{
        ("quantile", f"q={float(q):g}"): (lambda y, w, q=q: oracles.quantile(y, w, q))
        for q in (Fraction(1, 10), Fraction(2, 5), Fraction(1, 2), Fraction(9, 10))
    },
}


def oracle_of(row):
    return OF_WELFARE[row.statistic, row.param] if row.param else OF_WELFARE[row.statistic]


def welfare_statistics():
    return [sp.MeanWelfare(), sp.Poverty(LINE), sp.Inequality(), sp.Quantile([0.1, 0.4, 0.5, 0.9])]


DOMAINS = [(), ("urbrur",), ("region", "urbrur"), ("sex",), ("educ",)]


@cache
def by_hand(fixed=False):
    return ByHand(toy_survey(), toy_frames(), fixed)


@cache
def estimated(n_threads=1):
    survey = by_hand().survey
    return sp.estimate(
        survey,
        welfare_statistics(),
        {"after": sp.simulate(survey, PACKAGE)},
        by=DOMAINS[1:],
        replicates=REPLICATES,
        n_threads=n_threads,
    )


@pytest.mark.parametrize("by", DOMAINS, ids=lambda by: " x ".join(by) or "all")
def test_replicates_of_welfare_equal_the_oracles(by):
    hand, made = by_hand(), estimated()
    unit = "person" if by == ("sex",) else "household"
    name = " x ".join(by) or "all"
    rows = [i for i, row in enumerate(made.rows) if row.by == name and row.scenario != "change"]
    levels = sorted(set(hand.levels(by, hand.one, unit)))
    assert sorted({made.rows[i].level for i in rows}) == levels
    assert len(rows) == 2 * len(levels) * len(OF_WELFARE)
    every = factors(hand.survey, REPLICATES)
    for i in rows:
        row = made.rows[i]
        expected = [
            hand.value(oracle_of(row), factor, by, row.level, unit, row.scenario) for factor in (hand.one, *every)
        ]
        found = [made.value[i], *made.draws[:, i]]
        assert found == pytest.approx(expected, rel=1e-11, abs=1e-12, nan_ok=True), row


def test_a_change_is_the_difference_of_every_draw():
    made = estimated()
    rows = [i for i, row in enumerate(made.rows) if row.scenario == "change"]
    assert len(rows) * 3 == len(made.rows)
    for i in rows:
        assert [made.rows[j].scenario for j in (i - 2, i - 1)] == ["before", "after"]
        assert np.array_equal(made.draws[:, i], made.draws[:, i - 1] - made.draws[:, i - 2], equal_nan=True)
        assert made.value[i] == made.value[i - 1] - made.value[i - 2]


OPPORTUNITIES = {
    "no class": {"circumstances": ["urbrur", "educ"]},
    "bottom 40": {"circumstances": ["bottom40", "urbrur"]},
    "decile": {"circumstances": ["region", "decile"]},
    "two classes": {"circumstances": ["quintile", "urbrur", "bottom40"]},
    "households": {"circumstances": ["bottom40", "urbrur"], "weigh": "households"},
    "population": {"circumstances": ["quintile", "urbrur"], "population": "educ > 0"},
    "barrier": {"circumstances": ["bottom40", "educ"], "kind": "barrier"},
    "barrier without a class": {"circumstances": ["region", "educ"], "kind": "barrier"},
    "person": {"circumstances": ["sex", "bottom40"], "unit": "person", "population": "age >= 15"},
    "person without a class": {"circumstances": ["sex", "region"], "unit": "person"},
}


@pytest.mark.parametrize("name", OPPORTUNITIES)
def test_replicates_of_an_opportunity_equal_the_oracles(name):
    hand, given = by_hand(), OPPORTUNITIES[name]
    unit = given.get("unit", "household")
    opportunity = sp.Opportunity("o", "phone" if unit == "person" else "water", **given)
    access = opportunity.complement() if given.get("kind") == "barrier" else opportunity
    asked = [sp.Access(opportunity), sp.Dissimilarity(access, "cells")]
    made = sp.estimate(hand.survey, asked, replicates=REPLICATES)
    columns = hand.p if unit == "person" else hand.h
    outcome = columns["phone" if unit == "person" else "water"]
    inside = {"population": lambda i: hand.h["educ"][i] > 0, "person": lambda i: hand.p["age"][i] >= 15}.get(name)
    rows = [i for i in range(len(outcome)) if inside is None or inside(i)]
    barrier = given.get("kind") == "barrier"
    for replicate, factor in enumerate([hand.one, *factors(hand.survey, REPLICATES)]):
        weight = hand.weights(factor, unit, given.get("weigh", "persons"))
        cells = list(zip(*(hand.column(c, factor, unit) for c in given["circumstances"]), strict=True))
        w, y, g = ([values[i] for i in rows] for values in (weight, outcome, cells))
        expected = [
            oracles.mean([int(v) for v in y], w),
            oracles.d_index([1 - int(v) if barrier else int(v) for v in y], g, w),
        ]
        found = made.value if replicate == 0 else made.draws[replicate - 1]
        assert found == pytest.approx([float(v) for v in expected], rel=1e-12, abs=1e-14)


def test_replicates_of_cost_equal_the_oracle():
    hand = by_hand()
    transfers = sp.simulate(hand.survey, PACKAGE, sp.Economy(gdp=1e6, revenue=2e5))
    made = sp.estimate(hand.survey, [sp.Cost()], {"after": transfers}, replicates=REPLICATES)
    for replicate, factor in enumerate([hand.one, *factors(hand.survey, REPLICATES)]):
        weight = [w * factor[psu] for w, psu in zip(map(int, hand.h["hhweight"]), hand.psu, strict=True)]
        paid = oracles.transfers(
            [
                {"id": a, "weight": b, "size": c, "welfare": 0}
                for a, b, c in zip(hand.h["hid"], weight, hand.size, strict=True)
            ],
            [{"household": a, "age": b} for a, b in zip(hand.p["hid"], hand.p["age"], strict=True)],
            [{"amount": 240, "max_age": 17}, {"amount": 540, "min_age": 65}],
        )
        money = [*paid["costs"], paid["cost"]]
        expected = [
            (who, cost, total, total / 10**6, total / 200_000)
            for who, cost, total in zip(
                [*paid["recipients"], paid["reached"]], money, [cost * Fraction(21, 20) for cost in money], strict=True
            )
        ]
        found = made.value if replicate == 0 else made.draws[replicate - 1]
        assert found == pytest.approx([float(v) for row in expected for v in row], rel=1e-12)
    names = ("recipients", "transfer_cost", "total_cost", "cost_gdp", "cost_revenue")
    assert [(row.of, row.statistic) for row in made.rows] == [
        (of, name) for of in ("child benefit", "old-age pension", "package") for name in names
    ]


# -- classes of the replicate's own, or fixed -----------------------------------------------------------------------


@pytest.mark.parametrize("classes", ["replicate", "fixed"])
def test_classes_are_cut_where_they_are_said_to_be(classes):
    hand = by_hand(classes == "fixed")
    made = sp.estimate(hand.survey, [sp.MeanWelfare()], by=["quintile"], replicates=REPLICATES, classes=classes)
    for i, row in enumerate(made.rows):
        by = () if row.by == "all" else ("quintile",)
        expected = [hand.value(oracles.mean, factor, by, row.level) for factor in factors(hand.survey, REPLICATES)]
        assert made.draws[:, i].tolist() == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_fixed_classes_understate_the_error_of_a_class_mean():
    survey = sp.example_survey(2000)
    moving, fixed = (
        sp.estimate(survey, [sp.MeanWelfare()], by=["bottom40"], classes=classes, replicates=sp.Bootstrap(400))
        for classes in ("replicate", "fixed")
    )
    row = moving.find(level="Bottom 40")
    assert moving.value[row] == pytest.approx(fixed.value[row], rel=1e-14)
    assert moving.se[0] == fixed.se[0]
    assert fixed.se[row] < 0.8 * moving.se[row]  # in simulation 0.48 against 0.99 of the truth


@pytest.mark.parametrize("reach", [0.0, 0.7, 100.0])
def test_where_cuts_are_looked_for_changes_no_replicate(monkeypatch, reach):
    """From margins that most replicates cut beyond to margins that settle nobody; and on any number of threads."""
    survey = sp.example_survey(1200)
    opportunity = sp.Opportunity("internet", "internet == 1", circumstances=["bottom40", "urbrur", "head_sex"])
    asked = [sp.MeanWelfare(), sp.Poverty(60.0), sp.Dissimilarity(opportunity), sp.Shapley(opportunity)]

    def made(n_threads=1):
        return sp.estimate(survey, asked, by=["decile"], replicates=sp.Bootstrap(64, seed=3), n_threads=n_threads)

    usual = made()
    monkeypatch.setattr(_domains, "REACH", reach)
    other = made()
    np.testing.assert_allclose(other.draws, usual.draws, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.value, usual.value, rtol=1e-9, atol=1e-12)
    assert made(n_threads=2).draws.tobytes() == other.draws.tobytes()


def test_what_is_asked_beside_a_figure_changes_no_bit_of_it(example):
    """One sweep serves all who look at an ordering, and sums that several ask for are made once."""
    internet = sp.Opportunity("internet", "internet == 1", circumstances=["bottom40", "urbrur"])
    after = {"after": sp.simulate(example, PACKAGE)}
    asked = [
        sp.Inequality(["gini", "palma"]),
        sp.Quantile([0.35, 0.1]),
        sp.Lorenz([0.6]),
        sp.MeanWelfare(),
        sp.Coverage(),
        sp.SchemeShapley([sp.Inequality(["gini", "quintile_ratio"])]),
        sp.HumanOpportunity(internet),
        sp.Dissimilarity(internet),
        sp.Shapley(internet),
    ]

    def made(statistics):
        found = sp.estimate(example, statistics, after, replicates=sp.Bootstrap(32, seed=3))
        named = zip(found.rows, found.draws.T, strict=True)
        return {(row.statistic, row.of, row.param, row.scenario): draws.tobytes() for row, draws in named}

    together = made(asked)
    alone = [made([one]) for one in asked]
    assert len(together) == sum(map(len, alone))
    for figures in alone:
        assert figures.items() <= together.items()


# -- the size of an error -------------------------------------------------------------------------------------------


def taylor(survey, totals):
    """Return the variance of a total, sum_h n_h / (n_h - 1) sum_i (z_i - mean z)^2."""
    start = survey.design.stratum_start
    return sum(len(z) * np.var(z, ddof=1) for z in np.split(np.asarray(totals, dtype=float), start[1:-1]) if len(z) > 1)


def test_error_of_a_total_is_the_textbook_s():
    survey = toy_survey(per_psu=6)
    transfers = sp.simulate(survey, PACKAGE)
    made = sp.estimate(survey, [sp.Cost()], {"after": transfers}, replicates=sp.Bootstrap(6000, seed=8))
    for row, column in (
        (made.find(statistic="recipients", of="child benefit"), transfers.people[:, 0]),
        (made.find(statistic="transfer_cost", of="old-age pension"), survey.weight * transfers.household[:, 1]),
    ):
        totals = np.bincount(survey.design.psu, column, survey.design.psus)
        # 6,000 replicates know their own standard error to 0.9 %.
        assert made.se[row] == pytest.approx(sqrt(taylor(survey, totals)), rel=0.04)
        assert made.bias[row] == pytest.approx(0, abs=4.5 * made.se[row] / sqrt(6000))


def test_error_of_a_total_in_the_limit():
    # Every outcome of one stratum of three PSUs, two draws: its variance is the textbook's to the last digit.
    z = [Fraction(5), Fraction(1), Fraction(9)]
    values = [
        sum(oracles.rao_wu_factor([1], 3)[0] * z[i] for i in pair)
        for pair in [(i, j) for i in range(3) for j in range(3)]
    ]
    mean = sum(values) / 9
    spread = sum((value - mean) ** 2 for value in values) / 9
    assert mean == sum(z)
    assert spread == Fraction(3, 2) * sum((v - Fraction(5)) ** 2 for v in z)
    columns = np.array([[5.0, 1.0, 9.0]])
    psu = np.arange(3, dtype=np.int32)
    totals = Totals.of(columns, psu, np.zeros(3, dtype=np.int32), 1)
    counts = np.zeros((2, 3, 8))
    for k, (i, j) in enumerate((i, j) for i in range(3) for j in range(3)):
        counts[k // 8, i, k % 8] += 1.5
        counts[k // 8, j, k % 8] += 1.5
    assert totals.evaluate(counts)[0, 0, :9].tolist() == [float(value) for value in values]


def test_standard_error_is_the_spread_of_the_draws():
    made = estimated()
    for i in range(len(made.rows)):
        draws = made.draws[np.isfinite(made.draws[:, i]), i]
        assert made.se[i] == pytest.approx(oracles.bootstrap_se(draws.tolist()), rel=1e-10, abs=1e-15)
        assert made.bias[i] == pytest.approx(sum(draws) / len(draws) - made.value[i], rel=1e-9, abs=1e-12)


def test_strata_of_one_psu_kept_with_certainty_add_nothing():
    households, persons = toy_frames()
    lone = np.array(households["ea"]) <= 2  # the first stratum's two PSUs become strata of their own
    households["stratum"] = np.where(lone, households["ea"], np.where(np.array(households["region"]) == "North", 8, 9))
    given = {"person": "pid", "welfare": "pc", "psu": "ea", "strata": "stratum"}
    with pytest.raises(sp.InputError, match="two PSUs or more"):
        sp.Survey(households, persons, **given)
    survey = sp.Survey(households, persons, **given, single_psu="certainty")
    assert survey.design.single_psu_strata == ("1", "2")
    made = factors(survey, sp.Bootstrap(40))
    assert all(row[:2] == [1, 1] for row in made)
    assert any(row[2:] != made[0][2:] for row in made)
    # Whatever these PSUs hold is the same in every replicate.
    households["here"] = np.where(lone, "alone", "others")
    survey = sp.Survey(households, persons, **given, single_psu="certainty")
    estimates = sp.estimate(survey, [sp.MeanWelfare(), sp.Poverty(LINE)], by=["here"], replicates=sp.Bootstrap(40))
    for i, row in enumerate(estimates.rows):
        if row.level == "alone":
            assert estimates.draws[:, i].tolist() == pytest.approx([estimates.value[i]] * 40, rel=1e-14)
            assert estimates.se[i] < 1e-14 * max(1, estimates.value[i])
            assert row.df == 0
            assert "no interval" in estimates.flags[i]
        elif row.level == "others":
            assert estimates.se[i] > 0


# -- intervals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("df", [1, 2.5, 12, 301])
@pytest.mark.parametrize(("value", "se"), [(0.5, 0.05), (0.02, 0.01), (0.97, 0.2), (1e-6, 1e-6)])
def test_intervals_have_their_closed_forms(value, se, df, level):
    t = student.ppf((1 + level) / 2, df)
    slope = 1 / value + 1 / (1 - value)  # of the logit
    assert interval(value, se, df, "t", level) == pytest.approx((value - t * se, value + t * se), rel=1e-12)
    by_log = value * np.exp(-t * se / value), value * np.exp(t * se / value)
    if t * se / value > 3:  # twenty times as much or as little: it would say nothing
        by_log = np.nan, np.nan
    assert interval(value, se, df, "log", level) == pytest.approx(by_log, rel=1e-10, nan_ok=True)
    center, spread = logit(value), t * se * slope
    if spread > 50:  # from 0 to 1: it would say nothing
        assert np.isnan(interval(value, se, df, "logit", level)).all()
        return
    by_logit = expit(center - spread), expit(center + spread)
    # Far out, 1 - p has few digits left.
    assert interval(value, se, df, "logit", level) == pytest.approx(by_logit, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("df", [3, 40])
def test_log_interval_of_a_fall_mirrors_that_of_a_rise(df):
    low, high = interval(0.03, 0.01, df, "log", 0.95)
    assert interval(-0.03, 0.01, df, "log", 0.95) == pytest.approx((-high, -low), rel=1e-14)
    assert 0 < low < 0.03 < high


@pytest.mark.parametrize(
    ("value", "se", "df", "scale"),
    [
        (0.0, 0.1, 9, "logit"),
        (1.0, 0.1, 9, "logit"),
        (0.5, 0.0, 9, "logit"),
        (0.5, 0.1, 0, "logit"),
        (0.0, 0.1, 9, "log"),
        (0.4, 0.0, 9, "log"),
        (0.4, 0.0, 9, "t"),
        (0.4, 0.1, 0, "t"),
        (0.4, 0.1, 9, "none"),
        (nan, 0.1, 9, "t"),
        (0.4, nan, 9, "t"),
        (0.4, nan, 9, "log"),
        (1.2, 0.1, 9, "logit"),
    ],
)
def test_no_interval_where_there_is_none(value, se, df, scale):
    assert all(isnan(end) for end in interval(value, se, df, scale, 0.95))


SCALES = {
    ("headcount", "before"): "logit",
    ("headcount", "after"): "logit",
    ("headcount", "change"): "log",
    ("poverty_gap", "before"): "logit",
    ("poverty_gap", "change"): "log",
    ("poverty_severity", "before"): "logit",
    ("poverty_severity", "change"): "log",
    ("mean_welfare", "before"): "log",
    ("mean_welfare", "change"): "t",
    ("gini", "before"): "log",
    ("gini", "after"): "log",
    ("gini", "change"): "t",
    ("palma", "before"): "log",
    ("palma", "change"): "t",
    ("quantile", "before"): "log",
    ("quantile", "change"): "t",
    ("recipients", "after"): "log",
    ("total_cost", "after"): "log",
    ("access", "before"): "logit",
    ("d_index", "before"): "none",
}


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_every_statistic_has_the_interval_of_its_kind(level):
    survey = sp.example_survey(1200)
    opportunity = sp.Opportunity("o", "internet", circumstances=["bottom40", "urbrur"])
    statistics = [
        sp.MeanWelfare(),
        sp.Poverty(70.0),
        sp.Inequality(),
        sp.Quantile(0.4),
        sp.Cost(),
        sp.Access(opportunity),
        sp.Dissimilarity(opportunity, "cells"),
    ]
    package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    made = sp.estimate(
        survey, statistics, {"after": sp.simulate(survey, package)}, replicates=sp.Bootstrap(64), level=level
    )
    frame = made.frame().set_index(["statistic", "scenario"]).sort_index()
    assert not set(SCALES) - set(frame.index)
    for key, scale in SCALES.items():
        row = frame.loc[[key]].iloc[0]
        if scale == "none":
            assert isnan(row.ci_low)
            assert isnan(row.ci_high)
            assert row.se > 0
            assert row.flag == "biased;no interval"
            continue
        expected = interval(row.value, row.se, row.df, scale, level)
        assert (row.ci_low, row.ci_high) == expected
        assert expected[0] < row.value < expected[1]
        if scale != "t" and key[1] != "change":
            assert row.ci_low > 0
    assert (frame.loc[("headcount", "change"), "ci_high"] < 0).all()


# -- degrees of freedom ---------------------------------------------------------------------------------------------


def satterthwaite(values_by_stratum):
    """Return (sum V_h)^2 / sum V_h^2 / (n_h - 1) with V_h = (n_h - 1) / n_h sum (v - mean)^2."""
    variance = [(len(v) - 1) / len(v) * sum((x - sum(v) / len(v)) ** 2 for x in v) for v in values_by_stratum]
    squares = sum(V**2 / (len(v) - 1) for V, v in zip(variance, values_by_stratum, strict=True))
    return sum(variance) ** 2 / squares if squares else np.inf


def test_effective_degrees_of_freedom_equal_those_without_one_psu_at_a_time():
    hand, made = by_hand(), estimated()
    assert hand.survey.design.df == 15
    strata = without_one(hand.survey)
    known, checked = {}, 0

    def values(row, scenario):
        """Return a figure without one PSU at a time, by stratum."""
        key = row.statistic, row.param, row.by, row.level, scenario
        if key not in known:
            by, unit = () if row.by == "all" else (row.by,), "person" if row.by == "sex" else "household"
            known[key] = [
                np.array([hand.value(oracle_of(row), factor, by, row.level, unit, scenario) for factor in stratum])
                for stratum in strata
            ]
        return known[key]

    for i, row in enumerate(made.rows):
        if row.by not in ("all", "urbrur", "sex"):
            continue
        if row.scenario == "change":
            pairs = zip(values(row, "after"), values(row, "before"), strict=True)
            expected = satterthwaite([after - before for after, before in pairs])
        else:
            expected = satterthwaite(values(row, row.scenario))
        assert made.df[i] == pytest.approx(min(max(expected, 1), row.df), rel=1e-6), row
        checked += 1
    assert checked == 5 * 3 * len(OF_WELFARE)


def test_effective_degrees_of_freedom_of_moving_classes_and_of_cells():
    hand = by_hand()
    opportunity = sp.Opportunity("o", "water", circumstances=["quintile", "urbrur"])
    of_classes = sp.estimate(
        hand.survey, [sp.MeanWelfare(), sp.Access(opportunity)], by=["bottom40"], replicates=sp.Bootstrap(2)
    )
    of_cells = sp.estimate(hand.survey, [sp.Dissimilarity(opportunity, "cells")], replicates=sp.Bootstrap(2))
    strata = without_one(hand.survey)

    def index(factor):
        cells = list(zip(hand.column("quintile", factor), hand.h["urbrur"], strict=True))
        return float(oracles.d_index([int(v) for v in hand.h["water"]], cells, hand.weights(factor)))

    def access(factor, level):
        poor = hand.column("bottom40", factor)
        rows = [i for i in range(len(poor)) if level in ("all", poor[i])]
        weight = hand.weights(factor)
        return float(oracles.mean([int(hand.h["water"][i]) for i in rows], [weight[i] for i in rows]))

    for row, df in zip((*of_classes.rows, *of_cells.rows), (*of_classes.df, *of_cells.df), strict=True):
        by = () if row.by == "all" else ("bottom40",)
        figure = {
            "mean_welfare": lambda factor, by=by, row=row: hand.value(oracles.mean, factor, by, row.level),
            "access": lambda factor, row=row: access(factor, row.level),
            "d_index": index,
        }[row.statistic]
        expected = satterthwaite([[figure(factor) for factor in stratum] for stratum in strata])
        assert df == pytest.approx(min(max(expected, 1), row.df), rel=1e-6), row


def test_design_degrees_of_freedom_are_psus_less_strata_of_the_domain():
    hand = by_hand()
    made = sp.estimate(
        hand.survey, [sp.MeanWelfare()], by=["urbrur", ("region", "urbrur")], replicates=sp.Bootstrap(2), df="design"
    )
    found = dict(zip(made.frame()["level"], made.df, strict=True))
    assert found == {
        "all": 15,
        "Rural": 5,
        "Urban": 10,
        "North x Rural": 1,
        "North x Urban": 2,
        "South x Rural": 4,
        "South x Urban": 8,
    }


def test_degrees_of_freedom_count_only_what_has_weight():
    # PSUs and strata with at least one row of positive weight in the domain, as R counts them.
    households, persons = toy_frames(zeros=False)
    ea = np.array(households["ea"])
    households["hhweight"] = np.where(ea == 19, 0, households["hhweight"])
    survey = sp.Survey(households, persons, person="pid", welfare="pc", psu="ea", strata=["region", "urbrur"])
    opportunity = sp.Opportunity("o", "water", circumstances=["urbrur"])
    made = sp.estimate(
        survey, [sp.MeanWelfare(), sp.Access(opportunity)], by=["urbrur"], replicates=sp.Bootstrap(2), df="design"
    )
    found = dict(zip(zip(made.frame()["statistic"], made.frame()["level"], strict=True), made.df, strict=True))
    assert found == {
        (statistic, level): df
        for statistic in ("mean_welfare", "access")
        for level, df in (("all", 14), ("Rural", 5), ("Urban", 9))
    }


def test_sixty_degrees_of_freedom_need_no_estimate():
    survey = sp.example_survey(2000)
    assert survey.design.df == 92
    opportunity = sp.Opportunity("o", "internet", circumstances=["urbrur"])
    made = sp.estimate(survey, [sp.MeanWelfare(), sp.Access(opportunity)], replicates=sp.Bootstrap(2))
    assert made.df.tolist() == [92, 92]


# -- replicates that fail -------------------------------------------------------------------------------------------


def test_failed_replicates_are_counted_and_left_out():
    households, persons = toy_frames(zeros=False)
    households["village"] = np.where(np.array(households["ea"]) == 3, "one", "others")  # one PSU of a stratum of three
    survey = sp.Survey(households, persons, person="pid", welfare="pc", psu="ea", strata=["region", "urbrur"])
    replicates = sp.Bootstrap(200, seed=5)
    made = sp.estimate(
        survey, [sp.MeanWelfare(), sp.Inequality(), sp.Quantile(0.4)], by=["village"], replicates=replicates
    )
    psu = survey.design.psu_labels.index("3")
    drawn = np.array([row[psu] > 0 for row in factors(survey, replicates)])
    assert 0 < drawn.sum() < 200
    for i, row in enumerate(made.rows):
        line = made.frame().iloc[i]
        if row.level != "one":
            assert line.replicates == 200
            assert "failed" not in line.flag
            continue
        assert np.array_equal(np.isfinite(made.draws[:, i]), drawn)
        assert line.replicates == drawn.sum()
        assert f"failed {200 - drawn.sum()}" in line.flag.split(";")
        kept = made.draws[drawn, i]
        assert line.se == pytest.approx(np.std(kept, ddof=1), rel=1e-9, abs=1e-12)


# -- contrasts ------------------------------------------------------------------------------------------------------


def test_contrast_is_paired():
    made = estimated()
    a, b = (made.find(statistic="gini", scenario="before", by="urbrur", level=level) for level in ("Urban", "Rural"))
    line = made.contrast(a, b).iloc[0]
    draws = made.draws[:, a] - made.draws[:, b]
    assert line.value == made.value[a] - made.value[b]
    assert line.se == pytest.approx(oracles.bootstrap_se(draws.tolist()), rel=1e-12)
    assert line.df == min(made.df[a], made.df[b])
    t = student.ppf(0.975, line.df)
    assert (line.ci_low, line.ci_high) == pytest.approx((line.value - t * line.se, line.value + t * line.se), rel=1e-12)
    assert line.n == min(made.rows[a].n, made.rows[b].n)
    assert made.contrast(b, a).value[0] == -line.value


def test_contrast_of_a_biased_figure_has_no_interval():
    opportunity = sp.Opportunity("o", "water", circumstances=["bottom40"])
    asked = [sp.Access(opportunity), sp.Dissimilarity(opportunity, "cells")]
    made = sp.estimate(toy_survey(), asked, replicates=REPLICATES)
    line = made.contrast(0, 1).iloc[0]
    assert isnan(line.ci_low)
    assert "biased" in line.flag
    assert "no interval" in line.flag
    with pytest.raises(sp.InputError, match="A row must be 0 to 1, but 2 came"):
        made.contrast(0, 2)


# -- the same bits, however they were made --------------------------------------------------------------------------


def everything(replicates=None, **instead):
    """Estimate one of each kind of statistic."""
    survey = by_hand().survey
    opportunity = sp.Opportunity("o", "water", circumstances=["quintile", "urbrur"])
    fixed = sp.Opportunity("p", "water", circumstances=["educ", "urbrur"])
    instead["replicates"] = replicates or sp.Bootstrap(100, seed=2)
    made = [
        sp.estimate(
            survey,
            [*welfare_statistics(), sp.Access(opportunity)],
            {"after": sp.simulate(survey, PACKAGE)},
            by=["urbrur"],
            **instead,
        ),
        sp.estimate(survey, [sp.Dissimilarity(opportunity), sp.Dissimilarity(fixed)], **instead),
        sp.estimate(survey, [sp.MeanWelfare(), sp.Poverty(LINE)], by=["decile", ("sex", "bottom40")], **instead),
    ]
    whole = sp.assess(survey, [opportunity], PACKAGE, by=(), tree=sp.OpportunityTree(min_obs=5), **instead)
    return np.concatenate([part.draws for part in (*made, whole.estimates)], axis=1)


@cache
def once():
    return everything(n_threads=1)


@pytest.mark.parametrize("n_threads", [2, 4, None])
def test_threads_change_no_bit(n_threads):
    assert everything(n_threads=n_threads).tobytes() == once().tobytes()


@pytest.mark.parametrize("groups", [1, 3, 7, 64])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_blocks_change_no_bit(monkeypatch, groups, n_threads):
    monkeypatch.setattr(_parallel, "GROUPS", groups)
    assert everything(n_threads=n_threads).tobytes() == once().tobytes()


@pytest.mark.parametrize("n", [2, 7, 8, 9, 31, 32, 33, 1000])
def test_fewer_replicates_are_the_first_of_more(n):
    made = everything(sp.Bootstrap(n, seed=2))
    assert made.shape[0] == n
    shared = min(n, 100)
    assert made[:shared].tobytes() == once()[:shared].tobytes()


def test_another_seed_gives_other_draws_and_the_same_values():
    made = [
        sp.estimate(by_hand().survey, welfare_statistics(), replicates=sp.Bootstrap(50, seed=seed)) for seed in (1, 2)
    ]
    assert made[0].value.tobytes() == made[1].value.tobytes()
    assert (made[0].draws != made[1].draws).any(axis=0).all()


def test_progress_adds_up_to_the_replicates():
    for n_threads in (1, 3):
        told = []
        sp.estimate(
            toy_survey(), [sp.MeanWelfare()], replicates=sp.Bootstrap(100), n_threads=n_threads, progress=told.append
        )
        assert [progress.done for progress in told] == [32, 64, 96, 100] if n_threads == 1 else len(told) == 4
        assert (told[-1].done, told[-1].total, told[-1].failed, told[-1].left) == (100, 100, 0, 0)


# -- Ctrl-C ---------------------------------------------------------------------------------------------------------


class Watched(sp.Bootstrap):
    """Counts the blocks that were begun."""

    begun = 0

    def bind(self, survey):
        bound = super().bind(survey)
        return replace(bound, source=Slow(bound.source))


class Slow:
    def __init__(self, source):
        self.source = source

    def factors(self, first, groups):
        Watched.begun += 1
        time.sleep(0.01)
        return self.source.factors(first, groups)


@pytest.mark.parametrize("n_threads", [2, 4])
def test_a_second_interrupt_stops_within_a_second(n_threads):
    def interrupt(progress):
        raise KeyboardInterrupt

    Watched.begun = 0
    survey = toy_survey()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sp.estimate(survey, welfare_statistics(), replicates=Watched(20_000), n_threads=n_threads, progress=interrupt)
    assert time.monotonic() - start < 1
    assert 1 <= Watched.begun < 60  # of 625 blocks, which take 6 s on one thread


INTERRUPTED = """
import sys, scipy.stats, sp2lnob as sp  # what intervals need, whose import may take seconds
survey = sp.example_survey(2000)
def told(done):
    print("begun", flush=True)
est = sp.estimate(survey, [sp.Inequality(), sp.MeanWelfare()], by=["urbrur"], replicates=sp.Bootstrap(2_000_000),
                  n_threads=int(sys.argv[1]), progress=told)
assert 32 <= len(est.draws) < est.asked == 2_000_000
assert all(flag.endswith("interrupted") for flag in est.flags)
sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_ends_a_run_with_what_is_finished(n_threads):
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(n_threads)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begun\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == 130
        assert time.monotonic() - start < 10  # of minutes: on a busy machine a second may be little


# -- memory ---------------------------------------------------------------------------------------------------------


def peak(replicates, statistics):
    survey = sp.example_survey(2000)
    tracemalloc.start()
    sp.estimate(survey, statistics, by=["urbrur", "decile"], replicates=sp.Bootstrap(replicates), n_threads=1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_replicates_beyond_the_draws():
    statistics = [sp.MeanWelfare(), sp.Poverty(60.0)]
    peak(40, statistics)  # imports and caches
    few, many = peak(100, statistics), peak(4000, statistics)
    draws = 8 * 4 * 13 * (4000 - 100)
    assert many - few > draws
    assert many - few < 3 * draws  # as the blocks gave them, in the order of the frame, and one more for what passes by
