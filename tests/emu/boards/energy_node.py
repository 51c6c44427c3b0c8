"""What a node spends: the CPU's cycles, and the datagrams on its link, from the lives that metered.sh leaves."""
import json

SLIP_SPECIAL, SLIP_ENDS = b"\xc0\xdb", 2  # RFC 1055
LIVES = ("association", "keyblock", "record32", "record64")


class Life:
    """One life of a board, of which what an earlier one did can be taken away."""

    def __init__(self, directory, name):
        self.name = name
        self.measured = json.loads((directory / f"{name}.json").read_text())["measured"]
        lines = (directory / f"{name}.datagrams").read_text().splitlines()
        self.crossed = [(way, bytes.fromhex(data)) for way, data in map(str.split, lines)]
        self.datagrams = [(way, len(data)) for way, data in self.crossed]

    def total(self, function):
        m = self.measured[function]
        return m["calls"] * m["mean"]

    def cycles(self):
        """Of all datagrams and the request to associate. The loop calls datagram_handle when there is none, too: those
        calls are taken away, and so is waiting for the UART, which a node with a radio has not. What was sent while nobody
        listened yet is left out."""
        handled = self.measured["datagram_handle"]
        idle = handled["calls"] - sum(way == "down" for way, _ in self.crossed)
        sent = sum(len(data) + sum(map(data.count, SLIP_SPECIAL)) + SLIP_ENDS for way, data in self.crossed if way == "up")
        return (self.total("datagram_handle") - idle * handled["min"] + self.total("node_join_begin")
                - sent * self.measured["bare_uart_put"]["mean"])

    def record(self):
        """(opening, sealing): the last call sealed the reply, the other one opened the request."""
        m = self.measured["record_crypt"]
        if m["calls"] != 2:
            raise SystemExit(f"energy-report: {self.name}: {m['calls']} records, not 2")
        return 2 * m["mean"] - m["last"], m["last"]


class Node:
    """The cycles of one image. 64 bytes are one block of AES more than 48, as 48 are than 32: a reply of 64 does not fit
    the node's blocks (RFC 7959) of 32."""

    def __init__(self, directory):
        lives = {name: Life(directory, name) for name in LIVES}
        cycles = {name: life.cycles() for name, life in lives.items()}
        self.aes = lives["keyblock"].measured["aes128_encrypt"]["mean"]
        self.open32, self.seal32 = lives["record32"].record()
        self.open64, seal48 = lives["record64"].record()
        self.seal64 = 2 * seal48 - self.seal32
        self.association_datagrams = lives["association"].datagrams
        self.keyblock_datagrams = lives["keyblock"].datagrams[len(self.association_datagrams):]
        self.association = cycles["association"]
        self.keyblock = cycles["keyblock"] - cycles["association"]
        self.exchange32 = cycles["record32"] - cycles["keyblock"]
