from __future__ import annotations

from collections import Counter

from kubeproxy.telemetry.counters import Figure, ProxyCounters, SyncCounters
from kubeproxy.telemetry.metrics import _MOST_IDLE, expose
from kubeproxy.types import ServicePortName


def test_figures_of_others_follow_the_proxys_own_with_their_kind_and_labels() -> None:
    figures = [
        Figure("questions", "Questions so far", True, ("type", "rcode"), [(("SRV", "NOERROR"), 1), (("A", 'a"b'), 2)]),
        Figure("open_files", "Open files now", False, (), [((), 7)]),
    ]
    own = expose(ProxyCounters(), SyncCounters(), Counter())
    text = expose(ProxyCounters(), SyncCounters(), Counter(), figures)
    assert text.startswith(own)
    assert text.removeprefix(own).splitlines() == [
        "# HELP questions_total Questions so far",
        "# TYPE questions_total counter",
        'questions_total{rcode="a\\"b",type="A"} 2.0',
        'questions_total{rcode="NOERROR",type="SRV"} 1.0',
        "# HELP open_files Open files now",
        "# TYPE open_files gauge",
        "open_files 7.0",
    ]


def test_without_figures_there_is_only_the_proxys_own() -> None:
    assert "kubeproxy_sync_proxy_rules_duration_seconds_count" in expose(ProxyCounters(), SyncCounters(), Counter())


def test_of_very_many_endpoints_those_are_shown_that_have_had_a_connection() -> None:
    counters, name = ProxyCounters(), ServicePortName("default", "web", "", "TCP")
    for count, shown in ((_MOST_IDLE, _MOST_IDLE), (_MOST_IDLE + 1, 1)):
        counters.update(name, [f"10.244.{number >> 8}.{number & 255}:80" for number in range(count)])
        if not counters.active:
            counters.opened(counters.endpoint(name, "10.244.0.7:80"))
        text = expose(counters, SyncCounters(), Counter())
        assert text.count("kubesvc_proxy_connections_total{") == shown
    assert 'kubesvc_proxy_active_connections{endpoint="10.244.0.7:80"' in text
