"""Draw colourings of the picture."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from manyhues.colorization import Colorization
from manyhues.colorizer import Colorizer, Step
from manyhues.model.scene import Scene
from manyhues.studio.actions.base import (
    Action,
    Command,
    Drawing,
    Given,
    Made,
    Origin,
    changed,
    python_call,
    register,
)
from manyhues.studio.actions.fields import (
    Count,
    Hints,
    Pick,
    Scale,
    Seed,
    Strict,
    placed,
    values,
)


class ColorizeIn(Strict):
    """Draw again from a session's picture; the options of `manyhues colorize`."""

    n: Count = 6
    seed: Seed = 0
    method: str | None = None
    pick: Pick = "diverse"
    diversity: Scale = 1.0
    saturation: Scale = 1.0
    hints: Hints = Field(default=[])


@register
class Sample(Action[ColorizeIn]):
    """More colourings of a session's picture."""

    name, verb, title, label, body = "sample", "colorize", "Draw Again", "sampled", ColorizeIn

    def read(self, body: ColorizeIn, given: Given) -> Drawing:
        """Its hints have to lie in the picture."""
        options = body.model_dump(exclude={"method", "hints"})
        options |= {"hints": placed(values(body.hints), given.size), "like": None}
        return Drawing(self, options, body.method)

    def call(
        self, colorizer: Colorizer, scene: Scene, bases: Sequence[Colorization], drawing: Drawing
    ) -> Iterator[Step]:
        """The candidates, then the results."""
        return colorizer.stream(scene, **{**drawing.options, "like": drawing.palette})

    def command(self, made: Made, origins: Mapping[str, Origin]) -> Command:
        """The same options."""
        return Command(made.options, made.index)

    def python(self, made: Made, bases: Sequence[str]) -> str:
        """Without the options that are as by default."""
        return f"{python_call(self.name, changed(made.options))}[{made.index}]"
