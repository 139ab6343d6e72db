"""The metrics for Prometheus, made from the plain counters at each scrape; only this file imports prometheus-client.

Names with ``kubeproxy_`` are kube-proxy's (``pkg/proxy/metrics``), those with ``kubesvc_proxy_`` are kubesvc's own. The
labels are bounded by the endpoints that exist or still have connections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kubeproxy.telemetry.counters import SYNC_BUCKETS, EndpointCounters, Figure, ProxyCounters, SyncCounters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MOST_IDLE = 1000
"""With more endpoints, idle ones are left out: those of a large cluster would stop the data plane for seconds."""
_LABELS = ("namespace", "service", "port", "endpoint")


def expose(
    counters: ProxyCounters,
    syncs: SyncCounters,
    requests: Counter[tuple[str, int]],
    figures: Iterable[Figure] = (),
) -> str:
    """Return the text of a scrape: the counters, and the ``requests`` to the health endpoints by path and status.

    ``figures`` are metrics of other components; they come after the proxy's own.
    """
    registry = CollectorRegistry()
    registry.register(_ProxyCollector(counters, syncs, requests))
    registry.register(_FigureCollector(figures))
    return generate_latest(registry).decode()


def expose_figures(figures: Iterable[Figure]) -> str:
    """Return the text of a scrape of metrics alone that are given."""
    registry = CollectorRegistry()
    registry.register(_FigureCollector(figures))
    return generate_latest(registry).decode()


class _FigureCollector(Collector):
    def __init__(self, figures: Iterable[Figure]) -> None:
        self._figures = tuple(figures)

    def collect(self) -> Iterator[Metric]:
        for figure in self._figures:
            family = CounterMetricFamily if figure.only_grows else GaugeMetricFamily
            metric = family(figure.name, figure.text, labels=figure.labels)
            for labels, value in sorted(figure.values):
                metric.add_metric(labels, value)
            yield metric


class _ProxyCollector(Collector):
    def __init__(self, counters: ProxyCounters, syncs: SyncCounters, requests: Counter[tuple[str, int]]) -> None:
        self._counters = counters
        self._syncs = syncs
        self._requests = requests

    def collect(self) -> Iterator[Metric]:
        yield from self._endpoints()
        yield from self._rules()
        for path in ("healthz", "livez"):
            total = CounterMetricFamily(
                f"kubeproxy_proxy_{path}", f"Cumulative proxy {path} HTTP status", labels=("code",)
            )
            for (asked, status), count in sorted(self._requests.items()):
                if asked == f"/{path}":
                    total.add_metric((str(status),), count)
            yield total

    def _endpoints(self) -> Iterator[Metric]:
        connections = CounterMetricFamily(
            "kubesvc_proxy_connections", "Connections that were given to an endpoint", labels=_LABELS
        )
        active = GaugeMetricFamily("kubesvc_proxy_active_connections", "Connections now", labels=_LABELS)
        moved = CounterMetricFamily(
            "kubesvc_proxy_bytes",
            "Bytes relayed, to_endpoint or to_client",
            labels=(*_LABELS, "direction"),
        )
        for each in self._shown():
            labels = _labels(each)
            connections.add_metric(labels, each.connections)
            active.add_metric(labels, each.active)
            moved.add_metric((*labels, "to_endpoint"), each.bytes_to_endpoint)
            moved.add_metric((*labels, "to_client"), each.bytes_to_client)
        errors = CounterMetricFamily(
            "kubesvc_proxy_connection_errors", "Failed attempts at endpoints and broken connections", labels=("reason",)
        )
        for reason, count in sorted(self._counters.errors.items()):
            errors.add_metric((reason,), count)
        yield from (connections, active, moved, errors)

    def _shown(self) -> Iterator[EndpointCounters]:
        """Yield the endpoints of Services; of very many only those that have had a connection."""
        ports = [port for name, port in self._counters.ports.items() if not name.is_pod]
        is_idle_shown = sum(map(len, ports)) <= _MOST_IDLE
        return (each for port in ports for each in port.values() if is_idle_shown or each.connections)

    def _rules(self) -> Iterator[Metric]:
        syncs = self._syncs
        duration = HistogramMetricFamily(
            "kubeproxy_sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds", labels=("ip_family",)
        )
        bounds = [*(f"{bound:g}" for bound in SYNC_BUCKETS), "+Inf"]
        totals = [sum(syncs.buckets[: at + 1]) for at in range(len(bounds))]
        duration.add_metric(("IPv4",), list(zip(bounds, totals, strict=True)), syncs.seconds)
        yield duration
        for name, text, value in (
            ("last_timestamp_seconds", "The last time proxy rules were successfully synced", syncs.last_at),
            ("last_queued_timestamp_seconds", "The last time a sync of proxy rules was queued", syncs.queued_at),
        ):
            gauge = GaugeMetricFamily(f"kubeproxy_sync_proxy_rules_{name}", text, labels=("ip_family",))
            gauge.add_metric(("IPv4",), value)
            yield gauge
        for name, changes in (("endpoint", syncs.endpoint_changes), ("service", syncs.service_changes)):
            total = CounterMetricFamily(
                f"kubeproxy_sync_proxy_rules_{name}_changes",
                f"Cumulative proxy rules {name} changes",
                labels=("ip_family",),
            )
            total.add_metric(("IPv4",), changes)
            yield total


def _labels(counters: EndpointCounters) -> tuple[str, str, str, str]:
    return counters.port_name.namespace, counters.port_name.name, counters.port_name.port, counters.address
