"""The doors of `Colorizer` and `Colorization`: what they check, and what they make of codes."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import manyhues
from manyhues.augment import Recolor, Recolour
from manyhues.colorization import Steering
from manyhues.colorizer import Colorizer
from manyhues.errors import OutputError, UsageError
from manyhues.model.scene import Scene
from manyhues.sampling.options import Sampling

GREY = np.linspace(0, 255, 40 * 56).reshape(40, 56).astype(np.uint8)
RIGHT = 'n=2, seed=3, pick="likely", hints=[(1, 2, "red")], like=b""'


@pytest.fixture(params=["flow", "vae-mdn"])
def colorizer(request: pytest.FixtureRequest, weights: Path) -> Colorizer:
    return Colorizer.load(request.param, weights)


@pytest.fixture
def scene(colorizer: Colorizer) -> Scene:
    return colorizer.encode(GREY)


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (lambda c, s: c.sample_ab(s, 0), "n 0: expected 1 or more"),
        (lambda c, s: c.sample_ab(s, 1, diversity=-1), "diversity -1: expected 0 to 10"),
        (lambda c, s: c.sample_ab(s, 1, start=-1), "start -1: expected 0 or more"),
        (lambda c, s: c.sample(s, "2"), "n '2': expected a whole number"),
        (lambda c, s: c.sample(s, 1, diversity=None), "diversity None: expected a number"),
        (lambda c, s: c.sample(s, 1, hints=[(1, 1, 5)]), "hint 1,1=5: not a colour"),
        (lambda c, s: c.sample(s, 1, hints=None), "hints None: expected a list"),
        (lambda c, s: c.sample(s, 1, like=s.picture), "holds no colours"),
        (lambda c, s: c.vary(s, c.sample(s, 1), start=-1), "start -1: expected 0 or more"),
        (lambda c, s: c.vary(s, c.sample(s, 1), n="2"), "n '2': expected a whole number"),
        (lambda c, s: c.vary(s, c.sample(s, 1), amount=None), "amount None: expected a number"),
        (lambda c, s: c.steer(s, c.sample(s, 1), saturation="1"), "saturation '1': expected"),
        (lambda c, s: c.blend(s, *c.sample(s, 2), steps=1.5), "steps 1.5: expected a whole"),
        (lambda c, s: c.of_codes(s, np.zeros((2, 3))), r"codes of shape \(2, 3\): expected \(n, "),
        (lambda c, s: c.of_codes(s, c.sample(s, 1).codes[:0]), "codes of shape"),
        (lambda c, s: c.of_codes(s, c.sample(s, 2).codes, seeds=[(0, 0)]), "1 seeds: expected 2"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    colorizer: Colorizer, scene: Scene, call: Callable[[Any, Any], object], fault: str
) -> None:
    with pytest.raises(UsageError, match=fault) as caught:
        call(colorizer, scene)
    assert "\n" not in str(caught.value)


def test_made_options_give_what_keywords_give(colorizer: Colorizer, scene: Scene) -> None:
    options = Sampling(3, seed=5, pick="likely", saturation=1.5)
    drawn = colorizer.draw(scene, options)
    asked = colorizer.sample(scene, 3, seed=5, pick="likely", saturation=1.5)
    np.testing.assert_array_equal(drawn.ab, asked.ab)
    assert drawn.seeds == asked.seeds
    assert [step.final for step in colorizer.steps(scene, options)].count(True) == 3


def test_given_codes_are_decoded_and_steered(colorizer: Colorizer, scene: Scene) -> None:
    drawn = colorizer.sample(scene, 3, seed=5, saturation=0.5, hints=[(9, 9, "#b03030")])
    steering = Steering.of(Sampling(saturation=0.5, hints=[(9, 9, "#b03030")]), scene)
    made = colorizer.of_codes(scene, drawn.codes, steering=steering, seeds=drawn.seeds)
    np.testing.assert_array_equal(made.ab, drawn.ab)
    assert (made.seeds, made.notes, made.labels) == (drawn.seeds, drawn.notes, drawn.labels)


def test_codes_that_nobody_drew_have_no_seeds(
    colorizer: Colorizer, scene: Scene, tmp_path: Path
) -> None:
    codes = colorizer.sample(scene, 2).codes
    made = colorizer.of_codes(scene, codes)
    assert made.seeds == made[0].seeds == ()
    assert made.labels == ("", "")
    assert colorizer.blend(scene, made[0], made[1]).seeds == ()
    assert len(made.save(tmp_path)) == 3
    assert colorizer.of_codes(scene, codes, captions=["a", "b"])[1].labels == ("b",)


def test_the_grey_picture_is_the_scenes(colorizer: Colorizer, scene: Scene) -> None:
    shown = np.asarray(scene.grey())
    assert (shown == GREY[..., None]).all()
    assert (np.asarray(colorizer.sample(scene, 1).grey()) == shown).all()


@pytest.mark.parametrize("format", ["PNG", "Png", "JPG", "JPEG", "TIFF"])
def test_formats_in_any_case(
    colorizer: Colorizer, scene: Scene, tmp_path: Path, format: Any
) -> None:
    (path,) = colorizer.sample(scene, 1).save(tmp_path, format=format, sheet=False)
    assert path.suffix == {"jpeg": ".jpg"}.get(format.lower(), f".{format.lower()}")
    wrong: Any
    for wrong in ("gif", None, 5):
        with pytest.raises(UsageError, match="is unknown; use keep, png"):
            colorizer.sample(scene, 1).save(tmp_path, format=wrong)


def test_nothing_is_written_where_the_sheet_stands(
    colorizer: Colorizer, scene: Scene, tmp_path: Path
) -> None:
    result = colorizer.sample(scene, 1)
    sheet = tmp_path / "array.sheet.jpg"
    result.write_sheet(sheet)
    with pytest.raises(OutputError, match="exists"):
        result.save(tmp_path)
    assert list(tmp_path.iterdir()) == [sheet]
    with Image.open(sheet) as image:
        assert image.format == "JPEG"


def test_a_colorizer_is_pickled_without_its_weights(colorizer: Colorizer, scene: Scene) -> None:
    packed = pickle.dumps(colorizer)
    assert len(packed) < 1000
    again = pickle.loads(packed)
    assert again.method == colorizer.method
    there = again.encode(GREY)
    np.testing.assert_array_equal(again.sample_ab(there, 2), colorizer.sample_ab(scene, 2))


def test_a_pickled_colorizer_opens_the_package_that_is_there(weights: Path) -> None:
    assert os.fsencode(Path(manyhues.__file__).parent) not in pickle.dumps(Colorizer.load())
    kept = pickle.loads(pickle.dumps(Colorizer.load("flow", weights, threads=1)))
    assert kept._engine.workers == 1


@pytest.mark.parametrize(
    ("name", "value"), [("p", "1"), ("p", float("nan")), ("diversity", -1), ("saturation", None)]
)
def test_recolor_checks_what_it_is_given(name: str, value: Any) -> None:
    assert Recolour is Recolor
    with pytest.raises(UsageError, match=name):
        Recolor(**{name: value})


def test_type_checkers_see_wrong_keywords(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api", reason="mypy is not installed: keywords are unchecked")
    wrong = ("n=2, sede=3", 'n=2, pick="best"', 'n="2"', "diversity=None", "like=3", "hints=5")
    lines = [f'manyhues.colorize("a.jpg", {given})' for given in (RIGHT, *wrong)]
    script = tmp_path / "script.py"
    script.write_text("\n".join(["import manyhues", *lines, ""]))
    told, said, _ = api.run([str(script)])  # as the package itself, for its cache: in a second
    errors = [line for line in told.splitlines() if ": error:" in line and script.name in line]
    found = {int(line.split(":")[1]) for line in errors}
    assert found == set(range(3, 3 + len(wrong))), told + said
