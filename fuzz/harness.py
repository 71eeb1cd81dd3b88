"""What every target shares: one input after another, from a fixed seed, through libFuzzer.

A target is a file of this folder: `make fuzz`, or ``python fuzz/expressions.py --runs 100000``. It hands `fuzz` a
function of bytes, and the inputs to begin with, which it makes with the library itself. An input is fine if it is done
or refused with an error of the library's own. All else ends the process: another error, a warning, a crash in C, a
second of more than ten, memory of more than 2 GB. What did it is kept in build/fuzz/found, and
``python fuzz/expressions.py FILE`` does it again.

The same number of runs does the same, except that what a target's libraries written in C do is not followed.
"""

import argparse
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import atheris

SEED = 1
SECONDS = 10  # that one input may take
MEGABYTES = 2048  # that the process may have
LONGEST = 4096  # bytes of an input
FOLDER = Path("build/fuzz")


def watched() -> AbstractContextManager[None]:
    """Follow the lines of what is imported within: a new path through them makes an input worth changing further."""
    return atheris.instrument_imports(include=["sp2lnob", "tomllib"])


def fuzz(
    one: Callable[[bytes], None],
    seeds: Iterable[bytes],
    words: Iterable[str] = (),
    compose: Callable[[atheris.FuzzedDataProvider], bytes] | None = None,
) -> None:
    """Run a target as the command line says.

    Parameters
    ----------
    one : callable
        Does all with one input; returns, or raises what it found.
    seeds : iterable of bytes
        Inputs to begin with.
    words : iterable of str
        What is put into inputs.
    compose : callable, default None
        Makes an input of random choices; every second new input is one of these.
    """
    with watched():
        from sp2lnob._validate import SP2LNOBError, SP2LNOBWarning
    name = Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(description=f"Fuzz {name}.")
    parser.add_argument("--runs", type=int, default=10_000, help="how many inputs are tried")
    parser.add_argument("inputs", nargs="*", help="files of inputs that are done once, instead")
    asked = parser.parse_args()

    def test(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # by a library: what it warns of was not thought of
            warnings.simplefilter("ignore", SP2LNOBWarning)
            with suppress(SP2LNOBError):
                one(data)

    corpus, found = FOLDER / "corpus" / name, FOLDER / "found"
    shutil.rmtree(corpus, ignore_errors=True)
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (corpus / f"{i:03d}").write_bytes(seed)
        if i == 0:
            one(seed)  # which must not be refused, or the target would look no further than the door
    listed = FOLDER / f"{name}.words"
    listed.write_text("".join(f'"{_escaped(word)}"\n' for word in words), encoding="ascii")
    options = {
        "runs": asked.runs,
        "seed": SEED,
        "timeout": SECONDS,
        "rss_limit_mb": MEGABYTES,
        "max_len": LONGEST,
        "len_control": 0,
        "artifact_prefix": f"{found}/{name}-",
        "dict": listed,
        "print_final_stats": 1,
        "verbosity": 1 if asked.inputs else 0,
    }
    if asked.inputs:
        options.pop("runs")

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        assert compose is not None
        if seed % 2:
            return atheris.Mutate(data, most)
        choices = seed.to_bytes(8, "little") * 64
        return compose(atheris.FuzzedDataProvider(_stream(seed, len(choices))))[:most]

    arguments = [f"-{key}={value}" for key, value in options.items()]
    setup = {"custom_mutator": mutate} if compose else {}
    atheris.Setup([sys.argv[0], *arguments, *(asked.inputs or [str(corpus)])], test, **setup)
    atheris.Fuzz()


def _stream(seed: int, count: int) -> bytes:
    """Return bytes that depend on a seed alone."""
    import random

    return random.Random(seed).randbytes(count)


def _escaped(word: str) -> str:
    """Return a word as a dictionary of libFuzzer has it."""
    plain = (32 <= byte < 127 and byte not in b'\\"' for byte in word.encode())
    return "".join(chr(byte) if is_one else f"\\x{byte:02x}" for byte, is_one in zip(word.encode(), plain, strict=True))
