"""Give a colouring other hints or another saturation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from pydantic import Field

from manyhues.colorization import Colorization
from manyhues.colorizer import Colorizer, Step
from manyhues.model.scene import Scene
from manyhues.sampling.options import Sampling
from manyhues.studio.actions.base import (
    Action,
    Command,
    Drawing,
    Given,
    Made,
    Origin,
    python_call,
    register,
)
from manyhues.studio.actions.fields import Hints, Id, Saturation, Strict, placed, values


class HintsIn(Strict):
    """The same colouring with these hints, all of them, and this saturation."""

    result: Id
    hints: Hints = Field(default=[])
    saturation: Saturation = Sampling.saturation


@register
class Steer(Action[HintsIn]):
    """The same colouring with colours given at places, and with a saturation; all else stays."""

    name, verb, title, label, body = "steer", "hints", "Hints", "steered", HintsIn
    revises = True

    def read(self, body: HintsIn, given: Given) -> Drawing:
        """What was steered already is steered anew from its own base."""
        result = given.result(body.result)
        base = result.made.of[0] if result.made.action.revises else body.result
        hints = placed(values(body.hints), given.size)
        options = {"saturation": body.saturation, "hints": hints}
        return Drawing(self, options, result.method, (base,))

    def call(
        self, colorizer: Colorizer, scene: Scene, bases: Sequence[Colorization], drawing: Drawing
    ) -> Iterator[Step]:
        """Nothing is drawn."""
        yield Step(True, 1, 1, partial(colorizer.steer, scene, bases[0], **drawing.options))

    def command(self, made: Made, origins: Mapping[str, Origin]) -> Command | None:
        """Its base is drawn again with its hints, which then sway the rest of the picture too."""
        base = origins[made.of[0]].made
        drawn = base.action.command(base, origins)
        if drawn is None:
            return None
        # A hint given before drawing sways the sample, one given or removed afterwards does not.
        exact = drawn.exact and drawn.options["hints"] == made.options["hints"]
        return replace(drawn, options={**drawn.options, **made.options}, exact=exact)

    def python(self, made: Made, bases: Sequence[str]) -> str:
        """It has one result."""
        return python_call(self.name, made.options, bases)
