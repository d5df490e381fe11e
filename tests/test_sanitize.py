"""The rules of sanitize.cfg let through what differs between machines, and nothing else; a real run of nbval says so."""
import re

import pytest
from nbformat.v4 import new_output

from tests.support import comparison
from tests.support.comparison import RULES, RULES_FILE, difference, here_lines
from tests.support.nbval_run import run_nbval
from tests.support.notebook_files import code_cells, notebook_paths, read_notebook
from tests.support.plugin import where_the_here_lines_are

ADDRESS, OTHER_ADDRESS = "0x7f3a5c0d2e10", "0x000001F2A4B6C8D0"
IMG = '<!-- drawing sha256:1f2e3d --><img alt="All 3 rows are in the file." src="data:image/{kind};base64,{pixels}">'
PICTURE = IMG.format(kind="png", pixels="iVBORw0KGgo=")

# What is stored, and what a run shows in its place. Text without a mark is on stdout.
LET_THROUGH = {
    "a number on a here: line": ("rows\nhere: 1082 of 1,142\nend\n", "rows\nhere: 0 of 1,142\nend\n"),
    "a path on a here: line": ("here: /tmp/orders-k3v9x2ab.csv\n", "here: C:\\Temp\\orders-p00q7_zz.csv\n"),
    "two here: lines": ("here: 5\nhere: 6\n", "here: seven\nhere: eight\n"),
    "an address": (f"<function f at {ADDRESS}>\n", f"<function f at {OTHER_ADDRESS}>\n"),
    "an address in a value": (f"VALUE <f at {ADDRESS}>", f"VALUE <f at {OTHER_ADDRESS}>"),
    "a default temporary name": ("tmpab3_x9zq\n", "tmp00000000\n"),
    "a default temporary name with a suffix": ("made 'tmpab3_x9zq.csv'\n", "made 'tmp00000000.csv'\n"),
    "the pixels of a picture": ("HTML " + PICTURE, "HTML " + IMG.format(kind="png", pixels="AAAA/+b/")),
}
NOT_LET_THROUGH = {
    "a digit": ("2 rows\n", "3 rows\n"),
    "a digit beside a here: line": ("here: 5\n3 rows\n", "here: 5\n4 rows\n"),
    "a path": ("/tmp/orders.csv\n", "/private/orders.csv\n"),
    "a user name": ("signed: ada\n", "signed: grace\n"),
    "a missing line": ("2\n3\n", "2\n"),
    "an added line": ("2\n", "2\n3\n"),
    "a missing here: line": ("here: 5\nhere: 6\n", "here: 5\n"),
    "an added here: line": ("here: 5\n", "here: 5\nhere: 6\n"),
    "a here: line in another place": ("here: 5\nrows\n", "rows\nhere: 5\n"),
    "a here: line alone that is gone": ("here: 5\n", ""),
    "a here: line where nothing was": ("", "here: 5\n"),
    "a here: line that says nothing": ("here: 5\n", "here:\n"),
    "a line that no longer begins with here:": ("here: 5\n", "5\n"),
    "the line after a here: line": ("here: 5\n6\n", "here: 5\n7\n"),
    "the end of a here: line": ("here: 5\n", "here: 5"),
    "a word before here:": ("rows here: 5\n", "rows here: 6\n"),
    "a blank before here:": (" here: 5\n", " here: 6\n"),
    "Here: with a capital": ("Here: 5\n", "Here: 6\n"),
    "here without a colon": ("here 5\n", "here 6\n"),
    "here: inside a value": ("VALUE 'here: 5'", "VALUE 'here: 6'"),
    "something on stderr": ("", "STDERR a warning\n"),
    "a here: line on stderr": ("", "STDERR here: 5\n"),
    "a here: line that moved to stderr": ("here: 5\n", "STDERR here: 5\n"),
    "a number that is no address": (f"{ADDRESS}\n", f"{OTHER_ADDRESS}\n"),
    "a short number after at": ("lies at 0x41\n", "lies at 0x42\n"),
    "a long digest after at": (f"lies at 0x{'1' * 16}0000\n", f"lies at 0x{'2' * 16}0000\n"),
    "the type of what has an address": (f"<f at {ADDRESS}>\n", f"<g at {ADDRESS}>\n"),
    "an address that is new": ("<f>\n", f"<f at {ADDRESS}>\n"),
    "a name with a prefix of its own": ("orders-k3v9x2ab.csv\n", "orders-p00q7_zz.csv\n"),
    "a name like orders-november.csv": ("orders-november.csv\n", "orders-december.csv\n"),
    "tmp and seven characters": ("tmpab3_x9z\n", "tmp0000000\n"),
    "tmp and nine characters": ("tmpab3_x9zqq\n", "tmp000000000\n"),
    "tmp and capitals": ("tmpABCDEFGH\n", "tmpABCDEFGZ\n"),
    "tmp inside a word": ("mytmpabcdefgh\n", "mytmpabcdefgz\n"),
    "the suffix of a temporary name": ("tmpab3_x9zq.csv\n", "tmpab3_x9zq.txt\n"),
    "the folder of a temporary name": ("/tmp/tmpab3_x9zq\n", "/var/tmpab3_x9zq\n"),
    "the alt text of a picture": ("HTML " + PICTURE, "HTML " + PICTURE.replace("All 3", "All 4")),
    "the digest of a picture": ("HTML " + PICTURE, "HTML " + PICTURE.replace("1f2e3d", "1f2e3e")),
    "a picture without pixels": ("HTML " + PICTURE, "HTML " + IMG.format(kind="png", pixels="")),
    "a drawing that is no PNG": tuple("HTML " + IMG.format(kind="svg+xml", pixels=pixels) for pixels in ("AAAA", "BBBB")),
    "pixels that are printed": ("base64,AAAA\n", "base64,BBBB\n"),
    "a second picture": ("HTML " + PICTURE, "HTML " + PICTURE + PICTURE),
}
CASES = {**LET_THROUGH, **NOT_LET_THROUGH}
MARKED = re.compile(r"(HTML|VALUE|STDERR) (.*)", re.DOTALL)


def outputs_of(text):
    """Return what a cell that shows ``text`` has as its outputs."""
    mark, shown = MARKED.fullmatch(text).groups() if MARKED.match(text) else ("STDOUT", text)
    if mark == "HTML":
        return [new_output("execute_result", {"text/html": shown, "text/plain": "<IPython.core.display.HTML object>"})]
    if mark == "VALUE":
        return [new_output("execute_result", {"text/plain": shown})]
    return [new_output("stream", name=mark.lower(), text=shown)] if shown else []


def source_for(text):
    """Return the source of a cell that shows ``text``."""
    mark, shown = MARKED.fullmatch(text).groups() if MARKED.match(text) else ("STDOUT", text)
    return {
        "HTML": f"from IPython.display import HTML\nHTML({shown!r})",
        "VALUE": f"type('Shown', (), {{'__repr__': lambda self: {shown!r}}})()",
        "STDERR": f"import sys\nprint({shown!r}, end='', file=sys.stderr)",
        "STDOUT": f"print({shown!r}, end='')",
    }[mark]


def what_nbval_says():
    passed, run = run_nbval([(source_for(now), outputs_of(stored)) for stored, now in CASES.values()])
    return dict(zip(CASES, passed)), run.stdout


@pytest.mark.child(runs=what_nbval_says)
@pytest.mark.parametrize("what", CASES)
def test_a_run_of_nbval_lets_through_what_a_rule_names_and_nothing_else(child, what):
    (passed, said), _ = child
    assert passed[what] is (what in LET_THROUGH), said


@pytest.mark.parametrize("what", CASES)
def test_the_comparison_without_a_kernel_agrees_with_nbval(what):
    stored, now = map(outputs_of, CASES[what])
    assert (difference(now, stored) is None) is (what in LET_THROUGH)


@pytest.mark.parametrize("rule", RULES, ids=[replacement.strip() for _, replacement in RULES])
def test_no_rule_can_be_spared(monkeypatch, rule):
    monkeypatch.setattr(comparison, "RULES", [other for other in RULES if other != rule])
    assert [what for what, texts in LET_THROUGH.items() if difference(*map(outputs_of, texts))]


def test_there_are_at_most_five_rules_each_with_its_reason_and_none_is_dropped_in_silence():
    text = RULES_FILE.read_bytes().decode("ascii")  # nbval reads it in the encoding of the machine
    assert 1 <= len(RULES) <= 5
    assert len(re.findall("(?m)^# .*\nregex: .+\nreplace: .+$", text)) == text.count("\nregex:") == text.count("\nreplace:") == len(RULES)


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_what_the_rules_take_out_was_never_written_in_a_cell(path):
    """A random name or an address that stands in the source is none, and must be compared."""
    cells = code_cells(read_notebook(path))
    source = "\n".join(cell.source for cell in cells)
    for cell in cells:
        for output in cell.outputs:
            for text in [output.get("text", ""), *output.get("data", {}).values()]:
                for pattern, _ in RULES[1:]:  # a here: line is written on purpose
                    taken = [match[0] for match in re.finditer(pattern, str(text))]
                    assert not [each for each in taken if each in source], cell.id


def test_the_suite_says_how_many_here_lines_there_are_and_where():
    told = where_the_here_lines_are()
    cells = [(path, cell) for path in notebook_paths() for cell in code_cells(read_notebook(path)) if here_lines(cell)]
    assert told.startswith(f"{sum(len(here_lines(cell)) for _, cell in cells)} in ")
    assert all(path.stem in told and cell.id in told for path, cell in cells)


@pytest.mark.child(runs=what_nbval_says)
def test_a_whole_run_ends_with_the_here_lines(child):
    (_, said), _ = child
    stored = [line for text, _ in CASES.values() for line in outputs_of(text) for line in line.get("text", "").splitlines()
              if line.startswith("here: ")]
    end = said[said.index("here: lines, whose values are not compared"):]
    assert f"{len(stored)} in 1 of 1 notebooks\nspoiled: {len(stored)} (spoiled-0, spoiled-1, " in end
