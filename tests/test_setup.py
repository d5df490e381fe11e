"""What can be wrong with a set-up is said in one sentence, with the remedy."""
import os
import subprocess
import sys

import environment
import pytest
import setup_check

from tests.notebook_files import NOTEBOOK_FOLDER, PROJECT


def test_a_good_set_up_is_ready():
    assert setup_check.answer(folder=NOTEBOOK_FOLDER) == setup_check.READY


@pytest.mark.parametrize("wrong, words", [
    ({"version": (3, 10)}, "Python 3.10"),
    ({"find": lambda name: None}, "no pandas and no matplotlib"),
    ({"find": lambda name: None if name == "pandas" else name}, "no pandas."),
    ({"pandas_major": 2}, "pandas 2"),
    ({"implementation": "pypy"}, "another Python than CPython"),
    ({"folder": os.sep}, "another folder"),
])
def test_a_wrong_set_up_is_named_with_a_remedy(wrong, words):
    sentence = setup_check.answer(**{"folder": NOTEBOOK_FOLDER, **wrong})
    assert sentence.startswith("Not ready: ") and words in sentence
    assert "Open it from" in sentence or "start it with" in sentence, "no remedy"


def test_an_old_python_is_told_so_in_one_sentence(monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 10, 4, "final", 0))
    with pytest.raises(SystemExit) as stopped:
        environment.check_python()
    assert str(stopped.value).startswith("This series needs Python 3.11 or newer and this is Python 3.10")


@pytest.mark.parametrize("file", ["tests/environment.py", "tests/__main__.py", "notebooks/__main__.py"])
def test_the_commands_can_be_read_by_an_old_python(file):
    source = (PROJECT / file).read_text(encoding="utf-8")
    compile(source, file, "exec", flags=0, dont_inherit=True)
    assert 'f"' not in source and "f'" not in source and ":=" not in source


def test_a_missing_requirements_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "REQUIREMENTS", str(tmp_path / "requirements.txt"))
    with pytest.raises(SystemExit, match="requirements.txt is missing"):
        environment.prepare()


def test_a_python_that_belongs_to_another_folder_is_not_taken_for_ours():
    assert not environment._runs(sys.executable + "-that-does-not-exist")
    assert not environment._runs(os.path.join(environment.VENV, "nowhere"))


def refresh_a_notebook_that_is_not_there():
    run = subprocess.run([sys.executable, "-m", "tests.refresh", "99"], cwd=PROJECT, capture_output=True, text=True,
                         encoding="utf-8")
    return run.returncode, run.stderr.strip()


@pytest.mark.child(runs=refresh_a_notebook_that_is_not_there)
def test_refresh_names_a_notebook_that_is_not_there(child):
    answer, _ = child
    assert answer == (1, "No notebook in notebooks/ starts with 99.")
