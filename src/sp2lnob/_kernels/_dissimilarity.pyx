"""From PSU x cell sums to the dissimilarity index of every replicate. Cost: O(non-empty PSU x cell sums) a replicate.

With W_k the weight and A_k the weight with access of cell k, and p the mean: D = sum_k |A_k - p W_k| / (2 sum_k A_k).
"""
from libc.math cimport NAN, fabs
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES


def collapse(const double[::1] weight, const uint8_t[::1] access, const int32_t[::1] slot, double[:, ::1] out):
    """Add weights and weights with access up by slot into out (slots, 2), which holds zeros."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(weight.shape[0]):
            out[slot[i], 0] += weight[i]
            out[slot[i], 1] += weight[i] * access[i]


def dissimilarity(const double[:, ::1] sums, const int32_t[::1] psu, const int32_t[::1] cell_start,
                  const uint8_t[:, :, ::1] counts, double[:, ::1] out):
    """Mean access and dissimilarity index of every replicate.

    sums: (slots, 2) weight and weight with access of a PSU in a cell, ordered by cell. psu: (slots,). cell_start:
    (cells + 1,) first slot of each cell. counts: (groups, PSUs, LANES). out: (3, groups * LANES) weight, mean, index; the
    index is 0 where all have access and NaN where none has.
    """
    cdef Py_ssize_t group, cell, s, lane
    cdef Py_ssize_t cells = cell_start.shape[0] - 1
    cdef double W[LANES]
    cdef double A[LANES]
    cdef double mean[LANES]
    cdef double apart[LANES]
    cdef double total[LANES]
    cdef double factor, w, a
    with nogil:
        for group in range(counts.shape[0]):
            for lane in range(LANES):
                W[lane] = 0.0
                A[lane] = 0.0
            for s in range(sums.shape[0]):
                w = sums[s, 0]
                a = sums[s, 1]
                for lane in range(LANES):
                    factor = counts[group, psu[s], lane]
                    W[lane] += w * factor
                    A[lane] += a * factor
            for lane in range(LANES):
                out[0, group * LANES + lane] = W[lane]
                mean[lane] = A[lane] / W[lane] if W[lane] > 0.0 else NAN
                total[lane] = A[lane]
                apart[lane] = 0.0
            for cell in range(cells):
                for lane in range(LANES):
                    W[lane] = 0.0
                    A[lane] = 0.0
                for s in range(cell_start[cell], cell_start[cell + 1]):
                    w = sums[s, 0]
                    a = sums[s, 1]
                    for lane in range(LANES):
                        factor = counts[group, psu[s], lane]
                        W[lane] += w * factor
                        A[lane] += a * factor
                for lane in range(LANES):
                    apart[lane] += fabs(A[lane] - mean[lane] * W[lane])
            for lane in range(LANES):
                out[1, group * LANES + lane] = mean[lane]
                if not total[lane] > 0.0:
                    out[2, group * LANES + lane] = NAN
                else:
                    out[2, group * LANES + lane] = apart[lane] / (2.0 * total[lane])


def group_sums(const double[:, :, ::1] sums, const int32_t[::1] group, double[:, :, ::1] out):
    """Add sums (cells, k, replicates) up by the group of each cell into out (groups, k, replicates), which holds zeros."""
    cdef Py_ssize_t cell, c, r
    with nogil:
        for cell in range(sums.shape[0]):
            for c in range(sums.shape[1]):
                for r in range(sums.shape[2]):
                    out[group[cell], c, r] += sums[cell, c, r]


def dissimilarity_of_sums(const double[:, :, ::1] sums, double[:, ::1] out):
    """Weight, mean access and dissimilarity index, as above, from sums (cells, 2, replicates) added up already."""
    cdef Py_ssize_t cell, r
    with nogil:
        for r in range(sums.shape[2]):
            out[0, r] = 0.0
            out[1, r] = 0.0
            out[2, r] = 0.0
        for cell in range(sums.shape[0]):
            for r in range(sums.shape[2]):
                out[0, r] += sums[cell, 0, r]
                out[1, r] += sums[cell, 1, r]
        for r in range(sums.shape[2]):
            out[1, r] = out[1, r] / out[0, r] if out[0, r] > 0.0 else NAN
        for cell in range(sums.shape[0]):
            for r in range(sums.shape[2]):
                out[2, r] += fabs(sums[cell, 1, r] - out[1, r] * sums[cell, 0, r])
        for r in range(sums.shape[2]):
            out[2, r] = out[2, r] / (2.0 * out[1, r] * out[0, r]) if out[1, r] > 0.0 else NAN
