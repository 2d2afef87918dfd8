from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from anyview_ros.errors import InvalidInputError, WeightsError
from anyview_ros.metrics.lpips import Lpips

WIDTHS = (64, 64, "half", 128, 128, "half", 256, 256, 256, "half", 512, 512, 512, "half", 512, 512, 512)
TAPS = (3, 8, 15, 22, 29)


def vgg() -> nn.Sequential:
    """VGG-16 as its paper's table lays it out, numbered as torchvision does."""
    layers: list[nn.Module] = []
    before = 3
    for width in WIDTHS:
        if width == "half":
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers += [nn.Conv2d(before, int(width), 3, padding=1), nn.ReLU()]
        before = int(width)
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("lpips")
    torch.manual_seed(0)
    network = vgg()
    linear = {
        f"lin{k}.model.1.weight": torch.rand(1, width, 1, 1)
        for k, width in enumerate((64, 128, 256, 512, 512))
    }
    torch.save(
        {f"features.{name}": value for name, value in network.state_dict().items()}, folder / "vgg16.pth"
    )
    torch.save(linear, folder / "vgg.pth")
    return folder / "vgg16.pth", folder / "vgg.pth"


def pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (36, 44, 3), np.uint8), rng.integers(0, 256, (36, 44, 3), np.uint8)


def test_it_agrees_with_the_definition_written_with_modules(files: tuple[Path, Path]) -> None:
    network = vgg()
    network.load_state_dict(
        {name.removeprefix("features."): value for name, value in torch.load(files[0]).items()}
    )
    linear = torch.load(files[1])
    a, b = pictures()
    total = 0.0
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    x = torch.from_numpy(np.stack([a, b])).permute(0, 3, 1, 2).float() / 255 * 2 - 1
    x = (x - shift) / scale
    with torch.no_grad():
        for index, layer in enumerate(network):
            x = layer(x)
            if index in TAPS:
                unit = x / (x.norm(dim=1, keepdim=True) + 1e-10)
                apart = (unit[:1] - unit[1:]) ** 2
                weighted = nn.functional.conv2d(apart, linear[f"lin{TAPS.index(index)}.model.1.weight"])
                total += float(weighted.mean())
    assert Lpips(files)(a, b) == pytest.approx(total, rel=1e-4)


def test_the_same_picture_is_at_no_distance(files: tuple[Path, Path]) -> None:
    a, b = pictures()
    lpips = Lpips(files)
    assert lpips(a, a) == 0
    assert lpips(a, b) == pytest.approx(lpips(b, a), rel=1e-5)


def test_weights_that_will_not_do(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"lack lin0\.model\.1\.weight"):
        Lpips(files[:1])
    with pytest.raises(WeightsError, match="cannot read"):
        Lpips([tmp_path / "absent.pth"])
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="cannot read"):
        Lpips([tmp_path / "broken.pth"])
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="cannot read"):
        Lpips([tmp_path / "broken.safetensors"])


def test_pictures_that_will_not_do(files: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidInputError, match="16 pixels"):
        Lpips(files)(np.zeros((8, 20, 3), np.uint8), np.zeros((8, 20, 3), np.uint8))
    for channels in (1, 4):
        picture = np.zeros((32, 32, channels), np.uint8)
        with pytest.raises(InvalidInputError, match=rf"\(H, W, 3\).*\(32, 32, {channels}\)"):
            Lpips(files)(picture, picture)


class Fire(nn.Module):
    """SqueezeNet's module, as torchvision names its parts."""

    def __init__(self, before: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


def alex() -> nn.Sequential:
    """AlexNet's features, numbered as torchvision does."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )


def squeeze() -> nn.Sequential:
    """SqueezeNet 1.1's features, numbered as torchvision does."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    )


NETWORKS = {
    "alex": (alex, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256)),
    "squeeze": (squeeze, (1, 4, 7, 9, 10, 11, 12), (64, 128, 256, 384, 384, 512, 512)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("whole", [False, True])
def test_other_networks_agree_with_the_definition_written_with_modules(
    name: str, whole: bool, tmp_path: Path
) -> None:
    make, taps, widths = NETWORKS[name]
    torch.manual_seed(1)
    network = make()
    linear = {k: torch.rand(1, width, 1, 1) for k, width in enumerate(widths)}
    if whole:  # as lpips.LPIPS().state_dict() names them
        saved = {
            f"net.slice{min(1 + int(key.split('.')[0]) // 3, 5)}.{key}": value
            for key, value in network.state_dict().items()
        }
        torch.save(
            saved | {f"lins.{k}.model.1.weight": value for k, value in linear.items()}, tmp_path / "all.pth"
        )
        files = [tmp_path / "all.pth"]
    else:
        saved = {f"features.{key}": value for key, value in network.state_dict().items()}
        torch.save(saved | {"classifier.1.weight": torch.zeros(2)}, tmp_path / "net.pth")
        torch.save({f"lin{k}.model.1.weight": value for k, value in linear.items()}, tmp_path / "lin.pth")
        files = [tmp_path / "net.pth", tmp_path / "lin.pth"]
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 256, (60, 47, 3), np.uint8) for _ in range(2))
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    x = ((torch.from_numpy(np.stack([a, b])).permute(0, 3, 1, 2).float() / 255 * 2 - 1) - shift) / scale
    total = 0.0
    with torch.no_grad():
        for index, layer in enumerate(network):
            x = layer(x)
            if index in taps:
                unit = x / (x.norm(dim=1, keepdim=True) + 1e-10)
                apart = (unit[:1] - unit[1:]) ** 2
                total += float(nn.functional.conv2d(apart, linear[taps.index(index)]).mean())
    lpips = Lpips(files)
    assert lpips.network == name
    assert lpips(a, b) == pytest.approx(total, rel=1e-4)
    assert lpips(a, a) == 0
    side = {"alex": 31, "squeeze": 17}[name]
    smallest = rng.integers(0, 256, (side, side, 3), np.uint8)
    assert lpips(smallest, 255 - smallest) > 0
    with pytest.raises(InvalidInputError, match=f"{side} pixels"):
        lpips(smallest[1:], smallest[1:])


def test_weights_of_no_known_network(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(8, 3, 7, 7)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="no network known here"):
        Lpips([tmp_path / "net.pth"])
