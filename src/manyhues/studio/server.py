"""Serve the studio: one process, which finishes what runs before it ends."""

import contextlib
import ipaddress
import re
import signal
import socket
import sys
from types import FrameType

import uvicorn

from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.studio.app import create_app

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,200}")
_GRACE = 60  # seconds for running work after SIGTERM


def serve(host: str, port: int, token: str | None) -> None:
    """Run until SIGTERM or Ctrl-C.

    Raises `UsageError` when the address cannot be had, `WeightsError` where there are no weights.
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise UsageError("--token: expected 8 or more of A-Z, a-z, 0-9 and -._~")
    Colorizer.load()  # a fault of the weights ends it here: in uvicorn it would be a traceback
    listener = _bind(host, port)
    app = create_app(token=token, hosts=[host])
    config = uvicorn.Config(
        app,
        http="h11",  # bounds the size of headers
        log_level="warning",
        access_log=False,  # addresses would hold the token and ids
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    _greet(host, listener.getsockname()[1], token)
    # uvicorn raises the signal that stopped it once more when it is done: then all is well.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    uvicorn.Server(config).run(sockets=[listener])


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


def _greet(host: str, port: int, token: str | None) -> None:
    shown = f"[{host}]" if ":" in host else host
    query = "" if token is None else "/?token=..."
    print(f"manyhues: studio at http://{shown}:{port}{query} (Ctrl-C stops it)", file=sys.stderr)
    if not _is_local(host) and token is None:
        print(
            f"manyhues: warning: anyone who reaches {host} can use this studio and see its "
            "pictures; set --token, and put TLS in front of it",
            file=sys.stderr,
        )
