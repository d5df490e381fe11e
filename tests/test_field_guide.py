"""The field guide answers what people ask: entries and index hold together.

An entry is a cell with a heading such as "### B3 It fails only ..." on one of its pages: notebooks/10a-… to 10i-…, and
the companions 01b-… and 02b-…; the letter names the page. The index is notebooks/10-field-guide.ipynb.
"""
import copy
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.support import links
from tests.support.cells import Session
from tests.support.comparison import difference
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, notebook_paths, read_notebook

NOTEBOOKS = {path.name: read_notebook(path) for path in notebook_paths()}
ENTRIES = links.entries(NOTEBOOKS)
INDEX = NOTEBOOKS[links.INDEX]
FILES = [NOTEBOOK_FOLDER / name for name in links.pages(ENTRIES)]
BY_ENTRY = pytest.mark.parametrize("number", ENTRIES)
SYMPTOM_PAGES = [number for number in ENTRIES if number[0] not in "OT"]  # 01b and 02b are for looking up tools and options
ONE_EXPERIMENT = pytest.mark.parametrize("number", SYMPTOM_PAGES)
NUMBER = re.compile(r"\b[A-IOT]\d{1,2}\b")
# Code, headings and link texts with their addresses: what a number may stand in without being a link of its own.
WITHOUT_LINKS = re.compile(r"```.*?```|`[^`]*`|^#{1,6} .*?$|\[[^\]]*\]\([^)]*\)|\[[^\]]*\]\[[A-Z]\d+\]|\[[A-Z]\d+\]",
                           re.DOTALL | re.MULTILINE)


def cells_of(number):
    """Return the cells of the entry, from its heading up to the next heading."""
    entry = ENTRIES[number]
    cells = NOTEBOOKS[entry.file].cells
    first = next(place for place, cell in enumerate(cells) if cell.id == entry.place)
    last = next(place for place, cell in enumerate(cells[first + 1:], first + 1)
                if place == len(cells) - 1 or cell.cell_type == "markdown" and re.match("#{1,3} ", cell.source))
    return cells[first:last]


def text_of(number):
    """Return all that a reader of the entry reads: prose, code and outputs."""
    texts = [cell.source for cell in cells_of(number)]
    texts += [output.get("text", "") for cell in cells_of(number) if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(texts)


def index_cells(kind):
    return [cell for cell in INDEX.cells if cell.id.startswith(f"10-{kind}-")]


def test_there_is_a_guide_to_look_at():
    assert len(FILES) >= 11 and len(ENTRIES) >= 121


def test_each_link_and_list_is_what_the_program_writes():
    written = copy.deepcopy(NOTEBOOKS)
    links.maintain(written)
    stale = [f"{name}: {before.id}" for name, notebook in NOTEBOOKS.items()
             for before, after in zip(notebook.cells, written[name].cells) if before.source != after.source]
    assert not stale, f"run python -m tests.support.links: {stale}"


@BY_ENTRY
def test_an_entry_is_where_its_number_says(number):
    entry = ENTRIES[number]
    page = entry.file.partition("-")[0]
    assert entry.place == f"{page}-{number.lower()}"
    assert page == {"O": "02b", "T": "01b"}.get(number[0], f"10{number[0].lower()}")


@pytest.mark.parametrize("letter", sorted({number[0] for number in ENTRIES}))
def test_the_entries_of_a_page_are_numbered_in_the_order_they_stand_in(letter):
    numbers = [number for number in ENTRIES if number[0] == letter]
    assert numbers == [f"{letter}{count}" for count in range(1, len(numbers) + 1)], "number the headings in the order they stand in"


@BY_ENTRY
def test_the_index_reaches_an_entry_by_its_title(number):
    entry = ENTRIES[number]
    cell = next(cell for cell in INDEX.cells if cell.id == f"10-symptoms-{entry.file.partition('-')[0]}")
    assert f"- [{number} {entry.title}][{number}]" in cell.source.splitlines()
    assert f"\n[{number}]: {entry.file}#cell-id={entry.place}\n" in cell.source + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_list_at_the_top_of_a_page_reaches_each_of_its_entries(path):
    cell = next(cell for cell in NOTEBOOKS[path.name].cells if cell.source.startswith(links.LIST))
    listed = re.findall(r"^- \[(.+)\]\(#cell-id=(.+)\)$", cell.source, re.MULTILINE)
    assert listed == [(f"{number} {entry.title}", entry.place) for number, entry in ENTRIES.items() if entry.file == path.name]


def test_the_index_says_how_many_entries_there_are():
    assert links.COUNT.findall(INDEX.cells[0].source) == [f"{len(ENTRIES)} entries on eleven pages"]


@pytest.mark.parametrize("path", [NOTEBOOK_FOLDER / links.INDEX, *FILES], ids=lambda path: path.stem)
def test_whoever_reads_the_number_of_an_entry_can_click_on_it(path):
    prose = {cell.id: WITHOUT_LINKS.sub("", links.DEFINITION.sub("", cell.source))
             for cell in NOTEBOOKS[path.name].cells if cell.cell_type == "markdown"}
    bare = [f"{place}: {number}" for place, text in prose.items() for number in NUMBER.findall(text)]
    assert not bare, "a number that is no link: write [A15] or [its words][A15]"


def test_a_link_to_an_entry_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="there is no entry A99"):
        links.maintain({"10a-page.ipynb": new_notebook(cells=[new_markdown_cell("see [A99]")])})


def test_a_number_that_stands_twice_is_refused():
    cells = [new_markdown_cell("### A1 One"), new_markdown_cell("### A1 Two")]
    with pytest.raises(ValueError, match="A1 stands twice"):
        links.maintain({"10a-page.ipynb": new_notebook(cells=cells)})


def test_a_page_that_the_index_lacks_is_refused():
    with pytest.raises(ValueError, match="has no cell 10-symptoms-10a"):
        links.maintain({links.INDEX: new_notebook(cells=[]), "10a-page.ipynb": new_notebook(cells=[new_markdown_cell("### A1 One")])})


def test_definitions_are_those_of_the_entries_that_a_cell_links_to():
    two = new_markdown_cell("### A2 Two\n\nNot `[A2]`, [A1] or [again][A1].\n\n[A2]: old")
    page = new_notebook(cells=[new_markdown_cell("### A1 One"), two, new_code_cell("[A1]")])
    page.cells[0]["id"] = "10a-a1"
    other = new_notebook(cells=[new_markdown_cell("The entry [A1].")])
    notebooks = {"10a-page.ipynb": page, "03-lesson.ipynb": other}
    links.maintain(notebooks)
    links.maintain(notebooks)
    assert page.cells[1].source == "### A2 Two\n\nNot `[A2]`, [A1] or [again][A1].\n\n[A1]: #cell-id=10a-a1"
    assert page.cells[2].source == "[A1]"
    assert other.cells[0].source == "The entry [A1].\n\n[A1]: 10a-page.ipynb#cell-id=10a-a1"


@pytest.mark.parametrize("cell", [cell for kind in ("errors", "words") for cell in index_cells(kind)], ids=lambda cell: cell.id)
def test_each_line_of_the_index_leads_to_an_entry(cell):
    lines = re.findall(r"^- (.+)$", cell.source, re.MULTILINE)
    assert lines and all(links.USED.search(line) for line in lines), "each line needs a link such as [A15] or [its words][A15]"


@ONE_EXPERIMENT
def test_an_entry_has_one_code_cell_that_was_run_and_shows_an_output(number):
    code = [cell for cell in cells_of(number) if cell.cell_type == "code"]
    assert len(code) == 1, f"{number}: one code cell an entry, so that it fits one screen"
    assert code[0].id == f"{ENTRIES[number].place}-code", f"{number}: run python -m tests.tools.refresh, which gives ids"
    assert code[0].execution_count and code[0].outputs, f"{number}: let its code print what happens, and run python -m tests.tools.refresh"


@BY_ENTRY
def test_an_entry_says_why_and_how_to_cure_and_check(number):
    prose = "\n".join(cell.source for cell in cells_of(number) if cell.cell_type == "markdown")
    missing = [part for part in ("**Why:**", "**Cure:**", "**Check:**") if part not in prose]
    assert not missing, f"{number}: its text must have paragraphs that begin with {missing}"


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
        for tidy in (other for other in cells if other.id.endswith("-tidy")):
            session.run(tidy.source)
    return differences


@pytest.mark.child(runs=run_each_entry_alone)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_entry_runs_alone_after_the_set_up(child, path):
    differences, left_behind = child
    assert not differences, "\n".join(differences)
    assert not left_behind


def plain(text):
    """Return ``text`` without the marks of Markdown and in small letters, as a search on the page finds it."""
    return re.sub(r"[`*\\]", "", text).casefold()


def words_of_the_index():
    """Return (word, number of its entry) for each word of the index and each entry that it leads to."""
    pairs = []
    for cell in index_cells("words"):
        for line in re.findall(r"^- \S+: (.+)$", links.DEFINITION.sub("", cell.source), re.MULTILINE):
            for item in line.split(" · "):
                word = item.partition(" [")[0]
                pairs += [(word, number) for number in links.USED.findall(item)]
    return pairs


@pytest.mark.parametrize("word, number", words_of_the_index())
def test_a_word_of_the_index_stands_in_the_entry_that_it_leads_to(word, number):
    stands_there = plain(word) in plain(text_of(number))
    assert stands_there, f"{number} has not the word {word!r}, under which the index lists it: write it there, or change the index"


def test_a_word_of_the_index_that_leads_to_two_entries_says_what_each_is_for():
    lines = [line for cell in index_cells("words") for line in re.findall(r"^- \S+: (.+)$", cell.source, re.MULTILINE)]
    bare = [item for line in lines for item in line.split(" · ")
            if len(links.USED.findall(item)) > 1 and re.search(r"(?<!\])\[[A-Z]\d+\]", item)]
    assert lines and not bare, "write [what it is for][A15] in place of [A15]"


def messages_of_the_index():
    """Return (message, number of its entry) for each message of the index and each entry that it leads to."""
    pairs = []
    for cell in index_cells("errors"):
        for line in re.findall(r"^- (.+)$", links.DEFINITION.sub("", cell.source), re.MULTILINE):
            waiting, linked = [], False
            for message, number in re.findall(r"`(.+?)`(?=[: ·,]|$)|\[[^\]]+\]\[([A-Z]\d+)\]", line):
                waiting = [*([] if linked else waiting), message] if message else waiting
                linked = bool(number)
                pairs += [(each, number) for each in waiting if number]
    return pairs


@pytest.mark.parametrize("message, number", messages_of_the_index())
def test_a_message_of_the_index_stands_in_the_entry_that_it_leads_to_or_three_words_of_it(message, number):
    words = plain(re.sub(r"^[\w.]+(?:Error|Warning|Operation|File|GzipFile): |\[\w+ \d+\] ", "", message)).split()
    pieces = {" ".join(words[start:start + 3]) for start in range(max(1, len(words) - 2))}
    numbers = set(re.findall(r"\[(?:Errno|WinError) \d+\]", message))
    text = " ".join(plain(text_of(number)).split())
    pieces |= {plain(each) for each in numbers} | {plain(message.partition(":")[0])} - {"oserror"}
    stands_there = any(piece in text for piece in pieces)
    assert stands_there, f"{number} has nothing of the message {message!r} that the index lists it under: quote three words of it"
