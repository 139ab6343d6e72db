"""The life of a pod and of its containers, as a state machine. Pure.

``state``           where each container is now; ``events`` are what happens to it, and what has to be done then
``lifecycle``       ``step(state, event, now) -> state, actions``; ``transitions`` has the part of one container,
                    ``stopping`` how it is stopped, ``resizing`` how it gets new resources
``reboot``          the way back after the node was down: a state from the Pod's status
"""
