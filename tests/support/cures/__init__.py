"""The cures that the series tells of, as programs of their own: tests/test_claims.py holds them to what it promises."""
