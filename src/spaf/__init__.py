"""SPAF: a real-time sales pipeline that measures and proves itself."""
