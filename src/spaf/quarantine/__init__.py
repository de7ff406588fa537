"""The quarantine: why records were not accepted, and how to send one again."""
