#!/usr/bin/python3
"""A peer that asks a node again and again in one session: talk.py --port PORT --source PORT --key KEY --for SECONDS --rate N

Runs openssl s_client as alice and sends `rate` requests a second, each with a token of its own and never twice; then
waits for late replies. Prints "ready" once the session is up, and at the end how many were asked and answered, as JSON.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
sys.dont_write_bytecode = True
from campaign import s_client, wait_until

TOKEN_LEN = 6
PATIENCE_S = 30


class Peer:
    def __init__(self, args):
        self.bytes = bytearray()
        self.process = subprocess.Popen(
            s_client(args.port, "alice", args.key, "-bind", f"127.0.0.1:{args.source}"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            chunk = os.read(self.process.stdout.fileno(), 4096)
            if not chunk:
                return
            self.bytes += chunk

    def ask(self, number, token):
        message = bytes([0x50 | TOKEN_LEN, 1]) + number.to_bytes(2, "big") + token + b"\xbbtemperature"
        self.process.stdin.write(message)

    def has(self, token):
        return token in self.bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--source", type=int, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--for", dest="seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    peer = Peer(args)
    try:
        first = rng.randbytes(TOKEN_LEN)
        if not wait_until(PATIENCE_S, lambda: ask_again(peer, first)):
            sys.exit("talk: the session does not come up")
        print("ready", flush=True)
        tokens = [rng.randbytes(TOKEN_LEN) for _ in range(int(args.seconds * args.rate))]
        begin = time.monotonic()
        for number, token in enumerate(tokens):
            time.sleep(max(0, begin + number / args.rate - time.monotonic()))
            peer.ask(1 + number & 0xFFFF, token)
        wait_until(2, lambda: all(map(peer.has, tokens)))
        print(json.dumps({"asked": len(tokens), "answered": sum(map(peer.has, tokens))}), flush=True)
    finally:
        peer.process.kill()
        peer.process.wait()


def ask_again(peer, token):
    if not peer.has(token):
        peer.ask(0, token)
        time.sleep(0.3)
    return peer.has(token)


main()
