"""The Ingresses that kubesvc serves, and the rules of the addresses where it does. Pure.

An address of Ingresses is a Service port to the rest of the proxy, one for HTTP and one for TLS, whose key is that of
``ingress_rules_key``: it has no endpoints of its own but an ``IngressTable``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects import ingress as api
from kubeapi.objects.service import read_service
from kubeproxy.ingress.certificates import KeyPair, read_pair
from kubeproxy.ingress.compiling import Compiled, Problem, compile_table, referenced_services
from kubeproxy.rules.portrule import PortRule, ingress_port_rule
from kubeproxy.types import IPV4, ServicePort, ServicePortName, family_of, ingress_rules_key

PAUSE_SECONDS = 0.0002
"""For each Ingress, of which a compilation takes 0.00003 s: a thousand that come one by one leave time for others."""

Ports = Mapping[ObjectKey, tuple[ServicePort, ...]]


def _nothing(_key: ObjectKey) -> JSON | None:
    return None


def _sound(_pair: KeyPair) -> str:
    return ""


class IngressTracker:
    """The Ingresses by key.

    ``find_service`` returns the object of a Service, None if there is none; ``fault_of`` says why a certificate cannot
    be used, "" if it can.
    """

    def __init__(self) -> None:
        self.find_service: Callable[[ObjectKey], JSON | None] = _nothing
        self.fault_of: Callable[[KeyPair], str] = _sound
        self.is_held = False
        """Whether changes wait for ``release``."""
        self._services = Counter[ObjectKey]()
        self._all: dict[ObjectKey, api.Ingress] = {}
        self._controllers: dict[str, str] = {}
        self._pairs: dict[ObjectKey, KeyPair | str] = {}
        self._default_pair: KeyPair | None = None
        self._knows_secrets = False
        self._keys: frozenset[ObjectKey] = frozenset()
        self._problems: dict[ObjectKey, tuple[Problem, ...]] = {}
        self._has_changed = False

    @property
    def pause(self) -> float:
        """Seconds between two compilations, several times as long as one takes."""
        return PAUSE_SECONDS * len(self._all)

    def release(self) -> bool:
        """Let changes be taken again; tell whether there are any."""
        self.is_held = False
        return self._has_changed

    @property
    def wants_secrets(self) -> bool:
        """Whether an Ingress names a Secret."""
        return any(each.secret for ingress in self._all.values() for each in ingress.tls)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What of the Ingresses does not work, as of the last compilation."""
        return tuple(problem for each in self._problems.values() for problem in each)

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record an Ingress' new state, None when it is deleted."""
        ingress = api.read_ingress(obj) if obj is not None else None
        if ingress == self._all.get(key):
            return
        self._has_changed = True
        before = self._all.pop(key, None)
        if before is not None:
            self._services -= Counter(referenced_services(before))
        if ingress is not None:
            self._all[key] = ingress
            self._services.update(referenced_services(ingress))

    def update_class(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record an IngressClass' new state."""
        controller = api.controller_of_class(obj) if obj is not None else None
        if controller != self._controllers.get(key.name):
            self._has_changed = True
            if controller is None:
                del self._controllers[key.name]
            else:
                self._controllers[key.name] = controller

    def update_secret(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Secret's new state."""
        pair = read_pair(obj) if obj is not None else None
        if isinstance(pair, KeyPair) and (fault := self.fault_of(pair)):
            pair = f"has no certificate that can be used: {fault}"
        if pair == self._pairs.get(key):
            return
        self._has_changed |= any(each.secret == key.name for one in self._all.values() for each in one.tls)
        if pair is None:
            del self._pairs[key]
        else:
            self._pairs[key] = pair

    def set_default_pair(self, pair: KeyPair) -> None:
        """Serve TLS from now on, with this certificate for clients that get no other."""
        self._default_pair = pair
        self._has_changed = True

    def know_secrets(self) -> None:
        """Record that all Secrets which are there have come."""
        self._knows_secrets = self._has_changed = True

    def note_service(self, key: ObjectKey) -> None:
        """Record that a Service has changed, which may be a backend."""
        self._has_changed |= key in self._services

    def has_backend(self, service: ObjectKey) -> bool:
        """Tell whether a Service is a backend of an Ingress."""
        return service in self._services

    def served_at(self, key: ObjectKey) -> list[ObjectKey]:
        """Return the Ingresses that are served by the rules with a key."""
        return [each.key for each in self._served() if key in map(ingress_rules_key, each.addresses)]

    def take_changes(self, changed: Set[ObjectKey]) -> frozenset[ObjectKey]:
        """Return the keys of the rules that have changed since the last call; ``changed`` are Services.

        All Ingresses of an address are compiled then, so nothing has changed again until ``release``, which should come
        after ``pause`` seconds.
        """
        if self._services and not self._has_changed:
            self._has_changed = any(each in self._services for each in changed)
        if not self._has_changed or self.is_held:
            return frozenset()
        self._has_changed, self.is_held = False, bool(self._all)
        before = self._keys
        self._keys = frozenset(ingress_rules_key(at) for each in self._served() for at in each.addresses)
        for key in before - self._keys:
            self._problems.pop(key, None)
        return before | self._keys

    def rules(self, key: ObjectKey, ports: Ports) -> tuple[PortRule, ...]:
        """Return the rules of an address, () if no Ingress has it; ``ports`` are those of all Services."""
        served = [each for each in self._served() if key in map(ingress_rules_key, each.addresses)]
        if not served:
            return ()
        compiled = self._compile(served, ports)
        self._problems[key] = compiled.problems
        age = (min(each.created for each in served), 0)
        (address,) = {at for each in served for at in each.addresses if ingress_rules_key(at) == key}
        numbers = {"http": api.HTTP_PORT}
        if compiled.table.certificates is not None:
            numbers["https"] = api.HTTPS_PORT
        return tuple(
            ingress_port_rule(
                ServicePort(
                    ServicePortName(key.namespace, key.name, name, "TCP", family_of(address)),
                    age,
                    (),
                    number,
                    load_balancer_ips=(address,),
                    is_http=True,
                ),
                compiled.table,
            )
            for name, number in numbers.items()
        )

    def _compile(self, served: Iterable[api.Ingress], ports: Ports) -> Compiled:
        def find_port(namespace: str, backend: api.IngressBackend) -> ServicePortName | str:
            return self._find_port(namespace, backend, ports)

        def find_pair(key: ObjectKey) -> KeyPair | str | None:
            return self._pairs.get(key, "does not exist" if self._knows_secrets else None)

        return compile_table(served, find_port, find_pair, self._default_pair)

    def _served(self) -> list[api.Ingress]:
        return [each for each in self._all.values() if self._is_served(each)]

    def _is_served(self, ingress: api.Ingress) -> bool:
        return api.is_served_by_kubesvc(ingress.class_name, self._controllers.get(ingress.class_name))

    def _find_port(self, namespace: str, backend: api.IngressBackend, ports: Ports) -> ServicePortName | str:
        if backend.resource:
            return f"its backend is the {backend.resource}, and only Services are served"
        key = ObjectKey(namespace, backend.service)
        of_service = [each for each in ports.get(key, ()) if each.name.protocol == "TCP"]
        found = [each.name for each in of_service if backend.port in (each.port, each.name.port)]
        if found:
            return next((each for each in found if each.family == IPV4), found[0])
        if of_service:
            there = ", ".join(dict.fromkeys(f"{each.port} {each.name.port}".strip() for each in of_service))
            return f"Service {key} has no TCP port {backend.port}; it has {there}"
        return self._why_no_ports(key)

    def _why_no_ports(self, key: ObjectKey) -> str:
        obj = self.find_service(key)
        if obj is None:
            return f"Service {key} does not exist"
        service = read_service(obj)
        if service.is_external_name:
            return f"Service {key} is an ExternalName, which is not served: it could lead anywhere"
        if service.is_headless:
            return f"Service {key} is headless, and only Services with a cluster IP are served"
        return f"Service {key} has no TCP port that kubesvc serves"
