"""The same aggregation by other programs: what runs them, measures them and verifies their rows."""
