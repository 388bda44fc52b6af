"""What the studio answers, one file a group of paths."""
