"""What everyone needs to read a notebook, as rules on its stored form; one function a rule, as in rules.py."""
import re

from bs4 import BeautifulSoup

from tests.support.notebook_files import code_cells

VAGUE = {"here", "click here", "this", "link", "this link", "this page", "more", "read more", "see", "docs", "notebook"}
SHORTEST_ALT = 40  # characters; what is shorter is no sentence that says what a picture shows
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]]*)\](?:\([^)\s]*\)|\[[^\]]*\]|: )")
IMAGE = re.compile(r"!\[([^\]]*)\]\(")
# What JupyterLab strips or draws unreadably: alert boxes, inline styles and scripts, task lists, literal notes.
UNREADABLE = re.compile(r"alert-|style=|<(?:svg|script|style|iframe|picture)\b|^\s*[-*] \[[ xX]\]|> \[!", re.MULTILINE)


def _prose(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell, CODE.sub("", cell.source)


def headings(notebook):
    """Return the headings of ``notebook`` as (cell id, level, text), code blocks left out."""
    return [(cell.id, len(marks), text) for cell in notebook.cells if cell.cell_type == "markdown"
            for marks, text in re.findall(r"^(#{1,6}) (.+)$", re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL), re.M)]


def has_one_title_and_no_gap_in_its_headings(notebook):
    """The first heading is the only H1, no level is skipped, and no heading stands twice."""
    found = headings(notebook)
    offences = []
    if [level for _, level, _ in found].count(1) != 1 or found[0][1] != 1:
        offences.append("the first heading must be an H1, and the only one")
    for (_, above, _), (cell, level, text) in zip(found, found[1:]):
        if level > above + 1:
            offences.append(f"{cell}: the heading {text!r} skips from level {above} to {level}")
    texts = [text for _, _, text in found]
    return offences + [f"the heading {text!r} stands twice" for text in sorted(set(texts)) if texts.count(text) > 1]


def says_what_its_pictures_show(notebook):
    """Every picture has alt text of a sentence or more; none comes as a bare image output, which has none."""
    offences = [f"{cell.id}: a picture with the alt text {alt!r}" for cell, text in _prose(notebook)
                for alt in IMAGE.findall(text) if len(alt) < SHORTEST_ALT]
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            offences += [f"{cell.id}: an output of type {kind}, which Jupyter shows without alt text"
                         for kind in data if kind.startswith("image/")]
            images = BeautifulSoup(data.get("text/html", ""), "html.parser").find_all("img")
            offences += [f"{cell.id}: a picture with the alt text {image.get('alt')!r}" for image in images
                         if len(image.get("alt") or "") < SHORTEST_ALT]
    return offences


def names_where_its_links_lead(notebook):
    """The text of every link makes sense alone."""
    return [f"{cell.id}: the link text {text!r} says nothing by itself" for cell, prose in _prose(notebook)
            for text in LINK.findall(prose) if text.strip().lower() in VAGUE or len(text.strip()) < 2]


def heads_its_tables(notebook):
    """Every table has a header row, and no header of it is empty."""
    offences = []
    for cell, prose in _prose(notebook):
        for header in re.findall(r"^(\|.+\|)\n\|[ :|-]+\|$", prose, re.MULTILINE):
            if any(not name.strip() for name in header.strip("|").split("|")):
                offences.append(f"{cell.id}: a table column without a name: {header}")
    for cell in code_cells(notebook):
        for output in cell.outputs:
            shown = BeautifulSoup(output.get("data", {}).get("text/html", ""), "html.parser")
            if shown.table and not shown.th:
                offences.append(f"{cell.id}: a table without header cells")
    return offences


def draws_nothing_that_jupyter_drops(notebook):
    """No alert boxes, inline styles, task lists or tags that JupyterLab removes or draws unreadably in the dark."""
    return [f"{cell.id}: {found.group().strip()!r} is dropped or unreadable in JupyterLab" for cell, prose in _prose(notebook)
            for found in [UNREADABLE.search(prose)] if found]


RULES = [has_one_title_and_no_gap_in_its_headings, says_what_its_pictures_show, names_where_its_links_lead,
         heads_its_tables, draws_nothing_that_jupyter_drops]
