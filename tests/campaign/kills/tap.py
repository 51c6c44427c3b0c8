"""Taps: UDP forwarders that see every datagram, and a ledger of the nonces under which something was sealed.

A tap also keeps from a client that its gateway is away for a moment: across the Internet no "port unreachable" comes back
from a host whose firewall is silent, but on loopback one would, and stock clients give up at it.
"""
import selectors
import socket
import threading

HANDSHAKE, SERVER_HELLO = 22, 2
ASSOCIATION, CONTROL, RECORD = 1, 2, 3  # kinds of datagrams on the link (PROTOCOL.md)
ASSOC_REQUEST = 1


class Ledger:
    """Which ciphertext stands under which nonce. A second one for the same is the end of all security."""

    def __init__(self):
        self.sealed = {}
        self.repeated = []

    def note(self, scope, number, ciphertext):
        before = self.sealed.setdefault(scope, {}).setdefault(number, ciphertext)
        if before != ciphertext:
            self.repeated.append((scope, number))

    def forget(self, scope):
        self.sealed.pop(scope, None)

    def count(self):
        return sum(len(numbers) for numbers in self.sealed.values())


class Tap(threading.Thread):
    """Forwards between clients of 127.0.0.1:listen and the server at port `to`; each client gets a socket of its own."""

    def __init__(self, listen, to):
        super().__init__(daemon=True)
        self.to = to
        self.lock = threading.Lock()  # of what the subclasses gather
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener.bind(("127.0.0.1", listen))
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.upstreams = {}

    def upstream_of(self, client):
        if client not in self.upstreams:
            upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            upstream.connect(("127.0.0.1", self.to))
            upstream.setblocking(False)
            self.selector.register(upstream, selectors.EVENT_READ, client)
            self.upstreams[client] = upstream
        return self.upstreams[client]

    def move(self, source, client):
        try:
            datagram, sender = source.recvfrom(65536)
            with self.lock:
                self.on_datagram("up" if client is None else "down", sender if client is None else client, datagram)
            if client is None:
                self.upstream_of(sender).send(datagram)
            else:
                self.listener.sendto(datagram, client)
        except (ConnectionRefusedError, BlockingIOError):
            pass  # the other side is away, as select() or a later call has told

    def run(self):
        while True:
            for ready, _ in self.selector.select():
                self.move(ready.fileobj, ready.data)


class PeerTap(Tap):
    """In front of a node's port: what the gateway and the node seal for a peer."""

    def __init__(self, listen, to, ledger):
        super().__init__(listen, to)
        self.ledger = ledger
        self.handshakes = {}  # of a client: each brings new keys

    def on_datagram(self, direction, client, datagram):
        at = 0
        while direction == "down" and at + 13 <= len(datagram):
            length = int.from_bytes(datagram[at + 11:at + 13], "big")
            record = datagram[at:at + 13 + length]
            epoch, number = int.from_bytes(record[3:5], "big"), int.from_bytes(record[5:11], "big")
            if epoch == 0 and record[0] == HANDSHAKE and record[13] == SERVER_HELLO:
                self.handshakes[client] = self.handshakes.get(client, 0) + 1
            elif epoch == 1:
                self.ledger.note(("peer", self.to, client, self.handshakes.get(client)), number, bytes(record))
            at += 13 + length


class LinkTap(Tap):
    """Between one node and the gateway: records, and control datagrams of both directions."""

    def __init__(self, listen, to, node, ledger):
        super().__init__(listen, to)
        self.node = node
        self.ledger = ledger
        self.associations = set()

    def on_datagram(self, direction, _, datagram):
        kind = datagram[0] >> 5
        if kind == ASSOCIATION and datagram[0] & 31 == ASSOC_REQUEST:
            self.on_request(int.from_bytes(datagram[1:5], "big"))
        elif kind == CONTROL:
            self.ledger.note((self.node, direction, datagram[0] & 15), datagram[1:4], bytes(datagram[4:]))
        elif kind == RECORD and direction == "up":
            width = (2, 3, 4, 6)[datagram[0] >> 2 & 3]
            handle, number = datagram[1:3], int.from_bytes(datagram[3:3 + width], "big")
            self.ledger.note((self.node, "record", handle), number, bytes(datagram[3 + width:-6]))

    def on_request(self, counter):
        """Control datagrams name the association by four bits: a new one begins, the sixteenth before it is over."""
        if counter not in self.associations:
            self.associations.add(counter)
            self.ledger.forget((self.node, "up", counter & 15))
            self.ledger.forget((self.node, "down", counter & 15))
