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
    """Run the six lines of notebook 00 and the seventh; return the SVG text of both readings and its alt text."""
    def drawn(reading, headline):
        in_layers = dict(zip(pictures.LAYERS, [reading.text_layer, reading.byte_buffer, reading.operating_system]))
        return in_layers, headline, f"Any other reader sees {pictures.amount(reading.visible_rows, 'whole row')}."

    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(
            "w", newline="", encoding="utf-8", dir=folder, delete=False) as export:
        writer = csv.DictWriter(export, fieldnames=["order_id", "item", "price"])
        writer.writeheader()
        writer.writerow({"order_id": 1, "item": "Bananas", "price": "1.19"})
        writer.writerow({"order_id": 2, "item": "Grapes", "price": "3.49"})
        before = measure(export)
        export.flush()
        after = measure(export)
    svg = pictures.layer_bars_twice(drawn(before, "A header and two rows written, no error:"),
                                    drawn(after, "One line later, after export.flush():"))
    alt = (f"Two gauges. Before flush, all {before.text_layer} bytes are in the text layer and any other reader sees "
           f"{before.visible_rows} whole rows. After flush, all {after.operating_system} bytes are with the operating system "
           f"and any other reader sees {after.visible_rows} whole rows.")
    return svg, alt


def main():
    svg, alt = make_picture()
    TARGET.write_text(svg, encoding="utf-8", newline="\n")
    print(f"Wrote .github/the-bug.svg. Its alt text: {alt}")


if __name__ == "__main__":
    main()
