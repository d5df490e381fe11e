"""What a check says of an exception that a learner's program raised: in which line, and what happened there.

The checks use it, and the child processes (processes.py) in which they try a program.
"""
import inspect
import io
import linecache


def frames_of(error):
    """Return (code, line) for each frame that ``error`` came through, the innermost first."""
    found, trace = [], error.__traceback__
    while trace:
        found.insert(0, (trace.tb_frame.f_code, trace.tb_lineno))
        trace = trace.tb_next
    return found


def is_learners(code, function):
    """Tell whether ``code`` stands where the learner's ``function`` does, or in a cell of a notebook."""
    own = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    name = code.co_filename
    # A notebook's cells stand in linecache under names of their own, with no time of change, and in no file.
    is_cell = name in linecache.cache and linecache.cache[name][1:2] == (None,) or name.startswith("<ipython-input")
    return bool(own) and own.co_filename == name or is_cell


def named(error):
    """Return such as "ValueError: I/O operation on closed file"."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def what_stopped(error, function=None, who="your code"):
    """Return the sentence for an exception of the learner's: the line, and what happened there.

    Parameters: ``function`` is the learner's, ``who`` the sentence's subject when no line of it is known.
    """
    if isinstance(function, str):  # its place was that of ``who``
        function, who = None, function
    why = _in_other_words(error)
    line = _line_of(error, function)
    if line:
        return f"in {line}: {why}" if why else f"in {line} stopped with {named(error)}"
    return why or f"{who} stopped with {named(error)}"


def _in_other_words(error):
    if isinstance(error, AttributeError) and error.name in ("flush", "close") \
            and "writer" in type(error.obj).__name__.lower():
        return f"a csv writer has no {error.name}: call it on the file that you gave the writer"
    if getattr(error, "name", None) == "flush" and isinstance(error, AttributeError | NameError):
        return "flush belongs to the file object that you write to: put its name and a dot in front"
    if isinstance(error, io.UnsupportedOperation) and str(error) == "not readable":
        return 'a file opened with "w" can only be written: to read it, open it by its name, without the "w"'
    if isinstance(error, NotImplementedError) and not error.args[1:]:
        return "the line with raise still stops your function: take it out"
    if isinstance(error, UnicodeEncodeError) and error.encoding in ("charmap", "cp1252"):
        return (f"{error.object[error.start]!r} cannot be written in the encoding that Windows may use: "
                'say encoding="utf-8" when you open the file')
    return None


def _line_of(error, function):
    """Return such as "line 4 of your function: `export.close()`", or None when no frame is the learner's."""
    for code, line in frames_of(error):
        if not is_learners(code, function):
            continue
        text = linecache.getline(code.co_filename, line).strip()
        text = f": `{text[:60]}{'…' if len(text) > 60 else ''}`" if text else ""
        own = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
        if own and own.co_filename == code.co_filename and own.co_firstlineno <= line <= _last_line(own):
            return f"line {line - own.co_firstlineno + 1} of your function{text}"
        if code.co_name.startswith("<"):
            return f"line {line} of your cell{text}"
        return f"line {line - code.co_firstlineno + 1} of {code.co_name}(){text}"
    return None


def _last_line(code):
    inside = [_last_line(constant) for constant in code.co_consts if inspect.iscode(constant)]
    return max([line for _, _, line in code.co_lines() if line] + inside, default=code.co_firstlineno)
