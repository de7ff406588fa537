-- Move a function of a trigger to another schema. Grain: function.
ALTER FUNCTION {function}() SET SCHEMA {schema}
