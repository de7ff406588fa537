-- Late sales and their money; the row without a currency was not read. Grain: currency.
SELECT *
FROM quarantine_late
ORDER BY currency NULLS LAST
