#!/usr/bin/python3
"""udp_proxy.py does to datagrams what it is told, on the leg that it is told, and the same for the same seed."""
import pathlib
import socket
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import udp_proxy

PROXY = pathlib.Path(__file__).with_name("udp_proxy.py")
RUNS = 2000
DATAGRAM = bytes(range(64))


def fates(how, seed=1):
    leg = udp_proxy.Leg(how, seed)
    return [leg.impair(DATAGRAM) for _ in range(RUNS)]


def flipped_bits(copy):
    return sum((a ^ b).bit_count() for a, b in zip(copy, DATAGRAM))


class LegTest(unittest.TestCase):
    def share(self, word, how):
        """In percent, of datagrams with this word."""
        return 100 * sum(word in words for _, words in fates(how)) / RUNS

    def test_nothing_happens_unless_asked_for(self):
        self.assertEqual(fates(None), [([(0, DATAGRAM)], [])] * RUNS)

    def test_each_kind_is_as_frequent_as_asked_for(self):
        for kind, word in (("loss", "lost"), ("duplicate", "twice"), ("reorder", "late"), ("truncate", "cut"),
                           ("corrupt", "spoilt")):
            self.assertEqual(self.share(word, {kind: 0}), 0, kind)
            self.assertAlmostEqual(self.share(word, {kind: 20}), 20, delta=4, msg=kind)
            self.assertEqual(self.share(word, {kind: 100}), 100, kind)

    def test_lost_ones_do_not_go_on_and_others_do(self):
        for copies, words in fates({"loss": 50, "duplicate": 50}):
            self.assertEqual(len(copies), 0 if "lost" in words else 2 if "twice" in words else 1)

    def test_cut_ones_are_shorter(self):
        for [(_, copy)], _ in fates({"truncate": 100}):
            self.assertLess(len(copy), len(DATAGRAM))
            self.assertTrue(DATAGRAM.startswith(copy))

    def test_corrupt_ones_differ_in_one_bit(self):
        for [(_, copy)], _ in fates({"corrupt": 100}):
            self.assertEqual((len(copy), flipped_bits(copy)), (len(DATAGRAM), 1))

    def test_delays(self):
        for [(delay_s, _)], words in fates({"delay": 50, "reorder": 50}):
            late_s = udp_proxy.HOLD_MS / 1000 if "late" in words else 0
            self.assertTrue(0.05 <= delay_s <= 0.05 + late_s)

    def test_a_seed_repeats(self):
        how = udp_proxy.impairments("loss=30,duplicate=30,reorder=30,truncate=30,corrupt=30")
        self.assertEqual(fates(how, 7), fates(how, 7))
        self.assertNotEqual(fates(how, 7), fates(how, 8))


def record(content_type, epoch, body):
    return bytes([content_type]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + bytes(6) + len(body).to_bytes(2, "big") + body


def message(kind, number, offset=0):
    """A record with a piece of a handshake message (RFC 6347 4.2.2)."""
    header = bytes([kind, 0, 0, 8]) + number.to_bytes(2, "big") + offset.to_bytes(3, "big") + bytes([0, 0, 4])
    return record(22, 0, header + bytes(4))


CIPHER_CHANGE = record(20, 0, b"\1")
FINISHED = record(22, 1, bytes(40))
DATA = record(23, 1, bytes(30))
KEY_BLOCK = b"\x41" + bytes(66)
ACKNOWLEDGEMENT = b"\x41" + bytes(15)
HANDSHAKE = (
    ("1", "up", message(1, 0)), ("2", "down", message(3, 0)), ("3", "up", message(1, 1)), ("4", "down", message(2, 1)),
    ("4", "down", message(11, 2)), ("4", "down", message(11, 2, 4)), ("4", "down", message(14, 3)),
    ("5", "up", message(11, 2)), ("5", "up", message(16, 3)), ("5", "up", CIPHER_CHANGE), ("5", "up", FINISHED),
    ("6", "down", CIPHER_CHANGE), ("6", "down", FINISHED), (None, "up", DATA), (None, "down", DATA))
HAND_OVER = (
    (None, "down", ACKNOWLEDGEMENT), (None, "down", KEY_BLOCK[:-1]), ("key-block", "down", KEY_BLOCK),
    (None, "up", KEY_BLOCK), ("acknowledgement", "up", ACKNOWLEDGEMENT), (None, "up", b""), (None, "up", b"\x16"))


class FlightTest(unittest.TestCase):
    def test_each_datagram_has_its_flight(self):
        for flight, direction, datagram in HANDSHAKE + HAND_OVER:
            self.assertEqual(udp_proxy.flight_of(direction, datagram), flight, (direction, datagram.hex()))

    def test_a_flight_is_lost_whole_as_often_as_asked_for(self):
        for flight in udp_proxy.FLIGHTS:
            for times in (0, 1, 2):
                loss = udp_proxy.FlightLoss(flight, times)
                for time in range(3):
                    for name, direction, datagram in HANDSHAKE + HAND_OVER:
                        self.assertEqual(loss.takes(direction, datagram), name == flight and time < times)

    def test_an_acknowledgement_before_the_key_block_is_of_something_else(self):
        loss = udp_proxy.FlightLoss("acknowledgement", 1)
        self.assertFalse(loss.takes("up", ACKNOWLEDGEMENT))
        self.assertFalse(loss.takes("down", KEY_BLOCK))
        self.assertTrue(loss.takes("up", ACKNOWLEDGEMENT))

    def test_nothing_is_lost_unless_asked_for(self):
        loss = udp_proxy.FlightLoss(None, 1)
        self.assertFalse(any(loss.takes(direction, datagram) for _, direction, datagram in HANDSHAKE + HAND_OVER))


class ProxyTest(unittest.TestCase):
    """The program between a client and a server that echoes."""

    def setUp(self):
        self.server = self.udp_socket()
        self.client = self.udp_socket()
        with self.udp_socket() as placeholder:
            self.port = placeholder.getsockname()[1]

    def udp_socket(self):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        made.settimeout(10)
        self.addCleanup(made.close)
        return made

    def start(self, *options):
        proxy = subprocess.Popen([PROXY, "--listen", str(self.port), "--to", str(self.server.getsockname()[1]), *options],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(proxy.stdout.close)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)
        self.assertEqual(proxy.stdout.readline(), "ready\n")

    def send_up(self):
        self.client.sendto(DATAGRAM, ("127.0.0.1", self.port))

    def test_each_leg_has_its_own_impairments(self):
        self.start("--up", "duplicate=100", "--down", "corrupt=100,delay=20")
        self.send_up()
        for _ in range(2):
            datagram, sender = self.server.recvfrom(2000)
            self.assertEqual(datagram, DATAGRAM)
        self.server.sendto(DATAGRAM, sender)
        self.assertEqual(flipped_bits(self.client.recv(2000)), 1)

    def test_lost_datagrams_do_not_arrive(self):
        self.start("--down", "loss=100")
        for _ in range(3):
            self.send_up()
            _, sender = self.server.recvfrom(2000)
            self.server.sendto(DATAGRAM, sender)
        self.client.settimeout(0.5)
        self.assertRaises(TimeoutError, self.client.recv, 2000)

    def test_unknown_kinds_are_refused(self):
        refused = subprocess.run([PROXY, "--listen", "1", "--to", "2", "--up", "gain=3"], capture_output=True, text=True)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("'gain' is none of loss", refused.stderr)


unittest.main()
