#!/usr/bin/env python3
"""Turns the CSV files of npm's @ip-location-db/asn into data/operators.bin.

usage: operators.py asn-ipv4-num.csv asn-ipv6-num.csv data/operators.bin

The file is made to be searched as it lies; src/locate/operators.rs reads it. All numbers are little-endian:

    magic "LFOPERA1", then u32: IPv4 ranges, IPv6 ranges, operators, bytes of names
    IPv4: 65,537 u32: the first range of each upper half of an address; u16: the lower half in which a range begins;
          u24: its operator
    IPv6: u64: the upper half in which a range begins; u24: its operator
    operators: u32: AS number; u32, one more than operators: where its name begins
    names: UTF-8

A range ends where the next one begins. Operator 0 is nobody. A part of an IPv6 network of 64 bits is taken as the whole.
"""

import csv
import struct
import sys


def ranges(path, shift, last):
    """Beginning and operator of every range, with the gaps between them."""
    result, end = [(0, None)], 0
    with open(path, encoding="utf-8", newline="") as file:
        for first_text, last_text, asn, name in csv.reader(file):
            first, after = int(first_text) >> shift, (int(last_text) >> shift) + 1
            first = max(first, end)
            if first >= after or asn == "0":
                continue
            if first > end and result[-1][1] is not None:
                result.append((end, None))
            operator = (int(asn), name)
            if result[-1][0] == first:
                result.pop()
            if not result or result[-1][1] != operator:
                result.append((first, operator))
            end = after
    if end <= last:
        result.append((end, None))
    return result


def main(ipv4_path, ipv6_path, out_path):
    ipv4 = ranges(ipv4_path, 0, (1 << 32) - 1)
    ipv6 = ranges(ipv6_path, 64, (1 << 64) - 1)
    known = sorted({operator for _, operator in ipv4 + ipv6 if operator is not None})
    numbers = {None: 0} | {operator: index for index, operator in enumerate(known, 1)}
    u24 = lambda operator: struct.pack("<I", numbers[operator])[:3]
    index, place = [], 0
    for half in range(65537):
        while place < len(ipv4) and ipv4[place][0] >> 16 < half:
            place += 1
        index.append(place)
    # One name has one place, however many numbers bear it.
    offsets, names = [0], [b""]
    for _, name in known:
        names.append(name.encode())
        offsets.append(offsets[-1] + len(names[-2]))
    offsets.append(offsets[-1] + len(names[-1]))
    text = b"".join(names)
    parts = [
        b"LFOPERA1",
        struct.pack("<4I", len(ipv4), len(ipv6), len(known) + 1, len(text)),
        struct.pack("<65537I", *index),
        struct.pack(f"<{len(ipv4)}H", *(start & 0xFFFF for start, _ in ipv4)),
        b"".join(u24(operator) for _, operator in ipv4),
        struct.pack(f"<{len(ipv6)}Q", *(start for start, _ in ipv6)),
        b"".join(u24(operator) for _, operator in ipv6),
        struct.pack(f"<{len(known) + 1}I", 0, *(number for number, _ in known)),
        struct.pack(f"<{len(offsets)}I", *offsets),
        text,
    ]
    with open(out_path, "wb") as file:
        file.write(b"".join(parts))
    print([len(part) for part in parts], sum(map(len, parts)))


main(*sys.argv[1:])
