"""Run the code blocks of a page: what it shows is what happens.

Blocks of a page share a namespace and a working folder. ``python`` blocks run; those that begin with ``>>>`` are
doctests, in which numbers are compared to the digits shown. ``toml`` blocks are read as studies, and written to the
file that their first line names (``# study.toml``). In ``sh`` and ``console`` blocks the lines that call sp2lnob run;
in ``console`` they begin with ``$``, and what follows is compared with what is printed. ``r`` blocks are
left to a test that has R; ``stata`` blocks need Stata and ``py`` blocks a cluster, and are shown alone.
Sybil finds the blocks.
"""

import contextlib
import doctest
import io
import re
import shlex
import sys
from pathlib import Path

import pandas as pd
from sybil import Example, Sybil
from sybil.evaluators.doctest import NUMBER, OutputChecker
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

from sp2lnob.cli import main
from sp2lnob.study import read_study

DOCS = Path(__file__).parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | NUMBER
ABOUT = ("methods.md", "coverage.md", "performance.md", "reproducibility.md", "disclosure.md", "citing.md", "api.md")
PAGES = [DOCS / name for name in ("index.md", "tour.md", "from-r.md", "from-stata.md")] + [
    *sorted((DOCS / "guide").glob("*.md")),
    *(DOCS / name for name in ABOUT),
]
FILE = re.compile(r"# (\S+\.toml)\n")
SECTION = '[survey]\nhouseholds = "households.csv"\n'


def study(example: Example) -> str | None:
    """Read a study, or a part of one, and build all that it asks for, but for its data."""
    text = str(example.parsed)
    named = FILE.match(text)
    path = Path(named.group(1) if named else "part.toml")
    path.write_text(text if re.search(r"^\[survey\]", text, re.M) else SECTION + text, encoding="utf-8")
    read = read_study(path)
    for part in ("opportunities", "package", "candidates", "tree", "replicates", "economy", "disclosure"):
        getattr(read, part)
    if named and not re.search(r"^\[survey\]", text, re.M):
        return f"{path} is to be written, and has no [survey]"
    return None


def called(words: list[str]) -> tuple[int, str]:
    """Call the command line within this process, which has loaded already what it needs; return code and output."""
    printed, given = io.StringIO(), sys.argv
    sys.argv = words
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            return main(), printed.getvalue()
    finally:
        sys.argv = given


def commands(example: Example) -> str | None:
    """Run the lines that call sp2lnob, and compare what they print where it is shown."""
    console = example.region.lexemes["arguments"] == "console"
    for part in re.split(r"^\$ ", str(example.parsed), flags=re.M)[1:] if console else str(example.parsed).splitlines():
        line, _, expected = part.partition("\n")
        words = shlex.split(line, comments=True)
        if words[:1] != ["sp2lnob"]:
            continue
        code, printed = called(words)
        if console:
            if not OutputChecker().check_output(expected, printed, FLAGS):
                return f"$ {line}\n--- shown:\n{expected}\n--- printed:\n{printed}"
        elif code:
            return f"$ {line}\nended with {code}:\n{printed}"
    return None


SYBIL = Sybil(
    [
        PythonCodeBlockParser(doctest_optionflags=FLAGS),
        CodeBlockParser("toml", study),
        CodeBlockParser("sh", commands),
        CodeBlockParser("console", commands),
    ]
)


def run(page: Path, folder: Path) -> None:
    """Run all blocks of a page in a folder."""
    with contextlib.chdir(folder), pd.option_context("display.width", 110, "display.max_columns", 20):
        for example in SYBIL.parse(page).examples():
            example.evaluate()
