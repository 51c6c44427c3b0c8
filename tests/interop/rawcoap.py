#!/usr/bin/python3
"""One CoAP request as raw bytes through openssl s_client or gnutls-cli, which know DTLS and nothing of CoAP.

Prints each reply's payload on a line of its own; a payload in blocks (RFC 7959) is put together. With --verbose the
lengths of all messages, as they were sealed, go to standard error.
"""
import argparse
import os
import selectors
import subprocess
import sys
import time

SUITE = {
    "s_client": "PSK-AES128-CCM8:@SECLEVEL=0",
    "gnutls-cli": "NORMAL:-KX-ALL:+PSK:-CIPHER-ALL:+AES-128-CCM-8:-VERS-ALL:+VERS-DTLS1.2",
}
METHODS = {"get": 1, "post": 2, "put": 3, "delete": 4}
CON, ACK, RST = 0, 2, 3
OBSERVE, URI_PATH, BLOCK2 = 6, 11, 23


def command_line(options):
    key = options.key.encode().hex()
    if options.client == "s_client":
        return ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{options.port}", "-psk", key,
                "-psk_identity", options.identity, "-cipher", SUITE["s_client"], "-nbio", "-quiet"]
    return ["gnutls-cli", "--udp", "-p", str(options.port), "127.0.0.1", "--pskusername", options.identity,
            "--pskkey", key, "--priority", SUITE["gnutls-cli"], "--logfile", "/dev/stderr"]


def encode_options(options):
    out, last = b"", 0
    for number, value in sorted(options, key=lambda option: option[0]):
        delta, length = number - last, len(value)
        assert delta < 269 and length < 13
        out += bytes([min(delta, 13) << 4 | length]) + (bytes([delta - 13]) if delta >= 13 else b"") + value
        last = number
    return out


def encode(kind, code, message_id, token, options=(), payload=b""):
    head = bytes([0x40 | kind << 4 | len(token), code]) + message_id.to_bytes(2, "big") + token
    return head + encode_options(options) + (b"\xff" + payload if payload else b"")


def decode(message):
    """(kind, code, message ID, token, {option: value}, payload)"""
    kind, token_len = message[0] >> 4 & 3, message[0] & 15
    at, number, options = 4 + token_len, 0, {}
    while at < len(message) and message[at] != 0xFF:
        delta, length = message[at] >> 4, message[at] & 15
        at += 1
        if delta == 13:
            delta, at = 13 + message[at], at + 1
        if length == 13:
            length, at = 13 + message[at], at + 1
        number += delta
        options[number] = message[at:at + length]
        at += length
    return kind, message[1], int.from_bytes(message[2:4], "big"), message[4:4 + token_len], options, message[at + 1:]


class Conversation:
    """Messages through the client's standard input and output; silence ends a message."""

    def __init__(self, options):
        self.options = options
        self.deadline = time.monotonic() + options.timeout
        self.client = subprocess.Popen(command_line(options), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.client.stdout, selectors.EVENT_READ)
        self.token = bytes.fromhex(options.token)
        self.message_id = 0x2A00

    def note(self, what, length):
        if self.options.verbose:
            print(f"{what} {length}", file=sys.stderr)

    def send(self, message):
        self.note("sent", len(message))
        os.write(self.client.stdin.fileno(), message)

    def ask(self, options, payload=b""):
        self.message_id += 1
        path = [(URI_PATH, part.encode()) for part in self.options.path.split("/")]
        self.send(encode(CON, METHODS[self.options.method], self.message_id, self.token, [*options, *path], payload))

    def read_message(self):
        """gnutls-cli writes what it receives byte by byte."""
        message, wait = b"", max(0, self.deadline - time.monotonic())
        while self.selector.select(wait):
            part = os.read(self.client.stdout.fileno(), 4096)
            if not part:
                sys.exit(f"rawcoap: {self.options.client} ended with {self.client.wait()}")
            message, wait = message + part, 0.05
        if not message:
            sys.exit(f"rawcoap: no reply within {self.options.timeout} s")
        self.note("received", len(message))
        return message

    def receive(self):
        """The next reply with our token; a CON is acknowledged (RFC 7252 5.2.2)."""
        while True:
            kind, code, message_id, token, options, payload = decode(self.read_message())
            if kind == CON:
                self.send(encode(ACK, 0, message_id, b""))
            if token == self.token and code != 0:
                return code, options, payload

    def read_blocks(self):
        self.ask([], self.options.payload.encode())
        whole = b""
        while True:
            code, options, payload = self.receive()
            if code >> 5 != 2:
                sys.exit(f"rawcoap: {code >> 5}.{code & 31:02}")
            whole += payload
            block = int.from_bytes(options.get(BLOCK2, b""), "big")
            if not block & 8:
                return whole
            following = (block >> 4) + 1 << 4 | block & 7
            self.ask([(BLOCK2, following.to_bytes((following.bit_length() + 7) // 8, "big"))])

    def observe(self):
        """Yields payloads of --observe notifications with rising numbers (RFC 7641 3.4)."""
        self.ask([(OBSERVE, b"")])
        last = -1
        for _ in range(self.options.observe):
            code, options, payload = self.receive()
            number = int.from_bytes(options[OBSERVE], "big")
            if code != 0x45 or number <= last:
                sys.exit(f"rawcoap: notification {number} after {last}, code {code >> 5}.{code & 31:02}")
            last = number
            yield payload

    def end(self):
        self.client.stdin.close()
        self.client.terminate()
        self.client.wait(5)


def main():
    parser = argparse.ArgumentParser(description="A CoAP request through a plain DTLS client.")
    parser.add_argument("--client", choices=SUITE, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--observe", type=int, default=0, metavar="N", help="observe, and end after N notifications")
    parser.add_argument("--token", default="5a", metavar="HEX")
    parser.add_argument("--timeout", type=float, default=20)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("path")
    parser.add_argument("payload", nargs="?", default="")
    options = parser.parse_args()

    conversation = Conversation(options)
    try:
        if options.observe:
            for payload in conversation.observe():
                print(payload.decode(), flush=True)
        else:
            print(conversation.read_blocks().decode())
    finally:
        conversation.end()


main()
