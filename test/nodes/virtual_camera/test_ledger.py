from __future__ import annotations

from anyview_ros.nodes.virtual_camera.ledger import Ledger


def test_what_is_neither_pushed_nor_dropped_is_held() -> None:
    ledger = Ledger()
    for _ in range(10):
        ledger.receive()
    ledger.push()
    ledger.drop("late", 2)
    ledger.drop("late")
    ledger.drop("early")
    ledger.drop("never", 0)
    account = ledger.read()
    assert (account.received, account.pushed, account.held) == (10, 1, 5)
    assert dict(account.dropped) == {"early": 1, "late": 3}
