from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyview_release
import pytest

from anyview_ros.methods.anyview import AnyView
from anyview_ros.methods.anyview.weights import read_release, write_bundle


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anyview")
    write_bundle(folder / "out", read_release(anyview_release.write_release(folder / "in", sums=False)), {})
    return folder / "out"


@pytest.fixture
def method(small_weights: Path) -> Iterator[AnyView]:
    loaded = AnyView(weights=small_weights, device="cpu")
    yield loaded
    loaded.close()
