"""What is asked of a sample: options, candidates, hints, palette."""
