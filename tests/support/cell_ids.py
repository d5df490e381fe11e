"""Ids that say what a cell is for, such as 03-flush or 03-ex-place-the-line; JupyterLab gives 64bfcecf-4a6a-… and cannot be told."""
import re
import unicodedata

SPEAKING = re.compile(r"\d\d[a-z]?(-[a-z0-9]+)+")
CHECK = re.compile(r"checks\.(\w+)\(")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
ENTRY = re.compile(r"[A-Z]\d+\b")  # an entry of the field guide is named by its number
SLUG_LENGTH = 40


def check_called_by(cell):
    """Return the name of the check that a cell's last line calls, with hyphens, or None: such a code cell is an exercise."""
    last = cell.source.rstrip().rpartition("\n")[2]
    match = CHECK.match(last) if cell.cell_type == "code" else None
    return match[1].replace("_", "-") if match else None


def give_ids(notebook, number):
    """Give each cell of ``notebook`` without a speaking id of its own one; ``number`` is the notebook's, such as "03" or "10a".

    An exercise is NN-ex-<its check>, the Markdown cell before it …-task and the folded solution after it …-answer; an entry
    of the field guide is 10a-a15, 10a-a15-code and 10a-a15-why; any other cell has the words of the nearest heading above
    and a number.
    """
    taken = set()
    for cell in notebook.cells:  # the first of two equal ids keeps it
        if not SPEAKING.fullmatch(cell.get("id", "")) or cell.id in taken:
            cell["id"] = ""
        taken.add(cell.id)

    def rename(cell, wanted):
        taken.discard(cell.id)
        cell["id"] = _free(wanted, taken)
        taken.add(cell.id)

    for before, cell, after in zip([None, *notebook.cells], notebook.cells, [*notebook.cells[1:], None]):
        name = check_called_by(cell)
        if name is None:
            continue
        if not cell.id.startswith(f"{number}-ex-"):
            rename(cell, f"{number}-ex-{name}")
        if before and before.cell_type == "markdown" and not before.id:
            rename(before, f"{cell.id}-task")
        if after and after.cell_type == "markdown" and "<details>" in after.source and after.id != f"{cell.id}-answer":
            rename(after, f"{cell.id}-answer")
    heading = "top"
    for cell in notebook.cells:
        below = True
        if cell.cell_type == "markdown":
            headings = HEADING.findall(re.sub("(?ms)^```.*?^```", "", cell.source))
            heading, below = (headings or [heading])[-1], not headings
        if not cell.id:
            rename(cell, f"{number}-{_slug(heading)}{_part_of_entry(cell, below) if ENTRY.match(heading) else '-1'}")


def _part_of_entry(cell, below):
    """Return how the id of a cell of an entry ends: nothing for the heading, -code or -why for what stands ``below`` it."""
    return ("-code" if cell.cell_type == "code" else "-why") if below else ""


def _slug(heading):
    if ENTRY.match(heading):
        return ENTRY.match(heading)[0].lower()
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode("ascii").lower()
    # "without" and "ex" mean something in an id.
    words = [word for word in re.findall("[a-z0-9]+", plain.replace("'", "")) if word not in ("without", "ex")]
    while len("-".join(words)) > SLUG_LENGTH:
        words.pop()
    return "-".join(words) or "cell"


def _free(wanted, taken):
    """Return ``wanted``, or if it is taken the same with a number at the end that is free."""
    stem = re.sub(r"-\d+$", "", wanted)
    return next(each for each in [wanted, *(f"{stem}-{count}" for count in range(2, len(taken) + 3))] if each not in taken)
