"""The documentation: its commands parse, its code runs, its links lead somewhere."""

import ast
import importlib
import inspect
import json
import pydoc
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import typer
from conftest import colourful
from PIL import Image

import manyhues
from manyhues import science, video
from manyhues.augment import Recolor
from manyhues.cli import arguments
from manyhues.cli import main as cli
from manyhues.evaluation import protocol
from manyhues.model import manifest

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.vi.md"]
PAGES = [
    *READMES,
    *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
QUICKSTART = ROOT / "examples" / "quickstart.py"
CLI: Any = typer.main.get_command(cli.app)


def blocks(text: str, language: str = r"\w*") -> list[str]:
    """Contents of the fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ .*", prose(text), re.M)


def flags(verb: str) -> set[str]:
    """All spellings of a verb's options."""
    options = [p for p in CLI.commands[verb].params if p.param_type_name == "option"]
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts)}


def by_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_commands_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    commands = "".join(blocks(text, "sh")).replace("\\\n", " ")  # a line may go on below
    for line in commands.splitlines():
        for words in map(shlex.split, line.split("&&")):
            if words[0] == "manyhues":  # values are checked too, nothing is run
                CLI.commands[words[1]].make_context(words[1], arguments.repeat_options(words[2:]))
            elif words[0] == "python":
                assert find_spec(words[2]) if words[1] == "-m" else (ROOT / words[1]).is_file()
    for row in re.findall(r"^.*`manyhues .*$", prose(text), re.M):
        verb = ""
        for span in re.findall(r"`([^`]+)`", row):
            words = span.split()
            if words[0] == "manyhues":
                verb = words[1]
                assert verb in CLI.commands, span
            if verb and (words[0] == "manyhues" or row.startswith("|")):
                assert {w for w in words if w.startswith("-")} <= flags(verb), span


@pytest.mark.parametrize("page", READMES, ids=by_name)
def test_option_table_is_complete(page: Path) -> None:
    rows = re.findall(r"^\| (`-[^|]*) \|", page.read_text("utf-8"), re.M)
    assert {flag for row in rows for flag in re.findall(r"`(-[^`]+)`", row)} - {
        "--method"  # heads the table of methods, too
    } == flags("colorize") - {"--method"}


def test_every_extra_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (ROOT / "docs" / "index.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+)` \|", page, re.M)
    assert sorted(told) == sorted({*project["optional-dependencies"]} - {"dev"})
    text = "".join(p.read_text("utf-8") for p in [*PAGES, *(ROOT / "src").rglob("*.py")])
    named = {
        name
        for names in re.findall(r"(?:manyhues|\.)\[([a-z,]+)\]", text)
        for name in names.split(",")
    }
    assert named <= {*project["optional-dependencies"]}


def test_readmes_mirror_each_other() -> None:
    english, vietnamese = (page.read_text("utf-8") for page in READMES)
    assert [h.split()[0] for h in headings(english)] == [h.split()[0] for h in headings(vietnamese)]
    assert blocks(english) == blocks(vietnamese)


def test_versions_agree() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    cited = re.search(r"version = \{(.*?)\}", READMES[0].read_text("utf-8"))
    assert newest is not None
    assert cited is not None
    assert newest[1] == cited[1] == manyhues.__version__


def slug(heading: str) -> str:
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def slug_missing(page: Path, anchor: str) -> bool:
    return anchor not in map(slug, headings(page.read_text("utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8"))):
        if not link.startswith(("http:", "https:")):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (anchor and slug_missing(target, anchor)):
                lost.append(link)
    assert not lost, f"{page.name}: {', '.join(lost)}"


CARD = ROOT / "src" / "manyhues" / "weights" / "MODEL_CARD.md"


@pytest.mark.parametrize("page", [*PAGES, CARD], ids=by_name)
def test_rows_of_a_table_have_its_columns(page: Path) -> None:
    """A row with a cell too many is shown one column to the right, and its last cell is lost."""
    table: list[str] = []
    for line in [*prose(page.read_text("utf-8")).splitlines(), ""]:
        if line.startswith("|"):
            table.append(re.sub(r"`[^`]*`|\\\|", "", line))
            continue
        counts = {row.count("|") for row in table}
        assert len(counts) < 2, table[0]
        table = []


@pytest.mark.parametrize("page", [CARD, ROOT / "docs" / "reproduce.md"], ids=by_name)
def test_no_command_trains_into_the_run_of_another(page: Path) -> None:
    """A run that is there is refused, so a recipe that names one twice stops halfway."""
    text = "".join(blocks(page.read_text("utf-8"), "sh")).replace("\\\n", " ")
    outs = re.findall(r"^\s*\S* ?(?:train|average) .*?--out (\S+)", text, re.M)
    assert len(outs) > 3
    assert sorted(outs) == sorted(set(outs))


def test_quoted_results_are_those_of_the_report() -> None:
    """Pages that repeat figures of docs/results.md, in words or in another language."""
    content = json.loads((ROOT / "docs" / "results.json").read_text("utf-8"))
    vietnamese = (ROOT / "docs" / "results.vi.md").read_text("utf-8")
    keys = ("best_of_8_pixel", "best_of_8_image", "best_of_1")
    for name, pages in {"lfw": [], "imagenet64": [CARD]}.items():
        results = content["data_sets"][name]["results"]
        for method, one in results.items():
            errors = [f"{one[key]:.2f}" for key in keys]
            said = [*errors, f"{one['colourfulness']:.1f}", f"{100 * one['frechet_share']:.1f} %"]
            for page in pages:
                (row,) = re.findall(rf"^\| `{method}` \| \d.*", page.read_text("utf-8"), re.M)
                assert [figure for figure in said if figure not in row] == []
            rows = re.findall(rf"^\|.*`{method}`.*", vietnamese, re.M)
            local = [figure.replace(".", ",") for figure in said]
            assert any(all(figure in row for figure in local) for row in rows), (name, method)
    report = (ROOT / "docs" / "results.md").read_text("utf-8")
    ratios = re.findall(
        r"^\| variance of vae-mdn over that of c\w+ \| \d+ \| ([\d.]+)", report, re.M
    )
    method = " ".join((ROOT / "docs" / "method.md").read_text("utf-8").split())
    assert "`vae-mdn` varies {} and {} times as much".format(*ratios) in method
    told = "gấp {} lần `cvae` và gấp {} lần `cgan`".format(*ratios).replace(".", ",")
    assert told in " ".join(vietnamese.split())
    large = re.search(
        r"^\| `flow`, as shipped .*", (ROOT / "docs" / "peers.md").read_text("utf-8"), re.M
    )
    assert large is not None  # photographs of 256 pixels, which the report does not measure
    pixel, image = re.findall(r"([\d.]+) ±", large[0])[:2]
    told = f"{pixel} theo từng điểm và {image} theo cả ảnh".replace(".", ",")
    assert told in " ".join(vietnamese.split())
    assert f"| {pixel} at " in (ROOT / "docs" / "model.md").read_text("utf-8")


def test_diagrams_are_well_formed() -> None:
    for path in (ROOT / "docs" / "images").glob("*.svg"):
        ElementTree.parse(path)


def test_second_command_is_what_ci_runs() -> None:
    install = re.findall(r"pip install (-c .*?) &&", READMES[0].read_text("utf-8"))
    assert install
    assert install[0] in (ROOT / ".ci" / "run").read_text("utf-8")


def test_readme_python_runs(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(colourful(60, 80)).convert("L").save("old.jpg")
    for block in blocks(READMES[0].read_text("utf-8"), "python"):
        exec(block, {})
    assert (tmp_path / "out" / "old.sheet.jpg").is_file()


def test_quickstart_runs(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", [str(QUICKSTART), str(ROOT / "examples/coffee.jpg"), str(tmp_path)]
    )
    runpy.run_path(str(QUICKSTART), run_name="__main__")
    assert len(list(tmp_path.glob("coffee.*.jpg"))) == 4


def test_quickstart_runs_on_the_shipped_weights(tmp_path: Path) -> None:
    if not any(manifest.WEIGHTS.glob("*.json")):
        pytest.skip(f"NO WEIGHTS in {manifest.WEIGHTS}: train and export, or install a release")
    command = [sys.executable, str(QUICKSTART)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=600)
    assert len(list((tmp_path / "out" / "quickstart").glob("chelsea.*.jpg"))) == 4


def test_failures_are_made_as_the_page_says() -> None:
    """Each command of the gallery of failures is what made the faulty picture below it."""
    faults = runpy.run_path(str(ROOT / "docs" / "make_gallery.py"))["FAULTS"]
    page = (ROOT / "docs" / "limits.md").read_text("utf-8")
    shown = re.findall(r"```sh\n(.*?)\n```\s+\[!\[[^]]*\]\(images/fault-(\w+)\.jpg", page, re.S)
    assert sorted(name for _, name in shown) == sorted(faults)
    for command, name in shown:
        picture, [(_, options), *_] = faults[name]
        context = CLI.commands["colorize"].make_context("colorize", shlex.split(command)[2:])
        assert Path(context.params["inputs"][0]).stem == picture
        assert context.params["sample"] == options["k"]
        assert context.params["seed"] == 0
        assert context.params["diversity"] == options.get("diversity", 0.7)


@pytest.mark.parametrize("name", ["augment", "errors", "science", "video"])
def test_code_in_a_modules_docstring_is_code_on_the_page(name: str) -> None:
    """A docstring whose lines are all indented is shown without any indentation: as text."""
    source = (ROOT / "src" / "manyhues" / name).with_suffix(".py")
    source = source if source.exists() else source.with_suffix("") / "__init__.py"
    text = ast.get_docstring(ast.parse(source.read_text("utf-8"))) or ""
    assert re.search(r"^    (from manyhues|ManyhuesError)", text, re.M)
    assert "::" not in text.split()


DOORS = re.findall(
    r"^::: (\S+)(?:\n +options:\n +members: \[(.*)\])?",
    (ROOT / "docs" / "api.md").read_text("utf-8"),
    re.M,
)


def examples(thing: Any) -> list[str]:
    """The code of a docstring: paragraphs that are indented, above what Google's style heads."""
    told = re.split(r"^(?:Args|Raises):", inspect.getdoc(thing) or "", flags=re.M)[0]
    code = re.findall(r"^\n((?: {4}.*\n|\n(?= {4}))+)", told + "\n", re.M)
    return [textwrap.dedent(block) for block in code]


@pytest.mark.parametrize(("name", "members"), DOORS, ids=[name for name, _ in DOORS])
def test_every_door_has_an_example_that_runs(
    name: str, members: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith("manyhues.video"):
        pytest.importorskip("av", reason="NO PYAV: pip install 'manyhues[video]'")
        monkeypatch.syspath_prepend(ROOT / "tests" / "video")
        films = importlib.import_module("films")
        moved = films.moved_in_colour("astronaut", 4, (128, 96))
        films.write(tmp_path / "film.mp4", moved, rate=1)
    if name in ("manyhues.science", "manyhues.image.picture.Picture"):
        pytest.importorskip("pydicom", reason="NO PYDICOM: pip install 'manyhues[dicom]'")
        files = importlib.import_module("dicom_files")
        (tmp_path / "scan.dcm").write_bytes(files.made(files.ramp(12, signed=False)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image.Image, "show", lambda image: None)
    painting = Image.fromarray(colourful(100, 160))
    painting.save("painting.jpg")
    painting.convert("L").save("old.jpg")
    door = pydoc.locate(name)
    names = members.split(", ") if members else []
    things = [door, *(inspect.getattr_static(door, member) for member in names)]
    code = [block for thing in things for block in examples(thing)]
    assert code, f"{name}: no example"
    for member in names:
        assert re.search(rf"\b{member}\b", "\n".join(code)), f"{name}.{member}: in no example"
    if name == "manyhues.errors":
        return  # its tree is no code
    colorizer = manyhues.Colorizer.load()
    scene = colorizer.encode("old.jpg")
    known = {
        "colorizer": colorizer,
        "scene": scene,
        "next_scene": scene,
        "image": painting,
        "label": 3,
        "result": colorizer.sample(scene, 2),
        **vars(importlib.import_module("manyhues.sampling.options")),
        **{"manyhues": manyhues, "np": np, "Image": Image, "Path": Path},
        **{"video": video, "science": science, "Recolor": Recolor},
    }
    for block in code:
        exec(block, dict(known))
        shutil.rmtree("out", ignore_errors=True)  # each begins anew


def test_every_key_of_a_result_is_told() -> None:
    page = (ROOT / "docs" / "research.md").read_text("utf-8")
    told = {
        word for row in re.findall(r"^\|.*", page, re.M) for word in re.findall(r"`(\w+)`", row)
    }
    keys = {*protocol.KEYS, *protocol.RANKS, *protocol.FACTS, "independent"}
    assert keys - told == set()
