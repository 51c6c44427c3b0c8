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
import pathlib
import random
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
sys.dont_write_bytecode = True
import loopback

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


class Watch(loopback.Loopback):
    """Counts what arrives at a port, and what is answered from ports that we send to."""

    def __init__(self, to, watched):
        super().__init__()
        self.to, self.watched = to, watched
        self.answers = collections.Counter()  # bytes, by the address that they go to
        self.answer_count = 0
        self.arrived = 0
        self.start()

    def on_datagram(self, source, to, payload):
        if to == (loopback.LOCALHOST, self.watched):
            self.arrived += 1
        elif source[1] in self.to:
            self.answers[to] += len(payload)
            self.answer_count += 1

    def settle(self):
        loopback.settle(lambda: (self.arrived, self.answer_count))


def hellos(args):
    rng = random.Random(args.seed)
    to = [int(port) for port in args.to.split(",")]
    watch = Watch(to, args.watch)
    sent = {}
    begin = time.monotonic()
    while len(sent) < args.count:
        source = b"\x0a" + rng.randbytes(3), rng.randrange(1024, 65536)
        if source in sent:
            continue
        payload = hello_datagram(rng)
        sent[source] = len(payload)
        watch.forge(source, rng.choice(to), payload)
        loopback.pace(begin, len(sent), args.rate)
    took = time.monotonic() - begin
    watch.settle()
    answered = {source: count for source, count in watch.answers.items() if source in sent}
    return {"sent": len(sent), "sent_bytes": sum(sent.values()), "seconds": took, "answered": len(answered),
            "answer_bytes": sum(answered.values()),
            "worst": max((count / sent[source] for source, count in answered.items()), default=0),
            "arrived": watch.arrived}


def records(args):
    rng = random.Random(args.seed)
    watch = Watch([], args.watch)

    def send():
        number = (1 << 48) + rng.randrange(1000, 100000)  # epoch 1
        body = number.to_bytes(8, "big") + rng.randbytes(rng.randrange(8, 40))
        watch.forge((loopback.LOCALHOST, args.source), int(args.to),
                    record(APPLICATION_DATA, 1, number & (1 << 48) - 1, body))

    sent = loopback.send_for(args.seconds, args.rate, send)
    watch.settle()
    return {"sent": sent, "arrived": watch.arrived}


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
