-- Note that SPAF has created the schema and may drop it. Grain: schema.
COMMENT ON SCHEMA {schema} IS {mark}
