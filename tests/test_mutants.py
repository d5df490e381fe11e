"""Where 00 and 03 say that a flush matters, taking it away or calling it too early turns an output red.

`python -m tests.tools.mutants` asks the same of every notebook and of every other small change.
"""
import os

import pytest

from tests.tools.mutants import allowed_survivors, mutants_of, try_flushes
from tests.support.notebook_files import code_cells, notebook_paths, read_notebook

HEART = [path for path in notebook_paths() if path.name.startswith(("00", "03"))]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are tried in forks, which Windows does not have")
@pytest.mark.child(runs=try_flushes)
@pytest.mark.parametrize("path", HEART, ids=lambda path: path.stem)
def test_no_flush_can_be_dropped_or_moved_unnoticed(child, path):
    results, _ = child
    assert results, "there is no flush to drop"
    survivors = [name for name, _, caught in results if not caught]
    assert not [name for name in survivors if name not in allowed_survivors()]


def test_every_allowed_survivor_is_a_mutant_that_exists():
    named = {name.partition(": ")[0] for name in allowed_survivors()}
    cells = [cell for path in notebook_paths() for cell in code_cells(read_notebook(path)) if cell.id in named]
    made = {mutant.name for cell in cells for mutant in mutants_of(cell.id, cell.source)}
    assert not set(allowed_survivors()) - made


def test_each_kind_of_mutant_is_made():
    source = "\n".join([
        "with open(path, 'w', newline='', encoding='utf-8') as export:",
        "    writer = csv.writer(export, quoting=csv.QUOTE_ALL)",
        "    writer.writerow([1, 2])",
        "    export.flush()",
    ])
    made = {mutant.what for mutant in mutants_of("cell", source)}
    assert {"drop export.flush()", "move export.flush() before writer.writerow([1, 2])", "drop newline= from open()",
            "mode 'w' to 'a'", "QUOTE_ALL to QUOTE_MINIMAL", "1 to 2"} <= made
    assert any(what.startswith("leave with") for what in made)
