#!/usr/bin/python3
"""A UDP proxy between clients and a server on loopback: it can lose datagrams and it logs all.

Each client has a socket of its own towards the server, so that the server sees one 5-tuple for each. The log has one
line a datagram: "up" (towards the server) or "down", "kept" or "lost", and its bytes in hex.
"""
import argparse
import selectors
import socket


class Proxy:
    def __init__(self, options):
        self.options = options
        self.to_lose = options.lose_flights
        self.log = open(options.log, "w", buffering=1)
        self.server = ("127.0.0.1", options.to)
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener.bind(("127.0.0.1", options.listen))
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.upstreams = {}

    def upstream_of(self, client):
        if client not in self.upstreams:
            upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            upstream.connect(self.server)
            self.selector.register(upstream, selectors.EVENT_READ, client)
            self.upstreams[client] = upstream
        return self.upstreams[client]

    def is_lost(self, direction, datagram):
        """The server's last flight starts with ChangeCipherSpec (content type 20)."""
        if direction == "down" and self.to_lose > 0 and datagram[:1] == b"\x14":
            self.to_lose -= 1
            return True
        return False

    def move(self, source, client):
        direction = "up" if client is None else "down"
        try:
            datagram, sender = source.recvfrom(65536)
        except ConnectionRefusedError:
            return
        lost = self.is_lost(direction, datagram)
        self.log.write(f"{direction} {'lost' if lost else 'kept'} {datagram.hex()}\n")
        if not lost:
            self.pass_on(direction, sender if client is None else client, datagram)

    def pass_on(self, direction, client, datagram):
        try:
            if direction == "up":
                self.upstream_of(client).send(datagram)
            else:
                self.listener.sendto(datagram, client)
        except ConnectionRefusedError:
            pass

    def run(self):
        print("ready", flush=True)
        while True:
            for ready, _ in self.selector.select():
                self.move(ready.fileobj, ready.data)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--listen", type=int, required=True, metavar="PORT")
    parser.add_argument("--to", type=int, required=True, metavar="PORT")
    parser.add_argument("--log", required=True, metavar="FILE")
    parser.add_argument("--lose-flights", type=int, default=0, metavar="N",
                        help="lose the first N datagrams from the server that start with ChangeCipherSpec")
    return parser


if __name__ == "__main__":
    Proxy(arguments("UDP proxy on 127.0.0.1 that loses and logs.").parse_args()).run()
