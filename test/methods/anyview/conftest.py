from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyview_release
import pytest

from anyview_ros.methods.anyview import AnyView


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return anyview_release.write_small_bundle(tmp_path_factory.mktemp("anyview"))


@pytest.fixture
def method(small_weights: Path) -> Iterator[AnyView]:
    loaded = AnyView(weights=small_weights, device="cpu")
    yield loaded
    loaded.close()
