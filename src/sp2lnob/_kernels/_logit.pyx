"""Weighted logit with main effects on cells, by Newton's method, for eight replicates side by side.

Every circumstance has one level active in a cell, so that the Hessian is added up by pairs of active levels. Cells come
sorted: those that share the levels of the first circumstances follow each other. What a cell adds goes pair by pair to
its last level alone; for the levels before, it goes into a sum that is passed on when they change. A step costs
O(cells x circumstances + parameters^3) a replicate.

A lane stops on its own, and nothing but itself decides. No logarithm is needed: the likelihood is concave, so that a
step went too far where the slope along it has turned nearly as steep as it was.
"""
from libc.math cimport fabs
from libc.stdint cimport int32_t, uint8_t
from sp2lnob._kernels._lanes cimport LANES, exponential, greater, lanes, load, minus, over, plus, scaled, shifted, store
from sp2lnob._kernels._lanes cimport times, within

cdef enum:
    CONVERGED = 1
    SEPARATED = 2

cdef double EDGE = 30.0  # a predictor beyond it is a rate of 0 or 1, which is 1e-13 away
cdef double EXTREME = 1e-8  # a fitted rate this near 0 or 1 where there is weight: its predictor has no end
cdef double FAR = 18.4  # a predictor within it is no such rate
cdef double DEPENDENT = 1e-9  # of a parameter's information, what must be its own beside the parameters before it
cdef double ENOUGH = 1e-12  # a Newton decrement, per weight, after which the step's own error is of that size
cdef double FARTHEST = 8.0  # that a step takes a coefficient
cdef double OVERSHOT = 0.9
cdef double ROUNDING = 1e-14


def exponentials(const double[:, ::1] x, double[:, ::1] out):
    # Write e^x for x of shape (groups, LANES), within 700 of 0.
    cdef Py_ssize_t group
    with nogil:
        for group in range(x.shape[0]):
            store(&out[group, 0], exponential(load(&x[group, 0])))


def walk(const int32_t[:, ::1] codes, const int32_t[::1] columns, const int32_t[::1] first, int32_t[:, ::1] parameter,
         int32_t[::1] fresh, int32_t[::1] base):
    # Write what ``fit`` walks by, and return whether cells come sorted by their codes (cells, circumstances).
    #
    # columns: the circumstances in the order of the walk. first: (circumstances + 1,) the parameter of the first level
    # of each that has one, and their number. Out: parameter (cells, circumstances); fresh (cells + 1,); base
    # (parameters,).
    cdef Py_ssize_t cells = codes.shape[0], last = codes.shape[1] - 1, c, d, i
    cdef int32_t p = first[last + 1], code
    cdef bint is_sorted = True
    with nogil:
        base[0] = 0
        for d in range(last + 1):
            for i in range(first[d], first[d + 1]):
                base[i] = p + <int32_t> d
        fresh[0] = 0
        fresh[cells] = 0
        for c in range(cells):
            for d in range(last + 1):
                i = columns[d]
                code = codes[c, i]
                parameter[c, d] = first[i] + code - 1 if code > 0 else p + <int32_t> i
            if c > 0:
                d = 0
                while d < last and codes[c, columns[d]] == codes[c - 1, columns[d]]:
                    d += 1
                fresh[c] = <int32_t> d
                if codes[c, columns[d]] < codes[c - 1, columns[d]]:
                    is_sorted = False
    return is_sorted


cdef inline void add(double *to, lanes x) noexcept nogil:
    store(to, plus(load(to), x))


cdef void place_ends(const double[:, :, ::1] cell, const int32_t[:, ::1] parameter, const int32_t[::1] base,
                     const double *end, double *weight, double *b, Py_ssize_t p, Py_ssize_t width) noexcept nogil:
    # Give levels without a coefficient one that is 30 from the others, wherever those started.
    #
    # end: where levels lie, 0 of those that have a coefficient; the nearest is put 30 away. What remains of a
    # circumstance whose base is among them is measured from the first level that has weight left (cell); if none is
    # left, from 0. weight: work space.
    cdef Py_ssize_t c, d, i, j, lane, last
    cdef double scale, from_base, shift
    cdef bint left
    for lane in range(LANES):
        scale = 0.0
        for j in range(width):
            weight[j * LANES + lane] = 0.0
            if end[j * LANES + lane] != 0.0 and (scale == 0.0 or fabs(end[j * LANES + lane]) < scale):
                scale = fabs(end[j * LANES + lane])
        if scale == 0.0:
            continue
        scale = EDGE / scale
        left = False
        for c in range(parameter.shape[0]):
            if cell[c, 0, lane] > 0.0:
                left = True
                for d in range(parameter.shape[1]):
                    weight[parameter[c, d] * LANES + lane] += cell[c, 0, lane]
        if not left:
            for j in range(p):
                b[j * LANES + lane] = 0.0
        j = 1
        while j < p:
            last = j
            while last < p and base[last] == base[j]:
                last += 1
            from_base = scale * end[base[j] * LANES + lane]
            if from_base != 0.0:
                shift = from_base
                for i in range(j, last):
                    if weight[i * LANES + lane] > 0.0:
                        shift += b[i * LANES + lane]
                        break
                b[lane] += shift
                for i in range(j, last):
                    b[i * LANES + lane] -= shift
            for i in range(j, last):
                if end[i * LANES + lane] != 0.0:
                    b[i * LANES + lane] = scale * end[i * LANES + lane] - from_base
            j = last


cdef void solve(double *H, const double *g, double *share, double *made, Py_ssize_t p,
                Py_ssize_t width) noexcept nogil:
    # Write H^-1 g for H (p of width, p of width, LANES), of which what is below the diagonal is read and lost.
    #
    # H = L D L': row by row, L below the diagonal, one over D in share. A parameter that those before it determine, or
    # that nobody has, gets 0 for its inverse, and stays where it is.
    cdef Py_ssize_t size = width * LANES, i, j, k, lane
    cdef double x[LANES]
    cdef double y[LANES]
    cdef lanes t, r, v
    cdef double *row
    cdef double *other
    for i in range(p):
        row = H + i * size
        for lane in range(LANES):
            y[lane] = DEPENDENT * row[i * LANES + lane]
        for j in range(i):
            other = H + j * size
            t = load(row + j * LANES)
            for k in range(j):
                t = minus(t, times(load(row + k * LANES), load(other + k * LANES)))
            store(row + j * LANES, t)
        t = load(row + i * LANES)
        for j in range(i):
            r = load(row + j * LANES)
            v = times(r, load(share + j * LANES))
            t = minus(t, times(r, v))
            store(row + j * LANES, v)
        store(x, t)
        for lane in range(LANES):
            share[i * LANES + lane] = 1.0 / x[lane] if x[lane] > y[lane] else 0.0
    for i in range(p):
        row = H + i * size
        t = load(g + i * LANES)
        for k in range(i):
            t = minus(t, times(load(row + k * LANES), load(made + k * LANES)))
        store(made + i * LANES, t)
    for i in range(p - 1, -1, -1):
        t = times(load(made + i * LANES), load(share + i * LANES))
        for k in range(i + 1, p):
            t = minus(t, times(load(H + k * size + i * LANES), load(made + k * LANES)))
        store(made + i * LANES, t)


cdef void advance(const double *g, double *b, double *move, const double *next_move, double *rise, uint8_t *active,
                  uint8_t *status, Py_ssize_t p, Py_ssize_t step, const double *weight) noexcept nogil:
    # Take a Newton step in every lane that has not converged, or half of the last one back where it went too far.
    #
    # weight: (LANES,) of the sample, in which the decrement is told.
    cdef Py_ssize_t j, k, lane
    cdef double slope, value, total
    for lane in range(LANES):
        if not active[lane]:
            continue
        slope = 0.0
        value = 0.0
        for j in range(p):
            k = j * LANES + lane
            slope += g[k] * move[k]
            value += g[k] * next_move[k]
        if step > 0 and slope < -OVERSHOT * rise[lane]:
            for j in range(p):
                move[j * LANES + lane] *= 0.5
                b[j * LANES + lane] -= move[j * LANES + lane]
            rise[lane] *= 0.5
            continue
        total = FARTHEST
        for j in range(p):
            total = max(total, fabs(next_move[j * LANES + lane]))
        total = FARTHEST / total
        for j in range(p):
            move[j * LANES + lane] = total * next_move[j * LANES + lane]
            b[j * LANES + lane] += move[j * LANES + lane]
        rise[lane] = total * value
        if value <= ENOUGH * weight[lane]:
            status[lane] |= CONVERGED
            active[lane] = False


def fit(const double[:, :, ::1] sums, const int32_t[::1] place, const int32_t[:, ::1] parameter,
        const int32_t[::1] fresh, const int32_t[::1] base, const double[::1] start, Py_ssize_t steps,
        double[:, :, ::1] cell, double[:, :, ::1] depth, double[:, :, ::1] hessian, double[:, :, ::1] vector,
        double[:, ::1] coefficients, double[:, ::1] rate, uint8_t[::1] state):
    # Fit the logit of every replicate.
    #
    # sums: (cells, k >= 2, replicates) weight and weighted outcome first. In the order of the walk: place (cells,) of a
    # cell in sums; parameter (cells, circumstances) of its levels: from 1 to p - 1, and from p on those of the base
    # levels, which stay 0; fresh (cells + 1,) the first circumstance whose level is not that of the cell before, 0 at
    # both ends. base: (p,) the base's parameter of every parameter's circumstance; that of the intercept is 0.
    # start: (p,) coefficients to begin at. steps: most Newton steps.
    # Work space, q = p + circumstances: cell (cells, 3, LANES); depth (circumstances + 1, 3, LANES); hessian (q, q,
    # LANES); vector (6, q, LANES).
    # Out: coefficients (p, replicates); rate (cells, replicates) in the order of sums; state (replicates,) 1 converged,
    # 2 separated, or both added up. A replicate without weight has neither, and rates of no meaning.
    cdef Py_ssize_t cells = place.shape[0], features = parameter.shape[1], p = start.shape[0]
    cdef Py_ssize_t width = vector.shape[1], size = width * LANES, last = features - 1
    cdef Py_ssize_t group, c, d, e, j, k, lane, step, q, s
    cdef double value, reach
    cdef double rise[LANES]
    cdef double unit[LANES]
    cdef double x[LANES]
    cdef uint8_t status[LANES]
    cdef uint8_t active[LANES]
    cdef bint found, forced, any_active
    cdef lanes n, eta, t, m, v, r
    cdef double *b = &vector[0, 0, 0]
    cdef double *g = &vector[1, 0, 0]
    cdef double *move = &vector[2, 0, 0]
    cdef double *next_move = &vector[3, 0, 0]
    cdef double *share = &vector[4, 0, 0]  # of a level; then what is known of a parameter, then one over its pivot
    cdef double *end = &vector[5, 0, 0]  # of a coefficient that has none
    cdef double *H = &hessian[0, 0, 0]
    with nogil:
        for group in range(rate.shape[1] // LANES):
            # Weights as shares of their sum, so that nothing below depends on their scale.
            for lane in range(LANES):
                x[lane] = 0.0
            n = load(x)
            for c in range(cells):
                v = load(&sums[place[c], 0, group * LANES])
                n = plus(n, v)
                store(&cell[c, 0, 0], v)
                store(&cell[c, 1, 0], load(&sums[place[c], 1, group * LANES]))
            store(x, n)
            for lane in range(LANES):
                status[lane] = 0
                unit[lane] = 1.0
                active[lane] = x[lane] > 0.0
                x[lane] = 1.0 / x[lane] if x[lane] > 0.0 else 0.0
            n = load(x)
            for c in range(cells):
                store(&cell[c, 0, 0], times(n, load(&cell[c, 0, 0])))
                store(&cell[c, 1, 0], times(n, load(&cell[c, 1, 0])))
            # A level where all have access, or none: its rate is 1 or 0, and the others are fitted without it.
            for j in range(size):
                end[j] = 0.0
            forced = False
            found = True
            reach = EDGE
            while found:
                found = False
                for j in range(size):
                    share[j] = 0.0
                    g[j] = 0.0
                for d in range(features + 1):
                    for lane in range(LANES):
                        depth[d, 1, lane] = 0.0
                        depth[d, 2, lane] = 0.0
                for c in range(cells):
                    n = load(&cell[c, 0, 0])
                    r = load(&cell[c, 1, 0])
                    q = parameter[c, last] * LANES
                    add(share + q, n)
                    add(g + q, r)
                    add(&depth[last, 1, 0], n)
                    add(&depth[last, 2, 0], r)
                    for d in range(last - 1, fresh[c + 1] - 1, -1):  # levels that end here
                        n = load(&depth[d + 1, 1, 0])
                        r = load(&depth[d + 1, 2, 0])
                        q = parameter[c, d] * LANES
                        add(share + q, n)
                        add(g + q, r)
                        add(&depth[d, 1, 0], n)
                        add(&depth[d, 2, 0], r)
                        for lane in range(LANES):
                            depth[d + 1, 1, lane] = 0.0
                            depth[d + 1, 2, lane] = 0.0
                for j in range(size):
                    if share[j] > 0.0 and (g[j] <= ROUNDING * share[j] or share[j] - g[j] <= ROUNDING * share[j]):
                        end[j] = reach if g[j] > ROUNDING * share[j] else -reach
                        status[j % LANES] |= SEPARATED
                        found = True
                if not found:
                    break
                for c in range(cells):
                    for lane in range(LANES):
                        if not forced:
                            cell[c, 2, lane] = 0.0
                        for d in range(features):
                            value = end[parameter[c, d] * LANES + lane]
                            if value != 0.0 and cell[c, 2, lane] == 0.0:
                                cell[c, 2, lane] = EDGE if value > 0.0 else -EDGE
                                cell[c, 0, lane] = 0.0
                                cell[c, 1, lane] = 0.0
                forced = True
                reach /= features + 1.0  # a level found later gives way to one found before
            for j in range(vector.shape[1]):
                for lane in range(LANES):
                    b[j * LANES + lane] = start[j] if j < p else 0.0
                    move[j * LANES + lane] = 0.0
            for step in range(steps):
                any_active = False
                for lane in range(LANES):
                    any_active |= active[lane]
                if not any_active:
                    break
                for j in range(size):
                    g[j] = 0.0
                for j in range(hessian.shape[0]):
                    for k in range((j + 1) * LANES):
                        H[j * size + k] = 0.0
                for d in range(features + 1):
                    for lane in range(LANES):
                        depth[d, 1, lane] = 0.0
                        depth[d, 2, lane] = 0.0
                store(&depth[0, 0, 0], load(b))
                for c in range(cells):
                    for d in range(fresh[c], last):
                        store(&depth[d + 1, 0, 0], plus(load(&depth[d, 0, 0]), load(b + parameter[c, d] * LANES)))
                    q = parameter[c, last] * LANES
                    eta = within(plus(load(&depth[last, 0, 0]), load(b + q)), EDGE)
                    t = exponential(scaled(-1.0, eta))
                    m = over(1.0, shifted(1.0, t))
                    n = times(load(&cell[c, 0, 0]), m)
                    v = times(n, times(t, m))
                    r = minus(load(&cell[c, 1, 0]), n)
                    # What the last level shares with those before it, and with itself.
                    for e in range(last):
                        s = parameter[c, e] * LANES
                        add(H + (q * width + s if q > s else s * width + q), v)
                    add(H + q * width + q, v)
                    add(g + q, r)
                    add(&depth[last, 1, 0], v)
                    add(&depth[last, 2, 0], r)
                    for d in range(last - 1, fresh[c + 1] - 1, -1):  # levels that end here
                        v = load(&depth[d + 1, 1, 0])
                        r = load(&depth[d + 1, 2, 0])
                        q = parameter[c, d] * LANES
                        for e in range(d):
                            s = parameter[c, e] * LANES
                            add(H + (q * width + s if q > s else s * width + q), v)
                        add(H + q * width + q, v)
                        add(g + q, r)
                        add(&depth[d, 1, 0], v)
                        add(&depth[d, 2, 0], r)
                        for lane in range(LANES):
                            depth[d + 1, 1, lane] = 0.0
                            depth[d + 1, 2, lane] = 0.0
                store(H, load(&depth[0, 1, 0]))
                for j in range(1, p):  # with the intercept a level shares what it has
                    store(H + j * size, load(H + j * size + j * LANES))
                store(g, load(&depth[0, 2, 0]))
                solve(H, g, share, next_move, p, width)
                advance(g, b, move, next_move, rise, active, status, p, step, unit)
            store(&depth[0, 0, 0], load(b))
            for lane in range(LANES):
                x[lane] = 0.0
            v = load(x)
            for c in range(cells):
                for d in range(fresh[c], features):
                    store(&depth[d + 1, 0, 0], plus(load(&depth[d, 0, 0]), load(b + parameter[c, d] * LANES)))
                eta = within(load(&depth[features, 0, 0]), EDGE)
                if forced:
                    store(x, eta)
                    for lane in range(LANES):
                        if cell[c, 2, lane] != 0.0:
                            x[lane] = cell[c, 2, lane]
                    eta = load(x)
                v = greater(v, times(eta, eta))
                store(&rate[place[c], group * LANES], over(1.0, shifted(1.0, exponential(scaled(-1.0, eta)))))
            store(x, v)
            for lane in range(LANES):
                if x[lane] <= FAR * FAR:
                    continue
                for c in range(cells):
                    value = rate[place[c], group * LANES + lane]
                    if cell[c, 0, lane] > 0.0 and (value < EXTREME or 1.0 - value < EXTREME):
                        status[lane] |= SEPARATED
            if forced:  # the levels that have no coefficient: far out, as the rates are
                place_ends(cell, parameter, base, end, share, b, p, width)
            for j in range(p):
                for lane in range(LANES):
                    coefficients[j, group * LANES + lane] = b[j * LANES + lane]
            for lane in range(LANES):
                state[group * LANES + lane] = status[lane]


def fit_slope(const double[::1] z, const double[::1] weight, const uint8_t[::1] outcome, const int32_t[::1] unit,
              const int32_t[::1] begin, const int32_t[:, ::1] active_in, const double[::1] start, Py_ssize_t steps,
              const double[:, :, ::1] factors, double[:, :, ::1] hessian, double[:, :, ::1] vector,
              double[:, ::1] coefficients, uint8_t[::1] state):
    # Fit a logit of rows on a number z of each, with main effects of the cell in which it is, in every replicate.
    #
    # Rows come by cell: z, weight, outcome of 0 or 1, unit (n,); begin (cells + 1,). active_in: (cells, k) parameters
    # that count in a cell, those from p on being of base levels, which have none. start: (p + 1,) coefficients to begin
    # at, the last of z. factors: (groups, units, LANES). Work space: hessian (p + 1, p + 1, LANES); vector (5, p + 1,
    # LANES). Out: coefficients (p + 1, replicates); state (replicates,) as of ``fit``, with 2 where a rate is 0 or 1 of
    # any row, with weight in the replicate or without. A replicate without weight has neither.
    #
    # A step costs O(rows) and O(cells x k^2 + p^3).
    cdef Py_ssize_t cells = begin.shape[0] - 1, p = start.shape[0] - 1, width = start.shape[0], size = width * LANES
    cdef Py_ssize_t group, c, d, e, i, j, k, lane, step
    cdef double rise[LANES]
    cdef double whole[LANES]
    cdef double x[LANES]
    cdef uint8_t status[LANES]
    cdef uint8_t active[LANES]
    cdef bint any_active
    cdef lanes own, slope, n, eta, t, m, v, r, S, T, U, G, K, far
    cdef double *b = &vector[0, 0, 0]
    cdef double *g = &vector[1, 0, 0]
    cdef double *move = &vector[2, 0, 0]
    cdef double *next_move = &vector[3, 0, 0]
    cdef double *share = &vector[4, 0, 0]
    cdef double *H = &hessian[0, 0, 0]
    with nogil:
        for group in range(factors.shape[0]):
            for lane in range(LANES):
                x[lane] = 0.0
                status[lane] = 0
            n = load(x)
            far = n
            for i in range(z.shape[0]):
                n = plus(n, scaled(weight[i], load(&factors[group, unit[i], 0])))
            store(whole, n)
            for lane in range(LANES):
                active[lane] = whole[lane] > 0.0
            for j in range(width):
                for lane in range(LANES):
                    b[j * LANES + lane] = start[j]
                    move[j * LANES + lane] = 0.0
            for step in range(steps):
                any_active = False
                for lane in range(LANES):
                    any_active |= active[lane]
                if not any_active:
                    break
                for j in range(size):
                    g[j] = 0.0
                for j in range(width * size):
                    H[j] = 0.0
                slope = load(b + p * LANES)
                for lane in range(LANES):
                    x[lane] = 0.0
                far = load(x)
                for c in range(cells):
                    own = load(x)
                    S = own
                    T = own
                    U = own
                    G = own
                    K = own
                    for d in range(active_in.shape[1]):
                        if active_in[c, d] < p:
                            own = plus(own, load(b + active_in[c, d] * LANES))
                    for i in range(begin[c], begin[c + 1]):
                        eta = within(plus(own, scaled(z[i], slope)), EDGE)
                        far = greater(far, times(eta, eta))
                        t = exponential(scaled(-1.0, eta))
                        m = over(1.0, shifted(1.0, t))
                        n = scaled(weight[i], load(&factors[group, unit[i], 0]))
                        r = times(n, m)
                        v = times(r, times(t, m))
                        r = minus(scaled(<double> outcome[i], n), r)
                        S = plus(S, v)
                        v = scaled(z[i], v)
                        T = plus(T, v)
                        U = plus(U, scaled(z[i], v))
                        G = plus(G, r)
                        K = plus(K, scaled(z[i], r))
                    for d in range(active_in.shape[1]):
                        j = active_in[c, d]
                        if j >= p:
                            continue
                        for e in range(d + 1):
                            k = active_in[c, e]
                            if k < p:
                                add(H + max(j, k) * size + min(j, k) * LANES, S)
                        add(H + p * size + j * LANES, T)
                        add(g + j * LANES, G)
                    add(H + p * size + p * LANES, U)
                    add(g + p * LANES, K)
                solve(H, g, share, next_move, width, width)
                advance(g, b, move, next_move, rise, active, status, width, step, whole)
            store(x, far)
            for lane in range(LANES):
                if x[lane] > FAR * FAR:
                    status[lane] |= SEPARATED
                state[group * LANES + lane] = status[lane]
            for j in range(width):
                for lane in range(LANES):
                    coefficients[j, group * LANES + lane] = b[j * LANES + lane]
