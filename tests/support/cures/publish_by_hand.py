"""Publish without safe_export: what the exercise and the field guide build, as short as it can be without losing anything."""
import csv
import os
import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile


def publish(rows, target, fieldnames):
    """Replace the CSV file target by one with these rows, in one step."""
    target = Path(target).resolve()
    with NamedTemporaryFile("w", newline="", encoding="utf-8", dir=target.parent, suffix=".part", delete=False) as export:
        try:
            if target.exists():
                shutil.copymode(target, export.name)
            writer = csv.DictWriter(export, fieldnames)
            writer.writeheader()
            writer.writerows(rows)
            export.flush()
            os.fsync(export.fileno())
            export.close()
            os.replace(export.name, target)
        except BaseException:
            export.close()
            os.unlink(export.name)
            raise
