"""Comma-separated text, in which nothing is guessed: every byte is looked at first."""

import codecs
import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from ._columns import Column, Growing
from ._files import BEGINNINGS, BLOCK, BYTES, File
from ._typing import BoolArray, CountArray, LongArray
from ._validate import fail, shown

LONGEST = 2**26  # bytes that a line may have
QUOTE, COMMA, CR, LF = b'",\r\n'


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
