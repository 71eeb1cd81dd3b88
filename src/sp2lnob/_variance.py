"""How the spread of replicates becomes a variance: scale, scales of each replicate, and what it is centered on."""

from dataclasses import dataclass, field, replace

import numpy as np

from ._typing import BoolArray, FloatArray, LongArray

NO_SCALES = np.empty(0)
TOGETHER = 8  # values: nothing but the draws themselves is large
ROUNDING = 1e-14  # of a value: a smaller spread is that of the last bits of sums


@dataclass(frozen=True, eq=False)
class Variance:
    """Var = inflation * scale * sum_r rscales_r (theta_r - center)^2, and a term for each replicate beside them.

    Attributes
    ----------
    scale : float
    rscales : ndarray of shape (replicates,)
    mse : bool
        Whether the center is the value of the full sample; if not, the mean over replicates whose rscale is above 0.
    bias_scale : float
        The bias is bias_scale * sum_r rscales_r (theta_r - theta).
    resamples : bool
        Whether replicates are draws of the statistic, so that their percentiles mean something: a bootstrap's.
    may_lose : bool
        Whether a replicate that fails may be left out, the rest standing for it. A jackknife cannot.
    inflation : float
        What strata of one PSU are given in the variance where they count as the average of the others; else 1. It
        multiplies a second stage as well, whose factors are made for that. ``bias_scale`` holds it already.
    beside : ndarray of shape (s,)
        Scales of replicates beside the design's, for strata of one PSU that are centered on the mean of all: each adds
        beside_s (theta_s - theta)^2.
    """

    scale: float
    rscales: FloatArray
    mse: bool
    bias_scale: float
    resamples: bool
    may_lose: bool
    inflation: float = 1.0
    beside: FloatArray = field(default_factory=NO_SCALES.copy)

    def left(self, kept: BoolArray) -> "Variance":
        """Return the same of the replicates that are kept, the others having failed or not been reached.

        The k that are left stand for all R. Squares about the value of the full sample are a sum of R terms alike, and
        take R / k: the 1 / R of balanced half-samples becomes 1 / k. Squares about the replicates' own mean sum to
        (k - 1) / (R - 1) of all in expectation, as in any simple random sample: the 1 / (R - 1) of a bootstrap becomes
        1 / (k - 1). The bias is a plain sum, and takes R / k either way. Where none may be lost, or too few are left,
        the scales are NaN. A replicate of scale 0 is no loss.
        """
        if kept.all():
            return self
        counts = self.rscales > 0
        every, k, one = int(counts.sum()), int((counts & kept).sum()), 0 if self.mse else 1
        if k == every:
            return replace(self, rscales=self.rscales[kept])
        stands = self.may_lose and k > one
        return replace(
            self,
            scale=self.scale * (every - one) / (k - one) if stands else np.nan,
            bias_scale=self.bias_scale * every / k if stands else np.nan,
            rscales=self.rscales[kept],
        )

    def about(self, draws: FloatArray, value: float) -> tuple["Variance", FloatArray, float]:
        """Return what is left of it where replicates of one value failed, the others' values, and their center."""
        kept = np.isfinite(draws)
        left, drawn = self.left(kept), draws[kept]
        counts = left.rscales > 0
        return left, drawn, value if self.mse or not counts.any() else float(drawn[counts].mean())

    def of(self, draws: FloatArray, value: float, beside: FloatArray) -> tuple[float, float, int]:
        """Return the standard error and the bias of one value, and how many replicates failed.

        Parameters
        ----------
        draws : ndarray of shape (replicates,)
            The value in each replicate, NaN where it failed.
        value : float
            That of the full sample.
        beside : ndarray of shape (s,)
            The value in the replicates beside the design's, none of which may fail.

        Examples
        --------
        >>> jackknife = Variance(2 / 3, np.ones(3), True, 2 / 3, resamples=False, may_lose=False)
        >>> se, bias, failed = jackknife.of(np.array([1.0, 2.0, 3.0]), 2.0, np.empty(0))
        >>> round(se**2, 12), bias, failed  # of the mean of 0, 2 and 4: 4 / 3
        (1.333333333333, 0.0, 0)
        >>> jackknife.of(np.array([1.0, np.nan, 3.0]), 2.0, np.empty(0))
        (nan, nan, 1)
        """
        left, drawn, center = self.about(draws, value)
        failed = int((self.rscales > 0).sum() - (left.rscales > 0).sum() + (~np.isfinite(beside)).sum())
        if not np.isfinite(value) or (not self.mse and (left.rscales > 0).sum() == 1):  # one alone is its own mean
            return np.nan, np.nan, failed
        # Summed pairwise, not by BLAS: the same bits everywhere.
        squares = left.inflation * left.scale * float((left.rscales * (drawn - center) ** 2).sum())
        se = float(np.sqrt(squares + float((left.beside * (beside - value) ** 2).sum())))
        bias = left.bias_scale * float((left.rscales * (drawn - value)).sum())
        return 0.0 if se <= ROUNDING * abs(value) else se, bias, failed

    def of_many(
        self, draws: FloatArray, value: FloatArray, beside: FloatArray
    ) -> tuple[FloatArray, FloatArray, LongArray]:
        """Return the same of many values, to the bit: draws of shape (values, replicates), beside (values, s)."""
        se, bias, failed = np.empty(len(value)), np.empty(len(value)), np.zeros(len(value), dtype=np.int64)
        counts = self.rscales > 0
        plain = np.isfinite(value) & (self.mse or counts.sum() != 1)
        for first in range(0, len(value), TOGETHER):
            here = slice(first, first + TOGETHER)
            drawn = np.ascontiguousarray(draws[here])
            whole = plain[here] & np.isfinite(drawn).all(axis=1) & np.isfinite(beside[here]).all(axis=1)
            for i in np.flatnonzero(~whole).tolist():
                at = first + i
                se[at], bias[at], failed[at] = self.of(drawn[i], value[at], beside[at])
            at_once = first + np.flatnonzero(whole)
            drawn, own = drawn[whole], value[at_once, None]
            center = own
            if not self.mse and counts.any():
                center = np.ascontiguousarray(drawn[:, counts]).mean(axis=1, keepdims=True)
            squares = self.inflation * self.scale * (self.rscales * (drawn - center) ** 2).sum(axis=1)
            squares += (self.beside * (beside[at_once] - own) ** 2).sum(axis=1)
            found = np.sqrt(squares)
            se[at_once] = np.where(found <= ROUNDING * np.abs(own[:, 0]), 0.0, found)
            bias[at_once] = self.bias_scale * (self.rscales * (drawn - own)).sum(axis=1)
        return se, bias, failed
