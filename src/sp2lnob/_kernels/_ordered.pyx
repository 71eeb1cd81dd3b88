"""One sweep over sorted welfare: Gini, Lorenz shares, quantiles. Cost: O(n) a replicate once the order is known.

From the richest down, with S the weight so far: sum_ij w_i w_j min(y_i, y_j) = sum_k (y_k - y_{k+1}) S_k^2, where
y_{n+1} is 0; and sum_k w_k y_k = sum_k (y_k - y_{k+1}) S_k. The Gini is 1 minus the first over W times the second:
three multiplications and three additions a household, and no cancellation of large numbers.

And the orders themselves, by counting: of rows by welfare, and by a level that they have. Rows that are equal keep the
order in which they came. Cost: O(n), several times as quick as a sort that compares.
"""
from libc.math cimport INFINITY, NAN
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from sp2lnob._kernels._lanes cimport AHEAD, lanes, load, plus, prefetch, scaled, store, times

cdef enum:
    CHUNK = 256  # households between two checkpoints
    DIGITS = 3
    DIGIT = 11  # bits of one
    ROW = 31  # bits that number a row: with the digits, a word
    FEW = 4  # rows alike in all digits but the last, on average, that need no order by it
    MOVES = 16  # a row, on average, from which on another way of sorting is better

# A household counts as having reached a share of the population within the rounding of the sum of a million weights.
cdef double TOLERANCE = 1e-12


cdef inline uint64_t rank(double y) noexcept nogil:
    # Return a whole number that is the larger the larger the value is, and the same for both zeros.
    cdef uint64_t bits
    y += 0.0
    memcpy(&bits, &y, sizeof(bits))
    return bits ^ ((0 - (bits >> 63)) | (<uint64_t> 1 << 63))


def richest_first(const double[::1] welfare, uint64_t[:, ::1] room, int32_t[::1] order):
    # Write the order of rows from the richest down; say whether that was possible.
    #
    # Digits are taken from the range in which welfare lies, the last of them only where many rows are alike in the
    # others; what is then alike is put right by moving rows. It is not possible where a value is NaN, or where most
    # rows lie so near each other that they would have far to go. room: (2, n).
    cdef Py_ssize_t n = welfare.shape[0], i, here, moves = 0
    cdef double of_first = 0.0, of_second = 0.0
    cdef uint64_t low = rank(INFINITY), high = rank(-INFINITY), word, row = (<uint64_t> 1 << ROW) - 1
    cdef uint32_t count[DIGITS][1 << DIGIT]
    cdef uint32_t total, number
    cdef int shift = 0, digit, value, first
    cdef int32_t moved
    cdef uint64_t *at = NULL
    cdef uint64_t *to = NULL
    with nogil:
        for i in range(n):
            word = rank(welfare[i])
            low = word if word < low else low
            high = word if word > high else high
        if low < rank(-INFINITY) or high > rank(INFINITY):
            moves = -1
            n = 0
        while n > 0 and (high - low) >> shift >> (DIGITS * DIGIT):
            shift += 1
        for digit in range(DIGITS):
            for value in range(1 << DIGIT):
                count[digit][value] = 0
        for i in range(n):
            word = (high - rank(welfare[i])) >> shift
            count[1][word >> DIGIT & ((1 << DIGIT) - 1)] += 1
            count[2][word >> 2 * DIGIT] += 1
        for value in range(1 << DIGIT):
            of_first += <double> count[2][value] * count[2][value]
            of_second += <double> count[1][value] * count[1][value]
        first = of_first * of_second <= <double> FEW * n * n * n
        if not first:
            for i in range(n):
                count[0][(high - rank(welfare[i])) >> shift & ((1 << DIGIT) - 1)] += 1
        if n > 0:  # words go back and forth, and end in the first half of room
            at = &room[0, 0] if first else &room[1, 0]
            to = &room[1, 0] if first else &room[0, 0]
        for digit in range(first, DIGITS):
            total = 0
            for value in range(1 << DIGIT):
                number = count[digit][value]
                count[digit][value] = total
                total += number
            for i in range(n):
                word = at[i] if digit > first else (high - rank(welfare[i])) >> shift << ROW | <uint64_t> i
                value = <int> (word >> (ROW + digit * DIGIT) & ((1 << DIGIT) - 1))
                to[count[digit][value]] = word
                count[digit][value] += 1
            at, to = to, at
        for i in range(n):
            word = room[0, i]
            moved = <int32_t> (word & row)
            here = i
            while here > 0 and (room[0, here - 1] >> ROW > word >> ROW or (
                    room[0, here - 1] >> ROW == word >> ROW and welfare[order[here - 1]] < welfare[moved])):
                room[0, here] = room[0, here - 1]
                order[here] = order[here - 1]
                here -= 1
            room[0, here] = word
            order[here] = moved
            moves += i - here
            if moves > MOVES * n:
                moves = -1
                break
    return moves >= 0


def by_level(const int32_t[::1] level, int64_t[::1] end, int32_t[::1] order):
    # Write the order of rows by level, and where the rows of each level end in it: (levels,).
    cdef Py_ssize_t i, k
    cdef int64_t total = 0, number
    with nogil:
        for k in range(end.shape[0]):
            end[k] = 0
        for i in range(level.shape[0]):
            end[level[i]] += 1
        for k in range(end.shape[0]):
            number = end[k]
            end[k] = total
            total += number
        for i in range(level.shape[0]):
            order[end[level[i]]] = <int32_t> i
            end[level[i]] += 1


def pick(const double[::1] values, const int32_t[::1] order, double[::1] out):
    # Write values of rows in an order: order, out (n,).
    cdef Py_ssize_t n = order.shape[0], i
    with nogil:
        for i in range(n):
            prefetch(&values[order[min(i + AHEAD, n - 1)]])
            out[i] = values[order[i]]


def class_of(const double[::1] welfare, const double[::1] cuts, int32_t[::1] out):
    # Write the class of every row: the number of cuts that its welfare is above.
    cdef Py_ssize_t n = welfare.shape[0], chunk, first, last, i, j
    cdef double above[CHUNK]  # doubles: compilers then compare and count in the same registers
    with nogil:
        for chunk in range((n + CHUNK - 1) // CHUNK):
            first = chunk * CHUNK
            last = min(first + CHUNK, n)
            for i in range(CHUNK):
                above[i] = 0.0
            for j in range(cuts.shape[0]):
                for i in range(last - first):
                    above[i] += 1.0 if welfare[first + i] > cuts[j] else 0.0
            for i in range(last - first):
                out[first + i] = <int32_t> above[i]


def class_sweep(const double[::1] welfare, const double[::1] weight, const int32_t[::1] place,
                const int32_t[::1] band, double[:, ::1] state, double[:, ::1] totals, double[::1] gini):
    # Gini of every class, of rows that all count once.
    #
    # welfare, weight: (n,) as below. place: (n,) where in band each row's class is. Work space: state (4, classes),
    # which holds zeros. Out, one column a class: totals (2,) weight and weighted welfare; gini.
    cdef Py_ssize_t n = welfare.shape[0], classes = state.shape[1], i = 0, k = 0, now
    cdef double step, above, partial, square, last
    with nogil:
        if n:
            k = band[place[0]]
        while i < n:  # a row is settled by the next of its class ...
            now = k
            above, partial, square, last = state[0, now], state[1, now], state[2, now], state[3, now]
            while k == now:
                step = (last - welfare[i]) * above
                partial += step
                square += step * above
                above += weight[i]
                last = welfare[i]
                i += 1
                if i == n:
                    break
                k = band[place[i]]
            state[0, now], state[1, now], state[2, now], state[3, now] = above, partial, square, last
        for k in range(classes):  # ... and the last by none
            above = state[0, k]
            step = state[3, k] * above
            state[1, k] += step
            state[2, k] += step * above
            totals[0, k] = state[0, k]
            totals[1, k] = state[1, k]
            step = state[0, k] * state[1, k]
            gini[k] = 1.0 - state[2, k] / step if step != 0.0 else NAN


def sweep(const double[::1] welfare, const double[::1] weight, const int32_t[::1] unit,
          const double[:, :, ::1] factors, const double[::1] shares, double[:, :, ::1] sums, double[:, ::1] totals,
          double[::1] gini, double[:, ::1] quantiles, double[:, ::1] lorenz):
    # Gini, quantiles and Lorenz ordinates of every replicate.
    #
    # welfare: (n,) from the richest down. weight: (n,). unit: (n,) whose factor a row takes. factors: (groups, units,
    # LANES); with one lane in place of them all, factors are 1 and not looked at. shares: (k,) shares of the population
    # from the poorest up, in (0, 1). Work space: sums (chunks + 1, 3, lanes), the state before each chunk and after the
    # last. Out, one column a replicate: totals (2,) weight and weighted welfare; gini; quantiles (k,) smallest welfare
    # at which the cumulative share of weight reaches the share; lorenz (k,) share of welfare held up to there, the
    # boundary household split. A replicate without weight, or without welfare, gives NaN.
    cdef Py_ssize_t n = welfare.shape[0], chunks = (n + CHUNK - 1) // CHUNK, width = factors.shape[2]
    cdef Py_ssize_t group, chunk, i, lane, column, k, low, high, middle
    cdef lanes S, L, Q, part
    cdef double f, target, above, partial, square, step, W, wy
    with nogil:
        for group in range(factors.shape[0]):
            for lane in range(width):
                sums[0, 0, lane] = 0.0
                sums[0, 1, lane] = 0.0
                sums[0, 2, lane] = 0.0
            if width == 1:
                above = 0.0
                partial = 0.0
                square = 0.0
                for chunk in range(chunks):
                    for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
                        above += weight[i]
                        step = (welfare[i] - (welfare[i + 1] if i + 1 < n else 0.0)) * above
                        partial += step
                        square += step * above
                    sums[chunk + 1, 0, 0] = above
                    sums[chunk + 1, 1, 0] = partial
                    sums[chunk + 1, 2, 0] = square
            else:
                S = load(&sums[0, 0, 0])
                L = load(&sums[0, 1, 0])
                Q = load(&sums[0, 2, 0])
                for chunk in range(chunks):
                    for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
                        prefetch(&factors[group, unit[min(i + AHEAD, n - 1)], 0])
                        S = plus(S, scaled(weight[i], load(&factors[group, unit[i], 0])))
                        part = scaled(welfare[i] - (welfare[i + 1] if i + 1 < n else 0.0), S)
                        L = plus(L, part)
                        Q = plus(Q, times(part, S))
                    store(&sums[chunk + 1, 0, 0], S)
                    store(&sums[chunk + 1, 1, 0], L)
                    store(&sums[chunk + 1, 2, 0], Q)
            for lane in range(width):
                column = group * width + lane
                W = sums[chunks, 0, lane]
                wy = sums[chunks, 1, lane]
                totals[0, column] = W
                totals[1, column] = wy
                gini[column] = 1.0 - sums[chunks, 2, lane] / (W * wy) if W * wy != 0.0 else NAN
                for k in range(shares.shape[0]):
                    if not W > 0.0:
                        quantiles[k, column] = NAN
                        lorenz[k, column] = NAN
                        continue
                    # The household whose weight carries the sum from the top past 1 - share: first its chunk ...
                    target = (1.0 - shares[k] + TOLERANCE) * W
                    low = 0
                    high = chunks
                    while high - low > 1:
                        middle = (low + high) // 2
                        if sums[middle, 0, lane] <= target:
                            low = middle
                        else:
                            high = middle
                    # ... then the household itself, adding as the sweep did.
                    i = low * CHUNK
                    above = sums[low, 0, lane]
                    partial = sums[low, 1, lane]
                    f = weight[i] if width == 1 else weight[i] * factors[group, unit[i], lane]
                    while above + f <= target and i + 1 < n:
                        above += f
                        partial += (welfare[i] - welfare[i + 1]) * above
                        i += 1
                        f = weight[i] if width == 1 else weight[i] * factors[group, unit[i], lane]
                    quantiles[k, column] = welfare[i]
                    # Where the poorest have nothing, the sum ends here to the last bit, and they hold 0.
                    partial += (1.0 - shares[k]) * W * welfare[i]
                    lorenz[k, column] = 1.0 - partial / wy if wy != 0.0 else NAN
