"""The sales as PostgreSQL tells them, held in memory for every viewer."""
