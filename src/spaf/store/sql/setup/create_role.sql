-- Create a role that may log in. Grain: role.
CREATE ROLE {role} LOGIN PASSWORD {password}
