"""The results folder: written whole or not at all, and only over an earlier result that holds nothing else."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ._validate import fail

MANIFEST = "manifest.json"
MAKER = "sp2lnob"


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the folder's path, after checking that it is not there, or is empty, or holds an earlier result alone."""
    path = Path(folder).resolve()
    if not path.exists():
        return path
    if not path.is_dir():
        fail("The output must be a folder", f"{str(folder)!r} is a file", "Choose another name.")
    others = sorted({entry.name for entry in path.iterdir()} - _ours(path))
    if others:
        fail(
            "The output folder must be new, or hold an earlier result alone",
            f"{str(folder)!r} holds {others[0]!r}",
            "Choose another folder, or move what is in this one.",
        )
    return path


def write_folder(folder: str | os.PathLike[str], files: Mapping[str, str], manifest: Mapping[str, Any]) -> Path:
    """Write every text beside the folder first, then put them in its place at once."""
    path = check_folder(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        told = as_json({"maker": MAKER, **manifest, "files": sorted(files)})
        for name, text in {**files, MANIFEST: told}.items():
            (made / name).write_text(text, encoding="utf-8", newline="\n")
        made.chmod(0o755)
        if path.exists():  # set aside until the new one stands
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
            path.replace(aside / path.name)
            try:
                made.replace(path)
            except BaseException:
                (aside / path.name).replace(path)
                raise
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        else:
            made.replace(path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return path


def write_file(path: str | os.PathLike[str], content: str | Callable[[Path], object]) -> Path:
    """Write a file, a text or what a function writes to a path, beside its place first, then put it there at once."""
    target = Path(path).resolve()
    if target.is_dir():
        fail("The output must be a file", f"{str(path)!r} is a folder", "Choose another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    os.close(handle)
    made = Path(name)
    try:
        if isinstance(content, str):
            made.write_text(content, encoding="utf-8", newline="\n")
        else:
            content(made)
        made.chmod(0o644)
        made.replace(target)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return target


def as_json(value: Any) -> str:
    """Return JSON text, the same for the same value."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def file_name(prefix: str, name: str, taken: set[str], suffix: str) -> str:
    """Return a file name made of a title, different from those taken."""
    # All letters of any script stay; what a file system gives a meaning to does not.
    words = re.sub(r"[\s\x00-\x1f/\\:*?\"<>|.]+", "-", name.lower()).strip("-")
    stem = f"{prefix}{words or 'unnamed'}"
    result, k = stem + suffix, 2
    while result in taken:
        result, k = f"{stem}-{k}{suffix}", k + 1
    taken.add(result)
    return result


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the manifest of a results folder; None where there is none of ours."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("maker") == MAKER else None


def _ours(path: Path) -> set[str]:
    """Return the names of the files that an earlier result in the folder is made of."""
    manifest = read_manifest(path)
    if manifest is None:
        return set()
    return {MANIFEST, *(name for name in manifest.get("files", []) if isinstance(name, str))}
