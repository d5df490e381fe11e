"""Make orders.csv: 1,142 invented orders, the same bytes on every Python and every system.

    python data/make_orders.py            writes data/orders.csv
    python data/make_orders.py --check    says whether the file on disk is what this script makes

Nothing here is measured or taken from real people: shops, items and notes are invented. The only
source of variety is ``random.Random(SEED).random()``, the one method whose sequence the Python
documentation promises to keep from version to version.
"""
import argparse
import csv
import io
import random
import sys
from datetime import date, timedelta
from pathlib import Path

ROWS = 1142
SEED = 1142
COLUMNS = ["order_id", "placed", "shop", "postcode", "item", "quantity", "price", "tags", "note"]
TARGET = Path(__file__).resolve().with_name("orders.csv")

SHOPS = [
    ("Café Zoë", "01067"), ("Müller & Söhne", "04109"), ("O'Hara, Ltd", "D02 X285"), ("Smörgås AB", "114 55"),
    ("Nuñez Hermanos", "08001"), ('The "Corner" Shop', "00501"), ("Łódź Tools", "90-001"), ("Petit Pain, SARL", "06000"),
    ("Island Supply", "07030"), ("東京 Bento", "100-0001"), ("Plain Goods", "60601"), ("Fjord Outfitters", "0150"),
]
ITEMS = [
    ("Bananas", 1.19), ("Grapes, seedless", 3.49), ('Bolt 3/8" zinc', 0.25), ('Shelf 24", oak', 39.00),
    ("Crème fraîche", 2.15), ("Notebook A5 | ruled", 4.50), ("Espresso beans 1 kg", 18.90), ("Jalapeño, pickled", 3.20),
    ("USB cable 2 m", 7.99), ("Tea, green", 5.75), ("Olive oil 0.5 l", 9.40), ("Paper towels", 6.30),
]
TAGS = ["", "", "", "gift", "fragile", "gift|fragile", "export", "export|fragile"]
NOTES = [
    "", "", "", "", "", "",
    "Leave at the back door, please",
    'Says "no plastic"',
    "Ring twice\nthen call the office",
    "=SUM(F2:F9)",
    "-10% agreed by phone",
    "N/A",
    " two spaces kept ",
    "¿Timbre roto? Llame antes",
]


def make_orders():
    """Return the orders as a list of dictionaries, all values text, keys in the order of COLUMNS."""
    rng = random.Random(SEED)

    def pick(choices):
        return choices[int(rng.random() * len(choices))]

    orders = []
    placed = date(2026, 1, 2)
    for number in range(1, ROWS + 1):
        if rng.random() < 0.25:
            placed += timedelta(days=1)
        shop, postcode = pick(SHOPS)
        item, price = pick(ITEMS)
        orders.append({
            "order_id": f"{number:06d}",
            "placed": placed.isoformat(),
            "shop": shop,
            "postcode": postcode,
            "item": item,
            "quantity": str(1 + int(rng.random() * 24)),
            "price": f"{price:.2f}",
            "tags": pick(TAGS),
            "note": pick(NOTES),
        })
    return orders


def as_bytes(orders):
    """Return the orders as the bytes of a CSV file: UTF-8, comma, minimal quoting, rows ending in CR LF."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=COLUMNS)
    writer.writeheader()
    writer.writerows(orders)
    return text.getvalue().encode("utf-8")


def main():
    parser = argparse.ArgumentParser(description="Make data/orders.csv.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the file is up to date")
    made = as_bytes(make_orders())
    if parser.parse_args().check:
        if not TARGET.exists() or TARGET.read_bytes() != made:
            sys.exit("data/orders.csv is not what data/make_orders.py makes: run  python data/make_orders.py")
        print("data/orders.csv is up to date.")
    else:
        TARGET.write_bytes(made)
        print(f"Wrote data/orders.csv: {ROWS:,} rows, {len(made):,} bytes.")


if __name__ == "__main__":
    main()
