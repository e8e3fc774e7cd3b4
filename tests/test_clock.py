"""What time it is: a clock without a battery, one that is set, one that sleeps, and what the next start makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from alertd.clock import ADOPTED, STEP, SystemClock, ticks, wall_time
from alertd.model import DAY, HOUR, MINUTE, SECOND, Micros, Move
from alertd.seams import Kept

NOON = 1_795_000_000 * SECOND


@dataclass
class Machine:
    """A computer: what its wall clock shows, how long it has been up, whether systemd says that the clock was set."""

    wall: Micros = NOON
    up: Micros = MINUTE
    right: bool = False
    boot: str = "first"

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.up, lambda: self.right, self.boot)

    def begin(self, kept: Kept) -> tuple[SystemClock, Move | None]:
        clock = self.clock()
        return clock, clock.begin(kept)

    def live(self, span: Micros) -> None:
        self.wall += span
        self.up += span

    def reboot(self, wall: Micros) -> None:
        self.wall, self.up, self.boot, self.right = wall, MINUTE, f"after {self.boot}", False


def stored(clock: SystemClock, **facts: Any) -> Kept:
    """What the store keeps after a commit."""
    return Kept(marks={"clock": clock.mark()}, **({"at": clock.now(), "seq": 7} | facts))


def test_time_goes_on_with_the_machine():
    machine = Machine()
    clock, move = machine.begin(Kept())
    assert (clock.now(), move) == (NOON, None)
    machine.live(HOUR)
    assert clock.now() == NOON + HOUR
    assert clock.set_by() == 0
    assert clock.trusted(NOON)


@pytest.mark.parametrize("by", [-3 * HOUR, -STEP, STEP, 8 * HOUR, 56 * 365 * DAY])
@pytest.mark.parametrize("up", [MINUTE, 3 * HOUR])
def test_a_clock_that_is_set_for_the_first_time_is_taken_over_and_what_was_written_moves(by, up):
    machine = Machine(up=up)
    clock, _ = machine.begin(Kept(at=NOON - DAY, seq=3))
    machine.live(10 * MINUTE)
    machine.wall += by
    machine.right = True
    assert clock.now() == NOON + 10 * MINUTE, "it does not step with it"
    assert not clock.trusted(NOON)
    assert clock.set_by() == by

    again, move = machine.begin(stored(clock))
    assert move == Move(NOON, NOON + 10 * MINUTE, by, seq=3)
    assert again.now() == machine.wall
    assert again.set_by() == 0
    assert again.begin(stored(again)) is None, "once"


def test_a_kill_between_step_and_start_loses_nothing_of_it():
    machine = Machine()
    clock, _ = machine.begin(Kept(seq=3))
    kept = stored(clock)
    machine.live(MINUTE)
    machine.wall += HOUR
    machine.live(MINUTE)
    first = machine.begin(kept)[1]
    machine.live(MINUTE)
    second = machine.begin(kept)[1]  # killed again before the move was committed
    assert first is not None
    assert second == Move(first.since, first.until + MINUTE, HOUR, seq=3)


def test_small_corrections_are_none():
    machine = Machine()
    clock, _ = machine.begin(Kept())
    machine.wall += STEP - 1
    assert (clock.set_by(), clock.trusted(NOON)) == (0, True)
    assert machine.begin(stored(clock))[1] is None


def test_a_clock_that_was_right_moves_nothing_when_somebody_sets_it():
    machine = Machine(right=True)
    clock, _ = machine.begin(Kept())
    assert clock.trusted(NOON)
    machine.wall += HOUR
    assert (clock.set_by(), clock.stepped(), clock.trusted(NOON)) == (0, True, False)
    again, move = machine.begin(stored(clock))
    assert (move, again.now()) == (None, NOON + HOUR), "the next start takes it over"


def test_one_that_systemd_confirms_while_it_runs_was_right():
    machine = Machine()
    clock, _ = machine.begin(Kept())
    machine.right = True
    assert clock.trusted(NOON)
    machine.wall -= HOUR
    assert clock.set_by() == 0
    assert machine.begin(stored(clock))[1] is None


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_machine_that_nobody_vouches_for_may_as_well_have_stood_still(by):
    machine = Machine(up=3 * HOUR)
    clock, _ = machine.begin(Kept())
    machine.live(MINUTE)
    machine.wall += by
    assert (clock.set_by(), clock.stepped()) == (0, True)
    again, move = machine.begin(stored(clock))
    assert (move, again.now()) == (None, machine.wall)


def test_a_clock_that_shows_1970_is_wrong_however_long_it_did():
    machine = Machine(wall=3 * HOUR, up=3 * HOUR)
    clock, _ = machine.begin(Kept())
    machine.wall = NOON
    assert clock.set_by() == NOON - 3 * HOUR


def test_what_was_written_for_longer_than_a_day_is_history():
    machine = Machine()
    clock, _ = machine.begin(Kept())
    machine.live(ADOPTED + SECOND)
    machine.wall += HOUR
    assert (clock.set_by(), clock.stepped()) == (0, True)
    again, move = machine.begin(stored(clock))
    assert (move, again.now()) == (None, machine.wall)


def test_a_gateway_without_a_battery_is_not_behind_what_it_has_written():
    machine = Machine()
    before, _ = machine.begin(Kept())
    machine.live(HOUR)
    kept = stored(before)
    machine.reboot(wall=0)  # 1970; the power was off for eight hours
    clock, move = machine.begin(kept)
    assert move is None
    assert clock.now() == kept.at + 1
    assert not clock.trusted(kept.at)
    machine.live(5 * MINUTE)
    machine.wall, machine.right = NOON + 9 * HOUR + 5 * MINUTE, True
    assert clock.set_by() == machine.wall - clock.now()
    again, move = machine.begin(stored(clock))
    assert move == Move(kept.at + 1, kept.at + 1 + 5 * MINUTE, 8 * HOUR - 1, seq=7)
    assert again.now() == machine.wall
    assert again.trusted(machine.wall)


def test_a_clock_that_is_right_although_the_store_is_ahead_is_believed_once_systemd_says_so():
    machine = Machine()
    clock, _ = machine.begin(Kept(at=NOON + DAY))
    assert clock.now() == NOON + DAY + 1
    machine.right = True
    assert clock.set_by() == -DAY - 1
    assert Machine(right=True).begin(Kept(at=NOON + DAY))[0].now() == NOON


def test_another_boot_is_another_time():
    machine = Machine()
    clock, _ = machine.begin(Kept())
    kept = stored(clock)
    machine.reboot(wall=NOON + 3 * HOUR)
    again, move = machine.begin(kept)
    assert (again.now(), move) == (NOON + 3 * HOUR, None)


def test_a_restart_goes_on_where_it_was():
    machine = Machine()
    clock, _ = machine.begin(Kept())
    kept = stored(clock, at=NOON)
    machine.live(HOUR)
    again, move = machine.begin(kept)
    assert (again.now(), again.mark(), move) == (clock.now(), clock.mark(), None)


def test_a_store_of_an_earlier_version_says_nothing_of_it():
    assert Machine().begin(Kept(marks={"alive": NOON, "newest": NOON}))[1] is None


def test_the_real_clocks_go_forward():
    assert ticks() <= ticks()
    assert abs(SystemClock().now() - wall_time()) < STEP


def test_a_store_ahead_of_a_right_clock_is_left_behind_by_starting_again_once_the_machine_has_been_up():
    machine = Machine()
    machine.reboot(NOON)
    clock, move = machine.begin(Kept(at=NOON + 300 * DAY, seq=3, marks={"clock": ("first", 0, 0, 0, 0, False)}))
    assert (move, clock.now()) == (None, NOON + 300 * DAY + 1)
    machine.live(MINUTE)
    early, move = machine.begin(stored(clock))
    assert (move, early.stepped()) == (None, True), "the network may not be there yet"
    machine.live(10 * MINUTE)
    again, move = machine.begin(stored(clock))
    assert move is not None
    assert (move.by, again.now(), again.stepped()) == (-300 * DAY - 1, machine.wall, False)
    assert machine.begin(stored(again))[1] is None, "once"
