"""The kernels as built: whether an index out of bounds is an error is the whole difference of the two builds."""

import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob import _sweeps
from sp2lnob._cuts import ClassTotals, Moves
from sp2lnob._kernels import _ordered, _totals
from sp2lnob._sweeps import Slots, Totals, Weighted

# Of `make test`, on x86-64.
EXPECTED = [
    "0x1.d6fb92768e5d9p+6",
    "0x1.d11973d686183p-4",
    "-0x1.3a01e294b8800p-7",
    "0x1.b7c9f4b777084p-3",
    "0x1.aaca20dd7c262p-3",
    "0x1.432e2a2971747p-2",
    "0x1.1a1f94334619fp-4",
]


def test_the_bounds_checked_build_checks_bounds():
    if os.environ.get("SP2LNOB_DEBUG") != "1":
        pytest.skip("only on the build of `make test-debug`: elsewhere this would write where it must not")
    slot = np.array([0, 7], dtype=np.int32)
    with pytest.raises(IndexError):
        _totals.slot_totals(np.ones((1, 2)), slot, np.zeros((1, 1)))


def test_both_builds_give_the_same_bits():
    """The numbers were written down once; the example survey is the same everywhere, and so are its replicates."""
    survey = sp.example_survey(400)
    opportunity = sp.Opportunity("internet", "internet == 1", circumstances=["bottom40", "urbrur"])
    package = sp.Package([sp.child_benefit(sp.Amount(6, "month"), coverage=0.5)])
    result = sp.assess(survey, [opportunity], package, lines={"national": 60.0}, replicates=sp.Bootstrap(9))
    figures = (
        {"statistic": "mean_welfare", "scenario": "before", "by": "all"},
        {"statistic": "headcount", "scenario": "after", "by": "all"},
        {"statistic": "gap", "scenario": "change"},
        {"statistic": "d_index", "param": "cells"},
        {"statistic": "d_index", "param": "empirical-bayes"},
        {"statistic": "hoi"},
        {"statistic": "shapley", "param": "urbrur"},
    )
    found = [float(result.estimates.draws[8, result.estimates.find(**figure)]).hex() for figure in figures]
    assert found == EXPECTED


@pytest.mark.parametrize("columns", [1, 2, 5])
@pytest.mark.parametrize("ordered", [True, False])
def test_totals_by_level_and_class_are_those_of_plain_loops(columns, ordered):
    """Rows in any order, levels that no row has, values at a cut, and more of one class than are weighed together."""
    rng = np.random.default_rng(columns)
    n, units, levels = 700, 9, 5
    unit = rng.integers(0, units, n).astype(np.int32)
    if ordered:
        unit.sort()
    level = rng.choice([0, 2, 3], n, p=[0.7, 0.2, 0.1]).astype(np.int32)
    values = rng.normal(size=(columns, n)) * (rng.random((columns, n)) < 0.6)
    welfare = rng.integers(0, 40, n).astype(np.float64)
    factors = rng.random((2, units, 8))
    cuts = np.sort(rng.integers(8, 32, (3, 16)), axis=0).astype(np.float64)
    by_level, by_class = np.zeros((levels, columns, 16)), np.zeros((levels, 4, columns, 16))
    for i in range(n):
        for r in range(16):
            weighted = values[:, i] * factors[r // 8, unit[i], r % 8]
            by_level[level[i], :, r] += weighted
            by_class[level[i], sum(welfare[i] > cut for cut in cuts[:, r]), :, r] += weighted
    found = ClassTotals(list(values), unit, level, levels, welfare)
    near = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(Totals.of(list(values), unit, level, levels).evaluate(factors), by_level, **near)
    np.testing.assert_allclose(found.evaluate(factors, np.empty((0, 16)))[:, 0], by_level, **near)
    np.testing.assert_allclose(found.evaluate(factors, cuts), by_class, **near)
    margins = np.quantile(cuts, [0.2, 0.8], axis=1)  # beyond which some replicates cut
    np.testing.assert_allclose(replace(found, margins=margins).evaluate(factors, cuts), by_class, **near)
    whole = [[column[level == of].sum() for column in values] for of in range(levels)]
    sums = Weighted.of(list(values)).added_up_by([(level, levels), (unit, units)])
    np.testing.assert_allclose(sums[0].T, whole, **near)
    np.testing.assert_allclose(sums[1].sum(axis=1), values.sum(axis=1), **near)


@pytest.mark.parametrize("run", [1, 7, 8, 9, 16, 17, 300])
@pytest.mark.parametrize("columns", [0, 1, 3])
def test_sums_by_slot_are_those_of_plain_loops(run, columns):
    """Slots whose rows follow each other in runs of any length, some of them left out."""
    rng = np.random.default_rng(run)
    slot = np.repeat(rng.integers(-1, 6, 40), run).astype(np.int32)
    values = rng.normal(size=(columns, len(slot)))
    known = np.zeros((columns, 6))
    for i, to in enumerate(slot):
        if to >= 0:
            known[:, to] += values[:, i]
    found = np.zeros((columns, 6))
    _totals.slot_totals(values, slot, found)
    np.testing.assert_allclose(found, known, rtol=1e-12, atol=1e-12)


def test_a_kernel_refuses_columns_that_are_in_pieces():
    rows, slot = np.ones((6, 4)), np.zeros(6, dtype=np.int32)
    with pytest.raises(ValueError, match="contiguous"):
        _totals.slot_totals(rows.T, slot, np.zeros((4, 1)))
    with pytest.raises(ValueError, match="contiguous"):
        _totals.gaps_below(np.ones(6), np.ones(6), 2.0, np.empty((6, 3)).T)


@pytest.mark.parametrize("line", [2.5, 1e-320, 1e308, np.inf])
def test_gaps_are_those_of_the_formula(line):
    welfare = np.r_[np.linspace(-3.0, 5.0, 41), np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324]
    weight = np.arange(len(welfare)) % 3 * 1.5
    with np.errstate(all="ignore"):
        gap = line - welfare
        share, poor = np.where(gap > 0, gap / line, 0.0), np.where(gap > 0, weight, 0.0)
        known = np.array([poor, poor * share, poor * share * share])
    found = np.empty((3, len(welfare)))
    _totals.gaps_below(welfare, weight, line, found)
    np.testing.assert_array_equal(found, known)


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("rows", [0, 1, 200])
def test_counts_by_level_are_those_of_plain_loops(levels, rows):
    """Rows and PSUs without weight do not count."""
    rng = np.random.default_rng(rows)
    psu, stratum = np.sort(rng.integers(0, 12, rows)).astype(np.int32), np.repeat([0, 1, 2], 4).astype(np.int32)
    level, weight = rng.integers(0, levels, rows).astype(np.int32), rng.integers(0, 3, rows) * 1.0
    weight[psu == 5] = 0.0
    counts, sums = _sweeps.level_counts(psu, stratum, level, weight, levels)
    for one in range(levels):
        here = level == one
        by_psu = np.bincount(psu[here], weight[here], 12)
        there = by_psu > 0
        assert counts[:, one].tolist() == [(weight[here] > 0).sum(), there.sum(), len(set(stratum[there].tolist()))]
        np.testing.assert_allclose(sums[:, one], [by_psu.sum(), (by_psu**2).sum()], rtol=1e-12)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("rows", [0, 300])
def test_units_may_be_the_slots_of_one_level(ordered, rows):
    """Units that have no rows are in the sums of nobody, in any order of rows."""
    rng = np.random.default_rng(7)
    unit = rng.choice([0, 1, 4, 70, 71], rows).astype(np.int32)
    if ordered:
        unit.sort()
    columns, factors = Weighted.of([*rng.normal(size=(2, rows))]), rng.random((2, 80, 8))
    own, plain = Slots.of_one_level(unit), Slots.of(unit, np.zeros(rows, dtype=np.int32), 1)
    found, known = (
        Totals.at(slots, columns.added_up(slots.of_row, len(slots.unit))).evaluate(factors) for slots in (own, plain)
    )
    assert found.shape == (1, 2, 16)
    np.testing.assert_allclose(found, known, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("margins", [None, (0.0, 1.0), (0.2, 0.8), (0.5, 0.5)])
def test_who_changes_class_is_added_up_as_in_a_plain_loop(margins):
    """Within margins or beyond them, a replicate counts the same, to the last bit."""
    rng = np.random.default_rng(3)
    n, units, domains = 400, 9, 3
    unit, domain = (rng.integers(0, many, n).astype(np.int32) for many in (units, domains))
    weight, before, factors = rng.random(n), rng.integers(0, 40, n).astype(float), rng.random((2, units, 8))
    after = before + rng.integers(-3, 6, n)
    cuts = np.sort(rng.integers(8, 32, (2, 16)), axis=0).astype(float)
    place = rng.integers(0, 4, (domains, 3)).astype(np.int32)
    known = np.zeros((4, 4, 16))
    for i in range(n):
        for r in range(16):
            was, becomes = (sum(welfare[i] > cut for cut in cuts[:, r]) for welfare in (before, after))
            if was != becomes:
                known[place[domain[i], was], place[domain[i], becomes], r] += (
                    weight[i] * factors[r // 8, unit[i], r % 8]
                )
    ends = None if margins is None else np.quantile(cuts, margins, axis=1)
    found = Moves(weight, unit, domain, before, after, place, 4, ends)
    assert found.evaluate(factors, cuts).tobytes() == known.tobytes()


def test_members_are_added_up_and_reached_as_in_plain_loops():
    rng = np.random.default_rng(5)
    first = np.r_[0, np.cumsum(rng.integers(1, 9, 60))].astype(np.int32)
    values, chance = rng.normal(size=first[-1]), rng.choice([0.0, 0.3, 1.0], (first[-1], 3))
    total, reached = np.empty(60), np.empty((60, 3))
    _totals.member_sums(values, first, total)
    _totals.member_chances(chance, first, reached)
    for home, (begin, end) in enumerate(pairwise(first.tolist())):
        plain = 0.0
        for value in values[begin:end].tolist():
            plain += value
        assert total[home] == plain
        for c in range(3):
            nobody = 1.0
            for one in chance[begin:end, c].tolist():
                nobody *= 1.0 - one
            assert reached[home, c] == 1.0 - nobody


# -- orders ---------------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(20261127)
WELFARE = {
    "of nobody": np.empty(0),
    "of one": np.array([3.0]),
    "all alike": np.full(300, 2.5),
    "with ties": RNG.integers(0, 9, 3000).astype(np.float64),
    "of both signs": np.r_[RNG.normal(size=3000), 0.0, -0.0, 0.0, np.inf, -np.inf],
    "of a wide range": RNG.lognormal(0, 30, 3000),
    "alike in all but the last bits": 1.0 + RNG.integers(0, 50, 3000) * 2.0**-52,
    "in one corner of its range": np.r_[1e300, -1e300, 1e6 + RNG.random(3000)],
    "not known": np.array([1.0, np.nan, 2.0, np.nan, -3.0]),
}


@pytest.mark.parametrize("name", WELFARE)
def test_rows_from_the_richest_down_are_those_of_a_stable_sort(name):
    welfare = WELFARE[name]
    expected = np.argsort(-welfare, kind="stable")
    np.testing.assert_array_equal(_sweeps.richest_first(welfare), expected)
    order = np.empty(len(welfare), dtype=np.int32)
    counted = _ordered.richest_first(welfare, np.empty((2, len(welfare)), dtype=np.uint64), order)
    assert counted is (name not in ("in one corner of its range", "not known"))  # what Python then sorts


def test_rows_by_level_keep_their_order():
    level = RNG.choice([0, 2, 5], 1000).astype(np.int32)
    np.testing.assert_array_equal(_sweeps.by_level(level, 7), np.argsort(level, kind="stable"))
    for i, rows in enumerate(_sweeps.levels_of(level, 7)):
        np.testing.assert_array_equal(rows, np.flatnonzero(level == i))


@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 600])
def test_a_row_at_a_cut_is_of_the_poorer_class(n):
    welfare, cuts = RNG.integers(0, 12, n).astype(np.float64), np.array([2.0, 5.0, 5.0, 9.5])
    np.testing.assert_array_equal(_sweeps.class_of(welfare, cuts), np.searchsorted(cuts, welfare, side="left"))


@pytest.mark.parametrize("n", [1, 255, 256, 1500])
def test_one_lane_has_the_bits_of_eight(n):
    shares = np.array([0.1, 0.4, 0.9])
    unit = np.arange(n, dtype=np.int32)
    ordering = _sweeps.Ordering.of(RNG.lognormal(0, 1, n), RNG.random(n), unit)
    alone = ordering.evaluate(np.ones((1, n, 8)), shares)
    twice = np.ones((1, n + 1, 8))  # more units than rows: all lanes are swept
    for one, eight in zip(alone.arrays, ordering.evaluate(twice, shares).arrays, strict=True):
        assert one.tobytes() == eight.tobytes()


def test_classes_side_by_side_have_the_bits_of_one_after_the_other():
    n, cuts = 900, np.tile(np.array([[3.0], [5.0], [7.0], [90.0]]), (1, 8))  # nobody is above the last
    base, once = RNG.integers(0, 12, n).astype(np.float64), np.ones((1, 9, 8))
    ordering = _sweeps.Ordering.of(RNG.integers(0, 20, n) * 1.0, RNG.random(n), RNG.integers(0, 9, n).astype(np.int32))
    rows = RNG.permutation(n).astype(np.int32)
    known = _sweeps.ClassOrdering(ordering, 5, base, rows, _sweeps.class_of(base, cuts[:, 0]))
    alone = _sweeps.ClassOrdering(ordering, 5, base[rows])
    for one, other in zip(known.evaluate(once, cuts), alone.evaluate(once, cuts), strict=True):
        for a, b in zip(one.arrays, other.arrays, strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("sorted_by_base", [True, False])
def test_classes_of_the_full_sample_have_the_bits_of_classes_cut_anew(sorted_by_base):
    n, cuts = 900, np.tile(np.array([[3.0], [3.0], [7.0]]), (1, 8))
    welfare = RNG.integers(0, 12, n).astype(np.float64)
    ordering = _sweeps.Ordering.of(welfare, RNG.random(n), RNG.integers(0, 9, n).astype(np.int32))
    base = None if sorted_by_base else RNG.integers(0, 12, n).astype(np.float64)
    of = _sweeps.ClassOrdering(ordering, 4, base)
    anew = np.ones((1, 9, 8))
    anew[0, :, 7] = 2.0  # one lane that is not the full sample: classes are cut in each
    shares = np.array([0.5])
    for fixed, cut in zip(of.evaluate(np.ones((1, 9, 8)), cuts, shares), of.evaluate(anew, cuts, shares), strict=True):
        for one, other in zip(fixed.arrays, cut.arrays, strict=True):
            np.testing.assert_array_equal(one[..., :7], other[..., :7])
