"""Versions of custom resources: one shown as another, by a webhook if the definition has one. Pure."""
