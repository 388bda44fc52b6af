"""Networks and losses that methods are made of."""
