-- Delete the sale anomalies from an offset on, which the job reads again. Grain: partition, offset.
DELETE FROM sale_anomaly
WHERE kafka_partition = %(partition)s AND kafka_offset >= %(offset)s
