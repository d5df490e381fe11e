"""Checks for notebook 01, Use a temporary file."""
__all__ = []
