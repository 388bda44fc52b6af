"""What the API says, and takes beside the actions' bodies, typed; the source of OpenAPI."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from manyhues.studio.actions.fields import Strict


class MarkIn(Strict):
    """Whether a result is among the favourites, and whether it is hidden; what is absent stays."""

    favourite: bool | None = None
    hidden: bool | None = None


class PictureOut(BaseModel):
    """The picture that was given."""

    name: str
    width: int
    height: int
    format: str
    bits: int
    grey: Annotated[str, Field(description="Link: the picture without colour, to look at.")]
    notes: list[str]
    notes_vi: Annotated[list[str], Field(description="The same, in Vietnamese.")]
    page: Annotated[int, Field(description="Which of the file's pages it is, from 1.")]
    pages: Annotated[int, Field(description="How many the file has.")]


class PageOut(BaseModel):
    """A page of a file that is in the studio, as a session of its own."""

    page: int
    session: str


class PageIn(Strict):
    """Which page, from 1."""

    page: Annotated[int, Field(ge=1, le=2**31 - 1)]


class HintOut(BaseModel):
    """A colour at a pixel, as `#rrggbb` however it was given."""

    x: int
    y: int
    colour: str


class RecipeOut(BaseModel):
    """How to make a result again."""

    command: Annotated[
        str | None, Field(description="Command line; null where there is no such verb.")
    ]
    exact: Annotated[bool, Field(description="Whether the command gives the very same pixels.")]
    file: Annotated[str | None, Field(description="Which of the command's files it is.")]
    python: str


class ResultOut(BaseModel):
    """One colouring, with its links."""

    id: str
    number: Annotated[int, Field(description="In order of appearance, from 1.")]
    version: Annotated[int, Field(description="0, or which steering of that number.")]
    group: str
    kind: str
    method: str
    of: list[str]
    seed: int
    k: int
    hints: list[HintOut]
    saturation: float
    favourite: bool
    hidden: bool
    faint: Annotated[
        list[int],
        Field(description="Which of the hints hardly show, their places too light or dark."),
    ]
    reach: Annotated[
        list[float], Field(description="The share of the picture that each hint colours.")
    ]
    notes: list[str]
    url: Annotated[str, Field(description="Link: PNG at full size.")]
    preview: Annotated[str, Field(description="Link: small, ready at once.")]
    view: Annotated[str, Field(description="Link: as large as a screen.")]
    download: Annotated[str, Field(description="Link: full size in the input's format.")]
    recipe: RecipeOut


class JobOut(BaseModel):
    """Work and where it stands."""

    id: str
    kind: str
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    done: int
    total: int
    events: Annotated[str, Field(description="Link: server-sent events of this work.")]


class GroupOut(BaseModel):
    """Results of one request."""

    id: str
    kind: str
    of: list[str]
    total: int
    seed: Annotated[int | None, Field(description="Null where nothing is drawn: blends, hints.")]
    results: list[str]
    job: JobOut | None = None


class SessionOut(BaseModel):
    """A picture and everything made of it."""

    session: Annotated[str, Field(description="The session's id.")]
    picture: PictureOut
    pages: Annotated[
        list[PageOut], Field(description="The pages of its file that are here, this one too.")
    ]
    groups: list[GroupOut]
    results: list[ResultOut]
    sheet: Annotated[str, Field(description="Link: contact sheet, JPEG.")]
    zip: Annotated[str, Field(description="Link: all results at full size in one ZIP.")]


class BriefOut(BaseModel):
    """A session in a list."""

    session: str
    name: str
    page: Annotated[int, Field(description="Which of the file's pages it is, from 1.")]
    pages: int
    width: int
    height: int
    grey: Annotated[str, Field(description="Link: the picture without colour, to look at.")]
    shown: Annotated[str, Field(description="Link: a favourite, the first colouring, or the grey.")]
    results: int
    favourites: int
    used: Annotated[float, Field(description="Seconds since 1970.")]
    working: Annotated[bool, Field(description="Whether something is being made of it.")]
    leaving: Annotated[bool, Field(description="Whether it is the next to be removed for room.")]


class SessionsOut(BaseModel):
    """Sessions, the one used last first."""

    kept: Annotated[bool, Field(description="Whether they outlive the studio.")]
    sessions: list[BriefOut]


class PaletteOut(BaseModel):
    """A picture whose colours can be taken, as `like`."""

    id: str
    name: str


class GivingOut(BaseModel):
    """How far a download has come, in files."""

    state: Literal["preparing", "sending", "done", "failed", "stopped"]
    done: int
    total: int
    detail: str


class ColorizeOut(SessionOut):
    """A new session, with the work that fills it."""

    job: JobOut


class AboutOut(BaseModel):
    """What this studio offers."""

    version: str
    methods: list[str]
    examples: list[str]
    upload_bytes: int
    pixels: int
    n: int
    kept: Annotated[bool, Field(description="Whether pictures outlive the studio.")]
    diversity: Annotated[float, Field(description="What is drawn with by default.")]


class Fault(BaseModel):
    """What went wrong: a word for programs, a sentence for people."""

    code: str
    detail: str
