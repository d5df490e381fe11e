"""The workshop edition is the series without outputs and with its explanations folded, and nothing else."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import workshop

from tests.support.cells import Session
from tests.support.comparison import difference
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, code_cells, notebook_paths, read_notebook

EXECUTED = [path for path in notebook_paths() if path.name[:2] in ("00", "03") or os.environ.get("EVERY_NOTEBOOK")]


def make(*arguments):
    return subprocess.run([sys.executable, "notebooks", "--only-make", "--workshop", *map(str, arguments)], cwd=PROJECT,
                          capture_output=True, text=True, encoding="utf-8")


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workshop") / "copy"
    made = make(folder)
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"The workshop edition is new, and is in {folder}.\n"
    return folder


def test_it_has_every_notebook_and_what_they_need_and_no_guide(edition):
    there = {path.name for path in (edition / "notebooks").iterdir()}
    missing = {path.name for path in NOTEBOOK_FOLDER.iterdir() if path.suffix in (".ipynb", ".py")} - there
    assert not missing
    assert "instructor-guide.md" not in there and (edition / "data" / "orders.csv").exists()


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_only_outputs_are_gone_and_explanations_folded(edition, path):
    copy = read_notebook(edition / "notebooks" / path.name)
    for here, there in zip(read_notebook(path).cells, copy.cells, strict=True):
        assert (here.id, here.cell_type, here.metadata) == (there.id, there.cell_type, there.metadata)
        if here.cell_type == "code":
            assert here.source == there.source and there.outputs == [] and there.execution_count is None
        elif "explain" in here.metadata.get("tags", []):
            summary, _, rest = there.source.partition("</summary>")
            assert summary == "<details><summary>What you saw, and why"
            assert rest == f"\n\n{here.source}\n\n</details>"
        else:
            assert here.source == there.source


def test_each_other_file_is_the_projects_own(edition):
    """Cells and files being the same in each notebook, a few executed ones speak for all. EVERY_NOTEBOOK=1 executes all."""
    for folder in ("notebooks", "data"):
        for path in (edition / folder).rglob("*.*"):
            if path.is_file() and path.suffix != ".ipynb":
                assert path.read_bytes() == (PROJECT / path.relative_to(edition)).read_bytes(), path


def folders_of_jupyter():
    """Let Jupyter remember things in a folder; return where that is, and where JupyterLab and IPython keep tabs and history."""
    folder = tempfile.mkdtemp()
    os.environ.update(workshop.what_jupyter_remembers(folder))
    from IPython.paths import get_ipython_dir
    from jupyterlab.commands import get_workspaces_dir
    return [str(Path(name).resolve()) for name in (folder, get_workspaces_dir(), get_ipython_dir())]


@pytest.mark.child(runs=folders_of_jupyter)
def test_what_jupyter_remembers_goes_with_the_folder(child):
    """JupyterLab and IPython keep tabs and history where their own variables say, and not in the home folder."""
    (folder, *told), _ = child
    assert [str(Path(name).parent) for name in told] == [folder] * 2


def test_a_series_that_can_only_be_read_gives_an_edition_that_can_be_written(tmp_path, monkeypatch):
    series = tmp_path / "series"
    (series / "notebooks" / "checks").mkdir(parents=True)
    (series / "data").mkdir()
    for name in ("notebooks/00-start-here.ipynb", "notebooks/checks/stubs.json", "requirements.txt"):
        (series / name).write_bytes((PROJECT / name).read_bytes())
    for path in (*series.rglob("*"), series):
        path.chmod(path.stat().st_mode & ~0o222)
    monkeypatch.setattr(workshop, "PROJECT", str(series))
    try:
        edition = Path(workshop.make(tmp_path / "copy"))
    finally:
        for path in (series, *series.rglob("*")):
            path.chmod(path.stat().st_mode | 0o700)
    assert [path for path in edition.rglob("*") if not path.stat().st_mode & 0o200] == []


def outputs_of_the_edition(path):
    """Run the workshop edition of the notebook at ``path``; return how its outputs differ from the reading edition's."""
    folder = Path(tempfile.mkdtemp()) / "copy"
    made = make(folder)
    session = Session()
    cells = code_cells(read_notebook(folder / "notebooks" / path.name))
    outputs = [session.run(cell.source) for cell in cells]
    return [made.stderr] * made.returncode + [
        f"{cell.id}: {how}" for cell, output in zip(code_cells(read_notebook(path)), outputs, strict=True)
        if (how := difference(output, cell.outputs))]


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
@pytest.mark.child(runs=outputs_of_the_edition)
def test_executed_it_gives_the_outputs_of_the_reading_edition(child, path):
    differences, _ = child
    assert not differences, "\n".join(differences)


def test_what_a_learner_did_in_it_is_kept(edition):
    (edition / "notebooks" / "mine.txt").write_text("mine", encoding="utf-8")
    again = make(edition)
    assert again.returncode == 0 and "there already" in again.stdout
    assert (edition / "notebooks" / "mine.txt").exists()
    (edition / "notebooks" / "mine.txt").unlink()


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    refused = make(tmp_path)
    assert refused.returncode == 1 and "nothing was changed" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_folder_inside_the_project_is_refused():
    refused = make(PROJECT / "notebooks" / "copy")
    assert refused.returncode == 1 and "cannot lie inside the project" in refused.stderr
    assert not (PROJECT / "notebooks" / "copy").exists()
