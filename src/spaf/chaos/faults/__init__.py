"""The kinds of fault: one module for each means of making them."""
