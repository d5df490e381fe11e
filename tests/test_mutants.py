"""Where 00 and 03 say that a flush matters, taking it away or calling it too early turns an output red.

`python -m tests.tools.mutants` asks the same of every notebook, and of close, seek, newline=, encoding= and with.
"""
import os

import pytest

from tests.support.notebook_files import notebook_paths
from tests.tools.mutants import KINDS, mutants_of, try_mutants

HEART = [path for path in notebook_paths() if path.name.startswith(("00-", "03-"))]
SAID_TO_DO_NOTHING = ("03-upload-flush",)  # cells whose text says that the flush in them changes nothing


@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are tried in forks, which Windows does not have")
@pytest.mark.child(runs=try_mutants, kinds=("flush",))
@pytest.mark.parametrize("path", HEART, ids=lambda path: path.stem)
def test_no_flush_can_be_dropped_or_moved_unnoticed(child, path):
    results, _ = child
    assert results, "there is no flush to drop"
    assert not [f"{mutant.name}: {mutant.what}" for mutant, caught in results
                if not caught and mutant.name.split()[0] not in SAID_TO_DO_NOTHING]


def test_each_kind_of_mutant_is_made_with_a_name_that_holds_no_code():
    source = "\n".join([
        "with open(path, 'w+', newline='', encoding='utf-8') as export:",
        "    export.write(text)",
        "    export.flush()",
        "    export.seek(0)",
        "keep = lambda: log.close()",
    ])
    made = {mutant.name: (mutant.kind, mutant.what) for mutant in mutants_of("03-cell", source)}
    assert made == {
        "03-cell flush 1": ("flush", "drop export.flush()"),
        "03-cell flush 2": ("flush", "move export.flush() before export.write(text)"),
        "03-cell close 1": ("close", "drop log.close()"),
        "03-cell seek 1": ("seek", "drop export.seek(0)"),
        "03-cell seek 2": ("seek", "move export.seek(0) before export.flush()"),
        "03-cell newline 1": ("newline", "drop newline= from open()"),
        "03-cell encoding 1": ("encoding", "drop encoding= from open()"),
        "03-cell un-with 1": ("un-with", "leave with open(path, 'w+', newline='', encoding='utf-8') as export"),
    }
    assert {kind for kind, _ in made.values()} == set(KINDS)


@pytest.mark.parametrize("source, on_windows", [
    ("open(path, 'w', newline='')", r"open(path, 'w', newline='\r\n')"),
    ("open(path, newline='')", "open(path)"),
    ("StringIO(newline='')", "StringIO()"),
    ("open(path, encoding='utf-8')", "open(path, encoding='cp1252')"),
])
def test_an_option_that_is_gone_also_runs_as_on_windows(source, on_windows):
    assert [mutant.on_windows for mutant in mutants_of("03-cell", source)] == [on_windows]


@pytest.mark.parametrize("before, moves", [("import csv", 0), ("def f(): pass", 0), ("'Write.'", 0), ("export.write(a)", 1)])
def test_a_call_is_moved_unless_what_stands_above_it_only_stands_there(before, moves):
    source = f"export.write(b)\n{before}\nexport.flush()\nimport os"
    assert sum(mutant.what.startswith("move ") for mutant in mutants_of("03-cell", source)) == moves


def test_a_mutant_differs_in_one_place():
    source = "export.write(a)\nexport.flush()\nexport.write(b)\nexport.flush()"
    assert [mutant.source.splitlines() for mutant in mutants_of("03-cell", source)] == [
        ["export.write(a)", "pass", "export.write(b)", "export.flush()"],
        ["export.flush()", "export.write(a)", "export.write(b)", "export.flush()"],
        ["export.write(a)", "export.flush()", "export.write(b)", "pass"],
        ["export.write(a)", "export.flush()", "export.flush()", "export.write(b)"]]
