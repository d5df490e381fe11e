"""What must hold on every machine of the here: lines of 04, which nbval does not compare, and of the numbers typed there."""
import ast
import csv
import re

import pytest

from tests.support.cells import texts_shown
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, code_cells, read_notebook

LESSON = NOTEBOOK_FOLDER / "04-count-the-missing-rows.ipynb"
TABLE = PROJECT / "data" / "visible_rows_by_version.csv"
SYSTEMS = {"Windows under Wine": "Wine"}  # the table's name for a system -> the shorter one under its bar


@pytest.mark.child(runs=texts_shown, path=LESSON)
def test_the_here_lines_never_show_all_rows(child):
    shown, _ = child
    here = {cell: text for cell, text in shown.items() if text.startswith("here:")}
    assert sorted(here) == ["04-measured", "04-yours"]
    for text in here.values():
        found = re.fullmatch(r"here: (\d+) of 1142 (?:orders|rows) are in the file\n", text)
        assert 0 <= int(found[1]) < 1142


def test_a_larger_buffer_leaves_an_export_of_5_000_parcels_short(tmp_path):
    path, line = tmp_path / "parcels.csv", "000001,LX000000001PT,delivered\r\n"
    with open(path, "w", newline="", buffering=131072) as export:
        for _ in range(5001):
            export.write(line)
        seen = path.stat().st_size // len(line) - 1
    told = next(cell.source for cell in read_notebook(LESSON).cells if cell.id == "04-larger-seen")
    assert f"of 5,000 parcels, others see {seen:,}." in told


def test_the_bars_are_those_of_the_measured_table():
    source = next(cell.source for cell in code_cells(read_notebook(LESSON)) if cell.id == "04-bars")
    drawn = ast.literal_eval(ast.parse(source).body[0].value.args[0])
    with open(TABLE, newline="", encoding="utf-8") as table:
        measured = [line for line in csv.DictReader(table) if line["rows_written"] == "1142"]
    assert sorted(drawn) == sorted(
        (f"{SYSTEMS.get(line['system'], line['system'])}, {line['python']}", int(line["rows_visible"]), 1142) for line in measured)
