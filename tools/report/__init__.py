"""What makes docs/results.md: measuring, figures, the page."""
