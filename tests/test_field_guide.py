"""The field guide answers what people ask: entries and index hold together.

An entry is a heading such as "### B3 It fails only ..."
in one of the files notebooks/10a-… to 10i-…; the letter names the file. The index is notebooks/10-field-guide.ipynb.
"""
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.cells import Session
from tests.support.comparison import difference
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, read_notebook

INDEX_FILE = NOTEBOOK_FOLDER / "10-field-guide.ipynb"
INDEX = read_notebook(INDEX_FILE)
FILES = sorted(NOTEBOOK_FOLDER.glob("10[a-z]-*.ipynb"))
HEADING = re.compile(r"^### ([A-Z]\d+) (.+)$", re.MULTILINE)
NUMBER = re.compile(r"\b[A-I]\d{1,2}\b")
# Code, headings and links with their address beside them, such as the list at the top of a file.
WITHOUT_LINKS = re.compile(r"```.*?```|`[^`]*`|^#{1,6} .*?$|\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE)


@dataclass
class Entry:
    """One entry: its ``title``, the ``file`` that holds it, the ``cells`` up to the next heading."""

    title: str
    file: Path
    cells: list = field(default_factory=list)


def entries_of(path, notebook):
    """Return the entries in ``notebook`` as a dictionary from number to Entry."""
    found, current = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^#{1,3} ", cell.source, re.MULTILINE):
            heading = HEADING.search(cell.source)
            current = None
            if heading:
                assert heading[1] not in found, f"{heading[1]} stands twice in {path.name}"
                current = found[heading[1]] = Entry(heading[2], path)
        if current:
            current.cells.append(cell)
    return found


ENTRIES = {number: entry for path in FILES for number, entry in entries_of(path, read_notebook(path)).items()}
BY_ENTRY = pytest.mark.parametrize("number", ENTRIES)


def index_cell(name):
    return next(cell.source for cell in INDEX.cells if cell.id == f"10-{name}")


def test_there_is_a_guide_to_look_at():
    assert len(FILES) >= 5 and len(ENTRIES) >= 50


@BY_ENTRY
def test_an_entry_is_in_the_index_by_symptom_under_its_title(number):
    entry = ENTRIES[number]
    assert f"| {number} | [{entry.title}][{number}] |" in index_cell("symptoms")


@BY_ENTRY
def test_an_entry_is_in_the_index_by_word(number):
    assert number in NUMBER.findall(index_cell("words"))


def test_the_index_names_no_entry_that_does_not_exist():
    named = {number for cell in INDEX.cells if cell.cell_type == "markdown" for number in NUMBER.findall(cell.source)}
    assert named and not named - set(ENTRIES)


def test_the_entries_name_no_entry_that_does_not_exist():
    # In code, A1 may be the cell of a spreadsheet, so only prose is searched.
    prose = "\n".join(cell.source for entry in ENTRIES.values() for cell in entry.cells if cell.cell_type == "markdown")
    assert not set(NUMBER.findall(prose)) - set(ENTRIES)


def test_each_row_of_the_index_by_error_message_links_to_an_entry():
    rows = re.findall(r"^\| `.+?` \| (.+) \|$", index_cell("errors"), re.MULTILINE)
    assert len(rows) >= 40
    assert not [row for row in rows if not re.search(r"\[([A-I]\d+) in [^\]]+\]\[\1\]", row)]


@pytest.mark.parametrize("path", [INDEX_FILE, *FILES], ids=lambda path: path.stem)
def test_whoever_reads_the_number_of_an_entry_can_click_on_it(path):
    wrong = []
    for cell in read_notebook(path).cells:
        prose = WITHOUT_LINKS.sub("", cell.source) if cell.cell_type == "markdown" else ""
        links = dict(re.findall(r"^\[([A-I]\d+)\]: (\S+)$", prose, re.MULTILINE))
        prose = re.sub(r"^\[[A-I]\d+\]: .+$", "", prose, flags=re.MULTILINE)
        wrong += [f"{cell.id}: {number} is no link" for number in re.findall(r"(?<!\[)\b[A-I]\d{1,2}\b(?!\])", prose)
                  if not prose.count(f"| {number} | [")]  # the first column beside a linked title
        used = set(re.findall(r"\[([A-I]\d+)\]", prose))
        wrong += [f"{cell.id}: {number} is {'used' if number in used else 'defined'} only" for number in used ^ set(links)]
        for number in used & set(links):
            place = "" if ENTRIES[number].file == path else ENTRIES[number].file.name
            if links[number] != f"{place}#{number} {ENTRIES[number].title}".replace(" ", "-"):
                wrong.append(f"{cell.id}: {number} leads to {links[number]}")
    assert not wrong, "\n".join(wrong)


@BY_ENTRY
def test_an_entry_has_one_code_cell_that_was_run_and_shows_an_output(number):
    code = [cell for cell in ENTRIES[number].cells if cell.cell_type == "code"]
    assert len(code) == 1, "one code cell an entry, so that it fits one screen"
    assert code[0].execution_count and code[0].outputs


@BY_ENTRY
def test_an_entry_says_why_and_how_to_cure_and_check(number):
    prose = "\n".join(cell.source for cell in ENTRIES[number].cells if cell.cell_type == "markdown")
    assert all(f"**{part}:**" in prose for part in ("Why", "Cure", "Check"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_list_at_the_top_of_a_file_names_and_reaches_each_of_its_entries(path):
    # JupyterLab's anchors keep the case and turn each space into a hyphen.
    listed = re.findall(r"^- \[(.+)\]\(#(.+)\)$", read_notebook(path).cells[0].source, re.MULTILINE)
    titles = [f"{number} {entry.title}" for number, entry in ENTRIES.items() if entry.file == path]
    assert listed == [(title, title.replace(" ", "-")) for title in titles]
    assert all(number[0].lower() == path.name[2] for number, entry in ENTRIES.items() if entry.file == path)


def run_each_entry_alone(path):
    """Run each entry's cell in a fresh session after the set-up cells only; return what differs from the stored outputs."""
    cells = code_cells(read_notebook(path))
    differences = []
    for cell in cells:
        if "setup" in cell.id or cell.id.endswith("-tidy"):
            continue
        session = Session()
        for setup in (other for other in cells if "setup" in other.id):
            session.run(setup.source)
        how = difference(session.run(cell.source), cell.outputs)
        if how:
            differences.append(f"{cell.id}: {how}")
        session.run("folder.cleanup()")
    return differences


@pytest.mark.child(runs=run_each_entry_alone)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_entry_runs_alone_after_the_set_up(child, path):
    differences, left_behind = child
    assert not differences, "\n".join(differences)
    assert not left_behind
