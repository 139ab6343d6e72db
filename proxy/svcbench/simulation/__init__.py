"""A Service in simulation: discrete events, with the pickers of the live proxy and the models of kubesvc/backend. Pure.

``scenario`` says what is simulated, ``pickers`` gives each client its algorithm, ``engine`` lets requests come and go,
``measuring`` makes a ``Run`` of it. A seed and a scenario give one result, to the byte.
"""
