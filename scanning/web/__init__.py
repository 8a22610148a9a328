"""Pages of the instruments: imports and scans."""
