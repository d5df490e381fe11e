"""What tests/support/abilities.py has found out about this system is so: else a test would be skipped, and nobody would hear of it."""
import os

from tests.support import abilities


def can(action):
    try:
        action()
    except (OSError, NotImplementedError):
        return False
    return True


def test_an_ability_that_was_tried_is_there_when_it_is_tried_in_another_way(tmp_path):
    assert abilities.STARS_IN_NAMES == can((tmp_path / "a*").mkdir)
    assert abilities.SYMBOLIC_LINKS == (can(lambda: os.symlink(tmp_path, tmp_path / "link")) and os.path.islink(tmp_path / "link"))
    with open(tmp_path / "file", "wb") as file:
        assert abilities.OPEN_FILES_MOVE == can(lambda: os.remove(file.name))
    os.mkdir(tmp_path / "private", 0o700)
    assert abilities.PERMISSIONS == (os.stat(tmp_path / "private").st_mode & 0o777 == 0o700)
