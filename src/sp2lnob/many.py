"""The main job over many surveys: opportunities by surveys by domains into one table.

Surveys are opened one after the other and let go of once they are assessed. Everything of a survey, its domains
included, is evaluated in one call on the same replicates: factors are drawn once, welfare classes are those of the
whole survey, and figures of its domains may be compared draw by draw.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ._domains import RESERVED
from ._levels import Counted, Split, counted
from ._parallel import Executor, Progress
from ._places import ALL, OF_D, PLACE, Place
from ._results import file_name, read_manifest
from ._validate import SP2LNOBError, choice, fail, fail_type, listing, mapping, number, shown
from .assessment import Assessment, assess
from .estimates import Estimates
from .findings import ESTIMATES, GROUPS
from .opportunity import Cells, Opportunity
from .overview import COLUMNS, CORRELATIONS, SKIPPED, Overview, joined, read_overview
from .replication import Bootstrap, ReplicateDesign
from .study import Study, read_study
from .survey import Survey
from .tree import OpportunityTree

if TYPE_CHECKING:
    import pandas as pd

LEAST_RATE = 0.03  # under which the platform shows no indicator
KEPT = "kept"  # what the manifest of a finished survey in a folder is known again by
OPTIONS = ("classes", "interval", "level", "df")

Opened: TypeAlias = "Survey | tuple[Survey, Sequence[Opportunity]]"
Source: TypeAlias = "Opened | str | os.PathLike[str] | Study | Callable[[], Opened | Study]"


@dataclass(frozen=True)
class SurveyProgress:
    """How far an overview is.

    Attributes
    ----------
    survey : str
    number, of : int
        Which survey it is, from 1 on, of how many.
    replicates : Progress or None
        How far its replicates are; None when it is opened, and once it is finished.
    finished : bool
        Whether it is finished.
    """

    survey: str
    number: int
    of: int
    replicates: Progress | None = None
    finished: bool = False


Told: TypeAlias = Callable[[SurveyProgress], object]


def assess_many(
    surveys: Mapping[str, Source],
    opportunities: Sequence[Opportunity] | None = None,
    *,
    domains: Sequence[str] = (),
    least_rate: float = LEAST_RATE,
    errors: str = "raise",
    replicates: ReplicateDesign | None = None,
    tree: OpportunityTree | None = None,
    classes: str | None = None,
    interval: str | None = None,
    level: float | None = None,
    df: str | None = None,
    n_threads: int | None = None,
    progress: Told | None = None,
    executor: Executor | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Overview:
    """Find who is left behind, in many opportunities, surveys and domains, and how sure that is.

    Parameters
    ----------
    surveys : dict of str to Survey, tuple, path, Study or callable
        By name. A tuple is (Survey, its opportunities); a path leads to a study file, whose opportunities, tree,
        replicates and options of estimation hold where this call gives none; its package and lines are for ``assess``.
        A callable without arguments returns any of these, so that surveys need not be in memory together: each is
        opened when its turn comes.
    opportunities : sequence of Opportunity, default None
        Of the surveys that bring none.
    domains : sequence of str, default ()
        Columns, such as ["region"]: each opportunity is assessed in the survey as a whole and in every level of each.
        A level keeps the survey's design, its replicates and its welfare classes; the tree's rule applies to its rows.
    least_rate : float in [0, 1), default 0.03
        An opportunity, or a barrier, whose rate is under this is left out, there and then: the platform's rule.
    errors : {"raise", "skip"}, default "raise"
        Whether a survey that cannot be opened, or an opportunity that it has no column for, is an error, or is listed
        in ``skipped``.
    replicates, tree : default None
        As in ``assess``; None: what a study says, or as there.
    classes, interval, level, df : default None
        As in ``estimate``; None: what a study says, or as there.
    n_threads, executor
        As in ``estimate``.
    progress : callable, default None
        Told how far it is: an object with survey, number, of, finished, and replicates, itself as in ``estimate``.
    resume : path, default None
        A folder in which every finished survey is kept, with all its figures, and from which those of an earlier call
        are taken: of the same data, opportunities, arguments and version, or it is an error. The folder stays.

    Returns
    -------
    Overview
        After Ctrl-C, of the surveys that are finished: its manifest says so.

    Raises
    ------
    InputError
        If a survey or an opportunity cannot be assessed (it is named), an argument is out of range, or what ``resume``
        holds is of another study.

    Notes
    -----
    Left out, and listed in ``skipped`` with the reason, is what has fewer rows than twice the tree's ``min_obs``, an
    outcome of which all rows have the same, a rate under ``least_rate``, or no circumstance with two levels. Welfare
    serves for classes alone: poverty and inequality are ``assess``'s, and so are Shapley shares.

    References
    ----------
    ESCAP, LNOB Platform: indicators of a rate under 3 % are not shown; runs by region follow the national one.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> internet = sp.Opportunity("internet", outcome="internet", circumstances=["bottom40", "urbrur"])
    >>> wood = sp.Opportunity("wood", outcome="cook_fuel == 'Wood'", circumstances=["urbrur"], kind="barrier")
    >>> surveys = {"Here 2020": sp.example_survey(800), "Here 2025": lambda: sp.example_survey(800, seed=2)}
    >>> overview = sp.assess_many(surveys, [internet, wood], domains=["urbrur"], replicates=sp.Bootstrap(10))
    >>> overview.groups[["opportunity", "domain_level"]].drop_duplicates().values.tolist()
    [['internet', 'all'], ['internet', 'Rural'], ['internet', 'Urban'], ['wood', 'all']]
    >>> overview.skipped["reason"].unique().tolist()
    ['no circumstance has two levels']

    A survey without a column that is asked for:

    >>> water = sp.Opportunity("water", outcome="water", circumstances=["urbrur"])
    >>> sp.assess_many(surveys, [water], replicates=sp.Bootstrap(10))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: Survey 'Here 2020' must have what opportunity 'water' asks for, but it has not (...
    >>> sp.assess_many(surveys, [water], errors="skip").skipped["survey"].tolist()
    ['Here 2020', 'Here 2025']
    """
    given = mapping(surveys, "surveys", "Write {'Nepal 2016': survey}.")
    if opportunities is not None:
        opportunities = listing(opportunities, Opportunity, "opportunities", "List them: [Opportunity(...)].")
    number(least_rate, "least_rate", low=0.0, below=1.0)
    choice(errors, ("raise", "skip"), "errors")
    asked = _Asked(
        opportunities,
        _columns(domains),
        float(least_rate),
        errors == "skip",
        replicates,
        tree,
        {k: v for k, v in zip(OPTIONS, (classes, interval, level, df), strict=True) if v is not None},
        n_threads,
        executor,
    )
    if progress is not None and not callable(progress):
        fail_type("progress must be a function of how far it is", progress, "Pass it without calling it.")
    folder = None if resume is None else Path(resume)
    taken: set[str] = set()
    finished: list[Overview] = []
    for k, (name, source) in enumerate(given.items(), 1):
        if not isinstance(name, str) or not name.strip():
            fail_type("A survey's name must be text", name, "Write {'Nepal 2016': survey}.")
        told = None if progress is None else _Telling(progress, SurveyProgress(name, k, len(given)))
        kept = None if folder is None else folder / file_name("survey-", name, taken, "")
        try:
            made = _One(name, source, asked, told, kept).made()
        except KeyboardInterrupt:
            made = None
        if made is None:  # Ctrl-C: what is finished stands
            break
        finished.append(made)
        if told is not None:
            told.finished()
    return joined(finished, _manifest(finished, asked, list(given)))


def forget(folder: Path) -> None:
    """Delete the surveys that are kept in a folder, and the folder if it holds nothing else."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if KEPT in (read_manifest(path) or {}):
            shutil.rmtree(path)
    with suppress(OSError):
        folder.rmdir()


def _columns(domains: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of domains, each once."""
    names = listing(domains, str, "domains", "List columns: ['region'].")
    for name in RESERVED.intersection(names):
        fail(
            "A domain must have a name of its own", f"{name!r} is taken", f"Copy it: derive={{'my_{name}': '{name}'}}."
        )
    return tuple(dict.fromkeys(names))


def _manifest(finished: Sequence[Overview], asked: "_Asked", names: Sequence[str]) -> dict[str, Any]:
    """Return what is needed to make the same overview again."""
    about = {name: part.manifest["surveys"][name] for part in finished for name in part.manifest["surveys"]}
    levels = {part.manifest["level"] for part in finished if part.manifest["level"] is not None}
    if len(levels) > 1:
        fail(
            "Surveys of one overview must have intervals of one level",
            f"theirs are {' and '.join(f'{level:g}' for level in sorted(levels))}",
            "Pass level=.",
        )
    return {
        "versions": next((part.manifest["versions"] for part in finished), {"sp2lnob": version("sp2lnob")}),
        "domains": list(asked.domains),
        "least_rate": asked.least_rate,
        "level": next(iter(levels), asked.options.get("level", 0.95)),
        "surveys": about,
        **({"interrupted": {"finished": len(finished), "asked": len(names)}} if len(finished) < len(names) else {}),
    }


@dataclass(frozen=True)
class _Asked:
    """What is asked of every survey."""

    opportunities: Sequence[Opportunity] | None
    domains: tuple[str, ...]
    least_rate: float
    skips: bool
    replicates: ReplicateDesign | None
    tree: OpportunityTree | None
    options: Mapping[str, Any]
    n_threads: int | None
    executor: Executor | None


@dataclass(frozen=True)
class _Telling:
    """Tells of one survey."""

    tell: Told
    at: SurveyProgress

    def opened(self) -> None:
        self.tell(self.at)

    def advance(self, made: Progress) -> None:
        self.tell(replace(self.at, replicates=made))

    def finished(self) -> None:
        self.tell(replace(self.at, finished=True))


@dataclass(frozen=True)
class _Piece:
    """An opportunity in a place, to be assessed under a name of its own."""

    place: Place
    opportunity: Opportunity
    counted: Counted


class _One:
    """One survey on its way into an overview."""

    def __init__(self, name: str, source: Source, asked: _Asked, told: _Telling | None, kept: Path | None) -> None:
        self.name, self.source, self.asked, self.told, self.kept = name, source, asked, told, kept
        self.skipped: list[tuple[str | int, ...]] = []
        self.study: dict[str, str] = {}

    def made(self) -> Overview | None:
        """Return what was found, taken from an earlier call where it is kept; None after Ctrl-C."""
        if self.told is not None:
            self.told.opened()
        try:
            survey, opportunities, tree, replicates, options = self._open()
        except (SP2LNOBError, OSError) as error:
            if not self.asked.skips:
                fail(
                    f"Survey {self.name!r} must be one that can be opened",
                    f"it is not ({error})",
                    "Mend it, or pass errors='skip'.",
                )
            self._skip(ALL, ALL, "", f"not opened: {_one_line(error)}")
            return self._overview(None, [], {})
        except Exception as error:
            if not self.asked.skips:
                error.add_note(f"while survey {self.name!r} was opened")
                raise
            self._skip(ALL, ALL, "", f"not opened: {type(error).__name__}: {_one_line(error)}")
            return self._overview(None, [], {})
        if self.kept is not None and read_manifest(self.kept) is not None:
            return self._earlier(self._known(survey, opportunities, tree, replicates, options))
        pieces = list(self._pieces(survey, opportunities, tree))
        try:
            result = self._assess(survey, pieces, tree, replicates, options)
        except SP2LNOBError as error:
            if not self.asked.skips:
                fail(
                    f"Survey {self.name!r} must be one that can be assessed",
                    f"it is not ({error})",
                    "Mend it, or pass errors='skip'.",
                )
            self._skip(ALL, ALL, "", f"not assessed: {_one_line(error)}")
            result = None
        if result is not None and result.replicates < result.estimates.asked:
            return None
        made = self._overview(result, pieces, self._about(survey, result, opportunities, pieces))
        if self.kept is not None:  # by all columns: the manifest tells those that were asked for, and is made
            known = self._known(survey, opportunities, tree, replicates, options)
            replace(made, manifest={**made.manifest, KEPT: known, "disclosure": "none"}).write(self.kept)
        return made

    # -- what comes ---------------------------------------------------------------------------------------------------

    def _open(
        self,
    ) -> tuple[Survey, tuple[Opportunity, ...], OpportunityTree, ReplicateDesign, dict[str, Any]]:
        """Return the survey, its opportunities, and what rules them."""
        source: Any = self.source
        if callable(source) and not isinstance(source, (Survey, Study)):
            source = source()
        asked, options = self.asked, dict(self.asked.options)
        tree, replicates = asked.tree, asked.replicates
        own: Sequence[Opportunity] | None = None
        if isinstance(source, (str, os.PathLike)):
            source = read_study(source)
        if isinstance(source, Study):
            self.study = {"file": source.path.name, "sha256": source.sha256}
            tree = source.tree if tree is None else tree
            replicates = source.replicates if replicates is None else replicates
            said = source.sections.get("estimate", {})
            options = {key: said[key] for key in OPTIONS if key in said} | options
            own = source.opportunities or None
            source = source.survey()
        elif isinstance(source, tuple) and len(source) == 2:
            source, own = source
            source = source() if callable(source) and not isinstance(source, Survey) else source
            own = listing(own, Opportunity, f"opportunities of {self.name!r}", "List them: [Opportunity(...)].")
        if not isinstance(source, Survey):
            fail_type(
                f"Survey {self.name!r} must be a Survey, (Survey, opportunities), a study file, or make one of these",
                source,
                "Build it with Survey(...).",
            )
        if own is None and asked.opportunities is None:
            fail(
                f"Survey {self.name!r} must have opportunities",
                "it brings none, and none came for all",
                "Pass opportunities=, or (survey, [Opportunity(...)]).",
            )
        opportunities = tuple(own if own is not None else asked.opportunities or ())
        names = [opportunity.name for opportunity in opportunities]
        if len(set(names)) < len(names):
            fail("Every opportunity must have a name of its own", f"the names are {names}", "Rename one.")
        return source, opportunities, tree or OpportunityTree(), replicates or Bootstrap(), options

    def _pieces(self, survey: Survey, opportunities: Sequence[Opportunity], tree: OpportunityTree) -> Iterator[_Piece]:
        """Return every opportunity in every place, as far as there is something to be found."""
        taken = {opportunity.name for opportunity in opportunities}
        split = Split(self.name, survey, self.asked.domains, self.skip_domain)
        for opportunity in opportunities:
            try:
                cells = opportunity.prepare(survey)
            except SP2LNOBError as error:
                if not self.asked.skips:
                    fail(
                        f"Survey {self.name!r} must have what opportunity {opportunity.name!r} asks for",
                        f"it has not ({error})",
                        "Mend either, or pass errors='skip'.",
                    )
                self._skip(ALL, ALL, opportunity.name, f"not to be had: {_one_line(error)}")
                continue
            for place, some, name in split.places(opportunity, cells):
                if reason := self._too_little(some, tree):
                    self._skip(*place[1:], opportunity.name, reason, int(np.count_nonzero(some.weight > 0)))
                    continue
                yield _Piece(place, opportunity, counted(some, name if place[1] == ALL else _free(name, taken)))

    def _too_little(self, cells: Cells, tree: OpportunityTree) -> str:
        """Return why an opportunity is not shown in a place, or no text."""
        rows, least = len(cells.index), 2 * int(tree.min_obs)
        weight = float(cells.weight.sum())
        if rows < least:
            return f"fewer than {least} rows"
        if not weight > 0:
            return "no weight"
        if not cells.circumstances:
            return "no circumstance has two levels"
        counted = cells.outcome[cells.weight > 0]
        if counted.min() == counted.max():
            return "all have the same outcome"
        if float(cells.weight @ cells.outcome) / weight < self.asked.least_rate:
            return f"rate under {100 * self.asked.least_rate:g}%"
        return ""

    def skip_domain(self, domain: str, error: SP2LNOBError) -> None:
        """List a domain that the survey does not have, or raise."""
        if not self.asked.skips:
            fail(
                f"Survey {self.name!r} must have the domain {domain!r}",
                f"it has not ({error})",
                "Name another column, or pass errors='skip'.",
            )
        self._skip(domain, ALL, "", f"not to be had: {_one_line(error)}")

    def _skip(self, domain: str, level: str, opportunity: str, reason: str, n: int = 0) -> None:
        self.skipped.append((self.name, domain, level, opportunity, n, reason))

    # -- what is found ------------------------------------------------------------------------------------------------

    def _assess(
        self,
        survey: Survey,
        pieces: Sequence[_Piece],
        tree: OpportunityTree,
        replicates: ReplicateDesign,
        options: Mapping[str, Any],
    ) -> Assessment | None:
        """Assess all pieces on the same replicates; None where there is none."""
        if not pieces:
            return None
        return assess(
            survey,
            [piece.counted for piece in pieces],
            by=(),
            replicates=replicates,
            tree=tree,
            welfare=False,
            shapley=False,  # nor does an overview show how stable groups are
            refit=False,
            n_threads=self.asked.n_threads,
            progress=None if self.told is None else self.told.advance,
            executor=self.asked.executor,
            **options,
        )

    def _about(
        self,
        survey: Survey,
        result: Assessment | None,
        opportunities: Sequence[Opportunity],
        pieces: Sequence[_Piece],
    ) -> dict[str, Any]:
        """Return what the manifest says of the survey."""
        if result is None:
            return {}
        told = result.manifest()
        asked = {key: told["asked"][key] for key in ("tree", "replicates", *OPTIONS)}
        asked["opportunities"] = [asdict(opportunity) for opportunity in opportunities]
        whole = {p.counted.name: dict(p.counted.prepare(survey).dropped) for p in pieces if p.place[1] == ALL}
        dropped = {name: rows for name, rows in whole.items() if rows}
        return {**told, "dropped": dropped, "asked": asked, **({"study": self.study} if self.study else {})}

    def _overview(self, result: Assessment | None, pieces: Sequence[_Piece], about: Mapping[str, Any]) -> Overview:
        """Return the overview of the one survey."""
        import pandas as pd

        tables = {name: pd.DataFrame(columns=[*columns]) for name, columns in COLUMNS.items()}
        if self.skipped:
            tables[SKIPPED] = pd.DataFrame(self.skipped, columns=[*COLUMNS[SKIPPED]])
        if result is not None:
            by = {piece.counted.name: piece for piece in pieces}
            tables[ESTIMATES] = _placed(result.estimates.frame(), "of", by)
            tables[GROUPS] = _placed(result.groups, "opportunity", by)
            tables[CORRELATIONS] = _correlations(result.estimates, by)
        told = json.loads(json.dumps(dict(about)))  # as it is read back
        versions = told.pop("versions", {"sp2lnob": version("sp2lnob")})
        manifest = {
            "versions": versions,
            "level": None if result is None else result.estimates.level,
            "surveys": {self.name: told} if told else {},
            "domains": list(self.asked.domains),
            "least_rate": self.asked.least_rate,
        }
        return Overview(tables[ESTIMATES], tables[GROUPS], tables[SKIPPED], tables[CORRELATIONS], manifest)

    # -- what is kept -------------------------------------------------------------------------------------------------

    def _known(
        self,
        survey: Survey,
        opportunities: Sequence[Opportunity],
        tree: OpportunityTree,
        replicates: ReplicateDesign,
        options: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return what a finished survey is known again by."""
        made = {
            "version": version("sp2lnob"),
            "survey": self.name,
            "data": survey.fingerprint(),
            "opportunities": [asdict(opportunity) for opportunity in opportunities],
            "domains": list(self.asked.domains),
            "least_rate": self.asked.least_rate,
            "errors": "skip" if self.asked.skips else "raise",
            "tree": tree.get_params(),
            "replicates": replicates.told(),
            "options": dict(options),
        }
        known: dict[str, Any] = json.loads(json.dumps(made))
        return known

    def _earlier(self, known: Mapping[str, Any]) -> Overview:
        """Return what an earlier call kept, after checking that it is of the same."""
        assert self.kept is not None
        found = read_overview(self.kept)
        there = found.manifest.get(KEPT, {})
        for key in known:
            if there.get(key) != known[key]:
                fail(
                    "Surveys that are kept must be of the same data, opportunities, arguments and version",
                    f"of {str(self.kept)!r} {key} is {shown(there.get(key))}, and here {shown(known[key])}",
                    "Name another folder, or delete this one if it is wanted no more.",
                )
        manifest = {key: value for key, value in found.manifest.items() if key not in (KEPT, "disclosure")}
        return replace(found, manifest=manifest)


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other opportunity has."""
    made, k = name, 2
    while made in taken:
        made, k = f"{name} ({k})", k + 1
    taken.add(made)
    return made


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _placed(frame: "pd.DataFrame", key: str, by: Mapping[str, _Piece]) -> "pd.DataFrame":
    """Return a frame whose opportunities have their own names, and rows the place that they are of."""
    frame = frame[frame[key].isin(list(by))].reset_index(drop=True)
    pieces = [by[name] for name in frame[key]]
    made = frame.assign(**{key: [piece.opportunity.name for piece in pieces]})
    for j, column in enumerate(PLACE):
        made.insert(j, column, [piece.place[j] for piece in pieces])
    return made


def _correlations(estimates: Estimates, by: Mapping[str, _Piece]) -> "pd.DataFrame":
    """Return the correlations over replicates of the dissimilarity indices of each place."""
    import pandas as pd

    at: dict[Place, list[tuple[str, int]]] = {}
    kinds: dict[str, dict[str, int]] = {}
    for i, row in enumerate(estimates.rows):
        if (row.statistic, row.scenario, row.by) == ("d_index", "before", "all") and row.of in by:
            kinds.setdefault(row.of, {})[row.param.split(", ")[0]] = i
    for name, found in kinds.items():
        if (kind := next((kind for kind in OF_D if kind in found), None)) is not None:
            at.setdefault(by[name].place, []).append((by[name].opportunity.name, found[kind]))
    lines = []
    for place, indices in at.items():
        drawn = _Standard(estimates, [i for _, i in indices])
        for j, (other, _) in enumerate(indices):
            lines += [(*place, of, other, drawn.correlation(i, j)) for i, (of, _) in enumerate(indices[:j])]
    return pd.DataFrame(lines, columns=[*COLUMNS[CORRELATIONS]])


@dataclass(frozen=True)
class _Standard:
    """Values over their standard errors: the variance of the sum of two is 2 + 2 r."""

    estimates: Estimates
    rows: Sequence[int]

    @cached_property
    def _made(self) -> list[tuple[Any, float, Any] | None]:
        made: list[tuple[Any, float, Any] | None] = []
        of = self.estimates
        for i in self.rows:
            se, _, _ = of.variance.of(of.draws[:, i], of.value[i], of.beside[:, i])
            made.append((of.draws[:, i] / se, of.value[i] / se, of.beside[:, i] / se) if se > 0 else None)
        return made

    def correlation(self, i: int, j: int) -> float:
        """Return the correlation of two values; of one that does not vary it is 0."""
        a, b = self._made[i], self._made[j]
        if a is None or b is None:
            return 0.0
        se, _, _ = self.estimates.variance.of(a[0] + b[0], a[1] + b[1], a[2] + b[2])
        return float(np.clip(se**2 / 2 - 1, -1.0, 1.0)) if se == se else 0.0
