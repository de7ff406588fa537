-- The sink is sent a change of a row in two halves, the row before and the row after it. If it
-- writes between them, it deletes the row and inserts it again: readers saw it disappear for some
-- milliseconds. The sums of a second only grow, so the sink has nothing to delete; with
-- deduplication a second that has lost its only sale is deleted by a trigger.
CREATE FUNCTION keep_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END $$;

CREATE TRIGGER sales_summary_stays BEFORE DELETE ON sales_summary
FOR EACH ROW WHEN (
    current_setting('application_name') = 'spaf sink'
    AND current_setting('spaf.deletes', TRUE) IS DISTINCT FROM 'on'
    AND pg_trigger_depth() = 0
) EXECUTE FUNCTION keep_row();

CREATE TRIGGER ledger_second_stays BEFORE DELETE ON ledger_second
FOR EACH ROW WHEN (
    current_setting('application_name') = 'spaf sink'
    AND current_setting('spaf.deletes', TRUE) IS DISTINCT FROM 'on'
    AND pg_trigger_depth() = 0
) EXECUTE FUNCTION keep_row();
