-- Take the default rights on the database from every role. Grain: database.
REVOKE ALL ON DATABASE {database} FROM PUBLIC
