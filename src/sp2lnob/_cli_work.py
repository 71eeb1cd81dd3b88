"""How a command goes: what is told on the way, what is written, and what becomes of it after Ctrl-C."""

import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn
from rich.text import Text

from ._cli_shown import across_surveys, best_told, summary
from ._results import check_folder, read_manifest
from ._shards import ShardKept
from ._validate import fail

if TYPE_CHECKING:
    from ._parallel import Progress
    from .assessment import Assessment
    from .best_package import Search
    from .findings import Findings
    from .many import SurveyProgress, Told
    from .overview import Overview
    from .replication import ReplicateDesign
    from .study import Study

    Advance = Callable[[Progress], object]


Made = TypeVar("Made")
INTERRUPTED = 130  # as shells say it


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
            folder = found.save(self.out, disclosure=self.disclosure, study=source_of(study))
        self.end(folder, best_told(found, self.disclosure), packages=found.packages)

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
            console.print(across_surveys(found))
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


def source_of(study: "Study") -> dict[str, Any]:
    """Return what the manifest says of a study file."""
    return {"study": {"file": study.path.name, "sha256": study.sha256}}


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
