"""Checks for notebook 07, Recognise it elsewhere."""
__all__ = []
