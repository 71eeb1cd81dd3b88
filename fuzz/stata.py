"""Stata's files, which ReadStat reads in C: whatever the bytes say, the interpreter stays up and memory small."""

import tempfile
from pathlib import Path

import pandas as pd
import pyreadstat
from harness import fuzz, watched

with watched():
    from sp2lnob.io import read_table

FOLDER = Path(tempfile.mkdtemp())
FILE = FOLDER / "households.dta"


def one(data: bytes) -> None:
    """Read all columns of a file."""
    FILE.write_bytes(data)
    table = read_table(FILE, "households")
    for name in table:
        assert len(table[name]) == table.rows, name


def seeds() -> list[bytes]:
    """Return a small file of every version that is written."""
    frame = pd.DataFrame({"hid": [1, 2, 3], "pc": [1.5, None, 2.0], "region": ["Rural", "Urban", ""]})
    made = []
    for version in (8, 10, 12, 13, 14, 15):
        labels = {"hid": {1: "one", 2: "two"}}
        pyreadstat.write_dta(frame, str(FILE), version=version, variable_value_labels=labels)
        made.append(FILE.read_bytes())
    for version in (114, 117, 118, 119):
        frame.to_stata(FILE, version=version, write_index=False)
        made.append(FILE.read_bytes())
    return made


WORDS = ("<data>", "</data>", "<value_labels>", "</stata_dta>", "<strls>", "GSO", "%td", "\x7f\x7f\x7f\x7f")

if __name__ == "__main__":
    fuzz(one, seeds(), WORDS)
