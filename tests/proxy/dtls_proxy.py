#!/usr/bin/python3
"""A UDP proxy that makes an odd peer of an ordinary DTLS client or server, on the way between them.

Handshake messages in clear can be cut into odd fragments or be preceded by lies about their lengths (but not
ClientHello, which a server without state has to get whole); all clients can share one 5-tuple; a bit can be flipped. On
SIGUSR1 all clients move to other ports. What one side sends within a moment can share a datagram; else nothing is
changed towards the clients.
"""
import random
import signal
import time

import udp_proxy

HANDSHAKE = 22  # RFC 5246 6.2.1
CLIENT_HELLO = 1  # RFC 5246 7.4
HUGE = 0xFFFFFF
DATAGRAM_LEN = 1200  # of those that we put together
MOMENT_S = 0.1  # within which what belongs together leaves a busy machine
PAUSE_S = 0.005  # a network has a rate
MODES = ("bytes", "overlapping", "reordered", "repeated", "lies")
LIES = 12


class Fragment:
    """RFC 6347 4.2.2. frag_len is written as it is, true or not."""

    def __init__(self, kind, length, message, offset, body, frag_len=None):
        self.kind, self.length, self.message, self.offset, self.body = kind, length, message, offset, body
        self.frag_len = len(body) if frag_len is None else frag_len

    @classmethod
    def decode(cls, body):
        return cls(body[0], int.from_bytes(body[1:4], "big"), int.from_bytes(body[4:6], "big"),
                   int.from_bytes(body[6:9], "big"), body[12:])

    def encode(self):
        return (bytes([self.kind]) + self.length.to_bytes(3, "big") + self.message.to_bytes(2, "big") +
                self.offset.to_bytes(3, "big") + self.frag_len.to_bytes(3, "big") + self.body)

    def cut(self, step, width):
        """Pieces of `width` bytes that begin every `step` bytes."""
        return [Fragment(self.kind, self.length, self.message, self.offset + at, self.body[at:at + width])
                for at in range(0, max(1, len(self.body)), step)]

    def halves(self):
        half = max(1, (len(self.body) + 1) // 2)
        return self.cut(half, half)

    def lie(self, number):
        """What no honest peer sends."""
        half = len(self.body) // 2
        start = self.body[:half]
        changes = [
            dict(length=self.length + 1000, body=start),
            dict(length=max(half - 1, 0), body=start),
            dict(length=HUGE, body=start),
            dict(offset=self.length + 1, body=start),
            dict(offset=HUGE, body=start),
            dict(offset=self.length - half + 1, body=start),  # ends beyond the message's end
            dict(body=start, frag_len=half + 1),
            dict(body=self.body, frag_len=half),
            dict(body=start, frag_len=HUGE),
            dict(offset=self.offset + half, body=bytes(byte ^ 0xFF for byte in self.body[half:])),
            dict(message=self.message + 200, body=start),
            dict(kind=self.kind ^ 0x55, body=start),
        ]
        assert len(changes) == LIES
        honest = dict(kind=self.kind, length=self.length, message=self.message, offset=self.offset)
        return Fragment(**{**honest, **changes[number % LIES]})


def records_of(datagram):
    """(content type, version and epoch, body) of each record, in DTLS 1.2's header (RFC 6347 4.1)."""
    at = 0
    while at + 13 <= len(datagram):
        end = at + 13 + int.from_bytes(datagram[at + 11:at + 13], "big")
        yield datagram[at], datagram[at + 1:at + 11], datagram[at + 13:end]
        at = end


def fragments_of(body):
    while len(body) >= 12:
        end = 12 + int.from_bytes(body[9:12], "big")
        yield Fragment.decode(body[:end])
        body = body[end:]


class Client:
    """Of one client: the next number of a record in clear, and which lie is its own."""

    def __init__(self, options, lie):
        self.options, self.lie = options, lie
        self.number = 0
        self.rng = random.Random(options.seed)

    def pieces(self, fragments):
        """The same content in pieces as RFC 6347 4.2.3 allows them, or after a lie."""
        mode = self.options.fragments
        if mode == "lies":
            return [piece for fragment in fragments for piece in (fragment.lie(self.lie), *fragment.halves())]
        step, width, times = {"bytes": (1, 1, 1), "overlapping": (2, 4, 1), "reordered": (3, 3, 1),
                              "repeated": (3, 3, 3)}[mode]
        pieces = [piece for fragment in fragments for piece in fragment.cut(step, width) for _ in range(times)]
        if mode == "reordered":
            self.rng.shuffle(pieces)
        return pieces

    def in_clear(self, content_type, body):
        self.number += 1
        return bytes([content_type]) + b"\xfe\xfd\0\0" + (self.number - 1).to_bytes(6, "big") + \
            len(body).to_bytes(2, "big") + body

    def refragment(self, records):
        """Records in clear are numbered anew, because there are more of them than the client knows."""
        out, fragments = [], []

        def cut():
            out.extend(self.in_clear(HANDSHAKE, piece.encode()) for piece in self.pieces(fragments))
            fragments.clear()

        for content_type, header, body in records:
            is_clear = header[2:4] == b"\0\0"
            if is_clear and content_type == HANDSHAKE and body[0] != CLIENT_HELLO:
                fragments.extend(fragments_of(body))
                continue
            cut()
            if is_clear:
                out.append(self.in_clear(content_type, body))
            else:
                out.append(bytes([content_type]) + header + len(body).to_bytes(2, "big") + body)
        cut()
        return out


def spoil(datagram, kind):
    """Flips a bit of the last byte of each handshake message of this kind in clear."""
    out = b""
    for content_type, header, body in records_of(datagram):
        if content_type == HANDSHAKE and header[2:4] == b"\0\0" and body[0] == kind:
            body = body[:-1] + bytes([body[-1] ^ 1])
        out += bytes([content_type]) + header + len(body).to_bytes(2, "big") + body
    return out


def pack(records):
    """Datagrams of several records, or of several datagrams."""
    datagrams = [b""]
    for record in records:
        if len(datagrams[-1]) + len(record) > DATAGRAM_LEN and datagrams[-1]:
            datagrams.append(b"")
        datagrams[-1] += record
    return datagrams


class DtlsProxy(udp_proxy.Proxy):
    def __init__(self, options):
        super().__init__(options)
        self.clients = {}
        self.held = {}  # {(direction, client): datagrams that wait for the moment to pass}
        self.latest = None
        signal.signal(signal.SIGUSR1, lambda *_: self.upstreams.clear())

    def upstream_of(self, client):
        return super().upstream_of("everyone" if self.options.one_source else client)

    def pass_on(self, direction, client, datagram):
        if direction == "up":
            self.latest = client
            if self.options.spoil is not None:
                datagram = spoil(datagram, self.options.spoil)
        elif self.options.one_source:
            client = self.latest
        if self.options.pack == direction or (self.options.fragments and direction == "up"):
            self.held.setdefault((direction, client), []).append(datagram)
        else:
            self.send(direction, client, [datagram])

    def patience(self):
        return MOMENT_S if self.held else super().patience()

    def on_silence(self):
        for (direction, client), datagrams in self.held.items():
            if self.options.fragments and direction == "up":
                state = self.clients.setdefault(client, Client(self.options, len(self.clients)))
                datagrams = state.refragment(records_of(b"".join(datagrams)))
            self.send(direction, client, pack(datagrams))
        self.held.clear()

    def send(self, direction, client, datagrams):
        for datagram in datagrams:
            super().pass_on(direction, client, datagram)
            time.sleep(PAUSE_S)
            self.log.write(f"sent {direction} {datagram.hex()}\n")


def main():
    parser = udp_proxy.arguments(__doc__.partition("\n")[0])
    parser.add_argument("--fragments", choices=MODES)
    parser.add_argument("--pack", choices=("up", "down"), help="what comes on this leg within a moment shares a datagram")
    parser.add_argument("--spoil", type=int, metavar="TYPE", help="flip a bit in handshake messages of this type")
    parser.add_argument("--one-source", action="store_true", help="all clients are one to the server")
    DtlsProxy(parser.parse_args()).run()


main()
