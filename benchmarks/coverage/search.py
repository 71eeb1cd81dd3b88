"""Coverage of what is told of the package that a search picked: as found, and as cross-validated.

A population of 20 strata of 60 PSUs of 20 households each; m PSUs of every stratum are drawn. Welfare is lognormal,
with an effect of the PSU and of the household's community, one of 10: none (null), some (weak) or much (strong).
Candidates are a benefit for each community, and the budget pays about two of them: under the null any two do as much as
any others, and the two that a sample picks are those of whom it happens to hold poor ones. Truth is what the very
package that was picked does to the poverty gap of the population: it differs from sample to sample.

    python benchmarks/coverage/search.py --samples 200 --out benchmarks/coverage/search.csv
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import sp2lnob as sp

STRATA, PSUS, HOUSEHOLDS, COMMUNITIES = 20, 60, 20, 10
REGIMES = {"null": 0.0, "weak": 0.1, "strong": 0.35}  # spread of the communities' effects on log welfare
OF_PSU, OF_HOUSEHOLD = 0.25, 0.5
LINE, AMOUNT = 60.0, 15.0
ESTIMATORS = {"as found": "", "cross-validated": "cross-validated package"}


def population(regime: str) -> dict[str, Any]:
    """Return the households of the population; the same for every sample."""
    rng = np.random.default_rng(7)
    n = STRATA * PSUS * HOUSEHOLDS
    psu = np.repeat(np.arange(STRATA * PSUS), HOUSEHOLDS)
    community = rng.integers(0, COMMUNITIES, n)
    effect = np.linspace(-1, 1, COMMUNITIES) * REGIMES[regime]
    log = 4.6 + effect[community] + rng.normal(0, OF_PSU, STRATA * PSUS)[psu] + rng.normal(0, OF_HOUSEHOLD, n)
    return {
        "hid": np.arange(n),
        "hhweight": np.ones(n),
        "psu": psu,
        "stratum": psu // PSUS,
        "community": community,
        "pc": np.exp(log),
        "size": rng.integers(1, 8, n),
    }


def survey_of(households: dict[str, Any]) -> sp.Survey:
    """Return a survey, every member of a household a person."""
    persons = {"hid": np.repeat(households["hid"], households["size"])}
    persons["age"] = np.full(len(persons["hid"]), 30)
    return sp.Survey(households, persons, welfare="pc", psu="psu", strata="stratum")


def candidates() -> list[sp.Scheme]:
    """Return a benefit for each community."""
    return [
        sp.Scheme(f"community {k}", f"community == {k}", amount=sp.Amount(AMOUNT, "month")) for k in range(COMMUNITIES)
    ]


def truths(households: dict[str, Any]) -> tuple[Any, float, float]:
    """Return the true poverty gap after every package, that before, and the budget: of the whole population."""
    people = households["size"].astype(float)
    paid = np.maximum(LINE - households["pc"] - AMOUNT, 0) / LINE
    unpaid = np.maximum(LINE - households["pc"], 0) / LINE
    gained = np.bincount(households["community"], people * (unpaid - paid), COMMUNITIES) / people.sum()
    before = (people * unpaid).sum() / people.sum()
    number = np.arange(2**COMMUNITIES)
    chosen = number[:, None] >> np.arange(COMMUNITIES - 1, -1, -1) & 1  # the last candidate runs fastest
    budget = 1.05 * 12 * AMOUNT * people.sum() / COMMUNITIES * 2.2
    return before - chosen @ gained, before, budget


def sample(households: dict[str, Any], m: int, seed: int) -> dict[str, Any]:
    """Return the households of m PSUs of every stratum, weighted up to all."""
    rng = np.random.default_rng([m, seed])
    drawn = np.concatenate([s * PSUS + rng.permutation(PSUS)[:m] for s in range(STRATA)])
    rows = np.flatnonzero(np.isin(households["psu"], drawn))
    return {name: values[rows] for name, values in households.items()} | {"hhweight": np.full(len(rows), PSUS / m)}


def told(found: sp.Search, truth: Any, before: float) -> list[dict[str, Any]]:
    """Return the estimates of the objective after and of its change, with the truth of the package that was picked."""
    frame = found.estimates.frame().query("statistic == 'poverty_gap' and scenario != 'before'")
    number = int(found.frame()["package"].iloc[0])
    lines = []
    for name, param in ESTIMATORS.items():
        for row in frame[frame["param"] == param].itertuples():
            true = truth[number] - (before if row.scenario == "change" else 0.0)
            lines.append(
                {
                    "estimator": name,
                    "scenario": row.scenario,
                    "truth": true,
                    "value": row.value,
                    "covered": row.ci_low <= true <= row.ci_high,
                    "width": row.ci_high - row.ci_low,
                    "stays_best": found.stays_best,
                }
            )
    return lines


def study(samples: int, replicates: int) -> pd.DataFrame:
    """Return the means over samples, by regime and m."""
    cells = []
    for regime in REGIMES:
        households = population(regime)
        truth, before, budget = truths(households)
        for m in (2, 10):
            lines = []
            for seed in range(samples):
                found = sp.search(
                    survey_of(sample(households, m, seed)),
                    candidates(),
                    sp.Amount(budget, "year"),
                    line=LINE,
                    replicates=sp.Bootstrap(replicates, seed=seed + 1),
                    n_threads=1,
                )
                lines += told(found, truth, before)
            mean = pd.DataFrame(lines).groupby(["estimator", "scenario"], sort=False).mean().reset_index()
            cells.append(mean.assign(regime=regime, m=m, samples=samples))
    frame = pd.concat(cells)
    columns = ["regime", "m", "samples", "scenario", "estimator", "truth", "value", "covered", "width", "stays_best"]
    return frame[columns].sort_values(["regime", "m", "scenario", "estimator"], kind="stable")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    made = study(given.samples, given.replicates).round(5)
    if given.out:
        made.to_csv(given.out, index=False, lineterminator="\n")
    print(made.to_string(index=False))
