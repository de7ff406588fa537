"""The Locust process: users, web page, HTTP client, and results."""
