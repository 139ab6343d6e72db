"""What a run's figures tell and what they do not: intervals of comparisons, tests of evenness. Pure and seeded.

The unit of a comparison is a block, never a request: requests of one run share its luck. Percentiles are never
averaged; the latencies of blocks are put together, and the percentile is of all.
"""
