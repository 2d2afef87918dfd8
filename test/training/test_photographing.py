from __future__ import annotations

import numpy as np

from anyview_ros.training.photographing import photographed


def test_pictures_change_but_keep_what_they_show() -> None:
    rows, columns = np.indices((48, 48))
    picture = np.stack((80 + 2 * rows, 60 + 3 * columns, 90 + 40 * ((rows // 8 + columns // 8) % 2)), -1)
    picture = picture.clip(0, 255).astype(np.uint8)
    kept = picture.copy()
    likeness = []
    for seed in range(60):
        shown = photographed(picture, np.random.default_rng(seed))
        assert shown.shape == picture.shape
        assert shown.dtype == np.uint8
        grey, other = picture.mean(2).ravel(), shown.mean(2).ravel()
        likeness.append(np.corrcoef(grey, other)[0, 1])
    assert np.array_equal(picture, kept)
    assert np.median(likeness) > 0.9
    assert min(likeness) < 0.999  # not nothing
    assert np.array_equal(*(photographed(picture, np.random.default_rng(3)) for _ in range(2)))
