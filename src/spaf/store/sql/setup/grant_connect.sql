-- Let sink and reader connect to the database. Grain: database.
GRANT CONNECT ON DATABASE {database} TO {sink}, {reader}
