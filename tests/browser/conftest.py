"""What the browser tests share: one server for each app, one browser, one page a test."""
import pytest

from tests.browser import client

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    raise pytest.UsageError("Playwright is not installed: pip install -r tests/extra-requirements.txt") from None

expect.set_options(timeout=60_000)  # milliseconds; a busy machine draws slowly


@pytest.fixture(scope="session")
def browser():
    if client.CHROMIUM is None:
        pytest.fail("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=client.CHROMIUM, args=client.CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with client.server(tmp_path_factory.mktemp("lab"), "lab") as url:
        yield url


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory):
    with client.server(tmp_path_factory.mktemp("notebook7"), "notebook") as url:
        yield url


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    yield page
    page.close()
