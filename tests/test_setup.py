"""What can be wrong with a set-up is said in one sentence, with the remedy."""
import ast
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import launch
import pytest
import setup_check

from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT


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


def test_an_old_python_is_told_so_in_one_sentence():
    with pytest.raises(SystemExit) as stopped:
        launch.check_python(version=(3, 10, 4, "final", 0))
    assert str(stopped.value).startswith("This series needs Python 3.11 or newer and this is Python 3.10")


@pytest.mark.parametrize("file", ["notebooks/launch.py", "tests/__main__.py", "notebooks/__main__.py"])
def test_the_commands_can_be_read_by_an_old_python(file):
    source = (PROJECT / file).read_text(encoding="utf-8")
    tree = ast.parse(source, file, feature_version=(3, 4))  # no older one can be asked for
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)], "ast lets f-strings pass"


ASKS_BEFORE_IT_ENDS = """
import signal, sys, time
def end(*ignored):
    time.sleep(1)  # seconds; a parent that does not wait gives it a quarter of one
    sys.exit(7)
signal.signal(signal.SIGINT, end)
print("ready", flush=True)
while True:  # signal.pause() would miss a signal that comes just before it
    time.sleep(0.05)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to interrupt like this")
def test_ctrl_c_is_left_to_the_program_that_was_started():
    program = f"import sys, launch; sys.exit(launch.run([sys.executable, '-c', {ASKS_BEFORE_IT_ENDS!r}]))"
    started = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT / "notebooks", stdout=subprocess.PIPE,
                               start_new_session=True)
    assert started.stdout.readline().strip() == b"ready"
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    started.communicate(timeout=300)
    assert started.returncode == 7


def test_a_missing_requirements_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "REQUIREMENTS", str(tmp_path / "requirements.txt"))
    with pytest.raises(SystemExit, match="requirements.txt is missing"):
        launch.prepare()


def test_only_a_python_that_lives_in_our_folder_is_taken_for_ours(monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "VENV", str(tmp_path))
    assert not launch._runs(sys.executable)
    monkeypatch.setattr(launch, "VENV", sys.prefix)
    assert launch._runs(sys.executable)
    assert not launch._runs(sys.executable + "-that-does-not-exist")


def test_a_folder_whose_name_the_locale_cannot_spell_gets_one_sentence(monkeypatch):
    monkeypatch.setattr(launch, "VENV", "t\udcc3mp")
    with pytest.raises(SystemExit, match="set PYTHONUTF8=1"):
        launch.prepare()


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A project whose requirements are empty, and without a .venv."""
    try:
        str(tmp_path).encode("utf-8")
    except UnicodeEncodeError:
        pytest.skip("venv cannot make an launch in a temp folder whose name this locale cannot spell")
    (tmp_path / "requirements.txt").write_bytes(b"")
    monkeypatch.setattr(launch, "REQUIREMENTS", str(tmp_path / "requirements.txt"))
    monkeypatch.setattr(launch, "VENV", str(tmp_path / ".venv"))
    return tmp_path


def without_pip(folder):
    venv.create(folder)


def without_python(folder):
    folder.mkdir()
    (folder / "pyvenv.cfg").write_bytes(b"version = 3.4.10")


def a_file(path):
    path.write_bytes(b"mine")


@pytest.mark.parametrize("somebody_makes_one", [without_pip, without_python, a_file])
def test_an_launch_of_somebody_else_that_cannot_be_used_is_left_alone(project, somebody_makes_one, capsys):
    somebody_makes_one(project / ".venv")
    before = sorted(project.rglob("*"))
    with pytest.raises(SystemExit, match="not made by this project .* rename or delete it, and start again"):
        launch.prepare()
    assert sorted(project.rglob("*")) == before
    assert not capsys.readouterr().out, "it says that it prepares what it does not touch"


def create_with_a_small_pip(folder, with_pip=False, clear=False, create=venv.create):
    """Make a virtual launch as venv.create does, but in a moment: its pip says yes to everything."""
    create(folder, clear=clear)
    if with_pip:
        pip_of(folder).mkdir(parents=True, exist_ok=True)
        (pip_of(folder) / "__main__.py").write_bytes(b"")


def pip_of(folder):
    return Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)})) / "pip"


@pytest.fixture
def ours(project, monkeypatch):
    """The folder of an launch that this project has made, with a file put into it since."""
    monkeypatch.setattr(venv, "create", create_with_a_small_pip)
    launch.prepare()
    (project / ".venv" / "put in since").write_bytes(b"")
    return project / ".venv"


def is_ready_and_new(folder):
    python = launch.python_of(str(folder))
    return launch.prepare() == python and launch._runs(python) and not (folder / "put in since").exists()


def test_an_empty_folder_is_taken_for_a_missing_one(project, monkeypatch):
    monkeypatch.setattr(venv, "create", create_with_a_small_pip)
    (project / ".venv").mkdir()
    assert is_ready_and_new(project / ".venv")


def test_our_own_launch_that_works_is_kept_and_not_prepared_again(ours, capsys):
    capsys.readouterr()
    assert launch.prepare() == launch.python_of(str(ours))
    assert (ours / "put in since").exists() and not capsys.readouterr().out


def test_an_launch_of_somebody_else_that_works_is_used_as_it_is_and_never_cleared(project, monkeypatch):
    create_with_a_small_pip(project / ".venv", with_pip=True)
    (project / ".venv" / "mine").write_bytes(b"")
    python = launch.python_of(launch.VENV)
    assert launch.prepare() == python and (project / ".venv" / "mine").exists()
    Path(python).unlink()
    with pytest.raises(SystemExit, match="not made by this project"):
        launch.prepare()
    assert (project / ".venv" / "mine").exists()


def test_our_own_launch_that_lost_its_python_is_made_anew(ours):
    Path(launch.python_of(str(ours))).unlink()
    assert is_ready_and_new(ours)


def test_our_own_launch_that_lost_its_pip_is_made_anew_when_a_package_is_needed(ours):
    shutil.rmtree(pip_of(ours))
    Path(launch.REQUIREMENTS).write_bytes(b"# another package")
    assert is_ready_and_new(ours) and pip_of(ours).is_dir()


def test_our_own_launch_is_usable_after_a_move(ours, monkeypatch):
    moved = ours.rename(ours.with_name("moved"))
    monkeypatch.setattr(launch, "VENV", str(moved))
    assert launch.prepare() == launch.python_of(str(moved)) and launch._runs(launch.prepare())
    assert (moved / "put in since").exists(), "it was made anew, which needs a network"


def test_our_own_launch_that_was_moved_without_its_python_is_made_anew(ours, monkeypatch):
    moved = ours.rename(ours.with_name("moved"))
    Path(launch.python_of(str(moved))).unlink()
    monkeypatch.setattr(launch, "VENV", str(moved))
    assert is_ready_and_new(moved)


def test_an_launch_whose_making_was_interrupted_is_known_as_ours(project, monkeypatch):
    def interrupted(folder, with_pip=False, clear=False):
        if with_pip:
            raise KeyboardInterrupt
        create_with_a_small_pip(folder, clear=clear)

    monkeypatch.setattr(venv, "create", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch.prepare()
    monkeypatch.setattr(venv, "create", create_with_a_small_pip)
    assert is_ready_and_new(project / ".venv")


def refresh_a_notebook_that_is_not_there():
    run = subprocess.run([sys.executable, "-m", "tests.tools.refresh", "99"], cwd=PROJECT, capture_output=True, text=True,
                         encoding="utf-8")
    return run.returncode, run.stderr.strip()


@pytest.mark.child(runs=refresh_a_notebook_that_is_not_there)
def test_refresh_names_a_notebook_that_is_not_there(child):
    answer, _ = child
    assert answer == (1, "No notebook in notebooks/ starts with 99.")
