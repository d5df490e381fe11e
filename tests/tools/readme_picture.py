"""Make the picture of the bug in the README, by making the bug and reading the gauge.

    python -m tests.tools.readme_picture    writes .github/the-bug.svg
"""
import csv
import sys
import tempfile

from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT

sys.path.insert(0, str(NOTEBOOK_FOLDER))
import pictures  # noqa: E402  found in the folder just named
from gauge import measure  # noqa: E402

TARGET = PROJECT / ".github" / "the-bug.svg"


def make_picture():
    """Write two rows, then flush; return the SVG text of the two gauges, and its alt text."""
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(
            "w", newline="", encoding="utf-8", dir=folder, delete=False) as export:
        writer = csv.DictWriter(export, fieldnames=["order_id", "item", "price"])
        writer.writeheader()
        writer.writerow({"order_id": 1, "item": "Bananas", "price": "1.19"})
        writer.writerow({"order_id": 2, "item": "Grapes", "price": "3.49"})
        before = measure(export)
        export.flush()
        after = measure(export)
    board = pictures.Board(500)
    for top, title, reading in [(0, "A header and two rows, no error", before), (256, "One line later: export.flush()", after)]:
        pictures.draw_gauge(board, top, reading.bars(), reading.headline, reading.footline, title)
    board.line([(20, 246), (880, 246)], colour=pictures.FAINT)
    alt = (f"Two gauges. Before the flush: {before.headline} {before.footline} "
           f"After the flush: {after.headline} {after.footline}")
    return board.svg(), alt


def main():
    svg, alt = make_picture()
    TARGET.write_text(svg, encoding="utf-8", newline="\n")
    print(f"Wrote .github/the-bug.svg. Its alt text: {alt}")


if __name__ == "__main__":
    main()
