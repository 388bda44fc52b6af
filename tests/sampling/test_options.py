"""`Sampling`: an option is said, and checked, in one place."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manyhues.errors import PictureError, UsageError
from manyhues.sampling import palette
from manyhues.sampling.options import Sampling, SamplingOptions, about

NAN = float("nan")


@pytest.mark.parametrize(
    "given",
    [
        *({"n": n} for n in (0, -1, "2", None, 2.0, NAN, True)),
        *({"seed": seed} for seed in ("2", None, 1.5, True)),
        *({"pick": pick} for pick in ("best", None, ["likely"], 1)),
        *({"diversity": value} for value in (-1, 10.1, NAN, "1", None, True, 1j)),
        *({"saturation": value} for value in (-1, float("inf"), "1", None, False)),
        *({"hints": hints} for hints in (None, 5, "abc", [(1, 2)], [(1.5, 2, "red")])),
        *({"hints": [(1, 2, colour)]} for colour in ("nocolour", 5, None)),
    ],
    ids=str,
)
def test_wrong_options_are_refused_when_made_and_named(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(given)).rstrip("s")) as caught:
        Sampling(**given)
    assert "\n" not in str(caught.value)


def test_numbers_of_any_kind_become_pythons_own() -> None:
    made = Sampling(
        n=np.int64(3),  # type: ignore[arg-type]
        seed=np.uint8(7),  # type: ignore[arg-type]
        diversity=np.float32(0.5),  # type: ignore[arg-type]
        saturation=2,
        hints=[[np.int32(1), 2, "red"]],  # type: ignore[list-item]
    )
    assert made == Sampling(3, 7, "diverse", 0.5, 2.0, ((1, 2, "red"),))
    kinds = [type(getattr(made, name)) for name in ("n", "seed", "diversity", "saturation")]
    assert kinds == [int, int, float, float]
    assert type(made.hints[0][0]) is int


def test_keywords_for_type_checkers_are_its_fields() -> None:
    assert ["n", *SamplingOptions.__annotations__] == [field.name for field in fields(Sampling)]
    kinds = Sampling.__annotations__
    for name, kind in SamplingOptions.__annotations__.items():
        assert kinds[name] == getattr(kind, "__forward_arg__", kind)


def test_people_are_told_of_every_option() -> None:
    assert all(about(field.name)["help"] for field in fields(Sampling))
    assert (about("diversity")["min"], about("diversity")["max"]) == (0, 10)
    assert "min" not in about("seed")


def test_the_palette_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, measured = [], palette.palette

    def counted(source: Any) -> Any:
        read.append(source)
        return measured(source)

    monkeypatch.setattr(palette, "palette", counted)
    path = tmp_path / "red.png"
    Image.new("RGB", (4, 4), "red").save(path)
    made = Sampling(like=path)
    assert not read
    assert made.palette is made.palette is not None
    assert read == [path]
    assert Sampling().palette is None
    with pytest.raises(PictureError, match="no such file"):
        _ = Sampling(like=tmp_path / "none.png").palette
