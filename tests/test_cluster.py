"""Many machines: where runs go, and what the nodes cannot do."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.plan import Plan
from experiments.comparing.choice import choose
from experiments.experiment import plans, read
from experiments.nodes import Node, Nodes

PLANS = list(plans(read("factorial"), {"depth": 4, "width": 8, "steps": 2}).values())


def node(
    name: str,
    processor: str = "P",
    *,
    cpus: int = 1,
    gpus: int = 0,
    lacks: str = "",
    **changed: str,
) -> Node:
    each = {
        backend: {"numpy": "2.0", "processor": processor} | changed
        for backend in ("numpy", "torch", "jax", "keras")
    }
    return Node(
        name,
        name,
        cpus,
        gpus,
        {backend: found for backend, found in each.items() if backend != lacks},
    )


processors = st.dictionaries(st.sampled_from("ABCDE"), st.integers(1, 64), min_size=1)


@given(processors, st.sampled_from(PLANS))
def test_all_runs_of_a_plan_are_for_one_processor(cpus: dict[str, int], plan: Plan) -> None:
    found = Nodes(node(name, name, cpus=count) for name, count in cpus.items())
    chosen = [found.versions(backend, plan, "cpu") for backend in ("numpy", "torch")]
    assert len({one["processor"] for one in chosen}) == 1


@given(processors, st.sampled_from("ABCDE"))
def test_where_a_kind_of_processor_goes_only_its_plans_move(
    cpus: dict[str, int], gone: str
) -> None:
    def where(counts: dict[str, int]) -> list[str]:
        found = Nodes(node(name, name, cpus=count) for name, count in counts.items())
        return [found.versions("jax", plan, "cpu")["processor"] for plan in PLANS[:40]]

    left = {name: count for name, count in cpus.items() if name != gone}
    if left:
        assert all(a == b for a, b in zip(where(cpus), where(left), strict=True) if a != gone)


def test_plans_are_shared_out_in_proportion() -> None:
    found = Nodes([node("a", "A", cpus=30), node("b", "B", cpus=10)])
    counted = Counter(found.versions("numpy", plan, "cpu")["processor"] for plan in PLANS)
    assert 0.6 < counted["A"] / len(PLANS) < 0.9, counted


def test_a_lane_is_for_the_nodes_that_have_its_framework_its_processor_and_its_device() -> None:
    found = Nodes(
        [node("a", "A"), node("b", "A", lacks="torch"), node("c", "B", gpus=1), node("d", "B")]
    )
    assert found.able("torch", "cpu") == {"a", "c", "d"}
    assert found.able("torch", "cpu", "A") == {"a"}
    assert found.able("numpy", "cpu", "A") == {"a", "b"}
    assert found.able("torch", "gpu") == {"c"}
    assert {found.versions("torch", plan, "gpu")["processor"] for plan in PLANS} == {"B"}, (
        "where there is a gpu"
    )


def test_a_backend_that_no_node_has_is_the_users_mistake_or_is_left_out() -> None:
    cluster: Any = SimpleNamespace(
        nodes=Nodes([node("a", lacks="torch"), node("b", lacks="torch")])
    )
    assert choose(None, cluster) == (["numpy", "keras", "jax"], ["torch"])
    with pytest.raises(UserError) as caught:
        choose(["torch"], cluster)
    assert str(caught.value) == (
        "--backends: torch needs torch on a node of the cluster; install with: pip install -c "
        'constraints.txt -e ".[torch]"'
    )


@pytest.mark.parametrize(
    ("found", "device", "expected"),
    [
        (
            [node("a"), node("b", numpy="2.1")],
            "cpu",
            "the same numpy for numpy; received 2.0 on a and 2.1 on b; on each: pip",
        ),
        (
            [node("a", environment="1"), node("b", environment="2")],
            "cpu",
            "on each: start Ray with the same variables",
        ),
        ([node("a")], "gpu", "no node with torch has a gpu to give; leave it out"),
        (
            [node("a", gpus=1)],
            "gpu:1",
            "must be cpu or gpu with --cluster, Ray chooses which; received 'gpu:1'",
        ),
        ([node("a")], "tpu", "must be cpu or gpu with --cluster"),
    ],
)
def test_what_the_nodes_cannot_do_is_refused(found: list[Node], device: str, expected: str) -> None:
    Nodes([node("a", "A", gpus=1), node("b", "B", gpus=1)]).check(
        device.partition(":")[0].replace("tpu", "cpu"), ["torch"]
    )
    with pytest.raises(UserError) as caught:
        Nodes(found).check(device, ["numpy", "torch"])
    assert expected in str(caught.value)
    assert len(str(caught.value)) <= 200
