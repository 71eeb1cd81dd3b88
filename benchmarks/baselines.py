"""The strongest NumPy and SciPy versions that we could write: what sp2lnob is measured against.

Each is sorted once, blocked to stay in cache, and leaves its inner loop to compiled code. Counts (PSUs, replicates)
come as doubles, ready to be multiplied; whoever passes them calls these under one BLAS thread.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise
from math import factorial
from typing import Any

import numpy as np
from scipy import sparse

BLOCK = 64  # replicates at a time: their rows of counts stay in the second-level cache
CHUNK = 1024  # households at a time, for the same reason


def draw(rng: np.random.Generator, stratum_start: Any, replicates: int) -> Any:
    """Return how often each PSU is drawn, n_h - 1 times of n_h, in every replicate: (PSUs, replicates)."""
    counts = np.empty((int(stratum_start[-1]), replicates), dtype=np.int16)
    column = np.arange(replicates)
    for start, stop in pairwise(stratum_start):
        m = int(stop - start)
        drawn = rng.integers(0, m, (m - 1, replicates)) + column * m
        counts[start:stop] = np.bincount(drawn.ravel(), minlength=m * replicates).reshape(replicates, m).T
    return counts


def schemes(age: Any, disabled: Any, births: Any, home: Any, welfare: Any, size: Any, amounts: Sequence[float]) -> Any:
    """Return welfare after four schemes: one table look-up a person, one bincount of money by household."""
    child, pension, disability, maternity = amounts
    code = np.arange(512)
    table = (
        child * (code % 128 < 18)
        + pension * (code % 128 >= 65)
        + disability * (code >> 7 & 1)
        + maternity * (code >> 8 & 1)
    )
    key = age.astype(np.int16)
    key |= (disabled == 1).astype(np.int16) << 7
    key |= (births >= 1).astype(np.int16) << 8
    return welfare + np.bincount(home, table[key], len(welfare)) / size


def schemes_of_codes(age: Any, trait: Any, home: Any, welfare: Any, size: Any, amounts: Sequence[float]) -> Any:
    """Return the same from bytes of age and of traits (1 disabled, 2 a birth), coded beforehand."""
    child, pension, disability, maternity = amounts
    code = np.arange(1024)
    table = (
        child * (code % 256 < 18)
        + pension * (code % 256 >= 65)
        + disability * (code >> 8 & 1)
        + maternity * (code >> 9 & 1)
    )
    key = trait.astype(np.int16)
    key <<= 8
    key |= age
    return welfare + np.bincount(home, table[key], len(welfare)) / size


def fgt(welfare: Any, weight: Any, psu: Any, line: float, counts: Any) -> Any:
    """Return Foster-Greer-Thorbecke measures of 0, 1, 2: columns by PSU times counts, one product of matrices."""
    gap = np.clip((line - welfare) / line, 0.0, None)
    columns = (weight, weight * (welfare < line), weight * gap, weight * gap * gap)
    totals = np.stack([np.bincount(psu, column, len(counts)) for column in columns]) @ counts
    return totals[1:] / totals[0]


def gini(welfare: Any, weight: Any, psu: Any, counts: Any) -> Any:
    """Return the Gini: sorted once, then cumulative weights of a chunk of households by a block of replicates."""
    n, replicates = len(welfare), counts.shape[1]
    order = np.argsort(welfare)[::-1]
    sorted_psu, sorted_weight = psu[order], weight[order, None]
    step = -np.diff(welfare[order], append=0.0)
    money = np.bincount(psu, weight * welfare, len(counts))
    result = np.empty(replicates)
    for first in range(0, replicates, BLOCK):
        factor = np.ascontiguousarray(counts[:, first : first + BLOCK])
        above, area = np.zeros(factor.shape[1]), np.zeros(factor.shape[1])
        space = np.empty((CHUNK, factor.shape[1]))
        for i in range(0, n, CHUNK):
            rows = slice(i, min(n, i + CHUNK))
            block = space[: rows.stop - i]
            np.take(factor, sorted_psu[rows], axis=0, out=block, mode="clip")
            block *= sorted_weight[rows]
            block[0] += above
            np.cumsum(block, axis=0, out=block)
            above = block[-1].copy()
            block *= block
            area += step[rows] @ block
        result[first : first + BLOCK] = 1 - area / (above * (money @ factor))
    return result


def dissimilarity(weight: Any, access: Any, codes: Sequence[Any], levels: Sequence[int], psu: Any, counts: Any) -> Any:
    """Return D over all cells: rows collapsed to a sparse matrix of PSU x cell sums, times counts, block by block."""
    key = codes[0].astype(np.int32)
    for code, size in zip(codes[1:], levels[1:], strict=True):
        key = key * size + code
    number = np.cumsum(np.bincount(key, minlength=int(np.prod(levels))) > 0) - 1
    cell, cells = number[key], int(number[-1]) + 1
    # Those with access above, those without below: the index needs both, and each row of the data lies in one.
    sums = sparse.coo_matrix((weight, (cell + cells * (access == 0), psu)), (2 * cells, len(counts))).tocsr()
    result = np.empty(counts.shape[1])
    for first in range(0, counts.shape[1], BLOCK):
        both = sums @ np.ascontiguousarray(counts[:, first : first + BLOCK])
        having, lacking = both[:cells], both[cells:]
        total = having.sum(axis=0)
        mean = total / (total + lacking.sum(axis=0))
        having *= 1 - mean
        lacking *= mean
        having -= lacking
        result[first : first + BLOCK] = np.abs(having, out=having).sum(axis=0) / (2 * total)
    return result


def shapley_of_logits(
    weight: Any, access: Any, codes: Sequence[Any], levels: Sequence[int], psu: Any, counts: Any
) -> Any:
    """Return D of a main-effects logit and its Shapley shares, (1 + circumstances, replicates).

    Every one of the 2^k - 1 logits is fitted to the cells of all replicates at once: one matrix product makes all of
    their Hessians.
    """
    key = np.zeros(len(weight), dtype=np.int64)
    for code, count in zip(codes, levels, strict=True):
        key = key * count + code
    k, cells, psus = len(levels), int(np.prod(levels)), len(counts)
    shape, has = (*levels, counts.shape[1]), access > 0
    held = sparse.coo_matrix((weight, (key, psu)), shape=(cells, psus)).tocsr()
    used = sparse.coo_matrix((weight[has], (key[has], psu[has])), shape=(cells, psus)).tocsr()
    W, A = (held @ counts).reshape(shape), (used @ counts).reshape(shape)
    total = W.reshape(cells, -1).sum(axis=0)
    p = A.reshape(cells, -1).sum(axis=0) / total
    index: dict[tuple[int, ...], Any] = {(): np.zeros(len(p))}
    for size in range(1, k + 1):
        for some in combinations(range(k), size):
            out = tuple(i for i in range(k) if i not in some)
            n, s = W.sum(axis=out).reshape(-1, len(p)), A.sum(axis=out).reshape(-1, len(p))
            grid = np.unravel_index(np.arange(len(n)), [levels[i] for i in some])
            dummies = [column[:, None] == np.arange(1, levels[i]) for i, column in zip(some, grid, strict=True)]
            x = np.hstack([np.ones((len(n), 1)), *dummies])
            upper = np.triu_indices(x.shape[1])
            pairs = np.ascontiguousarray((x[:, upper[0]] * x[:, upper[1]]).T) if len(p) > 1 else None
            b, hessian = np.zeros((x.shape[1], len(p))), np.empty((len(p), x.shape[1], x.shape[1]))
            b[0] = np.log(p / (1 - p))
            for _ in range(25):
                rate = 1 / (1 + np.exp(-(x @ b)))
                known = n * rate * (1 - rate)
                if len(p) == 1:
                    hessian[0] = x.T @ (known * x)
                else:
                    hessian[:, upper[0], upper[1]] = hessian[:, upper[1], upper[0]] = (pairs @ known).T
                step = np.linalg.solve(hessian, (x.T @ (s - n * rate)).T[:, :, None])[:, :, 0].T
                b += step
                if np.abs(step).max() < 1e-10:
                    break
            rate = 1 / (1 + np.exp(-(x @ b)))
            index[some] = (n * np.abs(rate - p)).sum(axis=0) / (2 * total * p)
    shares = []
    for i in range(k):
        share = np.zeros(len(p))
        for some in index:
            if i not in some:
                part = factorial(len(some)) * factorial(k - len(some) - 1) / factorial(k)
                share += part * (index[tuple(sorted((*some, i)))] - index[some])
        shares.append(share)
    return np.stack([index[tuple(range(k))], *shares])


def tree_refits(
    weight: Any, access: Any, codes: Sequence[Any], levels: Sequence[int], psu: Any, counts: Any, **rule: Any
) -> Any:
    """Return D between the leaves of a tree refitted in every replicate: scikit-learn's, on the means of cells."""
    from sklearn.tree import DecisionTreeRegressor

    cell = np.ravel_multi_index(codes, levels)
    size = int(np.prod(levels))
    grid = np.array(np.unravel_index(np.arange(size), levels)).T.astype(np.float32)
    having = access == 1
    total = sparse.coo_matrix((weight, (cell, psu)), (size, len(counts))).tocsr() @ counts
    with_access = sparse.coo_matrix((weight[having], (cell[having], psu[having])), (size, len(counts))).tocsr() @ counts
    result = np.empty(counts.shape[1])
    for b in range(counts.shape[1]):
        kept = total[:, b] > 0
        own = total[kept, b]
        model = DecisionTreeRegressor(random_state=0, **rule)
        tree = model.fit(grid[kept], with_access[kept, b] / own, sample_weight=own).tree_
        leaves, rate = tree.children_left == -1, tree.value[:, 0, 0]
        held = tree.weighted_n_node_samples
        result[b] = (held[leaves] * np.abs(rate[leaves] - rate[0])).sum() / (2 * held[0] * rate[0])
    return result


def indicators(before: Any, after: Any, weight: Any, line: float) -> Any:
    """Return poverty, Gini and Palma before and after, and mean, poverty and Gini by decile of before.

    One sort a distribution, one split by decile, sums by reduceat: rows are mean and FGT 0, 1, 2 of everybody, Gini and
    Palma; then mean, FGT 0, 1, 2 and Gini of each decile; before, then after.
    """
    result = []
    decile = np.empty(len(before), dtype=np.int8)
    for y in (before, after):
        order = np.argsort(y)
        value, w = y[order], weight[order]
        people, money = np.cumsum(w), np.cumsum(value * w)
        whole, all_money = people[-1], money[-1]

        def held(share: float, people: Any = people, money: Any = money, value: Any = value, w: Any = w) -> float:
            i = int(np.searchsorted(people, share * people[-1] * (1 - 1e-12)))
            return float(money[i] - value[i] * (people[i] - share * people[-1]))

        poor = int(np.searchsorted(value, line))
        gap = 1 - value[:poor] / line
        lacking = w[:poor] * gap
        fgt = [people[poor - 1] / whole, lacking.sum() / whole, lacking @ gap / whole]
        area = 2 * (value * w) @ people - (value * w) @ w
        result += [all_money / whole, *fgt, area / (whole * all_money) - 1, (all_money - held(0.9)) / held(0.4)]
        if y is before:
            cuts = value[np.searchsorted(people, np.arange(1, 10) / 10 * whole * (1 - 1e-12))]
            edges = np.r_[0, np.searchsorted(value, cuts, side="right"), len(value)]
            decile[order] = np.repeat(np.arange(10, dtype=np.int8), np.diff(edges))
        else:
            order = order[np.argsort(decile[order], kind="stable")]
            value, w = y[order], weight[order]
            people, money = np.cumsum(w), np.cumsum(value * w)
        start, earned = edges[:-1], value * w
        size, sums = np.diff(np.r_[0, people][edges]), np.diff(np.r_[0, money][edges])
        gap = np.clip(1 - value / line, 0, None)
        lacking = w * gap
        by = [np.add.reduceat(column, start) / size for column in (w * (gap > 0), lacking, lacking * gap)]
        area = np.add.reduceat(earned * (2 * people - w), start) - 2 * np.r_[0, people][start] * sums
        result += [*np.stack([sums / size, *by], axis=1).ravel(), *(area / (size * sums) - 1)]
    return np.array(result)


def packages(
    counts: Any, amounts: Any, welfare: Any, share: Any, weight: Any, line: float, block: int = 128
) -> tuple[Any, Any]:
    """Return weights of the poor and weighted gaps to the line after every package, of rows that are poor before.

    ``counts`` (rows, options) of recipients and ``amounts`` (packages, options): one product of matrices a block of
    packages, which is as large as stays in a cache.
    """
    poor, gaps = np.empty(len(amounts)), np.empty(len(amounts))
    paid = counts * share[:, None]
    short = (line - welfare)[:, None]
    for first in range(0, len(amounts), block):
        gap = short - paid @ amounts[first : first + block].T
        np.maximum(gap, 0.0, out=gap)
        gaps[first : first + block] = weight @ gap
        poor[first : first + block] = weight @ (gap > 0)
    return poor, gaps
