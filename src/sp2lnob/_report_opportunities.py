"""What a report says of opportunities: who is left behind, how unequal access is, and what that rests on."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from . import plots
from ._html import form_of
from ._report_page import ENDS, GROUPS_OF_TREE, HONEST, Page, marked
from ._tables import Block, Cell, Column, Figure, Head, Line, Part, Row, Table, figure_cell, flag_cell, n_cell, said
from .disclosure import FEW
from .effects import effect_of

if TYPE_CHECKING:
    import pandas as pd

SCENARIOS = ("before", "after", "change")
LISTED = 8  # levels of a circumstance that a branch names one by one
BETWEEN = {
    "empirical-bayes": "Between all combinations of circumstances",
    "lower bound": "At least, in expectation",
    "upper bound": "At most, in expectation",
    "cells": "Between all combinations, as found",
    "groups": "Between the tree’s groups",
}
CORRECTED = next(iter(BETWEEN))  # the value, of which Shapley shares are unless asked otherwise
OF_SHAPLEY = {
    "cells": "the index between all combinations, as found",
    "logit": "the index of a logit",
    "fixed": "the index of the logit of all circumstances, those outside a set held at their means",
}
ABSENCE = ", of absence"  # how params end that a barrier's figures have
OFTEN, MOST_OFTEN = 0.05, 8  # combinations at an end that are shown: from this share of replicates on, and how many
OF_CHANGES = ("hinges on the cut",)  # flags of a group that its levels before and after have not
# How access may respond to a transfer.
RESPONSES = {
    "reroute": "By the tree of before",
    "interpolate": "In a line between the classes",
    "logit": "By a logit of welfare",
    "refit": "By every replicate’s own tree",
}


def gaps(page: Page) -> dict[str, Any]:
    """Return access, the gap and dissimilarity of all opportunities."""
    columns = page.scenarios("access")
    parts, index = [], []
    for name in page.findings.trees:
        affected = "Share affected" if page.opportunity_asked(name)["kind"] == "barrier" else "Access"
        rows = [
            Row(
                affected if statistic == "access" else _named(statistic, param),
                row.figures,
                unit=True,
                data=False,
            )
            for statistic in ("access", *ENDS)
            for param in dict.fromkeys(figure.param for figure in page.find(statistic, of=name))
            if not effect_of(param, "")
            for row in page.across(statistic, columns, of=name, param=param)
        ]
        parts.append(Part(rows, of=name))
        every = dict.fromkeys(figure.param for figure in page.find("d_index", of=name))
        params = [param for param in every if not (param.startswith(GROUPS_OF_TREE) and effect_of(param, ""))]
        rows = [
            Row(_between(param), row.figures, data=False)
            for param in sorted(params, key=_rank_between)
            for row in page.across("d_index", columns, of=name, param=param)
        ]
        index.append(Part(rows, of=name))
    table = page.tabulate("gaps", "Access and its gap", columns, parts)
    index_table = page.tabulate("dissimilarity", "Dissimilarity index", columns, index, first="Index")
    return {
        "table": table,
        "picture": page.picture(table, plots.gap) if page.has("gap") else None,
        "index": index_table,
        "index_picture": page.picture(index_table, plots.dissimilarity),
    }


def opportunity(page: Page, name: str) -> dict[str, Any]:
    """Return an opportunity: its tree, its groups, and the figures that sentences tell."""
    asked = page.opportunity_asked(name)
    groups = page.findings.groups[page.findings.groups["opportunity"] == name]
    records = groups.to_dict("records")
    ends = {}
    for key in ("furthest_behind", "furthest_ahead"):
        row = next(row for row in records if row[key])
        ends[key] = {"label": row["label"], "share": f"{row['share']:.1%}"} | {
            scenario: _of_group(page, row, scenario) for scenario in SCENARIOS
        }
    figures = {
        f"{statistic}_{scenario}": page.one(statistic, name, scenario)
        for statistic in ("access", "gap")
        for scenario in SCENARIOS
    }
    honest = {statistic: page.honest(statistic, name) for statistic in ENDS}
    split = len(records) > 1
    tree = _tree(page, name) if split else None
    tree_picture = page.picture(tree, plots.tree, name) if tree else None
    table = _groups(page, name, groups)
    picture = page.picture(table, plots.groups, name) if split else None
    effects = _effects(page, name)
    stability, unequal = _stability(page, name), _by_circumstance(page, name)
    return {
        "name": name,
        "asked": asked,
        "ends": ends,
        "groups": len(records),
        "figures": figures,
        "honest": honest if all(figure and figure.there for figure in honest.values()) else None,
        "effects": effects,
        "stability": stability,
        "inequality": unequal,
        "gaining": _gaining(sum(row["gaining"] for row in records), figures["access_change"]),
        "withheld": any("withheld" in row["flag"].split(";") for row in records),
        "tree": tree,
        "tree_picture": tree_picture,
        "table": table,
        "picture": picture,
        "dropped": page.manifest["dropped"].get(name, {}),
    }


def _effects(page: Page, name: str) -> dict[str, Any] | None:
    """Return what every effect that was asked for says of the change, if there is more than one."""
    frame = page.findings.effects
    frame = frame[frame["opportunity"] == name]
    if len(page.effects) < 2 or frame.empty:
        return None
    blocks: dict[tuple[str, str, str], list[Line]] = {}
    rates = form_of("share", frame["before"][frame["statistic"] == "access"])
    gaining, few, changes = form_of("count", frame["gaining"]), False, []
    for row in frame.to_dict("records"):
        statistic = row["statistic"]
        form = rates if statistic == "access" else form_of(said(statistic)[1], [row["before"]])
        value, low, high = (float(row[f"change{end}"]) for end in ("", "_low", "_high"))
        figure = Figure(statistic, "change", value, low, high, row["n"], row["flag"], se=float(row["change_se"]))
        few = few or figure.few
        if statistic == "access" and row["by"] == "all":
            changes.append(figure)
        levels = [Cell(form.text(row[scenario])) for scenario in SCENARIOS[:-1]]
        cells = [n_cell([figure]), *levels, figure_cell(figure, {statistic: form})]
        cells.append(Cell(gaining.text(row["gaining"]) if statistic == "access" else ""))
        at = blocks.setdefault((statistic, row["by"], row["label"]), [])
        at.append(Line(RESPONSES[row["effect"]], [*cells, flag_cell([figure])], data=False))
    whom = "households" if page.counts_households(name) else "people"
    heads = [
        Column("Before"),
        Column("After"),
        Column("Change"),
        Column("Gaining", f"{gaining.word} {whom}".strip()),
    ]
    columns = [Column("How access responds", words=True), Column("n"), *heads, Column("Flag", words=True)]
    made = []
    for (statistic, by, label), lines in blocks.items():
        title = "Everybody" if by == "all" else ""
        if statistic != "access":
            title = "Dissimilarity index between the groups"
        made.append(Block(lines, title, "" if by == "all" else label, "%" if statistic == "access" else ""))
    notes = ["Changes of percentages are in percentage points.", *marked([few])]
    caption = "What the change rests on"
    table = page.table("effects", caption, columns, made, frame, of=name, notes=notes, level=page.level)
    others = set(page.effects[1:])
    page.shown.update(f.row for f in page.figures if f.of == name and effect_of(f.param, "") in others)
    return {
        "table": table,
        "picture": page.picture(table, plots.effects, name),
        "changes": [
            {"effect": effect, "change": change} for effect, change in zip(page.effects, changes, strict=False)
        ],
    }


def _stability(page: Page, name: str) -> dict[str, Any] | None:
    """Return what trees grown anew in the replicates found, if they were."""
    frame = page.findings.stability
    frame = frame[frame["opportunity"] == name]
    if frame.empty:
        return None
    rows = frame.to_dict("records")
    titles = {"first split": "First split by"}
    if name not in page.whole:
        titles |= {"furthest behind": "Furthest behind", "furthest ahead": "Furthest ahead"}
    blocks, taken = [], []
    for what, title in titles.items():
        least = 0 if what == "first split" else OFTEN  # what is withheld has no frequency
        found = [i for i, row in enumerate(rows) if row["what"] == what and row["frequency"] >= least][:MOST_OFTEN]
        lines = []
        for row in (rows[i] for i in found):
            share = Cell("" if what == "first split" else f"{100 * row['share']:.1f}")
            lines.append(Line(row["label"], [share, Cell(f"{row['n']:,}"), Cell(_rate(row["frequency"], row["n"]))]))
        blocks += [Block(lines, title)] if lines else []
        taken += found
    if not blocks:  # all of it rests on too few
        return None
    table = page.table(
        "stability",
        "How often replicates found it",
        [Column("Found", words=True), Column("Share", "%"), Column("n"), Column("Replicates", "%")],
        blocks,
        frame.iloc[taken],
        of=name,
        notes=marked(0 < rows[i]["n"] < FEW for i in taken),
    )
    same = next(row for row in rows if row["what"] == "same first split")

    def percent(share: float) -> str:
        return f"{form_of('share', [share]).text(share)}%"

    spread = next(row["sd"] for row in rows if row["what"] == "gap")
    return {
        "table": table,
        "first": same["label"],
        "same": percent(same["frequency"]),
        "replicates": same["replicates"],
        "spread": f"{100 * spread:.1f}" if isfinite(spread) else "",
        "often": [
            {
                "end": end,
                "label": row["label"],
                "frequency": f"{form_of('share', [row['frequency']]).text(row['frequency'])}%",
            }
            for end in ("behind", "ahead")
            for row in [row for row in rows if row["what"] == f"furthest {end}" and isfinite(row["frequency"])][:1]
        ],
    }


def _by_circumstance(page: Page, name: str) -> dict[str, Any] | None:
    """Return the dissimilarity of an opportunity with its bracket, its HOI, and what goes by which circumstance."""
    index = {figure.param.removesuffix(ABSENCE): figure for figure in page.find("d_index", of=name)}
    value, hoi = index.get(CORRECTED), page.one("hoi", name)
    if value is None or hoi is None:
        return None
    shares = _shares_of(page, name)
    rows = [Row(said("hoi")[0], [hoi], unit=True, data=False)]
    parts = [Part(rows)]
    if shares:
        lines = [Row(circumstance, [figure]) for circumstance, figure in shares.items()]
        parts.append(Part(lines, "Dissimilarity index, by circumstance"))
    table = page.tabulate("circumstances", "Opportunity by circumstance", [Head("Value")], parts, of=name)
    total = sum(figure.value for figure in shares.values())
    told = bool(shares) and value.there and "one-sided" not in value.flags and isfinite(total) and total > 0
    return {
        "index": value,
        "least": index.get("lower bound"),
        "most": index.get("upper bound"),
        "found": index.get("cells"),
        "hoi": hoi,
        "of": OF_SHAPLEY.get(page.asked.get("shapley"), ""),
        "shapley": bool(shares),
        "shares": [
            {"name": circumstance, "part": _part(figure.value / total), "unsure": figure.unsure}
            for circumstance, figure in sorted(shares.items(), key=lambda item: -item[1].value)
        ]
        if told
        else [],
        "table": table,
        "picture": page.picture(table, plots.shares, name) if shares else None,
    }


def _shares_of(page: Page, name: str) -> dict[str, Figure]:
    """Return the Shapley share of every circumstance of an opportunity, if they were asked for."""
    return dict(zip(page.opportunity_asked(name)["circumstances"], page.find("shapley", of=name), strict=False))


def _tree(page: Page, name: str) -> Table:
    """Return the branches of a tree, each below the one that it grows from."""
    import pandas as pd

    nodes = {node["node"]: node for node in page.findings.trees[name]["nodes"]}
    lines, rows, few = [], [], False
    waiting = [(0, -1, 0, "everybody")]
    while waiting:
        t, parent, depth, branch = waiting.pop()
        node = nodes[t]
        rate = nan if node["rate"] is None else node["rate"]
        group = str(node.get("group", ""))
        cells = [Cell(f"{100 * node['share']:.1f}"), Cell(f"{node['n']:,}"), Cell(_rate(rate, node["n"]))]
        few = few or (0 < node["n"] < FEW and isfinite(rate))
        lines.append(Line(branch, [*cells, Cell(group)], depth=min(depth, 9)))
        rows.append([t, parent, depth, branch, node["share"], node["n"], rate, group])
        for side in ("right", "left"):  # the left one is taken out first
            if side in node:
                label = f"{node['circumstance']}: {_listed(node[f'{side}_levels'])}"
                waiting.append((node[side], t, depth + 1, label))
    columns = [Column("Branch", words=True), Column("Share", "%"), Column("n"), Column("Rate", "%")]
    names = ["node", "parent", "depth", "branch", "share", "n", "rate", "group"]
    return page.table(
        "tree",
        "The tree, branch by branch",
        [*columns, Column("Group")],
        [Block(lines)],
        pd.DataFrame(rows, columns=names),
        of=name,
        notes=marked([few]),
    )


def _groups(page: Page, name: str, groups: "pd.DataFrame") -> Table:
    """Return the groups of a tree from the furthest behind to the furthest ahead."""
    records = groups.to_dict("records")
    scenarios = SCENARIOS if page.package else SCENARIOS[:1]
    forms = {"access": form_of("share", groups["before"])}
    gaining = form_of("count", groups["gaining"])
    notes = ["Gaining is the change times those in the group: who would gain if access followed the tree."]
    lines, few = [], False
    for row in records:
        figures = [_of_group(page, row, scenario) for scenario in scenarios]
        few = few or any(figure.few for figure in figures)
        cells = [Cell(f"{100 * row['share']:.1f}"), n_cell(figures)]
        cells += [figure_cell(figure, forms) for figure in figures]
        if page.package:
            cells.append(Cell(gaining.text(row["gaining"])))
        ends = [key for key in ("furthest_behind", "furthest_ahead") if row[key]] if len(records) > 1 else []
        marks = {"furthest_behind": "\N{BLACK DOWN-POINTING TRIANGLE} furthest behind"}
        marks["furthest_ahead"] = "\N{BLACK UP-POINTING TRIANGLE} furthest ahead"
        mark = ", ".join(marks[end] for end in ends)
        lines.append(Line(row["label"], [*cells, flag_cell(figures)], mark=mark))
    share = Column("Share", "%")
    heads = [Column(scenario.capitalize(), "points" if scenario == "change" else "%") for scenario in scenarios]
    whom = "households" if page.counts_households(name) else "people"
    more = [Column("Gaining", f"{gaining.word} {whom}".strip())] if page.package else []
    columns = [Column("Group", words=True), share, Column("n"), *heads, *more, Column("Flag", words=True)]
    notes = [*(notes if page.package else []), *marked([few])]
    blocks = [Block(lines)]
    return page.table("groups", "The groups", columns, blocks, groups, of=name, notes=notes, level=page.level)


def _of_group(page: Page, row: Mapping[Any, Any], scenario: str) -> Figure:
    """Return the access of a group."""
    value, low, high, se = (float(row[scenario + end]) for end in ("", "_low", "_high", "_se"))
    at = page.find("access", "group", of=row["opportunity"], level=row["label"], scenario=scenario)
    df = at[0].df if at else nan
    flag = ";".join(part for part in row["flag"].split(";") if scenario == "change" or part not in OF_CHANGES)
    return Figure("access", scenario, value, low, high, row["n"], flag, se=se, df=df)


def _named(statistic: str, param: str) -> str:
    """Return what an end of the groups is called."""
    called = said(statistic)[0]
    return f"{called}, {HONEST}" if param.endswith(HONEST) else called


def _listed(levels: Sequence[str]) -> str:
    """Return levels in one text, and of many the first."""
    if len(levels) <= LISTED:
        return " + ".join(levels)
    return f"{' + '.join(levels[: LISTED - 1])} + {len(levels) - LISTED + 1} more"


def _between(param: str) -> str:
    """Return what a dissimilarity index is of, in words."""
    between, _, absence = param.partition(", ")
    return BETWEEN.get(between, f"Between {between}") + (f", {absence}" if absence else "")


def _rank_between(param: str) -> int:
    """Return where a dissimilarity index stands among those of an opportunity: the value and its bracket first."""
    between = param.partition(", ")[0]
    return list(BETWEEN).index(between) if between in BETWEEN else len(BETWEEN)


def _gaining(gaining: float, change: Figure | None) -> dict[str, Any] | None:
    """Return a change of access as people, and the people that it is of; nothing where its sign is not sure."""
    if change is None or not change.there or not isfinite(gaining + change.low) or change.unsure or not change.value:
        return None
    whole = abs(gaining / change.value)
    forms = {"people": (form_of("count", [gaining]), abs(gaining)), "whole": (form_of("count", [whole]), whole)}
    told = {name: f"{form.text(value)} {form.word}".strip() for name, (form, value) in forms.items()}
    return {**told, "better": gaining > 0}


def _part(part: float) -> str:
    """Return what a circumstance has of a whole, in a sentence."""
    return "nothing" if part <= 0 else "less than 1%" if part < 0.01 else f"{part:.0%}"


def _rate(rate: float, n: int) -> str:
    """Return the rate of a branch."""
    text = form_of("share", [rate]).text(rate)
    return f"({text})" if isfinite(rate) and 0 < n < FEW else text
