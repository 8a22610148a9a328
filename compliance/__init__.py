"""The record: what was asked, seen, concluded, done and signed. Knows no torch."""

__version__ = "0.1.0"
