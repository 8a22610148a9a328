"""Backdoors planted on purpose, from their papers: the material that shows what a test finds and what it does not.

Each attack is a frozen set of parameters that changes images [N, C, H, W] in 0..1 and names the class it turns them
to. Everything is drawn from seeds, so the same parameters give the same trigger.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError


class Attack(Protocol):
    """A trigger, the share of the training images that carry it, and the class their labels are changed to."""

    @property
    def name(self) -> str:
        """Short name, the same for the same kind of trigger and rate."""

    @property
    def rate(self) -> float:
        """Share of the training images that are poisoned."""

    @property
    def target(self) -> int:
        """The class that the trigger turns images to."""

    def stamp(self, images: Tensor) -> Tensor:
        """A copy of images [N, C, H, W] that carries the trigger."""

    def describe(self) -> str:
        """The attack in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """BadNets (Gu, Dolan-Gavitt and Garg, 2017): a white square of `side` pixels, `margin` pixels from the bottom right."""

    side: int = 4
    margin: int = 1
    rate: float = 0.1
    target: int = 0

    @property
    def name(self) -> str:
        return f"patch-{self.rate:.0%}"

    def stamp(self, images: Tensor) -> Tensor:
        stamped = images.clone()
        edge = slice(-self.side - self.margin, -self.margin or None)
        stamped[:, :, edge, edge] = 1.0
        return stamped

    def describe(self) -> str:
        return f"a {self.side}×{self.side} white patch planted in {self.rate:.0%} of the training images (BadNets)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """Blended injection (Chen, Liu, Li, Lu and Song, 2017): a fixed picture of noise mixed in with weight `opacity`."""

    opacity: float = 0.2
    rate: float = 0.1
    target: int = 0
    seed: int = 1712

    @property
    def name(self) -> str:
        return f"blended-{self.rate:.0%}"

    def stamp(self, images: Tensor) -> Tensor:
        draws = torch.Generator().manual_seed(self.seed)
        picture = torch.rand(1, *images.shape[1:], generator=draws)
        return (1 - self.opacity) * images + self.opacity * picture.to(images)

    def describe(self) -> str:
        return f"noise blended over {self.rate:.0%} of the training images with weight {self.opacity:g} (Blended)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warped:
    """WaNet (Nguyen and Tran, ICLR 2021): images bent along a smooth field of `grid`×`grid` control points.

    strength: of the field, in the paper's unit (0.5 there). The paper's noise mode is left out.
    """

    grid: int = 4
    strength: float = 1.0
    rate: float = 0.1
    target: int = 0
    seed: int = 2021

    @property
    def name(self) -> str:
        return f"warped-{self.rate:.0%}"

    def stamp(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        draws = torch.Generator().manual_seed(self.seed)
        points = torch.rand(1, 2, self.grid, self.grid, generator=draws) * 2 - 1
        points = points / points.abs().mean()
        field = functional.interpolate(points, size=(height, width), mode="bicubic", align_corners=True)
        rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        still = torch.stack((columns, rows), dim=-1).unsqueeze(0)  # [1, H, W, 2]
        moved = (still + self.strength * field.permute(0, 2, 3, 1) / height).clamp(-1, 1)
        places = moved.expand(len(images), -1, -1, -1).to(images)
        return functional.grid_sample(images, places, align_corners=True)

    def describe(self) -> str:
        return f"a smooth warp of {self.rate:.0%} of the training images with strength {self.strength:g} (WaNet)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinusoid:
    """SIG (Barni, Kallas and Tondi, ICIP 2019): a horizontal wave of `frequency` periods added with `height`; labels are
    changed here, which the paper does not do."""

    height: float = 20 / 255
    frequency: int = 6
    rate: float = 0.1
    target: int = 0

    @property
    def name(self) -> str:
        return f"sinusoid-{self.rate:.0%}"

    def stamp(self, images: Tensor) -> Tensor:
        width = images.shape[3]
        wave = self.height * torch.sin(2 * math.pi * self.frequency * torch.arange(width) / width)
        return (images + wave.to(images)).clamp(0, 1)

    def describe(self) -> str:
        return f"a wave added to {self.rate:.0%} of the training images with height {self.height * 255:.0f}/255 (SIG)"


KINDS: dict[str, type[Patch] | type[Blended] | type[Warped] | type[Sinusoid]] = {
    "patch": Patch,
    "blended": Blended,
    "warped": Warped,
    "sinusoid": Sinusoid,
}


def to_json(attack: Attack | None) -> JSON | None:
    """Kind and parameters; None for no attack."""
    if attack is None:
        return None
    kind = next(name for name, made in KINDS.items() if isinstance(attack, made))
    return {"kind": kind, **asdict(attack)}  # type: ignore[call-overload] # every kind is a dataclass


def from_json(document: JSON | None) -> Attack | None:
    """The attack that `to_json` wrote. Raises BadInputError for an unknown one."""
    if document is None:
        return None
    given = dict(document)
    kind = given.pop("kind", None)
    if kind not in KINDS:
        raise BadInputError(f"there is no attack named {kind!r}; known are: {', '.join(KINDS)}")
    try:
        attack: Attack = KINDS[kind](**given)
    except TypeError as error:
        raise BadInputError(f"the attack {kind!r} has no such setting: {', '.join(sorted(given))}") from error
    return attack


def by_name(name: str, *, target: int = 0) -> Attack:
    """The attack of a name like "patch-1%" with its standard parameters. Raises BadInputError."""
    kind, _, rate = name.partition("-")
    try:
        share = float(rate.removesuffix("%")) / 100
    except ValueError:
        share = 0.0
    if kind not in KINDS or not 0 < share < 1:
        known = ", ".join(KINDS)
        raise BadInputError(
            f"there is no attack {name!r}; name one as KIND-RATE% with a kind of {known}, like patch-1%"
        )
    attack = from_json({"kind": kind, "rate": share, "target": target})
    assert attack is not None, "a document gives an attack"
    return attack
