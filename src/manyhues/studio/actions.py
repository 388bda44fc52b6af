"""What a job does, step by step: draws with the model, keeps the results, and tells."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from manyhues.colorization import Colorization
from manyhues.colorizer import Step
from manyhues.errors import UsageError
from manyhues.model.scene import Scene
from manyhues.studio.lanes import Event
from manyhues.studio.recipe import Made
from manyhues.studio.store import Result, Session, Store, encode_small


@dataclass(frozen=True)
class Request:
    """One drawing that was asked for: the method of `Colorizer`, what it starts from, options.

    `palette` is the encoded picture of ``like``, whose name alone the options hold.
    """

    kind: str
    method: str
    options: dict[str, Any]
    of: tuple[str, ...] = ()
    palette: bytes | None = None

    @property
    def total(self) -> int:
        """How many results will come."""
        return int(self.options.get("n") or self.options.get("steps") or 1)


def steps(store: Store, session: Session, request: Request, group: str) -> Iterator[Event]:
    """The job of a request; each step takes about as long as one sample."""
    with store.holding(session):
        if len(session.results) + request.total > store.limits.results:
            raise UsageError(
                f"this session holds {len(session.results)} colourings, the most is "
                f"{store.limits.results}; start again with the picture"
            )
        for index, one in _draw(store, session, request):
            if isinstance(one, dict):
                yield one
                continue
            made = Made(request.kind, index, request.of, request.options)
            yield _kept(store.add(session, group, made, one), index, request.total)


def _kept(result: Result, index: int, total: int) -> Event:
    return {"type": "result", "slot": index, "result": result.id, "done": index + 1, "total": total}


def _draw(
    store: Store, session: Session, request: Request
) -> Iterator[tuple[int, Colorization | Event]]:
    colorizer = store.colorizer(request.method)
    scene = store.scene(session, request.method)
    options, bases = request.options, [store.load(session, rid) for rid in request.of]
    if request.kind == "sample":
        drawn = colorizer.stream(scene, **{**options, "like": request.palette})
        small = scene.shrunk(store.limits.rough)
        for step in drawn:
            if step.final:
                yield step.done - 1, step.make()
            else:
                yield step.done - 1, _tried(step, small, int(options["n"]))
    elif request.kind == "vary":
        for k in range(options["n"]):
            yield k, colorizer.vary(scene, bases[0], **{**options, "n": 1, "start": k})
    elif request.kind == "blend":
        path = colorizer.blend(scene, *bases, **options)
        yield from enumerate(path)
    else:
        yield 0, colorizer.steer(scene, bases[0], **options)


def _tried(step: Step, small: Scene, n: int) -> Event:
    """A candidate; the first n are shown in the places of the results to come."""
    event: Event = {"type": "candidate", "done": step.done, "total": step.total}
    if step.done <= n:
        image = replace(step.make(), scene=small).image(0)
        kind = "png" if image.mode == "RGBA" else "jpeg"
        data = base64.b64encode(encode_small(image)).decode("ascii")
        event |= {"slot": step.done - 1, "image": f"data:image/{kind};base64,{data}"}
    return event
