"""Make the project's own Python environment, `.venv`, and say in one sentence what stands in the way.

``python3 notebooks`` and ``python3 tests`` both start here. The file runs on any Python, however old, so
that an old one can be told what it lacks: no f-strings, nothing outside the standard library.
"""
from __future__ import print_function

import hashlib
import os
import subprocess
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(PROJECT, ".venv")
REQUIREMENTS = os.path.join(PROJECT, "requirements.txt")
OLDEST = (3, 11)


def stop(sentence):
    """End the program with ``sentence`` on stderr and exit code 1."""
    sys.exit(sentence)


def python_of(venv):
    """Return the path of the Python in the virtual environment ``venv``."""
    return os.path.join(venv, "Scripts", "python.exe") if os.name == "nt" else os.path.join(venv, "bin", "python")


def check_python():
    """Stop unless this Python is new enough for the series."""
    if sys.version_info < OLDEST:
        stop("This series needs Python {}.{} or newer and this is Python {}.{}: start it with a newer one, such as "
             "python3.13, or install one from python.org.".format(*(OLDEST + tuple(sys.version_info[:2]))))


def prepare():
    """Make `.venv` with the requirements, or find that it is ready; return the path of its Python.

    Works without a network once it has succeeded. A `.venv` of an unsupported Python, or one that was moved,
    is made again. Stops with one sentence when something is missing.
    """
    check_python()
    import venv

    python = python_of(VENV)
    stamp = os.path.join(VENV, "ready-for-requirements")
    if not os.path.exists(REQUIREMENTS):
        stop("requirements.txt is missing: run this from a complete copy of the project.")
    with open(REQUIREMENTS, "rb") as requirements:
        wanted = hashlib.sha256(requirements.read() + VENV.encode("utf-8")).hexdigest()
    if _content(stamp) == wanted and _runs(python):
        return python
    print("Preparing .venv for this project. The first time takes a minute or two.", flush=True)
    try:
        if not _runs(python):
            venv.create(VENV, with_pip=True, clear=os.path.exists(VENV))
        elif subprocess.call([python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            venv.create(VENV, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError):
        stop("This Python cannot make a virtual environment here: install its venv module (on Debian and Ubuntu: "
             "apt install python3-venv) and check that the project's folder can be written to.")
    if subprocess.call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]):
        stop("The packages of requirements.txt could not be installed; pip's message above says why. "
             "Most often there is no network: connect once, and later runs work offline.")
    with open(stamp, "w") as ready:
        ready.write(wanted)
    return python


def _content(path):
    try:
        with open(path) as file:
            return file.read()
    except (IOError, OSError):
        return None


def _runs(python):
    """Tell whether ``python`` starts, is new enough, and still believes that it lives in VENV."""
    program = "import sys; print(sys.version_info >= {} and sys.prefix)".format(OLDEST)
    try:
        answer = subprocess.check_output([python, "-c", program], stderr=subprocess.DEVNULL).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer != "False" and os.path.realpath(answer) == os.path.realpath(VENV)
