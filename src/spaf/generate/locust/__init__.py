"""The Locust process: its users, its web page, the protocol of both sides, and its results."""
