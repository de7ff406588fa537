"""Growth: cost, latency and memory as one factor grows while the others stay; a day, compressed."""
