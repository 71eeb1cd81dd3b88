"""What the pages show is what happens: every block of code runs, every public name is there, every key is told."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sp2lnob as sp
from sp2lnob import indicators, plots, study

from ._data import lacking

DOCS = Path(__file__).parents[1] / "docs"
pytest.importorskip("sybil", reason="the pages are run by sybil")
sys.path.insert(0, str(DOCS))
import blocks  # noqa: E402

PAGES = {page.relative_to(DOCS).as_posix(): page for page in blocks.PAGES}
READ = {name: page.read_text(encoding="utf-8") for name, page in PAGES.items()}


@pytest.mark.parametrize("page", [name for name, text in READ.items() if re.search(r"^```\w", text, re.M)])
def test_every_block_of_a_page_runs(page, tmp_path):
    blocks.run(PAGES[page], tmp_path)


def test_every_page_is_run():
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert set(PAGES) == {name for name in written if not name.startswith(("_", "api/"))}


def test_every_block_has_a_language_that_is_run_or_is_a_directive():
    for name, text in READ.items():
        opening = re.findall(r"^(?:`{3,}|~{3,}|:{3,})(.*)$", text, re.M)[::2]
        assert set(opening) <= {
            "python",
            "toml",
            "sh",
            "console",
            "r",
            "stata",
            "py",
            "{eval-rst}",
            "{toctree}",
            "bibtex",
            "text",
        }, name


def test_output_has_no_blank_line_for_doctest_reads_to_the_first():
    for name, text in READ.items():
        for block in re.findall(r"^```python\n(>>>.*?)^```", text, re.M | re.S):
            assert not re.findall(r"\n\n(?!>>>)", block), name


def test_numbers_that_are_wrong_are_found(tmp_path):
    page = tmp_path / "page.md"
    for block in (
        "```python\n>>> 1.5 + 1\n2.4\n```\n",
        "```toml\n[surveys]\n```\n",
        "```sh\nsp2lnob run no.toml\n```\n",
    ):
        page.write_text(block, encoding="utf-8")
        with pytest.raises((AssertionError, sp.InputError)):
            blocks.run(page, tmp_path)


def named(text):
    """Return the names that autosummary tables list."""
    return re.findall(r"^   (\w+)$", text, re.M)


def test_every_public_name_stands_in_the_api():
    pages = re.split(r"currentmodule:: (\S+)", READ["api.md"])[1:]
    listed = [f"{module}.{name}" for module, text in zip(pages[::2], pages[1::2], strict=True) for name in named(text)]
    names = [name for name in sp.__all__ if name not in ("indicators", "plots")]
    public = [f"sp2lnob.{name}" for name in names] + [f"sp2lnob.plots.{name}" for name in plots.__all__]
    public += [f"sp2lnob.indicators.{name}" for name in indicators.__all__ if name != "IndicatorSet"]
    assert sorted(listed) == sorted(public)


def test_the_table_of_indicators_is_that_of_the_library():
    told = re.findall(r"^\| [a-z].*$", READ["guide/indicators.md"].split("## All indicators")[1], re.M)[1:]
    frame = indicators.table()[["name", "kind", "population", "circumstances", "sdg", "programs", "escap_name"]]
    made = ["| " + " | ".join(row).replace("_", " ").replace("  ", " ") + " |" for row in frame.itertuples(index=False)]
    assert told == made


def test_every_key_of_a_study_is_told():
    text = READ["guide/studies.md"]
    told = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (.*?) \|", text, re.M))))
    asked = {key for keys in study.SECTIONS.values() for key in keys}
    assert asked <= told, asked - told
    assert {f"[{name}]" for name in study.SECTIONS} <= set(re.findall(r"`\[?(\[\w+\])\]?`", text))


def test_every_command_is_told():
    from sp2lnob.cli import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert commands <= set(re.findall(r"^\| `sp2lnob (\w+)", READ["guide/studies.md"], re.M))


def test_every_flag_and_statistic_is_told(example):
    frame = sp.assess(
        example,
        [sp.Opportunity("internet", "internet", circumstances=["bottom40", "urbrur"])],
        sp.Package([sp.child_benefit(sp.Amount(6, "month"))]),
        sp.Economy(gdp=1e9, revenue=1e8, lines={"national": 60.0}),
        by=["ea"],
        replicates=sp.Bootstrap(20),
    ).estimates.frame()
    text = "\n".join(READ.values())
    missing = [name for name in frame["statistic"].unique() if not re.search(rf"\b{name}\b", text)]
    assert not missing
    flags = {part for flag in frame["flag"] for part in flag.split(";") if part and not part.startswith("failed")}
    assert not [flag for flag in flags if f"`{flag}`" not in READ["guide/certainty.md"]]


def test_links_between_pages_lead_somewhere():
    for name, text in READ.items():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            path = (PAGES[name].parent / target).resolve()
            assert path.exists() or "_made" in path.parts, f"{name}: {target}"


def has_r(*packages):
    if not shutil.which("Rscript"):
        return False
    asked = "; ".join(f"library({name})" for name in packages)
    return not subprocess.run(["Rscript", "-e", asked], capture_output=True, check=False).returncode


@pytest.mark.parametrize("page", [name for name, text in READ.items() if "```r\n" in text])
def test_r_prints_what_the_page_shows(page, tmp_path):
    """R runs a page's blocks in one session, and reads the files that the page's own blocks of Python wrote."""
    script = "\n".join(re.findall(r"```r\n(.*?)```", READ[page], re.S))
    packages = sorted(set(re.findall(r"library\((\w+)\)", script)))
    if not has_r(*packages):
        lacking("R", f"R and its packages {', '.join(packages)} are not installed")
    blocks.run(PAGES[page], tmp_path)
    (tmp_path / "page.R").write_text(script, encoding="utf-8")
    made = subprocess.run(["Rscript", "page.R"], cwd=tmp_path, capture_output=True, text=True, check=True)
    shown = re.findall(r"^#> (.*)$", script, re.M)
    assert shown
    assert [line.rstrip() for line in made.stdout.splitlines()] == [line.rstrip() for line in shown]


@pytest.mark.skipif("SP2LNOB_DOCS_BUILT" not in os.environ, reason="pages are read where SP2LNOB_DOCS_BUILT says")
def test_built_pages_fetch_nothing():
    built = Path(os.environ["SP2LNOB_DOCS_BUILT"])
    for page in built.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)=[\"'](?:https?:)?//[^\"']*", text)
        assert not fetched, f"{page.name}: {fetched[:3]}"
