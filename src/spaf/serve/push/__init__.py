"""From the server to every browser: events, numbered and kept for a while."""
