"""The pytest plugin of this project, loaded by .pytest.ini.

It sets the conditions under which notebooks run, hands nbval the rules of sanitize.cfg, stops a run of the whole suite in
which a notebook would not be compared, and prints at the end of such a run which lines were not.

It also runs the tests' child processes ahead of time. A test marked ``@pytest.mark.child(runs=function)`` wants what
``function()`` answers in a process of its own; it is given those parameters of the test that it has, too, such as
``path``, or those that the marker names: ``child(runs=function, path=PATH)``. Nearly all the time of the suite goes there,
half of it in waiting. So the children start when the tests have been collected, two at once for each core, and the fixture
``child`` waits for its answer.

Helpers are imported where they are used: a helper that cannot be imported fails the tests that need it, and nbval
compares the notebooks all the same.
"""
import inspect
import itertools
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import conditions

RULES_FILE = Path(__file__).with_name("sanitize.cfg")

_pool = ThreadPoolExecutor(2 * (os.cpu_count() or 1))
_children = {}


def pytest_configure(config):
    conditions.apply()
    config.addinivalue_line("markers", "child(runs): call runs, with those parameters of the test that it has, in a process of its own")
    rules = config.getoption("nbval_sanitize_with")
    if rules:  # nbval looks for it from the current folder, and pytest may be started in another one
        config.option.nbval_sanitize_with = str(config.rootpath / rules)
    try:
        from tests.support import nbval_hooks
        nbval_hooks.give_kernels_their_tries()
        nbval_hooks.notice_dead_kernels()
    except Exception:
        pass  # tests/test_nbval_hooks.py says what is missing


def _child_of(item):
    marker = item.get_closest_marker("child")
    if marker is None:
        return None
    from tests.support.nbval_hooks import parameters_of
    function, given = marker.kwargs["runs"], {**parameters_of(item), **marker.kwargs}
    return (function, *(given[name] for name in inspect.signature(function).parameters if name in given))


@pytest.fixture
def child(request):
    """The answer of the test's child process, and the names that it left in its temp folder."""
    from tests.support.cells import in_child
    wanted = _child_of(request.node)
    return _children[wanted].result() if wanted in _children else in_child(*wanted)


def pytest_sessionfinish():
    _pool.shutdown(cancel_futures=True)


def what_is_not_compared(config, collected):
    """Return a sentence for each reason why a run of the whole suite would not compare every cell.

    Parameters: ``config`` is pytest's; ``collected`` maps the name of each collected notebook to its number of cells.
    """
    from tests.support.notebook_files import code_cells, notebook_paths, read_notebook
    problems = []
    if not config.getoption("nbval"):
        problems.append("--nbval is off: put it back into .pytest.ini")
    if config.getoption("nbval_lax"):
        problems.append("--nbval-lax is on, and it compares nothing: take it out")
    rules = config.getoption("nbval_sanitize_with")
    if not rules or Path(rules).resolve() != RULES_FILE:
        problems.append(f"--nbval-sanitize-with is {rules}: only the rules of {RULES_FILE.name} have tests of what they let through")
    for path in notebook_paths():
        cells = len(code_cells(read_notebook(path)))
        if collected.get(path.name, 0) != cells:
            problems.append(f"{path.name}: {collected.get(path.name, 0)} of its {cells} cells would be compared")
    return problems


def is_the_whole_suite(config):
    """Return whether nobody chose tests on the command line. What .pytest.ini or PYTEST_ADDOPTS leaves out is no choice."""
    from_ini = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    choice = r"-[a-z]*[km]|--ignore|--deselect|--lf|--last-failed|--sw|--stepwise"
    return from_ini and not any(re.match(choice, str(typed)) for typed in config.invocation_params.args)


def pytest_itemcollected(item):
    if item.path.suffix == ".ipynb":
        try:
            from tests.support.nbval_hooks import name_after_its_cell
            name_after_its_cell(item)
        except Exception:
            pass  # the cell keeps nbval's name for it, such as Cell 10


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Let the head of a failure say the id of the cell; the line in the summary has nbval's number, which begins at 0."""
    outcome = yield
    if item.path.suffix == ".ipynb":
        report = outcome.get_result()
        file, line, place = report.location
        report.location = (file, line, f"{place} ({item.name})")


def pytest_collection_finish(session):
    if is_the_whole_suite(session.config):
        _stop_unless_everything_is_compared(session)
    session.items[:] = with_the_cells_before(session.items)
    try:
        _let_nbval_wait(session.items)
        if not session.config.option.collectonly:
            _start_children(session.items)
    except Exception:
        pass  # the tests that need these helpers say so; nbval compares without them


def with_the_cells_before(items):
    """Return ``items`` with all the cells that stand before a chosen one in its notebook: it needs what they define.

    So ``pytest --lf``, ``-k`` and the id of one cell do what one expects of them.
    """
    completed = []
    for collector, chosen in itertools.groupby(items, key=lambda item: item.parent):
        chosen = list(chosen)
        if chosen[0].path.suffix == ".ipynb":
            cells = list(collector.collect())
            before = cells[:[cell.nodeid for cell in cells].index(chosen[-1].nodeid) + 1]
            if len(before) > len(chosen):
                for cell in before:
                    pytest_itemcollected(cell)
                chosen = before
        completed += chosen
    return completed


def _let_nbval_wait(items):
    from tests.support.nbval_hooks import wait_for_messages
    for item in items:
        wait_for_messages(item)


def _start_children(items):
    from tests.support.cells import import_ahead, in_child
    wanted = dict.fromkeys(filter(None, map(_child_of, items)))
    import_ahead({function.__module__ for function, *_ in wanted})
    for each in wanted:
        _children[each] = _pool.submit(in_child, *each)


def _stop_unless_everything_is_compared(session):
    collected = {}
    for item in session.items:
        if item.path.suffix == ".ipynb":
            collected[item.path.name] = collected.get(item.path.name, 0) + 1
    problems = what_is_not_compared(session.config, collected)
    if problems:
        raise pytest.UsageError("this run would not compare every notebook.\n" + "\n".join(problems))


def pytest_terminal_summary(terminalreporter, config):
    if is_the_whole_suite(config) and not config.option.collectonly:
        terminalreporter.section("here: lines, whose values are not compared")
        terminalreporter.write_line(where_the_here_lines_are())


def where_the_here_lines_are():
    """Return a text that says how many ``here:`` lines the stored outputs hold, and in which cells."""
    from tests.support.comparison import here_lines
    from tests.support.notebook_files import code_cells, notebook_paths, read_notebook
    total, told = 0, []
    for path in notebook_paths():
        lines = {cell.id: len(here_lines(cell)) for cell in code_cells(read_notebook(path))}
        if any(lines.values()):
            total += sum(lines.values())
            told.append(f"{path.stem}: {sum(lines.values())} ({', '.join(cell for cell, count in lines.items() if count)})")
    return "\n".join([f"{total} in {len(told)} of {len(notebook_paths())} notebooks", *told])
