"""Folds of PSUs for cross-validation: what is learned from some PSUs is tried on others, never on their neighbors."""

import numpy as np

from ._kernels import _random
from ._typing import CodeArray, FloatArray
from ._validate import fail
from .design import Design

FOLDS, REPEATS = 10, 10
FOLD = 5  # purpose of random numbers, as in _kernels/_random.pxd


def folds_of(design: Design, repeat: int = 0, *, folds: int = FOLDS, seed: int = 1) -> CodeArray:
    """Deal the PSUs of a design into folds, stratum by stratum, as cards are dealt: return the fold of each.

    A pure function of the seed, the repeat and the PSU's number. Every fold has its share of every stratum that has as
    many PSUs as there are folds; smaller strata are shuffled together, or some fold would lack most of them. Where
    there are fewer PSUs than folds, each is a fold of its own.

    Raises
    ------
    InputError
        If there is one PSU alone: nothing is left to learn from.

    Examples
    --------
    >>> design = Design(np.arange(6), np.array([0, 4, 6]), ("a", "b"), tuple("uvwxyz"), np.zeros(2), None, "error")
    >>> np.bincount(folds_of(design, folds=3)).tolist()
    [2, 2, 2]
    >>> sorted(folds_of(design, folds=10).tolist())
    [0, 1, 2, 3, 4, 5]
    """
    return deal(design.psus_by_stratum, repeat, folds=folds, seed=seed)


def deal(psus_by_stratum: CodeArray, repeat: int = 0, *, folds: int = FOLDS, seed: int = 1) -> CodeArray:
    """Deal PSUs, numbered by stratum, into folds: return the fold of each.

    Examples
    --------
    >>> np.bincount(deal(np.array([4, 2]), folds=3)).tolist()
    [2, 2, 2]
    """
    size = psus_by_stratum
    psus = int(size.sum())
    if psus < 2:
        fail("Cross-validation needs two PSUs or more", f"there are {psus}", "Pass psu= and strata= to the survey.")
    folds = min(folds, psus)
    drawn: FloatArray = np.empty(psus)
    _random.uniforms(seed, np.arange(psus, dtype=np.uint64), repeat, FOLD, drawn)
    pool = np.repeat(np.where(size < folds, -1, np.arange(len(size))), size)
    fold = np.empty(psus, dtype=np.int32)
    fold[np.lexsort((drawn, pool))] = np.arange(psus) % folds
    return fold
