"""Make the project's own Python environment, `.venv`, or say in one sentence what stands in the way.

``python3 notebooks`` and ``python3 tests`` both start here. Any Python can read this file, however old, so that an
old one can be told what it lacks: no f-strings, nothing outside the standard library.
"""
from __future__ import print_function

import filecmp
import json
import os
import shutil
import subprocess
import sys
import sysconfig

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(PROJECT, ".venv")
REQUIREMENTS = os.path.join(PROJECT, "requirements.txt")
OLDEST, NEWEST = (3, 11), (3, 15)  # the Pythons that the series is tried on; tests/test_readme.py knows who else names them
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
LONGEST = 170  # characters; the longest path that pip makes inside an environment has some 160
SETTINGS = {  # of JupyterLab: no question about its news lies over the first cell, and Markdown opens as a page
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}


def python_of(venv):
    """Return the path of the Python in the virtual environment ``venv``."""
    scripts = sysconfig.get_path("scripts", "venv", {"base": venv})
    return os.path.join(scripts, "python" + sysconfig.get_config_var("EXE"))


def check_python(version=sys.version_info):
    """Stop unless this Python, or the one with this ``version``, is new enough for the series."""
    if version < OLDEST:
        sys.exit("This series needs Python {}.{} or newer and this is Python {}.{}: start it with a newer one, such as "
                 "python3.13, or install one from python.org.".format(*(OLDEST + tuple(version[:2]))))


def supported():
    """Return the Pythons that the series is tried on: ["3.11", ...]."""
    return ["3.{}".format(minor) for minor in range(OLDEST[1], NEWEST[1] + 1)]


def what_is_untried(version=sys.version_info[:2], free_threaded=FREE_THREADED):
    """Return a sentence for a Python that the series was not tried on, else an empty text."""
    if version > NEWEST:
        return "The series was not tried on a Python as new as {}.{}: what it prints may differ from what the pages say.".format(*version)
    if free_threaded:
        return "The series was not tried on a free-threaded Python: what it prints may differ from what the pages say."
    return ""


def prepare():
    """Make `.venv` if it is missing, fetch the packages if they are not there yet; return the path of its Python.

    Once this has succeeded it needs no network, also when the project was moved. A `.venv` that was here before is
    never cleared: the sentences ask for that.
    """
    check_python()
    try:
        if not os.path.exists(REQUIREMENTS):
            sys.exit("requirements.txt is missing: run this from a complete copy of the project.")
        if not os.path.lexists(VENV):
            print("Making an environment for the packages, in the folder .venv: some 10 seconds.", flush=True)
            _make_environment()
        elif not _starts(python_of(VENV)):
            sys.exit("The .venv in this folder has no Python {}.{} or newer that starts: rename or delete it, and start "
                     "again.".format(*OLDEST))
        _fetch_packages(python_of(VENV))
    except KeyboardInterrupt:
        print("Stopped. Nothing is lost: start again.", file=sys.stderr)
        sys.exit(130)
    return python_of(VENV)


def _make_environment():
    import venv

    try:
        VENV.encode("utf-8")
        os.mkdir(VENV)
        check_path_length()
        venv.create(VENV, with_pip=True)
    except UnicodeEncodeError:  # Python's own venv cannot write such a name either
        sys.exit("This locale cannot spell the name of the project's folder: set PYTHONUTF8=1 and start again, "
                 "or move the project to a folder with a plain name.")
    except BaseException as error:  # Ctrl+C, too, leaves nothing half made
        shutil.rmtree(VENV, ignore_errors=True)
        if not isinstance(error, (OSError, subprocess.CalledProcessError)):
            raise
        sys.exit("This Python cannot make a virtual environment here: install its venv module (on Debian and Ubuntu: "
                 "apt install python3-venv) and check that the project's folder can be written to.")


def check_path_length(longest=LONGEST):
    """Stop unless a file can be made in VENV with a path of ``longest`` more characters: pip makes such files."""
    probe = os.path.join(VENV, "x" * longest)
    try:
        open(probe, "wb").close()
        os.remove(probe)
    except OSError:
        sys.exit("The path of the project's folder is too long for this system (Windows allows 259 characters, files "
                 "included): move the project to a folder with a shorter path, and start again.")


def _starts(python):
    new_enough = "import sys; sys.exit(sys.version_info < {})".format(OLDEST)
    try:
        return subprocess.call([python, "-c", new_enough], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def _fetch_packages(python):
    """Install the requirements, and put a copy of them into VENV, which tells the next run that they are there."""
    there = os.path.join(VENV, "ready-for-requirements")
    if os.path.exists(there) and filecmp.cmp(there, REQUIREMENTS):
        return
    print("Fetching the packages that requirements.txt names, about 110 MB: 1 to 3 minutes.", flush=True)
    pip = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # shown only if it fails: Ctrl+C needs no pip
    if pip.returncode:
        sys.exit(pip.stdout.decode(errors="replace") + "The packages of requirements.txt could not be installed; pip's "
                 "message above says why. Most often there is no network: connect once, and later runs work offline. "
                 "If there is one, rename or delete the folder .venv, and start again.")
    write_settings(VENV)
    shutil.copyfile(REQUIREMENTS, there)


def write_settings(venv):
    """Give the JupyterLab in ``venv`` our SETTINGS, unless somebody has given it others."""
    settings = os.path.join(venv, "share", "jupyter", "lab", "settings")
    os.makedirs(settings, exist_ok=True)
    if not os.path.exists(os.path.join(settings, "overrides.json")):
        with open(os.path.join(settings, "overrides.json"), "w", encoding="ascii") as overrides:
            json.dump(SETTINGS, overrides)


def run(command, folder=PROJECT):
    """Let ``command``, a list, take the place of this program, in ``folder``, the project's; so each signal is for it.

    Windows has no such thing: there this program waits, and ends as the command does, which gets Ctrl+C as well.
    """
    os.chdir(folder)
    sys.stdout.flush()
    if hasattr(os, "fork"):  # without it, execv ends this program and starts another one
        os.execv(command[0], command)
    child = subprocess.Popen(command)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            pass
