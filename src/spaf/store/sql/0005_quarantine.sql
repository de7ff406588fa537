-- The quarantine: why each record that was not accepted was not, and its bytes.
--
-- One process writes these tables (src/spaf/quarantine). It works along the ledger, offset by
-- offset; rows, counts and position of one step are one transaction.

-- The newest records that were not accepted. Grain: partition, offset.
CREATE TABLE quarantine (
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    append_time timestamptz NOT NULL,
    -- A reason of the contract, or `late`; of a record with several sales the first that holds.
    reason text NOT NULL,
    -- NULL if the record had no value at all; at most the first 64 KiB.
    payload bytea,
    payload_bytes integer NOT NULL,
    -- Of a late sale only.
    category text,
    currency text,
    amount numeric,
    lateness_ms bigint,
    PRIMARY KEY (kafka_partition, kafka_offset)
)
-- Under a flood old rows make room for new ones all the time: let their space be used again soon.
WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.5);

-- The newest first; the oldest of a reason make room.
CREATE INDEX quarantine_append_time ON quarantine (append_time);
CREATE INDEX quarantine_reason ON quarantine (
    reason, append_time, kafka_partition, kafka_offset
);

-- Everything that was not accepted, kept or not. Grain: partition, reason, currency.
-- Summed up it is the ledger's late and rejected, to the record. Beside the contract's reasons:
-- late (with a currency and money if it was read), not_read (counted by the ledger only),
-- no_record (an offset without a record), array (a record with several sales counts less than
-- once), disagreement (what the ledger counts more, or less, than the contract says).
CREATE TABLE quarantine_count (
    kafka_partition integer NOT NULL,
    reason text NOT NULL,
    currency text NOT NULL DEFAULT '',
    records bigint NOT NULL,
    amount numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (kafka_partition, reason, currency)
);

-- How far the ledger is explained, and how much of its last second. Grain: partition.
CREATE TABLE quarantine_position (
    kafka_partition integer PRIMARY KEY,
    next_offset bigint NOT NULL,
    append_second timestamptz,
    accepted bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    -- The settings of the contract that it was explained with.
    rules text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Records that were repaired and sent again. Grain: partition, offset, attempt.
-- A row is written before the sale is sent, its new place after.
CREATE TABLE quarantine_replay (
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    attempt integer NOT NULL,
    replayed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    new_partition integer,
    new_offset bigint,
    PRIMARY KEY (kafka_partition, kafka_offset, attempt)
);

-- What was counted and what is kept of it. Grain: reason.
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
-- Without a currency and money: late sales that the ledger has counted and that were not read.
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
-- is the ledger's late and rejected together.
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

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'spaf_sink') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE
        ON quarantine, quarantine_count, quarantine_position, quarantine_replay TO spaf_sink;
        GRANT SELECT
        ON quarantine, quarantine_count, quarantine_position, quarantine_replay,
        quarantine_summary, quarantine_late, quarantine_account TO spaf_read;
    END IF;
END $$;
