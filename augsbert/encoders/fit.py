"""How an encoder is fitted: AdamW with a linear warm-up and decay, as in the paper's recipes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from augsbert.ranges import check_above_zero, check_count, check_inside, check_number, check_share, filled

if TYPE_CHECKING:
    from torch import nn

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true"]
ONE_SEED: Mapping[str, float] = MappingProxyType({"seeds": 1, "stop_at": 0.3})


class Fit:
    """The settings of one fit; they live with the encoder, as two models train in one run.

    Args:
        epochs: passes over the training pairs, 1 or more; the best of them on dev is kept.
        batch_size: pairs in an optimiser step over all devices together (global).
        learning_rate: its peak, after the warm-up.
        warmup_ratio: share of the steps (0..1) in which the learning rate rises from 0.
        weight_decay: of AdamW; biases and layer norms have none.
        max_grad_norm: the gradient's norm is clipped to this.
        precision: as Lightning names it; ``auto`` is bf16-mixed where the machine multiplies it faster, else 32-true.
        seed: of the order of pairs, dropout and new weights.
        seed_optimization: ``seeds`` that start (1 or more; 1 fits at once): ``seed`` and others in steps of 10,000, so
            that runs of neighbouring seeds share none; and ``stop_at``, the share of the steps (above 0, at most 1) at
            which dev chooses the one that is fitted. The paper starts 5 and stops at 0.2, its script 10 and 0.3.

    Raises:
        UserError: a value is out of its range.
    """

    VERSION = 2
    #: Arguments that came later, with the value at which older keys stay valid.
    LATER: ClassVar = {"seed_optimization": dict(ONE_SEED)}

    def __init__(
        self,
        epochs: int = 4,
        batch_size: int = 16,
        learning_rate: float = 2e-5,
        warmup_ratio: float = 0.1,
        weight_decay: float = 0.01,
        max_grad_norm: float = 1.0,
        precision: Precision = "auto",
        seed: int = 0,
        seed_optimization: Mapping[str, float] = ONE_SEED,
    ) -> None:
        check_count("epochs", epochs)
        check_count("batch_size", batch_size)
        check_inside("learning_rate", learning_rate)
        check_number("warmup_ratio", warmup_ratio, 0, 1)
        check_number("weight_decay", weight_decay, 0, math.inf)
        check_above_zero("max_grad_norm", max_grad_norm)
        check_count("seed", seed, least=0, most=2**63 - 1)
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.warmup_ratio, self.weight_decay, self.max_grad_norm = warmup_ratio, weight_decay, max_grad_norm
        self.precision, self.seed = precision, seed
        self.seed_optimization = filled("seed_optimization", seed_optimization, ONE_SEED)
        check_count("seed_optimization.seeds", self.seed_optimization["seeds"])
        check_share("seed_optimization.stop_at", self.seed_optimization["stop_at"])

    def optimizers(self, parameters: Iterable[tuple[str, nn.Parameter]], steps: int) -> dict[str, Any]:
        """What ``LightningModule.configure_optimizers`` returns, for ``steps`` optimiser steps in all."""
        import torch
        from transformers import get_linear_schedule_with_warmup

        trained = [(name, p) for name, p in parameters if p.requires_grad]
        plain = [p for name, p in trained if p.ndim < 2]
        decayed = [p for name, p in trained if p.ndim >= 2]
        groups = [{"params": decayed, "weight_decay": self.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        # With 16-mixed a fused optimiser unscales gradients itself, after they were to be clipped.
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, fused=self.precision != "16-mixed")
        schedule = get_linear_schedule_with_warmup(optimizer, round(self.warmup_ratio * steps), steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
