"""The model owner: tasks, rounds and checked aggregates."""
