"""The Flink job: SQL only, from one scan of the topic to four tables.

    sql/0*.sql  the log and the sinks: endpoints, types, options
    sql/1*.sql  pure views from the log to the answers; a test runs them on literal rows in batch

`build` plans it, `submit` is the process that hands it to a cluster, `rest` watches it there,
`checkpoint` finds where it left off.
"""
