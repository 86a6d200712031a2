"""The demonstration: every role on one machine, real data, two cheaters, plain training beside it for comparison."""
