"""Rows that come only once: write down, acknowledge, publish, in this order. One may be there twice, none is missing."""
import json
import os

from safe_export import safe_export


def take_down(waiting, log_path):
    """Append what comes to a log, each order flushed before it is acknowledged."""
    with open(log_path, "ab") as log:
        whole = 0
        with open(log_path, "rb") as earlier:
            for line in earlier:
                whole += len(line) if line.endswith(b"\n") else 0
        log.truncate(whole)  # a kill can leave half a line; its order was not acknowledged, and comes again
        for number, order in waiting.orders():
            log.write(json.dumps(order).encode() + b"\n")
            log.flush()
            os.fsync(log.fileno())  # for a power cut; a kill needs flush() only
            waiting.acknowledge(number)


def publish(log_path, target):
    """Publish what is in the log, each order once; return how many."""
    with open(log_path, encoding="utf-8") as log:
        orders = {order["order_id"]: order for order in map(json.loads, log)}
    return safe_export(orders.values(), target, ["order_id", "item"])
