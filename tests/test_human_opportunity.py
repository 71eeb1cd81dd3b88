"""The Human Opportunity Index: the peers' values, standard errors by perturbed weights, changes, and on a survey."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob.human_opportunity import Sample

from ._peers import KNOWN, survey

VALUES = ("coverage", "d", "hoi")


@pytest.fixture(scope="module")
def peers():
    return survey()


def small(seed=1, n=120):
    """Return access, circumstances, weights, PSUs and strata of a few rows."""
    rng = np.random.default_rng(seed)
    psu = np.sort(rng.integers(0, 12, n))
    circumstances = {"a": rng.integers(0, 3, n), "b": np.array(["x", "y"])[rng.integers(0, 2, n)]}
    odds = 0.7 * circumstances["a"] - 0.8 * (circumstances["b"] == "x") + rng.normal(0, 0.5, 12)[psu]
    access = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    return access, circumstances, rng.integers(1, 5, n), psu, psu // 4


def test_it_is_what_the_peers_have(peers):
    access, circumstances, w, psu, stratum, _ = peers
    found = sp.human_opportunity_index(access, circumstances, w, psu=psu, strata=stratum)
    assert found.coverage == pytest.approx(KNOWN["coverage"], abs=1e-11)
    assert found.d == pytest.approx(KNOWN["logit D"], abs=1e-11)
    assert found.hoi == pytest.approx(KNOWN["logit HOI"], abs=1e-11)
    cells = sp.human_opportunity_index(access, circumstances, w, "cells", se=None)
    assert cells.d == pytest.approx(sp.d_index(access, circumstances, w), abs=1e-13)


def test_electricity_in_the_gambia():
    """63 % of households: 13 % of the bottom 40, 92 % of the top 60, so that these are 36.7 % of them."""
    poor = (0.92 - 0.63) / (0.92 - 0.13)
    assert poor == pytest.approx(0.367, abs=5e-4)
    w = [poor * 0.13, poor * 0.87, (1 - poor) * 0.92, (1 - poor) * 0.08]
    found = sp.human_opportunity_index([1, 0, 1, 0], ["bottom 40"] * 2 + ["top 60"] * 2, w, "logit", se=None)
    assert found.coverage == pytest.approx(0.63)
    assert found.d == pytest.approx(0.2913, abs=5e-5)
    assert found.hoi == pytest.approx(0.63 * (1 - found.d))


def test_d_is_duncan_s_segregation_index_less_those_with_access():
    access, circumstances, w, *_ = small()
    found = sp.human_opportunity_index(access, circumstances, w, "cells", se=None)
    key = np.array([f"{a}{b}" for a, b in zip(*circumstances.values(), strict=True)])
    held, lacking = (w * access).sum(), (w * (1 - access)).sum()
    duncan = sum(
        abs((w * access)[key == k].sum() / held - (w * (1 - access))[key == k].sum() / lacking) for k in set(key)
    )
    assert found.d == pytest.approx((1 - found.coverage) * duncan / 2, abs=1e-14)


@pytest.mark.parametrize("method", ["logit", "cells", "geometric"])
def test_what_a_row_adds_is_how_the_index_moves_with_its_weight(method):
    access, circumstances, w, *_ = small(n=60)
    sample = Sample.of(access, circumstances, w)
    found, rate = sample.index(method)
    added = sample.influence(found, rate, fixed=False)
    for i in range(0, 60, 7):
        step = 1e-5
        ends = []
        for sign in (-1, 1):
            moved = w.astype(float)
            moved[i] *= 1 + sign * step
            other = Sample.of(access, circumstances, moved).index(method)[0]
            ends.append([getattr(other, name) for name in VALUES])
        np.testing.assert_allclose(added[:, i], (np.array(ends[1]) - ends[0]) / (2 * step), rtol=2e-5, atol=1e-9)


def test_coverage_is_a_mean_whose_rows_add_what_those_of_a_mean_add():
    access, circumstances, w, *_ = small()
    sample = Sample.of(access, circumstances, w)
    found, rate = sample.index("logit")
    added = sample.influence(found, rate, fixed=False)[0]
    np.testing.assert_allclose(added, w * (access - found.coverage) / w.sum(), rtol=0, atol=1e-14)


def test_the_standard_error_of_coverage_is_that_of_a_mean_by_psu():
    access, circumstances, w, psu, stratum = small()
    found = sp.human_opportunity_index(access, circumstances, w, psu=psu, strata=stratum)
    z = w * (access - found.coverage) / w.sum()
    variance = 0.0
    for h in np.unique(stratum):
        totals = np.array([z[psu == p].sum() for p in np.unique(psu[stratum == h])])
        variance += len(totals) / (len(totals) - 1) * ((totals - totals.mean()) ** 2).sum()
    assert found.coverage_se == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_other_standard_errors():
    access, circumstances, w, psu, stratum = small()
    full, model, published = (
        sp.human_opportunity_index(access, circumstances, w, psu=psu, strata=stratum, se=se)
        for se in ("linearized", "model", "hoi17")
    )
    assert published.hoi_se == model.hoi_se
    assert published.coverage_se == model.coverage_se < full.coverage_se
    assert published.d_se >= 4 * model.d_se
    none = sp.human_opportunity_index(access, circumstances, w, se=None)
    assert np.isnan([none.coverage_se, none.d_se, none.hoi_se]).all()
    assert none.hoi == full.hoi


def test_order_scale_and_copies_do_not_matter():
    access, circumstances, w, psu, _ = small()
    found = sp.human_opportunity_index(access, circumstances, w, psu=psu)
    order = np.random.default_rng(2).permutation(len(w))
    moved = {name: column[order] for name, column in circumstances.items()}
    again = sp.human_opportunity_index(access[order], moved, w[order] * 1000.0, psu=psu[order])
    copies = np.repeat(np.arange(len(w)), w)
    copied = {name: column[copies] for name, column in circumstances.items()}
    whole = sp.human_opportunity_index(access[copies], copied, np.ones(len(copies)), psu=psu[copies])
    for name in (*VALUES, "d_se", "hoi_se"):
        assert getattr(again, name) == pytest.approx(getattr(found, name), rel=1e-9)
        assert getattr(whole, name) == pytest.approx(getattr(found, name), rel=1e-9)


def test_a_row_without_weight_is_absent():
    access, circumstances, w, psu, _ = small()
    found = sp.human_opportunity_index(access, circumstances, w, psu=psu)
    more = {name: np.append(column, column[0]) for name, column in circumstances.items()}
    again = sp.human_opportunity_index(np.append(access, 1), more, np.append(w, 0), psu=np.append(psu, psu[0]))
    assert [getattr(again, name) for name in VALUES] == pytest.approx([getattr(found, name) for name in VALUES])
    assert again.hoi_se == pytest.approx(found.hoi_se)


@pytest.mark.parametrize("method", ["logit", "cells", "geometric"])
@pytest.mark.parametrize(("access", "d", "hoi"), [(0, np.nan, 0.0), (1, 0.0, 1.0)])
def test_an_outcome_that_is_constant(method, access, d, hoi):
    found = sp.human_opportunity_index([access] * 4, ["a", "a", "b", "b"], [1, 2, 3, 4], method)
    assert found.coverage == access
    assert found.d == pytest.approx(d, nan_ok=True)
    assert found.hoi == hoi
    assert np.isnan(found.hoi_se)


def test_perfect_prediction_is_told_and_changes_nothing_else():
    where = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    access = [0, 1, 0, 1] + [0] * 4 + [1, 1, 1, 0]
    found = sp.human_opportunity_index(access, where, np.ones(12))
    assert found.separated
    assert found.d == pytest.approx(sp.d_index(access, where, np.ones(12)), abs=1e-11)
    assert found.hoi_se == pytest.approx(
        sp.human_opportunity_index(access, where, np.ones(12), "cells").hoi_se, rel=1e-6
    )
    assert sp.human_opportunity_index(access, where, np.ones(12), "geometric", se=None).hoi == 0


def test_a_circumstance_that_follows_from_another_changes_nothing():
    access, circumstances, w, psu, _ = small()
    double = circumstances | {"c": circumstances["a"] // 2}
    for name in (*VALUES, "d_se", "hoi_se"):
        assert getattr(sp.human_opportunity_index(access, double, w, psu=psu), name) == pytest.approx(
            getattr(sp.human_opportunity_index(access, circumstances, w, psu=psu), name), rel=1e-9
        )


def test_at_its_kink_an_index_has_no_standard_error():
    found = sp.human_opportunity_index([1, 0, 1, 0], ["a", "a", "b", "b"], [1, 1, 1, 1])
    assert found.d == pytest.approx(0, abs=1e-12)
    assert np.isnan(found.d_se)
    assert found.coverage_se > 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"method": "probit"}, r"method must be one of 'logit', 'cells', 'geometric', but it is 'probit'"),
        ({"se": "robust"}, r"se must be one of 'linearized', 'model', 'hoi17', but it is 'robust'"),
        ({"se": "hoi17", "method": "cells"}, r"se='hoi17' must go with method='logit', but it came with 'cells'"),
        ({"access": [1, 0, 2, 0]}, r"Every access must be 0 or 1, but 1 of 4 rows do not \(first: row 2: 2\)"),
        ({"circumstances": ["a", "b"]}, r"one circumstance a row, but 4 rows of access came with 2 of circumstances"),
        ({"circumstances": ["a", None, "b", "b"]}, r"Circumstance 'circumstance' must be known in every row"),
        ({"circumstances": {}}, r"must have|There must be"),
        ({"weights": None}, r"A weight is required, but None came"),
        ({"psu": ["p", "p", "p", "q"], "strata": [1, 1, 1, 2]}, r"two PSUs or more, but 2 of 2 have one only"),
        ({"psu": [1, 2]}, r"one psu a row, but 4 rows came with 2"),
        ({"psu": [1, 2, None, 3]}, r"Every psu must be known, but 1 of 4 rows do not"),
    ],
)
def test_bad_input(changed, message):
    given = {"access": [1, 0, 1, 0], "circumstances": ["a", "a", "b", "b"], "weights": [1, 1, 1, 1]} | changed
    with pytest.raises(sp.InputError, match=message):
        sp.human_opportunity_index(**given)


def test_ten_thousand_levels_are_too_many_for_a_logit():
    names = np.arange(10_000)
    with pytest.raises(sp.InputError, match=r"at most 500 parameters, but levels of 1 circumstances make 10,000"):
        sp.human_opportunity_index(names % 2, names, np.ones(10_000))
    assert sp.human_opportunity_index(names % 2, names, np.ones(10_000), "cells", se=None).d == pytest.approx(0.5)


def test_the_page_shows_what_the_study_found():
    root = Path(__file__).parents[1]
    page = (root / "docs" / "guide" / "hoi.md").read_text(encoding="utf-8")
    table = pd.read_csv(root / "benchmarks" / "coverage" / "hoi.csv")
    found = {(error, population, value): ratio for population, value, error, ratio in table.iloc[:, :4].to_numpy()}
    populations, values = table["population"].unique(), ("coverage", "d", "hoi", "geometric")
    for error in ("model, by row", "model, by PSU", "linearized, by PSU"):
        (row,) = re.findall(rf"^\| {error} \| (.*) \|$", page, flags=re.M)
        shown = [float(number) for cell in row.split(" | ") for number in cell.split()]
        known = [found[error, population, value] for population in populations for value in values]
        np.testing.assert_allclose(shown, known, rtol=0, atol=0.0051)
    for population in populations:
        assert found["hoi 1.7, by PSU", population, "d"] > 3
        if population.startswith("random x"):
            assert all(0.9 < found["linearized, by PSU", population, value] < 1.1 for value in values)


# -- changes --------------------------------------------------------------------------------------------------------


def test_effects_are_those_of_their_formulas():
    first, second = small(1)[:3], small(2, 200)[:3]
    found = sp.human_opportunity_change(first, second)
    one, two = (sp.human_opportunity_index(*given, se=None) for given in (first, second))
    under = Sample.of(*first).logit.fit(Sample.of(*first).sums).coefficients[:, 0]
    other = Sample.of(*second)
    rate = 1 / (1 + np.exp(-other.logit.product(under[:, None])[:, 0]))
    weight = other.sums[:, 0, 0]
    C = (weight * rate).sum() / weight.sum()
    D = (weight * abs(rate - C)).sum() / (2 * C * weight.sum())
    known = [
        one.hoi,
        two.hoi,
        two.hoi - one.hoi,
        two.coverage * (1 - one.d) - one.coverage * (1 - one.d),
        two.coverage * (1 - two.d) - two.coverage * (1 - one.d),
        C * (1 - D) - one.hoi,
        (two.coverage - C) * (1 - D),
        two.coverage * (D - two.d),
    ]
    np.testing.assert_allclose(found["value"], known, rtol=0, atol=1e-10)
    assert found.value[3:5].sum() == pytest.approx(found.value[2], abs=1e-14)
    assert found.value[5:].sum() == pytest.approx(found.value[2], abs=1e-14)
    assert found.se.isna().all()


def test_effects_of_replicates_are_effects_of_their_weights():
    rng = np.random.default_rng(3)
    first, second = small(1)[:3], small(2, 200)[:3]
    tables = [given[2][:, None] * rng.integers(0, 3, (len(given[2]), 11)) for given in (first, second)]
    found = sp.human_opportunity_change(first, second, replicate_weights=tables)
    each = [
        sp.human_opportunity_change((*first[:2], tables[0][:, r]), (*second[:2], tables[1][:, r])).value
        for r in range(11)
    ]
    np.testing.assert_allclose(found.se, np.std(each, axis=0, ddof=1), rtol=1e-8)
    assert (found.replicates == 11).all()


def test_the_same_survey_twice_has_not_changed():
    given = small()[:3]
    assert abs(sp.human_opportunity_change(given, given).value[2:]).max() < 1e-13


@pytest.mark.parametrize(
    ("second", "replicate_weights", "message"),
    [
        (([1, 0], {"b": ["x", "y"]}, [1, 1]), None, r"same circumstances, but they are a, and b"),
        (
            ([1, 0], {"a": ["x", "z"]}, [1, 1]),
            None,
            r"'a' must occur in the first survey, but 'z' occurs",
        ),
        (([1, 0], {"a": ["x", "y"]}, [1, 1]), (np.ones((4, 3)), np.ones((2, 4))), r"as many replicates, .* 3 and 4"),
        (([1, 0], {"a": ["x", "y"]}, [1, 1]), (np.ones((3, 3)), np.ones((2, 3))), r"4 rows came with a table of shape"),
        (([1, 0], {"a": ["x", "y"]}, [1, 1]), (-np.ones((4, 3)), np.ones((2, 3))), r"finite and 0 or more"),
    ],
)
def test_bad_input_of_changes(second, replicate_weights, message):
    first = ([1, 0, 1, 0], {"a": ["x", "x", "y", "y"]}, [1, 1, 1, 1])
    with pytest.raises(sp.InputError, match=message):
        sp.human_opportunity_change(first, second, replicate_weights=replicate_weights)
    with pytest.raises(sp.InputTypeError, match=r"given as \(access, circumstances, weights\)"):
        sp.human_opportunity_change(first, "second")


# -- on a survey ----------------------------------------------------------------------------------------------------

CIRCUMSTANCES = ["bottom40", "urbrur", "head_educ"]


def opportunity(**changed):
    return sp.Opportunity("internet", outcome="internet", **({"circumstances": CIRCUMSTANCES} | changed))


def columns(survey):
    """Return access, circumstances and weights of a survey's households, classes cut in the full sample."""
    names = ("urbrur", "head_educ")
    codes = {name: survey.column(name, "household").categories()[1] for name in names}
    cut = sp.quantile(survey.welfare, survey.people, 0.4)
    access = survey.column("internet", "household").values
    return access, {"bottom40": (survey.welfare > cut).astype(int), **codes}, survey.people


@pytest.mark.parametrize("method", ["logit", "cells", "geometric"])
def test_on_a_survey_it_is_that_of_its_columns(example, method):
    frame = sp.estimate(
        example, [sp.HumanOpportunity(opportunity(), method)], by=["urbrur"], replicates=sp.Bootstrap(20)
    ).frame()
    access, circumstances, w = columns(example)
    known = [sp.human_opportunity_index(access, circumstances, w, method, se=None).hoi]
    for level in range(2):
        some = circumstances["urbrur"] == level
        inside = {name: column[some] for name, column in circumstances.items()}
        known.append(sp.human_opportunity_index(access[some], inside, w[some], method, se=None).hoi)
    np.testing.assert_allclose(frame.value, known, rtol=1e-10)
    assert frame.statistic.unique().tolist() == ["hoi"]
    assert frame.param.unique().tolist() == [method]
    assert frame.flag.str.contains("biased").tolist() == [method == "cells"] * 3
    assert frame.ci_low.isna().tolist() == [method == "cells"] * 3


def of_chosen(access, method):
    """Return the row of an index on 20 PSUs of one weight, ten rows each, half of either kind."""
    rows = np.arange(200)
    frame = {"hid": rows, "w": np.ones(200), "psu": rows // 10, "n": np.ones(200), "kind": rows % 2}
    frame["access"] = np.broadcast_to(access, 200)
    survey = sp.Survey(frame, household="hid", weight="w", psu="psu", size="n")
    asked = sp.HumanOpportunity(sp.Opportunity("it", "access", circumstances=["kind"]), method)
    return sp.estimate(survey, [asked], replicates=sp.Bootstrap(20)).frame().iloc[0]


@pytest.mark.parametrize("method", ["logit", "geometric"])
def test_limits_where_nobody_has_access_and_where_all_have(method):
    limit = 0.05 ** (1 / 20)  # of the coverage
    nobody, everybody = of_chosen(0, method), of_chosen(1, method)
    assert (nobody.value, nobody.ci_high) == (0, pytest.approx(1 - limit))
    assert everybody.value == 1
    if method == "logit":  # all without access may be of one kind: C (1 - D) is then C^2
        assert everybody.ci_low == pytest.approx(limit**2)
    else:  # and one of them may be a group of its own
        assert "no interval" in everybody.flag


def test_a_geometric_index_that_one_group_makes_0_has_no_limit():
    row = of_chosen(np.arange(200) % 2, "geometric")
    assert (row.value, row.flag) == (0, "separated;no interval")
    assert np.isnan(row.ci_high)


def test_replicates_cut_classes_and_fit_logits_anew(example):
    source = sp.Bootstrap(8, seed=3)
    estimated = sp.estimate(example, [sp.HumanOpportunity(opportunity())], replicates=source)
    factor = sp.replicate_weights(example, source, full=False).to_numpy(float)[:, -8:]
    access, circumstances, _ = columns(example)
    for r in range(8):
        w = factor[:, r] * example.people
        cut = sp.quantile(example.welfare, w, 0.4)
        anew = circumstances | {"bottom40": (example.welfare > cut).astype(int)}
        known = sp.human_opportunity_index(access, anew, w, se=None).hoi
        assert estimated.draws[r, 0] == pytest.approx(known, rel=1e-9)


def test_the_replicate_error_is_near_the_linearized_one(peers):
    access, circumstances, w, psu, stratum, _ = peers
    frame = {"hid": np.arange(len(w)), "w": w, "psu": psu, "stratum": stratum, "access": access, "size": w * 0 + 1}
    design = {"household": "hid", "weight": "w", "psu": "psu", "strata": "stratum", "size": "size"}
    survey = sp.Survey(frame | circumstances, **design)
    asked = sp.Opportunity("access", "access", circumstances=list(circumstances), weigh="households")
    found = sp.estimate(survey, [sp.HumanOpportunity(asked)], replicates=sp.Bootstrap(200)).frame()
    known = sp.human_opportunity_index(access, circumstances, w, psu=psu, strata=stratum)
    assert found.value[0] == pytest.approx(known.hoi, abs=1e-10)
    assert found.se[0] == pytest.approx(known.hoi_se, rel=0.15)


def test_a_barrier_is_refused_with_its_complement_named():
    with pytest.raises(sp.InputError, match=r"'stunting' is a barrier\. .* 'no stunting', outcome 'not \(internet\)'"):
        sp.HumanOpportunity(sp.Opportunity("stunting", "internet", circumstances=["urbrur"], kind="barrier"))
    with pytest.raises(sp.InputTypeError, match="HumanOpportunity takes an Opportunity"):
        sp.HumanOpportunity("internet")
    with pytest.raises(sp.InputError, match="method must be one of"):
        sp.HumanOpportunity(opportunity(), "probit")
