"""Filters of the instruments' pages."""
