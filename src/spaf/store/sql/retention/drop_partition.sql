-- Drop a part of a table, and all of its rows. Grain: part.
DROP TABLE {part}
