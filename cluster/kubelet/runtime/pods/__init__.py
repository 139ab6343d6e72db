"""The worker of each pod, and what it is made of.

``workers``         which pods run: admission, addresses, and their end
``worker``          one pod: its actions are done here
``machine``         its state and timer; ``object`` writes to the API
``containers``      its processes and ``logs``; ``prober`` has probes and hooks, ``resize`` new resources
``sandbox``         its sandbox; ``roots``, ``files`` and ``volumes`` are what its containers see of the file system
``credentials``     its ``tokens`` and ``certificates``, renewed in time
``limits``, ``bounds``, ``deadline``  control groups, and what ends a pod that passes a bound
"""
