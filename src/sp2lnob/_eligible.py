"""Who is eligible: what schemes ask of persons, as bytes and bits. Targets, errors and draws come after it."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from ._columns import Column, taken
from ._expressions import parse
from ._kernels import _payments
from ._typing import BitArray, BoolArray, CountArray, FloatArray
from ._validate import fail, fail_if_any
from .schemes import Scheme
from .survey import Survey

OLDEST = 254  # the last code of age; 255 is unknown
UNKNOWN = 255
ALL = (1 << 64) - 1
DISABLED, BORN, DRAWS, DRAWS_NONE, SEX = 1, 2, 4, 8, 4  # bits of the byte of traits, and where those of sex begin
MOST_SEXES = 15


def eligible(survey: Survey, schemes: Sequence[Scheme]) -> BitArray:
    """Return the schemes that every person is eligible for, as bits: by age, traits and conditions."""
    bits = np.empty(survey.n_persons, dtype=np.uint64)
    age, age_admits = ages(survey, schemes)
    trait, trait_admits = traits(survey, schemes)
    _payments.admit(age, trait, age_admits, trait_admits, bits)
    if any(scheme.who is not None for scheme in schemes):
        chosen = np.full(survey.n_persons, bits_of(scheme.who is None for scheme in schemes), dtype=np.uint64)
        for s, scheme in enumerate(schemes):
            if scheme.who is not None:
                holds = parse(scheme.who, f"who of scheme {scheme.name!r}").mask(survey.person_column)
                chosen |= holds.astype(np.uint64) << np.uint64(s)
        bits &= chosen
    return bits


def bits_of(holds: Iterable[bool]) -> int:
    """Return a set of schemes as a word: bit s is set where the s-th holds."""
    return sum(int(yes) << s for s, yes in enumerate(holds))


def age_limits(scheme: Scheme) -> tuple[int | None, int | None]:
    """Return the least and the greatest age of the eligible: those of the scheme, within the bands of its amounts."""
    low, high = scheme.min_age, scheme.max_age
    if scheme.schedule.by == "age":
        first, last = scheme.schedule.bands[0][0], scheme.schedule.bands[-1][1]
        low = first if low is None else low if first is None else max(low, first)
        high = last if high is None else high if last is None else min(high, last)
    return low, high


def ages(survey: Survey, schemes: Sequence[Scheme]) -> tuple[CountArray, BitArray]:
    """Return each person's age as a byte, and the schemes that every age admits to."""
    limits = [age_limits(scheme) for scheme in schemes]
    asks = [scheme.schedule.by == "age" or of != (None, None) for scheme, of in zip(schemes, limits, strict=True)]
    admits = np.full(256, (1 << len(schemes)) - 1, dtype=np.uint64)
    if not any(asks):
        return _nothing(survey), admits
    years = np.arange(256)
    for s, (low, high) in enumerate(limits):
        if asks[s]:
            inside = (years >= (low or 0)) & (years <= (OLDEST if high is None else high)) & (years != UNKNOWN)
            admits[~inside] &= np.uint64(ALL ^ (1 << s))
    return age_codes(survey), admits


def age_codes(survey: Survey) -> CountArray:
    """Return completed years as a byte, or UNKNOWN."""
    codes: CountArray = _coded(survey, "age", _age)
    return codes


def traits(survey: Survey, schemes: Sequence[Scheme]) -> tuple[CountArray, BitArray]:
    """Return sex, disability, a recent birth and a pension as one byte, and the schemes that every byte admits to."""
    parts: dict[str, CountArray] = {}
    admits = np.full(256, (1 << len(schemes)) - 1, dtype=np.uint64)
    byte = np.arange(256)

    def ask(wanted: Iterable[bool], bit: int) -> None:
        admits[byte & bit == 0] &= np.uint64(ALL ^ bits_of(wanted))

    if any(scheme.disability for scheme in schemes):
        parts["disability"] = _coded(survey, "disability", _disability)
        ask((scheme.disability for scheme in schemes), DISABLED)
    if any(scheme.birth for scheme in schemes):
        parts["birth"] = _coded(survey, "birth", _birth)
        ask((scheme.birth for scheme in schemes), BORN)
    if tested := [scheme.name for scheme in schemes if scheme.pension is not None]:
        if survey.roles.get("pension") is None:
            fail(
                f"The pension test of scheme {tested[0]!r} needs the role 'pension'",
                "the survey does not name its column",
                "Pass roles={'pension': <column>}, or drop pension=.",
            )
        parts["pension"] = _coded(survey, "pension", _pension)
        ask((scheme.pension is True for scheme in schemes), DRAWS)
        ask((scheme.pension is False for scheme in schemes), DRAWS_NONE)
    if any(scheme.sex is not None for scheme in schemes):
        column, present, labels, parts["sex"] = _coded(survey, "sex", _sex)
        for s, scheme in enumerate(schemes):
            if scheme.sex is None:
                continue
            wanted = [
                k
                for k, (value, label) in enumerate(zip(present, labels, strict=True))
                if scheme.sex == (label if isinstance(scheme.sex, str) else None if column.is_text else value)
            ]
            if not wanted:
                fail(
                    f"sex of scheme {scheme.name!r} must be a level of {column.name!r}",
                    f"{scheme.sex!r} is none of {', '.join(labels)}",
                    "Use one of these, or the code.",
                )
            admits[byte >> SEX != wanted[0] + 1] &= np.uint64(ALL ^ (1 << s))
    if not parts:
        return _nothing(survey), admits
    if len(parts) == 1:
        return next(iter(parts.values())), admits
    joined: CountArray = _coded(survey, " and ".join(parts), lambda _: reduce(np.bitwise_or, parts.values()))
    return joined, admits


def _nothing(survey: Survey) -> CountArray:
    """Return a byte of 0 for every person, where nothing is asked."""
    zeros: CountArray = _coded(survey, "", lambda survey: np.zeros(survey.n_persons, dtype=np.uint8))
    return zeros


def _coded(survey: Survey, role: str, code: Callable[[Survey], Any]) -> Any:
    """Return what a role says of every person as bytes, checked and made once for a survey."""
    if role not in survey.role_codes:
        survey.role_codes.setdefault(role, code(survey))  # of two threads at once, the first one's is kept
    return survey.role_codes[role]


def _age(survey: Survey) -> CountArray:
    """Return completed years, or UNKNOWN."""
    column = survey.role("age")
    values = column.numbers(f"The age {column.name!r}")
    if len(values) and values.min() >= 0 and values.max() <= 150:  # the usual case, without a mask; NaN is neither
        return np.asarray(values, dtype=np.uint8)
    _refuse_missing(survey, column.missing, f"age {column.name!r}")
    fail_if_any(
        (values < 0) | (values > 150),
        f"Every age {column.name!r} must be 0 to 150 years",
        "Mend codes such as 999.",
        lambda i: f"{survey.show_person(i)}: {values[i]:g}",
    )
    return np.where(column.missing, UNKNOWN, values).astype(np.uint8)


def _disability(survey: Survey) -> CountArray:
    """Return 1 for persons with a disability."""
    column = survey.role("disability")
    values = column.numbers(f"Disability {column.name!r}")
    disabled = values == 1
    wrong = ~(disabled | (values == 0))
    if wrong.any():
        _refuse_missing(survey, column.missing, f"disability {column.name!r}")
        fail_if_any(
            wrong & ~column.missing,
            f"Disability {column.name!r} must be 0 or 1",
            "Recode it, or derive a column of 0 and 1.",
            lambda i: f"{survey.show_person(i)}: {column.label(values[i])}",
        )
    return np.asarray(disabled, dtype=np.uint8)


def _birth(survey: Survey) -> CountArray:
    """Return 2 for those with a birth; it is missing where nobody asked: men, children, older women."""
    column = survey.role("birth")
    return (column.numbers(f"The births {column.name!r}") >= 1).astype(np.uint8) * np.uint8(BORN)


def _pension(survey: Survey) -> CountArray:
    """Return whether a person draws a pension, draws none, or it is unknown."""
    column = survey.role("pension")
    values = column.numbers(f"The pension {column.name!r}")
    draws, draws_none = values == 1, values == 0
    if not (draws | draws_none).all():
        _refuse_missing(survey, column.missing, f"pension {column.name!r}")
        fail_if_any(
            ~(draws | draws_none | column.missing),
            f"The pension {column.name!r} must be 0 or 1",
            "Recode it, or derive a column of 0 and 1.",
            lambda i: f"{survey.show_person(i)}: {column.label(values[i])}",
        )
    codes: CountArray = draws.astype(np.uint8) * np.uint8(DRAWS) + draws_none.astype(np.uint8) * np.uint8(DRAWS_NONE)
    return codes


def _sex(survey: Survey) -> tuple[Column, FloatArray, tuple[str, ...], CountArray]:
    """Return the column, its values and their labels, and each person's position among them plus 1, shifted."""
    column = survey.role("sex")
    _refuse_missing(survey, column.missing, f"sex {column.name!r}")
    present, codes, labels = column.categories()
    if len(present) > MOST_SEXES:
        fail(f"Sex {column.name!r} must have few levels", f"it has {len(present)}", "Name the right column.")
    byte = np.append(np.arange(1, len(present) + 1, dtype=np.uint8) << SEX, 0).astype(np.uint8)  # the last: unknown
    return column, present, labels, taken(byte, codes)


def _refuse_missing(survey: Survey, missing: BoolArray, what: str) -> None:
    """Raise where a role that a scheme needs is missing, unless such rows are to be dropped: they are not eligible."""
    if survey.missing == "error":
        fail_if_any(
            missing,
            f"The {what} must be known for every person",
            "Mend these rows, or pass missing='drop': they are then not eligible.",
            survey.show_person,
        )
