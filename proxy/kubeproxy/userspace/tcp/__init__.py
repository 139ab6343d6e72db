"""TCP and SCTP connections that are passed through as they are: ``relay`` decides, ``io`` has the sockets."""
