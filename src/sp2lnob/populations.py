"""People by age and sex in the years to come: of a country from the United Nations, or of a user's own table.

The table in the package is World Population Prospects 2024, medium variant, by decade and five-year age: counts kept as
whole square roots, on a scale by country, as differences from what earlier counts let one expect. Decoding takes whole
numbers alone, so that it gives the same everywhere. ``tools/wpp2024.py`` makes it from PyPI's starsim-data.
"""

import json
import lzma
import re
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._columns import Column, Table, table_of
from ._typing import FloatArray, Frame, LongArray
from ._validate import choice, fail, fail_if_any, fail_if_unknown, fail_type, text_or_none, whole

if TYPE_CHECKING:
    import pandas as pd

SHIPPED = Path(__file__).parent / "wpp2024.xz"
FINEST = 4000  # what the largest group of a country counts for as a square root: half a step is 0.025 % of it
SOURCE = (
    "United Nations, Department of Economic and Social Affairs, Population Division (2024). World Population "
    "Prospects 2024, medium variant, by decade. CC BY 3.0 IGO"
)
ADULT, AGING = 40, 0.1  # from which age on mortality rises by the year, and how fast (Gompertz)
BOTH = "both"  # what people of a table without sex are called
FEMALE, MALE = 0, 1


class Population:
    """People by year, age and sex.

    Between the table's years each cohort goes from its number at one age to its number at the later one: by the same
    factor every year, or from age 40 on with a mortality that rises by a tenth a year (Gompertz). Who is born between
    two years, and the open group at the end, change by the same factor every year at their age: where births turn, as
    in China since 2020, the youngest are missed. Groups of several years are split by a monotone cubic through the
    cumulative number of people (Fritsch and Carlson): every group keeps its number, and none is negative. The last
    group is open, and not split.

    Parameters
    ----------
    frame : data frame or dict of arrays
        Columns year, age (the first year of an age group, or text such as "0-4", "100+"; the last group is open),
        people, and if there are any sex and variant. One row for each year, sex and age.
    variant : str, default None
        Which of several variants.
    name : str, default "the table"
        What to call it.

    Raises
    ------
    InputError
        If a column is lacking, a number of people missing or negative, a year, sex and age twice or not there, ages do
        not begin at 0, overlap or leave a gap, or there are several variants and none is chosen.

    References
    ----------
    Fritsch, F. N. and Carlson, R. E. (1980). Monotone piecewise cubic interpolation. SIAM Journal on Numerical
    Analysis 17, 238-246.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> table = {"year": [2020] * 3, "age": ["0-14", "15-64", "65+"], "people": [30.0, 60.0, 10.0]}
    >>> sp.Population(table).people(2020, min_age=65)
    10.0
    >>> sp.Population({"year": [2020] * 2, "age": [0, 0], "people": [1.0, 2.0]})
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A population must have one row for each year, sex and age, but 2020, age 0 has 2 rows. ...
    """

    def __init__(self, frame: Frame, variant: str | None = None, *, name: str = "the table") -> None:
        text_or_none(variant, "variant")
        self.name, self.source = name, ""
        table = table_of(frame, "population")
        rows = _of_variant(table, variant)
        year = _whole_numbers(table["year"].take(rows), "year")
        age = _whole_numbers(_ages(table["age"].take(rows)), "age")
        people = table["people"].take(rows).numbers("people of the population")
        fail_if_any(
            ~(np.isfinite(people) & (people >= 0)),
            "people of the population must be 0 or more",
            "Mend these rows.",
            lambda i: f"{year[i]}, age {age[i]}: {people[i]:g}",
        )
        self.sexes: tuple[str, ...] = (BOTH,)
        sex = np.zeros(len(rows), dtype=np.int32)
        if "sex" in table:
            _, sex, self.sexes = table["sex"].take(rows).categories()
            fail_if_any(sex < 0, "sex of the population must be known", "Drop or mend these rows.")
        self.years, y = np.unique(year, return_inverse=True)
        self.ages, a = np.unique(age, return_inverse=True)
        times = np.zeros((len(self.years), len(self.sexes), len(self.ages)), dtype=np.int64)
        np.add.at(times, (y, sex, a), 1)
        for wrong, came in ((times > 1, "has 2 rows"), (times == 0, "has none")):
            if wrong.any():
                i, j, k = np.argwhere(wrong)[0]
                who = f" {self.sexes[j]}," if self.sexes != (BOTH,) else ""
                fail(
                    "A population must have one row for each year, sex and age",
                    f"{self.years[i]},{who} age {self.ages[k]} {came.replace('2', str(times[i, j, k]))}",
                    "Ages are the same in every year and sex, groups neither overlap nor leave a gap: mend the table.",
                )
        if self.ages[0] != 0:
            fail("Ages of the population must begin at 0", f"the first is {self.ages[0]}", "Add the younger ages.")
        self._table = np.zeros(times.shape)
        self._table[y, sex, a] = people
        if not (self._table.sum(axis=(1, 2)) > 0).all():
            empty = self.years[np.argmin(self._table.sum(axis=(1, 2)))]
            fail("There must be people in every year", f"there are none in {empty}", "Mend the table.")
        self._single = _single_ages(self._table, self.ages)

    @property
    def oldest(self) -> int:
        """First age of the open group at the end."""
        return int(self.ages[-1])

    def single(self, years: Iterable[int]) -> FloatArray:
        """Return people of some years by single age, of shape (years, sexes, oldest + 1); the last age is open."""
        return np.stack([self._of_year(whole(year, "A year", low=1)) for year in years])

    def _of_year(self, year: int) -> FloatArray:
        first, last = int(self.years[0]), int(self.years[-1])
        if not first <= year <= last:
            span = f"{first} to {last}" if last > first else f"{first}"
            fail(f"A year must be one of {self.name}, {span}", f"it is {year}", "Choose other years, or add to it.")
        place = int(np.searchsorted(self.years, year))
        now: FloatArray = self._single[place]
        if self.years[place] == year:
            return now
        before, gap = self._single[place - 1], int(self.years[place] - self.years[place - 1])
        passed = int(year - self.years[place - 1])
        share = passed / gap
        made = _between(before, now, share)  # at their age
        end = self.oldest - gap  # the last cohort that is not in the open group at the later year
        if end > 0:
            fewer_early = np.expm1(AGING * passed) / np.expm1(AGING * gap)  # the more die the older they are
            died = np.where(np.arange(end) >= ADULT, fewer_early, share)
            made[:, passed : passed + end] = _between(before[:, :end], now[:, gap : gap + end], died)
        return made

    def people(self, year: int, min_age: int = 0, max_age: int | None = None, sex: str | None = None) -> float:
        """Return the people of some ages.

        Parameters
        ----------
        year : int
        min_age, max_age : int, default 0 and None
            Completed years, both ends included; None: and over.
        sex : str, default None
            A label of the table; None: all.

        Returns
        -------
        float

        Raises
        ------
        InputError
            If the year is not within the table, an age within its open group, or the sex none of its labels.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> cambodia = sp.population("Cambodia")
        >>> round(cambodia.people(2030) / 1e6, 3), round(cambodia.people(2030, min_age=65) / 1e6, 3)
        (18.827, 1.405)
        >>> cambodia.people(2030, min_age=101)
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: min_age must be 100 or less, where Cambodia ends with an open group, but it is 101. ...
        """
        ends = slice(*self.span(min_age, max_age))
        if sex is None:
            return float(self._of_year(year)[:, ends].sum())
        fail_if_unknown(sex, self.sexes, f"sex in {self.name}")
        return float(self._of_year(year)[self.sexes.index(sex), ends].sum())

    def span(self, min_age: int, max_age: int | None) -> tuple[int, int]:
        """Return where ages begin and end; the open group at the end cannot be split."""
        whole(min_age, "min_age", low=0)
        if min_age > self.oldest:
            must = f"min_age must be {self.oldest} or less, where {self.name} ends with an open group"
            fail(must, f"it is {min_age}", "Give a table of older ages.")
        if max_age is None:
            return min_age, self.oldest + 1
        if whole(max_age, "max_age", low=min_age) >= self.oldest:
            must = f"max_age must be under {self.oldest}, where {self.name} ends with an open group"
            fail(must, f"it is {max_age}", "Leave it out, or give a table of older ages.")
        return min_age, max_age + 1

    def frame(self, years: Iterable[int] | None = None) -> "pd.DataFrame":
        """Return people by year, sex and single age.

        Parameters
        ----------
        years : sequence of int, default None
            None: those of the table.

        Returns
        -------
        DataFrame
            year, sex, age, people. The last age is open.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.population("Fiji").frame([2025]).shape
        (202, 4)
        >>> sp.Population({"year": [2020], "age": [0], "people": [7]}).frame().values.tolist()
        [[2020, 'both', 0, 7.0]]
        """
        import pandas as pd

        asked = [int(year) for year in (self.years if years is None else years)]
        made = self.single(asked)
        index = pd.MultiIndex.from_product([asked, self.sexes, range(made.shape[2])], names=["year", "sex", "age"])
        return pd.DataFrame({"people": made.ravel()}, index=index).reset_index()

    def __repr__(self) -> str:
        groups = f"{len(self.ages)} ages to {self.oldest}+"
        return f"Population of {self.name}: {self.years[0]} to {self.years[-1]}, {groups}, {', '.join(self.sexes)}"


def population(country: str, variant: str = "medium") -> Population:
    """Return a country's people by age and sex, 2020 to 2100, by the United Nations.

    Parameters
    ----------
    country : str
        Name, or ISO code of three letters.
    variant : {"medium"}, default "medium"
        For others, or annual figures, read a table of the United Nations and pass it to ``Population``.

    Returns
    -------
    Population
        Every tenth year and five-year ages are the United Nations', to 0.05 % of large groups; what is between is
        interpolated, and off by more (see ``Population``).

    Raises
    ------
    InputError
        If the country is not among the 187 that the package has.

    References
    ----------
    United Nations, Department of Economic and Social Affairs, Population Division (2024). World Population Prospects
    2024. Licence CC BY 3.0 IGO.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.population("Maldives")
    Population of Maldives: 2020 to 2100, 21 ages to 100+, Female, Male
    >>> sp.population("Camboda")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A country must be one that exists, but 'Camboda' does not. Did you mean 'Cambodia'? ...
    """
    if not isinstance(country, str):
        fail_type("A country must be text", country, "Write 'Cambodia', or 'KHM'.")
    choice(variant, ("medium",), "variant of the table in the package")
    told, counts = _shipped()
    place = {name: i for i, names in enumerate(told["locations"]) for name in names}
    mend = "Names are English, codes ISO's of three letters; or pass a table of your own to Population()."
    fail_if_unknown(country, place, "A country", mend)
    i = place[country]
    people = (counts[i] / FINEST) ** 2 * told["largest"][i]
    index = np.meshgrid(told["years"], np.arange(2), told["ages"], indexing="ij")
    year, sex, age = (axis.ravel() for axis in index)
    labels = np.array(told["sexes"], dtype=object)[sex]
    made = Population({"year": year, "sex": labels, "age": age, "people": people.ravel()}, name=told["locations"][i][1])
    made.source = SOURCE
    return made


# -- the table in the package ---------------------------------------------------------------------------------------


@cache
def _shipped() -> tuple[dict[str, Any], LongArray]:
    """Return what the table tells of itself, and its counts by location, year, sex and age, as square roots."""
    head, _, body = lzma.decompress(SHIPPED.read_bytes()).partition(b"\n")
    told = json.loads(head)
    shape = [len(told[axis]) for axis in ("years", "sexes", "ages", "locations")]
    low, high = np.frombuffer(body, dtype=np.uint8).reshape(2, -1).astype(np.int64)
    folded = low + 256 * high
    differences = np.moveaxis(np.where(folded % 2, -(folded // 2) - 1, folded // 2).reshape(shape), -1, 0)
    counts = np.zeros(differences.shape, dtype=np.int64)
    for t in range(shape[0]):
        for s in range(shape[1]):
            counts[:, t, s] = differences[:, t, s] + foreseen(counts, t, s)
    return told, counts


def foreseen(counts: LongArray, t: int, s: int) -> LongArray:
    """Return the counts that earlier years, and women before men, let one expect in a year: whole numbers alone.

    Survivors of who was two age groups younger ten years ago, at the rate of the ten years before; men at their own,
    as it moves for women. Where there is nothing before, nothing.
    """
    made = np.zeros_like(counts[:, t, s])
    if t == 0:
        return counts[:, 0, FEMALE].copy() if s == MALE else made
    some = np.maximum(counts, 1)
    women, younger = counts[:, t, FEMALE], counts[:, t - 1, s, :-2]
    made[:, :2] = counts[:, t - 1, s, :2]
    if s == MALE:
        made[:, :2] = women[:, :2] * made[:, :2] // some[:, t - 1, FEMALE, :2]
        made[:, 2:] = younger * women[:, 2:] // some[:, t - 1, FEMALE, :-2]
    else:
        made[:, 2:] = younger
    if t > 1:
        made[:, 2:] = younger * counts[:, t - 1, s, 2:] // some[:, t - 2, s, :-2]
        if s == MALE:
            made[:, 2:] = made[:, 2:] * women[:, 2:] // np.maximum(foreseen(counts, t, FEMALE)[:, 2:], 1)
    return made


# -- a table --------------------------------------------------------------------------------------------------------


def _of_variant(table: Table, variant: str | None) -> LongArray:
    """Return the rows of the variant that is asked for."""
    rows = np.arange(table.rows)
    if not table.rows:
        fail("A population must have rows", "the table is empty", "Pass one row for each year, sex and age.")
    if "variant" not in table:
        if variant is not None:
            fail(f"variant {variant!r} must be in the table", "it has no column 'variant'", "Leave variant out.")
        return rows
    _, codes, labels = table["variant"].categories()
    if variant is None and len(labels) == 1:
        variant = labels[0]
    if variant is None:
        fail("A variant must be chosen", f"the table has {', '.join(labels)}", f"Pass variant={labels[0]!r}.")
    fail_if_unknown(variant, labels, "A variant of the population")
    return np.flatnonzero(codes == labels.index(variant))


def _ages(column: Column) -> Column:
    """Return the first year of age groups that are written as text."""
    if not column.is_text:
        return column
    assert column.levels is not None
    found = [re.match(r"\s*(\d+)\s*(?:[-+\u2013].*)?$", level) for level in column.levels]
    wrong = [level for level, match in zip(column.levels, found, strict=True) if match is None]
    if wrong:
        fail("An age of the population must be a number, or such as '0-4' or '100+'", f"it is {wrong[0]!r}", "Mend it.")
    first = np.array([float(match.group(1)) for match in found if match])
    known = ~column.missing
    present = np.unique(column.values[known].astype(np.intp))
    for k, after in pairwise(present[np.argsort(first[present], kind="stable")]):
        ends = re.fullmatch(r"\s*\d+\s*[-\u2013]\s*(\d+)\s*", column.levels[k])
        if ends and first[after] not in (first[k], int(ends.group(1)) + 1):  # the same group, spelled otherwise
            fail(
                "Groups of age of the population must neither overlap nor leave a gap",
                f"{column.levels[k]!r} is followed by {column.levels[after]!r}",
                "Mend the table.",
            )
    values = np.full(len(column), np.nan)
    values[known] = first[column.values[known].astype(np.intp)]
    return Column(column.name, values)


def _whole_numbers(column: Column, what: str) -> LongArray:
    """Return a column of whole numbers."""
    values = column.numbers(f"{what} of the population")
    fail_if_any(
        ~((values >= 0) & (values == np.floor(values)) & (values < 10_000)),
        f"{what} of the population must be a whole number",
        "Mend these rows.",
        lambda i: f"row {i}: {values[i]:g}",
    )
    return values.astype(np.int64)


def _single_ages(table: FloatArray, ages: LongArray) -> FloatArray:
    """Return people by single age from age groups, of which each keeps its number."""
    oldest = int(ages[-1])
    if len(ages) == oldest + 1:
        return table
    from scipy.interpolate import PchipInterpolator

    below = np.concatenate([np.zeros((*table.shape[:2], 1)), np.cumsum(table, axis=2)[..., :-1]], axis=2)
    made = np.empty((*table.shape[:2], oldest + 1))
    made[..., -1] = table[..., -1]
    if len(ages) > 2:
        split = np.diff(PchipInterpolator(ages, below, axis=2)(np.arange(oldest + 1)), axis=2)
    else:  # one closed group: evenly
        split = np.repeat(table[..., :1] / oldest, oldest, axis=2)
    split = np.maximum(split, 0.0)
    start = ages[:-1]
    sums = np.add.reduceat(split, start, axis=2)
    scale = np.divide(table[..., :-1], sums, out=np.ones_like(sums), where=sums > 0)
    made[..., :-1] = split * np.repeat(scale, np.diff(ages), axis=2)  # rounding: each group keeps its number
    return made


def _between(first: FloatArray, last: FloatArray, share: float | FloatArray) -> FloatArray:
    """Return numbers between two, a share of the way on the logarithm; along a line where one of them is 0."""
    line = (1 - share) * first + share * last
    there = (first > 0) & (last > 0)
    return np.where(there, np.where(there, first, 1.0) ** (1 - share) * np.where(there, last, 1.0) ** share, line)
