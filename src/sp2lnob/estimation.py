"""Every figure with its uncertainty: the only place where statistics meet replicates.

Replicate 0 is the full sample and walks the same kernels. The variance of a value is that of its replicates about their
mean, or about the value of the full sample, as their design says. A change is a difference on the same replicates, draw
by draw.
"""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ._domains import RECIPIENTS, Block, FullSample, Row, check_by
from ._intervals import FEW_DF, check_kind
from ._outcomes import Switches, extended
from ._parallel import Executor, Progress, map_replicates
from ._prepared import Asked, Prepared, PreparedOrdered, Scenario, Statistic, joined
from ._shards import Keeping, ShardKept, fingerprint
from ._sweeps import Ordering, in_lanes
from ._typing import BoolArray, FloatArray, LongArray
from ._validate import choice, fail, fail_type, listing, mapping, number
from ._variance import ROUNDING
from .design import Design
from .estimates import Estimates, summarize, title_of
from .replication import MOST_LEFT_OUT, Bootstrap, LeftOut, ReplicateDesign, Replication, Source
from .situations import Situation
from .survey import Survey
from .transfers import Transfers

BEFORE = "before"
NOTHING: Mapping[tuple[str, str], str] = {}
Advance = Callable[[Progress], object]
Resume = str | os.PathLike[str] | Keeping | None


def estimate(
    survey: Survey,
    statistics: Sequence[Statistic],
    scenarios: Mapping[str, Transfers | Situation] | None = None,
    by: Sequence[str | Sequence[str]] | str = (),
    replicates: ReplicateDesign | None = None,
    *,
    baseline: str | Sequence[str] = BEFORE,
    interval: str | None = None,
    level: float = 0.95,
    df: str = "effective",
    classes: str = "replicate",
    n_threads: int | None = None,
    progress: Advance | None = None,
    executor: Executor | None = None,
    resume: Resume = None,
) -> Estimates:
    """Estimate statistics of a survey, before and after transfers, with standard errors and intervals.

    Parameters
    ----------
    survey : Survey
    statistics : sequence of statistics
        MeanWelfare, Poverty, Inequality, Quantile, Lorenz; Access, Dissimilarity; ConsumptionGain, Coverage, Incidence,
        Adequacy, Targeting, GapEfficiency, SchemeShapley, Cost; Custom.
    scenarios : dict of str to Transfers, default None
        What ``simulate`` or ``without_existing`` returned, by name. A change is after minus before on the same
        replicates.
    by : sequence of str or of tuples of str, default ()
        Columns, welfare classes (bottom40, quintile, decile), or household_type, head_sex, age_group, age_five by which
        to split, each alone; a tuple joins its columns. "recipients" parts those who live with somebody whom a scenario
        pays from all others, and shows both before and after; with several packages "recipients: NAME" says whose. Not
        where draws are exact, which leave it to chance who is paid.
        Incidence is by something only.
    replicates : replicate design, default Bootstrap(1000, seed=1)
        Bootstrap, Jackknife, BRR, SuccessiveDifference, ReplicateColumns.
    baseline : str or sequence of str, default "before"
        What changes are from: "before", or the name of a scenario, or several. A change from before is "change", or
        "change: NAME" with several scenarios; one from another baseline is "change from BASELINE: NAME", where NAME may
        be "before".
    interval : {None, "t", "percentile", "basic", "bca"}, default None
        None: on the logit for proportions, on the logarithm for positive measures, else on the value, with Student's t.
        Those of draws are a bootstrap's alone, and too short where degrees of freedom are few.
    level : float in (0, 1), default 0.95
    df : {"effective", "design"}, default "effective"
        Degrees of freedom of the intervals: PSUs minus strata among those that have a row of the level; "effective"
        replaces them by Satterthwaite's estimate from values without one PSU at a time where they are under 60, in
        surveys of up to 5,000 PSUs.
    classes : {"replicate", "fixed"}, default "replicate"
        Whether welfare classes are cut anew in every replicate, or where the full sample cuts them. Fixed cuts give
        standard errors that are too small, sometimes many times.
    n_threads : int, default None
        None: the processors that this process may use. The result has the same bits for any number.
    progress : callable, default None
        Told after each block how far it is: an object with done, total, failed (replicates without some value that the
        full sample has), seconds (since it began) and left (seconds, by the pace so far).
    executor : default None
        Anything with the interface of ``concurrent.futures``, such as a ProcessPoolExecutor or what a client of dask
        gives by ``get_executor()``: its workers evaluate the replicates. The data are sent to each once. The result has
        the same bits as without.
    resume : path, default None
        A folder in which finished replicates are kept, at least every ten seconds or a twentieth of the time, and from
        which those of an earlier call are taken: of the same data, design, statistics and version, or it is an error.
        What a function of your own reads besides its arguments is not looked at. The folder stays.

    Returns
    -------
    Estimates
        After Ctrl-C, of the replicates that are finished, every row flagged "interrupted"; a second Ctrl-C stops at
        once, as the first does where fewer than two are finished or the design needs all of them.

    Raises
    ------
    InputError
        If a column is lacking, an argument out of range, or what ``resume`` holds damaged or of another study.

    Notes
    -----
    Intervals: logit-t for proportions, log-t for positive measures and for changes that a pure transfer can only make
    negative, t otherwise. A proportion of 0 or 1 has a one-sided limit, which counts each PSU as one answer; any other
    value that does not vary has no interval.

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

    A line below everybody: nobody is poor in the sample, and how many may be in the country has a limit.

    >>> est = sp.estimate(survey, [sp.Poverty(line=1e-9)], replicates=sp.Bootstrap(50))
    >>> est.frame()[["value", "se", "ci_high", "flag"]].round(3).values.tolist()[0]
    [0.0, 0.0, 0.162, 'one-sided']
    """
    if not isinstance(survey, Survey):
        fail_type("estimate() takes a Survey", survey, "Build it with Survey(...).")
    given = mapping(scenarios or {}, "scenarios", "Write {'after': simulate(...)}.")
    listed = listing(statistics, Statistic, "statistics", "List them: [Poverty(line=...), Inequality()].")
    for name, transfers in given.items():
        if not isinstance(transfers, (Transfers, Situation)):
            fail_type(f"Scenario {name!r} must be Transfers", transfers, "Pass what simulate() returned.")
        if transfers.survey.identity != survey.identity:
            fail(
                f"Scenario {name!r} must be simulated on this survey",
                "it was simulated on another",
                "Call simulate(survey, package) with the same survey.",
            )
        if name in (BEFORE, "change") or name.startswith(("change: ", "change from ")):
            fail("A scenario must have a name of its own", f"{name!r} is taken", "Call it 'after'.")
    names = change_names(given, baseline)
    design = Bootstrap() if replicates is None else replicates
    replication = bound(design, survey)
    full = full_sample_of(survey, replication, classes)
    prepared: list[Asked] = []
    asked = [Scenario(BEFORE, survey), *(scenario_of(name, survey, of) for name, of in given.items())]
    domains = [(domain, of) for domain in check_by(by) for of in among(domain, asked)]
    for statistic in listed:
        found = [
            made
            for domain, scenarios_of in domains
            for scenario in scenarios_of
            for made in statistic.prepare(scenario, domain, full)
        ]
        if not found:
            fail(
                "Every statistic must have a value",
                f"{type(statistic).__name__} has none {'of everybody together' if given else 'without a scenario'}",
                "Pass by=, or leave it out." if given else "Pass scenarios={'after': simulate(...)}, or leave it out.",
            )
        prepared += found
    return evaluate(
        survey,
        prepared,
        replication,
        full,
        paired=pair_of(survey, replicates),
        interval=interval,
        level=level,
        df=df,
        changes=names,
        rising={pair: scale for pair in names if (scale := rise_of(asked, *pair))},
        n_threads=n_threads,
        progress=progress,
        executor=executor,
        resume=resume,
        told=design.told(),
    )


def change_names(scenarios: Mapping[str, object], baseline: str | Sequence[str] = BEFORE) -> dict[tuple[str, str], str]:
    """Return what each change is called, by what it is from and what it is to.

    Examples
    --------
    >>> change_names({"after": ...})
    {('before', 'after'): 'change'}
    >>> list(change_names({"no schemes": ..., "after": ...}, "no schemes").values())
    ['change from no schemes: before', 'change from no schemes: after']
    """
    bases = listing((baseline,) if isinstance(baseline, str) else baseline, str, "baseline", "Name scenarios.")
    names: dict[tuple[str, str], str] = {}
    for base in bases:
        choice(base, (BEFORE, *scenarios), "baseline")
        for name in (BEFORE, *scenarios):
            if name == base:
                continue
            if base == BEFORE:
                names[base, name] = "change" if len(scenarios) == 1 else f"change: {name}"
            else:
                names[base, name] = f"change from {base}: {name}"
    return names


def scenario_of(name: str, survey: Survey, of: "Transfers | Situation") -> Scenario:
    """Return a scenario of what is paid, or of another situation."""
    if isinstance(of, Transfers):
        return Scenario(name, survey, of)
    return Scenario(name, survey, instead=of.welfare)


def among(domain: tuple[str, ...], asked: Sequence[Scenario]) -> list[list[Scenario]]:
    """Return the scenarios to be shown by a domain: for recipients, all of them among those of each package."""
    if RECIPIENTS not in domain:
        return [list(asked)]
    survey = asked[0].survey
    if survey.has_column(RECIPIENTS):
        fail(
            f"The name {RECIPIENTS!r} must mean one thing",
            "it is who is paid, and a column of the survey as well",
            "Rename the column.",
        )
    paying = [scenario for scenario in asked if scenario.transfers is not None]
    if not paying:
        fail(f"A domain {RECIPIENTS!r} needs a package", "no scenario has one", "Pass scenarios={'after': ...}.")
    made = []
    for of in paying:
        whose = replace(of, one_of=len(paying))
        made.append([replace(scenario, among=whose, one_of=len(paying)) for scenario in asked])
    return made


def rise_of(asked: Sequence[Scenario], base: str, to: str) -> str:
    """Return the scale of the change in what a pure transfer lowers, where some lose welfare; "" where nobody does.

    If nobody gains it can only rise: "log". If some gain it may go either way: "t".
    """
    if asked[0].survey.welfare is None:
        return ""
    one, other = (next(scenario for scenario in asked if scenario.name == name) for name in (base, to))
    (lowest, highest), (least, most) = one.ends(), other.ends()
    if not (least < highest).any():
        return ""
    return "t" if (most > lowest).any() else "log"


def bound(replicates: ReplicateDesign, survey: Survey) -> Replication:
    """Return a replicate design on a survey."""
    if not isinstance(replicates, ReplicateDesign):
        fail_type("replicates must be a replicate design", replicates, "Pass Bootstrap(1000, seed=1).")
    return replicates.bind(survey)


def pair_of(survey: Survey, replicates: ReplicateDesign | None) -> tuple[Hashable, Hashable]:
    """Return what estimates must share for their replicates to be the same, one by one: survey, and design."""
    told = (replicates or Bootstrap()).told()
    if told["method"] == "rao-wu":
        told.pop("n")  # those of fewer are the first of more
    return survey.identity, repr(told)


def full_sample_of(survey: Survey, replication: Replication, classes: str = "replicate") -> FullSample:
    """Return replicate 0: every factor 1."""
    choice(classes, ("replicate", "fixed"), "classes")
    ordering = None
    if survey.welfare is not None:
        order = survey.richest_first
        ordering = Ordering(survey.welfare, survey.people, replication.unit).at(order)
    factors = in_lanes(np.ones((1, replication.units)))
    return FullSample(
        factors, ordering, classes == "fixed", survey=survey, unit=replication.unit, replication=replication
    )


@dataclass(frozen=True, eq=False)
class Job:
    """All that a block of replicates needs: what workers elsewhere are sent."""

    prepared: tuple[Prepared, ...]
    source: Source
    ordering: Ordering | None
    fixed: bool
    switches: tuple[Switches, ...] = ()
    shares: tuple[float, ...] = ()  # at which the ordering is looked at

    @classmethod
    def of(cls, statistics: Sequence[Prepared], full: FullSample) -> "Job":
        """Take what a full sample knows: outcomes that are so in some replicates only, and where it was looked at."""
        looked_at = {*full.looked_at}
        for one in statistics:
            if isinstance(one, PreparedOrdered) and full.ordering in one.orderings:
                looked_at.update(one.shares.tolist())
        source, switches, shares = full.replication.source, tuple(full.switches), tuple(sorted(looked_at))
        return cls(tuple(statistics), source, full.ordering, full.fixed, switches, shares)

    def __call__(self, first: int, groups: int) -> FloatArray:
        """Return the values of the replicates from number ``first`` on."""
        return self.at(self.source.factors(first, groups))

    def units(self, sampled: int) -> int:
        """Return the number of factors in a replicate: those of the sample, and those of outcomes."""
        return sampled + sum(len(one.unit) for one in self.switches)

    def at(self, factors: FloatArray) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        every = extended(factors, self.switches)
        block = Block(every, self.ordering, self.fixed, factors.shape[1], self.shares)
        return np.concatenate([statistic.evaluate(block) for statistic in self.prepared])


def evaluate(
    survey: Survey,
    prepared: Sequence[Asked],
    replication: Replication,
    full: FullSample,
    *,
    paired: tuple[Hashable, Hashable],
    interval: str | None,
    level: float,
    df: str,
    changes: Mapping[str, str] | Mapping[tuple[str, str], str],
    rising: Mapping[tuple[str, str], str] = NOTHING,
    n_threads: int | None = None,
    progress: Advance | None = None,
    executor: Executor | None = None,
    resume: Resume = None,
    told: Mapping[str, Any],
) -> Estimates:
    """Evaluate prepared statistics on the full sample and on every replicate, add changes, and summarize."""
    number(level, "level", above=0, below=1)
    choice(df, ("effective", "design"), "df")
    check_kind(interval, replication.variance)
    if interval == "bca" and survey.design.psus > MOST_LEFT_OUT:
        fail(
            f"interval='bca' leaves out one PSU at a time, and needs {MOST_LEFT_OUT:,} PSUs or fewer",
            f"there are {survey.design.psus:,}",
            "With so many it differs little from 'percentile', or from the default.",
        )
    if progress is not None and not callable(progress):
        fail_type("progress must be a function of how far replicates are", progress, "Pass it without calling it.")
    asked = [row for statistic in prepared for row in statistic.rows]
    pairs = {(BEFORE, key) if isinstance(key, str) else key: title for key, title in changes.items()}
    order, rows, minus = _with_changes(asked, pairs, rising)
    if not rows:
        return summarize((), np.empty(0), np.empty((replication.n, 0)), np.empty(0), level, replication.variance)
    statistics = joined(prepared)
    place = {id(row): i for i, row in enumerate(row for statistic in statistics for row in statistic.rows)}
    order = [place[id(asked[i])] for i in order]
    minus = [i if i < 0 else place[id(asked[i])] for i in minus]
    job = Job.of(statistics, full)
    value = job.at(full.factors)[:, :1]
    keeping, present = keeping_of(resume), np.isfinite(value[:, 0])
    values, finished = map_replicates(
        job,
        present,
        replication.n,
        units=job.units(replication.units),
        n_threads=n_threads,
        progress=progress,
        executor=executor,
        store=None if keeping is None else keeping.bind(_manifest(survey, told, rows, job), replication.n),
        only=None if keeping is None else keeping.wanted(replication.n),
    )
    draws = _enough(values, finished, replication, keeping)
    extra = len(replication.beside)
    beside = job.at(in_lanes(replication.beside))[:, :extra] if extra else np.empty((len(value), 0))
    counted = np.array([row.df for row in rows], dtype=np.float64)
    known = replication.df is None and replication.most_df is None  # strata and PSUs that they are counted from
    if replication.most_df is not None:
        counted = np.minimum(counted, replication.most_df)
    if replication.df is not None:
        counted[:] = replication.df
    few = np.array([row.df < FEW_DF for row in rows]) & (known and df == "effective")
    acceleration, many = None, survey.design.psus > MOST_LEFT_OUT
    if interval == "bca" or (few.any() and not many):
        wanted = np.ones(len(rows), dtype=np.bool_) if interval == "bca" else few
        influence, of = _influence(survey.design, replication, job, value, (order, minus), wanted, n_threads)
        acceleration = _acceleration(influence)
        if few.any():
            counted[few] = np.minimum(counted, _effective_df(influence, of, survey.design))[few]
    found = summarize(
        tuple(rows),
        _changed(value, order, minus)[:, 0],
        _changed(draws, order, minus).T,
        counted,
        level,
        replication.variance,
        beside=_changed(beside, order, minus).T,
        acceleration=acceleration,
        interval=interval,
        asked=replication.n,
        numbers=np.flatnonzero(finished) + 1,
        paired=paired,
    )
    level_at = {position: i for i, position in enumerate(order) if minus[i] < 0}
    for i, (row, other) in enumerate(zip(rows, minus, strict=True)):
        if row.falls and other >= 0:  # nothing can fall by more than there was
            found.ci_low[i] = max(found.ci_low[i], -found.ci_high[level_at[other]])
    return found


def keeping_of(resume: Resume) -> Keeping | None:
    """Return where replicates are kept, if they are."""
    if resume is None or isinstance(resume, Keeping):
        return resume
    if not isinstance(resume, (str, os.PathLike)):
        fail_type("resume must be a folder", resume, "Pass its path.")
    if Path(resume).is_file():
        fail("resume must be a folder", f"{str(resume)!r} is a file", "Choose another name.")
    return Keeping((Path(resume),))


def _manifest(survey: Survey, told: Mapping[str, Any], rows: Sequence[Row], job: Job) -> dict[str, Any]:
    """Return what a replicate's values depend on: what others follow from first."""
    files = [source["sha256"] for source in survey.sources]
    return {
        "version": version("sp2lnob"),
        "data": fingerprint([files, survey.design, survey.weight, survey.people, survey.welfare]),
        "design": told,
        "study": fingerprint([rows, job]),
    }


def _enough(values: FloatArray, finished: BoolArray, replication: Replication, keeping: Keeping | None) -> FloatArray:
    """Return the draws of the replicates that are finished, if something can be made of them."""
    done = int(finished.sum())
    if keeping is not None and keeping.shard is not None:
        wanted = len(keeping.wanted(replication.n))
        if done == wanted:
            raise ShardKept
        raise KeyboardInterrupt(f"{done:,} of {wanted:,} replicates of the shard are kept")
    if done == replication.n:
        return values
    resamples = replication.variance.resamples  # any draws are a sample of all; of a balanced set the first are not
    if done < 2 or not resamples:
        few = "two at least are needed" if resamples else "this design needs all of them"
        kept = f" and are kept in {str(keeping.folders[0])!r}" if keeping is not None else ""
        raise KeyboardInterrupt(f"{done:,} of {replication.n:,} replicates were finished{kept}: {few}")
    return values[:, finished]


def _with_changes(
    rows: Sequence[Row], changes: Mapping[tuple[str, str], str], rising: Mapping[tuple[str, str], str]
) -> tuple[list[int], list[Row], list[int]]:
    """Order rows so that before, after and changes stand together; ``rising`` has the scales of what may rise.

    Returns the position of each row's value, the rows, and the position of what is taken off it (-1: nothing).
    """
    together: dict[tuple[str, ...], dict[str, int]] = {}
    for i, row in enumerate(rows):
        figure = together.setdefault((row.statistic, row.of, row.param, row.by, row.level), {})
        if row.scenario in figure:
            fail(
                "Every figure must have a name of its own",
                f"two are called {title_of(row)!r}",
                "Ask for each once, and name lines, opportunities and the levels of columns apart.",
            )
        figure[row.scenario] = i
    order, named, minus = [], [], []
    for scenarios in together.values():
        for i in scenarios.values():
            order.append(i)
            named.append(rows[i])
            minus.append(-1)
        for (base, name), title in changes.items():
            if base in scenarios and name in scenarios:
                row = rows[scenarios[name]]
                other = rising.get((base, name), "log") if row.falls else "t"
                falls = row.falls and (base, name) not in rising
                scale = "none" if row.scale == "none" else other
                order.append(scenarios[name])
                named.append(replace(row, scenario=title, scale=scale, falls=falls, doubt=0.0))
                minus.append(scenarios[base])
    return order, named, minus


def _changed(values: FloatArray, order: Sequence[int], minus: Sequence[int]) -> FloatArray:
    """Return values (rows, replicates) in the order of the frame, changes as differences draw by draw.

    A difference in the last bits of what it is from is none: sums of the same rows may have another order.
    """
    taken = values[order]
    for i, other in enumerate(minus):
        if other >= 0:
            taken[i] -= values[other]
            taken[i, np.abs(taken[i]) <= ROUNDING * np.abs(values[other])] = 0.0
    return taken


def _influence(
    design: Design,
    replication: Replication,
    job: Job,
    value: FloatArray,
    changes: tuple[Sequence[int], Sequence[int]],
    wanted: BoolArray,
    n_threads: int | None,
) -> tuple[FloatArray, LongArray]:
    """Return what each PSU adds to the rows, (n_h - 1) (mean_h - theta_(hi)), and the stratum of each.

    Statistics that make none of the rows that are wanted are not evaluated: their rows are NaN.
    """
    order, minus = changes
    source, stratum = LeftOut.of(design, replication.psu_of_unit)
    needed = np.zeros(len(value), dtype=np.bool_)
    for i in np.flatnonzero(wanted).tolist():
        needed[[order[i], *([minus[i]] if minus[i] >= 0 else [])]] = True
    ends = np.cumsum([len(statistic.rows) for statistic in job.prepared])
    parts = [bool(part.any()) for part in np.split(needed, ends[:-1])]
    some = replace(job, prepared=tuple(p for p, part in zip(job.prepared, parts, strict=True) if part), source=source)
    made = np.repeat(parts, [len(statistic.rows) for statistic in job.prepared])
    found, finished = map_replicates(
        some, np.isfinite(value[made, 0]), len(stratum), units=job.units(replication.units), n_threads=n_threads
    )
    if not finished.all():
        raise KeyboardInterrupt
    values = np.full((len(value), len(stratum)), np.nan)
    values[made] = found
    values = _changed(values, order, minus)
    size = design.psus_by_stratum[stratum]
    start = np.flatnonzero(np.diff(stratum, prepend=-1))
    mean = np.repeat(np.add.reduceat(values, start, axis=1), size[start], axis=1) / size
    return np.asarray((size - 1) * (mean - values)), stratum


def _acceleration(influence: FloatArray) -> FloatArray:
    """Return what BCa intervals are accelerated by: sum u^3 / (6 (sum u^2)^1.5)."""
    squares = (influence**2).sum(axis=1)
    made = np.divide((influence**3).sum(axis=1), 6 * squares**1.5, out=np.zeros_like(squares), where=squares > 0)
    return np.asarray(made)


def _effective_df(influence: FloatArray, stratum: LongArray, design: Design) -> FloatArray:
    """Return Satterthwaite's degrees of freedom: (sum V_h)^2 / sum [V_h^2 / (n_h - 1)], at least 1.

    V_h = (1 - f_h) / (n_h (n_h - 1)) sum_i u_hi^2, with u_hi what a PSU adds.
    """
    start = np.flatnonzero(np.diff(stratum, prepend=-1))
    h = stratum[start]
    size = design.psus_by_stratum[h]
    variance = np.add.reduceat(influence**2, start, axis=1) * ((1 - design.fraction[h]) / (size * (size - 1)))
    total, squares = variance.sum(axis=1), (variance**2 / (size - 1)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a value that a PSU cannot be without: as few as there are
        return np.maximum(np.where(squares == 0, np.inf, np.nan_to_num(total**2 / squares, nan=1.0)), 1.0)
