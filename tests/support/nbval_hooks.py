"""The private doors of nbval and pytest that this project goes through, all in this file.

nbval has no public way to do these things; pytest has none to ask a test for its parameters before it runs. When a new
version has moved a door, nothing here raises: nbval then compares as it does by itself, and tests/test_nbval_hooks.py
fails with a sentence that names the library and its version.
"""
import time
from queue import Empty

from nbval.kernel import RunningKernel

MESSAGE_SECONDS = 60  # how long a busy machine may keep one message of a kernel; nbval's own limit is 5
TRIES = 3


def give_kernels_their_tries():
    """Let each kernel that nbval starts have TRIES tries, each with other network ports."""
    RunningKernel.__init__ = tried_again(RunningKernel.__init__)


def tried_again(start):
    """Return a stand-in for ``start``, the ``__init__`` of a RunningKernel, that tries TRIES times.

    kernels.py says why a start can fail; here it happened once in some hundred runs of the suite. A kernel that started
    and gave no answer is stopped before the next. Raises RuntimeError when no try succeeds.
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


def notice_dead_kernels():
    """Let a cell in which its kernel dies be red at once, and those after it; nbval waits until the cell's time is over."""
    RunningKernel.get_message = noticing_death(RunningKernel.get_message)


def noticing_death(get_message):
    """Return a stand-in for the method ``get_message`` of a RunningKernel, which raises RuntimeError when the kernel is dead."""
    def get_message_of_the_living(kernel, stream, timeout=None):
        dead, end = False, time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            try:
                return get_message(kernel, stream, min(1, max(0, end - time.monotonic())))
            except Empty:
                if dead:  # and what it had sent is read
                    raise RuntimeError("the kernel died in this cell") from None
                if time.monotonic() >= end:
                    raise
                dead = not kernel.is_alive()
    return get_message_of_the_living


def wait_for_messages(item):
    """Let nbval wait MESSAGE_SECONDS for a message of the kernel, if ``item`` is one of its cells."""
    if hasattr(item, "output_timeout"):
        item.output_timeout = MESSAGE_SECONDS


def name_after_its_cell(item):
    """Let ``item``, a cell that nbval compares, be called after its id, for -k and in messages."""
    item.name = item.cell["id"]


def parameters_of(item):
    """Return the parameters of a collected test: {"path": ...}, or {} when it has none."""
    return item.callspec.params if hasattr(item, "callspec") else {}
