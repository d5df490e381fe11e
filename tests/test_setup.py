"""What can be wrong with a set-up is said in one sentence, with the remedy; what is not ours is left alone."""
import ast
import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import launch
import pytest
import setup_check

from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT

# The answer of the first cell


def test_a_good_set_up_is_ready():
    assert setup_check.answer() == setup_check.READY


def test_a_kernel_may_work_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert setup_check.answer() == setup_check.READY


@pytest.mark.parametrize("wrong, words", [
    ({"version": (3, 10)}, "Python 3.10"),
    ({"find": lambda name: None}, "no pandas and no matplotlib"),
    ({"find": lambda name: None if name == "pandas" else name}, "no pandas."),
    ({"pandas_major": 2}, "pandas 2"),
    ({"implementation": "pypy"}, "another Python than CPython"),
    ({"folder": PROJECT}, "data/orders.csv is missing. Get a complete copy"),
])
def test_a_wrong_set_up_is_named_with_a_remedy(wrong, words):
    sentence = setup_check.answer(**wrong)
    assert sentence.startswith("Not ready: ") and words in sentence
    assert "start it with" in sentence or "make this one with" in sentence, "no remedy"


def test_a_python_that_nobody_tried_is_ready_if_the_gauge_is_right(monkeypatch):
    assert setup_check.answer(version=(3, 99)) == setup_check.READY, "the first output of 00 would differ there"
    monkeypatch.setattr("gauge.self_test", lambda: "The gauge is lost.")
    sentence = setup_check.answer(version=(3, 99))
    assert sentence.startswith("Not ready: The gauge is lost. Close JupyterLab") and sentence.endswith("CPython 3.11 to 3.15.")


def test_the_command_says_that_nobody_tried_a_python():
    assert launch.what_is_untried((3, 15), free_threaded=False) == ""
    assert "as new as 3.99" in launch.what_is_untried((3, 99), free_threaded=False)
    assert "a free-threaded Python" in launch.what_is_untried((3, 15), free_threaded=True)


# The two commands


@pytest.mark.parametrize("file", ["notebooks/launch.py", "tests/__main__.py", "notebooks/__main__.py"])
def test_the_commands_can_be_read_by_an_old_python(file):
    source = (PROJECT / file).read_text(encoding="utf-8")
    tree = ast.parse(source, file, feature_version=(3, 4))  # no older one can be asked for
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)], "ast lets f-strings pass"


def test_an_old_python_is_told_so_in_one_sentence():
    with pytest.raises(SystemExit, match="needs Python 3.11 or newer and this is Python 3.10: start it with a newer one"):
        launch.check_python(version=(3, 10, 4, "final", 0))


SAYS_WHAT_IT_GOT = """
import os, sys
print(sys.argv[1:], os.environ["PYTHONSTARTUP"], os.getcwd(), os.getpid(), sep="\\n")
sys.exit(7)
"""


@pytest.fixture
def small_jupyterlab(tmp_path, monkeypatch):
    """A JupyterLab that only says with which options, start file, folder and process id it was started."""
    (tmp_path / "jupyterlab").mkdir()
    for name, program in {"__init__.py": "", "__main__.py": SAYS_WHAT_IT_GOT}.items():
        (tmp_path / "jupyterlab" / name).write_text(program, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONSTARTUP", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)


def start(*options, python=()):
    started = subprocess.Popen([sys.executable, *python, PROJECT / "notebooks", *options], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, encoding="utf-8")
    out, err = started.communicate(timeout=300)
    return started, out.splitlines(), err


def test_jupyterlab_is_started_quietly_with_a_sentence_on_how_to_stop(small_jupyterlab):
    _, (sentence, options, start_file, folder, _), _ = start("--this-environment", "--no-browser", "--port", "9999")
    assert sentence.startswith("Starting JupyterLab. Copy the address below into your browser. To stop: Ctrl+C twice.")
    assert ast.literal_eval(options)[-4:] in [
        ["--log-level=WARN", "--no-browser", "--port", "9999"], ["--allow-root", "--no-browser", "--port", "9999"]]
    assert "--log-level=WARN" in options and "00-start-here.ipynb" in options
    assert Path(start_file).samefile(NOTEBOOK_FOLDER / "kernel_start.py") and Path(folder).samefile(PROJECT)


def test_whatever_ends_the_command_ends_jupyterlab(small_jupyterlab):
    started, lines, _ = start("--this-environment")
    assert started.returncode == 7 and "It opens in your browser. If it does not, copy the address below. To stop:" in lines[0]
    if hasattr(os, "fork"):  # without it, as on Windows, the console sends Ctrl+C, and the end, to both
        assert int(lines[-1]) == started.pid, "a signal to the command would not reach JupyterLab"


def test_an_environment_without_jupyterlab_is_told_what_it_lacks(small_jupyterlab):
    started, _, err = start("--this-environment", python=["-I", "-S"])  # which find no packages
    assert started.returncode == 1
    assert err == "This environment has no JupyterLab: run  python -m pip install -r requirements.txt  in it, and start again.\n"


def test_help_names_the_options_of_the_command():
    _, lines, _ = start("--help")
    assert "--this-environment" in "".join(lines) and "All other options go to JupyterLab" in "".join(lines)


# The environment that they make


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A project whose requirements are empty and whose environments are made in a moment: pip says yes to everything."""
    try:
        str(tmp_path).encode("utf-8")
    except UnicodeEncodeError:
        pytest.skip("venv cannot make an environment in a temp folder whose name this locale cannot spell")
    (tmp_path / "requirements.txt").write_bytes(b"")
    monkeypatch.setattr(launch, "REQUIREMENTS", str(tmp_path / "requirements.txt"))
    monkeypatch.setattr(launch, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(venv, "create", create_with_a_small_pip)
    return tmp_path


def create_with_a_small_pip(folder, with_pip=True, create=venv.create):
    create(folder)
    give_pip(folder, "")


def give_pip(folder, program):
    pip = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)})) / "pip"
    pip.mkdir(exist_ok=True)
    (pip / "__main__.py").write_text(program, encoding="utf-8")


NO_NETWORK = "import sys; sys.exit('ERROR: no network')"


def settings_of(folder):
    return folder / "share" / "jupyter" / "lab" / "settings" / "overrides.json"


@pytest.fixture
def ready(project, capsys):
    """The folder of an environment that is ready, in a project that has lost its network since."""
    launch.prepare()
    give_pip(project / ".venv", NO_NETWORK)
    capsys.readouterr()
    return project / ".venv"


def stops(capsys, code=1):
    """Prepare, which must stop with this exit code; return what is said on stderr."""
    with pytest.raises(SystemExit) as stopped:
        launch.prepare()
    if code == 1:
        return stopped.value.code  # Python prints it
    assert stopped.value.code == code
    return capsys.readouterr().err


def test_each_step_is_announced_in_a_line(project, capsys):
    assert launch.prepare() == launch.python_of(launch.VENV) and os.path.exists(launch.prepare())
    making, fetching = capsys.readouterr().out.splitlines()
    assert making.startswith("Making an environment") and fetching.startswith("Fetching the packages")


def test_a_ready_environment_is_used_in_silence_and_without_a_network(ready, capsys):
    assert launch.prepare() == launch.python_of(str(ready)) and capsys.readouterr() == ("", "")


def test_a_moved_project_works_without_a_network(ready, monkeypatch):
    moved = ready.rename(ready.with_name("moved"))
    monkeypatch.setattr(launch, "VENV", str(moved))
    assert launch.prepare() == launch.python_of(str(moved))


def test_other_requirements_are_fetched(ready, capsys):
    Path(launch.REQUIREMENTS).write_bytes(b"# another package")
    assert "ERROR: no network" in stops(capsys)


def test_a_failed_pip_is_never_taken_for_ready(project, capsys):
    venv.create(launch.VENV)
    give_pip(launch.VENV, NO_NETWORK)
    for _ in range(2):
        assert "ERROR: no network" in (said := stops(capsys)) and "Most often there is no network" in said
    give_pip(launch.VENV, "")
    launch.prepare()


@pytest.mark.parametrize("where", ["launch.subprocess.run", "venv.create"])
def test_ctrl_c_while_preparing_ends_with_a_sentence(project, capsys, monkeypatch, where):
    with monkeypatch.context() as interrupted:
        interrupted.setattr(where, interrupt)
        assert stops(capsys, code=130) == "Stopped. Nothing is lost: start again.\n"
    capsys.readouterr()
    launch.prepare()
    assert "Fetching the packages" in capsys.readouterr().out, "what was interrupted is taken for ready"


def interrupt(folder, *ignored, **options):
    if isinstance(folder, str):  # is half made, and not the command of pip
        Path(folder, "bin").mkdir()
    raise KeyboardInterrupt


def test_jupyterlab_asks_nothing_and_opens_markdown_as_a_page(project):
    launch.prepare()
    settings = json.loads(settings_of(project / ".venv").read_text(encoding="utf-8"))
    assert settings["@jupyterlab/apputils-extension:notification"] == {"fetchNews": "false", "checkForUpdates": False}
    assert settings["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"] == {"markdown": "Markdown Preview"}


def test_settings_that_are_there_stay(project):
    venv.create(launch.VENV)
    settings_of(project / ".venv").parent.mkdir(parents=True)
    settings_of(project / ".venv").write_bytes(b"{}")
    launch.prepare()
    assert settings_of(project / ".venv").read_bytes() == b"{}"


def without_python(folder):
    folder.mkdir()
    (folder / "mine").write_bytes(b"")


def that_lost_its_python(folder):
    venv.create(str(folder))
    Path(launch.python_of(str(folder))).unlink()


def that_is_a_file(path):
    path.write_bytes(b"mine")


@pytest.mark.parametrize("somebody_makes_one", [without_python, that_lost_its_python, that_is_a_file])
def test_an_environment_that_cannot_be_used_is_never_cleared(project, somebody_makes_one, capsys):
    somebody_makes_one(project / ".venv")
    before = sorted(project.rglob("*"))
    assert "no Python 3.11 or newer that starts: rename or delete it, and start again" in stops(capsys)
    assert sorted(project.rglob("*")) == before and not capsys.readouterr().out


def test_an_environment_with_an_old_python_is_not_used(ready, monkeypatch, capsys):
    monkeypatch.setattr(launch, "check_python", lambda: None)
    monkeypatch.setattr(launch, "OLDEST", (99, 0))
    assert "no Python 99.0 or newer that starts" in stops(capsys)


# What stands in the way of it


def test_an_old_python_makes_nothing(project, monkeypatch, capsys):
    monkeypatch.setattr(launch, "OLDEST", (99, 0))
    assert "This series needs Python 99.0" in stops(capsys)
    assert not (project / ".venv").exists()


def test_an_incomplete_copy_is_told_so(project, capsys):
    (project / "requirements.txt").unlink()
    assert stops(capsys) == "requirements.txt is missing: run this from a complete copy of the project."


def test_a_folder_whose_name_the_locale_cannot_spell_is_told_so(project, monkeypatch, capsys):
    monkeypatch.setattr(launch, "VENV", str(project / "t\udcc3mp"))
    assert "This locale cannot spell the name of the project's folder: set PYTHONUTF8=1" in stops(capsys)
    assert os.listdir(project) == ["requirements.txt"]


def test_a_path_that_is_too_long_for_the_packages_is_told_so(project, capsys):
    (project / ".venv").mkdir()
    with pytest.raises(SystemExit, match="too long for this system .* move the project"):
        launch.check_path_length(longest=300)  # no system allows a name of so many characters
    launch.check_path_length(longest=20)
    assert not list((project / ".venv").iterdir()), "it leaves what it tries behind"


def test_a_path_that_is_too_long_stops_before_anything_is_made(project, monkeypatch, capsys):
    monkeypatch.setattr(launch, "check_path_length", lambda: sys.exit("too long"))
    assert stops(capsys) == "too long" and not (project / ".venv").exists()


@pytest.mark.parametrize("error", [OSError("read-only"), subprocess.CalledProcessError(1, "ensurepip")])
def test_a_python_that_cannot_make_environments_is_told_so(project, monkeypatch, capsys, error):
    def refuse(folder, with_pip):
        raise error

    monkeypatch.setattr(venv, "create", refuse)
    assert "apt install python3-venv" in stops(capsys) and not (project / ".venv").exists()
