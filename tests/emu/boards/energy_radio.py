"""What datagrams cost on an IEEE 802.15.4 link of one hop, and what a node's time costs: a Tmote Sky's constants.

Headers as in common/PROTOCOL.md, section 9; longer datagrams are cut as 6LoWPAN does (RFC 4944 5.3).
"""
CPU_HZ = 3.9e6
VOLTS, CPU_MA, TX_MA, RX_MA = 3.0, 1.8, 17.4, 18.8  # Tmote Sky data sheet
BYTE_S = 8 / 250e3

MAC = 23  # header with 64-bit addresses, and checksum
HEADERS = 10  # IPv6 and UDP, compressed
HEADERS_IN_FULL = 48  # which offsets of fragments count
FRAME_PAYLOAD = 127 - MAC
FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_UNIT = 4, 5, 8
PREAMBLE = 6  # with start delimiter and length
LINK_ACK = PREAMBLE + 5


def frames(length):
    """The lengths of the frames that carry so many bytes of UDP payload."""
    if length <= FRAME_PAYLOAD - HEADERS:
        return [MAC + HEADERS + length]
    room = FRAME_PAYLOAD - FRAGMENT_FIRST - HEADERS + HEADERS_IN_FULL
    first = room - room % FRAGMENT_UNIT - HEADERS_IN_FULL
    lengths = [MAC + FRAGMENT_FIRST + HEADERS + first]
    later = (FRAME_PAYLOAD - FRAGMENT_LATER) // FRAGMENT_UNIT * FRAGMENT_UNIT
    left = length - first
    while left > 0:
        lengths.append(MAC + FRAGMENT_LATER + min(left, later))
        left -= later
    return lengths


class Datagrams:
    """(direction, bytes of UDP payload) each, "down" to the node and "up" from it."""

    def __init__(self, datagrams):
        self.datagrams = list(datagrams)
        self.frames = [(way, frame) for way, length in self.datagrams for frame in frames(length)]
        self.air_bytes = sum(frame for _, frame in self.frames)

    def microjoules(self):
        """While frames are in the air, and their acknowledgements by the link the other way; no listening."""
        total = 0
        for way, frame in self.frames:
            there, back = (RX_MA, TX_MA) if way == "down" else (TX_MA, RX_MA)
            total += VOLTS * BYTE_S * 1e3 * (there * (PREAMBLE + frame) + back * LINK_ACK)
        return total


def cpu_microjoules(cycles):
    return cycles / CPU_HZ * VOLTS * CPU_MA * 1e3
