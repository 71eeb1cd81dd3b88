"""The command line as a person or a program meets it: what it prints, its exit codes, and what it leaves on the disk.

Most tests call it in this process; what depends on streams, signals and terminals runs in one of its own.
"""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import sp2lnob as sp

pytest.importorskip("typer", reason="the extra 'cli' is the command line")

STUDY = """
[survey]
households = "households.csv"
persons = "persons.csv"
person = "pid"
welfare = "pc_exp"
psu = "ea"
strata = ["region", "urbrur"]

[economy]
lines = { national = 60.0 }

[[opportunity]]
name = "internet"
outcome = "internet"
circumstances = ["bottom40", "urbrur"]

[[scheme]]
kind = "child_benefit"
amount = [6, "month"]

[replicates]
n = 20
"""


POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and devices")
PLAIN = [
    "effects.csv",
    "estimates.csv",
    "groups.csv",
    "manifest.json",
    "projection.csv",
    "stability.csv",
    "tree-internet.json",
]
COMMAND = [sys.executable, "-m", "sp2lnob.cli"]


def environment(**more):
    return {**os.environ, "TERM": "dumb", "COLUMNS": "140", **more}


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def write(files, folder):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@cache
def data():
    frames = zip(("households", "persons"), sp.example_frames(400), strict=True)
    return {f"{name}.csv": pd.DataFrame(frame).to_csv(index=False).encode() for name, frame in frames}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write(data(), tmp_path)
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    """Return what runs a command in this process, and returns its exit code and what it printed."""
    from sp2lnob.cli import main

    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "140")

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["sp2lnob", *map(str, arguments)])
        code = main()
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def page(monkeypatch):
    """Make reports at once: their own tests look at what stands in them."""
    monkeypatch.setattr("sp2lnob.report.render", lambda found: f"<!doctype html>{len(found.estimates)}")


# -- run ------------------------------------------------------------------------------------------------------------


def test_run_writes_the_results_and_prints_their_paths_on_any_console(folder):
    """The console has no letters but ASCII."""
    (folder / "study.toml").write_text(STUDY.replace('name = "internet"', 'name = "អ៊ីនធឺណិត"'), encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "run", "study.toml", "--out", "results/one", "--no-report"],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(PYTHONIOENCODING="ascii"),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no progress bar where there is no terminal
    assert "\x1b" not in done.stdout
    names = [*PLAIN[:-1], "tree-អ៊ីនធឺណិត.json"]
    assert sorted(contents(folder / "results" / "one")) == names
    for name in names[:4]:
        assert str(Path("results/one") / name) in done.stdout
    assert "headcount" in done.stdout
    assert "interval" in done.stdout
    frame = pd.read_csv(folder / "results/one/estimates.csv")
    assert {"value", "se", "ci_low", "ci_high", "n", "flag"} <= set(frame.columns)
    manifest = json.loads((folder / "results/one/manifest.json").read_text(encoding="utf-8"))
    assert manifest["asked"]["replicates"] == {"method": "rao-wu", "n": 20, "seed": 1}
    assert manifest["asked"]["lines"] == {"national": 60.0}
    assert [len(source["sha256"]) for source in manifest["survey"]["files"]] == [64, 64]
    assert len(manifest["study"]["sha256"]) == 64
    assert manifest["disclosure"] == "dhs"


def test_the_same_study_gives_the_same_bytes(folder, run, page):
    for out, threads in (("a", 1), ("b", 2), ("b", 4)):  # the second time over an earlier result
        assert run("run", "study.toml", "--out", out, "--threads", threads)[0] == 0
        assert contents(folder / out) == contents(folder / "a")


def test_full_precision_in_files(folder, run):
    from sp2lnob.study import read_study

    assert run("run", "study.toml", "--out", "out", "--no-report", "--disclosure", "none")[0] == 0
    assert list(contents(folder / "out")) == PLAIN
    written = pd.read_csv(folder / "out" / "estimates.csv", dtype=str)  # Python reads every digit
    expected = read_study(folder / "study.toml").run().estimates.frame()
    assert written["value"].astype(float).tolist() == expected["value"].tolist()
    assert written["se"].astype(float).tolist() == expected["se"].tolist()


def test_what_is_withheld_is_not_printed_either(folder, run):
    code, stdout, _ = run("run", "study.toml", "--no-report", "--disclosure", "500")
    assert code == 0
    assert "withheld" in stdout
    figures = [line for line in stdout.splitlines() if "bottom40" in line or line.startswith(("access", "headcount"))]
    assert len(figures) >= 4
    for line in figures:
        assert line.count("%") <= 1, line  # the share of a group among all people
        assert " to " not in line
    assert pd.read_csv("results/estimates.csv").query("n < 500")["value"].isna().all()


def test_changes_of_shares_are_points_and_money_has_its_unit(folder, run):
    text = STUDY.replace("[economy]", '[economy]\ncurrency = "coins"').replace(
        "psu =", 'welfare_period = "year"\npsu ='
    )
    (folder / "study.toml").write_text(text)
    code, stdout, _ = run("run", "study.toml", "--no-report")
    assert code == 0
    frame = pd.read_csv("results/estimates.csv").query("by == 'all'")
    for statistic in ("headcount", "access", "gap"):
        row = frame[(frame["statistic"] == statistic) & (frame["scenario"] == "change")].iloc[0]
        (line,) = [line for line in stdout.splitlines() if line.startswith(statistic) and " change " in line]
        assert f"{100 * row['value']:.1f} pts" in line
        assert "%" not in line
        if row["ci_low"] == row["ci_low"]:
            assert f"{100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f} pts" in line
    assert all("pts" in line for line in stdout.splitlines() if line.startswith("gap "))
    groups = [line for line in stdout.splitlines() if line.startswith("bottom40: ")]
    assert groups
    assert all("pts" in line for line in groups)
    assert "mean_welfare, coins per person and year" in " ".join(stdout.split())
    assert "total_cost, coins a year" in " ".join(stdout.split())


def test_the_study_says_what_is_withheld_unless_the_command_does(folder, run):
    (folder / "study.toml").write_text(STUDY + "[publish]\ndisclosure = 500\n")
    for option, expected in (((), 500), (("--disclosure", "none"), "none"), (("--disclosure", "30"), 30)):
        assert run("run", "study.toml", "--no-report", "-q", *option)[0] == 0
        assert json.loads(Path("results/manifest.json").read_text())["disclosure"] == expected


def test_quiet_is_quiet(folder, run):
    assert run("run", "study.toml", "--no-report", "--quiet") == (0, "", "")
    assert list(contents("results")) == PLAIN
    code, stdout, stderr = run("run", "gone.toml", "--quiet")
    assert (code, stdout) == (2, "")
    assert stderr.startswith("sp2lnob: The study file must exist")


# -- JSON -----------------------------------------------------------------------------------------------------------


def events(stdout):
    return [json.loads(line) for line in stdout.splitlines()]


def test_json_tells_what_happens_and_nothing_else(folder, run, page):
    (folder / "study.toml").write_text(STUDY.replace("n = 20", "n = 100"))
    code, stdout, stderr = run("run", "study.toml", "--json")
    told = events(stdout)
    assert (code, stderr) == (0, "")
    assert told[0] == {
        "event": "started",
        "command": "run",
        "version": sp.__version__,
        "replicates": 100,
        "out": "results",
    }
    progress = [event for event in told if event["event"] == "progress"]
    assert all(event.keys() == {"event", "done", "total", "failed", "seconds_left"} for event in progress)
    assert {event["failed"] for event in progress} == {0}
    assert progress[-1]["seconds_left"] == 0
    assert all(event["seconds_left"] >= 0 for event in progress)
    done = [event["done"] for event in progress]
    assert done == sorted(done)
    assert (done[-1], progress[-1]["total"]) == (100, 100)
    written = [Path(event["path"]).name for event in told if event["event"] == "written"]
    assert written == sorted([*PLAIN, "report.html"])
    assert told[-1] == {"event": "done", "out": str((folder / "results").resolve())}
    assert {event["event"] for event in told} == {"started", "progress", "written", "done"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "gone.toml", "--json"), "The study file must exist"),
        (("run", "study.toml", "--json", "--threads", "0"), "n_threads must be 1 or more"),
        (("run", "study.toml", "--json", "--outt", "x"), "No such option"),
        (("demo", "--json", "--replicates", "1"), "The number of replicates must be 2 or more"),
        (("check", "gone.csv", "--json"), "The file must exist"),
    ],
)
def test_errors_are_events_too(folder, run, arguments, message):
    code, stdout, stderr = run(*arguments)
    last = events(stdout)[-1]
    assert (code, last["event"], last["code"]) == (2, "error", 2)
    assert last.keys() == {"event", "message", "code"}
    assert message in last["message"]
    assert message in " ".join(stderr.split())


def test_check_in_json(folder, run):
    code, stdout, _ = run("check", "study.toml", "--json")
    assert code == 0
    (found,) = events(stdout)
    assert (found["households"], found["psus"]["number"], found["strata"]["of_one_psu"]) == (400, 20, [])
    assert found["opportunities"]["internet"]["rows"] == 400
    assert found["problems"] == []


# -- check ----------------------------------------------------------------------------------------------------------


def test_check_prints_the_design_and_its_lines_for_stata_and_r(folder, run):
    code, stdout, _ = run("check", "study.toml")
    assert code == 0
    for part in (
        "file             households.csv: 400 rows, 8 columns",
        "households       400",
        "strata           8 (region x urbrur)",
        "PSUs             20 (ea), 2 to 3",
        "single-PSU       0",
        "missing          age age: 0 persons",
        "opportunity      internet: 400 households",
        "egen long _stratum = group(region urbrur)",
        "svyset ea [pweight=hhweight], strata(_stratum)",
        "svydesign(ids = ~ea, strata = ~interaction(region, urbrur, drop = TRUE), weights = ~hhweight",
    ):
        assert part in stdout


def test_check_of_files_finds_single_psu_strata_and_goes_on(folder, run):
    code, stdout, _ = run("check", "households.csv", "persons.csv", "--psu", "ea", "--strata", "ea")
    assert code == 0
    assert "single-PSU       20: 1; 2; 3; 4; 5" in stdout


def test_check_of_files_counts_what_is_missing_in_roles(folder, run):
    code, stdout, _ = run("check", "households.csv", "persons.csv", "--role", "birth=births_12m")
    assert code == 0
    missing = int(pd.read_csv(folder / "persons.csv")["births_12m"].isna().sum())
    assert f"missing          birth births_12m: {missing:,} persons" in stdout
    assert run("check", "households.csv", "persons.csv", "--role", "births")[0] == 2


CANDIDATES = """
[[candidate]]
kind = "child_benefit"
name = "children"
amount = [6, "month"]
levels = [3, 6]

[[candidate]]
kind = "old_age_pension"
name = "the old"
amount = [9, "month"]
"""


def test_check_of_a_search_says_whom_each_candidate_counts_alone(folder, run):
    study = STUDY.split("[[scheme]]")[0]
    (folder / "study.toml").write_text(study + CANDIDATES)
    code, stdout, _ = run("check", "study.toml")
    assert code == 0
    assert [line.split(":")[0].split()[:2] for line in stdout.splitlines() if line.startswith("candidate")] == [
        ["candidate", "children"],
        ["candidate", "the"],
    ]
    (found,) = events(run("check", "study.toml", "--json")[1])
    scheme = "[[scheme]]" + CANDIDATES.split("[[candidate]]")[2]
    (folder / "study.toml").write_text(study + scheme)
    (alone,) = events(run("check", "study.toml", "--json")[1])
    assert found["candidates"]["the old"] == alone["schemes"]["the old"]
    (folder / "study.toml").write_text(study + CANDIDATES + "[package]\nadministration = 0.26\n")
    (dearer,) = events(run("check", "study.toml", "--json")[1])
    costs = [of["candidates"]["the old"]["total_cost"] for of in (found, dearer)]
    assert costs[1] == pytest.approx(costs[0] * 1.26 / 1.05, rel=1e-12)
    (folder / "study.toml").write_text(study + CANDIDATES + '[package]\ncompat = "spot"\n')
    code, stdout, _ = run("check", "study.toml")
    assert code == 2
    assert "[package] of a search must have no other keys" in stdout
    (folder / "study.toml").write_text(study + CANDIDATES + 'take_up = "gone"\n')
    code, stdout, _ = run("check", "study.toml")
    assert code == 2
    assert "'gone'" in stdout
    assert "candidate        children" in stdout


def test_check_of_a_study_tells_every_problem_at_once(folder, run):
    text = (
        STUDY.replace('outcome = "internet"', 'outcome = "intrenet"').replace("[6,", "[-6,").replace("n = 20", "n = 1")
    )
    text += '[[opportunity]]\nname = "b"\noutcome = "internet"\ncircumstances = ["urbur"]\n'
    (folder / "study.toml").write_text(text + '[tree]\nrule = "lnbo"\n')
    code, stdout, _ = run("check", "study.toml")
    problems = [line for line in stdout.splitlines() if line.startswith("problem")]
    assert code == 2
    assert "households       400" in stdout
    for word in ("'intrenet'", "'urbur'", "'lnbo'", "amount", "replicates"):
        assert any(word in problem for problem in problems), word


def test_check_tells_whom_each_scheme_counts(folder, run):
    more = """
[[scheme]]
name = "rural mothers"
amount = [6, "month"]
sex = "Female"
min_age = 15
max_age = 49
who = "urbrur == 'Rural'"
target = { rank = 0.5, by = "welfare" }

[[scheme]]
kind = "household_benefit"
amount = [20, "month"]
coverage = 1

[[scheme]]
kind = "old_age_pension"
amount = [6, "month"]
min_age = 130
"""
    study = STUDY.replace("[economy]", "[economy]\ngdp = 1e9").replace("[replicates]", f"{more}[replicates]")
    (folder / "study.toml").write_text(study)
    code, stdout, _ = run("check", "study.toml", "--json")
    assert code == 0, stdout  # to pay nobody is no error
    (found,) = events(stdout)
    told = found["schemes"]
    homes = pd.read_csv(folder / "households.csv")
    people = pd.read_csv(folder / "persons.csv").merge(homes, on="hid")
    weight = people["hhweight"]
    meant = (people["sex"] == "Female") & people["age"].between(15, 49)
    rural = meant & (people["urbrur"] == "Rural")
    for name, who, holds in (
        ("child benefit", "intended", people["age"] <= 17),
        ("child benefit", "eligible", people["age"] <= 17),
        ("rural mothers", "intended", meant),
        ("rural mothers", "eligible", rural),
        ("household benefit", "intended", people["age"] >= 0),
    ):
        assert told[name][who] == {"n": int(holds.sum()), "people": pytest.approx(weight[holds].sum())}, (name, who)
    child, mothers, home = told["child benefit"], told["rural mothers"], told["household benefit"]
    assert child["n"] == child["eligible"]["n"]
    assert child["total_cost"] == pytest.approx(child["recipients"] * 6 * 12 * 1.05)
    assert child["cost_gdp"] == pytest.approx(child["total_cost"] / 1e9)
    assert 0.5 <= mothers["recipients"] / mothers["eligible"]["people"] < 0.52
    assert (home["n"], home["unit"]) == (400, "household")
    assert home["recipients"] == pytest.approx(homes["hhweight"].sum())
    nobody = told["old-age pension"]
    assert nobody["finds_nobody"]
    assert nobody["intended"] == {"n": 0, "people": 0.0}
    assert (nobody["n"], nobody["recipients"], nobody["total_cost"]) == (0, 0.0, 0.0)
    assert [name for name, of in told.items() if of["finds_nobody"]] == ["old-age pension"]
    lines = run("check", "study.toml")[1].splitlines()
    (line,) = [line for line in lines if line.startswith("scheme           old-age pension: intended 0 (n 0), ")]
    assert line.endswith("; FINDS NOBODY")
    assert sum(line.endswith("FINDS NOBODY") for line in lines) == 1
    assert any("household benefit: " in line and "households paid " in line and "(n 400)" in line for line in lines)
    assert any(line.startswith("package          recipients ") for line in lines)
    assert any("of the full sample" in line and "without standard errors" in line for line in lines)


def test_check_withholds_what_few_persons_of_a_scheme_stand_for(folder, run):
    few = STUDY.replace('kind = "child_benefit"', 'name = "child benefit"\nwho = "ea == 3"\nmax_age = 4')
    for policy, least in (("", 25), ("[publish]\ndisclosure = 'none'\n", None)):
        (folder / "study.toml").write_text(few + policy)
        (found,) = events(run("check", "study.toml", "--json")[1])
        assert not found["problems"]
        of = found["schemes"]["child benefit"]
        assert 0 < of["n"] == of["eligible"]["n"] < 25 < of["intended"]["n"]
        figures = (of["eligible"]["people"], of["recipients"], of["total_cost"])
        assert all((figure is None) == (least is not None) for figure in figures)
        assert of["intended"]["people"] > 0
        assert ("withheld (n<25)" in run("check", "study.toml")[1]) == (least is not None)


def test_check_withholds_the_rate_of_few_cases(folder, run):
    few = STUDY.replace('outcome = "internet"', 'outcome = "internet"\npopulation = "ea == 3"').replace(
        '["bottom40", "urbrur"]', '["head"]'
    )
    few = few.replace("[economy]", '[survey.derive]\nhead = "head(sex)"\n[economy]').replace(
        "psu =", 'roles = { relation = "relation" }\npsu ='
    )
    for policy, least in (("", 25), ("[publish]\ndisclosure = 20\n", None), ("[publish]\ndisclosure = 30\n", 30)):
        (folder / "study.toml").write_text(few + policy)
        code, stdout, _ = run("check", "study.toml")
        assert code == 0, stdout
        (line,) = [line for line in stdout.splitlines() if line.startswith("opportunity")]
        assert line.startswith("opportunity      internet: 20 households, ")
        (told,) = events(run("check", "study.toml", "--json")[1])
        access = told["opportunities"]["internet"]["access"]
        if least is None:
            assert line.endswith(f" {access:.1%}")
        else:
            assert line.endswith(f" withheld (n<{least})")
            assert access is None


# -- report, demo, version ------------------------------------------------------------------------------------------


def test_a_report_is_made_again(folder, run, page):
    assert run("run", "study.toml", "-q")[0] == 0
    first = contents("results")
    Path("results/report.html").unlink()
    assert run("report", "results") == (0, f"{Path('results/report.html')}\n", "")
    assert contents("results") == first
    assert run("report", "results", "--out", "pages/mine.html")[0] == 0
    assert Path("pages/mine.html").read_bytes() == first["report.html"]


def test_a_report_of_a_folder_without_one_is_part_of_the_result(folder, run, page):
    assert run("run", "study.toml", "-q", "--no-report")[0] == 0
    plain = contents("results")
    assert run("report", "results")[0] == 0
    made = contents("results")
    assert "report.html" in json.loads(made["manifest.json"])["files"]
    assert {name: made[name] for name in plain if name != "manifest.json"} == {
        name: content for name, content in plain.items() if name != "manifest.json"
    }
    assert run("run", "study.toml", "-q")[0] == 0  # which replaces it, and refuses files of others


def test_a_report_replaces_no_result(folder, run, page):
    assert run("run", "study.toml", "-q")[0] == 0
    before = contents("results")
    code, _, stderr = run("report", "results", "--out", "results/estimates.csv")
    assert code == 2
    assert "must be called report.html" in stderr
    assert run("report", "nowhere")[0] == 2
    assert contents("results") == before


def test_results_stand_even_if_the_report_cannot_be_made(folder, run, monkeypatch):
    def fails(found):
        raise sp.InputError("The report needs jinja2, but it is not installed.")

    monkeypatch.setattr("sp2lnob.report.render", fails)
    code, _, stderr = run("run", "study.toml")
    assert code == 2
    assert "The report needs jinja2" in stderr
    assert list(contents("results")) == PLAIN


def test_demo(tmp_path, run, page):
    code, stdout, _ = run("demo", "--out", tmp_path / "out", "--replicates", 20)
    assert code == 0
    assert "clean fuel" in stdout
    assert list(contents(tmp_path / "out")) == [
        *PLAIN[:5],
        "report.html",
        "stability.csv",
        "tree-clean-fuel.json",
        "tree-internet.json",
    ]


@pytest.mark.parametrize("portable", [False, True])
def test_version_tells_of_libraries_and_kernels(portable):
    """In a process of its own: which kernels are taken is decided when they are first asked for."""
    import numpy as np
    import scipy
    import sklearn

    from sp2lnob._kernels import _processor

    command = [*COMMAND, "--version"]
    asked = environment(SP2LNOB_PORTABLE="1" if portable else "0")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=asked)
    name, python, libraries, kernels = done.stdout.splitlines()
    assert name == f"sp2lnob {sp.__version__}"
    assert python.startswith(f"CPython {sys.version.split()[0]}")
    assert libraries == (
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, pandas {pd.__version__}, "
        f"scikit-learn {sklearn.__version__}"
    )
    checked = os.environ.get("SP2LNOB_DEBUG") == "1"
    of_one = "cpython-" in Path(_processor.__file__).name or ".cp3" in Path(_processor.__file__).name
    wide = _processor.has_avx2() and not portable and not checked
    api, processor, indices = kernels.removeprefix("kernels: ").split(", ")
    assert api == ("for this CPython alone" if of_one else "limited API")
    assert re.fullmatch(r"AVX2 in [1-9]\d* of \d+" if wide else "portable", processor)
    assert indices == ("every index checked" if checked else "indices not checked")


def test_kernels_that_check_every_index_are_told_from_those_that_do_not(run, monkeypatch):
    def refuses(key, identity, stream, purpose, out):
        for place in range(len(identity)):
            if place >= len(out):
                raise IndexError("Out of bounds on buffer access (axis 0)")
            out[place] = 0.5

    monkeypatch.setattr("sp2lnob._kernels._random.uniforms", refuses)
    assert run("--version")[1].endswith(", every index checked\n")


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing.toml"], "The study file must exist, but there is no 'nothing.toml'. Check the path."),
        (["run", "."], "The study file must exist, but '.' is a folder. Check the path."),
        (["run", "households.csv"], "The study file must be TOML in UTF-8"),
        (["run", "binary.toml"], "The study file must be TOML in UTF-8"),
        (
            ["run", "study.toml", "--out", "mine"],
            "The output folder must be new, or hold an earlier result alone, but 'mine' holds 'thesis.txt'",
        ),
        (["run", "study.toml", "--out", "file"], "The output must be a folder, but 'file' is a file."),
        (["run", "study.toml", "--disclosure", "dsh"], "Did you mean 'dhs'?"),
        (["run", "study.toml", "--disclosure", "-1"], "disclosure must be 0 or more, but it is -1."),
        (["run", "broken.toml"], "Did you mean 'psu'?"),
        (["run", "study.toml", "--threads", "0"], "n_threads must be 1 or more, but it is 0."),
        (["run", "study.toml", "--threads", "1000000"], "Invalid value for '--threads'"),
        (["check", "households.csv", "--household", "hdi"], "Did you mean 'hid'?"),
        (["check", "households.csv", "--household", "HID"], "Did you mean 'hid'?"),
        (["check", "a.csv", "b.csv", "c.csv"], "check takes one study, or one or two data files, but 3 files came."),
        (["report", "mine"], "The folder must hold a result"),
        (["init", "mine", "--out", "new.toml"], "The file of households must be one of"),
        (["init", "households.csv"], "The study file must be new"),
        (["runn"], "No such command"),
        (["runn"], "Did you mean"),
        (["run", "study.toml", "--outt", "x"], "No such option"),
        (["run", "study.toml", "--outt", "x"], "--out"),
    ],
)
def test_errors_are_a_line_and_exit_code_2_and_nothing_is_written_or_lost(folder, run, arguments, message):
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.txt").write_text("mine")
    (folder / "file").write_text("mine")
    (folder / "broken.toml").write_text(STUDY.replace("psu", "pus"))
    (folder / "binary.toml").write_bytes(bytes(range(256)))
    before = sorted(folder.rglob("*"))
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (2, "")
    assert message in " ".join(stderr.split())
    assert "Traceback" not in stderr
    assert sorted(folder.rglob("*")) == before
    assert (folder / "mine" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("old", "new", "nearest"),
    [
        ("[survey]", "[Survey]", "'survey'"),
        ('psu = "ea"', 'PSU = "ea"', "'psu'"),
        ('psu = "ea"', 'psu = "EA"', "'ea'"),
        ('welfare = "pc_exp"', 'welfare = "pcexp"', "'pc_exp'"),
        ('"region", "urbrur"]', '"region", "urbur"]', "'urbrur'"),
        ('outcome = "internet"', 'outcome = "Internet == 1"', "'internet'"),
        ('["bottom40", "urbrur"]', '["bottom40", "urbrr"]', "'urbrur'"),
        ('kind = "child_benefit"', 'kind = "child_benefits"', "'child_benefit'"),
        ('[6, "month"]', '[6, "months"]', "'month'"),
        ("[replicates]", '[estimate]\nby = ["urbRur"]\n[replicates]', "'urbrur'"),
        ("[replicates]", '[survey.roles]\nages = "age"\n[replicates]', "'age'"),
        ("[replicates]", '[survey.roles]\nage = "aeg"\n[replicates]', "'age'"),
        ("[replicates]", '[survey.derive]\na = "head(sxe)"\n[replicates]', "'sex'"),
        ("[replicates]", '[estimate]\neffect = "re-route"\n[replicates]', "'reroute'"),
        ("[replicates]", "[replicate]", "'replicates'"),
        ("n = 20", "N = 20", "'n'"),
    ],
)
def test_a_slip_is_told_what_was_meant(folder, run, old, new, nearest):
    assert old in STUDY
    (folder / "study.toml").write_text(STUDY.replace(old, new))
    code, _, stderr = run("run", "study.toml", "--no-report")
    assert code == 2
    assert f"Did you mean {nearest}" in stderr, stderr
    assert not Path("results").exists()


def test_an_error_in_the_data_leaves_an_earlier_result_as_it_was(folder, run):
    assert run("run", "study.toml", "--out", "out", "--no-report")[0] == 0
    before = contents(folder / "out")
    (folder / "study.toml").write_text(STUDY.replace('outcome = "internet"', 'outcome = "intrenet"'))
    assert run("run", "study.toml", "--out", "out")[0] == 2
    assert contents(folder / "out") == before


def test_what_was_put_into_an_earlier_result_is_not_deleted(folder, run):
    assert run("run", "study.toml", "--out", "out", "--no-report")[0] == 0
    (folder / "out" / "thesis.txt").write_text("mine")
    code, _, stderr = run("run", "study.toml", "--out", "out")
    assert code == 2
    assert "'out' holds 'thesis.txt'" in stderr
    assert (folder / "out" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "not enough memory"),
        (OSError(28, "No space left on device", "results"), 1, "No space left on device: results"),
        (RecursionError("deep"), 1, "RecursionError: deep (unforeseen"),
        (ZeroDivisionError("two\nlines"), 1, "ZeroDivisionError: two lines (unforeseen"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_goes_wrong_is_a_line_and_leaves_nothing(folder, run, monkeypatch, error, code, message):
    def fails(*arguments, **keywords):
        raise error

    before = sorted(folder.rglob("*"))
    monkeypatch.setattr("sp2lnob.study.assess", fails)
    got, stdout, stderr = run("run", "study.toml", "--json")
    assert got == code
    assert stderr.count("\n") == 1
    assert message in stderr
    assert events(stdout)[-1]["code"] == code
    assert sorted(folder.rglob("*")) == before
    monkeypatch.setenv("SP2LNOB_TRACEBACK", "1")
    if code == 1:
        with pytest.raises(type(error)):
            run("run", "study.toml")


def test_a_full_disk_leaves_the_earlier_result(folder, run, monkeypatch):
    def full(manifest):  # the last file to be written
        raise OSError(28, "No space left on device", "manifest.json")

    assert run("run", "study.toml", "-q", "--no-report")[0] == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr("sp2lnob._results.as_json", full)
    code, _, stderr = run("run", "study.toml", "--no-report")
    assert code == 1
    assert "No space left on device" in stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@POSIX
def test_an_interrupt_while_files_are_written_waits_until_they_stand(folder, run, monkeypatch):
    from sp2lnob import _results

    usual = _results.as_json

    def interrupted(manifest):
        signal.raise_signal(signal.SIGINT)
        return usual(manifest)

    monkeypatch.setattr(_results, "as_json", interrupted)
    code, _, stderr = run("run", "study.toml", "--no-report")
    assert (code, stderr) == (130, "sp2lnob: interrupted\n")
    assert list(contents("results")) == PLAIN
    assert not list(folder.glob(".results*"))


# -- replicates kept on the way -------------------------------------------------------------------------------------


@contextmanager
def stopping(at, error):
    """Make the replicates from some number on raise an error."""
    from sp2lnob.estimation import Job

    usual = Job.__call__

    def call(self, first, groups):
        if first >= at:
            raise error
        return usual(self, first, groups)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Job, "__call__", call)
        yield


@pytest.fixture(scope="module")
def once():
    """Return what is made once, and written into every folder that needs it."""
    return {}


@pytest.fixture
def whole(folder, run, once):
    """Return the results of an uninterrupted run of 100 replicates."""
    (folder / "study.toml").write_text(STUDY.replace("n = 20", "n = 100"))
    if "whole" not in once:
        assert run("run", "study.toml", "--out", "whole", "-q", "--no-report")[0] == 0
        once["whole"] = contents("whole")
    write(once["whole"], folder / "whole")
    return once["whole"]


@pytest.fixture
def shards(folder, run, whole, once):
    """Leave the second of two shards in the folders a and b, and the first in c."""
    for where, shard in (("a", "2/2"), ("b", "2/2"), ("c", "1/2")):
        if where not in once:
            assert run("run", "study.toml", "--shard", shard, "--out", where, "-q")[0] == 0
            once[where] = contents(where)
        write(once[where], folder / where)


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_run_that_stopped_is_resumed_to_the_same_bytes(folder, run, whole, error):
    command = ("run", "study.toml", "--out", "out", "--resume", "--no-report", "--threads", "1", "--json")
    with stopping(65, error):
        assert run(*command)[0] == (1 if isinstance(error, MemoryError) else 130)
    assert [path.name for path in Path("out.replicates").iterdir()] == ["replicates-00000001-00000064.values"]
    code, stdout, _ = run(*command)
    assert code == 0
    assert [event["done"] for event in events(stdout) if event["event"] == "progress"] == [64, 96, 100]
    assert contents("out") == whole
    assert not Path("out.replicates").exists()


def test_replicates_are_kept_until_the_results_stand(folder, run, monkeypatch):
    def full(manifest):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sp2lnob._results.as_json", full)
        assert run("run", "study.toml", "--resume", "--no-report")[0] == 1
    assert [path.name for path in Path("results.replicates").iterdir()] == ["replicates-00000001-00000020.values"]


def test_an_interrupt_does_not_cost_a_whole_result(folder, run, whole):
    with stopping(65, KeyboardInterrupt()):
        code, stdout, stderr = run("run", "study.toml", "--out", "whole", "--no-report", "--threads", "1")
        for _ in range(2):  # the second time over its like
            assert run("run", "study.toml", "--out", "part", "--no-report", "--threads", "1")[0] == 130
    assert (code, stdout) == (130, "")
    assert stderr.splitlines() == [
        "sp2lnob: 64 of 100 replicates were finished: 'whole' holds a whole result, which stays",
        "sp2lnob: interrupted",
    ]
    assert contents("whole") == whole
    assert json.loads(Path("part/manifest.json").read_text())["interrupted"] == {"finished": 64, "asked": 100}


def test_of_fewer_than_two_replicates_nothing_is_written(folder, run, whole):
    with stopping(1, KeyboardInterrupt()):
        code, _, stderr = run("run", "study.toml", "--out", "part", "--no-report")
    assert code == 130
    assert stderr.splitlines() == [
        "sp2lnob: 0 of 100 replicates were finished: two at least are needed",
        "sp2lnob: interrupted",
    ]
    assert not (folder / "part").exists()


@pytest.mark.parametrize("threads", [1, 2])
def test_shards_are_merged_to_the_bytes_of_one_run(folder, run, whole, threads):
    for k, where in ((2, "a"), (3, "a"), (1, "b")):
        code, stdout, stderr = run("run", "study.toml", "--shard", f"{k}/3", "--out", where, "--threads", threads)
        assert (code, stdout, stderr) == (0, f"shard {k}/3 is kept in {where}\n", "")
    assert len(list(Path("a").iterdir())) == 2  # and nothing else
    assert run("merge", "study.toml", "a", "b", "--out", "out", "--no-report", "-q") == (0, "", "")
    assert contents("out") == whole
    assert len(list(Path("a").iterdir())) == 2


def test_a_jackknife_is_split_and_merged_but_not_interrupted(folder, run):
    text = STUDY.replace("n = 20", 'method = "jackknife"')
    (folder / "study.toml").write_text(text)
    assert run("run", "study.toml", "--out", "whole", "-q", "--no-report") == (0, "", "")
    for k in (1, 2):
        assert run("run", "study.toml", "--shard", f"{k}/2", "--out", "shards", "-q") == (0, "", "")
    assert run("merge", "study.toml", "shards", "--out", "out", "--no-report", "-q") == (0, "", "")
    assert contents("out") == contents("whole")
    with stopping(1, KeyboardInterrupt()):
        code, _, stderr = run("run", "study.toml", "--out", "part", "--resume", "-q")
    assert code == 130
    assert "0 of 20 replicates were finished and are kept in" in stderr
    assert "this design needs all of them" in stderr
    assert not Path("part").exists()


def test_a_shard_under_way_is_resumed(folder, run, whole):
    assert run("run", "study.toml", "--shard", "2/2", "--out", "a", "-q")[0] == 0
    (path,) = Path("a").iterdir()
    before = path.read_bytes()
    with stopping(1, KeyboardInterrupt()):  # nothing is evaluated again
        assert run("run", "study.toml", "--shard", "2/2", "--out", "a", "-q") == (0, "", "")
        assert path.read_bytes() == before
        code, stdout, stderr = run("run", "study.toml", "--shard", "1/2", "--out", "a", "--json")
    assert (code, stderr) == (130, "sp2lnob: interrupted\n")
    assert [event["event"] for event in events(stdout)] == ["started", "interrupted", "error"]
    assert events(stdout)[1]["message"] == "0 of 48 replicates of the shard are kept"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "study.toml", "--shard", "4/3"), "A shard must be written K/N with K from 1 to N, but it is '4/3'"),
        (("run", "study.toml", "--shard", "1/14"), "100 replicates must be split into at most 13 shards, but 14 came"),
        (("run", "study.toml", "--shard", "1/2", "--out", "whole"), "folder of their own, but 'whole' holds results"),
        (("merge", "study.toml", "nowhere"), "but there are none of replicates 1 to 100. Run their shards"),
        (("merge", "study.toml", "a"), "but there are none of replicates 1 to 48. Run their shards"),
        (("merge", "study.toml", "a", "b"), "Every replicate must be kept once, but replicates 49 to 100 of "),
        (("merge", "other.toml", "a", "c"), "of the same version, data, design, study, but of "),
        (("merge", "study.toml", "a", "--out", "b"), "The output folder must be new, or hold an earlier result alone"),
        (("merge", "study.toml"), "Missing argument 'SHARDS...'"),
    ],
)
def test_shards_that_do_not_fit_are_refused(folder, run, whole, shards, arguments, message):
    (folder / "other.toml").write_text((folder / "study.toml").read_text().replace("60.0", "61.0"))
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (2, "")
    assert message in " ".join(stderr.split())
    assert contents("whole") == whole


@pytest.mark.parametrize(
    ("edit", "key"),
    [
        (("seed = 1", "seed = 2"), "design.seed is 1, and here 2"),
        (('outcome = "internet"', 'outcome = "internet == 0"'), "study is"),
        (('psu = "ea"', 'psu = "hid"'), "data is"),
    ],
)
def test_a_run_is_not_resumed_with_replicates_of_another_study(folder, run, whole, edit, key):
    (folder / "study.toml").write_text((folder / "study.toml").read_text() + "seed = 1\n")
    with stopping(65, ZeroDivisionError()):
        assert run("run", "study.toml", "--out", "out", "--resume", "--no-report", "--threads", "1")[0] == 1
    kept = contents("out.replicates")
    (folder / "study.toml").write_text((folder / "study.toml").read_text().replace(*edit))
    code, _, stderr = run("run", "study.toml", "--out", "out", "--resume", "--no-report")
    assert code == 2
    assert key in stderr
    assert contents("out.replicates") == kept


# -- streams, signals, terminals ------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_an_interrupt_writes_what_is_finished_and_says_so(folder, more):
    (folder / "study.toml").write_text(STUDY.replace("n = 20", "n = 200000"))
    command = [*COMMAND, "run", "study.toml", "--out", "out", "--json", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while json.loads(running.stdout.readline())["event"] != "progress":
            pass
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=60)  # a second, and slack for a busy machine
    assert running.returncode == 130
    assert stderr == "sp2lnob: interrupted\n"
    told, last = events(stdout)[-2:]
    assert last == {"event": "error", "message": "interrupted", "code": 130}
    assert (told["event"], told["asked"]) == ("interrupted", 200_000)
    assert told["finished"] >= 32
    assert list(contents("out")) == PLAIN
    manifest = json.loads(Path("out/manifest.json").read_text(encoding="utf-8"))
    assert manifest["interrupted"] == {"finished": told["finished"], "asked": 200_000}
    frame = pd.read_csv("out/estimates.csv")
    assert frame["flag"].str.contains("interrupted").all()
    assert not list(folder.glob(".out*"))
    assert bool(list(folder.glob("out.replicates/*.values"))) == bool(more)


@POSIX
def test_a_reader_who_has_gone_is_no_traceback(folder):
    """As in ``| head``: the results are whole or not there."""
    (folder / "study.toml").write_text(STUDY.replace("n = 20", "n = 20000"))
    command = [*COMMAND, "run", "study.toml", "--json", "--no-report"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.readline()
        running.stdout.close()
        stderr = running.stderr.read()
        running.wait(timeout=60)
    assert (running.returncode, stderr) == (1, "")
    assert not (folder / "results").exists()


@POSIX
def test_a_full_device_is_a_line(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "check", "study.toml"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (1, "sp2lnob: No space left on device\n")


@POSIX
def test_a_bar_on_a_terminal_without_colors(folder):
    import pty

    (folder / "study.toml").write_text(STUDY.replace("n = 20", "n = 4000") + "[estimate]\nby = []\n")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "run", "study.toml", "--no-report"],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=environment(TERM="xterm", NO_COLOR="1"),
    ) as running:
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # how some systems say that the other end is closed
            pass
    os.close(ours)
    assert running.returncode == 0
    assert b"/4000" in shown
    assert re.search(rb"0:00:0[0-9] left", shown)
    assert b"failed" not in shown
    assert b"\x1b[3" not in shown  # no color of letters


# -- completion -----------------------------------------------------------------------------------------------------

SHELLS = {"bash": "complete -o default -F", "zsh": "#compdef sp2lnob", "fish": "complete --command sp2lnob"}


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts(run, monkeypatch, shell):
    """The variable works where no shell can be detected; the option asks for the shell if told not to detect it."""
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    code, stdout, _ = run("--show-completion", shell)
    assert code == 0
    assert SHELLS[shell] in stdout
    monkeypatch.setenv("_SP2LNOB_COMPLETE", f"source_{shell}")
    code, script, _ = run()
    assert code == 0
    assert SHELLS[shell] in script


@pytest.mark.parametrize(
    ("words", "offered"),
    [("sp2lnob r", {"run", "report"}), ("sp2lnob run --dis", {"--disclosure"}), ("sp2lnob run stu", set())],
)
def test_completion_of_commands_options_and_files(folder, run, monkeypatch, words, offered):
    """Nothing is offered for a file: the script leaves these to the shell."""
    monkeypatch.setenv("_SP2LNOB_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    code, stdout, stderr = run()
    assert (code, stderr) == (0, "")
    assert set(stdout.split()) == offered


# -- many -----------------------------------------------------------------------------------------------------------

TABLES = ["correlations.csv", "estimates.csv", "groups.csv", "manifest.json", "skipped.csv"]


@pytest.fixture
def two(folder):
    """Write a second study of the same files, with a barrier besides."""
    barrier = '[[opportunity]]\nname = "wood"\noutcome = "cook_fuel == \'Wood\'"\ncircumstances = ["urbrur"]\n'
    (folder / "other.toml").write_text(STUDY.replace("[[scheme]]", f'{barrier}kind = "barrier"\n\n[[scheme]]'))
    return folder


def test_many_writes_one_table_of_all_surveys(two, run):
    code, stdout, stderr = run("many", "study.toml", "other.toml", "--out", "out", "--domains", "region", "--no-report")
    assert (code, stderr) == (0, "")
    assert list(contents("out")) == TABLES
    found = sp.read_overview("out")
    assert found.surveys == ("study", "other")
    assert set(found.estimates["domain"]) == {"all", "region"}
    assert found.manifest["surveys"]["other"]["study"]["file"] == "other.toml"
    assert found.manifest["surveys"]["study"]["asked"]["replicates"]["n"] == 20
    lines = stdout.splitlines()
    assert lines[0].startswith("Overview of 2 opportunities in 2 surveys, in all and by region: ")
    (line,) = [line for line in lines if "wood (barrier)" in line]
    frame = found.estimates.query("of == 'wood' and domain == 'all' and by == 'all' and statistic == 'access'")
    assert f"{frame['value'].iloc[0]:.1%}" in line
    assert [Path(line).name for line in lines[-5:]] == TABLES


def test_many_is_told_as_json_survey_by_survey(two, run):
    code, stdout, stderr = run("many", "study.toml", "other.toml", "--json", "--report")
    told = events(stdout)
    assert (code, stderr) == (0, "")
    assert told[0]["surveys"] == ["study", "other"]
    surveys = [(e["survey"], e["number"], e["of"], e["finished"]) for e in told if e["event"] == "survey"]
    assert surveys == [("study", 1, 2, False), ("study", 1, 2, True), ("other", 2, 2, False), ("other", 2, 2, True)]
    progress = [e for e in told if e["event"] == "progress"]
    assert (progress[-1]["survey"], progress[-1]["done"], progress[-1]["total"]) == ("other", 20, 20)
    assert told[-1] == {"event": "done", "out": str((two / "results").resolve()), "skipped": 0}
    page = (two / "results" / "report.html").read_text(encoding="utf-8")
    code, stdout, _ = run("report", "results", "--out", "page.html")
    assert (code, stdout) == (0, "page.html\n")
    assert (two / "page.html").read_text(encoding="utf-8") == page


def test_many_that_stopped_is_resumed_to_the_same_bytes(two, run):
    from sp2lnob.many import _One

    how = ("study.toml", "other.toml", "--no-report", "-q", "--domains", "region")
    assert run("many", *how, "--out", "whole") == (0, "", "")
    usual = _One.made
    with pytest.MonkeyPatch.context() as patched:

        def stopped(one):
            if one.name == "other":
                raise KeyboardInterrupt
            return usual(one)

        patched.setattr(_One, "made", stopped)
        code, stdout, stderr = run("many", *how, "--out", "out", "--resume")
        assert (code, stdout) == (130, "")
        assert stderr.splitlines() == [
            "sp2lnob: 1 of 2 surveys were finished: 'out' holds these",
            "sp2lnob: interrupted",
        ]
        assert sp.read_overview("out").surveys == ("study",)
        assert "which stays" in run("many", *how, "--out", "whole")[2]
    assert [path.name for path in Path("out.surveys").iterdir()] == ["survey-study"]
    assert run("many", *how, "--out", "out", "--resume") == (0, "", "")
    assert contents("out") == contents("whole")
    assert not Path("out.surveys").exists()


def test_many_lists_what_a_survey_does_not_have(two, run):
    text = (two / "other.toml").read_text().replace("cook_fuel ==", "stove ==")
    (two / "other.toml").write_text(text)
    code, _, stderr = run("many", "study.toml", "other.toml", "--no-report")
    assert code == 2
    assert "Survey 'other' must have what opportunity 'wood' asks for" in stderr
    code, stdout, _ = run("many", "study.toml", "other.toml", "--no-report", "--skip", "--json")
    assert code == 0
    assert events(stdout)[-1]["skipped"] == 1
    assert sp.read_overview("results").skipped["opportunity"].tolist() == ["wood"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone.toml",), "The study file must exist"),
        (("study.toml", "study.toml"), "Every study must have a name of its own"),
        (("study.toml", "--least-rate", "1.5"), "least_rate must be"),
        (("study.toml", "--domains", "province"), "must have the domain 'province'"),
        (("study.toml", "open.toml"), "Studies of one overview must withhold alike, but they say 'dhs' and 'none'"),
        ((), "Missing argument 'STUDIES...'"),
    ],
)
def test_what_many_cannot_do_is_an_error(two, run, arguments, message):
    (two / "open.toml").write_text(STUDY + '[publish]\ndisclosure = "none"\n')
    code, stdout, stderr = run("many", *arguments, "--no-report")
    assert (code, stdout) == (2, "")
    assert message in " ".join(stderr.split())
    assert not (two / "results").exists()
