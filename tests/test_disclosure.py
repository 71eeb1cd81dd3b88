"""What is published: figures from few cases are withheld, and what is written is what is read."""

import csv
import io
import json
import math
import shutil
from functools import cache

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp

FIGURES = ["value", "se", "ci_low", "ci_high", "bias", "df"]
OF_GROUPS = [f"{s}{end}" for s in ("before", "after", "change") for end in ("", "_se", "_low", "_high")] + ["gaining"]
SIZES = {"few": 24, "quarter": 25, "nearly": 49, "enough": 50, "many": 60}
PACKAGE = sp.Package([sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(30, "month"), min_age=85)])


def survey_of(names, seed=1):
    """Return a survey whose areas hold as many households as is asked, each with a name."""
    rng = np.random.default_rng(seed)
    area = [name for name, times in names.items() for _ in range(times)]
    n = len(area)
    rate = {name: (k + 1) / (len(names) + 2) for k, name in enumerate(names)}
    homes = {
        "hid": np.arange(n),
        "hhweight": rng.uniform(1, 9, n),
        "ea": np.arange(n) % 26,
        "area": np.array(area, dtype=object),
        "pc": rng.lognormal(4, 0.6, n),
        "water": (rng.random(n) < [rate[name] for name in area]).astype(int),
    }
    persons = {"hid": np.repeat(np.arange(n), 2), "age": rng.integers(0, 90, 2 * n)}
    return sp.Survey(homes, persons, welfare="pc", psu="ea")


def assessed(survey, names=("water",), **more):
    opportunities = [sp.Opportunity(name, "water", circumstances=["area", "bottom40"]) for name in names]
    opportunities += [sp.Opportunity(f"{name}?", "water", circumstances=["area"], kind="barrier") for name in names]
    given = {"lines": {"l": 50.0}, "by": ["area"], "replicates": sp.Bootstrap(9)} | more
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0)
    return sp.assess(survey, opportunities, PACKAGE, tree=tree, **given)


@cache
def result():
    return assessed(survey_of(SIZES))


def equal(one, other):
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=True)


# -- what is withheld -----------------------------------------------------------------------------------------------

POLICIES = [("dhs", 25), ("none", 0), (0, 0), (1, 1), (25, 25), (26, 26), (50, 50), (10**9, 10**9)]


@pytest.mark.parametrize(("policy", "least"), POLICIES)
def test_figures_from_too_few_cases_are_missing_and_all_others_as_they_are(policy, least):
    plain, shown = result().estimates.frame(), result().findings(policy).estimates
    few = (plain["n"] < least).to_numpy()
    assert few.any() == (least >= 25)  # nothing rests on no case at all
    assert list(shown.columns) == list(plain.columns)
    assert shown.loc[few, FIGURES].isna().all(axis=None)
    equal(shown[~few], plain[~few])
    rest = [name for name in plain.columns if name not in (*FIGURES, "flag")]
    equal(shown[rest], plain[rest])
    for before, after, hide in zip(plain["flag"], shown["flag"], few, strict=True):
        assert after.split(";") == (
            [part for part in before.split(";") if part] + ["withheld"] if hide else before.split(";")
        )


@pytest.mark.parametrize(("policy", "least"), POLICIES)
def test_groups_and_trees_are_withheld_alike(policy, least):
    plain, found = result().groups, result().findings(policy)
    few = (plain["n"] < least).to_numpy()
    assert list(found.groups.columns) == list(plain.columns)
    assert set(OF_GROUPS) < set(plain.columns)
    assert found.groups.loc[few, OF_GROUPS].isna().all(axis=None)
    equal(found.groups[~few], plain[~few])
    assert all("withheld" in flag.split(";") for flag in found.groups.loc[few, "flag"])
    for name, tree in found.trees.items():
        for node, whole in zip(tree["nodes"], result().tree(name).to_dict()["nodes"], strict=True):
            assert node["n"] == whole["n"]
            assert node["rate"] == (None if node["n"] < least else whole["rate"])


def test_the_default_is_that_of_dhs():
    equal(result().findings().estimates, result().findings("dhs").estimates)
    equal(result().findings().groups, result().findings(25).groups)
    assert result().findings().manifest["disclosure"] == "dhs"
    assert result().findings(30).manifest["disclosure"] == 30


def test_25_is_published_and_24_is_not_and_both_are_marked():
    shown = result().findings().estimates.query("by == 'area' and statistic == 'mean_welfare' and scenario == 'before'")
    rows = shown.set_index("level")
    assert rows["n"].to_dict() == SIZES
    assert rows["value"].isna().to_dict() == {name: name == "few" for name in SIZES}
    flags = {name: set(flag.split(";")) & {"n<25", "n<50", "withheld"} for name, flag in rows["flag"].items()}
    assert flags == {
        "few": {"n<25", "withheld"},
        "quarter": {"n<50"},
        "nearly": {"n<50"},
        "enough": set(),
        "many": set(),
    }


@pytest.mark.parametrize("policy", ["dhs", "none", 60])
def test_marks_do_not_depend_on_the_policy(policy):
    found = result().findings(policy)
    for frame in (found.estimates, found.groups):
        for n, flag in zip(frame["n"], frame["flag"], strict=True):
            marks = set(flag.split(";")) & {"n<25", "n<50"}
            assert marks == ({"n<25"} if n < 25 else {"n<50"} if n < 50 else set())


def test_an_assessment_itself_is_never_changed():
    made = assessed(survey_of(SIZES))
    frame, groups, tree = made.estimates.frame(), made.groups.copy(), json.dumps(made.tree("water").to_dict())
    found = made.findings(10**9)
    found.estimates.loc[:, "value"] = 7.0
    found.groups.loc[:, "before"] = 7.0
    equal(made.estimates.frame(), frame)
    equal(made.groups, groups)
    assert json.dumps(made.tree("water").to_dict()) == tree
    equal(made.findings("none").groups, groups)


def test_nothing_that_is_withheld_stands_in_any_file(tmp_path):
    plain, groups = result().estimates.frame(), result().groups
    folder = result().save(tmp_path / "r", report=False)
    hidden = [plain.loc[plain["n"] < 25, FIGURES[:5]], groups.loc[groups["n"] < 25, OF_GROUPS]]
    shown = [plain.loc[plain["n"] >= 25, FIGURES[:5]], groups.loc[groups["n"] >= 25, OF_GROUPS]]
    secret, public = (
        {repr(float(v)) for frame in frames for v in frame.to_numpy(dtype=float).ravel() if math.isfinite(v)}
        for frames in (hidden, shown)
    )
    secret = {text for text in secret - public if len(text) > 8}
    assert len(secret) > 50
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not [figure for figure in secret if figure in text], path.name


@pytest.mark.parametrize(
    ("policy", "error", "parts"),
    [
        ("DHS", sp.InputError, ("one of 'dhs', 'none'", "it is 'DHS'", "Did you mean 'dhs'?")),
        ("25", sp.InputError, ("one of 'dhs', 'none'", "it is '25'", "Choose")),
        ("", sp.InputError, ("one of 'dhs', 'none'", "it is ''", "Choose")),
        (-1, sp.InputError, ("disclosure must be 0 or more", "it is -1", "Correct")),
        (25.0, sp.InputTypeError, ("disclosure must be a whole number", "25.0 is of type float", "int")),
        (None, sp.InputTypeError, ("disclosure must be a whole number", "None is of type NoneType", "int")),
        (True, sp.InputTypeError, ("disclosure must be a whole number", "True is of type bool", "int")),
    ],
)
def test_what_is_no_policy(tmp_path, policy, error, parts):
    for call in (
        lambda: result().findings(policy),
        lambda: result().findings(disclosure=policy),
        lambda: result().save(tmp_path / "r", disclosure=policy),
    ):
        with pytest.raises(error) as caught:
            call()
        must, but, rest = str(caught.value).partition(", but ")
        assert but
        assert parts[0] in must
        assert parts[1] in rest
        assert parts[2] in rest
    assert not (tmp_path / "r").exists()


# -- groups and trees -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["none", "dhs"])
@pytest.mark.parametrize("name", ["water", "water?"])
def test_numbers_of_groups_in_trees_are_those_of_the_frame(name, policy):
    found = result().findings(policy)
    of = found.groups[found.groups["opportunity"] == name].set_index("group")
    assert of.index.tolist() == list(range(1, len(of) + 1))
    leaves = [node for node in found.trees[name]["nodes"] if "group" in node]
    assert sorted(node["group"] for node in leaves) == of.index.tolist()
    for node in leaves:
        row = of.loc[node["group"]]
        assert (row["label"], row["n"]) == (node["label"], node["n"])
        assert row["share"] == pytest.approx(node["share"], rel=1e-12)
        if policy == "none":
            assert row["before"] == pytest.approx(node["rate"], rel=1e-12)
    rates = result().groups.query("opportunity == @name")["before"].tolist()
    assert rates == sorted(rates, reverse=name == "water?")  # of a barrier the highest rate is furthest behind


def test_groups_of_one_label_keep_each_their_number():
    from sp2lnob._columns import Table

    n = 80
    homes = {
        "hid": np.arange(n),
        "hhweight": [1.0] * n,
        "ea": np.arange(n) % 10,
        "code": np.arange(n) % 4,
        "size": [1] * n,
    }
    homes["water"] = [int(k % 4 == 3 or (k % 4 == 1 and k % 8 == 1)) for k in range(n)]
    table = Table(homes, n, "households", labels={"code": {0.0: "Other", 1.0: "Other", 2.0: "Two", 3.0: "Three"}})
    survey = sp.Survey(table, psu="ea", size="size")
    opportunity = sp.Opportunity("o", "water", circumstances=["code"])
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0)
    found = sp.assess(survey, [opportunity], tree=tree, replicates=sp.Bootstrap(2)).findings("none")
    leaves = {node["group"]: node["rate"] for node in found.trees["o"]["nodes"] if "group" in node}
    assert leaves == dict(zip(found.groups["group"], found.groups["before"], strict=True))


# -- written and read -------------------------------------------------------------------------------------------------

NASTY = {
    "words": ["NA", "nan", "", "None", "null", "True", "1.0"],
    "signs": ["a,b", 'say "hi"', "two\nlines", "tab\there", "semi;colon", "'", "#x", "=1+1"],
    "blanks": [" lead", "trail ", " ", "a  b"],
    "unicode": ["ខ្មែរ", "Ελλάδα", "é", "e\u0301", "x\u2028y", "\ufeffbom", "🏠", "x\x85y"],
    "returns": ["one\r\ntwo", "one\rtwo", "\rthree", "\n", "four\r"],
    "numbers": ["007", "1e5", "-0", "inf", "1_000", "0x10"],
}


@pytest.mark.parametrize("kind", NASTY)
@pytest.mark.parametrize("policy", ["none", "dhs"])
def test_what_is_read_is_what_was_written(tmp_path, kind, policy):
    labels = NASTY[kind]
    made = assessed(survey_of({label: 20 + 5 * k for k, label in enumerate(labels)}), names=[*labels[:2], "x"])
    written, read = made.findings(policy), sp.read_results(made.save(tmp_path / "r", disclosure=policy))
    assert set(labels) <= set(written.estimates["level"])
    equal(read.estimates, written.estimates)
    equal(read.groups, written.groups)
    assert dict(read.trees) == dict(written.trees)
    assert list(read.trees) == list(written.trees)
    manifest = {name: value for name, value in read.manifest.items() if name not in ("maker", "files", "trees", "rows")}
    assert manifest == json.loads(json.dumps(dict(written.manifest)))
    # Read back and written again, it is the same folder.
    again = read.write(tmp_path / "again")
    for path in (tmp_path / "r").iterdir():
        if path.name != "manifest.json":
            assert (again / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("package", [None, PACKAGE])
@pytest.mark.parametrize("welfare", ["pc", None])
@pytest.mark.parametrize("opportunities", [0, 1])
def test_results_of_any_extent_are_read_back(tmp_path, package, welfare, opportunities):
    homes = {
        "hid": range(60),
        "hhweight": [1.5] * 60,
        "ea": np.arange(60) % 12,
        "pc": np.arange(60) + 1.0,
        "water": [0, 1] * 30,
    }
    survey = sp.Survey(homes, {"hid": range(60), "age": [5, 40, 70] * 20}, psu="ea", welfare=welfare)
    asked = [sp.Opportunity("o", "water", circumstances=["pc"])][:opportunities]
    made = sp.assess(survey, asked, package, replicates=sp.Bootstrap(3), tree=sp.OpportunityTree(max_depth=1))
    written, read = made.findings(), sp.read_results(made.save(tmp_path / "r"))
    for one, other in ((written.estimates, read.estimates), (written.groups, read.groups)):
        pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=len(one) > 0)
    assert dict(read.trees) == dict(written.trees)


def test_every_digit_is_there(tmp_path):
    folder = result().save(tmp_path / "r", disclosure="none")
    with (folder / "estimates.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["value"] or "nan") for row in rows] == pytest.approx(
        result().estimates.value.tolist(), rel=0, abs=0, nan_ok=True
    )
    assert [float(row["se"] or "nan") for row in rows] == pytest.approx(
        result().estimates.se.tolist(), rel=0, abs=0, nan_ok=True
    )


def test_others_can_read_the_tables_too(tmp_path):
    labels = NASTY["signs"] + NASTY["returns"]
    made = assessed(survey_of({label: 30 for label in labels}))
    folder = made.save(tmp_path / "r", disclosure="none")
    for name, frame in (("estimates", made.findings("none").estimates), ("groups", made.findings("none").groups)):
        read = pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[], dtype=str)
        assert len(read) == len(frame)
        column = "level" if name == "estimates" else "label"
        assert read[column].tolist() == frame[column].tolist()


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_work_gives_the_same_bytes(tmp_path):
    made = [
        files_of(assessed(survey_of(SIZES), n_threads=threads).save(tmp_path / f"r{k}"))
        for k, threads in enumerate((1, 1, 2))
    ]
    assert made[0] == made[1] == made[2]
    trees = ["tree-water-2.json", "tree-water.json"]
    assert sorted(made[0]) == [
        *("effects.csv", "estimates.csv", "groups.csv", "manifest.json", "projection.csv", "stability.csv"),
        *trees,
    ]
    # Over an earlier result as well.
    assert files_of(assessed(survey_of(SIZES)).save(tmp_path / "r0")) == made[0]


@pytest.mark.parametrize("policy", ["dhs", "none", 40])
def test_a_withheld_figure_is_an_empty_field_and_null(tmp_path, policy):
    folder = result().save(tmp_path / "r", disclosure=policy)
    least = {"dhs": 25, "none": 0}.get(policy, policy)
    for name, columns in (("estimates.csv", FIGURES), ("groups.csv", OF_GROUPS)):
        rows = list(csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8"), newline="")))
        for row in rows:
            if int(row["n"]) < least:
                assert {row[column] for column in columns} == {""}
    for path in folder.glob("tree-*.json"):
        for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]:
            assert (node["rate"] is None) == (node["n"] < least)


# -- damaged folders --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return result().save(tmp_path_factory.mktemp("results") / "r")


def put(name, content):
    def damage(folder):
        (folder / name).write_bytes(content)

    return damage


def cut(name, share):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return damage


def manifest(**instead):
    def damage(folder):
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | instead), encoding="utf-8")

    return damage


def edit(name, old, new):
    def damage(folder):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return damage


def trees(content):
    def damage(folder):
        for path in folder.glob("tree-*.json"):
            path.write_text(content, encoding="utf-8")

    return damage


def last_row(path):
    return path.read_text(encoding="utf-8").splitlines(keepends=True)[-1]


DAMAGES = {
    "no estimates": lambda folder: (folder / "estimates.csv").unlink(),
    "no groups": lambda folder: (folder / "groups.csv").unlink(),
    "no effects": lambda folder: (folder / "effects.csv").unlink(),
    "no projection": lambda folder: (folder / "projection.csv").unlink(),
    "a column of effects lacks": edit("effects.csv", "gaining", "gain"),
    "a column of the projection lacks": edit("projection.csv", "year", "yr"),
    "all but a row of effects": lambda folder: edit("effects.csv", last_row(folder / "effects.csv"), "")(folder),
    "no tree": lambda folder: [path.unlink() for path in folder.glob("tree-*.json")],
    "estimates are a folder": lambda folder: ((folder / "estimates.csv").unlink(), (folder / "estimates.csv").mkdir()),
    "empty table": put("estimates.csv", b""),
    "half a table": cut("estimates.csv", 0.4567),
    "all but the end": cut("estimates.csv", 0.99999),
    "all but the last row": lambda folder: edit("estimates.csv", last_row(folder / "estimates.csv"), "")(folder),
    "all but a row of groups": lambda folder: edit("groups.csv", last_row(folder / "groups.csv"), "")(folder),
    "a row twice": lambda folder: edit(
        "groups.csv", last_row(folder / "groups.csv"), 2 * last_row(folder / "groups.csv")
    )(folder),
    "half of groups": cut("groups.csv", 0.6),
    "not text": put("groups.csv", b"\xff\xfe\x00"),
    "another table": put("estimates.csv", b"a,b\n1,2\n"),
    "a column lacks": edit("estimates.csv", "ci_low", "ci_lo"),
    "a column of groups lacks": edit("groups.csv", "furthest_behind", "behind"),
    "columns in another order": edit("estimates.csv", "value,se", "se,value"),
    "a word for a number": edit("estimates.csv", "mean_welfare,,,before,all,all,", "mean_welfare,,,before,all,all,x"),
    "a number of cases with a point": put("groups.csv", b"n\n1.5\n"),
    "a field without an end": put("groups.csv", b'n\n"' + b"1" * 200_000),
    "a tree that is none": trees("{"),
    "a tree that is a list": trees("[1]"),
    "a tree without nodes": trees("{}"),
    "an empty tree": trees(""),
    "trees are no mapping": manifest(trees=[]),
    "trees are null": manifest(trees=None),
    "a tree has no name of a file": manifest(trees={"water": 5}),
    "a tree is elsewhere": manifest(trees={"water": "tree-gone.json"}),
    "trees are not named": lambda folder: put("manifest.json", b'{"maker": "sp2lnob"}')(folder),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_refused(tmp_path, whole, name):
    folder = tmp_path / "r"
    shutil.copytree(whole, folder)
    sp.read_results(folder)
    DAMAGES[name](folder)
    with pytest.raises(sp.InputError) as caught:
        sp.read_results(folder)
    message = str(caught.value)
    must, but, rest = message.partition(", but ")
    assert (must, but) == ("Every file of the result must be there and whole", ", but ")
    assert rest.startswith(repr(str(folder)))
    assert rest.endswith("Run the study again.")
    assert " ".join(message.split()) == message


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: shutil.rmtree(folder),
        lambda folder: (folder / "manifest.json").unlink(),
        put("manifest.json", b"{"),
        put("manifest.json", b"[]"),
        put("manifest.json", b'{"maker": "someone else"}'),
        put("manifest.json", b"\xff"),
        lambda folder: (shutil.rmtree(folder), folder.write_text("a file")),
    ],
)
def test_what_holds_no_result_is_refused(tmp_path, whole, damage):
    folder = tmp_path / "r"
    shutil.copytree(whole, folder)
    damage(folder)
    with pytest.raises(
        sp.InputError, match=r"The folder must hold a result, but '.*r' has no manifest\.json of sp2lnob"
    ):
        sp.read_results(str(folder))


def test_a_tree_in_a_notebook_withholds_the_rates_of_small_groups():
    access = [1, 0] * 6 + [1] * 40
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0).fit(
        {"a": ["few"] * 12 + ["many"] * 40}, access, sample_weight=np.ones(52)
    )
    shown = tree._repr_html_()
    assert shown.count("withheld (n&lt;25)") == 1
    assert "50" not in shown.split("withheld")[1][:40]
