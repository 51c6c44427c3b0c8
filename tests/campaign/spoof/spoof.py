#!/usr/bin/python3
"""Plays a false gateway and a false node on the link, after having listened to the true ones: spoof.py LINK-PORT SEED

Runs where addresses can be forged on the loopback interface. Listens from its start on; reads commands from standard
input, one a line, and answers each with a line of JSON:
  listen                        how many datagrams of each kind have been heard
  gateway NODE-PORT SECONDS RATE  sends to the node in the gateway's name; what the node has sent meanwhile
  node NODE-PORT PEER-PORT SECONDS RATE   sends to the gateway, half of it in the node's name and half in the names of
                                strangers; what the gateway has sent to the node, to strangers and to the peer
What is sent: recorded datagrams, as they were, cut short, or with bits flipped; datagrams of the right form with random
content; and random bytes. Never anything that needs a key.
"""
import collections
import json
import pathlib
import random
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
sys.dont_write_bytecode = True
import loopback
from loopback import LOCALHOST

FRAME_MAX = 94
# First bytes (PROTOCOL.md, 1 to 3)
REJOIN, REQUEST, ANSWER, CONFIRM = 0x20, 0x21, 0x22, 0x23
LENGTHS = {REQUEST: 66, ANSWER: 66, CONFIRM: 70}
NAMES = {REJOIN: "rejoin", REQUEST: "request", ANSWER: "answer", CONFIRM: "confirm"}


def kind_of(datagram):
    if datagram[0] >> 5 == 1:
        return NAMES.get(datagram[0], "other")
    return {2: "control", 3: "record"}.get(datagram[0] >> 5, "other")


class Link(loopback.Loopback):
    """All datagrams of this network namespace, but for those that we sent."""

    def __init__(self, port):
        super().__init__()
        self.port = port
        self.lock = threading.Lock()
        self.ours = collections.Counter()
        self.heard = []  # source port, destination port, payload
        self.start()

    def on_datagram(self, source, to, payload):
        with self.lock:
            if self.ours[source, to[1], payload] > 0:
                self.ours[source, to[1], payload] -= 1
            elif payload:
                self.heard.append((source[1], to[1], payload))

    def forge(self, source, port, payload):
        with self.lock:
            self.ours[source, port, payload] += 1
        super().forge(source, port, payload)

    def recorded(self, source_port, port):
        with self.lock:
            return [payload for a, b, payload in self.heard if (a, b) == (source_port, port)]

    def since(self, begin):
        with self.lock:
            return self.heard[begin:]

    def forge_for(self, seconds, rate, send):
        """Calls send() again and again, and waits for what comes of it."""
        sent = loopback.send_for(seconds, rate, send)
        loopback.settle(lambda: len(self.heard))
        return sent


def spoiled(rng, datagram):
    """A recorded datagram, whole, cut short or altered."""
    choice = rng.randrange(4)
    if choice == 0:
        return datagram
    if choice == 1:
        return datagram[:rng.randrange(1, len(datagram) + 1)]
    altered = bytearray(datagram)
    for _ in range(rng.randrange(1, 4)):
        altered[rng.randrange(len(altered))] ^= 1 << rng.randrange(8)
    return bytes(altered)


def invented(rng, messages, recorded):
    """A datagram of the right form, or of none."""
    choice = rng.randrange(6)
    if choice == 0:
        first = rng.choice(messages)
        return bytes([first]) + rng.randbytes(LENGTHS[first] - 1)
    if choice == 1:
        return bytes([0x40 | rng.randrange(32)]) + rng.randbytes(rng.randrange(12, 70))
    records = [r for r in recorded if kind_of(r) == "record"]
    if choice in (2, 3) and records:  # the handle of a session, a number that is new
        return rng.choice(records)[:3] + struct.pack(">H", rng.randrange(200, 60000)) + rng.randbytes(rng.randrange(14, 60))
    return rng.randbytes(rng.randrange(1, FRAME_MAX))


def false_gateway(link, rng, node_port, seconds, rate):
    recorded = link.recorded(link.port, node_port)
    begin = len(link.heard)

    def send():
        kind = rng.randrange(10)
        if kind == 0:
            datagram = bytes([REJOIN])
        elif kind < 6:
            datagram = spoiled(rng, rng.choice(recorded))
        else:
            datagram = invented(rng, [ANSWER], recorded)
        link.forge((LOCALHOST, link.port), node_port, datagram)

    sent = link.forge_for(seconds, rate, send)
    heard = link.since(begin)
    from_node = [payload for a, b, payload in heard if (a, b) == (node_port, link.port)]
    to_node = [payload for a, b, payload in heard if (a, b) == (link.port, node_port)]
    kinds = collections.Counter(map(kind_of, from_node))
    return {"sent": sent, "from_node": len(from_node), **kinds,
            "joins": len({payload[1:17] for payload in from_node if payload[0] == REQUEST}),
            "true_control": sum(kind_of(payload) == "control" for payload in to_node)}


def false_node(link, rng, node_port, peer_port, seconds, rate):
    recorded = link.recorded(node_port, link.port)
    begin = len(link.heard)

    def send():
        datagram = (spoiled(rng, rng.choice(recorded)) if rng.randrange(2) == 0
                    else invented(rng, [REQUEST, CONFIRM], recorded))
        if rng.randrange(2) == 0:
            link.forge((LOCALHOST, node_port), link.port, datagram)
        else:
            link.forge((b"\x0a" + rng.randbytes(3), rng.randrange(1024, 65536)), link.port, datagram)

    sent = link.forge_for(seconds, rate, send)
    heard = link.since(begin)
    return {"sent": sent,
            "to_peer": sum(b == peer_port for a, b, _ in heard),
            "to_node": sum((a, b) == (link.port, node_port) for a, b, _ in heard),
            "asked_to_join": sum(a == link.port and b != node_port and payload == bytes([REJOIN])
                                 for a, b, payload in heard),
            "to_strangers": sum(a == link.port and b != node_port and payload != bytes([REJOIN])
                                for a, b, payload in heard)}


def main():
    link, rng = Link(int(sys.argv[1])), random.Random(int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        if command == "listen":
            answer = collections.Counter(kind_of(payload) for a, b, payload in link.since(0) if link.port in (a, b))
        elif command == "gateway":
            answer = false_gateway(link, rng, int(words[0]), float(words[1]), float(words[2]))
        else:
            answer = false_node(link, rng, int(words[0]), int(words[1]), float(words[2]), float(words[3]))
        print(json.dumps(answer), flush=True)


main()
