"""One sweep over sorted welfare: Gini, Lorenz shares, quantiles. Cost: O(n) a replicate once the order is known.

From the richest down, with S the weight so far: sum_ij w_i w_j min(y_i, y_j) = sum_k (y_k - y_{k+1}) S_k^2, where y_{n+1}
is 0. The Gini is 1 minus that over W sum w y: three operations a household, and no cancellation of large numbers.
"""
from libc.math cimport NAN
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES

cdef enum:
    CHUNK = 512  # households between two checkpoints

# A household counts as having reached a share of the population within the rounding of the sum of a million weights.
cdef double TOLERANCE = 1e-12


def sweep(const double[::1] welfare, const double[::1] weight, const int32_t[::1] psu,
          const uint8_t[:, :, ::1] counts, const double[::1] shares, double[:, :, ::1] checkpoints,
          double[:, ::1] totals, double[::1] gini, double[:, ::1] quantiles, double[:, ::1] lorenz):
    """Gini, quantiles and Lorenz ordinates of every replicate.

    welfare: (n,) from the richest down. weight: (n,). psu: (n,). counts: (groups, PSUs, LANES). shares: (k,) shares of
    the population from the poorest up, in (0, 1). checkpoints: (chunks + 1, 2, LANES), overwritten. Out, one column a
    replicate: totals (2,) weight and weighted welfare; gini; quantiles (k,) smallest welfare at which the cumulative
    share of weight reaches the share; lorenz (k,) share of welfare held up to there, the boundary household split.
    A replicate without weight, or without welfare, gives NaN.
    """
    cdef Py_ssize_t n = welfare.shape[0], chunks = (n + CHUNK - 1) // CHUNK
    cdef Py_ssize_t group, chunk, i, lane, column, k, low, high, middle
    cdef double S[LANES]
    cdef double L[LANES]
    cdef double Q[LANES]
    cdef double step, f, y, target, above, above_welfare, w
    with nogil:
        for group in range(counts.shape[0]):
            for lane in range(LANES):
                S[lane] = 0.0
                L[lane] = 0.0
                Q[lane] = 0.0
            for chunk in range(chunks):
                for lane in range(LANES):
                    checkpoints[chunk, 0, lane] = S[lane]
                    checkpoints[chunk, 1, lane] = L[lane]
                for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
                    y = welfare[i]
                    step = y - welfare[i + 1] if i + 1 < n else y
                    w = weight[i]
                    for lane in range(LANES):
                        f = w * counts[group, psu[i], lane]
                        S[lane] += f
                        L[lane] += f * y
                        Q[lane] += step * (S[lane] * S[lane])
            for lane in range(LANES):
                checkpoints[chunks, 0, lane] = S[lane]
                checkpoints[chunks, 1, lane] = L[lane]
            for lane in range(LANES):
                column = group * LANES + lane
                totals[0, column] = S[lane]
                totals[1, column] = L[lane]
                gini[column] = 1.0 - Q[lane] / (S[lane] * L[lane]) if S[lane] * L[lane] != 0.0 else NAN
                for k in range(shares.shape[0]):
                    if not S[lane] > 0.0:
                        quantiles[k, column] = NAN
                        lorenz[k, column] = NAN
                        continue
                    # The household whose weight carries the sum from the top past 1 - share: first its chunk ...
                    target = (1.0 - shares[k] + TOLERANCE) * S[lane]
                    low = 0
                    high = chunks
                    while high - low > 1:
                        middle = (low + high) // 2
                        if checkpoints[middle, 0, lane] <= target:
                            low = middle
                        else:
                            high = middle
                    above = checkpoints[low, 0, lane]
                    above_welfare = checkpoints[low, 1, lane]
                    # ... then the household itself, adding as the sweep did.
                    i = low * CHUNK
                    f = weight[i] * counts[group, psu[i], lane]
                    while above + f <= target and i + 1 < n:
                        above += f
                        above_welfare += f * welfare[i]
                        i += 1
                        f = weight[i] * counts[group, psu[i], lane]
                    quantiles[k, column] = welfare[i]
                    above_welfare += ((1.0 - shares[k]) * S[lane] - above) * welfare[i]
                    lorenz[k, column] = 1.0 - above_welfare / L[lane] if L[lane] != 0.0 else NAN
