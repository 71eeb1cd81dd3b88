"""Print what pytest-benchmark wrote, baseline beside sp2lnob: ``python benchmarks/ratios.py [--markdown] FILE ...``.

Times are the best of all rounds: what else the machine was doing only ever adds to them. ``--keep RATIOS FILE ...``
writes down the ratios of one run or several, without times and without the machine, and ``--compare`` takes such a file
or that of a run.
"""

import argparse
import json
from pathlib import Path
from typing import Any

HEAD = ("work", "baseline ms", "sp2lnob ms", "ratio")


def shown(of: dict[str, Any]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the rows of the table, and what is said beneath it."""
    sides: dict[str, dict[str, float]] = {}
    jobs: dict[tuple[int, ...], float] = {}
    memory, machine = [], of["machine_info"]
    for entry in of["benchmarks"]:
        info, best = entry["extra_info"], entry["stats"]["min"] * 1000
        if "beyond_mb" in info:
            memory.append(info)
            continue
        if "job" in info:
            jobs[tuple(info["job"])] = best
            if info["job"] != [machine["households"], machine["replicates"], 1]:
                continue
        side = info.get("side") or (entry["params"] or {}).get("side", "sp2lnob")
        sides.setdefault(entry["group"], {})[side] = best
    rows = []
    for work, times in sides.items():
        ours = times.pop("sp2lnob")
        for side, theirs in times.items():
            name = work if side == "baseline" else f"{work}: {side}"
            rows.append((name, digits(theirs), digits(ours), f"{theirs / ours:,.1f}x"))
        if not times:
            rows.append((work, "", digits(ours), ""))
    said = []
    for (households, replicates, threads), best in jobs.items():
        if threads > 1:
            faster = jobs[households, replicates, 1] / best
            said.append(
                f"estimate(), {replicates:,} replicates: {faster:.2f} times as fast on {threads} threads as on one."
            )
        elif households != machine["households"]:
            longer = best / jobs[machine["households"], replicates, 1]
            said.append(
                f"estimate(), {households:,} households: {longer:.1f} times as long as {machine['households']:,}."
            )
    said += [
        f"estimate(), {info['replicates']:,} replicates: peak memory beyond the survey {info['beyond_mb']:.1f} MB, "
        f"{info['beyond_mb'] / info['input_mb']:.2f} times the input ({info['input_mb']:.1f} MB)."
        for info in memory
    ]
    return rows, said


def ratios(*runs: dict[str, Any]) -> dict[str, Any]:
    """Return how many times as fast as each baseline we are in the best rounds of all runs, and at which size.

    What a release kept is already so.
    """
    if "ratios" in runs[0]:
        return runs[0]
    sides: dict[str, dict[str, float]] = {}
    for entry in (entry for of in runs for entry in of["benchmarks"]):
        info = entry["extra_info"]
        if "beyond_mb" not in info and "job" not in info:
            side = info.get("side") or (entry["params"] or {}).get("side", "sp2lnob")
            times = sides.setdefault(entry["group"], {})
            times[side] = min(entry["stats"]["min"], times.get(side, float("inf")))
    return {
        **size(*runs),
        "ratios": {
            f"{work}: {side}": theirs / times["sp2lnob"]
            for work, times in sides.items()
            for side, theirs in times.items()
            if side != "sp2lnob"
        },
    }


def size(*runs: dict[str, Any]) -> dict[str, int]:
    """Return how large the survey was, and how many replicates it had: larger ones have other ratios."""
    sizes = [{key: of["machine_info"][key] for key in ("households", "replicates")} for of in runs]
    if any(one != sizes[0] for one in sizes):
        raise SystemExit(f"the runs must be of one size, but they are of {sizes}")
    return sizes[0]


def compared(old: dict[str, float], new: dict[str, float], loss: float) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the rows of a table, and what lost more than ``loss`` of its ratio or is measured no longer."""
    rows, lost = [], []
    for name in [*old, *(name for name in new if name not in old)]:
        was, now = old.get(name), new.get(name)
        change = "" if was is None or now is None else f"{now / was - 1:+.0%}"
        rows.append((name, *("" if x is None else f"{x:,.1f}x" for x in (was, now)), change))
        if was is not None and (now is None or now < (1 - loss) * was):
            lost.append(name)
    return rows, lost


def digits(value: float) -> str:
    """Return three significant digits, and all of those before the point."""
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def table(rows: list[tuple[str, ...]], markdown: bool) -> str:
    """Return lines of columns, the first to the left and the others to the right."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[f"{cell:{'>' if i else '<'}{wide[i]}}" for i, cell in enumerate(row)] for row in rows]
    if not markdown:
        return "\n".join(map("  ".join, lines))
    lines.insert(1, ["-" * (width - 1) + "-:"[i > 0] for i, width in enumerate(wide)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(description="Print ratios of what pytest-benchmark wrote.")
    parser.add_argument("--markdown", action="store_true", help="as on the page on performance")
    parser.add_argument("--compare", action="store_true", help="ratios before, of the first file, and in all others")
    parser.add_argument("--loss", type=float, default=0.2, help="the share of a ratio whose loss is a failure")
    parser.add_argument(
        "--keep", type=Path, metavar="RATIOS", help="where to write the ratios of the best rounds of all"
    )
    parser.add_argument("files", nargs="+", type=Path)
    asked = parser.parse_args()
    if asked.compare:
        if len(asked.files) < 2:
            parser.error("--compare takes two files or more, the oldest first")
        before, *runs = (json.loads(path.read_text(encoding="utf-8")) for path in asked.files)
        kept, now = ratios(before), ratios(*runs)
        for key in ("households", "replicates"):
            if kept[key] != now[key]:
                parser.error(f"the two files must be of one size, but their {key} are {kept[key]:,} and {now[key]:,}")
        old, new = kept["ratios"], now["ratios"]
        if not set(old) & set(new):
            parser.error("the two files have no ratio in common")
        rows, lost = compared(old, new, asked.loss)
        print(table([("work: baseline", "before", "now", "change"), *rows], asked.markdown))
        for name in lost:
            print(f"lost more than {asked.loss:.0%}, or is measured no longer: {name}")
        raise SystemExit(1 if lost else 0)
    if asked.keep:
        made = ratios(*(json.loads(path.read_text(encoding="utf-8")) for path in asked.files))
        made["ratios"] = {name: float(f"{ratio:.4g}") for name, ratio in sorted(made["ratios"].items())}
        asked.keep.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    for path in asked.files:
        of = json.loads(path.read_text(encoding="utf-8"))
        rows, said = shown(of)
        machine = of["machine_info"]
        cpu = machine["cpu"].get("brand_raw", machine["machine"])
        print(
            f"{machine['households']:,} households, {machine['replicates']:,} replicates, one thread, best of rounds;"
        )
        print(f"{of['datetime'][:10]}, {cpu}, Python {machine['python_version']}:\n")
        print(table([HEAD, *rows], asked.markdown), end="\n\n")
        print(*(f"- {line}" for line in said), sep="\n", end="\n\n" if said else "")


if __name__ == "__main__":
    main()
