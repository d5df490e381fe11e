"""What all checks share: the three verdicts, and the real conditions under which code is tried."""
import ast
import csv
import functools
import inspect
import io
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

ORDERS_FILE = Path(__file__).resolve().parents[2] / "data" / "orders.csv"


@dataclass(frozen=True)
class Verdict:
    """What a check answers: ``state`` is one of the three below, ``sentence`` says what was seen."""

    state: str
    sentence: str = ""

    def __repr__(self):
        return f"{self.state}: {self.sentence}" if self.sentence else self.state


DONE, NOT_THERE_YET, NOT_ATTEMPTED = "done", "not there yet", "not attempted yet"


class NotYet(Exception):
    """Raised inside a check when the answer is not right; the message is the sentence that helps."""


def exercise(check):
    """Turn a function that tries an answer into a check that always answers with a Verdict.

    The function gets the answer and returns the sentence for *done*, or raises NotYet. An answer that is
    still ``None`` or ``...``, or that raises NotImplementedError, counts as not attempted. Any other
    exception of the learner's code is reported in one line.
    """
    @functools.wraps(check)
    def answer_with_verdict(answer):
        if answer is None or answer is ...:
            return Verdict(NOT_ATTEMPTED)
        try:
            return Verdict(DONE, check(answer))
        except NotImplementedError:
            return Verdict(NOT_ATTEMPTED)  # the stub's own line; its message says to take it out
        except NotYet as reason:
            return Verdict(NOT_THERE_YET, str(reason))
        except (Exception, SystemExit) as error:
            return Verdict(NOT_THERE_YET, what_stopped(error))
    return answer_with_verdict


def what_stopped(error, who="your code"):
    """Return the sentence for an exception that the learner's code has raised."""
    if isinstance(error, AttributeError) and error.name in ("flush", "close") \
            and "writer" in type(error.obj).__name__.lower():
        return f"a csv writer has no {error.name}: call it on the file that you gave the writer"
    return f"{who} stopped with {type(error).__name__}: {error}".removesuffix(": ")


def whole_number(answer):
    """Return ``answer`` as an int if it is one in any clothes (52, 52.0, '52'), else None."""
    try:
        return int(answer) if not isinstance(answer, bool) and float(answer) == int(float(answer)) else None
    except (TypeError, ValueError, OverflowError):
        return None


def letters(answer):
    """Return the set of capital letters in ``answer``, which may be a text such as "B, C" or a collection of texts."""
    try:
        return {str(place).strip(" ,.;").upper() for place in answer} - {""}
    except TypeError:
        return set()


def load_orders():
    """Return the 1,142 orders of data/orders.csv as a list of dictionaries."""
    with open(ORDERS_FILE, newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def csv_bytes(rows):
    """Return ``rows``, a list of dictionaries, as a CSV file of DictWriter holds them: header, then rows, in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def temporary_folder():
    """Return a TemporaryDirectory for one try; use it in a ``with`` block, which gives its name."""
    return tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True)


def plain_environment():
    """Return the environment for a child process, without what asks it to colour its messages.

    A notebook's kernel sets FORCE_COLOR, and from Python 3.14 tracebacks comply.
    """
    plain = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "CLICOLOR_FORCE")}
    return {**plain, "NO_COLOR": "1"}


def run_python(program, *arguments):
    """Run ``program`` (Python source) in a fresh Python process and return its CompletedProcess.

    The process ignores the environment's PYTHON... variables, and colours nothing, so that it behaves the same
    everywhere. Raises subprocess.TimeoutExpired when it takes more than 300 seconds.
    """
    return subprocess.run([sys.executable, "-I", "-X", "utf8", "-c", textwrap.dedent(program), *map(str, arguments)],
                          capture_output=True, text=True, encoding="utf-8", timeout=300, env=plain_environment())


def read_by_another_process(path):
    """Return the bytes that another process finds when it opens ``path`` by name, or None without a file.

    Raises RuntimeError when that process may not read the file, and subprocess.TimeoutExpired after 300 seconds.
    """
    reader = """
        import sys
        from pathlib import Path
        path = Path(sys.argv[1])
        print(path.read_bytes().hex() if path.exists() else "missing")
    """
    process = run_python(reader, path)
    if process.returncode:
        raise RuntimeError(f"The other process could not read the file: {process.stderr.strip()[-300:]}")
    answer = process.stdout.strip()
    return None if answer == "missing" else bytes.fromhex(answer)


def whole_rows(content, **csv_options):
    """Count the whole data rows in ``content`` (bytes of a CSV file), header not counted."""
    # One letter more at the end: it sticks to a row that is not whole, and else stands alone.
    text = content.decode("utf-8", errors="replace") + "x"
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), **csv_options) if row]
    return max(0, len(rows) - 2)


def code_of(function):
    """Return the source of the learner's ``function`` without comments, or '' when there is none to read."""
    try:
        return ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, TypeError, SyntaxError):
        return ""


def why_still_waiting(code):
    """Return why what ``code`` tries sends no rows on, or None when it tries nothing, or a flush in the wrong place."""
    if below := re.search(r"\w+\.buffer\.flush", code):
        return f"{below[0]}() empties the byte buffer, and the last rows are in the text layer above it"
    if re.search(r"^\s*[\w.]+\.flush$", code, re.MULTILINE):
        return "you named flush but did not call it; it needs its ()"
    if ".flush()" in code:
        return None
    if "flush=True" in code:
        return "print(flush=True) flushes the screen, not your file"
    if "write_through=True" in code:
        return "write_through empties the text layer alone, and the rows are now in the byte buffer"
    if "fsync" in code:
        return "fsync works on what the operating system has, and the rows are still in your program"
    if "sleep" in code:
        return "nobody sends the rows on while you wait"
    return None
