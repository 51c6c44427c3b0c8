"""The loopback interface of a network namespace: datagrams under any address, and all that arrive."""
import socket
import struct
import threading
import time

BUFFER = 64 << 20
IPPROTO_UDP = 17
LOCALHOST = socket.inet_aton("127.0.0.1")
SO_RCVBUFFORCE = getattr(socket, "SO_RCVBUFFORCE", 33)
AHEAD_S = 0.005  # of the rate at most: not every datagram is worth a sleep


class Loopback(threading.Thread):
    """Hands every UDP datagram to on_datagram(source, to, payload) of a subclass, in a thread. Source and destination are
    (address, port), an address being four bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_UDP)
        self.listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)

    def run(self):
        while True:
            packet = self.listener.recv(65536)
            header = (packet[0] & 15) * 4
            source_port, port = struct.unpack_from(">HH", packet, header)
            self.on_datagram((packet[12:16], source_port), (packet[16:20], port), packet[header + 8:])

    def forge(self, source, port, payload):
        """Sends to 127.0.0.1 in the name of `source`. The kernel fills in the header's checksum, and UDP's may be left out."""
        udp = struct.pack(">HHHH", source[1], port, 8 + len(payload), 0) + payload
        header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, IPPROTO_UDP, 0, source[0], LOCALHOST)
        self.sender.sendto(header + udp, ("127.0.0.1", 0))


def pace(begin, sent, rate):
    ahead = sent / rate - (time.monotonic() - begin)
    if ahead > AHEAD_S:
        time.sleep(ahead)


def send_for(seconds, rate, send):
    """Calls send() `rate` times a second; how often that was."""
    begin, sent = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        send()
        sent += 1
        pace(begin, sent, rate)
    return sent


def settle(count):
    """Waits until count() stays the same for a while."""
    before = None
    while before != count():
        before = count()
        time.sleep(0.5)
