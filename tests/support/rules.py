"""What every stored notebook must be, one function a rule.

Each function gets a notebook (and its name where needed) and returns the list of its offences, each a
sentence; an empty list is a pass. tests/test_notebooks.py applies them to the series, and
tests/test_guard.py to notebooks spoiled for the purpose.
"""
import ast
import re

import nbformat

from tests.support.notebook_files import METADATA, code_cells

TELLTALES = {
    "a path of some machine": re.compile(r"(/tmp/|/home/|/root/|/Users/|/var/folders|/private/|[A-Za-z]:\\\\?Users|site-packages)"),
    "an address in memory": re.compile(r"0x[0-9a-fA-F]{6,}"),
    "a random temp name": re.compile(r"\btmp[a-z0-9_]{8}\b"),
    "a carriage return that hides text": re.compile(r"\r(?!\n)"),  # csv ends its rows with \r\n, on the screen too
}
WIDEST_LINE = 100  # JupyterLab 4 shows 105 characters at 1280 pixels; what is wider has to be scrolled to
MODE = re.compile(r"[rwax][bt+]*")
MARKS = re.compile(r"NBVAL_|PYTEST_VALIDATE_", re.IGNORECASE)


def is_valid(notebook):
    """The file is a valid notebook of format 4.5, in which every cell has an id that says what it is for."""
    # A cell without an id gets eight random letters and digits when it is read; a speaking one has hyphens.
    nameless = [number for number, cell in enumerate(notebook.cells) if "-" not in cell.get("id", "")]
    if nameless:
        return [f"cell number {number} has no speaking id, such as 03-copy" for number in nameless]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {error.message}"]
    return []


def was_executed(notebook):
    """Every code cell was executed, from the first to the last, in one go."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if not counts:
        return ["has no code cell at all"]
    if counts != list(range(1, len(counts) + 1)):
        return [f"cells were not executed 1 to {len(counts)}: the counts are {counts}. Run  python -m tests.tools.refresh"]
    return []


def shows_its_outputs(notebook):
    """A cell that ends in a print or in a value has its output stored."""
    return [f"{cell.id}: the output that this cell makes is not stored. Run  python -m tests.tools.refresh"
            for cell in code_cells(notebook) if not cell.outputs and _makes_output(cell.source)]


def _makes_output(source):
    last = ast.parse(source).body[-1]
    if isinstance(last, ast.For | ast.With | ast.If | ast.Try):
        return any(isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"
                   for call in ast.walk(last))
    return isinstance(last, ast.Expr)


def is_never_excused(notebook):
    """No cell is ignored, skipped or excused from comparison, by comment, by tag or by metadata."""
    return [f"{cell.id}: is excused from the comparison" for cell in notebook.cells
            if cell.metadata.get("tags") or (cell.cell_type == "code" and MARKS.search(cell.source))]


def carries_no_more_than_it_must(notebook):
    """Metadata names the kernel and the language, and nothing else; outputs carry none."""
    offences = []
    if dict(notebook.metadata) != METADATA:
        offences.append(f"notebook metadata holds {sorted(notebook.metadata)}: run  python -m tests.tools.refresh")
    for cell in notebook.cells:
        if cell.metadata:
            offences.append(f"{cell.id}: metadata holds {sorted(cell.metadata)}")
        for output in cell.get("outputs", []):
            if output.get("metadata"):
                offences.append(f"{cell.id}: output metadata holds {sorted(output.metadata)}")
    return offences


def has_no_stderr_and_no_traceback(notebook):
    """No output is an uncaught error or text on stderr."""
    return [f"{cell.id}: stores {output.get('name') or output.output_type}" for cell in code_cells(notebook)
            for output in cell.outputs if output.output_type == "error" or output.get("name") == "stderr"]


def tells_nothing_of_the_machine(notebook, user_names=()):
    """No output holds a path, an address, a random name, or one of ``user_names``."""
    offences = []
    for cell in code_cells(notebook):
        for text in _shown_texts(cell):
            offences += [f"{cell.id}: the output holds {what}" for what, pattern in TELLTALES.items() if pattern.search(text)]
            offences += [f"{cell.id}: the output holds the user name {name!r}" for name in user_names
                         if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    return offences


def _shown_texts(cell):
    for output in cell.outputs:
        texts = [output.get("text", ""), *output.get("data", {}).values()]
        for text in texts:
            if isinstance(text, str):
                yield re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)


def introduces_its_code(notebook):
    """Every code cell stands after prose."""
    pairs = zip([None, *notebook.cells], notebook.cells)
    return [f"{cell.id}: no prose before this code" for before, cell in pairs
            if cell.cell_type == "code" and (before is None or before.cell_type == "code")]


def keeps_cells_short(notebook):
    """No code cell is longer than 20 lines."""
    return [f"{cell.id}: {len(cell.source.splitlines())} lines of code, 20 is the limit" for cell in code_cells(notebook)
            if len(cell.source.splitlines()) > 20]


def keeps_lines_short(notebook):
    """No line of code is wider than what JupyterLab's editor shows at 1280 pixels beside the file browser."""
    return [f"{cell.id}: a line of {len(line)} characters, {WIDEST_LINE} is the limit: {line.strip()[:40]}..."
            for cell in code_cells(notebook) for line in cell.source.splitlines() if len(line) > WIDEST_LINE]


def ids_that_repeat(notebooks):
    """Return the cell ids that occur twice; ``notebooks`` maps names to notebooks."""
    seen, offences = {}, []
    for name, notebook in notebooks.items():
        for cell in notebook.cells:
            if cell.id in seen:
                offences.append(f"cell id {cell.id} stands in {seen[cell.id]} and in {name}")
            seen.setdefault(cell.id, name)
    return offences


def opens_text_with_care(notebook):
    """A cell that opens text passes newline= and encoding=, unless its id says that their absence is the lesson."""
    return [offence for cell in code_cells(notebook) for offence in careless_opens(cell.id, cell.source)]


def careless_opens(cell_id, source):
    """Return an offence for each place in a cell's ``source`` that opens text without newline= or encoding=."""
    if "-without-" in cell_id:
        return []
    offences = []
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and _opens_text(call):
            given = {keyword.arg for keyword in call.keywords}
            missing = {"newline", "encoding"} - given
            if missing and None not in given:  # **options may hold them
                offences.append(f"{cell_id}: line {call.lineno} opens text without {' and '.join(sorted(missing))}=")
    return offences


def _opens_text(call):
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    first = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if name == "fdopen" or name == "open" and isinstance(call.func, ast.Name):
        mode = call.args[1] if len(call.args) > 1 else given.get("mode", ast.Constant("r"))
    elif name == "open" and MODE.fullmatch(str(first)):  # Path(...).open("w") has its mode in front
        mode = call.args[0]
    elif name == "open" and not call.args and "mode" in given:  # Path(...).open(mode="w"); gzip.open wants a name first
        mode = given["mode"]
    elif name == "open":  # gzip.open and its like are binary unless the mode says t
        mode = call.args[1] if len(call.args) > 1 else given.get("mode", ast.Constant("rb"))
        return isinstance(mode, ast.Constant) and "t" in str(mode.value)
    elif name in ("NamedTemporaryFile", "TemporaryFile"):
        mode = call.args[0] if call.args else given.get("mode", ast.Constant("w+b"))
    elif name in ("TextIOWrapper", "write_text"):
        return True
    else:
        return False
    return isinstance(mode, ast.Constant) and "b" not in str(mode.value)


RULES = [is_valid, was_executed, shows_its_outputs, is_never_excused, carries_no_more_than_it_must,
         has_no_stderr_and_no_traceback, tells_nothing_of_the_machine, introduces_its_code, keeps_cells_short, keeps_lines_short,
         opens_text_with_care]
