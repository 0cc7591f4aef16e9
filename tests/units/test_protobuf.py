"""A message class made at run time writes what protoc's would, and knows what is present."""

import pytest

from helpers.parsing.protobuf import message_class


def test_it_writes_numbers_lengths_and_texts_and_no_names():
    person = message_class([("name", 1), ("city", 2)])(name="Ada", city="London")
    assert person.SerializeToString() == b"\x0a\x03Ada\x12\x06London"


def test_it_reads_by_number_whatever_the_name_is_and_knows_what_is_missing():
    reader = message_class([("town", 2), ("mail", 3)])
    person = reader.FromString(b"\x0a\x03Ada\x12\x06London")
    assert person.town == "London" and person.mail == ""
    assert person.HasField("town") and not person.HasField("mail")


def test_an_empty_text_that_was_sent_is_present():
    person = message_class([("name", 1)]).FromString(b"\x0a\x00")
    assert person.name == "" and person.HasField("name")


def test_a_number_twice_is_refused():
    with pytest.raises(TypeError):
        message_class([("name", 1), ("city", 1)])
