#!/usr/bin/env python3
"""Turns data/clouds.tsv, which people read, into data/clouds.bin, which the program carries.

usage: pack_clouds.py data/clouds.tsv data/clouds.bin

The file is made to be searched as it lies; src/locate/clouds.rs reads it. All numbers are little-endian:

    magic "LFCLOUD1", then u32: IPv4 prefixes, IPv6 prefixes, statements, bytes of text
    IPv4, then IPv6, each sorted by address, the wider of two that begin together first:
          u32 or u128: the first address; u8: the length; u16: one more than the place of the narrowest prefix around it,
          or 0; u16: the statement
    statements: u32, one more than there are: where its text begins
    text: lines of provider, kind, date in seconds since 1970 or nothing, region, country, with tabs between them
"""

import datetime
import ipaddress
import struct
import sys


def seconds(day):
    return int(datetime.datetime.fromisoformat(day + "T00:00:00+00:00").timestamp()) if day else ""


def rows(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            if line.startswith("@"):
                part = (columns[0][1:], columns[1], seconds(columns[2]))
            elif not line.startswith("#"):
                yield ipaddress.ip_network(columns[0]), (*part, *columns[1:])


def packed(networks, form, numbers):
    """Of networks with statements in order: the columns."""
    first, length, parent, statement = [], [], [], []
    open_places = []
    for place, (network, said) in enumerate(networks):
        while open_places and not network.subnet_of(networks[open_places[-1]][0]):
            open_places.pop()
        # Of a network that is there several times the one before is not around it.
        around = [outer for outer in open_places if networks[outer][0] != network]
        parent.append(around[-1] + 1 if around else 0)
        open_places.append(place)
        first.append(int(network.network_address).to_bytes(form, "little"))
        length.append(network.prefixlen)
        statement.append(numbers[said])
    count = len(networks)
    return [b"".join(first), bytes(length), struct.pack(f"<{count}H", *parent), struct.pack(f"<{count}H", *statement)]


def main(list_path, out_path):
    entries = list(rows(list_path))
    texts = sorted({said for _, said in entries}, key=lambda said: tuple(map(str, said)))
    numbers = {said: number for number, said in enumerate(texts)}
    lines = ["\t".join(map(str, said)).encode() for said in texts]
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    # The sort keeps the order of several statements of one network.
    families = [
        sorted((entry for entry in entries if entry[0].version == version), key=lambda entry: entry[0])
        for version in (4, 6)
    ]
    parts = [
        b"LFCLOUD1",
        struct.pack("<4I", *map(len, families), len(lines), offsets[-1]),
        *packed(families[0], 4, numbers),
        *packed(families[1], 16, numbers),
        struct.pack(f"<{len(offsets)}I", *offsets),
        b"".join(lines),
    ]
    with open(out_path, "wb") as file:
        file.write(b"".join(parts))


main(*sys.argv[1:])
