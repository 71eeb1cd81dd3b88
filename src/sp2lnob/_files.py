"""Files that hold columns: names, types and rows are read first, and columns when they are needed.

A file of up to 2**24 values is read in one pass; of a larger one the first pass reads the columns that the arguments of
Survey name, and every column that is asked for later costs a pass of its own. A pass goes by blocks of about 2**21
values, and leaves nothing behind but 8 bytes a row for each column it read: a file much larger than the memory is no
obstacle as long as the columns in use are not. Measured, over what the libraries take, for 2,000,000 rows and 20
columns of which seven in use are 107 MB: 180 MB at the peak for a .csv of 560 MB, 270 to 310 for .dta, .sav, .zsav and
.parquet; 870 for 10,000,000 rows of the last, of which 530 are the columns.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ._columns import Column, Growing, add_dictionary, check_names, column_of
from ._validate import SP2LNOBError, fail, shown

BLOCK = 2**21  # values of a block: some 80 MB while they are Python objects
MOST = 2**40  # rows; the number in a damaged file may be anything
BYTES = 2**22  # of text that is checked at once
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
