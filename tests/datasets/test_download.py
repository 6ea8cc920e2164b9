"""Downloads against a server on 127.0.0.1: whole or not at all, from whichever address has the file."""

import errno
import functools
import gzip
import hashlib
import http.server
import io
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

import pytest
from tqdm import tqdm

from augsbert.datasets import download
from augsbert.datasets.download import Download
from augsbert.datasets.quora import Quora
from augsbert.datasets.stsb import Stsb
from augsbert.errors import UserError

ROOT = Path(__file__).parents[2]
ROWS = "".join(
    f"{split}\tg\td\ty\t{i}\t{i}\t{split} {i}\tb {i}\n" for split in ("train", "dev", "test") for i in range(5)
)
STSB = gzip.compress(f"split\tgenre\tdataset\tyear\tsid\tscore\tsentence1\tsentence2\n{ROWS}".encode())


def _quora() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for split in ("train", "dev", "test"):
            rows = "".join(f"1\t2\t{split} {i}\tb\t{i % 2}\n" for i in range(4))
            archive.writestr(
                f"classification/{split}_pairs.tsv", "qid1\tqid2\tquestion1\tquestion2\tis_duplicate\n" + rows
            )
    return content.getvalue()


class Server(NamedTuple):
    """Its address and how often each path was asked for."""

    url: str
    asked: Counter[str]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serves /good/, /slow/, /busy/ after one 503, half of /cut/ and /mute/ (it tells no length), a page as /html/."""
    asked: Counter[str] = Counter()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[self.path] += 1
            _, kind, name = self.path.split("/")
            content = b"<html>" if kind == "html" else STSB if name.endswith("gz") else _quora()
            if kind == "slow":
                time.sleep(0.3)
            if kind == "absent" or (kind == "busy" and asked[self.path] == 1):
                self.send_error(404 if kind == "absent" else 503)
                return
            self.send_response(200)
            if kind != "mute":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if kind in ("cut", "mute") else content)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(download, "PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield Server(f"http://127.0.0.1:{running.server_port}", asked)
        running.shutdown()


def test_file_is_fetched_once_with_its_hash_beside_it(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wanted = Download(f"{server.url}/good/a.tsv.gz", folder=str(tmp_path))
    assert wanted.found() is None
    path = wanted.fetch()
    assert path == wanted.found() == tmp_path / "127.0.0.1" / "good" / "a.tsv.gz"
    assert path.read_bytes() == STSB
    sha256 = hashlib.sha256(STSB).hexdigest()
    assert Path(f"{path}.sha256").read_text() == f"{sha256}  a.tsv.gz\n"
    assert sha256 in caplog.text
    wanted.fetch()
    assert server.asked.total() == 1


def test_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    assert Download(f"{server.url}/busy/a.tsv.gz", folder=str(tmp_path)).fetch().read_bytes() == STSB
    assert server.asked["/busy/a.tsv.gz"] == 2


@pytest.mark.parametrize("kind", ["cut", "mute", "html", "absent"])
@pytest.mark.parametrize("name", ["a.tsv.gz", "a.zip"])
def test_mirror_is_used_where_the_address_fails(server: Server, tmp_path: Path, kind: str, name: str) -> None:
    wanted = Download(f"{server.url}/{kind}/{name}", [f"{server.url}/good/{name}"], folder=str(tmp_path))
    content = wanted.fetch().read_bytes()
    assert gzip.decompress(content) if name.endswith("gz") else zipfile.ZipFile(io.BytesIO(content)).testzip() is None


@pytest.mark.parametrize("kind", ["cut", "mute", "html"])
def test_what_is_not_whole_never_gets_the_name(server: Server, tmp_path: Path, kind: str) -> None:
    wanted = Download(f"{server.url}/{kind}/a.tsv.gz", folder=str(tmp_path))
    with pytest.raises(UserError):
        wanted.fetch()
    assert wanted.found() is None
    assert not wanted.target.exists()


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address whose port is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_failure_names_each_address_what_it_said_and_the_way_out(server: Server, refusing: str, tmp_path: Path) -> None:
    addresses = [f"{place}/a.tsv.gz" for place in (f"{server.url}/absent", f"{server.url}/cut", refusing)]
    refused = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"
    with pytest.raises(UserError) as raised:
        Download(addresses[0], addresses[1:], folder=str(tmp_path)).fetch()
    assert str(raised.value) == (
        "a.tsv.gz could not be fetched:\n"
        f"  {addresses[0]}: HTTP 404 Not Found (1 attempt)\n"
        f"  {addresses[1]}: the connection ended after {len(STSB) // 2} of {len(STSB)} bytes (3 attempts)\n"
        f"  {addresses[2]}: {refused} (3 attempts)\n"
        "Get it where there is a network and set dataset.path=FILE, or add an address to dataset.mirrors."
    )


def test_wrong_hash_is_refused_and_right_hash_accepted(server: Server, tmp_path: Path) -> None:
    url, sha256 = f"{server.url}/good/a.tsv.gz", hashlib.sha256(STSB).hexdigest()
    with pytest.raises(UserError, match=f"its sha256 is {sha256}, not {'0' * 64}"):
        Download(url, sha256="0" * 64, folder=str(tmp_path)).fetch()
    assert not list(tmp_path.rglob("a.tsv.gz"))
    assert Download(url, sha256=sha256.upper(), folder=str(tmp_path)).fetch()


def test_kept_file_with_another_hash_is_fetched_again(server: Server, tmp_path: Path) -> None:
    wanted = Download(f"{server.url}/good/a.tsv.gz", sha256=hashlib.sha256(STSB).hexdigest(), folder=str(tmp_path))
    wanted.fetch().write_bytes(b"changed")
    assert wanted.found() is None
    assert wanted.fetch().read_bytes() == STSB


def test_left_over_of_a_killed_download_does_not_count(server: Server, tmp_path: Path) -> None:
    wanted = Download(f"{server.url}/good/a.tsv.gz", folder=str(tmp_path))
    wanted.target.parent.mkdir(parents=True)
    for ending in (".part.tsv.gz", ".sha256", ".lock"):
        Path(f"{wanted.target}{ending}").write_bytes(STSB[:99])
    assert wanted.found() is None
    assert wanted.fetch().read_bytes() == STSB


#: Fetches once it is told to, so that several begin together.
FETCH = """
import sys
from augsbert.datasets.download import Download
print("ready", flush=True)
sys.stdin.read()
Download(sys.argv[1], folder=sys.argv[2]).fetch()
"""


def test_processes_at_once_fetch_the_file_once(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FETCH, f"{server.url}/slow/a.tsv.gz", str(tmp_path)]
    with ExitStack() as ends:
        processes = [subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE) for _ in range(4)]
        for process in processes:
            ends.enter_context(process)
            ends.callback(process.kill)
        assert [process.stdout and process.stdout.readline() for process in processes] == [b"ready\n"] * 4
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        assert [process.wait(60) for process in processes] == [0] * 4
    assert server.asked.total() == 1


def test_same_name_at_two_addresses_is_two_files(tmp_path: Path) -> None:
    targets = {
        Download(url, folder=str(tmp_path)).target for url in ("http://h/a/x.gz", "http://h/b/x.gz", "http://i/a/x.gz")
    }
    assert len(targets) == 3


def test_address_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    for url in ("http://h/../../x.gz", "http://h/%2e%2e/%2e%2e/x.gz", "http://h//etc/x.gz", "http://../x/y.gz"):
        assert tmp_path in Download(url, folder=str(tmp_path)).target.resolve().parents


def test_folder_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written to .*Set dataset\.download_dir=FOLDER"):
        Download("http://127.0.0.1:9/a.gz", folder=str(tmp_path / "file")).fetch()


def test_log_file_has_no_progress_bar(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Download(f"{server.url}/good/a.tsv.gz", folder=str(tmp_path)).fetch()
    assert capfd.readouterr() == ("", "")


def test_a_terminal_sees_the_file_and_its_size(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(download, "tqdm", functools.partial(tqdm, file=screen))
    Download(f"{server.url}/good/a.tsv.gz", folder=str(tmp_path)).fetch()
    first, *_, last = screen.getvalue().strip().split("\r")
    assert first.startswith("a.tsv.gz:   0%")
    assert last.startswith("a.tsv.gz: 100%")
    assert f" {len(STSB)}/{len(STSB)} [" in last


def test_stsb_is_fetched_then_found(server: Server, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(STSB).hexdigest()
    part = Stsb(url=f"{server.url}/good/a.tsv.gz", sha256=sha256, download_dir=str(tmp_path))
    assert part.files() is None
    assert len(part().train) == 5
    [path] = part.files() or []
    assert path.is_relative_to(tmp_path)


def test_fetched_stsb_of_unknown_hash_must_have_the_rows_of_the_benchmark(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not the STS benchmark: 5 train, 5 dev, 5 test rows instead of 5749 train"):
        Stsb(url=f"{server.url}/good/a.tsv.gz", download_dir=str(tmp_path))()


def test_stsb_that_was_fetched_by_its_hash_is_checked_when_none_is_asked_for(server: Server, tmp_path: Path) -> None:
    sha256, place = (
        hashlib.sha256(STSB).hexdigest(),
        {"url": f"{server.url}/good/a.tsv.gz", "download_dir": str(tmp_path)},
    )
    assert len(Stsb(sha256=sha256, **place)().train) == 5
    with pytest.raises(UserError, match=f"^{tmp_path}.*not the STS benchmark"):
        Stsb(**place)()


def test_quora_is_fetched_then_found(server: Server, tmp_path: Path) -> None:
    part = Quora(url=f"{server.url}/good/a.zip", download_dir=str(tmp_path))
    assert part.files() is None
    assert len(part().train) == 4
    assert len(part.files() or []) == 1


def test_a_mirror_stands_in_for_an_address_that_serves_something_else(server: Server, tmp_path: Path) -> None:
    wrong, right = f"{server.url}/good/a.tsv.gz", f"{server.url}/busy/a.tsv.gz"
    checked: list[bytes] = []

    def only_the_second(path: Path) -> None:
        checked.append(path.read_bytes())
        if len(checked) == 1:
            raise UserError("not what is wanted")

    path = Download(wrong, [right], folder=str(tmp_path)).fetch(only_the_second)
    assert path.read_bytes() == STSB
    assert (server.asked["/good/a.tsv.gz"], len(checked)) == (1, 2)


def test_a_fetched_file_that_is_not_the_data_set_is_not_kept(server: Server, tmp_path: Path) -> None:
    for part in (Stsb, Quora):
        wanted = part(url=f"{server.url}/good/a.tsv.gz", download_dir=str(tmp_path))
        with pytest.raises(UserError, match="could not be fetched"):
            wanted()
        assert wanted.files() is None
