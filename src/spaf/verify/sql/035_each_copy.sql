-- Accepted sales, each copy of them. Grain: partition, offset, place inside the record.
CREATE VIEW sale AS
SELECT
    *,
    counted AS sells,
    NOT counted AS unsettles
FROM event
WHERE outcome = 0;
