"""Where a run computes: the device, how many, and what they multiply fast. It never initialises CUDA."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Literal

from augsbert.errors import UserError
from augsbert.ranges import check_count

#: The variable that holds a job's share of the cores; OMP_NUM_THREADS is equal to it, unless it is the user's own.
SHARE = "AUGSBERT_JOB_THREADS"
# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
#: Flags of a processor that its figures hang on, in time or in the last digits, the most telling first; their names.
_INSTRUCTIONS = {
    **{flag: flag for flag in ("amx_bf16", "avx512_bf16", "avx512_vnni")},
    **{"avx512f": "avx512", "avx2": "avx2", "avx": "avx"},
    **{"svebf16": "sve_bf16", "bf16": "neon_bf16", "sve": "sve", "asimd": "neon", "neon": "neon"},
}


class Hardware:
    """The trainer group: only *where*, so that nothing of it counts in a key but what ``precision: auto`` becomes.

    Args:
        accelerator: as Lightning names it.
        devices: processes of a node that share each fit and each scoring, 1 or more.
        num_nodes: on which run.py was started by torchrun, 1 or more.
        strategy: of Lightning, for more than one process.

    Raises:
        UserError: fewer than one device or node.
    """

    def __init__(
        self,
        accelerator: Literal["cpu", "gpu", "mps"] = "cpu",
        devices: int = 1,
        num_nodes: int = 1,
        strategy: str = "ddp",
    ) -> None:
        check_count("trainer.devices", devices)
        check_count("trainer.num_nodes", num_nodes)
        self.accelerator, self.devices, self.num_nodes, self.strategy = accelerator, devices, num_nodes, strategy

    @property
    def world(self) -> int:
        """Processes that share each fit and each scoring."""
        return self.devices * self.num_nodes

    def lightning(self) -> dict[str, Any]:
        """Arguments for ``lightning.Trainer``."""
        strategy = self.strategy if self.world > 1 else "auto"
        where = {"accelerator": self.accelerator, "devices": self.devices, "num_nodes": self.num_nodes}
        return {**where, "strategy": strategy}

    def precision(self, wanted: str, name: str = "precision") -> str:
        """What ``auto`` becomes here: bf16-mixed where it is multiplied in hardware, else 32-true.

        Raises:
            UserError: 16-mixed on a CPU, which Lightning would compute as bf16-mixed without a word; or ``auto`` on a
                GPU that is not there.
        """
        if wanted == "16-mixed" and self.accelerator == "cpu":
            raise UserError(f"{name}=16-mixed: a CPU has none. Set auto, bf16-mixed or 32-true.")
        if wanted != "auto":
            return wanted
        if self.accelerator == "cpu":
            return "bf16-mixed" if _cpu_multiplies_bf16() else "32-true"
        return "bf16-mixed" if self.accelerator == "gpu" and _compute_capability() >= 8.0 else "32-true"

    def share(self, batch_size: int, name: str) -> int:
        """A process's share of a global batch.

        Raises:
            UserError: the batch size is no multiple of the number of processes.
        """
        if batch_size % self.world:
            below = batch_size - batch_size % self.world or self.world
            by = f"trainer.devices={self.devices}" + (f" x {self.num_nodes} nodes" if self.num_nodes > 1 else "")
            raise UserError(f"{name}={batch_size} does not divide by {by}. Set it to a multiple, such as {below}.")
        return batch_size // self.world

    @property
    def scoring_tokens(self) -> int:
        """Tokens of a scoring batch: on a CPU enough for its matrix products, on a GPU to keep it busy."""
        return 512 if self.accelerator == "cpu" else 16_384

    def threads(self) -> int | None:
        """CPU threads of each process, so that several do not fight; None leaves torch's choice to a single one."""
        share = int(os.environ.get(SHARE) or cores())
        return None if self.devices == 1 else max(1, share // self.devices)


def cores() -> int:
    """Those that this process may use; macOS does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _cpu_multiplies_bf16() -> bool:
    """AMX or AVX-512 bf16: elsewhere bf16 is emulated and slower than float32."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(_flags(_cpuinfo()))


def _cpuinfo() -> str:
    """What Linux says of the processors; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.is_file() else ""


def _flags(cpuinfo: str) -> set[str]:
    """What the first processor can do: ``flags`` of an x86, ``Features`` of an ARM."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((set(words.split()) for name, _, words in lines if name.strip() in ("flags", "Features")), set())


def require_device(name: str, device: str) -> None:
    """Refuse a device that is not here.

    Args:
        name: the setting that asks for it.
        device: as torch (``cuda:1``) or Lightning (``gpu``) names it.

    Raises:
        UserError: there is none, or it is of another kind than cpu, cuda and mps.
    """
    kind = device.partition(":")[0]
    if kind not in ("cpu", "gpu", "cuda", "mps"):
        raise UserError(f"{name}={device}: it must be cpu, cuda, cuda:NUMBER or mps.")
    if kind in ("gpu", "cuda"):
        _compute_capability(f"{name}={device}")
    if kind == "mps" and (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        raise UserError(f"{name}=mps: this is no Mac with Apple silicon. Set it to cpu.")


@cache
def _compute_capability(asked: str = "trainer.accelerator=gpu") -> float:
    """Of the first GPU; asked of the driver's tool, as asking torch would initialise CUDA in the planning process."""
    command = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError) as error:
        way = "Use trainer=cpu." if asked.startswith("trainer") else "Set it to cpu."
        raise UserError(f"{asked}: nvidia-smi finds no GPU here ({error}). {way}") from error
    return float(answer.split()[0])


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks instead of giving each large one back to the kernel.

    Every step allocates the word embeddings' gradient (47 MB for BERT's vocabulary in 384 dimensions) and frees it;
    the page faults of fresh memory took up to half of a two-layer model's step.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, -1)


def return_memory() -> None:
    """Give what a job has freed back to the kernel and the GPU: a process that only waits must not sit on it."""
    import torch

    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def describe() -> str:
    """The processor's name, how many, and the instruction set that its figures hang on, for the record beside a result.

    As in ``AMD EPYC x 2 (avx512_bf16)``; in records of before 2026-12 there is no instruction set.
    """
    cpuinfo = _cpuinfo()
    lines = [line.partition(":") for line in cpuinfo.splitlines()]
    names = [words.strip() for name, _, words in lines if name.strip() == "model name"]
    # An ARM has no name there, and macOS no such file.
    name = names[0] if names else platform.machine()
    flags = _flags(cpuinfo)
    best = next((f" ({title})" for flag, title in _INSTRUCTIONS.items() if flag in flags), "")
    return f"{name} x {len(names) or os.cpu_count() or 1}{best}"
