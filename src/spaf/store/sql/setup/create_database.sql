-- Create the database. Grain: database.
CREATE DATABASE {database} OWNER {owner}
