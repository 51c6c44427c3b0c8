#!/usr/bin/python3
"""A line between a gateway and an emulated board that shows what crosses it.

    tap.py SOCKET DEVICE LOG

Listens on the stream socket SOCKET for the gateway, then waits for DEVICE, the emulator's end. Each datagram (RFC 1055) is
a line of LOG: "down" or "up", as seen from the gateway, and its bytes in hexadecimal.
"""
import os
import select
import socket
import sys
import time

END, ESCAPED = b"\xc0", ((b"\xdb\xdc", b"\xc0"), (b"\xdb\xdd", b"\xdb"))


class Direction:
    def __init__(self, name, log):
        self.name, self.log, self.pending = name, log, b""

    def pass_on(self, data, to):
        os.write(to, data)
        *frames, self.pending = (self.pending + data).split(END)
        for frame in filter(None, frames):
            for escape, byte in ESCAPED:
                frame = frame.replace(escape, byte)
            self.log.write(f"{self.name} {frame.hex()}\n")


def main():
    path, device, log_path = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    gateway, _ = listener.accept()
    os.unlink(path)
    print("ready", flush=True)
    while not os.path.exists(device):
        time.sleep(0.01)
    board = os.open(device, os.O_RDWR | os.O_NOCTTY)
    with open(log_path, "w", buffering=1) as log:
        ways = {gateway.fileno(): (board, Direction("down", log)), board: (gateway.fileno(), Direction("up", log))}
        while True:
            for source in select.select(list(ways), [], [])[0]:
                data = os.read(source, 4096)
                if not data:
                    return
                to, direction = ways[source]
                direction.pass_on(data, to)


try:
    main()
except OSError:
    pass  # one of the ends is gone
