-- Set the password of a role. Grain: role.
ALTER ROLE {role} LOGIN PASSWORD {password}
