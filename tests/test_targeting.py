"""Targets, and what may come of a package: ranked anew by hand in every replicate, with the replicate's weights."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._outcomes import MOST_CUTS, extended, receipts_of
from sp2lnob.estimation import full_sample_of
from sp2lnob.targeting import target_from

from . import oracles
from ._data import DESIGN, LINE, ByHand, in_order, toy_frames
from .test_reroute import CASES, RULE, Walk

PAIRS = {"strata": "pair"}
REPLICATES = {"bootstrap": sp.Bootstrap(17, seed=4), "jackknife": sp.Jackknife(), "brr": sp.BRR()}
WOMEN = sp.Scheme("women", amount=sp.Amount(9, "month"), min_age=18, sex="Female", coverage=0.5)


def frames_of(seed=3, pairs=True, **instead):
    """Return the small survey with a score of few values and one that tells most households apart, PSUs in pairs."""
    households, persons = toy_frames(seed, **instead)
    rng = np.random.default_rng(seed + 100)
    n = len(households["hid"])
    if pairs:
        households["ea"] = np.minimum(households["ea"], 18)
        households["pair"] = (households["ea"] - 1) // 2
    households["few"] = rng.integers(0, 6, n)
    households["fine"] = rng.integers(0, 400, n) / 8
    return households, persons


@cache
def survey_of(seed=3, pairs=False, **instead):
    design = DESIGN | {"roles": {"score": "fine"}} | (PAIRS if pairs else {}) | instead
    return sp.Survey(*frames_of(seed), **design)


def pension(target, name="old", **instead):
    return sp.Scheme(name, amount=sp.Amount(45, "month"), min_age=55, target=target, **instead)


def child(target, name="children", **instead):
    return sp.Scheme(name, amount=sp.Amount(20, "month"), max_age=17, target=target, **instead)


def home(target, name="homes", **instead):
    return sp.Scheme(
        name, "urbrur == 'Rural'", amount=sp.Amount(33, "month"), min_age=15, per="household", target=target, **instead
    )


PACKAGES = {
    "one": [pension(sp.Rank(0.4))],
    "ties": [child(sp.Rank(0.5, by="few"))],
    "ties, out": [child(sp.Rank(0.5, by="few", boundary="out")), WOMEN],
    "fits": [pension(sp.Rank(0.4, boundary="out"))],
    "two": [pension(sp.Rank(0.4)), child(sp.Rank(0.3, by="welfare", boundary="out")), WOMEN],
    "homes": [home(sp.Rank(0.2, by="few")), child(sp.Affluence(0.3))],
    "three": [child(sp.Affluence(0.25, by="few", of="eligible")), home(sp.Rank(0.6)), pension(sp.Rank(0.35, by="pc"))],
    "drawn": [pension(sp.Rank(0.5), coverage=0.6), child(sp.Threshold(80.0), coverage=0.5)],
}


class Hand:
    """The small survey by hand: what a package pays in one replicate."""

    def __init__(self, survey, frames, schemes):
        self.survey, self.schemes = survey, schemes
        self.h, self.p = in_order(survey, frames)
        self.home, self.psu = survey.household_of.tolist(), survey.design.psu.tolist()
        self.size = [self.home.count(i) for i in range(len(self.psu))]
        self.people = [int(w) * n for w, n in zip(self.h["hhweight"], self.size, strict=True)]
        # Who wins a draw has nothing to do with ranks: the package without targets says who.
        plain = [sp.Scheme(**{**vars(scheme), "target": None, "per": "person"}) for scheme in schemes]
        self.wins = sp.simulate(survey, sp.Package(plain)).received > 0
        once = [sp.Scheme(**{**vars(scheme), "target": None}) for scheme in schemes]
        self.wins_home = sp.simulate(survey, sp.Package(once)).received > 0

    def eligible(self, scheme):
        age, women = self.p["age"], np.array(self.p["sex"]) == "Female"
        low, high = scheme.min_age or 0, 200 if scheme.max_age is None else scheme.max_age
        fits = (np.array(age) >= low) & (np.array(age) <= high)
        if scheme.sex:
            fits &= women
        return fits & (np.array(self.p["urbrur"]) == "Rural") if scheme.who else fits

    def kept(self, scheme, factor):
        """Return whether each household is within the scheme's target in a replicate."""
        target, n = scheme.target, len(self.psu)
        if target is None:
            return [True] * n
        by = {"score": "fine", "welfare": "pc"}.get(target.by, target.by)
        score = [float(v) for v in self.h[by]]
        if isinstance(target, sp.Threshold):
            return [s < target.below for s in score]
        weight = [0] * n
        if getattr(target, "of", "") == "people":
            weight = self.people
        elif scheme.per == "household":
            for i in np.flatnonzero(self.eligible(scheme)).tolist():
                weight[self.home[i]] = int(self.h["hhweight"][self.home[i]])
        else:
            for i in np.flatnonzero(self.eligible(scheme)).tolist():
                weight[self.home[i]] += int(self.h["hhweight"][self.home[i]])
        weight = [w * factor[psu] for w, psu in zip(weight, self.psu, strict=True)]
        share = Fraction(str(target.share))
        share = 1 - share if isinstance(target, sp.Affluence) else share
        return oracles.kept_by_rank(score, weight, share, getattr(target, "boundary", "in") == "in")

    @cache  # noqa: B019
    def _paid(self, factor):
        columns = []
        for s, scheme in enumerate(self.schemes):
            wins = self.wins_home if scheme.per == "household" else self.wins
            inside = np.array(self.kept(scheme, factor))[self.home]
            columns.append(wins[:, s] & inside)
        return np.column_stack(columns)

    def paid(self, factor):
        """Return whether each person is paid by each scheme."""
        return self._paid(tuple(factor))

    def after(self, factor):
        """Return welfare after, as the library rounds it."""
        paid, amounts = self.paid(factor), [scheme.amount.per_year() for scheme in self.schemes]
        number = [np.bincount(self.home, column, len(self.psu)).tolist() for column in paid.T]
        made = []
        for i, pc in enumerate(self.h["pc"]):
            total = 0.0
            for amount, recipients in zip(amounts, number, strict=True):
                total += recipients[i] * amount
            made.append(float(pc) + total * (1.0 / (self.size[i] * 12)))
        return made

    def figures(self, factor):
        """Return every figure of one replicate by name."""
        weight = [float(w * factor[psu]) for w, psu in zip(self.people, self.psu, strict=True)]
        before, after = [float(y) for y in self.h["pc"]], self.after(factor)
        paid, homes = self.paid(factor), np.array(self.home)
        own = np.array([float(self.h["hhweight"][i] * factor[self.psu[i]]) for i in self.home])
        made = {
            "headcount": oracles.fgt(after, weight, LINE, 0),
            "poverty_gap": oracles.fgt(after, weight, LINE, 1),
            "gini": oracles.gini_ranked(after, weight),
            "palma": oracles.palma(after, weight),
            "quantile": oracles.quantile(after, weight, Fraction(3, 10)),
        }
        cuts = [
            oracles.quantile(
                before, [w * factor[p] for w, p in zip(self.people, self.psu, strict=True)], Fraction(k, 10)
            )
            for k in range(1, 10)
        ]
        decile = np.array([sum(y > cut for cut in cuts) for y in before])
        for k in range(10):
            here = decile == k
            w = np.array(weight)[here]
            total = (w * np.array(before)[here]).sum()
            made["consumption_gain", k] = ((w * (np.array(after) - before)[here]).sum() / total) if total else np.nan
        everybody = own.sum()
        for s, scheme in enumerate([*self.schemes, None]):
            name = "package" if scheme is None else scheme.name
            has = paid.any(axis=1) if scheme is None else paid[:, s]
            reached = np.isin(homes, np.unique(homes[has]))
            made["recipients", name] = own[has].sum()
            made["coverage", name] = own[reached].sum() / everybody
            made["coverage_direct", name] = own[has].sum() / everybody
            adult = np.array(self.p["age"]) >= 40
            made["coverage of adults", name] = own[reached & adult].sum() / own[adult].sum()
            for k in range(10):
                share = own[has & (decile[homes] == k)].sum() / own[has].sum() if own[has].sum() else np.nan
                made["beneficiary_incidence", name, k] = share
        made["transfer_cost"] = sum(
            scheme.amount.per_year() * made["recipients", scheme.name] for scheme in self.schemes
        )
        return made


def rows_of_factors(survey, replicates):
    """Return the factor of every PSU in the full sample and in every replicate, exactly."""
    bound = replicates.bind(survey)
    blocks = bound.source.factors(1, -(-bound.n // 8))
    rows = np.moveaxis(blocks, 1, 2).reshape(-1, survey.design.psus)[: bound.n]
    return [[Fraction(1)] * survey.design.psus] + [
        [Fraction(f).limit_denominator(1000) for f in row] for row in rows.tolist()
    ]


def estimated(survey, schemes, replicates, **instead):
    transfers = sp.simulate(survey, sp.Package(schemes))
    statistics = [sp.Poverty(LINE), sp.Inequality(), sp.Quantile(0.3), sp.Cost(), sp.Coverage()]
    how = {"replicates": replicates, "df": "design"} | instead
    return (
        sp.estimate(survey, statistics, {"after": transfers}, **how),
        sp.estimate(survey, [sp.ConsumptionGain(), sp.Incidence()], {"after": transfers}, by=["decile"], **how),
        sp.estimate(survey, [sp.Coverage()], {"after": transfers}, by=["adult"], **how),
    )


def drawn(estimates, **fields):
    row = estimates.find(scenario="after", **fields)
    return np.r_[estimates.value[row], estimates.draws[:, row]]


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("method", REPLICATES)
def test_every_figure_is_that_of_ranking_anew_in_every_replicate(name, method):
    pairs = method == "brr"
    design = DESIGN | {"roles": {"score": "fine"}, "derive": {"adult": "age >= 40"}} | (PAIRS if pairs else {})
    survey, schemes = sp.Survey(*frames_of(), **design), PACKAGES[name]
    hand = Hand(survey, frames_of(), schemes)
    factors = rows_of_factors(survey, REPLICATES[method])
    expected = [hand.figures(factor) for factor in factors]
    everybody, deciles, adults = estimated(survey, schemes, REPLICATES[method])
    found = {}
    for key in expected[0]:
        match key:
            case "consumption_gain", k:
                found[key] = drawn(deciles, statistic="consumption_gain", level=str(k + 1))
            case "beneficiary_incidence", of, k:
                found[key] = drawn(deciles, statistic="beneficiary_incidence", of=of, level=str(k + 1))
            case "coverage of adults", of:
                found[key] = drawn(adults, statistic="coverage", of=of, level="1", by="adult")
            case statistic, of:
                found[key] = drawn(everybody, statistic=statistic, of=of)
            case "transfer_cost":
                found[key] = drawn(everybody, statistic=key, of="package")
            case _:
                found[key] = drawn(everybody, statistic=key)
    for key, values in found.items():
        want = [float(one[key]) for one in expected]
        assert values.tolist() == pytest.approx(want, rel=1e-10, abs=1e-12, nan_ok=True), key
    # Some household is in and out: otherwise this shows nothing.
    assert any(len({tuple(hand.kept(scheme, factor)) for factor in factors}) > 1 for scheme in schemes)


@pytest.mark.parametrize("schemes", [PACKAGES["one"], PACKAGES["two"]], ids=["one", "two"])
def test_what_others_show_is_the_full_sample(schemes):
    survey = survey_of()
    transfers = sp.simulate(survey, sp.Package(schemes))
    hand = Hand(survey, frames_of(), schemes)
    one = [Fraction(1)] * survey.design.psus
    assert (transfers.received == hand.paid(one)).all()
    assert transfers.welfare_after.tolist() == hand.after(one)
    assert transfers.cost.transfer_cost.iloc[-1] == pytest.approx(float(hand.figures(one)["transfer_cost"]))


class After(ByHand):
    """Welfare after that depends on the replicate."""

    def __init__(self, survey, frames, schemes):
        super().__init__(survey, frames)
        self.paying = Hand(survey, frames, schemes)

    def classes(self, name, factor, scenario="before"):
        welfare = self.welfare["before"] if scenario == "before" else self.paying.after(factor)
        return [sum(y > cut for cut in self.cuts(name, factor)) for y in welfare]


@pytest.mark.parametrize("name", ["bottom 40", "person"])
def test_access_after_follows_the_replicate_s_own_recipients(name):
    frames, given = frames_of(2, pairs=False, per_psu=5, zeros=False), CASES[name]
    survey = sp.Survey(*frames, **DESIGN | {"roles": {"score": "fine"}})
    schemes = [child(sp.Rank(0.5)), pension(sp.Rank(0.3, by="welfare", boundary="out"))]
    own = Walk(name)
    own.hand = After(survey, frames, schemes)
    opportunity = sp.Opportunity("o", "phone" if given.get("unit") == "person" else "water", **given)
    replicates = sp.Bootstrap(7, seed=4)
    tree = sp.OpportunityTree(**RULE)
    result = sp.assess(
        survey, [opportunity], sp.Package(schemes), by=(), replicates=replicates, tree=tree, df="design", refit=False
    )
    factors = rows_of_factors(survey, replicates)
    expected = [own.figures(factor) for factor in factors]
    for scenario in ("before", "after"):
        row = result.estimates.find(statistic="access", scenario=scenario, by="all")
        found = np.r_[result.estimates.value[row], result.estimates.draws[:, row]]
        want = [float(one[f"access {scenario}"]) for one in expected]
        assert found.tolist() == pytest.approx(want, rel=1e-11)
    assert len({tuple(own.hand.paying.kept(schemes[0], factor)) for factor in factors}) > 1


# -- properties -----------------------------------------------------------------------------------------------------


def bits(survey, schemes, **instead):
    return [one.draws.tobytes() + one.value.tobytes() for one in estimated(survey, schemes, **instead)]


def adults(frames, **instead):
    return sp.Survey(*frames, **DESIGN | {"roles": {"score": "fine"}, "derive": {"adult": "age >= 40"}} | instead)


def test_rows_in_another_order_and_other_threads_change_no_bit():
    households, persons = frames_of()
    schemes, replicates = PACKAGES["two"], sp.Bootstrap(40, seed=2)
    one = bits(adults((households, persons)), schemes, replicates=replicates, n_threads=1)
    rng = np.random.default_rng(8)
    for table in (households, persons):
        order = rng.permutation(len(table["hid"]))
        for column, values in table.items():
            table[column] = np.asarray(values)[order]
    assert bits(adults((households, persons)), schemes, replicates=replicates, n_threads=2) == one


@pytest.mark.parametrize("target", [sp.Rank(1), sp.Affluence(0), sp.Affluence(0.0, of="eligible")])
def test_a_target_that_keeps_all_is_none(target):
    survey, replicates = adults(frames_of()), sp.Bootstrap(20, seed=2)
    plain = bits(survey, [pension(None), WOMEN], replicates=replicates)
    assert bits(survey, [pension(target), WOMEN], replicates=replicates) == plain


def test_a_rank_that_nearly_all_are_within_is_none_to_rounding():
    survey, replicates = adults(frames_of()), sp.Bootstrap(20, seed=2)
    plain = estimated(survey, [pension(None)], replicates)
    for one, other in zip(estimated(survey, [pension(sp.Rank(1 - 1e-9))], replicates), plain, strict=True):
        np.testing.assert_allclose(one.draws, other.draws, rtol=1e-12, atol=1e-14)


def test_counts_of_cases_are_of_the_survey_s_rows():
    survey = adults(frames_of())
    transfers = sp.simulate(survey, sp.Package(PACKAGES["two"]))
    statistics, by = [sp.MeanWelfare(), sp.Cost(), sp.Coverage()], ["urbrur", "decile", "adult"]
    frame = sp.estimate(survey, statistics, {"after": transfers}, by=by, replicates=sp.Bootstrap(8)).frame()
    mean = frame[frame.statistic == "mean_welfare"].set_index(["scenario", "by", "level"]).n
    assert (mean["after"] == mean["before"]).all()
    recipients = frame[(frame.statistic == "recipients") & (frame.of == "old") & (frame.by == "all")]
    weighted = survey.person_weight > 0
    assert recipients.n.tolist() == [int((transfers.received[weighted, 0] > 0).sum())]


def test_workers_elsewhere_and_a_folder_of_replicates_give_the_same_bits(tmp_path):
    survey, schemes, replicates = adults(frames_of()), PACKAGES["two"], sp.Bootstrap(24, seed=3)
    one = bits(survey, schemes, replicates=replicates)
    with ProcessPoolExecutor(1) as pool:
        assert bits(survey, schemes, replicates=replicates, executor=pool) == one
    transfers = sp.simulate(survey, sp.Package(schemes))
    how = {"replicates": replicates, "resume": tmp_path}
    first, again = (sp.estimate(survey, [sp.Poverty(LINE)], {"after": transfers}, **how) for _ in range(2))
    assert first.draws.tobytes() == again.draws.tobytes()


def test_effective_degrees_of_freedom_leave_out_psus_with_cuts_of_their_own():
    survey = survey_of()
    transfers = sp.simulate(survey, sp.Package(PACKAGES["one"]))
    found = sp.estimate(survey, [sp.Cost()], {"after": transfers}, replicates=sp.Bootstrap(8), interval="bca")
    assert np.isfinite(found.df).all()
    assert (found.df >= 1).all()


def test_a_cut_that_no_replicate_was_found_to_have_makes_the_replicate_fail():
    survey, replication = survey_of(), sp.Bootstrap(16, seed=1).bind(survey_of())
    full = full_sample_of(survey, replication)
    outcomes = sp.simulate(survey, sp.Package(PACKAGES["one"])).outcomes
    full.spread(outcomes, np.arange(survey.n_households, dtype=np.int32))
    (switches,) = full.switches
    assert full.switched().whole
    factors = replication.source.factors(1, 2)
    (ranking,) = switches.rankings
    assert set(np.unique(full.switched().factors)) == {0.0, 1.0}
    cuts = ranking.evaluate(factors)
    low, high = np.quantile(cuts, [0.2, 0.8])
    narrow = replace(switches, band=np.array([[low, high]]))
    elsewhere = ((cuts < low) | (cuts > high)).reshape(2, 8)
    assert 0 < elsewhere.sum() < 16
    assert (np.isnan(extended(factors, [narrow])[:, replication.units :]).all(axis=1) == elsewhere).all()
    assert np.isfinite(extended(factors, [switches])).all()


def test_only_households_that_replicates_move_have_switches():
    survey = sp.example_survey(households=2000)
    outcomes = sp.simulate(survey, sp.Package([pension(sp.Rank(0.4, by="welfare"))])).outcomes
    full = full_sample_of(survey, sp.Bootstrap(100, seed=1).bind(survey))
    full.spread(outcomes, np.arange(survey.n_households, dtype=np.int32))
    concerned = int((outcomes.may > 0).sum())
    assert 0 < len(full.switches[0].unit) < concerned


# -- exact draws ----------------------------------------------------------------------------------------------------


def exact_package(draws, seed=1, **instead):
    schemes = [
        sp.child_benefit(sp.Amount(20, "month"), name="children", coverage=0.5),
        sp.old_age_pension(sp.Amount(40, "month"), name="old", min_age=50, coverage=0.25),
        sp.Scheme("homes", "urbrur == 'Rural'", amount=sp.Amount(30, "month"), per="household", coverage=0.75),
        sp.Scheme("women", amount=sp.Amount(7, "month"), min_age=18, sex="Female"),
    ]
    return sp.Package(schemes, draws=draws, seed=seed, **instead)


def test_exact_is_every_outcome_of_every_draw():
    survey, replicates = survey_of(), sp.Bootstrap(9, seed=5)
    h, p = in_order(survey, frames_of())
    homes = survey.household_of.tolist()
    coverage, amounts = [Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(1)], [20, 40, 30, 7]
    welfare, weight, of = [], [], []
    for i, pc in enumerate(h["pc"]):
        members = [j for j, home_ in enumerate(homes) if home_ == i]
        age, sex = ([p[name][j] for j in members] for name in ("age", "sex"))
        eligible = [
            sum(a <= 17 for a in age),
            sum(a >= 50 for a in age),
            int(h["urbrur"][i] == "Rural"),
            sum(a >= 18 and s == "Female" for a, s in zip(age, sex, strict=True)),
        ]
        for money, chance in oracles.receipts(eligible, coverage, amounts).items():
            welfare.append(float(int(pc) + Fraction(money, len(members))))
            weight.append(int(h["hhweight"][i]) * len(members) * chance)
            of.append(i)
    transfers = sp.simulate(survey, exact_package("exact"))
    statistics = [sp.Poverty(LINE + 0.3), sp.Inequality(["gini", "palma"]), sp.Quantile(0.3), sp.MeanWelfare()]
    found = sp.estimate(survey, statistics, {"after": transfers}, replicates=replicates, df="design")
    psu = survey.design.psu.tolist()
    for r, factor in enumerate(rows_of_factors(survey, replicates)):
        w = [float(x * factor[psu[i]]) for x, i in zip(weight, of, strict=True)]
        want = {
            "headcount": oracles.fgt(welfare, w, LINE + 0.3, 0),
            "poverty_gap": oracles.fgt(welfare, w, LINE + 0.3, 1),
            "gini": oracles.gini_ranked(welfare, w),
            "palma": oracles.palma(welfare, w),
            "quantile": oracles.quantile(welfare, w, 0.3),
            "mean_welfare": oracles.mean(welfare, w),
        }
        for statistic, value in want.items():
            assert drawn(found, statistic=statistic)[r] == pytest.approx(value, rel=1e-10), statistic


def test_exact_is_the_mean_of_many_draws():
    survey, line = sp.example_survey(households=320), sp.Poverty(60.0)

    def value(package):
        made = sp.estimate(survey, [line], {"after": sp.simulate(survey, package)}, replicates=sp.Bootstrap(2))
        return [float(made.value[made.find(statistic=s, scenario="after")]) for s in ("headcount", "poverty_gap")]

    draws = np.array([value(exact_package("seeded", seed)) for seed in range(1, 121)])
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    assert (abs(draws.mean(axis=0) - value(exact_package("exact"))) < 3.5 * error).all()
    # What expected values say of the gap is another number.
    assert value(exact_package("expected"))[1] < draws.mean(axis=0)[1] - 10 * error[1]


def test_adequacy_of_exact_draws_is_that_of_all_draws():
    homes = {"hid": [1, 2], "hhweight": [2.0, 1.0], "ea": [1, 2], "pc": [30.0, 50.0], "price": [1.25, 0.8]}
    people = {"hid": [1, 1, 2], "pid": [1, 2, 3], "age": [70, 80, 10]}
    survey = sp.Survey(homes, people, welfare="pc", psu="ea", person="pid", price_factor="price")
    old = sp.Scheme("old", amount=sp.Amount(20, "month"), min_age=60, coverage=0.5)
    every = sp.Scheme("every", amount=sp.Amount(8, "month"), coverage=0.25)
    made = sp.simulate(survey, sp.Package([old, every], draws="exact", mpc=0.5))
    found = sp.estimate(survey, [sp.Adequacy()], {"after": made}, replicates=sp.Bootstrap(2))
    paid, held = np.zeros((2, 3))
    for wins in product((0, 1), repeat=5):  # the old of home 1, then everybody
        chance = float(
            np.prod([(p if win else 1 - p) for win, p in zip(wins, (0.5, 0.5, 0.25, 0.25, 0.25), strict=True)])
        )
        for first, own, weight, pc, price in ((wins[:2], wins[2:4], 4, 30.0, 1.25), ((), wins[4:], 1, 50.0, 0.8)):
            size = len(own)
            money = np.array([20.0 * sum(first), 8.0 * sum(own), 20.0 * sum(first) + 8.0 * sum(own)]) * price / size
            paid += chance * weight * money
            held += chance * weight * (money > 0) * (pc + 0.5 * money[2])
    for of, share in zip(("old", "every", "package"), paid / held, strict=True):
        assert found.value[found.find(statistic="adequacy", of=of)] == pytest.approx(share, rel=1e-12)


def test_who_is_a_recipient_is_not_known_where_draws_are_exact():
    survey, drawn = survey_of(), [pension(sp.Rank(0.4), coverage=0.5)]
    made = sp.simulate(survey, sp.Package(drawn, draws="exact"))
    with pytest.raises(sp.InputError, match="'recipients' need to know who is paid, but draws of 'after' are exact"):
        sp.estimate(survey, [sp.MeanWelfare()], {"after": made}, by=["recipients"], replicates=sp.Bootstrap(2))
    sure = sp.simulate(survey, sp.Package([pension(sp.Rank(0.4))], draws="exact"))
    sp.estimate(survey, [sp.MeanWelfare()], {"after": sure}, by=["recipients"], replicates=sp.Bootstrap(2))


def test_recipients_and_cost_are_those_expected():
    survey = survey_of()
    exact, expected = (sp.simulate(survey, exact_package(draws)) for draws in ("exact", "expected"))
    assert exact.cost.equals(expected.cost)
    assert (exact.received == expected.received).all()
    statistics = [sp.Cost(), sp.Coverage()]
    for by in ([], ["urbrur"]):
        one, other = (
            sp.estimate(survey, statistics, {"after": t}, by=by, replicates=sp.Bootstrap(6)) for t in (exact, expected)
        )
        np.testing.assert_allclose(one.draws, other.draws, rtol=1e-12)
        assert [row.n for row in one.rows] == [row.n for row in other.rows]


def test_exact_and_ranked_is_both():
    survey, replicates = survey_of(), sp.Bootstrap(9, seed=5)
    ranked = [pension(sp.Rank(0.4), coverage=0.5)]
    found = sp.estimate(
        survey, [sp.Poverty(LINE)], {"after": sp.simulate(survey, sp.Package(ranked, draws="exact"))},
        replicates=replicates, df="design",
    )  # fmt: skip
    hand = Hand(survey, frames_of(), [pension(sp.Rank(0.4))])
    psu = survey.design.psu.tolist()
    for r, factor in enumerate(rows_of_factors(survey, replicates)):
        paid = np.bincount(hand.home, hand.paid(factor)[:, 0], len(psu)).astype(int).tolist()
        poor = every = 0
        for i, pc in enumerate(hand.h["pc"]):
            for money, chance in oracles.receipts([paid[i]], [Fraction(1, 2)], [45]).items():
                w = hand.people[i] * factor[psu[i]] * chance
                every += w
                poor += w * (int(pc) + Fraction(money, hand.size[i]) < LINE)
        assert drawn(found, statistic="headcount")[r] == pytest.approx(float(poor / every), rel=1e-10)


def test_chances_of_persons_of_their_own_are_put_together_as_any():
    home = np.array([0, 0, 0, 1, 1, 2], dtype=np.int32)
    chance = np.array([[0.25, 1], [0.25, 0], [0.5, 0.75], [0, 0.5], [1, 0.5], [0, 0]])
    money = np.array([[8.0, 3], [8, 3], [16, 5], [8, 4], [8, 4], [8, 3]])
    found = receipts_of(home, chance, money, np.arange(3, dtype=np.int32), str)
    for i in range(3):
        want: dict[float, float] = {}
        for row in product((0, 1), repeat=2 * int((home == i).sum())):
            won = np.array(row).reshape(-1, 2)
            p, m = chance[home == i], money[home == i]
            total = float((won * m).sum())
            want[total] = want.get(total, 0) + float(np.where(won, p, 1 - p).prod())
        mine = found[0] == i
        assert dict(zip(found[2][mine].tolist(), found[1][mine].tolist(), strict=True)) == pytest.approx(
            {total: p for total, p in want.items() if p}
        )


def test_coverage_of_none_or_all_leaves_nothing_to_chance():
    survey = survey_of()
    for coverage in (0.0, 1.0):
        schemes = [child(None, coverage=coverage)]
        exact, seeded = (sp.simulate(survey, sp.Package(schemes, draws=draws)) for draws in ("exact", "seeded"))
        assert exact.by_outcome("welfare_after").tobytes() == seeded.welfare_after.tobytes()


# -- targets --------------------------------------------------------------------------------------------------------


def test_a_threshold_is_strict_and_may_be_a_line():
    survey = survey_of()
    economy = sp.Economy(lines={"national": 90})
    by_line = sp.simulate(survey, sp.Package([child(sp.Threshold("line:national"))]), economy)
    who = sp.Scheme("children", "welfare_ < 90", amount=sp.Amount(20, "month"), max_age=17)
    derived = sp.Survey(*frames_of(), **DESIGN | {"derive": {"welfare_": "pc"}})
    assert by_line.outcomes is None
    assert (by_line.received == sp.simulate(derived, sp.Package([who])).received).all()
    assert (sp.simulate(survey, sp.Package([child(sp.Threshold(90, by="pc"))])).received == by_line.received).all()


def test_persons_weights_rank_persons():
    survey = survey_of(person_weight="own_weight")
    transfers = sp.simulate(survey, sp.Package([child(sp.Rank(0.4))]))
    h, p = in_order(survey, frames_of())
    weight = [0] * survey.n_households
    for home_, age, own in zip(survey.household_of.tolist(), p["age"], p["own_weight"], strict=True):
        weight[home_] += int(own) if age <= 17 else 0
    kept = oracles.kept_by_rank(h["fine"], weight, Fraction(2, 5))
    young = np.array(p["age"]) <= 17
    assert (transfers.received[:, 0] == young & np.array(kept)[survey.household_of]).all()


def test_nobody_eligible_has_no_cut():
    survey = survey_of()
    nobody = sp.Scheme("nobody", amount=sp.Amount(5, "month"), min_age=120, target=sp.Rank(0.4))
    transfers = sp.simulate(survey, sp.Package([nobody]))
    assert transfers.welfare_after.tolist() == survey.welfare.tolist()
    found = sp.estimate(survey, [sp.Cost(), sp.MeanWelfare()], {"after": transfers}, replicates=sp.Bootstrap(4))
    assert drawn(found, statistic="recipients", of="package").tolist() == [0.0] * 5


def test_scores_not_known_are_an_error_or_not_paid():
    households, persons = frames_of()
    households["fine"] = np.where(np.arange(len(households["hid"])) < 9, np.nan, households["fine"])
    schemes = [child(sp.Rank(0.5))]
    with pytest.raises(
        sp.InputError, match=r"scheme 'children' is aimed by, 'score', must be known of every household"
    ):
        sp.simulate(adults((households, persons)), sp.Package(schemes))
    survey = adults((households, persons), missing="drop")
    transfers = sp.simulate(survey, sp.Package(schemes))
    unknown = np.isnan(survey.household_column("fine").values)
    assert transfers.recipients[unknown].sum() == 0
    found = sp.estimate(survey, [sp.Cost()], {"after": transfers}, replicates=sp.Bootstrap(8))
    assert (found.draws > 0).all()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (sp.Rank(0.4, by="age"), "Column 'age' must not vary within a household"),
        (sp.Rank(0.4, by="aeg"), "Did you mean 'age'"),
        (sp.Rank(0.4, by="fuel"), "The target of scheme 'children': The score 'fuel' must be a number, but it is text"),
        (sp.Threshold("line:none"), "The target of scheme 'children' needs line 'none', but the economy has none"),
    ],
)
def test_a_target_that_does_not_fit_the_survey_is_told(target, told):
    with pytest.raises(sp.InputError, match=told):
        sp.simulate(survey_of(), sp.Package([child(target)]))


def test_without_welfare_or_score_a_target_says_what_is_lacking():
    package = sp.Package([child(sp.Rank(0.4))])
    with pytest.raises(sp.InputError, match="The target of scheme 'children' needs the role 'score'"):
        sp.simulate(sp.Survey(*frames_of(), **DESIGN), package)
    bare = sp.Survey(*frames_of(), **DESIGN | {"welfare": None})
    with pytest.raises(sp.InputError, match="The target of scheme 'children' needs welfare"):
        sp.simulate(bare, sp.Package([child(sp.Rank(0.4, by="welfare"))]))
    ranked = sp.simulate(bare, sp.Package([child(sp.Rank(0.4, by="fine"))]))
    found = sp.estimate(bare, [sp.Cost()], {"after": ranked}, replicates=sp.Bootstrap(9))
    assert found.se[found.find(statistic="recipients", of="package")] > 0


def test_too_many_cuts_and_too_many_receipts_are_told():
    cuts = [child(sp.Rank(0.4), name=f"c{k}") for k in range(MOST_CUTS + 1)]
    with pytest.raises(sp.InputError, match="A package must have at most 6 schemes whose cut is made anew"):
        sp.simulate(survey_of(), sp.Package(cuts))
    many = [sp.Scheme(f"c{k}", amount=sp.Amount(2.0**k, "year"), coverage=0.5) for k in range(14)]
    with pytest.raises(sp.InputError, match=r"draws='exact' needs households that can be paid at most 10,000 sums"):
        sp.simulate(survey_of(), sp.Package(many, draws="exact"))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: sp.Rank(1.2), r"The share of Rank must be in \(0, 1\]"),
        (lambda: sp.Rank("0.4"), "The share of Rank must be a number"),
        (lambda: sp.Rank(0.4, by=None), "What a target goes by must be the name of a column"),
        (lambda: sp.Rank(0.4, boundary="split"), "The boundary of Rank must be one of 'in', 'out'"),
        (lambda: sp.Affluence(0.2, of="all"), "of of Affluence must be one of 'people', 'eligible'"),
        (lambda: sp.Threshold(None), "below of Threshold must be a number"),
        (lambda: child("poor"), "target of scheme 'children' must be a Target"),
        (lambda: target_from({"rank": 0.4, "below": 3}, "scheme 'a'"), "it has 'rank', 'below'"),
        (lambda: target_from({}, "scheme 'a'"), "it has nothing"),
        (lambda: target_from("poor", "scheme 'a'"), "target of scheme 'a' must be a table"),
        (lambda: target_from({"below": 3, "of": "people"}, "scheme 'a'"), "A key beside 'below' in the target of sch"),
    ],
)
def test_what_is_no_target_is_told(make, told):
    with pytest.raises(sp.SP2LNOBError, match=told):
        make()


def test_targets_of_a_study():
    assert target_from({"rank": 0.4, "by": "fine", "boundary": "out"}, "x") == sp.Rank(0.4, by="fine", boundary="out")
    assert target_from({"below": "line:national"}, "x") == sp.Threshold("line:national")
    assert target_from({"affluence": 0.2, "of": "eligible"}, "x") == sp.Affluence(0.2, of="eligible")


def test_welfare_is_the_surveys_and_not_a_column_of_the_name():
    homes = {"hid": [1, 2, 3], "hhweight": [1.0, 1.0, 1.0], "ea": [1, 2, 3], "welfare": [120.0, 60.0, 100.0]}
    people = {"hid": [1, 1, 1, 2, 3], "age": [70] * 5}
    grant = [sp.Scheme("grant", amount=sp.Amount(1, "month"), target=sp.Threshold(50.0))]
    of_homes = sp.Survey(homes, people, welfare="welfare", welfare_per="household", psu="ea")
    assert sp.simulate(of_homes, sp.Package(grant)).recipients.ravel().tolist() == [3, 0, 0]
    economy = sp.Economy(year=2022, survey_year=2019, cpi={2019: 100, 2022: 200})
    today = sp.Survey(homes, people, welfare="welfare", psu="ea").uprated(economy)
    below = [replace(grant[0], target=sp.Threshold(130.0))]
    assert sp.simulate(today, sp.Package(below), economy).recipients.ravel().tolist() == [0, 1, 0]


def test_a_threshold_may_be_a_line_in_dollars():
    economy = sp.Economy(year=2011, ppp=1, ppp_year=2011, dollars_a_day=(3.2,))
    target, named = sp.Threshold("line:$3.20 a day"), sp.Threshold(economy.poverty_lines()["$3.20 a day"])
    one, other = (sp.simulate(survey_of(), sp.Package([child(to)]), economy) for to in (target, named))
    assert one.recipients.sum() > 0
    np.testing.assert_array_equal(one.recipients, other.recipients)


def test_who_ranks_and_pays_nothing_changes_nothing():
    """Outcomes of a household are rows, in another order than before: not even the last bit is taken for a change."""
    survey = sp.example_survey(1000)
    package = sp.Package([sp.child_benefit(sp.Amount(0, "month"), target=sp.Rank(0.4, by="welfare"))])
    asked = [sp.MeanWelfare(), sp.Poverty(60.0), sp.Inequality()]
    made = sp.estimate(survey, asked, {"after": sp.simulate(survey, package)}, ["region"], sp.Bootstrap(9))
    changes = [i for i, row in enumerate(made.rows) if row.scenario == "change"]
    assert len(changes) > 10
    assert not made.value[changes].any()
    assert not made.se[changes].any()
    assert not made.draws[:, changes].any()
