-- duplicate_block, for verification. Grain: block of append time.
SELECT
    extract(EPOCH FROM block_start)::bigint AS start_second,
    extract(EPOCH FROM block_end)::bigint AS end_second,
    duplicates,
    conflicting
FROM duplicate_block
