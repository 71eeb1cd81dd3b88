"""Finished replicates in a folder: what a run leaves for the next one, and shards of one study for whoever merges them.

A file holds a range of replicates: a line that says what it is, the length of a header, the header in JSON (the range,
and the manifest of the run that made it), the values as little-endian doubles, row by row, and the SHA-256 of all that.
A file that was cut short or changed is found out by the last. It is written under another name first, then put in its
place at once. Replicates wait in memory until they are worth a file: a crash costs ten seconds of work, or a twentieth
of the time that the run has taken if that is longer, so that the longest run leaves a few hundred files.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import monotonic
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, cast

import numpy as np

from ._parallel import LANES
from ._typing import FloatArray
from ._validate import fail, fail_type, shown

MAGIC = b"sp2lnob replicates 1\n"
DIGEST = 32  # bytes of a SHA-256
SECONDS = 10.0  # between two writes, at least
SHARE = 0.05  # of the time since the run began, at least
KEPT = re.compile(r"replicates-([0-9]{8,})-([0-9]{8,})\.values")
LEFT = re.compile(r"\.replicates-([0-9]{8,})-([0-9]{8,})-.*\.part")  # by a run that was killed while it wrote
NAMED = 5  # ranges that an error names


class ShardKept(BaseException):
    """A shard is finished and kept: there is nothing else to return."""


@dataclass(frozen=True)
class Keeping:
    """Where the replicates of a run are kept, and which of them it is for.

    Attributes
    ----------
    folders : tuple of Path
        What is new goes to the first.
    shard : tuple of int, default None
        Which of how many; None: all replicates.
    complete : bool, default False
        Whether all must be there already, as for a merge.
    """

    folders: tuple[Path, ...]
    shard: tuple[int, int] | None = None
    complete: bool = False

    def bind(self, manifest: Mapping[str, Any], replicates: int) -> "Shards":
        """Return what loads and keeps them, once the study is known."""
        return Shards(self.folders, manifest, self.wanted(replicates), self.complete)

    def wanted(self, replicates: int) -> range:
        """Return the numbers of the replicates that the run is for."""
        return shard_range(*(self.shard or (1, 1)), replicates)

    def remove(self) -> None:
        """Delete what is kept, and folders that hold nothing else."""
        for folder in self.folders:
            for path in folder.glob("*replicates-*"):
                if KEPT.fullmatch(path.name) or LEFT.fullmatch(path.name):
                    path.unlink()
            with suppress(OSError):
                folder.rmdir()


class Shards:
    """Replicates of one study in one folder or several; what is new goes to the first.

    Parameters
    ----------
    folders : sequence of Path
    manifest : mapping
        What makes replicates comparable, what others follow from first: version, data, design, study. JSON holds it.
    wanted : range
        Numbers of the replicates that this run is for: files of others are left alone.
    complete : bool, default False
        Whether all of them must be there, as for a merge.
    """

    def __init__(
        self, folders: Sequence[Path], manifest: Mapping[str, Any], wanted: range, complete: bool = False
    ) -> None:
        self.folders, self.wanted, self.complete = folders, wanted, complete
        self.manifest = json.loads(json.dumps(manifest))
        self._taken: dict[int, FloatArray] = {}
        self._begun = self._written = monotonic()

    def load(self) -> Iterator[tuple[int, FloatArray]]:
        """Yield what the folders hold, in order of its numbers, after checking all that names can tell."""
        start = self.wanted.start
        ranges = sorted(
            (first, last, path) for path in self._paths() for first, last in _ranges(KEPT, path, self.wanted)
        )
        after, lacking, before = start, [], Path()
        for first, last, path in ranges:
            if max(first, start) < after:
                fail(
                    "Every replicate must be kept once",
                    f"{_named(first, last)} of {str(path)!r} overlap with {str(before)!r}",
                    "Delete one of the two, or keep shards of different runs in different folders.",
                )
            if first > after:
                lacking.append(_named(after, first - 1))
            after, before = last + 1, path
        if after < self.wanted.stop:
            lacking.append(_named(after, self.wanted.stop - 1))
        if self.complete and lacking:
            more = f" and {len(lacking) - NAMED:,} ranges more" if len(lacking) > NAMED else ""
            fail(
                "A merge must have every replicate",
                f"there are none of {', '.join(lacking[:NAMED])}{more}",
                "Run their shards, then merge again: the others are kept.",
            )
        for first, last, path in ranges:
            yield max(first, start), self._read(path, first, last)[:, max(start - first, 0) : self.wanted.stop - first]

    def keep(self, first: int, values: FloatArray) -> None:
        """Take the values of replicates from number ``first`` on, and write what was taken if it is time."""
        self._taken[first] = values
        now = monotonic()
        if now - self._written >= max(SECONDS, SHARE * (now - self._begun)):
            self.flush()

    def flush(self) -> None:
        """Write what was taken, one file for every run of consecutive numbers."""
        while self._taken:
            run = [min(self._taken)]
            while (after := run[-1] + self._taken[run[-1]].shape[1]) in self._taken:
                run.append(after)
            parts = {first: self._taken.pop(first) for first in run}
            path = self.folders[0] / f"replicates-{run[0]:08d}-{after - 1:08d}.values"
            try:
                self._write(path, run[0], np.concatenate(list(parts.values()), axis=1))
            except BaseException:
                if not path.exists():  # the next write takes it along
                    self._taken.update(parts)
                raise
        self._written = monotonic()

    def _paths(self) -> list[Path]:
        """Return every file of the folders; what a killed run of this range left half written is deleted."""
        paths = [path for folder in self.folders if folder.is_dir() for path in sorted(folder.iterdir())]
        for path in paths:
            if not self.complete and _ranges(LEFT, path, self.wanted):
                path.unlink(missing_ok=True)
        return paths

    def _write(self, path: Path, first: int, values: FloatArray) -> None:
        header = json.dumps(
            {"first": first, "count": values.shape[1], "manifest": self.manifest}, ensure_ascii=False, allow_nan=False
        ).encode()
        content = b"".join((MAGIC, len(header).to_bytes(8, "little"), header, values.astype("<f8").tobytes()))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.write(sha256(content).digest())
                file.flush()
                os.fsync(file.fileno())
            Path(made).chmod(0o644)
            Path(made).replace(path)
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise

    def _read(self, path: Path, first: int, last: int) -> FloatArray:
        """Return the values of a file, of shape (rows, k), after checking that it is whole and of this study."""
        content = path.read_bytes()
        body, digest = content[:-DIGEST], content[-DIGEST:]
        start = len(MAGIC) + 8
        end = start + int.from_bytes(body[len(MAGIC) : start], "little")
        whole = body.startswith(MAGIC) and sha256(body).digest() == digest
        header = _header(body[start:end]) if whole and end <= len(body) else None
        if header is None or (len(body) - end) % (8 * header[1]):
            fail(
                "A file of kept replicates must be as it was written",
                f"{str(path)!r} is cut short or damaged",
                "Delete this file alone: the others are kept, and its replicates are computed again.",
            )
        begins, count, there = header
        if (begins, count) != (first, last - first + 1):
            fail(
                "A file of kept replicates must keep its name",
                f"{str(path)!r} holds {_named(begins, begins + count - 1)}",
                "Give it the name that it had.",
            )
        here = _flat(self.manifest)
        for key in here | there:  # what follows from a difference is no news
            if there.get(key) != here.get(key):
                fail(
                    f"Kept replicates must be of the same {', '.join(self.manifest)}",
                    f"of {str(path)!r} {key} is {shown(there.get(key))}, and here {shown(here.get(key))}",
                    "Name another folder, or delete this one if its replicates are wanted no more.",
                )
        return np.frombuffer(body[end:], "<f8").astype(np.float64).reshape(-1, count)


def _header(text: bytes) -> tuple[int, int, dict[str, Any]] | None:
    """Return the first number, how many and the manifest; None if nobody here wrote that: a hash is no signature."""
    with suppress(ValueError, RecursionError):
        match json.loads(text):
            case {"first": int(first), "count": int(count), "manifest": dict(manifest)} if count > 0:
                return first, count, _flat(manifest)
    return None


def fingerprint(value: object) -> str:
    """Return a hash of a value and all that it holds: arrays by their bytes, functions by their code.

    It does not depend on what is held twice, nor on what was worked out from the fields and kept beside them.

    Examples
    --------
    >>> fingerprint([1, 2.5, "a"]) == fingerprint([1, 2.5, "a"])
    True
    >>> fingerprint(np.zeros(2)) == fingerprint(np.zeros((2, 1)))
    False
    """
    return _digest(value, {}).hex()


def _digest(value: Any, known: dict[int, bytes]) -> bytes:
    """Return the hash of a value; ``known`` are those of what the value holds, and keeps as long as this takes."""
    if id(value) in known:
        return known[id(value)]
    parts: Iterable[Any]
    name = type(value).__qualname__
    if isinstance(value, (type(None), str, bytes, int, float, complex, type(...), np.generic, slice)):
        return sha256(f"{name} {value!r}".encode()).digest()
    if isinstance(value, np.ndarray) and value.dtype != object:
        made = sha256(f"{value.dtype.str}{value.shape}".encode() + value.tobytes())
        return known.setdefault(id(value), made.digest())
    known[id(value)] = b""  # a function may refer to itself
    match value:
        case list() | tuple() | np.ndarray():
            parts = value
        case Mapping():
            parts = value.items()
        case set() | frozenset():
            parts = sorted(_digest(part, known) for part in value)
        case partial():
            parts = (value.func, value.args, value.keywords)
        case CodeType():
            parts = (value.co_code, value.co_consts, value.co_names)
        case FunctionType():
            held = [cell.cell_contents for cell in value.__closure__ or ()]
            parts = (value.__code__, value.__defaults__, value.__kwdefaults__, held)
        case MethodType():
            parts = (value.__self__, value.__func__)
        case type() | BuiltinFunctionType():
            parts = (value.__module__, value.__qualname__)
        case _ if is_dataclass(value) and _says_its_state(type(value)):
            parts = cast("Any", value).__getstate__().items()
        case _ if is_dataclass(value):
            parts = [getattr(value, field.name) for field in fields(value)]
        case _:
            fail_type(
                "What finished replicates are known again by must be numbers, text, arrays and functions of these",
                value,
                "Give your own function such data, or leave out what keeps replicates.",
            )
    made = sha256(b"".join([name.encode(), *(_digest(part, known) for part in parts)]))
    if isinstance(value, (FunctionType, partial)) or is_dataclass(value):
        known[id(value)] = made.digest()
    else:
        del known[id(value)]  # it may be gone before this ends, and its place taken
    return made.digest()


def _says_its_state(kind: type) -> bool:
    """Return whether it is a class of ours some of whose fields only lead to what it holds: workers get that, too.

    Another's state may be anything, and may be gone once its hash is made.
    """
    return kind.__module__.startswith(f"{__package__}.") and "__getstate__" in vars(kind)


def parse_shard(text: str) -> tuple[int, int]:
    """Return which shard of how many a text says.

    Examples
    --------
    >>> parse_shard("3/16")
    (3, 16)
    >>> parse_shard("17/16")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A shard must be written K/N with K from 1 to N, but it is '17/16'. Write 3/16, for example.
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    which, of = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= which <= of:
        fail("A shard must be written K/N with K from 1 to N", f"it is {shown(text)}", "Write 3/16, for example.")
    return which, of


def shard_range(which: int, of: int, replicates: int) -> range:
    """Return the numbers of a shard's replicates: whole groups of lanes, about as many in every shard.

    Examples
    --------
    >>> [shard_range(k, 3, 100) for k in (1, 2, 3)]
    [range(1, 33), range(33, 65), range(65, 101)]
    >>> shard_range(1, 20, 100)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: 100 replicates must be split into at most 13 shards, but 20 came. Take fewer shards.
    """
    groups = -(-replicates // LANES)
    if of > groups:
        fail(
            f"{replicates:,} replicates must be split into at most {groups:,} shards",
            f"{of:,} came",
            "Take fewer shards.",
        )
    start, stop = groups * (which - 1) // of, groups * which // of
    return range(start * LANES + 1, min(stop * LANES, replicates) + 1)


def _flat(manifest: Mapping[str, Any], of: str = "") -> dict[str, Any]:
    """Return what a manifest says, things within things by their full names."""
    flat: dict[str, Any] = {}
    for key, value in manifest.items():
        flat |= _flat(value, f"{of}{key}.") if isinstance(value, dict) else {f"{of}{key}": value}
    return flat


def _ranges(pattern: re.Pattern[str], path: Path, wanted: range) -> list[tuple[int, int]]:
    """Return the range in a file's name, if it is such a name and the range meets what is wanted."""
    found = pattern.fullmatch(path.name)
    first, last = (int(part) for part in found.groups()) if found else (0, 0)
    return [(first, last)] if found and first < wanted.stop and last >= wanted.start else []


def _named(first: int, last: int) -> str:
    """Return what an error calls a range of replicates."""
    return f"replicates {first:,} to {last:,}" if last > first else f"replicate {first:,}"
