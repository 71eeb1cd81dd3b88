"""A household survey: frames, roles, keys, derived columns, classes, design.

Rows are sorted on entry by the labels of stratum, PSU, household and person, so that the order of rows in a file
changes no digit, and a person's random number stays the person's own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from math import isclose
from typing import Any
from uuid import uuid4

import numpy as np

from ._cells import combine
from ._columns import ROWS, Column, column_of, taken
from ._expressions import Grouping, parse
from ._household_types import SPOUSES, TYPES, household_types, is_spouse
from ._html import fields, short
from ._kernels import _totals
from ._roster import build_roster, constant_within
from ._sweeps import richest_first
from ._typing import BoolArray, CodeArray, FloatArray, Frame
from ._validate import (
    InputError,
    choice,
    fail,
    fail_if_any,
    fail_if_unknown,
    fail_type,
    listing,
    mapping,
    number,
    text_or_none,
    weights as check_weights,
    within,
)
from .design import Design, build_design
from .economy import Economy

ROLES = ("age", "sex", "disability", "relation", "birth", "pension", "score")
HOUSEHOLD_TYPE = "household_type"
ON_REQUEST = {HOUSEHOLD_TYPE: "household", "head_sex": "household", "age_group": "person", "age_five": "person"}
AGE_GROUPS = (("0-17", 18), ("18-59", 60), ("60+", 151))  # each with the age below which it ends
AGE_FIVE = (*((f"{low}-{low + 4}", low + 5) for low in range(0, 80, 5)), ("80+", 151))
SCALES = ("per capita", "oecd-modified", "square root")
OF_AGE = 14  # years from which the OECD-modified scale counts a further member as half an adult
MEANT_FOR = ("min_age", "max_age", "sex", "disability", "birth")  # of a scheme: who is intended to have it
USUAL = {"age": "age", "sex": "sex"}  # taken where the column exists; any other role must be named


@dataclass(frozen=True)
class WelfareClass:
    """People by rank of welfare: the class is the number of cuts below a household's welfare."""

    name: str
    shares: tuple[float, ...]
    labels: tuple[str, ...]


CLASSES = {
    "bottom40": WelfareClass("bottom40", (0.4,), ("Bottom 40", "Top 60")),
    "quintile": WelfareClass("quintile", tuple(k / 5 for k in range(1, 5)), tuple("12345")),
    "decile": WelfareClass("decile", tuple(k / 10 for k in range(1, 10)), tuple(str(k) for k in range(1, 11))),
}


class Survey:
    """A household survey with its weights and its design.

    Beside its columns and those of ``derive`` there are welfare classes, cut from baseline welfare over persons:
    bottom40, quintile, decile; household_type, made from the roles age and relation; head_sex, from sex and relation;
    age_group (0-17, 18-59, 60+) and age_five (five-year ages up to 80+), from age. A column of such a name goes first.

    Parameters
    ----------
    households : frame or dict of arrays, or None
        One row a household: pandas, polars or pyarrow frame. None: households are made from ``persons``, and everything
        that describes a household must then be the same for all of its members.
    persons : frame or dict of arrays, default None
        One row a person, with the key of the household.
    household : str or None, default "hid"
        Key of the household in both frames. None, with persons alone: every person stands alone (women, births).
    person : str, default None
        Identifier of a person within the household; None: the position in the file.
    weight : str, default "hhweight"
        Sampling weight of the household.
    person_weight : str, default None
        Sampling weight of a person; None: a person carries the household's.
    size : str, default None
        Members of the household; None counts the persons. With a frame of persons it must agree with their number.
    welfare : str, default None
        Consumption, expenditure or income.
    welfare_period : {"month", "year"}, default "month"
        Period of the welfare column, of plain lines, and of all money figures per person.
    welfare_per : {"person", "household"}, default "person"
        Whether the welfare column is per person or of the whole household.
    scale : {"per capita", "oecd-modified", "square root"} or number in [0, 1], default "per capita"
        What the welfare of a household is divided by to be that of each of its members: their number; 1 for the first
        of 14 years or more, 0.5 for each further one and 0.3 for each under 14, which needs the role age; the square
        root of their number, or a power of it. Lines are then per equivalent adult too. Figures count persons all the
        same.
    psu : str or sequence of str, default None
        Primary sampling unit: a column, or several whose combinations are the PSUs; None: each household is its own.
    strata : str or sequence of str, default None
        Columns whose combinations are the strata; None: one stratum.
    single_psu : {"error", "certainty", "collapse", "scaled", "centered"}, default "error"
        A stratum of one PSU has no variance of its own: refuse it; let it add none; join it with another such stratum
        (neighbors in the order of strata in pairs, the last three together if their number is odd; one alone joins the
        stratum before it, or after it if it is the first); let it count as the average of the others; or by how far it
        is from the mean of all. R's "fail", "remove", "average" and "adjust" are understood.
    fpc : str or two of them, default None
        Column of the number of PSUs in the population of each stratum, or of the share that is in the sample (all at
        most 1); and of the households of each PSU. Without the second, the variance within PSUs is left out: name both,
        or none, unless hardly any PSU is in the sample. None: PSUs as if drawn with replacement, which is on the safe
        side.
    roles : dict, default None
        Columns of age (completed years), sex, disability (0/1), relation (1 or "Head..." is the head; 2, "Spouse...",
        "Wife...", "Husband..." or "Partner..." the spouse), birth (births in the last 12 months), pension (1 for who
        draws one), score (by which a scheme ranks people, the same for all of a household). Age and sex are taken from
        columns of these names where they exist.
    existing : dict of str to str, or to dict, default None
        Benefits that welfare holds already, by name: columns of what a household, or a person, is paid in a
        ``welfare_period``. ``{"pension": {"column": "pension", "min_age": 65}}`` says as well for whom it is meant:
        min_age, max_age, sex, disability, birth as in Scheme.
    price_factor : str, default None
        Column of households by which benefits are multiplied to bring them to the prices of welfare, where welfare is
        adjusted for what things cost in a place. Costs are in money as it is paid.
    derive : dict of str to str, default None
        New columns by name: expressions such as ``"head(sex)"``, ``"any(age < 5)"``, ``"tot_exp / hhsize"``.
    missing : {"error", "drop"}, default "error"
        What to do with rows whose welfare, outcome or circumstances are missing where they count. Weights, keys, strata
        and PSUs must be known in any case.

    Attributes
    ----------
    design : Design
        Strata and PSUs.
    weight : ndarray of shape (households,)
        Sampling weight.
    size : ndarray of shape (households,)
        Members.
    people : ndarray of shape (households,)
        People that a household stands for: weight times size, or the sum of its persons' own weights.
    equivalents : ndarray of shape (households,)
        What money of a household is divided by to become welfare: its members, unless ``scale`` says otherwise.
    welfare : ndarray of shape (households,), or None
        Per person, or equivalent adult, and ``welfare_period``.
    existing : dict of str to ndarray of shape (households,)
        What a household is paid already, currency per ``welfare_period``.
    uprating, uprating_of_existing : float
        What welfare and existing benefits were multiplied by to be of a base year's prices; 1 as they were surveyed.
    price_factor : ndarray of shape (households,), or None
        What money is multiplied by where it becomes welfare.

    Raises
    ------
    InputError
        If a column is lacking, a key does not match or occurs twice, a weight is negative, not finite, or all are 0, a
        PSU lies in two strata, or a stratum has one PSU only.

    References
    ----------
    Heeringa, S., West, B. and Berglund, P. (2017). Applied Survey Data Analysis, 2nd ed. CRC Press. Hagenaars, A., de
    Vos, K. and Zaidi, M. A. (1994). Poverty Statistics in the Late 1980s. Eurostat: the OECD-modified scale.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> households = {"hid": [1, 2, 3, 4], "hhweight": [10, 10, 20, 20], "ea": [1, 1, 2, 2], "pc": [50, 80, 90, 200]}
    >>> persons = {"hid": [1, 1, 2, 3, 4], "age": [40, 3, 70, 30, 25]}
    >>> survey = sp.Survey(households, persons, welfare="pc", psu="ea")
    >>> survey
    Survey of 4 households and 5 persons: 2 PSUs in 1 stratum; weights sum to 60
    >>> survey.people
    array([20., 10., 20., 20.])

    Persons alone, each standing for itself:

    >>> sp.Survey(None, {"w": [1.5, 2.5]}, household=None, weight="w").people
    array([1.5, 2.5])
    """

    def __init__(
        self,
        households: Frame,
        persons: Frame = None,
        *,
        household: str | None = "hid",
        person: str | None = None,
        weight: str = "hhweight",
        person_weight: str | None = None,
        size: str | None = None,
        welfare: str | None = None,
        welfare_period: str = "month",
        welfare_per: str = "person",
        scale: str | float = "per capita",
        psu: str | Sequence[str] | None = None,
        strata: str | Sequence[str] | None = None,
        single_psu: str = "error",
        fpc: str | Sequence[str] | None = None,
        roles: Mapping[str, str | None] | None = None,
        existing: Mapping[str, str | Mapping[str, Any]] | None = None,
        price_factor: str | None = None,
        derive: Mapping[str, str] | None = None,
        missing: str = "error",
    ) -> None:
        self.welfare_period = choice(welfare_period, ("month", "year"), "welfare_period")
        choice(welfare_per, ("person", "household"), "welfare_per")
        self.missing = choice(missing, ("error", "drop"), "missing")
        given = (strata,) if isinstance(strata, str) else () if strata is None else strata
        self.strata_columns = list(listing(given, str, "strata", "Name one column, or a list of them."))
        given = (psu,) if isinstance(psu, str) else () if psu is None else psu
        self.psu_columns = list(listing(given, str, "psu", "Name one column, or a list of them."))
        given = (fpc,) if isinstance(fpc, str) else () if fpc is None else fpc
        self.fpc_columns = list(listing(given, str, "fpc", "Name one column, or two: of PSUs and of households."))
        self.identity = uuid4().hex  # tells surveys apart for good, as id() does not
        self.names = {
            "household": household,
            "person": person,
            "weight": weight,
            "person_weight": person_weight,
            "size": size,
            "welfare": welfare,
            "price_factor": price_factor,
        }
        for name, value in self.names.items():
            text_or_none(value, name)
        self.role_codes: dict[str, Any] = {}  # what roles say of every person as bytes, kept once it was asked for
        self.roster = build_roster(households, persons, household, person, [*self.strata_columns, *self.psu_columns])
        self.households, self.persons = self.roster.households, self.roster.persons
        self.household_of, self.first_person = self.roster.household_of, self.roster.first_person
        self.n_households, self.n_persons = len(self.roster.key), len(self.household_of)
        self.show_household, self.show_person = self.roster.show_household, self.roster.show_person
        self.design = self._design(single_psu)
        self.single_psu = self.design.single_psu
        self.roles = self._roles(mapping(roles or {}, "roles", "Write {'age': 'column'}."))
        for name, text in mapping(derive or {}, "derive", "Write {'name': 'expression'}.").items():
            self._derive(name, text)
        self.weight = check_weights(
            self.household_column(weight).numbers(f"The weight {weight!r}"),
            self.n_households,
            f"weight {weight!r}",
            self.show_household,
        )
        self.size = self._sizes(size)
        self._own_weights = self._person_weights(person_weight)
        self.people = (
            self.weight * self.size
            if person_weight is None or self.persons is None
            else self.sum_over_members(self.weights_of(slice(None)))
        )
        self.equivalents = self._equivalents(scale)
        self.welfare = None if welfare is None else self._welfare(welfare, welfare_per)
        paid = mapping(existing or {}, "existing", "Write {'pension': 'column'}.")
        self.existing_of = {name: _benefit(name, of) for name, of in paid.items()}
        self.existing = {name: self._existing(name, column) for name, (column, _) in self.existing_of.items()}
        self.uprating = self.uprating_of_existing = 1.0
        self.price_factor = None if price_factor is None else self._price_factor(price_factor)

    def _design(self, single_psu: str) -> Design:
        """Number strata and PSUs."""
        stratum, labels = np.zeros(self.n_households, dtype=np.int32), ["all"]
        if self.strata_columns:
            stratum, labels = self._combined(self.strata_columns)
        stages = 1 + bool(self.psu_columns)
        if len(self.fpc_columns) > stages:
            fail(
                f"fpc must name at most {stages} column{'s' * (stages > 1)}",
                f"it names {len(self.fpc_columns)}",
                "Name that of PSUs, and that of households." if stages > 1 else "Name psu=, or households alone.",
            )
        fpc = [(name, self.household_column(name).numbers(f"fpc {name!r}")) for name in self.fpc_columns]
        if self.psu_columns:
            psu, names = self._combined(self.psu_columns)
        else:
            key = self.roster.key
            psu, names = key.coded()[1], None

        def called(row: int) -> str:
            return key.label(key.values[row]) if names is None else names[psu[row]]

        return build_design(stratum, psu, labels, called, single_psu, fpc, self.show_household)

    def _combined(self, columns: Sequence[str]) -> tuple[CodeArray, list[str]]:
        """Number the combinations of columns by household, and name them."""
        made = [self.household_column(name).categories() for name in columns]
        combinations, code = combine([codes for _, codes, _ in made], [len(names) for _, _, names in made])
        joined = [
            " x ".join(names[level] for (_, _, names), level in zip(made, row, strict=True)) for row in combinations
        ]
        return code, joined

    # -- columns ------------------------------------------------------------------------------------------------------

    def household_column(self, name: str) -> Column:
        """Return a column by household: of the households, else of the persons where it is constant within each."""
        if name in self.households:
            return self.households[name]
        if self.persons is not None and name in self.persons:
            return constant_within(self.persons[name], self.household_of, self.roster.key)
        if ON_REQUEST.get(name) == "household":
            return self._on_request(name)
        if ON_REQUEST.get(name) == "person" and self.persons is not None:
            return constant_within(self._on_request(name), self.household_of, self.roster.key)
        fail_if_unknown(name, self._all_names(), "A column of the survey")
        raise AssertionError

    def person_column(self, name: str) -> Column:
        """Return a column by person: of the persons, else of their households."""
        if self.persons is None:
            fail(
                "A column by person needs a frame of persons",
                f"{name!r} was asked of a survey without one",
                "Pass persons, or use unit='household'.",
            )
        if name in self.persons:
            return self.persons[name]
        if name in self.households:
            return self.households[name].take(self.household_of)
        if name in ON_REQUEST:
            made = self._on_request(name)
            return made.take(self.household_of) if ON_REQUEST[name] == "household" else made
        fail_if_unknown(name, self._all_names(), "A column of the survey")
        raise AssertionError

    def column(self, name: str, unit: str) -> Column:
        """Return a column by the rows of a unit, "household" or "person"."""
        return self.household_column(name) if unit == "household" else self.person_column(name)

    def of_persons(self, name: str) -> bool:
        """Return whether a column describes persons, not households."""
        if self.persons is None or name in self.households:
            return False
        return name in self.persons or ON_REQUEST.get(name) == "person"

    def fetch(self, names: Sequence[str]) -> None:
        """Read columns of files in one pass, which they would cost one each when they are asked for."""
        for table in (self.households, self.persons):
            if table is not None:
                table.fetch(names)

    @property
    def sources(self) -> tuple[dict[str, Any], ...]:
        """Files that the survey was read from, with what was found in each column read so far; none for frames."""
        return tuple(table.told() for table in (self.households, self.persons) if table is not None and table.origin)

    def has_column(self, name: str) -> bool:
        """Return whether either frame has a column of this name."""
        return name in self.households or (self.persons is not None and name in self.persons)

    def with_column(self, name: str, values: Any, *, role: str | None = None) -> "Survey":
        """Return the survey with one more column of households: a copy that shares all that it has with this one.

        Parameters
        ----------
        name : str
            A name that is new.
        values : array_like of shape (households,), numbers or text
            In the order of the survey's own rows, as ``survey.welfare`` and ``survey.weight`` are: not in that of the
            file.
        role : str, default None
            What the column is from now on, such as "score", by which a scheme ranks people.

        Returns
        -------
        Survey
            Its sample and design are those of this one, and so are its replicates: figures of both can be contrasted.
            What was simulated on this one was not simulated on the copy.

        Raises
        ------
        InputError
            If there is such a column, there is not one value a household, or no such role.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> scored = survey.with_column("assets", survey.household_column("internet").values, role="score")
        >>> scored.roles["score"], survey.roles.get("score")
        ('assets', None)

        One value for all:

        >>> survey.with_column("one", [1.0])
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: The column 'one' must have a value a household, but 400 households came with 1. ...
        """
        if not isinstance(name, str):
            fail_type("The name of a column must be text", name, "Name it.")
        if self.has_column(name) or name in CLASSES or name == HOUSEHOLD_TYPE:
            fail("A column must have a new name", f"the survey has {name!r} already", "Choose another name.")
        column = replace(column_of(name, values), name=name)
        if len(column) != self.n_households:
            fail(
                f"The column {name!r} must have a value a household",
                f"{self.n_households:,} households came with {len(column):,}",
                "Pass one for each, in the order of the survey's rows.",
            )
        made = copy(self)
        made.households = self.households.with_column(column)
        made.__dict__.pop("household_type", None)  # it is made of roles
        made.role_codes = {known: code for known, code in list(self.role_codes.items()) if known != role}
        if role is not None:
            made.roles = {**self.roles, choice(role, ROLES, "role"): name}
        return made

    def welfare_class(self, name: str) -> WelfareClass | None:
        """Return the class of this name, or None if it is a column's."""
        if name not in CLASSES:
            return None
        if self.has_column(name):
            fail(
                f"The name {name!r} must mean one thing",
                "it is a welfare class, and a column of the survey as well",
                "Rename the column.",
            )
        if self.welfare is None:
            fail(f"The welfare class {name!r} needs welfare", "the survey has none", "Pass welfare=.")
        return CLASSES[name]

    def role(self, name: str) -> Column:
        """Return the column of a role by person; an error names the role that is lacking."""
        column = self.roles.get(name)
        if column is None:
            fail(
                f"The role {name!r} must be given",
                "the survey does not name its column",
                f"Pass roles={{{name!r}: <column>}}.",
            )
        return self.person_column(column)

    def blocks(self) -> Iterator[tuple[slice, slice, CodeArray]]:
        """Yield households, a block at a time, their persons, and where each household's begin among these.

        What is made of persons on the way to households need not be there for all of them at once.
        """
        starts = np.unique(np.searchsorted(self.first_person[:-1], np.arange(0, self.n_persons, ROWS)))
        for start, stop in pairwise([*starts[starts < self.n_households].tolist(), self.n_households]):
            first = self.first_person[start : stop + 1]
            yield slice(start, stop), slice(int(first[0]), int(first[-1])), first - first[0]

    def sum_over_members(self, values: FloatArray) -> FloatArray:
        """Add values by person up by household."""
        made = np.empty(self.n_households)
        _totals.member_sums(np.ascontiguousarray(values, dtype=np.float64), self.first_person, made)
        return made

    def _on_request(self, name: str) -> Column:
        """Return a column that is made of roles, by the rows that it describes."""
        if name == HOUSEHOLD_TYPE:
            return self.household_type
        if self.persons is None:
            fail(f"{name!r} is made from persons", "the survey has no frame of persons", "Pass persons.")
        if name == "head_sex":
            return replace(self.role("sex").take(self.heads()), name=name)
        return self._ages(name, AGE_GROUPS if name == "age_group" else AGE_FIVE)

    def _ages(self, name: str, groups: Sequence[tuple[str, int]]) -> Column:
        """Return the group of every person's age; an unknown age is in none."""
        age = self.role("age").numbers("The age")
        fail_if_any(
            (age < 0) | (age > 150),
            f"Every age {self.roles['age']!r} must be 0 to 150 years",
            "Mend codes such as 999.",
            lambda i: f"{self.show_person(i)}: {age[i]:g}",
        )
        code = np.searchsorted([end for _, end in groups], age, side="right").astype(np.float64)
        code[np.isnan(age)] = np.nan
        return Column(name, code, tuple(label for label, _ in groups), ordered=True)

    @cached_property
    def household_type(self) -> Column:
        """Type of every household, by who lives together: from the roles age and relation."""
        if self.persons is None:
            fail(f"{HOUSEHOLD_TYPE!r} is made from persons", "the survey has no frame of persons", "Pass persons.")
        age = self.role("age").numbers("The age")
        labels, partner = self._related(is_spouse, code=2)
        relation = self.role("relation")
        declared = relation.levels or tuple(relation.labels.values())
        if labels == [] and not any(map(is_spouse, declared)):  # another language, or other words: no couple is found
            fail(
                "One level of relation must be the spouse's",
                f"no label of {relation.name!r} begins with {', '.join(SPOUSES)}",
                f"Label it 'Spouse'; the labels are {', '.join(declared)}.",
            )
        partner[self.heads()] = True
        types = household_types(age, partner, self.first_person)
        return Column(HOUSEHOLD_TYPE, types, TYPES, ordered=False)

    def heads(self) -> CodeArray:
        """Return the row of each household's head; a household must have exactly one."""
        labels, head = self._related(lambda label: label.strip().casefold().startswith("head"), code=1)
        if labels is not None and len(labels) != 1:
            relation = self.role("relation")
            names = (relation.label(code) for code in relation.categories()[0])
            fail(
                "One level of relation must be the head's",
                f"{len(labels)} labels of {relation.name!r} begin with 'head'",
                f"Label the head's code 'Head'; the labels are {', '.join(names)}.",
            )
        heads = np.bincount(self.household_of, head, self.n_households)
        fail_if_any(
            heads != 1,
            f"Every household must have one head in {self.roles['relation']!r}",
            "Correct these households.",
            lambda i: f"{self.show_household(i)}: {heads[i]:.0f} heads",
        )
        return np.flatnonzero(head).astype(np.int32)

    def _related(self, named: Callable[[str], bool], code: int) -> tuple[list[str] | None, BoolArray]:
        """Return who has a relation that is named so, and its labels; without labels, who has its usual code."""
        relation = self.role("relation")
        if relation.levels is None and not relation.labels:
            return None, np.asarray(relation.values == code)
        labels = {code: label for code in relation.categories()[0] if named(label := relation.label(code))}
        return list(labels.values()), np.isin(relation.values, list(labels))

    def _all_names(self) -> list[str]:
        return [*self.households, *(self.persons or ())]

    def _roles(self, given: Mapping[str, str | None]) -> dict[str, str | None]:
        for role in given:
            fail_if_unknown(role, ROLES, "A role")
        known = self._all_names()
        roles: dict[str, str | None] = {role: USUAL.get(role) if USUAL.get(role) in known else None for role in ROLES}
        for role, name in given.items():
            if name is not None:
                fail_if_unknown(name, known, f"The column of the role {role!r}")
            roles[role] = name
        return roles

    def _derive(self, name: str, text: str) -> None:
        """Add a derived column to the frame that it describes."""
        if not isinstance(text, str):
            fail_type(f"The expression of derived column {name!r} must be text", text, "Write it as a string.")
        expression = parse(text, f"derived column {name!r}")
        of_persons = not expression.aggregates and any(map(self.of_persons, expression.names))
        if of_persons:
            assert self.persons is not None
            self.persons.add(replace(expression.evaluate(self.person_column), name=name))
            return
        grouping = None
        if self.persons is not None:
            grouping = Grouping(self.first_person, self.heads, self.person_column, self.household_column)
        self.households.add(replace(expression.evaluate(self.household_column, grouping), name=name))

    # -- weights and welfare ------------------------------------------------------------------------------------------

    def _sizes(self, size: str | None) -> FloatArray:
        if size is None:
            if self.persons is None:
                fail(
                    "The size of households must be known",
                    "there is neither size= nor a frame of persons",
                    "Name the column of household sizes, or pass persons.",
                )
            return np.diff(self.first_person).astype(np.float64)
        sizes = self.household_column(size).numbers(f"The household size {size!r}")
        fail_if_any(
            ~(np.isfinite(sizes) & (sizes > 0)),
            f"Every household size {size!r} must be above 0",
            "Mend or drop these rows.",
            lambda i: f"{self.show_household(i)}: {sizes[i]:g}",
        )
        if self.persons is not None:
            members = np.diff(self.first_person)
            fail_if_any(
                sizes != members,
                f"Household size {size!r} must be the number of the household's persons",
                "Leave out size= to count the persons, or mend these households.",
                lambda i: f"{self.show_household(i)}: {sizes[i]:g} and {members[i]} persons",
            )
        return sizes

    def _equivalents(self, scale: str | float) -> FloatArray:
        """Return what the money of each household is divided by to become welfare."""
        if not isinstance(scale, str):
            power = number(scale, "scale", low=0, high=1)
            return self.size if power == 1 else self.size**power
        choice(scale, SCALES, "scale")
        if scale == "per capita":
            return self.size
        if scale == "square root":
            return np.sqrt(self.size)
        if self.persons is None:
            fail(
                "The OECD-modified scale is made from ages",
                "the survey has no frame of persons",
                "Pass persons, or scale='square root'.",
            )
        age = self.role("age").numbers("The age")
        fail_if_any(
            np.isnan(age),
            f"The OECD-modified scale needs every age {self.roles['age']!r}",
            "Mend these rows, or pass scale='square root'.",
            self.show_person,
        )
        grown = self.sum_over_members((age >= OF_AGE).astype(np.float64))
        further = np.maximum(grown - 1, 0)
        young = self.size - np.maximum(grown, 1)  # where all are young, the first counts as the adult
        return np.asarray(1 + 0.5 * further + 0.3 * young)

    @property
    def person_weight(self) -> FloatArray:
        """Weight of every person: its own, or its household's, which is looked up whenever it is asked for."""
        return self.weights_of(slice(None))

    def weights_of(self, persons: Any) -> FloatArray:
        """Return the weights of some persons."""
        of = self.household_of[persons]
        return np.asarray(taken(self.weight, of) if self._own_weights is None else self._own_weights[persons])

    def _person_weights(self, name: str | None) -> FloatArray | None:
        if self.persons is None or name is None:
            return None
        values = self.person_column(name).numbers(f"The weight {name!r}")
        return check_weights(values, self.n_persons, f"weight {name!r}", self.show_person)

    def _welfare(self, name: str, per: str) -> FloatArray:
        values = self.household_column(name).numbers(f"Welfare {name!r}")
        if self.equivalents is not self.size:
            values = (values if per == "household" else values * self.size) / self.equivalents
        elif per == "household":
            values = values / self.size
        if self.missing == "error":
            fail_if_any(
                np.isnan(values),
                f"Welfare {name!r} must be known for every household",
                "Mend these rows, or pass missing='drop'.",
                self.show_household,
            )
        fail_if_any(
            np.isinf(values), f"Welfare {name!r} must be finite", "Mend or drop these rows.", self.show_household
        )
        return values

    def paid_to_persons(self, name: str) -> FloatArray | None:
        """Return what every person is paid by an existing benefit; None where it is known of households alone."""
        column = self.existing_of[name][0]
        if not self._of_persons(column):
            return None
        return self.column(column, "person").numbers(f"The existing benefit {name!r}") * self.uprating_of_existing

    def _of_persons(self, column: str) -> bool:
        return self.persons is not None and column in self.persons and column not in self.households

    def _existing(self, name: str, column: str) -> FloatArray:
        """Return what every household is paid by a benefit in a ``welfare_period``: the sum over its members."""
        of_persons = self._of_persons(column)
        with within(f"existing {name!r}"):
            found = self.column(column, "person" if of_persons else "household")
        values = found.numbers(f"The existing benefit {name!r}")
        show = self.show_person if of_persons else self.show_household
        fail_if_any(
            ~(np.isfinite(values) & (values >= 0)),
            f"The existing benefit {name!r} must be 0 or more in every row of {column!r}",
            "Who is paid nothing has 0, not a missing value: mend these rows.",
            lambda i: f"{show(i)}: {values[i]:g}",
        )
        return self.sum_over_members(values) if of_persons else values

    def _price_factor(self, name: str) -> FloatArray:
        values = self.household_column(name).numbers(f"The price factor {name!r}")
        fail_if_any(
            ~(np.isfinite(values) & (values > 0)),
            f"Every price factor {name!r} must be above 0",
            "Mend these rows; 1 leaves prices as they are.",
            lambda i: f"{self.show_household(i)}: {values[i]:g}",
        )
        return values

    @cached_property
    def sharing(self) -> FloatArray:
        """What a household's money is divided by to become welfare: its equivalents, at the prices of welfare."""
        return self.equivalents if self.price_factor is None else self.equivalents / self.price_factor

    def as_welfare(self, money: FloatArray) -> FloatArray:
        """Return what money of households means as welfare: by equivalent, and at the prices of welfare."""
        return np.asarray(money / self.sharing)

    @cached_property
    def welfare_known(self) -> BoolArray:
        """Households whose welfare is known."""
        if self.welfare is None:
            fail("This needs welfare", "the survey has none", "Pass welfare=, the column of consumption or income.")
        return ~np.isnan(self.welfare)

    @cached_property
    def richest_first(self) -> CodeArray:
        """Households whose welfare is known, from the richest down: what welfare classes are cut from."""
        known = self.welfare_known
        assert self.welfare is not None
        if known.all():
            return richest_first(self.welfare)
        rows = np.flatnonzero(known).astype(np.int32)
        return rows[richest_first(self.welfare[rows])]

    def uprated(self, economy: Economy, compat: str | None = None) -> "Survey":
        """Return the survey with its money brought to the base year of an economy: welfare, and existing benefits.

        Welfare classes and ranks stay as they are. Columns stay as the file has them: a condition on one, such as
        ``pc_exp < 100``, is in prices of the survey.

        Parameters
        ----------
        economy : Economy
            With ``cpi`` or ``cpi_ratio``, and perhaps ``real_growth``.
        compat : {None, "spot"}, default None
            "spot": existing benefits are left as they are, as in the SPOT Simulator, which uprates welfare alone.

        Returns
        -------
        Survey
            The survey itself where nothing is to be multiplied, or was already. A copy shares all columns.

        Raises
        ------
        InputError
            If the survey was uprated by something else before.

        References
        ----------
        ESCAP, SPOT Simulator: consumption brought to a base year by consumer prices.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> frame = {"hid": [1, 2], "hhweight": [10, 10], "n": [1, 2], "pc": [100.0, 200.0], "pension": [50.0, 0.0]}
        >>> survey = sp.Survey(frame, size="n", welfare="pc", existing={"pension": "pension"})
        >>> today = survey.uprated(sp.Economy(year=2022, survey_year=2019, cpi={2019: 100, 2022: 110}))
        >>> today.welfare.round(6), today.existing["pension"].round(6)
        (array([110., 220.]), array([55.,  0.]))

        Prices of one year need no uprating:

        >>> survey.uprated(sp.Economy(year=2022)) is survey
        True
        """
        if not isinstance(economy, Economy):
            fail_type("economy must be an Economy", economy, "Build it with Economy(gdp=..., lines={...}).")
        if compat is not None:
            choice(compat, ("spot",), "compat, if it is not None,")
        factor = economy.uprating
        left = compat == "spot" and self.existing and self.uprating_of_existing != 1
        if self.in_prices_of(economy) and not left:
            return self
        if self.uprating != 1:
            fail(
                f"A survey must be uprated once, by {factor:.6g}",
                f"this one was uprated by {self.uprating:.6g} before",
                "Uprate the survey as it was read.",
            )
        made = copy(self)
        for name, of in vars(Survey).items():
            if isinstance(
                of, cached_property
            ):  # an order by welfare among them: products may tie where factors did not
                made.__dict__.pop(name, None)
        # By the same economy it is the same survey, so that what is assessed twice can be contrasted.
        made.identity = sha256(repr((self.identity, factor, compat)).encode()).hexdigest()
        made.uprating, made.uprating_of_existing = factor, 1.0 if compat == "spot" else factor
        made.welfare = None if self.welfare is None else self.welfare * factor
        made.existing = {name: paid * made.uprating_of_existing for name, paid in self.existing.items()}
        return made

    def in_prices_of(self, economy: Economy) -> bool:
        """Return whether money of the survey is of the economy's base year."""
        return isclose(self.uprating, economy.uprating, rel_tol=1e-12)

    def fingerprint(self) -> str:
        """Return a hash of the design and of every column: it changes when what the figures rest on does."""
        digest = sha256(self.design.psu.tobytes() + self.design.stratum_start.tobytes())
        for table in [self.households] if self.persons is None else [self.households, self.persons]:
            for name in sorted(table):
                try:
                    column = table[name]
                except InputError:  # dates and the like, which no figure can rest on
                    continue
                present, codes = column.coded()
                labels = tuple(column.label(code) for code in present)
                digest.update(repr((name, labels)).encode() + present.tobytes() + codes.tobytes())
        return digest.hexdigest()

    # -- what it is
    # -----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        persons = f" and {self.n_persons:,} persons" if self.persons is not None else ""
        strata = "stratum" if self.design.strata == 1 else "strata"
        return (
            f"Survey of {self.n_households:,} households{persons}: {self.design.psus:,} PSUs in "
            f"{self.design.strata:,} {strata}; weights sum to {self.weight.sum():,.6g}"
        )

    def _repr_html_(self) -> str:
        design, names = self.design, self.names
        pairs = [
            ("households", f"{self.n_households:,}"),
            ("persons", "no frame" if self.persons is None else f"{self.n_persons:,}"),
            ("people", f"{self.people.sum():,.0f} (weights times members)"),
            ("weight", f"{names['weight']}: {short(self.weight.min())} to {short(self.weight.max())}"),
            ("strata", f"{design.strata:,} ({' x '.join(self.strata_columns) or 'none named'})"),
            ("PSUs", f"{design.psus:,} ({' x '.join(self.psu_columns) or 'households'})"),
            ("finite population", " and ".join(self.fpc_columns)),
            ("degrees of freedom", f"{design.df:,}"),
            (
                "welfare",
                f"{names['welfare']}, read per person and {self.welfare_period}" if names["welfare"] else "none",
            ),
            ("roles", ", ".join(f"{role}: {name}" for role, name in self.roles.items() if name) or "none"),
            ("columns of households", ", ".join(self.households)),
            ("columns of persons", ", ".join(self.persons or ())),
        ]
        return fields("Survey", [(name, value) for name, value in pairs if value])

    def svyset(self) -> str:
        """Return the Stata lines that declare the same design, weighted to count people.

        For the file of persons; for that of households, with its weight times size, where there is a column of sizes.

        Returns
        -------
        str

        Examples
        --------
        >>> import sp2lnob as sp
        >>> frame = {"hid": [1, 2, 3, 4], "hhweight": [1, 1, 1, 1], "n": [1, 1, 1, 1], "ea": [1, 2, 3, 4],
        ...          "region": [1, 1, 2, 2], "area": [1, 1, 1, 1]}
        >>> print(sp.Survey(frame, psu="ea", strata=["region", "area"], size="n").svyset())
        * one row a household; figures count people
        generate double _people = hhweight * n
        egen long _stratum = group(region area)
        svyset ea [pweight=_people], strata(_stratum)

        Every person alone, in one stratum:

        >>> print(sp.Survey(None, {"w": [1.5, 2.5]}, household=None, weight="w").svyset())
        * one row a person
        svyset _n [pweight=w]
        """
        of_households, weight = self._declared()
        lines = ["* one row a household; figures count people" if of_households else "* one row a person"]
        if of_households:
            lines.append(f"generate double _people = {weight} * {self.names['size']}")
            weight = "_people"
        psu = self.psu_columns[0] if self.psu_columns else "_n" if of_households else self.names["household"] or "_n"
        if len(self.psu_columns) > 1:
            lines.append(f"egen long _psu = group({' '.join(self.psu_columns)})")
            psu = "_psu"
        options = []
        if len(self.strata_columns) == 1:
            options.append(f"strata({self.strata_columns[0]})")
        elif self.strata_columns:
            lines.append(f"egen long _stratum = group({' '.join(self.strata_columns)})")
            options.append("strata(_stratum)")
        options += [f"fpc({name})" for name in self.fpc_columns[:1]]
        single = [f"singleunit({self.single_psu})"] if self.single_psu in ("certainty", "scaled", "centered") else []
        if self.fpc_columns[1:]:
            unit = self.names["household"] if not of_households else None
            options += ["||", f"{unit or '_n'},", f"fpc({self.fpc_columns[1]})"]
        if self.single_psu == "collapse":
            lines.insert(0, "* strata of one PSU are joined with neighbors in sp2lnob: join them before svyset")
        options += single
        return "\n".join([*lines, f"svyset {psu} [pweight={weight}]" + (f", {' '.join(options)}" if options else "")])

    def svydesign(self) -> str:
        """Return the R lines that declare the same design, weighted to count people.

        For the file of persons; for that of households, with its weight times size, where there is a column of sizes.

        Returns
        -------
        str

        Examples
        --------
        >>> import sp2lnob as sp
        >>> frame = {"hid": [1, 2, 3, 4], "hhweight": [1, 1, 1, 1], "n": [1, 1, 1, 1], "ea": [1, 2, 3, 4],
        ...          "region": [1, 1, 2, 2], "area": [1, 1, 1, 1]}
        >>> print(sp.Survey(frame, psu="ea", strata="region", size="n").svydesign())
        svydesign(ids = ~ea, strata = ~region, weights = ~I(hhweight * n), data = households)

        Every person alone, in one stratum:

        >>> print(sp.Survey(None, {"w": [1.5, 2.5]}, household=None, weight="w").svydesign())
        svydesign(ids = ~1, weights = ~w, data = persons)
        """
        of_households, weight = self._declared()

        def formula(columns: Sequence[str]) -> str:
            return columns[0] if len(columns) == 1 else f"interaction({', '.join(columns)}, drop = TRUE)"

        key = None if of_households else self.names["household"]
        parts = [f"ids = ~{formula(self.psu_columns) if self.psu_columns else key or '1'}"]
        if self.strata_columns:
            parts.append(f"strata = ~{formula(self.strata_columns)}")
        parts.append(f"weights = ~I({weight} * {self.names['size']})" if of_households else f"weights = ~{weight}")
        parts.append(f"data = {'households' if of_households else 'persons'}")
        if self.fpc_columns[1:]:
            parts[0] += f" + {self.names['household'] or f'I(seq_along({weight}))'}"
        if self.fpc_columns:
            parts.insert(-1, f"fpc = ~{' + '.join(self.fpc_columns)}")
        rule = {"certainty": "certainty", "scaled": "average", "centered": "adjust"}.get(self.single_psu)
        lonely = f'options(survey.lonely.psu = "{rule}")\n' if rule else ""
        if self.single_psu == "collapse":
            lonely = "# strata of one PSU are joined with neighbors in sp2lnob: join them before svydesign\n"
        return f"{lonely}svydesign({', '.join(parts)})"

    def _declared(self) -> tuple[bool, str]:
        """Return whether the design is declared for a file of households, and the weight's column."""
        of_households = self.names["size"] is not None and self.names["person_weight"] is None
        return of_households, str(self.names["person_weight"] or self.names["weight"])


def _benefit(name: str, of: object) -> tuple[str, dict[str, Any]]:
    """Return the column of an existing benefit, and for whom it is meant."""
    meant = dict(of) if isinstance(of, Mapping) else {"column": of}
    for key in meant:
        fail_if_unknown(key, ("column", *MEANT_FOR), f"A key of the existing benefit {name!r}")
    column = meant.pop("column", None)
    if not isinstance(column, str):
        fail_type(f"The column of the existing benefit {name!r} must be text", column, "Name the column.")
    return column, meant
