"""Totals: every additive statistic.

Columns are added up by unit once, in O(rows x columns); a replicate then costs O(units x columns). A unit is what a
factor belongs to: a PSU, or a household where those of one PSU have factors of their own.
"""
from libc.stdint cimport int32_t
from sp2lnob._kernels._lanes cimport LANES


def unit_totals(const double[:, ::1] columns, const int32_t[::1] unit, const int32_t[::1] level,
                double[:, :, ::1] out):
    """Add columns (k, n) up by unit and level of a domain into out (units, levels, k), which holds zeros."""
    cdef Py_ssize_t i, c
    with nogil:
        for i in range(columns.shape[1]):
            for c in range(columns.shape[0]):
                out[unit[i], level[i], c] += columns[c, i]


def replicate_totals(const double[:, ::1] totals, const double[:, :, ::1] factors, double[:, ::1] out):
    """Add totals by unit (units, k) times factors (groups, units, LANES) up into out (k, groups * LANES)."""
    cdef Py_ssize_t group, p, c, lane
    cdef Py_ssize_t columns = totals.shape[1], even = columns - columns % 2
    cdef double first[LANES]
    cdef double second[LANES]
    cdef double a, b
    with nogil:
        for group in range(factors.shape[0]):
            for c in range(0, even, 2):  # two columns of eight lanes fill the sixteen registers of plain x86-64
                for lane in range(LANES):
                    first[lane] = 0.0
                    second[lane] = 0.0
                for p in range(factors.shape[1]):
                    a = totals[p, c]
                    b = totals[p, c + 1]
                    for lane in range(LANES):
                        first[lane] += a * factors[group, p, lane]
                        second[lane] += b * factors[group, p, lane]
                for lane in range(LANES):
                    out[c, group * LANES + lane] = first[lane]
                for lane in range(LANES):
                    out[c + 1, group * LANES + lane] = second[lane]
            for c in range(even, columns):
                for lane in range(LANES):
                    first[lane] = 0.0
                for p in range(factors.shape[1]):
                    a = totals[p, c]
                    for lane in range(LANES):
                        first[lane] += a * factors[group, p, lane]
                for lane in range(LANES):
                    out[c, group * LANES + lane] = first[lane]
