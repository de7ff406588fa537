-- The names of the roles. Grain: role.
SELECT rolname FROM pg_roles
