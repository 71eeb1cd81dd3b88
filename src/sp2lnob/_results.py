"""The results folder: written whole or not at all, and only over one of our own."""

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
    """Return the folder's path, after checking that it is not there, or is an earlier result of ours, or is empty."""
    path = Path(folder)
    if not path.exists():
        return path
    if not path.is_dir():
        fail("The output must be a folder", f"{str(path)!r} is a file", "Choose another name.")
    if any(path.iterdir()) and not _is_ours(path):
        fail(
            "The output folder must be new, or hold an earlier result",
            f"{str(path)!r} holds other files",
            "Choose another folder, or empty this one yourself.",
        )
    return path


def write_folder(
    folder: str | os.PathLike[str], files: Mapping[str, Callable[[Path], object]], manifest: Mapping[str, Any]
) -> Path:
    """Write every file beside the folder first, then put them in its place at once."""
    path = check_folder(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        for name, write in files.items():
            write(made / name)
        (made / MANIFEST).write_text(as_json({"maker": MAKER, **manifest, "files": sorted(files)}), encoding="utf-8")
        made.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        made.replace(path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return path


def as_json(value: Any) -> str:
    """Return JSON text, the same for the same value."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def file_name(prefix: str, name: str, taken: set[str], suffix: str) -> str:
    """Return a file name made of a title, different from those taken."""
    stem = f"{prefix}{re.sub(r'[^0-9a-z]+', '-', name.lower()).strip('-') or 'unnamed'}"
    result, k = stem + suffix, 2
    while result in taken:
        result, k = f"{stem}-{k}{suffix}", k + 1
    taken.add(result)
    return result


def _is_ours(path: Path) -> bool:
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("maker") == MAKER
