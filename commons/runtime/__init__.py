"""What a process needs of its machine: signals, meters."""
