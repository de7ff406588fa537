"""Detection quality: simulated and live sales with known anomalies, and the rules over a file."""
