"""Ratios of two runs of the benchmarks side by side: a slower machine is no loss, a smaller ratio is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "ratios.py"


def run(folder, old, new, *options):
    """Compare two runs of one work, each a pair of seconds: the baseline's and ours."""
    paths = [folder / "old.json", folder / "new.json"]
    for path, times in zip(paths, (old, new), strict=True):
        found = [
            {"group": "Gini", "params": {"side": side}, "extra_info": {}, "stats": {"min": seconds}}
            for side, seconds in times.items()
        ]
        size = {"households": 5000, "replicates": 100}
        path.write_text(json.dumps({"benchmarks": found, "machine_info": size}), encoding="utf-8")
    command = [sys.executable, SCRIPT, "--compare", *options, *paths]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("theirs", "ours", "status"), [(10, 1, 0), (100, 10, 0), (10, 1.2, 0), (10, 1.3, 1)])
def test_only_a_lost_ratio_fails(theirs, ours, status, tmp_path):
    done = run(tmp_path, {"baseline": 10, "sp2lnob": 1}, {"baseline": theirs, "sp2lnob": ours})
    assert done.returncode == status, done.stderr
    assert "Gini: baseline" in done.stdout
    assert ("lost more than 20%" in done.stdout) == bool(status)


def test_how_much_may_be_lost_can_be_said(tmp_path):
    times = {"baseline": 10, "sp2lnob": 1}, {"baseline": 10, "sp2lnob": 1.3}
    assert run(tmp_path, *times, "--loss", "0.5").returncode == 0
    assert run(tmp_path, *times, "--loss", "0.05").returncode == 1


def test_a_ratio_that_is_measured_no_longer_fails(tmp_path):
    old = {"baseline": 10, "another": 20, "sp2lnob": 1}
    done = run(tmp_path, old, {"baseline": 10, "sp2lnob": 1})
    assert done.returncode == 1
    assert "measured no longer: Gini: another" in done.stdout


def test_runs_without_a_common_ratio_are_refused(tmp_path):
    done = run(tmp_path, {"one": 1, "sp2lnob": 1}, {"two": 1, "sp2lnob": 1})
    assert done.returncode == 2
    assert "no ratio in common" in done.stderr


def test_what_a_release_keeps_has_ratios_alone(tmp_path):
    """Of two runs the best rounds count: 12 by 2 and 10 by 1 are 10 by 1."""
    run(tmp_path, {"baseline": 12, "sp2lnob": 1}, {"baseline": 10, "sp2lnob": 2})
    kept, paths = tmp_path / "release.json", [tmp_path / "old.json", tmp_path / "new.json"]
    subprocess.run([sys.executable, SCRIPT, "--keep", kept, *paths], check=True)
    assert json.loads(kept.read_text()) == {"households": 5000, "replicates": 100, "ratios": {"Gini: baseline": 10.0}}
    done = subprocess.run([sys.executable, SCRIPT, "--compare", kept, paths[0]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "10.0x  12.0x    +20%" in done.stdout
    done = subprocess.run([sys.executable, SCRIPT, "--compare", kept, paths[1]], capture_output=True, text=True)
    assert done.returncode == 1
    done = subprocess.run([sys.executable, SCRIPT, "--compare", kept, *paths], capture_output=True, text=True)
    assert "10.0x  10.0x     +0%" in done.stdout
    kept.write_text(kept.read_text().replace("5000", "6000"))
    done = subprocess.run([sys.executable, SCRIPT, "--compare", kept, paths[0]], capture_output=True, text=True)
    assert done.returncode == 2
    assert "their households are 6,000 and 5,000" in done.stderr
