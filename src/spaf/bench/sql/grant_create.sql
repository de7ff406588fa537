-- Programs of a comparison keep tables of their own in the schema of the results. Grain: schema.
GRANT CREATE ON SCHEMA {schema} TO {role}
