"""safe_export among several users, groups and access lists. Root only: each test acts as two users in child processes."""
import itertools
import json
import os
import stat
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.notebook_files import NOTEBOOK_FOLDER

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0,
                                reason="only root can act as several users, and this process is not root's")
ALICE, BOB, CAROL = (1001, 1001), (1002, 1002), (1005, 100)
# One process acts as one user: what is imported comes first, since that user may not be able to read this project.
PROGRAM = """
import csv, fcntl, glob, json, os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from safe_export import AnotherExport, Refused, safe_export
target = sys.argv[2]
user, group = map(int, sys.argv[3].split(","))
os.umask(0o022)
os.setgroups([int(each) for each in sys.argv[4].split()])
os.setgid(group)
os.setuid(user)
try:
    answer = eval(sys.argv[5]) if "\\n" not in sys.argv[5] else exec(sys.argv[5]) or globals().get("answer")
except Exception as error:
    answer = f"{type(error).__name__}: {error}"
print(json.dumps(answer))
"""
EXPORT = "safe_export([{'a': 1}], target, ['a'])"


def start(user, program, target, groups=()):
    return subprocess.Popen([sys.executable, "-I", "-c", PROGRAM, str(NOTEBOOK_FOLDER), str(target), ",".join(map(str, user)),
                             " ".join(map(str, groups)), program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def act(user, program, target, groups=()):
    """Return what ``program``, an expression, gives as ``user``, a pair of user and group; an error as a text."""
    answer, _ = start(user, program, target, groups).communicate(timeout=120)
    return json.loads(answer)


def may_read(user, target):
    return not str(act(user, "open(target).read()", target)).startswith("PermissionError")


@pytest.fixture
def shared():
    """A folder that everybody may write to, in a place that everybody may enter: a temp folder of one's own is none."""
    places = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]
    open_to_all = [place for place in places if place.is_dir() and all(
        each.stat().st_mode & stat.S_IXOTH for each in [place, *place.resolve().parents])]
    if not open_to_all:
        pytest.skip("no temp folder of this machine can be entered by other users")
    with tempfile.TemporaryDirectory(prefix="rows-", dir=open_to_all[0]) as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


def make(target, owner, mode, group=None):
    target.write_text("old\n")
    os.chown(target, owner[0], owner[1] if group is None else group)
    target.chmod(mode)
    return target


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_two_users_in_one_folder_export_one_after_the_other(shared):
    target = shared / "orders.csv"
    for user in (ALICE, BOB, ALICE, (0, 0), BOB):
        assert act(user, EXPORT, target) == 1
        assert names(shared) == ["orders.csv"]


def test_a_lock_file_that_a_killed_export_of_another_user_left_is_used(shared):
    target, lock = shared / "orders.csv", shared / ".orders.csv.lock"
    make(lock, ALICE, 0o644)
    make(shared / ".orders.csv.01234567.part", ALICE, 0o600)
    assert act(BOB, EXPORT, target) == 1
    assert names(shared) == ["orders.csv"]
    shared.chmod(0o1777)  # now what belongs to Alice stays, and does no harm
    make(lock, ALICE, 0o644)
    target.unlink()
    for _ in range(2):
        assert act(BOB, EXPORT, target) == 1
        assert names(shared) == [".orders.csv.lock", "orders.csv"]


def test_an_export_of_another_user_that_is_running_is_noticed(shared):
    target = shared / "orders.csv"
    running = start(ALICE, """
def rows():
    print("here", flush=True)
    sys.stdin.readline()
    yield {"a": 1}
answer = safe_export(rows(), target, ["a"])
""", target)
    assert running.stdout.readline() == "here\n"
    assert act(BOB, EXPORT, target).startswith("AnotherExport")
    assert running.communicate("\n", timeout=120)[0] == "1\n"
    assert act(BOB, EXPORT, target) == 1


def test_who_may_read_the_lock_file_can_hold_it(shared):
    target = shared / "orders.csv"
    make(shared / ".orders.csv.lock", (0, 0), 0o644)
    holding = start(BOB, """
lock = open(os.path.join(os.path.dirname(target), ".orders.csv.lock"), "rb")
fcntl.flock(lock, fcntl.LOCK_EX)
print("here", flush=True)
sys.stdin.readline()
""", target)
    assert holding.stdout.readline() == "here\n"
    assert act((0, 0), EXPORT, target).startswith("AnotherExport"), "as the docstring says"
    holding.communicate("\n", timeout=120)
    assert act((0, 0), EXPORT, target) == 1


def test_a_service_goes_on_after_root_has_exported_once_by_hand(shared):
    target = shared / "orders.csv"
    os.chown(shared, *ALICE)
    shared.chmod(0o755)
    for user in ((0, 0), ALICE, (0, 0), ALICE):
        assert act(user, EXPORT, target) == 1
    assert (target.stat().st_uid, target.stat().st_gid) == ALICE


def test_root_keeps_the_owner(shared):
    target = make(shared / "orders.csv", ALICE, 0o600)
    assert act((0, 0), EXPORT, target) == 1
    assert (target.stat().st_uid, stat.S_IMODE(target.stat().st_mode)) == (ALICE[0], 0o600)
    assert may_read(ALICE, target) and not may_read(BOB, target)


def test_in_a_sticky_folder_another_users_file_is_refused_before_anything_is_made(shared):
    shared.chmod(0o1777)
    target = make(shared / "orders.csv", ALICE, 0o666)
    answer = act(BOB, EXPORT, target)
    assert answer.startswith("PermissionError") and "sticky bit" in answer
    assert target.read_text() == "old\n" and names(shared) == ["orders.csv"]
    assert act(ALICE, EXPORT, target) == 1


def test_the_owner_of_a_sticky_folder_may_replace_what_others_made(shared):
    os.chown(shared, *BOB)
    shared.chmod(0o1777)
    target = make(shared / "orders.csv", ALICE, 0o644)
    assert act(BOB, EXPORT, target) == 1


def test_a_child_forked_meanwhile_does_not_keep_a_lock_file_that_cannot_be_removed(shared):
    shared.chmod(0o1777)
    make(shared / ".orders.csv.lock", ALICE, 0o644)
    assert act(BOB, """
children = []
def rows():
    children.append(os.fork())
    if not children[0]:
        time.sleep(60)
        os._exit(0)
    yield {"a": 1}
try:
    answer = safe_export(rows(), target, ["a"]) + safe_export([{"a": 1}], target, ["a"])
finally:
    os.kill(children[0], signal.SIGKILL)
""", shared / "orders.csv") == 2


def test_a_folder_that_one_may_not_write_to_is_named(shared):
    target = make(shared / "orders.csv", BOB, 0o666)
    shared.chmod(0o755)
    answer = act(BOB, EXPORT, target)
    assert answer.startswith("PermissionError") and "leave to make files in this folder" in answer
    assert target.read_text() == "old\n" and names(shared) == ["orders.csv"]


def test_a_folder_that_one_may_not_enter_is_not_called_missing(shared):
    (shared / "outbox").mkdir(mode=0o700)
    assert act(BOB, EXPORT, shared / "outbox" / "orders.csv").startswith("PermissionError")
    assert act(BOB, EXPORT, shared / "outbox" / "deeper" / "orders.csv").startswith("PermissionError")
    assert act(BOB, EXPORT, shared / "nowhere" / "orders.csv").startswith("FileNotFoundError: the folder for orders.csv is missing")


def test_a_folder_that_may_be_written_to_and_not_listed_gets_the_new_file(shared):
    shared.chmod(0o733)
    assert act(BOB, EXPORT, shared / "orders.csv") == 1
    assert names(shared) == ["orders.csv"]


# --- Who may read -------------------------------------------------------------------------------------------------------------

def test_the_group_is_kept_by_root_and_by_a_member(shared):
    target = make(shared / "page.csv", (0, 0), 0o640, group=33)
    assert act((0, 0), EXPORT, target) == 1
    assert may_read((33, 33), target) and not may_read(BOB, target)
    target = make(target, ALICE, 0o640, group=33)
    assert act(ALICE, EXPORT, target, groups=[33]) == 1
    assert (target.stat().st_gid, stat.S_IMODE(target.stat().st_mode)) == (33, 0o640)
    assert may_read((33, 33), target) and not may_read(BOB, target)


def test_a_group_that_cannot_be_kept_is_refused_where_it_makes_a_difference(shared):
    for mode, is_refused in ((0o640, True), (0o664, True), (0o660, True), (0o644, False), (0o600, False), (0o666, False)):
        target = make(shared / "page.csv", ALICE, mode, group=33)
        answer = act(ALICE, EXPORT, target)
        if is_refused:
            assert answer.startswith("Refused") and "group 33" in answer, oct(mode)
            assert target.read_text() == "old\n"
        else:
            assert answer == 1 and stat.S_IMODE(target.stat().st_mode) == mode, oct(mode)
        assert names(shared) == ["page.csv"]


def test_another_users_private_file_is_refused(shared):
    target = make(shared / "orders.csv", ALICE, 0o600)
    answer = act(BOB, EXPORT, target)
    assert answer.startswith("Refused") and "user 1001" in answer
    assert target.read_text() == "old\n" and names(shared) == ["orders.csv"]


def test_the_old_owner_can_read_the_new_file_or_it_is_refused(shared):
    """A member of the file's group gets the bits of the group, even where others may do more."""
    exporter, member, outsider = (BOB[0], 100), (ALICE[0], 100), ALICE

    def export_over(case):
        (mode, is_refused), owner = case
        target = make(shared / f"orders-{mode:o}-{owner[1]}.csv", owner, mode, group=100)
        before = may_read(owner, target)
        answer = act(exporter, EXPORT, target)
        assert str(answer).startswith("Refused") if is_refused else answer == 1, (oct(mode), owner, answer)
        assert may_read(owner, target) >= before, (oct(mode), owner)
        assert (target.read_text() == "old\n") is is_refused

    modes = {0o604: True, 0o640: True, 0o600: True, 0o644: False, 0o204: False}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(export_over, itertools.product(modes.items(), (member, outsider))))
    assert len(names(shared)) == 10, "ten targets, and nothing beside them"


def test_nobody_else_can_open_the_unfinished_file_of_a_private_target(shared):
    shared.chmod(0o755)
    target = make(shared / "salaries.csv", (0, 0), 0o600)
    watching = start(BOB, """
seen, got = set(), 0
print("here", flush=True)
end = time.monotonic() + 20
while len(seen) < 30 and time.monotonic() < end:
    for path in glob.glob(os.path.join(os.path.dirname(target), ".*.part")):
        seen.add(path)
        try:
            os.close(os.open(path, os.O_RDONLY))
            got += 1
        except OSError:
            pass
answer = [len(seen), got]
""", target)
    assert watching.stdout.readline() == "here\n"
    sys.path.insert(0, str(NOTEBOOK_FOLDER))
    from safe_export import safe_export
    mask = os.umask(0o022)
    try:
        while watching.poll() is None:
            safe_export([{"name": "Ines", "salary": 51000}], target, ["name", "salary"])
    finally:
        os.umask(mask)
    seen, got = json.loads(watching.stdout.read())
    watching.stdin.close()
    watching.stdout.close()
    assert seen > 5 and got == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


NOBODY = 0xffffffff
TAGS = {"user": 1, "named user": 2, "group": 4, "named group": 8, "mask": 16, "others": 32}


def give_access_list(path, entries, name="system.posix_acl_access"):
    """Give ``path`` a POSIX access list; skip the test where there is no such thing."""
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", TAGS[tag], bits, who) for tag, bits, who in entries)
    try:
        os.setxattr(path, name, packed)
    except (OSError, AttributeError):
        pytest.skip("this file system has no access lists")


def test_an_access_list_is_kept_and_not_widened(shared):
    target = make(shared / "salaries.csv", ALICE, 0o600, group=100)
    give_access_list(target, [("user", 6, NOBODY), ("named user", 4, BOB[0]), ("group", 0, NOBODY), ("mask", 4, NOBODY),
                              ("others", 0, NOBODY)])
    before = os.getxattr(target, "system.posix_acl_access")
    for user, groups in ((ALICE, [100]), ((0, 0), [])):
        assert act(user, EXPORT, target, groups) == 1
        assert os.getxattr(target, "system.posix_acl_access") == before
        assert may_read(BOB, target) and may_read(ALICE, target)
        assert not may_read(CAROL, target), "a member of the owning group, which the list gives nothing"


def test_an_access_list_whose_group_or_owner_cannot_be_kept_is_refused(shared):
    target = make(shared / "salaries.csv", ALICE, 0o644, group=33)
    give_access_list(target, [("user", 6, NOBODY), ("named user", 4, BOB[0]), ("group", 4, NOBODY), ("mask", 4, NOBODY),
                              ("others", 4, NOBODY)])
    for user in (ALICE, BOB):
        assert act(user, EXPORT, target).startswith("Refused")
        assert target.read_text() == "old\n" and names(shared) == ["salaries.csv"]


def test_a_folders_default_list_gives_nobody_what_the_target_did_not(shared):
    target = make(shared / "salaries.csv", ALICE, 0o640)
    give_access_list(shared, [("user", 7, NOBODY), ("named user", 7, BOB[0]), ("group", 7, NOBODY), ("mask", 7, NOBODY),
                              ("others", 0, NOBODY)], "system.posix_acl_default")
    os.chmod(shared, 0o777)
    assert act(ALICE, EXPORT, target) == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o640 and not may_read(BOB, target)
    target.unlink()  # a new one gets what open() gives
    assert act(ALICE, EXPORT, target) == 1
    (shared / "by-open.csv").write_text("")
    assert os.getxattr(target, "system.posix_acl_access") == os.getxattr(shared / "by-open.csv", "system.posix_acl_access")


def test_a_link_in_place_of_the_lock_file_is_not_followed(shared):
    elsewhere = shared / "elsewhere"
    (shared / ".orders.csv.lock").symlink_to(elsewhere)
    assert act((0, 0), EXPORT, shared / "orders.csv").startswith("OSError")
    assert not elsewhere.exists() and not (shared / "orders.csv").exists()


def test_a_file_put_in_the_place_of_the_unfinished_one_gets_neither_rows_nor_rights(shared):
    """Whoever may write to the folder can always replace the target; this must not reach other files through root."""
    target, secret = make(shared / "orders.csv", ALICE, 0o666), make(shared / "secret", (0, 0), 0o600)
    answer = act((0, 0), """
import safe_export as module
def swapped(target, old, descriptor, keep_rights=module._keep_rights):
    part, = glob.glob(os.path.join(os.path.dirname(target), ".*.part"))
    os.unlink(part)
    os.symlink(os.path.join(os.path.dirname(target), "secret"), part)
    keep_rights(target, old, descriptor)
module._keep_rights = swapped
answer = safe_export([{"a": 1}], target, ["a"])
""", target)
    assert answer == 1
    assert secret.read_text() == "old\n"
    assert (secret.stat().st_uid, stat.S_IMODE(secret.stat().st_mode)) == (0, 0o600)
