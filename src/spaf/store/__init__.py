"""PostgreSQL: access, roles, migrations, queries."""
