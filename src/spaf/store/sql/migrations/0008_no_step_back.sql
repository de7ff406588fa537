-- After a failure the job counts the sales since its checkpoint again. Its rows go through the same
-- values once more, and no reader shall see them: a row that has counted less than the present one
-- does not replace it.

-- Keep the row that has counted more; of one that is replaced, set the time of the change. With
-- deduplication a second may lose a sale to an earlier copy: the sink of such a job says so.
CREATE OR REPLACE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sales_count < OLD.sales_count
        AND current_setting('spaf.counts_may_shrink', true) IS DISTINCT FROM 'on'
    THEN
        RETURN NULL;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

-- Keep the second that reaches further into the log.
CREATE FUNCTION keep_further_second() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_second_keep BEFORE UPDATE ON ledger_second
FOR EACH ROW WHEN (new.max_offset < old.max_offset) EXECUTE FUNCTION keep_further_second();
