"""What a processor is called in records: those of one name that multiply differently are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from augsbert import hardware
from augsbert.store import Stage, Store


def _cpuinfo(flags: str, name: str = "model name\t: AMD EPYC", kind: str = "flags") -> str:
    core = f"processor\t: 0\n{name}\n{kind}\t\t: fpu {flags} ht\n\n"
    return 2 * core


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("avx avx2", "avx2"),
        ("avx avx2 avx512f avx512_vnni avx512_bf16", "avx512_bf16"),
        ("avx avx2 avx512f avx512_vnni avx512_bf16 amx_bf16", "amx_bf16"),
        ("avx avx2 avx512f avx512_vnni", "avx512_vnni"),
        ("avx avx2 avx512f", "avx512"),
    ],
)
def test_processors_of_one_name_are_told_apart_by_what_they_multiply_with(
    flags: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_cpuinfo", lambda: _cpuinfo(flags))
    # What older records have comes first, so that they read alike.
    assert hardware.describe() == f"AMD EPYC x 2 ({named})"


def test_a_processor_that_has_no_name_is_told_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_cpuinfo", lambda: _cpuinfo("asimd", name="BogoMIPS : 50", kind="Features"))
    monkeypatch.setattr(hardware.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(hardware.os, "cpu_count", lambda: 8)
    assert hardware.describe() == "aarch64 x 8 (neon)"
    monkeypatch.setattr(hardware, "_cpuinfo", lambda: "")
    assert hardware.describe() == "aarch64 x 8"


def test_the_processor_is_beside_a_stage_and_not_in_its_key(tmp_path: Path) -> None:
    keys = set()
    for processor in ("AMD EPYC x 2", "AMD EPYC x 2 (avx512_bf16)"):
        store = Store(tmp_path, {"processor": processor})
        keys.add(Stage(store, "pool", "pool", lambda folder: None, lambda: {"sentences": "a"}, {}, 1).key)
    assert len(keys) == 1
