"""The checks of 01 clear away what an answer has left, and touch nothing else."""
import os
import tempfile

import checks


def test_the_file_of_an_order_that_stops_before_the_removal_is_cleared_away(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert "the file is still open" in repr(checks.label_steps("CEABD"))
    assert os.listdir(tmp_path) == []


def test_a_file_that_the_answer_leaves_open_is_closed_and_the_learners_other_files_stay_open(tmp_path):
    kept = []

    def hand_over(orders, program):
        kept.append(tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", delete=False))
        return program(kept[-1].name)

    with open(tmp_path / "notes.txt", "w", encoding="utf-8") as own:
        assert repr(checks.hand_over(hand_over)).startswith("not there yet: ")
        assert kept and all(export.closed for export in kept)
        assert not own.closed


def test_a_file_that_an_answer_makes_with_os_open_has_the_permissions_that_python_gives_it(tmp_path):
    def made(name):
        os.close(os.open(tmp_path / name, os.O_WRONLY | os.O_CREAT))
        return os.stat(tmp_path / name).st_mode

    def hand_over(orders, program):
        modes.append(made(f"{len(modes)}.csv"))

    modes = []
    checks.hand_over(hand_over)
    assert modes and set(modes) == {made("outside.csv")}
