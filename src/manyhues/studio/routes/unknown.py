"""What a request names and its route does not know: it would be lost without a word."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from fastapi import HTTPException, Request
from fastapi.routing import APIRoute

_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


async def refuse_unknown(request: Request) -> None:
    """Raise 422 for a form field (`hints` for `hint`) or a query that the route does not have.

    Queries of what is only read are let be: browsers and proxies add some.
    """
    route = request.scope["route"]
    if request.method in ("GET", "HEAD") or not isinstance(route, APIRoute):
        return
    known = list(_with_needs(route.dependant))
    fields = {one.alias for part in known for one in part.body_params}
    queries = {one.alias for part in known for one in part.query_params}
    if request.headers.get("content-type", "").startswith(_FORMS):
        _refuse((await request.form()).keys() - fields, fields)
    for name in sorted(request.query_params.keys() - queries):
        if name in fields:
            raise HTTPException(422, f"{name[:40]}: is no query; send it as a field of the form")
        _refuse([name], queries)


def _with_needs(part: Any) -> Iterator[Any]:
    """What a route takes, and what each of its dependencies takes."""
    yield part
    for need in part.dependencies:
        yield from _with_needs(need)


def _refuse(names: Iterable[str], known: Iterable[str]) -> None:
    for name in sorted(names):
        near = get_close_matches(name, sorted(known), 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise HTTPException(422, f"{name[:40]}: unknown field{meant}")
