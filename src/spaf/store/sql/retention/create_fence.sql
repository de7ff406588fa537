-- Discard rows that a condition excludes, before other triggers see them. Grain: table.
CREATE OR REPLACE TRIGGER {fence} BEFORE INSERT ON {table}
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION discard_row()
