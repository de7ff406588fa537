-- Delete the blocks that reach past an offset, which the job reads again. Grain: block.
DELETE FROM duplicate_block
WHERE block_end > (
    SELECT min(append_second)
    FROM ledger_second
    WHERE kafka_partition = %(partition)s AND max_offset >= %(offset)s
)
