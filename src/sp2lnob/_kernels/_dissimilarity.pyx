"""From the sums of cells to the dissimilarity index of every replicate. Cost: O(cells) a replicate.

With W_k the weight and A_k the weight with access of cell k, and p the mean: D = sum_k |A_k - p W_k| / (2 sum_k A_k).
"""
from libc.math cimport NAN, fabs
from libc.stdint cimport int32_t


def group_sums(const double[:, :, ::1] sums, const int32_t[::1] group, double[:, :, ::1] out):
    # Add sums (cells, k, replicates) up by the group of each cell into out (groups, k, replicates), holding zeros.
    cdef Py_ssize_t cell, c, r
    with nogil:
        for cell in range(sums.shape[0]):
            for c in range(sums.shape[1]):
                for r in range(sums.shape[2]):
                    out[group[cell], c, r] += sums[cell, c, r]


def join(const int32_t[:, ::1] codes, const int32_t[::1] kept, const int32_t[::1] levels, int32_t[::1] number,
         int32_t[::1] group, int32_t[:, ::1] joined):
    # Join cells that agree in some circumstances, and return how many there then are, in the order of their codes.
    #
    # codes: (cells, circumstances). kept: the circumstances that count; levels: (kept,) how many each has. number: work
    # space, a place for each combination of their levels. Out: group (cells,) where each cell goes; joined (as many as
    # there are or more, kept) codes.
    cdef Py_ssize_t c, d, i, left, there = 0
    with nogil:
        for i in range(number.shape[0]):
            number[i] = 0
        for c in range(codes.shape[0]):
            i = 0
            for d in range(kept.shape[0]):
                i = i * levels[d] + codes[c, kept[d]]
            group[c] = <int32_t> i
            number[i] = 1
        for i in range(number.shape[0]):
            if number[i]:
                number[i] = <int32_t> there
                left = i
                for d in range(kept.shape[0] - 1, -1, -1):
                    joined[there, d] = <int32_t> (left % levels[d])
                    left = left // levels[d]
                there += 1
        for c in range(codes.shape[0]):
            group[c] = number[group[c]]
    return there


def dissimilarity_of_sums(const double[:, :, ::1] sums, double[:, ::1] out):
    # Weight, mean access and dissimilarity index, (3, replicates), from sums (cells, 2, replicates).
    #
    # The index is 0 where all have access and NaN where none has.
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


def dissimilarity_of_rates(const double[:, :, ::1] sums, const double[:, ::1] rate, double[:, ::1] out):
    # Weight, mean rate and dissimilarity of rates (cells, replicates), all by weight: out (3, replicates).
    #
    # sums: (cells, k, replicates), weight first and weighted access second. The index is NaN where none has access.
    cdef Py_ssize_t cell, r
    cdef double access
    with nogil:
        for r in range(sums.shape[2]):
            out[0, r] = 0.0
            out[1, r] = 0.0
            out[2, r] = 0.0
        for cell in range(sums.shape[0]):
            for r in range(sums.shape[2]):
                out[0, r] += sums[cell, 0, r]
                out[1, r] += sums[cell, 0, r] * rate[cell, r]
        for r in range(sums.shape[2]):
            out[1, r] = out[1, r] / out[0, r] if out[0, r] > 0.0 else NAN
        for cell in range(sums.shape[0]):
            for r in range(sums.shape[2]):
                out[2, r] += sums[cell, 0, r] * fabs(rate[cell, r] - out[1, r])
        for r in range(sums.shape[2]):
            access = 0.0
            for cell in range(sums.shape[0]):
                access += sums[cell, 1, r]
            out[2, r] = out[2, r] / (2.0 * out[1, r] * out[0, r]) if access > 0.0 else NAN
