#!/usr/bin/python3
"""Opens DTLS handshakes and stops after the second ClientHello, the one with the cookie: half_open.py PORT COUNT SUITE

SUITE is psk or ecdsa. Each comes from a port of its own on one of the addresses 127.0.0.1 to 127.0.0.250, which is one
prefix. Prints how many were answered with a ServerHello, then holds them until its standard input ends.
"""
import os
import resource
import socket
import sys
import time

ANSWER_S = 0.1
BATCH = 50
SERVER_HELLO, HELLO_VERIFY_REQUEST = 2, 3  # RFC 6347 4.3.2
SUITES = {"psk": b"\xc0\xa8", "ecdsa": b"\xc0\xae"}  # RFC 6655, RFC 7251
# supported_groups secp256r1, ec_point_formats uncompressed, signature_algorithms ecdsa_secp256r1_sha256
EXTENSIONS = bytes.fromhex("000a000400020017" "000b00020100" "000d000400020403")


def client_hello(random, cookie, suite):
    body = (b"\xfe\xfd" + random + b"\0" + bytes([len(cookie)]) + cookie + b"\0\x02" + suite + b"\x01\0" +
            len(EXTENSIONS).to_bytes(2, "big") + EXTENSIONS)
    number = 1 if cookie else 0
    length = len(body).to_bytes(3, "big")
    message = b"\x01" + length + number.to_bytes(2, "big") + b"\0\0\0" + length + body
    return b"\x16\xfe\xfd" + number.to_bytes(8, "big") + len(message).to_bytes(2, "big") + message


def receive(peer):
    """The type of the handshake message that has come, and its body."""
    try:
        answer = peer.recv(2048)
    except (BlockingIOError, ConnectionRefusedError):
        return None, b""
    return (answer[13], answer[25:]) if answer[0] == 22 else (None, b"")


def open_halves(addresses, port, suite):
    """Sockets from which both ClientHellos have been sent, if the first was answered."""
    peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in addresses]
    random = os.urandom(32)
    for peer, address in zip(peers, addresses):
        peer.setblocking(False)
        peer.bind((address, 0))
        peer.connect(("127.0.0.1", port))
        peer.send(client_hello(random, b"", suite))
    time.sleep(ANSWER_S)
    for peer in peers:
        kind, body = receive(peer)
        if kind == HELLO_VERIFY_REQUEST:
            peer.send(client_hello(random, body[3:3 + body[2]], suite))
    return peers


def main():
    port, count, suite = int(sys.argv[1]), int(sys.argv[2]), SUITES[sys.argv[3]]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    addresses = [f"127.0.0.{number % 250 + 1}" for number in range(count)]
    peers = []
    for at in range(0, count, BATCH):
        peers += open_halves(addresses[at:at + BATCH], port, suite)
    time.sleep(ANSWER_S)
    answers = [receive(peer)[0] for peer in peers]
    print(f"answered: {answers.count(SERVER_HELLO)}", flush=True)
    sys.stdin.read()


main()
