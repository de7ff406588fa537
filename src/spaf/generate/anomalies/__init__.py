"""Injected anomalies and episodes, their labels, and the rule that matches alerts to labels."""
