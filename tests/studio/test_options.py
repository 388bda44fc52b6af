"""Options are said once, in `Sampling`: bodies, forms and recipes of the studio have its own."""

from dataclasses import fields
from typing import Any

from manyhues.sampling.options import Sampling, about
from studio.conftest import Server

OPTIONS = [option for option in fields(Sampling) if option.name != "like"]


def _as_plain(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def test_requests_have_the_options_of_sampling(server: Server) -> None:
    schemas = server.http.get("/openapi.json").json()["components"]["schemas"]
    body = schemas["ColorizeIn"]["properties"]
    form = schemas["Body_colorize_api_colorize_post"]["properties"]
    assert set(body) == {option.name for option in OPTIONS} | {"method", "like"}
    for option in OPTIONS:
        said, here = about(option.name), body[option.name]
        assert here["default"] == _as_plain(option.default)
        assert here["description"] == said["help"]
        if "min" in said:
            assert here["minimum"] == said["min"]
        if option.name != "hints":  # in a form they are text
            assert form[option.name] == here
    assert "method" in form
    assert body["diversity"]["maximum"] == about("diversity")["max"]
    assert schemas["VaryIn"]["properties"]["n"] == body["n"]
    assert schemas["HintsIn"]["properties"]["saturation"] == body["saturation"]


def test_what_is_left_out_is_the_default(server: Server, picture: bytes) -> None:
    bare = server.colorize(picture)
    told: dict[str, Any] = {
        option.name: option.default for option in OPTIONS if option.name not in ("hints", "like")
    }
    named = server.colorize(picture, **told)
    recipes = [
        [result["recipe"]["command"] for result in session["results"]] for session in (bare, named)
    ]
    assert recipes[0] == recipes[1]
    assert len(recipes[0]) == Sampling.n
    assert recipes[0][0].endswith(f"-n {Sampling.n} --method flow --seed {Sampling.seed}")
