"""Totals: every additive statistic, and the cells of an opportunity.

Columns are added up by unit and level once, in O(rows x columns); a replicate then costs O(slots x columns). A unit is
what a factor belongs to: a PSU, or a household where those of one PSU have factors of their own. A slot holds the rows
of a unit and level that follow each other: where rows are sorted by unit, all that it has there, and a level that a
unit does not have costs nothing. Levels are laid out in the order in which rows first have them: levels of one region
then follow each other, and its units' factors stay in the nearest cache.
"""
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES, lanes, load, plus, scaled, store


def count_slots(const int32_t[::1] unit, const int32_t[::1] level, int32_t[::1] recent, int32_t[::1] slots,
                int32_t[::1] order):
    """Count the slots of every level in slots (levels,), and return how many levels there are.

    recent: (levels,) work space. order: (levels,) the levels that rows have, as they first have them.
    """
    cdef Py_ssize_t i, k, present = 0
    with nogil:
        for k in range(recent.shape[0]):
            recent[k] = -1
            slots[k] = 0
        for i in range(unit.shape[0]):
            k = level[i]
            if recent[k] != unit[i]:
                if slots[k] == 0:
                    order[present] = <int32_t> k
                    present += 1
                slots[k] += 1
                recent[k] = unit[i]
    return present


def slot_totals(const double[::1] column, const int32_t[::1] unit, const int32_t[::1] level, int32_t[::1] current,
                int32_t[::1] slot_unit, double[::1] sums):
    """Add a column (n,) up by slot into sums (slots,), which holds zeros; write the unit of every slot.

    current: (levels,) the first slot of each, overwritten. slot_unit: (slots,), which holds -1.
    """
    cdef Py_ssize_t i, slot
    with nogil:
        for i in range(unit.shape[0]):
            slot = current[level[i]]
            if slot_unit[slot] != unit[i]:
                if slot_unit[slot] >= 0:
                    slot += 1
                    current[level[i]] = <int32_t> slot
                slot_unit[slot] = unit[i]
            sums[slot] += column[i]


def replicate_totals(const double[:, ::1] sums, const int32_t[::1] unit, const int32_t[::1] start,
                     const double[:, :, ::1] factors, double[:, :, ::1] out):
    """Add sums (k, slots) times factors (groups, units, LANES) up into out (levels, k, groups * LANES), holding zeros.

    unit: (slots,). start: (levels + 1,) where the slots of each level begin.
    """
    cdef Py_ssize_t group, j, first, last, s, c
    cdef lanes S, T, f
    with nogil:
        for group in range(factors.shape[0]):
            for j in range(out.shape[0]):
                for first in range(start[j], start[j + 1], 64):  # slots whose factors stay in the nearest cache
                    last = min(first + 64, <Py_ssize_t> start[j + 1])
                    for c in range(0, sums.shape[0] - 1, 2):  # two at a time: as many as plain x86-64 has registers for
                        S = load(&out[j, c, group * LANES])
                        T = load(&out[j, c + 1, group * LANES])
                        for s in range(first, last):
                            f = load(&factors[group, unit[s], 0])
                            S = plus(S, scaled(sums[c, s], f))
                            T = plus(T, scaled(sums[c + 1, s], f))
                        store(&out[j, c, group * LANES], S)
                        store(&out[j, c + 1, group * LANES], T)
                    if sums.shape[0] % 2:
                        c = sums.shape[0] - 1
                        S = load(&out[j, c, group * LANES])
                        for s in range(first, last):
                            S = plus(S, scaled(sums[c, s], load(&factors[group, unit[s], 0])))
                        store(&out[j, c, group * LANES], S)


def switch_factors(const int32_t[::1] unit, const double[:, ::1] score, const uint8_t[:, ::1] on,
                   const double[:, :, ::1] cuts, Py_ssize_t first, double[:, :, ::1] factors):
    """Write the factors of units that count in some replicates only, from the first on.

    unit: (n,) whose factor each takes where it counts. score, on: (k, n), cuts: (k, groups, LANES): it counts where
    every score that is at most the cut has on 1, and every other 0; where it is 2 it does not matter. factors: (groups,
    units, LANES).
    """
    cdef Py_ssize_t group, i, lane, k
    cdef double f
    with nogil:
        for group in range(factors.shape[0]):
            for i in range(unit.shape[0]):
                for lane in range(LANES):
                    f = factors[group, unit[i], lane]
                    for k in range(on.shape[0]):
                        if on[k, i] < 2 and (score[k, i] <= cuts[k, group, lane]) != on[k, i]:
                            f = 0.0
                    factors[group, first + i, lane] = f
