"""From unit x cell sums to the dissimilarity index of every replicate. Cost: O(non-empty unit x cell sums) a replicate.

With W_k the weight and A_k the weight with access of cell k, and p the mean: D = sum_k |A_k - p W_k| / (2 sum_k A_k).
"""
from libc.math cimport NAN, fabs
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES


def number_slots(const int32_t[::1] cell, const uint8_t[::1] access, const int32_t[::1] unit, int32_t[::1] last,
                 int32_t[::1] start):
    """Write where the slots of every cell begin: those with access in start[2 * cell], those without after them.

    A slot holds the rows of one unit that follow each other: where rows are sorted by unit, all that it has there. last:
    (2 * cells,) work space. start: (2 * cells + 1,).
    """
    cdef Py_ssize_t i, k
    with nogil:
        start[0] = 0
        for k in range(last.shape[0]):
            last[k] = -1
            start[k + 1] = 0
        for i in range(cell.shape[0]):
            k = 2 * cell[i] + 1 - access[i]
            start[k + 1] += unit[i] != last[k]
            last[k] = unit[i]
        for k in range(last.shape[0]):
            start[k + 1] += start[k]


def collapse(const double[::1] weight, const int32_t[::1] cell, const uint8_t[::1] access, const int32_t[::1] unit,
             int32_t[::1] current, int32_t[::1] slot_unit, double[::1] sums):
    """Add weights up by slot into sums (slots,), which holds zeros; slot_unit: (slots,), which holds -1.

    current: (2 * cells,) the first slot of each, overwritten.
    """
    cdef Py_ssize_t i, k
    cdef int32_t slot
    with nogil:
        for i in range(cell.shape[0]):
            k = 2 * cell[i] + 1 - access[i]
            slot = current[k]
            if slot_unit[slot] != unit[i] and slot_unit[slot] >= 0:
                slot += 1
                current[k] = slot
            slot_unit[slot] = unit[i]
            sums[slot] += weight[i]


def dissimilarity(const double[::1] sums, const int32_t[::1] unit, const int32_t[::1] start,
                  const double[:, :, ::1] factors, double[:, ::1] cell_sums, double[:, ::1] out):
    """Mean access and dissimilarity index of every replicate.

    sums, unit: (slots,) weight of a unit in a cell, and which unit. start: (2 * cells + 1,) where the slots with and
    those without access begin. factors: (groups, units, LANES). cell_sums: (2 * cells, LANES) work space. out: (3, groups * LANES) weight, mean, index; the index is 0 where all have access and NaN where none has.
    """
    cdef Py_ssize_t group, k, s, lane
    cdef Py_ssize_t last = cell_sums.shape[0]
    cdef double S[LANES]
    cdef double A[LANES]
    cdef double mean[LANES]
    cdef double apart[LANES]
    with nogil:
        for group in range(factors.shape[0]):
            for k in range(last):
                for lane in range(LANES):
                    S[lane] = 0.0
                for s in range(start[k], start[k + 1]):
                    for lane in range(LANES):
                        S[lane] += sums[s] * factors[group, unit[s], lane]
                for lane in range(LANES):
                    cell_sums[k, lane] = S[lane]
            for lane in range(LANES):
                A[lane] = 0.0
                S[lane] = 0.0
            for k in range(0, last, 2):
                for lane in range(LANES):
                    A[lane] += cell_sums[k, lane]
                    S[lane] += cell_sums[k, lane] + cell_sums[k + 1, lane]
            for lane in range(LANES):
                mean[lane] = A[lane] / S[lane]
                apart[lane] = 0.0
            for lane in range(LANES):
                out[0, group * LANES + lane] = S[lane]
            for k in range(0, last, 2):
                for lane in range(LANES):
                    apart[lane] += fabs(cell_sums[k, lane] - mean[lane] * (cell_sums[k, lane] + cell_sums[k + 1, lane]))
            for lane in range(LANES):
                out[1, group * LANES + lane] = mean[lane]
            for lane in range(LANES):
                out[2, group * LANES + lane] = apart[lane] / (2.0 * A[lane])


def group_sums(const double[:, :, ::1] sums, const int32_t[::1] group, double[:, :, ::1] out):
    """Add sums (cells, k, replicates) up by the group of each cell into out (groups, k, replicates), holding zeros."""
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
