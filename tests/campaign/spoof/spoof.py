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
import random
import socket
import struct
import sys
import threading
import time

BUFFER = 64 << 20
IPPROTO_UDP = 17
LOCALHOST = socket.inet_aton("127.0.0.1")
FRAME_MAX = 94
# First bytes (PROTOCOL.md, 1 to 3)
REJOIN, REQUEST, ANSWER, CONFIRM = 0x20, 0x21, 0x22, 0x23
LENGTHS = {REQUEST: 66, ANSWER: 66, CONFIRM: 70}
NAMES = {REJOIN: "rejoin", REQUEST: "request", ANSWER: "answer", CONFIRM: "confirm"}


def kind_of(datagram):
    if datagram[0] >> 5 == 1:
        return NAMES.get(datagram[0], "other")
    return {2: "control", 3: "record"}.get(datagram[0] >> 5, "other")


def packet(source, source_port, port, payload):
    """An IPv4 packet to 127.0.0.1; the kernel fills in the header's checksum, and UDP's may be left out."""
    udp = struct.pack(">HHHH", source_port, port, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, IPPROTO_UDP, 0, source, LOCALHOST) + udp


class Link(threading.Thread):
    """All datagrams of this network namespace, but for those that we sent."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_UDP)
        self.socket.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER)
        self.out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.port = port
        self.lock = threading.Lock()
        self.ours = collections.Counter()
        self.heard = []  # source port, destination port, payload
        self.start()

    def run(self):
        while True:
            data = self.socket.recv(65536)
            header = (data[0] & 15) * 4
            source_port, port = struct.unpack_from(">HH", data, header)
            key = data[12:16], source_port, port, data[header + 8:]
            with self.lock:
                if self.ours[key] > 0:
                    self.ours[key] -= 1
                elif key[3]:
                    self.heard.append(key[1:])

    def forge(self, source, source_port, port, payload):
        with self.lock:
            self.ours[source, source_port, port, payload] += 1
        self.out.sendto(packet(source, source_port, port, payload), ("127.0.0.1", 0))

    def recorded(self, source_port, port):
        with self.lock:
            return [payload for a, b, payload in self.heard if (a, b) == (source_port, port)]

    def since(self, begin):
        with self.lock:
            return self.heard[begin:]

    def settle(self):
        before = None
        while before != len(self.heard):
            before = len(self.heard)
            time.sleep(0.5)


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


def forge_for(link, rng, seconds, rate, send):
    begin = time.monotonic()
    sent = 0
    while time.monotonic() - begin < seconds:
        send()
        sent += 1
        time.sleep(max(0, begin + sent / rate - time.monotonic()))
    link.settle()
    return sent


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
        link.forge(LOCALHOST, link.port, node_port, datagram)

    sent = forge_for(link, rng, seconds, rate, send)
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
            link.forge(LOCALHOST, node_port, link.port, datagram)
        else:
            link.forge(b"\x0a" + rng.randbytes(3), rng.randrange(1024, 65536), link.port, datagram)

    sent = forge_for(link, rng, seconds, rate, send)
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
