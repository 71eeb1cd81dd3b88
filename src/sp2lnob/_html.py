"""HTML for notebooks and the report: every text from data passes through ``escape`` here."""

from html import escape

__all__ = ["escape"]
