"""Sessions, results and jobs as the API says them."""

from manyhues.studio import recipe, render
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
                kind=group.kind,
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
        ),
        groups=groups,
        results=[result_out(session, result) for result in list(session.results.values())],
        sheet=f"{base}/sheet",
        zip=f"{base}/zip",
    )


def result_out(session: Session, result: Result) -> schema.ResultOut:
    """One result with its links and its recipe."""
    base = f"/api/sessions/{session.id}/results/{result.id}"
    hints = result.made.options.get("hints", ())
    if result.made.kind in ("vary", "blend"):
        hints = steering_hints(session, result)
    return schema.ResultOut(
        id=result.id,
        number=result.number,
        version=result.version,
        group=result.group,
        kind=result.made.kind,
        method=result.method,
        of=list(result.made.of),
        seed=result.seed[0],
        k=result.seed[1],
        hints=[schema.HintOut(x=x, y=y, colour=colour) for x, y, colour in hints],
        saturation=result.steering.saturation,
        favourite=result.favourite,
        faint=[at for at, hint in enumerate(result.steering.hints) if hint.faint],
        notes=list(result.notes),
        url=f"{base}/full",
        preview=f"{base}/preview",
        view=f"{base}/view",
        download=f"{base}/download?format={session.format}",
        recipe=_recipe(session, result),
    )


def steering_hints(session: Session, result: Result) -> tuple[recipe.HintValue, ...]:
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
    origins: dict[str, recipe.Origin] = dict(session.results)
    line = recipe.command(origins, result.id, session.name)
    made = result.made
    base = session.result(made.of[0]).made if made.kind == "steer" else made
    # A hint given before drawing sways the sample, one given or removed afterwards does not.
    exact = line is not None and made.options["hints"] == base.options["hints"]
    file = None
    if line is not None:
        stem, suffix = render.stem_and_suffix(session)
        file = f"out/{stem}.{base.index + 1}{suffix}"
    return schema.RecipeOut(
        command=line,
        exact=exact,
        file=file,
        python=recipe.python(origins, result.id, session.name),
    )
