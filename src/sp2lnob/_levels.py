"""The levels of a survey's domains: the cells of an opportunity within each, as an opportunity of their own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ._cells import combine
from ._places import ALL, Place
from ._typing import CodeArray
from ._validate import SP2LNOBError, fail
from .opportunity import Cells, Opportunity
from .survey import Survey


class Counted(Opportunity):
    """An opportunity whose cells are made already: those of a domain are some of the survey's."""

    _cells: Cells

    def prepare(self, survey: Survey) -> Cells:
        """Return the cells."""
        return self._cells


def counted(cells: Cells, name: str) -> Counted:
    """Return cells as an opportunity of another name, without circumstances in which its rows do not differ."""
    kept = [circumstance.name for circumstance in cells.circumstances]
    of = cells.opportunity
    given = {field.name: getattr(of, field.name) for field in fields(Opportunity)}
    ordered, unordered = (tuple(n for n in names if n in kept) for names in (of.ordered, of.unordered))
    given |= {"name": name, "circumstances": kept, "ordered": ordered, "unordered": unordered}
    made = Counted(**given)
    object.__setattr__(made, "_cells", replace(cells, opportunity=made))
    return made


def within(cells: Cells, rows: Any) -> Cells:
    """Return the cells of some rows: only combinations and levels that are there, and circumstances with two or more.

    A welfare class stays: it is cut in the whole survey.
    """
    some = cells.among(rows)
    ranked = {cls.name for cls in cells.classes}
    codes: list[CodeArray] = []
    made = []
    for j, circumstance in enumerate(cells.circumstances):
        level = cells.domains[some.domain, j]
        if circumstance.name in ranked:
            made.append(circumstance)
            codes.append(np.zeros(len(level), dtype=np.int32))
            continue
        there = np.flatnonzero(np.bincount(level, minlength=circumstance.levels))
        if len(there) < 2:
            continue
        place = np.zeros(circumstance.levels, dtype=np.int32)
        place[there] = np.arange(len(there), dtype=np.int32)
        labels = tuple(circumstance.labels[k] for k in there)
        made.append(replace(circumstance, labels=labels, position=circumstance.position[there]))
        codes.append(place[level])
    if not made:
        return replace(some, circumstances=())
    combinations, domain = combine(codes, [c.levels if c.name not in ranked else 1 for c in made])
    return replace(some, circumstances=tuple(made), domains=combinations, domain=domain)


class Split:
    """The levels of a survey's domains, by the unit of an opportunity."""

    def __init__(
        self, name: str, survey: Survey, domains: Sequence[str], lacks: Callable[[str, SP2LNOBError], None]
    ) -> None:
        self.name, self.survey, self.domains, self.lacks = name, survey, domains, lacks
        self._codes: dict[tuple[str, str], tuple[CodeArray, tuple[str, ...]] | None] = {}

    def places(self, opportunity: Opportunity, cells: Cells) -> Iterator[tuple[Place, Cells, str]]:
        """Return the places of an opportunity, the cells of each, and what it is called there."""
        yield (self.name, ALL, ALL), cells, opportunity.name
        for domain in self.domains:
            found = self._level(domain, opportunity.unit)
            if found is None:
                continue
            codes, labels = found
            level = codes[cells.index]
            order = np.argsort(level, kind="stable")
            first = np.searchsorted(level[order], np.arange(len(labels) + 1))
            for k, label in enumerate(labels):
                rows = order[first[k] : first[k + 1]]
                place = (self.name, domain, label)
                yield place, within(cells, rows), f"{opportunity.name} ({domain}: {label})"

    def _level(self, domain: str, unit: str) -> tuple[CodeArray, tuple[str, ...]] | None:
        """Return the level of each row of a unit and what levels are called; None where there are none."""
        if (domain, unit) not in self._codes:
            try:
                self._codes[domain, unit] = self._levels(domain, unit)
            except SP2LNOBError as error:
                self.lacks(domain, error)
                self._codes[domain, unit] = None
        return self._codes[domain, unit]

    def _levels(self, domain: str, unit: str) -> tuple[CodeArray, tuple[str, ...]]:
        survey = self.survey
        if survey.welfare_class(domain):
            fail(
                "A domain must be a column",
                f"{domain!r} is a welfare class, which is cut anew in every replicate",
                "Make it a circumstance.",
            )
        column = survey.column(domain, unit)
        if survey.missing == "error" and column.missing.any():
            fail(
                f"The domain {domain!r} must be known in every row",
                f"{int(column.missing.sum()):,} are missing",
                "Mend these rows, or pass missing='drop' to the survey: they are then in no level.",
            )
        _, codes, labels = column.categories()
        return codes, labels
