"""What an overview says, by place: everybody of a survey, or a level of a domain."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from ._canvas import CHANGE, Point
from ._intervals import index as index_interval, welch
from ._validate import fail, fail_if_unknown

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
NAMED = 3  # lines left out that a picture names
HONEST = "cross-validated"
BIASED = "biased"
OF_D = ("empirical-bayes", "cells")  # the dissimilarity index that is shown: the first that is there
CORRELATED = ("survey", "domain", "domain_level", "of", "other", "correlation")
PLACE = ("survey", "domain", "domain_level")

Place = tuple[str, str, str]


class Published(Protocol):
    """What an overview publishes."""

    @property
    def estimates(self) -> "pd.DataFrame":
        """Every figure."""
        ...

    @property
    def groups(self) -> "pd.DataFrame":
        """Every group."""
        ...

    @property
    def skipped(self) -> "pd.DataFrame":
        """What was left out."""
        ...

    @property
    def correlations(self) -> "pd.DataFrame":
        """Of dissimilarity indices over replicates."""
        ...

    @property
    def manifest(self) -> Mapping[str, Any]:
        """How it was made."""
        ...


class Overviewed(Protocol):
    """Anything that holds an overview."""

    def findings(self) -> Published:
        """Return what is published."""
        ...


@dataclass(frozen=True)
class Figures:
    """What is said of one opportunity in one place: everybody of a survey, or a level of a domain."""

    place: Place
    opportunity: str
    barrier: bool
    average: Point
    behind: Point
    ahead: Point
    gap: Point
    d_index: Point
    of_d: str  # which dissimilarity index it is; "" if there is none
    d_se: float = math.nan
    d_df: float = math.nan

    @property
    def honest(self) -> bool:
        """Whether the ends are cross-validated."""
        return HONEST in self.behind.series

    @property
    def distance(self) -> str:
        """The gap in points; one that an end is withheld of would give that away."""
        known = all(point.there for point in (self.behind, self.ahead, self.gap))
        return CHANGE.text(self.gap.value).lstrip("+") if known else ""


@dataclass(frozen=True, eq=False)
class Across:
    """What an overview publishes, by place and opportunity."""

    published: Published
    _at: dict[tuple[Place, str], list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frame = self.published.estimates
        picked = frame[(frame["scenario"] == "before") & (frame["by"] == ALL) & (frame["of"] != "")]
        for row in picked.to_dict("records"):
            place = (str(row["survey"]), str(row["domain"]), str(row["domain_level"]))
            self._at.setdefault((place, str(row["of"])), []).append({str(key): value for key, value in row.items()})

    def findings(self) -> Published:
        """Return what is published: pictures take an overview, or one that is read already."""
        return self.published

    @cached_property
    def surveys(self) -> list[str]:
        """Surveys with an opportunity, in their order."""
        return list(dict.fromkeys(place[0] for place, _ in self._at))

    @cached_property
    def opportunities(self) -> list[str]:
        """Opportunities in the order in which surveys name them."""
        return list(dict.fromkeys(name for _, name in self._at))

    @cached_property
    def domains(self) -> list[str]:
        """Domains, that of everybody first."""
        return list(dict.fromkeys(place[1] for place, _ in self._at))

    @property
    def intervals(self) -> str:
        """What its intervals are called."""
        return f"{100 * self.level:g}% intervals"

    @property
    def level(self) -> float:
        """Coverage that its intervals aim at."""
        return float(self.published.manifest.get("level", 0.95))

    def levels(self, survey: str, domain: str) -> list[str]:
        """Return the levels of a domain in a survey."""
        return list(dict.fromkeys(place[2] for place, _ in self._at if place[:2] == (survey, domain)))

    def figures(self, place: Place, opportunity: str) -> Figures | None:
        """Return what is said of an opportunity in a place."""
        rows = self._at.get((place, opportunity), [])
        average = _picked(rows, "access")
        if average is None:
            return None
        ends = {}
        for name in ("furthest_behind", "furthest_ahead", "gap"):
            row = _picked(rows, name, HONEST) or _picked(rows, name)
            ends[name] = Point(math.nan) if row is None else _point(row)
        d_index = next((row for name in OF_D if (row := _picked(rows, "d_index", name))), None)
        return Figures(
            place,
            opportunity,
            "barrier" in _parts(average),
            _point(average),
            ends["furthest_behind"],
            ends["furthest_ahead"],
            ends["gap"],
            Point(math.nan) if d_index is None else _point(d_index),
            "" if d_index is None else _parts(d_index)[0],
            math.nan if d_index is None else float(d_index["se"]),
            math.nan if d_index is None else float(d_index["df"]),
        )

    def lines(
        self, opportunity: str | None, survey: str | None, domain: str
    ) -> tuple[list[tuple[str, Figures]], str, list[str]]:
        """Return lines by what tells them apart, what all of them are of, and what was left out, in words.

        One opportunity: a line for every survey; one survey: for every opportunity; both: for every level of a domain.
        """
        opportunity, survey = self._one(opportunity, survey, domain)
        made: list[tuple[str, Figures | None]] = []
        if domain == ALL and opportunity is not None and survey is not None:
            made = [(survey, self.figures((survey, ALL, ALL), opportunity))]
        elif opportunity is None:
            assert survey is not None
            made = [(name, self.figures((survey, ALL, ALL), name)) for name in self.opportunities]
        elif survey is None:
            made = [(name, self.figures((name, ALL, ALL), opportunity)) for name in self.surveys]
        else:
            levels = self.levels(survey, domain)
            made = [(level, self.figures((survey, domain, level), opportunity)) for level in levels]
        found = [(label, figures) for label, figures in made if figures is not None]
        if not found:
            fail(
                "A picture must have a line",
                f"there is none of {', '.join(repr(name) for name in (opportunity, survey) if name is not None)}",
                "Look at .skipped for what was left out, and why.",
            )
        of = ", ".join(name for name in (opportunity, survey if len(self.surveys) > 1 else None) if name is not None)
        return found, of, self._left_out(opportunity, survey, domain)

    def _one(self, opportunity: str | None, survey: str | None, domain: str) -> tuple[str | None, str | None]:
        """Return the opportunity and the survey that a picture is of, one of them perhaps all."""
        if not self._at:
            fail("A picture must have figures", "the overview has none", "Look at .skipped for why.")
        if opportunity is not None:
            fail_if_unknown(opportunity, self.opportunities, "An opportunity")
        if survey is not None:
            fail_if_unknown(survey, self.surveys, "A survey")
        fail_if_unknown(domain, self.domains, "A domain")
        if survey is None and len(self.surveys) == 1:
            survey = self.surveys[0]
        if domain == ALL:
            if opportunity is None and survey is None and len(self.opportunities) == 1:
                opportunity = self.opportunities[0]
            if opportunity is None and survey is None:
                fail(
                    "A picture must be of one opportunity or of one survey",
                    f"there are {len(self.opportunities)} and {len(self.surveys)}",
                    "Name one: opportunity=... or survey=....",
                )
            return opportunity, survey
        if opportunity is None and len(self.opportunities) == 1:
            opportunity = self.opportunities[0]
        if opportunity is None or survey is None:
            fail(
                "A picture of a domain's levels must be of one opportunity in one survey",
                f"there are {len(self.opportunities)} and {len(self.surveys)}",
                "Name both: opportunity=..., survey=....",
            )
        return opportunity, survey

    def _left_out(self, opportunity: str | None, survey: str | None, domain: str) -> list[str]:
        """Return in words which lines are not there, and why."""
        if opportunity is None:
            axis, at = "opportunity", {"survey": survey, "domain": ALL}
        elif survey is None:
            axis, at = "survey", {"opportunity": opportunity, "domain": ALL}
        elif domain == ALL:
            return []
        else:
            axis, at = "domain_level", {"opportunity": opportunity, "survey": survey, "domain": domain}
        frame = self.published.skipped
        for name, value in at.items():
            frame = frame[frame[name] == value]
        by_reason: dict[str, list[str]] = {}
        for row in frame.to_dict("records"):
            by_reason.setdefault(str(row["reason"]).split(":")[0], []).append(str(row[axis]))
        return [f"{some_of(names)} ({reason})" for reason, names in by_reason.items()]

    # -- the average of dissimilarity indices -----------------------------------------------------------------------

    def average_of(self, found: Sequence[Figures], correlated: bool) -> tuple[Point, int]:
        """Return the mean of dissimilarity indices with its interval, and of how many it is.

        Those of one place share replicates: the variance of their sum is the sum of all covariances. Those of several
        surveys are independent. Without an interval where one of them is biased.
        """
        k = len(found)
        value = sum(f.d_index.value for f in found) / k
        n = min(f.d_index.n for f in found)
        flag = BIASED if any(BIASED in f.d_index.flag for f in found) else ""
        if flag:
            return Point(value, flag=flag, n=n), k
        errors = [f.d_se for f in found]
        if correlated:
            of = self._correlation[found[0].place]
            names = [f.opportunity for f in found]
            pairs = [
                (i, j, of.get((names[i], names[j]), of.get((names[j], names[i]), 0.0)))
                for i in range(k)
                for j in range(i + 1, k)
            ]
            variance = sum(se**2 for se in errors) + 2 * sum(r * errors[i] * errors[j] for i, j, r in pairs)
            df = min(f.d_df for f in found)
        else:
            variance, df = sum(se**2 for se in errors), welch(errors, [f.d_df for f in found])
        se = math.sqrt(max(variance, 0.0)) / k
        low, high, _ = index_interval(value, se, df, 1.0, self.level)
        return Point(value, low, high, n=n), k

    @cached_property
    def _correlation(self) -> dict[Place, dict[tuple[str, str], float]]:
        """Correlations of dissimilarity indices over replicates, by place."""
        made: dict[Place, dict[tuple[str, str], float]] = {
            place: {} for place in dict.fromkeys(place for place, _ in self._at)
        }
        frame = self.published.correlations
        columns = [frame[name].tolist() for name in CORRELATED]
        for survey, domain, level, of, other, r in zip(*columns, strict=True):
            made.setdefault((survey, domain, level), {})[of, other] = r
        return made


def _parts(row: Mapping[str, Any]) -> list[str]:
    return str(row["param"]).split(", ") if row["param"] else []


def _picked(rows: Sequence[dict[str, Any]], statistic: str, kind: str = "") -> dict[str, Any] | None:
    """Return the row of a statistic whose param says a kind; of no kind, the one that is found in the full sample."""
    for row in rows:
        said = _parts(row)
        if row["statistic"] == statistic and (kind in said if kind else HONEST not in said):
            return row
    return None


def _point(row: Mapping[str, Any]) -> Point:
    value, low, high = (float(row[name]) for name in ("value", "ci_low", "ci_high"))
    series = HONEST if HONEST in _parts(row) else ""
    return Point(value, low, high, str(row["flag"]), int(row["n"]), series)


def some_of(names: Sequence[str]) -> str:
    """Return names in one text, not all of many."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
