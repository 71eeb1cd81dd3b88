"""What a proxy means test shows of itself in sample, cross-fitted, and what it does to households that it never saw.

800 households in 80 PSUs, 31 regressors of which six say something of log welfare, PSU effects; the poor and the chosen
are 40 % of people. Truth is the same formula on 20,000 new households.

    python benchmarks/coverage/proxy.py --samples 200 --out benchmarks/coverage/proxy.csv
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import sp2lnob as sp

Array = npt.NDArray[np.float64]

HOUSEHOLDS, PER_PSU, REGRESSORS, NEW = 800, 10, 31, 20_000
EFFECTS = np.r_[[0.11, 0.1, 0.09, -0.08, -0.07, 0.06], np.zeros(REGRESSORS - 6)]
OF_PSU, NOISE, SHARE = 0.12, 0.48, 0.4
NAMES = [f"x{j}" for j in range(REGRESSORS)]


def draw(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Return regressors, a quarter of whose variance lies between PSUs, and log welfare."""
    psu = np.arange(n) // PER_PSU
    common = rng.normal(size=(psu[-1] + 1, REGRESSORS))[psu]
    x = np.sqrt(0.75) * rng.normal(size=(n, REGRESSORS)) + 0.5 * common
    return x, 4 + x @ EFFECTS + rng.normal(0, OF_PSU, psu[-1] + 1)[psu] + rng.normal(0, NOISE, n)


def one(seed: int) -> dict[str, float]:
    """Return R2 and exclusion error of one sample."""
    rng = np.random.default_rng(seed)
    x, y = draw(rng, HOUSEHOLDS)
    row = np.arange(HOUSEHOLDS)
    frame = {"hid": row, "ea": row // PER_PSU, "hhweight": np.ones(HOUSEHOLDS), "n": np.ones(HOUSEHOLDS)}
    frame |= {"pc": np.exp(y), **dict(zip(NAMES, x.T, strict=True))}
    proxy = sp.proxy_means(sp.Survey(frame, welfare="pc", psu="ea", size="n"), NAMES)
    error = proxy.errors(SHARE).iloc[0]
    x, y = draw(rng, NEW)
    fit = proxy.coefficients[0] + x @ proxy.coefficients[1:]
    poor, chosen = (values <= np.quantile(values, SHARE) for values in (y, fit))
    return {
        "r2": proxy.r2,
        "r2_out": proxy.r2_out,
        "r2_new": 1 - ((y - fit) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
        "error": float(error["in_sample"]),
        "error_out": float(error["cross_fitted"]),
        "error_new": float((poor & ~chosen).sum() / poor.sum()),
    }


def main(arguments: list[str]) -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    found = pd.DataFrame([one(seed) for seed in range(given.samples)])
    table = pd.DataFrame({"mean": found.mean(), "sd": found.std(), "samples": len(found)}).rename_axis("figure")
    print(table.round(4))
    if given.out:
        table.to_csv(given.out, float_format="%.6g")


if __name__ == "__main__":
    main(sys.argv[1:])
