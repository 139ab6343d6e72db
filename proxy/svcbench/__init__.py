"""The balancing laboratory: load on Services, on real sockets and in simulation, and what it says of an algorithm.

The nouns to know: ``results.Run`` (what one run measured, the same from sockets and from simulation), ``Histogram``
(latencies, lossless), ``arrivals`` (when requests are due). Statistics, comparisons and reports read only ``Run``s.
"""
