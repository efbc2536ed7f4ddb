"""The watch of exports and taxonomies announces what arrived: addresses, once."""

from __future__ import annotations

import sys

import pytest


@pytest.mark.usefixtures("prefect_server")
def test_only_addresses_leave_and_only_once(tmp_path, monkeypatch) -> None:
    from flows import events
    from flows.watch import watch_inputs

    sent = []
    monkeypatch.setattr(events, "emit_event", lambda event, **told: sent.append((event, told["payload"])))
    (tmp_path / "exports").mkdir()
    taxonomy = tmp_path / "topic.yaml"
    taxonomy.write_text("a: 1")
    watched = {
        "exports": [str(tmp_path / "exports")],
        "taxonomies": [str(taxonomy)],
        "store": str(tmp_path / "store"),
    }
    watch_inputs(**watched)
    assert sent == []
    (tmp_path / "exports/new.jsonl").write_text("words of a person\n")
    taxonomy.write_text("a: 2")
    told = watch_inputs(**watched)
    assert told["arrived"]["taxonomies"] == [str(taxonomy)]
    watch_inputs(**watched)
    assert sent == [
        ("thoughttrace.export.arrived", {"addresses": [str(tmp_path / "exports/new.jsonl")]}),
        ("thoughttrace.taxonomy.changed", {"addresses": [str(taxonomy)]}),
    ]


@pytest.mark.usefixtures("prefect_server")
def test_a_crash_while_announcing_loses_nothing(tmp_path, monkeypatch) -> None:
    from flows import events
    from flows.watch import watch_inputs

    sent = []
    monkeypatch.setattr(events, "emit_event", lambda event, **told: sent.append(told["payload"]))
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "a.jsonl").write_text("")
    watched = {"exports": [str(exports)], "taxonomies": [], "store": str(tmp_path / "store")}
    watch_inputs(**watched)
    (exports / "b.jsonl").write_text("")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(events, "emit_event", die)
        with pytest.raises(KeyboardInterrupt):
            watch_inputs(**watched)
    watch_inputs(**watched)
    assert sent == [{"addresses": [str(exports / "b.jsonl")]}]


def test_the_command_announces_what_it_is_given(monkeypatch, capsys) -> None:
    from deployments import announce
    from flows import events

    sent = []
    monkeypatch.setattr(events, "announce_arrival", lambda event, about: sent.append((event, about)))
    monkeypatch.setattr(sys, "argv", ["announce", "export.arrived", "--about", "s3://b/a.jsonl"])
    announce.main()
    assert sent == [("export.arrived", ["s3://b/a.jsonl"])]
    assert "s3://b/a.jsonl" in capsys.readouterr().out
