"""A headless browser: Chromium with its driver, as Debian has them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

#: Set where the tests in a browser must not be skipped.
REQUIRED = "BROWSER_TESTS"

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # which root cannot have
    "--disable-dev-shm-usage",
    "--window-size=1366,900",
    # What Chromium asks for on its own account.
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


def _found() -> tuple[str, str] | None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextmanager
def browser(downloads: Path) -> Iterator[webdriver.Chrome]:
    """A browser that keeps what it downloads in a folder; the test is skipped where there is none."""
    found = _found()
    if found is None:
        why = "no chromium and chromedriver here: apt-get install chromium chromium-driver"
        if os.environ.get(REQUIRED):
            pytest.fail(why)
        pytest.skip(why)
    options = webdriver.ChromeOptions()
    options.binary_location, driver = found
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield running
    finally:
        running.quit()


def command(driver: webdriver.Chrome, name: str, **parameters: Any) -> Any:
    """A command of https://chromedevtools.github.io/devtools-protocol."""
    return driver.execute_cdp_cmd(name, parameters)
