"""The conditions under which every notebook is run, by the tests and by ``python -m tests.tools.refresh``."""
import atexit
import os
import shutil
import tempfile
from pathlib import Path

KERNEL_START = Path(__file__).resolve().parents[2] / "notebooks" / "kernel_start.py"
STRICT = {
    # A text file that a module opens without encoding= puts a warning on stderr, and nbval turns red.
    "PYTHONWARNDEFAULTENCODING": "1",
    # So does a file that is dropped while still open. A lesson's own cells may write open("orders.txt", "w"), as everybody
    # does: rules.opens_text_with_care knows when they need encoding=. IPython's open() stands between a cell and Python's.
    # matplotlib reads its list of fonts without it.
    "PYTHONWARNINGS": "always::ResourceWarning,ignore::EncodingWarning:__main__,"
                      "ignore::EncodingWarning:IPython.core.interactiveshell,ignore::EncodingWarning:matplotlib.font_manager",
}


def apply():
    """Set the strict conditions for every process that is started from here on.

    Each run has an IPython folder of its own: the start-up files and the history of whoever runs the tests stay out of it.
    Kernels begin as under ``python3 notebooks``, with kernel_start.py.
    """
    os.environ.update(STRICT)
    if KERNEL_START.exists():  # a small copy of the project, such as a test makes, has none
        os.environ["PYTHONSTARTUP"] = str(KERNEL_START)
    folder = tempfile.mkdtemp(prefix="ipython-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["IPYTHONDIR"] = folder
