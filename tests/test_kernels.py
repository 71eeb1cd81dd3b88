"""The kernels as built: whether an index out of bounds is an error is the whole difference of the two builds."""

import os

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._kernels import _totals

# Of `make test`, on x86-64.
EXPECTED = ["0x1.bb97ac56b30c5p+6", "0x1.ced119500f73dp-4", "0x1.b7c9f4b777085p-3", "0x1.3756556e469adp-6"]


def test_the_bounds_checked_build_checks_bounds():
    if os.environ.get("SP2LNOB_DEBUG") != "1":
        pytest.skip("only on the build of `make test-debug`: elsewhere this would write where it must not")
    rows, slot = np.zeros(2, dtype=np.int32), np.array([0, 7], dtype=np.int32)
    with pytest.raises(IndexError):
        _totals.slot_totals(np.ones((1, 2)), rows, slot, rows[:1], rows[:1], np.zeros((1, 1)))


def test_both_builds_give_the_same_bits():
    """The numbers were written down once; the example survey is the same everywhere, and so are its replicates."""
    survey = sp.example_survey(400)
    opportunity = sp.Opportunity("internet", "internet == 1", circumstances=["bottom40", "urbrur"])
    package = sp.Package([sp.child_benefit(sp.Amount(6, "month"), coverage=0.5)])
    result = sp.assess(survey, [opportunity], package, lines={"national": 60.0}, replicates=sp.Bootstrap(9))
    found = [float(result.estimates.draws[k, i]).hex() for k, i in ((0, 0), (3, 40), (8, -1), (5, 60))]
    assert found == EXPECTED
