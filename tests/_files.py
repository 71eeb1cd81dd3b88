"""The same two frames in every file format and as every kind of frame, for tests of what a user may bring."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pyreadstat
from pyarrow import parquet

# The formats that keep value labels, by name: how to write one, and its suffix.
LABELED = {
    f"dta of Stata {version}": (
        lambda frame, path, labels, version=version: pyreadstat.write_dta(
            frame, path, version=version, variable_value_labels=labels
        ),
        ".dta",
    )
    for version in (8, 10, 12, 13, 14, 15)
} | {
    name: (
        lambda frame, path, labels, how=how: pyreadstat.write_sav(frame, path, variable_value_labels=labels, **how),
        suffix,
    )
    for name, how, suffix in (
        ("sav", {}, ".sav"),
        ("sav by rows", {"row_compress": True}, ".sav"),
        ("zsav", {"compress": True}, ".zsav"),
    )
}
PLAIN = {
    "csv": (lambda frame, path, labels: frame.to_csv(path, index=False), ".csv"),
    "csv of Windows": (lambda frame, path, labels: frame.to_csv(path, index=False, lineterminator="\r\n"), ".csv"),
    "csv of Excel": (
        lambda frame, path, labels: frame.to_csv(path, index=False, encoding="utf-8-sig", quoting=2),
        ".csv",
    ),
    "parquet": (lambda frame, path, labels: frame.to_parquet(path, index=False), ".parquet"),
    "parquet by groups": (
        lambda frame, path, labels: parquet.write_table(pa.table(dict(frame)), path, row_group_size=37),
        ".parquet",
    ),
    "parquet of polars": (lambda frame, path, labels: pl.DataFrame(dict(frame)).write_parquet(path), ".parquet"),
}
FORMATS = LABELED | PLAIN


def arrow(frame):
    """Return an Arrow table in chunks."""
    table = pa.table(dict(frame))
    return pa.concat_tables([table.slice(0, 100), table.slice(100)])


FRAMES = {
    "dict": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "dict of lists": lambda frame: {name: frame[name].tolist() for name in frame},
    "pandas": lambda frame: frame,
    "pandas nullable": lambda frame: frame.convert_dtypes(),
    "pandas on arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "pandas categories": lambda frame: frame.astype(
        {name: "category" for name in frame if pd.api.types.is_string_dtype(frame[name])}
    ),
    "polars": lambda frame: pl.DataFrame(dict(frame)),
    "arrow": arrow,
}


def write(frame, folder, name, kind, labels=None):
    """Write a frame in a format, and return the path."""
    how, suffix = FORMATS[kind]
    path = folder / f"{name}{suffix}"
    how(frame, str(path), labels or {})
    return path
