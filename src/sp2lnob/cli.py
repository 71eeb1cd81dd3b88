"""The command line: draft a study, check a survey, run a study, a shard of it or many, merge shards, search, report.

Exit code 2 for usage and input, 130 where Ctrl-C stopped it.
"""

import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

try:
    import typer
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn
    from rich.table import Table
    from rich.text import Text

    from ._results import check_folder, read_manifest, write_file
    from ._shards import Keeping, ShardKept, parse_shard
    from ._validate import SP2LNOBError, fail, fail_if_unknown
    from .disclosure import FEWEST, least_cases
except KeyboardInterrupt:
    raise SystemExit(130) from None
except ImportError as error:
    if str(error.name).partition(".")[0] not in ("typer", "rich"):
        raise
    raise SystemExit("sp2lnob: the command line needs typer and rich: pip install 'sp2lnob[cli]'") from None

if TYPE_CHECKING:
    from ._parallel import Progress
    from .assessment import Assessment
    from .best_package import Search
    from .findings import Findings
    from .many import SurveyProgress, Told
    from .overview import Overview
    from .replication import ReplicateDesign
    from .study import Study
    from .survey import Survey
    from .transfers import Transfers

    Advance = Callable[[Progress], object]

Made = TypeVar("Made")
REPORT = "report.html"
WORDS = ("group", "figure", "of", "when", "flag", "survey", "opportunity")  # columns of the tables printed
INTERRUPTED = 130  # as shells say it
TRACEBACK = "SP2LNOB_TRACEBACK"  # set, it shows where an unforeseen error came from

app = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Who is left behind, what a cash-transfer package changes, what it costs, and how sure we are.",
    epilog="Start with: sp2lnob init HOUSEHOLDS PERSONS; then read study.toml, and: sp2lnob run study.toml",
)
UsageError: Any = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")

Threads = Annotated[int | None, typer.Option(help="Threads; default: the processors this process may use.", max=1024)]
Out = Annotated[Path, typer.Option(help="Folder for the results: new, or one that sp2lnob made.")]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Whether to write report.html as well.")]
Disclosure = Annotated[
    str | None,
    typer.Option(
        metavar="dhs|none|NUMBER",
        help="Withhold figures from fewer unweighted cases than this; dhs: 25. Default: what the study says, or dhs.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Tell what happens as JSON, one object a line, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors alone.")]


@app.callback(invoke_without_command=True)
def start(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version, those of libraries, and how kernels are built.")
    ] = False,
) -> None:
    """Print the version and what it stands on, if that is all that is wanted."""
    if show_version:
        print(*_versions(), sep="\n")  # noqa: T201
        raise typer.Exit


@app.command()
def init(
    households: Annotated[Path, typer.Argument(help="The file of households; or of persons, if there is one file.")],
    persons: Annotated[Path | None, typer.Argument(help="The file of persons.")] = None,
    out: Annotated[Path, typer.Option(help="The study file to write.")] = Path("study.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the study file if it is there.")] = False,
    encoding: Annotated[str | None, typer.Option(help="Encoding of text, where the file does not state it.")] = None,
) -> None:
    """Draft a study file from the columns of a survey's files: every guess is marked, and the rest is asked."""
    from ._draft import draft

    if out.exists() and not force:
        fail("The study file must be new", f"{str(out)!r} is there", "Name another by --out, or replace it by --force.")
    made = draft(households, persons, out.resolve().parent, encoding)
    write_file(out, made.text)
    for line in (str(out), *(f"  {question}" for question in made.questions), f"Next: sp2lnob check {out}"):
        print(line)  # noqa: T201


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
    encoding: Annotated[str | None, typer.Option(help="Encoding of text, where the file does not state it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,
) -> None:
    """Say how a survey is read: rows, weights, strata, PSUs, what is missing, and the same design in Stata and R.

    Of a study, say also whom each opportunity and each scheme counts, who is paid and what it costs in the full sample,
    and what of it cannot be worked out: exit code 2 then.
    """
    from .io import read_survey
    from .study import read_study

    # A stratum of one PSU and missing welfare are what a check is to find: it does not stop at them.
    lenient: dict[str, Any] = {"single_psu": "certainty", "missing": "drop"}
    study = None
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
            encoding=encoding,
            **lenient,
        )
        single_psu = "error"
    survey.single_psu = single_psu
    found = facts(survey) | (asked_of(study, survey) if study else {})
    if as_json:
        print(json.dumps(found, allow_nan=False))  # noqa: T201
    else:
        for line in describe(found):
            print(line)  # noqa: T201
    if found.get("problems"):
        raise typer.Exit(2)


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="The study file, in TOML.")],
    out: Out = Path("results"),
    threads: Threads = None,
    report: Report = True,
    disclosure: Disclosure = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep replicates in OUT.replicates until the results stand; go on from there."),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(metavar="K/N", help="Evaluate this part of the replicates alone, and keep it in the folder OUT."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a study and write its results: tables, trees, how they were made, and a report."""
    from .study import read_study

    read = read_study(study)
    work = Work("run", out, _published_as(read, disclosure), report, as_json, quiet)
    if shard is not None:
        part = Keeping((out,), parse_shard(shard))
        work.shard(lambda advance: read.run(n_threads=threads, progress=advance, resume=part), read.replicates, shard)
        return
    path = out.resolve()
    keeping = Keeping((path.with_name(f"{path.name}.replicates"),)) if resume else None
    work.do(
        lambda advance: read.run(n_threads=threads, progress=advance, resume=keeping), read.replicates, _source(read)
    )
    if keeping is not None:
        keeping.remove()


@app.command()
def search(
    study: Annotated[Path, typer.Argument(help="The study file, with [[candidate]] and [search].")],
    out: Out = Path("search"),
    threads: Threads = None,
    disclosure: Disclosure = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep packages in OUT.packages until the results stand; go on from there."),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the package that does most for a budget, and write the packages, the front and the best of them."""
    from .study import read_study

    read = read_study(study)
    path = out.resolve()
    kept = path.with_name(f"{path.name}.packages") if resume else None
    work = Work("search", out, _published_as(read, disclosure), False, as_json, quiet)
    work.search(lambda advance: read.search(n_threads=threads, progress=advance, resume=kept), read)
    if kept is not None:
        for folder in ("packages", "folds", "replicates"):
            Keeping((kept / folder,)).remove()
        with suppress(OSError):
            kept.rmdir()


@app.command()
def merge(
    study: Annotated[Path, typer.Argument(help="The study file that the shards are of.")],
    shards: Annotated[list[Path], typer.Argument(metavar="SHARDS...", help="Folders that run --shard wrote to.")],
    out: Out = Path("results"),
    threads: Threads = None,
    report: Report = True,
    disclosure: Disclosure = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check that shards are all there and of this study, and write the results that one run would have written."""
    from .study import read_study

    read, keeping = read_study(study), Keeping(tuple(shards), complete=True)
    work = Work("merge", out, _published_as(read, disclosure), report, as_json, quiet)
    work.do(
        lambda advance: read.run(n_threads=threads, progress=advance, resume=keeping), read.replicates, _source(read)
    )


@app.command()
def many(
    studies: Annotated[list[Path], typer.Argument(metavar="STUDIES...", help="Study files, one a survey.")],
    out: Out = Path("results"),
    domains: Annotated[
        list[str] | None, typer.Option(help="Column, such as region, in whose levels to assess too; several times.")
    ] = None,
    least_rate: Annotated[
        float, typer.Option(help="Leave out what has a rate under this, as the LNOB Platform does.")
    ] = 0.03,
    skip: Annotated[
        bool, typer.Option("--skip", help="List what a survey does not have, or one that cannot be read; do not stop.")
    ] = False,
    threads: Threads = None,
    report: Report = True,
    disclosure: Disclosure = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep surveys in OUT.surveys until the results stand; go on from there."),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Assess the opportunities of many surveys, and write one table, pictures across surveys and what was left out."""
    from .many import assess_many, forget
    from .study import read_study

    named = _survey_names(studies)
    read = {name: read_study(path) for name, path in named.items()}
    policy = _published_alike(read, disclosure)
    work = Work("many", out, policy, report, as_json, quiet)
    path = out.resolve()
    kept = path.with_name(f"{path.name}.surveys") if resume else None
    work.many(
        lambda told: assess_many(
            read,
            domains=domains or (),
            least_rate=least_rate,
            errors="skip" if skip else "raise",
            n_threads=threads,
            progress=told,
            resume=kept,
        ),
        list(named),
    )
    if kept is not None:
        forget(kept)


@app.command()
def compare(
    studies: Annotated[list[Path], typer.Argument(metavar="STUDIES...", help="Study files: of packages, or surveys.")],
    out: Out = Path("results"),
    baseline: Annotated[str | None, typer.Option(help="What others are differenced from; default: the first.")] = None,
    threads: Threads = None,
    report: Report = True,
    disclosure: Disclosure = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run studies, and write their figures side by side and differenced: on one survey, replicate by replicate."""
    from .comparison import compare as compared
    from .study import read_study

    named = _survey_names(studies)
    read = {name: read_study(path) for name, path in named.items()}
    if baseline is not None:
        fail_if_unknown(baseline, read, "The baseline")
    work = Work("compare", out, _published_alike(read, disclosure), report, as_json, quiet)
    check_folder(out)
    surveys: dict[str, Survey] = {}  # studies of one survey share it, so that their replicates are the same

    def run(study: "Study", told: "Advance | None") -> "Assessment":
        key = repr((study.path.parent.resolve(), sorted(study.sections["survey"].items())))
        surveys.setdefault(key, study.survey())
        return study.run(survey=surveys[key], n_threads=threads, progress=told)

    def assess(study: "Study") -> "Assessment":
        return work.assessed(lambda told: run(study, told), study.replicates, study=study.path.name)

    found = compared({name: assess(study) for name, study in read.items()}, baseline=baseline)
    with shielded():
        folder = found.save(out, report=report, disclosure=work.disclosure)
    work.end(folder)


@app.command("report")
def report_again(
    folder: Annotated[Path, typer.Argument(metavar="RESULTS", help="A folder that sp2lnob run wrote.")],
    out: Annotated[Path | None, typer.Option(help="The page to write; default: report.html in the folder.")] = None,
) -> None:
    """Make the report of a results folder again."""
    found, render = _published(folder)
    page = out or folder / REPORT
    inside = page.resolve().parent == folder.resolve()
    if inside and page.name != REPORT:
        fail(f"A page in the results folder must be called {REPORT}", f"it is {page.name!r}", "Write it elsewhere.")
    html = render(found)
    with shielded():
        if inside and REPORT not in found.manifest.get("files", ()):
            found.write(folder, html)  # so that the manifest knows the page, and the next run may replace it
        else:
            write_file(page, html)
    print(page)  # noqa: T201


@app.command()
def demo(
    out: Out = Path("results/demo"),
    replicates: Annotated[int, typer.Option(help="Replicates.")] = 1000,
    threads: Threads = None,
    report: Report = True,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run the main job on the example survey that comes with the package."""
    from .assessment import assess
    from .datasets import example_survey
    from .economy import Amount, Economy
    from .opportunity import Opportunity
    from .presets import child_benefit, disability_benefit, old_age_pension
    from .replication import Bootstrap
    from .schemes import Package

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
    design = Bootstrap(replicates, seed=1)
    Work("demo", out, "dhs", report, as_json, quiet).do(
        lambda advance: assess(
            example_survey(),
            opportunities,
            package,
            economy,
            replicates=design,
            n_threads=threads,
            progress=advance,
        ),
        design,
        {"study": {"file": "demo"}},
    )


def _published(folder: Path) -> tuple[Any, Callable[[Any], str]]:
    """Return what a results folder holds, of one survey or of many, and what makes its page."""
    if (read_manifest(folder) or {}).get("overview"):
        from ._overview_page import render as render_overview
        from .overview import read_overview

        return read_overview(folder), render_overview
    from .findings import read_results
    from .report import render

    return read_results(folder), render


def _survey_names(studies: list[Path]) -> dict[str, Path]:
    """Return study files by what their surveys are called: the file's name, with its folder's where that is taken."""
    stems = [path.stem for path in studies]
    named: dict[str, Path] = {}
    for path, stem in zip(studies, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{path.resolve().parent.name} {stem}"
        if name in named:
            fail("Every study must have a name of its own", f"two are called {name!r}", "Rename one of the files.")
        named[name] = path
    return named


def _published_alike(read: dict[str, "Study"], disclosure: str | None) -> str | int:
    """Return the policy of disclosure: the command's, or that of all studies."""
    if disclosure is not None:
        return _policy(disclosure)
    policies = list(dict.fromkeys(study.disclosure for study in read.values()))
    if len(policies) > 1:
        fail(
            "Studies of one overview must withhold alike",
            f"they say {' and '.join(map(repr, policies))}",
            "Pass --disclosure.",
        )
    return policies[0]


def _source(study: "Study") -> dict[str, Any]:
    """Return what the manifest says of a study file."""
    return {"study": {"file": study.path.name, "sha256": study.sha256}}


def _published_as(study: "Study", disclosure: str | None) -> str | int:
    """Return the policy of disclosure: the command's, or the study's."""
    return study.disclosure if disclosure is None else _policy(disclosure)


def _role(text: str) -> tuple[str, str]:
    """Return role and column of an option ROLE=COLUMN."""
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        fail("--role must be ROLE=COLUMN", f"it is {text!r}", "Write, for example, --role disability=dis.")
    return name, column


def _policy(text: str) -> str | int:
    """Return what the option --disclosure says."""
    policy = int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text
    least_cases(policy)
    return policy


class Work:
    """An assessment on its way to a folder, told as tables and a bar, as JSON, or not at all."""

    def __init__(
        self, command: str, out: Path, disclosure: str | int, report: bool, as_json: bool, quiet: bool
    ) -> None:
        self.command, self.out, self.disclosure, self.report = command, out, disclosure, report
        self.json, self.quiet = as_json, quiet

    def do(
        self, assess: Callable[["Advance | None"], "Assessment"], design: "ReplicateDesign", source: dict[str, Any]
    ) -> None:
        """Assess, write the results, then the report beside them, and tell."""
        check_folder(self.out)
        result = self.assessed(assess, design)
        found = result.findings(self.disclosure, study=source)
        if stopped := found.manifest.get("interrupted"):
            self.write_part(found, **stopped)
        with shielded():
            folder = found.write(self.out)
        if self.report:  # the results stand already: an error here does not cost them
            from .report import render

            page = render(found)
            with shielded():
                found.write(self.out, page)
        paths = [str(path) for path in sorted(folder.iterdir())]
        for path in paths:
            self.tell("written", path=path)
        self.tell("done", out=str(folder))
        if not (self.json or self.quiet):
            console = Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else 160)
            for table in summary(found):
                console.print(table)
            for path in paths:
                console.print(Text(path))

    def search(self, find: Callable[["Advance | None"], "Search"], study: "Study") -> None:
        """Search, write the results, and tell."""
        check_folder(self.out)
        found = self.assessed(find, study.replicates)
        with shielded():
            folder = found.save(self.out, disclosure=self.disclosure, study=_source(study))
        self.end(folder, _best(found), packages=found.packages)

    def end(self, folder: Path, lines: Iterable[str] = (), **figures: int) -> None:
        """Tell what was written, after some lines on what was found."""
        paths = [str(path) for path in sorted(folder.iterdir())]
        for path in paths:
            self.tell("written", path=path)
        self.tell("done", out=str(folder), **figures)
        if not (self.json or self.quiet):
            for line in (*lines, *paths):
                print(line)  # noqa: T201

    def many(self, assess: Callable[["Told | None"], "Overview"], surveys: list[str]) -> None:
        """Assess many surveys, write the results, then the report beside them, and tell."""
        check_folder(self.out)
        self.tell("started", command=self.command, version=version("sp2lnob"), surveys=surveys, out=str(self.out))
        with self.progress_of_surveys(len(surveys)) as told:
            found = assess(told).findings(self.disclosure)
        if stopped := found.manifest.get("interrupted"):
            self.write_part_of_many(found, **stopped)
        with shielded():
            folder = found.write(self.out)
        if self.report:
            from ._overview_page import render

            page = render(found)
            with shielded():
                found.write(self.out, page)
        paths = [str(path) for path in sorted(folder.iterdir())]
        for path in paths:
            self.tell("written", path=path)
        self.tell("done", out=str(folder), skipped=len(found.skipped))
        if not (self.json or self.quiet):
            console = Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else 160)
            console.print(_across_surveys(found))
            for path in paths:
                console.print(Text(path))

    def write_part_of_many(self, found: "Overview", finished: int, asked: int) -> NoReturn:
        """Write the surveys that an interrupt left, unless a whole result would go for them, and stop."""
        earlier = read_manifest(self.out)
        whole = earlier is not None and "interrupted" not in earlier
        what = f"{str(self.out)!r} holds a whole result, which stays"
        if not finished:
            what = "nothing is written"
        elif not whole:
            what = f"{str(self.out)!r} holds these"
            with shielded():
                found.write(self.out)
        self.stopped(f"{finished:,} of {asked:,} surveys were finished: {what}", finished=finished, asked=asked)
        raise typer.Exit(INTERRUPTED)

    def progress_of_surveys(self, surveys: int) -> AbstractContextManager["Told | None"]:
        """Return what is told of surveys and their replicates: events, or a bar where there is a terminal."""
        if self.json:
            return nullcontext(self.tell_survey)
        console = Console(stderr=True)
        return nullcontext() if self.quiet or not console.is_terminal else _SurveyBar(console, surveys)

    def tell_survey(self, made: "SurveyProgress") -> None:
        """Print how far a survey is as an event."""
        at = {"survey": made.survey, "number": made.number, "of": made.of}
        if made.replicates is None:
            self.tell("survey", **at, finished=made.finished)
        else:
            self.tell("progress", **at, done=made.replicates.done, total=made.replicates.total,
                      failed=made.replicates.failed)  # fmt: skip

    def write_part(self, found: "Findings", finished: int, asked: int) -> NoReturn:
        """Write what an interrupt left, unless a whole result would go for it, and stop."""
        earlier = read_manifest(self.out)
        whole = earlier is not None and "interrupted" not in earlier
        if not whole:
            with shielded():
                found.write(self.out)
        what = f"{str(self.out)!r} holds a whole result, which stays" if whole else f"{str(self.out)!r} holds these"
        self.stopped(f"{finished:,} of {asked:,} replicates were finished: {what}", finished=finished, asked=asked)
        raise typer.Exit(INTERRUPTED)

    def shard(self, assess: Callable[["Advance | None"], "Assessment"], design: "ReplicateDesign", which: str) -> None:
        """Evaluate a shard, and say where it is kept."""
        if read_manifest(self.out) is not None:
            fail("Shards must have a folder of their own", f"{str(self.out)!r} holds results", "Name another by --out.")
        self.out.mkdir(parents=True, exist_ok=True)
        with suppress(ShardKept):
            self.assessed(assess, design, shard=which)
        self.tell("done", out=str(self.out.resolve()))
        if not (self.json or self.quiet):
            print(f"shard {which} is kept in {self.out}")  # noqa: T201

    def assessed(self, assess: Callable[["Advance | None"], Made], design: "ReplicateDesign", **more: str) -> Made:
        """Return the assessment, or what was found, its progress told."""
        replicates = getattr(design, "n", None)  # of a jackknife, the data say
        self.tell(
            "started",
            command=self.command,
            version=version("sp2lnob"),
            replicates=replicates,
            out=str(self.out),
            **more,
        )
        try:
            with self.progress() as advance:
                return assess(advance)
        except KeyboardInterrupt as stop:
            if stop.args:
                self.stopped(str(stop))
            raise

    def stopped(self, what: str, **figures: int) -> None:
        """Say what became of what was finished before Ctrl-C."""
        self.tell("interrupted", message=what, **figures)
        if not self.json:
            sys.stderr.write(f"sp2lnob: {what}\n")

    def tell(self, event: str, **what: Any) -> None:
        """Print an event, if events are wanted."""
        if self.json:
            print(json.dumps({"event": event, **what}), flush=True)  # noqa: T201

    def progress(self) -> AbstractContextManager["Advance | None"]:
        """Return what is told of replicates as they finish: events, or a bar where there is a terminal."""
        if self.json:
            return nullcontext(
                lambda made: self.tell(
                    "progress",
                    done=made.done,
                    total=made.total,
                    failed=made.failed,
                    seconds_left=None if made.left != made.left else round(made.left, 1),
                )
            )
        console = Console(stderr=True)
        return nullcontext() if self.quiet or not console.is_terminal else _Bar(console)


def _best(found: "Search") -> list[str]:
    """Return what is told of the best package, line by line."""
    from .economy import Amount

    asked, first = found.asked, found.frame().iloc[0]
    lines = [f"{found.packages:,} packages, all tried; the best for {asked['objective']}:"]
    for scheme in found.package.schemes:
        varied = [name for name in asked["candidates"][scheme.name] if name not in ("levels", "required")]
        more = "".join(f", {name} {getattr(scheme, name)}" for name in varied)
        amount = scheme.amount
        of = f"{amount.value:g} {amount.unit}" if isinstance(amount, Amount) else f"by {amount.by or 'welfare'}"
        lines.append(f"  {scheme.name}: {of}{more}")
    share = f", {first['cost_gdp']:.3%} of GDP" if "cost_gdp" in first else ""
    lines.append(f"cost             {first['total_cost']:,.0f} a year{share}")
    frame = found.estimates.frame()
    wanted = (frame["statistic"] == asked["objective"]) & (frame["by"] == "all") & (frame["scenario"] == "change")
    for row in frame[wanted].itertuples():
        how = "cross-validated" if str(row.param).endswith("package") else "as found, biased"
        interval = "" if row.ci_low != row.ci_low else f" ({row.ci_low:.4g} to {row.ci_high:.4g})"
        lines.append(f"change           {row.value:.4g}{interval}, {how}")
    lines.append(f"stays best       in {found.stays_best:.1%} of replicates")
    return lines


def facts(survey: "Survey") -> dict[str, Any]:
    """Return what ``check`` says of a survey."""
    design, weights = survey.design, survey.weight
    return {
        "files": [dict(source) for source in survey.sources],
        "households": survey.n_households,
        "persons": survey.n_persons if survey.persons is not None else None,
        "people": float(survey.people.sum()),
        "weight": {
            "column": survey.names["weight"],
            "min": float(weights.min()),
            "max": float(weights.max()),
            "sum": float(weights.sum()),
            "zero": int((weights == 0).sum()),
        },
        "strata": {"columns": survey.strata_columns, "number": design.strata, "of_one_psu": design.single_psu_strata},
        "psus": {
            "columns": survey.psu_columns,
            "number": design.psus,
            "least": int(design.psus_by_stratum.min()),
            "most": int(design.psus_by_stratum.max()),
        },
        "df": design.df,
        "welfare": None
        if survey.welfare is None
        else {
            "column": survey.names["welfare"],
            "period": survey.welfare_period,
            "missing": int((~survey.welfare_known).sum()),
        },
        "roles": {
            role: {"column": column, "missing": int(survey.role(role).missing.sum())}
            for role, column in survey.roles.items()
            if column is not None and survey.persons is not None
        },
        "svyset": survey.svyset().splitlines(),
        "svydesign": survey.svydesign().splitlines(),
    }


def asked_of(study: "Study", survey: "Survey") -> dict[str, Any]:
    """Return whom each opportunity and scheme of a study counts, and every problem on the way to its figures.

    A figure of fewer cases than the study publishes is None.
    """
    from .transfers import simulate

    counted: dict[str, Any] = {}
    paid: dict[str, Any] = {}
    problems: list[str] = []
    least = FEWEST

    def policy() -> None:
        nonlocal least
        least = least_cases(study.disclosure)

    def opportunities() -> None:
        for opportunity in study.opportunities:
            with found():
                cells = opportunity.prepare(survey)
                n = int((cells.weight > 0).sum())
                access = float(cells.weight @ cells.outcome / cells.weight.sum()) if n >= least else None
                rows = {
                    "unit": opportunity.unit,
                    "rows": len(cells.index),
                    "access": access,
                    "least": least,
                    "missing": cells.dropped,
                }
                counted[opportunity.name] = rows

    def package() -> None:
        schemes, economy = study.package, study.economy
        if schemes is not None:
            paid.update(paid_by(simulate(survey.uprated(economy), schemes, economy), least))

    @contextmanager
    def found() -> Iterator[None]:
        try:
            yield
        except SP2LNOBError as error:
            problems.append(str(error))

    of_file = (lambda: study.population, lambda: study.tree, lambda: study.replicates)
    for part in (policy, opportunities, package, *of_file):
        with found():
            part()
    return {"opportunities": counted, "schemes": paid, "problems": problems}


def paid_by(transfers: "Transfers", least: int) -> dict[str, Any]:
    """Return whom each scheme is meant for, who of them is eligible and who is paid, and the cost: of the full sample.

    ``n`` are persons of the sample with a weight; what fewer of them than ``least`` stand for is None.
    """
    import numpy as np

    from ._eligible import eligible
    from .incidence import intended

    survey, schemes = transfers.survey, transfers.package.schemes
    weight, bits = survey.person_weight, eligible(survey, schemes)
    names = ("recipients", "total_cost", "cost_gdp")
    figures = transfers.cost[list(names)].to_numpy(dtype=np.float64)

    def people(of: Any) -> dict[str, Any]:
        n = int(((weight > 0) & of).sum())
        return {"n": n, "people": None if 0 < n < least else float(weight[of].sum())}

    def row(s: int, unit: str, **who: Any) -> dict[str, Any]:
        n = int(((weight > 0) & (transfers.paid[:, s] > 0)).sum())
        few = 0 < n < least
        told = {name: None if few or of != of else float(of) for name, of in zip(names, figures[s], strict=True)}
        return {**who, "unit": unit, "n": n, **told, "least": least, "finds_nobody": n == 0}

    made = {}
    for s, scheme in enumerate(schemes):
        meant = intended(survey, scheme)
        everybody = np.ones(survey.n_persons, dtype=bool)
        may = bits >> np.uint64(s) & np.uint64(1) == 1
        who = {"intended": people(everybody if meant is None else meant), "eligible": people(may)}
        made[scheme.name] = row(s, scheme.per, **who)
    return made | {"package": row(-1, "person")}


def describe(found: dict[str, Any]) -> list[str]:
    """Return what ``check`` prints, line by line."""
    weight, strata, psus, welfare = found["weight"], found["strata"], found["psus"], found["welfare"]
    persons, single = found["persons"], strata["of_one_psu"]
    lines = [
        *(f"file             {of['file']}: {of['rows']:,} rows, {of['columns']:,} columns" for of in found["files"]),
        f"households       {found['households']:,}",
        f"persons          {'no file' if persons is None else f'{persons:,}'}",
        f"people           {found['people']:,.0f} (weights times members)",
        f"weight           {weight['column']}: {weight['min']:.6g} to {weight['max']:.6g}, sum {weight['sum']:,.6g}, "
        f"{weight['zero']:,} zero",
        f"strata           {strata['number']:,} ({' x '.join(strata['columns']) or 'none named'})",
        f"PSUs             {psus['number']:,} ({' x '.join(psus['columns']) or 'households'}), "
        f"{psus['least']} to {psus['most']} a stratum",
        f"single-PSU       {len(single)}" + (f": {'; '.join(single[:5])}" if single else ""),
        f"degrees of freedom {found['df']:,}",
    ]
    if welfare:
        lines.append(
            f"missing          welfare {welfare['column']}: {welfare['missing']:,} households "
            f"(read per person and {welfare['period']})"
        )
    lines += [
        f"missing          {role} {of['column']}: {of['missing']:,} persons"
        + (" (who were not asked count as having none)" if role == "birth" and of["missing"] else "")
        for role, of in found["roles"].items()
    ]
    for name, of in found.get("opportunities", {}).items():
        lost = "".join(f"; {count:,} dropped, missing {what}" for what, count in of["missing"].items())
        rate = f"withheld (n<{of['least']})" if of["access"] is None else f"{of['access']:.1%}"
        lines.append(f"opportunity      {name}: {of['rows']:,} {of['unit']}s, {rate}{lost}")
    lines += [_paid_line(name, of) for name, of in found.get("schemes", {}).items()]
    if found.get("schemes"):
        lines.append("                 (of the full sample, n unweighted; without standard errors)")
    lines += [f"problem          {problem}" for problem in found.get("problems", ())]
    stata, r = ([f"  {line}" for line in found[key]] for key in ("svyset", "svydesign"))
    return [*lines, "", "Stata", *stata, "R", *r]


def _paid_line(name: str, of: dict[str, Any]) -> str:
    """Return whom a scheme, or the package, counts: in the population, and in the sample."""

    def figure(value: float | None) -> str:
        return f"withheld (n<{of['least']})" if value is None else f"{value:,.0f}"

    said = [
        f"{word} {figure(of[word]['people'])} (n {of[word]['n']:,})" for word in ("intended", "eligible") if word in of
    ]
    paid = "recipients" if of["unit"] == "person" else "households paid"
    said.append(f"{paid} {figure(of['recipients'])} (n {of['n']:,})")
    share = "" if of["cost_gdp"] is None else f", {of['cost_gdp']:.2%} of GDP"
    said.append(f"cost {figure(of['total_cost'])} a year{share}")
    head = "package          " if name == "package" else f"scheme           {name}: "  # no scheme may be called that
    return f"{head}{', '.join(said)}{'; FINDS NOBODY' * of['finds_nobody']}"


def summary(found: "Findings") -> list[Table]:
    """Return the headline figures, as they are published, in tables: groups, welfare and poverty, cost."""
    tables = []
    level = f"{100 * found.manifest['asked']['level']:g} % interval"
    for name, frame in found.groups.groupby("opportunity", sort=False):
        table = _table(
            f"{name}, from the group furthest behind to the furthest ahead",
            ("group", "share", "n", "before", level, "after", level, "change", level, "flag"),
        )
        for _, row in frame.iterrows():
            cells = []
            for which in ("before", "after", "change"):
                value, low, high = (float(row[which + end]) for end in ("", "_low", "_high"))
                form = _points if which == "change" else _share
                cells += [form(value), _ends(value, low, high, form)]
            table.add_row(Text(str(row["label"])), f"{row['share']:.1%}", f"{row['n']:,}", *cells, str(row["flag"]))
        picked = "The groups at either end were picked for their rates: these are biased outward."
        split = "Groups were looked for in one half of the sampling units, and counted in the other."
        table.caption = Text(split if found.manifest["asked"]["honest"] == "split" else picked)
        table.caption_justify = "left"
        tables.append(table)
    frame = found.estimates
    shown = {
        "access": _share,
        "headcount": _share,
        "poverty_gap": _share,
        "d_index": _ratio,
        "hoi": _share,
        "shapley": _ratio,
        "gap": _points,
        "mean_welfare": _money,
        "gini": _ratio,
        "palma": _ratio,
        "recipients": _money,
        "total_cost": _money,
        "cost_gdp": _share,
        "cost_revenue": _share,
        "cost_expenditure": _share,
        "cost_taxes": _share,
    }
    currency = (found.manifest["asked"]["economy"] or {}).get("currency") or "local currency"
    units = {
        "mean_welfare": f"{currency} per person and {found.manifest['survey']['welfare_period']}",
        "total_cost": f"{currency} a year",
    }
    table = _table("All people", ("figure", "of", "when", "value", level, "n", "flag"))
    for _, row in frame[(frame["by"] == "all") & frame["statistic"].isin(list(shown))].iterrows():
        statistic = str(row["statistic"])
        form = shown[statistic]
        if form is _share and row["scenario"] == "change":
            form = _points
        named = " ".join(part for part in (statistic, str(row["param"])) if part)
        table.add_row(
            Text(f"{named}, {units[statistic]}" if statistic in units else named),
            Text(str(row["of"])),
            str(row["scenario"]),
            form(float(row["value"])),
            _ends(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]), form),
            f"{row['n']:,}",
            str(row["flag"]),
        )
    return [*tables, table]


@contextmanager
def shielded() -> Iterator[None]:
    """Put Ctrl-C off while files are put in their place."""
    heard: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if heard:
        signal.raise_signal(signal.SIGINT)


class _Bar(AbstractContextManager["Advance"]):
    """A progress bar that lives as long as its context."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("replicates"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
        self.bar = Bar(*columns, console=console, transient=True)
        self.task = self.bar.add_task("replicates", total=None, more="")

    def __enter__(self) -> "Advance":
        self.bar.start()
        return self.show

    def show(self, made: "Progress") -> None:
        """Show how far it is, how long it will take, and how many replicates failed."""
        left = "" if made.left != made.left else f"{timedelta(seconds=round(made.left))} left"
        failed = f"{made.failed:,} failed" if made.failed else ""
        more = ", ".join(part for part in (left, failed) if part)
        self.bar.update(self.task, completed=made.done, total=made.total, more=more)

    def __exit__(self, *error: object) -> None:
        self.bar.stop()


class _SurveyBar(AbstractContextManager["Told"]):
    """A progress bar over surveys, which says how far the replicates of the present one are."""

    def __init__(self, console: Console, surveys: int) -> None:
        columns = (TextColumn("surveys"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
        self.bar = Bar(*columns, console=console, transient=True)
        self.task = self.bar.add_task("surveys", total=surveys, more="")

    def __enter__(self) -> "Told":
        self.bar.start()
        return self.show

    def show(self, made: "SurveyProgress") -> None:
        """Show which survey it is, and how far its replicates are."""
        at = "" if made.replicates is None else f", {made.replicates.done:,} of {made.replicates.total:,} replicates"
        done = made.number - (0 if made.finished else 1)
        self.bar.update(self.task, completed=done, more=escape(f"{made.survey}{at}"))

    def __exit__(self, *error: object) -> None:
        self.bar.stop()


def main() -> int:
    """Run the command line, and return its exit code: whatever goes wrong is one line."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # a console that lacks a letter shows another, and nothing stops
            stream.reconfigure(errors="replace")
        elif stream is None:  # closed by who called us
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    code = _answered()
    try:
        sys.stdout.flush()
    except OSError as error:  # the reader has gone, as in `| head`, or the disk is full
        code = code or _told(error)
        _forget_stdout()
    return code


def _answered() -> int:
    """Run the command, and return its exit code."""
    try:
        code: int = app(standalone_mode=False, prog_name="sp2lnob") or 0
        return _told(KeyboardInterrupt()) if code == INTERRUPTED else code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(TRACEBACK):
            raise
        return _told(error)


def _told(error: BaseException) -> int:
    """Tell of an error on stderr, with --json on stdout too, and return its exit code."""
    usage: Any = error if isinstance(error, UsageError) else None
    match error:
        case BrokenPipeError():
            _forget_stdout()
            return 1
        case _ if usage:
            message, code = usage.format_message(), 2
        case SP2LNOBError():
            message, code = str(error), 2
        case KeyboardInterrupt() | typer.Abort():
            message, code = "interrupted", INTERRUPTED
        case MemoryError():
            message, code = "not enough memory for this many rows, replicates and figures", 1
        case OSError():
            message, code = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1
        case _:
            message, code = f"{type(error).__name__}: {error} (unforeseen: {TRACEBACK}=1 shows where it came from)", 1
    message = message.replace("\n", " ")
    with suppress(OSError):
        if usage:
            usage.show()  # with the command's usage above
        else:
            sys.stderr.write(f"sp2lnob: {message}\n")
        if "--json" in sys.argv[1:]:
            print(json.dumps({"event": "error", "message": message, "code": code}), flush=True)  # noqa: T201
    return code


def _forget_stdout() -> None:
    """Write no more: whoever read it has gone, and Python would try again at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in WORDS else "right", overflow="fold")
    return table


def _across_surveys(found: "Overview") -> Table:
    """Return the headline figures of many surveys, as they are published."""
    from ._places import ALL, Across

    across = Across(found)
    table = _table(repr(found), ("survey", "opportunity", "average", "furthest behind", "furthest ahead", "D", "n"))
    for survey in across.surveys:
        for name in across.opportunities:
            figures = across.figures((survey, ALL, ALL), name)
            if figures is not None:
                shares = (figures.average, figures.behind, figures.ahead)
                cells = [_share(point.value) or "withheld" for point in shares]
                cells += [_ratio(figures.d_index.value) or "withheld", f"{figures.average.n:,}"]
                table.add_row(Text(survey), Text(f"{name} (barrier)" if figures.barrier else name), *cells)
    return table


def _versions() -> list[str]:
    """Return lines that say what is installed here, and which kernels Python found."""
    import pkgutil
    import platform
    import sysconfig

    from . import _kernels
    from ._kernels import _random

    found = [kernel for kernel in pkgutil.iter_modules(_kernels.__path__) if kernel.name != "_shared"]
    wide = sum(str(getattr(kernel.module_finder, "path", "")).endswith("_avx2") for kernel in found)
    suffix = Path(_random.__file__).name.removeprefix("_random")  # of one version of CPython alone, if it names it
    kernels = (
        "limited API" if suffix != sysconfig.get_config_var("EXT_SUFFIX") else "for this CPython alone",
        f"AVX2 in {wide} of {len(found)}" if wide else "portable",
        "every index checked" if _indices_checked() else "indices not checked",
    )
    free = ", free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    libraries = {"NumPy": "numpy", "SciPy": "scipy", "pandas": "pandas", "scikit-learn": "scikit-learn"}
    return [
        f"sp2lnob {version('sp2lnob')}",
        f"{platform.python_implementation()} {platform.python_version()}{free}, {sysconfig.get_platform()}",
        ", ".join(f"{name} {version(key)}" for name, key in libraries.items()),
        f"kernels: {', '.join(kernels)}",
    ]


def _indices_checked() -> bool:
    """Return whether kernels check every index: one is let write a place beyond its view, where there is memory."""
    import numpy as np

    from ._kernels import _random

    room = np.zeros(2)
    try:
        _random.uniforms(1, np.arange(2, dtype=np.uint64), 0, 0, room[:1])
    except IndexError:
        return True
    return False


def _share(value: float) -> str:
    return "" if value != value else f"{value:.1%}"


def _points(value: float) -> str:
    """Return a difference of shares: in points, for per cent of what would be a riddle."""
    return "" if value != value else f"{100 * value:.1f} pts"


def _money(value: float) -> str:
    return "" if value != value else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _ratio(value: float) -> str:
    return "" if value != value else f"{value:.3f}"


def _ends(value: float, low: float, high: float, form: Callable[[float], str]) -> str:
    if value != value or low != low:
        return "" if value != value else "none"
    unit = " pts" * (form is _points)
    return f"{form(low).removesuffix(unit)} to {form(high)}"


if __name__ == "__main__":
    raise SystemExit(main())
