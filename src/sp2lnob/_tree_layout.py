"""The picture of a tree without its words: its branches from top to bottom, and where they run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

THICKEST = 16.0  # the branch of everybody
STEP = 44.0  # from a node to the next on its right, at the most


@dataclass(frozen=True)
class Branch:
    """A node of a tree with the branch that leads to it."""

    node: Mapping[str, Any]
    above: int  # the node it comes from; the root's is the root
    depth: int
    label: str

    @property
    def at(self) -> int:
        """The node's number."""
        return int(self.node["node"])

    @property
    def thickness(self) -> float:
        """As thick as its share of people is large."""
        return THICKEST * float(self.node["share"])


class Limb(NamedTuple):
    """A segment of a branch."""

    branch: Branch
    start: tuple[float, float]
    end: tuple[float, float]


def branches(tree: Mapping[str, Any], barrier: bool) -> list[Branch]:
    """Return a tree's nodes from top to bottom: each between what it parts into, those further behind above."""
    nodes = {node["node"]: node for node in tree["nodes"]}

    def standing(part: tuple[int, str]) -> tuple[bool, float]:
        rate = nodes[part[0]]["rate"]
        return rate is None, 0.0 if rate is None else -rate if barrier else rate

    def walk(t: int, above: int, depth: int, label: str) -> Iterator[Branch]:
        node = nodes[t]
        parts = sorted([(node[side], side) for side in ("left", "right") if side in node], key=standing)
        sides = [
            walk(child, t, depth + 1, f"{node['circumstance']}: {' + '.join(node[f'{side}_levels'])}")
            for child, side in parts
        ]
        yield from sides[0] if sides else ()
        yield Branch(node, above, depth, label)
        yield from sides[1] if sides else ()

    return list(walk(0, 0, 0, "everybody"))


def columns(branches: Sequence[Branch], room: float) -> dict[int, float]:
    """Return where every node stands from left to right, by its depth; the deepest ones within a room."""
    step = min(STEP, room / max(1, *(branch.depth for branch in branches)))
    return {branch.at: THICKEST / 2 + step * branch.depth for branch in branches}


def limbs(branches: Sequence[Branch], x: Mapping[int, float], y: Mapping[int, float]) -> Iterator[Limb]:
    """Return how branches run: up or down from where they part, then to the right; the thick ones are drawn first."""
    reach = dict.fromkeys(x, 0.0)  # to the far side of what grows out of a node
    for branch in branches:
        if branch.depth:
            reach[branch.above] = max(reach[branch.above], branch.thickness / 2)
    for branch in sorted(branches, key=lambda branch: (branch.depth > 0, -branch.thickness)):
        t, above = branch.at, branch.above
        if branch.depth:
            yield Limb(branch, (x[above], y[above]), (x[above], y[t]))
        yield Limb(branch, (x[above] - branch.thickness / 2, y[t]), (x[t] + reach[t], y[t]))
