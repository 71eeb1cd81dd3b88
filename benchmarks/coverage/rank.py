"""Standard errors of what a pension by rank costs and does, with its cut made anew in every replicate and held fixed.

Twenty strata, 10 PSUs in each, 20 households in each PSU. The pension goes to the poorest 40 % of those aged 60 and
over by a score that tells welfare with an error; PSUs differ in welfare and in how old their people are.

cut anew   the target ``Rank(0.4)``
cut fixed  the target ``Threshold``, at the score at which the sample's own 40 % end

    python benchmarks/coverage/rank.py --samples 400 --out benchmarks/coverage/rank.csv
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

import sp2lnob as sp

STRATA, PSUS, HOUSEHOLDS = 20, 10, 20
SHARE, OLD, LINE = 0.4, 60, 45.0
AMOUNT = sp.Amount(30, "month")
FIGURES = {"cost": "transfer_cost", "headcount": "headcount", "poverty gap": "poverty_gap", "gini": "gini"}


def draw(seed: int) -> sp.Survey:
    """Return a sample of an endless population."""
    rng = np.random.default_rng(seed)
    clusters = STRATA * PSUS
    n = clusters * HOUSEHOLDS
    ea = np.arange(n) // HOUSEHOLDS
    stratum = ea // PSUS
    size = rng.integers(1, 7, n)
    logarithm = 4.3 + 0.02 * (stratum - STRATA / 2) + rng.normal(0, 0.3, clusters)[ea] - 0.06 * size
    logarithm = logarithm + rng.normal(0, 0.5, n)
    households = {
        "hid": np.arange(n),
        "ea": ea,
        "stratum": stratum,
        "hhweight": np.linspace(0.5, 1.5, STRATA)[stratum] * rng.uniform(0.7, 1.3, n),
        "pc": np.exp(logarithm),
        "proxy": logarithm + rng.normal(0, 0.35, n),
    }
    home = np.repeat(np.arange(n), size)
    older = rng.beta(4, 12, clusters)[ea][home]  # of people in the PSU
    age = np.where(rng.random(len(home)) < older, OLD + 5, OLD - 30)
    persons = {"hid": home, "pid": np.arange(len(home)), "age": age}
    return sp.Survey(
        households, persons, person="pid", welfare="pc", psu="ea", strata="stratum", roles={"score": "proxy"}
    )


def pension(target: sp.Rank | sp.Threshold) -> sp.Package:
    """Return the pension, aimed."""
    return sp.Package([sp.Scheme("pension", amount=AMOUNT, min_age=OLD, target=target)])


def one(seed: int, replicates: int) -> dict[tuple[str, str], tuple[float, float]]:
    """Return value and standard error of every figure of one sample, by how the cut is made."""
    survey = draw(seed)
    anew = sp.simulate(survey, pension(sp.Rank(SHARE)))
    score = survey.household_column("proxy").values
    last = score[anew.recipients[:, 0] > 0].max()
    fixed = sp.simulate(survey, pension(sp.Threshold(float(np.nextafter(last, np.inf)), by="score")))
    assert (anew.received == fixed.received).all()
    statistics = [sp.Poverty(LINE, measures=["headcount", "poverty_gap"]), sp.Inequality(["gini"]), sp.Cost()]
    made = sp.estimate(
        survey,
        statistics,
        {"anew": anew, "fixed": fixed},
        replicates=sp.Bootstrap(replicates, seed=seed),
        n_threads=1,
        df="design",
    )
    told = {}
    for name, statistic in FIGURES.items():
        for way in ("anew", "fixed"):
            of = {"of": "package"} if statistic == "transfer_cost" else {}
            scenario = way if of else f"change: {way}"
            row = made.find(statistic=statistic, scenario=scenario, **of)
            told[name, way] = float(made.value[row]), float(made.se[row])
    return told


def summarize(samples: Iterable[dict[tuple[str, str], tuple[float, float]]]) -> pd.DataFrame:
    """Return standard errors over the spread of values between samples."""
    samples = list(samples)
    rows = []
    for name in FIGURES:
        value = np.array([sample[name, "anew"][0] for sample in samples])
        spread = value.std(ddof=1)
        ratio = {way: np.sqrt(np.mean([sample[name, way][1] ** 2 for sample in samples])) for way in ("anew", "fixed")}
        rows.append(
            {
                "figure": name,
                "value": value.mean(),
                "spread": spread,
                "anew": ratio["anew"] / spread,
                "fixed": ratio["fixed"] / spread,
                "samples": len(samples),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study, and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    table = summarize(one(seed, asked.replicates) for seed in range(1, asked.samples + 1))
    table.to_csv(asked.out, index=False, float_format="%.6g", lineterminator="\n")
    print(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    sys.exit(main())
