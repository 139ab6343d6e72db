"""Processes: started by the zygote, with their streams, their logs and the commands that run beside them.

``runner``          starts and signals processes through the ``channel`` to the zygote
``children``        what the runner waits for
``sandboxes``       the pods' sandboxes, asked for by the same channel
``starting``        starts the zygote; ``agentprocess`` is the zygote of sandboxes, the agent
``zygote``          the process that forks them; ``child`` is what a fork does until it is the container's process;
                    ``outbox`` are its answers
``output``          a process's output for a function; ``streams`` are pipes and terminals that clients read and write
``exec``            commands in containers, and clients attached to them
``logs``            container logs in the CRI format
``orphans``         processes that a killed cluster has left; ``descendants`` are those of the zygote

Nothing is imported here: the zygote loads this package too, and every pod would carry it.
"""
