"""The dissimilarity index with cell rates shrunken towards a logit's. Cost: O(cells) a replicate.

A cell's rate has a prior with the logit's rate m as mean, and a variance v that all cells tell together: what rates
differ by beyond what sampling explains. The posterior then says how far from the overall rate p a cell is expected to
be: the mean of a folded normal. What noise the logit itself brings is taken off once more. For the formulas see
`sp2lnob._bayes`.
"""
from libc.math cimport NAN, fabs, sqrt
from sp2lnob._kernels._lanes cimport LANES, lanes, load, plus, shifted, store, times

cdef enum:
    TERMS = 41
    CELL = 2  # rows of what is returned, after weight and mean
    SIGN = 3
    LOGIT = 4
    BAYES = 5

cdef double FAR = 6.0  # where what follows is below 2e-18
# ierfc(z) = exp(-z^2) / sqrt(pi) - z erfc(z) on [0, 6], as a polynomial in z / 3 - 1: its Chebyshev series, found with
# 80 digits. Our own, because exp and erf of C libraries differ in their last bits. It is off by 5e-16 at most.
cdef double[TERMS] SERIES
SERIES[:] = [
    3.355034977621018e-06, -6.62714909948466e-05, 0.0006266387337572969,
    -0.003759832402818525, 0.015979287711348586, -0.05075773741301191,
    0.12351049439680198, -0.23058515091722837, 0.3203175796046263,
    -0.2947574127949065, 0.0821187512558637, 0.2514878215799803,
    -0.4780140697231662, 0.3716902557381278, 0.042151772716275286,
    -0.43291269220029466, 0.4459167187729484, -0.07095664209474,
    -0.3224430600197042, 0.36478156995422995, -0.06885324659639792,
    -0.22099793768495407, 0.23234788170698253, -0.027991445120761245,
    -0.1393472741137605, 0.12527701560655144, 0.004156134216677289,
    -0.08956142999516643, 0.052195382334245456, 0.0305475044889374,
    -0.04438633824985125, -0.000974446086404573, 0.02134794404746025,
    -0.0042205704532213145, -0.006785409187313436, 0.002098502946936402,
    0.0014197039787273045, -0.0004828739800220447, -0.00017733681824053614,
    4.698054588306458e-05, 9.881971620117254e-06,
]


cdef inline void folded_normal(const double *mean, const double *variance, double *out) noexcept nogil:
    # Mean of |x| for x normal: with r = sqrt(2 variance), |mean| + r ierfc(|mean| / r).
    cdef double root[LANES]
    cdef double x[LANES]
    cdef double high[LANES]
    cdef double low[LANES]
    cdef double far
    cdef lanes place, square, even, odd
    cdef Py_ssize_t lane, k
    for lane in range(LANES):
        high[lane] = SERIES[TERMS - 1]
        low[lane] = SERIES[TERMS - 2]
        root[lane] = sqrt(2.0 * variance[lane])
        far = fabs(mean[lane]) / (root[lane] if root[lane] > 0.0 else 1.0)
        x[lane] = (far if far < FAR else FAR) / 3.0 - 1.0
    place = load(x)
    square = times(place, place)
    even = load(high)
    odd = load(low)
    for k in range(TERMS - 3, 0, -2):  # two sums, neither of which waits for the other
        even = shifted(SERIES[k], times(even, square))
        odd = shifted(SERIES[k - 1], times(odd, square))
    even = shifted(SERIES[0], times(even, square))
    store(x, plus(even, times(odd, place)))
    for lane in range(LANES):
        out[lane] = fabs(mean[lane]) + root[lane] * x[lane]


def folded(const double[::1] mean, const double[::1] variance, double[::1] out):
    # Mean of |x| for x normal with a mean and a variance, (n,), n a multiple of LANES.
    cdef Py_ssize_t i
    with nogil:
        for i in range(mean.shape[0] // LANES):
            folded_normal(&mean[i * LANES], &variance[i * LANES], &out[i * LANES])


def shrunken_index(const double[:, :, ::1] moments, const double[:, ::1] rate, const double[::1] spread,
                   const double[::1] growth, double rho, double[:, ::1] apart, double[:, ::1] out):
    # Weight, mean access, and the index between cells, by shrunken signs, of the logit, and shrunken: (6, replicates).
    #
    # moments: (cells, 4, replicates) as in `_moments`. rate: (cells, replicates) of the logit. spread: (cells,) its
    # variance in the full sample; growth: (replicates,) by what to multiply it. rho: correlation within PSUs. apart:
    # (cells, replicates) receives the shrunken rate minus the mean. Replicates are a multiple of LANES. Indices are 0
    # where all have access and NaN where none has.
    cdef Py_ssize_t i, group, cell, lane, r
    cdef double total[LANES]
    cdef double access[LANES]
    cdef double above[LANES]
    cdef double below[LANES]
    cdef double tau[LANES]
    cdef double sums[4][LANES]
    cdef double mu[LANES]
    cdef double posterior[LANES]
    cdef double noisy[LANES]
    cdef double one[LANES]
    cdef double two[LANES]
    cdef double mean[LANES]
    cdef double grown[LANES]
    cdef double w, safe, p, m, q, k, v, s, z, share, distance
    cdef const double *W
    cdef const double *A
    cdef const double *S
    cdef const double *T
    cdef const double *M
    with nogil:
        for i in range(moments.shape[2] // LANES):
            group = i * LANES
            for lane in range(LANES):
                total[lane] = 0.0
                access[lane] = 0.0
                above[lane] = 0.0
                below[lane] = 0.0
                for r in range(4):
                    sums[r][lane] = 0.0
            for lane in range(LANES):
                grown[lane] = growth[group + lane]
            for cell in range(moments.shape[0]):
                W = &moments[cell, 0, group]
                A = &moments[cell, 1, group]
                for lane in range(LANES):
                    total[lane] += W[lane]
                    access[lane] += A[lane]
            for lane in range(LANES):
                mean[lane] = access[lane] / (total[lane] if total[lane] > 0.0 else 1.0)
            for cell in range(moments.shape[0]):
                W = &moments[cell, 0, group]
                A = &moments[cell, 1, group]
                S = &moments[cell, 2, group]
                T = &moments[cell, 3, group]
                M = &rate[cell, group]
                z = spread[cell]
                for lane in range(LANES):
                    w = W[lane]
                    safe = w if w > 0.0 else 1.0
                    m = M[lane]
                    q = m * (1.0 - m)
                    p = A[lane] / safe - m
                    k = ((1.0 - rho) * S[lane] + rho * T[lane]) / (safe * safe)
                    k = k if k < 1.0 else 1.0
                    above[lane] += w * (p * p - q * k + grown[lane] * z)
                    below[lane] += w * (q * q) * (1.0 - k)
            for lane in range(LANES):
                tau[lane] = above[lane] / (below[lane] if below[lane] > 0.0 else 1.0)
                tau[lane] = tau[lane] if above[lane] > 0.0 and below[lane] > 0.0 else (
                    0.0 if above[lane] == above[lane] else NAN)
            for cell in range(moments.shape[0]):
                W = &moments[cell, 0, group]
                A = &moments[cell, 1, group]
                S = &moments[cell, 2, group]
                T = &moments[cell, 3, group]
                M = &rate[cell, group]
                z = spread[cell]
                for lane in range(LANES):
                    w = W[lane]
                    safe = w if w > 0.0 else 1.0
                    m = M[lane]
                    q = m * (1.0 - m)
                    p = A[lane] / safe
                    p = p if w > 0.0 else m
                    k = ((1.0 - rho) * S[lane] + rho * T[lane]) / (safe * safe)
                    k = k if k < 1.0 else 1.0
                    v = tau[lane] * (q * q)
                    v = v if v < 0.9 * q else 0.9 * q
                    s = (q - v) * k
                    share = v / (v + s if v + s > 0.0 else 1.0)  # no division that may not be made: eight at once
                    share = share if w > 0.0 else 0.0
                    distance = m + share * (p - m) - mean[lane]
                    mu[lane] = distance
                    posterior[lane] = share * s
                    noisy[lane] = share * s + (1.0 - share) * (1.0 - share) * (grown[lane] * z)
                    sums[0][lane] += fabs(A[lane] - mean[lane] * w)
                    sums[1][lane] += w * (p - mean[lane]) * (1.0 if distance > 0.0 else -1.0 if distance < 0.0 else 0.0)
                    sums[2][lane] += w * fabs(m - mean[lane])
                for lane in range(LANES):
                    apart[cell, group + lane] = mu[lane]
                folded_normal(mu, posterior, one)
                folded_normal(mu, noisy, two)
                for lane in range(LANES):
                    sums[3][lane] += W[lane] * (2.0 * one[lane] - two[lane])
            for lane in range(LANES):
                r = group + lane
                out[0, r] = total[lane]
                out[1, r] = access[lane] / total[lane] if total[lane] > 0.0 else NAN
                out[CELL, r] = sums[0][lane] / (2.0 * access[lane]) if access[lane] > 0.0 else NAN
                out[SIGN, r] = sums[1][lane] / (2.0 * access[lane]) if access[lane] > 0.0 else NAN
                out[LOGIT, r] = sums[2][lane] / (2.0 * access[lane]) if access[lane] > 0.0 else NAN
                out[BAYES, r] = sums[3][lane] / (2.0 * access[lane]) if access[lane] > 0.0 else NAN
                if access[lane] == total[lane] and total[lane] > 0.0:
                    out[CELL, r] = 0.0
                    out[SIGN, r] = 0.0
                    out[LOGIT, r] = 0.0
                    out[BAYES, r] = 0.0
