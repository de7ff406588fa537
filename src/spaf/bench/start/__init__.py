"""The start of `spaf demo`: time to the first row and to the page, and what it costs."""
