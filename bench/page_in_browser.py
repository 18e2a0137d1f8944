"""A page of 10,000 findings in headless Chromium: its size, how long it takes to open, to filter and to search.

python bench/page_in_browser.py [ROUNDS]
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import run_directory
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5

# From a click until what it leads to is painted.
TIMED = """
const done = arguments[arguments.length - 1];
const began = performance.now();
(function () { %s })();
requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
"""
SEARCH = """
const field = document.getElementById("search");
const began = performance.now();
field.value = arguments[0];
field.dispatchEvent(new Event("input"));
const done = arguments[1], before = document.getElementById("status").textContent;
(function look() {
  if (document.getElementById("status").textContent !== before) done(performance.now() - began);
  else setTimeout(look, 1);
})();
"""


def browser() -> webdriver.Chrome:
    """Headless Chromium with its driver, as Debian has them."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1366,768"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def page(folder: Path) -> Path:
    """A page of which 10,000 groups are the worst of some more."""
    run_directory.make(folder / "run", accounts=100, regions=2, groups=120)
    subprocess.run(
        [
            *(sys.executable, "-m", "reporter", "report", "-f", "html"),
            *("-s", str(folder / "run"), "-o", str(folder / "reports")),
        ],
        check=True,
        capture_output=True,
    )
    return next((folder / "reports").glob("*.html"))


def opened(driver: webdriver.Chrome, address: str) -> None:
    """Open a page anew, also where the address differs by what stands behind # alone."""
    driver.get("about:blank")
    driver.get(address)


def main() -> None:
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = page(Path(folder))
        print(f"size: {path.stat().st_size / 1e6:.1f} MB")
        driver = browser()
        try:
            for _ in range(ROUNDS):
                opened(driver, path.as_uri())
                # The script is deferred: with this event the table is there.
                ended = "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
                taken.setdefault("open", []).append(driver.execute_script(ended))
                for name, key in (("filter by level", "level"), ("filter by account", "account")):
                    opened(driver, path.as_uri())
                    driver.execute_script(
                        "[...document.querySelectorAll('.facet')]"
                        f".find((each) => each.innerText.toLowerCase().startsWith('{key}')).open = true"
                    )
                    driver.execute_async_script("setTimeout(arguments[0], 200)")
                    click = f"document.querySelector('input[name={key}]').click()"
                    taken.setdefault(name, []).append(driver.execute_async_script(TIMED % click))
                opened(driver, path.as_uri())
                driver.execute_async_script("setTimeout(arguments[0], 1000)")
                for name, words in (("first search", "service-11"), ("next search", "203.0.1")):
                    taken.setdefault(name, []).append(driver.execute_async_script(SEARCH, words))
                opened(driver, path.as_uri())
                sort = "document.querySelectorAll('#table thead th')[2].click()"
                taken.setdefault("sort", []).append(driver.execute_async_script(TIMED % sort))
                group = "document.querySelector('#table button.open').click()"
                taken.setdefault("open a group", []).append(driver.execute_async_script(TIMED % group))
        finally:
            driver.quit()
    for name, times in taken.items():
        print(f"{name}: {statistics.median(times):.0f} ms (longest {max(times):.0f})")


if __name__ == "__main__":
    main()
