"""The verifier, verified: each planted damage must be caught."""
