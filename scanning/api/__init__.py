"""Endpoints of the instruments: imports and scans."""
