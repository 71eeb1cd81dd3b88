"""Study files: keys are the arguments of the Python functions, and every slip is named."""

import contextlib
from inspect import signature

import pytest

import sp2lnob as sp
from sp2lnob import study
from sp2lnob.study import read_study

GOOD = """
[survey]
households = "households.csv"
persons = "persons.csv"
person = "pid"
welfare = "pc_exp"
psu = "ea"
strata = ["region", "urbrur"]
roles = { relation = "relation", disability = "disability" }
derive = { head_sex = "head(sex)" }

[economy]
gdp_per_capita = 1800
lines = { national = 60 }

[[opportunity]]
name = "internet"
outcome = "internet == 1"
circumstances = ["bottom40", "urbrur", "head_sex"]

[tree]
cp = 0.01

[[scheme]]
kind = "child_benefit"
amount = [0.04, "gdp_per_capita"]

[[scheme]]
name = "rural girls"
who = "sex == 'Female' and age < 15 and urbrur == 'Rural'"
amount = [5, "month"]

[package]
administration = 0.1

[replicates]
n = 20

[estimate]
by = ["urbrur"]
"""


@pytest.fixture
def folder(tmp_path):
    import pandas as pd

    for name, frame in zip(("households", "persons"), sp.example_frames(400), strict=True):
        pd.DataFrame(frame).to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def write(folder, text):
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_study_is_what_its_arguments_are_in_python(folder):
    result = read_study(write(folder, GOOD)).run(n_threads=1)
    survey = sp.read_survey(
        folder / "households.csv",
        folder / "persons.csv",
        person="pid",
        welfare="pc_exp",
        psu="ea",
        strata=["region", "urbrur"],
        roles={"relation": "relation", "disability": "disability"},
        derive={"head_sex": "head(sex)"},
    )
    package = sp.Package(
        [
            sp.child_benefit(sp.Amount(0.04, "gdp_per_capita")),
            sp.Scheme(
                "rural girls", "sex == 'Female' and age < 15 and urbrur == 'Rural'", amount=sp.Amount(5, "month")
            ),
        ],
        administration=0.1,
    )
    opportunity = sp.Opportunity("internet", "internet == 1", circumstances=["bottom40", "urbrur", "head_sex"])
    economy = sp.Economy(gdp_per_capita=1800, lines={"national": 60})
    expected = sp.assess(
        survey,
        [opportunity],
        package,
        economy,
        by=["urbrur"],
        tree=sp.OpportunityTree(cp=0.01),
        replicates=sp.Bootstrap(20),
    )
    assert result.estimates.frame().equals(expected.estimates.frame())
    assert result.groups.equals(expected.groups)
    assert result.transfers.cost.total_cost.iloc[-1] > 0


def test_the_rule_of_the_platforms_code(folder):
    tree = read_study(write(folder, GOOD.replace("cp = 0.01", 'rule = "lnob"\nextended = true'))).tree
    assert tree.get_params() == sp.OpportunityTree.lnob(extended=True).get_params()


def test_a_study_without_schemes_or_lines(folder):
    text = GOOD[: GOOD.index("[[scheme]]")].replace("lines = { national = 60 }", "") + "[replicates]\nn = 4\n"
    frame = read_study(write(folder, text)).run().estimates.frame()
    assert set(frame.scenario) == {"before"}
    assert "headcount" not in set(frame.statistic)


def test_a_slip_in_a_scheme_is_told_with_its_place(folder):
    text = GOOD[: GOOD.index("[[scheme]]")]
    study = write(folder, text + '[[scheme]]\nkind = "child_benefit"\namount = [9, "week"]\n')
    with pytest.raises(sp.InputError, match=r"\[\[scheme\]\] number 1: The unit of an amount must be one of"):
        _ = read_study(study).package


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[economy]",
            "[econmy]",
            "A section of the study must be one that exists, but 'econmy' does not. Did you mean 'economy'?",
        ),
        ("psu =", "pus =", r"A key of \[survey\] must be one that exists, but 'pus' does not. Did you mean 'psu'?"),
        ('psu = "ea"', "psu = 7", r"psu in \[survey\] must be text or a list, but it is 7. Correct the value."),
        ("n = 20", 'n = "20"', r"n in \[replicates\] must be a whole number, but it is '20'."),
        ("n = 20", "n = true", r"n in \[replicates\] must be a whole number, but it is True."),
        ("n = 20", "n = 1", "The number of replicates must be 2 or more, but it is 1."),
        (
            "n = 20",
            'method = "jacknife"',
            r"The method in \[replicates\] must be one that exists, but 'jacknife' does not.",
        ),
        (
            "n = 20",
            'method = "brr"\nn = 20',
            r"A key of \[replicates\] with method 'brr' must be one that exists, but 'n'",
        ),
        ("n = 20", 'method = "columns"', r"Every \[replicates\] must have columns, kind, but one lacks columns, kind."),
        ("n = 20", 'method = "brr"', "BRR needs two PSUs in every stratum, but 4 of 8 have not"),
        (
            "cp = 0.01",
            "ccp = 0.01",
            r"A key of \[tree\] must be one that exists, but 'ccp' does not. Did you mean 'cp'?",
        ),
        ("cp = 0.01", 'rule = "lnbo"', r"rule in \[tree\] must be one of 'published', 'lnob', but it is 'lnbo'."),
        (
            "cp = 0.01",
            "extended = true",
            r"extended in \[tree\] belongs to rule = 'lnob', but the rule is 'published'.",
        ),
        (
            'kind = "child_benefit"',
            'kind = "child"',
            r"The kind in \[\[scheme\]\] must be one that exists, but 'child' does not.",
        ),
        (
            'kind = "child_benefit"',
            'kind = "child_benefit"\nweeks = 4',
            r"A key of \[\[scheme\]\] with kind 'child_benefit' must be one that exists, but 'weeks' does not.",
        ),
        ('amount = [0.04, "gdp_per_capita"]', "", r"Every \[\[scheme\]\] must have amount, but one lacks amount."),
        ('amount = [0.04, "gdp_per_capita"]', "amount = [0.04]", "amount of a scheme must be a list of value and unit"),
        ('amount = [0.04, "gdp_per_capita"]', 'amount = [0.04, "gdp"]', "The unit of an amount must be one of"),
        ("gdp_per_capita = 1800\n", "", "An amount in 'gdp_per_capita' needs its value"),
        ("national = 60", "national = 0", "line 'national' must be above 0, but it is 0."),
        ("national = 60", 'national = "60"', "line 'national' must be a number, but '60' is of type str."),
        (
            'outcome = "internet == 1"',
            "",
            r"Every \[\[opportunity\]\] must have name, outcome, circumstances, but one lacks",
        ),
        (
            'circumstances = ["bottom40", "urbrur", "head_sex"]',
            'circumstances = "urbrur"',
            r"circumstances in \[\[opportunity\]\] number 1 must be a list, but it is 'urbrur'.",
        ),
        ('households = "households.csv"\npersons = "persons.csv"', "", r"\[survey\] must name its file of households"),
        (
            '"households.csv"',
            '"${NO_SUCH_VARIABLE}/households.csv"',
            "The environment variable NO_SUCH_VARIABLE must be set, but .* needs it.",
        ),
        ('"households.csv"', '"house.csv"', "The file must exist, but there is no"),
        ("[replicates]", "[replicates", r"The study file must be TOML in UTF-8, but 'study.toml' is not"),
        (
            "[[opportunity]]",
            "[opportunity]",
            r"opportunity must be a list of tables, but it is .* Write \[\[opportunity\]\]",
        ),
        ('by = ["urbrur"]', "by = [1]", "by must list columns, or tuples of columns to be joined"),
        (
            'by = ["urbrur"]',
            'by = ["urbrr"]',
            "A column of the survey must be one that exists, but 'urbrr' does not. Did you mean 'urbrur'?",
        ),
    ],
)
def test_slips_are_named(folder, old, new, message):
    assert old in GOOD
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message.replace("?", r"\?")):
        read_study(write(folder, GOOD.replace(old, new, 1))).run()


def test_every_key_is_an_argument_and_every_argument_a_key():
    def arguments(*functions):
        return {name for function in functions for name in signature(function).parameters}

    given = {"opportunities", "package", "economy", "lines", "replicates", "tree", "survey"}
    given |= {"n_threads", "progress", "executor", "resume"}  # how it is run, and not what it is
    assert set(study.SURVEY) == arguments(sp.Survey, sp.read_survey) - {"survey"}
    assert set(study.ECONOMY) == arguments(sp.Economy)
    assert set(study.OPPORTUNITY) == arguments(sp.Opportunity)
    # What becomes of missing circumstances is said of the survey.
    assert set(study.TREE) - {"rule", "extended"} == arguments(sp.OpportunityTree) - {"missing"}
    assert set(study.SCHEME) - {"kind", "taper"} == arguments(*study.KINDS.values()) - {"others"}
    assert set(study.PACKAGE) - {"preset"} == arguments(sp.Package) - {"schemes"}
    assert set(study.REPLICATES) - {"method"} == arguments(*study.METHODS.values())
    assert set(study.ESTIMATE) == arguments(sp.assess) - given - {"population", "projected"}  # that is [projection]
    how = {"transfers", "interval", "level", "df"}
    projected = arguments(sp.project, sp.Population) - (given - {"population"}) - how - {"frame", "name"}
    assert set(study.PROJECTION) - {"country"} == projected
    assert set(study.PUBLISH) <= arguments(sp.Assessment.save)


def test_what_is_published_is_told_in_the_study(folder):
    assert read_study(write(folder, GOOD)).disclosure == "dhs"
    assert read_study(write(folder, GOOD + "[publish]\ndisclosure = 30\n")).disclosure == 30
    with pytest.raises(sp.InputError, match="disclosure, if it is no number, must be one of 'dhs', 'none'"):
        _ = read_study(write(folder, GOOD + '[publish]\ndisclosure = "nil"\n')).disclosure


def test_persons_who_stand_alone(folder):
    alone = '[survey]\npersons = "persons.csv"\nhousehold = false\nweight = "age"\n'
    assert read_study(write(folder, alone)).survey().n_households > 400
    with pytest.raises(sp.InputError, match=r"household in \[survey\] must be a column or false, but it is true"):
        read_study(write(folder, alone.replace("false", "true"))).survey()


def test_a_blank_of_the_draft_is_asked_for_by_its_line(folder):
    text = '[survey]\nhouseholds = "households.csv"\n\nweight = "?"  # no column looks like it\n'
    with pytest.raises(sp.InputError, match=r"weight in \[survey\] must be filled in, but line 4 still says '\?'"):
        read_study(write(folder, text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = " + "[" * 5000, "is nested too deep"),
        ("[survey.derive]\n" + ".".join("a" * 5000) + " = 1", "is nested too deep"),
        ("[survey]\nhouseholds = " + "9" * 5000, "must be TOML in UTF-8"),
        ("[replicates]\nn = 0x" + "f" * 5000, r"n in \[replicates\] must hold finite numbers below 2\*\*64"),
        ("[estimate]\nlevel = nan", r"level in \[estimate\] must hold finite numbers below 2\*\*64, but it holds nan"),
        ("[economy]\nlines = { a = inf }", r"lines in \[economy\] must hold finite numbers"),
        ("[economy]\nlines = { a = 2020-01-01 }", r"lines in \[economy\] must hold text and numbers"),
        ("survey = 7", r"\[survey\] must be a table, but it is 7"),
        ("scheme = [7]", r"\[\[scheme\]\] number 1 must be a table, but it is 7. Write \[\[scheme\]\]"),
        ('weight = "w"', r"'weight' does not. .* It belongs under \[survey\]"),
        ("[survey]\n\x00", "must be TOML in UTF-8"),
        ("", r"must have a section \[survey\], but it has none"),
    ],
    ids=lambda text: text[:20].replace("\x00", ""),
)
def test_whatever_the_file_holds_the_error_is_ours(folder, content, message):
    with pytest.raises(sp.InputError, match=message):
        read_study(write(folder, content))


def test_a_folder_is_no_study(folder):
    with pytest.raises(sp.InputError, match=r"The study file must exist, but .* is a folder"):
        read_study(folder)


VALUES = (
    "7",
    "-1",
    "0",
    "1.5",
    "18446744073709551615",
    '""',
    '"x"',
    "true",
    "[]",
    "[1]",
    '["x"]',
    "[[]]",
    "[{ a = 1 }]",
)
KEYS = [(name, key) for name, keys in {**study.TABLES, **study.LISTS}.items() for key in keys]


@pytest.mark.parametrize(("name", "key"), KEYS, ids=[".".join(pair) for pair in KEYS])
def test_whatever_a_key_holds_the_error_is_ours(tmp_path, monkeypatch, name, key):
    """Everything but the run itself is built, from a value of every type."""
    (tmp_path / "households.csv").write_text("hid,hhweight\n1,2\n2,2\n")
    (tmp_path / "persons.csv").write_text("hid,age,sex\n1,30,1\n2,40,2\n")
    monkeypatch.setattr(study, "assess", lambda *arguments, **keywords: None)
    minimal = {
        "survey": {"households": '"households.csv"', "persons": '"persons.csv"'},
        "opportunity": {"name": '"a"', "outcome": '"sex == 1"', "circumstances": '["age"]'},
        "scheme": {"kind": '"scheme"', "name": '"b"', "amount": '[5, "month"]'},
        "replicates": {"n": "2"},
    }
    for value in (*VALUES, "{}", "{ a = 1 }", '{ a = "x" }', "{ a = [] }"):
        made = {section: dict(keys) for section, keys in minimal.items()}
        made.setdefault(name, {})[key] = value
        text = ""
        for section, keys in made.items():
            text += f"[[{section}]]\n" if section in study.LISTS else f"[{section}]\n"
            text += "".join(f"{k} = {v}\n" for k, v in keys.items())
        with contextlib.suppress(sp.InputError, sp.InputTypeError):
            read_study(write(tmp_path, text)).run()


def test_a_package_without_schemes(folder):
    text = GOOD[: GOOD.index("[[scheme]]")] + "[package]\nmpc = 1.0\n"
    with pytest.raises(sp.InputError, match=r"\[package\] must come with schemes"):
        read_study(write(folder, text)).run()


def test_a_study_not_in_utf8(folder):
    (folder / "study.toml").write_bytes(b'[survey]\nhouseholds = "\xff"\n')
    with pytest.raises(sp.InputError, match="must be TOML in UTF-8"):
        read_study(folder / "study.toml")


def test_no_survey_section(folder):
    with pytest.raises(sp.InputError, match=r"must have a section \[survey\], but it has replicates"):
        read_study(write(folder, "[replicates]\nn = 2\n"))


# -- every parameter of schemes and packages ------------------------------------------------------------------------

ALL_OF_IT = """
[[scheme]]
kind = "old_age_pension"
amount = { by = "age", "65-79" = [20, "month"], "80+" = [30, "month"] }
pension = false
phase_in = { 2027 = 0.25, 2030 = 1.0 }
administration = 0.02

[[scheme]]
name = "families"
amount = { by = "recipients", "1" = [20, "month"], "2+" = [15, "month"] }
taper = { starts = [1, "line:national"], rate = 0.5 }
max_age = 17
exclusion_error = 0.1
inclusion_error = 0.2
take_up = { urbrur = { Rural = 0.6, Urban = 0.9 } }
max_recipients = 3
max_amount = [40, "month"]
unless = "old-age pension"
unless_in = "household"
tops_up = ["grant"]

[[scheme]]
name = "home"
per = "household"
amount = { by = "size", "1-2" = [5, "month"], "3+" = [9, "month"] }
replaces = ["pension"]
take_up = "probability"

[package]
compat = "spot"
negative = "keep"
draws = "seeded"
"""


def test_every_parameter_of_a_scheme_is_a_key(folder):
    made = read_study(write(folder, GOOD.split("[[scheme]]")[0] + ALL_OF_IT)).package
    of = sp.Amount
    assert made == sp.Package(
        [
            sp.old_age_pension(
                sp.Schedule.by_age({(65, 79): of(20, "month"), (80, None): of(30, "month")}),
                pension=False,
                phase_in={2027: 0.25, 2030: 1.0},
                administration=0.02,
            ),
            sp.Scheme(
                "families",
                amount=sp.Schedule.by_recipients({(1, 1): of(20, "month"), (2, None): of(15, "month")}).tapered(
                    starts=of(1, "line:national"), rate=0.5
                ),
                max_age=17,
                exclusion_error=0.1,
                inclusion_error=0.2,
                take_up={"urbrur": {"Rural": 0.6, "Urban": 0.9}},
                max_recipients=3,
                max_amount=of(40, "month"),
                unless=["old-age pension"],
                unless_in="household",
                tops_up=["grant"],
            ),
            sp.Scheme(
                "home",
                per="household",
                amount=sp.Schedule.by_size({(1, 2): of(5, "month"), (3, None): of(9, "month")}),
                replaces=["pension"],
                take_up="probability",
            ),
        ],
        compat="spot",
        negative="keep",
    )


@pytest.mark.parametrize(("compat", "existing"), [(False, 1.25), (True, 1.0)])
def test_a_package_as_in_spot_leaves_existing_benefits_at_their_prices(folder, compat, existing):
    text = GOOD.replace("gdp_per_capita = 1800", "gdp_per_capita = 1800\ncpi_ratio = 1.25")
    found = read_study(
        write(folder, text.replace("[package]", '[package]\ncompat = "spot"' if compat else "[package]"))
    )
    assert found.run(n_threads=1).manifest()["survey"]["uprating"] == {"welfare": 1.25, "existing": existing}


def test_a_preset_is_a_package(folder):
    survey = GOOD.split("[[scheme]]")[0]
    made = read_study(write(folder, survey + '[package]\npreset = "enhanced"\ncompat = "spot"\nmpc = 0.5\n')).package
    assert made == sp.preset_package("enhanced", compat="spot", mpc=0.5)
    with pytest.raises(sp.InputError, match=r"A preset must stand alone, but there are 2 \[\[scheme\]\] beside it"):
        _ = read_study(write(folder, GOOD.replace("[package]", '[package]\npreset = "basic"'))).package


SLIPS = [
    ('amount = { by = "wealth", "1+" = [1, "month"] }', "by of an amount must be one of 'age', 'size', 'recipients'"),
    ('amount = { "0-5" = [1, "month"] }', "by of an amount must be one of"),
    ('amount = { by = "age", "0-5" = [1, "month"], "4-9" = [1, "month"] }', "must not overlap, but 0 to 5 and 4 to 9"),
    ('amount = { by = "age", "young" = [1, "month"] }', "A band must be '0-5', '5' or '65\\+', but it is 'young'"),
    ('amount = { by = "age", "0-5" = 7 }', "The band '0-5' of a scheme must be a list of value and unit, but it is 7"),
    ('amount = [1, "month"]\ntaper = { start = 5 }', "A key of a taper must be one that exists, but 'start' does not"),
    ('amount = [1, "month"]\ntaper = { rate = 5 }', "Every taper must have starts, but one lacks starts"),
    ("taper = { starts = 5, rate = 1 }", "A taper must come with an amount"),
    (
        'amount = [1, "month"]\ntarget = { kind = "nobody" }',
        "target of scheme .x. must have one of .rank., .below., .affluence., but it has .kind.",
    ),
    ('amount = [1, "month"]\nmax_amount = [3]', "max_amount of a scheme must be a list of value and unit"),
    ('amount = [1, "month"]\nphase_in = { soon = 1 }', "A year in phase_in of scheme 'x' must be a whole number"),
    ('amount = [1, "month"]\npension = "no"', r"pension in \[\[scheme\]\] number 1 must be true or false"),
]


@pytest.mark.parametrize(("lines", "message"), SLIPS)
def test_slips_in_schemes_are_named(folder, lines, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        _ = read_study(write(folder, f'{GOOD.split("[[scheme]]")[0]}[[scheme]]\nname = "x"\n{lines}\n')).package


@pytest.mark.parametrize("varied", ["taper = [1, 2]", 'max_age = [4, "x"]', "disability = [true, 7]", "who = [1]"])
def test_each_of_the_values_of_a_candidate_is_of_its_type(folder, varied):
    """Found by fuzzing: what stands in a list was not looked at."""
    text = f'{GOOD}[[candidate]]\nname = "x"\namount = [5, "month"]\n{varied}\n'
    message = rf"number 1: {varied.split()[0]} in a list of \[\[candidate\]\] must be "
    with pytest.raises(sp.InputError, match=message):
        _ = read_study(write(folder, text)).candidates


PROJECTED = GOOD.replace("gdp_per_capita = 1800\n", "gdp_per_capita = 1800\nyear = 2026\n") + (
    'effect = ["reroute", "logit"]\nmonotone = true\n[projection]\ncountry = "Cambodia"\nyears = [2026, 2030]\n'
    'indexed = "prices"\ngrowth = { "2027" = 0.02, "2028" = 0.02, "2029" = 0.02, "2030" = 0.02 }\n'
)


def test_a_run_projects_the_package(folder):
    read = read_study(write(folder, PROJECTED.replace('by = ["urbrur"]', 'by = ["recipients"]')))
    result = read.run(n_threads=1)
    made = read.projection(result.transfers, n_threads=1)
    assert result.projection.estimates.value.tolist() == made.estimates.value.tolist()
    assert result.asked["projection"]["years"] == [2026, 2030]
    assert set(result.effects["effect"]) == {"reroute", "logit"}
    assert result.asked["monotone"]
    assert set(result.estimates.frame().query("statistic == 'headcount'")["level"]) == {"all", "recipients", "others"}


def test_a_projection_without_a_package_is_told_before_data_are_read(tmp_path):
    text = '[survey]\nhouseholds = "nowhere.csv"\n[projection]\ncountry = "Cambodia"\n'
    with pytest.raises(sp.InputError, match=r"\[projection\] must come with a package, but there is no \[\[scheme\]\]"):
        read_study(write(tmp_path, text)).run()
