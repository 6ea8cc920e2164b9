"""The dropout that the encoders train with, against torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from augsbert.encoders.dropout import Dropout, replace_dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_share_p_is_zero_and_the_mean_stays(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(1000, 1001, dtype=dtype)).double()
    # Five standard deviations of a share of a million independent draws.
    assert abs((out == 0).double().mean().item() - p) < 5 * (p * (1 - p) / out.numel()) ** 0.5
    assert out.max().item() == pytest.approx(1 / (1 - p), rel=1e-4 if dtype is torch.float32 else 4e-3)


def test_each_of_the_four_elements_of_a_random_word_is_dropped_as_often() -> None:
    torch.manual_seed(0)
    shares = (Dropout(0.3)(torch.ones(400_000, 4)) == 0).double().mean(dim=0)
    assert ((shares - 0.3).abs() < 5 * (0.3 * 0.7 / 400_000) ** 0.5).all(), shares


def test_the_gradient_passes_where_the_value_did() -> None:
    torch.manual_seed(0)
    values = torch.full((40, 5), 2.0, requires_grad=True)
    out = Dropout(0.4)(values)
    out.sum().backward()
    torch.testing.assert_close(values.grad, out.detach() / 2.0)


def test_the_seed_decides_what_is_dropped() -> None:
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(Dropout(0.5)(torch.ones(7, 11)))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(("p", "left"), [(0.0, 1.0), (1.0, 0.0)])
def test_p_of_0_keeps_all_and_of_1_nothing(p: float, left: float) -> None:
    assert torch.equal(Dropout(p)(torch.ones(3, 5)), torch.full((3, 5), left))


def test_out_of_training_nothing_is_dropped() -> None:
    values = torch.randn(3, 4)
    assert Dropout(0.5).eval()(values) is values


def test_a_model_has_it_everywhere_in_the_mode_that_it_was_in() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.2), nn.ReLU())).eval()
    replace_dropout(model)
    found = model[1][0]
    assert isinstance(found, Dropout)
    assert found.p == 0.2
    assert not found.training
