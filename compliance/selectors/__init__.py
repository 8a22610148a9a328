"""Read-models over many tables: one page or one pack each. They never write."""
