"""The optimiser of a fit: what is decayed, the learning rate at each step, and the clipped gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from augsbert import training
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses import CoSENTLoss
from augsbert.hardware import Hardware


def test_all_weights_are_decayed_but_biases_and_layer_norms(tiny_model: Path) -> None:
    module = CrossEncoder(str(tiny_model), fit=Fit())
    module.configure_model()
    plain = {f"{name}.weight" for name, layer in module.named_modules() if isinstance(layer, nn.LayerNorm)}
    plain |= {name for name, _ in module.named_parameters() if name.endswith(".bias")}
    groups = Fit(weight_decay=0.3).optimizers(module.named_parameters(), 10)["optimizer"].param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    found = {name: decay[id(p)] for name, p in module.named_parameters()}
    assert found == {name: 0.0 if name in plain else 0.3 for name in found}
    assert len(plain) > 10


def test_parameters_that_are_not_trained_are_left_out() -> None:
    layer = nn.Linear(2, 2)
    layer.weight.requires_grad_(False)
    groups = Fit().optimizers(layer.named_parameters(), 10)["optimizer"].param_groups
    assert [id(p) for group in groups for p in group["params"]] == [id(layer.bias)]


@pytest.mark.parametrize(("ratio", "warm"), [(0.25, 5), (0.0, 0), (1.0, 20)])
def test_the_learning_rate_rises_from_0_to_its_peak_and_falls_to_0_in_straight_lines(ratio: float, warm: int) -> None:
    settings = Fit(learning_rate=0.4, warmup_ratio=ratio)
    made = settings.optimizers(nn.Linear(2, 2).named_parameters(), 20)
    assert made["lr_scheduler"]["interval"] == "step"
    rates = []
    for _ in range(21):
        rates.append(made["optimizer"].param_groups[0]["lr"])
        made["optimizer"].step()
        made["lr_scheduler"]["scheduler"].step()
    shares = [step / warm if step < warm else (20 - step) / max(1, 20 - warm) for step in range(21)]
    assert rates == pytest.approx([0.4 * share for share in shares])


class Norms(pl.Callback):
    """The gradient's norm before clipping and after it, at each step."""

    def __init__(self) -> None:
        self.before: list[float] = []
        self.after: list[float] = []

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        self.before.append(_norm(pl_module))

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.after.append(_norm(pl_module))


def _norm(module: pl.LightningModule) -> float:
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None]).norm().item()


def test_each_step_is_taken_with_the_gradients_norm_clipped(tiny_model: Path, tiny_table: Path, tmp_path: Path) -> None:
    pairs, norms = pd.read_csv(tiny_table / "train.csv")[:48], Norms()
    settings = Fit(epochs=1, batch_size=16, max_grad_norm=0.02, precision="32-true")
    module = BiEncoder(str(tiny_model), loss=CoSENTLoss(), fit=settings)
    training.fit(module, pairs, pairs, "regression", Hardware(), tmp_path, norms)
    assert len(norms.before) == 3
    assert min(norms.before) > 0.04
    assert norms.after == pytest.approx([0.02] * 3, rel=1e-3)
