"""The page in a real browser.

A package, so that its browser ends with its tests: Playwright's loop runs in the thread of the
tests, where none of another test could.
"""
