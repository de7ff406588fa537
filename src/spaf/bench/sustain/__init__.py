"""The sustainable rate: the highest with latency within a limit and a lag that does not grow."""
