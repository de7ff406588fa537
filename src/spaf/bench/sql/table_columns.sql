-- No rows; the columns of a table. Grain: row of the table.
SELECT * FROM {table} WHERE FALSE
