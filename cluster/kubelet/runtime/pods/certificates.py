"""The certificates of one pod, for its projected volumes: asked for by requests of the API, and renewed in time.

The signer that a volume names answers a request; none is part of the cluster. Keys are made in a thread, and are kept
in memory and in the pod's volumes alone. Follows k8s.io/kubernetes ``pkg/kubelet/podcertificate``.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import NamedTuple

from kubeapi.io.client import Client
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import NODES, PODCERTIFICATEREQUESTS, SERVICEACCOUNTS
from kubeapi.status import StatusError
from kubelet.pod.files.certificates import (
    ABANDONED_SECONDS,
    NOT_ISSUED,
    Bearer,
    Issued,
    Refused,
    Requested,
    ending_of,
    request_of,
)
from kubelet.pod.files.volumes import VolumeError
from kubelet.runtime.pods.object import PodObject

JITTER_SECONDS = 300.0
_Key = tuple[str, str]
"""The name of a volume, and the source in it as text."""


class _Certificate(NamedTuple):
    """What is known of one certificate: the pair in use, the request for the next one, or why there is none."""

    issued: Issued | None = None
    requested: Requested | None = None
    refused: Refused | None = None


class PodCertificates:
    """``make_key`` is that of ``Dependencies``. ``changed`` is called when a request could be made, or not."""

    def __init__(
        self,
        pod: PodObject,
        client: Client,
        make_key: Callable[[str], tuple[bytes, bytes]],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._pod = pod
        self._client = client
        self._make_key = make_key
        self._clock = clock
        self._rng = rng
        self._known: dict[_Key, _Certificate] = {}
        self._making: dict[_Key, asyncio.Task[None]] = {}
        self._faults: dict[_Key, str] = {}

    @property
    def wait(self) -> float | None:
        """Seconds until the next certificate is to be renewed; None if there is none."""
        due = min((each.issued.renewed_at for each in self._known.values() if each.issued), default=None)
        return None if due is None else max(due - self._clock(), 0.0)

    def close(self) -> None:
        """Ask for nothing more."""
        for each in self._making.values():
            each.cancel()

    def bundle(self, volume: str, source: JSON) -> tuple[bytes, bytes]:
        """Return the key and the certificates for a ``podCertificate``, in PEM; VolumeError while there are none."""
        key = volume, json.dumps(source, sort_keys=True)
        known = self._known[key] = self._followed(self._known.get(key, _Certificate()))
        if known.refused is not None:
            raise VolumeError(known.refused.text)
        is_due = known.issued is None or self._clock() >= known.issued.renewed_at
        if is_due and known.requested is None and key not in self._making:
            task = asyncio.get_running_loop().create_task(self._ask(key, source), name=f"certificate for {volume}")
            self._making[key] = task
        if known.issued is None:
            raise VolumeError(self._faults.get(key, NOT_ISSUED))
        return known.issued.key, known.issued.chain

    def _followed(self, known: _Certificate) -> _Certificate:
        """Return what is known once what has become of the request is seen."""
        requested = known.requested
        if requested is None:
            return known
        name = ObjectKey(self._pod.spec.key.namespace, requested.request)
        request = self._client.registry.store.find(PODCERTIFICATEREQUESTS, name)
        if request is None:
            is_abandoned = self._clock() > requested.at + ABANDONED_SECONDS
            return known._replace(requested=None) if is_abandoned else known
        ending = ending_of(requested, request, self._rng.uniform(0, JITTER_SECONDS))
        if isinstance(ending, Issued):
            return _Certificate(issued=ending)
        if ending is not None:
            self._pod.report("Warning", ending.reason, ending.event)
            return _Certificate(refused=ending)
        return known

    async def _ask(self, key: _Key, source: JSON) -> None:
        try:
            made, proof = await asyncio.to_thread(self._make_key, source["keyType"])
            request = request_of(self._pod.obj, self._bearer(), source, proof)
            stored = await self._client.write(lambda registry: registry.create(PODCERTIFICATEREQUESTS, request))
        except (StatusError, VolumeError, ValueError) as error:
            self._faults[key] = f"while creating PodCertificateRequest: {error}"
        else:
            self._faults.pop(key, None)
            requested = Requested(made, stored["metadata"]["name"], self._clock())
            self._known[key] = self._known[key]._replace(requested=requested)
        finally:
            self._making.pop(key, None)
        self.changed()

    def _bearer(self) -> Bearer:
        spec, find = self._pod.spec, self._client.registry.store.find
        account = find(SERVICEACCOUNTS, ObjectKey(spec.key.namespace, spec.service_account))
        node = find(NODES, ObjectKey("", self._pod.obj["spec"]["nodeName"]))
        if account is None:
            raise VolumeError(f'while fetching service account: serviceaccounts "{spec.service_account}" not found')
        if node is None:
            raise VolumeError("while getting node object: not found")
        return Bearer(account, node)
