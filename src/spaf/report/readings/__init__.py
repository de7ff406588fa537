"""Results of single scenarios, as plots, tables and goals read them."""
