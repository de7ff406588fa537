"""Whether SPAF can run here: the checks of `spaf doctor`, some of which `spaf up` repeats."""
