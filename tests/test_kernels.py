"""A kernel whose network port was taken before it could take it is started again, and nobody sees it."""
import asyncio
import contextlib
import os
import socket
import sys

import pytest
from jupyter_client.connect import LocalPortCache
from nbformat.v4 import new_code_cell, new_notebook
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel

from tests.support import kernels

A_RUNNER = """
import pathlib, sys
tries = pathlib.Path(sys.argv[1])
tries.write_text(tries.read_text() + "x")
if len(tries.read_text()) < int(sys.argv[2]):
    sys.exit("RuntimeError: Kernel died before replying to kernel_info")
"""


# Most of their time is waiting, so these three run ahead, each in a process of its own: what they replace stays there.

def say_nothing():
    """Drop what this process writes to stderr: nobody need read of a failure that is wanted here, in a suite that passes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


@contextlib.contextmanager
def a_taken_port():
    """Let the first port that is drawn be one that somebody else has. Gives the list of the ports drawn."""
    drawn, draw = [], LocalPortCache.find_available_port
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()

        def draw_a_taken_one_first(self, ip):
            drawn.append(draw(self, ip) if drawn else somebody.getsockname()[1])
            return drawn[-1]

        LocalPortCache.find_available_port = draw_a_taken_one_first
        yield drawn


def run_a_notebook_at_a_taken_port():
    say_nothing()
    notebook = new_notebook(cells=[new_code_cell("print(6 * 7)")])
    with a_taken_port() as drawn:
        asyncio.run(kernels.execute(notebook, seconds=120))
    return notebook.cells[0].outputs[0].text, len(drawn)


@pytest.mark.child(runs=run_a_notebook_at_a_taken_port)
def test_a_notebook_is_run_although_a_port_of_its_kernel_was_taken(child):
    (printed, ports), _ = child
    assert printed == "42\n"
    assert ports > 5, "the first kernel did start, so this test shows nothing"


def start_a_silent_kernel():
    say_nothing()
    answers, silent = RunningKernel._ensure_iopub_up, []

    def is_silent_at_first(kernel):
        if not silent:
            silent.append(kernel.km)
            raise RuntimeError("Kernel info request timed out")
        answers(kernel)

    RunningKernel._ensure_iopub_up = is_silent_at_first
    RunningKernel.__init__ = kernels.kernel_tried_again(RunningKernel.__init__)
    kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME)
    alive = silent[0].is_alive(), kernel.km.is_alive()
    kernel.stop()
    return alive


@pytest.mark.child(runs=start_a_silent_kernel)
def test_a_kernel_that_started_and_gave_no_answer_is_stopped_before_the_next(child):
    alive, _ = child
    assert alive == (False, True)


def start_a_kernel_at_a_taken_port():
    say_nothing()
    RunningKernel.__init__ = kernels.kernel_tried_again(RunningKernel.__init__)
    with a_taken_port() as drawn:
        RunningKernel(CURRENT_ENV_KERNEL_NAME).stop()
    return len(drawn)


@pytest.mark.child(runs=start_a_kernel_at_a_taken_port)
def test_nbval_gets_its_kernel_although_a_port_was_taken(child):
    ports, _ = child
    assert ports > 5, "the first kernel did start, so this test shows nothing"


def test_the_kernels_of_this_run_get_their_tries():
    assert RunningKernel.__init__.__qualname__.startswith("kernel_tried_again")


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
