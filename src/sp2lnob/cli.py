"""The command line: check a survey, run a study, run the demonstration. Exit code 2 for usage and input."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ._results import check_folder
from ._validate import SP2LNOBError, fail

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Table
    from rich.text import Text
except ImportError:
    raise SystemExit("sp2lnob: the command line needs typer and rich: pip install 'sp2lnob[cli]'") from None

if TYPE_CHECKING:
    from .assessment import Assessment
    from .survey import Survey

app = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Who is left behind, what a cash-transfer package changes, what it costs, and how sure we are.",
)
Threads = Annotated[int | None, typer.Option(help="Threads; default: the processors this process may use.")]
Out = Annotated[Path, typer.Option(help="Folder for the results: new, or one that sp2lnob made.")]


@app.callback(invoke_without_command=True)
def start(show_version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Print the version, if that is all that is wanted."""
    if show_version:
        print(f"sp2lnob {version('sp2lnob')}")  # noqa: T201
        raise typer.Exit


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="A study.toml; or a file of households, and one of persons.")],
    household: Annotated[str, typer.Option(help="Key of the household.")] = "hid",
    person: Annotated[str | None, typer.Option(help="Identifier of a person within the household.")] = None,
    weight: Annotated[str, typer.Option(help="Sampling weight of the household.")] = "hhweight",
    size: Annotated[str | None, typer.Option(help="Members of the household.")] = None,
    welfare: Annotated[str | None, typer.Option(help="Consumption, expenditure or income.")] = None,
    psu: Annotated[str | None, typer.Option(help="Primary sampling unit.")] = None,
    strata: Annotated[list[str] | None, typer.Option(help="Stratum; may be given several times.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=COLUMN, such as disability=dis; several times.")] = None,
) -> None:
    """Say how a survey is read: rows, weights, strata, PSUs, what is missing, and the same design in Stata and R."""
    from .io import read_survey
    from .study import read_study

    # A stratum of one PSU and missing welfare are what a check is to find: it does not stop at them.
    lenient: dict[str, Any] = {"single_psu": "certainty", "missing": "drop"}
    if files[0].suffix.lower() == ".toml":
        if len(files) > 1:
            fail("check takes one study, or one or two data files", f"{len(files)} files came", "Name the study alone.")
        study = read_study(files[0])
        survey = study.survey(**lenient)
        single_psu = study.sections["survey"].get("single_psu", "error")
    else:
        if len(files) > 2:
            fail(
                "check takes one study, or one or two data files",
                f"{len(files)} files came",
                "Name households first, then persons.",
            )
        survey = read_survey(
            *files,
            household=household,
            person=person,
            weight=weight,
            size=size,
            welfare=welfare,
            psu=psu,
            strata=strata,
            roles=dict(_role(text) for text in role or []),
            **lenient,
        )
        single_psu = "error"
    survey.single_psu = single_psu
    for line in describe(survey):
        print(line)  # noqa: T201


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="The study file, in TOML.")],
    out: Out = Path("results"),
    threads: Threads = None,
) -> None:
    """Run a study and write its results."""
    from .study import read_study

    read = read_study(study)
    check_folder(out)
    with interruptible(), progress_bar(read.replicates.n) as advance:
        result = read.run(n_threads=threads, progress=advance)
    finish(result, out, {"study": {"file": read.path.name, "sha256": read.sha256}})


@app.command()
def demo(
    out: Out = Path("results/demo"),
    replicates: Annotated[int, typer.Option(help="Replicates.")] = 1000,
    threads: Threads = None,
) -> None:
    """Run the main job on the example survey that comes with the package."""
    from .assessment import assess
    from .datasets import example_survey
    from .design import Bootstrap
    from .opportunity import Opportunity
    from .presets import child_benefit, disability_benefit, old_age_pension
    from .schemes import Amount, Economy, Package

    check_folder(out)
    circumstances = ("bottom40", "urbrur", "head_educ", "head_sex")
    opportunities = [
        Opportunity(name, outcome=outcome, circumstances=circumstances, ordered=("head_educ",))
        for name, outcome in (("clean fuel", "cook_fuel in ('Electricity', 'Gas')"), ("internet", "internet == 1"))
    ]
    package = Package(
        [
            child_benefit(Amount(0.04, "gdp_per_capita")),
            old_age_pension(Amount(0.16, "gdp_per_capita")),
            disability_benefit(Amount(0.14, "gdp_per_capita")),
        ]
    )
    economy = Economy(currency="coins", year=2026, gdp_per_capita=1800.0, lines={"national": 60.0})
    with interruptible(), progress_bar(replicates) as advance:
        result = assess(
            example_survey(),
            opportunities,
            package,
            economy,
            replicates=Bootstrap(replicates, seed=1),
            n_threads=threads,
            progress=advance,
        )
    finish(result, out, {"study": {"file": "demo"}})


def _role(text: str) -> tuple[str, str]:
    """Return role and column of an option ROLE=COLUMN."""
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        fail("--role must be ROLE=COLUMN", f"it is {text!r}", "Write, for example, --role disability=dis.")
    return name, column


def finish(result: "Assessment", out: Path, study: dict[str, Any]) -> None:
    """Write the results, print their summary and their paths."""
    folder = result.save(out, study=study)
    console = Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else 140)
    for table in summary(result):
        console.print(table)
    for path in sorted(folder.iterdir()):
        console.print(Text(str(path)))


def describe(survey: "Survey") -> list[str]:
    """Return what ``check`` prints, line by line."""
    design, names = survey.design, survey.names
    single = design.single_psu_strata
    weights = survey.weight
    lines = [
        f"households       {survey.n_households:,}",
        f"persons          {survey.n_persons:,}" if survey.persons is not None else "persons          no file",
        f"people           {survey.people.sum():,.6g} (weights times members)",
        f"weight           {names['weight']}: {weights.min():.6g} to {weights.max():.6g}, sum {weights.sum():,.6g}, "
        f"{(weights == 0).sum():,} zero",
        f"strata           {design.strata:,} ({' x '.join(survey.strata_columns) or 'none named'})",
        f"PSUs             {design.psus:,} ({' x '.join(survey.psu_columns) or 'households'}), "
        f"{design.psus_by_stratum.min()} to "
        f"{design.psus_by_stratum.max()} a stratum",
        f"single-PSU       {len(single)}" + (f": {'; '.join(single[:5])}" if single else ""),
        f"degrees of freedom {design.df:,}",
    ]
    if survey.welfare is not None:
        lines.append(
            f"missing          welfare {names['welfare']}: {int((~survey.welfare_known).sum()):,} households "
            f"(read per person and {survey.welfare_period})"
        )
    for role, column in survey.roles.items():
        if column is not None:
            lines.append(f"missing          {role} {column}: {int(survey.role(role).missing.sum()):,} persons")
    return [
        *lines,
        "",
        "Stata",
        *(f"  {line}" for line in survey.svyset().splitlines()),
        "R",
        *(f"  {line}" for line in survey.svydesign().splitlines()),
    ]


def summary(result: "Assessment") -> list[Table]:
    """Return the headline figures as tables: groups, welfare and poverty, cost."""
    tables = []
    level = f"{100 * result.estimates.level:g} % interval"
    for name, frame in result.groups.groupby("opportunity", sort=False):
        table = _table(
            f"{name}, from the group furthest behind to the furthest ahead",
            ("group", "share", "n", "before", level, "after", level, "change", level, "flag"),
        )
        for _, row in frame.iterrows():
            cells = []
            for which in ("before", "after", "change"):
                value, low, high = (float(row[which + end]) for end in ("", "_low", "_high"))
                cells += [_share(value), _ends(low, high, _share)]
            table.add_row(Text(str(row["label"])), f"{row['share']:.1%}", f"{row['n']:,}", *cells, str(row["flag"]))
        table.caption = Text("The groups at either end were picked for their rates: these are biased outward.")
        table.caption_justify = "left"
        tables.append(table)
    frame = result.estimates.frame()
    shown = {
        "access": _share,
        "headcount": _share,
        "poverty_gap": _share,
        "d_index": _ratio,
        "gap": _share,
        "mean_welfare": _money,
        "gini": _ratio,
        "palma": _ratio,
        "recipients": _money,
        "total_cost": _money,
        "cost_gdp": _share,
        "cost_revenue": _share,
    }
    table = _table("All people", ("figure", "of", "when", "value", level, "n", "flag"))
    for _, row in frame[(frame["by"] == "all") & frame["statistic"].isin(list(shown))].iterrows():
        form = shown[str(row["statistic"])]
        table.add_row(
            str(row["statistic"]),
            Text(str(row["of"])),
            str(row["scenario"]),
            form(float(row["value"])),
            _ends(float(row["ci_low"]), float(row["ci_high"]), form),
            f"{row['n']:,}",
            str(row["flag"]),
        )
    return [*tables, table]


@contextmanager
def interruptible() -> Iterator[None]:
    """End quietly on Ctrl-C, before anything is written."""
    try:
        yield
    except KeyboardInterrupt:
        _stop("sp2lnob: interrupted, nothing written", 130)


def progress_bar(total: int) -> AbstractContextManager[Callable[[int], object] | None]:
    """Return a bar on the terminal, told of replicates as they finish; nothing where there is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return nullcontext()
    return _Bar(console, total)


class _Bar(AbstractContextManager[Callable[[int], object]]):
    """A progress bar that lives as long as its context."""

    def __init__(self, console: Console, total: int) -> None:
        self.bar = Progress(
            TextColumn("replicates"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.task = self.bar.add_task("replicates", total=total)

    def __enter__(self) -> Callable[[int], object]:
        self.bar.start()
        return lambda done: self.bar.advance(self.task, done)

    def __exit__(self, *error: object) -> None:
        self.bar.stop()


def main() -> None:
    """Run the command line: an error of input is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that lacks a letter shows another, and nothing stops
            stream.reconfigure(errors="replace")
    try:
        app(standalone_mode=True)
    except SP2LNOBError as error:
        _stop(f"sp2lnob: {error}", 2)
    except MemoryError:
        _stop("sp2lnob: not enough memory for this many replicates and figures", 1)
    except OSError as error:
        _stop(f"sp2lnob: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)


def _stop(message: str, code: int) -> None:
    sys.stderr.write(message + os.linesep)
    raise SystemExit(code)


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for name in columns:
        table.add_column(
            name, justify="left" if name in ("group", "figure", "of", "when", "flag") else "right", overflow="fold"
        )
    return table


def _share(value: float) -> str:
    return "" if value != value else f"{value:.1%}"


def _money(value: float) -> str:
    return "" if value != value else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _ratio(value: float) -> str:
    return "" if value != value else f"{value:.3f}"


def _ends(low: float, high: float, form: Callable[[float], str]) -> str:
    return "none" if low != low else f"{form(low)} to {form(high)}"


if __name__ == "__main__":
    main()
