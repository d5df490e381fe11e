"""Every rule and every comparison is awake: each fails on a notebook spoiled for the purpose."""
import copy
import functools
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.support import plugin, rules
from tests.support.nbval_run import run_nbval
from tests.support.notebook_files import code_cells, normalise, notebook_paths, read_notebook


def a_good_notebook():
    """Return a small notebook that keeps every rule."""
    cells = [
        new_markdown_cell("# Count", id="00-count-title"),
        new_code_cell("print(1 + 1)", outputs=[new_output("stream", name="stdout", text="2\n")], id="00-count-two"),
        new_markdown_cell("Then:", id="00-count-then"),
        new_code_cell("1 + 2", outputs=[new_output("execute_result", {"text/plain": "3"}, execution_count=2)], id="00-count-three"),
    ]
    return normalise(new_notebook(cells=cells))


def test_the_good_notebook_keeps_every_rule():
    assert [rule(a_good_notebook()) for rule in rules.RULES] == [[]] * len(rules.RULES)


def spoil(change):
    notebook = copy.deepcopy(a_good_notebook())
    change(notebook, notebook.cells[1])
    return notebook


def set_output(text, name="stdout"):
    def change(notebook, cell):
        cell.outputs = [new_output("stream", name=name, text=text)]
    return change


SPOILED = {
    "a cell was never executed": (rules.was_executed, lambda nb, cell: cell.update(execution_count=None)),
    "outputs and counts were cleared": (rules.was_executed, lambda nb, cell: [
        c.update(execution_count=None, outputs=[]) for c in nb.cells if c.cell_type == "code"]),
    "counts are not 1 to n": (rules.was_executed, lambda nb, cell: cell.update(execution_count=7)),
    "cells were executed out of order": (rules.was_executed, lambda nb, cell: [
        cell.update(execution_count=2), nb.cells[3].update(execution_count=1)]),
    "there is no code at all": (rules.was_executed, lambda nb, cell: nb.update(cells=nb.cells[:1])),
    "a printed output is stripped": (rules.shows_its_outputs, lambda nb, cell: cell.update(outputs=[])),
    "a value is stripped": (rules.shows_its_outputs, lambda nb, cell: nb.cells[3].update(outputs=[])),
    "a comment ignores the output": (rules.is_never_excused, lambda nb, cell: cell.update(
        source="# NBVAL_IGNORE_OUTPUT\n" + cell.source)),
    "a comment skips the cell": (rules.is_never_excused, lambda nb, cell: cell.update(source="# NBVAL_SKIP\n" + cell.source)),
    "an old comment ignores the output": (rules.is_never_excused, lambda nb, cell: cell.update(
        source="# PYTEST_VALIDATE_IGNORE_OUTPUT\n" + cell.source)),
    "a tag ignores the output": (rules.is_never_excused, lambda nb, cell: cell.metadata.update(tags=["nbval-ignore-output"])),
    "a tag skips the cell": (rules.is_never_excused, lambda nb, cell: cell.metadata.update(tags=["nbval-skip"])),
    "a tag allows an exception": (rules.is_never_excused, lambda nb, cell: cell.metadata.update(tags=["raises-exception"])),
    "an output holds a path on Linux": (rules.tells_nothing_of_the_machine, set_output("/home/ada/orders.csv\n")),
    "an output holds a path on macOS": (rules.tells_nothing_of_the_machine, set_output("/var/folders/x1/T/orders.csv\n")),
    "an output holds a path on Windows": (rules.tells_nothing_of_the_machine, set_output("C:\\Users\\ada\\orders.csv\n")),
    "an output holds an address": (rules.tells_nothing_of_the_machine, set_output("0x7f3a5c0d2e10\n")),
    "a here: line holds a home folder": (rules.tells_nothing_of_the_machine, set_output("here: /home/ada/orders.csv\n")),
    "an output holds a temp folder": (rules.tells_nothing_of_the_machine, set_output("here: 3\n/tmp/orders-k3v9x2ab.csv\n")),
    "an output hides text behind a carriage return": (rules.tells_nothing_of_the_machine, set_output("id\r\r\n")),
    "a value holds an address": (rules.tells_nothing_of_the_machine, lambda nb, cell: nb.cells[3].outputs[0].data.update(
        {"text/plain": "0x7f3a5c0d2e10"})),
    "something is on stderr": (rules.has_no_stderr_and_no_traceback, set_output("a warning\n", "stderr")),
    "an error is stored": (rules.has_no_stderr_and_no_traceback, lambda nb, cell: cell.update(
        outputs=[new_output("error", ename="ValueError", evalue="", traceback=[])])),
    "the notebook names a Python version": (rules.carries_no_more_than_it_must, lambda nb, cell:
        nb.metadata.language_info.update(version="3.12.1")),
    "another kernel is named": (rules.carries_no_more_than_it_must, lambda nb, cell:
        nb.metadata.kernelspec.update(name="my-env")),
    "a cell keeps a timestamp": (rules.carries_no_more_than_it_must, lambda nb, cell:
        cell.metadata.update(execution={"iopub.execute_input": "2026-01-01T00:00:00Z"})),
    "an output keeps metadata": (rules.carries_no_more_than_it_must, lambda nb, cell:
        nb.cells[3].outputs[0].metadata.update(isolated=True)),
    "code without an introduction": (rules.introduces_its_code, lambda nb, cell: nb.cells.pop(2)),
    "a cell of 21 lines": (rules.keeps_cells_short, lambda nb, cell: cell.update(source="\n".join(["print(2)"] * 21))),
    "a line of 101 characters": (rules.keeps_lines_short, lambda nb, cell: cell.update(source="print(2)" + " " * 93)),
    "text opened without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(open('orders.csv', encoding='utf-8')))")),
    "a temp file without encoding=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(tempfile.NamedTemporaryFile('w', newline='').write('Zoë'))")),
    "compressed text without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(gzip.open('orders.csv.gz', 'wt', encoding='utf-8')))")),
    "a text layer without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(io.TextIOWrapper(io.BytesIO(), encoding='utf-8')))")),
    "text written without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv, Path('orders.csv').write_text('1', encoding='utf-8'))")),
    "a path opened without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(Path('orders.csv').open('w', encoding='utf-8')))")),
    "a path opened with mode= and without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(Path('orders.csv').open(mode='w', encoding='utf-8')))")),
    "a descriptor opened without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(os.fdopen(descriptor, 'w', encoding='utf-8')))")),
    "the 1,142 orders read without encoding=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(open('orders.csv', newline='')))")),
    "the 1,142 orders written without encoding=, by another cell": (rules.opens_text_with_care, lambda nb, cell: [
        cell.update(source="with open('orders.csv', newline='', encoding='utf-8') as source:\n    rows = list(csv.reader(source))"),
        nb.cells[3].update(source="with open('export.csv', 'w', newline='') as export:\n    csv.writer(export).writerows(rows)")]),
    "rows that end in \\r\\n without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="with open('a.csv', 'w') as export:\n    export.write('1,Tea\\r\\n')")),
    "rows that end in \\r\\n, from another cell, without newline=": (rules.opens_text_with_care, lambda nb, cell: [
        cell.update(source="ROWS = '1,Tea\\r\\n'"), nb.cells[3].update(source="Path('a.csv').write_text(ROWS)")]),
    "rows that a function of another cell writes, without newline=": (rules.opens_text_with_care, lambda nb, cell: [
        cell.update(source="def write(export):\n    csv.writer(export).writerow(['Tea'])"),
        nb.cells[3].update(source="write(open('a.csv', 'w'))")]),
    "a table of pandas without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="with gzip.open('a.csv.gz', 'wt') as export:\n    table.to_csv(export)")),
    "text written with encoding= and read without": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="path.write_text('1,Tea', encoding='utf-8')\nprint(path.read_text())")),
    "a log without encoding=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="logging.FileHandler('a.log').handle(record('Zoë'))")),
    "fsync without a flush": (rules.flushes_before_fsync, lambda nb, cell: cell.update(
        source="export.write('1,Tea')\nos.fsync(export.fileno())")),
    "fsync after the flush of another file": (rules.flushes_before_fsync, lambda nb, cell: cell.update(
        source="with open(path, 'w') as export:\n    log.flush()\n    os.fsync(export.fileno())")),
    "text opened in a mode that a variable holds, without newline=": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        source="print(csv.reader(open('orders.csv', mode, encoding='utf-8')))")),
    "text opened without something that nobody names": (rules.opens_text_with_care, lambda nb, cell: cell.update(
        id="00-without-it", source="print(csv.reader(open('orders.csv')))")),
    "a cell without an id": (rules.is_valid, lambda nb, cell: cell.pop("id")),
    "an id as JupyterLab gives it": (rules.is_valid, lambda nb, cell: cell.update(id="64bfcecf-4a6a-4daf-b754-b823653cd0e8")),
    "a magic": (rules.is_plain_python, lambda nb, cell: cell.update(source="%time print(2)")),
    "a shell escape": (rules.is_plain_python, lambda nb, cell: cell.update(source="print(2)\n!ls")),
    "an output of no known kind": (rules.is_valid, lambda nb, cell: cell.outputs.append({"output_type": "drawing"})),
    "an output ends in True": (rules.shows_things_and_not_truth_values, set_output("kept on disk: True\n")),
    "a value is False": (rules.shows_things_and_not_truth_values, lambda nb, cell: nb.cells[3].outputs[0].data.update(
        {"text/plain": "False"})),
    "a cell ends in a bare write": (rules.ends_in_no_bare_write, lambda nb, cell: cell.update(source="export.write('tea')")),
    "a cell ends in a bare seek": (rules.ends_in_no_bare_write, lambda nb, cell: cell.update(source="print(2)\nexport.seek(0)")),
    "a prediction without its tag": (rules.marks_its_predictions, lambda nb, cell: nb.cells[0].update(source="**Predict:** how many?")),
    "a tag on a cell that asks nothing": (rules.marks_its_predictions, lambda nb, cell: [
        nb.cells[0].metadata.update(tags=["predict"]), nb.cells[2].metadata.update(tags=["explain"])]),
    "a prediction without its explanation": (rules.marks_its_predictions, lambda nb, cell: [
        nb.cells[0].update(source="**Predict:** how many?"), nb.cells[0].metadata.update(tags=["predict"])]),
    "an explanation of what nobody asked": (rules.marks_its_predictions, lambda nb, cell: nb.cells[2].metadata.update(tags=["explain"])),
    "a tag that nobody knows": (rules.carries_no_more_than_it_must, lambda nb, cell: nb.cells[0].metadata.update(tags=["hide"])),
    "a code cell tagged as a prediction": (rules.is_never_excused, lambda nb, cell: cell.metadata.update(tags=["predict"])),
    **{f"{what} in a first lesson": (rules.is_plain_in_the_first_lessons, lambda nb, cell, source=source: cell.update(source=source))
       for what, source in {"a lambda": "sorted(rows, key=lambda row: row)", "getattr": "getattr(export, 'name')",
                            "x if c else y": "print('a' if rows else 'b')", "a star": "print(*rows)", "two stars": "open(**options)",
                            "a spread dictionary": "print({**row})", "a function with *": "def f(*rows): pass",
                            "a nested comprehension": "print([[cell for cell in row] for row in rows])",
                            "alignment": "print(f'{name:<20}')", "code in a string": "exec('1')"}.items()},
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_the_rule_sees_it_when(spoiled):
    rule, change = SPOILED[spoiled]
    assert rule(spoil(change)), f"{rule.__name__} did not see it"


@pytest.mark.parametrize("shown", [
    "here: /tmp/orders-k3v9x2ab.csv\n", "here: 0x7f3a5c0d2e10\n", "<file at 0x7f3a5c0d2e10>\n", "tmpab3_x9zq.csv\n", "a\r\n",
])
def test_what_is_compared_under_the_rules_of_here_lines_may_be_shown(shown):
    assert not rules.tells_nothing_of_the_machine(spoil(set_output(shown)))


def test_a_prediction_with_its_explanation_keeps_every_rule():
    notebook = a_good_notebook()
    notebook.cells[0].source += "\n\n**Predict:** how many?"
    notebook.cells[0].metadata.tags, notebook.cells[2].metadata.tags = ["predict"], ["explain"]
    assert [rule(notebook) for rule in rules.RULES] == [[]] * len(rules.RULES)


@pytest.mark.parametrize("source", [
    "print(open('orders.txt', 'w').name)", "with open('orders.txt') as file:\n    print(file.read())",
    "with open('orders.csv', 'w', newline='') as export:\n    csv.writer(export).writerow(['Tea'])\nprint(2)",
    "print(open('orders.csv', encoding='utf-8').read())", "open(path, 'wb')", "print(csv.reader([path.read_text()]))",
])
def test_plain_rows_may_be_opened_as_everybody_does(source):
    assert not rules.opens_text_with_care(spoil(lambda notebook, cell: cell.update(source=source)))


@pytest.mark.parametrize("flush", ["export.flush()", "if flush_first:\n    export.flush()"])
def test_fsync_is_right_after_a_flush_that_may_have_a_condition(flush):
    assert not rules.flushes_before_fsync(spoil(lambda notebook, cell: cell.update(source=f"{flush}\nos.fsync(export.fileno())")))


@pytest.mark.parametrize("new", [new_code_cell, new_markdown_cell])
def test_an_empty_cell_gets_one_sentence(new):
    notebook = a_good_notebook()
    notebook.cells.append(new("\n", id="00-count-last"))
    offences = [offence for rule in rules.RULES for offence in rule(normalise(notebook))]
    assert [offence.partition(".")[0] for offence in offences] == ["00-count-last: this cell is empty"]


@pytest.mark.parametrize("cells", [[], [new_markdown_cell("# Count", id="00-count-title")]], ids=["cell", "code cell"])
def test_one_sentence_is_enough_for_a_notebook_without_any(cells):
    notebook = normalise(new_notebook(cells=cells))
    assert [offence for rule in rules.RULES for offence in rule(notebook)] == ["has no code cell at all"]


def test_a_cell_with_nothing_but_a_comment_keeps_every_rule():
    notebook = spoil(lambda notebook, cell: cell.update(source="# Your lines go here.", outputs=[]))
    assert not [offence for rule in rules.RULES for offence in rule(notebook)]


def test_the_rule_sees_an_id_in_two_notebooks():
    offences = rules.ids_that_repeat({"01": a_good_notebook(), "02": a_good_notebook()})
    assert "cell id 00-count-two stands in 01 and in 02" in offences


class Options:
    """Stands in for pytest's config, with nbval as .pytest.ini sets it unless told otherwise."""

    def __init__(self, **options):
        self.options = {"nbval": True, "nbval_lax": False, "nbval_sanitize_with": str(plugin.RULES_FILE), **options}

    def getoption(self, name):
        return self.options[name]


@functools.cache
def all_collected():
    return {path.name: len(code_cells(read_notebook(path))) for path in notebook_paths()}


def test_a_complete_run_compares_everything():
    assert plugin.what_is_not_compared(Options(), all_collected()) == []


@pytest.mark.parametrize("option, value", [("nbval", False), ("nbval_lax", True), ("nbval_sanitize_with", None),
                                           ("nbval_sanitize_with", "patterns.cfg"),
                                           ("nbval_sanitize_with", "tests/sanitize.cfg")])
def test_a_run_with_another_nbval_is_stopped(option, value):
    assert plugin.what_is_not_compared(Options(**{option: value}), all_collected())


def test_a_run_in_which_a_notebook_is_not_collected_is_stopped():
    collected = {name: cells for name, cells in all_collected().items() if name != "03-meet-the-empty-file.ipynb"}
    problems = plugin.what_is_not_compared(Options(), collected)
    assert len(problems) == 1 and problems[0].startswith("03-meet-the-empty-file.ipynb: 0 of its")


def test_a_whole_run_that_would_not_compare_everything_ends_before_its_first_test_and_says_why():
    session = SimpleNamespace(items=[], config=Options())
    with pytest.raises(pytest.UsageError, match=r"(?s)would not compare every notebook.*03-meet-the-empty-file.ipynb: 0 of its"):
        plugin._stop_unless_everything_is_compared(session)


@pytest.mark.parametrize("typed, whole", [
    ([], True), (["-q"], True), (["-k", "gauge"], False), (["-qk", "gauge"], False), (["--ignore=tests/browser"], False),
    (["--lf"], False), (["--last-failed"], False), (["--sw"], False), (["--deselect", "tests/test_gauge.py"], False),
    (["-x", "--maxfail=3", "-p", "no:cacheprovider"], True),
])
def test_a_run_is_of_the_whole_suite_unless_somebody_typed_a_choice(typed, whole):
    config = SimpleNamespace(args_source=pytest.Config.ArgsSource.TESTPATHS, invocation_params=SimpleNamespace(args=typed),
                             option=SimpleNamespace(ignore=["notebooks/06-know-what-survives.ipynb"]))  # as from .pytest.ini
    assert plugin.is_the_whole_suite(config) is whole


def test_nobody_s_own_ipython_settings_are_read():
    assert Path(os.environ["IPYTHONDIR"]).parent == Path(tempfile.gettempdir())


SPOILED_CELLS = {
    "a changed output": ("print(1 + 2)", False),
    "missing encoding in a module of ours": ("import careless\ncareless.write('orders.csv')\nprint(2)", False),
    "left open": ("for name in ['a.csv', 'b.csv']:\n"
                  "    export = open(name, 'w', newline='', encoding='utf-8')\nprint(2)", False),
    "an exception": ("print(2)\nraise ValueError", False),
    "still good": ("print(2)", True),
}


def run_nbval_over_spoiled_cells():
    stored = [new_output("stream", name="stdout", text="2\n")]
    careless = "def write(name):\n    with open(name, 'w', newline='') as export:\n        export.write('1')\n"
    return run_nbval([(source, stored) for source, _ in SPOILED_CELLS.values()], {"notebooks/careless.py": careless})


@pytest.mark.child(runs=run_nbval_over_spoiled_cells)
def test_nbval_turns_red_on_what_only_a_run_can_show(child):
    (passed, run), _ = child
    assert dict(zip(SPOILED_CELLS, passed)) == {what: good for what, (_, good) in SPOILED_CELLS.items()}, run.stdout
    assert run.returncode == 1
