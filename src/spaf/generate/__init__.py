"""The simulated sales: a seeded stream, an open-loop schedule, and the Locust file that sends."""
