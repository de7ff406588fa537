"""Reads files of other programs: bytes to text, text to cells, cells to times and numbers."""
