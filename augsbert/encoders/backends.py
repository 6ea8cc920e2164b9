"""What runs an encoder that is not being fitted, by sentence-transformers' names: torch, or OpenVINO on a CPU."""

from __future__ import annotations

import importlib.util
from typing import Literal

from augsbert.errors import UserError
from augsbert.ranges import check_choice

Backend = Literal["torch", "openvino"]


def check_backend(backend: str, device: str = "cpu") -> None:
    """Refuse a backend that cannot run here.

    Args:
        backend: ``torch`` or ``openvino``.
        device: where the encoder shall run, as torch names it.

    Raises:
        UserError: it is another one, is not installed, or is no backend of that device.
    """
    check_choice("backend", backend, ["torch", "openvino"])
    if backend == "openvino" and device != "cpu":
        raise UserError(f"backend=openvino: it computes on a CPU, and device is {device}. Set torch, or device to cpu.")
    if backend == "openvino" and importlib.util.find_spec("openvino") is None:
        raise UserError(
            "backend=openvino: OpenVINO is not installed here. Set torch, or install it:\n"
            "  pip install 'augsbert[openvino]'"
        )
