"""Files of kept replicates: whatever a folder holds, its values are those of this study, or the run says why not.

The first byte of an input says whether the hash at the end is made to fit, as whoever sends a file can make it.
"""

import json
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
from harness import fuzz, watched

with watched():
    from sp2lnob._shards import DIGEST, MAGIC, Shards

MANIFEST = {"version": "1.0", "data": "ab", "design": {"method": "rao-wu", "n": 24, "seed": 1}, "study": "cd"}
FOLDER = Path(tempfile.mkdtemp())
FILE = FOLDER / "replicates-00000009-00000016.values"
FITS = 1


def one(data: bytes) -> None:
    """Load a folder whose one file holds some bytes."""
    fits, content = data[:1] == bytes([FITS]), data[1:]
    FILE.write_bytes(content + sha256(content).digest() if fits else content)
    for complete in (False, True):
        for first, values in Shards([FOLDER], MANIFEST, range(9, 17), complete).load():
            assert first == 9, first
            assert values.shape[1] == 8, values.shape
            assert values.dtype == np.float64


def seeds() -> list[bytes]:
    """Return what the library writes, and the same with a slip."""
    with tempfile.TemporaryDirectory() as folder:
        store = Shards([Path(folder)], MANIFEST, range(9, 17))
        store.keep(9, np.arange(24.0).reshape(3, 8))
        store.flush()
        (path,) = Path(folder).iterdir()
        assert path.name == FILE.name
        content = path.read_bytes()
    made = [b"\0" + content, bytes([FITS]) + content[:-DIGEST]]
    for header in (
        {"first": 9, "count": 8},
        {"first": 9, "count": 0, "manifest": MANIFEST},
        {"first": 9.0, "count": "8", "manifest": []},
        [],
        None,
    ):
        text = json.dumps(header).encode()
        made.append(bytes([FITS]) + MAGIC + len(text).to_bytes(8, "little") + text + bytes(64))
    return made


if __name__ == "__main__":
    fuzz(one, seeds(), ('"first": ', '"count": ', '"manifest": ', "{}", "[]", "null", "NaN", "1e999", MAGIC.decode()))
