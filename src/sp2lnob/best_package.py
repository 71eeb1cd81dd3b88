"""Which package does most for a budget: all of a grid are tried, and the best is told as what it is, a winner.

The best of many looks better than it is: part of what sets it apart is chance. So it is chosen anew without a tenth of
the PSUs at a time, and every household of that tenth is paid what was chosen without it; what this population of ten
packages shows, averaged over ten ways to deal the PSUs, had no say in its own choice. How often the best stays the best
is told by the replicates, in each of which the best few are ranked anew, by its own cost against the budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._folds import REPEATS, folds_of
from ._packages import BATCH, Dealt, Elsewhere, Scan
from ._parallel import Executor, Progress, map_replicates
from ._results import write_folder
from ._search_choice import AFTER, Best, Contenders, contending, front_of, training_cost, winners_apart
from ._search_question import COSTS, Bound, OpportunityGroups, Question
from ._shards import Keeping, fingerprint
from ._typing import FloatArray, LongArray
from ._validate import fail, fail_type, whole
from ._written import as_toml
from .choices import Choice, Grid, Taken, payments_of
from .disclosure import least_cases, withhold
from .economy import Amount, Economy
from .estimates import Estimates
from .estimation import Advance, Resume, bound, full_sample_of, keeping_of, pair_of
from .opportunity import Opportunity
from .replication import Bootstrap, ReplicateDesign
from .schemes import Package, Scheme
from .survey import Survey
from .transfers import Transfers, simulate
from .tree import OpportunityTree

if TYPE_CHECKING:
    import pandas as pd

MOST = 1_000_000


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found.

    Attributes
    ----------
    survey : Survey
    package : Package
        The best: as good as any within the budget and the bounds; among equals the cheapest, then the first.
    transfers : Transfers
        What it pays.
    front : DataFrame
        The Pareto front of cost against effect, the cheapest first: no package is as good for less. Whatever the
        budget.
    estimates : Estimates
        The best package before, after and as a change. The objective is flagged "biased", for it was picked for it;
        beside it stands what cross-validation has, by ``param``.
    wins : DataFrame
        The packages that are best in some replicate, with the share of replicates in which each is.
    stays_best : float
        Share of replicates in which the best package is the best of the contenders; NaN without replicates.
    packages : int
        How many were evaluated: all that there are.
    asked : dict
        What was searched for.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> economy = sp.Economy(gdp=2e9, lines={"national": 60.0})
    >>> child = sp.Choice(sp.child_benefit(sp.Amount(8, "month")), levels=[4, 8, 12], max_age=[5, 17])
    >>> found = sp.search(survey, [child, sp.old_age_pension(sp.Amount(25, "month"))], 0.01, economy=economy,
    ...                   replicates=sp.Bootstrap(50))
    >>> found.packages, [scheme.name for scheme in found.package.schemes]
    (14, ['child benefit'])
    >>> bool(found.frame()["cost_gdp"].max() <= 0.01)
    True
    """

    survey: Survey
    package: Package
    transfers: Transfers
    front: "pd.DataFrame"
    estimates: Estimates
    wins: "pd.DataFrame"
    stays_best: float
    packages: int
    asked: Mapping[str, Any]
    _frame: "pd.DataFrame" = field(repr=False)

    def frame(self) -> "pd.DataFrame":
        """Return the best packages within the budget and the bounds, from the best down.

        Returns
        -------
        DataFrame
            package (its number in the grid), a column by candidate with the value of its amount, 0 where it is left
            out, missing where it is a schedule, and one for every other field that was varied; total_cost; cost_gdp,
            cost_revenue, cost_expenditure and cost_taxes where these are known; the measures after; change (of the
            objective); front (whether it is on the Pareto front).

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> old = sp.Choice(sp.old_age_pension(sp.Amount(8, "month")), levels=[4, 8])
        >>> found = sp.search(survey, [old], sp.Amount(1e9, "year"), line=60.0, replicates=sp.Bootstrap(10))
        >>> found.frame()["old-age pension"].tolist()
        [8.0, 4.0]
        >>> found.frame().columns[-2:].tolist()
        ['change', 'front']
        """
        return self._frame

    def save(
        self, folder: str | Path, *, disclosure: str | int = "dhs", study: Mapping[str, Any] | None = None
    ) -> Path:
        """Write search.csv, front.csv, wins.csv, estimates.csv, best.toml and manifest.json.

        Parameters
        ----------
        folder : path
            New, or one that holds an earlier result alone.
        disclosure : {"dhs", "none"} or int, default "dhs"
            As in ``Assessment.save``: figures from fewer unweighted cases are withheld, those of every package too
            where the measure rests on so few, as the rate of a small group furthest behind.
        study : mapping, default None
            What the manifest says of where the arguments came from.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            If the folder holds files that are not ours.

        Examples
        --------
        >>> import pathlib, tempfile, sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> old = sp.old_age_pension(sp.Amount(8, "month"))
        >>> found = sp.search(survey, [old], sp.Amount(1e9, "year"), line=60.0, replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = found.save(pathlib.Path(folder) / "best")
        ...     print((written / "best.toml").read_text())
        [[scheme]]
        name = "old-age pension"
        amount = [8.0, "month"]
        min_age = 65
        <BLANKLINE>
        [package]
        administration = 0.05
        mpc = 1.0
        draws = "seeded"
        seed = 1
        <BLANKLINE>
        >>> found.save("/dev/null")
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: The output must be a folder, but '/dev/null' is a file. Choose another name.
        """
        tables = {
            "search.csv": published(self, self._frame, disclosure),
            "front.csv": published(self, self.front, disclosure),
            "wins.csv": self.wins,
            "estimates.csv": withhold(self.estimates.frame(), disclosure),
        }
        texts = {name: frame.to_csv(index=False, lineterminator="\n") for name, frame in tables.items()}
        texts["best.toml"] = as_toml(self.package)
        manifest = {
            "version": version("sp2lnob"),
            "search": {
                "packages": self.packages,
                "exhaustive": True,
                "stays_best": None if np.isnan(self.stays_best) else self.stays_best,
                **self.asked,
            },
            "survey": {"files": [dict(source) for source in self.survey.sources]},
            "disclosure": disclosure,
            **(study or {}),
        }
        return write_folder(folder, texts, manifest)

    def __repr__(self) -> str:
        best = published(self, self._frame, "dhs").iloc[0]
        names = " + ".join(scheme.name for scheme in self.package.schemes)
        value = best[self.asked["objective"]]
        return (
            f"Search of {self.packages:,} packages: {names}, {self.asked['objective']} "
            f"{'withheld' if np.isnan(value) else f'{value:.4g}'} for {best['total_cost']:,.0f} a year"
        )


def published(found: Search, frame: "pd.DataFrame", disclosure: str | int) -> "pd.DataFrame":
    """Return packages without the measures that rest on too few cases, which are the same cases in all packages."""
    least, rows = least_cases(disclosure), found.estimates.frame()
    after = rows[(rows["by"] == "all") & (rows["scenario"] == AFTER) & (rows["n"] > 0) & (rows["n"] < least)]
    few = set(after["statistic"]).difference(COSTS).intersection(frame.columns)
    if found.asked["objective"] in few:
        few.add("change")
    return frame.assign(**dict.fromkeys(few, np.nan)) if few else frame


def search(
    survey: Survey,
    candidates: Sequence[Scheme | Choice],
    budget: float | Amount | None = 0.01,
    objective: str = "poverty_gap",
    *,
    economy: Economy | None = None,
    line: float | str | None = None,
    opportunity: Opportunity | None = None,
    tree: OpportunityTree | None = None,
    constraints: Mapping[str, Bound] | None = None,
    administration: float = 0.05,
    mpc: float = 1.0,
    draws: str = "seeded",
    seed: int = 1,
    replicates: ReplicateDesign | None = None,
    keep: int = 1000,
    contenders: int = 50,
    max_packages: int = MOST,
    level: float = 0.95,
    n_threads: int | None = None,
    progress: Advance | None = None,
    executor: Executor | None = None,
    resume: Resume = None,
) -> Search:
    """Find the package that does most for a budget, among all that candidates make.

    Parameters
    ----------
    survey : Survey
        With persons and welfare; it is uprated by the economy first: ``Survey.uprated``.
    candidates : sequence of Scheme and Choice
        A scheme is in or out; a choice has levels, and values of other fields. Their schemes must not depend on each
        other, nor replace existing benefits. Coverage that is phased in is that of the economy's year.
    budget : float, Amount or None, default 0.01
        Most that a package may cost a year, administration included: a share of GDP, or an Amount by month or year.
        None: no bound.
    objective : str, default "poverty_gap"
        headcount, poverty_gap, poverty_severity; gini; or, of an opportunity re-routed through its tree, access,
        d_index (between groups), furthest_behind, gap. All but access and furthest_behind are wished low, and of a
        barrier these, too.
    economy : Economy, default None
        Required by a budget that is a share of GDP, and by amounts that are shares.
    line : float or str, default None
        Poverty line, or its name in the economy, such as "$1.90 a day"; None: the economy's, if it has one alone.
    opportunity : Opportunity, default None
        Required by the objectives of access.
    tree : OpportunityTree, default OpportunityTree()
        Rule by which the opportunity's groups are found.
    constraints : dict, default None
        Bounds on what a package costs and does, (least, most), None for neither: of total_cost, cost_gdp, cost_revenue,
        cost_expenditure, cost_taxes, coverage, and any objective. "headcount by urbrur" is the worst level's, "access
        by group" the worst group's; {"access by group": "no worse"} says that no group may lose.
    administration, mpc, draws, seed
        As in Package; draws are "seeded" or "expected".
    replicates : replicate design, default Bootstrap(1000, seed=1)
    keep : int, default 1000
        Packages that ``frame()`` returns.
    contenders : int, default 50
        Of the best within the budget, and of those that cost up to a tenth more, how many are ranked anew in every
        replicate.
    max_packages : int, default 1,000,000
        Most that may be tried.
    level : float in (0, 1), default 0.95
    n_threads, executor
        As in ``estimate``.
    progress : callable, default None
        As in ``estimate``: told of packages, of packages again as they are chosen without a fold, then of replicates.
    resume : path, default None
        A folder in which packages and replicates that are finished are kept, as in ``estimate``.

    Returns
    -------
    Search

    Raises
    ------
    InputError
        If nothing is within the budget and the bounds, the survey cannot answer the objective, the grid is too large,
        or the schemes depend on each other.

    Notes
    -----
    Schemes are added up, each as it would be alone; the best is then simulated as a whole, and if the two differ it is
    an error. A scheme targeted by rank is searched, cross-validated and set against contenders with the cut of the full
    sample; the estimates of the best make it anew in every replicate.

    The objective's interval is CV +- t sqrt(SE^2 + ((found - CV) / 2)^2), with SE that of the package held fixed, as
    for the ends of a tree. Bounds but the budget are those of the full sample wherever packages are chosen anew. Groups
    of an opportunity are found once.

    References
    ----------
    Stone, M. (1974). Cross-validatory choice and assessment of statistical predictions. Journal of the Royal
    Statistical Society B 36, 111-147.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> economy = sp.Economy(gdp=2e9, lines={"national": 60.0})
    >>> child = sp.Choice(sp.child_benefit(sp.Amount(8, "month")), levels=[4, 8, 12], max_age=[5, 17])
    >>> old = sp.Choice(sp.old_age_pension(sp.Amount(25, "month")), levels=[10, 25], min_age=[60, 70])
    >>> found = sp.search(survey, [child, old], budget=0.01, economy=economy, replicates=sp.Bootstrap(50))
    >>> found
    Search of 35 packages: child benefit + old-age pension, poverty_gap 0.02341 for 19,610,785 a year
    >>> 0 <= found.stays_best <= 1
    True

    A budget that buys nothing:

    >>> sp.search(survey, [child, old], budget=sp.Amount(10, "year"), line=60.0)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A package must be within the budget of 10 a year, but the cheapest of 34 costs ...
    """
    asked = Question.of(
        survey, candidates, budget, objective, economy, line, opportunity, constraints, administration, mpc, draws, seed
    )
    survey = asked.survey
    keep, contenders = whole(keep, "keep", low=1), whole(contenders, "contenders", low=1)
    if tree is not None and not isinstance(tree, OpportunityTree):
        fail_type("tree must be an OpportunityTree", tree, "Pass OpportunityTree(...) or OpportunityTree.lnob().")
    grid = asked.grid
    if grid.packages > whole(max_packages, "max_packages", low=1):
        sizes = " x ".join(f"{size:,}" for size in grid.sizes)
        fail(
            f"A search must have at most {max_packages:,} packages",
            f"the candidates make {sizes} = {grid.packages:,}",
            "List fewer levels, ages or coverages, require what is certain, or raise max_packages.",
        )
    design = Bootstrap() if replicates is None else replicates
    replication = bound(design, survey)
    full = full_sample_of(survey, replication)
    payments = payments_of(survey, grid, economy, asked.run, replication.unit, replication.units)
    groups = OpportunityGroups.of(survey, opportunity, tree, full) if asked.of_access else None
    scan = Scan(grid, asked.parts(payments, full, groups))
    keeping = keeping_of(resume)
    many = _Many(survey, asked, n_threads, progress, executor, keeping)
    numbers = np.arange(grid.packages)
    measures = dict(zip(scan.names, scan.packages(many.run(scan, len(scan.names) * BATCH, "packages")), strict=True))
    measures |= asked.costs(_sum(payments.cost.sum(axis=1), grid.columns(numbers)))
    nothing = dict(
        zip(scan.names, scan.at(Taken.of(np.zeros((1, len(grid.sizes)), dtype=np.int32)))[:, 0], strict=True)
    )
    able = asked.able(measures, nothing) & (grid.columns(numbers) > 0).any(axis=1)
    affordable = asked.affordable(measures, able)
    loss = asked.sign * measures[asked.objective]
    order = np.lexsort((numbers, measures["total_cost"], loss))
    order = order[affordable[order]]
    front = front_of(loss, measures["total_cost"], asked.sign * nothing[asked.objective])
    best = int(order[0])
    package = Package(grid.schemes(best), **asked.run)
    transfers = simulate(survey, package, economy)
    dealt = Dealt(np.stack([folds_of(survey.design, repeat) for repeat in range(REPEATS)]))
    elsewhere = Elsewhere(
        grid,
        next(part for part in scan.parts if asked.objective in part.names),  # type: ignore[arg-type]
        asked.objective,
        asked.sign,
        dealt,
        training_cost(survey, payments, replication.psu_of_unit, dealt),
        asked.budget,
        able,
    )
    chosen = elsewhere.chosen(many.run(elsewhere, 3 * dealt.sets, "folds"))
    standing = contending(order, loss, measures["total_cost"], able, asked.budget, contenders)
    told = Best(survey, asked, full, groups, transfers, economy)
    told.agrees({name: float(values[best]) for name, values in measures.items()})
    estimates = told.estimate(
        dealt,
        chosen,
        Contenders.of(asked, payments, scan, standing, told),
        evaluated={
            "replication": replication,
            "paired": pair_of(survey, replicates),
            "interval": None,
            "level": level,
            "df": "effective",
            "changes": {AFTER: "change"},
            "n_threads": n_threads,
            "progress": progress,
            "executor": executor,
            "resume": many.keeping("replicates"),
            "told": design.told(),
        },
    )
    estimates, winner = winners_apart(estimates)
    frame = _table(grid, order[:keep], measures, nothing, asked.objective, front)
    wins = _wins(grid, standing, winner)
    stays = float((winner == 0).mean()) if len(winner) else float("nan")
    return Search(
        survey,
        package,
        transfers,
        _table(grid, front, measures, nothing, asked.objective, front).drop(columns="front"),
        estimates,
        wins,
        stays,
        grid.packages,
        asked.told(design, level, keep, contenders),
        frame,
    )


@dataclass(frozen=True, eq=False)
class _Many:
    """How the packages of a grid are gone through."""

    survey: Survey
    asked: Question
    n_threads: int | None
    progress: Advance | None
    executor: Executor | None
    kept: Keeping | None

    def keeping(self, what: str) -> Keeping | None:
        """Return the folder in which one kind of result is kept."""
        return None if self.kept is None else Keeping((self.kept.folders[0] / what,))

    def run(self, job: Scan | Elsewhere, rows: int, what: str) -> FloatArray:
        """Return values (rows, batches) of all packages, or stop."""
        packages = job.grid.packages
        batches = -(-packages // BATCH)
        keeping, progress = self.keeping(what), self.progress

        def tell(made: Progress) -> object:
            assert progress is not None
            done, loaded = (min(n * BATCH, packages) for n in (made.done, made.loaded))
            return progress(replace(made, done=done, total=packages, failed=0, loaded=loaded))

        values, finished = map_replicates(
            job,
            np.zeros(rows, dtype=np.bool_),
            batches,
            n_threads=self.n_threads,
            progress=None if progress is None else tell,
            executor=self.executor,
            store=None if keeping is None else keeping.bind(self._manifest(job), batches),
        )
        if not finished.all():
            done = min(int(finished.sum()) * BATCH, packages)
            kept = f" and are kept in {str(keeping.folders[0])!r}" if keeping is not None else ""
            raise KeyboardInterrupt(f"{done:,} of {packages:,} packages were finished{kept}: all are needed")
        return values

    def _manifest(self, job: Scan | Elsewhere) -> dict[str, Any]:
        """Return what a package's values depend on."""
        return {"version": version("sp2lnob"), "data": self.survey.fingerprint(), "search": fingerprint(_plain(job))}


def _plain(job: Scan | Elsewhere) -> list[Any]:
    """Return all that a job holds, but for choices, in plain values."""
    grid = [(k, option.level, sorted(option.given.items())) for k, option in job.grid.paid]
    held: Sequence[Any] = job.parts if isinstance(job, Scan) else [getattr(job, f.name) for f in fields(job)[1:]]
    return [grid, job.grid.sizes, list(held)]


def _sum(cost: FloatArray, columns: Any) -> FloatArray:
    """Add the cost of each package's options up, in their order."""
    total: FloatArray = cost[columns[:, 0]].copy()
    for k in range(1, columns.shape[1]):
        total += cost[columns[:, k]]
    return total


def _described(grid: Grid, numbers: LongArray) -> dict[str, Any]:
    """Return the columns that say what packages are."""
    columns: dict[str, Any] = {"package": numbers.tolist()}
    picked = [grid.picked(number_) for number_ in numbers.tolist()]
    for k, of in enumerate(grid.choices):
        columns[of.scheme.name] = [options[k].level for options in picked]
        for name in of.fields:
            values = np.empty(len(picked), dtype=object)  # whole numbers beside None
            values[:] = [options[k].given.get(name) for options in picked]
            columns[f"{of.scheme.name}: {name}"] = values
    return columns


def _table(
    grid: Grid,
    numbers: LongArray,
    measures: Mapping[str, FloatArray],
    nothing: Mapping[str, float],
    objective: str,
    front: LongArray,
) -> "pd.DataFrame":
    """Return the frame of some packages."""
    import pandas as pd

    costs = {name: measures[name][numbers] for name in COSTS if name in measures}
    others = {name: values[numbers] for name, values in measures.items() if name not in COSTS}
    change = {"change": measures[objective][numbers] - nothing[objective]}
    return pd.DataFrame({**_described(grid, numbers), **costs, **others, **change, "front": np.isin(numbers, front)})


def _wins(grid: Grid, standing: LongArray, winner: LongArray) -> "pd.DataFrame":
    """Return the packages that win in a replicate, the most often first."""
    import pandas as pd

    counts = np.bincount(winner[winner >= 0], minlength=len(standing))
    some = np.flatnonzero(counts)
    some = some[np.argsort(-counts[some], kind="stable")]
    share = counts[some] / max(len(winner), 1)
    return pd.DataFrame({**_described(grid, standing[some]), "share": share})
