"""Where the text says that a flush matters, taking it away or calling it too early turns an output red."""
import os

import pytest

from tests.inprocess import in_child
from tests.mutants import allowed_survivors, mutants_of, try_mutants
from tests.notebook_files import notebook_paths

if not hasattr(os, "fork"):
    pytest.skip("mutants are tried in forks, which Windows does not have", allow_module_level=True)


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_no_flush_can_be_dropped_or_moved_unnoticed(path):
    results, _ = in_child(try_mutants, path, ("flush",))
    survivors = [name for name, _, caught in results if not caught]
    assert not [name for name in survivors if name not in allowed_survivors()]


def test_the_heart_of_the_series_has_flushes_to_drop():
    path = next(path for path in notebook_paths() if path.name.startswith("03"))
    results, _ = in_child(try_mutants, path, ("flush",))
    assert len(results) >= 8


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
