"""The cluster configuration: its fields (``model``), and how a document is read and checked (``reading``)."""

from kubesvc.config.model import (
    ClusterConfiguration,
    DNSSettings,
    ExternalHost,
    Image,
    Networking,
    NodeConfiguration,
    ProxySettings,
)
from kubesvc.config.reading import ConfigurationReading, read_configuration

__all__ = [
    "ClusterConfiguration",
    "ConfigurationReading",
    "DNSSettings",
    "ExternalHost",
    "Image",
    "Networking",
    "NodeConfiguration",
    "ProxySettings",
    "read_configuration",
]
