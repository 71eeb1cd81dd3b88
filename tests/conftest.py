"""What every test file may use: hypothesis without deadlines, and the example survey; and what a run is without."""

import os

import pytest
from hypothesis import settings

import sp2lnob as sp

settings.register_profile("sp2lnob", deadline=None, print_blob=True)  # the bounds-checked build is several times slower
settings.load_profile("sp2lnob")


@pytest.fixture(scope="session")
def example():
    """Return the example survey: 400 households in 20 PSUs and 8 strata. Nobody may change it."""
    return sp.example_survey(400)


def pytest_report_header():
    """Say at the top what this run is without; what is skipped for it stands at the end, with its reason."""
    named = os.environ.get("SP2LNOB_WITHOUT", "").split()
    return f"without {', '.join(named)}: tests that need it are skipped" if named else []
