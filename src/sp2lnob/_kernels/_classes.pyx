"""Sums by domain and welfare class, with the classes cut anew in every replicate. Cost: O(rows x columns) a replicate.

A row's class is the number of cuts below its welfare, so that a household at the cut belongs to the poorer class. Cuts
differ little between replicates: rows come in chunks of like welfare, and most chunks are of one class in all lanes.

And sums over the packages of a search, eight side by side in place of replicates: what a household is paid is added up
scheme after scheme, as everywhere, from a table of what every scheme at every level pays it. Cost: O(rows) a package,
and a term for every scheme in which the eight differ.
"""
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES, exponential, lanes, load, minus, over, plus, prefetch, scaled, shifted
from sp2lnob._kernels._lanes cimport store, times, within


cdef enum:
    ALIKE = 64  # rows of a chunk at most


cdef inline Py_ssize_t changes(const double[::1] welfare, Py_ssize_t begin, Py_ssize_t end,
                               const double[:, :, ::1] cuts, Py_ssize_t group, Py_ssize_t first, Py_ssize_t last,
                               int32_t *started, int32_t *at, int32_t *who, int32_t *to) noexcept nogil:
    # Write the class in which each lane starts a chunk, and at which rows which lane goes to which; return how many.
    #
    # first, last: the lowest and the highest class of any row in any lane.
    cdef Py_ssize_t i, lane, j, many = 0
    cdef int32_t now[LANES]
    for i in range(begin, end):
        for lane in range(LANES):
            j = first
            while j < last and welfare[i] > cuts[group, j, lane]:
                j += 1
            if i == begin:
                started[lane] = <int32_t> j
            elif j != now[lane]:
                at[many] = <int32_t> i
                who[many] = <int32_t> lane
                to[many] = <int32_t> j
                many += 1
            now[lane] = <int32_t> j
    return many


def class_totals(const double[:, ::1] columns, const int32_t[::1] unit, const double[::1] welfare,
                 const int32_t[::1] start, const int32_t[::1] domain, const double[::1] least,
                 const double[::1] most, const uint8_t[:, ::1] used, const double[:, :, ::1] cuts,
                 const double[:, ::1] lowest, const double[:, ::1] highest, const double[:, :, ::1] factors,
                 double[:, :, :, :, ::1] out):
    # Add columns (k, n) up by domain and class; k is even.
    #
    # Rows lie in chunks of up to 64, which begin in start (chunks + 1,) and are of one domain (chunks,). least, most:
    # (chunks,) welfare. used: (chunks, k / 2) whether one of two columns holds anything. cuts: (groups, classes - 1,
    # LANES) ascending; lowest, highest: (groups, classes - 1) of the lanes. factors: (groups, units, LANES). out:
    # (groups, domains, classes, k, LANES), which holds zeros.
    cdef Py_ssize_t n = unit.shape[0], inner = cuts.shape[1]
    cdef Py_ssize_t group, chunk, i, j, c, lane, first, last, many, begin, end
    cdef int32_t started[LANES]
    cdef int32_t now[LANES]
    cdef int32_t at[ALIKE * LANES]
    cdef int32_t who[ALIKE * LANES]
    cdef int32_t becomes[ALIKE * LANES]
    cdef double left[LANES]
    cdef double right[LANES]
    cdef double *to
    cdef lanes S, T, f
    with nogil:
        for group in range(factors.shape[0]):
            for chunk in range(domain.shape[0]):
                for i in range(start[chunk], start[chunk + 1]):  # what the next chunk needs
                    prefetch(&factors[group, unit[min(i + 64, n - 1)], 0])
                first = 0
                last = 0
                for j in range(inner):
                    first += least[chunk] > highest[group, j]
                    last += most[chunk] > lowest[group, j]
                many = 0
                if first < last:
                    many = changes(welfare, start[chunk], start[chunk + 1], cuts, group, first, last, started, at, who,
                                   becomes)
                for c in range(0, columns.shape[0], 2):
                    if not used[chunk, c // 2]:
                        continue
                    to = &out[group, domain[chunk], first, c, 0]
                    if first == last:
                        S = load(to)
                        T = load(to + LANES)
                    else:  # each lane goes on where its class is
                        for lane in range(LANES):
                            now[lane] = started[lane]
                            left[lane] = out[group, domain[chunk], now[lane], c, lane]
                            right[lane] = out[group, domain[chunk], now[lane], c + 1, lane]
                        S = load(left)
                        T = load(right)
                    begin = start[chunk]
                    for j in range(many + 1):
                        end = at[j] if j < many else start[chunk + 1]
                        for i in range(begin, end):
                            f = load(&factors[group, unit[i], 0])
                            S = plus(S, scaled(columns[c, i], f))
                            T = plus(T, scaled(columns[c + 1, i], f))
                        begin = end
                        if j < many:
                            lane = who[j]
                            store(left, S)
                            store(right, T)
                            out[group, domain[chunk], now[lane], c, lane] = left[lane]
                            out[group, domain[chunk], now[lane], c + 1, lane] = right[lane]
                            now[lane] = becomes[j]
                            left[lane] = out[group, domain[chunk], now[lane], c, lane]
                            right[lane] = out[group, domain[chunk], now[lane], c + 1, lane]
                            S = load(left)
                            T = load(right)
                    if first == last:
                        store(to, S)
                        store(to + LANES, T)
                    else:
                        store(left, S)
                        store(right, T)
                        for lane in range(LANES):
                            out[group, domain[chunk], now[lane], c, lane] = left[lane]
                            out[group, domain[chunk], now[lane], c + 1, lane] = right[lane]


def class_moves(const double[::1] weight, const int32_t[::1] unit, const int32_t[::1] domain,
                const double[::1] before, const double[::1] after, const double[:, :, ::1] cuts,
                const double[:, ::1] lowest, const double[:, ::1] highest, const int32_t[:, ::1] leaf,
                const int32_t[:, ::1] to, const double[:, :, ::1] factors, double[:, :, :, ::1] out):
    # Add weights (n,) of the rows that change class up by where they were and where they are, cut at the same places.
    #
    # lowest, highest: as above. leaf, to: (domains, classes) place of a domain's row in a class, before and after. out:
    # (groups, places before, places after, LANES), which holds zeros.
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
                        out[group, leaf[domain[i], was], to[domain[i], becomes], lane] += (
                            weight[i] * factors[group, unit[i], lane])


cdef inline void gain(const double *change, double sign, double y, const double[:, :, ::1] cuts,
                      const double[:, ::1] lowest, const double[:, ::1] highest, const int32_t[:, ::1] leaf,
                      Py_ssize_t domain, Py_ssize_t group, double[:, :, ::1] out) noexcept nogil:
    # Add a row's change (LANES,) to the leaf in which its welfare y puts it; of a sign only, if sign is not 0.
    cdef Py_ssize_t first = 0, last = 0, j, lane
    cdef double value
    for j in range(cuts.shape[1]):
        first += y > highest[group, j]
        last += y > lowest[group, j]
    for lane in range(LANES):
        value = change[lane]
        if sign * value < 0.0:
            continue
        j = first
        if first != last:
            while j < last and y > cuts[group, j, lane]:
                j += 1
        out[group, leaf[domain, j], lane] += value


def class_slopes(const double[::1] weight, const int32_t[::1] unit, const int32_t[::1] domain,
                 const double[::1] before, const double[::1] after, const double[:, :, ::1] cuts,
                 const double[:, ::1] lowest, const double[:, ::1] highest, const int32_t[:, ::1] leaf,
                 const double[:, :, ::1] knot, const double[:, :, :, ::1] step, double sign,
                 const double[:, :, ::1] factors, double[:, :, ::1] out):
    # Add up by leaf before what the rate gains that moves linearly in welfare between the knots of classes.
    #
    # cuts, lowest, highest, leaf: as above. knot: (groups, classes, LANES) welfare, ascending. step: (groups, domains,
    # classes - 1, LANES) of a domain's rate from one knot to the next; flat beyond the first and the last. sign: of the
    # changes that count, 0 for all. out: (groups, leaves, LANES), which holds zeros.
    cdef Py_ssize_t group, i, j, lane, inner = cuts.shape[1]
    cdef double y, z, low, high, s, t, wide
    cdef double change[LANES]
    cdef bint inside, outside
    with nogil:
        for group in range(factors.shape[0]):
            for i in range(weight.shape[0]):
                y = before[i]
                z = after[i]
                low = min(y, z)
                high = max(y, z)
                for lane in range(LANES):
                    change[lane] = 0.0
                inside = False
                for j in range(inner):
                    outside = True
                    for lane in range(LANES):
                        outside &= (high <= knot[group, j, lane]) | (low >= knot[group, j + 1, lane])
                    if outside:
                        continue
                    inside = True
                    for lane in range(LANES):
                        wide = knot[group, j + 1, lane] - knot[group, j, lane]
                        s = y - knot[group, j, lane]
                        t = z - knot[group, j, lane]
                        s = s if s > 0.0 else 0.0
                        t = t if t > 0.0 else 0.0
                        s = s if s < wide else wide
                        t = t if t < wide else wide
                        t = t - s
                        if t != 0.0:
                            change[lane] += t / wide * step[group, domain[i], j, lane]
                if not inside:
                    continue
                for lane in range(LANES):
                    change[lane] *= weight[i] * factors[group, unit[i], lane]
                    if factors[group, unit[i], lane] == 0.0:  # a rate of nobody may have no value
                        change[lane] = 0.0
                gain(change, sign, y, cuts, lowest, highest, leaf, domain[i], group, out)


def class_odds(const double[::1] weight, const int32_t[::1] unit, const int32_t[::1] domain,
               const double[::1] welfare, const double[::1] before, const double[::1] after,
               const double[:, :, ::1] cuts, const double[:, ::1] lowest, const double[:, ::1] highest,
               const int32_t[:, ::1] leaf, const double[:, :, ::1] own, const double[:, ::1] slope, double sign,
               const double[:, :, ::1] factors, double[:, :, ::1] out):
    # Add up by leaf before what a logit's rate gains as a number of each row moves from before to after.
    #
    # cuts, lowest, highest, leaf: as above, of welfare. own: (domains, groups, LANES) log odds where the number is 0.
    # slope: (groups, LANES). sign: of the changes that count, 0 for all. out: (groups, leaves, LANES), which holds
    # zeros.
    cdef Py_ssize_t group, i
    cdef double change[LANES]
    cdef lanes base, steep, p, q
    with nogil:
        for group in range(factors.shape[0]):
            steep = load(&slope[group, 0])
            for i in range(weight.shape[0]):
                base = load(&own[domain[i], group, 0])
                p = within(plus(base, scaled(before[i], steep)), 30.0)
                q = within(plus(base, scaled(after[i], steep)), 30.0)
                p = over(1.0, shifted(1.0, exponential(scaled(-1.0, p))))
                q = over(1.0, shifted(1.0, exponential(scaled(-1.0, q))))
                store(change, times(minus(q, p), scaled(weight[i], load(&factors[group, unit[i], 0]))))
                gain(change, sign, welfare[i], cuts, lowest, highest, leaf, domain[i], group, out)


cdef inline void add_money(const double *money, const int32_t *option, Py_ssize_t alike, Py_ssize_t candidates,
                           double *out) noexcept nogil:
    # Write what eight packages pay a household: the first schemes, which all have at one level, are added once.
    cdef Py_ssize_t k, lane
    cdef double first = 0.0
    for k in range(alike):
        first += money[option[k * LANES]]
    for lane in range(LANES):
        out[lane] = first
    for k in range(alike, candidates):
        for lane in range(LANES):
            out[lane] += money[option[k * LANES + lane]]


def package_poverty(const double[:, ::1] money, const double[::1] welfare, const double[::1] share,
                    const double[::1] weight, const int32_t[::1] start, double line, const int32_t[:, :, ::1] option,
                    const int32_t[::1] alike, double[:, :, :, ::1] out):
    # Add weights, weighted gaps to the line and weighted squares of gaps up, of the rows below it after a package.
    #
    # money: (rows, options), currency a year. share: (rows,) of it that is added to welfare. Rows lie in segments,
    # which begin in start (segments + 1,). option: (groups, candidates, LANES), the column of money that a package
    # takes of each candidate; alike: (groups,) first candidates of which all lanes take one column. out: (groups,
    # segments, 3, LANES).
    cdef Py_ssize_t group, segment, i, lane
    cdef double part[LANES]
    cdef double poor[LANES]
    cdef double gaps[LANES]
    cdef double squares[LANES]
    cdef double gap, w
    with nogil:
        for group in range(option.shape[0]):
            for segment in range(start.shape[0] - 1):
                for lane in range(LANES):
                    poor[lane] = 0.0
                    gaps[lane] = 0.0
                    squares[lane] = 0.0
                for i in range(start[segment], start[segment + 1]):
                    add_money(&money[i, 0], &option[group, 0, 0], alike[group], option.shape[1], part)
                    w = weight[i]
                    for lane in range(LANES):
                        gap = line - (welfare[i] + part[lane] * share[i])
                        poor[lane] += w if gap > 0.0 else 0.0
                        gap = gap if gap > 0.0 else 0.0
                        gaps[lane] += w * gap
                        squares[lane] += w * gap * gap
                store(&out[group, segment, 0, 0], load(poor))
                store(&out[group, segment, 1, 0], load(gaps))
                store(&out[group, segment, 2, 0], load(squares))


def package_moves(const double[:, ::1] money, const int32_t[::1] home, const double[::1] welfare,
                  const double[::1] share, const double[::1] weight, const int32_t[::1] start,
                  const int32_t[::1] domain, const int32_t[::1] band, const double[::1] cuts,
                  const int32_t[:, :, ::1] move, const int32_t[:, :, ::1] option, const int32_t[::1] alike,
                  double[:, :, :, ::1] out):
    # Add weights of the rows that a package lifts over a cut up by the move from leaf to leaf.
    #
    # home: (rows,) row of money. welfare, share: by row of money. band: (rows,) class before, below the highest. cuts:
    # (classes - 1,) ascending. move: (domains, classes before, classes after), -1 where the leaf is the same. Segments
    # and packages as above. out: (groups, segments, moves, LANES), which holds zeros.
    cdef Py_ssize_t group, segment, i, h, lane, becomes, to
    cdef double part[LANES]
    cdef double y
    with nogil:
        for group in range(option.shape[0]):
            for segment in range(start.shape[0] - 1):
                for i in range(start[segment], start[segment + 1]):
                    h = home[i]
                    add_money(&money[h, 0], &option[group, 0, 0], alike[group], option.shape[1], part)
                    for lane in range(LANES):
                        y = welfare[h] + part[lane] * share[h]
                        if y > cuts[band[i]]:
                            becomes = band[i] + 1
                            while becomes < cuts.shape[0] and y > cuts[becomes]:
                                becomes += 1
                            to = move[domain[i], band[i], becomes]
                            if to >= 0:
                                out[group, segment, to, lane] += weight[i]


def package_reach(const double[:, ::1] money, const double[::1] weight, const int32_t[:, :, ::1] option,
                  const int32_t[::1] alike, double[:, ::1] out):
    # Add weights of the rows that a package pays anything up. out: (groups, LANES), which holds zeros.
    cdef Py_ssize_t group, i, lane
    cdef double part[LANES]
    with nogil:
        for group in range(option.shape[0]):
            for i in range(money.shape[0]):
                add_money(&money[i, 0], &option[group, 0, 0], alike[group], option.shape[1], part)
                for lane in range(LANES):
                    out[group, lane] += weight[i] if part[lane] > 0.0 else 0.0


def package_welfare(const double[:, ::1] money, const double[::1] welfare, const double[::1] share,
                    const int32_t[:, :, ::1] option, const int32_t[::1] alike, double[:, ::1] out):
    # Write welfare after every package: out (groups * LANES, rows).
    cdef Py_ssize_t group, i, lane
    cdef double part[LANES]
    with nogil:
        for group in range(option.shape[0]):
            for i in range(money.shape[0]):
                add_money(&money[i, 0], &option[group, 0, 0], alike[group], option.shape[1], part)
                for lane in range(LANES):
                    out[group * LANES + lane, i] = welfare[i] + part[lane] * share[i]
