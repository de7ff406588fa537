-- Accepted sales; every copy is summed. Grain: partition, offset, array index.
CREATE VIEW sale AS
SELECT
    *,
    is_counted AS is_summed,
    NOT is_counted AS leaves_open
FROM event
WHERE outcome = 0;
