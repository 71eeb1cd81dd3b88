"""Totals: every additive statistic, the cells of an opportunity, and what a household's members have together.

Columns are added up by unit and level once, in O(rows x columns); a replicate then costs O(slots x columns). A unit is
what a factor belongs to: a PSU, or a household where those of one PSU have factors of their own. A slot holds the rows
of a unit and level that follow each other: where rows are sorted by unit, all that it has there, and a level that a
unit does not have costs nothing. Where there is one level, units are slots. Levels are laid out in the order in which
rows first have them: levels of one region then follow each other, and its units' factors stay in the nearest cache.
"""
from cython cimport view
from libc.stdint cimport int32_t, int64_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES, lanes, load, plus, scaled, store

cdef enum:
    BLOCK = 64  # slots that are passed over where they hold nothing


def count_slots(const int32_t[::1] unit, const int32_t[::1] level, int32_t[::1] recent, int32_t[::1] slots,
                int32_t[::1] order):
    # Count the slots of every level in slots (levels,), and return how many levels there are.
    #
    # A row whose level is below 0 has no slot. recent: (levels,) work space. order: (levels,) the levels that rows
    # have, as they first have them.
    cdef Py_ssize_t i, k, present = 0
    with nogil:
        for k in range(recent.shape[0]):
            recent[k] = -1
            slots[k] = 0
        for i in range(unit.shape[0]):
            k = level[i]
            if k >= 0 and recent[k] != unit[i]:
                if slots[k] == 0:
                    order[present] = <int32_t> k
                    present += 1
                slots[k] += 1
                recent[k] = unit[i]
    return present


def place_rows(const int32_t[::1] unit, const int32_t[::1] level, int32_t[::1] current, int32_t[::1] slot_unit,
               int32_t[::1] slot):
    # Write the slot of every row (n,), -1 for one without, and the unit of every slot.
    #
    # current: (levels,) the first slot of each, overwritten. slot_unit: (slots,), which holds -1.
    cdef Py_ssize_t i, k, s
    with nogil:
        for i in range(unit.shape[0]):
            k = level[i]
            if k < 0:
                slot[i] = -1
                continue
            s = current[k]
            if slot_unit[s] != unit[i]:
                if slot_unit[s] >= 0:
                    s += 1
                    current[k] = <int32_t> s
                slot_unit[s] = unit[i]
            slot[i] = <int32_t> s


def gaps_below(const double[::1] welfare, const double[::1] weight, double line,
               double[::view.strided, ::view.contiguous] out):
    # Write weights of rows below a line, times 1, the gap to the line as a share of it, and the gap's square.
    #
    # welfare, weight: (n,). out: (3, n).
    cdef Py_ssize_t n = welfare.shape[0], i
    cdef double gap, share, w
    cdef double *poor
    cdef double *gaps
    cdef double *squares
    if n == 0:
        return
    poor, gaps, squares = &out[0, 0], &out[1, 0], &out[2, 0]
    with nogil:
        for i in range(n):
            gap = line - welfare[i]
            share = gap / line
            w = weight[i]
            w = w if gap > 0.0 else 0.0
            share = share if gap > 0.0 else 0.0
            poor[i] = w
            gaps[i] = w * share
            squares[i] = w * share * share


cdef inline double run_total(const double *column, Py_ssize_t n) noexcept nogil:
    # Add numbers up: eight sums side by side, these by pairs, then the numbers that are left one by one.
    cdef Py_ssize_t i = LANES
    cdef double part[LANES]
    cdef double total = 0.0
    cdef lanes S
    if n >= LANES:
        S = load(column)
        while i + LANES <= n:
            S = plus(S, load(column + i))
            i += LANES
        store(part, S)
        total = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]))
    else:
        i = 0
    while i < n:
        total += column[i]
        i += 1
    return total


def slot_totals(const double[::view.strided, ::view.contiguous] columns, const int32_t[::1] slot, double[:, ::1] sums):
    # Add columns (k, n) up by slot into sums (k, slots); a row whose slot is below 0 has none.
    #
    # Where eight rows of a slot or more follow each other, on average, as those of a PSU do, they are added up before
    # they are added to the slot. What is given in one call decides that, and with it the last bits.
    cdef Py_ssize_t n = slot.shape[0], runs = 0, first, last, i, c, s
    with nogil:
        for i in range(1, n):
            runs += slot[i] != slot[i - 1]
        if runs * LANES < n:
            first = 0
            while first < n:
                s = slot[first]
                last = first + 1
                while last < n and slot[last] == s:
                    last += 1
                if s >= 0:
                    for c in range(columns.shape[0]):
                        sums[c, s] += run_total(&columns[c, first], last - first)
                first = last
        else:
            for i in range(n):
                s = slot[i]
                if s >= 0:
                    for c in range(columns.shape[0]):  # side by side: none waits for the sum of another
                        sums[c, s] += columns[c, i]


def replicate_totals(const double[:, ::1] sums, const int32_t[::1] unit, const int32_t[::1] start,
                     const uint8_t[:, ::1] used, const double[:, :, ::1] factors, double[:, :, ::1] out):
    # Add sums (k, slots) times factors (groups, units, LANES) up into out (levels, k, groups * LANES), holding zeros.
    #
    # unit: (slots,). start: (levels + 1,) where the slots of each level begin. used: ((k + 1) / 2, slots / 64 + 1)
    # whether one of two columns holds anything in 64 slots from the first on.
    cdef Py_ssize_t group, j, first, last, s, c
    cdef lanes S, T, f
    with nogil:
        for group in range(factors.shape[0]):
            for j in range(out.shape[0]):
                first = start[j]
                while first < start[j + 1]:  # slots whose factors stay in the nearest cache
                    last = min(first - first % BLOCK + BLOCK, <Py_ssize_t> start[j + 1])
                    for c in range(0, sums.shape[0] - 1, 2):  # two at a time: as many as plain x86-64 has registers for
                        if not used[c // 2, first // BLOCK]:
                            continue
                        S = load(&out[j, c, group * LANES])
                        T = load(&out[j, c + 1, group * LANES])
                        for s in range(first, last):
                            f = load(&factors[group, unit[s], 0])
                            S = plus(S, scaled(sums[c, s], f))
                            T = plus(T, scaled(sums[c + 1, s], f))
                        store(&out[j, c, group * LANES], S)
                        store(&out[j, c + 1, group * LANES], T)
                    if sums.shape[0] % 2 and used[sums.shape[0] // 2, first // BLOCK]:
                        c = sums.shape[0] - 1
                        S = load(&out[j, c, group * LANES])
                        for s in range(first, last):
                            S = plus(S, scaled(sums[c, s], load(&factors[group, unit[s], 0])))
                        store(&out[j, c, group * LANES], S)
                    first = last


cdef inline void close_psu(Py_ssize_t k, int32_t stratum, int32_t[::1] recent, int64_t[:, ::1] counts,
                           double[:, ::1] sums) noexcept nogil:
    # Count a PSU for a level, if it has weight there.
    if sums[0, k] > 0.0:
        counts[1, k] += 1
        counts[2, k] += recent[k] != stratum
        recent[k] = stratum
        sums[1, k] += sums[0, k]
        sums[2, k] += sums[0, k] * sums[0, k]
        sums[0, k] = 0.0


def level_counts(const int32_t[::1] psu, const int32_t[::1] stratum, const int32_t[::1] level,
                 const double[::1] weight, int32_t[::1] recent, int64_t[:, ::1] counts, double[:, ::1] sums):
    # Count rows with weight of each level, their PSUs and strata; add weights of PSUs and their squares up.
    #
    # psu: (n,) ascending. stratum: (psus,) ascending. recent: (levels,) work space, which holds -1. counts: (3, levels)
    # rows, PSUs, strata; sums: (3, levels) work space, weights, squares: which hold zeros. Of one level all rows are.
    cdef Py_ssize_t n = psu.shape[0], levels = recent.shape[0], first = 0, positive = 0, last, i, k
    with nogil:
        while first < n:
            last = first + 1
            while last < n and psu[last] == psu[first]:
                last += 1
            if levels == 1:
                sums[0, 0] = run_total(&weight[first], last - first)
                for i in range(first, last):
                    positive += weight[i] > 0.0
            else:
                for i in range(first, last):
                    sums[0, level[i]] += weight[i]
                    counts[0, level[i]] += weight[i] > 0.0
            if levels < last - first:
                for k in range(levels):
                    close_psu(k, stratum[psu[first]], recent, counts, sums)
            else:
                for i in range(first, last):
                    close_psu(level[i], stratum[psu[first]], recent, counts, sums)
            first = last
        if levels == 1:
            counts[0, 0] = positive


def member_sums(const double[::1] values, const int32_t[::1] first_person, double[::1] out):
    # Add values (persons,) up by household. first_person: (households + 1,).
    cdef Py_ssize_t h, i
    cdef double total
    with nogil:
        for h in range(out.shape[0]):
            total = 0.0
            for i in range(first_person[h], first_person[h + 1]):
                total += values[i]
            out[h] = total


def member_chances(const double[:, ::1] chance, const int32_t[::1] first_person, double[:, ::1] out):
    # Write the chance that something happens to one member at least: 1 less the product of 1 less each one's.
    #
    # chance: (persons, k). first_person: (households + 1,). out: (households, k).
    cdef Py_ssize_t h, i, c
    with nogil:
        for h in range(out.shape[0]):
            for c in range(out.shape[1]):
                out[h, c] = 1.0
            for i in range(first_person[h], first_person[h + 1]):
                for c in range(out.shape[1]):
                    out[h, c] *= 1.0 - chance[i, c]
            for c in range(out.shape[1]):
                out[h, c] = 1.0 - out[h, c]


def switch_factors(const int32_t[::1] unit, const double[:, ::1] score, const uint8_t[:, ::1] on,
                   const double[:, :, ::1] cuts, Py_ssize_t first, double[:, :, ::1] factors):
    # Write the factors of units that count in some replicates only, from the first on.
    #
    # unit: (n,) whose factor each takes where it counts. score, on: (k, n), cuts: (k, groups, LANES): it counts where
    # every score that is at most the cut has on 1, and every other 0; where it is 2 it does not matter. factors:
    # (groups, units, LANES).
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
