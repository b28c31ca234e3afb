"""Signals, noted instead of obeyed."""

import signal
import threading

from drawgen.interrupts import signals


def test_signals_are_noted_and_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with signals() as noted:
        assert noted() == 0
        signal.raise_signal(signal.SIGTERM)
        assert noted() == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_contexts_inside_each_other_note_the_same_signal():
    with signals() as outer:
        with signals() as inner:
            signal.raise_signal(signal.SIGTERM)
            assert inner() == signal.SIGTERM
        assert outer() == signal.SIGTERM
        with signals() as inner:
            assert inner() == 0
    with signals() as noted:
        assert noted() == 0


def test_a_handler_of_another_language_stays(monkeypatch):
    """Python could not set it again."""
    plain, replaced = signal.getsignal, []
    monkeypatch.setattr(signal, "getsignal", lambda number: None if number == signal.SIGTERM else plain(number))
    monkeypatch.setattr(signal, "signal", lambda number, handler: replaced.append(number))
    with signals() as noted:
        assert noted() == 0
    assert signal.SIGTERM not in replaced
    assert signal.SIGINT in replaced


def test_where_terminals_do_not_hang_up(monkeypatch):
    """Windows has no such signal."""
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    with signals() as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted() == signal.SIGINT


def test_in_another_thread_nothing_is_noted():
    found = []

    def work():
        with signals() as noted:
            found.append(noted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [0]
