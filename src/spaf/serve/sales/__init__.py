"""The sales as they are in PostgreSQL, held in memory for every viewer."""
