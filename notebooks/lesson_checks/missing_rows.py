"""Checks for notebook 04, Count the missing rows."""
__all__ = []
