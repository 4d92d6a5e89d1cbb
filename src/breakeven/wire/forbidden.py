"""Addresses that nothing is ever sent to, whatever form or name leads there. Pure.

Loopback and private ranges are not among them: owned hardware lives there.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_V4 = {
    IPv4Network("0.0.0.0/8"): "this host",
    IPv4Network("169.254.0.0/16"): "link-local, where clouds keep their metadata",
    IPv4Network("100.100.100.200/32"): "a cloud's metadata service",
    IPv4Network("168.63.129.16/32"): "a cloud's metadata service",
    IPv4Network("192.0.0.192/32"): "a cloud's metadata service",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved or broadcast",
}
_V6 = {
    IPv6Network("::/128"): "no address",
    IPv6Network("fe80::/10"): "link-local",
    IPv6Network("fec0::/10"): "site-local, which is no more",
    IPv6Network("ff00::/8"): "multicast",
    IPv6Network("fd00:ec2::/32"): "a cloud's metadata service",
    IPv6Network("fd20:ce::254/128"): "a cloud's metadata service",
}
_LAST_32 = tuple(
    map(IPv6Network, ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48"))
)  # IPv4-mapped, translated, compatible; NAT64, well known and local
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_LOOPBACK = IPv6Address("::1")
_32_BITS = 0xFFFFFFFF


def why_forbidden(address: str) -> str:
    """What a numeric address is that is never connected to; "" when it may be.

    IPv4 addresses inside IPv6 ones (mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP) count like themselves.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "no address"
    if isinstance(parsed, IPv4Address):
        return _within_v4(parsed)
    if parsed.scope_id is not None:
        return "bound to one interface"
    inner = (_within_v4(one) for one in _embedded(parsed))
    return next((why for net, why in _V6.items() if parsed in net), "") or next(filter(None, inner), "")


def _within_v4(address: IPv4Address) -> str:
    return next((why for net, why in _V4.items() if address in net), "")


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    bits = int(address)
    if address == _LOOPBACK:
        return
    if any(address in net for net in _LAST_32) or (bits >> 32) & _32_BITS in _ISATAP:
        yield IPv4Address(bits & _32_BITS)
    if address in _SIX_TO_FOUR:
        yield IPv4Address((bits >> 80) & _32_BITS)
    if address in _TEREDO:
        yield IPv4Address((bits >> 64) & _32_BITS)
        yield IPv4Address(~bits & _32_BITS)
