"""The orders are what their script makes, as many and as awkward as the lessons say."""
import csv
import re
import runpy
from types import SimpleNamespace

from tests.support.notebook_files import PROJECT

ORDERS = PROJECT / "data" / "orders.csv"
SCRIPT = SimpleNamespace(**runpy.run_path(str(ORDERS.with_name("make_orders.py"))))


def orders():
    with open(ORDERS, newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def test_the_script_makes_the_file_byte_for_byte():
    assert ORDERS.read_bytes() == SCRIPT.as_bytes(SCRIPT.make_orders())


def test_there_are_1142_orders_numbered_without_gaps():
    assert [order["order_id"] for order in orders()] == [f"{number:06d}" for number in range(1, 1143)]


def test_the_rows_are_awkward_in_every_way_that_the_readme_names():
    rows = orders()
    values = [value for row in rows for value in row.values()]
    assert any("," in value for value in values)
    assert any('"' in value for value in values)
    assert any("|" in value for value in values)
    assert any("\n" in value for value in values)
    assert any(value.startswith("=") for value in values) and any(value.startswith("-") for value in values)
    assert any(re.match(r"0\d", row["postcode"]) for row in rows)
    assert any(ord(letter) > 0xFF for value in values for letter in value)
    assert any(value != value.strip() for value in values)
    assert any(value == "N/A" for value in values) and any(value == "" for value in values)
    assert all(set(row) == set(SCRIPT.COLUMNS) for row in rows)


def test_the_readme_names_every_column():
    text = (PROJECT / "data" / "README.md").read_text(encoding="utf-8")
    for column in SCRIPT.COLUMNS:
        assert f"`{column}`" in text
    assert "1,142" in text and f"{ORDERS.stat().st_size:,} bytes" in text
