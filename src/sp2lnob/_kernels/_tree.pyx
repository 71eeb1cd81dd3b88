"""Least-squares regression tree grown on cells: combinations of circumstances with their weight, outcome and rows.

A split of a node of weight W into L and R takes (W_L W_R / W) (p_L - p_R)^2 off its sum of squares, p the mean outcome.
Circumstances are few and their levels fewer, so that a node adds its cells up by level, O(cells x circumstances), and
scans the cuts, O(levels): exact, without a sort of rows. An ordered circumstance has its levels cut in their order; an
unordered one in the order of their means, which is optimal for least squares (Breiman, Friedman, Olshen and Stone 1984,
section 4.2). The first circumstance, then the lowest cut, wins a tie.
"""
from libc.stdint cimport int32_t, uint8_t


def grow(const int32_t[:, ::1] level, const double[:, ::1] sums, const int32_t[::1] level_start,
         const double[::1] position, const uint8_t[::1] ordered, int max_depth, double min_rows, double min_weight,
         double min_gain, int32_t[::1] order, int32_t[::1] scratch, double[:, ::1] tally, int32_t[::1] rank,
         int32_t[:, ::1] span, int32_t[:, ::1] node, double[:, ::1] node_sums, double[::1] threshold,
         uint8_t[:, ::1] goes_left):
    """Grow a tree and return its number of nodes.

    level: (cells, circumstances) index of each cell's level. sums: (cells, 4) weight, weighted outcome, weighted
    squared outcome, rows. level_start: (circumstances + 1,) and position (levels of all circumstances,): where a
    circumstance's levels begin, and where an ordered level lies. ordered: (circumstances,). A leaf has at least
    min_rows rows and min_weight weight; a split gains more than min_gain.
    Work space: order, scratch (cells,); tally (levels, 4); rank (levels,); span (nodes, 2).
    Out, one row a node, the root first: node (nodes, 5) circumstance or -1, left, right, parent, depth; node_sums
    (nodes, 4); threshold (nodes,) of an ordered split; goes_left (nodes, levels of the widest circumstance).
    """
    cdef Py_ssize_t cells = level.shape[0], features = level.shape[1]
    cdef Py_ssize_t i, j, k, f, start, size, first, last, cut, best_cut, best_feature, a, b, middle
    cdef Py_ssize_t nodes = 1, current = 0
    cdef double W, A, n, WL, AL, nL, WR, squared, gain, best, difference
    cdef double *to
    cdef int32_t swap
    with nogil:
        for j in range(4):
            node_sums[0, j] = 0.0
        for i in range(cells):
            order[i] = <int32_t> i
            for j in range(4):
                node_sums[0, j] += sums[i, j]
        node[0, 3] = -1
        node[0, 4] = 0
        span[0, 0] = 0
        span[0, 1] = <int32_t> cells
        while current < nodes:
            node[current, 0] = -1
            node[current, 1] = -1
            node[current, 2] = -1
            first = span[current, 0]
            last = span[current, 1]
            W = node_sums[current, 0]
            A = node_sums[current, 1]
            n = node_sums[current, 3]
            best = 0.0
            best_feature = -1
            best_cut = -1
            if node[current, 4] < max_depth and n >= 2.0 * min_rows:
                for i in range(tally.shape[0]):
                    for j in range(4):
                        tally[i, j] = 0.0
                for i in range(first, last):
                    k = order[i]
                    WL = sums[k, 0]
                    AL = sums[k, 1]
                    squared = sums[k, 2]
                    nL = sums[k, 3]
                    for f in range(features):
                        to = &tally[level_start[f] + level[k, f], 0]
                        to[0] += WL
                        to[1] += AL
                        to[2] += squared
                        to[3] += nL
                for f in range(features):
                    # rank[start:start + size]: the levels present here, in the order in which they are cut.
                    start = level_start[f]
                    size = 0
                    for k in range(start, level_start[f + 1]):
                        if tally[k, 0] > 0.0:
                            rank[start + size] = <int32_t> k
                            size += 1
                    if not ordered[f]:
                        for a in range(1, size):
                            b = a
                            while b > 0 and (tally[rank[start + b], 1] * tally[rank[start + b - 1], 0]
                                             < tally[rank[start + b - 1], 1] * tally[rank[start + b], 0]):
                                swap = rank[start + b]
                                rank[start + b] = rank[start + b - 1]
                                rank[start + b - 1] = swap
                                b -= 1
                    WL = 0.0
                    AL = 0.0
                    nL = 0.0
                    for cut in range(size - 1):
                        k = rank[start + cut]
                        WL += tally[k, 0]
                        AL += tally[k, 1]
                        nL += tally[k, 3]
                        WR = W - WL
                        if nL < min_rows or n - nL < min_rows or WL < min_weight or WR < min_weight:
                            continue
                        if not WL > 0.0 or not WR > 0.0:
                            continue
                        difference = AL / WL - (A - AL) / WR
                        gain = WL * WR / W * difference * difference
                        # Two cuts that part the same rows differ by rounding only; the first of them stands.
                        if gain > best * (1.0 + 1e-10) and gain > min_gain:
                            best = gain
                            best_feature = f
                            best_cut = cut
            if best_feature < 0:
                current += 1
                continue
            f = best_feature
            start = level_start[f]
            node[current, 0] = <int32_t> f
            node[current, 1] = <int32_t> nodes
            node[current, 2] = <int32_t> (nodes + 1)
            # A level that nobody here has goes by the threshold if it is ordered, else with the heavier child.
            WL = 0.0
            for k in range(best_cut + 1):
                WL += tally[rank[start + k], 0]
            for k in range(level_start[f + 1] - start):
                goes_left[current, k] = 2.0 * WL >= W
            if ordered[f]:
                threshold[current] = 0.5 * (position[rank[start + best_cut]] + position[rank[start + best_cut + 1]])
                for k in range(level_start[f + 1] - start):
                    goes_left[current, k] = position[start + k] < threshold[current]
            else:
                for k in range(level_start[f + 1] - start):
                    if tally[start + k, 0] > 0.0:
                        goes_left[current, k] = 0
                for k in range(best_cut + 1):
                    goes_left[current, rank[start + k] - start] = 1
            for a in range(nodes, nodes + 2):
                node[a, 3] = <int32_t> current
                node[a, 4] = node[current, 4] + 1
                for j in range(4):
                    node_sums[a, j] = 0.0
            # Cells that go left, in their order, then those that go right.
            middle = first
            b = 0
            for i in range(first, last):
                k = order[i]
                if goes_left[current, level[k, f]]:
                    order[middle] = <int32_t> k
                    middle += 1
                    a = nodes
                else:
                    scratch[b] = <int32_t> k
                    b += 1
                    a = nodes + 1
                for j in range(4):
                    node_sums[a, j] += sums[k, j]
            for i in range(b):
                order[middle + i] = scratch[i]
            span[nodes, 0] = <int32_t> first
            span[nodes, 1] = <int32_t> middle
            span[nodes + 1, 0] = <int32_t> middle
            span[nodes + 1, 1] = <int32_t> last
            nodes += 2
            current += 1
    return nodes


def prune(int32_t[:, ::1] node, const double[::1] sse, double least, double[::1] left_over, double[::1] splits,
          double[::1] worth, int32_t[::1] number):
    """Take back, from the leaves up, every branch that takes least a split or less off the sum of squares.

    A branch is judged by what is left of it when its own weaker branches have gone, each at its own worth, as R's rpart
    judges it while growing. That can take back a little more than minimal cost-complexity pruning would.

    node: as grown; a node taken back loses its circumstance and children. sse: (nodes,). Work space: left_over, splits,
    worth (nodes,). Out: number (nodes,) of each node among those that stay, -1 of others.
    """
    cdef Py_ssize_t t, weak, strong, parent
    cdef int32_t stays = 0
    cdef double weak_rest, weak_splits, strong_rest, strong_splits
    with nogil:
        for t in range(node.shape[0] - 1, -1, -1):
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
        for t in range(node.shape[0]):
            parent = node[t, 3]
            if parent < 0 or (number[parent] >= 0 and node[parent, 0] >= 0):
                number[t] = stays
                stays += 1
            else:
                number[t] = -1


def apply(const int32_t[:, ::1] level, const int32_t[:, ::1] node, const uint8_t[:, ::1] goes_left, int32_t[::1] out):
    """Write the node in which every row of levels (rows, circumstances) ends."""
    cdef Py_ssize_t i, current
    with nogil:
        for i in range(level.shape[0]):
            current = 0
            while node[current, 0] >= 0:
                if goes_left[current, level[i, node[current, 0]]]:
                    current = node[current, 1]
                else:
                    current = node[current, 2]
            out[i] = <int32_t> current
