"""Pictures of what was found, as Altair charts, and their files.

A picture knows ``Findings`` alone. What has an interval shows it; what was withheld is a hollow mark at the axis and
the word, and never a zero. Before is hollow and grey, after is filled; who is furthest behind or ahead has a shape of
its own, so that nothing rests on colour alone.

Pictures stand in rooms of their own: who is left behind in ``_plot_groups``, how unequal access is in
``_plot_inequality``, what a package changes in ``_plot_package``; those across surveys in ``_across``, that of a
comparison in ``_side_by_side``, those of years to come in ``_over_time``.
"""

import io
import os
import re
from pathlib import Path
from typing import Any

from . import _canvas
from ._across import average_dissimilarity, dissimilarities, gaps
from ._over_time import projection
from ._plot_findings import needs
from ._plot_groups import effects, groups, tree
from ._plot_inequality import dissimilarity, gap, shares
from ._plot_package import cost, coverage, front, gain, lorenz, poverty
from ._side_by_side import side_by_side
from ._validate import fail

__all__ = [
    "average_dissimilarity",
    "cost",
    "coverage",
    "dissimilarities",
    "dissimilarity",
    "effects",
    "front",
    "gain",
    "gap",
    "gaps",
    "groups",
    "lorenz",
    "poverty",
    "projection",
    "save",
    "shares",
    "side_by_side",
    "svg",
    "tree",
]


def svg(chart: Any, prefix: str = "plot") -> str:
    """Return a chart as SVG to stand in a page, with its text alternative.

    Parameters
    ----------
    chart : altair.Chart
    prefix : str, default "plot"
        What its ids begin with: two pictures in one page need two prefixes.

    Returns
    -------
    str
        One element, without a declaration before it. It loads nothing, and names itself by its title and description.

    Raises
    ------
    InputError
        If vl-convert is not installed, or the prefix is no name.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    >>> chart = plots.cost(sp.assess(survey, [], package, replicates=sp.Bootstrap(10)))
    >>> plots.svg(chart, "cost").split('<title id="cost-title">')[1][:29]
    'What the package costs a year'
    >>> plots.svg(chart, "not a name")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The prefix must be letters, digits, - and _, a letter first, but it is 'not a name'...
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", prefix):
        fail("The prefix must be letters, digits, - and _, a letter first", f"it is {prefix!r}", "Choose another.")
    needs("vl_convert", "SVG needs vl-convert")
    made = io.StringIO()
    chart.save(made, format="svg")
    told = chart.to_dict()
    title = told.get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    title = " ".join(title) if isinstance(title, list) else title
    return _canvas.svg_in_page(made.getvalue(), prefix, title, told.get("description", ""))


def save(chart: Any, path: str | os.PathLike[str]) -> Path:
    """Write a chart as .svg, or as .png at twice its size.

    Parameters
    ----------
    chart : altair.Chart
    path : path
        It is replaced if it is there.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If the path ends in something else, or vl-convert is not installed.

    Examples
    --------
    >>> import pathlib, tempfile, sp2lnob as sp
    >>> from sp2lnob import plots
    >>> survey = sp.example_survey(households=400)
    >>> chart = plots.lorenz(sp.assess(survey, [], replicates=sp.Bootstrap(10)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plots.save(chart, pathlib.Path(folder) / "lorenz.svg").name
    'lorenz.svg'
    >>> plots.save(chart, "lorenz.jpg")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The file of a picture must end in .svg or .png, but it is 'lorenz.jpg'. ...
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (".svg", ".png"):
        fail("The file of a picture must end in .svg or .png", f"it is {str(path)!r}", "Name it so.")
    content = svg(chart)
    target.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".svg":
        target.write_text(content + "\n", encoding="utf-8", newline="\n")
    else:
        import vl_convert

        target.write_bytes(vl_convert.svg_to_png(content, scale=2))
    return target
