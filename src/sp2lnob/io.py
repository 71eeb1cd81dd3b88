"""Surveys from files: Stata .dta with its value labels, and .csv."""

import csv
import os
import warnings
from hashlib import file_digest
from pathlib import Path
from typing import Any

from ._columns import Table, table_of
from ._validate import fail, shown
from .survey import Survey

SUFFIXES = (".csv", ".dta")
EXTRA = "Install what reads it: pip install 'sp2lnob[io]'."


def read_survey(
    households: str | os.PathLike[str] | None, persons: str | os.PathLike[str] | None = None, **survey: Any
) -> Survey:
    r"""Read a survey from one or two files.

    Parameters
    ----------
    households : path or None
        .dta or .csv, one row a household; None if ``persons`` holds all. In .csv an empty field and "." are missing,
        and nothing else: "None" and "NA" are text.
    persons : path, default None
        .dta or .csv, one row a person.
    **survey
        All other arguments of Survey.

    Returns
    -------
    Survey
        ``survey.sources`` tells which files were read, with rows, columns and SHA-256.

    Raises
    ------
    InputError
        If a file is not there, cannot be read, or is of another kind; and as for Survey.

    References
    ----------
    Stata files are read with ReadStat: value labels are kept, so that conditions may use codes and labels alike.

    Examples
    --------
    >>> import pathlib, tempfile, sp2lnob as sp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "households.csv"
    ...     _ = path.write_text("hid,hhweight,members,pc\n1,10,2,50\n2,20,1,80\n")
    ...     sp.read_survey(path, size="members", welfare="pc")
    Survey of 2 households: 2 PSUs in 1 stratum; weights sum to 30
    >>> sp.read_survey("nowhere.dta")
    Traceback (most recent call last):
    ...
    sp2lnob._validate.InputError: The file must exist, but there is no 'nowhere.dta'. Check the path.
    """
    frames: list[Table | None] = []
    sources = []
    for path, what in ((households, "households"), (persons, "persons")):
        if path is None:
            frames.append(None)
            continue
        table = read_table(Path(path), what)
        frames.append(table)
        with Path(path).open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        sources.append(
            {"what": what, "file": Path(path).name, "rows": table.rows, "columns": len(list(table)), "sha256": digest}
        )
    result = Survey(*frames, **survey)
    result.sources = tuple(sources)
    return result


def read_table(path: Path, what: str) -> Table:
    """Return the columns of a file, with their value labels."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        fail(
            f"The file of {what} must be one of {', '.join(SUFFIXES)}",
            f"it is {path.name!r}",
            "Convert it, or read it with pandas and pass the frame to Survey.",
        )
    if not path.is_file():
        fail("The file must exist", f"there is no {str(path)!r}", "Check the path.")
    return _read_dta(path, what) if suffix == ".dta" else _read_csv(path, what)


def _read_dta(path: Path, what: str) -> Table:
    try:
        import pyreadstat
    except ImportError:
        fail("Reading .dta needs pyreadstat", "it is not installed", EXTRA)
    try:
        frame, meta = pyreadstat.read_dta(str(path))
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, ValueError) as error:
        fail("The file must be a readable Stata file", f"{path.name!r} is not ({error})", "Save it again from Stata.")
    table = table_of(frame, what)
    labels = {
        name: {float(code): str(label) for code, label in of.items()} for name, of in meta.variable_value_labels.items()
    }
    return table.labeled(labels)


def _read_csv(path: Path, what: str) -> Table:
    import pandas as pd

    must = "The file must be comma-separated text in UTF-8 with a header and as many values in each line"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            fail(must, f"the header of {path.name!r} has no comma: {shown(header[0])}", "Save it again with commas.")
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            fail(
                f"Every column of the {what} must have a name of its own",
                f"{twice!r} occurs more than once in {path.name!r}",
                "Rename the columns.",
            )
        # Every digit of the file must count: later versions of pandas read so anyway, and warn of the argument.
        old = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
        exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a line longer than the header
            frame = pd.read_csv(
                path, low_memory=False, index_col=False, keep_default_na=False, na_values=["", "."], **exact
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
        fail(must, f"{path.name!r} is not ({' '.join(str(error).split())})", "Save it again as CSV, UTF-8.")
    return table_of(frame, what)
