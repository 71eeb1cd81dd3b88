"""The command line as a person meets it: what it prints, its exit codes, and what it leaves on the disk."""

import json
import os
import signal
import subprocess
import sys
import time
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
n = 50
"""


def sp2lnob(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "sp2lnob.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "140", **environment},
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    for name, frame in zip(("households", "persons"), sp.example_frames(400), strict=True):
        pd.DataFrame(frame).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def test_run_writes_the_results_and_prints_their_paths(folder):
    done = sp2lnob("run", "study.toml", "--out", "results/one", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no progress bar where there is no terminal
    names = ["estimates.csv", "groups.csv", "manifest.json", "tree-internet.json"]
    assert sorted(contents(folder / "results" / "one")) == names
    for name in names:
        assert str(Path("results/one") / name) in done.stdout
    assert "headcount" in done.stdout
    assert "interval" in done.stdout
    frame = pd.read_csv(folder / "results/one/estimates.csv")
    assert {"value", "se", "ci_low", "ci_high", "n", "flag"} <= set(frame.columns)
    manifest = json.loads((folder / "results/one/manifest.json").read_text())
    assert manifest["asked"]["replicates"] == {"method": "rao-wu", "n": 50, "seed": 1}
    assert manifest["asked"]["lines"] == {"national": 60.0}
    assert [len(source["sha256"]) for source in manifest["survey"]["files"]] == [64, 64]
    assert len(manifest["study"]["sha256"]) == 64


def test_the_same_study_gives_the_same_bytes(folder):
    for out, threads in (("a", 1), ("b", 2), ("b", 4)):  # the second time over an earlier result
        assert sp2lnob("run", "study.toml", "--out", out, "--threads", threads, cwd=folder).returncode == 0
        assert contents(folder / out) == contents(folder / "a")


def test_full_precision_in_files(folder):
    sp2lnob("run", "study.toml", "--out", "out", cwd=folder)
    from sp2lnob.study import read_study

    written = pd.read_csv(folder / "out" / "estimates.csv", keep_default_na=True)
    expected = read_study(folder / "study.toml").run().estimates.frame()
    assert written["value"].tolist() == expected["value"].tolist()
    assert written["se"].tolist() == expected["se"].tolist()


def test_check_prints_the_design_and_its_lines_for_stata_and_r(folder):
    done = sp2lnob("check", "study.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    for part in (
        "households       400",
        "strata           8 (region x urbrur)",
        "PSUs             20 (ea), 2 to 3",
        "single-PSU       0",
        "missing          age age: 0 persons",
        "egen long _stratum = group(region urbrur)",
        "svyset ea [pweight=hhweight], strata(_stratum)",
        "svydesign(ids = ~ea, strata = ~interaction(region, urbrur, drop = TRUE), weights = ~hhweight",
    ):
        assert part in done.stdout


def test_check_of_files_finds_single_psu_strata_and_goes_on(folder):
    done = sp2lnob("check", "households.csv", "persons.csv", "--psu", "ea", "--strata", "ea", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "single-PSU       20: 1; 2; 3; 4; 5" in done.stdout


def test_check_of_files_counts_what_is_missing_in_roles(folder):
    done = sp2lnob("check", "households.csv", "persons.csv", "--role", "birth=births_12m", cwd=folder)
    assert done.returncode == 0, done.stderr
    missing = int(pd.read_csv(folder / "persons.csv")["births_12m"].isna().sum())
    assert f"missing          birth births_12m: {missing:,} persons" in done.stdout
    assert sp2lnob("check", "households.csv", "persons.csv", "--role", "births", cwd=folder).returncode == 2


def test_demo(tmp_path):
    done = sp2lnob("demo", "--out", "out", "--replicates", 20, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(contents(tmp_path / "out")) == [
        "estimates.csv",
        "groups.csv",
        "manifest.json",
        "tree-clean-fuel.json",
        "tree-internet.json",
    ]


def test_version(tmp_path):
    assert sp2lnob("--version", cwd=tmp_path).stdout.startswith("sp2lnob 0.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing.toml"], "The study file must exist, but there is no 'nothing.toml'. Check the path."),
        (
            ["run", "study.toml", "--out", "mine"],
            "The output folder must be new, or hold an earlier result alone, but 'mine' holds 'thesis.txt'",
        ),
        (["run", "study.toml", "--out", "file"], "The output must be a folder, but 'file' is a file."),
        (["run", "broken.toml"], "Did you mean 'psu'?"),
        (["run", "study.toml", "--threads", "0"], "n_threads must be 1 or more, but it is 0."),
        (["check", "households.csv", "--household", "hdi"], "Did you mean 'hid'?"),
        (["check", "a.csv", "b.csv", "c.csv"], "check takes one study, or one or two data files, but 3 files came."),
        (["runn"], "No such command"),
        (["run", "study.toml", "--outt", "x"], "No such option"),
    ],
)
def test_errors_are_a_line_and_exit_code_2_and_nothing_is_written_or_lost(folder, arguments, message):
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.txt").write_text("mine")
    (folder / "file").write_text("mine")
    (folder / "broken.toml").write_text(STUDY.replace("psu", "pus"))
    before = sorted(folder.rglob("*"))
    done = sp2lnob(*arguments, cwd=folder)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before
    assert (folder / "mine" / "thesis.txt").read_text() == "mine"


def test_an_error_in_the_data_leaves_an_earlier_result_as_it_was(folder):
    assert sp2lnob("run", "study.toml", "--out", "out", cwd=folder).returncode == 0
    before = contents(folder / "out")
    (folder / "study.toml").write_text(STUDY.replace('outcome = "internet"', 'outcome = "intrenet"'))
    assert sp2lnob("run", "study.toml", "--out", "out", cwd=folder).returncode == 2
    assert contents(folder / "out") == before


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_stops_within_a_second_and_writes_nothing(folder):
    (folder / "study.toml").write_text(STUDY.replace("n = 50", "n = 2000000"))
    running = subprocess.Popen(
        [sys.executable, "-m", "sp2lnob.cli", "run", "study.toml", "--out", "out"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(6)
    assert running.poll() is None
    start = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=30)
    assert time.monotonic() - start < 5  # a second, and slack for a busy machine
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert not (folder / "out").exists()
    assert not list(folder.glob(".out*"))


def test_what_was_put_into_an_earlier_result_is_not_deleted(folder):
    assert sp2lnob("run", "study.toml", "--out", "out", cwd=folder).returncode == 0
    (folder / "out" / "thesis.txt").write_text("mine")
    done = sp2lnob("run", "study.toml", "--out", "out", cwd=folder)
    assert done.returncode == 2
    assert "'out' holds 'thesis.txt'" in done.stderr
    assert (folder / "out" / "thesis.txt").read_text() == "mine"


def test_a_console_without_the_letters_is_no_error(folder):
    (folder / "study.toml").write_text(STUDY.replace('name = "internet"', 'name = "អ៊ីនធឺណិត"'), encoding="utf-8")
    done = sp2lnob("run", "study.toml", "--out", "out", cwd=folder, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "tree-អ៊ីនធឺណិត.json" in contents(folder / "out")
