-- Drop a schema with all that is in it. Grain: schema.
DROP SCHEMA IF EXISTS {schema} CASCADE
