"""From a URL to a socket: forbidden addresses are never connected to, and slow or failing resolvers hold nothing up."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import BackendError, BreakevenError
from breakeven.wire.address import address
from breakeven.wire.client import Client
from breakeven.wire.connection import Limits
from breakeven.wire.dial import Dialer
from breakeven.wire.forbidden import why_forbidden
from breakeven.wire.resolve import Freshness, Resolver, system_lookup

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"

METADATA = [
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254:80/",
    "http://2852039166/",  # decimal
    "http://0xa9fea9fe/",  # hexadecimal
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://0251.0376.0251.0376/",  # octal
    "http://0251.254.0xa9.254/",
    "http://169.254.43518/",  # three parts
    "http://169.16689662/",  # two parts
    "http://169.254.169.254./",
    "http://[::ffff:169.254.169.254]/",  # mapped
    "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://[::169.254.169.254]/",  # compatible
    "http://[::ffff:0:169.254.169.254]/",  # translated
    "http://[64:ff9b::169.254.169.254]/",  # NAT64
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",  # 6to4
    "http://[2001:0:a9fe:a9fe::1]/",  # Teredo's server
    "http://[2001:0:808:808::5601:5601]/",  # Teredo's client, inverted
    "http://[2001:db8::5efe:169.254.169.254]/",  # ISATAP
    "http://[2001:db8::200:5efe:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://[fd00:ec2::23]/",
    "http://[fd20:ce::254]/",
    "http://100.100.100.200/",
    "http://[::ffff:100.100.100.200]/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
]
NEVER_A_HOST = [
    "http://0.0.0.0/",
    "http://0/",
    "http://0x0/",
    "http://[::]/",
    "http://[::ffff:0.0.0.0]/",
    "http://0.1.2.3/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",  # a zone
    "http://[febf::1]/",
    "http://[fec0::1]/",
    "http://224.0.0.1/",
    "http://[ff02::1]/",
    "http://255.255.255.255/",
    "http://4294967295/",
    "http://240.0.0.1/",
]
IN_DISGUISE = [
    "http://metadata.example/",  # a name that resolves there
    "http://METADATA.example/",
    "http://user@169.254.169.254/",
    "http://127.0.0.1@169.254.169.254/",
    "http://@169.254.169.254/",
    "http://127.0.0.1\\@169.254.169.254/",
    "http://169.254.169.254\\.example/",
    "http://169.254.169.254#@127.0.0.1/",
    "http://169.254.169.254%2f.example/",
    "http://%31%36%39.254.169.254/",
    "http://169。254。169。254/",  # full-width stops
    "http://①⑥⑨.254.169.254/",
    "http://169.254.169.254\t/",
    "http://169.254.169.254\r\nhost: x/",
    "http:169.254.169.254/",
    "//169.254.169.254/",
    "gopher://169.254.169.254/",
    "file:///etc/passwd",
    "http://[169.254.169.254]/",
    "http://[::ffff:169.254.169.254/",
]
NAMES = {
    "metadata.example": ["169.254.169.254"],
    "mixed.example": ["169.254.169.254", "fe80::1", "127.0.0.1"],
    "many.example": ["fd00:ec2::254", "64:ff9b::a9fe:a9fe", "0.1.2.3", "224.0.0.1"],
}


def dialer(names=NAMES, **options) -> tuple[Dialer, list[str]]:
    """A dialer over a resolver that knows these names and numbers in any notation, and what it connected to."""
    tried: list[str] = []

    async def lookup(host: str) -> list[str]:
        if host in names:
            return names[host]
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [one[4][0] for one in found]

    async def connect(ip: str, port: int) -> socket.socket:
        tried.append(ip)
        message = f"{ip} is not there"
        raise ConnectionRefusedError(message)

    return Dialer(Resolver(lookup), options.pop("connect", connect), **options), tried


async def ask(url: str, dialer: Dialer, **limits) -> bytes:
    async with Client(Limits(**limits), dialer=dialer) as client:
        return await (await client.request("GET", url, timeout_s=5)).read()


@pytest.mark.parametrize("url", [*METADATA, *NEVER_A_HOST, *IN_DISGUISE, "http://many.example/"])
def test_no_form_of_a_forbidden_address_is_connected_to(url: str) -> None:
    """R29: whatever notation, name or disguise leads there, not one connection is tried, and the URL is refused."""
    there, tried = dialer()
    with pytest.raises(BreakevenError):
        asyncio.run(ask(url, there))
    assert tried == []


OWNED = ["127.0.0.1", "[::1]", "10.0.0.5", "[fd12::5]", "192.168.1.1", "127.1", "[::ffff:127.0.0.1]", "100.64.0.1"]


@pytest.mark.parametrize("host", [*OWNED, "8.8.8.8", "127.0.0.1#@169.254.169.254"])
def test_owned_hardware_may_be_anywhere_else(host: str) -> None:
    """Loopback, private and public addresses are connected to."""
    there, tried = dialer()
    with pytest.raises(BackendError, match="is not there"):
        asyncio.run(ask(f"http://{host}/", there))
    assert len(tried) == 1


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}", "2002:{:hex}::", "::ffff:0:{}"]))
def test_an_ipv4_address_is_judged_alike_inside_ipv6(v4, form) -> None:
    """Embedding an address makes it neither allowed nor, loopback's own neighbours apart, forbidden."""
    number = f"{int(v4) >> 16:x}:{int(v4) & 0xFFFF:x}"
    assert why_forbidden(form.replace("{:hex}", number).replace("{}", str(v4))) == why_forbidden(str(v4)) or (
        form == "::{}" and int(v4) <= 1
    )


def test_only_the_allowed_of_several_addresses_are_tried() -> None:
    """A name with forbidden addresses among others never reaches those."""
    there, tried = dialer()
    with pytest.raises(BackendError):
        asyncio.run(ask("http://mixed.example/", there))
    assert tried == ["127.0.0.1"]


def test_a_name_that_changes_its_mind_is_checked_each_time(loopback, says) -> None:
    """DNS rebinding: the address that was checked is the one connected to; each new answer is checked again."""

    async def main() -> None:
        async with loopback(says(OK, close=True)) as server:
            port = int(server.url.rpartition(":")[2])
            answers = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "169.254.169.254"]]
            told = iter(answers * 10)
            tried = []

            async def lookup(host: str) -> list[str]:
                return next(told)

            async def connect(ip: str, to: int) -> socket.socket:
                tried.append(ip)
                sock = socket.socket()
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, (ip, to))
                return sock

            there = Dialer(Resolver(lookup, Freshness(fresh_s=-1.0)), connect)
            refused = 0
            async with Client(dialer=there) as client:
                for _ in range(9):
                    try:
                        assert await (await client.request("GET", f"http://rebind.example:{port}/")).read() == b"hello"
                    except BackendError as error:
                        refused += 1
                        assert "never connected to" in error.message  # noqa: PT017 - some of nine
            assert (set(tried), len(tried), refused) == ({"127.0.0.1"}, 6, 3)

    asyncio.run(main())


def test_a_redirect_is_an_answer() -> None:
    """Nobody follows a Location: it is handed over like any other status."""

    async def main() -> None:
        hops = []

        async def redirects(reader, writer) -> None:
            hops.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(redirects, "127.0.0.1", 0)
        async with server, Client() as client:
            port = server.sockets[0].getsockname()[1]
            response = await client.request("GET", f"http://127.0.0.1:{port}/")
            assert (response.status, await response.read(), len(hops)) == (302, b"", 1)
            server.close()

    asyncio.run(main())


def test_names_are_asked_for_once_at_a_time_and_remembered() -> None:
    """Many who ask at once share one lookup; later ones use its answer until it is old."""
    asked = 0

    async def lookup(host: str) -> list[str]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return ["10.0.0.1"]

    async def main() -> None:
        resolver = Resolver(lookup)
        many = await asyncio.gather(*(resolver.addresses("a.example") for _ in range(50)))
        assert set(many) == {("10.0.0.1",)}
        await resolver.addresses("a.example")
        assert asked == 1

    asyncio.run(main())


def test_one_who_gives_up_leaves_the_lookup_to_the_others() -> None:
    """A cancelled request does not cancel the lookup that others wait for."""

    async def main() -> None:
        go = asyncio.Event()

        async def lookup(host: str) -> list[str]:
            await go.wait()
            return ["10.0.0.1"]

        resolver = Resolver(lookup)
        first, second = (asyncio.create_task(resolver.addresses("a.example")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        assert await second == ("10.0.0.1",)
        assert first.cancelled()

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["fails", "hangs", "empty"])
def test_the_last_good_address_outlives_the_resolver(fault: str) -> None:
    """R12: a resolver that fails, or does not answer in time, is worth less than what it said before."""

    async def main() -> None:
        broken = False

        async def lookup(host: str) -> list[str]:
            if broken and fault == "hangs":
                await asyncio.Event().wait()
            if broken and fault == "fails":
                message = "resolver is down"
                raise OSError(message)
            return [] if broken else ["10.0.0.1"]

        resolver = Resolver(lookup, Freshness(fresh_s=-1.0, patience_s=0.01))
        assert await resolver.addresses("a.example") == ("10.0.0.1",)
        broken = True
        for _ in range(3):
            assert await resolver.addresses("a.example") == ("10.0.0.1",)
        resolver.close()

    asyncio.run(main())


@pytest.mark.parametrize("fault", ["fails", "hangs", "no such name"])
def test_a_name_that_cannot_be_resolved_is_unreachable_within_the_connect_budget(fault: str) -> None:
    """R12: the resolver's trouble is told as an unreachable backend, and never lasts longer than a connection may."""

    async def main() -> None:
        async def lookup(host: str) -> list[str]:
            if fault == "hangs":
                await asyncio.Event().wait()
            if fault == "fails":
                raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")
            return []

        with pytest.raises(BackendError, match=r"cannot reach http://a.example") as raised:
            await ask("http://a.example/", Dialer(Resolver(lookup)), connect_s=0.02)
        assert {"fails": "temporary", "hangs": "within 0.02 s", "no such name": "no address"}[
            fault
        ] in raised.value.message

    asyncio.run(main())


def test_a_label_that_is_too_long_is_unreachable() -> None:
    """What the system's resolver cannot even encode is an answer, not a crash."""
    with pytest.raises(BackendError, match="cannot reach"):
        asyncio.run(ask(f"http://{'a' * 80}.example/", Dialer()))


@asynccontextmanager
async def black_hole(answering: str):
    """Connects to one address, at once; all others never answer. Yields a dialer, what it tried, what it closed."""
    tried, ended = [], []
    here, there = socket.socketpair()

    async def connect(ip: str, port: int) -> socket.socket:
        tried.append(ip)
        try:
            if ip != answering:
                await asyncio.Event().wait()
        finally:
            ended.append(ip)
        return here

    async def lookup(host: str) -> list[str]:
        return ["2001:db8::1", "2001:db8::2", "10.0.0.1", "10.0.0.2"]

    try:
        yield Dialer(Resolver(lookup), connect, next_after_s=0.01), tried, ended
    finally:
        here.close()
        there.close()


def test_an_ipv6_black_hole_costs_a_head_start_once() -> None:
    """R12: the next address, of the other family, is tried beside the first; the winner goes first next time."""

    async def main() -> None:
        async with black_hole("10.0.0.1") as (there, tried, ended):
            await there.dial("a.example", 80)
            assert tried == ["2001:db8::1", "10.0.0.1"]
            assert sorted(ended) == sorted(tried)
            await there.dial("a.example", 80)
            assert tried[2:] == ["10.0.0.1"]

    asyncio.run(main())


def test_addresses_that_refuse_are_passed_over_at_once() -> None:
    """A refusal starts the next try without waiting; when all refuse, each reason is told."""

    async def main() -> None:
        there, tried = dialer({"a.example": ["10.0.0.1", "2001:db8::1", "10.0.0.2"]}, next_after_s=60.0)
        with pytest.raises(OSError, match=r"10\.0\.0\.1 is not there.*2001:db8::1.*10\.0\.0\.2"):
            await asyncio.wait_for(there.dial("a.example", 80), 20)
        assert tried == ["10.0.0.1", "2001:db8::1", "10.0.0.2"]

    asyncio.run(main())


def test_one_who_gives_up_while_racing_closes_every_socket() -> None:
    """Cancelling a dial cancels each of its tries."""

    async def main() -> None:
        async with black_hole("none") as (there, tried, ended):
            dialing = asyncio.create_task(there.dial("a.example", 80))
            while len(tried) < 3:  # noqa: ASYNC110 - the tries are what is waited for
                await asyncio.sleep(0.001)
            dialing.cancel()
            await asyncio.wait({dialing})
            assert sorted(ended) == sorted(tried)

    asyncio.run(main())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_real_names_and_sockets_work_in_both_loops(loopback, says, run) -> None:
    """`localhost` through the system's resolver; a listener on IPv4 alone is found behind a refusing IPv6."""

    async def main() -> None:
        assert set(await system_lookup("localhost")) <= {"127.0.0.1", "::1"}
        async with loopback(says(OK)) as server, Client() as client:
            url = server.url.replace("127.0.0.1", "localhost")
            for _ in range(2):
                assert await (await client.request("GET", url)).read() == b"hello"
            assert server.connections == 1

    run(main())


def test_a_host_is_a_name_or_an_address() -> None:
    """Underscores and capitals are names; what urlsplit lets through but no resolver means is refused."""
    assert address("http://my_model.Internal:80/").origin.host == "my_model.internal"
