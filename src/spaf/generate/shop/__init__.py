"""The seeded shop: its catalogue, the stream of its sales, and when each sale is due."""
