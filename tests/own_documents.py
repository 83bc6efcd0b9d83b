"""Documents of a diagnosis and of a port, made without a framework: for the tests of their
pages.
"""

from __future__ import annotations

from typing import Any

from experiments.findings.document import Judged
from experiments.findings.thresholds import Thresholds
from experiments.own.diagnosis import Advice, Diagnosis, OverTime, Profile, SiteFinding
from experiments.own.port_document import Branch, CarriedFinding, CauseFinding, Model, Parting, Port

EVIL = '<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">\'\u202e\x1b'
LONG = "encoder.stages.3.blocks.17.self_attention.relative_position.output_projection"


def signals(layers: int, keeps: float) -> list[float]:
    """Of layers that each keep a share of the gradient."""
    return [0.01 * keeps ** (layers - 1 - i) for i in range(layers)]


def diagnosis(layers: int = 12, keeps: float = 0.2, steps: int = 6, **changes: Any) -> Diagnosis:
    """Of a network that was trained, with one layer of a long name and one of a name with a script
    in it.
    """
    names = [f"layers.{i}" for i in range(layers)]
    names[-1] = LONG
    names[0] = EVIL
    signal = signals(layers, keeps)
    sites = [
        SiteFinding(
            path=name,
            type="Linear",
            shape=[32, 16],
            signal_gradient_rms=value,
            weight_gradient_rms=2 * value,
            update_ratio=0.001 * (i + 1) if steps else None,
            activation_mean=0.5,
            activation_rms=0.6,
            dead_fraction=0.125,
            block=0.25,
            weights=None if i == 0 else 0.8,
        )
        for i, (name, value) in enumerate(zip(names, signal, strict=True))
    ]
    profiles = [
        Profile(step=step + 1, signal_gradient_rms=list(signals(layers, keeps + 0.05 * step)))
        for step in range(steps)
    ]
    fields: dict[str, Any] = {
        "file": f"mine{EVIL}.py",
        "backend": "torch",
        "command": f"isograd diagnose torch=mine{EVIL}.py",
        "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
        "precision": "float32",
        "training": True,
        "batch": 32,
        "parameters": 12_345,
        "loss_said": "cross-entropy of logits",
        "steps": steps,
        "sites": sites,
        "gradient": Judged(
            verdict="vanishing", reason=f"each layer keeps 20 % of it, {EVIL}", seeds=["vanishing"]
        ),
        "learning": None,
        "gradient_ratio": signal[0] / signal[-1],
        "decay_per_layer": -0.7,
        "thresholds": Thresholds(),
        "profiles": profiles or [Profile(step=1, signal_gradient_rms=list(signal))],
        "over_time": [OverTime(path="rnn[0]", signal_gradient_rms=[1e-6, 1e-5, 1e-4, 2e-3])],
        "losses": [2.5 - 0.1 * step for step in range(steps)] or [2.5],
        "guessing_loss": 2.302,
        "advice": [
            Advice(
                cause="activation",
                said=f"sigmoid leaves 24 % here {EVIL}",
                line="nn.ReLU() in place of nn.Sigmoid()",
            ),
            Advice(
                cause="start",
                said="The weights start too small",
                line="torch.nn.init.xavier_normal_(layer.weight)",
            ),
            Advice(
                cause="normalization",
                said="12 layers have no normalization",
                line="nn.BatchNorm1d(features)",
            ),
            Advice(cause="input", said="The input has mean 100", line=""),
        ],
        "remarks": [f"dropout was off {EVIL}"],
    }
    return Diagnosis(**fields | changes)


MARKS: list[Any] = [
    "agrees",
    "parts",
    "gradient parts",
    "follows",
    "reordered",
    "not compared",
    "cannot be judged",
]


def port(**changes: Any) -> Port:
    """Of a port that parts in its values first; its tree has every mark there is."""
    paths = [
        "stem",
        "blocks.0.attention.query",
        "blocks.0.attention:softmax",
        "blocks.0.attention",
        LONG,
        EVIL,
        "(model)",
    ]
    errors = [3e-16, 1.5, 2e-3, 0.0, 4e-15, 7e-16, 0.5]
    tree = [
        Branch(
            path=path,
            type="Linear",
            port_path=None if mark == "not compared" else f"port_{path}",
            port_type=None if mark == "not compared" else "Dense",
            value=None if mark == "not compared" else error,
            value_tolerance=1e-12,
            gradient=None if i < 2 else error,
            gradient_tolerance=1e-11,
            mark=mark,
        )
        for i, (path, error, mark) in enumerate(zip(paths, errors, MARKS, strict=True))
    ]
    fields: dict[str, Any] = {
        "command": f"isograd port torch=mine.py keras=mine_keras{EVIL}.py",
        "reference": Model(
            file="mine.py", backend="torch", versions={"torch": "2.13.0"}, loss=2.25
        ),
        "port": Model(
            file=f"mine_keras{EVIL}.py", backend="keras", versions={"keras": "3.15.1"}, loss=2.375
        ),
        "ok": False,
        "divergences": [
            parting(
                "statistics",
                "running.unbiased",
                "The framework's own variance.",
                "",
                framework=True,
            ),
            parting(
                "forward",
                "normalization.epsilon",
                f"Epsilon of {EVIL}",
                "keras.layers.BatchNormalization(epsilon=1e-05)",
            ),
            parting(
                "step", "optimizer.rate", "Rate: 0.1 in the reference.", "keras.optimizers.SGD(0.1)"
            ),
        ],
        "tree": tree,
        "carried": CarriedFinding(
            layers={"stem": "port_stem", LONG: "port_long"},
            by={"stem": "shape", LONG: "input"},
            lacking=[],
        ),
        "starts": {},
        "losses": [(2.25, 2.375), (2.125, 2.25), (1.9375, 2.0625)],
        "judged": ["forward", "loss", "backward", "step"],
        "remarks": [],
    }
    return Port(**fields | changes)


def parting(stage: Any, key: str, said: str, cure: str, framework: bool = False) -> Parting:
    """With one cause."""
    cause = CauseFinding(
        key=key,
        said=said,
        cure=cure,
        page="docs/migration/normalization.md",
        certainty="sure",
        note="",
    )
    return Parting(
        stage=stage,
        place="stem",
        port_place="port_stem",
        type="Linear",
        port_type="Dense",
        error=1.5,
        tolerance=1e-12,
        causes=[cause],
        framework=framework,
    )
