"""From a vector to shares and back.  Pure, except that sealing draws ephemeral keys."""
