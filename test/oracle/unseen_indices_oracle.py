"""What PyTorch (f64) says of programs with indices, windows, tables and the layers made of them, written from the language page alone:
`unseen-indices.json`.

Run `/usr/bin/python3 test/oracle/unseen_indices_oracle.py`; `test/unseen.test.ts` compares.
"""
import math
import torch
import torch.nn.functional as F
from unseen_oracle import CASES, case, inp, write

CASES.clear()
D = lambda x, p, n: F.linear(x, p[n + ".weight"], p[n + ".bias"])
relu = F.relu
last = lambda x: x.movedim(1, -1)   # channels last, from PyTorch's
first = lambda x: x.movedim(-1, 1)  # and back


def conv2(x, w, b=None, **options):
    return last(F.conv2d(first(x), w, b, **options))


def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


def instance_norm(x, weight=1, bias=0):
    """By hand, since the gradient of PyTorch 1.13's own is wrong for a batch of one row."""
    m = x.mean((1, 2), keepdim=True)
    v = x.var((1, 2), keepdim=True, unbiased=False)
    return (x - m) / torch.sqrt(v + 1e-5) * weight + bias


def conv1(x, w, b=None, **options):
    return last(F.conv1d(first(x), w, b, **options))


# ---- formulas with indices, as on the page
CORRELATE = """
fn correlate(x: [N, H, W, C], w: [O, C, K, L], stride = 1, dilation = 1) {
  y[n, i, j, o] = sum[c, u, v] x[n, stride * i + dilation * u, stride * j + dilation * v, c] * w[o, c, u, v]
  return y
}
"""
for stride, dilation in [(1, 1), (2, 1), (1, 2), (2, 2)]:
    case(f"correlate {stride} {dilation}", CORRELATE + f"""
model M {{ input x: [N, 7, 6, 3]; param w: [4, 3, 3, 2] ~ normal(0, 1)
  y = correlate(x, w, stride = {stride}, dilation = {dilation}); output y; loss mean(tanh(y)) }}""",
         lambda i, p, N, s=stride, d=dilation: (lambda y: dict(out={"y": y}, loss=torch.tanh(y).mean()))(conv2(i["x"], p["w"], stride=s, dilation=d)),
         dict(x=inp(None, 7, 6, 3)), {"w": [4, 3, 3, 2]})
case("max_pool2", """
fn max_pool2(x: [N, H, W, C], k) {
  y[n, i, j, c] = max[u in 0..k, v in 0..k] x[n, k * i + u, k * j + v, c]
  return y
}
model M { input x: [N, 5, 6, 2]; param w: [2] ~ ones; y = max_pool2(x * w, 2); output y; loss mean(y^2) }""",
     lambda i, p, N: (lambda y: dict(out={"y": y}, loss=(y**2).mean()))(last(F.max_pool2d(first(i["x"] * p["w"]), 2))),
     dict(x=inp(None, 5, 6, 2)), {"w": [2]})
ATTEND = """
fn look(q: [N, T, D], k: [N, S, D], v: [N, S, E], causal = false) {
  a[n, t, s] = sum[d] q[n, t, d] * k[n, s, d] / sqrt(D)
  if causal { a[n, t, s] = where(s <= t, a[n, t, s], -inf) }
  p = softmax(a)
  y[n, t, e] = sum[s] p[n, t, s] * v[n, s, e]
  return y
}
"""
for causal in ["false", "true"]:
    case(f"attend {causal}", ATTEND + f"""
model M {{ input x: [N, 5, 4]; q = dense(x, 3); k = dense(x, 3, use_bias = false); v = dense(x, 2); y = look(q, k, v, causal = {causal}); output y; loss mean(y^2) }}""",
         lambda i, p, N, c=causal == "true": (lambda y: dict(out={"y": y}, loss=(y**2).mean()))(
             attention(D(i["x"], p, "q"), F.linear(i["x"], p["k.weight"]), D(i["x"], p, "v"), torch.ones(5, 5).tril().bool() if c else None)),
         dict(x=inp(None, 5, 4)), {f"{n}.{w}": s for n, o in (("q", 3), ("k", 3), ("v", 2)) for w, s in (("weight", [o, 4]), ("bias", [o])) if (n, w) != ("k", "bias")})
case("linear of any rank", """
fn linear(x: [..., I], w: [O, I]) {
  y[..., o] = sum[i] x[..., i] * w[o, i]
  return y
}
model M { input x: [N, 2, 3, 4]; input z: [N, 4]; param w: [5, 4] ~ normal(0, 1); output a = linear(x, w); output b = linear(z, w); output c = linear(w, w)
  loss mean(linear(x, w)^2) + mean(linear(z, w)) }""",
     lambda i, p, N: dict(out={"a": i["x"] @ p["w"].T, "b": i["z"] @ p["w"].T, "c": p["w"] @ p["w"].T}, loss=((i["x"] @ p["w"].T) ** 2).mean() + (i["z"] @ p["w"].T).mean()),
     dict(x=inp(None, 2, 3, 4), z=inp(None, 4)), {"w": [5, 4]})
case("embedding by hand", """
layer table(ids: int[...], count, size) {
  param weight: [count, size] ~ normal
  e[..., d] = weight[ids[...], d]
  return e
}
model M { input a: int[N, 4]; input b: int[N]; e = table(a, 6, 3); f = table(b, 6, 2); output e; output f; loss mean(e^2) + sum(f^3) / N }""",
     lambda i, p, N: (lambda e, f: dict(out={"e": e, "f": f}, loss=(e**2).mean() + (f**3).sum() / N))(p["e.weight"][i["a"]], p["f.weight"][i["b"]]),
     dict(a=inp(None, 4, kind="i", k=6), b=inp(None, kind="i", k=6)), {"e.weight": [6, 3], "f.weight": [6, 2]})
case("trace", """
model Trace {
  param a = [[1, 2], [3, 4]]
  output trace = sum[i] a[i, i]
  output outer[i, j] = a[0, i] * a[1, j]
  output lower[i, j] = where(j <= i, a[i, j], 0)
  loss sum[i, j] a[i, j] * a[j, i]
}""",
     lambda i, p, N: dict(out={"trace": p["a"].trace(), "outer": torch.outer(p["a"][0], p["a"][1]), "lower": p["a"].tril()}, loss=(p["a"] * p["a"].T).sum()),
     {}, {"a": [2, 2]}, free=False)

# ---- further formulas
case("differences", """
model M { input x: [N, 6]; param w: [3] ~ normal(0, 1)
  output d[n, i in 0..5] = x[n, i + 1] - x[n, i]
  output back[n, i] = x[n, 5 - i]
  output second[n, i in 0..4] = x[n, i + 2] - 2 * x[n, i + 1] + x[n, i]
  output odd[n, i] = x[n, 2 * i + 1]
  output third[n, i] = x[n, 3 * i]
  output end[n] = x[n, -1] * x[n, 0]
  conv[n, i] = sum[u] x[n, i + u] * w[3 - 1 - u]
  output conv
  loss mean(conv^2) }""",
     lambda i, p, N: (lambda x: (lambda c: dict(out={"d": x[:, 1:] - x[:, :-1], "back": x.flip(1), "second": x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2], "odd": x[:, 1::2],
                                                      "third": x[:, ::3], "end": x[:, -1] * x[:, 0], "conv": c}, loss=(c**2).mean()))(F.conv1d(x[:, None], p["w"].flip(0)[None, None])[:, 0]))(i["x"]),
     dict(x=inp(None, 6)), {"w": [3]})
case("reductions over indices", """
model M { input x: [N, 5, 4]
  output s[n] = sum[i, c] x[n, i, c]
  output p[n, c] = prod[i] x[n, i, c]
  output m[n, i] = min[c] x[n, i, c]
  output l[n, c] = logsumexp[i] x[n, i, c]
  output a[n, i] = argmax[c] x[n, i, c]
  output moving[n, i, c] = mean[u in 0..3] x[n, i + u, c]
  output short[n] = sum[i in 0..2, c] x[n, i, c]
  output best[n, i in 0..2] = max[c] x[n, i, c]
  output negative[n] = sum[i, c] -x[n, i, c]^2
  output batch[i, c] = sum[n] x[n, i, c] / N }""",
     lambda i, p, N: (lambda x: dict(out={"s": x.sum((1, 2)), "p": x.prod(1), "m": x.amin(2), "l": x.logsumexp(1), "a": x.argmax(2).double(),
                                          "moving": (x[:, :3] + x[:, 1:4] + x[:, 2:]) / 3, "short": x[:, :2].sum((1, 2)), "best": x[:, :2].amax(2), "negative": -(x**2).sum((1, 2)), "batch": x.mean(0)}))(i["x"]),
     dict(x=inp(None, 5, 4)))
case("where a sum ends", """
model M { param a: [3, 4] ~ normal(0, 1); param b: [4, 2] ~ normal(0, 1); param c: [2] ~ normal(0, 1)
  output y[i, j] = sum[k] a[i, k] * b[k, j] + c[j]
  output z[i, j] = c[j] - sum[k] a[i, k] / 2 * b[k, j] - 1
  output t[i] = 2 * sum[k] a[i, k] + i
  output w[j, i] = -sum[k] a[i, k] * b[k, j]
  loss sum[i, j] y[i, j] * y[i, j] - sum[j] c[j] }""",
     lambda i, p, N: (lambda a, b, c: (lambda y: dict(out={"y": y, "z": c - a @ b / 2 - 1, "t": 2 * a.sum(1) + torch.arange(3), "w": -(a @ b).T}, loss=(y * y).sum() - c.sum()))(a @ b + c))(p["a"], p["b"], p["c"]),
     {}, {"a": [3, 4], "b": [4, 2], "c": [2]}, free=False)
case("indices are numbers", """
model M { input x: [N, 4]
  output y[n, i] = i * x[n, i] + i^2
  output p[t in 0..5, d in 0..6] = sin(t / 100^(d / 6))
  output m[n, i, j] = where(i < j or i == j, x[n, i] - x[n, j], 0)
  output even[n, i] = where(i == 2, -x[n, i], x[n, i]) }""",
     lambda i, p, N: (lambda x, k: dict(out={"y": k * x + k**2, "p": torch.sin(torch.arange(5.)[:, None] / 100 ** (torch.arange(6.) / 6)),
                                             "m": (x[:, :, None] - x[:, None, :]).triu(), "even": torch.where(k == 2, -x, x)}))(i["x"], torch.arange(4.)),
     dict(x=inp(None, 4)))
case("labels as subscripts", """
model M { input x: [N, 3]; target y: int[N]; z = dense(x, 4)
  output p = softmax(z)
  loss mean[n] (logsumexp[k] z[n, k] - z[n, y[n]]) }""",
     lambda i, p, N: (lambda z: dict(out={"p": z.softmax(-1)}, loss=F.cross_entropy(z, i["y"])))(D(i["x"], p, "z")),
     dict(x=inp(None, 3), y=inp(None, kind="i", k=4)), {"z.weight": [4, 3], "z.bias": [4]})
case("entries less one", """
model M { input ids: int[N, 3]; param table: [5, 2] ~ normal(0, 1)
  e[n, t, d] = table[max(ids[n, t] - 1, 0), d]
  output e
  loss mean(e^2) }""",
     lambda i, p, N: (lambda e: dict(out={"e": e}, loss=(e**2).mean()))(p["table"][(i["ids"] - 1).clamp(min=0)]),
     dict(ids=inp(None, 3, kind="i", k=6)), {"table": [5, 2]})
case("bilinear", """
model M { input x: [N, 3]; input z: [N, 4]; param w: [2, 3, 4] ~ normal(0, 1)
  y[n, o] = sum[i, j] x[n, i] * w[o, i, j] * z[n, j]
  output y
  gram[i, j] = sum[n] x[n, i] * x[n, j] / N
  output gram
  loss mean(y^2) }""",
     lambda i, p, N: (lambda y: dict(out={"y": y, "gram": i["x"].T @ i["x"] / N}, loss=(y**2).mean()))(torch.einsum("ni,oij,nj->no", i["x"], p["w"], i["z"])),
     dict(x=inp(None, 3), z=inp(None, 4)), {"w": [2, 3, 4]})
case("distances", """
fn gate(a, b) = a * sigmoid(b)
model M { input x: [N, 5, 3]; param s = 1
  d[n, i, j] = sqrt(sum[c] (s * x[n, i, c] - x[n, j, c])^2 + 1e-3)
  output d
  output soft[n, i, j] = exp(-d[n, i, j]) / sum[k] exp(-d[n, i, k])
  output g[n, i in 0..2, c] = gate(x[n, i, c], x[n, i + 3, c])
  loss mean(d) }""",
     lambda i, p, N: (lambda d: dict(out={"d": d, "soft": (-d).softmax(-1), "g": i["x"][:, :2] * torch.sigmoid(i["x"][:, 3:])}, loss=d.mean()))(
         torch.sqrt(((p["s"] * i["x"][:, :, None] - i["x"][:, None]) ** 2).sum(-1) + 1e-3)),
     dict(x=inp(None, 5, 3)), {"s": []})
case("depthwise by hand", """
model M { input x: [N, 6, 5, 3]; param w: [3, 2, 3] ~ normal(0, 1)
  y[n, i, j, c] = sum[u, v] x[n, i + u, j + v, c] * w[c, u, v]
  output y
  loss mean(y^2) }""",
     lambda i, p, N: (lambda y: dict(out={"y": y}, loss=(y**2).mean()))(conv2(i["x"], p["w"][:, None], groups=3)),
     dict(x=inp(None, 6, 5, 3)), {"w": [3, 2, 3]})
case("causal convolution", """
model M { input x: [N, 7, 2]; param w: [3, 2, 3] ~ normal(0, 1)
  p = pad(x, 4, 0, 1)
  y[n, t, o] = sum[c, u] p[n, t + 2 * u, c] * w[o, c, u]
  output y
  loss mean(relu(y)) }""",
     lambda i, p, N: (lambda y: dict(out={"y": y}, loss=relu(y).mean()))(conv1(F.pad(i["x"], (0, 0, 4, 0)), p["w"], dilation=2)),
     dict(x=inp(None, 7, 2)), {"w": [3, 2, 3]})
case("gradient of a convolution as an output", CORRELATE + """
model M { input x: [N, 5, 5, 2]; param w: [3, 2, 3, 3] ~ normal(0, 1)
  y = correlate(x, w)
  g = grad(sum(tanh(y)), x)
  output g
  loss mean(g^2) + mean(y) }""",
     lambda i, p, N: (lambda x: (lambda y: (lambda g: dict(out={"g": g}, loss=(g**2).mean() + y.mean()))(torch.autograd.grad(torch.tanh(y).sum(), x, create_graph=True)[0]))(conv2(x, p["w"])))(i["x"].clone().requires_grad_(True)),
     dict(x=inp(None, 5, 5, 2)), {"w": [3, 2, 3, 3]})

# ---- movement
case("movement carried on", """
model M { input x: [N, 6, 2]; param w: [6, 2] ~ normal(0, 1)
  output a = pad(x, 1, 2, 1)
  output b = pad(x, 0, 1, -1, value = 3)
  output c = windows(x, 3, 1)
  output d = windows(x, 2, 1, stride = 2, dilation = 3)
  output e1 = fold(windows(x, 3, 1), 6, 1)
  output f = flip(x, 1)
  output g = cumsum(x, 1)
  output h = sort(x, 1)
  output i = sort(x, 1, descending = true)
  t = top_k(x, 2, 1)
  output j = t[0]
  output k = t[1]
  output l = take(w, [0, 3, 3])
  loss sum(windows(w, 3, 0)^2) + sum(cumsum(w, 0)^3) + sum(sort(w, 0) * [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]) + sum(take(w, [0, 3, 3])^2) + sum(pad(w, 1, 1, 0, value = 2)^2) }""",
     lambda i, p, N: (lambda x, w: dict(out={
         "a": F.pad(x, (0, 0, 1, 2)), "b": F.pad(x, (0, 1), value=3), "c": x.unfold(1, 3, 1), "d": torch.stack([x[:, 0:3:2], x[:, 3:6:2]], -1),
         "e1": x * torch.tensor([1., 2, 3, 3, 2, 1])[:, None], "f": x.flip(1), "g": x.cumsum(1), "h": x.sort(1).values, "i": x.sort(1, descending=True).values,
         "j": x.topk(2, 1).values, "k": x.topk(2, 1).indices.double(), "l": w[[0, 3, 3]]},
         loss=(w.unfold(0, 3, 1) ** 2).sum() + (w.cumsum(0) ** 3).sum() + (w.sort(0).values * torch.arange(1., 13).reshape(6, 2)).sum() + (w[[0, 3, 3]] ** 2).sum() + (F.pad(w, (0, 0, 1, 1), value=2) ** 2).sum()))(i["x"], p["w"]),
     dict(x=inp(None, 6, 2)), {"w": [6, 2]})

# ---- layers
case("a small convolutional net", """
model M { input x: [N, 8, 9, 2]; target y: int[N]
  h = conv2d(x, 4, 3, padding = 1, act = relu) |> max_pool(2)
  h = conv2d(h, 3, [2, 3], stride = 2) |> relu
  z = dense(global_avg_pool(h), 5)
  output p = softmax(z)
  loss cross_entropy(z, y) }""".replace(", act = relu)", ") |> relu"),
     lambda i, p, N: (lambda z: dict(out={"p": z.softmax(-1)}, loss=F.cross_entropy(z, i["y"])))(D(
         relu(F.conv2d(F.max_pool2d(relu(F.conv2d(first(i["x"]), p["h.0.weight"], p["h.0.bias"], padding=1)), 2), p["h.1.weight"], p["h.1.bias"], stride=2)).mean((2, 3)), p, "z")),
     dict(x=inp(None, 8, 9, 2), y=inp(None, kind="i", k=5)),
     {"h.0.weight": [4, 2, 3, 3], "h.0.bias": [4], "h.1.weight": [3, 4, 2, 3], "h.1.bias": [3], "z.weight": [5, 3], "z.bias": [5]})
case("convolutions in one dimension", """
model M { input x: [N, 9, 4]
  a = conv1d(x, 6, 3, padding = same)
  b = conv1d(a, 4, 2, padding = [2, 0], dilation = 2, groups = 2, use_bias = false)
  c = conv_transpose1d(b, 3, 3, stride = 2, padding = 1, output_padding = 1)
  output a; output b; output c
  output m = max_pool(a, 3, stride = 2, padding = 1)
  output v = avg_pool(a, 2)
  output g = global_max_pool(a)
  loss mean(c^2) }""",
     lambda i, p, N: (lambda x: (lambda a: (lambda b: (lambda c: dict(out={"a": last(a), "b": last(b), "c": last(c), "m": last(F.max_pool1d(a, 3, 2, 1)), "v": last(F.avg_pool1d(a, 2)), "g": a.amax(2)}, loss=(c**2).mean()))(
         F.conv_transpose1d(b, p["c.weight"], p["c.bias"], stride=2, padding=1, output_padding=1)))(
         F.conv1d(F.pad(a, (2, 0)), p["b.weight"], dilation=2, groups=2)))(F.conv1d(x, p["a.weight"], p["a.bias"], padding=1)))(first(i["x"])),
     dict(x=inp(None, 9, 4)), {"a.weight": [6, 4, 3], "a.bias": [6], "b.weight": [4, 3, 2], "c.weight": [4, 3, 3], "c.bias": [3]})
case("an autoencoder of images", """
model M { input x: [N, 8, 8, 1]
  h = conv2d(x, 4, 3, stride = 2, padding = 1) |> swish
  y = conv_transpose2d(h, 1, 4, stride = 2, padding = 1)
  output y = sigmoid(y)
  output pooled = avg_pool(x, 3, stride = 2, padding = 1)
  loss mse(y, x) }""",
     lambda i, p, N: (lambda y: dict(out={"y": last(torch.sigmoid(y)), "pooled": last(F.avg_pool2d(first(i["x"]), 3, 2, 1))}, loss=F.mse_loss(torch.sigmoid(last(y)), i["x"])))(
         F.conv_transpose2d(F.silu(F.conv2d(first(i["x"]), p["h.weight"], p["h.bias"], stride=2, padding=1)), p["y.weight"], p["y.bias"], stride=2, padding=1)),
     dict(x=inp(None, 8, 8, 1)), {"h.weight": [4, 1, 3, 3], "h.bias": [4], "y.weight": [4, 1, 4, 4], "y.bias": [1]})
case("norms", """
model M { input x: [N, 5, 4, 6]
  a = layer_norm(x)
  b = group_norm(x, 3)
  c = instance_norm(x)
  d = rms_norm(x)
  e1 = instance_norm(x, affine = true)
  output a; output b; output c; output d; output e1
  loss mean(a * b + c * d^2 + e1^3) }""",
     lambda i, p, N: (lambda x: (lambda a, b, c, d, e: dict(out={"a": a, "b": b, "c": c, "d": d, "e1": e}, loss=(a * b + c * d**2 + e**3).mean()))(
         F.layer_norm(x, (6,), p["a.weight"], p["a.bias"]), last(F.group_norm(first(x), 3, p["b.weight"], p["b.bias"])), instance_norm(x),
         x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6) * p["d.weight"], instance_norm(x, p["e1.weight"], p["e1.bias"])))(i["x"]),
     dict(x=inp(None, 5, 4, 6)), {f"{n}.{w}": [6] for n in ("a", "b", "e1") for w in ("weight", "bias")} | {"d.weight": [6]})
case("batch norm before it has learnt", """
model M { input x: [N, 4]; h = dense(x, 3) |> batch_norm; output h; output r = h * 2 }""",
     lambda i, p, N: (lambda h: dict(out={"h": h, "r": h * 2}))(F.batch_norm(D(i["x"], p, "h.0"), torch.zeros(3), torch.ones(3), p["h.1.weight"], p["h.1.bias"])),
     dict(x=inp(None, 4)), {"h.0.weight": [3, 4], "h.0.bias": [3], "h.1.weight": [3], "h.1.bias": [3]})


def multi_head(x, p, n, heads, key=None, value=None, **options):
    key = x if key is None else key
    value = key if value is None else value
    return F.multi_head_attention_forward(
        x.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1), x.shape[-1], heads, p[n + ".in_proj_weight"], p[n + ".in_proj_bias"], None, None, False, 0.0,
        p[n + ".out_proj.weight"], p[n + ".out_proj.bias"], training=False, need_weights=False, **options)[0].transpose(0, 1)


HEADS = {"y.in_proj_weight": [12, 4], "y.in_proj_bias": [12], "y.out_proj.weight": [4, 4], "y.out_proj.bias": [4]}
case("multi-head attention", """
model M { input x: [N, 5, 4]; y = multi_head_attention(x, 2, causal = true); output y; loss mean(y^2) }""",
     lambda i, p, N: (lambda y: dict(out={"y": y}, loss=(y**2).mean()))(multi_head(i["x"], p, "y", 2, attn_mask=torch.ones(5, 5).triu(1).bool())),
     dict(x=inp(None, 5, 4)), HEADS)
case("attention to another sequence", """
model M { input x: [N, 5, 4]; input other: [N, 3, 4]; y = multi_head_attention(x, 2, key = other); output y; output z = attend(x, other, other); loss mean(y^2) }""",
     lambda i, p, N: (lambda y: dict(out={"y": y, "z": attention(i["x"], i["other"], i["other"])}, loss=(y**2).mean()))(multi_head(i["x"], p, "y", 2, key=i["other"])),
     dict(x=inp(None, 5, 4), other=inp(None, 3, 4)), HEADS)
case("a mask of what may be seen", """
model M { input x: [N, 4, 3]; input m: bool[N, 1, 4]
  mask = m or iota(4) == 0
  y = attend(x, x, x, mask = mask)
  output y }""",
     lambda i, p, N: dict(out={"y": attention(i["x"], i["x"], i["x"], i["m"].bool() | (torch.arange(4) == 0))}),
     dict(x=inp(None, 4, 3), m=inp(None, 1, 4, kind="b")))
case("embedding", """
model M { input ids: int[N, 4]; target y: int[N]
  e = embedding(ids, 7, 5)
  z = dense(mean(e, axis = 1), 3)
  output z
  loss cross_entropy(z, y) }""",
     lambda i, p, N: (lambda z: dict(out={"z": z}, loss=F.cross_entropy(z, i["y"])))(D(p["e.weight"][i["ids"]].mean(1), p, "z")),
     dict(ids=inp(None, 4, kind="i", k=7), y=inp(None, kind="i", k=3)), {"e.weight": [7, 5], "z.weight": [3, 5], "z.bias": [3]})
case("tied weights", """
model M { input ids: int[N, 3]; target y: int[N, 3]
  e = embedding(ids, 6, 4)
  h = dense(e, 4, tanh)
  logits = h @ e.weight'
  output logits
  loss cross_entropy(logits, y) }""",
     lambda i, p, N: (lambda z: dict(out={"logits": z}, loss=F.cross_entropy(z.reshape(-1, 6), i["y"].reshape(-1))))(torch.tanh(D(p["e.weight"][i["ids"]], p, "h")) @ p["e.weight"].T),
     dict(ids=inp(None, 3, kind="i", k=6), y=inp(None, 3, kind="i", k=6)), {"e.weight": [6, 4], "h.weight": [4, 4], "h.bias": [4]})

# ---- losses, ints, lists
case("cross entropy and its options", """
model M { input x: [N, 3]; target y: int[N]; z = dense(x, 4)
  output z
  metric a = cross_entropy(z, y, label_smoothing = 0.1)
  metric b = cross_entropy(z, y, weight = [1, 2, 0.5, 3])
  metric c = cross_entropy(z, y, ignore = 2)
  metric d = cross_entropy(z, y, weight = [1, 2, 0.5, 3], label_smoothing = 0.2)
  metric e1 = top_k_accuracy(z, y, 2)
  loss cross_entropy(z, y, label_smoothing = 0.1) }""",
     lambda i, p, N: (lambda z, w: dict(out={"z": z}, metrics={
         "a": F.cross_entropy(z, i["y"], label_smoothing=0.1), "b": F.cross_entropy(z, i["y"], w), "c": F.cross_entropy(z, i["y"], ignore_index=2).nan_to_num(0),
         "d": F.cross_entropy(z, i["y"], w, label_smoothing=0.2), "e1": (z.topk(2, -1).indices == i["y"][:, None]).any(1).double().mean()},
         loss=F.cross_entropy(z, i["y"], label_smoothing=0.1)))(D(i["x"], p, "z"), torch.tensor([1, 2, 0.5, 3])),
     dict(x=inp(None, 3), y=inp(None, kind="i", k=4)), {"z.weight": [4, 3], "z.bias": [4]})
case("labels from one", """
model M { input x: [N, 3]; target y: int[N]; z = dense(x, 3)
  output z
  loss cross_entropy(z, max(y - 1, 0)) }""",
     lambda i, p, N: (lambda z: dict(out={"z": z}, loss=F.cross_entropy(z, (i["y"] - 1).clamp(min=0))))(D(i["x"], p, "z")),
     dict(x=inp(None, 3), y=inp(None, kind="i", k=4)), {"z.weight": [3, 3], "z.bias": [3]})
case("ints stay ints", """
model M { input a: int[N]; input b: int[N]
  output c = one_hot(a + 2 * b, 13)
  output d = gather([[1, 2, 3, 4, 5]] + reshape(a, [N, 1]), min(abs(a - b), 4))
  output e1 = a / 2 }""",
     lambda i, p, N: (lambda a, b: dict(out={"c": F.one_hot(a + 2 * b, 13).double(), "d": (torch.arange(1, 6) + a[:, None]).gather(1, (a - b).abs().clamp(max=4)[:, None])[:, 0].double(), "e1": a / 2}))(i["a"], i["b"]),
     dict(a=inp(None, kind="i", k=5), b=inp(None, kind="i", k=5)))
case("leading and count", """
model M { input x: [N, 3, 4]
  output m = mean(x, axis = leading(x))
  output n = count(x, leading(x)) + 0 * x[0, 0, 0]
  output z = zeros([...shape(x)[:-2], 2]) + 1
  output f = function_sum([1, 2, ...[3, 4]]) * x[0] }
fn function_sum(list) { s = 0
  for a in list { s = s + a }
  return s }""",
     lambda i, p, N: dict(out={"m": i["x"].mean((0, 1)), "n": torch.tensor(3. * N), "z": torch.ones(N, 2), "f": 10 * i["x"][0]}),
     dict(x=inp(None, 3, 4)))
case("functions of numbers", """
model M { input x: [N, 3]; param w = 0.5
  u = tanh(w * x) * 0.9
  output a = atan(x); output b = asin(u); output c = acos(u); output d = sinh(x); output e1 = cosh(x); output f = asinh(x); output g = acosh(1.5 + x^2); output h = atanh(u)
  output i = lgamma(1 + x^2); output j = digamma(1 + x^2); output k = erfinv(u); output l = atan2(x, 1 - x)
  loss mean(atan(w * x) + asin(u) * acos(u) + sinh(w * x) * cosh(x) + asinh(w * x) + acosh(1.5 + w^2 * x^2) + atanh(u) + lgamma(1 + w^2 * x^2) + digamma(1 + w^2 * x^2) + erfinv(u) + atan2(w * x, 1 - x)) }""",
     lambda i, p, N: (lambda x, w: (lambda u: dict(out={"a": x.atan(), "b": u.asin(), "c": u.acos(), "d": x.sinh(), "e1": x.cosh(), "f": x.asinh(), "g": (1.5 + x**2).acosh(), "h": u.atanh(),
                                                        "i": torch.lgamma(1 + x**2), "j": torch.digamma(1 + x**2), "k": u.erfinv(), "l": torch.atan2(x, 1 - x)},
                                                   loss=(torch.atan(w * x) + u.asin() * u.acos() + (w * x).sinh() * x.cosh() + (w * x).asinh() + (1.5 + w**2 * x**2).acosh() + u.atanh() + torch.lgamma(1 + w**2 * x**2)
                                                         + torch.digamma(1 + w**2 * x**2) + u.erfinv() + torch.atan2(w * x, 1 - x)).mean()))(torch.tanh(w * x) * 0.9))(i["x"], p["w"]),
     dict(x=inp(None, 3)), {"w": []})

if __name__ == "__main__":
    write("unseen-indices.json", [1, 5])
