"""What lies on disk, or in Redis: files, logs, keys, parameters, models."""
