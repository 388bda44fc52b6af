"""What every request has to pass before it reaches a route: pure ASGI, nothing is buffered.

A page elsewhere on the web can send requests to a server on this machine: by its address, or
under a name of its own that it points here (DNS rebinding). So the Host header has to be this
machine's, and a request that changes something has to come from the page itself.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response

from manyhues.studio.files import WRONG, Files

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "manyhues_token"  # and the port: cookies are for all ports of a host
_BODY = 30.0  # seconds that a body has ..
_RATE = 20_000  # .. and a second more for each so many bytes that have come
_OPEN = {"base.css", "token.css", "icon.svg", "theme.js"}  # what the page for the token needs
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Host, origin, token and size of every request; security headers on every response."""

    def __init__(
        self,
        app: App,
        *,
        hosts: Iterable[str],
        token: str | None,
        upload_bytes: int,
        files: Files,
        outer: str | None = None,
    ) -> None:
        self._app, self._token, self._upload_bytes = app, token, upload_bytes
        self._files, self._outer = files, (outer or "").lower()
        self._hosts = {"localhost", *(host.lower() for host in hosts), self._outer} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if "cache-control" not in headers:
                    example = scope["path"].startswith("/examples/")
                    headers["Cache-Control"] = "no-cache" if example else "no-store"
            await send(message)

        refusal = self._refuse(scope, Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, self._bounded(receive), guarded)

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return fault(
                421, "host", "this studio does not answer to that name; see --host, --outer-host"
            )
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            # A browser's own word goes first: behind a proxy Origin and Host may differ.
            site = headers.get("sec-fetch-site")
            if site in ("cross-site", "same-site") or (
                site != "same-origin" and self._is_foreign(headers.get("origin"), host)
            ):
                return fault(403, "origin", "requests from other pages are refused")
        if self._token is not None and scope["path"] != "/healthz":
            refusal = self._check_token(scope, headers)
            if refusal is not None:
                return refusal
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 20):
            return fault(400, "length", "the Content-Length is not a number")
        if int(length) > self._upload_bytes:
            return fault(413, "size", self._too_much())
        return None

    def _is_ours(self, host: str) -> bool:
        """Addresses are harmless (only names can be rebound), names have to be known."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_foreign(self, origin: str | None, host: str) -> bool:
        if origin is None:
            return False
        try:
            parts = urlsplit(origin)
            ours = bool(self._outer) and parts.hostname == self._outer
        except ValueError:  # "http://["
            return True
        return not ours and parts.netloc.lower() != host.lower()

    def _check_token(self, scope: Scope, headers: Headers) -> Response | None:
        path = scope["path"]
        if path.startswith("/static/") and path.rpartition("/")[2] in _OPEN:
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.get("token", [""])[0]
        cookie = f"{COOKIE}_{(scope.get('server') or ('', 0))[1]}"
        if path == "/" and self._fits(given):
            page = RedirectResponse("/", 303)
            page.set_cookie(
                cookie,
                given,
                httponly=True,
                samesite="lax",  # strict would not be sent after a click in a mail
                secure=headers.get("x-forwarded-proto") == "https",
                max_age=30 * 86400,
            )
            return page
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._fits(bearer.strip()):
            return None
        if any(self._fits(value) for value in _cookies(headers, cookie)):
            return None
        if scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", ""):
            name = WRONG if given and not self._fits(given) else "token.html"
            response = self._files.answer(Request(scope), name, "no-store", 401)
            policy = HEADERS["Content-Security-Policy"]
            response.headers["Content-Security-Policy"] = policy.replace(
                "form-action 'none'", "form-action 'self'"
            )
            return response
        message = "a token is needed: open /?token=..., or send it as Authorization: Bearer ..."
        response = fault(401, "token", message)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _fits(self, given: str) -> bool:
        # Digests, because a comparison of texts tells the length by its time.
        digests = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (
            given, self._token or "",
        )]  # fmt: skip
        return hmac.compare_digest(*digests)

    def _too_much(self) -> str:
        return f"more than {self._upload_bytes >> 20} MB are not taken; make the picture smaller"

    def _bounded(self, receive: Receive) -> Receive:
        """Count what really comes, and how fast: a chunked body announces no length."""
        seen, since, whole = 0, time.monotonic(), False

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:  # what may still come is that the client leaves
                return await receive()
            left = since + _BODY + seen / _RATE - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, left))
            except TimeoutError:
                raise HTTPException(
                    408, "the body came too slowly", {"Connection": "close"}
                ) from None
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if seen > self._upload_bytes:
                    raise HTTPException(413, self._too_much())
            return message

        return counted


def _cookies(headers: Headers, name: str) -> list[str]:
    """The values of a cookie; pair by pair, because one that is malformed must not hide others."""
    pairs = [pair.partition("=") for pair in headers.get("cookie", "").split(";")]
    return [value.strip().strip('"') for key, _, value in pairs if key.strip() == name]


def fault(status: int, code: str, detail: str) -> Response:
    """An error as the API says it."""
    return JSONResponse({"code": code, "detail": detail}, status)
