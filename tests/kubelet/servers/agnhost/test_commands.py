"""agnhost's commands that write and exit, its server of files, and its servers for probes and port-forward."""

import asyncio
import os
import re
import stat
from pathlib import Path

import pytest
from tests.helpers.kubelet.builtins import ADDRESS, BuiltinHost, get, send

from kubelet.images.builtins import plan_builtin
from kubelet.images.catalog import find_image, program_for
from kubelet.images.serverhost import ServerHost
from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner
from kubelet.servers.agnhost.commands import go_mode
from kubelet.servers.agnhost.netexeclog import datagram_text, request_text
from kubelet.servers.http.messages import Datagram, Request
from kubelet.spec.process import ProcessSpec
from kubelet.spec.server import plan_server


@pytest.fixture
def etc(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "resolv.conf").write_text(
        "search a.svc.cluster.local cluster.local\nnameserver 127.96.0.10\noptions ndots:5\n"
    )
    (tmp_path / "hosts").write_text("127.0.0.1\tlocalhost\n")
    return {"KUBESVC_ETC": str(tmp_path)}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("dns-suffix", "a.svc.cluster.local,cluster.local\n"),
        ("dns-server-list", "127.96.0.10\n"),
        ("etc-hosts", "127.0.0.1\tlocalhost\n\n"),
    ],
)
async def test_commands_write_what_the_pods_own_files_say(
    host: BuiltinHost, etc: dict[str, str], command: str, said: str
) -> None:
    assert await host.run(command, env=etc) == (0, said)


async def test_a_search_list_that_is_not_there_is_a_panic(host: BuiltinHost, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.96.0.10\n")
    said = await host.run("dns-suffix", env={"KUBESVC_ETC": str(tmp_path)})
    assert said == (2, "panic: Could not find DNS search list!\n")


@pytest.mark.parametrize(
    ("command", "args", "said"),
    [
        ((), ("entrypoint-tester", "override", "arguments"), "[/agnhost entrypoint-tester override arguments]"),
        (("/agnhost-2",), ("entrypoint-tester",), "[/agnhost-2 entrypoint-tester]"),
        (("/agnhost-2", "entrypoint-tester", "a"), (), "[/agnhost-2 entrypoint-tester a]"),
    ],
)
def test_entrypoint_tester_is_told_by_which_name_it_was_called(
    command: tuple[str, ...], args: tuple[str, ...], said: str
) -> None:
    program = program_for(find_image("registry.k8s.io/e2e-test-images/agnhost:2.66", {}), command, args)
    assert program is not None
    plan = plan_builtin(program.builtin, program.arguments, ServerHost(int), {}, program.entrypoint)
    assert f"[{' '.join(plan.options['argv'])}]" == said


async def test_entrypoint_tester_writes_its_arguments(host: BuiltinHost) -> None:
    assert await host.run("entrypoint-tester", "a", "--b") == (0, "[/agnhost entrypoint-tester a --b]\n")


async def test_logs_generator_writes_lines_as_klog_does(host: BuiltinHost) -> None:
    code, said = await host.run("logs-generator", "-t", "5", "-d", "10ms")
    line = re.compile(
        r"I\d{4} \d\d:\d\d:\d\d\.\d{6} [ \d]{7} logs_generator\.go:76\] "
        r"(\d+) (?:GET|POST|PUT) /api/v1/namespaces/(?:kube-system|default|ns)/pods/\w{3,4} [2-5]\d\d"
    )
    assert code == 0
    assert [found[1] for each in said.splitlines() if (found := line.fullmatch(each))] == ["0", "1", "2", "3", "4"]


async def test_mounttest_writes_a_file_and_tells_its_mode_and_owner(host: BuiltinHost, tmp_path: Path) -> None:
    path = tmp_path / "new"
    flags = (f"--new_file_0666={path}", f"--file_mode={path}", f"--file_perm={path}", f"--file_owner={path}")
    assert await host.run("mounttest", *flags) == (
        0,
        f'content of file "{path}": mount-tester new file\n\n'
        f'mode of file "{path}": -rw-rw-rw-\n'
        f'perms of file "{path}": -rw-rw-rw-\n'
        f'owner UID of "{path}": {os.getuid()}\n'
        f'owner GID of "{path}": {path.stat().st_gid}\n',
    )


async def test_mounttest_tells_a_tmpfs_from_others(host: BuiltinHost) -> None:
    assert await host.run("mounttest", "--fs_type=/dev/shm") == (0, 'mount type of "/dev/shm": tmpfs\n')
    assert await host.run("mounttest", "--fs_type=/proc") == (0, f'mount type of "/proc": {0x9FA0}\n')


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("file_content", 'error reading file content for "{0}": open {0}: no such file or directory\n'),
        ("new_file_0644", 'error writing new file "{0}": open {0}: no such file or directory\n'),
        ("file_mode", 'error from Stat("{0}"): stat {0}: no such file or directory\n'),
        ("file_owner", 'error from stat("{0}"): no such file or directory\n'),
        ("fs_type", 'error from statfs("{0}"): no such file or directory\n'),
    ],
)
async def test_mounttest_says_what_it_cannot_do_and_fails(
    host: BuiltinHost, tmp_path: Path, flag: str, said: str
) -> None:
    path = tmp_path / "nowhere" / "file"
    assert await host.run("mounttest", f"--{flag}={path}") == (1, said.format(path))


async def test_mounttest_reads_a_file_until_it_has_the_content_of_a_new_one(host: BuiltinHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mount-tester new file\n")
    code, said = await host.run("mounttest", f"--file_content_in_loop={tmp_path / 'file'}")
    assert (code, said) == (0, f'content of file "{tmp_path / "file"}": mount-tester new file\n\n')


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (stat.S_IFREG | 0o644, "-rw-r--r--"),
        (stat.S_IFDIR | 0o1777, "dtrwxrwxrwx"),
        (stat.S_IFDIR | 0o2775, "dgrwxrwxr-x"),
        (stat.S_IFREG | 0o4755, "urwxr-xr-x"),
        (stat.S_IFLNK | 0o777, "Lrwxrwxrwx"),
        (stat.S_IFCHR | 0o600, "Dcrw-------"),
        (stat.S_IFIFO | 0o600, "prw-------"),
    ],
)
def test_modes_are_printed_as_go_prints_them(mode: int, said: str) -> None:
    assert go_mode(mode) == said


async def test_liveness_is_well_at_first(host: BuiltinHost) -> None:
    await host.serve("agnhost", "liveness")
    assert await get("/healthz") == (200, "ok")
    assert re.fullmatch(r"\d\.\d+s", (await get("/started"))[1])
    assert (await get("/redirect?loc=http%3A%2F%2F0.0.0.0%2F"))[0] == 302
    assert (await get("/"))[0] == 404


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    volume = tmp_path / "results"
    (volume / "deep").mkdir(parents=True)
    (volume / "answer").write_text("OK")
    (volume / "deep" / "page.html").write_text("<h1>deep</h1>")
    (volume / "..data").mkdir()
    (volume / "..data" / "key").write_text("value")
    (volume / "key").symlink_to("..data/key")
    (volume / "out").symlink_to("/etc/hostname")
    os.mkfifo(volume / "fifo")
    return volume


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/answer", 200, "OK"),
        ("/key", 200, "value"),
        ("/deep/", 200, '<a href="page.html">page.html</a>'),
        ("/deep", 301, ""),
        ("/deep/page.html", 200, "<h1>deep</h1>"),
        ("/deep/../answer", 200, "OK"),
        ("/out", 404, "404 page not found"),
        ("/fifo", 404, "404 page not found"),
        ("/nowhere", 404, "404 page not found"),
        ("/../secret", 404, "404 page not found"),
        ("/..%2fsecret", 404, "404 page not found"),
        ("/%00", 404, "404 page not found"),
    ],
)
async def test_test_webserver_serves_the_files_of_volumes(
    host: BuiltinHost, volume: Path, path: str, status: int, said: str
) -> None:
    (volume.parent / "secret").write_text("not served")
    await host.serve("agnhost", "test-webserver", "--port=8080", served=(str(volume),))
    code, body = await get(f"{volume}{path}")
    assert code == status
    assert said in body


async def test_test_webserver_serves_nothing_of_the_machine(host: BuiltinHost, volume: Path) -> None:
    await host.serve("agnhost", "test-webserver", "--port=8080", served=(str(volume),))
    assert (await get("/etc/passwd"))[0] == 404
    first = volume.parts[1]
    code, body = await get("/")
    assert (code, re.findall('href="(.*?)"', body)) == (200, [f"{first}/"])
    answer = await send(f"GET {volume}/answer HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\n\r\nQUIT\n", 8080)
    assert answer.startswith("HTTP/1.1 403 ")


async def test_test_webserver_answers_at_its_top_also_without_volumes(host: BuiltinHost) -> None:
    await host.serve("agnhost", "test-webserver", "--port=8080")
    assert await get("/") == (
        200,
        '<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n</pre>\n',
    )


@pytest.mark.parametrize(
    ("sent", "code", "received", "last"),
    [(b"abc", 0, "xx" * 2, "Done"), (b"abX", 3, "", 'Expect to read "abc", but got "abX". err=<nil>')],
)
async def test_port_forward_tester_checks_what_it_is_sent_and_answers_in_chunks(
    host: BuiltinHost, sent: bytes, code: int, received: str, last: str
) -> None:
    output = bytearray()
    env = {"BIND_PORT": "8080", "EXPECTED_CLIENT_DATA": "abc", "CHUNKS": "2", "CHUNK_SIZE": "2", "CHUNK_INTERVAL": "1"}
    process = await host.serve("agnhost", "port-forward-tester", sink=lambda _, chunk: output.extend(chunk), env=env)
    assert await send(sent.decode(), 8080) == received
    assert (await process.wait()).code == code
    assert output.decode().splitlines()[-1] == last


async def test_a_command_that_waits_ends_at_sigterm(host: BuiltinHost, tmp_path: Path) -> None:
    said = asyncio.Event()
    process = await host.serve(
        "agnhost", "mounttest", f"--file_content_in_loop={tmp_path / 'none'}", sink=lambda *_: said.set()
    )
    await said.wait()
    process.kill(15)
    assert (await process.wait()).code == 143


async def test_a_server_on_all_addresses_names_its_clients_as_go_does(tmp_path: Path) -> None:
    runner = ProcessRunner(marker("servers", tmp_path))
    try:
        await BuiltinHost(runner, address="").serve("agnhost", "netexec")
        assert (await get("/clientip", address="127.0.0.1"))[1].startswith("127.0.0.1:")
        assert (await get("/clientip", address=ADDRESS))[1].startswith("127.0.0.1:")
        assert (await get("/clientip", address="::1"))[1].startswith("[::1]:")
    finally:
        await runner.close()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/", 200, "<title>index</title>"),
        ("/index.html", 200, "<title>index</title>"),
        ("/deep", 301, ""),
        ("/deep/", 200, "deep"),
        ("/logo.txt", 200, "logo"),
        ("/none", 404, "404 Not Found"),
        ("/empty/", 404, "404 Not Found"),
        ("/../secret", 404, "404 Not Found"),
        ("/out", 404, "404 Not Found"),
    ],
)
async def test_a_stand_in_for_a_web_server_serves_its_folder(
    host: BuiltinHost, tmp_path: Path, path: str, status: int, said: str
) -> None:
    root = tmp_path / "html"
    (root / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text("<title>index</title>")
    (root / "deep" / "index.html").write_text("deep")
    (root / "logo.txt").write_text("logo")
    (root / "out").symlink_to("/etc/hostname")
    (tmp_path / "secret").write_text("not served")
    plan = plan_server("files", [8080], root=str(root), banner="nginx")
    await host.runner.start(ProcessSpec(builtin=plan, address=ADDRESS))
    code, body = await get(path)
    assert code == status
    assert said in body


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/", {}, "GET /"),
        ("/echo", {"msg": "prestop"}, "GET /echo?msg=prestop&code="),
        ("/echo", {"msg": "x", "code": "503"}, "GET /echo?msg=x&code=503"),
        ("/exit", {"code": "1"}, "GET /exit?code=1&timeout=&wait="),
        ("/header", {}, "GET /header"),
        ("/header", {"key": "Host"}, "GET /header?key=Host"),
        ("/redirect", {"location": "/a"}, "HEAD /redirect?msg=/a&code="),
        ("/nowhere", {}, ""),
    ],
)
def test_netexec_logs_requests_in_its_own_words(path: str, query: dict[str, str], said: str) -> None:
    assert request_text(Request("HEAD", path, query, {}, "127.0.0.1:1", 8080, is_stopping=False)) == said


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (b"hostname\n", "Sending udp hostName response"),
        (b"echo A b", "Echoing a b to UDP client 127.0.0.1:1"),
        (b"clientip", "Sending clientip back to UDP client 127.0.0.1:1"),
        (b"serverport", "Sending server port to UDP client 8081"),
        (b"envvar HOME ", "Sending UDP envvar response for HOME"),
        (b"Who are you", "Unknown UDP command received from 127.0.0.1:1: who are you"),
        (b"", ""),
    ],
)
def test_netexec_logs_datagrams_in_its_own_words(packet: bytes, said: str) -> None:
    assert datagram_text(Datagram(packet, "127.0.0.1:1", 8081), 8081) == said


async def test_netexec_logs_its_start_and_its_requests_with_the_time(host: BuiltinHost) -> None:
    output = bytearray()
    process = await host.serve("agnhost", "netexec", sink=lambda _, chunk: output.extend(chunk))
    await get("/echo?msg=poststart")
    process.kill(15)
    await process.wait()
    lines = output.decode().splitlines()
    assert all(re.match(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", each) for each in lines)
    assert [each[20:] for each in lines] == ["Started HTTP server on port 8080", "GET /echo?msg=poststart&code="]
