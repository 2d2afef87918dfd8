"""Blocks that a vector steers."""

from __future__ import annotations

import pytest
import torch

from anyview_ros.errors import InvalidInputError
from anyview_ros.networks.conditioned import ConditionedBlock
from anyview_ros.networks.rotary import rotary_angles


def block(context_width: int | None = 6) -> ConditionedBlock:
    """A block that has learned something."""
    torch.manual_seed(0)
    made = ConditionedBlock(24, 2, condition_width=5, context_width=context_width)
    torch.nn.init.normal_(made.modulation.weight, std=0.3)
    torch.nn.init.normal_(made.modulation.bias, std=0.3)
    return made


TOKENS = torch.linspace(-1, 1, 2 * 4 * 24).sin().reshape(2, 4, 24) * 3
CONDITION = torch.tensor([[1.0, 0, 2, -1, 0], [0.0, 1, 1, 1, -2]])
CONTEXT = torch.linspace(0, 7, 2 * 3 * 6).cos().reshape(2, 3, 6)


def test_a_new_block_changes_nothing() -> None:
    new = ConditionedBlock(24, 2, condition_width=5, context_width=6)
    assert torch.equal(new(TOKENS, CONDITION, context=CONTEXT), TOKENS)


def test_condition_context_and_places_change_what_comes_out() -> None:
    made = block()
    angles = rotary_angles((1, 2, 2), 12)
    result = made(TOKENS, CONDITION, angles=angles, context=CONTEXT)
    others = (
        made(TOKENS, CONDITION + 1, angles=angles, context=CONTEXT),
        made(TOKENS, CONDITION, angles=angles, context=CONTEXT.flip(-1)),
        made(TOKENS, CONDITION, context=CONTEXT),
    )
    assert all(not torch.allclose(result, other, atol=1e-4) for other in others)


def test_without_places_the_order_of_tokens_and_of_context_does_not_matter() -> None:
    made, order = block(), [2, 0, 3, 1]
    result = made(TOKENS, CONDITION, context=CONTEXT)
    torch.testing.assert_close(made(TOKENS[:, order], CONDITION, context=CONTEXT), result[:, order])
    torch.testing.assert_close(made(TOKENS, CONDITION, context=CONTEXT.flip(1)), result)


def test_with_places_only_their_differences_matter() -> None:
    made = block(None)
    angles = rotary_angles((1, 2, 2), 12)
    moved = angles + torch.full((12 // 2,), 0.7)
    torch.testing.assert_close(
        made(TOKENS, CONDITION, angles=moved), made(TOKENS, CONDITION, angles=angles), atol=1e-4, rtol=1e-4
    )


def test_samples_do_not_mix() -> None:
    made = block()
    together = made(TOKENS, CONDITION, context=CONTEXT)
    alone = made(TOKENS[1:], CONDITION[1:], context=CONTEXT[1:])
    torch.testing.assert_close(together[1:], alone)


def test_every_weight_gets_a_gradient() -> None:
    made = block()
    made(TOKENS, CONDITION, context=CONTEXT).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in made.parameters())


def test_unfit_input_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="width is 25 and heads 2"):
        ConditionedBlock(25, 2, condition_width=5)
    with pytest.raises(InvalidInputError, match="needs a context"):
        block()(TOKENS, CONDITION)
    with pytest.raises(InvalidInputError, match="no place for a context"):
        block(None)(TOKENS, CONDITION, context=CONTEXT)
