#!/usr/bin/python3
"""Searches a core dump for the secrets of a DTLS session, as the peer knows them.

Prints the name of each secret of which any 8-byte window stands in the dump. Windows with more than four zeros are
passed over: the premaster of a PSK suite begins with zeros (RFC 4279 2), and they are in any dump.
"""
import argparse
import hashlib
import hmac
import mmap
import re

WINDOW = 8
SERVER_HELLO = 2


def prf(secret, label, seed, length):
    """RFC 5246 5, with SHA-256."""
    seed, out, a = label + seed, b"", label + seed
    while len(out) < length:
        a = hmac.digest(secret, a, hashlib.sha256)
        out += hmac.digest(secret, a + seed, hashlib.sha256)
    return out[:length]


def server_random(path):
    """From the hex dump of openssl s_client -msg: header (RFC 6347 4.2.2), version, random."""
    for dump in re.findall(r"^<<<.*\n((?:    .*\n)+)", open(path).read(), re.MULTILINE):
        message = bytes.fromhex("".join(dump.split()))
        if message[0] == SERVER_HELLO and len(message) > 46:
            return message[14:46]
    raise SystemExit(f"key_search: no ServerHello in {path}")


def secrets(options):
    """{what: {name: bytes}}"""
    line = re.search(r"^CLIENT_RANDOM (\w+) (\w+)$", open(options.keylog).read(), re.MULTILINE)
    client_random, master = bytes.fromhex(line[1]), bytes.fromhex(line[2])
    block = prf(master, b"key expansion", server_random(options.messages) + client_random, 40)
    psk = bytes.fromhex(options.psk)
    size = len(psk).to_bytes(2, "big")
    return {
        "traffic-keys": {"client-write-key": block[:16], "server-write-key": block[16:32]},
        "master": {"master-secret": master},
        "premaster": {"premaster": size + bytes(len(psk)) + size + psk},
        "psk": {"subscriber-psk": psk},
        "node-psk": {"node-psk": bytes.fromhex(options.node_psk)},
    }


def main():
    parser = argparse.ArgumentParser(description="Searches a core dump for session secrets.")
    parser.add_argument("--keylog", required=True, help="of openssl s_client -keylogfile")
    parser.add_argument("--messages", required=True, help="of openssl s_client -msg")
    parser.add_argument("--psk", required=True, metavar="HEX")
    parser.add_argument("--node-psk", required=True, metavar="HEX")
    parser.add_argument("dump")
    parser.add_argument("what", nargs="+", help="traffic-keys, master, premaster, psk or node-psk")
    options = parser.parse_args()

    known = secrets(options)
    with open(options.dump, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as dump:
        for what in options.what:
            for name, value in known[what].items():
                windows = {value[at:at + WINDOW] for at in range(len(value) - WINDOW + 1)}
                if any(dump.find(window) >= 0 for window in windows if window.count(0) <= 4):
                    print(name)


main()
