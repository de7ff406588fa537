-- Table over the JSON lines of a file or folder. Grain: line.
CREATE TEMPORARY TABLE ${table_name} (${columns})
WITH ('connector' = 'filesystem', 'path' = ${path}, 'format' = 'json')
