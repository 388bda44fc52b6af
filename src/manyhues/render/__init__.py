"""From small colour fields to pixels at full size."""
