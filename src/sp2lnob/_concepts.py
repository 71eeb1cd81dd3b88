"""Indicators from a household income and expenditure survey: concepts say which column holds what."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from ._builders import IndicatorSet, Told, Wanted
from ._codebook import Codebook, Indicator, Source, read_indicators
from ._columns import Column, Table, table_of
from ._expressions import parse
from ._recodes import Picked, Recode
from ._typing import FloatArray, Frame
from ._validate import choice, fail, fail_if_unknown, fail_type, mapping
from .io import read_table
from .opportunity import Opportunity
from .survey import CLASSES, Survey


def build_hies(
    wanted: Wanted,
    households: Frame,
    persons: Frame,
    concepts: str | Mapping[str, Mapping[str, Any]],
    encoding: str | None,
    survey: dict[str, Any],
) -> IndicatorSet:
    """Build the one survey of a household income and expenditure survey."""
    book, told = wanted.book, Told()
    if isinstance(concepts, str):
        concepts = book.maps[choice(concepts, tuple(book.maps), "concepts")]
    given = mapping(concepts, "concepts", "Write {'concept': {'column': 'name', 'category': [codes]}}.")
    for name, what in given.items():
        fail_if_unknown(name, book.concepts, "A concept")
        if not isinstance(what, Mapping) or not isinstance(what.get("column"), str):
            fail(f"The concept {name!r} must have a column", f"it is {what!r}", "Write {'column': 'name', ...}.")
        categories = [key for key in book.concepts[name] if key != "about"]
        for category in what:
            if category != "column":
                fail_if_unknown(category, categories, f"A category of {name!r}")
        if categories and len(what) < 2:
            fail(
                f"The concept {name!r} must have categories", "it has a column alone", f"Give {', '.join(categories)}."
            )
    frames = {"households": households, "persons": persons}
    tables: dict[str, Table] = {}
    named = {what["column"] for what in given.values()} | {str(v) for v in survey.values() if isinstance(v, str)}
    for what, frame in frames.items():
        if frame is None:
            continue
        path = isinstance(frame, (str, PathLike))
        tables[what] = read_table(frame, what, named, encoding) if path else table_of(frame, what)
    if not tables:
        fail("A file must be given", "none came", "Pass households, persons, or both.")
    key = survey.get("household", "hid")
    made: dict[str, dict[str, Column]] = {what: {} for what in tables}
    for name, what in given.items():
        homes = [place for place, held in tables.items() if what["column"] in held]
        if not homes:
            fail_if_unknown(what["column"], [n for held in tables.values() for n in held], f"The column of {name!r}")
        made[homes[0]][name] = _concept(name, what, tables[homes[0]][what["column"]], book, homes[0], told)
    keys = _keys(tables, key)
    recodes = {
        place: Recode(held, book, "standard", 0, {}, {}, made[place], key=keys.get(place), closed=True)
        for place, held in tables.items()
    }
    for recode in recodes.values() if keys else ():
        recode.others = {"members": recodes["persons"], "households": recodes.get("households", recodes["persons"])}
    rooms: dict[str, dict[str, Column]] = {place: {} for place in tables}
    opportunities = []
    for name in wanted.indicators:
        (source,) = book.sources(name, "standard")
        opportunity = _hies_opportunity(
            source, read_indicators()[name], recodes, rooms, survey.get("welfare") is not None, told
        )
        if opportunity is not None:
            opportunities.append(opportunity)
    shadowed = sorted({n for place, columns in rooms.items() for n in columns if n in tables[place]})
    if shadowed:
        told.note(f"columns made here stand in the place of the survey's own: {', '.join(shadowed)}")
    ready = {place: Table(Picked(held, None, rooms[place]), held.rows, place) for place, held in tables.items()}
    survey.setdefault("missing", "drop")
    found = Survey(ready.get("households"), ready.get("persons"), **survey)
    whole = {"survey": found} if opportunities else {}
    return IndicatorSet(whole, {"survey": opportunities} if opportunities else {}, *told.frames(), told.notes)


def _keys(tables: Mapping[str, Table], key: str | None) -> dict[str, FloatArray]:
    """Return numbers of the households, the same in both tables; none without members or a key."""
    if key is None or "persons" not in tables or any(key not in held for held in tables.values()):
        return {}
    columns = {place: held[key] for place, held in tables.items()}
    if all(column.levels is None for column in columns.values()):
        return {place: column.values for place, column in columns.items()}
    place_of: dict[str, float] = {}
    made = {}
    for place, column in columns.items():
        levels = column.levels or ()
        codes = np.array([*(place_of.setdefault(level, float(len(place_of))) for level in levels), np.nan])
        made[place] = codes[np.where(column.missing, -1, column.values).astype(np.intp)] if levels else column.values
    return made


def _concept(name: str, what: Mapping[str, Any], column: Column, book: Codebook, place: str, told: Told) -> Column:
    """Return a concept: the number of each row's category, or the column itself if it is a number."""
    categories = {key: float(value) for key, value in book.concepts[name].items() if key != "about"}
    if not categories:
        return Column(name, column.numbers(f"The column {column.name!r} of {name!r}"))
    values, seen = np.full(len(column), np.nan), dict[float, str]()
    labels = {label: code for code, label in column.labels.items()}
    if column.levels is not None:
        labels |= {level: float(i) for i, level in enumerate(column.levels)}
    for category, given in what.items():
        if category == "column":
            continue
        if isinstance(given, (str, int, float)):
            given = [given]
        for code in given:
            if isinstance(code, str):
                fail_if_unknown(code, labels, f"A label of {column.name!r}")
                code = labels[code]
            elif column.levels is not None or not isinstance(code, (int, float, np.integer, np.floating)):
                fail_type(f"A code of {column.name!r} must be a {'text' if column.levels else 'number'}", code, "")
            if seen.setdefault(float(code), category) != category:
                fail(
                    f"A code of {name!r} must be in one category",
                    f"{column.label(float(code))!r} is in {seen[float(code)]!r} and {category!r}",
                    "Drop it from one.",
                )
            values[column.values == float(code)] = categories[category]
    present, counts = np.unique(column.values[np.isnan(values) & ~column.missing], return_counts=True)
    for code, rows in zip(present, counts, strict=True):
        told.unlisted[place, column.name, float(code)] = (column.label(float(code)), int(rows))
    return Column(name, values)


def _hies_opportunity(
    source: Source,
    indicator: Indicator,
    recodes: Mapping[str, Recode],
    rooms: dict[str, dict[str, Column]],
    welfare: bool,
    told: Told,
) -> Opportunity | None:
    """Make the columns of an indicator in the frames where they belong."""
    unit = {"households": "household", "persons": "person"}[source.survey]

    def where(name: str) -> str | None:
        """Return the frame that can make a column: the unit's own first."""
        order = [source.survey, "households", "persons"]
        return next((place for place in order if place in recodes and not recodes[place].lacks(name)), None)

    population = parse(source.population, "population").names if source.population else ()
    for part, needed in (("outcome", (source.outcome,)), ("population", population)):
        for name in needed:
            place = where(name)
            if place is None or (unit == "household" and place == "persons" and "households" in recodes):
                some = recodes.get(source.survey) or next(iter(recodes.values()))
                told.lack(indicator.name, part, ", ".join(some.lacks(name)) or "the frame of households")
                return None
            rooms[place][name] = recodes[place].column(name)
    kept = []
    for given in source.circumstances or indicator.circumstances:
        name = {"wealth": "bottom40", "sex": "gender_of_person"}.get(given, given)
        if name in CLASSES:
            if welfare:
                kept.append(name)
            else:
                told.lack(indicator.name, f"circumstance {name}", "welfare", built=True)
            continue
        place = where(name)
        if place is None or (unit == "household" and place == "persons" and "households" in recodes):
            some = recodes.get(source.survey) or next(iter(recodes.values()))
            told.lack(indicator.name, f"circumstance {name}", ", ".join(some.lacks(name)) or "households", built=True)
            continue
        column = recodes[place].column(name)
        if len(column.coded()[0]) < 2:
            told.lack(indicator.name, f"circumstance {name}", "a second level", built=True)
            continue
        rooms[place][name] = column
        kept.append(name)
    if not kept:
        told.lack(indicator.name, "circumstance", "any circumstance that can be built")
        return None
    return Opportunity(
        indicator.name,
        source.outcome,
        unit,
        source.population or None,
        circumstances=tuple(kept),
        kind=indicator.kind,
    )
