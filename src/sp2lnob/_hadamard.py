"""Hadamard matrices: +1 and -1, every two rows at right angles, the first row constant.

Made by Sylvester's doubling and Paley's two constructions over fields of p or p^2 elements: every order that is a
multiple of 4 up to 88, and all but a few above.
"""

from functools import cache
from math import isqrt

import numpy as np
import numpy.typing as npt

Signs = npt.NDArray[np.int8]


def order_above(n: int) -> int:
    """Return the smallest order above n that can be made here."""
    order = n + 1
    while _way(order) is None:
        order += 1
    return order


@cache
def hadamard(order: int) -> Signs:
    """Return the matrix of an order that can be made, its first row constant; all others then add up to 0."""
    way = _way(order)
    assert way is not None
    made: Signs
    if order == 1:
        made = np.ones((1, 1), dtype=np.int8)
    elif way == "double":
        half = hadamard(order // 2)
        made = np.block([[half, half], [half, -half]])
    elif way == "first":  # I + S, where S is skew: residues of q = 3 modulo 4
        bordered = _bordered(order - 1)
        bordered[1:, 0] = -1
        made = bordered + np.eye(order, dtype=np.int8)
    else:  # S is symmetric: residues of q = 1 modulo 4
        bordered = _bordered(order // 2 - 1)
        ones = np.array([[1, 1], [1, -1]], dtype=np.int8)
        turned = np.array([[1, -1], [-1, -1]], dtype=np.int8)
        made = np.kron(bordered, ones) + np.kron(np.eye(order // 2, dtype=np.int8), turned)
    made = (made * made[0]).astype(np.int8)
    made.flags.writeable = False  # it is kept
    return made


@cache
def _way(order: int) -> str | None:
    """Return how a matrix of an order is made; None where it cannot be."""
    if order in (1, 2):
        return "double"
    if order < 4 or order % 4:
        return None
    if _prime(order - 1):  # 3 modulo 4; the square of a prime never is
        return "first"
    if _way(order // 2):
        return "double"
    q = order // 2 - 1
    return "second" if q % 4 == 1 and (_prime(q) or _prime_root(q)) else None


def _prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, isqrt(n) + 1))


def _prime_root(n: int) -> int | None:
    """Return the prime whose square n is, or None."""
    root = isqrt(n)
    return root if root * root == n and _prime(root) else None


def _bordered(q: int) -> Signs:
    """Return Paley's matrix of the field of q elements with a border of ones: +1 where a difference is a square."""
    p = _prime_root(q) or q
    sign = np.full(p, -1, dtype=np.int8)
    sign[np.arange(1, p) ** 2 % p] = 1
    sign[0] = 0
    a = np.arange(q) % p
    difference = (a[:, None] - a) % p
    if q > p:  # a + b sqrt(r), r no square; a square exactly where its norm a^2 - r b^2 is one
        b, r = np.arange(q) // p, int(np.flatnonzero(sign == -1)[0])
        difference = (difference**2 - r * ((b[:, None] - b) % p) ** 2) % p
    made = np.ones((q + 1, q + 1), dtype=np.int8)
    made[0, 0] = 0
    made[1:, 1:] = sign[difference]
    return made
