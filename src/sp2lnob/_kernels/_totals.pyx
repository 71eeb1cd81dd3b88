"""Totals: every additive statistic.

Columns are added up by PSU once, in O(rows x columns); a replicate then costs O(PSUs x columns).
"""
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES, widen


def psu_totals(const double[:, ::1] columns, const int32_t[::1] psu, const int32_t[::1] level,
               double[:, :, ::1] out):
    """Add columns (k, n) up by PSU and level of a domain into out (PSUs, levels, k), which holds zeros."""
    cdef Py_ssize_t i, c
    with nogil:
        for i in range(columns.shape[1]):
            for c in range(columns.shape[0]):
                out[psu[i], level[i], c] += columns[c, i]


def replicate_totals(const double[:, ::1] totals, const uint8_t[:, :, ::1] counts, double[:, ::1] factor,
                     double[:, ::1] out):
    """Add PSU totals (PSUs, k) times counts (groups, PSUs, LANES) up into out (k, groups * LANES).

    factor: (PSUs, LANES) work space.
    """
    cdef Py_ssize_t group, p, c, lane
    cdef Py_ssize_t columns = totals.shape[1], even = columns - columns % 2
    cdef double first[LANES]
    cdef double second[LANES]
    cdef double a, b
    with nogil:
        for group in range(counts.shape[0]):
            widen(counts, group, factor)
            for c in range(0, even, 2):  # two columns of eight lanes fill the sixteen registers of plain x86-64
                for lane in range(LANES):
                    first[lane] = 0.0
                    second[lane] = 0.0
                for p in range(counts.shape[1]):
                    a = totals[p, c]
                    b = totals[p, c + 1]
                    for lane in range(LANES):
                        first[lane] += a * factor[p, lane]
                        second[lane] += b * factor[p, lane]
                for lane in range(LANES):
                    out[c, group * LANES + lane] = first[lane]
                for lane in range(LANES):
                    out[c + 1, group * LANES + lane] = second[lane]
            for c in range(even, columns):
                for lane in range(LANES):
                    first[lane] = 0.0
                for p in range(counts.shape[1]):
                    a = totals[p, c]
                    for lane in range(LANES):
                        first[lane] += a * factor[p, lane]
                for lane in range(LANES):
                    out[c, group * LANES + lane] = first[lane]
