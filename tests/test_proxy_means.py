"""Proxy means tests: the fit by normal equations and by R, cross-fitting written out, and errors of targeting re-cut in
every replicate by hand."""

import csv
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._folds import folds_of
from sp2lnob.means_test import proxy_means_from
from sp2lnob.study import read_study

from . import _data, oracles
from .test_r import needs_r

HERE = Path(__file__).parent / "reference"
VARIABLES = ["size", "fuel", "educ", "water"]
DERIVE = {"size": "count(age >= 0)"}


def survey(**instead):
    return _data.toy_survey(derive=DERIVE, **instead)


def design_matrix(survey):
    """Return regressors with the intercept, by household: fuel's most frequent level is its base."""
    column = {name: survey.household_column(name) for name in VARIABLES}
    fuel = np.array(column["fuel"].levels)[column["fuel"].values.astype(int)]
    counts = {level: (fuel[survey.people > 0] == level).sum() for level in sorted(set(fuel))}
    base = max(counts, key=counts.get)
    (other,) = set(counts) - {base}
    size, educ, water = (column[name].values for name in ("size", "educ", "water"))
    return np.column_stack([np.ones(len(size)), size, fuel == other, educ, water])


# -- the fit ----------------------------------------------------------------------------------------------------------


def test_the_fit_is_that_of_the_normal_equations():
    given = survey()
    proxy = sp.proxy_means(given, VARIABLES)
    x, y, w = design_matrix(given), np.log(given.welfare), given.people
    beta = np.linalg.solve((x * w[:, None]).T @ x, x.T @ (w * y))
    np.testing.assert_allclose(proxy.coefficients, beta, rtol=1e-9)
    assert [name for name, _ in proxy.terms] == ["intercept", *VARIABLES]
    fit = x @ beta
    np.testing.assert_allclose(proxy.score, np.exp(fit), rtol=1e-10)
    mean = np.average(y, weights=w)
    assert proxy.r2 == pytest.approx(1 - w @ (y - fit) ** 2 / (w @ (y - mean) ** 2), rel=1e-9)
    assert proxy.smearing == pytest.approx(np.average(np.exp(y - fit), weights=w), rel=1e-9)
    np.testing.assert_allclose(proxy.predicted, proxy.score * proxy.smearing)


def test_standard_errors_are_those_of_the_textbook_sandwich():
    given = survey()
    x, y, w = design_matrix(given), np.log(given.welfare), given.people
    proxy, design = sp.proxy_means(given, VARIABLES), given.design
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    u = (x * (w * (y - x @ proxy.coefficients))[:, None]) @ bread
    middle = np.zeros((5, 5))
    for first, last in zip(design.stratum_start[:-1], design.stratum_start[1:], strict=True):
        totals = np.array([u[design.psu == p].sum(axis=0) for p in range(first, last)])
        apart = totals - totals.mean(axis=0)
        middle += len(totals) / (len(totals) - 1) * apart.T @ apart
    np.testing.assert_allclose(proxy.covariance, middle, rtol=1e-8, atol=1e-16)


def written(folder):
    """Write the households for R."""
    given = survey()
    fuel, region, area = (given.household_column(name) for name in ("fuel", "region", "urbrur"))
    with open(folder / "households.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ea", "stratum", "people", "pc", "size", "fuel", "educ", "water"])
        columns = [given.household_column(name).values for name in ("ea", "pc", "size", "educ", "water")]
        for i in range(given.n_households):
            ea, pc, size, educ, water = (column[i] for column in columns)
            stratum = f"{region.label(region.values[i])} {area.label(area.values[i])}"
            writer.writerow([ea, stratum, given.people[i], pc, size, fuel.label(fuel.values[i]), educ, water])

    with open(folder / "lonely.csv", "w", newline="") as file:
        writer = csv.writer(file)
        frame = lonely()
        writer.writerow(frame)
        writer.writerows(zip(*(values.tolist() for values in frame.values()), strict=True))


def lonely():
    """Return households of which the third stratum has one PSU; of the others' PSUs a half and two fifths are known."""
    rng = np.random.default_rng(1)
    n = 48
    ea = np.arange(n) // 4
    st = np.where(ea < 5, 1, np.where(ea < 11, 2, 3))
    x = rng.normal(size=n)
    frame = {"hid": np.arange(n), "ea": ea, "st": st, "w": rng.integers(1, 5, n)}
    frame |= {"pc": np.round(np.exp(0.3 * x + rng.normal(size=n)), 6), "x": x, "n": np.ones(n)}
    return frame | {"f1": np.where(st == 1, 0.5, 0.4), "f2": np.full(n, 0.3)}


def read(file):
    with open(file, newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def check_lonely(file):
    frame = lonely()
    known = {name: values[frame["st"] != 3] for name, values in frame.items()}
    for row in read(file):
        fpc = row["rule"] == "fpc"
        given = {"fpc": ["f1", "f2"]} if fpc else {"single_psu": row["rule"]}
        made = sp.Survey(known if fpc else frame, weight="w", welfare="pc", psu="ea", strata="st", size="n", **given)
        expected = [float(row["intercept"]), float(row["x"])]
        np.testing.assert_allclose(sp.proxy_means(made, ["x"]).standard_errors, expected, rtol=1e-9)


def test_strata_of_one_psu_and_finite_populations_are_as_r_has_them():
    assert {row["rule"] for row in read(HERE / "proxy_means_lonely.csv")} == {"adjust", "average", "certainty", "fpc"}
    check_lonely(HERE / "proxy_means_lonely.csv")


def check_r(file):
    proxy = sp.proxy_means(survey(), VARIABLES)
    rows = read(file)
    assert len(rows) == len(proxy.terms)
    np.testing.assert_allclose(proxy.coefficients, [float(row["coefficient"]) for row in rows], rtol=1e-9)
    np.testing.assert_allclose(proxy.standard_errors, [float(row["se"]) for row in rows], rtol=1e-9)


def test_coefficients_and_standard_errors_are_those_r_gave():
    check_r(HERE / "proxy_means.csv")


def test_r_gives_them_still(tmp_path):
    needs_r()
    written(tmp_path)
    made = subprocess.run(["Rscript", HERE / "proxy_means.R", tmp_path], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    check_r(tmp_path / "proxy_means.csv")
    check_lonely(tmp_path / "proxy_means_lonely.csv")


def test_a_weight_of_two_is_two_copies_and_the_order_of_rows_is_nothing():
    rng = np.random.default_rng(3)
    n = 60
    frame = {
        "hid": np.arange(n),
        "ea": np.arange(n) // 6,
        "hhweight": rng.integers(1, 4, n),
        "n": np.ones(n),
        "pc": rng.lognormal(4, 0.5, n),
        "x": rng.normal(size=n),
        "g": rng.choice(["a", "b", "b"], n),
    }

    def fit(frame):
        made = sp.Survey(frame, welfare="pc", psu="ea", size="n")
        return sp.proxy_means(made, ["x", "g"])

    one = fit(frame)
    copies = np.repeat(np.arange(n), frame["hhweight"])
    many = {name: values[copies] for name, values in frame.items()}
    many |= {"hid": np.arange(len(copies)), "hhweight": np.ones(len(copies))}
    np.testing.assert_allclose(fit(many).coefficients, one.coefficients, rtol=1e-9)
    shuffled = rng.permutation(n)
    other = fit({name: values[shuffled] for name, values in frame.items()})
    np.testing.assert_array_equal(other.score, one.score)
    np.testing.assert_array_equal(other.score_cross_fitted, one.score_cross_fitted)
    assert other.r2_out == one.r2_out


def test_households_that_look_alike_are_tied():
    given = sp.example_survey(2000)
    proxy = sp.proxy_means(given, ["urbrur", "region", "head_educ", "head_sex", "internet"])
    looks = np.column_stack([given.household_column(name).values for name in proxy.variables])
    assert len(np.unique(proxy.score)) == len(np.unique(looks, axis=0)) < 200


# -- cross-fitting ----------------------------------------------------------------------------------------------------


def test_every_household_is_scored_by_fits_that_did_not_see_its_psu():
    given = survey()
    x, y, w = design_matrix(given), np.log(given.welfare), given.people
    proxy = sp.proxy_means(given, VARIABLES, folds=4, repeats=3, seed=7)
    logs, r2 = np.zeros(len(y)), []
    mean = np.average(y, weights=w)
    for repeat in range(3):
        fold = folds_of(given.design, repeat, folds=4, seed=7)[given.design.psu]
        out = np.empty(len(y))
        for k in range(4):
            xs, ys, ws = x[fold != k], y[fold != k], w[fold != k]
            out[fold == k] = x[fold == k] @ np.linalg.solve((xs * ws[:, None]).T @ xs, xs.T @ (ws * ys))
        logs += out / 3
        r2.append(1 - w @ (y - out) ** 2 / (w @ (y - mean) ** 2))
    np.testing.assert_allclose(proxy.score_cross_fitted, np.exp(logs), rtol=1e-9)
    assert proxy.r2_out == pytest.approx(np.mean(r2), rel=1e-8)
    assert proxy.unlearned == ()


def test_a_level_of_one_fold_alone_adds_nothing_there():
    given = survey()
    rare = np.where(given.design.psu == 4, "rare", np.where(np.arange(given.n_households) % 2, "a", "b"))
    given = given.with_column("rare", rare)
    proxy = sp.proxy_means(given, ["educ", "rare"], folds=5, repeats=1)
    assert proxy.unlearned == ("rare: rare",)
    fold = folds_of(given.design, 0, folds=5)[given.design.psu]
    here = fold == fold[given.design.psu == 4][0]
    base = proxy.bases["rare"]
    (other,) = {"a", "b"} - {base}
    educ = given.household_column("educ").values
    x = np.column_stack([np.ones(len(educ)), educ, rare == other])
    xs, ys, ws = x[~here], np.log(given.welfare)[~here], given.people[~here]
    expected = np.exp(x[here] @ np.linalg.solve((xs * ws[:, None]).T @ xs, xs.T @ (ws * ys)))
    np.testing.assert_allclose(proxy.score_cross_fitted[here], expected, rtol=1e-9)


def noisy(seed, n=800, regressors=31):
    """Return a survey of which few of many regressors say something of welfare."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, regressors))
    pc = np.exp(4 + 0.12 * x[:, :4].sum(axis=1) + 0.58 * rng.normal(size=n))
    frame = {"hid": np.arange(n), "ea": np.arange(n) // 10, "hhweight": np.ones(n), "n": np.ones(n), "pc": pc}
    names = [f"x{j}" for j in range(regressors)]
    return sp.Survey(frame | dict(zip(names, x.T, strict=True)), welfare="pc", psu="ea", size="n"), names


def test_in_sample_a_score_explains_too_much_and_errs_too_little():
    found = []
    for seed in range(12):
        given, names = noisy(seed)
        proxy = sp.proxy_means(given, names, repeats=2)
        errors = proxy.errors(0.4).set_index("statistic").loc["exclusion_error"]
        fresh, _ = noisy(1000 + seed, 8000)
        x = np.column_stack([fresh.household_column(name).values for name in names])
        y, fit = np.log(fresh.welfare), proxy.coefficients[0] + x @ proxy.coefficients[1:]
        true_r2 = 1 - ((y - fit) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        poor, chosen = (values <= np.quantile(values, 0.4) for values in (y, fit))
        missed = (poor & ~chosen).sum() / poor.sum()
        found.append([proxy.r2, proxy.r2_out, true_r2, errors["in_sample"], errors["cross_fitted"], missed])
    r2, r2_out, true_r2, error, error_out, missed = np.mean(found, axis=0)
    assert r2 > true_r2 + 0.05
    assert abs(r2_out - true_r2) < 0.02
    assert error < missed - 0.02
    assert abs(error_out - missed) < 0.015


# -- errors of targeting ----------------------------------------------------------------------------------------------


def factors(given, design):
    """Return the factor of every PSU in every replicate, (replicates, PSUs)."""
    if isinstance(design, sp.Jackknife):
        return [[float(f) for f in row] for stratum in _data.without_one(given) for row in stratum]
    return _data.factors(given, design)


def by_hand(given, factor, share, poor=None, line=None, score="score", level=None):
    """Return errors of exclusion and inclusion and the share chosen, both cut-offs made from a replicate's weights."""
    people = given.people * np.array([float(f) for f in factor])[given.design.psu]
    y, s = given.welfare.tolist(), given.household_column(score).values.tolist()
    cut = oracles.quantile(s, people.tolist(), share)
    chosen = np.array(s) <= cut
    if line is not None:
        needy = np.array(y) < line
    else:
        needy = np.array(y) <= oracles.quantile(y, people.tolist(), share if poor is None else poor)
    if level is not None:
        people = people * level(people)
    with np.errstate(invalid="ignore", divide="ignore"):
        return [
            people @ (needy & ~chosen) / (people @ needy),
            people @ (chosen & ~needy) / (people @ chosen),
            people @ chosen / people.sum(),
        ]


def scored():
    return sp.proxy_means(survey(zeros=False), VARIABLES).scored()


@pytest.mark.parametrize("given", [{}, {"poor": 0.25}, {"line": 85.0}])
@pytest.mark.parametrize("design", [sp.Bootstrap(19, seed=3), sp.Jackknife()], ids=["bootstrap", "jackknife"])
def test_both_cut_offs_are_made_in_every_replicate(given, design):
    survey = scored()
    est = sp.estimate(survey, [sp.TargetingError(0.4, **given)], replicates=design)
    assert [row.statistic for row in est.rows] == ["exclusion_error", "inclusion_error", "chosen"]
    one = [1.0] * survey.design.psus
    np.testing.assert_allclose(est.value, by_hand(survey, one, 0.4, **given), rtol=1e-12)
    expected = [by_hand(survey, factor, 0.4, **given) for factor in factors(survey, design)]
    np.testing.assert_allclose(est.draws, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("by", ["quintile", "urbrur"])
def test_levels_are_cut_in_every_replicate_as_well(by):
    survey, design = scored(), sp.Bootstrap(11, seed=5)
    est = sp.estimate(survey, [sp.TargetingError(0.3)], by=[by], replicates=design)
    labels = [str(k) for k in range(1, 6)] if by == "quintile" else ["Rural", "Urban"]

    def level(label):
        def inside(people):
            if by == "quintile":
                cuts = [oracles.quantile(survey.welfare.tolist(), people.tolist(), k / 5) for k in range(1, 5)]
                return np.searchsorted(cuts, survey.welfare, side="left") == int(label) - 1
            column = survey.household_column("urbrur")
            return np.array([column.label(value) == label for value in column.values])

        return inside

    for label in labels:
        expected = np.array(
            [by_hand(survey, factor, 0.3, level=level(label)) for factor in _data.factors(survey, design)]
        )
        for k, name in enumerate(["exclusion_error", "inclusion_error", "chosen"]):
            if by == "quintile" and name != "chosen":
                with pytest.raises(sp.InputError):
                    est.find(statistic=name, by=by, level=label)
                continue
            row = est.find(statistic=name, by=by, level=label)
            np.testing.assert_allclose(est.draws[:, row], expected[:, k], rtol=1e-9, atol=1e-12)


def test_exclusion_and_inclusion_are_one_but_for_the_boundary():
    given = survey(zeros=False)
    frame = {"hid": np.arange(500), "hhweight": np.ones(500), "n": np.ones(500), "ea": np.arange(500) // 10}
    rng = np.random.default_rng(2)
    frame |= {"pc": rng.lognormal(4, 0.6, 500), "score": rng.permutation(np.arange(500.0))}
    plain = sp.Survey(frame, size="n", psu="ea", welfare="pc", roles={"score": "score"})
    est = sp.estimate(plain, [sp.TargetingError(0.4)], replicates=sp.Bootstrap(10))
    assert est.value[0] == est.value[1]
    assert est.value[2] == 0.4
    est = sp.estimate(scored(), [sp.TargetingError(0.4)], replicates=sp.Bootstrap(10))
    heaviest = given.people.max() / given.people.sum()
    assert abs(est.value[0] - est.value[1]) < 5 * heaviest


def test_who_is_counted_is_who_meets_the_condition():
    given = scored()
    est = sp.estimate(given, [sp.TargetingError(0.4, who="age >= 50")], replicates=sp.Bootstrap(10))
    old = given.person_column("age").values >= 50
    home, w = given.household_of[old], given.person_weight[old]
    y, s = given.welfare[home], given.household_column("score").values[home]
    needy = y <= oracles.quantile(y.tolist(), w.tolist(), 0.4)
    chosen = s <= oracles.quantile(s.tolist(), w.tolist(), 0.4)
    assert est.value[0] == pytest.approx(w @ (needy & ~chosen) / (w @ needy), rel=1e-12)
    assert est.rows[0].n == needy.sum()
    assert est.rows[1].n == chosen.sum()


def test_errors_of_a_proxy_are_those_that_estimate_gives():
    proxy = sp.proxy_means(survey(), VARIABLES)
    both = proxy.scored().with_column("inside", proxy.score)
    asked = [sp.TargetingError(0.4), sp.TargetingError(0.4, score="inside")]
    est = sp.estimate(both, asked, by=["decile"], replicates=sp.Bootstrap(10)).frame()
    frame = proxy.errors(0.4)
    for column, of in (("cross_fitted", "score"), ("in_sample", "inside")):
        found = est[(est["of"] == of) & ~((est["by"] == "all") & (est["statistic"] == "chosen"))]
        np.testing.assert_allclose(frame[column], found["value"], rtol=1e-12)


# -- a survey with a score --------------------------------------------------------------------------------------------


def test_a_copy_shares_what_it_has_with_its_survey():
    given = survey()
    copy = given.with_column("score", np.arange(given.n_households), role="score")
    assert "score" not in given.households
    assert given.roles.get("score") is None
    assert copy.welfare is given.welfare
    assert copy.identity == given.identity  # one sample: figures of both can be contrasted
    assert copy.fingerprint() != given.fingerprint()
    assert copy.role("score").values.tolist() == given.household_of.tolist()


def test_a_study_is_scored_before_it_runs(tmp_path):
    households, persons = sp.example_frames(400)
    for name, frame in (("h", households), ("p", persons)):
        with open(tmp_path / f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(frame)
            writer.writerows(zip(*frame.values(), strict=True))
    study = tmp_path / "study.toml"
    study.write_text(
        '[survey]\nhouseholds = "h.csv"\npersons = "p.csv"\nwelfare = "pc_exp"\npsu = "ea"\n'
        'strata = ["region", "urbrur"]\n[proxy_means]\nvariables = ["urbrur", "internet"]\nfolds = 5\n'
    )
    made = read_study(study).survey()
    expected = sp.proxy_means(sp.example_survey(400), ["urbrur", "internet"], folds=5).score_cross_fitted
    np.testing.assert_allclose(made.household_column("score").values, expected, rtol=1e-10)
    assert made.roles["score"] == "score"
    study.write_text(study.read_text() + 'cross_fitted = "no"\n')
    with pytest.raises(sp.InputError, match=r"cross_fitted in \[proxy_means\] must be true or false"):
        read_study(study)


# -- bad input --------------------------------------------------------------------------------------------------------


def of_row(given, row, value):
    values = given.household_column("educ").values.copy()
    values[row] = value
    return values


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ([], "A proxy means test must have a variable"),
        (["educ", "educ"], "must be named once"),
        (["nothing"], "A column of the survey must be one that exists"),
        (["pc"], "must not be welfare, but 'pc' is"),
        (["decile"], "must not be welfare, but 'decile' is cut from it"),
        (["lost"], "'lost' of a proxy means test must be known for every household, but 1 of 76 rows do not"),
        (["one"], "The variable 'one' of a proxy means test must vary, but all households that count have 1"),
        (["educ", "twice"], "must not be collinear, but 'twice' is a combination of 'educ'"),
        (["region", "urbrur", "north"], "must not be collinear, but 'north' is a combination of 'region: "),
        (["name"], "must have fewer coefficients than households"),
    ],
)
def test_variables_that_cannot_be_used(variables, message):
    given = survey()
    educ = given.household_column("educ").values
    given = given.with_column("lost", of_row(given, 3, np.nan)).with_column("one", np.ones(len(educ)))
    given = given.with_column("twice", 2 * educ + 1).with_column("name", [f"h{i}" for i in range(len(educ))])
    region = given.household_column("region")
    given = given.with_column("north", [float(region.label(v) == "North") for v in region.values])
    with pytest.raises(sp.InputError) as error:
        sp.proxy_means(given, variables)
    assert message in str(error.value)


def test_welfare_of_nothing_has_no_logarithm():
    households, persons = _data.toy_frames(zeros=False)
    households["pc"] = np.where(np.arange(len(households["pc"])) < 2, 0, households["pc"])
    given = sp.Survey(households, persons, **_data.DESIGN)
    with pytest.raises(sp.InputError, match="Welfare must be above 0 for its logarithm, but 2 of 76 rows do not"):
        sp.proxy_means(given, ["educ"])


def test_what_is_missing_is_dropped_on_request_and_counted():
    given = survey(missing="drop")
    given = given.with_column("lost", of_row(given, 3, np.nan))
    proxy = sp.proxy_means(given, ["lost", "water"])
    assert proxy.dropped == 1
    assert np.isnan(proxy.score[3])
    assert "1 households without a score" in repr(proxy)
    est = sp.estimate(proxy.scored(), [sp.TargetingError(0.4)], replicates=sp.Bootstrap(10))
    assert est.rows[2].n == (given.people > 0).sum() - (given.people[3] > 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 0}, "share must be in (0, 1), but it is 0"),
        ({"share": 0.4, "poor": 1}, "poor must be in (0, 1), but it is 1"),
        ({"share": 0.4, "line": 0}, "line must be above 0, but it is 0"),
        ({"share": 0.4, "poor": 0.3, "line": 5.0}, "both poor and line came"),
        ({"share": 0.4, "who": "age > 200"}, "'age > 200' holds for none"),
        ({"share": 0.4, "score": "fuel"}, "The score 'fuel' must be a number"),
        ({"share": 0.4}, "the survey names no column for the role 'score'"),
    ],
)
def test_targeting_that_cannot_be_measured(given, message):
    plain = survey()
    plain = plain if len(given) == 1 else plain.with_column("score", plain.welfare, role="score")
    with pytest.raises(sp.InputError) as error:
        sp.estimate(plain, [sp.TargetingError(**given)], replicates=sp.Bootstrap(10))
    assert message in str(error.value)


def test_other_bad_arguments():
    given = survey()
    with pytest.raises(sp.InputTypeError, match="takes a Survey"):
        sp.proxy_means({}, ["educ"])
    with pytest.raises(sp.InputError, match="folds must be 2 or more"):
        sp.proxy_means(given, ["educ"], folds=1)
    with pytest.raises(sp.InputError, match="must have a new name"):
        given.with_column("educ", given.welfare)
    with pytest.raises(sp.InputError, match="role must be one of"):
        given.with_column("s", given.welfare, role="scores")
    with pytest.raises(sp.InputError, match=r"\[proxy_means\] must have variables"):
        proxy_means_from({}, given)
    with pytest.raises(sp.InputError, match="A study must have one score"):
        proxy_means_from({"variables": ["educ"]}, scored())
    with pytest.raises(sp.InputTypeError, match="who must be a condition"):
        sp.TargetingError(0.4, who=3)


# -- the World Bank's synthetic country -------------------------------------------------------------------------------

SPOT_LIKE = [
    "hhsize",
    "children",
    "head_sex",
    "head_age",
    "head_age2",
    "head_educ",
    "rooms",
    "urbrur",
    "geo1",
    "floor",
    "walls",
    "toilet",
    "water",
    "cook_fuel",
    "electricity",
    "car",
    "motorcycle",
    "refrigerator",
    "tv",
    "cell",
]


@cache
def popstan():
    derive = {
        "head_sex": "head(sex)",
        "head_educ": "head(educ_attain)",
        "head_age": "head(age) * 1",
        "head_age2": "head(age) * head(age)",
        "children": "mean(age < 18)",
    }
    return _data.popstan(derive=derive)


def test_popstan_is_fitted_as_well_as_the_countries_of_spot():
    proxy = sp.proxy_means(popstan(), SPOT_LIKE)
    assert 0.82 < proxy.r2_out < proxy.r2 < 0.85
    errors = proxy.errors(0.4).set_index("statistic").loc["exclusion_error"]
    assert 0.13 < errors["in_sample"] < errors["cross_fitted"] < 0.16


def test_targeting_is_measured_before_and_in_no_other_situation():
    frame = {"hid": [*range(40)], "hhweight": [1.0] * 40, "n": [1] * 40, "ea": [k // 4 for k in range(40)]}
    frame |= {"pc": [100.0 + 7 * k % 53 for k in range(40)], "has": [k % 2 * 60.0 for k in range(40)]}
    frame["s"] = [k * 11 % 37 for k in range(40)]
    given = sp.Survey(frame, size="n", welfare="pc", psu="ea", existing={"has": "has"}, roles={"score": "s"})
    asked, without = [sp.TargetingError(0.4)], sp.without_existing(given)
    found = sp.estimate(given, asked, {"no schemes": without}, by=["quintile"], replicates=sp.Bootstrap(3))
    assert {row.scenario for row in found.rows} == {"before"}


def test_errors_by_recipients_of_a_package_that_ranks():
    given = scored()
    paid = {
        "after": sp.simulate(given, sp.Package([sp.Scheme("x", amount=sp.Amount(9, "month"), target=sp.Rank(0.4))]))
    }
    asked = [sp.TargetingError(0.3), sp.MeanWelfare()]
    found = sp.estimate(given, asked, paid, by=["recipients"], replicates=sp.Bootstrap(3))
    chosen = found.find(statistic="chosen", level="recipients")
    score = given.household_column(given.roles["score"]).values
    those = score <= sp.quantile(score, given.people, 0.3)
    lives = paid["after"].reached[:, -1] > 0
    assert found.value[chosen] == pytest.approx(np.average(those[lives], weights=given.people[lives]))
    counts = those & (given.people > 0)
    rests = [row.n for row in found.rows if row.statistic == "inclusion_error"]
    assert rests == [counts.sum(), (counts & lives).sum(), (counts & ~lives).sum()]
