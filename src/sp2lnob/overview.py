"""An overview: what was found of opportunities in many surveys and their domains, in one tidy table.

It is what ``assess_many`` returns and a folder holds. Rows are those of ``Assessment``, with the survey, the domain and
its level before them.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._html import form_of, table
from ._overview_page import render
from ._places import CORRELATED, PLACE, Across
from ._results import MANIFEST, read_manifest, write_file, write_folder
from ._validate import fail
from .disclosure import FEWEST, GROUP_FIGURES, least_cases, withhold, withhold_reasons
from .findings import ESTIMATES, GROUPS, OF_ESTIMATES, OF_GROUPS, as_csv, read_table

if TYPE_CHECKING:
    import pandas as pd

SKIPPED, CORRELATIONS = "skipped.csv", "correlations.csv"
OF_SKIPPED = (*PLACE, "opportunity", "n", "reason")
COLUMNS = {
    ESTIMATES: (*PLACE, *OF_ESTIMATES),
    GROUPS: (*PLACE, *OF_GROUPS),
    SKIPPED: OF_SKIPPED,
    CORRELATIONS: CORRELATED,
}
SHOWN = 40  # lines in a notebook


@dataclass(frozen=True, eq=False)
class Overview:
    """What was found of opportunities in many surveys.

    Attributes
    ----------
    estimates : DataFrame
        One tidy table: survey; domain ("all", or a column) and domain_level; then the columns of ``Estimates.frame``,
        of which ``of`` is the opportunity.
    groups : DataFrame
        survey, domain, domain_level; then the columns of ``Assessment.groups``.
    skipped : DataFrame
        What was left out, and why: survey, domain, domain_level, opportunity, n (rows with weight, 0 where not known),
        reason.
    correlations : DataFrame
        Of two opportunities' dissimilarity indices over the replicates of their survey: survey, domain, domain_level,
        of, other, correlation. The standard error of a mean rests on them.
    manifest : dict
        Versions, and of each survey its design and what was asked.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> surveys = {"Here 2025": sp.example_survey(400), "There 2025": sp.example_survey(400, seed=2)}
    >>> overview = sp.assess_many(surveys, [opportunity], domains=["region"], least_rate=0.15,
    ...                           replicates=sp.Bootstrap(10))
    >>> overview
    Overview of 1 opportunity in 2 surveys, in all and by region: 9 assessed, 1 left out
    >>> overview.skipped[["survey", "domain_level", "reason"]].values.tolist()
    [['Here 2025', 'Islands', 'rate under 15%']]

    No survey has anything of what is asked:

    >>> sp.assess_many(surveys, [opportunity], least_rate=0.9).frame().empty
    True
    """

    estimates: "pd.DataFrame"
    groups: "pd.DataFrame"
    skipped: "pd.DataFrame"
    correlations: "pd.DataFrame"
    manifest: Mapping[str, Any]

    @property
    def surveys(self) -> tuple[str, ...]:
        """Names of the surveys, those without a figure among them."""
        return tuple(self.manifest["surveys"])

    def frame(self) -> "pd.DataFrame":
        """Return the tidy table of every figure.

        Returns
        -------
        DataFrame
            survey, domain, domain_level, statistic, of, param, scenario, by, level, value, se, ci_low, ci_high, bias,
            df, n, replicates, flag.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
        >>> surveys = {"Here": sp.example_survey(400)}
        >>> frame = sp.assess_many(surveys, [opportunity], replicates=sp.Bootstrap(10)).frame()
        >>> frame.columns[:5].tolist()
        ['survey', 'domain', 'domain_level', 'statistic', 'of']
        >>> sp.assess_many({}, [opportunity]).frame().shape
        (0, 18)
        """
        return self.estimates

    def findings(self, disclosure: str | int = "dhs") -> "Overview":
        """Return what is published: figures from too few cases are withheld.

        Parameters
        ----------
        disclosure : "dhs", "none" or int, default "dhs"
            As in ``Assessment.findings``. What is published already stays as it is.

        Returns
        -------
        Overview

        Raises
        ------
        InputError
            If there is no such policy.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
        >>> overview = sp.assess_many({"Here": sp.example_survey(400)}, [opportunity], replicates=sp.Bootstrap(10))
        >>> bool(overview.findings(disclosure=1000).estimates["value"].isna().all())
        True
        >>> bool(overview.findings(disclosure="none").estimates["value"].isna().any())
        False
        """
        if "disclosure" in self.manifest:
            return self
        policy = disclosure if isinstance(disclosure, str) else least_cases(disclosure)
        return Overview(
            withhold(self.estimates, policy),
            withhold(self.groups, policy, GROUP_FIGURES),
            withhold_reasons(self.skipped, policy),
            self.correlations,
            {**self.manifest, "disclosure": policy},
        )

    def save(self, folder: str | os.PathLike[str], *, report: bool = False, disclosure: str | int = "dhs") -> Path:
        """Write estimates.csv, groups.csv, skipped.csv, correlations.csv, manifest.json, and perhaps report.html.

        The folder appears whole or not at all. An earlier result is replaced; a folder with other files is refused. The
        same data, arguments and versions give the same bytes.

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
        >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
        >>> overview = sp.assess_many({"Here": sp.example_survey(400)}, [opportunity], replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = overview.save(pathlib.Path(folder) / "results")
        ...     print(*sorted(path.name for path in written.iterdir()))
        correlations.csv estimates.csv groups.csv manifest.json skipped.csv

        A folder of someone else's:

        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (pathlib.Path(folder) / "thesis.txt").write_text("mine")
        ...     overview.save(folder)
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: The output folder must be new, or hold an earlier result alone, but ...
        """
        found = self.findings(disclosure)
        return found.write(folder, render(found) if report else None)

    def write(self, folder: str | os.PathLike[str], report: str | None = None) -> Path:
        """Write the folder as it is, with a page if there is one."""
        files = {name: as_csv(frame) for name, frame in self._tables().items()}
        if report is not None:
            files["report.html"] = report
        rows = {name: len(frame) for name, frame in self._tables().items()}
        return write_folder(folder, files, {**self.manifest, "overview": True, "rows": rows})

    def report(self, path: str | os.PathLike[str], *, disclosure: str | int = "dhs") -> Path:
        """Write the report: one HTML file that needs no network, with pictures and a table for every opportunity.

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
        >>> opportunity = sp.Opportunity("<b>internet</b>", outcome="internet", circumstances=["urbrur"])
        >>> overview = sp.assess_many({"Here": sp.example_survey(400)}, [opportunity], replicates=sp.Bootstrap(10))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = overview.report(pathlib.Path(folder) / "report.html").read_text(encoding="utf-8")
        >>> page.startswith("<!doctype html>"), "<b>internet</b>" in page
        (True, False)

        Nothing was asked:

        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sp.assess_many({}, [opportunity]).report(pathlib.Path(folder) / "r.html").name
        'r.html'
        """
        return write_file(path, render(self.findings(disclosure)))

    def _tables(self) -> dict[str, "pd.DataFrame"]:
        return {
            ESTIMATES: self.estimates,
            GROUPS: self.groups,
            SKIPPED: self.skipped,
            CORRELATIONS: self.correlations,
        }

    def _assessed(self) -> int:
        """Return how many opportunities were assessed, each place counted."""
        return len(self.groups[[*PLACE, "opportunity"]].drop_duplicates())

    def _repr_html_(self) -> str:
        shown = self.findings()  # notebooks are published
        across = Across(shown)
        found = []
        for survey in across.surveys:
            found += [across.figures((survey, "all", "all"), name) for name in across.opportunities]
        lines = []
        form = form_of("share", [])
        for figures in [one for one in found if one is not None][:SHOWN]:
            shares = [figures.average, figures.behind, figures.ahead, figures.gap]
            index = figures.d_index
            lines.append(
                [
                    figures.place[0],
                    f"{figures.opportunity} (barrier)" if figures.barrier else figures.opportunity,
                    *(form.text(point.value) for point in shares),
                    form_of("index", []).text(index.value),
                    f"{figures.average.n:,}",
                ]
            )
        head = [
            "survey",
            "opportunity",
            "average, %",
            "furthest behind, %",
            "furthest ahead, %",
            "gap, points",
            "D",
            "n",
        ]
        count = len([one for one in found if one is not None])
        more = [f"… {count - SHOWN:,} more: frame() has all of them."] if count > SHOWN else []
        few = "withheld" in ";".join(shown.estimates["flag"].unique())
        hidden = (
            [f"Figures from fewer than {FEWEST} unweighted cases are withheld here: frame() holds all."] if few else []
        )
        return table(repr(self), head, lines, (0, 1), " ".join([*more, *hidden]))

    def __repr__(self) -> str:
        surveys, names = len(self.surveys), {*self.groups["opportunity"], *self.skipped["opportunity"]} - {""}
        by, stopped = ", ".join(self.manifest["domains"]), self.manifest.get("interrupted")
        return (
            f"Overview of {len(names)} opportunit{'y' if len(names) == 1 else 'ies'} in {surveys} "
            f"survey{'' if surveys == 1 else 's'}{f', in all and by {by}' if by else ''}: "
            f"{self._assessed():,} assessed, {len(self.skipped):,} left out"
            + (f"; interrupted after {stopped['finished']} of {stopped['asked']} surveys" if stopped else "")
        )


def joined(parts: Sequence[Overview], manifest: Mapping[str, Any]) -> Overview:
    """Return the overview of several, whose surveys follow each other."""
    import pandas as pd

    tables = {}
    for name, columns in COLUMNS.items():
        there = [part._tables()[name] for part in parts]
        there = [frame for frame in there if len(frame)]  # an empty one has no types
        tables[name] = pd.concat(there, ignore_index=True) if there else pd.DataFrame(columns=[*columns])
    return _of(tables, manifest)


def _of(tables: Mapping[str, "pd.DataFrame"], manifest: Mapping[str, Any]) -> Overview:
    """Return the overview of tables by their files."""
    return Overview(tables[ESTIMATES], tables[GROUPS], tables[SKIPPED], tables[CORRELATIONS], manifest)


def read_overview(folder: str | os.PathLike[str]) -> Overview:
    """Read the folder of an overview back.

    Parameters
    ----------
    folder : path
        What ``Overview.save`` or ``sp2lnob many`` wrote.

    Returns
    -------
    Overview
        As it was published.

    Raises
    ------
    InputError
        If the folder holds no overview, or a file of it is lacking or damaged.

    Examples
    --------
    >>> import pathlib, tempfile, sp2lnob as sp
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> overview = sp.assess_many({"Here": sp.example_survey(400)}, [opportunity], replicates=sp.Bootstrap(10))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = sp.read_overview(overview.save(pathlib.Path(folder) / "results"))
    >>> found.frame().equals(overview.findings().frame())
    True
    >>> sp.read_overview("nowhere")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The folder must hold an overview, but 'nowhere' has no manifest.json of one. ...
    """
    path = Path(folder)
    manifest = read_manifest(path)
    if manifest is None or not manifest.get("overview"):
        fail(
            "The folder must hold an overview",
            f"{str(folder)!r} has no {MANIFEST} of one",
            "Name the folder that save() or `sp2lnob many` wrote; read_results() reads that of one survey.",
        )
    why = "rows or columns lack"
    try:
        tables = {name: read_table(path / name) for name in COLUMNS}
        whole = manifest["rows"] == {name: len(frame) for name, frame in tables.items()} and all(
            [*frame.columns] == [*COLUMNS[name]] for name, frame in tables.items()
        )
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        whole, why = False, " ".join(str(error).split())
    if not whole:
        fail("Every file of the overview must be there and whole", f"{str(folder)!r} is not ({why})", "Make it again.")
    for key in ("maker", "overview", "rows", "files"):
        manifest.pop(key)
    return _of(tables, manifest)
