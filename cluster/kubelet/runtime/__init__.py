"""The kubelet at work: it follows the Pods, and does what the state machines in ``pod`` decide.

``kubelet``         follows the Pods of its nodes; logs, commands and ports for the API server
``podworkers``      which pods run: admission, addresses, and their end
``podworker``       one pod: its actions are done here, with its ``podmachine`` (state and timer), ``podobject``
                    (writes to the API), ``podcontainers`` (processes and logs), ``podprober`` (probes and hooks)
``instance``        one run of a container, with the commands in it and the attached clients
``prober``          one file for each way to probe a container
``references``      the Services, ConfigMaps and Secrets that variables refer to
``noderegistration``, ``podfiles``, ``dependencies``  Node objects, files of pods, what all others are given
"""
