"""Measurement of every stage of a sale: stamps, latency, resource use of processes.

One host, one clock. Raw values are kept (int64 µs), quantiles are exact, negative values are
counted, and the length of the warm-up, which is left out, is reported.
"""
