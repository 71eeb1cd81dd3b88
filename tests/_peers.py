"""The survey on which peers were measured and agree: seeded, like a DHS. A part of it, drawn in the same order.

Values that NumPy, statsmodels, scikit-learn, svy and R's survey agree on for 10,000 households are in ``KNOWN``.
"""

import numpy as np

CIRCUMSTANCES = ("wealth", "urban", "educ", "sexh", "region", "ethn")
LEVELS = (5, 2, 4, 2, 10, 3)
KNOWN = {
    "cells D": 0.200956335556,
    "logit D": 0.150289949166,
    "coverage": 0.616853564081,
    "logit HOI": 0.524146673292,
    "shapley": (0.062398954999, 0.031056227259, 0.033762479542, 0.001372841391, 0.015479471548, 0.006219974427),
    "replicates D": (0.151021456519, 0.004799237076),  # mean and SD of 200
    # NumPy, pandas, polars, R and microdf agree on four schemes: cost, and after them Gini, Palma and FGT 0, 1, 2.
    "schemes": (1507287.47986, 0.407625570347, 1.919357517027, 0.207773414916, 0.061260931474, 0.025373953317),
}


def survey(n=10_000):
    """Return access, circumstances, weights, PSUs, strata, and the number of PSUs in each stratum."""
    return _drawn(n)[0]


def people(n=10_000):
    """Return columns of the same households, with what they consume, and of their members."""
    return _drawn(n)[1:]


def _drawn(n):
    rng = np.random.default_rng(20261121)
    psus, strata = n // 25, 40
    share = rng.dirichlet(np.full(strata, 6.0))
    size = np.maximum(2, np.floor(share * psus).astype(int))
    while size.sum() > psus:
        size[np.argmax(size)] -= 1
    while size.sum() < psus:
        size[np.argmin(size)] += 1
    sizes = np.full(psus, 25)
    sizes[: n - psus * 25] += 1
    odd = rng.integers(-5, 6, psus // 2)
    sizes[0 : 2 * (psus // 2) : 2] += odd
    sizes[1 : 2 * (psus // 2) : 2] -= odd
    psu = np.repeat(np.arange(psus), sizes)
    stratum = np.repeat(np.arange(strata), size)[psu]
    region, urban = stratum // 4, (stratum // 2) % 2
    living = rng.normal(0, 0.5, psus)[psu]
    supply = rng.normal(0, 0.4, psus)[psu]
    regional = rng.normal(0, 0.3, 10)[region]
    shares, drawn = rng.dirichlet([3, 2, 1], 10)[region], rng.random(n)
    ethn = (drawn > shares[:, 0]).astype(int) + (drawn > shares[:, 0] + shares[:, 1]).astype(int)
    latent = 0.9 * urban + 0.5 * living + 0.4 * regional - 0.3 * (ethn == 2) + rng.logistic(0, 1, n)
    educ = np.digitize(latent, [-0.6, 0.9, 2.3])
    sexh = (rng.random(n) < 0.24 + 0.04 * urban).astype(int)
    members = np.minimum(rng.poisson(3.3 - 0.5 * urban + 0.3 * (educ == 0)) + 1, 14)
    w = np.exp(rng.normal(0, 0.5, strata))[stratum] * np.exp(rng.normal(0, 0.25, psus))[psu]
    w = w * np.exp(rng.normal(0, 0.1, n)) * 250.0
    rank = 0.8 * urban + 0.45 * educ + living + regional - 0.15 * sexh - 0.2 * ethn + rng.normal(0, 0.8, n)
    order = np.argsort(rank, kind="stable")
    people = (w * members)[order]
    above = np.cumsum(people)
    wealth = np.empty(n, int)
    wealth[order] = np.minimum(4, np.floor(5 * (above - 0.5 * people) / above[-1])).astype(int)
    spent = 1.15 + 0.28 * (wealth - 2) + 0.20 * urban + 0.10 * educ + 0.5 * regional + 0.2 * living
    spent = spent - 0.06 * (members - 4) - 0.05 * sexh + rng.normal(0, 0.5, n)
    odds = -0.9 + 0.45 * wealth + 0.6 * urban + 0.35 * educ - 0.1 * sexh + 0.6 * regional - 0.25 * ethn + supply
    access = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    home = np.repeat(np.arange(n), members)
    m = len(home)
    head = np.zeros(m, bool)
    head[np.cumsum(members) - members] = True
    age = np.where(rng.random(m) < 0.52, rng.integers(0, 18, m), np.minimum(95, 18 + rng.gamma(1.6, 15, m).astype(int)))
    age = np.where(head, np.maximum(18, np.minimum(95, 20 + rng.gamma(2.6, 10, m).astype(int))), age)
    female = rng.integers(0, 2, m)
    female[head] = sexh
    disabled = (rng.random(m) < 0.01 + 0.0015 * np.maximum(0, age - 30)).astype(int)
    birth = ((female == 1) & (age >= 15) & (age <= 45) & (rng.random(m) < 0.12)).astype(int)
    columns = (wealth, urban, educ, sexh, region, ethn)
    return (
        (access, dict(zip(CIRCUMSTANCES, columns, strict=True)), w, psu, stratum, size),
        {"hid": np.arange(n), "psu": psu, "stratum": stratum, "w": w, "cons": np.exp(spent)},
        {"hid": home, "age": age, "disabled": disabled, "births": birth},
    )


def factors(size, replicates):
    """Return the Rao-Wu factors that the peers shared: (PSUs, replicates), the first of 1,000 draws."""
    rng, drawn = np.random.default_rng(7), []
    for m in size:
        picked = rng.integers(0, m, (m - 1, 1000)) + np.arange(1000) * m
        drawn.append(np.bincount(picked.ravel(), minlength=1000 * m).reshape(1000, m).T * (m / (m - 1)))
    return np.concatenate(drawn)[:, :replicates]
