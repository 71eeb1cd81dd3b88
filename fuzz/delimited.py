"""Comma-separated text: every byte is a value of some cell, or the file is refused.

The first byte of an input chooses the encoding that is named.
"""

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
from harness import fuzz, watched

with watched():
    from sp2lnob.io import read_table

FILE = Path(tempfile.mkdtemp()) / "households.csv"
ENCODINGS = (None, "utf-8", "latin-1", "cp1252", "utf-16", "shift_jis", "no such")


def one(data: bytes) -> None:
    """Read all columns of a file, and compare texts and missing values with Python's own reader."""
    coding = ENCODINGS[data[0] % len(ENCODINGS)] if data else None
    FILE.write_bytes(data[1:])
    table = read_table(FILE, "households", encoding=coding)
    columns = {name: table[name] for name in table}
    text = data[1:].decode(coding or "utf-8-sig")
    header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    while lines and not "".join(lines[-1]):
        lines.pop()
    for name, column in columns.items():
        assert len(column) == table.rows, (name, len(column), table.rows)
        cells = [line[header.index(name)] for line in lines[: table.rows] if line]
        if len(cells) != table.rows:  # a column of which lines are blank
            continue
        missing = np.array([cell in ("", ".") for cell in cells], dtype=bool)
        np.testing.assert_array_equal(missing, column.missing, err_msg=name)
        if column.is_text:
            codes = zip(column.values, missing, strict=True)
            read = [None if gone else column.levels[int(code)] for code, gone in codes]
            assert read == [None if gone else cell for cell, gone in zip(cells, missing, strict=True)], (read, cells)


SEEDS = (
    "hid,weight,region\n1,2.5,Rural\n2,.,Urban\n3,,\n",
    'hid,name\r\n1,"a, ""b"""\r\n2,"two\nlines"\r\n',
    "a,b,\n1,2,\n3,4,\n\n\n",
    "x\n1\n\n2\n",
    "flag,long\nTrue,12345678901234567890\nFalse,9007199254740993\n",
    "\ufeffa,b\n1e5,-0\ninf,nan\n",
    "a,b\n1,x\n0x10,NA\n 1 ,None\n",
    "a,a\n1,2\n",
    "a;b\n1;2\n",
)
MARKS = ('"', '""', ",", "\n", "\r\n", "\r", ".", "\x00", "+1", " ")
WORDS = (*MARKS, "NA", "nan", "inf", "True", "False", "1e400", "1_0")

if __name__ == "__main__":
    made = [b"\0" + text.encode() for text in SEEDS]
    for number, coding in enumerate(ENCODINGS[1:6], 1):
        made.append(bytes([number]) + SEEDS[0].replace("Rural", "é").encode(coding, "replace"))
    fuzz(one, made, WORDS)
