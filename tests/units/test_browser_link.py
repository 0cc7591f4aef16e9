"""The link to a server goes through the Jupyter server that started the kernel, if one did."""

import json

import pytest

from helpers import lesson
from helpers.course import notebook
from helpers.servers import serve


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Put somebody at the keyboard; return what is shown, as [plain, html]."""
    texts = []
    monkeypatch.setattr(notebook, "attended", lambda: True)
    monkeypatch.setattr(notebook, "show", lambda *two: texts.extend(two))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    return texts


def jupyter_server(monkeypatch, folder, base: str) -> None:
    (folder / "jpserver-123.json").write_text(json.dumps({"base_url": base}))
    monkeypatch.setenv("JPY_PARENT_PID", "123")


def test_on_a_laptop_through_the_lab_or_straight(shown, monkeypatch, tmp_path):
    jupyter_server(monkeypatch, tmp_path, "/")
    server = serve("kitchen", [])
    lesson.browser_link(server, "/tea")
    assert shown[0].endswith(f": /proxy/{server.port}/tea")
    assert f"href='/proxy/{server.port}/tea'" in shown[1]
    assert f"http://127.0.0.1:{server.port}/tea" in shown[1]


def test_on_a_hub_through_the_hub_only(shown, monkeypatch, tmp_path):
    jupyter_server(monkeypatch, tmp_path, "/user/ada/")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    server = serve("kitchen", [])
    lesson.browser_link(server)
    assert f"href='/user/ada/proxy/{server.port}/'" in shown[1]
    assert "127.0.0.1" not in shown[1]


def test_a_hub_is_known_by_its_environment_too(shown, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert notebook.jupyter_base() == "/user/ada/"


def test_in_an_editor_straight(shown):
    server = serve("kitchen", [])
    lesson.browser_link(server, "/tea")
    assert f"href='http://127.0.0.1:{server.port}/tea'" in shown[1]


@pytest.mark.parametrize("left", ["no json", '{"no": "base_url"}'])
def test_a_damaged_note_of_the_server_is_as_good_as_none(shown, monkeypatch, tmp_path, left):
    jupyter_server(monkeypatch, tmp_path, "/")
    (tmp_path / "jpserver-123.json").write_text(left)
    assert notebook.jupyter_base() is None


def test_unattended_one_line_without_a_port(capsys):
    server = serve("kitchen", [])
    lesson.browser_link(server, "/tea")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "/tea of the server 'kitchen'" in said
    assert str(server.port) not in said


def test_a_path_without_its_slash_is_refused():
    with pytest.raises(ValueError, match="path='tea'"):
        lesson.browser_link(serve("kitchen", []), "tea")
