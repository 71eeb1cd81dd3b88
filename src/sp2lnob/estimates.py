"""Values with their standard errors, intervals and flags, and how they are made of replicates."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ._domains import Row
from ._html import short, table
from ._intervals import FEW_DF, NONE, check_kind, from_draws, index, interval, one_sided, welch
from ._typing import FloatArray, LongArray
from ._validate import fail, fail_type, number, warn, whole
from ._variance import Variance
from .disclosure import FEWEST, few_cases, withhold

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 40  # rows in a notebook
NAMES = ("statistic", "of", "param", "scenario", "by", "level")


@dataclass(frozen=True, eq=False)
class Estimates:
    """Values with standard errors and intervals.

    Attributes
    ----------
    rows : tuple of Row
        What each value is.
    value, se, ci_low, ci_high, bias, df : ndarray of shape (rows,)
    draws : ndarray of shape (replicates, rows)
        Values in every replicate that is finished, in replicate order; NaN where one failed.
    level : float
        Coverage that the intervals aim at.
    variance : Variance
        How the spread of the draws becomes a variance.
    beside : ndarray of shape (s, rows)
        Values in replicates beside the design's, for strata of one PSU that are centered on the mean of all.
    asked : int
        Replicates asked for. If fewer are finished, every row is flagged "interrupted".
    numbers : ndarray of shape (replicates,), int64
        Number of each replicate that is finished, from 1 on.
    paired : tuple or None
        The survey, and what its replicates are told to be: estimates that have the same of both may be subtracted draw
        by draw.

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
    variance: Variance
    beside: FloatArray
    asked: int
    numbers: LongArray
    paired: tuple[Hashable, Hashable] | None = None

    def frame(self, *, disclosure: str | int = "none") -> "pd.DataFrame":
        """Return the tidy frame: one row a value.

        Parameters
        ----------
        disclosure : "none", "dhs" or int, default "none"
            Figures from fewer unweighted cases than this are withheld; "dhs" says 25. The frame is the analyst's own,
            so that it is whole unless it is told: what goes to others should be.

        Returns
        -------
        DataFrame
            statistic, of, param, scenario, by, level, value, se, ci_low, ci_high, bias, df, n, replicates, flag.

        Raises
        ------
        InputError
            If there is no such policy.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> est = sp.estimate(survey, [sp.MeanWelfare()], by=["urbrur", "ea"], replicates=sp.Bootstrap(50))
        >>> est.frame()[["by", "level"]].values.tolist()[:3]
        [['all', 'all'], ['urbrur', 'Rural'], ['urbrur', 'Urban']]
        >>> shown = est.frame(disclosure="dhs")
        >>> shown.groupby("by")["value"].count().to_dict()  # an enumeration area has 20 households
        {'all': 1, 'ea': 0, 'urbrur': 2}
        >>> sp.estimate(survey, [], replicates=sp.Bootstrap(2)).frame().shape
        (0, 15)
        """
        import pandas as pd

        columns = {
            **self._names(),
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
        return withhold(pd.DataFrame(columns), disclosure)

    def _names(self) -> dict[str, Any]:
        """Return the columns that say what each value is."""
        return {name: [getattr(row, name) for row in self.rows] for name in NAMES}

    def monte_carlo(self, cv: float = 0.05) -> "pd.DataFrame":
        """Return how far each standard error may be off because replicates are drawn, and how many are enough.

        Another seed would give other draws, and other standard errors. With B draws of kurtosis k, the standard error
        has a coefficient of variation of about sqrt((k - 1) / (4 (B - 1))): 1 / sqrt(2 (B - 1)) where they are normal.

        Parameters
        ----------
        cv : float in (0, 1), default 0.05
            Coefficient of variation that a standard error is wished to have.

        Returns
        -------
        DataFrame
            statistic, of, param, scenario, by, level, se, se_error (that of the standard error), se_cv (the same over
            se), replicates (those used), enough (replicates for the wished ``cv``).

        Raises
        ------
        InputError
            If the replicates are no draws, as a jackknife's: they have no such error.

        Notes
        -----
        The kurtosis is that of the draws: of fewer than 100 it is rough, and too low where tails are heavy.

        References
        ----------
        Efron, B. and Tibshirani, R. (1986). Bootstrap methods for standard errors, confidence intervals, and other
        measures of statistical accuracy. Statistical Science 1, 54-75 (section 9). Booth, J. G. and Sarkar, S. (1998).
        Monte Carlo approximation of bootstrap variances. The American Statistician 52, 354-357.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> error = sp.estimate(survey, [sp.MeanWelfare()], replicates=sp.Bootstrap(200)).monte_carlo()
        >>> bool(0.04 < error.se_cv[0] < 0.07), int(error.replicates[0])
        (True, 200)

        What does not vary has a standard error of 0, and for that two replicates are enough:

        >>> error = sp.estimate(survey, [sp.Poverty(line=1e-9)], replicates=sp.Bootstrap(50)).monte_carlo()
        >>> error[["se", "se_error", "se_cv", "enough"]].values.tolist()[0]
        [0.0, 0.0, nan, 2]
        """
        import pandas as pd

        number(cv, "cv", above=0, below=1)
        if not self.variance.resamples:
            fail(
                "A Monte Carlo error must be of replicates that are drawn",
                "those of this design are a fixed set, and their standard errors have none",
                "Pass replicates=Bootstrap() to estimate().",
            )
        error = np.full(len(self.rows), np.nan)
        enough: list[int | None] = [None] * len(self.rows)
        for i, (value, se) in enumerate(zip(self.value, self.se, strict=True)):
            if se == 0:
                error[i], enough[i] = 0.0, 2
            elif se > 0:
                left, drawn, center = self.variance.about(self.draws[:, i], value)
                squares = (drawn - center) ** 2
                kurtosis = (squares**2).mean() / squares.mean() ** 2
                # What stands beside the draws is not drawn: only their part of the variance is off.
                share = left.inflation * left.scale * (left.rscales * squares).sum() / se**2
                spread = share * np.sqrt(max(kurtosis - 1, 0.0)) / 2
                error[i], enough[i] = se * spread / np.sqrt(len(drawn) - 1), max(2, 1 + ceil((spread / cv) ** 2))
        with np.errstate(invalid="ignore"):  # 0 of 0
            columns = {
                **self._names(),
                "se": self.se,
                "se_error": error,
                "se_cv": error / self.se,
                "replicates": np.isfinite(self.draws).sum(axis=0),
                "enough": pd.array(enough, dtype="Int64"),
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

    def contrast(self, row_a: int, row_b: int, other: "Estimates | None" = None) -> "pd.DataFrame":
        """Return the difference between two rows, a minus b: on the same replicates, or of independent surveys.

        Parameters
        ----------
        row_a, row_b : int
            Positions in ``frame()``; ``find`` returns them.
        other : Estimates, default None
            What row b is of, if not of these. On the same survey and the same replicates they are subtracted draw by
            draw. Of another survey they are taken to be independent: variances add up, degrees of freedom are Welch's,
            ``param`` says "independent" and ``replicates`` is the smaller number.

        Returns
        -------
        DataFrame
            One tidy row.

        Raises
        ------
        InputError
            If there is no such row, or both are of one survey with other replicates.

        Notes
        -----
        Surveys that share PSUs, as the rounds of a panel do, are not independent, and the sum of their variances is
        mostly too large for a change. Put the rounds into one survey, drawn by a common PSU identifier, and contrast
        two rows of one call.

        References
        ----------
        Welch, B. L. (1947). The generalization of "Student's" problem when several different population variances are
        involved. Biometrika 34, 28-35.

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
        if other is not None and not isinstance(other, Estimates):
            fail_type("other must be Estimates", other, "Pass what estimate() returned.")
        second = self if other is None else other
        for position, of in ((row_a, self), (row_b, second)):
            whole(position, "A row", low=0)
            if position >= len(of.rows):
                fail(f"A row must be 0 to {len(of.rows) - 1}", f"{position} came", "Use find(), or look at frame().")
        if second.level != self.level:
            fail(
                "Estimates that are contrasted must have one level",
                f"theirs are {self.level:g} and {second.level:g}",
                "Estimate both with the same level=.",
            )
        a, b = self.rows[row_a], second.rows[row_b]
        return differences(self, [row_a], second, [row_b], ("contrast", f"{title_of(a)} - {title_of(b)}"))

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
            for name in NAMES
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


def summarize(
    rows: tuple[Row, ...],
    value: FloatArray,
    draws: FloatArray,
    df: FloatArray,
    level: float,
    variance: Variance,
    *,
    beside: FloatArray | None = None,
    acceleration: FloatArray | None = None,
    interval: str | None = None,
    asked: int | None = None,
    numbers: LongArray | None = None,
    paired: tuple[Hashable, Hashable] | None = None,
) -> Estimates:
    """Turn values and their replicates into standard errors, intervals and flags.

    Parameters
    ----------
    draws : ndarray of shape (replicates, rows)
        Of the replicates that are finished, NaN where one failed.
    variance : Variance
        Of the replicates that are finished, or of all.
    beside : ndarray of shape (s, rows), default None
        Values in the replicates beside the design's.
    acceleration : ndarray of shape (rows,), default None
        Of BCa intervals.
    interval : {None, "t", "percentile", "basic", "bca"}, default None
        None: each value's own. A proportion of 0 or 1 that does not vary has a one-sided limit in any case.
    asked : int, default None
        Replicates asked for; None: as many as ``variance`` has.
    numbers : ndarray of shape (replicates,), default None
        Which replicates are finished, by number; None: the first ones.
    paired : tuple, default None
        The survey, and what its replicates are told to be.
    """
    check_kind(interval, variance)
    asked = len(variance.rscales) if asked is None else asked
    numbers = np.arange(1, len(draws) + 1) if numbers is None else numbers
    beside = np.empty((0, len(rows))) if beside is None else beside
    if len(variance.rscales) > len(draws):
        variance = variance.left(np.isin(np.arange(1, len(variance.rscales) + 1), numbers))
    se, bias, failed = variance.of_many(draws.T, value, beside.T)
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    kinds = [row.scale if row.doubt else interval or row.scale for row in rows]  # draws do not show a doubt
    limits, limited, doubted = _limited(rows), *np.zeros((2, len(rows)), dtype=np.bool_)
    for i, row in enumerate(rows):
        if row.doubt > row.minor * se[i]:
            se[i], doubted[i] = np.hypot(se[i], row.doubt), row.minor > 0
        if row.scale == "none":
            continue
        if row.scale == "index":
            low[i], high[i], limited[i] = index(value[i], se[i], df[i], row.most, level)
            continue
        # At 0 or 1 the logit has no interval, even where a class or a line that moves lets replicates differ.
        at_end = limits[i] > 0 and value[i] in (0.0, 1.0) and interval is None
        if se[i] > 0 and not at_end:
            a = np.nan if acceleration is None else acceleration[i]
            low[i], high[i] = _two_sided(value[i], se[i], df[i], kinds[i], level, draws[:, i], a)
        elif limits[i]:
            limited[i] = True
            low[i], high[i] = one_sided(value[i], row.effective, level)
            if limits[i] < 0:  # no fall was seen: it may be as large as a proportion of which none was seen
                low[i], high[i] = -high[i], value[i]
    flags = [
        _flags(row, value[i], low[i], failed[i], limited[i], doubted[i], interrupted=len(draws) < asked)
        for i, row in enumerate(rows)
    ]
    few = ~limited & np.isfinite(low) & (df < FEW_DF)
    if interval in ("percentile", "basic", "bca") and few.any():
        warn(
            f"interval={interval!r} should rest on {FEW_DF} degrees of freedom or more",
            f"{few.sum()} of {len(rows)} rows have fewer, at least {df[few].min():.3g}: such intervals are too short",
            "Leave interval= out.",
        )
    return Estimates(
        rows, value, se, low, high, bias, df, tuple(flags), draws, level, variance, beside, asked, numbers, paired
    )


def _two_sided(
    value: float, se: float, df: float, kind: str, level: float, draws: FloatArray, acceleration: float
) -> tuple[float, float]:
    """Return the interval of a value that varies."""
    if kind not in ("percentile", "basic", "bca"):
        return interval(value, se, df, kind, level)
    return from_draws(value, draws, kind, level, acceleration) if df > 0 else NONE


def _limited(rows: Sequence[Row]) -> list[int]:
    """Return of each row 1 if it is a proportion, -1 if it is the fall of one that only falls, else 0.

    A change is told from its level before: the Watts index only falls as well, but has no upper bound.
    """
    scale = {_figure(row): row.scale for row in rows if row.scenario == "before"}
    return [
        1
        if row.scale == "logit"
        else -int(row.falls and row.scenario.startswith("change") and scale.get(_figure(row)) == "logit")
        for row in rows
    ]


def _figure(row: Row) -> tuple[str, ...]:
    """Return what a row is of, in any scenario."""
    return row.statistic, row.of, row.param, row.by, row.level


def _flags(
    row: Row,
    value: float,
    low: float,
    failed: int,
    one_sided: bool = False,
    doubted: bool = False,
    *,
    interrupted: bool,
) -> str:
    """Return what is to be minded of a value."""
    parts = [row.flag, "model-dependent" if doubted else "", few_cases(_n(row))]
    if np.isnan(value):
        parts.append("empty")
    if np.isnan(low):
        parts.append("no interval")
    elif one_sided:
        parts.append("one-sided")
    if failed and np.isfinite(value):
        parts.append(f"failed {failed}")
    if interrupted:
        parts.append("interrupted")
    return _joined(parts)


def _joined(flags: Sequence[str]) -> str:
    """Return flags in one text, each once."""
    return ";".join(dict.fromkeys(flag for flag in flags if flag))


def _doubt(of: Estimates, position: int) -> float:
    """Return the doubt of a row that is in its standard error, 0 where it has none or it is minor."""
    row = of.rows[position]
    if row.doubt == 0:
        return 0.0
    se, _, _ = of.variance.of(of.draws[:, position], of.value[position], of.beside[:, position])
    return row.doubt if row.doubt > row.minor * se else 0.0


def _paired(a: Estimates, b: Estimates) -> bool:
    """Return whether draws of the same number are of the same replicate."""
    if a is b:
        return True
    if a.paired is None or b.paired is None or a.paired[0] != b.paired[0]:
        return False
    if a.paired[1] != b.paired[1]:
        fail(
            "Figures of one survey must be compared on the same replicates",
            "theirs are of other designs or seeds",
            "Estimate both with the same replicates=.",
        )
    return True


def differences(
    a: Estimates, at_a: Sequence[int], b: Estimates, at_b: Sequence[int], named: tuple[str, str] | None = None
) -> "pd.DataFrame":
    """Return rows of a minus rows of b, pair by pair, as tidy rows: on the same replicates, or of independent surveys.

    Rows keep the names that they have in a, unless ``named`` gives statistic and ``of``.
    """
    paired = _paired(a, b)
    rows = [_difference(a, i, b, j, paired) for i, j in zip(at_a, at_b, strict=True)]
    if named is not None:
        param = "" if paired else "independent"
        rows = [replace(row, statistic=named[0], of=named[1], param=param, scenario="before", by="all", level="all")
                for row in rows]  # fmt: skip
    return (_on_the_same_draws if paired else _independent)(tuple(rows), a, [*at_a], b, [*at_b])


def _difference(of_a: Estimates, row_a: int, of_b: Estimates, row_b: int, paired: bool) -> Row:
    """Return what a difference of two rows is: the first row's names, and what is known of both."""
    a, b = of_a.rows[row_a], of_b.rows[row_b]
    doubts = (0.0, 0.0) if a == b else (_doubt(of_a, row_a), _doubt(of_b, row_b))
    minor = any(doubt > 0 and one.minor > 0 for doubt, one in zip(doubts, (a, b), strict=True))
    return replace(
        a,
        n=min(_n(a), _n(b)),
        df=min(a.df, b.df),
        effective=0.0,
        scale="none" if "none" in (a.scale, b.scale) else "t",
        falls=False,
        # What values may be off by beside their draws does not cancel as draws do.
        doubt=float(np.hypot(*doubts)) if paired else 0.0,
        minor=0.0,
        flag=_joined([*a.flag.split(";"), *b.flag.split(";"), "model-dependent" * minor]),
    )


def _on_the_same_draws(
    rows: tuple[Row, ...], a: Estimates, at_a: list[int], b: Estimates, at_b: list[int]
) -> "pd.DataFrame":
    """Return differences of rows draw by draw, on the replicates that both have finished."""
    numbers = np.intersect1d(a.numbers, b.numbers)
    in_a, in_b = np.isin(a.numbers, numbers), np.isin(b.numbers, numbers)
    return summarize(
        rows,
        a.value[at_a] - b.value[at_b],
        a.draws[in_a][:, at_a] - b.draws[in_b][:, at_b],
        np.minimum(a.df[at_a], b.df[at_b]),
        a.level,
        a.variance.left(in_a),
        beside=a.beside[:, at_a] - b.beside[:, at_b],
        asked=min(a.asked, b.asked),
        numbers=numbers,
    ).frame()


def _independent(rows: tuple[Row, ...], a: Estimates, at_a: list[int], b: Estimates, at_b: list[int]) -> "pd.DataFrame":
    """Return differences of rows of independent surveys: their variances add up."""
    value, se = a.value[at_a] - b.value[at_b], np.hypot(a.se[at_a], b.se[at_b])
    df = np.array([
        welch((float(a.se[i]), float(b.se[j])), (float(a.df[i]), float(b.df[j])))
        for i, j in zip(at_a, at_b, strict=True)
    ])  # fmt: skip
    ends = [interval(float(value[k]), float(se[k]), float(df[k]), row.scale, a.level) for k, row in enumerate(rows)]
    low, high = (np.array([end[k] for end in ends], dtype=np.float64) for k in (0, 1))
    interrupted = any(len(of.draws) < of.asked for of in (a, b))
    finite = [np.isfinite(of.draws[:, at]) for of, at in ((a, at_a), (b, at_b))]
    failed = sum((~one).sum(axis=0) for one in finite)
    flags = tuple(_flags(row, value[k], low[k], int(failed[k]), interrupted=interrupted) for k, row in enumerate(rows))
    made = replace(
        a,
        rows=rows,
        value=value,
        se=se,
        ci_low=low,
        ci_high=high,
        bias=a.bias[at_a] - b.bias[at_b],
        df=df,
        flags=flags,
        draws=np.empty((0, len(rows))),
    )
    return made.frame().assign(replicates=np.minimum(*(one.sum(axis=0) for one in finite)))


def _n(row: Row) -> int:
    """Return the unweighted rows behind a value; every prepared statistic has filled them in."""
    assert row.n is not None
    return row.n


def title_of(row: Row) -> str:
    """Return what a row is called in words."""
    parts = (row.statistic, row.of, row.param, row.scenario, row.level if row.by != "all" else "")
    return " ".join(part for part in parts if part)
