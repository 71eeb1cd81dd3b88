"""Poverty and inequality of one distribution: plain arrays in, floats out.

Poor is strictly below the line. Weights are required: ``np.ones(n)`` says unweighted. Measures of welfare per person
weigh a household by its sampling weight times its members.
"""

from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from ._sweeps import ALONE, Ordering, Swept, step_ratio
from ._typing import BoolArray, FloatArray
from ._validate import choice, fail, fail_if_any, number, vector, weights as check_weights

Numbers = npt.ArrayLike
NEAR = 0.01  # of the powers 0 and 1, where entropy is a limit
PALMA_SHARES = (0.4, 0.9)
RULES = ("interpolated", "step")  # what is done with the household at the boundary of a share
QUINTILE_SHARES = (0.2, 0.8)


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
    exponent = _exponent(y)
    return float(np.ldexp((w @ np.ldexp(y, -exponent)) / w.sum(), exponent))


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


def watts(welfare: Numbers, weights: Numbers, line: float) -> float:
    """Watts index: the weighted mean of ln(line / y) over the poor, 0 for others.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, above 0 for the poor
    weights : array_like of shape (n,), 0 or more
    line : float, the same currency, above 0
        Poor is strictly below it.

    Returns
    -------
    float
        0 or more.

    Raises
    ------
    InputError
        If a poor row's welfare is 0 or below: its logarithm has no value.

    References
    ----------
    Zheng, B. (1993). An axiomatic characterization of the Watts poverty index. Economics Letters 42, 81-86.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> round(sp.watts([50, 100, 150], [1, 1, 2], line=100), 6)
    0.173287
    >>> sp.watts([100], [1], line=100)
    0.0
    """
    y, w = _checked(welfare, weights)
    z = number(line, "line", above=0)
    poor = y < z
    check_positive(y, poor, "The Watts index needs welfare above 0 for all who are poor")
    return float((w[poor] @ np.log(z / y[poor])) / w.sum())


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


def palma(welfare: Numbers, weights: Numbers, *, rule: str = "interpolated") -> float:
    """Palma ratio: the share of the richest 10 % in all welfare over the share of the poorest 40 %.

    The weight of the household at either boundary is split, so that the shares are of exactly 10 and 40 % of people.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, 0 or more
    weights : array_like of shape (n,), 0 or more
    rule : {"interpolated", "step"}, default "interpolated"
        "step": no weight is split, as the SPOT Simulator does. With P and L the shares of people and of welfare up to a
        row, it is 1 - L at the first P of 0.9 or more over L at the last P of 0.4 or less: less than 10 and 40 % of
        people, by up to a household's weight. Rows that have the same welfare keep their order.

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

    Of four equal households nobody but the richest is above 0.9, and one is below 0.4:

    >>> sp.palma([1, 2, 3, 4], np.ones(4), rule="step")
    0.0
    """
    return _share_ratio(welfare, weights, "The Palma ratio", PALMA_SHARES, rule)


def quintile_ratio(welfare: Numbers, weights: Numbers, *, rule: str = "interpolated") -> float:
    """Quintile ratio, S80/S20: the share of the richest 20 % in all welfare over the share of the poorest 20 %.

    The weight of the household at either boundary is split, so that the shares are of exactly 20 % of people. Eurostat
    and R laeken count the boundary household whole: theirs differs in the fourth digit or so.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, 0 or more
    weights : array_like of shape (n,), 0 or more
    rule : {"interpolated", "step"}, default "interpolated"
        "step": as in ``palma``, with the first P of 0.8 or more and the last of 0.2 or less.

    Returns
    -------
    float
        1 where all are equal.

    Raises
    ------
    InputError
        If welfare is negative somewhere, or 0 for all of the poorest 20 %.

    References
    ----------
    Langel, M. and Tille, Y. (2011). Statistical inference for the quintile share ratio. Journal of Statistical Planning
    and Inference 141, 2976-2985.

    Examples
    --------
    >>> import numpy as np, sp2lnob as sp
    >>> round(sp.quintile_ratio([1, 2, 3, 4, 10], np.ones(5)), 6)
    10.0
    >>> round(sp.quintile_ratio([3, 3], [1, 1]), 6)
    1.0
    """
    return _share_ratio(welfare, weights, "The quintile ratio", QUINTILE_SHARES, rule)


def lorenz(welfare: Numbers, weights: Numbers, points: Numbers) -> FloatArray:
    """Lorenz curve: the share of all welfare held by the poorest share ``p`` of people.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, 0 or more
    weights : array_like of shape (n,), 0 or more
    points : array_like of shape (k,), in [0, 1]
        Shares of people; the weight of the household at the boundary is split.

    Returns
    -------
    ndarray of shape (k,)
        In [0, 1].

    Raises
    ------
    InputError
        If welfare is negative somewhere or 0 everywhere, or a point is outside [0, 1].

    References
    ----------
    Gastwirth, J. L. (1971). A general definition of the Lorenz curve. Econometrica 39, 1037-1039.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.lorenz([1, 3], [1, 1], [0, 0.25, 0.5, 1]).round(6)
    array([0.   , 0.125, 0.25 , 1.   ])

    All equal, it is the diagonal:

    >>> sp.lorenz([2, 2], [1, 9], [0.3, 0.6]).round(6)
    array([0.3, 0.6])
    """
    p = vector(points, "point")
    fail_if_any((p < 0) | (p > 1), "Every point must be in [0, 1]", "Give shares of people.", lambda i: f"{p[i]:g}")
    inner = np.flatnonzero((p > 0) & (p < 1))
    result = p.copy()
    result[inner] = _swept(welfare, weights, "The Lorenz curve", p[inner]).lorenz[:, 0]
    return result


def atkinson(welfare: Numbers, weights: Numbers, epsilon: float = 1.0) -> float:
    """Atkinson index: 1 minus the equally distributed equivalent over the mean.

    With m the weighted mean: 1 - (mean of (y / m)**(1 - epsilon))**(1 / (1 - epsilon)); for epsilon = 1 it is 1 minus
    the geometric mean over m.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, 0 or more
    weights : array_like of shape (n,), 0 or more
    epsilon : float, 0 or more, default 1.0
        Aversion to inequality.

    Returns
    -------
    float
        In [0, 1).

    Raises
    ------
    InputError
        If welfare is negative somewhere, or 0 where ``epsilon`` is 1 or more: the index is then 1, whatever the others
        have.

    References
    ----------
    Atkinson, A. B. (1970). On the measurement of inequality. Journal of Economic Theory 2, 244-263.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> round(sp.atkinson([1, 4], [1, 1]), 6)
    0.2
    >>> sp.atkinson([4, 4], [1, 3], epsilon=2)
    0.0
    """
    y, w = _checked(welfare, weights)
    power = number(epsilon, "epsilon", low=0)
    check_defined(y, "The Atkinson index", positive=power >= 1)
    return float(atkinson_of(_power_totals(y, w, 1 - power), power)[0])


def generalized_entropy(welfare: Numbers, weights: Numbers, alpha: float = 1.0) -> float:
    """Generalized entropy: 0 the mean logarithmic deviation, 1 Theil's index, 2 half the squared variation coefficient.

    With m the weighted mean: (mean of (y / m)**alpha - 1) / (alpha (alpha - 1)), and its limits for alpha 0 and 1.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency, 0 or more
    weights : array_like of shape (n,), 0 or more
    alpha : float, default 1.0
        Weight of differences at the top; negative values weigh those at the bottom.

    Returns
    -------
    float
        0 or more.

    Raises
    ------
    InputError
        If welfare is negative somewhere, or 0 where ``alpha`` is 0 or below.

    References
    ----------
    Cowell, F. A. (2011). Measuring Inequality, 3rd ed. Oxford University Press, chapter 3.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> round(sp.generalized_entropy([1, 3], [1, 1], alpha=2), 6)
    0.125
    >>> sp.generalized_entropy([4, 4], [1, 3], alpha=0)
    0.0
    """
    y, w = _checked(welfare, weights)
    power = number(alpha, "alpha")
    check_defined(y, "Generalized entropy", positive=power <= 0)
    return float(entropy_of(_power_totals(y, w, power), power)[0])


def power_columns(welfare: FloatArray, weight: FloatArray, power: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the weighted columns of which entropy and Atkinson are made: 1, y, and y to a power.

    Near the powers 0 and 1 stand (y**power - 1) / power and y (y**(power - 1) - 1) / (power - 1) in its place, which
    there are ln y and y ln y: a power itself would leave no digit. Welfare is taken relative to the largest of those
    with weight, or to the smallest where the power is negative: neither measure depends on the unit, no power
    overflows, and where all are equal no digit is rounded.
    """
    counts = weight > 0
    largest, least = welfare.max(initial=0.0, where=counts), welfare.min(initial=np.inf, where=counts)
    y = np.clip(welfare, least, largest) / (least if power < 0 < least else largest) if largest > 0 else welfare
    positive = y > 0
    logarithm = np.log(np.where(positive, y, 1.0))
    if abs(power) < NEAR:
        raised = np.where(positive, _box_cox(logarithm, power), -1 / power if power > 0 else 0.0)
    elif abs(power - 1) < NEAR:
        raised = y * _box_cox(logarithm, power - 1)
    else:
        raised = y**power
    return weight, weight * y, weight * raised


def entropy_of(totals: FloatArray, alpha: float) -> FloatArray:
    """Return generalized entropy from totals of such columns, on the last axis but one."""
    weight, sum_y, raised = totals[..., 0, :], totals[..., 1, :], totals[..., 2, :]
    center = sum_y / weight
    if abs(alpha) < NEAR:
        logarithm = np.log(center)
        entropy = (raised / weight - _box_cox(logarithm, alpha)) * np.exp(-alpha * logarithm) / (alpha - 1)
    elif abs(alpha - 1) < NEAR:
        logarithm, off = np.log(center), alpha - 1
        entropy = (raised / sum_y - _box_cox(logarithm, off)) * np.exp(-off * logarithm) / alpha
    else:
        with np.errstate(over="ignore", divide="ignore"):  # beyond the range of numbers it is infinite
            entropy = (raised / weight / center**alpha - 1) / (alpha * (alpha - 1))
    return np.maximum(entropy, 0.0)  # what rounding leaves where all are equal is not below


def atkinson_of(totals: FloatArray, epsilon: float) -> FloatArray:
    """Return the Atkinson index from totals of the columns of the power 1 - epsilon."""
    power = 1 - epsilon
    if abs(power) >= NEAR and abs(power - 1) >= NEAR:
        weight, sum_y, raised = totals[..., 0, :], totals[..., 1, :], totals[..., 2, :]
        return np.maximum(1 - (raised / weight) ** (1 / power) / (sum_y / weight), 0.0)
    entropy = entropy_of(totals, power)
    if power == 0:
        return 0.0 - np.expm1(-entropy)
    return 0.0 - np.expm1(np.log1p(power * (power - 1) * entropy) / power)


def _box_cox(logarithm: FloatArray, power: float) -> FloatArray:
    """Return (x**power - 1) / power, and its limit ln x, from ln x."""
    return logarithm if power == 0 else np.asarray(np.expm1(power * logarithm) / power)


@overload
def quantile(welfare: Numbers, weights: Numbers, q: float) -> float: ...
@overload
def quantile(welfare: Numbers, weights: Numbers, q: Sequence[float] | FloatArray) -> FloatArray: ...
def quantile(welfare: Numbers, weights: Numbers, q: float | Sequence[float] | FloatArray) -> float | FloatArray:
    """Weighted quantile: the smallest value at which the cumulative share of weight reaches ``q``.

    The bottom-40 threshold is ``quantile(welfare, weights, 0.4)``; the bottom 40 are those at it or below.

    Parameters
    ----------
    welfare : array_like of shape (n,), any currency
    weights : array_like of shape (n,), 0 or more
    q : float in (0, 1), or array_like of them

    Returns
    -------
    float, or ndarray of the shape of ``q``
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
    >>> sp.quantile([10, 20], [1, 99], [0.005, 0.4])
    array([10., 20.])
    """
    y, w = _checked(welfare, weights)
    alone = isinstance(q, (int, float, np.number))
    shares = np.array([number(q, "q")]) if alone else vector(q, "q")
    fail_if_any(
        (shares <= 0) | (shares >= 1),
        "Every q must be in (0, 1)",
        "Take the smallest value for q = 0, the largest for q = 1.",
        lambda i: f"{shares[i]:g}",
    )
    found = _sweep(y, w, shares).quantiles[:, 0]
    return float(found[0]) if alone else found


def _checked(welfare: Numbers, weights: Numbers) -> tuple[FloatArray, FloatArray]:
    y = vector(welfare, "welfare value")
    return y, check_weights(weights, len(y))


def _sweep(y: FloatArray, w: FloatArray, shares: FloatArray) -> Swept:
    return Ordering.of(y, w, np.zeros(len(y), dtype=np.int32)).evaluate(ALONE, shares)


def _swept(welfare: Numbers, weights: Numbers, what: str, shares: FloatArray) -> Swept:
    y, w = _checked(welfare, weights)
    check_not_negative(y, what)
    _check_any(y, w, what)
    return _sweep(np.ldexp(y, -_exponent(y)), np.ldexp(w, -_exponent(w)), shares)


def _share_ratio(welfare: Numbers, weights: Numbers, what: str, shares: tuple[float, float], rule: str) -> float:
    """Return the share of those above the second share of people over the share of those below the first."""
    if choice(rule, RULES, "rule") == "step":
        y, w = _checked(welfare, weights)
        check_not_negative(y, what)
        _check_any(y, w, what)
        order = np.argsort(y, kind="stable")
        found = float(step_ratio(y[order], w[order, None], shares)[0])
        if not np.isfinite(found):
            fail(
                f"{what} by steps needs somebody with welfare above 0 below {100 * shares[0]:g} % of people",
                "there is nobody",
                "Leave rule= out: the interpolated ratio splits the household at the boundary.",
            )
        return found
    bottom, below_top = _swept(welfare, weights, what, np.array(shares)).lorenz[:, 0]
    if not bottom > 0:
        fail(
            f"The poorest {100 * shares[0]:g} % must have welfare above 0 for {what[0].lower()}{what[1:]}",
            "theirs is 0",
            "Report the Gini coefficient instead.",
        )
    return float((1 - below_top) / bottom)


def _power_totals(y: FloatArray, w: FloatArray, power: float) -> FloatArray:
    """Return totals of the columns of a power, of shape (3, 1)."""
    _check_any(y, w, "Inequality")
    return np.asarray(np.sum(power_columns(y, w, power), axis=1, keepdims=True))


def _check_any(y: FloatArray, w: FloatArray, what: str) -> None:
    """Raise if nobody has anything."""
    if not (y[w > 0] > 0).any():
        fail(f"{what} needs welfare above 0 somewhere", "all of it is 0", "Check the welfare column.")


def _exponent(values: FloatArray) -> int:
    """Return the power of two that the largest value is just below: divided by it, no digit changes or overflows."""
    return int(np.frexp(np.abs(values).max())[1])


def check_positive(
    welfare: FloatArray, counts: BoolArray, must: str, show: Callable[[int], str] = "row {}".format
) -> None:
    """Raise if welfare is 0 or below in a row that counts."""
    fail_if_any(
        counts & (welfare <= 0),
        must,
        "Set such values or drop the rows, knowingly, before the call.",
        lambda i: f"{show(i)}: {welfare[i]:g}",
    )


def check_defined(
    welfare: FloatArray, what: str, show: Callable[[int], str] = "row {}".format, *, positive: bool
) -> None:
    """Raise if welfare is negative somewhere, or 0 where it must be positive."""
    if positive:
        check_positive(
            welfare, np.ones(len(welfare), dtype=np.bool_), f"{what} needs welfare above 0 in every row", show
        )
    else:
        check_not_negative(welfare, what, show)


def check_not_negative(welfare: FloatArray, what: str, show: Callable[[int], str] = "row {}".format) -> None:
    """Raise if welfare is negative somewhere: inequality measures are then undefined."""
    fail_if_any(
        welfare < 0,
        f"{what} needs welfare of 0 or more in every row",
        "Set such values to 0 or drop the rows, knowingly, before the call.",
        lambda i: f"{show(i)}: {welfare[i]:g}",
    )
