"""The papers to print have one page each, and all that the timetables ask for and the cheat sheet says."""
import re

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tests.support.notebook_files import paths_starting_with, read_notebook
from tests.tools import papers

TIMETABLES = pytest.mark.parametrize("total", papers.WITH_HOME)
PAPERS = pytest.mark.parametrize("paper", papers.FORMATS)


def texts_of(page):
    return " ".join(text.get_text() for text in page.figure.texts)


@pytest.mark.parametrize("total, numbers", [(90, ["00-", "03-", "04-"]), (180, ["00-", "03-", "04-", "06-", "07-"])])
def test_it_knows_every_prediction_of_a_timetables_notebooks(total, numbers):
    cells = [cell for path in paths_starting_with(numbers) for cell in read_notebook(path).cells]
    assert len(papers.predictions(total)) == sum("predict" in cell.metadata.get("tags", []) for cell in cells) > 10
    assert all(len(question) > 10 and not re.search(r"[*`\[]", question) for _, _, question, _ in papers.predictions(total))


def test_what_is_left_for_home_is_known():
    in_the_room = [(number, section) for number, section, _, here in papers.predictions(90) if here]
    at_home = [(number, section) for number, section, _, here in papers.predictions(90) if not here]
    assert ("03", "Look at the copy in three ways") in in_the_room and ("03", "Question the suspects") in at_home
    assert {number for number, _, _, here in papers.predictions(180) if here} == {"00", "03", "04", "06", "07"}


@TIMETABLES
@PAPERS
def test_all_of_a_timetable_is_on_its_page_and_what_is_for_home_comes_last(paper, total):
    told = texts_of(papers.front(total, *papers.FORMATS[paper]))
    room, _, home = told.partition("At home")
    assert ("At home" in told) == papers.WITH_HOME[total]
    assert all(question in room for _, _, question, here in papers.predictions(total) if here)
    assert all(question in home for _, _, question, here in papers.predictions(total) if not here and papers.WITH_HOME[total])


@PAPERS
def test_all_of_the_cheat_sheet_is_on_its_page(paper):
    seen, rows, rule, words = papers.cheat_sheet()
    assert len(rows) >= 8 and len(words) >= 15
    told = texts_of(papers.back(*papers.FORMATS[paper]))
    assert all(text in told for text in [seen, rule, *(cell for row in rows + words for cell in row)])


@PAPERS
def test_the_six_questions_are_on_their_page_without_the_key_and_with_room_for_feedback(paper):
    six, feedback = papers.questions()
    assert [question[:2] for question, _ in six] == [f"{number}." for number in range(1, 7)] and len(feedback) == 2
    assert all([answer[:3] for answer in answers] == ["A  ", "B  ", "C  ", "D  "] for _, answers in six)
    told = texts_of(papers.six_questions(*papers.FORMATS[paper]))
    assert all(words in told.replace("\n", " ") for question, answers in six for words in [question, *answers])
    assert all(question in told for question in feedback) and told.count("1    2    3") == 6
    assert not re.search(r"Key|check|\*|`", told) and "before the workshop" in told and "after it" in told


@PAPERS
def test_nothing_reaches_over_the_edge(paper):
    width, height = papers.FORMATS[paper]
    for page in [papers.front(total, width, height) for total in papers.WITH_HOME] + [
            papers.back(width, height), papers.six_questions(width, height)]:
        page.figure.set_dpi(4 * 72)  # at 72 the letters would be rounded to whole points
        renderer = FigureCanvasAgg(page.figure).get_renderer()  # one for all: of its own, each text would make one of 32 MB
        boxes = [text.get_window_extent(renderer) for text in page.figure.texts]
        left, right = min(box.x0 for box in boxes) / 4, max(box.x1 for box in boxes) / 4
        low, high = min(box.y0 for box in boxes) / 4, max(box.y1 for box in boxes) / 4
        assert left >= 30 and right <= width - 30 and low >= 30 and high <= height - 30


def test_bold_words_are_known_to_be_wider():
    assert papers.width_of("remember", papers.SIZE, "bold") > 1.05 * papers.width_of("remember", papers.SIZE, "normal")


def test_too_many_words_are_noticed():
    with pytest.raises(papers.TooFull):
        papers.front(90, 595, 400)
    with pytest.raises(papers.TooFull):
        papers.back(595, 400)
    with pytest.raises(papers.TooFull):
        papers.six_questions(595, 400)


def test_it_writes_a_file_for_each_paper(tmp_path):
    kinds = ("cheat-sheet", "predictions-180", "predictions-90", "questions")
    names = [f"{what}-{paper}.pdf" for what in kinds for paper in ("a4", "letter")]
    assert sorted(path.name for path in papers.write(tmp_path)) == names
    for name, (width, height) in papers.FORMATS.items():
        for path in tmp_path.glob(f"*-{name}.pdf"):
            content = path.read_bytes()
            assert content.count(b"/Type /Page ") == 1 and f"/MediaBox [ 0 0 {width} {height} ]".encode() in content


def test_without_a_folder_it_says_what_it_needs():
    with pytest.raises(SystemExit, match="Name the folder"):
        papers.main([])
