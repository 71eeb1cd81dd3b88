"""The indicator library as data: what ``codebooks/`` holds, read when it is first asked for.

An indicator is told once, in ``indicators.toml``; how a program's files give it, in a codebook of that program. The
keys of a codebook are explained at the top of ``codebooks/dhs.toml``. Expressions are of the small safe language of
``_expressions``; ``{name}`` in one stands for the codes of a list.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any

READINGS = ("standard", "escap")
PROGRAMS = ("dhs", "mics", "hies")
OTHERWISE = "otherwise"  # all rows for which nothing else holds
LIST = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Definition:
    """How a column is made; one of yes and no, any, all, negates, letters, levels or value."""

    yes: Any = ""
    no: Any = ""
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    negates: str = ""
    letters_yes: tuple[str, ...] = ()
    letters_no: Any = ()
    levels: tuple[tuple[str, str], ...] = ()
    value: str = ""
    over: str = ""
    optional: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    gate_no: tuple[float, ...] = ()
    ordered: bool = False
    reading: str = ""
    rounds: tuple[int, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """Expressions that the definition consists of."""
        texts = [text for text in (self.yes, self.no, self.value) if isinstance(text, str)]
        return tuple(text for text in (*texts, *(text for _, text in self.levels)) if text not in ("", OTHERWISE))

    @property
    def parts(self) -> tuple[str, ...]:
        """Columns and variables that it names outside of expressions."""
        letters = self.letters_no if isinstance(self.letters_no, tuple) else ()
        return (*self.any, *self.all, *self.gates, *self.letters_yes, *letters, *((self.negates,) * bool(self.negates)))


@dataclass(frozen=True)
class Source:
    """Where a program gives an indicator: in which survey, by which column, among whom."""

    survey: str
    outcome: str
    population: str = ""
    circumstances: tuple[str, ...] = ()
    rounds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Which file, weight, design and rows make a survey."""

    file: str = ""
    unit: str = "person"
    key: tuple[str, ...] = ()
    line: str = ""
    weight: str = ""
    per: float = 1.0
    unweighted: float | None = None
    size: str = ""
    keep: str = ""
    psu: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    men: str = ""
    prefix: str = ""
    renamed: Any = ()


@dataclass(frozen=True)
class Indicator:
    """An indicator of the library.

    Attributes
    ----------
    name, title : str
        The title says what 1 means.
    kind : {"access", "barrier"}
    unit : {"household", "person"}
    population : str
        In words; the condition is with each program's variables.
    circumstances : tuple of str
    sdg : str
        Goal indicator or target that it reports on, or comes nearest to.
    escap_name : str
        What ESCAP's code calls it.
    escap_circumstances : tuple of str
        Circumstances in the reading "escap", where they are others.
    reference : str
    optional : tuple of str
        Circumstances that are taken where ``optional=`` asks for them.
    """

    name: str
    title: str
    kind: str
    unit: str
    population: str
    circumstances: tuple[str, ...]
    sdg: str
    escap_name: str
    reference: str
    escap_circumstances: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class Codebook:
    """What a program's files hold, and how indicators are made of it."""

    program: str
    lists: Mapping[str, Mapping[float, str]]
    variables: Mapping[str, Mapping[str, Any]]
    surveys: Mapping[str, Mapping[str, Any]]
    columns: Mapping[str, tuple[Definition, ...]]
    indicators: Mapping[str, tuple[Mapping[str, Any], ...]]
    optional: Mapping[str, str]
    concepts: Mapping[str, Mapping[str, Any]]
    maps: Mapping[str, Mapping[str, Any]]

    def layout(self, name: str, reading: str, rounds: int) -> Layout:
        """Return how a survey is laid out in a reading and a round."""
        given = dict(self.surveys[name])
        for key in ("escap", "round5"):
            other = given.pop(key, {})
            if (key == "escap" and reading == "escap") or (key == "round5" and rounds < 6):
                given |= other
        for key in ("key", "psu", "strata"):
            given[key] = _listed(given.get(key, ()))
        return Layout(**given)

    def sources(self, name: str, reading: str) -> tuple[Source, ...]:
        """Return where an indicator may come from, the preferred first; none if the program does not have it."""
        made = []
        for given in self.indicators.get(name, ()):
            taken = {**given, **given.get("escap", {})} if reading == "escap" else dict(given)
            taken.pop("escap", None)
            for key in ("circumstances", "rounds"):
                taken[key] = tuple(taken.get(key, ()))
            made.append(Source(**taken))
        return tuple(made)

    def definitions(self, name: str, reading: str, rounds: int) -> tuple[Definition, ...]:
        """Return how a column may be made: those of the reading, or else those of none."""
        of_round = [d for d in self.columns[name] if not d.rounds or rounds in d.rounds]
        own = [d for d in of_round if d.reading == reading]
        return tuple(own or [d for d in of_round if not d.reading])

    def readings(self, name: str) -> tuple[str, ...]:
        """Return the readings in which the program's indicator is another list or cut."""
        seen: set[str] = set()

        def differs(column: str) -> bool:
            if column in seen or column not in self.columns:
                return False
            seen.add(column)
            return any(
                d.reading == "escap" or any(map(differs, (*d.parts, *_names(d.conditions))))
                for d in self.columns[column]
            )

        given = self.indicators.get(name, ())
        some = any("escap" in g or "escap" in self.surveys[g["survey"]] for g in given)
        return READINGS if some or any(differs(g["outcome"]) for g in given) else READINGS[:1]

    def written(self, text: str, lists: Mapping[str, Sequence[float]]) -> str:
        """Return an expression with the codes of its lists; a list that is not given stays as it is."""

        def codes(found: re.Match[str]) -> str:
            values = lists.get(found[1])
            if values is None:
                return found[0]
            inside = ", ".join(f"{value:.15g}" for value in values)
            return inside if len(values) == 1 and not _after_in(text, found.start()) else f"({inside})"

        return LIST.sub(codes, text)


def _after_in(text: str, at: int) -> bool:
    """Return whether what stands before is the word in."""
    return text[:at].rstrip().endswith(" in")


def _names(texts: Sequence[str]) -> set[str]:
    """Return the words of expressions, some of which name columns."""
    return {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)}


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _read(name: str) -> dict[str, Any]:
    text = resources.files("sp2lnob").joinpath("codebooks", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _definition(given: Mapping[str, Any]) -> Definition:
    known = {field.name for field in fields(Definition)}
    made: dict[str, Any] = {}
    for key, value in given.items():
        key = "negates" if key == "not" else key
        assert key in known, key
        made[key] = tuple(tuple(v) if isinstance(v, list) else v for v in value) if isinstance(value, list) else value
    return Definition(**made)


@cache
def read_indicators() -> dict[str, Indicator]:
    """Return the indicators by name, in the order of the file."""
    made = {}
    for name, given in _read("indicators").items():
        other = given.pop("escap", {})
        for key in ("circumstances", "optional"):
            given[key] = tuple(given.get(key, ()))
        made[name] = Indicator(name, **given, escap_circumstances=tuple(other.get("circumstances", ())))
    return made


@cache
def read_codebook(program: str) -> Codebook:
    """Return the codebook of a program."""
    given = _read(program)
    return Codebook(
        program,
        {name: {float(code): label for code, label in codes.items()} for name, codes in given.get("lists", {}).items()},
        given.get("variables", {}),
        given["surveys"],
        {name: tuple(map(_definition, listed)) for name, listed in given["columns"].items()},
        {name: tuple(listed) for name, listed in given["indicators"].items()},
        given.get("optional", {}),
        given.get("concepts", {}),
        given.get("maps", {}),
    )
