"""Pure evaluators: documents, log files and jobs -> coverage, integrity, reconciliation."""
