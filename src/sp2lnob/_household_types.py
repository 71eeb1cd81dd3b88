"""Types of household, by who lives together: the eight that ESCAP's SPOT Simulator shows.

A child is under 18, of working age from 18 to 59, older from 60. SPOT defines three and skipped generations in words;
the other rules are our reading of their names. One person alone comes first, then generations, couples, and single
caregivers: each household is of the first of these that fits.
"""

import re

import numpy as np

from ._typing import BoolArray, CodeArray, FloatArray

TYPES = (
    "Couple with children",
    "Couple without children",
    "Single parent or caregiver",
    "One person 60+",
    "One person 18-59",
    "Three generations",
    "Skipped generation",
    "Other",
)
CHILD, OLDER = 18, 60  # years: below the first, from the second

SPOUSES = ("spouse", "wife", "husband", "partner")
ANOTHERS = re.compile(r"['\u2019]s\b|\bof\b(?!.*\bhead\b)")  # "Wife's mother", "Spouse of son"


def is_spouse(label: str) -> bool:
    """Return whether the label of a relation names the head's spouse.

    Examples
    --------
    >>> is_spouse("Wife or husband"), is_spouse("Spouse of the head")
    (True, True)
    >>> is_spouse("Spouse of son"), is_spouse("Wife's mother")
    (False, False)
    """
    words = label.strip().casefold()
    return words.startswith(SPOUSES) and not ANOTHERS.search(words)


def household_types(age: FloatArray, partner: BoolArray, first_person: CodeArray) -> FloatArray:
    """Return the position in ``TYPES`` of every household; NaN where an age is unknown.

    Parameters
    ----------
    age : ndarray of shape (persons,), completed years
    partner : ndarray of shape (persons,)
        Whether a person is the head of the household or the head's spouse.
    first_person : ndarray of shape (households + 1,)
        First person of every household; the persons of a household follow each other.

    Examples
    --------
    >>> age, partner = np.array([30.0, 31.0, 4.0, 70.0, 6.0]), np.array([True, True, False, True, False])
    >>> [TYPES[int(k)] for k in household_types(age, partner, np.array([0, 3, 5], dtype=np.int32))]
    ['Couple with children', 'Skipped generation']
    >>> household_types(np.array([np.nan]), np.array([True]), np.array([0, 1], dtype=np.int32))
    array([nan])
    """

    def count(who: BoolArray) -> FloatArray:
        return np.add.reduceat(who.astype(np.float64), first_person[:-1])

    child, older = age < CHILD, age >= OLDER
    children, elders, people = count(child), count(older), count(np.ones(len(age), dtype=np.bool_))
    working = count(~child & ~older)
    couple = count(partner) == 2
    others, other_children = count(~partner), count(~partner & child)
    fits = {
        "One person 60+": (people == 1) & (elders == 1),
        "One person 18-59": (people == 1) & (working == 1),
        "Three generations": (children > 0) & (working > 0) & (elders > 0),
        "Skipped generation": (children > 0) & (working == 0) & (elders > 0),
        "Couple without children": couple & (others == 0),
        "Couple with children": couple & (others == other_children),
        "Single parent or caregiver": (working == 1) & (elders == 0) & (children > 0),
    }
    codes = [float(TYPES.index(name)) for name in fits]
    result = np.select(list(fits.values()), codes, default=float(TYPES.index("Other")))
    result[count(np.isnan(age)) > 0] = np.nan
    return np.asarray(result)
