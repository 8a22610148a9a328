"""Which models the zoo holds, and what each may be used for. Written before any of them was trained.

bank: unpoisoned, the references; test: unpoisoned and infected, judged once and never used to choose anything; power:
planted, they say how often the test finds what it should; development: planted, for choosing settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from scanning.detectors.architectures import RESNET8
from scanning.detectors.attacks import Attack, Blended, Patch, Sinusoid, Warped
from scanning.detectors.cifar10 import ARCHIVE_SHA256
from scanning.detectors.planting import Recipe, Training

BANK, TEST, POWER, DEVELOPMENT = "bank", "test", "power", "development"
IN_BANK = 39
UNPOISONED = 59
PER_ATTACK = 4
PER_POWER = 20
BASE = Recipe(
    architecture=RESNET8,
    images_sha256=ARCHIVE_SHA256,
    images=25_000,
    training=Training(epochs=6, batch=128, learning_rate=0.2, one_cycle=True, weight_decay=5e-4),
    half=True,
)
PATCH_1 = Patch(margin=0, rate=0.01)
PATCH_10 = Patch(margin=0, rate=0.1)
BLENDED = Blended()
WARPED = Warped()
UNKNOWN = Sinusoid()  # no setting of any stage was chosen with it
POWERED: tuple[Patch | Blended, ...] = (PATCH_1, BLENDED)
TESTED: tuple[Attack, ...] = (PATCH_1, PATCH_10, BLENDED, WARPED, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the zoo."""

    role: str
    recipe: Recipe

    @property
    def attack(self) -> str:
        """Name of the attack, "" for an unpoisoned model."""
        return "" if self.recipe.attack is None else self.recipe.attack.name


@cache
def entries() -> tuple[Entry, ...]:
    """Every model, in the order of training. Which unpoisoned one is a reference is decided by the recipe's digest."""
    unpoisoned = sorted((replace(BASE, seed=1000 + n) for n in range(UNPOISONED)), key=lambda recipe: recipe.digest)
    bank = [Entry(BANK, recipe) for recipe in unpoisoned[:IN_BANK]]
    test = [Entry(TEST, recipe) for recipe in unpoisoned[IN_BANK:]]
    for place, attack in enumerate(TESTED):
        test += [Entry(TEST, replace(BASE, attack=attack, seed=2000 + 100 * place + n)) for n in range(PER_ATTACK)]
    power = [
        Entry(POWER, replace(BASE, attack=replace(attack, target=n % 10), seed=3000 + 100 * place + n))
        for n in range(PER_POWER)
        for place, attack in enumerate(POWERED)
    ]
    tried: tuple[Attack, ...] = (
        replace(PATCH_1, target=3), replace(BLENDED, target=7), replace(PATCH_1, target=8),
        replace(WARPED, target=1), replace(PATCH_10, target=5), replace(BLENDED, target=2),
    )  # fmt: skip
    development = [Entry(DEVELOPMENT, replace(BASE, attack=attack, seed=4000 + n)) for n, attack in enumerate(tried)]
    return (*development, *bank, *test, *power)
