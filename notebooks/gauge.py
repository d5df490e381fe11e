"""The instrument of the series: where are the bytes of an open text file, right now?

    from gauge import gauge
    gauge(export)          # in a notebook: a picture; anywhere else: the same as text

A row on its way to a file passes through three places, and the gauge reads each of them
without moving a byte:

    text layer         characters that the file object still keeps (io.TextIOWrapper)
    byte buffer        bytes waiting to be sent in one go (io.BufferedWriter or io.BufferedRandom)
    operating system   bytes that have left your program; only these can any other reader see

What reads what:

    byte buffer        f.buffer.tell() - f.buffer.raw.tell()   both are known not to flush
    operating system   os.fstat(f.fileno()).st_size            what every reader on this computer gets
    text layer         has no official window. f.tell() would flush it, and then there would be
                       nothing left to see. So the gauge asks CPython's garbage collector, which
                       can list what an object holds on to, and adds up the waiting pieces.

Checked on CPython 3.11 to 3.15 by tests/test_gauge.py, which flushes after each reading and
compares. Two readings are guesses. A file opened with newline=None into which a single line end was
written and nothing else looks the same as an empty one. And a file that is read and written in turn
(mode r+ or w+) is measured as if it were not being read.

A reading is three looks, one after the other: let no other thread write meanwhile. Counting rows reads
the whole file.
"""
import csv
import gc
import io
import os
from dataclasses import dataclass

import pictures


class CannotMeasure(ValueError):
    """The gauge cannot read this file; the message says why, and what to do instead."""


@dataclass(frozen=True)
class Reading:
    """What the gauge read, at one moment.

    ``text_layer``, ``byte_buffer`` and ``operating_system`` are numbers of bytes. ``visible_rows`` is
    the number of whole data rows that any other reader sees in the file, the header not counted.
    """

    text_layer: int
    byte_buffer: int
    operating_system: int
    visible_rows: int

    @property
    def handed_over(self):
        """All the bytes that the file has been given, wherever they are now."""
        return self.text_layer + self.byte_buffer + self.operating_system

    @property
    def hidden(self):
        """The bytes that no other reader can see yet."""
        return self.text_layer + self.byte_buffer

    def __repr__(self):
        return "\n".join([
            f"{'given to the file':<20}{pictures.amount(self.handed_over, 'byte'):>16}",
            f"{'  text layer':<20}{pictures.amount(self.text_layer, 'byte'):>16}",
            f"{'  byte buffer':<20}{pictures.amount(self.byte_buffer, 'byte'):>16}",
            f"{'  operating system':<20}{pictures.amount(self.operating_system, 'byte'):>16}",
            f"{'other readers see':<20}{pictures.amount(self.visible_rows, 'whole row'):>16}",
        ])

    def picture(self):
        """Return the reading as a picture with alt text."""
        in_layers = dict(zip(pictures.LAYERS, [self.text_layer, self.byte_buffer, self.operating_system]))
        headline = f"The file has been given {pictures.amount(self.handed_over, 'byte')}. They are here:"
        footline = f"Any other reader sees {pictures.amount(self.visible_rows, 'whole row')}."
        where = "; ".join(f"{name}: {pictures.amount(size, 'byte')}" for name, size in in_layers.items())
        return pictures.Picture(
            svg=pictures.layer_bars(in_layers, headline, footline),
            alt=f"Gauge with three bars. {headline} {where}. {footline}",
            text=repr(self),
        )

    def _repr_html_(self):
        return self.picture()._repr_html_()


@dataclass(frozen=True)
class NoReading:
    """Stands in for a reading where there is none, and shows the sentence that says why."""

    sentence: str

    def __repr__(self):
        return self.sentence


def gauge(file, **csv_options):
    """Return a Reading of ``file`` to show in a notebook, or a NoReading with one sentence.

    Parameters are those of :func:`measure`. Nothing is raised for a file that cannot be measured.
    """
    try:
        return measure(file, **csv_options)
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
        raise CannotMeasure("This text goes through memory, a compressor or a stream, not straight to a file on disk: "
                            "the gauge cannot follow it.") from None
    if position != size:
        raise CannotMeasure("This file does not stand at its end: its bytes go over others, and cannot be added up.")
    _check_name(text_file.name, raw_file.fileno())
    return Reading(
        text_layer=_waiting_in_text_layer(text_file),
        byte_buffer=in_buffer,
        operating_system=size,
        visible_rows=count_visible_rows(text_file.name, text_file.encoding, **csv_options),
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


def _why_locked(system=os.name):
    if system == "nt":
        return ("No other reader may open this file: Windows keeps a temporary file locked while it is open. "
                "Make it with delete=False.")
    return ("This file cannot be opened for reading: its permissions, or those of its folder, forbid it. "
            "Allow it with os.chmod.")


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
