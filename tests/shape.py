"""Print the shape of each notebook, to hold against the targets.

    python -m tests.shape

Targets: 20 to 40 cells; code cells of 2 to 4 lines in the middle, 10 at the 90th percentile, 20 at most;
25 to 45 words in a Markdown cell; no code cell without an introduction.
"""
import re
import statistics

from tests.notebook_files import code_cells, notebook_paths, read_notebook
from tests.rules import introduces_its_code


def shape_of(notebook):
    """Return the figures of ``notebook`` as a dictionary, in the order in which they are printed."""
    lines = sorted(len(cell.source.splitlines()) for cell in code_cells(notebook))
    words = [len(re.findall(r"\w+", cell.source)) for cell in notebook.cells if cell.cell_type == "markdown"]
    return {
        "cells": len(notebook.cells),
        "code cells": len(lines),
        "code lines: middle": statistics.median(lines),
        "90th percentile": lines[int(0.9 * (len(lines) - 1))],
        "most": lines[-1],
        "words a Markdown cell: middle": statistics.median(words),
        "words in all": sum(words),
        "not introduced": len(introduces_its_code(notebook)),
    }


def main():
    for number, path in enumerate(notebook_paths()):
        figures = shape_of(read_notebook(path))
        if number == 0:
            print(f"{'notebook':<34}" + " | ".join(figures))
        print(f"{path.stem:<34}" + " | ".join(f"{value:>{len(name)}}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
