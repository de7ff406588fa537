"""What stands between a request and its answer: guard, limits, errors, files."""
