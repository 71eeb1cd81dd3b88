"""The tables of docs/coverage.md, made from the tables beside this: every number of that page that a study found.

    python benchmarks/coverage/tables.py

rewrites what stands between the marks of the page.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).with_name("results.csv")
ENDS = Path(__file__).with_name("gap.csv")
RANKS = Path(__file__).with_name("rank.csv")
INDEX = Path(__file__).with_name("dissimilarity.csv")
PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
PACKAGES = ("universal", "flat to the poor", "by rank")
LEVELS = {
    "headcount": ("headcount", "line"),
    "poverty gap": ("poverty_gap", "line"),
    "Gini": ("gini", ""),
    "Palma": ("palma", ""),
    "access": ("access", "fuel"),
}
OTHERS = {
    "means": ("mean_welfare",),
    "poverty severity, Watts": ("poverty_severity", "watts"),
    "quantiles": ("quantile",),
    "quintile ratio": ("quintile_ratio",),
    "Lorenz ordinates": ("lorenz",),
    "Atkinson": ("atkinson",),
    "generalized entropy": ("generalized_entropy",),
    "consumption gain": ("consumption_gain",),
    "coverage, incidence": ("coverage", "coverage_direct", "benefit_incidence", "beneficiary_incidence"),
    "recipients, cost": ("recipients", "transfer_cost", "total_cost"),
}


def read(path: Path = RESULTS) -> pd.DataFrame:
    """Return the results, with empty text where a name is empty."""
    results = pd.read_csv(path, dtype={"of": str, "level": str, "scenario": str})
    names = ["of", "level", "scenario", "verdict"]
    return results.assign(**results[names].fillna(""))


def read_ends() -> pd.DataFrame:
    """Return the results on both ends; the regime without effects is called null, which is no missing text."""
    return pd.read_csv(ENDS, keep_default_na=False)


def row(*cells: str) -> str:
    """Return a line of a table."""
    return "| " + " | ".join(cells) + " |"


def cell(found: pd.DataFrame) -> str:
    """Return coverage in percent, what it is beyond, and how many samples had an interval if not all."""
    if found.empty:
        return ""
    (line,) = found.itertuples()
    text = f"{100 * line.coverage:.1f}"
    text = f"**{text}** {line.verdict}" if line.verdict != "held" else text
    share = line.intervals / line.samples
    return text if share >= 0.995 else f"{text} (of {100 * share:.0f} %)"


def of_population(results: pd.DataFrame, name: str, level: str = "all") -> list[str]:
    """Return the table of a population, or of a small domain of it."""
    results = results[(results["population"] == name) & (results["level"] == level)]
    designs = sorted(results["psus_a_stratum"].unique())
    lines = [
        row("figure", *(f"{m} PSUs a stratum" for m in designs), "SE / spread"),
        row(*["---"] * (len(designs) + 2)),
    ]
    asked = [(title, *key, "before") for title, key in LEVELS.items()]
    asked += [
        (f"change in {title}, {package}", *key, f"change: {package}")
        for title, key in LEVELS.items()
        for package in PACKAGES
    ]
    asked += [("cost of the grant by rank", "cost", "line", "change: by rank")]
    for title, statistic, of, scenario in asked:
        found = results[(results["statistic"] == statistic) & (results["of"] == of) & (results["scenario"] == scenario)]
        if not found.empty:
            ratio = ", ".join(f"{value:.2f}" for value in found["se_over_sd"])
            lines.append(row(title, *(cell(found[found["psus_a_stratum"] == m]) for m in designs), ratio))
    return lines


def of_groups(results: pd.DataFrame) -> list[str]:
    """Return the table of access by group: the least and the most of the groups of each population."""
    found = results[results["statistic"] == "access"]
    four = found["level"].str.contains(" x ")
    middle = found["level"].str.contains("bottom40:")
    changes = middle & found["scenario"].str.contains("change")
    parts = {
        "access of four groups": four,
        "access of groups of the tree": middle & ~changes,
        "change in them": changes,
    }
    return ranges(
        {
            f"{title}, {name}": found[chosen & (found["population"] == name)]
            for name in ("usual", "heavy", "rare")
            for title, chosen in parts.items()
        }
    )


def of_others(results: pd.DataFrame) -> list[str]:
    """Return the table of the other measures: the least and the most over levels, changes and points."""
    usual = results[results["population"] == "usual"]
    return ranges({title: usual[usual["statistic"].isin(names)] for title, names in OTHERS.items()})


def ranges(parts: dict[str, pd.DataFrame]) -> list[str]:
    """Return a table of the least and the most coverage in each part."""
    designs = sorted({m for part in parts.values() for m in part["psus_a_stratum"]})
    lines = [row("figures", *(f"{m} PSUs a stratum" for m in designs)), row(*["---"] * (len(designs) + 1))]
    for title, part in parts.items():
        part = part.dropna(subset="coverage")
        cells = [100 * part.loc[part["psus_a_stratum"] == m, "coverage"] for m in designs]
        if not part.empty:
            lines.append(row(title, *(f"{c.min():.1f} to {c.max():.1f}" if len(c) else "" for c in cells)))
    return lines


def of_draws(results: pd.DataFrame) -> list[str]:
    """Return the table of changes in access by kind of interval."""
    results = results[results["population"] == "draws"]
    designs = sorted(results["psus_a_stratum"].unique())
    lines = [row("package", "interval", *(f"{m} PSUs a stratum" for m in designs)), row(*["---"] * (len(designs) + 2))]
    for (package, kind), found in results.groupby(["of", "level"], sort=False):
        lines.append(row(package, kind, *(cell(found[found["psus_a_stratum"] == m]) for m in designs)))
    return lines


def of_classes(results: pd.DataFrame) -> list[str]:
    """Return the table of standard errors over spread, with classes cut anew and fixed."""
    results = results[results["population"] == "classes"].set_index(["statistic", "of", "level"])
    lines = [row("figure", "package", "cut anew", "cut fixed", "coverage, cut anew"), row(*["---"] * 5)]
    for statistic, of in dict.fromkeys(key[:2] for key in results.index):
        anew, fixed = (results.loc[(statistic, of, way)] for way in ("replicate", "fixed"))
        said = f"{100 * anew['coverage']:.1f}" if anew["intervals"] else "no interval"
        lines.append(row(statistic, of, f"{anew['se_over_sd']:.2f}", f"{fixed['se_over_sd']:.2f}", said))
    return lines


def of_ends(results: pd.DataFrame) -> list[str]:
    """Return the table of what is told of both ends of a tree's groups: coverage by regime and PSUs a stratum."""
    cases = list(dict.fromkeys(zip(results["regime"], results["psus_a_stratum"], strict=True)))
    lines = [row("figure", "told", *(f"{regime}, {psus}" for regime, psus in cases)), row(*["---"] * (len(cases) + 2))]
    for (statistic, name), found in results.groupby(["statistic", "estimator"], sort=False):
        at = {(line.regime, line.psus_a_stratum): line for line in found.itertuples()}
        cells = []
        for case in cases:
            text = f"{100 * at[case].coverage:.1f}"
            cells.append(f"**{text}** {at[case].verdict}" if at[case].verdict in ("short", "wide") else text)
        lines.append(row(statistic.replace("_", " "), name, *cells))
    return lines


def of_gaps(results: pd.DataFrame) -> list[str]:
    """Return the table of the gap: its mean, that of the truth, and how wide intervals are."""
    results = results[results["statistic"] == "gap"]
    lines = [
        row("regime, PSUs a stratum", *(f"{name}: true, told, width" for name in results["estimator"].unique())),
        row(*["---"] * (1 + results["estimator"].nunique())),
    ]
    for (regime, psus), found in results.groupby(["regime", "psus_a_stratum"], sort=False):
        cells = [f"{line.truth:.3f}, {line.value:.3f}, {line.width:.3f}" for line in found.itertuples()]
        lines.append(row(f"{regime}, {psus}", *cells))
    return lines


def of_ranks(_: pd.DataFrame) -> list[str]:
    """Return the table of standard errors over spread, with the cut of a rank made anew and held."""
    lines = [row("figure", "cut anew", "cut held"), row(*["---"] * 3)]
    for line in pd.read_csv(RANKS).itertuples():
        name = "cost" if line.figure == "cost" else f"change in {line.figure.replace('gini', 'Gini')}"
        lines.append(row(name, f"{line.anew:.2f}", f"{line.fixed:.2f}"))
    return lines


def of_index(_: pd.DataFrame) -> list[str]:
    """Return the table of the dissimilarity index: how often intervals hold it, and what is flagged."""
    found = pd.read_csv(INDEX)
    head = (
        "population",
        "cells",
        "households",
        "D",
        "interval holds",
        "flagged",
        "one-sided",
        "logit’s holds",
        "samples",
    )
    lines = [row(*head), row(*["---"] * len(head))]
    for line in found.to_dict("records"):
        shares = [f"{100 * line[name]:.0f}" for name in ("model-dependent", "one-sided", "coverage logit")]
        holds = f"{100 * line['coverage']:.1f} ({100 * line['coverage error']:.1f})"
        regime = line["truth"], line["grid"], f"{line['households']:,}", f"{line['index']:.3f}"
        lines.append(row(*regime, holds, *shares, f"{line['samples']}"))
    return lines


def of_index_bias(_: pd.DataFrame) -> list[str]:
    """Return the table of what the dissimilarity index and its bracket are off by, in thousandths."""
    found = pd.read_csv(INDEX)
    names = "empirical-bayes", "lower bound", "upper bound", "cells", "logit"
    lines = [row("population", "cells", "households", "spread", "SE", *names), row(*["---"] * 10)]
    for line in found.to_dict("records"):
        figures = [f"{1000 * line[f'bias {name}']:.1f}" for name in names]
        spread = [f"{1000 * line[name]:.1f}" for name in ("spread", "se")]
        lines.append(row(line["truth"], line["grid"], f"{line['households']:,}", *spread, *figures))
    return lines


TABLES: dict[str, Callable[[pd.DataFrame], list[str]]] = {
    "usual": lambda results: of_population(results, "usual"),
    "heavy": lambda results: of_population(results, "heavy"),
    "rare": lambda results: of_population(results, "rare"),
    "two strata": lambda results: of_population(results, "small", "6 PSUs of two strata"),
    "all strata": lambda results: of_population(results, "small", "6 PSUs of all strata"),
    "40 households": lambda results: of_population(results, "small", "40 households"),
    "groups": of_groups,
    "others": of_others,
    "draws": of_draws,
    "classes": of_classes,
    "ranks": of_ranks,
    "ends": lambda _: of_ends(read_ends()),
    "gaps": lambda _: of_gaps(read_ends()),
    "index": of_index,
    "index bias": of_index_bias,
}


def filled(page: str, results: pd.DataFrame) -> str:
    """Return a page with every table as the results have it."""

    def table(found: re.Match[str]) -> str:
        lines = "\n".join(TABLES[found[1]](results))
        return f"% table: {found[1]}\n\n{lines}\n\n% end"

    return re.sub(r"^% table: ([^\n]*)\n.*?^% end$", table, page, flags=re.M | re.S)


def main() -> None:
    """Write the tables of the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), read()), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
