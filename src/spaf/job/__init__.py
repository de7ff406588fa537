"""The Flink job: SQL only, from one scan of the topic to four tables.

    sql/0*.sql  source and sinks: endpoints, types, options
    sql/1*.sql  views from the source to the results; a test runs them on literal rows in batch

`build` renders the SQL, `submit` is the process that plans the job and submits it to a cluster,
`flink_client` calls the cluster's REST API, `checkpoint` finds the checkpoint to resume from.
"""
