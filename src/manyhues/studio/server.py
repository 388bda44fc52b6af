"""Serve the studio: one process, which finishes what runs before it ends."""

import asyncio
import contextlib
import ipaddress
import re
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.language import say
from manyhues.studio import place
from manyhues.studio.app import create_app
from manyhues.studio.limits import Limits

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,200}")
_NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_CONNECTIONS = 256
_GRACE = 60  # seconds for running work after SIGTERM


def serve(
    host: str,
    port: int,
    token: str | None,
    *,
    folder: Path | None = None,
    outer: str | None = None,
    limits: Limits | None = None,
) -> None:
    """Run until SIGTERM or Ctrl-C.

    Raises `UsageError` when the address or the folder cannot be had, `WeightsError` where there
    are no weights.
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise UsageError("--token: expected 8 or more of A-Z, a-z, 0-9 and -._~")
    if outer is not None and not _NAME.fullmatch(outer):
        raise UsageError(f"--outer-host {outer}: expected a name alone, such as studio.example.org")
    Colorizer.load()  # a fault of the weights ends it here: in uvicorn it would be a traceback
    if folder is not None:
        with place.kept(folder):  # a fault of the folder as well
            pass
    listener = _bind(host, port)
    local = _is_local(host) and outer is None
    app = create_app(
        token=token,
        hosts=[host],
        folder=folder,
        listed=local or token is not None,
        outer=outer,
        limits=limits,
    )
    _greet(host, listener.getsockname()[1], token, folder)
    # uvicorn raises the signal that stopped it once more when it is done: then all is well.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    uvicorn.Server(configured(app)).run(sockets=[listener])


def configured(app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        http=Protocol,
        log_level="warning",
        access_log=False,  # addresses would hold the token and ids
        server_header=False,
        proxy_headers=False,  # whoever can connect could write them
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
    )


class Protocol(H11Protocol):
    """HTTP/1.1 that bounds the size of headers, and the time that they may take."""

    patience = 20.0  # seconds from a connection, or from a request's first byte, to its last header
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Stop waiting where a request's headers are whole."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.patience, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with contextlib.ExitStack() as failing:
            listener = failing.enter_context(socket.socket(family, kind, protocol))
            if sys.platform != "win32":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            failing.pop_all()
    except OSError as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot be had ({error.strerror}); choose another"
        ) from error
    return listener


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _greet(host: str, port: int, token: str | None, folder: Path | None = None) -> None:
    shown = f"[{host}]" if ":" in host else host
    query = "" if token is None else "/?token=..."
    say(f"studio at http://{shown}:{port}{query} (Ctrl-C stops it)")
    if folder is not None:
        say(f"pictures and results are kept in {folder}")
    if not _is_local(host) and token is None:
        say(
            f"warning: anyone who reaches {host} can use this studio and see its pictures; "
            "set --token, and put TLS in front of it"
        )
