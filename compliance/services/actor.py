"""Hands the acting person to the database connection, for the triggers that note what libraries write.

    with acting(user): ...              a command or task that acts for a person
    with acting_as(lambda: request.user): ...      a request, whose person may only be known later

Nothing is sent to the database until a statement is about to write one of the noted tables; then the actor is set, the
statement run and the actor cleared in one transaction. So a read opens none, no connection that is used again carries
somebody else's name, and a rollback takes the name with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from compliance.models import User
from compliance.models.trigger_tables import NOTED

_WRITE = re.compile(r"\s*(insert|update|delete|replace|truncate|merge|with)\b", re.IGNORECASE)
_SET = {
    "postgresql": "SELECT set_config('assay.actor', %s, true)",
    "sqlite": "INSERT INTO assay_actor (id, actor) VALUES (1, %s) "
    "ON CONFLICT (id) DO UPDATE SET actor = excluded.actor",
}


@contextmanager
def acting(user: User | None) -> Iterator[None]:
    """Within the block, noted changes carry this person's identifier; None is Assay itself."""
    with acting_as(lambda: user):
        yield


@contextmanager
def acting_as(find_user: Callable[[], object]) -> Iterator[None]:
    """As `acting`, with the person looked up at the first noted change: whoever is no User acts without a name."""
    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(_handing(find_user)))
        yield


def _handing(find_user: Callable[[], object]) -> Callable[..., Any]:
    """A Django execute wrapper that hands the actor over around each write to a noted table."""

    def run(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not (_WRITE.match(sql) and any(table in sql for table in NOTED)):
            return execute(sql, params, many, context)
        connection: BaseDatabaseWrapper = context["connection"]
        user = find_user()
        actor = _named(user)
        if connection.in_atomic_block:
            return _run_as(connection, actor, lambda: execute(sql, params, many, context))
        with transaction.atomic(using=connection.alias):
            return _run_as(connection, actor, lambda: execute(sql, params, many, context))

    return run


def _named(user: object) -> str:
    """The person, and the first signs of the token they came by; nobody's name is never made up."""
    if not isinstance(user, User):
        return ""
    return f"{user.uuid} {user.token_scope.token}" if user.token_scope else str(user.uuid)


def _run_as(connection: BaseDatabaseWrapper, actor: str, execute: Callable[[], Any]) -> Any:
    _hand(connection, actor)
    try:
        answer = execute()
    except Exception:
        if connection.vendor == "sqlite":  # the statement failed, its transaction goes on; PostgreSQL's is rolled back
            _hand(connection, "")
        raise
    _hand(connection, "")
    return answer


def _hand(connection: BaseDatabaseWrapper, actor: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET[connection.vendor], [actor])
