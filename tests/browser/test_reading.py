"""Somebody opens a notebook of a fresh clone in JupyterLab, reads it, runs it and solves its exercises."""
import copy

import pytest
from nbformat import from_dict
from playwright.sync_api import expect

from tests.browser.client import ANSWER, PANEL, RUN_ALL, close_notebook, open_notebook, show_whole
from tests.support import links
from tests.support.comparison import difference
from tests.support.exercises import exercises_in
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, notebook_paths, number_of, read_notebook

ALL = pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)


def differences(model, path):
    """Return a sentence for each code cell of the page's ``model`` that was not run or shows another output."""
    stored = {cell.id: cell for cell in code_cells(read_notebook(path))}
    told = []
    for cell in model["cells"]:
        if cell["cell_type"] != "code":
            continue
        if cell["execution_count"] is None:
            told.append(f"{cell['id']} was not executed")
        how = difference(from_dict(cell["outputs"]), as_a_page_holds(stored[cell["id"]].outputs))
        if how:
            told.append(f"{cell['id']}: {how}")
    return told


def as_a_page_holds(outputs):
    """Return ``outputs`` with \\n for each \\r\\n, which is how JupyterLab keeps a printed text."""
    copies = copy.deepcopy(outputs)
    for output in copies:
        if output.output_type == "stream":
            output.text = output.text.replace("\r\n", "\n")
    return copies


@ALL
def test_an_untrusted_notebook_shows_everything(lab, page, path):
    open_notebook(page, lab(path.name))
    notebook = read_notebook(path)
    outputs = sum(len(cell.outputs) for cell in code_cells(notebook))
    expect(page.locator(f"{PANEL} .jp-OutputArea-output")).to_have_count(outputs)
    texts = len(notebook.cells) - len(code_cells(notebook))
    expect(page.locator(f"{PANEL} .jp-MarkdownCell .jp-MarkdownOutput")).to_have_count(texts)
    pictures = sum("data:image" in output.get("data", {}).get("text/html", "") for cell in code_cells(notebook) for output in cell.outputs)
    shown = page.locator(f"{PANEL} .jp-OutputArea-output img")
    expect(shown).to_have_count(pictures)
    for number in range(pictures):
        image = shown.nth(number)
        assert image.evaluate("async image => { await image.decode(); return image.naturalWidth > 300; }")
        assert len(image.get_attribute("alt")) > 40
    tables = sum("<table" in output.get("data", {}).get("text/html", "") for cell in code_cells(notebook) for output in cell.outputs)
    expect(page.locator(f"{PANEL} .jp-OutputArea-output table")).to_have_count(tables)
    text_on_page = " ".join(page.locator(PANEL).text_content().split())
    for cell in code_cells(notebook):
        for output in cell.outputs:
            words = " ".join(output.get("text", "").split())
            assert words in text_on_page, f"{cell.id}: its output is not on the page"


@ALL
def test_solutions_stay_folded_and_nothing_scrolls_sideways(lab, page, path):
    open_notebook(page, lab(path.name))
    cells = read_notebook(path).cells
    expect(page.locator(f"{PANEL} details")).to_have_count(sum(cell.source.count("<details>") for cell in cells))
    expect(page.locator(f"{PANEL} .jp-CodeCell .cm-content")).to_have_count(len(code_cells(read_notebook(path))))
    assert page.locator(f"{PANEL} details[open]").count() == 0
    for what in (".jp-OutputArea-output", ".jp-OutputArea-output pre", ".jp-CodeCell .cm-scroller", ".jp-MarkdownOutput pre"):
        wide = page.locator(f"{PANEL} {what}").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText.slice(0, 80))")
        assert not wide, what


@ALL
def test_run_all_twice_and_every_exercise_in_between(lab, page, path):
    open_notebook(page, lab(path.name))
    assert not differences(page.evaluate(RUN_ALL), path)
    first = code_cells(read_notebook(path))[0]
    page.evaluate(ANSWER, [first.id, first.source])  # the last cell has cleared the folder away
    for exercise in exercises_in(read_notebook(path)):
        answer = f"{exercise.solution.rstrip()}\n{exercise.check}"
        answered = page.evaluate(ANSWER, [f"{number_of(path.name)}-ex-{exercise.name}", answer])
        said = [output["data"]["text/plain"] for output in answered if "data" in output]
        assert len(said) == 1 and said[0].startswith("done"), (exercise.name, answered)
    assert not differences(page.evaluate(RUN_ALL), path)
    close_notebook(page)


@ALL
def test_notebook_7_runs_it_too(notebook7, page, path):
    open_notebook(page, notebook7(path.name))
    assert not differences(page.evaluate(RUN_ALL), path)
    close_notebook(page)


GUIDE = links.entries({path.name: read_notebook(path) for path in notebook_paths()})
INDEX = [cell for cell in read_notebook(NOTEBOOK_FOLDER / links.INDEX).cells
         if cell.source.startswith("### ") and cell.id.startswith(("10-symptoms-", "10-errors-", "10-words-"))]


@pytest.mark.parametrize("cell", INDEX, ids=lambda cell: cell.id)
def test_a_click_in_the_index_lands_on_the_entry_and_lights_it_up(lab, page, cell):
    heading = cell.source.splitlines()[0].removeprefix("### ")
    entry = GUIDE[links.USED.search(cell.source)[1]]
    open_notebook(page, lab(links.INDEX))
    place = page.locator(f"{PANEL} .jp-Cell", has=page.locator("h3", has_text=heading)).last
    place.locator(f"a[href$='#cell-id={entry.place}']").first.click()
    target = page.locator(f"{PANEL} .jp-Cell", has=page.locator("h3", has_text=f"{entry.number} {entry.title}"))
    expect(target.locator("h3")).to_be_in_viewport()
    expect(target).to_contain_class("jp-mod-selected")
    place = target.locator("h3").bounding_box()
    assert place["y"] < 600, "the heading stands at the lower edge, and its entry below it"
    page.evaluate("""async () => { for (const widget of window.jupyterapp.shell.widgets('main'))
        await widget.sessionContext?.shutdown(); }""")


@pytest.mark.parametrize("file", links.pages(GUIDE))
def test_an_entry_fits_one_screen_or_says_that_it_does_not(lab, page, file):
    page.set_viewport_size({"width": 1280, "height": 800})
    open_notebook(page, lab(file))
    room = page.evaluate(f"document.querySelector('{PANEL} .jp-WindowedPanel-outer').clientHeight")
    show_whole(page)
    edges = page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets.map(
        cell => [cell.model.id, cell.node.getBoundingClientRect().top, cell.node.getBoundingClientRect().bottom])""")
    cells = {cell.id: cell for cell in read_notebook(NOTEBOOK_FOLDER / file).cells}
    for entry in GUIDE.values():
        own = [edge for edge in edges if edge[0] == entry.place or edge[0].startswith(f"{entry.place}-")]
        if own and own[-1][2] - own[0][1] > room:
            assert "longer than one screen" in cells[entry.place].source, f"{entry.number}: {own[-1][2] - own[0][1]:.0f} of {room} pixels"
