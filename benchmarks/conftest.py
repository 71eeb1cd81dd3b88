"""Lets the benchmarks import the survey and the baselines beside them, and tells ratios.py what was measured."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def pytest_benchmark_update_machine_info(config, machine_info):
    import survey as synthetic

    machine_info.update(households=synthetic.HOUSEHOLDS, replicates=synthetic.REPLICATES)
