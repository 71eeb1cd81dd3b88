"""Whom of the eligible a scheme is aimed at."""

from abc import ABC
from collections.abc import Mapping
from typing import Any

from ._validate import fail


class Target(ABC):  # noqa: B024
    """A rule that picks households among those in which somebody is eligible."""


def target_from(table: Mapping[str, Any]) -> Target:
    """Return the target that a table of a study file describes."""
    fail("A target must be of a kind that exists", f"{table!r} is of none", "Leave out target.")
