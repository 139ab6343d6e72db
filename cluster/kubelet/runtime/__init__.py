"""The kubelet at work: it follows the Pods, and does what the state machines in ``pod`` decide.

``kubelet``         follows the Pods of its nodes; logs, commands and ports for the API server
``pods``            which pods run, and the worker of each
``instance``        one run of a container, with the commands in it and the attached clients
``prober``          one file for each way to probe a container
``references``      the Services, ConfigMaps and Secrets that variables refer to
``noderegistration``, ``dependencies``  Node objects, and what all others are given
"""
