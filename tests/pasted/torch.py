"""What an ordinary program of PyTorch does with the code that is pasted into it."""

PROGRAM = """
import torch
torch.set_default_dtype(torch.float64)
given = {name: torch.tensor(a) for name, a in GIVEN.items()}
for key, module, spec in each("activation"):
    z = given["z"].clone().requires_grad_()
    value = module.build(spec)(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad}
for key, module, spec in each("normalization"):
    norm, z = module.build(spec)(given["z"].shape[1]), given["z"].clone().requires_grad_()
    with torch.no_grad():
        norm.weight.copy_(given["scale"]), norm.bias.copy_(given["shift"])
        norm.running_mean.copy_(given["mean"]), norm.running_var.copy_(given["variance"])
    value = norm(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad, f"{key} mean": norm.running_mean,
              f"{key} variance": norm.running_var, f"{key} evaluated": norm.eval()(given["z"])}
for key, module, spec in each("normalization over units"):
    norm, z = module.build(spec)(given["z"].shape[1]), given["z"].clone().requires_grad_()
    with torch.no_grad():
        for name, parameter in norm.named_parameters():
            parameter.copy_(given["scale" if name == "weight" else "shift"])
    value = norm(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad}
for key, module, spec in each("skip"):
    layer, z = torch.nn.Linear(3, 3, bias=False), given["z"].clone().requires_grad_()
    skipped = module.build(spec)(layer, 3)
    value = skipped(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad, f"{key} weight": layer.weight.T}
    if hasattr(skipped, "gate"):
        gate = skipped.gate
        found |= {f"{key} gate_weight": gate.weight.T, f"{key} gate_bias": gate.bias}
for key, module, spec in each("recurrent"):
    cells, x = module.build(spec)(2, 4), given["x"].clone().requires_grad_()
    by_gate = lambda a: a.detach().clone().unflatten(0, (-1, 4))
    ours = lambda a: by_gate(a).transpose(-1, 1) if a.ndim > 1 else by_gate(a)
    names = {"input_weight": "weight_ih_l0", "weight": "weight_hh_l0", "bias": "bias_ih_l0"}
    value, before = cells(x)[0], by_gate(cells.bias_ih_l0 + cells.bias_hh_l0)
    value.backward(given["of_outputs"])
    found |= {f"{key} {name}": ours(cells.get_parameter(native)) for name, native in names.items()}
    found |= {f"{key} {name}_gradient": ours(cells.get_parameter(native).grad)
              for name, native in names.items()}
    if spec.kind == "gru":
        own = cells.bias_hh_l0
        found |= {f"{key} recurrent_bias": own[8:].clone()}
        found |= {f"{key} recurrent_bias_gradient": own.grad[8:]}
    torch.optim.SGD([p for p in cells.parameters() if p.requires_grad], lr=1.0).step()
    found |= {f"{key} value": value, f"{key} gradient": x.grad}
    found |= {f"{key} moved": by_gate(cells.bias_ih_l0 + cells.bias_hh_l0) - before}
for key, module, spec in each("loss"):
    z = given["z"][:, : 1 if spec.kind == "binary_cross_entropy" else 3].clone().requires_grad_()
    value = module.build(spec)(z, given["y"] % (2 if spec.kind == "binary_cross_entropy" else 3))
    value.backward()
    found |= {f"{key} loss": value, f"{key} gradient": z.grad}
for key, module, spec in each("initialization"):
    torch.manual_seed(3)
    linear = torch.nn.Linear(400, 300)
    module.build(spec)(linear.weight.data)
    module.bias(spec, 400)(linear.bias.data)
    found |= {f"{key} weight": linear.weight.T, f"{key} bias": linear.bias}
for key, module, spec in each("clipping"):
    model = torch.nn.Sequential(torch.nn.Linear(3, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2),
                                torch.nn.PReLU())
    optimizer, clip = torch.optim.SGD(model.parameters(), lr=1.0), module.build(spec)
    (model(given["z"]) ** 2).sum().backward()
    before = [p.detach().clone() for p in model.parameters()]
    found |= {f"{key} gradient {i}": p.grad.clone() for i, p in enumerate(model.parameters())}
    clip(model.parameters())
    optimizer.step()
    for i, (old, p) in enumerate(zip(before, model.parameters())):
        found |= {f"{key} update {i}": old - p}
    # before the first backward() there is nothing to clip
    module.build(spec)(torch.nn.Linear(3, 7).parameters())
for key, module, spec in each("optimizer"):
    model = torch.nn.Sequential(torch.nn.Linear(3, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2))
    optimizer = module.build(spec)(model.parameters())
    found |= {f"{key} start {i}": p.detach().clone() for i, p in enumerate(model.parameters())}
    for step in range(4):
        optimizer.zero_grad()
        (model(given["z"]) ** 2).sum().backward()
        for i, p in enumerate(model.parameters()):
            found |= {f"{key} gradient {i} {step}": p.grad.clone()}
        optimizer.step()
    found |= {f"{key} end {i}": p.detach().clone() for i, p in enumerate(model.parameters())}
found = {name: a.detach().numpy() for name, a in found.items()}
"""
