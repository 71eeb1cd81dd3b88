"""Results side by side and differenced: packages on one survey, or surveys and countries.

A difference on one survey is taken replicate by replicate, so that what both share cancels. Between surveys variances
add up, and degrees of freedom are Welch's.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._comparison_page import render
from ._html import short, table
from ._results import write_file, write_folder
from ._validate import fail, fail_if_unknown, fail_type, mapping, warn
from .assessment import Assessment
from .disclosure import FEWEST, least_cases, withhold
from .estimates import NAMES, Estimates, differences
from .findings import as_csv

if TYPE_CHECKING:
    import pandas as pd

COMPARISON = "comparison.csv"
PAIRED, INDEPENDENT = "paired", "independent"
MONEY = ("mean_welfare", "quantile", "generosity", "transfer_cost", "total_cost")  # in the survey's own currency
SHOWN = 40  # lines in a notebook


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results side by side, and what each differs by from one of them.

    Attributes
    ----------
    names : tuple of str
        What is compared, in its order.
    baseline : str
        What the others are differenced from.
    estimates : DataFrame
        ``compared``: a name. ``against``: the baseline's name in rows that are differences, else no text.
        ``difference``: "paired" on the same replicates, "independent" between surveys, else no text. Then the columns
        of ``Estimates.frame``.
    manifest : dict
        How each result was made.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> packages = {"children": sp.Package([sp.child_benefit(sp.Amount(8, "month"))]),
    ...             "old age": sp.Package([sp.old_age_pension(sp.Amount(30, "month"))])}
    >>> comparison = sp.compare({name: sp.assess(survey, [], package, replicates=sp.Bootstrap(10))
    ...                          for name, package in packages.items()})
    >>> comparison
    Comparison of children and old age: ... figures, ... of them differences from children

    A result beside itself differs by nothing:

    >>> result = sp.estimate(survey, [sp.MeanWelfare()], replicates=sp.Bootstrap(10))
    >>> sp.compare({"one": result, "again": result}).frame().query("against != ''").empty
    True
    """

    names: tuple[str, ...]
    baseline: str
    estimates: "pd.DataFrame"
    manifest: Mapping[str, Any]

    def frame(self) -> "pd.DataFrame":
        """Return the tidy table: every figure of every result, each followed by its differences.

        Returns
        -------
        DataFrame
            compared, against, difference; statistic, of, param, scenario, by, level, value, se, ci_low, ci_high, bias,
            df, n, replicates, flag.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> surveys = {"Here": sp.example_survey(400), "There": sp.example_survey(400, seed=2)}
        >>> results = {name: sp.estimate(survey, [sp.Inequality(["gini"])], replicates=sp.Bootstrap(10))
        ...            for name, survey in surveys.items()}
        >>> sp.compare(results).frame()[["compared", "against", "difference"]].values.tolist()
        [['Here', '', ''], ['There', '', ''], ['There', 'Here', 'independent']]

        Figures that one of them alone has are not differenced:

        >>> results["There"] = sp.estimate(surveys["There"], [sp.Inequality()], replicates=sp.Bootstrap(10))
        >>> sp.compare(results).frame()["statistic"].tolist()
        ['gini', 'gini', 'gini', 'palma']
        """
        return self.estimates

    def findings(self, disclosure: str | int = "dhs") -> "Comparison":
        """Return what is published: figures from too few cases are withheld.

        Parameters
        ----------
        disclosure : "dhs", "none" or int, default "dhs"
            As in ``Assessment.findings``. What is published already stays as it is.

        Returns
        -------
        Comparison

        Raises
        ------
        InputError
            If there is no such policy.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> result = sp.estimate(survey, [sp.MeanWelfare()], replicates=sp.Bootstrap(10))
        >>> bool(sp.compare({"a": result, "b": result}).findings(1000).frame()["value"].isna().all())
        True
        >>> bool(sp.compare({"a": result, "b": result}).findings("none").frame()["value"].isna().any())
        False
        """
        if "disclosure" in self.manifest:
            return self
        policy = disclosure if isinstance(disclosure, str) else least_cases(disclosure)
        shown = withhold(self.estimates, policy)
        return Comparison(self.names, self.baseline, shown, {**self.manifest, "disclosure": policy})

    def save(self, folder: str | os.PathLike[str], *, report: bool = False, disclosure: str | int = "dhs") -> Path:
        """Write comparison.csv, manifest.json, and perhaps report.html.

        The folder appears whole or not at all. An earlier result is replaced; a folder with other files is refused.

        Parameters
        ----------
        folder : path
        report : bool, default False
            Whether to write report.html as well.
        disclosure : "dhs", "none" or int, default "dhs"
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
        >>> import pathlib, tempfile, sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> result = sp.estimate(survey, [sp.MeanWelfare()], replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = sp.compare({"a": result, "b": result}).save(pathlib.Path(folder) / "results")
        ...     print(*sorted(path.name for path in written.iterdir()))
        comparison.csv manifest.json

        A folder of someone else's:

        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (pathlib.Path(folder) / "thesis.txt").write_text("mine")
        ...     sp.compare({"a": result, "b": result}).save(folder)
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: The output folder must be new, or hold an earlier result alone, but ...
        """
        found = self.findings(disclosure)
        files = {COMPARISON: as_csv(found.estimates)} | ({"report.html": render(found)} if report else {})
        return write_folder(folder, files, {**found.manifest, "rows": {COMPARISON: len(found.estimates)}})

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
        >>> import pathlib, tempfile, sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> result = sp.estimate(survey, [sp.Inequality()], replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = sp.compare({"<b>a</b>": result, "b": result}).report(pathlib.Path(folder) / "report.html")
        ...     page = path.read_text(encoding="utf-8")
        >>> page.startswith("<!doctype html>"), "<b>a</b>" in page
        (True, False)

        Nothing was asked:

        >>> nothing = sp.estimate(survey, [], replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sp.compare({"a": nothing, "b": nothing}).report(pathlib.Path(folder) / "r.html").name
        'r.html'
        """
        return write_file(path, render(self.findings(disclosure)))

    def _repr_html_(self) -> str:
        shown = self.findings().estimates  # notebooks are published
        of_all = shown[shown["by"] == "all"]
        names = ["compared", "against", *NAMES[:4]]
        lines = [
            [
                *(row[name] for name in names),
                short(row["value"]),
                f"{short(row['ci_low'])} to {short(row['ci_high'])}" if row["ci_low"] == row["ci_low"] else "",
                f"{row['n']:,}",
                row["flag"].replace(";", "; "),
            ]
            for row in of_all.head(SHOWN).to_dict("records")
        ]
        more = len(shown) - len(lines)
        note = f"… {more:,} more: frame() has all of them." if more else ""
        hidden = f" Figures from fewer than {FEWEST} unweighted cases are withheld here." * (
            "withheld" in ";".join(shown["flag"].unique())
        )
        head = [*names, "value", f"{100 * self.manifest['level']:g} % interval", "n", "flag"]
        return table(repr(self), head, lines, [*range(len(names)), len(head) - 1], (note + hidden).strip())

    def __repr__(self) -> str:
        *first, last = self.names
        apart = int((self.estimates["against"] != "").sum())
        return (
            f"Comparison of {', '.join(first)} and {last}: {len(self.estimates):,} figures, {apart:,} of them "
            f"differences from {self.baseline}"
        )


def compare(results: Mapping[str, Assessment | Estimates], *, baseline: str | None = None) -> Comparison:
    """Put results side by side, and difference each from one of them.

    Parameters
    ----------
    results : dict of str to Assessment or Estimates
        Two or more, by name: packages on one survey, surveys of several countries, or both.
    baseline : str, default None
        What the others are differenced from; None: the first.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If fewer than two results come, the baseline is none of them, their intervals have different levels, or results
        of one survey rest on different replicates.

    Notes
    -----
    Figures go together by statistic, of, param, scenario, by and level. On one survey what both share is not
    differenced: what was before a package is the same for all. Money is differenced only on one survey, or between
    assessments whose economies name the same currency and whose surveys the same period. Figures without an interval
    have differences without one.

    References
    ----------
    Welch, B. L. (1947). The generalization of "Student's" problem when several different population variances are
    involved. Biometrika 34, 28-35.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> packages = {"children": sp.Package([sp.child_benefit(sp.Amount(8, "month"))]),
    ...             "old age": sp.Package([sp.old_age_pension(sp.Amount(30, "month"))])}
    >>> comparison = sp.compare({name: sp.assess(survey, [], package, lines={"national": 60.0},
    ...                                          replicates=sp.Bootstrap(50)) for name, package in packages.items()})
    >>> gap = comparison.frame().query("statistic == 'poverty_gap' and scenario == 'after' and by == 'all'")
    >>> gap[["compared", "against", "difference"]].values.tolist()
    [['children', '', ''], ['old age', '', ''], ['old age', 'children', 'paired']]

    One result alone:

    >>> sp.compare({"children": sp.assess(survey, [], replicates=sp.Bootstrap(10))})
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A comparison must have two results or more, but 1 came. Add another.
    """
    import pandas as pd

    given = mapping(results, "results", "Write {'basic': assess(...), 'enhanced': assess(...)}.")
    if len(given) < 2:
        fail("A comparison must have two results or more", f"{len(given)} came", "Add another.")
    for name, result in given.items():
        if not isinstance(result, (Assessment, Estimates)):
            fail_type(f"Result {name!r} must be an Assessment or Estimates", result, "Pass what assess() returned.")
    names = tuple(given)
    base = names[0] if baseline is None else baseline
    fail_if_unknown(base, names, "The baseline")
    found = {name: of.estimates if isinstance(of, Assessment) else of for name, of in given.items()}
    levels = {of.level for of in found.values()}
    if len(levels) > 1:
        came = f"theirs are {', '.join(f'{level:g}' for level in sorted(levels))}"
        fail("Results that are compared must have one level", came, "Make all with the same level=.")
    parts = [of.frame().assign(compared=name, against="", difference="") for name, of in found.items()]
    for name in names:
        if name != base:
            part = _apart(name, given[name], found[name], base, given[base], found[base])
            parts += [] if part is None else [part]
    every = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    figure = pd.MultiIndex.from_frame(every[[*NAMES]])
    order = np.argsort(pd.factorize(figure)[0], kind="stable")
    columns = ["compared", "against", "difference"]
    every = every[[*columns, *every.columns.difference([*columns], sort=False)]].iloc[order].reset_index(drop=True)
    manifest = {"comparison": [*names], "baseline": base, "level": levels.pop(), "results": _made(given)}
    in_common = every.duplicated([*NAMES]).any()
    if not in_common and any(map(len, parts)):
        warn(
            "Results that are compared should have figures in common",
            f"{', '.join(names)} have none",
            "Ask for the same statistics, lines and domains.",
        )
    return Comparison(names, base, every, manifest)


def _apart(
    name: str,
    result: Assessment | Estimates,
    a: Estimates,
    base: str,
    other: Assessment | Estimates,
    b: Estimates,
) -> "pd.DataFrame | None":
    """Return what a result differs by from the baseline; None where they have nothing to be differenced."""
    if a is b:
        return None
    one_survey = a.paired is not None and b.paired is not None and a.paired[0] == b.paired[0]
    money = one_survey or _money(result) == _money(other) is not None
    at = {tuple(getattr(row, key) for key in NAMES): j for j, row in enumerate(b.rows)}
    at_a, at_b = [], []
    for i, row in enumerate(a.rows):
        j = at.get(tuple(getattr(row, key) for key in NAMES))
        same = one_survey and row.scenario == "before"
        if j is not None and not same and (money or row.statistic not in MONEY):
            at_a.append(i)
            at_b.append(j)
    if not at_a:
        return None
    how = PAIRED if one_survey else INDEPENDENT
    return differences(a, at_a, b, at_b).assign(compared=name, against=base, difference=how)


def _money(result: Assessment | Estimates) -> tuple[str, int | None, str] | None:
    """Return what a result's money is counted in: currency, year of its prices and period; None where not told."""
    if not isinstance(result, Assessment) or not result.asked["economy"] or not result.asked["economy"]["currency"]:
        return None
    economy = result.asked["economy"]
    return economy["currency"], economy["year"], result.survey.welfare_period


def _made(given: Mapping[str, Assessment | Estimates]) -> dict[str, Any]:
    """Return how every result was made, as far as it knows."""
    return {
        name: result.manifest() if isinstance(result, Assessment) else {"replicates": {"n": len(result.draws)}}
        for name, result in given.items()
    }
