"""Agreement: hostile records through two programs, and one log through differently built jobs."""
