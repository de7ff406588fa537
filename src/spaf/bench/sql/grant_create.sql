-- Programs of a comparison keep tables of their own beside the results. Grain: schema.
GRANT CREATE ON SCHEMA {schema} TO {role}
