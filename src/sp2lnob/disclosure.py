"""Disclosure: which figures rest on too few cases to be published.

The rule is the DHS Program's: figures from fewer than 25 unweighted cases are withheld, those from 25 to 49 are marked.
It is a rule of reliability as much as of privacy. What is withheld is the figure itself: that nobody can work it out
from others, such as a total and the other parts, is not seen to.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._validate import choice, whole

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 25  # the DHS Program's thresholds for unweighted cases
FEW = 50
FIGURES = ("value", "se", "ci_low", "ci_high", "bias", "df")
SCENARIOS = ("before", "after", "change")
OF_OUTCOME = ("all have the same outcome", "rate under")  # how reasons begin that tell of it
STABILITY_FIGURES = ("frequency", "sd")
EFFECT_FIGURES = (*SCENARIOS, "change_se", "change_low", "change_high", "gaining")
GROUP_FIGURES = (*(f"{which}{end}" for which in SCENARIOS for end in ("", "_se", "_low", "_high")), "gaining")


def few_cases(n: int) -> str:
    """Return the flag of a figure that rests on few unweighted cases, or no text: of nobody, nothing is few.

    Examples
    --------
    >>> few_cases(24), few_cases(49)
    ('n<25', 'n<50')
    >>> few_cases(50)
    ''
    """
    return f"n<{FEWEST}" if 0 < n < FEWEST else f"n<{FEW}" if 0 < n < FEW else ""


def least_cases(policy: str | int) -> int:
    """Return the fewest unweighted cases that a published figure may rest on.

    Examples
    --------
    >>> least_cases("dhs"), least_cases(30)
    (25, 30)
    >>> least_cases("none")
    0
    """
    if isinstance(policy, str):
        return {"dhs": FEWEST, "none": 0}[choice(policy, ("dhs", "none"), "disclosure, if it is no number,")]
    return whole(policy, "disclosure", low=0)


def withhold(frame: "pd.DataFrame", policy: str | int, figures: tuple[str, ...] = FIGURES) -> "pd.DataFrame":
    """Return a frame in which the figures of rows with too few cases are missing, and these rows marked."""
    n = frame["n"].to_numpy()
    few = (n > 0) & (n < least_cases(policy))  # of nobody there is nothing to give away: 0, or no figure
    if not few.any():
        return frame
    result = frame.copy()
    for name in figures:
        result[name] = np.where(few, np.nan, frame[name].to_numpy(dtype=np.float64))
    result["flag"] = [
        ";".join(part for part in (flag, "withheld") if part) if hide else flag
        for flag, hide in zip(frame["flag"], few, strict=True)
    ]
    return result


def withhold_tree(tree: Mapping[str, Any], policy: str | int) -> dict[str, Any]:
    """Return a tree, as plain lists and numbers, whose nodes with too few cases have no rate.

    Nor is told what the split above them gains, nor the importance of circumstances, which adds gains up.
    """
    least = least_cases(policy)
    few = {node["node"] for node in tree["nodes"] if node["n"] < least}

    def shown(node: Mapping[str, Any]) -> dict[str, Any]:
        hidden = {"rate": None} if node["node"] in few else {}
        if {node.get("left"), node.get("right")} & few:  # what a split gains tells its children's rates
            hidden |= {"gain": None, "complexity": None}
        return {**node, **hidden}

    made = {**tree, "nodes": [shown(node) for node in tree["nodes"]]}
    if few:
        made["circumstances"] = [{**circumstance, "importance": None} for circumstance in tree["circumstances"]]
    return made


def withhold_reasons(frame: "pd.DataFrame", policy: str | int) -> "pd.DataFrame":
    """Return a frame of what was left out, without reasons that tell the outcome of too few cases."""
    if frame.empty:
        return frame
    few = (frame["n"] > 0) & (frame["n"] < least_cases(policy)) & frame["reason"].str.startswith(OF_OUTCOME)
    return frame.assign(reason=frame["reason"].mask(few, "withheld"))
