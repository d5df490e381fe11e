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


def check_python(version=sys.version_info):
    """Stop unless this Python, or the one with this ``version``, is new enough for the series."""
    if version < OLDEST:
        stop("This series needs Python {}.{} or newer and this is Python {}.{}: start it with a newer one, such as "
             "python3.13, or install one from python.org.".format(*(OLDEST + tuple(version[:2]))))


def prepare():
    """Make `.venv` with the requirements, or find that it is ready; return the path of its Python.

    Works without a network once it has succeeded, also when the project was moved. A `.venv` that this project made and
    that no longer works, because its Python was removed, say, is made again. One that somebody else made gets the
    requirements if it works, and is never cleared. Stops with one sentence when something is missing.
    """
    check_python()
    python = python_of(VENV)
    stamp = os.path.join(VENV, "ready-for-requirements")
    if not os.path.exists(REQUIREMENTS):
        stop("requirements.txt is missing: run this from a complete copy of the project.")
    try:
        VENV.encode("utf-8")
    except UnicodeEncodeError:  # Python's own venv cannot write such a name either
        stop("This locale cannot spell the name of the project's folder: set PYTHONUTF8=1 and start again, "
             "or move the project to a folder with a plain name.")
    with open(REQUIREMENTS, "rb") as requirements:
        wanted = hashlib.sha256(requirements.read() + VENV.encode("utf-8")).hexdigest()
    if _content(stamp) == wanted and _runs(python):
        return python
    works = _runs(python) and _has_pip(python)
    if not works and not _may_be_cleared():
        stop("The .venv in this folder was not made by this project and cannot be used, because it has no pip or no "
             "Python {}.{} or newer that starts: rename or delete it, and start again.".format(*OLDEST))
    print("Preparing .venv for this project. The first time takes a minute or two.", flush=True)
    if not works:
        _make_anew()
    if subprocess.call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]):
        stop("The packages of requirements.txt could not be installed; pip's message above says why. "
             "Most often there is no network: connect once, and later runs work offline.")
    with open(stamp, "w") as ready:
        ready.write(wanted)
    return python


def _mark():
    return os.path.join(VENV, "made-by-this-project")


def _may_be_cleared():
    """Tell whether VENV is missing or empty, or this project made it."""
    if not os.path.exists(VENV) or os.path.exists(_mark()):
        return True
    try:
        return not os.listdir(VENV)
    except OSError:  # a file, or a folder that may not be read
        return False


def _make_anew():
    import venv

    try:
        venv.create(VENV, clear=True)
        with open(_mark(), "wb"):  # before pip, which takes its time: an interrupted run is known as ours, too
            pass
        venv.create(VENV, with_pip=True)
    except (OSError, subprocess.CalledProcessError):
        stop("This Python cannot make a virtual environment here: install its venv module (on Debian and Ubuntu: "
             "apt install python3-venv) and check that the project's folder can be written to.")


def _has_pip(python):
    asked = [python, "-m", "pip", "--version"]
    return subprocess.call(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def _content(path):
    try:
        with open(path) as file:
            return file.read()
    except (IOError, OSError):
        return None


def _runs(python):
    """Tell whether ``python`` starts, is new enough, and still believes that it lives in VENV."""
    # The other Python compares, because a path that it prints may come in an encoding that is not ours.
    program = ("import os, sys; lives_there = os.path.realpath(sys.prefix) == os.path.realpath(sys.argv[1]); "
               "sys.exit(0 if sys.version_info >= {} and lives_there else 1)".format(OLDEST))
    try:
        return subprocess.call([python, "-c", program, VENV], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def run(command):
    """Run ``command``, a list, in the project's folder and return its exit code.

    Ctrl+C is left to the command, which gets it as well: JupyterLab asks, pytest tells how far it came.
    """
    child = subprocess.Popen(command, cwd=PROJECT)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            pass
