"""Least-squares regression trees grown on cells: combinations of circumstances with their weight, outcome and rows.

A split of a node of weight W into L and R takes (W_L W_R / W) (p_L - p_R)^2 off its sum of squares, p the mean outcome.
Circumstances are few and their levels fewer, so that a node adds its cells up by level, O(cells x circumstances), and
scans the cuts, O(levels): exact, without a sort of rows. An ordered circumstance has its levels cut in their order; an
unordered one in the order of their means, which is optimal for least squares (Breiman, Friedman, Olshen and Stone 1984,
section 4.2). The first circumstance, then the lowest cut, wins a tie.

Cells are moved as nodes are split, so that those of a node follow each other. Circumstances of few levels share a
table: a cell is added to the combination that it has there, and the combinations are then added up by level. Those of
many levels have one each, of which only the levels that the node has are sorted, scanned and cleared.
"""
from libc.math cimport NAN, floor
from libc.stdint cimport int32_t, uint8_t

cdef enum:
    RUN = 16  # levels that are sorted by insertion

cdef struct Cut:
    double gain
    double left  # weight that goes left
    Py_ssize_t circumstance
    Py_ssize_t place  # of the last level that goes left, among those that are present
    bint missing_left


cdef inline void add(double *to, const double *more) noexcept nogil:
    cdef double a = more[0], b = more[1], c = more[2], d = more[3]
    to[0] += a
    to[1] += b
    to[2] += c
    to[3] += d


cdef inline void copy(double *to, const double *held, int32_t *to_codes, const int32_t *codes,
                      Py_ssize_t tables) noexcept nogil:
    cdef double a = held[0], b = held[1], c = held[2], d = held[3]
    cdef Py_ssize_t t
    to[0] = a
    to[1] = b
    to[2] = c
    to[3] = d
    for t in range(tables):
        to_codes[t] = codes[t]


cdef void sort(int32_t *item, const double *key, int32_t *scratch, Py_ssize_t size) noexcept nogil:
    # Sort items by their keys, equal ones as they stand.
    cdef Py_ssize_t first = 0, middle, last, a, b, to, width = RUN
    cdef int32_t held
    while first < size:
        last = min(first + RUN, size)
        for a in range(first + 1, last):
            held = item[a]
            b = a
            while b > first and key[held] < key[item[b - 1]]:
                item[b] = item[b - 1]
                b -= 1
            item[b] = held
        first = last
    while width < size:
        first = 0
        while first + width < size:
            middle = first + width
            last = min(middle + width, size)
            for a in range(width):
                scratch[a] = item[first + a]
            a = 0
            b = middle
            to = first
            while a < width:
                if b < last and key[item[b]] < key[scratch[a]]:
                    item[to] = item[b]
                    b += 1
                else:
                    item[to] = scratch[a]
                    a += 1
                to += 1
            first = last
        width *= 2


cdef void scan(const double *tally, const int32_t *rank, Py_ssize_t size, Py_ssize_t missing, const double *node,
               double min_rows, double min_weight, double min_gain, Py_ssize_t f, Cut *best) noexcept nogil:
    # Try every cut between the levels of a circumstance, in the order of their rank.
    #
    # missing: the level of those whose circumstance is missing, where the others have an order and it has no place in
    # it, else -1. It goes right, then left, at every cut, and is alone at the last.
    cdef double W = node[0], A = node[1], n = node[3], WL, AL, nL, WR, difference, gain
    cdef Py_ssize_t cut, k, side, cuts
    for side in range(1 if missing < 0 else 2):
        WL = 0.0
        AL = 0.0
        nL = 0.0
        cuts = size - 1
        if side:
            WL = tally[4 * missing]
            AL = tally[4 * missing + 1]
            nL = tally[4 * missing + 3]
        elif missing >= 0:
            cuts = size
        for cut in range(cuts):
            k = 4 * rank[cut]
            WL += tally[k]
            AL += tally[k + 1]
            nL += tally[k + 3]
            WR = W - WL
            if nL < min_rows or n - nL < min_rows or WL < min_weight or WR < min_weight:
                continue
            if not WL > 0.0 or not WR > 0.0:
                continue
            difference = AL / WL - (A - AL) / WR
            gain = WL * WR / W * difference * difference
            # Two cuts that part the same rows differ by rounding only; the first of them stands.
            if gain > best.gain * (1.0 + 1e-10) and gain > min_gain:
                best.gain = gain
                best.left = WL
                best.circumstance = f
                best.place = cut
                best.missing_left = side == 1


cdef inline void clear(int32_t *node, double *node_sums, double *threshold, double *worth) noexcept nogil:
    # Write what there is of a node that is none.
    cdef Py_ssize_t j
    for j in range(7):
        node[j] = -1
    for j in range(4):
        node_sums[j] = 0.0
    threshold[0] = NAN
    worth[0] = 0.0


cdef inline bint goes(Py_ssize_t level, const int32_t *node, const uint8_t *goes_left, const uint8_t *ordered,
                      const int32_t *levels) noexcept nogil:
    # Return whether a level goes left at a node.
    cdef Py_ssize_t f = node[0]
    if ordered[f] == 0:
        return goes_left[level]
    if ordered[f] == 2 and level == levels[f] - 1:
        return node[6]
    return level < node[5]


cdef Py_ssize_t prune(int32_t[:, ::1] node, const double[::1] sse, Py_ssize_t nodes, double least,
                      double[::1] left_over, double[::1] splits, double[::1] worth,
                      int32_t[::1] number) noexcept nogil:
    # Take back, from the leaves up, every branch that takes least a split or less off the sum of squares.
    #
    # A branch is judged by what is left of it when its own weaker branches have gone, each at its own worth, as R's
    # rpart judges it while growing. That can take back a little more than minimal cost-complexity pruning would.
    #
    # A node taken back loses its circumstance and children. Write the worth of every split, never above that of the one
    # before it, and the number of each node among those that stay, -1 of others; return how many stay.
    cdef Py_ssize_t t, weak, strong, parent, stays = 0
    cdef double weak_rest, weak_splits, strong_rest, strong_splits
    for t in range(nodes - 1, -1, -1):
        left_over[t] = sse[t]
        splits[t] = 0.0
        worth[t] = least
        if node[t, 0] < 0:
            continue
        weak = node[t, 2]
        strong = node[t, 1]
        if worth[strong] < worth[weak]:
            weak, strong = strong, weak
        weak_rest = left_over[weak]
        weak_splits = splits[weak]
        strong_rest = left_over[strong]
        strong_splits = splits[strong]
        # The weaker branch goes first, then the other, as long as the node is worth more.
        worth[t] = (sse[t] - (weak_rest + strong_rest)) / (1.0 + weak_splits + strong_splits)
        if worth[t] > worth[weak]:
            weak_rest = sse[weak]
            weak_splits = 0.0
            worth[t] = (sse[t] - (weak_rest + strong_rest)) / (1.0 + weak_splits + strong_splits)
            if worth[t] > worth[strong]:
                strong_rest = sse[strong]
                strong_splits = 0.0
                worth[t] = (sse[t] - (weak_rest + strong_rest)) / (1.0 + weak_splits + strong_splits)
        if worth[t] <= least:
            node[t, 0] = -1
            node[t, 1] = -1
            node[t, 2] = -1
        else:
            left_over[t] = weak_rest + strong_rest
            splits[t] = 1.0 + weak_splits + strong_splits
    for t in range(nodes):
        parent = node[t, 3]
        if parent < 0 or (number[parent] >= 0 and node[parent, 0] >= 0):
            number[t] = <int32_t> stays
            stays += 1
            if parent >= 0 and worth[t] > worth[parent]:
                worth[t] = worth[parent]
        else:
            number[t] = -1
    return stays


def grow(const int32_t[:, ::1] level, const int32_t[:, ::1] code, const double[:, :, ::1] sums,
         const int32_t[::1] column, const int32_t[::1] first_level, const int32_t[::1] levels,
         const double[::1] position, const uint8_t[::1] ordered, const uint8_t[::1] wide,
         const int32_t[:, ::1] slot_level, Py_ssize_t first_slot, Py_ssize_t narrow, int max_depth, double least_rows,
         double share_of_rows, double share_of_weight, double cp, const double[::1] least, double[:, ::1] held,
         double[:, ::1] held_aside, int32_t[:, ::1] codes, int32_t[:, ::1] codes_aside, int32_t[::1] cell,
         int32_t[::1] cell_aside, double[:, ::1] tally, double[::1] key, int32_t[::1] rank, int32_t[::1] rank_aside,
         int32_t[::1] found, int32_t[:, ::1] span, double[:, ::1] work, int32_t[::1] number, int32_t[:, :, ::1] node,
         double[:, :, ::1] node_sums, double[:, ::1] threshold, double[:, ::1] worth, uint8_t[:, :, ::1] goes_left,
         int32_t[:, ::1] leaf, int32_t[::1] nodes_of):
    # Grow a tree in every replicate, and take back what is not worth it.
    #
    # level: (cells, circumstances) index of each cell's level. code: (cells, tables) the row of tally to which a cell
    # is added. sums: (cells, columns, replicates), and column: (4,) which of them is weight, weighted outcome, weighted
    # squared outcome, rows (-1: not counted). A cell is there where it has weight and, if they are counted, rows.
    # first_level, levels, ordered, wide: (circumstances,) the first row of its levels in tally, how many they are,
    # whether they have an order (2: all but the last, which is the missing), and whether it has a table of its own that
    # is cleared by level. position: (rows of tally,) where an ordered level lies. slot_level: (slots, most
    # circumstances of a table) the rows of tally to which a combination is added, -1 of none; first_slot: the row of
    # the first combination. narrow: how many rows of tally are cleared for every node; code has the tables of wide
    # circumstances last, in their order. A leaf has at least least_rows rows and share_of_rows of all, rounded down,
    # and share_of_weight of the weight. A split is worth more than cp of the root's sum of squares; a cp below 0 stands
    # for 1 / rows. least: (replicates,) what it must be worth instead, where it is a number. Work space: held and
    # held_aside (cells, 4); codes and codes_aside (cells, tables); cell, cell_aside (cells,); tally (rows, 4); key,
    # rank, rank_aside (rows,); found (circumstances,); span (nodes, 2); work (3, nodes); number (nodes,). Out, by
    # replicate, one row a node, the root first: node (replicates, nodes, 7) circumstance or -1, left, right, parent,
    # depth, first level of an ordered circumstance that goes right, whether the missing go left; node_sums (replicates,
    # nodes, 4); threshold (replicates, nodes) of an ordered split; worth (replicates, nodes) of a split, at most its
    # parent's; goes_left (replicates, nodes, levels of the widest unordered circumstance); leaf (replicates, cells) the
    # node in which each cell ends, be it there or not; nodes_of (replicates,).
    cdef Py_ssize_t cells = level.shape[0], features = level.shape[1], tables = code.shape[1]
    cdef Py_ssize_t together = tables, slots = slot_level.shape[0], joined = slot_level.shape[1]
    cdef Py_ssize_t b, i, j, k, f, t, start, size, missing, first, last, a, middle, aside, nodes, current, present
    cdef double min_rows, min_weight, min_gain, total, rows, W, A, squared, n, more
    cdef bint ends
    cdef Cut best
    with nogil:
        for f in range(features):
            together -= wide[f]
        for i in range(tally.shape[0]):
            for j in range(4):
                tally[i, j] = 0.0
        for b in range(sums.shape[2]):
            # The cells that are there.
            present = 0
            total = 0.0
            rows = 0.0
            W = 0.0
            A = 0.0
            squared = 0.0
            n = 0.0
            for i in range(cells):
                total += sums[i, column[0], b]
                if column[3] >= 0:
                    rows += sums[i, column[3], b]
                    if not sums[i, column[3], b] > 0.0:
                        continue
                if not sums[i, column[0], b] > 0.0:
                    continue
                for j in range(4):
                    held[present, j] = sums[i, column[j], b] if column[j] >= 0 else 0.0
                W += held[present, 0]
                A += held[present, 1]
                squared += held[present, 2]
                n += held[present, 3]
                for t in range(tables):
                    codes[present, t] = code[i, t]
                cell[present] = <int32_t> i
                present += 1
            node_sums[b, 0, 0] = W
            node_sums[b, 0, 1] = A
            node_sums[b, 0, 2] = squared
            node_sums[b, 0, 3] = n
            if present == 0:
                nodes_of[b] = 0
                for i in range(cells):
                    leaf[b, i] = -1
                for t in range(node.shape[1]):
                    clear(&node[b, t, 0], &node_sums[b, t, 0], &threshold[b, t], &worth[b, t])
                continue
            min_rows = least_rows
            if share_of_rows > 0.0:
                min_rows = max(least_rows, floor(share_of_rows * rows * (1.0 + 1e-12)))
            min_weight = share_of_weight * total * (1.0 - 1e-12)
            min_gain = max(1e-12 * (squared - A * A / W), 0.0)

            nodes = 1
            current = 0
            node[b, 0, 3] = -1
            node[b, 0, 4] = 0
            span[0, 0] = 0
            span[0, 1] = <int32_t> present
            while current < nodes:
                node[b, current, 0] = -1
                node[b, current, 1] = -1
                node[b, current, 2] = -1
                node[b, current, 5] = 0
                node[b, current, 6] = 0
                threshold[b, current] = NAN
                first = span[current, 0]
                last = span[current, 1]
                best = Cut(0.0, 0.0, -1, 0, False)
                n = node_sums[b, current, 3]
                if (node[b, current, 4] < max_depth and n >= 2.0 * min_rows
                        and node_sums[b, current, 0] >= 2.0 * min_weight * (1.0 - 1e-12)):
                    for i in range(narrow):
                        for j in range(4):
                            tally[i, j] = 0.0
                    for i in range(first, last):
                        for t in range(together):
                            add(&tally[codes[i, t], 0], &held[i, 0])
                    for i in range(slots):
                        if tally[first_slot + i, 0] > 0.0:
                            for j in range(joined):
                                if slot_level[i, j] >= 0:
                                    add(&tally[slot_level[i, j], 0], &tally[first_slot + i, 0])
                    t = together
                    for f in range(features):
                        # rank[start:start + size]: the levels present here, in the order in which they are cut.
                        start = first_level[f]
                        size = 0
                        if wide[f]:
                            for i in range(first, last):
                                k = codes[i, t]
                                if tally[k, 0] == 0.0:
                                    rank[start + size] = <int32_t> k
                                    size += 1
                                add(&tally[k, 0], &held[i, 0])
                            t += 1
                        if wide[f] and 8 * size < levels[f]:
                            for i in range(size):
                                key[rank[start + i]] = <double> rank[start + i]
                            sort(&rank[start], &key[0], &rank_aside[0], size)
                        else:
                            size = 0
                            for k in range(start, start + levels[f]):
                                if tally[k, 0] > 0.0:
                                    rank[start + size] = <int32_t> k
                                    size += 1
                        if not ordered[f]:
                            for i in range(size):
                                k = rank[start + i]
                                key[k] = tally[k, 1] / tally[k, 0]
                            sort(&rank[start], &key[0], &rank_aside[0], size)
                        missing = -1
                        if ordered[f] == 2 and size and rank[start + size - 1] == start + levels[f] - 1:
                            missing = rank[start + size - 1]
                            size -= 1
                        scan(&tally[0, 0], &rank[start], size, missing, &node_sums[b, current, 0], min_rows, min_weight,
                             min_gain, f, &best)
                        if missing >= 0:
                            size += 1
                        found[f] = <int32_t> size
                        if wide[f]:
                            for i in range(size):
                                for j in range(4):
                                    tally[rank[start + i], j] = 0.0
                if best.circumstance < 0:
                    current += 1
                    continue
                f = best.circumstance
                start = first_level[f]
                size = found[f]
                node[b, current, 0] = <int32_t> f
                node[b, current, 1] = <int32_t> nodes
                node[b, current, 2] = <int32_t> (nodes + 1)
                # A level that nobody here has goes by the threshold if it is ordered, else with the heavier child.
                if ordered[f]:
                    node[b, current, 6] = 2.0 * best.left >= node_sums[b, current, 0]
                    if ordered[f] == 2 and rank[start + size - 1] == start + levels[f] - 1:
                        node[b, current, 6] = best.missing_left
                        size -= 1
                    if best.place + 1 < size:
                        threshold[b, current] = (0.5 * position[rank[start + best.place]]
                                                 + 0.5 * position[rank[start + best.place + 1]])
                        if not threshold[b, current] > position[rank[start + best.place]]:
                            threshold[b, current] = position[rank[start + best.place + 1]]
                        k = rank[start + best.place] + 1
                        while position[k] < threshold[b, current]:
                            k += 1
                        node[b, current, 5] = <int32_t> (k - start)
                    else:  # the missing against all others
                        threshold[b, current] = position[start + levels[f] - 1]
                        node[b, current, 5] = levels[f] - 1
                else:
                    for k in range(levels[f]):
                        goes_left[b, current, k] = 2.0 * best.left >= node_sums[b, current, 0]
                    for i in range(size):
                        goes_left[b, current, rank[start + i] - start] = i <= best.place
                for a in range(nodes, nodes + 2):
                    node[b, a, 3] = <int32_t> current
                    node[b, a, 4] = node[b, current, 4] + 1
                    for j in range(4):
                        node_sums[b, a, j] = 0.0
                # Cells that go left, in their order, then those that go right. Of leaves only the cells are needed.
                more = max(best.left, node_sums[b, current, 0] - best.left)
                ends = node[b, current, 4] + 1 >= max_depth or more < 2.0 * min_weight * (1.0 - 1e-9)
                middle = first
                aside = 0
                for i in range(first, last):
                    if goes(level[cell[i], f], &node[b, current, 0], &goes_left[b, current, 0], &ordered[0],
                            &levels[0]):
                        add(&node_sums[b, nodes, 0], &held[i, 0])
                        if middle < i:
                            cell[middle] = cell[i]
                            if not ends:
                                copy(&held[middle, 0], &held[i, 0], &codes[middle, 0], &codes[i, 0], tables)
                        middle += 1
                    else:
                        add(&node_sums[b, nodes + 1, 0], &held[i, 0])
                        cell_aside[aside] = cell[i]
                        if not ends:
                            copy(&held_aside[aside, 0], &held[i, 0], &codes_aside[aside, 0], &codes[i, 0], tables)
                        aside += 1
                for i in range(aside):
                    cell[middle + i] = cell_aside[i]
                    if not ends:
                        copy(&held[middle + i, 0], &held_aside[i, 0], &codes[middle + i, 0], &codes_aside[i, 0],
                             tables)
                span[nodes, 0] = <int32_t> first
                span[nodes, 1] = <int32_t> middle
                span[nodes + 1, 0] = <int32_t> middle
                span[nodes + 1, 1] = <int32_t> last
                nodes += 2
                current += 1

            for t in range(nodes):
                work[0, t] = max(node_sums[b, t, 2] - node_sums[b, t, 1] * node_sums[b, t, 1] / node_sums[b, t, 0], 0.0)
            total = least[b]
            if total != total:
                total = (1.0 / rows if cp < 0.0 else cp) * work[0, 0]
            prune(node[b], work[0], nodes, total, work[1], work[2], worth[b], number)
            for i in range(cells):
                leaf[b, i] = -1
            present = 0
            for t in range(nodes):
                a = number[t]
                if a < 0:
                    continue
                present += 1
                for j in range(7):
                    node[b, a, j] = node[b, t, j]
                for j in range(1, 4):
                    if node[b, a, j] >= 0:
                        node[b, a, j] = number[node[b, a, j]]
                for j in range(4):
                    node_sums[b, a, j] = node_sums[b, t, j]
                threshold[b, a] = threshold[b, t]
                worth[b, a] = worth[b, t]
                if node[b, a, 0] < 0:
                    for i in range(span[t, 0], span[t, 1]):
                        leaf[b, cell[i]] = <int32_t> a
                elif ordered[node[b, a, 0]] == 0:
                    for k in range(levels[node[b, a, 0]]):
                        goes_left[b, a, k] = goes_left[b, t, k]
            nodes_of[b] = <int32_t> present
            for t in range(present, node.shape[1]):
                clear(&node[b, t, 0], &node_sums[b, t, 0], &threshold[b, t], &worth[b, t])
            for i in range(cells):
                if leaf[b, i] < 0:
                    leaf[b, i] = fall(&level[i, 0], &node[b, 0, 0], &goes_left[b, 0, 0], goes_left.shape[2],
                                      &ordered[0], &levels[0])


cdef inline int32_t fall(const int32_t *level, const int32_t *node, const uint8_t *goes_left, Py_ssize_t widest,
                         const uint8_t *ordered, const int32_t *levels) noexcept nogil:
    # Return the node in which somebody of these levels ends.
    cdef Py_ssize_t t = 0, f
    while node[7 * t] >= 0:
        f = node[7 * t]
        t = node[7 * t + (1 if goes(level[f], &node[7 * t], &goes_left[t * widest], ordered, levels) else 2)]
    return <int32_t> t


def apply(const int32_t[:, ::1] level, const int32_t[:, ::1] node, const uint8_t[:, ::1] goes_left,
          const uint8_t[::1] ordered, const int32_t[::1] levels, int32_t[::1] out):
    # Write the node in which every row of levels (rows, circumstances) ends, in one tree as grown.
    cdef Py_ssize_t i
    with nogil:
        for i in range(level.shape[0]):
            out[i] = fall(&level[i, 0], &node[0, 0], &goes_left[0, 0], goes_left.shape[1], &ordered[0], &levels[0])
