-- Set an option of the server, for all sessions after the next reload. Grain: server.
ALTER SYSTEM SET {option} TO {value}
