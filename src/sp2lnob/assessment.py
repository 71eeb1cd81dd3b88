"""The main job: who is behind, what a package changes, what it costs, and how sure that is."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._corrected import prepare_index
from ._domains import FullSample, check_by
from ._figures import figures_of
from ._folds import folds_of
from ._html import form_of, short, table
from ._parallel import Executor
from ._relative import RelativeLine
from ._responses import HINGING
from ._results import write_file
from ._splits import Rule
from ._typing import FloatArray
from ._validate import choice, fail, fail_if_unknown, fail_type, listing, mapping
from .chances import prepare_human_opportunity, prepare_shapley
from .cross_validation import Ends, counted_anew, cross_validated, halves
from .decomposition import METHODS as SHAPLEY_METHODS, MOST_PLAYERS
from .disclosure import EFFECT_FIGURES, FEWEST, GROUP_FIGURES, STABILITY_FIGURES, least_cases, withhold, withhold_tree
from .economy import Economy
from .effects import CROSS_VALIDATED, Groups, check_effects, effect_of, group_access, groups_of, hinges_on_the_cut
from .estimates import Estimates
from .estimation import Advance, Resume, bound, evaluate, full_sample_of, pair_of, rise_of
from .findings import PROJECTION, Findings, empty
from .opportunity import Cells, Opportunity
from .populations import Population
from .projection import Projection, project
from .replication import Bootstrap, ReplicateDesign
from .report import render
from .schemes import Package
from .stability import REFIT, SAME, Refit, refit as refits_of, stability_frame, stability_of
from .statistics import Poverty
from .survey import Survey
from .transfers import Transfers, simulate
from .tree import OpportunityTree

if TYPE_CHECKING:
    import pandas as pd

BOTTOM_40 = 0.4
MOST_ROWS = 20_000_000  # over all sets of circumstances: about 1 GB, and a minute of one core for 1,000 replicates
SCENARIOS = ("before", "after", "change")
PROJECTED = ("years", "indexed", "growth", "wages", "by_sex", "calibrate")  # arguments of project() that assess takes
OF_GROUPS = ("access", "d_index", "furthest_behind", "furthest_ahead", "gap")
MAIN = (
    "access",
    "gap",
    "d_index",
    "hoi",
    "shapley",
    "headcount",
    "poverty_gap",
    "mean_welfare",
    "gini",
    "palma",
    "recipients",
    "total_cost",
)


@dataclass(frozen=True, eq=False)
class Assessment:
    """What ``assess`` found.

    Attributes
    ----------
    estimates : Estimates
        Every figure; ``estimates.frame()`` is tidy.
    groups : DataFrame
        Every opportunity's groups, from the furthest behind to the furthest ahead: opportunity, group, label, share, n;
        before, after and change, each with _se, _low and _high; gaining (people, or households where these are
        counted, who gain access or leave the barrier); furthest_behind, furthest_ahead, flag. Groups are those that the
        full sample shows; the two at the ends were chosen for their rates, and have no interval: furthest_behind,
        furthest_ahead and gap in ``estimates`` have one, with param "cross-validated".
    effects : DataFrame
        What the change rests on: opportunity, effect, statistic ("access" or "d_index"), by ("all" or "group"), label;
        before, after and change, the last with _se, _low and _high; gaining, n and flag, as in ``groups``. Empty
        without a package.
    stability : DataFrame
        What trees grown anew in every replicate found: opportunity, what ("same first split", "first split", "furthest
        behind", "furthest ahead", "gap"), label (a split, a circumstance, a combination of circumstances), share, n,
        frequency (share of the replicates), sd (of the gap between a replicate's own ends), replicates, flag. Of more
        than 1,000 combinations, the 1,000 of the most weight. Empty without refits.
    transfers : Transfers or None
    projection : Projection or None
        Recipients and cost in the years to come, as ``project`` returns them; None without a population.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
    >>> result
    Assessment of 1 opportunity and no package on a Survey of 400 households ...; ... figures from 10 replicates

    Without an opportunity there are no groups:

    >>> sp.assess(survey, [], replicates=sp.Bootstrap(10)).groups.empty
    True
    """

    survey: Survey
    estimates: Estimates
    groups: "pd.DataFrame"
    effects: "pd.DataFrame"
    stability: "pd.DataFrame"
    trees: Mapping[str, OpportunityTree]
    transfers: Transfers | None
    replicates: int
    dropped: Mapping[str, Mapping[str, int]]
    asked: Mapping[str, Any]
    projection: Projection | None = None

    def tree(self, opportunity: str) -> OpportunityTree:
        """Return the tree of an opportunity.

        Parameters
        ----------
        opportunity : str
            Its name.

        Returns
        -------
        OpportunityTree

        Raises
        ------
        InputError
            If there is no such opportunity.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
        >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
        >>> result.tree("internet").groups_["label"].tolist()
        ['urbrur: Rural', 'urbrur: Urban']
        >>> result.tree("intrenet")
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: An opportunity must be one that exists, but 'intrenet' does not. ...
        """
        fail_if_unknown(opportunity, self.trees, "An opportunity")
        return self.trees[opportunity]

    def findings(self, disclosure: str | int = "dhs", *, study: Mapping[str, Any] | None = None) -> Findings:
        """Return what is published: tables, trees and how they were made.

        Parameters
        ----------
        disclosure : "dhs", "none" or int, default "dhs"
            Figures from fewer unweighted cases than this are withheld; "dhs" says 25. Those from fewer than 50 are
            marked under every policy.
        study : dict, default None
            What else the manifest should hold, such as a study file's hash.

        Returns
        -------
        Findings

        Raises
        ------
        InputError
            If there is no such policy.

        References
        ----------
        The DHS Program, Guide to DHS Statistics: estimates from fewer than 25 unweighted cases are not shown, those
        from 25 to 49 stand in parentheses.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> result = sp.assess(survey, [], by=["ea"], replicates=sp.Bootstrap(10))
        >>> shown = result.findings().estimates.query("by == 'ea' and statistic == 'mean_welfare'")
        >>> int(shown.n.max()), int(shown.value.count()), bool(shown.flag.str.contains("withheld").all())
        (20, 0, True)

        A survey of few households, all of whose figures the analyst wants:

        >>> bool(result.findings(disclosure="none").estimates["value"].isna().any())
        False
        """
        policy = disclosure if isinstance(disclosure, str) else least_cases(disclosure)
        trees = {name: withhold_tree(self._tree(name), policy) for name in self.trees}
        return Findings(
            withhold(self.estimates.frame(), policy),
            withhold(self.groups, policy, GROUP_FIGURES),
            trees,
            {**self.manifest(), "disclosure": policy, **(study or {})},
            withhold(self.stability, policy, STABILITY_FIGURES),
            withhold(self.effects, policy, EFFECT_FIGURES),
            empty(PROJECTION) if self.projection is None else withhold(self.projection.frame(), policy),
        )

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        report: bool = False,
        disclosure: str | int = "dhs",
        study: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write the tables, trees and manifest, and perhaps the report.

        estimates.csv, groups.csv, stability.csv, effects.csv, projection.csv, one tree-NAME.json an opportunity,
        manifest.json, report.html; a table of what was not asked has its columns, and no row. The folder appears whole
        or not at all. An earlier result is replaced; a folder with other files is refused. The same data, arguments and
        versions give the same bytes.

        Parameters
        ----------
        folder : path
        report : bool, default False
            Whether to write report.html as well.
        disclosure, study
            As in ``findings``.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            If the folder holds files that are not ours.

        Examples
        --------
        >>> import tempfile, pathlib, sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
        >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = result.save(pathlib.Path(folder) / "results")
        ...     print(*sorted(path.name for path in written.iterdir()))
        effects.csv estimates.csv groups.csv manifest.json projection.csv stability.csv tree-internet.json

        A folder of someone else's:

        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (pathlib.Path(folder) / "thesis.txt").write_text("mine")
        ...     result.save(folder)
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: The output folder must be new, or hold an earlier result alone, but ...
        """
        found = self.findings(disclosure, study=study)
        return found.write(folder, render(found) if report else None)

    def report(self, path: str | os.PathLike[str], *, disclosure: str | int = "dhs") -> Path:
        """Write the report: one HTML file that needs no network.

        Parameters
        ----------
        path : path
            It is replaced if it is there.
        disclosure : "dhs", "none" or int, default "dhs"
            As in ``findings``.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            If what makes it is not installed.

        Examples
        --------
        >>> import tempfile, pathlib, sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> opportunity = sp.Opportunity("<b>internet</b>", outcome="internet", circumstances=["urbrur"])
        >>> result = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = result.report(pathlib.Path(folder) / "report.html").read_text(encoding="utf-8")
        >>> page.startswith("<!doctype html>"), "<b>internet</b>" in page
        (True, False)

        Nothing was asked but the survey's own figures:

        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sp.assess(survey, [], replicates=sp.Bootstrap(10)).report(pathlib.Path(folder) / "r.html").name
        'r.html'
        """
        return write_file(path, render(self.findings(disclosure)))

    def _tree(self, name: str) -> dict[str, Any]:
        """Return a tree whose leaves carry the numbers of ``groups``."""
        made = self.trees[name].to_dict()
        of = self.groups[self.groups["opportunity"] == name]
        number = dict(zip(of["label"], of["group"].tolist(), strict=True))
        for node in made["nodes"]:
            if node["rate"] != node["rate"]:  # of nobody, where groups were looked for in the other half
                node["rate"] = None
            if "group" in node:
                node["group"] = number[node["label"]]
        return made

    def manifest(self) -> dict[str, Any]:
        """Return what is needed to make the same result again."""
        import platform
        from importlib.metadata import version

        survey, asked, variance = self.survey, self.estimates.asked, self.estimates.variance
        packages = ("sp2lnob", "numpy", "scipy", "pandas", "scikit-learn", "narwhals")
        return {
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
            "survey": {
                "households": survey.n_households,
                "persons": survey.n_persons,
                "people": float(survey.people.sum()),
                "psus": survey.design.psus,
                "strata": survey.design.strata,
                "df": survey.design.df,
                "columns": {
                    **survey.names,
                    "psu": survey.psu_columns,
                    "strata": survey.strata_columns,
                    "fpc": survey.fpc_columns,
                },
                "roles": survey.roles,
                "welfare_period": survey.welfare_period,
                "uprating": {"welfare": survey.uprating, "existing": survey.uprating_of_existing},
                "single_psu": survey.single_psu,
                "missing": survey.missing,
                "svyset": survey.svyset().splitlines(),
                "svydesign": survey.svydesign().splitlines(),
                "sha256": None if survey.sources else survey.fingerprint(),
                "files": list(survey.sources),
            },
            "dropped": {name: dict(rows) for name, rows in self.dropped.items()},
            "asked": dict(self.asked),
            "replicates": {"n": self.replicates, "scale": variance.scale, "mse": variance.mse},
            **({"interrupted": {"finished": self.replicates, "asked": asked}} if self.replicates < asked else {}),
        }

    def _repr_html_(self) -> str:
        level = f"{100 * self.estimates.level:g} %"
        every = self.estimates.frame()
        frame = withhold(every, "dhs")
        found = []
        shown = withhold(self.groups, "dhs", GROUP_FIGURES)  # notebooks are published
        for name, groups in shown.groupby("opportunity", sort=False):
            head, scenarios = ["group", "share, %", "n"], ["before"]
            if self.transfers is not None:
                scenarios += ["after", "change"]
            for which in scenarios:
                head += [f"{which}, %" if which != "change" else "change, points", f"{level} interval"]
            forms = {which: form_of("share", groups[which], signed=which == "change") for which in scenarios}
            lines = []
            for row in groups.to_dict("records"):
                line = [row["label"], f"{100 * row['share']:.1f}", f"{row['n']:,}"]
                for which, form in forms.items():
                    line += [form.text(row[which]), form.ends(row[f"{which}_low"], row[f"{which}_high"])]
                lines.append([*line, row["flag"].replace(";", "; ")])
            caption = f"{name}, from the group furthest behind to the furthest ahead"
            found.append(table(caption, [*head, "flag"], lines, (0, len(head)), self._honestly(str(name), frame)))
        lines = [
            [
                f"{row['statistic']} {row['param']}".strip(),
                *(row[name] for name in ("of", "scenario")),
                short(row["value"]),
                f"{short(row['ci_low'])} to {short(row['ci_high'])}" if row["ci_low"] == row["ci_low"] else "",
                f"{row['n']:,}",
                row["flag"].replace(";", "; "),
            ]
            for row in frame[(frame["by"] == "all") & frame["statistic"].isin(MAIN)].to_dict("records")
        ]
        head = ["figure", "of", "when", "value", f"{level} interval", "n", "flag"]
        hidden = shown is not self.groups or frame is not every
        few = f"Figures from fewer than {FEWEST} unweighted cases are withheld here"
        note = f". {few}: groups and estimates.frame() hold all."
        return "\n".join([*found, table("All people", head, lines, (0, 1, 2, 6), repr(self) + note * hidden)])

    def _honestly(self, name: str, frame: "pd.DataFrame") -> str:
        """Return what is to be said below an opportunity's groups: of a new sample, and of trees grown anew."""
        gaps = frame[(frame["statistic"] == "gap") & (frame["of"] == name) & (frame["scenario"] == "before")]
        anew = gaps["param"].str.endswith(CROSS_VALIDATED)
        told = []
        if anew.any() and len(self.trees[name].groups_) > 1 and gaps["value"].notna().all():
            (as_found, honest) = gaps[~anew].iloc[0], gaps[anew].iloc[0]
            form = form_of("share", gaps["value"])
            ends = form.ends(honest["ci_low"], honest["ci_high"])
            about = form.text(honest["value"]) + (f" points ({ends})" if ends else " points")
            shown = form.text(as_found["value"])
            told.append(f"In a new sample the gap would be about {about}; the groups as found show {shown}.")
        same = self.stability[(self.stability["opportunity"] == name) & (self.stability["what"] == SAME)]
        for row in same.to_dict("records"):
            told.append(f"The first split was the same in {row['frequency']:.0%} of {row['replicates']:,} replicates.")
        return " ".join(told)

    def __repr__(self) -> str:
        opportunities = f"{len(self.trees)} opportunit{'y' if len(self.trees) == 1 else 'ies'}"
        package = "no package" if self.transfers is None else f"{len(self.transfers.amounts)} schemes"
        return (
            f"Assessment of {opportunities} and {package} on a {self.survey!r}; "
            f"{len(self.estimates.rows)} figures from {self.replicates:,} replicates"
        )


def assess(
    survey: Survey,
    opportunities: Sequence[Opportunity],
    package: Package | None = None,
    economy: Economy | None = None,
    lines: Mapping[str, float | RelativeLine] | None = None,
    by: Sequence[str | Sequence[str]] | None = None,
    replicates: ReplicateDesign | None = None,
    *,
    effect: str | Sequence[str] = "reroute",
    monotone: bool = False,
    tree: OpportunityTree | None = None,
    honest: str = "cv",
    refit: bool = True,
    shapley: bool | str = True,
    classes: str = "replicate",
    interval: str | None = None,
    level: float = 0.95,
    df: str = "effective",
    welfare: bool = True,
    population: Population | None = None,
    projected: Mapping[str, Any] | None = None,
    n_threads: int | None = None,
    progress: Advance | None = None,
    executor: Executor | None = None,
    resume: Resume = None,
) -> Assessment:
    """Find who is left behind, what a package would change, what it costs, and how sure that is.

    A tree finds each opportunity's groups before the transfer. After it, people whose welfare passes the cut between
    welfare classes are routed anew through the same tree, and take the rate of the leaf they reach; what a group gains
    is shown among its members of before.

    Parameters
    ----------
    survey : Survey
    opportunities : sequence of Opportunity
        May be empty: poverty, inequality and cost only.
    package : Package, default None
        None: who is behind, without a transfer.
    economy : Economy, default None
        The survey is uprated by it first: ``Survey.uprated``.
    lines : dict of str to float or RelativeLine, default None
        Poverty lines by name; None: the economy's.
    by : sequence of str or of tuples of str, default None
        Split of poverty, welfare, what a package reaches and does, and, if it is no welfare class, inequality: as in
        ``estimate``, "recipients" too. None: decile, if the survey has welfare, and urbrur, if it has such a column.
    replicates : replicate design, default Bootstrap(1000, seed=1)
    effect : {"reroute", "interpolate", "logit", "refit"}, or a sequence of them, default "reroute"
        How access responds. "reroute": through the fixed tree. "interpolate": linearly in welfare between the means of
        classes. "logit": along a logit on the logarithm of welfare, which must be above 0, and on the circumstances
        that are no class of it. "refit": as "reroute", through each replicate's own tree. Figures are those of the
        first; those of others stand beside them with the effect's name at the end of their param, and in ``effects``.
    monotone : bool, default False
        Whether nobody's access may worsen: whoever would move to a lower rate keeps their own.
    tree : OpportunityTree, default OpportunityTree()
        Rule by which groups are found; it is copied for each opportunity. What becomes of missing circumstances, the
        survey says.
    honest : {"cv", "split"}, default "cv"
        How the ends are told without the luck that picked them. "cv": beside the ends as found stand the values that
        repeated 10-fold cross-validation by PSU gives, with intervals. "split": groups are looked for in a random half
        of the PSUs of every stratum, and all figures of an opportunity come from the other half: every interval is then
        valid as it is, about 1.4 times as wide, and groups are coarser, as half as many cases look for them.
    refit : bool, default True
        Whether the tree is grown anew in every replicate, to tell how stable the groups are: ``stability``.
    shapley : bool or {"empirical-bayes", "cells", "logit", "fixed"}, default True
        Whether to tell what each circumstance has to do with the dissimilarity of access, and of which index: True is
        the corrected one. Its work doubles with every circumstance; "logit" is far cheaper. For groups of
        circumstances, and for more than 12, see ``Shapley``.
    welfare : bool, default True
        Whether to estimate mean welfare, poverty and inequality beside access. False where welfare has a rank but no
        amount, as a wealth index; its classes may be circumstances all the same.
    population : Population, default None
        People in the years to come, among whom the package is projected: ``projection``. None: it is not.
    projected : dict, default None
        Other arguments of ``project``, by name: years, indexed, growth, wages, by_sex, calibrate; None: its defaults.
    classes, interval, level, df, n_threads, progress, executor, resume
        As in ``estimate``.

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        If a column, role or figure is lacking, two opportunities have one name, an opportunity has too many
        circumstances for Shapley shares, or a population comes without a package.

    Notes
    -----
    Of a package there are ConsumptionGain (both kinds), Coverage (of the intended and of groups too), Incidence,
    Adequacy, Targeting, GapEfficiency of every line that is a number, Cost, SchemeShapley of these lines and the Gini,
    with 2 to 8 schemes, and TargetingError of every scheme that has a Rank. Where the survey has existing benefits,
    mean welfare, poverty and inequality are told without these too: scenario "no schemes", with changes "change from no
    schemes: before" and "change from no schemes: after"; and of each of these benefits, and of all as "package",
    Coverage, Incidence and Adequacy, in scenario "existing". What cannot be told of this survey or package is named
    with the reason in ``asked["left_out"]``, which the manifest has.

    References
    ----------
    ESCAP, SP2LNOB App: groups first, then the transfer, then access among the same groups. That people are re-routed
    through the tree is our reading of it.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=800)
    >>> fuel = sp.Opportunity("clean fuel", outcome="cook_fuel in ('Electricity', 'Gas')",
    ...                       circumstances=["bottom40", "urbrur"])
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(25, "month"))])
    >>> result = sp.assess(survey, [fuel], package, lines={"national": 60.0}, replicates=sp.Bootstrap(50))
    >>> bool((result.groups["change"] >= 0).all())
    True

    A tree without a welfare class is not moved by money:

    >>> fuel = sp.Opportunity("clean fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["urbrur"])
    >>> sp.assess(survey, [fuel], package, replicates=sp.Bootstrap(50)).groups["change"].tolist()
    [0.0, 0.0]
    """
    effects = check_effects(effect)
    if not isinstance(monotone, bool):
        fail_type("monotone must be True or False", monotone, "Pass one of them.")
    choice(honest, ("cv", "split"), "honest")
    if not isinstance(refit, bool):
        fail_type("refit must be True or False", refit, "Pass one of them.")
    if not isinstance(survey, Survey):
        fail_type("assess() takes a Survey", survey, "Build it with Survey(...).")
    opportunities = listing(opportunities, Opportunity, "opportunities", "List them: [Opportunity(...)].")
    names = [opportunity.name for opportunity in opportunities]
    if len(set(names)) < len(names):
        fail("Every opportunity must have a name of its own", f"the names are {names}", "Rename one.")
    if package is not None and not welfare:
        fail("A package must be assessed with welfare", "welfare is False", "Leave out one of the two.")
    survey = survey if economy is None else survey.uprated(economy)
    transfers = None if package is None else simulate(survey, package, economy)
    design = Bootstrap() if replicates is None else replicates
    replication = bound(design, survey)
    how: dict[str, Any] = {"interval": interval, "level": level, "df": df, "n_threads": n_threads}
    projection = _projection(transfers, population, projected, {**how, "replicates": design})
    full = full_sample_of(survey, replication, classes)
    poverty, domains = _lines(lines, economy, survey.welfare_period), _domains(survey, by)
    made = {opportunity.name: opportunity.prepare(survey) for opportunity in opportunities}
    of_index = _of_index(shapley, made)
    shares = sorted({BOTTOM_40, *(share for cells in made.values() for share in cells.shares)})
    figures = figures_of(survey, transfers, poverty, domains, shares, full, welfare=welfare)
    prepared = [*figures.prepared]
    trees: dict[str, OpportunityTree] = {}
    groups_by: dict[str, Groups] = {}
    dropped: dict[str, dict[str, int]] = {}
    grown: dict[str, tuple[Cells, FloatArray, Refit]] = {}
    for name, cells in made.items():
        cuts = full.cuts(cells.shares)[:, 0]
        learning, counting = halves(cells) if honest == "split" else (cells, cells)
        trees[name] = _grown(_clone(tree), learning, cuts)
        groups_by[name] = groups = groups_of(counting, trees[name], cuts, picked=honest == "cv")
        rule = trees[name].rule()
        anew = refits_of(full, learning, rule, cuts) if refit or "refit" in effects else None
        ends = _honest(cells, groups, rule, cuts)
        asked_of: dict[str, Any] = {"effects": effects, "monotone": monotone, "trees": anew}
        prepared.append(group_access(full, counting, groups, cuts, transfers, ends, **asked_of))
        if refit and anew is not None:
            grown[name] = learning, cuts, anew
            prepared.append(anew)
        if honest == "split":
            counted_anew(trees[name], counting, cuts)
        prepared += prepare_index(cells, "before", (), full)
        prepared += prepare_human_opportunity(cells, "before", (), full)
        if of_index is not None:
            prepared += prepare_shapley(cells, "before", (), full, of_index)
        if cells.dropped:
            dropped[name] = cells.dropped
    estimates = evaluate(
        survey,
        prepared,
        replication,
        full,
        paired=pair_of(survey, design),
        changes=figures.changes,
        rising={pair: scale for pair in figures.changes if (scale := rise_of(figures.scenarios, *pair))},
        progress=progress,
        executor=executor,
        resume=resume,
        told=design.told(),
        **how,
    )
    estimates, stability = _apart(estimates, grown)
    estimates = _within(estimates)
    if transfers is not None:
        estimates = _hinging(estimates, made, full, transfers, effects[0])
    asked = {
        "opportunities": [asdict(opportunity) for opportunity in opportunities],
        "package": package and asdict(package),
        "economy": economy and asdict(economy),
        "lines": {line.name: asdict(of) if isinstance(of := line.line, RelativeLine) else of for line in poverty},
        "by": [list(domain) for domain in domains],
        "tree": _clone(tree).get_params(),
        "replicates": design.told(),
        "effect": effects[0] if len(effects) == 1 else list(effects),
        "monotone": monotone,
        "honest": honest,
        "refit": refit,
        "shapley": of_index or False,
        "classes": classes,
        "interval": interval,
        "level": estimates.level,
        "df": df,
        "left_out": dict(figures.left_out),
        "projection": projection and _told(projection, population),
    }
    frame = _groups(estimates, groups_by, transfers is not None, effects[0])
    answers = _effects(estimates, groups_by, effects if transfers is not None else ())
    done = len(estimates.draws)
    return Assessment(survey, estimates, frame, answers, stability, trees, transfers, done, dropped, asked, projection)


def _projection(
    transfers: Transfers | None, population: Population | None, projected: Mapping[str, Any] | None, how: dict[str, Any]
) -> Projection | None:
    """Project a package among a population, on the replicates of everything else."""
    given = mapping(projected or {}, "projected", "Write {'years': [2030, 2050]}.")
    for name in given:
        fail_if_unknown(name, PROJECTED, "An argument in projected")
    if population is None:
        if given:
            fail("What is projected must have a population", "population is None", "Pass population=, or drop it.")
        return None
    if transfers is None:
        fail("A projection must have a package", "package is None", "Pass one, or leave population out.")
    return project(transfers, population, **given, **how)


def _told(projection: Projection, population: Population | None) -> dict[str, Any]:
    """Return what a projection rests on, as the manifest tells it."""
    assert population is not None
    return {
        "population": population.name,
        "years": list(projection.years),
        "base_year": projection.base_year,
        "indexed": projection.indexed,
        "gdp": [None if np.isnan(gdp) else gdp for gdp in projection.gdp.tolist()],
        "gdp_base": projection.gdp_base,
        "ratio": projection.ratio,
        "note": projection.note,
    }


def _of_index(shapley: bool | str, made: Mapping[str, Cells]) -> str | None:
    """Return of which index Shapley shares are, or None; raise if some opportunity has too many circumstances."""
    if isinstance(shapley, bool):
        method = SHAPLEY_METHODS[0] if shapley else None
    else:
        method = choice(shapley, SHAPLEY_METHODS, "shapley, if it is not True or False,")
    for name, cells in made.items() if method is not None else ():
        k = len(cells.circumstances)
        if k > MOST_PLAYERS:
            fail(
                f"Shapley shares take at most {MOST_PLAYERS} circumstances",
                f"opportunity {name!r} has {k}",
                "Pass shapley=False, and use estimate() with Shapley(opportunity, groups=...) or permutations=1000.",
            )
        rows, sets = len(cells.index), 2**k - 1
        if method == SHAPLEY_METHODS[0] and rows * sets > MOST_ROWS:
            fail(
                f"Shapley shares of the corrected index take at most {MOST_ROWS:,} rows over all sets of circumstances",
                f"opportunity {name!r} has {sets:,} sets of {k} circumstances, and {rows:,} rows for each",
                "Pass shapley='logit' or shapley=False, or name fewer circumstances.",
            )
    return method


def _grown(tree: OpportunityTree, cells: Cells, cuts: FloatArray) -> OpportunityTree:
    """Grow a tree on the cells of an opportunity, by folds of PSUs if its cp is to be chosen."""
    by_fold = None
    if isinstance(tree.cp, str):
        fold = folds_of(cells.design, seed=tree.seed)[cells.psu]
        parts = [cells.among(np.flatnonzero(fold == k)) for k in range(int(fold.max(initial=0)) + 1)]
        by_fold = np.stack([part.sums(cuts) for part in parts])
    return tree.fit_cells(cells.circumstances, cells.codes, cells.sums(cuts), by_fold)


def _clone(tree: OpportunityTree | None) -> OpportunityTree:
    """Return a tree of the same rule, not yet fitted."""
    if tree is None:
        return OpportunityTree()
    if not isinstance(tree, OpportunityTree):
        fail_type("tree must be an OpportunityTree", tree, "Pass OpportunityTree(...) or OpportunityTree.lnob().")
    return type(tree)(**tree.get_params())


def _honest(cells: Cells, groups: Groups, rule: Rule, cuts: FloatArray) -> Ends | None:
    """Return the cross-validated ends of groups that were picked for their rates; one group alone was not picked."""
    if not groups.picked:
        return None
    return groups.ends if len(groups.labels) == 1 else cross_validated(cells, rule, cuts)


def _apart(
    estimates: Estimates, grown: Mapping[str, tuple[Cells, FloatArray, Refit]]
) -> tuple[Estimates, "pd.DataFrame"]:
    """Take what the replicates' own trees found out of the estimates, of which it is none."""
    lines = []
    for name, (cells, cuts, of) in grown.items():
        at = [i for i, row in enumerate(estimates.rows) if (row.statistic, row.of) == (REFIT, name)]
        lines += stability_of(of, cells, cuts, estimates.draws[:, at], estimates.se[at[of.gap]])
    kept = np.array([row.statistic != REFIT for row in estimates.rows], dtype=np.bool_)
    by_row = ("value", "se", "ci_low", "ci_high", "bias", "df")
    left = replace(
        estimates,
        rows=tuple(row for row, keep in zip(estimates.rows, kept, strict=True) if keep),
        flags=tuple(flag for flag, keep in zip(estimates.flags, kept, strict=True) if keep),
        draws=estimates.draws[:, kept],
        beside=estimates.beside[:, kept],
        **{name: getattr(estimates, name)[kept] for name in by_row},
    )
    return left if grown else estimates, stability_frame(lines)


def _within(estimates: Estimates) -> Estimates:
    """End the intervals of cross-validated rates at 0 and 1: what is cut off holds no rate, and so never the truth."""
    low, high = estimates.ci_low.copy(), estimates.ci_high.copy()
    for i, row in enumerate(estimates.rows):
        if row.param.endswith(CROSS_VALIDATED) and row.statistic != "gap":
            low[i], high[i] = max(low[i], 0.0), min(high[i], 1.0)
    return replace(estimates, ci_low=low, ci_high=high)


def _domains(survey: Survey, by: Sequence[str | Sequence[str]] | None) -> list[tuple[str, ...]]:
    """Return the domains asked for, or those that the survey can have."""
    if by is None:
        usual = {"decile": survey.welfare is not None, "urbrur": survey.has_column("urbrur")}
        by = [name for name, there in usual.items() if there]
    return check_by(by)


def _lines(
    lines: Mapping[str, float | RelativeLine] | None, economy: Economy | None, welfare_period: str
) -> list[Poverty]:
    of_economy = {} if economy is None else economy.poverty_lines(welfare_period)
    given: Mapping[str, Any] = of_economy if lines is None else lines
    return [Poverty(line, name) for name, line in mapping(given, "lines", "Write {'national': 1500.0}.").items()]


def _hinging(
    estimates: Estimates, made: Mapping[str, Cells], full: FullSample, transfers: Transfers, main: str
) -> Estimates:
    """Flag the changes in access that rest on few who change class, or on where exactly classes are cut."""
    found = {
        row.param: estimates.se[i]
        for i, row in enumerate(estimates.rows)
        if (row.statistic, row.scenario, row.by) == ("quantile", "before", "all")
    }
    hinging = set()
    for name, cells in made.items():
        errors = np.array([found[f"q={share:.15g}"] for share in cells.shares])
        if hinges_on_the_cut(full, cells, errors, transfers):
            hinging.add(name)
    flags = tuple(
        _joined([flag, "hinges on the cut"])
        if row.of in hinging
        and row.scenario == "change"
        and row.statistic in OF_GROUPS
        and effect_of(row.param, main) in HINGING
        else flag
        for row, flag in zip(estimates.rows, estimates.flags, strict=True)
    )
    return replace(estimates, flags=flags)


def _joined(flags: Iterable[str]) -> str:
    """Return each flag once."""
    return ";".join(dict.fromkeys(part for flag in flags for part in flag.split(";") if part))


def _effects(estimates: Estimates, groups: Mapping[str, Groups], effects: Sequence[str]) -> "pd.DataFrame":
    """Return what every effect says of everybody, of the groups, and of dissimilarity between them."""
    import pandas as pd

    position = {
        (row.of, effect_of(row.param, effects[0]), row.statistic, row.by, row.level, row.scenario): i
        for i, row in enumerate(estimates.rows if effects else ())
        if row.statistic == "access" or (row.statistic == "d_index" and "groups" in row.param.split(", "))
    }
    lines = []
    for name, of in groups.items():
        figures = [("access", "all", "all", of.weight.sum()), ("d_index", "all", "all", np.nan)]
        figures[1:1] = [("access", "group", label, of.weight[g]) for g, label in enumerate(of.labels)]
        for effect in effects:
            for statistic, by, label, weight in figures:
                at = [position[name, effect, statistic, by, label, scenario] for scenario in SCENARIOS]
                line: dict[str, Any] = {
                    "opportunity": name,
                    "effect": effect,
                    "statistic": statistic,
                    "by": by,
                    "label": label,
                    **dict(zip(SCENARIOS, estimates.value[at].tolist(), strict=True)),
                    "change_se": estimates.se[at[-1]],
                    "change_low": estimates.ci_low[at[-1]],
                    "change_high": estimates.ci_high[at[-1]],
                }
                line["gaining"] = (-1.0 if of.barrier else 1.0) * weight * line["change"]
                lines.append(line | {"n": estimates.rows[at[0]].n, "flag": _joined(estimates.flags[i] for i in at)})
    columns = ["opportunity", "effect", "statistic", "by", "label", *SCENARIOS, "change_se", "change_low"]
    return pd.DataFrame(lines, columns=[*columns, "change_high", "gaining", "n", "flag"])


def _groups(estimates: Estimates, groups: Mapping[str, Groups], with_after: bool, main: str) -> "pd.DataFrame":
    """Return the frame of groups from the estimates by group, as the main effect has them."""
    import pandas as pd

    position = {
        (row.of, row.level, row.scenario): i
        for i, row in enumerate(estimates.rows)
        if row.by == "group" and effect_of(row.param, main) == main
    }
    lines = []
    for name, of in groups.items():
        for g, label in enumerate(of.labels):
            line: dict[str, Any] = {
                "opportunity": name,
                "group": g + 1,
                "label": label,
                "share": of.weight[g] / of.weight.sum(),
                "n": int(of.n[g]),
            }
            for scenario in SCENARIOS:
                i = position.get((name, label, scenario))
                figures = (
                    (np.nan,) * 4
                    if i is None
                    else (estimates.value[i], estimates.se[i], estimates.ci_low[i], estimates.ci_high[i])
                )
                line |= dict(
                    zip((scenario, f"{scenario}_se", f"{scenario}_low", f"{scenario}_high"), figures, strict=True)
                )
            better = -1.0 if of.barrier else 1.0
            line |= {
                "gaining": better * of.weight[g] * line["change"] if with_after else np.nan,
                "furthest_behind": g == of.behind,
                "furthest_ahead": g == of.ahead,
                "flag": _joined(
                    estimates.flags[i] for s in SCENARIOS if (i := position.get((name, label, s))) is not None
                ),
            }
            lines.append(line)
    columns = [
        "opportunity",
        "group",
        "label",
        "share",
        "n",
        *(f"{s}{end}" for s in ("before", "after", "change") for end in ("", "_se", "_low", "_high")),
        "gaining",
        "furthest_behind",
        "furthest_ahead",
        "flag",
    ]
    return pd.DataFrame(lines, columns=columns)
