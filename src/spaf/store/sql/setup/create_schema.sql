-- Create the schema. Grain: schema.
CREATE SCHEMA IF NOT EXISTS {schema}
