"""Run a notebook in a kernel of its own, on a machine that may be busy with twenty others.

Jupyter draws five free ports for a kernel and lets go of them; the kernel takes them a moment later, and dies if another
one has one of them by then. Twenty at once, six hundred starts: it happened once, and ``tests.tools.learners`` makes four
hundred. Jupyter's own server then tries other ports; nbclient does not, so ``execute`` does.
"""
import subprocess

from nbclient import NotebookClient

from tests.support.notebook_files import NOTEBOOK_FOLDER

TRIES = 3
START_SECONDS = 300  # as long as a kernel may take to start on any machine


async def execute(notebook, seconds):
    """Run all cells of ``notebook`` in a kernel that gets TRIES tries to start, in the notebooks folder.

    ``seconds`` limits each cell; the start and the wait for an output have START_SECONDS. For the latter nbclient by itself
    allows four seconds, and then goes on without the output. The kernel's own log is dropped, for it is not the reader's.
    Raises RuntimeError when no try starts a kernel, and what ``NotebookClient.async_execute`` raises for a cell.
    """
    client = NotebookClient(notebook, timeout=seconds, startup_timeout=START_SECONDS, iopub_timeout=START_SECONDS,
                            raise_on_iopub_timeout=True, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(NOTEBOOK_FOLDER)}})
    for attempt in range(TRIES):
        client.km = client.create_kernel_manager()
        await client.async_start_new_kernel(stderr=subprocess.DEVNULL)
        try:
            await client.async_start_new_kernel_client()
            break
        except RuntimeError:
            if attempt == TRIES - 1:
                raise
    await client.async_execute()
