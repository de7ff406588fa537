"""The quarantine: what became of the records that were not accepted, and how to send one again."""
