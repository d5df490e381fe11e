"""Every stored notebook keeps the rules, beyond what nbval compares."""
import copy
from pathlib import Path

import pytest
from nbformat.v4 import new_output

from tests.support import rules
from tests.support.notebook_files import code_cells, notebook_paths, read_notebook

NOTEBOOKS = {path.name: read_notebook(path) for path in notebook_paths()}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook(name, rule):
    offences = rule(NOTEBOOKS[name])
    assert not offences, "\n".join(offences)


def test_no_cell_id_repeats_across_notebooks():
    assert not rules.ids_that_repeat(NOTEBOOKS)


def test_a_home_folder_in_an_output_would_be_found():
    notebook = copy.deepcopy(next(iter(NOTEBOOKS.values())))
    code_cells(notebook)[0].outputs = [new_output("stream", name="stdout", text="saved to /srv/people/ada/orders.csv\n")]
    assert rules.tells_nothing_of_the_machine(notebook, ["/srv/people/ada"])
    assert not rules.tells_nothing_of_the_machine(notebook, ["/srv/people/ad"])


def test_no_output_names_a_home_folder():
    names = [home for home in [str(Path.home())] if len(home) > 3]  # in a container it may be no more than /
    for notebook in NOTEBOOKS.values():
        assert not rules.tells_nothing_of_the_machine(notebook, names)
