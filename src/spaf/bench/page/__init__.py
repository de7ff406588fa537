"""The live page in a real browser: latency, viewers, weight, history, memory."""
