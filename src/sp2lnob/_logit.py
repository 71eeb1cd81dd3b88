"""Weighted logit on cells, with a main effect of every circumstance, of many replicates at once."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from ._kernels import _logit
from ._parallel import LANES
from ._typing import BoolArray, CodeArray, FloatArray
from ._validate import fail

MOST_STEPS = 60  # Newton's; five or six do, unless rates run off to 0 or 1
MOST_PARAMETERS = 500
EDGE = 30.0  # as in _kernels/_logit.pyx
DEPENDENT = 1e-9  # as in _kernels/_logit.pyx
CONVERGED, SEPARATED = 1, 2


@dataclass(frozen=True, eq=False)
class Fitted:
    """Logits of replicates.

    Attributes
    ----------
    coefficients : ndarray of shape (parameters, replicates)
        Log odds: of the base levels, and what every other level adds. One that a replicate cannot tell stays where it
        started; one without end is 30 from the others, or more where it must outweigh another without end. Rates of
        cells are those of their coefficients, wherever these started.
    rate : ndarray of shape (cells, replicates)
        Fitted, at least 1e-13 away from 0 and 1; that of cells without weight as well.
    separated : ndarray of shape (replicates,), bool
        Whether rates of 0 or 1 are fitted where there is weight: the likelihood has no greatest value, and rates are
        its limit.
    converged : ndarray of shape (replicates,), bool
    """

    coefficients: FloatArray
    rate: FloatArray
    separated: BoolArray
    converged: BoolArray


@dataclass(frozen=True, eq=False)
class MainEffects:
    """A logit on cells: an intercept, and a coefficient for every level of every circumstance but its first.

    Attributes
    ----------
    codes : ndarray of shape (cells, circumstances), int32
        Level of each circumstance in every cell.
    levels : tuple of int
        Number of levels of each circumstance.

    Raises
    ------
    InputError
        If there are more than 500 parameters.

    Examples
    --------
    >>> logit = MainEffects(np.array([[0], [1]], dtype=np.int32), (2,))
    >>> sums = np.repeat([[[4.0], [1.0]], [[2.0], [1.0]]], 8, axis=2)  # weight, and weight with access
    >>> logit.fit(sums).rate[:, 0].round(9).tolist()
    [0.25, 0.5]

    All have access in the second cell:

    >>> sums[1, 1] = 2.0
    >>> fitted = logit.fit(sums)
    >>> fitted.rate[:, 0].round(9).tolist(), bool(fitted.separated[0])
    ([0.25, 1.0], True)
    """

    codes: CodeArray
    levels: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.parameters > MOST_PARAMETERS:
            fail(
                f"A logit must have at most {MOST_PARAMETERS} parameters",
                f"levels of {len(self.levels)} circumstances make {self.parameters:,}",
                "Group levels with derive=, or leave out the circumstance that has most.",
            )

    @property
    def parameters(self) -> int:
        """Number of coefficients."""
        return 1 + sum(self.levels) - len(self.levels)

    @cached_property
    def _first(self) -> CodeArray:
        """The parameter of the first level of each circumstance that has one, and the number of parameters."""
        return np.array([*accumulate((count - 1 for count in self.levels), initial=1)], dtype=np.int32)

    @cached_property
    def active(self) -> CodeArray:
        """Parameters that count in each cell, (cells, circumstances + 1); those of base levels follow all others."""
        out = np.zeros((len(self.codes), len(self.levels) + 1), dtype=np.int32)
        base = self.parameters + np.arange(len(self.levels))
        out[:, 1:] = np.where(self.codes > 0, self.codes + (self._first[:-1] - 1), base)
        return out

    @cached_property
    def _walk(self) -> tuple[CodeArray, CodeArray, CodeArray, CodeArray]:
        """Cells in the order in which the kernel walks them, the circumstance with most levels changing fastest."""
        columns = np.array(sorted(range(len(self.levels)), key=self.levels.__getitem__), dtype=np.int32)
        codes = np.ascontiguousarray(self.codes)
        place = np.arange(len(codes), dtype=np.int32)
        parameter, fresh = np.empty_like(codes), np.empty(len(codes) + 1, dtype=np.int32)
        base = np.empty(self.parameters, dtype=np.int32)
        if not _logit.walk(codes, columns, self._first, parameter, fresh, base):
            place = np.lexsort(codes.T[columns[::-1]]).astype(np.int32)
            _logit.walk(codes[place], columns, self._first, parameter, fresh, base)
        return place, parameter, fresh, base

    def fit(self, sums: FloatArray, start: FloatArray | None = None, steps: int = MOST_STEPS) -> Fitted:
        """Fit the logit of every replicate.

        Parameters
        ----------
        sums : ndarray of shape (cells, k, replicates)
            Weight and weighted outcome first, k of 2 or more; replicates fill whole groups of lanes.
        start : ndarray of shape (parameters,), default None
            Coefficients to start at, such as those of the full sample; None: zeros.
        steps : int
            Newton steps at most. A replicate that has converged takes no more.
        """
        place, parameter, fresh, base = self._walk
        p, circumstances, replicates = self.parameters, len(self.levels), sums.shape[2]
        coefficients, rate = np.empty((p, replicates)), np.empty((len(self.codes), replicates))
        state = np.empty(replicates, dtype=np.uint8)
        _logit.fit(
            sums,
            place,
            parameter,
            fresh,
            base,
            np.zeros(p) if start is None else np.ascontiguousarray(start, dtype=np.float64),
            steps,
            np.empty((len(self.codes), 3, LANES)),
            np.empty((circumstances + 1, 3, LANES)),
            np.empty((p + circumstances, p + circumstances, LANES)),
            np.empty((6, p + circumstances, LANES)),
            coefficients,
            rate,
            state,
        )
        return Fitted(coefficients, rate, (state & SEPARATED) > 0, (state & CONVERGED) > 0)

    def information(self, weight: FloatArray, rate: FloatArray) -> FloatArray:
        """Return sum_g W_g p_g (1 - p_g) x_g x_g' of one sample, (parameters, parameters), not divided by weight."""
        size = self.parameters + len(self.levels)
        known = weight * rate * (1 - rate)
        pairs = self.active[:, :, None].astype(np.int64) * size + self.active[:, None, :]
        each = np.broadcast_to(known[:, None, None], pairs.shape)
        added = np.bincount(pairs.ravel(), each.ravel(), size * size).reshape(size, size)
        return np.asarray(added[: self.parameters, : self.parameters], dtype=np.float64)

    def add_up(self, values: FloatArray) -> FloatArray:
        """Return sum_g x_g values_g of shape (parameters, k) for values of shape (cells, k)."""
        size = self.parameters + len(self.levels)
        out = np.zeros((size, values.shape[1]))
        for column in self.active.T:
            for k in range(values.shape[1]):
                out[:, k] += np.bincount(column, values[:, k], size)
        return out[: self.parameters]

    def product(self, coefficients: FloatArray) -> FloatArray:
        """Return x_g' b of every cell, (cells, k), for b of shape (parameters, k)."""
        padded = np.vstack([coefficients, np.zeros((len(self.levels), coefficients.shape[1]))])
        made = padded[self.active[:, 0]]
        for column in self.active.T[1:]:
            made = made + padded[column]
        return made

    def quadratic(self, variance: FloatArray) -> FloatArray:
        """Return x_g' V x_g of every cell."""
        p = self.parameters
        padded = np.zeros((p + len(self.levels), p + len(self.levels)))
        padded[:p, :p] = variance
        made = np.zeros(len(self.codes))
        for a in self.active.T:
            for b in self.active.T:
                made += padded[a, b]
        return made


def rates_of(predictor: FloatArray) -> FloatArray:
    """Return 1 / (1 + e^-x) of predictors (cells, replicates), replicates in whole groups of lanes.

    Examples
    --------
    >>> rates_of(np.array([[0.0] * 8, [-1000.0] * 8]))[:, 0].round(12).tolist()
    [0.5, 0.0]
    """
    power = np.ascontiguousarray(np.clip(-predictor, -EDGE, EDGE))
    _logit.exponentials(power.reshape(-1, LANES), power.reshape(-1, LANES))
    return np.asarray(1 / (1 + power))


def inverse_of(information: FloatArray) -> FloatArray:
    """Return the inverse; rows and columns that those before them determine are 0, as their coefficients are.

    Examples
    --------
    >>> inverse_of(np.array([[4.0, 0.0], [0.0, 2.0]])).tolist()
    [[0.25, 0.0], [0.0, 0.5]]
    >>> inverse_of(np.array([[4.0, 4.0], [4.0, 4.0]])).tolist()
    [[0.25, 0.0], [0.0, 0.0]]
    """
    left = information.copy()
    kept = np.zeros(len(left), dtype=np.bool_)
    for j in range(len(left)):
        if left[j, j] > DEPENDENT * information[j, j]:
            kept[j] = True
            left[j + 1 :, j + 1 :] -= np.outer(left[j + 1 :, j], left[j, j + 1 :]) / left[j, j]
    made = np.zeros_like(information)
    made[np.ix_(kept, kept)] = np.linalg.inv(information[np.ix_(kept, kept)])
    return made
