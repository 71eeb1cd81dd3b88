"""What every test may use: hypothesis without deadlines, the example survey, a browser; and what a run is without."""

import gc
import os
import shutil

import pytest
from hypothesis import settings

import sp2lnob as sp

from ._data import lacking

settings.register_profile("sp2lnob", deadline=None, print_blob=True)  # the bounds-checked build is several times slower
settings.load_profile("sp2lnob")


@pytest.fixture(scope="session")
def example():
    """Return the example survey: 400 households in 20 PSUs and 8 strata. Nobody may change it."""
    return sp.example_survey(400)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Return a browser without a network and without a window."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        lacking("browser", "selenium is not installed")
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        lacking("browser", "chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    folder = tmp_path_factory.mktemp("browser")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(driver))
    made.execute_cdp_cmd("Network.enable", {})
    nothing = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    made.execute_cdp_cmd("Network.emulateNetworkConditions", nothing)
    made.downloads = folder
    yield made
    made.quit()


def pytest_collection_finish():
    """Leave what was collected out of every further garbage collection: thousands of tests that nobody lets go."""
    gc.collect()
    gc.freeze()


def pytest_report_header():
    """Say at the top what this run is without; what is skipped for it stands at the end, with its reason."""
    named = os.environ.get("SP2LNOB_WITHOUT", "").split()
    return f"without {', '.join(named)}: tests that need it are skipped" if named else []
