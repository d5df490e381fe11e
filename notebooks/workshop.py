"""The workshop edition: a copy of the series for people who predict before they run.

It differs from the reading edition in two things: no output is stored, and what stands after a prediction is folded until
it is clicked. It is made whole in a folder of its own, and the project is only read. To begin anew, throw the folder away and
make it again.
"""
import json
import os
import shutil
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MARK = ".workshop-edition"  # a file in it, by which a folder is known as one of ours
NOT_FOR_LEARNERS = ("instructor-guide.md", "__pycache__", ".ipynb_checkpoints")


def make(folder):
    """Make the workshop edition in ``folder``, or find that it is there; return its path.

    A folder that is an edition already is left as it is, with all that a learner did in it. Stops with one sentence for a
    folder inside the project and for one that holds something else.
    """
    folder = os.path.abspath(folder)
    if os.path.exists(os.path.join(folder, MARK)):
        print("The workshop edition in {} is there already, and is taken as it is. To begin anew, delete that folder."
              .format(folder), flush=True)
        return folder
    if os.path.commonpath([os.path.realpath(folder), os.path.realpath(PROJECT)]) == os.path.realpath(PROJECT):
        sys.exit("The workshop edition cannot lie inside the project: name a folder elsewhere.")
    if os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        sys.exit("{} holds something else, and nothing was changed: name a folder that is empty or not there yet.".format(folder))
    unfinished = folder + ".unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(unfinished)
    for part in ("notebooks", "data"):
        shutil.copytree(os.path.join(PROJECT, part), os.path.join(unfinished, part), copy_function=shutil.copyfile,
                        ignore=shutil.ignore_patterns(*NOT_FOR_LEARNERS))
    for place, _, _ in os.walk(unfinished):
        os.chmod(place, os.stat(place).st_mode | 0o700)  # the project may lie where nobody can write; the copy is to be used
    notebooks = os.path.join(unfinished, "notebooks")
    for name in os.listdir(notebooks):
        if name.endswith(".ipynb"):
            _rewrite(os.path.join(notebooks, name))
    shutil.copyfile(os.path.join(PROJECT, "requirements.txt"), os.path.join(unfinished, "requirements.txt"))
    open(os.path.join(unfinished, MARK), "wb").close()
    if os.path.isdir(folder):
        os.rmdir(folder)
    os.rename(unfinished, folder)
    print("The workshop edition is new, and is in {}.".format(folder), flush=True)
    return folder


def what_jupyter_remembers(folder):
    """Return environment variables by which open tabs and the history of cells stay in ``folder``, and go with it."""
    return {"JUPYTERLAB_WORKSPACES_DIR": os.path.join(folder, ".tabs"), "IPYTHONDIR": os.path.join(folder, ".ipython")}


def _rewrite(path):
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        elif "explain" in cell["metadata"].get("tags", []):
            cell["source"] = folded("".join(cell["source"]))
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        json.dump(notebook, file, ensure_ascii=False, indent=1)
        file.write("\n")


def folded(markdown):
    """Return ``markdown`` inside a fold that opens with a click, as the solutions do."""
    return "<details><summary>What you saw, and why</summary>\n\n{}\n\n</details>".format(markdown)
