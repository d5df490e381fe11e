"""Change the notebooks one small thing at a time, and see whether the stored outputs notice.

    python -m tests.tools.mutants                    every mutant of every notebook
    python -m tests.tools.mutants 03 --kind flush    only some
    python -m tests.tools.mutants --survivors        print the survivors in the form of tests/mutants_allowed.toml

A mutant is caught when an output differs for nbval's own comparison, when the rule on opening text (tests/rules.py)
refuses the cell (newline='' changes nothing on Linux, so no output can tell that it is gone), or when the notebook
ends with a file open or something left in the temp folder.
Prints how many of how many were caught, each survivor by cell, and how long it took. Survivors that are
right to survive stand in tests/mutants_allowed.toml, each with its reason; any other one fails the command.

Each mutant runs in a fork of one prepared process, in a temp folder of its own, from the first cell until
an output differs from the stored one. Forking needs Linux or macOS.
"""
import argparse
import ast
import os
import signal
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.support import conditions, rules
from tests.support.cells import Session, import_ahead, in_child, open_files, own_temp_folder
from tests.support.comparison import difference
from tests.support.notebook_files import PROJECT, code_cells, paths_starting_with, read_notebook

ALLOWED = PROJECT / "tests" / "mutants_allowed.toml"
# A mutant that runs longer than this and TIMES_AS_LONG as its notebook hangs: the reader would see it, so it counts as caught.
SECONDS, TIMES_AS_LONG = 60, 20
SURVIVED, CAUGHT = 0, 1  # exit codes of a fork

OPTIONS = {"newline", "encoding", "quoting", "delimiter", "quotechar", "escapechar", "lineterminator", "restval",
           "extrasaction", "delete", "buffering", "write_through", "line_buffering", "dtype", "fieldnames",
           "doublequote", "errors", "dialect"}
CALLS = {"flush", "close", "seek", "fsync", "replace", "truncate", "cleanup", "detach", "unlink", "writeheader",
         "writerow", "writerows", "write", "reconfigure", "join"}
MODES = {"w": "a", "a": "w", "w+": "a+", "wb": "ab", "ab": "wb", "x": "a"}
FRESH_FILE_MODES = {"w": "wb", "w+": "w+b"}  # a new temporary file is as empty for "a" as for "w"
OPENERS = {"open", "NamedTemporaryFile", "TemporaryFile", "TextIOWrapper"}


@dataclass(frozen=True)
class Mutant:
    """A changed cell: ``cell`` is its id, ``kind`` the sort of change, ``what`` says it in words."""

    cell: str
    kind: str
    what: str
    source: str

    @property
    def name(self):
        return f"{self.cell}: {self.what}"


def mutants_of(cell_id, source):
    """Return all mutants of a cell's ``source``, each with one change."""
    found, repeated = [], {}
    for kind, sites in KINDS.items():
        for number in range(len(list(sites(ast.parse(source))))):
            tree = ast.parse(source)
            what, change = list(sites(tree))[number]
            change()
            repeated[what] = repeated.get(what, 0) + 1
            if repeated[what] > 1:
                what = f"{what} (no. {repeated[what]})"
            found.append(Mutant(cell_id, kind, what, ast.unparse(ast.fix_missing_locations(tree))))
    return found


# Each function below finds the places for one kind of change in a tree, and yields for each place
# what it would change, in words, and a function that changes it.

def flush_sites(tree):
    """Drop a flush, or call it one statement earlier."""
    return _call_sites(tree, {"flush"})


def call_sites(tree):
    """The same for close, seek, fsync, write and other calls that stand alone."""
    return _call_sites(tree, CALLS - {"flush"})


def _call_sites(tree, names):
    for block in _blocks(tree):
        for index, statement in enumerate(block):
            if not (isinstance(statement, ast.Expr) and _called(statement.value) in names):
                continue
            yield f"drop {_short(statement)}", lambda b=block, i=index: b.__setitem__(i, ast.Pass())
            if index and not _only_stands_there(block[index - 1]):
                yield (f"move {_short(statement)} before {_short(block[index - 1])}",
                       lambda b=block, i=index: b.__setitem__(slice(i - 1, i + 1), [b[i], b[i - 1]]))
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and _called(node.body) in names:
            yield f"drop {_short(node.body)}", lambda n=node: setattr(n, "body", ast.Constant(None))


def _only_stands_there(statement):
    """An import, a function or a docstring: what comes after it may as well come before."""
    is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_docstring or isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef)


def option_sites(tree):
    """Leave out an option such as newline='' or quoting=csv.QUOTE_ALL."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in OPTIONS:
                    yield f"drop {keyword.arg}= from {_called(node)}()", lambda n=node, k=keyword: n.keywords.remove(k)


def mode_sites(tree):
    """Open with another mode."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in OPENERS:
            modes = MODES if _called(node) == "open" else FRESH_FILE_MODES
            for value in [*node.args, *[keyword.value for keyword in node.keywords if keyword.arg == "mode"]]:
                if isinstance(value, ast.Constant) and value.value in modes:
                    new = modes[value.value]
                    yield f"mode {value.value!r} to {new!r}", lambda v=value, n=new: setattr(v, "value", n)


def constant_sites(tree):
    """Add one to a number; turn True into False and False into True."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            new = not node.value if isinstance(node.value, bool) else node.value + 1
            yield f"{node.value} to {new}", lambda n=node, v=new: setattr(n, "value", v)


def quoting_sites(tree):
    """Ask for another quoting."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("QUOTE_"):
            new = "QUOTE_MINIMAL" if node.attr == "QUOTE_ALL" else "QUOTE_ALL"
            yield f"{node.attr} to {new}", lambda n=node, v=new: setattr(n, "attr", v)


def with_sites(tree):
    """Leave a with: open the file, run the block, and never close."""
    for block in _blocks(tree):
        for index, statement in enumerate(block):
            if isinstance(statement, ast.With) and len(statement.items) == 1 and statement.items[0].optional_vars:
                item = statement.items[0]
                if _called(item.context_expr) in OPENERS:
                    flat = [ast.Assign([item.optional_vars], item.context_expr), *statement.body]
                    yield f"leave with {_short(item)}", lambda b=block, i=index, f=flat: b.__setitem__(slice(i, i + 1), f)


KINDS = {"flush": flush_sites, "call": call_sites, "option": option_sites, "mode": mode_sites,
         "constant": constant_sites, "quoting": quoting_sites, "with": with_sites}


def _blocks(tree):
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(node, field, None), list):
                yield getattr(node, field)


def _called(node):
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _short(node):
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else text[:57] + "..."


def try_mutants(path, kinds):
    """Return the mutants of these ``kinds`` of the notebook at ``path`` as (name, kind, caught) triples."""
    import matplotlib.backends.backend_svg  # noqa: F401  imported before the forks, once for all of them
    import pandas  # noqa: F401

    cells = code_cells(read_notebook(path))
    session = Session()
    # The stub of an exercise is never run; tests/test_exercises.py is what watches over it.
    mutants = [(place, mutant) for place, cell in enumerate(cells) if "-ex-" not in cell.id
               for mutant in mutants_of(cell.id, cell.source)]
    unchanged = Mutant(cells[0].id, "", "nothing changed", cells[0].source)
    started = time.monotonic()
    if _is_caught(session, cells, 0, unchanged, limit=0):
        raise RuntimeError(f"{path.name} differs from its stored outputs before anything is changed: see  pytest {path.name}")
    limit = max(SECONDS, round(TIMES_AS_LONG * (time.monotonic() - started)))
    return [(mutant.name, mutant.kind, _is_caught(session, cells, place, mutant, limit))
            for place, mutant in mutants if mutant.kind in kinds]


def try_flushes(path):
    """Return what try_mutants returns for the flushes alone."""
    return try_mutants(path, ("flush",))


def _is_caught(session, cells, place, mutant, limit):
    if rules.careless_opens(mutant.cell, mutant.source):
        return True
    with own_temp_folder() as temp, open(os.devnull, "wb") as devnull:
        child = os.fork()
        if child == 0:
            signal.alarm(limit)  # seconds; 0 sets none
            for descriptor in (1, 2):  # what a broken child process says is nobody's to read
                os.dup2(devnull.fileno(), descriptor)
            outcome = None
            try:
                caught = any(_differs(session, cell, mutant.source if number == place else cell.source, number >= place)
                             for number, cell in enumerate(cells)) or open_files() or any(temp.iterdir())
                outcome = CAUGHT if caught else SURVIVED
            finally:
                os._exit(os.EX_SOFTWARE if outcome is None else outcome)
        _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    if ended not in (SURVIVED, CAUGHT, -signal.SIGALRM):
        raise RuntimeError(f"the fork for {mutant.name} ended with {ended}, so it says nothing about the notebook")
    return ended != SURVIVED


def _differs(session, cell, source, compared):
    outputs = session.run(source)
    return bool(compared and difference(outputs, cell.outputs))


def allowed_survivors():
    """Return the names in tests/mutants_allowed.toml, each with its reason."""
    listed = tomllib.loads(ALLOWED.read_text(encoding="utf-8")) if ALLOWED.exists() else {}
    return {name: entry["reason"] for entry in listed.get("allowed", []) for name in entry["mutants"]}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.tools.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*", help="notebooks whose file name starts so (all)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind of change (all)")
    parser.add_argument("--survivors", action="store_true", help="print survivors in the form of mutants_allowed.toml")
    options = parser.parse_args()
    if not hasattr(os, "fork"):
        sys.exit("This command forks, which Windows cannot: run it on Linux or macOS.")
    conditions.apply()
    import_ahead()
    paths = paths_starting_with(options.prefix)
    started = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        runs = pool.map(lambda path: in_child(try_mutants, path, tuple(options.kind or KINDS))[0], paths)
        results = [result for run in runs for result in run]
    seconds = time.monotonic() - started

    allowed = allowed_survivors()
    survivors = [name for name, _, caught in results if not caught]
    new = [name for name in survivors if name not in allowed]
    for kind in KINDS:
        of_kind = [caught for _, this, caught in results if this == kind]
        if of_kind:
            print(f"{kind:<10}{sum(of_kind):>5} of {len(of_kind):>5} caught")
    print(f"{'all':<10}{len(results) - len(survivors):>5} of {len(results):>5} caught, in {seconds:.0f} s "
          f"({60 * len(results) / seconds:.0f} a minute); {len(survivors) - len(new)} survivors are listed with a reason")
    for name in new:
        print(f'    {name!r},' if options.survivors else f"SURVIVED  {name}")
    sys.exit(1 if new else 0)


if __name__ == "__main__":
    main()
