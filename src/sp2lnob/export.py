"""Replicate weights as a table: for R, Stata and others that take columns of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._files import EXTRA
from ._parallel import LANES
from ._results import write_file
from ._validate import fail, fail_type
from .replication import ReplicateDesign, Replication
from .survey import Survey

if TYPE_CHECKING:
    import pandas as pd

VALUES = 2**24  # weights that are held at a time: 128 MiB
GROUPS = 4  # of LANES replicates that are made at a time
STATA = 32_767  # columns of a Stata file
SUFFIXES = (".csv", ".dta", ".parquet")


def replicate_weights(survey: Survey, replicates: ReplicateDesign, full: bool = True) -> "pd.DataFrame":
    """Return the weight of every household in every replicate.

    Parameters
    ----------
    survey : Survey
    replicates : Bootstrap, Jackknife, BRR, SuccessiveDifference or ReplicateColumns
    full : bool, default True
        Whether a replicate's column holds weights, the full weight times the factor; if not, the factor alone.

    Returns
    -------
    DataFrame
        Of one row a household: its key, its weight, and rw_1, rw_2, ... In ``attrs`` stand ``scale``, ``rscales`` and
        ``mse``, with which R's svrepdesign(type="other") and ``ReplicateColumns(kind="other")`` give the same standard
        errors.

    Raises
    ------
    InputError
        If the survey centers strata of one PSU: what they add to the variance is no column of weights; if its key or
        its weight is called as a replicate is, such as rw_1.

    References
    ----------
    Lumley, T. (2010). Complex Surveys. Wiley, chapter 2.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = {"hid": [7, 8, 9], "hhweight": [10, 20, 30], "n": [1, 1, 1]}
    >>> table = sp.replicate_weights(sp.Survey(frame, size="n"), sp.Jackknife())
    >>> table.values.tolist()
    [[7.0, 10.0, 0.0, 15.0, 15.0], [8.0, 20.0, 30.0, 0.0, 30.0], [9.0, 30.0, 45.0, 45.0, 0.0]]
    >>> round(table.attrs["scale"], 3), table.attrs["mse"]
    (0.667, False)

    Factors alone:

    >>> table = sp.replicate_weights(sp.Survey(frame, size="n"), sp.Jackknife(), full=False)
    >>> table["rw_1"].tolist()
    [0.0, 1.5, 1.5]
    """
    bound = _bound(survey, replicates)
    table = _table(survey, bound, 0, survey.n_households, full)
    variance = bound.variance
    table.attrs = {
        "scale": variance.scale * variance.inflation,
        "rscales": variance.rscales.tolist(),
        "mse": variance.mse,
    }
    return table


def write_replicate_weights(
    survey: Survey, replicates: ReplicateDesign, path: str | os.PathLike[str], full: bool = True
) -> Path:
    """Write the weight of every household in every replicate to a file.

    A .csv and a .parquet file are written some rows at a time, so that the table need not fit into memory; a .dta file
    is written at once. Stata/BE opens files of up to 2,048 columns, Stata/SE of 32,767.

    Parameters
    ----------
    survey : Survey
    replicates : Bootstrap, Jackknife, BRR, SuccessiveDifference or ReplicateColumns
    path : path
        .csv, .dta or .parquet. A file that is there is replaced once the new one is whole.
    full : bool, default True
        As for ``replicate_weights``, whose columns these are.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        As for ``replicate_weights``; if the suffix is another, or a .dta file would have more than 32,767 columns.

    References
    ----------
    StataCorp (2023). Stata Survey Data Reference Manual, "svyset": bsrweight, jkrweight, brrweight, sdrweight.

    Examples
    --------
    >>> import pathlib, tempfile, sp2lnob as sp
    >>> survey = sp.Survey({"hid": [7, 8], "hhweight": [10, 20], "n": [1, 1]}, size="n")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(sp.write_replicate_weights(survey, sp.Jackknife(), f"{folder}/weights.csv").read_text())
    hid,hhweight,rw_1,rw_2
    7,10.0,0.0,20.0
    8,20.0,40.0,0.0
    <BLANKLINE>

    A workbook is none of these:

    >>> sp.write_replicate_weights(survey, sp.Jackknife(), "weights.xlsx")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The file must be one of .csv, .dta, .parquet, but it is 'weights.xlsx'. Choose one of these.
    """
    if not isinstance(path, (str, os.PathLike)):
        fail_type("The file must be a path", path, "Pass its name.")
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        fail(f"The file must be one of {', '.join(SUFFIXES)}", f"it is {Path(path).name!r}", "Choose one of these.")
    bound = _bound(survey, replicates)
    if suffix == ".dta" and bound.n + 2 > STATA:
        fail(f"A .dta file must have at most {STATA:,} columns", f"it would have {bound.n + 2:,}", "Write .parquet.")
    write = {".csv": _write_csv, ".dta": _write_stata, ".parquet": _write_parquet}[suffix]
    return write_file(path, lambda made: write(made, survey, bound, full))


def _bound(survey: Survey, replicates: ReplicateDesign) -> Replication:
    """Return the replicates of a survey, if columns can say all of them."""
    if not isinstance(survey, Survey):
        fail_type("Replicate weights are those of a Survey", survey, "Build it with Survey(...).")
    if not isinstance(replicates, ReplicateDesign):
        fail_type("replicates must be a replicate design", replicates, "Pass Bootstrap(1000, seed=1).")
    bound = replicates.bind(survey)
    if len(bound.beside):
        fail(
            "Replicate weights must say all of the variance",
            f"{len(bound.beside):,} strata of one PSU are centered, each with a scale of its own",
            "Pass another single_psu= to the survey: 'collapse', 'scaled' or 'certainty'.",
        )
    taken = {survey.roster.key.name, survey.names["weight"]} & {f"rw_{r}" for r in range(1, bound.n + 1)}
    if taken:
        fail(
            "The key and the weight must have other names than replicates",
            f"{taken.pop()!r} is one of rw_1 to rw_{bound.n}",
            "Rename the column, and name it anew in the survey.",
        )
    return bound


def _table(survey: Survey, bound: Replication, begin: int, end: int, full: bool) -> "pd.DataFrame":
    """Return the table of some households."""
    import pandas as pd

    weight, unit = survey.weight[begin:end], bound.unit[begin:end]
    columns = np.empty((bound.n, end - begin))
    for done in range(0, bound.n, GROUPS * LANES):
        groups = min(GROUPS, -(-(bound.n - done) // LANES))
        factors = np.moveaxis(bound.source.factors(done + 1, groups), 1, 2).reshape(groups * LANES, bound.units)
        columns[done : done + groups * LANES] = factors[: bound.n - done, unit]
    if full:
        columns *= weight
    table = pd.DataFrame(columns.T, columns=[f"rw_{r}" for r in range(1, bound.n + 1)])
    key = survey.roster.key
    values = key.values[begin:end]
    if key.levels is not None:
        values = np.array(key.levels, dtype=object)[values.astype(np.intp)]
    elif (key.values == np.floor(key.values)).all():  # all of them: parts of a file have one type
        values = values.astype(np.int64)
    table.insert(0, str(survey.names["weight"]), weight)
    table.insert(0, key.name, values)
    return table


def _tables(survey: Survey, bound: Replication, full: bool) -> Iterator["pd.DataFrame"]:
    """Yield the table some rows at a time."""
    rows = max(1, VALUES // bound.n)
    for begin in range(0, survey.n_households, rows):
        yield _table(survey, bound, begin, min(begin + rows, survey.n_households), full)


def _write_csv(path: Path, survey: Survey, bound: Replication, full: bool) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for i, table in enumerate(_tables(survey, bound, full)):
            table.to_csv(file, index=False, header=i == 0, lineterminator="\n")


def _write_parquet(path: Path, survey: Survey, bound: Replication, full: bool) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        fail("Writing .parquet needs pyarrow", "it is not installed", EXTRA.replace("reads", "writes"))
    writer: Any = None
    for table in _tables(survey, bound, full):
        made = pa.Table.from_pandas(table, preserve_index=False)
        writer = writer or parquet.ParquetWriter(path, made.schema)
        writer.write_table(made)
    writer.close()


def _write_stata(path: Path, survey: Survey, bound: Replication, full: bool) -> None:
    with path.open("wb") as file:
        _table(survey, bound, 0, survey.n_households, full).to_stata(file, write_index=False, version=118)
