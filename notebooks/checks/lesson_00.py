"""Checks for notebook 00, Start here."""
import os

from checks.common import NotYet, exercise, temporary_folder, whole_number

__all__ = ["third_row"]


@exercise
def third_row(my_prediction):
    """Write three rows with one flush after the second, measure the file, and compare with the prediction."""
    with temporary_folder() as folder:
        path = os.path.join(folder, "orders.csv")
        with open(path, "w", newline="", encoding="utf-8") as export:
            export.write("order_id,item,price\r\n1,Bananas,1.19\r\n2,Grapes,3.49\r\n")
            export.flush()
            third = export.write("3,Olives,12.50\r\n")
            seen = os.path.getsize(path)
        all_bytes = os.path.getsize(path)
    my_prediction = whole_number(my_prediction)
    if my_prediction is None:
        raise NotYet("answer with a whole number of bytes")
    if my_prediction == seen:
        return f"another reader sees {seen} bytes; the {third} bytes of the third row wait"
    if my_prediction == all_bytes:
        raise NotYet(f"{all_bytes} bytes are what it would be after one more flush")
    if my_prediction == 0:
        raise NotYet("what was flushed stays visible; a later write does not take it back")
    if my_prediction == third:
        raise NotYet("that is the new row alone, and it is the one that waits")
    raise NotYet("count bytes, not rows: the flush made 52 visible; who has sent the third row?")
