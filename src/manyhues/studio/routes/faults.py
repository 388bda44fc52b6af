"""What the API's document says of refusals and of the token: the same for all routes."""

from typing import Any

from fastapi import FastAPI

from manyhues.studio.routes import schema

FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"model": schema.Fault, "description": text}
    for status, text in (
        (400, "The request makes no sense, or the picture cannot be read."),
        (401, "The studio asks for a token."),
        (403, "The request comes from another page."),
        (404, "No such session, result or job."),
        (408, "The body came too slowly."),
        (413, "Too many bytes or pixels."),
        (421, "The studio does not answer to that host name."),
        (422, "A field is unknown, missing or out of its range."),
        (429, "Too much is waiting; Retry-After says when to come back."),
        (500, "The studio failed; its log says why."),
        (503, "Memory is too short for it, at least now."),
        (507, "The folder is full."),
    )
}


def describe(app: FastAPI) -> None:
    """Say in the document that a token may be asked for, as a bearer."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["token"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "Where the studio was started with a token; the page has a cookie.",
        }
        document["security"] = [{}, {"token": []}]  # with or without
        return document

    app.openapi = openapi  # type: ignore[method-assign]
