from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from scanning.detectors.png import png_base64

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize("channels", [1, 3])
def test_the_picture_reads_back(channels: int) -> None:
    image = np.random.default_rng(0).uniform(size=(channels, 5, 7)).astype(np.float32)
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(png_base64(image, scale=2)))))
    assert seen.shape[:2] == (10, 14)
    expected = np.rint(image * 255).astype(np.uint8).transpose(1, 2, 0).squeeze()
    np.testing.assert_array_equal(seen[::2, ::2], expected)


def test_other_channels_have_no_picture() -> None:
    with pytest.raises(ValueError, match="no PNG form"):
        png_base64(np.zeros((2, 4, 4), dtype=np.float32))
