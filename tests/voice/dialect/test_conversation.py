from __future__ import annotations

from dawg_server.voice.dialect import conversation


def test_words_find_their_place_however_late_they_come() -> None:
    mirror = conversation.ConversationMirror()
    mirror.place("a", "user")
    mirror.add("b", "assistant", "second")
    mirror.place("c", "user", after="a")
    mirror.write("c", "user", "between")
    mirror.write("a", "user", "first")
    assert [line.text for line in mirror.lines] == ["first", "between", "second"]


def test_a_cut_line_keeps_whole_words_and_takes_no_more() -> None:
    mirror = conversation.ConversationMirror()
    mirror.add("a", "assistant", "one two three")
    assert mirror.cut("a", 0.7) == "one two"
    mirror.add("a", "assistant", " four")
    mirror.write("a", "assistant", "one two three four")
    assert mirror.cut("a", 0.1) == "one two"
    assert [line.text for line in mirror.lines] == ["one two"]


def test_a_line_heard_to_its_end_keeps_all_words() -> None:
    mirror = conversation.ConversationMirror()
    mirror.add("a", "assistant", "one two")
    assert mirror.cut("a", 1.0) == "one two"


def test_the_mirror_is_bounded() -> None:
    mirror = conversation.ConversationMirror()
    for number in range(conversation.MAX_LINES + 10):
        mirror.write(f"item_{number}", "user", str(number))
    assert len(mirror.lines) == conversation.MAX_LINES
    assert mirror.lines[0].text == "10"


def test_only_the_newest_words_that_fit_are_carried_over() -> None:
    mirror = conversation.ConversationMirror()
    for number in range(10):
        mirror.write(f"item_{number}", "user", f"{number}" + "x" * (conversation.MAX_CARRIED_CHARACTERS // 4))
    assert [line.text[0] for line in mirror.carried()] == ["7", "8", "9"]
