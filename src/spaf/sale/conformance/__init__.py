"""Accepted and refused forms of a record, each with an example and its outcome."""
