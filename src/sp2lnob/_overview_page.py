"""The page of an overview: pictures across surveys, and a table for every opportunity; it opens without a network.

The words stand in ``templates/overview.html``, where all that comes from data is escaped.
"""

import base64
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib import resources
from itertools import count
from typing import TYPE_CHECKING, Any

from . import plots
from ._canvas import INDEX, PERCENT, Format, Point
from ._html import DIRECTIONS, NONE, checked, templates
from ._places import ALL, OF_D, Across, Figures, Published
from ._results import MANIFEST, as_json
from ._tables import Block, Cell, Column, Line, Link, Picture, Table, link_of, marks
from .disclosure import FEW, FEWEST, least_cases
from .findings import ESTIMATES, GROUPS

if TYPE_CHECKING:
    import pandas as pd


def render(overview: Published) -> str:
    """Return the page of what an overview publishes.

    Raises
    ------
    InputError
        If jinja2, altair or vl-convert is not installed.
    """
    made = templates()
    from markupsafe import Markup

    page = _Page(overview)
    style = resources.files("sp2lnob").joinpath("templates", "report.css").read_text(encoding="utf-8")
    html = made.get_template("overview.html").render(
        page=page,
        style=Markup(style),  # our own file
        style_hash=base64.b64encode(sha256(style.encode()).digest()).decode(),
    )
    return html.translate(DIRECTIONS)  # names enter everywhere, and nothing of ours has such characters


class _Page:
    """What the template shows, tables and pictures numbered in their order."""

    def __init__(self, overview: Published) -> None:
        self.overview, self.manifest, self.across = overview, overview.manifest, Across(overview)
        self.level = f"{100 * self.across.level:g}%"
        self.least, self.few, self.fewest = least_cases(self.manifest.get("disclosure", "dhs")), FEW, FEWEST
        self.least_rate = PERCENT.tick(float(self.manifest["least_rate"]))
        self._tables, self._pictures = count(1), count(1)
        found = [self.across.figures(place, name) for place, name in self._places()]
        self.found = [figures for figures in found if figures is not None]
        self.flags = {mark for figures in self._everywhere() for mark in _marks(figures)}
        self.honest = any(figures.honest for figures in self.found)
        self.index = next((name for name in OF_D if any(f.of_d == name for f in self.found)), "")
        self.average = self._average()
        self.by_survey = self._by_survey() if len(self.across.surveys) == 1 else None
        self.opportunities = [self._opportunity(name) for name in self.across.opportunities]
        self.skipped = _skipped(overview.skipped, next(self._tables)) if len(overview.skipped) else None
        self.files = [_csv(ESTIMATES, overview.estimates), _csv(GROUPS, overview.groups)]
        self.manifest_text = as_json(dict(self.manifest))
        self.manifest_link = link_of(MANIFEST, "application/json", self.manifest_text)

    @property
    def title(self) -> str:
        """What the page is called."""
        surveys, names = len(self.manifest["surveys"]), len(self.across.opportunities)
        if surveys == 1:
            return f"Who is left behind: {next(iter(self.manifest['surveys']))}"
        return f"Who is left behind: {names} opportunit{'y' if names == 1 else 'ies'} in {surveys} surveys"

    @property
    def surveys(self) -> list[dict[str, Any]]:
        """Every survey and its design."""
        made = []
        for name, about in self.manifest["surveys"].items():
            survey = about["survey"]
            alone = survey["columns"]["household"] is None and survey["persons"] is not None  # each its own household
            unit = "persons" if alone else "households"
            made.append(
                {**survey, "name": name, "number": survey[unit], "unit": unit, "replicates": about["replicates"]["n"]}
            )
        return made

    def _places(self) -> Iterable[tuple[tuple[str, str, str], str]]:
        for survey in self.across.surveys:
            for name in self.across.opportunities:
                yield (survey, ALL, ALL), name

    def _everywhere(self) -> Iterable[Figures]:
        """Return all that the tables show."""
        for survey in self.across.surveys:
            for domain in self.across.domains:
                for level in self.across.levels(survey, domain):
                    for name in self.across.opportunities:
                        if (figures := self.across.figures((survey, domain, level), name)) is not None:
                            yield figures

    def _picture(self, table: int, chart: Any) -> Picture:
        number = next(self._pictures)
        return Picture(number, table, checked(plots.svg(chart, f"figure-{number}")))

    def _average(self) -> dict[str, Any] | None:
        """Return the means over opportunities, and over surveys, as far as they are of more than one."""
        across = self.across
        made: dict[str, Any] = {}
        if len(across.opportunities) > 1 and len(across.surveys) > 1:
            each = [{f.opportunity for f in self.found if f.place[0] == s and f.d_index.there} for s in across.surveys]
            if set.intersection(*(names for names in each if names)) if any(each) else ():
                made["surveys"] = plots.average_dissimilarity(across)
        if len(across.surveys) > 1 and any(f.d_index.there for f in self.found):
            made["opportunities"] = plots.average_dissimilarity(across, over="surveys")
        return {key: checked(plots.svg(chart, f"average-{key}")) for key, chart in made.items()} or None

    def _by_survey(self) -> dict[str, Any]:
        """Return the pictures of one survey, a line for every opportunity."""
        survey = self.across.surveys[0]
        table = self._table("overview", "All opportunities", "", "Opportunity",
                            [("", [(f.opportunity, f) for f in self.found])])  # fmt: skip
        pictures = [self._picture(table.number, plots.gaps(self.across, survey=survey))]
        if any(figures.of_d for figures in self.found):
            pictures.append(self._picture(table.number, plots.dissimilarities(self.across, survey=survey)))
        return {"table": table, "pictures": pictures}

    def _opportunity(self, name: str) -> dict[str, Any]:
        """Return the pictures and the table of an opportunity: surveys, and the levels of their domains."""
        across = self.across
        blocks, barrier = [], False
        whole = [(f.place[0], f) for f in self.found if f.opportunity == name]
        barrier = any(figures.barrier for _, figures in whole)
        if whole:
            blocks.append(("", whole))
        for survey in across.surveys:
            for domain in across.domains[1:] if ALL in across.domains[:1] else across.domains:
                if domain == ALL:
                    continue
                at = [(level, across.figures((survey, domain, level), name)) for level in across.levels(survey, domain)]
                found = [(level, figures) for level, figures in at if figures is not None]
                if found:
                    blocks.append((f"{survey}, by {domain}" if len(across.surveys) > 1 else domain, found))
        table = self._table(f"opportunity-{next(self._tables)}", "Average, ends and dissimilarity", name, "", blocks)
        pictures = []
        if len(across.surveys) > 1 and whole:
            pictures.append(self._picture(table.number, plots.gaps(across, name)))
            if any(figures.of_d for _, figures in whole):
                pictures.append(self._picture(table.number, plots.dissimilarities(across, name)))
        elif len(across.surveys) == 1:
            for domain in across.domains:
                there = [across.figures((across.surveys[0], domain, at), name)
                         for at in across.levels(across.surveys[0], domain)]  # fmt: skip
                if domain != ALL and any(there):
                    chart = plots.gaps(across, name, survey=across.surveys[0], domain=domain)
                    pictures.append(self._picture(table.number, chart))
        return {"name": name, "barrier": barrier, "table": table, "pictures": pictures}

    def _table(
        self, file: str, caption: str, of: str, first: str, blocks: Sequence[tuple[str, Sequence[tuple[str, Figures]]]]
    ) -> Table:
        """Return a table of averages, ends and indices, and its rows with every digit as a link."""
        number = next(self._tables) if file == "overview" else int(file.rpartition("-")[2])
        columns = [
            Column(first or "Survey", words=True),
            Column("Average", "%"),
            Column("Furthest behind", "%"),
            Column("Furthest ahead", "%"),
            Column("Gap", "points"),
            Column("D"),
            Column("n"),
            Column("Flag", words=True),
        ]
        made = [Block([_line(label, figures) for label, figures in lines], of=title) for title, lines in blocks]
        every = [figures for _, lines in blocks for _, figures in lines]
        few = any(p.there and 0 < p.n < FEW for f in every for p in (f.average, f.behind, f.ahead, f.d_index))
        notes = [f"Figures in parentheses rest on fewer than {FEW} unweighted cases."] if few else []
        frame = self.overview.estimates
        frame = frame[frame["of"] == of] if of else frame
        return Table(number, caption, of, columns, made, _csv(f"{file}.csv", frame), notes, self.level)


def _line(label: str, figures: Figures) -> Line:
    """Return the row of an opportunity in one place."""
    shares = [figures.average, figures.behind, figures.ahead]
    gap = figures.gap if figures.distance else Point(float("nan"), flag=figures.gap.flag or "withheld", n=figures.gap.n)
    cells = [*(_cell(point, PERCENT) for point in shares), _cell(gap, PERCENT), _cell(figures.d_index, INDEX)]
    return Line(label, [*cells, Cell(f"{figures.average.n:,}"), Cell("; ".join(_marks(figures)))])


def _marks(figures: Figures) -> list[str]:
    """Return the flags of what a row shows, each once."""
    flags = dict.fromkeys(
        mark
        for point in (figures.average, figures.behind, figures.ahead, figures.d_index)
        for mark in marks(point.flag.split(";") if point.flag else [])
        if mark != "no interval"
    )
    return [*flags]


def _cell(point: Point, form: Format) -> Cell:
    """Return a figure and its interval, without the unit that heads the column."""
    if not point.there:
        return Cell(NONE, "withheld" if "withheld" in point.flag else "")
    below = form.interval(*point.ends).strip(" ()").replace("%", "") if point.ends else ""
    return Cell(point.text(form).replace("%", ""), below)


def _skipped(frame: "pd.DataFrame", number: int) -> Table:
    """Return what was left out, one row for every survey, domain, opportunity and reason."""
    by: dict[tuple[str, str, str, str], list[str]] = {}
    for row in frame.to_dict("records"):
        key = (str(row["survey"]), str(row["opportunity"]), str(row["domain"]), str(row["reason"]))
        by.setdefault(key, []).append(str(row["domain_level"]))
    lines = [
        Line(survey, [Cell(name), Cell("" if domain == ALL else f"{domain}: {', '.join(levels)}"), Cell(reason)])
        for (survey, name, domain, reason), levels in by.items()
    ]
    columns = [Column(title, words=True) for title in ("Survey", "Opportunity", "Where", "Why")]
    return Table(number, "What was left out", "", columns, [Block(lines)], _csv("skipped.csv", frame))


def _csv(file: str, frame: "pd.DataFrame") -> Link:
    """Return a frame as a link that holds all of it."""
    return link_of(file, "text/csv", frame.to_csv(index=False, lineterminator="\n"), len(frame))
