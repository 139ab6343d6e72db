"""What a pod asks for, what its containers are doing, and what follows from it: pure.

``spec``            what the Pod object asks for, read once for each of its versions
``state``           where each container is now; ``events`` are what happens to it, and what has to be done then
``lifecycle``       ``step(state, event, now) -> state, actions``; ``transitions`` has the part of one container
``status``          the Pod object's status, made from the state; ``reboot`` is the way back, after a restart
``environment``     the containers' variables, from the spec, Services, ConfigMaps and Secrets
``names``           resolv.conf and the hosts file
``probes``          when a probe is due, and what its outcomes mean
``programs``        programs of this machine that run in pods, and what they log about taken addresses
"""
