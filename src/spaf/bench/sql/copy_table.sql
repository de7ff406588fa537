-- A table as text, ordered by its columns. Grain: row of the table.
COPY (SELECT {columns} FROM {table} ORDER BY {columns}) TO STDOUT
