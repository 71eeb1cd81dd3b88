"""What the README shows is what the example study does."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from ._data import POPSTAN, data_file

ROOT = Path(__file__).parents[1]


def test_ten_lines_of_python_do_the_same_job_as_the_study_file(tmp_path):
    files = {name: data_file("popstan", file) for name, file in POPSTAN.items()}
    block, more = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    for name, file in files.items():
        assert f'"{name}.dta"' in block
        block = block.replace(f'"{name}.dta"', repr(str(file)))
    (tmp_path / "ten_lines.py").write_text(block + more, encoding="utf-8")
    done = subprocess.run([sys.executable, "ten_lines.py"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "paired" in done.stdout
    study = ROOT / "examples" / "popstan" / "study.toml"
    subprocess.run(
        [sys.executable, "-m", "sp2lnob.cli", "run", str(study), "--out", "study"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    names = sorted(path.name for path in (tmp_path / "results").iterdir())
    tables = [f"{name}.csv" for name in ("effects", "estimates", "groups", "projection", "stability")]
    assert names == sorted([*tables, "manifest.json", "tree-clean-fuel.json"])
    for name in names:
        if name != "manifest.json":  # it also tells the study file's hash
            assert (tmp_path / "results" / name).read_bytes() == (tmp_path / "study" / name).read_bytes(), name
    assert "<svg" in (tmp_path / "tree.svg").read_text(encoding="utf-8")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    groups = pd.read_csv(tmp_path / "study" / "groups.csv")
    assert groups["before"].round(7).tolist() == [0.1074717, 0.3819206, 0.5953406, 0.8615936]
    assert groups["after"].round(7).tolist() == [0.1239433, 0.3819206, 0.6357958, 0.8615936]


def test_pictures_are_what_the_package_draws():
    found = importlib.util.spec_from_file_location("pictures", ROOT / "tools" / "pictures.py")
    tool = importlib.util.module_from_spec(found)
    found.loader.exec_module(tool)
    shown = re.findall(r"!\[[^\]]+\]\((\S+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    drawn = tool.drawn()
    assert [Path(path).name for path in shown] == list(drawn)
    kept = {path: (ROOT / path).read_text(encoding="utf-8") for path in shown}
    assert sum(map(len, kept.values())) < 300_000
    for text, now in zip(kept.values(), drawn.values(), strict=True):  # words and figures; lines may differ by version
        assert re.findall(r"<(?:desc|text)[^>]*>([^<]*)<", text) == re.findall(r"<(?:desc|text)[^>]*>([^<]*)<", now)
