"""An encoder's forward pass compiled by OpenVINO for a CPU: kernels joined, weights laid out once, a batch a thread.

sentence-transformers offers the same as ``backend="openvino"``. It is an extra of this package, under the same name.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from augsbert.encoders.backends import check_backend
from augsbert.errors import UserError

if TYPE_CHECKING:
    from openvino import CompiledModel, InferRequest, Model

#: Tensors by name, each (B, T).
Inputs = Mapping[str, Tensor]
Forward = Callable[[Inputs], Tensor]
Batch = Mapping[str, Any]
#: By Lightning's name of the precision.
_PRECISIONS = {"32-true": "f32", "bf16-mixed": "bf16", "bf16-true": "bf16"}
#: Of the largest output: how far what is converted may be from what torch gives, both in float32.
_TOLERANCE = 1e-3


class CompiledEncoder:
    """What an encoder gives for batches, computed by OpenVINO on one thread a batch.

    A row's outputs hang on the shape of its batch, not on the rows beside it, nor on the number of threads.

    Args:
        model: which holds the weights.
        forward: a batch's inputs to one tensor (B, ...), by that model, in evaluation.
        examples: inputs of different shapes; the first is traced, and all are compared with torch.
        precision: as Lightning names it, of a CPU.
        threads: batches at a time.

    Raises:
        UserError: OpenVINO is not installed, cannot convert the network, or gives other outputs than torch.
    """

    def __init__(
        self, model: torch.nn.Module, forward: Forward, examples: Sequence[Inputs], precision: str, threads: int
    ) -> None:
        check_backend("openvino")
        self.names, self.threads = tuple(examples[0]), threads
        converted = _converted(_Positional(model.eval(), forward, self.names), examples[0])
        _refuse_other_outputs(forward, self._compiled(converted, "f32"), examples)
        self.compiled = self._compiled(converted, _PRECISIONS[precision])

    def _compiled(self, model: Model, precision: str) -> CompiledModel:
        from openvino import Core

        streams = {"NUM_STREAMS": str(self.threads), "INFERENCE_NUM_THREADS": str(self.threads)}
        how = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision, **streams}
        return Core().compile_model(model, "CPU", how)

    def outputs(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, np.ndarray]]:
        """Each batch with what comes out of its ``inputs``, (B, ...) float32, in the order in which they come.

        As many again as are computed wait already, so that no thread does.
        """
        idle = [self.compiled.create_infer_request() for _ in range(2 * self.threads)]
        begun = deque[tuple[Batch, "InferRequest"]]()
        for batch in batches:
            if not idle:
                yield self._oldest(begun, idle)
            begun.append((batch, request := idle.pop()))
            request.start_async([batch["inputs"][name].numpy() for name in self.names])
        while begun:
            yield self._oldest(begun, idle)

    @staticmethod
    def _oldest(begun: deque[tuple[Batch, InferRequest]], idle: list[InferRequest]) -> tuple[Batch, np.ndarray]:
        batch, request = begun.popleft()
        request.wait()
        outputs = request.get_output_tensor().data.copy()
        idle.append(request)
        return batch, outputs


class _Positional(torch.nn.Module):
    """An encoder as a trace can have it: called with the tensors alone, and no LightningModule."""

    def __init__(self, model: torch.nn.Module, call: Forward, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.call, self.names = model, call, names

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.call(dict(zip(self.names, tensors, strict=True)))


def _converted(network: _Positional, example: Inputs) -> Model:
    """The network as OpenVINO has it, for batches of any shape.

    By its frontend, as ``openvino.convert_model`` sends statistics to its makers.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # a trace asks for every attribute, and some have a hint to give
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of a tracer that fixes what depends on a shape: outputs are compared
            traced = torch.jit.trace(network, tuple(example.values()), check_trace=False, strict=False)
            decoder = TorchScriptPythonDecoder(traced)  # which the frontend does not keep
            frontend = FrontEndManager().load_by_framework("pytorch")
            return frontend.convert(frontend.load(decoder))
    except Exception as error:  # Of many kinds, for a tracer and a compiler speak here.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"backend=openvino: it cannot convert this network ({reason}). Set torch.") from error


def _refuse_other_outputs(forward: Forward, compiled: CompiledModel, examples: Sequence[Inputs]) -> None:
    request = compiled.create_infer_request()
    for inputs in examples:
        with torch.no_grad():
            ours = forward(inputs).numpy()
        request.infer([tensor.numpy() for tensor in inputs.values()])
        apart = float(np.abs(request.get_output_tensor().data - ours).max())
        # What is nan in torch as well is told by who asked for it.
        if np.isfinite(ours).all() and not apart <= _TOLERANCE * float(np.abs(ours).max()):
            raise UserError(
                f"backend=openvino: what it makes of this network gives other outputs than torch, {apart:.2g} apart. "
                "Set torch."
            )
