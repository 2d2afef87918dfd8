from __future__ import annotations

import torch
from look_beyond_weights import TINY_VIDEO, tiny_video

from anyview_ros.methods.look_beyond.video.known import Known
from anyview_ros.methods.look_beyond.video.network import Scaled, VideoDenoiser

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


def test_a_new_network_gives_the_moved_keyframe_under_much_noise() -> None:
    told, signal = known(), torch.full((2,), 1e-4)
    clean = VideoDenoiser(TINY_VIDEO).clean(noisy(video(), signal), signal, told)
    assert (clean - told.base).abs().max() < 0.02


def test_a_new_network_keeps_the_picture_where_there_is_no_noise() -> None:
    told, signal = known(), torch.full((2,), 1 - 1e-6)
    clean = VideoDenoiser(TINY_VIDEO).clean(noisy(video(), signal), signal, told)
    assert (clean - video()).abs().max() < 0.02


def test_scaled_inputs_and_answers_have_unit_spread() -> None:
    told, signal = known(), torch.tensor([0.9, 0.02])
    spread = 0.1 * told.seen + 0.45 * (1 - told.seen)
    truth = told.base + spread * torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    scaled = Scaled.of(noisy(truth, signal), signal, told)
    wanted = (truth - told.base - scaled.skipped) / scaled.out
    for values in (scaled.residual, wanted):
        for one in values:
            for where in (told.seen[:1], 1 - told.seen[:1]):
                chosen = one[where[0].expand(-1, 3, -1, -1) > 0]
                assert 0.9 < chosen.std() < 1.1


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
