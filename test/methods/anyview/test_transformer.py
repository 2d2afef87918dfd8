from __future__ import annotations

import anyview_reference
import numpy as np
import pytest
import torch

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview.transformer import AnyViewTransformer, parameter_count

LATENT, HEADS, HEAD, CONTEXT = 4, 2, 16, 6
VIEW = 3 * LATENT + 4


@pytest.fixture(scope="module")
def model() -> AnyViewTransformer:
    return tiny_transformer()


def tiny_transformer(blocks: int = 2) -> AnyViewTransformer:
    """Weights so large that no part of the network can hide."""
    made = AnyViewTransformer(
        num_blocks=blocks,
        num_heads=HEADS,
        head_width=HEAD,
        context_width=CONTEXT,
        adaln_rank=8,
        latent_channels=LATENT,
        max_positions=16,
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            wide = parameter.shape[-1] ** -0.5
            parameter.copy_(1 + 0.3 * noise if name.endswith("norm.weight") else 1.2 * wide * noise)
    return made.eval()


def views(seed: int = 1, sizes: tuple[tuple[int, int], ...] = ((4, 6), (6, 4))) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn((1, VIEW, 3, *size), generator=generator) for size in sizes]


def text() -> torch.Tensor:
    context = torch.zeros(1, 5, CONTEXT)
    context[0, 0] = torch.randn(CONTEXT, generator=torch.Generator().manual_seed(2))
    return context


def run(
    model: AnyViewTransformer, target: torch.Tensor, source: torch.Tensor, tau: float = 0.3
) -> torch.Tensor:
    with torch.no_grad():
        return model(target, source, torch.full((len(target),), tau), model.text_keys_values(text()))


def reference(model: AnyViewTransformer, stock: str, tau: float = 0.3) -> np.ndarray:
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    target, source = views()
    made = anyview_reference.Reference(weights, HEADS, stock)
    return made.forward(target[0].numpy(), source[0].numpy(), tau, text()[0].numpy())


def test_agrees_with_the_reference(model: AnyViewTransformer) -> None:
    ours = run(model, *views())[0].numpy()
    theirs = reference(model, "")
    assert ours.shape == (LATENT, 3, 4, 6)
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()


def test_one_block_agrees_with_the_reference_in_float64(model: AnyViewTransformer) -> None:
    generator = torch.Generator().manual_seed(3)
    tokens, normed = (
        torch.randn(7, HEADS * HEAD, generator=generator),
        torch.randn(HEADS * HEAD, generator=generator),
    )
    offset = torch.randn(3 * HEADS * HEAD, generator=generator)
    angles = torch.rand(7, HEAD // 2, generator=generator)
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    theirs = anyview_reference.Reference(weights, HEADS).block(
        0, tokens.numpy(), normed.numpy(), offset.numpy(), angles.numpy(), text()[0].numpy(), 3
    )
    with torch.no_grad():
        keys_values = model.blocks[0].cross_attn.keys_values(text())
        ours = model.blocks[0](tokens[None], normed[None, None], offset[None, None], angles, keys_values)
    assert np.abs(ours[0].numpy() - theirs).max() < 1e-5 * np.abs(theirs).max()


@pytest.mark.parametrize("stock", anyview_reference.DEVIATIONS)
def test_each_trap_would_be_seen(model: AnyViewTransformer, stock: str) -> None:
    """The agreement above fails when any one thing is done the usual way."""
    right, wrong = reference(model, ""), reference(model, stock)
    assert np.abs(right - wrong).max() > 3e-5 * np.abs(right).max()


def full_size_shapes() -> dict[str, tuple[int, ...]]:
    """The released checkpoint's tensors after ``net.``, spelt out."""
    shapes: dict[str, tuple[int, ...]] = {
        "x_embedder.proj.1.weight": (2048, 208),
        "x_embedder_newviews.0.proj.1.weight": (2048, 208),
        "view_embs_newviews.0": (1, 2048),
        "t_embedder.1.linear_1.weight": (2048, 2048),
        "t_embedder.1.linear_2.weight": (6144, 2048),
        "t_embedder_newviews.0.1.linear_1.weight": (2048, 2048),
        "t_embedder_newviews.0.1.linear_2.weight": (6144, 2048),
        "t_embedding_norm.weight": (2048,),
        "pos_embedder.seq": (120,),
        "pos_embedder.dim_spatial_range": (21,),
        "pos_embedder.dim_temporal_range": (22,),
    }
    for layer in ("final_layer", "final_layer_newviews.0"):
        shapes[f"{layer}.linear.weight"] = (208, 2048)
        shapes[f"{layer}.adaln_modulation.1.weight"] = (256, 2048)
        shapes[f"{layer}.adaln_modulation.2.weight"] = (4096, 256)
    for block in range(28):
        for attention, context in (("self_attn", 2048), ("cross_attn", 1024)):
            name = f"blocks.{block}.{attention}"
            shapes[f"{name}.q_proj.weight"] = shapes[f"{name}.output_proj.weight"] = (2048, 2048)
            shapes[f"{name}.k_proj.weight"] = shapes[f"{name}.v_proj.weight"] = (2048, context)
            shapes[f"{name}.q_norm.weight"] = shapes[f"{name}.k_norm.weight"] = (128,)
        shapes[f"blocks.{block}.mlp.layer1.weight"] = (8192, 2048)
        shapes[f"blocks.{block}.mlp.layer2.weight"] = (2048, 8192)
        for part in ("self_attn", "cross_attn", "mlp"):
            shapes[f"blocks.{block}.adaln_modulation_{part}.1.weight"] = (256, 2048)
            shapes[f"blocks.{block}.adaln_modulation_{part}.2.weight"] = (6144, 256)
    return shapes


def test_full_size_has_exactly_the_tensors_of_the_release() -> None:
    with torch.device("meta"):
        full = AnyViewTransformer()
    assert {key: tuple(value.shape) for key, value in full.state_dict().items()} == full_size_shapes()
    assert parameter_count(full) == 1_976_190_976


def test_full_size_runs_on_the_meta_device() -> None:
    with torch.device("meta"):
        full = AnyViewTransformer()
        keys_values = full.text_keys_values(torch.zeros(1, 512, 1024))
        flow = full(torch.zeros(2, 52, 4, 38, 72), torch.zeros(2, 52, 4, 54, 72), torch.zeros(2), keys_values)
    assert flow.shape == (2, 16, 4, 38, 72)
    assert keys_values[0][0].shape == (1, 512, 16, 128)


def test_the_base_timestep_embedder_and_the_second_final_layer_are_unused() -> None:
    model = tiny_transformer(1)
    before = run(model, *views())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("t_embedder.", "final_layer_newviews.")):
                parameter.add_(1.0)
    assert torch.equal(before, run(model, *views()))


def test_timestep_is_rounded_to_bfloat16(model: AnyViewTransformer) -> None:
    near = 0.3001  # the same bfloat16 as 0.3
    assert torch.equal(run(model, *views(), tau=0.3), run(model, *views(), tau=near))
    assert not torch.equal(run(model, *views(), tau=0.3), run(model, *views(), tau=0.302))


def test_a_batch_is_what_its_members_are(model: AnyViewTransformer) -> None:
    (a, b), (c, d) = views(4), views(5)
    together = run(model, torch.cat([a, c]), torch.cat([b, d]))
    assert torch.allclose(together[:1], run(model, a, b), atol=1e-5)
    assert torch.allclose(together[1:], run(model, c, d), atol=1e-5)


def test_first_block_cache_hooks_on() -> None:
    from diffusers import FirstBlockCacheConfig

    model = tiny_transformer(3)
    plain = run(model, *views())
    model.enable_cache(FirstBlockCacheConfig(threshold=1e9))
    calls = []
    for block in model.blocks:
        block.mlp.register_forward_hook(lambda *_: calls.append(1))
    with model.cache_context("test"):
        first = run(model, *views())
        first_calls = len(calls)
        second = run(model, *views())
    assert torch.allclose(first, plain, atol=1e-5)
    assert first_calls == 3
    assert len(calls) - first_calls == 1  # only the first block ran again
    assert torch.allclose(second, plain, atol=1e-4)


def test_gradient_checkpointing_changes_nothing() -> None:
    model = tiny_transformer(2)
    target, source = views()
    grads = []
    for enabled in (False, True):
        model.gradient_checkpointing = enabled
        model.zero_grad()
        keys_values = model.text_keys_values(text())
        model(target, source, torch.tensor([0.4]), keys_values).square().sum().backward()
        grads.append(model.blocks[0].mlp.layer1.weight.grad.clone())
    assert torch.allclose(grads[0], grads[1], rtol=1e-4)


def test_repeated_blocks_name_the_block() -> None:
    model = tiny_transformer(1)
    assert model._repeated_blocks == [type(model.blocks[0]).__name__]


@pytest.mark.parametrize(
    ("target", "source", "complaint"),
    [
        ((1, VIEW - 1, 1, 4, 4), (1, VIEW, 1, 4, 4), "target must be"),
        ((1, VIEW, 1, 4, 4), (2, VIEW, 1, 4, 4), "batch sizes"),
        ((1, VIEW, 1, 4, 4), (1, VIEW, 2, 4, 4), "numbers of frames"),
        ((1, VIEW, 1, 5, 4), (1, VIEW, 1, 4, 4), "multiple"),
        ((1, VIEW, 1, 34, 4), (1, VIEW, 1, 4, 4), "exceeds 16"),
    ],
)
def test_views_that_do_not_fit(
    model: AnyViewTransformer, target: tuple[int, ...], source: tuple[int, ...], complaint: str
) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        run(model, torch.zeros(target), torch.zeros(source))
