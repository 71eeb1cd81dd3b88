"""Intervals about one value: symmetric on some scale, from the draws of a bootstrap, or one-sided at 0 and at 1."""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite, nan
from statistics import NormalDist

import numpy as np

from ._typing import FloatArray
from ._validate import choice, fail
from ._variance import ROUNDING, Variance

KINDS = ("t", "percentile", "basic", "bca")  # that can be asked for; else each value has that of its scale
FEW_DF = 60  # degrees of freedom under which they are estimated, and intervals of draws are too short
WIDEST = {"log": 3.0, "logit": 50.0}  # on either side of a value, beyond which an interval would say nothing
NEAR_0 = 3.0  # standard errors within which an index is not told from 0
NONE = (nan, nan)
NORMAL = NormalDist()


def check_kind(kind: str | None, variance: Variance) -> None:
    """Raise unless the replicates can make a kind of interval."""
    if kind is None or choice(kind, KINDS, "interval") == "t":
        return
    must = f"interval={kind!r} must be of replicates that are draws of the figure"
    if not variance.resamples:
        fail(must, "those of this design are a fixed set", "Use Bootstrap(), or leave interval= out.")
    if variance.inflation != 1 or len(variance.beside):
        fail(
            must,
            "strata of one PSU add a variance that no draw shows",
            "Merge them with neighbors, pass single_psu='certainty' or 'collapse', or leave interval= out.",
        )


def interval(value: float, se: float, df: float, scale: str, level: float) -> tuple[float, float]:
    """Return an interval that is symmetric on the logit, the logarithm or the value itself, with Student's t.

    Of a proportion it stays within (0, 1) on the logit, of a positive measure above 0 on the logarithm. On the value
    itself it may leave [0, 1], as R's does: cut off, its ends would no longer tell the standard error. NaN where there
    is no spread, no degree of freedom, or no such scale.

    Examples
    --------
    >>> low, high = interval(0.5, 0.05, 100, "logit", 0.95)
    >>> round(low, 4), round(high, 4)
    (0.4021, 0.5979)
    >>> interval(0.0, 0.0, 100, "logit", 0.95)
    (nan, nan)
    """
    if scale == "none" or not se > 0 or not df > 0 or not isfinite(value):
        return NONE
    t = _student(df, level)
    if scale == "t":
        return value - t * se, value + t * se
    if scale == "log":
        if value == 0:
            return NONE
        spread = t * se / abs(value)
        if spread > WIDEST[scale]:
            return NONE
        ends = value * np.exp(-spread), value * np.exp(spread)
        return float(min(ends)), float(max(ends))
    if not 0 < value < 1:
        return NONE
    center, spread = np.log(value / (1 - value)), t * se / (value * (1 - value))
    if spread > WIDEST[scale]:
        return NONE
    return float(1 / (1 + np.exp(spread - center))), float(1 / (1 + np.exp(-spread - center)))


def from_draws(
    value: float, draws: FloatArray, kind: str, level: float, acceleration: float = nan
) -> tuple[float, float]:
    """Return an interval whose ends are quantiles of the draws that succeeded.

    The quantile p of B draws in order is at position p (B + 1), between two draws by their distance (type 6 of
    Hyndman and Fan 1996; Davison and Hinkley 1997). NaN where a tail holds no draw: 39 are the fewest for 95 %.

    Parameters
    ----------
    draws : ndarray of shape (replicates,)
    kind : {"percentile", "basic", "bca"}
        The quantiles themselves; mirrored at the value; or moved by the bias and the acceleration (Efron 1987).
    acceleration : float
        Of "bca": a sixth of the skewness of the value's influence.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. JASA 82, 171-185. DiCiccio, T. J. and Efron, B. (1996).
    Bootstrap confidence intervals. Statistical Science 11, 189-228.

    Examples
    --------
    >>> low, high = from_draws(50.0, np.arange(1.0, 100.0), "percentile", 0.9)
    >>> round(low, 9), round(high, 9)
    (5.0, 95.0)
    >>> from_draws(50.0, np.arange(1.0, 10.0), "percentile", 0.9)
    (nan, nan)
    """
    drawn = draws[np.isfinite(draws)]
    tails = (1 - level) / 2, (1 + level) / 2
    if kind == "bca":
        tails = _accelerated(value, drawn, tails, acceleration)
    most = len(drawn) + 1
    # To the last bits of the tails: (1 - 0.9) / 2 of 20 is one draw.
    if not all(1 - 1e-9 <= p * most <= most - 1 + 1e-9 for p in tails):
        return NONE
    low, high = np.quantile(drawn, tails, method="weibull").tolist()
    return (2 * value - high, 2 * value - low) if kind == "basic" else (low, high)


def _accelerated(value: float, drawn: FloatArray, tails: tuple[float, float], a: float) -> tuple[float, float]:
    """Return the tails that BCa reads instead: Phi(z0 + (z0 + z) / (1 - a (z0 + z))).

    z0 is the normal quantile of the share of draws below the value, those equal to it counted half: a rate of few cases
    is often drawn again.
    """
    if not len(drawn) or not isfinite(a):
        return NONE
    below = float((drawn < value).mean() + (drawn == value).mean() / 2)
    if not 0 < below < 1:
        return NONE
    z0 = NORMAL.inv_cdf(below)
    moved = [z0 + NORMAL.inv_cdf(p) for p in tails]
    if any(a * z >= 1 for z in moved):  # past the pole, ends would change places
        return NONE
    low, high = (NORMAL.cdf(z0 + z / (1 - a * z)) for z in moved)
    return low, high


def one_sided(value: float, effective: float, level: float) -> tuple[float, float]:
    """Return from the value to the limit on its one side, for a proportion of 0 or 1 that no replicate varies.

    Clopper and Pearson's limit for no case among n, 1 - (1 - level)^(1/n), with all of the error on one side. Korn and
    Graubard take n over the design effect, but a sample without a case says nothing of the correlation within PSUs. So
    n is the effective number of PSUs, as though people of a PSU were all alike, which is the worst that clustering can
    do. Were they not, the limit is too high, never too low. Their ratio of t quantiles is for a design effect that is
    itself estimated with few degrees of freedom; here none is.

    It holds for any mean of what lies within 0 and 1, such as the poverty gap: a PSU shows none of it with a
    probability of at most 1 - its mean. Strata may differ in their rates, as the product of (1 - p_h) is greatest where
    all are alike. What it cannot know is that cases live where PSUs weigh most: it may then hold in fewer samples.

    Parameters
    ----------
    effective : float
        PSUs, were they of equal weight: Kish's (sum W)^2 / sum W^2. 0: not known, and there is no limit.

    References
    ----------
    Clopper, C. and Pearson, E. (1934), Biometrika 26, 404-413. Korn, E. and Graubard, B. (1998), Survey Methodology 24,
    193-201. Kish, L. (1965). Survey Sampling. Wiley.

    Examples
    --------
    >>> low, high = one_sided(0.0, 100, 0.95)
    >>> low, round(high, 4)  # about three over the number of PSUs
    (0.0, 0.0295)
    >>> one_sided(1.0, 1, 0.95), one_sided(0.5, 100, 0.95)
    ((0.050000000000000044, 1.0), (nan, nan))
    """
    if not effective > 0:
        return NONE
    limit = (1 - level) ** (1 / effective)
    if value == 0:
        return value, 1 - limit
    return (limit, value) if abs(value - 1) <= ROUNDING else NONE


def index(value: float, se: float, df: float, most: float, level: float) -> tuple[float, float, bool]:
    """Return the interval of an index from 0 to ``most``, and whether it is one-sided.

    An index of differences is positive even where there are none, and its draws lie on one side of 0. Within three
    standard errors of it no two-sided interval holds: what can be said is that the index is at most so much.

    Examples
    --------
    >>> low, high, one_sided = index(0.15, 0.01, 100, 0.4, 0.95)
    >>> round(low, 4), round(high, 4), one_sided
    (0.1302, 0.1698, False)
    >>> low, high, one_sided = index(0.02, 0.01, 100, 0.4, 0.95)  # not to be told from 0
    >>> low, round(high, 4), one_sided
    (0.0, 0.0366, True)
    """
    if not se > 0 or not df > 0 or not isfinite(value):
        return *NONE, False
    near = value < NEAR_0 * se
    high = value + _student(df, 2 * level - 1 if near else level) * se
    low = 0.0 if near else interval(value, se, df, "t", level)[0]
    return max(low, 0.0), min(high, most), near


def welch(se: Sequence[float], df: Sequence[float]) -> float:
    """Return Welch and Satterthwaite's degrees of freedom of a difference, or a sum, of independent values.

    (a^2 + b^2 + ...)^2 / (a^4 / df_a + b^4 / df_b + ...): 0 where a value that varies has none, NaN where none varies.

    Examples
    --------
    >>> welch((3.0, 3.0), (10, 10)), welch((3.0, 0.0), (10, 0)), welch((2.0, 2.0, 2.0, 2.0), (4, 4, 4, 4))
    (20.0, 10.0, 16.0)
    >>> welch((3.0, 3.0), (10, 0)), welch((0.0, 0.0), (10, 10))
    (0.0, nan)
    """
    varies = [(s**2, d) for s, d in zip(se, df, strict=True) if s != 0]
    if not varies:
        return nan
    if not all(d > 0 for _, d in varies):
        return 0.0
    return sum(v for v, _ in varies) ** 2 / sum(v**2 / d for v, d in varies)


@lru_cache(4096)  # a survey has few degrees of freedom, and a frame many rows
def _student(df: float, level: float) -> float:
    """Return the quantile of Student's t that a central interval ends at."""
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2, df))
