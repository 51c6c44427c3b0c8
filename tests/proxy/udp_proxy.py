#!/usr/bin/python3
"""A UDP proxy between clients and a server that impairs what crosses it, by a seed, and logs all of it.

Each client has a socket of its own towards the server, so that the server sees one 5-tuple for each. By hand:

  udp_proxy.py --listen 7000 --to 5684 --up loss=30,reorder=20 --down loss=30,delay=100

and point the client at port 7000. "up" is towards the server, "down" towards the clients. The log has one line a
datagram: "up" or "down", what became of it ("kept", or words joined by "+": lost, late, twice, cut, spoilt), and its
bytes in hex as they came.
"""
import argparse
import heapq
import itertools
import random
import selectors
import socket
import time

HOLD_MS = 400  # by so much at most a reordered datagram is late
KINDS = {
    "loss": "% that are lost",
    "duplicate": "% that come twice",
    "reorder": f"% that are held back by up to {HOLD_MS} ms, behind what follows them",
    "truncate": "% that are cut at any length",
    "corrupt": "% of which one bit is flipped",
    "delay": "milliseconds by which all are late",
}
FLIGHTS = ("1", "2", "3", "4", "5", "6", "key-block", "acknowledgement")
CHANGE_CIPHER_SPEC, HANDSHAKE = 20, 22  # RFC 5246 6.2.1
CLIENT_HELLO, HELLO_VERIFY_REQUEST = 1, 3  # RFC 6347 4.3.2
LINK_CONTROL, KEY_BLOCK_LEN, ACKNOWLEDGEMENT_LEN = 2, 67, 16  # common/PROTOCOL.md 1 and 9


def impairments(text):
    """{kind: number} of a list such as "loss=10,delay=50"."""
    how = {}
    for part in text.split(","):
        kind, _, number = part.partition("=")
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"'{kind}' is none of {', '.join(KINDS)}")
        how[kind] = float(number)
    return how


class Leg:
    """One direction. All that happens is drawn from its own generator, whatever the other does."""

    def __init__(self, how, seed):
        self.rng = random.Random(seed)
        self.how = {**dict.fromkeys(KINDS, 0), **(how or {})}

    def chance(self, kind):
        return self.rng.random() * 100 < self.how[kind]

    def spoil(self, datagram):
        """What becomes of its bytes, and the words for it."""
        words = []
        if datagram and self.chance("truncate"):
            datagram = datagram[:self.rng.randrange(len(datagram))]
            words.append("cut")
        if datagram and self.chance("corrupt"):
            bit = self.rng.randrange(8 * len(datagram))
            spoilt = bytearray(datagram)
            spoilt[bit // 8] ^= 1 << bit % 8
            datagram = bytes(spoilt)
            words.append("spoilt")
        return datagram, words

    def impair(self, datagram):
        """The copies that go on, each with its delay in seconds, and the words."""
        if self.chance("loss"):
            return [], ["lost"]
        datagram, words = self.spoil(datagram)
        copies = []
        for _ in range(2 if self.chance("duplicate") else 1):
            late_ms = self.rng.uniform(0, HOLD_MS) if self.chance("reorder") else 0
            copies.append(((self.how["delay"] + late_ms) / 1000, datagram))
            words += ["late"] * (late_ms > 0)
        return copies, words + ["twice"] * (len(copies) == 2)


def flight_of(direction, datagram):
    """The flight of RFC 6347 4.2.4 that a datagram between peers is of, the part of a hand-over that one on a node's
    link is or may be, or None. In clear a record's body is at 13, message_seq at 17."""
    if datagram[:1] and datagram[0] >> 5 == LINK_CONTROL:
        return {("down", KEY_BLOCK_LEN): "key-block", ("up", ACKNOWLEDGEMENT_LEN): "acknowledgement"}.get(
            (direction, len(datagram)))
    if len(datagram) < 14 or datagram[0] not in (CHANGE_CIPHER_SPEC, HANDSHAKE):
        return None
    message = datagram[13] if datagram[0] == HANDSHAKE and datagram[3:5] == b"\0\0" else None
    if direction == "up":
        return "5" if message != CLIENT_HELLO else "1" if datagram[17:19] == b"\0\0" else "3"
    return "6" if message is None else "2" if message == HELLO_VERIFY_REQUEST else "4"


class FlightLoss:
    """Loses a flight, all datagrams of it, the first times that it comes."""

    def __init__(self, flight, times):
        self.flight, self.left = flight, times
        self.starts = set()  # of what is lost; one that comes again begins the flight's next time
        self.has_key_block = False

    def takes(self, direction, datagram):
        flight = flight_of(direction, datagram)
        self.has_key_block |= flight == "key-block"
        if flight is None or flight != self.flight or self.left == 0:
            return False
        if flight == "acknowledgement" and not self.has_key_block:
            return False
        is_in_clear = flight in "123456" and datagram[3:5] == b"\0\0"
        start = (datagram[0], datagram[13:25]) if is_in_clear else flight
        if start in self.starts:
            self.starts.clear()
            self.left -= 1
        self.starts.add(start)
        return self.left > 0


class Proxy:
    def __init__(self, options):
        self.options = options
        self.flight_loss = FlightLoss(options.lose_flight, options.times)
        self.log = open(options.log, "w", buffering=1)
        self.legs = {"up": Leg(options.up or options.both, f"{options.seed} up"),
                     "down": Leg(options.down or options.both, f"{options.seed} down")}
        self.delayed = []  # a heap of (when, number, direction, client, datagram)
        self.numbers = itertools.count()
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

    def move(self, source, client):
        direction = "up" if client is None else "down"
        try:
            datagram, sender = source.recvfrom(65536)
        except ConnectionRefusedError:
            return
        copies, words = self.legs[direction].impair(datagram)
        if self.flight_loss.takes(direction, datagram):
            copies, words = [], ["lost"]
        self.log.write(f"{direction} {'+'.join(words) or 'kept'} {datagram.hex()}\n")
        for delay_s, copy in copies:
            to = sender if client is None else client
            if delay_s == 0:
                self.pass_on(direction, to, copy)
            else:
                heapq.heappush(self.delayed, (time.monotonic() + delay_s, next(self.numbers), direction, to, copy))

    def pass_on(self, direction, client, datagram):
        try:
            if direction == "up":
                self.upstream_of(client).send(datagram)
            else:
                self.listener.sendto(datagram, client)
        except ConnectionRefusedError:
            pass

    def pass_delayed(self):
        while self.delayed and self.delayed[0][0] <= time.monotonic():
            _, _, direction, client, datagram = heapq.heappop(self.delayed)
            self.pass_on(direction, client, datagram)

    def patience(self):
        """How long to wait for a datagram, in seconds; None: for ever."""
        return max(0, self.delayed[0][0] - time.monotonic()) if self.delayed else None

    def on_silence(self):
        """Nothing came for so long."""

    def run(self):
        print("ready", flush=True)
        while True:
            ready = self.selector.select(self.patience())
            for key, _ in ready:
                self.move(key.fileobj, key.data)
            self.pass_delayed()
            if not ready:
                self.on_silence()


def arguments(description):
    kinds = "\n".join(f"  {kind:10}{text}" for kind, text in KINDS.items())
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"A leg is impaired by a list of KIND=NUMBER with commas between:\n{kinds}")
    parser.add_argument("--listen", type=int, required=True, metavar="PORT", help="for the clients, on 127.0.0.1")
    parser.add_argument("--to", type=int, required=True, metavar="PORT", help="of the server, on 127.0.0.1")
    parser.add_argument("--log", default="/dev/null", metavar="FILE")
    parser.add_argument("--up", type=impairments, metavar="LIST", help="how the leg towards the server is impaired")
    parser.add_argument("--down", type=impairments, metavar="LIST", help="how the leg towards the clients is impaired")
    parser.add_argument("--both", type=impairments, metavar="LIST", help="how a leg is impaired that has no list of its own")
    parser.add_argument("--seed", default="1", help="of all that is random")
    parser.add_argument("--lose-flight", choices=FLIGHTS,
                        help="lose this flight of RFC 6347 4.2.4 or, on a node's link, this part of a hand-over")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="that the flight is lost")
    return parser


if __name__ == "__main__":
    Proxy(arguments(__doc__).parse_args()).run()
