"""The accidents of notebook 06 happen as they say: a program that is broken is not shown as one that lost its rows."""
import accidents
import pytest


def test_an_unknown_way_out_is_answered_with_the_ways_there_are():
    with pytest.raises(ValueError, match="no way out called 'abort'; there are: the program ends, .*fork"):
        accidents.outcomes("os._exit(0)", "abort")


def test_a_way_out_of_ones_own_can_be_added(monkeypatch):
    monkeypatch.setitem(accidents.WAYS_OUT, "_exit(3)", "export = write_rows(); os._exit(3)")
    assert accidents.outcomes("_exit(3)") == {"_exit(3)": (0, False)}


@pytest.mark.parametrize("program", ["export = write_rwos()", "os._exit(0); write_rows()", "wait_for_the_kill()"])
def test_a_program_that_wrote_no_rows_is_not_shown_as_one_that_lost_them(monkeypatch, program):
    monkeypatch.setitem(accidents.WAYS_OUT, "broken", program)
    with pytest.raises(RuntimeError, match="the program of 'broken' wrote no rows: (NameError|it did not say why)"):
        accidents.outcomes("broken")


def test_what_waits_for_its_kill_waits_for_us_and_not_for_a_clock(tmp_path):
    assert "sleep" not in accidents.PROGRAM
    _, process = accidents._start(accidents.WAYS_OUT["killed"], tmp_path / "orders.csv")
    assert process.stdout.readline().strip() == b"ready"
    try:
        process.communicate(timeout=300)  # closes the stdin that it reads
    finally:
        process.kill()
    assert process.returncode == 0


def test_exports_die_at_every_moment_and_leave_the_old_file_or_the_new_one(tmp_path, capsys):
    accidents.export_and_die(tmp_path / "orders.csv")
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith("killed ") for line in lines] == [True] * 12
    assert [line.split("  ")[-1].strip() for line in lines] == ["the old file, whole"] * 11 + ["the new file, whole"]
    assert accidents.unfinished_files(tmp_path / "orders.csv") == 11


@pytest.mark.parametrize("good, broken, words", [
    ("import safe_export\n", "import safe_exprot\n", "at row 1 ended with exit code 1: ModuleNotFoundError"),
    ("            die()\n", "            pass\n", "at row 1 ended with exit code 0: it did not say why"),
    ("    os.replace = die\n", "    os.remove = die\n", "before os.replace ended with exit code 0"),
], ids=["an error", "no death", "another step"])
def test_an_export_that_ends_otherwise_than_planned_is_not_shown_as_killed(tmp_path, monkeypatch, good, broken, words):
    monkeypatch.setattr(accidents, "EXPORT_AND_DIE", accidents.EXPORT_AND_DIE.replace(good, broken))
    with pytest.raises(RuntimeError, match=words):
        accidents.export_and_die(tmp_path / "orders.csv")
