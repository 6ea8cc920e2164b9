"""Exact search by FAISS, and how FAISS is loaded: what the samplers share that look for neighbours by embeddings."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from types import ModuleType

import numpy as np

from augsbert.errors import UserError
from augsbert.samplers.neighbours import Search

_INSTALL = (
    "needs FAISS, which is not installed. Type one of these, never both:\n"
    "  pip install 'augsbert[cpu]'\n"
    "  pip install 'augsbert[gpu]'"
)


def require_faiss(sampler: str) -> None:
    """Refuse to go on without FAISS; it is looked for, not loaded.

    Args:
        sampler: the name of who needs it.

    Raises:
        UserError: with the lines that install it.
    """
    if importlib.util.find_spec("faiss") is None:
        raise UserError(f"sampler={sampler} {_INSTALL}")


def import_faiss() -> ModuleType:
    """FAISS, on as many threads as torch; on macOS on one, because there the OpenMP of the one crashes the other's."""
    import torch

    if sys.platform == "darwin":
        os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "TRUE")
    logging.getLogger("faiss").setLevel(logging.WARNING)  # its loader tells which processors it was not built for
    import faiss

    faiss.omp_set_num_threads(1 if sys.platform == "darwin" else torch.get_num_threads())
    return faiss


def search_flat(vectors: np.ndarray) -> Search:
    """Search unit vectors (n, d) by inner product, each of them for each query."""
    faiss = import_faiss()
    return lambda block, width: faiss.knn(block, vectors, width, metric=faiss.METRIC_INNER_PRODUCT)
