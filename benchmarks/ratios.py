"""Print the medians that pytest-benchmark wrote, baseline beside sp2lnob: ``python benchmarks/ratios.py FILE.json``."""

import json
import sys
from pathlib import Path


def main(path: str) -> None:
    """Print one line for each kind of work."""
    groups: dict[str, dict[str, float]] = {}
    memory = []
    for entry in json.loads(Path(path).read_text(encoding="utf-8"))["benchmarks"]:
        if "beyond_mb" in entry["extra_info"]:
            memory.append(entry["extra_info"])
            continue
        side = (entry["params"] or {}).get("side", "sp2lnob")
        groups.setdefault(entry["group"], {})[side] = entry["stats"]["median"] * 1000
    wide = max(map(len, groups), default=4)
    print(f"{'work (medians, one thread)':{wide}}  {'baseline ms':>11}  {'sp2lnob ms':>10}  {'ratio':>6}")
    for work, of in groups.items():
        baseline = of.get("baseline")
        shown = "" if baseline is None else f"{baseline:.2f}"
        ratio = "" if baseline is None else f"{baseline / of['sp2lnob']:.1f}x"
        print(f"{work:{wide}}  {shown:>11}  {of['sp2lnob']:>10.2f}  {ratio:>6}")
    for info in memory:
        print(
            f"peak memory of estimate() beyond the survey, {info['replicates']:,} replicates: "
            f"{info['beyond_mb']:.1f} MB (input: {info['input_mb']:.1f} MB)"
        )


if __name__ == "__main__":
    main(sys.argv[1])
