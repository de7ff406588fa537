-- Delete the traffic anomalies from an offset on, which the job reads again. Grain: second.
DELETE FROM window_anomaly
WHERE window_start >= (
    SELECT min(append_second)
    FROM ledger_second
    WHERE kafka_partition = %(partition)s AND max_offset >= %(offset)s
)
