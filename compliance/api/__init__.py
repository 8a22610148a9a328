"""The API under /api/v1/: the same verbs and the same scoping as the pages."""
