"""Writes of the instruments: each verb once, for pages, API, commands and tasks alike."""
