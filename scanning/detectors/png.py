"""Small PNG files from arrays, with nothing but zlib (PNG, ISO/IEC 15948). No torch here."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_base64(image: NDArray[np.float32], *, scale: int = 1) -> str:
    """Base64 of an 8-bit PNG of `image` [C, H, W] in 0..1; one channel is grey, three are RGB; each pixel `scale` wide."""
    channels = image.shape[0]
    if image.ndim != 3 or channels not in (1, 3):
        raise ValueError(f"an image of shape {list(image.shape)} has no PNG form here")
    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    pixels = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = pixels.shape[:2]
    lines = b"".join(b"\x00" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    content = _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")
    return base64.b64encode(content).decode("ascii")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
