"""What PyTorch (f64) says of programs with recurrent layers and what goes with them, written from the language page alone:
`unseen-sequences.json`.

Run `/usr/bin/python3 test/oracle/unseen_sequences_oracle.py`; `test/unseen-recurrence.test.ts` compares.
"""
import math
import torch
import torch.nn.functional as F
from unseen_oracle import CASES, write
from unseen_programs import affine, along, inp, linear, program, scanned

CASES.clear()
RUN = {"rnn": torch._VF.rnn_tanh, "relu": torch._VF.rnn_relu, "gru": torch._VF.gru, "lstm": torch._VF.lstm}
GATES = {"rnn": 1, "relu": 1, "gru": 3, "lstm": 4}


def weights(name, kind, inputs, units, both=False, bias=True):
    """The parameters of a recurrent layer, as PyTorch names them."""
    shapes, g = {}, GATES[kind]
    for k, u in enumerate(units if isinstance(units, list) else [units]):
        for end in ["", "_reverse"][: 1 + both]:
            shapes[f"{name}.weight_ih_l{k}{end}"] = [g * u, inputs]
            shapes[f"{name}.weight_hh_l{k}{end}"] = [g * u, u]
            if bias: shapes[f"{name}.bias_ih_l{k}{end}"] = shapes[f"{name}.bias_hh_l{k}{end}"] = [g * u]
        inputs = u * (1 + both)
    return shapes


def run(kind, x, p, name, layer=0, both=False, bias=True, first=None):
    """One layer of PyTorch's own on [N, T, I]: what it gives, and its last states."""
    ends = ["", "_reverse"][: 1 + both]
    w = [p[f"{name}.{n}_l{layer}{end}"] for end in ends for n in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"][: 2 + 2 * bias]]
    u = w[1].shape[1]
    z = torch.zeros(len(ends), x.shape[0], u)
    h0 = z if first is None else first
    if kind == "lstm": h0 = (z, z) if first is None else first
    y, *last = RUN[kind](x, h0, w, bias, 1, 0.0, False, both, True)
    return y, last


def masked(kind, x, lengths, p, name, reverse=False, end=""):
    """Each sequence by itself, with what is left carried to the end."""
    rows = []
    for n, length in enumerate(lengths.tolist()):
        w = [p[f"{name}.{k}_l0{end}"] for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        u = w[1].shape[1]
        z = torch.zeros(1, 1, u)
        s = x[n : n + 1, :length].flip(1) if reverse else x[n : n + 1, :length]
        y = RUN[kind](s, (z, z) if kind == "lstm" else z, w, True, 1, 0.0, False, False, True)[0] if length else torch.zeros(1, 0, u)
        y = y.flip(1) if reverse else y
        rest = torch.zeros(1, x.shape[1] - length, u) if reverse or not length else y[:, -1:].expand(1, x.shape[1] - length, u)
        rows.append(torch.cat([y, rest], 1))
    return torch.cat(rows)


# ---- the layers with their options
for kind in ["rnn", "gru", "lstm"]:
    @program(f"{kind} of two layers, its last state", f"""
model M {{ input x: [N, 4, 3]; target y: int[N]
  h = {kind}(x, [4, 2]); z = dense(h[:, -1], 3)
  output h; output z; loss cross_entropy(z, y) }}""",
             dict(x=inp(None, 4, 3), y=inp(None, kind="i", k=3)), {**weights("h", kind, 3, [4, 2]), **affine("z", 3, 2)})
    def _(i, p, N, kind=kind):
        h = run(kind, run(kind, i["x"], p, "h")[0], p, "h", 1)[0]
        z = linear(h[:, -1], p, "z")
        return dict(out={"h": h, "z": z}, loss=F.cross_entropy(z, i["y"]))


@program("rnn backwards of four axes without biases", """
model M { input x: [N, 2, 4, 3]; h = rnn(x, 3, reverse = true, use_bias = false); output h; loss mean(h[:, :, 0]^2) }""",
         dict(x=inp(None, 2, 4, 3)), weights("h", "rnn", 3, 3, bias=False))
def _(i, p, N):
    h = run("rnn", i["x"].reshape(-1, 4, 3).flip(1), p, "h", bias=False)[0].flip(1).reshape(N, 2, 4, 3)
    return dict(out={"h": h}, loss=(h[:, :, 0]**2).mean())


@program("bidirectional lstm of two layers", """
model M { input x: [N, 4, 3]; h = bidirectional(x, [3, 2], cell = lstm); output h; loss mean(h^2) + mean(h) }""",
         dict(x=inp(None, 4, 3)), weights("h", "lstm", 3, [3, 2], both=True))
def _(i, p, N):
    h = run("lstm", run("lstm", i["x"], p, "h", both=True)[0], p, "h", 1, both=True)[0]
    return dict(out={"h": h}, loss=(h**2).mean() + h.mean())


@program("bidirectional gru over sequences of several lengths", """
model M { input x: [N, 5, 2]; input length: int[N]
  h = bidirectional(x, 2, cell = gru, mask = iota(5) < reshape(length, [N, 1]))
  output h; loss mean(h[:, -1]^2) + mean(h[:, 0]) }""",
         dict(x=inp(None, 5, 2), length=inp(None, kind="i", k=6)), weights("h", "gru", 2, 2, both=True))
def _(i, p, N):
    h = torch.cat([masked("gru", i["x"], i["length"], p, "h"), masked("gru", i["x"], i["length"], p, "h", True, "_reverse")], -1)
    return dict(out={"h": h}, loss=(h[:, -1]**2).mean() + h[:, 0].mean())


@program("rnn with another activation, without a batch, and from a parameter", """
model M { param x: [5, 2] ~ normal; param start: [3] ~ normal
  h = rnn(x, 3, act = relu, first = start); output h; loss sum(h^2) }""",
         {}, {"x": [5, 2], "start": [3], **weights("h", "relu", 2, 3)}, free=False)
def _(i, p, N):
    h = run("relu", p["x"][None], p, "h", first=p["start"][None, None])[0][0]
    return dict(out={"h": h}, loss=(h**2).sum())


@program("an encoder's last states begin a decoder", """
model M { input words: int[N, 4]; input before: int[N, 3]; target y: int[N, 3]
  e = embedding(words, 6, 3)
  encoder = lstm(e, [3, 2], states = true)
  d = embedding(before, 5, 2)
  decoder = lstm(d, [3, 2], first = final_state(encoder))
  z = dense(decoder, 5)
  output z; loss cross_entropy(z, y, ignore = 0) }""",
         dict(words=inp(None, 4, kind="i", k=6), before=inp(None, 3, kind="i", k=5), y=inp(None, 3, kind="i", k=5)),
         {"e.weight": [6, 3], "d.weight": [5, 2], **weights("encoder", "lstm", 3, [3, 2]), **weights("decoder", "lstm", 2, [3, 2]), **affine("z", 5, 2)})
def _(i, p, N):
    h, a = run("lstm", p["e.weight"][i["words"]], p, "encoder")
    h, b = run("lstm", h, p, "encoder", 1)
    d = run("lstm", p["d.weight"][i["before"]], p, "decoder", first=a)[0]
    z = linear(run("lstm", d, p, "decoder", 1, first=b)[0], p, "z")
    return dict(out={"z": z}, loss=F.cross_entropy(z.reshape(-1, 5), i["y"].reshape(-1), ignore_index=0).nan_to_num(0))


@program("the states of an LSTM", """
model M { input x: [N, 4, 2]
  s = lstm(x, 3, states = true, reverse = true); g = gru(x, 2, states = true)
  last = final_state(s, reverse = true)
  output h = s[0]; output c = s[1]; output hn = last[0]; output gn = final_state(g)
  loss mean(last[1]^2) + mean(final_state(g)) }""",
         dict(x=inp(None, 4, 2)), {**weights("s", "lstm", 2, 3), **weights("g", "gru", 2, 2)})
def _(i, p, N):
    w = [p["s." + n] for n in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
    def cell(s, v): return list(torch._VF.lstm_cell(v[0], s, *w))
    h, c = along([i["x"]], [torch.zeros(N, 3)] * 2, cell, reverse=True)
    g = run("gru", i["x"], p, "g")[0]
    return dict(out={"h": h, "c": c, "hn": h[:, 0], "gn": g[:, -1]}, loss=(c[:, 0]**2).mean() + g[:, -1].mean())


# ---- nets of several kinds
@program("a convolution feeds a GRU", """
model M { input x: [N, 7, 2]; target y: int[N]
  c = conv1d(x, 3, 3, stride = 2, padding = 1) |> relu
  h = gru(c, 4); z = dense(h[:, -1], 2)
  output z; metric accuracy(z, y); loss cross_entropy(z, y) }""",
         dict(x=inp(None, 7, 2), y=inp(None, kind="i", k=2)), {"c.weight": [3, 2, 3], "c.bias": [3], **weights("h", "gru", 3, 4), **affine("z", 2, 4)})
def _(i, p, N):
    c = F.relu(F.conv1d(i["x"].transpose(1, 2), p["c.weight"], p["c.bias"], stride=2, padding=1)).transpose(1, 2)
    z = linear(run("gru", c, p, "h")[0][:, -1], p, "z")
    return dict(out={"z": z}, metrics={"accuracy": (z.argmax(-1) == i["y"]).double().mean()}, loss=F.cross_entropy(z, i["y"]))


@program("frames of pictures, then an LSTM", """
model M { input x: [N, 3, 6, 6, 1]; target y: [N, 1]
  frames = reshape(x, [3 * N, 6, 6, 1])
  f = conv2d(frames, 2, 3) |> relu |> max_pool(2)
  v = reshape(f, [N, 3, 8])
  h = lstm(v, 3); z = dense(h[:, -1], 1)
  output z; loss mse(z, y) }""",
         dict(x=inp(None, 3, 6, 6, 1), y=inp(None, 1)), {"f.weight": [2, 1, 3, 3], "f.bias": [2], **weights("h", "lstm", 8, 3), **affine("z", 1, 3)})
def _(i, p, N):
    f = F.max_pool2d(F.relu(F.conv2d(i["x"].reshape(-1, 1, 6, 6), p["f.weight"], p["f.bias"])), 2).movedim(1, -1).reshape(N, 3, 8)
    z = linear(run("lstm", f, p, "h")[0][:, -1], p, "z")
    return dict(out={"z": z}, loss=F.mse_loss(z, i["y"]))


@program("attention over the states of a GRU", """
model M { input x: [N, 5, 2]; target y: [N]
  h = bidirectional(x, 2, cell = gru)
  e = dense(dense(h, 3, tanh), 1, use_bias = false)
  p = softmax(e[..., 0])
  c[n, d] = sum[t] p[n, t] * h[n, t, d]
  z = dense(c, 1)[:, 0]
  output z; output p; loss mse(z, y) }""",
         dict(x=inp(None, 5, 2), y=inp(None)), {**weights("h", "gru", 2, 2, both=True), "e.0.weight": [3, 4], "e.0.bias": [3], "e.1.weight": [1, 3], **affine("z", 1, 4)})
def _(i, p, N):
    h = run("gru", i["x"], p, "h", both=True)[0]
    a = (torch.tanh(linear(h, p, "e.0")) @ p["e.1.weight"].T)[..., 0].softmax(-1)
    z = linear((a[:, None] @ h)[:, 0], p, "z")[:, 0]
    return dict(out={"z": z, "p": a}, loss=F.mse_loss(z, i["y"]))


@program("tied words, ignored where padded", """
model M { input ids: int[N, 5]; target y: int[N, 5]
  e = embedding(ids, 7, 3)
  h = lstm(e, 3, mask = ids > 0)
  b = param_of(h)
  logits = h @ e.weight' + b
  output logits; loss cross_entropy(logits, y, ignore = 0, label_smoothing = 0.1) }
layer param_of(h) { param bias: [7] ~ zeros
  return bias }""",
         dict(ids=inp(None, 5, kind="i", k=7), y=inp(None, 5, kind="i", k=7)), {"e.weight": [7, 3], **weights("h", "lstm", 3, 3), "b.bias": [7]})
def _(i, p, N):
    w = [p["h." + n] for n in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
    def cell(s, v):
        new = torch._VF.lstm_cell(v[0], s, *w)
        return [torch.where(v[1][:, None] > 0, a, b) for a, b in zip(new, s)]
    h = along([p["e.weight"][i["ids"]], i["ids"]], [torch.zeros(N, 3)] * 2, cell)[0]
    z = h @ p["e.weight"].T + p["b.bias"]
    return dict(out={"logits": z}, loss=F.cross_entropy(z.reshape(-1, 7), i["y"].reshape(-1), ignore_index=0, label_smoothing=0.1))


@program("twins that share a net", """
model M { input a: [N, 4, 2]; input b: [N, 4, 2]; target same: [N]
  h = gru(stack([a, b], axis = 1), 3)
  d = contrastive(h[:, 0, -1], h[:, 1, -1], same, margin = 2)
  output cos = cosine_similarity(h[:, 0, -1], h[:, 1, -1])
  loss d }""",
         dict(a=inp(None, 4, 2), b=inp(None, 4, 2), same=inp(None, kind="b")), weights("h", "gru", 2, 3))
def _(i, p, N):
    a, b = (run("gru", i[k], p, "h")[0][:, -1] for k in "ab")
    d = (a - b).norm(dim=-1)
    return dict(out={"cos": F.cosine_similarity(a, b)}, loss=(i["same"] * d**2 + (1 - i["same"]) * F.relu(2 - d)**2).mean())


@program("a variational sequence", """
model M { input x: [N, 4, 2]; input noise: [N, 2]
  code = gru(x, 3)[:, -1]
  mean_of = dense(code, 2); log_var = dense(code, 2)
  z = mean_of + exp(log_var / 2) * noise
  start = dense(z, 3, tanh)
  y = dense(gru(pad(x[:, :-1], 1, 0, axis = 1), 3, first = start), 2)
  output y
  loss mean(sum((x - y)^2, axis = [1, 2])) / 2
  loss mean(sum(exp(log_var) + mean_of^2 - 1 - log_var, axis = 1)) / 2 }""",
         dict(x=inp(None, 4, 2), noise=inp(None, 2)),
         {**weights("code", "gru", 2, 3), **affine("mean_of", 2, 3), **affine("log_var", 2, 3), **affine("start", 3, 2), **weights("y.0", "gru", 2, 3), **affine("y.1", 2, 3)})
def _(i, p, N):
    code = run("gru", i["x"], p, "code")[0][:, -1]
    m, l = linear(code, p, "mean_of"), linear(code, p, "log_var")
    start = torch.tanh(linear(m + (l / 2).exp() * i["noise"], p, "start"))
    y = linear(run("gru", F.pad(i["x"][:, :-1], (0, 0, 1, 0)), p, "y.0", first=start[None])[0], p, "y.1")
    return dict(out={"y": y}, loss=((i["x"] - y)**2).sum((1, 2)).mean() / 2 + (l.exp() + m**2 - 1 - l).sum(1).mean() / 2)


@program("a mixture of densities at every step", """
model M { input x: [N, 4, 2]; target y: [N, 4]
  h = rnn(x, 4)
  w = log_softmax(dense(h, 3)); m = dense(h, 3); s = softplus(dense(h, 3)) + 0.1
  d = reshape(y, [N, 4, 1]) - m
  ll = logsumexp(w - 0.5 * (d / s)^2 - log(s) - 0.5 * log(2 * pi), axis = -1)
  output expected = sum(exp(w) * m, axis = -1)
  loss -mean(ll) }""",
         dict(x=inp(None, 4, 2), y=inp(None, 4)), {**weights("h", "rnn", 2, 4), **affine("w", 3, 4), **affine("m", 3, 4), **affine("s", 3, 4)})
def _(i, p, N):
    h = run("rnn", i["x"], p, "h")[0]
    w, m, s = F.log_softmax(linear(h, p, "w"), -1), linear(h, p, "m"), F.softplus(linear(h, p, "s")) + 0.1
    ll = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=w), torch.distributions.Normal(m, s)).log_prob(i["y"])
    return dict(out={"expected": (w.exp() * m).sum(-1)}, loss=-ll.mean())


@program("physics of a recurrent net", """
model M { input t: [N, 4, 1]
  h = rnn(t, 3); u = dense(h, 1)
  du = grad(sum(u), t)
  output u; output du
  loss mean((du + u)^2) + mean(u[:, 0]^2) }""",
         dict(t=inp(None, 4, 1)), {**weights("h", "rnn", 1, 3), **affine("u", 1, 3)})
def _(i, p, N):
    t = i["t"].clone().requires_grad_(True)
    h = scanned(t, torch.zeros(N, 3), lambda h, v: torch.tanh(linear(v, {"a.weight": p["h.weight_ih_l0"], "a.bias": p["h.bias_ih_l0"]}, "a") + F.linear(h, p["h.weight_hh_l0"], p["h.bias_hh_l0"])))
    u = linear(h, p, "u")
    du, = torch.autograd.grad(u.sum(), t, create_graph=True)
    return dict(out={"u": u, "du": du}, loss=((du + u)**2).mean() + (u[:, 0]**2).mean())


@program("a gradient's penalty through an LSTM", """
model M { input x: [N, 3, 2]
  z = dense(lstm(x, 2)[:, -1], 1)
  g = grad(sum(z), x)
  output z; output g
  loss mean((sqrt(sum(g^2, axis = [1, 2])) - 1)^2) - mean(z) }""",
         dict(x=inp(None, 3, 2)), {**weights("z.0", "lstm", 2, 2), **affine("z.1", 1, 2)})
def _(i, p, N):
    x = i["x"].clone().requires_grad_(True)
    def cell(s, v):
        g = F.linear(v[0], p["z.0.weight_ih_l0"], p["z.0.bias_ih_l0"]) + F.linear(s[0], p["z.0.weight_hh_l0"], p["z.0.bias_hh_l0"])
        i_, f, c, o = g.chunk(4, -1)
        c = torch.sigmoid(f) * s[1] + torch.sigmoid(i_) * torch.tanh(c)
        return [torch.sigmoid(o) * torch.tanh(c), c]
    h = along([x], [torch.zeros(N, 2)] * 2, cell)[0]
    z = linear(h[:, -1], p, "z.1")
    g, = torch.autograd.grad(z.sum(), x, create_graph=True)
    return dict(out={"z": z, "g": g}, loss=(((g**2).sum((1, 2)).sqrt() - 1)**2).mean() - z.mean())


@program("words in sentences in texts", """
model M { input ids: int[N, 2, 3]; target y: int[N]
  words = gru(embedding(ids, 6, 2), 3)
  sentences = gru(words[:, :, -1], 2)
  z = dense(max(sentences, axis = 1), 3)
  output z; loss cross_entropy(z, y) }""",
         dict(ids=inp(None, 2, 3, kind="i", k=6), y=inp(None, kind="i", k=3)),
         {"words.0.weight": [6, 2], **weights("words.1", "gru", 2, 3), **weights("sentences", "gru", 3, 2), **affine("z", 3, 2)})
def _(i, p, N):
    w = run("gru", p["words.0.weight"][i["ids"]].reshape(-1, 3, 2), p, "words.1")[0][:, -1].reshape(N, 2, 3)
    z = linear(run("gru", w, p, "sentences")[0].amax(1), p, "z")
    return dict(out={"z": z}, loss=F.cross_entropy(z, i["y"]))


@program("a stack of GRUs with ways around", """
model M(depth = 2) { input x: [N, 4, 3]; h = x
  for i in 0..depth { h = h + layer_norm(gru(h, 3)) }
  output h; loss mean(h^2) }""",
         dict(x=inp(None, 4, 3)), {k: v for i in (0, 2) for k, v in {**weights(f"h.{i}", "gru", 3, 3), f"h.{i + 1}.weight": [3], f"h.{i + 1}.bias": [3]}.items()})
def _(i, p, N):
    h = i["x"]
    for k in (0, 2): h = h + F.layer_norm(run("gru", h, p, f"h.{k}")[0], [3], p[f"h.{k + 1}.weight"], p[f"h.{k + 1}.bias"])
    return dict(out={"h": h}, loss=(h**2).mean())


@program("the last step of each sequence", """
model M { input x: [N, 5, 2]; input last: int[N]
  h = gru(x, 3)
  y[n, d] = h[n, last[n], d]
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 5, 2), last=inp(None, kind="i", k=5)), weights("h", "gru", 2, 3))
def _(i, p, N):
    y = run("gru", i["x"], p, "h")[0][torch.arange(N), i["last"]]
    return dict(out={"y": y}, loss=(y**2).mean())


@program("a pointer to a place of what was read", """
model M { input x: [N, 4, 2]; target y: int[N, 2]; 
  e = lstm(x, 3, states = true)
  d = lstm(zeros([N, 2, 1]), 3, first = final_state(e))
  a = dense(e[0], 3); b = dense(d, 3)
  param v: [3] ~ normal
  z[n, s, t] = sum[k] v[k] * tanh(a[n, t, k] + b[n, s, k])
  output p = softmax(z); loss cross_entropy(z, y) }""",
         dict(x=inp(None, 4, 2), y=inp(None, 2, kind="i", k=4)),
         {**weights("e", "lstm", 2, 3), **weights("d", "lstm", 1, 3), **affine("a", 3, 3), **affine("b", 3, 3), "v": [3]})
def _(i, p, N):
    e, last = run("lstm", i["x"], p, "e")
    d = run("lstm", torch.zeros(N, 2, 1), p, "d", first=last)[0]
    z = torch.tanh(linear(e, p, "a")[:, None] + linear(d, p, "b")[:, :, None]) @ p["v"]
    return dict(out={"p": z.softmax(-1)}, loss=F.cross_entropy(z.reshape(-1, 4), i["y"].reshape(-1)))


@program("weights with a length of their own", """
layer normed(x: [..., I], units) {
  param v: [units, I] ~ normal
  param g: [units, 1] ~ ones
  return x @ (g * v / sqrt(sum(v^2, axis = 1, keep = true)))'
}
model M { input x: [N, 4, 2]; h = rnn(normed(x, 3), 2, act = softsign); y = normed(h, 1); output y; loss mean(y^2) }""",
         dict(x=inp(None, 4, 2)), {"h.0.v": [3, 2], "h.0.g": [3, 1], **weights("h.1", "rnn", 3, 2), "y.v": [1, 2], "y.g": [1, 1]})
def _(i, p, N):
    normed = lambda x, n: x @ torch._weight_norm(p[n + ".v"], p[n + ".g"], 0).T
    x = normed(i["x"], "h.0")
    q = {k[4:]: v for k, v in p.items() if k.startswith("h.1.")}
    h = scanned(x, torch.zeros(N, 2), lambda h, v: F.softsign(F.linear(v, q["weight_ih_l0"], q["bias_ih_l0"]) + F.linear(h, q["weight_hh_l0"], q["bias_hh_l0"])))
    y = normed(h, "y")
    return dict(out={"y": y}, loss=(y**2).mean())


@program("heads that look at the states of a GRU", """
model M { input x: [N, 4, 2]; input length: int[N]
  seen = iota(4) <= reshape(length, [N, 1])
  h = gru(x, 4, mask = seen)
  y = multi_head_attention(h, 2, mask = reshape(seen, [N, 1, 4]))
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 4, 2), length=inp(None, kind="i", k=4)), {**weights("h", "gru", 2, 4), "y.in_proj_weight": [12, 4], "y.in_proj_bias": [12], "y.out_proj.weight": [4, 4], "y.out_proj.bias": [4]})
def _(i, p, N):
    h = masked("gru", i["x"], i["length"] + 1, p, "h").transpose(0, 1)
    hidden = torch.arange(4) > i["length"][:, None]
    y = F.multi_head_attention_forward(h, h, h, 4, 2, p["y.in_proj_weight"], p["y.in_proj_bias"], None, None, False, 0.0, p["y.out_proj.weight"], p["y.out_proj.bias"], key_padding_mask=hidden)[0].transpose(0, 1)
    return dict(out={"y": y}, loss=(y**2).mean())


@program("bidirectional with a layer of one's own", """
layer leaky(x: [N, T, I], units, reverse = false) {
  param w: [units, I] ~ normal
  return scan(x @ w', zeros([N, units]), (h, v) => 0.8 * h + 0.2 * tanh(v), axis = 1, reverse = reverse)
}
model M { input x: [N, 4, 2]; h = bidirectional(x, 3, cell = leaky); output h; loss mean(h^2) }""",
         dict(x=inp(None, 4, 2)), {"h.forward.w": [3, 2], "h.backward.w": [3, 2]})
def _(i, p, N):
    h = torch.cat([scanned(i["x"] @ p[f"h.{n}.w"].T, torch.zeros(N, 3), lambda h, v: 0.8 * h + 0.2 * torch.tanh(v), reverse=n == "backward") for n in ("forward", "backward")], -1)
    return dict(out={"h": h}, loss=(h**2).mean())


if __name__ == "__main__":
    write("unseen-sequences.json", [1, 3, 17])
