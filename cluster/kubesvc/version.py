"""The version of kubesvc."""

__version__ = "0.1.0"
