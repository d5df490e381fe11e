"""The cures that the series teaches, as programs of their own. The lessons show the same code; tests/test_claims.py
runs it, and holds it to what the lessons promise."""
