"""Which package does most for a budget: all of a grid are tried, and the best is told as what it is, a winner.

The best of many looks better than it is: part of what sets it apart is chance. So it is chosen anew without a tenth of
the PSUs at a time, and every household of that tenth is paid what was chosen without it; what this population of ten
packages shows, averaged over ten ways to deal the PSUs, had no say in its own choice. How often the best stays the best
is told by the replicates, in each of which the best few are ranked anew, by its own cost against the budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._domains import Block, FullSample, Row
from ._folds import REPEATS, folds_of
from ._packages import (
    ACCESS,
    BATCH,
    LOSS,
    ROOM,
    Dealt,
    Elsewhere,
    Measured,
    PackageAccess,
    PackageCoverage,
    PackageGini,
    PackagePoverty,
    Scan,
    added,
    within,
)
from ._parallel import Executor, Progress, map_replicates
from ._prepared import Asked, Prepared, Scenario, joined
from ._results import write_folder
from ._shards import Keeping, fingerprint
from ._sweeps import Totals
from ._typing import BoolArray, FloatArray, LongArray
from ._validate import choice, fail, fail_if_unknown, fail_type, mapping, number, warn, whole
from ._written import as_toml
from .choices import Choice, Grid, Payments, Taken, choices_of, payments_of
from .cross_validation import cross_validated
from .disclosure import least_cases, withhold
from .economy import YEARLY, Amount, Economy
from .effects import CROSS_VALIDATED, GroupAccess, Groups, group_access, groups_of
from .estimates import Estimates
from .estimation import (
    Advance,
    Resume,
    bound,
    evaluate,
    full_sample_of,
    keeping_of,
    pair_of,
)
from .incidence import Cost, Coverage
from .opportunity import Cells, Opportunity
from .replication import Bootstrap, ReplicateDesign
from .schemes import Package, Scheme
from .statistics import FGT, Inequality, MeanWelfare, Poverty
from .survey import Survey
from .transfers import SHARES, Costing, Transfers, simulate
from .tree import OpportunityTree

if TYPE_CHECKING:
    import pandas as pd

COSTS = ("total_cost", *SHARES)
OBJECTIVES = (*FGT, "gini", *ACCESS)
NO_WORSE = "no worse"
AFTER = "after"
SHARE_TOL = 1e-9  # by which the table and simulate() may differ
NEAR = 0.1  # of a budget: packages that cost so much more may be within it in a replicate
MOST = 1_000_000
Bound = tuple[float | None, float | None] | str


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
    groups = _Groups.of(survey, opportunity, tree, full) if asked.of_access else None
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
    front = _front(loss, measures["total_cost"], asked.sign * nothing[asked.objective])
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
        _training_cost(survey, payments, replication.psu_of_unit, dealt),
        asked.budget,
        able,
    )
    chosen = elsewhere.chosen(many.run(elsewhere, 3 * dealt.sets, "folds"))
    standing = _contenders(order, loss, measures["total_cost"], able, asked.budget, contenders)
    told = _Told(survey, asked, full, groups, transfers, economy)
    told.agrees({name: float(values[best]) for name, values in measures.items()})
    estimates = told.estimate(
        dealt,
        chosen,
        _Contenders.of(asked, payments, scan, standing, told),
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
    estimates, winner = _apart(estimates)
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
class Question:
    """What is searched for, checked."""

    survey: Survey
    grid: Grid
    budget: float  # currency a year
    objective: str
    economy: Economy | None
    line: float | None
    opportunity: Opportunity | None
    bounds: Mapping[str, Bound]
    run: dict[str, Any]

    @classmethod
    def of(
        cls,
        survey: Survey,
        candidates: Sequence[Scheme | Choice],
        budget: float | Amount | None,
        objective: str,
        economy: Economy | None,
        line: float | str | None,
        opportunity: Opportunity | None,
        constraints: Mapping[str, Bound] | None,
        administration: float,
        mpc: float,
        draws: str,
        seed: int,
    ) -> "Question":
        """Check what was asked, with an error for what the survey cannot answer."""
        if not isinstance(survey, Survey):
            fail_type("search() takes a Survey", survey, "Build it with Survey(...).")
        if economy is not None and not isinstance(economy, Economy):
            fail_type("economy must be an Economy", economy, "Build it with Economy(gdp=..., lines={...}).")
        if opportunity is not None and not isinstance(opportunity, Opportunity):
            fail_type("opportunity must be an Opportunity", opportunity, "Build it with Opportunity(...).")
        grid = Grid(choices_of(candidates))
        choice(objective, OBJECTIVES, "objective")
        choice(draws, ("seeded", "expected"), "draws of a search")
        run: dict[str, Any] = {"administration": administration, "mpc": mpc, "draws": draws, "seed": seed}
        Package([choice.scheme for choice in grid.choices], **run)
        bounds = _bounds(constraints or {})
        what = {objective, *(name.partition(" by ")[0] for name in bounds)}
        if survey.welfare is None:
            fail(f"A search for {objective!r} needs welfare", "the survey has none", "Pass welfare= to the Survey.")
        if what.intersection(ACCESS) and opportunity is None:
            fail(
                f"A search for {sorted(what.intersection(ACCESS))[0]!r} needs an opportunity",
                "none was given",
                "Pass opportunity=Opportunity(...).",
            )
        given = None
        if what.intersection(FGT) or line is not None:
            given = _line(line, economy, survey, sorted(what.intersection(FGT) or {"poverty"})[0])
        survey = survey if economy is None else survey.uprated(economy)
        return cls(survey, grid, _budget(budget, economy), objective, economy, given, opportunity, bounds, run)

    @property
    def of_access(self) -> bool:
        """Whether access is asked for."""
        return self.opportunity is not None

    @property
    def sign(self) -> float:
        """1 where less is better, -1 where more is."""
        good = self.objective in ("access", "furthest_behind")
        barrier = self.opportunity is not None and self.opportunity.kind == "barrier"
        return -1.0 if good and not barrier else 1.0

    def parts(self, payments: Payments, full: FullSample, groups: "_Groups | None") -> tuple[Measured, ...]:
        """Return what measures packages, as far as it is asked for."""
        survey, mpc, money = self.survey, float(self.run["mpc"]), payments.money
        made: list[Measured] = []
        if self.line is not None:
            made.append(PackagePoverty.of(survey, money, mpc, self.line))
        if groups is not None:
            bounds = [LOSS if at == NO_WORSE else name for name, at in self.bounds.items() if name == "access by group"]
            made.append(PackageAccess.of(survey, money, mpc, groups.cells, groups.groups, groups.cuts, bounds))
        if "gini" in (self.objective, *self.bounds):
            made.append(PackageGini.of(survey, money, mpc))
        if "coverage" in self.bounds:
            made.append(PackageCoverage(("coverage",), money, survey.people))
        for name in self.bounds:
            measure, by, column = name.partition(" by ")
            if by and measure in FGT:
                domain = full.domain((column,))
                if domain.rows.unit != "household":
                    fail(
                        f"The bound {name!r} must be by a column of households",
                        f"{column!r} describes persons",
                        "Derive one by household, such as head(...).",
                    )
                assert self.line is not None
                made.append(PackagePoverty.worst(survey, money, mpc, self.line, domain, name))
        return tuple(made)

    def costs(self, total: FloatArray) -> dict[str, FloatArray]:
        """Return what packages cost: a year, and as shares of what is known."""
        known = Costing.of(total[:0], Package([self.grid.choices[0].scheme]), self.economy).shares
        return {"total_cost": total} | {name: total / of for name, of in known.items()}

    def able(self, measures: Mapping[str, FloatArray], nothing: Mapping[str, float]) -> BoolArray:
        """Return the packages within all bounds but the budget."""
        total = next(iter(measures.values()))
        able = np.ones(len(total), dtype=np.bool_)
        for name, at in self.bounds.items():
            if isinstance(at, str):
                better = -1.0 if self.opportunity is not None and self.opportunity.kind == "barrier" else 1.0
                if name == "access by group":
                    able &= better * measures[LOSS] >= -ROOM
                else:
                    sign = 1.0 if name in (*FGT, "gini", "d_index", "gap") or " by " in name else -better
                    able &= sign * measures[name] <= within(sign * nothing[name])
                continue
            if name not in measures:
                fail(
                    f"The bound on {name!r} needs its denominator",
                    "the economy does not give it",
                    f"Pass Economy({name.removeprefix('cost_')}=...).",
                )
            low, high = at
            if low is not None:
                able &= measures[name] >= low - ROOM * abs(low)
            if high is not None:
                able &= measures[name] <= within(high)
        return able

    def affordable(self, measures: Mapping[str, FloatArray], able: BoolArray) -> BoolArray:
        """Return the packages within the budget too; raise if there is none."""
        cost = measures["total_cost"]
        found = able & (cost <= within(self.budget))
        if found.any():
            return found
        if not able.any():
            fail(
                "A package must be within the bounds",
                f"none of {len(able):,} is within {', '.join(map(repr, self.bounds))}",
                "Widen a bound, or add candidates.",
            )
        cheapest = cost[able].min()
        gdp = self.economy.gdp if self.economy is not None else None
        share = f" ({cheapest / gdp:.3%} of GDP)" if gdp else ""
        among = " within the bounds" if self.bounds else ""
        fail(
            f"A package must be within the budget of {_money(self.budget)} a year",
            f"the cheapest of {int(able.sum()):,}{among} costs {_money(cheapest)}{share}",
            "Raise the budget, or list lower levels.",
        )

    def told(self, design: ReplicateDesign, level: float, keep: int, contenders: int) -> dict[str, Any]:
        """Return what was asked, in plain values."""
        return {
            "objective": self.objective,
            "budget": None if np.isinf(self.budget) else self.budget,
            "line": self.line,
            "opportunity": None if self.opportunity is None else self.opportunity.name,
            "constraints": {name: at if isinstance(at, str) else list(at) for name, at in self.bounds.items()},
            "candidates": {
                choice.scheme.name: {
                    "levels": None if choice.levels is None else list(choice.levels),
                    "required": choice.required,
                    **{name: list(map(_plainly, values)) for name, values in choice.fields.items()},
                }
                for choice in self.grid.choices
            },
            **self.run,
            "replicates": design.told(),
            "level": level,
            "keep": keep,
            "contenders": contenders,
        }


def _plainly(value: Any) -> Any:
    """Return a value of a field in plain values."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _money(value: float) -> str:
    """Return money as an error shows it."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.6g}"


def _bounds(constraints: Mapping[str, Bound]) -> dict[str, Bound]:
    """Check bounds: what they are on, and that they are two numbers or "no worse"."""
    mend = "Write {'cost_gdp': (None, 0.02)}, or {'access by group': 'no worse'}."
    known = (*COSTS, "coverage", *OBJECTIVES)
    made: dict[str, Bound] = {}
    for name, at in mapping(constraints, "constraints", mend).items():
        measure, by, column = str(name).partition(" by ")
        fail_if_unknown(measure, known, "The measure of a bound")
        if by and (measure not in (*FGT, "access") or (measure == "access") != (column == "group")):
            fail(
                "A bound by level must be of poverty by a column, or of access by group",
                f"it is {name!r}",
                "Write 'headcount by urbrur', or 'access by group'.",
            )
        if at == NO_WORSE and measure not in (*COSTS, "coverage"):
            made[name] = NO_WORSE
            continue
        if isinstance(at, str) or not isinstance(at, Sequence) or len(at) != 2:
            fail_type(f"The bound on {name!r} must be (least, most)", at, mend)
        of = {} if measure == COSTS[0] else {"low": -1, "high": 1}
        low, high = (
            None if end is None else number(end, f"A bound on {name!r}{', a share,' * bool(of)}", **of) for end in at
        )
        if low is not None and high is not None and low > high:
            fail(f"The bound on {name!r} must have its least first", f"it is ({low:g}, {high:g})", "Swap them.")
        made[name] = low, high
    return made


def _budget(budget: float | Amount | None, economy: Economy | None) -> float:
    """Return the budget in currency a year."""
    if budget is None:
        return np.inf
    if isinstance(budget, Amount):
        if budget.unit not in YEARLY:
            fail(
                "A budget must be a share of GDP, or an Amount by month or year",
                f"its unit is {budget.unit!r}",
                "Write budget=0.01, or Amount(1e9, 'year').",
            )
        return budget.per_year()
    share = number(budget, "A budget that is a share of GDP", low=0, high=1)
    if economy is None or economy.gdp is None:
        fail(
            "A budget that is a share needs GDP",
            "no economy gives it",
            "Pass economy=Economy(gdp=...), or budget=Amount(1e9, 'year').",
        )
    return share * economy.gdp


def _line(line: float | str | None, economy: Economy | None, survey: Survey, measure: str) -> float:
    """Return the poverty line of a search."""
    lines = economy.poverty_lines(survey.welfare_period) if economy is not None else {}
    if isinstance(line, str):
        fail_if_unknown(line, lines, "The line of a search", "Lines are given as Economy(lines={name: value}).")
        return lines[line]
    if line is not None:
        return number(line, "The line of a search", above=0)
    if len(lines) != 1:
        came = f"the economy has {', '.join(map(repr, lines))}" if lines else "none was given"
        fail(f"A search for {measure!r} needs one poverty line", came, "Pass line=, a value or its name.")
    return next(iter(lines.values()))


@dataclass(frozen=True, eq=False)
class _Groups:
    """An opportunity's rows and groups."""

    cells: Cells
    groups: Groups
    cuts: FloatArray
    tree: OpportunityTree

    @classmethod
    def of(
        cls, survey: Survey, opportunity: Opportunity | None, tree: OpportunityTree | None, full: FullSample
    ) -> "_Groups":
        """Grow the tree, and raise if money cannot move anybody in it."""
        assert opportunity is not None
        cells = opportunity.prepare(survey)
        if not cells.shares:
            fail(
                f"Opportunity {opportunity.name!r} must have a welfare class among its circumstances",
                f"they are {list(opportunity.circumstances)}, and money moves nobody between these",
                "Add 'bottom40', 'quintile' or 'decile'.",
            )
        cuts = full.cuts(cells.shares)[:, 0]
        rule = tree if tree is not None else OpportunityTree()
        grown = type(rule)(**rule.get_params())
        by_fold = None
        if isinstance(grown.cp, str):
            fold = folds_of(cells.design, seed=grown.seed)[cells.psu]
            parts = [cells.among(np.flatnonzero(fold == k)) for k in range(int(fold.max(initial=0)) + 1)]
            by_fold = np.stack([part.sums(cuts) for part in parts])
        grown.fit_cells(cells.circumstances, cells.codes, cells.sums(cuts), by_fold)
        found = groups_of(cells, grown, cuts)
        leaf = found.of_cell.reshape(len(cells.domains), cells.bands)
        if (leaf == leaf[:, :1]).all():
            fail(
                f"The tree of opportunity {opportunity.name!r} must split by welfare",
                f"none of its splits does, and money moves nobody between its {len(found.labels)} group(s)",
                "Pass tree= with another rule, or search for poverty.",
            )
        return cls(cells, found, cuts, grown)


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


def _front(loss: FloatArray, cost: FloatArray, nothing: float) -> LongArray:
    """Return the packages that no other beats in both cost and effect, the cheapest first; paying nothing is none."""
    order = np.lexsort((np.arange(len(loss)), loss, cost))
    best = np.minimum.accumulate(np.r_[nothing, loss[order]])
    return np.asarray(order[loss[order] < best[:-1]])


def _training_cost(survey: Survey, payments: Payments, psu_of_unit: Any, dealt: Dealt) -> FloatArray:
    """Return what options cost by training set, as its people stand for all: (sets, columns)."""
    psus = survey.design.psus
    cost = np.stack([added(psu_of_unit, one, psus) for one in payments.cost], axis=1)
    people = added(survey.design.psu, survey.people, psus)
    every = np.arange(psus)
    training = dealt.others(people, every)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(dealt.others(cost, every) * (people.sum() / training)[:, None])


def _contenders(
    order: LongArray, loss: FloatArray, cost: FloatArray, able: BoolArray, budget: float, contenders: int
) -> LongArray:
    """Return the best within the budget, then the best of those that cost little more."""
    near = np.flatnonzero(able & (cost > within(budget)) & (cost <= (1 + NEAR) * budget))
    near = near[np.lexsort((near, cost[near], loss[near]))]
    return np.concatenate([order[:contenders], near[:contenders]])


@dataclass(frozen=True, eq=False)
class _Told:
    """The best package's figures, and what the objective is worked out from."""

    survey: Survey
    asked: Question
    full: FullSample
    groups: _Groups | None
    transfers: Transfers
    economy: Economy | None

    def objective(self, transfers: Transfers | None) -> list[Asked]:
        """Prepare the objective in a scenario: before, or after a transfer."""
        asked = self.asked
        if asked.objective in ACCESS:
            assert self.groups is not None
            of = self.groups
            return [group_access(self.full, of.cells, of.groups, of.cuts, transfers)]
        scenario = Scenario("before" if transfers is None else AFTER, self.survey, transfers)
        if asked.objective == "gini":
            return [*Inequality(["gini"]).prepare(scenario, (), self.full)]
        return [*self.poverty([asked.objective]).prepare(scenario, (), self.full)]

    def poverty(self, measures: Sequence[str] = tuple(FGT)) -> Poverty:
        """Return poverty at the line, which is called what the economy calls it."""
        assert self.asked.line is not None
        lines = (self.economy or Economy()).poverty_lines(self.survey.welfare_period)
        name = next((name for name, at in lines.items() if at == self.asked.line), None)
        return Poverty(self.asked.line, name, measures)

    def value(self, transfers: Transfers) -> float:
        """Return the objective of the full sample after a transfer."""
        prepared = joined(self.objective(transfers))
        whole = self.full.switched() if self.full.switches else self.full
        found = np.concatenate([one.evaluate(whole) for one in prepared])[:, 0]
        return float(found[_at(prepared, self.asked.objective, AFTER)])

    def agrees(self, table: Mapping[str, float]) -> None:
        """Raise if the best package as a whole is not what its schemes add up to."""
        found = {self.asked.objective: self.value(self.transfers)}
        found["total_cost"] = float(self.transfers.cost["total_cost"].iloc[-1])
        for name, value in found.items():
            if abs(value - table[name]) > SHARE_TOL * max(abs(value), 1e-3):
                fail(
                    "The schemes of a search must not depend on each other",
                    f"{name} of the best package is {value:.6g}, and {table[name]:.6g} where its schemes are added up",
                    "Drop priorities, caps over several schemes and the like.",
                )

    def cross_validated(self, dealt: Dealt, chosen: LongArray) -> float | None:
        """Return the objective where everybody is paid what was chosen without them; None where nothing could be."""
        if (chosen < 0).any():
            warn(
                "A package should be within the budget without any fold of PSUs",
                f"none is without {int((chosen < 0).sum())} of {len(chosen)}, so that nothing is cross-validated",
                "Raise the budget a little.",
            )
            return None
        grid, run = self.asked.grid, self.asked.run
        after: dict[int, FloatArray] = {}
        for number_ in np.unique(chosen).tolist():
            made = simulate(self.survey, Package(grid.schemes(number_), **run), self.economy).welfare_after
            assert made is not None
            after[number_] = made
        psu, values = self.survey.design.psu, []
        for fold, picked in zip(dealt.fold, chosen.reshape(len(dealt.fold), -1), strict=True):
            mixed = np.empty(self.survey.n_households)
            for f, number_ in enumerate(picked.tolist()):
                here = fold[psu] == f
                mixed[here] = after[number_][here]
            values.append(self.value(replace(self.transfers, welfare_after=mixed, outcomes=None)))
        return float(np.mean(values))

    def estimate(self, dealt: Dealt, chosen: LongArray, contenders: Prepared, evaluated: dict[str, Any]) -> Estimates:
        """Estimate the best package, the objective as found and as cross-validated, and who wins in each replicate."""
        survey, asked, full = self.survey, self.asked, self.full
        scenarios = [Scenario("before", survey), Scenario(AFTER, survey, self.transfers)]
        prepared: list[Asked] = []
        statistics: list[Any] = [MeanWelfare(), Inequality(["gini"]), Coverage(), Cost()]
        if asked.line is not None:
            statistics.insert(1, self.poverty())
        for statistic in statistics:
            prepared += [made for scenario in scenarios for made in statistic.prepare(scenario, (), full)]
        if self.groups is not None:
            of = self.groups
            honest = cross_validated(of.cells, of.tree.rule(), of.cuts) if len(of.groups.labels) > 1 else of.groups.ends
            prepared.append(group_access(full, of.cells, of.groups, of.cuts, self.transfers, honest))
        value = self.cross_validated(dealt, chosen)
        if value is not None:
            prepared.append(_CrossValidated.of(self, value))
        prepared.append(contenders)
        found = evaluate(survey, prepared, full=full, **evaluated)
        picked = [
            row.statistic == asked.objective and row.scenario != "before" and CROSS_VALIDATED not in row.param
            for row in found.rows
        ]
        flags = tuple(
            ";".join(dict.fromkeys([*filter(None, flag.split(";")), "biased"])) if is_picked else flag
            for flag, is_picked in zip(found.flags, picked, strict=True)
        )
        return replace(found, flags=flags)


def _at(prepared: Sequence[Prepared], statistic: str, scenario: str) -> int:
    """Return where a figure of everybody stands among the rows of prepared statistics."""
    rows = [row for one in prepared for row in one.rows]
    return next(
        i
        for i, row in enumerate(rows)
        if (row.statistic, row.scenario) == (statistic, scenario)
        and row.by == "all"
        and CROSS_VALIDATED not in row.param
    )


@dataclass(frozen=True, eq=False)
class _CrossValidated:
    """The objective after, and its change, as cross-validation has them: they vary as the package held fixed does."""

    rows: tuple[Row, ...]
    prepared: tuple[Prepared, ...]
    before: int
    after: int
    shift: float

    @classmethod
    def of(cls, told: _Told, value: float) -> "_CrossValidated":
        """Name both."""
        access = told.asked.objective in ACCESS
        prepared = joined([*([] if access else told.objective(None)), *told.objective(told.transfers)])
        before, after = (_at(prepared, told.asked.objective, scenario) for scenario in ("before", AFTER))
        row = [row for one in prepared for row in one.rows][after]
        shift = value - told.value(told.transfers)
        plain = replace(
            row,
            param=f"{row.param}, {CROSS_VALIDATED} package" if row.param else f"{CROSS_VALIDATED} package",
            scale="t",
            falls=False,
            flag="",
            doubt=abs(shift) / 2,
        )
        return cls((plain, replace(plain, scenario="change")), tuple(prepared), before, after, shift)

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (2, replicates)."""
        values = np.concatenate([one.evaluate(block) for one in self.prepared])
        after = values[self.after] + self.shift
        return np.stack([after, after - values[self.before]])


WINNER = "winner"


@dataclass(frozen=True, eq=False)
class _Contenders:
    """Which contender is best in a replicate, by its number among them; -1 where the budget allows none."""

    rows: tuple[Row, ...]
    sums: Totals  # of cost, then of the poor, by unit
    others: tuple[Prepared, ...]  # by contender, of what is no sum
    after: int
    sign: float
    budget: float

    @classmethod
    def of(cls, asked: Question, payments: Payments, scan: Scan, standing: LongArray, told: _Told) -> "_Contenders":
        """Take the contenders."""
        columns = asked.grid.columns(standing)
        full = told.full
        cost = np.stack([_sum_rows(payments.cost, line) for line in columns])
        poor, prepared, after = np.empty((0, full.units)), [], 0
        if asked.objective in FGT:
            part = next(part for part in scan.parts if isinstance(part, PackagePoverty) and part.level is None)
            poor = _poor_by_unit(part, told.survey, full, Taken.of(columns), asked.objective)
        else:
            for number_ in standing.tolist():
                transfers = simulate(told.survey, Package(asked.grid.schemes(number_), **asked.run), told.economy)
                one = joined(told.objective(replace(transfers, outcomes=None)))  # with the full sample's cuts
                after = _at(one, asked.objective, AFTER)
                prepared += one
        sums = np.ascontiguousarray(np.concatenate([cost, poor]))
        totals = Totals(
            sums,
            np.arange(full.units, dtype=np.int32),
            np.zeros(1, dtype=np.int32),
            np.array([0, full.units], dtype=np.int32),
            1,
        )
        row = Row(WINNER, n=0, df=2**30, scale="none")
        return cls((row,), totals, tuple(prepared), after, asked.sign, asked.budget)

    def _walked(self, block: Block) -> Sequence[Prepared]:
        """Return the contenders, with what they share worked out once: who is in which group before."""
        first = self.others[0]
        if not isinstance(first, GroupAccess):
            return self.others
        ready: Any = _Ready(first.sums.evaluate(block.factors, block.cuts(first.shares)))
        return [replace(one, sums=ready) for one in self.others if isinstance(one, GroupAccess)]

    def evaluate(self, block: Block) -> FloatArray:
        """Return the number of the best, of shape (1, replicates)."""
        found = self.sums.evaluate(block.factors)[0]
        if self.others:
            cost = found
            loss = self.sign * np.stack([one.evaluate(block)[self.after] for one in self._walked(block)])
        else:
            cost, loss = found[: len(found) // 2], found[len(found) // 2 :]
        loss = np.where((cost <= within(self.budget)) & np.isfinite(loss), loss, np.inf)
        low = loss.min(axis=0)
        cost = np.where(loss == low, cost, np.inf)
        best = np.where(cost == cost.min(axis=0), 1.0, 0.0).argmax(axis=0).astype(np.float64)
        return np.where(np.isfinite(low), best, -1.0)[None]


@dataclass(frozen=True, eq=False)
class _Ready:
    """Sums of a block that are there already."""

    sums: FloatArray

    def evaluate(self, factors: FloatArray, cuts: FloatArray) -> FloatArray:
        """Return them."""
        return self.sums


def _sum_rows(cost: FloatArray, columns: Any) -> FloatArray:
    """Add the cost by unit of a package's options up."""
    total: FloatArray = cost[columns[0]].copy()
    for column in columns[1:]:
        total += cost[column]
    return total


def _poor_by_unit(part: PackagePoverty, survey: Survey, full: FullSample, taken: Taken, measure: str) -> FloatArray:
    """Return sums of one measure of poverty by unit: (packages, units)."""
    assert survey.welfare is not None
    rows = np.flatnonzero(survey.welfare_known & (survey.welfare < part.line) & (survey.people > 0))
    unit = full.unit[rows]
    order = np.argsort(unit, kind="stable")
    by_unit = replace(
        part,
        money=part.money[order],
        welfare=part.welfare[order],
        share=part.share[order],
        weight=part.weight[order],
    )
    sums, of = by_unit.sums(taken, unit[order])
    made = np.zeros((taken.packages, full.units))
    made[:, of] = sums[:, list(FGT).index(measure)].T
    return made


def _apart(estimates: Estimates) -> tuple[Estimates, LongArray]:
    """Take who wins in each replicate out of the estimates, of which it is none."""
    at = next(i for i, row in enumerate(estimates.rows) if row.statistic == WINNER)
    kept = np.arange(len(estimates.rows)) != at
    by_row = ("value", "se", "ci_low", "ci_high", "bias", "df")
    left = replace(
        estimates,
        rows=tuple(row for row in estimates.rows if row.statistic != WINNER),
        flags=tuple(flag for flag, keep in zip(estimates.flags, kept, strict=True) if keep),
        draws=estimates.draws[:, kept],
        beside=estimates.beside[:, kept],
        **{name: getattr(estimates, name)[kept] for name in by_row},
    )
    return left, estimates.draws[:, at].astype(np.int64)


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
