"""File formats, one file a family."""
