-- Create the schema of tables that are built anew, or were replaced. Grain: schema.
CREATE SCHEMA {schema}
