"""How the spread of replicates becomes a variance: scale, scales of each replicate, and what it is centered on."""

from dataclasses import dataclass, field

import numpy as np

from ._typing import FloatArray

NO_SCALES = np.empty(0)


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
        What strata of one PSU are given in the variance where they count as the average of the others; else 1.
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
