"""The kinds of faults: one module for each means of making them."""
