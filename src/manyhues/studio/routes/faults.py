"""What the API's document says of refusals: the same for all routes."""

from typing import Any

from manyhues.studio.routes import schema

FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"model": schema.Fault, "description": text}
    for status, text in (
        (400, "The request makes no sense, or the picture cannot be read."),
        (404, "No such session, result or job."),
        (413, "Too many bytes or pixels."),
        (422, "A field is missing or out of its range."),
        (429, "Too much is waiting; Retry-After says when to come back."),
    )
}
