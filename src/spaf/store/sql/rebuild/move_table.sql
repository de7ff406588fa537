-- Move a table, with its indexes and triggers, to another schema. Grain: table.
ALTER TABLE {table} SET SCHEMA {schema}
