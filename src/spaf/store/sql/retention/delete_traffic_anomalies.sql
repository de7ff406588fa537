-- Delete the anomalies of traffic before a second. Grain: second, category, kind.
DELETE FROM window_anomaly
WHERE window_start < %(before)s
