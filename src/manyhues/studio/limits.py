"""Every bound of the studio in one place."""

from dataclasses import dataclass

# Of one request; the API's document names them, so they are the same for every studio.
COLOURINGS = 24
HINTS = 24  # each takes about 0.1 s of the one thread that draws
# Said of all work that memory is too short for.
NO_MEMORY = "not enough memory for this picture; make it smaller, or try again later"


@dataclass(frozen=True)
class Limits:
    """Bounds on one request, on the queues, on memory, and on the folder of results."""

    upload_bytes: int = 256 << 20  # a picture of 40 megapixels, 16 bits and grey has 80 MB
    pixels: int = 60_000_000  # of one picture; checked before it is decoded
    side: int = 200_000  # pixels; 60,000,000 x 1 would take 17 s
    results: int = 400  # colourings a session
    jobs: int = 16  # waiting and running, in each of the three lanes
    side_by_side: int = 2  # jobs that take turns; the others wait
    scenes: int = 4  # encoded pictures kept in memory ..
    scene_pixels: int = 60_000_000  # .. and their size in all, where more than one is kept
    sessions: int = 200
    folder_bytes: int = 2 << 30
    age: float = 24 * 3600.0  # seconds since a session was last used
    undo: float = 60.0  # seconds in which a deletion can be taken back
    leave: float = 6.0  # seconds after which work that nobody watches is stopped
    preview: int = 640  # long side in pixels
    view: int = 1600  # long side in pixels
    rough: int = 256  # long side in pixels
