"""Draw the pictures of the README from the example survey: ``make pictures``. The same versions draw the same bytes."""

from pathlib import Path

import sp2lnob as sp

STATIC = Path(__file__).parents[1] / "docs" / "_static"


def drawn() -> dict[str, str]:
    """Return the pictures by name of file, as SVG."""
    survey = sp.example_survey()
    circumstances = ["bottom40", "urbrur", "head_educ", "head_sex"]
    outcome = "cook_fuel in ('Electricity', 'Gas')"
    fuel = sp.Opportunity("clean fuel", outcome, circumstances=circumstances, ordered=["head_educ"])
    child, old = (sp.Amount(share, "gdp_per_capita") for share in (0.04, 0.16))
    package = sp.Package([sp.child_benefit(child), sp.old_age_pension(old)])
    economy = sp.Economy(gdp=4.1e9, gdp_per_capita=1800.0, lines={"national": 60.0})
    given = {"tree": sp.OpportunityTree(cp=0.01), "replicates": sp.Bootstrap(200)}
    result = sp.assess(survey, [fuel], package, economy, **given)
    charts = {"tree": sp.plots.tree(result, "clean fuel"), "poverty": sp.plots.poverty(result)}
    made = {f"readme-{name}.svg": sp.plots.svg(chart, f"readme-{name}") for name, chart in charts.items()}
    # Lines are dark, and pages may be too.
    return {name: text.replace("<svg ", '<svg style="background: white" ', 1) for name, text in made.items()}


if __name__ == "__main__":
    for name, text in drawn().items():
        (STATIC / name).write_text(text, encoding="utf-8", newline="\n")
