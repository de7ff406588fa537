-- Delete rows before a time, and return what each was. Grain: partition, offset.
DELETE FROM quarantine
WHERE append_time < %(before)s
RETURNING reason, coalesce(octet_length(payload), 0) AS payload_bytes
