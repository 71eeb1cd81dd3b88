"""What a cell's rate rests on, with welfare classes cut anew in every replicate. Cost: O(rows) a replicate.

Of every cell, with f the factor of a row's unit: W = sum f w; A = sum f w y; S = sum f^2 w^2; and T, the sum over PSUs
of the square of f w added up within the PSU. Factors are squared: what a replicate draws twice is no news.
Rows come in pieces of one PSU and one domain. A piece's rows are added up by class before they join the cell: each
lane then adds in one order, whatever classes its neighbors cut.
"""
from libc.stdint cimport int32_t
from sp2lnob._kernels._lanes cimport LANES, lanes, load, plus, scaled, store, times

cdef enum:
    KEPT = 3  # of a piece's class: W, A and S; T is the square of W


cdef inline void join(const double *kept, double *to) noexcept nogil:
    # Add what a piece has in a class to the cell (4, LANES).
    cdef lanes W = load(kept)
    store(to, plus(load(to), W))
    store(to + LANES, plus(load(to + LANES), load(kept + LANES)))
    store(to + 2 * LANES, plus(load(to + 2 * LANES), load(kept + 2 * LANES)))
    store(to + 3 * LANES, plus(load(to + 3 * LANES), times(W, W)))


cdef inline void keep(double w, double a, double q, lanes f, double *kept) noexcept nogil:
    # Add a row to what its piece has in a class.
    store(kept, plus(load(kept), scaled(w, f)))
    store(kept + LANES, plus(load(kept + LANES), scaled(a, f)))
    store(kept + 2 * LANES, plus(load(kept + 2 * LANES), scaled(q, times(f, f))))


def cell_moments(const double[:, ::1] columns, const int32_t[::1] unit, const double[::1] welfare,
                 const int32_t[::1] start, const int32_t[::1] domain, const double[::1] least,
                 const double[::1] most, const double[:, :, ::1] cuts, const double[:, ::1] lowest,
                 const double[:, ::1] highest, const double[:, :, ::1] factors, double[:, :, ::1] room,
                 double[:, :, :, :, ::1] out):
    # Add columns (3, n), which are w, w y and w^2, up to the moments of every domain and class.
    #
    # Rows lie in pieces, which begin in start (pieces + 1,) and are of one PSU and one domain (pieces,). least, most:
    # (pieces,) welfare. cuts: (groups, classes - 1, LANES) ascending; lowest, highest: (groups, classes - 1) of the
    # lanes. factors: (groups, units, LANES). room: (classes, 3, LANES). out: (groups, domains, classes, 4, LANES),
    # which holds zeros.
    cdef Py_ssize_t inner = cuts.shape[1]
    cdef Py_ssize_t group, piece, i, j, c, lane, first, last, begin, end
    cdef double part[LANES]
    cdef double nothing[LANES]
    cdef double y
    cdef lanes W, A, S, f
    cdef bint inside
    for lane in range(LANES):
        nothing[lane] = 0.0
    with nogil:
        for group in range(factors.shape[0]):
            for piece in range(domain.shape[0]):
                begin = 0
                end = 0
                for j in range(inner):
                    begin += least[piece] > highest[group, j]
                    end += most[piece] > lowest[group, j]
                if begin == end:  # one class in all lanes, as most pieces are
                    W = load(nothing)
                    A = W
                    S = W
                    for i in range(start[piece], start[piece + 1]):
                        f = load(&factors[group, unit[i], 0])
                        W = plus(W, scaled(columns[0, i], f))
                        A = plus(A, scaled(columns[1, i], f))
                        S = plus(S, scaled(columns[2, i], times(f, f)))
                    store(&room[0, 0, 0], W)
                    store(&room[0, 1, 0], A)
                    store(&room[0, 2, 0], S)
                    join(&room[0, 0, 0], &out[group, domain[piece], begin, 0, 0])
                    continue
                for j in range(begin, end + 1):
                    for c in range(KEPT):
                        for lane in range(LANES):
                            room[j, c, lane] = 0.0
                for i in range(start[piece], start[piece + 1]):
                    y = welfare[i]
                    first = 0
                    last = 0
                    for j in range(inner):
                        first += y > highest[group, j]
                        last += y > lowest[group, j]
                    for j in range(first, last + 1):
                        if first == last:
                            f = load(&factors[group, unit[i], 0])
                        else:
                            for lane in range(LANES):
                                inside = (j == first or y > cuts[group, j - 1, lane]) and (
                                    j == last or not y > cuts[group, j, lane])
                                part[lane] = factors[group, unit[i], lane] if inside else 0.0
                            f = load(part)
                        keep(columns[0, i], columns[1, i], columns[2, i], f, &room[j, 0, 0])
                for j in range(begin, end + 1):
                    join(&room[j, 0, 0], &out[group, domain[piece], j, 0, 0])
