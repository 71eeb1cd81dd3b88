"""Surveys from files: Stata, SPSS, Parquet, and comma-separated text.

Names, types and the number of rows are read first, and columns when they are needed. A file of up to 2**24 values is
read in one pass; of a larger one the first pass reads the columns that the arguments of Survey name, and every column
that is asked for later costs a pass of its own. A pass goes by blocks of about 2**21 values, and leaves nothing behind
but 8 bytes a row for each column it read: a file much larger than the memory is no obstacle as long as the columns in
use are not. Measured, over what the libraries take, for 2,000,000 rows and 20 columns of which seven in use are 107 MB:
180 MB at the peak for a .csv of 560 MB, 270 to 310 for .dta, .sav, .zsav and .parquet; 870 for 10,000,000 rows of the
last, of which 530 are the columns.

Rules, the same for every format: a column is numbers or text; a value label is stripped of outer white space; nothing
is guessed of a file that is damaged, renamed, ragged, or has columns without a name of their own.
"""

import codecs
import csv
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import file_digest
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from ._columns import Column, Growing, Table, add_dictionary, check_names, column_of
from ._expressions import parse
from ._typing import BoolArray, CountArray, LongArray
from ._validate import SP2LNOBError, fail, fail_type, shown, text_or_none
from .survey import USUAL, Survey

WHOLE = 2**24  # values of a file that is read in one pass: at most 128 MiB of doubles
BLOCK = 2**21  # values of a block: some 80 MB while they are Python objects
MOST = 2**40  # rows; the number in a damaged file may be anything
BYTES = 2**22  # of text that is checked at once
LONGEST = 2**26  # bytes that a line may have
STATA_BYTES = {251: 1, 252: 2, 253: 4, 254: 4, 255: 8}  # of a number by its type; that of text is its length
QUOTE, COMMA, CR, LF = b'",\r\n'
LESS = "Keep fewer rows or columns, or use a larger machine."
EXTRA = "Install what reads it: pip install 'sp2lnob[io]'."

# How files begin that are often taken for others.
BEGINNINGS = (
    (b"ENCRYPTEDSAV", "an SPSS file under a password"),
    (b"$FL2", "an SPSS file"),
    (b"$FL3", "a compressed SPSS file"),
    (b"PAR1", "a Parquet file"),
    (b"PARE", "an encrypted Parquet file"),
    (b"<stata_dta>", "a Stata file"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
)


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


class File(Mapping[str, Column]):
    """Columns of a file by name: read when they are asked for, and forgotten once they were handed over.

    A format is a subclass with ``open``, which sets the names, the number of rows and the columns that are neither
    numbers nor text, and ``read``, which makes columns in one pass.
    """

    must = ""
    mend = ""

    def __init__(self, path: Path, what: str, encoding: str | None) -> None:
        self.path, self.what, self.encoding = path, what, encoding
        self.names: list[str] = []
        self.rows = 0
        self.refused: dict[str, str] = {}  # and what they hold
        self._kept: dict[str, Column] = {}
        self._state = self._stat()
        self.open()
        check_names(self.names, self.what, f" in {path.name!r}")
        if not 0 <= self.rows <= MOST:
            self.fail(f"it cannot have {self.rows:,} rows")
        self._known = frozenset(self.names)

    def open(self) -> None:
        """Learn what the file holds."""
        raise AssertionError

    def read(self, names: list[str]) -> dict[str, Column]:
        """Return columns, in one pass over the file."""
        raise AssertionError

    def fetch(self, names: Iterable[str]) -> None:
        """Read columns in one pass, and keep each until it is asked for; unknown names are passed over."""
        wanted = set(names) - self._kept.keys() - self.refused.keys()
        asked = [name for name in self.names if name in wanted]
        if not asked:
            return
        if self._stat() != self._state:
            fail(
                "The file must stay as it is while the survey is in use",
                f"{str(self.path)!r} has changed",
                "Read the survey again.",
            )
        try:
            self._kept |= self.read(asked)
        except MemoryError:
            fail(
                "The columns in use must fit into memory",
                f"{len(asked)} of {self.path.name!r} with {self.rows:,} rows do not",
                LESS,
            )

    def _stat(self) -> tuple[int, int] | None:
        """Return what changes when the file does; None if it is gone."""
        if not self.path.exists():
            return None
        found = self.path.stat()
        return found.st_size, found.st_mtime_ns

    def __getitem__(self, name: str) -> Column:
        if name in self.refused:
            fail(f"Column {name!r} must hold numbers or text", f"it holds {self.refused[name]}", "Convert it first.")
        if name not in self._kept:
            self.fetch([name])
        return self._kept.pop(name)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn whatever a library raises over a damaged file, of which there is no list, into the one error."""
        try:
            yield
        except (SP2LNOBError, MemoryError):
            raise
        except Exception as error:
            self.fail(error)

    def fail(self, why: object) -> NoReturn:
        """Raise for a file that is not what it should be."""
        fail(self.must, f"{self.path.name!r} is not ({' '.join(str(why).split())})", self.mend)

    def beginning(self) -> bytes:
        """Return the first bytes."""
        with self.path.open("rb") as file:
            head = file.read(64)
        if not head:
            self.fail("it is empty")
        return head

    def fail_as_other(self, head: bytes) -> NoReturn:
        """Raise for a file that does not begin as it should."""
        kinds = [kind for beginning, kind in BEGINNINGS if head.startswith(beginning)]
        self.fail(f"it begins like {kinds[0]}" if kinds else f"it begins with {shown(head[:8])}")


# -- Stata and SPSS -------------------------------------------------------------------------------------------------


class ReadStat(File):
    """What Stata and SPSS have in common: ReadStat reads both, into Python objects."""

    reader = ""
    dates = ""  # how the formats begin in which dates are shown

    def open(self) -> None:
        """Read names, types, labels and the number of rows."""
        meta = self._call(metadataonly=True)[1]
        self.names = list(meta.column_names)
        self._texts = {name for name, kind in meta.readstat_variable_types.items() if kind.startswith("string")}
        self._labels = meta.variable_value_labels
        shown_as = meta.original_variable_types
        self.refused = {name: "dates" for name in self.names if re.match(self.dates, str(shown_as.get(name)))}
        self.rows = self._counted() if meta.number_rows is None else int(meta.number_rows)

    def read(self, names: list[str]) -> dict[str, Column]:
        """Read columns by blocks: a block's objects take ten times its memory."""
        growing = {name: Growing(name, self.rows) for name in names}
        step = max(1, BLOCK // len(names))
        for start in range(0, self.rows, step):
            rows = min(step, self.rows - start)
            block = self._block(names, start, rows)
            for name, column in growing.items():
                if len(block[name]) != rows:
                    self.fail(f"it ends after {start + len(block[name]):,} of {self.rows:,} rows")
                if name in self._texts:
                    column.add_texts([text if isinstance(text, str) and text else None for text in block[name]])
                else:
                    column.add(np.array(block[name], dtype=np.float64))  # None becomes NaN
        return {name: self._finished(name, column) for name, column in growing.items()}

    def _finished(self, name: str, column: Growing) -> Column:
        """Return a column with its labels; those of Stata's .a to .z have letters for codes, and are of no value."""
        labels = {code: label.strip() for code, label in self._labels.get(name, {}).items() if label.strip()}
        if name in self._texts:
            return column.of_texts(labels={str(code).rstrip(" "): label for code, label in labels.items()})
        return column.of_numbers({float(code): label for code, label in labels.items() if not isinstance(code, str)})

    def _counted(self) -> int:
        """Return the number of rows of a file that does not state it."""
        rows = 0
        while found := len(self._block(self.names[:1], rows, BLOCK)[self.names[0]]):
            rows += found
        return rows

    def _block(self, names: list[str], start: int, rows: int) -> Mapping[str, Sequence[Any]]:
        block: Mapping[str, Sequence[Any]] = self._call(
            usecols=names, row_offset=start, row_limit=rows, output_format="dict", disable_datetime_conversion=True
        )[0]
        return block

    def _call(self, **how: Any) -> Any:
        try:
            import pyreadstat
        except ImportError:
            fail(f"Reading {self.path.suffix.lower()} needs pyreadstat", "it is not installed", EXTRA)
        with self.guarded():
            return getattr(pyreadstat, self.reader)(str(self.path), encoding=self.encoding, **how)


class Stata(ReadStat):
    """Stata's .dta, of every version that ReadStat knows."""

    must = "The file must be a readable Stata file"
    mend = "Save it again from Stata (an unknown format by saveold), or name the encoding of its text."
    reader = "read_dta"
    dates = r"%-?(t[bcCd]|d)"  # weeks, months, quarters and years stay the numbers they are

    def open(self) -> None:
        """Look at the version first."""
        head = self.beginning()
        release = re.match(rb"<stata_dta><header><release>(\d+)</release>", head)
        old = head[0] in range(102, 116) and head[1:2] in (b"\1", b"\2")
        if not (release or old):
            self.fail_as_other(head)
        self._release = int(release[1]) if release else head[0]
        super().open()
        self._check_end(head)

    def _check_end(self, head: bytes) -> None:
        """Fail if the file breaks off among its value labels, which stand last: ReadStat reads on without them."""
        size = self.path.stat().st_size
        with self.guarded(), self.path.open("rb") as file:
            if self._release >= 117:
                file.seek(max(0, size - 64))
                if b"</stata_dta>" not in file.read():
                    self.fail("its end is cut off")
            elif self._release >= 113:  # before that, by version 7, types were written in another way
                order = "<" if head[1] == 2 else ">"
                columns = struct.unpack_from(f"{order}H", head, 4)[0]
                file.seek(109)
                width = sum(STATA_BYTES.get(kind, kind) for kind in file.read(columns))
                # Name, place in the sort order, format, name of the labels, and label of each column.
                file.seek(columns * (33 + 2 + (12 if self._release == 113 else 49) + 33 + 81) + 2, os.SEEK_CUR)
                while any(field := struct.unpack(f"{order}BI", file.read(5))):  # characteristics, then two zeros
                    file.seek(field[1], os.SEEK_CUR)
                file.seek(self.rows * width, os.SEEK_CUR)
                while length := file.read(4):  # of a set of labels, before its name
                    file.seek(36 + struct.unpack(f"{order}I", length)[0], os.SEEK_CUR)
                if file.tell() != size:
                    self.fail("its end is cut off")

    def fail(self, why: object) -> NoReturn:
        """Add the version to the error, if it came to that."""
        release = getattr(self, "_release", None)
        super().fail(why if release is None else f"{why}; it is of format {release}")


class Spss(ReadStat):
    """SPSS's .sav and .zsav."""

    must = "The file must be a readable SPSS file"
    mend = "Save it again from SPSS, without a password, or name the encoding of its text."
    reader = "read_sav"
    dates = r"[AEJS]?DATE|DATETIME|YMDHMS|[DM]?TIME|QYR|MOYR|WKYR"

    def open(self) -> None:
        """Look at the beginning first: an encrypted file is common enough."""
        head = self.beginning()
        if not head.startswith((b"$FL2", b"$FL3")):
            self.fail_as_other(head)
        with self.guarded(), self.path.open("rb") as file:
            self._check_dictionary(file)
        super().open()

    def _check_dictionary(self, file: BinaryIO) -> None:
        """Fail where text columns claim more records, or labels more columns, than there are.

        ReadStat believes both, and takes the interpreter down with it.
        """
        size = self.path.stat().st_size
        file.seek(64)
        order = "<" if file.read(4)[:1] in (b"\2", b"\3") else ">"

        def damaged() -> NoReturn:
            self.fail(f"its dictionary is damaged at byte {file.tell():,}")

        def skip(count: int) -> None:
            if not 0 <= count <= size - file.tell():
                damaged()
            file.seek(count, os.SEEK_CUR)

        def whole(count: int = 1) -> tuple[int, ...]:
            if not 0 <= 4 * count <= size - file.tell():
                damaged()
            return struct.unpack(f"{order}{count}i", file.read(4 * count))

        columns, due = 0, 0  # records so far; and of the present text, which takes one for eight letters, to come
        file.seek(176)
        while (kind := whole()[0]) != 999:
            if kind == 2:  # a column, or more of the one before
                width, labeled, missing, _, _ = whole(5)
                skip(8)
                if labeled:
                    skip(-(-whole()[0] // 4) * 4)
                skip(8 * abs(missing))
                if not -1 <= width <= 255 or (width == -1) != (due > 0):
                    damaged()
                due = due - 1 if width == -1 else max(width - 1, 0) // 8
                columns += 1
            elif kind == 3:  # labels of values
                for _ in range(whole()[0]):
                    skip(8)
                    skip(file.read(1)[0] // 8 * 8 + 7)
            elif kind == 4:  # the columns that have them
                if not all(1 <= column <= columns for column in whole(whole()[0])):
                    damaged()
            elif kind == 6:  # lines of notes
                skip(80 * whole()[0])
            elif kind == 7:  # what later versions added
                _, length, count = whole(3)
                skip(length * count)
            else:
                damaged()
        if due:
            damaged()


# -- Parquet --------------------------------------------------------------------------------------------------------


class Parquet(File):
    """Apache Parquet, read by columns."""

    must = "The file must be a readable Parquet file"
    mend = "Write it again, without encryption."

    def open(self) -> None:
        """Read the schema."""
        try:
            import pyarrow as pa
        except ImportError:
            fail("Reading .parquet needs pyarrow", "it is not installed", EXTRA)
        head = self.beginning()
        if not head.startswith(b"PAR1"):
            self.fail_as_other(head)
        with self.guarded(), self._file() as file:
            schema, self.rows = file.schema_arrow, file.metadata.num_rows
        self.names = schema.names
        self._types = dict(zip(schema.names, schema.types, strict=True))
        is_text = [getattr(pa.types, f"is_{kind}", None) for kind in ("string", "large_string", "string_view")]
        self._texts = {name for name, of in self._types.items() if any(is_one and is_one(of) for is_one in is_text)}
        plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
        self._numbers = {name for name, of in self._types.items() if any(is_one(of) for is_one in plain)}
        self._whole = {name for name, of in self._types.items() if pa.types.is_integer(of)}
        self._levels = {name for name, of in self._types.items() if pa.types.is_dictionary(of)}
        decimals = {name for name, of in self._types.items() if pa.types.is_decimal(of)}
        known = self._texts | self._numbers | self._levels | decimals
        self.refused = {name: str(of) for name, of in self._types.items() if name not in known}

    def read(self, names: list[str]) -> dict[str, Column]:
        """Read columns by batches; decimals and long identifiers, of which every digit counts, are read whole."""
        made: dict[str, Column] = {}
        growing = {
            name: Growing(name, self.rows) for name in names if name in self._numbers | self._texts | self._levels
        }
        with self.guarded(), self._file() as file:
            # The schema counts the rows; what the pages hold may be fewer in a damaged file.
            for batch in file.iter_batches(max(1, BLOCK // len(names)), columns=list(growing)) if growing else ():
                for name, column in growing.items():
                    self._add(column, batch.column(name))
            if any(column.filled != self.rows for column in growing.values()):
                self.fail(f"it has fewer than {self.rows:,} rows")
            for name in names:
                if name not in growing or (name in self._whole and growing[name].long):
                    made[name] = column_of(name, file.read(columns=[name]).column(name))
                elif name in self._numbers:
                    made[name] = growing[name].of_numbers()
                else:
                    made[name] = growing[name].of_texts(self._types[name].ordered if name in self._levels else None)
        return made

    def _add(self, column: Growing, batch: Any) -> None:
        if column.name in self._numbers:
            column.add(np.asarray(batch.to_numpy(zero_copy_only=False), dtype=np.float64))  # null becomes NaN
        elif column.name in self._levels:
            add_dictionary(column, batch)
        else:
            add_dictionary(column, batch.cast("string").dictionary_encode())

    def _file(self) -> Any:
        from pyarrow import parquet

        # By a buffer, and not a map of the file: its pages would count as memory of the process.
        return parquet.ParquetFile(self.path, buffer_size=BYTES)


# -- comma-separated text -------------------------------------------------------------------------------------------


class Csv(File):
    r"""Comma-separated text: a header, and lines of as many values, which end in \n or \r\n.

    A first pass looks at every byte, because readers of such files guess: they fill short lines, read on past an open
    quotation mark, and take each other's line ends for text. Blank lines at the end are none, and a comma may end
    every line.
    """

    must = "The file must be comma-separated text in UTF-8 with a header and as many values in each line"
    mend = "Save it again as CSV, UTF-8."

    def open(self) -> None:
        """Read the header, and check all lines."""
        head = self.beginning()
        if head.startswith(tuple(beginning for beginning, _ in BEGINNINGS)):
            self.fail_as_other(head)
        self._coding = self.encoding or "utf-8-sig"
        with self.guarded(), self.path.open(newline="", encoding=self._coding) as file:
            self.names = next(csv.reader(file, strict=True), [])
        if not self.names:
            self.fail("its first line is blank")
        if len(self.names) == 1 and any(mark in self.names[0] for mark in ";\t|"):
            came = f"the header of {self.path.name!r} has no comma: {shown(self.names[0])}"
            fail(self.must, came, "Save it again with commas.")
        with self.guarded():
            self._width, self.rows = self._checked()

    def _checked(self) -> tuple[int, int]:
        """Return how many values each line has, which is one more than the header if commas end them, and the rows."""
        width = len(self.names)
        lines, rows = 0, 0  # seen, and up to the last that is not blank; the header is line 0
        for data, quoted, ends in self._lines():
            separators = np.diff(np.cumsum((data == COMMA) & ~quoted)[ends], prepend=0)
            last = data[ends - 1 - (data[ends - 1] == CR)]  # of an empty line, what comes before it
            blank = np.diff(ends, prepend=-1) - (data[ends - 1] == CR) == 1
            if not lines:
                separators, last, blank, lines = separators[1:], last[1:], blank[1:], 1
            full = np.flatnonzero(~blank)
            if len(full):
                if not rows and separators[full[0]] == width and last[full[0]] == COMMA:
                    width += 1
                fits = (separators == width - 1) & ((last == COMMA) | (width == len(self.names)))
                bad = np.flatnonzero(~fits[: full[-1] + 1])
                if rows + 1 < lines and width > 1:  # the blank lines before these were not the last of the file
                    self.fail(f"line {rows + 2:,} is blank")
                if len(bad):
                    values = separators[bad[0]] + 1
                    self.fail(f"line {lines + bad[0] + 1:,} has {values} and the header {len(self.names)}")
                rows = lines + int(full[-1])
            lines += len(blank)
        return width, rows

    def _lines(self) -> Iterator[tuple[CountArray, BoolArray, LongArray]]:
        """Yield whole lines: their bytes, which of these stand in quotation marks, and where each line ends."""
        decoder = codecs.getincrementaldecoder(self._coding)()
        rest = b""
        with self.path.open("rb") as file:
            file.seek(3 if file.read(3) == codecs.BOM_UTF8 else 0)
            for block in chain(iter(lambda: file.read(BYTES), b""), [b"\n"]):
                decoder.decode(block)
                if b"\0" in block:
                    self.fail("it holds null bytes")
                rest += block
                data = np.frombuffer(rest, dtype=np.uint8)
                mark = data == QUOTE
                quoted = np.cumsum(mark, dtype=np.uint8) % 2 == 1  # a mark within marks is doubled: it counts even
                ends = np.flatnonzero((data == LF) & ~quoted)
                if not len(ends) and len(rest) > LONGEST:
                    break
                if len(ends):
                    used = ends[-1] + 1
                    self._check_marks(data[:used], mark[:used], quoted[:used])
                    yield data[:used], quoted[:used], ends
                    rest = rest[used:]
        if rest:
            self.fail("a quotation mark in it is not closed")

    def _check_marks(self, data: CountArray, mark: BoolArray, quoted: BoolArray) -> None:
        """Fail where readers differ: quotation marks within a value that has none around it, and old line ends."""
        previous, following = np.roll(data, 1), np.roll(data, -1)  # the last byte ends a line
        opens, closes = mark & quoted, mark & ~quoted
        before, after = np.isin(previous[opens], (COMMA, LF, QUOTE)), np.isin(following[closes], (COMMA, LF, CR, QUOTE))
        if not (before.all() and after.all()):
            self.fail("a quotation mark in it does not enclose a whole value")
        if (following[(data == CR) & ~quoted] != LF).any():
            self.fail("a line of it ends in a carriage return alone")

    def read(self, names: list[str]) -> dict[str, Column]:
        """Read columns as numbers where all of their values are, or all are True or False; else as text.

        What a block holds does not decide for the others: a column of which it is not plain, or of numbers so long that
        digits are lost, is read again as the text it was.
        """
        growing = {name: Growing(name, self.rows) for name in names}
        kinds: dict[str, set[type]] = {name: set() for name in names}
        for frame in self._frames(names):
            for name, column in growing.items():
                kinds[name] |= self._add(column, frame[name])
        unclear = [
            name
            for name, column in growing.items()
            if kinds[name] not in (set(), {str}, {bool}, {float}) or (kinds[name] == {float} and column.long)
        ]
        texts = {name: Growing(name, self.rows) for name in unclear}
        whole = dict.fromkeys(unclear, True)
        for frame in self._frames(unclear, as_text=True) if unclear else ():
            for name, column in texts.items():
                block = _known(frame[name])
                column.add_texts(block)
                whole[name] &= all(text is None or re.fullmatch(r"[+-]?[0-9]+", text) for text in block)
        return {
            name: texts[name].of_texts()
            if name in texts and (kinds[name] != {float} or whole[name])
            else column.of_texts()
            if kinds[name] == {str}
            else column.of_numbers()
            for name, column in growing.items()
        }

    def _add(self, column: Growing, values: Any) -> set[type]:
        """Add what pandas made of a block, and return what it is: float, bool, str or, if that is not plain, object."""
        if values.dtype.kind in "biuf":
            block = column.add(values.to_numpy())
            return set() if np.isnan(block).all() else {bool if values.dtype.kind == "b" else float}
        listed = _known(values)
        kinds = {type(value) for value in listed if value is not None}
        if kinds == {str}:
            column.add_texts(listed)
            return kinds
        flags = kinds <= {bool}
        column.add([float(value) if flags and value is not None else np.nan for value in listed])
        return kinds if flags else {object}

    def _frames(self, names: list[str], as_text: bool = False) -> Iterator[Any]:
        """Yield frames of some columns, by blocks of all: what is not used is taken apart as well."""
        import pandas as pd

        # Every digit of the file must count: later versions of pandas read so anyway, and warn of the argument.
        old = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
        exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
        rows = 0
        with (
            self.guarded(),
            pd.read_csv(
                self.path,
                header=0,
                names=range(self._width),
                usecols=[self.names.index(name) for name in names],
                index_col=False,
                dtype=str if as_text else None,
                nrows=self.rows,
                chunksize=max(1, BLOCK // self._width),
                skip_blank_lines=False,
                keep_default_na=False,
                na_values=["", "."],
                low_memory=False,
                encoding=self._coding,
                **exact,
            ) as reader,
        ):
            for frame in reader:
                rows += len(frame)
                yield frame.set_axis(names, axis=1)
        if rows != self.rows:
            self.fail(f"{rows:,} rows were read of {self.rows:,}")


def _known(values: Any) -> list[Any]:
    """Return the values of a column of text, None where there is none; pandas does not mark them all."""
    return [None if value != value or value in ("", ".") else value for value in values.tolist()]


FORMATS: dict[str, type[File]] = {".csv": Csv, ".dta": Stata, ".parquet": Parquet, ".sav": Spss, ".zsav": Spss}
