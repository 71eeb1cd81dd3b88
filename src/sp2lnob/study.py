"""A study file: everything that a run needs, in TOML. Its keys are the arguments of the Python functions."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from inspect import Parameter, signature
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

from . import presets
from ._draft import BLANK
from ._parallel import Executor
from ._validate import choice, fail, fail_if_unknown, shown, within
from .assessment import Assessment, assess
from .best_package import Search, search
from .choices import Choice
from .disclosure import least_cases
from .economy import Amount, Economy
from .estimation import Advance, Resume
from .io import read_survey, read_table
from .means_test import proxy_means_from
from .opportunity import Opportunity
from .populations import Population, population
from .projection import Projection, project
from .replicate_columns import ReplicateColumns
from .replication import BRR, Bootstrap, Jackknife, ReplicateDesign, SuccessiveDifference
from .schemes import BANDED, Package, Schedule, Scheme
from .survey import Survey
from .targeting import target_from
from .transfers import Transfers
from .tree import OpportunityTree

KINDS: dict[str, Callable[..., Scheme]] = {
    name: getattr(presets, name)
    for name in ("child_benefit", "old_age_pension", "disability_benefit", "maternity_benefit", "household_benefit")
} | {"scheme": Scheme}

METHODS: dict[str, Callable[..., ReplicateDesign]] = {
    design.method: design for design in (Bootstrap, Jackknife, BRR, SuccessiveDifference, ReplicateColumns)
}

POPULATION = ("country", "population", "variant")  # keys of [projection] that say whose years come
Made = TypeVar("Made")
Kind = type | UnionType
SURVEY: dict[str, Kind] = {
    "households": str,
    "persons": str,
    "encoding": str,
    "household": str | bool,
    "person": str,
    "weight": str,
    "person_weight": str,
    "size": str,
    "welfare": str,
    "welfare_period": str,
    "welfare_per": str,
    "scale": str | int | float,
    "psu": str | list,
    "strata": str | list,
    "fpc": str | list,
    "single_psu": str,
    "roles": dict,
    "existing": dict,
    "price_factor": str,
    "derive": dict,
    "missing": str,
}
ECONOMY: dict[str, Kind] = {
    "currency": str,
    "year": int,
    "gdp": int | float,
    "gdp_per_capita": int | float,
    "revenue": int | float,
    "expenditure": int | float,
    "ppp": int | float,
    "cpi_ratio": int | float,
    "lines": dict,
    "taxes": int | float,
    "spending": dict,
    "population": int | float,
    "growth": int | float,
    "survey_year": int,
    "ppp_year": int,
    "cpi": dict,
    "real_growth": int | float,
    "dollars_a_day": list,
}
PROJECTION: dict[str, Kind] = {
    "country": str,
    "population": str,
    "variant": str,
    "years": list,
    "indexed": str,
    "growth": int | float | dict,
    "wages": int | float | dict,
    "by_sex": bool,
    "calibrate": bool,
}
OPPORTUNITY: dict[str, Kind] = {
    "name": str,
    "outcome": str,
    "unit": str,
    "population": str,
    "circumstances": list,
    "kind": str,
    "weigh": str,
    "ordered": list,
    "unordered": list,
}
TREE: dict[str, Kind] = {
    "rule": str,
    "extended": bool,
    "max_depth": int,
    "min_obs": int,
    "min_share": int | float,
    "share_of": str,
    "cp": int | float | str,
    "seed": int,
}
SCHEME: dict[str, Kind] = {
    "kind": str,
    "name": str,
    "amount": list | dict,
    "taper": dict,
    "who": str,
    "per": str,
    "coverage": int | float,
    "min_age": int,
    "max_age": int,
    "sex": str | int | float,
    "disability": bool,
    "birth": bool,
    "weeks": int | float,
    "paid": str,
    "pension": bool,
    "target": dict,
    "exclusion_error": int | float,
    "inclusion_error": int | float,
    "take_up": str | dict,
    "phase_in": dict,
    "max_recipients": int,
    "max_amount": list,
    "unless": str | list,
    "unless_in": str,
    "replaces": str | list,
    "tops_up": str | list,
    "administration": int | float,
}
PACKAGE: dict[str, Kind] = {
    "preset": str,
    "administration": int | float,
    "mpc": int | float,
    "draws": str,
    "seed": int,
    "compat": str,
    "negative": str,
}
REPLICATES: dict[str, Kind] = {
    "method": str,
    "n": int,
    "seed": int,
    "draws": int,
    "mse": bool,
    "kind": str,
    "fay": int | float,
    "order": str | list,
    "columns": str | list,
    "scale": int | float,
    "rscales": list,
    "combined": bool,
    "k": int,
    "df": int,
}
ESTIMATE: dict[str, Kind] = {
    "by": list,
    "interval": str,
    "level": int | float,
    "df": str,
    "classes": str,
    "effect": str | list,
    "monotone": bool,
    "honest": str,
    "refit": bool,
    "shapley": bool | str,
    "welfare": bool,
}
PROXY_MEANS: dict[str, Kind] = {"variables": list, "folds": int, "repeats": int, "seed": int, "cross_fitted": bool}
PUBLISH: dict[str, Kind] = {"disclosure": str | int}
SEARCH: dict[str, Kind] = {
    "budget": int | float | list,
    "objective": str,
    "line": str | int | float,
    "opportunity": str,
    "constraints": dict,
    "keep": int,
    "contenders": int,
    "max_packages": int,
}
CANDIDATE: dict[str, Kind] = {
    **{key: kind if key in ("kind", "name", "amount") else kind | list for key, kind in SCHEME.items()},
    "levels": list,
    "required": bool,
}
TABLES = {
    "survey": SURVEY,
    "economy": ECONOMY,
    "proxy_means": PROXY_MEANS,
    "tree": TREE,
    "package": PACKAGE,
    "projection": PROJECTION,
    "replicates": REPLICATES,
    "estimate": ESTIMATE,
    "publish": PUBLISH,
    "search": SEARCH,
}
LISTED = ("amount", "max_amount", "unless", "replaces", "tops_up")  # keys whose own value may be a list
LISTS = {"opportunity": OPPORTUNITY, "scheme": SCHEME, "candidate": CANDIDATE}
SECTIONS = {**TABLES, **LISTS}


@dataclass(frozen=True, eq=False)
class Study:
    """A study read from a file, every key checked.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the file's bytes.
    sections : dict
        Its tables, as TOML gives them.
    """

    path: Path
    sha256: str
    sections: Mapping[str, Any]

    def survey(self, **instead: Any) -> Survey:
        """Read the survey, and score it where there is [proxy_means]; ``instead`` replaces some of its arguments."""
        given = {**self.sections["survey"], **instead}
        files = [self._file(given.pop(key, None)) for key in ("households", "persons")]
        if isinstance(given.get("household"), bool):
            if given["household"]:
                fail("household in [survey] must be a column or false", "it is true", "Name the key's column.")
            given["household"] = None  # which TOML has no word for
        survey = read_survey(*files, **given)
        return proxy_means_from(self.sections["proxy_means"], survey) if "proxy_means" in self.sections else survey

    @property
    def opportunities(self) -> list[Opportunity]:
        """The opportunities, in their order."""
        for table in self.sections.get("opportunity", []):
            _require(table, ("name", "outcome", "circumstances"), "[[opportunity]]")
        return [Opportunity(**table) for table in self.sections.get("opportunity", [])]

    @property
    def package(self) -> Package | None:
        """The schemes and how they run; None without a scheme."""
        listed = _each(_scheme, self.sections, "scheme")
        given = dict(self.sections.get("package", {}))
        if "preset" in given:
            if listed:
                fail("A preset must stand alone", f"there are {len(listed)} [[scheme]] beside it", "Drop one of them.")
            return presets.preset_package(given.pop("preset"), **given)
        if not listed:
            if "package" in self.sections:
                fail("[package] must come with schemes", "there is no [[scheme]]", "Add one, or drop [package].")
            return None
        return Package(listed, **given)

    @property
    def candidates(self) -> list[Choice]:
        """What a search may choose from, in its order."""
        return _each(_choice, self.sections, "candidate")

    @property
    def tree(self) -> OpportunityTree:
        """The rule by which groups are found."""
        given = dict(self.sections.get("tree", {}))
        rule = choice(given.pop("rule", "published"), ("published", "lnob"), "rule in [tree]")
        if rule == "published":
            if "extended" in given:
                fail("extended in [tree] belongs to rule = 'lnob'", "the rule is 'published'", "Drop one of them.")
            return OpportunityTree(**given)
        tree = OpportunityTree.lnob(extended=given.pop("extended", False))
        return OpportunityTree(**{**tree.get_params(), **given})

    @property
    def replicates(self) -> ReplicateDesign:
        """The replicate design."""
        return _called(METHODS, self.sections.get("replicates", {}), "method", Bootstrap.method, "[replicates]")

    @property
    def economy(self) -> Economy:
        """The economy's figures and poverty lines."""
        return Economy(**self.sections.get("economy", {}))

    @property
    def population(self) -> Population | None:
        """People in the years to come; None without [projection]."""
        given = self.sections.get("projection")
        if given is None:
            return None
        named = sorted({"country", "population"} & given.keys())
        if len(named) != 1:
            came = "names both" if named else "names neither"
            fail("[projection] must name a country, or a file of its population", f"it {came}", "Name one of them.")
        if named == ["country"]:
            return population(given["country"], given.get("variant", "medium"))
        file = self._file(given["population"])
        assert file is not None
        return Population(read_table(file, "population"), given.get("variant"), name=file.name)

    def projection(
        self, transfers: Transfers, *, n_threads: int | None = None, progress: Advance | None = None
    ) -> Projection:
        """Return recipients and cost by year, as [projection] asks, of the study's package as it was simulated."""
        people = self.population
        if people is None:
            fail("The study must have a section [projection]", "it has none", "Add one, with country = '...'.")
        given = self._projected
        return project(transfers, people, replicates=self.replicates, n_threads=n_threads, progress=progress, **given)

    @property
    def _projected(self) -> dict[str, Any]:
        """How the package is projected: other arguments of ``project``."""
        section = self.sections.get("projection", {})
        given = {key: value for key, value in section.items() if key not in POPULATION}
        return given | {
            key: _by_year(given[key], key) for key in ("growth", "wages") if isinstance(given.get(key), dict)
        }

    @property
    def disclosure(self) -> str | int:
        """Which figures are withheld: the policy of ``Assessment.save``."""
        policy: str | int = self.sections.get("publish", {}).get("disclosure", "dhs")
        least_cases(policy)
        return policy

    def run(
        self,
        *,
        survey: Survey | None = None,
        n_threads: int | None = None,
        progress: Advance | None = None,
        executor: Executor | None = None,
        resume: Resume = None,
    ) -> Assessment:
        """Read the survey, unless it was read already, and assess it; with [projection], project its package."""
        # What needs no data is built first, so that a slip in it is told before a large file is read.
        opportunities, package, tree, replicates = self.opportunities, self.package, self.tree, self.replicates
        economy, people, projected = self.economy, self.population, self._projected
        if people is not None and package is None:
            fail("[projection] must come with a package", "there is no [[scheme]]", "Add one, or drop [projection].")
        read = self.survey() if survey is None else survey
        return assess(
            read if package is None else read.uprated(economy, package.compat),
            opportunities,
            package,
            economy,
            replicates=replicates,
            tree=tree,
            population=people,
            projected=projected,
            n_threads=n_threads,
            progress=progress,
            executor=executor,
            resume=resume,
            **self.sections.get("estimate", {}),
        )

    @property
    def run_of_search(self) -> dict[str, Any]:
        """How the packages of a search are run: what [package] may say of them."""
        run = self.sections.get("package", {})
        taken = [key for key in PACKAGE if key in signature(search).parameters]
        if lost := [key for key in run if key not in taken]:
            must = f"[package] of a search must have no other keys than {', '.join(taken)}"
            fail(must, f"it has {lost[0]!r}", "Drop it: a search builds its packages of candidates.")
        return dict(run)

    def search(
        self,
        *,
        n_threads: int | None = None,
        progress: Advance | None = None,
        executor: Executor | None = None,
        resume: Resume = None,
    ) -> Search:
        """Read the survey, and find the package that does most for a budget."""
        given = dict(self.sections.get("search", {}))
        candidates, tree, replicates, economy = self.candidates, self.tree, self.replicates, self.economy
        if not candidates:
            fail("A search must have candidates", "there is no [[candidate]]", "Add one.")
        if isinstance(budget := given.get("budget"), list):
            given["budget"] = _amount(budget, "budget in [search]")
        run, named = self.run_of_search, {opportunity.name: opportunity for opportunity in self.opportunities}
        asked = given.pop("opportunity", None)
        if asked is not None:
            fail_if_unknown(asked, named, "The opportunity in [search]")
        return search(
            self.survey(),
            candidates,
            **given,
            **run,
            economy=economy,
            opportunity=None if asked is None else named[asked],
            tree=tree,
            replicates=replicates,
            level=self.sections.get("estimate", {}).get("level", 0.95),
            n_threads=n_threads,
            progress=progress,
            executor=executor,
            resume=resume,
        )

    def _file(self, text: str | None) -> Path | None:
        """Return a data file's path: ``${NAME}`` is taken from the environment, the rest is relative to the study."""
        if text is None:
            return None

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if name not in os.environ:
                fail(
                    f"The environment variable {name} must be set",
                    f"{text!r} needs it",
                    f"Set {name} to the folder that holds the data.",
                )
            return os.environ[name]

        return self.path.parent / re.sub(r"\$\{(\w+)\}", value, text)


def read_study(path: str | os.PathLike[str]) -> Study:
    r"""Read a study file and check every key and type in it.

    Parameters
    ----------
    path : path
        TOML with [survey], and [economy], [proxy_means], [[opportunity]], [tree], [[scheme]], [package], [projection],
        [replicates], [estimate], [publish], [[candidate]], [search] as needed. ``household = false`` says that every
        person stands alone.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        If the file is not there or not TOML, or a key is unknown, lacking or of the wrong type.

    References
    ----------
    TOML 1.0.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "study.toml"
    ...     _ = path.write_text('[survey]\nhouseholds = "h.csv"\n[replicates]\nn = 200\n')
    ...     read_study(path).replicates
    Bootstrap(n=200, seed=1)
    >>> read_study("nowhere.toml")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The study file must exist, but there is no 'nowhere.toml'. Check the path.
    """
    file = Path(path)
    if not file.is_file():
        came = f"{str(file)!r} is a folder" if file.is_dir() else f"there is no {str(file)!r}"
        fail("The study file must exist", came, "Check the path.")
    content = file.read_bytes()
    try:
        text, sections = _parsed(file.name, content)
        _check_sections(sections)
    except RecursionError:
        fail("The study file must be TOML in UTF-8", f"{file.name!r} is nested too deep", "Write it flat.")
    if "survey" not in sections:
        fail("The study must have a section [survey]", f"it has {', '.join(sections) or 'none'}", "Add one.")
    for key, value in sections["survey"].items():
        if value == BLANK:
            found = re.search(rf"^\s*{key}\s*=\s*.{re.escape(BLANK)}", text, re.MULTILINE)
            line = f"line {text.count(chr(10), 0, found.end()) + 1}" if found else "it"
            fail(
                f"{key} in [survey] must be filled in",
                f"{line} still says {BLANK!r}",
                "Name the column, or drop the line.",
            )
    if not sections["survey"].keys() & {"households", "persons"}:
        fail(
            "[survey] must name its file of households, of persons, or both",
            "it names neither",
            'Add households = "...".',
        )
    return Study(file, sha256(content).hexdigest(), sections)


def _by_year(rates: Mapping[str, Any], what: str) -> dict[int, float]:
    """Return rates by year, which TOML can name by text alone."""
    for year in rates:
        if not re.fullmatch(r"\d{4}", year):
            fail(f"{what} in [projection] must be named by years", f"{year!r} is none", 'Write { "2026" = 0.03 }.')
    return {int(year): rate for year, rate in rates.items()}


def _parsed(name: str, content: bytes) -> tuple[str, dict[str, Any]]:
    """Return a file's text and what TOML reads in it."""
    try:
        text = content.decode("utf-8-sig")
        return text, tomllib.loads(text)
    except ValueError as error:  # of letters, of TOML, and of numbers with thousands of digits
        fail("The study file must be TOML in UTF-8", f"{name!r} is not ({error})", "Mend the line it names.")


def _check_sections(sections: Mapping[str, Any]) -> None:
    """Raise if a section, a key or the type of a value is none that a study has."""
    for name, value in sections.items():
        homes = [f"[{home}]" for home, keys in TABLES.items() if name in keys]
        belongs = f"It belongs under {' or '.join(homes)}." if homes else ""
        fail_if_unknown(name, SECTIONS, "A section of the study", belongs)
        if name in TABLES:
            _check(value, TABLES[name], f"[{name}]")
            continue
        if not isinstance(value, list):
            fail(f"{name} must be a list of tables", f"it is {shown(value)}", f"Write [[{name}]].")
        for i, table in enumerate(value):
            _check(table, LISTS[name], f"[[{name}]] number {i + 1}")


def _check(table: Any, keys: Mapping[str, Kind], where: str) -> None:
    """Raise if a section is no table, a key is unknown, or its value of a type that no argument takes."""
    if not isinstance(table, dict):
        name = where.partition(" ")[0]
        fail(f"{where} must be a table", f"it is {shown(table)}", f"Write {name}, and its keys below.")
    for key, value in table.items():
        fail_if_unknown(key, keys, f"A key of {where}")
        for part in _parts(value):
            if not isinstance(part, (str, bool, int, float)):
                fail(f"{key} in {where} must hold text and numbers", f"it holds {shown(part)}", "Correct the value.")
            if not isinstance(part, str) and not abs(part) < 2**64:  # no figure of a survey is, and nan is none
                came = f"one of {part.bit_length()} bits" if isinstance(part, int) else f"{part}"
                fail(f"{key} in {where} must hold finite numbers below 2**64", f"it holds {came}", "Correct the value.")
        kind = keys[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and not _takes_bool(kind)):
            fail(f"{key} in {where} must be {_named(kind)}", f"it is {shown(value)}", "Correct the value.")


def _parts(value: Any) -> list[Any]:
    """Return what stands in a value, in whatever depth."""
    if isinstance(value, (list, dict)):
        inside = value.values() if isinstance(value, dict) else value
        return [part for each in inside for part in _parts(each)]
    return [value]


def _takes_bool(kind: Kind) -> bool:
    return kind is bool or (isinstance(kind, UnionType) and bool in kind.__args__)


def _named(kind: Kind) -> str:
    """Return what TOML calls a type."""
    words = {
        str: "text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        list: "a list",
        dict: "a table",
    }
    if isinstance(kind, UnionType):
        kinds = [k for k in kind.__args__ if not (k is int and float in kind.__args__)]
        return " or ".join("false" if k is bool else words[k] for k in kinds)
    return words[kind]


def _require(table: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    lacking = [key for key in keys if key not in table]
    if lacking:
        fail(f"Every {where} must have {', '.join(keys)}", f"one lacks {', '.join(lacking)}", "Add what is lacking.")


def _each(make: Callable[[Mapping[str, Any]], Made], sections: Mapping[str, Any], name: str) -> list[Made]:
    """Build what each table of a list tells; an error says which table it is."""
    made = []
    for i, table in enumerate(sections.get(name, [])):
        with within(f"[[{name}]] number {i + 1}"):
            made.append(make(table))
    return made


def _scheme(table: Mapping[str, Any]) -> Scheme:
    """Build a scheme from its table."""
    given = dict(table)
    if "amount" in table:
        given["amount"] = _schedule(table["amount"]) if isinstance(table["amount"], dict) else _amount(table["amount"])
    if "taper" in table:
        of = given.get("amount")
        if of is None:
            fail("A taper must come with an amount", "a scheme has none", 'Write amount = [50, "month"].')
        given["amount"] = _tapered(of if isinstance(of, Schedule) else Schedule.flat(of), given.pop("taper"))
    if "max_amount" in table:
        given["max_amount"] = _amount(table["max_amount"], "max_amount of a scheme")
    if "target" in table:
        given["target"] = target_from(table["target"], f"scheme {table.get('name', table.get('kind', ''))!r}")
    return _called(KINDS, given, "kind", "scheme", "[[scheme]]")


def _amount(value: Any, what: str = "amount of a scheme") -> Amount:
    """Return an amount from its value and unit."""
    if not isinstance(value, list) or len(value) != 2:
        fail(f"{what} must be a list of value and unit", f"it is {value!r}", 'Write amount = [50, "month"].')
    return Amount(*value)


def _schedule(table: Mapping[str, Any]) -> Schedule:
    """Return a schedule from its bands by name: by = "age", "0-5" = [20, "month"], "6+" = [10, "month"]."""
    given = dict(table)
    by = choice(given.pop("by", None), BANDED, "by of an amount")
    make = {"age": Schedule.by_age, "size": Schedule.by_size, "recipients": Schedule.by_recipients}[by]
    return make({band: _amount(value, f"The band {band!r} of a scheme") for band, value in given.items()})


def _tapered(schedule: Schedule, table: Mapping[str, Any]) -> Schedule:
    """Return a schedule with its taper; welfare is a number, or a list of value and unit."""
    for key in table:
        fail_if_unknown(key, ("starts", "rate", "ends"), "A key of a taper")
    _require(table, ("starts",), "taper")
    given: dict[str, Any] = {
        key: _amount(v, f"{key} of a scheme") if isinstance(v, list) else v for key, v in table.items()
    }
    return schedule.tapered(**given)


def _choice(table: Mapping[str, Any]) -> Choice:
    """Build a choice from its table: keys with a list of values are varied."""
    given = dict(table)
    levels, required = given.pop("levels", None), given.pop("required", False)
    varied = {key: value for key, value in given.items() if isinstance(value, list) and key not in LISTED}
    for key, values in varied.items():
        if not values:
            fail(f"{key} of [[candidate]] must have values", "there are none", "List one or more.")
        for value in values:
            _check({key: value}, SCHEME, "a list of [[candidate]]")
    scheme = _scheme({**given, **{key: values[0] for key, values in varied.items()}})
    if "target" in varied:
        varied["target"] = [target_from(target, f"scheme {scheme.name!r}") for target in varied["target"]]
    return Choice(scheme, levels=levels, required=required, **varied)


def _called(
    functions: Mapping[str, Callable[..., Made]], table: Mapping[str, Any], key: str, usual: str, where: str
) -> Made:
    """Call the function that a key of a table names, with the other keys for its arguments."""
    given = dict(table)
    name = given.pop(key, usual)
    fail_if_unknown(name, functions, f"The {key} in {where}")
    parameters = dict(signature(functions[name]).parameters)
    if parameters.pop("others", None):
        parameters |= {name: signature(Scheme).parameters[name] for name in presets.OTHERS}
    for other in given:
        fail_if_unknown(other, parameters, f"A key of {where} with {key} {name!r}")
    _require(given, tuple(name for name, p in parameters.items() if p.default is Parameter.empty), where)
    return functions[name](**given)
