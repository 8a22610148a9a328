"""Frozen values and plain enumerations that cross the borders between packages. No Django here."""
