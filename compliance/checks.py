"""System checks with ids: unsafe settings are errors, not surprises."""
