"""How large a run must be for a rate: from what a sale has cost in the records of measurements."""
