"""Whole runs: load, verdict, figures; each scenario a file, each result one record."""
