"""What PNG files say of themselves, as another library reads it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def read_png_text(path: str | Path) -> dict[str, str]:
    """The entries of text of a PNG file, whose chunks' sums are checked."""
    with Image.open(path) as image:
        image.load()
        return dict(image.text)  # type: ignore[attr-defined]
