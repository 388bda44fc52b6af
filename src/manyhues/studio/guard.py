"""What every request has to pass before it reaches a route: pure ASGI, nothing is buffered.

A page elsewhere on the web can send requests to a server on this machine: by its address, or
under a name of its own that it points here (DNS rebinding). So the Host header has to be this
machine's, and a request that changes something has to come from the page itself.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "manyhues_token"
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
        self, app: App, *, hosts: Iterable[str], token: str | None, upload_bytes: int
    ) -> None:
        self._app, self._token, self._upload_bytes = app, token, upload_bytes
        self._hosts = {"localhost", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        refusal = self._refuse(scope, Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, self._bounded(receive), guarded)

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return fault(421, "host", "this studio does not answer to that name; see --host")
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            origin, site = headers.get("origin"), headers.get("sec-fetch-site")
            if _is_foreign(origin, host) or site in ("cross-site", "same-site"):
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

    def _check_token(self, scope: Scope, headers: Headers) -> Response | None:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["path"] == "/" and self._fits(query.get("token", [""])[0]):
            page = RedirectResponse("/", 303)
            page.set_cookie(
                COOKIE, query["token"][0], httponly=True, samesite="strict", max_age=30 * 86400
            )
            return page
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            morsel = None
        if self._fits(bearer) or (morsel is not None and self._fits(morsel.value)):
            return None
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
        """Count what really comes: a chunked body announces no length."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._upload_bytes:
                    raise HTTPException(413, self._too_much())
            return message

        return counted


def _is_foreign(origin: str | None, host: str) -> bool:
    try:
        return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    except ValueError:  # "http://["
        return True


def fault(status: int, code: str, detail: str) -> Response:
    """An error as the API says it."""
    return JSONResponse({"code": code, "detail": detail}, status)
