"""A kernel that dies or stays silent at its start gets another try, and nobody sees it."""
import asyncio
import logging

import pytest
from jupyter_client.asynchronous import AsyncKernelClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.support import kernels


def run_a_notebook_with_bad_starts(bad_starts):
    """Run one cell while the first ``bad_starts`` kernels die before they answer. Returns what it showed, and the starts."""
    logging.disable()  # a failure that is wanted here is nobody's to read
    ready, starts = AsyncKernelClient.wait_for_ready, []

    async def die_at_first(client, timeout=None):
        starts.append(client)
        if len(starts) <= bad_starts:
            raise RuntimeError("Kernel died before replying to kernel_info")
        await ready(client, timeout=timeout)

    AsyncKernelClient.wait_for_ready = die_at_first
    notebook = new_notebook(cells=[new_code_cell("print(6 * 7)")])
    try:
        asyncio.run(kernels.execute(notebook, seconds=120))
    except RuntimeError as error:
        return str(error), len(starts)
    return notebook.cells[0].outputs[0].text, len(starts)


@pytest.mark.child(runs=run_a_notebook_with_bad_starts)
@pytest.mark.parametrize("bad_starts, answer", [(2, "42\n"), (3, "Kernel died before replying to kernel_info")])
def test_a_notebook_is_run_although_two_kernels_died_at_the_start_and_after_three_the_failure_is_told(child, bad_starts, answer):
    assert child[0] == (answer, 3)
