"""What went wrong once: each test says what is right."""

import json

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob import estimates


def frame_of(seed=0, psus=(3, 5, 2, 6), per_psu=6, **columns):
    """Return households in strata of so many PSUs, with weights, sizes, welfare, and a group that cuts across."""
    rng = np.random.default_rng(seed)
    stratum = np.repeat(np.arange(len(psus)), np.array(psus) * per_psu)
    n = len(stratum)
    ea = np.arange(n) // per_psu
    shared = rng.normal(0, 0.3, ea[-1] + 1)[ea]
    made = {
        "hid": np.arange(n) + 1,
        "st": stratum + 1,
        "ea": ea + 1,
        "hhweight": rng.uniform(5, 30, n).round(1),
        "n": rng.integers(1, 7, n),
        "pc": np.exp(4 + shared + 0.6 * rng.normal(size=n)),
        "g": rng.integers(0, 3, n),
    }
    return {**made, **columns}


def survey_of(frame, **given):
    return sp.Survey(frame, size="n", welfare="pc", psu="ea", strata="st", **given)


def test_estimates_of_different_surveys_are_never_paired():
    # Python gives the id of a survey that is gone to the next: a loop over years would have two rounds subtracted draw
    # by draw.
    def estimate(year):
        return sp.estimate(survey_of(frame_of(year)), [sp.MeanWelfare()], replicates=sp.Bootstrap(2), n_threads=1)

    made = [estimate(year) for year in range(100)]
    assert not any(estimates._paired(a, b) for i, a in enumerate(made) for b in made[:i])


def test_rows_without_welfare_are_in_no_class_of_dissimilarity():
    # As for Access, who has no welfare is in no class.
    rng = np.random.default_rng(1)
    frame = frame_of(3, (4, 4, 4), 20)
    frame["elec"] = (rng.random(240) < 1 / (1 + np.exp(4 - np.log(frame["pc"]) - 0.8 * (frame["g"] - 1)))).astype(int)
    lost = rng.random(240) < 0.25
    opportunity = sp.Opportunity("e", outcome="elec", circumstances=["g"], unit="household")

    def by_class(frame, **given):
        est = sp.estimate(
            survey_of(frame, **given), [sp.Dissimilarity(opportunity)], by=["quintile"], replicates=sp.Bootstrap(2)
        )
        return est.value[4:].tolist(), [row.n for row in est.rows][4:]

    among_known = by_class({name: column[~lost] for name, column in frame.items()})
    assert by_class({**frame, "pc": np.where(lost, np.nan, frame["pc"])}, missing="drop") == among_known


def test_effective_degrees_of_freedom_know_the_sampling_fraction():
    # V_h carries 1 - f_h. A census stratum has no variance, and the 20 PSUs of the other all 19 degrees.
    rng = np.random.default_rng(0)
    frame = {
        "hid": np.arange(22),
        "st": np.repeat([1, 2], [2, 20]),
        "ea": np.arange(22),
        "population": np.repeat([2, 2000], [2, 20]),
        "hhweight": np.ones(22),
        "n": np.ones(22),
        "pc": np.r_[50.0, 500.0, 100 + 5 * rng.normal(size=20)],
    }
    est = sp.estimate(survey_of(frame, fpc="population"), [sp.MeanWelfare()], replicates=sp.Jackknife())
    assert est.df[0] == pytest.approx(19, abs=0.1)


def test_degrees_of_freedom_of_a_small_domain_are_estimated():
    # The survey has 80 degrees of freedom, its domain 12; one stratum has nearly all of its variance, and they are 2.
    rng = np.random.default_rng(3)
    frame = frame_of(0, (3,) * 40, 5)
    wide = np.where(frame["st"] == 1, 2.0, 0.4)
    frame["pc"] = np.exp(4 + (wide * np.repeat(rng.normal(size=120), 5)) + 0.1 * rng.normal(size=600))
    frame["g"] = (frame["st"] <= 6).astype(int)
    frame["hhweight"] = np.ones(600)
    whole = sp.estimate(survey_of(frame), [sp.MeanWelfare()], by=["g"], replicates=sp.Bootstrap(2))
    alone = {name: column[frame["g"] == 1] for name, column in frame.items()}
    own = sp.estimate(survey_of(alone), [sp.MeanWelfare()], replicates=sp.Bootstrap(2))
    assert whole.df[2] == pytest.approx(own.df[0])


def test_a_function_cannot_spoil_the_data_of_later_replicates():
    # Read-only, or a copy: what is changed in place would stay changed for the next replicate, in whatever order.
    def doubled(weights, data):
        y = data["welfare"]
        y *= 2
        return np.average(y, weights=weights)

    right = sp.Custom("c", lambda weights, data: np.average(2 * data["welfare"], weights=weights))
    survey = survey_of(frame_of())
    want = sp.estimate(survey, [right], replicates=sp.Bootstrap(40)).se
    try:
        got = sp.estimate(survey, [sp.Custom("c", doubled)], replicates=sp.Bootstrap(40), n_threads=1).se
    except ValueError:
        return  # "assignment destination is read-only" tells
    assert got.tolist() == want.tolist()


def test_a_relative_line_below_zero_is_refused():
    # As a plain line is: the gap below a negative line means nothing.
    frame = frame_of()
    frame["pc"] = frame["pc"] - 60
    with pytest.raises(sp.InputError):
        sp.estimate(survey_of(frame), [sp.Poverty(sp.RelativeLine(0.6, q=0.2))], replicates=sp.Bootstrap(8))


def test_fixed_classes_do_not_fix_relative_lines():
    # ``classes`` is about welfare classes, and a relative line is estimated anew in every
    # replicate.
    survey = sp.example_survey(households=400)
    poverty = sp.Poverty(sp.RelativeLine(0.6), measures=["headcount"])
    anew, fixed = (
        sp.estimate(survey, [poverty], replicates=sp.Bootstrap(50), classes=classes)
        for classes in ("replicate", "fixed")
    )
    assert anew.se.tolist() == fixed.se.tolist()


def test_numbers_of_numpy_are_numbers(tmp_path):
    # json refuses np.int64 in a manifest, and repr() would have two estimates of one seed taken for different ones.
    survey = survey_of(frame_of())
    json.dumps(sp.Bootstrap(np.int64(8), seed=np.int64(3)).told())
    a, b = (sp.estimate(survey, [sp.MeanWelfare()], replicates=sp.Bootstrap(8, seed=s)) for s in (3, np.int64(3)))
    a.contrast(0, 0, b)


def test_nothing_paid_hinges_on_nothing_where_welfare_is_missing():
    # Nobody's welfare changes, though NaN is not itself.
    rng = np.random.default_rng(1)
    frame = frame_of(3, (4, 4, 4), 20)
    frame["elec"] = (rng.random(240) < 0.3 + 0.2 * frame["g"]).astype(int)
    frame["pc"] = np.where(rng.random(240) < 0.2, np.nan, frame["pc"])
    size = frame.pop("n")
    persons = {"hid": np.repeat(frame["hid"], size), "age": rng.integers(0, 80, size.sum())}
    survey = sp.Survey(frame, persons, welfare="pc", psu="ea", strata="st", missing="drop")
    opportunity = sp.Opportunity("e", outcome="elec", circumstances=["bottom40", "g"], unit="household")
    nothing = sp.Package([sp.child_benefit(sp.Amount(0, "month"))])
    found = sp.assess(survey, [opportunity], nothing, by=[], replicates=sp.Bootstrap(8))
    assert not found.groups["flag"].str.contains("hinges").any()


@pytest.mark.parametrize("made", ["abc", {"a": 1}])
def test_what_theta_must_not_return_is_an_input_error(made):
    with pytest.raises(sp.InputError, match="must return 1 number"):
        sp.estimate(survey_of(frame_of()), [sp.Custom("c", lambda w, d: made)], replicates=sp.Bootstrap(8))


@pytest.mark.parametrize("given", [{"by": 5}, {"by": None}, {"progress": 5}])
def test_arguments_of_a_wrong_type_are_told_in_the_grammar_of_errors(given):
    with pytest.raises(sp.InputTypeError):
        sp.estimate(survey_of(frame_of()), [sp.MeanWelfare()], replicates=sp.Bootstrap(8), **given)


def test_a_contrast_of_two_levels_is_refused_or_says_which():
    # An interval has one level.
    survey = survey_of(frame_of())
    a, b = (
        sp.estimate(survey, [sp.MeanWelfare()], by=["g"], replicates=sp.Bootstrap(60), level=level)
        for level in (0.5, 0.95)
    )
    with pytest.raises(sp.InputError):
        a.contrast(1, 2, b)
