"""``--dry-run``: what would be written, and that nothing is."""

import json
import sys

from manyhues.batch.report import Batch
from manyhues.cli.progress import one_line, say_left_out
from manyhues.language import spoken


def show(batch: Batch, as_json: bool) -> int:
    """Print what a planned batch would write to standard output; returns how many would fail.

    Raises `OutputError` where nothing could be written, as `progress.watch` does.
    """
    if batch.fault and not as_json:
        raise batch.fault
    say_left_out(batch.left_out)
    failed = 0
    for report in batch.reports:
        failed += report.error is not None
        if as_json:
            print(json.dumps(report.as_dict()))
            continue
        if report.error:
            print(one_line(spoken(report.error)), file=sys.stderr)
            continue
        first, *more = report.outputs
        shown = spoken(" to ").join((first, *more[-1:]))
        there = spoken(" (all there already)") if report.skipped else ""
        print(one_line(f"{report.input} -> {shown}{there}"))
        for note in report.notes:
            said = f"note: {report.input}: {spoken(note)}"
            print(one_line(spoken(said)), file=sys.stderr)
    return failed
