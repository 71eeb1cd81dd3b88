"""Whom of the eligible a scheme is aimed at."""

from abc import ABC


class Target(ABC):
    """A rule that picks households among those in which somebody is eligible."""
