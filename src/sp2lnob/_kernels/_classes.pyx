"""Sums by domain and welfare class, with the classes cut anew in every replicate. Cost: O(rows x columns) a replicate.

A row's class is the number of cuts below its welfare, so that a household at the cut belongs to the poorer class.
"""
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES


def class_totals(const double[:, ::1] columns, const int32_t[::1] psu, const int32_t[::1] domain,
                 const double[::1] welfare, const double[:, :, ::1] cuts, const uint8_t[:, :, ::1] counts,
                 double[:, :, :, :, ::1] out):
    """Add columns (n, k) up by domain and class.

    cuts: (groups, classes - 1, LANES) ascending. counts: (groups, PSUs, LANES). out: (groups, domains, classes, k,
    LANES), which holds zeros.
    """
    cdef Py_ssize_t group, i, j, c, lane
    cdef int32_t band[LANES]
    cdef double factor[LANES]
    cdef double y, v
    with nogil:
        for group in range(counts.shape[0]):
            for i in range(columns.shape[0]):
                y = welfare[i]
                for lane in range(LANES):
                    band[lane] = 0
                    factor[lane] = counts[group, psu[i], lane]
                for j in range(cuts.shape[1]):
                    for lane in range(LANES):
                        band[lane] += y > cuts[group, j, lane]
                for c in range(columns.shape[1]):
                    v = columns[i, c]
                    for lane in range(LANES):
                        out[group, domain[i], band[lane], c, lane] += v * factor[lane]


def class_moves(const double[::1] weight, const int32_t[::1] psu, const int32_t[::1] domain,
                const double[::1] before, const double[::1] after, const double[:, :, ::1] cuts,
                const int32_t[:, ::1] leaf, const uint8_t[:, :, ::1] counts, double[:, :, :, ::1] out):
    """Add weights (n,) up by leaf before and leaf after, the classes of both cut at the same place.

    leaf: (domains, classes) leaf of a domain's row in a class. out: (groups, leaves, leaves, LANES), which holds zeros.
    """
    cdef Py_ssize_t group, i, j, lane
    cdef int32_t was[LANES]
    cdef int32_t becomes[LANES]
    cdef double y, z, w
    with nogil:
        for group in range(counts.shape[0]):
            for i in range(weight.shape[0]):
                y = before[i]
                z = after[i]
                w = weight[i]
                for lane in range(LANES):
                    was[lane] = 0
                    becomes[lane] = 0
                for j in range(cuts.shape[1]):
                    for lane in range(LANES):
                        was[lane] += y > cuts[group, j, lane]
                        becomes[lane] += z > cuts[group, j, lane]
                for lane in range(LANES):
                    out[group, leaf[domain[i], was[lane]], leaf[domain[i], becomes[lane]], lane] += (
                        w * counts[group, psu[i], lane])
