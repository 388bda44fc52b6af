"""Draw colourings of the picture."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, create_model

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
    changed,
    python_call,
    register,
)
from manyhues.studio.actions.fields import Id, Strict, placed, sampling_fields, values


class _Method(Strict):
    method: Annotated[str | None, Field(description="See `/api/about`.")] = None
    like: Annotated[
        Id | None, Field(description="A palette of this session, whose colours are taken.")
    ] = None


_OPTIONS = sampling_fields()
ColorizeIn = create_model(
    "ColorizeIn",
    __base__=_Method,
    __doc__="Draw again from a session's picture; the options of `manyhues colorize`.",
    **_OPTIONS,
)


@register
class Sample(Action[Any]):
    """More colourings of a session's picture."""

    name, verb, title, label, body = "sample", "colorize", "Draw Again", "sampled", ColorizeIn

    def read(self, body: Any, given: Given) -> Drawing:
        """Its hints have to lie in the picture."""
        options = {name: getattr(body, name) for name in _OPTIONS}
        name, palette = (None, None) if body.like is None else given.palette(body.like)
        options |= {"hints": placed(values(body.hints), given.size), "like": name}
        return Drawing(self, options, body.method, palette=palette)

    def call(
        self, colorizer: Colorizer, scene: Scene, bases: Sequence[Colorization], drawing: Drawing
    ) -> Iterator[Step]:
        """The candidates, then the results."""
        sampling = Sampling(**{**drawing.options, "like": drawing.palette})
        return colorizer.steps(scene, sampling)

    def command(self, made: Made, origins: Mapping[str, Origin]) -> Command:
        """The same options."""
        return Command(made.options, made.index)

    def python(self, made: Made, bases: Sequence[str]) -> str:
        """Without the options that are as by default."""
        return f"{python_call(self.name, changed(made.options))}[{made.index}]"
