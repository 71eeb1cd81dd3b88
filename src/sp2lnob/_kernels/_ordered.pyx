"""One sweep over sorted welfare: Gini, Lorenz shares, quantiles. Cost: O(n) a replicate once the order is known.

From the richest down, with S the weight so far: sum_ij w_i w_j min(y_i, y_j) = sum_k (y_k - y_{k+1}) S_k^2, where
y_{n+1} is 0; and sum_k w_k y_k = sum_k (y_k - y_{k+1}) S_k. The Gini is 1 minus the first over W times the second:
three multiplications and three additions a household, and no cancellation of large numbers.
"""
from libc.math cimport NAN
from libc.stdint cimport int32_t
from sp2lnob._kernels._lanes cimport AHEAD, LANES, lanes, load, plus, prefetch, scaled, store, times

cdef enum:
    CHUNK = 256  # households between two checkpoints

# A household counts as having reached a share of the population within the rounding of the sum of a million weights.
cdef double TOLERANCE = 1e-12


def sweep(const double[::1] welfare, const double[::1] step, const double[::1] weight, const int32_t[::1] unit,
          const double[:, :, ::1] factors, const double[::1] shares, double[:, :, ::1] sums, double[:, ::1] totals,
          double[::1] gini, double[:, ::1] quantiles, double[:, ::1] lorenz):
    """Gini, quantiles and Lorenz ordinates of every replicate.

    welfare: (n,) from the richest down. step: (n,) down to the next welfare, at last to 0. weight: (n,). unit: (n,)
    whose factor a row takes. factors: (groups, units, LANES). shares: (k,) shares of the population from the poorest
    up, in (0, 1). Work space: sums (chunks + 1, 3, LANES), the state before each chunk and after the last. Out, one
    column a replicate: totals (2,) weight and weighted welfare; gini; quantiles (k,) smallest welfare at which the
    cumulative share of weight reaches the share; lorenz (k,) share of welfare held up to there, the boundary household
    split.
    A replicate without weight, or without welfare, gives NaN.
    """
    cdef Py_ssize_t n = welfare.shape[0], chunks = (n + CHUNK - 1) // CHUNK
    cdef Py_ssize_t group, chunk, i, lane, column, k, low, high, middle
    cdef lanes S, L, Q, part
    cdef double f, target, above, partial, W, wy
    with nogil:
        for group in range(factors.shape[0]):
            for lane in range(LANES):
                sums[0, 0, lane] = 0.0
                sums[0, 1, lane] = 0.0
                sums[0, 2, lane] = 0.0
            S = load(&sums[0, 0, 0])
            L = load(&sums[0, 1, 0])
            Q = load(&sums[0, 2, 0])
            for chunk in range(chunks):
                for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
                    prefetch(&factors[group, unit[min(i + AHEAD, n - 1)], 0])
                    S = plus(S, scaled(weight[i], load(&factors[group, unit[i], 0])))
                    part = scaled(step[i], S)
                    L = plus(L, part)
                    Q = plus(Q, times(part, S))
                store(&sums[chunk + 1, 0, 0], S)
                store(&sums[chunk + 1, 1, 0], L)
                store(&sums[chunk + 1, 2, 0], Q)
            for lane in range(LANES):
                column = group * LANES + lane
                W = sums[chunks, 0, lane]
                wy = sums[chunks, 1, lane]
                totals[0, column] = W
                totals[1, column] = wy
                gini[column] = 1.0 - sums[chunks, 2, lane] / (W * wy) if W * wy != 0.0 else NAN
                for k in range(shares.shape[0]):
                    if not W > 0.0:
                        quantiles[k, column] = NAN
                        lorenz[k, column] = NAN
                        continue
                    # The household whose weight carries the sum from the top past 1 - share: first its chunk ...
                    target = (1.0 - shares[k] + TOLERANCE) * W
                    low = 0
                    high = chunks
                    while high - low > 1:
                        middle = (low + high) // 2
                        if sums[middle, 0, lane] <= target:
                            low = middle
                        else:
                            high = middle
                    # ... then the household itself, adding as the sweep did.
                    i = low * CHUNK
                    above = sums[low, 0, lane]
                    partial = sums[low, 1, lane]
                    f = weight[i] * factors[group, unit[i], lane]
                    while above + f <= target and i + 1 < n:
                        above += f
                        partial += step[i] * above
                        i += 1
                        f = weight[i] * factors[group, unit[i], lane]
                    quantiles[k, column] = welfare[i]
                    # Where the poorest have nothing, the sum ends here to the last bit, and they hold 0.
                    partial += (1.0 - shares[k]) * W * welfare[i]
                    lorenz[k, column] = 1.0 - partial / wy if wy != 0.0 else NAN
