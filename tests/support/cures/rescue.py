"""Close a file whose name was lost, such as a local of a function that raised: the last traceback still holds it."""
import gc
import io


def close_by_name(path):
    """Flush and close every text file that is open under ``path``; return how many."""
    files = [each for each in gc.get_objects() if isinstance(each, io.TextIOWrapper)]
    lost = [each for each in files if not each.closed and each.name == path]
    for file in lost:
        file.close()
    return len(lost)
