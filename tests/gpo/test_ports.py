import socket

from gpo.ports import HOST, find_free_port, is_free, listen_at_free_port


def test_a_port_that_is_taken_gives_way_to_the_next() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert find_free_port(port) not in (port, 0)
    assert is_free(port)
    assert find_free_port(port) == port


def test_beyond_the_last_port_any_is_taken() -> None:
    assert 0 < find_free_port(65535) < 65536


def test_a_socket_that_listens_keeps_its_port_from_the_next() -> None:
    with listen_at_free_port(4890, 1) as first, listen_at_free_port(4890, 1) as second:
        ports = {each.getsockname()[1] for each in (first, second)}
    assert len(ports) == 2
