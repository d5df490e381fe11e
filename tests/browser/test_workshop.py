"""In a workshop: a click unfolds an explanation, each menu that an instructor is told of is there, a handful has six seats."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from tests.browser import client
from tests.browser.client import PANEL, close_notebook, open_notebook
from tests.support.instructor_guide import GUIDE
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, notebook_paths, read_notebook

sys.path.insert(0, str(NOTEBOOK_FOLDER))
import workshop  # noqa: E402

EXPOSED = "--expose-app-in-browser"
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


def test_the_menus_that_are_told_of_are_there(lab, page):
    open_notebook(page, lab("00-start-here.ipynb"))
    for path in MENUS:
        first, *others, last = path.split(" > ")
        page.locator(".lm-MenuBar-itemLabel").get_by_text(first, exact=True).click()
        for name in others:
            page.locator(".lm-Menu .lm-Menu-itemLabel").get_by_text(name, exact=True).click()
        expect(page.locator(".lm-Menu .lm-Menu-itemLabel").get_by_text(last, exact=True), path).to_be_visible()
        for _ in [first, *others]:
            page.keyboard.press("Escape")
        expect(page.locator(".lm-Menu")).to_have_count(0)
    close_notebook(page)


def test_the_guide_names_menus_in_the_form_that_is_tried():
    assert len(MENUS) >= 8 and not re.search(r"\*(?:File|View|Run|Kernel)\*", GUIDE)


@pytest.fixture(scope="module")
def seats(tmp_path_factory):
    """Run the guide's commands for a handful, on a free port of the loopback address, and yield the addresses that they print."""
    folder = tmp_path_factory.mktemp("handful")
    block = re.search(r"```\n(for seat in .*?)```", GUIDE, re.S)[1]
    shutil.copytree(PROJECT, folder / "project", ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for written, here in (("python3 notebooks", f"{sys.executable} notebooks --this-environment"),
                          ("$(hostname):8888", f"127.0.0.1:{port}"), ("--ip=0.0.0.0", f"--ip=127.0.0.1 --port={port} {EXPOSED}")):
        assert written in block
        block = block.replace(written, here)
    private = {name: str(folder / name.lower()) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    log = folder / "log"
    with open(log, "w", encoding="utf-8") as told:
        process = subprocess.Popen(["bash", "-ec", block], cwd=folder / "project", env={**os.environ, **private}, stdout=told,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not _answers(port):
            time.sleep(0.2)
        yield re.findall(r"^http://\S+", log.read_text(encoding="utf-8"), re.M)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=300)


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_each_of_a_handful_has_a_copy_and_a_kernel_of_their_own(seats, browser):
    assert len(seats) == 6 and all("/lab/workspaces/" in seat for seat in seats)
    found, pages = [], []
    for seat in seats[:2]:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        open_notebook(page, seat)
        path = page.evaluate("window.jupyterapp.shell.currentWidget.context.path")
        kernel = page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id")
        first = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.find(cell => cell.model.type === 'code').model.id")
        source = "import workbench\nworkbench.start('00', orders=False)\nprint('mine' in globals())\nmine = 1"
        told = "".join(output["text"] for output in page.evaluate(client.ANSWER, [first, source]))
        found.append((path.split("/")[0], kernel, told.splitlines()[-1]))
        pages.append(page)
    for page in pages:  # only now: both kernels were to run at once
        close_notebook(page)
        page.close()
    assert [one[0] for one in found] == ["01", "02"] and found[0][1] != found[1][1]
    assert [one[2] for one in found] == ["False", "False"], "one seat's kernel knows the names of another's"
