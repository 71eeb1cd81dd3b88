"""Run the tests of an installed wheel: ``python tools/wheel_test.py [--all] [PROJECT]``.

Where there are few libraries, as on musl, the free-threaded CPython or in an empty environment, what needs none but the
dependencies is run: kernels, engine, estimates, schemes, reading of expressions, and every doctest of a room that needs
no extra. ``--all`` runs every test, as `make test` does. Which libraries were there is printed first.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

NUMBERS = ("bayes", "bits", "concurrency", "effects", "expressions", "folds", "kernels", "regressions", "tree")
COMMANDS = ("_cli_shown", "_cli_work", "cli")
PLOTS = ("_across", "_over_time", "_plot_groups", "_plot_inequality", "_plot_package", "_side_by_side", "plots")
DRAWN = (*PLOTS, "assessment", "comparison", "overview", "report")
EXTRAS = {  # rooms that need an extra, or whose examples do
    f"{room}.py": extra for rooms, extra in ((COMMANDS, "typer"), (DRAWN, "altair")) for room in rooms
}
LIBRARIES = ("sp2lnob", "numpy", "scipy", "pandas", "scikit-learn", "narwhals")


def main() -> int:
    """Return pytest's exit status."""
    parser = argparse.ArgumentParser(description="Run the tests of an installed wheel.")
    parser.add_argument("--all", action="store_true", help="every test, not those of numbers alone")
    parser.add_argument("project", nargs="?", type=Path, default=Path(__file__).parents[1])
    asked = parser.parse_args()
    package = Path(importlib.util.find_spec("sp2lnob").origin).parent
    if package.is_relative_to(asked.project.resolve() / "src"):
        raise SystemExit("sp2lnob must be the installed wheel; the source was imported: leave out PYTHONPATH")
    said = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    print(f"CPython {sys.version.split()[0]}: {said}", flush=True)
    tests = asked.project / "tests"
    chosen = [tests] if asked.all else [tests / f"test_{name}.py" for name in NUMBERS]
    left_out = [
        f"--ignore={package / room}" for room, extra in EXTRAS.items() if importlib.util.find_spec(extra) is None
    ]
    for option in left_out:
        print(f"without its extra: {option}", flush=True)
    command = [sys.executable, "-m", "pytest", "-n", "auto", "-p", "no:cacheprovider", *left_out, "--pyargs", "sp2lnob"]
    without = os.environ.get("SP2LNOB_WITHOUT", "data R browser population")
    return subprocess.run([*command, *chosen], env={**os.environ, "SP2LNOB_WITHOUT": without}).returncode


if __name__ == "__main__":
    raise SystemExit(main())
