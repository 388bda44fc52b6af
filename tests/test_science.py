"""Science and medicine: values survive, maps are read back, and the words are there."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from numpy.typing import NDArray
from PIL import Image

import manyhues
from manyhues import science
from manyhues.batch.local import colorize as colorize_all
from manyhues.batch.options import Options
from manyhues.cli import main as cli
from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.image import provenance
from manyhues.image.encode import encode
from manyhues.image.metadata import Metadata
from manyhues.image.picture import Picture

pydicom = pytest.importorskip("pydicom", reason="NO PYDICOM: DICOM is not tested")
pytest.importorskip("cmap", reason="NO CMAP: colour maps are not tested")
from dicom_files import made, ramp  # noqa: E402


def saved(data: bytes, folder: Path) -> Path:
    path = folder / "scan.dcm"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_every_value_comes_back_from_sampled_colour(
    bits: int, format: Any, weights: Path, tmp_path: Path
) -> None:
    stored = ramp(bits, signed=True)
    path = saved(made(stored, BitsStored=bits, HighBit=bits - 1), tmp_path)
    colorizer = Colorizer.load("vae-mdn", weights)
    result = colorizer.sample(
        colorizer.encode(Picture.open(path, window="full")), 2, pick="random", saturation=3
    )
    np.testing.assert_array_equal(science.recover(result, 1), stored)
    for file in result.save(tmp_path / "out", format=format, sheet=False):
        np.testing.assert_array_equal(science.recover(file), stored)
        pixels = np.asarray(Image.open(file).convert("RGB")).astype(int)
        assert np.ptp(pixels, axis=-1).max() > 20  # it is coloured


@pytest.mark.parametrize("name", ["viridis", "HOT_IRON", "batlow"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_values_come_back_from_a_map(name: str, bits: int, tmp_path: Path) -> None:
    stored = ramp(bits, signed=False)
    path = saved(
        made(
            stored,
            BitsStored=bits,
            HighBit=bits - 1,
            PhotometricInterpretation="MONOCHROME1",
            RescaleSlope=2,
            RescaleIntercept=-1000,
        ),
        tmp_path,
    )
    mapped = science.color_map(path, name, window="full")
    (file,) = mapped.save(tmp_path / "out", sheet=False)
    off = np.abs(science.recover(file) - (stored * 2.0 - 1000)) / 2
    assert off.max() <= 1
    assert mapped.legend(2)[0][0] == 2.0 * (2**bits - 1) - 1000  # black shows the highest


def test_outside_the_window_is_its_end(tmp_path: Path) -> None:
    stored = np.array([[0, 50, 100, 150, 200]], np.uint8)
    path = saved(made(stored), tmp_path)
    mapped = science.color_map(path, "magma", window=(100, 100))
    assert science.recover(mapped).tolist() == [[50, 50, 100, 150, 150]]
    assert "40.0% of its pixels lie outside the window 50 to 150" in mapped.notes[0]


@pytest.mark.data
def test_medical_pictures(data: Path, weights: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    for path in sorted((data / "photos" / "medical").glob("*.png")):
        stored: NDArray[Any] = np.asarray(Image.open(path).convert("L"))
        scene = colorizer.encode(Picture.open(path, window="full"))
        result = colorizer.sample(scene, 1, pick="random")
        np.testing.assert_array_equal(science.recover(result), stored)


def test_what_holds_no_values(weights: Path, tmp_path: Path) -> None:
    path = saved(made(ramp(8, signed=False)), tmp_path)
    plain = tmp_path / "plain.png"
    Image.fromarray(colourful(8, 9)).save(plain)
    with pytest.raises(UsageError, match="holds no scale of values; only results of manyhues"):
        science.recover(plain)
    mapped = science.color_map(path, "viridis")
    (jpeg,) = mapped.save(tmp_path / "out", format="jpg", sheet=False)
    with pytest.raises(UsageError, match="JPEG of 8 bits does not keep values; write PNG or TIFF"):
        science.recover(jpeg)
    result = manyhues.colorize(plain, n=1, method="vae-mdn", weights=weights)
    with pytest.raises(UsageError, match="the input has no values: open it with a window"):
        science.recover(result)
    stepped = science.color_map(path, "PET_20_STEP")
    assert "is not one to one: values cannot be read back" in stepped.notes[-1]
    with pytest.raises(UsageError, match="has 20 colours for 256 steps"):
        science.recover(stepped)
    with pytest.raises(UsageError, match="have colours that the map viridis has not"):
        science.recover(_changed(mapped))


def _changed(mapped: science.Mapped) -> bytes:
    """The file of a map with one pixel of another colour."""
    metadata = provenance.stamp(Metadata(), "x", mapped.recipe(0), sampled=False)
    pixels = mapped.pixels(0)
    pixels[0, 0] = (1, 2, 3)
    return encode(pixels, "PNG", metadata)


def test_a_map_is_no_sample_and_says_what_it_is(tmp_path: Path) -> None:
    path = saved(made(ramp(12, signed=False), BitsStored=12, HighBit=11), tmp_path)
    mapped = science.color_map(path, "jet", window="full")
    file, sheet = mapped.save(tmp_path / "out")
    data = file.read_bytes()
    recipe = provenance.read(data)
    assert recipe is not None
    assert recipe["map"] == "jet"
    assert [value for value, _ in recipe["legend"]] == [0, 1023.75, 2047.5, 3071.25, 4095]
    assert provenance.NOTICE.encode() in data
    assert b"DigitalSourceType" not in data
    assert "a rainbow shows edges where the values have none" in mapped.notes[0]
    assert sheet.exists()
    assert mapped.images[0].size == (256, 16)


def test_the_legend_is_in_a_dicom_result(tmp_path: Path) -> None:
    stored = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = saved(made(stored, RescaleSlope=1, RescaleIntercept=-28, Modality="CT"), tmp_path)
    mapped = science.color_map(path, "viridis")
    (file,) = mapped.save(tmp_path / "out", format="dicom", sheet=False)
    said = pydicom.dcmread(file).DerivationDescription
    assert said.startswith("artificial colour: manyhues ")
    assert "; legend: -28 #440154, " in said
    assert said.endswith(", 227 #fde725 HU")


def test_no_name_of_a_patient_or_file_is_in_a_result(weights: Path, tmp_path: Path) -> None:
    path = saved(made(ramp(8, signed=False), PatientID="secret-7"), tmp_path)
    options = Options(n=1, pick="random", format="dicom")
    batch = colorize_all([path], tmp_path / "out", "vae-mdn", options, weights=weights)
    (report,) = batch.reports
    assert report.error is None
    (dicom,) = map(Path, report.outputs)
    data = dicom.read_bytes()
    for word in (b"Nobody", b"secret", b"scan", str(tmp_path).encode()):
        assert word not in data
    read = pydicom.dcmread(dicom)
    assert read.DerivationDescription.startswith("artificial colour: manyhues")
    kept = Options(n=1, pick="random", format="dicom", keep_patient=True, overwrite=True)
    list(colorize_all([path], tmp_path / "out", "vae-mdn", kept, weights=weights).reports)
    assert pydicom.dcmread(dicom).PatientID == "secret-7"


def test_the_command_line(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = np.stack([ramp(8, signed=False)] * 2)
    path = saved(made(frames), tmp_path)
    out = tmp_path / "out"
    given = ["colorize", str(path), "-o", str(out), "--map", "cividis", "--window", "full"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*given, "--json"])
    assert not ended.value.code
    report = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in report["outputs"]] == ["scan.p1.1.png", "scan.p2.1.png"]
    assert report["seeds"] == [[], []]
    np.testing.assert_array_equal(science.recover(report["outputs"][1]), frames[1])


def test_another_map_is_named_when_results_are_kept(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(made(ramp(8, signed=False)), tmp_path)
    notes = []
    for name in ("viridis", "viridis", "magma"):
        with pytest.raises(SystemExit):
            cli.main(["colorize", str(path), "-o", str(tmp_path / "out"), "--map", name, "--json"])
        notes.append(" ".join(json.loads(capsys.readouterr().out)["notes"]))
    assert "map viridis, not magma" in notes[2]
    assert "not" not in notes[1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--map", "vir"), "--map: map 'vir': is unknown; choose from viridis"),
        (("--map", "viridis", "--method", "flow"), "it samples nothing; leave out --method"),
        (("--window", "wide"), "window 'wide': expected CENTRE,WIDTH"),
    ],
)
def test_wrong_usage(
    given: tuple[str, ...],
    said: str,
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = saved(made(ramp(8, signed=False)), tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["colorize", str(path), "-o", str(tmp_path / "out"), *given])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_window_of_a_colour_picture(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "colour.png"
    Image.fromarray(colourful(8, 9)).save(path)
    with pytest.raises(manyhues.PictureError, match="is no plain grey picture, so it has no wind"):
        Picture.open(path, window="full")


@pytest.mark.parametrize("maps", [[], ["--map", "viridis"]], ids=str)
@pytest.mark.parametrize("name", ["scan.dcm", "cells.png"])
def test_another_window_is_named_when_results_are_kept(
    name: str, maps: list[str], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    Image.fromarray(ramp(8, signed=False) // 2).save(tmp_path / "cells.png")
    saved(made(ramp(8, signed=False) // 2, WindowCenter=50, WindowWidth=60), tmp_path)
    how = [*maps, "--pick", "random", "-n", "1", "--json", "--format", "png"]

    def notes(first: str, *window: str) -> str:
        with pytest.raises(SystemExit):
            cli.main(["colorize", str(path), "-o", str(tmp_path / first), *how, *window])
        return " ".join(json.loads(capsys.readouterr().out)["notes"])

    ways = {"own": (), "full": ("--window", "full"), "some": ("--window", "40,20")}
    for first, window in ways.items():
        notes(first, *window)
        for then, other in ways.items():
            assert ("made with other options (window " in notes(first, *other)) == (first != then)
    assert "(window 30 to 50, not 0 to 127)" in notes("some", "--window", "full")


def test_many_faulty_pages_are_one_short_line(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(made(ramp(8, signed=False), NumberOfFrames=300), tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["colorize", str(path), "-o", str(tmp_path / "out"), "--map", "viridis"])
    assert ended.value.code == 1
    assert f"{path}: of 300 pages 1-300: truncated or damaged" in capsys.readouterr().err
    assert not any((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("options", [["--window", "40,20"], ["--window", "full"], []], ids=str)
@pytest.mark.parametrize("maps", [[], ["--map", "viridis"]], ids=str)
@pytest.mark.parametrize("name", ["scan.dcm", "cells.png", "photo.jpg"])
def test_info_tells_the_options_that_make_it_again(
    name: str,
    maps: list[str],
    options: list[str],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name == "photo.jpg" and options:
        return  # it has colours, and no window
    path = tmp_path / name
    if name == "scan.dcm":
        saved(made(ramp(8, signed=False) // 2, WindowCenter=50, WindowWidth=60), tmp_path)
    else:
        pixels = colourful(20, 30) // 2
        Image.fromarray(pixels if name == "photo.jpg" else pixels[..., 0]).save(path)

    def coloured(out: str, *given: str) -> Path:
        command = ["colorize", str(path), "-o", str(tmp_path / out), "--format", "png"]
        with pytest.raises(SystemExit) as ended:
            cli.main([*command, "--no-sheet", *given])
        assert not ended.value.code
        return tmp_path / out / f"{path.stem}.1.png"

    first = coloured("out", "-n", "1", *maps, *options)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli.main(["info", str(first), "--json"])
    told = json.loads(capsys.readouterr().out)
    levels = bool(maps) and not options and name != "scan.dcm"  # a DICOM file has its own window
    assert told["lacks"] == (["of a DICOM file, give --window 127.5,255 as well"] * levels)
    again = coloured("again", *told["options"])
    assert again.read_bytes() == first.read_bytes()


def test_the_legend_of_a_tiny_picture_can_be_read() -> None:
    grey = np.arange(100, dtype=np.uint8).reshape(10, 10)
    page = np.asarray(science.color_map(grey, "viridis").sheet())
    legend = page[page.shape[0] // 5 : page.shape[0] * 3 // 4, page.shape[1] * 2 // 3 :]
    assert len(np.unique(legend[:, legend.shape[1] // 3], axis=0)) > 50  # of 10 pixels' 10 colours
