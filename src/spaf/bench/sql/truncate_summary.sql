-- COPY FREEZE needs a table that its transaction has emptied; not one with parts. Grain: table.
TRUNCATE sales_summary_other
