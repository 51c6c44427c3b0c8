#!/usr/bin/python3
"""Checks the proxies' logs of a conversation: link_check.py LINK PEER LENGTHS

LINK: the node's link. PEER: between client and gateway. LENGTHS: rawcoap.py --verbose, the plaintexts' lengths.
The layout of link datagrams is common/PROTOCOL.md's.
"""
import collections
import sys

FRAME = 94  # UDP payload of one 127-byte IEEE 802.15.4 frame
KEY_BLOCK, ACKNOWLEDGEMENT = 67, 16
ASSOCIATION, CONTROL, RECORD = 1, 2, 3
RELAY_TAG, RECORD_TAG, EXPLICIT = 6, 8, 8
OVERHEAD_TO_NODE, OVERHEAD_FROM_NODE = 13, 19
CHANGE_CIPHER_SPEC, HANDSHAKE = 20, 22


def read_log(path):
    for line in open(path):
        direction, _, data = line.split()
        yield direction, bytes.fromhex(data)


def records(datagram):
    """(content type, epoch, fragment) of each DTLS record (RFC 6347 4.1)."""
    while datagram:
        length = int.from_bytes(datagram[11:13], "big")
        yield datagram[0], int.from_bytes(datagram[3:5], "big"), datagram[13:13 + length]
        datagram = datagram[13 + length:]


def demand(condition, text):
    if not condition:
        sys.exit(f"FAILED: {text}")


def main():
    link, peer = list(read_log(sys.argv[1])), list(read_log(sys.argv[2]))
    lengths = collections.Counter(tuple(line.split()) for line in open(sys.argv[3])
                                  if line.startswith(("sent ", "received ")))
    kinds = {kind: [(way, data) for way, data in link if data[0] >> 5 == kind] for kind in (1, 2, 3)}

    demand(all(len(data) <= FRAME for _, data in link), "a datagram is longer than a frame")
    demand(sum(map(len, kinds.values())) == len(link), "a datagram is of no known kind")
    demand(all(kinds.values()), "a kind of datagram is missing: the conversation did not happen")

    blocks = {data for way, data in kinds[CONTROL] if way == "down" and len(data) > 60}
    demand(len(blocks) == 4 and all(len(data) == KEY_BLOCK for data in blocks),
           f"key blocks of {sorted(map(len, blocks))} bytes, wanted four of {KEY_BLOCK}")
    answers = [data for way, data in kinds[CONTROL] if way == "up" and len(data) == ACKNOWLEDGEMENT]
    demand(len(answers) >= len(blocks), f"{len(answers)} acknowledgements of {ACKNOWLEDGEMENT} bytes")

    # Each plaintext costs its length and the overhead, in each direction.
    on_link = collections.Counter(
        ("sent", str(len(data) - OVERHEAD_TO_NODE)) if way == "down" else
        ("received", str(len(data) - OVERHEAD_FROM_NODE)) for way, data in kinds[RECORD])
    missing = lengths - on_link
    demand(not missing, f"not on the link with {OVERHEAD_TO_NODE} or {OVERHEAD_FROM_NODE} bytes more: {missing}")

    # The protected bodies arrive byte for byte, both ways, and nothing of the handshake does.
    bodies = {"down": [data for way, data in kinds[RECORD] if way == "down"],
              "up": [data[:-RELAY_TAG] for way, data in kinds[RECORD] if way == "up"]}
    everything = b"|".join(data for _, data in link)
    moved = {"up": 0, "down": 0}
    for way, datagram in peer:
        for kind, epoch, fragment in records(datagram):
            if kind in (CHANGE_CIPHER_SPEC, HANDSHAKE):
                pieces = [fragment[at:at + 12] for at in range(0, max(1, len(fragment) - 12), 4)]
                demand(not any(len(p) == 12 and any(p) and p in everything for p in pieces),
                       f"a piece of a record of type {kind} crossed the link")
            elif epoch == 1 and (way == "up" or int.from_bytes(fragment[2:EXPLICIT], "big") < 2**48 - 2):
                other_side = bodies["down" if way == "up" else "up"]
                demand(any(data.endswith(fragment[EXPLICIT:]) for data in other_side),
                       f"a record of type {kind} did not cross byte for byte ({way})")
                moved[way] += 1
    late = [d for way, d in peer if way == "up" and any(k == HANDSHAKE and e == 1 for k, e, _ in records(d))]
    demand(len(late) > 4, "no Finished was repeated into a live session: the conversation was too smooth")
    demand(min(moved.values()) >= 6, f"too few records to tell: {moved}")
    print(f"link: {len(link)} datagrams, longest {max(len(d) for _, d in link)}; records {moved}")


main()
