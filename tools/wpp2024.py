"""Make the table of people by age and sex that the package ships, from PyPI's starsim-data: `make population`.

starsim-data carries World Population Prospects 2024, medium variant, by decade, sex and five-year age, in persons
(United Nations, Department of Economic and Social Affairs, Population Division; licence CC BY 3.0 IGO). What is
compressed is compared by a test; compressed bytes may differ by version of the compressor.
"""

import csv
import json
import lzma
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np

from sp2lnob.populations import FINEST, SHIPPED, SOURCE, foreseen

FIRST = 2020


def content():
    """Return the table's bytes before they are compressed: what it is, on one line, then low bytes and high bytes."""
    folder = Path(find_spec("starsim_data").submodule_search_locations[0], "data")  # found, and not imported
    with open(folder / "locations.csv", encoding="utf-8", newline="") as file:
        code = {row["location"]: row["iso3"] for row in csv.DictReader(file) if row["level"] == "0"}
    with h5py.File(folder / "demographics-2024.h5") as file:
        group = file["population"]
        spec = json.loads(group.attrs["spec"])
        names = sorted(group)
        first = spec["years"].index(FIRST)
        people = np.stack([group[name][first:] for name in names]).astype(np.float64)
    assert spec["sexes"] == ["Female", "Male"]
    largest = np.rint(people.max(axis=(1, 2, 3)))
    counts = np.rint(FINEST * np.sqrt(people / largest[:, None, None, None])).astype(np.int64)
    folded = np.empty_like(counts)
    for t in range(counts.shape[1]):
        for s in range(2):
            difference = counts[:, t, s] - foreseen(counts, t, s)
            folded[:, t, s] = np.where(difference < 0, -2 * difference - 1, 2 * difference)
    assert folded.max() < 2**16
    folded = np.moveaxis(folded, 0, -1)
    told = {
        "source": SOURCE,
        "years": spec["years"][first:],
        "sexes": spec["sexes"],
        "ages": spec["ages"],
        "locations": [[code[name], name.replace("_", " ")] for name in names],
        "largest": [int(value) for value in largest],
    }
    planes = np.stack([folded % 256, folded // 256]).astype(np.uint8)
    return json.dumps(told, separators=(",", ":")).encode() + b"\n" + planes.tobytes()


if __name__ == "__main__":
    # Numbers follow each other in one byte order and no text: contexts of letters would only be diluted.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 1}]
    SHIPPED.write_bytes(lzma.compress(content(), filters=filters))
    print(f"{SHIPPED}: {SHIPPED.stat().st_size:,} bytes")
