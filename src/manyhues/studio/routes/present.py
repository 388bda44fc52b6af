"""Sessions, results and jobs as the API says them."""

from manyhues.language import vietnamese
from manyhues.studio import derived, recipe
from manyhues.studio.actions.base import HintValue, Origin
from manyhues.studio.hub import Studio
from manyhues.studio.lanes import Job
from manyhues.studio.routes import schema
from manyhues.studio.store import Result, Session


def session_out(studio: Studio, session: Session) -> schema.SessionOut:
    """A session with everything in it."""
    base = f"/api/sessions/{session.id}"
    picture = session.picture
    groups = []
    for group in list(session.groups.values()):
        job = studio.job_of(group.id)
        groups.append(
            schema.GroupOut(
                id=group.id,
                kind=group.action.name,
                of=list(group.of),
                total=group.total,
                seed=group.seed,
                results=[r.id for r in list(session.results.values()) if r.group == group.id],
                job=None if job is None or job.finished else job_out(job),
            )
        )
    return schema.SessionOut(
        session=session.id,
        picture=schema.PictureOut(
            name=session.name,
            width=session.size[0],
            height=session.size[1],
            format=picture.format,
            bits=picture.bits,
            grey=f"{base}/grey",
            notes=list(picture.notes),
            notes_vi=[vietnamese(note) for note in picture.notes],
            page=session.page,
            pages=picture.page_count,
        ),
        pages=[
            schema.PageOut(page=one.page, session=one.id)
            for one in sorted(studio.store.pages(session), key=lambda one: one.page)
        ],
        groups=groups,
        results=[result_out(session, result) for result in list(session.results.values())],
        sheet=f"{base}/sheet",
        zip=f"{base}/zip",
    )


def brief_out(session: Session, leaving: bool) -> schema.BriefOut:
    """A session in a list."""
    base = f"/api/sessions/{session.id}"
    results = [one for one in list(session.results.values()) if not one.hidden]
    liked = [one for one in results if one.favourite]
    first = next(iter(liked or results), None)
    return schema.BriefOut(
        session=session.id,
        name=session.name,
        page=session.page,
        pages=session.picture.page_count,
        width=session.size[0],
        height=session.size[1],
        grey=f"{base}/grey",
        shown=f"{base}/grey" if first is None else f"{base}/results/{first.id}/preview",
        results=sum(not one.made.action.revises for one in results),
        favourites=len(liked),
        used=session.used,
        working=session.holders > 0,
        leaving=leaving,
    )


def result_out(session: Session, result: Result) -> schema.ResultOut:
    """One result with its links and its recipe."""
    base = f"/api/sessions/{session.id}/results/{result.id}"
    hints = steering_hints(session, result)
    return schema.ResultOut(
        id=result.id,
        number=result.number,
        version=result.version,
        group=result.group,
        kind=result.made.action.name,
        method=result.method,
        of=list(result.made.of),
        seed=result.seed[0],
        k=result.seed[1],
        hints=[schema.HintOut(x=x, y=y, colour=colour) for x, y, colour in hints],
        saturation=result.steering.saturation,
        favourite=result.favourite,
        hidden=result.hidden,
        faint=[at for at, hint in enumerate(result.steering.hints) if hint.faint],
        reach=list(result.reach),
        notes=list(result.notes),
        url=f"{base}/full",
        preview=f"{base}/preview",
        view=f"{base}/view",
        download=f"{base}/download?format={session.format}",
        recipe=_recipe(session, result),
    )


def steering_hints(session: Session, result: Result) -> tuple[HintValue, ...]:
    """The hints that a result carries, its own or those of what it was made from."""
    while "hints" not in result.made.options and result.made.of:
        result = session.result(result.made.of[0])
    return tuple(result.made.options.get("hints", ()))


def job_out(job: Job) -> schema.JobOut:
    """A job and where it stands."""
    results = sum(event["type"] == "result" for event in job.events)
    return schema.JobOut(
        id=job.id,
        kind=job.kind,
        state=job.state,
        done=results,
        total=job.total,
        events=f"/api/jobs/{job.id}/events",
    )


def _recipe(session: Session, result: Result) -> schema.RecipeOut:
    origins: dict[str, Origin] = dict(session.results)
    drawn = result.made.action.command(result.made, origins)
    file = None
    if drawn is not None:
        file = f"out/{derived.stem(session)}.{drawn.index + 1}{derived.suffix(session)}"
    return schema.RecipeOut(
        command=recipe.command(origins, result.id, session.name),
        exact=drawn is not None and drawn.exact,
        file=file,
        python=recipe.python(origins, result.id, session.name, session.page),
    )
