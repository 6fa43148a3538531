"""`storage.transaction` and `storage.transaction_sync` (semantics 5.1)."""

from __future__ import annotations

import pytest

from tests.conformance.steps import (
    FAIL,
    ON_PURPOSE,
    Raised,
    storage,
    transaction,
    transaction_sync,
    txn,
)

PUT_A, PUT_B = storage.put("a", 1), storage.put("b", 2)
KV_A, KV_B, KV_C = (storage.kv.put(key, 1) for key in "abc")
AFTER_ROLLBACK = "on rolled back transaction"


@pytest.mark.parametrize(
    ("step", "outcome", "left"),
    [
        (transaction(), [], {}),
        (transaction(PUT_A, txn.get("a")), [None, 1], {"a": 1}),
        (transaction(txn.put("a", 1), storage.get("a")), [None, 1], {"a": 1}),
        (transaction(PUT_A, FAIL), ON_PURPOSE, {}),
        (transaction(txn.put("a", 1), FAIL), ON_PURPOSE, {}),
        (transaction(PUT_A, txn.rollback()), [None, None], {}),
        (transaction(PUT_A, txn.rollback(), txn.rollback()), [None] * 3, {}),
        (transaction(txn.rollback(), txn.get("a")),
         [None, Raised("StorageError", AFTER_ROLLBACK)], {}),
        (transaction(txn.rollback(), txn.put("a", 1)),
         [None, Raised("StorageError", AFTER_ROLLBACK)], {}),
        (transaction(txn.rollback(), txn.list()),
         [None, Raised("StorageError", AFTER_ROLLBACK)], {}),
        (transaction(PUT_A, transaction(PUT_B)), [None, [None]], {"a": 1, "b": 2}),
        (transaction(PUT_A, transaction(PUT_B, FAIL)), [None, ON_PURPOSE], {"a": 1}),
        (transaction(PUT_A, transaction(PUT_B), FAIL), ON_PURPOSE, {}),
        (transaction(PUT_A, transaction(PUT_B, txn.rollback())), [None, [None, None]], {"a": 1}),
        (transaction(storage.delete_all()), [Raised("StorageError", "within a transaction")], {}),
        (transaction(txn.delete_all()), [Raised("StorageError", "within a transaction")], {}),
        (transaction(PUT_A, transaction_sync(KV_B, FAIL)), [None, ON_PURPOSE], {"a": 1}),
        (transaction_sync(KV_A), [None], {"a": 1}),
        (transaction_sync(KV_A, FAIL), ON_PURPOSE, {}),
        (transaction_sync(KV_A, transaction_sync(KV_B, FAIL), KV_C),
         [None, ON_PURPOSE, None], {"a": 1, "c": 1}),
        (transaction_sync(KV_A, transaction_sync(KV_B), FAIL), ON_PURPOSE, {}),
    ],
)  # fmt: skip
def test_a_transaction_is_whole_or_nothing(world, step, outcome, left):
    """semantics 5.1, trap 23: a raise or a rollback undoes it; inner ones are savepoints."""
    keeper = world.new("KEEPER")
    assert keeper.steps(step) == [outcome]
    assert keeper.steps(storage.list()) == [left]


def test_what_was_written_before_stays(world):
    """semantics 5.1: a transaction that fails undoes itself alone, and resets nothing."""
    keeper = world.new("KEEPER")
    assert keeper.steps(PUT_A, transaction(PUT_B, FAIL), storage.list()) == [
        None, ON_PURPOSE, {"a": 1},
    ]  # fmt: skip


def test_several_statements_in_a_transaction_that_fails(world):
    """semantics 5.1, trap 23: all of them are undone, tables included."""
    make = storage.sql.exec("CREATE TABLE t(x); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    tables = storage.sql.exec("SELECT count(*) FROM sqlite_master WHERE name = 't'")
    keeper = world.new("KEEPER")
    assert keeper.steps(transaction_sync(make, FAIL), tables) == [ON_PURPOSE, [[0]]]


def test_a_synchronous_transaction_takes_no_async_function(world):
    """semantics 5.1: and what it would have written is not written."""
    keeper = world.new("KEEPER")
    assert "not async" in keeper.call("async_function_in_transaction_sync")
    assert keeper.steps(storage.list()) == [{}]


def test_a_transaction_that_has_ended_is_ended(world):
    """semantics 5.1: `txn` outside of its closure says what happened."""
    text = world.new("KEEPER").call("txn_outside_of_its_closure")
    assert "on transaction that has already committed" in text
