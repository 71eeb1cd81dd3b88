"""The numbers of the pages "From R" and "From Stata": R's survey, laeken and rpart against ours, on the example survey.

What R said is in tests/reference/from_r.csv; tests/reference/from_r.R makes it of what ``write`` writes:
``python -m tests.test_from_r``. Where R and its packages are installed, tests/test_docs.py runs the page's own R code.
"""

import csv
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import sp2lnob as sp

HERE = Path(__file__).parent / "reference"
DOCS = Path(__file__).parents[1] / "docs"
AS_R = {"replicates": sp.Jackknife(), "interval": "t", "df": "design"}
CIRCUMSTANCES = ["bottom40", "urbrur", "head_educ", "head_sex"]
FUEL = sp.Opportunity("fuel", "cook_fuel in ('Electricity', 'Gas')", circumstances=CIRCUMSTANCES, ordered=["head_educ"])
POVERTY = sp.Poverty(60.0, measures=["headcount", "poverty_gap"])


def write(folder):
    """Write the files that R reads."""
    for name, frame in zip(("households", "persons"), sp.example_frames(), strict=True):
        pd.DataFrame(frame).to_csv(Path(folder, f"{name}.csv"), index=False)


@cache
def r_said():
    """Return what R said, by name: value, se, low, high."""
    if not (HERE / "from_r.csv").exists():  # it is about to be made
        return {}
    with (HERE / "from_r.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {row["name"]: [float(row[name] or "nan") for name in ("value", "se", "low", "high")] for row in rows}


@cache
def ours():
    """Return the same by the same names."""
    survey = sp.example_survey()
    inequality = [sp.Inequality(["atkinson", "generalized_entropy"], epsilon=k, alpha=k) for k in (1.0, 2.0)]
    asked = [POVERTY, sp.MeanWelfare(), sp.Access(FUEL), sp.Inequality(["gini"]), sp.Quantile([0.5]), *inequality]
    asked += [sp.Inequality(["generalized_entropy"], alpha=0.0), sp.Dissimilarity(FUEL, method="logit")]
    asked += [sp.HumanOpportunity(FUEL), sp.Poverty(sp.RelativeLine(0.6), "relative", measures=["headcount"])]
    est = sp.estimate(survey, asked, by=["region", "urbrur"], **AS_R)
    frame = est.frame().set_index(["statistic", "of", "param", "level"])
    figures = frame[["value", "se", "ci_low", "ci_high"]]
    named = {
        "jackknife poor": ("headcount", "60", "", "all"),
        "jackknife gap": ("poverty_gap", "60", "", "all"),
        "jackknife pc_exp": ("mean_welfare", "", "", "all"),
        "jackknife clean": ("access", "fuel", "", "all"),
        "jackknife gini": ("gini", "", "", "all"),
        "laeken gini": ("gini", "", "", "all"),
        "laeken arpr": ("headcount", "relative", "", "all"),
        "median": ("quantile", "", "q=0.5", "all"),
        "ge0": ("generalized_entropy", "", "alpha=0", "all"),
        "ge1": ("generalized_entropy", "", "alpha=1", "all"),
        "ge2": ("generalized_entropy", "", "alpha=2", "all"),
        "atkinson 1": ("atkinson", "", "epsilon=1", "all"),
        "atkinson 2": ("atkinson", "", "epsilon=2", "all"),
        "d logit": ("d_index", "fuel", "logit", "all"),
        "hoi": ("hoi", "fuel", "logit", "all"),
        "coverage": ("access", "fuel", "", "all"),
    }
    named |= {f"jackknife poor {k}": ("headcount", "60", "", k) for k in ("Coast", "Hills", "Islands", "Plains")}
    found = {name: figures.loc[key].tolist() for name, key in named.items()}
    rural, urban = (est.find(statistic="headcount", of="60", level=level) for level in ("Rural", "Urban"))
    found["jackknife poor Rural - Urban"] = est.contrast(rural, urban)[["value", "se"]].iloc[0].tolist()
    logit = sp.estimate(survey, [POVERTY], replicates=sp.Jackknife(), df="design").frame()
    found["logit poor"] = [logit["value"][0], float("nan"), logit["ci_low"][0], logit["ci_high"][0]]
    paid = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(6, "month"))]))
    fall = sp.estimate(survey, [POVERTY], scenarios={"after": paid}, **AS_R).frame().query("scenario == 'change'")
    found["jackknife fall"] = fall[["value", "se", "ci_low", "ci_high"]].iloc[0].tolist()
    tree = sp.OpportunityTree.lnob()
    result = sp.assess(survey, [FUEL], tree=tree, replicates=sp.Jackknife(), refit=False, shapley=False, welfare=False)
    for i, group in enumerate(result.groups.itertuples(), 1):
        found |= {f"leaf {i} rate": [group.before], f"leaf {i} share": [group.share], f"leaf {i} n": [group.n]}
    cells = result.estimates.find(statistic="d_index", param="cells")
    found["d cells"] = [result.estimates.value[cells]]
    return found


ONLY_R = {"laeken threshold", "laeken qsr"}  # the first is told as 60 % of the median; the second is another rule


def test_every_number_of_r_has_ours():
    assert {name for name in r_said() if not name.startswith("taylor")} - ONLY_R == set(ours())
    quintiles = sp.Inequality(["quintile_ratio"])
    value = sp.estimate(sp.example_survey(), [quintiles, sp.Quantile([0.5])], replicates=sp.Bootstrap(2)).value
    assert value[0] == pytest.approx(r_said()["laeken qsr"][0], rel=3e-3)
    assert 0.6 * value[1] == pytest.approx(r_said()["laeken threshold"][0], rel=1e-11)


@pytest.mark.parametrize("name", [name for name in r_said() if not name.startswith("taylor") and name not in ONLY_R])
def test_r_says_the_same(name):
    compared = 0
    for mine, said in zip(ours()[name], r_said()[name], strict=False):
        if said == said:
            assert mine == pytest.approx(said, rel=2e-8 if name in ("coverage", "d logit", "hoi") else 1e-10)
            compared += 1
    assert compared


@pytest.mark.parametrize("of", ["poor", "gap", "pc_exp", "clean", "fall"])
def test_taylor_and_the_jackknife_agree_to_the_third_digit(of):
    assert r_said()[f"taylor {of}"][:2] == pytest.approx(r_said()[f"jackknife {of}"][:2], rel=2e-3)


def rounded(number):
    """Whether a number, as a page shows it, is one of R's to as many digits, or a hundred times it."""
    digits = len(number.partition(".")[2])
    every = (value for row in r_said().values() for value in row if value == value)
    return any(abs(abs(value) * size - float(number)) <= 0.5001 * 10.0**-digits for value in every for size in (1, 100))


@pytest.mark.parametrize("page", ["from-r.md", "from-stata.md"])
def test_numbers_on_the_pages_are_those_of_r(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    told = "\n".join(re.findall(r"^(?:#>|\* =) .*$", text, re.M))
    numbers = re.findall(r"\d*\.\d{2,}", told)
    assert len(numbers) > 10
    assert not [number for number in numbers if not rounded(number)]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write(folder)
        sys.exit(subprocess.run(["Rscript", HERE / "from_r.R", folder, HERE / "from_r.csv"]).returncode)
