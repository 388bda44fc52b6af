"""A whole film: coloured stretch by stretch, in parts that an interruption does not lose."""

import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues import __version__ as manyhues_version
from manyhues.color.arrays import Array, resize
from manyhues.colorization import NAME, output_paths, sheet_name
from manyhues.colorizer import Colorizer
from manyhues.errors import OutputError
from manyhues.image import encode as writer
from manyhues.image import files, names, provenance
from manyhues.image.picture import Picture
from manyhues.model.scene import Scene
from manyhues.render import pixels as render
from manyhues.render.sheet import contact_sheet
from manyhues.render.upsample import Upsampler
from manyhues.sampling.options import Sampling
from manyhues.video import encode, hints, state
from manyhues.video.painter import Painter
from manyhues.video.pipeline import ahead, side_by_side
from manyhues.video.planes import Planes, lightness, with_upsampler
from manyhues.video.provenance import comment, made_otherwise, recipe
from manyhues.video.shots import Seen, see, stretches
from manyhues.video.source import Source
from manyhues.video.stages import Done, Painted, coloured, read

_PART = 10.0  # seconds of film that are lost at most when a run is killed
_ROWS = 6  # frames on the contact sheet
_TILE = 320  # pixels, its tiles' longer side
_BITS = 0.3  # for a pixel of film, about, at this quality

__all__ = ["Film", "Progress", "Result"]


@dataclass(frozen=True)
class Progress:
    """How far a film is: frames `done` of about `total`, `rate` a second, `left` seconds.

    `need` is about how many bytes of disk all of it takes while it is written.

        def watch(progress: video.Progress) -> None:
            print(f"{progress.done} of {progress.total}, {progress.left:.0f} s left")

        video.colorize("film.mp4", "out", progress=watch)
    """

    done: int
    total: int
    rate: float
    left: float
    need: int = 0
    name: str = ""


Watch = Callable[[Progress], None]


@dataclass
class Result:
    """What was written of a film: `paths` of its n versions, and the contact sheet's.

    `seeds` are what the versions were drawn with, `notes` what was lost or changed. `frames` were
    coloured in `seconds`.

        result: video.Result = video.colorize("film.mp4", "out")
        print(result.paths, result.sheet, result.notes)
    """

    paths: list[Path]
    sheet: Path | None
    seeds: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    seconds: float = 0.0


class Film:
    """One film, opened for colouring with a method.

    Raises `PictureError` for what is no film or damaged, `UsageError` for wrong hints or where
    PyAV is absent.

        colorizer = manyhues.Colorizer.load()  # kept for many films
        film = video.Film("film.mp4", colorizer, Sampling(n=3, seed=1))
        film.write("out", stem="coloured")
    """

    def __init__(
        self,
        path: str | Path,
        colorizer: Colorizer,
        sampling: Sampling,
        timed: hints.TimedHints = (),
    ) -> None:
        self.source = Source.open(path)
        self.colorizer, self.sampling = colorizer, sampling
        width, height = self.source.size
        self._grid = colorizer.grid(height, width)
        self.timed = hints.checked(timed, self.source)
        self._at_keys: hints.AtKeys = {}
        self._given: dict[int, list[int]] = {}
        if self.timed:
            self._given = hints.due(self.timed, self._seen(), self.source)
            self._at_keys = hints.follow(self.timed, self._given, self._seen(), self.source)

    def painted(self) -> Iterator[Painted]:
        """All frames with their colours, in order."""
        for done in self._stretches(Painter(self.colorizer, self.sampling)):
            yield from done.frames()

    def _stretches(self, painter: Painter, begun: state.Begun | None = None) -> Generator[Done]:
        """Stretch by stretch, `begun` being where an earlier run has come to.

        Each step of the way works ahead of the next, in a thread of its own.
        """
        start = begun.seen(self._grid, self.source.full) if begun else None
        look = begun.look if begun else None
        seen = ahead(self._seen(after=start), 2)
        found = ahead(stretches(seen, start=start, keys=lambda one: one.number in self._given))
        ready = ahead(read(painter, found, self._scene, self._at_keys, look), 4)
        with closing(ahead(coloured(painter, ready, self._at_keys, look))) as done:
            yield from done

    def _seen(self, after: Seen | None = None) -> Generator[Seen]:
        number = 0 if after is None else after.number + 1
        for frame in self.source.frames(None if after is None else after.frame):
            yield see(number, frame, self._grid, self.source.full)
            number += 1

    def _scene(self, seen: Seen, refining: bool) -> Scene:
        light = lightness(seen.frame.luma, self.source.full)
        picture = Picture(light, name=self.source.path.name)
        return self.colorizer.encode(picture, refining=refining)

    def planes(self, painted: Painted, versions: Sequence[int]) -> list[Planes]:
        """Planes Y', Cb, Cr of some versions of a frame."""
        source, luma, small = self.source, painted.seen.frame.luma, painted.seen.small
        light = lightness(small, source.full)
        upsampler = Upsampler(light, painted.ab.shape[2:])

        def one(ab: Array) -> Planes:
            return with_upsampler(luma, small, light, upsampler, ab, source.full, source.matrix)

        return [one(painted.ab[k]) for k in versions]

    def rgb(self, painted: Painted) -> list[NDArray[np.uint8]]:
        """sRGB ``(H, W, 3)`` of each version of a frame, at full size and with its own L*."""
        light = lightness(painted.seen.frame.luma, self.source.full)
        upsampler = Upsampler(light, painted.ab.shape[2:])
        return [
            np.asarray(render.pixels(light, upsampler.middle(ab), upsampler, 8), np.uint8)
            for ab in painted.ab
        ]

    def write(
        self,
        out: str | Path,
        *,
        stem: str | None = None,
        name: str = NAME,
        sheet: bool = True,
        overwrite: bool = False,
        notice: bool = True,
        progress: Watch | None = None,
    ) -> Result:
        """Write ``<stem>.<k>.<ext>`` and ``<stem>.sheet.jpg`` into the folder `out`.

        `name` is a pattern for the films' names, with {stem} and {k}. With `notice` the sheet says
        that the colour is artificial; the films say it anyway. What an interrupted run has written
        is used again, and of versions only those that are missing are written. Raises
        `OutputError`, also where none is missing.
        """
        began, source, notes = time.perf_counter(), self.source, list(self.source.notes)
        out, stem = Path(out), stem or names.stem_of(source.path.name)
        paths = output_paths(out, stem, self.sampling.n, encode.suffix_of(source.path), name)
        sheet_path = out / sheet_name(stem) if sheet else None
        missing = [k for k, path in enumerate(paths) if overwrite or not files.exists(path)]
        if not missing:
            files.check_free(paths[0], overwrite)
        files.make_folder(out)
        work = state.Work(out / f".{stem}.parts", self._what())
        need = self._check_room(out, len(missing), work.size())
        if progress is not None:
            progress(Progress(0, self.source.length, 0.0, 0.0, need))
        try:
            work.open()
            seeds, frames, earlier = self._parts(work, missing, began, progress)
            told = provenance.digest_file(source.path)
            about = (told, self.colorizer.method, self.sampling, self.timed)
            said = [comment(recipe(*about, seed)) for seed in seeds]
            notes += made_otherwise(
                {path: said[k] for k, path in enumerate(paths) if k not in missing}
            )
            for k in missing:
                path = paths[k]
                joined = work.folder / f"joined{path.suffix}"
                lost = encode.join(source, work.parts(k), joined, said[k])
                files.check_free(path, overwrite)
                joined.replace(path)
                work.drop(k)
                notes += [note for note in lost if note not in notes]
            if sheet_path is not None:
                files.write(
                    writer.encode_sheet(self._sheet(work, notice)), sheet_path, overwrite=True
                )
            work.remove()
        except OSError as error:
            raise OutputError(
                f"{out}: cannot be written ({error.strerror}); "
                "check the folder's permissions and the free space"
            ) from error
        finally:
            work.close()
        if paths[0].suffix != source.path.suffix.lower():
            notes.append(f"results are written as {paths[0].suffix}, not as {source.path.suffix}")
        if source.broken:
            notes.append(f"broken frames that were skipped: {source.broken}")
        if earlier:
            notes.append(f"frames that were there from an interrupted run: {earlier}")
        return Result(paths, sheet_path, seeds, notes, frames, time.perf_counter() - began)

    def _parts(
        self, work: state.Work, versions: list[int], began: float, progress: Watch | None
    ) -> tuple[list[tuple[int, int]], int, int]:
        """Colour all frames into parts of some versions, all of which are drawn.

        Returns the seeds, how many frames there are, and how many there were.
        """
        source, workers = self.source, self.colorizer.workers
        painter, begun = Painter(self.colorizer, self.sampling), work.begun(versions)
        if begun is not None:
            painter.earlier = begun.earlier
        first = done = begun.number + 1 if begun else 0
        seeds = begun.seeds if begun else ()
        rows = {round((i + 0.5) / _ROWS * max(source.length - 1, 0)) for i in range(_ROWS)}
        parts, begins = list[encode.Part](), 0
        stretches_ = self._stretches(painter, begun)
        painted = ((stretch, one) for stretch in stretches_ for one in stretch.frames())

        def planes(painted: tuple[Done, Painted]) -> list[Planes]:
            return self.planes(painted[1], versions)

        def finish(stretch: Done) -> None:
            for part in parts:
                part.close()
            parts.clear()
            work.save(stretch.look, stretch.stretch.key, stretch.earlier, seeds)

        latest: Done | None = None
        try:
            with closing(stretches_), closing(side_by_side(planes, painted, workers)) as made:
                for (latest, one), versions_ in made:
                    seeds, frame = seeds or latest.look.seeds, one.seen.frame
                    if not parts:
                        parts += [encode.Part(path, source) for path in work.next(versions)]
                        begins = frame.pts
                    for part, version in zip(parts, versions_, strict=True):
                        part.add(frame.pts, version)
                    if one.seen.number in rows:
                        self._keep_tiles(work.folder, one)
                    done += 1
                    if one.seen is not latest.stretch.key:
                        continue
                    if progress is not None:
                        progress(_progress(done, first, source.length, began))
                    if (frame.pts - begins) * source.time_base >= _PART:
                        finish(latest)
            if latest is not None and parts:
                finish(latest)
        finally:
            for part in parts:
                part.drop()
        return list(seeds), done, first

    def _what(self) -> dict[str, Any]:
        """What a run is of: one of another film or with other options begins anew."""
        about = self.source.path.stat()
        palette = [part.tolist() for part in self.sampling.palette or ()]
        options = asdict(replace(self.sampling, like=None)) | {"palette": palette}
        return {
            "version": manyhues_version,
            "method": self.colorizer.method,
            "size": about.st_size,
            "changed": about.st_mtime_ns,
            "options": options,
            "hints": [str(hint) for hint in self.timed],
        }

    def need(self, versions: int) -> int:
        """Bytes of disk that writing takes, about: so many versions, and one of them twice."""
        width, height = self.source.size
        own = self.source.path.stat().st_size
        one = max(own, int(width * height * max(self.source.length, 1) * _BITS / 8))
        return one * (versions + 1)

    def _check_room(self, out: Path, versions: int, there: int) -> int:
        """How much is needed; `there` is what an interrupted run has written of it."""
        free, need = shutil.disk_usage(out).free, self.need(versions)
        if free < need - there:
            raise OutputError(
                f"{out}: {files.size_of(free)} free, about {files.size_of(need - there)} needed "
                f"for n={versions}; free some, take fewer, or choose another folder"
            )
        return need

    def _keep_tiles(self, folder: Path, one: Painted) -> None:
        """Small pictures of a frame, for the contact sheet."""
        width, height = self.source.size
        shown = width * float(self.source.shape)
        long = min(1.0, _TILE / max(height, shown))
        h, w = max(1, round(height * long)), max(1, round(shown * long))
        light = resize(lightness(one.seen.frame.luma, self.source.full), h, w)
        upsampler = Upsampler(light, one.ab.shape[2:])
        for k, ab in enumerate((np.zeros_like(one.ab[0]), *one.ab)):
            tile = render.to_image(render.pixels(light, upsampler.middle(ab), upsampler, 8))
            tile.save(folder / f"tile.{one.seen.number:09d}.{k}.png")

    def _sheet(self, work: state.Work, notice: bool) -> Image.Image:
        tiles = []
        for path in sorted(work.folder.glob("tile.*.png")):
            number, k = (int(part) for part in path.name.split(".")[1:3])
            seconds = round(number / float(self.source.rate))
            label = f"{seconds // 60}:{seconds % 60:02d}" if k == 0 else str(k)
            with Image.open(path) as tile:
                tiles.append((tile.convert("RGB"), label, ""))
        note, title = self.colorizer.method, self.source.path.name
        note = f"{note} · {provenance.NOTICE}" if notice else note
        return contact_sheet(tiles, title=title, note=note, columns=self.sampling.n + 1)


def _progress(done: int, first: int, total: int, began: float) -> Progress:
    rate = (done - first) / max(time.perf_counter() - began, 1e-6)
    total = max(total, done)
    return Progress(done, total, rate, (total - done) / max(rate, 1e-6))
