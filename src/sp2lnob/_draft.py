"""The draft of a study file: what the columns of a survey's files seem to be, and what a person has to say.

Names of columns and their values suggest who is who; then each guess is tried on the data by building the survey with
it, and what does not hold becomes a comment with the reason. Whatever comes from a file is escaped: it can end neither
a string nor a comment. Cost: one pass over the files, and a dozen surveys built.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from keyword import iskeyword
from pathlib import Path
from typing import Any

import numpy as np

from . import io
from ._columns import Column, Table
from ._expressions import ARGUMENTS
from ._validate import SP2LNOBError, fail
from .opportunity import Opportunity
from .survey import CLASSES, Survey

# What columns are called in DHS, MICS, LSMS and national files, the likeliest first; letters and digits alone count.
NAMES = {
    "household": "hid hhid householdid hhkey hhcode idhh caseid mcaseid interviewkey hhserial serial db030 hhno hh",
    "person": "pid idno personid indid idind memberid memid pernum hvidx hl1 rb030 line ln member",
    "weight": "hhweight hhwt hhwgt householdweight weight weights wgt wt pweight finalweight sampwt hv005 v005 mv005 "
    "db090 perwt",
    "person_weight": "pweight indweight personweight wmweight rb050",
    "size": "hhsize householdsize hsize members nmembers hv009 hh48 size",
    "welfare": "pcexp pcexpenditure pcconsumption pccons pcer pcexpr pcep pce percapitaexp percapitaconsumption "
    "welfare pcincome pcinc consumption expenditure",
    "total": "totexp totalexp totalexpenditure hhexp hhexpenditure totcons totalconsumption hhconsumption hhincome "
    "income",
    "psu": "psu ea eaid cluster clusterid clust hv021 v021 mv021 hh1 hv001 v001 mv001 enumerationarea segment",
    "strata": "strata stratum strat stratumid hv023 v023 mv023 hv022 v022 mv022",
    "region": "geo1 admin1 region province hv024 v024 mv024 hh7 state governorate db040",
    "residence": "urbrur urban rural residence area urbanrural hv025 v025 mv025 hh6 milieu sector locality",
    "age": "age ageyears ageyrs hv105 hl6 v012 mv012 rb080",
    "sex": "sex gender hv104 hl4 rb090",
    "disability": "disability disabled hasdisability dis handicap",
    "relation": "relation relationship relationtohead reltohead relhead relate hv101 hl3 rel",
    "birth": "births12m birth12m birthslast12m births12 births birth",
    "wealth": "hv270 v190 mv190 windex5 wealthquintile wealth quintile",
    "school": "educattain educ education educlevel edulevel edu edattain hv106 v106 mv106 schooling highesteduc",
}
HINTS = {
    "weight": "w(eigh|g)?t|weight",
    "psu": "psu|cluster",
    "strata": "strat",
    "welfare": "(pc|capita).*(exp|cons|inc)",
}
PAIRS = (("HH1", "HH2"), ("hv001", "hv002"), ("v001", "v002"))  # that tell households apart together
MILLIONTHS = ("hv005", "v005", "mv005")  # DHS weights have six decimals and no point
ACCESS = "internet electric water toilet sanit fuel cook mobile cell phone comput bank insur school attend"
YES = {"yes", "oui", "si", "sí", "sim", "ja", "да", "true"}
BLANK = "?"  # stands where a person has to say
MOST = 60  # levels that a circumstance has, such as regions
LEVELS = 12  # most levels that a column for an opportunity has
PROPOSED = 8  # opportunities that are proposed for each file
SAMPLE = 10_000  # rows that tell whether a column has few levels
LISTED = 6  # other columns that a comment lists


@dataclass(frozen=True)
class Draft:
    """The text of a study file, and what it asks of the reader."""

    text: str
    questions: tuple[str, ...]


def draft(
    households: Path, persons: Path | None = None, folder: Path | None = None, encoding: str | None = None
) -> Draft:
    r"""Return the draft of a study file that is to stand in a folder.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "homes.csv"
    ...     _ = path.write_text("hhid,wgt,hhsize,power\n1,10,2,0\n2,20,1,1\n")
    ...     made = draft(path, folder=path.parent)
    >>> print(*[line for line in made.text.splitlines() if line.startswith(("hous", "weig", "size"))], sep="\n")
    households = "homes.csv"
    household = "hhid"  # guess
    weight = "wgt"  # guess
    size = "hhsize"  # guess
    """
    return _Drafting(households, persons, (folder or Path()).resolve(), encoding).draft()


def toml(value: Any) -> str:
    r"""Return a value as TOML writes it.

    Examples
    --------
    >>> print(toml('say "hi"\n'), toml(["a", "b"]), toml(True), toml(1.5))
    "say \"hi\"\n" ["a", "b"] true 1.5
    >>> print(toml("]]\x00"), toml([]), toml({2017: 0.0, "a b": "c"}))
    "]]\u0000" [] { 2017 = 0.0, "a b" = "c" }
    """
    if isinstance(value, str):
        plain = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        # Control characters are forbidden; others that move the cursor or turn the line around would hide what is said.
        return (
            '"'
            + re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", _code, plain)
            + '"'
        )
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(str(key))} = {toml(of)}' for key, of in value.items())} }}"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _code(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml(key)


def is_plain(name: str) -> bool:
    """Return whether an expression can name a column.

    Examples
    --------
    >>> is_plain("hv005"), is_plain("water source"), is_plain("head"), is_plain("bottom40")
    (True, False, False, False)
    """
    taken = {*ARGUMENTS, *CLASSES, "missing", "household_type"}
    return name.isidentifier() and name.isascii() and not iskeyword(name) and name not in taken


class _Lines:
    """The lines of the file, and the questions among them by the number of their line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.questions: list[str] = []

    def say(self, *comments: str) -> None:
        """Add comments."""
        self.lines += [f"# {comment}".rstrip() for comment in comments]

    def key(self, key: str, value: Any, note: str = "", *, off: bool = False, rare: bool = False) -> None:
        """Add a key and its value with a note; ``off`` makes it a comment, ``rare`` one of what else there is."""
        mark = "## " if rare else "# " if off else ""
        line = f"{mark}{_key(key)} = {toml(value)}{f'  # {note}' if note else ''}"
        self.lines.append(line)
        if note.startswith("CHECK"):
            self.questions.append(f"line {len(self.lines)}: {line}")

    def head(self, title: str, *, off: bool = False) -> None:
        """Begin a section."""
        self.lines += ["", f"{'# ' if off else ''}{title}"]


class _Drafting:
    """What is known of the files so far, and the arguments of Survey that hold."""

    def __init__(self, households: Path, persons: Path | None, folder: Path, encoding: str | None) -> None:
        self.files = {"households": households} | ({"persons": persons} if persons else {})
        self.folder, self.encoding = folder, encoding
        self.paths = {what: self._relative(path) for what, path in self.files.items()}
        self.tables = {what: _table(path, what, encoding) for what, path in self.files.items()}
        self.given: dict[str, Any] = {}
        self.wrong = ""  # why no survey can be built yet
        self.usual: dict[str, list[str]] = {}  # circumstances by unit
        self.out = _Lines()

    def _relative(self, path: Path) -> str:
        """Return a file's path as the study names it; a link in its place is not followed."""
        whole = path.parent.resolve() / path.name
        try:
            text = Path(os.path.relpath(whole, self.folder)).as_posix()
        except ValueError:  # on another drive
            text = whole.as_posix()
        if "${" in text:
            fail(
                "The path of a file must not hold '${'", f"it is {text!r}", "Rename it: a study reads variables there."
            )
        return text

    # -- columns ------------------------------------------------------------------------------------------------------

    def column(self, name: str) -> Column | None:
        """Return a column of either file; None if it holds neither numbers nor text."""
        for table in self.tables.values():
            if name in table:
                try:
                    return table[name]
                except SP2LNOBError:
                    return None
        return None

    @cached_property
    def names(self) -> list[str]:
        """Every column once, households' first."""
        return list(dict.fromkeys(name for table in self.tables.values() for name in table))

    def like(self, what: str, among: Iterable[str] | None = None) -> list[str]:
        """Return columns whose names say what they are, the likeliest first."""
        plain: dict[str, list[str]] = {}
        for name in self.names if among is None else among:
            plain.setdefault(_bare(name), []).append(name)
        hinted = [key for key in plain if what in HINTS and re.search(HINTS[what], key)]
        return [name for key in dict.fromkeys([*NAMES[what].split(), *hinted]) for name in plain.get(key, [])]

    def numbers(self, names: Iterable[str], low: float = -np.inf, high: float = np.inf) -> list[str]:
        """Return the columns that hold numbers within bounds, some of them known."""
        found = []
        for name in names:
            column = self.column(name)
            if column is not None and not column.is_text and not column.missing.all():
                values = column.values[~column.missing]
                if low <= values.min() and values.max() <= high:
                    found.append(name)
        return found

    # -- the survey ---------------------------------------------------------------------------------------------------

    def error(self, **more: Any) -> str:
        """Return why the survey cannot be built with these arguments as well; nothing if it can."""
        try:
            self.survey(**more)
        except SP2LNOBError as error:
            return str(error)
        return ""

    def survey(self, **more: Any) -> Survey:
        """Build the survey from what holds so far, and more."""
        # A table of a table sorts the columns in use, and not all that were looked at.
        fresh = {what: Table(table, table.rows, what) for what, table in self.tables.items()}  # type: ignore[arg-type]
        return Survey(fresh.get("households"), fresh.get("persons"), **{**self.given, **more})

    def holds(self, **more: Any) -> bool:
        """Keep arguments if the survey can be built with them, or nothing can be tried yet."""
        if self.wrong or not self.error(**more):
            self.given |= more
            return True
        return False

    def draft(self) -> Draft:
        """Write the sections in their order."""
        out = self.out
        out.say(
            'A draft, made from the columns of the files below. What is marked "guess" was chosen by names and values',
            "and tried on the data: read each of these lines. What stands behind # waits for a decision, its 0.0 for a",
            "figure; behind ## is what else there is.",
            "Then: sp2lnob check study.toml, and: sp2lnob run study.toml --out results",
        )
        out.lines += ["", "[survey]"]
        self._who()
        self._welfare()
        self._design()
        self._roles()
        self._opportunities()
        self._rest()
        if self.wrong:
            out.questions.insert(0, f"As it stands: {self.wrong}")
        return Draft("\n".join(out.lines) + "\n", tuple(out.questions))

    def _who(self) -> None:
        """Write files, keys, weight and size."""
        out = self.out
        keys, alone = self._keys()
        if alone:
            self.files = {"persons": self.files["households"]}
            self.tables = {"persons": self.tables["households"]}
            self.paths = {"persons": self.paths["households"]}
        for what, path in self.paths.items():
            out.key(what, path)
        if self.encoding:
            out.key("encoding", self.encoding)
        weights = [name for name in self.numbers(self.like("weight"), low=0) if self._varied(name, 1)]
        household: str | None = keys[0] if keys else None
        self.given["household"] = household
        derive: dict[str, str] = {}
        if weights:
            weight = self._scaled(weights[0], derive)
            self.given |= {"weight": weight} | ({"derive": derive} if derive else {})
        sizes = self.numbers(self.like("size", self.tables.get("households", ())), low=1)
        if sizes and "persons" not in self.tables:
            self.given["size"] = sizes[0]
        ready = bool(weights and (keys or alone) and ("persons" in self.tables or sizes))
        self.wrong = self.error() if ready else "some lines have to be filled in."
        if keys:
            out.key("household", household, _guess(keys))
        elif alone:
            out.key("household", False, "guess: every row stands alone")
        else:
            out.key("household", BLANK, f"CHECK: the key of the household: unique, and in both files{self._pairs()}")
        self._person()
        if weights:
            out.key("weight", self.given["weight"], _guess(weights, "; see [survey.derive]" if derive else ""))
        else:
            out.key("weight", BLANK, f"CHECK: the sampling weight{_could(self.numbers(self.names, low=0))}")
        if "persons" in self.tables:
            for name in sizes[:1]:
                out.key("size", name, "not needed: persons are counted", off=True)
        elif sizes:
            out.key("size", sizes[0], _guess(sizes))
        else:
            out.key("size", BLANK, f"CHECK: members of the household{_could(self.numbers(self.names, low=1))}")

    def _keys(self) -> tuple[list[str], bool]:
        """Return columns that tell households apart, and whether the one file there is holds persons instead."""
        homes, people = self.tables["households"], self.tables.get("persons")
        shared = [name for name in homes if people is None or name in people]
        named = self.like("household", shared)
        whole = [name for name in named if self._unique(homes, name)]
        whole = whole or [name for name in shared if self._unique(homes, name)]
        personal = [*self.like("age", homes), *self.like("person", homes)]
        if people is not None or not personal or (self.like("size", homes) and set(whole) & set(named)):
            return whole, False
        return [name for name in named if name not in whole and self._complete(name)], True

    def _complete(self, name: str) -> bool:
        column = self.column(name)
        return column is not None and not column.missing.any()

    def _unique(self, table: Table, name: str) -> bool:
        """Return whether a column names every row, and is no measurement that happens to."""
        column = self.column(name)
        if column is None or column.missing.any():
            return False
        values = column.values
        return len(np.unique(values)) == table.rows and (column.is_text or bool((values == np.floor(values)).all()))

    def _pairs(self) -> str:
        for pair in PAIRS:
            if all(name in self.names for name in pair):
                return (
                    f"; {toml(pair[0])} and {toml(pair[1])} tell them apart together: join them into one column first"
                )
        return ""

    def _scaled(self, name: str, derive: dict[str, str]) -> str:
        """Return the weight's column, derived where the file leaves out the decimal point."""
        column = self.column(name)
        if name.casefold() not in MILLIONTHS or column is None or np.nanmax(column.values) < 1000:
            return name
        new = next(new for new in ("weight", "household_weight", "sp2lnob_weight") if new not in self.names)
        derive[new] = f"{name} / 1000000"
        return new

    def _person(self) -> None:
        people = self.tables.get("persons")
        if people is None or self.given["household"] is None:
            return
        found = [name for name in self.like("person", people) if self.wrong or not self.error(person=name)]
        if found and self.holds(person=found[0]):
            self.out.key("person", found[0], _guess(found))

    def _welfare(self) -> None:
        """Write welfare and its period, which columns seldom tell."""
        out, homes = self.out, self.tables.get("households", self.tables.get("persons"))
        assert homes is not None
        per_head, total = (
            [name for name in self.numbers(self.like(what, homes), low=0) if self._varied(name, 20)]
            for what in ("welfare", "total")
        )
        found = [*((name, "person") for name in per_head), *((name, "household") for name in total)]
        for name, per in found:
            column = self.column(name)
            assert column is not None
            lost = int(column.missing.sum())
            more = {"missing": "drop"} if lost else {}
            if not self.holds(welfare=name, welfare_per=per, **more):
                continue
            others = [other for other, how in found if how == per and other != name]
            whole = [toml(other) for other, how in found if how != per]
            more_so = f'; or {_few(whole)} with welfare_per = "household"' if whole else ""
            out.key("welfare", name, _guess([name, *others], more_so))
            out.key("welfare_per", per, "guess")
            known = re.search("year|annual|month", name.casefold())
            period = "month" if known is None or known.group() == "month" else "year"
            self.given["welfare_period"] = period
            median = f"its median is {np.nanmedian(column.values):.6g}"
            note = "guess" if known else f'CHECK: "month" or "year"? The file does not tell; {median}'
            out.key("welfare_period", period, note)
            if lost:
                out.key("missing", "drop", f"guess: welfare is missing in {lost:,} households")
            return
        out.key("welfare", BLANK, f"consumption, expenditure or income{_could(per_head + total)}", off=True)
        out.key("welfare_period", "month", 'or "year"', off=True)

    def _varied(self, name: str, least: int) -> bool:
        """Return whether a column has at least so many values, known for most rows."""
        column = self.column(name)
        if column is None or column.missing.mean() > 0.5:
            return False
        return len(np.unique(column.values[~column.missing])) >= least

    def _design(self) -> None:
        """Write PSU and strata: those with which variances can be had."""
        out = self.out
        units, strata = self.like("psu"), self.like("strata")
        places = [self.like(what)[:1] for what in ("region", "residence")]
        layers = [[name] for name in strata] + [[*places[0], *places[1]]] * all(places)
        tries = [
            {"psu": unit, "strata": layer, **single}
            for single in ({}, {"single_psu": "certainty"})
            for layer in layers
            for unit in ([name for name in units if name not in layer] + [[*layer, name] for name in units])
        ]
        simple: list[dict[str, Any]] = [{"psu": name} for name in units]
        kept = next((made for made in [*tries[:40], *simple] if self.holds(**made)), {})
        unit = kept.get("psu")
        if unit:
            out.key("psu", unit, _guess([unit if isinstance(unit, str) else "", *(u for u in units if u != unit)]))
        else:
            out.key(
                "psu",
                BLANK,
                f"the primary sampling unit; without it every household is its own{_could(units)}",
                off=True,
            )
        if kept.get("strata"):
            layer = kept["strata"]
            out.key(
                "strata",
                layer[0] if len(layer) == 1 else layer,
                _guess(["", *(name for name in strata if name not in layer)]),
            )
        else:
            columns = [*strata, *places[0], *places[1]]
            out.key("strata", BLANK, f"a column, or a list of columns to be combined{_could(columns)}", off=True)
        if "single_psu" in kept:
            single = len(self.survey().design.single_psu_strata) if not self.wrong else 0
            out.key("single_psu", "certainty", f"guess: strata of one PSU, {single:,} here, add no variance then")

    def _roles(self) -> None:
        """Write who has which role, and what is derived of the head."""
        out, people = self.out, self.tables.get("persons")
        roles: dict[str, str] = {}
        derive: dict[str, str] = dict(self.given.get("derive", {}))
        if people is not None:
            out.head("[survey.roles]")
            for role, found in self._found_roles(people).items():
                if found:
                    roles[role] = found[0]
                    out.key(role, found[0], _guess(found))
                else:
                    out.key(role, BLANK, ROLES[role] + _could(self.like(role, people)), off=True)
            self.given["roles"] = roles
        heads = [("head_sex", roles.get("sex")), ("head_educ", next(iter(self._schools(people)), None))]
        for new, name in heads:
            if people is None or name is None or "relation" not in roles or not is_plain(name) or new in self.names:
                continue
            if self.holds(derive={**derive, new: f"head({name})"}):
                derive[new] = f"head({name})"
        if derive or people is not None:
            out.head("[survey.derive]")
        for new, text in derive.items():
            out.key(new, text, "guess")
        if people is not None:
            out.key("children", "count(age < 18)", "for example", off=True)

    def _found_roles(self, people: Table) -> dict[str, list[str]]:
        """Return the columns that each role may be, by their values too."""
        within = {"age": (0, 130), "disability": (0, 1), "birth": (0, 9)}
        found: dict[str, list[str]] = {}
        for role in ROLES:
            names = self.like(role, people)
            found[role] = self.numbers(names, *within[role]) if role in within else names
        found["sex"] = [name for name in found["sex"] if len(self._levels(name)) in (2, 3)]
        # Without one head in each household nothing can be said of heads.
        found["relation"] = [name for name in found["relation"] if self._heads(name)]
        return found

    def _heads(self, relation: str) -> bool:
        if self.wrong:
            return True
        try:
            self.survey(roles={"relation": relation}).heads()
        except SP2LNOBError:
            return False
        return True

    def _schools(self, people: Table | None) -> list[str]:
        if people is None:
            return []
        return [name for name in self.like("school", people) if 2 <= len(self._levels(name)) <= LEVELS]

    # -- opportunities ------------------------------------------------------------------------------------------------

    def _levels(self, name: str) -> dict[float, str]:
        """Return the values of a column with their labels; nothing if they are too many to be levels."""
        column = self.column(name)
        if column is None or len(np.unique(column.values[:SAMPLE])) > LEVELS + 1:
            return {}
        present, _ = column.coded()
        return {float(code): column.label(code) for code in present} if len(present) <= LEVELS else {}

    def _opportunities(self) -> None:
        """Write what people may have access to: one that can be worked out, the others as comments."""
        out = self.out
        words, taken = ACCESS.split(), self._taken()
        found = sorted(
            (name for name in self.names if name not in taken and self._may_be(name)),
            key=lambda name: next((i for i, word in enumerate(words) if word in name.casefold()), len(words)),
        )
        homes = [name for name in found if name in self.tables.get("households", ())]
        people = [name for name in found if name not in homes]
        first = self._first(homes, "household") or self._first(people, "person")
        out.lines.append("")
        out.say("What people may have or lack, and the circumstances that should not matter for it.")
        if first is not None:
            self._write(first, off=False, note="guess")
        for unit, names in (("household", homes), ("person", people)):
            for name in [name for name in names if first is None or name != first[0]][:PROPOSED]:
                self._write((name, unit, *self._outcome(name), self._circumstances(unit, name)), off=True)

    def _taken(self) -> set[str]:
        """Return columns that say who and where somebody is."""
        keys = ("household", "person", "weight", "size", "welfare", "psu", "strata")
        used = {name for key in keys for name in _listed(self.given.get(key))}
        places = {name for what in ("residence", "region", "wealth") for name in self.like(what)}
        return used | places | {*self.given.get("roles", {}).values()}

    def _may_be(self, name: str) -> bool:
        """Return whether a column has few levels that people may have or lack."""
        if not is_plain(name):
            return False
        column, levels = self.column(name), self._levels(name)
        if column is None or len(levels) < 2 or re.search("quint|decile|weight|wgt", name.casefold()):
            return False
        return column.is_text or bool(column.labels) or set(levels) <= {0.0, 1.0}

    def _outcome(self, name: str) -> tuple[str, bool]:
        """Return the condition that somebody has it, and whether that is plain: one yes, one no."""
        column, levels = self.column(name), self._levels(name)
        assert column is not None
        yes = [label for label in levels.values() if label.strip().casefold() in YES]
        if len(levels) == 2 and len(yes) == 1 and not (set(levels) <= {0.0, 1.0} and not column.is_text):
            return f"{name} == {yes[0]!r}", True
        if not column.is_text and set(levels) <= {0.0, 1.0}:
            return f"{name} == 1", True
        labeled = column.is_text or (len(set(levels.values())) == len(levels) and set(levels) <= set(column.labels))
        shown = [repr(label) for label in levels.values()] if labeled else [f"{code:.15g}" for code in levels]
        return f"{name} in ({', '.join(shown)})", False

    def _circumstances(self, unit: str, outcome: str) -> list[str]:
        """Return circumstances that are known of everybody."""
        if unit not in self.usual:
            self.usual[unit] = self._usual(unit)
        return [name for name in self.usual[unit] if name != outcome][:4]

    def _usual(self, unit: str) -> list[str]:
        people = self.tables.get("persons")
        own = [self.given.get("roles", {}).get("sex"), *self._schools(people)[:1]] if unit == "person" else []
        derived = [name for name in ("head_educ", "head_sex") if name in self.given.get("derive", {})]
        wealth = ["bottom40"] if "welfare" in self.given else self.like("wealth")[:1]
        places = [*self.like("residence")[:1], *self.like("region")[:1]]
        listed = [name for name in dict.fromkeys([*wealth, *places[:1], *derived, *own, *places[1:]]) if name]
        return [name for name in listed if name in CLASSES or self._known(name, unit)]

    def _known(self, name: str, unit: str) -> bool:
        """Return whether a column has several levels, and one in every row of a unit."""
        if self.wrong:
            return True
        try:
            column = self.survey().column(name, unit)
        except SP2LNOBError:
            return False
        return not column.missing.any() and 2 <= len(column.coded()[0]) <= MOST

    def _first(self, names: Sequence[str], unit: str) -> tuple[str, str, str, bool, list[str]] | None:
        """Return the likeliest opportunity that the survey can answer."""
        if self.wrong:
            return None
        survey = self.survey()
        for name in names:
            outcome, plain = self._outcome(name)
            circumstances = self._circumstances(unit, name)
            if not (plain and circumstances):
                continue
            try:
                cells = Opportunity(name, outcome, unit, circumstances=circumstances).prepare(survey)
            except SP2LNOBError:
                continue
            if 0.01 < float(cells.weight @ cells.outcome / cells.weight.sum()) < 0.99:
                return name, unit, outcome, plain, circumstances
        return None

    def _write(self, made: tuple[str, str, str, bool, list[str]], *, off: bool, note: str = "") -> None:
        """Write an opportunity."""
        name, unit, outcome, plain, circumstances = made
        out = self.out
        out.head("[[opportunity]]", off=off)
        out.key("name", name.replace("_", " "), off=off)
        keep = note if plain else "keep those that count as having it"
        levels = self._levels(name)
        if plain and outcome.endswith("== 1") and levels.get(1.0, "1") != "1":
            keep = f"{note}: {toml(levels[1.0])}" if note else toml(levels[1.0])
        out.key("outcome", outcome, keep, off=off)
        if unit != "household":
            out.key("unit", unit, off=off)
            if age := self.given.get("roles", {}).get("age"):
                out.key("population", f"between({age}, 5, 17)", "for example: among whom it counts", off=True)
        out.key("circumstances", circumstances, note, off=off)
        school = self._ordered()
        if school in circumstances:
            out.key("ordered", [school], note, off=off)

    def _ordered(self) -> str | None:
        """Return the head's schooling, if its codes may have an order that their labels hide."""
        text = self.given.get("derive", {}).get("head_educ")
        column = self.column(text[5:-1]) if text else None
        return "head_educ" if column is not None and not column.is_text else None

    def _economy(self) -> None:
        """Write what money is compared with, and what brings it to the prices of one year."""
        out, period = self.out, self.given.get("welfare_period", "month")
        out.head("[economy]", off=True)
        out.key("currency", "", "such as KHR", off=True)
        for key, value, note in (*ECONOMY, ("lines", {"national": 0.0}, f"per person and {period}, at prices of year")):
            out.key(key, value, note, off=True)
        for key, value, note in ECONOMY_BESIDE:
            out.key(key, value, note, rare=True)

    def _example(self) -> None:
        """Write a scheme with a target, every other field of a scheme, and how schemes run."""
        out = self.out
        by = "welfare" if "welfare" in self.given else "score"
        out.head("[[scheme]]", off=True)
        out.key("name", "grant for the poorest", off=True)
        out.key(
            "amount",
            [10, "month"],
            'or { by = "size", "1-3" = [8, "month"], "4+" = [12, "month"] }',
            off=True,
        )
        out.key("per", "household", 'or "person"', off=True)
        out.key("target", {"rank": 0.2, "by": by, "boundary": "in"}, TARGETS, off=True)
        out.key("coverage", 1.0, "share of these who are reached", off=True)
        out.key("exclusion_error", 0.1, "share of the target that is left out", off=True)
        out.key("inclusion_error", 0.1, "share of the recipients that is outside of it", off=True)
        out.key("administration", 0.1, "cost of running it, as a share of what it pays: 10 %", off=True)
        for key, value, note in SCHEME_BESIDE:
            out.key(key, value, note, rare=True)
        out.head("[package]", off=True)
        out.key("administration", 0.05, "of schemes that do not say it themselves", off=True)
        out.key("mpc", 1.0, "part of a transfer that becomes welfare", off=True)
        for key, value, note in PACKAGE_BESIDE:
            out.key(key, value, note, rare=True)

    def _rest(self) -> None:
        """Write money, schemes, splits and replicates."""
        out, given = self.out, self.given
        self._economy()
        roles = given.get("roles", {})
        schemes = [("child_benefit", "age", {"max_age": 17}), ("old_age_pension", "age", {"min_age": 65})]
        schemes += [("disability_benefit", "disability", {}), ("maternity_benefit", "birth", {})]
        for kind, role, more in schemes:
            if role in roles:
                out.head("[[scheme]]", off=True)
                out.key("kind", kind, off=True)
                out.key("amount", [10, "month"], 'or [0.04, "gdp_per_capita"]', off=True)
                for key, value in more.items():
                    out.key(key, value, off=True)
        if "persons" in self.tables:
            self._example()
        by = [*(["decile"] if "welfare" in given else []), *self.like("residence")[:1], *self.like("region")[:1]]
        by = [name for name in by if name in CLASSES or self._known(name, "household")][:2]
        out.head("[estimate]")
        out.key("by", by, "guess: poverty and welfare are split by each of these", off=not by)
        out.head("[replicates]")
        out.key("n", 1000)
        out.key("seed", 1)
        out.head("[publish]")
        out.key("disclosure", "dhs", 'figures from fewer than 25 cases are withheld; or "none", or a number')


# Keys of [economy] and [[scheme]], what stands for their values, and what they are.
ECONOMY: tuple[tuple[str, Any, str], ...] = (
    ("year", 2024, "base year: of all money here, and of all results"),
    ("gdp", 0.0, "currency a year"),
    ("population", 0.0, "people in that year; GDP per person is what amounts may be shares of"),
    ("growth", 0.03, "real growth of GDP a year, for a projection: 3 %"),
    ("revenue", 0.0, "of the government, currency a year"),
    ("survey_year", 2022, "of the prices in the survey"),
    ("cpi", {2021: 0.0, 2022: 0.0, 2024: 0.0}, "consumer prices in ppp_year, survey_year and year, of whatever base"),
    ("ppp", 0.0, "currency per international dollar in ppp_year"),
    ("ppp_year", 2021, ""),
    ("dollars_a_day", [3.0, 4.2, 8.3], "World Bank, of 2021; of 2017: 2.15, 3.65, 6.85; of 2011: 1.9, 3.2, 5.5"),
)
ECONOMY_BESIDE: tuple[tuple[str, Any, str], ...] = (
    ("gdp_per_capita", 0.0, "in place of gdp or population"),
    ("expenditure", 0.0, "of the government, currency a year"),
    ("taxes", 0.0, "on income and profits, currency a year"),
    ("spending", {"health": 0.02}, "shares of GDP, to set the cost beside"),
    ("real_growth", 0.0, "of welfare per person a year since the survey, beside prices"),
    ("cpi_ratio", 1.0, "prices of year over those of the survey, in place of cpi"),
)
TARGETS = 'the poorest 20 %; or by "score" of [proxy_means]; or { below = "line:national" }, { affluence = 0.2 }'
SCHEME_BESIDE: tuple[tuple[str, Any, str], ...] = (
    ("kind", "scheme", "or child_benefit, old_age_pension, disability_benefit, maternity_benefit, household_benefit"),
    ("who", "age >= 18", "a condition on persons, in names of columns"),
    ("min_age", 0, "completed years"),
    ("max_age", 17, ""),
    ("sex", "Female", "its label, or its code"),
    ("disability", True, "only who has one"),
    ("birth", True, "only who gave birth in the last 12 months"),
    ("weeks", 18, "of a year for which it is paid"),
    ("paid", "level", 'or "total_per_birth"'),
    ("pension", False, "true: only who draws one; false: only who draws none"),
    ("taper", {"starts": 60.0, "ends": 120.0}, "of welfare; or rate = 0.4 in place of ends"),
    ("take_up", "column", "of probabilities; or { urbrur = { Rural = 0.6, Urban = 0.9 } }"),
    ("phase_in", {2025: 0.5, 2030: 1.0}, "coverage by year, in place of coverage"),
    ("max_recipients", 1, "of a household"),
    ("max_amount", [50, "month"], "of a household"),
    ("unless", ["child benefit"], "schemes that come first: whom they pay is not paid"),
    ("unless_in", "household", 'or "person": who must not be paid by them'),
    ("replaces", "name", "of a benefit in existing of [survey]"),
    ("tops_up", "name", "of a benefit in existing of [survey]"),
)
PACKAGE_BESIDE: tuple[tuple[str, Any, str], ...] = (
    ("preset", "basic", 'or "enhanced": the packages of ESCAP, in place of all [[scheme]]'),
    ("draws", "seeded", 'or "exact", or "expected": how a coverage below 1 is met'),
    ("seed", 1, "of the draws"),
    ("compat", "spot", "weeks as the SPOT Simulator counts them"),
    ("negative", "error", 'or "keep": welfare below 0 without a benefit that is replaced'),
)
ROLES = {
    "age": "completed years",
    "sex": "of the person",
    "disability": "0 or 1",
    "relation": "to the head: one head in each household",
    "birth": "births in the last 12 months",
}


def _table(path: Path, what: str, encoding: str | None) -> Table:
    """Return a file's columns; of a large file, the likely ones in one pass."""
    table = io.read_table(path, what, (), encoding)
    names = list(table)
    if not table.rows:
        fail(f"The {what} must have at least one row", f"{path.name!r} has none", "Name a file with data.")
    if table.rows * len(names) <= io.WHOLE:
        return table
    known = {word for words in NAMES.values() for word in words.split()}
    likely = [name for name in names if _bare(name) in known]
    kept = list(dict.fromkeys([*likely, *names]))[: max(len(likely), io.WHOLE // table.rows)]
    read = io.read_table(path, what, kept, encoding)
    return Table({name: read[name] for name in names if name in set(kept)}, table.rows, what)


@cache
def _bare(name: str) -> str:
    """Return the letters and digits of a name."""
    return re.sub(r"[\W_]+", "", name).casefold()


def _listed(value: str | Sequence[str] | bool | None) -> list[str]:
    return [] if value is None or isinstance(value, bool) else [value] if isinstance(value, str) else list(value)


def _guess(found: Sequence[Any], more: str = "") -> str:
    """Return the note of a guess: the first of what was found, and what else it could be."""
    others = [toml(name) for name in found[1:] if isinstance(name, str)]
    return f"guess{f'; or {_few(others)}' if others else ''}{more}"


def _could(names: Sequence[str]) -> str:
    return f"; it could be {_few([toml(name) for name in names])}" if names else ""


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
