"""What OpenVINO makes of an encoder gives what torch gives; where it would not, it is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.compiled import CompiledEncoder, Inputs
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.token_rows import TokenRows
from augsbert.errors import UserError
from tests.encoders import test_backbones
from tests.encoders.test_export import PAIRS, SENTENCES

backbone = test_backbones.backbone


def _batches(module: PairEncoder, rows: TokenRows) -> list[dict]:
    """Batches of one row, two and four, padded to three lengths."""
    places = ([0], [1, 0], [3, 1, 0, 2])
    return [
        {"inputs": module.collate(rows.take(p), length), "place": place}
        for place, (p, length) in enumerate(zip(places, (16, 18, 20), strict=True))
    ]


@pytest.mark.parametrize("kind", [CrossEncoder, BiEncoder])
def test_every_backbone_gives_what_it_gives_in_torch(kind: Callable[..., PairEncoder], backbone: Path) -> None:
    module = kind(str(backbone), fit=Fit())
    module.configure_model()
    rows = module.tokenize(*zip(*PAIRS, strict=True)) if kind is CrossEncoder else module.tokenize(SENTENCES)
    batches = _batches(module.eval(), rows)
    assert module.model is not None
    examples = [batches[0]["inputs"], batches[-1]["inputs"]]
    compiled = CompiledEncoder(module.model, module.forward, examples, "32-true", threads=2)
    found = list(compiled.outputs(batches))
    assert [batch["place"] for batch, _ in found] == [0, 1, 2]
    for batch, outputs in found:
        with torch.no_grad():
            expected = module(batch["inputs"]).numpy()
        assert outputs.shape == expected.shape
        np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("order", permutations(range(3)))
def test_outputs_come_in_the_order_of_the_batches_though_some_are_sooner_done(order: tuple[int, ...]) -> None:
    sizes = [(2_000, 3)[i % 2] for i in order for _ in range(4)]
    model = torch.nn.Sequential(torch.nn.Linear(1, 64), torch.nn.Linear(64, 1))
    batches = [{"inputs": {"x": torch.full((size, 1), float(i))}, "number": i} for i, size in enumerate(sizes)]
    compiled = CompiledEncoder(
        model, lambda inputs: model(inputs["x"]), [batches[0]["inputs"], batches[1]["inputs"]], "32-true", threads=2
    )
    for number, (batch, outputs) in enumerate(compiled.outputs(batches)):
        assert batch["number"] == number
        expected = model(batch["inputs"]["x"]).detach().numpy()
        np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_a_network_that_a_trace_does_not_hold_is_refused() -> None:
    model = torch.nn.Linear(1, 1)

    def forward(inputs: Inputs) -> torch.Tensor:
        return model(inputs["x"]) * inputs["x"].sum().item()

    with pytest.raises(UserError, match=r"^backend=openvino: what it makes of this network gives other outputs than"):
        CompiledEncoder(model, forward, [{"x": torch.ones(2, 1)}, {"x": torch.ones(4, 1)}], "32-true", threads=1)


def test_a_network_that_cannot_be_converted_is_refused_with_the_reason() -> None:
    model = torch.nn.Linear(1, 1)

    def forward(inputs: Inputs) -> torch.Tensor:
        return torch.linalg.lstsq(inputs["x"], model(inputs["x"])).solution

    with pytest.raises(UserError, match=r"^backend=openvino: it cannot convert this network \(.+\)\. Set torch\.$"):
        CompiledEncoder(model, forward, [{"x": torch.ones(2, 1)}], "32-true", threads=1)


def test_a_network_that_has_diverged_gives_nan_as_it_does_in_torch() -> None:
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, float("nan"))
    batch = {"inputs": {"x": torch.ones(4, 1)}}
    compiled = CompiledEncoder(model, lambda inputs: model(inputs["x"]), [batch["inputs"]], "32-true", threads=1)
    ((_, outputs),) = compiled.outputs([batch])
    assert np.isnan(outputs).all()
