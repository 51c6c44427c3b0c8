#!/usr/bin/python3
"""Sends datagrams under addresses that are not its own, and watches the loopback interface of its network namespace.

  flood.py hellos --to PORT,... --watch PORT --count N --rate N --seed N
      ClientHellos without a valid cookie, whole and broken ones, each from an address of its own in 10.0.0.0/8
  flood.py records --to PORT --from PORT --watch PORT --seconds N --rate N --seed N
      protected records in the name of 127.0.0.1, port --from, which has a session; no two are alike

Prints what was sent, what was answered, and what arrived at --watch, the port of a node, as one JSON object.
"""
import argparse
import collections
import json
import random
import socket
import struct
import threading
import time

BUFFER = 64 << 20
IPPROTO_UDP = 17
LOCALHOST = socket.inet_aton("127.0.0.1")
HANDSHAKE, APPLICATION_DATA = 22, 23
SUITES = b"\xc0\xa8\xc0\xae\xc0\x9c\x00\xff"
# supported_groups, ec_point_formats, signature_algorithms
EXTENSIONS = bytes.fromhex("000a000400020017" "000b00020100" "000d000400020403")


def record(kind, epoch, number, body):
    return struct.pack(">BHHHIH", kind, 0xFEFD, epoch, number >> 32, number & 0xFFFFFFFF, len(body)) + body


def client_hello(rng, cookie, padding):
    extensions = EXTENSIONS + struct.pack(">HH", 21, padding) + bytes(padding) if padding else EXTENSIONS
    body = (b"\xfe\xfd" + rng.randbytes(32) + b"\0" + bytes([len(cookie)]) + cookie +
            struct.pack(">H", len(SUITES)) + SUITES + b"\x01\0" + struct.pack(">H", len(extensions)) + extensions)
    length = len(body).to_bytes(3, "big")
    return b"\x01" + length + b"\0\0" + b"\0\0\0" + length + body


def hello_datagram(rng):
    """A ClientHello, and in one of three cases something that is none quite."""
    message = client_hello(rng, rng.choice([b"", b"", rng.randbytes(32), rng.randbytes(rng.randrange(64))]),
                           rng.choice([0, 0, 0, 600]))
    whole = record(HANDSHAKE, 0, rng.randrange(3), message)
    fault = rng.randrange(12)
    if fault == 0:  # some bits
        broken = bytearray(whole)
        for _ in range(rng.randrange(1, 8)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        return bytes(broken)
    if fault == 1:  # cut short, the record's length as if nothing was missing
        return whole[:rng.randrange(1, len(whole))]
    if fault == 2:  # a short record
        return record(HANDSHAKE, 0, 0, message[:rng.randrange(1, len(message))])
    if fault == 3:  # the smallest one there is
        body = b"\xfe\xfd" + rng.randbytes(32) + b"\0\0\0\x02\xc0\xa8\x01\0"
        length = len(body).to_bytes(3, "big")
        return record(HANDSHAKE, 0, 0, b"\x01" + length + bytes(5) + length + body)
    return whole


def raw_socket():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    return s


def packet(source, source_port, port, payload):
    """An IPv4 packet to 127.0.0.1; the kernel fills in the header's checksum, and UDP's may be left out."""
    udp = struct.pack(">HHHH", source_port, port, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, IPPROTO_UDP, 0, source,
                       LOCALHOST) + udp


class Watch(threading.Thread):
    """Sees every UDP datagram that arrives in this network namespace."""

    def __init__(self, to, watched):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_UDP)
        self.socket.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER)
        self.to, self.watched = to, watched
        self.answers = collections.Counter()  # bytes, by the address that they go to
        self.answer_count = 0
        self.arrived = 0
        self.start()

    def run(self):
        while True:
            data = self.socket.recv(65536)
            header = (data[0] & 15) * 4
            source_port, port = struct.unpack_from(">HH", data, header)
            if (data[16:20], port) == (LOCALHOST, self.watched):
                self.arrived += 1
            elif source_port in self.to:
                self.answers[data[16:20], port] += len(data) - header - 8
                self.answer_count += 1

    def settle(self):
        """Waits until nothing has arrived for a while."""
        before = None
        while before != (self.arrived, self.answer_count):
            before = self.arrived, self.answer_count
            time.sleep(0.5)


def pace(begin, sent, rate):
    ahead = sent / rate - (time.monotonic() - begin)
    if ahead > 0.005:
        time.sleep(ahead)


def hellos(args):
    rng = random.Random(args.seed)
    to = [int(port) for port in args.to.split(",")]
    watch, out = Watch(to, args.watch), raw_socket()
    sent = {}
    begin = time.monotonic()
    while len(sent) < args.count:
        source = b"\x0a" + rng.randbytes(3), rng.randrange(1024, 65536)
        if source in sent:
            continue
        payload = hello_datagram(rng)
        sent[source] = len(payload)
        out.sendto(packet(*source, rng.choice(to), payload), ("127.0.0.1", 0))
        pace(begin, len(sent), args.rate)
    took = time.monotonic() - begin
    watch.settle()
    answered = {source: count for source, count in watch.answers.items() if source in sent}
    return {"sent": len(sent), "sent_bytes": sum(sent.values()), "seconds": took, "answered": len(answered),
            "answer_bytes": sum(answered.values()),
            "worst": max((count / sent[source] for source, count in answered.items()), default=0),
            "arrived": watch.arrived}


def records(args):
    rng = random.Random(args.seed)
    watch, out = Watch([], args.watch), raw_socket()
    begin = time.monotonic()
    sent = 0
    while time.monotonic() - begin < args.seconds:
        number = (1 << 48) + rng.randrange(1000, 100000)  # epoch 1
        body = number.to_bytes(8, "big") + rng.randbytes(rng.randrange(8, 40))
        out.sendto(packet(LOCALHOST, args.source, int(args.to), record(APPLICATION_DATA, 1, number & (1 << 48) - 1, body)),
                   ("127.0.0.1", 0))
        sent += 1
        pace(begin, sent, args.rate)
    took = time.monotonic() - begin
    watch.settle()
    return {"sent": sent, "seconds": took, "arrived": watch.arrived}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["hellos", "records"])
    parser.add_argument("--to", required=True)
    parser.add_argument("--from", dest="source", type=int)
    parser.add_argument("--watch", type=int, required=True)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(json.dumps(hellos(args) if args.what == "hellos" else records(args)), flush=True)


main()
