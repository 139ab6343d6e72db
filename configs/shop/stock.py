"""What is left of each item of the shop, over UDP: the item's name is answered by a number."""

import signal
import socket
import sys

LEFT = {b"apple": 120, b"pear": 36, b"quince": 4}

signal.signal(signal.SIGTERM, lambda *_: sys.exit())
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    try:
        server.bind(("0.0.0.0", 8080))
    except OSError as error:
        sys.exit(f"0.0.0.0:8080: {error}")
    while True:
        item, client = server.recvfrom(512)
        server.sendto(b"%d" % LEFT.get(item, 0), client)
