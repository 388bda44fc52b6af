"""ONNX Runtime: silent, and whole or not at all."""

import ast
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import manyhues
from manyhues.errors import WeightsError
from manyhues.model import onnx

# Counts what a process does towards a network, in any of its libraries.
COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
struct addrinfo;
static void note(const char *what, const struct sockaddr *to) {
    if (to && to->sa_family != AF_INET && to->sa_family != AF_INET6) return;
    FILE *file = fopen(getenv("COUNT_LOG"), "a");
    if (file) { fprintf(file, "%s\n", what); fclose(file); }
}
int connect(int fd, const struct sockaddr *to, socklen_t size) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    note("connect", to);
    return real(fd, to, size);
}
ssize_t sendto(int fd, const void *data, size_t count, int flags, const struct sockaddr *to,
               socklen_t size) {
    ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
        dlsym(RTLD_NEXT, "sendto");
    if (to) note("sendto", to);
    return real(fd, data, count, flags, to, size);
}
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    note("getaddrinfo", 0);
    return real(node, service, hints, found);
}
"""
COLOUR = """
import sys, time
import manyhues
colorizer = manyhues.Colorizer.load(weights=sys.argv[1])
colorizer.sample(colorizer.encode(sys.argv[2]), 1, pick="random").save(sys.argv[3])
time.sleep(float(sys.argv[4]))
"""


@pytest.mark.slow
def test_nothing_leaves_the_machine_and_nothing_is_left_on_it(
    weights: Path, photo: Path, tmp_path: Path
) -> None:
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("NO GCC on Linux: calls to the network cannot be counted")
    (tmp_path / "count.c").write_text(COUNTER)
    library, log, home = tmp_path / "count.so", tmp_path / "log", tmp_path / "home"
    build = ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "count.c"), "-ldl"]
    if subprocess.run(build, capture_output=True).returncode:
        pytest.skip("GCC BUILDS NOTHING: calls to the network cannot be counted")
    home.mkdir()
    bare = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    bare.pop("XDG_CACHE_HOME", None)
    environment = bare | {"HOME": str(home), "COUNT_LOG": str(log), "LD_PRELOAD": str(library)}
    call = "import socket; socket.getaddrinfo('localhost', 80)"
    subprocess.run([sys.executable, "-c", call], env=environment, check=True)
    assert log.read_text() == "getaddrinfo\n"  # it counts
    log.unlink()
    # The events host is looked up some ten seconds after a graph was opened.
    given = [str(weights), str(photo), str(tmp_path / "out"), "14"]
    subprocess.run([sys.executable, "-c", COLOUR, *given], env=environment, check=True)
    assert not log.exists()
    assert not list(home.rglob("*"))


def test_nothing_else_imports_it() -> None:
    source = Path(manyhues.__file__).parent
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not any(name.split(".")[0] == "onnxruntime" for name in names), path


def test_importing_the_package_sets_no_environment_variable() -> None:
    code = (
        "import os; before = dict(os.environ); import manyhues; manyhues.Colorizer;"
        "assert dict(os.environ) == before"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run([sys.executable, "-c", code], env=bare, check=True)


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (MemoryError(), MemoryError, "not enough memory; close other programs, or raise the"),
        (ImportError("x.so: failed to map segment from\nit"), MemoryError, "not enough memory"),
        (RuntimeError("Exception caught: std::bad_alloc"), MemoryError, "not enough memory"),
        (ImportError("none\nof that name"), WeightsError, "cannot be loaded (none of that name)"),
    ],
    ids=["Python", "the loader", "C++", "absent"],
)
def test_what_cannot_be_loaded_is_one_line(
    error: Exception, expected: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(name: str) -> None:
        raise error

    monkeypatch.setattr(onnx, "import_module", fails)
    with pytest.raises(expected) as caught:
        onnx.runtime()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ctrl_c_waits_for_the_end_of_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = []

    def imported(name: str) -> None:
        signal.raise_signal(signal.SIGINT)
        whole.append(name)

    monkeypatch.setattr(onnx, "import_module", imported)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            onnx.runtime()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert whole == ["onnxruntime"]
