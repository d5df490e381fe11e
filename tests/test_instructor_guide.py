"""The instructor's guide adds up, and agrees with the notebooks, the README and the exercises' own words."""
import functools
import re
import tomllib

import pytest

from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, notebook_paths, read_notebook

GUIDE = (NOTEBOOK_FOLDER / "instructor-guide.md").read_text(encoding="utf-8")
README = (PROJECT / "README.md").read_text(encoding="utf-8")
TIME = re.compile(r"\*\*Time:\*\* (\d+) minutes reading, (\d+) minutes exercises\.")
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
WITHOUT_MINUTES = {"Set up", "Tidy up", "Key points"}
EXERCISES = {"Exercises", "Open the case files"}
TOTALS = [20, 90, 180]


def part(title, level=2, text=GUIDE):
    """Return what stands in ``text`` under the heading ``title``, up to the next heading of its level or higher."""
    marks = "#" * level
    found = re.search(rf"^{marks} {re.escape(title)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.M | re.S)
    assert found, f"there is no heading {marks} {title}"
    return found[1]


def rows(text):
    """Return the rows of the Markdown tables in ``text`` as lists of cells, without the lines of dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|:\- ]+", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@functools.cache
def lessons():
    """Return the notebooks that state their minutes, as a dictionary from number to path."""
    return {path.name[:2]: path for path in notebook_paths() if TIME.search(read_notebook(path).cells[0].source)}


@functools.cache
def own_minutes(number):
    """Return the minutes of reading and of exercises that the notebook itself states."""
    reading, exercises = TIME.search(read_notebook(lessons()[number]).cells[0].source).groups()
    return int(reading), int(exercises)


@functools.cache
def sections_of(number):
    """Return the ## headings of a notebook, in order, without those that take no minutes of their own."""
    markdown = "\n".join(cell.source for cell in read_notebook(lessons()[number]).cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## (.+)$", re.sub(r"^```.*?^```", "", markdown, flags=re.M | re.S), re.M)
    return [heading for heading in headings if heading not in WITHOUT_MINUTES]


def section_table(number):
    """Return the guide's table for a notebook as a dictionary from section to minutes."""
    title = re.search(rf"^### ({number} .+)$", part("Notebook by notebook"), re.M)
    assert title, f"the guide has no part on notebook {number}"
    table = [row for row in rows(part(title[1], 3)) if len(row) == 3]
    assert table[0] == ["Section", "Minutes", "Say"]
    assert len({name for name, _, _ in table}) == len(table), "a section stands twice"
    assert all(say.strip('" ') for _, _, say in table[1:]), "a section without anything to say"
    return {name: int(minutes) for name, minutes, _ in table[1:]}


def timetable(total):
    """Return the rows of a timetable as (minutes, from, to, what), the times in minutes."""
    table = rows(part(f"{total} minutes", 3))
    assert table[0] == ["Minutes", "From – to", "What"]
    found = []
    for minutes, span, what in table[1:]:
        hours = re.fullmatch(r"(\d):(\d\d) – (\d):(\d\d)", span)
        assert hours, span
        h1, m1, h2, m2 = map(int, hours.groups())
        found.append((int(minutes), 60 * h1 + m1, 60 * h2 + m2, what))
    return found


def minutes_that_a_row_should_have(number, what):
    """Return the minutes of what a timetable's row does with a notebook, by the notebook or the guide's own table."""
    reading, exercises = own_minutes(number)
    doing = LINK.sub("", what).strip(" ,")
    if doing in ("reading", "exercises"):
        return {"reading": reading, "exercises": exercises}[doing]
    named = re.findall(r"\*([^*]+)\*", doing)
    assert named, f"a row says neither reading nor exercises nor which sections: {what}"
    return sum(section_table(number)[section] for section in named)


def notebooks_in(text, this_page=None):
    """Return the numbers of the notebooks that ``text`` names, in order, each once."""
    if this_page:
        text = text.replace("this page", this_page)
    return list(dict.fromkeys(re.findall(r"\b0\d\b", text)))


def path_in_the_guide(total):
    return notebooks_in(" ".join(what for *_, what in timetable(total)))


def test_there_are_three_timetables():
    assert [int(total) for total in re.findall(r"^### (\d+) minutes$", part("Timetables"), re.M)] == TOTALS


@pytest.mark.parametrize("total", TOTALS)
def test_a_timetable_adds_up_and_leaves_no_gap(total):
    now = 0
    for minutes, start, end, what in timetable(total):
        assert (start, end - start) == (now, minutes), what
        now = end
    assert now == total


@pytest.mark.parametrize("total", TOTALS)
def test_each_row_of_a_timetable_takes_the_notebook_s_own_minutes(total):
    with_minutes = 0
    for minutes, _, _, what in timetable(total):
        for number in notebooks_in(what):
            if number in lessons():
                with_minutes += 1
                assert minutes == minutes_that_a_row_should_have(number, what), what
    assert with_minutes >= 2


@pytest.mark.parametrize("total", TOTALS)
def test_the_readme_and_the_first_notebook_have_the_same_path(total):
    in_readme = re.search(rf"^- \*\*{total} minutes:\*\* (.+)$", README, re.M)[1]
    first = "\n".join(cell.source for cell in read_notebook(lessons()["00"]).cells if cell.cell_type == "markdown")
    in_first = re.search(rf"^\| {total} minutes \| (.+) \|$", first, re.M)[1]
    assert notebooks_in(in_readme) == path_in_the_guide(total)
    assert notebooks_in(in_first, this_page="00") == path_in_the_guide(total)
    assert ("break" in in_readme) == ("break" in in_first) == any(what == "Break" for *_, what in timetable(total))


def test_the_short_path_ends_where_the_readme_says():
    assert "03 up to its section on suspects" in README
    named = [section for *_, what in timetable(20) if "03" in notebooks_in(what) for section in re.findall(r"\*([^*]+)\*", what)]
    sections = sections_of("03")
    assert named == sections[:next(i for i, section in enumerate(sections) if "suspects" in section)]


def test_the_long_path_reads_04_and_leaves_out_its_exercises_as_the_readme_says():
    assert "the reading of 04" in README
    assert [LINK.sub("", what).strip(" ,") for *_, what in timetable(180) if "04" in notebooks_in(what)] == ["reading"]


def test_the_guide_has_a_part_for_every_notebook_in_order():
    titles = re.findall(r"^### (\d\d) (.+)$", part("Notebook by notebook"), re.M)
    listed = re.findall(r"^\| \[(\d\d) ([^\]]+)\]\(notebooks/", README, re.M)
    assert titles == listed and {number for number, _ in titles} >= set(lessons())


@pytest.mark.parametrize("number", lessons())
def test_a_table_lists_exactly_the_sections_of_its_notebook(number):
    assert list(section_table(number)) == sections_of(number)


@pytest.mark.parametrize("number", lessons())
def test_the_sections_minutes_add_up_to_the_notebook_s(number):
    table = section_table(number)
    assert all(minutes > 0 for minutes in table.values())
    reading = sum(minutes for section, minutes in table.items() if section not in EXERCISES)
    exercises = sum(minutes for section, minutes in table.items() if section in EXERCISES)
    assert (reading, exercises) == own_minutes(number)


def test_what_may_be_skipped_exists_and_saves_what_it_says():
    header, *skipped = rows(part("When you are late"))
    assert header == ["Notebook", "Skip, in this order", "Saves"]
    assert {number for number, _, _ in skipped} == set(lessons()) - {"09"}
    for number, section, saves in skipped:
        assert section_table(number).get(section) == int(saves), f"{number} {section}"
    needed = [(number, section) for total in TOTALS for *_, what in timetable(total)
              for number in notebooks_in(what) for section in re.findall(r"\*([^*]+)\*", what)]
    assert not {(number, section) for number, section, _ in skipped} & set(needed), "a timetable is made of this section"


def test_every_word_that_a_check_is_said_to_say_is_tried_by_the_tests():
    told = [wrong["says"] for path in sorted((PROJECT / "tests" / "answers").glob("*.toml"))
            for wrong in tomllib.loads(path.read_text(encoding="utf-8")).get("wrong", [])]
    cases = [row[2].strip("*") for row in rows(part("Notebook by notebook")) if len(row) == 4][1:]
    quoted = re.findall(r"check[^.*]* says \*([^*]+)\*", GUIDE) + cases
    assert len(cases) == 10 and len(quoted) >= 30
    assert not [words for words in quoted if not any(words in sentence for sentence in told)]


def test_every_section_named_in_the_text_exists():
    known = {section for number in lessons() for section in sections_of(number)}
    named = re.findall(r"[Ii]n \*([^*]+)\*|Run \*([A-Z][^*]+)\*|Show \*([^*]+)\*", part("Notebook by notebook"))
    assert named and not {section for groups in named for section in groups if section} - known


def test_every_link_leads_to_a_file_and_carries_its_title():
    links = LINK.findall(re.sub(r"^```.*?^```", "", GUIDE, flags=re.M | re.S))
    assert len(links) > 20
    titles = dict(re.findall(r"^\| \[(\d\d [^\]]+)\]\(notebooks/([^)]+)\)", README, re.M))
    for text, target in links:
        assert (NOTEBOOK_FOLDER / target).is_file(), target
        assert titles.get(text.removeprefix("Open ")) == target, text


def test_the_commands_that_it_gives_exist():
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```", GUIDE, re.M | re.S))
    for module in re.findall(r"-m (tests\.\w+)", blocks):
        assert (PROJECT / (module.replace(".", "/") + ".py")).is_file(), module
    for program in re.findall(r"(?:python3|py) -c \"(.+)\"$", blocks, re.M):
        compile(program, "the guide", "exec")
    for folder in re.findall(r"(?:python3|py) (\w+)$", blocks, re.M):
        assert (PROJECT / folder / "__main__.py").is_file(), folder
    copied = re.search(r"cp -r (.+) \.\./seats", blocks)[1].split()
    assert all((PROJECT / name).exists() for name in copied)


def test_the_guide_covers_what_a_teacher_needs_and_answers_five_questions():
    headings = re.findall(r"^## (.+)$", GUIDE, re.M)
    assert headings == ["Use this guide", "Timetables", "Notebook by notebook", "When you are late", "Reset a laptop",
                        "Prepare without a network", "Thirty people on one server", "Five questions that always come"]
    assert len(re.findall(r"^### .+\?$", part("Five questions that always come"), re.M)) == 5
