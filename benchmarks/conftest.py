"""Lets the benchmarks and studies import what lies beside them, and tells ratios.py what was measured."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "coverage")]


def pytest_benchmark_update_machine_info(config, machine_info):
    import survey as synthetic

    machine_info.update(households=synthetic.HOUSEHOLDS, replicates=synthetic.REPLICATES)
