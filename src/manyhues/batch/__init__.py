"""Many pictures: which, where to, and what became of each."""
