"""In a workshop: a click unfolds an explanation of the workshop edition, and each menu that an instructor is told of is there."""
import re
import sys

import pytest
from playwright.sync_api import expect

from tests.browser import client
from tests.browser.client import PANEL, close_notebook, open_notebook
from tests.support.guide import GUIDE
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, notebook_paths, read_notebook

sys.path.insert(0, str(NOTEBOOK_FOLDER))
import workshop  # noqa: E402

MENU = re.compile(r"\*((?:File|Edit|View|Run|Kernel|Tabs|Settings|Help)(?: > [^*>]+)+)\*")
TOLD = [GUIDE, *(path.read_text(encoding="utf-8") for path in (PROJECT / "README.md", PROJECT / ".hub" / "README.md"))]
TOLD += [cell.source for path in notebook_paths() for cell in read_notebook(path).cells if cell.cell_type == "markdown"]
MENUS = sorted(set(MENU.findall("\n".join(TOLD))))


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edition")
    with client.server(folder, "lab", series=workshop.make(str(folder / "made"))) as url:
        yield url


@pytest.mark.parametrize("name", ["00-start-here.ipynb", "03-meet-the-empty-file.ipynb"])
def test_a_click_unfolds_an_explanation(edition, page, name):
    open_notebook(page, edition(name))
    expect(page.locator(f"{PANEL} .jp-OutputArea-output")).to_have_count(0)
    explanations = [cell.source for cell in read_notebook(NOTEBOOK_FOLDER / name).cells if "explain" in cell.metadata.get("tags", [])]
    folds = page.locator(f"{PANEL} details", has_text="What you saw, and why")
    expect(folds).to_have_count(len(explanations))
    for number in range(len(explanations)):
        inside = folds.nth(number).locator("p, li").last
        expect(inside).to_be_hidden()
        folds.nth(number).locator("summary").click()
        expect(inside).to_be_visible()
    close_notebook(page)


@pytest.mark.parametrize("path", MENUS)
def test_a_menu_that_is_told_of_is_there(lab, page, path):
    open_notebook(page, lab("00-start-here.ipynb"))
    first, *others, last = path.split(" > ")
    page.locator(".lm-MenuBar-itemLabel").get_by_text(first, exact=True).click()
    for name in others:
        page.locator(".lm-Menu .lm-Menu-itemLabel").get_by_text(name, exact=True).click()
    expect(page.locator(".lm-Menu .lm-Menu-itemLabel").get_by_text(last, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    close_notebook(page)


def test_the_guide_names_menus_in_the_form_that_is_tried():
    assert len(MENUS) >= 8 and not re.search(r"\*(?:File|View|Run|Kernel)\*", GUIDE)
