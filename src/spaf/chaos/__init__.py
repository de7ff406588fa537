"""Faults under load: a seeded plan of them, made one after the other, each followed by a proof."""
