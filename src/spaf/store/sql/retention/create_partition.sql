-- A part of a table for a range of time; a row changes often. Grain: part.
CREATE TABLE {part} PARTITION OF {table} FOR VALUES FROM ({begins}) TO ({ends})
WITH (fillfactor = 70)
