"""Break the notebooks in one small place at a time, and see whether the stored outputs notice.

    python -m tests.tools.mutants                    every mutant of every notebook
    python -m tests.tools.mutants 03 --kind flush    only some

A mutant drops a flush(), close() or seek(), or calls it one statement earlier; drops newline= or encoding=; or leaves a with:
what this series is about. It is caught when an output differs under the rules of sanitize.cfg, when the rules on opening text
and on fsync (tests/support/rules.py) refuse the cell, or when the notebook ends with a file open or something left in the temp folder.
A newline= or encoding= that is gone changes nothing on Linux, so the mutant also runs as Windows would run it, with
newline="\\r\\n" where it writes, or with encoding="cp1252": there the suite compares the same outputs. Survivors that are
right to survive stand in tests/mutants_allowed.toml, each with its reason; any other one fails the command, and is printed in
the form of that file. The suite asks for the flushes of 00 and 03.

Each mutant runs in a fork of one prepared process, in a temp folder of its own, from the first cell until
an output differs from the stored one. Forking needs Linux or macOS.
"""
import argparse
import ast
import copy
import os
import re
import signal
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.support import conditions, rules
from tests.support.cells import Session, import_ahead, in_child, open_files, own_temp_folder, warn_of_encodings
from tests.support.comparison import difference
from tests.support.notebook_files import PROJECT, code_cells, paths_starting_with, read_notebook
from tests.support.rules import last_name_called

ALLOWED = PROJECT / "tests" / "mutants_allowed.toml"
# A mutant that runs longer than this and TIMES_AS_LONG as its notebook hangs: the reader would see it, so it counts as caught.
SECONDS, TIMES_AS_LONG = 60, 20
SURVIVED, CAUGHT = 0, 1  # exit codes of a fork
OPENERS = {"open", "NamedTemporaryFile", "TemporaryFile", "TextIOWrapper"}
KINDS = ("flush", "close", "seek", "newline", "encoding", "un-with")
WINDOWS_TAKES = {"newline": "\r\n", "encoding": "cp1252"}  # where a program that writes, or opens, does not say


@dataclass(frozen=True)
class Mutant:
    """A changed cell: ``name`` is its id, the kind of change and a number; ``what`` says it in words.

    ``on_windows`` is the source with what Windows takes in place of an option that is gone, or None.
    """

    name: str
    kind: str
    what: str
    source: str
    on_windows: str | None = None


def mutants_of(cell_id, source):
    """Return all mutants of a cell's ``source``, each with one change."""
    found = []
    for kind in KINDS:
        for number in range(len(list(_places(ast.parse(source), kind)))):
            what, changed = _changed(source, kind, number)
            on_windows = _changed(source, f"{kind} on Windows", number)[1] if kind in WINDOWS_TAKES else None
            found.append(Mutant(f"{cell_id} {kind} {number + 1}", kind, what, changed, on_windows))
    return found


def _changed(source, kind, number):
    """Return the change of this ``kind`` with this ``number`` in words, and the source after it."""
    tree = ast.parse(source)
    what, change = list(_places(tree, kind))[number]
    change()
    return what, ast.unparse(ast.fix_missing_locations(tree))


def _places(tree, kind):
    """Yield for each place in ``tree`` that a mutant of this ``kind`` changes: the change in words, and a function that makes it."""
    if kind.split()[0] in WINDOWS_TAKES:
        return _options(tree, *kind.split(maxsplit=1))
    return _blocks_left(tree) if kind == "un-with" else _calls(tree, kind)


def _calls(tree, name):
    for block in _blocks(tree):
        for index, statement in enumerate(block):
            if isinstance(statement, ast.Expr) and last_name_called(statement.value) == name:
                yield f"drop {_short(statement)}", lambda b=block, i=index: b.__setitem__(i, ast.Pass())
                if index and not _only_stands_there(block[index - 1]):
                    yield (f"move {_short(statement)} before {_short(block[index - 1])}",
                           lambda b=block, i=index: b.__setitem__(slice(i - 1, i + 1), [b[i], b[i - 1]]))
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and last_name_called(node.body) == name:
            yield f"drop {_short(node.body)}", lambda n=node: setattr(n, "body", ast.Constant(None))


def _only_stands_there(statement):
    """An import, a function or a docstring: what comes after it may as well come before."""
    is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_docstring or isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef)


def _options(tree, name, on_windows=False):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == name and on_windows and (name == "encoding" or _writes(node)):
                    yield f"{name}= as on Windows", lambda k=keyword: setattr(k, "value", ast.Constant(WINDOWS_TAKES[k.arg]))
                elif keyword.arg == name:
                    yield f"drop {name}= from {last_name_called(node)}()", lambda n=node, k=keyword: n.keywords.remove(k)


def _writes(call):
    """Tell whether ``call`` may write text, in which Windows changes line ends; reading is the same everywhere, and so is StringIO."""
    modes = [node.value for node in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode"))
             if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch("[rwaxbt+]{1,3}", node.value)]
    return last_name_called(call) in ("TextIOWrapper", "write_text") or any(set(mode) & set("wax+") for mode in modes)


def _blocks_left(tree):
    """Open the file, run the block, and never close."""
    for block in _blocks(tree):
        for index, statement in enumerate(block):
            if isinstance(statement, ast.With) and len(statement.items) == 1 and statement.items[0].optional_vars:
                item = statement.items[0]
                if last_name_called(item.context_expr) in OPENERS:
                    flat = [ast.Assign([item.optional_vars], item.context_expr), *statement.body]
                    yield f"leave with {_short(item)}", lambda b=block, i=index, f=flat: b.__setitem__(slice(i, i + 1), f)


def _blocks(tree):
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(node, field, None), list):
                yield getattr(node, field)


def _short(node):
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else text[:57] + "..."


def try_mutants(path, kinds=KINDS):
    """Return the mutants of these ``kinds`` of the notebook at ``path`` as (mutant, whether it was caught) pairs."""
    import matplotlib.backends.backend_svg  # noqa: F401  imported before the forks, once for all of them
    import pandas  # noqa: F401

    notebook = read_notebook(path)
    cells = code_cells(notebook)
    session = Session()
    warn_of_encodings(path)
    # The stub of an exercise is never run; tests/test_exercises.py is what watches over it.
    mutants = [(place, mutant) for place, cell in enumerate(cells) if "-ex-" not in cell.id
               for mutant in mutants_of(cell.id, cell.source) if mutant.kind in kinds]
    started = time.monotonic()
    if _is_caught(session, cells, 0, cells[0].source, limit=0):
        raise RuntimeError(f"{path.name} differs from its stored outputs before anything is changed: see  pytest {path.name}")
    limit = max(SECONDS, round(TIMES_AS_LONG * (time.monotonic() - started)))
    return [(mutant, _is_refused(notebook, cells[place].id, mutant)
             or any(_is_caught(session, cells, place, source, limit) for source in (mutant.source, mutant.on_windows) if source))
            for place, mutant in mutants]


def _is_refused(notebook, cell_id, mutant):
    changed = copy.deepcopy(notebook)
    for cell in changed.cells:
        if cell.id == cell_id:
            cell.source = mutant.source
    return bool(rules.opens_text_with_care(changed) + rules.flushes_before_fsync(changed))


def _is_caught(session, cells, place, source, limit):
    with own_temp_folder() as temp, open(os.devnull, "wb") as devnull:
        child = os.fork()
        if child == 0:
            signal.alarm(limit)  # seconds; 0 sets none
            for descriptor in (1, 2):  # what a broken child process says is nobody's to read
                os.dup2(devnull.fileno(), descriptor)
            outcome = None
            try:
                caught = any(_differs(session, cell, source if number == place else cell.source, number >= place)
                             for number, cell in enumerate(cells)) or open_files() or any(temp.iterdir())
                outcome = CAUGHT if caught else SURVIVED
            finally:
                os._exit(os.EX_SOFTWARE if outcome is None else outcome)
        _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    if ended not in (SURVIVED, CAUGHT, -signal.SIGALRM):
        raise RuntimeError(f"the fork for {cells[place].id} ended with {ended}, so it says nothing about the notebook")
    return ended != SURVIVED


def _differs(session, cell, source, compared):
    outputs = session.run(source)
    return bool(compared and difference(outputs, cell.outputs))


def allowed_survivors():
    """Return the names in tests/mutants_allowed.toml, each with its reason."""
    listed = tomllib.loads(ALLOWED.read_text(encoding="utf-8"))
    return {name: entry["reason"] for entry in listed["allowed"] for name in entry["mutants"]}


def _try(path, kinds):
    try:
        return in_child(try_mutants, path, kinds)[0]
    except RuntimeError as error:  # one notebook that cannot be tried is no reason to say nothing of the others
        return str(error).strip().splitlines()[-1]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.tools.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*", help="notebooks whose file name starts so (all)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind of change (all)")
    options = parser.parse_args()
    if not hasattr(os, "fork"):
        sys.exit("This command forks, which Windows cannot: run it on Linux or macOS.")
    conditions.apply()
    import_ahead()
    paths = paths_starting_with(options.prefix)
    kinds = tuple(options.kind or KINDS)
    started = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        answers = dict(zip(paths, pool.map(lambda path: _try(path, kinds), paths)))
    seconds = time.monotonic() - started

    untried = [answer for answer in answers.values() if isinstance(answer, str)]
    runs = {path.stem: answer for path, answer in answers.items() if not isinstance(answer, str)}
    print(f"{'':<42}" + "".join(f"{kind:>10}" for kind in kinds))
    for title, results in [*runs.items(), ("all", [pair for run in runs.values() for pair in run])]:
        counts = [[caught for mutant, caught in results if mutant.kind == kind] for kind in kinds]
        print(f"{title:<42}" + "".join(f"{f'{sum(count)}/{len(count)}' if count else '-':>10}" for count in counts))
    allowed = allowed_survivors()
    survivors = {mutant.name: mutant.what for run in runs.values() for mutant, caught in run if not caught}
    new = {name: what for name, what in survivors.items() if name not in allowed}
    print(f"{seconds:.0f} s; {len(survivors) - len(new)} survivors are listed with a reason")
    for name, what in new.items():
        print(f"SURVIVED  {name!r},  # {what}")
    if not (options.prefix or options.kind or untried):
        for name in sorted(allowed.keys() - survivors):  # on this Python: a few are caught on some and not on others
            print(f"NOT NEEDED in {ALLOWED.name}: {name}")
    for sentence in untried:
        print(f"NOT TRIED  {sentence}")
    sys.exit(1 if new or untried else 0)


if __name__ == "__main__":
    main()
