from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mood_sweeps.errors import DatabaseError
from mood_sweeps.results.database import Database
from mood_sweeps.results.outbox import Item, Outbox, RunKey, Subject, enqueue


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/results.db")
    made.prepare()
    yield made
    made.close()


def pair(ood_set: str) -> Subject:
    return Subject.of_pair("key", "digits:0-5", ood_set)


def add(database: Database, subject: str, content: str = "c") -> None:
    with database.writing() as connection:
        enqueue(connection, "sweep", pair(subject), content)


def test_items_come_back_in_order_until_done(database: Database) -> None:
    for subject in ("b", "a", "c"):
        add(database, subject)
    outbox = Outbox(database)
    assert outbox.count_open() == 3
    assert outbox.open_items(0, 2) == [
        Item(1, "sweep", pair("b")),
        Item(2, "sweep", pair("a")),
    ]
    outbox.mark_done([1, 3])
    assert [item.subject for item in outbox.open_items(0, 10)] == [pair("a")]
    assert outbox.open_items(2, 10) == []


def test_same_content_is_one_item_even_after_it_is_done(database: Database) -> None:
    add(database, "a")
    add(database, "a")
    outbox = Outbox(database)
    assert outbox.count_open() == 1
    outbox.mark_done([1])
    add(database, "a")
    assert outbox.count_open() == 0
    add(database, "a", "changed")
    assert outbox.count_open() == 1


def test_item_is_part_of_the_callers_transaction(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            enqueue(connection, "sweep", pair("a"), "c")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert Outbox(database).count_open() == 0


def test_failed_item_stays_open_with_its_error(database: Database) -> None:
    add(database, "a")
    outbox = Outbox(database)
    outbox.mark_failed([1], "x" * 5000)
    assert outbox.count_open() == 1
    with database.reading() as connection:
        (error,) = connection.exec_driver_sql("SELECT error FROM outbox").one()
    assert error == "x" * 2000
    outbox.mark_done([1])
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT error FROM outbox").one() == (None,)


def test_run_ids_are_remembered_by_place(database: Database) -> None:
    outbox = Outbox(database)
    representation = RunKey("sweep", "key", "digits")
    pair = RunKey("sweep", "key", "digits", "noise")
    launch = RunKey.of_launch("sweep", 7)
    assert outbox.run_id(pair) is None
    for number, place in enumerate((representation, pair, launch)):
        outbox.remember_run(place, f"run{number}")
    outbox.remember_run(pair, "other")
    found = [outbox.run_id(place) for place in (representation, pair, launch)]
    assert found == ["run0", "other", "run2"]


def test_database_without_tables_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="no such table: outbox"):
        Outbox(Database(f"sqlite:///{tmp_path}/empty.db")).count_open()


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")
def test_postgresql_behaves_the_same(postgresql: Database) -> None:
    test_items_come_back_in_order_until_done(postgresql)
    add(postgresql, "again")
    add(postgresql, "again")
    assert Outbox(postgresql).count_open() == 2
    test_run_ids_are_remembered_by_place(postgresql)
