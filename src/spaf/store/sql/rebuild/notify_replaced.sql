-- Tell the readers that listen for changes that every row may be another one. Grain: one row.
SELECT pg_notify(%(channel)s, %(payload)s)
