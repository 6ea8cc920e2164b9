"""Whether Weights & Biases can be reached: asked before it is, because it would wait, retry or prompt."""

from __future__ import annotations

import netrc
import os
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

_CLOUD = (".wandb.ai", ".coreweave.com")
_CLOUD_KEY = "api.wandb.ai"


def why_offline(settings: Any, timeout: float) -> str | None:
    """Why a run cannot be online, in a few words, or None if it can.

    Args:
        settings: of wandb (``wandb.setup().settings``): ``api_key``, ``base_url`` and perhaps ``identity_token_file``.
        timeout: seconds to wait for the server.
    """
    if not _has_key(settings):
        return "no API key"
    return None if reachable(settings.base_url, timeout) else f"no answer from {settings.base_url} in {timeout:g} s"


def reachable(url: str, timeout: float) -> bool:
    """Whether a server answers at ``url``, with whatever status, within ``timeout`` seconds.

    Proxies are used as the environment names them. In a thread, as looking up a name has no time limit of its own.
    """
    answered: list[bool] = []

    def ask() -> None:
        try:
            urlopen(url, timeout=timeout).close()
        except HTTPError:
            pass
        except (OSError, HTTPException, ValueError) as error:
            # A certificate that Python does not trust is an answer: wandb has a list of its own.
            if not isinstance(getattr(error, "reason", None), SSLError):
                return
        answered.append(True)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    return bool(answered)


def _has_key(settings: Any) -> bool:
    given = settings.api_key or getattr(settings, "identity_token_file", None)
    return bool(given) or any(_netrc_has(host) for host in _hosts(settings.base_url))


def _hosts(base_url: str) -> list[str]:
    """Where ``wandb login`` may have noted the key: the cloud has had several addresses, with one key."""
    address = urlsplit(base_url)
    return [address.netloc, *([_CLOUD_KEY] if (address.hostname or "").endswith(_CLOUD) else [])]


def _netrc_has(host: str) -> bool:
    given = os.environ.get("NETRC")
    paths = [Path(given).expanduser()] if given else [Path.home() / ".netrc", Path.home() / "_netrc"]
    try:
        path = next(path for path in paths if path.is_file())
        found = netrc.netrc(path).authenticators(host)
    except (StopIteration, netrc.NetrcParseError, OSError):
        return False
    return bool(found and found[2])
