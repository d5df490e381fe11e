"""The refresh stores a notebook in its normal form, keeps what is equal under the rules, and names new cells."""
import platform
import re
import sys
import tempfile
import uuid
from pathlib import Path

import pytest
from checks.windows import as_on_windows
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from tests.support.cell_ids import SPEAKING, give_ids
from tests.support.notebook_files import notebook_paths, paths_starting_with, read_notebook, with_room, write_if_changed
from tests.tools import refresh

MEASURE = "import time\nprint('here:', time.time_ns())\nprint(object())\n6 * 7"


def as_jupyterlab_saves_it():
    """Return a notebook as it is after somebody wrote it in JupyterLab: ids that say nothing, time stamps, other tags."""
    cells = [
        new_markdown_cell("# Count the rows", metadata={"tags": ["mine"], "editable": True}),
        new_markdown_cell("**Predict:** what does it show?", metadata={"tags": ["mine", "predict"]}),
        new_code_cell(MEASURE, metadata={"execution": {"iopub.execute_input": "2026-01-01T00:00:00Z"}, "tags": ["explain"]}),
        new_markdown_cell("It shows 42.", metadata={"tags": ["explain"]}),
        new_code_cell("print('first')\nprint('second')"),
    ]
    for cell in cells:
        cell["id"] = str(uuid.uuid4())
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.99"}})


def refresh_again_and_again():
    """Refresh one small notebook in each of the ways below; return what each did and what stood in the file then."""
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "77-small.ipynb")

        def note(what, **options):
            told[what] = *refresh.refresh(path, **options), path.read_text(encoding="utf-8")

        path.write_text(writes(as_jupyterlab_saves_it()), encoding="utf-8")
        note("new")
        note("again")

        notebook = read_notebook(path)
        notebook.cells[2].outputs[0].text = "here: 12\n<object object at 0x000001F2A4B6C8D0>\n"
        write_if_changed(notebook, path)
        told["elsewhere"] = path.read_text(encoding="utf-8")
        note("equal under the rules")
        note("anew", anew=True)

        notebook.cells[4].source = "display('first')\nprint('second')"
        write_if_changed(notebook, path)
        note("changed")
        notebook = read_notebook(path)
        notebook.cells[4].source = "print('second')\ndisplay('first')"
        write_if_changed(notebook, path)
        note("other order")

        for what, source in (("raises", "raise ValueError"), ("never ends", "time.sleep(60)")):
            notebook.cells[4].source = source
            write_if_changed(notebook, path)
            before = path.read_text(encoding="utf-8")
            refresh.CELL_SECONDS = 300 if what == "raises" else 1
            with pytest.raises(CellExecutionError if what == "raises" else CellTimeoutError):
                refresh.refresh(path)
            told[what] = path.read_text(encoding="utf-8") == before
    return told


@pytest.fixture
def told(child):
    answer, left = child
    assert not left
    return answer


ONE_CHILD = pytest.mark.child(runs=refresh_again_and_again)


def cells_in(text, tmp_path):
    (tmp_path / "stored.ipynb").write_text(text, encoding="utf-8")
    return read_notebook(tmp_path / "stored.ipynb").cells


@ONE_CHILD
def test_a_new_notebook_is_stored_in_its_normal_form(told, tmp_path):
    changed, measured_now, text = told["new"]
    cells = cells_in(text, tmp_path)
    assert changed
    assert [dict(cell.metadata) for cell in cells] == [{}, {"tags": ["predict"]}, {}, {"tags": ["explain"]}, {}]
    assert [cell.execution_count for cell in cells if cell.cell_type == "code"] == [1, 2]
    assert cells[2].outputs[1].data["text/plain"] == "42"
    assert measured_now == [cells[2].id] == ["77-count-the-rows-3"]
    assert "3.99" not in text


@ONE_CHILD
def test_a_second_run_changes_nothing(told):
    changed, measured_now, text = told["again"]
    assert (changed, measured_now) == (False, []) and text == told["new"][-1]


@ONE_CHILD
def test_an_output_that_is_equal_under_the_rules_is_kept(told):
    changed, measured_now, text = told["equal under the rules"]
    assert (changed, measured_now) == (False, []) and text == told["elsewhere"]


@ONE_CHILD
def test_all_outputs_are_of_this_run_when_asked_for_anew(told, tmp_path):
    changed, measured_now, text = told["anew"]
    assert changed and measured_now == ["77-count-the-rows-3"]
    assert "here: 12\n" not in cells_in(text, tmp_path)[2].outputs[0].text


@ONE_CHILD
def test_only_the_output_that_differs_is_replaced(told, tmp_path):
    changed, measured_now, text = told["changed"]
    cells = cells_in(text, tmp_path)
    assert changed and not measured_now
    assert cells[2].outputs[0].text.startswith("here: 12\n")
    assert [output.output_type for output in cells[4].outputs] == ["display_data", "stream"]


@ONE_CHILD
def test_another_order_of_outputs_is_stored_although_nbval_would_not_see_it(told, tmp_path):
    changed, _, text = told["other order"]
    assert changed
    assert [output.output_type for output in cells_in(text, tmp_path)[4].outputs] == ["stream", "display_data"]


@ONE_CHILD
@pytest.mark.parametrize("cell", ["raises", "never ends"])
def test_a_notebook_is_left_as_it_was_when_a_cell(told, cell):
    assert told[cell]


@pytest.mark.parametrize("reference, warned", [(("PyPy", "3.99", "Plan9"), True), (None, False)])
def test_a_here_line_of_another_machine_than_the_reference_is_told(monkeypatch, capsys, reference, warned):
    this = platform.python_implementation(), "{}.{}".format(*sys.version_info), platform.system()
    monkeypatch.setattr(refresh, "REFERENCE", reference or this)
    monkeypatch.setattr(refresh, "refresh", lambda path, anew: (True, [f"{path.name[:2]}-count"]))
    monkeypatch.setattr(refresh.links, "main", lambda: None)
    monkeypatch.setattr(refresh, "write_stubs", lambda: False)
    monkeypatch.setattr(refresh.conditions, "apply", lambda: None)
    monkeypatch.setattr(sys, "argv", ["refresh", "00", "03"])
    refresh.main()
    said = capsys.readouterr().out
    assert re.findall("^(.+): rewritten$", said, re.MULTILINE) == ["00-start-here.ipynb", "03-meet-the-empty-file.ipynb"]
    assert re.findall("were stored in (.+). The reference", said) == (["00-count", "03-count"] if warned else [])


def test_the_links_of_a_notebook_where_some_are_lacking_are_stored_and_it_alone_is_named(monkeypatch, tmp_path, capsys):
    page, lesson = tmp_path / "10a-page.ipynb", tmp_path / "03-lesson.ipynb"
    write_if_changed(new_notebook(cells=[new_markdown_cell("### A1 One", id="10a-a1")]), page)
    write_if_changed(new_notebook(cells=[new_markdown_cell("The entry [A1].", id="03-one")]), lesson)
    monkeypatch.setattr(refresh.links, "notebook_paths", lambda: [lesson, page])
    for _ in range(2):
        refresh.links.main()
    assert capsys.readouterr().out == "03-lesson.ipynb: links written\n"
    assert read_notebook(lesson).cells[0].source.endswith("[A1]: 10a-page.ipynb#cell-id=10a-a1")


def test_a_wrong_number_is_answered_with_a_sentence():
    with pytest.raises(SystemExit, match="No notebook in notebooks/ starts with 77."):
        paths_starting_with(["77"])
    assert [path.name for path in paths_starting_with(["03"])] == ["03-meet-the-empty-file.ipynb"]


def new_ids(*cells, number="03"):
    notebook = new_notebook()
    notebook.cells = list(cells)
    give_ids(notebook, number)
    return [cell.id for cell in notebook.cells]


def text(source, id=None):
    return new_markdown_cell(source, id=id or str(uuid.uuid4()))


def code(source, id=None):
    return new_code_cell(source, id=id or str(uuid.uuid4()))


def test_a_new_cell_is_named_after_the_heading_above_it():
    assert new_ids(text("Before all."), text("# Meet the file"), code("1"), text("Then:\n\n## It's \"empty\", née full"), code("2")) == [
        "03-top-1", "03-meet-the-file-1", "03-meet-the-file-2", "03-its-empty-nee-full-1", "03-its-empty-nee-full-2"]


def test_a_hash_in_a_code_block_is_no_heading():
    assert new_ids(text("# Write\n\n```python\n# a comment\n```"), code("1"))[1] == "03-write-2"


def test_a_new_exercise_is_named_after_its_check_with_its_task_and_its_folded_solution():
    assert new_ids(text("## Try it"), text("Place it."), code("line = ''\nchecks.place_the_line(line)"),
                   text("<details><summary>Solution</summary>")) == [
        "03-try-it-1", "03-ex-place-the-line-task", "03-ex-place-the-line", "03-ex-place-the-line-answer"]


def test_a_cell_that_became_an_exercise_gets_the_id_of_one():
    assert new_ids(code("checks.place(1)", id="03-flush-2"), text("<details>", id="03-flush-3")) == ["03-ex-place", "03-ex-place-answer"]


def test_two_exercises_with_one_check_have_two_ids():
    assert new_ids(code("checks.place(1)"), text("<details>"), code("checks.place(2)"), text("<details>")) == [
        "03-ex-place", "03-ex-place-answer", "03-ex-place-2", "03-ex-place-2-answer"]


def test_an_entry_of_the_field_guide_is_named_by_its_number():
    assert new_ids(text("## Files"), text("### A95 I wrote rows"), code("1"), text("**Why:** …"), text("## Tidy up"), code("2"),
                   number="10a") == ["10a-files-1", "10a-a95", "10a-a95-code", "10a-a95-why", "10a-tidy-up-1", "10a-tidy-up-2"]


def test_a_second_cell_of_code_in_an_entry_has_a_number():
    assert new_ids(text("### A95 I wrote rows"), code("1"), code("2"), number="10a") == ["10a-a95", "10a-a95-code", "10a-a95-code-2"]


def test_an_id_that_speaks_is_kept_and_one_that_stands_twice_is_kept_once():
    assert new_ids(text("# Write", id="03-title"), code("1", id="03-flush"), code("2", id="03-flush"), code("3", id="03-write-1")) == [
        "03-title", "03-flush", "03-write-2", "03-write-1"]


def test_a_heading_cannot_make_an_id_that_excuses_a_cell_or_makes_it_an_exercise():
    assert new_ids(text("# Ex libris: write without newline"), code("1")) == ["03-libris-write-newline-1", "03-libris-write-newline-2"]


@pytest.mark.parametrize("mute", [str(uuid.uuid4()), "1a2b3c4d", "", "03", "03-", "03-Title", "flush", "03-flush_it"])
def test_an_id_without_meaning_does_not_pass_for_a_speaking_one(mute):
    assert not SPEAKING.fullmatch(mute)


def test_a_notebook_is_stored_with_the_same_line_ends_on_windows(tmp_path):
    with as_on_windows(write_if_changed):
        assert write_if_changed(new_notebook(cells=[text("# Łódź", id="03-title")]), tmp_path / "03-small.ipynb")
    content = (tmp_path / "03-small.ipynb").read_bytes()
    assert b"\n" in content and b"\r" not in content and "Łódź".encode() in content


CODE = "```python\nmy_line = 3\n```"
ROOM = "\n\n<p></p>\n\n"


@pytest.mark.parametrize("between", ["\n\n", ROOM])
def test_folded_code_gets_room_once_and_other_code_none(between):
    written = f"{CODE}\n\nBelow.\n\n<details><summary>Solution</summary>{between}{CODE}{between}Because.\n\n</details>\n\n{CODE}\n\nAfter."
    roomy = f"{CODE}\n\nBelow.\n\n<details><summary>Solution</summary>{ROOM}{CODE}{ROOM}Because.\n\n</details>\n\n{CODE}\n\nAfter."
    assert with_room(written) == with_room(roomy) == roomy


def test_all_folded_code_of_the_series_has_room():
    cells = [cell for path in notebook_paths() for cell in read_notebook(path).cells if cell.cell_type == "markdown"]
    assert sum("<p></p>" in cell.source for cell in cells) > 60
    assert [cell.id for cell in cells if with_room(cell.source) != cell.source] == [], "run  python -m tests.tools.refresh"
