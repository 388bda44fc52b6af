"""Draw neighbours of one colouring."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated

from pydantic import Field

from manyhues.colorization import Colorization
from manyhues.colorizer import Colorizer, Step
from manyhues.model.scene import Scene
from manyhues.sampling.options import Sampling
from manyhues.studio.actions.base import Action, Drawing, Given, register
from manyhues.studio.actions.fields import Count, Id, Seed, Strict


class VaryIn(Strict):
    """Neighbours of one result."""

    result: Id
    amount: Annotated[float, Field(ge=0, le=1, description="0 is itself, 1 a fresh sample.")] = 0.3
    n: Count = Sampling.n
    seed: Seed = Sampling.seed


@register
class Vary(Action[VaryIn]):
    """More like this: neighbours of one result."""

    name, verb, title, label, body = "vary", "vary", "Vary", "varied", VaryIn

    def read(self, body: VaryIn, given: Given) -> Drawing:
        """Of the result's own method."""
        options = {"amount": body.amount, "n": body.n, "seed": body.seed}
        return Drawing(self, options, given.result(body.result).method, (body.result,))

    def call(
        self, colorizer: Colorizer, scene: Scene, bases: Sequence[Colorization], drawing: Drawing
    ) -> Iterator[Step]:
        """One neighbour a step."""
        n = drawing.total
        for k in range(n):
            options = {**drawing.options, "n": 1, "start": k}
            yield Step(True, k + 1, n, partial(colorizer.vary, scene, bases[0], **options))
