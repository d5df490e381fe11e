"""The instrument of the series: where are the bytes of an open text file, right now?

    from gauge import gauge
    gauge(export)             # two bars: waiting in your program, and in the file
    gauge(export, layers=3)   # three bars: text layer, byte buffer, operating system
    gauge(export, title="buffering=1024")

In a notebook that is a picture; anywhere else the same as text. A row on its way to a file passes
through three places, and the gauge reads each of them without moving a byte:

    text layer         characters that the file object still keeps (io.TextIOWrapper)
    byte buffer        bytes waiting to be sent in one go (io.BufferedWriter or io.BufferedRandom)
    operating system   bytes that have left your program; only these can any other reader see

What reads what:

    byte buffer        f.buffer.tell() - f.buffer.raw.tell()   both are known not to flush
    operating system   os.fstat(f.fileno()).st_size            what every reader on this computer gets
    text layer         has no official window. f.tell() would flush it, and then there would be
                       nothing left to see. So the gauge asks CPython's garbage collector, which
                       can list what an object holds on to, and adds up the waiting pieces.

Checked on each supported CPython by tests/test_gauge.py, which flushes after each reading and
compares. The order of that list is promised nowhere, so self_test() tries the gauge on the Python at
hand, and setup_check says so where it fails. Two readings are guesses. A file opened with newline=None
into which a single line end was written and nothing else looks the same as an empty one. And a file that
is read and written in turn (mode r+ or w+) is measured as if it were not being read.

A reading is three looks, one after the other: let no other thread write meanwhile. That holds on a
free-threaded build as well, where threads really run at the same time; self_test() decides there, too.
Counting rows reads the whole file.
"""
import csv
import gc
import io
import os
import tempfile
from dataclasses import dataclass, replace

import pictures

CLOSING_REMOVES = hasattr(os, "O_TEMPORARY")  # the system removes a marked file, and lets nobody open it before


class CannotMeasure(ValueError):
    """The gauge cannot read this file; the message says why, and what to do instead."""


@dataclass(frozen=True)
class Reading:
    """What the gauge read, at one moment.

    ``text_layer``, ``byte_buffer`` and ``operating_system`` are numbers of bytes. ``visible_rows`` is
    the number of whole data rows that any other reader sees in the file, the header not counted.
    ``opened_empty`` is False when the file was opened to add to what it held. How the reading is shown:
    ``layers`` is 2 or 3, the number of bars, and ``title`` stands above them.
    """

    text_layer: int
    byte_buffer: int
    operating_system: int
    visible_rows: int
    opened_empty: bool = True
    layers: int = 2
    title: str | None = None

    @property
    def handed_over(self):
        """All the bytes that the file has been given, wherever they are now."""
        return self.text_layer + self.byte_buffer + self.operating_system

    @property
    def hidden(self):
        """The bytes that no other reader can see yet."""
        return self.text_layer + self.byte_buffer

    @property
    def headline(self):
        """What the reading found, in a sentence or two."""
        total = pictures.amount(self.handed_over, "byte")
        if not self.handed_over:
            return "Nothing was written yet." if self.opened_empty else "The file holds nothing yet."
        return (f"You wrote {total}. " if self.opened_empty else f"The file was given {total}. ") + self._where()

    def _where(self):
        one = self.handed_over == 1
        if not self.hidden:
            place = "with the operating system" if self.layers == 3 else "in the file"
            return f"It is {place}." if one else f"All of them are {place}."
        place = "in your program"
        if self.layers == 3 and not (self.text_layer and self.byte_buffer):
            place = "in the text layer" if self.text_layer else "in the byte buffer"
        if self.hidden == self.handed_over:
            return f"It waits {place}." if one else f"All of them wait {place}."
        return f"{self.hidden:,} of them {'waits' if self.hidden == 1 else 'wait'} {place}."

    @property
    def footline(self):
        """What another reader gets, in a sentence."""
        return f"Any other reader sees {pictures.amount(self.visible_rows, 'whole row') if self.visible_rows else 'no row'}."

    def __repr__(self):
        return pictures.gauge_text(self.bars(), self.headline, self.footline, self.title)

    def picture(self):
        """Return the reading as a picture with alt text."""
        return pictures.gauge(self.bars(), self.headline, self.footline, self.title)

    def bars(self):
        """Return what the bars of the gauge show, from the top down: a dictionary of names and numbers of bytes."""
        if self.layers == 3:
            return dict(zip(pictures.LAYERS, [self.text_layer, self.byte_buffer, self.operating_system], strict=True))
        return {pictures.WAITING: self.hidden, pictures.IN_THE_FILE: self.operating_system}

    def _repr_html_(self):
        return self.picture()._repr_html_()


@dataclass(frozen=True)
class NoReading:
    """Stands in for a reading where there is none, and shows the sentence that says why."""

    sentence: str

    def __repr__(self):
        return self.sentence


def gauge(file, layers=2, title=None, **csv_options):
    """Return a Reading of ``file`` to show in a notebook, or a NoReading with one sentence.

    Parameters: ``layers`` is 2 (waiting in your program, and in the file) or 3 (text layer, byte buffer and
    operating system); ``title`` stands above the bars; ``file`` and ``csv_options`` are those of
    :func:`measure`. Nothing is raised for a file that cannot be measured; ValueError is for other ``layers``.
    """
    if layers not in (2, 3):
        raise ValueError(f"the gauge has 2 or 3 layers, not {layers!r}")
    try:
        return replace(measure(file, **csv_options), layers=layers, title=title)
    except CannotMeasure as reason:
        return NoReading(str(reason))


def measure(file, **csv_options):
    """Measure where the bytes of an open text file are, without moving any.

    Parameters: ``file`` is what ``open()`` or ``tempfile.NamedTemporaryFile()`` returned in text mode;
    ``csv_options`` go to ``csv.reader`` for counting rows (a pipe-separated file wants ``delimiter='|'``).
    Returns a Reading. Raises CannotMeasure for anything but an open text file with a name on disk.
    """
    text_file = getattr(file, "file", file)  # a NamedTemporaryFile keeps the real file in .file
    if not isinstance(text_file, io.TextIOWrapper):
        raise CannotMeasure(_why_not(text_file))
    try:
        closed = text_file.closed
    except ValueError:
        raise CannotMeasure("This text layer was taken off with detach(): nothing is waiting in it any more.") from None
    if closed:
        raise CannotMeasure("This file is closed: nothing is waiting in it any more. Look at the file on disk instead.")
    if not text_file.writable():
        raise CannotMeasure("This file was opened for reading: no bytes are on their way down in it.")
    try:
        raw_file = getattr(text_file.buffer, "raw", text_file.buffer)  # without a byte buffer, one is the other
        if not isinstance(raw_file, io.FileIO):
            raise io.UnsupportedOperation
        size = os.fstat(raw_file.fileno()).st_size
        position = raw_file.tell()
        in_buffer = max(0, text_file.buffer.tell() - position)
    except OSError:  # io.UnsupportedOperation is one: a pipe or a terminal has no position
        raise CannotMeasure("This text goes through memory, a compressor or a stream: "
                            "the gauge cannot follow it.") from None
    if position != size:
        raise CannotMeasure("This file does not stand at its end: its bytes go over others, and cannot be added up.")
    _check_name(text_file.name, raw_file.fileno())
    return Reading(
        text_layer=_try_text_layer(text_file),
        byte_buffer=in_buffer,
        operating_system=size,
        visible_rows=count_visible_rows(text_file.name, text_file.encoding, **csv_options),
        opened_empty=raw_file.mode.startswith(("w", "x")),
    )


def count_visible_rows(path, encoding="utf-8", **csv_options):
    """Count the whole data rows that a reader who opens ``path`` by name can see, header not counted.

    Parameters: ``path`` is the file's name, ``encoding`` its encoding, ``csv_options`` go to
    ``csv.reader``. A last row without its line end is not whole and does not count, nor does a blank line.
    Raises CannotMeasure when ``csv`` cannot read the file, and OSError when it cannot be opened.
    """
    with open(path, "rb") as reader:
        text = reader.read().decode(encoding, errors="replace")
    # One letter more at the end: it sticks to a row that is not whole, and else stands alone.
    try:
        rows = [row for row in csv.reader(io.StringIO(text + "x", newline=""), **csv_options) if row]
    except csv.Error as error:
        raise CannotMeasure(f"The rows in the file cannot be counted: {error}.") from None
    return max(0, len(rows) - 2)


def _check_name(name, descriptor):
    """Raise CannotMeasure unless another reader who opens ``name`` gets the file behind ``descriptor``."""
    if not isinstance(name, (str, bytes, os.PathLike)):
        raise CannotMeasure("This file was opened without a name: no other reader can open it.")
    try:
        if os.path.samestat(os.fstat(descriptor), os.stat(name)):
            with open(name, "rb"):
                return
    except (FileNotFoundError, NotADirectoryError):
        raise CannotMeasure("Nothing has this file's name any more: it was renamed or removed, "
                            "or the working folder has changed.") from None
    except PermissionError:
        raise CannotMeasure(_why_locked()) from None
    raise CannotMeasure("This file's name now belongs to another file.")


def _why_locked(closing_removes=CLOSING_REMOVES):
    if closing_removes:
        return ("No other reader may open this file: Windows keeps a temporary file locked while it is open. "
                "Make it with delete=False.")
    return ("This file cannot be opened for reading: its permissions, or those of its folder, forbid it. "
            "Allow it with os.chmod.")


def self_test():
    """Return None when the gauge reads files rightly under this Python, or one sentence when it does not.

    It writes small files in the folder for temporary files, reads the gauge, flushes, and compares: one piece
    of text and several, with and without accents, for each setting of ``newline``. Nothing is raised.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="rows-", ignore_cleanup_errors=True) as folder:
            path = os.path.join(folder, "export.csv")
            for newline in (None, "", "\n", "\r\n"):
                for pieces in ([], ["abc"], ["é"], ["abc", "é"], ["é", "abc", "abc"]):
                    if not _reads_rightly(path, newline, pieces):
                        return STRANGE_PYTHON
    except OSError as error:
        return f"The gauge could not be tried, for no file can be made in the folder for temporary files: {error}."
    return None


STRANGE_PYTHON = ("The gauge cannot look into the text layer of this Python, whose file objects are built in another way "
                  "than in those that the series was tried on.")


def _reads_rightly(path, newline, pieces):
    with open(path, "w", newline=newline, encoding="utf-8") as export:
        for piece in pieces:
            export.write(piece)
        try:
            seen = _try_text_layer(export)
        except CannotMeasure:
            return False
        export.flush()
        return seen == os.path.getsize(path)


def _try_text_layer(text_file):
    """Return how many bytes wait in the text layer; raise CannotMeasure where this Python hides them."""
    try:
        return _waiting_in_text_layer(text_file)
    except (ValueError, IndexError):  # the list of what the file object holds has another order, or another length
        raise CannotMeasure(STRANGE_PYTHON) from None


def _waiting_in_text_layer(text_file):
    held = gc.get_referents(text_file)
    # What waits stands just before the name of the error handler: two or more pieces as a list, one by itself.
    place = max(index for index, thing in enumerate(held) if thing is text_file.errors)
    if isinstance(held[place - 1], list):
        return sum(len(piece) for piece in held[place - 1])
    # Before it stands the newline= that the file was opened with, unless that was None.
    texts = []
    while isinstance(held[place - 1 - len(texts)], (str, bytes)):
        texts.append(held[place - 1 - len(texts)])
    if len(texts) > 1 or (texts and texts[0] not in ("", "\n", "\r", "\r\n")):
        return len(texts[0])
    return 0


def _why_not(file):
    if isinstance(file, (io.StringIO, io.BytesIO)):
        return "This file lives in memory: there is no layer between it and a reader. Use getvalue()."
    if isinstance(file, (io.RawIOBase, io.BufferedIOBase)):
        return "This file is binary: it has no text layer. Open it with mode 'w' to see the whole way down."
    return "This is not an open text file. Give the gauge what open() or NamedTemporaryFile() returned."
