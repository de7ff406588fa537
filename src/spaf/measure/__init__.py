"""Reading every stage of the way of a sale: stamps, latency, processes; one record format.

One host, one clock. Raw values are kept (int64 µs), quantiles are exact, negative values are
counted instead of hidden, and a warm-up is dropped and said so.
"""
