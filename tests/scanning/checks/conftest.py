"""The small world of the record, for checks that run over it."""

from tests.compliance.conftest import (  # noqa: F401 - pytest finds fixtures here by name
    auditor,
    contributor,
    count_queries,
    laid,
    made_world,
    manager,
    officer,
    other_system,
    system,
    world,
)
