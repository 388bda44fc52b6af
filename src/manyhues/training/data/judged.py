"""Colourings that somebody judged: drawn here, laid out to be looked at, and read by `preference`.

    manyhues judged PICTURES --out judged [--count 400] [--weights FOLDER]

draws six colourings of each of `count` photographs, with the weights that are to learn from the
verdicts, and lays four photographs to a sheet, judged/000.png and so on. Whoever looks writes into
judged/verdicts.txt which are faulty, a line a sheet; a remark in brackets may follow a number:

    000 A: 2 5(patch, TR+MR); B: ; C: 1(cast); D: 3 4 6

TL, TC, TR, ML, MC, MR, BL, BC and BR in it, in capitals, are the ninths of the picture that the
fault is in, from top left to bottom right; without them it is everywhere.

A photograph (000A.npz) is kept as the networks read it, with codes as the velocity leaves them at
each working size, so that training wants neither the photograph nor its features again.
"""

import itertools
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from manyhues import Colorizer
from manyhues.color.arrays import resize
from manyhues.color.lab import rgb_to_lab
from manyhues.errors import DataError
from manyhues.image.files import make_folder
from manyhues.model.priors.base import Draw
from manyhues.model.priors.flow import Flow
from manyhues.model.scene import Scene
from manyhues.render.sheet import Tile, contact_sheet
from manyhues.sampling.candidates import pool_size
from manyhues.training.data.cache import Batch, Cache, laid_out
from manyhues.training.data.film import filmed
from manyhues.training.data.pictures import open_pictures, training_split
from manyhues.training.networks.grid import CELL, CODE_SCALE

WAYS = (1.0, 1.0, 1.0, 1.0, 1.0, 0.8)  # diversities of a picture's samples
ON_FILM = 0.4  # share of photographs that are seen as on old film
ROWS = "ABCD"  # photographs on a sheet
_TILE = 262, 230
_HELD_OUT = 8  # one photograph of as many is never trained on
_MAPS = ("luminance", "f8", "f16", "f32")
_STRIDES = (1, CELL, 2 * CELL, 4 * CELL)  # of the maps above, in pixels
_VERDICT = re.compile(r"([1-9]\d*)\s*(?:\(([^)]*)\))?[\s,]*")
_NINTH = re.compile(r"\b([TMB])([LCR])\b")


@dataclass(frozen=True)
class JudgedBatch(Batch):
    """Photographs with two samples each, codes (B, 2, h/4, w/4): `worse` was called faulty.

    `fault` (B, 1, h/4, w/4) is where, from 0 to 1.
    """

    better: Tensor = field(default_factory=lambda: torch.empty(0))
    worse: Tensor = field(default_factory=lambda: torch.empty(0))
    fault: Tensor = field(default_factory=lambda: torch.empty(0))


def verdicts(folder: Path) -> dict[str, dict[int, NDArray[np.float32]]]:
    """The faulty samples, from 1, of every photograph in the folder's ``*.txt``, and where.

    Where is (3, 3): 1 in the ninths of the picture that the fault is in. A row that is not named
    was not judged. Raises `DataError` for a line of another form, and for a row that is judged
    twice.
    """
    found: dict[str, dict[int, NDArray[np.float32]]] = {}
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            sheet, _, rest = line.strip().partition(" ")
            parts = re.split(rf"\b([{ROWS}]):", rest)
            if not sheet:
                continue
            if len(parts) < 3 or parts[0].strip():
                raise DataError(f"{path}:{number}: expected as in `000 A: 2 5; B: ; C: 1; D: `")
            for row, said in zip(parts[1::2], parts[2::2], strict=True):
                said = said.strip().removesuffix(";")
                if not re.fullmatch(rf"(?:{_VERDICT.pattern})*", said):
                    raise DataError(f"{path}:{number}: `{row}:{said}`: expected numbers of samples")
                if sheet + row in found:
                    raise DataError(f"{path}:{number}: {sheet}{row} has been judged already")
                of = found.setdefault(sheet + row, {})
                for k, remark in _VERDICT.findall(said):  # a sample may be named for each fault
                    of[int(k)] = np.maximum(of.get(int(k), 0), _where(remark))
    return found


def _where(remark: str) -> NDArray[np.float32]:
    ninths = np.zeros((3, 3), np.float32)
    for row, column in _NINTH.findall(remark):
        ninths["TMB".index(row), "LCR".index(column)] = 1
    return ninths if ninths.any() else ninths + 1


def _over(ninths: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Ninths on a grid of cells (1, height, width), falling off to the middle of the next one."""
    return F.interpolate(
        torch.from_numpy(ninths)[None, None], (height, width), mode="bilinear"
    ).numpy()[0]


def _is_held_out(name: str) -> bool:
    return zlib.crc32(name.encode()) % _HELD_OUT == 0


class Judged(Cache):
    """Judged photographs at one working size; an example is a photograph with one of its pairs.

    What is far from a photograph's other samples is faulted more often, as are strong colours, and
    pairs taken as they come would teach all samples to be alike. So the better of a pair is, where
    the worse is at fault, farther from the mean of the others as often as not.
    """

    def __init__(self, folders: Sequence[Path], level: int) -> None:
        self.level, self.size = level, 16 * CELL * (level + 1)
        self.scenes: list[dict[str, NDArray[Any]]] = []
        self.faults: list[dict[int, NDArray[np.float32]]] = []  # of samples, on the grid
        self.pairs: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]] = []
        judged = [(f, *verdict) for f in folders for verdict in sorted(verdicts(f).items())]
        # Held out by name, so at every working size and in every copy of a folder: those first.
        judged.sort(key=lambda one: not _is_held_out(one[1]))
        added = [
            name for folder, name, faulty in judged if self._add(folder / f"{name}.npz", faulty)
        ]
        self.held = min(max(1, sum(map(_is_held_out, added))), len(added) - 1)
        if not self.pairs and level == 0:
            raise DataError(
                f"{folders[0]}: no photograph with both faulty and faultless samples; "
                "draw more, and write down which are faulty"
            )
        self.sources, self.counts = [folders[0]], [len(self.pairs)]
        self._starts = np.cumsum([0, *self.counts])
        kinds = np.array([[bool(near), bool(far)] for near, far in self.pairs])
        kinds = kinds.reshape(-1, 2)
        both = kinds.all(1).sum() / max(1, len(kinds))
        # How often to take a farther better one where a photograph has pairs of both kinds.
        only = (kinds[:, 1] & ~kinds[:, 0]).sum() / max(1, len(kinds))
        self.balance = float(np.clip((0.5 - only) / max(both, 1e-9), 0, 1))

    def _add(self, path: Path, faulty: dict[int, NDArray[np.float32]]) -> bool:
        """Keep a judged photograph that has pairs at this working size; whether it has."""
        if not path.exists():
            raise DataError(f"{path}: was judged and is not there; draw it again, or leave it out")
        with np.load(path) as kept:
            names = {f"{name}{self.level}" for name in (*_MAPS, "codes", "true")}
            if not names <= set(kept.files):  # a picture too small for this working size
                return False
            scene = {name[:-1]: kept[name] for name in names}
        codes = scene["codes"].astype(np.float32)
        if faulty and max(faulty) > len(codes):
            raise DataError(f"{path}: a verdict names sample {max(faulty)} of {len(codes)}")
        faults = {k - 1: _over(ninths, *codes.shape[2:]) for k, ninths in faulty.items()}
        others = (codes.sum(0) - codes) / max(1, len(codes) - 1)
        distance = ((codes - others) ** 2).sum(1)
        near: list[tuple[int, int]] = []
        far: list[tuple[int, int]] = []
        for better in {*range(len(codes))} - {*faults}:
            for worse, fault in faults.items():
                farther = ((distance[better] - distance[worse]) * fault).sum() >= 0
                (far if farther else near).append((better, worse))
        if not (near or far):
            return False
        self.scenes.append(scene)
        self.faults.append(faults)
        self.pairs.append((near, far))
        return True

    def taught(self, held: Mapping[Path, Fraction]) -> NDArray[np.int64]:
        """As `Cache.taught`; its own photographs are held out, at every working size."""
        return np.arange(self.held, len(self))

    def held_out(self, count: int) -> int:
        """As `Cache.held_out`; one that is trained on if there is but one."""
        return max(1, min(count, self.held))

    def batch(
        self,
        rows: NDArray[np.int64],
        *,
        flip: bool = False,
        features: bool = True,
        device: torch.device | str = "cpu",
    ) -> JudgedBatch:
        """A random pair of each photograph in `rows`, and a random square part with the fault."""
        parts = [self._cut(int(row)) for row in rows]

        def tensor(name: str) -> Tensor:
            value = torch.from_numpy(np.stack([part[name] for part in parts]))
            return laid_out(value.to(device).float(), flip)

        true = CODE_SCALE * tensor("true")
        return JudgedBatch(
            **{name: tensor(name) for name in (*_MAPS, "better", "worse", "fault")},
            ab=true.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3),
        )

    def _cut(self, row: int) -> dict[str, NDArray[Any]]:
        scene, kinds = self.scenes[row], self.pairs[row]
        far = bool(kinds[1]) and (not kinds[0] or float(torch.rand(())) < self.balance)
        pairs = kinds[far]
        better, worse = pairs[int(torch.randint(len(pairs), ()))]
        fault = self.faults[row][worse]
        side, step = self.size, _STRIDES[-1]  # parts begin where a cell of the coarsest map does
        height, width = scene["luminance"].shape[1:]
        places = [
            (top, left)
            for top in range(0, height - side + 1, step)
            for left in range(0, width - side + 1, step)
        ]

        def part(plane: NDArray[Any], stride: int, top: int, left: int) -> NDArray[Any]:
            y, x, cells = top // stride, left // stride, side // stride
            return plane[:, y : y + cells, x : x + cells]

        seen = np.array([part(fault, CELL, *place).sum() for place in places])
        places = [place for place, much in zip(places, seen, strict=True) if much >= seen.max() / 2]
        place = places[int(torch.randint(len(places), ()))]
        planes = {
            "better": (scene["codes"][better], CELL),
            "worse": (scene["codes"][worse], CELL),
            "fault": (fault, CELL),
            "true": (scene["true"], CELL),
        }
        planes |= {n: (scene[n], s) for n, s in zip(_MAPS, _STRIDES, strict=True)}
        return {name: part(plane, stride, *place) for name, (plane, stride) in planes.items()}


def draw(
    pictures: Path,
    out: Path,
    count: int,
    seed: int = 0,
    weights: Path | None = None,
    *,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Draw samples of `count` photographs into the folder `out`, with sheets to judge them by.

    `tell` is told the number of each, from 1, and how many there are at the most.
    Raises `DataError` where `out` holds anything: verdicts on others would be taken for these.
    """
    source = open_pictures(pictures, training_split(pictures))
    make_folder(out)
    if any(out.iterdir()):  # sheets are called as somebody's pictures may be
        raise DataError(f"{out}: holds files already; use another --out")
    colorizer = Colorizer.load("flow", weights)
    prior, most = colorizer.prior, min(count, len(source))
    assert isinstance(prior, Flow)
    random, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    coloured = itertools.islice(source.coloured(random.permutation(len(source)).tolist()), count)
    page: list[Tile] = []
    for number, (_, rgb) in enumerate(coloured):
        tell(number + 1, most)
        name = f"{number // len(ROWS):03d}{ROWS[number % len(ROWS)]}"
        lab = torch.from_numpy(rgb_to_lab(rgb / np.float32(255)).transpose(2, 0, 1)[None].copy())
        luminance, ab = lab.split((1, 2), 1)
        seen = 50 * (filmed(luminance / 50 - 1, ab, ON_FILM, noise) + 1)
        scene = colorizer.encode_luminance(seen[0, 0].numpy())
        kept: dict[str, dict[int, NDArray[Any]]] = {}
        tiles: dict[int, Image.Image] = {}
        numbers = random.choice(pool_size(len(WAYS)), len(WAYS), replace=False)
        ways = random.permutation(WAYS)
        for diversity in {*ways.tolist()}:
            places = np.flatnonzero(ways == diversity).tolist()
            some = Draw(seed, numbers[places].tolist(), diversity)
            stages = prior.stages(scene, some)
            for level, codes in enumerate(stages):
                kept.setdefault(f"codes{level}", {}).update(zip(places, codes, strict=True))
            images = _shown(colorizer, scene, prior.done(scene, some, stages[-1]))
            tiles.update(zip(places, images, strict=True))
        arrays = {name: np.stack([v for _, v in sorted(of.items())]) for name, of in kept.items()}
        for level, read in enumerate(scene.levels):
            arrays |= {f"{name}{level}": value[0] for name, value in read.inputs.items()}
            grid = read.height // CELL, read.width // CELL
            planes = [resize(np.ascontiguousarray(plane), *grid) for plane in ab[0].numpy()]
            arrays[f"true{level}"] = np.stack(planes) / CODE_SCALE
        np.savez(out / name, **{k: v.astype(np.float16) for k, v in arrays.items()})  # type: ignore[arg-type]
        if name[-1] == ROWS[0]:
            page = []
        page += [(tile, f"{name[-1]}{place + 1}", "") for place, tile in sorted(tiles.items())]
        sheet = contact_sheet(page, title="samples", note=name[:-1], columns=len(WAYS))
        sheet.save(out / f"{name[:-1]}.png")


def _shown(colorizer: Colorizer, scene: Scene, codes: NDArray[np.float32]) -> list[Image.Image]:
    some = colorizer.of_codes(scene, codes)
    return [ImageOps.contain(some.image(k).convert("RGB"), _TILE) for k in range(len(codes))]
