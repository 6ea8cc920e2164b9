"""Pooling: parity with sentence-transformers, and what must hold whatever the mode."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers.sentence_transformer.modules import Pooling

from augsbert.encoders.pooling import POOLING_MODES, pool
from augsbert.errors import UserError

LENGTHS = (7, 1, 3, 5)
# Before 6.2 sentence-transformers' weightedmean counts the padding on the left among the positions.
PARITY = [
    (mode, side) for mode in POOLING_MODES for side in ("right", "left") if (mode, side) != ("weightedmean", "left")
]


def _tokens(padding_side: str = "right") -> tuple[torch.Tensor, torch.Tensor]:
    """The same sentences (4 of up to 7 tokens, D = 6), padded with noise on one side or the other."""
    generator = torch.Generator().manual_seed(0)
    sentences = [torch.randn(length, 6, generator=generator) for length in LENGTHS]
    noise = torch.randn(len(LENGTHS), max(LENGTHS), 6, generator=generator) * 100
    mask = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.long)
    for row, tokens in enumerate(sentences):
        place = slice(0, len(tokens)) if padding_side == "right" else slice(max(LENGTHS) - len(tokens), None)
        noise[row, place], mask[row, place] = tokens, 1
    return noise, mask


def test_the_modes_are_those_of_sentence_transformers() -> None:
    assert set(POOLING_MODES) == set(Pooling.POOLING_MODES)


@pytest.mark.parametrize(("mode", "padding_side"), PARITY)
def test_values_and_gradients_equal_sentence_transformers(mode: str, padding_side: str) -> None:
    ours, mask = _tokens(padding_side)
    theirs = ours.clone().requires_grad_()
    ours.requires_grad_()
    expected = Pooling(6, mode)({"token_embeddings": theirs, "attention_mask": mask})["sentence_embedding"]
    pooled = pool(ours, mask, mode)
    weights = torch.arange(1.0, 7.0)
    (expected * weights).sum().backward()
    (pooled * weights).sum().backward()
    torch.testing.assert_close(pooled, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("mode", POOLING_MODES)
def test_neither_the_side_nor_the_amount_of_padding_counts(mode: str) -> None:
    right, left = (pool(*_tokens(side), mode) for side in ("right", "left"))
    torch.testing.assert_close(right, left)
    tokens, mask = _tokens()
    for row, length in enumerate(LENGTHS):
        alone = pool(tokens[row : row + 1, :length], mask[row : row + 1, :length], mode)
        torch.testing.assert_close(alone[0], right[row])


@pytest.mark.parametrize("mode", POOLING_MODES)
def test_half_precision_tokens_are_pooled_in_float32(mode: str) -> None:
    tokens, mask = _tokens()
    tokens = tokens.bfloat16()
    torch.testing.assert_close(pool(tokens, mask, mode), pool(tokens.float(), mask, mode), rtol=0, atol=0)


@pytest.mark.parametrize("mode", POOLING_MODES)
def test_a_boolean_mask_does_as_well(mode: str) -> None:
    tokens, mask = _tokens("left")
    torch.testing.assert_close(pool(tokens, mask.bool(), mode), pool(tokens, mask, mode), rtol=0, atol=0)


def test_an_unknown_mode_names_the_nearest() -> None:
    with pytest.raises(UserError) as error:
        pool(*_tokens(), "last_token")
    assert str(error.value) == (
        "pooling_mode=last_token: it must be one of cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken. "
        "Did you mean lasttoken?"
    )
    with pytest.raises(UserError, match=r"^pooling_mode=zzz: it must be one of cls, .*, lasttoken\.$"):
        pool(*_tokens(), "zzz")
