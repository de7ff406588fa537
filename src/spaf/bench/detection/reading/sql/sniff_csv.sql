-- The dialect of a CSV file, as DuckDB finds it: one row.
SELECT
    delimiter,
    quote,
    escape
FROM sniff_csv($path, null_padding = true)
