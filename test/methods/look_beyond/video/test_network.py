from __future__ import annotations

import pytest
import torch
from look_beyond_weights import TINY_VIDEO, shaken, tiny_video

from anyview_ros.methods.look_beyond.video.known import Known
from anyview_ros.methods.look_beyond.video.network import VideoDenoiser, spread

SHAPE = (2, 4, 3, 16, 24)


def known(seed: int = 0) -> Known:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    seen = (normal(2, 4, 1, 16, 24) > 0).float()
    return Known(
        normal(*SHAPE) * 0.3,
        seen,
        normal(2, 4, 6, 16, 24),
        normal(2, 3, 16, 24),
        (normal(2, 1, 16, 24) > 0).float(),
    )


def video(seed: int = 1) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)) * 0.4


def noisy(clean: torch.Tensor, signal: torch.Tensor, seed: int = 2) -> torch.Tensor:
    factor = signal[:, None, None, None, None]
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    return factor.sqrt() * clean + (1 - factor).sqrt() * noise


@pytest.mark.parametrize("level", [1e-4, 0.5, 1 - 1e-6])
def test_a_new_network_gives_the_moved_keyframe(level: float) -> None:
    told, signal = known(), torch.full((2,), level)
    clean = VideoDenoiser(TINY_VIDEO).clean(noisy(video(), signal), signal, told)
    torch.testing.assert_close(clean, told.base)


def test_inputs_have_unit_spread_and_answers_count_in_units_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told, signal = known(), torch.tensor([0.9, 0.02])
    truth = told.base + spread(told) * torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    network = VideoDenoiser(TINY_VIDEO)
    heard: list[torch.Tensor] = []

    def listening(residual: torch.Tensor, log_noise: torch.Tensor, given: Known) -> torch.Tensor:
        heard.append(residual)
        torch.testing.assert_close(log_noise.exp(), ((1 - signal) / signal).sqrt())
        return torch.ones_like(residual)

    monkeypatch.setattr(network, "forward", listening)
    clean = network.clean(noisy(truth, signal), signal, told)
    torch.testing.assert_close(clean, told.base + spread(told).expand_as(clean))
    for one in heard[0]:
        for where in (told.seen[:1], 1 - told.seen[:1]):
            assert 0.9 < one[where[0].expand(-1, 3, -1, -1) > 0].std() < 1.1


def test_what_is_finer_than_patches_is_added() -> None:
    """The convolutions reach across the edges of patches: a pixel beyond the edge has a say."""
    network, told = VideoDenoiser(TINY_VIDEO), known()
    shaken(network.fine)
    signal, start = torch.full((2,), 0.3), noisy(video(), torch.full((2,), 0.3))
    once = network.clean(start, signal, told)
    other = start.clone()
    other[0, 0, :, 5, 7] += 1
    changed = (network.clean(other, signal, told) - once).abs().amax(2)[0, 0]
    assert changed[5, 8] > 1e-4
    assert changed[5, 12:].max() == 0


def test_every_input_has_a_say() -> None:
    network, told, signal = tiny_video(), known(), torch.full((2,), 0.3)
    start = noisy(video(), signal)
    once = network.clean(start, signal, told)
    for name in vars(told):
        changed = Known(**{**vars(told), name: getattr(told, name).flip(-1)})
        assert (network.clean(start, signal, changed) - once).abs().max() > 1e-3, name
    assert (network.clean(start, torch.full((2,), 0.31), told) - once).abs().max() > 1e-4


def test_pictures_of_a_pass_talk_to_each_other_and_passes_do_not() -> None:
    network, told, signal = tiny_video(), known(), torch.full((2,), 0.3)
    start = noisy(video(), signal)
    once = network.clean(start, signal, told)
    other = start.clone()
    other[0, 3] += 1
    again = network.clean(other, signal, told)
    assert (again[0, 0] - once[0, 0]).abs().max() > 1e-4
    torch.testing.assert_close(again[1], once[1])
