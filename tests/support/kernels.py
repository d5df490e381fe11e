"""Run notebooks in kernels of their own, on a machine that may be busy.

Jupyter draws five free ports for a kernel and lets go of them; the kernel takes them a moment later. When many kernels
start at once, another one may have one of them by then, and the kernel dies before it says a word. Jupyter's own server
then starts it again with other ports (``KernelRestarter.random_ports_until_alive`` of jupyter_client); the programs that
run a notebook in one go do not. Twenty at once, six hundred starts: it happened once.
"""
import subprocess

from nbclient import NotebookClient

from tests.support.notebook_files import NOTEBOOK_FOLDER

TRIES = 3
COMMAND_SECONDS = 1800  # a command that takes longer hangs, on any machine
DIED_AT_THE_START = "Kernel died before replying to kernel_info"  # what jupyter_client says of it


def kernel_tried_again(start):
    """Return a stand-in for ``start``, the ``__init__`` of nbval's RunningKernel, that gives a kernel TRIES tries to start.

    A kernel that started and gave no answer is stopped before the next. Raises RuntimeError when no try succeeds.
    """
    def start_again(kernel, *args, **kwargs):
        for attempt in range(TRIES):
            try:
                return start(kernel, *args, **kwargs)
            except RuntimeError:
                if hasattr(kernel, "km"):
                    kernel.stop()
                if attempt == TRIES - 1:
                    raise
    return start_again


async def execute(notebook, seconds):
    """Run all cells of ``notebook`` in a kernel that gets TRIES tries to start, in the notebooks folder.

    ``seconds`` limits the start, each cell and the wait for an output. For the last of these nbclient allows four seconds,
    and then goes on without the output. The kernel's own log is dropped, for it is not the reader's. Raises RuntimeError when
    no try starts a kernel, and what ``NotebookClient.async_execute`` raises for a cell.
    """
    client = NotebookClient(notebook, timeout=seconds, startup_timeout=seconds, iopub_timeout=seconds,
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


def run_again_if_no_kernel_starts(command):
    """Run the ``command`` of a program that starts a kernel, up to TRIES times; return subprocess.run's last answer.

    A command that is not done after COMMAND_SECONDS is ended; its exit code is 1, and its stderr says so.
    """
    for _ in range(TRIES):
        try:
            run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace",
                                 timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", f"not done after {COMMAND_SECONDS} seconds")
        if DIED_AT_THE_START not in run.stderr:
            break
    return run
