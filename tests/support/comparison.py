"""When two outputs of a cell are equal: what nbval compares, under the rules of sanitize.cfg, without a kernel.

nbval itself is what compares in a run of the suite. This is the same comparison in twenty lines for all that has no
pytest around it: refreshing, the in-process runs, learners, mutants, the browser. tests/test_sanitize.py puts every
spoiled output to both, and they must agree.
"""
import re
from pathlib import Path

RULES_FILE = Path(__file__).with_name("sanitize.cfg")
RULES = re.findall("^regex: (.*)$\n^replace: (.*)$", RULES_FILE.read_text(encoding="utf-8"), re.MULTILINE)  # as nbval reads it
HERE = next(re.compile(pattern) for pattern, _ in RULES if "here:" in pattern)
NOT_COMPARED = {"image/png", "image/jpeg", "application/vnd.jupyter.widget-view+json"}  # by nbval, whatever the rules say


def sanitized(text):
    """Return ``text`` as it is compared: with all that may differ between machines taken out."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text


def compared(outputs):
    """Return what is compared of a cell's ``outputs``: a dict from kind (stream, mime type, error) to its sanitized values."""
    kinds = {}
    for output in outputs:
        if output["output_type"] == "stream":  # nbval joins the pieces of a stream, wherever they stand
            kinds[output["name"]] = ["".join(kinds.get(output["name"], [])) + output["text"]]
        elif output["output_type"] == "error":
            kinds.setdefault("ename", []).append(output["ename"])
            kinds.setdefault("evalue", []).append(output["evalue"])
        else:
            for mime, value in output["data"].items():
                if mime not in NOT_COMPARED:
                    kinds.setdefault(mime, []).append(value)
    return {kind: [sanitized(value) if isinstance(value, str) else value for value in values] for kind, values in kinds.items()}


def difference(outputs, stored):
    """Return None when ``outputs`` equal the ``stored`` ones, else a text that says how not."""
    now, before = compared(outputs), compared(stored)
    return "\n".join(f"{kind}: stored {_cut(before.get(kind))}, now {_cut(now.get(kind))}"
                     for kind in sorted({*now, *before}) if now.get(kind) != before.get(kind)) or None


def _cut(value):
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."


def here_lines(cell):
    """Return the ``here:`` lines in the stored outputs of a code ``cell``."""
    texts = [text for output in cell.outputs for text in (output.get("text", ""), *output.get("data", {}).values())]
    return [line for text in texts if isinstance(text, str) for line in HERE.findall(text)]
