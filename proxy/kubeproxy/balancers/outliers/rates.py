"""Which endpoints fail more than the others in an interval: by deviation from the mean, or by a percentage. Pure.

Follows ``DetectorImpl::processSuccessRateEjections``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Options
from kubeproxy.balancers.outliers.hosts import Host

RATE_OPTIONS = (
    Option("success_rate_stdev_factor", 1900, "thousandths of the standard deviation below the mean that eject", 0),
    Option("success_rate_minimum_hosts", 5, "endpoints with enough requests that this needs", 0),
    Option("success_rate_request_volume", 100, "requests in an interval that are enough", 0),
    Option("enforcing_success_rate", 100, "percentage of such detections that eject", 0, 100),
    Option("failure_percentage_threshold", 85, "percentage of failures in an interval that ejects", 0, 100),
    Option("failure_percentage_minimum_hosts", 5, "endpoints with enough requests that this needs", 0),
    Option("failure_percentage_request_volume", 50, "requests in an interval that are enough", 0),
    Option("enforcing_failure_percentage", 0, "percentage of such detections that eject", 0, 100),
)


def outliers(hosts: Sequence[Host], options: Options) -> Iterator[tuple[Host, str]]:
    """Yield the hosts to eject for what they answered in an interval, each with what it is ejected for.

    Look at each before the next one is asked for: those that are ejected already are left out.
    """
    seen = [each for each in hosts if each.ejected_at is None and each.requests]
    rates = {each: 100 * each.successes / each.requests for each in seen}
    enough = [each for each in seen if each.requests >= int(options["success_rate_request_volume"])]
    if enough and len(enough) >= int(options["success_rate_minimum_hosts"]):
        mean = sum(rates[each] for each in enough) / len(enough)
        deviation = sqrt(sum((rates[each] - mean) ** 2 for each in enough) / len(enough))
        least = mean - deviation * int(options["success_rate_stdev_factor"]) / 1000
        yield from ((each, "success_rate") for each in enough if rates[each] < least)
    enough = [each for each in seen if each.requests >= int(options["failure_percentage_request_volume"])]
    if enough and len(enough) >= int(options["failure_percentage_minimum_hosts"]):
        most = int(options["failure_percentage_threshold"])
        yield from ((each, "failure_percentage") for each in enough if 100 - rates[each] >= most)
