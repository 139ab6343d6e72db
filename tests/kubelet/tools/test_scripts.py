"""The scripts in front of a pod's PATH: which arguments they add, shown by tools that only print theirs."""

import subprocess
from pathlib import Path

import pytest
from tests.helpers.patience import PATIENCE

from kubelet.config import find_tools
from kubelet.tools.scripts import TOOLS, ClusterDNS, node_scripts, tool_scripts, with_agnhost_on_path

DNS = ClusterDNS("127.114.0.10", 10053, "cluster.local")
DIG = """
for last do :; done
case $* in *+comments*) echo "status: NOERROR" ;; esac
case $last in *nosuch*) ;; *) echo cname.; echo 127.114.7.7 ;; esac
"""
NC = 'case $1 in -h) echo "usage: nc [-s addr]" ;; *) echo "$@" ;; esac'
FAKE = {"nslookup": 'echo "$@"', "curl": 'echo "$@"', "nc": NC, "getent": 'echo "real $@"', "dig": DIG}
RESOLV_CONF = "search a.example b.example. .\nnameserver 127.1.2.3\nnameserver 192.0.2.9\noptions edns0 ndots:2\n"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    for name, script in FAKE.items():
        _write(tmp_path / "real" / name, f"#!/bin/sh\n{script}\n")
    found = {name: str(tmp_path / "real" / name) for name in TOOLS}
    for name, script in tool_scripts(found, DNS, 10000).items():
        _write(tmp_path / name, script)
    return tmp_path


def _write(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o700)


def said(tools: Path, *words: str, pod_ip: str = "", etc: str = "") -> str:
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "POD_NAMESPACE": "shop", "POD_IP": pod_ip, "KUBESVC_ETC": etc}
    done = subprocess.run(
        [tools / words[0], *words[1:]], env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["web"], "-port=10053 -nosearch web.shop.svc.cluster.local 127.114.0.10"),
        (["web."], "-port=10053 -nosearch web. 127.114.0.10"),
        (["127.114.7.7"], "-port=10053 -nosearch 127.114.7.7 127.114.0.10"),
        (["fd00::7"], "-port=10053 -nosearch fd00::7 127.114.0.10"),
        (["a.b.c.d.e.example"], "-port=10053 -nosearch a.b.c.d.e.example 127.114.0.10"),
        (["-type=srv", "_a._b.c"], "-port=10053 -nosearch -type=srv _a._b.c.shop.svc.cluster.local 127.114.0.10"),
        (["web", "9.9.9.9"], "web 9.9.9.9"),
        ([], "-port=10053 - 127.114.0.10"),
    ],
)
def test_nslookup_asks_the_cluster_unless_a_server_is_named(tools: Path, words: list[str], added: str) -> None:
    assert said(tools, "nslookup", *words) == added


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["web"], " --connect-to web:80:127.114.7.7:10080"),
        (["-s", "http://web.other/path?q=a:b"], " --connect-to web.other:80:127.114.7.7:10080"),
        (["https://web"], " --connect-to web:443:127.114.7.7:10443"),
        (["http://user@web:8080/"], " --connect-to web:8080:127.114.7.7:8080"),
        (["127.114.1.1"], " --connect-to 127.114.1.1:80:127.114.1.1:10080"),
        (["nosuch"], ""),
        (["http://localhost:8080"], ""),
        (["http://[::1]:8080/"], ""),
        (["-d", "a=b c", "http://nosuch"], ""),
        (["--version"], ""),
    ],
)
def test_curl_connects_to_where_the_cluster_s_names_are(tools: Path, words: list[str], added: str) -> None:
    assert said(tools, "curl", *words) == " ".join(words) + added


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["curl", "127.114.1.1"], "--interface 127.9.1.2 127.114.1.1 --connect-to 127.114.1.1:80:127.114.1.1:10080"),
        (["curl", "--interface", "nosuch0", "nosuch"], "--interface nosuch0 nosuch"),
        (["curl", "http://[::1]:8080/"], "http://[::1]:8080/"),
        (["echo-dig", "web"], "-b 127.9.1.2 @127.114.0.10 -p 10053 web"),
        (["echo-dig", "@127.114.0.10", "web"], "-b 127.9.1.2 @127.114.0.10 web"),
        (["echo-dig", "@9.9.9.9", "web"], "@9.9.9.9 web"),
        (["echo-dig", "-b", "127.0.0.1", "web"], "@127.114.0.10 -p 10053 -b 127.0.0.1 web"),
    ],
    ids=" ".join,
)
def test_a_pods_tools_send_from_its_address(tools: Path, words: list[str], added: str) -> None:
    _write(tools / "echo-dig", tool_scripts({"dig": "/bin/echo"}, DNS, 0)["dig"])
    assert said(tools, *words, pod_ip="127.9.1.2") == added


def test_an_address_on_no_interface_is_not_used_as_a_source(tools: Path) -> None:
    assert said(tools, "curl", "nosuch", pod_ip="fd00::1") == "nosuch"


def test_agnhost_is_a_command_in_every_pod(tmp_path: Path) -> None:
    found = {each: path for each, path in find_tools().items() if each in ("python", "sources")}
    _write(tmp_path / "agnhost", tool_scripts(found, DNS, 0)["agnhost"])
    environment = {"PATH": "/usr/bin:/bin", "POD_IP": "127.246.11.1"}
    done = subprocess.run(
        [tmp_path / "agnhost", "connect", "--timeout=5s", "127.246.11.1:9"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (1, "REFUSED\n")


ALL = ["web.shop.svc.cluster.local", "web.svc.cluster.local", "web.cluster.local", "web"]


@pytest.mark.parametrize(
    ("found", "asked", "status"),
    [("web.cluster.local", ALL[:3], 0), ("web", ALL, 0), ("elsewhere", ALL, 1)],
    ids=["in a domain", "as it is", "nowhere"],
)
def test_nslookup_goes_through_the_search_list_until_a_name_is_found(
    tools: Path, found: str, asked: list[str], status: int
) -> None:
    log = tools / "asked"
    _write(tools / "real" / "nslookup", f'#!/bin/sh\necho $3 >> {log}\necho said $3\n[ "$3" = {found} ]\n')
    done = subprocess.run([tools / "nslookup", "web"], env={"PATH": "/usr/bin:/bin", "POD_NAMESPACE": "shop"},
                          capture_output=True, text=True, check=False, timeout=PATIENCE)  # fmt: skip
    assert (log.read_text().split(), done.returncode) == (asked, status)
    assert done.stdout == f"said {asked[-1]}\n"


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["nslookup", "web"], "-port=10053 -nosearch web.a.example 127.1.2.3"),
        (["nslookup", "web.x.y"], "-port=10053 -nosearch web.x.y 127.1.2.3"),
        (["echo-dig", "web"], "@127.1.2.3 -p 10053 web"),
        (["getent", "hosts", "db.sub.example"], "127.9.1.2       db.sub.example"),
        (["getent", "hosts", "db"], "127.9.1.2       db"),
        (["getent", "hosts", "web"], "127.114.7.7     web"),
        (["getent", "hosts", "nosuch"], "real hosts nosuch"),
        (["getent", "passwd", "root"], "real passwd root"),
        (["curl", "http://db"], "http://db --connect-to db:80:127.9.1.2:10080"),
    ],
    ids=" ".join,
)
def test_a_pod_s_own_files_are_gone_by(tools: Path, words: list[str], added: str) -> None:
    _write(tools / "echo-dig", tool_scripts({"dig": "/bin/echo"}, DNS, 10000)["dig"])
    _write(tools / "etc" / "resolv.conf", RESOLV_CONF)
    _write(tools / "etc" / "hosts", "# managed\n127.0.0.1\tlocalhost\n::1\tdb\n127.9.1.2\tdb.sub.example\tdb\n")
    assert said(tools, *words, etc=str(tools / "etc")) == added


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["+search", "web"], "+search web +ndots=15 +domain=a.example"),
        (["-t", "a", "+search", "-q", "web"], "-t a +search -q web +ndots=15 +domain=a.example"),
        (["+search", "web.x.y", "SRV"], "+search web.x.y SRV +nosearch"),
        (["+nosearch", "web"], "+nosearch web"),
        (["+search", "-x", "127.1.1.1"], "+search -x 127.1.1.1"),
    ],
    ids=" ".join,
)
def test_dig_searches_in_the_pod_s_domains(tools: Path, words: list[str], added: str) -> None:
    echo = 'case $* in *+comments*) echo "status: NOERROR" ;; *) echo "$@" ;; esac'
    _write(tools / "real" / "dig", f"#!/bin/sh\n{echo}\n")
    _write(tools / "etc" / "resolv.conf", RESOLV_CONF)
    assert said(tools, "dig", *words, etc=str(tools / "etc")) == f"@127.1.2.3 -p 10053 {added}"


def test_a_name_server_outside_is_asked_at_its_own_port_from_any_address(tools: Path) -> None:
    _write(tools / "real" / "dig", '#!/bin/sh\necho "$@"\n')
    _write(tools / "etc" / "resolv.conf", "nameserver 192.0.2.9\n")
    assert said(tools, "dig", "web", pod_ip="127.9.1.2", etc=str(tools / "etc")) == "@192.0.2.9 -p 53 web"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["-qO-", "web"], "-sSfL -o - web"),
        (["-q", "-O", "page", "-T2", "--timeout", "3", "web/x"], "-sSfL -o page --max-time 2 --max-time 3 web/x"),
        (["--spider", "-t", "1", "http://web"], "-sSfL -o /dev/null -I http://web"),
        (["http://web/a/b.txt"], "-sSfL -o b.txt http://web/a/b.txt"),
        (["--header=A: b c", "web/"], "-sSfL -o index.html -H A: b c web/"),
    ],
    ids=" ".join,
)
def test_wget_is_the_pod_s_curl(tools: Path, words: list[str], asked: str) -> None:
    _write(tools / "curl", '#!/bin/sh\necho "$@"\n')
    assert said(tools, "wget", *words) == asked


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["web", "8080"], "-s 127.9.1.2 127.114.7.7 8080"),
        (["-v", "-z", "-w", "2", "web", "80"], "-s 127.9.1.2 -v -z -w 2 127.114.7.7 10080"),
        (["-zvw2", "web", "80"], "-s 127.9.1.2 -zvw2 127.114.7.7 10080"),
        (["-uw", "2", "127.114.7.8", "53"], "-s 127.9.1.2 -uw 2 127.114.7.8 10053"),
        (["-s", "127.1.1.1", "web", "8080"], "-s 127.1.1.1 127.114.7.7 8080"),
        (["nosuch", "80"], "nosuch 80"),
        (["web", "80-90"], "-s 127.9.1.2 127.114.7.7 80-90"),
        (["web", "http"], "-s 127.9.1.2 127.114.7.7 http"),
        (["-lk", "80"], "-lk 80"),
        (["-vl", "-p", "80"], "-vl -p 80"),
        (["-h"], "usage: nc [-s addr]"),
    ],
    ids=" ".join,
)
def test_nc_leads_to_the_cluster_from_the_pod_s_address(tools: Path, words: list[str], added: str) -> None:
    assert said(tools, "nc", *words, pod_ip="127.9.1.2") == added


def test_an_nc_that_knows_no_source_is_given_none(tools: Path) -> None:
    _write(tools / "real" / "nc", '#!/bin/sh\necho "$@"\n')
    assert said(tools, "nc", "web", "8080", pod_ip="127.9.1.2") == "127.114.7.7 8080"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "web-1"),
        (["-s"], "web-1"),
        (["-i"], "127.9.1.2"),
        (["-I"], "127.9.1.2 fd00::2"),
        (["-f"], "web-1.sub.example"),
        (["-d"], "sub.example"),
    ],
    ids=" ".join,
)
def test_hostname_is_the_pod_s(tools: Path, words: list[str], expected: str) -> None:
    _write(tools / "etc" / "hosts", "127.0.0.1\tlocalhost\n127.9.1.2\tweb-1.sub.example\tweb-1\n")
    pod = {"HOSTNAME": "web-1", "POD_IP": "127.9.1.2", "POD_IPS": "127.9.1.2,fd00::2"}
    environment = {"PATH": "/usr/bin:/bin", "KUBESVC_ETC": str(tools / "etc"), **pod}
    done = subprocess.run([tools / "hostname", *words], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize("words", [["other"], ["-F", "/etc/passwd"], ["-b", "other"]])
def test_the_machine_s_own_name_is_never_changed(tools: Path, words: list[str]) -> None:
    done = subprocess.run([tools / "hostname", *words], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr[:10]) == (1, b"", b"hostname: ")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("/agnhost", "connect", "a:1"), ("agnhost", "connect", "a:1")),
        (("sh", "-c", "/agnhost connect a:1"), ("sh", "-c", "agnhost connect a:1")),
        (("/bin/sh", "-xc", "cd / && /agnhost;"), ("/bin/sh", "-xc", "cd / && agnhost;")),
        (("sh", "-c", "ls /opt/agnhost /agnhost.txt"), ("sh", "-c", "ls /opt/agnhost /agnhost.txt")),
        (("sh", "x.sh", "/agnhost"), ("sh", "x.sh", "/agnhost")),
        (("echo", "/agnhost"), ("echo", "/agnhost")),
    ],
)
def test_agnhost_is_found_where_its_image_has_it(argv: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert with_agnhost_on_path(argv) == expected


def test_only_tools_that_are_there_have_a_script() -> None:
    assert set(tool_scripts({"curl": "/usr/bin/curl"}, DNS, 0)) == {"hostname"}
    found = {"dig": "/usr/bin/dig", "curl": "/usr/bin/curl"}
    assert set(tool_scripts(found, DNS, 0)) == {"dig", "curl", "wget", "hostname"}


def test_a_machine_without_nc_has_our_own_behind_the_script() -> None:
    scripts = tool_scripts({"dig": "/bin/dig", "python": "/opt/python", "sources": "/opt/src"}, DNS, 0)
    assert "\nexec netcat " in scripts["nc"]
    assert scripts["netcat"].endswith('-S -s -m kubelet.servers.netcat "$@"\n')


@pytest.mark.parametrize(
    ("words", "source", "expected"),
    [
        (["http://127.96.1.2:80/x"], "127.168.0.101", "--interface 127.168.0.102 http://127.96.1.2:80/x"),
        (["-s", "127.96.1.2"], "127.96.1.2", "--interface 127.168.0.102 -s 127.96.1.2"),
        (["-s", "http://127.0.0.1:80"], "127.0.0.1", "-s http://127.0.0.1:80"),
        (["http://192.0.2.7/"], "192.0.2.99", "http://192.0.2.7/"),
        (["--interface", "eth0", "http://127.96.1.2"], "127.168.0.101", "--interface eth0 http://127.96.1.2"),
    ],
)
def test_curl_in_the_network_of_all_nodes_comes_from_its_own(
    tmp_path: Path, words: list[str], source: str, expected: str
) -> None:
    _write(tmp_path / "ip", f'#!/bin/sh\necho "$4 dev lo src {source} uid 0"\n')
    _write(tmp_path / "getent", '#!/bin/sh\necho "$2 STREAM"\n')
    found = {"curl": "/bin/echo", "python": "/opt/python", "sources": "/opt/src"}
    script = node_scripts(found, ["127.168.0.101", "127.168.0.102"])["curl"]
    _write(tmp_path / "curl", script)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "POD_IP": "127.168.0.102"}
    done = subprocess.run([tmp_path / "curl", *words], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_one_node_needs_no_scripts_for_its_network() -> None:
    found = {"curl": "/bin/echo", "python": "/opt/python", "sources": "/opt/src"}
    assert node_scripts(found, ["127.168.0.101"]) == {}
    assert sorted(node_scripts(found, ["127.168.0.101", "127.168.0.102"])) == ["curl", "nc", "netcat"]
