"""Every stored notebook keeps the rules, beyond what nbval compares."""
from pathlib import Path

import pytest

from tests import rules
from tests.notebook_files import notebook_paths, read_notebook

NOTEBOOKS = {path.name: read_notebook(path) for path in notebook_paths()}


def test_there_are_notebooks_to_look_at():
    assert "00-start-here.ipynb" in NOTEBOOKS and "03-meet-the-empty-file.ipynb" in NOTEBOOKS


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook(name, rule):
    offences = rule(NOTEBOOKS[name])
    assert not offences, "\n".join(offences)


def test_no_cell_id_repeats_across_notebooks():
    assert not rules.ids_that_repeat(NOTEBOOKS)


def test_no_output_names_a_home_folder():
    names = [home for home in [str(Path.home())] if len(home) > 3]  # in a container it may be no more than /
    for notebook in NOTEBOOKS.values():
        assert not rules.tells_nothing_of_the_machine(notebook, names)
