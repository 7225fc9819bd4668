#!/usr/bin/env python3
"""Makes data/clouds.tsv of cloud providers' published ranges: what the embedded country database is weakest at.

usage: clouds.py cloud_overlay.csv data/dbip-country-lite.mmdb > data/clouds.tsv    (needs PyPI's maxminddb)

Kept are the regions in mainland China, Hong Kong and Macau, every prefix for which the database names another country
than the provider does, and what lies within one of those and is elsewhere. Neighbours of one region become one prefix.
"""

import collections
import csv
import ipaddress
import sys

import maxminddb

ALWAYS = {"CN", "HK", "MO"}
# List: whose it is, what kind of statement, and when it was published, where that is known.
LISTS = {
    "aws": ("aws", "provider", "2026-08-22"),
    "aws-cn": ("aws", "provider", "2026-08-22"),
    "aws-localzone": ("aws", "provider", "2026-08-22"),
    "azure": ("azure", "provider", "2025-10-01"),
    "azure-cn": ("azure", "provider", "2026-07-20"),
    "azure-gov": ("azure", "provider", ""),
    "digitalocean-geofeed": ("digitalocean", "geofeed", "2025-07-01"),
    "gcp": ("gcp", "provider", "2025-07-24"),
    "linode-geofeed": ("linode", "geofeed", ""),
    "oci": ("oci", "provider", "2025-07-21"),
}
# Addresses at which the database is asked about one prefix.
PROBES = 4096


def agrees(database, network, country):
    step = max(1, network.num_addresses // PROBES)
    probes = [network[offset] for offset in range(0, network.num_addresses, step)] + [network[-1]]
    return all((database.get(str(probe)) or {}).get("country_code") == country for probe in probes)


def parents(network):
    while network.prefixlen:
        network = network.supernet()
        yield network


def main(list_path, database_path):
    with open(list_path, encoding="utf-8", newline="") as file:
        rows = [(ipaddress.ip_network(prefix), *rest) for prefix, *rest in list(csv.reader(file))[1:]]
    database = maxminddb.open_database(database_path)
    chosen = {row for row in rows if row[3] in ALWAYS or not agrees(database, row[0], row[3])}
    places = {row[0]: row[3] for row in chosen}
    for row in rows:
        above = next((places[parent] for parent in parents(row[0]) if parent in places), None)
        if above not in (None, row[3]):
            chosen.add(row)
    groups = collections.defaultdict(list)
    for network, name, region, country in chosen:
        groups[LISTS[name], region, country, network.version].append(network)
    merged = collections.defaultdict(list)
    for (what, region, country, version), networks in groups.items():
        for network in ipaddress.collapse_addresses(networks):
            merged[what].append((version, network, region, country))
    print("# Where cloud providers say that some of their addresses are: prefix, region, country. Made by")
    print("# tools/embed/clouds.py; data/README.md has the sources. A line with @: provider, kind, date of publication.")
    for what, networks in sorted(merged.items()):
        print("@" + what[0], *what[1:], sep="\t")
        for _, network, region, country in sorted(networks):
            print(network, region, country, sep="\t")


main(*sys.argv[1:])
