from __future__ import annotations

from mood_sweeps.note import doubt_about, doubts_in, joined, parts_of


def test_doubts_are_found_again_among_other_sentences() -> None:
    first = doubt_about("mim · seed 0", ["the loss did not fall", "the weights did not move"])
    second = doubt_about("a: b; c", ["x; y"])
    note = joined("knn(k=1) selected on textures", first, second, first)
    assert note is not None
    assert note.startswith("knn(k=1) selected on textures; ")
    assert doubts_in(note) == (first, second)
    assert parts_of(first) == (
        "mim · seed 0",
        "the loss did not fall, and the weights did not move",
    )
    assert parts_of(second) == ("a:b, c", "x, y")


def test_a_note_without_doubts_stays_as_it_is() -> None:
    assert joined(None) is None
    assert joined("one thing; and another") == "one thing; and another"
    assert doubts_in(None) == doubts_in(float("nan")) == doubts_in("one thing") == ()
