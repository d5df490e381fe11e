"""What every stored notebook must be, one function a rule.

Each function gets a notebook and returns the list of its offences, each a sentence; an empty list is a pass. The
number of a notebook stands in the ids of its cells. tests/test_notebooks.py applies the rules to the series, and to
notebooks spoiled for the purpose, as tests/test_rules.py does.
"""
import ast
import re

import nbformat

from tests.support.cell_ids import SPEAKING
from tests.support.comparison import sanitized
from tests.support.notebook_files import METADATA, code_cells

NEVER_SHOWN = {  # not on a here: line either
    "a path of some machine": re.compile(r"(/home/|/root/|/Users/|[A-Za-z]:\\\\?Users|site-packages)"),
    "a carriage return that hides text": re.compile(r"\r(?!\n)"),  # csv ends its rows with \r\n, on the screen too
}
NOT_COMPARABLE = {  # what the rules of sanitize.cfg have left of an output must be the same on every machine
    "a path of some machine, not on a here: line": re.compile(r"(/tmp/|/var/folders|/private/)"),
    "an address in memory": re.compile(r"0x[0-9a-fA-F]{6,}"),
}
FIRST_LESSONS = {"00", "01", "02", "03", "04"}  # for them the reader needs to know the least
WIDEST_LINE = 80  # a projector at 150 % shows 85
LONGEST_CELL, LONGEST_CELL_LATER = 12, 16
WHOLE_PROGRAMS = {  # cells that may be longer: the id -> why it is shown whole
    "03-program": "the article's program, shown whole once and then in parts",
    "09-ex-case-background": "a colleague's program, as it was handed in",
}
BARE_WRITES = {  # cells that may end in a bare write: the id -> why its number is the subject
    "00-write": "what write() returns is the question",
}
MACHINE_WORDS = re.compile(r"\b(True|False)\W*$", re.MULTILINE)
PREDICT = re.compile(r"\*\*Predict\b[^*]*\*\*")
MARKDOWN_TAGS = ["predict", "explain"]
MODE = re.compile(r"[rwax][bt+]*")
WITHOUT_NEWLINE = {"read_text", "FileHandler"}  # take encoding=; Python 3.11 knows no newline= there
FSYNC_ALONE = {  # cells that may call os.fsync without a flush() right before it: the id -> why
    "06-fsync": "that fsync alone brings nothing to the disk is the lesson",
    "10h-h8-code": "between the two it prints how much there is for the disk, and that is 0 without the flush",
}
MARKS = re.compile(r"NBVAL_|PYTEST_VALIDATE_", re.IGNORECASE)


def number_in_ids(notebook):
    """Return the number of ``notebook``, such as 03 or 01b, as the id of its first cell has it, or ''."""
    match = re.match(r"\d\d[a-z]?(?=-)", notebook.cells[0].get("id", "") if notebook.cells else "")
    return match[0] if match else ""


def is_valid(notebook):
    """The file is a valid notebook of format 4.5, in which every cell has an id that says what it is for."""
    # A cell that was added in JupyterLab has an id such as 64bfcecf-4a6a-4daf-b754-b823653cd0e8; refresh gives it another.
    nameless = [number for number, cell in enumerate(notebook.cells)
                if not SPEAKING.fullmatch(cell.get("id", ""))]
    if nameless:
        return [f"cell number {number} has no speaking id, such as 03-copy. Run  python -m tests.tools.refresh" for number in nameless]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {error.message}"]
    return []


def has_no_empty_cell(notebook):
    """Every cell holds something."""
    return [f"{cell.id}: this cell is empty. Remove it, or fill it and run  python -m tests.tools.refresh"
            for cell in notebook.cells if not cell.source.strip()]


def is_plain_python(notebook):
    """A code cell has nothing but Python: no magic, no shell escape."""
    offences = []
    for cell in code_cells(notebook):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            offences.append(f"{cell.id}: line {error.lineno} is not Python; a cell has no magic and no shell escape")
    return offences


def tree_of(source):
    """Return the syntax tree of ``source``, an empty one where it is no Python: is_plain_python() tells that."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


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
    statements = tree_of(source).body
    if not statements:
        return False
    last = statements[-1]
    if isinstance(last, ast.For | ast.With | ast.If | ast.Try):
        return any(isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"
                   for call in ast.walk(last))
    return isinstance(last, ast.Expr)


def is_never_excused(notebook):
    """No cell is ignored, skipped or excused from comparison, by comment, by tag or by metadata."""
    return [f"{cell.id}: is excused from the comparison" for cell in notebook.cells
            if cell.cell_type == "code" and (cell.metadata.get("tags") or MARKS.search(cell.source))]


def carries_no_more_than_it_must(notebook):
    """Metadata names the kernel, the language and what is a prediction or its explanation; outputs carry none."""
    offences = []
    if dict(notebook.metadata) != METADATA:
        offences.append(f"notebook metadata holds {sorted(notebook.metadata)}: run  python -m tests.tools.refresh")
    for cell in notebook.cells:
        tagged = cell.cell_type == "markdown" and cell.metadata in [{"tags": [tag]} for tag in MARKDOWN_TAGS]
        if cell.metadata and not tagged:
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
    """No output holds a home folder, one of ``user_names``, or, outside here: lines, a path or an address."""
    offences = []
    for cell in code_cells(notebook):
        for text in _shown_texts(cell):
            told = [what for what, pattern in NEVER_SHOWN.items() if pattern.search(text)]
            told += [what for what, pattern in NOT_COMPARABLE.items() if pattern.search(sanitized(text))]
            offences += [f"{cell.id}: the output holds {what}" for what in told]
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
            if cell.cell_type == "code" and cell.source.strip() and (before is None or before.cell_type == "code")]


def keeps_cells_short(notebook):
    """A code cell has 12 lines at most in the first lessons and 16 later, imports not counted, unless it is a whole program."""
    limit = LONGEST_CELL if number_in_ids(notebook) in FIRST_LESSONS else LONGEST_CELL_LATER
    return [f"{cell.id}: {lines} lines of code, {limit} is the limit" for cell in code_cells(notebook)
            for lines in [len(re.findall(r"^(?!import |from |$)", cell.source, re.MULTILINE))]
            if lines > limit and cell.id not in WHOLE_PROGRAMS]


def keeps_lines_short(notebook):
    """No line of code is wider than what a projector shows."""
    return [f"{cell.id}: a line of {len(line)} characters, {WIDEST_LINE} is the limit: {line.strip()[:40]}..."
            for cell in code_cells(notebook) for line in cell.source.splitlines() if len(line) > WIDEST_LINE]


def shows_things_and_not_truth_values(notebook):
    """No line of an output ends in True or False: an output is something that the reader could not have written down."""
    return [f"{cell.id}: an output line ends in {word}: show the thing itself" for cell in code_cells(notebook)
            for text in _shown_texts(cell) for word in MACHINE_WORDS.findall(text)]


def ends_in_no_bare_write(notebook):
    """No cell ends in a bare write, writerow or seek, whose number would stand there as an answer."""
    offences = []
    for cell in code_cells(notebook):
        last = tree_of(cell.source).body[-1:]
        call = last[0].value if last and isinstance(last[0], ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and cell.id not in BARE_WRITES \
                and call.func.attr in ("write", "writerow", "writeheader", "seek", "truncate"):
            offences.append(f"{cell.id}: ends in {call.func.attr}(), and shows the number that it returns")
    return offences


def is_plain_in_the_first_lessons(notebook):
    """The first lessons do without what their reader may not know: lambda, getattr, x if c else y, *, **, and the like."""
    if number_in_ids(notebook) not in FIRST_LESSONS:
        return []
    return [f"{cell.id}: {what}, which the reader of {number_in_ids(notebook)} need not know" for cell in code_cells(notebook)
            for what in clever_constructs(cell.source)]


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
CODE_IN_TEXT = {"getattr", "hasattr", "setattr", "eval", "exec", "compile"}


def clever_constructs(source):
    """Return what a cell's ``source`` uses of the constructs that the first lessons do without."""
    found = []
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Lambda):
            found.append("lambda")
        if isinstance(node, ast.IfExp):
            found.append("x if c else y")
        if isinstance(node, ast.Starred) or isinstance(node, ast.FunctionDef) and (node.args.vararg or node.args.kwarg):
            found.append("*")
        if isinstance(node, ast.Call) and any(keyword.arg is None for keyword in node.keywords) \
                or isinstance(node, ast.Dict) and None in node.keys:
            found.append("**")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODE_IN_TEXT:
            found.append(f"{node.func.id}()")
        if isinstance(node, COMPREHENSIONS) and any(isinstance(inner, COMPREHENSIONS) for inner in ast.walk(node) if inner is not node):
            found.append("a comprehension in a comprehension")
        if isinstance(node, ast.FormattedValue) and node.format_spec and re.search("[<>^]", ast.unparse(node.format_spec)):
            found.append("alignment in an f-string")
    return found


def marks_its_predictions(notebook):
    """A cell that asks for a prediction is tagged; then come one code cell and the explanation, tagged too."""
    offences = []
    roles = ["code" if cell.cell_type == "code" else "".join(cell.metadata.get("tags", [])) for cell in notebook.cells]
    for place, (cell, role) in enumerate(zip(notebook.cells, roles)):
        asks = cell.cell_type == "markdown" and bool(PREDICT.search(cell.source))
        if asks != (role == "predict"):
            offences.append(f"{cell.id}: says **Predict** and has no tag predict" if asks else
                            f"{cell.id}: has the tag predict and does not say **Predict**")
        if role == "predict" and roles[place + 1:place + 3] != ["code", "explain"]:
            offences.append(f"{cell.id}: after a prediction one code cell follows, and then its explanation, tagged explain")
        if role == "explain" and (place < 2 or roles[place - 2] != "predict"):
            offences.append(f"{cell.id}: has the tag explain, and two cells before it nobody asked for a prediction")
    return offences


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
    """Text is opened with newline= and encoding= where the data needs them, unless their absence is the lesson.

    csv, a table of pandas and rows that end in \\r\\n need newline=, and names beyond ASCII, such as those of the 1,142 orders,
    need encoding=. So does text of which the same cell says the encoding in another place, or one side would read what the
    other did not write. Three plain rows may be opened as everybody does: open("orders.txt", "w"). Where their absence is
    the lesson, the id of the cell says -without-, and the text before or after it names the argument. No run notices what
    is missing here: on the machines that compare, the bytes are the same.
    """
    offences, awkward, ended = [], set(), set()
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        tree = tree_of(cell.source)
        _follow_awkward_data(tree, awkward)
        ended |= {target.id for node in ast.walk(tree) if isinstance(node, ast.Assign) and _has_line_ends(node.value)
                  for target in node.targets if isinstance(target, ast.Name)}
        ended |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and _writes_csv(node, ended)}
        offences += careless_opens(cell.id, cell.source, awkward, ended)
        if "-without-" in cell.id:
            around = "".join(near.source for near in notebook.cells[max(0, place - 1):place + 2] if near.cell_type == "markdown")
            if "newline" not in around and "encoding" not in around:
                offences.append(f"{cell.id}: its id says -without-, and the text around it does not say without what")
    return offences


def _follow_awkward_data(tree, names):
    """Add to the set ``names`` those that ``tree`` gives to data with letters beyond ASCII, and take out those it gives to other data."""
    reading = [inner for node in ast.walk(tree) if isinstance(node, ast.With) and any(map(_is_awkward, node.items)) for inner in node.body]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if node in reading or _is_awkward(node.value, names):
                names |= targets
            else:
                names -= targets


def _is_awkward(node, names=()):
    """Tell whether the statement or call ``node`` handles one of ``names``, letters beyond ASCII, or reads orders.csv."""
    for inner in ast.walk(node):
        mode = _text_mode(inner) if isinstance(inner, ast.Call) else None
        if mode is not None and not set("wax") & set(mode) and "'orders.csv'" in ast.unparse((inner.args or [inner.func])[0]):
            return True
        if isinstance(inner, ast.Name) and inner.id in names or isinstance(inner, ast.Constant) and not str(inner.value).isascii():
            return True
    return False


def _has_line_ends(node):
    return any(isinstance(inner, ast.Constant) and isinstance(inner.value, str) and "\r\n" in inner.value for inner in ast.walk(node))


def _writes_csv(node, names=()):
    """Tell whether ``node`` uses csv, to_csv of pandas, text with the line ends of csv, or one of ``names``."""
    return _has_line_ends(node) or any(isinstance(inner, ast.Name) and inner.id in {"csv", *names}
                                       or isinstance(inner, ast.Attribute) and inner.attr == "to_csv" for inner in ast.walk(node))


def careless_opens(cell_id, source, awkward=("orders",), ended=()):
    """Return an offence for each place in a cell's ``source`` that opens text without newline= or encoding=, and needs it.

    ``awkward`` are the names of data with letters beyond ASCII, and ``ended`` those of text with the line ends of csv and
    of functions that write such text. The stub of an exercise may be wrong.
    """
    if "-without-" in cell_id or "-ex-" in cell_id:
        return []
    tree = tree_of(source)
    opens = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _text_mode(node) is not None]
    says_encoding = any(keyword.arg == "encoding" for call in opens for keyword in call.keywords)
    needed = ({"newline"} if _writes_csv(tree, ended) else set()) \
        | ({"encoding"} if says_encoding or _is_awkward(tree, awkward) else set())
    offences = []
    for call in opens:
        given = {keyword.arg for keyword in call.keywords}
        missing = needed - given - ({"newline"} if last_name_called(call) in WITHOUT_NEWLINE else set())
        if missing and None not in given:  # **options may hold them
            offences.append(f"{cell_id}: line {call.lineno} opens text without {' and '.join(sorted(missing))}=")
    return offences


def last_name_called(node):
    """Return the last name in what ``node`` calls, such as open of gzip.open(), or "" if it is no call."""
    called = getattr(node, "func", None)
    return getattr(called, "attr", getattr(called, "id", ""))


def _text_mode(call):
    """Return the mode in which ``call`` opens text, "" if it stands in a variable or there is none, or None if it opens no text."""
    name, is_builtin = last_name_called(call), isinstance(call.func, ast.Name)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    first = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if name in ("TextIOWrapper", "write_text", *WITHOUT_NEWLINE):
        return ""
    if name == "fdopen" or name == "open" and is_builtin:
        place, by_itself = 1, "r"
    elif name == "open" and (MODE.fullmatch(str(first)) or not call.args and "mode" in given):  # Path(...).open("w")
        place, by_itself = 0, "r"
    elif name == "open":  # gzip.open and its like are binary unless the mode says t
        place, by_itself = 1, "rb"
    elif name in ("NamedTemporaryFile", "TemporaryFile"):
        place, by_itself = 0, "w+b"
    else:
        return None
    mode = call.args[place] if len(call.args) > place else given.get("mode", ast.Constant(by_itself))
    if not isinstance(mode, ast.Constant):
        return "" if {"newline", "encoding"} & set(given) else None  # only text takes these
    is_text = "t" in mode.value if by_itself == "rb" else "b" not in mode.value
    return mode.value if is_text else None


def flushes_before_fsync(notebook):
    """os.fsync comes right after a flush() of the same file, or the disk gets what the program still holds only later.

    No output can tell: it takes a power cut.
    """
    offences = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and "-ex-" not in cell.id and cell.id not in FSYNC_ALONE:
            for node in ast.walk(tree_of(cell.source)):
                block = getattr(node, "body", None)
                for before, statement in zip([None, *block], block) if isinstance(block, list) else ():
                    synced = re.fullmatch(r"os\.fsync\((.+)\.fileno\(\)\)", ast.unparse(statement))
                    if synced and not (before and f"{synced[1]}.flush()" in ast.unparse(before)):
                        offences.append(f"{cell.id}: line {statement.lineno} calls os.fsync without a flush() right before it")
    return offences


RULES = [is_valid, has_no_empty_cell, is_plain_python, was_executed, shows_its_outputs, is_never_excused,
         carries_no_more_than_it_must, has_no_stderr_and_no_traceback, tells_nothing_of_the_machine, introduces_its_code,
         keeps_cells_short, keeps_lines_short, opens_text_with_care, flushes_before_fsync, shows_things_and_not_truth_values,
         ends_in_no_bare_write, is_plain_in_the_first_lessons, marks_its_predictions]
