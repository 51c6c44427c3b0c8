"""Stock clients: sessions that are held with openssl s_client, and short ones that coap-client makes all the time."""
import os
import random
import socket
import subprocess
import threading
import time

from campaign import coap_get, is_reading, s_client

CON = 0
GET_TEMPERATURE = b"\xbbtemperature"           # Uri-Path (11), 11 bytes
OBSERVE_TEMPERATURE = b"\x60\x5btemperature"   # Observe (6) 0, then Uri-Path
PING_S = 0.1


class Session(threading.Thread):
    """One DTLS session for as long as the campaign lasts: asks for a reading every 0.1 s, and observes it."""

    def __init__(self, name, port, identity, key):
        super().__init__(daemon=True)
        self.name = name
        self.lock = threading.Lock()
        self.sent = {}        # ping -> when
        self.answered = {}    # ping -> when
        self.notified = 0.0   # when the last notification came
        self.next_id = random.randrange(1 << 16)
        # Sockets of datagrams, so that one write is one record and one record one read.
        self.end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.client = subprocess.Popen(s_client(port, identity, key), stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        self.end.settimeout(PING_S / 4)

    def send(self, head, token, options):
        self.next_id = (self.next_id + 1) & 0xFFFF
        message = bytes([0x40 | len(token), head]) + self.next_id.to_bytes(2, "big") + token + options
        self.end.send(message)

    def observe(self):
        with self.lock:
            self.send(1, b"observe!", OBSERVE_TEMPERATURE)

    def ping(self, number):
        with self.lock:
            self.sent[number] = time.monotonic()
            self.send(1, b"p" + number.to_bytes(4, "big"), GET_TEMPERATURE)

    def take(self, message):
        if len(message) < 5:
            return
        token = message[4:4 + (message[0] & 15)]
        if message[0] >> 4 & 3 == CON:
            self.end.send(b"\x60\x00" + message[2:4])
        with self.lock:
            if token == b"observe!":
                self.notified = time.monotonic()
            elif token[:1] == b"p":
                self.answered.setdefault(int.from_bytes(token[1:], "big"), time.monotonic())

    def run(self):
        number, due = 0, time.monotonic()
        try:
            self.observe()
            while True:
                if time.monotonic() >= due:
                    number, due = number + 1, time.monotonic() + PING_S
                    self.ping(number)
                try:
                    self.take(self.end.recv(4096))
                except socket.timeout:
                    pass
        except OSError:
            pass  # the client has ended

    def is_alive_client(self):
        return self.client.poll() is None

    def answered_since(self, since):
        """When the first answer to a ping of after `since` came; None: not yet."""
        with self.lock:
            times = [when for number, when in self.answered.items() if self.sent[number] >= since]
        return min(times, default=None)

    def unanswered(self, since, until):
        """Pings sent in between that have no answer yet."""
        with self.lock:
            return [n for n, when in self.sent.items() if since <= when <= until and n not in self.answered]

    def forget(self, before):
        """Numbers of long ago, so that a long campaign does not slow down."""
        with self.lock:
            for number in [n for n, when in self.sent.items() if when < before]:
                del self.sent[number]
                self.answered.pop(number, None)

    def end_client(self):
        self.client.kill()
        self.client.wait()


class Churn(threading.Thread):
    """Handshakes without pause, each for one reading: some are in flight at every kill. One of those fails by an alert, or the
    client gives up when its time is over."""

    GIVES_UP_S = 10
    HANGS_S = 30
    OUTCOMES = ("done", "failed", "gave up", "hung")

    def __init__(self, port, identity, key):
        super().__init__(daemon=True)
        self.command = coap_get(port, identity, key, self.GIVES_UP_S)
        self.outcomes = dict.fromkeys(self.OUTCOMES, 0)
        self.client = None
        self.is_over = False

    def once(self):
        began = time.monotonic()
        self.client = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        try:
            reading, _ = self.client.communicate(timeout=self.HANGS_S)
        except subprocess.TimeoutExpired:
            self.client.kill()
            self.client.communicate()
            return "hung"
        if is_reading(reading):
            return "done"
        return "failed" if time.monotonic() - began < self.GIVES_UP_S - 1 else "gave up"

    def run(self):
        while not self.is_over:
            outcome = self.once()
            if not self.is_over:
                self.outcomes[outcome] += 1
            time.sleep(0.05)

    def end(self):
        self.is_over = True
        if self.client is not None:
            self.client.kill()
        self.join()
