"""The private doors of nbval and pytest are where nbval_hooks.py looks for them; without them nbval compares all the same."""
import contextlib
import io
import logging
import re
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.support import nbval_hooks
from tests.support.nbval_run import run_nbval
from tests.support.notebook_files import PROJECT, normalise, write_if_changed

NBVAL, PYTEST = f"nbval {version('nbval')}", f"pytest {version('pytest')}"
PRIVATE = r"\b(nbval\.(?:plugin|kernel)|RunningKernel|IPyNb\w+|output_timeout|callspec|coalesce_streams|_pytest)\b"


def printed(text):
    return [new_output("stream", name="stdout", text=text)]


class Watch:
    """Notes how long nbval wants to wait for a message, before and after our plugin has seen the cell."""

    def pytest_itemcollected(self, item):
        self.by_itself = getattr(item, "output_timeout", None)

    def pytest_runtest_setup(self, item):
        self.with_plugin, self.name = getattr(item, "output_timeout", None), item.name


def run_a_notebook_under_nbval_with_two_bad_starts():
    """Run one cell under nbval in this process, while the first two kernels die before they answer."""
    logging.disable()
    ready, starts, watch = BlockingKernelClient.wait_for_ready, [], Watch()

    def die_at_first(client, timeout=None):
        starts.append(client)
        if len(starts) <= 2:
            raise RuntimeError("Kernel died before replying to kernel_info")
        ready(client, timeout=timeout)

    BlockingKernelClient.wait_for_ready = die_at_first
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
        path = Path(folder, "small.ipynb")
        write_if_changed(normalise(new_notebook(cells=[new_code_cell("print(6 * 7)", outputs=printed("42\n"), id="77-count")])), path)
        code = pytest.main([str(path), "-c", str(PROJECT / ".pytest.ini"), "-p", "no:cacheprovider"], plugins=[watch])
    return {"code": int(code), "starts": len(starts), "by itself": watch.by_itself, "with the plugin": watch.with_plugin,
            "name": watch.name, "said": said.getvalue()}


UNDER_NBVAL = pytest.mark.child(runs=run_a_notebook_under_nbval_with_two_bad_starts)


@UNDER_NBVAL
def test_nbval_starts_its_kernels_where_a_start_can_be_tried_again(child):
    seen, _ = child
    assert (seen["code"], seen["starts"]) == (0, 3), f"{NBVAL} no longer starts kernels in RunningKernel.__init__: {seen['said']}"


@UNDER_NBVAL
def test_nbval_waits_for_messages_as_long_as_it_is_told(child):
    seen, _ = child
    assert isinstance(seen["by itself"], int), f"the cells of {NBVAL} no longer have the attribute output_timeout"
    assert seen["with the plugin"] == nbval_hooks.MESSAGE_SECONDS


@UNDER_NBVAL
def test_a_cell_is_called_after_its_id(child):
    seen, _ = child
    assert seen["name"] == "77-count", f"the cells of {NBVAL} no longer have the attribute cell: -k finds them as Cell 0 only"


def start_a_kernel_of_nbval():
    kernel = nbval_hooks.RunningKernel("python3")
    alive = hasattr(kernel, "km") and kernel.km.is_alive()
    kernel.stop()
    return alive, kernel.is_alive()


@pytest.mark.child(runs=start_a_kernel_of_nbval)
def test_a_kernel_of_nbval_can_be_stopped(child):
    alive, _ = child
    assert alive == (True, False), f"a RunningKernel of {NBVAL} no longer has km, or stop() no longer ends it"


@pytest.mark.parametrize("path", ["a parameter"])
def test_pytest_tells_the_parameters_of_a_test(request, path):
    assert nbval_hooks.parameters_of(request.node) == {"path": path}, f"a test of {PYTEST} no longer has callspec.params"


@pytest.mark.parametrize("succeeds_at, starts, stopped", [(1, 1, 0), (2, 2, 1), (3, 3, 2), (4, 3, 3)])
def test_a_silent_kernel_is_stopped_before_the_next_try(succeeds_at, starts, stopped):
    class Kernel:
        started = stops = 0

        def start(self):
            self.started += 1
            self.km = "a kernel manager"
            if self.started < succeeds_at:
                raise RuntimeError("Kernel info request timed out")

        def stop(self):
            self.stops += 1

    kernel = Kernel()
    with pytest.raises(RuntimeError) if succeeds_at > nbval_hooks.TRIES else contextlib.nullcontext():
        nbval_hooks.tried_again(Kernel.start)(kernel)
    assert (kernel.started, kernel.stops) == (starts, stopped)


def test_no_other_file_goes_through_a_private_door():
    files = [path for path in PROJECT.joinpath("tests").rglob("*.py") if path.name not in ("nbval_hooks.py", Path(__file__).name)]
    assert len(files) > 20
    assert not {path.name: found for path in files if (found := re.findall(PRIVATE, path.read_text(encoding="utf-8")))}


BROKEN = "raise AttributeError('broken for the purpose')\n"
TWO_CELLS = [("print(1)", printed("1\n")), ("print(2)", printed("3\n"))]


def run_nbval_over_a_kernel_that_dies():
    return run_nbval([("import os\nos._exit(1)", []), ("print(2)", printed("2\n"))])


@pytest.mark.child(runs=run_nbval_over_a_kernel_that_dies)
def test_a_cell_in_which_the_kernel_dies_is_red_and_so_are_those_after_it(child):
    (passed, run), _ = child
    assert passed == [False, False]
    assert "exception: the kernel died in this cell" in run.stdout, f"{NBVAL} no longer waits in RunningKernel.get_message"
    assert "exception: Kernel dead on test start" in run.stdout, f"{NBVAL} no longer asks whether the kernel is alive"


def run_nbval_while_helpers_are_broken():
    files = {f"tests/support/{name}.py": BROKEN for name in ("nbval_hooks", "cells", "kernels", "rules")}
    return run_nbval(TWO_CELLS, {**files, "tests/test_of_a_broken_helper.py": "from tests.support import cells\n"})


@pytest.mark.child(runs=run_nbval_while_helpers_are_broken)
def test_nbval_compares_when_our_helpers_cannot_be_imported(child):
    (passed, run), _ = child
    assert passed == [True, False] and run.returncode == 1, run.stdout
    assert "Cell outputs differ" in run.stdout and "broken for the purpose" in run.stdout


def run_what_failed_last():
    cells = [("x = 1", []), ("print(x)", printed("1\n")), ("print(x)", printed("2\n")), ("print(x)", printed("1\n"))]
    return run_nbval(cells, {"notes.txt": "a stray file at the top"}, options=[(), ("--lf",)])


@pytest.mark.child(runs=run_what_failed_last)
def test_pytest_lf_runs_the_cell_that_failed_after_the_cells_that_it_needs(child):
    (passed, run), _ = child
    assert passed == [True, True, False, False] and "NameError" not in run.stdout, run.stdout
    assert "1 failed, 2 passed" in run.stdout
    assert "Cell 2 (spoiled-2)" in run.stdout, "the head of a failure does not name the cell"


def run_one_chosen_cell():
    cells = [("x = 1", []), ("print(x)", printed("1\n")), ("print(x)", printed("1\n"))]
    return run_nbval(cells, options=[("notebooks/spoiled.ipynb::Cell 1",)])


@pytest.mark.child(runs=run_one_chosen_cell)
def test_one_chosen_cell_runs_after_the_cells_that_it_needs(child):
    (passed, run), _ = child
    assert passed == [True, True, False] and run.returncode == 0, run.stdout
