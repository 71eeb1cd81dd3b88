"""The indicator library: who has access to what, in DHS, MICS and household income and expenditure surveys.

Indicators are data (``codebooks/``): what each means, and which codes of which variables make it, in two readings.
``standard`` is that of the SDG metadata, the JMP, WHO and the Guide to DHS Statistics, in which missing is missing;
``escap`` is that of ESCAP's LNOB code, where its list or cut is another. The builders turn files into surveys and the
opportunities on them, which is what ``assess`` takes, and tell what the files lack.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ._codebook import PROGRAMMES, READINGS, Codebook, Indicator, Layout, Source, read_codebook, read_indicators
from ._columns import Column, Table, table_of
from ._expressions import parse
from ._html import fields
from ._recodes import Picked, Recode, Stacked, reason
from ._typing import BoolArray, FloatArray, Frame, LongArray
from ._validate import InputError, choice, fail, fail_if_unknown, fail_type, listing, mapping, number
from .io import read_table
from .opportunity import Opportunity
from .survey import CLASSES, Survey

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IndicatorSet", "dhs", "explain", "get", "hies", "mics", "names", "table"]

LATEST = {"dhs": 7, "mics": 6}
# Variables that only one generation of MICS files has.
MICS6 = ("HH48", "HH46", "WM17", "UF17", "ED5A", "MWM17")
MICS5 = ("HH11", "HH9", "WM7", "UF9", "ED4A", "MWM7")
SEXES = {"women": 0, "men": 1}


# -- the library ------------------------------------------------------------------------------------------------------


def names(programme: str | None = None) -> list[str]:
    """Return the names of all indicators, or of those that a programme has.

    Parameters
    ----------
    programme : {"dhs", "mics", "hies"}, default None

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If there is no such programme.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.indicators.names()[:3]
    ['electricity', 'clean fuel', 'basic water']
    >>> "bank account" in sp.indicators.names("mics")  # MICS asks for the household's alone
    False
    """
    if programme is None:
        return list(read_indicators())
    held = read_codebook(choice(programme, PROGRAMMES, "programme")).indicators
    return [name for name in read_indicators() if name in held]


def get(name: str) -> Indicator:
    """Return what an indicator is.

    Parameters
    ----------
    name : str

    Returns
    -------
    Indicator
        With title, kind, unit, population, circumstances, sdg, reference.

    Raises
    ------
    InputError
        If there is none of this name.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.indicators.get("stunting").kind, sp.indicators.get("stunting").population
    ('barrier', 'measured children of 0 to 59 months')
    >>> sp.indicators.get("clean water")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: An indicator must be one that exists, but 'clean water' does not. Did you mean ...
    """
    fail_if_unknown(name, read_indicators(), "An indicator")
    return read_indicators()[name]


def table() -> "pd.DataFrame":
    """Return all indicators as a frame.

    Returns
    -------
    DataFrame
        name, title, kind, unit, population, circumstances, sdg, programmes (which have it), readings, escap_name,
        reference; lists are joined by commas.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = sp.indicators.table()
    >>> frame.loc[frame["name"] == "basic water", ["kind", "sdg", "programmes", "readings"]]
         kind    sdg       programmes         readings
    2  access  6.1.1  dhs, mics, hies  standard, escap
    >>> frame.shape[0] == len(sp.indicators.names())
    True
    """
    import pandas as pd

    books = {programme: read_codebook(programme) for programme in PROGRAMMES}
    rows = []
    for name, indicator in read_indicators().items():
        having = [programme for programme, book in books.items() if name in book.indicators]
        readings = {reading for programme in having for reading in books[programme].readings(name)}
        rows.append(
            {
                "name": name,
                "title": indicator.title,
                "kind": indicator.kind,
                "unit": indicator.unit,
                "population": indicator.population,
                "circumstances": ", ".join(indicator.circumstances),
                "sdg": indicator.sdg,
                "programmes": ", ".join(having),
                "readings": ", ".join(reading for reading in READINGS if reading in readings),
                "escap_name": indicator.escap_name,
                "reference": indicator.reference,
            }
        )
    return pd.DataFrame(rows)


def explain(name: str, programme: str, *, reading: str = "standard", rounds: int | None = None) -> str:
    """Tell from which codes of which variables an indicator is made.

    Parameters
    ----------
    name : str
    programme : {"dhs", "mics", "hies"}
    reading : {"standard", "escap"}, default "standard"
    rounds : int, default None
        Phase of DHS, or round of MICS; None: 7 and 6.

    Returns
    -------
    str
        The survey and population, and each column down to the variables of the file.

    Raises
    ------
    InputError
        If the programme does not have the indicator.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> print(sp.indicators.explain("electricity", "mics", rounds=5))
    electricity (mics, standard): Household has electricity
    survey: households; population: all
    electricity
      1 where HC8A == 1
      0 where HC8A == 2
    >>> sp.indicators.explain("bank account", "mics")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The indicator must be one that mics has, but 'bank account' is not. See names('mics').
    """
    indicator, book = get(name), read_codebook(choice(programme, PROGRAMMES, "programme"))
    choice(reading, READINGS, "reading")
    rounds = LATEST.get(programme, 0) if rounds is None else rounds
    sources = [source for source in book.sources(name, reading) if not source.rounds or rounds in source.rounds]
    if not sources:
        fail(f"The indicator must be one that {programme} has", f"{name!r} is not", f"See names({programme!r}).")
    source = sources[0]
    lists = {name: tuple(codes) for name, codes in book.lists.items()}
    lines = [f"{name} ({programme}, {reading}): {indicator.title}"]
    lines.append(f"survey: {source.survey}; population: {source.population or 'all'}")
    told: set[str] = set()

    def tell(column: str) -> None:
        if column in told or column not in book.columns:
            return
        told.add(column)
        words: list[str] = []
        for position, d in enumerate(book.definitions(column, reading, rounds)):
            over = f", over {d.over}" if d.over else ""
            lines.append(f"{'or, if these variables are lacking, ' if position else ''}{column}{over}")
            for label, text in (("1", d.yes), ("0", d.no)) if not d.any else ():
                if text:
                    lines.append(f"  {label} where {book.written(text, lists)}")
            if d.any:
                lines.append(f"  1 where any of {', '.join(d.any)} is in {d.yes}")
                lines.append(f"  0 where {'nothing else holds' if d.no == 'otherwise' else f'all are in {d.no}'}")
                if d.gates:
                    lines.append(f"  or where {', '.join(d.gates)} is in {d.gate_no}")
            if d.all:
                lines.append(f"  1 where all of {', '.join(d.all)} are 1, 0 where one is 0")
            if d.negates:
                lines.append(f"  1 - {d.negates}")
            if d.letters_yes:
                lines.append(f"  1 where one of {', '.join(d.letters_yes)} was given")
                others = d.letters_no if isinstance(d.letters_no, str) else f"{', '.join(d.letters_no)} alone"
                lines.append(f"  0 where {others}")
            lines.extend(f"  {label!r} where {book.written(text, lists)}" for label, text in d.levels)
            if d.value:
                lines.append(f"  {book.written(d.value, lists)}")
            words += [*d.parts, *(word for text in d.conditions for word in re.findall(r"[A-Za-z_]\w*", text))]
        for word in dict.fromkeys(words):
            tell(word)

    tell(source.outcome)
    for word in re.findall(r"[A-Za-z_]\w*", source.population):
        tell(word)
    return "\n".join(lines)


# -- what the builders return -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class IndicatorSet:
    """Surveys made of a programme's files, and the opportunities on each.

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


# -- builders ---------------------------------------------------------------------------------------------------------


def dhs(
    hr: Frame = None,
    pr: Frame = None,
    ir: Frame = None,
    kr: Frame = None,
    mr: Frame = None,
    *,
    reading: str = "standard",
    indicators: Sequence[str] | None = None,
    phase: int | None = None,
    codes: Mapping[str, Sequence[float]] | None = None,
    variables: Mapping[str, str] | None = None,
    populations: Mapping[str, float] | None = None,
    psu: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    single_psu: str = "error",
    encoding: str | None = None,
) -> IndicatorSet:
    """Build surveys and opportunities from DHS recode files.

    Parameters
    ----------
    hr, pr, ir, kr, mr : path or frame, default None
        Households, members, women, children and men: any that you have, with codes, not labels.
    reading : {"standard", "escap"}, default "standard"
    indicators : sequence of str, default None
        Which to build; None: all that DHS has.
    phase : int, default None
        Phase of DHS, 5 to 8; None: what hv000 or v000 says.
    codes : dict of str to sequence of int, default None
        Codes of a list of the codebook instead of its own, such as {"water_improved": [11, 12, 13, 92]}.
    variables : dict of str to str, default None
        What the files call a variable, such as {"early_education": "s572"}.
    populations : dict, default None
        Number of "women" and "men" of 15 to 49 years in the country, to which their weights are scaled. None, in the
        standard reading: men are weighted to women as they are in pr; without pr, and in ESCAP's, weights are as they
        come.
    psu, strata : str or sequence of str, default None
        Columns of the design, called as in any of the files; None: v021, and v023.
    single_psu : str, default "error"
        As for Survey.
    encoding : str, default None
        As for read_survey.

    Returns
    -------
    IndicatorSet

    Raises
    ------
    InputError
        If no file came, there is no such indicator or list, or the design does not hold.

    References
    ----------
    ICF (2018). Demographic and Health Surveys Standard Recode Manual for DHS-7. Croft, Marshall and Allen (2018), Guide
    to DHS Statistics.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> hr = {"hv001": [1, 1, 2, 2], "hv002": [1, 2, 1, 2], "hv005": [1000000] * 4, "hv012": [4, 2, 5, 3],
    ...       "hv021": [1, 1, 2, 2], "hv023": [1, 1, 1, 1], "hv025": [1, 1, 2, 2], "hv206": [1, 0, 0, 9],
    ...       "hv270": [5, 3, 1, 2]}
    >>> found = sp.indicators.dhs(hr, indicators=["electricity"])
    >>> found["electricity"]
    (Survey of 4 households: 2 PSUs in 1 stratum; weights sum to 4, Opportunity(name='electricity', ...
    >>> found.lacking["lacks"].tolist()
    ['the file of members']

    An indicator of which the file has no variable is told, and not there:

    >>> sp.indicators.dhs(hr, indicators=["clean fuel"]).lacking["lacks"].tolist()
    ['hv226']
    """
    files = {"hr": hr, "pr": pr, "ir": ir, "kr": kr, "mr": mr}
    wanted = _Wanted("dhs", reading, indicators, codes, variables, populations, psu, strata, single_psu)
    return _build(wanted, _tables(wanted.book, files, encoding, wanted.variables), phase)


def mics(
    hh: Frame = None,
    hl: Frame = None,
    wm: Frame = None,
    ch: Frame = None,
    mn: Frame = None,
    *,
    reading: str = "standard",
    indicators: Sequence[str] | None = None,
    round: int | None = None,
    codes: Mapping[str, Sequence[float]] | None = None,
    variables: Mapping[str, str] | None = None,
    populations: Mapping[str, float] | None = None,
    psu: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    single_psu: str = "error",
    encoding: str | None = None,
) -> IndicatorSet:
    """Build surveys and opportunities from MICS data files.

    Levels and grades of schools are the country's own: check the lists of levels, and give the last grade of upper
    secondary school, such as ``codes={"last_secondary_grade": [12]}``.

    Parameters
    ----------
    hh, hl, wm, ch, mn : path or frame, default None
        Households, members, women, children under 5 and men: any that you have, with codes, not labels.
    reading : {"standard", "escap"}, default "standard"
    indicators : sequence of str, default None
        Which to build; None: all that MICS has.
    round : int, default None
        Round of MICS, 4 to 6; None: what the variables of the files say.
    codes : dict of str to sequence of int, default None
        Codes of a list of the codebook instead of its own.
    variables : dict of str to str, default None
        What the files call a variable, such as {"unmet_need": "unmet"}.
    populations : dict, default None
        Number of "women" and "men" of 15 to 49 years in the country; as for ``dhs``.
    psu, strata : str or sequence of str, default None
        Columns of the design; None: PSU or else HH1, and stratum or else HH6 and HH7.
    single_psu : str, default "error"
        As for Survey.
    encoding : str, default None
        As for read_survey.

    Returns
    -------
    IndicatorSet

    Raises
    ------
    InputError
        If no file came, there is no such indicator or list, the round is not clear, or the design does not hold.

    References
    ----------
    UNICEF, MICS6 standard questionnaires (2017-2020) and tabulation plan.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> hh = {"HH1": [1, 1, 2, 2], "HH2": [1, 2, 1, 2], "HH6": [1, 1, 2, 2], "HH7": [1, 1, 1, 1], "HH46": [1, 1, 1, 2],
    ...       "HH48": [4, 2, 5, 0], "hhweight": [1.0, 1.0, 1.0, 0.0], "windex5": [5, 3, 1, 0], "HC8": [1, 2, 3, None],
    ...       "stratum": [1, 1, 1, 1]}
    >>> found = sp.indicators.mics(hh, indicators=["electricity"])
    >>> found["electricity"][0]
    Survey of 3 households: 2 PSUs in 1 stratum; weights sum to 3
    >>> found.notes
    ['households: 3 of 4 rows are kept, where HH46 == 1', 'households: PSU is lacking, so HH1 is taken for the PSU']

    >>> sp.indicators.mics()
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A file must be given, but none came. Pass one or more of hh, hl, wm, ch, mn.
    """
    files = {"hh": hh, "hl": hl, "wm": wm, "ch": ch, "mn": mn}
    wanted = _Wanted("mics", reading, indicators, codes, variables, populations, psu, strata, single_psu)
    return _build(wanted, _tables(wanted.book, files, encoding, wanted.variables), round)


def hies(
    households: Frame,
    persons: Frame = None,
    *,
    concepts: Mapping[str, Mapping[str, Any]],
    indicators: Sequence[str] | None = None,
    encoding: str | None = None,
    **survey: Any,
) -> IndicatorSet:
    """Build a survey and opportunities from a household income and expenditure survey.

    All opportunities are on one survey, which may have welfare: then the first circumstance is ``bottom40``, and
    ``assess`` can tell what a package changes.

    Parameters
    ----------
    households, persons : path or frame
        As for read_survey and Survey.
    concepts : dict of str to dict
        What holds what: ``{"cooking_fuel": {"column": "cook_fuel", "clean": [1, 2], "polluting": [3, 4, 5, 6]}}``. The
        concepts and their categories are those of the codebook; a concept without categories has a column alone.
    indicators : sequence of str, default None
        Which to build; None: all that the concepts allow.
    encoding : str, default None
        As for read_survey.
    **survey
        All other arguments of Survey; ``missing`` is "drop" unless it is given.

    Returns
    -------
    IndicatorSet

    Raises
    ------
    InputError
        If a concept, category or column does not exist, or a code is in two categories; and as for Survey.

    References
    ----------
    WHO/UNICEF JMP (2018). Core questions on drinking water, sanitation and hygiene for household surveys.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> households, persons = sp.example_frames(400)
    >>> concepts = {
    ...     "cooking_fuel": {"column": "cook_fuel", "clean": ["Electricity", "Gas"], "polluting": ["Wood", "Charcoal"]},
    ...     "area": {"column": "urbrur", "urban": ["Urban"], "rural": ["Rural"]},
    ... }
    >>> found = sp.indicators.hies(households, persons, concepts=concepts, welfare="pc_exp", psu="ea", strata="region")
    >>> found.names
    ['clean fuel']
    >>> found["clean fuel"][1].circumstances
    ('bottom40', 'residence')
    >>> sp.indicators.hies(households, persons, concepts={"fuel": {"column": "cook_fuel"}})
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A concept must be one that exists, but 'fuel' does not. There are: area, bank, ...
    """
    wanted = _Wanted("hies", "standard", indicators, None, None, None, None, None, "error")
    return _of_hies(wanted, households, persons, concepts, encoding, survey)


class _Wanted:
    """What was asked of a builder, checked."""

    def __init__(
        self,
        programme: str,
        reading: str,
        indicators: Sequence[str] | None,
        codes: Mapping[str, Sequence[float]] | None,
        variables: Mapping[str, str] | None,
        populations: Mapping[str, float] | None,
        psu: str | Sequence[str] | None,
        strata: str | Sequence[str] | None,
        single_psu: str,
    ) -> None:
        self.book = read_codebook(programme)
        self.reading = choice(reading, READINGS, "reading")
        held = names(programme)
        self.indicators = held
        if indicators is not None:
            self.indicators = list(listing(indicators, str, "indicators", "List names of indicators."))
            for name in self.indicators:
                fail_if_unknown(name, held, f"An indicator of {programme}")
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
        given = {"psu": psu, "strata": strata}
        self.design = {
            key: (value,) if isinstance(value, str) else tuple(value)
            for key, value in given.items()
            if value is not None
        }
        self.single_psu = single_psu


def _texts(book: Codebook) -> list[str]:
    """Return all expressions of a codebook."""
    columns = [text for listed in book.columns.values() for d in listed for text in d.conditions]
    return columns + [str(source.get("population", "")) for listed in book.indicators.values() for source in listed]


def _variables_of(book: Codebook) -> set[str]:
    """Return every word of a codebook that may name a variable."""
    parts = [name for listed in book.columns.values() for d in listed for name in d.parts]
    layout = [str(value) for given in book.surveys.values() for value in given.values()]
    words = {word for text in (*_texts(book), *layout) for word in re.findall(r"[A-Za-z_]\w*", text)}
    return {*parts, *words, "hv000", "v000", "mv000", "hv006", "v020"} - set(book.columns)


def _tables(
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
        if isinstance(given, (str, os.PathLike)):
            tables[what] = read_table(given, what, named, encoding)
        else:
            tables[what] = table_of(given, what)
        if not tables[what].rows:
            fail(f"The file {what} must have at least one row", "there is none", "Pass the rows of the survey.")
    if not tables:
        fail("A file must be given", "none came", f"Pass one or more of {', '.join(files)}.")
    return tables


class _Told:
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


def _build(wanted: _Wanted, tables: dict[str, Table], rounds: int | None) -> IndicatorSet:
    """Build the surveys of a programme with a fixed layout."""
    told, rooms = _Told(), dict[str, _Room | None]()
    rounds = _round_of(wanted.book.programme, tables, told) if rounds is None else rounds
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
        if (room := rooms[source.survey]) is None:
            told.lack(name, "file", f"the weight or size of {source.survey}")
            continue
        if source is not sources[0]:
            told.note(f"{source.survey} stand for households: the file {_file(wanted, sources[0])} is lacking")
        opportunity = _opportunity(wanted, room, source, get(name), told)
        if opportunity is not None:
            room.opportunities.append(opportunity)
    for file, recode in recodes.items():
        for variable, code, label, rows in recode.unlisted():
            told.unlisted[file.split()[0], variable, code] = (label, rows)
    surveys = {
        name: _survey(room, wanted.single_psu)
        for name, room in rooms.items()
        if room is not None and room.opportunities
    }
    return IndicatorSet(surveys, {name: rooms[name].opportunities for name in surveys}, *told.frames(), told.notes)  # type: ignore[union-attr]


def _file(wanted: _Wanted, source: Source) -> str:
    return str(wanted.book.surveys[source.survey]["file"])


def _round_of(programme: str, tables: Mapping[str, Table], told: _Told) -> int:
    """Return the phase or round that the files say they are of."""
    if programme == "dhs":
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
    wanted: _Wanted,
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
        made.key_names = layout.key
        recodes[name] = made
        for other in ("households", "members"):
            beside = wanted.book.layout(other, wanted.reading, rounds)
            if beside.file in tables and all(made.raw(key) for key in layout.key):
                of_other = _recode(wanted, beside.file, tables[beside.file], beside, tables, rounds, recodes)
                if all(of_other.raw(key) for key in beside.key):
                    made.others[other] = of_other
    return recodes[name]


def _room(
    wanted: _Wanted, name: str, tables: Mapping[str, Table], rounds: int, recodes: dict[str, Recode], told: _Told
) -> _Room | None:
    """Return a survey's rows, weights and design; None if it has no weight or size."""
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
        return None
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
    weight = recode.column(layout.weight).numbers(f"The weight {layout.weight!r}") / layout.per
    if layout.unweighted is not None:
        weight = np.where(np.isnan(weight), layout.unweighted, weight)
    if men is not None:
        weight = _scaled(wanted, name, recode, weight, tables, rounds, recodes, told)
    made = {**given, "weight": Column("weight", weight)}
    if layout.unit == "household":
        made["usual_members"] = replace(recode.column(layout.size), name="usual_members")
    if all(recode.raw(key) for key in layout.key):
        made["household"] = Column("household", recode.key)
    room = _Room(recode, layout, rows, made, [])
    _design(wanted, name, room, told)
    return room


def _design(wanted: _Wanted, name: str, room: _Room, told: _Told) -> None:
    """Find the columns of the design, and keep them under names of their own."""
    recode, layout = room.recode, room.layout

    def of_file(column: str) -> str:
        if wanted.book.programme == "dhs" and re.fullmatch(r"[hm]?v\d+\w*", column.lower()):
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
    wanted: _Wanted,
    name: str,
    recode: Recode,
    weight: FloatArray,
    tables: Mapping[str, Table],
    rounds: int,
    recodes: dict[str, Recode],
    told: _Told,
) -> FloatArray:
    """Return the weights of women and men, each scaled to their number, as far as it is known."""
    man = recode.column("man").values == 1
    age_name = {"dhs": "v012", "mics": "WB4" if rounds >= 6 else "WB2"}[wanted.book.programme]
    sums = []
    aged = np.ones(len(man), dtype=np.bool_)
    if not recode.lacks(age_name):
        aged = recode.mask(f"between({age_name}, 15, 49)")
    for sex in SEXES.values():
        sums.append(float(np.nansum(weight[(man == sex) & aged])))
    if not all(total > 0 for total in sums):
        fail("Women and men of 15 to 49 years must have weight", f"their weights sum to {sums}", "Correct the weights.")
    if wanted.populations:
        factors = [wanted.populations[who] / total for who, total in zip(SEXES, sums, strict=True)]
        told.note(f"{name}: weights are scaled to the populations given")
        return np.where(man, weight * factors[1], weight * factors[0])
    layout = wanted.book.layout("members", wanted.reading, rounds)
    if wanted.reading == "standard" and layout.file in tables:
        members = _recode(wanted, layout.file, tables[layout.file], layout, tables, rounds, recodes)
        texts = {
            "dhs": "hv103 == 1 and between(hv105, 15, 49) and hv104 == {}",
            "mics": "between(HL6, 15, 49) and HL4 == {}",
        }[wanted.book.programme]
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
                return np.where(man, weight * factor, weight)
    told.note(
        f"{name}: women's and men's weights are as they come, each set scaled to its own sample; pass populations=, or "
        f"{layout.file} in the standard reading, to weigh men against women"
    )
    return weight


def _opportunity(wanted: _Wanted, room: _Room, source: Source, indicator: Indicator, told: _Told) -> Opportunity | None:
    """Make the columns of an indicator, and the opportunity on them; None if it lacks what it cannot do without."""
    recode = room.recode
    for part, names_of in (
        ("outcome", [source.outcome]),
        ("population", recode.lacked_names(source.population) if source.population else []),
    ):
        lacking = [lack for name in names_of for lack in recode.lacks(name)]
        if lacking:
            told.lack(indicator.name, part, ", ".join(dict.fromkeys(lacking)))
            return None
    circumstances = source.circumstances or (
        indicator.escap_circumstances if wanted.reading == "escap" and indicator.escap_circumstances else ()
    )
    circumstances = circumstances or indicator.circumstances
    kept = []
    for name in circumstances:
        if lacking := recode.lacks(name):
            told.lack(indicator.name, f"circumstance {name}", ", ".join(dict.fromkeys(lacking)), built=True)
        else:
            kept.append(name)
    used = [source.outcome, *(parse(source.population, "population").names if source.population else ()), *kept]
    try:
        for name in used:
            room.made[name] = recode.column(name)
        inside: BoolArray = room.taken(recode.mask(source.population)) if source.population else np.True_
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


# -- household income and expenditure surveys -------------------------------------------------------------------------


def _of_hies(
    wanted: _Wanted,
    households: Frame,
    persons: Frame,
    concepts: Mapping[str, Mapping[str, Any]],
    encoding: str | None,
    survey: dict[str, Any],
) -> IndicatorSet:
    """Build the one survey of a household income and expenditure survey."""
    book, told = wanted.book, _Told()
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
        path = isinstance(frame, (str, os.PathLike))
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
        recode.others = {"members": recodes["persons"], "households": recodes["households"]}
    rooms: dict[str, dict[str, Column]] = {place: {} for place in tables}
    opportunities = []
    for name in wanted.indicators:
        (source,) = book.sources(name, "standard")
        opportunity = _hies_opportunity(source, get(name), recodes, rooms, survey.get("welfare") is not None, told)
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
    """Return numbers of the households, the same in both tables; none unless there are both."""
    if key is None or len(tables) < 2 or any(key not in held for held in tables.values()):
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


def _concept(name: str, what: Mapping[str, Any], column: Column, book: Codebook, place: str, told: _Told) -> Column:
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
    told: _Told,
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
            if place is None or (unit == "household" and place == "persons"):
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
        if place is None or (unit == "household" and place == "persons"):
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
