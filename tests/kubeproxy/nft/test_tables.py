"""Which messages lead from one state of the tables to the next, and that none is left out or sent twice."""

from __future__ import annotations

from collections import Counter

from kubehost.netlink import Message
from kubeproxy.nft import statements as st
from kubeproxy.nft.netlink.encoding import FEW
from kubeproxy.nft.netlink.forms import V4
from kubeproxy.nft.statements import TO, Field
from kubeproxy.nft.tables import EMPTY, Chain, Entry, NamedSet, Owner, Part, Tables

NAMES = {
    *((0, "new table"), (2, "delete table"), (3, "new chain"), (5, "delete chain"), (6, "new rule"), (8, "flush")),
    *((9, "new set"), (11, "delete set"), (12, "add elements"), (14, "delete elements")),
}
KINDS = {10 << 8 | number: name for number, name in NAMES}
DROP = ((st.End.DROP,),)
WEB = ("10.96.0.20", "TCP", 80)


def part(chain: str, *entries: Entry, rules: tuple[st.Rule, ...] = DROP, sets: tuple[NamedSet, ...] = ()) -> Part:
    return Part({chain: Chain(rules)}, sets, frozenset(entries))


def kinds(messages: list[Message]) -> list[str]:
    return [KINDS[each.type] for each in messages]


def change(tables: Tables, **wanted: Part) -> list[str]:
    """Plan a change, accept it, and return what is sent."""
    owners: dict[Owner, Part] = dict(wanted.items())
    steps = tables.plan(owners)
    tables.accept(owners)
    return kinds([each for step in steps for each in step.messages])


def leads(chain: str) -> Entry:
    return Entry("service-ips", WEB, st.Goto(chain))


def test_a_new_part_makes_its_chains_before_what_leads_to_them() -> None:
    tables = Tables(V4)
    pins = NamedSet("affinity-a", (Field.SOURCE,), has_timeout=True)
    sent = change(tables, web=part("service-a", leads("service-a"), sets=(pins,)))
    assert sent == ["new set", "new chain", "new rule", "add elements"]


def test_nothing_is_sent_for_a_part_that_stays() -> None:
    tables = Tables(V4)
    change(tables, web=part("service-a", leads("service-a")))
    assert change(tables, web=part("service-a", leads("service-a"))) == []


def test_a_changed_chain_is_written_anew_and_what_leads_to_it_stays() -> None:
    tables = Tables(V4)
    change(tables, web=part("service-a", leads("service-a")))
    other = ((st.Dnat((("10.244.1.2", 80), ("10.244.1.3", 80))),),)
    assert change(tables, web=part("service-a", leads("service-a"), rules=other)) == [
        *("flush", "new rule", "new rule"),
    ]


def test_few_endpoints_have_a_rule_each_and_many_a_map() -> None:
    def sent(count: int) -> list[str]:
        endpoints = tuple((f"10.244.1.{number + 1}", 80) for number in range(count))
        return change(Tables(V4), web=part("service-a", rules=((st.Dnat(endpoints),),)))

    assert sent(1) == ["new chain", "new rule"]
    assert sent(FEW) == ["new chain", *["new rule"] * FEW]
    assert sent(FEW + 1) == ["new chain", "new set", "add elements", "new rule", "new rule"]


def test_a_part_that_goes_leaves_an_empty_chain_for_a_while() -> None:
    tables = Tables(V4)
    change(tables, web=part("service-a", leads("service-a")))
    assert change(tables, web=EMPTY) == ["delete elements", "flush"]
    assert kinds(list(tables.remove_stale(tuple(tables.stale)))) == ["delete chain"]
    assert not tables.stale
    assert not tables.parts


def test_a_chain_that_is_used_again_is_not_removed() -> None:
    tables = Tables(V4)
    change(tables, web=part("service-a"))
    change(tables, web=EMPTY)
    stale = tuple(tables.stale)
    change(tables, web=part("service-a"))
    assert tables.remove_stale(stale) == ()


def test_an_entry_of_two_parts_is_added_once_and_removed_with_the_last_one() -> None:
    tables = Tables(V4)
    shared = Entry("cluster-ips", ("10.96.0.20",))
    together = change(tables, one=part("service-a", shared), other=part("service-b", shared))
    assert Counter(together)["add elements"] == 1
    assert "delete elements" not in change(tables, one=EMPTY)
    assert "delete elements" in change(tables, other=EMPTY)
    assert "add elements" in change(tables, other=part("service-b", shared))


def test_an_entry_of_a_lasting_set_goes_later_unless_it_comes_back() -> None:
    tables = Tables(V4, ("hairpin-connections",))
    one, other = (Entry("hairpin-connections", (ip, ip, "TCP", 80)) for ip in ("10.0.0.1", "10.0.0.2"))
    change(tables, web=part("service-a", one, other), db=part("service-b", other))
    assert change(tables, web=part("service-a"), db=EMPTY) == ["flush"]
    stale = tuple(tables.stale)
    assert stale == (one, other, "service-b")
    assert change(tables, web=part("service-a", one)) == ["add elements"]
    assert kinds(list(tables.remove_stale(stale))) == ["delete elements", "delete chain"]
    assert not tables.stale


def test_what_one_part_leaves_is_free_before_another_one_takes_it() -> None:
    tables = Tables(V4)
    change(tables, one=part("service-a", leads("service-a")))
    taken = change(tables, other=part("service-b", leads("service-b")), one=part("service-a"))
    assert taken == ["delete elements", "new chain", "new rule", "add elements"]


def test_the_owner_of_each_message_is_known() -> None:
    tables = Tables(V4)
    steps = tables.plan({"one": part("service-a"), "other": part("service-b")})
    assert [step.owner for step in steps] == ["one", "other"]


def test_a_plan_changes_nothing_until_it_is_accepted() -> None:
    tables = Tables(V4)
    wanted: dict[Owner, Part] = {"web": part("service-a", leads("service-a"))}
    first = tables.plan(wanted)
    assert kinds(list(first[0].messages)) == kinds(list(tables.plan(wanted)[0].messages))


def test_maps_of_destinations_have_keys_of_their_family() -> None:
    assert NamedSet("service-ips", TO, is_map=True).form(V4).key_length == 12
