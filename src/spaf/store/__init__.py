"""PostgreSQL, the keeper of the answers: roles, migrations, connections, queries."""
