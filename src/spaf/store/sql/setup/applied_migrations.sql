-- The applied migrations and their hashes. Grain: migration.
SELECT
    name,
    sha256
FROM schema_migration
