"""Output of the commands: tables, progress, and the live dashboard."""
