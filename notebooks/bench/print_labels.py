"""The other program of notebook 01: print a label for each order in a CSV file.

    python print_labels.py FILE
"""
import csv
import sys

with open(sys.argv[1], newline="", encoding="utf-8") as file:
    orders = list(csv.DictReader(file))
for order in orders:
    print("label:", order["id"], order["item"])
print("labels printed:", len(orders))
