"""What a pod asks for, what its containers are doing, and what follows from it: pure.

``spec``            what the Pod object asks for, read once for each of its versions
``machine``         the life of the pod: ``step(state, event, now) -> state, actions``
``status``          the Pod object's status, made from the state
``environment``     the containers' variables, from the spec, Services, ConfigMaps and Secrets
``files``           volumes, and what a container sees of the file system, as which user (``security``)
``names``           resolv.conf and the hosts file
``probes``          when a probe is due, and what its outcomes mean
``programs``        programs of this machine that run in pods, and what they log about taken addresses
"""
