-- Give every option of the server back what its command line and its file say. Grain: server.
ALTER SYSTEM RESET ALL
