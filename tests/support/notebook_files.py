"""Where the notebooks are, and how one is read and written in its normal form."""
import re
import sys
from pathlib import Path

import nbformat

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOK_FOLDER = PROJECT / "notebooks"

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
TAGS = ("predict", "explain")  # on Markdown cells; the workshop edition is made from them
METADATA = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
FENCED = re.compile(r"\n\n(?:<p></p>\n\n)?(```\w*\n.*?\n```)\n\n(?:<p></p>\n\n)?", re.DOTALL)


def notebook_paths():
    """Return the paths of all notebooks of the series, in reading order."""
    return sorted(NOTEBOOK_FOLDER.glob("*.ipynb"))


def number_of(name):
    """Return the number of the notebook with this file ``name``: 00, 01b, 10a. Raises ValueError when it has none."""
    match = re.match(r"(\d\d[a-z]?)-", name)
    if match is None:
        raise ValueError(f"notebooks/{name}: a notebook of the series is called NN-title.ipynb. Rename it, or move it elsewhere")
    return match[1]


def paths_starting_with(prefixes):
    """Return the paths of the notebooks whose file name starts with one of ``prefixes``, or of all if there are none.

    Raises SystemExit with a sentence when there is no such notebook.
    """
    wanted = [path for path in notebook_paths() if not prefixes or path.name.startswith(tuple(prefixes))]
    if not wanted:
        sys.exit(f"No notebook in notebooks/ starts with {' or '.join(prefixes)}.")
    return wanted


def read_notebook(path):
    """Return the notebook stored at ``path``."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Return the code cells of ``notebook``, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def normalise(notebook):
    """Remove from ``notebook``, in place, all that differs from run to run or machine to machine.

    What stays: sources, ids, outputs, counts 1..n, the name of the kernel, the TAGS of Markdown cells. What goes:
    timestamps, widget state, editor settings, the exact Python version, the split of a stream into pieces.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        tags = [tag for tag in TAGS if tag in cell.metadata.get("tags", []) and cell.cell_type == "markdown"]
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        cell.source = with_room(cell.source.strip("\n"))
        if cell.cell_type == "code":
            cell.outputs = _merged_streams(cell.outputs)
            for output in cell.outputs:
                if "metadata" in output:
                    output.metadata = nbformat.from_dict({})
    for count, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return notebook


def with_room(markdown):
    """Return ``markdown`` with an empty paragraph above and below each block of code that is folded.

    JupyterLab gives code in <details> no space of its own: it would stick to the sentence below it. Where code has
    space, on GitHub and in the web edition, an empty paragraph takes none.
    """
    return FOLDED.sub(lambda fold: FENCED.sub(r"\n\n<p></p>\n\n\1\n\n<p></p>\n\n", fold[0]), markdown)


def _merged_streams(outputs):
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if (last is not None and output.output_type == last.output_type == "stream" and output.name == last.name):
            last.text += output.text
        else:
            merged.append(output)
    return merged


def write_if_changed(notebook, path):
    """Write ``notebook`` to ``path`` if that changes the file; return whether it did."""
    text = nbformat.writes(notebook) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8", newline="\n")
    return True
