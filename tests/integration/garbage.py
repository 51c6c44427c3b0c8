#!/usr/bin/python3
"""Sends garbage to a UDP port of loopback: garbage.py PORT DATAGRAMS [SEED]

DATAGRAMS is the log of udp_proxy.py, whose datagrams towards the server are damaged in every way that a network or an
attacker knows, from many addresses.
"""
import random
import socket
import sys
import time

ROUNDS = 600
LONGEST = 65507  # of a UDP datagram over IPv4


def damages(rng, genuine):
    """One way or another to damage a datagram; a list, because some come twice."""
    data = bytearray(rng.choice(genuine))
    way = rng.randrange(7)
    if way == 0:  # truncated
        return [data[:rng.randrange(len(data))]]
    if way == 1:  # oversized
        return [data + rng.randbytes(rng.choice([1, 100, 1400, LONGEST - len(data)]))]
    if way == 2:  # altered
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return [data]
    if way == 3:  # duplicated
        return [data, data]
    if way == 4:  # reordered, or two glued together
        return [data + rng.choice(genuine)]
    if way == 5:  # a plausible start
        return [data[:min(len(data), rng.randrange(1, 30))] + rng.randbytes(rng.randrange(200))]
    return [rng.randbytes(rng.randrange(300))]


def main():
    port, log = int(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 and sys.argv[3] else random.randrange(2**32)
    print(f"SSM_TEST_SEED={seed}")
    rng = random.Random(seed)
    genuine = [bytes.fromhex(line.split()[2]) for line in open(log) if line.startswith("up ")]
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
    for number in range(ROUNDS):
        for datagram in damages(rng, genuine):
            rng.choice(sockets).sendto(datagram, ("127.0.0.1", port))
        if number % 20 == 0:
            time.sleep(0.01)  # so that the socket's buffer does not do the dropping


main()
