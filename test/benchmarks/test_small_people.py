from __future__ import annotations

import numpy as np
import pytest

from benchmarks.small_people import add_row
from benchmarks.support.pairs import standard_error


def flat(level: int) -> np.ndarray:
    return np.full((16, 16, 3), level, np.uint8)


def test_a_pair_of_still_cameras_counts_once_however_many_moments_it_was_seen() -> None:
    """Pairs whose truths are 10 and 20 grey levels off, each seen at three moments that are alike."""
    scores: dict[str, list[tuple[float, ...]]] = {}
    for off in (10, 20):
        add_row(scores, [{"copy source": flat(100)}] * 3, [flat(100 + off)] * 3)
    psnrs = np.array(scores["copy source"])[:, 0]
    assert psnrs == pytest.approx([20 * np.log10(255 / off) for off in (10, 20)])
    assert standard_error(psnrs) == pytest.approx(10 * np.log10(2))


def test_moments_are_averaged() -> None:
    scores: dict[str, list[tuple[float, ...]]] = {}
    add_row(scores, [{"ours": flat(100)}, {"ours": flat(100)}], [flat(110), flat(140)])
    ((psnr, _),) = scores["ours"]
    assert psnr == pytest.approx((20 * np.log10(255 / 10) + 20 * np.log10(255 / 40)) / 2)
