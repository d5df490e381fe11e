"""Checks for notebook 02, Shape a CSV with DictWriter."""
__all__ = []
