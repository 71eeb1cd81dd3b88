"""Sums by domain and welfare class, with the classes cut anew in every replicate. Cost: O(rows x columns) a replicate.

A row's class is the number of cuts below its welfare, so that a household at the cut belongs to the poorer class. Cuts
differ little between replicates: a row is compared with the lowest and the highest of each, and most rows belong to one
class in all lanes.
"""
from libc.stdint cimport int32_t
from sp2lnob._kernels._lanes cimport LANES


cdef inline void add(const double[:, ::1] columns, Py_ssize_t i, const double *factor, double *out) noexcept nogil:
    """Add a row's columns times the factors up into out (k, LANES)."""
    cdef Py_ssize_t c, lane
    cdef double total[LANES]
    for c in range(columns.shape[1]):
        if columns[i, c] != 0.0:  # most rows are above the line
            for lane in range(LANES):
                total[lane] = out[c * LANES + lane] + columns[i, c] * factor[lane]
            for lane in range(LANES):
                out[c * LANES + lane] = total[lane]


def class_totals(const double[:, ::1] columns, const int32_t[::1] unit, const int32_t[::1] domain,
                 const double[::1] welfare, const double[:, :, ::1] cuts, const double[:, ::1] lowest,
                 const double[:, ::1] highest, const double[:, :, ::1] factors, double[:, :, :, :, ::1] out):
    """Add columns (n, k) up by domain and class.

    cuts: (groups, classes - 1, LANES) ascending; lowest, highest: (groups, classes - 1) of the lanes. factors: (groups,
    units, LANES). out: (groups, domains, classes, k, LANES), which holds zeros.
    """
    cdef Py_ssize_t groups = factors.shape[0], most = cuts.shape[1]
    cdef Py_ssize_t group, i, j, lane, first, last
    cdef double part[LANES]
    cdef double y
    cdef bint inside
    with nogil:
        for i in range(columns.shape[0]):
            y = welfare[i]
            first = 0
            for j in range(most):
                first += y > highest[0, j]
            for group in range(groups):
                # The lowest and the highest class in any lane: from group to group they hardly move.
                while first < most and y > highest[group, first]:
                    first += 1
                while first > 0 and not y > highest[group, first - 1]:
                    first -= 1
                last = first
                while last < most and y > lowest[group, last]:
                    last += 1
                if first == last:
                    add(columns, i, &factors[group, unit[i], 0], &out[group, domain[i], first, 0, 0])
                    continue
                for j in range(first, last + 1):
                    for lane in range(LANES):
                        inside = (j == first or y > cuts[group, j - 1, lane]) and (
                            j == last or not y > cuts[group, j, lane])
                        part[lane] = factors[group, unit[i], lane] if inside else 0.0
                    add(columns, i, part, &out[group, domain[i], j, 0, 0])


def class_moves(const double[::1] weight, const int32_t[::1] unit, const int32_t[::1] domain,
                const double[::1] before, const double[::1] after, const double[:, :, ::1] cuts,
                const double[:, ::1] lowest, const double[:, ::1] highest, const int32_t[:, ::1] leaf,
                const double[:, :, ::1] factors, double[:, :, :, ::1] out):
    """Add weights (n,) of the rows that change class up by leaf before and leaf after, both cut at the same places.

    lowest, highest: as above. leaf: (domains, classes) leaf of a domain's row in a class. out: (groups, leaves, leaves,
    LANES), which holds zeros.
    """
    cdef Py_ssize_t group, i, j, lane, was, becomes
    cdef double y, z
    cdef bint moves
    with nogil:
        for group in range(factors.shape[0]):
            for i in range(weight.shape[0]):
                y = before[i]
                z = after[i]
                moves = False
                for j in range(cuts.shape[1]):  # not if both lie on one side of the cut in all lanes
                    moves |= (y > lowest[group, j] or z > lowest[group, j]) and not (
                        y > highest[group, j] and z > highest[group, j])
                if y == z or not moves:
                    continue
                for lane in range(LANES):
                    was = 0
                    becomes = 0
                    for j in range(cuts.shape[1]):
                        was += y > cuts[group, j, lane]
                        becomes += z > cuts[group, j, lane]
                    if was != becomes:
                        out[group, leaf[domain[i], was], leaf[domain[i], becomes], lane] += (
                            weight[i] * factors[group, unit[i], lane])
