"""A program of notebook 08: it says that it has started, and then warns.

    python till.py
"""
import sys

print("started")
print("warning: no paper", file=sys.stderr)
