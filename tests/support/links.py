"""The links between the pages of the field guide, and its index: written by a program, so that nobody keeps them by hand.

    python -m tests.support.links        write them all; ``python -m tests.tools.refresh`` does it too

An entry is a Markdown cell that begins with a heading such as ``### C6 PermissionError on Windows …``; its letter names
its page, and the id of the cell ends in its number, ``10c-c6``. A link goes to that cell, not to the heading, because
JupyterLab then lands on it at the first click, and lights it up. Who writes a page writes ``[C6]`` or ``[some words][C6]``.
The rest is generated:

    the definitions of such links     at the end of each Markdown cell that has some, in all notebooks
    the list of a page's entries      in its cell with the heading ## The entries
    a link to an entry's heading      becomes a link to its cell
    the index by symptom              one cell of 10-field-guide.ipynb for each page
    "129 entries on eleven pages"     wherever the index says so
"""
import re
from dataclasses import dataclass

from tests.support.notebook_files import notebook_paths, read_notebook, write_if_changed

INDEX = "10-field-guide.ipynb"
HEADING = re.compile(r"\A### ([A-Z]\d{1,2}) (.+)$", re.MULTILINE)
USED = re.compile(r"\[([A-Z]\d{1,2})\](?!:)")
DEFINITION = re.compile(r"^\[[A-Z]\d{1,2}\]: .*\n?", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LIST = "## The entries"
COUNT = re.compile(r"\b\d+ entries on \w+ pages\b")
NUMBERS = ("no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split())


@dataclass
class Entry:
    """An entry of the field guide: its ``number``, such as C6, its ``title``, its ``file``, and its ``place`` there, a cell's id."""

    number: str
    title: str
    file: str
    place: str

    def link_from(self, file):
        """Return the address of the entry in a notebook called ``file``."""
        return f"{'' if file == self.file else self.file}#cell-id={self.place}"


def entries(notebooks):
    """Return the entries of the ``notebooks``, a dict from file name to notebook, as a dict from number to Entry.

    Raises ValueError when a number stands twice.
    """
    found = {}
    for file, notebook in notebooks.items():
        for cell in notebook.cells:
            heading = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
            if heading:
                if heading[1] in found:
                    raise ValueError(f"{heading[1]} stands twice: in {file} and in {found[heading[1]].file}")
                found[heading[1]] = Entry(heading[1], heading[2], file, cell.id)
    return found


def pages(known):
    """Return the files that hold the ``known`` entries, in the order of their letters."""
    letters = {entry.number[0]: entry.file for entry in known.values()}
    return [letters[letter] for letter in sorted(letters)]


def maintain(notebooks):
    """Write links and lists of the ``notebooks``, a dict from file name to notebook, in place.

    Raises ValueError for a link to an entry that there is not, and for a page that the index has no cell for.
    """
    known = entries(notebooks)
    of_page = {file: [entry for entry in known.values() if entry.file == file] for file in pages(known)}
    for file, notebook in notebooks.items():
        for cell in notebook.cells:
            if cell.cell_type != "markdown":
                continue
            if LIST in cell.source and file in of_page:
                titles = [f"[{entry.number} {entry.title}]({entry.link_from(file)})" for entry in of_page[file]]
                cell.source = _with_list(cell.source, titles)
            if file == INDEX:
                cell.source = COUNT.sub(f"{len(known)} entries on {NUMBERS[len(of_page)]} pages", cell.source)
                for page in of_page:
                    if cell.id == f"10-symptoms-{page.partition('-')[0]}":
                        titles = [f"[{entry.number} {entry.title}][{entry.number}]" for entry in of_page[page]]
                        cell.source = _with_list(cell.source, titles)
            cell.source = _with_definitions(cell, known, file)
    if INDEX in notebooks:
        there = {cell.id for cell in notebooks[INDEX].cells}
        lacking = {f"10-symptoms-{page.partition('-')[0]}" for page in of_page} - there
        if lacking:
            raise ValueError(f"{INDEX} has no cell {', '.join(sorted(lacking))}")


def _with_list(source, items):
    """Return the Markdown ``source`` with the list of entries in it, or at its end, replaced by the ``items``."""
    parts = re.split(r"(?:^- \[[A-Z]\d+ .*\n?)+", DEFINITION.sub("", source).rstrip(), maxsplit=1, flags=re.MULTILINE)
    parts.insert(1, "\n".join(f"- {item}" for item in items))
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _with_definitions(cell, known, file):
    """Return the source of the Markdown ``cell`` with definitions for just the entries that it links to."""
    source = DEFINITION.sub("", cell.source).rstrip()
    used = set(USED.findall(CODE.sub("", source)))
    unknown = used - set(known)
    if unknown:
        raise ValueError(f"{cell.id}: there is no entry {', '.join(sorted(unknown))}")
    order = sorted(used, key=lambda number: (number[0], int(number[1:])))
    return "\n\n".join([source, "\n".join(f"[{number}]: {known[number].link_from(file)}" for number in order)]) if used else source


def main():
    """Write the links and lists of all notebooks, and name the files that this changes."""
    notebooks = {path: read_notebook(path) for path in notebook_paths()}
    maintain({path.name: notebook for path, notebook in notebooks.items()})
    for path, notebook in notebooks.items():
        if write_if_changed(notebook, path):
            print(f"{path.name}: links written")


if __name__ == "__main__":
    main()
