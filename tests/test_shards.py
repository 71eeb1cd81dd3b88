"""Finished replicates on the disk: nothing half written is taken for whole, and nothing of another study for ours."""

import hashlib
import importlib
import json
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob import _shards
from sp2lnob._parallel import LANES, map_replicates
from sp2lnob._shards import Keeping, Shards, fingerprint, parse_shard, shard_range

MANIFEST = {
    "version": "1.0",
    "data": "ab" * 32,
    "design": {"method": "rao-wu", "n": 100, "seed": 1},
    "study": "cd" * 32,
}
ALL = range(1, 101)


def values(first, last, rows=3):
    return np.arange(first, last + 1) / 7 + np.arange(rows)[:, None] * 1000


def shards(*folders, manifest=MANIFEST, wanted=ALL, complete=False):
    return Shards(folders, manifest, wanted, complete)


def kept(folder, *ranges, **given):
    """Write one file for every range, and return their paths."""
    for first, last in ranges:
        store = shards(folder, **given)
        store.keep(first, values(first, last))
        store.flush()
    return [folder / f"replicates-{first:08d}-{last:08d}.values" for first, last in ranges]


def loaded(store):
    return [(first, first + part.shape[1] - 1, part) for first, part in store.load()]


# -- what goes in comes out -----------------------------------------------------------------------------------------


def test_what_was_kept_comes_back_bit_by_bit(tmp_path):
    odd = np.array([[np.nan, -0.0, np.inf, 5e-324], [1 / 3, 1e300, -1.5, 0.0]])
    store = shards(tmp_path / "new" / "folder")
    store.keep(5, odd)
    store.flush()
    ((first, last, part),) = loaded(shards(tmp_path / "new" / "folder"))
    assert (first, last) == (5, 8)
    assert part.tobytes() == odd.tobytes()
    assert part.flags.writeable


def test_a_file_is_as_it_is_told(tmp_path):
    """Read by hand: a line, a length, a header, the values row by row, and the hash of all that."""
    (path,) = kept(tmp_path, (33, 64))
    content = path.read_bytes()
    line, rest = content.split(b"\n", 1)
    length = int.from_bytes(rest[:8], "little")
    assert line == b"sp2lnob replicates 1"
    assert json.loads(rest[8 : 8 + length]) == {"first": 33, "count": 32, "manifest": MANIFEST}
    assert rest[8 + length : -32] == values(33, 64).astype("<f8").tobytes()
    assert content[-32:] == hashlib.sha256(content[:-32]).digest()


def test_consecutive_blocks_become_one_file(tmp_path):
    store = shards(tmp_path)
    for first, last in ((65, 96), (1, 8), (33, 64), (9, 32), (97, 100)):
        store.keep(first, values(first, last))
    store.flush()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["replicates-00000001-00000100.values"]
    ((*_, part),) = loaded(shards(tmp_path))
    assert part.tobytes() == values(1, 100).tobytes()


def test_an_empty_or_absent_folder_holds_nothing(tmp_path):
    assert loaded(shards(tmp_path)) == loaded(shards(tmp_path / "absent")) == []
    assert not (tmp_path / "absent").exists()
    shards(tmp_path / "absent").flush()
    assert not (tmp_path / "absent").exists()


def test_files_are_written_when_it_is_time(tmp_path, monkeypatch):
    """Every ten seconds at first; of a long run, when a twentieth of its time has passed: few files in the end."""
    now = 0.0
    monkeypatch.setattr(_shards, "monotonic", lambda: now)
    store, written, number = shards(tmp_path, wanted=range(1, 10**6)), [], 1
    while now < 36_000:
        now += 1.0
        store.keep(number, values(number, number))
        number += 1
        if not store._taken:
            written.append(now)
    waits = np.diff([0.0, *written])
    assert written[:3] == [10.0, 20.0, 30.0]
    assert (waits <= np.maximum(10.0, 0.05 * np.array(written) + 1)).all()
    assert len(list(tmp_path.iterdir())) == len(written) < 150


def test_a_run_takes_up_only_its_own_range(tmp_path):
    kept(tmp_path, (1, 40), (41, 60), (61, 100))
    found = loaded(shards(tmp_path, wanted=range(33, 65)))
    assert [(first, last) for first, last, _ in found] == [(33, 40), (41, 60), (61, 64)]
    assert np.concatenate([part for *_, part in found], axis=1).tobytes() == values(33, 64).tobytes()


def test_damage_to_shards_of_others_does_not_stop_a_run(tmp_path):
    _, other = kept(tmp_path, (1, 40), (41, 100))
    other.write_bytes(b"")
    assert len(loaded(shards(tmp_path, wanted=range(1, 41)))) == 1


def test_files_of_others_are_left_alone(tmp_path):
    kept(tmp_path, (1, 40))
    for name in ("notes.txt", "replicates-1-2.values", "replicates-00000041-00000050.values.bak"):
        (tmp_path / name).write_text("mine")
    assert len(loaded(shards(tmp_path))) == 1
    Keeping((tmp_path,)).remove()
    assert len(list(tmp_path.iterdir())) == 3


def test_what_is_removed_is_gone_with_its_folder(tmp_path):
    folder = tmp_path / "kept"
    kept(folder, (1, 40), (61, 100))
    (folder / ".replicates-00000041-00000060-abc.part").write_text("half")
    Keeping((folder,)).remove()
    assert not folder.exists()
    Keeping((folder,)).remove()


# -- damage ---------------------------------------------------------------------------------------------------------


def damaged(path, how):
    content = bytearray(path.read_bytes())
    if how == "empty":
        content.clear()
    elif how == "cut":
        del content[-100:]
    elif how == "longer":
        content += b"\0"
    elif how == "rubbish":
        content[:] = b"\xff" * len(content)
    else:
        content[how] ^= 1
    path.write_bytes(content)


def forged(path, header, rest=bytes(8 * 8 * 3), length=None):
    """Write a file whose hash fits: it tells damage, and not who wrote."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    content = _shards.MAGIC + length.to_bytes(8, "little") + text + rest
    path.write_bytes(content + hashlib.sha256(content).digest())


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        [],
        None,
        {},
        {"first": 1, "count": 8},
        {"first": "1", "count": 8, "manifest": MANIFEST},
        {"first": 1, "count": None, "manifest": MANIFEST},
        {"first": 1, "count": 0, "manifest": MANIFEST},
        {"first": 1, "count": -8, "manifest": MANIFEST},
        {"first": 1, "count": 2**70, "manifest": MANIFEST},
        {"first": 1, "count": 8, "manifest": []},
    ],
    ids=lambda header: repr(header)[:20],
)
def test_a_header_that_nobody_here_wrote_is_refused(tmp_path, header):
    path = tmp_path / "replicates-00000001-00000008.values"
    forged(path, header)
    with pytest.raises(sp.InputError, match="is cut short or damaged"):
        loaded(shards(tmp_path))


@pytest.mark.parametrize(("rest", "length"), [(b"1234567", None), (bytes(8 * 9), None), (b"", 2**40), (b"", 0)])
def test_values_that_are_no_rows_are_refused(tmp_path, rest, length):
    header = {"first": 1, "count": 8, "manifest": MANIFEST}
    forged(tmp_path / "replicates-00000001-00000008.values", header, rest, length)
    with pytest.raises(sp.InputError, match="is cut short or damaged"):
        loaded(shards(tmp_path))


@pytest.mark.parametrize("rows", [0, 1, 2, 4])
def test_replicates_of_fewer_or_more_figures_are_refused(tmp_path, rows):
    """Rows are told by the manifest's hash of the study; a file made by hand may say another's."""
    store = shards(tmp_path)
    store.keep(1, values(1, 8, rows=rows))
    store.flush()
    message = rf"Kept replicates must have 3 values each, but those from number 1 on have {rows}"
    with pytest.raises(sp.InputError, match=message):
        map_replicates(lambda first, groups: None, np.ones(3, dtype=bool), 100, n_threads=1, store=shards(tmp_path))


@pytest.mark.parametrize("how", ["empty", "cut", "longer", "rubbish", 0, 21, 40, -200, -33, -1])
@pytest.mark.parametrize("complete", [False, True])
def test_a_damaged_file_is_refused_by_its_name(tmp_path, how, complete):
    paths = kept(tmp_path, (1, 40), (41, 100))
    damaged(paths[1], how)
    with pytest.raises(sp.InputError, match="is cut short or damaged") as caught:
        loaded(shards(tmp_path, complete=complete))
    assert repr(str(paths[1])) in str(caught.value)
    assert "Delete this file alone: the others are kept" in str(caught.value)
    assert all(path.exists() for path in paths)
    paths[1].unlink()
    assert [(first, last) for first, last, _ in loaded(shards(tmp_path))] == [(1, 40)]


def test_every_single_bit_counts(tmp_path):
    (path,) = kept(tmp_path, (1, 8))
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(sp.InputError, match="damaged"):
            loaded(shards(tmp_path))


def test_every_length_counts(tmp_path):
    (path,) = kept(tmp_path, (1, 8))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(sp.InputError, match="cut short"):
            loaded(shards(tmp_path))


def test_a_renamed_file_is_refused(tmp_path):
    (path,) = kept(tmp_path, (1, 40))
    path.rename(tmp_path / "replicates-00000041-00000080.values")
    with pytest.raises(sp.InputError, match=r"must keep its name, but .* holds replicates 1 to 40"):
        loaded(shards(tmp_path))


# -- whose replicates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "here", "told"),
    [
        ("data", "ef" * 32, f"data is '{'ab' * 28}..., and here '{'ef' * 28}..."),
        ("study", "00" * 32, f"study is '{'cd' * 28}..., and here '{'00' * 28}..."),
        ("version", "1.1", "version is '1.0', and here '1.1'"),
        ("design", {**MANIFEST["design"], "seed": 2}, "design.seed is 1, and here 2"),
        ("design", {"method": "jackknife"}, "design.method is 'rao-wu', and here 'jackknife'"),
        ("more", 1, "more is None, and here 1"),
    ],
)
def test_replicates_of_another_study_are_refused_and_the_difference_is_named(tmp_path, key, here, told):
    (path,) = kept(tmp_path, (1, 40))
    with pytest.raises(sp.InputError, match="must be of the same version, data, design, study") as caught:
        loaded(shards(tmp_path, manifest={**MANIFEST, key: here}))
    assert told in str(caught.value)
    assert repr(str(path)) in str(caught.value)
    others = MANIFEST.keys() - {key}
    assert not any(f"{other} is" in str(caught.value) for other in others)
    assert path.exists()


def test_of_several_differences_the_first_is_named_from_which_others_follow(tmp_path):
    kept(tmp_path, (1, 40))
    with pytest.raises(sp.InputError, match="data is '") as caught:
        loaded(shards(tmp_path, manifest={**MANIFEST, "study": "00", "data": "11"}))
    assert "study is" not in str(caught.value)


def test_a_manifest_is_compared_as_json_holds_it(tmp_path):
    kept(tmp_path, (1, 40), manifest={"by": ("a", "b"), "level": 0.95})
    assert len(loaded(shards(tmp_path, manifest={"level": 0.95, "by": ["a", "b"]}))) == 1


# -- overlaps and gaps ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize(("one", "other"), [((1, 40), (33, 100)), ((1, 100), (41, 48)), ((1, 40), (1, 100))])
def test_files_that_overlap_are_refused_and_both_are_named(tmp_path, complete, one, other):
    paths = kept(tmp_path, one, other)
    with pytest.raises(sp.InputError, match="must be kept once") as caught:
        loaded(shards(tmp_path, complete=complete))
    assert all(repr(str(path)) in str(caught.value) for path in paths)
    assert all(path.exists() for path in paths)


def test_the_same_shard_in_two_folders_overlaps(tmp_path):
    kept(tmp_path / "a", (1, 40))
    kept(tmp_path / "b", (1, 40), (41, 100))
    with pytest.raises(sp.InputError, match="must be kept once"):
        loaded(shards(tmp_path / "a", tmp_path / "b", complete=True))


def test_folders_are_merged_in_any_order(tmp_path):
    kept(tmp_path / "a", (41, 60))
    kept(tmp_path / "b", (1, 40), (61, 100))
    for folders in ((tmp_path / "a", tmp_path / "b"), (tmp_path / "b", tmp_path / "a")):
        found = [part for *_, part in loaded(shards(*folders, complete=True))]
        assert np.concatenate(found, axis=1).tobytes() == values(1, 100).tobytes()


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        ([], "replicates 1 to 100"),
        ([(9, 100)], "replicates 1 to 8"),
        ([(1, 40), (42, 90)], "replicate 41, replicates 91 to 100"),
        (
            [(i, i) for i in range(2, 100, 2)],
            "replicate 1, replicate 3, replicate 5, replicate 7, replicate 9 and 45 ranges",
        ),
    ],
)
def test_what_a_merge_lacks_is_listed(tmp_path, there, lacking):
    kept(tmp_path, *there)
    with pytest.raises(sp.InputError, match=f"there are none of {lacking}"):
        loaded(shards(tmp_path, complete=True))


# -- the disk -------------------------------------------------------------------------------------------------------


def test_what_could_not_be_written_is_written_next_time(tmp_path, monkeypatch):
    store = shards(tmp_path)
    store.keep(1, values(1, 40))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            store.flush()
    assert list(tmp_path.iterdir()) == []
    store.keep(41, values(41, 100))
    store.flush()
    assert [(first, last) for first, last, _ in loaded(shards(tmp_path))] == [(1, 100)]


def full(handle):
    raise OSError(28, "No space left on device")


def test_what_was_put_in_its_place_before_an_interrupt_is_not_written_twice(tmp_path, monkeypatch):
    class Interrupted(type(tmp_path)):
        def replace(self, target):
            Path(self).replace(target)
            raise KeyboardInterrupt

    store = shards(tmp_path)
    store.keep(1, values(1, 40))
    with monkeypatch.context() as patched:
        patched.setattr(_shards, "Path", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.flush()
    store.keep(41, values(41, 100))
    store.flush()
    assert [(first, last) for first, last, _ in loaded(shards(tmp_path))] == [(1, 40), (41, 100)]


def test_half_written_files_of_this_range_are_cleaned_and_those_of_others_are_not(tmp_path):
    mine, other = (
        tmp_path / f".replicates-{numbers}-abc.part" for numbers in ("00000009-00000016", "00000041-00000048")
    )
    for path in (mine, other):
        path.write_bytes(b"half")
    assert loaded(shards(tmp_path, wanted=range(1, 41))) == []
    assert [path.exists() for path in (mine, other)] == [False, True]
    with pytest.raises(sp.InputError, match="none of replicates 1 to 100"):
        loaded(shards(tmp_path, complete=True))  # a merge leaves what others may be writing
    assert other.exists()


# -- kill -9 --------------------------------------------------------------------------------------------------------

RUN = """
import io, os, sys, time
import numpy as np
sys.path.insert(0, sys.argv[2])
from _jobs import Job
from pathlib import Path
from sp2lnob import _shards
from sp2lnob._parallel import map_replicates
_shards.SECONDS = _shards.SHARE = 0.0  # every block is written at once, and writing takes as long as working
class Halves(io.FileIO):
    def write(self, content):
        super().write(content[: len(content) // 2])
        time.sleep(0.01)
        super().write(content[len(content) // 2 :])
os.fdopen = Halves
store = _shards.Shards([Path(sys.argv[1])], {"study": "this"}, range(1, 3001))
print("begun", flush=True)
values, finished = map_replicates(Job(seconds=0.01), np.ones(3, dtype=bool), 3000, n_threads=2, store=store)
assert finished.all()
sys.stdout.buffer.write(values.tobytes())
"""


def numbers(folder):
    """Return the numbers of the replicates that stand in a folder."""
    ends = (re.findall("[0-9]{8}", path.name) for path in folder.glob("replicates-*.values"))
    return {number for first, last in ends for number in range(int(first), int(last) + 1)}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_killed_at_random_points_gives_the_same_bytes_in_the_end(tmp_path, monkeypatch):
    """What stood in its place before a kill stays, and the last run, which nobody kills, does the rest alone."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    draw, folder, stood = random.Random(11), tmp_path / "kept", set()
    command = [sys.executable, "-c", RUN, str(folder), str(Path(__file__).parent)]
    for _ in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"begun\n"
            time.sleep(draw.uniform(0.01, 0.15))
            process.kill()
            process.communicate()
        assert process.returncode == -9
        assert stood <= numbers(folder)
        stood = numbers(folder)
    assert 0 < len(stood) < 3000
    last = subprocess.run(command, capture_output=True, check=True, timeout=120)
    expected, _ = map_replicates(importlib.import_module("_jobs").Job(), np.ones(3, dtype=bool), 3000, n_threads=1)
    assert last.stdout == b"begun\n" + expected.tobytes()
    assert not list(folder.glob(".*"))
    assert numbers(folder) == set(range(1, 3001))


# -- which replicates are a shard's ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "3/", "/3", "-1/3", "1/2/3", "a/b", "1 / 3", "1.0/3", "", "٣/٤"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(sp.InputError, match="A shard must be written K/N"):
        parse_shard(text)


@pytest.mark.parametrize("replicates", [2, 8, 9, 100, 1000, 1001])
@pytest.mark.parametrize("of", [1, 2, 3, 7, 16])
def test_shards_are_every_replicate_once_and_about_as_many_each(replicates, of):
    groups = -(-replicates // LANES)
    if of > groups:
        with pytest.raises(sp.InputError, match=f"at most {groups:,} shards"):
            shard_range(1, of, replicates)
        return
    parts = [shard_range(which, of, replicates) for which in range(1, of + 1)]
    assert [number for part in parts for number in part] == list(range(1, replicates + 1))
    assert all(part.start % LANES == 1 for part in parts)  # so that no group of lanes is evaluated twice
    sizes = [-(-len(part) // LANES) for part in parts]
    assert max(sizes) - min(sizes) <= 1


# -- by what a study is known again ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Thing:
    values: object
    name: str = "a"

    def named(self):
        return self.name

    @cached_property
    def made(self):
        return self.values


def adder(more):
    def add(value):
        return value + more

    return add


def recursive():
    def down(n):
        return n and down(n - 1)

    return down


ONE, TWO = np.arange(4.0), np.arange(4.0) + 1e-15


@dataclass(frozen=True, slots=True)
class Slotted:
    """Python gives such a class a state of its own kind, a list."""

    array: np.ndarray


@dataclass(frozen=True)
class Stated:
    """Its state says less than its fields."""

    array: np.ndarray

    def __getstate__(self):
        return {"length": len(self.array)}


DIFFERENT = {
    "none": None,
    "zero": 0,
    "false": False,
    "float": 0.0,
    "text": "0",
    "bytes": b"0",
    "list": [0],
    "tuple": (0,),
    "nested": [[0]],
    "dict": {"a": 0},
    "other key": {"b": 0},
    "array": ONE,
    "last bit": TWO,
    "shape": ONE.reshape(2, 2),
    "type": ONE.astype(np.float32),
    "objects": np.array(["a", None], dtype=object),
    "slice": slice(0, 1),
    "object": Thing(ONE),
    "field": Thing(TWO),
    "other field": Thing(ONE, "b"),
    "slots": Slotted(ONE),
    "other slots": Slotted(TWO),
    "state": Stated(ONE),
    "other state": Stated(TWO),
    "partial": partial(adder, 1),
    "argument": partial(adder, 2),
    "function": adder(1),
    "closure": adder(2),
    "lambda": lambda x: x + 1,
    "constant": lambda x: x + 2,
    "name": lambda x: x.a,
    "other name": lambda x: x.b,
    "inner": lambda x: [y + 1 for y in x],
    "inner constant": lambda x: [y + 2 for y in x],
    "set": lambda x: x in {"a", "b"},
    "default": lambda x=1: x,
    "other default": lambda x=2: x,
    "itself": recursive(),
    "built in": len,
    "class": Thing,
    "method": Thing(ONE).named,
    "numpy's": np.float64(0),
}


def test_what_differs_has_another_fingerprint():
    made = {name: fingerprint(value) for name, value in DIFFERENT.items()}
    assert len(set(made.values())) == len(made)


def test_a_fingerprint_depends_on_what_is_held_and_not_on_where():
    assert fingerprint([ONE, ONE]) == fingerprint([ONE, ONE.copy()])
    assert fingerprint(ONE.reshape(2, 2).T) == fingerprint(np.ascontiguousarray(ONE.reshape(2, 2).T))
    looked, fresh = Thing(ONE), Thing(ONE)
    assert looked.made is ONE
    assert fingerprint(looked) == fingerprint(fresh)
    assert fingerprint(adder(1)) == fingerprint(adder(1))


PRINT = """
import numpy as np
from sp2lnob._shards import fingerprint
theta = lambda weights, data: [w for w in weights if w in {"a", "b", "c", "d"}]
print(fingerprint([theta, {"a": np.arange(3), "b": np.array(["x", None], dtype=object)}, {"s", "t", "u"}]))
"""


def test_another_process_finds_the_same_fingerprint():
    made = {
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(made) == 1


def test_what_has_no_fingerprint_is_refused():
    with pytest.raises(sp.InputTypeError, match="must be numbers, text, arrays and functions of these"):
        fingerprint([random.Random(1)])
