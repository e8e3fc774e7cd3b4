"""What follows a text, on every messenger that can show it: a picture, a place on a map."""

from __future__ import annotations

from dataclasses import replace

import pytest
from deliveries import T0, delivery

from alertd.model import Sent
from alertd.seams import Place

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # what Python 3.11 says of a shim of Apprise's

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
BERTA = Place(53.123456, 12.654321, "Berta (DE 09 12300421)", "02:10")
ANSWERED = {"telegram", "whatsapp", "matrix", "signal", "email"}
"""Where what follows a text is shown as an answer to it."""


def told(one):
    return replace(delivery("Berta is out\nA-217", channels=(one.channel,)), heard=T0 - 1)


async def test_a_picture_follows_its_text_where_the_messenger_can_show_one(one):
    assert hasattr(one.messenger, "show") == one.messenger.abilities.pictures
    if not one.messenger.abilities.pictures:
        return
    text = await one.messenger.send(told(one))
    assert isinstance(await one.messenger.show(told(one), PNG, text.ref), Sent)
    ((answers, picture),) = one.pictures()
    assert picture == PNG
    assert answers == (text.ref if one.messenger.name in ANSWERED else "")


async def test_a_place_follows_its_text_where_the_messenger_has_maps(one):
    assert hasattr(one.messenger, "locate") == one.messenger.abilities.places
    if not one.messenger.abilities.places:
        return
    text = await one.messenger.send(told(one))
    assert isinstance(await one.messenger.locate(told(one), BERTA, text.ref), Sent)
    assert one.places() == [(text.ref, BERTA.latitude, BERTA.longitude)]
