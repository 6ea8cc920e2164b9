"""W&B, for real as far as a machine without a key can: offline. Online is a stub that records what it is asked."""

import json
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import pytest
import wandb

from augsbert.errors import UserError
from augsbert.reporting import wandb_access, wandb_logger
from augsbert.reporting.__main__ import main
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.no_logger import NoRun
from augsbert.reporting.wandb_logger import Wandb
from augsbert.reporting.wandb_summary import log_summary
from augsbert.run_files import sweep_name

KEY = "f" * 64
GOLD = pd.DataFrame({"score": np.linspace(0, 1, 11)})
METRICS = {"baseline/test/spearman": 0.7, "bi_encoder/test/spearman": float("nan"), "silver/pairs": 3.0}
WANDB_KEY = "0123456789" * 4


class StubRun:
    """A live run that keeps what it is told."""

    url = "https://wandb.test/run"

    def __init__(self, folder: Path) -> None:
        self.dir = str(folder / "wandb/run-1/files")
        self.logged: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.defined: list[str] = []

    def define_metric(self, name: str, **_: Any) -> None:
        self.defined.append(name)

    def log(self, values: dict[str, Any]) -> None:
        self.logged |= values

    def finish(self, exit_code: int) -> None:
        self.exit_code = exit_code


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """No key, no mode, no settings but a test's own, a home and a working folder that are empty."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.chdir(tmp_path / "home")
    wandb.teardown()
    yield tmp_path
    wandb.teardown()


@pytest.fixture
def inits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Replace ``wandb.init`` by a stub; the list fills with its arguments and the run that it gave."""
    calls: list[dict[str, Any]] = []

    def init(**arguments: Any) -> StubRun:
        calls.append({**arguments, "run": StubRun(tmp_path)})
        return calls[-1]["run"]

    monkeypatch.setattr(wandb, "init", init)
    return calls


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key and a server."""
    monkeypatch.setattr(wandb_logger, "why_offline", lambda settings, timeout: None)


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that answers 401, and under ``/slow`` only when the test is over."""
    over = Event()

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/slow":
                over.wait(60)
            with suppress(BrokenPipeError):
                self.send_error(401)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address whose port is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_without_a_key_a_run_is_written_offline_in_its_folder_with_one_line_that_says_how_to_sync(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    modes, init = [], wandb.init

    def noted(**job: Any) -> Any:
        modes.append(job["mode"])
        return init(**job)

    monkeypatch.setattr(wandb, "init", noted)
    # The server is not even asked for: that, a retry over the network or a login prompt would take its time.
    monkeypatch.setattr(wandb_access, "reachable", lambda url, timeout: pytest.fail(f"{url} was asked"))
    with caplog.at_level(logging.INFO), Wandb().run({"seed": 0}, {"silver": KEY}, tmp_path / "run", "sweep") as run:
        run.curve("baseline", [{"step": 1, "epoch": 0.5, "loss": 1.0}, {"step": 2, "epoch": 1.0, "loss": 0.5}])
        run.silver(GOLD * 0.5, GOLD)
        run.metrics(METRICS)
    assert modes == ["offline"]
    (file,) = (tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb")
    (line,) = (record.message for record in caplog.records if record.name.startswith("augsbert"))
    assert line == (
        "W&B is offline (no API key). To upload the run: `wandb login`, then `wandb sync " + str(file.parent) + "`"
    )
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "home/wandb").exists()
    wandb.teardown()  # as at the end of the process: the last records are on the disk then
    assert all(text in file.read_bytes() for text in (b"stage_keys", KEY.encode(), b"bi_encoder/test/spearman"))


def test_a_run_written_offline_holds_the_table(tmp_path: Path) -> None:
    with Wandb().run({}, {}, tmp_path) as run:
        run.metrics(METRICS)
    (file,) = tmp_path.glob("wandb/offline-run-*/files/media/table/*.table.json")
    table = json.loads(file.read_text())
    assert table["columns"] == ["encoder", "dev/spearman", "test/spearman"]
    assert [row[0] for row in table["data"]] == ["baseline (gold alone)", "AugSBERT"]


def test_nothing_of_code_git_or_console_is_kept(tmp_path: Path) -> None:
    with Wandb().run({}, {}, tmp_path):
        print("on the console")
    names = {file.name for file in tmp_path.glob("wandb/offline-run-*/files/**/*")}
    assert not names & {"output.log", "diff.patch", "code"}


def test_runs_of_one_process_have_ids_of_their_own_and_a_live_run_is_left_alone(tmp_path: Path) -> None:
    other = wandb.init(mode="offline", dir=str(tmp_path), settings=wandb.Settings(silent=True, console="off"))
    try:
        for name in ("one", "two"):
            with Wandb().run({}, {"silver": KEY}, tmp_path / name, "sweep") as run:
                run.metrics(METRICS)
        records = [next((tmp_path / name).glob("wandb/offline-run-*/run-*.wandb")).name for name in ("one", "two")]
        assert len({*records, f"run-{other.id}.wandb"}) == 3
        assert wandb.run is other
    finally:
        other.finish()


def test_without_a_key_wandb_is_never_asked_to_go_online(
    tmp_path: Path, inits: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    with Wandb().run({}, {}, tmp_path):
        pass
    assert [call["mode"] for call in inits] == ["offline"]


def test_without_a_network_a_run_goes_offline(
    tmp_path: Path,
    inits: list[dict[str, Any]],
    refusing: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", WANDB_KEY)
    monkeypatch.setenv("WANDB_BASE_URL", refusing)
    with Wandb().run({}, {}, tmp_path):
        pass
    assert [call["mode"] for call in inits] == ["offline"]
    assert f"offline (no answer from {refusing} in 3 s)" in caplog.text


def test_a_key_that_the_server_refuses_leads_offline_for_real(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", WANDB_KEY)
    monkeypatch.setenv("WANDB_BASE_URL", server)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    with Wandb(settings={"init_timeout": 3}).run({}, {}, tmp_path) as run:
        run.metrics(METRICS)
    assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    assert caplog.text.count("W&B is offline") == 1


def test_a_run_that_cannot_be_gone_on_with_online_is_written_offline_under_another_id(
    tmp_path: Path, inits: list[dict[str, Any]], online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = wandb.init

    def init(**job: Any) -> Any:
        run = stub(**job)
        if job["mode"] == "online":
            raise wandb.errors.CommError("that run was deleted")
        return run

    monkeypatch.setattr(wandb, "init", init)
    with Wandb().run({}, {}, tmp_path, resumed="abc") as run:
        run.metrics(METRICS)
    refused, kept = inits
    assert (refused["id"], refused["mode"], kept["mode"]) == ("abc", "online", "offline")
    assert kept["id"] != "abc"
    assert "resume" not in kept
    assert kept["run"].logged["silver/pairs"] == 3


def test_a_malformed_key_leads_offline(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "short")
    monkeypatch.setenv("WANDB_BASE_URL", server)
    with Wandb().run({}, {}, tmp_path):
        pass
    assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))
    assert "W&B is offline" in caplog.text


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_the_mode_of_the_environment_is_respected(
    mode: str, tmp_path: Path, inits: list[dict[str, Any]], online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    with Wandb().run({}, {}, tmp_path):
        pass
    assert [call["mode"] for call in inits] == [mode]


def test_a_disabled_run_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with Wandb().run({}, {}, tmp_path) as run:
        run.curve("baseline", [{"step": 1, "loss": 1.0}])
        run.silver(GOLD, GOLD)
        run.metrics(METRICS)
    assert not list(tmp_path.glob("wandb/*"))


def test_sweeps_of_two_days_or_folders_have_names_of_their_own() -> None:
    names = [sweep_name(Path(folder)) for folder in ("multirun/2026-11-27/12-36-29", "out/a/grid", "out/b/grid")]
    assert names == ["2026-11-27/12-36-29", "a/grid", "b/grid"]


def test_a_run_carries_config_keys_group_and_tags(tmp_path: Path, inits: list[dict[str, Any]], online: None) -> None:
    keys = {"silver": KEY, "a" * 70: KEY}
    logger = Wandb(project="mine", entity="us", name="first", tags=["paper"])
    with logger.run({"seed": 3}, keys, tmp_path, "sweep"):
        pass
    (call,) = inits
    assert call["config"] == {"seed": 3, "stage_keys": keys}
    assert call["tags"] == ["paper", "silver:ffffffffffff", "a" * 64]
    assert (call["mode"], call["project"], call["entity"], call["name"]) == ("online", "mine", "us", "first")
    assert (call["group"], call["dir"]) == ("sweep", str(tmp_path))


def test_a_run_logs_curves_over_their_own_steps_the_histograms_and_the_table(
    tmp_path: Path, inits: list[dict[str, Any]], online: None
) -> None:
    with Wandb().run({}, {}, tmp_path) as run:
        run.curve("baseline", [{"step": 4, "loss": 0.5}])
        run.silver(GOLD * 0.5, GOLD)
        run.metrics(METRICS)
    stub = inits[0]["run"]
    assert stub.defined == ["curve/baseline/step", "curve/baseline/*"]
    assert stub.logged["curve/baseline/loss"] == 0.5
    assert stub.logged["silver/pairs"] == 3
    assert sum(stub.logged["silver/scores"].histogram) == len(GOLD)
    assert "silver/kl" in stub.logged
    assert stub.logged["table"].columns == ["encoder", "dev/spearman", "test/spearman"]


class Compared(NamedTuple):
    """As much of a comparison as a summary reads."""

    metric: str = "spearman"
    keys: Sequence[str] = ("sampler",)

    def figures(self) -> pd.DataFrame:
        return pd.DataFrame({"encoder": ["baseline"], "seed": [0], "test": [0.7]})


def test_a_sweeps_summary_is_one_run_in_the_group_of_its_jobs_however_often_it_is_logged(
    tmp_path: Path, inits: list[dict[str, Any]], online: None
) -> None:
    (tmp_path / "report.html").write_text("<p>a table")
    comparison = cast("Comparison", Compared())
    grid, other = (tmp_path / "sweeps" / name for name in ("grid", "other"))
    for folder in (grid, other):
        folder.mkdir(parents=True)
    for folders in ([grid], [grid], [other], [grid, other]):
        log_summary("mine", comparison, tmp_path / "report.html", folders)
    first, again, *others = inits
    assert first["id"] == again["id"]
    assert len({call["id"] for call in (first, *others)}) == 3
    assert (first["resume"], first["project"]) == ("allow", "mine")
    assert (first["group"], first["name"]) == (sweep_name(Path("sweeps/grid")), "sweeps/grid: summary")
    assert first["run"].logged["figures"].columns == ["encoder", "seed", "test"]
    assert "a table" in first["run"].logged["report"].html
    assert first["run"].exit_code == 0


def test_the_report_logs_its_table_and_its_page(
    grid: Path, inits: list[dict[str, Any]], online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augsbert.reporting.page.PLOTS", {})
    main([str(grid), "--wandb", "mine"])
    (call,) = inits
    assert (call["project"], call["group"], call["dir"]) == ("mine", sweep_name(grid), str(grid))
    assert (call["config"]["metric"], call["config"]["settings"]) == ("spearman", ["gold_size", "sampler"])
    figures, html = call["run"].logged["figures"], call["run"].logged["report"].html
    assert figures.columns == ["encoder", "gold_size", "sampler", "seed", "metric", "dev", "test", "seconds", "run"]
    assert len(figures.data) == 18
    assert "AugSBERT, sampler=bm25" in html
    assert (grid / "report.html").exists()


def test_a_summary_without_a_page_is_refused(grid: Path, inits: list[dict[str, Any]]) -> None:
    with pytest.raises(SystemExit, match=r"^error: --wandb logs report\.html: leave out --no-html\.$"):
        main([str(grid), "--wandb", "mine", "--no-html"])
    assert inits == []


def test_a_run_that_ends_well_is_marked_so(tmp_path: Path, inits: list[dict[str, Any]], online: None) -> None:
    with Wandb().run({}, {}, tmp_path):
        pass
    assert inits[0]["run"].exit_code == 0


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_run_that_fails_is_finished_marked_failed_and_the_error_passes(
    error: type[BaseException], tmp_path: Path, inits: list[dict[str, Any]], online: None
) -> None:
    with pytest.raises(error), Wandb().run({}, {}, tmp_path):
        raise error
    assert inits[0]["run"].exit_code == 1


def test_ctrl_c_does_not_wait_for_an_upload(
    tmp_path: Path,
    inits: list[dict[str, Any]],
    online: None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line, uploaded = Event(), Event()

    def upload(run: StubRun, exit_code: int) -> None:
        line.wait(30)  # until this test lets it end; longer than anyone should wait
        uploaded.set()

    monkeypatch.setattr(StubRun, "finish", upload)
    monkeypatch.setattr(wandb_logger, "_SECONDS_AFTER_CTRL_C", 0.05)
    with pytest.raises(KeyboardInterrupt), Wandb().run({}, {}, tmp_path):
        raise KeyboardInterrupt
    assert not uploaded.is_set()
    line.set()
    assert "not uploaded within 0.05 s" in caplog.text
    assert "wandb sync" in caplog.text


def test_what_wandb_cannot_take_is_a_warning_and_the_run_goes_on(
    tmp_path: Path, inits: list[dict[str, Any]], online: None, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("the line is cut\nlong traceback")

    with Wandb().run({}, {}, tmp_path) as run:
        inits[0]["run"].log = inits[0]["run"].finish = fail
        run.metrics(METRICS)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    files = tmp_path / "wandb/run-1"
    assert warnings == [
        "W&B could not take the metrics: the line is cut",
        f"W&B could not take all of the run (`wandb sync {files}` uploads the rest): the line is cut",
    ]


def test_a_wandb_that_cannot_start_at_all_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(wandb, "init", fail)
    with Wandb().run({}, {}, tmp_path) as run:
        assert isinstance(run, NoRun)
        run.metrics(METRICS)
    assert "W&B could not take the run: no space left" in caplog.text


def test_a_server_is_reachable_whatever_it_answers_and_not_if_it_is_too_slow(server: str, refusing: str) -> None:
    assert wandb_access.reachable(server, timeout=30)
    assert not wandb_access.reachable(server + "/slow", timeout=0.2)
    assert not wandb_access.reachable(refusing, timeout=2)
    assert not wandb_access.reachable("not a url", timeout=2)


@pytest.mark.parametrize(
    ("base_url", "machine", "known"),
    [
        ("https://api.wandb.ai", "api.wandb.ai", True),
        ("https://api.forge.coreweave.com", "api.wandb.ai", True),
        ("https://wandb.mine.org:8080", "wandb.mine.org:8080", True),
        ("https://wandb.mine.org", "api.wandb.ai", False),
        ("https://api.wandb.ai", "github.com", False),
    ],
)
def test_a_key_in_netrc_counts_for_its_own_server(base_url: str, machine: str, known: bool, tmp_path: Path) -> None:
    (tmp_path / "home/.netrc").write_text(f"machine {machine}\n  login user\n  password {WANDB_KEY}\n")
    (tmp_path / "home/.netrc").chmod(0o600)
    settings = SimpleNamespace(api_key=None, base_url=base_url)
    assert (wandb_access.why_offline(settings, timeout=0.01) == "no API key") is not known


def test_a_broken_netrc_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "home/.netrc").write_text("machine\n")
    assert wandb_access.why_offline(SimpleNamespace(api_key=None, base_url="https://api.wandb.ai"), 1) == "no API key"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"project": ""}, "logger.project=''"),
        ({"project": "a/b"}, "logger.project='a/b'"),
        ({"timeout": 0}, "logger.timeout=0"),
        ({"tags": ["ok", ""]}, "logger.tags: '' has 0 characters"),
        ({"tags": ["a" * 65]}, "has 65 characters"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Wandb(**arguments)


def test_a_setting_that_wandb_does_not_have_stops_the_run_at_its_start(tmp_path: Path) -> None:
    logger = Wandb(settings={"consol": "off"})
    with pytest.raises(UserError, match=r"logger.settings=.'consol'"), logger.run({}, {}, tmp_path):
        pytest.fail("the run has begun")
