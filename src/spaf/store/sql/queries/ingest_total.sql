-- Records of the whole topic by outcome. Grain: one row.
SELECT * FROM ingest_total
