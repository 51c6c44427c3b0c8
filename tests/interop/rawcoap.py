#!/usr/bin/python3
"""One CoAP request as raw bytes through a client that knows DTLS and nothing of CoAP.

The clients are openssl s_client, gnutls-cli and our own (tests/interop/peers): what goes into each on
standard input leaves it as one record, and the other way round.

Prints each reply's payload on a line of its own; a payload in blocks (RFC 7959) is put together. With --verbose the
lengths of all messages, as they were sealed, go to standard error.
"""
import argparse
import os
import re
import selectors
import subprocess
import sys
import time

METHODS = {"get": 1, "post": 2, "put": 3, "delete": 4}
CON, ACK, RST = 0, 2, 3
OBSERVE, URI_PATH, BLOCK2 = 6, 11, 23


SUITES_OPENSSL = {"psk": "PSK-AES128-CCM8", "ecdsa": "ECDHE-ECDSA-AES128-CCM8", "rsa": "AES128-CCM8"}
EXCHANGES_GNUTLS = {"psk": "PSK", "ecdsa": "ECDHE-ECDSA", "rsa": "RSA"}
CLIENTS = ("s_client", "gnutls-cli", "wolfssl_client", "pion_client", "node_dtls_client")


def openssl_command(options, kind):
    host = f"[{options.host}]" if ":" in options.host else options.host
    command = ["openssl", "s_client", "-dtls1_2", "-connect", f"{host}:{options.port}", "-nbio", "-quiet",
               "-cipher", SUITES_OPENSSL[kind] + ":@SECLEVEL=0"]
    command += ["-servername", options.server_name] if options.server_name else ["-noservername"]
    if kind == "psk":
        command += ["-psk", options.key.encode().hex(), "-psk_identity", options.identity]
    else:
        command += ["-CAfile", options.ca, "-verify_return_error"]
    if options.cert:
        command += ["-cert", options.cert, "-key", options.cert_key]
    if options.cert_chain:
        command += ["-cert_chain", options.cert_chain]
    if not options.pipe:  # it takes its leave when its input ends, and no byte for a command
        command += ["-no_ign_eof", "-nocommands"]
    return command


def gnutls_command(options, kind):
    priority = (f"NORMAL:-KX-ALL:+{EXCHANGES_GNUTLS[kind]}:-CIPHER-ALL:+AES-128-CCM-8:-VERS-ALL:+VERS-DTLS1.2:"
                "-GROUP-ALL:+GROUP-SECP256R1")
    command = ["gnutls-cli", "--udp", "-p", str(options.port), options.host, "--priority", priority,
               "--logfile", "/dev/stderr"]
    command += ["--sni-hostname", options.server_name] if options.server_name else ["--disable-sni"]
    if kind == "psk":
        command += ["--pskusername", options.identity, "--pskkey", options.key.encode().hex()]
    else:
        command += ["--x509cafile", options.ca, "--verify-hostname", options.verify_name]
    if options.cert:
        command += ["--x509certfile", options.cert, "--x509keyfile", options.cert_key]
    return command


def peer_command(options, kind):
    """Our clients on wolfSSL, Pion and node-dtls-client."""
    command = [options.client + (".js" if options.client == "node_dtls_client" else "")]
    if kind == "psk":
        command += ["--identity", options.identity, "--psk", options.key.encode().hex()]
    else:
        command += ["--ca", options.ca]
    if options.cert:
        command += ["--cert", options.cert, "--cert-key", options.cert_key]
    if options.server_name:
        command += ["--server-name", options.server_name]
    return command


def command_line(options):
    kind = "psk" if options.ca is None else "rsa" if options.rsa else "ecdsa"
    if options.client == "s_client":
        return openssl_command(options, kind) + options.client_option
    if options.client == "gnutls-cli":
        return gnutls_command(options, kind) + options.client_option
    return peer_command(options, kind) + options.client_option + [options.host, str(options.port)]


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
    """Messages through the client's standard input and output; each that it writes is what one read gives."""

    def __init__(self, options):
        self.options = options
        self.deadline = time.monotonic() + options.timeout
        self.output, output = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
        self.client = subprocess.Popen(command_line(options), stdin=subprocess.PIPE, stdout=output)
        os.close(output)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.output, selectors.EVENT_READ)
        self.token = bytes.fromhex(options.token)
        self.message_id = 0x2A00
        # One of ours: version 1, any type, a token as long as ours, code, message ID, our token (RFC 7252 3).
        first = bytes(0x40 | kind << 4 | len(self.token) for kind in range(4))
        self.header = re.compile(b"(?=[" + first + b"].{3}" + re.escape(self.token) + b")", re.DOTALL)
        self.unread = []

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
        if not self.unread:
            output = self.read_output()
            # On a busy machine several of gnutls-cli's come with no silence between.
            apart = self.header.split(output) if self.options.client == "gnutls-cli" else [output]
            self.unread = [message for message in apart if message]
        self.note("received", len(self.unread[0]))
        return self.unread.pop(0)

    def read_output(self):
        """gnutls-cli writes what it receives byte by byte: silence ends its messages."""
        message, wait = b"", max(0, self.deadline - time.monotonic())
        while self.selector.select(wait):
            part = os.read(self.output, 4096)
            if not part:
                sys.exit(f"rawcoap: {self.options.client} ended with {self.client.wait()}")
            message, wait = message + part, 0.05
            if self.options.client != "gnutls-cli":
                break
        if not message:
            sys.exit(f"rawcoap: no reply within {self.options.timeout} s")
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
        """Lets the client take its leave, but not for long: one that waits for its handshake may not care."""
        self.client.stdin.close()
        try:
            self.client.wait(1)
        except subprocess.TimeoutExpired:
            self.client.kill()
            self.client.wait()


def main():
    parser = argparse.ArgumentParser(description="A CoAP request through a plain DTLS client.")
    parser.add_argument("--client", choices=CLIENTS, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--identity", help="with --key: PSK")
    parser.add_argument("--key")
    parser.add_argument("--ca", metavar="PEM", help="that the server's certificate is of; in place of --identity")
    parser.add_argument("--cert", metavar="PEM", help="our certificate, and those between it and its CA")
    parser.add_argument("--cert-key", metavar="PEM")
    parser.add_argument("--cert-chain", metavar="PEM", help="those between alone, for s_client")
    parser.add_argument("--rsa", action="store_true", help="RSA key exchange in place of ECDHE-ECDSA")
    parser.add_argument("--server-name", help="SNI; none without")
    parser.add_argument("--verify-name", default="gateway", help="the name in the server's certificate")
    parser.add_argument("--client-option", action="append", default=[], metavar="WORD",
                        help="a word more on the client's command line")
    parser.add_argument("--observe", type=int, default=0, metavar="N", help="observe, and end after N notifications")
    parser.add_argument("--token", default="5a", metavar="HEX")
    parser.add_argument("--timeout", type=float, default=20)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--pipe", action="store_true",
                        help="no request: become the client, for a caller who writes and reads the messages")
    parser.add_argument("method", choices=METHODS, nargs="?", default="get")
    parser.add_argument("path", nargs="?", default="temperature")
    parser.add_argument("payload", nargs="?", default="")
    options = parser.parse_args()

    if options.pipe:
        command = command_line(options)
        os.execvp(command[0], command)
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
