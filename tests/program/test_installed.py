"""The installed command, from an empty folder: the wheel carries the configs and the sample."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel in a folder that stands for site-packages."""
    folder = tmp_path_factory.mktemp("installed")
    # Without isolation pip fetches nothing to build with: hatchling is in the extra dev.
    how = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    build = [sys.executable, "-m", "pip", "wheel", *how, str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def _augsbert(installed: Path, here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import augsbert.cli, sys; sys.argv[0] = 'augsbert'; print(augsbert.cli.__file__); augsbert.cli.main()"
    environment = {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=120)


def test_the_wheel_carries_every_config(installed: Path) -> None:
    carried = {path.relative_to(installed / "augsbert" / "conf") for path in installed.rglob("conf/**/*.yaml")}
    assert carried == {path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*.yaml")}


def test_the_wheel_makes_the_command(installed: Path) -> None:
    (described,) = installed.glob("*.dist-info/entry_points.txt")
    entry_points = configparser.ConfigParser()
    entry_points.read(described)
    assert dict(entry_points["console_scripts"]) == {"augsbert": "augsbert.cli:main"}


def test_the_installed_command_plans_the_main_job_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    said = _augsbert(installed, tmp_path, "plan=true", "logger=none")
    assert said.returncode == 0, said.stderr
    assert str(installed) in said.stdout
    assert "cross_encoder" in said.stdout
