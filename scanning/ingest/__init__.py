"""Parsers: one file per source format, each from bytes to drafts. Pure: no Django, no tables, no network."""
