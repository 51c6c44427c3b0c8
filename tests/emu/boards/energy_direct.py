"""Handshakes that a node would have to run itself, between stock stacks on loopback; each datagram is noted."""
import os
import pathlib
import select
import socket
import subprocess
import time

OPENSSL = ["openssl"]
CURVE = ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]
PSK = "00112233445566778899aabbccddeeff"
RAW_KEYS = ("NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:+ECDHE-ECDSA:-CIPHER-ALL:+AES-128-CCM-8:-GROUP-ALL:+GROUP-SECP256R1:"
            "-CTYPE-ALL:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK:-SIGN-ALL:+SIGN-ECDSA-SHA256")
HANDSHAKE = (20, 22)  # content types (RFC 5246 6.2.1)
SILENCE_S, PATIENCE_S = 1.0, 20.0


def openssl(directory, *words):
    subprocess.run([*OPENSSL, *words], cwd=directory, check=True, capture_output=True)


def make_keys(directory):
    """A key and a certificate of one authority for both ends: NAME.key, NAME.pub, NAME.crt; and ca.crt."""
    openssl(directory, *CURVE, "-out", "ca.key")
    openssl(directory, "req", "-new", "-x509", "-key", "ca.key", "-subj", "/CN=authority", "-days", "30", "-out", "ca.crt")
    for name in "node", "client":
        openssl(directory, *CURVE, "-out", f"{name}.key")
        openssl(directory, "pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
        openssl(directory, "req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
        openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "30", "-out", f"{name}.crt")


def openssl_pair(server_port, client_port, server, client):
    common = ["-dtls1_2", "-no_ticket"]
    return ([*OPENSSL, "s_server", *common, "-listen", "-accept", f"127.0.0.1:{server_port}", "-quiet", *server],
            [*OPENSSL, "s_client", *common, "-connect", f"127.0.0.1:{client_port}", "-noservername", *client])


def psk_pair(server_port, client_port):
    words = ["-psk", PSK, "-psk_identity", "alice", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"]
    return openssl_pair(server_port, client_port, ["-nocert", *words], words)


def x509_pair(server_port, client_port):
    words = ["-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0", "-CAfile", "ca.crt"]
    return openssl_pair(server_port, client_port, ["-cert", "node.crt", "-key", "node.key", "-Verify", "1", *words],
                        ["-cert", "client.crt", "-key", "client.key", *words])


def raw_key_pair(server_port, client_port):
    words = ["--udp", "--priority", RAW_KEYS]
    return (["gnutls-serv", *words, "-p", str(server_port), "--require-client-cert", "--noticket",
             "--rawpkkeyfile", "node.key", "--rawpkfile", "node.pub"],
            ["gnutls-cli", *words, "-p", str(client_port), "127.0.0.1", "--insecure",
             "--no-ca-verification", "--noticket", "--rawpkkeyfile", "client.key", "--rawpkfile", "client.pub"])


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def relay(outside, inside):
    """Passes datagrams between the client at `outside` and the server behind `inside` until there is silence; returns
    those of the handshake."""
    client, seen, end = None, [], time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        ready = select.select([outside, inside], [], [], SILENCE_S if seen else PATIENCE_S)[0]
        if not ready:
            break
        for source in ready:
            try:
                data, address = source.recvfrom(4096)
            except ConnectionRefusedError:
                continue  # the server is not up yet; the client tries again
            if source is outside:
                client = address
                inside.send(data)
            else:
                outside.sendto(data, client)
            if data[0] in HANDSHAKE:
                seen.append(("down" if source is outside else "up", len(data)))
    return seen


def is_bound(port):
    return any(line.split()[1].endswith(f":{port:04X}") for name in ("udp", "udp6")
               for line in pathlib.Path("/proc/net", name).read_text().splitlines()[1:])


def capture(pair, directory):
    """The datagrams of one handshake of a pair of programs, of which the node is the server."""
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
        outside.bind(("127.0.0.1", 0))
        inside.connect(("127.0.0.1", port))
        commands = pair(port, outside.getsockname()[1])
        environment = os.environ | {"OPENSSL_CONF": "/dev/null"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": directory,
                 "env": environment}
        processes = [subprocess.Popen(commands[0], **pipes)]
        try:
            end = time.monotonic() + PATIENCE_S
            while not is_bound(port):
                if processes[0].poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"energy-report: {commands[0][0]} does not listen")
                time.sleep(0.05)
            processes.append(subprocess.Popen(commands[1], **pipes))
            seen = relay(outside, inside)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
    return seen
