"""What must hold of every measure and every statistic, on data that hypothesis makes up."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import sp2lnob as sp
from sp2lnob._columns import Table
from sp2lnob.survey import CLASSES as WELFARE_CLASSES

from . import oracles
from ._data import CLASS_LABELS, DESIGN, LINE, PACKAGE, ByHand, factors, toy_frames, toy_survey


def for_all(*strategies, examples=60):
    """Hold for whatever hypothesis draws, however long a first call takes."""
    return lambda test: settings(max_examples=examples, deadline=None)(given(*strategies)(test))


# -- measures of plain arrays ---------------------------------------------------------------------------------------

# Welfare and weights on a grid, in sevenths, so that ties and boundaries are common, and rounding is not lacking.
pairs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5)), min_size=1, max_size=12).filter(
    lambda rows: any(y * w for y, w in rows)
)
LINES = [*(Fraction(k, 7) for k in (1, 2, 4, 7)), Fraction(40)]  # most of them somebody's welfare


def split(rows, part=7):
    """Return welfare and weights as fractions, and the same as floats."""
    y, w = [Fraction(a, part) for a, _ in rows], [Fraction(b, part) for _, b in rows]
    return (y, w), ([float(v) for v in y], [float(v) for v in w])


@for_all(pairs, st.sampled_from(LINES), st.integers(0, 3))
def test_fgt_equals_the_oracle(rows, line, alpha):
    (y, w), arrays = split(rows)
    # The line in floats is one of the values, or none, as it is in fractions: k / 7 is rounded alike everywhere.
    assert sp.fgt(*arrays, float(line), alpha) == pytest.approx(float(oracles.fgt(y, w, line, alpha)), rel=1e-12)


@for_all(pairs)
def test_mean_equals_the_oracle(rows):
    (y, w), arrays = split(rows)
    assert sp.mean(*arrays) == pytest.approx(float(oracles.mean(y, w)), rel=1e-13)


@for_all(pairs)
def test_gini_equals_both_oracles_and_keeps_its_bounds(rows):
    (y, w), arrays = split(rows)
    found = sp.gini(*arrays)
    assert oracles.gini(y, w) == oracles.gini_ranked(y, w)
    assert found == pytest.approx(float(oracles.gini(y, w)), abs=1e-14)
    assert -1e-15 < found < 1


@for_all(pairs)
def test_palma_equals_the_oracle(rows):
    (y, w), arrays = split(rows)
    if oracles.lorenz(y, w, Fraction(2, 5)) == 0:
        with pytest.raises(sp.InputError, match="poorest 40 % must have welfare above 0"):
            sp.palma(*arrays)
        return
    assert sp.palma(*arrays) == pytest.approx(float(oracles.palma(y, w)), rel=1e-9)


@for_all(pairs, st.integers(1, 19), st.sampled_from([1, 3, 7]))
def test_quantile_equals_the_oracle_at_every_boundary(rows, k, part):
    (y, w), arrays = split(rows, part)
    assert sp.quantile(*arrays, k / 20) == float(oracles.quantile(y, w, Fraction(k, 20)))


groups = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=14).filter(
    lambda rows: any(w for _, _, w in rows)
)


@for_all(groups)
def test_d_index_equals_the_oracle_and_stays_below_one_less_the_mean(rows):
    access, group, w = (list(column) for column in zip(*rows, strict=True))
    found = sp.d_index(access, group, [v / 7 for v in w])
    expected = oracles.d_index(access, group, [Fraction(v, 7) for v in w])
    if expected is None:
        assert np.isnan(found)
        return
    assert found == pytest.approx(float(expected), abs=1e-14)
    assert -1e-15 <= found <= 1 - float(oracles.mean(access, w)) + 1e-15


@for_all(groups, st.integers(0, 4), st.integers(0, 4))
def test_merging_groups_never_raises_the_d_index(rows, one, other):
    access, group, w = (list(column) for column in zip(*rows, strict=True))
    assume(any(a * v for a, v in zip(access, w, strict=True)))
    merged = [one if g == other else g for g in group]
    assert sp.d_index(access, merged, w) <= sp.d_index(access, group, w) + 1e-15


@for_all(groups)
def test_groups_may_be_codes_labels_or_columns(rows):
    access, group, w = (list(column) for column in zip(*rows, strict=True))
    assume(any(a * v for a, v in zip(access, w, strict=True)))
    found = sp.d_index(access, group, w)
    names = ["abcde"[g] for g in group]
    assert sp.d_index(access, names, w) == found
    assert sp.d_index(access, {"g": names}, w) == found
    # The combinations of two columns are the groups, if the columns part what the groups part.
    two = {"high": [g // 2 for g in group], "odd": ["odd" if g % 2 else "even" for g in group]}
    assert sp.d_index(access, two, w) == pytest.approx(found, abs=1e-15)


def measures(y, w):
    """Return every measure of an array."""
    made = {
        "mean": sp.mean(y, w),
        **{f"fgt{a}": sp.fgt(y, w, 4.0, a) for a in (0, 1, 2)},
        "gini": sp.gini(y, w),
        **{f"q{k}": sp.quantile(y, w, k / 10) for k in range(1, 10)},
    }
    try:
        made["palma"] = sp.palma(y, w)
    except sp.InputError:
        made["palma"] = None
    return made


def same(found, expected):
    for name, value in expected.items():
        assert found[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)), name


@for_all(pairs)
def test_measures_read_a_weight_as_copies(rows):
    y, w = zip(*rows, strict=True)
    copies = [value for value, times in rows for _ in range(times)]
    same(measures(copies, np.ones(len(copies))), measures(y, w))


@for_all(pairs)
def test_measures_do_not_see_what_has_no_weight(rows):
    y, w = zip(*rows, strict=True)
    kept = [(a, b) for a, b in rows if b]
    same(measures(*zip(*kept, strict=True)), measures(y, w))


@for_all(pairs, st.sampled_from([1 / 3, 4.0, 1e-9, 1e9]), st.randoms(use_true_random=False))
def test_measures_do_not_see_the_scale_of_weights_nor_the_order_of_rows(rows, scale, random):
    y, w = zip(*rows, strict=True)
    moved = list(rows)
    random.shuffle(moved)
    other, weight = zip(*moved, strict=True)
    same(measures(other, [v * scale for v in weight]), measures(y, w))


@for_all(pairs, st.sampled_from([0.01, 7.0, 1e6]))
def test_inequality_does_not_see_the_currency(rows, rate):
    y, w = zip(*rows, strict=True)
    before, after = measures(y, w), measures([v * rate for v in y], w)
    same({name: after[name] for name in ("gini", "palma")}, {name: before[name] for name in ("gini", "palma")})
    assert after["mean"] == pytest.approx(rate * before["mean"])
    assert after["q4"] == pytest.approx(rate * before["q4"])


@for_all(pairs)
def test_measures_do_not_see_how_ties_are_split(rows):
    y, w = zip(*rows, strict=True)
    halves = [(a, b / 2) for a, b in rows for _ in range(2)]
    same(measures(*zip(*halves, strict=True)), measures(y, w))


@for_all(pairs, st.integers(-9, -1))
def test_negative_welfare_has_no_gini_and_no_palma_but_the_rest(rows, negative):
    y, w = [negative, *(a for a, _ in rows)], [1, *(b for _, b in rows)]
    for measure in (sp.gini, sp.palma):
        with pytest.raises(sp.InputError, match=r"needs welfare of 0 or more in every row, but 1 of \d+ rows"):
            measure(y, w)
    assert sp.mean(y, w) == pytest.approx(float(oracles.mean(y, w)))
    assert sp.quantile(y, w, 0.4) == oracles.quantile(y, w, Fraction(2, 5))
    for alpha in (0, 1, 2):
        assert sp.fgt(y, w, 4, alpha) == pytest.approx(float(oracles.fgt(y, w, Fraction(4), alpha)))


@pytest.mark.parametrize(
    ("y", "w", "expected"),
    [
        ([1, 10], [4, 6], 10 / 4),  # the poorest 40 % end where the first household does
        ([1, 10], [5, 5], 10 / 4),  # they are a part of it
        ([1, 10], [3, 7], 10 / 13),  # they reach into the second
        ([1, 2, 10], [8, 10, 2], 20 / 8),  # the richest 10 % are the last household
        ([1, 2, 10], [8, 11, 1], 12 / 8),  # and reach into the one before
        ([1, 3, 8], [1, 1, 1], 2.4 / 1.6),
        ([2], [1], 1 / 4),
    ],
)
def test_palma_splits_the_household_at_the_boundary(y, w, expected):
    assert sp.palma(y, w) == pytest.approx(expected, rel=1e-12)
    assert float(oracles.palma(y, w)) == pytest.approx(expected, rel=1e-12)


# -- every statistic of a survey ------------------------------------------------------------------------------------

OPPORTUNITIES = [
    sp.Opportunity("class", "water", circumstances=["bottom40", "area"]),
    sp.Opportunity("no class", "water", circumstances=["educ", "area"], weigh="households"),
    sp.Opportunity("person", "phone", unit="person", circumstances=["quintile", "sex"]),
]
OF_ALL = [sp.Cost(), *(sp.Dissimilarity(opportunity, "cells") for opportunity in OPPORTUNITIES)]
OF_DOMAINS = [
    sp.MeanWelfare(),
    sp.Poverty(60.0),
    sp.Inequality(),
    sp.Quantile([0.1, 0.4, 0.9]),
    *map(sp.Access, OPPORTUNITIES),
]
OF_CLASSES = [
    sp.MeanWelfare(),
    sp.Poverty(60.0),
    sp.Inequality(),
    sp.Quantile(0.5),
    *map(sp.Access, OPPORTUNITIES),
]
OF_PERSONS = [sp.MeanWelfare(), sp.Access(OPPORTUNITIES[2])]

household = st.fixed_dictionaries(
    {
        "pc": st.integers(1, 12),
        "hhweight": st.integers(0, 3),
        "members": st.integers(1, 3),
        "water": st.integers(0, 1),
        "area": st.sampled_from("ab"),
        "educ": st.integers(0, 1),
        "seed": st.integers(0, 31),
    }
)
psus = st.lists(household, min_size=1, max_size=2)
designs = st.lists(st.lists(psus, min_size=2, max_size=3), min_size=1, max_size=2)


def frames_of(strata):
    """Return households and persons of a drawn design; the first two households have weight, and differ."""
    households = [
        {"stratum": h, "ea": f"{h}-{i}", **given}
        for h, psus in enumerate(strata)
        for i, psu in enumerate(psus)
        for given in psu
    ]
    for i in (0, 1):
        households[i] |= {"hhweight": 2, "area": "ab"[i], "educ": i, "water": 1 - i, "members": 2}
    persons = []
    for i, row in enumerate(households):
        row |= {"hid": i * 10 + 5, "pc": 10.0 * row["pc"]}
        for pid in range(row.pop("members")):
            bits = row["seed"] >> pid
            persons.append(
                {
                    "hid": row["hid"],
                    "pid": pid,
                    "sex": "mf"[pid % 2],
                    "age": 5 if bits & 1 else 70,
                    "phone": bits >> 1 & 1,
                }
            )
    return households, persons


def as_columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


def survey_of(households, persons, **instead):
    return sp.Survey(
        as_columns(households),
        as_columns(persons),
        **{"person": "pid", "welfare": "pc", "psu": "ea", "strata": "stratum", "single_psu": "certainty", **instead},
    )


def figures(survey, replicates=8):
    """Return value and draws of every statistic, by what it is."""
    scenarios = {"after": sp.simulate(survey, PACKAGE)}
    made = {}
    for statistics, by in (
        (OF_ALL, ()),
        (OF_DOMAINS, ["area"]),
        (OF_CLASSES, ["decile"]),
        (OF_PERSONS, [("sex", "bottom40")]),
    ):
        found = sp.estimate(
            survey, statistics, scenarios, by=by, replicates=sp.Bootstrap(replicates), df="design", n_threads=1
        )
        for i, row in enumerate(found.rows):
            key = (row.statistic, row.of, row.param, row.scenario, row.by, row.level)
            made[key] = np.r_[found.value[i], found.draws[:, i]]
    return made


def agree(found, expected, scale=None, rel=1e-9):
    for key in found.keys() & expected.keys():
        by = scale if scale and key[0] in ("recipients", "transfer_cost", "total_cost") else 1
        one, other = found[key], by * expected[key]  # what pytest.approx does, which takes longer than the statistics
        near = np.abs(one - other) <= np.maximum(rel * np.abs(other), 1e-9)
        assert one.shape == other.shape, key
        assert (near | (one == other) | (np.isnan(one) & np.isnan(other))).all(), (key, one, other)


@for_all(designs, examples=20)
def test_statistics_read_a_weight_as_copies(strata):
    households, persons = frames_of(strata)
    copied, members = [], []
    for row in households:
        # A household of weight 0 stays as it is, so that its PSU is still there to be drawn.
        for copy in range(max(row["hhweight"], 1)):
            hid = row["hid"] + copy
            copied.append({**row, "hid": hid, "hhweight": min(row["hhweight"], 1)})
            members += [{**person, "hid": hid} for person in persons if person["hid"] == row["hid"]]
    expected = figures(survey_of(households, persons))
    found = figures(survey_of(copied, members))
    assert found.keys() == expected.keys()
    agree(found, expected)


@for_all(designs, examples=20)
def test_statistics_do_not_see_what_has_no_weight(strata):
    households, persons = frames_of(strata)
    kept = [row for row in households if row["hhweight"]]
    there = {row["hid"] for row in kept}
    of_stratum = [h for h, _ in {(row["stratum"], row["ea"]) for row in kept}]
    assume(max(map(of_stratum.count, of_stratum)) > 1)  # where every stratum has one PSU left, there is nothing to draw
    expected = figures(survey_of(households, persons))
    found = figures(survey_of(kept, [person for person in persons if person["hid"] in there]))
    if {row["ea"] for row in kept} != {row["ea"] for row in households}:  # other PSUs are drawn then
        found, expected = ({key: value[:1] for key, value in made.items()} for made in (found, expected))
    assert found.keys() <= expected.keys()
    agree(found, expected)
    for key in expected.keys() - found.keys():  # a level that nobody with weight has
        assert np.isnan(expected[key]).all() or (expected[key] == 0).all()


@for_all(designs, st.sampled_from([0.125, 2.0, 1 / 3, 1e6]), examples=20)
def test_statistics_do_not_see_the_scale_of_weights(strata, scale):
    households, persons = frames_of(strata)
    expected = figures(survey_of(households, persons))
    found = figures(survey_of([{**row, "hhweight": row["hhweight"] * scale} for row in households], persons))
    assert found.keys() == expected.keys()
    agree(found, expected, scale)


@for_all(designs, st.randoms(use_true_random=False), examples=20)
def test_statistics_do_not_see_the_order_of_rows(strata, random):
    households, persons = frames_of(strata)
    expected = figures(survey_of(households, persons))
    random.shuffle(households)
    random.shuffle(persons)
    found = figures(survey_of(households, persons))
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert found[key].tobytes() == value.tobytes(), key


@for_all(designs, examples=20)
def test_bounds_hold_in_every_replicate(strata):
    found = figures(survey_of(*frames_of(strata)), replicates=24)
    for (statistic, of, param, scenario, by, level), values in found.items():
        if scenario == "change":
            if statistic in ("headcount", "poverty_gap", "poverty_severity"):
                assert not (values > 1e-12).any()
            continue
        if statistic in ("headcount", "poverty_gap", "poverty_severity", "access", "gini"):
            assert not ((values < -1e-12) | (values > 1 + 1e-12)).any()
        if statistic == "d_index":
            assert param == "cells"
            mean = found["access", of, "", scenario, by, level]
            assert not (values > 1 - mean + 1e-9).any()
            assert not (values < -1e-12).any()
        if statistic == "palma":
            assert not (values < 0.25 - 1e-9).any()
        if statistic == "headcount":
            assert not (found["poverty_gap", of, param, scenario, by, level] > values + 1e-12).any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("column", ["urbrur", "region", "educ"])
def test_a_domain_is_the_statistic_on_its_rows(seed, column):
    households, persons = toy_frames(seed)
    survey = sp.Survey(households, persons, **DESIGN)
    opportunity = sp.Opportunity("o", "water", circumstances=["fuel"])
    statistics = [sp.MeanWelfare(), sp.Poverty(LINE), sp.Inequality(), sp.Quantile([0.2, 0.5]), sp.Access(opportunity)]
    made = sp.estimate(survey, statistics, by=[column], replicates=sp.Bootstrap(2)).frame()
    levels = set(households[column])
    assert set(made.loc[made["by"] == column, "level"]) == {str(level) for level in levels}
    for level in levels:
        here = np.array(households[column]) == level
        there = np.isin(persons["hid"], np.array(households["hid"])[here])
        part = sp.Survey(
            {name: np.array(values)[here] for name, values in households.items()},
            {name: np.array(values)[there] for name, values in persons.items()},
            **DESIGN,
            single_psu="certainty",
        )
        alone = sp.estimate(part, statistics, replicates=sp.Bootstrap(2), df="design").frame()
        inside = made[(made["by"] == column) & (made["level"] == str(level))]
        assert inside["value"].tolist() == pytest.approx(alone["value"].tolist(), rel=1e-12)
        cases = (here & (np.array(households["hhweight"]) > 0)).sum()
        assert inside["n"].tolist() == alone["n"].tolist() == [cases] * len(alone)


def test_persons_may_have_weights_of_their_own():
    frames = toy_frames()
    survey = sp.Survey(*frames, **DESIGN, person_weight="own_weight")
    hand = ByHand(survey, frames)
    weight, home = [int(w) for w in hand.p["own_weight"]], hand.home
    welfare = {scenario: [values[i] for i in home] for scenario, values in hand.welfare.items()}
    made = sp.estimate(
        survey,
        [sp.MeanWelfare(), sp.Poverty(LINE), sp.Inequality(), sp.Quantile(0.4)],
        {"after": sp.simulate(survey, PACKAGE)},
        by=["sex", "urbrur"],
        replicates=sp.Bootstrap(2),
    )
    oracle = {
        "mean_welfare": oracles.mean,
        "headcount": lambda y, w: oracles.fgt(y, w, Fraction(LINE), 0),
        "gini": oracles.gini_ranked,
        "palma": oracles.palma,
        "quantile": lambda y, w: oracles.quantile(y, w, Fraction(2, 5)),
    }
    checked = 0
    for value, row in zip(made.value, made.rows, strict=True):
        if row.statistic not in oracle or row.scenario == "change":
            continue
        labels = ["all"] * len(home) if row.by == "all" else hand.p[row.by]
        rows = [i for i, label in enumerate(labels) if label == row.level]
        expected = oracle[row.statistic]([welfare[row.scenario][i] for i in rows], [weight[i] for i in rows])
        assert value == pytest.approx(float(expected), rel=1e-12), row
        checked += 1
    assert checked == 5 * 2 * 5


def test_cost_is_the_amount_times_the_recipients():
    # Methodology 5: cost per year = (1 + administration) x 12 x sum over schemes of benefit x recipients.
    for person_weight in (None, "own_weight"):
        cost = sp.simulate(toy_survey(person_weight=person_weight), PACKAGE).cost
        assert cost["transfer_cost"].tolist()[:2] == pytest.approx(
            [240 * cost["recipients"][0], 540 * cost["recipients"][1]]
        )
        assert cost["total_cost"].tolist() == pytest.approx([1.05 * paid for paid in cost["transfer_cost"]])


# -- classes, cut anew in every replicate ---------------------------------------------------------------------------

REPLICATES = sp.Bootstrap(17, seed=6)
CLASSES = [
    ("bottom40",),
    ("quintile",),
    ("decile",),
    ("urbrur", "quintile"),
    ("quintile", "urbrur"),
    ("sex", "bottom40"),
]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("by", CLASSES, ids=" x ".join)
def test_classes_of_every_replicate_are_its_own(seed, by):
    frames = toy_frames(seed)
    survey = sp.Survey(*frames, **DESIGN)
    hand = ByHand(survey, frames)
    unit = "person" if "sex" in by else "household"
    opportunity = sp.Opportunity("o", "phone" if unit == "person" else "water", unit=unit, circumstances=["urbrur"])
    outcome = [int(v) for v in (hand.p["phone"] if unit == "person" else hand.h["water"])]
    made = sp.estimate(
        survey,
        [sp.MeanWelfare(), sp.Poverty(LINE), sp.Access(opportunity)],
        {"after": sp.simulate(survey, PACKAGE)},
        by=[by],
        replicates=REPLICATES,
    )
    every = [hand.one, *factors(survey, REPLICATES)]
    levels = [
        " x ".join(parts)
        for parts in product(*(CLASS_LABELS.get(name) or sorted(set(hand.column(name, hand.one, unit))) for name in by))
    ]
    oracle = {
        "mean_welfare": oracles.mean,
        "access": oracles.mean,
        **{
            name: (lambda y, w, a=a: oracles.fgt(y, w, Fraction(LINE), a))
            for a, name in enumerate(("headcount", "poverty_gap", "poverty_severity"))
        },
    }
    checked = set()
    for i, row in enumerate(made.rows):
        if row.by == "all" or row.scenario == "change":
            continue
        of = outcome if row.statistic == "access" else None
        expected = [
            hand.value(oracle[row.statistic], factor, by, row.level, unit, row.scenario, of) for factor in every
        ]
        assert [made.value[i], *made.draws[:, i]] == pytest.approx(expected, rel=1e-11, abs=1e-12, nan_ok=True), row
        assert row.n == hand.cases(by, hand.one, row.level, unit)
        checked.add((row.statistic, row.scenario, row.level))
    assert checked == {
        (s, c, level) for s in oracle for c in ("before", "after") for level in levels if (s, c) != ("access", "after")
    }


@pytest.mark.parametrize(("name", "shares"), [("bottom40", [0.4]), ("quintile", [0.2, 0.4, 0.6, 0.8])])
def test_classes_hold_their_share_of_people_up_to_the_household_at_the_cut(name, shares):
    survey = toy_survey(4)
    opportunity = sp.Opportunity("o", "water", circumstances=[name])
    cells = opportunity.prepare(survey)
    cuts = [sp.quantile(survey.welfare, survey.people, share) for share in shares]
    band = cells.band(np.array(cuts))
    for k, share in enumerate(shares):
        below = survey.people[band <= k].sum() / survey.people.sum()
        at_the_cut = survey.people[survey.welfare == cuts[k]].sum() / survey.people.sum()
        assert below >= share - 1e-12 > below - at_the_cut - 2e-12


# -- nothing is lost ------------------------------------------------------------------------------------------------


def labeled(labels):
    """Return the small survey with value labels for the head's education."""
    households, persons = toy_frames()
    table = Table(households, len(households["hid"]), "households", labels={"educ": labels})
    return sp.Survey(table, persons, **DESIGN), np.array(households["educ"])


def test_levels_that_share_a_label_are_both_there():
    survey, _ = labeled({0.0: "Other", 1.0: "Other", 2.0: "Two", 3.0: "Three"})
    made = sp.estimate(survey, [sp.MeanWelfare()], by=["educ"], replicates=sp.Bootstrap(2)).frame()
    counts = made.loc[made["by"] == "educ", "n"].tolist()
    # Either two levels, as in the file, or one of both: but nobody may be missing.
    assert sum(counts) == (survey.weight > 0).sum()


def test_groups_that_share_a_label_have_each_their_own_rate():
    survey, _ = labeled({0.0: "Other", 1.0: "Other", 2.0: "Two", 3.0: "Three"})
    opportunity = sp.Opportunity("o", "water", circumstances=["educ"])
    made = sp.assess(
        survey, [opportunity], by=(), replicates=sp.Bootstrap(2), tree=sp.OpportunityTree(min_obs=1, min_share=0, cp=0)
    )
    assert made.groups["before"].tolist() == pytest.approx(made.tree("o").groups_["rate"].tolist(), rel=1e-12)


@pytest.mark.parametrize(
    "statistics",
    [
        [sp.Poverty(50, "line"), sp.Poverty(90, "line")],
        [sp.Access(sp.Opportunity("o", outcome, circumstances=["educ"])) for outcome in ("water", "fuel == 'Gas'")],
        [sp.Quantile([0.4, 0.40000001])],
    ],
    ids=["lines", "opportunities", "quantiles"],
)
def test_figures_of_one_name_are_refused_or_both_there(statistics):
    survey = toy_survey()
    apart = [sp.estimate(survey, [statistic], replicates=sp.Bootstrap(2)).value.tolist() for statistic in statistics]
    expected = sum(len(values) for values in apart) if len(apart) > 1 else 2
    try:
        made = sp.estimate(survey, statistics, replicates=sp.Bootstrap(2))
    except sp.InputError:
        return
    assert len(made.value) == expected


@pytest.mark.parametrize("by", ["urbrur", "decile", ("urbrur", "bottom40")])
def test_costs_of_the_levels_add_up_to_that_of_the_country(by):
    survey = toy_survey()
    made = sp.estimate(
        survey, [sp.Cost()], {"after": sp.simulate(survey, PACKAGE)}, by=[by], replicates=sp.Bootstrap(9)
    )
    name = by if isinstance(by, str) else " x ".join(by)
    for i, row in enumerate(made.rows):
        if row.by == "all":
            parts = [
                j
                for j, other in enumerate(made.rows)
                if (other.statistic, other.of, other.by) == (row.statistic, row.of, name)
            ]
            np.testing.assert_allclose(made.value[parts].sum(), made.value[i], rtol=1e-12)
            np.testing.assert_allclose(made.draws[:, parts].sum(axis=1), made.draws[:, i], rtol=1e-12)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("by", ["urbrur", "decile", ("urbrur", "quintile")])
def test_the_index_of_a_level_is_that_of_its_rows(which, by):
    households, persons = toy_frames()
    households["area"] = households["urbrur"]
    survey, opportunity = sp.Survey(households, persons, **DESIGN), OPPORTUNITIES[which]
    asked = [sp.Dissimilarity(opportunity, "cells")]
    made = sp.estimate(survey, asked, by=[by], replicates=sp.Bootstrap(9), classes="fixed")
    cells = opportunity.prepare(survey)
    bound = sp.Bootstrap(9).bind(survey)
    names = (by,) if isinstance(by, str) else by
    columns = []
    for name in names:
        if name == "urbrur":
            columns.append(survey.column(name, opportunity.unit).take(cells.index).categories()[1].tolist())
        else:
            shares = np.array(WELFARE_CLASSES[name].shares)
            cuts = [sp.quantile(survey.welfare, survey.people, share) for share in shares]
            columns.append(np.searchsorted(cuts, survey.welfare[cells.household]).tolist())
    own = [sp.quantile(survey.welfare, survey.people, share) for share in cells.shares]
    group = [f"{d} {b}" for d, b in zip(cells.domain, np.searchsorted(own, cells.welfare), strict=True)]
    level = list(zip(*columns, strict=True))
    factors = np.moveaxis(bound.source.factors(1, 2), 1, 2).reshape(-1, bound.units)[:9]
    found = [made.draws[:, i] for i, row in enumerate(made.rows) if row.by != "all" and row.n]
    for draws, key in zip(found, sorted(set(level)), strict=True):
        here = [i for i, of in enumerate(level) if of == key]
        for r, factor in enumerate(factors):
            weight = [cells.weight[i] * factor[bound.unit[cells.household[i]]] for i in here]
            if sum(weight) > 0:
                access = [int(cells.outcome[i]) for i in here]
                if cells.opportunity.kind == "barrier":
                    access = [1 - a for a in access]
                expected = sp.d_index(access, [group[i] for i in here], weight)
                assert draws[r] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("statistic", "by", "message"),
    [
        (sp.Cost(), [], "Every statistic must have a value, but Cost has none without a scenario"),
        (sp.ConsumptionGain(), ["decile"], "Every statistic must have a value, but ConsumptionGain has none without a"),
        (sp.Coverage(), ["decile"], "Every statistic must have a value, but Coverage has none without a scenario"),
        (sp.Incidence(), ["decile"], "Every statistic must have a value, but Incidence has none without a scenario"),
    ],
)
def test_a_statistic_that_has_no_value_is_refused_and_not_lost(statistic, by, message):
    with pytest.raises(sp.InputError, match=message):
        sp.estimate(toy_survey(), [sp.MeanWelfare(), statistic], by=by, replicates=sp.Bootstrap(2))


def test_a_level_that_looks_like_two_is_not_taken_for_them():
    n = 100
    level = np.repeat(["A", "B", "A + B", "C"], n)
    rng = np.random.default_rng(1)
    access = (rng.random(4 * n) < np.repeat([0.75, 0.72, 0.3, 0.0], n)).astype(int)
    frame = {"hid": np.arange(4 * n), "hhweight": np.ones(4 * n), "n": np.ones(4 * n), "level": level, "o": access}
    survey = sp.Survey(frame, size="n")
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0.01)
    result = sp.assess(
        survey, [sp.Opportunity("o", "o", circumstances=["level"])], tree=tree, replicates=sp.Bootstrap(2)
    )
    assert sorted(result.groups["label"]) == ['level: "A + B"', "level: A + B", "level: C"]
    assert result.groups["before"].tolist() == pytest.approx(result.tree("o").groups_["rate"].tolist(), rel=1e-12)
    of = dict(zip(result.groups["label"], result.groups["before"], strict=True))
    assert of['level: "A + B"'] == pytest.approx(access[level == "A + B"].mean(), rel=1e-12)
    assert of["level: A + B"] == pytest.approx(access[np.isin(level, ["A", "B"])].mean(), rel=1e-12)


@pytest.mark.parametrize("name", ["all", "group"])
def test_a_domain_may_not_be_called_what_rows_say_of_everybody_and_of_groups(name):
    households, persons = toy_frames()
    households[name] = households["urbrur"]
    with pytest.raises(sp.InputError, match=f"A domain must have a name of its own, but '{name}' is taken"):
        sp.estimate(sp.Survey(households, persons, **DESIGN), [sp.MeanWelfare()], by=[name], replicates=sp.Bootstrap(2))


SHARES = [
    *("headcount", "poverty_gap", "poverty_severity", "coverage", "coverage_direct"),
    *("benefit_incidence", "beneficiary_incidence", "lorenz", "gini"),
]


@pytest.mark.parametrize("seed", range(4))
def test_no_interval_reaches_beyond_what_a_measure_can_be(seed):
    survey = sp.example_survey(400, seed=seed + 1)
    transfers = sp.simulate(survey, sp.Package([sp.household_benefit(sp.Amount(2, "month"), coverage=0.2)]))
    statistics = [sp.Poverty(50), sp.Coverage(), sp.Lorenz(), sp.Incidence(), sp.Inequality(), sp.MeanWelfare()]
    frame = sp.estimate(
        survey, statistics, {"after": transfers}, by=["decile", "urbrur"], replicates=sp.Bootstrap(60)
    ).frame()
    has = frame[frame["ci_low"].notna()]
    assert len(has) > 100
    assert (has["ci_low"] <= has["value"]).all()
    assert (has["value"] <= has["ci_high"]).all()
    level = has[has["scenario"] != "change"]
    assert (level["ci_low"] >= 0).all()
    within = level[level["statistic"].isin(SHARES)]
    assert (within["ci_high"] <= 1).all()
    key = ["statistic", "of", "param", "by", "level"]
    falls = has[(has["scenario"] == "change") & has["statistic"].isin(["headcount", "poverty_gap", "poverty_severity"])]
    before = frame[frame["scenario"] == "before"].set_index(key)["ci_high"]
    for row in falls.itertuples():
        assert row.ci_high < 0 or row.value == row.ci_high == 0  # nobody left poverty in the sample: up to a limit
        highest = before[tuple(getattr(row, name) for name in key)]
        assert np.isnan(highest) or row.ci_low >= -highest


def test_rows_without_weight_are_no_cases():
    frame = {"hid": range(100), "hhweight": [1.0] * 2 + [0.0] * 98, "n": [1] * 100, "pc": range(1, 101)}
    survey = sp.Survey(frame, size="n", welfare="pc")
    result = sp.assess(survey, [], replicates=sp.Bootstrap(10))
    mean = result.estimates.frame().iloc[0]
    assert (mean["statistic"], mean["n"]) == ("mean_welfare", 2)
    assert result.findings().estimates["value"].isna().all()
