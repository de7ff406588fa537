-- Keep rows that a condition excludes from being deleted. Grain: table.
CREATE OR REPLACE TRIGGER {fence} BEFORE DELETE ON {table}
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION discard_row()
