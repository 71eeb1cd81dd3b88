"""The indicator library: who has access to what, in DHS, MICS and household income and expenditure surveys.

Indicators are data (``codebooks/``): what each means, and which codes of which variables make it, in two readings.
``standard`` is that of the SDG metadata, the JMP, WHO and the Guide to DHS Statistics, in which missing is missing;
``escap`` is that of ESCAP's LNOB code, where its list or cut is another. The builders turn files into surveys and the
opportunities on them, which is what ``assess`` takes, and tell what the files lack.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._builders import LATEST, IndicatorSet, Wanted, build, tables_of
from ._codebook import OTHERWISE, PROGRAMS, READINGS, Indicator, read_codebook, read_indicators
from ._concepts import build_hies
from ._typing import Frame
from ._validate import choice, fail, fail_if_unknown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IndicatorSet", "dhs", "explain", "get", "hies", "mics", "names", "table"]


# -- the library ------------------------------------------------------------------------------------------------------


def names(program: str | None = None) -> list[str]:
    """Return the names of all indicators, or of those that a program has.

    Parameters
    ----------
    program : {"dhs", "mics", "hies"}, default None

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If there is no such program.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.indicators.names()[:3]
    ['electricity', 'clean fuel', 'basic water']
    >>> "bank account" in sp.indicators.names("mics")  # MICS asks for the household's alone
    False
    """
    if program is None:
        return list(read_indicators())
    held = read_codebook(choice(program, PROGRAMS, "program")).indicators
    return [name for name in read_indicators() if name in held]


def get(name: str) -> Indicator:
    """Return what an indicator is.

    Parameters
    ----------
    name : str

    Returns
    -------
    Indicator
        With title, kind, unit, population, circumstances, optional, sdg, reference.

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
        name, title, kind, unit, population, circumstances, optional (circumstances), sdg, programs (which have it),
        readings, escap_name, reference; lists are joined by commas.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = sp.indicators.table()
    >>> frame.loc[frame["name"] == "basic water", ["kind", "sdg", "programs", "readings"]]
         kind    sdg       programs         readings
    2  access  6.1.1  dhs, mics, hies  standard, escap
    >>> frame.shape[0] == len(sp.indicators.names())
    True
    """
    import pandas as pd

    books = {program: read_codebook(program) for program in PROGRAMS}
    rows = []
    for name, indicator in read_indicators().items():
        having = [program for program, book in books.items() if name in book.indicators]
        readings = {reading for program in having for reading in books[program].readings(name)}
        rows.append(
            {
                "name": name,
                "title": indicator.title,
                "kind": indicator.kind,
                "unit": indicator.unit,
                "population": indicator.population,
                "circumstances": ", ".join(indicator.circumstances),
                "optional": ", ".join(indicator.optional),
                "sdg": indicator.sdg,
                "programs": ", ".join(having),
                "readings": ", ".join(reading for reading in READINGS if reading in readings),
                "escap_name": indicator.escap_name,
                "reference": indicator.reference,
            }
        )
    return pd.DataFrame(rows)


def explain(name: str, program: str, *, reading: str = "standard", rounds: int | None = None) -> str:
    """Tell from which codes of which variables an indicator is made.

    Parameters
    ----------
    name : str
    program : {"dhs", "mics", "hies"}
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
        If the program does not have the indicator.

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
    indicator, book = get(name), read_codebook(choice(program, PROGRAMS, "program"))
    choice(reading, READINGS, "reading")
    rounds = LATEST.get(program, 0) if rounds is None else rounds
    sources = [source for source in book.sources(name, reading) if not source.rounds or rounds in source.rounds]
    if not sources:
        fail(f"The indicator must be one that {program} has", f"{name!r} is not", f"See names({program!r}).")
    source = sources[0]
    lists = {name: tuple(codes) for name, codes in book.lists.items()}
    lines = [f"{name} ({program}, {reading}): {indicator.title}"]
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
                    where = "nothing else holds" if text == OTHERWISE else book.written(text, lists)
                    lines.append(f"  {label} where {where}")
            if d.any:
                lines.append(f"  1 where any of {', '.join(d.any)} is in {d.yes}")
                lines.append(f"  0 where {'nothing else holds' if d.no == OTHERWISE else f'all are in {d.no}'}")
                if d.gates:
                    lines.append(f"  or where {', '.join(d.gates)} is in {d.gate_no}")
            if d.all:
                lines.append(f"  1 where all of {', '.join(d.all)} are 1, 0 where one is 0")
            if d.negates:
                lines.append(f"  1 - {d.negates}")
            if d.letters_yes:
                lines.append(f"  1 where one of {', '.join(d.letters_yes)} was given")
                others = "nothing else holds" if d.letters_no == OTHERWISE else f"only of {', '.join(d.letters_no)}"
                lines.append(f"  0 where {others}")
            for label, text in d.levels:
                where = "nothing else holds" if text == OTHERWISE else book.written(text, lists)
                lines.append(f"  {label!r} where {where}")
            if d.value:
                lines.append(f"  {book.written(d.value, lists)}")
            words += [*d.parts, *(word for text in d.conditions for word in re.findall(r"[A-Za-z_]\w*", text))]
        for word in dict.fromkeys(words):
            tell(word)

    tell(source.outcome)
    for word in re.findall(r"[A-Za-z_]\w*", source.population):
        tell(word)
    return "\n".join(lines)


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
    optional: Sequence[str] = (),
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
    optional : sequence of {"disability"}, default ()
        Circumstances to take beside the indicators' own, where an indicator has them. "disability", by the Washington
        Group's short set, is of adults, in the file of members; those below 18 are then left out.
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
    wanted = Wanted("dhs", reading, indicators, codes, variables, populations, psu, strata, single_psu, optional)
    return build(wanted, tables_of(wanted.book, files, encoding, wanted.variables), phase)


def mics(
    hh: Frame = None,
    hl: Frame = None,
    wm: Frame = None,
    ch: Frame = None,
    mn: Frame = None,
    *,
    reading: str = "standard",
    indicators: Sequence[str] | None = None,
    optional: Sequence[str] = (),
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
    optional : sequence of {"disability"}, default ()
        Circumstances to take beside the indicators' own, where an indicator has them. "disability", by the Washington
        Group's short set, is asked of women and men of 18 to 49 years, in MICS6; those below 18 are then left out.
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
    wanted = Wanted("mics", reading, indicators, codes, variables, populations, psu, strata, single_psu, optional)
    return build(wanted, tables_of(wanted.book, files, encoding, wanted.variables), round)


def hies(
    households: Frame,
    persons: Frame = None,
    *,
    concepts: str | Mapping[str, Mapping[str, Any]],
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
    concepts : dict of str to dict, or str
        What holds what: ``{"cooking_fuel": {"column": "cook_fuel", "clean": [1, 2], "polluting": [3, 4, 5, 6]}}``. The
        concepts and their categories are those of the codebook; a concept without categories has a column alone.
        Or the name of a map of the codebook: "popstan".
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
    wanted = Wanted("hies", "standard", indicators, None, None, None, None, None, "error")
    return build_hies(wanted, households, persons, concepts, encoding, survey)
