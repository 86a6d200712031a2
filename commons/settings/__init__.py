"""Settings: their values, their sections, and how they are read."""
