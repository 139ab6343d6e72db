"""The scripts in front of a pod's PATH: which arguments they add, shown by tools that only print theirs."""

import subprocess
from pathlib import Path

import pytest

from kubelet.config import find_tools
from kubelet.exec_tools import TOOLS, ClusterDNS, tool_scripts

DNS = ClusterDNS("127.114.0.10", 10053, "cluster.local")
FAKE = {
    "nslookup": 'echo "$@"',
    "curl": 'echo "$@"',
    "dig": "for last do :; done; case $last in *nosuch*) ;; *) echo cname.; echo 127.114.7.7 ;; esac",
}


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


def said(tools: Path, *words: str, pod_ip: str = "") -> str:
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "POD_NAMESPACE": "shop", "POD_IP": pod_ip}
    done = subprocess.run(
        [tools / words[0], *words[1:]], env=environment, capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["web"], "-port=10053 -search -ndots=5 -domain=shop.svc.cluster.local web 127.114.0.10"),
        (["web.other"], "-port=10053 -search -ndots=5 -domain=svc.cluster.local web.other 127.114.0.10"),
        (["web.other.svc"], "-port=10053 -search -ndots=5 -domain=cluster.local web.other.svc 127.114.0.10"),
        (["web.other.svc.cluster.local"], "-port=10053 web.other.svc.cluster.local 127.114.0.10"),
        (["-type=srv", "a.b.c.example"], "-port=10053 -type=srv a.b.c.example 127.114.0.10"),
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
def test_what_a_pod_s_tools_send_comes_from_its_address(tools: Path, words: list[str], added: str) -> None:
    _write(tools / "echo-dig", tool_scripts({"dig": "/bin/echo"}, DNS, 0)["dig"])
    assert said(tools, *words, pod_ip="127.9.1.2") == added


def test_an_address_that_is_on_no_interface_here_is_nobody_s_source(tools: Path) -> None:
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
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (1, "REFUSED\n")


def test_only_tools_that_are_there_have_a_script() -> None:
    assert set(tool_scripts({"curl": "/usr/bin/curl"}, DNS, 0)) == set()
    assert set(tool_scripts({"dig": "/usr/bin/dig", "curl": "/usr/bin/curl"}, DNS, 0)) == {"dig", "curl"}
