"""A fixed job, and what its values hash to: every build of the kernels must print the same.

``python benchmarks/bits.py`` prints a line a part: its name, how many values, and their SHA-256. ``make bits`` compares
the portable kernels, those for AVX2, those without the limited API and those that check bounds.
"""

import hashlib
import sys
from collections.abc import Iterator

import numpy as np

import sp2lnob as sp
from sp2lnob._kernels import _ordered

HOUSEHOLDS = 3000
REPLICATES = 83  # no multiple of eight


def crafted() -> Iterator[np.ndarray]:
    """Yield measures of welfare with ties, zeros, tiny and huge values, in numbers that leave loops a remainder."""
    rng = np.random.default_rng(20261122)
    for n in (1, 2, 511, 513, 1029):
        weight = rng.lognormal(0, 1, n) * (rng.random(n) > 0.1) + (np.arange(n) == 0)
        for welfare in (
            rng.integers(1, 5, n).astype(float),
            rng.lognormal(0, 8, n),
            rng.pareto(1.1, n) * 1e300 / n**2 + 1e-290,
            rng.random(n) * 5e-320 + 1e-320,
            np.maximum(rng.normal(1, 1, n), 0.0) + (np.arange(n) == 0),
        ):
            access = (rng.random(n) < 0.3) | (np.arange(n) == 0)
            yield np.array([sp.gini(welfare, weight), sp.fgt(welfare, weight, 2.0, 2), sp.mean(welfare, weight)])
            yield sp.quantile(welfare, weight, [0.001, 0.1, 0.5, 0.999])
            yield sp.lorenz(welfare, weight, np.linspace(0, 1, 12))
            yield np.array([sp.d_index(access, rng.integers(0, 7, n), weight)])


def parts() -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield the values of each part of the job."""
    yield "crafted", list(crafted())
    survey = sp.example_survey(HOUSEHOLDS)
    package = sp.Package(
        [
            sp.child_benefit(sp.Amount(6, "month"), coverage=0.7),
            sp.old_age_pension(sp.Amount(20, "month")),
            sp.disability_benefit(sp.Amount(15, "month")),
            sp.household_benefit(sp.Amount(9, "month"), coverage=0.3),
        ],
        administration=0.05,
    )
    transfers = sp.simulate(survey, package)
    yield "transfers", [transfers.received, transfers.household, transfers.welfare_after]
    fuel = sp.Opportunity(
        "clean fuel",
        "cook_fuel in ('Electricity', 'Gas')",
        circumstances=["bottom40", "urbrur", "head_educ", "head_sex"],
    )
    internet = sp.Opportunity("internet", "internet == 1", circumstances=["decile", "urbrur", "region"])
    lines = {"extreme": 40.0, "national": 60.0}
    replicates = sp.Bootstrap(REPLICATES, seed=5)
    found = sp.assess(survey, [fuel, internet], package, lines=lines, replicates=replicates)
    yield "assess", [found.estimates.draws, found.groups.select_dtypes("number").to_numpy()]
    for opportunity in (fuel, internet):
        tree = found.tree(opportunity.name)
        yield f"tree of {opportunity.name}", [tree.groups_.select_dtypes("number").to_numpy()]
    statistics = [
        sp.MeanWelfare(),
        sp.Poverty(60.0),
        sp.Inequality(["gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy"], epsilon=0.5, alpha=2.0),
        sp.Quantile([0.05, 0.5, 0.95]),
        sp.Lorenz(),
        sp.Access(fuel),
        sp.Dissimilarity(internet),
        sp.HumanOpportunity(internet),
        sp.Shapley(internet),
        sp.Shapley(internet, "logit"),
        sp.ConsumptionGain(),
        sp.Coverage(),
        sp.Incidence(),
        sp.Cost(),
    ]
    for classes in ("replicate", "fixed"):
        of = sp.estimate(
            survey, statistics, {"after": transfers}, by=["quintile", "region"], replicates=replicates, classes=classes
        )
        numbers = of.frame().select_dtypes("number").to_numpy()
        yield f"estimate, classes {classes}", [of.draws, numbers]
    few = [sp.Poverty(60.0), sp.Inequality(), sp.Dissimilarity(internet)]
    for design in (sp.Jackknife(), sp.SuccessiveDifference("ea")):
        of = sp.estimate(survey, few, by=["quintile"], replicates=design)
        yield type(design).__name__, [of.draws, of.frame().select_dtypes("number").to_numpy()]
    child = sp.Choice(sp.child_benefit(sp.Amount(8, "month")), levels=[3, 5, 8], max_age=[5, 11, 17])
    old = sp.Choice(sp.old_age_pension(sp.Amount(8, "month")), levels=[10, 25], coverage=[0.5, 1.0])
    for objective in ("poverty_gap", "d_index", "gini"):
        best = sp.search(
            survey,
            [child, old],
            sp.Amount(1e9, "year"),
            objective,
            line=60.0,
            opportunity=fuel,
            constraints={"coverage": (0, 1), "gini": (0, 1)},
            replicates=sp.Bootstrap(20, seed=5),
        )
        yield f"search for {objective}", [best.frame().select_dtypes("number").to_numpy(), best.estimates.draws]


def main() -> None:
    """Print the digests, and to the other stream whose they are."""
    print(_ordered.__file__, file=sys.stderr)
    for name, arrays in parts():
        # Which of several NaN comes out of a sum of two is the compiler's choice: one stands for all.
        bits = (np.where(np.isnan(array), np.nan, array).tobytes() for array in arrays)
        digest = hashlib.sha256(b"".join(bits))
        print(f"{name}: {sum(array.size for array in arrays)} values, {digest.hexdigest()}")


if __name__ == "__main__":
    main()
