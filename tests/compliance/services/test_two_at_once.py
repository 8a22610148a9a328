"""Two people at the same moment, on real connections: neither closes a circle, and of two moves of a card one is told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.installations import Installation

NewInstallation = Callable[..., Installation]

WORLD = """
import json, threading
from datetime import date
from decimal import Decimal
from django.db import connection
from compliance.models import ItemDependency, RemediationItem
from compliance.services import dependencies, inventory, people, remediation
from compliance.services.errors import ConflictError, RefusedError
from compliance.services.remediation import ItemPlan, Origin
from compliance.types.plans import Estimate, ItemSource
from compliance.types.states import RemediationState, Role

first, second = (
    people.create_user(email=f"{name}@example.org", name=name, role=Role.MANAGER, password=None, actor=None)
    for name in ("Mira", "Nils")
)
system = inventory.define_system(name="Digit reader", description="", owner=first, actor=first)
plan = ItemPlan(title="T", description="", owner=first, due_on=date(2099, 1, 1), estimate=Estimate.exactly(Decimal(1)))

def opened():
    origin = Origin(system=system, source=ItemSource.PLAYBOOK, playbook_task="sign-models")
    return remediation.open_item(origin=origin, plan=plan, actor=first)

def at_once(*acts):
    told, begin = [], threading.Barrier(len(acts))
    def do(act):
        begin.wait(30)
        try:
            act()
            told.append("done")
        except (ConflictError, RefusedError) as error:
            told.append(type(error).__name__)
        finally:
            connection.close()
    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    return sorted(told)

results = []
for _round in range(5):
    one, two, three = opened(), opened(), opened()
    dependencies.add(item=two, needs=three, actor=first)
    results.append(at_once(
        lambda: dependencies.add(item=one, needs=two, actor=first),
        lambda: dependencies.add(item=three, needs=one, actor=second),
    ))
moves = []
for _round in range(5):
    card = opened()
    def move(state, actor):
        fresh = RemediationItem.objects.get(pk=card.pk)
        return lambda: remediation.move(item=fresh, state=state, actor=actor, seen=RemediationState.OPEN)
    said = at_once(move(RemediationState.IN_PROGRESS, first), move(RemediationState.BLOCKED, second))
    moves.append(said)
print(json.dumps([results, ItemDependency.objects.count(), moves]))
"""


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_no_circle_and_no_lost_move(new_installation: NewInstallation, database: str) -> None:
    circles, dependencies, moves = json.loads(new_installation(database).python(WORLD))
    assert circles == [["RefusedError", "done"]] * 5
    assert dependencies == 10
    assert moves == [["ConflictError", "done"]] * 5
