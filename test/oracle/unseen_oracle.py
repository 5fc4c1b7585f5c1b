"""What PyTorch (f64) says of programs written from the language page alone, without a look at the compiler: `unseen.json`.

Run `/usr/bin/python3 test/oracle/unseen_oracle.py`; `test/unseen.test.ts` compares.
"""
import json, math, pathlib, sys
import torch
import torch.nn.functional as F
torch.set_default_dtype(torch.float64)
CASES=[]
BATCHES=[1,5,17]
def case(name, src, fn, inputs=None, params=None, settings=None, free=True, tol=1e-4):
    CASES.append(dict(name=name,src=src,fn=fn,inputs=inputs or {},params=params or {},settings=settings,free=free,tol=tol))
def inp(*shape, kind="n", k=None, scale=1.0):
    return dict(shape=list(shape),kind=kind,k=k,scale=scale)
D=lambda x,p,n: F.linear(x,p[n+'.weight'],p[n+'.bias'])

# ---- basic
case("freeB", "model M { input q: [B, 3] ; output s = sum(q) / B; output r = reshape(q, [B, 3, 1]); output k = reshape(q, [3*B]); param w: [3] ~ normal(0, 1); loss sum(q @ w)/B^2 }",
 lambda i,p,N: dict(out={'s':i['q'].sum()/N,'r':i['q'].reshape(N,3,1),'k':i['q'].reshape(-1)}, loss=(i['q']@p['w']).sum()/N**2),
 dict(q=inp(None,3)),{'w':[3]})
case("onewordlayout", "model\nM\n{\ninput\nx\n:\n[\nN\n,\n2\n]\nh\n=\nx\n+\n1;;output\ny\n=\nh\n*\n2\n}" if False else "model\nM\n{\ninput\nx\n:\n[\nN\n,\n2\n]\nh\n=\nx\n+\n1;output\ny\n=\nh\n*\n2\n}",
 lambda i,p,N: dict(out={'y':(i['x']+1)*2}), dict(x=inp(None,2)))
# `x @ x'` of free batch: gives [N,N]: not sensible; separate error test.
case("prec", "model M { input x: [N,3]\n output a = -x^2\n output b = 2^x^2 \n output d = -2^2 + x*0\n output e2 = 1 - 2 - x\n output f = 8/4/2 * x \n output g = 2^-x\n output hh = x |> sum(axis = 1)\n output k = x + 1 |> sigmoid\n output l = -x * x\n output nn = not (x > 0) and x < 1 or x == 5}",
 lambda i,p,N: dict(out={'a':-i['x']**2,'b':2**(i['x']**2),'d':-4+i['x']*0,'e2':-1-i['x'],'f':i['x'],'g':2**-i['x'],'hh':i['x'].sum(1),'k':torch.sigmoid(i['x']+1),'l':-i['x']*i['x'],'nn':((~(i['x']>0)&(i['x']<1))|(i['x']==5)).double()}),
 dict(x=inp(None,3)))
case("transprec", "model M { param a = [[1,2],[3,4]]; param b = [[1,0.5],[-1,2]]\n output p = a @ b'\n output q = (a @ b)'\n output r = a'^2\n output s = -a'\n loss sum(a @ b'^2) }",
 lambda i,p,N: dict(out={'p':p['a']@p['b'].T,'q':(p['a']@p['b']).T,'r':p['a'].T**2,'s':-p['a'].T},loss=(p['a']@(p['b'].T**2)).sum()),
 {}, {'a':[2,2],'b':[2,2]}, free=False)
case("rebind","model M { input x: [N,2]\n h = x\n h = h*2\n g = h\n h = h+1\n output a = g\n output h\n loss mean(h^2)}" , lambda i,p,N: dict(out={'a':i['x']*2,'h':i['x']*2+1}, loss=((i['x']*2+1)**2).mean()), dict(x=inp(None,2)))
case("outname","model M { input x: [N,2]\n target y: [N,2]\n param w = 1\n output sigmoid(w*x)\n output x |> tanh\n metric mse(x, y)\n metric z = mae(x,y)\n loss mse(w*x, y)}", lambda i,p,N: dict(out={'sigmoid':torch.sigmoid(p['w']*i['x']),'tanh':torch.tanh(i['x'])},metrics={'mse':F.mse_loss(i['x'],i['y']),'z':F.l1_loss(i['x'],i['y'])},loss=F.mse_loss(p['w']*i['x'],i['y'])), dict(x=inp(None,2),y=inp(None,2)),{'w':[]})
case("losses2","model M { input x: [N,2]\n param w = [1,2]\n loss mean(x*w)\n loss 0.5*l2(w)\n loss l1(params)*0.1 }", lambda i,p,N: dict(out={},loss=(i['x']*p['w']).mean()+.5*(p['w']**2).sum()+.1*p['w'].abs().sum()), dict(x=inp(None,2)),{'w':[2]})
# defs
case("defs","""
const sharpness = 20
const table = [[1, 2], [3, 4]]
fn soft_step(z, c = sharpness) = sigmoid(c * z)
fn my_ls(z) { m = max(z, axis = -1, keep = true)
 return z - m - log(sum(exp(z - m), axis = -1, keep = true)) }
model M { input x: [N, 2]; output a = soft_step(x, 2); output b = soft_step(z = x/20); output c = my_ls(x); output d = soft_step(c = 3, x) ; output f = x @ table }
""".replace("; output d = soft_step(c = 3, x) ","; output d = soft_step(x, c = 3) "), lambda i,p,N: dict(out={'a':torch.sigmoid(2*i['x']),'b':torch.sigmoid(i['x']),'c':F.log_softmax(i['x'],-1),'d':torch.sigmoid(3*i['x']),'f':i['x']@torch.tensor([[1.,2],[3,4]])}), dict(x=inp(None,2)))
case("mydense","""
layer my(x: [..., I], units, act = identity, use_bias = true) {
  param weight: [units, I] ~ kaiming_uniform
  z = x @ weight'
  if use_bias {
    param bias: [units] ~ uniform(-1 / sqrt(I), 1 / sqrt(I))
    z = z + bias
  }
  return act(z)
}
model M { input x: [N, 4, 3]; h = my(x, 5, tanh); g = my(h, 2, use_bias = false); output o = my(g, 1, act = z => elu(z, 0.5)) ; loss mean(o^2) }
""", lambda i,p,N: (lambda o: dict(out={'o':o},loss=(o**2).mean()))(F.elu(F.linear(F.linear(torch.tanh(D(i['x'],p,'h')),p['g.weight']),p['o.weight'],p['o.bias']) ,0.5)),
 dict(x=inp(None,4,3)),{'h.weight':[5,3],'h.bias':[5],'g.weight':[2,5],'o.weight':[1,2],'o.bias':[1]})
case("glu","""
layer myglu(x, units) = sigmoid(dense(x, units)) * dense(x, units)
layer mymo(x, units) = max(dense(x, units), dense(x, units))
model M { input x: [N,3]; g = myglu(x, 4); m = mymo(g, 2); h = glu(m, 3); k = maxout(h, 2); output k; loss sum(k)/N }
""", lambda i,p,N: (lambda gl,mo: (lambda k: dict(out={'k':k},loss=k.sum()/N))(mo(gl(mo(gl(i['x'],'g'),'m'),'h'),'k')))(lambda x,n: torch.sigmoid(D(x,p,n+'.dense.0'))*D(x,p,n+'.dense.1'), lambda x,n: torch.maximum(D(x,p,n+'.dense.0'),D(x,p,n+'.dense.1'))),
 dict(x=inp(None,3)),{**{f'g.dense.{j}.{w}':s for j in (0,1) for w,s in (('weight',[4,3]),('bias',[4]))},**{f'm.dense.{j}.{w}':s for j in (0,1) for w,s in (('weight',[2,4]),('bias',[2]))},**{f'h.dense.{j}.{w}':s for j in (0,1) for w,s in (('weight',[3,2]),('bias',[3]))},**{f'k.dense.{j}.{w}':s for j in (0,1) for w,s in (('weight',[2,3]),('bias',[2]))}})
case("sizes_sig","""
fn f(a: [N, K], b: [N, K]) = mean((a-b)^2) * K
fn g(a: [M, K], w: [K, L]) = a @ w * L
model M { input x: [N,3]; param w: [3, 2] ~ ones; loss f(x, 2*x); loss mean(g(x, w)); output o = g(x, w) }
""", lambda i,p,N: dict(out={'o':i['x']@p['w']*2},loss=(i['x']**2).mean()*3+(i['x']@p['w']*2).mean()), dict(x=inp(None,3)),{'w':[3,2]})
case("args","""
fn twice(f, x) = f(f(x))
layer wrap(x, inner, n = 2) { for i in 0..n { x = inner(x, 3) } return x }
fn pick(x, flags) { if flags { return x + 1 } return x * 2 }
fn addall(x, list) { for v in list { x = x + v } return x }
model M { input x: [N,3]; a = twice(z => z^2 + 1, x); b = wrap(a, dense); c = wrap(x, (z, u) => dense(z, u, tanh), n = 1); output a; output b; output c; output d = pick(x, true); output e1 = pick(x, false); output f = addall(x, [1, 2, 3.5]); output g = twice(sigmoid, x); loss mean(b) + mean(c) }
""", lambda i,p,N: (lambda a: (lambda b,c: dict(out=dict(a=a,b=b,c=c,d=i['x']+1,e1=i['x']*2,f=i['x']+6.5,g=torch.sigmoid(torch.sigmoid(i['x']))),loss=b.mean()+c.mean()))(D(D(a,p,'b.x.0'),p,'b.x.1'),torch.tanh(D(i['x'],p,'c.x'))))((i['x']**2+1)**2+1),
 dict(x=inp(None,3)),{f'{n}.{w}':s for n in ('b.x.0','b.x.1','c.x') for w,s in (('weight',[3,3]),('bias',[3]))})
case("ifelse","""
model M(mode = 2, deep = true) { input x: [N,2]; h = x
 if mode == 1 { h = h + 1 } else if mode == 2 { h = h * 3 } else { h = h - 1 }
 if deep and mode > 1 { h = h ^ 2 }
 if not deep { h = h * 0 }
 for i in 0..3 { if i != 1 { h = h + i } }
 for i in 2..4 { h = h * i }
 output h }
""", lambda i,p,N: dict(out={'h':((3*i['x'])**2+2)*6}), dict(x=inp(None,2)))
case("ifelse_set", CASES[-1]['src'], lambda i,p,N: dict(out={'h':(i['x']*0+i['x']-1+0 if False else (i['x']-1)*0+2)*6 }), dict(x=inp(None,2)), settings={'mode':'3','deep':'false'})
case("depth","""
model Mnist(sizes = [7, 5], act = sigmoid, classes = 4) {
  input  x: [N, 6]
  target y: int[N]
  h = x
  for n in sizes { h = dense(h, n, act) }
  logits = dense(h, classes)
  output probs = softmax(logits)
  metric accuracy(logits, y)
  loss cross_entropy(logits, y) + 1e-4 * l2(weights)
  optimizer adam(lr = 1e-3)
}""", lambda i,p,N: (lambda z: dict(out={'probs':F.softmax(z,-1)},metrics={'accuracy':(z.argmax(-1)==i['y']).double().mean()},loss=F.cross_entropy(z,i['y'])+1e-4*sum((v**2).sum() for k,v in p.items() if 'weight' in k)))(D(torch.sigmoid(D(torch.sigmoid(D(i['x'],p,'h.0')),p,'h.1')),p,'logits')),
 dict(x=inp(None,6),y=inp(None,kind='i',k=4)),{'h.0.weight':[7,6],'h.0.bias':[7],'h.1.weight':[5,7],'h.1.bias':[5],'logits.weight':[4,5],'logits.bias':[4]})
case("depth_set",CASES[-1]['src'], lambda i,p,N: (lambda z: dict(out={'probs':F.softmax(z,-1)},metrics={'accuracy':(z.argmax(-1)==i['y']).double().mean()},loss=F.cross_entropy(z,i['y'])+1e-4*sum((v**2).sum() for k,v in p.items() if 'weight' in k)))(D(F.relu(D(i['x'],p,'h')),p,'logits')),
 dict(x=inp(None,6),y=inp(None,kind='i',k=3)),{'h.weight':[3,6],'h.bias':[3],'logits.weight':[3,3],'logits.bias':[3]}, settings={'sizes':'[3]','act':'relu','classes':'3'})
case("depth_empty",CASES[-1]['src'], lambda i,p,N: (lambda z: dict(out={'probs':F.softmax(z,-1)},metrics={'accuracy':(z.argmax(-1)==i['y']).double().mean()},loss=F.cross_entropy(z,i['y'])+1e-4*sum((v**2).sum() for k,v in p.items() if 'weight' in k)))(D(i['x'],p,'logits')),
 dict(x=inp(None,6),y=inp(None,kind='i',k=4)),{'logits.weight':[4,6],'logits.bias':[4]}, settings={'sizes':'[]'})
case("setlambda","model M(act = tanh, k = 1) { input x: [N,2]; output y = act(x) * k }", lambda i,p,N: dict(out={'y':(i['x']*i['x']+1)*-2.5}), dict(x=inp(None,2)), settings={'act':'z => z*z + 1','k':'-2.5'})
case("paths","""
layer block(x, n) { q = dense(x, n); k = dense(x, n); v = dense(x, n) |> dense(n); return dense(q * k + v, n) }
model M { input x: [N,2]; block = block(x, 3); h = x |> dense(3) |> relu |> dense(2); h = dense(h, 2)
 output dense(h, 1)
 loss mean(dense(block, 1)^2) + l2(block.q.weight) + l1(h.0.bias) + mean(dense(h, 1)) }
""", lambda i,p,N: (lambda x: (lambda blk,h: dict(out={'dense':D(h,p,'dense.0')},loss=(D(blk,p,'dense.1')**2).mean()+(p['block.q.weight']**2).sum()+p['h.0.bias'].abs().sum()+D(h,p,'dense.2').mean()))(
   D(D(x,p,'block.q')*D(x,p,'block.k')+D(D(x,p,'block.v.0'),p,'block.v.1'),p,'block.dense'), D(D(F.relu(D(x,p,'h.0')),p,'h.1'),p,'h.2')))(i['x']),
 dict(x=inp(None,2)),{**{f'{n}.{w}':s for n,a,b in (('block.q',3,2),('block.k',3,2),('block.v.0',3,2),('block.v.1',3,3),('block.dense',3,3),('h.0',3,2),('h.1',2,3),('h.2',2,2),('dense.0',1,2),('dense.1',1,3),('dense.2',1,2)) for w,s in (('weight',[a,b]),('bias',[a]))}})
case("slices","""
model M { input x: [N, 5, 4]; param w: [5, 4] ~ normal(0, 1)
 output a = x[:, 0]
 output b = x[:, 1:3]
 output c = x[..., -1]
 output d = x[:, -2:, :2]
 output e1 = x[:, :, 1:-1]
 output f = x[0]
 output g = x[0, 1, 2]
 output h = w[1:3, 0] * 2
 output i = w[-1]
 output j = x[..., 0, :]
 output k = x[:, 2, ..., 1]
 output l = w[:, 3][1]
 output m = x[...]
 output o = w[:4][1:][..., 0]
 loss sum(x[:, 1:4] * w[2, :]) / N + sum(w[0:5, -3:-1]^3) }
""", lambda i,p,N: (lambda x,w: dict(out=dict(a=x[:,0],b=x[:,1:3],c=x[...,-1],d=x[:,-2:,:2],e1=x[:,:,1:-1],f=x[0],g=x[0,1,2],h=w[1:3,0]*2,i=w[-1],j=x[...,0,:],k=x[:,2,...,1],l=w[:,3][1],m=x,o=w[:4][1:][...,0]),loss=(x[:,1:4]*w[2,:]).sum()/N+(w[0:5,-3:-1]**3).sum()))(i['x'],p['w']),
 dict(x=inp(None,5,4)),{'w':[5,4]})
case("movement","""
model M { input x: [N, 2, 3, 4]; param w: [2,3,4] ~ normal(0,1); 
 output a = transpose(x, [0, 3, 1, 2])
 output b = transpose(w, [2, 0, 1])
 output c = w'
 output d = concat([w, 2*w], axis = 1)
 output e1 = concat([x, x^2], axis = -1)
 output f = stack([w, w+1], axis = 0)
 output g = stack([w, w+1], axis = -1)
 output h = broadcast(w[0], [5, 3, 4])
 output i = reshape(w, [4, 6])
 output j = reshape(x, [N, 24])
 output k = reshape(x, [2*N, 12])
 output l = x'
 loss mean(transpose(x, [0,3,1,2]) * transpose(w, [2,0,1])^2) + sum(concat([w, w*w], axis=2) * concat([sin(w), w], axis=2)) + mean(stack([x, x*w], axis=1)^2)}
""", lambda i,p,N: (lambda x,w: dict(out=dict(a=x.permute(0,3,1,2),b=w.permute(2,0,1),c=w.transpose(-1,-2),d=torch.cat([w,2*w],1),e1=torch.cat([x,x**2],-1),f=torch.stack([w,w+1],0),g=torch.stack([w,w+1],-1),h=w[0].expand(5,3,4),i=w.reshape(4,6),j=x.reshape(N,24),k=x.reshape(2*N,12),l=x.transpose(-1,-2)),
   loss=(x.permute(0,3,1,2)*w.permute(2,0,1)**2).mean()+(torch.cat([w,w*w],2)*torch.cat([w.sin(),w],2)).sum()+(torch.stack([x,x*w],1)**2).mean()))(i['x'],p['w']),
 dict(x=inp(None,2,3,4)),{'w':[2,3,4]})
case("matmul","""
model M { input x: [N, 2, 3]; param w: [4, 3] ~ normal(0,1); param b: [2, 3, 5] ~ normal(0,1); param v: [3] ~ normal(0,1)
 output a = x @ w'
 output c = x @ x'
 output d = b @ b'
 output e1 = w @ b
 output f = v @ w'
 output g = w @ v
 output h = v @ v
 output i = x @ v
 output j = b' @ v
 loss mean((x @ w')^2) + mean((x @ x')^3) + sum(b' @ v) + sum((w @ b)^2) + v@v + mean(x @ v) + mean(sin(x[:, 0] @ w')) }
""", lambda i,p,N: (lambda x,w,b,v: dict(out=dict(a=x@w.T,c=x@x.transpose(1,2),d=b@b.transpose(1,2),e1=w@b,f=v@w.T,g=w@v,h=v@v,i=x@v,j=b.transpose(1,2)@v),loss=((x@w.T)**2).mean()+((x@x.transpose(1,2))**3).mean()+(b.transpose(1,2)@v).sum()+((w@b)**2).sum()+v@v+(x@v).mean()+torch.sin(x[:,0]@w.T).mean()))(i['x'],p['w'],p['b'],p['v']),
 dict(x=inp(None,2,3)),{'w':[4,3],'b':[2,3,5],'v':[3]})
case("attention","""
layer attn(x: [..., T, C], heads) {
  q = dense(x, C, use_bias = false)
  k = dense(x, C, use_bias = false)
  v = dense(x, C, use_bias = false)
  d = C / heads
  qh = transpose(reshape(q, [size(q, 0), T, heads, d]), [0, 2, 1, 3])
  kh = transpose(reshape(k, [size(q, 0), T, heads, d]), [0, 2, 1, 3])
  vh = transpose(reshape(v, [size(q, 0), T, heads, d]), [0, 2, 1, 3])
  a = softmax(qh @ kh' / sqrt(d))
  return dense(reshape(transpose(a @ vh, [0, 2, 1, 3]), [size(q, 0), T, C]), C)
}
model M { input x: [N, 5, 6]; y = attn(x, 2); output y; loss mean(y^2) }
""", lambda i,p,N: (lambda x: (lambda h: (lambda a: (lambda y: dict(out={'y':y},loss=(y**2).mean()))(D((a@h('v')).permute(0,2,1,3).reshape(N,5,6),p,'y.dense')))(F.softmax(h('q')@h('k').transpose(-1,-2)/math.sqrt(3),-1)))(lambda n: F.linear(x,p[f'y.{n}.weight']).reshape(N,5,2,3).permute(0,2,1,3)))(i['x']),
 dict(x=inp(None,5,6)),{'y.q.weight':[6,6],'y.k.weight':[6,6],'y.v.weight':[6,6],'y.dense.weight':[6,6],'y.dense.bias':[6]})
# reductions
case("reduce","""
model M { input x: [N, 3, 4]; param w: [3,4] ~ normal(0,1); h = x * w
 output a = sum(h)
 output b = mean(h, axis = 0)
 output c = max(h, axis = [1, 2])
 output d = min(h, axis = 1, keep = true)
 output e1 = prod(h, axis = -1)
 output f = var(h, axis = 1)
 output g = logsumexp(h, axis = -1)
 output i = argmax(h, axis = 1)
 output j = sum(h, axis = [0, 2], keep = true)
 output k = var(w)
 output l = logsumexp(h)
 output m = max(h)
 output o = mean(h, axis=-2)
 output q = prod(w)
 output r = argmax(w)
 output s = max(h, 0.5)
 output t = min(h, x)
 output u = mean(h, axis=[0,1,2])
 output v = logsumexp(h, axis=[1,2])
 output v0 = mean(h, 1)
 loss sum(h)/100 + sum(mean(h, axis=0)^2) + mean(max(h, axis=[1,2])) + mean(min(h, axis=1)) + mean(prod(h, axis=-1)) + sum(var(h, axis=1))/N + mean(logsumexp(h, axis=-1)) + var(w) + logsumexp(h) + max(h) + prod(w) + mean(max(h, 0.5)) + mean(min(h, x)) }
""", lambda i,p,N: (lambda x,w,h: dict(out=dict(a=h.sum(),b=h.mean(0),c=h.amax((1,2)),d=h.amin(1,keepdim=True),e1=h.prod(-1),f=h.var(1),g=h.logsumexp(-1),i=h.argmax(1).double(),j=h.sum((0,2),keepdim=True),k=w.var(),l=h.reshape(-1).logsumexp(0),m=h.max(),o=h.mean(-2),q=w.prod(),r=w.argmax().double(),s=h.clamp(min=.5),t=torch.minimum(h,x),u=h.mean(),v=h.reshape(N,-1).logsumexp(-1),v0=h.mean(1)),
  loss=h.sum()/100+(h.mean(0)**2).sum()+h.amax((1,2)).mean()+h.amin(1).mean()+h.prod(-1).mean()+h.var(1).sum()/N+h.logsumexp(-1).mean()+w.var()+h.reshape(-1).logsumexp(0)+h.max()+w.prod()+h.clamp(min=.5).mean()+torch.minimum(h,x).mean()))(i['x'],p['w'],i['x']*p['w']),
 dict(x=inp(None,3,4)),{'w':[3,4]})
case("elementwise","""
model M { input x: [N,4]; param w = [0.5, 1.5, -0.7, 1.1]
 u = x * w
 v = abs(u) + 0.1
 output a = exp(u); output b = log(v); output c = log1p(v); output d = expm1(u); output f = sqrt(v); output g = abs(u); output h = sign(u); output i = sin(u); output j = cos(u); output k = tanh(u); output l = sigmoid(u); output m = softplus(u); output o = relu(u); output q = max(u, x); output r = min(u, 0.3); output s = clamp(u, -0.5, 0.5); output t = floor(u); output y = round(u * 3); output z = where(u > x, u, x^2); output aa = where(x < 0, 1, w); output bb = v^1.7; output cc = v^u; output dd = u % 2 }
""".replace("; output dd = u % 2","").replace("}"," loss mean(exp(u)+log(v)+log1p(v)+expm1(u)+sqrt(v)+abs(u)+sin(u)*cos(u)+tanh(u)*sigmoid(u)+softplus(u)+relu(u)*max(u,x)-min(u,0.3)+clamp(u,-0.5,0.5)*2+where(u > x, u, x^2)*v^1.7+v^u) }"),
 lambda i,p,N: (lambda x,u,v: dict(out=dict(a=u.exp(),b=v.log(),c=v.log1p(),d=u.expm1(),f=v.sqrt(),g=u.abs(),h=u.sign(),i=u.sin(),j=u.cos(),k=u.tanh(),l=u.sigmoid(),m=F.softplus(u),o=u.relu(),q=torch.maximum(u,x),r=u.clamp(max=.3),s=u.clamp(-.5,.5),t=u.floor(),y=(u*3).round(),z=torch.where(u>x,u,x**2),aa=torch.where(x<0,torch.ones_like(u),p['w'].expand_as(u)),bb=v**1.7,cc=v**u),
 loss=(u.exp()+v.log()+v.log1p()+u.expm1()+v.sqrt()+u.abs()+u.sin()*u.cos()+u.tanh()*u.sigmoid()+F.softplus(u)+u.relu()*torch.maximum(u,x)-u.clamp(max=.3)+u.clamp(-.5,.5)*2+torch.where(u>x,u,x**2)*v**1.7+v**u).mean()))(i['x'],i['x']*p['w'],(i['x']*p['w']).abs()+.1),
 dict(x=inp(None,4)),{'w':[4]})
case("indices","""
model M { input x: [N,4]; target y: int[N]; param e0: [4, 3] ~ normal(0,1); input k: int[N]
 output a = one_hot(k, 4)
 output b = gather(x, k)
 output c = iota(5)
 output d = x * iota(4)
 output f = one_hot(k, 4) @ e0
 output g = one_hot([2, 0], 3)
 loss mean(gather(x @ e0 @ e0', y)) + mean((one_hot(y,4) @ e0)^2) }
""", lambda i,p,N: (lambda x,k,y,e: dict(out=dict(a=F.one_hot(k,4).double(),b=x.gather(1,k[:,None])[:,0],c=torch.arange(5.),d=x*torch.arange(4.),f=e[k],g=torch.tensor([[0,0,1.],[1,0,0]])),loss=(x@e@e.T).gather(1,y[:,None]).mean()+(e[y]**2).mean()))(i['x'],i['k'],i['y'],p['e0']),
 dict(x=inp(None,4),y=inp(None,kind='i',k=4),k=inp(None,kind='i',k=4)),{'e0':[4,3]})
case("consts","""
model M { input x: [N,2,3]; output a = pi + e * x; output b = where(x < inf, x, -inf); output c = zeros([2,3]) + x; output d = ones([3]) * 2; output f = x * [[1,2,3],[4,5,6]]; output g = size(x, 1) * size(x, -1) + x; output h = zeros([3]); output i = 1e3 * x + .5e0 }
""".replace(" + .5e0"," + 0.5"), lambda i,p,N: (lambda x: dict(out=dict(a=math.pi+math.e*x,b=x,c=x,d=torch.full((3,),2.),f=x*torch.tensor([[1.,2,3],[4,5,6]]),g=6+x,h=torch.zeros(3),i=1e3*x+.5)))(i['x']), dict(x=inp(None,2,3)))
case("sizeN","model M { input x: [N,2]; output a = sum(x)/size(x, 0); output b = x * N; param w = 2; loss w * N + sum(x*w)/size(x,0) + mean(x * w)*N^2 / (N+1) }", lambda i,p,N: dict(out=dict(a=i['x'].sum()/N,b=i['x']*N),loss=p['w']*N+i['x'].sum()*p['w']/N+(i['x']*p['w']).mean()*N*N/(N+1)), dict(x=inp(None,2)),{'w':[]})
# losses
def lossc(name, expr, f, ykind='n', yshape=(None,3), k=None, pre="z"):
    case("loss_"+name, f"model M {{ input x: [N,3]; target y: {'int' if ykind=='i' else ''}{'[N]' if len(yshape)==1 else '[N,3]'}; z = dense(x, 3); loss {expr} }}", lambda i,p,N: dict(out={},loss=f(D(i['x'],p,'z'),i['y'])), dict(x=inp(None,3),y=inp(*yshape,kind=ykind,k=k)),{'z.weight':[3,3],'z.bias':[3]})
lossc("plainbce","-mean(y*log(sigmoid(z)) + (1-y)*log(1-sigmoid(z)))",F.binary_cross_entropy_with_logits,'b')
lossc("plainlse","-mean(sum(y*z, axis=1) - log(sum(exp(z), axis=1)))",lambda z,y:(torch.logsumexp(z,1)-(y*z).sum(1)).mean(),'b')
lossc("norm","sqrt(sum((z-y)^2))",lambda z,y:(z-y).norm())
# grads
def gg(i,p,N):
    t=i['t'].clone().requires_grad_(True)
    u=D(torch.sin(D(t,p,'h')),p,'u'); du=torch.autograd.grad(u.sum(),t,create_graph=True)[0]
    d2=torch.autograd.grad(du[:,0].sum(),t,create_graph=True)[0]
    d3=torch.autograd.grad(d2[:,0].sum(),t,create_graph=True)[0]
    return dict(out={'u':u,'du':du,'d2':d2,'d3':d3},loss=((d2[:,0]+d3[:,1]+u[:,0])**2).mean())
case("gradgrad","""model W { input t: [N, 2]
  h = dense(t, 6, sin)
  u = dense(h, 1)
  du = grad(sum(u), t)
  d2 = grad(sum(du[:, 0]), t)
  d3 = grad(sum(d2[:, 0]), t)
  output u; output du; output d2; output d3
  loss mean((d2[:,0] + d3[:,1] + u[:,0])^2) }""",gg,dict(t=inp(None,2)),{'h.weight':[6,2],'h.bias':[6],'u.weight':[1,6],'u.bias':[1]})
def jac(i,p,N):
    w=p['w']; A=p['A']
    J=torch.stack([torch.autograd.grad((torch.tanh(A@w))[k],w,create_graph=True)[0] for k in range(2)])
    J2=torch.stack([torch.autograd.grad((w**2)[k],w,create_graph=True)[0] for k in range(3)])
    JA=torch.stack([torch.autograd.grad((A@w)[k],A,create_graph=True)[0] for k in range(2)])
    return dict(out={'J':J,'J2':J2,'JA':JA},loss=(J**2).sum()+JA.sum()*w.sum())
case("jacobian","model J { param w = [0.1,0.2,0.3]; param A: [2,3] ~ normal(0,1); J = jacobian(tanh(A @ w), w); output J; output J2 = jacobian(w^2, w); JA = jacobian(A @ w, A); output JA; loss sum(J^2) + sum(JA)*sum(w) }",jac,{}, {'w':[3],'A':[2,3]},free=False)
def gradparam(i,p,N):
    z=F.mse_loss(i['x']@p['w'],i['y'])
    g=torch.autograd.grad(z,p['w'],create_graph=True)[0]
    return dict(out={'g':g},loss=z+0.1*(g**2).sum())
case("gradparam","model M { input x: [N,3]; target y: [N]; param w=[0.1,0.2,0.3]; z = mse(x @ w, y); g = grad(z, w); metric g0 = g[0]; output o = x@w; loss z + 0.1 * sum(g^2) }",lambda i,p,N:(lambda r: dict(out={'o':i['x']@p['w']},loss=r['loss'],metrics={'g0':r['out']['g'][0]}))(gradparam(i,p,N)),dict(x=inp(None,3),y=inp(None)),{'w':[3]})
case("gradselect","model M { input x: [N,3]; h = max(x, 0.3) * x; g = grad(sum(h), x); g2 = grad(sum(x^3), x); output g; output g2; output k = grad(sum(exp(x)) , x) ; output g1 = grad(mean(x), x)}",
  lambda i,p,N:(lambda x:(lambda h: dict(out={'g':torch.autograd.grad(h.sum(),x)[0],'g2':3*x**2,'k':x.exp(),'g1':torch.full_like(x,1/(3*N))}))(torch.clamp(x,min=.3)*x))(i['x'].clone().requires_grad_(True)),dict(x=inp(None,3)))
case("hessian_scalar","model M { param x = 1.3; f = x^4 * sin(x); d1 = grad(f, x); d2 = grad(d1, x); d3 = grad(d2, x); d4 = grad(d3, x); output f; output d1; output d2; output d3; output d4; loss d2 }",
  lambda i,p,N:(lambda x:(lambda f:(lambda a:(lambda b:(lambda c:(lambda d:dict(out={'f':f,'d1':a,'d2':b,'d3':c,'d4':d},loss=b))(torch.autograd.grad(c,x,create_graph=True)[0]))(torch.autograd.grad(b,x,create_graph=True)[0]))(torch.autograd.grad(a,x,create_graph=True)[0]))(torch.autograd.grad(f,x,create_graph=True)[0]))(x**4*torch.sin(x)))(p['x']),{},{'x':[]},free=False)
case("jac_batch","model M { input x: [N,2]; W = [[1,2],[3,4],[5,6]]; param v=[0.3, -0.7]; f = tanh(W @ v); output J = jacobian(f, v); output H = jacobian(grad(sum(f^2), v), v); loss sum(f) + mean(x*v) }",
  lambda i,p,N:(lambda W,v:(lambda f:dict(out={'J':torch.stack([torch.autograd.grad(f[k],v,create_graph=True)[0] for k in range(3)]),'H':(lambda g: torch.stack([torch.autograd.grad(g[k],v,create_graph=True)[0] for k in range(2)]))(torch.autograd.grad((f**2).sum(),v,create_graph=True)[0])},loss=f.sum()+(i['x']*v).mean()))(torch.tanh(W@v)))(torch.tensor([[1.,2],[3,4],[5,6]]),p['v']),dict(x=inp(None,2)),{'v':[2]})
# kinks
case("kinks","model M { param x = [0, 0, 0, 0, 0, 0, 0, 0]; param y = 0; loss relu(x[0]) + abs(x[1]) + max(x[2], y) + sum(max(x[3:6], axis = 0)) + clamp(x[6], 0, 1) + sqrt(x[7]^2 * 0 + 4) }",
  lambda i,p,N: dict(out={},loss=p['x'].sum()*0+torch.maximum(p['x'][2],p['y'])+torch.amax(p['x'][3:6])+2), {}, None, free=False)
CASES[-1]['params']={'x':[8],'y':[]}; CASES[-1]['zero']=True
# more composites
case("convlike","""
// a 1-D convolution with kernel 3 through slices
layer conv3(x: [..., T, C], out) { param k: [3, C, out] ~ xavier_uniform
  y = zeros([T - 2, out])
  for i in 0..3 { y = y + x[..., i:i + T - 2, :] @ k[i] }
  return y }
model M { input x: [N, 7, 2]; c = conv3(x, 4); d = conv3(relu(c), 3); output o = mean(d, axis = 1); loss mean(o^2) }""",
 lambda i,p,N:(lambda cv:(lambda o: dict(out={'o':o},loss=(o**2).mean()))(cv(F.relu(cv(i['x'],p['c.k'])),p['d.k']).mean(1)))(lambda x,k: sum(x[:,j:j+x.shape[1]-2]@k[j] for j in range(3))),
 dict(x=inp(None,7,2)),{'c.k':[3,2,4],'d.k':[3,4,3]})
case("rnn","""
layer cell(x: [N, T, C], units) { param wx: [units, C] ~ xavier_normal; param wh: [units, units] ~ xavier_normal; param b: [units] ~ zeros
  h = zeros([N, units])
  for t in 0..T { h = tanh(x[:, t] @ wx' + h @ wh' + b) }
  return h }
model M { input x: [B, 4, 2]; h = cell(x, 3); output h; loss mean(h) + sum(h^2)/B }""",
 lambda i,p,N:(lambda h: dict(out={'h':h},loss=h.mean()+(h**2).sum()/N))((lambda f: f(f,torch.zeros(N,3),0))(lambda f,h,t: h if t==4 else f(f,torch.tanh(i['x'][:,t]@p['h.wx'].T+h@p['h.wh'].T+p['h.b']),t+1))),
 dict(x=inp(None,4,2)),{'h.wx':[3,2],'h.wh':[3,3],'h.b':[3]})
case("embedfeat","model M { input x: [N]; h = reshape(x, [N, 1]); h = concat([h^i for i in 1..4], axis=1); output h }" if False else "model M { input x: [N]; f = [x, x^2, x^3]; h = stack(f, axis = 1); output h; output k = stack([x, sin(x)], axis=-1); output s = f[1] }", lambda i,p,N: dict(out={'h':torch.stack([i['x'],i['x']**2,i['x']**3],1),'k':torch.stack([i['x'],i['x'].sin()],-1),'s':i['x']**2}), dict(x=inp(None)))
case("cosine","fn cosine(a, b) = sum(a * b, axis = -1) / (sqrt(sum(a^2, axis = -1)) * sqrt(sum(b^2, axis=-1)))\nmodel M { input a: [N,3]; input b: [N,3]; param w: [3,3] ~ normal(0,1); c = cosine(a @ w, b @ w); output c; loss mean(c) }", lambda i,p,N:(lambda c: dict(out={'c':c},loss=c.mean()))(F.cosine_similarity(i['a']@p['w'],i['b']@p['w'],-1)), dict(a=inp(None,3),b=inp(None,3)),{'w':[3,3]})
case("layernorm","layer norm(x: [..., D], eps = 1e-5) { param weight: [D] ~ ones; param bias: [D] ~ zeros; m = mean(x, axis=-1, keep=true); v = mean((x-m)^2, axis=-1, keep=true); return (x-m)/sqrt(v+eps)*weight+bias }\nmodel M { input x: [N, 4, 5]; y = norm(x); z = norm(dense(y, 3), eps = 0.1); output z; loss mean(z^3) }",
 lambda i,p,N:(lambda z: dict(out={'z':z},loss=(z**3).mean()))(F.layer_norm(D(F.layer_norm(i['x'],(5,),p['y.weight'],p['y.bias']),p,'z.dense') if False else D(F.layer_norm(i['x'],(5,),p['y.weight'],p['y.bias']),p,'z.dense'),(3,),p['z.norm.weight'],p['z.norm.bias'],0.1)), dict(x=inp(None,4,5)),{'y.weight':[5],'y.bias':[5],'z.0.weight':[3,5],'z.0.bias':[3],'z.1.weight':[3],'z.1.bias':[3]})
CASES[-1]['fn']=lambda i,p,N:(lambda z: dict(out={'z':z},loss=(z**3).mean()))(F.layer_norm(D(F.layer_norm(i['x'],(5,),p['y.weight'],p['y.bias']),p,'z.0'),(3,),p['z.1.weight'],p['z.1.bias'],0.1))
case("implayers","layer residual(x: [..., D], inner) = x + inner(x, D)\nmodel M { input x: [N,3]; r = residual(x, dense); r = residual(r, (a, n) => dense(a, n, relu)); output r; loss mean(r^2) }", lambda i,p,N:(lambda a:(lambda r: dict(out={'r':r},loss=(r**2).mean()))(a+F.relu(D(a,p,'r.1.dense'))))(i['x']+D(i['x'],p,'r.0.dense')), dict(x=inp(None,3)),{'r.0.dense.weight':[3,3],'r.0.dense.bias':[3],'r.1.dense.weight':[3,3],'r.1.dense.bias':[3]})
case("whereloss","model M { input x: [N,3]; param w = [1,2,3]; u = x*w; loss mean(where(u > 0, u, expm1(u))) + mean(where(abs(u) < 1, 0.5*u^2, abs(u)-0.5)) + sum((u > 0.2) * u)/N }", lambda i,p,N:(lambda u: dict(out={},loss=F.elu(u).mean()+F.smooth_l1_loss(u,torch.zeros_like(u))+((u>.2)*u).sum()/N))(i['x']*p['w']), dict(x=inp(None,3)),{'w':[3]})
case("secondaxis","model M { input x: [3, N]; param w: [3] ~ ones; y = w @ x; output y; loss mean(y^2) }", lambda i,p,N:(lambda y: dict(out={'y':y},loss=(y**2).mean()))(p['w']@i['x']), dict(x=inp(3,None)),{'w':[3]})
case("fnlocal","fn quad(a, b, c) = x => a*x^2 + b*x + c\nmodel M { input x: [N,2]; q = quad(1, 2, 3); output y = q(x); output z = x |> quad(0, 1, 1) ; k = [1,2,3]; output w = x * k[1] }".replace(" output z = x |> quad(0, 1, 1) ;",""), lambda i,p,N: dict(out={'y':i['x']**2+2*i['x']+3,'w':i['x']*2}), dict(x=inp(None,2)))
case("pipes","model M { input x: [N,2]; output y = x |> dense(4, relu) |> dense(3, act = tanh) |> (z => z * 2) |> sum(axis = -1, keep = true) ; loss mean(y) }", lambda i,p,N:(lambda y: dict(out={'y':y},loss=y.mean()))((torch.tanh(D(F.relu(D(i['x'],p,'y.0')),p,'y.1'))*2).sum(-1,keepdim=True)), dict(x=inp(None,2)),{'y.0.weight':[4,2],'y.0.bias':[4],'y.1.weight':[3,4],'y.1.bias':[3]})
case("const_list","const sizes = [4, 3]\nconst acts = [relu, tanh]\nmodel M { input x: [N,2]; h = x; for i in 0..2 { h = dense(h, sizes[i], acts[i]) } output h; loss mean(h) }", lambda i,p,N:(lambda y: dict(out={'h':y},loss=y.mean()))(torch.tanh(D(F.relu(D(i['x'],p,'h.0')),p,'h.1'))), dict(x=inp(None,2)),{'h.0.weight':[4,2],'h.0.bias':[4],'h.1.weight':[3,4],'h.1.bias':[3]})
case("siamese","layer enc(x) = dense(x, 2, tanh)\nmodel M { input a: [N,3]; input b: [N,3]; target t: [N]; param w: [2,3] ~ kaiming_normal; f = z => tanh(z @ w'); d = sum((f(a) - f(b))^2, axis=1); output d; loss mse(d, t) }", lambda i,p,N:(lambda d: dict(out={'d':d},loss=F.mse_loss(d,i['t'])))(((torch.tanh(i['a']@p['w'].T)-torch.tanh(i['b']@p['w'].T))**2).sum(1)), dict(a=inp(None,3),b=inp(None,3),t=inp(None)),{'w':[2,3]})
case("dropout_pred","model M { input x: [N,3]; param w=1; h = dropout(x, 0.5); if training { h = h * 1 } output h; output g = where(training, 0, 1) + x; loss mean(w * x) }", lambda i,p,N: dict(out={'h':i['x'],'g':1+i['x']},loss=(p['w']*i['x']).mean()), dict(x=inp(None,3)),{'w':[]})
case("gradinput_train","model M { input x: [N,3]; param A: [2,3] ~ normal(0,1); s = sum(tanh(x @ A')); g = grad(s, x); loss mean((sqrt(sum(g^2, axis = 1)) - 1)^2) }", lambda i,p,N:(lambda x:(lambda g: dict(out={},loss=((g.norm(dim=1)-1)**2).mean()))(torch.autograd.grad(torch.tanh(x@p['A'].T).sum(),x,create_graph=True)[0]))(i['x'].clone().requires_grad_(True)), dict(x=inp(None,3)),{'A':[2,3]})

def tolist(t): return [float(f'{v:.12g}') for v in t.detach().double().reshape(-1).tolist()]
def clean(o):
    if isinstance(o,float): return o if math.isfinite(o) else repr(o)
    if isinstance(o,list): return [clean(v) for v in o]
    if isinstance(o,dict): return {k:clean(v) for k,v in o.items()}
    return o
def draw(specs,N,g):
    I={}
    for k,s in specs.items():
        sh=[N if d is None else d for d in s['shape']]
        if s['kind']=='n': I[k]=(torch.randn(sh,generator=g)*s['scale']).float().double()
        # Short in the file
        elif s['kind']=='g': I[k]=(torch.randn(sh,generator=g)*s['scale']*64).round()/64
        elif s['kind']=='b': I[k]=torch.randint(0,2,sh,generator=g).double()
        else: I[k]=torch.randint(0,s['k'],sh,generator=g)
    return I
def values(T): return {k:dict(shape=list(v.shape),data=v.reshape(-1).tolist()) for k,v in T.items()}
def train(c,P,I):
    """Some steps on one batch: the loss before each, and the parameters in the end."""
    make,steps=c['train']; losses=[]
    P={k:v.detach().clone().requires_grad_(True) for k,v in P.items()}
    step=make(P)
    for k in range(1,steps+1):
        loss=c['fn'](I,P,len(next(iter(I.values()))))['loss']
        for v,gv in zip(P.values(),torch.autograd.grad(loss,list(P.values()),allow_unused=True)): v.grad=torch.zeros_like(v) if gv is None else gv
        losses.append(float(loss)); step(k)
    return dict(inputs=values(I),losses=losses,final={k:tolist(v) for k,v in P.items()})
def write(name, batches=BATCHES, rows=None):
    """Each case with its numbers, into the file of that name beside this one."""
    out=[]
    for c in CASES:
        g=torch.Generator().manual_seed(len(out)+1)
        P={}
        for k,s in c['params'].items():
            if 'values' in c: P[k]=torch.tensor(c['values'][k],dtype=torch.float64)
            elif c.get('zero'): P[k]=torch.zeros(s)
            else: P[k]=torch.randn(s,generator=g)*0.5+ (0.1 if not s else 0)
            P[k]=P[k].float().double().requires_grad_(True)
        rec=dict(name=c['name'],src=c['src'],settings=c['settings'],params={k:dict(shape=list(v.shape),data=tolist(v)) for k,v in P.items()},batches=[],tol=c['tol'])
        for N in (batches if c['free'] and c['inputs'] else [1]):
            I=draw(c['inputs'],N,g)
            try: r=c['fn'](I,P,N)
            except Exception as e:
                print(c['name'],N,'TORCH ERROR',repr(e),file=sys.stderr); continue
            b=dict(n=N,inputs=values(I),outputs={k:dict(shape=list(v.shape),data=tolist(v)) for k,v in r['out'].items()})
            if 'metrics' in r: b['metrics']={k:float(v) for k,v in r['metrics'].items()}
            if 'loss' in r:
                b['loss']=float(r['loss'])
                if P:
                    gs=torch.autograd.grad(r['loss'],list(P.values()),allow_unused=True)
                    b['grads']={k:tolist(gv) if gv is not None else [0.0]*P[k].numel() for k,gv in zip(P,gs)}
            rec['batches'].append(b)
        if 'train' in c: rec['train']=train(c,P,draw(c['inputs'],rows,g))
        if 'model' in c: rec['model']=c['model']
        out.append(rec)
    pathlib.Path(__file__).with_name(name).write_text(json.dumps(clean(out),separators=(',',':'))+'\n')
    print(len(out),'cases')
if __name__=="__main__": write('unseen.json')
