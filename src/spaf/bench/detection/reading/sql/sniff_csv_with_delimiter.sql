-- Quote and escape of a CSV file whose delimiter is known, as DuckDB finds them: one row.
SELECT
    delimiter,
    quote,
    escape
FROM sniff_csv($path, null_padding = true, delim = $delimiter)
