"""What the roles say to each other, sign, and compute alike.  Pure."""
