"""No axe violation of the authors' making in the HTML of any notebook, light and dark."""
import subprocess
import sys

import pytest

from tests.browser.axe import AXE
from tests.support.notebook_files import notebook_paths

# What nbconvert draws round our cells is not of our making: prompts, link marks, the colours of code.
NOT_OURS = [".jp-InputPrompt", ".jp-OutputPrompt", ".anchor-link", ".highlight"]
# One notebook is one region; every pandas table has an empty corner; whether links are underlined is the theme's choice.
NOT_ASKED = {rule: {"enabled": False} for rule in ("region", "empty-table-header", "link-in-text-block")}


@pytest.fixture(scope="session", params=["light", "dark"])
def pages_as_html(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    run = subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", "--theme", request.param, "--output-dir", folder,
                          *notebook_paths()], capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    assert "Alternative text is missing" not in run.stderr
    return folder


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_axe_finds_nothing(pages_as_html, page, path):
    page.route("http**", lambda route: route.abort())
    page.goto((pages_as_html / f"{path.stem}.html").as_uri())
    page.evaluate(AXE)
    found = page.evaluate("options => axe.run({exclude: options.exclude}, {rules: options.rules})",
                          {"exclude": [[selector] for selector in NOT_OURS], "rules": NOT_ASKED})
    assert not [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]
