"""The broker's in-flight window is learned from where it stops."""

from __future__ import annotations

from alertd.ingest.mqtt_window import Window
from alertd.model import SECOND


def stop_at(window: Window, count: int, *, rounds: int, pause: int = SECOND) -> None:
    """The broker sends `count`, waits for us, and goes on at once when we acknowledge."""
    now = 0
    for _ in range(rounds):
        window.heard(count, now)
        now += pause
        window.acknowledged(count, now)
        now += 1000
    window.heard(count, now)


def test_half_a_window_presses() -> None:
    assert not Window(20).pressing(9)
    assert Window(20).pressing(10)


def test_the_smallest_window_presses_with_one_message() -> None:
    assert Window(1).pressing(1)
    assert not Window(1).pressing(0)


def test_a_broker_that_goes_on_after_a_pause_without_our_acknowledgement_has_a_wider_window() -> None:
    window = Window(20)
    window.heard(20, 0)
    window.heard(21, SECOND)
    assert window.limit == 21


def test_a_queue_sent_in_one_go_is_not_a_wide_window() -> None:
    """mosquitto 2.0.11 sends everything it kept after the first acknowledgement, yet stops the next burst at 20."""
    window = Window(20)
    window.heard(20, 0)
    window.acknowledged(20, SECOND)
    window.heard(480, SECOND + 1000)
    window.heard(500, SECOND + 2000)
    assert window.limit == 20


def test_a_broker_that_stops_three_times_at_five_has_a_window_of_five() -> None:
    window = Window(1000)
    stop_at(window, 5, rounds=3)
    assert window.limit == 5
    assert window.pressing(3)


def test_twice_may_be_chance() -> None:
    window = Window(1000)
    stop_at(window, 5, rounds=2)
    assert window.limit == 1000


def test_sensors_that_speak_later_than_our_acknowledgement_say_nothing_about_the_window() -> None:
    window = Window(1000)
    now = 0
    for _ in range(5):
        window.heard(5, now)
        now += SECOND
        window.acknowledged(5, now)
        now += SECOND
    assert window.limit == 1000


def test_a_stream_without_a_pause_says_nothing_about_the_window() -> None:
    window = Window(1000)
    stop_at(window, 5, rounds=5, pause=1000)
    assert window.limit == 1000


def test_a_window_learned_too_small_widens_again() -> None:
    window = Window(1000)
    stop_at(window, 5, rounds=3)
    window.heard(6, 20 * SECOND)
    assert window.limit == 6
