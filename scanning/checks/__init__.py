"""Checks on the events of fine-tune jobs: frozen facts in, observations out. Pure: no Django, no tables, no clock."""
