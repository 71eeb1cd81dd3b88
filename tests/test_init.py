"""Drafts of study files: what is guessed holds on the data, what cannot be is asked, and nothing breaks the file."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob import study
from sp2lnob._draft import draft, toml
from sp2lnob.study import read_study

from ._data import POPSTAN, data_file

pytest.importorskip("typer", reason="the extra 'cli' is the command line")


@pytest.fixture
def run(monkeypatch, capsys):
    """Return what runs a command in this process, and returns its exit code and what it printed."""
    from sp2lnob.cli import main

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["sp2lnob", *map(str, arguments)])
        code = main()
        return code, *capsys.readouterr()

    return run


def files(folder, *frames):
    """Write frames of households and persons, and return their paths."""
    paths = []
    for name, frame in zip(("households", "persons"), frames, strict=False):
        paths.append(folder / f"{name}.csv")
        pd.DataFrame(frame).to_csv(paths[-1], index=False)
    return paths


def parsed(made):
    return tomllib.loads(made.text)


def uncommented(text, key):
    """Return a draft in which a line is no comment any more."""
    made, times = re.subn(rf"^# ({key} = )", r"\1", text, count=1, flags=re.MULTILINE)
    assert times == 1
    return made


# -- surveys --------------------------------------------------------------------------------------------------------


def test_the_example_survey_runs_as_drafted(tmp_path, monkeypatch, run):
    files(tmp_path, *sp.example_frames(400))
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = run("init", "households.csv", "persons.csv")
    assert (code, stderr) == (0, "")
    assert stdout.splitlines()[0] == "study.toml"
    assert 'welfare_period = "month"  # CHECK' in stdout  # what the file cannot tell is asked where it is seen
    survey = tomllib.loads((tmp_path / "study.toml").read_text(encoding="utf-8"))["survey"]
    assert survey == {
        "households": "households.csv",
        "persons": "persons.csv",
        "household": "hid",
        "person": "pid",
        "weight": "hhweight",
        "welfare": "pc_exp",
        "welfare_per": "person",
        "welfare_period": "month",
        "psu": "ea",
        "strata": ["region", "urbrur"],
        "roles": {
            "age": "age",
            "sex": "sex",
            "disability": "disability",
            "relation": "relation",
            "birth": "births_12m",
        },
        "derive": {"head_sex": "head(sex)", "head_educ": "head(educ)"},
    }
    assert run("check", "study.toml")[0] == 0
    text = (tmp_path / "study.toml").read_text(encoding="utf-8").replace("n = 1000", "n = 20")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    code, stdout, stderr = run("run", "study.toml", "--no-report")
    assert (code, stderr) == (0, "")
    assert "internet, from the group furthest behind" in stdout


def test_popstan_runs_as_drafted(tmp_path, run):
    paths = [data_file("popstan", POPSTAN[name]) for name in ("households", "persons")]
    out = tmp_path / "study.toml"
    assert run("init", *paths, "--out", out)[0] == 0
    survey = tomllib.loads(out.read_text(encoding="utf-8"))["survey"]
    assert (survey["household"], survey["person"], survey["weight"]) == ("hid", "idno", "hhweight")
    assert (survey["welfare"], survey["psu"], survey["strata"]) == ("pc_exp", "ea", ["geo1", "urbrur"])
    code, stdout, stderr = run("check", out)
    assert (code, stderr) == (0, "")
    assert "opportunity      electricity: 8,000 households" in stdout
    out.write_text(out.read_text(encoding="utf-8").replace("n = 1000", "n = 8"), encoding="utf-8")
    code, stdout, stderr = run("run", out, "--out", tmp_path / "results", "--no-report")
    assert (code, stderr) == (0, "")
    assert "electricity, from the group furthest behind" in stdout


def test_men_of_a_dhs_stand_alone_with_weights_in_millionths(tmp_path):
    path = data_file("dhs_zz", "ZZMR61FL.DTA")
    made = draft(path, folder=tmp_path)
    survey = parsed(made)["survey"]
    assert survey["household"] is False
    assert survey["derive"]["weight"] == "mv005 / 1000000"
    assert (survey["weight"], survey["psu"], survey["strata"]) == ("weight", "mv021", "mv023")
    (tmp_path / "study.toml").write_text(made.text, encoding="utf-8")
    read = read_study(tmp_path / "study.toml").survey()
    assert read.design.psus == 217
    assert read.weight.mean() == pytest.approx(1, abs=1e-3)


def test_one_file_of_persons_by_household(tmp_path):
    _, persons = sp.example_frames(400)
    frame = pd.DataFrame(persons).assign(weight=2.5)
    made = draft(*files(tmp_path, frame), folder=tmp_path)
    survey = parsed(made)["survey"]
    assert survey["persons"] == "households.csv"
    assert "households" not in survey
    assert (survey["household"], survey["person"], survey["weight"]) == ("hid", "pid", "weight")


def test_one_file_of_households_needs_their_size(tmp_path):
    households, _ = sp.example_frames(400)
    path = files(tmp_path, households)[0]
    made = draft(path, folder=tmp_path)
    assert any('size = "?"' in question for question in made.questions)
    (tmp_path / "study.toml").write_text(made.text, encoding="utf-8")
    with pytest.raises(sp.InputError, match=r"size in \[survey\] must be filled in, but line \d+ still says '\?'"):
        read_study(tmp_path / "study.toml")
    pd.DataFrame(households).assign(hh_size=3).to_csv(path, index=False)
    made = draft(path, folder=tmp_path)
    assert parsed(made)["survey"]["size"] == "hh_size"


def test_mics_households_have_no_key_of_one_column(tmp_path):
    frame = {"HH1": [1, 1, 2, 2], "HH2": [1, 2, 1, 2], "hhweight": [1.0, 1, 1, 1], "HH48": [1, 1, 1, 1]}
    persons = {"HH1": [1, 1, 2, 2], "HH2": [1, 2, 1, 2], "HL1": [1, 1, 1, 1], "HL6": [30, 40, 50, 60]}
    made = draft(*files(tmp_path, frame, persons), folder=tmp_path)
    assert parsed(made)["survey"]["household"] == "?"
    assert '"HH1" and "HH2" tell them apart together' in made.text


# -- design, welfare, roles -----------------------------------------------------------------------------------------


def survey_of(folder, **columns):
    """Return the [survey] that is drafted of a file of 40 households, with columns changed or added."""
    n = 40
    frame = {
        "hhid": np.arange(n) + 1,
        "weight": np.full(n, 2.0),
        "hhsize": np.full(n, 3),
        "psu": np.repeat(np.arange(10), 4),
        "stratum": np.repeat([1, 2], 20),
    } | columns
    made = draft(*files(folder, frame), folder=folder)
    (folder / "study.toml").write_text(made.text, encoding="utf-8")
    read_study(folder / "study.toml").survey()  # whatever was guessed holds
    return parsed(made)["survey"], made.text


def test_psus_numbered_anew_in_every_stratum(tmp_path):
    survey, _ = survey_of(tmp_path, psu=np.tile(np.repeat(np.arange(5), 4), 2))
    assert survey["psu"] == ["stratum", "psu"]
    assert survey["strata"] == "stratum"


def test_a_stratum_of_one_psu(tmp_path):
    survey, text = survey_of(tmp_path, stratum=np.repeat([1, 2], [4, 36]))
    assert survey["single_psu"] == "certainty"
    assert "guess: strata of one PSU, 1 here" in text


def test_welfare_of_the_whole_household_with_gaps(tmp_path):
    survey, text = survey_of(tmp_path, annual_x=1, tot_exp=[np.nan, *range(100, 139)])
    assert (survey["welfare"], survey["welfare_per"], survey["missing"]) == ("tot_exp", "household", "drop")
    assert "welfare is missing in 1 households" in text


def test_columns_of_no_use_are_not_guessed(tmp_path):
    survey, text = survey_of(tmp_path, pc_exp=["much"] * 40, psu=np.full(40, np.nan))
    assert "welfare" not in survey
    assert "psu" not in survey
    assert '# psu = "?"' in text


def test_names_that_differ_in_case_and_signs(tmp_path):
    frame = {"HH_ID": [1, 2, 3], "HH.Weight": [1.0, 2, 3], "HHSize": [1, 2, 3]}
    survey = parsed(draft(*files(tmp_path, frame), folder=tmp_path))["survey"]
    assert (survey["household"], survey["weight"], survey["size"]) == ("HH_ID", "HH.Weight", "HHSize")


def test_what_is_switched_on_is_what_it_says(tmp_path):
    """The other opportunities and the benefits of a draft run when their # is taken away."""
    paths = files(tmp_path, *sp.example_frames(400))
    text = draft(*paths, folder=tmp_path).text
    before, _, rest = text.partition("# [[opportunity]]")
    block, _, rest = rest.partition("\n\n")
    text = before + "[[opportunity]]" + block.replace("\n# ", "\n").replace("'Charcoal', ", "") + "\n\n" + rest
    before, _, rest = text.partition("# [[scheme]]")
    text = before + "[[scheme]]" + rest.replace("\n# ", "\n")
    text = uncommented(text, "children").replace("n = 1000", "n = 8")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    result = read_study(tmp_path / "study.toml").run()
    assert list(result.trees) == ["internet", "cook fuel"]
    assert len(result.transfers.amounts) == 5


def switched_on(text, *sections):
    """Return a draft in which sections are no comments any more, but for what else they may hold."""
    parts = re.split(r"\n\n(?=# \[)", text)
    made = [part.replace("\n# ", "\n").removeprefix("# ") if part.startswith(sections) else part for part in parts]
    assert made != parts
    return "\n\n".join(made)


def test_popstan_runs_with_the_economy_and_the_example_that_are_drafted(tmp_path, run):
    paths = [data_file("popstan", POPSTAN[name]) for name in ("households", "persons")]
    out = tmp_path / "study.toml"
    assert run("init", *paths, "--out", out)[0] == 0
    text = switched_on(out.read_text(encoding="utf-8"), "# [economy]", '# [[scheme]]\n# name = "grant', "# [package]")
    out.write_text(text, encoding="utf-8")
    code, stdout, _ = run("check", out)
    assert code == 2  # what has to be filled in is asked for
    assert "must be above 0, but it is 0" in stdout
    for key, value in {
        "gdp": 3e10, "population": 1e7, "revenue": 5e9, "ppp": 2.0,
        "cpi": "{ 2021 = 90.0, 2022 = 100.0, 2024 = 110.0 }", "lines": "{ national = 125.0 }",
    }.items():  # fmt: skip
        text, times = re.subn(rf"^{key} = [^#\n]+", f"{key} = {value}", text, flags=re.MULTILINE)
        assert times == 1, key
    text = text.replace('welfare_period = "month"', 'welfare_period = "year"').replace("n = 1000", "n = 8")
    out.write_text(text, encoding="utf-8")
    code, stdout, _ = run("check", out)
    assert code == 0, stdout
    assert "scheme           grant for the poorest: intended " in stdout
    result = read_study(out).run()
    (scheme,) = result.transfers.package.schemes
    assert (scheme.target, scheme.per) == (sp.Rank(0.2, by="welfare"), "household")
    assert result.survey.uprating == pytest.approx(1.1)
    poverty = result.estimates.frame().query("statistic == 'headcount' and by == 'all' and scenario == 'before'")
    assert poverty["of"].tolist() == ["national", "$3.00 a day", "$4.20 a day", "$8.30 a day"]
    assert (poverty["value"].diff().iloc[2:] > 0).all()


def test_a_draft_names_every_key_of_economy_scheme_and_package(tmp_path):
    """Each stands once, alone or among what else there is, with a value that its key can have."""
    text = draft(*files(tmp_path, *sp.example_frames(400)), folder=tmp_path).text
    for section, keys in (("[economy]", study.ECONOMY), ("[[scheme]]", study.SCHEME), ("[package]", study.PACKAGE)):
        block = text.rpartition(f"\n# {section}\n")[2].partition("\n\n")[0]
        lines = [line.lstrip("# ") for line in block.splitlines()]
        told = tomllib.loads("\n".join(lines))  # no key stands twice
        assert set(told) == set(keys), section
        for key, value in told.items():
            assert isinstance(value, keys[key]), key
    assert all(len(line) <= 180 for line in text.splitlines())


def test_a_file_of_households_alone_has_no_schemes(tmp_path):
    text = draft(*files(tmp_path, sp.example_frames(400)[0]), folder=tmp_path).text
    assert "[economy]" in text
    assert "[[scheme]]" not in text


# -- hostile names --------------------------------------------------------------------------------------------------

HOSTILE = [
    '"',
    "'",
    "]]",
    "[survey]",
    "#",
    "\\",
    "a\nb",
    "a\r\nb",
    "a = 1",
    "é",
    "អ៊ី",
    "\u2028",
    "\u202eab",
    "\x07",
    "=",
    "{}",
]


@pytest.mark.parametrize("text", [*HOSTILE, "", "\x00", "a\tb", '"""', "'''", "\x7f", "😀", "\\u0041"])
def test_toml_reads_what_was_written(text):
    assert tomllib.loads(f"a = {toml(text)}  # {toml(text)}\nb = {toml([text, text])}") == {
        "a": text,
        "b": [text, text],
    }


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_columns_and_labels_end_no_line(tmp_path, name):
    """They stand where a guess, an alternative, a level or the name of an opportunity stands."""
    households, persons = (pd.DataFrame(frame) for frame in sp.example_frames(400))
    households["cook_fuel"] = households["cook_fuel"].replace({"Gas": name, "Wood": f"{name} {name}"})
    households[f"weight {name}"] = households["hhweight"]
    households[f"phone{name}"] = households["internet"]
    persons = persons.rename(columns={"disability": f"dis{name}"}).assign(**{f"psu {name}": 1})
    made = draft(*files(tmp_path, households, persons), folder=tmp_path)
    sections = parsed(made)
    assert set(sections) == {"survey", "opportunity", "estimate", "replicates", "publish"}
    for line in made.text.splitlines():
        assert line.isprintable(), ascii(line)
    (tmp_path / "study.toml").write_text(made.text, encoding="utf-8")
    study = read_study(tmp_path / "study.toml")
    assert [opportunity.name for opportunity in study.opportunities] == ["internet"]
    study.survey()
    switched = re.sub(r"^# (?=\S+ = |\[\[opp)", "", made.text.partition("[[opportunity]]")[2], flags=re.MULTILINE)
    fuel = next(
        t
        for t in tomllib.loads("[[opportunity]]" + switched.partition("# [eco")[0])["opportunity"]
        if "fuel" in t["name"]
    )
    cells = sp.Opportunity(**fuel).prepare(study.survey())
    assert cells.outcome.all()  # all levels are listed, each as the file has it


def test_a_folder_with_a_hostile_name(tmp_path):
    folder = tmp_path / "a ] \" ' # é"
    folder.mkdir()
    paths = files(folder, *sp.example_frames(400))
    made = draft(*paths, folder=tmp_path)
    (tmp_path / "study.toml").write_text(made.text, encoding="utf-8")
    assert read_study(tmp_path / "study.toml").survey().n_households == 400


def test_a_path_that_a_study_would_read_as_a_variable(tmp_path):
    folder = tmp_path / "${HOME}"
    folder.mkdir()
    with pytest.raises(sp.InputError, match="must not hold"):
        draft(*files(folder, *sp.example_frames(400)), folder=tmp_path)


def test_paths_are_relative_to_the_study(tmp_path):
    (tmp_path / "data").mkdir()
    paths = files(tmp_path / "data", *sp.example_frames(400))
    assert parsed(draft(*paths, folder=tmp_path / "work"))["survey"]["households"] == "../data/households.csv"


def test_a_link_keeps_its_name(tmp_path):
    """Its target may have a name without a suffix."""
    paths = files(tmp_path, *sp.example_frames(400))
    (tmp_path / "ab12cd").write_bytes(paths[0].read_bytes())
    paths[0].unlink()
    try:
        paths[0].symlink_to("ab12cd")
    except OSError:
        pytest.skip("this system makes no links")
    assert parsed(draft(*paths, folder=tmp_path))["survey"]["households"] == "households.csv"


# -- files ----------------------------------------------------------------------------------------------------------


def test_an_earlier_study_is_kept(tmp_path, run):
    paths = files(tmp_path, *sp.example_frames(400))
    out = tmp_path / "study.toml"
    out.write_text("mine")
    code, _, stderr = run("init", *paths, "--out", out)
    assert code == 2
    assert "The study file must be new" in stderr
    assert out.read_text() == "mine"
    assert run("init", *paths, "--out", out, "--force")[0] == 0
    assert out.read_text(encoding="utf-8").startswith("# A draft")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "must exist"), (b"", "it is empty"), (b"\x00\x01", "is not"), (b"a,b\n", "at least one row")],
)
def test_files_that_cannot_be_read_leave_no_study(tmp_path, run, content, message):
    path = tmp_path / "h.csv"
    if content is not None:
        path.write_bytes(content)
    code, _, stderr = run("init", path, "--out", tmp_path / "study.toml")
    assert code == 2
    assert message in stderr
    assert not (tmp_path / "study.toml").exists()


def test_the_same_files_give_the_same_draft(tmp_path):
    paths = files(tmp_path, *sp.example_frames(400))
    assert draft(*paths, folder=tmp_path) == draft(*paths, folder=tmp_path)


def test_a_large_file_is_looked_at_where_names_are_likely(tmp_path, monkeypatch):
    monkeypatch.setattr("sp2lnob.io.WHOLE", 2000)
    survey = parsed(draft(*files(tmp_path, *sp.example_frames(400)), folder=tmp_path))["survey"]
    assert (survey["household"], survey["weight"], survey["welfare"]) == ("hid", "hhweight", "pc_exp")
    assert Path(survey["households"]).name == "households.csv"
