"""Run every notebook to its end under the other programs that people run notebooks with.

    python -m pip install papermill                      (the only one that requirements.txt does not bring)
    python -m tests.tools.nbconvert_papermill            nbconvert, jupyter execute and papermill, every notebook
    python -m tests.tools.nbconvert_papermill 03 10a     only notebooks whose names begin with 03 or 10a

Nothing is written to the project. A line for each runner and notebook that fails, and a last line with the count.
"""
import importlib.util
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.notebook_files import NOTEBOOK_FOLDER, paths_starting_with

RUN_SECONDS = 1800  # a run that takes longer hangs, on any machine


def commands(path, folder):
    """Return the command of each runner for the notebook at ``path``, with its output below ``folder``."""
    python, name = [sys.executable, "-m"], path.name
    return {
        "nbconvert": [*python, "nbconvert", "--to", "notebook", "--execute", "--output-dir", str(folder),
                      "--output", f"nbconvert-{name}", str(path)],
        "jupyter execute": [*python, "jupyter", "execute", "--output", str(folder / f"execute-{name}"), str(path)],
        "papermill": [*python, "papermill", "--cwd", str(NOTEBOOK_FOLDER), str(path), str(folder / f"papermill-{name}")],
    }


def run(command):
    """Run ``command`` to its end, or for RUN_SECONDS, and return subprocess.run's answer."""
    try:
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"not done after {RUN_SECONDS} seconds")


def main():
    if importlib.util.find_spec("papermill") is None:
        sys.exit("papermill is not installed: python -m pip install papermill")
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(runner, path, command) for path in paths_starting_with(sys.argv[1:])
                for runner, command in commands(path, Path(folder)).items()]
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(run, [command for _, _, command in jobs]))
    failed = 0
    for (runner, path, _), ended in zip(jobs, done):
        if ended.returncode:
            failed += 1
            print(f"{runner} stopped in {path.name}:\n{ended.stderr[-2000:]}")
    print(f"{len(jobs) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
