"""Tests of several parts on real services.

A package, so that its stack ends with its tests and takes no memory from those that come after.
"""
