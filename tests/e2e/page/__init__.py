"""The page in a real browser.

A package, so that what its tests share ends with them: Playwright's loop runs in the thread of the
tests, where none of another test could, and its run would go on beside all others.
"""
