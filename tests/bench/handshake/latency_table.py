"""Prints the table of latency_bench: latency_table.py SAMPLES TICKS-PER-SECOND.

A line of SAMPLES: name; then median, 99th percentile and largest time in us, requests without an answer, sessions,
refusals and late handshakes of the storm, processor time of `keys` in ticks, and the time of it all in ns.
"""
import statistics
import sys

COLUMNS = ("median", "p99", "largest", "lost", "sessions", "refusals", "late", "keys, cores")


def read_samples(path, ticks_per_s):
    samples = {}
    for line in open(path):
        name, numbers = line.split(";")
        *row, ticks, ns = (float(number) for number in numbers.split())
        samples.setdefault(name, []).append(row + [ticks / ticks_per_s / (ns / 1e9)])
    return samples


def main():
    samples = read_samples(sys.argv[1], float(sys.argv[2]))
    rest = None
    print(f"\n{'reading, in us':28}" + "".join(f"{column:>12}" for column in COLUMNS))
    for name, rows in samples.items():
        median, p99, largest, lost, sessions, refusals, late, cores = zip(*rows)
        typical, slow = statistics.median(median), statistics.median(p99)
        numbers = (typical, slow, max(largest), sum(lost), sum(sessions), sum(refusals), sum(late))
        print(f"{name:28}" + "".join(f"{n:12.0f}" for n in numbers) + f"{statistics.median(cores):12.2f}")
        rest = rest or (typical, slow)
        print(f"{'    times at rest':28}{typical / rest[0]:12.2f}{slow / rest[1]:12.2f}")


main()
