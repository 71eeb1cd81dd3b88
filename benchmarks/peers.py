"""sp2lnob beside what users would otherwise take: R's survey, svy, microdf, inequalipy, and pandas in a loop.

``make bench-peers`` runs it: pytest benchmarks/peers.py. What is not installed is skipped, and named. Peers get the
weights of replicates ready-made; sp2lnob draws its own within the time that is shown. What a peer gives for every
replicate, or the standard error where that is all it gives, must be ours to 1e-9 before it is timed.

Not here: samplics, whose authors archived it for svy; arch and scipy.stats.bootstrap, which draw n PSUs of n rather
than n - 1 and take no replicates of others.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import survey as synthetic
from survey import LINE, REPLICATES

import sp2lnob as sp

OPPORTUNITY = sp.Opportunity("access", outcome="access", circumstances=list(synthetic.LEVELS))
WORK = {
    "FGT 0, 1, 2": sp.Poverty(LINE),
    "Gini": sp.Inequality(["gini"]),
    "D over all cells": sp.Dissimilarity(OPPORTUNITY, "cells"),
}
BOOTSTRAP = sp.Bootstrap(REPLICATES, seed=7)


@pytest.fixture(scope="module")
def data() -> synthetic.Data:
    return synthetic.make()


@pytest.fixture(scope="module")
def weights(data) -> Any:
    """Return how many people each household stands for in every replicate, the weights of a replicate side by side."""
    factors = sp.replicate_weights(data.survey, BOOTSTRAP, full=False).iloc[:, 2:]
    return np.asfortranarray(factors.to_numpy() * data.survey.people[:, None])


def estimate(data: synthetic.Data, work: str) -> Any:
    """Return our value of every replicate: (replicates, values)."""
    return sp.estimate(data.survey, [WORK[work]], replicates=BOOTSTRAP, n_threads=1).draws


@pytest.mark.parametrize("work", WORK)
def test_sp2lnob(benchmark, data, work):
    benchmark.group = work
    benchmark.pedantic(estimate, (data, work), rounds=7, warmup_rounds=1)


def compare(benchmark: Any, work: str, peer: str, theirs: Any, ours: Any, read: Any = np.array) -> None:
    """Check that a peer gives what we give, then time it."""
    np.testing.assert_allclose(read(theirs()), ours, rtol=1e-9)
    benchmark.group = work
    benchmark.extra_info["side"] = peer
    benchmark.pedantic(theirs, rounds=2)


def test_svy(benchmark, data, weights):
    svy, polars = pytest.importorskip("svy"), pytest.importorskip("polars")
    gap = np.clip((LINE - data.survey.welfare) / LINE, 0, None)
    columns = {"weight": data.survey.people, "f0": (gap > 0) * 1.0, "f1": gap, "f2": gap**2}
    columns |= {f"rw{i}": column for i, column in enumerate(weights.T, 1)}
    design = svy.Design(wgt="weight", rep_wgts=svy.BootstrapWgts(prefix="rw", n_reps=REPLICATES))
    sample = svy.Sample(polars.DataFrame(columns), design)

    def theirs():
        found = sample.estimation.mean(["f0", "f1", "f2"], method="replication")
        return [one.to_dicts()[0]["se"] for one in found]

    compare(benchmark, "FGT 0, 1, 2", "svy, means", theirs, estimate(data, "FGT 0, 1, 2").std(axis=0))


def test_microdf(benchmark, data, weights):
    series = pytest.importorskip("microdf").MicroSeries(data.survey.welfare, weights=data.survey.people)

    def theirs():
        of = "bootstrap"
        return series.replicate_standard_error(lambda one: one.gini(), weights, of, centering="replicate-mean")

    compare(benchmark, "Gini", "microdf, replicate_standard_error", theirs, estimate(data, "Gini").std())


def test_inequalipy(benchmark, data, weights):
    gini = pytest.importorskip("inequalipy").gini
    ours, welfare = estimate(data, "Gini")[:, 0], data.survey.welfare
    compare(benchmark, "Gini", "inequalipy, in a loop", lambda: [gini(welfare, w) for w in weights.T], ours)


def test_pandas(benchmark, data, weights):
    names, frame = list(synthetic.LEVELS), pd.DataFrame(data.households)

    def of(w: Any) -> float:
        by = frame.assign(w=w, having=w * frame["access"]).groupby(names)[["w", "having"]].sum()
        having, everybody = by["having"], by["w"]
        return float((having - everybody * having.sum() / everybody.sum()).abs().sum() / (2 * having.sum()))

    ours = estimate(data, "D over all cells")[:, 0]
    compare(benchmark, "D over all cells", "pandas, groupby in a loop", lambda: [of(w) for w in weights.T], ours)


@pytest.fixture(scope="module")
def r_does(data, weights, tmp_path_factory) -> Any:
    """Return what has R do a thing, waits until it is done, and returns the folder of its files."""
    known = ["Rscript", "-e", "library(survey)"]
    if not shutil.which("Rscript") or subprocess.run(known, capture_output=True).returncode:
        pytest.skip("R with its package survey is not installed")
    folder, survey, frame = tmp_path_factory.mktemp("R"), data.survey, data.households
    cell = np.ravel_multi_index([frame[name] for name in synthetic.LEVELS], list(synthetic.LEVELS.values()))
    columns = [survey.design.psu, survey.people, survey.welfare, frame["access"], cell]
    np.array(columns, dtype=float).tofile(folder / "columns")
    first = np.unique(survey.design.psu, return_index=True)[1]
    (weights[first] / survey.people[first, None]).T.tofile(folder / "factors")
    sizes = map(str, (survey.n_households, survey.design.psus, REPLICATES))
    command = ["Rscript", str(Path(__file__).with_name("peers.R")), str(folder), *sizes]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def does(what: str) -> Path:
            process.stdin.write(f"{what}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n", what
            return folder

        yield does
        process.stdin.close()


@pytest.mark.parametrize(
    ("work", "how"), [("FGT 0, 1, 2", "svymean"), ("Gini", "withReplicates"), ("D over all cells", "withReplicates")]
)
def test_r_survey(benchmark, data, r_does, work, how):
    def read(folder):
        r_does("keep")
        return np.fromfile(folder / "found").reshape(-1, REPLICATES).T

    compare(benchmark, work, f"R survey, {how}", lambda: r_does(work), estimate(data, work), read)
