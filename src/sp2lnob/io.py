"""Surveys from files: Stata, SPSS, Parquet, and comma-separated text.

A file of up to 2**24 values is read in one pass; of a larger one, as ``_files`` tells, the columns in use. Rules, the
same for every format: a column is numbers or text; a value label is stripped of outer white space; nothing is guessed
of a file that is damaged, renamed, ragged, or has columns without a name of their own.
"""

import os
from collections.abc import Iterable, Mapping
from hashlib import file_digest
from inspect import signature
from pathlib import Path
from typing import Any

from ._columns import Table
from ._delimited import Csv
from ._expressions import parse
from ._files import LESS, File, Parquet
from ._readstat import Spss, Stata
from ._validate import fail, fail_type, text_or_none
from .survey import USUAL, Survey

WHOLE = 2**24  # values of a file that is read in one pass: at most 128 MiB of doubles
FORMATS: dict[str, type[File]] = {".csv": Csv, ".dta": Stata, ".parquet": Parquet, ".sav": Spss, ".zsav": Spss}


def read_survey(
    households: str | os.PathLike[str] | None,
    persons: str | os.PathLike[str] | None = None,
    *,
    encoding: str | None = None,
    **survey: Any,
) -> Survey:
    r"""Read a survey from one or two files.

    Columns of a large file are read when they are needed, so the files must stay as they are while the survey is in
    use. Memory goes to the columns in use, 8 bytes a row each, and up to 300 MB while a file is read.

    Parameters
    ----------
    households : path or None
        .dta, .sav, .zsav, .parquet or .csv, one row a household; None if ``persons`` holds all.
    persons : path, default None
        One row a person.
    encoding : str, default None
        Encoding of text in .csv (None: UTF-8), and in .dta and .sav files (None: the one that the file states; Stata
        before version 14 states none, and Windows-1252 is taken).
    **survey
        All other arguments of Survey.

    Returns
    -------
    Survey
        ``survey.sources`` tells which files were read, with rows, columns, SHA-256, and what was found in each column
        that was read so far.

    Raises
    ------
    InputError
        If a file is not there, cannot be read, or is of another kind; and as for Survey.

    Notes
    -----
    *Missing.* In .csv an empty field and "." are missing, and nothing else: "None" and "NA" are text. In .dta and .sav
    so are system-missing values, Stata's .a to .z, SPSS's user-missing values and ranges, and empty text, which these
    formats have no other mark for. In .parquet it is null alone.

    *Labels.* Value labels are kept, so that conditions may use codes and labels alike. They are stripped; two codes of
    one label stay two categories, told apart by their codes.

    *Identifiers.* Whole numbers from 2**53 on are read as text where the format holds all of their digits.

    References
    ----------
    Stata and SPSS files are read with ReadStat, by Evan Miller; Parquet with Apache Arrow.

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
    sp2lnob.InputError: The file must exist, but there is no 'nowhere.dta'. Check the path.
    """
    text_or_none(encoding, "encoding")
    named = _named(survey)
    tables = [
        None if path is None else read_table(path, what, named, encoding)
        for path, what in ((households, "households"), (persons, "persons"))
    ]
    try:
        return Survey(*tables, **survey)
    except MemoryError:
        rows = max(table.rows for table in tables if table is not None)
        fail("A survey must fit into memory", f"this one of {rows:,} rows does not", LESS)


def _named(survey: Mapping[str, Any]) -> set[str]:
    """Return every text among the arguments of Survey that may name a column; those that are wrong fail later."""
    given = signature(Survey).bind_partial(**survey)
    given.apply_defaults()
    derive = given.arguments.pop("derive")
    names = {*USUAL.values()}
    for value in given.arguments.values():
        if isinstance(value, Mapping):
            value = list(value.values())
        names |= {name for name in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(name, str)}
    if isinstance(derive, Mapping):
        for name, text in derive.items():
            names |= set(parse(text, f"derived column {name!r}").names) if isinstance(text, str) else set()
    return names


def read_table(
    path: str | os.PathLike[str], what: str, named: Iterable[str] = (), encoding: str | None = None
) -> Table:
    """Return the columns of a file; those that are named are read at once, or all if the file is small."""
    if not isinstance(path, (str, os.PathLike)):
        fail_type(f"The file of {what} must be a path", path, "Pass its name; a frame goes to Survey.")
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        fail(
            f"The file of {what} must be one of {', '.join(sorted(FORMATS))}",
            f"it is {path.name!r}",
            "Convert it, or read it with pandas and pass the frame to Survey.",
        )
    if path.is_dir():
        fail("The file must be a file", f"{str(path)!r} is a folder", "Name one file in it.")
    if not path.is_file():
        fail("The file must exist", f"there is no {str(path)!r}", "Check the path.")
    try:
        file = kind(path.resolve(), what, encoding)
        with path.open("rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        fail("The file must be one that can be read", f"{str(path)!r} is not ({error})", "Check its permissions.")
    file.fetch(file.names if file.rows * len(file.names) <= WHOLE else named)
    origin = {
        "what": what,
        "file": path.name,
        "format": path.suffix.lower()[1:],
        "rows": file.rows,
        "columns": len(file.names),
        "sha256": digest,
    }
    return Table(file, file.rows, what, origin=origin)
