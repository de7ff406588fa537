-- Record an applied migration. Grain: migration.
INSERT INTO schema_migration (name, sha256)
VALUES (%(name)s, %(sha256)s)
