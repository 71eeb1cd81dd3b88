"""The kernels for AVX2 give the bits of the portable ones: on everything that `benchmarks/bits.py` asks for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sp2lnob._kernels import _processor

JOB = Path(__file__).parents[1] / "benchmarks" / "bits.py"


def run(portable):
    environment = os.environ | {"SP2LNOB_PORTABLE": "1" if portable else "0"}
    done = subprocess.run([sys.executable, JOB], capture_output=True, text=True, check=True, env=environment)
    return done.stdout, Path(done.stderr.strip()).parent


def test_the_kernels_of_avx2_give_the_bits_of_the_portable_ones():
    if not _processor.has_avx2():
        pytest.skip("this processor has no AVX2: there is nothing to compare")
    if os.environ.get("SP2LNOB_DEBUG") == "1":
        pytest.skip("the bounds-checked build has no kernels for AVX2; `make bits` compares it with the others")
    (fast, used), (plain, beside) = run(portable=False), run(portable=True)
    assert used == beside / "_avx2"
    assert fast == plain
    assert len(plain.splitlines()) >= 9
