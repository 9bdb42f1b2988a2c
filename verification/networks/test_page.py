"""Tables of docs/own-network.md: the command that writes them would change nothing."""

from insitu.verification.jobs.docs import networks


def _between(mark: str) -> str:
    page = networks.PAGE.read_text(encoding="utf-8")
    return page.partition(f"<!-- {mark} -->\n")[2].partition("\n<!-- end -->")[0]


def test_networks():
    assert networks.networks() == _between("networks")


def test_layers():
    assert networks.layers() == _between("layers")
