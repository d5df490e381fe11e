"""Run nbval for real, with the project's own plugin and settings, over a notebook made for the purpose."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook

from tests.support.notebook_files import PROJECT, normalise, write_if_changed


def run_nbval(cells, files=None, options=((),)):
    """Run ``pytest`` in a small copy of the project whose only notebook has these ``cells``.

    Parameters: ``cells`` is a list of (source, stored outputs); ``files`` maps names of further files to their text, which
    may replace a file of tests/support; ``options`` is a list of what to type after ``pytest``, one run after the other.
    Returns a list that says for each cell whether it passed in the last run, and the finished process of that.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        # copyfile, so that a file can be replaced although the project can only be read
        shutil.copytree(PROJECT / "tests" / "support", project / "tests" / "support", copy_function=shutil.copyfile,
                        ignore=shutil.ignore_patterns("__pycache__"))
        for name in (".pytest.ini", "tests/__init__.py"):
            shutil.copyfile(PROJECT / name, project / name)
        (project / "notebooks").mkdir()
        notebook = new_notebook(cells=[new_code_cell(source, id=f"spoiled-{number}", outputs=outputs)
                                       for number, (source, outputs) in enumerate(cells)])
        write_if_changed(normalise(notebook), project / "notebooks" / "spoiled.ipynb")
        for name, text in (files or {}).items():
            (project / name).write_text(text, encoding="utf-8")
        plain = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "FORCE_COLOR")}
        for typed in options:
            run = subprocess.run([sys.executable, "-m", "pytest", "-rA", "--no-header", "--color=no", *typed], cwd=project, env=plain,
                                 capture_output=True, text=True, encoding="utf-8", errors="replace")
    passed = run.stdout.splitlines()
    return [f"PASSED notebooks/spoiled.ipynb::Cell {number}" in passed for number in range(len(cells))], run
