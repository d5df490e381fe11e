"""The pytest plugin of this project, loaded by .pytest.ini.

It sets the conditions under which notebooks run, starts kernels so that a rare clash of network ports is
no failure, and stops a run of the whole suite in which a notebook would not be compared.

It also runs the tests' child processes ahead of time. A test marked ``@pytest.mark.child(runs=function)`` wants what
``function(path)`` answers in a process of its own, or ``function()`` when the test has no ``path``; nearly all the time
of the suite goes there. So they start when the tests have been collected, as many at once as there are cores, and the
fixture ``child`` waits for its answer.
"""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from nbval.kernel import RunningKernel

from tests.support import conditions, kernels
from tests.support.cells import import_ahead, in_child
from tests.support.notebook_files import code_cells, notebook_paths, read_notebook

MESSAGE_SECONDS = 60  # how long a busy machine may keep one message of a kernel; nbval's own limit is 5

_pool = ThreadPoolExecutor(os.cpu_count() or 1)
_children = {}


def pytest_configure(config):
    conditions.apply()
    RunningKernel.__init__ = kernels.kernel_tried_again(RunningKernel.__init__)
    config.addinivalue_line("markers", "child(runs): run runs(path), or runs(), in a process of its own, ahead of the test")


def _child_of(item):
    marker = item.get_closest_marker("child")
    if marker is None:
        return None
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return (marker.kwargs["runs"], *([parameters["path"]] if "path" in parameters else []))


@pytest.fixture
def child(request):
    """The answer of the test's child process, and the names that it left in its temp folder."""
    return _children[_child_of(request.node)].result()


def pytest_sessionfinish():
    _pool.shutdown(cancel_futures=True)


def what_is_not_compared(config, collected):
    """Return a sentence for each reason why a run of the whole suite would not compare every cell.

    Parameters: ``config`` is pytest's; ``collected`` maps the name of each collected notebook to its number of cells.
    """
    problems = []
    if not config.getoption("nbval"):
        problems.append("--nbval is off: put it back into .pytest.ini")
    if config.getoption("nbval_lax"):
        problems.append("--nbval-lax is on, and it compares nothing: take it out")
    if config.getoption("nbval_sanitize_with"):
        problems.append("--nbval-sanitize-with is on: outputs must be equal without help")
    for path in notebook_paths():
        cells = len(code_cells(read_notebook(path)))
        if collected.get(path.name, 0) != cells:
            problems.append(f"{path.name}: {collected.get(path.name, 0)} of its {cells} cells would be compared")
    return problems


def is_the_whole_suite(config):
    """Return whether nobody chose tests on the command line. What .pytest.ini or PYTEST_ADDOPTS leaves out is no choice."""
    from_ini = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    chose = any(re.match(r"-[a-z]*[km]|--ignore|--deselect", str(typed)) for typed in config.invocation_params.args)
    return from_ini and not chose


def pytest_collection_modifyitems(items):
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = MESSAGE_SECONDS


def pytest_collection_finish(session):
    if is_the_whole_suite(session.config):
        _stop_unless_everything_is_compared(session)
    if not session.config.option.collectonly:
        wanted = dict.fromkeys(filter(None, map(_child_of, session.items)))
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
