"""Lets the benchmarks import the survey and the baselines beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
