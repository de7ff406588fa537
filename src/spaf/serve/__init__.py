"""The live page: one reader of the tables, pushed to any number of browsers."""
