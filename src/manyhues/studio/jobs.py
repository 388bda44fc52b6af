"""A drawing as a job: step by step with the model, its results kept and told."""

import base64
from collections.abc import Iterator
from dataclasses import replace

from manyhues.colorizer import Step
from manyhues.errors import UsageError
from manyhues.model.scene import Scene
from manyhues.studio.actions.base import Drawing, Made
from manyhues.studio.folder import encode_small
from manyhues.studio.lanes import Event
from manyhues.studio.session import Session
from manyhues.studio.store import Store


def steps(store: Store, session: Session, drawing: Drawing, group: str) -> Iterator[Event]:
    """The events of a drawing; each takes about as long as one sample."""
    with store.holding(session):
        total = drawing.total
        if len(session.results) + total > store.limits.results:
            raise UsageError(
                f"this session holds {len(session.results)} colourings, the most is "
                f"{store.limits.results}; start again with the picture"
            )
        colorizer = store.colorizer(drawing.method)
        scene = store.scene(session, colorizer.method)
        small: Scene | None = None
        bases = [store.load(session, rid) for rid in drawing.of]
        for step in drawing.action.call(colorizer, scene, bases, drawing):
            if not step.final:
                small = small or scene.shrunk(store.limits.rough)
                yield _tried(step, small, total)
                continue
            index = step.done - 1 + drawing.skip
            made = Made(drawing.action, index, drawing.of, drawing.options)
            result = store.add(session, group, made, step.make())
            slot = {"slot": step.done - 1, "result": result.id}
            yield {"type": "result", **slot, "done": step.done, "total": total}


def _tried(step: Step, small: Scene, n: int) -> Event:
    """A candidate; the first n are shown in the places of the results to come."""
    event: Event = {"type": "candidate", "done": step.done, "total": step.total}
    if step.done <= n:
        image = replace(step.make(), scene=small).image(0)
        kind = "png" if image.mode == "RGBA" else "jpeg"
        data = base64.b64encode(encode_small(image)).decode("ascii")
        event |= {"slot": step.done - 1, "image": f"data:image/{kind};base64,{data}"}
    return event
