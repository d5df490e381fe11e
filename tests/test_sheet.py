"""The sheet to print has two pages on each paper, and all that the notebooks ask for and the cheat sheet says."""
import re

import pytest

from tests.support.notebook_files import paths_starting_with, read_notebook
from tests.tools import sheet


def texts_of(page):
    return " ".join(text.get_text() for text in page.figure.texts)


def test_it_asks_for_every_prediction_of_the_three_notebooks():
    cells = [cell for path in paths_starting_with(sheet.LESSONS) for cell in read_notebook(path).cells]
    assert len(sheet.predictions()) == sum("predict" in cell.metadata.get("tags", []) for cell in cells) > 10
    assert all(len(question) > 10 and not re.search(r"[*`\[]", question) for *_, question in sheet.predictions())


@pytest.mark.parametrize("paper", sheet.FORMATS)
def test_all_of_it_is_on_the_two_pages(paper):
    front, back = sheet.front(*sheet.FORMATS[paper]), sheet.back(*sheet.FORMATS[paper])
    assert all(question in texts_of(front) for *_, question in sheet.predictions())
    seen, rows, rule, words = sheet.cheat_sheet()
    assert len(rows) >= 8 and len(words) >= 15
    assert all(text in texts_of(back) for text in [seen, rule, *(cell for row in rows + words for cell in row)])


@pytest.mark.parametrize("paper", sheet.FORMATS)
def test_nothing_reaches_over_the_edge(paper):
    width, height = sheet.FORMATS[paper]
    for page in (sheet.front(width, height), sheet.back(width, height)):
        page.figure.set_dpi(4 * 72)  # at 72 the letters would be rounded to whole points
        boxes = [text.get_window_extent() for text in page.figure.texts]
        left, right = min(box.x0 for box in boxes) / 4, max(box.x1 for box in boxes) / 4
        low, high = min(box.y0 for box in boxes) / 4, max(box.y1 for box in boxes) / 4
        assert left >= 30 and right <= width - 30 and low >= 30 and high <= height - 30


def test_too_many_words_are_noticed():
    with pytest.raises(sheet.TooFull):
        sheet.front(595, 400)
    with pytest.raises(sheet.TooFull):
        sheet.back(595, 400)


def test_it_writes_a_file_for_each_paper(tmp_path):
    assert sorted(path.name for path in sheet.write(tmp_path)) == ["sheet-a4.pdf", "sheet-letter.pdf"]
    for name, (width, height) in sheet.FORMATS.items():
        content = (tmp_path / f"sheet-{name}.pdf").read_bytes()
        assert content.count(b"/Type /Page ") == 2 and f"/MediaBox [ 0 0 {width} {height} ]".encode() in content


def test_without_a_folder_it_says_what_it_needs():
    with pytest.raises(SystemExit, match="Name the folder"):
        sheet.main([])
