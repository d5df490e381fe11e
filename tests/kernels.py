"""Start a kernel again when it died because of its network ports.

Jupyter draws five free ports for a kernel and lets go of them; the kernel takes them a moment later. When many kernels
start at once, another one may have one of them by then, and the kernel dies before it says a word. Jupyter's own server
then starts it again with other ports (``KernelRestarter.random_ports_until_alive`` of jupyter_client); the programs that
run a notebook in one go do not. Twenty at once, six hundred starts: it happened once.
"""
import subprocess

TRIES = 3
DIED_AT_THE_START = "Kernel died before replying to kernel_info"  # what jupyter_client says of it


def tried_again(start):
    """Return a function that does as ``start``, and tries up to TRIES times while it raises RuntimeError."""
    def start_again(*args, **kwargs):
        for _ in range(TRIES - 1):
            try:
                return start(*args, **kwargs)
            except RuntimeError:
                continue
        return start(*args, **kwargs)
    return start_again


async def execute(client):
    """Run all cells of an ``nbclient.NotebookClient`` in a kernel that gets TRIES tries to start.

    The kernel's own log is not the reader's, and is dropped. Raises RuntimeError when no try starts a kernel, and what
    ``async_execute`` raises for a cell.
    """
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
    """Run the ``command`` of a program that starts a kernel, up to TRIES times; return subprocess.run's last answer."""
    for _ in range(TRIES):
        run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
        if DIED_AT_THE_START not in run.stderr:
            break
    return run
