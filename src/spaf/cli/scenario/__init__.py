"""A command for every registered scenario."""
