"""Values with their standard errors, intervals and flags, and how they are made of replicates."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ._domains import Row
from ._html import short, table
from ._typing import FloatArray
from ._validate import fail, whole
from .disclosure import FEWEST, few_cases, withhold

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 40  # rows in a notebook
ROUNDING = 1e-14
WIDEST = {"log": 3.0, "logit": 50.0}  # on either side of a value, beyond which an interval would say nothing


@dataclass(frozen=True, eq=False)
class Estimates:
    """Values with standard errors and intervals.

    Attributes
    ----------
    rows : tuple of Row
        What each value is.
    value, se, ci_low, ci_high, bias, df : ndarray of shape (rows,)
    draws : ndarray of shape (replicates, rows)
        Values in every replicate, in replicate order; NaN where one failed.
    level : float
        Coverage that the intervals aim at.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> est = sp.estimate(survey, [sp.Poverty(line=60.0)], replicates=sp.Bootstrap(50))
    >>> est.frame()["statistic"].tolist()
    ['headcount', 'poverty_gap', 'poverty_severity']
    >>> est.draws.shape
    (50, 3)
    """

    rows: tuple[Row, ...]
    value: FloatArray
    se: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray
    bias: FloatArray
    df: FloatArray
    flags: tuple[str, ...]
    draws: FloatArray
    level: float

    def frame(self) -> "pd.DataFrame":
        """Return the tidy frame: one row a value.

        Returns
        -------
        DataFrame
            statistic, of, param, scenario, by, level, value, se, ci_low, ci_high, bias, df, n, replicates, flag.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> frame = sp.estimate(survey, [sp.MeanWelfare()], by=["urbrur"], replicates=sp.Bootstrap(50)).frame()
        >>> frame[["by", "level"]].values.tolist()
        [['all', 'all'], ['urbrur', 'Rural'], ['urbrur', 'Urban']]
        >>> sp.estimate(survey, [], replicates=sp.Bootstrap(2)).frame().shape
        (0, 15)
        """
        import pandas as pd

        names = ("statistic", "of", "param", "scenario", "by", "level")
        columns: dict[str, Any] = {name: [getattr(row, name) for row in self.rows] for name in names}
        columns |= {
            "value": self.value,
            "se": self.se,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "bias": self.bias,
            "df": self.df,
            "n": np.array([_n(row) for row in self.rows], dtype=np.int64),
            "replicates": np.isfinite(self.draws).sum(axis=0),
            "flag": list(self.flags),
        }
        return pd.DataFrame(columns)

    def find(self, **what: str) -> int:
        """Return the position of the one row that has these fields; those not named must not matter.

        Parameters
        ----------
        **what : str
            statistic, of, param, scenario, by, level.

        Returns
        -------
        int

        Raises
        ------
        InputError
            If no row, or more than one, has them.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> est = sp.estimate(sp.example_survey(households=400), [sp.Poverty(line=60.0)], replicates=sp.Bootstrap(2))
        >>> est.find(statistic="poverty_gap")
        1
        >>> est.find(scenario="before")
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: One row must have scenario='before', but 3 of 3 do. Name more of its fields.
        """
        found = [i for i, row in enumerate(self.rows) if all(getattr(row, key, None) == v for key, v in what.items())]
        if len(found) != 1:
            fields = ", ".join(f"{key}={value!r}" for key, value in what.items())
            fail(
                f"One row must have {fields}",
                f"{len(found)} of {len(self.rows)} do",
                "Name more of its fields." if found else "Look at frame() for what there is.",
            )
        return found[0]

    def contrast(self, row_a: int, row_b: int) -> "pd.DataFrame":
        """Return the difference between two rows, a minus b, on the same replicates.

        Parameters
        ----------
        row_a, row_b : int
            Positions in ``frame()``; ``find`` returns them.

        Returns
        -------
        DataFrame
            One tidy row.

        Raises
        ------
        InputError
            If there is no such row.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> est = sp.estimate(survey, [sp.MeanWelfare()], by=["urbrur"], replicates=sp.Bootstrap(50))
        >>> float(est.contrast(2, 1).value[0]) == float(est.value[2] - est.value[1])
        True
        >>> float(est.contrast(1, 1).se[0])
        0.0
        """
        for position in (row_a, row_b):
            whole(position, "A row", low=0)
            if not 0 <= position < len(self.rows):
                fail(f"A row must be 0 to {len(self.rows) - 1}", f"{position} came", "Use find(), or look at frame().")
        a, b = self.rows[row_a], self.rows[row_b]
        row = Row(
            "contrast",
            f"{title_of(a)} - {title_of(b)}",
            n=min(_n(a), _n(b)),
            df=min(a.df, b.df),
            scale="t",
            flag=";".join(dict.fromkeys(part for part in (a.flag, b.flag) if part)),
        )
        if "none" in (a.scale, b.scale):
            row = replace(row, scale="none")
        value = self.value[[row_a]] - self.value[[row_b]]
        draws = self.draws[:, [row_a]] - self.draws[:, [row_b]]
        df = np.minimum(self.df[[row_a]], self.df[[row_b]])
        return summarize((row,), value, draws, df, self.level).frame()

    def __repr__(self) -> str:
        import pandas as pd

        shown, note = _published(self.frame())
        with pd.option_context(
            "display.width", 200, "display.max_columns", 20, "display.float_format", "{:.5g}".format
        ):
            return "\n".join([repr(shown.drop(columns=["bias", "df", "replicates"])), *([note] if note else [])])

    def _repr_html_(self) -> str:
        shown, note = _published(self.frame())
        names = [
            name
            for name in ("statistic", "of", "param", "scenario", "by", "level")
            if name in ("statistic", "scenario") or any(getattr(row, name) not in ("", "all") for row in self.rows)
        ]
        lines = [
            [
                *(row[name] for name in names),
                *(short(row[figure]) for figure in ("value", "se", "ci_low", "ci_high")),
                f"{row['n']:,}",
                row["flag"].replace(";", "; "),
            ]
            for row in shown.head(SHOWN).to_dict("records")
        ]
        more = len(self.rows) - len(lines)
        notes = [f"… {more:,} more: frame() has all of them."] if more else []
        caption = f"{len(self.rows):,} estimates with intervals of {100 * self.level:g} %"
        head = [*names, "value", "se", "low", "high", "n", "flag"]
        return table(
            caption, head, lines, [*range(len(names)), len(head) - 1], " ".join([*notes, *([note] if note else [])])
        )


def _published(frame: "pd.DataFrame") -> tuple["pd.DataFrame", str]:
    """Return a frame as it may be shown, as notebooks are published, and what is to be said of what it lacks."""
    shown = withhold(frame, "dhs")
    few = shown is not frame
    return shown, f"Figures from fewer than {FEWEST} unweighted cases are withheld here: frame() holds all." * few


def summarize(rows: tuple[Row, ...], value: FloatArray, draws: FloatArray, df: FloatArray, level: float) -> Estimates:
    """Turn values and their replicates, of shape (replicates, rows), into standard errors, intervals and flags."""
    se, bias, succeeded = np.full(len(rows), np.nan), np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.int64)
    for i in range(len(rows)):  # row by row: nothing else is as large as the draws
        drawn = draws[:, i][np.isfinite(draws[:, i])]
        succeeded[i] = len(drawn)
        if len(drawn) >= 2 and np.isfinite(value[i]):
            se[i], bias[i] = drawn.std(ddof=1), drawn.mean() - value[i]
            if se[i] <= ROUNDING * abs(value[i]):  # it does not vary: what is left are the last bits of sums
                se[i] = 0.0
    ends = np.array([interval(*given, level) for given in zip(value, se, df, (row.scale for row in rows), strict=True)])
    low, high = ends.reshape(-1, 2).T
    flags = []
    for i, row in enumerate(rows):
        parts = [row.flag] if row.flag else []
        parts.append(few_cases(_n(row)))
        if np.isnan(value[i]):
            parts.append("empty")
        if np.isnan(low[i]):
            parts.append("no interval")
        failed = len(draws) - int(succeeded[i])
        if failed and np.isfinite(value[i]):
            parts.append(f"failed {failed}")
        flags.append(";".join(part for part in parts if part))
    return Estimates(rows, value, se, low, high, bias, df, tuple(flags), draws, level)


def interval(value: float, se: float, df: float, scale: str, level: float) -> tuple[float, float]:
    """Return an interval that is symmetric on the logit, the logarithm or the value itself, with Student's t.

    Of a proportion it stays within (0, 1), of a positive measure above 0. NaN where there is no spread, no degree of
    freedom, or no such scale.

    Examples
    --------
    >>> low, high = interval(0.5, 0.05, 100, "logit", 0.95)
    >>> round(low, 4), round(high, 4)
    (0.4021, 0.5979)
    >>> interval(0.0, 0.0, 100, "logit", 0.95)
    (nan, nan)
    """
    none = (np.nan, np.nan)
    if scale == "none" or not se > 0 or not df > 0 or not np.isfinite(value):
        return none
    t = _student(df, level)
    if scale == "t":
        return value - t * se, value + t * se
    if scale == "log":
        if value == 0:
            return none
        spread = t * se / abs(value)
        if spread > WIDEST[scale]:
            return none
        ends = value * np.exp(-spread), value * np.exp(spread)
        return float(min(ends)), float(max(ends))
    if not 0 < value < 1:
        return none
    center, spread = np.log(value / (1 - value)), t * se / (value * (1 - value))
    if spread > WIDEST[scale]:
        return none
    return float(1 / (1 + np.exp(spread - center))), float(1 / (1 + np.exp(-spread - center)))


@lru_cache(4096)  # a survey has few degrees of freedom, and a frame many rows
def _student(df: float, level: float) -> float:
    """Return the quantile of Student's t that a central interval ends at."""
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2, df))


def _n(row: Row) -> int:
    """Return the unweighted rows behind a value; every prepared statistic has filled them in."""
    assert row.n is not None
    return row.n


def title_of(row: Row) -> str:
    """Return what a row is called in words."""
    parts = (row.statistic, row.of, row.param, row.scenario, row.level if row.by != "all" else "")
    return " ".join(part for part in parts if part)
