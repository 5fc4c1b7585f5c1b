"""What PyTorch (f64) says of programs with scans in every form, written from the language page alone: `unseen-scan.json`.

Run `/usr/bin/python3 test/oracle/unseen_scan_oracle.py`; `test/unseen-recurrence.test.ts` compares.
"""
import torch
import torch.nn.functional as F
from unseen_oracle import CASES, write
from unseen_programs import along, inp, linear, program, scanned

CASES.clear()

# ---- the forms of a scan
@program("a sum of numbers", "model M { input x: [N, 5]; param a = 0.5; y = scan(x, zeros([N]), (s, v) => a * s + v, axis = 1); output y; loss mean(y^2) }",
         dict(x=inp(None, 5)), {"a": []})
def _(i, p, N):
    y = scanned(i["x"], torch.zeros(N), lambda s, v: p["a"] * s + v)
    return dict(out={"y": y}, loss=(y**2).mean())

@program("along the last axis", """
fn smooth(x, a) = scan(x, zeros(shape(x)[:-1]), (s, v) => (1 - a) * s + a * v, axis = -1)
model M { input x: [N, 3, 4]; param a: [3] ~ uniform(0, 1); y = smooth(x, a); output y; loss mean(y^2) }""",
         dict(x=inp(None, 3, 4)), {"a": [3]})
def _(i, p, N):
    y = scanned(i["x"], torch.zeros(N, 3), lambda s, v: (1 - p["a"]) * s + p["a"] * v, -1)
    return dict(out={"y": y}, loss=(y**2).mean())

@program("along axis two of four, backwards", """
model M { input x: [N, 2, 4, 3]; param w: [3, 3] ~ normal
  y = scan(x, zeros([N, 2, 3]), (h, v) => tanh(v + h @ w'), axis = 2, reverse = true)
  output y; output last = y[:, :, 0]; loss mean(y[:, :, 0]^2) + mean(y) }""",
         dict(x=inp(None, 2, 4, 3)), {"w": [3, 3]})
def _(i, p, N):
    y = scanned(i["x"], torch.zeros(N, 2, 3), lambda h, v: torch.tanh(v + h @ p["w"].T), 2, True)
    return dict(out={"y": y, "last": y[:, :, 0]}, loss=(y[:, :, 0]**2).mean() + y.mean())

@program("two values carried", """
model M { input x: [N, 6, 2]; param a = 0.9; param b: [2] ~ ones
  s = scan(x, [zeros([N, 2]), ones([N, 2])], (c, v) => [a * c[0] + v, c[1] * (1 - 0.1 * c[0]) + b * v], axis = 1)
  output sums = s[0]; output others = s[1]; loss mean(s[1]^2) + mean(s[0][:, -1]) }""",
         dict(x=inp(None, 6, 2)), {"a": [], "b": [2]})
def _(i, p, N):
    s = along([i["x"]], [torch.zeros(N, 2), torch.ones(N, 2)], lambda c, v: [p["a"] * c[0] + v[0], c[1] * (1 - 0.1 * c[0]) + p["b"] * v[0]])
    return dict(out={"sums": s[0], "others": s[1]}, loss=(s[1]**2).mean() + s[0][:, -1].mean())

@program("sequences of two ranks, one carried", """
model M { input x: [N, 5, 2]; input rate: [N, 5]; param b: [2] ~ zeros
  y = scan([x, rate], zeros([N, 2]), (h, v) => h + sigmoid(reshape(v[1], [N, 1])) * (v[0] + b - h), axis = 1)
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 5, 2), rate=inp(None, 5)), {"b": [2]})
def _(i, p, N):
    y = along([i["x"], i["rate"]], [torch.zeros(N, 2)], lambda h, v: [h[0] + torch.sigmoid(v[1])[:, None] * (v[0] + p["b"] - h[0])])[0]
    return dict(out={"y": y}, loss=(y**2).mean())

@program("one sequence and three carried of several ranks", """
model M { input x: [N, 5, 2]; param a = 0.3
  s = scan(x, [zeros([N]), zeros([N, 2]), zeros([N, 2, 2])], (c, v) => [c[0] + sum(v, axis = -1), a * c[1] + v, c[2] + reshape(c[1], [N, 2, 1]) * reshape(v, [N, 1, 2])], axis = 1)
  output u = s[0]; output v = s[1]; output w = s[2]
  loss mean(s[2]^2) + mean(s[0]^2) }""",
         dict(x=inp(None, 5, 2)), {"a": []})
def _(i, p, N):
    s = along([i["x"]], [torch.zeros(N), torch.zeros(N, 2), torch.zeros(N, 2, 2)], lambda c, v: [c[0] + v[0].sum(-1), p["a"] * c[1] + v[0], c[2] + c[1][:, :, None] * v[0][:, None]])
    return dict(out={"u": s[0], "v": s[1], "w": s[2]}, loss=(s[2]**2).mean() + (s[0]**2).mean())

@program("Horner's rule over a list of parameters", """
model M { input x: [N, 1]; param c = [0.5, -1, 0.25, 2]
  steps = scan(c, zeros([N, 1]), (s, a) => s * x + a, axis = 0)
  y = steps[-1]
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 1)), {"c": [4]})
def _(i, p, N):
    y = torch.zeros(N, 1)
    for a in p["c"]: y = y * i["x"] + a
    return dict(out={"y": y}, loss=(y**2).mean())

@program("lists of numbers", """
model M { param g = 0.9
  output sums = scan([1, 2, 3], 0, (s, v) => s + v, axis = 0)
  output down = scan([1, 2, 3], 0, (s, v) => g * s + v, axis = 0, reverse = true)
  loss sum(scan([1, 2, 3], 0, (s, v) => g * s + v, axis = 0)) }""",
         {}, {"g": []}, free=False)
def _(i, p, N):
    g, one = p["g"], torch.tensor(1.)
    up = torch.stack([one, g + 2, g * (g + 2) + 3])
    return dict(out={"sums": torch.tensor([1., 3, 6]), "down": torch.stack([1 + g * (2 + 3 * g), 2 + 3 * g, one * 3])}, loss=up.sum())

@program("one place and two", """
model M { input x: [N, 1, 2]; input z: [N, 2, 2]; param w = 0.5
  a = scan(x, ones([N, 2]), (h, v) => tanh(w * h + v), axis = 1)
  b = scan(z, a[:, 0], (h, v) => tanh(w * h + v), axis = 1, reverse = true)
  output a; output b; loss mean(b^2) }""",
         dict(x=inp(None, 1, 2), z=inp(None, 2, 2)), {"w": []})
def _(i, p, N):
    f = lambda h, v: torch.tanh(p["w"] * h + v)
    a = scanned(i["x"], torch.ones(N, 2), f)
    b = scanned(i["z"], a[:, 0], f, reverse=True)
    return dict(out={"a": a, "b": b}, loss=(b**2).mean())

@program("a body that is a fn, a layer, and layers in a body", """
fn leak(h, v) = 0.7 * h + 0.3 * v
layer cell(h, v) = tanh(dense(h, 3) + dense(v, 3, use_bias = false))
layer net(x: [N, T, I]) {
  a = scan(x, zeros([N, I]), leak, axis = 1)
  return scan(a, zeros([N, 3]), cell, axis = 1)
}
model M { input x: [N, 4, 2]; h = net(x)
  g = scan(h, zeros([N, 3]), (s, v) => s + layer_norm(dense(concat([s, v], axis = -1), 3, tanh)), axis = 1)
  output h; output g; loss mean(g^2) + mean(h) }""",
         dict(x=inp(None, 4, 2)), {"h.cell.dense.0.weight": [3, 3], "h.cell.dense.0.bias": [3], "h.cell.dense.1.weight": [3, 2],
                                   "g.0.weight": [3, 6], "g.0.bias": [3], "g.1.weight": [3], "g.1.bias": [3]})
def _(i, p, N):
    a = scanned(i["x"], torch.zeros(N, 2), lambda h, v: 0.7 * h + 0.3 * v)
    h = scanned(a, torch.zeros(N, 3), lambda h, v: torch.tanh(linear(h, p, "h.cell.dense.0") + v @ p["h.cell.dense.1.weight"].T))
    g = scanned(h, torch.zeros(N, 3), lambda s, v: s + F.layer_norm(torch.tanh(linear(torch.cat([s, v], -1), p, "g.0")), [3], p["g.1.weight"], p["g.1.bias"]))
    return dict(out={"h": h, "g": g}, loss=(g**2).mean() + h.mean())

@program("formulas with indices in a body", """
fn next(h, x, A: [I, J], B: [I, K]) {
  y[n, i] = sum[j] A[i, j] * h[n, j] + sum[k] B[i, k] * x[n, k]
  return tanh(y)
}
model M { input x: [N, 4, 2]; param A: [3, 3] ~ normal; param B: [3, 2] ~ normal
  y = scan(x, zeros([N, 3]), (h, x) => next(h, x, A, B), axis = 1)
  output energy[n, t] = sum[i] y[n, t, i]^2
  loss mean(y^2) }""",
         dict(x=inp(None, 4, 2)), {"A": [3, 3], "B": [3, 2]})
def _(i, p, N):
    y = scanned(i["x"], torch.zeros(N, 3), lambda h, v: torch.tanh(h @ p["A"].T + v @ p["B"].T))
    return dict(out={"energy": (y**2).sum(-1)}, loss=(y**2).mean())

@program("a mask keeps what is carried", """
model M { input x: [N, 5, 2]; input length: int[N]; param w: [2, 2] ~ normal
  mask = iota(5) < reshape(length, [N, 1])
  y = scan([x, mask], zeros([N, 2]), (h, v) => where(reshape(v[1], [N, 1]), tanh(v[0] + h @ w'), h), axis = 1)
  output y; loss mean(y[:, -1]^2) }""",
         dict(x=inp(None, 5, 2), length=inp(None, kind="i", k=6)), {"w": [2, 2]})
def _(i, p, N):
    m = torch.arange(5) < i["length"][:, None]
    y = along([i["x"], m], [torch.zeros(N, 2)], lambda h, v: [torch.where(v[1][:, None], torch.tanh(v[0] + h[0] @ p["w"].T), h[0])])[0]
    return dict(out={"y": y}, loss=(y[:, -1]**2).mean())

@program("both directions", """
layer way(x: [N, T, I], units, reverse = false) {
  param w: [units, I] ~ normal
  param u: [units, units] ~ normal
  return scan(x, zeros([N, units]), (h, x) => tanh(x @ w' + h @ u'), axis = 1, reverse = reverse)
}
layer both(x, units) = concat([way(x, units), way(x, units, reverse = true)], axis = -1)
model M { input x: [N, 4, 2]; y = both(x, 3); output y; loss mean(y^3) }""",
         dict(x=inp(None, 4, 2)), {f"y.way.{k}.{n}": s for k in (0, 1) for n, s in (("w", [3, 2]), ("u", [3, 3]))})
def _(i, p, N):
    y = torch.cat([scanned(i["x"], torch.zeros(N, 3), lambda h, v: torch.tanh(v @ p[f"y.way.{k}.w"].T + h @ p[f"y.way.{k}.u"].T), reverse=k == 1) for k in (0, 1)], -1)
    return dict(out={"y": y}, loss=(y**3).mean())

@program("reverse is flip twice", """
model M { input x: [N, 5, 2]; param a: [2] ~ normal
  f = (h, v) => sin(a * h) + v
  p = scan(x, zeros([N, 2]), f, axis = 1, reverse = true)
  q = flip(scan(flip(x, axis = 1), zeros([N, 2]), f, axis = 1), axis = 1)
  output p; output q; loss mean(p * q) }""",
         dict(x=inp(None, 5, 2)), {"a": [2]})
def _(i, p, N):
    y = scanned(i["x"], torch.zeros(N, 2), lambda h, v: torch.sin(p["a"] * h) + v, reverse=True)
    return dict(out={"p": y, "q": y}, loss=(y * y).mean())

@program("the batch is reduced in a body", """
model M { input x: [N, 4, 2]; param a = 0.5
  y = scan(x, zeros([N, 2]), (h, v) => tanh(a * (h - mean(h, axis = 0)) + v), axis = 1)
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 4, 2)), {"a": []})
def _(i, p, N):
    y = scanned(i["x"], torch.zeros(N, 2), lambda h, v: torch.tanh(p["a"] * (h - h.mean(0)) + v))
    return dict(out={"y": y}, loss=(y**2).mean())

@program("a scan in a loop, of every layer a set", """
layer step(x: [N, T, I], n) {
  param w: [n, I] ~ normal
  return scan(x @ w', zeros([N, n]), (h, v) => 0.5 * h + softsign(v), axis = 1)
}
model M(sizes = [3, 2]) { input x: [N, 4, 2]; h = x
  for n in sizes { h = step(h, n) + 1 }
  output h; loss mean(h^2) }""",
         dict(x=inp(None, 4, 2)), {"h.0.w": [3, 2], "h.1.w": [2, 3]})
def _(i, p, N):
    h = i["x"]
    for k, n in enumerate((3, 2)): h = scanned(h @ p[f"h.{k}.w"].T, torch.zeros(N, n), lambda s, v: 0.5 * s + F.softsign(v)) + 1
    return dict(out={"h": h}, loss=(h**2).mean())

@program("ints and booleans carried", """
model M { input x: [N, 6]; input k: int[N, 6]
  s = scan([x, k], [iota(1)[0] * k[:, 0], x[:, 0] > 100], (c, v) => [where(c[1], c[0], c[0] + v[1]), c[1] or v[0] > 1], axis = 1)
  output counted = one_hot(s[0][:, -1], 31)
  output done = where(s[1], 1, 0)
  output sums = s[0] / 2 }""",
         dict(x=inp(None, 6), k=inp(None, 6, kind="i", k=6)))
def _(i, p, N):
    c, d, C, Dn = torch.zeros(N, dtype=torch.long), torch.zeros(N, dtype=torch.bool), [], []
    for t in range(6):
        c, d = torch.where(d, c, c + i["k"][:, t]), d | (i["x"][:, t] > 1)
        C.append(c); Dn.append(d)
    return dict(out={"counted": F.one_hot(c, 31).double(), "done": torch.stack(Dn, 1).double(), "sums": torch.stack(C, 1) / 2})

@program("a table read at every place", """
model M { input ids: int[N, 5]; param table: [7, 3] ~ normal; param u: [3, 3] ~ normal
  y = scan(ids, zeros([N, 3]), (h, id) => tanh(take(table, id) + h @ u'), axis = 1)
  logits = y @ table'
  output y; loss cross_entropy(logits[:, :-1], ids[:, 1:]) }""",
         dict(ids=inp(None, 5, kind="i", k=7)), {"table": [7, 3], "u": [3, 3]})
def _(i, p, N):
    y = scanned(p["table"][i["ids"]], torch.zeros(N, 3), lambda h, v: torch.tanh(v + h @ p["u"].T))
    return dict(out={"y": y}, loss=F.cross_entropy((y @ p["table"].T)[:, :-1].reshape(-1, 7), i["ids"][:, 1:].reshape(-1)))

# ---- scans in scans
@program("an RNN of two dimensions", """
model M { input x: [N, 3, 4, 2]; param w: [3, 2] ~ normal; param u: [3, 3] ~ normal; param v: [3, 3] ~ normal
  row = (above, line) => scan([line, above], zeros([N, 3]), (left, c) => tanh(c[0] @ w' + c[1] @ u' + left @ v'), axis = 1)
  y = scan(x, zeros([N, 4, 3]), row, axis = 1)
  output y; loss mean(y[:, -1, -1]^2) }""",
         dict(x=inp(None, 3, 4, 2)), {"w": [3, 2], "u": [3, 3], "v": [3, 3]})
def _(i, p, N):
    row = lambda above, line: along([line, above], [torch.zeros(N, 3)], lambda left, c: [torch.tanh(c[0] @ p["w"].T + c[1] @ p["u"].T + left[0] @ p["v"].T)])[0]
    y = scanned(i["x"], torch.zeros(N, 4, 3), row)
    return dict(out={"y": y}, loss=(y[:, -1, -1]**2).mean())

@program("soft time warping", """
fn soft_min(a, b, c, g) = -g * logsumexp(stack([-a / g, -b / g, -c / g], axis = -1), axis = -1)
fn warp(cost: [N, T, S], g) {
  big = 1000
  line = (above, row) => scan([row, above, concat([above[:, :1] * 0 + big, above[:, :-1]], axis = 1)], zeros([N]) + big, (left, c) => c[0] + soft_min(c[1], c[2], left, g), axis = 1)
  start = concat([zeros([N, 1]), zeros([N, S - 1]) + big], axis = 1)
  first = scan(cost[:, 0], zeros([N]), (left, c) => left + c, axis = 1)
  rest = scan(cost[:, 1:], first, line, axis = 1)
  return rest[:, -1, -1]
}
model M { input a: [N, 4, 2]; input b: [N, 5, 2]; param w: [2] ~ ones
  cost[n, t, s] = sum[d] (w[d] * (a[n, t, d] - b[n, s, d]))^2
  d = warp(cost, 0.5)
  output d; loss mean(d) }""",
         dict(a=inp(None, 4, 2), b=inp(None, 5, 2)), {"w": [2]})
def _(i, p, N):
    D = ((p["w"] * (i["a"][:, :, None] - i["b"][:, None]))**2).sum(-1)
    R = {(0, -1): None}
    big = torch.full([N], 1000.)
    for t in range(4):
        for s in range(5):
            if t == 0: R[t, s] = D[:, t, s] + (R[t, s - 1] if s else 0)
            else: R[t, s] = D[:, t, s] - 0.5 * torch.logsumexp(-torch.stack([R[t - 1, s], R.get((t - 1, s - 1)) if s else big, R[t, s - 1] if s else big], -1) / 0.5, -1)
    return dict(out={"d": R[3, 4]}, loss=R[3, 4].mean())

@program("the lattice of a transducer", """
model M { input blank: [N, 3, 4]; input emit: [N, 3, 3]; param s = 1
  B = log_softmax(s * blank); E = -softplus(s * emit)
  line = (left, c) => max(left + c[1], c[0]) + log(1 + exp(-abs(left + c[1] - c[0])))
  top = concat([zeros([N, 1]), cumsum(E[:, 0], axis = 1)], axis = 1)
  body = (above, v) => concat([(above + v[0])[:, :1], scan([(above + v[0])[:, 1:], v[1]], (above + v[0])[:, 0], line, axis = 1)], axis = 1)
  y = scan([B[:, :-1], E[:, 1:]], top, body, axis = 1)
  total = y[:, -1, -1] + B[:, -1, -1]
  output total; loss -mean(total) }""",
         dict(blank=inp(None, 3, 4), emit=inp(None, 3, 3)), {"s": []})
def _(i, p, N):
    B, E = F.log_softmax(p["s"] * i["blank"], -1), -F.softplus(p["s"] * i["emit"])
    a = {(0, 0): torch.zeros(N)}
    for t in range(3):
        for u in range(4):
            if t or u:
                ways = ([a[t - 1, u] + B[:, t - 1, u]] if t else []) + ([a[t, u - 1] + E[:, t, u - 1]] if u else [])
                a[t, u] = torch.logsumexp(torch.stack(ways), 0)
    total = a[2, 3] + B[:, 2, 3]
    return dict(out={"total": total}, loss=-total.mean())

@program("a search inside a search", """
model M { input x: [N, 3, 2]; param a = 0.7
  refine = (h, v) => scan(zeros([4]), h, (z, u) => z - 0.3 * (z + a * sin(z) - v), axis = 0)[-1]
  y = scan(x, zeros([N, 2]), refine, axis = 1)
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 3, 2)), {"a": []})
def _(i, p, N):
    def refine(h, v):
        for _ in range(4): h = h - 0.3 * (h + p["a"] * torch.sin(h) - v)
        return h
    y = scanned(i["x"], torch.zeros(N, 2), refine)
    return dict(out={"y": y}, loss=(y**2).mean())

# ---- derivatives
@program("the derivative with respect to a sequence", """
model M { input x: [N, 4, 2]; param w: [2, 2] ~ normal
  y = scan(x, zeros([N, 2]), (h, v) => tanh(v + h @ w'), axis = 1)
  g = grad(sum(y[:, -1]), x)
  output saliency = g
  loss mean(g^2) + mean(y^2) }""",
         dict(x=inp(None, 4, 2)), {"w": [2, 2]})
def _(i, p, N):
    x = i["x"].clone().requires_grad_(True)
    y = scanned(x, torch.zeros(N, 2), lambda h, v: torch.tanh(v + h @ p["w"].T))
    g, = torch.autograd.grad(y[:, -1].sum(), x, create_graph=True)
    return dict(out={"saliency": g}, loss=(g**2).mean() + (y**2).mean())

@program("how a flow stretches", """
model M { param r = 0.8; param start = [0.1, -0.4]
  x = scan(zeros([5]), start, (h, v) => [h[0], h[1]] |> stack |> f(r), axis = 0)[-1]
  J = jacobian(x, start)
  output J; loss sum(J^2) }
fn f(h, r) = stack([h[1] + 1 - r * h[0]^2, 0.3 * h[0]])""",
         {}, {"r": [], "start": [2]}, free=False)
def _(i, p, N):
    f = lambda h: torch.stack([h[1] + 1 - p["r"] * h[0]**2, 0.3 * h[0]])
    def flow(h):
        for _ in range(5): h = f(h)
        return h
    J = torch.autograd.functional.jacobian(flow, p["start"], create_graph=True)
    return dict(out={"J": J}, loss=(J**2).sum())

@program("a gradient cut between places", """
model M { input x: [N, 6, 2]; param w: [2, 2] ~ normal
  y = scan(x, zeros([N, 2]), (h, v) => tanh(v @ w + stop_gradient(h) @ w'), axis = 1)
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 6, 2)), {"w": [2, 2]})
def _(i, p, N):
    y = scanned(i["x"], torch.zeros(N, 2), lambda h, v: torch.tanh(v @ p["w"] + h.detach() @ p["w"].T))
    return dict(out={"y": y}, loss=(y**2).mean())

@program("a gradient cut every third place", """
model M { input x: [N, 6, 2]; param w: [2, 2] ~ normal
  cut = iota(6) == 3 * floor(iota(6) / 3)
  keep = where(cut, 0, 1)
  body = (h, v) => tanh(v[0] + (v[1] * h + (1 - v[1]) * stop_gradient(h)) @ w')
  y = scan([x, broadcast(reshape(keep, [1, 6, 1]), [N, 6, 2])], zeros([N, 2]), body, axis = 1)
  output y; loss mean(y[:, -1]^2) }""",
         dict(x=inp(None, 6, 2)), {"w": [2, 2]})
def _(i, p, N):
    h = torch.zeros(N, 2); ys = []
    for t in range(6):
        h = torch.tanh(i["x"][:, t] + (h.detach() if t % 3 == 0 else h) @ p["w"].T); ys.append(h)
    y = torch.stack(ys, 1)
    return dict(out={"y": y}, loss=(y[:, -1]**2).mean())

@program("curvature of an unrolled descent", """
model M { input x: [N, 3]; input y: [N]; param w: [3] ~ normal; param rate = 0.1
  fit = (v, u) => v - exp(rate) * 0.1 * grad(mean((x @ v - y)^2), v)
  learnt = scan(zeros([4]), w, fit, axis = 0)[-1]
  output learnt; loss mean((x @ learnt - y)^2) }""",
         dict(x=inp(None, 3), y=inp(None)), {"w": [3], "rate": []})
def _(i, p, N):
    v = p["w"]
    for _ in range(4):
        g, = torch.autograd.grad(((i["x"] @ v - i["y"])**2).mean(), v, create_graph=True)
        v = v - p["rate"].exp() * 0.1 * g
    return dict(out={"learnt": v}, loss=((i["x"] @ v - i["y"])**2).mean())

@program("second derivatives along a sequence", """
model M { input t: [N, 1]; param w: [3, 1] ~ normal; param u: [3, 3] ~ normal; param o: [3] ~ normal
  h = scan(ones([4]), tanh(t @ w'), (h, k) => tanh(t @ w' + k * h @ u'), axis = 0)[-1]
  u1 = h @ o
  d = grad(sum(u1), t); dd = grad(sum(d), t)
  output u1; output dd; loss mean((dd[:, 0] + u1)^2) + mean(d^2) }""",
         dict(t=inp(None, 1)), {"w": [3, 1], "u": [3, 3], "o": [3]})
def _(i, p, N):
    t = i["t"].clone().requires_grad_(True)
    h = torch.tanh(t @ p["w"].T)
    for _ in range(4): h = torch.tanh(t @ p["w"].T + h @ p["u"].T)
    u = h @ p["o"]
    d, = torch.autograd.grad(u.sum(), t, create_graph=True)
    dd, = torch.autograd.grad(d.sum(), t, create_graph=True)
    return dict(out={"u1": u, "dd": dd}, loss=((dd[:, 0] + u)**2).mean() + (d**2).mean())

@program("a gradient of a gradient of each place", """
model M { input x: [N, 4, 2]; param w: [2, 2] ~ normal
  descend = (h, v) => h - 0.2 * grad(sum(log(1 + exp(h @ w)) * v) + 0.5 * sum(h^2), h)
  y = scan(x, zeros([N, 2]), descend, axis = 1)
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 4, 2)), {"w": [2, 2]})
def _(i, p, N):
    body = lambda h, v: h - 0.2 * ((torch.sigmoid(h @ p["w"]) * v) @ p["w"].T + h)
    y = scanned(i["x"], torch.zeros(N, 2), body)
    return dict(out={"y": y}, loss=(y**2).mean())

@program("the jacobian of all places by the first value", """
model M { param a = [0.3, -0.2]; param w: [2, 2] ~ normal
  y = scan([[0.5, 1], [-1, 0.25], [0.1, 0.2]] |> stack, a, (h, v) => tanh(w @ h + v), axis = 0)
  J = jacobian(y, a)
  output J; loss sum(J^2) + sum(y) }""",
         {}, {"a": [2], "w": [2, 2]}, free=False)
def _(i, p, N):
    def flow(a):
        ys = []
        for v in torch.tensor([[0.5, 1], [-1, 0.25], [0.1, 0.2]]):
            a = torch.tanh(p["w"] @ a + v); ys.append(a)
        return torch.stack(ys)
    J = torch.autograd.functional.jacobian(flow, p["a"], create_graph=True)
    return dict(out={"J": J}, loss=(J**2).sum() + flow(p["a"]).sum())


if __name__ == "__main__":
    write("unseen-scan.json", [1, 3, 17])
