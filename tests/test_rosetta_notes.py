"""What the Rosetta table says in its notes, as it acts in the installed packages."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from tests.conftest import load


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    for framework in FRAMEWORKS:
        load(framework, request.config)


def test_attention_has_heads_before_time_in_pytorch_only() -> None:
    import flax.linen as linen
    import jax
    import keras
    import torch

    # [batch, time, head, feature]
    x = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype("float32")
    mask = np.tril(np.ones((5, 5), bool))
    swapped = torch.from_numpy(x).transpose(1, 2)
    ours = torch.nn.functional.scaled_dot_product_attention(
        swapped, swapped, swapped, attn_mask=torch.from_numpy(mask)
    )
    for function in (
        keras.ops.dot_product_attention,
        linen.dot_product_attention,
        jax.nn.dot_product_attention,
    ):
        found = np.asarray(function(x, x, x, mask=mask[None, None]))
        np.testing.assert_allclose(found, ours.transpose(1, 2), atol=1e-6)


def test_gradients_that_are_put_together_are_summed_in_pytorch_and_averaged_in_the_others() -> None:
    import jax.numpy as jnp
    import keras
    import optax
    import torch

    ours = torch.zeros(1, requires_grad=True)
    for gradient in (1.0, 3.0):
        (ours * gradient).backward()
    assert ours.grad is not None
    assert ours.grad.item() == 4
    theirs = keras.Variable([0.0])
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    optimizer.build([theirs])
    steps = optax.MultiSteps(optax.sgd(1.0), every_k_schedule=2)
    params = jnp.zeros(1)
    state = steps.init(params)
    for gradient in (1.0, 3.0):
        optimizer.apply_gradients([(keras.ops.convert_to_tensor([gradient]), theirs)])
        updates, state = steps.update(jnp.array([gradient]), state, params)
        params += np.asarray(updates)
    assert float(np.asarray(theirs)[0]) == float(params[0]) == -2


def test_no_gradient_comes_through_what_is_stopped() -> None:
    import jax
    import keras
    import tensorflow as tf
    import torch

    ours = torch.tensor(3.0, requires_grad=True)
    (ours * ours.detach()).backward()
    theirs: Any = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(theirs)
        product = theirs * keras.ops.stop_gradient(theirs)
    gradient: Any = tape.gradient(product, theirs)
    assert ours.grad == gradient.numpy() == 3
    assert jax.grad(lambda x: x * jax.lax.stop_gradient(x))(3.0) == 3


def test_an_array_says_where_it_lies() -> None:
    import jax
    import tensorflow as tf
    import torch

    processor = jax.devices("cpu")[0]
    with tf.device("CPU"), jax.default_device(processor):
        of_jax = jax.numpy.ones(1)
        of_tensorflow = tf.Variable(tf.ones(1))
    assert torch.ones(1).device == torch.device("cpu")
    assert of_tensorflow.device.endswith("CPU:0")
    assert of_jax.device == processor


def test_divergences_are_of_logarithms_in_pytorch_and_optax_and_batchmean_is_their_mean() -> None:
    import keras
    import optax
    import torch

    p, q = np.array([[[0.2, 0.8], [0.5, 0.5]], [[0.3, 0.7], [0.4, 0.6]]], "float32")
    ours = torch.nn.KLDivLoss(reduction="batchmean")(
        torch.log(torch.from_numpy(q)), torch.from_numpy(p)
    ).item()
    assert np.asarray(keras.losses.KLDivergence()(p, q)) == pytest.approx(ours, rel=1e-5)
    assert np.asarray(optax.kl_divergence(np.log(q), p)).mean() == pytest.approx(ours, rel=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says so itself
        assert torch.nn.KLDivLoss()(
            torch.log(torch.from_numpy(q)), torch.from_numpy(p)
        ).item() == pytest.approx(ours / 2)
