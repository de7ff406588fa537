-- The quarantine: the records that were not accepted, with the reason and their bytes.
--
-- One process writes these tables (src/spaf/quarantine). It follows the ledger, offset by offset;
-- rows, counts and position of one step are one transaction.

-- The newest records that were not accepted. Grain: partition, offset.
CREATE TABLE quarantine (
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    append_time timestamptz NOT NULL,
    -- A reason of the contract, or `late`; for a record with several sales the first that applies.
    reason text NOT NULL,
    -- The first 64 KiB; NULL for a tombstone.
    payload bytea,
    payload_bytes integer NOT NULL,
    -- For a late sale only.
    category text,
    currency text,
    amount numeric,
    lateness_ms bigint,
    PRIMARY KEY (kafka_partition, kafka_offset)
)
-- When many records are refused, old rows are deleted all the time: vacuum early to reuse space.
WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.5);

-- Queries read the newest rows first; retention deletes the oldest of a reason.
CREATE INDEX quarantine_append_time ON quarantine (append_time);
CREATE INDEX quarantine_reason ON quarantine (
    reason, append_time, kafka_partition, kafka_offset
);

-- Every record that was not accepted, kept or not. Grain: partition, reason, currency.
-- The sum equals the ledger's late and rejected records. Further reasons than the contract's: late
-- (with currency and money if it was read), not_read (only the ledger counted it), no_record (an
-- offset without a record), array (a record with several sales lowers the rejected records),
-- disagreement (the difference between the ledger's count and the contract's).
CREATE TABLE quarantine_count (
    kafka_partition integer NOT NULL,
    reason text NOT NULL,
    currency text NOT NULL DEFAULT '',
    records bigint NOT NULL,
    amount numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (kafka_partition, reason, currency)
);

-- Every record below next_offset is explained, and part of the last second. Grain: partition.
CREATE TABLE quarantine_position (
    kafka_partition integer PRIMARY KEY,
    next_offset bigint NOT NULL,
    append_second timestamptz,
    accepted bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    -- The settings of the contract that were used.
    rules text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Records that were repaired and sent again. Grain: partition, offset, attempt.
-- The row is inserted before the sale is sent; its new offset is stored afterwards.
CREATE TABLE quarantine_replay (
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    attempt integer NOT NULL,
    replayed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    new_partition integer,
    new_offset bigint,
    PRIMARY KEY (kafka_partition, kafka_offset, attempt)
);

-- Records counted and records kept. Grain: reason.
CREATE VIEW quarantine_summary AS
SELECT
    reason,
    coalesce(c.records, 0) AS records,
    coalesce(k.kept, 0) AS kept
FROM (
    SELECT
        reason,
        sum(records)::bigint AS records
    FROM quarantine_count
    GROUP BY reason
) AS c
FULL JOIN (
    SELECT
        reason,
        count(*) AS kept
    FROM quarantine
    GROUP BY reason
) AS k USING (reason)
WHERE c.records <> 0 OR k.kept <> 0;

-- Late sales and their money. Grain: currency.
-- The row without currency and money: late sales that the ledger counted and that were not read.
CREATE VIEW quarantine_late AS
SELECT
    nullif(currency, '') AS currency,
    sum(records)::bigint AS sales,
    CASE WHEN currency <> '' THEN sum(amount) END AS amount
FROM quarantine_count
WHERE reason = 'late'
GROUP BY currency
HAVING sum(records) <> 0;

-- The quarantine against the ledger. Grain: partition. Once the process has caught up, `explained`
-- equals `not_accepted`, the late and rejected records of the ledger.
CREATE VIEW quarantine_account AS
SELECT
    a.kafka_partition,
    a.late + a.rejected AS not_accepted,
    coalesce(c.records, 0)::bigint AS explained,
    a.end_offset,
    coalesce(p.next_offset, a.start_offset) AS next_offset
FROM ingest_account AS a
LEFT JOIN quarantine_position AS p USING (kafka_partition)
LEFT JOIN (
    SELECT
        kafka_partition,
        sum(records) AS records
    FROM quarantine_count
    GROUP BY kafka_partition
) AS c USING (kafka_partition);
