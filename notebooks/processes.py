"""Programs in processes of their own: another reader of a file, and a learner's function that may die or hang.

Both the instruments (accidents.py) and the checks start their child processes here.
"""
import builtins
import inspect
import io
import linecache
import marshal
import os
import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from error_sentences import what_stopped

CHILD_SECONDS = 300  # a child process that takes longer hangs, on any machine
STOPPED = 71  # the exit code of a child in which the learner's function raised something
ROOM = Path(__file__).resolve().parent


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
                          capture_output=True, text=True, encoding="utf-8", timeout=CHILD_SECONDS,
                          env=plain_environment())


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


# --- A learner's function as a program of its own ---

class CannotGoAlong(Exception):
    """Raised when a function uses something that no other process can be given; the message is a sentence."""


@dataclass(frozen=True)
class Ended:
    """How a program in a child process ended.

    ``exit_code`` is negative for a signal. ``printed`` and ``complaint`` are its stdout and stderr. ``stopped`` is the
    sentence about the exception that the learner's function raised, else None.
    """

    exit_code: int
    printed: str
    complaint: str
    stopped: str | None


def program_in_child(function, *arguments, runner=None, seconds=CHILD_SECONDS):
    """Run ``function(*arguments)`` as a program of its own and return how it Ended.

    The function goes to the other process with all that it uses of its notebook: imports, constants, other functions
    and classes. With ``runner``, a function of an importable module, that process calls ``runner(function, *arguments)``.
    Raises CannotGoAlong for an open file, a lock and the like, and subprocess.TimeoutExpired after ``seconds``.
    """
    shipped = pickle.dumps((runner, _pickled(function), arguments, _sources(function)))
    program = f"import sys; sys.path.insert(0, {str(ROOM)!r}); import processes; processes._run_what_was_shipped()"
    process = subprocess.run([sys.executable, "-I", "-X", "utf8", "-c", program], input=shipped, capture_output=True,
                             timeout=seconds, env=plain_environment())
    printed, complaint = (text.decode("utf-8", "replace") for text in (process.stdout, process.stderr))
    stopped = complaint.rpartition("\0")[2].strip() if process.returncode == STOPPED else None
    return Ended(process.returncode, printed, complaint, stopped)


def _pickled(function):
    import cloudpickle  # here, because only this needs it

    class Pickler(cloudpickle.Pickler):
        """One that keeps the name of the cell in which a function was defined, so that its lines can be told."""

        def reducer_override(self, thing):
            if inspect.iscode(thing):
                return marshal.loads, (marshal.dumps(thing),)  # both processes are of the same Python
            return super().reducer_override(thing)

    def dumps(thing):
        text = io.BytesIO()
        Pickler(text).dump(thing)
        return text.getvalue()

    namespace = getattr(function, "__globals__", {})
    # A notebook has an open() of its own around Python's; the other process uses the one that every Python has.
    around = getattr(namespace.get("open"), "__wrapped__", None)
    own_open = {"open": namespace.pop("open")} if around in (io.open, builtins.open) else {}
    try:
        return dumps(function)
    except Exception as error:
        for name, value in {**used_from_notebook(function), **_defaults_of(function)}.items():
            try:
                dumps(value)
            except Exception:
                raise CannotGoAlong(f"this check runs your function in a process of its own, and {name} "
                                    f"({_a(type(value).__name__)}) cannot go there: make it inside the function") from None
        raise CannotGoAlong("this check runs your function in a process of its own, and something that it uses cannot "
                            f"go there ({error}): make it inside the function") from None
    finally:
        namespace.update(own_open)


def _defaults_of(function):
    return {parameter.name: parameter.default for parameter in inspect.signature(function).parameters.values()
            if parameter.default is not parameter.empty}


def _a(noun):
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def used_from_notebook(function):
    """Return the names that ``function``, and the functions that it calls, use of their notebook, with their values."""
    found, waiting = {}, [function]
    while waiting:
        each = waiting.pop()
        if inspect.isclass(each):
            waiting += [value for value in vars(each).values() if inspect.isfunction(value)]
        code = getattr(each, "__code__", None)
        for name in _names_in(code) if code else ():
            namespace = each.__globals__
            if name in namespace and name not in found:
                found[name] = namespace[name]
                if getattr(namespace[name], "__module__", None) == function.__module__:
                    waiting.append(namespace[name])
    return found


def _names_in(code):
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            names.update(dict.fromkeys(_names_in(constant)))
    return names


def _sources(function):
    """Return the text of each cell in which ``function`` and what it uses were defined, by its file name."""
    codes = [getattr(thing, "__code__", None) for thing in [function, *used_from_notebook(function).values()]]
    names = {code.co_filename for code in codes if code}
    return {name: "".join(linecache.getlines(name)) for name in names}


def _run_what_was_shipped():
    runner, shipped, arguments, sources = pickle.load(sys.stdin.buffer)
    for name, text in sources.items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    function = pickle.loads(shipped)
    if runner is not None:
        runner(function, *arguments)
    else:
        attempt(function, *arguments)


def attempt(function, *arguments):
    """Call ``function``; end this process when it raises, with the sentence that all checks have for the exception."""
    try:
        function(*arguments)
    except Exception as error:
        stop_for(error, function)


def stop_for(error, function=None, who="your code"):
    """End this process with the sentence that all checks have for the exception ``error``."""
    stop(what_stopped(error, function, who))


def stop(sentence):
    """End this process at once; ``sentence`` is what the check will say."""
    sys.stdout.flush()
    sys.stderr.write("\0" + sentence)
    sys.stderr.flush()
    os._exit(STOPPED)
