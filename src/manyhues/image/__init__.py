"""Pictures in and out: what is read, what is kept, what is written."""
