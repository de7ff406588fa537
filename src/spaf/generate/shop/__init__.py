"""The seeded shop: what it sells, the stream of its sales, and when each sale is due."""
