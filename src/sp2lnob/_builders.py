"""From a program's files to surveys, opportunities, and what is lacking: what ``indicators`` builds.

A survey is made for what a row is. Columns are made on all rows of a file, for other files look them up; the survey has
the rows that count as interviews.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from ._codebook import READINGS, Codebook, Indicator, Layout, Source, read_codebook, read_indicators
from ._columns import Column, Table, table_of
from ._expressions import parse
from ._html import fields
from ._recodes import Picked, Recode, Stacked, reason
from ._typing import BoolArray, FloatArray, Frame, LongArray
from ._validate import InputError, choice, fail, fail_if_unknown, listing, mapping, number
from .io import read_table
from .opportunity import Opportunity
from .survey import Survey

if TYPE_CHECKING:
    import pandas as pd

LATEST = {"dhs": 7, "mics": 6}
# Variables that only one generation of MICS files has.
MICS6 = ("HH48", "HH46", "WM17", "UF17", "ED5A", "MWM17")
MICS5 = ("HH11", "HH9", "WM7", "UF9", "ED4A", "MWM7")
SEXES = {"women": 0, "men": 1}


@dataclass(frozen=True, eq=False)
class IndicatorSet:
    """Surveys made of a program's files, and the opportunities on each.

    Iterate over it for pairs of a survey and its opportunities; ask it by the name of an indicator for one.

    Attributes
    ----------
    surveys : dict of str to Survey
        By what a row is: households, members, women, respondents (women and men), violence, children.
    opportunities : dict of str to list of Opportunity
        By the same names.
    lacking : DataFrame
        What could not be built: indicator, part (file, outcome, population or circumstance), lacks (what is lacking),
        built (whether the indicator is there without it).
    unlisted : DataFrame
        Codes that no list has, which are missing: file, variable, code, label, rows. Give them with ``codes=``.
    notes : list of str
        What was decided on the way.
    """

    surveys: dict[str, Survey]
    opportunities: dict[str, list[Opportunity]]
    lacking: "pd.DataFrame" = field(repr=False)
    unlisted: "pd.DataFrame" = field(repr=False)
    notes: list[str] = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Indicators that were built."""
        return [opportunity.name for listed in self.opportunities.values() for opportunity in listed]

    def __iter__(self) -> Iterator[tuple[Survey, list[Opportunity]]]:
        return iter([(survey, self.opportunities[name]) for name, survey in self.surveys.items()])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> tuple[Survey, Opportunity]:
        for which, listed in self.opportunities.items():
            for opportunity in listed:
                if opportunity.name == name:
                    return self.surveys[which], opportunity
        reasons = [
            lack for of, lack in zip(self.lacking["indicator"], self.lacking["lacks"], strict=True) if of == name
        ]
        if reasons:
            fail("An indicator must have been built to be asked for", f"{name!r} lacks {reasons[0]}", "See .lacking.")
        fail_if_unknown(name, self.names, "An indicator of this set")
        raise AssertionError

    def __repr__(self) -> str:
        built = ", ".join(f"{len(self.opportunities[name])} of {name}" for name in self.surveys) or "none"
        return f"Indicators: {built}; {len(self.lacking)} things lacking, {len(self.unlisted)} codes in no list"

    def _repr_html_(self) -> str:
        pairs = [
            (name, ", ".join(opportunity.name for opportunity in listed)) for name, listed in self.opportunities.items()
        ]
        return fields("Indicators", [*pairs, ("lacking", f"{len(self.lacking)}"), ("notes", "; ".join(self.notes))])


class Wanted:
    """What was asked of a builder, checked."""

    def __init__(
        self,
        program: str,
        reading: str,
        indicators: Sequence[str] | None,
        codes: Mapping[str, Sequence[float]] | None,
        variables: Mapping[str, str] | None,
        populations: Mapping[str, float] | None,
        psu: str | Sequence[str] | None,
        strata: str | Sequence[str] | None,
        single_psu: str,
        optional: Sequence[str] = (),
    ) -> None:
        self.book = read_codebook(program)
        self.reading = choice(reading, READINGS, "reading")
        held = [name for name in read_indicators() if name in self.book.indicators]
        self.indicators = held
        if indicators is not None:
            self.indicators = list(listing(indicators, str, "indicators", "List names of indicators."))
            for name in self.indicators:
                fail_if_unknown(name, held, f"An indicator of {program}")
        self.lists: dict[str, Sequence[float]] = {name: tuple(codes) for name, codes in self.book.lists.items()}
        used = {name for text in _texts(self.book) for name in re.findall(r"\{(\w+)\}", text)}
        for name, given in mapping(codes or {}, "codes", "Write {'list': [codes]}.").items():
            fail_if_unknown(name, {*self.lists, *used}, "A list of codes")
            values = [given] if isinstance(given, (int, float)) else given
            if isinstance(values, str) or not isinstance(values, Iterable) or not (made := [*values]):
                fail(f"Codes of {name!r} must be a list of numbers", f"they are {given!r}", "Write [11, 12].")
            self.lists[name] = tuple(number(code, f"a code of {name!r}") for code in made)
        self.variables = mapping(variables or {}, "variables", "Write {'variable': 'column'}.")
        self.populations = mapping(populations or {}, "populations", "Write {'women': 1e6, 'men': 1e6}.")
        for who in self.populations:
            fail_if_unknown(who, SEXES, "A population")
        if self.populations and set(self.populations) != set(SEXES):
            fail("populations must have women and men", f"it has {sorted(self.populations)}", "Give both.")
        self.design = {
            part: listing((columns,) if isinstance(columns, str) else columns, str, part, "Name columns.")
            for part, columns in (("psu", psu), ("strata", strata))
            if columns is not None
        }
        self.single_psu = single_psu
        self.optional = listing(optional, str, "optional", "Name circumstances: ['disability'].")
        for name in self.optional:
            fail_if_unknown(name, self.book.optional, "An optional circumstance")


def _texts(book: Codebook) -> list[str]:
    """Return all expressions of a codebook."""
    columns = [text for listed in book.columns.values() for d in listed for text in d.conditions]
    populations = [str(source.get("population", "")) for listed in book.indicators.values() for source in listed]
    return [*columns, *populations, *book.optional.values()]


def _variables_of(book: Codebook) -> set[str]:
    """Return every word of a codebook that may name a variable."""
    parts = [name for listed in book.columns.values() for d in listed for name in d.parts]
    layout = [str(value) for given in book.surveys.values() for value in given.values()]
    words = {word for text in (*_texts(book), *layout) for word in re.findall(r"[A-Za-z_]\w*", text)}
    return {*parts, *words, "hv000", "v000", "mv000", "hv006", "v020"} - set(book.columns)


def tables_of(
    book: Codebook, files: Mapping[str, Frame], encoding: str | None, variables: Mapping[str, str]
) -> dict[str, Table]:
    """Return the tables of the files that were given."""
    named = {*_variables_of(book), *variables.values()}
    named |= {f"{prefix}{name}" for prefix in "mM" for name in named}  # as men's files call them
    named |= {name.lower() for name in named} | {name.upper() for name in named}
    tables = {}
    for what, given in files.items():
        if given is None:
            continue
        if isinstance(given, (str, PathLike)):
            tables[what] = read_table(given, what, named, encoding)
        else:
            tables[what] = table_of(given, what)
        if not tables[what].rows:
            fail(f"The file {what} must have at least one row", "there is none", "Pass the rows of the survey.")
    if not tables:
        fail("A file must be given", "none came", f"Pass one or more of {', '.join(files)}.")
    return tables


class Told:
    """What is told beside the surveys."""

    def __init__(self) -> None:
        self.lacking: list[tuple[str, str, str, bool]] = []
        self.unlisted: dict[tuple[str, str, float], tuple[str, int]] = {}
        self.notes: list[str] = []

    def lack(self, indicator: str, part: str, lacks: str, built: bool = False) -> None:
        """Keep that an indicator lacks something."""
        self.lacking.append((indicator, part, lacks, built))

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def frames(self) -> "tuple[pd.DataFrame, pd.DataFrame]":
        """Return what is lacking, and the codes in no list."""
        import pandas as pd

        lacking = pd.DataFrame(self.lacking, columns=["indicator", "part", "lacks", "built"])
        rows = [(*key, *value) for key, value in self.unlisted.items()]
        return lacking, pd.DataFrame(rows, columns=["file", "variable", "code", "label", "rows"])


@dataclass
class _Room:
    """A survey in the making."""

    recode: Recode
    layout: Layout
    rows: LongArray | None
    made: dict[str, Column]
    opportunities: list[Opportunity]

    def taken(self, values: Any) -> Any:
        """Return the rows of an array that are kept."""
        return values if self.rows is None else values[self.rows]


def build(wanted: Wanted, tables: dict[str, Table], rounds: int | None) -> IndicatorSet:
    """Build the surveys of a program with a fixed layout."""
    told, rooms = Told(), dict[str, _Room | str]()
    known = {name.lower(): name for table in tables.values() for name in table}
    for variable, column in wanted.variables.items():
        if column.lower() not in known:
            fail_if_unknown(column, [*known.values()], f"The column for {variable!r}")
    rounds = _round_of(wanted.book.program, tables, told) if rounds is None else rounds
    recodes: dict[str, Recode] = {}
    for name in wanted.indicators:
        sources = [s for s in wanted.book.sources(name, wanted.reading) if not s.rounds or rounds in s.rounds]
        if not sources:
            told.lack(name, "outcome", "a definition in this phase or round")
            continue
        at_hand = [s for s in sources if wanted.book.surveys[s.survey]["file"] in tables]
        if not at_hand:
            told.lack(name, "file", f"the file {wanted.book.surveys[sources[0].survey]['file']}")
            continue
        source = at_hand[0]
        if source.survey not in rooms:
            rooms[source.survey] = _room(wanted, source.survey, tables, rounds, recodes, told)
        room = rooms[source.survey]
        if isinstance(room, str):
            told.lack(name, "file", room)
            continue
        if source is not sources[0]:
            told.note(f"{source.survey} stand for households: the file {_file(wanted, sources[0])} is lacking")
        opportunity = _opportunity(wanted, room, source, read_indicators()[name], told)
        if opportunity is not None:
            room.opportunities.append(opportunity)
    for file, recode in recodes.items():
        for variable, code, label, rows in recode.unlisted():
            told.unlisted[file.split()[0], variable, code] = (label, rows)
    surveys = {
        name: _survey(room, wanted.single_psu)
        for name, room in rooms.items()
        if isinstance(room, _Room) and room.opportunities
    }
    opportunities = {name: rooms[name].opportunities for name in surveys}  # type: ignore[union-attr]
    return IndicatorSet(surveys, opportunities, *told.frames(), told.notes)


def _file(wanted: Wanted, source: Source) -> str:
    return str(wanted.book.surveys[source.survey]["file"])


def _round_of(program: str, tables: Mapping[str, Table], told: Told) -> int:
    """Return the phase or round that the files say they are of."""
    if program == "dhs":
        for held in tables.values():
            for name in held:
                if name.lower() in ("hv000", "v000", "mv000"):
                    column = held[name]
                    found = [level[2] for level in column.levels or () if re.fullmatch(r"[A-Z]{2}\d\w*", level.strip())]
                    if found:
                        return int(found[0])
        told.note("no file says its phase in hv000 or v000: 7 is taken; pass phase= if it is another")
        return LATEST["dhs"]
    known = {name.upper() for held in tables.values() for name in held}
    new, old = known & {*MICS6}, known & {*MICS5} - {"HH9", "HH11", "WM7"}
    if not new and not old:
        old = known & {*MICS5}
    if bool(new) == bool(old):
        fail("The round of MICS must be clear", "the variables of the files do not tell it", "Pass round=5 or round=6.")
    return 6 if new else 5


def _recode(
    wanted: Wanted,
    name: str,
    table: Table,
    layout: Layout,
    tables: Mapping[str, Table],
    rounds: int,
    recodes: dict[str, Recode],
    given: Mapping[str, Column] | None = None,
) -> Recode:
    """Return the columns of a file, with the files of households and members beside it."""
    if name not in recodes:
        made = Recode(table, wanted.book, wanted.reading, rounds, wanted.lists, wanted.variables, given)
        made.key_names, made.line_name = layout.key, layout.line
        recodes[name] = made
        for other in ("households", "members"):
            beside = wanted.book.layout(other, wanted.reading, rounds)
            if beside.file in tables and all(made.raw(key) for key in layout.key):
                of_other = _recode(wanted, beside.file, tables[beside.file], beside, tables, rounds, recodes)
                if all(of_other.raw(key) for key in beside.key):
                    made.others[other] = of_other
    return recodes[name]


def _room(
    wanted: Wanted, name: str, tables: Mapping[str, Table], rounds: int, recodes: dict[str, Recode], told: Told
) -> _Room | str:
    """Return a survey's rows, weights and design, or the weight or size that it lacks."""
    layout = wanted.book.layout(name, wanted.reading, rounds)
    table, file, given = tables[layout.file], layout.file, dict[str, Column]()
    men = tables.get(layout.men) if layout.men else None
    if layout.men:
        file, women = f"{layout.file} and {layout.men}" if men is not None else layout.file, table.rows
        if men is not None:
            renamed = {key.lower(): value for key, value in dict(layout.renamed).items()}
            table = Table(Stacked(table, men, layout.prefix, renamed), table.rows + men.rows, "women and men")
        else:
            told.note(f"{name} are women alone: the file {layout.men} is lacking")
        given["man"] = Column("man", (np.arange(table.rows) >= women).astype(np.float64))
    recode = _recode(wanted, f"{file} {name}" if layout.men else file, table, layout, tables, rounds, recodes, given)
    lacks = [part for part in (layout.weight, layout.size) if part and recode.lacks(part)]
    if lacks:
        told.note(f"{name} cannot be built: {', '.join(lacks)} is lacking")
        return ", ".join(lacks)
    rows = None
    if layout.keep:
        if lacking := [lack for word in recode.lacked_names(layout.keep) for lack in recode.lacks(word)]:
            told.note(f"{name}: all rows are kept, as {', '.join(lacking)} is lacking")
        else:
            rows = np.flatnonzero(recode.mask(layout.keep))
            if len(rows) < table.rows:
                told.note(f"{name}: {len(rows):,} of {table.rows:,} rows are kept, where {layout.keep}")
            else:
                rows = None
    if recode.raw("v020") and recode.mask("v020 == 1").all():
        told.note(f"{name} are those who were ever in union: the survey interviewed no others (v020)")
    weight = recode.column(layout.weight).numbers(f"The weight {layout.weight!r}") / layout.per
    if layout.unweighted is not None:
        weight = np.where(np.isnan(weight), layout.unweighted, weight)
    if men is not None:
        weight = _scaled(wanted, name, recode, weight, rows, tables, rounds, recodes, told)
    made = {**given, "weight": Column("weight", weight)}
    if layout.unit == "household":
        made["usual_members"] = replace(recode.column(layout.size), name="usual_members")
    if all(recode.raw(key) for key in layout.key):
        made["household"] = Column("household", recode.key)
    room = _Room(recode, layout, rows, made, [])
    _design(wanted, name, room, told)
    return room


def _design(wanted: Wanted, name: str, room: _Room, told: Told) -> None:
    """Find the columns of the design, and keep them under names of their own."""
    recode, layout = room.recode, room.layout

    def of_file(column: str) -> str:
        if wanted.book.program == "dhs" and re.fullmatch(r"[hm]?v\d+\w*", column.lower()):
            return ("h" if layout.file in ("hr", "pr") else "") + column.lower().lstrip("hm")
        return column

    for part, word in (("psu", "PSU"), ("strata", "stratum")):
        given = wanted.design.get(part)
        options = [tuple(map(of_file, given))] if given else [tuple(o.split(" x ")) for o in getattr(layout, part)]
        found = next((option for option in options if not any(map(recode.lacks, option))), None)
        if given and found is None:
            fail_if_unknown(next(c for c in options[0] if recode.lacks(c)), [*recode.table], f"A column of {part}")
        if found is None:
            told.note(f"{name}: no {word} is known, as {' and '.join(' x '.join(o) for o in options)} are lacking")
            continue
        if found != options[0]:
            told.note(f"{name}: {' x '.join(options[0])} is lacking, so {' x '.join(found)} is taken for the {word}")
        for position, column in enumerate(found):
            made = recode.column(column)
            room.made[f"{part}_{position + 1}"] = replace(made, name=f"{part}_{position + 1}")


def _scaled(
    wanted: Wanted,
    name: str,
    recode: Recode,
    weight: FloatArray,
    rows: LongArray | None,
    tables: Mapping[str, Table],
    rounds: int,
    recodes: dict[str, Recode],
    told: Told,
) -> FloatArray:
    """Return the weights of women and men, each scaled to their number, as far as it is known."""
    man = recode.column("man").values == 1
    age_name = {"dhs": "v012", "mics": "WB4" if rounds >= 6 else "WB2"}[wanted.book.program]
    counted_in = np.ones(len(man), dtype=np.bool_) if rows is None else np.isin(np.arange(len(man)), rows)
    if not recode.lacks(age_name):
        counted_in &= recode.mask(f"between({age_name}, 15, 49)")
    sums = [float(np.nansum(weight[(man == sex) & counted_in])) for sex in SEXES.values()]
    if not all(total > 0 for total in sums):
        fail("Women and men of 15 to 49 years must have weight", f"their weights sum to {sums}", "Correct the weights.")
    if wanted.populations:
        factors = [wanted.populations[who] / total for who, total in zip(SEXES, sums, strict=True)]
        told.note(f"{name}: weights are scaled to the populations given")
        return np.asarray(weight * np.where(man, factors[1], factors[0]))
    layout = wanted.book.layout("members", wanted.reading, rounds)
    if wanted.reading == "standard" and layout.file in tables:
        members = _recode(wanted, layout.file, tables[layout.file], layout, tables, rounds, recodes)
        texts = {
            "dhs": "hv103 == 1 and between(hv105, 15, 49) and hv104 == {}",
            "mics": "between(HL6, 15, 49) and HL4 == {}",
        }[wanted.book.program]
        needed = [*parse(texts.format(1), "members").names, layout.weight]
        if not any(map(members.lacks, needed)):
            weights = members.column(layout.weight).values
            counted = [float(np.nansum(weights[members.mask(texts.format(code))])) for code in (2, 1)]
            if all(total > 0 for total in counted):
                factor = counted[1] / counted[0] * sums[0] / sums[1]
                told.note(
                    f"{name}: men's weights are multiplied by {factor:.6g}, so that men are to women of 15 to 49 years "
                    f"as they are in {layout.file}"
                )
                return np.asarray(weight * np.where(man, factor, 1.0))
    told.note(
        f"{name}: women's and men's weights are as they come, each set scaled to its own sample; pass populations=, or "
        f"{layout.file} in the standard reading, to weigh men against women"
    )
    return weight


def _opportunity(wanted: Wanted, room: _Room, source: Source, indicator: Indicator, told: Told) -> Opportunity | None:
    """Make the columns of an indicator, and the opportunity on them; None if it lacks what it cannot do without."""
    recode = room.recode
    optional = [name for name in indicator.optional if name in wanted.optional]
    for name in optional:
        among = wanted.book.optional[name]
        if not recode.lacks(name) and not any(map(recode.lacks, parse(among, "population").names)):
            source = replace(source, population=f"({source.population}) and {among}" if source.population else among)
            told.note(f"indicators with {name} are of those where {among}")
    population = parse(source.population, "population").names if source.population else ()
    for part, needed in (("outcome", (source.outcome,)), ("population", population)):
        if some := [lack for name in needed for lack in recode.lacks(name)]:
            told.lack(indicator.name, part, ", ".join(dict.fromkeys(some)))
            return None
    own: tuple[str, ...] = indicator.escap_circumstances if wanted.reading == "escap" else ()
    kept = []
    for name in (*(source.circumstances or own or indicator.circumstances), *optional):
        if lacking := recode.lacks(name):
            told.lack(indicator.name, f"circumstance {name}", ", ".join(dict.fromkeys(lacking)), built=True)
        else:
            kept.append(name)
    inside: BoolArray = room.taken(np.ones(recode.table.rows, dtype=np.bool_))
    try:
        for name in (source.outcome, *population, *kept):
            room.made[name] = recode.column(name)
        if source.population:
            inside = room.taken(recode.mask(source.population))
    except InputError as error:
        told.lack(indicator.name, "outcome", f"codes that can be read: {reason(error)}")
        return None
    inside = inside & ~room.taken(room.made[source.outcome].missing) & (room.taken(room.made["weight"].values) > 0)
    for name in list(kept):
        known = inside & ~room.taken(room.made[name].missing)
        if not known.any() and inside.any():
            told.lack(indicator.name, f"circumstance {name}", "a row of the population where it is known", built=True)
            kept.remove(name)
    for name in kept:
        inside = inside & ~room.taken(room.made[name].missing)
    if not inside.any():
        told.lack(indicator.name, "population", "a row whose outcome and circumstances are known")
        return None
    for name in list(kept):
        present = np.unique(room.taken(room.made[name].values)[inside])
        if len(present) < 2:
            told.lack(indicator.name, f"circumstance {name}", "a second level among the rows that count", built=True)
            kept.remove(name)
    if not kept:
        told.lack(indicator.name, "circumstance", "any circumstance that can be built")
        return None
    return Opportunity(
        indicator.name,
        source.outcome,
        room.layout.unit,
        source.population or None,
        circumstances=tuple(kept),
        kind=indicator.kind,
        weigh="households" if wanted.reading == "escap" else "persons",
    )


def _survey(room: _Room, single_psu: str) -> Survey:
    """Return a survey of the rows that are kept."""
    rows = room.recode.table.rows if room.rows is None else len(room.rows)
    what = "households" if room.layout.unit == "household" else "persons"
    frame = Table(Picked(room.recode.table, room.rows, room.made), rows, what)
    design: dict[str, Any] = {
        "weight": "weight",
        "psu": [name for name in room.made if re.fullmatch(r"psu_\d", name)] or None,
        "strata": [name for name in room.made if re.fullmatch(r"strata_\d", name)] or None,
        "single_psu": single_psu,
        "missing": "drop",
        "roles": {"age": None, "sex": None},
    }
    if room.layout.unit == "household":
        key = "household" if "household" in room.made else None
        return Survey(frame, None, household=key, size="usual_members", **design)
    return Survey(None, frame, household=None, **design)
