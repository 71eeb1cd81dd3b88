"""Textbook versions of what sp2lnob computes, slow and plain, written without sight of the package.

Every function takes plain sequences and uses only + - * / and comparisons, so it works with floats and, exactly,
with fractions.Fraction (roots, logarithms and powers excepted). Nothing here may import sp2lnob or numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from functools import cache
from itertools import permutations, product
from typing import Any

Num = Any  # int, float or Fraction
Row = Mapping[str, Any]
Node = dict[str, Any]


# ---------------------------------------------------------------- welfare measures


def mean(y: Sequence[Num], w: Sequence[Num]) -> Num:
    """Weighted mean: sum w y / sum w."""
    return sum(wi * yi for yi, wi in zip(y, w, strict=True)) / sum(w)


def fgt(y: Sequence[Num], w: Sequence[Num], line: Num, alpha: int) -> Num:
    """Sum over the poor (y < line, strictly) of w ((line - y) / line)^alpha, over sum w.

    Foster, Greer and Thorbecke (1984), Econometrica 52, 761-766.
    """
    poor = sum(wi * ((line - yi) / line) ** alpha for yi, wi in zip(y, w, strict=True) if yi < line)
    return poor / sum(w)


def gini(y: Sequence[Num], w: Sequence[Num]) -> Num:
    """Double sum over all pairs: sum_ij w_i w_j |y_i - y_j| / (2 W sum w y). Sen (1973), On Economic Inequality."""
    n = len(y)
    pairs = sum(w[i] * sum(w[j] * abs(y[i] - y[j]) for j in range(n)) for i in range(n))
    return pairs / (2 * sum(w) * sum(w[i] * y[i] for i in range(n)))


def gini_ranked(y: Sequence[Num], w: Sequence[Num]) -> Num:
    """Rank form: sum w y (2 F - w) / (W sum w y) - 1, F the cumulative weight up to and with i, y ascending.

    The weighted formula of Eurostat, as in the R package laeken (Alfons and Templ 2013, J. Stat. Softw. 54(15)).
    Ties may stand in any order. Algebraically the same as the double sum.
    """
    cumulative: Num = 0
    top: Num = 0
    for yi, wi in sorted(zip(y, w, strict=True), key=lambda pair: pair[0]):
        cumulative += wi
        top += wi * yi * (2 * cumulative - wi)
    return top / (sum(w) * sum(wi * yi for yi, wi in zip(y, w, strict=True))) - 1


def quantile(y: Sequence[Num], w: Sequence[Num], q: Num) -> Num:
    """Inverse CDF: the smallest value v with (weight of all y <= v) / W >= q. Hyndman and Fan (1996), type 1."""
    total = sum(w)
    weight_of: dict[Num, Num] = {}
    for yi, wi in zip(y, w, strict=True):
        weight_of[yi] = weight_of.get(yi, 0) + wi
    cumulative: Num = 0
    for value in sorted(weight_of):
        cumulative += weight_of[value]
        if weight_of[value] > 0 and cumulative >= q * total:
            return value
    return max(yi for yi, wi in zip(y, w, strict=True) if wi > 0)  # q = 1 under rounding


def lorenz(y: Sequence[Num], w: Sequence[Num], p: Num) -> Num:
    """Share of total welfare held by the poorest share p of the weight; the boundary row's weight is split."""
    left = p * sum(w)
    held: Num = 0
    for yi, wi in sorted(zip(y, w, strict=True), key=lambda pair: pair[0]):
        taken = wi if wi < left else left
        held += taken * yi
        left -= taken
        if left <= 0:
            break
    return held / sum(wi * yi for yi, wi in zip(y, w, strict=True))


def palma(y: Sequence[Num], w: Sequence[Num]) -> Num:
    """Share of the richest 10 % over the share of the poorest 40 %: (1 - L(0.9)) / L(0.4).

    Cobham and Sumner (2013), CGD Working Paper 343. The points are exact fractions.
    """
    return (1 - lorenz(y, w, Fraction(9, 10))) / lorenz(y, w, Fraction(2, 5))


# ---------------------------------------------------------------- opportunity


def d_index(access: Sequence[Num], groups: Sequence[Hashable], w: Sequence[Num]) -> Num | None:
    """Dissimilarity: 1 / (2 p) * sum_g b_g |p_g - p| over the groups present (weight > 0); None where p = 0.

    Paes de Barros et al. (2009), Measuring Inequality of Opportunities in Latin America and the Caribbean.
    """
    p = mean(access, w)
    if p == 0:
        return None
    spread: Num = 0
    for g in dict.fromkeys(groups):
        inside = [i for i, gi in enumerate(groups) if gi == g]
        weight = sum(w[i] for i in inside)
        if weight > 0:
            rate = sum(w[i] * access[i] for i in inside) / weight
            spread += weight / sum(w) * abs(rate - p)
    return spread / (2 * p)


# ---------------------------------------------------------------- random numbers and replicates

PHILOX_KAT: list[tuple[tuple[int, int, int, int], tuple[int, int], tuple[int, int, int, int]]] = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""(counter, key, output): the three lines `philox4x32 10` of kat_vectors in Random123 (D. E. Shaw Research)."""


def philox4x32(counter: Sequence[int], key: Sequence[int], rounds: int = 10) -> tuple[int, int, int, int]:
    """Philox-4x32: four 32-bit words from a counter of four and a key of two.

    Salmon, Moraes, Dror and Shaw (2011), Parallel Random Numbers: As Easy as 1, 2, 3, SC'11. One round:
    (c0, c1, c2, c3) -> (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)); the key grows by (W0, W1)
    between rounds.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        first = 0xD2511F53 * c0
        second = 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (
            (second >> 32) ^ c1 ^ k0,
            second & 0xFFFFFFFF,
            (first >> 32) ^ c3 ^ k1,
            first & 0xFFFFFFFF,
        )
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def rao_wu_factor(counts_of_psu: Sequence[int], n_psu: int) -> list[Fraction]:
    """Rescaling bootstrap with n - 1 draws out of the n PSUs of a stratum: factor n / (n - 1) * times drawn.

    Rao, Wu and Yue (1992), Survey Methodology 18, 209-217. The factors of a stratum add up to n.
    """
    return [Fraction(n_psu, n_psu - 1) * count for count in counts_of_psu]


def bootstrap_se(values: Sequence[Num]) -> float:
    """Root of sum (v - mean v)^2 / (R - 1) over the R replicate values."""
    centre = sum(values) / len(values)
    return math.sqrt(sum((v - centre) ** 2 for v in values) / (len(values) - 1))


# ---------------------------------------------------------------- schemes


def eligible(person: Row, scheme: Row) -> bool:
    """Inside min_age..max_age (both inclusive), of the sex and disability asked for; None or absent asks nothing."""
    if scheme.get("min_age") is not None and person["age"] < scheme["min_age"]:
        return False
    if scheme.get("max_age") is not None and person["age"] > scheme["max_age"]:
        return False
    if scheme.get("sex") is not None and person["sex"] != scheme["sex"]:
        return False
    return scheme.get("disability") is None or bool(person["disability"] == scheme["disability"])


def transfers(
    households: Sequence[Row], persons: Sequence[Row], schemes: Sequence[Row], mpc: Num = 1
) -> dict[str, Any]:
    """Full take-up per person: t_h = sum_s amount_s * eligible members, welfare after c_h + mpc t_h / n_h.

    households : rows with "id", "weight", "size" and "welfare" (per person and period)
    persons : rows with "household" and what `eligible` reads; a person carries the household's weight
    schemes : rows with "amount" (per recipient and period) and what `eligible` reads

    Returns "transfer" and "welfare_after" per household (in their order), weighted "recipients" per scheme, weighted
    "reached" (persons with at least one benefit), "costs" per scheme and their sum "cost", without administration.
    """
    weight = {h["id"]: h["weight"] for h in households}
    transfer: dict[Any, Num] = {h["id"]: 0 for h in households}
    recipients: list[Num] = [0 for _ in schemes]
    reached: Num = 0
    for person in persons:
        home = person["household"]
        won = [s for s, scheme in enumerate(schemes) if eligible(person, scheme)]
        for s in won:
            transfer[home] += schemes[s]["amount"]
            recipients[s] += weight[home]
        if won:
            reached += weight[home]
    costs = [scheme["amount"] * r for scheme, r in zip(schemes, recipients, strict=True)]
    return {
        "transfer": [transfer[h["id"]] for h in households],
        "welfare_after": [h["welfare"] + mpc * transfer[h["id"]] / h["size"] for h in households],
        "recipients": recipients,
        "reached": reached,
        "costs": costs,
        "cost": sum(costs),
    }


# ---------------------------------------------------------------- tree


def _rate(y: Sequence[Num], w: Sequence[Num], rows: Sequence[int]) -> Num:
    return sum(w[i] * y[i] for i in rows) / sum(w[i] for i in rows)


def _rate_and_sse(y: Sequence[Num], w: Sequence[Num], rows: Sequence[int]) -> tuple[Num, Num]:
    rate = _rate(y, w, rows)
    return rate, sum(w[i] * (y[i] - rate) ** 2 for i in rows)


def _partitions(
    rows_x: Sequence[Row], y: Sequence[Num], w: Sequence[Num], rows: Sequence[int], name: str, in_order: bool
) -> list[Node]:
    """All cuts of one feature in one node, the lowest first: present values in order, or levels by weighted mean."""
    at = {v: [i for i in rows if rows_x[i][name] == v] for v in {rows_x[i][name] for i in rows}}
    levels = sorted(at)
    if not in_order:
        levels.sort(key=lambda v: _rate(y, w, at[v]))
    found = []
    for k in range(1, len(levels)):
        cut: Node = {"feature": name, "left_rows": [i for v in levels[:k] for i in at[v]]}
        cut["right_rows"] = [i for v in levels[k:] for i in at[v]]
        if in_order:
            cut["below"] = Fraction(levels[k - 1] + levels[k]) / 2
        else:
            cut["left_levels"], cut["right_levels"] = sorted(levels[:k]), sorted(levels[k:])
        found.append(cut)
    return found


def grow_tree(
    rows_x: Sequence[Row],
    y: Sequence[Num],
    w: Sequence[Num],
    ordered: Mapping[str, bool],
    max_depth: int = 6,
    min_obs: int = 1,
    min_weight_share: Num = 0,
    min_rows: int = 1,
    cp: Num = 0,
    min_split: int = 0,
) -> Node:
    """Least-squares regression tree on rows by exhaustive search, then cost-complexity collapse from the bottom up.

    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, chapters 3, 8 and 9.4.

    rows_x : one mapping of feature to value per row; ordered values are numbers
    ordered : feature -> True (ordered: cuts between adjacent present values) or False (unordered: levels sorted by
        weighted mean, k - 1 cuts). The order of this mapping is the order of the features
    w : weights, all positive (leave rows of weight 0 out)
    max_depth : the root has depth 0
    min_obs, min_rows : each is a least number of rows of a leaf
    min_weight_share : least share of all weight in a leaf
    cp : a node whose subtree earns (SSE_node - SSE of its leaves) / (its splits) <= cp * SSE_root becomes a leaf
    min_split : least number of rows of a node to be split

    Gain of a cut: (W_L W_R / W) (p_L - p_R)^2, which must be positive. Equal gains: the first feature, then the
    lowest cut. Left is the side of the lower values (ordered: value < midpoint) or the lower means.
    """
    total = sum(w)

    def grow(rows: list[int], depth: int) -> Node:
        rate, sse = _rate_and_sse(y, w, rows)
        weight = sum(w[i] for i in rows)
        node: Node = {"rate": rate, "sse": sse, "weight": weight, "share": weight / total, "n": len(rows)}
        if depth == max_depth or len(rows) < min_split:
            return node
        best: Node | None = None
        for name, in_order in ordered.items():
            for cut in _partitions(rows_x, y, w, rows, name, in_order):
                sides = cut["left_rows"], cut["right_rows"]
                weights = [sum(w[i] for i in side) for side in sides]
                if min(len(side) for side in sides) < max(min_obs, min_rows):
                    continue
                if min(weights) < min_weight_share * total:
                    continue
                left, right = (_rate(y, w, side) for side in sides)
                cut["gain"] = weights[0] * weights[1] / weight * (left - right) ** 2
                if cut["gain"] > (best["gain"] if best else 0):
                    best = cut
        if best:
            node["left"] = grow(best.pop("left_rows"), depth + 1)
            node["right"] = grow(best.pop("right_rows"), depth + 1)
            node.update(best)
        return node

    root = grow(list(range(len(y))), 0)
    collapse(root, cp * root["sse"])
    return root


def collapse(node: Node, least: Num) -> tuple[int, Num, Num]:
    """Collapse in place, bottom up; returns the splits, the SSE and the worth a split of what is left of the node.

    R's rpart judges a node by its branches as they are once they are worth less than the node: the weaker of the two
    has become a leaf by then, and after it perhaps the other. A node worth ``least`` or less becomes a leaf for good.
    """
    if "left" not in node:
        return 0, node["sse"], least
    sides = {key: collapse(node[key], least) for key in ("left", "right")}
    weaker = "left" if sides["left"][2] < sides["right"][2] else "right"

    def state() -> tuple[int, Num, Num]:
        splits = 1 + sum(side[0] for side in sides.values())
        sse = sum(side[1] for side in sides.values())
        return splits, sse, (node["sse"] - sse) / splits

    if state()[2] > sides[weaker][2]:
        sides[weaker] = (0, node[weaker]["sse"], sides[weaker][2])
        other = "right" if weaker == "left" else "left"
        if state()[2] > sides[other][2]:
            sides[other] = (0, node[other]["sse"], sides[other][2])
    result = state()
    if result[2] > least:
        return result
    for key in ("left", "right", "feature", "gain", "below", "left_levels", "right_levels"):
        node.pop(key, None)
    return 0, node["sse"], least


def leaf_nodes(tree: Node) -> list[Node]:
    """The terminal nodes from left to right."""
    return leaf_nodes(tree["left"]) + leaf_nodes(tree["right"]) if "left" in tree else [tree]


def leaves(tree: Node) -> list[tuple[Num, Num, int]]:
    """(rate, share of weight, rows) of the terminal nodes from left to right."""
    return [(leaf["rate"], leaf["share"], leaf["n"]) for leaf in leaf_nodes(tree)]


def apply_tree(tree: Node, x: Row) -> Node:
    """The terminal node that x reaches.

    An unordered level that the node had not seen goes to the child of the larger weight (left if equal).
    """
    node = tree
    while "left" in node:
        value = x[node["feature"]]
        if "below" in node:
            go_left = value < node["below"]
        elif value in node["left_levels"] or value in node["right_levels"]:
            go_left = value in node["left_levels"]
        else:
            go_left = node["left"]["weight"] >= node["right"]["weight"]
        node = node["left"] if go_left else node["right"]
    return node


def reroute(
    tree: Node,
    rows_x: Sequence[Row],
    class_after: Sequence[Any],
    class_name: str,
    y: Sequence[Num],
    w: Sequence[Num],
) -> dict[str, Any]:
    """Access among the groups found before, when only the welfare class of a row changes.

    Group g of a row is its leaf at baseline, with the rate r_g of y in that leaf. A row whose class becomes
    `class_after` takes the rate of the leaf it then reaches. Group after: mean of these over the baseline members.
    Gaining: sum of w (r_after - r_before). Groups come in the order of `leaves`; each must have weight.
    """
    all_leaves = leaf_nodes(tree)
    ids = [id(leaf) for leaf in all_leaves]
    old = [ids.index(id(apply_tree(tree, x))) for x in rows_x]
    moved = [{**x, class_name: c} for x, c in zip(rows_x, class_after, strict=True)]
    new = [ids.index(id(apply_tree(tree, x))) for x in moved]
    members = [[i for i in range(len(y)) if old[i] == g] for g in range(len(ids))]
    rate = [_rate_and_sse(y, w, rows)[0] for rows in members]
    after = [sum(w[i] * rate[new[i]] for i in rows) / sum(w[i] for i in rows) for rows in members]
    gaining = [sum(w[i] * (rate[new[i]] - rate[old[i]]) for i in rows) for rows in members]
    return {
        "before": rate,
        "after": after,
        "gaining": gaining,
        "national_before": mean([rate[g] for g in old], w),
        "national_after": mean([rate[g] for g in new], w),
    }


# ---------------------------------------------------------------- measures with logarithms and powers, to 50 digits

CONTEXT = Context(prec=50, Emax=MAX_EMAX, Emin=MIN_EMIN)


def decimal(value: Num) -> Decimal:
    """A number as a decimal of 50 digits; floats and fractions at their exact value."""
    exact = Fraction(value)
    return CONTEXT.divide(Decimal(exact.numerator), Decimal(exact.denominator))


@cache
def _ln(value: Num) -> Decimal:
    with localcontext(CONTEXT):
        return decimal(value).ln()


@cache
def _power(value: Num, a: Decimal) -> Decimal:
    with localcontext(CONTEXT):
        return (a * _ln(value)).exp() if value > 0 else Decimal(0)


def _mean_of(values: Sequence[Decimal], w: Sequence[Num]) -> Decimal:
    with localcontext(CONTEXT):
        weights = [decimal(wi) for wi in w]
        return sum((wi * v for wi, v in zip(weights, values, strict=True)), Decimal(0)) / sum(weights, Decimal(0))


def watts(y: Sequence[Num], w: Sequence[Num], line: Num) -> float:
    """Mean over all of ln(line / y) for the poor (y < line, strictly), 0 for others. Zheng (1993), Econ. Letters 42."""
    with localcontext(CONTEXT):
        return float(_mean_of([_ln(line) - _ln(yi) if yi < line else Decimal(0) for yi in y], w))


def _positive_weight(y: Sequence[Num], w: Sequence[Num]) -> tuple[list[Num], list[Num], Num]:
    """The rows that stand for somebody, and their mean."""
    rows = [(yi, wi) for yi, wi in zip(y, w, strict=True) if wi > 0]
    values, weights = [yi for yi, _ in rows], [wi for _, wi in rows]
    return values, weights, sum(Fraction(yi) * Fraction(wi) for yi, wi in rows) / sum(Fraction(wi) for wi in weights)


def generalized_entropy(y: Sequence[Num], w: Sequence[Num], alpha: Num) -> float:
    """(mean of (y / m)^alpha - 1) / (alpha (alpha - 1)); -mean ln(y / m) for 0; mean of (y / m) ln(y / m) for 1.

    Cowell (2011), Measuring Inequality, chapter 3; 0^alpha and 0 ln 0 are 0. Rows of weight 0 are left out.
    """
    y, w, m = _positive_weight(y, w)
    with localcontext(CONTEXT):
        if alpha == 0:
            return float(_ln(m) - _mean_of([_ln(yi) for yi in y], w))
        if alpha == 1:
            return float(_mean_of([decimal(yi) * _ln(yi) if yi else Decimal(0) for yi in y], w) / decimal(m) - _ln(m))
        a = decimal(alpha)
        return float((_mean_of([_power(yi, a) for yi in y], w) / _power(m, a) - 1) / (a * (a - 1)))


def atkinson(y: Sequence[Num], w: Sequence[Num], epsilon: Num) -> float:
    """1 - (mean of (y / m)^(1 - e))^(1 / (1 - e)); for e = 1, 1 - geometric mean / m.

    Atkinson (1970), J. Economic Theory 2, 244-263. Rows of weight 0 are left out.
    """
    y, w, m = _positive_weight(y, w)
    with localcontext(CONTEXT):
        if epsilon == 1:
            return float(1 - (_mean_of([_ln(yi) for yi in y], w) - _ln(m)).exp())
        a = 1 - decimal(epsilon)
        return float(1 - (_mean_of([_power(yi, a) for yi in y], w).ln() / a - _ln(m)).exp())


def quintile_ratio(y: Sequence[Num], w: Sequence[Num]) -> Num:
    """Share of the richest 20 % over the share of the poorest 20 %: (1 - L(0.8)) / L(0.2), boundary weight split."""
    return (1 - lorenz(y, w, Fraction(4, 5))) / lorenz(y, w, Fraction(1, 5))


def quintile_ratio_by_steps(y: Sequence[Num], w: Sequence[Num]) -> Num:
    """Eurostat's S80/S20, as in R laeken 0.5.2: all above the quantile of 0.8 over all at or below that of 0.2."""
    low, high = quantile(y, w, Fraction(1, 5)), quantile(y, w, Fraction(4, 5))
    top = sum(wi * yi for yi, wi in zip(y, w, strict=True) if yi > high)
    return top / sum(wi * yi for yi, wi in zip(y, w, strict=True) if yi <= low)


# ---------------------------------------------------------------- what a package reaches


def somebody(chances: Sequence[Num]) -> Num:
    """Chance that at least one of several independent draws succeeds, by listing every outcome."""
    if 1 in chances:
        return 1
    found: Num = 0
    for outcome in product((True, False), repeat=len(chances)):
        if any(outcome):
            chance: Num = 1
            for yes, p in zip(outcome, chances, strict=True):
                chance = chance * (p if yes else 1 - p)
            found += chance
    return found


def reach(household_of: Sequence[int], chances: Sequence[Sequence[Num]]) -> tuple[list[list[Num]], list[list[Num]]]:
    """Chance that each person is paid, and lives with somebody who is; by scheme, and at last by any of them.

    household_of : household of each person
    chances : for each person, the chance of every scheme: 1 for those paid, 0 for others, between for draws
    """
    schemes = range(len(chances[0]))
    paid = [[*row, somebody([p for p in row if p])] for row in chances]
    lives = []
    for home in household_of:
        members = [row for row, other in zip(chances, household_of, strict=True) if other == home]
        by_scheme = [somebody([row[s] for row in members if row[s]]) for s in schemes]
        lives.append([*by_scheme, somebody([p for row in members for p in row if p])])
    return paid, lives


# ---------------------------------------------------------------- household types


def household_type(members: Sequence[tuple[Num, str]]) -> str | None:
    """Type of a household of (age, "head" | "spouse" | anything else); None where an age is unknown.

    ESCAP's SPOT Simulator shows eight types and defines two of them in words: three generations (a child, somebody of
    18-59 and one of 60+) and the skipped generation (a child and one of 60+, nobody of 18-59). These go first; the
    other rules follow the names. A child is under 18.
    """
    if any(age is None or age != age for age, _ in members):
        return None
    generations = {"child" if age < 18 else "older" if age >= 60 else "working" for age, _ in members}
    if len(members) == 1:
        return {"older": "One person 60+", "working": "One person 18-59"}.get(generations.pop(), "Other")
    if generations == {"child", "working", "older"}:
        return "Three generations"
    if generations == {"child", "older"}:
        return "Skipped generation"
    roles = [role for _, role in members]
    rest = [age for age, role in members if role not in ("head", "spouse")]
    if roles.count("head") == roles.count("spouse") == 1:
        if not rest:
            return "Couple without children"
        if max(rest) < 18:
            return "Couple with children"
    adults = [age for age, _ in members if age >= 18]
    return "Single parent or caregiver" if len(adults) == 1 and adults[0] < 60 and len(members) > 1 else "Other"


# ---------------------------------------------------------------- honest ends of a tree


def tree_ends(tree: Node, barrier: bool) -> tuple[Node, Node]:
    """The leaves furthest behind and furthest ahead; among equal rates those of the larger weight."""
    sign = -1 if barrier else 1
    behind = min(leaf_nodes(tree), key=lambda leaf: (sign * leaf["rate"], -leaf["weight"]))
    return behind, max(leaf_nodes(tree), key=lambda leaf: (sign * leaf["rate"], leaf["weight"]))


def cross_validated_ends(
    rows_x: Sequence[Row],
    y: Sequence[Num],
    w: Sequence[Num],
    psu: Sequence[int],
    folds: Sequence[Mapping[int, int]],
    ordered: Mapping[str, bool],
    barrier: bool,
    **rule: Any,
) -> tuple[Num, Num, Num]:
    """Rate of the group behind, of that ahead, and the gap, by cross-validation; one mapping of PSU to fold a repeat.

    A tree on the rows of the other folds says which rows of a fold are behind and which ahead. Folds are pooled, ratio
    of sums, and repeats averaged.
    """
    found = []
    for fold_of in folds:
        sums = [[Fraction(0), Fraction(0)] for _ in range(2)]
        for fold in set(fold_of.values()):
            learn = [i for i, p in enumerate(psu) if fold_of[p] != fold]
            tree = grow_tree([rows_x[i] for i in learn], [y[i] for i in learn], [w[i] for i in learn], ordered, **rule)
            for end, leaf in zip(sums, tree_ends(tree, barrier), strict=True):
                for i, p in enumerate(psu):
                    if fold_of[p] == fold and apply_tree(tree, rows_x[i]) is leaf:
                        end[0] += w[i]
                        end[1] += w[i] * y[i]
        found.append([a / weight for weight, a in sums])
    behind, ahead = (sum(rates) / len(found) for rates in zip(*found, strict=True))
    return behind, ahead, behind - ahead if barrier else ahead - behind


# ---------------------------------------------------------------- shares of dissimilarity


def shapley(value: Callable[[frozenset[int]], Num], players: int) -> list[Num]:
    """Shapley shares as the mean, over all orders of players, of what each adds to the value of those before it."""
    orders = list(permutations(range(players)))
    shares: list[Num] = [Fraction(0)] * players
    for order in orders:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            shares[player] += (value(before | {player}) - value(before)) / Fraction(len(orders))
    return shares


# ---------------------------------------------------------------- packages, every parameter


def handed_out(
    households: Sequence[Row],
    persons: Sequence[Row],
    schemes: Sequence[Row],
    order: Sequence[int],
    number: Callable[[int, Row], float],
    periods: int,
    expected: bool = False,
) -> list[list[tuple[float, float]]]:
    """Chance and money a year of every person by scheme, one person after the other.

    households : rows with "id", "weight", "size", "welfare" and "existing" (by benefit, a period)
    persons : rows with "household" (position), in the order of a household
    schemes : rows with "eligible" and "aimed" (of person and household; "aimed" may be None), "per", "coverage",
        "take_up" (of person and household), "exclusion_error", "inclusion_error", "unless" (positions), "unless_in",
        "max_recipients", "by", "bands" (first, last, a year), "starts", "rate", "ends", "max_amount", "tops_up"
    number : in [0, 1), of a scheme's position and a person
    """
    paid = [[(0.0, 0.0) for _ in schemes] for _ in persons]
    homes = [[i for i, person in enumerate(persons) if person["household"] == h] for h in range(len(households))]
    for s in order:
        rule = schemes[s]
        chance = _chances(households, persons, homes, rule)
        for h, members in enumerate(homes):
            home, got = households[h], []
            for i in members:
                share = chance[i] * rule["take_up"](persons[i], home) * rule["coverage"]
                if expected:
                    wins = share > 0
                else:
                    wins, share = number(s, persons[i]) < share, 1.0
                others = members if rule["unless_in"] == "household" else [i]
                if wins and not any(paid[k][other][0] > 0 for k in others for other in rule["unless"]):
                    got.append((i, share))
            for (i, share), money in zip(got, _money(home, [persons[i] for i, _ in got], rule, periods), strict=False):
                if money is not None:
                    paid[i][s] = share, share * money
    return paid


def _chances(
    households: Sequence[Row], persons: Sequence[Row], homes: Sequence[Sequence[int]], rule: Row
) -> list[float]:
    """Chance of every person by target and errors alone; of a household, that of the member who stands for it."""
    eligible = [rule["eligible"](person, households[person["household"]]) for person in persons]
    aimed = [
        ok and (rule["aimed"] is None or rule["aimed"](person, households[person["household"]]))
        for ok, person in zip(eligible, persons, strict=True)
    ]
    may = eligible if rule["aimed"] is not None else [True] * len(persons)
    inside = [i for i in range(len(persons)) if aimed[i]]
    outside = [i for i in range(len(persons)) if may[i] and not aimed[i]]
    if rule["per"] == "household":
        first_in = {persons[i]["household"]: i for i in reversed(inside)}
        first_out = {persons[i]["household"]: i for i in reversed(outside)}
        inside = list(first_in.values())
        outside = [i for h, i in first_out.items() if h not in first_in]
    weight = [households[person["household"]]["weight"] for person in persons]
    chance = [0.0] * len(persons)
    kept = 1 - rule["exclusion_error"]
    for i in inside:
        chance[i] = kept
    wrong = rule["inclusion_error"]
    wanted = wrong / (1 - wrong) * kept * sum(weight[i] for i in inside)
    for i in outside if wrong else ():
        chance[i] = min(1.0, wanted / sum(weight[k] for k in outside))
    return chance


def _money(home: Row, recipients: Sequence[Row], rule: Row, periods: int) -> list[float | None]:
    """Money a year of every recipient of a household; None for who is left with nothing."""
    recipients = recipients[: rule["max_recipients"]]
    amounts = []
    for person in recipients:
        key = {"age": person.get("age"), "size": home["size"], "recipients": len(recipients), None: 0}[rule["by"]]
        begun = [amount for first, _, amount in rule["bands"] if first is None or first <= key]
        amount = begun[-1] if begun else rule["bands"][0][2]
        left = amount
        if rule["rate"] is not None:
            left = max(0.0, amount - rule["rate"] * periods * max(0.0, home["welfare"] - rule["starts"]))
        elif rule["ends"] is not None:
            left = amount * min(1.0, max(0.0, (rule["ends"] - home["welfare"]) / (rule["ends"] - rule["starts"])))
        amounts.append(None if amount > 0 and left == 0 else left)
    total = sum(amount or 0.0 for amount in amounts)
    if rule["max_amount"] is not None and total > rule["max_amount"]:
        amounts = [amount and amount * rule["max_amount"] / total for amount in amounts]
        total = rule["max_amount"]
    if rule["tops_up"]:
        left = max(0.0, total - periods * sum(home["existing"][name] for name in rule["tops_up"]))
        amounts = [amount and (amount * left / total or None) for amount in amounts]
    return amounts


# ---------------------------------------------------------------- whom a target keeps


def kept_by_rank(score: Sequence[Num], w: Sequence[Num], share: Num, whole: bool = True) -> list[bool]:
    """Whether each household is among the lowest scores that hold a share of all weight.

    Households of one score stand or fall together. They are added from the lowest score up: with `whole` until the
    share is reached, else as long as it is not passed.
    """
    total = sum(w)
    kept: set[Num] = set()
    held: Num = 0
    for value in sorted({s for s, wi in zip(score, w, strict=True) if wi > 0}):
        own = sum(wi for s, wi in zip(score, w, strict=True) if s == value)
        if held >= share * total if whole else held + own > share * total:
            break
        kept.add(value)
        held += own
    return [s <= max(kept) if kept else False for s in score]


def receipts(eligible: Sequence[int], coverage: Sequence[Num], amounts: Sequence[Num]) -> dict[Num, Num]:
    """Chance of each sum of money that a household may be paid, by listing every outcome of every draw.

    eligible : number of eligible members by scheme, each of whom is drawn for himself
    """
    draws = [s for s, m in enumerate(eligible) for _ in range(m)]
    found: dict[Num, Num] = {}
    for outcome in product((True, False), repeat=len(draws)):
        chance: Num = 1
        money: Num = 0
        for yes, s in zip(outcome, draws, strict=True):
            chance = chance * (coverage[s] if yes else 1 - coverage[s])
            money = money + (amounts[s] if yes else 0)
        if chance:
            found[money] = found.get(money, 0) + chance
    return found


# ---------------------------------------------------------------- cost by year


def projected_recipients(
    persons: Sequence[Row], people: Mapping[int, Mapping[Hashable, Num]], group: Any
) -> dict[int, Num]:
    """People of every year, group by group, times the share of the survey's weight in the group that receives.

    ``persons`` have weight, received and whatever ``group`` names their group by.
    """
    weight: dict[Hashable, Num] = {}
    paid: dict[Hashable, Num] = {}
    for person in persons:
        name = group(person)
        weight[name] = weight.get(name, 0) + person["weight"]
        paid[name] = paid.get(name, 0) + person["weight"] * person["received"]
    return {
        year: sum(number * paid[name] / weight[name] for name, number in groups.items())
        for year, groups in people.items()
    }


def projected_cost(recipients: Num, amount: Num, administration: Num, gdp: Num, growth: Num, years: int) -> Num:
    """Cost over GDP after some years, at constant prices: recipients x amount x (1 + administration) / GDP grown."""
    return recipients * amount * (1 + administration) / (gdp * (1 + growth) ** years)


# ---------------------------------------------------------------- who gains


def spot_ratio(y: Sequence[Num], w: Sequence[Num], low: Num, high: Num) -> Num | None:
    """SPOT's ratio of shares by whole rows: 1 - L at the first P >= high, over L at the last P <= low; None: undefined.

    P and L are the shares of people and of welfare up to a row, from the poorest.
    """
    rows = sorted(((yi, wi) for yi, wi in zip(y, w, strict=True) if wi), key=lambda row: row[0])
    people, held = sum(wi for _, wi in rows), sum(wi * yi for yi, wi in rows)
    p: Num = 0
    lorenz_now: Num = 0
    bottom: Num = 0
    top: Num | None = None
    for yi, wi in rows:
        p, lorenz_now = p + wi, lorenz_now + wi * yi
        if p <= low * people:
            bottom = lorenz_now
        if p >= high * people and top is None:
            top = held - lorenz_now
    return top / bottom if bottom and top is not None else None


def oecd_modified(ages: Sequence[Num]) -> Num:
    """1 for the first of 14 or more (of all, where nobody is), 0.5 for each further one, 0.3 for each of the young."""
    grown = sum(age >= 14 for age in ages)
    young = len(ages) - max(grown, 1)
    return 1 + Fraction(1, 2) * max(grown - 1, 0) + Fraction(3, 10) * young
