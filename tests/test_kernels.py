"""A kernel whose network port was taken before it could take it is started again, and nobody sees it."""
import asyncio
import socket
import sys

import pytest
from jupyter_client.connect import LocalPortCache
from nbformat.v4 import new_code_cell, new_notebook
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel

from tests import kernels

A_RUNNER = """
import pathlib, sys
tries = pathlib.Path(sys.argv[1])
tries.write_text(tries.read_text() + "x")
if len(tries.read_text()) < int(sys.argv[2]):
    sys.exit("RuntimeError: Kernel died before replying to kernel_info")
"""


@pytest.fixture
def taken_port(monkeypatch):
    """Let the first port that is drawn be one that somebody else has. Yields the list of the ports drawn."""
    drawn, draw = [], LocalPortCache.find_available_port
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()

        def draw_a_taken_one_first(self, ip):
            drawn.append(draw(self, ip) if drawn else somebody.getsockname()[1])
            return drawn[-1]

        monkeypatch.setattr(LocalPortCache, "find_available_port", draw_a_taken_one_first)
        yield drawn


def test_a_notebook_is_run_although_a_port_of_its_kernel_was_taken(taken_port):
    notebook = new_notebook(cells=[new_code_cell("print(6 * 7)")])
    asyncio.run(kernels.execute(notebook, seconds=120))
    assert notebook.cells[0].outputs[0].text == "42\n"
    assert len(taken_port) > 5, "the first kernel did start, so this test shows nothing"


def test_a_kernel_that_started_and_gave_no_answer_is_stopped_before_the_next(monkeypatch):
    answers, silent = RunningKernel._ensure_iopub_up, []

    def is_silent_at_first(kernel):
        if not silent:
            silent.append(kernel.km)
            raise RuntimeError("Kernel info request timed out")
        answers(kernel)

    monkeypatch.setattr(RunningKernel, "_ensure_iopub_up", is_silent_at_first)
    kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME)
    assert (silent[0].is_alive(), kernel.km.is_alive()) == (False, True)
    kernel.stop()


def test_nbval_gets_its_kernel_although_a_port_was_taken(taken_port):
    kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME)
    kernel.stop()
    assert len(taken_port) > 5, "the first kernel did start, so this test shows nothing"


@pytest.mark.parametrize("succeeds_at, tries, code", [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 3, 1)])
def test_a_runner_whose_kernel_died_at_the_start_gets_three_tries(tmp_path, succeeds_at, tries, code):
    count = tmp_path / "tries"
    count.write_text("")
    run = kernels.run_again_if_no_kernel_starts([sys.executable, "-c", A_RUNNER, str(count), str(succeeds_at)])
    assert (len(count.read_text()), run.returncode) == (tries, code)


def test_a_runner_that_fails_for_another_reason_gets_one_try(tmp_path):
    count = tmp_path / "tries"
    count.write_text("")
    run = kernels.run_again_if_no_kernel_starts(
        [sys.executable, "-c", A_RUNNER.replace("Kernel died", "Paper jam"), str(count), "2"])
    assert (len(count.read_text()), run.returncode) == (1, 1)
