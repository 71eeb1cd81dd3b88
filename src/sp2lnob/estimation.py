"""Every figure with its uncertainty: the only place where statistics meet replicates.

Replicate 0 is the full sample and walks the same kernels. The variance of a value is that of its replicates about their
mean. A change is a difference on the same replicates, draw by draw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ._domains import Block, Row, check_by
from ._parallel import LANES, map_replicates
from ._prepared import Prepared, Scenario, Statistic
from ._typing import FloatArray
from ._validate import choice, fail, fail_type, listing, mapping, number, whole
from .design import Bootstrap, Design, full_sample
from .survey import Survey
from .transfers import Transfers

if TYPE_CHECKING:
    import pandas as pd

WIDEST = 50.0  # logarithms on either side of a value, beyond which an interval would say nothing
FEW_DF = 60  # degrees of freedom under which they are estimated rather than counted
FEW_CASES = ((25, "n<25"), (50, "n<50"))  # the DHS Program's thresholds for unweighted cases
Progress = Callable[[int], object]


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
        sp2lnob._validate.InputError: One row must have scenario='before', but 3 of 3 do. Name more of its fields.
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
            f"{_title(a)} - {_title(b)}",
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

        frame = self.frame().drop(columns=["bias", "df", "replicates"])
        with pd.option_context(
            "display.width", 200, "display.max_columns", 20, "display.float_format", "{:.5g}".format
        ):
            return repr(frame)


def estimate(
    survey: Survey,
    statistics: Sequence[Statistic],
    scenarios: Mapping[str, Transfers] | None = None,
    by: Sequence[str | Sequence[str]] | str = (),
    replicates: Bootstrap | None = None,
    *,
    level: float = 0.95,
    df: str = "effective",
    classes: str = "replicate",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Estimates:
    """Estimate statistics of a survey, before and after transfers, with standard errors and intervals.

    Parameters
    ----------
    survey : Survey
    statistics : sequence of statistics
        MeanWelfare, Poverty, Inequality, Quantile, Access, Dissimilarity, Cost.
    scenarios : dict of str to Transfers, default None
        What ``simulate`` returned, by name. A change is after minus before on the same replicates.
    by : sequence of str or of tuples of str, default ()
        Columns or welfare classes by which to split, each alone; a tuple joins its columns. Dissimilarity and Cost are
        of all, and have one row.
    replicates : Bootstrap, default Bootstrap(1000, seed=1)
    level : float in (0, 1), default 0.95
    df : {"effective", "design"}, default "effective"
        Degrees of freedom of the intervals: PSUs minus strata; "effective" replaces them by Satterthwaite's estimate
        from values without one PSU at a time where they are under 60.
    classes : {"replicate", "fixed"}, default "replicate"
        Whether welfare classes are cut anew in every replicate, or where the full sample cuts them. Fixed cuts give
        standard errors that are too small, sometimes many times.
    n_threads : int, default None
        None: the processors that this process may use. The result has the same bits for any number.
    progress : callable, default None
        Told after each block how many replicates it held.

    Returns
    -------
    Estimates

    Raises
    ------
    InputError
        If a column is lacking or an argument out of range.

    Notes
    -----
    Intervals: logit-t for proportions, log-t for positive measures and for changes that a pure transfer can only make
    negative, t otherwise. A value of 0 or 1, or one that does not vary, has none.

    References
    ----------
    Rao, J. N. K. and Wu, C. F. J. (1988), JASA 83, 231-241. Korn, E. and Graubard, B. (1998), Survey Methodology 24.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> est = sp.estimate(survey, [sp.Poverty(line=60.0)], {"after": sp.simulate(survey, package)},
    ...                   replicates=sp.Bootstrap(50))
    >>> change = est.frame().query("statistic == 'headcount' and scenario == 'change'")
    >>> bool(change.ci_high.iloc[0] < 0)
    True

    A line below everybody: nobody is poor, and there is no interval.

    >>> est = sp.estimate(survey, [sp.Poverty(line=1e-9)], replicates=sp.Bootstrap(50))
    >>> est.frame()[["value", "se", "flag"]].values.tolist()[0]
    [0.0, 0.0, 'no interval']
    """
    if not isinstance(survey, Survey):
        fail_type("estimate() takes a Survey", survey, "Build it with Survey(...).")
    given = mapping(scenarios or {}, "scenarios", "Write {'after': simulate(...)}.")
    listed = listing(statistics, Statistic, "statistics", "List them: [Poverty(line=...), Inequality()].")
    for name, transfers in given.items():
        if not isinstance(transfers, Transfers):
            fail_type(f"Scenario {name!r} must be Transfers", transfers, "Pass what simulate() returned.")
        if transfers.survey is not survey:
            fail(
                f"Scenario {name!r} must be simulated on this survey",
                "it was simulated on another",
                "Call simulate(survey, package) with the same survey.",
            )
        if name in ("before", "change"):
            fail("A scenario must have a name of its own", f"{name!r} is taken", "Call it 'after'.")
    full = full_block(survey, classes)
    prepared: list[Prepared] = []
    asked = [Scenario("before", survey), *(Scenario(name, survey, t) for name, t in given.items())]
    for statistic in listed:
        found = [
            made
            for domain in check_by(by)
            for scenario in asked
            if (made := statistic.prepare(scenario, domain, full)) is not None
        ]
        if not found:
            fail(
                "Every statistic must have a value",
                f"{type(statistic).__name__} has none without a scenario",
                "Pass scenarios={'after': simulate(...)}, or leave it out.",
            )
        prepared += found
    return evaluate(
        survey,
        prepared,
        replicates or Bootstrap(),
        full,
        level=level,
        df=df,
        changes=change_names(given),
        one_sign=all(t.package.mpc >= 0 for t in given.values()),
        n_threads=n_threads,
        progress=progress,
    )


def change_names(scenarios: Mapping[str, object]) -> dict[str, str]:
    """Return what the change to each scenario is called."""
    return {name: "change" if len(scenarios) == 1 else f"change: {name}" for name in scenarios}


def full_block(survey: Survey, classes: str = "replicate") -> Block:
    """Return replicate 0: every PSU once, with plain weights."""
    choice(classes, ("replicate", "fixed"), "classes")
    ordering = survey.ordering if survey.welfare is not None else None
    return Block(full_sample(survey.design), ordering, classes == "fixed")


def evaluate(
    survey: Survey,
    prepared: Sequence[Prepared],
    replicates: Bootstrap,
    full: Block,
    *,
    level: float,
    df: str,
    changes: Mapping[str, str],
    one_sign: bool = True,
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Estimates:
    """Evaluate prepared statistics on the full sample and on every replicate, add changes, and summarize."""
    number(level, "level", above=0, below=1)
    choice(df, ("effective", "design"), "df")
    if not isinstance(replicates, Bootstrap):
        fail_type("replicates must be a replicate design", replicates, "Pass Bootstrap(1000, seed=1).")
    design = survey.design
    rows = [row for statistic in prepared for row in statistic.rows]
    order, rows, minus = _with_changes(rows, changes, one_sign)
    if not rows:
        return summarize((), np.empty(0), np.empty((replicates.n, 0)), np.empty(0), level)
    value = _evaluated(prepared, full)[:, :1]
    fold = replicates.fold(design)
    folded = [statistic.folded(fold) for statistic in prepared]
    # Fixed classes are cut where the full sample cuts them; the replicate's own need its weights.
    ordering = full.ordering if full.fixed or full.ordering is None else full.ordering.folded(fold)

    def block(first: int, groups: int) -> FloatArray:
        return _evaluated(folded, Block(replicates.counts(design, first, groups), ordering, full.fixed))

    draws = map_replicates(block, len(value), replicates.n, n_threads, progress)
    counted = np.array([row.df for row in rows], dtype=np.float64)
    if df == "effective" and design.df < FEW_DF:
        counted = np.minimum(counted, _effective_df(design, prepared, full, order, minus))
    return summarize(tuple(rows), _changed(value, order, minus)[:, 0], _changed(draws, order, minus).T, counted, level)


def summarize(rows: tuple[Row, ...], value: FloatArray, draws: FloatArray, df: FloatArray, level: float) -> Estimates:
    """Turn values and their replicates, of shape (replicates, rows), into standard errors, intervals and flags."""
    se, bias, succeeded = np.full(len(rows), np.nan), np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.int64)
    for i in range(len(rows)):  # row by row: nothing else is as large as the draws
        drawn = draws[:, i][np.isfinite(draws[:, i])]
        succeeded[i] = len(drawn)
        if len(drawn) >= 2 and np.isfinite(value[i]):
            se[i], bias[i] = drawn.std(ddof=1), drawn.mean() - value[i]
    ends = np.array([interval(*given, level) for given in zip(value, se, df, (row.scale for row in rows), strict=True)])
    low, high = ends.reshape(-1, 2).T
    flags = []
    for i, row in enumerate(rows):
        parts = [row.flag] if row.flag else []
        parts += [next((flag for least, flag in FEW_CASES if _n(row) < least), "")]
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
    from scipy.stats import t as student

    none = (np.nan, np.nan)
    if scale == "none" or not se > 0 or not df > 0 or not np.isfinite(value):
        return none
    t = float(student.ppf(0.5 + level / 2, df))
    if scale == "t":
        return value - t * se, value + t * se
    if scale == "log":
        if value == 0:
            return none
        spread = t * se / abs(value)
        if spread > WIDEST:
            return none
        ends = value * np.exp(-spread), value * np.exp(spread)
        return float(min(ends)), float(max(ends))
    if not 0 < value < 1:
        return none
    center, spread = np.log(value / (1 - value)), t * se / (value * (1 - value))
    return float(1 / (1 + np.exp(spread - center))), float(1 / (1 + np.exp(-spread - center)))


def _evaluated(prepared: Sequence[Prepared], block: Block) -> FloatArray:
    return np.concatenate([statistic.evaluate(block) for statistic in prepared])


def _with_changes(
    rows: Sequence[Row], changes: Mapping[str, str], one_sign: bool
) -> tuple[list[int], list[Row], list[int]]:
    """Order rows so that before, after and change stand together.

    Returns the position of each row's value, the rows, and the position of what is taken off it (-1: nothing).
    """
    together: dict[Row, dict[str, int]] = {}
    for i, row in enumerate(rows):
        figure = together.setdefault(replace(row, scenario="", n=None, df=0), {})
        if row.scenario in figure:
            fail(
                "Every figure must have a name of its own",
                f"two are called {_title(row)!r}",
                "Ask for each once, and name lines and opportunities apart.",
            )
        figure[row.scenario] = i
    order, named, minus = [], [], []
    for scenarios in together.values():
        for i in scenarios.values():
            order.append(i)
            named.append(rows[i])
            minus.append(-1)
        if "before" not in scenarios:
            continue
        for name, title in changes.items():
            if name in scenarios:
                row = rows[scenarios[name]]
                scale = "none" if row.scale == "none" else "log" if row.falls and one_sign else "t"
                order.append(scenarios[name])
                named.append(replace(row, scenario=title, scale=scale))
                minus.append(scenarios["before"])
    return order, named, minus


def _changed(values: FloatArray, order: Sequence[int], minus: Sequence[int]) -> FloatArray:
    """Return values (rows, replicates) in the order of the frame, changes as differences draw by draw."""
    taken = values[order]
    for i, other in enumerate(minus):
        if other >= 0:
            taken[i] -= values[other]
    return taken


def _effective_df(
    design: Design, prepared: Sequence[Prepared], full: Block, order: Sequence[int], minus: Sequence[int]
) -> FloatArray:
    """Return Satterthwaite's degrees of freedom from values without one PSU at a time.

    With V_h = (n_h - 1) / n_h sum_i (theta_(hi) - mean_h)^2: (sum V_h)^2 / sum [V_h^2 / (n_h - 1)], at least 1.
    """
    total, squares = np.zeros(len(order)), np.zeros(len(order))
    for h, size in enumerate(design.psus_by_stratum.tolist()):
        if size < 2:
            continue
        start = int(design.stratum_start[h])
        factor = np.ones(design.psus)
        factor[start : start + size] = size / (size - 1)
        groups = -(-size // LANES)
        counts = np.ones((groups, design.psus, LANES), dtype=np.uint8)
        for i in range(size):
            counts[i // LANES, start + i, i % LANES] = 0
        ordering = full.ordering if full.fixed or full.ordering is None else full.ordering.folded(factor)
        without = _evaluated([statistic.folded(factor) for statistic in prepared], Block(counts, ordering, full.fixed))
        without = _changed(without[:, :size], order, minus)
        variance = (size - 1) / size * ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        total += variance
        squares += variance**2 / (size - 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a value that a PSU cannot be without: as few as there are
        return np.maximum(np.where(squares == 0, np.inf, np.nan_to_num(total**2 / squares, nan=1.0)), 1.0)


def _n(row: Row) -> int:
    """Return the unweighted rows behind a value; every prepared statistic has filled them in."""
    assert row.n is not None
    return row.n


def _title(row: Row) -> str:
    parts = (row.statistic, row.of, row.param, row.scenario, row.level if row.by != "all" else "")
    return " ".join(part for part in parts if part)
