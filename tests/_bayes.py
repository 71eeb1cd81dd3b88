"""The dissimilarity index without what noise adds to it, step by step: slow and plain.

`sp2lnob._bayes` tells the formulas. NumPy does sums and solves; the rest is written out.
"""

from math import erf, exp, pi, sqrt

import numpy as np


def newton(x, weight, access, beta, steps):
    """Return a weighted logit's coefficients after some steps of Newton; least squares where columns are aliased."""
    for _ in range(steps):
        p = 1 / (1 + np.exp(-x @ beta))
        information = x.T @ ((weight * p * (1 - p))[:, None] * x)
        beta = beta + np.linalg.lstsq(information, x.T @ (access - weight * p), rcond=1e-12)[0]
    return beta


def folded_normal(mean, variance):
    """Return the mean of |x| for x normal."""
    if variance == 0:
        return abs(mean)
    return sqrt(2 * variance / pi) * exp(-(mean**2) / (2 * variance)) + mean * erf(mean / sqrt(2 * variance))


class EmpiricalBayes:
    """The corrected index, step by step as `sp2lnob._bayes` tells them, of rows and their circumstances.

    ``codes`` (rows, circumstances), ``levels`` of each, ``stratum`` of each PSU. What is of the full sample is found
    once; ``of`` gives the index in a replicate, in which rows may have changed their class.
    """

    def __init__(self, weight, outcome, psu, stratum, codes, levels):
        self.w, self.y, self.psu, self.levels = (np.asarray(v, dtype=float) for v in (weight, outcome, psu, levels))
        self.psu, self.stratum = self.psu.astype(int), np.asarray(stratum)
        x = self.dummies(codes)
        self.beta = newton(x, self.w, self.w * self.y, np.zeros(x.shape[1]), 60)
        p = 1 / (1 + np.exp(-x @ self.beta))
        left, q = self.w * (self.y - p), p * (1 - p)
        above = below = 0.0
        for i in range(len(self.stratum)):
            of = self.psu == i
            above += left[of].sum() ** 2 - (left[of] ** 2).sum()
            below += (self.w[of] * np.sqrt(q[of])).sum() ** 2 - (self.w[of] ** 2 * q[of]).sum()
        self.rho = min(max(above / below, 0), 0.5) if below > 0 else 0.0
        meat = np.zeros((x.shape[1],) * 2)
        for h in set(self.stratum):
            scores = np.array([left[self.psu == i] @ x[self.psu == i] for i in np.flatnonzero(self.stratum == h)])
            n = len(scores)
            scores = scores - scores.mean(axis=0) if n > 1 else scores
            meat += (n / (n - 1) if n > 1 else 1) * scores.T @ scores
        inverse = np.linalg.pinv(x.T @ ((self.w * q)[:, None] * x), rcond=1e-10, hermitian=True)
        self.v = inverse @ meat @ inverse

    def dummies(self, codes):
        codes = np.asarray(codes)
        made = [np.ones(len(codes))]
        for column, levels in zip(codes.T, self.levels, strict=True):
            made += [(column == level).astype(float) for level in range(1, int(levels))]
        return np.column_stack(made)

    def of(self, codes, factor=None, steps=3):
        f = np.ones(len(self.w)) if factor is None else np.asarray(factor, dtype=float)
        codes = np.asarray(codes)
        cells = sorted({tuple(c) for c in codes.tolist()})
        number = np.array([cells.index(tuple(c)) for c in codes.tolist()])
        W, A, S, T = np.zeros((4, len(cells)))
        for g in range(len(cells)):
            of = number == g
            W[g], A[g], S[g] = (f * self.w)[of].sum(), (f * self.w * self.y)[of].sum(), ((f * self.w)[of] ** 2).sum()
            T[g] = sum((f * self.w)[of & (self.psu == i)].sum() ** 2 for i in range(len(self.stratum)))
        x = self.dummies(np.array(cells))
        beta = self.beta if factor is None else newton(x, W, A, self.beta, steps)
        by_psu = [((f * self.w)[self.psu == i].sum(), self.w[self.psu == i].sum()) for i in range(len(self.stratum))]
        h = sum(a**2 for a, _ in by_psu) / sum(b**2 for _, b in by_psu)
        whole = 1 / (1 + np.exp(-x @ self.beta))
        z = h * (whole * (1 - whole)) ** 2 * np.array([row @ self.v @ row for row in x])
        m, keep = 1 / (1 + np.exp(-x @ beta)), W > 0
        W, A, S, T, m, z = (v[keep] for v in (W, A, S, T, m, z))
        p, q, mean = A / W, m * (1 - m), A.sum() / W.sum()
        if mean == 1:
            return {"empirical-bayes": 0.0, "signs": 0.0, "cells": 0.0, "logit": 0.0}
        k = np.minimum(1, ((1 - self.rho) * S + self.rho * T) / W**2)
        below = (W * q**2 * (1 - k)).sum()
        above = (W * ((p - m) ** 2 - q * k + z)).sum()
        v = np.minimum((max(0, above / below) if below > 0 else 0) * q**2, 0.9 * q)
        s = (q - v) * k
        share = np.divide(v, v + s, out=np.zeros_like(v), where=v + s > 0)
        mu = m + share * (p - m) - mean
        total = sum(
            weight * (2 * folded_normal(a, b) - folded_normal(a, b + (1 - c) ** 2 * d))
            for weight, a, b, c, d in zip(W, mu, share * s, share, z, strict=True)
        )
        return {
            "empirical-bayes": total / (2 * A.sum()),
            "signs": (W * np.sign(mu) * (p - mean)).sum() / (2 * A.sum()),
            "cells": (W * abs(p - mean)).sum() / (2 * A.sum()),
            "logit": (W * abs(m - mean)).sum() / (2 * A.sum()),
        }
