"""The language of the house: Kubernetes objects, and the Store through which all components talk.

The nouns to know: ``JSON`` (an object as its manifest says it), ``Resource`` (a kind and where it lives),
``Store`` (the truth, versioned and watchable), ``Registry`` (how a write becomes valid) and ``Informer``
(how a component follows the Store). Imports nothing of ours, and only ``informer`` knows asyncio.
"""
