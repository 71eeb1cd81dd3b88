"""What was found, as it is published: tables, trees, and how they were made. Reports and pictures know only this."""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._results import MANIFEST, as_json, file_name, read_manifest, write_folder
from ._validate import fail
from .disclosure import EFFECT_FIGURES, FIGURES, GROUP_FIGURES, STABILITY_FIGURES

if TYPE_CHECKING:
    import pandas as pd

ESTIMATES = "estimates.csv"
GROUPS = "groups.csv"
STABILITY = "stability.csv"
EFFECTS = "effects.csv"
PROJECTION = "projection.csv"
OF_OVERVIEW = ("survey", "domain", "domain_level", "reason", "other")
OF_ROW = ("statistic", "of", "param", "scenario", "by", "level", "flag")
TEXT = (*OF_ROW, "opportunity", "label", "what", "effect", *OF_OVERVIEW)
WHOLE = ("n", "replicates", "group", "year")
YES_NO = ("furthest_behind", "furthest_ahead")
OF_ESTIMATES = ("statistic", "of", "param", "scenario", "by", "level", *FIGURES, "n", "replicates", "flag")
OF_GROUPS = ("opportunity", "group", "label", "share", "n", *GROUP_FIGURES, *YES_NO, "flag")
OF_STABILITY = ("opportunity", "what", "label", "share", "n", *STABILITY_FIGURES, "replicates", "flag")
OF_EFFECTS = ("opportunity", "effect", "statistic", "by", "label", *EFFECT_FIGURES, "n", "flag")
OF_PROJECTION = (*OF_ESTIMATES, "year")
COLUMNS = {
    ESTIMATES: OF_ESTIMATES,
    GROUPS: OF_GROUPS,
    STABILITY: OF_STABILITY,
    EFFECTS: OF_EFFECTS,
    PROJECTION: OF_PROJECTION,
}  # of every table, in the order in which Findings has them


@dataclass(frozen=True, eq=False)
class Findings:
    """What a results folder holds.

    Attributes
    ----------
    estimates : DataFrame
        The tidy frame, as ``Estimates.frame`` describes it; withheld figures are missing.
    groups : DataFrame
        As in ``Assessment``.
    trees : dict of str to dict
        The tree of every opportunity, as ``OpportunityTree.to_dict`` describes it.
    manifest : dict
        Versions, the survey and its design, and what was asked.
    stability : DataFrame
        As in ``Assessment``; empty without refits.
    effects : DataFrame
        As in ``Assessment``; empty without a package.
    projection : DataFrame
        As ``Projection.frame`` describes it; empty without a population.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> opportunity = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur"])
    >>> findings = sp.assess(survey, [opportunity], replicates=sp.Bootstrap(10)).findings()
    >>> list(findings.trees)
    ['internet']
    >>> findings.manifest["survey"]["psus"]
    20
    """

    estimates: "pd.DataFrame"
    groups: "pd.DataFrame"
    trees: Mapping[str, Mapping[str, Any]]
    manifest: Mapping[str, Any]
    stability: "pd.DataFrame" = field(default_factory=lambda: empty(STABILITY))
    effects: "pd.DataFrame" = field(default_factory=lambda: empty(EFFECTS))
    projection: "pd.DataFrame" = field(default_factory=lambda: empty(PROJECTION))

    def findings(self) -> "Findings":
        """Return itself: pictures take an assessment or what a folder holds alike."""
        return self

    def write(self, folder: str | os.PathLike[str], report: str | None = None) -> Path:
        """Write the folder, whole or not at all; an earlier result is replaced, other files are refused."""
        every = (self.estimates, self.groups, self.stability, self.effects, self.projection)
        tables = dict(zip(COLUMNS, every, strict=True))
        files = {name: as_csv(frame) for name, frame in tables.items()}
        taken: set[str] = set()
        trees = {name: file_name("tree-", name, taken, ".json") for name in self.trees}
        for name, made in self.trees.items():
            files[trees[name]] = as_json(made)
        if report is not None:
            files["report.html"] = report
        rows = {name: len(frame) for name, frame in tables.items()}
        return write_folder(folder, files, {**self.manifest, "trees": trees, "rows": rows})


def read_results(folder: str | os.PathLike[str]) -> Findings:
    """Read a results folder back.

    Parameters
    ----------
    folder : path
        What ``Assessment.save`` or ``sp2lnob run`` wrote.

    Returns
    -------
    Findings

    Raises
    ------
    InputError
        If the folder holds no result, or a file of it is lacking or damaged.

    Examples
    --------
    >>> import pathlib, tempfile, sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> result = sp.assess(survey, [], replicates=sp.Bootstrap(10))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = sp.read_results(result.save(pathlib.Path(folder) / "results"))
    >>> len(found.estimates) == len(result.estimates.frame())
    True
    >>> sp.read_results("nowhere")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The folder must hold a result, but 'nowhere' has no manifest.json of sp2lnob. ...
    """
    path = Path(folder)
    manifest = read_manifest(path)
    if manifest is None:
        fail(
            "The folder must hold a result",
            f"{str(folder)!r} has no {MANIFEST} of sp2lnob",
            "Name the folder that save() or `sp2lnob run` wrote.",
        )
    why = "rows, columns or nodes lack"
    try:
        tables = {name: read_table(path / name) for name in COLUMNS}
        trees = {
            name: json.loads((path / file).read_text(encoding="utf-8")) for name, file in manifest["trees"].items()
        }
        whole = (
            all((*tables[name].columns,) == columns for name, columns in COLUMNS.items())
            and manifest["rows"] == {name: len(table) for name, table in tables.items()}
            and all(tree["nodes"] for tree in trees.values())
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError, csv.Error) as error:
        whole, why = False, " ".join(str(error).split())
    if not whole:
        fail(
            "Every file of the result must be there and whole",
            f"{str(folder)!r} is not ({why})",
            "Run the study again.",
        )
    return Findings(tables[ESTIMATES], tables[GROUPS], trees, manifest, *(tables[name] for name in (*COLUMNS,)[2:]))


def empty(table: str) -> "pd.DataFrame":
    """Return a table of which there is nothing."""
    import pandas as pd

    return pd.DataFrame(columns=[*COLUMNS[table]])


def as_csv(frame: "pd.DataFrame") -> str:
    """Return a table as text; a carriage return within a label is quoted, or it would end the row."""
    made = frame.to_csv(index=False, lineterminator="\n")
    return frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC) if "\r" in made else made


def read_table(path: Path) -> "pd.DataFrame":
    """Return a table with every digit and every text as it was written: "NA" is a label like any other."""
    import pandas as pd

    with path.open(newline="", encoding="utf-8") as file:
        text = file.read()
    text = text[: text.rindex("\n") + 1]  # what lacks its end is no row
    header, *rows = csv.reader(StringIO(text, newline=""))
    columns = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    return pd.DataFrame({name: [_read(name, text) for text in texts] for name, texts in columns.items()})


def _read(name: str, text: str) -> object:
    if name in TEXT:
        return text
    if name in YES_NO:
        return text == "True"
    return int(text) if name in WHOLE else float(text or "nan")
