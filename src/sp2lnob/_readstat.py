"""Stata and SPSS files, through ReadStat, which trusts what they say: so they are looked at beforehand."""

import os
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, NoReturn

import numpy as np

from ._columns import Column, Growing
from ._files import BLOCK, EXTRA, File
from ._validate import fail

STATA_BYTES = {251: 1, 252: 2, 253: 4, 254: 4, 255: 8}  # of a number by its type; that of text is its length


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
        while self.names and (found := len(self._block(self.names[:1], rows, BLOCK)[self.names[0]])):
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
