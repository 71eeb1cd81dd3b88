"""Poverty and inequality of one distribution: plain arrays in, floats out.

Poor is strictly below the line. Weights are required: ``np.ones(n)`` says unweighted. Measures of welfare per person
weigh a household by its sampling weight times its members.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ._sweeps import ONE_PSU, Ordering, Swept
from ._typing import FloatArray
from ._validate import fail, fail_if_any, number, vector, weights as check_weights

Numbers = npt.ArrayLike
PALMA_SHARES = np.array([0.4, 0.9])


def mean(welfare: Numbers, weights: Numbers) -> float:
    """Weighted mean of welfare: sum w y / sum w.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency
    weights : array_like of shape (n,), 0 or more

    Returns
    -------
    float
        In the unit of ``welfare``.

    Raises
    ------
    InputError
        If a value is missing or a weight negative, or if all weights are 0.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.mean([1.0, 2.0, 6.0], [1, 1, 2])
    3.75
    >>> sp.mean([5.0], [0.1])
    5.0
    """
    y, w = _checked(welfare, weights)
    return float((w @ y) / w.sum())


def fgt(welfare: Numbers, weights: Numbers, line: float, alpha: float = 0) -> float:
    """Foster-Greer-Thorbecke measure: the weighted mean of ((line - y) / line)**alpha over the poor, 0 for others.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency
    weights : array_like of shape (n,), 0 or more
    line : float, the same currency, above 0
        Poor is strictly below it.
    alpha : float, default 0
        0 headcount, 1 poverty gap, 2 severity; 0 or more.

    Returns
    -------
    float
        For welfare of 0 or more, in [0, 1].

    Raises
    ------
    InputError
        If the line is 0 or below, ``alpha`` is negative, a value is missing or a weight negative.

    References
    ----------
    Foster, J., Greer, J. and Thorbecke, E. (1984). A class of decomposable poverty measures. Econometrica 52, 761-766.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.fgt([50, 100, 150], [1, 1, 2], line=100)
    0.25
    >>> sp.fgt([50, 100, 150], [1, 1, 2], line=100, alpha=1)
    0.125

    Nobody is poor at the line itself:

    >>> sp.fgt([100], [1], line=100)
    0.0
    """
    y, w = _checked(welfare, weights)
    z = number(line, "line", above=0)
    power = number(alpha, "alpha", low=0)
    poor = y < z
    return float((w[poor] @ ((z - y[poor]) / z) ** power) / w.sum())


def gini(welfare: Numbers, weights: Numbers) -> float:
    """Gini coefficient: sum w y (2 F - w) / (W sum w y) - 1, with F the cumulative weight up to and with each row.

    The weights are sampling weights: multiplying all of them by a number changes nothing. This is Eurostat's and R
    laeken's value; R convey's differs in the fourth digit or so, because it reads weights as numbers of copies.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, 0 or more
    weights : array_like of shape (n,), 0 or more

    Returns
    -------
    float
        In [0, 1).

    Raises
    ------
    InputError
        If welfare is negative somewhere or 0 everywhere: the coefficient then has no bounds, or no value.

    References
    ----------
    Langel, M. and Tille, Y. (2013). Variance estimation of the Gini index: revisiting a result several times published.
    Journal of the Royal Statistical Society A 176, 521-540.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> round(sp.gini([1, 2, 3], [1, 1, 1]), 6)
    0.222222

    All equal:

    >>> sp.gini([4, 4], [1, 3])
    0.0
    """
    return float(_swept(welfare, weights, "The Gini coefficient", np.empty(0)).gini[0])


def palma(welfare: Numbers, weights: Numbers) -> float:
    """Palma ratio: the share of the richest 10 % in all welfare over the share of the poorest 40 %.

    The weight of the household at either boundary is split, so that the shares are of exactly 10 and 40 % of people.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, 0 or more
    weights : array_like of shape (n,), 0 or more

    Returns
    -------
    float
        0.25 where all are equal.

    Raises
    ------
    InputError
        If welfare is negative somewhere, or 0 for all of the poorest 40 %.

    References
    ----------
    Cobham, A. and Sumner, A. (2013). Is it all about the tails? The Palma measure of income inequality. CGD WP 343.

    Examples
    --------
    >>> import numpy as np, sp2lnob as sp
    >>> round(sp.palma([1, 1, 1, 1, 2, 2, 2, 2, 2, 10], np.ones(10)), 6)
    2.5
    >>> round(sp.palma([3, 3], [1, 1]), 6)
    0.25
    """
    lorenz = _swept(welfare, weights, "The Palma ratio", PALMA_SHARES).lorenz[:, 0]
    if not lorenz[0] > 0:
        fail(
            "The poorest 40 % must have welfare above 0 for a Palma ratio",
            "theirs is 0",
            "Report the Gini coefficient instead.",
        )
    return float((1 - lorenz[1]) / lorenz[0])


def quantile(welfare: Numbers, weights: Numbers, q: float) -> float:
    """Weighted quantile: the smallest value at which the cumulative share of weight reaches ``q``.

    The bottom-40 threshold is ``quantile(welfare, weights, 0.4)``; the bottom 40 are those at it or below.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency
    weights : array_like of shape (n,), 0 or more
    q : float in (0, 1)

    Returns
    -------
    float
        One of the values, never a mean of two.

    Raises
    ------
    InputError
        If ``q`` is not in (0, 1), a value is missing or a weight negative.

    References
    ----------
    Hyndman, R. J. and Fan, Y. (1996). Sample quantiles in statistical packages. American Statistician 50, type 1.

    Examples
    --------
    >>> import numpy as np, sp2lnob as sp
    >>> sp.quantile([10, 20, 30, 40, 50], np.ones(5), 0.4)
    20.0
    >>> sp.quantile([10, 20], [1, 99], 0.4)
    20.0
    """
    y, w = _checked(welfare, weights)
    share = number(q, "q", above=0)
    if share >= 1:
        fail("q must be below 1", f"it is {share:g}", "Take the largest value for q = 1.")
    return float(_sweep(y, w, np.array([share])).quantiles[0, 0])


def _checked(welfare: Numbers, weights: Numbers) -> tuple[FloatArray, FloatArray]:
    y = vector(welfare, "welfare value")
    return y, check_weights(weights, len(y))


def _sweep(y: FloatArray, w: FloatArray, shares: FloatArray) -> Swept:
    return Ordering.of(y, w, np.zeros(len(y), dtype=np.int32)).evaluate(ONE_PSU, shares)


def _swept(welfare: Numbers, weights: Numbers, what: str, shares: FloatArray) -> Swept:
    y, w = _checked(welfare, weights)
    check_not_negative(y, what)
    if not (w @ y) > 0:
        fail(f"{what} needs welfare above 0 somewhere", "all of it is 0", "Check the welfare column.")
    return _sweep(y, w, shares)


def check_not_negative(welfare: FloatArray, what: str, show: Callable[[int], str] = "row {}".format) -> None:
    """Raise if welfare is negative somewhere: inequality measures are then undefined."""
    fail_if_any(
        welfare < 0,
        f"{what} needs welfare of 0 or more in every row",
        "Set such values to 0 or drop the rows, knowingly, before the call.",
        lambda i: f"{show(i)}: {welfare[i]:g}",
    )
