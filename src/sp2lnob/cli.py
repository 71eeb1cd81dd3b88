"""The command line: draft a study, check a survey, run a study, a shard of it or many, merge shards, search, report.

Exit code 2 for usage and input, 130 where Ctrl-C stopped it.
"""

import io
import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

try:
    import typer

    from ._cli_shown import asked_of, describe, facts, versions
    from ._cli_work import INTERRUPTED, Work, shielded, source_of
    from ._results import check_folder, read_manifest, write_file
    from ._shards import Keeping, parse_shard
    from ._validate import SP2LNOBError, fail, fail_if_unknown
    from .disclosure import least_cases
except KeyboardInterrupt:
    raise SystemExit(130) from None
except ImportError as error:
    if str(error.name).partition(".")[0] not in ("typer", "rich"):
        raise
    raise SystemExit("sp2lnob: the command line needs typer and rich: pip install 'sp2lnob[cli]'") from None

if TYPE_CHECKING:
    from ._parallel import Progress
    from .assessment import Assessment
    from .study import Study
    from .survey import Survey

    Advance = Callable[[Progress], object]

REPORT = "report.html"
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
        print(*versions(), sep="\n")  # noqa: T201
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
        lambda advance: read.run(n_threads=threads, progress=advance, resume=keeping), read.replicates, source_of(read)
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
        lambda advance: read.run(n_threads=threads, progress=advance, resume=keeping), read.replicates, source_of(read)
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


if __name__ == "__main__":
    raise SystemExit(main())
