"""Which sessions may go to make room, and how much room those take that may not."""

from collections.abc import Sequence

from manyhues.studio.limits import Limits
from manyhues.studio.session import Session


def lasting_bytes(session: Session) -> int:
    """Size of what cannot be made again."""
    return session.files.size - session.files.derived_size


def leaving(sessions: Sequence[Session], limits: Limits, now: float, share: float) -> list[Session]:
    """Those that go once `share` of an age, a number and a size is reached.

    sessions  in the order of their use; the last one stays, and so does one that is open
    """
    found: list[Session] = []
    total, left = sum(map(lasting_bytes, sessions)), len(sessions)
    for session in sessions[:-1]:
        too_much = total > share * limits.folder_bytes or left > share * limits.sessions
        if now - session.used <= share * limits.age and not too_much:
            break  # those that follow were used later
        if session.holders or session.is_open:
            continue
        total -= lasting_bytes(session)
        left -= 1
        found.append(session)
    return found
