"""The instructor's guide adds up, agrees with the notebooks and the checks' own words, and its commands exist."""
import functools
import re
import shutil
import subprocess

import pytest

from tests.support import minutes
from tests.support.cells import Session
from tests.support.exercises import listed_answers
from tests.support.instructor_guide import GUIDE, TOTALS, part, parts_of_notebooks, rows, timetable
from tests.support.notebook_files import PROJECT, notebook_paths, number_of, paths_starting_with, read_notebook

README = (PROJECT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
LESSONS = [path.name[:2] for path in notebook_paths() if re.match(r"\d\d-", path.name) and not path.name.startswith("10-")]


@functools.cache
def notebook(number):
    return read_notebook(paths_starting_with([f"{number}-"])[0])


@functools.cache
def sections_of(number):
    return minutes.sections_of(notebook(number))


def table_of(number):
    """Return the rows of the guide's table on a notebook, its header first."""
    title = re.search(rf"^### ({number} .+)$", GUIDE, re.M)
    assert title, f"instructor-guide.md lacks a part on notebook {number}: a heading ### {number} …, and a table as the others have it"
    return [row for row in rows(part(title[1], 3)) if row[1].isdigit() or row[0] == "Section"]


def estimate(number, sections, exercises):
    """Return the formula's minutes for reading ``sections`` of a notebook and for doing ``exercises``."""
    there = [sections_of(number)[section] for section in sections]
    of_exercises = {name: value for _, some in there for name, value in some.items()}
    return sum(reading for reading, _ in there) + sum(of_exercises[name] for name in exercises)


@pytest.mark.parametrize("total", TOTALS)
def test_a_timetable_adds_up_and_leaves_no_gap(total):
    now = 0
    for stated, start, end, what in timetable(total):
        assert (start, end - start) == (now, stated), what
        now = end
    assert now == total


@pytest.mark.parametrize("total", TOTALS)
def test_each_row_takes_what_the_formula_gives_for_its_sections_and_exercises(total):
    for number, sections, exercises, stated in parts_of_notebooks(total):
        estimated = estimate(number, sections, exercises)
        assert minutes.agrees(stated, estimated), f"{number} {sections}: {stated}, and the formula gives {estimated:.1f}"


@pytest.mark.parametrize("total", [90, 180])
def test_people_do_something_and_rest_and_say_what_they_think(total):
    others = " ".join(what for *_, what in timetable(total))
    assert all(word in others for word in ("Welcome", "Debrief", "Stretch", "feedback"))
    assert len([name for _, _, exercises, _ in parts_of_notebooks(total) for name in exercises]) >= 5


@pytest.mark.parametrize("total", [90, 180])
def test_the_closing_has_room_for_the_questions_and_only_then_for_the_cheat_sheet_that_answers_them(total):
    stated, _, _, what = timetable(total)[-1]
    assert what.startswith("Closing: the six questions") and "then the cheat sheet" in what
    assert stated >= 3 + 4, "three minutes for the six questions, and something for the two for feedback and for the rest"
    assert "after the six questions are collected" in part("The evening before")


def test_the_first_notebook_names_the_same_paths():
    first = "\n".join(cell.source for cell in notebook("00").cells)
    for total in TOTALS:
        told = re.search(rf"\| {total} minutes \| (.+) \|", first)[1].replace("this page", "00")
        assert list(dict.fromkeys(re.findall(r"\b0\d\b", told))) == list(dict.fromkeys(row[0] for row in parts_of_notebooks(total)))
        assert ("a break" in told) == any(what == "Break" for *_, what in timetable(total))


def run_the_paths():
    """Run of each notebook the sections of a timetable, and those that the guide has run without talking.

    Returns the errors that the cells showed, and how many cells ran.
    """
    silent = re.findall(r"\*([^*]+)\*", re.search("need not be run, with two exceptions: .*", GUIDE)[0])
    taken = {(number, total): [] for total in TOTALS for number, *_ in parts_of_notebooks(total)}
    for number, total in taken:
        taken[number, total] = [name for row in parts_of_notebooks(total) if row[0] == number for name in row[1]]
    found, ran = [], 0
    for number, sections in {(number, *sections): sections for (number, _), sections in taken.items()}.items():
        session, name = Session(), None
        for cell in notebook(number[0]).cells:
            headings = re.findall("^## (.+)$", cell.source, re.M) if cell.cell_type == "markdown" else []
            name = headings[-1] if headings else name
            if cell.cell_type == "code" and ("workbench.start(" in cell.source or name in [*sections, *silent]):
                ran += 1
                found += [(cell.id, output.evalue) for output in session.run(cell.source) if output.output_type == "error"]
        session.run("workbench.clear()")
    return found, ran


@pytest.mark.child(runs=run_the_paths)
def test_the_sections_of_a_timetable_run_without_those_that_are_left_out(child):
    (errors, ran), _ = child
    assert ran > 40 and not errors


def test_the_guide_has_a_part_for_every_notebook_in_order():
    assert [(number, title) for number, title in re.findall(r"^### (\d\d) (.+)$", part("Notebook by notebook"), re.M)] \
        == re.findall(r"^\| \[(\d\d) ([^\]]+)\]\(notebooks/", README, re.M), \
        "under Notebook by notebook, instructor-guide.md must have a heading ### for each row of README's table, in its order"


@pytest.mark.parametrize("number", LESSONS)
def test_a_table_lists_the_sections_and_exercises_of_its_notebook_with_their_minutes(number):
    header, *table = table_of(number)
    assert header == ["Section", "Minutes", "Exercises in it", "Say"]
    assert [row[0] for row in table] == list(sections_of(number)), f"python -m tests.support.minutes {number}  lists them"
    for section, stated, exercises, say in table:
        there = list(sections_of(number)[section][1])
        assert re.findall("`([^`]+)`", exercises) == there, f"{section}: the guide's Exercises in it must be {', '.join(there) or 'empty'}"
        assert say.strip('" '), f"{section}: in the guide, the column Say is empty"
        estimated = estimate(number, [section], sections_of(number)[section][1])
        assert minutes.agrees(int(stated), estimated), f"{section}: {stated}, and the formula gives {estimated:.1f}"
    stated, estimated = sum(int(row[1]) for row in table), sum(minutes.minutes_of(notebook(number)))
    assert minutes.agrees(stated, estimated), f"the table has {stated} minutes, and the formula gives {estimated:.0f}"


@pytest.mark.parametrize("number", LESSONS)
def test_before_a_prediction_the_instructor_asks_and_tells_only_afterwards(number):
    asked, section = set(), None
    for cell in notebook(number).cells:
        if cell.cell_type == "markdown":
            section = ([section] + re.findall("^## (.+)$", cell.source, re.M))[-1]
            asked |= {section} if "predict" in cell.metadata.get("tags", []) else set()
    said = {row[0]: row[3] for row in table_of(number)}
    assert not asked - set(said), f"python -m tests.support.minutes {number}  lists the sections that the guide's table must have"
    before = {section: re.split(r"Afterwards|After \*", said[section])[0] for section in asked}
    telling = [section for section, words in before.items() if words and "?" not in words]
    assert not telling, f"{telling}: the notebook asks for a prediction there, so the guide's Say asks, and tells after Afterwards"


def said_to_be_wrong():
    return set(re.findall(r"^- (\d) ([A-D]): the check says", part("Does it teach?"), re.M))


def test_wrong_answers_without_a_checks_word_are_named():
    quiz = part("Does it teach?")
    key = set(re.findall(r"(\d) ([A-D])[,.]", re.search(r"\*\*Key:\*\* (.+?) Nearly", quiz)[1]))
    named = set(re.findall(r"(\d) ([A-D])", re.search(r"Without such words are (.+?)\.\n", quiz)[1]))
    assert {(number, letter) for number in "123456" for letter in "ABCD"} == key | named | said_to_be_wrong()


def test_the_megabytes_agree_wherever_they_are_told():
    readme, hub, start, launch = ((PROJECT / name).read_text(encoding="utf-8") for name in (
        "README.md", ".hub/README.md", ".hub/start.py", "notebooks/launch.py"))
    assert set(re.findall(r"about (\d+) MB to fetch, (\d+) MB on the disk", readme + GUIDE)) == {("110", "550")}
    assert re.findall(r"about (\d+) MB", launch) == re.findall(r"The folder has about (\d+) MB", GUIDE) == ["110"]
    assert re.findall(r"(\d+) MB to fetch, (\d+) MB of disk", hub) == [("200", "900")]
    assert set(re.findall(r"(\d+) MB on the disk", start)) == {"900"} and set(re.findall(r"about (\d+) MB[:.]", start)) == {"200"}


def test_what_may_be_skipped_exists_and_saves_what_it_says():
    skipped = [row for row in rows(part("When you are late")) if row[0] != "Skip, in this order"]
    taken = {(number, name) for number, sections, exercises, _ in parts_of_notebooks(180) for name in sections + exercises}
    assert len(skipped) >= 8
    for what, saves, cost in skipped:
        number, name = re.fullmatch(r"(\d\d), [`*](.+)[`*]", what).groups()
        assert (number, name) in taken and cost, f"{what} is not in the timetable"
        of_it = [some[name] for _, some in sections_of(number).values() if name in some]
        assert minutes.agrees(int(saves), of_it[0] if of_it else estimate(number, [name], [])), what


def test_every_word_that_a_check_is_said_to_say_is_tried_by_the_tests():
    told = [wrong["says"] for path in notebook_paths() for listed in listed_answers(number_of(path.name)).values()
            for wrong in listed["wrong"]]
    header, *cases = [row for row in rows(part("Notebook by notebook")) if row[2].startswith("*") or row[0] == "Case"]
    quoted = re.findall(r"check says \*([^*]+)\*", GUIDE) + [row[2].strip("*") for row in cases]
    assert header[0] == "Case" and len(cases) == 11 and len(quoted) >= 60
    assert not [words for words in quoted if not any(words in sentence for sentence in told)]


def test_every_section_named_in_the_text_exists():
    known = {section for number in LESSONS for section in sections_of(number)}
    named = re.findall(r"[Ii]n \*([^*]+)\*|Run \*([A-Z][^*]+)\*|Show \*([^*]+)\*|up to \*([^*]+)\*", part("Notebook by notebook"))
    assert named and not {section for groups in named for section in groups if section} - known


def test_the_quiz_has_six_questions_of_four_answers_and_the_checks_words_for_wrong_ones():
    quiz = part("Does it teach?")
    questions = re.findall(r"^\*\*(\d)\.\*\* .*$", quiz, re.M)
    key = dict(re.findall(r"(\d) ([A-D])[,.]", re.search(r"\*\*Key:\*\* (.+?) Nearly", quiz)[1]))
    wrong = said_to_be_wrong()
    assert questions == list(key) == list("123456")
    assert all(len(re.findall(r"\*\*[A-D]\*\*", line)) == 4 for line in re.findall(r"^\*\*\d\.\*\* .*$", quiz, re.M))
    assert not set(wrong) & set(key.items())
    assert {number for number, _ in wrong} == set(key) and len(set(wrong)) >= 15, "most wrong answers have a check's word"


def test_every_link_to_a_notebook_carries_its_title():
    links = LINK.findall(re.sub(r"^```.*?^```", "", GUIDE, flags=re.M | re.S))
    titles = dict(re.findall(r"^\| \[(\d\d [^\]]+)\]\(notebooks/([^)]+)\)", README, re.M))
    assert len(links) > 20
    for text, target in links:
        if re.match(r"(?:Open )?\d\d ", text):
            assert titles.get(text.removeprefix("Open ")) == target, text


@pytest.mark.parametrize("title, level", [
    ("For whom, and for whom not", 2), ("Use this guide", 2), ("From a folder of packages", 3), ("A handful on one machine", 2),
    ("Thirty on one machine: JupyterHub", 2)])
def test_a_part_that_no_other_test_reads_is_there(title, level):
    assert part(title, level).strip(), f"{title}: this part of the guide is empty"


def test_five_questions_are_five():
    questions = re.findall(r"^### .+\?$", part("Five questions that always come"), re.M)
    assert len(questions) == 5, "the heading promises five questions, each with a heading ### that ends in ?"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commands_that_reset_the_project_leave_nothing_of_the_last_group(tmp_path):
    def git(*words):
        return subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words], cwd=tmp_path, check=True,
                              capture_output=True, text=True).stdout

    for name in ("notebooks/03.ipynb", "data/orders.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("as it was", encoding="utf-8")
    (tmp_path / ".gitignore").write_text(".ipynb_checkpoints/\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        git(*words)
    (tmp_path / "notebooks" / "03.ipynb").write_text("an answer", encoding="utf-8")
    (tmp_path / "notebooks" / ".ipynb_checkpoints").mkdir()
    for name in ("mine.ipynb", ".ipynb_checkpoints/03-checkpoint.ipynb"):
        (tmp_path / "notebooks" / name).write_text("an answer", encoding="utf-8")
    commands = re.search(r"^```\n(git .*?)^```", part("Reset"), re.M | re.S)[1].splitlines()
    said = [git(*command.split()[1:]) for command in commands]
    assert "mine.ipynb" in said[0] and said[-1] == ""
    assert [path.name for path in (tmp_path / "notebooks").iterdir()] == ["03.ipynb"]
    assert (tmp_path / "notebooks" / "03.ipynb").read_text(encoding="utf-8") == "as it was"
