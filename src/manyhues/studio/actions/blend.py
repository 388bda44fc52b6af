"""Draw a path from one colouring to another."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated

from pydantic import Field

from manyhues.colorization import Colorization
from manyhues.colorizer import Colorizer, Step
from manyhues.errors import UsageError
from manyhues.model.scene import Scene
from manyhues.studio.actions.base import Action, Drawing, Given, Options, register
from manyhues.studio.actions.fields import Id, Strict
from manyhues.studio.limits import COLOURINGS


class BlendIn(Strict):
    """A path from one result to another."""

    start: Id
    end: Id
    steps: Annotated[int, Field(ge=2, le=COLOURINGS, description="Both ends included.")] = 5
    ends: Annotated[bool, Field(description="Whether the ends come as results again.")] = True


@register
class Blend(Action[BlendIn]):
    """A path between two results."""

    name, verb, title, label, body = "blend", "blend", "Blend", "blended", BlendIn

    def read(self, body: BlendIn, given: Given) -> Drawing:
        """Both results have to be of one method."""
        first, last = given.result(body.start), given.result(body.end)
        if first.method != last.method:
            raise UsageError(
                f"results of {first.method} and {last.method} have no path between them; "
                "choose two of one method"
            )
        if not body.ends and body.steps < 3:
            raise UsageError(f"steps {body.steps}: nothing lies between; expected 3 or more")
        of = body.start, body.end
        return Drawing(self, {"steps": body.steps}, first.method, of, skip=not body.ends)

    def call(
        self, colorizer: Colorizer, scene: Scene, bases: Sequence[Colorization], drawing: Drawing
    ) -> Iterator[Step]:
        """All of the path is drawn at once."""
        start, end = bases
        path = colorizer.blend(scene, start, end, **drawing.options)
        for at in range(drawing.total):
            yield Step(True, at + 1, drawing.total, partial(path.__getitem__, at + drawing.skip))

    def total(self, options: Options) -> int:
        """One result a step of the path."""
        return int(options["steps"])
