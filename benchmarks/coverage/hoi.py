"""Standard errors of the Human Opportunity Index beside its spread over samples: which of them hold where.

2,000 persons in PSUs, four circumstances of five coefficients in all, 60 % with access. Circumstances and weights are
held fixed over the samples and the outcome alone drawn, or drawn anew with a part that PSUs share; access has an effect
of the PSU, or none. Weights are 1, or log-normal with a coefficient of variation of about 0.7.

    python benchmarks/coverage/hoi.py --samples 400 --out benchmarks/coverage/hoi.csv
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import sp2lnob as sp

PERSONS = 2000
# name, PSUs, whether x is fixed, whether PSUs have effects, whether there are weights
POPULATIONS = (
    ("fixed x, independent, no weights", 200, True, False, False),
    ("fixed x, independent, weights", 200, True, False, True),
    ("fixed x, PSU effects, weights", 200, True, True, True),
    ("random x, PSU effects, weights", 200, False, True, True),
    ("random x, PSU effects, weights, 20 PSUs", 20, False, True, True),
)
# name, se=, whether PSUs are told
ERRORS = (
    ("model, by row", "model", False),
    ("model, by PSU", "model", True),
    ("linearized, by PSU", "linearized", True),
    ("hoi 1.7, by PSU", "hoi17", True),
)
EFFECTS = (0.9, -0.6, 0.7, 0.5, -0.4)


def persons(rng: np.random.Generator, psu: np.ndarray, weights: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return circumstances that persons of a PSU partly share, and weights."""
    shared = rng.normal(0, 1, (4, psu.max() + 1))[:, psu]
    own = shared + rng.normal(0, 1, (4, PERSONS))
    codes = [np.digitize(own[0], [-0.6, 0.9]), *((row > 0.3).astype(int) for row in own[1:])]
    w = np.exp(rng.normal(0, 0.45, psu.max() + 1)[psu] + rng.normal(0, 0.45, PERSONS)) if weights else np.ones(PERSONS)
    return {f"c{k}": code for k, code in enumerate(codes)}, w


def study(samples: int, seed: int = 1) -> pd.DataFrame:
    """Return the mean standard error over the standard deviation, by population, value and kind."""
    rows = []
    for number, (name, psus, fixed, effects, weights) in enumerate(POPULATIONS):
        rng = np.random.default_rng([seed, number])
        psu = np.repeat(np.arange(psus), PERSONS // psus)
        held = persons(rng, psu, weights)
        values: dict[str, list[float]] = {}
        errors: dict[tuple[str, str], list[float]] = {}
        for _ in range(samples):
            x, w = held if fixed else persons(rng, psu, weights)
            c = list(x.values())
            odds = 0.2 + EFFECTS[0] * (c[0] == 1) + EFFECTS[1] * (c[0] == 2)
            odds = odds + sum(effect * code for effect, code in zip(EFFECTS[2:], c[1:], strict=True))
            if effects:
                odds = odds + rng.normal(0, 0.6, psus)[psu]
            y = (rng.random(PERSONS) < 1 / (1 + np.exp(-odds))).astype(int)
            for label, se, told in ERRORS:
                for method in ("logit", "geometric"):
                    if method == "geometric" and se == "hoi17":
                        continue
                    of = sp.human_opportunity_index(y, x, w, method, psu=psu if told else None, se=se)
                    if method == "geometric":
                        found = {"geometric": (of.hoi, of.hoi_se)}
                    else:
                        found = {
                            "coverage": (of.coverage, of.coverage_se),
                            "hoi": (of.hoi, of.hoi_se),
                            "d": (of.d, of.d_se),
                        }
                    for value, (estimate, error) in found.items():
                        errors.setdefault((value, label), []).append(error)
                        if label == ERRORS[0][0]:
                            values.setdefault(value, []).append(estimate)
        for (value, label), found_errors in errors.items():
            spread = np.std(values[value], ddof=1)
            rows.append((name, value, label, np.mean(found_errors) / spread, spread, samples))
    return pd.DataFrame(rows, columns=["population", "value", "error", "ratio", "sd", "samples"])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args(arguments)
    found = study(given.samples)
    if given.out is not None:
        found.round(5).to_csv(given.out, index=False)
    table = found.pivot(index=["error", "value"], columns="population", values="ratio")
    print(table.round(2).to_string(), file=sys.stdout)


if __name__ == "__main__":
    main()
