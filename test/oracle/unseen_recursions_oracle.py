"""What PyTorch (f64) says of programs that are made of scans: filters, sums over paths, equations of motion, memories, written from the language page alone: `unseen-recursions.json`.

Run `/usr/bin/python3 test/oracle/unseen_recursions_oracle.py`; `test/unseen-recurrence.test.ts` compares.
"""
import math
import torch
import torch.nn.functional as F
from unseen_oracle import CASES, write
from unseen_programs import affine, along, inp, linear, program, scanned

CASES.clear()

# ---- what scans are good for
@program("the Kalman filter", """
model M { input z: [N, 5]; param q = -1; param r = 0.5
  const_F = [[1, 0.5], [0, 1]]
  H = [1, 0]
  body = (s, z) => kalman(s[0], s[1], z, const_F, exp(q), exp(r))
  s = scan(z, [zeros([N, 2]), [[1, 0], [0, 1]], zeros([N])], body, axis = 1)
  output means = s[0]; output covariance = s[1][:, -1]
  loss -mean(sum(s[2], axis = 1)) }
fn kalman(m: [N, 2], P, z, F, q, r) {
  m = m @ F'
  P = F @ P @ F' + q * [[1, 0], [0, 1]]
  s = P[0, 0] + r
  k = P[:, 0] / s
  e = z - m[:, 0]
  l = -0.5 * (log(2 * pi * s) + e^2 / s)
  m2[n, i] = m[n, i] + e[n] * k[i]
  P2[i, j] = P[i, j] - k[i] * P[0, j]
  return [m2, P2, l]
}""",
         dict(z=inp(None, 5)), {"q": [], "r": []})
def _(i, p, N):
    Fm, I = torch.tensor([[1, 0.5], [0, 1]]), torch.eye(2)
    m, P, l, ms = torch.zeros(N, 2), I, 0, []
    for t in range(5):
        m, P = m @ Fm.T, Fm @ P @ Fm.T + p["q"].exp() * I
        s = P[0, 0] + p["r"].exp()
        k, e = P[:, 0] / s, i["z"][:, t] - m[:, 0]
        l = l - 0.5 * (torch.log(2 * math.pi * s) + e**2 / s)
        m, P = m + e[:, None] * k, P - torch.outer(k, P[0])
        ms.append(m)
    return dict(out={"means": torch.stack(ms, 1), "covariance": P}, loss=-l.mean())

@program("paths of labels with blanks, summed up", """
/// Connectionist temporal classification of three labels, 0 being the blank.
model M { input x: [N, 6, 4]; input y: int[N, 3]; param s = 1
  lp = log_softmax(s * x)
  long = reshape(stack([0 * y, y], axis = -1), [N, 6])
  labels = concat([long, 0 * y[:, :1]], axis = 1)
  entry[n, t, k] = lp[n, t, labels[n, k]]
  gone = -1e30
  jump = concat([0 * y[:, :1] + 0 > 1, 0 * y[:, :1] + 0 > 1, labels[:, 2:] != labels[:, :-2]], axis = 1)
  skip = (a, n) => concat([broadcast(gone, [N, n]), a[:, :-n]], axis = 1)
  body = (a, e) => logsumexp(stack([a, skip(a, 1), where(jump, skip(a, 2), gone)], axis = -1), axis = -1) + e
  a0 = concat([zeros([N, 1]), broadcast(gone, [N, 6])], axis = 1)
  a = scan(entry, a0, body, axis = 1)
  nll = -logsumexp(a[:, -1, -2:], axis = -1)
  output nll; loss mean(nll) / 3 }""",
         dict(x=inp(None, 6, 4), y=inp(None, 3, kind="i", k=3)), {"s": []})
def _(i, p, N):
    # Labels drawn 0 … 2 may be the blank, which torch's own refuses; the recursion does not mind.
    lp = F.log_softmax(p["s"] * i["x"], -1)
    total = []
    for n in range(N):
        lab = [0]
        for v in i["y"][n].tolist(): lab += [v, 0]
        a = [torch.tensor(0.)] + [torch.tensor(-1e30)] * 6
        for t in range(6):
            new = []
            for k in range(7):
                ways = [a[k]] + ([a[k - 1]] if k else []) + ([a[k - 2]] if k > 1 and lab[k] != lab[k - 2] else [])
                new.append(torch.logsumexp(torch.stack(ways), 0) + lp[n, t, lab[k]])
            a = new
        total.append(-torch.logsumexp(torch.stack(a[-2:]), 0))
    nll = torch.stack(total)
    return dict(out={"nll": nll}, loss=nll.mean() / 3)

@program("CTC beside PyTorch's", """
model M { input x: [N, 6, 4]; target y: int[N, 2]; z = dense(x, 4)
  lp = log_softmax(z)
  b = 0 * y[:, :1]
  labels = concat([b, y[:, :1] + 1, b, y[:, 1:] + 1, b], axis = 1)
  entry[n, t, k] = lp[n, t, labels[n, k]]
  far = labels[:, 2:] != labels[:, :3]
  never = labels[:, :2] < 0
  jump = concat([never, far], axis = 1)
  body = (a, e) => e + logsumexp(stack([a, pad(a[:, :-1], 1, 0, axis = 1, value = -1e9), where(jump, pad(a[:, :-2], 2, 0, axis = 1, value = -1e9), -1e9)], axis = 0), axis = 0)
  a = scan(entry, pad(zeros([N, 1]), 0, 4, axis = 1, value = -1e9), body, axis = 1)
  output lp; loss mean(-logsumexp(a[:, -1, -2:], axis = -1) / 2) }""",
         dict(x=inp(None, 6, 4), y=inp(None, 2, kind="i", k=3)), affine("z", 4, 4))
def _(i, p, N):
    lp = F.log_softmax(linear(i["x"], p, "z"), -1)
    return dict(out={"lp": lp}, loss=F.ctc_loss(lp.transpose(0, 1), i["y"] + 1, torch.full([N], 6), torch.full([N], 2)))

@program("a hidden Markov model", """
model M { input y: int[N, 5]; param A: [3, 3] ~ normal; param B: [3, 4] ~ normal; param start: [3] ~ normal
  T = log_softmax(A); E = log_softmax(B)
  seen = transpose(take(transpose(E, [1, 0]), y), [0, 1, 2])
  f = log_softmax(start) + seen[:, 0]
  a = scan(seen[:, 1:], f, (a, e) => logsumexp(reshape(a, [N, 3, 1]) + T, axis = 1) + e, axis = 1)
  best = scan(seen[:, 1:], f, (a, e) => max(reshape(a, [N, 3, 1]) + T, axis = 1) + e, axis = 1)
  output ll = logsumexp(a[:, -1], axis = -1); output viterbi = max(best[:, -1], axis = -1)
  loss -mean(logsumexp(a[:, -1], axis = -1)) }""",
         dict(y=inp(None, 5, kind="i", k=4)), {"A": [3, 3], "B": [3, 4], "start": [3]})
def _(i, p, N):
    T, E = F.log_softmax(p["A"], -1), F.log_softmax(p["B"], -1)
    a = b = F.log_softmax(p["start"], -1) + E[:, i["y"][:, 0]].T
    for t in range(1, 5):
        a = torch.logsumexp(a[:, :, None] + T, 1) + E[:, i["y"][:, t]].T
        b = (b[:, :, None] + T).max(1).values + E[:, i["y"][:, t]].T
    ll = torch.logsumexp(a, -1)
    return dict(out={"ll": ll, "viterbi": b.max(-1).values}, loss=-ll.mean())

@program("the best path, traced back", """
model M { input e: [N, 5, 3]; input T: [3, 3]
  most = (a) => reshape(a, [N, 3, 1]) + T
  s = scan(e[:, 1:], [e[:, 0], argmax(most(e[:, 0]), axis = 1)], (c, v) => [max(most(c[0]), axis = 1) + v, argmax(most(c[0]), axis = 1)], axis = 1)
  last = argmax(s[0][:, -1], axis = -1)
  path = scan(s[1], last, (k, back) => gather(back, k), axis = 1, reverse = true)
  whole = concat([path, reshape(last, [N, 1])], axis = 1)
  output found = one_hot(whole, 3) }""",
         dict(e=inp(None, 5, 3), T=inp(3, 3)))
def _(i, p, N):
    a, back = i["e"][:, 0], []
    for t in range(1, 5):
        m = (a[:, :, None] + i["T"]).max(1)
        a = m.values + i["e"][:, t]; back.append(m.indices)
    k = a.argmax(-1); path = [k]
    for b in reversed(back):
        k = b.gather(1, k[:, None])[:, 0]; path.append(k)
    return dict(out={"found": F.one_hot(torch.stack(path[::-1], 1), 3).double()})

@program("a conditional random field", """
model M { input x: [N, 4, 2]; target y: int[N, 4]; z = dense(x, 3); param T: [3, 3] ~ normal
  a = scan(z[:, 1:], z[:, 0], (a, e) => next(a, e, T), axis = 1)
  score[n] = sum[t in 0..4] z[n, t, y[n, t]] + sum[t in 0..3] T[y[n, t], y[n, t + 1]]
  output p = softmax(z)
  loss mean(logsumexp(a[:, -1], axis = -1) - score) }
fn next(a, e, T) {
  b[n, j] = logsumexp[i] (a[n, i] + T[i, j])
  return b + e
}""",
         dict(x=inp(None, 4, 2), y=inp(None, 4, kind="i", k=3)), {**affine("z", 3, 2), "T": [3, 3]})
def _(i, p, N):
    z, T, y = linear(i["x"], p, "z"), p["T"], i["y"]
    a = z[:, 0]
    for t in range(1, 4): a = torch.logsumexp(a[:, :, None] + T, 1) + z[:, t]
    score = z.gather(2, y[:, :, None])[:, :, 0].sum(1) + T[y[:, :-1], y[:, 1:]].sum(1)
    return dict(out={"p": F.softmax(z, -1)}, loss=(torch.logsumexp(a, -1) - score).mean())

@program("linear attention, as a scan and as a product", """
model M { input x: [N, 5, 3]
  q = elu(dense(x, 2)) + 1; k = elu(dense(x, 2)) + 1; v = dense(x, 3)
  keep = (s, c) => [s[0] + reshape(c[1], [N, 2, 1]) * reshape(c[2], [N, 1, 3]), s[1] + c[1]]
  s = scan([q, k, v], [zeros([N, 2, 3]), zeros([N, 2])], (s, c) => keep(s, c), axis = 1)
  S = s[0]; z = s[1]
  over[n, t, e] = sum[d] q[n, t, d] * S[n, t, d, e]
  under[n, t] = sum[d] q[n, t, d] * z[n, t, d]
  y = over / reshape(under, [N, 5, 1])
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 5, 3)), {**affine("q", 2, 3), **affine("k", 2, 3), **affine("v", 3, 3)})
def _(i, p, N):
    q, k, v = (F.elu(linear(i["x"], p, "q")) + 1, F.elu(linear(i["x"], p, "k")) + 1, linear(i["x"], p, "v"))
    a = (q @ k.transpose(1, 2)).tril()
    y = a @ v / a.sum(-1, keepdim=True)
    return dict(out={"y": y}, loss=(y**2).mean())

@program("attention in one pass", """
model M { input q: [N, 3]; input k: [N, 6, 3]; input v: [N, 6, 2]; param w = 1
  s[n, t] = w * sum[d] q[n, d] * k[n, t, d]
  body = (c, x) => online(c[0], c[1], c[2], x[0], x[1])
  r = scan([s, v], [zeros([N]) - inf, zeros([N]), zeros([N, 2])], body, axis = 1)
  y = r[2][:, -1] / reshape(r[1][:, -1], [N, 1])
  output y; loss mean(y^2) }
fn online(m, l, o: [N, E], s, v) {
  m2 = max(m, s)
  a = exp(m - m2)
  b = exp(s - m2)
  return [m2, a * l + b, reshape(a, [N, 1]) * o + reshape(b, [N, 1]) * v]
}""",
         dict(q=inp(None, 3), k=inp(None, 6, 3), v=inp(None, 6, 2)), {"w": []})
def _(i, p, N):
    y = ((p["w"] * (i["k"] @ i["q"][:, :, None])[:, :, 0]).softmax(-1)[:, None] @ i["v"])[:, 0]
    return dict(out={"y": y}, loss=(y**2).mean())

@program("an equation of motion by Runge and Kutta", """
model M { input start: [N, 2]
  path = scan(iota(5) * 0.1, start, (y, t) => advance(y, t), axis = 0)
  output path = transpose(path, [1, 0, 2])
  loss mean((path[:, -1] - 1)^2) }
layer advance(y, t) {
  h = 0.1
  param a: [4, 2] ~ normal
  param b: [2, 4] ~ normal
  f = (y, t) => tanh(y @ a' + t) @ b'
  k1 = f(y, t)
  k2 = f(y + h / 2 * k1, t + h / 2)
  k3 = f(y + h / 2 * k2, t + h / 2)
  k4 = f(y + h * k3, t + h)
  return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
}""",
         dict(start=inp(None, 2)), {"path.a": [4, 2], "path.b": [2, 4]})
def _(i, p, N):
    f = lambda y, t: torch.tanh(y @ p["path.a"].T + t) @ p["path.b"].T
    y, ys, h = i["start"], [], 0.1
    for k in range(5):
        t = 0.1 * k
        k1 = f(y, t); k2 = f(y + h / 2 * k1, t + h / 2); k3 = f(y + h / 2 * k2, t + h / 2); k4 = f(y + h * k3, t + h)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4); ys.append(y)
    return dict(out={"path": torch.stack(ys, 1)}, loss=((y - 1)**2).mean())

@program("hunters and prey, four rates", """
model M { input start: [N, 2]; target seen: [N, 2]; param a = 1; param b = 0.5; param c = 0.7; param d = 0.3
  move = (s, u) => [s[0] + 0.1 * s[0] * (a - b * s[1]), s[1] + 0.1 * s[1] * (d * s[0] - c)]
  s = scan(zeros([8]), [exp(start[:, 0]), exp(start[:, 1])], move, axis = 0)
  output prey = s[0][-1]
  loss mse(stack([s[0][-1], s[1][-1]], axis = 1), seen) }""",
         dict(start=inp(None, 2, scale=0.5), seen=inp(None, 2)), {"a": [], "b": [], "c": [], "d": []})
def _(i, p, N):
    x, y = i["start"].exp().unbind(1)
    for _ in range(8): x, y = x + 0.1 * x * (p["a"] - p["b"] * y), y + 0.1 * y * (p["d"] * x - p["c"])
    return dict(out={"prey": x}, loss=F.mse_loss(torch.stack([x, y], 1), i["seen"]))

@program("heat along a rod", """
model M { input u: [N, 6]; param k = 0.2
  step_once = (u, n) => concat([u[:, :1], u[:, 1:-1] + k * (u[:, 2:] - 2 * u[:, 1:-1] + u[:, :-2]), u[:, -1:]], axis = 1)
  path = scan(iota(5), u, step_once, axis = 0)
  output path = transpose(path, [1, 0, 2]); loss mean(path[:, -1]^2) }""",
         dict(u=inp(None, 6)), {"k": []})
def _(i, p, N):
    u, us = i["u"], []
    for _ in range(5):
        u = torch.cat([u[:, :1], u[:, 1:-1] + p["k"] * (u[:, 2:] - 2 * u[:, 1:-1] + u[:, :-2]), u[:, -1:]], 1); us.append(u)
    return dict(out={"path": torch.stack(us, 1)}, loss=(u**2).mean())

@program("advantages, from the last reward back", """
model M { input reward: [N, 5]; input done: [N, 5]; input x: [N, 6, 2]; v = dense(x, 1)[..., 0]
  delta = reward + 0.9 * v[:, 1:] * (1 - done) - v[:, :-1]
  a = scan([delta, done], zeros([N]), (a, r) => r[0] + 0.9 * 0.95 * (1 - r[1]) * a, axis = 1, reverse = true)
  output a; loss mean(stop_gradient(a) * v[:, :-1]) + mean((stop_gradient(a + v[:, :-1]) - v[:, :-1])^2) }""",
         dict(reward=inp(None, 5), done=inp(None, 5, kind="b"), x=inp(None, 6, 2)), affine("v", 1, 2))
def _(i, p, N):
    v, d = linear(i["x"], p, "v")[..., 0], i["done"]
    delta = i["reward"] + 0.9 * v[:, 1:] * (1 - d) - v[:, :-1]
    a = along([delta, d], [torch.zeros(N)], lambda a, r: [r[0] + 0.9 * 0.95 * (1 - r[1]) * a[0]], reverse=True)[0]
    return dict(out={"a": a}, loss=(a.detach() * v[:, :-1]).mean() + (((a + v[:, :-1]).detach() - v[:, :-1])**2).mean())

@program("rows and columns that sum to one", """
model M { input c: [N, 3, 3]; param t = 0.2
  z = scan(zeros([6]), -c / exp(t), (z, k) => norm(norm(z, 1), 2), axis = 0)[-1]
  output p = exp(z); loss mean(exp(z) * c) }
fn norm(z, axis) = z - logsumexp(z, axis = axis, keep = true)""",
         dict(c=inp(None, 3, 3)), {"t": []})
def _(i, p, N):
    z = -i["c"] / p["t"].exp()
    for _ in range(6):
        z = z - z.logsumexp(1, True); z = z - z.logsumexp(2, True)
    return dict(out={"p": z.exp()}, loss=(z.exp() * i["c"]).mean())

@program("neurons that fire, with a slope of their own", """
fn fires(v) = stop_gradient(step(v) - sigmoid(4 * v)) + sigmoid(4 * v)
model M { input x: [N, 6, 3]; param w: [4, 3] ~ normal; param leak = 1
  s = scan(x @ w', [zeros([N, 4]), zeros([N, 4])], (c, i) => neuron(c[0], c[1], i, sigmoid(leak)), axis = 1)
  output spikes = s[1]; loss mean((mean(s[1], axis = 1) - 0.3)^2) }
fn neuron(v, s, i, leak) { v = leak * v * (1 - s) + i
  return [v, fires(v - 1)] }""",
         dict(x=inp(None, 6, 3, scale=2.0)), {"w": [4, 3], "leak": []})
def _(i, p, N):
    def fires(v):
        s = torch.sigmoid(4 * v)
        return ((v >= 0).double() - s).detach() + s
    def neuron(c, x):
        v = torch.sigmoid(p["leak"]) * c[0] * (1 - c[1]) + x[0]
        return [v, fires(v - 1)]
    s = along([i["x"] @ p["w"].T], [torch.zeros(N, 4), torch.zeros(N, 4)], neuron)
    return dict(out={"spikes": s[1]}, loss=((s[1].mean(1) - 0.3)**2).mean())

@program("a memory that is written and read", """
model M { input x: [N, 4, 3]; key = dense(x, 2); value = dense(x, 3); rate = dense(x, 1, sigmoid)
  write = (m, c) => m + reshape(c[2], [N, 1, 1]) * reshape(c[0], [N, 2, 1]) * (reshape(c[1], [N, 1, 3]) - reshape(c[0], [N, 1, 2]) @ m)
  m = scan([key, value, rate], zeros([N, 2, 3]), write, axis = 1)
  y[n, t, e] = sum[d] key[n, t, d] * m[n, t, d, e]
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 4, 3)), {**affine("key", 2, 3), **affine("value", 3, 3), **affine("rate", 1, 3)})
def _(i, p, N):
    k, v, b = linear(i["x"], p, "key"), linear(i["x"], p, "value"), torch.sigmoid(linear(i["x"], p, "rate"))
    m = along([k, v, b], [torch.zeros(N, 2, 3)], lambda m, c: [m[0] + c[2][:, :, None] * c[0][:, :, None] * (c[1][:, None] - c[0][:, None] @ m[0])])[0]
    y = torch.einsum("ntd,ntde->nte", k, m)
    return dict(out={"y": y}, loss=(y**2).mean())

@program("an image that remembers", """
/// ConvLSTM by formulas.
model M { input x: [N, 3, 4, 4, 2]
  cell = (s, v) => gates(s[1], conv2d(concat([v, s[0]], axis = -1), 12, 3, padding = same))
  s = scan(x, [zeros([N, 4, 4, 3]), zeros([N, 4, 4, 3])], cell, axis = 1)
  output h = s[0][:, -1]; loss mean(s[0]^2) }
fn gates(c, z) {
  c = sigmoid(z[..., 3:6]) * c + sigmoid(z[..., :3]) * tanh(z[..., 9:])
  return [sigmoid(z[..., 6:9]) * tanh(c), c]
}""",
         dict(x=inp(None, 3, 4, 4, 2)), {"s.weight": [12, 5, 3, 3], "s.bias": [12]})
def _(i, p, N):
    def cell(s, v):
        z = F.conv2d(torch.cat([v[0], s[0]], -1).movedim(-1, 1), p["s.weight"], p["s.bias"], padding=1).movedim(1, -1)
        c = torch.sigmoid(z[..., 3:6]) * s[1] + torch.sigmoid(z[..., :3]) * torch.tanh(z[..., 9:])
        return [torch.sigmoid(z[..., 6:9]) * torch.tanh(c), c]
    s = along([i["x"]], [torch.zeros(N, 4, 4, 3)] * 2, cell)
    return dict(out={"h": s[0][:, -1]}, loss=(s[0]**2).mean())

@program("words of its own, fed back", """
model M { input code: [N, 3]; target y: int[N, 4]; param table: [5, 3] ~ normal
  speak = (s, k) => say(s[0], s[1], table)
  s = scan(zeros([4]), [code, zeros([N, 5])], speak, axis = 0)
  logits = transpose(s[1], [1, 0, 2])
  output logits; loss cross_entropy(logits, y) }
layer say(h, before, table) {
  h = tanh(dense(concat([h, softmax(before) @ table], axis = -1), 3))
  return [h, h @ table']
}""",
         dict(code=inp(None, 3), y=inp(None, 4, kind="i", k=5)), {"table": [5, 3], **affine("s.h", 3, 6)})
def _(i, p, N):
    h, z, zs = i["code"], torch.zeros(N, 5), []
    for _ in range(4):
        h = torch.tanh(linear(torch.cat([h, z.softmax(-1) @ p["table"]], -1), p, "s.h")); z = h @ p["table"].T; zs.append(z)
    z = torch.stack(zs, 1)
    return dict(out={"logits": z}, loss=F.cross_entropy(z.reshape(-1, 5), i["y"].reshape(-1)))

@program("the best three of a beam", """
model M { input z: [N, 4, 3]
  grow = (s, v) => top_k(reshape(reshape(s, [N, 3, 1]) + reshape(log_softmax(v), [N, 1, 3]), [N, 9]), 3, axis = -1)[0]
  start = concat([zeros([N, 1]), zeros([N, 2]) - 1e9], axis = 1)
  s = scan(z, start, grow, axis = 1)
  output best = s[:, -1]; output first = s[:, 1] }""",
         dict(z=inp(None, 4, 3)))
def _(i, p, N):
    s, ss = torch.tensor([[0., -1e9, -1e9]]).expand(N, 3), []
    for t in range(4):
        s = (s[:, :, None] + F.log_softmax(i["z"][:, t], -1)[:, None]).reshape(N, 9).topk(3, -1).values; ss.append(s)
    return dict(out={"best": s, "first": ss[1]})

@program("an echo of fixed weights", """
model M { input x: [N, 6, 2]; target y: [N, 6, 1]; frozen param w: [5, 2] ~ uniform(-1, 1); frozen param u: [5, 5] ~ normal(0, 0.3)
  h = scan(x, zeros([N, 5]), (h, v) => 0.5 * h + 0.5 * tanh(v @ w' + h @ u'), axis = 1)
  z = dense(stop_gradient(h)[:, 2:], 1)
  output z; loss mse(z, y[:, 2:]) + 1e-3 * l2(z.weight) }""",
         dict(x=inp(None, 6, 2), y=inp(None, 6, 1)), {"w": [5, 2], "u": [5, 5], **affine("z", 1, 5)})
def _(i, p, N):
    h = scanned(i["x"], torch.zeros(N, 5), lambda h, v: 0.5 * h + 0.5 * torch.tanh(v @ p["w"].T + h @ p["u"].T))
    z = linear(h.detach()[:, 2:], p, "z")
    return dict(out={"z": z}, loss=F.mse_loss(z, i["y"][:, 2:]) + 1e-3 * (p["z.weight"]**2).sum())

@program("a power iteration and what it divides by", """
model M { input x: [N, 3]; param w: [4, 3] ~ normal
  v = scan(zeros([5]), ones([3]) / sqrt(3), (v, k) => unit(unit(w @ v) @ w), axis = 0)[-1]
  sigma = sum((w @ stop_gradient(v))^2)^0.5
  y = tanh(x @ (w / sigma)')
  output y; loss mean(y^2) }
fn unit(v) = v / sqrt(sum(v^2))""",
         dict(x=inp(None, 3)), {"w": [4, 3]})
def _(i, p, N):
    v = torch.ones(3) / math.sqrt(3)
    for _ in range(5):
        u = p["w"] @ v; u = u / u.norm(); v = u @ p["w"]; v = v / v.norm()
    y = torch.tanh(i["x"] @ (p["w"] / (p["w"] @ v.detach()).norm()).T)
    return dict(out={"y": y}, loss=(y**2).mean())

@program("windows, then a running product", """
model M { input x: [N, 7]; param k: [3] ~ normal
  w = windows(x, 3, axis = 1, stride = 2) @ k
  y = scan(sigmoid(w), ones([N]), (p, v) => p * v, axis = 1)
  c = cumsum(log(sigmoid(w)), axis = 1)
  output y; output c; loss mean(y) + mean(c^2) }""",
         dict(x=inp(None, 7)), {"k": [3]})
def _(i, p, N):
    w = i["x"].unfold(1, 3, 2) @ p["k"]
    y = torch.sigmoid(w).cumprod(1)
    return dict(out={"y": y, "c": y.log()}, loss=y.mean() + (y.log()**2).mean())

@program("a clock for every unit", """
model M { input x: [N, 6, 2]; param w: [4, 2] ~ normal; param u: [4, 4] ~ normal
  period = [1, 1, 2, 3]
  ticks[t in 0..6, k] = where(t == period[k] * floor(t / period[k]), 1, 0)
  all = broadcast(reshape(ticks, [1, 6, 4]), [N, 6, 4])
  y = scan([x @ w', all], zeros([N, 4]), (h, v) => v[1] * tanh(v[0] + h @ u') + (1 - v[1]) * h, axis = 1)
  output y; loss mean(y^2) }""",
         dict(x=inp(None, 6, 2)), {"w": [4, 2], "u": [4, 4]})
def _(i, p, N):
    ticks = (torch.arange(6)[:, None] % torch.tensor([1, 1, 2, 3]) == 0).double()
    h, hs = torch.zeros(N, 4), []
    for t in range(6):
        h = ticks[t] * torch.tanh(i["x"][:, t] @ p["w"].T + h @ p["u"].T) + (1 - ticks[t]) * h; hs.append(h)
    y = torch.stack(hs, 1)
    return dict(out={"y": y}, loss=(y**2).mean())


if __name__ == "__main__":
    write("unseen-recursions.json", [1, 3, 17])
