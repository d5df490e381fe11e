"""The check of the visible log speaks for itself."""
import checks


def test_a_binary_log_gets_its_sentence_and_no_warning_of_python_beside_it(recwarn):
    assert repr(checks.visible_log(lambda path: open(path, "wb", buffering=1))).startswith("not there yet: ")
    assert not [warning for warning in recwarn.list if warning.category is RuntimeWarning]
