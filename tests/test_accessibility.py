"""Every notebook can be read by everyone, as far as its stored form tells; tests/browser has the rest."""
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.support import accessibility
from tests.support.notebook_files import notebook_paths, read_notebook


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_a_notebook_is_readable_by_everyone(path):
    notebook = read_notebook(path)
    offences = [offence for rule in accessibility.RULES for offence in rule(notebook)]
    assert not offences, "\n".join(offences)


def page(*texts, shown=None):
    cells = [new_markdown_cell(text) for text in ("# Title", *texts)]
    if shown:
        cells.append(new_code_cell("picture", outputs=[new_output("display_data", shown)]))
    return new_notebook(cells=cells)


def test_a_plain_page_keeps_every_rule():
    assert not [offence for rule in accessibility.RULES for offence in rule(page("## Section\n\nText, `x = '[1](2)'`."))]


@pytest.mark.parametrize("rule, spoiled", [
    (accessibility.has_one_title_and_no_gap_in_its_headings, page("# Another title")),
    (accessibility.has_one_title_and_no_gap_in_its_headings, page("### Too deep")),
    (accessibility.has_one_title_and_no_gap_in_its_headings, page("## Same", "## Same")),
    (accessibility.says_what_its_pictures_show, page("![gauge](gauge.png)")),
    (accessibility.says_what_its_pictures_show, page(f"![{'g' * (accessibility.SHORTEST_ALT - 1)}](gauge.png)")),
    (accessibility.says_what_its_pictures_show, page(shown={"text/html": f'<img alt="{"g" * (accessibility.SHORTEST_ALT - 1)}">'})),
    (accessibility.says_what_its_pictures_show, page(shown={"image/png": "iVBORw0KGgo="})),
    (accessibility.says_what_its_pictures_show, page(shown={"text/html": '<img src="data:image/png;base64,iVBO">'})),
    (accessibility.names_where_its_links_lead, page("Click [here](01-use-a-temporary-file.ipynb).")),
    (accessibility.names_where_its_links_lead, page("Click [here][A1].")),
    (accessibility.names_where_its_links_lead, page("Click [here].\n\n[here]: 01-use-a-temporary-file.ipynb")),
    (accessibility.heads_its_tables, page("| Place | |\n|---|---|\n| text layer | 1 |")),
    (accessibility.heads_its_tables, page(shown={"text/html": "<table><tr><td>1</td></tr></table>"})),
    (accessibility.draws_nothing_that_jupyter_drops, page('<div class="alert alert-warning">Careful</div>')),
    (accessibility.draws_nothing_that_jupyter_drops, page("- [ ] done")),
])
def test_the_rule_sees_a_page_spoiled_for_the_purpose(rule, spoiled):
    assert rule(spoiled)


@pytest.mark.parametrize("shown", [{"text/html": f'<img alt="{"g" * 40}">'}, None])
def test_a_picture_with_a_sentence_as_alt_text_keeps_the_rule(shown):
    assert not accessibility.says_what_its_pictures_show(page(f"![{'g' * 40}](gauge.png)", shown=shown))
