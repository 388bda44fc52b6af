"""How large a picture may be, without an option that says otherwise."""

MAX_PIXELS = 300_000_000
