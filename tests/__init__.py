"""The tests mirror the tree; tests/services.py starts real servers, tests/installations.py whole installations."""
