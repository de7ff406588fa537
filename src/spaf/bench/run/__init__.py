"""One measured run: load, verdict, latency, cost, and whether the run is valid."""
