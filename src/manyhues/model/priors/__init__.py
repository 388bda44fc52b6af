"""P(z|G): grey features to samples of a code."""
