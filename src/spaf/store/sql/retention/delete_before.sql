-- Delete the rows of a part before a second. Grain: row of the part.
DELETE FROM {part}
WHERE {moment} < {before}
